//! What a node does by itself while it serves.

use care::CareService;
use interventions::{InterventionService, LeaseWatch};
use journal::{Journal, log::State as LogState};
use policy::Policies;
use signin::SignInService;
use std::{sync::Arc, time::Duration};
use store::Store;
use types::{Clock, Time};
use web::health::{Check, State};

/// How long before its end a permit of the hospital's own is told by `/health`.
const PERMIT_ENDS_SOON: Duration = Duration::from_secs(7 * 86_400);

pub(super) async fn watch_journal(journal: Journal, check: Check) {
    let mut state = journal.state();
    loop {
        let now = match &*state.borrow_and_update() {
            LogState::Ready => State::Ready,
            LogState::Degraded(reason) => State::Down(format!("takes no entries: {reason}")),
            LogState::Closed => State::Down("closed".into()),
        };
        if let State::Down(reason) = &now {
            tracing::error!(reason, "the journal takes no entries: nothing is opened until it does");
        }
        check.set(now);
        if state.changed().await.is_err() {
            return;
        }
    }
}

pub(super) async fn watch_store(store: Store, check: Check) {
    loop {
        check.set(match store.ping().await {
            Ok(()) => State::Ready,
            Err(error) => State::Down(error.to_string()),
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// A permit of the hospital's own that ends takes a right away: whoever supervises the node hears of it before.
pub(super) async fn watch_permits(policies: Arc<Policies>, clock: Arc<dyn Clock>, check: Check) {
    loop {
        check.set(permits_state(&policies, clock.now()));
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

fn permits_state(policies: &Policies, now: Time) -> State {
    let soon = now + PERMIT_ENDS_SOON;
    let told: Vec<String> = policies
        .permits()
        .iter()
        .filter(|permit| permit.ended(soon))
        .map(|permit| match permit.ended(now) {
            true => format!("the permit {} ended on {}", permit.id, permit.last_day),
            false => format!("the permit {} ends on {}", permit.id, permit.last_day),
        })
        .collect();
    if told.is_empty() { State::Ready } else { State::Degraded(told.join(", ")) }
}

/// A SIS that does not answer is the hospital's trouble, not the node's: degraded, never down.
pub(super) async fn watch_sis(care: CareService, check: Check) {
    loop {
        check.set(match care.reach().await {
            Ok(()) => State::Ready,
            Err(error) => State::Degraded(error.to_string()),
        });
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
}

pub(super) async fn fold(journal: Journal) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Err(error) = journal.fold(false).await {
            tracing::warn!(%error, "counted refusals could not be written");
        }
    }
}

/// Months that reached their term go; looked at from a minute after the start on, then each hour.
pub(super) async fn purge_traces(journal: Journal) {
    if let Err(error) = journal.finish_purges().await {
        tracing::error!(%error, "what a stop left of a purge could not be finished");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    loop {
        if let Err(error) = journal.purge_due().await {
            tracing::error!(%error, "traces past their term could not be destroyed; they are kept");
        }
        if let Err(error) = journal.raise_due().await {
            tracing::error!(%error, "the journal's first entries, past the longest retention, could not be removed; they are kept");
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
}

pub(super) async fn purge(signin: SignInService) {
    loop {
        if let Err(error) = signin.purge().await {
            tracing::warn!(%error, "ended sessions could not be deleted");
        }
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
}

/// Which browsers are there, where one session at a time is kept.
pub(super) async fn keep_seen(signin: SignInService) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if let Err(error) = signin.keep_seen().await {
            tracing::warn!(%error, "which sessions are still there could not be noted");
        }
    }
}

/// Windows that end are noted; the leases cut what runs in them without waiting for this.
pub(super) async fn keep_interventions(service: InterventionService) {
    loop {
        if let Err(error) = service.keep_house().await {
            tracing::warn!(%error, "windows that ended could not be noted");
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// What runs is held against what was signed.
pub(super) async fn keep_leases(service: InterventionService) {
    let mut watch = LeaseWatch::default();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let Err(error) = service.keep_leases(&mut watch).await {
            tracing::warn!(%error, "what runs could not be held against what was signed");
        }
    }
}
