//! What is kept elsewhere than in the journal: checkpoints that are given, those that the node keeps of its witnesses, and its time
//! stamps.

use anyhow::{Context, Result};
use journal::{
    KeptCheckpoint,
    stamp::{Authority, STAMP_FILE_BYTES_MAX},
};
use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// As long as a signed note may be, and one byte more, which makes it none.
const NOTE_BYTES_MAX: u64 = 16 * 1024 + 1;
/// A file of certificates at most.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Reads the files given.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<KeptCheckpoint>> {
    files
        .iter()
        .map(|file| Ok(KeptCheckpoint::read(file.display().to_string(), &load(file, NOTE_BYTES_MAX)?)))
        .collect()
}

/// Reads what lies under `witnessed/<origin>/` in the data folder; nothing where there is no such folder.
pub(super) fn of_node(data: &Path, origin: &str) -> Result<Vec<KeptCheckpoint>> {
    let found = files(data, origin)?;
    Ok(found.iter().map(|(name, bytes)| KeptCheckpoint::read(format!("witnessed/{origin}/{name}"), bytes)).collect())
}

/// The same as names and bytes.
pub(super) fn files(data: &Path, origin: &str) -> Result<Vec<(String, Vec<u8>)>> {
    files_in(&data.join("witnessed").join(origin), NOTE_BYTES_MAX)
}

/// The stamps under `stamped/<origin>/`, as names and bytes.
pub(super) fn stamps(data: &Path, origin: &str) -> Result<Vec<(String, Vec<u8>)>> {
    files_in(&data.join("stamped").join(origin), STAMP_FILE_BYTES_MAX + 1)
}

/// Who is trusted to stamp.
pub(super) fn authority(file: &Path) -> Result<Authority> {
    Ok(Authority::from_pem(&load(file, PEM_BYTES_MAX)?)?)
}

fn files_in(folder: &Path, bytes_max: u64) -> Result<Vec<(String, Vec<u8>)>> {
    let items = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("{} cannot be read", folder.display()))?,
    };
    let mut found = Vec::new();
    for item in items {
        let name = item?.file_name().to_string_lossy().into_owned();
        // One that is being written, or was when its node stopped.
        if !name.ends_with(".tmp") {
            let bytes = load(&folder.join(&name), bytes_max)?;
            found.push((name, bytes));
        }
    }
    found.sort();
    Ok(found)
}

fn load(file: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(bytes_max).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(bytes)
}
