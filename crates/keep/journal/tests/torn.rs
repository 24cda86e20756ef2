//! The last group of a segment cut, zeroed or garbled at each of its bytes: all of the group is found or none of it,
//! what was synced before it is there, and the log opens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use journal::log::{Log, LogConfig, Opened, Signer, read_entries, verify};
use std::{fs, ops::Range, path::Path, time::Duration};
use types::Time;

const HEADER_BYTES: usize = 64;
const GROUP_HEADER_BYTES: usize = 84;
/// Synced before the last group.
const SYNCED: [&str; 3] = ["one", "two", "three, somewhat longer than the others"];
/// The last group.
const LAST: [&str; 4] = ["four", "GRP1 five", "", "seven"];

fn config(folder: &Path, checkpoint_delay: Duration) -> LogConfig {
    LogConfig {
        segment_bytes: 2048,
        reserve_slots: 2,
        checkpoint_delay,
        checkpoint_age_max: Duration::from_secs(3600),
        ..LogConfig::new(folder.to_owned(), Signer::from_seed("example.test/torn", &[9; 32]).unwrap())
    }
}

fn open(folder: &Path, checkpoint_delay: Duration) -> Result<Opened, journal::log::LogError> {
    Log::open(config(folder, checkpoint_delay), Time::from_micros(1_000_000))
}

/// In memory where there is such a place: what is on the disk is what this test writes there.
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn bytes_of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| format!("{text} {}", "-".repeat(20)).into_bytes()).collect()
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

/// A folder as a stop leaves it: three entries, published or not, then a group of four that nothing has published.
async fn image(published: bool) -> tempfile::TempDir {
    let (folder, copied) = (place(), place());
    let (hour, soon) = (Duration::from_secs(3600), Duration::from_millis(1));
    let Opened { log, reserve, .. } = open(folder.path(), if published { soon } else { hour }).unwrap();
    log.append_all(bytes_of(&SYNCED)).await.unwrap();
    let log = if published {
        drop(reserve);
        log.close().await.unwrap();
        open(folder.path(), hour).unwrap().log
    } else {
        log
    };
    assert_eq!(log.append_all(bytes_of(&LAST)).await, Ok(3..7));
    // The spare may still be in the making, under its own name: a stop may come then, too.
    copy(folder.path(), copied.path());
    copied
}

/// Where the last group lies in the segment.
fn last_group(segment: &[u8]) -> Range<usize> {
    let length = |at: usize| {
        let field = segment[at + 16..at + 20].try_into().unwrap();
        GROUP_HEADER_BYTES + u32::from_be_bytes(field) as usize
    };
    assert_eq!(&segment[HEADER_BYTES..HEADER_BYTES + 4], b"GRP1");
    let start = HEADER_BYTES + length(HEADER_BYTES);
    assert_eq!(&segment[start..start + 4], b"GRP1");
    let end = start + length(start);
    assert!(segment[end..].iter().all(|byte| *byte == 0));
    start..end
}

/// Opens a folder whose segment was changed, and says how many entries it has; they are the right ones.
async fn entries_of(image: &Path, segment: &[u8], what: &str) -> u64 {
    let folder = place();
    copy(image, folder.path());
    fs::write(folder.path().join("segment-00000000000000000000"), segment).unwrap();
    let opened = open(folder.path(), Duration::from_secs(3600)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = opened.entries;
    let next = opened.log.append(b"after".to_vec()).await.unwrap();
    assert_eq!(next, found, "{what}");
    opened.log.close().await.unwrap();
    let mut model = [bytes_of(&SYNCED), bytes_of(&LAST)].concat();
    model.truncate(found as usize);
    model.push(b"after".to_vec());
    let read: Vec<Vec<u8>> = read_entries(folder.path(), 0..u64::MAX).unwrap().map(|read| read.unwrap().1).collect();
    assert_eq!(read, model, "{what}");
    let verdict = verify(folder.path(), None, &mut |_, _| Ok(()));
    assert!(verdict.ok, "{what}: {:?}", verdict.bad);
    found
}

async fn at_every_byte(published: bool) {
    let image = image(published).await;
    let good = fs::read(image.path().join("segment-00000000000000000000")).unwrap();
    let group = last_group(&good);
    assert_eq!(entries_of(image.path(), &good, "whole").await, 7, "unchanged");
    let mut noise = 0x2545_f491_u32;
    let mut noisy = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8 | 1
    };
    for at in group.clone() {
        let changed = |what: &str, change: &mut dyn FnMut(&mut Vec<u8>)| {
            let mut segment = good.clone();
            change(&mut segment);
            (segment != good).then(|| (format!("{what} at byte {at} of {group:?}"), segment))
        };
        let all = [
            changed("zeros from", &mut |segment| segment[at..].fill(0)),
            changed("zeros up to", &mut |segment| segment[group.start..=at].fill(0)),
            changed("noise from", &mut |segment| segment[at..group.end].fill_with(&mut noisy)),
            changed("noise from there to the end", &mut |segment| segment[at..].fill_with(&mut noisy)),
            changed("noise up to", &mut |segment| segment[group.start..=at].fill_with(&mut noisy)),
            changed("one bit", &mut |segment| segment[at] ^= 1 << (at % 8)),
            changed("the file ends", &mut |segment| segment.truncate(at)),
        ];
        for (what, segment) in all.into_iter().flatten() {
            assert_eq!(entries_of(image.path(), &segment, &what).await, 3, "{what}");
        }
    }
    // Past the group nothing of it is lost.
    for at in [group.end, group.end + 1, good.len() - 1] {
        let mut segment = good.clone();
        segment.truncate(at);
        assert_eq!(entries_of(image.path(), &segment, "the zeros after it are cut").await, 7, "at {at}");
        let mut segment = good.clone();
        segment[at] = 0xff;
        assert_eq!(entries_of(image.path(), &segment, "noise after it").await, 7, "at {at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_loses_nothing_that_was_synced_before_it() {
    at_every_byte(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_after_a_checkpoint_loses_nothing_either() {
    at_every_byte(true).await;
}
