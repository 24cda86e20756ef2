//! What is known of other nodes' journals that this one follows: a search says how far it goes.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use types::Time;

/// A followed journal is behind when it was not seen whole for this long.
const BEHIND_AFTER: Duration = Duration::from_secs(10);

/// How one followed journal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FollowedState {
    /// Up to when all that it published is here; not known before it was reached once.
    pub until: Option<Time>,
    /// Its node shows what no honest one would.
    pub alarm: bool,
}

/// A followed journal of which the newest traces may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Which.
    pub origin: String,
    /// Up to when all of it is here.
    pub until: Option<Time>,
    /// Its node shows what no honest one would, or its copy cannot be searched to its end.
    pub alarm: bool,
}

/// How all of them stand, as who follows them tells it.
#[derive(Debug, Default)]
pub struct FollowedStates(Mutex<BTreeMap<String, FollowedState>>);

impl FollowedStates {
    /// Tells how one stands.
    pub fn tell(&self, origin: &str, state: FollowedState) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(origin.to_owned(), state);
    }

    /// Those that are behind, or whose copies are not wholly in the index; it knows nothing of those that it does not hold.
    pub(super) fn behind(&self, now: Time, is_whole: impl Fn(&str) -> Option<bool>) -> Vec<Behind> {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let told = |(origin, state): (String, FollowedState)| {
            // One that was copied once and is not in the index at all is searched by nobody.
            let whole = is_whole(&origin).unwrap_or(state.until.is_none());
            let late = state.until.is_none_or(|until| until + BEHIND_AFTER < now);
            (late || state.alarm || !whole).then_some(Behind {
                origin,
                until: state.until,
                alarm: state.alarm || !whole,
            })
        };
        states.into_iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_late_accused_or_not_searched_whole_is_told() {
        let (states, now) = (FollowedStates::default(), Time::from_micros(1_000_000_000));
        let at = |seconds: u64| FollowedState { until: Some(now - Duration::from_secs(seconds)), alarm: false };
        states.tell("fresh", at(9));
        states.tell("late", at(11));
        states.tell("accused", FollowedState { alarm: true, ..at(0) });
        states.tell("never", FollowedState::default());
        states.tell("broken", at(0));
        states.tell("nowhere", at(0));
        let told = states.behind(now, |origin| match origin {
            "nowhere" | "never" => None,
            other => Some(other != "broken"),
        });
        let told: Vec<_> = told.iter().map(|one| (one.origin.as_str(), one.alarm)).collect();
        assert_eq!(told, [("accused", true), ("broken", true), ("late", false), ("never", false), ("nowhere", true)]);
        states.tell("late", at(1));
        assert_eq!(states.behind(now, |_| Some(true)).len(), 2);
    }
}
