//! Logs that begin at a minimum: what remains verifies and proves; what else is missing is seen; a stop at any step ends well.

use super::{disks::FaultyDisk, *};
use crate::log::{
    Archive, ArchiveWriter, Minimum,
    disk::RealDisk,
    export, first_entry,
    minimum::MINIMUM,
    proof::{TileHashes, check_consistency, check_inclusion, consistency, inclusion},
    prune::{raise, sweep},
    root_at,
    tree::{Hash, leaf_hash, root_of},
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const SEGMENT_BYTES: u64 = 64 * 1024;

fn roomy(folder: &Path) -> LogConfig {
    LogConfig { segment_bytes: SEGMENT_BYTES, ..config(folder) }
}

/// Appends up to a size, in groups, and closes.
async fn fill(folder: &Path, from: u64, to: u64) {
    let opened = open(roomy(folder));
    assert_eq!(opened.entries, from);
    let all: Vec<Vec<u8>> = (from..to).map(entry).collect();
    for some in all.chunks(500) {
        opened.log.append_all(some.to_vec()).await.unwrap();
    }
    drop(opened.reserve);
    opened.log.close().await.unwrap();
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&entry(index))).collect()
}

fn minimum(size: u64, stated_at: u64) -> Minimum {
    Minimum { size, root: root_of(&leaves(size)), stated_at }
}

fn prune(folder: &Path, minimum: &Minimum) -> u64 {
    raise(&RealDisk, folder, &signer(), minimum).unwrap();
    sweep(&RealDisk, folder, minimum.size).unwrap()
}

/// A folder that begins at `first` and must be good, whole and provable.
fn begins_at(folder: &Path, first: u64, size: u64) {
    let all = leaves(size);
    for threads in [1, 3] {
        let verdict = check_in(folder, threads);
        assert_eq!(verdict.bad, None, "from {first} to {size}");
        assert_eq!((verdict.entries, verdict.minimum.map_or(0, |minimum| minimum.size)), (size, first));
        assert_eq!(verdict.root, data_encoding::HEXLOWER.encode(&root_of(&all)));
    }
    assert_eq!(first_entry(folder), Ok(first));
    for from in [0, first.saturating_sub(1), first, first + 3] {
        let read: Vec<(u64, Vec<u8>)> = read_entries(folder, from..u64::MAX).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, (from.max(first)..size).map(|index| (index, entry(index))).collect::<Vec<_>>());
    }
    assert_eq!(read_entries(folder, 0..first).unwrap().count(), 0, "what went is not there");
    let root = root_of(&all);
    for index in [first, first + 255, (first + size) / 2, size - 1].into_iter().filter(|index| *index < size) {
        let path = inclusion(&mut TileHashes::new(folder, size), index, size).unwrap().unwrap();
        assert_eq!(check_inclusion(index, &all[index as usize], size, &root, &path), Ok(()), "{index}");
        let old = index.max(1);
        let before = root_of(&all[..old as usize]);
        assert_eq!(root_at(folder, old), Ok(Some(before)), "{old}");
        let path = consistency(&mut TileHashes::new(folder, size), old, size).unwrap().unwrap();
        assert_eq!(check_consistency((old, &before), (size, &root), &path), Ok(()), "{old}");
    }
}

#[tokio::test]
async fn what_remains_verifies_proves_and_goes_on() {
    let folder = super::folder();
    let path = folder.path();
    // A tile of the second level is filled; the minimum lies below it, at its end, and past it.
    let mut size = 67_000;
    fill(path, 0, size).await;
    let mut removed = 0;
    for first in [256, 5120, 65_536, 65_792] {
        removed += prune(path, &minimum(first, size - 1));
        begins_at(path, first, size);
        assert_eq!(prune(path, &minimum(first, size - 1)), 0, "once");
        fill(path, size, size + 700).await;
        size += 700;
        begins_at(path, first, size);
    }
    // Bundles and their hashes, and one tile of the level above.
    assert_eq!(removed, 2 * 257 + 1);
    assert!(!path.join("tile/1/000").exists() && path.join("tile/2/000.p/1").exists());
    // What the upper tiles still tell of what went; and what they do not.
    let all = leaves(65_536);
    assert_eq!(root_at(path, 65_536), Ok(Some(root_of(&all))));
    assert_eq!(root_at(path, 700), Ok(None));
    let sizes = BTreeSet::from([700, 65_536, 65_792, 66_000]);
    let how = Verifying { sizes: &sizes, ..Verifying::default() };
    let verdict = verify_with(path, &how, &|_| (), &mut |_, ()| Ok(()));
    assert_eq!(verdict.roots.keys().copied().collect::<Vec<_>>(), [65_536, 65_792, 66_000]);
    // An archive holds what remains.
    let (file, mut writer) = (path.with_extension("tar"), ArchiveWriter::new(Vec::new()));
    export(path, "journal/pruned", &mut writer).unwrap();
    fs::write(&file, writer.finish().unwrap()).unwrap();
    let archive = Archive::open(&file).unwrap();
    fs::remove_file(file).unwrap();
    let verdict = verify_with(&archive.log("pruned").unwrap(), &Verifying::default(), &|_| (), &mut |_, ()| Ok(()));
    assert_eq!((verdict.bad, verdict.entries), (None, size));
}

#[tokio::test]
async fn a_minimum_never_goes_back_and_says_only_what_is_so() {
    let folder = super::folder();
    fill(folder.path(), 0, 4000).await;
    let refused = |one: &Minimum| {
        let raised = raise(&RealDisk, folder.path(), &signer(), one);
        assert!(matches!(raised, Err(LogError::Refused(_))), "{one:?} {raised:?}");
    };
    let true_one = minimum(1024, 3999);
    refused(&Minimum { size: 0, ..true_one.clone() });
    refused(&Minimum { root: [1; 32], ..true_one.clone() });
    refused(&minimum(1000, 3999));
    refused(&minimum(1024, 1023));
    refused(&minimum(1024, 4000));
    // Its last entries still lie in the segment.
    refused(&minimum(3840, 3999));
    begins_at(folder.path(), 0, 4000);
    prune(folder.path(), &true_one);
    refused(&minimum(512, 3999));
    refused(&minimum(1024, 3998));
    begins_at(folder.path(), 1024, 4000);
}

#[tokio::test]
async fn nothing_else_may_be_missing_or_there() {
    let folder = super::folder();
    fill(folder.path(), 0, 4000).await;
    let whole = super::folder();
    copy(folder.path(), whole.path());
    prune(folder.path(), &minimum(512, 3999));
    let older = fs::read(folder.path().join(MINIMUM)).unwrap();
    prune(folder.path(), &minimum(1024, 3999));
    let told = fs::read(folder.path().join(MINIMUM)).unwrap();
    let bad = |what: &str| {
        let found = check(folder.path()).bad.unwrap_or_else(|| panic!("{what} is not seen"));
        let opened = Log::open(roomy(folder.path()), now()).map(|opened| opened.entries);
        (found, opened)
    };
    // Without the note, with an older one, and with one of another key.
    fs::remove_file(folder.path().join(MINIMUM)).unwrap();
    assert_eq!(bad("a removed note").0.file, "tile/entries/000");
    fs::write(folder.path().join(MINIMUM), &older).unwrap();
    assert_eq!(bad("an older note").0.file, "tile/entries/002");
    let thief = Signer::from_seed(ORIGIN, &[1; 32]).unwrap();
    for forged in [minimum(2048, 3999).sign(&thief), minimum(1024, 3999).sign(&thief)] {
        fs::write(folder.path().join(MINIMUM), forged).unwrap();
        let (found, opened) = bad("a forged note");
        assert!(found.file == MINIMUM && opened.is_err(), "{found}");
    }
    // One that the key signed for another root, or for a longer log.
    for signed in [Minimum { root: [1; 32], ..minimum(1024, 3999) }, minimum(1024, 4000)] {
        fs::write(folder.path().join(MINIMUM), signed.sign(&signer())).unwrap();
        let (found, opened) = bad("a note that is not true");
        assert!(found.file == MINIMUM && opened.is_err(), "{found}");
    }
    for at in 0..told.len() {
        let mut altered = told.clone();
        altered[at] ^= 1;
        fs::write(folder.path().join(MINIMUM), altered).unwrap();
        let _ = bad("an altered note");
    }
    fs::write(folder.path().join(MINIMUM), &told).unwrap();
    assert_eq!(check(folder.path()).bad, None);
    // Every other file is needed as before.
    for file in files(folder.path()).into_iter().filter(|file| file.starts_with("tile/")) {
        let bytes = fs::read(folder.path().join(&file)).unwrap();
        fs::remove_file(folder.path().join(&file)).unwrap();
        assert!(!check(folder.path()).ok, "{file} is missing");
        fs::write(folder.path().join(&file), bytes).unwrap();
    }
    // What went and is back is no part of the log, and goes again.
    let back = "tile/entries/001";
    fs::copy(whole.path().join(back), folder.path().join(back)).unwrap();
    assert_eq!(check(folder.path()).bad.unwrap().file, back);
    let opened = open(roomy(folder.path()));
    assert_eq!(opened.log.sweep_below(), Ok(1));
    drop(opened.reserve);
    opened.log.close().await.unwrap();
    begins_at(folder.path(), 1024, 4000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_of_a_removal_may_be_the_last_one() {
    let image = super::folder();
    fill(image.path(), 0, 4000).await;
    let wanted = minimum(2048, 3999);
    let mut stopped = [0, 0];
    for last in 0.. {
        let folder = super::folder();
        copy(image.path(), folder.path());
        let disk = FaultyDisk::failing(last..u64::MAX);
        let raised = raise(&disk, folder.path(), &signer(), &wanted).is_ok();
        let done = raised && sweep(&disk, folder.path(), wanted.size).is_ok();
        // The note is there or not; it alone says what may be missing.
        let noted = folder.path().join(MINIMUM).exists();
        let opened = open(roomy(folder.path()));
        assert_eq!(opened.entries, 4000, "stopped at operation {last}");
        opened.log.sweep_below().unwrap();
        drop(opened.reserve);
        opened.log.close().await.unwrap();
        begins_at(folder.path(), if noted { wanted.size } else { 0 }, 4000);
        prune(folder.path(), &wanted);
        begins_at(folder.path(), wanted.size, 4000);
        stopped[usize::from(noted)] += 1;
        if done {
            break;
        }
    }
    assert!(stopped[0] > 2 && stopped[1] > 16, "{stopped:?}");
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    /// To so many bundles before the end, if that is more than it was.
    Prune(u64),
    /// The same, the files still there when the log is opened again.
    Note(u64),
}

async fn live_through(steps: Vec<Step>) {
    let folder = super::folder();
    let (mut size, mut first, mut left) = (1, 0, false);
    fill(folder.path(), 0, size).await;
    for step in steps {
        match step {
            Step::Append(more) => {
                fill(folder.path(), size, size + more).await;
                size += more;
            }
            Step::Prune(back) | Step::Note(back) => {
                let wanted = (size / 256).saturating_sub(back) * 256;
                let wanted_now = minimum(wanted, size - 1);
                if raise(&RealDisk, folder.path(), &signer(), &wanted_now).is_ok() {
                    assert!(wanted >= first);
                    first = wanted;
                }
                left |= matches!(step, Step::Note(_));
                if !matches!(step, Step::Note(_)) {
                    sweep(&RealDisk, folder.path(), first).unwrap();
                    left = false;
                }
            }
        }
        if !left {
            begins_at(folder.path(), first, size.max(first + 1));
        }
    }
    sweep(&RealDisk, folder.path(), first).unwrap();
    begins_at(folder.path(), first, size);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_log_that_is_pruned_now_and_then_is_the_end_of_the_whole_one(
        steps in proptest::collection::vec(prop_oneof![
            3 => (256_u64..3000).prop_map(Step::Append),
            2 => (0_u64..30).prop_map(Step::Prune),
            1 => (0_u64..30).prop_map(Step::Note),
        ], 1..10)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live_through(steps));
    }
}
