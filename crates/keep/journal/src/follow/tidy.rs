//! The files of a copy: what is moved into it, and what a stop left there.

use crate::log::{
    disk::{Disk, RealDisk, UNFINISHED},
    tiles::{FOLDER, Tile},
};
use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// Makes folders that are only their owner's.
pub(super) fn folders(paths: &[&Path]) -> io::Result<()> {
    paths.iter().try_for_each(|path| DirBuilder::new().recursive(true).mode(0o700).create(path))
}

/// Empties the folder of what is on its way.
pub(super) fn clear(incoming: &Path) -> io::Result<()> {
    match fs::remove_dir_all(incoming.join(FOLDER)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what no checkpoint of this size accounts for: files that were not finished, tiles past it.
pub(super) fn tidy(folder: &Path, size: u64) -> io::Result<()> {
    let mut folders = vec![String::new()];
    let mut seen = Vec::new();
    while let Some(relative) = folders.pop() {
        for item in fs::read_dir(folder.join(&relative))? {
            let item = item?;
            let Some(name) = item.file_name().to_str().map(str::to_owned) else { continue };
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            let foreign = Tile::parse(&path).is_some_and(|tile| !tile.belongs_to(size));
            if item.file_type()?.is_dir() {
                folders.push(path);
            } else if foreign || path.ends_with(UNFINISHED) {
                fs::remove_file(item.path())?;
            }
        }
        seen.push(relative);
    }
    // The deepest first: what is empty now goes.
    for relative in seen.iter().rev().filter(|relative| !relative.is_empty()) {
        let _ = fs::remove_dir(folder.join(relative));
    }
    Ok(())
}

/// Moves full tiles, which are durable, into the copy; their names there are durable after this.
pub(super) fn moved(incoming: &Path, folder: &Path, tiles: &[Tile]) -> io::Result<()> {
    let mut named: BTreeSet<PathBuf> = BTreeSet::new();
    for tile in tiles {
        let target = folder.join(tile.path());
        if let Some(above) = target.parent() {
            folders(&[above])?;
            named.extend(above.ancestors().take_while(|above| above.starts_with(folder)).map(Path::to_owned));
        }
        fs::rename(incoming.join(tile.path()), target)?;
    }
    named.iter().try_for_each(|folder| RealDisk.sync_folder(folder))
}

/// Removes the partial tiles that the new checkpoint does without. What cannot be removed goes at the next start.
pub(super) fn superseded(folder: &Path, old: u64, new: u64) {
    for tile in Tile::partials(old).filter(|tile| !tile.belongs_to(new)) {
        let path = folder.join(tile.path());
        let _ = fs::remove_file(&path);
        if let Some(above) = path.parent() {
            let _ = fs::remove_dir(above);
        }
    }
}
