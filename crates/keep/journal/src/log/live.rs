//! Reading a folder's live part: the segments, checked against the tiles where both hold the same entry.

use super::{
    Bad,
    files::Files,
    note::VKey,
    segment::{self, SEGMENT_BYTES, Scan, Tail},
    tiles::{Entries, Kind, Tile},
    tree::{Hash, WIDTH, leaf_hash},
    verify::EachEntry,
};
use std::path::Path;

/// The hashes of a tile, read from its file of exactly that length.
pub(crate) fn load_hashes<F: Files + ?Sized>(files: &F, tile: Tile) -> Result<Vec<Hash>, Bad> {
    let path = tile.path();
    let expected = u64::from(tile.width) * 32;
    let bytes = files.load(&path, expected)?;
    if bytes.len() as u64 != expected {
        return Err(Bad::new(path, format!("is {} bytes long, {expected} were expected", bytes.len())));
    }
    Ok(bytes.as_chunks::<32>().0.to_vec())
}

/// Leaf hashes under the checkpoint, read from the level-0 tiles one tile at a time.
pub(crate) struct Leaves<'a, F: ?Sized> {
    files: &'a F,
    size: u64,
    held: Option<(u64, Vec<Hash>)>,
}

impl<'a, F: Files + ?Sized> Leaves<'a, F> {
    pub fn new(files: &'a F, size: u64) -> Self {
        Self { files, size, held: None }
    }

    /// The leaf hash of an entry below the size; nothing at or past it.
    pub fn get(&mut self, index: u64) -> Result<Option<Hash>, Bad> {
        let Some(tile) = Tile::at(Kind::Hashes(0), index / WIDTH, self.size) else { return Ok(None) };
        if self.held.as_ref().is_none_or(|(held, _)| *held != tile.index) {
            self.held = Some((tile.index, load_hashes(self.files, tile)?));
        }
        let place = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        Ok(self.held.as_ref().and_then(|(_, hashes)| hashes.get(place)).copied())
    }
}

/// The first indices of the segments in a folder, in order.
pub(crate) fn segments(folder: &Path) -> Result<Vec<u64>, Bad> {
    folder.segments()
}

/// A live segment that was read.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub first: u64,
    /// The index after its last entry.
    pub next: u64,
    /// Where its groups end.
    pub end: usize,
    /// How long the file is.
    pub size: u64,
    pub tail: Tail,
}

/// Reads one segment and its groups.
pub(crate) fn load_segment<F: Files + ?Sized>(files: &F, first: u64, vkey: &VKey) -> Result<(Vec<u8>, Scan), Bad> {
    let name = segment::name(first);
    let bytes = files.load(&name, SEGMENT_BYTES.end)?;
    let scan = segment::scan(&bytes, first, vkey).map_err(|what| Bad::new(name, what))?;
    Ok((bytes, scan))
}

/// Reads all segments. They must follow one another without a gap from the checkpoint on, hold the same entries as the
/// tiles below it, and reach it. Entries from `published` on go to `fresh`. Only the last tail may be torn: the caller
/// judges it.
pub(crate) fn walk<F: Files + ?Sized>(
    files: &F,
    vkey: &VKey,
    published: u64,
    fresh: &mut EachEntry<'_>,
) -> Result<Vec<Live>, Bad> {
    let mut leaves = Leaves::new(files, published);
    let mut read: Vec<Live> = Vec::new();
    let firsts = files.segments()?;
    for (place, first) in firsts.iter().copied().enumerate() {
        let name = segment::name(first);
        let before = read.last().map_or(0, |live| live.next);
        if first > before.max(published) {
            return Err(Bad::new(name, "the entries before this segment are missing").at(before.max(published)));
        }
        if first < before {
            return Err(Bad::new(name, "begins before the segment before it ends").at(first));
        }
        let (bytes, Scan { groups, next, end, tail, size }) = load_segment(files, first, vkey)?;
        let last = place + 1 == firsts.len();
        if tail == Tail::Damaged || (tail == Tail::Torn && !last) {
            let what = format!("byte {end}: no group of entries signed by the log, though later ones are whole");
            return Err(Bad::new(name, what).at(next));
        }
        for group in groups {
            let payload = bytes.get(group.payload).unwrap_or_default();
            for (index, entry) in (group.first..).zip(Entries::new(payload).flatten()) {
                match leaves.get(index)? {
                    None => fresh(index, entry).map_err(|what| Bad::new(&name, what).at(index))?,
                    Some(leaf) if leaf == leaf_hash(entry) => {}
                    Some(_) => {
                        let what = format!("byte {}: not the entry that the tiles hold", group.offset);
                        return Err(Bad::new(name, what).at(index));
                    }
                }
            }
        }
        read.push(Live { first, next, end, size, tail });
    }
    match read.last() {
        None => Err(Bad::new(".", "the live segment is missing").at(published)),
        Some(live) if live.next < published => {
            let what = format!("byte {}: ends before the {published} entries of the checkpoint", live.end);
            Err(Bad::new(segment::name(live.first), what).at(live.next))
        }
        Some(_) => Ok(read),
    }
}
