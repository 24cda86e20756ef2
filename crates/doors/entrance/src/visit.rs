//! Who asks, in which language, from where: read once from the request, before any handler.

use crate::{Door, Entrance, Greeting, PagePath, api::Problem, other::closed};
use axum::{
    Form,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request},
    http::{
        HeaderValue, Method,
        header::{self, SET_COOKIE},
        request::Parts,
    },
    response::{IntoResponse, Redirect, Response},
};
use identity::AtOnce;
use policy::Lacking;
use serde::{Deserialize, de::DeserializeOwned};
use signin::{EndedBecause, SessionFault, SignedIn};
use std::{convert::Infallible, fmt};
use types::{ClientAddress, Lang, SessionId};
use web::{
    guard::{CurrentSession, SessionClosed, is_api},
    layout::{self, Chrome, ErrorKind, ErrorPage},
    reference::Reference,
};

/// What is known of a request before it is known whose it is.
pub struct Visit<D> {
    /// The door's state.
    pub state: D,
    /// The language of its address.
    pub lang: Lang,
    /// Where it comes from.
    pub address: ClientAddress,
    /// What its error pages say instead of a cause.
    pub reference: Option<Reference>,
    path: String,
    /// The page to come back to: the one asked for, or the one that holds the form which was sent.
    pub(crate) back: Option<PagePath>,
}

/// A request with a session. As `Option<Member<D>>`, for the pages that serve strangers and members alike.
pub struct Member<D> {
    /// The request.
    pub visit: Visit<D>,
    /// Whose it is.
    pub who: SignedIn,
}

/// Why a member does not get what he asked for, as far as the entrance must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A page of this kind says so; the session lives.
    Shown(ErrorKind),
    /// He may have it once he has proved more firmly, or again, who he is.
    Lacking(Lacking),
    /// The session was ended meanwhile.
    Ended,
    /// An invariant broke: the session is closed (acces-web DT8).
    Fault,
}

impl<D: Door> Visit<D> {
    #[expect(clippy::result_large_err, reason = "the answer itself, made once for a request that ends with it")]
    fn read(parts: &Parts, state: &D) -> Result<Self, Response> {
        let reference = parts.extensions.get::<Reference>().copied();
        let entrance = state.entrance();
        // From the address itself: its other parts may be impossible to decode.
        let lang = match parts.uri.path().split('/').nth(1).map(str::parse::<Lang>) {
            Some(Ok(lang)) => lang,
            // A program asked, whichever route took it for a language.
            _ if entrance.tokens().is_some() && is_api(parts.uri.path()) => {
                return Err(Problem::not_found().into_response());
            }
            _ => {
                let chrome = entrance.bare_chrome(accepted(parts));
                return Err(ErrorPage::new(chrome, ErrorKind::NotFound, reference).into_response());
            }
        };
        // Without an address nobody could be counted or traced: the listener always gives one.
        let Some(address) = parts.extensions.get::<ClientAddress>().copied() else {
            return Err(ErrorPage::new(entrance.bare_chrome(lang), ErrorKind::Internal, reference).into_response());
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.get(3..).filter(|path| path.starts_with('/')).unwrap_or("/").to_owned();
        let back = back(parts, lang, entrance.origin().as_str());
        Ok(Self { state: state.clone(), lang, address, reference, path, back })
    }

    /// Whose session the cookie names, if it is honored.
    async fn member(&self, parts: &Parts) -> Result<Option<SignedIn>, Response> {
        let cookie = match self.entrance().cookie().read(&parts.headers) {
            Ok(Some(cookie)) => cookie,
            Ok(None) | Err(_) => return Ok(None),
        };
        match self.entrance().signin().resume(cookie, self.address).await {
            Ok(who) => {
                note(parts, who.session);
                self.entrance().signin().note_request(&who, parts.method.as_str(), recorded(parts.uri.path())).await;
                Ok(Some(who))
            }
            Err(SessionFault::SignedOut) => Ok(None),
            Err(SessionFault::Closed(by)) => Err(closed(self, by, parts).await),
            Err(SessionFault::Unavailable) => Err(self.error(ErrorKind::JournalUnavailable, None)),
            // Here, and not by the guard: a sign-in over it is answered otherwise.
            Err(SessionFault::Broken(session)) => {
                note(parts, session);
                self.entrance().signin().cut(session);
                let mut answer = self.clear_cookie(self.error(ErrorKind::Internal, None));
                answer.extensions_mut().insert(SessionClosed);
                Err(answer)
            }
        }
    }

    /// The door's entrance.
    pub fn entrance(&self) -> &Entrance {
        self.state.entrance()
    }

    /// What the door says to a stranger.
    pub(crate) fn greeting(&self) -> Greeting {
        self.entrance().greeting(web::i18n::Text::new(self.lang))
    }

    /// The frame; `path` is that of the page which holds the form, for answers to forms.
    pub fn chrome(&self, who: Option<&SignedIn>, path: Option<&str>) -> Chrome {
        let mut chrome = self.entrance().bare_chrome(self.lang);
        chrome.path_without_lang = path.unwrap_or(&self.path).to_owned();
        if let Some(who) = who {
            let place = who.authenticated.establishment();
            if let Some(name) = place.and_then(|id| self.entrance().establishment_name(id)) {
                name.clone_into(&mut chrome.establishment_name);
            }
            chrome.signed_in = Some(layout::SignedIn {
                display_name: who.display_name.clone(),
                role: who.role,
                csrf: self.entrance().csrf().token(&who.session),
                ends_at: who.idle_until,
                absolute_end: who.absolute_until,
                last_sign_in: who.previous.map(|last| layout::LastSignIn { at: last.at, address: last.address }),
                keep_alive_path: format!("/{}/session/keep", self.lang),
                is_break_glass: who.is_break_glass,
                here_path: (who.at_once != AtOnce::Several).then(|| format!("/{}/session/here", self.lang)),
            });
            chrome.navigate(self.state.navigation(who, chrome.text()));
        }
        chrome
    }

    /// An error page. Absent and forbidden have one body whatever was asked: the page does not repeat the path.
    pub fn error(&self, kind: ErrorKind, who: Option<&SignedIn>) -> Response {
        let mut chrome = self.chrome(who, Some("/"));
        // It is at none of the door's places, not even the home page.
        chrome.nav.iter_mut().for_each(|place| place.current = false);
        ErrorPage::new(chrome, kind, self.reference).into_response()
    }

    /// An error page that offers to ask for the same page again.
    fn error_to_retry(&self, kind: ErrorKind, who: &SignedIn) -> Response {
        ErrorPage::new(self.chrome(Some(who), None), kind, self.reference).into_response()
    }

    /// Takes the cookie back.
    pub fn clear_cookie(&self, mut response: Response) -> Response {
        response.headers_mut().append(SET_COOKIE, self.entrance().cookie().clear());
        let residue = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
        response.headers_mut().insert("clear-site-data", residue);
        response
    }
}

impl<D: Door> Member<D> {
    /// The frame of the page that was asked for.
    pub fn chrome(&self) -> Chrome {
        self.visit.chrome(Some(&self.who), None)
    }

    /// An error page in his frame.
    pub fn error(&self, kind: ErrorKind) -> Response {
        self.visit.error(kind, Some(&self.who))
    }

    /// What his role does not have is answered as what does not exist; that he asked for it is written down.
    pub async fn turned_away(&self, what: &'static str) -> Response {
        self.visit.entrance().signin().turned_away(&self.who, what).await;
        self.error(ErrorKind::NotFound)
    }

    /// Whether a form was served to this very session.
    pub(crate) fn served(&self, token: &str) -> bool {
        self.visit.entrance().csrf().check(&self.who.session, token).is_ok()
    }

    /// The page for what a service could not give; `cause` goes to the log, never to the page. A broken invariant
    /// closes the session (acces-web DT8).
    pub async fn failed(&self, failure: Failure, cause: &impl fmt::Display) -> Response {
        let kind = match failure {
            Failure::Shown(kind) => kind,
            Failure::Lacking(lacking) => return self.asked_for(lacking),
            Failure::Ended => return self.visit.error(ErrorKind::SessionExpired, None),
            Failure::Fault => {
                tracing::error!(%cause, "a session met an internal fault and was closed");
                self.visit.entrance().signin().end(&self.who, EndedBecause::Fault).await;
                let mut told = self.visit.clear_cookie(self.visit.error(ErrorKind::Internal, None));
                told.extensions_mut().insert(SessionClosed);
                return told;
            }
        };
        if matches!(kind, ErrorKind::JournalUnavailable) {
            tracing::warn!(error = %cause, "a page was withheld");
        }
        if kind.may_retry() {
            return self.visit.error_to_retry(kind, &self.who);
        }
        self.error(kind)
    }
}

/// Tells the guard whose request it is.
fn note(parts: &Parts, session: SessionId) {
    if let Some(current) = parts.extensions.get::<CurrentSession>() {
        current.note(session);
    }
}

/// What is recorded of a path: a link to enrol by is a secret, wherever it is opened.
fn recorded(path: &str) -> &str {
    let end = |mark: &str| path.find(mark).map(|at| at + mark.len());
    let secret = ["/enrol/", "/link/"].into_iter().filter_map(end).min();
    secret.and_then(|end| path.get(..end)).unwrap_or(path)
}

/// What a browser says that a form was on is believed as far as it names a page of this door.
fn back(parts: &Parts, lang: Lang, origin: &str) -> Option<PagePath> {
    let path = match parts.method {
        Method::GET => parts.uri.path(),
        _ => parts.headers.get(header::REFERER)?.to_str().ok()?.strip_prefix(origin)?.split(['?', '#']).next()?,
    };
    let path = path.strip_prefix('/')?.strip_prefix(lang.as_str())?;
    PagePath::read(if path.is_empty() { "/" } else { path })
}

fn accepted(parts: &Parts) -> Lang {
    let header = parts.headers.get(axum::http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Lang::from_accept(header.unwrap_or_default())
}

impl<D: Door> FromRequestParts<D> for Visit<D> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &D) -> Result<Self, Response> {
        Visit::read(parts, state)
    }
}

impl<D: Door> FromRequestParts<D> for Member<D> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &D) -> Result<Self, Response> {
        let visit = Visit::read(parts, state)?;
        match visit.member(parts).await? {
            Some(who) if who.password_due && !is_ones_own(parts.uri.path()) => {
                Err(Redirect::to(&format!("/{}/session?done=due", visit.lang)).into_response())
            }
            Some(who) => Ok(Self { visit, who }),
            None => {
                state.entrance().signin().stranger(visit.address).await;
                Err(visit.error(ErrorKind::SessionExpired, None))
            }
        }
    }
}

/// For the pages that serve strangers and members alike.
impl<D: Door> OptionalFromRequestParts<D> for Member<D> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &D) -> Result<Option<Self>, Response> {
        let visit = Visit::read(parts, state)?;
        match visit.member(parts).await? {
            Some(who) if who.password_due && !is_ones_own(parts.uri.path()) => {
                Err(Redirect::to(&format!("/{}/session?done=due", visit.lang)).into_response())
            }
            who => Ok(who.map(|who| Self { visit, who })),
        }
    }
}

/// Whether a path is one's session or one's own account: what is left to whoever must choose another password.
fn is_ones_own(path: &str) -> bool {
    let rest = path.get(3..).unwrap_or_default();
    rest == "/session" || rest.starts_with("/session/") || rest.starts_with("/account/")
}

/// The form's field that carries its token ([`web::csrf::TOKEN_FIELD`]).
#[derive(Deserialize)]
pub(crate) struct Token {
    pub csrf: String,
}

/// A form that was served to the session which sends it: a handler that takes it cannot forget to check the token.
///
/// Without session the answer is that of [`Member`]; a token that is not this session's, or none, reads "too old"; fields
/// that cannot be read, "not understood". `F` ignores the field `csrf`; `Vec<(String, String)>` gives repeated fields.
pub struct Posted<D, F> {
    /// Who sends it.
    pub member: Member<D>,
    /// Its fields.
    pub form: F,
}

impl<D: Door, F: DeserializeOwned> FromRequest<D> for Posted<D, F> {
    type Rejection = Response;
    async fn from_request(request: Request, state: &D) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let member = <Member<D> as FromRequestParts<D>>::from_request_parts(&mut parts, state).await?;
        // A body past its bound or cut short is the guard's to explain.
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state)
            .await
            .map_err(IntoResponse::into_response)?;
        let again = |parts| Request::from_parts(parts, Body::from(bytes.clone()));
        let token = Form::<Token>::from_request(again(parts.clone()), state).await;
        if !token.is_ok_and(|Form(token)| member.served(&token.csrf)) {
            return Err(member.error(ErrorKind::FormExpired));
        }
        match Form::<F>::from_request(again(parts), state).await {
            Ok(Form(form)) => Ok(Self { member, form }),
            Err(_) => Err(member.error(ErrorKind::BadRequest)),
        }
    }
}

/// The language that a browser prefers, for the address without one.
pub struct Preferred(pub Lang);

impl<S: Send + Sync> FromRequestParts<S> for Preferred {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(accepted(parts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_enrol_by_is_not_recorded() {
        assert_eq!(recorded("/fr/enrol/secret"), "/fr/enrol/");
        assert_eq!(recorded("/fr/link/secret"), "/fr/link/");
        assert_eq!(recorded("/fr/link/enrol/secret"), "/fr/link/");
        assert_eq!(recorded("/fr/x/enrol/secret/"), "/fr/x/enrol/");
        for path in ["/", "/fr/records/abc", "/fr/enrolments", "/fr/enrol"] {
            assert_eq!(recorded(path), path);
        }
    }
}
