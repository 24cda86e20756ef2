//! A disk that hangs: what is recorded beyond the minimum keeps nobody waiting, for a cut may come after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use identity::door_actor;
use journal::{Journal, JournalConfig, JournalError, read_traces, testing};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::{StoreConfig, SystemClock};
use types::{ClientAddress, Clock as _, Door, Event, Extra};
use vault::{MasterKey, MonthKeys};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_beyond_the_minimum_is_waited_for_a_moment_only() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("master.key");
    MasterKey::create(&key).unwrap();
    let master = MasterKey::load(&key).unwrap();
    let config = JournalConfig {
        folder: folder.path().join("journal"),
        month_keys: folder.path().join("vault"),
        origin: "node".into(),
        reserve_slots: 16,
    };
    let url = format!("sqlite:{}", folder.path().join("poterne.db").display());
    let (store, door) = store::open(&StoreConfig { demonstration: true, ..StoreConfig::new(url) }).await.unwrap();
    let journal = Journal::open(config, &master, door, Arc::new(SystemClock)).await.unwrap();
    let address = ClientAddress::new([192, 0, 2, 7].into());
    let who = door_actor(Door::Portal, address, None, SystemClock.now());
    testing::record(&journal, [Extra::Requests].into_iter().collect());
    // The context of its family's month is made first, on a disk that answers, however slowly.
    journal.note(&who, Event::RequestMade, None).await.unwrap();

    testing::slower_disk(Duration::from_secs(4));
    let began = Instant::now();
    let noted = journal.note_extra(&who, Extra::Requests, "POST /fr/session/end").await;
    assert!(matches!(noted, Err(JournalError::Unsettled)), "{noted:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());

    // However many come meanwhile, what waits is bounded.
    let many = (0..600).map(|number| {
        let (journal, who) = (journal.clone(), door_actor(Door::Portal, address, None, SystemClock.now()));
        tokio::spawn(async move { journal.note_extra(&who, Extra::Requests, &format!("GET /fr/{number}")).await })
    });
    let mut unwritten = 0;
    for one in many.collect::<Vec<_>>() {
        unwritten += usize::from(matches!(one.await.unwrap(), Err(JournalError::Unsettled)));
    }
    assert!(unwritten >= 600 - 256, "{unwritten}");
    assert!(journal.under_way() <= 256, "{}", journal.under_way());

    testing::slower_disk(Duration::ZERO);
    let entries = journal.clone();
    journal.close().await.unwrap();
    store.close().await;
    let months = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
    let traces = read_traces(&folder.path().join("journal/node"), &months, 0..entries.entries()).unwrap();
    let made = traces.into_iter().filter(|trace| trace.event == Event::RequestMade);
    let targets: Vec<_> = made.filter_map(|trace| trace.target).collect();
    assert_eq!(targets.first().map(String::as_str), Some("POST /fr/session/end"), "it is written all the same");
    assert!(targets.len() <= 256, "{}", targets.len());
}
