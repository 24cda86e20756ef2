//! Signing in and out: means of identification, accounts, sessions kept.
//!
//! Thin for now: local accounts with a password and a one-time code, server-side sessions, growing delays. The
//! ceremony's rules are `identity`'s; this crate brings the records, the keys, the traces and the bounds.

mod enrol;
mod hasher;
mod model;
mod pace;
mod service;
mod sql;
#[cfg(test)]
mod tests;

pub use enrol::{EnrolError, Enrolment, NewAccount};
pub use model::{LastSignIn, SignedIn};
pub use policy::EndedBecause;
pub use service::{FirstStepError, Opened, SecondStepError, SessionFault, SignInService, SignInSettings};
