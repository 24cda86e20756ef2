//! What lies before the longest retention's term goes: stated in the journal first, then removed, then said to be gone.

use super::{
    Book, KeptBy, Prospect, Statement,
    purge::{BASIS, Keeper, Ledgers},
    raise::Straddle,
};
use crate::{
    Journal, JournalError,
    log::{Files as _, Minimum, root_at},
};
use std::{path::Path, sync::atomic::Ordering, time::Duration};
use types::{Event, Time};

/// How long a statement may wait for its checkpoint in one turn: the next turn goes on.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(15);
/// What a statement may take of its entry.
const STATEMENT_BYTES_MAX: usize = 48 * 1024;

impl Ledgers {
    pub(super) fn others_that_decide(&self) -> Vec<&Book> {
        self.others.values().map(|other| &other.book).filter(|book| book.decides()).collect()
    }

    pub(super) fn prospect(&self, folder: &Path, now: Time) -> Result<Prospect, JournalError> {
        let segments = folder.segments().map_err(|bad| JournalError::Log(bad.into()))?;
        let first = segments.first().copied().unwrap_or_default();
        Ok(self.own.prospect(&self.others_that_decide(), first, now))
    }
}

impl Journal {
    /// Raises the minimum as far as it may go, and removes what lies below it; says where the journal begins then, if that
    /// changed. The journal is verified first, whole: of one that was altered nothing goes.
    pub async fn raise_due(&self) -> Result<Option<u64>, JournalError> {
        let ledgers = self.caught_up_with_others().await?;
        let (now, folder) = (self.now(), self.0.keeper.folder.join(&self.0.origin));
        let prospect = ledgers.prospect(&folder, now)?;
        if unfinished(&ledgers.own.book, &folder)? {
            // Announced, and a stop came before its end; or what went was put back.
            if !self.may_finish(&ledgers)? {
                return Ok(None);
            }
            let proven = self.proven().await?;
            return self.finish_raise(&proven).await;
        }
        let tried = self.0.keeper.raise_tried.load(Ordering::SeqCst);
        if prospect.next <= prospect.present || prospect.next == tried {
            return Ok(None);
        }
        if self.0.keeper.clock_moved(now) {
            tracing::error!(
                minimum = prospect.next,
                "the clock moved against the machine's own count: the journal keeps its first entries until the node is started again"
            );
            return Ok(None);
        }
        let (proven, straddle) = self.proven_across(prospect.next).await?;
        let next = straddle.clear(proven.prospect(&folder, now)?.next);
        if next <= prospect.present {
            // The same entries are not verified again each hour for the same acts.
            self.0.keeper.raise_tried.store(prospect.next, Ordering::SeqCst);
            return Ok(None);
        }
        let root = root_at(&folder, next).map_err(|bad| JournalError::Log(bad.into()))?.ok_or(JournalError::Fault)?;
        let raised = proven.own.raising((next, root), &proven.others_that_decide(), BASIS, now);
        let statement = Statement::Raised(Box::new(raised.ok_or(JournalError::Fault)?));
        if statement.encode().len() > STATEMENT_BYTES_MAX {
            tracing::error!(minimum = next, "what is in force is too long for one statement: the minimum stays");
            self.0.keeper.raise_tried.store(prospect.next, Ordering::SeqCst);
            return Ok(None);
        }
        if let Err(why) = proven.own.book.would_take(&statement, now) {
            tracing::error!(minimum = next, %why, "the journal would not take the statement: the minimum stays");
            self.0.keeper.raise_tried.store(prospect.next, Ordering::SeqCst);
            return Ok(None);
        }
        self.state_as_node(Event::MinimumRaised, &statement).await?;
        // Read back and verified: what goes is what the journal says, not what was meant. Nobody decides anything meanwhile.
        let proven = self.proven().await?;
        let raised = self.finish_raise(&proven).await;
        if matches!(raised, Ok(None)) {
            // It counts for nothing, or waits: the same is not stated again each hour.
            tracing::error!(minimum = next, "a raised minimum was stated and is not in force yet");
            self.0.keeper.raise_tried.store(prospect.next, Ordering::SeqCst);
        }
        drop(ledgers);
        raised
    }

    /// Whether what was stated may be done now: until the first file goes, whatever was decided since keeps it.
    fn may_finish(&self, ledgers: &Ledgers) -> Result<bool, JournalError> {
        let (now, folder) = (self.now(), self.0.keeper.folder.join(&self.0.origin));
        let minimum = ledgers.own.book.minimum();
        if begins_at(&folder)? >= minimum {
            return Ok(true);
        }
        let kept = self.0.keeper.clock_moved(now) || ledgers.prospect(&folder, now)?.next < minimum;
        if kept {
            tracing::warn!(
                minimum,
                "the journal's minimum was stated; a hold, a retention or the clock keeps its entries"
            );
        }
        Ok(!kept)
    }

    /// What a stop left of a raised minimum, and files that came back: asked for at the start.
    pub(super) async fn finish_raises(&self) -> Result<(), JournalError> {
        let folder = self.0.keeper.folder.join(&self.0.origin);
        let is_unfinished = unfinished(&self.caught_up().await?.own.book, &folder)?;
        if is_unfinished {
            let proven = self.proven().await?;
            self.finish_raise(&proven).await?;
        }
        let journal = self.clone();
        let swept = tokio::task::spawn_blocking(move || journal.0.log.sweep_below()).await;
        let files = swept.map_err(|_| JournalError::Fault)??;
        if files > 0 {
            tracing::warn!(files, "entries before the journal's minimum were there again: removed again");
        }
        Ok(())
    }

    async fn finish_raise(&self, proven: &Ledgers) -> Result<Option<u64>, JournalError> {
        let folder = self.0.keeper.folder.join(&self.0.origin);
        if !unfinished(&proven.own.book, &folder)? || !self.may_finish(proven)? {
            return Ok(None);
        }
        let Some(raised) = proven.own.book.raised() else { return Ok(None) };
        let minimum = Minimum { size: raised.minimum, root: raised.root, stated_at: proven.own.raised_at() };
        let size = minimum.size;
        let mut published = self.0.log.checkpoint();
        let reached = published.wait_for(|checkpoint| checkpoint.size > minimum.stated_at);
        if !matches!(tokio::time::timeout(CHECKPOINT_WAIT, reached).await, Ok(Ok(_))) {
            return Err(JournalError::Unsettled);
        }
        let journal = self.clone();
        let pruned = tokio::task::spawn_blocking(move || journal.0.log.prune(&minimum)).await;
        let files = pruned.map_err(|_| JournalError::Fault)??;
        if !proven.own.book.is_pruned() {
            self.state_as_node(Event::JournalPruned, &Statement::Pruned { minimum: size }).await?;
        }
        tracing::info!(minimum = size, files, "entries past the longest retention went: the journal begins later");
        Ok(Some(size))
    }

    /// The accounts from verified entries, with the acts that stand across what would be a minimum.
    async fn proven_across(&self, below: u64) -> Result<(Ledgers, Straddle), JournalError> {
        let journal = self.clone();
        let read = move || {
            let Keeper { folder, vkey, .. } = &journal.0.keeper;
            let mut straddle = Straddle::below(below);
            let proven = Ledgers::proven(folder, &journal.0.origin, vkey, &mut |index, header, begins| {
                if begins {
                    straddle = Straddle::below(below);
                }
                straddle.note(index, header);
            })?;
            Ok((proven, straddle))
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| JournalError::Fault)?
    }
}

/// Where the files begin.
fn begins_at(folder: &Path) -> Result<u64, JournalError> {
    crate::log::first_entry(folder).map_err(JournalError::Log)
}

/// Whether a minimum was stated that the files do not begin at, or is not said to be done.
fn unfinished(book: &Book, folder: &Path) -> Result<bool, JournalError> {
    Ok(!book.is_pruned() || begins_at(folder)? < book.minimum())
}

/// The minimum as a folder's files say it and as it may become, without any key: for the command line.
pub(super) fn prospect_of(ledgers: &Ledgers, folder: &Path, now: Time) -> Result<Prospect, JournalError> {
    let mut prospect = ledgers.prospect(folder, now)?;
    if prospect.next > prospect.present {
        let mut straddle = Straddle::below(prospect.next);
        for read in crate::log::read_entries(folder, prospect.present..u64::MAX)? {
            let (index, entry) = read?;
            straddle.note(index, &crate::entry::header(&entry).map_err(JournalError::Malformed)?);
        }
        let clear = straddle.clear(prospect.next).max(prospect.present);
        if clear < prospect.next {
            prospect = Prospect { next: clear, kept_by: KeptBy::Act(clear), ..prospect };
        }
    }
    Ok(prospect)
}
