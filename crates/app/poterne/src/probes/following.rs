//! Accounts follow the hospital's directory (clausier O-4.1, O-5.5, O-5.6): who is in it, and in which groups, is asked of it
//! again and held against the accounts. What it takes away may be kept here for its delay, and not longer.

use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use signin::{Behind, FollowError, Following};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use types::{AccountId, Clock, Time};

/// What a round may take beyond the delay between two.
const ROOM: Duration = Duration::from_secs(120);

/// What follows, and how often.
pub type Followed = (Arc<Following>, Duration);

#[derive(Default)]
struct Since {
    keep: HashMap<AccountId, Time>,
    missing: HashMap<String, Time>,
}

/// Compares the accounts with the directory.
pub struct FollowingProbe {
    info: &'static ProbeInfo,
    followed: Option<Followed>,
    clock: Arc<dyn Clock>,
    /// Since when each difference is seen, from round to round.
    since: Mutex<Since>,
}

impl FollowingProbe {
    /// Over what follows, where a directory is configured.
    pub fn new(info: &'static ProbeInfo, followed: Option<Followed>, clock: Arc<dyn Clock>) -> Self {
        Self { info, followed, clock, since: Mutex::default() }
    }

    async fn look(&self) -> ProbeOutcome {
        let Some((following, every)) = &self.followed else {
            return ProbeOutcome::CouldNotRun("no directory is configured".into());
        };
        match following.behind().await {
            Ok(behind) => self.judge(behind, *every + ROOM),
            Err(error @ FollowError::Silent(_)) => ProbeOutcome::CouldNotRun(error.to_string()),
            Err(error) => ProbeOutcome::CouldNotRun(format!("the accounts cannot be read: {error}")),
        }
    }

    fn judge(&self, behind: Behind, term: Duration) -> ProbeOutcome {
        let now = self.clock.now();
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let keeping = behind.keep.len();
        let kept = late(&mut since.keep, behind.keep, now, term);
        let missing = late(&mut since.missing, behind.missing, now, term);
        let minutes = term.as_secs() / 60;
        if kept > 0 {
            let what = format!("{kept} accounts keep what the directory took away more than {minutes} min ago");
            return ProbeOutcome::Failed(what);
        }
        let partly = [
            (missing, format!("{missing} people of the directory have had no account here for {minutes} min")),
            (behind.unreadable, format!("{} accounts cannot be read", behind.unreadable)),
            (usize::from(behind.in_use == 0), "no account of the directory is in use here yet".to_owned()),
        ];
        let partly: Vec<String> = partly.into_iter().filter(|(count, _)| *count > 0).map(|(_, what)| what).collect();
        if !partly.is_empty() {
            return ProbeOutcome::Partial(partly.join(", "));
        }
        let within = if keeping == 0 { String::new() } else { format!("; {keeping} within its delay") };
        ProbeOutcome::Proved(format!(
            "the directory was asked over verified TLS, and none of its {} accounts in use here has what it took away \
             more than {minutes} min ago{within}",
            behind.in_use
        ))
    }
}

/// How many of these have been so for longer than the term. Those that are so no more are forgotten.
fn late<K: Hash + Ord>(
    since: &mut HashMap<K, Time>,
    now_so: std::collections::BTreeSet<K>,
    now: Time,
    term: Duration,
) -> usize {
    since.retain(|key, _| now_so.contains(key));
    for key in now_so {
        since.entry(key).or_insert(now);
    }
    since.values().filter(|first| now.since(**first) > term).count()
}

impl Probe for FollowingProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(self.look())
    }
}
