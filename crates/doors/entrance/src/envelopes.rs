//! Signing in by the two sealed envelopes of a break-glass account, at the door that has such accounts.

use crate::{
    Door, Route, Visit,
    account::device,
    pages::{EnvelopeProblem, FirstEnvelope, FirstEnvelopeView, SecondEnvelope, SecondEnvelopeView},
    session::{opened, terminal, wait_seconds},
    visit::Member,
};
use axum::{
    Form, Router,
    extract::rejection::FormRejection,
    http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use identity::{Envelope, EnvelopeCode};
use serde::Deserialize;
use signin::{BreakGlassReason, FirstStepError, SecondStepError};
use types::Secret;
use web::layout::{ErrorKind, page};

/// The routes of [`with_envelopes`].
pub const ENVELOPE_ROUTES: &[Route] = &[
    Route { method: "GET", path: "/{lang}/session/envelopes", asks: crate::Asks::Nothing },
    Route { method: "POST", path: "/{lang}/session/envelopes", asks: crate::Asks::Nothing },
    Route { method: "GET", path: "/{lang}/session/envelopes/second", asks: crate::Asks::Nothing },
    Route { method: "POST", path: "/{lang}/session/envelopes/second", asks: crate::Asks::Nothing },
];

/// With the pages of a break-glass account's sign-in, for the door that has such accounts.
pub fn with_envelopes<D: Door>(router: Router<D>) -> Router<D> {
    router
        .route("/{lang}/session/envelopes", get(first_page::<D>).post(first::<D>))
        .route("/{lang}/session/envelopes/second", get(begin_again::<D>).post(second::<D>))
}

async fn first_page<D: Door>(visit: Visit<D>) -> Response {
    first_shown(&visit, StatusCode::OK, FirstEnvelopeView::default())
}

/// Somebody reloads the second page: what it held is gone, the first is shown again.
async fn begin_again<D: Door>(visit: Visit<D>) -> Response {
    Redirect::to(&format!("/{}/session/envelopes", visit.lang)).into_response()
}

#[derive(Deserialize)]
struct FirstForm {
    login: String,
    code: String,
}

async fn first<D: Door>(visit: Visit<D>, form: Result<Form<FirstForm>, FormRejection>) -> Response {
    let Ok(Form(form)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    let (login, code) = (form.login, Secret::new(form.code));
    // A slip is told whoever's the login is, before anything of it is looked at: it is no guess, and says nothing.
    let code = match EnvelopeCode::typed(code.expose(), Envelope::First) {
        Ok(code) => code,
        Err(slip) => return first_again(&visit, login, EnvelopeProblem::Slip(slip)),
    };
    match visit.entrance().signin().first_envelope(&login, &code, visit.address).await {
        Ok(ceremony) => {
            second_shown(&visit, StatusCode::OK, SecondEnvelopeView { ceremony, ..SecondEnvelopeView::default() })
        }
        Err(FirstStepError::TooMany(wait)) => {
            first_again(&visit, login, EnvelopeProblem::Wait { seconds: wait_seconds(wait) })
        }
        // No puzzle comes before a hundred bits that nobody guesses.
        Err(FirstStepError::Unavailable | FirstStepError::Puzzle { .. }) => {
            visit.error(ErrorKind::JournalUnavailable, None)
        }
    }
}

#[derive(Deserialize)]
struct SecondForm {
    ceremony: String,
    code: String,
    reason: String,
}

async fn second<D: Door>(
    visit: Visit<D>,
    former: Result<Option<Member<D>>, Response>,
    headers: HeaderMap,
    form: Result<Form<SecondForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    let SecondForm { ceremony, code, reason } = form;
    let code = EnvelopeCode::typed(Secret::new(code).expose(), Envelope::Second);
    let (code, why) = match (code, BreakGlassReason::read(&reason)) {
        (Ok(code), Some(why)) => (code, why),
        (Err(slip), _) => return second_again(&visit, (ceremony, reason), EnvelopeProblem::Slip(slip)),
        (Ok(_), None) => return second_again(&visit, (ceremony, reason), EnvelopeProblem::Reason),
    };
    let device = device(&headers);
    let terminal = terminal(&visit, &former, &device);
    let problem = match visit.entrance().signin().second_envelope(&ceremony, (&code, &why), terminal).await {
        Ok(session) => return opened(&visit, former, session, None).await,
        // What was typed is still good: nobody types fifty letters again for having waited.
        Err(SecondStepError::TooMany(wait)) => {
            let seconds = wait_seconds(wait);
            let mut again = second_again(&visit, (ceremony, reason), EnvelopeProblem::Wait { seconds });
            again.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return again;
        }
        Err(SecondStepError::Lost) => EnvelopeProblem::Expired,
        Err(SecondStepError::Unavailable) => return visit.error(ErrorKind::JournalUnavailable, None),
        Err(SecondStepError::Refused | SecondStepError::NoDirectory | SecondStepError::Elsewhere(_)) => {
            EnvelopeProblem::Refused
        }
    };
    first_again(&visit, String::new(), problem)
}

fn status(problem: EnvelopeProblem) -> StatusCode {
    match problem {
        EnvelopeProblem::Wait { .. } => StatusCode::TOO_MANY_REQUESTS,
        EnvelopeProblem::Expired => StatusCode::BAD_REQUEST,
        EnvelopeProblem::Slip(_) | EnvelopeProblem::Reason | EnvelopeProblem::Refused => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

fn first_again<D: Door>(visit: &Visit<D>, login: String, problem: EnvelopeProblem) -> Response {
    let mut response = first_shown(visit, status(problem), FirstEnvelopeView { login, problem: Some(problem) });
    if let EnvelopeProblem::Wait { seconds } = problem {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn first_shown<D: Door>(visit: &Visit<D>, status: StatusCode, view: FirstEnvelopeView) -> Response {
    let chrome = visit.chrome(None, Some("/session/envelopes"));
    page(status, visit.lang, &FirstEnvelope::new(chrome, view))
}

fn second_again<D: Door>(visit: &Visit<D>, (ceremony, reason): (String, String), problem: EnvelopeProblem) -> Response {
    second_shown(visit, status(problem), SecondEnvelopeView { ceremony, reason, problem: Some(problem) })
}

fn second_shown<D: Door>(visit: &Visit<D>, status: StatusCode, view: SecondEnvelopeView) -> Response {
    let chrome = visit.chrome(None, Some("/session/envelopes"));
    page(status, visit.lang, &SecondEnvelope::new(chrome, view))
}
