//! The tamper-evident journal, and the only way to act: no write and no reading of health data without its trace.
//!
//! - [`Journal::perform`] appends a durable intent, runs a database effect in a transaction that also inserts the trace's
//!   marker, and appends the outcome. Write transactions open only from [`Traced`].
//! - [`Journal::release`] appends one final entry that names the patients and objects of a [`Withheld`] page, and opens it.
//! - [`Journal::revoke`] acts first, in memory and in the reserve, and traces afterwards: a cut never waits.
//! - [`Journal::refuse`] records refusals, folding those past the bound into counted entries.
//! - [`log`] below knows only bytes and proofs; [`verify`] checks both, offline.

mod became;
mod compare;
mod entry;
mod fold;
pub mod follow;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gate;
mod heads;
pub mod index;
mod keeper;
mod keyring;
pub mod log;
mod opening;
mod perform;
mod reader;
mod recover;
pub mod retention;
mod seal;
mod search;
pub mod stamp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod verify;
mod withheld;
pub mod witness;

pub use became::Became;
pub use compare::{Compared, KeptCheckpoint};
pub use entry::{Kind, Outcome};
pub use fold::{Folded, Offer, Refusals};
pub use gate::{Applied, Effect, WriteTx};
pub use heads::{Head, read_heads};
pub use keeper::{Journal, JournalConfig, JournalError, Refusal, Revoked};
pub use opening::Opens;
pub use reader::{Trace, read_traces};
pub use search::{BLOCK_ENTRIES, Block, BlockTraces, TraceHead, TraceReader};
pub use trace::Traced;
pub use verify::{
    Against, Beside, Marker, Markers, Report, Verifying, export, read_markers, verify, verify_archived, verify_with,
};
pub use withheld::{Page, Stray, Withheld};
