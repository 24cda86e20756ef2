//! Policies and facts in, decision out. The only mint of [`Authorized`].
//!
//! The policies are the Cedar files of `policies/`, validated at build and again at start. Cedar decides once per
//! request and its answers become a typed [`Scope`], which every read takes and every row must pass.
//! Pure: no clock, no database; the case that asks loads the [`Facts`].

mod action;
mod authorized;
mod check;
mod engine;
mod facts;
mod scope;

pub use action::{
    Action, CreateAccount, CreateEstablishment, DatabaseAction, EndSession, EndedBecause, GrantRelation, HealthRead,
    OpenDocument, OpenSession, PurgeSessions, ReadDocument, ReadRecord, ReadResult, RegisterPatient, RenewSession,
    SeePeople,
};
pub use authorized::{Authorized, Subject};
pub use engine::{BadPolicies, Denied, Policies};
pub use facts::{Facts, Relation, RelationKind};
pub use scope::{Reach, Scope};
