//! How long traces stay readable, and what goes at its term.
//!
//! Bodies are sealed to one pair for each family and month. At its term (the month's end and the family's retention) a
//! pair's private key is destroyed: the entries stay where they are and still verify, their bodies are erased. What is in
//! force (retentions, holds) is what the journal's own statements say, each asked by one person and confirmed by another;
//! [`Book`] folds them, [`Standing`] is decided from values alone, [`Journal::purge_due`] does what is due.
//!
//! The clock alone destroys nothing: the journal must have seen that much time go by, entry after entry, where two
//! entries count for a week at most; and the clock must not have moved against the machine's own count since the start.
//!
//! [`Journal::purge_due`]: crate::Journal::purge_due

mod begun;
mod book;
mod due;
mod ledger;
mod month;
mod prune;
mod purge;
mod raise;
#[cfg(test)]
mod raise_tests;
mod raised;
mod statement;
#[cfg(test)]
pub(crate) mod tests;

pub use begun::Deciding;
pub(crate) use begun::{Begun, Start, newest};
pub use book::{Book, Decided, Hold, NotCounted, PROPOSAL_DAYS, PROPOSALS_MAX, Proposal, SHORTER_AFTER_DAYS};
pub use due::Standing;
pub(crate) use ledger::Ledger;
pub use month::Month;
pub use purge::{FamilyMonth, Keeping, keeping_of};
pub(crate) use purge::{Keeper, extras_of};
pub use raise::{KeptBy, Prospect};
pub use raised::{Gone, KeptDecision, KeptProposal, Raised, Snapshot};
pub use statement::{Change, PersonToken, ProposalId, Purged, RETENTION_MONTHS_MAX, Sealed, Statement};
