//! Writing a journal from nothing but traces, for tests and benchmarks: sealed as the journal seals them, at the moments
//! that they tell.

use crate::{
    Journal, JournalError, Trace,
    entry::Body,
    log::Log,
    seal::{Act, SealContext},
};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use types::{Extras, Family};
use vault::MonthKeys;

static SLOWER_MICROS: AtomicU64 = AtomicU64::new(0);

/// From now on every sync of a journal's file lasts so much longer: to see how it does on a slower disk than the one here.
pub fn slower_disk(by: Duration) {
    SLOWER_MICROS.store(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Records this beyond the minimum without anybody's decision, as long as this process lives.
pub fn record(journal: &Journal, extras: Extras) {
    journal.0.keeper.set_extras(extras);
}

/// What is added to a sync.
pub fn wait_as_the_disk() {
    match SLOWER_MICROS.load(Ordering::Relaxed) {
        0 => {}
        micros => std::thread::sleep(Duration::from_micros(micros)),
    }
}

/// Entries that are made durable together.
const BATCH: usize = 256;

/// Writes traces, with one context for each family and month.
pub struct Writer<'a> {
    months: &'a MonthKeys,
    log: &'a Log,
    contexts: BTreeMap<Family, SealContext>,
    batch: Vec<Vec<u8>>,
}

impl<'a> Writer<'a> {
    /// Into a log, under the months' keys.
    pub fn new(months: &'a MonthKeys, log: &'a Log) -> Self {
        Self { months, log, contexts: BTreeMap::new(), batch: Vec::new() }
    }

    /// Writes a trace; where it stands in the log is for the log to say. It is durable after [`Writer::flush`].
    pub async fn write(&mut self, trace: &Trace) -> Result<(), JournalError> {
        let family = trace.event.family();
        let serving = self.contexts.get(&family).filter(|context| context.serves(trace.time));
        let entry = match serving {
            Some(context) => context.entry(&act(trace), &body(trace))?,
            None => {
                let (context, first) = SealContext::begin(self.months, family, trace.time, trace.clock)?;
                self.batch.push(first);
                let entry = context.entry(&act(trace), &body(trace))?;
                self.contexts.insert(family, context);
                entry
            }
        };
        self.batch.push(entry);
        if self.batch.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    /// Makes durable what was written.
    pub async fn flush(&mut self) -> Result<(), JournalError> {
        if !self.batch.is_empty() {
            self.log.append_all(std::mem::take(&mut self.batch)).await?;
        }
        Ok(())
    }
}

fn act(trace: &Trace) -> Act {
    let Trace { kind, event, trace, outcome, time, clock, .. } = *trace;
    Act { kind, event, trace, outcome, time, clock }
}

fn body(trace: &Trace) -> Body {
    let trace = trace.clone();
    Body {
        author: trace.author,
        role: trace.role,
        session: None,
        establishment: trace.establishment,
        door: trace.door,
        address: trace.address,
        port: trace.port,
        purpose: trace.purpose,
        patients: trace.patients,
        objects: trace.objects,
        target: trace.target,
        detail: trace.detail,
        count: trace.count,
    }
}
