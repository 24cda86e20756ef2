//! The life of an intervention: one table, from state and act to state. Pure.

use crate::{model::State, words::words};

words! {
    /// What may be done to an intervention, as far as its life is concerned.
    Act {
        /// One approval of several.
        ApproveInPart = "approve_in_part",
        /// The approval that completes the quorum.
        Approve = "approve",
        /// A refusal.
        Refuse = "refuse",
        /// Taken back by those who asked.
        Withdraw = "withdraw",
        /// Begun within its window.
        Open = "open",
        /// A session through a relay; what is planned opens with it.
        Connect = "connect",
        /// Its end is moved.
        Extend = "extend",
        /// "Do not interrupt" is set.
        Hold = "hold",
        /// "Do not interrupt" is lifted.
        Release = "release",
        /// Ended by those who worked or follow it.
        Close = "close",
        /// Cut.
        Cut = "cut",
        /// Its window is over.
        Lapse = "lapse",
    }
}

/// The act does not belong to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an intervention that is {state} cannot be asked to {act}")]
pub struct NotNow {
    /// Where it stands.
    pub state: State,
    /// What was asked.
    pub act: Act,
}

/// All that is possible. What is not here is not.
const TABLE: &[(State, Act, State)] = &[
    (State::Waiting, Act::ApproveInPart, State::Waiting),
    (State::Waiting, Act::Approve, State::Planned),
    (State::Waiting, Act::Refuse, State::Refused),
    (State::Waiting, Act::Withdraw, State::Withdrawn),
    (State::Waiting, Act::Lapse, State::Lapsed),
    (State::Planned, Act::Refuse, State::Refused),
    (State::Planned, Act::Withdraw, State::Withdrawn),
    (State::Planned, Act::Open, State::Open),
    (State::Planned, Act::Connect, State::Open),
    (State::Planned, Act::Extend, State::Planned),
    (State::Planned, Act::Cut, State::Cut),
    (State::Planned, Act::Lapse, State::Lapsed),
    (State::Open, Act::Connect, State::Open),
    (State::Open, Act::Extend, State::Open),
    (State::Open, Act::Hold, State::Open),
    (State::Open, Act::Release, State::Open),
    (State::Open, Act::Close, State::Closed),
    (State::Open, Act::Cut, State::Cut),
    (State::Open, Act::Lapse, State::Lapsed),
];

/// Where `act` leads from `state`.
pub fn step(state: State, act: Act) -> Result<State, NotNow> {
    let found = TABLE.iter().find(|(from, by, _)| *from == state && *by == act);
    found.map(|(_, _, to)| *to).ok_or(NotNow { state, act })
}

/// Whether nothing more can happen.
pub fn is_over(state: State) -> bool {
    !TABLE.iter().any(|(from, ..)| *from == state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_act() {
        let mut table = String::new();
        for &state in State::ALL {
            for &act in Act::ALL {
                let to = step(state, act).map_or("-".to_owned(), |to| to.to_string());
                let _ = writeln!(table, "{state:<10} {act:<16} {to}");
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn no_pair_stands_twice_and_what_is_over_stays_over() {
        for (at, (from, by, _)) in TABLE.iter().enumerate() {
            assert!(!TABLE.iter().skip(at + 1).any(|(f, b, _)| f == from && b == by), "{from} {by}");
        }
        let over: Vec<_> = State::ALL.iter().copied().filter(|state| is_over(*state)).collect();
        assert_eq!(over, [State::Refused, State::Withdrawn, State::Closed, State::Cut, State::Lapsed]);
    }

    #[test]
    fn nothing_is_reached_without_approval() {
        let mut reached = vec![State::Waiting];
        while let Some((_, _, to)) =
            TABLE.iter().find(|(from, by, to)| *by != Act::Approve && reached.contains(from) && !reached.contains(to))
        {
            reached.push(*to);
        }
        assert!(!reached.contains(&State::Planned) && !reached.contains(&State::Open), "{reached:?}");
    }
}
