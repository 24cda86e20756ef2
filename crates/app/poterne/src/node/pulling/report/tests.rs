#![allow(clippy::unwrap_used)]
use super::*;
use crate::node::{Begin, Keep};
use std::sync::Mutex;
use store::StoreConfig;
use vault::MasterKey;

type Told = Arc<Mutex<Vec<State>>>;

async fn site() -> (tempfile::TempDir, Keep, Report, Told) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let master = MasterKey::create(&path("master")).unwrap();
    let url = format!("sqlite:{}", path("poterne.db").display());
    let store = StoreConfig { url, readers_max: 2, wait: Duration::from_secs(5), demonstration: false };
    let policies = Arc::new(policy::Policies::built_in().unwrap());
    let begin = ("essai.test", Begin::AsLeft, &[][..]);
    let keep = Keep::open(begin, &path("data"), &store, &master, 4, policies).await.unwrap();
    let told = Told::default();
    let telling = Arc::clone(&told);
    let report = Report::new(&keep.journal, "dmz", None, move |state| telling.lock().unwrap().push(state));
    (folder, keep, report, told)
}

fn last(told: &Told) -> String {
    format!("{:?}", told.lock().unwrap().last())
}

/// Whoever answers slowly enough could make one look last for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_takes_long_is_told_while_it_lasts() {
    let (_folder, keep, mut report, told) = site().await;
    let progress = Progress::default();
    progress.set(Some((256, 9_000)));
    report.still(&progress.told()).await;
    assert!(told.lock().unwrap().is_empty(), "it may still come");
    report.silent = Instant::now().checked_sub(SILENCE_MAX).unwrap();
    report.still(&progress.told()).await;
    let said = last(&told);
    assert!(said.contains("Degraded") && said.contains("256 of 9000 entries"), "{said}");
    assert!(matches!(report.traced, Some(Standing::Without(_))), "and traced");
    report.looked(report.begins(), Ok(None), false).await;
    assert_eq!(last(&told), "Some(Ready)");
    keep.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_outlasts_silence_and_long_looks() {
    let (_folder, keep, mut report, told) = site().await;
    let silence = || Err(Standing::Without("it does not answer".to_owned()));
    report.looked(report.begins(), silence(), true).await;
    assert!(last(&told).contains("ALARM") && last(&told).contains("followed/shown/dmz"), "{}", last(&told));
    report.silent = Instant::now().checked_sub(SILENCE_MAX).unwrap();
    report.still("a look is under way").await;
    assert!(last(&told).contains("ALARM"));
    report.looked(report.begins(), Ok(None), true).await;
    assert!(last(&told).contains("ALARM"), "until it is settled");
    report.looked(report.begins(), Ok(None), false).await;
    assert_eq!(last(&told), "Some(Ready)");
    keep.close().await.unwrap();
}
