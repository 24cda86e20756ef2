//! Traces past their term open no more, and those before it still do (clausier O-6.5).

use super::{Fault, Seen};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use journal::{
    Journal,
    retention::{Keeping, Standing},
};
use std::{sync::Arc, time::Duration};
use vault::MonthKeys;

/// A month of a family of traces, as the node has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthSeen {
    /// `<family>-<yyyy-mm>`.
    pub pair: String,
    /// What the journal says of it.
    pub standing: Standing,
    /// Whether its key was tried and opens.
    pub opens: bool,
    /// How long its term is over.
    pub over: Duration,
}

/// After its term the node purges at its next hour, and a disk or a clock may keep it from that for a while.
const LATE: Duration = Duration::from_secs(6 * 3600);

/// All of them, with what keeps them from going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Months {
    /// Month by month.
    pub months: Vec<MonthSeen>,
    /// Whether every decision in the journal could be read.
    pub whole: bool,
    /// Whether the clock is not believed.
    pub clock_moved: bool,
}

/// Where they are looked at.
pub trait Terms: Send + Sync {
    /// As they stand now.
    fn months(&self) -> BoxFuture<'_, Result<Months, Fault>>;
}

/// The node's own journal, with the trace reader's keys.
pub struct JournalTerms {
    journal: Journal,
    keys: MonthKeys,
}

impl JournalTerms {
    /// Of this journal, whose months' keys these are.
    pub fn new(journal: Journal, keys: MonthKeys) -> Self {
        Self { journal, keys }
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }
}

impl Terms for JournalTerms {
    fn months(&self) -> BoxFuture<'_, Result<Months, Fault>> {
        Box::pin(async {
            let Keeping { months, book, clock_moved, at, .. } =
                self.journal.keeping().await.map_err(Fault::unreachable)?;
            let keys = self.keys.clone();
            let tried = tokio::task::spawn_blocking(move || {
                let tried = months.into_iter().map(|one| {
                    let opens = keys.private(&one.pair).is_ok();
                    MonthSeen { pair: one.pair, standing: one.standing, opens, over: at.since(one.term) }
                });
                tried.collect()
            });
            let months = tried.await.map_err(Fault::unreachable)?;
            Ok(Months { months, whole: book.is_whole(), clock_moved })
        })
    }
}

/// Tries every month's key.
pub struct TermsProbe {
    info: &'static ProbeInfo,
    terms: Arc<dyn Terms>,
}

impl TermsProbe {
    /// Of a node's journal.
    pub fn new(info: &'static ProbeInfo, terms: Arc<dyn Terms>) -> Self {
        Self { info, terms }
    }
}

impl Probe for TermsProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            match self.terms.months().await.and_then(|seen| judged(&seen)) {
                Ok(what) => ProbeOutcome::Proved(what),
                Err(Fault::Broken(what)) => ProbeOutcome::Failed(what),
                Err(Fault::Partly(what)) => ProbeOutcome::Partial(what),
                Err(Fault::Unreachable(why)) => ProbeOutcome::CouldNotRun(why),
            }
        })
    }
}

fn judged(seen: &Months) -> Seen {
    if !seen.whole {
        return Err(Fault::broken("a decision in the journal cannot be read, so nothing goes at its term"));
    }
    for MonthSeen { pair, standing, opens, over } in &seen.months {
        let is_gone = *standing == Standing::Destroyed;
        if is_gone && *opens {
            return Err(Fault::broken(format!("{pair} is past its term and its key still opens")));
        }
        if !is_gone && !*opens {
            return Err(Fault::broken(format!("{pair} has not gone at its term and its key does not open")));
        }
        if *standing == Standing::Due && *over > LATE && !seen.clock_moved {
            let hours = over.as_secs() / 3600;
            return Err(Fault::broken(format!("{pair} reached its term {hours} hours ago and its key still opens")));
        }
    }
    let count = |wanted: fn(&Standing) -> bool| seen.months.iter().filter(|one| wanted(&one.standing)).count();
    let (gone, due) = (count(|one| *one == Standing::Destroyed), count(|one| *one == Standing::Due));
    let kept = seen.months.len() - gone;
    match () {
        () if seen.months.is_empty() => Err(Fault::unreachable("no month of traces is here")),
        () if due > 0 && seen.clock_moved => {
            Err(Fault::Partly(format!("{due} months are due; the clock moved, so they wait for the next start")))
        }
        () if due > 0 => Err(Fault::Partly(format!("{due} months reached their term and have not gone yet"))),
        // What never happened here is not proved here.
        () if gone == 0 => {
            Err(Fault::Partly(format!("{kept} months open, before their term; none has reached it yet")))
        }
        () => Ok(format!("{gone} months past their term open no more; {kept} before it still do")),
    }
}
