//! What is asked of the traces, and what they answer.

use super::followed::Behind;
use journal::{
    Became, JournalError, Kind, Outcome,
    index::{Counts, Cursor, Found, Hit, IndexError},
};
use policy::Lacking;
use std::{collections::BTreeMap, net::IpAddr};
use types::{ClockState, EstablishmentId, Event, PatientId, Time, TraceId};

/// The longest author, object or words.
pub(crate) const TEXT_CHARS_MAX: usize = 200;
/// Words that must all be there.
pub(crate) const WORDS_MAX: usize = 8;

/// Why nothing was searched.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Absent or forbidden: the same.
    #[error("not found")]
    NotFound,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// What is searched for is too long.
    #[error("author, object and words hold {TEXT_CHARS_MAX} characters at most, and {WORDS_MAX} words")]
    TooLong,
    /// Another search is under way.
    #[error("another search is under way; ask again in a moment")]
    Busy,
    /// The index of a large journal is being made.
    #[error("the search index is being made: {percent} % so far; ask again in a moment")]
    Preparing {
        /// How much of it, of a hundred.
        percent: u8,
    },
    /// A policy could not be evaluated.
    #[error("a policy could not be evaluated")]
    Fault,
    /// Not traced, so not shown; or the journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index cannot be read or made.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl TracesError {
    /// Of how many entries, so many are in the index.
    pub(crate) fn preparing((done, all): (u64, u64)) -> Self {
        let percent = done.saturating_mul(100).checked_div(all).unwrap_or(0);
        Self::Preparing { percent: u8::try_from(percent.min(99)).unwrap_or(99) }
    }
}

/// Whose traces, among those that the reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An establishment's. One that is not the reader's own has none for him.
    Of(EstablishmentId),
    /// Those of no establishment: the node's own.
    Node,
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
    /// One of these types; any when there is none.
    pub events: Vec<Event>,
    /// What became of it.
    pub became: Option<Became>,
    /// The object or the target named, with or without what kind of thing it is.
    pub object: Option<String>,
    /// Whose.
    pub place: Option<Place>,
    /// Not before.
    pub since: Option<Time>,
    /// Before, excluded.
    pub until: Option<Time>,
    /// Whole words that stand somewhere in the trace, in any case.
    pub words: Option<String>,
    /// Where the page before ended: its `next`.
    pub before: Option<Cursor>,
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
    /// Whether the node's clock was synchronized then.
    pub clock: ClockState,
    /// The act.
    pub trace: TraceId,
    /// What became of it; none where that is not said soon after.
    pub outcome: Option<Outcome>,
    /// Who.
    pub author: String,
    /// In what role.
    pub role: Option<String>,
    /// In which establishment.
    pub establishment: Option<String>,
    /// Through which door.
    pub door: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// From which port there, where that was to be recorded.
    pub port: Option<u16>,
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

impl TraceRow {
    /// What became of the act.
    pub fn became(&self) -> Became {
        Became::of(self.kind, self.outcome)
    }

    /// Its place among all.
    pub fn cursor(&self) -> Cursor {
        Cursor { time: self.time, origin: self.origin.clone(), index: self.index }
    }
}

impl From<Hit> for TraceRow {
    fn from(Hit { origin, trace }: Hit) -> Self {
        Self {
            origin,
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
            port: trace.port,
            purpose: trace.purpose,
            patients: trace.patients,
            objects: trace.objects,
            target: trace.target,
            detail: trace.detail,
            count: trace.count,
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TracePage {
    /// The traces, newest first.
    pub rows: Vec<TraceRow>,
    /// What to give as `before` for what follows; none when nothing does.
    pub next: Option<Cursor>,
    /// The search stopped before the end of what it was asked: narrow the dates, or go on with `next`.
    pub cut_short: bool,
    /// Traces that are there and cannot be read: their month's key is gone.
    pub unreadable: u64,
    /// Other nodes' journals of which the newest traces may be missing.
    pub behind: Vec<Behind>,
}

impl From<Found> for TracePage {
    fn from(found: Found) -> Self {
        let Found { hits, next, cut_short, unreadable } = found;
        let rows = hits.into_iter().map(TraceRow::from).collect();
        Self { rows, next, cut_short, unreadable, behind: Vec::new() }
    }
}

/// A day in universal time, counted from 1970-01-01.
pub type Day = i64;

/// How many traces there are, by day and type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceCounts {
    /// How many; what is not here is zero.
    pub cells: BTreeMap<(Day, Event), u64>,
    /// Traces that are there and cannot be read: they are in no number.
    pub unreadable: u64,
    /// Other nodes' journals of which the newest traces may be missing: they are in no number either.
    pub behind: Vec<Behind>,
}

impl From<Counts> for TraceCounts {
    fn from(Counts { cells, unreadable }: Counts) -> Self {
        Self { cells, unreadable, behind: Vec::new() }
    }
}

impl TraceCounts {
    /// The day of a moment.
    pub const fn day(time: Time) -> Day {
        time.seconds().div_euclid(86_400)
    }

    /// When a day begins.
    pub const fn begins(day: Day) -> Time {
        Time::from_micros(day.saturating_mul(86_400_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_they_say() {
        for micros in [0, -1, 86_399_999_999, 86_400_000_000, 1_795_262_400_000_000] {
            let day = TraceCounts::day(Time::from_micros(micros));
            assert!(TraceCounts::begins(day).micros() <= micros && micros < TraceCounts::begins(day + 1).micros());
        }
    }
}
