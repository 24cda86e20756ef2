//! A link's own page: its holder chooses what he signs in with. The address holds the secret, so it is written nowhere.

use crate::{
    Door, Visit,
    account::device,
    factor::{FactorView, factor},
    pages::{Link, LinkDone, LinkEarly, LinkProblem, LinkView, LinkWaits},
    session::wait_seconds,
    shown,
};
use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::Response,
};
use serde::Deserialize;
use signin::{Chosen, LinkError};
use types::Secret;
use web::layout::{ErrorKind, page};

#[derive(Deserialize)]
pub(crate) struct Named {
    token: String,
}

/// The page, with a second factor drawn afresh each time.
pub(crate) async fn form<D: Door>(visit: Visit<D>, Path(Named { token }): Path<Named>) -> Response {
    drawn(&visit, &token, None).await
}

async fn drawn<D: Door>(visit: &Visit<D>, token: &str, problem: Option<LinkProblem>) -> Response {
    let welcome = match visit.entrance().signin().link(token, visit.address).await {
        Ok(welcome) => welcome,
        Err(error) => return refused(visit, error),
    };
    let mut chrome = visit.chrome(None, Some(&format!("/link/{token}")));
    if let Some(name) = visit.entrance().establishment_name(welcome.establishment) {
        name.clone_into(&mut chrome.establishment_name);
    }
    let drawn = |totp| FactorView::new(totp, &chrome.establishment_name, &welcome.login);
    let factor = welcome.totp.as_ref().map(drawn);
    let (display_name, login, role) = (welcome.display_name, welcome.login, welcome.role);
    let (expires, anew, asks_second) = (welcome.expires, welcome.anew, welcome.asks_second);
    let token = token.to_owned();
    let view = LinkView { token, display_name, login, role, expires, anew, asks_second, factor, problem };
    let link = Link::new(chrome, view).asking_password(welcome.with_password);
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, visit.lang, &link)
}

/// What is over, replaced, or never was is answered alike.
fn refused<D: Door>(visit: &Visit<D>, error: LinkError) -> Response {
    match error {
        LinkError::Waits => shown(visit.lang, &LinkWaits::new(visit.chrome(None, Some("/")))),
        LinkError::Early(opens) => shown(visit.lang, &LinkEarly::new(visit.chrome(None, Some("/")), opens)),
        LinkError::TooMany(wait) => {
            let seconds = wait_seconds(wait);
            let mut response = visit.error(ErrorKind::TooManyAttempts { wait_seconds: seconds }, None);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        LinkError::Unavailable => visit.error(ErrorKind::JournalUnavailable, None),
        LinkError::Absent | LinkError::Password(_) | LinkError::Code | LinkError::Second => {
            visit.error(ErrorKind::NotFound, None)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    /// Not there where the hospital's directory keeps it.
    #[serde(default)]
    password: String,
    /// Nor this, where a printed sheet was handed over.
    #[serde(default)]
    totp_secret: String,
    code: String,
    #[serde(default)]
    second: String,
}

/// The secret in the address is what no other site knows; the guard checks the form's origin besides.
pub(crate) async fn choose<D: Door>(
    visit: Visit<D>,
    Path(Named { token }): Path<Named>,
    headers: HeaderMap,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let Ok(Form(sent)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    let totp = factor(&sent.totp_secret);
    if totp.is_none() && !sent.totp_secret.is_empty() {
        return visit.error(ErrorKind::BadRequest, None);
    }
    let (password, device) = (Secret::new(sent.password), device(&headers));
    let chosen = Chosen { password, totp, code: sent.code, second: sent.second, lang: visit.lang, device };
    match visit.entrance().signin().take_link(&token, chosen, visit.address).await {
        Ok(()) => shown(visit.lang, &LinkDone::new(visit.chrome(None, Some("/")))),
        Err(LinkError::Password(bad)) => drawn(&visit, &token, Some(LinkProblem::Password(bad))).await,
        Err(LinkError::Second) => drawn(&visit, &token, Some(LinkProblem::Second)).await,
        Err(LinkError::Code) => drawn(&visit, &token, Some(LinkProblem::Code)).await,
        Err(error) => refused(&visit, error),
    }
}
