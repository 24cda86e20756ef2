//! The index of one journal: what of it is in chunks, what is in memory, and how both follow the log.

use super::{
    IndexError, Tools, bad,
    buffer::Buffer,
    chunk::{Row, Rows as _},
    manifest::{self, Manifest},
    read::Chunk,
    sealed,
    terms::{Field, Token, outcome_of, tokens_of},
};
use crate::{
    Became, Kind, Trace,
    entry::{Body, Parts, split},
    keyring::Keyring,
    log::{self, read_entries, tree::WIDTH},
    reader::trace_of,
};
use minicbor::bytes::ByteVec;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use types::Time;
use vault::MonthKeys;

/// How long an intent may hold its chunk back while its outcome is waited for.
const OUTCOME_WAIT: Duration = Duration::from_secs(60);
/// Keys remembered for entries to come.
const KEYS_MAX: usize = 256;
/// Keys of a followed journal in memory: five for each opening and month make a thousand years of them.
const FOLLOWED_KEYS_MAX: usize = 65_536;
/// Terms of one trace of a followed journal: the longest of ours has some hundreds.
const FOLLOWED_TERMS_MAX: usize = 4_096;
/// Bytes of an establishment's name in the rows of a followed journal: ours are identifiers.
const FOLLOWED_NAME_BYTES_MAX: usize = 64;
/// Groups that have waited for long and are written in one go: the others wait for the next one.
const LATE_FLUSHES_MAX: usize = 64;
/// Terms of all that a followed journal has in memory: eight bytes each.
const FOLLOWED_LIVE_TERMS_MAX: usize = 4_000_000;

/// The index of one journal.
pub(crate) struct Origin {
    name: String,
    /// The journal's folder, and the index's.
    journal: PathBuf,
    folder: PathBuf,
    pub chunks: Vec<Chunk>,
    pub buffers: BTreeMap<String, Buffer>,
    pub keys: Keyring,
    /// The last key entries of the log, the newest last.
    recent: Vec<Vec<u8>>,
    /// Up to where each group is in chunks.
    covered: HashMap<String, u64>,
    /// The first entry that the journal keeps, and whether it was read from there on.
    first: u64,
    from_first: bool,
    /// The next entry to look at, and where it stands in its bundle.
    next: u64,
    offset: u32,
    /// The latest moment seen.
    latest: i64,
    /// How many entries the tiles held when that was last asked.
    published: u64,
    /// Entries past the tiles, as they were read for a search.
    tail: HashMap<u64, Vec<u8>>,
    /// The pairs to which its months are sealed.
    pub months: Arc<MonthKeys>,
    /// It is a copy of another node's: what is wrong with it is its own trouble.
    pub followed: bool,
    /// Why a followed one is not looked at any further.
    pub fault: Option<String>,
}

impl Origin {
    /// Takes up the index of a journal where it was left. What is missing, altered or of another time is left out, and read
    /// from the journal again.
    pub fn open(
        name: &str,
        (journal, months, followed): (&Path, Arc<MonthKeys>, bool),
        folder: &Path,
        tools: &mut Tools,
    ) -> Result<Self, IndexError> {
        let mut origin = Self::blank(name, (journal, months, followed), folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if let Some(manifest) = Manifest::load(folder, name, &tools.keys) {
            origin.take_up(manifest, tools);
            origin.forget_gone(tools);
        }
        origin.sweep()?;
        Ok(origin)
    }

    /// Nothing was looked at yet.
    fn blank(name: &str, (journal, months, followed): (&Path, Arc<MonthKeys>, bool), folder: &Path) -> Self {
        Self {
            name: name.to_owned(),
            journal: journal.to_owned(),
            folder: folder.to_owned(),
            chunks: Vec::new(),
            buffers: BTreeMap::new(),
            keys: Keyring::default(),
            recent: Vec::new(),
            covered: HashMap::new(),
            first: 0,
            from_first: true,
            next: 0,
            offset: 0,
            latest: i64::MIN,
            published: 0,
            tail: HashMap::new(),
            months,
            followed,
            fault: None,
        }
    }

    fn take_up(&mut self, manifest: Manifest, tools: &mut Tools) {
        self.from_first = false;
        let mut resume = manifest.resume;
        let mut lost: Vec<(&str, u64)> = Vec::new();
        for name in &manifest.chunks {
            let opened = parse_name(name).and_then(|(group, from, to)| {
                let chunk = Chunk::open(&self.folder.join(name), tools.fresh_id(), &tools.keys).ok()?;
                let header = chunk.header();
                let same =
                    header.origin == self.name && (header.group.as_str(), header.from, header.to) == (group, from, to);
                // Written while its month's key could not be read: now it can.
                let blind = header.secret.is_empty() && self.months.private(&header.group).is_ok();
                (same && !blind).then_some(chunk)
            });
            match opened {
                Some(chunk) => self.adopt(chunk),
                None => {
                    tracing::warn!(file = %name, "a part of the search index is not as it was left; it is read again");
                    let (group, from, _) = parse_name(name).unwrap_or(("", 0, 0));
                    resume = resume.min(from);
                    lost.push((group, from));
                }
            }
        }
        // What came after a lost chunk of the same group is read again too: a group is always covered from its beginning on.
        let kept = |chunk: &Chunk| {
            !lost.iter().any(|(group, from)| chunk.header().group == *group && chunk.header().from >= *from)
        };
        let kept: Vec<Chunk> = std::mem::take(&mut self.chunks).into_iter().filter(kept).collect();
        self.covered.clear();
        kept.into_iter().for_each(|chunk| self.adopt(chunk));
        for key in manifest.keys {
            self.keys.add(&key);
            self.recent.push(key.into());
        }
        self.next = resume / WIDTH * WIDTH;
    }

    fn adopt(&mut self, chunk: Chunk) {
        let header = chunk.header();
        let covered = self.covered.entry(header.group.clone()).or_default();
        *covered = header.to.max(*covered);
        self.chunks.push(chunk);
    }

    /// Removes the files that are no part of the index.
    fn sweep(&self) -> Result<(), IndexError> {
        let known: BTreeSet<&Path> = self.chunks.iter().map(|chunk| chunk.path.as_path()).collect();
        for item in fs::read_dir(&self.folder)? {
            let path = item?.path();
            if !known.contains(path.as_path()) && path.file_name().is_none_or(|name| name != manifest::NAME) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Forgets everything: it is read from the journal again.
    fn restart(&mut self, tools: &mut Tools) -> Result<(), IndexError> {
        tracing::warn!(journal = %self.name, "the search index does not fit the journal; it is made again");
        for chunk in self.chunks.drain(..) {
            tools.pages.forget(chunk.id);
        }
        let (name, journal, folder) = (self.name.clone(), self.journal.clone(), self.folder.clone());
        fs::remove_dir_all(&folder)?;
        let (months, followed) = (Arc::clone(&self.months), self.followed);
        *self = Self::open(&name, (&journal, months, followed), &folder, tools)?;
        Ok(())
    }

    /// Forgets what is in memory only.
    fn reopen(&mut self, tools: &mut Tools) -> Result<(), IndexError> {
        for chunk in self.chunks.drain(..) {
            tools.pages.forget(chunk.id);
        }
        let (name, journal, folder) = (self.name.clone(), self.journal.clone(), self.folder.clone());
        let (months, followed) = (Arc::clone(&self.months), self.followed);
        *self = Self::blank(&name, (&journal, Arc::clone(&months), followed), &folder);
        *self = Self::open(&name, (&journal, months, followed), &folder, tools)?;
        Ok(())
    }

    /// The journal's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many entries were looked at.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many entries the tiles held when that was last asked.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Looks at the entries that came since, `entries_max` of them at most; says whether none is left.
    pub fn catch_up(&mut self, entries_max: u64, tools: &mut Tools) -> Result<bool, IndexError> {
        self.tail.clear();
        self.forget_gone(tools);
        self.published = log::published(&self.journal)?;
        self.begin(tools)?;
        let (start, end) = (self.next, self.next.saturating_add(entries_max));
        let mut terms = Vec::new();
        for read in read_entries(&self.journal, start..end)? {
            let (index, entry) = read?;
            let parts = split(&entry).map_err(|_| bad("an entry cannot be read"))?;
            match self.look(index, &entry, parts, &mut terms, tools) {
                Ok(()) => {}
                Err(IndexError::Stale) => {
                    self.restart(tools)?;
                    return Ok(false);
                }
                // What was in memory may have gone with it: it is read again from what is on the disk.
                Err(error) => {
                    self.reopen(tools)?;
                    return Err(error);
                }
            }
            self.next = index + 1;
            let len = u32::try_from(2 + entry.len()).unwrap_or(u32::MAX);
            self.offset = if self.next.is_multiple_of(WIDTH) { 0 } else { self.offset + len };
        }
        if self.next == start
            && self.next > self.first
            && read_entries(&self.journal, start - 1..start)?.next().is_none()
        {
            // The journal is shorter than it was: somebody put an older one back.
            self.restart(tools)?;
            return Ok(false);
        }
        if let Err(error) = self.make_room(tools) {
            self.reopen(tools)?;
            return Err(error);
        }
        Ok(self.next < end)
    }

    /// What went before the journal's minimum leaves: the rows of it were not readable any more.
    fn begin(&mut self, tools: &mut Tools) -> Result<(), IndexError> {
        let first = log::first_entry(&self.journal)?;
        if first == self.first {
            return Ok(());
        }
        if self.next < first {
            (self.next, self.offset) = (first, 0);
        }
        let Some(read) = read_entries(&self.journal, first..first + 1)?.next() else { return Ok(()) };
        let moment = split(&read?.1).map_err(|_| bad("an entry cannot be read"))?.header.time.micros();
        // Not before the entry was read: what fails is tried again.
        self.first = first;
        // What a group whose key is gone holds after that moment is still there to be counted.
        let months = &tools.months;
        let went = |group: &str, latest: i64| latest < moment && !months.has(group);
        let (gone, kept): (Vec<Chunk>, Vec<Chunk>) = std::mem::take(&mut self.chunks)
            .into_iter()
            .partition(|chunk| went(&chunk.header().group, chunk.header().latest));
        self.chunks = kept;
        self.buffers.retain(|group, buffer| buffer.rows.is_empty() || !went(group, buffer.span().1));
        for chunk in &gone {
            tools.pages.forget(chunk.id);
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.save(tools)?;
        self.sweep()
    }

    /// Forgets what was open of the months whose keys were destroyed since.
    fn forget_gone(&mut self, tools: &mut Tools) {
        let groups: BTreeSet<&String> =
            self.chunks.iter().map(|chunk| &chunk.header().group).chain(self.buffers.keys()).collect();
        let gone: BTreeSet<String> = groups.into_iter().filter(|group| !self.months.has(group)).cloned().collect();
        for chunk in &mut self.chunks {
            chunk.set_gone(gone.contains(&chunk.header().group), &mut tools.pages);
        }
        for group in &gone {
            if let Some(buffer) = self.buffers.get_mut(group) {
                buffer.go_blind();
            }
        }
        let months = &self.months;
        self.keys.lock_unless(|group| months.has(group));
    }

    /// One entry.
    fn look(
        &mut self,
        index: u64,
        entry: &[u8],
        parts: Parts,
        terms: &mut Vec<Token>,
        tools: &mut Tools,
    ) -> Result<(), IndexError> {
        let header = &parts.header;
        self.latest = self.latest.max(header.time.micros());
        if header.kind == Kind::SealKey {
            if self.followed && self.keys.len() >= FOLLOWED_KEYS_MAX {
                return Err(bad("a followed journal gives more keys than any node would"));
            }
            self.keys.add(entry);
            self.recent.push(entry.to_vec());
            if self.recent.len() > KEYS_MAX {
                self.recent.remove(0);
            }
            return Ok(());
        }
        let group = match self.keys.group(&header.seal_key) {
            Some(group) => group.to_owned(),
            // Its key went before the minimum, and its month long before that.
            None if self.first > 0 && self.from_first => return Ok(()),
            // Its key stands before what is looked at again: only a new beginning finds it.
            None if !self.chunks.is_empty() || !self.from_first => return Err(IndexError::Stale),
            None => {
                tracing::warn!(journal = %self.name, index, "an entry names a key that no entry gives; it is not indexed");
                return Ok(());
            }
        };
        if header.kind == Kind::Outcome
            && let Some(outcome) = header.outcome
            && self.buffers.values_mut().any(|buffer| buffer.settle(header.trace, outcome, &tools.tokens))
        {
            return Ok(());
        }
        if self.covered.get(&group).is_some_and(|to| index < *to) && self.holds(&group, index) {
            return Ok(());
        }
        if self.buffers.get(&group).is_some_and(Buffer::is_full) {
            self.flush(&group, tools, false)?;
            self.save(tools)?;
        }
        self.push(&group, index, parts, terms, tools);
        Ok(())
    }

    fn holds(&self, group: &str, index: u64) -> bool {
        let holds = |chunk: &Chunk| {
            let header = chunk.header();
            header.group == group && (header.from..header.to).contains(&index)
        };
        self.chunks.iter().any(holds)
    }

    fn push(&mut self, group: &str, index: u64, parts: Parts, terms: &mut Vec<Token>, tools: &mut Tools) {
        let body = self.keys.body(&parts, &self.months);
        let from = self.covered.get(group).copied().unwrap_or(0).min(index);
        let buffer = self.buffers.entry(group.to_owned()).or_insert_with(|| Buffer::new(from, &tools.tokens));
        if buffer.rows.is_empty() {
            buffer.blind = self.keys.is_refused(&parts.header.seal_key);
            buffer.from = buffer.from.max(from);
        }
        if let Some(entry) = self.keys.entry(&parts.header.seal_key) {
            buffer.keys.entry(parts.header.seal_key).or_insert_with(|| entry.to_vec());
        }
        let header = parts.header;
        let (kind, trace, outcome) = (header.kind, header.trace, outcome_of(header.kind, header.outcome));
        let readable = body.is_some();
        let told = trace_of(index, header, body.unwrap_or_default());
        terms.clear();
        if kind == Kind::Outcome {
            terms.push(tools.tokens.of_bytes(Field::Late, trace.as_bytes()));
        } else if readable {
            tokens_of(&tools.tokens, &told, terms);
            if kind != Kind::Intent {
                terms.push(tools.tokens.became(Became::of(kind, outcome)));
            }
        }
        if self.followed && terms.len() > FOLLOWED_TERMS_MAX {
            // Nothing that a node of ours writes: it is counted, and takes no memory.
            terms.clear();
        }
        let place = told.establishment.as_deref().unwrap_or_default();
        let place = if self.followed && place.len() > FOLLOWED_NAME_BYTES_MAX { "" } else { place };
        let row = Row {
            time: told.time.micros(),
            index,
            offset: self.offset,
            event: told.event,
            establishment: buffer.establishment(place),
            kind,
            outcome,
        };
        buffer.push(row, (kind == Kind::Intent).then_some(trace), terms);
    }

    /// Keeps memory, and what a restart reads again, within bounds.
    fn make_room(&mut self, tools: &mut Tools) -> Result<(), IndexError> {
        let live = |this: &Self, of: fn(&Buffer) -> usize| this.buffers.values().map(of).sum::<usize>();
        let mut flushed = false;
        loop {
            let of: fn(&Buffer) -> usize = match () {
                () if live(self, |buffer| buffer.rows.len()) > tools.limits.live_rows => |buffer| buffer.rows.len(),
                () if self.followed && live(self, Buffer::terms) > FOLLOWED_LIVE_TERMS_MAX => Buffer::terms,
                () => break,
            };
            let largest = self.buffers.iter().max_by_key(|(_, buffer)| of(buffer));
            let Some(group) = largest.map(|(group, _)| group.clone()) else { break };
            flushed = true;
            // One of its intents may wait for its outcome: in a journal of ours not for long, in another's as long as it likes.
            let left = self.flush(&group, tools, false)? || (self.followed && self.flush(&group, tools, true)?);
            if !left {
                break;
            }
        }
        let late = |buffer: &Buffer| buffer.rows.first().is_some_and(|row| self.next - row.index > tools.limits.lag);
        let late: Vec<String> =
            self.buffers.iter().filter(|(_, buffer)| late(buffer)).map(|(group, _)| group.clone()).collect();
        for group in late.into_iter().take(LATE_FLUSHES_MAX) {
            flushed |= self.flush(&group, tools, false)?;
        }
        if flushed { self.save(tools) } else { Ok(()) }
    }

    /// Writes what a group has in memory to a chunk, as far as it may leave, or `all` of it; says whether anything was written.
    fn flush(&mut self, group: &str, tools: &mut Tools, all: bool) -> Result<bool, IndexError> {
        let since = if all { Time::from_micros(i64::MAX) } else { Time::from_micros(self.latest) - OUTCOME_WAIT };
        let Some(buffer) = self.buffers.get_mut(group) else { return Ok(false) };
        let blind = buffer.blind;
        let Some((mut header, clear)) = buffer.drain(since, self.next, &tools.tokens)? else { return Ok(false) };
        header.origin.clone_from(&self.name);
        group.clone_into(&mut header.group);
        let (family, month) = group.split_once('-').ok_or_else(|| bad("a month without family"))?;
        // A month that is gone meanwhile takes no more: its rows are only counted.
        let to = if blind { None } else { self.months.seal_to(family, month).ok() };
        let name = name_of(group, header.from, header.to);
        manifest::write_whole(&self.folder, &name, &sealed::seal(header, &clear, &tools.keys, to.as_ref())?)?;
        self.adopt(Chunk::open(&self.folder.join(&name), tools.fresh_id(), &tools.keys)?);
        Ok(true)
    }

    fn save(&self, tools: &Tools) -> Result<(), IndexError> {
        let waiting = self.buffers.values().filter_map(|buffer| buffer.rows.first()).map(|row| row.index).min();
        let names = self.chunks.iter().filter_map(|chunk| chunk.path.file_name()?.to_str().map(str::to_owned));
        let live = self.buffers.values().flat_map(|buffer| buffer.keys.values());
        let mut keys: Vec<&Vec<u8>> = live.chain(&self.recent).collect();
        keys.sort_unstable();
        keys.dedup();
        let manifest = Manifest {
            origin: self.name.clone(),
            resume: waiting.unwrap_or(self.next),
            chunks: names.collect(),
            keys: keys.into_iter().map(|key| ByteVec::from(key.clone())).collect(),
        };
        manifest.save(&self.folder, &tools.keys)
    }

    /// Writes all that may leave to the disk: before a stop, so that the next start has little to read again.
    pub fn settle(&mut self, tools: &mut Tools) -> Result<(), IndexError> {
        let groups: Vec<String> = self.buffers.keys().cloned().collect();
        for group in groups {
            self.flush(&group, tools, false)?;
        }
        self.save(tools)
    }

    /// Reads the trace of a row; nothing if it cannot be read any more.
    pub fn trace(&mut self, row: &Row) -> Result<Option<Trace>, IndexError> {
        let Some(entry) = self.entry(row)? else { return Ok(None) };
        let Ok(parts) = split(&entry) else { return Ok(None) };
        let body: Option<Body> = self.keys.body(&parts, &self.months);
        let told = body.map(|body| Trace { outcome: row.outcome, ..trace_of(row.index, parts.header, body) });
        // A row that points at another moment is not of this journal.
        Ok(told.filter(|trace| trace.time.micros() == row.time))
    }

    fn entry(&mut self, row: &Row) -> Result<Option<Vec<u8>>, IndexError> {
        if row.index < self.first {
            return Ok(None);
        }
        for attempt in 0..4 {
            if row.index >= self.published || attempt > 0 {
                self.published = log::published(&self.journal)?;
            }
            if row.index >= self.published {
                break;
            }
            // The publisher may just have replaced the unfilled bundle by a fuller one: look again.
            if let Ok(entry) = log::pick_entry(&self.journal, self.published, row.index, row.offset) {
                return Ok(Some(entry));
            }
        }
        if !self.tail.contains_key(&row.index) {
            self.tail =
                read_entries(&self.journal, self.published.min(row.index)..self.next)?.collect::<Result<_, _>>()?;
        }
        Ok(self.tail.get(&row.index).cloned())
    }
}

fn name_of(group: &str, from: u64, to: u64) -> String {
    format!("{group}.{from:016x}.{to:016x}")
}

fn parse_name(name: &str) -> Option<(&str, u64, u64)> {
    let mut parts = name.split('.');
    let (group, from, to) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let (from, to) = (number(from)?, number(to)?);
    (name_of(group, from, to) == name).then_some((group, from, to))
}
