//! Checkpoints kept elsewhere than in the journal: those that are given, and those that the node keeps of its witnesses.

use anyhow::{Context, Result};
use journal::KeptCheckpoint;
use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// As long as a signed note may be, and one byte more, which makes it none.
const NOTE_BYTES_MAX: u64 = 16 * 1024 + 1;

/// Reads the files given.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<KeptCheckpoint>> {
    files.iter().map(|file| Ok(KeptCheckpoint::read(file.display().to_string(), &load(file)?))).collect()
}

/// Reads what lies under `witnessed/<origin>/` in the data folder; nothing where there is no such folder.
pub(super) fn of_node(data: &Path, origin: &str) -> Result<Vec<KeptCheckpoint>> {
    let found = files(data, origin)?;
    Ok(found.iter().map(|(name, bytes)| KeptCheckpoint::read(format!("witnessed/{origin}/{name}"), bytes)).collect())
}

/// The same as names and bytes.
pub(super) fn files(data: &Path, origin: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = data.join("witnessed").join(origin);
    let items = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("{} cannot be read", folder.display()))?,
    };
    let mut found = Vec::new();
    for item in items {
        let name = item?.file_name().to_string_lossy().into_owned();
        // One that is being written, or was when its node stopped.
        if !name.ends_with(".tmp") {
            let bytes = load(&folder.join(&name))?;
            found.push((name, bytes));
        }
    }
    found.sort();
    Ok(found)
}

fn load(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(NOTE_BYTES_MAX).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(bytes)
}
