//! What a decision needs to know of the world, loaded by the case that asks.

use std::collections::BTreeSet;
use types::{AccountId, Category, EstablishmentId, PatientId, Period, SupplierId};

/// Why somebody may see a patient's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationKind {
    /// It is his own.
    Own,
    /// He represents the patient, for these kinds of objects.
    Mandate {
        /// What the mandate covers.
        covers: BTreeSet<Category>,
    },
    /// He cares for the patient.
    Care,
}

/// A relation of the acting account to a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The patient.
    pub patient: PatientId,
    /// The patient's establishment.
    pub establishment: EstablishmentId,
    /// Why.
    pub kind: RelationKind,
    /// When.
    pub period: Period,
}

/// The relations of the account that acts, ended ones included: the decision looks at their dates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its relations.
    pub relations: Vec<Relation>,
    /// The supplier it belongs to.
    pub supplier: Option<SupplierId>,
    /// The intervention, session or request that the act is about, if it is about one.
    pub matter: Option<Matter>,
}

/// Whose an intervention is: all that a decision about it, or about what comes of it, needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    /// Whose hospital.
    pub establishment: EstablishmentId,
    /// Whose technicians.
    pub supplier: SupplierId,
    /// Who answers for the equipment: they approve and follow.
    pub beneficiaries: Vec<AccountId>,
    /// Who may work.
    pub technicians: Vec<AccountId>,
}
