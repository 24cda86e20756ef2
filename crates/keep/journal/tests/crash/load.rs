//! What the killed process does: appends and effects by many tasks at once, each told on its output once acknowledged.
//!
//! | line | says |
//! | --- | --- |
//! | `open` | the journal is open, what a stop had left is settled |
//! | `noted <token>` | an entry with this detail is durable |
//! | `done <trace>`, `refused <trace>` | an effect committed, its outcome is durable |
//! | `failed` | an effect was not done |
//! | `cut <number>` | this session is revoked |

use crate::node;
use identity::system_actor;
use journal::{Applied, Effect, Journal, JournalError, WriteTx};
use policy::{CreateEstablishment, Facts, Policies};
use std::{io::Write, path::Path, sync::Arc, time::Duration};
use store::StoreError;
use types::{EstablishmentId, Event, SessionId, SystemActor, TraceId};

pub const FOLDER: &str = "POTERNE_CRASH_CHILD";
pub const SEED: &str = "POTERNE_CRASH_CHILD_SEED";

/// What an effect of the test does after its insertion.
#[derive(Clone, Copy)]
enum Then {
    Done,
    Refuse,
    Fail,
}

/// Writes a row that names its own trace: the parent compares rows and outcomes.
struct Create(Then);

impl Effect<CreateEstablishment> for Create {
    type Output = TraceId;
    async fn apply(&self, tx: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<TraceId>, StoreError> {
        let (id, trace) = (tx.action().establishment.as_bytes().to_vec(), tx.trace_id());
        let word = if matches!(self.0, Then::Refuse) { "refused" } else { "done" };
        sqlx::query("INSERT INTO establishments (id, name) VALUES ($1, $2)")
            .bind(id)
            .bind(format!("{word} {trace}"))
            .execute(tx.connection())
            .await?;
        match self.0 {
            Then::Done => Ok(Applied::done(trace)),
            Then::Refuse => Ok(Applied::refused(trace)),
            Then::Fail => Err(StoreError::Other("the test says no".into())),
        }
    }
}

struct Worker {
    journal: Journal,
    policies: Arc<Policies>,
    random: fastrand::Rng,
}

/// One write for a line: whoever reads sees all of it or knows that it was cut.
fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The session that a number stands for.
pub fn session(number: u64) -> SessionId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    SessionId::from_bytes(bytes)
}

/// Opens and works until killed.
pub async fn run(folder: &Path, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let policies = Arc::new(Policies::built_in().unwrap());
    // After what the test harness has left on the line.
    say("");
    let (_store, journal) = node::open(folder).await;
    say("open");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..random.usize(8..=64) {
        let (journal, policies) = (journal.clone(), Arc::clone(&policies));
        let worker = Worker { journal, policies, random: random.fork() };
        tasks.spawn(worker.work());
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

impl Worker {
    async fn work(mut self) {
        loop {
            match self.random.u32(0..20) {
                0..10 => self.note().await,
                10..15 => self.perform(Then::Done).await,
                15..17 => self.perform(Then::Refuse).await,
                17..19 => self.perform(Then::Fail).await,
                _ => self.cut().await,
            }
        }
    }

    async fn note(&mut self) {
        let token = format!("{:032x}", self.random.u128(..));
        // Long ones, so that segments turn.
        let padding = if self.random.u8(..) < 12 { self.random.usize(..20_000) } else { self.random.usize(..40) };
        let node = system_actor(SystemActor::Node, None, self.journal.now());
        let detail = format!("{token} {}", "x".repeat(padding));
        self.journal.note(&node, Event::RelayAlarm, Some(detail)).await.unwrap();
        say(&format!("noted {token}"));
    }

    async fn perform(&mut self, then: Then) {
        let establishment = EstablishmentId::from_bytes(self.random.u128(..).to_be_bytes());
        let now = self.journal.now();
        let who = system_actor(SystemActor::Demo, Some(establishment), now);
        let action = CreateEstablishment { establishment };
        let authorized = self.policies.decide(&who, action, &Facts::default(), now).unwrap();
        match (self.journal.perform(authorized, Create(then)).await, then) {
            (Ok(trace), Then::Done) => say(&format!("done {trace}")),
            (Ok(trace), Then::Refuse) => say(&format!("refused {trace}")),
            (Err(JournalError::Store(_)), Then::Fail) => say("failed"),
            (other, _) => panic!("an effect ended with {other:?}"),
        }
    }

    async fn cut(&mut self) {
        let number = self.random.u64(..);
        let until = self.journal.now() + Duration::from_secs(3600);
        self.journal.revoke(session(number), until).await.unwrap();
        say(&format!("cut {number}"));
    }
}
