//! A fault that the process provokes in a session of its own, to see that the session is closed (acces-web DT8). Whoever
//! wires the node makes two halves: one arms, the other is for the doors' guards and can only meet what was armed. They
//! share a slot in memory. Nothing of a request, a header, an address or the database arms it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use types::SessionId;

/// For how long one waits for its request.
const WAITS_MAX: Duration = Duration::from_secs(20);

/// What the request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RehearsedFault {
    /// A panic, where its session has just been recognized.
    Panic,
    /// Whatever it was answered becomes a 500.
    Internal,
}

/// Arms. There is one for each slot: it cannot be copied.
pub struct Rehearsal(Slot);

/// Meets what was armed.
#[derive(Clone)]
pub struct Rehearsed(Slot);

/// At most one.
type Slot = Arc<Mutex<Option<Waiting>>>;

struct Waiting {
    session: SessionId,
    fault: RehearsedFault,
    until: Instant,
    met: bool,
}

/// The two halves of a new slot.
pub fn rehearsal() -> (Rehearsal, Rehearsed) {
    let slot = Slot::default();
    (Rehearsal(slot.clone()), Rehearsed(slot))
}

impl Rehearsal {
    /// Arms a fault for the next request of this very session, for some seconds. Nothing if another one is not over yet.
    pub fn arm(&self, session: SessionId, fault: RehearsedFault) -> Option<Armed> {
        let mut slot = lock(&self.0);
        if slot.is_some() {
            return None;
        }
        *slot = Some(Waiting { session, fault, until: Instant::now() + WAITS_MAX, met: false });
        Some(Armed(self.0.clone()))
    }
}

/// A fault that was armed: over when dropped, whether it was met or not.
#[must_use = "dropped, it is disarmed"]
pub struct Armed(Slot);

impl Armed {
    /// Whether its request came and met it.
    pub fn was_met(&self) -> bool {
        lock(&self.0).as_ref().is_some_and(|waiting| waiting.met)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        // Until now nobody else could arm: what is there is this one's.
        *lock(&self.0) = None;
    }
}

impl Rehearsed {
    /// What a request of this session meets: once, and before its time is over.
    pub(crate) fn meet(&self, session: SessionId) -> Option<RehearsedFault> {
        self.meet_at(session, Instant::now())
    }

    fn meet_at(&self, session: SessionId, now: Instant) -> Option<RehearsedFault> {
        let mut slot = lock(&self.0);
        let waiting = slot.as_mut()?;
        if waiting.session != session || waiting.met || now >= waiting.until {
            return None;
        }
        waiting.met = true;
        Some(waiting.fault)
    }
}

fn lock(slot: &Slot) -> MutexGuard<'_, Option<Waiting>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OURS: SessionId = SessionId::from_bytes([1; 16]);
    const ANOTHER: SessionId = SessionId::from_bytes([2; 16]);

    #[test]
    fn a_fault_is_met_by_its_session_once() {
        let (rehearsal, rehearsed) = rehearsal();
        assert_eq!(rehearsed.meet(OURS), None, "nothing is armed");
        for fault in [RehearsedFault::Panic, RehearsedFault::Internal] {
            let armed = rehearsal.arm(OURS, fault).unwrap();
            assert_eq!(rehearsed.meet(ANOTHER), None);
            assert!(!armed.was_met());
            assert_eq!(rehearsed.meet(OURS), Some(fault));
            assert!(armed.was_met());
            assert_eq!(rehearsed.meet(OURS), None, "once");
        }
    }

    #[test]
    fn a_fault_waits_for_its_time_and_not_past_whoever_armed_it() {
        let (rehearsal, rehearsed) = rehearsal();
        let armed = rehearsal.arm(OURS, RehearsedFault::Panic).unwrap();
        let until = lock(&rehearsed.0).as_ref().unwrap().until;
        assert!(until <= Instant::now() + WAITS_MAX);
        assert_eq!(rehearsed.meet_at(OURS, until), None);
        assert!(!armed.was_met());
        let before = until.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(rehearsed.meet_at(OURS, before), Some(RehearsedFault::Panic));
        drop(armed);
        drop(rehearsal.arm(OURS, RehearsedFault::Panic).unwrap());
        assert_eq!(rehearsed.meet(OURS), None, "disarmed");
    }

    #[test]
    fn one_at_a_time_is_armed() {
        let (rehearsal, rehearsed) = rehearsal();
        let armed = rehearsal.arm(OURS, RehearsedFault::Panic).unwrap();
        assert!(rehearsal.arm(ANOTHER, RehearsedFault::Internal).is_none());
        assert_eq!(rehearsed.meet(OURS), Some(RehearsedFault::Panic));
        assert!(rehearsal.arm(ANOTHER, RehearsedFault::Internal).is_none(), "its end is still looked at");
        drop(armed);
        let _next = rehearsal.arm(ANOTHER, RehearsedFault::Internal).unwrap();
        assert_eq!(rehearsed.meet(ANOTHER), Some(RehearsedFault::Internal));
    }
}
