//! Rules, and the policies in force.

use crate::{
    handlers::{Asking, Member, or_default},
    pages::{PoliciesPage, PoliciesView, Rules, RulesView},
};
use axum::response::Response;
use dossier::{RulesError, State};
use entrance::{Failure, shown};
use serde::Deserialize;
use web::layout::ErrorKind;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Narrowed {
    text: String,
    state: String,
}

async fn refused(member: &Member, error: RulesError) -> Response {
    let failure = match &error {
        RulesError::Lacking(lacking) => Failure::Lacking(*lacking),
        RulesError::NotFound => Failure::Shown(ErrorKind::NotFound),
        RulesError::Fault => Failure::Fault,
        RulesError::Journal(_) | RulesError::Dossier(_) => Failure::Shown(ErrorKind::JournalUnavailable),
    };
    member.failed(failure, &error).await
}

/// The policies in force.
pub(crate) async fn policies(member: Member) -> Response {
    let state = &member.visit.state;
    match state.rules().policies(&member.who.authenticated, state.now()).await {
        Ok(policies) => shown(member.visit.lang, &PoliciesPage::new(member.chrome(), PoliciesView { policies })),
        Err(error) => refused(&member, error).await,
    }
}

pub(crate) async fn rules(member: Member, asked: Asking<Narrowed>) -> Response {
    let asked = or_default(asked);
    let service = member.visit.state.rules();
    let rows = match service.list(&member.who.authenticated, member.visit.state.now()).await {
        Ok(rows) => rows,
        Err(error) => return refused(&member, error).await,
    };
    let text: Option<dossier::Text> = asked.text.parse().ok();
    let state: Option<State> = asked.state.parse().ok();
    let names =
        dossier::Text::ALL.iter().map(|text| (*text, service.catalogue().name(*text, member.visit.lang).to_owned()));
    let mut view = RulesView { texts: names.collect(), text, state, ..RulesView::default() };
    for row in rows.into_iter().filter(|row| text.is_none_or(|text| row.key.text == text)) {
        *view.counts.entry(row.state).or_default() += 1;
        if state.is_none_or(|state| row.state == state) {
            view.rows.push(row);
        }
    }
    shown(member.visit.lang, &Rules::new(member.chrome(), view))
}
