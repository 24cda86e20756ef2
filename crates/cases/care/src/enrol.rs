//! Registering patients and relating accounts to them. For the operator's commands and the demonstration; signed mandates
//! come with the pages that ask for them.

use crate::sql;
use identity::system_actor;
use journal::{Applied, Effect, Journal, JournalError, WriteTx};
use policy::{Denied, Facts, GrantRelation, Policies, RegisterPatient, Relation};
use std::sync::Arc;
use store::{Store, StoreError};
use types::{AccountId, EstablishmentId, Ins, PatientId, SystemActor};
use vault::{Keys, Purpose, VaultError, random};

/// Why nothing was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrarError {
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

/// Registers, as a named system actor.
pub struct Registrar {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    actor: SystemActor,
}

struct InsertPatient {
    token: [u8; 32],
    sealed: Vec<u8>,
}

impl Effect<RegisterPatient> for InsertPatient {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, RegisterPatient>) -> Result<Applied<()>, StoreError> {
        let row = (tx.action().patient, tx.action().establishment);
        sql::insert_patient(tx.connection(), row, self.token, self.sealed.clone()).await?;
        Ok(Applied::done(()))
    }
}

struct InsertRelation {
    id: [u8; 16],
    sealed: Vec<u8>,
}

impl Effect<GrantRelation> for InsertRelation {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, GrantRelation>) -> Result<Applied<()>, StoreError> {
        let row = (tx.action().establishment, tx.action().account);
        sql::insert_relation(tx.connection(), self.id, row, self.sealed.clone()).await?;
        Ok(Applied::done(()))
    }
}

impl Registrar {
    /// With the keys of enrolment, acting as `actor`.
    pub fn new(store: Store, journal: Journal, policies: Arc<Policies>, keys: Keys, actor: SystemActor) -> Self {
        Self { store, journal, policies, keys, actor }
    }

    /// The patient of that identity, registered if he is new.
    pub async fn patient(&self, establishment: EstablishmentId, ins: &Ins) -> Result<PatientId, RegistrarError> {
        let token = self.keys.token(Purpose::PatientTokens, &[establishment.as_bytes(), ins.token().as_bytes()])?;
        let mut connection = self.store.read().await?;
        if let Some(known) = sql::patient_by_token(&mut connection, establishment, token).await? {
            return Ok(known);
        }
        drop(connection);
        let patient = PatientId::from_bytes(random()?);
        let sealed = sql::seal_patient(&self.keys, (patient, establishment), ins)?;
        let now = self.journal.now();
        let who = system_actor(self.actor, Some(establishment), now);
        let action = RegisterPatient { establishment, patient };
        let authorized = self.policies.decide(&who, action, &Facts::default(), now)?;
        self.journal.perform(authorized, InsertPatient { token, sealed }).await?;
        Ok(patient)
    }

    /// Relates an account to a patient.
    pub async fn relate(&self, account: AccountId, relation: &Relation) -> Result<(), RegistrarError> {
        let id: [u8; 16] = random()?;
        let sealed = sql::seal_relation(&self.keys, (&id, account), relation)?;
        let (establishment, patient) = (relation.establishment, relation.patient);
        let now = self.journal.now();
        let who = system_actor(self.actor, Some(establishment), now);
        let action = GrantRelation { establishment, account, patient };
        let authorized = self.policies.decide(&who, action, &Facts::default(), now)?;
        self.journal.perform(authorized, InsertRelation { id, sealed }).await?;
        Ok(())
    }
}
