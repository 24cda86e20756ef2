//! A session left idle opens nothing (acces-web DT9, segur IE.59). Nobody waits for the configured delay: the reserved
//! account's session is opened with a short one, over the same database, and shown to the running door.

use super::{Fault, Seen, verdict, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use signin::{SecondStepError, SignInService};
use std::{sync::Arc, time::Duration};
use types::{ClientAddress, Secret};

/// The idle limit of the sessions that this probe opens.
pub const IDLE: Duration = Duration::from_secs(2);
/// When they must be over.
const OVER: Duration = Duration::from_secs(3);
/// The longest idle limit that a door may be set to.
const CONFIGURED_MAX: Duration = Duration::from_secs(2 * 3600);

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

/// A door, what opens short sessions of it, and its own idle limit.
pub struct IdleDoor {
    /// Visits it.
    pub visits: Arc<Visits>,
    /// Opens its sessions.
    pub opens: Arc<dyn Opens>,
    /// What it is set to.
    pub configured: Duration,
}

/// Leaves a session idle at each door.
pub struct IdleProbe {
    info: &'static ProbeInfo,
    doors: Vec<IdleDoor>,
}

impl IdleProbe {
    /// Over these doors.
    pub fn new(info: &'static ProbeInfo, doors: Vec<IdleDoor>) -> Self {
        Self { info, doors }
    }
}

impl Probe for IdleProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let mut seen = Vec::new();
            for door in &self.doors {
                seen.push((door.visits.door(), look(door).await));
            }
            verdict(seen)
        })
    }
}

async fn look(IdleDoor { visits, opens, configured }: &IdleDoor) -> Seen {
    if *configured > CONFIGURED_MAX {
        return Err(Fault::broken("sessions may stay idle for more than two hours"));
    }
    let (cookie, _) = visits.sign_in(|code| opens.open(visits, code)).await?;
    if !visits.opens(Some(&cookie)).await? {
        return Err(Fault::unreachable("a new session is not honored, so its end says nothing"));
    }
    tokio::time::sleep(OVER).await;
    if visits.opens(Some(&cookie)).await? {
        return Err(Fault::broken("a session is honored past its idle limit"));
    }
    let minutes = configured.as_secs() / 60;
    Ok(format!("a session left idle past its limit opens nothing; the door's own limit is {minutes} min"))
}
