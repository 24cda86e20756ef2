//! The tamper-evident log: bytes in, proofs out. It knows nothing of policies, databases or event types.
//!
//! One folder holds one log, named by its origin and signed by one Ed25519 key at a time:
//!
//! | name | holds |
//! | --- | --- |
//! | `vkey` | the verification key, one line |
//! | `keys` | those it had before, once it was renewed: each says which comes after it |
//! | `checkpoint` | the signed tree head (C2SP tlog-checkpoint) |
//! | `minimum` | the signed minimum index, once there is one: what lay before it went |
//! | `tile/<L>/…`, `tile/entries/…` | hashes and entries (C2SP tlog-tiles): exactly those of the checkpoint's size |
//! | `segment-<first index>` | write-ahead segments: entries from their sync until they are tiled and checkpointed |
//! | `segment-spare` | the next segment, already written with zeros |
//! | `revocations` | the reserve: cuts and sign-outs that wait for nobody |
//!
//! Three threads, each with one job: the *writer* appends groups to the segment and syncs them, the *publisher* reads
//! them back, writes tiles and signs checkpoints, the *provider* keeps a spare segment ready. What is acknowledged is
//! durable and signed; a checkpoint covers only what is durable. [`verify()`] accounts for every byte of the folder.

mod archive;
pub mod cosign;
pub(crate) mod disk;
mod export;
mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handle;
mod hasher;
mod head;
mod keys;
mod live;
mod minimum;
pub mod note;
pub(crate) mod open;
mod pick;
pub mod proof;
mod prune;
pub(crate) mod publish;
pub(crate) mod read;
mod renew;
mod reserve;
mod segment;
mod shared;
mod spare;
#[cfg(test)]
mod tests;
pub mod tiles;
pub mod tree;
mod verify;
mod writer;

pub use archive::Archive;
pub(crate) use archive::ArchiveWriter;
pub use cosign::{WitnessKey, WitnessSigner};
pub(crate) use export::export;
pub(crate) use files::Files;
pub use handle::Log;
pub use head::root_at;
pub(crate) use keys::{KEYS, KEYS_BYTES_MAX};
pub use keys::{Keys, Renewal, keys_of};
pub(crate) use minimum::load_minimum;
pub use minimum::{Minimum, Passes};
pub use note::{Checkpoint, NoteError, Signer, VKey};
pub use open::Opened;
pub use pick::{first_entry, pick_entry, published};
pub use read::{ReadEntries, read_entries};
pub(crate) use read::{load_checkpoint, load_vkey};
pub(crate) use renew::{renew, renewals};
pub use reserve::{Reserve, Revocation, read_revocations};
pub use tiles::ENTRY_BYTES_MAX;
pub(crate) use verify::verify_with;
pub use verify::{EachEntry, Verdict, Verifying, verify};

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// Something in a log's folder that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// The file or folder, relative to the log's folder.
    pub file: String,
    /// The entry, where one can be named.
    pub index: Option<u64>,
    /// What is wrong, in plain words, with the byte offset where there is one.
    pub what: String,
}

impl Bad {
    pub(crate) fn new(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), index: None, what: what.into() }
    }

    pub(crate) fn at(mut self, index: u64) -> Self {
        self.index = Some(index);
        self
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(index) = self.index {
            write!(f, ", entry {index}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Why the log did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Nothing to append, or an empty entry.
    #[error("an entry has at least one byte")]
    Empty,
    /// More than one append may carry.
    #[error("{bytes} bytes are more than the journal takes at once ({bytes_max})")]
    TooLarge {
        /// What was asked.
        bytes: usize,
        /// What is possible.
        bytes_max: usize,
    },
    /// The log cannot write at present; nothing was appended. It tries again by itself.
    #[error("the journal cannot write at present: {0}")]
    Degraded(Arc<str>),
    /// The write failed under way: the entry is not acknowledged. If the machine stops before the log has mended
    /// itself, it may yet be found after the restart.
    #[error("the journal could not write: {0}")]
    Failed(Arc<str>),
    /// The log is closed.
    #[error("the journal is closed")]
    Closed,
    /// Every slot of the reserve holds a revocation that is still in force.
    #[error("the reserve of revocations is full")]
    ReserveFull,
    /// Another process, or another part of this one, has the folder.
    #[error("{0}: in use by another process")]
    Locked(PathBuf),
    /// The folder contradicts itself, or is not of this key: going on could fork the log.
    #[error("the journal's folder is refused: {0}")]
    Refused(Bad),
    /// The configuration cannot be.
    #[error("{0}")]
    Config(&'static str),
    /// The system refused.
    #[error("{0}")]
    Io(Arc<str>),
}

impl From<Bad> for LogError {
    fn from(bad: Bad) -> Self {
        Self::Refused(bad)
    }
}

/// How a log fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It takes entries.
    Ready,
    /// It refuses entries for this reason, and tries by itself to mend it.
    Degraded(Arc<str>),
    /// It is closed.
    Closed,
}

/// What a log needs to know.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The log's own folder; made if it is missing.
    pub folder: PathBuf,
    /// The log's key and origin.
    pub signer: Signer,
    /// Size of a segment, 1 KiB to 64 MiB. It bounds what one append may carry.
    pub segment_bytes: u64,
    /// How long segments may become while they fill fast; no longer than the others if this is not more.
    pub segment_bytes_max: u64,
    /// Slots of the reserve, fixed when the folder is made: one per live session and lease.
    pub reserve_slots: u32,
    /// How long after a commit its checkpoint is begun.
    pub checkpoint_delay: Duration,
    /// How old an acknowledged entry may grow without a checkpoint before appends stop being taken.
    pub checkpoint_age_max: Duration,
    /// How long appends then wait for a slow disk before they are refused.
    pub stall_max: Duration,
    /// How long between two attempts to mend a fault.
    pub retry_delay: Duration,
    /// Bytes that may wait in the queue.
    pub queue_bytes_max: u32,
}

impl LogConfig {
    /// The defaults: segments of 1 MiB, of up to 8 MiB when they fill fast, 16,384 revocations, a checkpoint within half a second.
    pub fn new(folder: PathBuf, signer: Signer) -> Self {
        Self {
            folder,
            signer,
            segment_bytes: 1024 * 1024,
            segment_bytes_max: 8 * 1024 * 1024,
            reserve_slots: 16_384,
            checkpoint_delay: Duration::from_millis(300),
            checkpoint_age_max: Duration::from_secs(1),
            stall_max: Duration::from_secs(5),
            retry_delay: Duration::from_millis(500),
            queue_bytes_max: 16 * 1024 * 1024,
        }
    }

    fn check(&self) -> Result<(), LogError> {
        if !segment::SEGMENT_BYTES.contains(&self.segment_bytes) {
            return Err(LogError::Config("a journal segment is 1 KiB to 64 MiB long"));
        }
        if self.segment_bytes_max >= segment::SEGMENT_BYTES.end {
            return Err(LogError::Config("a journal segment grows to 64 MiB at most"));
        }
        if !(1..=1_048_576).contains(&self.reserve_slots) {
            return Err(LogError::Config("the reserve of revocations has 1 to 1,048,576 slots"));
        }
        if self.queue_bytes_max < 1024 * 1024 {
            return Err(LogError::Config("the journal's queue holds at least 1 MiB"));
        }
        Ok(())
    }
}

fn io_error(what: &str, error: &std::io::Error) -> LogError {
    LogError::Io(format!("{what}: {error}").into())
}
