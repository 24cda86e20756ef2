//! The portal: the door that patients, relatives and outside professionals come through from the Internet.
//!
//! It knows the cases `signin` and `care` and the page kit, no other door, no SQL, no FHIR. A handler extracts, asks a
//! service, renders.

mod handlers;
pub mod pages;
mod state;
mod visit;

pub use state::{PortalSettings, PortalState};

use axum::{
    Router,
    routing::{get, post},
};
use state::PortalPages;
use std::sync::Arc;
use types::SessionId;
use web::{
    guard::{Guard, OnPanic, guard},
    limits::Limits,
};

/// A route of this door, for the router and for the test that walks them all.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` or `POST`.
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
}

/// Every route of this door besides `/assets/`.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/session", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/session/code", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/session/code", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/session", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/session/keep", asks: Asks::Session },
    // Signing out is granted to whoever asks: without a session it only clears the browser.
    Route { method: "POST", path: "/{lang}/session/end", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/records/{patient}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/results/{id}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/results/{id}/content", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/documents/{id}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/documents/{id}/content", asks: Asks::Session },
];

/// The door's router, guarded.
pub fn router(state: PortalState, limits: Limits) -> Router {
    use handlers::{home, records, session};
    let pages = Arc::new(PortalPages::of(&state));
    let origin = state.origin().clone();
    let signin = state.signin().clone();
    let on_panic: OnPanic = Arc::new(move |session: SessionId| {
        let signin = signin.clone();
        tokio::spawn(async move { signin.cut(session).await });
    });
    let router = Router::new()
        .route("/", get(home::root))
        .route("/{lang}/", get(home::home))
        .route("/{lang}/session", get(session::about).post(session::first_step))
        .route("/{lang}/session/code", get(session::code_page).post(session::second_step))
        .route("/{lang}/session/keep", post(session::keep))
        .route("/{lang}/session/end", post(session::end))
        .route("/{lang}/records/{patient}", get(records::record))
        .route("/{lang}/records/{patient}/results/{id}", get(records::result))
        .route("/{lang}/records/{patient}/results/{id}/content", get(records::sheet))
        .route("/{lang}/records/{patient}/documents/{id}", get(records::document))
        .route("/{lang}/records/{patient}/documents/{id}/content", get(records::content))
        .merge(web::assets::routes())
        .fallback(handlers::nowhere)
        .with_state(state);
    guard(router, Guard { limits, origin, pages, on_panic: Some(on_panic) })
}
