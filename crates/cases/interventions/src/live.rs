//! What the relays offer to those who watch: declared here, implemented by the relays, used by the desk.

use std::sync::Arc;
use tokio::sync::mpsc;
use types::{RelayId, Time};

/// One picture of a watched terminal: the JSON of a `wire` frame, made once for all who watch.
pub type FrameJson = Arc<str>;

/// A session that runs in this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// Which.
    pub relay: RelayId,
    /// When something last passed.
    pub active: Time,
    /// Bytes towards the equipment, so far.
    pub bytes_in: u64,
    /// Bytes from the equipment, so far.
    pub bytes_out: u64,
    /// How many watch.
    pub watchers: u32,
    /// Whether it has a terminal to be watched.
    pub terminal: bool,
}

/// The pictures of a session, the first one whole. A watcher who is too slow loses pictures, never the session's pace:
/// what follows a loss is whole again. Ends when the session ends.
#[derive(Debug)]
pub struct LiveFeed {
    /// The pictures.
    pub frames: mpsc::Receiver<FrameJson>,
}

/// The sessions that run in this node.
pub trait LiveSessions: Send + Sync {
    /// All of them.
    fn live(&self) -> Vec<LiveSession>;

    /// Begins to watch one.
    fn watch(&self, relay: RelayId) -> Option<LiveFeed>;
}

/// Where no relay runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSessions;

impl LiveSessions for NoSessions {
    fn live(&self) -> Vec<LiveSession> {
        Vec::new()
    }

    fn watch(&self, _: RelayId) -> Option<LiveFeed> {
        None
    }
}
