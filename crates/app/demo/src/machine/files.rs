//! The machine's files: in memory, bounded, gone with it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// All files together.
const BYTES_MAX: usize = 256 * 1024 * 1024;
/// How many.
const FILES_MAX: usize = 1000;

/// Why something was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no space left on the device")]
pub struct Full;

/// The files of a machine, by name; there are no folders. Clones are handles.
#[derive(Clone, Default)]
pub struct Files(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Files {
    /// What a machine comes with.
    pub fn new(machine: &str) -> Self {
        let files = Self::default();
        let letter = format!("{machine}\nPremier étage technique. Version du micrologiciel : 4.2.1\n");
        let _ = files.put("LISEZMOI.txt", letter.into_bytes());
        let _ = files
            .put("calibration.csv", b"date,offset,gain\n2026-10-02,0.014,1.002\n2026-11-03,0.011,1.001\n".to_vec());
        files
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name and length of each.
    pub fn list(&self) -> Vec<(String, u64)> {
        self.all().iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect()
    }

    /// A file's length.
    pub fn length(&self, name: &str) -> Option<u64> {
        self.all().get(plain(name)).map(|bytes| bytes.len() as u64)
    }

    /// A file whole.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.all().get(plain(name)).cloned()
    }

    /// A part of a file; empty past its end.
    pub fn part(&self, name: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let all = self.all();
        let bytes = all.get(plain(name))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let to = from.saturating_add(length).min(bytes.len());
        bytes.get(from..to).map(<[u8]>::to_vec)
    }

    /// Writes a file whole.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Full> {
        self.truncate(name)?;
        self.write(name, 0, &bytes)
    }

    /// Makes a file empty.
    pub fn truncate(&self, name: &str) -> Result<(), Full> {
        let mut all = self.all();
        if all.len() >= FILES_MAX && !all.contains_key(plain(name)) {
            return Err(Full);
        }
        all.insert(plain(name).to_owned(), Vec::new());
        Ok(())
    }

    /// Writes into a file that is there, from `offset`.
    pub fn write(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Full> {
        let mut all = self.all();
        let held: usize = all.values().map(Vec::len).sum();
        let file = all.get_mut(plain(name)).ok_or(Full)?;
        let from = usize::try_from(offset).map_err(|_| Full)?;
        let to = from.checked_add(bytes.len()).ok_or(Full)?;
        if held + to.saturating_sub(file.len()) > BYTES_MAX {
            return Err(Full);
        }
        if file.len() < to {
            file.resize(to, 0);
        }
        if let Some(place) = file.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Deletes a file.
    pub fn remove(&self, name: &str) -> bool {
        self.all().remove(plain(name)).is_some()
    }
}

/// The last part of a path, which may be quoted: there is one folder.
pub fn plain(name: &str) -> &str {
    let name = name.trim();
    name.rsplit('/').next().unwrap_or(name).trim_matches(['\'', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_by_name_and_bounded() {
        let files = Files::default();
        assert_eq!(files.put("/tmp/a", b"abc".to_vec()), Ok(()));
        assert_eq!(files.part("a", 1, 10), Some(b"bc".to_vec()));
        assert_eq!(files.part("a", 9, 10), Some(vec![]));
        assert_eq!(files.write("a", 5, b"!"), Ok(()));
        assert_eq!(files.get("./'a'"), Some(b"abc\0\0!".to_vec()));
        assert_eq!(files.write("a", BYTES_MAX as u64, b"!"), Err(Full));
        assert_eq!(files.write("a", u64::MAX, b"!"), Err(Full));
        assert!(files.remove("a") && !files.remove("a"));
        assert_eq!(files.write("a", 0, b"!"), Err(Full), "not there any more");
    }
}
