//! What the doors with pages share: who asks, signing in and out, one's own session.
//!
//! A door gives its state, which holds an [`Entrance`], and its words; it gets the extractors ([`Visit`], [`Member`],
//! [`Posted`], and [`Bearer`] for its API), the pages between a stranger and a session, and the guard around its
//! finished router. What lies behind the sign-in is the door's own. No SQL, no FHIR, no rule of who may do what.

mod account;
mod advice;
pub mod api;
mod envelopes;
mod factor;
mod link;
mod lodge;
mod other;
pub mod pages;
mod passkey;
mod session;
mod visit;

pub use api::Bearer;
pub use envelopes::{ENVELOPE_ROUTES, with_envelopes};
pub use factor::FactorView;
pub use lodge::{Entrance, EntranceSettings, Greeting};
pub use pages::{PagePath, Then};
pub use visit::{Failure, Member, Posted, Preferred, Visit};

use axum::{
    Router,
    http::StatusCode,
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use pages::{Welcome, WelcomeView};
use signin::SignedIn;
use std::sync::Arc;
use types::{Lang, SessionId};
use web::{
    guard::{ErrorPages, Guard, OnFault, guard},
    i18n::Text,
    layout::{ErrorKind, ErrorPage, NavItem, page},
    limits::Limits,
    reference::Reference,
};

/// A door's state, as far as its entrance must know. Clones are handles.
pub trait Door: Clone + Send + Sync + 'static {
    /// The entrance.
    fn entrance(&self) -> &Entrance;

    /// Where a member may go from any page of this door; the entrance marks where he is. What waits there is the
    /// handler's to say ([`web::layout::Chrome::waiting`]).
    fn navigation(&self, _who: &SignedIn, _t: Text) -> Vec<NavItem> {
        Vec::new()
    }
}

/// A route of a door, for the router and for the test that walks them all.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The path's template.
    pub path: &'static str,
    /// Who may come.
    pub asks: Asks,
}

/// What a route asks of its visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Nothing: it shows and does nothing of anybody's.
    Nothing,
    /// A session.
    Session,
    /// A bearer token: the routes under `/api/`.
    Token,
}

/// Every route of [`routes`]. The home page, `/{lang}/`, is each door's own: see [`welcome`].
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/session", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/session/code", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/session/passkey", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/session/code", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/session/passkey", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/session/again", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/session", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/session/keep", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/session/here", asks: Asks::Session },
    // The form proves whose account it is.
    Route { method: "POST", path: "/{lang}/session/not-me", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/account/not-me", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/link/allow", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/password", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/account/second-factor", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/second-factor", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/codes", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/passkeys", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/passkeys/{id}/allow", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/passkeys/{id}/remove", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/sessions/end", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/account/sessions/{id}/end", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/advice", asks: Asks::Nothing },
    // What the address names is a secret, and opens one account's beginning only.
    Route { method: "GET", path: "/{lang}/link/{token}", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/link/{token}", asks: Asks::Nothing },
    // Signing out is granted to whoever asks: without a session it only clears the browser.
    Route { method: "POST", path: "/{lang}/session/end", asks: Asks::Nothing },
];

/// The pages between a stranger and a session, the assets, and the answer to what leads nowhere. Routes of the door's
/// own are added to it; the fallback is set.
pub fn routes<D: Door>() -> Router<D> {
    Router::new()
        .route("/", get(session::root))
        .route("/{lang}/session", get(account::about::<D>).post(session::first_step::<D>))
        .route("/{lang}/session/code", get(session::code_page::<D>).post(session::second_step::<D>))
        .route("/{lang}/session/passkey", get(session::code_page::<D>).post(passkey::sign_in::<D>))
        .route("/{lang}/session/again", get(passkey::prove::<D>))
        .route("/{lang}/session/keep", post(session::keep::<D>))
        .route("/{lang}/session/end", post(session::end::<D>))
        .route("/{lang}/session/here", post(other::here::<D>))
        .route("/{lang}/session/not-me", post(other::not_me::<D>))
        .route("/{lang}/account/not-me", post(other::not_all_me::<D>))
        .route("/{lang}/account/link/allow", post(account::allow_link::<D>))
        .route("/{lang}/account/password", post(account::password::<D>))
        .route("/{lang}/account/second-factor", get(account::second_factor::<D>).post(account::replace_factor::<D>))
        .route("/{lang}/account/codes", post(account::codes::<D>))
        .route("/{lang}/account/passkeys", post(passkey::enrol::<D>))
        .route("/{lang}/account/passkeys/{id}/allow", post(passkey::allow::<D>))
        .route("/{lang}/account/passkeys/{id}/remove", post(passkey::remove::<D>))
        .route("/{lang}/account/sessions/end", post(account::end_others::<D>))
        .route("/{lang}/account/sessions/{id}/end", post(account::end_one::<D>))
        .route("/{lang}/advice", get(advice::advice::<D>))
        .route("/{lang}/link/{token}", get(link::form::<D>).post(link::choose::<D>))
        .merge(web::assets::routes())
        .fallback(session::nowhere::<D>)
}

/// Gives a finished router its state and puts the guard around it: call it last. A panic cuts the session that it
/// happened in (acces-web DT8). With [`Entrance::with_api`], what stands under `/api/` is answered in JSON, asks for
/// no origin, and sees no cookie.
pub fn guarded<D: Door>(router: Router<D>, door: D, limits: Limits) -> Router {
    let entrance = door.entrance();
    let origin = entrance.origin().clone();
    let pages = Arc::new(Pages(entrance.clone()));
    let api: Option<Arc<dyn ErrorPages>> = match entrance.tokens() {
        Some(_) => Some(Arc::new(api::ApiPages)),
        None => None,
    };
    let signin = entrance.signin().clone();
    let on_fault: OnFault = Arc::new(move |session: SessionId| signin.cut(session));
    let rehearsed = entrance.rehearsed().cloned();
    let router = router.with_state(door).layer(from_fn(api::refer));
    guard(router, Guard { limits, origin, pages, on_fault: Some(on_fault), rehearsed, api })
}

/// The sign-in page, for a door's home page when nobody is signed in.
pub async fn welcome<D: Door>(visit: &Visit<D>) -> Response {
    let puzzle = visit.entrance().signin().puzzle(visit.address).await;
    let directory_silent = !visit.entrance().signin().directory_answers();
    let view = WelcomeView { passkey: visit.ask_passkey(), puzzle, directory_silent, ..WelcomeView::default() };
    shown(visit.lang, &Welcome::new(visit.chrome(None, Some("/")), visit.greeting(), view))
}

/// The same on another of its pages, where whoever signs in goes on.
pub fn welcome_to<D: Door>(visit: &Visit<D>, then: Then) -> Response {
    let chrome = visit.chrome(None, Some(then.path()));
    let view = WelcomeView { passkey: visit.ask_passkey(), then: Some(then), ..WelcomeView::default() };
    shown(visit.lang, &Welcome::new(chrome, visit.greeting(), view))
}

/// A page with status 200.
pub fn shown(lang: Lang, template: &impl askama::Template) -> Response {
    page(StatusCode::OK, lang, template)
}

/// The error pages that the guard draws: nobody is named on them, whoever asked.
struct Pages(Entrance);

impl ErrorPages for Pages {
    fn page(&self, status: StatusCode, lang: Lang, reference: &Reference) -> Response {
        let chrome = self.0.bare_chrome(lang);
        ErrorPage::new(chrome, ErrorKind::from_status(status), Some(*reference)).into_response()
    }
}
