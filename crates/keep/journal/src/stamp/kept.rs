//! The stamps that a node keeps, beside its journal and not in it: `stamped/<origin>/<yyyy-mm-dd>.checkpoint`, the signed note as it
//! was, and `<yyyy-mm-dd>.tsr`, the authority's whole answer; the day is that of the stamp, UTC. Both are what `openssl ts` reads.

use super::{Authority, CLOCKS_APART_MAX, RESPONSE_BYTES_MAX, Stamped, asn1::Token, check::covers};
use crate::{
    compare::KeptCheckpoint,
    log::{
        Bad, Checkpoint,
        disk::{Batch, RealDisk, UNFINISHED, load},
        note::NOTE_BYTES_MAX,
        publish::CHECKPOINT as PUBLISHED,
        read::load_vkey,
        tree::sha256,
    },
    witness::{DAYS_KEPT_MAX, day_of},
};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};
use types::Time;

const CHECKPOINT: &str = ".checkpoint";
const RESPONSE: &str = ".tsr";

/// The newest published checkpoint of the log in this folder, as its signed note, which is what is stamped.
pub fn newest(folder: &Path) -> Result<(Vec<u8>, Checkpoint), Bad> {
    let bytes = load(folder, PUBLISHED, NOTE_BYTES_MAX)?;
    let checkpoint = Checkpoint::open(&bytes, &load_vkey(folder)?);
    checkpoint.map(|checkpoint| (bytes, checkpoint)).map_err(|error| Bad::new(PUBLISHED, error.to_string()))
}

/// Where one log's stamps are kept.
#[derive(Debug, Clone)]
pub struct StampFiles(PathBuf);

impl StampFiles {
    /// Of a log, in the data folder's `stamped/`.
    pub fn new(stamped: &Path, origin: &str) -> Self {
        Self(stamped.join(origin))
    }

    /// Whether there is one of this day.
    pub fn has(&self, now: Time) -> bool {
        self.0.join(format!("{}{RESPONSE}", day_of(now))).exists()
    }

    /// Keeps a stamp with what it stamps, under its day. One that is there is not replaced. True if it was kept.
    pub fn keep(&self, stamped: &Stamped, note: &[u8], response: &[u8]) -> io::Result<bool> {
        let day = day(stamped);
        if self.0.join(format!("{day}{RESPONSE}")).exists() {
            return Ok(false);
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        // In two steps: what a crash leaves may be a checkpoint without its stamp, never a stamp of nothing.
        for (end, bytes) in [(CHECKPOINT, note), (RESPONSE, response)] {
            let mut batch = Batch::new(&RealDisk, &self.0, true);
            batch.write(&format!("{day}{end}"), bytes)?;
            batch.finish()?;
        }
        if let Some(above) = self.0.parent() {
            fs::File::open(above)?.sync_all()?;
        }
        self.forget()?;
        Ok(true)
    }

    /// Removes the oldest days past the bound.
    fn forget(&self) -> io::Result<()> {
        let mut names = Vec::new();
        for item in fs::read_dir(&self.0)? {
            let name = item?.file_name();
            names.extend(name.to_str().filter(|name| is_name(name)).map(str::to_owned));
        }
        names.sort_unstable();
        let past = names.len().saturating_sub(2 * DAYS_KEPT_MAX);
        names.iter().take(past).try_for_each(|name| fs::remove_file(self.0.join(name)))
    }
}

/// The day of a stamp, UTC.
fn day(stamped: &Stamped) -> String {
    day_of(Time::from_micros(i64::try_from(stamped.seconds).unwrap_or(0).saturating_mul(1_000_000)))
}

/// Whether a file beside the journal may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let day = name.strip_suffix(CHECKPOINT).or_else(|| name.strip_suffix(RESPONSE));
    let digit = |at: usize, byte: u8| if [4, 7].contains(&at) { byte == b'-' } else { byte.is_ascii_digit() };
    day.is_some_and(|day| day.len() == 10 && day.bytes().enumerate().all(|(at, byte)| digit(at, byte)))
}

/// The stamps kept of one log, as they were found; nothing of them is believed yet.
#[derive(Debug, Clone, Default)]
pub struct KeptStamps {
    folder: String,
    checkpoints: BTreeMap<String, Vec<u8>>,
    responses: BTreeMap<String, Vec<u8>>,
    strays: Vec<String>,
}

impl KeptStamps {
    /// Takes the files of a folder: names and bytes. `folder` is only shown.
    pub fn read(folder: impl Into<String>, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut found = Self { folder: folder.into(), ..Self::default() };
        for (name, bytes) in files {
            let day = name.get(..10).unwrap_or_default().to_owned();
            if name.ends_with(UNFINISHED) {
                continue;
            } else if !is_name(&name) {
                found.strays.push(name);
            } else if name.ends_with(CHECKPOINT) {
                found.checkpoints.insert(day, bytes);
            } else {
                found.responses.insert(day, bytes);
            }
        }
        found
    }

    /// The checkpoints among them, to be held against the log like any that was kept elsewhere.
    pub fn checkpoints(&self) -> impl Iterator<Item = KeptCheckpoint> {
        let file = |day: &String| format!("{}/{day}{CHECKPOINT}", self.folder);
        self.checkpoints.iter().map(move |(day, bytes)| KeptCheckpoint::read(file(day), bytes))
    }
}

/// What became of one kept stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedStamp {
    /// Where it was read.
    pub file: String,
    /// When it was stamped, in seconds since 1970, if it can be told.
    pub seconds: Option<u64>,
    /// Whether a trusted authority vouches for it; without one, only what it stamps was compared.
    pub vouched: bool,
    /// What is wrong, in plain words.
    pub what: Option<String>,
}

/// Judges every kept stamp: it stamps the checkpoint beside it, on its own day, and the trusted authority made it.
pub(crate) fn judge(kept: &KeptStamps, authority: Option<&Authority>) -> Vec<JudgedStamp> {
    let mut judged = Vec::new();
    for name in &kept.strays {
        let (file, what) = (format!("{}/{name}", kept.folder), "is no part of the stamps".to_owned());
        judged.push(JudgedStamp { file, seconds: None, vouched: false, what: Some(what) });
    }
    for (named, response) in &kept.responses {
        let result = judge_one(named, kept.checkpoints.get(named), response, authority);
        judged.push(JudgedStamp {
            file: format!("{}/{named}{RESPONSE}", kept.folder),
            seconds: result.as_ref().ok().map(|stamped| stamped.seconds),
            vouched: authority.is_some() && result.is_ok(),
            what: result.err(),
        });
    }
    judged
}

fn judge_one(
    named: &str,
    note: Option<&Vec<u8>>,
    response: &[u8],
    authority: Option<&Authority>,
) -> Result<Stamped, String> {
    let note = note.ok_or("the checkpoint that it stamps is missing")?;
    let stamped = match authority {
        Some(authority) => authority.check(note, response),
        None => Token::parse(response).and_then(|token| covers(&token, &sha256(note))),
    };
    let stamped = stamped.map_err(|error| error.to_string())?;
    let day = day(&stamped);
    if day == named { Ok(stamped) } else { Err(format!("it was stamped on {day}: another day's stamp stands here")) }
}

/// The moments at which the journal says that it was stamped, and for which no stamp is there. Those past what is kept are not asked
/// for.
pub fn missing(stamped: &[Time], kept: &KeptStamps) -> Vec<String> {
    let near = |at: u64, moment: u64| at.abs_diff(moment) <= 2 * CLOCKS_APART_MAX.as_secs();
    let there: Vec<u64> =
        kept.responses.values().filter_map(|bytes| Some(Token::parse(bytes).ok()?.info.seconds)).collect();
    let seconds = |time: &Time| u64::try_from(time.micros() / 1_000_000).unwrap_or(0);
    let asked = stamped.iter().skip(stamped.len().saturating_sub(DAYS_KEPT_MAX));
    let lost = asked.filter(|time| !there.iter().any(|at| near(*at, seconds(time))));
    lost.map(|time| format!("the journal was stamped on {}, and that stamp is not there", day_of(*time))).collect()
}

/// No stored checkpoint or answer is longer.
pub const STAMP_FILE_BYTES_MAX: u64 =
    if RESPONSE_BYTES_MAX > NOTE_BYTES_MAX { RESPONSE_BYTES_MAX } else { NOTE_BYTES_MAX };
