//! Tests over whole folders: what survives, what is refused, what verification sees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod archive;
mod crash;
mod disks;
mod faults;
mod model;
mod prune;
mod renew;
mod spares;
mod tamper;
mod threads;

use super::{Log, LogConfig, LogError, Opened, Signer, State, Verdict, Verifying, read_entries, verify, verify_with};
use std::{fs, path::Path, time::Duration};
use types::Time;

const ORIGIN: &str = "example.test/journal";

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[42; 32]).unwrap()
}

/// A small and quick log: many segments, few slots, short delays.
fn config(folder: &Path) -> LogConfig {
    LogConfig {
        segment_bytes: 2048,
        segment_bytes_max: 0,
        reserve_slots: 4,
        checkpoint_delay: Duration::from_millis(5),
        retry_delay: Duration::from_millis(10),
        ..LogConfig::new(folder.to_owned(), signer())
    }
}

/// The same, but nothing is published before the end.
fn lazy(folder: &Path) -> LogConfig {
    let hour = Duration::from_secs(3600);
    LogConfig { checkpoint_delay: hour, checkpoint_age_max: hour, ..config(folder) }
}

/// A folder in memory where there is one: these tests ask for thousands of syncs, and none of them cuts the power.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn now() -> Time {
    Time::from_micros(1_000_000)
}

fn open(config: LogConfig) -> Opened {
    Log::open(config, now()).unwrap()
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}, of some length {}", "x".repeat((index % 40) as usize)).into_bytes()
}

async fn append(log: &Log, from: u64, to: u64) {
    for index in from..to {
        assert_eq!(log.append(entry(index)).await, Ok(index));
    }
}

fn check(folder: &Path) -> Verdict {
    verify(folder, Some(signer().vkey()), &mut |_, _| Ok(()))
}

/// The same, in several threads.
fn check_in(folder: &Path, threads: usize) -> Verdict {
    let pinned = signer();
    let threads = std::num::NonZeroUsize::new(threads).unwrap();
    let how = Verifying { pinned: Some(pinned.vkey()), threads, ..Verifying::default() };
    verify_with(folder, &how, &|_| (), &mut |_, ()| Ok(()))
}

/// Verifies a folder that must be good, and reads its entries both ways.
fn good(folder: &Path) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let verdict = verify(folder, None, &mut |index, entry| {
        if index == 0 {
            seen.clear();
        }
        assert_eq!(index, seen.len() as u64);
        seen.push(entry.to_vec());
        Ok(())
    });
    assert_eq!(verdict.bad, None);
    assert!(verdict.ok && !verdict.pinned);
    assert_eq!(verdict.entries, seen.len() as u64);
    let read: Vec<(u64, Vec<u8>)> = read_entries(folder, 0..u64::MAX).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, (0..).zip(seen.iter().cloned()).collect::<Vec<_>>());
    seen
}

/// Copies a folder, as an auditor would.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target)
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// All files under a folder, relative to it.
fn files(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for item in fs::read_dir(next).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned())
            }
        }
    }
    found.sort();
    found
}

async fn until(log: &Log, wanted: impl Fn(&State) -> bool) {
    let mut state = log.state();
    let reached = tokio::time::timeout(Duration::from_secs(20), state.wait_for(|state| wanted(state))).await;
    reached.expect("the state is reached in time").unwrap();
}
