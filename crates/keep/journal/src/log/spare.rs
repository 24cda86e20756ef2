//! The provider: keeps the next segment ready, so that no append waits for zeros to be written.

use super::{
    disk::{Disk, write_zeros},
    segment::{self, HEADER_BYTES, UNASSIGNED},
    shared::{Shared, Spare},
};
use std::{fs::File, io, path::Path, sync::Arc};

/// Writes a spare segment out in full, durable under its name.
pub(crate) fn make(disk: &dyn Disk, folder: &Path, size: u64) -> io::Result<File> {
    let path = folder.join(segment::SPARE);
    let file = disk.create(&path)?;
    let written = disk
        .write_at(&file, &segment::header(size, UNASSIGNED), 0)
        .and_then(|()| write_zeros(disk, &file, HEADER_BYTES as u64, size))
        .and_then(|()| disk.sync(&file))
        .and_then(|()| disk.sync_folder(folder));
    match written {
        Ok(()) => Ok(file),
        Err(error) => {
            // A spare cut short would be a file that nobody can account for.
            let _ = disk.remove(&path);
            Err(error)
        }
    }
}

/// The provider's thread.
pub(crate) fn run(shared: &Shared) {
    let mut board = shared.board();
    while !board.stop {
        if !matches!(board.spare, Spare::Wanted) {
            board = shared.spare_bell.wait(board).unwrap_or_else(std::sync::PoisonError::into_inner);
            continue;
        }
        drop(board);
        let made = make(shared.disk.as_ref(), &shared.config.folder, shared.config.segment_bytes);
        board = shared.board();
        match made {
            Ok(file) => {
                board.spare = Spare::Ready(file);
                board.spare_fault = None;
                shared.writer_bell.notify_one();
            }
            Err(error) => {
                board.spare_fault = Some(Arc::from(format!("the next segment cannot be prepared ({error})")));
                shared.writer_bell.notify_one();
                board = shared.wait(&shared.spare_bell, board, shared.config.retry_delay);
            }
        }
    }
}
