//! The probe of the journal on the disk, over a real journal that somebody alters, and a desk that shows too much.

use crate::{
    hospital::{self, Flaw},
    journaled::{Book, Change, trace},
    probes::{
        Fault,
        settings::{Recording, Set, Settings},
        unaltered::{UnalteredProbe, Watched},
    },
};
use dossier::{BoxFuture, Probe as _, ProbeOutcome, probe_named};
use journal::{Journal, JournalConfig, Kind, Trace};
use std::{fs, path::Path, sync::Arc};
use store::{StoreConfig, SystemClock};
use types::{Event, Extra, Time};
use vault::MasterKey;

/// A journal with some entries, closed: what lies there stands still. Gives its folder.
pub async fn written(data: &Path, details: &[&str]) -> std::path::PathBuf {
    let key = data.join("master.key");
    let master = if key.exists() { MasterKey::load(&key) } else { MasterKey::create(&key) }.unwrap();
    let url = format!("sqlite:{}", data.join("poterne.db").display());
    let (store, door) = store::open(&StoreConfig { demonstration: true, ..StoreConfig::new(url) }).await.unwrap();
    let config = JournalConfig {
        folder: data.join("journal"),
        month_keys: data.join("vault"),
        origin: "node".into(),
        reserve_slots: 16,
    };
    let journal = Journal::open(config, &master, door, Arc::new(SystemClock)).await.unwrap();
    for detail in details {
        journal.note_node(Event::NodeConfigured, Some((*detail).to_owned())).await.unwrap();
    }
    journal.close().await.unwrap();
    store.close().await;
    data.join("journal/node")
}

struct Told(Set);

impl Settings for Told {
    fn set(&self) -> BoxFuture<'_, Result<Set, Fault>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

/// A node that records these beyond the minimum, and whose journal says that those were decided.
fn set(in_force: &[Extra], decided: &[Extra]) -> Set {
    let all = |extras: &[Extra]| extras.iter().copied().collect();
    Set { in_force: all(in_force), decided: all(decided), stray: 0, whole: true }
}

const PAGE: &str = "/fr/sonde-1";

fn recording(set: Set, change: Change) -> Recording {
    let book = Book { change, before: Vec::new() };
    Recording::asking_for(|| Ok(PAGE.to_owned()), Arc::new(Told(set)), Arc::new(book))
}

async fn run(journal: &Arc<Watched>, flaw: Flaw) -> ProbeOutcome {
    let desk = hospital::open(flaw).await;
    let info = probe_named("unaltered").unwrap();
    UnalteredProbe::new(info, journal.clone(), Some(desk.visits), recording(set(&[], &[]), |_| {})).run().await
}

fn failed(outcome: &ProbeOutcome, what: &str) {
    assert!(matches!(outcome, ProbeOutcome::Failed(told) if told.contains(what)), "{what}: {outcome}");
}

/// The file with the newest entries.
pub fn bundle(folder: &Path) -> std::path::PathBuf {
    let partial = fs::read_dir(folder.join("tile/entries/000.p")).unwrap().next().unwrap();
    partial.unwrap().path()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_of_the_journal_turns_on_an_altered_byte_and_on_another_history() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(folder.path(), &["one", "two"]).await;
    let watched = Arc::new(Watched::new(log.clone()));
    let outcome = run(&watched, Flaw::None).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.ends_with("nothing")), "{outcome}");
    written(folder.path(), &["three"]).await;
    let outcome = run(&watched, Flaw::None).await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "it goes on: {outcome}");

    let path = bundle(&log);
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    failed(&run(&watched, Flaw::None).await, "000.p");
    fs::write(&path, &whole).unwrap();
    assert!(matches!(run(&watched, Flaw::None).await, ProbeOutcome::Proved(_)));

    // Another journal of the same name, by the same key: whole in itself, and not the one that was there.
    let other = tempfile::tempdir().unwrap();
    fs::copy(folder.path().join("master.key"), other.path().join("master.key")).unwrap();
    let forged = written(other.path(), &["one", "two", "three", "four", "five", "six", "seven"]).await;
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&forged, &log).unwrap();
    failed(&run(&watched, Flaw::None).await, "are not those that were there before");
    fs::remove_dir_all(&log).unwrap();
    assert!(matches!(run(&watched, Flaw::None).await, ProbeOutcome::Failed(_)));
}

/// A long journal is read whole once a day: in between, what was replaced in its tree and at its end is seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_readings_of_a_long_journal_its_tree_and_end_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(folder.path(), &["one", "two"]).await;
    let watched = Arc::new(Watched::read_whole_up_to(0, log.clone()));
    let outcome = run(&watched, Flaw::None).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("entries verify and")), "{outcome}");
    written(folder.path(), &["three"]).await;
    let outcome = run(&watched, Flaw::None).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("less than a day ago")), "{outcome}");

    let path = bundle(&log);
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    failed(&run(&watched, Flaw::None).await, "is not under the checkpoint");
    fs::write(&path, &whole).unwrap();

    let other = tempfile::tempdir().unwrap();
    fs::copy(folder.path().join("master.key"), other.path().join("master.key")).unwrap();
    let forged = written(other.path(), &["one", "two", "three", "four", "five", "six", "seven"]).await;
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&forged, &log).unwrap();
    failed(&run(&watched, Flaw::None).await, "are not those that were there before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_of_the_journal_turns_on_a_desk_that_shows_traces_or_that_there_are_some() {
    let folder = tempfile::tempdir().unwrap();
    let watched = Arc::new(Watched::new(written(folder.path(), &["one"]).await));
    failed(&run(&watched, Flaw::TracesShown).await, "no trace controller");
    failed(&run(&watched, Flaw::TracesTold).await, "otherwise than what does not exist");
    failed(&run(&watched, Flaw::AnybodySetsRetention).await, "may ask for another retention");
    failed(&run(&watched, Flaw::AnybodyRecordsMore).await, "may ask for more to be recorded");
    let unset = recording(set(&[], &[]), |_| {});
    let nowhere = UnalteredProbe::new(probe_named("unaltered").unwrap(), watched, None, unset).run().await;
    assert!(matches!(&nowhere, ProbeOutcome::Partial(told) if told.contains("no desk")), "{nowhere}");
}

fn with_port(traces: &mut [Trace]) {
    traces.iter_mut().for_each(|trace| trace.port = Some(4));
}

fn with_requests(traces: &mut Vec<Trace>) {
    let asked = trace(Event::RequestMade, Kind::Note, 10, Time::from_micros(1));
    traces.push(Trace { target: Some(format!("GET {PAGE}")), ..asked });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_of_the_journal_turns_on_what_is_recorded_otherwise_than_two_decided() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(folder.path(), &["one"]).await;
    let watched = Arc::new(Watched::read_whole_up_to(0, log.clone()));
    let run_on = async |watched: &Arc<Watched>, set: Set, change: Change| {
        let desk = hospital::open(Flaw::None).await;
        let info = probe_named("unaltered").unwrap();
        UnalteredProbe::new(info, watched.clone(), Some(desk.visits), recording(set, change)).run().await
    };
    let run = async |set: Set, change: Change| run_on(&watched, set, change).await;
    // The node says that two decided so; this journal, verified whole, knows nothing of it.
    let forged = run_on(&Arc::new(Watched::new(log)), set(&[Extra::Port], &[Extra::Port]), |all| with_port(all)).await;
    failed(&forged, "verified entries decide");
    // From here on it was read whole lately.
    assert!(matches!(run(set(&[], &[]), |_| {}).await, ProbeOutcome::Proved(_)));
    use Extra::{Calls, Port, Requests};
    let proved: [(Set, Change, &str); 2] = [
        (set(&[Port], &[Port]), |traces| with_port(traces), "port"),
        (set(&[Requests], &[Requests]), with_requests, "requests"),
    ];
    for (set, change, told) in proved {
        let outcome = run(set, change).await;
        assert!(matches!(&outcome, ProbeOutcome::Proved(what) if what.ends_with(told)), "{told}: {outcome}");
    }
    let bad: [(Set, Change, &str); 9] = [
        (set(&[Port], &[]), |traces| with_port(traces), "otherwise than two controllers decided"),
        (set(&[], &[Requests]), |_| {}, "otherwise than two controllers decided"),
        (set(&[], &[]), |traces| with_port(traces), "otherwise than was decided"),
        (set(&[Port], &[Port]), |_| {}, "otherwise than was decided"),
        (set(&[], &[]), with_requests, "nobody decided so"),
        (set(&[Requests], &[Requests]), |_| {}, "is to be recorded, and is not"),
        (set(&[Calls], &[Calls]), with_requests, "nobody decided so"),
        (Set { stray: 1, ..set(&[], &[]) }, |_| {}, "nobody who may"),
        (Set { whole: false, ..set(&[], &[]) }, |_| {}, "cannot be read"),
    ];
    for (set, change, told) in bad {
        failed(&run(set, change).await, told);
    }
    let unseen = run(set(&[], &[]), |traces| traces.retain(|trace| trace.event != Event::Refused)).await;
    assert!(matches!(unseen, ProbeOutcome::Partial(_)), "{unseen}");
}
