//! Verification of a whole journal, offline: the log's bytes and proofs, and what the entries say of each other.

use crate::{
    Kind, Outcome,
    entry::split,
    log::{self, Bad, VKey, Verdict},
};
use std::{collections::BTreeMap, path::Path};
use types::TraceId;

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// The log's own verdict; it fails too when an entry cannot be read or contradicts another.
    pub verdict: Verdict,
    /// Intents without outcome: none after a clean stop or a restart; some on a copy of a node at work.
    pub intents_open: usize,
    /// With a database: markers whose intent is in no entry, and intents said done that have no marker.
    pub database: Vec<String>,
}

impl Report {
    /// Whether nothing bad was found.
    pub fn ok(&self) -> bool {
        self.verdict.ok && self.database.is_empty()
    }
}

/// Markers as read from `effects`: the act and whether it was claimed as abandoned.
pub type Markers = BTreeMap<TraceId, bool>;

#[derive(Default)]
struct Acts {
    /// Outcome of each intent.
    intents: BTreeMap<TraceId, Option<Outcome>>,
}

impl Acts {
    fn see(&mut self, entry: &[u8]) -> Result<(), String> {
        let header = split(entry)?.header;
        match header.kind {
            Kind::Intent => {
                let before = self.intents.insert(header.trace, None);
                if before.is_some() {
                    return Err("a second intent of the same act".to_owned());
                }
            }
            Kind::Outcome => match self.intents.get_mut(&header.trace) {
                None => return Err("an outcome of an act that was never begun".to_owned()),
                // Settling may write the same outcome twice (a stop between the two); it may not change its mind.
                Some(Some(before)) if Some(*before) != header.outcome => {
                    return Err("a second, different outcome of the same act".to_owned());
                }
                Some(slot) => *slot = header.outcome,
            },
            _ => {}
        }
        Ok(())
    }

    /// What the database's markers say against the entries.
    fn against(&self, markers: &Markers) -> Vec<String> {
        let mut found = Vec::new();
        for trace in markers.keys() {
            if !self.intents.contains_key(trace) {
                found.push(format!("the database holds an effect of {trace}, which the journal never announced"));
            }
        }
        for (trace, outcome) in &self.intents {
            let done = matches!(outcome, Some(Outcome::Done | Outcome::Refused));
            let marker = markers.get(trace);
            if done && marker != Some(&false) {
                found.push(format!("the journal says {trace} was done, the database has no marker of it"));
            }
            if matches!(outcome, Some(Outcome::Failed | Outcome::Abandoned)) && marker == Some(&false) {
                found.push(format!("the journal says {trace} was not done, the database has a marker that it was"));
            }
        }
        found
    }
}

/// Verifies the log in `folder` (`journal/<origin>`), with the markers of the database when they are given.
pub fn verify(folder: &Path, pinned: Option<&VKey>, markers: Option<&Markers>) -> Report {
    let mut acts = Acts::default();
    let verdict = log::verify(folder, pinned, &mut |index, entry| {
        if index == 0 {
            acts = Acts::default();
        }
        acts.see(entry)
    });
    let intents_open = acts.intents.values().filter(|outcome| outcome.is_none()).count();
    let database = match markers {
        Some(markers) if verdict.ok => acts.against(markers),
        _ => Vec::new(),
    };
    Report { verdict, intents_open, database }
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
    let rows: Vec<(Vec<u8>, String, String)> =
        sqlx::query_as("SELECT trace_id, origin, state FROM effects").fetch_all(&mut *connection).await?;
    let mut found: BTreeMap<String, Markers> = BTreeMap::new();
    for (trace, origin, state) in rows {
        let trace =
            TraceId::try_from(trace.as_slice()).map_err(|_| store::StoreError::Malformed("effects.trace_id"))?;
        found.entry(origin).or_default().insert(trace, state == "abandoned");
    }
    Ok(found)
}
