//! The provider: keeps the next segment ready, so that no append waits for zeros to be written.
//!
//! A segment that serves no more becomes the spare again: its blocks are the file system's already, and nothing is created
//! or freed. It bears the spare's name, durably, before its first byte changes.

use super::{
    disk::{Disk, write_zeros},
    segment::{self, HEADER_BYTES, UNASSIGNED},
    shared::{Shared, Spare},
};
use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    sync::{Arc, PoisonError},
};

/// Writes a spare segment out in full, durable under its name.
pub(crate) fn make(disk: &dyn Disk, folder: &Path, size: u64) -> io::Result<File> {
    let path = folder.join(segment::SPARE);
    let file = disk.create(&path)?;
    let written = blank(disk, &file, size).and_then(|()| disk.sync_folder(folder));
    keep_whole(disk, &path, file, written)
}

/// Makes a spare of the segment of first index `first`. After an error it is gone, or whole under its own name.
pub(crate) fn recycle(disk: &dyn Disk, folder: &Path, first: u64, size: u64) -> io::Result<File> {
    let (old, path) = (folder.join(segment::name(first)), folder.join(segment::SPARE));
    let file = OpenOptions::new().read(true).write(true).open(&old)?;
    disk.rename(&old, &path)?;
    // A new name that is not durable yet could be lost with the machine, and the old name would then bear zeros.
    let written = disk.sync_folder(folder).and_then(|()| blank(disk, &file, size));
    keep_whole(disk, &path, file, written)
}

fn blank(disk: &dyn Disk, file: &File, size: u64) -> io::Result<()> {
    disk.write_at(file, &segment::header(size, UNASSIGNED), 0)?;
    write_zeros(disk, file, HEADER_BYTES as u64, size)?;
    disk.sync(file)
}

/// A spare cut short would be a file that nobody can account for.
fn keep_whole(disk: &dyn Disk, path: &Path, file: File, written: io::Result<()>) -> io::Result<File> {
    written.map(|()| file).inspect_err(|_| {
        let _ = disk.remove(path);
    })
}

/// The next spare: an old segment of the same length if there is one, else a new file.
fn provide(shared: &Shared, size: u64, retired: Option<u64>) -> io::Result<File> {
    let (disk, folder) = (shared.disk.as_ref(), shared.config.folder.as_path());
    if let Some(first) = retired {
        let old = folder.join(segment::name(first));
        let fits = std::fs::metadata(&old).is_ok_and(|meta| meta.len() == size);
        if fits && let Ok(file) = recycle(disk, folder, first, size) {
            return Ok(file);
        }
        drop_segment(shared, first);
    }
    make(disk, folder, size)
}

/// Removes a segment that serves no more. What cannot be removed is found again at the next start.
fn drop_segment(shared: &Shared, first: u64) {
    let _ = shared.disk.remove(&shared.config.folder.join(segment::name(first)));
}

/// The provider's thread.
pub(crate) fn run(shared: &Shared) {
    let mut board = shared.board();
    while !board.stop {
        if !matches!(board.spare, Spare::Wanted) {
            board = shared.spare_bell.wait(board).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let (size, retired) = (board.spare_bytes, board.retired.pop());
        drop(board);
        let made = provide(shared, size, retired);
        board = shared.board();
        match made {
            Ok(file) => {
                board.spare = Spare::Ready(file, size);
                board.spare_fault = None;
                shared.writer_bell.notify_one();
            }
            Err(error) => {
                // A disk with no room for a long one may have it for a short one.
                board.spare_bytes = shared.config.segment_bytes;
                board.spare_fault = Some(Arc::from(format!("the next segment cannot be prepared ({error})")));
                shared.writer_bell.notify_one();
                board = shared.wait(&shared.spare_bell, board, shared.config.retry_delay);
            }
        }
    }
    let retired = std::mem::take(&mut board.retired);
    drop(board);
    retired.into_iter().for_each(|first| drop_segment(shared, first));
}
