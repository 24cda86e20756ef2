//! A probe that looks at each door in turn.

use super::{Seen, at_each, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use std::sync::Arc;

/// What is looked at, at one door.
pub type Look = for<'a> fn(&'a Visits) -> BoxFuture<'a, Seen>;

/// Looks at each door; the worst of what was seen is the answer.
pub struct EachDoor {
    info: &'static ProbeInfo,
    look: Look,
    doors: Vec<Arc<Visits>>,
}

impl EachDoor {
    /// Over these doors.
    pub fn new(info: &'static ProbeInfo, look: Look, doors: Vec<Arc<Visits>>) -> Self {
        Self { info, look, doors }
    }
}

impl Probe for EachDoor {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(at_each(self.doors.iter().map(|door| (door.door(), (self.look)(door)))))
    }
}
