//! The suppliers' JSON interface, under `/api/v1`: the same services as the pages, asked by programs with a token.
//!
//! Keys for SSH and tokens are not managed here: no token gives another means of identification, and the policies
//! (`guard-means-with-two-factors`) would refuse it.

pub mod bodies;
pub(crate) mod interventions;
pub(crate) mod targets;

use crate::SuppliersState;
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

/// A request that bears a token of the suppliers' door.
pub(crate) type Bearer = entrance::Bearer<SuppliersState>;

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
        InterventionError::Conflict | InterventionError::BadSignature => {
            Problem::conflict("It has changed, or is not in a state for this. Look at it again.")
        }
        InterventionError::Invalid(wrong) => invalid(*wrong),
    }
}

/// What was sent does not hold together: the field, and what it must be.
pub(crate) fn invalid(wrong: Wrong) -> Problem {
    let (field, what) = match wrong {
        Wrong::Purpose => ("purpose", "Write 1 to 500 characters, without control characters."),
        Wrong::Technicians => (
            "technicians",
            "Name 1 to 20 technicians of your supplier, each with a key for SSH in his account; a technician names himself among them.",
        ),
        Wrong::Window => (
            "until",
            "The window ends ahead, after it begins, 31 days later at most, begins within 90 days, and has whole seconds.",
        ),
        Wrong::Rights => ("rights", "Name at least one right."),
        Wrong::Sources => ("sources", "Give 20 ranges of addresses at most, such as 192.0.2.0/24."),
        Wrong::Ticket => ("ticket", "Write 120 characters at most, on one line."),
        Wrong::Equipment => ("equipment", "No equipment of that name or identifier can be asked for."),
        Wrong::TooMany => {
            ("requests", "50 requests of your supplier wait already: withdraw one, or wait for an answer.")
        }
        other => return unlikely(other),
    };
    Problem::of_kind(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "What was sent cannot be done")
        .detail(what)
        .with("field", field)
}

/// What a request for an intervention cannot be told.
fn unlikely(wrong: Wrong) -> Problem {
    Problem::unprocessable(format!("What is wrong: {wrong}."))
}

/// A text to search for: on one line, not endless.
pub(crate) fn searched(text: Option<String>, name: &str) -> Result<Option<String>, Problem> {
    let good = |text: &String| text.chars().count() <= 100 && !text.chars().any(char::is_control);
    if text.as_ref().is_some_and(|text| !good(text)) {
        return Err(Problem::new(StatusCode::BAD_REQUEST).detail(format!("`{name}` cannot be read.")));
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
        title = "Poterne, the suppliers' door",
        description = "Interventions on the hospital's equipment: ask, follow, open, close.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/")),
    security(("token" = [])),
    modifiers(&Security),
    components(schemas(ProblemBody)),
    paths(
        interventions::list, interventions::get, interventions::request, interventions::withdraw,
        interventions::open, interventions::close, targets::list, targets::get,
    )
)]
struct Document;

/// The interface's description: open to whoever asks, since it tells nothing of anybody.
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
