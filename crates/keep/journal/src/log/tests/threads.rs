//! Verification in several threads: the same entries in the same order, the same roots, the same first objection.

use super::*;
use crate::log::tree::{Hash, Tree, leaf_hash};
use std::{collections::BTreeSet, num::NonZeroUsize};

/// Entries under the checkpoint: three full bundles and a partial one.
const PUBLISHED: u64 = 3 * 256 + 40;
/// And those of the segments besides.
const ALL: u64 = PUBLISHED + 5;

async fn image() -> tempfile::TempDir {
    let folder = super::folder();
    let Opened { log, .. } = open(config(folder.path()));
    append(&log, 0, PUBLISHED).await;
    log.close().await.unwrap();
    let Opened { log, .. } = open(lazy(folder.path()));
    append(&log, PUBLISHED, ALL).await;
    let copied = super::folder();
    until(&log, |state| *state == State::Ready).await;
    copy(folder.path(), copied.path());
    let _ = fs::remove_file(copied.path().join("segment-spare"));
    copied
}

fn naive_root(entries: u64) -> Hash {
    let mut tree = Tree::new();
    for index in 0..entries {
        tree.push::<()>(leaf_hash(&entry(index)), &mut |_, _, _| Ok(())).unwrap();
    }
    tree.root()
}

#[tokio::test]
async fn any_number_of_threads_sees_the_same() {
    let image = image().await;
    let sizes: BTreeSet<u64> = [0, 1, 255, 256, 257, 512, 767, 768, PUBLISHED, PUBLISHED + 2, ALL, ALL + 1].into();
    for threads in [1, 2, 3, 7] {
        let mut seen = Vec::new();
        let threads = NonZeroUsize::new(threads).unwrap();
        let how = Verifying { threads, sizes: &sizes, ..Verifying::default() };
        let verdict = verify_with(image.path(), &how, &<[u8]>::to_vec, &mut |index, found: Vec<u8>| {
            assert_eq!(index, seen.len() as u64);
            seen.push(found);
            Ok(())
        });
        assert_eq!(verdict.bad, None, "{threads} threads");
        assert_eq!(seen, (0..ALL).map(entry).collect::<Vec<_>>());
        let reached: Vec<u64> = verdict.roots.keys().copied().collect();
        assert_eq!(reached, sizes.iter().copied().filter(|size| *size <= ALL).collect::<Vec<_>>());
        for (size, root) in &verdict.roots {
            assert_eq!(*root, naive_root(*size), "the root of {size} entries with {threads} threads");
        }
    }
}

#[tokio::test]
async fn the_first_objection_ends_it_whatever_the_threads_have_read_ahead() {
    let image = image().await;
    for (first, threads) in [(0, 2), (255, 2), (256, 3), (700, 2), (PUBLISHED + 1, 5)] {
        let how = Verifying { threads: NonZeroUsize::new(threads).unwrap(), ..Verifying::default() };
        let mut after = 0;
        let verdict = verify_with(image.path(), &how, &|_| (), &mut |index, ()| {
            after += u32::from(index > first);
            if index == first { Err("no".to_owned()) } else { Ok(()) }
        });
        let bad = verdict.bad.unwrap();
        assert_eq!((bad.index, bad.what.as_str(), after), (Some(first), "no", 0));
    }
}
