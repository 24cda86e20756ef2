//! The hospital's directory, as those who sign in need it; and accounts that follow it.

use crate::config;
use ::directory::{DirectoryError, Person};
use signin::{Answering, FollowError, Followed, Following, Provider, Shown, Silent, Staff, StaffMember};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use types::{EstablishmentId, Role, Time};
use web::health::{Check, State};

/// How often it is asked whether it answers.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Between two rounds, even if somebody asks for one.
const ROUND_PAUSE: Duration = Duration::from_secs(10);

/// The hospital's people, from its directory.
pub(super) struct Hospital {
    directory: ::directory::Directory,
    /// Where the groups of the configuration come in, and as what.
    places: Vec<(EstablishmentId, Role)>,
    answers: AtomicBool,
    again: Notify,
}

impl Hospital {
    pub fn new(config: &config::Directory) -> Self {
        let (directory, places) = (config.directory.clone(), config.places.clone());
        Self { directory, places, answers: AtomicBool::new(true), again: Notify::new() }
    }

    /// Remembers whether it answered. Too many asking at once says nothing of it.
    fn heard<T>(&self, answer: Result<T, DirectoryError>) -> Result<T, Silent> {
        if !matches!(answer, Err(DirectoryError::Busy)) {
            self.answers.store(answer.is_ok(), Ordering::Relaxed);
        }
        answer.map_err(|error| Silent(error.to_string()))
    }

    /// Of several groups that somebody is in, the first of the configuration counts.
    fn member(&self, person: Person) -> StaffMember {
        let place = person.groups.iter().min().and_then(|group| self.places.get(*group)).copied();
        let Person { key, login, given_name, family_name, is_usable, .. } = person;
        StaffMember { key, login, given_name, family_name, is_usable, place }
    }
}

impl Provider for Hospital {
    type Person = StaffMember;

    fn identify<'a>(&'a self, shown: Shown<'a>, now: Time) -> Answering<'a, Option<StaffMember>> {
        Box::pin(async move {
            let Shown::Password { of, password } = shown else { return Ok(None) };
            let found = self.heard(self.directory.check(of, password, now).await)?;
            Ok(found.map(|person| self.member(person)))
        })
    }

    fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }
}

impl Staff for Hospital {
    fn find<'a>(&'a self, key: &'a str, now: Time) -> Answering<'a, Option<StaffMember>> {
        Box::pin(async move {
            let found = self.heard(self.directory.person(key, now).await)?;
            Ok(found.map(|person| self.member(person)))
        })
    }

    fn members(&self, now: Time) -> Answering<'_, Vec<StaffMember>> {
        Box::pin(async move {
            let found = self.heard(self.directory.members(now).await)?;
            Ok(found.into_iter().map(|person| self.member(person)).collect())
        })
    }

    fn look_again(&self) {
        self.again.notify_one();
    }
}

/// Follows the directory until the node stops: every so often, and soon after somebody was not as he had been.
pub(super) async fn follow(following: Arc<Following>, hospital: Arc<Hospital>, every: Duration, check: Check) {
    // Not down: whoever is kept here comes in, and who is in stays, whether it answers or not.
    check.set(State::Degraded("the directory was not asked yet".into()));
    loop {
        let followed = following.follow().await;
        told(&followed);
        let state = state(&followed);
        check.set(state.clone());
        let (began, mut asked) = (Instant::now(), false);
        while began.elapsed() < every && !(asked && began.elapsed() >= ROUND_PAUSE) {
            let next = if asked { ROUND_PAUSE } else { every }.saturating_sub(began.elapsed());
            tokio::select! {
                () = sleep(next.min(LOOK_EVERY)) => {
                    let reached = hospital.heard(hospital.directory.reach().await);
                    check.set(match reached {
                        Ok(()) => state.clone(),
                        Err(silent) => State::Degraded(format!("does not answer: {silent}")),
                    });
                }
                () = hospital.again.notified() => asked = true,
            }
        }
    }
}

/// One line for each round that did something or could not.
fn told(followed: &Result<Followed, FollowError>) {
    match followed {
        Ok(Followed { arrived: 0, changed: 0, left: 0, held }) if held.is_empty() => {}
        Ok(Followed { arrived, changed, left, held }) => {
            tracing::info!(arrived, changed, left, ?held, "accounts followed the directory");
        }
        Err(error @ FollowError::TooManyLeave { .. }) => {
            tracing::error!(%error, "ALARM: is the directory, or its configuration here, as it should be?");
        }
        Err(error) => tracing::warn!(%error, "accounts could not follow the directory; those that are open stay so"),
    }
}

/// Whatever the directory does, the door stands: degraded, never down.
fn state(followed: &Result<Followed, FollowError>) -> State {
    match followed {
        Ok(Followed { held, .. }) if held.is_empty() => State::Ready,
        Ok(Followed { held, .. }) => State::Degraded(format!("some people are left as they are: {held:?}")),
        Err(FollowError::Silent(silent)) => State::Degraded(format!("does not answer: {silent}")),
        Err(error) => State::Degraded(error.to_string()),
    }
}

/// Reaches it as the node does, for `poterne check`.
pub(crate) async fn reach(directory: ::directory::Directory, now: Time) -> Result<String, String> {
    let members = directory.members(now).await.map_err(|error| error.to_string())?;
    Ok(format!("answers; {} people are in the groups that come in", members.len()))
}

#[cfg(test)]
mod tests;
