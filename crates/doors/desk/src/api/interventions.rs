//! `/api/v1/interventions`.

use super::{
    Bearer, Id, bad_request,
    bodies::{
        ActWord, InterventionBody, InterventionList, InterventionsAsked, ReasonBody, SignedBody, SignedUntil,
        TermsAsked, TermsBody, moment, signed,
    },
    problem, searched,
};
use ::interventions::{Filter, Signed, TermsKind};
use axum::{Json, http::StatusCode};
use entrance::api::{Asked, JsonBody, Problem, ProblemBody};
use types::{InterventionId, TokenScope};

/// The answer to an act: done, nothing to say.
type Done = Result<StatusCode, Problem>;

const DONE: Done = Ok(StatusCode::NO_CONTENT);

/// The interventions that the token's holder may see, newest first.
#[utoipa::path(
    get, path = "/api/v1/interventions", tag = "interventions", operation_id = "list_interventions",
    params(InterventionsAsked),
    responses(
        (status = 200, description = "Part of the list.", body = InterventionList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    bearer: Bearer,
    Asked(asked): Asked<InterventionsAsked>,
) -> Result<Json<InterventionList>, Problem> {
    bearer.needs(TokenScope::InterventionsRead)?;
    let filter = Filter {
        state: asked.state.map(Into::into),
        text: searched(asked.q, "q")?,
        cursor: searched(asked.cursor, "cursor")?,
        ..Filter::default()
    };
    let page = bearer.state.interventions().list(&bearer.holder.authenticated, &filter).await.map_err(problem)?;
    Ok(Json(InterventionList { rows: page.rows.into_iter().map(Into::into).collect(), next: page.next }))
}

/// One intervention, with its history.
#[utoipa::path(
    get, path = "/api/v1/interventions/{id}", tag = "interventions", operation_id = "get_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    responses(
        (status = 200, description = "The intervention.", body = InterventionBody),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(bearer: Bearer, id: Id) -> Result<Json<InterventionBody>, Problem> {
    bearer.needs(TokenScope::InterventionsRead)?;
    let id = id.read(InterventionId::from_bytes);
    let one = bearer.state.interventions().get(&bearer.holder.authenticated, id).await.map_err(problem)?;
    Ok(Json(one.into()))
}

/// What the token's holder would sign for an act, now.
#[utoipa::path(
    get, path = "/api/v1/interventions/{id}/terms", tag = "interventions", operation_id = "get_terms",
    params(("id" = String, Path, description = "The intervention."), TermsAsked),
    responses(
        (status = 200, description = "The terms, and their challenge.", body = TermsBody),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn terms(bearer: Bearer, id: Id, Asked(asked): Asked<TermsAsked>) -> Result<Json<TermsBody>, Problem> {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let until = asked.until.as_deref().map(|text| moment(text).ok_or_else(|| bad_request("until"))).transpose()?;
    let kind = match (asked.act, until) {
        (ActWord::Approve, None) => TermsKind::Approve,
        (ActWord::Extend, Some(until)) => TermsKind::Extend { until },
        (ActWord::Hold, Some(until)) => TermsKind::Hold { until },
        _ => return Err(bad_request("until")),
    };
    let id = id.read(InterventionId::from_bytes);
    let to_sign = bearer.state.interventions().terms(&bearer.holder.authenticated, id, kind).await.map_err(problem)?;
    TermsBody::new(&to_sign).map(Json).ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Approves, with a signature over the terms.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/approve", tag = "interventions", operation_id = "approve_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    request_body = SignedBody,
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn approve(bearer: Bearer, id: Id, JsonBody(body): JsonBody<SignedBody>) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let signed = signature(body.nonce, body.assertion.as_ref())?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().approve(&bearer.holder.authenticated, id, signed).await.map_err(problem)?;
    DONE
}

fn signature(nonce: Option<String>, assertion: Option<&super::bodies::AssertionBody>) -> Result<Signed, Problem> {
    signed(nonce, assertion)
        .ok_or_else(|| Problem::unprocessable("Send `nonce` and `assertion` together, in base64url."))
}

/// Refuses, with a reason.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/refuse", tag = "interventions", operation_id = "refuse_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    request_body = ReasonBody,
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn refuse(bearer: Bearer, id: Id, JsonBody(body): JsonBody<ReasonBody>) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().refuse(&bearer.holder.authenticated, id, &body.reason).await.map_err(problem)?;
    DONE
}

/// Moves the end, with a signature over the terms.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/extend", tag = "interventions", operation_id = "extend_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    request_body = SignedUntil,
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn extend(bearer: Bearer, id: Id, JsonBody(body): JsonBody<SignedUntil>) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let until = moment(&body.until).ok_or_else(|| Problem::unprocessable("`until` is not a moment in RFC 3339."))?;
    let signed = signature(body.nonce, body.assertion.as_ref())?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().extend(&bearer.holder.authenticated, id, until, signed).await.map_err(problem)?;
    DONE
}

/// Sets "do not interrupt", with a signature over the terms.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/hold", tag = "interventions", operation_id = "hold_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    request_body = SignedUntil,
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn hold(bearer: Bearer, id: Id, JsonBody(body): JsonBody<SignedUntil>) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let until = moment(&body.until).ok_or_else(|| Problem::unprocessable("`until` is not a moment in RFC 3339."))?;
    let signed = signature(body.nonce, body.assertion.as_ref())?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().hold(&bearer.holder.authenticated, id, until, signed).await.map_err(problem)?;
    DONE
}

/// Lifts "do not interrupt".
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/release", tag = "interventions", operation_id = "release_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn release(bearer: Bearer, id: Id) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().release_hold(&bearer.holder.authenticated, id).await.map_err(problem)?;
    DONE
}

/// Opens a planned intervention within its window.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/open", tag = "interventions", operation_id = "open_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn open(bearer: Bearer, id: Id) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().open(&bearer.holder.authenticated, id).await.map_err(problem)?;
    DONE
}

/// Closes an open intervention; its sessions end.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/close", tag = "interventions", operation_id = "close_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn close(bearer: Bearer, id: Id) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().close(&bearer.holder.authenticated, id).await.map_err(problem)?;
    DONE
}

/// Cuts an intervention and every session of it, at once.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/cut", tag = "interventions", operation_id = "cut_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    request_body = ReasonBody,
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cut(bearer: Bearer, id: Id, JsonBody(body): JsonBody<ReasonBody>) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().cut(&bearer.holder.authenticated, id, &body.reason).await.map_err(problem)?;
    DONE
}
