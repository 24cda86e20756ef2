//! Verification of a whole journal, offline: the log's bytes and proofs, and what the entries say of each other.

use crate::{
    Kind, Outcome,
    compare::{Compared, KeptCheckpoint, compare, sizes},
    entry::header,
    log::{self, Archive, ArchiveWriter, Bad, Files, Passes, VKey, Verdict, WitnessKey},
    retention::{Begun, Start, newest},
    stamp::{self, Authority, JudgedStamp, KeptStamps},
};
use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    path::Path,
    time::Duration,
};
use types::{Event, Time, TraceId};

pub use crate::log::Verifying;

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// The log's own verdict; it fails too when an entry cannot be read or contradicts another.
    pub verdict: Verdict,
    /// Intents without outcome: none after a clean stop or a restart; some on a copy of a node at work.
    pub intents_open: usize,
    /// With a database: markers whose intent is in no entry, and intents said done that have no marker.
    pub database: Vec<String>,
    /// What became of the checkpoints kept elsewhere, smallest first.
    pub checkpoints: Vec<Compared>,
    /// What became of the time stamps kept beside the journal, day by day.
    pub stamps: Vec<JudgedStamp>,
    /// When the journal says that it was stamped.
    pub stamped: Vec<Time>,
    /// The trusted witnesses, and the trusted authority, that vouch for nothing here.
    pub silent: Vec<String>,
}

impl Report {
    /// Whether nothing bad was found.
    pub fn ok(&self) -> bool {
        let stamped = self.stamps.iter().all(|one| one.what.is_none());
        let compared = self.checkpoints.iter().all(|one| one.ok) && stamped && self.silent.is_empty();
        self.verdict.ok && self.database.is_empty() && compared
    }
}

/// What the log is held against, besides itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Against<'a> {
    /// The markers of the database.
    pub markers: Option<&'a Markers>,
    /// Checkpoints kept elsewhere.
    pub kept: &'a [KeptCheckpoint],
    /// Witnesses that are trusted: each must have cosigned one of those, and nothing false may stand in its name.
    pub witnesses: &'a [WitnessKey],
    /// Stamps kept beside the journal.
    pub stamps: Option<&'a KeptStamps>,
    /// The authority that is trusted to have made them: one at least must hold.
    pub authority: Option<&'a Authority>,
}

/// A clock set back between an act and its outcome makes its marker younger than both.
const MARKERS_LATE: Duration = Duration::from_secs(86_400);

/// Whether the act of a marker of this moment may have stood below the minimum: of what went nothing is left to be held
/// against, and its markers are no younger than it.
pub(crate) fn began_before(begun: &Begun, marked: Time) -> bool {
    marked <= newest(&begun.raised) + MARKERS_LATE
}

/// Markers as read from `effects`, by act.
pub type Markers = BTreeMap<TraceId, Marker>;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Whether the act was claimed as abandoned.
    pub abandoned: bool,
    /// When it was written.
    pub at: Time,
}

#[derive(Default)]
struct Acts {
    /// Outcome of each intent.
    intents: HashMap<TraceId, Option<Outcome>>,
    stamped: Vec<Time>,
    /// Where the entries begin.
    start: Start,
}

/// What an entry says of its act; made of one entry alone, by any thread.
struct Said {
    kind: Kind,
    trace: TraceId,
    outcome: Option<Outcome>,
    stamped: Option<Time>,
    time: Time,
    statement: Option<Vec<u8>>,
}

fn said(entry: &[u8]) -> Result<Said, String> {
    header(entry).map(|header| Said {
        kind: header.kind,
        trace: header.trace,
        outcome: header.outcome,
        stamped: (header.event == Event::JournalStamped).then_some(header.time),
        time: header.time,
        statement: header.statement,
    })
}

impl Acts {
    fn see(&mut self, index: u64, said: Said) -> Result<(), String> {
        let Said { kind, trace, outcome, stamped, time, statement } = said;
        self.start.see(index, time, statement.as_deref())?;
        self.stamped.extend(stamped);
        match kind {
            Kind::Intent => {
                let before = self.intents.insert(trace, None);
                if before.is_some() {
                    return Err("a second intent of the same act".to_owned());
                }
            }
            Kind::Outcome => match self.intents.get_mut(&trace) {
                None => return Err("an outcome of an act that was never begun".to_owned()),
                // Settling may write the same outcome twice (a stop between the two); it may not change its mind.
                Some(Some(before)) if Some(*before) != outcome => {
                    return Err("a second, different outcome of the same act".to_owned());
                }
                Some(slot) => *slot = outcome,
            },
            _ => {}
        }
        Ok(())
    }

    /// What the database's markers say against the entries.
    fn against(&self, markers: &Markers) -> Vec<String> {
        let mut found = Vec::new();
        let went = |marker: &Marker| self.start.begun().is_some_and(|begun| began_before(begun, marker.at));
        for (trace, marker) in markers {
            if !self.intents.contains_key(trace) && !went(marker) {
                found.push(format!("the database holds an effect of {trace}, which the journal never announced"));
            }
        }
        let in_order: BTreeMap<_, _> = self.intents.iter().collect();
        for (trace, outcome) in in_order {
            let done = matches!(outcome, Some(Outcome::Done | Outcome::Refused));
            let marker = markers.get(trace).map(|marker| marker.abandoned);
            if done && marker != Some(false) {
                found.push(format!("the journal says {trace} was done, the database has no marker of it"));
            }
            if matches!(outcome, Some(Outcome::Failed | Outcome::Abandoned)) && marker == Some(false) {
                found.push(format!("the journal says {trace} was not done, the database has a marker that it was"));
            }
        }
        found
    }
}

/// Verifies the log in `folder` (`journal/<origin>`), with the markers of the database when they are given.
pub fn verify(folder: &Path, pinned: Option<&VKey>, markers: Option<&Markers>) -> Report {
    let against = Against { markers, ..Against::default() };
    verify_with(folder, &Verifying { pinned, ..Verifying::default() }, &against)
}

/// [`verify()`], in several threads and against what others have kept.
pub fn verify_with(folder: &Path, how: &Verifying<'_>, against: &Against<'_>) -> Report {
    verify_files(folder, how, against)
}

/// The same of one log of an archive, which is read where it lies.
pub fn verify_archived(archive: &Archive, origin: &str, how: &Verifying<'_>, against: &Against<'_>) -> Option<Report> {
    Some(verify_files(&archive.log(origin)?, how, against))
}

/// What is kept beside one log: folder in the data folder (`witnessed/<origin>`, `stamped/<origin>`), name, bytes.
pub type Beside = Vec<(String, String, Vec<u8>)>;

/// Writes the logs in these folders (`journal/<origin>`), and what is kept beside them, into one archive. Gives how many entries
/// the checkpoints count, all together.
pub fn export<'a, W: Write>(
    logs: impl IntoIterator<Item = (&'a Path, &'a str, Beside)>,
    out: W,
) -> Result<(W, u64), Bad> {
    let mut writer = ArchiveWriter::new(out);
    let mut entries = 0;
    let unwritten = |error: std::io::Error| Bad::new(".", format!("the archive cannot be written ({error})"));
    for (folder, origin, kept) in logs {
        entries += log::export(folder, &format!("journal/{origin}"), &mut writer)?;
        for (beside, name, bytes) in kept {
            writer.write(&beside, &name, &bytes).map_err(unwritten)?;
        }
    }
    Ok((writer.finish().map_err(unwritten)?, entries))
}

fn verify_files<F: Files + ?Sized>(files: &F, how: &Verifying<'_>, against: &Against<'_>) -> Report {
    let mut acts = Acts::default();
    let mut sizes = sizes(against.kept);
    sizes.extend(how.sizes);
    let how = Verifying { sizes: &sizes, ..*how };
    let mut passes = Passes::default();
    let mut verdict = log::verify_with(files, &how, &said, &mut |index, said| {
        if passes.begins(index) {
            let begun = Begun::read(files).map_err(|bad| bad.to_string())?;
            acts = Acts { start: Start::of(begun), ..Acts::default() };
        }
        acts.see(index, said?)
    });
    if let (true, Err(bad)) = (verdict.ok, acts.start.end()) {
        verdict.ok = false;
        verdict.bad = Some(bad);
    }
    let intents_open = acts.intents.values().filter(|outcome| outcome.is_none()).count();
    let database = match against.markers {
        Some(markers) if verdict.ok => acts.against(markers),
        _ => Vec::new(),
    };
    let (checkpoints, mut silent) = compare(against.kept, against.witnesses, (&verdict, &acts.start));
    let stamps = against.stamps.map_or(Vec::new(), |kept| stamp::judge(kept, against.authority));
    if against.authority.is_some() && !stamps.iter().any(|one| one.vouched) {
        silent.push("no stamp that the trusted authority made stands beside this journal".to_owned());
    }
    Report { verdict, intents_open, database, checkpoints, stamps, stamped: acts.stamped, silent }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first: Option<&Bad> = self.verdict.bad.as_ref();
        match first {
            Some(bad) => write!(f, "{bad}"),
            None => write!(f, "{} entries", self.verdict.entries),
        }
    }
}

/// All markers of a database, by origin.
pub async fn read_markers(store: &store::Store) -> Result<BTreeMap<String, Markers>, store::StoreError> {
    let mut connection = store.read().await?;
    let rows: Vec<(Vec<u8>, String, String, i64)> =
        sqlx::query_as("SELECT trace_id, origin, state, at_micros FROM effects").fetch_all(&mut *connection).await?;
    let mut found: BTreeMap<String, Markers> = BTreeMap::new();
    for (trace, origin, state, at) in rows {
        let trace =
            TraceId::try_from(trace.as_slice()).map_err(|_| store::StoreError::Malformed("effects.trace_id"))?;
        found
            .entry(origin)
            .or_default()
            .insert(trace, Marker { abandoned: state == "abandoned", at: Time::from_micros(at) });
    }
    Ok(found)
}
