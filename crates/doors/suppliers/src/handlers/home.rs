//! `/{lang}/`: the sign-in page, or what to do now.

use crate::{
    handlers::{Member, Visit, failed, means_failed, reader},
    pages::{Home, HomeView, Reader, Turn},
};
use ::interventions::{Filter, InterventionError, State};
use axum::response::Response;
use entrance::shown;

/// Of what is over, so many are shown.
const ENDED: usize = 5;

pub(crate) async fn home(member: Option<Member>, visit: Visit) -> Response {
    let Some(member) = member else { return entrance::welcome(&visit).await };
    let reader = match reader(&member).await {
        Ok(reader) => reader,
        Err(error) => return means_failed(&member, error).await,
    };
    match view(&member, reader).await {
        Ok(view) => shown(visit.lang, &Home::new(member.chrome(), view)),
        Err(error) => failed(&member, error).await,
    }
}

async fn view(member: &Member, reader: Reader) -> Result<HomeView, InterventionError> {
    let mut view = HomeView { reader, now: Vec::new(), planned: Vec::new(), waiting: Vec::new(), ended: Vec::new() };
    if !view.reader.asks() {
        return Ok(view);
    }
    let now = member.visit.state.now();
    let mut turns = Vec::new();
    // What matters most is asked for by itself: it is never past the end of a long list.
    for state in [Some(State::Open), Some(State::Planned), Some(State::Waiting), None] {
        let filter = Filter { state, ..Filter::default() };
        let page = member.visit.state.interventions().list(&member.who.authenticated, &filter).await?;
        let over = |one: &State| !matches!(one, State::Open | State::Planned | State::Waiting);
        let rows = page.rows.into_iter().filter(|one| state.is_some() || over(&one.state));
        turns.extend(rows.map(|one| Turn::new(one, &view.reader, now)));
    }
    for turn in turns {
        let place = match turn.one.state {
            _ if turn.is_now() => &mut view.now,
            State::Open | State::Planned if turn.until() > now => &mut view.planned,
            State::Waiting => &mut view.waiting,
            _ => &mut view.ended,
        };
        place.push(turn);
    }
    view.now.sort_by_key(|turn| (!turn.is_his, turn.until()));
    view.planned.sort_by_key(|turn| turn.one.window.from);
    view.waiting.sort_by_key(|turn| turn.one.window.from);
    view.ended.truncate(ENDED);
    Ok(view)
}
