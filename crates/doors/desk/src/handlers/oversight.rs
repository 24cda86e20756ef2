//! Traces and rules.

use crate::{
    handlers::{Asking, Member, or_default},
    pages::{NotSearched, Rules, RulesView, TraceFields, Traces, TracesView},
};
use axum::response::Response;
use dossier::{Filter, RulesError, State, TracesError};
use entrance::{Failure, shown};
use serde::Deserialize;
use types::Role;
use web::{layout::ErrorKind, when::read_local};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    author: String,
    patient: String,
    ip: String,
    #[serde(rename = "type")]
    event: String,
    since: String,
    until: String,
    q: String,
    before: Option<u64>,
    go: Option<String>,
}

/// Nothing is searched before somebody asks: each search leaves a trace.
pub(crate) async fn traces(member: Member, asked: Asking<Asked>) -> Response {
    if member.who.role != Role::TraceController {
        return member.error(ErrorKind::NotFound);
    }
    let asked = or_default(asked);
    let (goes, before) = (asked.go.is_some() || asked.before.is_some(), asked.before);
    let fields = TraceFields {
        author: asked.author,
        patient: asked.patient,
        ip: asked.ip,
        event: asked.event,
        since: asked.since,
        until: asked.until,
        q: asked.q,
    };
    let mut view = TracesView { fields, ..TracesView::default() };
    if goes {
        match filter(&view.fields, before) {
            None => view.not_searched = Some(NotSearched::Unclear),
            Some(filter) => match member.visit.state.traces().search(&member.who.authenticated, filter).await {
                Ok(page) => view.found = Some(page),
                Err(error) => match not_searched(&error) {
                    Ok(why) => view.not_searched = Some(why),
                    Err(failure) => return member.failed(failure, &error).await,
                },
            },
        }
    }
    shown(member.visit.lang, &Traces::new(member.chrome(), view))
}

/// What was typed; none when a part of it cannot be read: no filter is silently left out.
fn filter(fields: &TraceFields, before: Option<u64>) -> Option<Filter> {
    fn read<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
        match text.trim() {
            "" => Some(None),
            text => parse(text).map(Some),
        }
    }
    let words = |text: &str| Some(text.to_owned());
    Some(Filter {
        author: read(&fields.author, words)?,
        patient: read(&fields.patient, |text| text.parse().ok())?,
        ip: read(&fields.ip, |text| text.parse().ok())?,
        event: read(&fields.event, |text| text.parse().ok())?,
        since: read(&fields.since, read_local)?,
        until: read(&fields.until, read_local)?,
        words: read(&fields.q, words)?,
        before,
        limit: 0,
    })
}

fn not_searched(error: &TracesError) -> Result<NotSearched, Failure> {
    match error {
        TracesError::Busy | TracesError::Preparing => Ok(NotSearched::Busy),
        TracesError::TooLong => Ok(NotSearched::TooLong),
        TracesError::NotFound => Err(Failure::Shown(ErrorKind::NotFound)),
        TracesError::Journal(journal::JournalError::Revoked) => Err(Failure::Ended),
        TracesError::Journal(_) | TracesError::Folder(_) => Err(Failure::Shown(ErrorKind::JournalUnavailable)),
        TracesError::Fault => Err(Failure::Fault),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Narrowed {
    text: String,
    state: String,
}

pub(crate) async fn rules(member: Member, asked: Asking<Narrowed>) -> Response {
    let asked = or_default(asked);
    let service = member.visit.state.rules();
    let rows = match service.list(&member.who.authenticated, member.visit.state.now()).await {
        Ok(rows) => rows,
        Err(error) => {
            let failure = match &error {
                RulesError::NotFound => Failure::Shown(ErrorKind::NotFound),
                RulesError::Fault => Failure::Fault,
                RulesError::Journal(_) | RulesError::Dossier(_) => Failure::Shown(ErrorKind::JournalUnavailable),
            };
            return member.failed(failure, &error).await;
        }
    };
    let text: Option<dossier::Text> = asked.text.parse().ok();
    let state: Option<State> = asked.state.parse().ok();
    let names =
        dossier::Text::ALL.iter().map(|text| (*text, service.catalogue().name(*text, member.visit.lang).to_owned()));
    let mut view = RulesView { texts: names.collect(), text, state, ..RulesView::default() };
    for row in rows.into_iter().filter(|row| text.is_none_or(|text| row.key.text == text)) {
        *view.counts.entry(row.state).or_default() += 1;
        if state.is_none_or(|state| row.state == state) {
            view.rows.push(row);
        }
    }
    shown(member.visit.lang, &Rules::new(member.chrome(), view))
}
