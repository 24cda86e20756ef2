//! Searching raw traces: for trace controllers only, and traced before anything is shown.

use identity::Authenticated;
use journal::{BLOCK_ENTRIES, Block, Journal, JournalError, Kind, Outcome, Refusal, Trace, TraceHead, TraceReader};
use policy::{Denied, Facts, Policies, SearchTraces};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use types::{ClientAddress, Event, PatientId, Time, TraceId, limits::PAGE_OBJECTS_MAX};
use vault::MonthKeys;

/// Entries that one search reads at most.
const SCAN_ENTRIES_MAX: u64 = 65_536;
/// New entries that one search takes note of at most, in each journal.
const CATCH_UP_ENTRIES_MAX: u64 = 1_000_000;
/// Journals under one folder that are searched.
const ORIGINS_MAX: usize = 64;
/// The longest author or words.
const TEXT_CHARS_MAX: usize = 200;
/// Words that must all be there.
const WORDS_MAX: usize = 8;
/// How long a search waits for the one before it.
const TURN_MAX: Duration = Duration::from_secs(5);

/// Why nothing was searched.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Absent or forbidden: the same.
    #[error("not found")]
    NotFound,
    /// What is searched for is too long.
    #[error("author and words hold {TEXT_CHARS_MAX} characters at most, and {WORDS_MAX} words")]
    TooLong,
    /// Another search is under way.
    #[error("another search is under way; ask again in a moment")]
    Busy,
    /// The journal is large, and its dates are being noted: each search goes on where the one before ended.
    #[error("the journal is being prepared for searching; ask again in a moment")]
    Preparing,
    /// A policy could not be evaluated.
    #[error("a policy could not be evaluated")]
    Fault,
    /// Not traced, so not shown; or the journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder of the journals cannot be read.
    #[error("the journals cannot be listed: {0}")]
    Folder(String),
}

/// What is searched for: everything that is given must be true of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Who: an account's identifier, `account:…`, or the name of a part of the system.
    pub author: Option<String>,
    /// The patient named.
    pub patient: Option<PatientId>,
    /// From where. Refusals counted together are known by their source only (an IPv6 /64).
    pub ip: Option<IpAddr>,
    /// The type of event.
    pub event: Option<Event>,
    /// Not before.
    pub since: Option<Time>,
    /// Before, excluded.
    pub until: Option<Time>,
    /// Words that stand somewhere in the trace, in any case.
    pub words: Option<String>,
    /// Where the page before ended: its `next`.
    pub before: Option<u64>,
    /// Rows at most, 1 to 100; 0 means 100.
    pub limit: usize,
}

/// One act as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRow {
    /// In which journal.
    pub origin: String,
    /// Its place there.
    pub index: u64,
    /// What it says of the act.
    pub kind: Kind,
    /// The type of event.
    pub event: Event,
    /// When.
    pub time: Time,
    /// The act.
    pub trace: TraceId,
    /// What became of it; none where that is not said soon after.
    pub outcome: Option<Outcome>,
    /// Who.
    pub author: String,
    /// In what role.
    pub role: Option<String>,
    /// Through which door.
    pub door: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// Why.
    pub purpose: Option<String>,
    /// The patients named.
    pub patients: Vec<String>,
    /// The objects named, as `category/id`.
    pub objects: Vec<String>,
    /// The target, where it is not a patient.
    pub target: Option<String>,
    /// Anything else.
    pub detail: Option<String>,
    /// How many, where several are counted together.
    pub count: Option<u64>,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TracePage {
    /// The traces, newest first.
    pub rows: Vec<TraceRow>,
    /// What to give as `before` for what follows; none when nothing does.
    pub next: Option<u64>,
    /// The search stopped before the end of what it was asked: narrow the dates, or go on with `next`.
    pub cut_short: bool,
    /// Traces that are there and cannot be read: their month's key is gone.
    pub unreadable: u64,
}

/// Searches the journals of a node.
#[derive(Clone)]
pub struct Traces(Arc<Parts>);

struct Parts {
    folder: PathBuf,
    months: Arc<MonthKeys>,
    journal: Journal,
    policies: Arc<Policies>,
    readers: Mutex<BTreeMap<String, TraceReader>>,
    turn: Arc<Semaphore>,
    scan_entries_max: u64,
}

impl Traces {
    /// Over the folder `journal/`, which holds one journal for each origin, with the months' keys.
    pub fn new(folder: PathBuf, months: MonthKeys, journal: Journal, policies: Arc<Policies>) -> Self {
        Self::bounded(folder, months, journal, policies, SCAN_ENTRIES_MAX)
    }

    pub(crate) fn bounded(
        folder: PathBuf,
        months: MonthKeys,
        journal: Journal,
        policies: Arc<Policies>,
        scan_entries_max: u64,
    ) -> Self {
        Self(Arc::new(Parts {
            folder,
            months: Arc::new(months),
            journal,
            policies,
            readers: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            scan_entries_max,
        }))
    }

    /// Searches, newest first. That somebody searched, and for what, is durable before anything is read; a refusal is
    /// traced too. Only traces of his own establishment are shown, and those of no establishment (the node's own).
    pub async fn search(&self, who: &Authenticated, filter: Filter) -> Result<TracePage, TracesError> {
        let wanted = Wanted::new(who, filter)?;
        let parts = Arc::clone(&self.0);
        let now = parts.journal.now();
        let action = SearchTraces { query: wanted.in_words() };
        let authorized = match parts.policies.decide(who, action, &Facts::default(), now) {
            Ok(authorized) => authorized,
            Err(Denied::Fault) => return Err(TracesError::Fault),
            Err(why) => {
                let refusal = Refusal { target: "traces".into(), reason: why.to_string() };
                parts.journal.refuse(who, Event::Refused, &refusal).await?;
                return Err(TracesError::NotFound);
            }
        };
        parts.journal.disclose(authorized).await?;
        // One at a time: a search reads much, and those who may are few.
        let turn = tokio::time::timeout(TURN_MAX, Arc::clone(&parts.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| TracesError::Busy)?.map_err(|_| TracesError::Busy)?;
        let search = move || {
            let _turn = turn;
            parts.search(&wanted)
        };
        tokio::task::spawn_blocking(search).await.map_err(|_| JournalError::Fault)?
    }
}

impl Parts {
    fn search(&self, wanted: &Wanted) -> Result<TracePage, TracesError> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        for origin in origins(&self.folder)? {
            let folder = self.folder.join(&origin);
            let reader = readers.entry(origin).or_insert_with(|| TraceReader::new(&folder, Arc::clone(&self.months)));
            if !reader.catch_up(CATCH_UP_ENTRIES_MAX)? {
                return Err(TracesError::Preparing);
            }
        }
        let mut scan = Scan::begin(&readers, wanted, self.scan_entries_max);
        scan.run(&mut readers, wanted)?;
        let mut page = scan.page(wanted);
        for row in page.rows.iter_mut().filter(|row| row.kind == Kind::Intent) {
            if let Some(reader) = readers.get(&row.origin) {
                row.outcome = reader.outcome(row.index, row.trace)?;
            }
        }
        Ok(page)
    }
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
    fn begin(readers: &BTreeMap<String, TraceReader>, wanted: &Wanted, entries_left: u64) -> Self {
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

    fn run(&mut self, readers: &mut BTreeMap<String, TraceReader>, wanted: &Wanted) -> Result<(), TracesError> {
        while self.settled() <= wanted.limit {
            // A search always gets further than where it began, so that whoever goes on comes to an end.
            if self.entries_left < BLOCK_ENTRIES && self.frontier() < self.began {
                self.cut_short = !self.blocks.is_empty();
                return Ok(());
            }
            self.entries_left = self.entries_left.saturating_sub(BLOCK_ENTRIES);
            let Some((_, origin, block)) = self.blocks.pop() else { return Ok(()) };
            let Some(reader) = readers.get_mut(&origin) else { continue };
            let read = reader.read(&block, &|head| wanted.head(head))?;
            self.unreadable += read.unreadable;
            let traces = read.traces.into_iter().filter(|trace| wanted.body(trace));
            self.rows.extend(traces.map(|trace| row(&origin, trace)));
        }
        Ok(())
    }

    fn page(mut self, wanted: &Wanted) -> TracePage {
        let frontier = self.frontier();
        self.rows.retain(|row| frontier.is_none_or(|frontier| row.time > frontier));
        self.rows.sort_by(|a, b| (b.time, &b.origin, b.index).cmp(&(a.time, &a.origin, a.index)));
        // A page never ends between two traces of one moment: the next one begins before that moment.
        let last = self.rows.get(wanted.limit - 1).map(|row| row.time);
        let kept = last.map_or(self.rows.len(), |last| self.rows.partition_point(|row| row.time >= last));
        let more = kept < self.rows.len() || (kept > 0 && last.is_some() && frontier.is_some());
        let next = match (more, last, frontier) {
            (true, Some(last), _) => Some(last.micros()),
            // What comes next begins with the block that was not read.
            (false, _, Some(frontier)) => Some(frontier.micros().saturating_add(1)),
            _ => None,
        };
        self.rows.truncate(kept);
        TracePage {
            rows: self.rows,
            next: next.and_then(|micros| u64::try_from(micros).ok()),
            cut_short: self.cut_short && !more,
            unreadable: self.unreadable,
        }
    }
}

/// A filter, checked, with the establishment it is confined to.
struct Wanted {
    filter: Filter,
    establishment: Option<String>,
    words: Vec<String>,
    patient: Option<String>,
    limit: usize,
    until: Option<Time>,
}

impl Wanted {
    fn new(who: &Authenticated, filter: Filter) -> Result<Self, TracesError> {
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX);
        let text = filter.words.as_deref().unwrap_or_default().to_lowercase();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if long(&filter.author) || long(&filter.words) || words.len() > WORDS_MAX {
            return Err(TracesError::TooLong);
        }
        let before = filter.before.map(|micros| Time::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)));
        Ok(Self {
            establishment: who.establishment().map(|id| id.to_string()),
            words,
            patient: filter.patient.map(|id| id.to_string()),
            limit: if filter.limit == 0 { PAGE_OBJECTS_MAX } else { filter.limit.min(PAGE_OBJECTS_MAX) },
            until: [filter.until, before].into_iter().flatten().min(),
            filter,
        })
    }

    /// What was asked, for the trace of the search.
    fn in_words(&self) -> String {
        let filter = &self.filter;
        let moment = |time: Time| {
            jiff::Timestamp::from_microsecond(time.micros()).map_or_else(|_| "?".to_owned(), |at| at.to_string())
        };
        let parts = [
            ("author", filter.author.clone()),
            ("patient", self.patient.clone()),
            ("ip", filter.ip.map(|ip| ip.to_string())),
            ("type", filter.event.map(|event| event.to_string())),
            ("since", filter.since.map(moment)),
            ("until", self.until.map(moment)),
            ("words", filter.words.clone()),
        ];
        let said: Vec<String> =
            parts.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value?))).collect();
        if said.is_empty() { "everything".to_owned() } else { said.join(", ") }
    }

    fn in_time(&self, time: Time) -> bool {
        self.filter.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    fn may_be_in(&self, block: &Block) -> bool {
        self.filter.since.is_none_or(|since| block.latest >= since)
            && self.until.is_none_or(|until| block.earliest < until)
    }

    /// The latest moment in a block that is asked for.
    fn latest(&self, block: &Block) -> Time {
        let last = self.until.map(|until| Time::from_micros(until.micros().saturating_sub(1)));
        last.map_or(block.latest, |last| last.min(block.latest))
    }

    /// Outcomes are told with their intents.
    fn head(&self, head: &TraceHead) -> bool {
        head.kind != Kind::Outcome
            && self.in_time(head.time)
            && self.filter.event.is_none_or(|event| head.event == event)
    }

    fn body(&self, trace: &Trace) -> bool {
        // Somebody else's establishment is somebody else's controller's.
        let ours = trace.establishment.is_none() || trace.establishment == self.establishment;
        ours && self.filter.author.as_deref().is_none_or(|author| by(trace, author))
            && self.patient.as_ref().is_none_or(|patient| trace.patients.contains(patient))
            && self.filter.ip.is_none_or(|ip| from(trace, ip))
            && self.words.iter().all(|word| says(trace, word))
    }
}

fn by(trace: &Trace, author: &str) -> bool {
    trace.author == author || trace.author.strip_prefix("account:") == Some(author)
}

fn from(trace: &Trace, ip: IpAddr) -> bool {
    let held = trace.address.as_deref().and_then(|text| text.parse().ok()).map(ClientAddress::new);
    let asked = ClientAddress::new(ip);
    held.is_some_and(|held| match trace.kind {
        Kind::Folded => held.source() == asked.source(),
        _ => held == asked,
    })
}

fn says(trace: &Trace, word: &str) -> bool {
    let alone = [&trace.role, &trace.door, &trace.address, &trace.purpose, &trace.target, &trace.detail];
    let texts = alone.into_iter().flatten().map(String::as_str);
    let lists = trace.patients.iter().chain(&trace.objects).map(String::as_str);
    let all = [trace.event.as_str(), trace.author.as_str()].into_iter().chain(texts).chain(lists);
    all.into_iter().any(|text| text.to_lowercase().contains(word)) || trace.trace.to_string() == word
}

fn row(origin: &str, trace: Trace) -> TraceRow {
    TraceRow {
        origin: origin.to_owned(),
        index: trace.index,
        kind: trace.kind,
        event: trace.event,
        time: trace.time,
        trace: trace.trace,
        outcome: trace.outcome,
        author: trace.author,
        role: trace.role,
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
