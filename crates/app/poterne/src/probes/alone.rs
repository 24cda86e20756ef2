//! One session at a time, where administrators decided so (acces-web AA8): a second sign-in of a reserved account, which is
//! exempt from nothing, closes the first and tells its browser why, or is refused and told so itself.

use super::{
    Fault, Seen, at_each,
    over::InForce,
    visits::{Second, Visits},
};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use identity::{AtOnce, Population};
use std::sync::Arc;
use types::Role;

/// A door, with the reserved account that comes in twice.
pub struct AloneDoor {
    /// Visits it.
    pub visits: Arc<Visits>,
    /// The account's role.
    pub role: Role,
    /// What administrators decided.
    pub in_force: Arc<dyn InForce>,
}

/// Signs in twice at each door.
pub struct AloneProbe {
    info: &'static ProbeInfo,
    doors: Vec<AloneDoor>,
}

impl AloneProbe {
    /// Over these doors.
    pub fn new(info: &'static ProbeInfo, doors: Vec<AloneDoor>) -> Self {
        Self { info, doors }
    }
}

impl Probe for AloneProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(at_each(self.doors.iter().map(|door| (door.visits.door(), look(door)))))
    }
}

async fn look(AloneDoor { visits, role, in_force }: &AloneDoor) -> Seen {
    let whose = Population::from(*role);
    let rules = in_force.rules().await?;
    let decided = rules.iter().find(|(population, _)| *population == whose).map(|(_, rules)| rules.at_once());
    let decided = decided.ok_or_else(|| Fault::unreachable("what is decided cannot be known"))?;
    if decided == AtOnce::Several {
        let told = "several sessions of one person are possible here, until an administrator decides otherwise";
        return Err(Fault::Partly(told.into()));
    }
    let others: Vec<_> = rules.iter().filter(|(_, rules)| rules.at_once() == AtOnce::Several).collect();
    let held = one_at_a_time(visits, decided).await?;
    match others.first() {
        None => Ok(held),
        Some((population, _)) => {
            Err(Fault::Partly(format!("{held}; of the population {} several are possible", population.as_str())))
        }
    }
}

async fn one_at_a_time(visits: &Visits, decided: AtOnce) -> Seen {
    let first = match visits.again().await? {
        Second::Opened(cookie) => cookie,
        // Another node tries it too.
        Second::Refused { .. } => return Err(Fault::unreachable("another session of the reserved account is there")),
    };
    let second = visits.again().await?;
    let page = visits.browser.get("/fr/session", Some(&first)).await.map_err(Fault::unreachable)?;
    let told = page.form("word").is_some();
    match (decided, second) {
        (AtOnce::Newest, Second::Opened(_)) if page.status == 200 => {
            Err(Fault::broken("a second session leaves the first one open"))
        }
        (AtOnce::Newest, Second::Opened(_)) if !told => Err(Fault::broken(
            "the first session is closed, and its browser is not told why, nor how to say that it was not him",
        )),
        (AtOnce::Newest, Second::Opened(_)) => {
            Ok("a second session closes the first one, whose browser is told why".into())
        }
        (AtOnce::Newest, Second::Refused { .. }) => {
            Err(Fault::unreachable("the reserved account cannot sign in again"))
        }
        (_, Second::Opened(_)) => Err(Fault::broken("a second session is opened while the first one is there")),
        (_, Second::Refused { told: false }) => Err(Fault::broken(
            "a second session is refused without saying why, nor how to say that the first was not his",
        )),
        (_, Second::Refused { told: true }) if page.status != 200 => {
            Err(Fault::broken("a second session is refused, and the first one is closed"))
        }
        (_, Second::Refused { told: true }) => {
            Ok("while a session is there a second one is refused, and told why".into())
        }
    }
}
