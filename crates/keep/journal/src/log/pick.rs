//! One entry from its bundle, without reading the others.

use super::{
    Bad, LogError, io_error,
    minimum::load_minimum,
    read::{load_checkpoint, load_vkey},
    tiles::{Kind, Tile},
    tree::WIDTH,
};
use std::{fs::File, io, os::unix::fs::FileExt as _, path::Path};

/// What most entries fit into.
const GUESS: usize = 1024;

/// How many entries a log's tiles hold at present, by its signed checkpoint.
pub fn published(folder: &Path) -> Result<u64, LogError> {
    let vkey = load_vkey(folder)?;
    Ok(load_checkpoint(folder, &vkey)?.size)
}

/// The first entry that a log keeps, by its signed minimum.
pub fn first_entry(folder: &Path) -> Result<u64, LogError> {
    let vkey = load_vkey(folder)?;
    Ok(load_minimum(folder, &vkey)?.map_or(0, |minimum| minimum.size))
}

/// Reads the entry `index` at a byte offset of its bundle, in a log whose tiles hold `size` entries. What is found there is
/// not checked against the tree: whoever reads checks its seal.
pub fn pick_entry(folder: &Path, size: u64, index: u64, offset: u32) -> Result<Vec<u8>, LogError> {
    let tile = Tile::at(Kind::Entries, index / WIDTH, size);
    let tile = tile.ok_or_else(|| Bad::new(".", "holds no such entry").at(index))?;
    let path = tile.path();
    let unreadable = |error: io::Error| io_error(&path, &error);
    let file = File::open(folder.join(&path)).map_err(unreadable)?;
    let mut bytes = vec![0; GUESS];
    let read = file.read_at(&mut bytes, u64::from(offset)).map_err(unreadable)?;
    bytes.truncate(read);
    let len = bytes.first_chunk::<2>().map(|len| usize::from(u16::from_be_bytes(*len)));
    let len = len.filter(|len| *len > 0).ok_or_else(|| Bad::new(&path, "has no entry there").at(index))?;
    if bytes.len() < 2 + len {
        bytes.resize(2 + len, 0);
        file.read_exact_at(&mut bytes, u64::from(offset)).map_err(unreadable)?;
    }
    bytes.truncate(2 + len);
    bytes.drain(..2);
    Ok(bytes)
}
