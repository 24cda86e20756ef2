//! Says how another node's journal is followed: to searches and supervisors always, in the log and in the traces on a turn.

use dossier::{FollowedState, FollowedStates};
use journal::{Journal, follow::FollowError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;
use types::{Event, Time};
use web::health::State;

/// How long a journal may be out of reach before that is told.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What a look said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// All that it shows is here.
    Whole,
    /// Not all, for this reason.
    Without(String),
    /// What it shows is not the journal that was.
    Alarm(String),
}

impl From<FollowError> for Standing {
    fn from(error: FollowError) -> Self {
        if error.is_alarm() { Self::Alarm(error.to_string()) } else { Self::Without(error.to_string()) }
    }
}

/// How far the look under way has come.
#[derive(Default)]
pub(super) struct Progress {
    here: AtomicU64,
    shown: AtomicU64,
}

impl Progress {
    pub(super) fn set(&self, reaching: Option<(u64, u64)>) {
        if let Some((here, shown)) = reaching {
            self.here.store(here, Relaxed);
            self.shown.store(shown, Relaxed);
        }
    }

    pub(super) fn told(&self) -> String {
        let (here, shown) = (self.here.load(Relaxed), self.shown.load(Relaxed));
        format!("a look is under way, {here} of {shown} entries have come")
    }
}

/// Of one journal.
pub(super) struct Report {
    journal: Journal,
    name: String,
    searched: Option<Arc<FollowedStates>>,
    tell: Box<dyn Fn(State) + Send + Sync>,
    traced: Option<Standing>,
    /// When it was last whole here.
    whole: Option<Time>,
    silent: Instant,
}

impl Report {
    pub(super) fn new(
        journal: &Journal,
        name: &str,
        searched: Option<Arc<FollowedStates>>,
        tell: impl Fn(State) + Send + Sync + 'static,
    ) -> Self {
        let (journal, name, tell) = (journal.clone(), name.to_owned(), Box::new(tell));
        let report = Self { journal, name, searched, tell, traced: None, whole: None, silent: Instant::now() };
        report.to_searches(false);
        report
    }

    /// A look begins: what it sees is no younger than this.
    pub(super) fn begins(&self) -> Time {
        self.journal.now()
    }

    /// It goes on: told once it takes too long. An alarm stays until a look has ended.
    pub(super) async fn still(&mut self, progress: &str) {
        if self.silent.elapsed() >= SILENCE_MAX && !matches!(self.traced, Some(Standing::Alarm(_))) {
            self.say(Standing::Without(progress.to_owned())).await;
        }
    }

    /// It has ended: with all that was shown here, and perhaps something to dispute all the same; or with why not. What
    /// contradicted the copy is an alarm until it is settled, whatever came after, and after a restart too.
    pub(super) async fn looked(&mut self, began: Time, looked: Result<Option<String>, Standing>, contradicted: bool) {
        if looked.is_ok() {
            (self.whole, self.silent) = (Some(began), Instant::now());
        }
        self.say(match looked {
            Err(alarm @ Standing::Alarm(_)) => alarm,
            _ if contradicted => Standing::Alarm(format!(
                "it has signed a checkpoint that contradicts the copy, kept as followed/shown/{}: move it away once that \
                 is settled",
                self.name
            )),
            Ok(None) => Standing::Whole,
            Ok(Some(disputed)) => Standing::Alarm(disputed),
            Err(standing) => standing,
        })
        .await;
    }

    async fn say(&mut self, standing: Standing) {
        self.to_searches(matches!(standing, Standing::Alarm(_)));
        (self.tell)(self.state(&standing));
        self.trace(standing).await;
    }

    /// What searches say of it.
    fn to_searches(&self, alarm: bool) {
        if let Some(states) = &self.searched {
            states.tell(&self.name, FollowedState { until: self.whole, alarm });
        }
    }

    /// What a supervisor is told: silence is forgiven for a while, another history is not.
    fn state(&self, standing: &Standing) -> State {
        match standing {
            Standing::Whole => State::Ready,
            Standing::Without(_) if self.silent.elapsed() < SILENCE_MAX && self.whole.is_some() => State::Ready,
            Standing::Without(why) => {
                let seconds = self.silent.elapsed().as_secs();
                State::Degraded(format!("{} has not been followed for {seconds} s: {why}", self.name))
            }
            Standing::Alarm(why) => State::Degraded(format!("ALARM, {}: {why}", self.name)),
        }
    }

    /// On a turn only: one line in the log and one trace.
    async fn trace(&mut self, standing: Standing) {
        // Other words for silence are no turn; another alarm is one.
        let same = |traced: &Standing| match (traced, &standing) {
            (Standing::Alarm(before), Standing::Alarm(now)) => before == now,
            (before, now) => std::mem::discriminant(before) == std::mem::discriminant(now),
        };
        let name = self.name.as_str();
        let (event, detail) = match &standing {
            _ if self.traced.as_ref().is_some_and(same) => return,
            Standing::Whole => {
                tracing::info!(journal = name, "the journal of another node is followed");
                (Event::JournalFollowed, name.to_owned())
            }
            Standing::Without(why) if self.silent.elapsed() >= SILENCE_MAX => {
                tracing::error!(journal = name, why, "the journal of another node is not followed");
                (Event::JournalUnfollowed, format!("{name}: {why}"))
            }
            Standing::Without(why) => {
                tracing::warn!(
                    journal = name,
                    why,
                    "the journal of another node could not be followed; it is asked again"
                );
                return;
            }
            Standing::Alarm(why) => {
                tracing::error!(
                    journal = name,
                    why,
                    "ALARM: what another node shows is not the journal that was followed"
                );
                (Event::JournalUnfollowed, format!("ALARM, {name}: {why}"))
            }
        };
        match self.journal.note_node(event, Some(detail)).await {
            Ok(()) => self.traced = Some(standing),
            Err(error) => tracing::warn!(%error, "how another node's journal is followed could not be traced yet"),
        }
    }
}

#[cfg(test)]
mod tests;
