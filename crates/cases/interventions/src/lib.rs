//! Interventions of suppliers' technicians on a hospital's equipment: request, approval by signature, window, session.
//!
//! - `life` says what may follow what; `terms` what is signed; `warrant` whether it was. All three are pure.
//! - [`InterventionService`] is what the desk and the suppliers' pages ask; [`Gate`] what the relays ask.
//! - A session that runs trades its proof for a [`lease::Lease`]; losing it ends the session.

mod acts;
mod approvals;
mod effects;
mod equipment;
mod files;
mod fleet;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gate;
mod house;
pub mod life;
mod lists;
mod live;
mod model;
mod people;
mod recording;
mod rehearsal;
mod rows;
mod service;
mod sessions;
mod sql;
pub mod terms;
#[cfg(test)]
mod tests;
mod warrant;
mod words;

pub use files::{FileAct, FileEnd, FileVerb};
pub use fleet::{Fleet, FleetParts};
pub use gate::{AtGate, Ending, Gate, GateRefused, Offer, Opened, SessionAsked};
pub use house::LeaseWatch;
pub use identity::{
    passkey::{Assertion, RelyingParty},
    signed::TermsToSign,
    vouching::{PasskeyRow, PinnedKey, Vouch},
};
pub use lease::{EndReason, Lease, LeaseView, Warning};
pub use live::{FrameJson, LiveFeed, LiveSession, LiveSessions, NoSessions};
pub use model::{
    AHEAD_DAYS_MAX, Activity, Alarm, ApprovalSummary, BENEFICIARIES_MAX, ChannelKind, ChannelSummary, Equipment,
    EquipmentSecret, Filter, HOLD_HOURS_MAX, Intervention, NAME_CHARS_MAX, NewEquipment, NewRequest, PURPOSE_CHARS_MAX,
    Page, Protocol, RelaySession, Right, SOURCES_MAX, STEPS_MAX, State, Step, StepKind, Supplier, TECHNICIANS_MAX,
    Technician, WAITING_MAX, WINDOW_DAYS_MAX,
};
pub use people::Colleague;
pub use recording::{
    FreeSpace, Recorder, RecorderFault, Recording, RecordingReader, Recordings, RecordingsConfig, RecordingsReader,
};
pub use rehearsal::{NewRehearsal, Rehearsal, Rehearsed};
pub use service::{
    InterventionError, InterventionService, InterventionsBuilder, InterventionsParts, Signed, Signer, TermsKind, Wrong,
};
pub use warrant::{
    Evidence, NoWarrant, Pinned, Pins, SignatureKind, SignatureRow, Standing, Warrant, WarrantedEquipment,
};
