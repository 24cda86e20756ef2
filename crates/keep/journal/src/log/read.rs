//! Reading entries back, from the tiles below the checkpoint and from the segments past it.

use super::{
    Bad, LogError,
    files::Files,
    live::load_segment,
    minimum::load_minimum,
    note::{Checkpoint, NOTE_BYTES_MAX, VKey},
    publish::CHECKPOINT,
    segment,
    tiles::{BUNDLE_BYTES_MAX, Entries, Kind, Tile},
    tree::WIDTH,
};
use std::{
    collections::VecDeque,
    ops::Range,
    path::{Path, PathBuf},
};

/// The file of the verification key.
pub(crate) const VKEY: &str = "vkey";
/// How often a reader looks again when the log moves a file away under it.
const ATTEMPTS_MAX: u32 = 8;

/// Reads the folder's verification key, strictly: one line.
pub(crate) fn load_vkey<F: Files + ?Sized>(files: &F) -> Result<VKey, Bad> {
    let bytes = files.load(VKEY, 1024)?;
    let line = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    let vkey = line.and_then(|line| line.parse().ok());
    vkey.ok_or_else(|| Bad::new(VKEY, "is not one verification key on one line"))
}

/// Reads and verifies the folder's checkpoint.
pub(crate) fn load_checkpoint<F: Files + ?Sized>(files: &F, vkey: &VKey) -> Result<Checkpoint, Bad> {
    let bytes = files.load(CHECKPOINT, NOTE_BYTES_MAX)?;
    Checkpoint::open(&bytes, vkey).map_err(|error| Bad::new(CHECKPOINT, error.to_string()))
}

/// Entries in order, with their indices; see [`read_entries`]. After an error it ends.
#[derive(Debug)]
pub struct ReadEntries {
    folder: PathBuf,
    vkey: VKey,
    range: Range<u64>,
    held: VecDeque<Vec<u8>>,
    failed: bool,
}

/// Reads the entries of `range` (those that exist: those below the minimum do not) of a log's folder, in order, a bundle or a segment at a time. It
/// only reads, needs no lock, and may be used while the log is written: then it may see entries that are not
/// acknowledged yet, unless the range ends at [`super::Log::entries`]. The tree is not recomputed: that is
/// [`super::verify()`]'s.
pub fn read_entries(folder: &Path, range: Range<u64>) -> Result<ReadEntries, LogError> {
    let vkey = load_vkey(folder)?;
    let minimum = load_minimum(folder, &vkey)?.map_or(0, |minimum| minimum.size);
    let range = range.start.max(minimum)..range.end;
    Ok(ReadEntries { folder: folder.to_owned(), vkey, range, held: VecDeque::new(), failed: false })
}

impl ReadEntries {
    /// Fetches the entries from the next index on; none at the end.
    fn fetch(&self) -> Result<VecDeque<Vec<u8>>, Bad> {
        let next = self.range.start;
        let size = load_checkpoint(self.folder.as_path(), &self.vkey)?.size;
        if let Some(tile) = Tile::at(Kind::Entries, next / WIDTH, size).filter(|_| next < size) {
            let bundle = self.folder.load(&tile.path(), BUNDLE_BYTES_MAX)?;
            let entries = Entries::new(&bundle).collect::<Result<Vec<_>, _>>();
            let whole = entries.ok().filter(|entries| entries.len() == usize::from(tile.width));
            let entries = whole.ok_or_else(|| Bad::new(tile.path(), "is not a bundle of entries").at(next))?;
            let skip = usize::try_from(next % WIDTH).unwrap_or(usize::MAX);
            return Ok(entries.into_iter().skip(skip).map(<[u8]>::to_vec).collect());
        }
        let Some(first) = self.folder.segments()?.into_iter().rfind(|first| *first <= next) else {
            return Ok(VecDeque::new());
        };
        let (bytes, scan) = load_segment(self.folder.as_path(), first, &self.vkey)?;
        let mut found = VecDeque::new();
        for group in scan.groups.into_iter().filter(|group| group.next() > next) {
            let payload = bytes.get(group.payload).unwrap_or_default();
            let entries = (group.first..).zip(Entries::new(payload).flatten());
            found.extend(entries.filter(|(index, _)| *index >= next).map(|(_, entry)| entry.to_vec()));
        }
        // A segment that was published meanwhile may have become the spare while it was read.
        if found.is_empty() && load_checkpoint(self.folder.as_path(), &self.vkey)?.size > next {
            return Err(Bad::new(segment::name(first), "became the next segment while it was read"));
        }
        Ok(found)
    }

    fn refill(&mut self) -> Result<(), Bad> {
        for attempt in 1.. {
            match self.fetch() {
                Ok(held) => {
                    self.held = held;
                    break;
                }
                // The publisher may just have replaced a partial tile or removed a segment.
                Err(bad) if attempt >= ATTEMPTS_MAX => return Err(bad),
                Err(_) => std::thread::yield_now(),
            }
        }
        Ok(())
    }
}

impl Iterator for ReadEntries {
    type Item = Result<(u64, Vec<u8>), LogError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.range.is_empty() {
            return None;
        }
        if self.held.is_empty()
            && let Err(bad) = self.refill()
        {
            self.failed = true;
            return Some(Err(bad.into()));
        }
        let entry = self.held.pop_front()?;
        let index = self.range.start;
        self.range.start += 1;
        Some(Ok((index, entry)))
    }
}
