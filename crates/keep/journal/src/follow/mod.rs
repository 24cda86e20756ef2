//! Following another node's journal: what it publishes is copied here, and nothing of it is kept before it is verified.
//!
//! Without I/O but for the copy's own files: whoever follows asks the other node for what [`Follower::wanted`] names and
//! hands in the answers, which may be anything. Under one folder:
//!
//! | name | holds |
//! | --- | --- |
//! | `journal/<origin>/` | the copy: `vkey`, `checkpoint` and `tile/…` of the last checkpoint that was verified |
//! | `vault/<origin>/` | copies of the months' pairs, and the tombstones of those that were destroyed |
//! | `incoming/<origin>/` | full tiles on their way, not verified yet; read by nobody else |
//! | `shown/<origin>` | the first checkpoint that contradicted the copy: the two together prove it to anybody |

mod inside;
mod said;
#[cfg(test)]
mod tests;
mod tidy;

use crate::log::{
    Bad, Checkpoint, LogError, VKey,
    disk::{Batch, RealDisk, load},
    load_checkpoint, load_vkey,
    open::{load_edge, take},
    publish::CHECKPOINT,
    read::VKEY,
    read_entries,
    tiles::{BUNDLE_BYTES_MAX, Entries, Kind, Tile},
    tree::{Tree, WIDTH, leaf_hash},
};
pub use inside::Inside;
use said::{Pairs, Said};
use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};
use types::Time;
use vault::MonthKeys;

/// A bundle at most, as it is asked for.
pub const ANSWER_BYTES_MAX: u64 = BUNDLE_BYTES_MAX;
/// What a full bundle costs on the disk beside itself: its hashes, and the last block of each file.
const BESIDE_BYTES: u64 = 16 * 1024;
/// The fewest bytes that an entry takes in a bundle.
const ENTRY_BYTES_MIN: u64 = 3;

/// Where the copies are.
pub fn journals(followed: &Path) -> PathBuf {
    followed.join("journal")
}

/// Where their pairs are.
pub fn vaults(followed: &Path) -> PathBuf {
    followed.join("vault")
}

/// Whether a journal of that name may have a folder of its own here.
pub fn is_folder_name(origin: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (1..=60).contains(&origin.len()) && !origin.starts_with('.') && origin.bytes().all(plain)
}

/// Why nothing more was kept. What was kept stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The pinned key did not sign what is shown as the checkpoint.
    #[error("what it shows as its checkpoint is not signed by the pinned key ({0})")]
    Forged(String),
    /// It signed fewer entries than are kept here.
    #[error("it shows {shown} entries, {kept} of them are kept here: an older copy of it was put back")]
    RolledBack {
        /// What it shows.
        shown: u64,
        /// What is here.
        kept: u64,
    },
    /// It signed something that does not continue what is kept here.
    #[error(
        "its checkpoint of {shown} entries is not that of the {kept} kept here and of what it serves: it was written anew, or serves something else"
    )]
    Forked {
        /// What it shows.
        shown: u64,
        /// What is here.
        kept: u64,
    },
    /// What it serves is nothing that it could have signed.
    #[error("what it serves is not a part of its journal: {0}")]
    Tampered(String),
    /// It holds an entry that no node writes, whoever signed it: nothing from there on is kept.
    #[error("its journal is none that a node writes: {0}")]
    Impossible(String),
    /// An entry says nothing that is understood here.
    #[error("{0}; where its node is of a newer version, this one has to be renewed first")]
    Unreadable(String),
    /// The copy has become as large as it may.
    #[error("its copy has reached the {0} bytes that it may have (bytes_max); nothing more is kept")]
    Full(u64),
    /// What had come before a stop did not fit: it is asked for again.
    #[error("what had come before a stop does not fit; it is asked for again")]
    Again,
    /// The copy here is not as it was left, or cannot be written.
    #[error("its copy here: {0}")]
    Copy(String),
}

impl FollowError {
    /// Whether the other node, or who answers in its place, did what no honest one does.
    pub fn is_alarm(&self) -> bool {
        matches!(
            self,
            Self::Forged(_) | Self::RolledBack { .. } | Self::Forked { .. } | Self::Tampered(_) | Self::Impossible(_)
        )
    }
}

impl From<io::Error> for FollowError {
    fn from(error: io::Error) -> Self {
        Self::Copy(error.to_string())
    }
}

impl From<Bad> for FollowError {
    fn from(bad: Bad) -> Self {
        Self::Copy(bad.to_string())
    }
}

impl From<LogError> for FollowError {
    fn from(error: LogError) -> Self {
        Self::Copy(error.to_string())
    }
}

/// A checkpoint that is being reached.
struct Pull {
    target: Checkpoint,
    signed: Vec<u8>,
    tree: Tree,
    /// The unfilled bundle: the entries past the last full one.
    bundle: Vec<u8>,
    /// The next bundle to come.
    next: u64,
    /// Full tiles that came.
    incoming: Vec<Tile>,
    bytes: u64,
    said: Said,
    /// Some of them had come before a stop.
    reused: bool,
}

/// Follows one journal. One at a time over the same copy.
pub struct Follower {
    vkey: VKey,
    folder: PathBuf,
    incoming: PathBuf,
    shown: PathBuf,
    head: Option<Checkpoint>,
    tree: Tree,
    bundle: Vec<u8>,
    bytes: u64,
    bytes_max: u64,
    pairs: Pairs,
    pull: Option<Pull>,
    _lock: File,
}

impl Follower {
    /// Over the copy in the folder `followed`, made if missing. What a stop left half done is undone. Reads the whole copy once.
    pub fn open(followed: &Path, vkey: &VKey, reader: &MonthKeys, bytes_max: u64) -> Result<Self, FollowError> {
        let origin = vkey.name();
        if !is_folder_name(origin) {
            return Err(FollowError::Copy(format!("no folder may have the name {origin}")));
        }
        let (folder, incoming) = (journals(followed).join(origin), followed.join("incoming").join(origin));
        let lock = take(&folder)?;
        tidy::folders(&[&incoming, &followed.join("shown")])?;
        if folder.join(VKEY).exists() {
            if load_vkey(folder.as_path())? != *vkey {
                return Err(FollowError::Copy("it is of another key than the pinned one: move it away".to_owned()));
            }
        } else {
            write_one(&folder, VKEY, format!("{vkey}\n").as_bytes())?;
        }
        let head = match folder.join(CHECKPOINT).exists() {
            true => Some(load_checkpoint(folder.as_path(), vkey)?),
            false => None,
        };
        let size = head.as_ref().map_or(0, |head| head.size);
        tidy::tidy(&folder, size)?;
        let (tree, bundle) = match &head {
            Some(head) => load_edge(&folder, head)?,
            None => (Tree::new(), Vec::new()),
        };
        let mut said = Said::default();
        let mut bytes = 0;
        if head.is_some() {
            for read in read_entries(&folder, 0..size)? {
                let (index, entry) = read?;
                bytes += 2 + entry.len() as u64;
                said.see(&Said::default(), index, &entry)?;
            }
        }
        bytes += size / WIDTH * BESIDE_BYTES;
        let mut pairs = Pairs::new(reader.copied_in(&vaults(followed).join(origin)));
        pairs.hear(said);
        let shown = followed.join("shown").join(origin);
        Ok(Self {
            vkey: vkey.clone(),
            folder,
            incoming,
            shown,
            head,
            tree,
            bundle,
            bytes,
            bytes_max,
            pairs,
            pull: None,
            _lock: lock,
        })
    }

    /// Entries in the copy.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The latest moment that an entry of the copy bears.
    pub fn newest(&self) -> Option<Time> {
        self.pairs.newest()
    }

    /// Months whose destruction the journal states before anybody could have decided it: their pairs stay.
    pub fn disputed(&self, now: Time) -> Vec<String> {
        self.pairs.disputed(now)
    }

    /// Destroys the copies of pairs whose time is over, as far as what is in force here lets them go: to be asked at each look, for
    /// what waits is judged again. Gives those that went.
    pub fn tend(&mut self, inside: &Inside) -> Result<Vec<String>, FollowError> {
        self.pairs.tend(inside)
    }

    /// What the other node shows as its checkpoint. True when there is more to ask for, false when all of it is here.
    pub fn shown(&mut self, bytes: &[u8]) -> Result<bool, FollowError> {
        self.pull = None;
        let target = Checkpoint::open(bytes, &self.vkey).map_err(|error| FollowError::Forged(error.to_string()))?;
        let kept = self.head.as_ref().map_or(0, |head| head.size);
        if target.size < kept {
            self.keep_shown(bytes);
            return Err(FollowError::RolledBack { shown: target.size, kept });
        }
        if self.head.as_ref().is_some_and(|head| head.size == target.size) {
            if self.tree.root() != target.root {
                self.keep_shown(bytes);
                return Err(FollowError::Forked { shown: target.size, kept });
            }
            return Ok(false);
        }
        let room = self.bytes_max.saturating_sub(self.bytes);
        if (target.size - kept).saturating_mul(ENTRY_BYTES_MIN) > room {
            return Err(FollowError::Full(self.bytes_max));
        }
        self.begin(target, bytes.to_vec());
        Ok(true)
    }

    fn begin(&mut self, target: Checkpoint, signed: Vec<u8>) {
        let (tree, bundle) = (self.tree.clone(), self.bundle.clone());
        let next = tree.size() / WIDTH;
        let (incoming, said) = (Vec::new(), Said::default());
        self.pull = Some(Pull { target, signed, tree, bundle, next, incoming, bytes: 0, said, reused: false });
    }

    /// The next bundle to ask for; nothing when all of them are there. What had come before a stop is taken up.
    pub fn wanted(&mut self) -> Result<Option<Tile>, FollowError> {
        loop {
            let Some(pull) = &self.pull else { return Ok(None) };
            let Some(tile) = Tile::at(Kind::Entries, pull.next, pull.target.size) else { return Ok(None) };
            let path = tile.path();
            if tile.is_partial() || !self.incoming.join(&path).exists() {
                return Ok(Some(tile));
            }
            let (target, signed) = (pull.target.clone(), pull.signed.clone());
            let taken = load(&self.incoming, &path, BUNDLE_BYTES_MAX).map_err(FollowError::from);
            match taken.and_then(|bytes| self.take(&bytes)) {
                Ok(()) => self.pull.iter_mut().for_each(|pull| pull.reused = true),
                Err(full @ FollowError::Full(_)) => return Err(full),
                Err(_) => {
                    tidy::clear(&self.incoming)?;
                    self.begin(target, signed);
                }
            }
        }
    }

    /// The answer to [`Follower::wanted`]. It is kept apart: only [`Follower::adopt`] believes it.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), FollowError> {
        let (room, incoming) = (self.bytes_max.saturating_sub(self.bytes), self.incoming.clone());
        let Some(pull) = &mut self.pull else { return Ok(()) };
        let Some(tile) = Tile::at(Kind::Entries, pull.next, pull.target.size) else { return Ok(()) };
        let tampered = |what: &str| FollowError::Tampered(format!("{}: {what}", tile.path()));
        if bytes.len() as u64 > BUNDLE_BYTES_MAX {
            return Err(tampered("longer than any bundle"));
        }
        let entries = Entries::new(bytes).collect::<Result<Vec<_>, _>>().unwrap_or_default();
        if entries.len() != usize::from(tile.width) {
            return Err(tampered("not a bundle of that many entries"));
        }
        if !bytes.starts_with(&pull.bundle) {
            return Err(tampered("its first entries are not those that are kept here"));
        }
        // What is beside a bundle comes once, with the full one.
        let beside = if tile.is_partial() { 0 } else { BESIDE_BYTES };
        pull.bytes += bytes.len() as u64 - pull.bundle.len() as u64 + beside;
        if pull.bytes > room {
            return Err(FollowError::Full(self.bytes_max));
        }
        let mut full: Vec<(Tile, Vec<u8>)> = Vec::new();
        let held = usize::try_from(pull.tree.size() % WIDTH).unwrap_or_default();
        for entry in entries.iter().skip(held) {
            pull.said.see(self.pairs.said(), pull.tree.size(), entry)?;
            let filled = pull.tree.push(leaf_hash(entry), &mut |level, index, row| {
                full.push((Tile { kind: Kind::Hashes(level), index, width: 256 }, row.concat()));
                Ok::<(), FollowError>(())
            });
            filled?;
        }
        pull.next += 1;
        if tile.is_partial() {
            pull.bundle = bytes.to_vec();
            return Ok(());
        }
        pull.bundle.clear();
        full.push((tile, bytes.to_vec()));
        let mut batch = Batch::new(&RealDisk, &incoming, true);
        for (tile, bytes) in &full {
            batch.write(&tile.path(), bytes)?;
        }
        batch.finish()?;
        pull.incoming.extend(full.into_iter().map(|(tile, _)| tile));
        Ok(())
    }

    /// Pairs of months that entries, here or on their way, are sealed to, and that are not here: some of them, to be asked for.
    pub fn missing_pairs(&mut self) -> Vec<String> {
        let coming = self.pull.as_ref().map(|pull| &pull.said.groups);
        self.pairs.missing(coming.unwrap_or(&BTreeSet::new()))
    }

    /// The answer to one of [`Follower::missing_pairs`]; nothing where the other node has none.
    pub fn take_pair(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.pairs.take(name, bytes);
    }

    /// Believes all that came, if it is what the checkpoint says and goes on from what is here; makes it durable.
    pub fn adopt(&mut self) -> Result<(), FollowError> {
        let Some(pull) = self.pull.take() else { return Ok(()) };
        let kept = self.size();
        let (size, root) = (pull.tree.size(), pull.tree.root());
        if size != pull.target.size {
            return Err(FollowError::Copy("not all of it has come".to_owned()));
        }
        if root != pull.target.root {
            tidy::clear(&self.incoming)?;
            if pull.reused {
                return Err(FollowError::Again);
            }
            self.keep_shown(&pull.signed);
            return Err(FollowError::Forked { shown: size, kept });
        }
        tidy::moved(&self.incoming, &self.folder, &pull.incoming)?;
        let mut edge = Batch::new(&RealDisk, &self.folder, true);
        for tile in Tile::partials(size).filter(|tile| self.head.is_none() || !tile.belongs_to(kept)) {
            match tile.kind {
                Kind::Entries => edge.write(&tile.path(), &pull.bundle)?,
                Kind::Hashes(level) => edge.write(&tile.path(), &pull.tree.row(level).concat())?,
            }
        }
        edge.finish()?;
        write_one(&self.folder, CHECKPOINT, &pull.signed)?;
        tidy::superseded(&self.folder, kept, size);
        (self.head, self.tree, self.bundle) = (Some(pull.target), pull.tree, pull.bundle);
        self.bytes += pull.bytes;
        self.pairs.hear(pull.said);
        Ok(())
    }

    /// The first contradiction is kept: a signed note, which convicts whoever signed it. Where it cannot be, it is told all the same.
    fn keep_shown(&self, signed: &[u8]) {
        if self.shown.exists() {
            return;
        }
        let (above, name) = (self.shown.parent(), self.shown.file_name().and_then(|name| name.to_str()));
        if let Some((above, name)) = above.zip(name)
            && let Err(error) = write_one(above, name, signed)
        {
            tracing::warn!(%error, "the checkpoint that contradicts a followed journal could not be kept");
        }
    }
}

fn write_one(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut batch = Batch::new(&RealDisk, folder, true);
    batch.write(name, bytes)?;
    batch.finish()
}

/// What of a journal under `journals` is served to whoever follows it, at a path under its folder: its checkpoint, or a tile as
/// narrow as asked for, though the present one be wider. Nothing where there is none, or for any other name.
pub fn published(journals: &Path, origin: &str, path: &str) -> Option<Vec<u8>> {
    let folder = journals.join(origin);
    if !is_folder_name(origin) || !folder.is_dir() {
        return None;
    }
    let vkey = load_vkey(folder.as_path()).ok()?;
    if path == CHECKPOINT {
        return load(&folder, CHECKPOINT, crate::log::note::NOTE_BYTES_MAX).ok();
    }
    let asked = Tile::parse(path)?;
    // The publisher may just have replaced a partial tile by a wider one.
    (0..8).find_map(|_| {
        let size = load_checkpoint(folder.as_path(), &vkey).ok()?.size;
        let held = Tile::at(asked.kind, asked.index, size).filter(|held| held.width >= asked.width)?;
        narrowed(load(&folder, &held.path(), BUNDLE_BYTES_MAX).ok()?, asked)
    })
}

fn narrowed(mut bytes: Vec<u8>, asked: Tile) -> Option<Vec<u8>> {
    let len = match asked.kind {
        Kind::Hashes(_) => usize::from(asked.width) * 32,
        Kind::Entries => {
            let mut entries = Entries::new(&bytes);
            for _ in 0..asked.width {
                entries.next()?.ok()?;
            }
            entries.offset()
        }
    };
    (len <= bytes.len()).then(|| {
        bytes.truncate(len);
        bytes
    })
}
