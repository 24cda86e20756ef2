//! What the JSON interface of every door shares: who asks (a bearer token), what was sent, and errors as RFC 9457
//! problem details.
//!
//! A route of `/api/v1` takes a [`Bearer`], a [`JsonBody`] or an [`Asked`], and answers `Result<_, Problem>`. It never
//! sees a cookie: the guard takes them away.

use crate::{Door, Failure};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use signin::{SessionFault, TokenHolder};
use std::{borrow::Cow, fmt};
use types::{ClientAddress, Lang, TokenScope};
use web::{guard::ErrorPages, layout::ErrorKind, reference::Reference};

/// The `Content-Type` of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// More than any token of ours.
const TOKEN_BYTES_MAX: usize = 512;
/// Of what is wrong with a body or a query, so much is told.
const DETAIL_CHARS_MAX: usize = 300;

/// Why a request to the API was not done, as RFC 9457 writes it. It tells what its reader may know: never a cause.
/// What is absent and what is forbidden have one problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Told>);

#[derive(Debug, Clone, PartialEq)]
struct Told {
    status: StatusCode,
    kind: Option<&'static str>,
    title: Cow<'static, str>,
    detail: Option<String>,
    more: Map<String, Value>,
    authenticate: Option<String>,
}

/// A problem as it is sent, for the interface's description.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// `about:blank` when the status says it all; otherwise `urn:poterne:problem:` and a word.
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong, in a few words that are always the same.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to give the hospital's staff, who find the cause by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Problem {
    /// What the status alone says.
    pub fn new(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").into();
        Self(Box::new(Told { status, kind: None, title, detail: None, more: Map::new(), authenticate: None }))
    }

    /// A problem of its own kind: `kind` is a lasting word that programs compare (`window-over`), `title` its sentence.
    pub fn of_kind(status: StatusCode, kind: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::new(status);
        (problem.0.kind, problem.0.title) = (Some(kind), title.into());
        problem
    }

    /// Absent or forbidden: one and the same.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND).detail("There is nothing here, or it is not open to this token.")
    }

    /// No token that is honored. One answer, whatever is wrong with it.
    pub fn unauthorized() -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED).detail(
            "Send a valid token in the header `Authorization: Bearer …`, from an address that it may come from.",
        );
        problem.0.authenticate = Some("Bearer".to_owned());
        problem
    }

    /// The token is honored, but was not issued for this (RFC 6750). Said of the token, whatever the address names.
    pub fn insufficient_scope(scope: TokenScope) -> Self {
        let mut problem = Self::of_kind(StatusCode::FORBIDDEN, "insufficient-scope", "The token does not cover this")
            .detail(format!("This needs a token with the scope `{scope}`."));
        problem.0.authenticate = Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""));
        problem
    }

    /// The door cannot write its traces or read its store, so it does nothing.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE).detail("Nothing was done. Try again in a minute.")
    }

    /// It comes at the wrong time: what it speaks of has moved on.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT).detail(detail)
    }

    /// It is understood and cannot be done as sent.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail)
    }

    /// What went wrong this time, and what to do.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// A member more, for programs. It cannot replace one that every problem has.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    fn body(&self, reference: Option<&Reference>) -> Vec<u8> {
        let body = ProblemBody {
            kind: self.0.kind.map_or_else(|| "about:blank".to_owned(), |kind| format!("urn:poterne:problem:{kind}")),
            title: self.0.title.clone().into_owned(),
            status: self.0.status.as_u16(),
            detail: self.0.detail.clone(),
            reference: reference.map(ToString::to_string),
        };
        let mut whole = self.0.more.clone();
        if let Ok(Value::Object(members)) = serde_json::to_value(body) {
            whole.extend(members);
        }
        serde_json::to_vec(&whole).unwrap_or_default()
    }

    fn response(self, reference: Option<&Reference>) -> Response {
        let mut response = (self.0.status, [(CONTENT_TYPE, PROBLEM_JSON)], self.body(reference)).into_response();
        let headers = response.headers_mut();
        if let Some(value) = self.0.authenticate.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if matches!(self.0.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(RETRY_AFTER, HeaderValue::from(60));
        }
        // For `refer`, which alone knows the request's reference.
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status.as_u16(), self.0.title)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.response(None)
    }
}

/// What a service could not give, told to a program; `cause` goes to the log alone. A token has no session to close
/// after a fault: what it may do is in its record.
pub fn failed(failure: Failure, cause: &impl fmt::Display) -> Problem {
    match failure {
        // A program cannot prove more than its token does.
        Failure::Shown(ErrorKind::NotFound) | Failure::Lacking(_) => Problem::not_found(),
        Failure::Shown(kind @ (ErrorKind::JournalUnavailable | ErrorKind::SisUnavailable | ErrorKind::Busy)) => {
            if kind == ErrorKind::JournalUnavailable {
                tracing::warn!(error = %cause, "an answer was withheld");
            }
            Problem::unavailable()
        }
        Failure::Shown(kind) => Problem::new(kind.status()),
        Failure::Ended => Problem::unauthorized(),
        Failure::Fault => {
            tracing::error!(%cause, "a request to the interface met an internal fault");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// A request that bears an honored token.
pub struct Bearer<D> {
    /// The door's state.
    pub state: D,
    /// Whose it is, and for what.
    pub holder: TokenHolder,
    /// Where it comes from.
    pub address: ClientAddress,
}

impl<D> Bearer<D> {
    /// Refuses a token that was not issued for this.
    pub fn needs(&self, scope: TokenScope) -> Result<(), Problem> {
        if self.holder.scopes.contains(&scope) { Ok(()) } else { Err(Problem::insufficient_scope(scope)) }
    }
}

/// Absent, unreadable and refused tokens have one answer, and each leaves a trace.
impl<D: Door> FromRequestParts<D> for Bearer<D> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &D) -> Result<Self, Problem> {
        // Without an address nobody could be counted or traced: the listener always gives one.
        let Some(address) = parts.extensions.get::<ClientAddress>().copied() else {
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR));
        };
        let entrance = state.entrance();
        let (Some(tokens), Some(token)) = (entrance.tokens(), token(&parts.headers)) else {
            entrance.signin().stranger(address).await;
            return Err(Problem::unauthorized());
        };
        match tokens.resume(token, address).await {
            Ok(holder) => {
                tokens.note_call(&holder, parts.method.as_str(), parts.uri.path()).await;
                Ok(Self { state: state.clone(), holder, address })
            }
            Err(SessionFault::SignedOut | SessionFault::Closed(_)) => Err(Problem::unauthorized()),
            Err(SessionFault::Unavailable | SessionFault::Broken(_)) => Err(Problem::unavailable()),
        }
    }
}

/// The one token of a request. Any doubt is a refusal: two headers, another scheme, signs that no token has.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_token = !token.is_empty() && token.len() <= TOKEN_BYTES_MAX && token.bytes().all(legal);
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

/// A JSON object as body, read whole within the guard's bound (`api_bytes_max`). Refused: another media type (415), a
/// body past its bound (413), what is no JSON (400), what does not have the shape asked for (422).
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail("Send the body as JSON, with the header `Content-Type: application/json`."));
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|refused| match refused.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail("Send less at a time.")
                }
                _ => Problem::new(StatusCode::BAD_REQUEST).detail("The body did not arrive whole."),
            })?;
        // A list would be taken for the fields in their order.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::unprocessable("Send a JSON object."));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let detail = told(&error);
            match error.classify() {
                serde_json::error::Category::Data => Problem::unprocessable(detail),
                _ => Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body is not JSON: {detail}")),
            }
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The fields of a query; one that cannot be read is refused (400), so that no filter is silently left out.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(read)) => Ok(Self(read)),
            Err(error) => {
                let detail =
                    told(&std::error::Error::source(&error).map_or_else(|| error.to_string(), |e| e.to_string()));
                Err(Problem::new(StatusCode::BAD_REQUEST).detail(format!("The query cannot be read: {detail}")))
            }
        }
    }
}

/// What a parser says of what was sent: it repeats it at most to him who sent it, on one line, and not at length.
fn told(error: &impl fmt::Display) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(DETAIL_CHARS_MAX).collect()
}

/// An answer with a status other than 200.
pub fn created<T: Serialize>(body: T) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}

/// Writes the request's reference into the problem that answers it.
pub(crate) async fn refer(request: Request, next: Next) -> Response {
    let reference = request.extensions().get::<Reference>().copied();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Body::from(problem.body(reference.as_ref()));
        response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    }
    response
}

/// The errors under `/api/` that no handler answered.
pub(crate) struct ApiPages;

impl ErrorPages for ApiPages {
    fn page(&self, status: StatusCode, _: Lang, reference: &Reference) -> Response {
        let problem = match status {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Problem::not_found(),
            StatusCode::UNAUTHORIZED => Problem::unauthorized(),
            // It may have been given up under way.
            StatusCode::SERVICE_UNAVAILABLE => {
                Problem::new(status).detail("No answer came in time. Look at what stands before you try again.")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Problem::new(status).detail("The header `Allow` names the methods of this address.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status).detail("Send less at a time."),
            status => Problem::new(status),
        };
        problem.response(Some(reference))
    }
}
