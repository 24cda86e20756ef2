//! `/api/v1/sessions`.

use super::{
    Bearer, Id,
    bodies::{ReasonBody, RecordingAsked, SessionBody, SessionList, SessionsAsked},
    problem, searched,
};
use crate::recordings::Download;
use ::interventions::Filter;
use axum::{Json, http::StatusCode, response::Response};
use entrance::api::{Asked, JsonBody, Problem, ProblemBody};
use types::{InterventionId, RelayId, TokenScope};

/// The sessions that the token's holder may see, newest first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions", operation_id = "list_sessions",
    params(SessionsAsked),
    responses(
        (status = 200, description = "Part of the list.", body = SessionList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(bearer: Bearer, Asked(asked): Asked<SessionsAsked>) -> Result<Json<SessionList>, Problem> {
    bearer.needs(TokenScope::SessionsRead)?;
    let of = searched(asked.intervention, "intervention")?;
    let filter = Filter {
        intervention: of.map(|id| Id(id).read(InterventionId::from_bytes)),
        live: asked.live.unwrap_or(false),
        cursor: searched(asked.cursor, "cursor")?,
        ..Filter::default()
    };
    let page = bearer.state.interventions().sessions(&bearer.holder.authenticated, &filter).await.map_err(problem)?;
    Ok(Json(SessionList { rows: page.rows.into_iter().map(Into::into).collect(), next: page.next }))
}

/// One session.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}", tag = "sessions", operation_id = "get_session",
    params(("id" = String, Path, description = "The session.")),
    responses(
        (status = 200, description = "The session.", body = SessionBody),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(bearer: Bearer, id: Id) -> Result<Json<SessionBody>, Problem> {
    bearer.needs(TokenScope::SessionsRead)?;
    let id = id.read(RelayId::from_bytes);
    let one = bearer.state.interventions().session(&bearer.holder.authenticated, id).await.map_err(problem)?;
    Ok(Json(one.into()))
}

/// Cuts a session and its intervention, at once.
#[utoipa::path(
    post, path = "/api/v1/sessions/{id}/cut", tag = "sessions", operation_id = "cut_session",
    params(("id" = String, Path, description = "The session.")),
    request_body = ReasonBody,
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cut(bearer: Bearer, id: Id, JsonBody(body): JsonBody<ReasonBody>) -> Result<StatusCode, Problem> {
    bearer.needs(TokenScope::SessionsCut)?;
    let id = id.read(RelayId::from_bytes);
    let service = bearer.state.interventions();
    service.cut_session(&bearer.holder.authenticated, id, &body.reason).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The recording of a terminal, as asciicast version 3.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/recording", tag = "sessions", operation_id = "get_recording",
    params(("id" = String, Path, description = "The session."), RecordingAsked),
    responses(
        (status = 200, description = "The recording.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn recording(
    bearer: Bearer,
    id: Id,
    Asked(asked): Asked<RecordingAsked>,
) -> Result<Response, Problem> {
    bearer.needs(TokenScope::SessionsRead)?;
    let relay = id.read(RelayId::from_bytes);
    let Some(place) = bearer.state.reader_place(bearer.holder.account) else { return Err(Problem::unavailable()) };
    let who = &bearer.holder.authenticated;
    let reader = bearer.state.interventions().recording(who, relay, asked.channel).await.map_err(problem)?;
    let stands = bearer.state.standing(who, bearer.holder.expires);
    Ok(Download { reader, stands, place }.file(relay, asked.channel))
}
