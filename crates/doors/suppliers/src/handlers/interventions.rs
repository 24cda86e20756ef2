//! `/{lang}/interventions`: the list, one of them, and what its people do with it.

use crate::{
    handlers::{Asking, Member, Named, Posted, failed, means_failed, or_default, reader, to},
    pages::{InterventionPage, InterventionView, List, ListView, Turn, paths},
};
use ::interventions::{Filter, InterventionError};
use axum::{http::StatusCode, response::Response};
use entrance::shown;
use serde::Deserialize;
use types::InterventionId;
use web::layout::page;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Narrowed {
    state: String,
    cursor: Option<String>,
}

pub(crate) async fn list(member: Member, narrowed: Asking<Narrowed>) -> Response {
    let narrowed = or_default(narrowed);
    let state = narrowed.state.parse().ok();
    let cursor = narrowed.cursor.filter(|cursor| cursor.len() <= 100);
    let is_further = cursor.is_some();
    let filter = Filter { state, cursor, ..Filter::default() };
    let service = member.visit.state.interventions();
    let page = match service.list(&member.who.authenticated, &filter).await {
        Ok(page) => page,
        Err(error) => return failed(&member, error).await,
    };
    let reader = match reader(&member).await {
        Ok(reader) => reader,
        Err(error) => return means_failed(&member, error).await,
    };
    let now = member.visit.state.now();
    let rows = page.rows.into_iter().map(|one| Turn::new(one, &reader, now)).collect();
    let view = ListView { rows, state, is_further, next: page.next };
    shown(member.visit.lang, &List::new(member.chrome(), view))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Before {
    sent: bool,
}

pub(crate) async fn one(member: Member, named: Named, before: Asking<Before>) -> Response {
    let id = named.read(InterventionId::from_bytes);
    show(&member, id, (or_default(before).sent, false), StatusCode::OK).await
}

async fn show(member: &Member, id: InterventionId, (sent, changed): (bool, bool), status: StatusCode) -> Response {
    let state = &member.visit.state;
    let one = match state.intervention(&member.who.authenticated, id).await {
        Ok(one) => one,
        Err(error) => return failed(member, error).await,
    };
    let reader = match reader(member).await {
        Ok(reader) => reader,
        Err(error) => return means_failed(member, error).await,
    };
    let turn = Turn::new(one, &reader, state.now());
    let view = InterventionView { reader, turn, is_sent: sent, has_changed: changed };
    let path = format!("/interventions/{id}");
    let chrome = member.visit.chrome(Some(&member.who), Some(&path));
    page(status, member.visit.lang, &InterventionPage::new(chrome, view))
}

pub(crate) async fn withdraw(named: Named, Posted { member, .. }: Posted) -> Response {
    let id = named.read(InterventionId::from_bytes);
    let done = member.visit.state.interventions().withdraw(&member.who.authenticated, id).await;
    acted(&member, id, done).await
}

pub(crate) async fn open(named: Named, Posted { member, .. }: Posted) -> Response {
    let id = named.read(InterventionId::from_bytes);
    let done = member.visit.state.interventions().open(&member.who.authenticated, id).await;
    acted(&member, id, done).await
}

pub(crate) async fn close(named: Named, Posted { member, .. }: Posted) -> Response {
    let id = named.read(InterventionId::from_bytes);
    let done = member.visit.state.interventions().close(&member.who.authenticated, id).await;
    acted(&member, id, done).await
}

/// After an act: the intervention as it stands.
async fn acted(member: &Member, id: InterventionId, done: Result<(), InterventionError>) -> Response {
    match done {
        Ok(()) => to(&paths::intervention(member.visit.lang, &id)),
        Err(InterventionError::Conflict) => show(member, id, (false, true), StatusCode::CONFLICT).await,
        Err(error) => failed(member, error).await,
    }
}
