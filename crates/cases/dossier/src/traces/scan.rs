//! Finding traces by reading the journals block by block, newest first.

use super::{
    finder::Finder,
    model::{Cursor, TraceCounts, TracePage, TraceRow, TracesError},
    wanted::Wanted,
};
use journal::{BLOCK_ENTRIES, Block, Kind, Trace, TraceReader};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use types::Time;
use vault::MonthKeys;

/// New entries that one search takes note of at most, in each journal.
const CATCH_UP_ENTRIES_MAX: u64 = 1_000_000;
/// Journals under one folder that are searched.
const ORIGINS_MAX: usize = 64;

type Readers = BTreeMap<String, TraceReader>;

/// Reads the journals under one folder.
pub(crate) struct BlockScan {
    folder: PathBuf,
    months: Arc<MonthKeys>,
    readers: Mutex<Readers>,
    scan_entries_max: u64,
}

impl BlockScan {
    pub(crate) fn new(folder: PathBuf, months: MonthKeys, scan_entries_max: u64) -> Self {
        Self { folder, months: Arc::new(months), readers: Mutex::default(), scan_entries_max }
    }

    /// The readers, with what the journals have said since.
    fn caught_up(&self) -> Result<MutexGuard<'_, Readers>, TracesError> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        for origin in origins(&self.folder)? {
            let folder = self.folder.join(&origin);
            let reader = readers.entry(origin).or_insert_with(|| TraceReader::new(&folder, Arc::clone(&self.months)));
            if !reader.catch_up(CATCH_UP_ENTRIES_MAX)? {
                return Err(TracesError::Preparing);
            }
        }
        Ok(readers)
    }
}

impl Finder for BlockScan {
    fn search(&self, wanted: &Wanted) -> Result<TracePage, TracesError> {
        let mut readers = self.caught_up()?;
        let mut scan = Scan::begin(&readers, wanted, self.scan_entries_max);
        scan.run(&mut readers, wanted, wanted.limit)?;
        let mut page = scan.page(wanted);
        for row in &mut page.rows {
            tell_outcome(&readers, row)?;
        }
        Ok(page)
    }

    fn counts(&self, wanted: &Wanted) -> Result<TraceCounts, TracesError> {
        let mut readers = self.caught_up()?;
        let mut wanted = wanted.clone();
        wanted.begin_before(None);
        let mut scan = Scan::begin(&readers, &wanted, self.scan_entries_max);
        let mut counts = TraceCounts::default();
        while !scan.blocks.is_empty() && scan.entries_left >= BLOCK_ENTRIES {
            scan.step(&mut readers, &wanted)?;
            for row in scan.rows.drain(..) {
                *counts.cells.entry((TraceCounts::day(row.time), row.event)).or_default() += 1;
            }
        }
        counts.cut_short = !scan.blocks.is_empty();
        Ok(counts)
    }

    fn one(&self, wanted: &Wanted, origin: &str, index: u64) -> Result<Option<TraceRow>, TracesError> {
        let mut readers = self.caught_up()?;
        let Some(reader) = readers.get_mut(origin) else { return Ok(None) };
        let first = index - index % BLOCK_ENTRIES;
        let Some(block) = reader.blocks().iter().find(|block| block.first == first).copied() else { return Ok(None) };
        let read = reader.read(&block, &|head| head.kind != Kind::Outcome)?;
        let found = read.traces.into_iter().find(|trace| trace.index == index && wanted.may_see(trace));
        let Some(mut row) = found.map(|trace| row(origin, trace)) else { return Ok(None) };
        tell_outcome(&readers, &mut row)?;
        Ok(Some(row))
    }
}

fn tell_outcome(readers: &Readers, row: &mut TraceRow) -> Result<(), TracesError> {
    if row.kind == Kind::Intent
        && row.outcome.is_none()
        && let Some(reader) = readers.get(&row.origin)
    {
        row.outcome = reader.outcome(row.index, row.trace)?;
    }
    Ok(())
}

/// The journals' names; what is no folder is `journal verify`'s business.
fn origins(folder: &Path) -> Result<Vec<String>, TracesError> {
    let told = |error: std::io::Error| TracesError::Folder(error.to_string());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        if entry.file_type().map_err(told)?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            found.push(name);
        }
    }
    found.sort();
    found.truncate(ORIGINS_MAX);
    Ok(found)
}

/// A search under way: the blocks still to be read, the newest last, and what was found in the others.
struct Scan {
    /// With the latest moment in it that is asked for.
    blocks: Vec<(Time, String, Block)>,
    /// The latest moment of all, at the beginning.
    began: Option<Time>,
    rows: Vec<TraceRow>,
    unreadable: u64,
    entries_left: u64,
    cut_short: bool,
}

impl Scan {
    fn begin(readers: &Readers, wanted: &Wanted, entries_left: u64) -> Self {
        let mut blocks = Vec::new();
        for (origin, reader) in readers {
            let within = reader.blocks().iter().filter(|block| wanted.may_be_in(block));
            blocks.extend(within.map(|block| (wanted.latest(block), origin.clone(), *block)));
        }
        blocks.sort_by_key(|(latest, _, block)| (*latest, block.first));
        let began = blocks.last().map(|(latest, ..)| *latest);
        Self { blocks, began, rows: Vec::new(), unreadable: 0, entries_left, cut_short: false }
    }

    /// The latest moment that a trace not read yet can have.
    fn frontier(&self) -> Option<Time> {
        self.blocks.last().map(|(latest, ..)| *latest)
    }

    /// How many of the rows found can no more be preceded by one that is not.
    fn settled(&self) -> usize {
        let Some(frontier) = self.frontier() else { return self.rows.len() };
        self.rows.iter().filter(|row| row.time > frontier).count()
    }

    fn run(&mut self, readers: &mut Readers, wanted: &Wanted, rows_max: usize) -> Result<(), TracesError> {
        while self.settled() <= rows_max && !self.blocks.is_empty() {
            // A search always gets further than where it began, so that whoever goes on comes to an end.
            if self.entries_left < BLOCK_ENTRIES && self.frontier() < self.began {
                self.cut_short = true;
                return Ok(());
            }
            self.step(readers, wanted)?;
        }
        Ok(())
    }

    /// Reads one block more.
    fn step(&mut self, readers: &mut Readers, wanted: &Wanted) -> Result<(), TracesError> {
        self.entries_left = self.entries_left.saturating_sub(BLOCK_ENTRIES);
        let Some((_, origin, block)) = self.blocks.pop() else { return Ok(()) };
        let Some(reader) = readers.get_mut(&origin) else { return Ok(()) };
        let read = reader.read(&block, &|head| wanted.head(head))?;
        self.unreadable += read.unreadable;
        for trace in read.traces.into_iter().filter(|trace| wanted.body(&origin, trace)) {
            let mut row = row(&origin, trace);
            if wanted.filter.became.is_some() && row.kind == Kind::Intent {
                // Looked for here, it costs about as much as a block.
                self.entries_left = self.entries_left.saturating_sub(BLOCK_ENTRIES);
                tell_outcome(readers, &mut row)?;
            }
            if wanted.ending(&row) {
                self.rows.push(row);
            }
        }
        Ok(())
    }

    fn page(mut self, wanted: &Wanted) -> TracePage {
        let frontier = self.frontier();
        self.rows.retain(|row| frontier.is_none_or(|frontier| row.time > frontier));
        self.rows.sort_by(|a, b| (b.time, &b.origin, b.index).cmp(&(a.time, &a.origin, a.index)));
        let full = self.rows.len() > wanted.limit;
        self.rows.truncate(wanted.limit);
        let next = if full {
            self.rows.last().map(TraceRow::cursor)
        } else {
            // What comes next begins with the block that was not read.
            frontier.map(Cursor::after)
        };
        TracePage { rows: self.rows, next, cut_short: self.cut_short && !full, unreadable: self.unreadable }
    }
}

fn row(origin: &str, trace: Trace) -> TraceRow {
    TraceRow {
        origin: origin.to_owned(),
        index: trace.index,
        kind: trace.kind,
        event: trace.event,
        time: trace.time,
        clock: trace.clock,
        trace: trace.trace,
        outcome: trace.outcome,
        author: trace.author,
        role: trace.role,
        establishment: trace.establishment,
        door: trace.door,
        address: trace.address,
        purpose: trace.purpose,
        patients: trace.patients,
        objects: trace.objects,
        target: trace.target,
        detail: trace.detail,
        count: trace.count,
    }
}
