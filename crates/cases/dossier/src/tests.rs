//! Proofs kept and read back, rules shown, traces searched, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::{
    BoxFuture, Catalogue, DossierError, Filter, Installation, Probe, ProbeInfo, ProbeOutcome, ProofKeeper, ProofReader,
    RulesError, RulesService, State, Text, Traces, TracesError, VALID, probe_named, rows,
};
use identity::{
    Authenticated, Credentials, DoorKey, PasswordHash, SessionLimits, SignIn, TotpSecret, resume, system_actor,
};
use journal::{Applied, Effect, Journal, JournalConfig, Kind, Outcome, Refusal, WriteTx};
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
        Self { folder, url: database.config().url, clock, store, journal, policies, master }
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

    fn traces(&self, scan_entries_max: u64) -> Traces {
        let months = MonthKeys::new(&self.folder.path().join("vault"), &self.master).unwrap();
        let folder = self.folder.path().join("journal");
        Traces::bounded(folder, months, self.journal.clone(), self.policies.clone(), scan_entries_max)
    }

    fn somebody(&self, role: Role, door: Door, establishment: EstablishmentId) -> Authenticated {
        let address = ClientAddress::new([192, 0, 2, 7].into());
        let key = DoorKey::new(door, &[7; 32]);
        let totp = TotpSecret::from_bytes(*b"12345678901234567890");
        let held = Credentials { password: PasswordHash::from_phc(CHEAP.into()), totp, last_step: 0 };
        let verified = SignIn::start(address, SIGNED_IN)
            .password(&Secret::new("un mot de passe".into()), Some((AccountId::from_bytes([3; 16]), &held)))
            .code("287082", Some(&held), SIGNED_IN)
            .unwrap();
        let limits = SessionLimits { idle: Duration::from_secs(7200), absolute: Duration::from_secs(28_800) };
        let random = (SessionId::from_bytes([4; 16]), [5; 32]);
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
    let filter = Filter { event: Some(Event::ProofRecorded), ..Filter::default() };
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
    let filter = Filter { event: Some(Event::Refused), ..Filter::default() };
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

async fn traces_are_for_their_controller_and_the_search_is_traced_first(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let traces = it.traces(10_000);
    for (role, door) in [
        (Role::Patient, Door::Portal),
        (Role::SecurityOfficer, Door::Desk),
        (Role::Administrator, Door::Desk),
        (Role::Auditor, Door::Desk),
        (Role::TraceController, Door::Suppliers),
        (Role::TraceController, Door::Portal),
    ] {
        let refused = traces.search(&it.somebody(role, door, HERE), Filter::default()).await;
        assert!(matches!(refused, Err(TracesError::NotFound)), "{role} {door}");
    }
    let filter = Filter { words: Some("Node".into()), ip: Some([192, 0, 2, 7].into()), ..Filter::default() };
    let page = traces.search(&it.controller(), filter).await.unwrap();
    assert_eq!(page.rows.len(), 1, "its own trace, which says what was searched");
    let row = &page.rows[0];
    assert_eq!((row.kind, row.event), (Kind::Released, Event::TracesSearched));
    assert_eq!(row.detail.as_deref(), Some("ip=192.0.2.7, words=Node"));
    let refused = Filter { event: Some(Event::Refused), ..Filter::default() };
    assert_eq!(traces.search(&it.controller(), refused).await.unwrap().rows.len(), 6);
    let long = Filter { words: Some("x".repeat(201)), ..Filter::default() };
    assert!(matches!(traces.search(&it.controller(), long).await, Err(TracesError::TooLong)));
}
both!(traces_are_for_their_controller_and_the_search_is_traced_first);

struct Nothing(bool);

impl Effect<CreateEstablishment> for Nothing {
    type Output = ();
    async fn apply(&self, _: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<()>, StoreError> {
        if self.0 { Ok(Applied::done(())) } else { Err(StoreError::Other("no".into())) }
    }
}

async fn filters_find_what_they_say(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let traces = it.traces(10_000);
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    let theirs = it.somebody(Role::SecurityOfficer, Door::Desk, ELSEWHERE);
    it.journal.note(&who, Event::RelayAlarm, Some("Le Scanner chauffe".into())).await.unwrap();
    it.journal.note(&theirs, Event::RelayAlarm, Some("ailleurs".into())).await.unwrap();
    it.clock.advance(Duration::from_secs(60));
    let later = it.clock.now();
    for works in [true, false] {
        let demo = system_actor(SystemActor::Demo, Some(HERE), later);
        let action = CreateEstablishment { establishment: HERE };
        let yes = it.policies.decide(&demo, action, &Facts::default(), later).unwrap();
        assert_eq!(it.journal.perform(yes, Nothing(works)).await.is_ok(), works);
    }
    let found = async |filter: Filter| {
        let page = traces.search(&it.controller(), filter).await.unwrap();
        page.rows.into_iter().map(|row| (row.event, row.outcome)).collect::<Vec<_>>()
    };
    let alarm = (Event::RelayAlarm, None);
    let by_type = Filter { event: Some(Event::RelayAlarm), ..Filter::default() };
    assert_eq!(found(by_type.clone()).await, [alarm], "not the other establishment's");
    assert_eq!(found(Filter { words: Some("CHAUFFE scanner".into()), ..by_type.clone() }).await, [alarm]);
    assert_eq!(found(Filter { words: Some("scanner froid".into()), ..by_type.clone() }).await, []);
    assert_eq!(found(Filter { since: Some(later), ..by_type.clone() }).await, []);
    assert_eq!(found(Filter { until: Some(later), ..by_type.clone() }).await, [alarm]);
    let account = AccountId::from_bytes([3; 16]);
    assert_eq!(found(Filter { author: Some(account.to_string()), ..by_type.clone() }).await, [alarm]);
    assert_eq!(found(Filter { author: Some(format!("account:{account}")), ..by_type.clone() }).await, [alarm]);
    assert_eq!(found(Filter { author: Some("system.demo".into()), ..by_type.clone() }).await, []);
    assert_eq!(found(Filter { ip: Some([192, 0, 2, 8].into()), ..by_type }).await, []);
    let created = Filter { event: Some(Event::EstablishmentCreated), ..Filter::default() };
    let outcomes = [Outcome::Failed, Outcome::Done].map(|outcome| (Event::EstablishmentCreated, Some(outcome)));
    assert_eq!(found(created).await, outcomes, "each act once, with what became of it");
    let nobody = Filter { patient: Some(types::PatientId::from_bytes([9; 16])), ..Filter::default() };
    assert_eq!(found(nobody).await, []);
}
both!(filters_find_what_they_say);

async fn folded_refusals_are_found_by_their_source(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    for _ in 0..25 {
        it.journal.refuse(&who, Event::Refused, &Refusal { target: "t".into(), reason: "r".into() }).await.unwrap();
    }
    it.journal.fold(true).await.unwrap();
    let filter = Filter { ip: Some([192, 0, 2, 7].into()), event: Some(Event::RefusalsFolded), ..Filter::default() };
    let page = it.traces(10_000).search(&it.controller(), filter).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| row.count).collect::<Vec<_>>(), [Some(5)]);
}
both!(folded_refusals_are_found_by_their_source);

/// `count` notes, a second apart; some seconds hold several.
async fn fill(it: &Fixture, count: usize) {
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    let who = Arc::new(who);
    for batch in 0..count.div_ceil(25) {
        let mut notes = JoinSet::new();
        for one in 0..25.min(count - batch * 25) {
            let (journal, who) = (it.journal.clone(), who.clone());
            let text = format!("n{}", batch * 25 + one);
            notes.spawn(async move { journal.note(&who, Event::RelayAlarm, Some(text)).await.unwrap() });
        }
        notes.join_all().await;
        it.clock.advance(Duration::from_millis(700));
    }
}

async fn pages_follow_each_other_without_gap_or_repeat(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 700).await;
    for scan_entries_max in [1_000_000, 256] {
        let traces = it.traces(scan_entries_max);
        let mut seen = Vec::new();
        let (mut before, mut times, mut cut_short) = (None, vec![Time::from_micros(i64::MAX)], 0);
        for turn in 0.. {
            assert!(turn < 60, "it ends");
            let filter = Filter { event: Some(Event::RelayAlarm), before, limit: 40, ..Filter::default() };
            let page = traces.search(&it.controller(), filter).await.unwrap();
            assert!(page.rows.iter().all(|row| row.time < *times.last().unwrap()), "newer than the page before");
            assert!(page.rows.is_sorted_by_key(|row| std::cmp::Reverse(row.time)));
            // 25 of one moment are never parted: a page may hold a few more.
            assert!(page.rows.len() <= 40 + 24);
            times.extend(page.rows.last().map(|row| row.time));
            seen.extend(page.rows.into_iter().map(|row| row.detail.unwrap()));
            cut_short += u32::from(page.cut_short);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 700, "{scan_entries_max}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 700);
        assert_eq!(cut_short > 0, scan_entries_max == 256, "{cut_short}");
    }
}
both!(pages_follow_each_other_without_gap_or_repeat);

async fn a_search_reads_no_more_than_it_may_and_says_so(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    it.journal.note(&it.controller(), Event::RelayAlarm, Some("needle".into())).await.unwrap();
    it.clock.advance(Duration::from_secs(1));
    let after = it.clock.now();
    fill(&it, 600).await;
    let traces = it.traces(512);
    let filter = Filter { words: Some("needle".into()), event: Some(Event::RelayAlarm), ..Filter::default() };
    let page = traces.search(&it.controller(), filter.clone()).await.unwrap();
    assert!(page.rows.is_empty() && page.cut_short && page.next.is_some());
    let narrowed = Filter { until: Some(after), ..filter.clone() };
    let page = traces.search(&it.controller(), narrowed).await.unwrap();
    assert_eq!(page.rows.len(), 1, "narrower dates reach further");
    assert!(!page.cut_short && page.next.is_none());
    let rest = Filter { before: traces.search(&it.controller(), filter.clone()).await.unwrap().next, ..filter };
    assert_eq!(traces.search(&it.controller(), rest).await.unwrap().rows.len(), 1, "or one goes on");
}
both!(a_search_reads_no_more_than_it_may_and_says_so);

async fn a_month_whose_key_is_gone_is_counted_not_shown(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 3).await;
    let pair = it.folder.path().join("vault/access-1970-01.pair");
    let held = std::fs::read(&pair).unwrap();
    let filter = Filter { event: Some(Event::RelayAlarm), ..Filter::default() };
    std::fs::remove_file(&pair).unwrap();
    let page = it.traces(10_000).search(&it.controller(), filter.clone()).await.unwrap();
    assert_eq!((page.rows.len(), page.unreadable), (0, 3));
    std::fs::write(&pair, held).unwrap();
    let page = it.traces(10_000).search(&it.controller(), filter).await.unwrap();
    assert_eq!((page.rows.len(), page.unreadable), (3, 0));
}
both!(a_month_whose_key_is_gone_is_counted_not_shown);
