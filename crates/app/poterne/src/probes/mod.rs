//! The probes that visit the doors from outside, over their real listeners, with reserved accounts and synthetic objects
//! (see docs/rules.md). Each takes its endpoints, so that its test can show it something broken.

pub mod accesses;
pub mod accounts;
pub mod alone;
pub mod browser;
pub mod codes;
pub mod each_door;
pub mod faults;
pub mod following;
pub mod forged;
pub mod guessing;
pub mod office;
pub mod openings;
pub mod over;
pub mod passwords;
pub mod porter;
pub mod records;
pub mod relay;
pub mod remote;
pub mod restricted;
pub mod roles;
pub mod sealed;
pub mod sessions;
pub mod settings;
pub mod strangers;
pub mod target;
pub mod terms;
pub mod tls;
pub mod traces;
pub mod unaltered;
pub mod visits;

use dossier::ProbeOutcome;
use std::fmt::Display;
use types::Door;

/// What was seen at one door: what holds, or why it cannot be said to.
pub type Seen = Result<String, Fault>;

/// What keeps a rule from being proved at a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The door does not do it.
    Broken(String),
    /// It does part of it, or part could be seen.
    Partly(String),
    /// Nobody can tell.
    Unreachable(String),
}

impl Fault {
    /// The door does not do it.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }

    /// Nobody can tell.
    pub fn unreachable(why: impl Display) -> Self {
        Self::Unreachable(why.to_string())
    }
}

/// Looks at one door after the other.
pub async fn at_each<F: Future<Output = Seen>>(doors: impl IntoIterator<Item = (Door, F)>) -> ProbeOutcome {
    let mut seen = Vec::new();
    for (door, look) in doors {
        seen.push((door, look.await));
    }
    verdict(seen)
}

/// The worst of what was seen, at doors or others' servers. Without any, nobody can tell.
pub fn verdict<Of: Display>(seen: Vec<(Of, Seen)>) -> ProbeOutcome {
    let mut worst: Option<(u8, ProbeOutcome)> = None;
    let mut held = Vec::new();
    for (at, one) in seen {
        let (weight, outcome) = match one {
            Ok(what) => {
                held.push((at, what));
                continue;
            }
            Err(Fault::Partly(what)) => (1, ProbeOutcome::Partial(format!("{at}: {what}"))),
            Err(Fault::Unreachable(why)) => (2, ProbeOutcome::CouldNotRun(format!("{at}: {why}"))),
            Err(Fault::Broken(what)) => (3, ProbeOutcome::Failed(format!("{at}: {what}"))),
        };
        if worst.as_ref().is_none_or(|(other, _)| *other < weight) {
            worst = Some((weight, outcome));
        }
    }
    match (worst, held.first()) {
        (Some((_, outcome)), _) => outcome,
        (None, Some((_, what))) => {
            let all: Vec<String> = held.iter().map(|(at, _)| at.to_string()).collect();
            ProbeOutcome::Proved(format!("{}: {what}", all.join(", ")))
        }
        (None, None) => no_door(),
    }
}

/// Nobody can tell.
pub fn no_door() -> ProbeOutcome {
    ProbeOutcome::CouldNotRun("this node has no door to try it at".into())
}
