//! Whether what stands in the database was really signed. Pure: rows in, a [`Warrant`] or the exact reason out.

use crate::{
    model::{Cidr, Protocol, Right, Technician},
    passkey::RelyingParty,
};
use types::{AccountId, ClientAddress, EquipmentId, EstablishmentId, InterventionId, Role, Time};

/// A key pinned in the node's configuration at installation: where every chain of enrolment begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedKey {
    /// The passkey's identifier.
    pub credential: Vec<u8>,
    /// Its public key, as `identity` encodes it.
    pub public_key: Vec<u8>,
    /// Whose.
    pub account: AccountId,
    /// For what.
    pub role: Role,
    /// Where.
    pub establishment: EstablishmentId,
}

/// What a node trusts by its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The first keys.
    pub keys: Vec<PinnedKey>,
    /// Who the passkeys are for.
    pub rp: RelyingParty,
}

/// Why there is no warrant: the exact reason, for the desk and the trace, never for a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWarrant {
    /// Not decided, refused, withdrawn, closed, cut or lapsed.
    #[error("the intervention is not approved and in force")]
    State,
    /// Before its window.
    #[error("the window has not begun")]
    TooEarly,
    /// Past its window.
    #[error("the window is over")]
    TooLate,
}

/// Proof that an intervention was approved, in these very terms, by those who answer for the equipment. Made by this
/// module only.
#[derive(Debug)]
pub struct Warrant {
    pub(crate) intervention: InterventionId,
    pub(crate) window_end: Time,
    pub(crate) hold_until: Option<Time>,
    pub(crate) rights: Vec<Right>,
    pub(crate) technicians: Vec<Technician>,
    pub(crate) sources: Vec<Cidr>,
    pub(crate) equipment: WarrantedEquipment,
}

/// The equipment of a warrant, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarrantedEquipment {
    /// Which.
    pub id: EquipmentId,
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub protocol: Protocol,
    /// Where.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The only key that it may show.
    pub host_key: String,
    /// The login on the machine.
    pub account: String,
}

impl Warrant {
    /// Which intervention.
    pub fn intervention(&self) -> InterventionId {
        self.intervention
    }

    /// First moment past the window, with the extensions in force.
    pub fn window_end(&self) -> Time {
        self.window_end
    }

    /// "Do not interrupt", until then.
    pub fn hold_until(&self) -> Option<Time> {
        self.hold_until
    }

    /// Whether the right was approved.
    pub fn allows(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// What may be done.
    pub fn rights(&self) -> &[Right] {
        &self.rights
    }

    /// Who may work.
    pub fn technicians(&self) -> &[Technician] {
        &self.technicians
    }

    /// Whether this account may come with this key.
    pub fn admits(&self, account: AccountId, fingerprint: &str) -> bool {
        self.technicians.iter().any(|one| one.account == account && one.fingerprints.iter().any(|f| f == fingerprint))
    }

    /// Whether one may come from there.
    pub fn admits_source(&self, address: ClientAddress) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|range| range.contains(address))
    }

    /// Where to connect.
    pub fn equipment(&self) -> &WarrantedEquipment {
        &self.equipment
    }
}
