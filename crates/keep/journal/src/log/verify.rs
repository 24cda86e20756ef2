//! Verification: reads a folder, needs no key and no lock, and accounts for every byte under it.

use super::{
    Bad,
    disk::load,
    live::{self, load_hashes},
    note::{Checkpoint, VKey},
    open::{is_in_use, is_spare},
    publish::CHECKPOINT,
    read::{VKEY, load_checkpoint, load_vkey},
    reserve::{self, RESERVE_BYTES_MAX, REVOCATIONS},
    segment::{self, Tail},
    tiles::{BUNDLE_BYTES_MAX, Entries, FOLDER, Kind, Tile},
    tree::{Hash, Tree, WIDTH, leaf_hash, root_of},
};
use data_encoding::HEXLOWER;
use std::{fs, path::Path, time::Duration};

/// What the callback of [`verify`] is: an entry's index and bytes in, an objection out.
pub type EachEntry<'a> = dyn FnMut(u64, &[u8]) -> Result<(), String> + 'a;

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
    /// Whether that key was the caller's; otherwise it is only what the folder says of itself.
    pub pinned: bool,
    /// The first thing found bad.
    pub bad: Option<Bad>,
}

/// Verifies a log's folder: key, checkpoint, every entry, every hash, every segment, the reserve, and that nothing else
/// lies there. `each` sees every entry in order once its hash is verified, and may object to it; index 0 means that a
/// pass begins (a folder that a process is writing may take several).
pub fn verify(folder: &Path, pinned: Option<&VKey>, each: &mut EachEntry<'_>) -> Verdict {
    let mut last: Option<Bad> = None;
    let mut repeated = 0;
    for pass in 1.. {
        let mut verdict = Verdict { pinned: pinned.is_some(), ..Verdict::default() };
        let mut reader = Pass { folder, each: &mut *each, tree: Tree::new() };
        let bad = reader.run(pinned, &mut verdict).err();
        verdict.entries = reader.tree.size();
        verdict.root = HEXLOWER.encode(&reader.tree.root());
        verdict.ok = bad.is_none();
        repeated = if bad == last { repeated + 1 } else { 1 };
        // Between two passes a live log may replace any file; a copy stands still.
        if verdict.ok || repeated >= BELIEVED_AFTER || pass >= PASSES_MAX || !is_in_use(folder) {
            verdict.bad = bad;
            return verdict;
        }
        last = bad;
        std::thread::sleep(PASS_PAUSE);
    }
    Verdict::default()
}

struct Pass<'a, 'b> {
    folder: &'a Path,
    each: &'a mut EachEntry<'b>,
    tree: Tree,
}

impl Pass<'_, '_> {
    fn run(&mut self, pinned: Option<&VKey>, verdict: &mut Verdict) -> Result<(), Bad> {
        if !self.folder.is_dir() {
            return Err(Bad::new(".", "is not a folder"));
        }
        verdict.vkey = pinned.map(VKey::to_string).unwrap_or_default();
        let vkey = load_vkey(self.folder)?;
        if pinned.is_some_and(|pinned| *pinned != vkey) {
            return Err(Bad::new(VKEY, "is not the pinned key"));
        }
        verdict.vkey = vkey.to_string();
        vkey.name().clone_into(&mut verdict.origin);
        let checkpoint = load_checkpoint(self.folder, &vkey)?;
        verdict.checkpoint = Some(checkpoint.clone());
        self.tiles(&checkpoint)?;
        self.live(&vkey, checkpoint.size)?;
        if fs::symlink_metadata(self.folder.join(segment::SPARE)).is_ok() {
            is_spare(self.folder, None)?;
        }
        reserve::parse(&load(self.folder, REVOCATIONS, RESERVE_BYTES_MAX)?, &vkey)?;
        names(self.folder, checkpoint.size)
    }

    /// Every bundle against its level-0 tile, every tile against those below, the root against the checkpoint.
    fn tiles(&mut self, checkpoint: &Checkpoint) -> Result<(), Bad> {
        for place in 0.. {
            let Some(tile) = Tile::at(Kind::Entries, place, checkpoint.size) else { break };
            self.bundle(tile, checkpoint)?;
        }
        for tile in Tile::partials(checkpoint.size) {
            if let Kind::Hashes(level @ 1..) = tile.kind {
                same_hashes(self.folder, tile, self.tree.row(level))?;
            }
        }
        if self.tree.root() != checkpoint.root {
            return Err(Bad::new(CHECKPOINT, "its root is not that of the entries"));
        }
        Ok(())
    }

    fn bundle(&mut self, tile: Tile, checkpoint: &Checkpoint) -> Result<(), Bad> {
        let (path, start) = (tile.path(), tile.index * WIDTH);
        let bundle = load(self.folder, &path, BUNDLE_BYTES_MAX).map_err(|bad| bad.at(start))?;
        let hashes = Tile { kind: Kind::Hashes(0), ..tile };
        let leaves = load_hashes(self.folder, hashes).map_err(|bad| bad.at(start))?;
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
                if is_tile_to_blame(self.folder, tile, checkpoint, &before, &leaves, &of_entries) {
                    let what = format!("byte {}: not the hash of entry {index}", (index - start) * 32);
                    return Err(Bad::new(hashes.path(), what).at(index));
                }
                return bad(at, "the entry is not the one that was logged");
            }
            (self.each)(index, entry).map_err(|what| Bad::new(&path, what).at(index))?;
            let folder = self.folder;
            self.tree.push(*leaf, &mut |level, place, row| {
                let tile = Tile { kind: Kind::Hashes(level), index: place, width: 256 };
                if level == 0 { Ok(()) } else { same_hashes(folder, tile, row) }
            })?;
        }
        if entries.offset() != bundle.len() {
            let what = format!("byte {}: something follows the last entry", entries.offset());
            return Err(Bad::new(path, what).at(start + leaves.len() as u64));
        }
        Ok(())
    }

    /// The segments: the same entries as the tiles, then those that no checkpoint covers yet, then zeros.
    fn live(&mut self, vkey: &VKey, size: u64) -> Result<(), Bad> {
        let Self { folder, each, tree } = self;
        let segments = live::walk(folder, vkey, size, &mut |index, entry| {
            each(index, entry)?;
            tree.push(leaf_hash(entry), &mut |_, _, _| Ok(()))
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

fn same_hashes(folder: &Path, tile: Tile, expected: &[Hash]) -> Result<(), Bad> {
    let found = load_hashes(folder, tile)?;
    match found.iter().zip(expected).position(|(a, b)| a != b) {
        None if found.len() == expected.len() => Ok(()),
        place => {
            let at = place.unwrap_or(found.len().min(expected.len())) * 32;
            Err(Bad::new(tile.path(), format!("byte {at}: not the hash of the tile below")))
        }
    }
}

/// An entry and its leaf hash disagree. What lies above tells which of the two was changed: in doubt, the entry.
fn is_tile_to_blame(
    folder: &Path,
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
        let parent = parent.and_then(|parent| load_hashes(folder, parent).ok()).unwrap_or_default();
        let hash = parent.get(usize::try_from(tile.index % WIDTH).unwrap_or(usize::MAX));
        (Ok(Some(&root_of(leaves)) == hash), Ok(Some(&root_of(of_entries)) == hash))
    };
    above == (Ok(false), Ok(true))
}

/// Every name under the folder belongs to a log whose checkpoint has this size.
fn names(folder: &Path, size: u64) -> Result<(), Bad> {
    let mut folders = vec![String::new()];
    while let Some(relative) = folders.pop() {
        let shown = if relative.is_empty() { ".".to_owned() } else { relative.clone() };
        let unreadable = |error: std::io::Error| Bad::new(&shown, format!("cannot be read ({error})"));
        let mut empty = true;
        for item in fs::read_dir(folder.join(&relative)).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            empty = false;
            let name = item.file_name();
            let name = name.to_string_lossy();
            let path = if relative.is_empty() { name.into_owned() } else { format!("{relative}/{name}") };
            let kind = item.file_type().map_err(unreadable)?;
            if kind.is_dir() && (path == FOLDER || path.starts_with("tile/")) {
                folders.push(path);
            } else if !kind.is_file() || !is_known(&path, size) {
                let what = "is no part of the log (added, or left by an interruption, which the next start clears)";
                return Err(Bad::new(path, what));
            }
        }
        if empty {
            return Err(Bad::new(relative, "is an empty folder, no part of the log"));
        }
    }
    Ok(())
}

fn is_known(path: &str, size: u64) -> bool {
    [VKEY, CHECKPOINT, REVOCATIONS, segment::SPARE].contains(&path)
        || segment::parse_name(path).is_some()
        || Tile::parse(path).is_some_and(|tile| tile.belongs_to(size))
}
