//! The words every other crate speaks: identifiers, actors, purposes, secrets, limits, and time as a value.
//!
//! Pure: nothing here reads a clock, draws a random number, opens a file or a socket.

mod account;
mod actor;
mod address;
mod clock;
mod event;
mod id;
mod lang;
pub mod limits;
mod record;
mod secret;
mod time;

pub use account::{AccountState, IdentityProof, LifeReason};
pub use actor::{Actor, Door, Purpose, Role, SystemActor, TokenScope};
pub use address::{BadCidr, Cidr, ClientAddress, Source};
pub use clock::{Clock, ClockState};
pub use event::{Codes, Do, Documented, Event, Extra, Extras, Family, Form, Written, events_page};
pub use id::{
    AccountId, BadId, EnvelopesId, EquipmentId, EstablishmentId, InterventionId, LinkId, PatientId, RelayId, SearchId,
    SessionId, SheetId, SshApprovalId, SupplierId, TokenId, TraceId,
};
pub use lang::Lang;
pub use record::{BadIns, BadObjectId, Category, Confidentiality, Ins, InsDomain, ObjectId, ObjectRef};
pub use secret::Secret;
pub use time::{Period, Time};
