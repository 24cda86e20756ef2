//! The journal as it lies on the disk: whole, the continuation of what was seen before, searched and set by nobody but
//! those who may (acces-web TR3).

use super::{Fault, browser::Form, settings::Recording, verdict, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use journal::{
    log::{self, Passes, VKey, proof, root_at, tree::leaf_hash},
    retention::Deciding,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use types::{Door, Extras};

/// A longer journal is not read whole in each round, but once in so long; in the rounds between, its tree and its end are.
const WHOLE_ENTRIES_MAX: u64 = 1_000_000;
const WHOLE_EVERY: Duration = Duration::from_secs(86_400);
/// The log replaces what a proof is read from while it works.
const TRIES_MAX: u32 = 5;
/// What is left out for those who may not search traces.
const SEARCHES: [&str; 4] = ["/fr/traces", "/fr/traces?go=1", "/fr/traces/export?format=csv", RETENTION];
/// Where trace controllers say how long traces are kept.
const RETENTION: &str = "/fr/retention";

type Root = [u8; 32];

/// One log, the key that it had at first, and how far it had come.
pub struct Watched {
    folder: PathBuf,
    key: Result<VKey, String>,
    whole_max: u64,
    seen: Mutex<Seen>,
}

struct Seen {
    size: u64,
    root: Option<Root>,
    /// When all of it was last verified.
    whole: Option<Instant>,
}

impl Watched {
    /// Over a log's folder (`journal/<origin>`): its key and size are remembered from now on.
    pub fn new(folder: PathBuf) -> Self {
        Self::read_whole_up_to(WHOLE_ENTRIES_MAX, folder)
    }

    /// The same, of which each round reads all only up to so many entries.
    pub fn read_whole_up_to(whole_max: u64, folder: PathBuf) -> Self {
        let key = std::fs::read_to_string(folder.join("vkey")).map_err(|error| error.to_string());
        let key = key.and_then(|line| line.trim_end().parse().map_err(|_| "it is no verification key".to_owned()));
        let size = log::published(&folder).unwrap_or_default();
        let root = root_at(&folder, size).ok().flatten();
        Self { folder, key, whole_max, seen: Mutex::new(Seen { size, root, whole: None }) }
    }

    /// Verifies it, all of it if it is short or was not for a day, that it continues what was seen, and that an altered byte
    /// would be noticed. Says how much that is; and, of all of it, what its entries decide to be recorded.
    fn verify(&self) -> Result<(String, Option<Extras>), Fault> {
        let key = self.key.as_ref().map_err(|why| Fault::unreachable(format!("the journal's key: {why}")))?;
        let size = log::published(&self.folder).map_err(|error| Fault::broken(error.to_string()))?;
        let lately = self.seen().whole.is_some_and(|when| when.elapsed() < WHOLE_EVERY);
        if lately && size > self.whole_max {
            self.continues()?;
            altered(&self.folder)?;
            let told = format!("{size} entries, verified as a whole less than a day ago, verify in tree and end");
            return Ok((told, None));
        }
        let (mut deciding, mut passes) = (Deciding::default(), Passes::default());
        let verdict = log::verify(&self.folder, Some(key), &mut |index, entry| {
            if passes.begins(index) {
                deciding = Deciding::of(&self.folder).map_err(|bad| bad.to_string())?;
            }
            deciding.note(index, entry)
        });
        if let Some(bad) = verdict.bad.or_else(|| deciding.end().err()) {
            return Err(Fault::broken(format!("the journal does not verify: {bad}")));
        }
        let now = verdict.checkpoint.ok_or_else(|| Fault::broken("the journal has no checkpoint"))?;
        self.continues()?;
        *self.seen() = Seen { size: now.size, root: Some(now.root), whole: Some(Instant::now()) };
        altered(&self.folder)?;
        Ok((format!("{} entries verify", now.size), Some(deciding.book().extras())))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the first entries, as many as were seen before, still have the root that they had.
    fn continues(&self) -> Result<(), Fault> {
        let Seen { size, root: Some(root), .. } = *self.seen() else { return Ok(()) };
        let now = root_at(&self.folder, size).map_err(|bad| Fault::broken(bad.to_string()))?;
        if now != Some(root) {
            return Err(Fault::broken(format!("the first {size} entries are not those that were there before")));
        }
        Ok(())
    }
}

/// Whether an entry fits the checkpoint, and no longer does with one byte of it altered.
pub(super) fn altered(folder: &Path) -> Result<(), Fault> {
    let mut last = Fault::unreachable("the journal is empty");
    for _ in 0..TRIES_MAX {
        match try_altered(folder) {
            Err(fault @ Fault::Unreachable(_)) => last = fault,
            other => return other,
        }
    }
    Err(last)
}

fn try_altered(folder: &Path) -> Result<(), Fault> {
    let size = log::published(folder).map_err(Fault::unreachable)?;
    let index = size.saturating_sub(1);
    let root = root_at(folder, size).map_err(Fault::unreachable)?;
    let path = proof::inclusion(&mut proof::TileHashes::new(folder, size), index, size).map_err(Fault::unreachable)?;
    let entry = log::read_entries(folder, index..size).map_err(Fault::unreachable)?.next();
    let (Some(root), Some(path), Some(entry)) = (root, path, entry) else {
        return Err(Fault::unreachable("the journal moved while it was read"));
    };
    let (_, mut entry) = entry.map_err(Fault::unreachable)?;
    let fits = |entry: &[u8]| proof::check_inclusion(index, &leaf_hash(entry), size, &root, &path).is_ok();
    if !fits(&entry) {
        return Err(Fault::broken(format!("entry {index} is not under the checkpoint")));
    }
    let middle = entry.len() / 2;
    if let Some(byte) = entry.get_mut(middle) {
        *byte ^= 1;
    }
    if fits(&entry) {
        return Err(Fault::broken("an altered entry passes for what it was"));
    }
    Ok(())
}

/// Verifies the node's own journal, and asks for a search of traces as somebody who may not.
pub struct UnalteredProbe {
    info: &'static ProbeInfo,
    journal: Arc<Watched>,
    desk: Option<Arc<Visits>>,
    recording: Recording,
}

impl UnalteredProbe {
    /// Over a log, the desk if this node has it, and what is recorded there.
    pub fn new(
        info: &'static ProbeInfo,
        journal: Arc<Watched>,
        desk: Option<Arc<Visits>>,
        recording: Recording,
    ) -> Self {
        Self { info, journal, desk, recording }
    }

    async fn look(&self) -> Result<String, Fault> {
        let (journal, before) = (self.journal.clone(), self.recording.in_force().await?);
        let verified = tokio::task::spawn_blocking(move || journal.verify()).await;
        let (verified, decided) = verified.map_err(Fault::unreachable)??;
        let Some(desk) = &self.desk else {
            return Err(Fault::Partly(format!("{verified}; no desk here where traces are searched")));
        };
        let proven = decided.map(|decided| (before, decided));
        let more = self.recording.around(desk, proven, separated(desk)).await?;
        Ok(format!(
            "{verified} and continue those of before, an altered one does not pass; a security officer finds neither traces \
             nor their settings; recorded beyond the minimum, as was decided: {more}"
        ))
    }
}

impl Probe for UnalteredProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async { verdict(vec![(Door::Desk, self.look().await)]) })
    }
}

/// For somebody of another role, the search of traces and their retention are like an address that leads nowhere.
async fn separated(desk: &Visits) -> Result<(), Fault> {
    let cookie = desk.visit().await?.cookie;
    if !desk.opens(Some(&cookie)).await? {
        return Err(Fault::unreachable("the reserved account's own session opens nothing"));
    }
    let ask = async |path| desk.browser.get(path, Some(&cookie)).await.map_err(Fault::unreachable);
    let nowhere = ask("/fr/nowhere").await?;
    for path in SEARCHES {
        let page = ask(path).await?;
        if page.status < 400 {
            return Err(Fault::broken("somebody who is no trace controller is given a search of traces"));
        }
        if page.status != nowhere.status || page.constant() != nowhere.constant() {
            return Err(Fault::broken("the search of traces is refused otherwise than what does not exist"));
        }
    }
    let form = ask("/fr/session").await?.form("csrf");
    let form = form.ok_or_else(|| Fault::unreachable("no page offers a form"))?;
    let form = Form { action: RETENTION.into(), ..form };
    // What they ask for would wait for a second controller, and keep or record more.
    let longer = [("what", "retention"), ("family", "technical"), ("months", "1200"), ("reason", "sonde")];
    let more = [("what", "extra"), ("extra", "port"), ("recorded", "true"), ("reason", "sonde")];
    for (asked, what) in [(longer, "another retention"), (more, "more to be recorded")] {
        let page = desk.browser.submit(&form, &asked, Some(&cookie)).await.map_err(Fault::unreachable)?;
        if page.status < 400 {
            return Err(Fault::broken(format!("somebody who is no trace controller may ask for {what}")));
        }
    }
    Ok(())
}
