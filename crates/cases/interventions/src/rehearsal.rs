//! What a probe rehearses on: a synthetic equipment with an approved intervention, set up for a few seconds.
//!
//! A probe of the relays needs what a technician needs: something to reach, and signatures that say he may. Nobody signs
//! for a probe, and no key that could sign for people's work may lie in a node. So each rehearsal draws two keys in memory,
//! signs with them, forgets their private halves, and pins the public ones beside the very terms that they signed: they
//! count for these terms, to the letter, and for nothing else (no other equipment or intervention, no extension, no
//! "do not interrupt", no enrolment). The rows are ordinary ones, which the relays verify in the ordinary way. They are
//! deleted at the end, or, after a stop, by the next rehearsal; the traces stay.

mod key;
mod sql;
#[cfg(test)]
mod tests;

use crate::{
    acts::to_the_second,
    equipment::{seal_secret, sql::EquipmentBody, sql::EquipmentRow},
    model::{Activity, EquipmentSecret, NewEquipment, Protocol, Right, State, StepKind},
    people,
    rows::{NewSignature, NewStep, RawIntervention, RawTechnician, seal},
    service::{Answer, InterventionError, InterventionService, Wrong},
    sql::{InterventionInsert, change, insert_intervention, insert_signature, insert_step, intervention_place},
    terms::{EquipmentTerms, InterventionTerms, TechnicianTerms, Terms},
    warrant::{Pins, SignatureKind, SignatureRow},
};
use identity::{system_actor, vouching::PasskeyRow};
use journal::{Applied, Effect, WriteTx};
use key::RehearsalKey;
use policy::{ClearRehearsal, SetRehearsal};
use sql::Ours;
use std::{sync::Arc, time::Duration};
use store::StoreError;
use types::{
    AccountId, EquipmentId, EstablishmentId, InterventionId, RelayId, Role, Secret, SupplierId, SystemActor, Time,
};
use vault::random;

/// A rehearsal's window: longer than any probe runs.
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// What its rows say of themselves, wherever somebody sees them in the meantime.
const PURPOSE: &str = "Sonde de la Poterne : équipement fictif, pour quelques secondes";

/// What a probe rehearses at present: the terms, and the two keys that count for them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    terms: InterventionTerms,
    /// Of who signs for the equipment, and of who approves.
    keys: [PasskeyRow; 2],
}

impl Rehearsed {
    pub(crate) fn is(&self, terms: &InterventionTerms) -> bool {
        self.terms == *terms
    }

    pub(crate) fn is_on(&self, equipment: &EquipmentTerms) -> bool {
        self.terms.equipment == *equipment
    }

    pub(crate) fn key(&self, credential: &[u8]) -> Option<&PasskeyRow> {
        self.keys.iter().find(|row| row.passkey.credential == credential)
    }
}

/// Who rehearses, and on what.
pub struct NewRehearsal {
    /// Where.
    pub establishment: EstablishmentId,
    /// The reserved technician; he stands for who answers for the equipment too.
    pub account: AccountId,
    /// The equipment's name: this node's own for rehearsals.
    pub name: String,
    /// The port of this machine's loopback where it listens.
    pub port: u16,
    /// Its key: `ssh-ed25519 AAAA…`.
    pub host_key: String,
    /// The login on it.
    pub login: String,
    /// And the password.
    pub password: Secret<String>,
}

/// A rehearsal under way. Dropped, its keys count no more; its rows are deleted by [`Rehearsal::clear`], or by the next.
pub struct Rehearsal {
    service: InterventionService,
    intervention: InterventionId,
    ours: Ours,
    _pinned: PinnedForNow,
}

/// Lets go of the keys.
struct PinnedForNow(Pins, InterventionId);

impl Drop for PinnedForNow {
    fn drop(&mut self) {
        if self.0.now().rehearsed.as_ref().is_some_and(|one| one.terms.id == self.1) {
            self.0.rehearse(None);
        }
    }
}

/// The rows of a rehearsal, in the place of what a stop left of the one before.
struct Set {
    ours: Ours,
    equipment: (EquipmentRow, Vec<u8>),
    intervention: InterventionInsert,
    approval: NewSignature,
    steps: Vec<NewStep>,
}

impl Effect<SetRehearsal> for Set {
    type Output = Vec<RelayId>;
    async fn apply(&self, tx: &mut WriteTx<'_, SetRehearsal>) -> Result<Applied<Vec<RelayId>>, StoreError> {
        let (id, now) = (tx.action().intervention, tx.now());
        let connection = tx.connection();
        let left = sql::clear(connection, &self.ours).await?;
        let (row, sealed) = &self.equipment;
        if !crate::equipment::sql::put_equipment(connection, row, sealed.clone()).await? {
            return Err(StoreError::Conflict);
        }
        insert_intervention(connection, &self.intervention, now).await?;
        insert_signature(connection, id, &self.approval, now).await?;
        change(connection, (id, 1), State::Planned, (self.intervention.window.1, None)).await?;
        for step in &self.steps {
            insert_step(connection, id, (step, false), now).await?;
        }
        Ok(Applied::done(left))
    }
}

struct Clear(Ours);

impl Effect<ClearRehearsal> for Clear {
    type Output = Vec<RelayId>;
    async fn apply(&self, tx: &mut WriteTx<'_, ClearRehearsal>) -> Result<Applied<Vec<RelayId>>, StoreError> {
        sql::clear(tx.connection(), &self.0).await.map(Applied::done)
    }
}

impl Rehearsal {
    /// The intervention.
    pub fn intervention(&self) -> InterventionId {
        self.intervention
    }

    /// Deletes its rows and its recordings.
    pub async fn clear(self) -> Answer<()> {
        let service = &self.service;
        let now = service.now();
        let node = system_actor(SystemActor::Node, None, now);
        let action = ClearRehearsal { intervention: self.intervention };
        let authorized = service.decide(&node, action, &InterventionService::about(None, None)).await?;
        let gone = service.parts().journal.perform(authorized, Clear(self.ours.clone())).await?;
        service.forget(&gone).await;
        Ok(())
    }
}

impl InterventionService {
    /// Sets up a rehearsal: the relays' side. One at a time in a node.
    pub async fn rehearse(&self, new: NewRehearsal) -> Answer<Rehearsal> {
        let (terms, supplier) = self.terms_of(&new).await?;
        let rp = self.parts().pinned.first().now().rp.clone();
        let account = new.account;
        let draw = |role| RehearsalKey::draw(&rp, (account, role, new.establishment));
        let (owner, approver) = (draw(Role::Administrator)?, draw(Role::Beneficiary)?);
        let signed = |key: &RehearsalKey, terms: &Terms| -> Answer<SignatureRow> {
            let nonce = random()?;
            let assertion = key.sign(&terms.challenge(&nonce));
            Ok(SignatureRow { kind: SignatureKind::Approve, nonce, account, assertion })
        };
        let of_equipment = signed(&owner, &Terms::Equipment(terms.equipment.clone()))?;
        let approval = signed(&approver, &Terms::Approve(terms.clone()))?;
        let keys = [owner.row, approver.row];
        let id = terms.id;
        let ours = Ours { establishment: new.establishment, name: new.name.clone(), account, supplier };
        let set = self.rows(&new, ours.clone(), &terms, (of_equipment, approval))?;
        self.parts().pinned.rehearse(Some(Arc::new(Rehearsed { terms, keys })));
        let pinned = PinnedForNow(self.parts().pinned.clone(), id);
        let node = system_actor(SystemActor::Node, None, self.now());
        let action = SetRehearsal { intervention: id, equipment: set.equipment.0.id };
        let authorized = self.decide(&node, action, &Self::about(None, None)).await?;
        let left = self.parts().journal.perform(authorized, set).await?;
        self.forget(&left).await;
        Ok(Rehearsal { service: self.clone(), intervention: id, ours, _pinned: pinned })
    }

    /// What will be signed: the technician by name and with his keys of this moment, on this machine's own loopback.
    async fn terms_of(&self, new: &NewRehearsal) -> Answer<(InterventionTerms, SupplierId)> {
        let invalid = || InterventionError::Invalid(Wrong::Technicians);
        let mut connection = self.read().await?;
        let place = (new.establishment, new.account);
        let person = people::sql::person(&mut connection, &self.parts().keys, place).await?;
        let fingerprints = people::sql::fingerprints(&mut connection, new.account).await?;
        drop(connection);
        let person =
            person.filter(|one| one.role == Role::Technician && !fingerprints.is_empty()).ok_or_else(invalid)?;
        let supplier = person.supplier.ok_or_else(invalid)?;
        let from = to_the_second(self.now());
        let equipment =
            EquipmentBody::from(&sheet(new)).terms(EquipmentId::from_bytes(random()?), 1, new.establishment);
        let technician = TechnicianTerms { account: new.account, name: person.name, fingerprints };
        let terms = InterventionTerms {
            id: InterventionId::from_bytes(random()?),
            version: 1,
            establishment: new.establishment,
            supplier,
            requester: new.account,
            equipment,
            technicians: vec![technician],
            activity: Activity::Maintenance,
            purpose: PURPOSE.to_owned(),
            ticket: None,
            rights: vec![Right::Shell, Right::Exec],
            sources: Vec::new(),
            from,
            until: from + WINDOW,
        };
        Ok((terms, supplier))
    }

    fn rows(
        &self,
        new: &NewRehearsal,
        ours: Ours,
        terms: &InterventionTerms,
        (of_equipment, approval): (SignatureRow, SignatureRow),
    ) -> Answer<Set> {
        let keys = &self.parts().keys;
        let (id, establishment, supplier) = (terms.id, terms.establishment, terms.supplier);
        let equipment = terms.equipment.id;
        let name = terms.technicians.first().map(|one| one.name.clone()).unwrap_or_default();
        let secret = EquipmentSecret::Password(Secret::new(new.password.expose().clone()));
        let row = EquipmentRow {
            id: equipment,
            establishment,
            version: 1,
            new: EquipmentBody::from(&sheet(new)),
            signature: of_equipment,
            secret: seal_secret(&self.parts().equipment_keys, equipment, &secret)?,
        };
        let sealed = row.seal(keys)?;
        let place = intervention_place(&id, &establishment, &supplier, &equipment);
        let intervention = InterventionInsert {
            id,
            establishment,
            supplier,
            equipment,
            window: (terms.from, terms.until),
            technicians: vec![new.account],
            sealed: seal(keys, "interventions", &place, &raw(terms, &name))?,
        };
        let steps = [StepKind::Requested, StepKind::Planned].map(|kind| self.step(id, kind, &name, ""));
        Ok(Set {
            ours,
            equipment: (row, sealed),
            intervention,
            approval: NewSignature::new(keys, id, approval, &name)?,
            steps: steps.into_iter().collect::<Answer<_>>()?,
        })
    }

    /// The recordings of sessions whose rows are gone.
    async fn forget(&self, relays: &[RelayId]) {
        let Some(recordings) = &self.0.recordings else { return };
        for relay in relays {
            recordings.forget(*relay).await;
        }
    }

    /// The equipment of a rehearsal under way: no list of real work shows it.
    pub(crate) fn rehearsed(&self) -> Option<EquipmentId> {
        self.parts().pinned.now().rehearsed.as_ref().map(|one| one.terms.equipment.id)
    }

    /// How long the cut of a rehearsed intervention has to be remembered: it has no later end than this, so that probes
    /// do not fill the reserve.
    pub(crate) fn rehearsed_until(&self, id: InterventionId) -> Option<Time> {
        let pinned = self.parts().pinned.now();
        pinned.rehearsed.as_ref().filter(|one| one.terms.id == id).map(|one| one.terms.until)
    }
}

fn sheet(new: &NewRehearsal) -> NewEquipment {
    NewEquipment {
        name: new.name.clone(),
        location: PURPOSE.to_owned(),
        protocol: Protocol::Ssh,
        host: "127.0.0.1".into(),
        port: new.port,
        host_key: new.host_key.clone(),
        account: new.login.clone(),
        beneficiaries: vec![new.account],
        quorum: 1,
    }
}

fn raw(terms: &InterventionTerms, name: &str) -> RawIntervention {
    let technician = |one: &TechnicianTerms| RawTechnician {
        account: one.account.into(),
        name: one.name.clone(),
        fingerprints: one.fingerprints.clone(),
    };
    RawIntervention {
        requester: terms.requester.into(),
        requester_name: name.to_owned(),
        technicians: terms.technicians.iter().map(technician).collect(),
        activity: terms.activity.to_string(),
        purpose: terms.purpose.clone(),
        ticket: None,
        rights: terms.rights.iter().map(ToString::to_string).collect(),
        sources: Vec::new(),
        from: terms.from.micros(),
        until: terms.until.micros(),
    }
}
