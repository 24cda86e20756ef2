//! The search of traces. Nothing is searched before somebody asks: each search leaves a trace.

use crate::{
    asked::{place, types_of},
    exports::{self, Format},
    handlers::{Asking, Before, Member, Named, Posted, back, of_journal, or_default, sessions::standing},
    pages::{Counted, NotSearched, Refusal, TraceFields, TraceSheet, TraceSheetView, Traces, TracesView, Wrong},
};
use axum::{extract::Query, response::Response};
use dossier::{Cursor, Filter, SearchesError, TracesError};
use entrance::{Failure, shown};
use serde::Deserialize;
use types::{Role, SearchId, Time};
use web::{
    layout::ErrorKind,
    when::{day_begins, month_begins, read_local},
};

/// Pages that lead back to the first one by one; from further on the way back is shorter.
const BACK_MAX: usize = 30;
/// The longest text that is searched for.
const TEXT_CHARS_MAX: usize = 100;
/// Words at most.
const WORDS_MAX: usize = 8;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    author: String,
    patient: String,
    ip: String,
    #[serde(rename = "type")]
    event: String,
    outcome: String,
    object: String,
    establishment: String,
    period: String,
    since: String,
    until: String,
    q: String,
    before: String,
    back: String,
    go: Option<String>,
    format: String,
    problem: Option<String>,
}

impl Asked {
    pub(crate) fn fields(self) -> TraceFields {
        TraceFields {
            author: self.author,
            patient: self.patient,
            ip: self.ip,
            event: self.event,
            outcome: self.outcome,
            object: self.object,
            establishment: self.establishment,
            period: self.period,
            since: self.since,
            until: self.until,
            q: self.q,
        }
    }
}

pub(crate) async fn search(member: Member, asked: Asking<Asked>) -> Response {
    if member.who.role != Role::TraceController {
        return member.turned_away("traces").await;
    }
    let mut asked = or_default(asked);
    let goes = asked.go.is_some();
    let (before, back) = (std::mem::take(&mut asked.before), std::mem::take(&mut asked.back));
    let refusal = Before { problem: asked.problem.take() }.refusal();
    let own = member.who.authenticated.establishment();
    let mut view = TracesView { fields: asked.fields(), own, refusal, ..TracesView::default() };
    match member.visit.state.searches().list(&member.who.authenticated).await {
        Ok(saved) => view.saved = saved,
        Err(error) => return not_kept(&member, &error).await,
    }
    if !goes {
        return shown(member.visit.lang, &Traces::new(member.chrome(), view));
    }
    // A cursor is no field: one that cannot be read is none of ours, and the first page is as good.
    let before: Option<Cursor> = before.parse().ok();
    view.back = back.split(',').filter_map(|text| text.parse().ok()).take(BACK_MAX).collect();
    view.before = before.clone();
    match filter(&view.fields, member.visit.state.now()) {
        Err(wrong) => view.wrong = wrong,
        Ok(filter) => {
            (view.since, view.until) = (filter.since, filter.until);
            let filter = Filter { before, ..filter };
            match member.visit.state.traces().overview(&member.who.authenticated, filter).await {
                Ok((page, counts)) => {
                    view.found = Some(page);
                    view.counts = Some(Counted::from(counts));
                }
                Err(error) => match not_searched(&error) {
                    Ok(why) => view.not_searched = Some(why),
                    Err(failure) => return member.failed(failure, &error).await,
                },
            }
        }
    }
    shown(member.visit.lang, &Traces::new(member.chrome(), view))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Saving {
    name: String,
    search: String,
}

/// Keeps a search under a name. What an address would not say is not kept.
pub(crate) async fn save(Posted { member, form }: Posted<Saving>) -> Response {
    let address = format!("/?{}", form.search).parse().ok();
    let asked = address.and_then(|address| Query::<Asked>::try_from_uri(&address).ok());
    // The page writes it; nothing is kept of what it cannot have written.
    let Some(Query(asked)) = asked else { return back(&member, "/traces", Some(Refusal::Invalid)) };
    let query = asked.fields().query();
    let done = member.visit.state.searches().save(&member.who.authenticated, &form.name, &query).await;
    let refusal = match done {
        Ok(_) => return back(&member, &format!("/traces?{query}"), None),
        Err(SearchesError::Name) => Refusal::Label,
        Err(SearchesError::Full) => Refusal::Full,
        Err(error) => return not_kept(&member, &error).await,
    };
    back(&member, "/traces", Some(refusal))
}

/// Forgets one.
pub(crate) async fn forget(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    let id = named.id(SearchId::from_bytes);
    match member.visit.state.searches().forget(&member.who.authenticated, id).await {
        Ok(()) => back(&member, "/traces", None),
        Err(error) => not_kept(&member, &error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

async fn not_kept(member: &Member, error: &SearchesError) -> Response {
    let failure = match error {
        SearchesError::Lacking(lacking) => Failure::Lacking(*lacking),
        SearchesError::NotFound => Failure::Shown(ErrorKind::NotFound),
        SearchesError::Name | SearchesError::Full => Failure::Shown(ErrorKind::BadRequest),
        SearchesError::Journal(error) => of_journal(error),
        SearchesError::Store(_) => Failure::Shown(ErrorKind::JournalUnavailable),
        SearchesError::Fault | SearchesError::Vault(_) => Failure::Fault,
    };
    member.failed(failure, error).await
}

/// One trace, with all that is known of it. Looking at it is a search like another.
pub(crate) async fn one(member: Member, named: Named) -> Response {
    let index = named.number.parse().unwrap_or(u64::MAX);
    let asked = member.visit.state.traces().one(&member.who.authenticated, &named.id, index).await;
    match asked {
        Ok(row) => shown(member.visit.lang, &TraceSheet::new(member.chrome(), TraceSheetView { row })),
        Err(error) => {
            let failure = match not_searched(&error) {
                Ok(_) => Failure::Shown(ErrorKind::Busy),
                Err(failure) => failure,
            };
            member.failed(failure, &error).await
        }
    }
}

/// The result of a search as a file.
pub(crate) async fn export(member: Member, asked: Asking<Asked>) -> Response {
    let asked = or_default(asked);
    if member.who.role != Role::TraceController {
        return member.turned_away("traces").await;
    }
    let Some(format) = Format::named(&asked.format) else { return member.error(ErrorKind::NotFound) };
    let fields = asked.fields();
    let Ok(filter) = filter(&fields, member.visit.state.now()) else {
        // The page says what is wrong.
        return back(&member, &format!("/traces?{}", fields.query()), None);
    };
    let Some(place) = member.visit.state.exporter_place(member.who.account) else {
        return member.error(ErrorKind::Busy);
    };
    match member.visit.state.traces().export(&member.who.authenticated, filter).await {
        Ok(export) => exports::answer(export, format, standing(&member), place),
        Err(error) => {
            let failure = match not_searched(&error) {
                Ok(_) => Failure::Shown(ErrorKind::Busy),
                Err(failure) => failure,
            };
            member.failed(failure, &error).await
        }
    }
}

/// What was typed, or all that cannot be read of it: no filter is silently left out.
pub(crate) fn filter(fields: &TraceFields, now: Time) -> Result<Filter, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let mut read = Reader { wrong: &mut wrong };
    let words = |text: &str| {
        let sound = text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
        (sound && text.split_whitespace().count() <= WORDS_MAX).then(|| text.to_owned())
    };
    let mut filter = Filter {
        author: read.field(&fields.author, Wrong::Author, words),
        patient: read.field(&fields.patient, Wrong::Patient, |text| text.parse().ok()),
        ip: read.field(&fields.ip, Wrong::Ip, |text| text.parse().ok()),
        events: read.field(&fields.event, Wrong::Type, types_of).unwrap_or_default(),
        became: read.field(&fields.outcome, Wrong::Outcome, |text| text.parse().ok()),
        object: read.field(&fields.object, Wrong::Object, words),
        place: read.field(&fields.establishment, Wrong::Establishment, place),
        since: read.field(&fields.since, Wrong::Since, read_local),
        until: read.field(&fields.until, Wrong::Until, read_local),
        words: read.field(&fields.q, Wrong::Words, words),
        before: None,
        limit: 0,
    };
    let period = read.field(&fields.period, Wrong::Period, |text| period(text, now));
    let (from, to) = period.unwrap_or_default();
    filter.since = filter.since.max(from);
    filter.until = [filter.until, to].into_iter().flatten().min();
    if wrong.is_empty() && filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until) {
        wrong.push(Wrong::Order);
    }
    if wrong.is_empty() { Ok(filter) } else { Err(wrong) }
}

struct Reader<'w> {
    wrong: &'w mut Vec<Wrong>,
}

impl Reader<'_> {
    fn field<T>(&mut self, text: &str, name: Wrong, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let read = parse(text);
        if read.is_none() {
            self.wrong.push(name);
        }
        read
    }
}

/// The choices of time that need no dates: from when, and until when where that is past.
fn period(text: &str, now: Time) -> Option<(Option<Time>, Option<Time>)> {
    Some(match text {
        "today" => (Some(day_begins(now, 0)), None),
        "7d" => (Some(day_begins(now, 6)), None),
        "30d" => (Some(day_begins(now, 29)), None),
        "month" => (Some(month_begins(now, 1)), Some(month_begins(now, 0))),
        _ => return None,
    })
}

fn not_searched(error: &TracesError) -> Result<NotSearched, Failure> {
    match error {
        TracesError::Busy => Ok(NotSearched::Busy),
        TracesError::Preparing { percent } => Ok(NotSearched::Preparing(*percent)),
        TracesError::Lacking(lacking) => Err(Failure::Lacking(*lacking)),
        TracesError::NotFound | TracesError::TooLong => Err(Failure::Shown(ErrorKind::NotFound)),
        TracesError::Journal(error) => Err(of_journal(error)),
        TracesError::Index(_) => Err(Failure::Shown(ErrorKind::JournalUnavailable)),
        TracesError::Fault => Err(Failure::Fault),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use types::Event;

    /// Saturday 21 November 2026, 14:05 in Paris.
    const NOW: Time = Time::from_micros(1_795_266_300_000_000);

    #[test]
    fn what_cannot_be_read_is_told_all_at_once() {
        let fields = TraceFields {
            author: "x".repeat(101),
            patient: "Durand".into(),
            ip: "300.1.1.1".into(),
            event: "nothing".into(),
            outcome: "maybe".into(),
            object: "a\u{7}b".into(),
            establishment: "Valombre".into(),
            period: "always".into(),
            since: "hier".into(),
            until: "demain".into(),
            q: "1 2 3 4 5 6 7 8 9".into(),
        };
        assert_eq!(filter(&fields, NOW).unwrap_err().len(), 11);
        let turned =
            TraceFields { since: "2026-11-21T10:00".into(), until: "2026-11-21T09:00".into(), ..Default::default() };
        assert_eq!(filter(&turned, NOW), Err(vec![Wrong::Order]));
        let ahead = TraceFields { period: "month".into(), since: "2026-11-01T00:00".into(), ..Default::default() };
        assert_eq!(filter(&ahead, NOW), Err(vec![Wrong::Order]), "last month ended before");
    }

    #[test]
    fn what_is_read_is_what_was_typed() {
        let at = |text: &str| read_local(text).unwrap();
        let fields = TraceFields { event: "record".into(), period: "month".into(), ..Default::default() };
        let month = filter(&fields, NOW).unwrap();
        assert!(month.events.contains(&Event::RecordRead));
        assert_eq!((month.since, month.until), (Some(at("2026-10-01T00:00")), Some(at("2026-11-01T00:00"))));
        let narrowed = TraceFields { since: "2026-10-12T08:00".into(), ..fields };
        assert_eq!(filter(&narrowed, NOW).unwrap().since, Some(at("2026-10-12T08:00")), "both hold");
        for (choice, since) in [("today", "2026-11-21T00:00"), ("7d", "2026-11-15T00:00"), ("30d", "2026-10-23T00:00")]
        {
            let fields = TraceFields { period: choice.into(), ..Default::default() };
            let read = filter(&fields, NOW).unwrap();
            assert_eq!((read.since, read.until), (Some(at(since)), None), "{choice}");
        }
        assert_eq!(filter(&TraceFields::default(), NOW).unwrap(), Filter::default());
    }
}
