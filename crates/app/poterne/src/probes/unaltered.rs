//! The journal as it lies on the disk: whole, the continuation of what was seen before, and searched by nobody but those
//! who may (acces-web TR3).

use super::{Fault, browser::Form, verdict, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use journal::log::{self, VKey, proof, root_at, tree::leaf_hash};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use types::Door;

/// More entries than these are not read every ten minutes.
const ENTRIES_MAX: u64 = 10_000_000;
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
    seen: Mutex<(u64, Option<Root>)>,
}

impl Watched {
    /// Over a log's folder (`journal/<origin>`): its key and size are remembered from now on.
    pub fn new(folder: PathBuf) -> Self {
        let key = std::fs::read_to_string(folder.join("vkey")).map_err(|error| error.to_string());
        let key = key.and_then(|line| line.trim_end().parse().map_err(|_| "it is no verification key".to_owned()));
        let size = log::published(&folder).unwrap_or_default();
        let root = root_at(&folder, size).ok().flatten();
        Self { folder, key, seen: Mutex::new((size, root)) }
    }

    /// Verifies all of it, that it continues what was seen, and that an altered byte would be noticed. Gives its size.
    fn verify(&self) -> Result<u64, Fault> {
        let key = self.key.as_ref().map_err(|why| Fault::unreachable(format!("the journal's key: {why}")))?;
        let size = log::published(&self.folder).map_err(|error| Fault::broken(error.to_string()))?;
        if size > ENTRIES_MAX {
            return Err(Fault::Partly(format!("{size} entries are too many to be verified every ten minutes")));
        }
        let verdict = log::verify(&self.folder, Some(key), &mut |_, _| Ok(()));
        if let Some(bad) = verdict.bad {
            return Err(Fault::broken(format!("the journal does not verify: {bad}")));
        }
        let now = verdict.checkpoint.ok_or_else(|| Fault::broken("the journal has no checkpoint"))?;
        self.continues()?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = (now.size, Some(now.root));
        altered(&self.folder)?;
        Ok(now.size)
    }

    /// Whether the first entries, as many as were seen before, still have the root that they had.
    fn continues(&self) -> Result<(), Fault> {
        let (size, root) = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(root) = root else { return Ok(()) };
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
}

impl UnalteredProbe {
    /// Over a log, and the desk if this node has it.
    pub fn new(info: &'static ProbeInfo, journal: Arc<Watched>, desk: Option<Arc<Visits>>) -> Self {
        Self { info, journal, desk }
    }

    async fn look(&self) -> Result<String, Fault> {
        let journal = self.journal.clone();
        let verified = tokio::task::spawn_blocking(move || journal.verify()).await;
        let size = verified.map_err(Fault::unreachable)??;
        let Some(desk) = &self.desk else {
            return Err(Fault::Partly(format!("{size} entries verify; no desk here where traces are searched")));
        };
        separated(desk).await?;
        // Said until there is something to try.
        Err(Fault::Partly(format!(
            "{size} entries verify and continue those of before, an altered one does not pass, and a security officer \
             finds neither traces nor their retention; which types of events are recorded cannot be set yet"
        )))
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
    // What it asks for would wait for a second controller, and keep more.
    let asked = [("what", "retention"), ("family", "technical"), ("months", "1200"), ("reason", "sonde")];
    let page = desk.browser.submit(&form, &asked, Some(&cookie)).await.map_err(Fault::unreachable)?;
    if page.status < 400 {
        return Err(Fault::broken("somebody who is no trace controller may ask for another retention"));
    }
    Ok(())
}
