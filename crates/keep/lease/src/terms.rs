//! What is said of leases: how they are kept, what they grant, why not, who holds them, what a cut reached.

use journal::JournalError;
use policy::{Matter, Subject};
use std::time::Duration;
use types::{RelayId, Time};

/// How the leases of a node are kept.
#[derive(Debug, Clone)]
pub struct LeasesConfig {
    /// The node's name in the journal.
    pub origin: String,
    /// How often ends are looked at, and the rows cut elsewhere are asked for.
    pub poll: Duration,
    /// Without the store for this long, sessions are cut, or alarm under "do not interrupt".
    pub store_loss: Duration,
    /// Leases at once at most.
    pub leases_max: usize,
}

impl LeasesConfig {
    /// 250 ms, 10 s, 1,000 leases.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            poll: Duration::from_millis(250),
            store_loss: Duration::from_secs(10),
            leases_max: 1000,
        }
    }
}

/// Why no lease was granted.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The session or its intervention was cut.
    #[error("it was cut")]
    Revoked,
    /// It would end before it begins.
    #[error("its window is over")]
    Over,
    /// The node holds as many sessions as it may.
    #[error("too many sessions")]
    TooMany,
    /// Not traced or not written, so not granted.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What a session is granted.
#[derive(Debug, Clone)]
pub struct LeaseTerms {
    /// First moment past the window.
    pub ends: Time,
    /// "Do not interrupt", until then.
    pub hold: Option<Time>,
    /// Whose it is: what a decision to cut needs, without asking the database.
    pub matter: Matter,
    /// The key that its holder came with.
    pub fingerprint: String,
}

/// A session that runs, as far as its holder is concerned.
#[derive(Debug, Clone)]
pub struct Held {
    /// Which.
    pub relay: RelayId,
    /// Whose.
    pub subject: Subject,
    /// The key that he came with.
    pub fingerprint: String,
    /// Since when.
    pub since: Time,
}

/// What a cut reached.
#[derive(Debug)]
pub struct CutReport {
    /// Sessions of this node that it ended.
    pub sessions: usize,
    /// Whether it would survive a crash of this node; in force it is in any case.
    pub durable: Result<(), JournalError>,
}
