//! The portal: the door that patients, relatives and outside professionals come through from the Internet.
//!
//! It knows the cases `signin` and `care` and the page kit, no other door, no SQL, no FHIR. A handler extracts, asks a
//! service, renders.

mod handlers;
pub mod pages;
mod state;

pub use entrance::{Asks, Route};
pub use state::{PortalSettings, PortalState, greeting};

use axum::{Router, routing::get};
use web::limits::Limits;

/// The routes of this door beyond its entrance's ([`entrance::ROUTES`]) and `/assets/`.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/{lang}/", asks: Asks::Nothing },
    Route { method: "GET", path: "/{lang}/records/{patient}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/seen", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/results/{id}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/results/{id}/content", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/documents/{id}", asks: Asks::Session },
    Route { method: "GET", path: "/{lang}/records/{patient}/documents/{id}/content", asks: Asks::Session },
];

/// The door's router, guarded.
pub fn router(state: PortalState, limits: Limits) -> Router {
    use handlers::{home, records, sightings};
    let router = entrance::routes()
        .route("/{lang}/", get(home::home))
        .route("/{lang}/records/{patient}", get(records::record))
        .route("/{lang}/records/{patient}/seen", get(sightings::seen))
        .route("/{lang}/records/{patient}/results/{id}", get(records::result))
        .route("/{lang}/records/{patient}/results/{id}/content", get(records::sheet))
        .route("/{lang}/records/{patient}/documents/{id}", get(records::document))
        .route("/{lang}/records/{patient}/documents/{id}/content", get(records::content));
    entrance::guarded(router, state, limits)
}
