//! `/api/v1/traces/saved`: the searches that a trace controller keeps under a name, by his programs too. They are kept and
//! forgotten on the page.

use super::{
    Bearer, Id, bad_request,
    traces::{TraceList, traces_problem},
};
use crate::handlers::{
    of_journal,
    traces::{Asked as Kept, filter},
};
use axum::{Json, extract::Query};
use dossier::{Filter, SavedSearch, SearchesError};
use entrance::{
    Failure,
    api::{Asked, Problem, ProblemBody, failed},
};
use serde::{Deserialize, Serialize};
use types::{SearchId, TokenScope};
use utoipa::{IntoParams, ToSchema};
use web::layout::ErrorKind;

/// A search kept for later.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedBody {
    /// Which.
    id: String,
    /// What its owner calls it.
    name: String,
    /// What it asks for, as the page's address has it.
    query: String,
}

impl From<SavedSearch> for SavedBody {
    fn from(one: SavedSearch) -> Self {
        Self { id: one.id.to_string(), name: one.name, query: one.query }
    }
}

/// One's own saved searches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedList {
    /// By their names.
    rows: Vec<SavedBody>,
}

/// Lists one's own saved searches. For trace controllers.
#[utoipa::path(
    get, path = "/api/v1/traces/saved", tag = "traces", operation_id = "list_saved_searches",
    responses(
        (status = 200, description = "The searches.", body = SavedList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(bearer: Bearer) -> Result<Json<SavedList>, Problem> {
    bearer.needs(TokenScope::TracesRead)?;
    let held = held(&bearer).await?;
    Ok(Json(SavedList { rows: held.into_iter().map(Into::into).collect() }))
}

/// Which part of what a saved search finds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SavedAsked {
    /// The `next` of the part before.
    before: Option<String>,
    /// Rows at most.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Searches traces as a saved search says, from today's date where it says a period; the search is traced before anything is
/// read. For trace controllers.
#[utoipa::path(
    get, path = "/api/v1/traces/saved/{id}", tag = "traces", operation_id = "run_saved_search",
    params(("id" = String, Path, description = "Which."), SavedAsked),
    responses(
        (status = 200, description = "What was found.", body = TraceList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn run(bearer: Bearer, id: Id, Asked(asked): Asked<SavedAsked>) -> Result<Json<TraceList>, Problem> {
    bearer.needs(TokenScope::TracesRead)?;
    let limit = asked.limit.unwrap_or(100);
    if !(1..=100).contains(&limit) {
        return Err(bad_request("limit"));
    }
    let before = asked.before.map(|text| text.parse().map_err(|_| bad_request("before"))).transpose()?;
    let id = id.read(SearchId::from_bytes);
    let found = held(&bearer).await?.into_iter().find(|one| one.id == id).ok_or_else(Problem::not_found)?;
    let address = format!("/?{}", found.query).parse().ok();
    let kept = address.and_then(|address| Query::<Kept>::try_from_uri(&address).ok());
    // The page keeps what was typed, also what it cannot search for.
    let Query(kept) = kept.ok_or_else(|| bad_request("query"))?;
    let conditions = filter(&kept.fields(), bearer.state.now()).map_err(|_| bad_request("query"))?;
    let searched = Filter { before, limit, ..conditions };
    let page = bearer.state.traces().search(&bearer.holder.authenticated, searched).await;
    Ok(Json(page.map_err(traces_problem)?.into()))
}

async fn held(bearer: &Bearer) -> Result<Vec<SavedSearch>, Problem> {
    bearer.state.searches().list(&bearer.holder.authenticated).await.map_err(|error| match &error {
        SearchesError::NotFound | SearchesError::Lacking(_) => Problem::not_found(),
        SearchesError::Journal(journal) => failed(of_journal(journal), &error),
        SearchesError::Store(_) => failed(Failure::Shown(ErrorKind::JournalUnavailable), &error),
        _ => failed(Failure::Fault, &error),
    })
}
