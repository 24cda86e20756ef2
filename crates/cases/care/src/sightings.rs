//! Who saw a patient's record, for himself: asked at the portal, which may read no trace, and answered by a node that may.
//!
//! The question is a row of the database; so is the answer, sealed to the portal. Both are acts in the journal. What other
//! nodes' journals hold and this node's index does not is never passed over in silence: [`Sightings::is_whole`] says so.

use crate::{CareError, CareService, sql};
use identity::system_actor;
use journal::{Applied, Effect, Journal, WriteTx, read_heads};
use minicbor::{Decode, Encode};
use policy::{AskSightings, Authorized, Denied, Facts, GiveSightings, Policies};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use store::{Store, StoreError};
use types::{AccountId, EstablishmentId, Event, PatientId, Role, SystemActor, Time};
use vault::{Keys, Place, Purpose};

/// What counts as seeing a record.
pub const SIGHTING_EVENTS: [Event; 4] =
    [Event::RecordRead, Event::ResultRead, Event::DocumentRead, Event::DocumentOpened];
/// How far back it is told of.
pub const SIGHTINGS_DAYS: u32 = 365;
/// The most that one answer tells of, the newest.
pub const SIGHTINGS_MAX: usize = 200;
/// An answer is shown again for this long.
const FRESH: Duration = Duration::from_secs(30);
/// A question that waited longer is answered by nobody, and any row older than this goes with the next question or answer.
const STALE: Duration = Duration::from_secs(600);
/// How long the portal waits for an answer, and how often it looks.
const WAIT: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often questions are looked for, and how many are taken at once.
const ANSWER_EVERY: Duration = Duration::from_millis(250);
const QUESTIONS_MAX: i64 = 16;

/// Something of a record was seen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sighting {
    /// When, in microseconds.
    #[n(0)]
    at: i64,
    /// One of [`SIGHTING_EVENTS`].
    #[n(1)]
    event: String,
    /// Whose account.
    #[cbor(n(2), with = "minicbor::bytes")]
    account: Option<[u8; 16]>,
    /// In what role.
    #[n(3)]
    role: Option<String>,
    /// His name; none for an account that is no more.
    #[n(4)]
    name: Option<String>,
}

impl Sighting {
    /// As a trace tells it.
    pub fn new(at: Time, event: Event, account: Option<AccountId>, role: Option<Role>) -> Self {
        let (account, role) = (account.map(|id| *id.as_bytes()), role.map(|role| role.to_string()));
        Self { at: at.micros(), event: event.as_str().to_owned(), account, role, name: None }
    }

    /// When.
    pub fn at(&self) -> Time {
        Time::from_micros(self.at)
    }

    /// What was done.
    pub fn event(&self) -> Option<Event> {
        self.event.parse().ok()
    }

    /// By whom.
    pub fn account(&self) -> Option<AccountId> {
        self.account.map(AccountId::from_bytes)
    }

    /// In what role.
    pub fn role(&self) -> Option<Role> {
        self.role.as_deref()?.parse().ok()
    }

    /// His name, if his account is still there.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sightings {
    #[n(0)]
    at: i64,
    #[n(1)]
    whole: bool,
    #[n(2)]
    more: bool,
    #[n(3)]
    rows: Vec<Sighting>,
}

impl Sightings {
    /// When it was drawn up.
    pub fn at(&self) -> Time {
        Time::from_micros(self.at)
    }

    /// Whether every journal was looked at whole, and everything in it could be read.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether there is more than it tells of.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Newest first.
    pub fn rows(&self) -> &[Sighting] {
        &self.rows
    }
}

/// What a search of traces gives.
#[derive(Debug, Default)]
pub struct FoundTraces {
    /// Newest first.
    pub rows: Vec<Sighting>,
    /// Whether there are more.
    pub more: bool,
    /// Whether some could not be read.
    pub unreadable: bool,
    /// How far each journal was looked at.
    pub extents: BTreeMap<String, u64>,
}

/// A search under way.
pub type Finding<'a> = Pin<Box<dyn Future<Output = Result<FoundTraces, String>> + Send + 'a>>;

/// Who searches the traces; another case's index.
pub trait FindsTraces: Send + Sync {
    /// Those of [`SIGHTING_EVENTS`] that name the proof's patient, at its establishment, since a moment: [`SIGHTINGS_MAX`] at
    /// most.
    fn of_patient<'a>(&'a self, proof: &'a Authorized<GiveSightings>, since: Time) -> Finding<'a>;
}

fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "sightings", column: "sealed", row }
}

struct Ask;

impl Effect<AskSightings> for Ask {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, AskSightings>) -> Result<Applied<()>, StoreError> {
        let (patient, now) = (tx.action().patient, tx.now());
        sql::forget_sightings(tx.connection(), now - STALE).await?;
        sql::ask_sightings(tx.connection(), patient, now, now - FRESH).await?;
        Ok(Applied::done(()))
    }
}

impl CareService {
    /// Who saw one's own record; nothing if no node answers in time.
    pub async fn sightings(
        &self,
        who: &identity::Authenticated,
        patient: PatientId,
    ) -> Result<Option<Sightings>, CareError> {
        let facts = self.facts(who).await?;
        let authorized = self.decide(who, AskSightings { patient }, &facts, "sightings").await?;
        self.journal().perform(authorized, Ask).await?;
        let until = tokio::time::Instant::now() + WAIT;
        while tokio::time::Instant::now() < until {
            let mut connection = self.store().read().await?;
            let sealed = sql::sightings(&mut connection, patient).await?;
            drop(connection);
            if let Some(sealed) = sealed {
                let clear = self.keys().open(Purpose::Sightings, place(&[patient.as_bytes()]), &sealed);
                let answer = clear.ok().and_then(|clear| minicbor::decode(&clear).ok());
                if answer.is_none() {
                    tracing::error!("an answer on who saw a record does not open in its place; it is not shown");
                }
                return Ok(answer);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }
}

/// Answers patients' questions, on a node that may read traces.
pub struct SightingsDesk {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    establishment: EstablishmentId,
    traces: Arc<dyn FindsTraces>,
}

struct Give {
    sealed: Vec<u8>,
    asked: Time,
}

impl Effect<GiveSightings> for Give {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, GiveSightings>) -> Result<Applied<()>, StoreError> {
        let (patient, now) = (tx.action().patient, tx.now());
        sql::forget_sightings(tx.connection(), now - STALE).await?;
        // Another node was first, or the question was put again.
        let taken = sql::answer_sightings(tx.connection(), patient, (self.asked, now), &self.sealed).await?;
        Ok(if taken { Applied::done(()) } else { Applied::refused(()) })
    }
}

impl SightingsDesk {
    /// Over its stores, with keys that open names and seal answers.
    pub fn new(
        (store, journal): (Store, Journal),
        policies: Arc<Policies>,
        keys: Keys,
        establishment: EstablishmentId,
        traces: Arc<dyn FindsTraces>,
    ) -> Self {
        Self { store, journal, policies, keys, establishment, traces }
    }

    /// Answers, for ever.
    pub async fn keep_answering(self) {
        loop {
            if let Err(error) = self.answer_all().await {
                tracing::warn!(%error, "who saw a record could not be told");
                tokio::time::sleep(20 * ANSWER_EVERY).await;
            }
            tokio::time::sleep(ANSWER_EVERY).await;
        }
    }

    /// Answers all that waits.
    pub async fn answer_all(&self) -> Result<(), CareError> {
        let since = self.journal.now() - STALE;
        let mut connection = self.store.read().await?;
        let waiting = sql::sightings_asked(&mut connection, since, QUESTIONS_MAX).await?;
        drop(connection);
        let mut last = Ok(());
        for (patient, asked) in waiting {
            // One that cannot be answered keeps nobody else waiting.
            if let Err(error) = self.answer(patient, asked).await {
                last = Err(error);
            }
        }
        last
    }

    async fn answer(&self, patient: PatientId, asked: Time) -> Result<(), CareError> {
        let now = self.journal.now();
        let since = now - Duration::from_secs(u64::from(SIGHTINGS_DAYS) * 86_400);
        let proof = self.decide(patient, 0, now)?;
        let found = self.traces.of_patient(&proof, since).await.map_err(CareError::Fault)?;
        let heads = read_heads(&self.store).await?;
        let seen = |(name, size): (&String, u64)| found.extents.get(name).is_some_and(|to| *to >= size);
        let whole = !found.unreadable && heads.iter().all(|(name, head)| seen((name, head.size)));
        let (mut rows, more) = (found.rows, found.more);
        self.name(&mut rows).await?;
        let count = rows.len();
        let clear = minicbor::to_vec(Sightings { at: now.micros(), whole, more, rows }).unwrap_or_default();
        let sealed = self.keys.seal(Purpose::Sightings, place(&[patient.as_bytes()]), &clear);
        let sealed = sealed.map_err(|error| CareError::Fault(error.to_string()))?;
        let proof = self.decide(patient, count, now)?;
        self.journal.perform(proof, Give { sealed, asked }).await?;
        Ok(())
    }

    fn decide(&self, patient: PatientId, count: usize, now: Time) -> Result<Authorized<GiveSightings>, CareError> {
        let who = system_actor(SystemActor::Node, Some(self.establishment), now);
        let decided = self.policies.decide(&who, GiveSightings { patient, count }, &Facts::default(), now);
        decided.map_err(|why: Denied| CareError::Fault(why.to_string()))
    }

    /// Who they are, from their accounts.
    async fn name(&self, rows: &mut [Sighting]) -> Result<(), CareError> {
        let mut connection = self.store.read().await?;
        let mut names = BTreeMap::<AccountId, Option<String>>::new();
        for row in rows {
            let Some(account) = row.account() else { continue };
            row.name = match names.entry(account) {
                Entry::Occupied(name) => name.get().clone(),
                Entry::Vacant(place) => {
                    let one = (account, self.establishment);
                    place.insert(sql::account_name(&mut connection, &self.keys, one).await?).clone()
                }
            };
        }
        Ok(())
    }
}
