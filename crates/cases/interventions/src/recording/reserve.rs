//! The reserve: files of zeros written beforehand, into which recordings go that the disk no longer takes, as long as "do
//! not interrupt" holds. Each slot begins with a header that says whose bytes it holds and from where in which recording;
//! the header is written after the bytes are durable. At the next start, or when the recording ends, they go home.

use super::{RecorderFault, RecordingsConfig, file_of};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use types::RelayId;

const SLOTS: u64 = 16;
const HEADER: usize = 64;
const MAGIC: &[u8; 4] = b"PRR1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) relay: RelayId,
    pub(super) channel: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Header {
    pub(super) fn bytes(&self) -> [u8; HEADER] {
        let parts: [&[u8]; 5] = [
            MAGIC,
            self.relay.as_bytes(),
            &self.channel.to_be_bytes(),
            &self.offset.to_be_bytes(),
            &self.length.to_be_bytes(),
        ];
        let mut out = [0; HEADER];
        out.iter_mut().zip(parts.iter().copied().flatten()).for_each(|(to, from)| *to = *from);
        out
    }

    /// Nothing, if the slot is free.
    pub(super) fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (relay, rest) = rest.split_first_chunk::<16>()?;
        let (channel, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (length, _) = rest.split_first_chunk()?;
        Some(Self {
            relay: RelayId::from_bytes(*relay),
            channel: u32::from_be_bytes(*channel),
            offset: u64::from_be_bytes(*offset),
            length: u64::from_be_bytes(*length),
        })
    }
}

/// Where a recording continues in the reserve.
pub(super) struct Spool {
    relay: RelayId,
    channel: u32,
    /// Where in the recording the next byte belongs.
    next: u64,
    /// The slot in use, with what it holds.
    slot: Option<(usize, Header)>,
}

impl Spool {
    pub(super) fn new(relay: RelayId, channel: u32, next: u64) -> Self {
        Self { relay, channel, next, slot: None }
    }
}

/// The slots, and which are taken.
pub(super) struct Reserve {
    folder: PathBuf,
    slot_bytes: u64,
    taken: Mutex<Vec<bool>>,
}

impl Reserve {
    /// Opens the reserve, writing out the slots that are missing.
    pub(super) fn open(folder: &Path, bytes: u64) -> Result<Self, RecorderFault> {
        let slot_bytes = (bytes / SLOTS).max(HEADER as u64 + 1);
        let mut taken = Vec::new();
        for number in 0..SLOTS {
            let path = slot_path(folder, number);
            let held = std::fs::metadata(&path).map_or(0, |found| found.len());
            if held < slot_bytes {
                allocate(&path, held, slot_bytes)?;
            }
            taken.push(read_header(&path)?.is_some());
        }
        Ok(Self { folder: folder.to_owned(), slot_bytes, taken: Mutex::new(taken) })
    }

    pub(super) fn used(&self) -> f64 {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        count(taken.iter().filter(|taken| **taken).count()) / count(taken.len().max(1))
    }

    /// Appends to a recording's part in the reserve; durable when it returns.
    pub(super) fn append(&self, spool: &mut Spool, mut bytes: &[u8]) -> Result<(), RecorderFault> {
        let room_all = self.slot_bytes - HEADER as u64;
        while !bytes.is_empty() {
            let (number, mut header) = match spool.slot {
                Some((number, header)) if header.length < room_all => (number, header),
                _ => {
                    let number = self.take().ok_or(RecorderFault::ReserveFull)?;
                    let header = Header { relay: spool.relay, channel: spool.channel, offset: spool.next, length: 0 };
                    (number, header)
                }
            };
            let room = usize::try_from(room_all - header.length).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            let file = OpenOptions::new().write(true).open(slot_path(&self.folder, number as u64))?;
            file.write_all_at(now, HEADER as u64 + header.length)?;
            file.sync_data()?;
            header.length += now.len() as u64;
            file.write_all_at(&header.bytes(), 0)?;
            file.sync_data()?;
            spool.next += now.len() as u64;
            spool.slot = Some((number, header));
            bytes = later;
        }
        Ok(())
    }

    fn take(&self) -> Option<usize> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = taken.iter().position(|taken| !taken)?;
        if let Some(slot) = taken.get_mut(free) {
            *slot = true;
        }
        Some(free)
    }

    /// Appends what lies here to the recordings it belongs to. What cannot go home stays.
    pub(super) fn bring_home(&self, config: &RecordingsConfig) {
        let mut found: Vec<(u64, Header)> = Vec::new();
        for number in 0..SLOTS {
            if let Ok(Some(header)) = read_header(&slot_path(&self.folder, number)) {
                found.push((number, header));
            }
        }
        found.sort_unstable_by_key(|(_, header)| (*header.relay.as_bytes(), header.channel, header.offset));
        for (number, header) in found {
            match self.one_home(config, number, &header) {
                Ok(()) => {
                    let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(slot) = usize::try_from(number).ok().and_then(|number| taken.get_mut(number)) {
                        *slot = false;
                    }
                }
                Err(error) => tracing::warn!(relay = %header.relay, %error, "a recording stays in the reserve"),
            }
        }
    }

    fn one_home(&self, config: &RecordingsConfig, number: u64, header: &Header) -> Result<(), RecorderFault> {
        let slot = OpenOptions::new().read(true).write(true).open(slot_path(&self.folder, number))?;
        let length = header.length.min(self.slot_bytes - HEADER as u64);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        slot.read_exact_at(&mut bytes, HEADER as u64)?;
        config.free.check(&config.folder, length)?;
        let home = OpenOptions::new().write(true).open(file_of(&config.session(header.relay), header.channel))?;
        if home.metadata()?.len() < header.offset {
            return Err(io::Error::other("what comes before is not there").into());
        }
        home.set_len(header.offset)?;
        home.write_all_at(&bytes, header.offset)?;
        home.sync_all()?;
        slot.write_all_at(&[0; HEADER], 0)?;
        Ok(slot.sync_data()?)
    }
}

fn slot_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("slot-{number:02}"))
}

fn allocate(path: &Path, held: u64, end: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let zeros = vec![0; 1 << 16];
    let mut at = held;
    while at < end {
        let piece = usize::try_from(end - at).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(zeros.get(..piece).unwrap_or(&zeros), at)?;
        at += piece as u64;
    }
    file.sync_all()
}

fn read_header(path: &Path) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER];
    File::open(path)?.read_exact_at(&mut bytes, 0)?;
    Ok(Header::parse(&bytes))
}
