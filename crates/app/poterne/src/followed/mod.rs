//! One journal over several nodes, over HTTP: what a node publishes of its journals, and who asks for it. What is believed of an
//! answer is decided in `journal::follow`.

mod client;
mod server;

pub use client::{ABSENT, Answered, Client, reach};
pub use server::Publishing;

use crate::config::Trusted;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use journal::log::{VKey, tree::sha256};
use std::{fmt, sync::Arc};
use types::Secret;

/// A journal of another node, as the configuration names it.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Where that node publishes, without a slash at its end.
    pub url: String,
    /// The journal's key.
    pub vkey: VKey,
    /// What is shown there.
    pub secret: SharedSecret,
    /// Who vouches for the other node over TLS; without, it is asked in clear.
    pub trusted: Option<Trusted>,
    /// How large the copy may become.
    pub bytes_max: u64,
}

/// What the nodes know of each other and nobody else does.
#[derive(Clone)]
pub struct SharedSecret(Arc<Secret<String>>);

impl SharedSecret {
    /// A secret line.
    pub fn new(line: String) -> Self {
        Self(Arc::new(Secret::new(line)))
    }

    /// Whether this is it; how long that takes says nothing of it.
    fn is(&self, shown: &[u8]) -> bool {
        verify_slices_are_equal(&sha256(self.0.expose().as_bytes()), &sha256(shown)).is_ok()
    }

    fn line(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSecret(..)")
    }
}
