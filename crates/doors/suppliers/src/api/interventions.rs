//! `/api/v1/interventions`.

use super::{
    Bearer, Id,
    bodies::{InterventionBody, InterventionList, InterventionWanted, InterventionsAsked, moment},
    invalid, problem, searched,
};
use crate::state::may_name;
use ::interventions::{Filter, NewRequest, Right, Wrong};
use axum::{Json, http::StatusCode, response::Response};
use entrance::api::{Asked, JsonBody, Problem, ProblemBody, created};
use types::{AccountId, InterventionId, TokenScope};

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
    Ok(Json(bearer.state.intervention(&bearer.holder.authenticated, id).await.map_err(problem)?.into()))
}

/// Asks for an intervention. Those who answer for the equipment decide.
#[utoipa::path(
    post, path = "/api/v1/interventions", tag = "interventions", operation_id = "request_intervention",
    request_body = InterventionWanted,
    responses(
        (status = 201, description = "It waits for approval.", body = InterventionBody),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn request(bearer: Bearer, JsonBody(body): JsonBody<InterventionWanted>) -> Result<Response, Problem> {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let (service, who) = (bearer.state.interventions(), &bearer.holder.authenticated);
    let all = service.equipment(who).await.map_err(problem)?;
    let named = all.iter().find(|one| one.name == body.equipment || one.id.to_string() == body.equipment);
    let equipment = named.ok_or_else(|| invalid(Wrong::Equipment))?.id;
    let new = body.read(equipment, bearer.holder.account)?;
    if !may_name(bearer.holder.role, bearer.holder.account, &new.technicians) {
        return Err(invalid(Wrong::Technicians));
    }
    let id = service.request(who, new).await.map_err(problem)?;
    let one = bearer.state.intervention(who, id).await.map_err(problem)?;
    Ok(created(InterventionBody::from(one)))
}

impl InterventionWanted {
    fn read(self, equipment: types::EquipmentId, own: AccountId) -> Result<NewRequest, Problem> {
        let when = |text: &str, field: &str| {
            moment(text).ok_or_else(|| {
                Problem::unprocessable(format!("`{field}` is not a moment in RFC 3339, such as 2026-11-21T09:30:00Z."))
                    .with("field", field)
            })
        };
        let (from, until) = (when(&self.from, "from")?, when(&self.until, "until")?);
        let technicians = match self.technicians {
            None => vec![own],
            Some(ids) => {
                let ids = ids.iter().map(|id| id.parse()).collect::<Result<_, _>>();
                ids.map_err(|_| invalid(Wrong::Technicians))?
            }
        };
        let sources = self.sources.unwrap_or_default();
        let sources = sources.iter().map(|range| range.parse()).collect::<Result<_, _>>();
        Ok(NewRequest {
            equipment,
            technicians,
            activity: self.activity.into(),
            purpose: self.purpose,
            ticket: self.ticket,
            rights: self.rights.map_or_else(|| Right::ALL.to_vec(), |all| all.into_iter().map(Into::into).collect()),
            sources: sources.map_err(|_| invalid(Wrong::Sources))?,
            from,
            until,
        })
    }
}

/// Takes a request back.
#[utoipa::path(
    post, path = "/api/v1/interventions/{id}/withdraw", tag = "interventions", operation_id = "withdraw_intervention",
    params(("id" = String, Path, description = "The intervention.")),
    responses(
        (status = 204, description = "Done."),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn withdraw(bearer: Bearer, id: Id) -> Done {
    bearer.needs(TokenScope::InterventionsWrite)?;
    let id = id.read(InterventionId::from_bytes);
    bearer.state.interventions().withdraw(&bearer.holder.authenticated, id).await.map_err(problem)?;
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
