//! Who saw a patient's record, for himself: asked at the portal, which may read no trace, and answered by a node that may.
//!
//! The question is a row of the database; so is the answer, sealed to the portal. Both are acts in the journal. What other
//! nodes' journals hold and this node's index does not, as far as the database knows, is told: [`Sightings::is_whole`].

use crate::{CareError, CareService, sql};
use identity::system_actor;
use journal::{Applied, Effect, Journal, WriteTx, read_heads};
use minicbor::{Decode, Encode};
use policy::{Action, AskSightings, Authorized, Denied, Facts, GiveSightings, Policies, PurgeSessions, ReadSightings};
use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use store::{Store, StoreError};
use types::{AccountId, EstablishmentId, Event, PatientId, Role, SystemActor, Time};
use vault::{Keys, Place, Purpose};

/// What counts as seeing a record.
pub const SIGHTING_EVENTS: [Event; 4] =
    [Event::RecordRead, Event::ResultRead, Event::DocumentRead, Event::DocumentOpened];
/// How far back it is told of.
pub const SIGHTINGS_DAYS: u32 = 365;
/// The most that one answer tells of the looks of others, the newest; and of one's own.
pub const SIGHTINGS_MAX: usize = 200;
const OWN_MAX: usize = 50;
/// Traces looked through for one answer at most.
const LOOKED_MAX: usize = 2000;
/// An answer is shown again for this long; one that says to be older, or of the future, is not.
const FRESH: Duration = Duration::from_secs(30);
/// How long the portal waits for an answer, and how often it looks.
const WAIT: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often questions are looked for, how many are taken at once, and for how long one is worth an answer.
const ANSWER_EVERY: Duration = Duration::from_millis(250);
const QUESTIONS_MAX: i64 = 16;
const WAITS_MAX: Duration = Duration::from_secs(10);
/// Answers of a node in a minute: whoever writes to the database himself cannot have it fill its journal.
const ANSWERS_MAX: usize = 300;
/// A node whose journals are not all leaves a question to the others for this long.
const OTHERS_FIRST: Duration = Duration::from_secs(2);
/// Rows older than this are deleted, as often.
const STALE: Duration = Duration::from_secs(600);

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
    /// His name, if his account's row can be read.
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

    /// His name, if his account's row can be read.
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

    /// Whether every journal that the database knows was looked at whole, and everything in it could be read.
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

/// A page of a search of traces.
#[derive(Debug, Default)]
pub struct FoundTraces {
    /// Newest first.
    pub rows: Vec<Sighting>,
    /// What to give for the page that follows, if one does.
    pub next: Option<String>,
    /// Whether some could not be read.
    pub unreadable: bool,
    /// How far each journal was looked at.
    pub extents: BTreeMap<String, u64>,
}

/// A search under way.
pub type Finding<'a> = Pin<Box<dyn Future<Output = Result<FoundTraces, String>> + Send + 'a>>;

/// Who searches the traces; another case's index.
pub trait FindsTraces: Send + Sync {
    /// A page of those of [`SIGHTING_EVENTS`] that name the proof's patient, at its establishment, since a moment, after what
    /// another page gave as its `next`.
    fn of_patient<'a>(
        &'a self,
        proof: &'a Authorized<GiveSightings>,
        since: Time,
        after: Option<String>,
    ) -> Finding<'a>;
}

/// An answer is of one patient and one question: moved to another's row, or put back later, it does not open.
fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "sightings", column: "sealed", row }
}

struct Ask;

impl Effect<AskSightings> for Ask {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, AskSightings>) -> Result<Applied<()>, StoreError> {
        let (patient, now) = (tx.action().patient, tx.now());
        // One that waited for as long as anybody waits is put anew: whoever asked it has gone.
        sql::ask_sightings(tx.connection(), patient, now, now - WAIT).await?;
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
        let asks = self.decide(who, AskSightings { patient }, &facts, "sightings").await?;
        let mut found = self.answer(patient).await?;
        if found.is_none() {
            self.journal().perform(asks, Ask).await?;
            let until = tokio::time::Instant::now() + WAIT;
            while found.is_none() && tokio::time::Instant::now() < until {
                tokio::time::sleep(LOOK_EVERY).await;
                found = self.answer(patient).await?;
            }
        }
        if found.is_some() {
            // Written before it is shown; and no more, if the session was cut meanwhile.
            let reads = self.decide(who, ReadSightings { patient }, &facts, "sightings").await?;
            self.journal().disclose(reads).await?;
        }
        Ok(found)
    }

    /// The answer that is there, if it was drawn up just now.
    async fn answer(&self, patient: PatientId) -> Result<Option<Sightings>, CareError> {
        let mut connection = self.store().read().await?;
        let Some((asked, sealed)) = sql::sightings(&mut connection, patient).await? else { return Ok(None) };
        let row: [&[u8]; 2] = [patient.as_bytes(), &asked.micros().to_be_bytes()];
        let clear = self.keys().open(Purpose::Sightings, place(&row), &sealed);
        let Some(answer) = clear.ok().and_then(|clear| minicbor::decode::<Sightings>(&clear).ok()) else {
            tracing::error!("an answer on who saw a record does not open in its place; it is not shown");
            return Ok(None);
        };
        let now = self.journal().now();
        Ok(Some(answer).filter(|answer| answer.at() + FRESH > now && answer.at() < now + FRESH))
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
    /// When the last answers were given.
    given: Mutex<VecDeque<Instant>>,
}

struct Give {
    sealed: Vec<u8>,
    asked: Time,
}

impl Effect<GiveSightings> for Give {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, GiveSightings>) -> Result<Applied<()>, StoreError> {
        let (patient, now) = (tx.action().patient, tx.now());
        // Another node was first, or the question was put again.
        let taken = sql::answer_sightings(tx.connection(), patient, (self.asked, now), &self.sealed).await?;
        Ok(if taken { Applied::done(()) } else { Applied::refused(()) })
    }
}

struct Forget;

impl Effect<PurgeSessions> for Forget {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, PurgeSessions>) -> Result<Applied<()>, StoreError> {
        let before = tx.now() - STALE;
        sql::forget_sightings(tx.connection(), before).await?;
        Ok(Applied::done(()))
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
        Self { store, journal, policies, keys, establishment, traces, given: Mutex::default() }
    }

    /// Answers, for ever; and deletes what is old.
    pub async fn keep_answering(self) {
        let mut forgotten = Instant::now();
        loop {
            let mut done = self.answer_all().await;
            if done.is_ok() && forgotten.elapsed() >= STALE {
                forgotten = Instant::now();
                done = self.forget().await;
            }
            if let Err(error) = done {
                tracing::warn!(%error, "the questions of who saw a record cannot be read or deleted");
                tokio::time::sleep(20 * ANSWER_EVERY).await;
            }
            tokio::time::sleep(ANSWER_EVERY).await;
        }
    }

    /// Answers all that waits, the newest first: whoever asked long ago has gone.
    async fn answer_all(&self) -> Result<(), CareError> {
        let now = self.journal.now();
        let mut connection = self.store.read().await?;
        let between = (now - WAITS_MAX, now + WAITS_MAX);
        let waiting = sql::sightings_asked(&mut connection, self.establishment, between, QUESTIONS_MAX).await?;
        drop(connection);
        for (patient, asked) in waiting {
            if !self.has_room() {
                break;
            }
            // One that cannot be answered keeps nobody else waiting.
            if let Err(error) = self.answer(patient, asked).await {
                tracing::warn!(%error, "who saw a record could not be told");
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        while given.front().is_some_and(|when| when.elapsed() > Duration::from_secs(60)) {
            given.pop_front();
        }
        given.len() < ANSWERS_MAX
    }

    async fn answer(&self, patient: PatientId, asked: Time) -> Result<(), CareError> {
        let now = self.journal.now();
        let since = now - Duration::from_secs(u64::from(SIGHTINGS_DAYS) * 86_400);
        // Read first: what the database is told of meanwhile is not missing.
        let heads = read_heads(&self.store).await?;
        let proof = self.decided(GiveSightings { patient, count: 0 }, now)?;
        let Looked { mut rows, more, unreadable, extents } = self.look(&proof, since).await?;
        let seen = |name: &String, size: u64| extents.get(name).is_some_and(|to| *to >= size);
        let all_there = heads.iter().filter(|(_, head)| head.at >= since).all(|(name, head)| seen(name, head.size));
        let named = self.name(&mut rows).await?;
        let whole = all_there && !unreadable && named;
        if !all_there && now.since(asked) < OTHERS_FIRST {
            return Ok(());
        }
        let count = rows.len();
        let clear = minicbor::to_vec(Sightings { at: now.micros(), whole, more, rows }).unwrap_or_default();
        let row: [&[u8]; 2] = [patient.as_bytes(), &asked.micros().to_be_bytes()];
        let sealed = self.keys.seal(Purpose::Sightings, place(&row), &clear);
        let sealed = sealed.map_err(|error| CareError::Fault(error.to_string()))?;
        let proof = self.decided(GiveSightings { patient, count }, now)?;
        // What is left to others, or fails before anything is written, takes no room.
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
        self.journal.perform(proof, Give { sealed, asked }).await?;
        Ok(())
    }

    /// The newest looks: those of others up to their bound whatever there is of one's own in between.
    async fn look(&self, proof: &Authorized<GiveSightings>, since: Time) -> Result<Looked, CareError> {
        let (mut found, mut after) = (Looked::default(), None);
        let (mut own, mut others, mut looked) = (0, 0, 0);
        loop {
            let page = self.traces.of_patient(proof, since, after).await.map_err(CareError::Fault)?;
            found.unreadable |= page.unreadable;
            found.extents = page.extents;
            looked += page.rows.len().max(1);
            for row in page.rows {
                // Of a record, a patient can only be its own.
                let (count, most) =
                    if row.role() == Some(Role::Patient) { (&mut own, OWN_MAX) } else { (&mut others, SIGHTINGS_MAX) };
                if *count < most {
                    *count += 1;
                    found.rows.push(row);
                } else if most == SIGHTINGS_MAX {
                    found.more = true;
                }
            }
            after = page.next;
            if after.is_none() || found.more || looked >= LOOKED_MAX {
                found.more |= after.is_some();
                return Ok(found);
            }
        }
    }

    fn decided<A: Action>(&self, action: A, now: Time) -> Result<Authorized<A>, CareError> {
        let who = system_actor(SystemActor::Node, Some(self.establishment), now);
        let decided = self.policies.decide(&who, action, &Facts::default(), now);
        decided.map_err(|why: Denied| CareError::Fault(why.to_string()))
    }

    /// Who they are, from their accounts; says whether each could be read.
    async fn name(&self, rows: &mut [Sighting]) -> Result<bool, CareError> {
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
        Ok(names.values().all(Option::is_some))
    }

    async fn forget(&self) -> Result<(), CareError> {
        let now = self.journal.now();
        let mut connection = self.store.read().await?;
        let some = sql::has_sightings_before(&mut connection, now - STALE).await?;
        drop(connection);
        if some {
            let proof = self.decided(PurgeSessions {}, now)?;
            self.journal.perform(proof, Forget).await?;
        }
        Ok(())
    }
}

/// What was found, over several pages.
#[derive(Default)]
struct Looked {
    rows: Vec<Sighting>,
    more: bool,
    unreadable: bool,
    extents: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests;
