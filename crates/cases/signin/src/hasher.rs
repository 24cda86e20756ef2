//! Password hashing on threads of its own, a few and never more: the runtime's threads for blocking work stay free for the
//! disk, and what a flood of sign-ins costs is bounded whoever waits for the answers.

use data_encoding::BASE64URL_NOPAD;
use identity::{PasswordHash, hash_password};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use types::Secret;
use vault::random;

/// Password hashings at once: each holds 19 MiB (given back at its end) and a core for tens of milliseconds.
const HASHINGS_MAX: usize = 2;
/// By how much strangers' hashings let others go first: where both want one processor, three parts of four are the others'.
const GIVEN_WAY: i32 = 5;
/// How long a hashing waits for its turn.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// Why something was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotHashed {
    /// Too many others were before it.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// The work stopped on a fault.
    #[error("a password could not be checked")]
    Fault,
}

type Job = Box<dyn FnOnce() + Send>;

struct Team {
    hashings_max: usize,
    /// Its threads let all others go first.
    gives_way: bool,
    jobs: SyncSender<Job>,
    /// The threads' end of the channel: whoever holds the lock waits for the next job.
    queue: Arc<Mutex<Receiver<Job>>>,
    roll: Arc<Mutex<Roll>>,
    turns: Arc<Semaphore>,
}

/// How many threads there are, and how many of them wait.
#[derive(Default)]
struct Roll {
    threads: usize,
    idle: usize,
}

/// A few threads, started when first needed, ended when the last handle is dropped. Clones are handles.
#[derive(Clone)]
pub struct Hasher(Arc<Team>);

impl Default for Hasher {
    fn default() -> Self {
        Self::new(HASHINGS_MAX, false)
    }
}

impl Hasher {
    /// So many hashings at once.
    fn new(hashings_max: usize, gives_way: bool) -> Self {
        let (jobs, queue) = sync_channel(hashings_max);
        let turns = Arc::new(Semaphore::new(hashings_max));
        Self(Arc::new(Team {
            hashings_max,
            gives_way,
            jobs,
            queue: Arc::new(Mutex::new(queue)),
            roll: Arc::default(),
            turns,
        }))
    }

    /// One hashing at once, for those who come from where they came from lately, or who have a session: a flood of strangers'
    /// passwords has the other threads to itself.
    pub(crate) fn for_homecomers() -> Self {
        Self::new(1, false)
    }

    /// For everybody else: however many come, pages and homecomers have the processors before their passwords do.
    pub(crate) fn for_strangers() -> Self {
        Self::new(HASHINGS_MAX, true)
    }

    /// Hashes a password that nobody was told: whatever is asked of an account whose means nobody has, it costs and answers
    /// like any other. Nothing where it could not be hashed.
    pub(crate) async fn nobodys_password(&self) -> Option<PasswordHash> {
        let (salt, password) = (random().ok()?, Secret::new(BASE64URL_NOPAD.encode(&random::<32>().ok()?)));
        self.run(move || hash_password(&password, &salt)).await.ok()?.ok()
    }

    /// Does `work` on one of the threads, in its turn. Whoever stops waiting leaves the work to its end, and its turn is
    /// given back only then.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, NotHashed>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let turn = tokio::time::timeout(TURN_WAIT, Arc::clone(&self.0.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(NotHashed::Busy) };
        let (answer, answered) = oneshot::channel();
        self.submit(turn, move || {
            // A panic drops the answer: the one who waits is told, the thread goes on.
            if let Ok(value) = catch_unwind(AssertUnwindSafe(work)) {
                let _ = answer.send(value);
            }
        })?;
        answered.await.map_err(|_| NotHashed::Fault)
    }

    fn submit(&self, turn: OwnedSemaphorePermit, work: impl FnOnce() + Send + 'static) -> Result<(), NotHashed> {
        let team = &self.0;
        {
            let mut roll = team.roll.lock().unwrap_or_else(PoisonError::into_inner);
            if roll.idle > 0 {
                roll.idle -= 1;
            } else if roll.threads < team.hashings_max {
                let (queue, own, gives_way) = (Arc::clone(&team.queue), Arc::clone(&team.roll), team.gives_way);
                let started = thread::Builder::new().name("hashing".into()).spawn(move || {
                    if gives_way {
                        give_way();
                    }
                    serve(&queue, &own);
                });
                match started {
                    Ok(_) => roll.threads += 1,
                    // The ones that run will do, if there are any.
                    Err(error) => {
                        tracing::warn!(%error, "a thread for passwords cannot be started");
                        if roll.threads == 0 {
                            return Err(NotHashed::Busy);
                        }
                    }
                }
            }
        }
        let job: Job = Box::new(move || {
            work();
            drop(turn);
        });
        // Never full: a job needs a turn, and there are as many places as turns.
        team.jobs.try_send(job).map_err(|_| NotHashed::Busy)
    }
}

/// Of this thread alone. Where the system does not let it, it goes on as any other.
fn give_way() {
    if let Err(error) = rustix::process::nice(GIVEN_WAY) {
        tracing::debug!(%error, "a thread for passwords keeps its priority");
    }
}

/// One thread's life: it ends with the channel.
fn serve(queue: &Mutex<Receiver<Job>>, roll: &Mutex<Roll>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job();
        roll.lock().unwrap_or_else(PoisonError::into_inner).idle += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn never_more_than_two_at_once_and_on_two_threads() {
        let hasher = Hasher::default();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut all = tokio::task::JoinSet::new();
        for n in 0..40_u64 {
            let (hasher, now, most) = (hasher.clone(), Arc::clone(&now), Arc::clone(&most));
            all.spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(5));
                    now.fetch_sub(1, Ordering::SeqCst);
                    (n, thread::current().id())
                };
                hasher.run(work).await.unwrap()
            });
        }
        let mut threads = std::collections::HashSet::new();
        let mut seen = Vec::new();
        while let Some(done) = all.join_next().await {
            let (n, thread) = done.unwrap();
            threads.insert(thread);
            seen.push(n);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..40).collect::<Vec<_>>(), "each got its own answer");
        assert_eq!(most.load(Ordering::SeqCst), HASHINGS_MAX);
        assert!(threads.len() <= HASHINGS_MAX);
    }

    #[tokio::test]
    async fn strangers_let_others_go_first_and_nobody_else_does() {
        let nice = || rustix::process::nice(0).unwrap();
        let before = nice();
        assert_eq!(Hasher::for_strangers().run(nice).await, Ok((before + GIVEN_WAY).min(19)));
        assert_eq!(Hasher::for_homecomers().run(nice).await, Ok(before));
        assert_eq!(Hasher::default().run(nice).await, Ok(before));
        assert_eq!(nice(), before, "it is the thread's own");
    }

    #[tokio::test]
    async fn one_after_the_other_keeps_to_one_thread() {
        let hasher = Hasher::default();
        let mut threads = std::collections::HashSet::new();
        for _ in 0..10 {
            threads.insert(hasher.run(|| thread::current().id()).await.unwrap());
            // The thread goes back to waiting just after it answered.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(threads.len(), 1);
    }

    #[tokio::test]
    async fn a_panic_ends_one_hashing_not_the_service() {
        let hasher = Hasher::default();
        for _ in 0..5 {
            let broken: Result<(), _> = hasher.run(|| panic!("a hashing that breaks")).await;
            assert_eq!(broken, Err(NotHashed::Fault));
        }
        assert_eq!(hasher.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn who_stops_waiting_does_not_free_a_turn_early() {
        let hasher = Hasher::default();
        let slow = hasher.run(|| thread::sleep(Duration::from_millis(200)));
        assert!(tokio::time::timeout(Duration::from_millis(20), slow).await.is_err());
        assert_eq!(hasher.0.turns.available_permits(), HASHINGS_MAX - 1);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(hasher.0.turns.available_permits(), HASHINGS_MAX);
    }

    #[tokio::test]
    async fn the_threads_end_with_the_last_handle() {
        let hasher = Hasher::default();
        hasher.run(|| ()).await.unwrap();
        let roll = Arc::downgrade(&hasher.0.roll);
        drop(hasher);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(roll.upgrade().is_none(), "a thread still holds it");
    }
}
