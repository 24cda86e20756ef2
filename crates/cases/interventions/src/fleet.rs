//! Suppliers and equipment registered without pages: the operator's commands and the demonstration.

use crate::{
    equipment::{self, InsertSupplier, Put, sql::EquipmentBody, sql::EquipmentRow},
    model::{EquipmentSecret, NewEquipment, Supplier},
    people,
    service::{Answer, InterventionError, Signer},
    terms::{Nonce, Terms},
    warrant::{Pins, SignatureKind, SignatureRow},
};
use identity::system_actor;
use journal::Journal;
use policy::{CreateSupplier, Facts, Policies, RegisterEquipment};
use std::sync::Arc;
use store::Store;
use types::{AccountId, EquipmentId, EstablishmentId, SupplierId, SystemActor};
use vault::{Keys, SealOnly, random};

/// What [`Fleet`] is made of.
pub struct FleetParts {
    /// To read from.
    pub store: Store,
    /// To act through.
    pub journal: Journal,
    /// Who may do what.
    pub policies: Arc<Policies>,
    /// The keys of enrolment.
    pub keys: Keys,
    /// Seals what opens an equipment.
    pub equipment_keys: SealOnly,
    /// The keys pinned in the configuration.
    pub pinned: Pins,
    /// In whose name: the operator or the demonstration.
    pub actor: SystemActor,
}

/// Registers suppliers and equipment, as a named system actor; an administrator's passkey signs all the same.
pub struct Fleet(FleetParts);

impl Fleet {
    /// With the keys of enrolment.
    pub fn new(parts: FleetParts) -> Self {
        Self(parts)
    }

    /// The establishment's suppliers, by name.
    pub async fn suppliers(&self, establishment: EstablishmentId) -> Answer<Vec<Supplier>> {
        let mut connection = self.0.store.read().await?;
        Ok(people::sql::suppliers(&mut connection, establishment).await?)
    }

    /// The supplier of that name, registered if it is new.
    pub async fn supplier(&self, establishment: EstablishmentId, name: &str) -> Answer<SupplierId> {
        let parts = &self.0;
        if let Some(known) = self.suppliers(establishment).await?.iter().find(|one| one.name == name) {
            return Ok(known.id);
        }
        let supplier = SupplierId::from_bytes(random()?);
        let now = parts.journal.now();
        let who = system_actor(parts.actor, Some(establishment), now);
        let action = CreateSupplier { establishment, supplier };
        let decided = parts.policies.decide(&who, action, &Facts::default(), now);
        let authorized = decided.map_err(|error| InterventionError::Fault(error.to_string()))?;
        parts.journal.perform(authorized, InsertSupplier(name.to_owned())).await?;
        Ok(supplier)
    }

    /// The equipment of that name, registered if it is new, changed if it is not; signed by `administrator`'s passkey.
    pub async fn equipment(
        &self,
        establishment: EstablishmentId,
        (new, secret): (&NewEquipment, &EquipmentSecret),
        (administrator, signer): (AccountId, &dyn Signer),
    ) -> Answer<EquipmentId> {
        let parts = &self.0;
        let mut connection = parts.store.read().await?;
        equipment::check(&mut connection, &parts.keys, establishment, (new, Some(secret))).await?;
        let all = equipment::sql::all_equipment(&mut connection, &parts.keys, establishment).await?;
        let held = all.iter().find(|row| row.new.name == new.name);
        let (id, version) = match held {
            Some(row) => (row.id, row.version + 1),
            None => (EquipmentId::from_bytes(random()?), 1),
        };
        let body = EquipmentBody::from(new);
        let terms = body.terms(id, version, establishment);
        let nonce: Nonce = random()?;
        let challenge = Terms::Equipment(terms.clone()).challenge(&nonce);
        let assertion = signer.sign(administrator, &challenge).ok_or(InterventionError::BadSignature)?;
        let signature = SignatureRow { kind: SignatureKind::Approve, nonce, account: administrator, assertion };
        let keys = (&parts.keys, &parts.pinned.now());
        if let Err(why) = equipment::verified(&mut connection, keys, &terms, &signature).await? {
            tracing::error!(%why, "an equipment's signature does not lead to a pinned key");
            return Err(InterventionError::BadSignature);
        }
        drop(connection);
        let secret = equipment::seal_secret(&parts.equipment_keys, id, secret)?;
        let row = EquipmentRow { id, establishment, version, new: body, signature, secret };
        let sealed = row.seal(&parts.keys)?;
        let now = parts.journal.now();
        let who = system_actor(parts.actor, Some(establishment), now);
        let action = RegisterEquipment { establishment, equipment: id, version };
        let decided = parts.policies.decide(&who, action, &Facts::default(), now);
        let authorized = decided.map_err(|error| InterventionError::Fault(error.to_string()))?;
        match parts.journal.perform(authorized, Put { row, sealed }).await? {
            true => Ok(id),
            false => Err(InterventionError::Conflict),
        }
    }

    /// The signature under somebody's passkey's enrolment, made by an administrator's: evidence to keep beside the passkey.
    /// For the demonstration; pages ask [`crate::InterventionService::vouch_terms`].
    pub async fn vouch(
        &self,
        credential: &[u8],
        (administrator, signer): (AccountId, &dyn Signer),
    ) -> Answer<(AccountId, Vec<u8>)> {
        let mut connection = self.0.store.read().await?;
        let rows = vouched::passkeys(&mut connection, &self.0.keys, vec![credential.to_vec()]).await?;
        let row = rows.into_iter().find(|row| row.passkey.credential == credential);
        let row = row.ok_or(InterventionError::NotFound)?;
        let nonce: Nonce = random()?;
        let challenge = crate::warrant::enrol_terms(&row).challenge(&nonce);
        let assertion = signer.sign(administrator, &challenge).ok_or(InterventionError::BadSignature)?;
        Ok((row.account, identity::vouching::Vouch { nonce, assertion }.to_bytes()))
    }
}
