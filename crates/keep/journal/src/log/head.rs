//! The root that a log had at an earlier size, from the tiles that it has now.

use super::{
    Bad,
    minimum::{load_minimum, tree_at},
    read::{load_checkpoint, load_vkey},
    tree::Hash,
};
use std::path::Path;

/// The root of the first `size` entries of the log in `folder`; nothing if its checkpoint covers fewer, or if they went with
/// what tells their root. It reads one tile for each level of the tree, and believes them: opening and verifying check them.
pub fn root_at(folder: &Path, size: u64) -> Result<Option<Hash>, Bad> {
    let vkey = load_vkey(folder)?;
    let present = load_checkpoint(folder, &vkey)?;
    if size > present.size {
        return Ok(None);
    }
    match tree_at(folder, size, present.size) {
        Err(_) if load_minimum(folder, &vkey)?.is_some_and(|minimum| size < minimum.size) => Ok(None),
        tree => Ok(tree?.map(|tree| tree.root())),
    }
}
