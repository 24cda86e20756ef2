//! A copy of a log for somebody else, taken while its node works: no key, no lock, nothing written in the folder.
//!
//! What moves is taken first, in one piece: the checkpoint, its partial tiles, the segments, the reserve; and again, until
//! the checkpoint was the same before and after and the segments continue it. Full tiles never change: they are read
//! afterwards, as many as that checkpoint counts.

use super::{
    Bad,
    archive::ArchiveWriter,
    files::Files,
    keys::{KEYS, KEYS_BYTES_MAX},
    live,
    minimum::{MINIMUM, load_beginning},
    note::VKey,
    publish::CHECKPOINT,
    read::{VKEY, load_checkpoint, load_vkey},
    reserve::{RESERVE_BYTES_MAX, REVOCATIONS},
    segment::{self, SEGMENT_BYTES, Tail},
    tiles::{BUNDLE_BYTES_MAX, Kind, Tile},
    tree::{WIDTH, row_len},
};
use std::{collections::BTreeMap, io::Write, path::Path, time::Duration};

/// How often it is tried while a node writes.
const ATTEMPTS_MAX: u32 = 25;
const PAUSE: Duration = Duration::from_millis(200);

/// The part of a log that moves, in memory; the rest in its folder.
struct Moving<'a> {
    folder: &'a Path,
    size: u64,
    /// The first entry that is kept.
    first: u64,
    files: BTreeMap<String, Vec<u8>>,
}

impl<'a> Moving<'a> {
    /// Takes it, or says why it cannot be taken now.
    fn take(folder: &'a Path, vkey: &VKey) -> Result<Self, Bad> {
        let size = load_checkpoint(folder, vkey)?.size;
        let mut taken = Self { folder, size, first: 0, files: BTreeMap::new() };
        taken.add(CHECKPOINT.to_owned(), 1 << 20)?;
        if folder.has(KEYS) {
            taken.add(KEYS.to_owned(), KEYS_BYTES_MAX)?;
        }
        if folder.has(MINIMUM) {
            taken.add(MINIMUM.to_owned(), 1 << 20)?;
            let checkpoint = load_checkpoint(&taken, vkey)?;
            taken.first = load_beginning(&taken, vkey, &checkpoint)?.map_or(0, |(minimum, _)| minimum.size);
        }
        for tile in Tile::partials(size) {
            taken.add(tile.path(), BUNDLE_BYTES_MAX)?;
        }
        for first in Files::segments(folder)? {
            taken.add(segment::name(first), SEGMENT_BYTES.end)?;
        }
        taken.add(REVOCATIONS.to_owned(), RESERVE_BYTES_MAX)?;
        let unmoved = load_checkpoint(folder, vkey)?.size == size && load_checkpoint(&taken, vkey)?.size == size;
        if !unmoved {
            return Err(Bad::new(CHECKPOINT, "moved while it was copied"));
        }
        let segments = live::walk(&taken, vkey, size, &mut |_, _| Ok(()))?;
        match segments.last() {
            Some(live) if live.tail != Tail::Zeros => {
                Err(Bad::new(segment::name(live.first), "was being written").at(live.next))
            }
            _ => Ok(taken),
        }
    }

    fn add(&mut self, name: String, bytes_max: u64) -> Result<(), Bad> {
        let bytes = self.folder.load(&name, bytes_max)?;
        self.files.insert(name, bytes);
        Ok(())
    }
}

impl Files for Moving<'_> {
    fn found(&self) -> Result<(), Bad> {
        self.folder.found()
    }

    fn load(&self, relative: &str, bytes_max: u64) -> Result<Vec<u8>, Bad> {
        match self.files.get(relative) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.folder.load(relative, bytes_max),
        }
    }

    fn has(&self, relative: &str) -> bool {
        self.files.contains_key(relative)
    }

    fn segments(&self) -> Result<Vec<u64>, Bad> {
        Ok(self.files.keys().filter_map(|name| segment::parse_name(name)).collect())
    }

    fn names(&self, _: &dyn Fn(&str) -> bool) -> Result<(), Bad> {
        Ok(())
    }

    fn is_moving(&self) -> bool {
        self.folder.is_moving()
    }
}

/// Writes the log in `folder` into an archive, under `inside`. A log that contradicts itself is not exported: what is
/// wrong is named, and `verify` on the folder says more.
pub(crate) fn export<W: Write>(folder: &Path, inside: &str, out: &mut ArchiveWriter<W>) -> Result<u64, Bad> {
    let vkey = load_vkey(folder)?;
    let mut attempt = 1;
    let moving = loop {
        match Moving::take(folder, &vkey) {
            Ok(moving) => break moving,
            Err(_) if attempt < ATTEMPTS_MAX && folder.is_moving() => attempt += 1,
            Err(bad) => return Err(bad),
        }
        std::thread::sleep(PAUSE);
    };
    let mut write = |name: &str, bytes: &[u8]| {
        let written = out.write(inside, name, bytes);
        written.map_err(|error| Bad::new(name, format!("cannot be written to the archive ({error})")))
    };
    write(VKEY, &folder.load(VKEY, 1024)?)?;
    for kind in std::iter::once(Kind::Entries).chain((0..8).map(Kind::Hashes)) {
        let level = Tile { kind, index: 0, width: 1 }.level();
        // What straddles the minimum is kept, and needed.
        let tiles = (row_len(moving.first, level) / WIDTH)..row_len(moving.size, level) / WIDTH;
        for index in tiles {
            let path = Tile { kind, index, width: 256 }.path();
            write(&path, &folder.load(&path, BUNDLE_BYTES_MAX)?)?;
        }
    }
    for (name, bytes) in &moving.files {
        write(name, bytes)?;
    }
    Ok(moving.size)
}
