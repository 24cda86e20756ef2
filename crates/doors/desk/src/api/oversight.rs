//! `/api/v1/rules`.

use super::{Bearer, bodies::rfc3339};
use axum::Json;
use dossier::{RuleRow, RulesError};
use entrance::{
    Failure,
    api::{Problem, ProblemBody, failed},
};
use serde::Serialize;
use types::TokenScope;
use utoipa::ToSchema;
use web::layout::ErrorKind;

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
        RulesError::NotFound | RulesError::Lacking(_) => Problem::not_found(),
        RulesError::Fault => failed(Failure::Fault, &error),
        RulesError::Journal(_) | RulesError::Dossier(_) => {
            failed(Failure::Shown(ErrorKind::JournalUnavailable), &error)
        }
    })?;
    Ok(Json(RuleList { rows: rows.into_iter().map(Into::into).collect() }))
}
