//! Removing what lies below the minimum: first the note that says so is durable, then the files go, the oldest first.
//! Whatever a stop left of them goes the next time.

use super::{
    Bad, Log, LogError,
    disk::{Batch, Disk},
    files::Files,
    io_error,
    minimum::{MINIMUM, Minimum, load_minimum, tree_at},
    note::Signer,
    read::load_checkpoint,
    tiles::{FOLDER, Tile},
};
use std::{fs, io, path::Path};

impl Log {
    /// Raises the minimum and removes what lies below it; says how many files went. The entry that states it must be under
    /// the checkpoint. Reads and writes files: call it where blocking is allowed.
    pub fn prune(&self, minimum: &Minimum) -> Result<u64, LogError> {
        let shared = self.shared();
        raise(shared.disk.as_ref(), &shared.config.folder, &shared.config.signer, minimum)?;
        self.sweep_below()
    }

    /// Removes what still lies below the minimum: left by a stop, or brought back by a copy.
    pub fn sweep_below(&self) -> Result<u64, LogError> {
        let shared = self.shared();
        let folder = &shared.config.folder;
        match load_minimum(folder.as_path(), shared.config.signer.vkey())? {
            Some(minimum) => sweep(shared.disk.as_ref(), folder, minimum.size)
                .map_err(|error| io_error("what lies below the minimum cannot be removed", &error)),
            None => Ok(0),
        }
    }
}

/// Writes the note. It never goes back, and says nothing that the tiles do not say.
pub(super) fn raise(disk: &dyn Disk, folder: &Path, signer: &Signer, minimum: &Minimum) -> Result<(), LogError> {
    let refused = |what: &str| LogError::Refused(Bad::new(MINIMUM, what));
    let present = load_minimum(folder, signer.vkey())?;
    if present.as_ref() == Some(minimum) {
        return Ok(());
    }
    let checkpoint = load_checkpoint(folder, signer.vkey())?;
    if !minimum.is_sound() || present.is_some_and(|present| present.size >= minimum.size) {
        return Err(refused("is not more than it was"));
    }
    if minimum.stated_at >= checkpoint.size {
        return Err(refused("is stated by an entry that the checkpoint does not count"));
    }
    if folder.segments()?.first().is_none_or(|first| *first < minimum.size) {
        return Err(refused("would cut what the segments still hold"));
    }
    let tree = tree_at(folder, minimum.size, checkpoint.size)?;
    if tree.is_none_or(|tree| tree.root() != minimum.root) {
        return Err(refused("its root is not that of the tiles"));
    }
    let mut batch = Batch::new(disk, folder, true);
    let written = batch.write(MINIMUM, minimum.sign(signer).as_bytes());
    written.and_then(|()| batch.finish()).map_err(|error| io_error("the minimum cannot be written", &error))
}

/// Removes the tiles that end at or below an entry, and the folders that this leaves empty.
pub(super) fn sweep(disk: &dyn Disk, root: &Path, below: u64) -> io::Result<u64> {
    let (mut removed, mut folders) = (0, vec![FOLDER.to_owned()]);
    // Folders come after those that hold them: seen from the end, what a folder holds is gone before it.
    let mut at = 0;
    while let Some(relative) = folders.get(at).cloned() {
        at += 1;
        for item in read_names(&root.join(&relative))? {
            if item.1 {
                folders.push(format!("{relative}/{}", item.0));
            }
        }
    }
    for relative in folders.iter().rev() {
        let folder = root.join(relative);
        let names = read_names(&folder)?;
        let tiles = names.iter().filter_map(|(name, _)| Tile::parse(&format!("{relative}/{name}")));
        let mut gone: Vec<Tile> = tiles.filter(|tile| tile.is_below(below)).collect();
        gone.sort_unstable();
        for tile in &gone {
            match disk.remove(&root.join(tile.path())) {
                Ok(()) => removed += 1,
                // The publisher, who takes away partial tiles that full ones replaced, was first.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if !gone.is_empty() {
            disk.sync_folder(&folder)?;
        }
        // Only what is empty goes; where the publisher is about to write, it makes its folder again.
        if relative != FOLDER && names.len() == gone.len() {
            let _ = fs::remove_dir(&folder);
        }
    }
    Ok(removed)
}

/// Names in a folder, with whether each is a folder itself; none in one that is gone.
fn read_names(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let items = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        items => items?,
    };
    let mut names = Vec::new();
    for item in items {
        let item = item?;
        let is_folder = item.file_type().is_ok_and(|kind| kind.is_dir());
        names.extend(item.file_name().into_string().ok().map(|name| (name, is_folder)));
    }
    Ok(names)
}
