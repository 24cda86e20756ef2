//! `/api/v1/targets` and `/api/v1/suppliers`.

use super::{
    Bearer, Id,
    bodies::{AssertionBody, SupplierBody, TargetBody, TermsBody, signed},
    problem,
};
use ::interventions::{EquipmentSecret, InterventionError, NewEquipment, Protocol, Wrong};
use axum::{Json, http::StatusCode, response::Response};
use entrance::api::{JsonBody, Problem, ProblemBody, created};
use serde::{Deserialize, Serialize};
use types::{AccountId, EquipmentId, Secret, TokenScope};
use utoipa::ToSchema;

/// The equipment of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetList {
    /// By name.
    rows: Vec<TargetBody>,
}

/// The suppliers of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SupplierList {
    /// By name.
    rows: Vec<SupplierBody>,
}

/// An equipment to register, or to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetWanted {
    /// Lower-case letters, digits, hyphens; the name in `ssh technician%target@…`.
    name: String,
    /// Where it stands.
    location: String,
    /// Host name or address.
    host: String,
    /// Port.
    port: u16,
    /// Its key, as OpenSSH writes it: `ssh-ed25519 AAAA…`.
    host_key: String,
    /// The login on the machine.
    account: String,
    /// Who answers for it: accounts of beneficiaries.
    beneficiaries: Vec<String>,
    /// How many of them must approve.
    quorum: u8,
}

/// An equipment whose terms are asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetTermsWanted {
    /// The equipment to change; none for a new one.
    id: Option<String>,
    /// What it is to be.
    target: TargetWanted,
}

/// An equipment, with an administrator's signature over its terms.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetSigned {
    /// The identifier that came with the terms.
    id: String,
    /// What it is to be.
    target: TargetWanted,
    /// A password that opens a session on it.
    password: Option<String>,
    /// Or a private key, in OpenSSH's PEM form. Without either the secret that is kept stays, if host, port,
    /// host key and login do.
    private_key: Option<String>,
    /// The nonce of the terms.
    nonce: Option<String>,
    /// What the passkey answered.
    assertion: Option<AssertionBody>,
}

/// What an administrator signs, and for which identifier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetTerms {
    /// To be sent back with the signature.
    id: String,
    /// What is signed.
    #[serde(flatten)]
    terms: TermsBody,
}

impl TargetWanted {
    fn read(self) -> Result<NewEquipment, Problem> {
        let many = self.beneficiaries.iter().map(|id| id.parse::<AccountId>());
        let beneficiaries = many.collect::<Result<Vec<_>, _>>();
        let bad = |_| problem(InterventionError::Invalid(Wrong::Beneficiaries));
        Ok(NewEquipment {
            name: self.name,
            location: self.location,
            protocol: Protocol::Ssh,
            host: self.host,
            port: self.port,
            host_key: self.host_key,
            account: self.account,
            beneficiaries: beneficiaries.map_err(bad)?,
            quorum: self.quorum,
        })
    }
}

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

/// What an administrator signs to register an equipment or to change it.
#[utoipa::path(
    post, path = "/api/v1/targets/terms", tag = "targets", operation_id = "get_target_terms",
    request_body = TargetTermsWanted,
    responses(
        (status = 200, description = "The terms, and their challenge.", body = TargetTerms),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn terms(
    bearer: Bearer,
    JsonBody(body): JsonBody<TargetTermsWanted>,
) -> Result<Json<TargetTerms>, Problem> {
    bearer.needs(TokenScope::EquipmentWrite)?;
    let id = body.id.map(|id| Id(id).read(EquipmentId::from_bytes));
    let (service, who) = (bearer.state.interventions(), &bearer.holder.authenticated);
    let (id, to_sign) = service.equipment_terms(who, id, &body.target.read()?).await.map_err(problem)?;
    let terms = TermsBody::new(&to_sign).ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(Json(TargetTerms { id: id.to_string(), terms }))
}

/// Registers an equipment or changes it, with an administrator's signature.
#[utoipa::path(
    post, path = "/api/v1/targets", tag = "targets", operation_id = "register_target",
    request_body = TargetSigned,
    responses(
        (status = 201, description = "It is registered.", body = TargetBody),
        (status = "4XX", description = "Not done.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn register(bearer: Bearer, JsonBody(body): JsonBody<TargetSigned>) -> Result<Response, Problem> {
    bearer.needs(TokenScope::EquipmentWrite)?;
    let secret = match (body.password, body.private_key) {
        (Some(text), None) => Some(EquipmentSecret::Password(Secret::new(text))),
        (None, Some(text)) => Some(EquipmentSecret::PrivateKey(Secret::new(text))),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Problem::unprocessable("Send `password` or `private_key`, not both.")),
    };
    let signed = signed(body.nonce, body.assertion.as_ref())
        .ok_or_else(|| Problem::unprocessable("Send `nonce` and `assertion` together, in base64url."))?;
    let id = Id(body.id).read(EquipmentId::from_bytes);
    let (service, who) = (bearer.state.interventions(), &bearer.holder.authenticated);
    service.register_equipment(who, id, body.target.read()?, secret, signed).await.map_err(problem)?;
    let one = service.equipment_for(who, id).await.map_err(problem)?;
    Ok(created(TargetBody::from(one)))
}

/// The suppliers, by name.
#[utoipa::path(
    get, path = "/api/v1/suppliers", tag = "suppliers", operation_id = "list_suppliers",
    responses(
        (status = 200, description = "All of them.", body = SupplierList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn suppliers(bearer: Bearer) -> Result<Json<SupplierList>, Problem> {
    bearer.needs(TokenScope::EquipmentRead)?;
    let all = bearer.state.interventions().suppliers(&bearer.holder.authenticated).await.map_err(problem)?;
    Ok(Json(SupplierList { rows: all.into_iter().map(Into::into).collect() }))
}
