//! What is asked of the index, and what it answers.

use super::terms::{Field, Token, Tokens, addresses, author, authors, object, texts, words};
use crate::{Became, Trace};
use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};
use types::{Event, Time};

/// The longest name of a journal in a cursor.
const ORIGIN_BYTES_MAX: usize = 200;

/// What is searched for: everything that is given must be true of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Who acted: an account's identifier, `account:…`, or the name of a part of the system.
    pub author: Option<String>,
    /// The patient named.
    pub patient: Option<String>,
    /// From where. Refusals counted together are known by their source only (an IPv6 /64).
    pub ip: Option<IpAddr>,
    /// One of these types; any when there is none.
    pub events: Vec<Event>,
    /// What became of it.
    pub became: Option<Became>,
    /// The object or the target named, with or without what kind of thing it is.
    pub object: Option<String>,
    /// Only traces of these establishments (`None` stands for those of no establishment); all when not given.
    pub establishments: Option<Vec<Option<String>>>,
    /// Not before.
    pub since: Option<Time>,
    /// Before, excluded.
    pub until: Option<Time>,
    /// Words that all stand in the trace as words, in any case; or the name of the act itself.
    pub words: Vec<String>,
}

impl Query {
    /// Whether a trace is asked for. The index finds; this decides.
    pub fn admits(&self, trace: &Trace) -> bool {
        let told = |text: &str| {
            let text = text.to_lowercase();
            texts(trace).any(|of| of.to_lowercase().contains(&text)) || trace.trace.to_string() == text
        };
        self.in_time(trace.time)
            && self.admits_establishment(trace.establishment.as_deref())
            && self.author.as_deref().is_none_or(|who| authors(trace).any(|of| author(of) == author(who)))
            && self.patient.as_ref().is_none_or(|patient| trace.patients.contains(patient))
            && self.ip.is_none_or(|ip| trace.address.as_ref().is_some_and(|of| addresses(ip).contains(of)))
            && (self.events.is_empty() || self.events.contains(&trace.event))
            && self.became.is_none_or(|became| Became::of(trace.kind, trace.outcome) == became)
            && self.object.as_deref().is_none_or(|one| names(trace, one))
            && self.words.iter().all(|word| told(word))
    }

    /// Whether traces of an establishment may be shown at all.
    pub(crate) fn admits_establishment(&self, of: Option<&str>) -> bool {
        self.establishments.as_ref().is_none_or(|allowed| allowed.iter().any(|one| one.as_deref() == of))
    }

    pub(crate) fn in_time(&self, time: Time) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// Whether a month's group (`<family>-<yyyy-mm>`) may hold any of the types that are asked for: each is sealed to its
    /// family's key.
    pub(crate) fn meets_group(&self, group: &str) -> bool {
        let of = |event: &Event| group.strip_prefix(event.family().as_str()).is_some_and(|rest| rest.starts_with('-'));
        self.events.is_empty() || self.events.iter().any(of)
    }

    /// Whether any moment of a span is asked for.
    pub(crate) fn meets(&self, (earliest, latest): (i64, i64)) -> bool {
        self.since.is_none_or(|since| latest >= since.micros())
            && self.until.is_none_or(|until| earliest < until.micros())
    }

    /// The terms for finding: an intent whose outcome was not known when its chunk was made may have any.
    pub(crate) fn terms_to_find(&self, tokens: &Tokens) -> Vec<Vec<Token>> {
        let mut all = self.terms(tokens);
        if let Some(became) = self.became {
            let said = tokens.became(became);
            all.iter_mut().filter(|any| any.contains(&said)).for_each(|any| any.push(tokens.open()));
        }
        all
    }

    /// The terms: of each list one at least must be a row's; establishments and time apart.
    pub(crate) fn terms(&self, tokens: &Tokens) -> Vec<Vec<Token>> {
        let one = |field: Field, value: &str| vec![tokens.token(field, value)];
        let mut all = Vec::new();
        all.extend(self.author.iter().map(|who| one(Field::Author, author(who))));
        all.extend(self.patient.iter().map(|patient| one(Field::Patient, patient)));
        all.extend(self.object.iter().map(|of| one(Field::Object, object(of))));
        let from = |ip: IpAddr| addresses(ip).iter().map(|at| tokens.token(Field::Address, at)).collect();
        all.extend(self.ip.map(from));
        all.extend(self.became.map(|became| match became {
            // Whose outcome is not said yet, too.
            Became::Unknown => vec![tokens.became(became), tokens.open()],
            _ => vec![tokens.became(became)],
        }));
        if !self.events.is_empty() {
            all.push(self.events.iter().map(|event| tokens.token(Field::Event, event.as_str())).collect());
        }
        all.extend(self.words.iter().flat_map(|text| words(text)).map(|word| one(Field::Word, &word)));
        all
    }
}

/// By its whole name, or by what follows its kind.
fn names(trace: &Trace, one: &str) -> bool {
    trace.objects.iter().chain(&trace.target).any(|of| of == one || object(of) == one)
}

/// Where a page ended: what follows is older, or of the same moment and further on in the order of journals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The moment of the last trace shown.
    pub time: Time,
    /// Its journal.
    pub origin: String,
    /// Its place there.
    pub index: u64,
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
        let time = Time::from_micros(micros.parse().map_err(drop)?);
        let cursor = Self { time, origin: origin.to_owned(), index: index.parse().map_err(drop)? };
        let sound = !origin.is_empty() && origin.len() <= ORIGIN_BYTES_MAX && !origin.chars().any(char::is_control);
        // One spelling only.
        if sound && cursor.to_string() == text { Ok(cursor) } else { Err(()) }
    }
}

/// A trace that was found, with its journal. The outcome of an intent is told with it, where it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The journal.
    pub origin: String,
    /// The trace.
    pub trace: Trace,
}

impl Hit {
    /// Where a page that ends with this trace ended.
    pub fn cursor(&self) -> Cursor {
        Cursor { time: self.trace.time, origin: self.origin.clone(), index: self.trace.index }
    }
}

/// A page of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
    /// The search stopped before the page was full, so that it stays bounded: go on with `next`.
    pub cut_short: bool,
    /// Traces in the time asked for that are there and cannot be read: their month's key is gone.
    pub unreadable: u64,
}

/// How many traces of each day (in universal time, counted from 1970-01-01) and type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The numbers that are not zero.
    pub cells: BTreeMap<(i64, Event), u64>,
    /// Traces in the time asked for that cannot be read.
    pub unreadable: u64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursors_read_back(micros: i64, index: u64, origin in "[a-z0-9.-]{1,30}") {
            let cursor = Cursor { time: Time::from_micros(micros), origin, index };
            prop_assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }

        #[test]
        fn garbage_is_no_cursor(text: String) {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }
}
