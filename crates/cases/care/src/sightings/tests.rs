//! Who answers which question, how often and how far he looks, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use journal::{JournalConfig, Kind, Outcome, read_traces};
use sqlx::{Any, pool::PoolConnection};
use std::sync::atomic::{AtomicUsize, Ordering};
use store::{
    SystemClock,
    testing::{TestDatabase, both},
};
use types::{Clock as _, Door};
use vault::{Holder, MasterKey, MonthKeys};

const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const THERE: EstablishmentId = EstablishmentId::from_bytes([2; 16]);

/// Finds what it was given, and holds these journals whole.
#[derive(Default)]
struct Given {
    pages: Vec<Vec<Sighting>>,
    holds: &'static [&'static str],
    asked: AtomicUsize,
}

impl FindsTraces for Given {
    fn of_patient<'a>(&'a self, _: &'a Authorized<GiveSightings>, _: Time, after: Option<String>) -> Finding<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let at: usize = after.map_or(0, |after| after.parse().unwrap());
        let next = (at + 1 < self.pages.len()).then(|| (at + 1).to_string());
        let rows = self.pages.get(at).cloned().unwrap_or_default();
        let extents = self.holds.iter().map(|name| ((*name).to_owned(), u64::MAX)).collect();
        Box::pin(async move { Ok(FoundTraces { rows, next, unreadable: false, extents }) })
    }
}

/// All that the nodes of a test share.
struct House<'d> {
    database: &'d TestDatabase,
    folder: tempfile::TempDir,
    outside: PoolConnection<Any>,
}

struct Node {
    name: &'static str,
    desk: SightingsDesk,
    found: Arc<Given>,
}

impl<'d> House<'d> {
    async fn new(database: &'d TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(&folder.path().join("master.key")).unwrap();
        store::open(&database.config()).await.unwrap();
        let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
        for (id, name) in [(HERE, "Ici"), (THERE, "Là-bas")] {
            let put = sqlx::query("INSERT INTO establishments (id, name) VALUES ($1, $2)");
            put.bind(id.as_bytes().to_vec()).bind(name).execute(&mut *outside).await.unwrap();
        }
        Self { database, folder, outside }
    }

    fn master(&self) -> MasterKey {
        MasterKey::load(&self.folder.path().join("master.key")).unwrap()
    }

    /// A node of its own: its own connections, journal and months' keys.
    async fn node(&self, name: &'static str, place: EstablishmentId, found: Given) -> Node {
        let (store, door) = store::open(&self.database.config()).await.unwrap();
        let folder = self.folder.path().join(name);
        let config = JournalConfig {
            folder: folder.join("journal"),
            month_keys: folder.join("vault"),
            origin: name.into(),
            reserve_slots: 16,
        };
        let master = self.master();
        let journal = Journal::open(config, &master, door, Arc::new(SystemClock)).await.unwrap();
        let (policies, found) = (Arc::new(Policies::built_in().unwrap()), Arc::new(found));
        let keys = master.keys_for(Holder::Door(Door::Desk));
        let desk = SightingsDesk::new((store, journal), policies, keys, place, found.clone());
        Node { name, desk, found }
    }

    async fn patient(&mut self, n: u8, place: EstablishmentId) -> PatientId {
        let id = PatientId::from_bytes([n; 16]);
        let put = "INSERT INTO patients (id, establishment_id, ins_token, sealed) VALUES ($1, $2, $1, $1)";
        let put = sqlx::query(put).bind(id.as_bytes().to_vec()).bind(place.as_bytes().to_vec());
        put.execute(&mut *self.outside).await.unwrap();
        id
    }

    /// A question, put as far ahead as the clocks of two nodes may be apart: a slow machine does not make it too old.
    async fn ask(&mut self, patient: PatientId) -> Time {
        self.ask_at(patient, SystemClock.now() + Duration::from_secs(8)).await
    }

    async fn ask_at(&mut self, patient: PatientId, asked: Time) -> Time {
        sql::ask_sightings(&mut self.outside, patient, asked, asked).await.unwrap();
        asked
    }

    /// How many looks the answer tells of, as the portal opens it; none while there is no answer.
    async fn told(&mut self, patient: PatientId) -> Option<usize> {
        let (asked, sealed) = sql::sightings(&mut self.outside, patient).await.unwrap()?;
        let row: [&[u8]; 2] = [patient.as_bytes(), &asked.micros().to_be_bytes()];
        let keys = self.master().keys_for(Holder::Door(Door::Portal));
        let clear = keys.open(Purpose::Sightings, place(&row), &sealed).unwrap();
        Some(minicbor::decode::<Sightings>(&clear).unwrap().rows().len())
    }

    /// What became of the answers that a node's journal tells of.
    fn given(&self, node: &Node) -> Vec<Option<Outcome>> {
        let folder = self.folder.path().join(node.name);
        let months = MonthKeys::new(&folder.join("vault"), &self.master()).unwrap();
        let entries = node.desk.journal.entries();
        let traces = read_traces(&folder.join("journal").join(node.name), &months, 0..entries).unwrap();
        let of = traces.iter().filter(|one| one.event == Event::SightingsGiven && one.kind == Kind::Outcome);
        of.map(|one| one.outcome).collect()
    }
}

/// So many looks of somebody, one after the other.
fn looks(count: usize, role: Role) -> Vec<Sighting> {
    let one = Sighting::new(SystemClock.now(), Event::RecordRead, None, Some(role));
    vec![one; count]
}

fn proof(node: &Node, patient: PatientId) -> Authorized<GiveSightings> {
    node.desk.decided(GiveSightings { patient, count: 0 }, SystemClock.now()).unwrap()
}

async fn two_nodes_answer_a_question_once(database: &TestDatabase) {
    let mut house = House::new(database).await;
    // Each tells something else, so that it is known who answered.
    let holds = &["one", "two"];
    let told = |count| Given { pages: vec![looks(count, Role::Professional)], holds, ..Given::default() };
    let one = house.node("one", HERE, told(1)).await;
    let two = house.node("two", HERE, told(2)).await;
    for n in 1..=5 {
        let patient = house.patient(n, HERE).await;
        let asked = house.ask(patient).await;
        let (first, second) = tokio::join!(one.desk.answer(patient, asked), two.desk.answer(patient, asked));
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
        let answer = house.told(patient).await.unwrap();
        // Whoever took the question up and comes late changes nothing.
        for node in [&one, &two] {
            node.desk.answer(patient, asked).await.unwrap();
            assert_eq!(house.told(patient).await, Some(answer));
        }
        // Nor does an answer to the question of before answer the one put since.
        let again = house.ask(patient).await;
        assert!(again > asked);
        two.desk.answer(patient, asked).await.unwrap();
        assert_eq!(house.told(patient).await, None, "the new question waits");
        one.desk.answer_all().await.unwrap();
        two.desk.answer_all().await.unwrap();
        assert_eq!(house.told(patient).await, Some(1), "what is answered is not taken up by the other");
    }
    let mut given = house.given(&one);
    given.extend(house.given(&two));
    let done = given.iter().filter(|one| **one == Some(Outcome::Done)).count();
    let refused = given.iter().filter(|one| **one == Some(Outcome::Refused)).count();
    assert_eq!((done, refused, given.len()), (10, 20, 30), "each question was answered once: {given:?}");
}
both!(two_nodes_answer_a_question_once);

async fn a_node_that_lacks_a_journal_leaves_the_question_to_one_that_has_it(database: &TestDatabase) {
    let mut house = House::new(database).await;
    let has = |holds| Given { holds, ..Given::default() };
    let lacks = house.node("one", HERE, has(&["one"])).await;
    let whole = house.node("two", HERE, has(&["one", "two", "elsewhere"])).await;
    let head = "INSERT INTO journal_heads (origin, size, root, at_micros) VALUES ('elsewhere', 9, $1, $2)";
    let head = sqlx::query(head).bind(vec![0_u8; 32]).bind(SystemClock.now().micros());
    head.execute(&mut *house.outside).await.unwrap();
    let patient = house.patient(1, HERE).await;
    house.ask(patient).await;
    lacks.desk.answer_all().await.unwrap();
    assert_eq!(lacks.found.asked.load(Ordering::SeqCst), 1, "it looked");
    assert_eq!(house.told(patient).await, None, "and left it to the other");
    assert!(lacks.desk.given.lock().unwrap().is_empty(), "which takes none of its room");
    whole.desk.answer_all().await.unwrap();
    assert_eq!(house.told(patient).await, Some(0));
    assert_eq!((house.given(&lacks).len(), house.given(&whole).len()), (0, 1));
    // Where nobody else comes, what it knows is told.
    house.ask_at(patient, SystemClock.now() - OTHERS_FIRST).await;
    lacks.desk.answer_all().await.unwrap();
    assert_eq!((house.told(patient).await, house.given(&lacks).len()), (Some(0), 1));
}
both!(a_node_that_lacks_a_journal_leaves_the_question_to_one_that_has_it);

async fn a_node_answers_three_hundred_questions_a_minute(database: &TestDatabase) {
    let mut house = House::new(database).await;
    let node = house.node("one", HERE, Given { holds: &["one"], ..Given::default() }).await;
    let now = Instant::now();
    *node.desk.given.lock().unwrap() = vec![now; 298].into();
    let mut patients = Vec::new();
    for n in 1..=3 {
        let patient = house.patient(n, HERE).await;
        house.ask(patient).await;
        patients.push(patient);
    }
    for _ in 0..2 {
        node.desk.answer_all().await.unwrap();
        assert_eq!(house.told(patients[2]).await, Some(0), "the newest first");
        assert_eq!(house.told(patients[1]).await, Some(0), "the three hundredth");
        assert_eq!(house.told(patients[0]).await, None, "the one after it waits");
        assert_eq!((house.given(&node).len(), node.desk.given.lock().unwrap().len()), (2, 300));
    }
    let minute_ago = now.checked_sub(Duration::from_secs(61)).unwrap();
    *node.desk.given.lock().unwrap() = vec![minute_ago; 300].into();
    node.desk.answer_all().await.unwrap();
    assert_eq!(house.told(patients[0]).await, Some(0), "a minute later there is room");
    assert_eq!((house.given(&node).len(), node.desk.given.lock().unwrap().len()), (3, 1));
}
both!(a_node_answers_three_hundred_questions_a_minute);

async fn another_establishments_questions_are_left_alone(database: &TestDatabase) {
    let mut house = House::new(database).await;
    let has = || Given { holds: &["here", "there"], ..Given::default() };
    let here = house.node("here", HERE, has()).await;
    let there = house.node("there", THERE, has()).await;
    let (mine, theirs) = (house.patient(1, HERE).await, house.patient(2, THERE).await);
    house.ask(mine).await;
    house.ask(theirs).await;
    there.desk.answer_all().await.unwrap();
    assert_eq!((house.told(mine).await, house.told(theirs).await), (None, Some(0)));
    assert_eq!(there.found.asked.load(Ordering::SeqCst), 1, "nothing was looked for on the other's behalf");
    here.desk.answer_all().await.unwrap();
    assert_eq!(house.told(mine).await, Some(0));
    assert_eq!((house.given(&here).len(), house.given(&there).len()), (1, 1));
    assert_eq!(proof(&there, mine).scope().establishment(), Some(THERE), "it would search its own traces only");
}
both!(another_establishments_questions_are_left_alone);

async fn the_looks_of_others_are_found_whatever_there_is_of_ones_own(database: &TestDatabase) {
    let mut house = House::new(database).await;
    let patient = house.patient(1, HERE).await;
    let own = || looks(SIGHTINGS_MAX, Role::Patient);
    let doctor = || looks(1, Role::Professional);
    let found = async |pages: Vec<Vec<Sighting>>, name| {
        let node = house.node(name, HERE, Given { pages, ..Given::default() }).await;
        let found = node.desk.look(&proof(&node, patient), SystemClock.now()).await.unwrap();
        let others = found.rows.iter().filter(|row| row.role() != Some(Role::Patient)).count();
        (others, found.rows.len() - others, found.more, node.found.asked.load(Ordering::SeqCst))
    };
    let pages_max = LOOKED_MAX / SIGHTINGS_MAX;
    // Behind as many pages of one's own as are looked through, and one further.
    let behind = |pages: usize| (0..pages).map(|_| own()).chain([doctor()]).collect::<Vec<_>>();
    assert_eq!(found(behind(1), "near").await, (1, OWN_MAX, false, 2));
    assert_eq!(found(behind(pages_max - 1), "far").await, (1, OWN_MAX, false, pages_max));
    assert_eq!(found(behind(pages_max), "beyond").await, (0, OWN_MAX, true, pages_max), "not all was looked at");
    // Two hundred of others, and what comes after them.
    let full = || looks(SIGHTINGS_MAX, Role::Professional);
    assert_eq!(found(vec![own(), full()], "full").await, (SIGHTINGS_MAX, OWN_MAX, false, 2));
    assert_eq!(found(vec![full(), own(), doctor()], "more").await, (SIGHTINGS_MAX, OWN_MAX, true, 3));
    // Pages without any row, all of them unreadable, do not go on for ever.
    assert_eq!(found(vec![Vec::new(); LOOKED_MAX + 1], "none").await, (0, 0, true, LOOKED_MAX));
}
both!(the_looks_of_others_are_found_whatever_there_is_of_ones_own);

/// One question of a patient waits at a time, until nobody waits for it any more.
async fn a_question_that_waits_is_not_put_again(database: &TestDatabase) {
    let mut house = House::new(database).await;
    let node = house.node("one", HERE, Given { holds: &["one"], ..Given::default() }).await;
    let patient = house.patient(1, HERE).await;
    let start = SystemClock.now();
    let put_again = async |house: &mut House<'_>, after: Duration| {
        let now = start + after;
        sql::ask_sightings(&mut house.outside, patient, now, now - WAIT).await.unwrap();
        let row = sqlx::query_as("SELECT asked_micros FROM sightings");
        let (asked,): (i64,) = row.fetch_one(&mut *house.outside).await.unwrap();
        asked == now.micros()
    };
    assert!(put_again(&mut house, Duration::ZERO).await);
    assert!(!put_again(&mut house, WAIT / 2).await, "it waits");
    assert!(!put_again(&mut house, WAIT).await, "somebody may still wait for it");
    assert!(put_again(&mut house, 2 * WAIT).await, "whoever put it has gone");
    node.desk.answer(patient, start + 2 * WAIT).await.unwrap();
    assert_eq!(house.told(patient).await, Some(0));
    assert!(put_again(&mut house, 2 * WAIT + LOOK_EVERY).await, "the one before was answered");
    assert_eq!(house.told(patient).await, None);
    assert!(put_again(&mut house, Duration::ZERO).await, "a moment to come keeps nobody waiting for ever");
}
both!(a_question_that_waits_is_not_put_again);
