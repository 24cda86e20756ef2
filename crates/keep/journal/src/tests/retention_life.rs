//! A journal that lives for years, its clock swinging, two people deciding, its purges interrupted, against a naive model
//! that looks at every entry each time. Nothing goes before its term; what may go goes; what remains verifies.

use super::*;
use crate::{
    Against, Verifying, export,
    log::Archive,
    retention::{
        Month, Purged, Statement,
        tests::{Naive, Step, families, statement, what},
    },
    verify_archived,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400;
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// How far behind the newest entry the clock is set: a month that went seals nothing any more.
const BEHIND_MAX_DAYS: i64 = 150;

#[derive(Debug, Clone)]
enum Act {
    /// So many weeks, with something of this family in each.
    Live(u32, Family),
    Decide(Step),
    /// The clock moves, and time does not.
    Swing(i64),
    /// A purge; stopped after so many of its steps, and finished at the next start.
    Purge(Option<u8>),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let decide = (0_u32..20, 0_u8..6, 0_u8..3, what()).prop_map(|(days, id, by, what)| Step { days, id, by, what });
    let act = prop_oneof![
        4 => (1_u32..20, families()).prop_map(|(weeks, family)| Act::Live(weeks, family)),
        3 => decide.prop_map(Act::Decide),
        1 => (-BEHIND_MAX_DAYS..200).prop_map(Act::Swing),
        3 => prop::option::of(1_u8..5).prop_map(Act::Purge),
    ];
    prop::collection::vec(act, 8..30)
}

/// An entry's moments: as its clock told it, and the true one.
struct Noted {
    family: Family,
    told: Time,
    seconds: i64,
}

struct Life<'a> {
    fixture: Fixture<'a>,
    naive: Naive,
    /// Seconds that truly went by.
    seconds: i64,
    swings: i64,
    /// What was noted, by its words.
    noted: BTreeMap<String, Noted>,
    gone: BTreeSet<String>,
}

fn sample(family: Family) -> Event {
    *Event::ALL.iter().find(|event| event.family() == family && **event != Event::SealKey).unwrap()
}

fn pair_of(family: Family, at: Time) -> String {
    format!("{family}-{}", Month::of(at))
}

impl Life<'_> {
    fn pass(&mut self, seconds: i64) {
        self.fixture.clock.advance(seconds);
        self.seconds += seconds;
    }

    async fn live(&mut self, weeks: u32, family: Family) {
        for _ in 0..weeks {
            self.pass(7 * DAY);
            let (words, told) = (format!("note {}", self.noted.len()), self.fixture.clock.now());
            let node = system_actor(SystemActor::Node, None, told);
            self.fixture.journal.note(&node, sample(family), Some(words.clone())).await.unwrap();
            self.noted.insert(words, Noted { family, told, seconds: self.seconds });
        }
    }

    async fn decide(&mut self, step: &Step) {
        self.pass(i64::from(step.days) * DAY);
        let at = self.fixture.clock.now();
        let Some(statement) = statement(step) else { return };
        // Refused or not: the model knows which.
        let _ = match statement {
            Statement::Proposed { change, .. } => self.fixture.ask((step.id, step.by), change).await,
            Statement::Confirmed { .. } => self.fixture.confirm((step.id, step.by)).await,
            _ => self.fixture.withdraw((step.id, step.by)).await,
        };
        self.naive.step(step, at);
    }

    fn swing(&mut self, days: i64) {
        let newest = self.fixture.traces().iter().map(|trace| trace.time).max().unwrap();
        let behind = newest.since(self.fixture.clock.now()).as_secs();
        let room = BEHIND_MAX_DAYS * DAY - i64::try_from(behind).unwrap();
        self.fixture.clock.advance((days * DAY).max(-room));
        self.swings += 1;
    }

    /// The pairs that may go, found from every entry and every decision anew.
    fn due(&self) -> BTreeSet<String> {
        let now = self.fixture.clock.now();
        // The records of the clock, with the journal's age at each entry.
        let (mut newest, mut age) = (Time::from_micros(i64::MIN), Duration::ZERO);
        let mut records = Vec::new();
        let mut last: BTreeMap<String, (Family, Month, Time, Duration)> = BTreeMap::new();
        for trace in self.fixture.traces() {
            if trace.time > newest {
                age += if records.is_empty() { Duration::ZERO } else { trace.time.since(newest).min(WEEK) };
                newest = trace.time;
                records.push((newest, age));
            }
            if trace.kind != Kind::SealKey {
                let family = trace.event.family();
                last.insert(pair_of(family, trace.time), (family, Month::of(trace.time), newest, age));
            }
        }
        let may_go = |(family, month, written, then): &(Family, Month, Time, Duration)| {
            let late = *written >= month.end() + Duration::from_secs(86_400);
            let counted = if late { Month::of(*written).max(*month) } else { *month };
            let term = counted.plus(1 + self.naive.retention(*family, now)).start();
            let wanted = term.since(counted.end());
            let began = records.iter().find(|(time, _)| *time >= month.end());
            let lived = began.map_or(Duration::ZERO, |(_, began)| age - *began);
            let held = self.naive.holds_any(*family, *month..=counted, now);
            now >= term && newest >= term && !held && lived >= wanted && age - *then >= wanted
        };
        let due = last.iter().filter(|(pair, one)| !self.gone.contains(*pair) && may_go(one));
        due.map(|(pair, _)| pair.clone()).collect()
    }

    /// What a stop leaves after so many steps of a purge.
    async fn stop_after(&self, steps: u8, pair: &str) {
        let purged = Purged {
            pair: pair.to_owned(),
            sealed: vec![],
            size: 0,
            root: [0; 32],
            months: 0,
            term_micros: 0,
            basis: "a test".into(),
        };
        self.fixture.journal.state_as_node(Event::JournalPurged, &Statement::Purged(purged)).await.unwrap();
        let file = self.fixture.pair_file(pair);
        let bytes = std::fs::read(&file).unwrap();
        if steps > 1 {
            std::fs::write(file.with_extension("destroyed"), &bytes[..32]).unwrap();
        }
        if steps > 2 {
            std::fs::write(&file, vec![0; bytes.len()]).unwrap();
        }
        if steps > 3 {
            std::fs::remove_file(&file).unwrap();
        }
    }

    async fn purge(mut self, stop: Option<u8>) -> Self {
        // The clock is not believed until the node starts again.
        self.fixture = self.fixture.crash().await;
        let mut due = self.due();
        if let (Some(steps), Some(first)) = (stop, due.first().cloned()) {
            self.stop_after(steps, &first).await;
            self.fixture = self.fixture.crash().await;
            self.fixture.journal.finish_purges().await.unwrap();
            assert!(!self.fixture.pair_file(&first).exists(), "{first} is not finished");
            due.remove(&first);
            self.gone.insert(first);
        }
        let went: BTreeSet<_> = self.fixture.journal.purge_due().await.unwrap().into_iter().collect();
        assert_eq!(went, due, "what went, and what the model lets go");
        self.gone.extend(went);
        self.check();
        self
    }

    /// What was noted is there, unless its month went; and then it was there for as long as it must be.
    fn check(&self) {
        let traces = self.fixture.traces();
        let words: BTreeSet<_> = traces.iter().filter_map(|trace| trace.detail.as_deref()).collect();
        for (note, noted) in &self.noted {
            let pair = pair_of(noted.family, noted.told);
            assert_eq!(words.contains(note.as_str()), !self.gone.contains(&pair), "{note} of {pair}");
            if self.gone.contains(&pair) {
                let floor = i64::from(noted.family.retention_months_min()) * 30;
                let lived = (self.seconds - noted.seconds) / DAY + 7 * self.swings;
                assert!(lived >= floor, "{note} of {pair} went after {lived} days");
            }
        }
        for pair in &self.gone {
            assert!(!self.fixture.pair_file(pair).exists(), "{pair} is back");
        }
        assert!(verify(&self.fixture.origin(), None, None).ok(), "what remains verifies");
    }

    /// An archive of what remains verifies too.
    fn check_export(&self) {
        let file = self.fixture.folder.path().join("archive");
        let log = (self.fixture.origin(), "node");
        let out = std::fs::File::create(&file).unwrap();
        export([(log.0.as_path(), log.1, vec![])], out).unwrap();
        let archive = Archive::open(&file).unwrap();
        let report = verify_archived(&archive, "node", &Verifying::default(), &Against::default()).unwrap();
        let entries = self.fixture.traces().len();
        assert!(report.ok(), "{report}");
        assert_eq!(usize::try_from(report.verdict.entries).unwrap(), entries, "all entries are in the archive");
    }
}

async fn live_through(acts: Vec<Act>) -> usize {
    let database = TestDatabase::sqlite();
    let fixture = Fixture::new(&database).await;
    let (naive, noted) = (Naive::default(), BTreeMap::new());
    let mut life = Life { fixture, naive, seconds: 0, swings: 0, noted, gone: BTreeSet::new() };
    for act in acts {
        match act {
            Act::Live(weeks, family) => life.live(weeks, family).await,
            Act::Decide(step) => life.decide(&step).await,
            Act::Swing(days) => life.swing(days),
            Act::Purge(stop) => life = life.purge(stop).await,
        }
    }
    life.check();
    life.check_export();
    life.fixture.journal.close().await.unwrap();
    life.gone.len()
}

#[test]
fn whatever_happens_nothing_goes_before_its_term_and_what_remains_verifies() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 8, max_shrink_iters: 60, ..Config::default() });
    let gone = std::cell::Cell::new(0);
    let lived = runner.run(&acts(), |acts| {
        gone.set(gone.get() + runtime.block_on(live_through(acts)));
        Ok(())
    });
    lived.unwrap();
    assert!(gone.get() > 0, "in none of these lives anything reached its term");
}

/// The case that a month's own calendar would get wrong.
#[test]
fn what_a_clock_set_back_puts_into_an_old_month_stays_as_long_as_any_other() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let late = [
        Act::Live(30, Family::Access),
        Act::Swing(-BEHIND_MAX_DAYS),
        Act::Live(1, Family::Access),
        Act::Swing(BEHIND_MAX_DAYS),
        Act::Live(40, Family::Access),
        Act::Purge(None),
        Act::Live(30, Family::Access),
        Act::Purge(None),
    ];
    assert!(runtime.block_on(live_through(late.to_vec())) > 0);
}
