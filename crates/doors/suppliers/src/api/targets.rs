//! `/api/v1/targets`: what an intervention may be asked for.

use super::{
    Bearer, Id,
    bodies::{TargetBody, TargetList},
    problem,
};
use axum::Json;
use entrance::api::{Problem, ProblemBody};
use types::{EquipmentId, TokenScope};

/// The equipment, by name.
#[utoipa::path(
    get, path = "/api/v1/targets", tag = "targets", operation_id = "list_targets",
    responses(
        (status = 200, description = "All of it.", body = TargetList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(bearer: Bearer) -> Result<Json<TargetList>, Problem> {
    bearer.needs(TokenScope::EquipmentRead)?;
    let all = bearer.state.interventions().equipment(&bearer.holder.authenticated).await.map_err(problem)?;
    Ok(Json(TargetList { rows: all.into_iter().map(Into::into).collect() }))
}

/// One equipment.
#[utoipa::path(
    get, path = "/api/v1/targets/{id}", tag = "targets", operation_id = "get_target",
    params(("id" = String, Path, description = "The equipment.")),
    responses(
        (status = 200, description = "The equipment.", body = TargetBody),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(bearer: Bearer, id: Id) -> Result<Json<TargetBody>, Problem> {
    bearer.needs(TokenScope::EquipmentRead)?;
    let id = id.read(EquipmentId::from_bytes);
    let one = bearer.state.interventions().equipment_for(&bearer.holder.authenticated, id).await.map_err(problem)?;
    Ok(Json(one.into()))
}
