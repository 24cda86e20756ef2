//! Against a naive model: a list of entries.

use super::*;
use crate::log::tree::{leaf_hash, root_of};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<usize>),
    Pause,
    Reopen { segment_bytes: u64 },
    Drop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => proptest::collection::vec(1_usize..180, 1..20).prop_map(Step::Append),
        1 => Just(Step::Append(vec![1; 200])),
        1 => Just(Step::Pause),
        1 => (4096_u64..20_000).prop_map(|segment_bytes| Step::Reopen { segment_bytes }),
        1 => Just(Step::Drop),
    ];
    proptest::collection::vec(step, 1..40)
}

async fn run(steps: Vec<Step>) {
    let folder = super::folder();
    let mut size = 4096;
    let (mut model, mut opened): (Vec<Vec<u8>>, _) = (Vec::new(), None);
    for (turn, step) in steps.into_iter().enumerate() {
        let config = LogConfig { segment_bytes: size, segment_bytes_max: 3 * size, ..config(folder.path()) };
        let Opened { log, .. } = opened.get_or_insert_with(|| open(config));
        match step {
            Step::Append(lens) => {
                let entries: Vec<Vec<u8>> = lens.iter().map(|len| vec![turn as u8; *len]).collect();
                let start = model.len() as u64;
                model.extend(entries.iter().cloned());
                assert_eq!(log.append_all(entries).await, Ok(start..model.len() as u64));
            }
            Step::Pause => tokio::time::sleep(Duration::from_millis(8)).await,
            Step::Drop => opened = None,
            Step::Reopen { segment_bytes } => {
                size = segment_bytes;
                let Opened { log, reserve, .. } = opened.take().unwrap();
                drop(reserve);
                log.close().await.unwrap();
                assert_eq!(good(folder.path()), model);
            }
        }
    }
    if let Some(Opened { log, .. }) = opened {
        log.close().await.unwrap();
    } else {
        open(config(folder.path())).log.close().await.unwrap();
    }
    assert_eq!(good(folder.path()), model);
    let verdict = check(folder.path());
    let leaves: Vec<_> = model.iter().map(|entry| leaf_hash(entry)).collect();
    assert_eq!(verdict.root, data_encoding::HEXLOWER.encode(&root_of(&leaves)));
    let checkpoint = verdict.checkpoint.unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (model.len() as u64, root_of(&leaves)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_log_is_a_list(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(run(steps));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_groups() {
    let folder = super::folder();
    let Opened { log, .. } = open(LogConfig { segment_bytes: 32 * 1024, ..config(folder.path()) });
    let tasks: Vec<_> = (0..64_u64)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for turn in 0..40_u64 {
                    let content = format!("{task}/{turn}").into_bytes();
                    mine.push((log.append(content.clone()).await.unwrap(), content));
                }
                mine
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort();
    assert_eq!(log.entries(), 64 * 40);
    // Verified while it is open, too.
    assert_eq!(check(folder.path()).bad, None);
    let some: Vec<_> = read_entries(folder.path(), 100..103).unwrap().map(Result::unwrap).collect();
    assert_eq!(some, all[100..103]);
    log.close().await.unwrap();
    assert_eq!((0..).zip(good(folder.path())).collect::<Vec<_>>(), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_can_be_read_and_verified_while_it_is_written() {
    let folder = super::folder();
    let slower = LogConfig { checkpoint_delay: Duration::from_millis(150), ..config(folder.path()) };
    let Opened { log, .. } = open(slower);
    let (writer, path) = (log.clone(), folder.path().to_owned());
    let writing = tokio::spawn(async move {
        for index in 0..u64::MAX {
            if writer.append(entry(index)).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let reading = tokio::task::spawn_blocking(move || {
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(120));
            assert_eq!(check(&path).bad, None);
            for (index, item) in (0..).zip(read_entries(&path, 0..u64::MAX).unwrap()) {
                assert_eq!(item, Ok((index, entry(index))));
            }
        }
    });
    reading.await.unwrap();
    log.close().await.unwrap();
    writing.await.unwrap();
    good(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_is_soon_under_a_checkpoint() {
    let folder = super::folder();
    let Opened { log, checkpoint, .. } = open(config(folder.path()));
    assert_eq!(checkpoint.size, 0);
    let mut published = log.checkpoint();
    for size in 1..=300 {
        append(&log, size - 1, size).await;
        if size % 60 == 0 {
            let soon = tokio::time::timeout(Duration::from_secs(20), published.wait_for(|c| c.size == size)).await;
            soon.unwrap().unwrap();
        }
    }
    let tiles: Vec<String> = files(folder.path()).into_iter().filter(|file| file.starts_with("tile")).collect();
    assert_eq!(tiles, ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"]);
    // Dropping every handle closes the log, too.
    drop(log);
}

#[tokio::test]
async fn a_dropped_append_is_still_written() {
    let folder = super::folder();
    let Opened { log, .. } = open(config(folder.path()));
    {
        let mut pending = Box::pin(log.append(entry(0)));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(pending.as_mut().poll(cx))).await;
        assert!(polled.is_pending() || polled == std::task::Poll::Ready(Ok(0)));
    }
    append(&log, 1, 2).await;
    log.close().await.unwrap();
    assert_eq!(good(folder.path()), [entry(0), entry(1)]);
}
