//! What lasts: an authorization traded for a lease that can be cut at any moment.
//!
//! [`Leases::open`] consumes the proof that a session may begin and gives a [`Lease`]; whoever works under it ends when
//! [`Lease::cut`] resolves. A cut acts in memory first, then in the journal's reserve; row and trace follow in a task of
//! their own, for as long as it takes. Nothing here waits for the journal or the database before it cuts.

mod leases;
pub mod rows;
mod terms;
#[cfg(test)]
mod tests;
mod view;

pub use leases::{Lease, Leases};
pub use terms::{CutReport, Held, LeaseError, LeaseTerms, LeasesConfig};
pub use view::{EndReason, LeaseView, Warning};
