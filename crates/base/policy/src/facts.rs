//! What a decision needs to know of the world, loaded by the case that asks.

use std::collections::BTreeSet;
use types::{Category, EstablishmentId, PatientId, Period};

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
}
