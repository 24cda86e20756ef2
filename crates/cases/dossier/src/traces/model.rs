//! What is asked of the traces, and what they answer.

use crate::catalogue::words;
use journal::{JournalError, Kind, Outcome};
use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};
use types::{ClockState, EstablishmentId, Event, PatientId, Time, TraceId};

/// The longest author, object or words.
pub(crate) const TEXT_CHARS_MAX: usize = 200;
/// Words that must all be there.
pub(crate) const WORDS_MAX: usize = 8;
/// The longest name of a journal in a cursor.
const ORIGIN_CHARS_MAX: usize = 200;

/// Why nothing was searched.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Absent or forbidden: the same.
    #[error("not found")]
    NotFound,
    /// What is searched for is too long.
    #[error("author, object and words hold {TEXT_CHARS_MAX} characters at most, and {WORDS_MAX} words")]
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

words! {
    /// What became of an act, as people search for it.
    Became {
        /// It was done.
        Done = "done",
        /// It was shown.
        Shown = "shown",
        /// It was refused.
        Refused = "refused",
        /// It was tried, and failed.
        Failed = "failed",
        /// It was begun, and never done.
        Abandoned = "abandoned",
        /// Nothing says what became of it.
        Unknown = "unknown",
        /// It is told, and asks for no outcome.
        Noted = "noted",
    }
}

/// Where a page of traces ended: what follows it comes before this place in time, journal and index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The moment.
    pub time: Time,
    /// The journal.
    pub origin: String,
    /// The place there.
    pub index: u64,
}

/// No journal's name comes before this one.
const FIRST_ORIGIN: &str = "!";

impl Cursor {
    /// Where what is of this moment or before begins, whatever its journal.
    pub(crate) fn after(time: Time) -> Self {
        Self { time: Time::from_micros(time.micros().saturating_add(1)), origin: FIRST_ORIGIN.into(), index: 0 }
    }

    /// All that follows comes before this moment.
    pub(crate) fn until(&self) -> Time {
        // Of its own moment something may follow, unless it stands before all of it: whoever goes on must get further.
        let own = i64::from(self.origin != FIRST_ORIGIN);
        Time::from_micros(self.time.micros().saturating_add(own))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.time.micros(), self.index, self.origin)
    }
}

impl FromStr for Cursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let (Some(micros), Some(index), Some(origin)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(());
        };
        let sound = !origin.is_empty() && origin.len() <= ORIGIN_CHARS_MAX && !origin.chars().any(char::is_control);
        let time = Time::from_micros(micros.parse().map_err(drop)?);
        let cursor = Self { time, index: index.parse().map_err(drop)?, origin: origin.to_owned() };
        // One spelling only.
        if sound && cursor.to_string() == text { Ok(cursor) } else { Err(()) }
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
    /// Words that stand somewhere in the trace, in any case.
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
        match (self.kind, self.outcome) {
            // Final when written: their outcome says no more than their kind.
            (Kind::Released, _) => Became::Shown,
            (Kind::Note, _) => Became::Noted,
            (Kind::Refusal | Kind::Folded, _) | (_, Some(Outcome::Refused)) => Became::Refused,
            (_, Some(Outcome::Done)) => Became::Done,
            (_, Some(Outcome::Failed)) => Became::Failed,
            (_, Some(Outcome::Abandoned)) => Became::Abandoned,
            (_, Some(Outcome::Unknown) | None) => Became::Unknown,
        }
    }

    /// Its place among all.
    pub fn cursor(&self) -> Cursor {
        Cursor { time: self.time, origin: self.origin.clone(), index: self.index }
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
}

/// A day in universal time, counted from 1970-01-01.
pub type Day = i64;

/// How many traces there are, by day and type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceCounts {
    /// How many; what is not here is zero.
    pub cells: BTreeMap<(Day, Event), u64>,
    /// Counting stopped before the end of what it was asked: older traces are not in the numbers.
    pub cut_short: bool,
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
    fn a_cursor_reads_back_and_has_one_spelling() {
        for text in ["1.2.node", "-5.0.a.b", "0.18446744073709551615.n"] {
            assert_eq!(text.parse::<Cursor>().map(|cursor| cursor.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "1", "1.2", "1.2.", "+1.2.n", "01.2.n", "x.2.n", "1.-2.n", "1.2.n\n", " 1.2.n"] {
            assert_eq!(text.parse::<Cursor>(), Err(()), "{text:?}");
        }
        let long = format!("1.2.{}", "n".repeat(ORIGIN_CHARS_MAX + 1));
        assert_eq!(long.parse::<Cursor>(), Err(()));
    }

    #[test]
    fn days_begin_where_they_say() {
        for micros in [0, -1, 86_399_999_999, 86_400_000_000, 1_795_262_400_000_000] {
            let day = TraceCounts::day(Time::from_micros(micros));
            assert!(TraceCounts::begins(day).micros() <= micros && micros < TraceCounts::begins(day + 1).micros());
        }
    }
}
