//! The desk's JSON interface, under `/api/v1`: the same services as the pages, asked by programs with a token. What a
//! token may do at most is in its scopes; what its holder may do, the policies say.
//!
//! Passkeys and tokens themselves are not managed here: no token gives another means of identification.

pub(crate) mod accounts;
pub mod bodies;
pub(crate) mod equipment;
pub(crate) mod interventions;
pub(crate) mod oversight;
pub(crate) mod retention;
pub(crate) mod saved;
pub(crate) mod sessions;
pub(crate) mod traces;

use crate::DeskState;
use ::interventions::{InterventionError, Wrong};
use axum::{
    Json,
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use entrance::{
    Failure,
    api::{Problem, ProblemBody, failed},
};
use std::{convert::Infallible, str::FromStr};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use web::layout::ErrorKind;

/// A request that bears a token of the desk.
pub(crate) type Bearer = entrance::Bearer<DeskState>;

/// The identifier in an address. What is none names nothing, and costs what a made-up identifier costs.
pub(crate) struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Path::from_request_parts(parts, state).await.map_or_else(|_| Self(String::new()), |Path(id)| Self(id)))
    }
}

impl Id {
    /// The identifier, or that of nothing.
    pub(crate) fn read<T: FromStr>(&self, of: fn([u8; 16]) -> T) -> T {
        self.0.parse().unwrap_or_else(|_| of([0; 16]))
    }
}

/// What a service could not give, as a problem.
pub(crate) fn problem(error: InterventionError) -> Problem {
    match &error {
        InterventionError::NotFound | InterventionError::Lacking(_) => {
            failed(Failure::Shown(ErrorKind::NotFound), &error)
        }
        InterventionError::Ended => failed(Failure::Ended, &error),
        InterventionError::Unavailable(_) => failed(Failure::Shown(ErrorKind::JournalUnavailable), &error),
        InterventionError::Fault(_) => failed(Failure::Fault, &error),
        InterventionError::Conflict => {
            Problem::conflict("It has changed, or is not in a state for this. Look at it again.")
        }
        InterventionError::BadSignature => {
            Problem::of_kind(StatusCode::UNPROCESSABLE_ENTITY, "bad-signature", "The signature does not fit")
                .detail("Ask for the terms again and sign them with a passkey that was vouched for.")
        }
        InterventionError::Invalid(wrong) => {
            Problem::of_kind(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "What was sent cannot be done")
                .detail(format!("What is wrong: {wrong}."))
                .with("field", field(*wrong))
        }
    }
}

/// The field that is wrong, for programs.
fn field(wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::Purpose => "purpose",
        Wrong::Technicians => "technicians",
        Wrong::Window => "until",
        Wrong::Rights => "rights",
        Wrong::Sources => "sources",
        Wrong::Ticket => "ticket",
        Wrong::Equipment => "equipment",
        Wrong::TooMany => "requests",
        Wrong::Name => "name",
        Wrong::Address => "host",
        Wrong::HostKey => "host_key",
        Wrong::Secret => "secret",
        Wrong::Beneficiaries => "beneficiaries",
        Wrong::Text => "text",
    }
}

/// A parameter that cannot be read.
pub(crate) fn bad_request(what: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).detail(format!("`{what}` cannot be read."))
}

/// A text to search for: on one line, not endless.
pub(crate) fn searched(text: Option<String>, name: &str) -> Result<Option<String>, Problem> {
    let good = |text: &String| text.chars().count() <= 100 && !text.chars().any(char::is_control);
    if text.as_ref().is_some_and(|text| !good(text)) {
        return Err(bad_request(name));
    }
    Ok(text)
}

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", token);
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Poterne, the staff's desk",
        description = "Interventions of suppliers on the hospital's equipment: decide, watch, cut, look back.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/")),
    security(("token" = [])),
    modifiers(&Security),
    components(schemas(ProblemBody)),
    paths(
        interventions::list, interventions::get, interventions::terms, interventions::approve,
        interventions::refuse, interventions::extend, interventions::hold, interventions::release,
        interventions::open, interventions::close, interventions::cut,
        sessions::list, sessions::get, sessions::cut, sessions::recording,
        equipment::list, equipment::get, equipment::terms, equipment::register, equipment::suppliers,
        accounts::list, accounts::get,
        traces::search, traces::counts, traces::export, saved::list, saved::run, retention::get, oversight::rules,
    )
)]
struct Document;

/// The interface's description: open to whoever asks, since it tells nothing of anybody.
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
