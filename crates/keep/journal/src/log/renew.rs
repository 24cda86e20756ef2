//! Another key for a log, while no process writes it. The key that served says who comes after it; from the moment when that
//! is durable it signs nothing more, and the rest is taken up where a stop left it: the reserve, the minimum, the live segment
//! and the checkpoint are signed anew, entry for entry the same.

use super::{
    Bad, LogConfig, LogError,
    disk::{Batch, Disk, RealDisk, load},
    files::Files,
    io_error,
    keys::{KEYS, Keys, RENEWALS_MAX, Renewal},
    live,
    minimum::{MINIMUM, Minimum},
    note::{Checkpoint, NOTE_BYTES_MAX, Signer, VKey},
    open::{load_edge, take},
    publish::CHECKPOINT,
    read::{VKEY, load_checkpoint, load_vkey},
    reserve::{self, RESERVE_BYTES_MAX, REVOCATIONS},
    segment, spare,
};
use std::{io, path::Path};

/// How often a log's key was renewed: tells which of its keys is the present one.
pub(crate) fn renewals(folder: &Path) -> Result<usize, Bad> {
    Ok(Renewal::load_all(folder)?.len())
}

/// Gives the log of `config`, whose signer is the present one, the key of `after`. Refused where an entry is under no
/// checkpoint yet.
pub(crate) fn renew(config: &LogConfig, after: &Signer) -> Result<Renewal, LogError> {
    renew_on(&RealDisk, config, after)
}

pub(super) fn renew_on(disk: &dyn Disk, config: &LogConfig, after: &Signer) -> Result<Renewal, LogError> {
    let (folder, before) = (config.folder.as_path(), &config.signer);
    let _lock = take(folder)?;
    let keys = Keys::load(folder)?;
    if keys.current() != before.vkey() {
        return Err(Bad::new(VKEY, "this folder is of another key").into());
    }
    if keys.renewals().len() >= RENEWALS_MAX {
        return Err(Bad::new(KEYS, format!("a log's key is renewed {RENEWALS_MAX} times at most")).into());
    }
    let checkpoint = load_checkpoint(folder, before.vkey())?;
    load_edge(folder, &checkpoint)?;
    let segments = live::walk(folder, before.vkey(), checkpoint.size, &mut |_, _| Ok(()))?;
    if segments.last().is_none_or(|live| live.next != checkpoint.size) {
        return Err(Bad::new(CHECKPOINT, "does not count every entry yet: its key cannot be renewed").into());
    }
    let renewal = Renewal::signed(before, checkpoint, after.vkey());
    // From here on, the other key.
    write(disk, folder, KEYS, format!("{}{}", keys.written(), renewal.block).as_bytes())?;
    finish(disk, folder, config.segment_bytes, (&renewal, after))?;
    Ok(renewal)
}

/// Finishes a renewal that a stop cut short, if there is one that leads to this key.
pub(super) fn take_up(disk: &dyn Disk, config: &LogConfig) -> Result<(), LogError> {
    let folder = config.folder.as_path();
    let renewals = Renewal::load_all(folder)?;
    let Some(last) = renewals.last().filter(|last| last.after == *config.signer.vkey()) else { return Ok(()) };
    if load_vkey(folder)? == last.before {
        finish(disk, folder, config.segment_bytes, (last, &config.signer))?;
    }
    Ok(())
}

/// Each step may have been done: what is signed by the key after is left as it is.
fn finish(
    disk: &dyn Disk,
    folder: &Path,
    segment_bytes: u64,
    (renewal, after): (&Renewal, &Signer),
) -> Result<(), LogError> {
    let (before, now) = (&renewal.before, after.vkey());
    let bytes = load(folder, REVOCATIONS, RESERVE_BYTES_MAX)?;
    if reserve::parse(&bytes, now).is_err() {
        let slots = reserve::parse(&bytes, before)?;
        write(disk, folder, REVOCATIONS, &reserve::whole(after, &slots))?;
    }
    if folder.has(MINIMUM) {
        let bytes = load(folder, MINIMUM, NOTE_BYTES_MAX)?;
        if Minimum::open(&bytes, now).is_none() {
            let minimum = Minimum::open(&bytes, before);
            let minimum = minimum.ok_or_else(|| Bad::new(MINIMUM, "is not a minimum that the log's key signed"))?;
            write(disk, folder, MINIMUM, minimum.sign(after).as_bytes())?;
        }
    }
    let head = head_of(folder, (before, now))?;
    if (head.size, head.root) != (renewal.size, renewal.root) {
        return Err(Bad::new(KEYS, "the last key was renewed over other entries than the checkpoint counts").into());
    }
    // Its groups were signed by the key before; every entry of them is in the tiles.
    fresh_segment(disk, folder, segment_bytes, head.size).map_err(|error| io_error("segment", &error))?;
    write(disk, folder, CHECKPOINT, head.sign(after).as_bytes())?;
    write(disk, folder, VKEY, format!("{now}\n").as_bytes())
}

fn head_of(folder: &Path, (before, now): (&VKey, &VKey)) -> Result<Checkpoint, Bad> {
    load_checkpoint(folder, now).or_else(|_| load_checkpoint(folder, before))
}

/// One empty segment from `size` on, and none before it.
fn fresh_segment(disk: &dyn Disk, folder: &Path, bytes: u64, size: u64) -> io::Result<()> {
    let name = folder.join(segment::name(size));
    if !name.exists() {
        let file = spare::make(disk, folder, bytes)?;
        disk.write_at(&file, &segment::header(bytes, size), 0)?;
        disk.sync(&file)?;
        disk.rename(&folder.join(segment::SPARE), &name)?;
        disk.sync_folder(folder)?;
    }
    let firsts = live::segments(folder).map_err(|bad| io::Error::other(bad.to_string()))?;
    for first in firsts.into_iter().filter(|first| *first < size) {
        disk.remove(&folder.join(segment::name(first)))?;
    }
    disk.sync_folder(folder)
}

fn write(disk: &dyn Disk, folder: &Path, name: &str, bytes: &[u8]) -> Result<(), LogError> {
    let mut batch = Batch::new(disk, folder, true);
    batch.write(name, bytes).and_then(|()| batch.finish()).map_err(|error| io_error(name, &error))
}
