//! `/api/v1/traces`.

use super::{
    Bearer, bad_request,
    bodies::{moment, rfc3339},
    searched,
};
use crate::{
    asked::{place, types_of},
    exports::{self, Format},
    handlers::of_journal,
};
use axum::{Json, http::StatusCode, response::Response};
use dossier::{Behind, Filter, TraceCounts, TracePage, TraceRow, TracesError};
use entrance::{
    Failure,
    api::{Asked, Problem, ProblemBody, failed},
};
use serde::{Deserialize, Serialize};
use types::TokenScope;
use utoipa::{IntoParams, ToSchema};
use web::layout::ErrorKind;

/// The conditions of a search, and what a route asks beside them: a flattened part would take any name.
macro_rules! asked {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Who: an account, or a part of the system.
            author: Option<String>,
            /// The patient named.
            patient: Option<String>,
            /// From where.
            ip: Option<String>,
            /// The type of event, or what the words of several begin with: `record`.
            #[serde(rename = "type")]
            #[param(rename = "type")]
            event: Option<String>,
            /// What became of it: `done`, `shown`, `refused`, `failed`, `abandoned`, `unknown` or `noted`.
            outcome: Option<String>,
            /// The object or the target named, with or without what kind of thing it is.
            object: Option<String>,
            /// Whose: an establishment, or `none` for the node's own. Others than the reader's own have none for him.
            establishment: Option<String>,
            /// Not before.
            #[param(format = DateTime)]
            since: Option<String>,
            /// Before, excluded.
            #[param(format = DateTime)]
            until: Option<String>,
            /// Whole words that stand somewhere in the trace, in any case: eight at most.
            q: Option<String>,
            $($(#[$fdoc])* $field: $type,)*
        }

        impl $name {
            fn conditions(&mut self) -> Result<Filter, Problem> {
                let at = |text: Option<String>, name: &str| {
                    text.map(|text| moment(&text).ok_or_else(|| bad_request(name))).transpose()
                };
                let types = |text: String| types_of(&text).ok_or_else(|| bad_request("type"));
                let whose = |text: String| place(&text).ok_or_else(|| bad_request("establishment"));
                Ok(Filter {
                    author: searched(self.author.take(), "author")?,
                    patient: parsed(self.patient.take(), "patient")?,
                    ip: parsed(self.ip.take(), "ip")?,
                    events: self.event.take().map(types).transpose()?.unwrap_or_default(),
                    became: parsed(self.outcome.take(), "outcome")?,
                    object: searched(self.object.take(), "object")?,
                    place: self.establishment.take().map(whose).transpose()?,
                    since: at(self.since.take(), "since")?,
                    until: at(self.until.take(), "until")?,
                    words: searched(self.q.take(), "q")?,
                    before: None,
                    limit: 0,
                })
            }
        }
    };
}

asked! {
    /// Narrows a search of traces: everything that is given must be true of a trace.
    TracesAsked {
        /// The `next` of the part before.
        before: Option<String>,
        /// Rows at most.
        #[param(minimum = 1, maximum = 100)]
        limit: Option<usize>,
    }
}

asked! {
    /// Narrows what is counted: everything that is given must be true of a trace.
    CountsAsked {}
}

asked! {
    /// Narrows what is taken away: everything that is given must be true of a trace.
    ExportAsked {
        /// `csv` or `jsonl`.
        format: String,
    }
}

fn parsed<T: std::str::FromStr>(text: Option<String>, name: &str) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| bad_request(name))).transpose()
}

/// One act, as the journal tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceBody {
    /// In which journal.
    pub origin: String,
    /// Its place there.
    pub index: u64,
    /// `intent`, `released`, `note`, `refusal` or `folded`.
    pub kind: &'static str,
    /// The type of event.
    #[serde(rename = "type")]
    pub event: String,
    /// When.
    #[schema(format = DateTime)]
    pub time: String,
    /// Whether the node's clock was synchronized then: `synchronized`, `unsynchronized` or `unknown`.
    pub clock: &'static str,
    /// The act.
    pub trace: String,
    /// What the journal says became of it: `done`, `refused`, `failed`, `abandoned` or `unknown`.
    pub outcome: Option<&'static str>,
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
    /// From which port there, while that is recorded beyond the minimum.
    pub port: Option<u16>,
    /// Why.
    pub purpose: Option<String>,
    /// The patients named.
    pub patients: Vec<String>,
    /// The objects named.
    pub objects: Vec<String>,
    /// The target.
    pub target: Option<String>,
    /// Anything else, with what cannot be seen made visible.
    pub detail: Option<String>,
    /// How many, where several are counted together.
    pub count: Option<u64>,
}

/// A journal of another node of which the newest traces may be missing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BehindBody {
    /// Which.
    origin: String,
    /// Up to when all of it is known here.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Its node shows what no honest one would, or its copy cannot be searched to its end.
    alarm: bool,
}

impl From<Behind> for BehindBody {
    fn from(Behind { origin, until, alarm }: Behind) -> Self {
        Self { origin, until: until.map(rfc3339), alarm }
    }
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceList {
    /// The traces, newest first.
    rows: Vec<TraceBody>,
    /// The `before` of what follows, if anything does.
    next: Option<String>,
    /// The search stopped before the end of what it was asked: narrow the dates, or go on with `next`.
    cut_short: bool,
    /// Traces that are there and cannot be read any more.
    unreadable: u64,
    /// Other nodes' journals of which the newest traces may be missing.
    behind: Vec<BehindBody>,
}

/// The word for what an entry says of its act.
pub(crate) fn kind_word(kind: journal::Kind) -> &'static str {
    match kind {
        journal::Kind::Intent => "intent",
        journal::Kind::Outcome => "outcome",
        journal::Kind::Released => "released",
        journal::Kind::Note => "note",
        journal::Kind::Refusal => "refusal",
        journal::Kind::Folded => "folded",
        journal::Kind::SealKey => "seal_key",
    }
}

/// The word for what became of an act.
pub(crate) fn outcome_word(outcome: journal::Outcome) -> &'static str {
    match outcome {
        journal::Outcome::Done => "done",
        journal::Outcome::Refused => "refused",
        journal::Outcome::Failed => "failed",
        journal::Outcome::Abandoned => "abandoned",
        journal::Outcome::Unknown => "unknown",
    }
}

impl From<TraceRow> for TraceBody {
    fn from(row: TraceRow) -> Self {
        // A journal that was followed may hold anything.
        let plain = |text: String| wire::visible(&text, 4096);
        let shown = |text: Option<String>| text.map(plain);
        let all = |texts: Vec<String>| texts.into_iter().map(plain).collect();
        Self {
            origin: row.origin,
            index: row.index,
            kind: kind_word(row.kind),
            event: row.event.to_string(),
            time: rfc3339(row.time),
            clock: row.clock.as_str(),
            trace: row.trace.to_string(),
            outcome: row.outcome.map(outcome_word),
            author: plain(row.author),
            role: shown(row.role),
            establishment: shown(row.establishment),
            door: shown(row.door),
            address: shown(row.address),
            port: row.port,
            purpose: shown(row.purpose),
            patients: all(row.patients),
            objects: all(row.objects),
            target: shown(row.target),
            detail: shown(row.detail),
            count: row.count,
        }
    }
}

impl TracesAsked {
    fn read(mut self) -> Result<Filter, Problem> {
        let limit = self.limit.unwrap_or(100);
        if !(1..=100).contains(&limit) {
            return Err(bad_request("limit"));
        }
        let before = parsed(self.before.take(), "before")?;
        Ok(Filter { before, limit, ..self.conditions()? })
    }
}

impl From<TracePage> for TraceList {
    fn from(page: TracePage) -> Self {
        Self {
            rows: page.rows.into_iter().map(Into::into).collect(),
            next: page.next.map(|next| next.to_string()),
            cut_short: page.cut_short,
            unreadable: page.unreadable,
            behind: page.behind.into_iter().map(Into::into).collect(),
        }
    }
}

/// Searches traces; the search itself is traced before anything is read. For trace controllers.
#[utoipa::path(
    get, path = "/api/v1/traces", tag = "traces", operation_id = "search_traces",
    params(TracesAsked),
    responses(
        (status = 200, description = "What was found.", body = TraceList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn search(bearer: Bearer, Asked(asked): Asked<TracesAsked>) -> Result<Json<TraceList>, Problem> {
    bearer.needs(TokenScope::TracesRead)?;
    let page = bearer.state.traces().search(&bearer.holder.authenticated, asked.read()?).await;
    Ok(Json(page.map_err(traces_problem)?.into()))
}

/// How many traces of a type there are on a day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountBody {
    /// The day, in universal time.
    #[schema(format = Date)]
    day: String,
    /// The type of event.
    #[serde(rename = "type")]
    event: &'static str,
    /// How many.
    count: u64,
}

/// How many traces there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountList {
    /// By day and type; what is not here is zero.
    rows: Vec<CountBody>,
    /// Traces that are there and cannot be read any more: they are in no number.
    unreadable: u64,
    /// Other nodes' journals of which the newest traces may be missing: they are in no number either.
    behind: Vec<BehindBody>,
}

/// Counts traces by day and type; that somebody counts is traced before anything is read. For trace controllers.
#[utoipa::path(
    get, path = "/api/v1/traces/counts", tag = "traces", operation_id = "count_traces",
    params(CountsAsked),
    responses(
        (status = 200, description = "How many.", body = CountList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn counts(bearer: Bearer, Asked(mut asked): Asked<CountsAsked>) -> Result<Json<CountList>, Problem> {
    bearer.needs(TokenScope::TracesRead)?;
    let counts = bearer.state.traces().counts(&bearer.holder.authenticated, asked.conditions()?).await;
    let counts = counts.map_err(traces_problem)?;
    let row = |((day, event), count): ((dossier::Day, types::Event), u64)| CountBody {
        day: rfc3339(TraceCounts::begins(day)).chars().take(10).collect(),
        event: event.as_str(),
        count,
    };
    Ok(Json(CountList {
        rows: counts.cells.into_iter().map(row).collect(),
        unreadable: counts.unreadable,
        behind: counts.behind.into_iter().map(Into::into).collect(),
    }))
}

/// Takes traces away as a file, 100,000 at most, newest first; that somebody does is traced before the first byte. A last
/// line of kind `cut` says that there are more, one of kind `unreadable` that some can no longer be read, one of kind `behind` that the
/// newest ones of another node may be missing.
#[utoipa::path(
    get, path = "/api/v1/traces/export", tag = "traces", operation_id = "export_traces",
    params(ExportAsked),
    responses(
        (status = 200, description = "The traces.", content(
            (String = "application/x-ndjson"),
            (String = "text/csv")
        )),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn export(bearer: Bearer, Asked(mut asked): Asked<ExportAsked>) -> Result<Response, Problem> {
    bearer.needs(TokenScope::TracesRead)?;
    let format = Format::named(&asked.format).ok_or_else(|| bad_request("format"))?;
    let filter = asked.conditions()?;
    let Some(place) = bearer.state.exporter_place(bearer.holder.account) else { return Err(Problem::unavailable()) };
    let who = &bearer.holder.authenticated;
    let export = bearer.state.traces().export(who, filter).await.map_err(traces_problem)?;
    let stands = bearer.state.standing(who, bearer.holder.expires);
    Ok(exports::answer(export, format, stands, place))
}

pub(super) fn traces_problem(error: TracesError) -> Problem {
    match &error {
        TracesError::NotFound | TracesError::Lacking(_) => Problem::not_found(),
        TracesError::TooLong => Problem::new(StatusCode::BAD_REQUEST).detail(error.to_string()),
        TracesError::Busy | TracesError::Preparing { .. } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail(error.to_string())
        }
        TracesError::Journal(journal) => failed(of_journal(journal), &error),
        TracesError::Index(_) => failed(Failure::Shown(ErrorKind::JournalUnavailable), &error),
        TracesError::Fault => failed(Failure::Fault, &error),
    }
}
