//! An older copy of the journal's folder put back, a segment lost, the folder gone: never a second history under the same
//! name, but a refusal, then a new origin that declares the gap.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use identity::system_actor;
use journal::{
    Applied, Effect, Journal, JournalConfig, JournalError, Trace, WriteTx, read_heads, read_markers, read_traces,
    verify,
};
use policy::{CreateEstablishment, Facts, Policies};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{
    Store, StoreError, SystemClock,
    testing::{TestDatabase, both},
};
use types::{EstablishmentId, Event, SessionId, SystemActor};
use vault::{MasterKey, MonthKeys};

struct House<'a> {
    database: &'a TestDatabase,
    folder: tempfile::TempDir,
}

struct Create;

impl Effect<CreateEstablishment> for Create {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<()>, StoreError> {
        let id = tx.action().establishment.as_bytes().to_vec();
        let statement = sqlx::query("INSERT INTO establishments (id, name) VALUES ($1, 'a name')").bind(id);
        statement.execute(tx.connection()).await?;
        Ok(Applied::done(()))
    }
}

impl<'a> House<'a> {
    fn new(database: &'a TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(&folder.path().join("master.key")).unwrap();
        Self { database, folder }
    }

    fn config(&self, origin: &str) -> JournalConfig {
        JournalConfig {
            folder: self.folder.path().join("journal"),
            month_keys: self.folder.path().join("vault"),
            origin: origin.into(),
            reserve_slots: 16,
        }
    }

    fn master(&self) -> MasterKey {
        MasterKey::load(&self.folder.path().join("master.key")).unwrap()
    }

    async fn open(&self) -> Result<(Store, Journal), JournalError> {
        let (store, door) = store::open(&self.database.config()).await.unwrap();
        Journal::open(self.config("node"), &self.master(), door, Arc::new(SystemClock)).await.map(|open| (store, open))
    }

    async fn open_anew(&self) -> (Store, Journal) {
        let (store, door) = store::open(&self.database.config()).await.unwrap();
        let journal = Journal::open_anew(self.config("node"), &self.master(), door, Arc::new(SystemClock)).await;
        (store, journal.unwrap())
    }

    /// Opens, writes so many entries, and closes.
    async fn write(&self, count: usize) {
        let (store, journal) = self.open().await.unwrap();
        note(&journal, count, 1).await;
        journal.close().await.unwrap();
        store.close().await;
    }

    fn log(&self, origin: &str) -> PathBuf {
        self.folder.path().join("journal").join(origin)
    }

    /// What a journal that was dropped still has to write, it writes by itself: until then its folder is in use.
    async fn until_left(&self) {
        let folder = fs::File::open(self.log("node")).unwrap();
        for _ in 0..400 {
            if folder.try_lock_shared().is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the journal's folder is in use for ever");
    }

    fn copy_kept(&self) -> tempfile::TempDir {
        let kept = tempfile::tempdir().unwrap();
        copy(&self.log("node"), kept.path());
        kept
    }

    fn put_back(&self, kept: &Path) {
        fs::remove_dir_all(self.log("node")).unwrap();
        copy(kept, &self.log("node"));
    }

    async fn refused(&self) -> String {
        match self.open().await {
            Err(error @ JournalError::Behind { .. }) => error.to_string(),
            Err(other) => panic!("refused for another reason: {other}"),
            Ok(_) => panic!("the journal goes on with an older folder"),
        }
    }

    fn traces(&self, origin: &str) -> Vec<Trace> {
        let months = MonthKeys::new(&self.folder.path().join("vault"), &self.master()).unwrap();
        read_traces(&self.log(origin), &months, 0..u64::MAX).unwrap()
    }

    fn origins(&self) -> Vec<String> {
        let items = fs::read_dir(self.folder.path().join("journal")).unwrap();
        let mut names: Vec<String> = items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

async fn note(journal: &Journal, count: usize, bytes: usize) {
    let node = system_actor(SystemActor::Node, None, journal.now());
    for _ in 0..count {
        journal.note(&node, Event::RelayAlarm, Some("x".repeat(bytes))).await.unwrap();
    }
}

async fn act(journal: &Journal) {
    let (now, establishment) = (journal.now(), EstablishmentId::from_bytes([1; 16]));
    let who = system_actor(SystemActor::Demo, Some(establishment), now);
    let policies = Policies::built_in().unwrap();
    let authorized = policies.decide(&who, CreateEstablishment { establishment }, &Facts::default(), now).unwrap();
    journal.perform(authorized, Create).await.unwrap();
}

async fn until_remembered(store: &Store, journal: &Journal) {
    for _ in 0..400 {
        if read_heads(store).await.unwrap()["node"].size == journal.entries() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the database is not told the checkpoint");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

async fn an_older_copy_put_back_never_goes_on(database: &TestDatabase) {
    let house = House::new(database);
    house.write(3).await;
    let kept = house.copy_kept();
    house.write(40).await;
    let newest = fs::read_to_string(house.log("node").join("checkpoint")).unwrap();
    house.put_back(kept.path());
    let before = fs::read(house.log("node").join("checkpoint")).unwrap();
    let said = house.refused().await;
    assert!(said.contains("journal/node") && said.contains("--new-origin"), "place and remedy: {said}");
    house.refused().await;
    assert_eq!(fs::read(house.log("node").join("checkpoint")).unwrap(), before, "nothing was signed under this name");
    assert_eq!(house.origins(), ["node"]);

    let (store, journal) = house.open_anew().await;
    act(&journal).await;
    journal.close().await.unwrap();
    let heads = read_heads(&store).await.unwrap();
    assert_eq!(heads["node"].successor.as_deref(), Some("node-2"));
    store.close().await;
    let traces = house.traces("node-2");
    assert_eq!(traces[0].event, Event::SealKey);
    assert_eq!(traces[1].event, Event::GapDeclared, "the first thing that it says");
    let detail = traces[1].detail.as_deref().unwrap();
    let lines: Vec<&str> = newest.lines().collect();
    assert!(detail.starts_with("predecessor node\nvkey node+"), "{detail}");
    assert!(detail.contains(&format!("remembered {} {} at ", lines[1], lines[2])), "{detail}");
    let lines: Vec<&str> = std::str::from_utf8(&before).unwrap().lines().collect();
    assert!(detail.ends_with(&format!("found {} {}", lines[1], lines[2])), "{detail}");

    // From now on it goes on there by itself, and declares the gap no second time; the newest copy of the old one is
    // of no use to it any more.
    house.write(1).await;
    let (store, journal) = house.open_anew().await;
    journal.close().await.unwrap();
    let markers = read_markers(&store).await.unwrap();
    store.close().await;
    assert_eq!(house.origins(), ["node", "node-2"]);
    let declared = house.traces("node-2").iter().filter(|trace| trace.event == Event::GapDeclared).count();
    assert_eq!(declared, 1);
    let report = verify(&house.log("node-2"), None, markers.get("node-2"));
    assert!(report.ok() && report.intents_open == 0, "{report:?}");
    assert_eq!(fs::read(house.log("node").join("checkpoint")).unwrap(), before, "the old name signs nothing any more");
}
both!(an_older_copy_put_back_never_goes_on);

async fn the_database_remembers_acts_that_no_checkpoint_told(database: &TestDatabase) {
    let house = House::new(database);
    house.write(1).await;
    let kept = house.copy_kept();
    let (store, journal) = house.open().await.unwrap();
    act(&journal).await;
    drop(journal);
    store.close().await;
    house.until_left().await;
    house.put_back(kept.path());
    let said = house.refused().await;
    assert!(said.contains("1 recent effects that it never announced") || said.contains("says"), "{said}");
}
both!(the_database_remembers_acts_that_no_checkpoint_told);

async fn a_lost_segment_or_folder_leads_to_a_new_origin(database: &TestDatabase) {
    let house = House::new(database);
    house.write(2).await;
    let (store, journal) = house.open().await.unwrap();
    note(&journal, 30, 60_000).await;
    until_remembered(&store, &journal).await;
    drop(journal);
    store.close().await;
    house.until_left().await;
    let folder = house.log("node");
    let names = fs::read_dir(&folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
    let last = names.filter(|name| name.starts_with("segment-0")).max().unwrap();
    assert_ne!(last, "segment-00000000000000000000", "the log went on to another segment");
    fs::remove_file(folder.join(last)).unwrap();
    match house.open().await {
        Err(JournalError::Behind { .. } | JournalError::Log(_)) => {}
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("goes on without its last segment"),
    }
    let (store, journal) = house.open_anew().await;
    journal.close().await.unwrap();
    store.close().await;
    assert_eq!(house.traces("node-2")[1].event, Event::GapDeclared);

    fs::remove_dir_all(house.log("node-2")).unwrap();
    house.refused().await;
    assert_eq!(house.origins(), ["node"], "no empty folder takes its place");
    let (store, journal) = house.open_anew().await;
    journal.close().await.unwrap();
    store.close().await;
    let detail = house.traces("node-3")[1].detail.clone().unwrap();
    assert!(detail.starts_with("predecessor node-2\n") && detail.ends_with("\nfound no checkpoint"), "{detail}");
}
both!(a_lost_segment_or_folder_leads_to_a_new_origin);

async fn another_history_of_the_same_key_is_refused(database: &TestDatabase) {
    let house = House::new(database);
    house.write(5).await;
    // The same key, another database: as long a journal as one likes.
    let elsewhere = TestDatabase::sqlite();
    let other = House { database: &elsewhere, folder: tempfile::tempdir().unwrap() };
    fs::copy(house.folder.path().join("master.key"), other.folder.path().join("master.key")).unwrap();
    other.write(50).await;
    house.put_back(&other.log("node"));
    let said = house.refused().await;
    assert!(said.contains("are not those that are remembered"), "{said}");
}
both!(another_history_of_the_same_key_is_refused);

async fn nothing_is_declared_that_is_not_missing(database: &TestDatabase) {
    let house = House::new(database);
    house.write(2).await;
    let (store, journal) = house.open_anew().await;
    journal.close().await.unwrap();
    store.close().await;
    assert_eq!(house.origins(), ["node"]);
    assert!(house.traces("node").iter().all(|trace| trace.event != Event::GapDeclared));
}
both!(nothing_is_declared_that_is_not_missing);

async fn a_name_that_another_node_has_is_not_taken(database: &TestDatabase) {
    let house = House::new(database);
    house.write(2).await;
    let kept = house.copy_kept();
    house.write(5).await;
    let neighbour = tempfile::tempdir().unwrap();
    let (store, door) = store::open(&database.config()).await.unwrap();
    let config = JournalConfig { folder: neighbour.path().join("journal"), ..house.config("node-2") };
    let journal = Journal::open(config, &house.master(), door, Arc::new(SystemClock)).await.unwrap();
    journal.close().await.unwrap();
    store.close().await;
    house.put_back(kept.path());
    house.refused().await;
    let (store, journal) = house.open_anew().await;
    journal.close().await.unwrap();
    store.close().await;
    assert_eq!(house.origins(), ["node", "node-3"]);
}
both!(a_name_that_another_node_has_is_not_taken);

async fn cuts_stay_in_force_under_the_new_origin(database: &TestDatabase) {
    let house = House::new(database);
    let cut = SessionId::from_bytes([1; 16]);
    let (store, journal) = house.open().await.unwrap();
    journal.revoke(cut, journal.now() + Duration::from_secs(3600)).await.unwrap();
    journal.close().await.unwrap();
    store.close().await;
    let kept = house.copy_kept();
    house.write(5).await;
    house.put_back(kept.path());
    let (store, journal) = house.open_anew().await;
    assert!(journal.is_revoked(cut));
    journal.close().await.unwrap();
    store.close().await;
    let (_store, journal) = house.open().await.unwrap();
    assert!(journal.is_revoked(cut), "at the next start, too");
}
both!(cuts_stay_in_force_under_the_new_origin);
