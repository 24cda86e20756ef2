//! `/api/v1/accounts`: accounts as they stand. What changes them asks for both factors, which no token has.

use super::{Bearer, Id, bad_request, bodies::rfc3339, searched};
use axum::Json;
use entrance::{
    Failure,
    api::{Asked, Problem, ProblemBody, failed},
};
use serde::{Deserialize, Serialize};
use signin::{AccountError, AccountQuery, AccountSeen, AccountSheet, LinkSeen};
use types::{AccountId, TokenScope};
use utoipa::{IntoParams, ToSchema};
use web::layout::ErrorKind;

/// A link that has not served yet. Its secret is shown once, on a page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkBody {
    /// What names it in the traces.
    id: String,
    /// Whose account drew it; nobody's when the operator's command did.
    by: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    drawn: String,
    /// Until when it serves.
    #[schema(format = DateTime)]
    expires: String,
    /// Whether it waits for a second person.
    waits: bool,
    /// Whether its page asks for what the person who confirmed it tells the holder.
    asks_second: bool,
    /// From when it serves, where that is not at once: the account is in use, and its holder may stop it until then.
    #[schema(format = DateTime)]
    opens: Option<String>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountBody {
    /// Its private identifier.
    id: String,
    /// The name shown.
    name: String,
    /// What its holder types.
    login: String,
    /// For what.
    role: &'static str,
    /// Whose people its holder is of.
    supplier: Option<String>,
    /// `invited`, `active`, `suspended`, `blocked` or `closed`.
    state: &'static str,
    /// When it is to be looked at again; none for what is over.
    #[schema(format = DateTime)]
    review_due: Option<String>,
    /// A link that has not served yet.
    link: Option<LinkBody>,
}

/// The accounts of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountList {
    /// By name.
    rows: Vec<AccountBody>,
    /// The cursor of the next part.
    next: Option<String>,
}

/// One account, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountSheetBody {
    /// As in the list.
    account: AccountBody,
    /// First names.
    given_name: String,
    /// Family name.
    family_name: String,
    /// What he is by trade.
    profession: Option<String>,
    /// His national number.
    rpps: Option<String>,
    /// How his identity was verified: `in_person`, `known`, `provider` or `employer`.
    proof: Option<&'static str>,
    /// Since when it is in its state.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Why: `absence`, `suspicion`, `departure`, `death`, `contract_end`, `asked`, `needless` or `back`.
    reason: Option<&'static str>,
    /// Since when it is there.
    #[schema(format = DateTime)]
    created: Option<String>,
    /// When it was last looked at.
    #[schema(format = DateTime)]
    reviewed: Option<String>,
    /// When its holder last signed in.
    #[schema(format = DateTime)]
    last_sign_in: Option<String>,
    /// Sessions open now.
    sessions: u32,
}

/// Narrows a list of accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountsAsked {
    /// Of this role only.
    role: Option<String>,
    /// In this state only.
    state: Option<String>,
    /// To be looked at again now, only.
    due: Option<bool>,
    /// With these words in the name or login.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The `next` of the part before.
    cursor: Option<String>,
}

impl From<LinkSeen> for LinkBody {
    fn from(link: LinkSeen) -> Self {
        Self {
            id: link.id.to_string(),
            by: link.by.map(|by| by.to_string()),
            drawn: rfc3339(link.drawn),
            expires: rfc3339(link.expires),
            waits: link.waits,
            asks_second: link.asks_second,
            opens: link.opens.map(rfc3339),
        }
    }
}

impl From<AccountSeen> for AccountBody {
    fn from(seen: AccountSeen) -> Self {
        Self {
            id: seen.account.to_string(),
            name: seen.display_name,
            login: seen.login,
            role: seen.role.as_str(),
            supplier: seen.supplier.map(|supplier| supplier.to_string()),
            state: seen.state.as_str(),
            review_due: seen.review_due.map(rfc3339),
            link: seen.link.map(Into::into),
        }
    }
}

impl From<AccountSheet> for AccountSheetBody {
    fn from(sheet: AccountSheet) -> Self {
        Self {
            account: sheet.seen.into(),
            given_name: sheet.attributes.given_name,
            family_name: sheet.attributes.family_name,
            profession: sheet.attributes.profession,
            rpps: sheet.attributes.rpps,
            proof: sheet.proof.map(|proof| proof.as_str()),
            since: sheet.since.map(rfc3339),
            reason: sheet.reason.map(|reason| reason.as_str()),
            created: sheet.created.map(rfc3339),
            reviewed: sheet.reviewed.map(rfc3339),
            last_sign_in: sheet.last_sign_in.map(rfc3339),
            sessions: sheet.sessions,
        }
    }
}

fn problem(error: AccountError) -> Problem {
    match error {
        AccountError::Unavailable => failed(Failure::Shown(ErrorKind::JournalUnavailable), &error),
        _ => Problem::not_found(),
    }
}

/// A word of the query; one that means nothing is refused, so that no filter is silently left out.
fn word<T: std::str::FromStr>(text: Option<String>, name: &str) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| bad_request(name))).transpose()
}

/// The establishment's accounts.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "accounts", operation_id = "list_accounts",
    params(AccountsAsked),
    responses(
        (status = 200, description = "Part of the list.", body = AccountList),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(bearer: Bearer, Asked(asked): Asked<AccountsAsked>) -> Result<Json<AccountList>, Problem> {
    bearer.needs(TokenScope::AccountsRead)?;
    let query = AccountQuery {
        role: word(asked.role, "role")?,
        state: word(asked.state, "state")?,
        linked: false,
        due: asked.due.unwrap_or(false),
        words: searched(asked.q, "q")?.unwrap_or_default(),
        after: word(asked.cursor, "cursor")?,
    };
    let page = bearer.state.accounts().list(&bearer.holder.authenticated, &query).await.map_err(problem)?;
    let next = page.more.map(|more| more.to_string());
    Ok(Json(AccountList { rows: page.accounts.into_iter().map(Into::into).collect(), next }))
}

/// One account.
#[utoipa::path(
    get, path = "/api/v1/accounts/{id}", tag = "accounts", operation_id = "get_account",
    params(("id" = String, Path, description = "The account.")),
    responses(
        (status = 200, description = "The account.", body = AccountSheetBody),
        (status = "4XX", description = "Not shown.", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Not possible now.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(bearer: Bearer, id: Id) -> Result<Json<AccountSheetBody>, Problem> {
    bearer.needs(TokenScope::AccountsRead)?;
    let id = id.read(AccountId::from_bytes);
    let sheet = bearer.state.accounts().one(&bearer.holder.authenticated, id).await.map_err(problem)?;
    Ok(Json(sheet.into()))
}
