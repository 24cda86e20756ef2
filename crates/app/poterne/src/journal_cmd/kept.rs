//! Checkpoints kept elsewhere than in the journal: those that are given, and those that the node keeps of its witnesses.

use anyhow::{Context, Result};
use journal::KeptCheckpoint;
use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// A note is far smaller; what is longer is none.
const NOTE_BYTES_MAX: u64 = 64 * 1024;

/// Reads the files given.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<KeptCheckpoint>> {
    files.iter().map(|file| load(file, file.display().to_string())).collect()
}

/// Reads what lies under `witnessed/<origin>/` in the data folder; nothing where there is no such folder.
pub(super) fn of_node(data: &Path, origin: &str) -> Result<Vec<KeptCheckpoint>> {
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
            found.push(load(&folder.join(&name), format!("witnessed/{origin}/{name}"))?);
        }
    }
    found.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(found)
}

fn load(file: &Path, shown: String) -> Result<KeptCheckpoint> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(NOTE_BYTES_MAX).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(KeptCheckpoint::read(shown, &bytes))
}
