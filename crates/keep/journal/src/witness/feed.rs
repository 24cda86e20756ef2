//! The node's side: what is sent to a witness, and what its answer means. Without I/O but for the node's own files.

use super::{Kept, kept::day_of, request};
use crate::log::{
    Bad, Checkpoint, Keys, VKey, WitnessKey,
    disk::load,
    note::NOTE_BYTES_MAX,
    proof::{TileHashes, consistency},
    publish::CHECKPOINT,
};
use std::{
    io,
    path::{Path, PathBuf},
};
use types::Time;

/// How often the checkpoint is read again when its partial tiles go meanwhile.
const ATTEMPTS_MAX: u32 = 8;

/// Why there is nothing to send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The log's folder does not give what is needed.
    #[error("the journal cannot be read: {0}")]
    Log(Bad),
    /// What is kept of the witness is not a cosigned checkpoint.
    #[error("what is kept of the witness is refused ({0}): move it away once it is understood")]
    Kept(Bad),
    /// A fault of ours.
    #[error("an internal fault")]
    Fault,
}

/// A request, and what its answer is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The request's body.
    pub body: String,
    /// The size that the witness is believed to remember.
    pub old: u64,
    /// What it is asked to cosign.
    pub checkpoint: Checkpoint,
    signed: String,
}

/// A witness's answer, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 200, with its body.
    Cosigned(String),
    /// 409, with the size that it remembers.
    Conflict(u64),
    /// 422.
    Inconsistent,
    /// Anything else; said in a few words.
    Refused(String),
}

/// What an answer means for the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The checkpoint is cosigned and kept.
    Witnessed {
        /// How many entries are under it.
        size: u64,
        /// It is the first of its day.
        first_of_day: bool,
    },
    /// To be sent again, from this size.
    Again(u64),
    /// The witness remembers something that this log does not continue: a rollback or a fork. Said in words.
    Forked(String),
    /// The witness, or its answer, is not as it must be. Said in words.
    Refused(String),
}

/// What joins one log to one witness.
#[derive(Debug, Clone)]
pub struct Feed {
    folder: PathBuf,
    log: VKey,
    witness: WitnessKey,
    kept: Kept,
}

impl Feed {
    /// Joins the log in `folder` (`journal/<origin>`) to a witness; what it cosigns is kept under `witnessed`.
    pub fn new(folder: &Path, witnessed: &Path, witness: WitnessKey) -> Result<Self, FeedError> {
        let keys = Keys::load(folder).map_err(FeedError::Log)?;
        let log = keys.current().clone();
        let kept = Kept::new(witnessed, keys, witness.clone());
        Ok(Self { folder: folder.to_owned(), log, witness, kept })
    }

    /// The witness.
    pub fn witness(&self) -> &WitnessKey {
        &self.witness
    }

    /// What is kept of it.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The next request, for the present checkpoint, from the size that was kept last. Nothing if it is cosigned
    /// already. Reads files.
    pub fn next(&self) -> Result<Option<Submission>, FeedError> {
        let last = self.kept.latest().map_err(FeedError::Kept)?.map(|(last, _)| last);
        let submission = self.from(last.as_ref().map_or(0, |last| last.size))?;
        Ok((Some(&submission.checkpoint) != last.as_ref()).then_some(submission))
    }

    /// The request for the present checkpoint, from a given size. When that is more than the log has, the witness is
    /// asked all the same, from what the log has: it is the witness's memory that counts.
    pub fn from(&self, old: u64) -> Result<Submission, FeedError> {
        let mut attempt = 1;
        loop {
            match self.try_from_size(old) {
                Ok(submission) => return Ok(submission),
                // The publisher may just have replaced a partial tile.
                Err(bad) if attempt >= ATTEMPTS_MAX => return Err(FeedError::Log(bad)),
                Err(_) => std::thread::yield_now(),
            }
            attempt += 1;
        }
    }

    fn try_from_size(&self, old: u64) -> Result<Submission, Bad> {
        let bytes = load(&self.folder, CHECKPOINT, NOTE_BYTES_MAX)?;
        let bad = |what: String| Bad::new(CHECKPOINT, what);
        let checkpoint = Checkpoint::open(&bytes, &self.log).map_err(|error| bad(error.to_string()))?;
        let signed = String::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
        let old = old.min(checkpoint.size);
        let proof = consistency(&mut TileHashes::new(&self.folder, checkpoint.size), old, checkpoint.size)?;
        let body = request::write(old, &proof.unwrap_or_default(), &signed);
        Ok(Submission { body, old, checkpoint, signed })
    }

    /// What an answer means; a cosignature is verified, then kept. Writes files.
    pub fn settle(&self, sent: &Submission, reply: Reply, now: Time) -> io::Result<Next> {
        let size = sent.checkpoint.size;
        Ok(match reply {
            Reply::Cosigned(lines) => return self.take(sent, &lines, now),
            Reply::Conflict(theirs) if theirs > size => Next::Forked(format!(
                "the witness remembers {theirs} entries of this journal, which has {size}: an older copy was put back"
            )),
            Reply::Conflict(theirs) if theirs == sent.old => Next::Forked(format!(
                "the witness remembers another journal of {theirs} entries: this one was written anew"
            )),
            Reply::Conflict(theirs) => Next::Again(theirs),
            Reply::Inconsistent => Next::Forked(format!(
                "this journal of {size} entries does not continue the {} that the witness remembers: it was written anew",
                sent.old
            )),
            Reply::Refused(why) => Next::Refused(why),
        })
    }

    /// Keeps the witness's own lines of an answer, if they are true.
    fn take(&self, sent: &Submission, lines: &str, now: Time) -> io::Result<Next> {
        let Some((cosigned, seconds)) = self.kept.cosigned(&sent.signed, lines) else {
            return Ok(Next::Refused("the witness's answer is not cosigned by its key".to_owned()));
        };
        let day =
            |seconds: u64| day_of(Time::from_micros(i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000)));
        if day(seconds) != day_of(now) {
            tracing::warn!(witness = self.witness.name(), "the witness's clock shows another day than this node's");
        }
        let first_of_day = self.kept.keep(&cosigned, now)?;
        Ok(Next::Witnessed { size: sent.checkpoint.size, first_of_day })
    }
}
