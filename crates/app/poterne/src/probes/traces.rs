//! The trace of a refused page says when, what, who and from where (acces-web TR2).

use super::{Fault, Seen, at_each, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use journal::{Block, Trace, TraceReader};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use types::{Door, Event, PatientId, Time};
use vault::{MonthKeys, random};

/// Refused pages: a clock that counts in milliseconds would betray itself in one of them.
const PAGES: usize = 3;
/// A millisecond, in microseconds.
const MILLISECOND: i64 = 1000;
/// Entries looked at in one go.
const ENTRIES_MAX: u64 = 20_000;
/// Blocks of entries that are looked at before a moment.
const LAST_BLOCKS: usize = 4;
/// How long a trace is waited for; the page came after it was durable.
pub const LOOKS_MAX: u32 = 10;
/// Between two looks.
pub const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Where refusals are read.
pub trait Refusals: Send + Sync {
    /// Those that were traced since a moment.
    fn since(&self, from: Time) -> BoxFuture<'_, Result<Vec<Trace>, Fault>>;
}

/// Where traces are read.
pub trait Journaled: Send + Sync {
    /// Those of certain events between two moments.
    fn between(&self, from: Time, until: Time, wanted: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>>;
    /// Those among the last entries before a moment.
    fn last_before(&self, until: Time, wanted: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>>;
}

/// Which events.
pub type Wanted = fn(Event) -> bool;

/// The node's own journal, with the trace reader's keys.
pub struct JournalTraces(Arc<Mutex<TraceReader>>);

impl JournalTraces {
    /// Over a log's folder (`journal/<origin>`).
    pub fn new(folder: &std::path::Path, months: MonthKeys) -> Self {
        Self(Arc::new(Mutex::new(TraceReader::new(folder, Arc::new(months)))))
    }

    /// The traces of certain events since a moment.
    pub fn read(&self, from: Time, wanted: Wanted) -> BoxFuture<'static, Result<Vec<Trace>, Fault>> {
        self.read_blocks(wanted, move |blocks| blocks.retain(|block| block.latest >= from), move |time| time >= from)
    }

    /// The traces of certain events, in some of the blocks, of some moments.
    fn read_blocks(
        &self,
        wanted: Wanted,
        blocks: impl FnOnce(&mut Vec<Block>) + Send + 'static,
        moments: impl Fn(Time) -> bool + Send + 'static,
    ) -> BoxFuture<'static, Result<Vec<Trace>, Fault>> {
        let reader = self.0.clone();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                while !reader.catch_up(ENTRIES_MAX)? {}
                let mut chosen = reader.blocks().to_vec();
                blocks(&mut chosen);
                let mut traces = Vec::new();
                for block in chosen {
                    let wanted = |head: &journal::TraceHead| wanted(head.event) && moments(head.time);
                    traces.extend(reader.read(&block, &wanted)?.traces);
                }
                Ok::<_, journal::JournalError>(traces)
            });
            read.await.map_err(Fault::unreachable)?.map_err(Fault::unreachable)
        })
    }
}

impl Journaled for JournalTraces {
    fn between(&self, from: Time, until: Time, wanted: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        self.read_blocks(
            wanted,
            move |blocks| blocks.retain(|block| block.latest >= from && block.earliest <= until),
            move |time| time >= from && time <= until,
        )
    }

    fn last_before(&self, until: Time, wanted: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let last = move |blocks: &mut Vec<Block>| {
            blocks.retain(|block| block.earliest < until);
            blocks.drain(..blocks.len().saturating_sub(LAST_BLOCKS));
        };
        self.read_blocks(wanted, last, move |time| time < until)
    }
}

impl Refusals for JournalTraces {
    fn since(&self, from: Time) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        self.read(from, |event| event == Event::Refused)
    }
}

/// Is refused, then reads what was traced.
pub struct TracesProbe {
    info: &'static ProbeInfo,
    doors: Vec<Arc<Visits>>,
    refusals: Arc<dyn Refusals>,
}

impl TracesProbe {
    /// Over these doors, with their node's journal.
    pub fn new(info: &'static ProbeInfo, doors: Vec<Arc<Visits>>, refusals: Arc<dyn Refusals>) -> Self {
        Self { info, doors, refusals }
    }
}

impl Probe for TracesProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(at_each(self.doors.iter().map(|door| (door.door(), self.look(door)))))
    }
}

impl TracesProbe {
    async fn look(&self, door: &Visits) -> Seen {
        // At the portal the account is refused a record; elsewhere somebody without session is refused a page.
        let is_portal = door.door() == Door::Portal;
        let cookie = if is_portal { Some(door.visit().await?.cookie) } else { None };
        // A journal of milliseconds is told as such, not as one that forgets the first page.
        let began = Time::from_micros(door.now().micros() / MILLISECOND * MILLISECOND);
        for _ in 0..PAGES {
            let path = if is_portal {
                format!("/fr/records/{}", PatientId::from_bytes(random().map_err(Fault::unreachable)?))
            } else {
                "/fr/session".to_owned()
            };
            let page = door.browser.get(&path, cookie.as_deref()).await.map_err(Fault::unreachable)?;
            if page.status < 400 {
                return Err(Fault::unreachable(format!("a page meant to be refused answers {}", page.status)));
            }
        }
        let ended = door.now();
        let mut ours: Vec<Trace> = Vec::new();
        for _ in 0..LOOKS_MAX {
            ours = self.refusals.since(began).await?;
            let name = door.door().to_string();
            ours.retain(|trace| trace.door.as_deref() == Some(&name) && trace.time >= began && trace.time <= ended);
            if ours.len() >= PAGES {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        complete(&ours, is_portal, &door.browser.target().address.ip().to_string())
    }
}

fn complete(traces: &[Trace], is_portal: bool, address: &str) -> Seen {
    if traces.is_empty() {
        return Err(Fault::broken("a refused page leaves no trace"));
    }
    let author = if is_portal { "account:" } else { "system.door" };
    let Some(ours) = traces.iter().find(|trace| trace.author.starts_with(author)) else {
        return Err(Fault::broken("the trace does not say who was refused"));
    };
    if ours.address.as_deref() != Some(address) {
        return Err(Fault::broken("the trace does not say from where"));
    }
    if ours.event != Event::Refused {
        return Err(Fault::broken("the trace does not say what happened"));
    }
    if traces.len() > 1 && traces.iter().all(|trace| trace.time.micros() % MILLISECOND == 0) {
        return Err(Fault::broken("the trace's time is no finer than a millisecond"));
    }
    Ok("a refused page leaves its moment to the microsecond, its type, its author and its address".into())
}
