//! Verification: reads a log, needs no key and no lock, and accounts for every byte of it.

use super::{
    Bad,
    disk::UNFINISHED,
    files::Files,
    hasher::{Hashed, each_bundle},
    keys::{KEYS, Keys},
    live::{self, load_hashes},
    minimum::{MINIMUM, Minimum, load_beginning, root_below},
    note::{Checkpoint, VKey},
    open::is_spare,
    publish::CHECKPOINT,
    read::{VKEY, load_checkpoint},
    reserve::{self, RESERVE_BYTES_MAX, REVOCATIONS},
    segment::{self, Tail},
    tiles::{BUNDLE_BYTES_MAX, Entries, Kind, Tile},
    tree::{Hash, Tree, WIDTH, leaf_hash, root_of},
};
use data_encoding::HEXLOWER;
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    path::Path,
    time::Duration,
};

/// What the callback of [`verify`] is: an entry's index and bytes in, an objection out.
pub type EachEntry<'a> = dyn FnMut(u64, &[u8]) -> Result<(), String> + 'a;

/// How a log is verified.
#[derive(Clone, Copy)]
pub struct Verifying<'a> {
    /// The key that is trusted; without one, the log's own is believed.
    pub pinned: Option<&'a VKey>,
    /// Threads that read and hash. Each holds one bundle at a time, and the hashes of a few.
    pub threads: NonZeroUsize,
    /// Sizes whose roots are wanted.
    pub sizes: &'a BTreeSet<u64>,
    /// It is a copy of what the log publishes, which has no segments and no reserve: only key, checkpoint and tiles may be there.
    pub published_only: bool,
    /// Told how many entries are verified, and how many the checkpoint counts, now and then.
    pub progress: &'a dyn Fn(u64, u64),
}

impl Default for Verifying<'_> {
    fn default() -> Self {
        const NONE: &BTreeSet<u64> = &BTreeSet::new();
        Self { pinned: None, threads: NonZeroUsize::MIN, sizes: NONE, published_only: false, progress: &|_, _| () }
    }
}

/// In a log that is being written, how many times in a row the same thing must be bad to be believed.
const BELIEVED_AFTER: u32 = 5;
/// And how many passes are made at most.
const PASSES_MAX: u32 = 25;
const PASS_PAUSE: Duration = Duration::from_millis(200);

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Whether everything is as it must be.
    pub ok: bool,
    /// The log's origin, as its key names it.
    pub origin: String,
    /// How many entries were verified, from the first on, those past the checkpoint included.
    pub entries: u64,
    /// The root over these entries, in hexadecimal.
    pub root: String,
    /// The checkpoint, if it is signed as it must be.
    pub checkpoint: Option<Checkpoint>,
    /// The verification key that was used.
    pub vkey: String,
    /// That key with those before it, as far as they can be read.
    pub keys: Option<Keys>,
    /// Whether that key, or one that it came from, was the caller's; otherwise it is only what the folder says of itself.
    pub pinned: bool,
    /// From where on the entries are kept, where what lay before went.
    pub minimum: Option<Minimum>,
    /// The first thing found bad.
    pub bad: Option<Bad>,
    /// The roots of the sizes that were asked for and reached.
    pub roots: BTreeMap<u64, Hash>,
}

/// Verifies a log's folder: key, checkpoint, every entry, every hash, every segment, the reserve, and that nothing else
/// lies there. `each` sees every entry in order once its hash is verified, and may object to it; [`super::Passes`] tells where
/// a pass begins (a folder that a process is writing may take several), at the minimum if there is one.
pub fn verify(folder: &Path, pinned: Option<&VKey>, each: &mut EachEntry<'_>) -> Verdict {
    let how = Verifying { pinned, ..Verifying::default() };
    verify_with(folder, &how, &<[u8]>::to_vec, &mut |index, entry: Vec<u8>| each(index, &entry))
}

/// [`verify`], in several threads: `look` makes something of an entry, in any order; `each` sees what it made in the order
/// of the log.
pub(crate) fn verify_with<F: Files + ?Sized, T: Send>(
    files: &F,
    how: &Verifying<'_>,
    look: &(dyn Fn(&[u8]) -> T + Sync),
    each: &mut dyn FnMut(u64, T) -> Result<(), String>,
) -> Verdict {
    let mut last: Option<Bad> = None;
    let mut repeated = 0;
    for pass in 1.. {
        let mut verdict = Verdict { pinned: how.pinned.is_some(), ..Verdict::default() };
        let moved = files.is_moving();
        let (tree, roots, sizes) = (Tree::new(), BTreeMap::new(), how.sizes.clone());
        let mut reader = Pass { files, look, each: &mut *each, tree, how, sizes, roots };
        let bad = reader.run(&mut verdict).err();
        verdict.entries = reader.tree.size();
        verdict.root = HEXLOWER.encode(&reader.tree.root());
        verdict.roots = reader.roots;
        verdict.ok = bad.is_none();
        repeated = if bad == last { repeated + 1 } else { 1 };
        // During a pass a live log may replace any file, and its last act is to close; a copy stands still.
        let still = !moved && !files.is_moving();
        if verdict.ok || repeated >= BELIEVED_AFTER || pass >= PASSES_MAX || still {
            verdict.bad = bad;
            return verdict;
        }
        last = bad;
        std::thread::sleep(PASS_PAUSE);
    }
    Verdict::default()
}

struct Pass<'a, F: ?Sized, T> {
    files: &'a F,
    look: &'a (dyn Fn(&[u8]) -> T + Sync),
    each: &'a mut dyn FnMut(u64, T) -> Result<(), String>,
    tree: Tree,
    how: &'a Verifying<'a>,
    /// The sizes whose roots are kept: those wanted, and those over which keys were renewed.
    sizes: BTreeSet<u64>,
    roots: BTreeMap<u64, Hash>,
}

impl<F: Files + ?Sized, T: Send> Pass<'_, F, T> {
    fn run(&mut self, verdict: &mut Verdict) -> Result<(), Bad> {
        let (files, pinned) = (self.files, self.how.pinned);
        files.found()?;
        verdict.vkey = pinned.map(VKey::to_string).unwrap_or_default();
        verdict.keys = pinned.cloned().map(Keys::only);
        let keys = Keys::load(files)?;
        if pinned.is_some_and(|pinned| !keys.trusted_by(pinned)) {
            return Err(Bad::new(VKEY, "is not the pinned key, nor one that it vouches for"));
        }
        let vkey = keys.current().clone();
        self.sizes.extend(keys.renewals().iter().map(|renewal| renewal.size));
        verdict.vkey = vkey.to_string();
        verdict.keys = Some(keys);
        vkey.name().clone_into(&mut verdict.origin);
        let checkpoint = load_checkpoint(files, &vkey)?;
        verdict.checkpoint = Some(checkpoint.clone());
        if let Some((minimum, tree)) = load_beginning(files, &vkey, &checkpoint)? {
            let below = self.sizes.range(..minimum.size);
            self.roots.extend(below.filter_map(|size| Some((*size, root_below(&tree, *size)?))));
            self.tree = tree;
            verdict.minimum = Some(minimum);
        }
        self.note_root();
        self.tiles(&checkpoint)?;
        self.renewed(verdict)?;
        if self.how.published_only {
            return files.names(&|path| {
                [VKEY, KEYS, CHECKPOINT].contains(&path)
                    || Tile::parse(path).is_some_and(|tile| tile.belongs_to(checkpoint.size))
            });
        }
        self.live(&vkey, checkpoint.size)?;
        if files.has(segment::SPARE) {
            is_spare(files, None)?;
        }
        reserve::parse(&files.load(REVOCATIONS, RESERVE_BYTES_MAX)?, &vkey)?;
        // Beside a node at work, tiles are on their way in and out, for as long as its disk takes: there their names must only
        // be names of tiles. Nobody reads those that the checkpoint does not cover, and the node clears them.
        if files.is_moving() {
            return files.names(&|path| is_file_of_log(path.strip_suffix(UNFINISHED).unwrap_or(path)));
        }
        let kept = verdict.minimum.as_ref().map_or(0, |minimum| minimum.size);
        files.names(&|path| is_known(path, checkpoint.size, kept))
    }

    /// That each key gave way to the next over entries that are these; of what went below the minimum nothing is left to be
    /// held against.
    fn renewed(&self, verdict: &Verdict) -> Result<(), Bad> {
        let gone = verdict.minimum.as_ref().map_or(0, |minimum| minimum.size);
        for renewal in verdict.keys.iter().flat_map(Keys::renewals) {
            let found = self.roots.get(&renewal.size);
            if found.map_or(renewal.size >= gone, |root| *root != renewal.root) {
                let what = format!("a key was renewed over {} entries that are not these", renewal.size);
                return Err(Bad::new(KEYS, what).at(renewal.size));
            }
        }
        Ok(())
    }

    /// Keeps the root of the tree as it is now, if it was asked for.
    fn note_root(&mut self) {
        if self.sizes.contains(&self.tree.size()) {
            self.roots.insert(self.tree.size(), self.tree.root());
        }
    }

    /// Every bundle against its level-0 tile, every tile against those below, the root against the checkpoint.
    fn tiles(&mut self, checkpoint: &Checkpoint) -> Result<(), Bad> {
        let (files, threads, look) = (self.files, self.how.threads, self.look);
        each_bundle(files, (self.tree.size() / WIDTH, checkpoint.size), threads, look, &mut |tile, hashed| {
            (self.how.progress)(self.tree.size(), checkpoint.size);
            match hashed {
                Some(hashed) => self.good_bundle(hashed),
                // In doubt, entry by entry: that names the first bad one.
                None => self.bundle(tile, checkpoint),
            }
        })?;
        for tile in Tile::partials(checkpoint.size) {
            if let Kind::Hashes(level @ 1..) = tile.kind {
                same_hashes(files, tile, self.tree.row(level))?;
            }
        }
        if self.tree.root() != checkpoint.root {
            return Err(Bad::new(CHECKPOINT, "its root is not that of the entries"));
        }
        Ok(())
    }

    /// A bundle whose entries have the hashes of their tile.
    fn good_bundle(&mut self, Hashed { tile, leaves, root, seen }: Hashed<T>) -> Result<(), Bad> {
        let (files, start) = (self.files, tile.index * WIDTH);
        for (index, seen) in (start..).zip(seen) {
            (self.each)(index, seen).map_err(|what| Bad::new(tile.path(), what).at(index))?;
        }
        let full = &mut |level, place, row: &[Hash]| above(files, level, place, row);
        let wanted = self.sizes.range(start + 1..start + WIDTH).next().is_some();
        if wanted || tile.is_partial() {
            for leaf in leaves {
                self.tree.push(leaf, full)?;
                self.note_root();
            }
        } else {
            self.tree.push_tile(root, full)?;
            self.note_root();
        }
        Ok(())
    }

    fn bundle(&mut self, tile: Tile, checkpoint: &Checkpoint) -> Result<(), Bad> {
        let (path, start) = (tile.path(), tile.index * WIDTH);
        let bundle = self.files.load(&path, BUNDLE_BYTES_MAX).map_err(|bad| bad.at(start))?;
        let hashes = Tile { kind: Kind::Hashes(0), ..tile };
        let leaves = load_hashes(self.files, hashes).map_err(|bad| bad.at(start))?;
        let mut entries = Entries::new(&bundle);
        let before = self.tree.clone();
        for (index, leaf) in (start..).zip(&leaves) {
            let bad = |at: usize, what: &str| Err(Bad::new(&path, format!("byte {at}: {what}")).at(index));
            let at = entries.offset();
            let entry = match entries.next() {
                Some(Ok(entry)) => entry,
                Some(Err(at)) => return bad(at, "not an entry with its length before it"),
                None => return bad(at, "entries are missing from here on"),
            };
            if leaf_hash(entry) != *leaf {
                let of_entries: Vec<Hash> = Entries::new(&bundle).flatten().map(leaf_hash).collect();
                if is_tile_to_blame(self.files, tile, checkpoint, &before, &leaves, &of_entries) {
                    let what = format!("byte {}: not the hash of entry {index}", (index - start) * 32);
                    return Err(Bad::new(hashes.path(), what).at(index));
                }
                return bad(at, "the entry is not the one that was logged");
            }
            (self.each)(index, (self.look)(entry)).map_err(|what| Bad::new(&path, what).at(index))?;
            let files = self.files;
            self.tree.push(*leaf, &mut |level, place, row| above(files, level, place, row))?;
            self.note_root();
        }
        if entries.offset() != bundle.len() {
            let what = format!("byte {}: something follows the last entry", entries.offset());
            return Err(Bad::new(path, what).at(start + leaves.len() as u64));
        }
        Ok(())
    }

    /// The segments: the same entries as the tiles, then those that no checkpoint covers yet, then zeros.
    fn live(&mut self, vkey: &VKey, size: u64) -> Result<(), Bad> {
        let files = self.files;
        let segments = live::walk(files, vkey, size, &mut |index, entry| {
            (self.each)(index, (self.look)(entry))?;
            self.tree.push(leaf_hash(entry), &mut |_, _, _| Ok::<(), String>(()))?;
            self.note_root();
            Ok(())
        })?;
        match segments.last() {
            Some(live) if live.tail != Tail::Zeros => {
                let what = format!(
                    "byte {}: neither a group of entries signed by the log nor zeros (altered, or a write cut short, \
                     which the next start clears)",
                    live.end
                );
                Err(Bad::new(segment::name(live.first), what).at(live.next))
            }
            _ => Ok(()),
        }
    }
}

/// A tile above level 0 that the entries have just filled, against its file. (Those of level 0 were compared one by one.)
fn above<F: Files + ?Sized>(files: &F, level: u8, index: u64, row: &[Hash]) -> Result<(), Bad> {
    let tile = Tile { kind: Kind::Hashes(level), index, width: 256 };
    if level == 0 { Ok(()) } else { same_hashes(files, tile, row) }
}

fn same_hashes<F: Files + ?Sized>(files: &F, tile: Tile, expected: &[Hash]) -> Result<(), Bad> {
    let found = load_hashes(files, tile)?;
    match found.iter().zip(expected).position(|(a, b)| a != b) {
        None if found.len() == expected.len() => Ok(()),
        place => {
            let at = place.unwrap_or(found.len().min(expected.len())) * 32;
            Err(Bad::new(tile.path(), format!("byte {at}: not the hash of the tile below")))
        }
    }
}

/// An entry and its leaf hash disagree. What lies above tells which of the two was changed: in doubt, the entry.
fn is_tile_to_blame<F: Files + ?Sized>(
    files: &F,
    tile: Tile,
    checkpoint: &Checkpoint,
    before: &Tree,
    leaves: &[Hash],
    of_entries: &[Hash],
) -> bool {
    let above = if tile.is_partial() {
        // The rightmost tile: the checkpoint itself is above it.
        let root = |hashes: &[Hash]| {
            let mut tree = before.clone();
            let pushed = hashes.iter().try_for_each(|hash| tree.push(*hash, &mut |_, _, _| Ok::<(), ()>(())));
            pushed.map(|()| tree.root() == checkpoint.root)
        };
        (root(leaves), root(of_entries))
    } else {
        let parent = Tile::at(Kind::Hashes(1), tile.index / WIDTH, checkpoint.size);
        let parent = parent.and_then(|parent| load_hashes(files, parent).ok()).unwrap_or_default();
        let hash = parent.get(usize::try_from(tile.index % WIDTH).unwrap_or(usize::MAX));
        (Ok(Some(&root_of(leaves)) == hash), Ok(Some(&root_of(of_entries)) == hash))
    };
    above == (Ok(false), Ok(true))
}

/// Whether a name belongs to a log whose checkpoint has this size, and that is kept from there on.
fn is_known(path: &str, size: u64, kept: u64) -> bool {
    match Tile::parse(path) {
        Some(tile) => tile.belongs_to(size) && !tile.is_below(kept),
        None => is_file_of_log(path),
    }
}

/// Whether a log of some size has a file of this name.
pub(crate) fn is_file_of_log(path: &str) -> bool {
    [VKEY, KEYS, CHECKPOINT, MINIMUM, REVOCATIONS, segment::SPARE].contains(&path)
        || segment::parse_name(path).is_some()
        || Tile::parse(path).is_some()
}
