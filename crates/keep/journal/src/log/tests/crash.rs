//! Stops at any moment: what was acknowledged is there after the restart, and everything verifies.

use super::{disks::FaultyDisk, *};
use crate::log::open::open_on;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

/// Appends singles and batches, revokes once, closes; returns what was acknowledged, by index, and whether revoked.
async fn work(disk: Arc<FaultyDisk>, config: LogConfig) -> (Vec<(u64, Vec<u8>)>, bool) {
    let mut acknowledged = Vec::new();
    let Ok(Opened { log, reserve, .. }) = open_on(disk, config, now()) else { return (acknowledged, false) };
    let batch: Vec<Vec<u8>> = (0..250_u64).map(|i| i.to_be_bytes()[6..].to_vec()).collect();
    if let Ok(range) = log.append_all(batch.clone()).await {
        acknowledged.extend(range.zip(batch));
    }
    let revoked = reserve.record(1, [9; 16], now(), now() + Duration::from_secs(60)).is_ok();
    for i in 0..36 {
        let content = format!("single {i} {}", "y".repeat(i * 3)).into_bytes();
        if let Ok(index) = log.append(content.clone()).await {
            acknowledged.push((index, content));
        }
        if i % 12 == 0 {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
    let _ = log.close().await;
    (acknowledged, revoked)
}

/// Opens again on a good disk, and holds the log to its word.
async fn restart(folder: &Path, acknowledged: &[(u64, Vec<u8>)], revoked: bool, what: &str) {
    let opened = Log::open(config(folder), now()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(!revoked || opened.revocations.len() == 1, "{what}: the revocation is lost");
    assert_eq!(opened.checkpoint.size, opened.entries);
    let next = opened.log.append(b"after".to_vec()).await.unwrap();
    assert_eq!(next, opened.entries);
    opened.log.close().await.unwrap();
    let entries = good(folder);
    assert_eq!(entries.len() as u64, next + 1);
    for (index, content) in acknowledged {
        assert_eq!(&entries[*index as usize], content, "{what}: entry {index}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_may_be_the_last_one() {
    for last in 0.. {
        let folder = super::folder();
        let disk = Arc::new(FaultyDisk::failing(last..u64::MAX));
        let (acknowledged, revoked) = work(Arc::clone(&disk), config(folder.path())).await;
        restart(folder.path(), &acknowledged, revoked, &format!("stopped at operation {last}")).await;
        if disk.operations.load(std::sync::atomic::Ordering::SeqCst) < last {
            assert!(acknowledged.len() == 286 && last > 150);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_may_fail_for_a_while() {
    for first in 0.. {
        let folder = super::folder();
        // A long enough hole to meet the mending, too.
        let failing = first..first + 1 + first % 4;
        let disk = Arc::new(FaultyDisk::failing(failing));
        let (acknowledged, revoked) = work(Arc::clone(&disk), config(folder.path())).await;
        restart(folder.path(), &acknowledged, revoked, &format!("a fault at operation {first}")).await;
        if disk.operations.load(std::sync::atomic::Ordering::SeqCst) < first {
            break;
        }
    }
}

const CHILD: &str = "POTERNE_LOG_CHILD";

/// Not a test of its own: the process that `killed_for_real` kills. It says each index once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let config = LogConfig { segment_bytes: 64 * 1024, ..config(Path::new(&folder)) };
    let Opened { log, reserve: _reserve, .. } = open(config);
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                for turn in 0_u64.. {
                    let content = format!("{}/{task}/{turn}", std::process::id());
                    let index = log.append(content.clone().into_bytes()).await.unwrap();
                    writeln!(std::io::stdout(), "ack {index} {content}").unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn killed_for_real() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(usize, Vec<u8>)> = Vec::new();
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["log::tests::crash::child", "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // Killed some time after the first acknowledgement, at another moment each round.
        let (mut line, mut killer) = (String::new(), None);
        while lines.read_line(&mut line).unwrap() > 0 {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["ack", index, content] = words[..] {
                // The last line may be cut short: its content then has no newline.
                if line.ends_with('\n') {
                    acknowledged.push((index.parse().unwrap(), content.as_bytes().to_vec()));
                }
                if killer.is_none() {
                    let pid = child.id();
                    killer = Some(std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_millis(7 + round * 13));
                        kill(pid);
                    }));
                }
            }
            line.clear();
        }
        killer.expect("the child acknowledged something").join().unwrap();
        assert!(!child.wait().unwrap().success());
        let opened = open(LogConfig { segment_bytes: 64 * 1024, ..config(folder.path()) });
        drop(opened.reserve);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(opened.log.close()).unwrap();
        let entries = good(folder.path());
        for (index, content) in &acknowledged {
            assert_eq!(entries.get(*index), Some(content), "round {round}, entry {index}");
        }
    }
    let unique: std::collections::BTreeSet<_> = good(folder.path()).into_iter().collect();
    assert_eq!(unique.len(), good(folder.path()).len(), "an entry is there twice");
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}
