//! What every request of a door goes through, in this order, whatever its route: a reference, the header's size, the
//! origin of what changes something, the body's size, the time allowed, the panic net; then every answer gets an error
//! page if it has none, the strict headers, and one line in the log.

use crate::{
    csrf::{Origin, check_origin},
    headers,
    limits::Limits,
    reference::Reference,
    rehearsed::{Rehearsed, RehearsedFault},
};
use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http_body_util::Limited;
use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::Poll,
    time::Instant,
};
use tracing::Instrument;
use types::{Lang, SessionId};

/// Draws the error pages. A page says what happened, what was kept, what to do, and the reference; never a cause.
pub trait ErrorPages: Send + Sync + 'static {
    /// The language to answer in.
    fn lang(&self, headers: &HeaderMap) -> Lang {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Lang::from_accept(accepted.unwrap_or_default())
    }

    /// The page for a status of 400 or more.
    fn page(&self, status: StatusCode, lang: Lang, reference: &Reference) -> Response;
}

/// Pages of one line, for a listener without a look of its own.
#[derive(Debug, Clone, Copy)]
pub struct PlainPages;

impl ErrorPages for PlainPages {
    fn page(&self, status: StatusCode, lang: Lang, reference: &Reference) -> Response {
        let word = match lang {
            Lang::Fr => "Référence",
            Lang::En => "Reference",
        };
        (status, format!("{}\n{word} : {reference}\n", status.as_u16())).into_response()
    }
}

/// Told which session met an internal error (a panic, or whatever is answered 500): ended when this returns, for the answer
/// leaves after it. Must not block.
pub type OnFault = Arc<dyn Fn(SessionId) + Send + Sync>;

/// What a door tells its guard.
#[derive(Clone)]
pub struct Guard {
    /// The same as given to [`crate::serve::serve`].
    pub limits: Limits,
    /// Where this door's pages live.
    pub origin: Origin,
    /// Its error pages.
    pub pages: Arc<dyn ErrorPages>,
    /// Ends the session that met an internal error.
    pub on_fault: Option<OnFault>,
    /// The faults that a probe of this process arms for sessions of its own, if one does.
    pub rehearsed: Option<Rehearsed>,
    /// The errors under `/api/`, if this door has an API. Its callers are programs that send a token of their own: no
    /// origin is asked of them, and no cookie reaches what is routed there or comes from it, so that a page of another
    /// site could make a browser send nothing that counts.
    pub api: Option<Arc<dyn ErrorPages>>,
}

/// Whether a path is that of an API. It is the path that is routed, not yet decoded: `/%61pi/` is neither routed nor
/// taken as such.
pub fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// In the request's extensions: the extractor that recognizes a session notes it here, for the panic net.
#[derive(Clone, Default)]
pub struct CurrentSession(Arc<Current>);

#[derive(Default)]
struct Current {
    session: OnceLock<SessionId>,
    rehearsed: Option<Rehearsed>,
    /// The rehearsed fault that this request met.
    met: OnceLock<RehearsedFault>,
}

impl CurrentSession {
    fn new(rehearsed: Option<Rehearsed>) -> Self {
        Self(Arc::new(Current { rehearsed, ..Current::default() }))
    }

    /// Notes the session of this request; the first one stays.
    pub fn note(&self, session: SessionId) {
        let Current { session: noted, rehearsed, met } = &*self.0;
        // A request has one session; a second note would be the same.
        if noted.set(session).is_err() {
            return;
        }
        let Some(fault) = rehearsed.as_ref().and_then(|rehearsed| rehearsed.meet(session)) else { return };
        let _ = met.set(fault);
        if fault == RehearsedFault::Panic {
            // It unwinds as any other does; only the hook, which would log an error, is left out.
            resume_unwind(Box::new("rehearsed"));
        }
    }
}

/// In an answer's extensions: the session that met this error was closed by whoever answers.
#[derive(Debug, Clone, Copy)]
pub struct SessionClosed;

/// Puts the guard around every route and the fallback of a finished router: call it last.
pub fn guard(router: Router, guard: Guard) -> Router {
    router.layer(from_fn_with_state(Arc::new(guard), pass))
}

/// A panic's message may hold a value of the request: keep the place, drop the message. Called once, by `main`.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line()));
        tracing::error!(place, "a panic was caught");
    }));
}

async fn pass(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let reference = Reference::draw();
    let session = CurrentSession::new(guard.rehearsed.clone());
    let api = guard.api.as_ref().filter(|_| is_api(request.uri().path()));
    let pages = api.unwrap_or(&guard.pages);
    let lang = pages.lang(request.headers());
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(reference);
    request.extensions_mut().insert(session.clone());
    if api.is_some() {
        request.headers_mut().remove(header::COOKIE);
    }

    let span = tracing::info_span!("request", %reference);
    let bytes_max = if api.is_some() { guard.limits.api_bytes_max } else { guard.limits.form_bytes_max };
    let admitted = span.in_scope(|| admit(&guard, &request, api.is_some(), bytes_max));
    forget_proxies(request.headers_mut());
    let mut response = match admitted {
        Err(status) => status.into_response(),
        Ok(()) => answer(&guard, request, next, &session, bytes_max).instrument(span).await,
    };
    if needs_page(&response) {
        response = with_page(response, |status| pages.page(status, lang, &reference));
    }
    if api.is_some() {
        response.headers_mut().remove(header::SET_COOKIE);
    }
    headers::put(&mut response);

    // The route's template, never the path: paths and queries name patients' objects.
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros() as u64);
    tracing::info!(parent: None, method, route, status, micros, %reference, "request");
    response
}

fn admit(guard: &Guard, request: &Request, is_api: bool, bytes_max: usize) -> Result<(), StatusCode> {
    let headers = request.headers();
    let line = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    // 4: the colon, the space and the line's end.
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + line;
    if bytes > guard.limits.header_bytes_max {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if !is_api && let Err(refusal) = check_origin(request.method(), headers, &guard.origin) {
        tracing::info!(reason = %refusal, "a request was refused");
        return Err(StatusCode::FORBIDDEN);
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.is_some_and(|text| text.parse::<usize>().is_ok_and(|bytes| bytes > bytes_max)) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(())
}

/// What proxies say was read where it may be believed ([`crate::serve`]); nothing further on sees it.
fn forget_proxies(headers: &mut HeaderMap) {
    let said = |name: &HeaderName| {
        name == header::FORWARDED || name.as_str() == "x-real-ip" || name.as_str().starts_with("x-forwarded-")
    };
    let names: Vec<HeaderName> = headers.keys().filter(|name| said(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

async fn answer(guard: &Guard, request: Request, next: Next, session: &CurrentSession, bytes_max: usize) -> Response {
    // A chunked body announces no length: this counts what is read.
    let request = request.map(|body| Body::new(Limited::new(body, bytes_max)));
    match tokio::time::timeout(guard.limits.request_max, caught(next.run(request))).await {
        Ok(Ok(response)) => {
            let response = match session.0.met.get() {
                Some(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                None => response,
            };
            let is_fault = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
            if is_fault && response.extensions().get::<SessionClosed>().is_none() {
                close(guard, session, "a request met an internal error; its session is closed");
            }
            response
        }
        Ok(Err(_)) => {
            close(guard, session, "a request ended in a panic; its session is closed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => {
            tracing::warn!("a request took too long and was given up");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Ends the session that this very request was recognized by, if any (acces-web DT8): nobody else's.
fn close(guard: &Guard, session: &CurrentSession, why: &'static str) {
    match session.0.met.get() {
        Some(fault) => tracing::info!(?fault, "a probe rehearsed a fault: {why}"),
        None => tracing::error!("{why}"),
    }
    if let (Some(on_fault), Some(session)) = (&guard.on_fault, session.0.session.get()) {
        on_fault(*session);
    }
}

/// Runs a future to its end or to its panic; after a panic it is dropped and never polled again.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        let step = catch_unwind(AssertUnwindSafe(|| Pin::as_mut(&mut future).poll(context)));
        match step {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// An error without a body of its own, or with the plain text of a library, which may tell a cause.
fn needs_page(response: &Response) -> bool {
    let media = response.headers().get(header::CONTENT_TYPE);
    let plain = media.is_none_or(|media| media.as_bytes().starts_with(b"text/plain"));
    response.status().as_u16() >= 400 && plain
}

/// The page, with what the answer's header said besides its body (`Allow`, `Set-Cookie`, `Retry-After`).
fn with_page(bare: Response, page: impl FnOnce(StatusCode) -> Response) -> Response {
    let (mut parts, _) = bare.into_parts();
    let mut page = page(parts.status);
    for body_header in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
        parts.headers.remove(body_header);
    }
    *page.status_mut() = parts.status;
    for (name, value) in &parts.headers {
        page.headers_mut().append(name, value.clone());
    }
    page
}

/// A method invented by a stranger is not copied to the log.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
