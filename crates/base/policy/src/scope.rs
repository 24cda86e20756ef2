//! What a decision lets through, as a value that queries take and rows must pass.

use crate::{Lacking, Matter};
use std::collections::BTreeMap;
use types::{AccountId, Category, Confidentiality, EstablishmentId, ObjectRef, PatientId, SupplierId};

/// Kinds × confidentialities of one record: Cedar's answer for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Grant([[bool; 2]; 2]);

fn row(category: Category) -> usize {
    match category {
        Category::Result => 0,
        Category::Document => 1,
    }
}

fn column(confidentiality: Confidentiality) -> usize {
    match confidentiality {
        Confidentiality::Normal => 0,
        Confidentiality::Held => 1,
    }
}

impl Grant {
    pub(crate) fn set(&mut self, category: Category, confidentiality: Confidentiality, allowed: bool) {
        if let Some(cell) = self.0.get_mut(row(category)).and_then(|row| row.get_mut(column(confidentiality))) {
            *cell = allowed;
        }
    }

    fn get(&self, category: Category, confidentiality: Confidentiality) -> bool {
        self.0.get(row(category)).and_then(|row| row.get(column(confidentiality))).copied().unwrap_or(false)
    }

    /// Whether the other one lets all of this through.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().flatten().zip(other.0.iter().flatten()).all(|(this, other)| !this || *other)
    }
}

/// The extent of an [`crate::Authorized`]: one establishment, some patients, and for each of them which kinds of objects,
/// held ones included or not. It holds Cedar's own answers, so it cannot say more than the policies do.
/// Not `Clone`: it lives and dies with its proof.
#[derive(Debug)]
pub struct Scope {
    establishment: Option<EstablishmentId>,
    grants: BTreeMap<PatientId, Grant>,
    matters: MatterReach,
    lacking: Option<Lacking>,
}

/// Which interventions a reading may give, all of one establishment: Cedar's answers for the four ways to be concerned.
/// A query takes it; a row passes [`Scope::admits_matter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatterReach {
    /// All of them.
    pub all: bool,
    /// Those of this supplier.
    pub supplier: Option<SupplierId>,
    /// Those on equipment that this account answers for.
    pub beneficiary: Option<AccountId>,
    /// Those of this supplier in which this account may work.
    pub technician: Option<(SupplierId, AccountId)>,
}

impl Scope {
    pub(crate) fn new(
        establishment: Option<EstablishmentId>,
        grants: BTreeMap<PatientId, Grant>,
        matters: MatterReach,
        lacking: Option<Lacking>,
    ) -> Self {
        Self { establishment, grants, matters, lacking }
    }

    /// What the same person lacks for more to be inside; nothing where proving more would change nothing. A page that shows
    /// less for want of it says so.
    pub fn lacking(&self) -> Option<Lacking> {
        self.lacking
    }

    /// Which interventions may be read.
    pub fn matters(&self) -> MatterReach {
        self.matters
    }

    /// Whether this very intervention is inside.
    pub fn admits_matter(&self, matter: &Matter) -> bool {
        let reach = self.matters;
        self.establishment == Some(matter.establishment)
            && (reach.all
                || reach.supplier == Some(matter.supplier)
                || reach.beneficiary.is_some_and(|account| matter.beneficiaries.contains(&account))
                || reach.technician.is_some_and(|(supplier, account)| {
                    supplier == matter.supplier && matter.technicians.contains(&account)
                }))
    }

    /// Whose hospital.
    pub fn establishment(&self) -> Option<EstablishmentId> {
        self.establishment
    }

    /// The patients whose person may be seen, in a stable order.
    pub fn patients(&self) -> impl Iterator<Item = PatientId> + '_ {
        self.grants.keys().copied()
    }

    /// Whether this patient's person may be seen.
    pub fn admits_person(&self, patient: PatientId) -> bool {
        self.grants.contains_key(&patient)
    }

    /// Whether a query for objects of this kind makes sense, and whether it must leave held ones out.
    pub fn reach(&self, patient: PatientId, category: Category) -> Reach {
        let Some(grant) = self.grants.get(&patient) else { return Reach::Nothing };
        match (grant.get(category, Confidentiality::Normal), grant.get(category, Confidentiality::Held)) {
            (false, false) => Reach::Nothing,
            (true, false) => Reach::NotHeld,
            // "Held only" exists in no policy; asking for all and checking each row stays right if one ever says so.
            (_, true) => Reach::All,
        }
    }

    /// Whether this very object is inside. Each row read passes here; a property test shows it equal to Cedar.
    pub fn admits(&self, object: &ObjectRef) -> bool {
        self.establishment == Some(object.establishment)
            && self.grants.get(&object.patient).is_some_and(|grant| grant.get(object.category, object.confidentiality))
    }
}

/// How far a query may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Do not ask.
    Nothing,
    /// Ask, leaving out what is held from the patient.
    NotHeld,
    /// Ask for everything.
    All,
}
