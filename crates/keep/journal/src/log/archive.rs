//! An archive of logs: a plain tar (POSIX ustar), read where it lies, a member at a time.
//!
//! Reading is strict: a header that is not exactly what [`ArchiveWriter`] writes is refused, so that no byte of the file
//! can change unseen. Any tar unpacks it into a data folder that `journal verify --data` reads.

use super::{Bad, files::Files, note::NOTE_BYTES_MAX, segment, verify::is_file_of_log};
use crate::stamp::{KeptStamps, STAMP_FILE_BYTES_MAX, is_name};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
};

const BLOCK: usize = 512;
/// Where logs lie in an archive, as in a data folder.
const JOURNAL: &str = "journal/";
/// And what the node keeps of its witnesses, and of who stamps it.
const WITNESSED: &str = "witnessed/";
const STAMPED: &str = "stamped/";
/// What a ustar header holds of a folder and of a name.
const PREFIX_BYTES_MAX: usize = 155;
const NAME_BYTES_MAX: usize = 100;

/// A member's header; nothing for what cannot be named in one.
fn header(folder: &str, name: &str, size: u64) -> Option<[u8; BLOCK]> {
    let fits = folder.len() <= PREFIX_BYTES_MAX && name.len() <= NAME_BYTES_MAX && !name.is_empty();
    if !fits || size >= 1 << 33 {
        return None;
    }
    let mut bytes = [0; BLOCK];
    let mut put = |at: usize, field: &[u8]| {
        if let Some(place) = bytes.get_mut(at..at + field.len()) {
            place.copy_from_slice(field);
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    // No time: the same log gives the same archive.
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(345, folder.as_bytes());
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    bytes.get_mut(148..156)?.copy_from_slice(sum.as_bytes());
    Some(bytes)
}

/// Folder, name and size of a header; nothing unless [`header`] gives the same bytes.
fn parse_header(bytes: &[u8; BLOCK]) -> Option<(String, String, u64)> {
    let text = |from: usize, len: usize| {
        let field = bytes.get(from..from + len)?;
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(len);
        std::str::from_utf8(field.get(..end)?).ok().map(str::to_owned)
    };
    let (name, folder) = (text(0, NAME_BYTES_MAX)?, text(345, PREFIX_BYTES_MAX)?);
    let size = u64::from_str_radix(&text(124, 12)?, 8).ok()?;
    (header(&folder, &name, size)? == *bytes).then_some((folder, name, size))
}

fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK - over }
}

/// Writes an archive, a member at a time.
pub(crate) struct ArchiveWriter<W: Write>(W);

impl<W: Write> ArchiveWriter<W> {
    pub fn new(out: W) -> Self {
        Self(out)
    }

    /// One file of a log, or one kept beside it.
    pub fn write(&mut self, folder: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "a name is too long for an archive");
        let head = header(folder, name, bytes.len() as u64).ok_or_else(too_long)?;
        self.0.write_all(&head)?;
        self.0.write_all(bytes)?;
        self.0.write_all([0; BLOCK].get(..padding(bytes.len() as u64)).unwrap_or_default())
    }

    /// The archive's end.
    pub fn finish(mut self) -> io::Result<W> {
        self.0.write_all(&[0; 2 * BLOCK])?;
        self.0.flush()?;
        Ok(self.0)
    }
}

/// Where a member's bytes are.
type Place = (u64, u64);

/// An archive that was read through once: the places of its members, not their bytes.
#[derive(Debug)]
pub struct Archive {
    file: File,
    logs: BTreeMap<String, BTreeMap<String, Place>>,
    kept: BTreeMap<String, BTreeMap<String, Place>>,
    stamped: BTreeMap<String, BTreeMap<String, Place>>,
}

impl Archive {
    /// Reads the headers of an archive. Names that no log has, names that come twice, and whatever else
    /// `journal export` does not write, are refused.
    pub fn open(path: &Path) -> Result<Self, Bad> {
        let shown = path.display().to_string();
        let file = File::open(path).map_err(|error| Bad::new(&shown, format!("cannot be read ({error})")))?;
        Self::of(file, shown)
    }

    pub(super) fn of(file: File, shown: String) -> Result<Self, Bad> {
        let unreadable = |error: io::Error| Bad::new(&shown, format!("cannot be read ({error})"));
        let length = file.metadata().map_err(unreadable)?.len();
        let mut found = Self { file, logs: BTreeMap::new(), kept: BTreeMap::new(), stamped: BTreeMap::new() };
        let mut at = 0;
        let mut block = [0; BLOCK];
        loop {
            let bad = |what: &str| Bad::new(&shown, format!("byte {at}: {what}"));
            found.file.read_exact_at(&mut block, at).map_err(|_| bad("the archive breaks off"))?;
            if block == [0; BLOCK] {
                break;
            }
            let not_ours = "not a member as `poterne journal export` writes it (unpack it, and verify the folder)";
            let (folder, name, size) = parse_header(&block).ok_or_else(|| bad(not_ours))?;
            let start = at + BLOCK as u64;
            let end = start + size;
            found.put(&folder, &name, (start, size)).map_err(|what| bad(&format!("{folder}/{name} {what}")))?;
            found.zeros(end, padding(size)).map_err(|()| bad("the member's end is not one"))?;
            at = end + padding(size) as u64;
        }
        let ends = length == at + 2 * BLOCK as u64 && found.zeros(at, 2 * BLOCK).is_ok();
        if ends { Ok(found) } else { Err(Bad::new(shown, format!("byte {at}: the archive's end is not one"))) }
    }

    fn put(&mut self, folder: &str, name: &str, place: Place) -> Result<(), &'static str> {
        let legal = |origin: &&str| !origin.is_empty() && !origin.contains('/') && !origin.starts_with('.');
        let (all, origin) = if let Some(origin) = folder.strip_prefix(JOURNAL).filter(legal) {
            if !is_file_of_log(name) {
                return Err("is no part of a log");
            }
            (&mut self.logs, origin)
        } else if let Some(origin) = folder.strip_prefix(WITNESSED).filter(legal) {
            if name.contains('/') || [".", ".."].contains(&name) || place.1 > NOTE_BYTES_MAX + 1 {
                return Err("is no kept checkpoint");
            }
            (&mut self.kept, origin)
        } else if let Some(origin) = folder.strip_prefix(STAMPED).filter(legal) {
            if !is_name(name) || place.1 > STAMP_FILE_BYTES_MAX + 1 {
                return Err("is no kept stamp");
            }
            (&mut self.stamped, origin)
        } else {
            return Err("is no part of a log");
        };
        match all.entry(origin.to_owned()).or_default().insert(name.to_owned(), place) {
            None => Ok(()),
            Some(_) => Err("comes twice"),
        }
    }

    fn zeros(&self, at: u64, len: usize) -> Result<(), ()> {
        let mut bytes = [1; 2 * BLOCK];
        let bytes = bytes.get_mut(..len).ok_or(())?;
        self.file.read_exact_at(bytes, at).map_err(|_| ())?;
        if bytes.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(()) }
    }

    /// The logs in it.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// The checkpoints kept of a log: names and bytes.
    pub fn kept(&self, origin: &str) -> Result<Vec<(String, Vec<u8>)>, Bad> {
        let found = self.beside(self.kept.get(origin))?;
        Ok(found.into_iter().map(|(name, bytes)| (format!("{WITNESSED}{origin}/{name}"), bytes)).collect())
    }

    /// The stamps kept of a log.
    pub fn stamps(&self, origin: &str) -> Result<KeptStamps, Bad> {
        Ok(KeptStamps::read(format!("{STAMPED}{origin}"), self.beside(self.stamped.get(origin))?))
    }

    fn beside(&self, members: Option<&BTreeMap<String, Place>>) -> Result<Vec<(String, Vec<u8>)>, Bad> {
        let all = members.into_iter().flatten();
        all.map(|(name, place)| self.read(name, *place).map(|bytes| (name.clone(), bytes))).collect()
    }

    fn read(&self, name: &str, (start, len): Place) -> Result<Vec<u8>, Bad> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = self.file.read_exact_at(&mut bytes, start);
        read.map_err(|error| Bad::new(name, format!("cannot be read ({error})")))?;
        Ok(bytes)
    }

    pub(crate) fn log<'a>(&'a self, origin: &str) -> Option<ArchivedLog<'a>> {
        Some(ArchivedLog { archive: self, members: self.logs.get(origin)? })
    }
}

/// One log of an archive.
pub(crate) struct ArchivedLog<'a> {
    archive: &'a Archive,
    members: &'a BTreeMap<String, Place>,
}

impl Files for ArchivedLog<'_> {
    fn found(&self) -> Result<(), Bad> {
        Ok(())
    }

    fn load(&self, relative: &str, bytes_max: u64) -> Result<Vec<u8>, Bad> {
        let place = self.members.get(relative).ok_or_else(|| Bad::new(relative, "is missing"))?;
        if place.1 > bytes_max {
            let what = format!("is {} bytes long, {bytes_max} at most were expected", place.1);
            return Err(Bad::new(relative, what));
        }
        self.archive.read(relative, *place)
    }

    fn has(&self, relative: &str) -> bool {
        self.members.contains_key(relative)
    }

    fn segments(&self) -> Result<Vec<u64>, Bad> {
        let mut found: Vec<u64> = self.members.keys().filter_map(|name| segment::parse_name(name)).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn names(&self, is_known: &dyn Fn(&str) -> bool) -> Result<(), Bad> {
        match self.members.keys().find(|name| !is_known(name)) {
            Some(name) => Err(Bad::new(name, "is no part of the log")),
            None => Ok(()),
        }
    }

    fn is_moving(&self) -> bool {
        false
    }
}
