//! The part of verification that needs no order: bundles are independent of one another, so several threads read and
//! hash them while one consumer takes what they found in the order of the log.

use super::{
    Bad,
    files::Files,
    live::load_hashes,
    tiles::{BUNDLE_BYTES_MAX, Entries, Kind, Tile},
    tree::{Hash, leaf_hash, root_of},
};
use std::{
    num::NonZeroUsize,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

/// Bundles that one thread has hashed and the consumer has not taken: what bounds the memory of a thread, together with
/// the one bundle that it is reading.
const AHEAD_MAX: usize = 16;

/// A bundle whose entries all have the hashes that their tile gives.
pub(crate) struct Hashed<T> {
    pub tile: Tile,
    pub leaves: Vec<Hash>,
    /// The root of the leaves.
    pub root: Hash,
    /// What `look` made of each entry.
    pub seen: Vec<T>,
}

/// Reads and hashes one bundle; nothing when anything at all is wrong with it, or with its tile of hashes.
fn hash_bundle<F: Files + ?Sized, T>(files: &F, tile: Tile, look: &dyn Fn(&[u8]) -> T) -> Option<Hashed<T>> {
    let bundle = files.load(&tile.path(), BUNDLE_BYTES_MAX).ok()?;
    let leaves = load_hashes(files, Tile { kind: Kind::Hashes(0), ..tile }).ok()?;
    let mut entries = Entries::new(&bundle);
    let mut seen = Vec::with_capacity(leaves.len());
    for leaf in &leaves {
        let entry = entries.next()?.ok()?;
        if leaf_hash(entry) != *leaf {
            return None;
        }
        seen.push(look(entry));
    }
    let whole = entries.offset() == bundle.len();
    whole.then(|| Hashed { tile, root: root_of(&leaves), leaves, seen })
}

/// Gives `take` every bundle of a tree of `size` entries from the bundle `first` on, in order: hashed, or only named when something is wrong with it.
/// One thread hashes in the caller's own; more are started. The first error of `take` ends it.
pub(crate) fn each_bundle<F: Files + ?Sized, T: Send>(
    files: &F,
    (first, size): (u64, u64),
    threads: NonZeroUsize,
    look: &(dyn Fn(&[u8]) -> T + Sync),
    take: &mut dyn FnMut(Tile, Option<Hashed<T>>) -> Result<(), Bad>,
) -> Result<(), Bad> {
    let bundles = |from: usize| {
        let places = (first + from as u64..).step_by(threads.get());
        places.map_while(move |place| Tile::at(Kind::Entries, place, size))
    };
    if threads.get() == 1 {
        return bundles(0).try_for_each(|tile| take(tile, hash_bundle(files, tile, look)));
    }
    thread::scope(|scope| {
        let mut queues: Vec<Receiver<Option<Hashed<T>>>> = Vec::new();
        for number in 0..threads.get() {
            let (sender, queue): (SyncSender<Option<Hashed<T>>>, _) = sync_channel(AHEAD_MAX);
            let mine = bundles(number);
            let work = move || {
                for tile in mine {
                    // The consumer has gone: it has found something bad.
                    if sender.send(hash_bundle(files, tile, look)).is_err() {
                        break;
                    }
                }
            };
            // A thread that cannot start, or that ends early, leaves its bundles to the consumer.
            let _ = thread::Builder::new().name("journal-hasher".to_owned()).spawn_scoped(scope, work);
            queues.push(queue);
        }
        let in_turn = queues.iter().cycle();
        (first..)
            .map_while(|place| Tile::at(Kind::Entries, place, size))
            .zip(in_turn)
            .try_for_each(|(tile, queue)| take(tile, queue.recv().ok().flatten().filter(|found| found.tile == tile)))
    })
}
