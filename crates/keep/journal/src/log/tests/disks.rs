//! Disks that fail as told.

use crate::log::disk::{Disk, RealDisk};
use std::{
    fs::File,
    io,
    ops::Range,
    path::Path,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// A disk that fails when and as its rules say; otherwise the real one.
pub struct FaultyDisk {
    /// No space: nothing can be created, but what is preallocated can be written.
    pub full: AtomicBool,
    /// Nothing reaches the disk.
    pub dead: AtomicBool,
    /// A nearly full disk: no file grows past this.
    pub length_max: AtomicU64,
    /// Operations counted so far.
    pub operations: AtomicU64,
    /// These operations fail, by number. A write among them is cut near its middle.
    pub failing: Range<u64>,
    /// Segments that became the spare.
    pub recycled: AtomicU64,
    /// While closed, syncs of files of this length wait.
    pub gate: (Mutex<bool>, Condvar, AtomicU64),
}

impl FaultyDisk {
    pub fn new() -> Self {
        Self::failing(0..0)
    }

    pub fn failing(failing: Range<u64>) -> Self {
        Self {
            full: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            length_max: AtomicU64::new(u64::MAX),
            operations: AtomicU64::new(0),
            failing,
            recycled: AtomicU64::new(0),
            gate: (Mutex::new(false), Condvar::new(), AtomicU64::new(0)),
        }
    }

    pub fn close_gate(&self, length: u64) {
        self.gate.2.store(length, Ordering::SeqCst);
        *self.gate.0.lock().unwrap() = true;
    }

    pub fn open_gate(&self) {
        *self.gate.0.lock().unwrap() = false;
        self.gate.1.notify_all();
    }

    fn step(&self) -> io::Result<()> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        if self.failing.contains(&number) || self.dead.load(Ordering::SeqCst) {
            return Err(io::Error::other("injected fault"));
        }
        Ok(())
    }

    fn space(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.space()?;
        self.step()?;
        RealDisk.create(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset + bytes.len() as u64 > self.length_max.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Err(error) = self.step() {
            if self.failing.contains(&(self.operations.load(Ordering::SeqCst) - 1)) {
                // Disks write sectors of 512 bytes, whole or not at all.
                let cut = (offset + bytes.len() as u64 / 2) / 512 * 512;
                RealDisk.write_at(file, &bytes[..cut.saturating_sub(offset) as usize], offset)?;
            }
            return Err(error);
        }
        RealDisk.write_at(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if file.metadata()?.len() == self.gate.2.load(Ordering::SeqCst) {
            let closed = self.gate.0.lock().unwrap();
            drop(self.gate.1.wait_while(closed, |closed| *closed).unwrap());
        }
        self.step()?;
        RealDisk.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.rename(from, to)?;
        self.recycled.fetch_add(u64::from(to.ends_with(crate::log::segment::SPARE)), Ordering::SeqCst);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<bool> {
        self.space()?;
        self.step()?;
        RealDisk.make_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.sync_folder(path)
    }
}
