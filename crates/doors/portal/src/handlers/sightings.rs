//! Who saw one's record.

use crate::{
    handlers::{Asking, Member, Named, failed, or_default, records::named},
    pages::{SightingRow, SightingsKnown, SightingsPage, SightingsView},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use care::Sightings;
use entrance::shown;
use serde::Deserialize;
use types::AccountId;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    own: Option<String>,
}

pub(crate) async fn seen(member: Member, Named { patient, .. }: Named, asked: Asking<Asked>) -> Response {
    let patient = named(&patient);
    let who = &member.who.authenticated;
    match member.visit.state.care().sightings(who, patient).await {
        Ok(found) => {
            let status = if found.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let known = found.map(|found| known(&found, who.account()));
            let view = SightingsView { patient, with_own: or_default(asked).own.is_some(), known };
            (status, shown(member.visit.lang, &SightingsPage::new(member.chrome(), view))).into_response()
        }
        Err(error) => failed(&member, error).await,
    }
}

fn known(found: &Sightings, me: Option<AccountId>) -> SightingsKnown {
    let row = |one: &care::Sighting| SightingRow {
        at: one.at(),
        event: one.event(),
        account: one.account(),
        role: one.role(),
        name: one.name().map(str::to_owned),
        is_own: one.account().is_some() && one.account() == me,
    };
    SightingsKnown {
        at: found.at(),
        rows: found.rows().iter().map(row).collect(),
        has_more: found.has_more(),
        is_whole: found.is_whole(),
    }
}
