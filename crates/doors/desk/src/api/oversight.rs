//! `/api/v1/traces` and `/api/v1/rules`.

use super::{
    Bearer, bad_request,
    bodies::{moment, rfc3339},
    searched,
};
use axum::{Json, http::StatusCode};
use dossier::{Filter, RuleRow, RulesError, TraceRow, TracesError};
use entrance::{
    Failure,
    api::{Asked, Problem, ProblemBody, failed},
};
use serde::{Deserialize, Serialize};
use types::TokenScope;
use utoipa::{IntoParams, ToSchema};
use web::layout::ErrorKind;

/// Narrows a search of traces: everything that is given must be true of a trace.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TracesAsked {
    /// Who: an account, or a part of the system.
    author: Option<String>,
    /// The patient named.
    patient: Option<String>,
    /// From where.
    ip: Option<String>,
    /// The type of event.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    event: Option<String>,
    /// Not before.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before, excluded.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Words that stand somewhere in the trace.
    q: Option<String>,
    /// The `next` of the part before.
    before: Option<u64>,
    /// Rows at most.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// One act, as the journal tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceBody {
    /// In which journal.
    origin: String,
    /// Its place there.
    index: u64,
    /// `intent`, `released`, `note`, `refusal` or `folded`.
    kind: &'static str,
    /// The type of event.
    #[serde(rename = "type")]
    event: String,
    /// When.
    #[schema(format = DateTime)]
    time: String,
    /// The act.
    trace: String,
    /// `done`, `refused`, `failed`, `abandoned` or `unknown`.
    outcome: Option<&'static str>,
    /// Who.
    author: String,
    /// In what role.
    role: Option<String>,
    /// Through which door.
    door: Option<String>,
    /// From where.
    address: Option<String>,
    /// Why.
    purpose: Option<String>,
    /// The patients named.
    patients: Vec<String>,
    /// The objects named.
    objects: Vec<String>,
    /// The target.
    target: Option<String>,
    /// Anything else, with what cannot be seen made visible.
    detail: Option<String>,
    /// How many, where several are counted together.
    count: Option<u64>,
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceList {
    /// The traces, newest first.
    rows: Vec<TraceBody>,
    /// The `before` of what follows, if anything does.
    next: Option<u64>,
    /// The search stopped before the end of what it was asked: narrow the dates, or go on with `next`.
    cut_short: bool,
    /// Traces that are there and cannot be read any more.
    unreadable: u64,
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
        let shown = |text: Option<String>| text.map(|text| wire::visible(&text, 4096));
        Self {
            origin: row.origin,
            index: row.index,
            kind: kind_word(row.kind),
            event: row.event.to_string(),
            time: rfc3339(row.time),
            trace: row.trace.to_string(),
            outcome: row.outcome.map(outcome_word),
            author: row.author,
            role: row.role,
            door: row.door,
            address: row.address,
            purpose: row.purpose,
            patients: row.patients,
            objects: row.objects,
            target: shown(row.target),
            detail: shown(row.detail),
            count: row.count,
        }
    }
}

impl TracesAsked {
    fn read(self) -> Result<Filter, Problem> {
        fn parsed<T: std::str::FromStr>(text: Option<String>, name: &str) -> Result<Option<T>, Problem> {
            text.map(|text| text.parse().map_err(|_| bad_request(name))).transpose()
        }
        let at = |text: Option<String>, name: &str| {
            text.map(|text| moment(&text).ok_or_else(|| bad_request(name))).transpose()
        };
        let limit = self.limit.unwrap_or(100);
        if !(1..=100).contains(&limit) {
            return Err(bad_request("limit"));
        }
        Ok(Filter {
            author: searched(self.author, "author")?,
            patient: parsed(self.patient, "patient")?,
            ip: parsed(self.ip, "ip")?,
            event: parsed(self.event, "type")?,
            since: at(self.since, "since")?,
            until: at(self.until, "until")?,
            words: searched(self.q, "q")?,
            before: self.before,
            limit,
        })
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
pub(crate) async fn traces(bearer: Bearer, Asked(asked): Asked<TracesAsked>) -> Result<Json<TraceList>, Problem> {
    bearer.needs(TokenScope::TracesRead)?;
    let page = bearer.state.traces().search(&bearer.holder.authenticated, asked.read()?).await;
    let page = page.map_err(traces_problem)?;
    Ok(Json(TraceList {
        rows: page.rows.into_iter().map(Into::into).collect(),
        next: page.next,
        cut_short: page.cut_short,
        unreadable: page.unreadable,
    }))
}

fn traces_problem(error: TracesError) -> Problem {
    match &error {
        TracesError::NotFound => Problem::not_found(),
        TracesError::TooLong => Problem::new(StatusCode::BAD_REQUEST).detail(error.to_string()),
        TracesError::Busy | TracesError::Preparing => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail(error.to_string())
        }
        TracesError::Journal(journal::JournalError::Revoked) => failed(Failure::Ended, &error),
        TracesError::Journal(_) | TracesError::Folder(_) => {
            failed(Failure::Shown(ErrorKind::JournalUnavailable), &error)
        }
        TracesError::Fault => failed(Failure::Fault, &error),
    }
}

/// What shows how a rule stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProofBody {
    /// By which probe.
    probe: String,
    /// When it had run.
    #[schema(format = DateTime)]
    at: String,
    /// When it counts no more.
    #[schema(format = DateTime)]
    expires: String,
    /// What it saw.
    detail: String,
}

/// A rule as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleBody {
    /// The text that it comes from.
    text: &'static str,
    /// Its identifier there.
    id: String,
    /// What it asks for, in French.
    title_fr: String,
    /// What it asks for, in English.
    title_en: String,
    /// What kind of thing it asks for.
    kind: &'static str,
    /// `proved`, `attested`, `partial`, `gap`, `not_applicable` or `derogated`.
    state: &'static str,
    /// What shows it, or why a probe does not.
    proof: Option<ProofBody>,
    /// The reference of the accepted risk that weakens it.
    accepted_risk: Option<String>,
}

/// The rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleList {
    /// In the catalogue's order.
    rows: Vec<RuleBody>,
}

impl From<RuleRow> for RuleBody {
    fn from(row: RuleRow) -> Self {
        let proof = row.proof.map(|proof| ProofBody {
            probe: proof.probe,
            at: rfc3339(proof.at),
            expires: rfc3339(proof.expires),
            detail: proof.detail,
        });
        Self {
            text: row.key.text.as_str(),
            id: row.key.id,
            title_fr: row.title_fr,
            title_en: row.title_en,
            kind: row.kind.as_str(),
            state: row.state.as_str(),
            proof,
            accepted_risk: row.accepted_risk,
        }
    }
}

/// The catalogue of rules, with the state of each on this installation.
#[utoipa::path(
    get, path = "/api/v1/rules", tag = "rules", operation_id = "list_rules",
    responses(
        (status = 200, description = "All of them.", body = RuleList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rules(bearer: Bearer) -> Result<Json<RuleList>, Problem> {
    bearer.needs(TokenScope::RulesRead)?;
    let rows = bearer.state.rules().list(&bearer.holder.authenticated, bearer.state.now()).await;
    let rows = rows.map_err(|error| match &error {
        RulesError::NotFound => Problem::not_found(),
        RulesError::Fault => failed(Failure::Fault, &error),
        RulesError::Journal(_) | RulesError::Dossier(_) => {
            failed(Failure::Shown(ErrorKind::JournalUnavailable), &error)
        }
    })?;
    Ok(Json(RuleList { rows: rows.into_iter().map(Into::into).collect() }))
}
