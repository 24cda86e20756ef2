//! The publisher: turns durable entries into tiles, and signs a checkpoint over them.

use super::{
    disk::{Batch, unfinished},
    note::Checkpoint,
    read::load_checkpoint,
    segment::{self, HEADER_BYTES},
    shared::Shared,
    tiles::{Entries, Kind, Tile, push_entry},
    tree::{Tree, leaf_hash},
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::Path,
    sync::{Arc, PoisonError},
    time::Instant,
};

/// The file of the signed tree head.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Where the publisher reads next.
#[derive(Clone)]
pub(crate) struct Cursor {
    /// The first index of the segment it reads.
    pub segment: u64,
    /// The segment, and where its next group begins; nothing before it was opened.
    pub place: Option<(Arc<File>, u64)>,
}

/// What a checkpoint is made of. An attempt works on a copy: when it fails, nothing has changed.
#[derive(Clone)]
pub(crate) struct Edge {
    pub tree: Tree,
    /// The unfilled entry bundle.
    pub bundle: Vec<u8>,
    pub cursor: Cursor,
    /// Segments whose entries have all been read.
    pub finished: Vec<u64>,
}

pub(crate) struct Publisher {
    shared: Arc<Shared>,
    edge: Edge,
    /// Tiles that may lie on the disk and have to go once the checkpoint does without them.
    passing: BTreeSet<Tile>,
    /// The sizes that the checkpoint on the disk may have: more than one after a failure to replace it.
    heads: BTreeSet<u64>,
    /// An earlier attempt, perhaps of an earlier process, was cut short.
    wary: bool,
}

impl Publisher {
    /// A publisher that goes on from `edge`, the state of the checkpoint on the disk.
    pub fn new(shared: Arc<Shared>, edge: Edge, passing: BTreeSet<Tile>) -> Self {
        let heads = BTreeSet::from([edge.tree.size()]);
        Self { shared, edge, passing, heads, wary: true }
    }

    /// The thread: publishes a moment after a commit, tries again by itself after a fault, and once more at the end.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut not_before: Option<Instant> = None;
        loop {
            let mut board = shared.board();
            let stop = board.stop;
            let Some(since) = board.oldest else {
                if stop {
                    return;
                }
                drop(shared.publish_bell.wait(board).unwrap_or_else(PoisonError::into_inner));
                continue;
            };
            let due = not_before.unwrap_or(since + shared.config.checkpoint_delay);
            let pause = due.saturating_duration_since(Instant::now());
            if !stop && !pause.is_zero() {
                drop(shared.wait(&shared.publish_bell, board, pause));
                continue;
            }
            board.in_hand = board.oldest.take();
            let upto = board.durable;
            drop(board);
            let done = self.publish(upto);
            not_before = done.is_err().then(|| Instant::now() + shared.config.retry_delay);
            self.settle(done, stop);
            if stop {
                return;
            }
        }
    }

    /// Notes on the board how an attempt went.
    fn settle(&self, done: io::Result<()>, last: bool) {
        let mut board = self.shared.board();
        let since = board.in_hand.take();
        match done {
            Ok(()) => {
                board.publish_error = None;
                board.publish_fault = None;
            }
            Err(error) => {
                board.oldest = since.or(board.oldest);
                let why: Arc<str> = format!("the checkpoint cannot be written ({error})").into();
                tracing::warn!(%why, "the journal will try again");
                board.publish_error = Some(Arc::clone(&why));
                if last || board.age() > self.shared.config.checkpoint_age_max {
                    board.publish_fault = Some(why);
                }
            }
        }
        self.shared.tell(&board);
        self.shared.writer_bell.notify_one();
    }

    /// Publishes everything below `upto`, which is durable and ends a group.
    pub fn publish(&mut self, upto: u64) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let (config, disk) = (&shared.config, shared.disk.as_ref());
        let wary = std::mem::replace(&mut self.wary, true);
        let edge = match self.write_tiles(upto, wary) {
            Ok(edge) => edge,
            Err(error) => {
                // Nothing that the checkpoint on the disk does not account for is left lying about.
                self.sweep();
                return Err(error);
            }
        };
        let checkpoint = Checkpoint { origin: config.signer.origin().to_owned(), size: upto, root: edge.tree.root() };
        self.heads.insert(upto);
        let mut head = Batch::new(disk, &config.folder, wary);
        let written = head.write(CHECKPOINT, checkpoint.sign(&config.signer).as_bytes());
        if let Err(error) = written.and_then(|()| head.finish()) {
            // It may have been replaced all the same: whichever stands there keeps its tiles.
            let size = self.edge.tree.size();
            if load_checkpoint(config.folder.as_path(), config.signer.vkey())
                .is_ok_and(|standing| standing.size == size)
            {
                self.heads = BTreeSet::from([size]);
                self.sweep();
            }
            return Err(error);
        }
        self.edge = edge;
        self.heads = BTreeSet::from([upto]);
        self.wary = false;
        self.sweep();
        self.shared.checkpoint.send_replace(checkpoint);
        Ok(())
    }

    fn write_tiles(&mut self, upto: u64, wary: bool) -> io::Result<Edge> {
        let folder = &self.shared.config.folder;
        let mut edge = self.edge.clone();
        let batch = Batch::new(self.shared.disk.as_ref(), folder, wary);
        let mut tiles = Tiles { batch, written: &mut self.passing };
        advance(&mut edge, upto, folder, &mut tiles)?;
        // What the last checkpoint already needed is there, and durable.
        let published = self.edge.tree.size();
        for tile in Tile::partials(upto).filter(|tile| !tile.belongs_to(published)) {
            match tile.kind {
                Kind::Entries => tiles.write(tile, &edge.bundle)?,
                Kind::Hashes(level) => tiles.write(tile, &edge.tree.row(level).concat())?,
            }
        }
        tiles.batch.finish()?;
        Ok(edge)
    }

    /// Removes what the checkpoint has made superfluous. What cannot be removed now is tried again next time.
    pub fn sweep(&mut self) {
        let (folder, disk) = (&self.shared.config.folder, self.shared.disk.as_ref());
        let gone = |path: &Path| match disk.remove(path) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(()) => true,
        };
        let heads = &self.heads;
        self.passing.retain(|tile| {
            if heads.iter().any(|size| tile.belongs_to(*size)) {
                return tile.is_partial();
            }
            let path = folder.join(tile.path());
            let removed = gone(&path) && gone(&unfinished(&path));
            // Folders that this leaves empty go too: always that of the index's partial tiles, others after a failure.
            for above in path.ancestors().skip(1).take_while(|above| above != folder) {
                match fs::remove_dir(above) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => break,
                    _ => {}
                }
            }
            !removed
        });
        let shared = &self.shared;
        self.edge.finished.retain(|first| !shared.retire(*first) && !gone(&folder.join(segment::name(*first))));
    }
}

/// Tiles being written, and the list of them.
struct Tiles<'a> {
    batch: Batch<'a>,
    written: &'a mut BTreeSet<Tile>,
}

impl Tiles<'_> {
    fn write(&mut self, tile: Tile, bytes: &[u8]) -> io::Result<()> {
        self.written.insert(tile);
        self.batch.write(&tile.path(), bytes)
    }
}

/// Reads the groups up to `upto` back from the segments, and writes each tile that they fill.
fn advance(edge: &mut Edge, upto: u64, folder: &Path, tiles: &mut Tiles<'_>) -> io::Result<()> {
    let Edge { tree, bundle, cursor, finished } = edge;
    while tree.size() < upto {
        let (file, offset) = match cursor.place.take() {
            Some(place) => place,
            None => (Arc::new(File::open(folder.join(segment::name(cursor.segment)))?), HEADER_BYTES as u64),
        };
        match segment::read_group(&file, offset)?.filter(|(first, _, _)| *first <= tree.size()) {
            Some((first, payload, next)) => {
                for (index, entry) in (first..).zip(Entries::new(&payload)) {
                    let entry =
                        entry.map_err(|at| invalid(format!("a group of the journal breaks off at byte {at}")))?;
                    // The first segment after a start may hold entries that are already under the checkpoint.
                    if index >= tree.size() {
                        take(tree, bundle, entry, tiles)?;
                    }
                }
                cursor.place = Some((file, next));
            }
            // This segment is read out: the next one is named by the entry that it begins with.
            None if cursor.segment < tree.size() => {
                finished.push(cursor.segment);
                *cursor = Cursor { segment: tree.size(), place: None };
            }
            None => return Err(invalid(format!("{} has no entry {}", segment::name(cursor.segment), tree.size()))),
        }
    }
    if tree.size() == upto { Ok(()) } else { Err(invalid("a group goes past what is durable".to_owned())) }
}

fn take(tree: &mut Tree, bundle: &mut Vec<u8>, entry: &[u8], tiles: &mut Tiles<'_>) -> io::Result<()> {
    push_entry(bundle, entry);
    let mut filled = false;
    tree.push(leaf_hash(entry), &mut |level, index, hashes| {
        if level == 0 {
            filled = true;
            tiles.write(Tile { kind: Kind::Entries, index, width: 256 }, bundle)?;
        }
        tiles.write(Tile { kind: Kind::Hashes(level), index, width: 256 }, &hashes.concat())
    })?;
    if filled {
        bundle.clear();
    }
    Ok(())
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
