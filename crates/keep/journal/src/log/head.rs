//! The root that a log had at an earlier size, from the tiles that it has now.

use super::{
    Bad,
    live::load_hashes,
    read::{load_checkpoint, load_vkey},
    tiles::{Kind, Tile},
    tree::{Hash, Tree, WIDTH, row_len},
};
use std::path::Path;

/// The root of the first `size` entries of the log in `folder`; nothing if its checkpoint covers fewer. It reads one tile
/// for each level of the tree, and believes them: opening and verifying check them.
pub fn root_at(folder: &Path, size: u64) -> Result<Option<Hash>, Bad> {
    let present = load_checkpoint(folder, &load_vkey(folder)?)?;
    if size > present.size {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for level in (0..8).take_while(|level| row_len(size, *level) > 0) {
        let len = row_len(size, level);
        let kept = usize::try_from(len % WIDTH).unwrap_or_default();
        let tile = Tile::at(Kind::Hashes(level), len / WIDTH, present.size).filter(|_| kept > 0);
        let mut row = tile.map_or(Ok(Vec::new()), |tile| load_hashes(folder, tile))?;
        row.truncate(kept);
        rows.push(row);
    }
    Ok(Tree::from_rows(size, rows).map(|tree| tree.root()))
}
