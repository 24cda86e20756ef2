//! The probe of the journal on the disk, over a real journal that somebody alters, and a desk that shows too much.

use crate::{
    hospital::{self, Flaw},
    probes::unaltered::{UnalteredProbe, Watched},
};
use dossier::{Probe as _, ProbeOutcome, probe_named};
use journal::{Journal, JournalConfig};
use std::{fs, path::Path, sync::Arc};
use store::{StoreConfig, SystemClock};
use types::Event;
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

async fn run(journal: &Arc<Watched>, flaw: Flaw) -> ProbeOutcome {
    let desk = hospital::open(flaw).await;
    let info = probe_named("unaltered").unwrap();
    UnalteredProbe::new(info, journal.clone(), Some(desk.visits)).run().await
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
    assert!(matches!(&outcome, ProbeOutcome::Partial(told) if told.contains("cannot be set yet")), "{outcome}");
    written(folder.path(), &["three"]).await;
    let outcome = run(&watched, Flaw::None).await;
    assert!(matches!(outcome, ProbeOutcome::Partial(_)), "it goes on: {outcome}");

    let path = bundle(&log);
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    failed(&run(&watched, Flaw::None).await, "000.p");
    fs::write(&path, &whole).unwrap();
    assert!(matches!(run(&watched, Flaw::None).await, ProbeOutcome::Partial(_)));

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
    assert!(matches!(&outcome, ProbeOutcome::Partial(told) if told.contains("entries verify and")), "{outcome}");
    written(folder.path(), &["three"]).await;
    let outcome = run(&watched, Flaw::None).await;
    assert!(matches!(&outcome, ProbeOutcome::Partial(told) if told.contains("less than a day ago")), "{outcome}");

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
    let nowhere = UnalteredProbe::new(probe_named("unaltered").unwrap(), watched, None).run().await;
    assert!(matches!(&nowhere, ProbeOutcome::Partial(told) if told.contains("no desk")), "{nowhere}");
}
