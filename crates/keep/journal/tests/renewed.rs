//! A journal whose signing key is renewed on purpose: the same journal goes on, says so, and whoever trusted the former key
//! follows it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use identity::system_actor;
use journal::{
    Against, Journal, JournalConfig, JournalError, KeptCheckpoint, Opens, Trace, Verifying,
    log::{VKey, WitnessKey, WitnessSigner, keys_of},
    read_markers, read_traces, verify_with,
    witness::{Feed, Kept, Next, Reply, Witness},
};
use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use store::{
    Store, SystemClock,
    testing::{TestDatabase, both},
};
use types::{Event, SessionId, SystemActor, Time};
use vault::{MasterKey, MonthKeys};

struct House<'a> {
    database: &'a TestDatabase,
    folder: tempfile::TempDir,
}

impl<'a> House<'a> {
    fn new(database: &'a TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(&folder.path().join("master.key")).unwrap();
        Self { database, folder }
    }

    fn master(&self) -> MasterKey {
        MasterKey::load(&self.folder.path().join("master.key")).unwrap()
    }

    async fn open(&self, renewed: bool) -> Result<(Store, Journal), JournalError> {
        let (store, door) = store::open(&self.database.config()).await.unwrap();
        let config = JournalConfig {
            folder: self.folder.path().join("journal"),
            month_keys: self.folder.path().join("vault"),
            origin: "node".into(),
            reserve_slots: 16,
        };
        let opens = Opens { renewed, ..Opens::default() };
        let opened = Journal::open_as(config, &self.master(), door, Arc::new(SystemClock), opens).await;
        opened.map(|journal| (store, journal))
    }

    /// Opens, writes so many traces, closes.
    async fn write(&self, renewed: bool, count: usize) {
        let (store, journal) = self.open(renewed).await.unwrap();
        note(&journal, count).await;
        journal.close().await.unwrap();
        store.close().await;
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("journal/node")
    }

    fn vkey(&self) -> VKey {
        fs::read_to_string(self.log().join("vkey")).unwrap().trim().parse().unwrap()
    }

    fn checkpoint(&self) -> KeptCheckpoint {
        KeptCheckpoint::read("kept", &fs::read(self.log().join("checkpoint")).unwrap())
    }

    fn traces(&self) -> Vec<Trace> {
        let months = MonthKeys::new(&self.folder.path().join("vault"), &self.master()).unwrap();
        read_traces(&self.log(), &months, 0..u64::MAX).unwrap()
    }

    async fn verified(&self, pinned: &VKey, kept: &[KeptCheckpoint]) {
        let (store, _door) = store::open(&self.database.config()).await.unwrap();
        let markers = read_markers(&store).await.unwrap().remove("node").unwrap_or_default();
        store.close().await;
        let against = Against { markers: Some(&markers), kept, ..Against::default() };
        let report = verify_with(&self.log(), &Verifying { pinned: Some(pinned), ..Verifying::default() }, &against);
        assert!(report.ok(), "{report} {:?}", report.checkpoints);
    }
}

async fn note(journal: &Journal, count: usize) {
    let node = system_actor(SystemActor::Node, None, journal.now());
    for _ in 0..count {
        journal.note(&node, Event::NodeConfigured, Some("a change".into())).await.unwrap();
    }
}

async fn the_same_journal_goes_on_with_another_key_and_says_so(database: &TestDatabase) {
    let house = House::new(database);
    let (store, journal) = house.open(false).await.unwrap();
    note(&journal, 300).await;
    let cut = SessionId::from_bytes([1; 16]);
    journal.revoke(cut, journal.now() + Duration::from_secs(3600)).await.unwrap();
    journal.close().await.unwrap();
    store.close().await;
    let (first, kept) = (house.vkey(), house.checkpoint());

    let (store, journal) = house.open(true).await.unwrap();
    assert!(journal.is_revoked(cut), "cuts stay in force");
    assert_eq!(journal.origin(), "node");
    note(&journal, 10).await;
    journal.close().await.unwrap();
    store.close().await;
    let (second, later) = (house.vkey(), house.checkpoint());
    assert_ne!(first, second);

    house.write(false, 300).await;
    assert_eq!(house.vkey(), second, "renewed once, not at each start");
    house.write(true, 1).await;
    let third = house.vkey();
    assert!(third != second && third != first);
    let kept = [kept, later, house.checkpoint()];
    for key in [&first, &second, &third] {
        house.verified(key, &kept).await;
    }
    let told: Vec<String> = house
        .traces()
        .into_iter()
        .filter(|trace| trace.event == Event::JournalKeyRenewed)
        .map(|trace| trace.detail.unwrap())
        .collect();
    let keys = keys_of(&house.log()).unwrap();
    assert_eq!(told.len(), 2);
    for (said, renewal) in told.iter().zip(keys.renewals()) {
        let begins = format!("before {}\nkey {}\nover {} ", renewal.before, renewal.after, renewal.size);
        assert!(said.starts_with(&begins), "{said}");
    }
}
both!(the_same_journal_goes_on_with_another_key_and_says_so);

async fn a_witness_goes_on_once_it_was_given_the_other_key(database: &TestDatabase) {
    let house = House::new(database);
    house.write(false, 20).await;
    let first = house.vkey();
    let signer = WitnessSigner::from_seed("dpo.test", &[3; 32]).unwrap();
    let trusted: WitnessKey = signer.key().clone();
    let memory = house.folder.path().join("witness");
    let witnessed = house.folder.path().join("witnessed");
    let now = Time::from_micros(1_790_000_000_000_000);
    let settle = |witness: &Witness| {
        let feed = Feed::new(&house.log(), &witnessed, trusted.clone()).unwrap();
        let sent = feed.next().unwrap().expect("something to cosign");
        let reply = match witness.add_checkpoint(sent.body.as_bytes(), now) {
            journal::witness::Answer::Cosigned(line) => Reply::Cosigned(line),
            other => Reply::Refused(format!("{other:?}")),
        };
        feed.settle(&sent, reply, now).unwrap()
    };
    let witness = Witness::open(&memory, signer.clone(), std::slice::from_ref(&first)).unwrap();
    assert!(matches!(settle(&witness), Next::Witnessed { .. }));
    house.write(true, 20).await;
    assert!(matches!(settle(&witness), Next::Refused(_)), "it does not know the other key");
    drop(witness);
    let witness = Witness::open(&memory, signer, &[first.clone(), house.vkey()]).unwrap();
    assert!(matches!(settle(&witness), Next::Witnessed { .. }));
    // What it cosigned before and after stands for whoever trusts the first key.
    let kept = Kept::new(&witnessed, keys_of(&house.log()).unwrap(), trusted.clone());
    assert!(kept.latest().unwrap().is_some());
    let all: Vec<KeptCheckpoint> = fs::read_dir(witnessed.join("node"))
        .unwrap()
        .map(|item| KeptCheckpoint::read("kept", &fs::read(item.unwrap().path()).unwrap()))
        .collect();
    assert_eq!(all.len(), 2);
    let against = Against { kept: &all, witnesses: &[trusted], ..Against::default() };
    let report = verify_with(&house.log(), &Verifying { pinned: Some(&first), ..Verifying::default() }, &against);
    assert!(report.ok(), "{report} {:?} {:?}", report.checkpoints, report.silent);
}
both!(a_witness_goes_on_once_it_was_given_the_other_key);
