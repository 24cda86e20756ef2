//! Whoever identifies people in Poterne's place. The hospital's directory does; other providers of identity take the same place, each
//! with what it is shown. A provider says who somebody is, never what he may: his account here says that, and the second
//! factor, the waits and the traces are the door's whatever the provider.

use std::{future::Future, pin::Pin};
use types::{Secret, Time};

/// What is being answered.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, Silent>> + Send + 'a>>;

/// The provider did not say. It says nothing about anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Silent(pub String);

/// What somebody shows to be identified by. A provider that is shown what is not for it knows nobody by it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Shown<'a> {
    /// The password that the provider keeps.
    Password {
        /// What never changes of its holder there, as the account here has it.
        of: &'a str,
        /// As it was typed; never empty.
        password: Secret<String>,
    },
}

/// Somebody who identifies people. What it does not answer is never read as an answer.
pub trait Provider: Send + Sync {
    /// What it says of somebody.
    type Person;

    /// Somebody, if what is shown is his now.
    fn identify<'a>(&'a self, shown: Shown<'a>, now: Time) -> Answering<'a, Option<Self::Person>>;

    /// Whether it answered when it was last asked.
    fn answers(&self) -> bool;
}
