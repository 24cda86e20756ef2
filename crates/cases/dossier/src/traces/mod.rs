//! Searching raw traces: for trace controllers only, and traced before anything is shown.

mod export;
mod followed;
mod model;
mod wanted;
mod worker;

pub use export::{EXPORT_ROWS_MAX, ExportPiece, TraceExport};
pub use followed::{Behind, FollowedState, FollowedStates};
pub use journal::{Became, index::Cursor};
pub use model::{Day, Filter, Place, TraceCounts, TracePage, TraceRow, TracesError};

use identity::Authenticated;
use journal::{
    Journal, Refusal,
    index::{Index, IndexError},
};
use policy::{Authorized, Denied, Disclosure, ExportTraces, Facts, GiveSightings, Policies, SearchTraces};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use types::Event;
use wanted::Wanted;
use worker::Worker;

/// New entries that one search takes note of at most, in each journal; more than that is left to [`Traces::keep_index`].
const CATCH_UP_ENTRIES_MAX: u64 = 65_536;
/// How long the index may stay behind while nobody searches.
const KEEPING: Duration = Duration::from_secs(1);
/// How long a search waits for the one before it.
const TURN_MAX: Duration = Duration::from_secs(5);

/// Searches the journals of a node.
#[derive(Clone)]
pub struct Traces(Arc<Parts>);

struct Parts {
    index: Worker,
    journal: Journal,
    policies: Arc<Policies>,
    turn: Arc<Semaphore>,
    followed: Arc<FollowedStates>,
}

impl Traces {
    /// Over an index of the journals of this node.
    pub fn new(index: Index, journal: Journal, policies: Arc<Policies>) -> Self {
        let (index, turn) = (Worker::new(index), Arc::new(Semaphore::new(1)));
        let followed = Arc::default();
        Self(Arc::new(Parts { index, journal, policies, turn, followed }))
    }

    /// Where who follows other nodes' journals tells how they stand.
    pub fn followed(&self) -> Arc<FollowedStates> {
        Arc::clone(&self.0.followed)
    }

    /// Keeps the index at the end of the journals, for ever: a search then has little to wait for.
    pub async fn keep_index(self) {
        loop {
            let keep = |index: &mut Index| Ok(index.catch_up(CATCH_UP_ENTRIES_MAX)? && index.has_followed());
            let kept: Result<Result<bool, IndexError>, _> = self.0.index.with(keep).await;
            match kept {
                // Searches come in between.
                Ok(Ok(false)) => tokio::time::sleep(Duration::from_millis(1)).await,
                Ok(Ok(true)) => tokio::time::sleep(KEEPING).await,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the search index could not follow the journal");
                    tokio::time::sleep(10 * KEEPING).await;
                }
                Err(_) => tokio::time::sleep(10 * KEEPING).await,
            }
        }
    }

    /// Searches, newest first. That somebody searched, and for what, is durable before anything is read; a refusal is
    /// traced too. Only traces of his own establishment are shown, and those of no establishment (the node's own).
    pub async fn search(&self, who: &Authenticated, filter: Filter) -> Result<TracePage, TracesError> {
        let wanted = Wanted::new(who, filter)?;
        self.disclose(who, SearchTraces { query: wanted.in_words() }).await?;
        let here = self.clone();
        self.find(TURN_MAX, move |index| here.page(index, &wanted)).await
    }

    /// How many of the traces that a filter asks for there are, by day and type.
    pub async fn counts(&self, who: &Authenticated, filter: Filter) -> Result<TraceCounts, TracesError> {
        let wanted = Wanted::new(who, Filter { before: None, ..filter })?;
        self.disclose(who, SearchTraces { query: format!("counts: {}", wanted.in_words()) }).await?;
        let here = self.clone();
        self.find(TURN_MAX, move |index| here.counted(index, &wanted)).await
    }

    /// A page with the counts of all that its filter asks for: one search, one trace.
    pub async fn overview(&self, who: &Authenticated, filter: Filter) -> Result<(TracePage, TraceCounts), TracesError> {
        let wanted = Wanted::new(who, filter)?;
        self.disclose(who, SearchTraces { query: wanted.in_words() }).await?;
        let here = self.clone();
        self.find(TURN_MAX, move |index| Ok((here.page(index, &wanted)?, here.counted(index, &wanted)?))).await
    }

    /// The trace at a place of a journal.
    pub async fn one(&self, who: &Authenticated, origin: &str, index: u64) -> Result<TraceRow, TracesError> {
        // As the object of a filter its name is held to the same bound.
        let filter = Filter { object: Some(format!("{origin}/{index}")), ..Filter::default() };
        let (wanted, origin) = (Wanted::new(who, filter)?.all_of_his(), origin.to_owned());
        self.disclose(who, SearchTraces { query: format!("one: {origin}/{index}") }).await?;
        let found = self.find(TURN_MAX, move |held| Ok(held.one(&wanted.query, &origin, index)?)).await?;
        found.map(TraceRow::from).ok_or(TracesError::NotFound)
    }

    /// What a patient may be told: the newest traces of some types that name the proof's patient, `most` at most, and how far
    /// each journal was looked at. Written down by whoever holds the proof, before anybody is shown anything.
    pub async fn of_patient(
        &self,
        proof: &Authorized<GiveSightings>,
        filter: Filter,
        most: usize,
    ) -> Result<(TracePage, BTreeMap<String, u64>), TracesError> {
        let filter = Filter { patient: Some(proof.action().patient), ..filter };
        let place = proof.scope().establishment();
        let mut wanted = Wanted::of(place, filter)?;
        wanted.limit = most;
        let here = self.clone();
        self.find(TURN_MAX, move |index| Ok((here.page(index, &wanted)?, index.extents()))).await
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

    fn page(&self, index: &mut Index, wanted: &Wanted) -> Result<TracePage, TracesError> {
        let found = index.search(&wanted.query, wanted.before.as_ref(), wanted.limit)?;
        Ok(TracePage { behind: self.behind(index), ..found.into() })
    }

    fn counted(&self, index: &mut Index, wanted: &Wanted) -> Result<TraceCounts, TracesError> {
        let counts = index.counts(&wanted.query)?;
        Ok(TraceCounts { behind: self.behind(index), ..counts.into() })
    }

    /// Followed journals that this answer does not know to their end.
    fn behind(&self, index: &Index) -> Vec<Behind> {
        let held = index.followed();
        let whole = |origin: &str| held.get(origin).map(|one| one.fault.is_none() && one.indexed >= one.held);
        self.0.followed.behind(self.0.journal.now(), whole)
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
                Err(why.lacking().map_or(TracesError::NotFound, TracesError::Lacking))
            }
        }
    }

    /// One at a time: a search reads much, and those who may are few.
    async fn find<T: Send + 'static>(
        &self,
        patience: Duration,
        search: impl FnOnce(&mut Index) -> Result<T, TracesError> + Send + 'static,
    ) -> Result<T, TracesError> {
        let turn = tokio::time::timeout(patience, Arc::clone(&self.0.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| TracesError::Busy)?.map_err(|_| TracesError::Busy)?;
        let search = move |index: &mut Index| {
            let _turn = turn;
            // What was acknowledged before somebody searched is found: his own search, too.
            if !index.catch_up(CATCH_UP_ENTRIES_MAX)? {
                return Err(TracesError::preparing(index.progress()));
            }
            let found = search(index);
            if let Err(TracesError::Index(error @ IndexError::Malformed(_))) = &found {
                // Nothing false was shown; the journal, which is the truth, gives it again.
                tracing::warn!(%error, "the search index was altered; it is made again");
                index.discard()?;
                return Err(TracesError::preparing((0, 1)));
            }
            found
        };
        self.0.index.with(search).await?
    }
}
