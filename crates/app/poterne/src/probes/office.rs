//! What somebody sees who manages accounts: links (acces-web AA6), the life of an account (segur IE.58), the passwords of
//! administrators (segur IAM.92, clausier O-5.2), what is asked of a professional (segur IE.33), and what stays of who he was (segur IAM.91). The reserved administrator is
//! blocked but while these look: one turn of his, for each round, serves them all, and nobody keeps what opened it.

pub mod corrections;
pub mod links;
pub mod lives;
pub mod passwords;
pub mod people;
pub mod staff;

use super::{Fault, Seen, codes::Reserved, sealed::Kept, target::Target, traces::Journaled, verdict, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use identity::PasswordPolicy;
use staff::{Administrator, GUARD, INVITED};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use types::{AccountId, Clock, Door, Secret};

/// What one probe found does not serve another round.
const SHARED: Duration = Duration::from_secs(300);
/// How long the administrator may be at work; less than a probe may take.
const WORK_MAX: Duration = Duration::from_secs(50);

/// What gives the reserved administrator's account.
pub struct Key {
    /// Which account.
    pub account: AccountId,
    /// Its login.
    pub login: String,
    /// What its link ends with.
    pub secret: Secret<String>,
}

/// What lends the account of somebody who manages accounts, and takes it back.
pub trait Lends: Send + Sync {
    /// A link by which it is opened.
    fn lend(&self) -> BoxFuture<'_, Result<Key, Fault>>;
    /// Blocks it.
    fn take_back(&self, account: AccountId) -> BoxFuture<'_, Result<(), Fault>>;
    /// A link to the account of whom it manages, made if it is not there.
    fn managed(&self, login: &'static str) -> BoxFuture<'_, Result<Secret<String>, Fault>>;
    /// Whether what is kept of its password is a hash as strong as asked.
    fn keeps_hashed(&self, account: AccountId) -> BoxFuture<'_, Result<bool, Fault>>;
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// What is asked of a professional.
    People,
    /// Who somebody is, corrected.
    Corrections,
    /// Links.
    Links,
    /// An account's life, and its sessions.
    Lives,
    /// Which passwords administrators choose.
    Policy,
    /// How one of them is changed and kept.
    Passwords,
}

/// Where accounts are managed.
pub struct Parts {
    /// The desk, where it administers.
    pub target: Target,
    /// Who lends the account.
    pub lends: Arc<dyn Lends>,
    /// What is asked of administrators' passwords.
    pub policy: PasswordPolicy,
    /// Where the node keeps what it keeps.
    pub kept: Arc<Kept>,
    /// Where it is traced.
    pub journal: Arc<dyn Journaled>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The reserved administrator's turns: one for each round.
pub struct Office {
    parts: Parts,
    last: Mutex<Option<(Instant, BTreeMap<What, Seen>)>>,
}

impl Office {
    /// None has begun.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts, last: Mutex::default() })
    }

    /// What this round's turn shows, each part once; a turn is begun if there is none.
    async fn found(self: &Arc<Self>, what: What) -> Seen {
        let mut last = self.last.lock().await;
        let kept = last.as_mut().filter(|(since, _)| since.elapsed() < SHARED);
        if let Some(seen) = kept.and_then(|(_, found)| found.remove(&what)) {
            return seen;
        }
        *last = None;
        let office = self.clone();
        // A task of its own: whatever becomes of the probe, the account is blocked again.
        let worked = tokio::spawn(async move { office.turn().await }).await;
        let mut found = worked.map_err(Fault::unreachable)??;
        let seen = found.remove(&what).unwrap_or_else(|| Err(Fault::unreachable("it was not looked at")));
        *last = Some((Instant::now(), found));
        seen
    }

    async fn turn(&self) -> Result<BTreeMap<What, Seen>, Fault> {
        let key = self.parts.lends.lend().await?;
        let worked = timeout(WORK_MAX, self.work(&key)).await;
        let back = self.parts.lends.take_back(key.account).await;
        let mut found = worked.map_err(|_| Fault::unreachable("the administrator's turn took too long"))??;
        if let Err(fault) = back {
            found.values_mut().for_each(|seen| *seen = Err(fault.clone()));
        }
        Ok(found)
    }

    async fn work(&self, key: &Key) -> Result<BTreeMap<What, Seen>, Fault> {
        let Parts { target, policy, kept, journal, clock, lends } = &self.parts;
        let admin = Administrator::come_in(target, key, clock).await?;
        let link = lends.managed(GUARD).await?;
        lends.managed(INVITED).await?;
        let mut found = BTreeMap::new();
        found.insert(What::People, people::look(&admin).await);
        found.insert(What::Links, links::look(&admin).await);
        found.insert(What::Lives, lives::look(&admin, &link).await);
        // Of the account that these took into use: an invited one's name takes no such proof.
        found.insert(What::Corrections, corrections::look(&admin, &**journal).await);
        // Whatever was seen, the account that these used opens nothing any more.
        if let Err(fault) = admin.block_guard().await {
            found.insert(What::Lives, Err(fault));
        }
        found.insert(What::Policy, passwords::chosen(&admin, policy).await);
        found.insert(What::Passwords, passwords::changed(&admin, kept, &**lends).await);
        Ok(found)
    }
}

/// Looks at one part of a turn.
pub struct OfficeProbe {
    info: &'static ProbeInfo,
    what: What,
    office: Result<Arc<Office>, &'static str>,
}

impl OfficeProbe {
    /// At the office, or why there is none.
    pub fn new(info: &'static ProbeInfo, what: What, office: Result<Arc<Office>, &'static str>) -> Self {
        Self { info, what, office }
    }
}

impl Probe for OfficeProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            match &self.office {
                Ok(office) => verdict(vec![(Door::Desk, office.found(self.what).await)]),
                Err(why) => ProbeOutcome::CouldNotRun((*why).to_owned()),
            }
        })
    }
}

/// The visits of whoever has these means.
fn visits(target: &Target, reserved: Reserved, clock: &Arc<dyn Clock>) -> Result<Visits, Fault> {
    Visits::new(target, reserved, clock.clone()).map_err(Fault::unreachable)
}
