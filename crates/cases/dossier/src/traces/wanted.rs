//! What a trace must be to be shown: the filter as given, and the establishment that its reader is confined to.

use super::model::{Filter, Place, TEXT_CHARS_MAX, TracesError, WORDS_MAX};
use identity::Authenticated;
use journal::index::{Cursor, Query};
use types::{EstablishmentId, Time, limits::PAGE_OBJECTS_MAX};

/// A filter, checked, with what its reader may see at all.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub query: Query,
    pub before: Option<Cursor>,
    pub limit: usize,
    filter: Filter,
}

impl Wanted {
    pub(crate) fn new(who: &Authenticated, filter: Filter) -> Result<Self, TracesError> {
        Self::of(who.establishment(), filter)
    }

    /// For somebody of an establishment.
    pub(crate) fn of(establishment: Option<EstablishmentId>, filter: Filter) -> Result<Self, TracesError> {
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX);
        let text = filter.words.as_deref().unwrap_or_default().to_lowercase();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if [&filter.author, &filter.object, &filter.words].into_iter().any(long) || words.len() > WORDS_MAX {
            return Err(TracesError::TooLong);
        }
        let query = Query {
            author: filter.author.clone(),
            patient: filter.patient.map(|id| id.to_string()),
            ip: filter.ip,
            events: filter.events.clone(),
            became: filter.became,
            object: filter.object.clone(),
            establishments: Some(places(establishment, filter.place)),
            since: filter.since,
            until: filter.until,
            words,
        };
        let limit = if filter.limit == 0 { PAGE_OBJECTS_MAX } else { filter.limit.min(PAGE_OBJECTS_MAX) };
        Ok(Self { query, before: filter.before.clone(), limit, filter })
    }

    /// Whatever its reader may see, and nothing else.
    pub(crate) fn all_of_his(self) -> Self {
        let query = Query { establishments: self.query.establishments, ..Query::default() };
        Self { query, ..self }
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
            ("patient", self.query.patient.clone()),
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
