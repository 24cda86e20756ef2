//! The bare disk: the same bytes, written ahead into a file of zeros, without a journal.

use rustix::fs::OFlags;
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

/// What one event is taken to weigh.
pub const EVENT_BYTES: usize = 400;
/// What one synced group is taken to weigh.
pub const GROUP_BYTES: usize = 400 * 1000;
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A file written with zeros beforehand, and where to go on in it.
pub struct Raw {
    file: File,
    at: u64,
    block: Vec<u8>,
}

impl Raw {
    fn new(folder: &Path, name: &str, flags: i32, block: usize) -> Self {
        let path = folder.join(name);
        std::fs::write(&path, vec![0; FILE_BYTES as usize]).unwrap();
        File::open(&path).unwrap().sync_all().unwrap();
        let file = OpenOptions::new().write(true).custom_flags(flags).open(&path).unwrap();
        // Not all the same byte: a disk that compresses would be flattered.
        let block = (0..block).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        Self { file, at: 0, block }
    }

    /// For one event and an `fdatasync`.
    pub fn events(folder: &Path) -> Self {
        Self::new(folder, "raw-events", 0, EVENT_BYTES)
    }

    /// For groups with `O_DSYNC`.
    pub fn groups(folder: &Path) -> Self {
        Self::new(folder, "raw-groups", i32::try_from(OFlags::DSYNC.bits()).unwrap(), GROUP_BYTES)
    }

    fn write(&mut self) {
        if self.at + self.block.len() as u64 > FILE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(&self.block, self.at).unwrap();
        self.at += self.block.len() as u64;
    }

    /// How long each event takes, sorted.
    pub fn event_turn(&mut self, turn: Duration) -> Vec<Duration> {
        let (start, mut took) = (Instant::now(), Vec::new());
        while start.elapsed() < turn {
            let before = Instant::now();
            self.write();
            self.file.sync_data().unwrap();
            journal::testing::wait_as_the_disk();
            took.push(before.elapsed());
        }
        took.sort();
        took
    }

    /// Bytes a second, in groups.
    pub fn group_turn(&mut self, turn: Duration) -> f64 {
        let (start, mut bytes) = (Instant::now(), 0);
        while start.elapsed() < turn {
            self.write();
            bytes += self.block.len();
        }
        bytes as f64 / start.elapsed().as_secs_f64()
    }
}
