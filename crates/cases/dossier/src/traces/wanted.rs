//! What a trace must be to be shown: the filter as given, and the establishment that its reader is confined to.

use super::model::{Cursor, Filter, Place, TEXT_CHARS_MAX, TraceRow, TracesError, WORDS_MAX};
use identity::Authenticated;
use journal::{Block, Kind, Trace, TraceHead};
use std::net::IpAddr;
use types::{ClientAddress, EstablishmentId, Time, limits::PAGE_OBJECTS_MAX};

/// A filter, checked, with what its reader may see at all.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub filter: Filter,
    /// Of these establishments only; none stands for the node's own traces.
    pub places: Vec<Option<String>>,
    pub words: Vec<String>,
    pub patient: Option<String>,
    pub limit: usize,
    pub until: Option<Time>,
}

impl Wanted {
    pub(crate) fn new(who: &Authenticated, filter: Filter) -> Result<Self, TracesError> {
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX);
        let text = filter.words.as_deref().unwrap_or_default().to_lowercase();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if [&filter.author, &filter.object, &filter.words].into_iter().any(long) || words.len() > WORDS_MAX {
            return Err(TracesError::TooLong);
        }
        let mut wanted = Self {
            places: places(who.establishment(), filter.place),
            words,
            patient: filter.patient.map(|id| id.to_string()),
            limit: if filter.limit == 0 { PAGE_OBJECTS_MAX } else { filter.limit.min(PAGE_OBJECTS_MAX) },
            until: None,
            filter,
        };
        wanted.begin_before(wanted.filter.before.clone());
        Ok(wanted)
    }

    /// Goes on where a page ended.
    pub(crate) fn begin_before(&mut self, before: Option<Cursor>) {
        self.until = [self.filter.until, before.as_ref().map(Cursor::until)].into_iter().flatten().min();
        self.filter.before = before;
    }

    /// What was asked, for the trace of the search.
    pub(crate) fn in_words(&self) -> String {
        let filter = &self.filter;
        let moment = |time: Time| {
            jiff::Timestamp::from_microsecond(time.micros()).map_or_else(|_| "?".to_owned(), |at| at.to_string())
        };
        let types: Vec<&str> = filter.events.iter().map(|event| event.as_str()).collect();
        let place = |place: Place| match place {
            Place::Of(id) => id.to_string(),
            Place::Node => "none".to_owned(),
        };
        let parts = [
            ("author", filter.author.clone()),
            ("patient", self.patient.clone()),
            ("ip", filter.ip.map(|ip| ip.to_string())),
            ("type", (!types.is_empty()).then(|| types.join("+"))),
            ("outcome", filter.became.map(|became| became.to_string())),
            ("object", filter.object.clone()),
            ("establishment", filter.place.map(place)),
            ("since", filter.since.map(moment)),
            ("until", filter.until.map(moment)),
            ("words", filter.words.clone()),
            ("before", filter.before.as_ref().map(|cursor| moment(cursor.time))),
        ];
        let said: Vec<String> =
            parts.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value?))).collect();
        if said.is_empty() { "everything".to_owned() } else { said.join(", ") }
    }

    fn in_time(&self, time: Time) -> bool {
        self.filter.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    pub(crate) fn may_be_in(&self, block: &Block) -> bool {
        self.filter.since.is_none_or(|since| block.latest >= since)
            && self.until.is_none_or(|until| block.earliest < until)
    }

    /// The latest moment in a block that is asked for.
    pub(crate) fn latest(&self, block: &Block) -> Time {
        let last = self.until.map(|until| Time::from_micros(until.micros().saturating_sub(1)));
        last.map_or(block.latest, |last| last.min(block.latest))
    }

    /// Outcomes are told with their intents.
    pub(crate) fn head(&self, head: &TraceHead) -> bool {
        let events = &self.filter.events;
        head.kind != Kind::Outcome && self.in_time(head.time) && (events.is_empty() || events.contains(&head.event))
    }

    /// Whether it may be shown at all: somebody else's establishment is somebody else's controller's.
    pub(crate) fn may_see(&self, trace: &Trace) -> bool {
        self.places.contains(&trace.establishment)
    }

    pub(crate) fn body(&self, origin: &str, trace: &Trace) -> bool {
        let filter = &self.filter;
        let here = (trace.time, origin, trace.index);
        self.may_see(trace)
            && filter.before.as_ref().is_none_or(|at| here < (at.time, at.origin.as_str(), at.index))
            && filter.author.as_deref().is_none_or(|author| by(trace, author))
            && self.patient.as_ref().is_none_or(|patient| trace.patients.contains(patient))
            && filter.ip.is_none_or(|ip| from(trace, ip))
            && filter.object.as_deref().is_none_or(|object| names(trace, object))
            && self.words.iter().all(|word| says(trace, word))
    }

    /// What can only be said once the outcome is known.
    pub(crate) fn ending(&self, row: &TraceRow) -> bool {
        self.filter.became.is_none_or(|became| row.became() == became)
    }
}

/// The places asked for, among those that somebody of an establishment may see.
fn places(own: Option<EstablishmentId>, asked: Option<Place>) -> Vec<Option<String>> {
    let own = own.map(|id| id.to_string());
    let asked = asked.map(|place| match place {
        Place::Of(id) => Some(id.to_string()),
        Place::Node => None,
    });
    let mut seen = vec![None];
    seen.extend(own.map(Some));
    seen.retain(|place| asked.as_ref().is_none_or(|asked| asked == place));
    seen
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

/// The object or the target, by its whole name or by what follows its kind.
fn names(trace: &Trace, asked: &str) -> bool {
    let objects = trace.objects.iter().map(String::as_str);
    objects.chain(trace.target.as_deref()).any(|held| held == asked || held.rsplit(['/', ':']).next() == Some(asked))
}

fn says(trace: &Trace, word: &str) -> bool {
    let alone = [&trace.role, &trace.door, &trace.address, &trace.purpose, &trace.target, &trace.detail];
    let texts = alone.into_iter().flatten().map(String::as_str);
    let lists = trace.patients.iter().chain(&trace.objects).map(String::as_str);
    let all = [trace.event.as_str(), trace.author.as_str()].into_iter().chain(texts).chain(lists);
    all.into_iter().any(|text| text.to_lowercase().contains(word)) || trace.trace.to_string() == word
}
