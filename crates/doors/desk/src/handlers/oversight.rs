//! Rules.

use crate::{
    handlers::{Asking, Member, or_default},
    pages::{Rules, RulesView},
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

pub(crate) async fn rules(member: Member, asked: Asking<Narrowed>) -> Response {
    let asked = or_default(asked);
    let service = member.visit.state.rules();
    let rows = match service.list(&member.who.authenticated, member.visit.state.now()).await {
        Ok(rows) => rows,
        Err(error) => {
            let failure = match &error {
                RulesError::NotFound => Failure::Shown(ErrorKind::NotFound),
                RulesError::Fault => Failure::Fault,
                RulesError::Journal(_) | RulesError::Dossier(_) => Failure::Shown(ErrorKind::JournalUnavailable),
            };
            return member.failed(failure, &error).await;
        }
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
