//! What the relays ask: may this technician, with this key, from there, reach this equipment now?

use crate::{
    model::{ChannelSummary, EquipmentSecret},
    recording::Recorder,
    service::InterventionService,
    warrant::Warrant,
};
use identity::Authenticated;
use lease::{EndReason, Lease};
use types::{AccountId, ClientAddress, InterventionId, RelayId, SupplierId, Time};

/// Why there is no session. It says nothing: the exact reason is in the trace and in the intervention's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateRefused {
    /// Absent, forbidden, too early, too late, not approved, forged: all alike.
    #[error("this session is not possible")]
    Refused,
    /// A store, the journal or the recordings do not answer; nothing was opened.
    #[error("sessions are not possible at present")]
    Unavailable,
}

/// A target that a technician may reach now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The target's name.
    pub target: String,
    /// In which intervention.
    pub intervention: InterventionId,
    /// Until when.
    pub until: Time,
}

/// A technician at the relays' door, recognised by his key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtGate {
    /// Whose account.
    pub account: AccountId,
    /// Whose technician.
    pub supplier: Option<SupplierId>,
}

/// A session to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionAsked {
    /// `SHA256:…` of the key that he came with.
    pub fingerprint: String,
    /// From where.
    pub address: ClientAddress,
    /// The target's name.
    pub target: String,
}

/// A session that may begin: whoever holds the lease must end when it is cut.
pub struct Opened {
    /// Which.
    pub relay: RelayId,
    /// What it lives by.
    pub lease: Lease,
    /// What was approved.
    pub warrant: Warrant,
    /// What opens the equipment.
    pub secret: EquipmentSecret,
    /// What records it.
    pub recorder: Recorder,
    /// The technician's name.
    pub technician_name: String,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// Anything more: what the equipment said.
    pub note: String,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// Its channels; the first 1,000 are kept.
    pub channels: Vec<ChannelSummary>,
}

/// The relays' side of the interventions. Clones are handles.
#[derive(Clone)]
pub struct Gate(pub(crate) InterventionService);

impl Gate {
    /// The intervention, planned or open and within its window, in which this technician may reach this target. For
    /// deciding what a second factor opens; it proves nothing.
    pub async fn find(&self, _who: &AtGate, _target: &str) -> Option<InterventionId> {
        None
    }

    /// All that this technician may reach now.
    pub async fn offers(&self, _who: &AtGate) -> Vec<Offer> {
        Vec::new()
    }

    /// Opens a session: loads and verifies what was signed, asks the policies, traces, begins the recording, grants the
    /// lease. Whatever fails, nothing was opened.
    pub async fn open_session(&self, _who: Authenticated, _asked: SessionAsked) -> Result<Opened, GateRefused> {
        Err(GateRefused::Unavailable)
    }

    /// Writes down how a session ended. An owned task does it and goes on trying: nothing is lost with the caller.
    pub async fn close_session(&self, _relay: RelayId, _ending: Ending) {}

    /// Something went wrong during a session: traced, and told in the intervention's history.
    pub async fn alarm(&self, _relay: RelayId, _text: &str) {}

    /// A command without terminal ended: traced with its counts and digests.
    pub async fn command(&self, _relay: RelayId, _channel: &ChannelSummary) {}
}
