//! One session at a time (acces-web AA8): what a browser is told of the other one, that it is still there, and "this was not
//! me".

use crate::{
    Door, Posted, Visit,
    account::answered,
    pages::{AccountChanged, Disowned, Other, OtherView, OtherWhy, TooLate},
    shown,
    visit::Token,
};
use axum::{
    Form,
    extract::rejection::FormRejection,
    http::{HeaderMap, Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use identity::AtOnce;
use serde::Deserialize;
use signin::{Honored, OtherSession, SessionFault};
use web::layout::{ErrorKind, page};

/// The page about the other session.
pub(crate) async fn other<D: Door>(visit: &Visit<D>, why: OtherWhy, other: OtherSession) -> Response {
    let status = match why {
        OtherWhy::Closed => StatusCode::UNAUTHORIZED,
        OtherWhy::Open => StatusCode::CONFLICT,
    };
    let word = visit.entrance().signin().word_about(&other).await;
    let view = OtherView { why, other, word };
    page(status, visit.lang, &Other::new(visit.chrome(None, Some("/")), view))
}

/// The same where a session was asked for something. A page that somebody reads takes the cookie back, so that he may sign in
/// next; what scripts ask for in the page does not, or nobody would read why.
pub(crate) async fn closed<D: Door>(visit: &Visit<D>, by: OtherSession, parts: &Parts) -> Response {
    let told = other(visit, OtherWhy::Closed, by).await;
    if is_read(parts) { visit.clear_cookie(told) } else { told }
}

/// Whether the answer is a page that somebody will see.
fn is_read(parts: &Parts) -> bool {
    let said = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    match said("sec-fetch-dest") {
        Some(wanted) => wanted == "document",
        None => parts.method == Method::GET && said("accept").is_some_and(|accept| accept.contains("text/html")),
    }
}

/// A browser says that its page is still there. That prolongs nothing.
pub(crate) async fn here<D: Door>(
    visit: Visit<D>,
    headers: HeaderMap,
    form: Result<Form<Token>, FormRejection>,
) -> Response {
    let (entrance, cookie) = (visit.entrance(), visit.entrance().cookie().read(&headers).ok().flatten());
    let honored = match cookie {
        Some(cookie) => entrance.signin().honored(cookie, visit.address).await,
        None => Err(SessionFault::SignedOut),
    };
    match honored {
        Ok(Honored { session, at_once }) => match form {
            Ok(Form(form)) if entrance.csrf().check(&session, &form.csrf).is_ok() => {
                if at_once == AtOnce::First {
                    entrance.signin().note_there(session);
                }
                StatusCode::NO_CONTENT.into_response()
            }
            _ => visit.error(ErrorKind::FormExpired, None),
        },
        Err(SessionFault::SignedOut | SessionFault::Closed(_)) => {
            entrance.signin().stranger(visit.address).await;
            visit.error(ErrorKind::SessionExpired, None)
        }
        Err(SessionFault::Unavailable | SessionFault::Broken(_)) => visit.error(ErrorKind::JournalUnavailable, None),
    }
}

#[derive(Deserialize)]
pub(crate) struct WordForm {
    word: String,
}

/// Whoever has no session says that the other one is not his.
pub(crate) async fn not_me<D: Door>(visit: Visit<D>, form: Result<Form<WordForm>, FormRejection>) -> Response {
    let Ok(Form(form)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    match visit.entrance().signin().disown_by_word(&form.word, visit.address).await {
        Ok(true) => shown(visit.lang, &Disowned::new(visit.chrome(None, Some("/")))),
        Ok(false) => page(StatusCode::GONE, visit.lang, &TooLate::new(visit.chrome(None, Some("/")))),
        Err(_) => visit.error(ErrorKind::JournalUnavailable, None),
    }
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

/// Somebody signed in says that one of his last sign-ins is not his.
pub(crate) async fn not_all_me<D: Door>(Posted { member, .. }: Posted<D, Plain>) -> Response {
    let done = member.visit.entrance().signin().disown(&member.who).await;
    answered(&member, done, AccountChanged::Disowned).await
}
