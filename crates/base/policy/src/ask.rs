//! What can be asked about somebody: every action of the policies that is a person's.

use crate::{MatterAct, OverseeAct, action::Question};
use serde::Serialize;
use std::str::FromStr;
use types::{AccountId, PatientId};

/// What can be asked about, by the word that the policies use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// See whom one has to do with.
    SeePeople,
    /// See a patient's person.
    SeePerson,
    /// See who saw a record.
    SeeSightings,
    /// Read a result or a document.
    ReadObject,
    /// Keep and end one's session.
    KeepSession,
    /// See, and take away, one's own means.
    KeepMeans,
    /// Add one to them.
    AddMeans,
    /// Approve one's own sign-in by SSH.
    ApproveSsh,
    /// See interventions.
    SeeInterventions,
    /// See one of them.
    SeeIntervention,
    /// An act on an intervention.
    Matter(MatterAct),
    /// An act on the establishment's affairs.
    Oversee(OverseeAct),
}

impl Ask {
    /// Every one, in a stable order.
    pub fn all() -> impl Iterator<Item = Ask> {
        use Ask::*;
        let plain = [SeePeople, SeePerson, SeeSightings, ReadObject, KeepSession, KeepMeans, AddMeans, ApproveSsh];
        let matters = [SeeInterventions, SeeIntervention];
        let acts = MatterAct::ALL.iter().map(|act| Matter(*act));
        plain.into_iter().chain(matters).chain(acts).chain(OverseeAct::ALL.iter().map(|act| Oversee(*act)))
    }

    /// The action's name in the policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Ask::SeePeople => "see_people",
            Ask::SeePerson => "see_person",
            Ask::SeeSightings => "see_sightings",
            Ask::ReadObject => "read_object",
            Ask::KeepSession => "keep_session",
            Ask::KeepMeans => "keep_means",
            Ask::AddMeans => "add_means",
            Ask::ApproveSsh => "approve_ssh",
            Ask::SeeInterventions => "see_interventions",
            Ask::SeeIntervention => "see_intervention",
            Ask::Matter(act) => act.as_str(),
            Ask::Oversee(act) => act.as_str(),
        }
    }

    /// What a decision asks before it.
    pub(crate) fn first(self) -> Option<Self> {
        match self {
            Ask::ReadObject => Some(Ask::SeePerson),
            Ask::SeeIntervention => Some(Ask::SeeInterventions),
            _ => None,
        }
    }

    /// The question that a decision would put.
    pub(crate) fn question(self) -> Question {
        let (nobody, me) = (PatientId::from_bytes([0; 16]), AccountId::from_bytes([0; 16]));
        match self {
            Ask::SeePeople => Question::People,
            Ask::SeePerson | Ask::ReadObject => Question::Record(nobody),
            Ask::SeeSightings => Question::Sightings(nobody),
            Ask::KeepSession => Question::OwnSession(me),
            Ask::KeepMeans => Question::OwnMeans(me),
            Ask::AddMeans => Question::NewMeans(me),
            Ask::ApproveSsh => Question::ApproveSsh(me),
            Ask::SeeInterventions | Ask::SeeIntervention => Question::Matters,
            Ask::Matter(act) => Question::Matter(act),
            Ask::Oversee(act) => Question::Oversee(act),
        }
    }
}

impl FromStr for Ask {
    type Err = ();
    fn from_str(word: &str) -> Result<Self, ()> {
        Ask::all().find(|ask| ask.as_str() == word).ok_or(())
    }
}

impl Serialize for Ask {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
