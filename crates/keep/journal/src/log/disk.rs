//! The few things asked of a disk, in one place so that tests can make each of them fail.

use super::Bad;
use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Ends the name of a file that is not finished.
pub(crate) const UNFINISHED: &str = ".tmp";
/// Unfinished files held open together at most.
const TOGETHER_MAX: usize = 128;

/// Changes to a log's folder go through here. The default methods are the real ones.
pub(crate) trait Disk: Send + Sync {
    /// Creates a file, or empties it, readable by its owner only.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Makes what was written durable.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Starts writing out what a file holds, so that a later [`Disk::sync`] of many files waits for them together. Only a
    /// hint: nothing is durable by it, and where it does nothing nothing is lost.
    fn begin_sync(&self, file: &File) {
        // On Linux this writes out what is not written yet before it forgets what is.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    }

    /// Gives a file another name; durable after [`Disk::sync_folder`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Makes a folder; true if it was not there.
    fn make_folder(&self, path: &Path) -> io::Result<bool> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// The machine's own disk.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    /// As slow as a bench asks for.
    #[cfg(any(test, feature = "testing"))]
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data().inspect(|()| crate::testing::wait_as_the_disk())
    }
}

/// The name of a file while it is not finished.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Writes zeros from `from` up to `to`.
pub(crate) fn write_zeros(disk: &dyn Disk, file: &File, from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut at = from;
    while at < to {
        let len = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS.len());
        disk.write_at(file, ZEROS.get(..len).unwrap_or(&ZEROS), at)?;
        at += len as u64;
    }
    Ok(())
}

/// Whole files written together: each to an unfinished name, synced, then renamed; the folders are synced last.
/// What is dropped before [`Batch::finish`] leaves no unfinished file, as far as the disk allows.
pub(crate) struct Batch<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    unfinished: Vec<(PathBuf, PathBuf, File)>,
    folders: BTreeSet<PathBuf>,
    wary: bool,
}

impl<'a> Batch<'a> {
    /// A batch of files under `root`. `wary` when an earlier one was cut short: folders that are there may then not be
    /// durable yet.
    pub fn new(disk: &'a dyn Disk, root: &'a Path, wary: bool) -> Self {
        Self { disk, root, unfinished: Vec::new(), folders: BTreeSet::new(), wary }
    }

    /// Writes one more file, at a path under the root.
    pub fn write(&mut self, relative: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(relative);
        let folder = path.parent().unwrap_or(self.root).to_path_buf();
        self.make_folders(&folder)?;
        let unfinished = unfinished(&path);
        let file = self.disk.create(&unfinished)?;
        let written = self.disk.write_at(&file, bytes, 0);
        self.unfinished.push((unfinished, path, file));
        self.folders.insert(folder);
        written?;
        if let Some((_, _, file)) = self.unfinished.last() {
            self.disk.begin_sync(file);
        }
        if self.unfinished.len() >= TOGETHER_MAX { self.settle() } else { Ok(()) }
    }

    fn make_folders(&mut self, folder: &Path) -> io::Result<()> {
        if self.folders.contains(folder) || folder == self.root {
            return Ok(());
        }
        let above = folder.parent().unwrap_or(self.root);
        self.make_folders(above)?;
        if self.disk.make_folder(folder)? || self.wary {
            self.folders.insert(above.to_path_buf());
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        for (_, _, file) in &self.unfinished {
            self.disk.sync(file)?;
        }
        while let Some((unfinished, path, _)) = self.unfinished.last() {
            self.disk.rename(unfinished, path)?;
            self.unfinished.pop();
        }
        Ok(())
    }

    /// Makes all of it durable.
    pub fn finish(mut self) -> io::Result<()> {
        self.settle()?;
        self.folders.iter().try_for_each(|folder| self.disk.sync_folder(folder))
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for (unfinished, _, _) in &self.unfinished {
            let _ = self.disk.remove(unfinished);
        }
    }
}

/// Reads a whole regular file of at most `bytes_max`, or says in plain words why not.
pub(crate) fn load(root: &Path, relative: &str, bytes_max: u64) -> Result<Vec<u8>, Bad> {
    let bad = |what: String| Bad { file: relative.to_owned(), index: None, what };
    let path = root.join(relative);
    let meta = fs::symlink_metadata(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => bad("is missing".to_owned()),
        _ => bad(format!("cannot be read ({error})")),
    })?;
    if !meta.is_file() {
        return Err(bad("is not a regular file".to_owned()));
    }
    if meta.len() > bytes_max {
        return Err(bad(format!("is {} bytes long, {bytes_max} at most were expected", meta.len())));
    }
    // At once what it takes, and one byte more to see that it ends there: a journal is read file by file, by the million.
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default().saturating_add(1));
    let read = File::open(&path).and_then(|file| file.take(bytes_max).read_to_end(&mut bytes));
    read.map_err(|error| bad(format!("cannot be read ({error})")))?;
    Ok(bytes)
}
