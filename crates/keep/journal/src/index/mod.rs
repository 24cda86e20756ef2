//! The sealed search index of traces: made from the journals, and never the truth.
//!
//! Traces are indexed by *group*: one family of events in one month, whose key opens them. Rows of a group gather in memory
//! ([`buffer`]) and go, tens of thousands at a time, into a *chunk* on the disk ([`chunk`]), sealed to the month's key and
//! to the index's own: what is searched for is hashed under a key, and when a month's key is destroyed at its term its
//! chunks say no more than how many traces there were. A search takes the rows that fit from each chunk, newest first, opens the
//! entries themselves in the journal, and checks each against what was asked.
//!
//! Whatever is missing, altered or older than it should be is made again from the journal.

mod buffer;
mod chunk;
mod count;
mod filter;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod manifest;
mod one;
mod origin;
mod pairs;
mod query;
mod read;
mod sealed;
mod search;
mod set;
mod terms;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use query::{Counts, Cursor, Found, Hit, Query};

use crate::{
    JournalError, follow,
    log::{LogError, publish::CHECKPOINT},
};
use origin::Origin;
use read::Pages;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use terms::Tokens;
use vault::{Holder, Keys, MasterKey, MonthKeys, Purpose, VaultError};

/// Journals under one folder that are searched.
const ORIGINS_MAX: usize = 64;
/// Entries of a followed journal looked at in one go: whatever its node writes, searches come in between.
const FOLLOWED_ENTRIES_MAX: u64 = 2_048;

/// Why the index did not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The files of the index cannot be read or written.
    #[error("the search index cannot be read or written: {0}")]
    Files(String),
    /// The index, or an entry, is not as it must be.
    #[error("the search index: {0}")]
    Malformed(&'static str),
    /// The index does not fit its journal: it is made again.
    #[error("the search index does not fit its journal")]
    Stale,
    /// A key is not there.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The journal cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<IndexError> for JournalError {
    fn from(error: IndexError) -> Self {
        JournalError::Malformed(error.to_string())
    }
}

fn bad(what: &'static str) -> IndexError {
    IndexError::Malformed(what)
}

/// What every part of the index needs.
struct Tools {
    keys: Keys,
    tokens: Tokens,
    months: Arc<MonthKeys>,
    pages: Pages,
    ids: u64,
    limits: Limits,
}

/// What is held in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Rows in memory at most, over all groups of a journal; the largest group then goes to the disk.
    live_rows: usize,
    /// A group whose oldest row in memory is further behind than this goes to the disk with the next that does: what is
    /// read again after a restart stays bounded.
    lag: u64,
    /// Entries that one search opens at most.
    opened: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { live_rows: 98_304, lag: 262_144, opened: 20_000 }
    }
}

impl Tools {
    fn fresh_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

/// The index of the journals under one folder. One at a time over the same files.
pub struct Index {
    folder: PathBuf,
    journals: PathBuf,
    /// Where copies of other nodes' journals are, and their pairs.
    followed: Option<(PathBuf, PathBuf)>,
    tools: Tools,
    origins: BTreeMap<String, Origin>,
}

/// What is known of the copy of another node's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedExtent {
    /// Entries that can be found.
    pub indexed: u64,
    /// Entries in the copy.
    pub held: u64,
    /// Why no more of them are looked at.
    pub fault: Option<String>,
}

impl Index {
    /// Over the folder `journal/`, with its own files in `folder`. Nothing is read yet.
    pub fn new(folder: &Path, journals: &Path, months: Arc<MonthKeys>, master: &MasterKey) -> Result<Self, IndexError> {
        let keys = master.keys_for(Holder::TraceReader);
        let key = keys.token(Purpose::TraceIndex, &[b"terms"])?;
        let tokens = Tokens::new(key.first_chunk().unwrap_or(&[0; 16]));
        let tools = Tools { keys, tokens, months, pages: Pages::default(), ids: 0, limits: Limits::default() };
        Ok(Self {
            folder: folder.to_owned(),
            journals: journals.to_owned(),
            followed: None,
            tools,
            origins: BTreeMap::new(),
        })
    }

    /// With the copies of other nodes' journals, as [`crate::follow`] keeps them under this folder.
    pub fn following(mut self, followed: &Path) -> Self {
        self.followed = Some((follow::journals(followed), follow::vaults(followed)));
        self
    }

    /// Looks at the entries that came since, `entries_max` of each journal at most; says whether none is left of this node's own.
    /// What is wrong with a followed journal keeps nobody from the others.
    pub fn catch_up(&mut self, entries_max: u64) -> Result<bool, IndexError> {
        self.find_origins()?;
        let mut whole = true;
        for origin in self.origins.values_mut() {
            if !origin.followed {
                whole &= origin.catch_up(entries_max, &mut self.tools)?;
                continue;
            }
            let fault = origin.catch_up(entries_max.min(FOLLOWED_ENTRIES_MAX), &mut self.tools).err();
            let fault = fault.map(|error| error.to_string());
            if fault != origin.fault {
                let journal = origin.name();
                match &fault {
                    Some(error) => tracing::error!(journal, error, "a followed journal cannot be searched any further"),
                    None => tracing::info!(journal, "the followed journal is searched again"),
                }
            }
            origin.fault = fault;
        }
        Ok(whole)
    }

    /// Whether all of the followed journals that can be looked at has been.
    pub fn has_followed(&self) -> bool {
        let done = |origin: &Origin| !origin.followed || origin.fault.is_some() || origin.next() >= origin.published();
        self.origins.values().all(done)
    }

    /// Journals that are not known yet; what is no folder is the verification's business.
    fn find_origins(&mut self) -> Result<(), IndexError> {
        let own = (self.journals.clone(), None);
        let followed = self.followed.clone().filter(|(journals, _)| journals.is_dir());
        let followed = followed.map(|(journals, vaults)| (journals, Some(vaults)));
        for (journals, vaults) in [Some(own), followed].into_iter().flatten() {
            for item in std::fs::read_dir(&journals)? {
                let item = item?;
                let Ok(name) = item.file_name().into_string() else { continue };
                if !item.file_type()?.is_dir() || self.origins.contains_key(&name) || self.origins.len() >= ORIGINS_MAX
                {
                    continue;
                }
                // A copy of which nothing is verified yet holds nothing.
                if vaults.is_some() && !item.path().join(CHECKPOINT).is_file() {
                    continue;
                }
                let months = match &vaults {
                    Some(vaults) => Arc::new(self.tools.months.copied_in(&vaults.join(&name))),
                    None => Arc::clone(&self.tools.months),
                };
                let of = (item.path(), months, vaults.is_some());
                match Origin::open(&name, (&of.0, of.1, of.2), &self.folder.join(&name), &mut self.tools) {
                    Err(error) if of.2 => {
                        tracing::error!(journal = %name, %error, "a followed journal cannot be searched");
                    }
                    opened => {
                        self.origins.insert(name, opened?);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is known of each followed journal.
    pub fn followed(&self) -> BTreeMap<String, FollowedExtent> {
        let extent = |origin: &Origin| FollowedExtent {
            indexed: origin.next(),
            held: origin.published(),
            fault: origin.fault.clone(),
        };
        let followed = self.origins.iter().filter(|(_, origin)| origin.followed);
        followed.map(|(name, origin)| (name.clone(), extent(origin))).collect()
    }

    /// Opens this many entries at most in one search, which then says that it stopped short.
    pub fn opening_at_most(mut self, entries: usize) -> Self {
        self.tools.limits.opened = entries;
        self
    }

    /// How many entries were looked at, over all of this node's own journals, and how many there were when that was last asked.
    pub fn progress(&self) -> (u64, u64) {
        let of = |origin: &Origin| (origin.next(), origin.next().max(origin.published()));
        self.origins.values().filter(|origin| !origin.followed).map(of).fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
    }

    /// How far each journal was looked at.
    pub fn extents(&self) -> BTreeMap<String, u64> {
        self.origins.iter().map(|(name, origin)| (name.clone(), origin.next())).collect()
    }

    /// Forgets everything, on the disk too: it is read from the journals again.
    pub fn discard(&mut self) -> Result<(), IndexError> {
        self.origins.clear();
        self.tools.pages = Pages::default();
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes what is in memory to the disk, as far as it may leave: the next start then has little to read again.
    pub fn settle(&mut self) -> Result<(), IndexError> {
        for origin in self.origins.values_mut() {
            origin.settle(&mut self.tools)?;
        }
        Ok(())
    }
}
