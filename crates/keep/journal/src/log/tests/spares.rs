//! Segments that serve again, and segments that grow.

use super::{disks::FaultyDisk, *};
use crate::log::{
    disk::RealDisk,
    live::segments,
    open::{is_spare, open_on},
    segment::{self, SPARE},
    spare::recycle,
};
use std::{
    os::unix::fs::MetadataExt,
    sync::{Arc, atomic::Ordering::SeqCst},
};

/// A segment of this length, filled with what must not remain.
fn old_segment(folder: &Path, size: u64) -> u64 {
    let path = folder.join(segment::name(7));
    fs::write(&path, vec![0xA5; size as usize]).unwrap();
    fs::metadata(path).unwrap().ino()
}

#[test]
fn an_old_segment_is_a_spare_again() {
    let folder = super::folder();
    let old = old_segment(folder.path(), 200_000);
    recycle(&RealDisk, folder.path(), 7, 200_000).unwrap();
    assert_eq!(is_spare(folder.path(), Some(200_000)), Ok(()));
    assert_eq!(fs::metadata(folder.path().join(SPARE)).unwrap().ino(), old);
    assert_eq!(files(folder.path()), [SPARE]);
}

#[test]
fn a_fault_leaves_an_old_segment_whole_or_nothing() {
    for last in 0.. {
        let folder = super::folder();
        old_segment(folder.path(), 200_000);
        let before = fs::read(folder.path().join(segment::name(7))).unwrap();
        // One operation fails, the removal after it does not.
        let disk = FaultyDisk::failing(last..last + 1);
        if recycle(&disk, folder.path(), 7, 200_000).is_ok() {
            assert!(last >= 5, "{last} operations were seen");
            break;
        }
        match files(folder.path()).as_slice() {
            [] => assert!(last > 0),
            [one] if *one == segment::name(7) => {
                assert_eq!(fs::read(folder.path().join(one)).unwrap(), before, "operation {last}");
            }
            left => panic!("operation {last} leaves {left:?}"),
        }
    }
}

#[test]
fn an_old_segment_keeps_its_bytes_until_its_new_name_is_durable() {
    let folder = super::folder();
    old_segment(folder.path(), 4096);
    // The rename is done; its sync fails, and so does everything after it.
    let disk = FaultyDisk::failing(1..u64::MAX);
    assert!(recycle(&disk, folder.path(), 7, 4096).is_err());
    assert!(fs::read(folder.path().join(SPARE)).unwrap().iter().all(|byte| *byte == 0xA5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_that_fill_fast_grow_and_come_back() {
    let folder = super::folder();
    let grown = LogConfig { segment_bytes_max: 16 * 1024, ..config(folder.path()) };
    let Opened { log, reserve, .. } = open_on(Arc::new(FaultyDisk::new()), grown.clone(), now()).unwrap();
    append(&log, 0, 1500).await;
    let last = *segments(folder.path()).unwrap().last().unwrap();
    assert_eq!(fs::metadata(folder.path().join(segment::name(last))).unwrap().len(), 16 * 1024);
    log.close().await.unwrap();
    drop(reserve);
    // At rest only the last one is there, and the spare.
    assert_eq!(segments(folder.path()).unwrap(), [last]);
    assert_eq!(good(folder.path()), (0..1500).map(entry).collect::<Vec<_>>());
    // A long spare is no reason not to start, and an append is bounded by the short ones.
    let Opened { log, .. } = open(config(folder.path()));
    assert!(matches!(log.append(vec![1; 1899]).await, Err(LogError::TooLarge { bytes_max: 1900, .. })));
    append(&log, 1500, 1600).await;
    log.close().await.unwrap();
    assert_eq!(good(folder.path()).len(), 1600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_with_room_for_short_segments_only_refuses_nothing() {
    let folder = super::folder();
    let disk = Arc::new(FaultyDisk::new());
    let grown = LogConfig { segment_bytes_max: 16 * 1024, reserve_slots: 1, ..config(folder.path()) };
    let Opened { log, reserve: _reserve, .. } = open_on(disk.clone(), grown, now()).unwrap();
    disk.length_max.store(2048, SeqCst);
    // Bundles of 256 such entries fit; a segment of twice the length does not.
    for index in 0..200 {
        assert_eq!(log.append(vec![b'x'; 6]).await, Ok(index));
    }
    disk.length_max.store(u64::MAX, SeqCst);
    for first in segments(folder.path()).unwrap() {
        assert_eq!(fs::metadata(folder.path().join(segment::name(first))).unwrap().len(), 2048);
    }
    log.close().await.unwrap();
    assert_eq!(good(folder.path()).len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_log_takes_its_segments_back() {
    let folder = super::folder();
    let disk = Arc::new(FaultyDisk::new());
    let Opened { log, reserve: _reserve, .. } = open_on(disk.clone(), config(folder.path()), now()).unwrap();
    let mut published = log.checkpoint();
    for round in 0..12 {
        append(&log, round * 60, (round + 1) * 60).await;
        published.wait_for(|checkpoint| checkpoint.size == (round + 1) * 60).await.unwrap();
    }
    assert!(disk.recycled.load(SeqCst) > 0);
    log.close().await.unwrap();
    assert_eq!(good(folder.path()).len(), 720);
}
