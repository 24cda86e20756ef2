//! What is signed: the exact terms, as canonical bytes, and the challenge that a passkey signs.
//!
//! Canonical because there is one writer and no reader: JSON, keys in the order of the fields below, no spaces, UTF-8,
//! lists in a fixed order, moments in RFC 3339. Whoever verifies rebuilds the bytes from what he has; nobody parses them.

use crate::{
    model::{Activity, Protocol, Right},
    words::{moment, text},
};
use identity::signed::enveloped;
pub use identity::{
    signed::{Challenge, NONCE, Nonce, challenge},
    vouching::EnrolTerms,
};
use serde::Serialize;
use types::{AccountId, Cidr, EquipmentId, EstablishmentId, InterventionId, SupplierId, Time};

/// An equipment as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EquipmentTerms {
    /// Which.
    #[serde(serialize_with = "text::one")]
    pub id: EquipmentId,
    /// In which version.
    pub version: u64,
    /// Whose.
    #[serde(serialize_with = "text::one")]
    pub establishment: EstablishmentId,
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub protocol: Protocol,
    /// Where.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Its key.
    pub host_key: String,
    /// The login on the machine.
    pub account: String,
    /// Who answers for it, in the order of the identifiers.
    #[serde(serialize_with = "text::many")]
    pub beneficiaries: Vec<AccountId>,
    /// How many of them must approve.
    pub quorum: u8,
}

/// A technician as he is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TechnicianTerms {
    /// Who.
    #[serde(serialize_with = "text::one")]
    pub account: AccountId,
    /// By name.
    pub name: String,
    /// The keys he may come with, in order.
    pub fingerprints: Vec<String>,
}

/// An intervention as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InterventionTerms {
    /// Which.
    #[serde(serialize_with = "text::one")]
    pub id: InterventionId,
    /// In which version.
    pub version: u64,
    /// Whose hospital.
    #[serde(serialize_with = "text::one")]
    pub establishment: EstablishmentId,
    /// Whose technicians.
    #[serde(serialize_with = "text::one")]
    pub supplier: SupplierId,
    /// Who asked.
    #[serde(serialize_with = "text::one")]
    pub requester: AccountId,
    /// On what, in full.
    pub equipment: EquipmentTerms,
    /// Who may work, in the order of the identifiers.
    pub technicians: Vec<TechnicianTerms>,
    /// What for.
    pub activity: Activity,
    /// In the asker's words.
    pub purpose: String,
    /// The hospital's ticket.
    pub ticket: Option<String>,
    /// What may be done, in order.
    pub rights: Vec<Right>,
    /// From where, in order.
    #[serde(serialize_with = "text::many")]
    pub sources: Vec<Cidr>,
    /// First moment, as asked.
    #[serde(serialize_with = "moment::one")]
    pub from: Time,
    /// First moment past it, as asked.
    #[serde(serialize_with = "moment::one")]
    pub until: Time,
}

/// What somebody signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// That the intervention may take place.
    Approve(InterventionTerms),
    /// That it may last longer.
    Extend {
        /// Which.
        intervention: InterventionTerms,
        /// Its new end.
        until: Time,
    },
    /// That it is not to be interrupted.
    Hold {
        /// Which.
        intervention: InterventionTerms,
        /// Until when.
        until: Time,
    },
    /// What an equipment is, and who answers for it.
    Equipment(EquipmentTerms),
    /// That a passkey is somebody's.
    Enrol(EnrolTerms),
}

impl Terms {
    /// `approve`, `extend`, `hold`, `equipment` or `enrol`.
    pub fn kind(&self) -> &'static str {
        match self {
            Terms::Approve(_) => "approve",
            Terms::Extend { .. } => "extend",
            Terms::Hold { .. } => "hold",
            Terms::Equipment(_) => "equipment",
            Terms::Enrol(_) => "enrol",
        }
    }

    /// The canonical bytes, with this nonce.
    pub fn bytes(&self, nonce: &Nonce) -> Vec<u8> {
        let kind = self.kind();
        match self {
            Terms::Approve(terms) => enveloped(kind, nonce, None, terms),
            Terms::Extend { intervention, until } | Terms::Hold { intervention, until } => {
                enveloped(kind, nonce, Some(moment::rfc3339(*until)), intervention)
            }
            Terms::Equipment(terms) => enveloped(kind, nonce, None, terms),
            Terms::Enrol(terms) => terms.bytes(nonce),
        }
    }

    /// What the passkey signs.
    pub fn challenge(&self, nonce: &Nonce) -> Challenge {
        challenge(&self.bytes(nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::Role;

    fn equipment() -> EquipmentTerms {
        EquipmentTerms {
            id: EquipmentId::from_bytes([2; 16]),
            version: 3,
            establishment: EstablishmentId::from_bytes([1; 16]),
            name: "scanner-2".into(),
            protocol: Protocol::Ssh,
            host: "10.1.2.3".into(),
            port: 22,
            host_key: "ssh-ed25519 AAAA".into(),
            account: "service".into(),
            beneficiaries: vec![AccountId::from_bytes([4; 16])],
            quorum: 1,
        }
    }

    fn intervention() -> InterventionTerms {
        InterventionTerms {
            id: InterventionId::from_bytes([5; 16]),
            version: 1,
            establishment: EstablishmentId::from_bytes([1; 16]),
            supplier: SupplierId::from_bytes([6; 16]),
            requester: AccountId::from_bytes([7; 16]),
            equipment: equipment(),
            technicians: vec![TechnicianTerms {
                account: AccountId::from_bytes([7; 16]),
                name: "Nour Élan \"N\"".into(),
                fingerprints: vec!["SHA256:abc".into()],
            }],
            activity: Activity::Maintenance,
            purpose: "Mise à jour\nd’un pilote".into(),
            ticket: None,
            rights: vec![Right::Shell, Right::FilesIn],
            sources: Vec::new(),
            from: Time::from_micros(1_790_000_000_000_000),
            until: Time::from_micros(1_790_003_600_000_000),
        }
    }

    #[test]
    fn the_bytes_never_change() {
        let bytes = Terms::Approve(intervention()).bytes(&[9; NONCE]);
        insta::assert_snapshot!(String::from_utf8_lossy(&bytes));
        let bytes = Terms::Enrol(EnrolTerms {
            account: AccountId::from_bytes([4; 16]),
            role: Role::Beneficiary,
            establishment: EstablishmentId::from_bytes([1; 16]),
            credential: vec![1, 2, 3],
            public_key: vec![4, 5, 6],
        })
        .bytes(&[9; NONCE]);
        insta::assert_snapshot!(String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn each_kind_nonce_and_end_has_its_own_challenge() {
        let until = Time::from_micros(1_790_007_200_000_000);
        let all = [
            Terms::Approve(intervention()),
            Terms::Extend { intervention: intervention(), until },
            Terms::Hold { intervention: intervention(), until },
            Terms::Extend { intervention: intervention(), until: Time::from_micros(until.micros() + 1) },
            Terms::Equipment(equipment()),
        ];
        let mut seen: Vec<Challenge> =
            all.iter().flat_map(|t| [t.challenge(&[0; NONCE]), t.challenge(&[1; NONCE])]).collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    proptest! {
        /// Whatever the texts hold, two different terms never have the same bytes: a text cannot pretend to be a field.
        #[test]
        fn texts_do_not_run_into_each_other(a in ".{0,12}", b in ".{0,12}", c in ".{0,12}", d in ".{0,12}") {
            let with = |purpose: &str, name: &str| {
                let mut terms = intervention();
                terms.purpose = purpose.to_owned();
                terms.equipment.name = name.to_owned();
                Terms::Approve(terms).bytes(&[0; NONCE])
            };
            prop_assert_eq!(with(&a, &b) == with(&c, &d), (&a, &b) == (&c, &d));
        }
    }
}
