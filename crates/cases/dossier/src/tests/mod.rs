//! Proofs kept and read back, rules shown, traces searched, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod retention;
mod searches;
mod traces;

use crate::{
    BoxFuture, Catalogue, DossierError, Filter, Installation, Probe, ProbeInfo, ProbeOutcome, ProofKeeper, ProofReader,
    RulesError, RulesService, State, Text, Traces, VALID, probe_named, rows,
};
use identity::{
    Authenticated, Credentials, DoorKey, PasswordHash, SessionLimits, SignIn, TotpSecret, resume, system_actor,
};
use journal::{Applied, Effect, Journal, JournalConfig, Kind, Outcome, Refusal, WriteTx, index::Index};
use policy::{CreateEstablishment, Facts, Policies};
use std::{
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
use tokio::task::JoinSet;
use types::{
    AccountId, ClientAddress, Clock, Door, EstablishmentId, Event, Role, Secret, SessionId, SystemActor, Time,
};
use vault::{Holder, Keys, MasterKey, MonthKeys};

/// The moment of RFC 6238's first vector: its code is known.
const SIGNED_IN: Time = Time::from_micros(59_000_000);
const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const ELSEWHERE: EstablishmentId = EstablishmentId::from_bytes([2; 16]);
/// A hash of "un mot de passe", cheap to check.
const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$6QcZHylZ88XvsSNpZ8u8LDBEwtjlte7QKgtVtebbTGI";

#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl HandClock {
    fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct Fixture {
    folder: tempfile::TempDir,
    url: String,
    clock: HandClock,
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    master: MasterKey,
    indexes: AtomicI64,
}

impl Fixture {
    async fn new(database: &TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let clock = HandClock(Arc::new(AtomicI64::new(SIGNED_IN.micros())));
        let (store, door) = store::open(&database.config()).await.unwrap();
        let config = JournalConfig {
            folder: folder.path().join("journal"),
            month_keys: folder.path().join("vault"),
            origin: "node".into(),
            reserve_slots: 16,
        };
        let journal = Journal::open(config, &master, door, Arc::new(clock.clone())).await.unwrap();
        let policies = Arc::new(Policies::built_in().unwrap());
        Self { folder, url: database.config().url, clock, store, journal, policies, master, indexes: AtomicI64::new(0) }
    }

    fn keys(&self, holder: Holder) -> Keys {
        self.master.keys_for(holder)
    }

    fn keeper(&self) -> ProofKeeper {
        ProofKeeper::new(self.journal.clone(), self.policies.clone(), self.keys(Holder::Prober))
    }

    fn reader(&self) -> ProofReader {
        ProofReader::new(self.store.clone(), self.keys(Holder::ProofReader))
    }

    fn rules(&self) -> RulesService {
        let (catalogue, installation) = (Catalogue::built_in().unwrap(), Installation::default());
        let proofs = ProofReader::new(self.store.clone(), self.keys(Holder::Door(Door::Desk)));
        RulesService::new(catalogue, proofs, self.journal.clone(), self.policies.clone(), installation)
    }

    /// With an index of its own, which opens so many entries at most in one search.
    fn traces(&self, opened_max: usize) -> Traces {
        let months = Arc::new(MonthKeys::new(&self.folder.path().join("vault"), &self.master).unwrap());
        let journals = self.folder.path().join("journal");
        let folder = self.folder.path().join(format!("index-{}", self.indexes.fetch_add(1, Ordering::Relaxed)));
        let index = Index::new(&folder, &journals, months, &self.master).unwrap().opening_at_most(opened_max);
        Traces::new(index, self.journal.clone(), self.policies.clone())
    }

    fn somebody(&self, role: Role, door: Door, establishment: EstablishmentId) -> Authenticated {
        self.of_account(3, role, door, establishment)
    }

    /// One of several people.
    fn of_account(&self, account: u8, role: Role, door: Door, establishment: EstablishmentId) -> Authenticated {
        let address = ClientAddress::new([192, 0, 2, 7].into());
        let key = DoorKey::new(door, &[7; 32]);
        let totp = TotpSecret::from_bytes(*b"12345678901234567890");
        let held = Credentials { password: PasswordHash::from_phc(CHEAP.into()), totp, last_step: 0 };
        let verified = SignIn::start(address, SIGNED_IN)
            .password(&Secret::new("un mot de passe".into()), Some((AccountId::from_bytes([account; 16]), &held)))
            .code("287082", Some(&held), SIGNED_IN)
            .unwrap();
        let limits = SessionLimits { idle: Duration::from_secs(7200), absolute: Duration::from_secs(28_800) };
        let random = (SessionId::from_bytes([account + 1; 16]), [5; 32]);
        let session = verified.open((establishment, role), &key, limits, random, SIGNED_IN);
        resume(&session.stored, &session.token, &key, address, self.clock.now()).unwrap().authenticated
    }

    fn controller(&self) -> Authenticated {
        self.somebody(Role::TraceController, Door::Desk, HERE)
    }

    /// What somebody with the database's password could do.
    async fn by_hand(&self, statement: &'static str) {
        let pool = sqlx::AnyPool::connect(&self.url).await.unwrap();
        assert_eq!(sqlx::query(statement).execute(&pool).await.unwrap().rows_affected(), 1, "{statement}");
        pool.close().await;
    }

    async fn state(&self, text: Text, id: &str) -> (State, Option<String>) {
        let kept = self.reader().latest().await.unwrap();
        let rows = rows(&Catalogue::built_in().unwrap(), &kept, &Installation::default(), self.clock.now());
        let row = rows.into_iter().find(|row| row.key.text == text && row.key.id == id).unwrap();
        (row.state, row.proof.map(|proof| proof.detail))
    }
}

fn proved() -> ProbeOutcome {
    ProbeOutcome::Proved("seen".into())
}

async fn a_proof_is_kept_until_it_expires(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, (State::Gap, None));
    let kept = it.keeper().record("sign-out", proved()).await.unwrap();
    assert_eq!(it.reader().latest().await.unwrap(), [kept]);
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, (State::Proved, Some("seen".into())));
    assert_eq!(it.state(Text::Segur, "SC.SSI/IE.38").await.0, State::Proved, "one probe, two rules");
    assert_eq!(it.state(Text::AccesWeb, "AA10").await, (State::Gap, None), "and no other");
    it.clock.advance(Duration::from_secs(600));
    it.keeper().record("sign-out", ProbeOutcome::Failed("the token still opens".into())).await.unwrap();
    let why = "failed: the token still opens";
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, (State::Gap, Some(why.into())), "the latest counts");
    it.keeper().record("sign-out", proved()).await.unwrap();
    it.clock.advance(VALID);
    let why = "no recent proof; last: seen";
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, (State::Gap, Some(why.into())));
    let unknown = it.keeper().record("made-up", proved()).await;
    assert!(matches!(unknown, Err(DossierError::Unknown(_))));
}
both!(a_proof_is_kept_until_it_expires);

async fn a_row_written_by_hand_proves_nothing(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let never = (State::Gap, None);
    it.keeper().record("sign-out", ProbeOutcome::Failed("open".into())).await.unwrap();
    it.by_hand("UPDATE proofs SET outcome = 'proved'").await;
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, never, "a failure that was made a proof");
    it.keeper().record("sign-out", proved()).await.unwrap();
    it.by_hand("UPDATE proofs SET expires_micros = expires_micros + 1").await;
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, never, "a proof that was to last longer");
    it.keeper().record("sign-out", proved()).await.unwrap();
    it.by_hand("UPDATE proofs SET at_micros = at_micros + 1").await;
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, never, "another moment");
    it.keeper().record("sign-out", proved()).await.unwrap();
    it.by_hand("UPDATE proofs SET detail = 'signed by the minister'").await;
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, never, "other words");
    it.keeper().record("sign-out", proved()).await.unwrap();
    it.by_hand("UPDATE proofs SET probe = 'session-tokens'").await;
    assert_eq!(it.state(Text::AccesWeb, "AA10").await, never, "another probe's");
    it.by_hand("UPDATE proofs SET outcome = 'sworn'").await;
    assert_eq!(it.state(Text::AccesWeb, "AA10").await, never, "an unknown word");
    it.by_hand("INSERT INTO proofs SELECT 'tls', 'proved', 'seen', at_micros, expires_micros, tag FROM proofs").await;
    assert_eq!(it.state(Text::AccesWeb, "DT6").await, never, "a tag that was borrowed");
    it.keeper().record("tls", proved()).await.unwrap();
    assert_eq!(it.state(Text::AccesWeb, "DT6").await.0, State::Proved, "the others are read all the same");
    let stranger = MasterKey::create(&it.folder.path().join("stranger.key")).unwrap();
    let reader = ProofReader::new(it.store.clone(), stranger.keys_for(Holder::ProofReader));
    assert_eq!(reader.latest().await.unwrap(), [], "another installation's key");
    let reader = ProofReader::new(it.store.clone(), it.keys(Holder::Door(Door::Portal)));
    assert!(matches!(reader.latest().await, Err(DossierError::Vault(_))), "the portal has no such key");
}
both!(a_row_written_by_hand_proves_nothing);

async fn every_answer_is_in_the_journal(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    it.keeper().record("tls", ProbeOutcome::Failed("TLS 1.0 is served".into())).await.unwrap();
    let filter = Filter { events: vec![Event::ProofRecorded], ..Filter::default() };
    let page = it.traces(10_000).search(&it.controller(), filter).await.unwrap();
    let row = &page.rows[0];
    assert_eq!((row.kind, row.outcome, row.author.as_str()), (Kind::Intent, Some(Outcome::Done), "system.node"));
    assert_eq!(row.detail.as_deref(), Some("tls"));
}
both!(every_answer_is_in_the_journal);

struct Says(&'static str, Answer);

#[derive(Clone, Copy)]
enum Answer {
    Proved,
    Panics,
    Hangs,
}

impl Probe for Says {
    fn info(&self) -> &ProbeInfo {
        probe_named(self.0).unwrap()
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        let answer = self.1;
        Box::pin(async move {
            match answer {
                Answer::Proved => proved(),
                Answer::Panics => panic!("a fault of the probe"),
                Answer::Hangs => std::future::pending().await,
            }
        })
    }
}

async fn a_probe_that_could_not_run_proves_nothing(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let run_max = Duration::from_secs(2);
    let keeper = ProofKeeper::waiting(it.journal.clone(), it.policies.clone(), it.keys(Holder::Prober), run_max);
    it.keeper().record("tls", proved()).await.unwrap();
    let probes: Vec<Arc<dyn Probe>> = vec![
        Arc::new(Says("tls", Answer::Panics)),
        Arc::new(Says("sign-out", Answer::Hangs)),
        Arc::new(Says("last-sign-in", Answer::Proved)),
    ];
    keeper.round(&probes).await;
    let why = "could not run: the probe itself stopped on a fault";
    assert_eq!(it.state(Text::AccesWeb, "DT6").await, (State::Gap, Some(why.into())), "the proof before is gone");
    let why = "could not run: no answer within 2 seconds";
    assert_eq!(it.state(Text::AccesWeb, "AA12").await, (State::Gap, Some(why.into())));
    assert_eq!(it.state(Text::AccesWeb, "AA9").await.0, State::Proved, "the round went on");
}
both!(a_probe_that_could_not_run_proves_nothing);

async fn rules_are_for_those_who_answer_for_conformity(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    it.keeper().record("tls", proved()).await.unwrap();
    let rules = it.rules();
    for (role, door) in [
        (Role::SecurityOfficer, Door::Desk),
        (Role::Dpo, Door::Desk),
        (Role::Administrator, Door::Desk),
        (Role::Auditor, Door::Suppliers),
    ] {
        let rows = rules.list(&it.somebody(role, door, HERE), it.clock.now()).await.unwrap();
        assert_eq!(rows.len(), 244, "{role}");
        let proved = rows.iter().filter(|row| row.state == State::Proved);
        assert_eq!(proved.map(|row| row.key.to_string()).collect::<Vec<_>>(), ["acces-web:DT6", "clausier:O-8.1"]);
    }
    for (role, door) in [
        (Role::Patient, Door::Portal),
        (Role::Technician, Door::Suppliers),
        (Role::TraceController, Door::Desk),
        (Role::SecurityOfficer, Door::Portal),
    ] {
        let refused = rules.list(&it.somebody(role, door, HERE), it.clock.now()).await;
        assert!(matches!(refused, Err(RulesError::NotFound)), "{role} {door}");
    }
    let filter = Filter { events: vec![Event::Refused], ..Filter::default() };
    let page = it.traces(10_000).search(&it.controller(), filter).await.unwrap();
    assert_eq!(page.rows.len(), 4, "each refusal is traced");
    assert!(page.rows.iter().all(|row| row.target.as_deref() == Some("rules")));
}
both!(rules_are_for_those_who_answer_for_conformity);

async fn rules_read_as_the_interfaces_say(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    it.keeper().record("tls", proved()).await.unwrap();
    let who = it.somebody(Role::Dpo, Door::Desk, HERE);
    let rows = it.rules().list(&who, it.clock.now()).await.unwrap();
    let json = serde_json::to_value(&rows).unwrap();
    let of = |id: &str| json.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone();
    let mut keys: Vec<_> = of("DT6").as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["id", "kind", "proof", "state", "text", "title_en", "title_fr"]);
    assert_eq!(of("DT6")["text"], "acces-web");
    assert_eq!(of("DT6")["state"], "proved");
    let proof = serde_json::json!({
        "probe": "tls", "at": "1970-01-01T00:00:59Z", "expires": "1970-01-01T00:30:59Z", "detail": "seen"
    });
    assert_eq!(of("DT6")["proof"], proof);
    assert_eq!(of("GP1")["proof"], serde_json::Value::Null);
    assert_eq!(of("GP1")["kind"], "organisational");
}
both!(rules_read_as_the_interfaces_say);
