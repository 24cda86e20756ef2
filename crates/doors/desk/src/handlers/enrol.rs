//! The first administrator's enrolment, by the link that `init` drew.

use crate::{
    EnrolForm, EnrolRefused,
    handlers::{Visit, means::registration},
    pages::{Enrol, EnrolView, Enrolled},
};
use axum::{
    Form,
    extract::{FromRequestParts, Path, rejection::FormRejection},
    http::{StatusCode, request::Parts},
    response::Response,
};
use data_encoding::BASE64URL_NOPAD;
use entrance::shown;
use serde::Deserialize;
use std::convert::Infallible;
use types::Secret;
use web::layout::{ErrorKind, page};

/// The longest token that is looked at.
const TOKEN_CHARS_MAX: usize = 100;

/// The token in an address. What is none is empty, and opens nothing.
pub(crate) struct Token(String);

#[derive(Deserialize)]
struct Named {
    token: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let named: Option<Path<Named>> = Path::from_request_parts(parts, state).await.ok();
        let legal = |token: &String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            token.len() <= TOKEN_CHARS_MAX && token.bytes().all(plain)
        };
        Ok(Self(named.map(|Path(named)| named.token).filter(legal).unwrap_or_default()))
    }
}

/// Where no link is outstanding the address leads nowhere, like any other.
pub(crate) async fn form(visit: Visit, Token(token): Token) -> Response {
    again(&visit, token, (String::new(), String::new()), None).await
}

/// The page, with a fresh challenge and a fresh secret each time.
async fn again(visit: &Visit, token: String, typed: (String, String), refused: Option<EnrolRefused>) -> Response {
    let Some(first) = visit.state.first_administrator() else { return visit.error(ErrorKind::NotFound, None) };
    let Some(options) = first.begin(&token, visit.address).await else {
        return visit.error(ErrorKind::NotFound, None);
    };
    let chrome = visit.chrome(None, Some(&format!("/enrol/{token}")));
    let view = EnrolView {
        token,
        challenge: BASE64URL_NOPAD.encode(&options.challenge),
        rp: options.rp_id,
        user: BASE64URL_NOPAD.encode(&options.user),
        totp_secret: options.totp_secret.expose().clone(),
        typed,
        refused,
    };
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, visit.lang, &Enrol::new(chrome, view))
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    login: String,
    name: String,
    password: String,
    totp_secret: String,
    code: String,
    client_data_json: String,
    attestation_object: String,
}

/// The token in the address is what no other site knows; the guard checks the form's origin besides.
pub(crate) async fn enrol(visit: Visit, Token(token): Token, form: Result<Form<Sent>, FormRejection>) -> Response {
    let Ok(Form(sent)) = form else { return visit.error(ErrorKind::BadRequest, None) };
    let Some(first) = visit.state.first_administrator() else { return visit.error(ErrorKind::NotFound, None) };
    let typed = (sent.login.clone(), sent.name.clone());
    let form = EnrolForm {
        login: sent.login,
        name: sent.name,
        password: Secret::new(sent.password),
        totp_secret: Secret::new(sent.totp_secret),
        code: sent.code.split_whitespace().collect(),
        passkey: registration(&sent.client_data_json, &sent.attestation_object),
    };
    match first.enrol(&token, form, visit.address).await {
        Ok(()) => shown(visit.lang, &Enrolled::new(visit.chrome(None, Some("/")))),
        Err(EnrolRefused::Link) => visit.error(ErrorKind::NotFound, None),
        Err(EnrolRefused::Unavailable) => visit.error(ErrorKind::JournalUnavailable, None),
        Err(refused) => again(&visit, token, typed, Some(refused)).await,
    }
}
