//! The suppliers' door: their technicians and managers ask for interventions, learn when and how to connect, and keep
//! their own keys and tokens.
//!
//! It knows the cases `signin` and `interventions` and the page kit, no other door, no SQL. A handler extracts, asks a
//! service, renders. Everything works without JavaScript.

pub mod api;
mod handlers;
pub mod pages;
mod state;

pub use entrance::{Asks, Route};
pub use state::{SuppliersServices, SuppliersSettings, SuppliersState, greeting};

use axum::{
    Router,
    routing::{get, post},
};
use web::limits::Limits;

/// The routes of this door beyond its entrance's ([`entrance::ROUTES`]) and `/assets/`.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/{lang}/", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/interventions", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/interventions/new", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/interventions/{id}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/withdraw", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/open", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/close", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/means", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/means/keys", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/means/keys/remove", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/means/tokens", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/means/tokens/{id}/revoke", asks: Asks::Session },
    // What a terminal shows; a stranger is asked who he is.
    Route { method: "GET", path: "/ssh", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/ssh", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/ssh/{id}/approve", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/ssh/{id}/refuse", asks: Asks::Session },
    Route { method: "GET", path: "/api/v1/openapi.json", asks: Asks::Nothing },
    Route { method: "GET", path: "/api/v1/interventions", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/interventions/{id}", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/withdraw", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/open", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/close", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/targets", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/targets/{id}", asks: Asks::Token },
];

/// The door's router, guarded.
pub fn router(state: SuppliersState, limits: Limits) -> Router {
    use handlers::{home, interventions, means, request, ssh};
    let router = entrance::routes()
        .route("/{lang}/", get(home::home))
        .route("/{lang}/interventions", get(interventions::list).post(request::send))
        .route("/{lang}/interventions/new", get(request::form))
        .route("/{lang}/interventions/{id}", get(interventions::one))
        .route("/{lang}/interventions/{id}/withdraw", post(interventions::withdraw))
        .route("/{lang}/interventions/{id}/open", post(interventions::open))
        .route("/{lang}/interventions/{id}/close", post(interventions::close))
        .route("/{lang}/means", get(means::means))
        .route("/{lang}/means/keys", post(means::add_key))
        .route("/{lang}/means/keys/remove", post(means::remove_key))
        .route("/{lang}/means/tokens", post(means::issue_token))
        .route("/{lang}/means/tokens/{id}/revoke", post(means::revoke_token))
        .route("/ssh", get(ssh::short))
        .route("/{lang}/ssh", get(ssh::waiting))
        .route("/{lang}/ssh/{id}/approve", post(ssh::approve))
        .route("/{lang}/ssh/{id}/refuse", post(ssh::refuse));
    entrance::guarded(interface(router), state, limits)
}

/// The routes for programs.
fn interface(router: Router<SuppliersState>) -> Router<SuppliersState> {
    use api::{interventions, targets};
    router
        .route("/api/v1/openapi.json", get(api::document))
        .route("/api/v1/interventions", get(interventions::list).post(interventions::request))
        .route("/api/v1/interventions/{id}", get(interventions::get))
        .route("/api/v1/interventions/{id}/withdraw", post(interventions::withdraw))
        .route("/api/v1/interventions/{id}/open", post(interventions::open))
        .route("/api/v1/interventions/{id}/close", post(interventions::close))
        .route("/api/v1/targets", get(targets::list))
        .route("/api/v1/targets/{id}", get(targets::get))
}
