//! A journal to index, for the tests: a real log, real keys, entries sealed as the journal seals them.
#![allow(clippy::unwrap_used)]

use super::{Index, Limits};
use crate::{
    Kind, Outcome,
    entry::Body,
    log::{Log, LogConfig, Signer},
    seal::{Act, SealContext},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use tempfile::TempDir;
use types::{ClockState, Event, Family, Time, TraceId};
use vault::{Holder, Keys, MasterKey, MonthKeys};

pub(crate) struct World {
    pub folder: TempDir,
    pub master: MasterKey,
    pub months: Arc<MonthKeys>,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let months = Arc::new(MonthKeys::new(&folder.path().join("months"), &master).unwrap());
        Self { folder, master, months }
    }

    pub fn keys(&self) -> Keys {
        self.master.keys_for(Holder::TraceReader)
    }

    pub fn journals(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    pub fn log(&self, origin: &str) -> Log {
        let signer = Signer::from_seed(origin, &[9; 32]).unwrap();
        let config = LogConfig::new(self.journals().join(origin), signer);
        Log::open(config, Time::from_micros(0)).unwrap().log
    }

    pub fn index(&self, limits: Limits) -> Index {
        let folder = self.folder.path().join("index");
        let mut index = Index::new(&folder, &self.journals(), Arc::clone(&self.months), &self.master).unwrap();
        index.tools.limits = limits;
        index
    }
}

/// An entry to be written.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub kind: Kind,
    pub event: Event,
    pub trace: TraceId,
    pub outcome: Option<Outcome>,
    pub time: Time,
    pub body: Body,
}

/// Writes entries as the journal does, with one context for each family and month.
pub(crate) async fn write(world: &World, log: &Log, all: &[Told]) {
    let mut contexts: BTreeMap<Family, SealContext> = BTreeMap::new();
    for told in all {
        let family = told.event.family();
        if contexts.get(&family).is_none_or(|context| !context.serves(told.time)) {
            let clock = ClockState::Unknown;
            let (fresh, first) = SealContext::begin(&world.months, family, told.time, clock).unwrap();
            log.append(first).await.unwrap();
            contexts.insert(family, fresh);
        }
        let context = contexts.get(&family).unwrap();
        let Told { kind, event, trace, outcome, time, .. } = *told;
        let act = Act { kind, event, trace, outcome, time, clock: ClockState::Unknown };
        log.append(context.entry(&act, &told.body).unwrap()).await.unwrap();
    }
}
