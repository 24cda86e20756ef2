//! Searching raw traces: for trace controllers only, and traced before anything is shown.

mod export;
mod finder;
mod model;
mod scan;
mod wanted;

pub use export::{EXPORT_ROWS_MAX, ExportPiece, TraceExport};
pub use model::{Became, Cursor, Day, Filter, Place, TraceCounts, TracePage, TraceRow, TracesError};

use finder::Finder;
use identity::Authenticated;
use journal::{Journal, JournalError, Refusal};
use policy::{Denied, Disclosure, ExportTraces, Facts, Policies, SearchTraces};
use scan::BlockScan;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use types::Event;
use vault::MonthKeys;
use wanted::Wanted;

/// Entries that one search reads at most.
const SCAN_ENTRIES_MAX: u64 = 65_536;
/// How long a search waits for the one before it.
const TURN_MAX: Duration = Duration::from_secs(5);

/// Searches the journals of a node.
#[derive(Clone)]
pub struct Traces(Arc<Parts>);

struct Parts {
    finder: Arc<dyn Finder>,
    journal: Journal,
    policies: Arc<Policies>,
    turn: Arc<Semaphore>,
}

impl Traces {
    /// Over the folder `journal/`, which holds one journal for each origin, with the months' keys.
    pub fn new(folder: PathBuf, months: MonthKeys, journal: Journal, policies: Arc<Policies>) -> Self {
        Self::bounded(folder, months, journal, policies, SCAN_ENTRIES_MAX)
    }

    pub(crate) fn bounded(
        folder: PathBuf,
        months: MonthKeys,
        journal: Journal,
        policies: Arc<Policies>,
        scan_entries_max: u64,
    ) -> Self {
        let finder = Arc::new(BlockScan::new(folder, months, scan_entries_max));
        Self(Arc::new(Parts { finder, journal, policies, turn: Arc::new(Semaphore::new(1)) }))
    }

    /// Searches, newest first. That somebody searched, and for what, is durable before anything is read; a refusal is
    /// traced too. Only traces of his own establishment are shown, and those of no establishment (the node's own).
    pub async fn search(&self, who: &Authenticated, filter: Filter) -> Result<TracePage, TracesError> {
        let wanted = Wanted::new(who, filter)?;
        self.disclose(who, SearchTraces { query: wanted.in_words() }).await?;
        self.find(TURN_MAX, move |finder| finder.search(&wanted)).await
    }

    /// How many of the traces that a filter asks for there are, by day and type.
    pub async fn counts(&self, who: &Authenticated, filter: Filter) -> Result<TraceCounts, TracesError> {
        let wanted = Wanted::new(who, Filter { before: None, ..filter })?;
        self.disclose(who, SearchTraces { query: format!("counts: {}", wanted.in_words()) }).await?;
        self.find(TURN_MAX, move |finder| finder.counts(&wanted)).await
    }

    /// A page with the counts of all that its filter asks for: one search, one trace.
    pub async fn overview(&self, who: &Authenticated, filter: Filter) -> Result<(TracePage, TraceCounts), TracesError> {
        let wanted = Wanted::new(who, filter)?;
        self.disclose(who, SearchTraces { query: wanted.in_words() }).await?;
        self.find(TURN_MAX, move |finder| Ok((finder.search(&wanted)?, finder.counts(&wanted)?))).await
    }

    /// The trace at a place of a journal.
    pub async fn one(&self, who: &Authenticated, origin: &str, index: u64) -> Result<TraceRow, TracesError> {
        // As the object of a filter its name is held to the same bound.
        let filter = Filter { object: Some(format!("{origin}/{index}")), ..Filter::default() };
        let (wanted, origin) = (Wanted::new(who, filter)?, origin.to_owned());
        self.disclose(who, SearchTraces { query: format!("one: {origin}/{index}") }).await?;
        let found = self.find(TURN_MAX, move |finder| finder.one(&wanted, &origin, index)).await?;
        found.ok_or(TracesError::NotFound)
    }

    /// All that a filter asks for, to be taken away: written down, by this call, before the first of it leaves.
    pub async fn export(&self, who: &Authenticated, filter: Filter) -> Result<TraceExport, TracesError> {
        self.export_bounded(who, filter, EXPORT_ROWS_MAX).await
    }

    pub(crate) async fn export_bounded(
        &self,
        who: &Authenticated,
        filter: Filter,
        rows_max: usize,
    ) -> Result<TraceExport, TracesError> {
        let wanted = Wanted::new(who, Filter { before: None, ..filter })?;
        self.disclose(who, ExportTraces { query: wanted.in_words() }).await?;
        Ok(TraceExport::new(self.clone(), wanted, rows_max))
    }

    /// Decides, and writes down who asks for what before anything is read.
    async fn disclose(&self, who: &Authenticated, action: impl Disclosure) -> Result<(), TracesError> {
        let parts = &*self.0;
        match parts.policies.decide(who, action, &Facts::default(), parts.journal.now()) {
            Ok(authorized) => {
                parts.journal.disclose(authorized).await?;
                Ok(())
            }
            Err(Denied::Fault) => Err(TracesError::Fault),
            Err(why) => {
                let refusal = Refusal { target: "traces".into(), reason: why.to_string() };
                parts.journal.refuse(who, Event::Refused, &refusal).await?;
                Err(TracesError::NotFound)
            }
        }
    }

    /// One at a time: a search reads much, and those who may are few.
    async fn find<T: Send + 'static>(
        &self,
        patience: Duration,
        search: impl FnOnce(&dyn Finder) -> Result<T, TracesError> + Send + 'static,
    ) -> Result<T, TracesError> {
        let turn = tokio::time::timeout(patience, Arc::clone(&self.0.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| TracesError::Busy)?.map_err(|_| TracesError::Busy)?;
        let finder = Arc::clone(&self.0.finder);
        let search = move || {
            let _turn = turn;
            search(&*finder)
        };
        tokio::task::spawn_blocking(search).await.map_err(|_| JournalError::Fault)?
    }
}
