//! The cosigned checkpoints that a node keeps, beside its journal and not in it: `witnessed/<origin>/latest-<id>` and
//! `witnessed/<origin>/<yyyy-mm-dd>-<id>`, the first of each day (UTC); `<id>` is the witness's key's hash. Copied away,
//! they show what the journal was.

use crate::log::{
    Bad, Checkpoint, Keys, WitnessKey,
    disk::{Batch, RealDisk, load},
    note::{NOTE_BYTES_MAX, Note},
};
use data_encoding::HEXLOWER;
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};
use types::Time;

/// Days that are kept of one witness at most: ten years. The oldest goes first.
pub const DAYS_KEPT_MAX: usize = 3660;

/// What one node keeps of one witness.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: PathBuf,
    log: Keys,
    witness: WitnessKey,
}

impl Kept {
    /// Of a log, in the data folder's `witnessed/`.
    pub fn new(witnessed: &Path, log: Keys, witness: WitnessKey) -> Self {
        Self { folder: witnessed.join(log.current().name()), log, witness }
    }

    fn id(&self) -> String {
        HEXLOWER.encode(&self.witness.id())
    }

    /// The latest checkpoint that the witness cosigned, and when, in seconds since 1970. Nothing if there is none yet;
    /// an error if what stands there is not one.
    pub fn latest(&self) -> Result<Option<(Checkpoint, u64)>, Bad> {
        let name = format!("latest-{}", self.id());
        if self.folder.join(&name).symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let bytes = load(&self.folder, &name, NOTE_BYTES_MAX)?;
        self.open(&bytes).map(Some).ok_or_else(|| Bad::new(name, "is not a checkpoint that log and witness signed"))
    }

    /// Reads a cosigned checkpoint, if it is one of this log and this witness.
    pub fn open(&self, bytes: &[u8]) -> Option<(Checkpoint, u64)> {
        let note = Note::parse(bytes).ok()?;
        let checkpoint = self.log.head_of(&note).ok()?;
        Some((checkpoint, self.witness.verify(&note).ok()?))
    }

    /// What is kept of an answer to this signed checkpoint, and when it was cosigned; nothing if it is not.
    pub(super) fn cosigned(&self, signed: &str, lines: &str) -> Option<(String, u64)> {
        // Of what the witness says, only what its key is known for is kept.
        let prefix = format!("\u{2014} {} ", self.witness.name());
        let ours: String = lines.split_inclusive('\n').filter(|line| line.starts_with(&prefix)).collect();
        let cosigned = format!("{signed}{ours}");
        let (_, seconds) = self.open(cosigned.as_bytes())?;
        Some((cosigned, seconds))
    }

    /// Keeps a cosigned checkpoint as the latest, and as its day's if it is the first. True if it was the first.
    pub fn keep(&self, cosigned: &str, now: Time) -> io::Result<bool> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let day = day_of(now);
        let first = format!("{day}-{}", self.id());
        let is_first = !self.folder.join(&first).exists();
        let mut batch = Batch::new(&RealDisk, &self.folder, true);
        batch.write(&format!("latest-{}", self.id()), cosigned.as_bytes())?;
        if is_first {
            batch.write(&first, cosigned.as_bytes())?;
        }
        batch.finish()?;
        if is_first {
            self.forget()?;
        }
        Ok(is_first)
    }

    /// Removes the oldest days past the bound.
    fn forget(&self) -> io::Result<()> {
        let id = self.id();
        let mut days = Vec::new();
        for item in fs::read_dir(&self.folder)? {
            let name = item?.file_name();
            days.extend(name.to_str().filter(|name| is_day(name, &id)).map(str::to_owned));
        }
        days.sort_unstable();
        let past = days.len().saturating_sub(DAYS_KEPT_MAX);
        days.iter().take(past).try_for_each(|name| fs::remove_file(self.folder.join(name)))
    }
}

/// The day of a moment, UTC.
pub fn day_of(now: Time) -> String {
    let moment = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default();
    moment.strftime("%Y-%m-%d").to_string()
}

/// Whether a file's name is a day of the witness `id`.
fn is_day(name: &str, id: &str) -> bool {
    let day = name.strip_suffix(id).and_then(|rest| rest.strip_suffix('-'));
    day.is_some_and(|day| day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
}
