//! The part of LDAP (RFC 4511) that a client needs to find people and to check their passwords: requests as bytes, answers
//! from bytes.
//!
//! Ours, and why: the library that exists for Rust panics on some answers that are not well-formed, follows nesting as deep as
//! a server likes, and bounds no message. A directory that was taken over must not stop the door that asks it. What is here
//! is small because nothing else is needed: bind, search by pages, StartTLS.
//!
//! A filter is a value and never a text, so that nothing that somebody typed can change what is asked. An answer is read
//! level by level, each by the code that expects it: nothing recurses on what a server says, and nothing is kept of what
//! was not asked for.

mod ber;
mod request;
mod response;

pub use ber::{Framing, MESSAGE_BYTES_MAX, Malformed, framing};
pub use request::{Filter, Paged, Scope, Search, bind, search, start_tls, unbind};
pub use response::{Answer, Entry, Outcome, answer};

/// Codes of an outcome (RFC 4511 §4.1.9) that a client tells apart.
pub mod code {
    /// All is well.
    pub const SUCCESS: u32 = 0;
    /// More entries than were asked for.
    pub const SIZE_LIMIT: u32 = 4;
    /// Somebody else should be asked.
    pub const REFERRAL: u32 = 10;
    /// Something is not as it must be; servers with a password policy say so of an account that is locked.
    pub const CONSTRAINT: u32 = 19;
    /// No such entry.
    pub const NO_SUCH_OBJECT: u32 = 32;
    /// This entry cannot sign in this way.
    pub const INAPPROPRIATE: u32 = 48;
    /// The password is wrong, or the account may not be used.
    pub const INVALID_CREDENTIALS: u32 = 49;
    /// Not permitted.
    pub const ACCESS: u32 = 50;
    /// The server does not want to.
    pub const UNWILLING: u32 = 53;
}

#[cfg(test)]
mod tests;
