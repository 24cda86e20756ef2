//! The desk: the door of the hospital's staff. Interventions decided, watched, cut and looked back on; equipment and who
//! answers for it; accounts; means of identification; traces; rules.
//!
//! It knows the cases `signin`, `interventions` and `dossier` and the page kit, no other door, no SQL. A handler extracts,
//! asks a service, renders. What a browser is shown of a terminal are pictures of text, never the target's own bytes.

pub mod api;
mod asked;
mod exports;
mod first;
mod handlers;
pub mod pages;
mod places;
mod recordings;
mod state;
mod streams;

pub use entrance::{Asks, Route};
pub use first::{BoxFuture, EnrolForm, EnrolOptions, EnrolRefused, FirstAdministrator};
pub use state::{DeskServices, DeskSettings, DeskState, greeting};

use axum::{
    Router,
    routing::{get, post},
};
use web::limits::Limits;

/// The routes of this door beyond its entrance's ([`entrance::ROUTES`]) and `/assets/`.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/{lang}/", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/enrol/{token}", asks: Asks::Nothing },
    Route { method: "POST", path: "/{lang}/enrol/{token}", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/interventions", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/interventions/{id}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/approve", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/refuse", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/open", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/close", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/release", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/cut", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/interventions/{id}/extend", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/extend", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/interventions/{id}/hold", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/interventions/{id}/hold", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/sessions", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/sessions/{id}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/sessions/{id}/cut", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/sessions/{id}/live", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/sessions/{id}/channels/{number}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/sessions/{id}/channels/{number}/frames", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/sessions/{id}/channels/{number}/file", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/equipment", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/equipment", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/equipment/change", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/equipment/change", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/equipment/{id}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/suppliers", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/suppliers", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/new", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/sessions", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/sessions/{id}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/break-glass", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/break-glass", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/break-glass/uses/{id}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/break-glass/uses/{id}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/envelopes", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/envelopes/confirm", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/envelopes/revoke", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/{id}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/{id}/rights", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/link", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/link/confirm", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/link/withdraw", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/{id}/state/{to}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/state/{to}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/review", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/address", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/accounts/{id}/identity", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/identity", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/codes", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/codes/confirm", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/accounts/{id}/codes/withdraw", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/means", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/means/passkeys", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/means/tokens", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/means/tokens/{id}/revoke", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/passkeys", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/passkeys/{id}/vouch", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/passkeys/{id}/vouch", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/passkeys/{id}/revoke", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/passkeys/{id}/revoke", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/traces", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/traces/export", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/traces/{id}/{number}", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/traces/saved", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/traces/saved/{id}/forget", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/retention", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/retention", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/retention/{id}/confirm", asks: Asks::Session },
    Route { method: "POST", path: "/{lang}/retention/{id}/withdraw", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/rules", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/policies", asks: Asks::Session },
    Route { method: "GET", path: "/api/v1/openapi.json", asks: Asks::Nothing },
    Route { method: "GET", path: "/api/v1/interventions", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/interventions/{id}", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/interventions/{id}/terms", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/approve", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/refuse", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/extend", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/hold", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/release", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/open", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/close", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/interventions/{id}/cut", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/sessions", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/sessions/{id}", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/sessions/{id}/cut", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/sessions/{id}/recording", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/targets", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/targets", asks: Asks::Token },
    Route { method: "POST", path: "/api/v1/targets/terms", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/targets/{id}", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/suppliers", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/accounts", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/accounts/{id}", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/traces", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/traces/counts", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/traces/export", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/traces/saved", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/traces/saved/{id}", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/retention", asks: Asks::Token },
    Route { method: "GET", path: "/api/v1/rules", asks: Asks::Token },
];

/// The door's router, guarded. Where the state is [`DeskState::without_administration`], [`ADMINISTRATION`] is absent.
pub fn router(state: DeskState, limits: Limits) -> Router {
    let router = entrance::with_envelopes(entrance::routes()).route("/{lang}/", get(handlers::home::home));
    let router = interface(kept(followed(router)));
    let router = match state.administers() {
        true => administered(managed(router)),
        false => router,
    };
    entrance::guarded(router, state, limits)
}

/// Beginnings of the paths whose routes administer, and methods where another method of the same path does not.
pub const ADMINISTRATION: &[(Option<&str>, &str)] = &[
    (None, "/{lang}/enrol/"),
    (None, "/{lang}/accounts"),
    (Some("POST"), "/{lang}/equipment"),
    (None, "/{lang}/equipment/change"),
    (None, "/{lang}/suppliers"),
    (None, "/{lang}/passkeys"),
    (None, "/{lang}/retention"),
    (Some("POST"), "/api/v1/targets"),
    (None, "/api/v1/suppliers"),
    (None, "/api/v1/accounts"),
    (None, "/api/v1/retention"),
];

/// The pages of interventions and sessions.
fn followed(router: Router<DeskState>) -> Router<DeskState> {
    use handlers::{interventions, sessions};
    router
        .route("/{lang}/interventions", get(interventions::list))
        .route("/{lang}/interventions/{id}", get(interventions::one))
        .route("/{lang}/interventions/{id}/approve", post(interventions::approve))
        .route("/{lang}/interventions/{id}/refuse", post(interventions::refuse))
        .route("/{lang}/interventions/{id}/open", post(interventions::open))
        .route("/{lang}/interventions/{id}/close", post(interventions::close))
        .route("/{lang}/interventions/{id}/release", post(interventions::release))
        .route("/{lang}/interventions/{id}/cut", post(interventions::cut))
        .route("/{lang}/interventions/{id}/extend", get(interventions::extending).post(interventions::extend))
        .route("/{lang}/interventions/{id}/hold", get(interventions::holding).post(interventions::hold))
        .route("/{lang}/sessions", get(sessions::list))
        .route("/{lang}/sessions/{id}", get(sessions::one))
        .route("/{lang}/sessions/{id}/cut", post(sessions::cut))
        .route("/{lang}/sessions/{id}/live", get(sessions::live))
        .route("/{lang}/sessions/{id}/channels/{number}", get(sessions::replay))
        .route("/{lang}/sessions/{id}/channels/{number}/frames", get(sessions::frames))
        .route("/{lang}/sessions/{id}/channels/{number}/file", get(sessions::file))
}

/// The pages of accounts.
fn managed(router: Router<DeskState>) -> Router<DeskState> {
    use handlers::{accounts, break_glass, correcting, session_rules, sheets};
    router
        .route("/{lang}/accounts/break-glass", get(break_glass::list).post(break_glass::open))
        .route("/{lang}/accounts/break-glass/uses/{id}", get(break_glass::one).post(break_glass::review))
        .route("/{lang}/accounts/{id}/envelopes", post(break_glass::draw))
        .route("/{lang}/accounts/{id}/envelopes/confirm", post(break_glass::confirm))
        .route("/{lang}/accounts/{id}/envelopes/revoke", post(break_glass::revoke))
        .route("/{lang}/accounts", get(accounts::list).post(accounts::invite))
        .route("/{lang}/accounts/new", get(accounts::form))
        .route("/{lang}/accounts/sessions", get(session_rules::seen))
        .route("/{lang}/accounts/sessions/{id}", post(session_rules::set))
        .route("/{lang}/accounts/{id}", get(accounts::one))
        .route("/{lang}/accounts/{id}/rights", get(accounts::rights))
        .route("/{lang}/accounts/{id}/link", post(accounts::draw))
        .route("/{lang}/accounts/{id}/link/confirm", post(accounts::confirm))
        .route("/{lang}/accounts/{id}/link/withdraw", post(accounts::withdraw))
        .route("/{lang}/accounts/{id}/state/{to}", get(accounts::changing).post(accounts::change))
        .route("/{lang}/accounts/{id}/codes", post(sheets::draw))
        .route("/{lang}/accounts/{id}/codes/confirm", post(sheets::confirm))
        .route("/{lang}/accounts/{id}/codes/withdraw", post(sheets::withdraw))
        .route("/{lang}/accounts/{id}/review", post(accounts::review))
        .route("/{lang}/accounts/{id}/address", post(accounts::readdress))
        .route("/{lang}/accounts/{id}/identity", get(correcting::form).post(correcting::correct))
}

/// The pages of equipment, one's own means, traces and rules.
fn kept(router: Router<DeskState>) -> Router<DeskState> {
    use handlers::{equipment, means, oversight, traces};
    router
        .route("/{lang}/equipment", get(equipment::list))
        .route("/{lang}/equipment/{id}", get(equipment::one))
        .route("/{lang}/means", get(means::own))
        .route("/{lang}/means/passkeys", post(means::enrol))
        .route("/{lang}/means/tokens", post(means::issue))
        .route("/{lang}/means/tokens/{id}/revoke", post(means::revoke_token))
        .route("/{lang}/traces", get(traces::search))
        .route("/{lang}/traces/export", get(traces::export))
        .route("/{lang}/traces/{id}/{number}", get(traces::one))
        .route("/{lang}/traces/saved", post(traces::save))
        .route("/{lang}/traces/saved/{id}/forget", post(traces::forget))
        .route("/{lang}/rules", get(oversight::rules))
        .route("/{lang}/policies", get(oversight::policies))
}

/// What else is administered, by pages and by programs.
fn administered(router: Router<DeskState>) -> Router<DeskState> {
    use handlers::{enrol, equipment, means, retention};
    router
        .route("/{lang}/enrol/{token}", get(enrol::form).post(enrol::enrol))
        .route("/{lang}/equipment", post(equipment::register))
        .route("/{lang}/equipment/change", get(equipment::form).post(equipment::check))
        .route("/{lang}/suppliers", get(equipment::suppliers).post(equipment::add_supplier))
        .route("/{lang}/passkeys", get(means::passkeys))
        .route("/{lang}/passkeys/{id}/vouch", get(means::vouching).post(means::vouch))
        .route("/{lang}/passkeys/{id}/revoke", get(means::revoking).post(means::revoke))
        .route("/{lang}/retention", get(retention::page).post(retention::ask))
        .route("/{lang}/retention/{id}/confirm", post(retention::confirm))
        .route("/{lang}/retention/{id}/withdraw", post(retention::withdraw))
        .route("/api/v1/targets", post(api::equipment::register))
        .route("/api/v1/targets/terms", post(api::equipment::terms))
        .route("/api/v1/suppliers", get(api::equipment::suppliers))
        .route("/api/v1/accounts", get(api::accounts::list))
        .route("/api/v1/accounts/{id}", get(api::accounts::get))
        .route("/api/v1/retention", get(api::retention::get))
}

/// The routes for programs.
fn interface(router: Router<DeskState>) -> Router<DeskState> {
    use api::{equipment, interventions, oversight, saved, sessions, traces};
    router
        .route("/api/v1/openapi.json", get(api::document))
        .route("/api/v1/interventions", get(interventions::list))
        .route("/api/v1/interventions/{id}", get(interventions::get))
        .route("/api/v1/interventions/{id}/terms", get(interventions::terms))
        .route("/api/v1/interventions/{id}/approve", post(interventions::approve))
        .route("/api/v1/interventions/{id}/refuse", post(interventions::refuse))
        .route("/api/v1/interventions/{id}/extend", post(interventions::extend))
        .route("/api/v1/interventions/{id}/hold", post(interventions::hold))
        .route("/api/v1/interventions/{id}/release", post(interventions::release))
        .route("/api/v1/interventions/{id}/open", post(interventions::open))
        .route("/api/v1/interventions/{id}/close", post(interventions::close))
        .route("/api/v1/interventions/{id}/cut", post(interventions::cut))
        .route("/api/v1/sessions", get(sessions::list))
        .route("/api/v1/sessions/{id}", get(sessions::get))
        .route("/api/v1/sessions/{id}/cut", post(sessions::cut))
        .route("/api/v1/sessions/{id}/recording", get(sessions::recording))
        .route("/api/v1/targets", get(equipment::list))
        .route("/api/v1/targets/{id}", get(equipment::get))
        .route("/api/v1/traces", get(traces::search))
        .route("/api/v1/traces/counts", get(traces::counts))
        .route("/api/v1/traces/export", get(traces::export))
        .route("/api/v1/traces/saved", get(saved::list))
        .route("/api/v1/traces/saved/{id}", get(saved::run))
        .route("/api/v1/rules", get(oversight::rules))
}
