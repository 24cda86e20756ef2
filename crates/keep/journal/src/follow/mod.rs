//! Following another node's journal: what it publishes is copied here, and nothing of it is kept before it is verified.
//!
//! Without I/O but for the copy's own files: whoever follows asks the other node for what [`Follower::wanted`] names and
//! hands in the answers, which may be anything. Under one folder:
//!
//! | name | holds |
//! | --- | --- |
//! | `journal/<origin>/` | the copy: `vkey`, `keys` once that was renewed, `checkpoint` and `tile/…` of the last checkpoint that was verified |
//! | `vault/<origin>/` | copies of the months' pairs, and the tombstones of those that were destroyed |
//! | `incoming/<origin>/` | full tiles on their way, not verified yet; read by nobody else |
//! | `shown/<origin>` | the first checkpoint that contradicted the copy: the two together prove it to anybody |

mod inside;
mod said;
#[cfg(test)]
mod tests;
mod tidy;

use crate::log::{
    Bad, Checkpoint, KEYS, Keys, LogError, NoteError, Renewal, VKey,
    disk::{Batch, RealDisk, load},
    load_checkpoint, load_vkey,
    note::NOTE_BYTES_MAX,
    open::{load_edge, take},
    publish::CHECKPOINT,
    read::VKEY,
    read_entries, root_at,
    tiles::{BUNDLE_BYTES_MAX, Entries, Kind, Tile},
    tree::{Tree, WIDTH, leaf_hash},
};
pub use inside::Inside;
use said::{Pairs, Said};
use std::{
    cmp::Ordering,
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};
use types::Time;
use vault::MonthKeys;

/// The keys of a journal at most, as they are asked for.
pub const KEYS_BYTES_MAX: u64 = crate::log::KEYS_BYTES_MAX;
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
    /// The keys that it is signed by, where they are others than the copy's.
    keys: Option<Keys>,
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
    pinned: VKey,
    /// Those of the copy.
    keys: Keys,
    /// Those that the other node showed besides.
    offered: Option<Keys>,
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
        let keys = own_keys(&folder, vkey)?;
        let head = match folder.join(CHECKPOINT).exists() {
            true => Some(own_head(&folder, &keys)?),
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
            pinned: vkey.clone(),
            keys,
            offered: None,
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
        let (target, keys) = self.signed(bytes)?;
        if let Some(keys) = &keys {
            self.renewed_over(keys, target.size)?;
        }
        let kept = self.head.as_ref().map_or(0, |head| head.size);
        if target.size < kept {
            self.keep_shown(bytes);
            let other =
                root_at(&self.folder, target.size).is_ok_and(|root| root.is_some_and(|root| root != target.root));
            return Err(match other {
                true => FollowError::Forked { shown: target.size, kept },
                false => FollowError::RolledBack { shown: target.size, kept },
            });
        }
        if self.head.as_ref().is_some_and(|head| head.size == target.size) {
            if self.tree.root() != target.root {
                self.keep_shown(bytes);
                return Err(FollowError::Forked { shown: target.size, kept });
            }
            if keys.is_none() {
                self.settle();
                return Ok(false);
            }
        }
        let room = self.bytes_max.saturating_sub(self.bytes);
        if (target.size - kept).saturating_mul(ENTRY_BYTES_MIN) > room {
            return Err(FollowError::Full(self.bytes_max));
        }
        self.begin(target, keys, bytes.to_vec());
        Ok(true)
    }

    /// Whether the other node's keys are to be asked for: none that is known here signed what it shows.
    pub fn wants_keys(&self, shown: &[u8]) -> bool {
        self.keys.open(shown).is_err()
    }

    /// The keys that it shows, which may be anything: only those count that the copy's own key leads to.
    pub fn take_keys(&mut self, bytes: &[u8]) {
        self.offered = self.keys.shown(bytes);
    }

    /// The checkpoint, by the copy's keys; or by those that were shown, which are given too.
    fn signed(&self, bytes: &[u8]) -> Result<(Checkpoint, Option<Keys>), FollowError> {
        let (head, keys) = match (self.keys.open(bytes), &self.offered) {
            (Err(NoteError::Unsigned), Some(offered)) => (offered.open(bytes), Some(offered.clone())),
            (found, _) => (found, None),
        };
        let head = head.map_err(|error| FollowError::Forged(error.to_string()))?;
        if keys.as_ref().unwrap_or(&self.keys).trusted_by(&self.pinned) {
            return Ok((head, keys));
        }
        Err(FollowError::Copy("it is of another key than the pinned one: move it away".to_owned()))
    }

    /// That keys which came after the copy's were renewed over entries that are here, or to come.
    fn renewed_over(&self, keys: &Keys, size: u64) -> Result<(), FollowError> {
        for renewal in keys.renewals().iter().skip(self.keys.renewals().len()) {
            let root = match renewal.size.cmp(&self.tree.size()) {
                Ordering::Less => root_at(&self.folder, renewal.size)?,
                Ordering::Equal => Some(self.tree.root()),
                Ordering::Greater if renewal.size <= size => continue,
                Ordering::Greater => None,
            };
            if root != Some(renewal.root) {
                return Err(other_entries(renewal));
            }
        }
        Ok(())
    }

    fn begin(&mut self, target: Checkpoint, keys: Option<Keys>, signed: Vec<u8>) {
        let (tree, bundle) = (self.tree.clone(), self.bundle.clone());
        let next = tree.size() / WIDTH;
        let (incoming, said) = (Vec::new(), Said::default());
        self.pull = Some(Pull { target, keys, signed, tree, bundle, next, incoming, bytes: 0, said, reused: false });
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
            let (target, keys, signed) = (pull.target.clone(), pull.keys.clone(), pull.signed.clone());
            let taken = load(&self.incoming, &path, BUNDLE_BYTES_MAX).map_err(FollowError::from);
            match taken.and_then(|bytes| self.take(&bytes)) {
                Ok(()) => self.pull.iter_mut().for_each(|pull| pull.reused = true),
                Err(full @ FollowError::Full(_)) => return Err(full),
                Err(_) => {
                    tidy::clear(&self.incoming)?;
                    self.begin(target, keys, signed);
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
            let (size, keys) = (pull.tree.size(), pull.keys.iter().flat_map(Keys::renewals));
            if let Some(renewal) = keys.filter(|one| one.size == size).find(|one| one.root != pull.tree.root()) {
                return Err(other_entries(renewal));
            }
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
        if let Some(keys) = pull.keys {
            // A stop between the two is mended when the copy is opened.
            write_one(&self.folder, KEYS, keys.written().as_bytes())?;
            write_one(&self.folder, VKEY, format!("{}\n", keys.current()).as_bytes())?;
            (self.keys, self.offered) = (keys, None);
        }
        write_one(&self.folder, CHECKPOINT, &pull.signed)?;
        tidy::superseded(&self.folder, kept, size);
        (self.head, self.tree, self.bundle) = (Some(pull.target), pull.tree, pull.bundle);
        self.bytes += pull.bytes;
        self.pairs.hear(pull.said);
        self.settle();
        Ok(())
    }

    /// How far what is being reached has come, and how far it goes; nothing where nothing is.
    pub fn reaching(&self) -> Option<(u64, u64)> {
        self.pull.as_ref().map(|pull| (pull.tree.size(), pull.target.size))
    }

    /// Whether a checkpoint is kept that contradicted the copy: until somebody moves it away, or the copy is seen to continue
    /// it after all, as it does one that was only older.
    pub fn is_contradicted(&self) -> bool {
        self.shown.exists()
    }

    /// Lets go of a kept checkpoint that is one of the copy's own history: whoever answers can show an older one again, or
    /// serve something else than its tree, without the key that signed it.
    fn settle(&self) {
        let consistent = || {
            let (above, name) = self.shown.parent().zip(self.shown.file_name()?.to_str())?;
            let head = self.keys.open(&load(above, name, NOTE_BYTES_MAX).ok()?).ok()?;
            let root = if head.size == self.size() {
                Some(self.tree.root())
            } else {
                root_at(&self.folder, head.size).ok()?
            };
            (root == Some(head.root)).then_some(())
        };
        if self.is_contradicted()
            && consistent().is_some()
            && let Err(error) = std::fs::remove_file(&self.shown)
        {
            tracing::warn!(%error, "a checkpoint that contradicts nothing any more could not be removed");
        }
    }

    /// The first contradiction is kept: a signed note, which convicts whoever signed it. Where it cannot be, it is told all the same.
    fn keep_shown(&self, signed: &[u8]) {
        // One that turned out to be none leaves its place.
        self.settle();
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

fn other_entries(renewal: &Renewal) -> FollowError {
    FollowError::Tampered(format!("its key was renewed over {} entries that are not its own", renewal.size))
}

/// The copy's keys; those of one that begins: the pinned one.
fn own_keys(folder: &Path, pinned: &VKey) -> Result<Keys, FollowError> {
    if !folder.join(VKEY).exists() {
        write_one(folder, VKEY, format!("{pinned}\n").as_bytes())?;
    }
    let last = Renewal::load_all(folder)?.pop();
    if let Some(last) = last.filter(|last| load_vkey(folder).is_ok_and(|vkey| vkey == last.before)) {
        write_one(folder, VKEY, format!("{}\n", last.after).as_bytes())?;
    }
    Ok(Keys::load(folder)?)
}

/// The copy's checkpoint, which a key before the present one may have signed.
fn own_head(folder: &Path, keys: &Keys) -> Result<Checkpoint, FollowError> {
    let head = keys.open(&load(folder, CHECKPOINT, NOTE_BYTES_MAX)?);
    head.map_err(|error| Bad::new(CHECKPOINT, error.to_string()).into())
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
        return load(&folder, CHECKPOINT, NOTE_BYTES_MAX).ok();
    }
    if path == KEYS {
        return load(&folder, KEYS, KEYS_BYTES_MAX).ok();
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
