//! Finding traces by date without reading a whole journal each time.
//!
//! A [`TraceReader`] keeps, for each block of entries, its first and last moment, and the keys that the blocks are sealed
//! with. Both are in the clear parts of entries, are read once, and grow with the journal. Bodies are opened only in the
//! blocks that are asked for.

use crate::{JournalError, Kind, Outcome, Trace, entry::split, keyring::Keyring, log::read_entries, reader::trace_of};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use types::{Event, Time, TraceId};
use vault::MonthKeys;

/// Entries in a block: those of one tile.
pub const BLOCK_ENTRIES: u64 = 256;
/// How far after an intent its outcome is looked for.
const OUTCOME_ENTRIES_MAX: u64 = 1024;

/// What an entry shows without being opened.
#[derive(Debug, Clone, Copy)]
pub struct TraceHead {
    /// What it says of the act.
    pub kind: Kind,
    /// The type of event.
    pub event: Event,
    /// When.
    pub time: Time,
}

/// Consecutive entries with the span of their moments. A clock that was set back makes a span longer, never wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The first entry's place in the log; the block ends at the next multiple of [`BLOCK_ENTRIES`].
    pub first: u64,
    /// The earliest moment in it.
    pub earliest: Time,
    /// The latest moment in it.
    pub latest: Time,
}

/// What was read of a block.
#[derive(Debug, Default)]
pub struct BlockTraces {
    /// The traces that were wanted, in the log's order.
    pub traces: Vec<Trace>,
    /// Wanted entries whose key is gone or refused: they are there, and cannot be read.
    pub unreadable: u64,
}

/// Reads the traces of one log (`journal/<origin>`), block by block.
pub struct TraceReader {
    folder: PathBuf,
    months: Arc<MonthKeys>,
    keys: Keyring,
    blocks: Vec<Block>,
    /// The first entry that is not in `blocks`.
    next: u64,
}

impl TraceReader {
    /// Over a log's folder. Nothing is read yet.
    pub fn new(folder: &Path, months: Arc<MonthKeys>) -> Self {
        Self { folder: folder.to_owned(), months, keys: Keyring::default(), blocks: Vec::new(), next: 0 }
    }

    /// Takes note of the entries that came since, `entries_max` of them at most; says whether none is left. What opened the
    /// keys of months that went meanwhile is forgotten.
    pub fn catch_up(&mut self, entries_max: u64) -> Result<bool, JournalError> {
        let end = self.next.saturating_add(entries_max);
        for read in read_entries(&self.folder, self.next..end)? {
            let (index, entry) = read?;
            let parts = split(&entry).map_err(JournalError::Malformed)?;
            let time = parts.header.time;
            match self.blocks.last_mut().filter(|_| !index.is_multiple_of(BLOCK_ENTRIES)) {
                Some(block) => {
                    block.earliest = block.earliest.min(time);
                    block.latest = block.latest.max(time);
                }
                None => self.blocks.push(Block { first: index, earliest: time, latest: time }),
            }
            if parts.header.kind == Kind::SealKey {
                self.keys.add(&entry);
            }
            self.next = index + 1;
        }
        self.keys.lock_unless(|group| self.months.has(group));
        Ok(self.next < end)
    }

    /// The blocks known so far, in the log's order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Opens the entries of a block that are wanted, by what they show without being opened. Entries past what
    /// [`TraceReader::catch_up`] has seen are left out.
    pub fn read(&mut self, block: &Block, wanted: &dyn Fn(&TraceHead) -> bool) -> Result<BlockTraces, JournalError> {
        let mut found = BlockTraces::default();
        let end = block.first.saturating_add(BLOCK_ENTRIES).min(self.next);
        for read in read_entries(&self.folder, block.first..end)? {
            let (index, entry) = read?;
            let parts = split(&entry).map_err(JournalError::Malformed)?;
            let head = TraceHead { kind: parts.header.kind, event: parts.header.event, time: parts.header.time };
            if head.kind == Kind::SealKey || !wanted(&head) {
                continue;
            }
            match self.keys.body(&parts, &self.months) {
                Some(body) => found.traces.push(trace_of(index, parts.header, body)),
                None => found.unreadable += 1,
            }
        }
        Ok(found)
    }

    /// What became of an intent: its outcome, if it was written soon after it.
    pub fn outcome(&self, intent: u64, trace: TraceId) -> Result<Option<Outcome>, JournalError> {
        let Range { start, end } = intent.saturating_add(1)..intent.saturating_add(1 + OUTCOME_ENTRIES_MAX);
        for read in read_entries(&self.folder, start..end.min(self.next))? {
            let (_, entry) = read?;
            let header = split(&entry).map_err(JournalError::Malformed)?.header;
            if header.kind == Kind::Outcome && header.trace == trace {
                return Ok(header.outcome);
            }
        }
        Ok(None)
    }
}
