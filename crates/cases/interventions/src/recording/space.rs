//! How much recordings may take: a session all in all, and of the disk, which the journal and the database share with them.
//! A technician decides what a terminal shows, and so how much is written; he must not be able to fill the disk with it.

use super::RecorderFault;
use std::{
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// What recordings leave of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSpace {
    /// So many bytes…
    pub bytes: u64,
    /// … or one part in so many of the whole, whichever is smaller: a small disk serves too.
    pub one_in: u64,
}

impl FreeSpace {
    /// 512 MiB, or 5 %.
    pub const DEFAULT: Self = Self { bytes: 512 << 20, one_in: 20 };

    /// Of a disk of that size.
    fn floor(self, total: u64) -> u64 {
        self.bytes.min(total / self.one_in.max(1))
    }

    /// Whether the disk of `folder` still has as much once `more` are written. Asks the disk: blocks, briefly.
    pub(super) fn check(self, folder: &Path, more: u64) -> Result<(), RecorderFault> {
        let disk = rustix::fs::statvfs(folder).map_err(io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let total = disk.f_blocks.saturating_mul(disk.f_frsize);
        match free.checked_sub(more) {
            Some(left) if left >= self.floor(total) => Ok(()),
            _ => Err(RecorderFault::TooFull),
        }
    }
}

/// What a session's recordings have taken, all channels together.
#[derive(Debug, Default)]
pub(super) struct Taken(AtomicU64);

impl Taken {
    /// Takes so many bytes more, if they fit below `max`.
    pub(super) fn take(&self, bytes: u64, max: u64) -> Result<(), RecorderFault> {
        let fits = |taken: u64| taken.checked_add(bytes).filter(|all| *all <= max);
        let taken = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fits);
        taken.map(|_| ()).map_err(|_| RecorderFault::TooLong)
    }

    /// They were not written.
    pub(super) fn give_back(&self, bytes: u64) {
        self.0.fetch_sub(bytes, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_smaller_of_both_is_left_free() {
        let (mib, gib) = (1 << 20, 1_u64 << 30);
        let floor = |total| FreeSpace::DEFAULT.floor(total);
        assert_eq!(floor(2048 * gib), 512 * mib);
        assert_eq!(floor(10 * gib), 512 * mib);
        assert_eq!(floor(4 * gib), 4 * gib / 20);
        assert_eq!(floor(96 * mib), 96 * mib / 20);
    }

    #[test]
    fn the_disk_itself_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let none = FreeSpace { bytes: 0, one_in: 1 };
        assert_eq!(none.check(folder.path(), 0), Ok(()));
        assert_eq!(none.check(folder.path(), u64::MAX), Err(RecorderFault::TooFull));
        let all = FreeSpace { bytes: u64::MAX, one_in: 1 };
        assert_eq!(all.check(folder.path(), 0), Err(RecorderFault::TooFull));
        assert!(matches!(none.check(&folder.path().join("absent"), 0), Err(RecorderFault::Disk(_))));
    }

    #[test]
    fn what_was_taken_and_not_written_is_given_back() {
        let taken = Taken::default();
        assert_eq!(taken.take(600, 1000), Ok(()));
        assert_eq!(taken.take(401, 1000), Err(RecorderFault::TooLong));
        assert_eq!(taken.take(u64::MAX, 1000), Err(RecorderFault::TooLong));
        taken.give_back(600);
        assert_eq!(taken.take(1000, 1000), Ok(()));
        assert_eq!(taken.take(1, 1000), Err(RecorderFault::TooLong));
    }
}
