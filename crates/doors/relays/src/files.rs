//! The files that pass in a channel of SFTP: followed on their way, each act traced before the technician is told how it
//! ended. What cannot be followed does not pass: the channel ends. A session has so many acts, and no faster than the journal
//! bears: each is an entry of it.

use crate::{channel::Common, house::House};
use data_encoding::HEXLOWER;
use interventions::{FileAct, FileEnd, FileVerb};
use pipe::{Meter, Passed};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use types::RelayId;
use wire::sftp::{Act, Content, Ended, Follower, Lost, PATH_BYTES_MAX, Verb};

/// What the session's row keeps of one channel; the traces have all of them.
const KEPT_MAX: usize = 100;
/// Acts that wait for nothing.
const BURST: u32 = 500;

/// More than one session may do.
pub(crate) const TOO_MANY: Lost = Lost("more acts on files than one session may have");

/// How many acts on files a session had, and when it may have more. Past a burst, whoever goes faster waits.
pub(crate) struct Pace {
    acts_max: u64,
    each: Duration,
    spent: Mutex<Spent>,
}

struct Spent {
    acts: u64,
    /// When all of them would be over, each at its pace.
    over: Instant,
}

impl Pace {
    /// So many acts, each taking so long in the long run.
    pub(crate) fn new(acts_max: u64, each: Duration) -> Self {
        Self { acts_max, each, spent: Mutex::new(Spent { acts: 0, over: Instant::now() }) }
    }

    /// How long these wait; nothing where there were too many.
    fn take(&self, acts: usize) -> Option<Duration> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        spent.acts = spent.acts.saturating_add(acts as u64);
        spent.over = spent.over.max(now) + self.each.saturating_mul(u32::try_from(acts).unwrap_or(u32::MAX));
        let ahead = spent.over.saturating_duration_since(now);
        (spent.acts <= self.acts_max).then(|| ahead.saturating_sub(self.each.saturating_mul(BURST)))
    }
}

/// The files of one channel.
#[derive(Default)]
pub(crate) struct Files(Mutex<Followed>);

#[derive(Default)]
struct Followed {
    follower: Follower<Sum>,
    lost: Option<Lost>,
    all: Acts,
}

/// What was done, for the session's row.
#[derive(Default)]
pub(crate) struct Acts {
    /// The first ones.
    pub(crate) kept: Vec<FileAct>,
    /// How many came after them.
    pub(crate) more: u64,
}

impl Acts {
    fn add(&mut self, act: FileAct) {
        if self.kept.len() < KEPT_MAX {
            self.kept.push(act);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

impl Files {
    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The technician sends this: whether the machine may have it.
    pub(crate) fn inwards(&self, bytes: &[u8]) -> bool {
        // Nothing ends by what is asked.
        self.see(|follower| follower.to_machine(bytes));
        self.lost().is_none()
    }

    /// The machine sends this: whether the technician may have it. What ended by it is traced before.
    pub(crate) async fn outwards<H: House>(&self, common: &Common<H>, number: u32, bytes: &[u8]) -> bool {
        let acts = self.see(|follower| follower.to_client(bytes));
        let wait = common.pace.take(acts.len());
        trace(&common.house, common.relay, number, acts).await;
        match wait {
            Some(wait) => sleep(wait).await,
            None => self.followed().lost = Some(TOO_MANY),
        }
        self.lost().is_none()
    }

    /// What ended by these bytes; nothing once it is lost what passes.
    fn see(&self, follow: impl FnOnce(&mut Follower<Sum>) -> Result<(), Lost>) -> Vec<FileAct> {
        let mut followed = self.followed();
        if followed.lost.is_some() {
            return Vec::new();
        }
        let seen = follow(&mut followed.follower);
        let acts: Vec<FileAct> = followed.follower.acts().into_iter().map(told).collect();
        acts.iter().for_each(|act| followed.all.add(act.clone()));
        followed.lost = seen.err();
        acts
    }

    /// Why it is no longer known what passes.
    pub(crate) fn lost(&self) -> Option<Lost> {
        self.followed().lost
    }

    /// The channel has ended: what had not, is traced as such.
    pub(crate) async fn finish<H: House>(self, common: &Common<H>, number: u32) -> Acts {
        let Followed { follower, mut all, .. } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let acts: Vec<FileAct> = follower.finish().into_iter().map(told).collect();
        acts.iter().for_each(|act| all.add(act.clone()));
        trace(&common.house, common.relay, number, acts).await;
        all
    }
}

/// Traces what was done, all of it even where whoever waits for it is cut.
async fn trace<H: House>(house: &Arc<H>, relay: RelayId, number: u32, acts: Vec<FileAct>) {
    if acts.is_empty() {
        return;
    }
    let house = Arc::clone(house);
    let traced = tokio::spawn(async move {
        for act in acts {
            house.file(relay, number, &act).await;
        }
    });
    if let Err(error) = traced.await {
        tracing::error!(%relay, %error, "what was done to a file could not be traced");
    }
}

/// A file's digest, begun with its first byte.
#[derive(Default)]
struct Sum(Option<Meter>);

impl Content for Sum {
    fn take(&mut self, bytes: &[u8]) {
        self.0.get_or_insert_with(Meter::digesting).pass(bytes);
    }
}

fn told(act: Act<Sum>) -> FileAct {
    let sum = |content: Option<Sum>, shown: bool| {
        let Passed { sha256, .. } = content.filter(|_| shown)?.0.unwrap_or_else(Meter::digesting).finish();
        sha256.map(|sum| HEXLOWER.encode(&sum))
    };
    let (bytes_in, bytes_out) = (act.written.bytes, act.read.bytes);
    let verb = verb(act.verb);
    FileAct {
        verb,
        path: wire::visible(&act.path, PATH_BYTES_MAX),
        to: act.to.map(|to| wire::visible(&to, PATH_BYTES_MAX)),
        end: match act.ended {
            Ended::Done => FileEnd::Done,
            Ended::Refused => FileEnd::Refused,
            Ended::Unfinished => FileEnd::Unfinished,
        },
        bytes_in,
        bytes_out,
        sha256_in: sum(act.written.content, verb == FileVerb::Written || bytes_in > 0),
        sha256_out: sum(act.read.content, verb == FileVerb::Read || bytes_out > 0),
    }
}

fn verb(verb: Verb) -> FileVerb {
    match verb {
        Verb::Read => FileVerb::Read,
        Verb::Written => FileVerb::Written,
        Verb::Listed => FileVerb::Listed,
        Verb::Removed => FileVerb::Removed,
        Verb::Renamed => FileVerb::Renamed,
        Verb::FolderMade => FileVerb::FolderMade,
        Verb::FolderRemoved => FileVerb::FolderRemoved,
        Verb::Linked => FileVerb::Linked,
        Verb::Changed => FileVerb::Changed,
        Verb::Copied => FileVerb::Copied,
        Verb::Other => FileVerb::Other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn past_a_burst_whoever_goes_faster_waits_and_there_is_an_end() {
        let each = Duration::from_millis(4);
        let pace = Pace::new(2_000, each);
        assert_eq!(pace.take(BURST as usize), Some(Duration::ZERO));
        assert_eq!(pace.take(100), Some(each * 100));
        sleep(each * (BURST + 100)).await;
        assert_eq!(pace.take(BURST as usize), Some(Duration::ZERO), "a burst again");
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(pace.take(BURST as usize + 1), Some(each), "rest saves nothing up");
        assert_eq!(pace.take(399), Some(each * 400));
        assert_eq!(pace.take(1), None);
    }
}
