//! Faults of a disk that come and go: refusals in between, and a recovery that needs nobody.

use super::{disks::FaultyDisk, *};
use crate::log::open::open_on;
use std::sync::{Arc, atomic::Ordering::SeqCst};

fn degraded(state: &State) -> bool {
    matches!(state, State::Degraded(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_then_recovers() {
    let folder = super::folder();
    let disk = Arc::new(FaultyDisk::new());
    let config = LogConfig { checkpoint_age_max: Duration::from_millis(50), ..config(folder.path()) };
    let Opened { log, reserve, .. } = open_on(disk.clone(), config, now()).unwrap();
    append(&log, 0, 3).await;
    disk.full.store(true, SeqCst);
    let mut acknowledged = 3;
    let refused = loop {
        match log.append(entry(acknowledged)).await {
            Ok(index) => {
                assert_eq!(index, acknowledged);
                acknowledged += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, LogError::Degraded(_) | LogError::Failed(_)), "{refused}");
    until(&log, degraded).await;
    // Refused at once, while the reserve goes on.
    assert!(matches!(log.append(entry(0)).await, Err(LogError::Degraded(_))));
    reserve.record(2, [1; 16], now(), now() + Duration::from_secs(9)).unwrap();
    // Nothing half-done lies about meanwhile.
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(good(folder.path()).len() as u64, acknowledged);
    disk.full.store(false, SeqCst);
    until(&log, |state| *state == State::Ready).await;
    append(&log, acknowledged, acknowledged + 50).await;
    log.close().await.unwrap();
    drop(reserve);
    let entries = good(folder.path());
    assert_eq!(entries, (0..acknowledged + 50).map(entry).collect::<Vec<_>>());
    assert_eq!(open(super::config(folder.path())).revocations.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_no_reason_not_to_start() {
    let folder = super::folder();
    let Opened { log, reserve, .. } = open(lazy(folder.path()));
    append(&log, 0, 5).await;
    let image = super::folder();
    copy(folder.path(), image.path());
    drop((log, reserve));
    let disk = Arc::new(FaultyDisk::new());
    disk.full.store(true, SeqCst);
    let opened = open_on(disk.clone(), config(image.path()), now()).unwrap();
    assert_eq!((opened.entries, opened.checkpoint.size), (5, 0));
    assert!(matches!(opened.log.append(entry(5)).await, Err(LogError::Degraded(_))));
    opened.reserve.record(1, [1; 16], now(), now() + Duration::from_secs(1)).unwrap();
    disk.full.store(false, SeqCst);
    until(&opened.log, |state| *state == State::Ready).await;
    append(&opened.log, 5, 9).await;
    opened.log.close().await.unwrap();
    assert_eq!(good(image.path()).len(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_disk_fails_the_group_and_comes_back() {
    let folder = super::folder();
    let disk = Arc::new(FaultyDisk::new());
    let Opened { log, reserve: _reserve, .. } = open_on(disk.clone(), config(folder.path()), now()).unwrap();
    append(&log, 0, 10).await;
    disk.dead.store(true, SeqCst);
    let refused = log.append(b"never acknowledged".to_vec()).await.unwrap_err();
    assert!(matches!(refused, LogError::Failed(_) | LogError::Degraded(_)), "{refused}");
    until(&log, degraded).await;
    assert!(matches!(log.append(entry(10)).await, Err(LogError::Degraded(_))));
    disk.dead.store(false, SeqCst);
    until(&log, |state| *state == State::Ready).await;
    append(&log, 10, 30).await;
    log.close().await.unwrap();
    assert_eq!(good(folder.path()), (0..30).map(entry).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reserve_waits_for_no_writer() {
    let folder = super::folder();
    let disk = Arc::new(FaultyDisk::new());
    let Opened { log, reserve, .. } = open_on(disk.clone(), config(folder.path()), now()).unwrap();
    append(&log, 0, 2).await;
    disk.close_gate(2048);
    let stuck = tokio::spawn(log.append(entry(2)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stuck.is_finished());
    reserve.record(1, [3; 16], now(), now() + Duration::from_secs(5)).unwrap();
    assert!(!stuck.is_finished());
    disk.open_gate();
    assert_eq!(stuck.await.unwrap(), Ok(2));
    log.close().await.unwrap();
    good(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_checkpoint_holds_appends_back_before_it_refuses() {
    let folder = super::folder();
    let disk = Arc::new(FaultyDisk::new());
    let config = LogConfig {
        checkpoint_age_max: Duration::from_millis(20),
        stall_max: Duration::from_millis(300),
        ..config(folder.path())
    };
    let Opened { log, reserve: _reserve, .. } = open_on(disk.clone(), config, now()).unwrap();
    append(&log, 0, 1).await;
    log.checkpoint().wait_for(|checkpoint| checkpoint.size == 1).await.unwrap();
    // The hash tile of two entries: the publisher hangs on it.
    disk.close_gate(64);
    append(&log, 1, 2).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let held = tokio::spawn(log.append(entry(2)));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(!held.is_finished());
    assert!(matches!(held.await.unwrap(), Err(LogError::Degraded(_))));
    until(&log, degraded).await;
    disk.open_gate();
    until(&log, |state| *state == State::Ready).await;
    append(&log, 2, 4).await;
    log.close().await.unwrap();
    assert_eq!(good(folder.path()).len(), 4);
}

#[tokio::test]
async fn what_cannot_be_appended_is_said() {
    let folder = super::folder();
    let Opened { log, reserve, .. } = open(config(folder.path()));
    assert_eq!(log.append(Vec::new()).await, Err(LogError::Empty));
    assert_eq!(log.append_all(Vec::new()).await, Err(LogError::Empty));
    assert!(matches!(log.append(vec![1; 65_536]).await, Err(LogError::TooLarge { .. })));
    assert!(matches!(log.append(vec![1; 1899]).await, Err(LogError::TooLarge { bytes_max: 1900, .. })));
    assert_eq!(log.append(vec![1; 1898]).await, Ok(0));
    assert_eq!(log.append(vec![1; 1898]).await, Ok(1));
    let second = Log::open(config(folder.path()), now());
    assert!(matches!(second, Err(LogError::Locked(_))));
    let other = log.clone();
    log.close().await.unwrap();
    assert_eq!(other.append(entry(0)).await, Err(LogError::Closed));
    assert_eq!(other.close().await, Err(LogError::Closed));
    drop(reserve);
    let wrong = LogConfig { segment_bytes: 100, ..config(folder.path()) };
    assert!(matches!(Log::open(wrong, now()), Err(LogError::Config(_))));
    let stranger = Signer::from_seed(ORIGIN, &[1; 32]).unwrap();
    let wrong = LogConfig { signer: stranger, ..config(folder.path()) };
    assert!(matches!(Log::open(wrong, now()), Err(LogError::Refused(bad)) if bad.file == "vkey"));
}
