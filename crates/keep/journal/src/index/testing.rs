//! A journal to index, for the tests: a real log, real keys, entries sealed as the journal seals them.
#![allow(clippy::unwrap_used)]

use super::{Index, Limits};
use crate::{
    Kind, Outcome, Trace,
    entry::{Body, Header},
    log::{Log, LogConfig, Signer},
    reader::trace_of,
    testing::Writer,
};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;
use types::{ClockState, Event, Time, TraceId};
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

impl Told {
    fn as_trace(&self) -> Trace {
        let Told { kind, event, trace, outcome, time, body } = self.clone();
        let clock = ClockState::Unknown;
        let header = Header {
            kind,
            event,
            time,
            clock,
            trace,
            outcome,
            seal_key: [0; 8],
            number: 0,
            salt: [0; 16],
            statement: None,
        };
        trace_of(0, header, body)
    }
}

/// Writes entries as the journal does.
pub(crate) async fn write(world: &World, log: &Log, all: &[Told]) {
    let mut writer = Writer::new(&world.months, log);
    for told in all {
        writer.write(&told.as_trace()).await.unwrap();
    }
    writer.flush().await.unwrap();
}
