//! `/api/v1/retention`: seen by programs, decided by people. No token asks for a change or confirms one: each of the two
//! who decide has shown both factors at the desk's page.

use super::{Bearer, bodies::rfc3339};
use crate::handlers::of_journal;
use axum::Json;
use data_encoding::HEXLOWER;
use dossier::RetentionError;
use entrance::{
    Failure,
    api::{Problem, ProblemBody, failed},
};
use journal::retention::{Change, FamilyMonth, Hold, Keeping, Proposal};
use serde::Serialize;
use types::{Extra, Family, TokenScope};
use utoipa::ToSchema;

/// How long a family of traces is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FamilyBody {
    /// `technical`, `access`, `accounts`, `interventions` or `health`.
    family: &'static str,
    /// Months after the end of a month for which its traces can be read.
    months: u16,
    /// Nobody sets it below.
    months_min: u16,
    /// What was decided and counts later.
    to_come: Option<ToComeBody>,
}

/// What counts later.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToComeBody {
    /// Months.
    months: u16,
    /// From when on.
    #[schema(format = DateTime)]
    from: String,
}

/// A month of a family.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthBody {
    /// Which family.
    family: &'static str,
    /// `2026-11`.
    month: String,
    /// The first moment at which it may go.
    #[schema(format = DateTime)]
    term: String,
    /// `kept`, `held`, `unproven` (by the clock alone it might go), `due` or `destroyed`.
    standing: &'static str,
    /// Entries that were sealed to it.
    entries: u64,
}

/// What may be recorded beyond the minimum.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExtraBody {
    /// `requests`, `calls` or `port`.
    extra: &'static str,
    /// Whether it is.
    recorded: bool,
}

/// Months that are kept whatever their term.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldBody {
    /// Its name: that of its proposal.
    id: String,
    /// Of one family; none: of all.
    family: Option<&'static str>,
    /// The first month.
    from: String,
    /// The last one.
    to: String,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// Until when, where its end was decided.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Why, as long as it can be read.
    reason: Option<String>,
}

/// What waits for a second person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProposalBody {
    /// Its name.
    id: String,
    /// When it was asked.
    #[schema(format = DateTime)]
    at: String,
    /// Whether the token's holder asked it, and so cannot confirm it.
    own: bool,
    /// `retention`, `hold`, `lift` or `extra`.
    what: &'static str,
    /// Which family; none: all.
    family: Option<&'static str>,
    /// Months asked for.
    months: Option<u16>,
    /// The first month to hold.
    from: Option<String>,
    /// The last month to hold.
    to: Option<String>,
    /// The hold to end.
    hold: Option<String>,
    /// What is to be recorded beyond the minimum, or no longer.
    extra: Option<&'static str>,
    /// Whether it is to be.
    recorded: Option<bool>,
    /// Why, as long as it can be read.
    reason: Option<String>,
}

/// How long traces are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionBody {
    /// At what moment.
    #[schema(format = DateTime)]
    at: String,
    /// By family.
    families: Vec<FamilyBody>,
    /// The months, oldest first.
    months: Vec<MonthBody>,
    /// What is recorded beyond the minimum.
    extras: Vec<ExtraBody>,
    /// Holds in force.
    holds: Vec<HoldBody>,
    /// What waits for a second person.
    proposals: Vec<ProposalBody>,
    /// From which entry on the journal is kept; what lay before went at the end of the longest retention.
    minimum: u64,
    /// Of which month that entry is (`yyyy-mm`); null while nothing went.
    since: Option<String>,
    /// The clock moved against the machine's own count: nothing goes before the node is started again.
    clock_moved: bool,
    /// A journal beside this one cannot be read, so what it decided is not shown; nothing goes meanwhile.
    unread: bool,
    /// Statements in the journal that count for nothing: none is ever written so.
    stray: u64,
    /// Whether every statement could be read; if not, nothing goes.
    whole: bool,
}

fn family(keeping: &Keeping, family: Family) -> FamilyBody {
    let (book, at) = (&keeping.book, keeping.at);
    let to_come = book.retention_to_come(family, at);
    FamilyBody {
        family: family.as_str(),
        months: book.retention_months(family, at),
        months_min: family.retention_months_min(),
        to_come: to_come.map(|(months, from)| ToComeBody { months, from: rfc3339(from) }),
    }
}

fn month(one: &FamilyMonth) -> MonthBody {
    MonthBody {
        family: one.family.as_str(),
        month: one.month.to_string(),
        term: rfc3339(one.term),
        standing: one.standing.as_str(),
        entries: one.sealed.iter().map(|sealed| sealed.count).sum(),
    }
}

fn extra(keeping: &Keeping, extra: Extra) -> ExtraBody {
    ExtraBody { extra: extra.as_str(), recorded: keeping.extras.has(extra) }
}

fn hold(keeping: &Keeping, one: &Hold) -> HoldBody {
    HoldBody {
        id: HEXLOWER.encode(&one.id),
        family: one.family.map(Family::as_str),
        from: one.from.to_string(),
        to: one.to.to_string(),
        since: rfc3339(one.since),
        until: one.until.map(rfc3339),
        reason: keeping.reasons.get(&one.id).cloned(),
    }
}

fn proposal(keeping: &Keeping, own: bool, one: &Proposal) -> ProposalBody {
    let blank = ProposalBody {
        id: HEXLOWER.encode(&one.id),
        at: rfc3339(one.at),
        own,
        what: "",
        family: None,
        months: None,
        from: None,
        to: None,
        hold: None,
        extra: None,
        recorded: None,
        reason: keeping.reasons.get(&one.id).cloned(),
    };
    match one.change {
        Change::Retention { family, months } => {
            ProposalBody { what: "retention", family: Some(family.as_str()), months: Some(months), ..blank }
        }
        Change::Hold { family, from, to } => {
            let (from, to) = (Some(from.to_string()), Some(to.to_string()));
            ProposalBody { what: "hold", family: family.map(Family::as_str), from, to, ..blank }
        }
        Change::Lift { hold } => ProposalBody { what: "lift", hold: Some(HEXLOWER.encode(&hold)), ..blank },
        Change::Extra { extra, recorded } => {
            ProposalBody { what: "extra", extra: Some(extra.as_str()), recorded: Some(recorded), ..blank }
        }
    }
}

/// How long traces are kept, what is recorded beyond the minimum, what is held and what waits for a second person. For trace
/// controllers.
#[utoipa::path(
    get, path = "/api/v1/retention", tag = "traces", operation_id = "get_retention",
    responses(
        (status = 200, description = "What the journal says.", body = RetentionBody),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(bearer: Bearer) -> Result<Json<RetentionBody>, Problem> {
    bearer.needs(TokenScope::TracesRead)?;
    let seen = bearer.state.retention().seen(&bearer.holder.authenticated).await;
    let (keeping, me) = seen.map_err(problem)?;
    let at = keeping.at;
    Ok(Json(RetentionBody {
        at: rfc3339(at),
        families: Family::ALL.iter().map(|one| family(&keeping, *one)).collect(),
        months: keeping.months.iter().map(month).collect(),
        extras: Extra::ALL.iter().map(|one| extra(&keeping, *one)).collect(),
        holds: keeping.book.holds(at).map(|one| hold(&keeping, &one)).collect(),
        proposals: keeping.book.proposals(at).map(|one| proposal(&keeping, one.by == me, one)).collect(),
        minimum: keeping.minimum.present,
        since: keeping.minimum.since.map(|month| month.to_string()),
        clock_moved: keeping.clock_moved,
        unread: keeping.unread,
        stray: keeping.book.stray(),
        whole: keeping.book.is_whole(),
    }))
}

fn problem(error: RetentionError) -> Problem {
    match &error {
        RetentionError::NotFound | RetentionError::Lacking(_) => Problem::not_found(),
        RetentionError::Journal(journal) => failed(of_journal(journal), &error),
        // Nothing is asked for here.
        RetentionError::Fault | RetentionError::Vault(_) | RetentionError::Reason | RetentionError::NotCounted(_) => {
            failed(Failure::Fault, &error)
        }
    }
}
