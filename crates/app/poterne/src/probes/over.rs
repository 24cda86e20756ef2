//! A session left idle opens nothing (acces-web DT9, segur IE.59), and one that is used ends all the same (acces-web AA13).
//! Nobody waits for the delays in force: the reserved account's session is opened with short ones, over the same database, and
//! shown to the running door.

use super::{Fault, Seen, at_each, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use identity::{Population, SessionLimits, SessionRules};
use signin::{SecondStepError, SignInService};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::Instant;
use types::{ClientAddress, Secret};

/// The limits of the sessions that are left idle.
pub const LEFT: SessionLimits = SessionLimits { idle: Duration::from_secs(2), absolute: Duration::from_secs(60) };
/// The limits of those that are used until their end.
pub const USED: SessionLimits = SessionLimits { idle: Duration::from_secs(60), absolute: Duration::from_secs(2) };
/// When both must be over.
const OVER: Duration = Duration::from_secs(3);
/// Between two uses of one.
const BETWEEN: Duration = Duration::from_millis(500);
/// The longest idle limit that a door may have.
const IDLE_MAX: Duration = Duration::from_secs(2 * 3600);
/// The longest session that a door may open.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// Opens short sessions.
pub trait Opens: Send + Sync {
    /// The cookie, or nothing if it was refused.
    fn open<'a>(&'a self, visits: &'a Visits, code: String) -> BoxFuture<'a, Result<Option<String>, Fault>>;
}

impl Opens for SignInService {
    fn open<'a>(&'a self, visits: &'a Visits, code: String) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(async move {
            // From where the door will see the probe come.
            let address = ClientAddress::new(visits.browser.target().address.ip());
            let reserved = visits.reserved();
            let password = Secret::new(reserved.password.expose().clone());
            let ceremony = self.first_step(&reserved.login, password, address).await.map_err(Fault::unreachable)?;
            match self.second_step(&ceremony, &code, address).await {
                Ok(opened) => Ok(Some(opened.cookie)),
                Err(SecondStepError::Refused) => Ok(None),
                Err(error) => Err(Fault::unreachable(error)),
            }
        })
    }
}

/// Says what holds for the sessions that a door opens.
pub trait InForce: Send + Sync {
    /// The rules, of each population that comes in by it.
    fn rules(&self) -> BoxFuture<'_, Result<Vec<(Population, SessionRules)>, Fault>>;
}

impl InForce for SignInService {
    fn rules(&self) -> BoxFuture<'_, Result<Vec<(Population, SessionRules)>, Fault>> {
        Box::pin(async { self.rules_in_force().await.map_err(Fault::unreachable) })
    }
}

async fn limits(in_force: &Arc<dyn InForce>) -> Result<Vec<SessionLimits>, Fault> {
    Ok(in_force.rules().await?.into_iter().map(|(_, rules)| rules.limits()).collect())
}

/// Which end of a session is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// That of one left idle.
    Idle,
    /// That of one in use.
    Used,
}

/// A door, what opens short sessions of it, and what holds for its own.
pub struct OverDoor {
    /// Visits it.
    pub visits: Arc<Visits>,
    /// Opens its sessions: those left idle, or those used, with [`LEFT`] or [`USED`].
    pub opens: Arc<dyn Opens>,
    /// What holds for the sessions that people open.
    pub in_force: Arc<dyn InForce>,
}

/// Waits for the end of a session at each door.
pub struct OverProbe {
    info: &'static ProbeInfo,
    which: Which,
    doors: Vec<OverDoor>,
}

impl OverProbe {
    /// Over these doors.
    pub fn new(info: &'static ProbeInfo, which: Which, doors: Vec<OverDoor>) -> Self {
        Self { info, which, doors }
    }

    async fn look(&self, door: &OverDoor) -> Seen {
        match self.which {
            Which::Idle => left(door).await,
            Which::Used => used(door).await,
        }
    }
}

impl Probe for OverProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(at_each(self.doors.iter().map(|door| (door.visits.door(), self.look(door)))))
    }
}

async fn left(OverDoor { visits, opens, in_force }: &OverDoor) -> Seen {
    let limits = limits(in_force).await?;
    if limits.iter().any(|limits| limits.idle > IDLE_MAX) {
        return Err(Fault::broken("sessions may stay idle for more than two hours"));
    }
    let cookie = opened(visits, opens).await?;
    tokio::time::sleep(OVER).await;
    if visits.opens(Some(&cookie)).await? {
        return Err(Fault::broken("a session is honored past its idle limit"));
    }
    let minutes = told(limits.iter().map(|limits| limits.idle));
    Ok(format!("a session left idle past its limit opens nothing; the door's own limit is {minutes} min"))
}

async fn used(OverDoor { visits, opens, in_force }: &OverDoor) -> Seen {
    let limits = limits(in_force).await?;
    if limits.iter().any(|limits| limits.absolute > LONGEST) {
        return Err(Fault::broken("sessions may last for more than twelve hours"));
    }
    let cookie = opened(visits, opens).await?;
    let began = Instant::now();
    while began.elapsed() < OVER {
        tokio::time::sleep(BETWEEN).await;
        // Whether it still opens something is seen at the end: until then it is in use.
        visits.opens(Some(&cookie)).await?;
    }
    if visits.opens(Some(&cookie)).await? {
        return Err(Fault::broken("a session in use is honored past its end"));
    }
    let minutes = told(limits.iter().map(|limits| limits.absolute));
    Ok(format!("a session in use ends at its limit; the door's own sessions last {minutes} min at most"))
}

async fn opened(visits: &Visits, opens: &Arc<dyn Opens>) -> Result<String, Fault> {
    let (cookie, _) = visits.sign_in(|code| opens.open(visits, code)).await?;
    if visits.opens(Some(&cookie)).await? {
        Ok(cookie)
    } else {
        Err(Fault::unreachable("a new session is not honored, so its end says nothing"))
    }
}

/// In minutes, each once.
fn told(delays: impl Iterator<Item = Duration>) -> String {
    let minutes: BTreeSet<u64> = delays.map(|delay| delay.as_secs() / 60).collect();
    minutes.iter().map(u64::to_string).collect::<Vec<_>>().join(" or ")
}
