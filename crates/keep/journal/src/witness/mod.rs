//! A witness: a second party that remembers the last checkpoint of each log it watches, and cosigns only what continues it
//! (C2SP tlog-witness). Whoever holds a log's key and disk can still not show two histories to those who ask for the
//! witness's cosignature.
//!
//! Nothing here knows HTTP: [`Witness::add_checkpoint`] takes a request's bytes and gives an [`Answer`]. What is
//! cosigned is durable first: a crash in between loses an answer, never the memory of one given.

mod feed;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod kept;
mod request;
#[cfg(test)]
mod tests;

pub use feed::{Feed, FeedError, Next, Reply, Submission};
pub use kept::{DAYS_KEPT_MAX, Kept, day_of};
pub use request::{REQUEST_BYTES_MAX, Request};

use crate::log::{
    Bad, Checkpoint, VKey, WitnessSigner,
    disk::{Batch, Disk, RealDisk, load},
    note::{NOTE_BYTES_MAX, Note},
    proof::check_consistency,
    tree::sha256,
};
use data_encoding::HEXLOWER;
use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use types::Time;

/// Logs that one witness watches at most.
pub const LOGS_MAX: usize = 256;

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Its folder cannot be used.
    #[error("{0}: {1}")]
    Folder(PathBuf, io::Error),
    /// Another process has it.
    #[error("{0}: in use by another witness")]
    Locked(PathBuf),
    /// What it remembers of a log cannot be believed.
    #[error("what this witness remembers is refused: {0}")]
    Refused(Bad),
    /// No log, or too many.
    #[error("a witness watches 1 to {LOGS_MAX} logs")]
    Logs,
}

/// What a witness says to a request; the number is HTTP's in tlog-witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The checkpoint is remembered: the cosignature's line (200).
    Cosigned(String),
    /// The request is not one (400).
    Malformed,
    /// No key that is trusted for this log signed (403).
    Untrusted,
    /// This log is not watched (404).
    Unknown,
    /// The witness remembers another size than the log believes, or another root of that size (409).
    Conflict {
        /// The size remembered.
        size: u64,
        /// The log signed two roots of one size: both notes are kept.
        forked: bool,
    },
    /// The checkpoint does not continue what is remembered (422).
    Inconsistent,
    /// The memory could not be made durable: nothing is cosigned (500).
    Failed,
}

/// One log under watch.
struct Watched {
    keys: Vec<VKey>,
    /// What was cosigned last. The lock is held from the comparison to the durable write: requests take turns.
    last: Mutex<Option<Checkpoint>>,
    /// The names of its files begin with it.
    stem: String,
}

/// A witness with its memory.
pub struct Witness {
    folder: PathBuf,
    signer: WitnessSigner,
    logs: BTreeMap<String, Watched>,
    disk: Arc<dyn Disk>,
    _lock: File,
}

impl Witness {
    /// Opens the memory in `folder`, made if need be, for the logs of these keys; several keys may be of one log. A log
    /// that was never seen begins at nothing: its first checkpoint is believed.
    pub fn open(folder: &Path, signer: WitnessSigner, keys: &[VKey]) -> Result<Self, WitnessError> {
        Self::open_on(folder, signer, keys, Arc::new(RealDisk))
    }

    fn open_on(folder: &Path, signer: WitnessSigner, keys: &[VKey], disk: Arc<dyn Disk>) -> Result<Self, WitnessError> {
        let failed = |error| WitnessError::Folder(folder.to_owned(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let lock = File::open(folder).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => WitnessError::Locked(folder.to_owned()),
            TryLockError::Error(error) => failed(error),
        })?;
        let mut logs: BTreeMap<String, Watched> = BTreeMap::new();
        for key in keys {
            if let Some(known) = logs.get_mut(key.name()) {
                known.keys.push(key.clone());
                continue;
            }
            let stem = HEXLOWER.encode(&sha256(key.name().as_bytes()));
            let last = remembered(folder, &stem, key.name(), &signer).map_err(WitnessError::Refused)?;
            logs.insert(key.name().to_owned(), Watched { keys: vec![key.clone()], last: Mutex::new(last), stem });
        }
        if logs.is_empty() || keys.len() > LOGS_MAX {
            return Err(WitnessError::Logs);
        }
        Ok(Self { folder: folder.to_owned(), signer, logs, disk, _lock: lock })
    }

    /// The witness's key.
    pub fn signer(&self) -> &WitnessSigner {
        &self.signer
    }

    /// How far each log was seen.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        let size =
            |log: &Watched| log.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |c| c.size);
        self.logs.iter().map(move |(origin, log)| (origin.as_str(), size(log)))
    }

    /// Answers one request. Writes and syncs: call it where blocking is allowed.
    pub fn add_checkpoint(&self, bytes: &[u8], now: Time) -> Answer {
        let Some(request) = Request::parse(bytes) else { return Answer::Malformed };
        let Some(log) = self.logs.get(&request.checkpoint.origin) else { return Answer::Unknown };
        if !log.keys.iter().any(|key| request.note.verify(key).is_ok()) {
            return Answer::Untrusted;
        }
        if request.old > request.checkpoint.size {
            return Answer::Malformed;
        }
        // Nobody leaves the memory half changed: a poisoned lock is still good.
        let mut last = log.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = self.refusal(log, last.as_ref(), &request) {
            return answer;
        }
        let line = self.signer.cosign(&request.note.text, now);
        // Only the text and our own line are remembered: what others signed is not ours to vouch for.
        let memory = format!("{}\n{line}", request.note.text);
        if let Err(error) = self.write(&[(memory_of(&log.stem), memory)]) {
            tracing::error!(%error, origin = request.checkpoint.origin, "the witness cannot remember: nothing is cosigned");
            return Answer::Failed;
        }
        *last = Some(request.checkpoint);
        Answer::Cosigned(line)
    }

    /// Why a checkpoint that the log signed is not cosigned, if it is not.
    fn refusal(&self, log: &Watched, last: Option<&Checkpoint>, request: &Request) -> Option<Answer> {
        let shown = &request.checkpoint;
        let size = last.map_or(0, |last| last.size);
        let forked = last.is_some_and(|last| last.size == shown.size && last.root != shown.root);
        if forked {
            self.keep_evidence(log, request);
        }
        if forked || request.old != size {
            return Some(Answer::Conflict { size, forked });
        }
        let empty = sha256(b"");
        let root = last.map_or(&empty, |last| &last.root);
        if check_consistency((size, root), (shown.size, &shown.root), &request.proof).is_err() {
            tracing::warn!(
                origin = shown.origin,
                size,
                shown = shown.size,
                "a log does not continue what it showed before"
            );
            return Some(Answer::Inconsistent);
        }
        None
    }

    /// Two signed roots of one size prove a fork to anybody: the first such pair is kept.
    fn keep_evidence(&self, log: &Watched, request: &Request) {
        let origin = &request.checkpoint.origin;
        tracing::error!(
            origin,
            size = request.checkpoint.size,
            "a log signed two histories: both checkpoints are kept"
        );
        let (before, shown) = (format!("{}.fork-before", log.stem), format!("{}.fork-shown", log.stem));
        if self.folder.join(&shown).exists() {
            return;
        }
        let memory = load(&self.folder, &memory_of(&log.stem), NOTE_BYTES_MAX).ok();
        let memory = memory.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        if let Err(error) = self.write(&[(before, memory), (shown, request.signed.clone())]) {
            tracing::error!(%error, origin, "the proof of a fork could not be kept");
        }
    }

    fn write(&self, files: &[(String, String)]) -> io::Result<()> {
        let mut batch = Batch::new(self.disk.as_ref(), &self.folder, true);
        files.iter().try_for_each(|(name, text)| batch.write(name, text.as_bytes()))?;
        batch.finish()
    }
}

fn memory_of(stem: &str) -> String {
    format!("{stem}.cosigned")
}

/// What was cosigned last of a log; it bears this witness's own cosignature, or it is refused.
fn remembered(folder: &Path, stem: &str, origin: &str, signer: &WitnessSigner) -> Result<Option<Checkpoint>, Bad> {
    let name = memory_of(stem);
    if folder.join(&name).symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let bytes = load(folder, &name, NOTE_BYTES_MAX)?;
    let note = Note::parse(&bytes).map_err(|error| Bad::new(&name, error.to_string()))?;
    signer.key().verify(&note).map_err(|_| Bad::new(&name, "is not cosigned by this witness's key"))?;
    let checkpoint = request::head(&note.text).filter(|checkpoint| checkpoint.origin == origin);
    checkpoint.map(Some).ok_or_else(|| Bad::new(&name, "is not a checkpoint of this log"))
}
