//! `/{lang}/`: the sign-in page, or what waits.

use crate::{
    handlers::{Member, Visit, accounts, break_glass, failed, means::confirmed},
    pages::{AccountsWaiting, Home, HomeView, Vouching, follows, sees_accounts},
};
use axum::response::Response;
use entrance::{Door as _, shown};
use interventions::{Filter, InterventionError, State};
use signin::{Alarm, BreakGlassUse};
use std::time::Duration;
use types::Role;

/// Alarms are shown for a day.
const ALARMS_SHOWN: Duration = Duration::from_secs(86_400);

pub(crate) async fn home(member: Option<Member>, visit: Visit) -> Response {
    let Some(member) = member else { return entrance::welcome(&visit).await };
    match view(&member).await {
        Ok(view) => {
            let mut chrome = member.chrome();
            let waiting = view.waiting.as_ref().map_or(0, Vec::len);
            if member.who.role == Role::Beneficiary {
                chrome.waiting("/interventions", u32::try_from(waiting).unwrap_or(u32::MAX));
            }
            let passkeys = view.vouching.map_or(0, |vouching| vouching.passkeys);
            chrome.waiting("/passkeys", u32::try_from(passkeys).unwrap_or(u32::MAX));
            let accounts = view.accounts.map_or(0, |waiting| waiting.links + waiting.due);
            chrome.waiting("/accounts", u32::try_from(accounts).unwrap_or(u32::MAX));
            shown(member.visit.lang, &Home::new(chrome, member.who.role, view))
        }
        Err(error) => failed(&member, error).await,
    }
}

async fn view(member: &Member) -> Result<HomeView, InterventionError> {
    let role = member.who.role;
    let administers = member.visit.state.administers();
    let elsewhere = !administers && (sees_accounts(role) || role == Role::TraceController);
    if !follows(role) {
        return Ok(HomeView { elsewhere, ..HomeView::default() });
    }
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let in_state = async |state| {
        let filter = Filter { state: Some(state), ..Filter::default() };
        service.list(who, &filter).await.map(|page| page.rows)
    };
    let live = service.sessions(who, &Filter { live: true, ..Filter::default() }).await?.rows;
    Ok(HomeView {
        waiting: Some(in_state(State::Waiting).await?),
        live: Some(live),
        open: in_state(State::Open).await?,
        planned: in_state(State::Planned).await?,
        elsewhere,
        vouching: if administers && role == Role::Administrator { Some(vouching(member).await?) } else { None },
        accounts: if administers && sees_accounts(role) { Some(accounts_waiting(member).await?) } else { None },
        alarms: if sees_accounts(role) { alarms(member).await? } else { Vec::new() },
        ringing: if sees_accounts(role) { ringing(member).await? } else { Vec::new() },
    })
}

async fn vouching(member: &Member) -> Result<Vouching, InterventionError> {
    let who = &member.who.authenticated;
    let equipment = member.visit.state.interventions().equipment(who).await?;
    let passkeys = member.visit.state.means().passkeys(who).await;
    let passkeys = passkeys.map_err(|error| InterventionError::Unavailable(error.to_string()))?;
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Ok(Vouching {
        passkeys: count(passkeys.iter().filter(|one| !confirmed(&member.visit.state, &one.passkey)).count()),
        equipment: count(equipment.len()),
        unsigned: count(equipment.iter().filter(|one| !one.signed).count()),
    })
}

async fn alarms(member: &Member) -> Result<Vec<Alarm>, InterventionError> {
    let since = member.visit.state.now() - ALARMS_SHOWN;
    let Some(establishment) = member.who.authenticated.establishment() else { return Ok(Vec::new()) };
    let alarms = member.visit.state.entrance().signin().alarms(establishment, since).await;
    alarms.map_err(|error| InterventionError::Unavailable(error.to_string()))
}

async fn ringing(member: &Member) -> Result<Vec<BreakGlassUse>, InterventionError> {
    let ringing = break_glass::ringing(member).await;
    ringing.map_err(|error| InterventionError::Unavailable(error.to_string()))
}

async fn accounts_waiting(member: &Member) -> Result<AccountsWaiting, InterventionError> {
    let waiting = accounts::waiting(member).await;
    waiting.map_err(|error| InterventionError::Unavailable(error.to_string()))
}
