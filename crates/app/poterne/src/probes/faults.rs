//! A session that met an internal error is closed, and no other (acces-web DT8). The fault is this process's own: armed in
//! memory for a session that the probe has just opened, and met by its next request, which breaks as any other would.

use super::{Fault, Seen, at_each, over::Opens, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use identity::{SessionLimits, SessionToken};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use types::SessionId;
use web::rehearsed::{Rehearsal, RehearsedFault};

/// The limits of the sessions that break: none that could end one meanwhile.
pub const BROKEN: SessionLimits = SessionLimits { idle: Duration::from_secs(300), absolute: Duration::from_secs(300) };

/// A door, and what opens the sessions that break there.
pub struct FaultDoor {
    /// Visits it.
    pub visits: Arc<Visits>,
    /// Opens its sessions, with [`BROKEN`].
    pub opens: Arc<dyn Opens>,
}

/// Has a request of each door break.
pub struct FaultsProbe {
    info: &'static ProbeInfo,
    doors: Vec<FaultDoor>,
    rehearsal: Rehearsal,
    /// A panic, then a 500, then a panic: a session costs a code of the reserved account.
    panics: AtomicBool,
    failed: FailedLast,
}

/// What was wrong when a panic, and when a 500, was last looked at: one that is right does not prove the other.
#[derive(Default)]
struct FailedLast(Mutex<(Option<String>, Option<String>)>);

impl FailedLast {
    /// What is said of this kind's outcome, beside the other's.
    fn beside(&self, fault: RehearsedFault, outcome: ProbeOutcome) -> ProbeOutcome {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (panic, internal) = &mut *failed;
        let (this, other) = match fault {
            RehearsedFault::Panic => (panic, internal),
            RehearsedFault::Internal => (internal, panic),
        };
        match (&outcome, &*other) {
            (ProbeOutcome::CouldNotRun(_), _) => outcome,
            (ProbeOutcome::Failed(how), _) => {
                *this = Some(how.clone());
                outcome
            }
            (ProbeOutcome::Proved(_) | ProbeOutcome::Partial(_), other) => {
                *this = None;
                match other {
                    Some(how) => {
                        ProbeOutcome::Failed(format!("the other kind of fault, when it was last looked at: {how}"))
                    }
                    None => outcome,
                }
            }
        }
    }
}

impl FaultsProbe {
    /// Over these doors, whose guards meet what that half arms.
    pub fn new(info: &'static ProbeInfo, doors: Vec<FaultDoor>, rehearsal: Rehearsal) -> Self {
        Self { info, doors, rehearsal, panics: AtomicBool::new(false), failed: FailedLast::default() }
    }
}

impl Probe for FaultsProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        let was_panic = self.panics.fetch_xor(true, Ordering::Relaxed);
        let fault = if was_panic { RehearsedFault::Internal } else { RehearsedFault::Panic };
        let looks = self.doors.iter().map(move |door| (door.visits.door(), look(door, &self.rehearsal, fault)));
        let seen: BoxFuture<'_, ProbeOutcome> = Box::pin(at_each(looks));
        Box::pin(async move { self.failed.beside(fault, seen.await) })
    }
}

async fn look(FaultDoor { visits, opens }: &FaultDoor, rehearsal: &Rehearsal, fault: RehearsedFault) -> Seen {
    let calm = visits.visit().await?.cookie;
    let (cookie, _) = visits.sign_in(|code| opens.open(visits, code)).await?;
    for session in [&calm, &cookie] {
        if !visits.opens(Some(session)).await? {
            return Err(Fault::unreachable("a new session is not honored, so its end says nothing"));
        }
    }
    breaks(visits, &cookie, rehearsal, fault).await?;
    if visits.opens(Some(&cookie)).await? {
        return Err(Fault::broken("a session goes on after an internal error"));
    }
    if !visits.opens(Some(&calm)).await? {
        return Err(Fault::broken("an internal error in one session closes another"));
    }
    let which = match fault {
        RehearsedFault::Panic => "a panic",
        RehearsedFault::Internal => "an internal error",
    };
    Ok(format!("the session whose request met {which} is closed, another of the same account goes on"))
}

/// Its next request meets the fault.
async fn breaks(visits: &Visits, cookie: &str, rehearsal: &Rehearsal, fault: RehearsedFault) -> Result<(), Fault> {
    let armed = rehearsal.arm(session_of(cookie)?, fault);
    let armed = armed.ok_or_else(|| Fault::unreachable("another fault is being rehearsed"))?;
    let page = visits.browser.get("/fr/session", Some(cookie)).await.map_err(Fault::unreachable)?;
    match (armed.was_met(), page.status) {
        (false, _) => Err(Fault::unreachable("the door's guard met no fault, so nothing is seen of what follows one")),
        (true, 500) => Ok(()),
        (true, status) => Err(Fault::broken(format!("a request that met an internal error is answered {status}"))),
    }
}

fn session_of(cookie: &str) -> Result<SessionId, Fault> {
    let token: SessionToken =
        cookie.parse().map_err(|_| Fault::unreachable("the session's cookie names no session"))?;
    Ok(token.id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use RehearsedFault::{Internal, Panic};

    #[test]
    fn what_failed_of_one_kind_is_not_proved_by_the_other() {
        let last = FailedLast::default();
        let proved = || ProbeOutcome::Proved("closed".to_owned());
        let failed = || ProbeOutcome::Failed("goes on".to_owned());
        let is_failed = |outcome: ProbeOutcome| matches!(outcome, ProbeOutcome::Failed(how) if how.contains("goes on"));
        assert_eq!(last.beside(Panic, proved()), proved());
        assert!(is_failed(last.beside(Internal, failed())));
        assert!(is_failed(last.beside(Panic, proved())));
        let unable = ProbeOutcome::CouldNotRun("no code".to_owned());
        assert_eq!(last.beside(Internal, unable.clone()), unable);
        assert!(is_failed(last.beside(Panic, proved())), "it was not seen to be right since");
        assert_eq!(last.beside(Internal, proved()), proved());
        assert_eq!(last.beside(Panic, proved()), proved());
    }
}
