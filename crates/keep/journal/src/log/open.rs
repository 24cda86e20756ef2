//! Opening a log: makes the folder, or takes up where a stop, clean or not, left it. It never guesses: what contradicts
//! itself is refused, because going on could sign two histories.

use super::{
    Bad, LogConfig, LogError,
    disk::{Batch, Disk, RealDisk, UNFINISHED, load, write_zeros},
    files::Files,
    handle::Log,
    io_error,
    keys::{KEYS, Keys},
    live::{self, Live, load_hashes, segments},
    minimum::{MINIMUM, load_beginning},
    note::Checkpoint,
    publish::{CHECKPOINT, Cursor, Edge, Publisher},
    read::{VKEY, load_checkpoint},
    renew,
    reserve::{self, REVOCATIONS, Reserve, Revocation},
    segment::{self, HEADER_BYTES, SEGMENT_BYTES, Tail, UNASSIGNED},
    shared::{Shared, Spare},
    spare,
    tiles::{BUNDLE_BYTES_MAX, Entries, FOLDER, Kind, Tile},
    tree::{Tree, WIDTH, leaf_hash, row_len},
    writer::{self, Active},
};
use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::Arc,
    thread::{Builder, JoinHandle},
    time::Duration,
};
use types::Time;

/// How often the lock is tried, 50 ms apart.
const LOCK_ATTEMPTS_MAX: u32 = 10;

/// A log that was opened.
pub struct Opened {
    /// The log.
    pub log: Log,
    /// Its reserve.
    pub reserve: Reserve,
    /// The revocations in force, to be replayed before any session is honored.
    pub revocations: Vec<Revocation>,
    /// How many entries it has; all durable.
    pub entries: u64,
    /// Its checkpoint on the disk. Smaller than `entries` only if the disk was too full to publish at once: the log is
    /// then degraded and goes on trying.
    pub checkpoint: Checkpoint,
}

impl Log {
    /// Opens the log of a folder, or makes it. The folder is this process's own until the log is closed and the reserve
    /// dropped. Reads and writes files: call it where blocking is allowed.
    pub fn open(config: LogConfig, now: Time) -> Result<Opened, LogError> {
        open_on(Arc::new(RealDisk), config, now)
    }
}

/// [`Log::open`] on a given disk.
pub(crate) fn open_on(disk: Arc<dyn Disk>, config: LogConfig, now: Time) -> Result<Opened, LogError> {
    config.check()?;
    let lock = Arc::new(take(&config.folder)?);
    if is_new(&config)? {
        create(disk.as_ref(), &config).map_err(|error| io_error("the journal's folder cannot be made", &error))?;
    }
    let (folder, vkey) = (config.folder.clone(), config.signer.vkey().clone());
    renew::take_up(disk.as_ref(), &config)?;
    if Keys::load(folder.as_path())?.current() != &vkey {
        return Err(Bad::new(VKEY, "this folder is of another key").into());
    }
    let checkpoint = load_checkpoint(folder.as_path(), &vkey)?;
    let (tree, bundle) = load_edge(&folder, &checkpoint)?;
    load_beginning(folder.as_path(), &vkey, &checkpoint)?;
    let segments = live::walk(folder.as_path(), &vkey, checkpoint.size, &mut |_, _| Ok(()))?;
    let (active, entries) = resume(disk.as_ref(), &folder, &segments)?;
    let passing = tidy(disk.as_ref(), &folder, entries)?;
    let (reserve, revocations) =
        Reserve::open(Arc::clone(&disk), &folder, config.signer.clone(), Arc::clone(&lock), now)?;

    let size = checkpoint.size;
    let current = segments.iter().rfind(|live| live.first <= size).map_or(0, |live| live.first);
    let finished = segments.iter().map(|live| live.first).filter(|first| *first < current).collect();
    let edge = Edge { tree, bundle, cursor: Cursor { segment: current, place: None }, finished };
    let shared = Arc::new(Shared::new(config, disk, checkpoint, entries));
    let publisher = republish(&shared, Publisher::new(Arc::clone(&shared), edge, passing), size, entries);
    if let Some(spare) = reusable_spare(&shared) {
        shared.board().spare = Spare::Ready(spare.0, spare.1);
    }
    let checkpoint = shared.checkpoint.borrow().clone();
    let log = start(&shared, publisher, active, entries, lock).inspect_err(|_| shared.end())?;
    Ok(Opened { log, reserve, revocations, entries, checkpoint })
}

/// Makes the folder if need be and locks it. The lock is on the folder itself: it leaves no file behind.
pub(crate) fn take(folder: &Path) -> Result<File, LogError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let opened = made.and_then(|()| {
        // The folder's own name must be durable too.
        folder
            .parent()
            .filter(|above| !above.as_os_str().is_empty())
            .map_or(Ok(()), |above| RealDisk.sync_folder(above))?;
        File::open(folder)
    });
    let file = opened.map_err(|error| io_error("the journal's folder cannot be opened", &error))?;
    for _ in 0..LOCK_ATTEMPTS_MAX {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // `verify` looks at the lock for an instant; a process that ends may hold it a little longer.
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::Error(error)) => return Err(io_error("the journal's folder cannot be locked", &error)),
        }
    }
    Err(LogError::Locked(folder.to_owned()))
}

/// Whether a process has the folder open as its log.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    File::open(folder).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether the folder is new, or its making was cut short: no checkpoint yet, and nothing that needs one.
fn is_new(config: &LogConfig) -> Result<bool, LogError> {
    let folder = &config.folder;
    if fs::symlink_metadata(folder.join(CHECKPOINT)).is_ok() {
        return Ok(false);
    }
    let vkey = config.signer.vkey();
    let empty = match segments(folder)?.as_slice() {
        [] => true,
        [0] => live::walk(folder.as_path(), vkey, 0, &mut |_, _| Ok(()))?.iter().all(|live| live.next == 0),
        _ => false,
    };
    if !empty || fs::symlink_metadata(folder.join(FOLDER)).is_ok() {
        return Err(Bad::new(CHECKPOINT, "is missing, though the log has entries").into());
    }
    Ok(true)
}

/// Makes what is missing of an empty log; the checkpoint comes last.
fn create(disk: &dyn Disk, config: &LogConfig) -> io::Result<()> {
    let (folder, signer) = (&config.folder, &config.signer);
    if !folder.join(VKEY).exists() {
        let mut batch = Batch::new(disk, folder, true);
        batch.write(VKEY, format!("{}\n", signer.vkey()).as_bytes())?;
        batch.finish()?;
    }
    if !folder.join(REVOCATIONS).exists() {
        reserve::create(disk, folder, signer, config.reserve_slots)?;
    }
    let first = folder.join(segment::name(0));
    if !first.exists() {
        let file = spare::make(disk, folder, config.segment_bytes)?;
        disk.write_at(&file, &segment::header(config.segment_bytes, 0), 0)?;
        disk.sync(&file)?;
        disk.rename(&folder.join(segment::SPARE), &first)?;
    }
    disk.sync_folder(folder)?;
    let empty = Checkpoint { origin: signer.origin().to_owned(), size: 0, root: Tree::new().root() };
    let mut batch = Batch::new(disk, folder, true);
    batch.write(CHECKPOINT, empty.sign(signer).as_bytes())?;
    batch.finish()
}

/// Reads the right edge of the tree that the checkpoint signs.
pub(crate) fn load_edge(folder: &Path, checkpoint: &Checkpoint) -> Result<(Tree, Vec<u8>), Bad> {
    let size = checkpoint.size;
    let mut rows = Vec::new();
    for level in (0..8).take_while(|level| row_len(size, *level) > 0) {
        let tile = Tile::at(Kind::Hashes(level), row_len(size, level) / WIDTH, size);
        rows.push(tile.map_or(Ok(Vec::new()), |tile| load_hashes(folder, tile))?);
    }
    let leaves = rows.first().cloned().unwrap_or_default();
    let tree = Tree::from_rows(size, rows).filter(|tree| tree.root() == checkpoint.root);
    let tree = tree.ok_or_else(|| Bad::new(CHECKPOINT, "its root is not that of the tiles"))?;
    let Some(tile) = Tile::at(Kind::Entries, size / WIDTH, size) else { return Ok((tree, Vec::new())) };
    let bundle = load(folder, &tile.path(), BUNDLE_BYTES_MAX)?;
    let hashes = Entries::new(&bundle).map(|entry| entry.map(leaf_hash)).collect::<Result<Vec<_>, _>>();
    if hashes.as_ref() != Ok(&leaves) {
        return Err(Bad::new(tile.path(), "its entries are not those of the tree").at(tile.index * WIDTH));
    }
    Ok((tree, bundle))
}

/// Takes up the last segment; a write cut short in it, never acknowledged, becomes zeros again.
fn resume(disk: &dyn Disk, folder: &Path, segments: &[Live]) -> Result<(Active, u64), LogError> {
    let Some(live) = segments.last() else { return Err(Bad::new(".", "the live segment is missing").into()) };
    let name = segment::name(live.first);
    let offset = live.end as u64;
    let opened = OpenOptions::new().read(true).write(true).open(folder.join(&name));
    let resumed = opened.and_then(|file| {
        if live.tail != Tail::Zeros {
            tracing::warn!(segment = %name, byte = offset, "the journal clears a write that was cut short");
            write_zeros(disk, &file, offset, live.size)?;
        }
        // What was found counts as durable from now on, even if its own sync was cut short.
        disk.sync(&file)?;
        Ok(file)
    });
    let file = resumed.map_err(|error| io_error(&name, &error))?;
    Ok((Active { file, size: live.size, offset }, live.next))
}

/// Removes unfinished files, and lists the tiles that must go once a checkpoint does without them.
fn tidy(disk: &dyn Disk, folder: &Path, entries: u64) -> Result<BTreeSet<Tile>, LogError> {
    let mut passing = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(relative) = folders.pop() {
        let items = match fs::read_dir(folder.join(&relative)) {
            Ok(items) => items,
            Err(error) => return Err(io_error(&relative, &error)),
        };
        let mut left = 0_usize;
        for item in items {
            let item = item.map_err(|error| io_error(&relative, &error))?;
            left += 1;
            let Some(name) = item.file_name().to_str().map(str::to_owned) else { continue };
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            if (path == FOLDER || path.starts_with("tile/")) && item.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.strip_suffix(UNFINISHED).is_some_and(is_ours) {
                left -= usize::from(disk.remove(&item.path()).is_ok());
            } else if let Some(tile) = Tile::parse(&path) {
                if tile.end() > entries {
                    let what = format!("vouches for entries that the log has not ({entries} were found)");
                    return Err(Bad::new(path, what).at(entries).into());
                }
                if tile.is_partial() {
                    passing.insert(tile);
                }
            }
        }
        if left == 0 && relative.ends_with(".p") {
            let _ = fs::remove_dir(folder.join(&relative));
        }
    }
    Ok(passing)
}

/// Whether an unfinished file of this name would be the log's own. Anything else is left for `verify` to report.
fn is_ours(path: &str) -> bool {
    [VKEY, KEYS, CHECKPOINT, MINIMUM, REVOCATIONS].contains(&path) || Tile::parse(path).is_some()
}

/// Puts every entry under a checkpoint again. On a full disk the log opens degraded, and goes on trying.
fn republish(shared: &Shared, mut publisher: Publisher, size: u64, entries: u64) -> Publisher {
    let done = if entries > size {
        publisher.publish(entries)
    } else {
        // The checkpoint may have been cut off before its folder was synced; only then may anything older go.
        shared.disk.sync_folder(&shared.config.folder).map(|()| publisher.sweep())
    };
    let mut board = shared.board();
    match done {
        Ok(()) => board.oldest = None,
        Err(error) => {
            board.oldest.get_or_insert_with(std::time::Instant::now);
            board.publish_fault = Some(format!("the checkpoint cannot be written ({error})").into());
            shared.tell(&board);
        }
    }
    drop(board);
    publisher
}

/// The spare segment left by the last run, if it is whole; otherwise it is removed.
fn reusable_spare(shared: &Shared) -> Option<(File, u64)> {
    let path = shared.config.folder.join(segment::SPARE);
    fs::symlink_metadata(&path).ok()?;
    let bytes = shared.config.segment_bytes;
    if is_spare(shared.config.folder.as_path(), Some(bytes)).is_ok() {
        return OpenOptions::new().read(true).write(true).open(&path).ok().map(|file| (file, bytes));
    }
    let _ = shared.disk.remove(&path);
    None
}

/// Checks a spare: its own length in its header, no first index, then zeros.
pub(crate) fn is_spare<F: Files + ?Sized>(files: &F, size: Option<u64>) -> Result<(), Bad> {
    let bytes = files.load(segment::SPARE, SEGMENT_BYTES.end)?;
    let length = bytes.len() as u64;
    let whole = segment::parse_header(&bytes) == Some((length, UNASSIGNED)) && size.is_none_or(|size| size == length);
    if !whole {
        return Err(Bad::new(segment::SPARE, "byte 0: not the header of a spare segment of this length"));
    }
    match bytes.iter().skip(HEADER_BYTES).position(|byte| *byte != 0) {
        None => Ok(()),
        Some(at) => Err(Bad::new(segment::SPARE, format!("byte {}: a spare segment is zero", at + HEADER_BYTES))),
    }
}

fn start(
    shared: &Arc<Shared>,
    publisher: Publisher,
    active: Active,
    next: u64,
    lock: Arc<File>,
) -> Result<Log, LogError> {
    let thread = |name: &str, run: Box<dyn FnOnce() + Send>| -> Result<JoinHandle<()>, LogError> {
        let spawned = Builder::new().name(name.to_owned()).spawn(run);
        spawned.map_err(|error| io_error("a thread of the journal cannot start", &error))
    };
    let (log, writer) = writer::channel(Arc::clone(shared), active, next);
    let provider = Arc::clone(shared);
    let others = vec![
        thread("journal-publish", Box::new(move || publisher.run()))?,
        thread("journal-spare", Box::new(move || spare::run(&provider)))?,
    ];
    thread("journal-write", Box::new(move || writer.run(others, lock)))?;
    Ok(log)
}
