//! The three proofs at work, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod pruned;
mod renewed;
mod retention;
mod retention_life;

use crate::{
    Applied, Effect, Journal, JournalConfig, JournalError, Kind, Marker, Markers, Outcome, Refusal, Revoked, Trace,
    TraceReader, Withheld, WriteTx, read_markers, read_traces, verify,
};
use identity::{
    Authenticated, Credentials, DoorKey, PasswordHash, SessionLimits, SignIn, TotpSecret, door_actor, resume,
    system_actor,
};
use policy::{Authorized, CreateEstablishment, Facts, Policies, ReadRecord, Relation, RelationKind, SeePeople};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::{
    Store, StoreError,
    testing::{TestDatabase, both},
};
use types::{
    AccountId, Category, ClientAddress, Clock, Confidentiality, Door, EstablishmentId, Event, Family, InterventionId,
    ObjectRef, PatientId, Period, RelayId, Role, Secret, SessionId, SystemActor, Time, TraceId,
};
use vault::{MasterKey, MonthKeys};

const START: Time = Time::from_micros(1_790_000_000_000_000);

#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl HandClock {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct Fixture<'a> {
    database: &'a TestDatabase,
    folder: tempfile::TempDir,
    policies: Policies,
    clock: HandClock,
    store: Store,
    journal: Journal,
}

impl<'a> Fixture<'a> {
    async fn new(database: &'a TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(&folder.path().join("master.key")).unwrap();
        let clock = HandClock(Arc::new(AtomicI64::new(START.micros())));
        let (store, journal) = Self::open(database, &folder, &clock).await;
        Self { database, folder, policies: Policies::built_in().unwrap(), clock, store, journal }
    }

    async fn open(database: &TestDatabase, folder: &tempfile::TempDir, clock: &HandClock) -> (Store, Journal) {
        let master = MasterKey::load(&folder.path().join("master.key")).unwrap();
        let (store, door) = store::open(&database.config()).await.unwrap();
        let journal = Journal::open(Self::config(folder), &master, door, Arc::new(clock.clone())).await.unwrap();
        (store, journal)
    }

    fn config(folder: &tempfile::TempDir) -> JournalConfig {
        JournalConfig {
            folder: folder.path().join("journal"),
            month_keys: folder.path().join("vault"),
            origin: "node".into(),
            reserve_slots: 16,
        }
    }

    /// As after a `kill -9`: nothing is closed, nothing more is written.
    async fn crash(self) -> Self {
        let Self { database, folder, policies, clock, store, journal } = self;
        drop(journal);
        store.close().await;
        let (store, journal) = Self::open(database, &folder, &clock).await;
        Self { database, folder, policies, clock, store, journal }
    }

    fn origin(&self) -> PathBuf {
        self.folder.path().join("journal/node")
    }

    fn traces(&self) -> Vec<Trace> {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let months = MonthKeys::new(&self.folder.path().join("vault"), &master).unwrap();
        read_traces(&self.origin(), &months, 0..self.journal.entries()).unwrap()
    }

    fn of(&self, event: Event) -> Vec<(Kind, Option<Outcome>)> {
        self.traces().iter().filter(|trace| trace.event == event).map(|trace| (trace.kind, trace.outcome)).collect()
    }

    fn creation(&self, n: u8) -> Authorized<CreateEstablishment> {
        let establishment = EstablishmentId::from_bytes([n; 16]);
        let who = system_actor(SystemActor::Demo, Some(establishment), self.clock.now());
        self.policies.decide(&who, CreateEstablishment { establishment }, &Facts::default(), self.clock.now()).unwrap()
    }

    async fn names(&self) -> Vec<String> {
        let mut connection = self.store.read().await.unwrap();
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT name FROM establishments ORDER BY name").fetch_all(&mut *connection).await.unwrap();
        rows.into_iter().map(|(name,)| name).collect()
    }

    async fn markers(&self) -> Markers {
        read_markers(&self.store).await.unwrap().remove("node").unwrap_or_default()
    }

    fn patient(&self) -> Authenticated {
        let now = self.clock.now();
        let address = ClientAddress::new([192, 0, 2, 7].into());
        let key = DoorKey::new(Door::Portal, &[7; 32]);
        let totp = TotpSecret::from_bytes(*b"12345678901234567890");
        let code = code_at(now);
        let held = Credentials { password: PasswordHash::from_phc(CHEAP.into()), totp, last_step: 0 };
        let verified = SignIn::start(address, now)
            .password(&Secret::new("un mot de passe".into()), Some((AccountId::from_bytes([3; 16]), &held)))
            .code(&code, Some(&held), now)
            .unwrap();
        let limits = SessionLimits { idle: Duration::from_secs(1800), absolute: Duration::from_secs(28_800) };
        let random = (SessionId::from_bytes([4; 16]), [5; 32]);
        let session = verified.open((HERE, Role::Patient), &key, limits, random, now);
        resume(&session.stored, &session.token, &key, address, now).unwrap().authenticated
    }

    fn record(&self, n: u8) -> Authorized<ReadRecord> {
        let patient = PatientId::from_bytes([n; 16]);
        self.policies.decide(&self.patient(), ReadRecord { patient }, &own(n), self.clock.now()).unwrap()
    }
}

const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
/// A hash of "un mot de passe", cheap to check.
const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$6QcZHylZ88XvsSNpZ8u8LDBEwtjlte7QKgtVtebbTGI";

fn code_at(now: Time) -> String {
    let step = u64::try_from(now.seconds()).unwrap() / 30;
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345678901234567890");
    let tag = aws_lc_rs::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

fn own(n: u8) -> Facts {
    let period = Period { from: Time::from_micros(0), until: None };
    let patient = PatientId::from_bytes([n; 16]);
    Facts {
        relations: vec![Relation { patient, establishment: HERE, kind: RelationKind::Own, period }],
        ..Facts::default()
    }
}

fn object(n: u8, confidentiality: Confidentiality) -> ObjectRef {
    let patient = PatientId::from_bytes([n; 16]);
    ObjectRef { establishment: HERE, patient, category: Category::Result, confidentiality, id: "r-1".parse().unwrap() }
}

/// What the test's effect does after its insertion.
#[derive(Clone, Copy)]
enum Then {
    Done,
    Refuse,
    Fail,
    Panic,
    Linger,
}

struct Create(&'static str, Then);

impl Effect<CreateEstablishment> for Create {
    type Output = u8;
    async fn apply(&self, tx: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<u8>, StoreError> {
        let id = tx.action().establishment.as_bytes().to_vec();
        sqlx::query("INSERT INTO establishments (id, name) VALUES ($1, $2)")
            .bind(id)
            .bind(self.0)
            .execute(tx.connection())
            .await?;
        match self.1 {
            Then::Done => Ok(Applied::done(1)),
            Then::Refuse => Ok(Applied::refused(2)),
            Then::Fail => Err(StoreError::Other("the test says no".into())),
            Then::Panic => panic!("the test panics"),
            Then::Linger => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(Applied::done(3))
            }
        }
    }
}

async fn an_effect_has_its_intent_marker_and_outcome(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    assert_eq!(fixture.journal.perform(fixture.creation(1), Create("a", Then::Done)).await.unwrap(), 1);
    assert_eq!(fixture.journal.perform(fixture.creation(2), Create("b", Then::Refuse)).await.unwrap(), 2);
    assert_eq!(fixture.names().await, ["a", "b"]);
    assert_eq!(
        fixture.of(Event::EstablishmentCreated),
        [
            (Kind::Intent, None),
            (Kind::Outcome, Some(Outcome::Done)),
            (Kind::Intent, None),
            (Kind::Outcome, Some(Outcome::Refused)),
        ]
    );
    let markers = fixture.markers().await;
    assert_eq!(markers.len(), 2);
    let report = verify(&fixture.origin(), None, Some(&markers));
    assert!(report.ok() && report.intents_open == 0, "{report:?}");
}
both!(an_effect_has_its_intent_marker_and_outcome);

async fn what_fails_leaves_nothing_but_its_trace(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let failed = fixture.journal.perform(fixture.creation(1), Create("a", Then::Fail)).await;
    assert!(matches!(failed, Err(JournalError::Store(_))), "{failed:?}");
    let panicked = fixture.journal.perform(fixture.creation(2), Create("b", Then::Panic)).await;
    assert!(matches!(panicked, Err(JournalError::Fault)), "{panicked:?}");
    assert!(fixture.names().await.is_empty());
    assert_eq!(
        fixture.of(Event::EstablishmentCreated),
        [
            (Kind::Intent, None),
            (Kind::Outcome, Some(Outcome::Failed)),
            (Kind::Intent, None),
            (Kind::Outcome, Some(Outcome::Abandoned)),
        ]
    );
}
both!(what_fails_leaves_nothing_but_its_trace);

async fn a_dropped_request_cancels_nothing_half_way(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let doing = fixture.journal.perform(fixture.creation(1), Create("a", Then::Linger));
    assert!(tokio::time::timeout(Duration::from_millis(100), doing).await.is_err(), "dropped under way");
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(fixture.names().await, ["a"]);
    assert_eq!(fixture.of(Event::EstablishmentCreated).last(), Some(&(Kind::Outcome, Some(Outcome::Done))));
}
both!(a_dropped_request_cancels_nothing_half_way);

async fn kept_proofs_are_refused_at_their_expiry(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let (kept, kept_reading) = (fixture.creation(1), fixture.record(9));
    let withheld = Withheld::objects(kept_reading.scope(), vec![(object(9, Confidentiality::Normal), "r")]).unwrap();
    let traced = fixture.journal.open_trace(fixture.creation(2)).await.unwrap();
    fixture.clock.advance(31);
    assert!(matches!(fixture.journal.perform(kept, Create("a", Then::Done)).await, Err(JournalError::Expired)));
    assert!(matches!(fixture.journal.release(kept_reading, withheld).await, Err(JournalError::Expired)));
    assert!(matches!(fixture.journal.write(traced, Create("b", Then::Done)).await, Err(JournalError::Expired)));
    assert!(fixture.names().await.is_empty());
    assert_eq!(fixture.of(Event::EstablishmentCreated), [(Kind::Intent, None), (Kind::Outcome, Some(Outcome::Failed))]);
}
both!(kept_proofs_are_refused_at_their_expiry);

async fn a_crash_leaves_no_act_open(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    // One act stopped before its transaction, one between commit and outcome.
    let before = fixture.journal.open_trace(fixture.creation(1)).await.unwrap();
    let between = fixture.journal.open_trace(fixture.creation(2)).await.unwrap().trace_id();
    let mut transaction = fixture.journal.0.door.begin().await.unwrap();
    sqlx::query("INSERT INTO effects (trace_id, origin, event, state, at_micros) VALUES ($1, 'node', 'x', 'done', 0)")
        .bind(between.as_bytes().to_vec())
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let before = before.trace_id();
    let fixture = fixture.crash().await;
    let outcome =
        |id: TraceId| fixture.traces().iter().find(|t| t.trace == id && t.kind == Kind::Outcome).map(|t| t.outcome);
    assert_eq!(outcome(before), Some(Some(Outcome::Abandoned)));
    assert_eq!(outcome(between), Some(Some(Outcome::Done)));
    assert_eq!(fixture.markers().await.get(&before).map(|marker| marker.abandoned), Some(true));
    let report = verify(&fixture.origin(), None, Some(&fixture.markers().await));
    assert!(report.ok() && report.intents_open == 0, "{report:?}");
}
both!(a_crash_leaves_no_act_open);

async fn a_late_commit_of_an_abandoned_act_fails(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let traced = fixture.journal.open_trace(fixture.creation(1)).await.unwrap();
    let outcome = fixture.journal.settle(traced.trace_id(), Event::EstablishmentCreated).await.unwrap();
    assert_eq!(outcome, Outcome::Abandoned);
    let late = fixture.journal.write(traced, Create("a", Then::Done)).await;
    assert!(late.is_err());
    assert!(fixture.names().await.is_empty());
}
both!(a_late_commit_of_an_abandoned_act_fails);

async fn many_at_once_all_come_through(database: &TestDatabase) {
    let fixture = Fixture::new(database).await.shared();
    const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let mut running = tokio::task::JoinSet::new();
    for (n, name) in NAMES.into_iter().enumerate() {
        let authorized = fixture.1.creation_at(u8::try_from(n + 1).unwrap());
        let journal = fixture.0.clone();
        running.spawn(async move { journal.perform(authorized, Create(name, Then::Done)).await });
    }
    while let Some(done) = running.join_next().await {
        assert_eq!(done.unwrap().unwrap(), 1);
    }
    assert_eq!(fixture.1.fixture.names().await.len(), 12);
}
both!(many_at_once_all_come_through);

/// A fixture whose journal is shared by tasks.
struct Shared<'a> {
    fixture: Fixture<'a>,
}

impl Shared<'_> {
    fn creation_at(&self, n: u8) -> Authorized<CreateEstablishment> {
        self.fixture.creation(n)
    }
}

impl<'a> Fixture<'a> {
    fn shared(self) -> (Journal, Shared<'a>) {
        (self.journal.clone(), Shared { fixture: self })
    }
}

async fn health_data_opens_only_under_its_own_trace(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let authorized = fixture.record(9);
    let row = (object(9, Confidentiality::Normal), "value");
    let withheld = Withheld::objects(authorized.scope(), vec![row.clone()]).unwrap();
    assert_eq!(fixture.journal.release(authorized, withheld).await.unwrap(), ["value"]);
    let trace = fixture.traces().into_iter().next_back().unwrap();
    assert_eq!((trace.kind, trace.event), (Kind::Released, Event::RecordRead));
    assert_eq!(trace.patients, [PatientId::from_bytes([9; 16]).to_string()]);
    assert_eq!(trace.objects, ["result/r-1"]);
    assert_eq!(trace.purpose.as_deref(), Some("own_record"));
    assert_eq!(trace.address.as_deref(), Some("192.0.2.7"));

    // Withheld under one authorization, it does not open under another.
    let (mine, other) = (fixture.record(9), fixture.record(8));
    let withheld = Withheld::objects(mine.scope(), vec![row]).unwrap();
    assert!(matches!(fixture.journal.release(other, withheld).await, Err(JournalError::OutOfScope)));

    // Rows outside the scope never become a page: held, of somebody else.
    let mine = fixture.record(9);
    for stray in [object(9, Confidentiality::Held), object(8, Confidentiality::Normal)] {
        assert!(Withheld::objects(mine.scope(), vec![(stray, "x")]).is_err());
    }
    assert!(Withheld::people(mine.scope(), vec![(PatientId::from_bytes([8; 16]), "x")]).is_err());

    // A page that one trace could not name.
    let many: Vec<_> = (0..101)
        .map(|n| (ObjectRef { id: format!("r-{n}").parse().unwrap(), ..object(9, Confidentiality::Normal) }, n))
        .collect();
    let withheld = Withheld::objects(mine.scope(), many).unwrap();
    assert!(matches!(fixture.journal.release(mine, withheld).await, Err(JournalError::TooMany)));
}
both!(health_data_opens_only_under_its_own_trace);

async fn revocations_outlive_a_crash(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let (cut, other) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
    fixture.journal.revoke(cut, fixture.clock.now() + Duration::from_secs(3600)).await.unwrap();
    assert!(fixture.journal.is_revoked(cut) && !fixture.journal.is_revoked(other));
    let fixture = fixture.crash().await;
    assert!(fixture.journal.is_revoked(cut) && !fixture.journal.is_revoked(other));
    fixture.clock.advance(3601);
    let fixture = fixture.crash().await;
    assert!(!fixture.journal.is_revoked(cut), "past the session's own end there is nothing left to revoke");
}
both!(revocations_outlive_a_crash);

async fn a_revocation_is_of_one_kind(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let until = fixture.clock.now() + Duration::from_secs(3600);
    let (relay, matter) = (RelayId::from_bytes([1; 16]), InterventionId::from_bytes([1; 16]));
    fixture.journal.revoke_any(Revoked::Relay(relay), until).await.unwrap();
    let only_the_relay = |journal: &Journal| {
        journal.has_revoked(Revoked::Relay(relay))
            && !journal.has_revoked(Revoked::Matter(matter))
            && !journal.is_revoked(SessionId::from_bytes([1; 16]))
    };
    let only_the_relay_and_the_matter =
        |journal: &Journal| journal.has_revoked(Revoked::Relay(relay)) && journal.revoked_matters() == [matter];
    assert!(only_the_relay(&fixture.journal));
    let fixture = fixture.crash().await;
    assert!(only_the_relay(&fixture.journal));
    fixture.journal.revoke_any(Revoked::Matter(matter), until).await.unwrap();
    // A shorter end does not shorten what is in force.
    fixture.journal.revoke_here(Revoked::Matter(matter), fixture.clock.now());
    let fixture = fixture.crash().await;
    assert_eq!(fixture.journal.revoked_matters(), [matter]);
    // A lock is the account's, and goes when something else has come in its place.
    let account = AccountId::from_bytes([1; 16]);
    fixture.journal.revoke_any(Revoked::Account(account), until).await.unwrap();
    let fixture = fixture.crash().await;
    assert!(fixture.journal.has_revoked(Revoked::Account(account)));
    fixture.journal.lift(Revoked::Account(account)).await.unwrap();
    let fixture = fixture.crash().await;
    assert!(!fixture.journal.has_revoked(Revoked::Account(account)));
    assert!(only_the_relay_and_the_matter(&fixture.journal));
}
both!(a_revocation_is_of_one_kind);

async fn refusals_past_the_bound_fold(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let who = door_actor(Door::Portal, ClientAddress::new([192, 0, 2, 9].into()), None, fixture.clock.now());
    for n in 0..25 {
        let refusal = Refusal { target: format!("record {n}"), reason: "no session".into() };
        fixture.journal.refuse(&who, Event::Refused, &refusal).await.unwrap();
    }
    fixture.journal.fold(false).await.unwrap();
    assert_eq!(fixture.of(Event::Refused).len(), 20);
    assert!(fixture.of(Event::RefusalsFolded).is_empty(), "the minute is not over");
    fixture.clock.advance(60);
    fixture.journal.fold(false).await.unwrap();
    let folded = fixture.traces().into_iter().next_back().unwrap();
    assert_eq!((folded.event, folded.count), (Event::RefusalsFolded, Some(5)));
    assert_eq!(folded.address.as_deref(), Some("192.0.2.9"));
    assert!(folded.target.unwrap().contains("record 24"));
}
both!(refusals_past_the_bound_fold);

async fn verification_compares_with_the_database(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    fixture.journal.perform(fixture.creation(1), Create("a", Then::Done)).await.unwrap();
    let whole = fixture.markers().await;
    assert!(verify(&fixture.origin(), None, Some(&whole)).ok());
    let mut forged = whole.clone();
    forged.insert(TraceId::from_bytes([0xaa; 16]), Marker { abandoned: false, at: START });
    let report = verify(&fixture.origin(), None, Some(&forged));
    assert!(report.database[0].contains("never announced"), "{report:?}");
    let report = verify(&fixture.origin(), None, Some(&Markers::new()));
    assert!(report.database[0].contains("no marker"), "{report:?}");
}
both!(verification_compares_with_the_database);

async fn a_journal_of_many_months_reads_back(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    for _ in 0..3 {
        fixture.clock.advance(31 * 86_400);
        let people = fixture.policies.decide(&fixture.patient(), SeePeople {}, &own(9), fixture.clock.now()).unwrap();
        let withheld = Withheld::people(people.scope(), vec![(PatientId::from_bytes([9; 16]), ())]).unwrap();
        fixture.journal.release(people, withheld).await.unwrap();
    }
    let keys = fixture.of(Event::SealKey).len();
    assert_eq!(keys, 4, "one for the start, and one for each month that health data was shown in");
    assert_eq!(fixture.of(Event::PeopleRead).len(), 3);
    let stolen = tempfile::tempdir().unwrap();
    let other = MasterKey::create(&stolen.path().join("k")).unwrap();
    let months = MonthKeys::new(&fixture.folder.path().join("vault"), &other).unwrap();
    assert!(read_traces(&fixture.origin(), &months, 0..fixture.journal.entries()).is_err(), "another master key");
}
both!(a_journal_of_many_months_reads_back);

async fn each_family_is_sealed_to_a_key_of_its_own(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let refusal = Refusal { target: "/x".into(), reason: "absent".into() };
    let node = system_actor(SystemActor::Node, None, fixture.clock.now());
    assert_eq!(fixture.of(Event::SealKey).len(), 1, "a start needs the technical family only");
    for round in 0..2 {
        fixture.journal.note(&node, Event::StrayObject, Some(format!("round {round}"))).await.unwrap();
        fixture.journal.refuse(&node, Event::Refused, &refusal).await.unwrap();
    }
    let kinds: Vec<_> = fixture.traces().iter().map(|trace| (trace.kind, trace.event)).collect();
    let key = (Kind::SealKey, Event::SealKey);
    let stray = (Kind::Note, Event::StrayObject);
    let refused = (Kind::Refusal, Event::Refused);
    assert_eq!(kinds, [key, (Kind::Note, Event::NodeStarted), key, stray, key, refused, stray, refused]);
    // The loss of one family's key takes its entries with it, and no other.
    let vault = fixture.folder.path().join("vault");
    let mut pairs: Vec<_> = std::fs::read_dir(&vault).unwrap().map(|it| it.unwrap().file_name()).collect();
    pairs.sort();
    assert_eq!(pairs, ["access-2026-09.pair", "health-2026-09.pair", "technical-2026-09.pair"]);
    std::fs::remove_file(vault.join("access-2026-09.pair")).unwrap();
    let master = MasterKey::load(&fixture.folder.path().join("master.key")).unwrap();
    let mut reader = TraceReader::new(&fixture.origin(), Arc::new(MonthKeys::new(&vault, &master).unwrap()));
    assert!(reader.catch_up(1000).unwrap());
    let block = reader.blocks()[0];
    let read = reader.read(&block, &|_| true).unwrap();
    let events: Vec<_> = read.traces.iter().map(|trace| trace.event).collect();
    assert_eq!(
        (events.as_slice(), read.unreadable),
        ([Event::NodeStarted, Event::StrayObject, Event::StrayObject].as_slice(), 2)
    );
    assert!(verify(&fixture.origin(), None, None).ok(), "what remains still verifies");
}
both!(each_family_is_sealed_to_a_key_of_its_own);

async fn many_at_once_make_one_key_a_family_and_a_month(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    for _ in 0..2 {
        fixture.clock.advance(31 * 86_400);
        let node = Arc::new(system_actor(SystemActor::Node, None, fixture.clock.now()));
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..64 {
            let (journal, node) = (fixture.journal.clone(), Arc::clone(&node));
            // Spread over the whole registry, and so over every family.
            let event = Event::ALL[caller * Event::ALL.len() / 64];
            callers.spawn(async move { journal.note(&node, event, None).await });
        }
        while let Some(noted) = callers.join_next().await {
            noted.unwrap().unwrap();
        }
    }
    let keys = fixture.traces().iter().filter(|trace| trace.kind == Kind::SealKey).count();
    assert_eq!(keys, 1 + 2 * Family::ALL.len(), "the start's, then one a family each month");
    let fixture = fixture.crash().await;
    assert!(verify(&fixture.origin(), None, None).ok());
}
both!(many_at_once_make_one_key_a_family_and_a_month);

async fn a_cut_reaches_requests_under_way(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let authorized = fixture.record(9);
    let withheld = Withheld::objects(authorized.scope(), vec![(object(9, Confidentiality::Normal), "r")]).unwrap();
    let until = fixture.clock.now() + Duration::from_secs(3600);
    fixture.journal.revoke(SessionId::from_bytes([4; 16]), until).await.unwrap();
    assert!(matches!(fixture.journal.release(authorized, withheld).await, Err(JournalError::Revoked)));
    assert!(fixture.of(Event::RecordRead).is_empty());
}
both!(a_cut_reaches_requests_under_way);

async fn a_proof_made_to_last_is_refused(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    // Whoever decides brings the time; the journal has its own.
    let later = fixture.clock.now() + Duration::from_secs(86_400);
    let establishment = EstablishmentId::from_bytes([1; 16]);
    let who = system_actor(SystemActor::Demo, Some(establishment), later);
    let kept = fixture.policies.decide(&who, CreateEstablishment { establishment }, &Facts::default(), later).unwrap();
    assert!(matches!(fixture.journal.perform(kept, Create("a", Then::Done)).await, Err(JournalError::Expired)));
}
both!(a_proof_made_to_last_is_refused);
