//! Who asks, in which language, from where: read once from the request, before any handler.

use crate::state::PortalState;
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderValue, header::SET_COOKIE, request::Parts},
    response::{IntoResponse, Response},
};
use care::CareError;
use signin::{EndedBecause, SessionFault, SignedIn};
use std::convert::Infallible;
use types::{ClientAddress, Lang};
use web::{
    guard::CurrentSession,
    layout::{self, Chrome, ErrorKind, ErrorPage},
    reference::Reference,
};

/// What is known of a request before it is known whose it is.
pub(crate) struct Visit {
    pub state: PortalState,
    pub lang: Lang,
    pub address: ClientAddress,
    pub reference: Option<Reference>,
    path: String,
}

/// A request with a session.
pub(crate) struct Member {
    pub visit: Visit,
    pub who: SignedIn,
}

impl Visit {
    #[expect(clippy::result_large_err, reason = "the answer itself, made once for a request that ends with it")]
    fn read(parts: &Parts, state: &PortalState) -> Result<Self, Response> {
        let reference = parts.extensions.get::<Reference>().copied();
        // From the address itself: its other parts may be impossible to decode.
        let lang = match parts.uri.path().split('/').nth(1).map(str::parse::<Lang>) {
            Some(Ok(lang)) => lang,
            _ => {
                let chrome = state.bare_chrome(accepted(parts));
                return Err(ErrorPage::new(chrome, ErrorKind::NotFound, reference).into_response());
            }
        };
        // Without an address nobody could be counted or traced: the listener always gives one.
        let Some(address) = parts.extensions.get::<ClientAddress>().copied() else {
            return Err(ErrorPage::new(state.bare_chrome(lang), ErrorKind::Internal, reference).into_response());
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.get(3..).filter(|path| path.starts_with('/')).unwrap_or("/").to_owned();
        Ok(Self { state: state.clone(), lang, address, reference, path })
    }

    /// Whose session the cookie names, if it is honored.
    async fn member(&self, parts: &Parts) -> Result<Option<SignedIn>, Response> {
        let cookie = match self.state.cookie().read(&parts.headers) {
            Ok(Some(cookie)) => cookie,
            Ok(None) | Err(_) => return Ok(None),
        };
        match self.state.signin().resume(cookie, self.address).await {
            Ok(who) => {
                if let Some(current) = parts.extensions.get::<CurrentSession>() {
                    current.note(who.session);
                }
                Ok(Some(who))
            }
            Err(SessionFault::SignedOut) => Ok(None),
            Err(SessionFault::Unavailable) => Err(self.error(ErrorKind::JournalUnavailable, None)),
        }
    }

    /// The frame; `path` is that of the page which holds the form, for answers to forms.
    pub(crate) fn chrome(&self, who: Option<&SignedIn>, path: Option<&str>) -> Chrome {
        let mut chrome = self.state.bare_chrome(self.lang);
        chrome.path_without_lang = path.unwrap_or(&self.path).to_owned();
        if let Some(who) = who {
            let place = who.authenticated.establishment();
            if let Some(name) = place.and_then(|id| self.state.settings().establishments.get(&id)) {
                chrome.establishment_name.clone_from(name);
            }
            chrome.signed_in = Some(layout::SignedIn {
                display_name: who.display_name.clone(),
                role: who.role,
                csrf: self.state.settings().csrf.token(&who.session),
                ends_at: who.idle_until,
                absolute_end: who.absolute_until,
                last_sign_in: who.previous.map(|last| layout::LastSignIn { at: last.at, address: last.address }),
                keep_alive_path: format!("/{}/session/keep", self.lang),
            });
        }
        chrome
    }

    /// An error page. Absent and forbidden have one body whatever was asked: the page does not repeat the path.
    pub(crate) fn error(&self, kind: ErrorKind, who: Option<&SignedIn>) -> Response {
        ErrorPage::new(self.chrome(who, Some("/")), kind, self.reference).into_response()
    }

    /// An error page that offers to ask for the same page again.
    fn error_to_retry(&self, kind: ErrorKind, who: &SignedIn) -> Response {
        ErrorPage::new(self.chrome(Some(who), None), kind, self.reference).into_response()
    }

    /// Takes the cookie back.
    pub(crate) fn clear_cookie(&self, mut response: Response) -> Response {
        response.headers_mut().append(SET_COOKIE, self.state.cookie().clear());
        let residue = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
        response.headers_mut().insert("clear-site-data", residue);
        response
    }
}

impl Member {
    pub(crate) fn chrome(&self) -> Chrome {
        self.visit.chrome(Some(&self.who), None)
    }

    /// The page for what the service could not give. A broken invariant closes the session (acces-web DT8).
    pub(crate) async fn failed(&self, error: CareError) -> Response {
        let kind = match &error {
            CareError::NotFound => ErrorKind::NotFound,
            CareError::Ended => return self.visit.error(ErrorKind::SessionExpired, None),
            CareError::SisUnavailable(_) => ErrorKind::SisUnavailable,
            CareError::Journal(_) | CareError::Store(_) => ErrorKind::JournalUnavailable,
            CareError::Fault(_) => ErrorKind::Internal,
        };
        if let CareError::Fault(cause) = &error {
            tracing::error!(cause, "a session met an internal fault and was closed");
            self.visit.state.signin().end(&self.who, EndedBecause::Fault).await;
            return self.visit.clear_cookie(self.visit.error(kind, None));
        }
        if matches!(kind, ErrorKind::JournalUnavailable) {
            tracing::warn!(%error, "a page was withheld");
        }
        if kind.may_retry() {
            return self.visit.error_to_retry(kind, &self.who);
        }
        self.visit.error(kind, Some(&self.who))
    }
}

fn accepted(parts: &Parts) -> Lang {
    let header = parts.headers.get(axum::http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Lang::from_accept(header.unwrap_or_default())
}

impl FromRequestParts<PortalState> for Visit {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Response> {
        Visit::read(parts, state)
    }
}

impl FromRequestParts<PortalState> for Member {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Response> {
        let visit = Visit::read(parts, state)?;
        match visit.member(parts).await? {
            Some(who) => Ok(Self { visit, who }),
            None => {
                state.signin().stranger(visit.address).await;
                Err(visit.error(ErrorKind::SessionExpired, None))
            }
        }
    }
}

/// For the pages that serve strangers and members alike.
impl OptionalFromRequestParts<PortalState> for Member {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Option<Self>, Response> {
        let visit = Visit::read(parts, state)?;
        Ok(visit.member(parts).await?.map(|who| Self { visit, who }))
    }
}

/// The language that a browser prefers, for the address without one.
pub(crate) struct Preferred(pub Lang);

impl FromRequestParts<PortalState> for Preferred {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &PortalState) -> Result<Self, Infallible> {
        Ok(Self(accepted(parts)))
    }
}
