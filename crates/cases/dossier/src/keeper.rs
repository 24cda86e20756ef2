//! Probes run, and their latest answers kept: each row under a keyed tag, written through the journal.

use crate::{Kept, PROBES, Probe, ProbeInfo, ProbeOutcome, VALID, probe_named, sql};
use identity::system_actor;
use journal::{Applied, Effect, Journal, JournalError, WriteTx};
use policy::{Denied, Facts, Policies, RecordProof};
use std::{sync::Arc, time::Duration};
use store::{Store, StoreError};
use subtle::ConstantTimeEq as _;
use tokio::task::JoinSet;
use types::SystemActor;
use vault::{Keys, Purpose, VaultError};

/// How often the probes run, from the start on.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// A probe that has not answered after this long could not run.
const RUN_MAX: Duration = Duration::from_secs(60);

/// Why an answer was not kept, or the answers not read.
#[derive(Debug, thiserror::Error)]
pub enum DossierError {
    /// The registry does not know the probe.
    #[error("no probe is named {0}")]
    Unknown(String),
    /// The policies say no.
    #[error("not permitted: {0}")]
    Denied(#[from] Denied),
    /// Not traced, so not done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A key is missing.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The tag that only a holder of the key can compute, over all that a row says.
fn tag(keys: &Keys, kept: &Kept) -> Result<[u8; 32], VaultError> {
    let (at, expires) = (kept.at.micros().to_be_bytes(), kept.expires.micros().to_be_bytes());
    let said = [kept.probe.as_bytes(), kept.outcome.word().as_bytes(), kept.outcome.detail().as_bytes()];
    let [probe, word, detail] = said;
    keys.token(Purpose::ProofTags, &[b"proof 1", probe, word, detail, &at, &expires])
}

/// Reads the latest answers, and believes none without its tag.
#[derive(Clone)]
pub struct ProofReader(Arc<(Store, Keys)>);

impl ProofReader {
    /// Over a database, with the keys of a holder that may check tags.
    pub fn new(store: Store, keys: Keys) -> Self {
        Self(Arc::new((store, keys)))
    }

    /// The latest authentic answer of each probe of the registry. A row that was written by hand, altered or put under
    /// another probe's name is left out: what it was to prove reads "gap".
    pub async fn latest(&self) -> Result<Vec<Kept>, DossierError> {
        self.latest_of(PROBES).await
    }

    pub(crate) async fn latest_of(&self, probes: &[ProbeInfo]) -> Result<Vec<Kept>, DossierError> {
        let (store, keys) = &*self.0;
        let mut connection = store.read().await?;
        let mut found = Vec::new();
        for probe in probes {
            let row = match sql::proof(&mut connection, probe.name).await {
                Ok(Some(row)) => row,
                Ok(None) => continue,
                // Not a row of ours: no reason to keep the others from being read.
                Err(StoreError::Malformed(what)) => {
                    tracing::warn!(probe = probe.name, what, "a kept proof cannot be read; it proves nothing");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let expected = tag(keys, &row.kept)?;
            if bool::from(expected.as_slice().ct_eq(&row.tag)) {
                found.push(row.kept);
            } else {
                tracing::warn!(probe = probe.name, "a kept proof bears no tag of ours; it proves nothing");
            }
        }
        Ok(found)
    }
}

/// Runs probes and keeps their answers.
#[derive(Clone)]
pub struct ProofKeeper(Arc<Parts>);

struct Parts {
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    run_max: Duration,
}

struct PutProof {
    kept: Kept,
    tag: [u8; 32],
}

impl Effect<RecordProof> for PutProof {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, RecordProof>) -> Result<Applied<()>, StoreError> {
        sql::put_proof(tx.connection(), &self.kept, &self.tag).await?;
        Ok(Applied::done(()))
    }
}

impl ProofKeeper {
    /// With the prober's keys.
    pub fn new(journal: Journal, policies: Arc<Policies>, keys: Keys) -> Self {
        Self(Arc::new(Parts { journal, policies, keys, run_max: RUN_MAX }))
    }

    #[cfg(test)]
    pub(crate) fn waiting(journal: Journal, policies: Arc<Policies>, keys: Keys, run_max: Duration) -> Self {
        Self(Arc::new(Parts { journal, policies, keys, run_max }))
    }

    /// Keeps the answer of a probe that has just run, in the place of the one before.
    pub async fn record(&self, probe: &str, outcome: ProbeOutcome) -> Result<Kept, DossierError> {
        let info = probe_named(probe).ok_or_else(|| DossierError::Unknown(probe.to_owned()))?;
        let at = self.0.journal.now();
        let kept = Kept { probe: info.name.to_owned(), outcome: outcome.tidied(), at, expires: at + VALID };
        let tag = tag(&self.0.keys, &kept)?;
        let who = system_actor(SystemActor::Node, None, at);
        let action = RecordProof { probe: info.name.to_owned() };
        let authorized = self.0.policies.decide(&who, action, &Facts::default(), at)?;
        self.0.journal.perform(authorized, PutProof { kept: kept.clone(), tag }).await?;
        Ok(kept)
    }

    /// Runs each probe once, one after the other, and keeps what it answers. A probe that panics or does not answer could
    /// not run; one whose answer cannot be kept goes on reading as before, until that expires.
    pub async fn round(&self, probes: &[Arc<dyn Probe>]) {
        for probe in probes {
            let name = probe.info().name;
            let outcome = self.run(Arc::clone(probe)).await;
            match &outcome {
                ProbeOutcome::Proved(_) => {}
                other => tracing::warn!(probe = name, outcome = other.word(), "a probe did not prove its rules"),
            }
            if let Err(error) = self.record(name, outcome).await {
                tracing::error!(probe = name, %error, "a probe's answer could not be kept");
            }
        }
    }

    async fn run(&self, probe: Arc<dyn Probe>) -> ProbeOutcome {
        // A task of its own, ended with this set: a probe's panic is its own.
        let mut task = JoinSet::new();
        task.spawn(async move { probe.run().await });
        match tokio::time::timeout(self.0.run_max, task.join_next()).await {
            Ok(Some(Ok(outcome))) => outcome,
            Ok(_) => ProbeOutcome::CouldNotRun("the probe itself stopped on a fault".into()),
            Err(_) => ProbeOutcome::CouldNotRun(format!("no answer within {} seconds", self.0.run_max.as_secs())),
        }
    }

    /// Runs the probes at once, then every ten minutes, until it is dropped.
    pub async fn keep_proving(self, probes: Vec<Arc<dyn Probe>>) {
        let mut turns = tokio::time::interval(EVERY);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            self.round(&probes).await;
        }
    }
}
