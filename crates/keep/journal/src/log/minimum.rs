//! The minimum index (C2SP tlog-tiles, "Pruning"): the entries before it went, the proofs of what remains stand.
//!
//! A note of the log's key, in the file `minimum`, says from which entry on the log is kept, the root of the tree of what
//! went, and which entry of what remains states it. Without that note nothing may be missing; with it, nothing from the
//! minimum on. What went and why is not the log's to know: whoever reads the entries holds the note against the statement.

use super::{
    Bad,
    files::Files,
    live::load_hashes,
    note::{Checkpoint, NOTE_BYTES_MAX, Note, Signer, VKey},
    tiles::{Kind, Tile},
    tree::{Hash, Tree, WIDTH, row_len},
};
use data_encoding::BASE64;

/// The file of the note.
pub(crate) const MINIMUM: &str = "minimum";
/// Its first line, which is no log's name: the note can never pass for a checkpoint.
const FIRST_LINE: &str = "poterne journal minimum 1";

/// From where on a log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimum {
    /// The first entry that is kept: a multiple of 256, never zero.
    pub size: u64,
    /// The root of the tree of the entries before it.
    pub root: Hash,
    /// The entry that states it; it is kept.
    pub stated_at: u64,
}

impl Minimum {
    fn text(&self, origin: &str) -> String {
        format!("{FIRST_LINE}\n{origin}\n{}\n{}\n{}\n", self.size, BASE64.encode(&self.root), self.stated_at)
    }

    pub(super) fn sign(&self, signer: &Signer) -> String {
        signer.sign_note(&self.text(signer.origin()))
    }

    fn parse(text: &str, origin: &str) -> Option<Self> {
        let mut lines = text.split('\n').skip(2);
        let size = lines.next()?.parse().ok()?;
        let root = BASE64.decode(lines.next()?.as_bytes()).ok()?.try_into().ok()?;
        let minimum = Self { size, root, stated_at: lines.next()?.parse().ok()? };
        let sound = minimum.is_sound() && minimum.text(origin) == text;
        sound.then_some(minimum)
    }

    pub(super) fn is_sound(&self) -> bool {
        self.size > 0 && self.size.is_multiple_of(WIDTH) && self.stated_at >= self.size
    }

    /// Reads the bytes of a log's own `minimum` file: signed by its key and by nobody else.
    pub(crate) fn open(bytes: &[u8], key: &VKey) -> Option<Self> {
        let note = Note::parse(bytes).ok()?;
        note.verify(key).ok().filter(|()| note.signatures.len() == 1)?;
        Self::parse(&note.text, key.name())
    }
}

/// What the log says of its own beginning; nothing for one that is kept from its first entry on.
pub(crate) fn load_minimum<F: Files + ?Sized>(files: &F, vkey: &VKey) -> Result<Option<Minimum>, Bad> {
    if !files.has(MINIMUM) {
        return Ok(None);
    }
    let bytes = files.load(MINIMUM, NOTE_BYTES_MAX)?;
    let minimum = Minimum::open(&bytes, vkey);
    minimum.map(Some).ok_or_else(|| Bad::new(MINIMUM, "is not a minimum that the log's key signed"))
}

/// The minimum, and the tree of what went: from the upper tiles that are kept, under the very root that the note gives.
pub(crate) fn load_beginning<F: Files + ?Sized>(
    files: &F,
    vkey: &VKey,
    checkpoint: &Checkpoint,
) -> Result<Option<(Minimum, Tree)>, Bad> {
    let Some(minimum) = load_minimum(files, vkey)? else { return Ok(None) };
    if minimum.stated_at >= checkpoint.size {
        return Err(Bad::new(MINIMUM, "is stated by an entry that the checkpoint does not count"));
    }
    let tree = tree_at(files, minimum.size, checkpoint.size)?.filter(|tree| tree.root() == minimum.root);
    let tree = tree.ok_or_else(|| Bad::new(MINIMUM, "its root is not that of the tiles that are kept"))?;
    Ok(Some((minimum, tree)))
}

/// The tree of the first `size` entries of a log whose checkpoint counts `present`, from one tile for each level.
pub(super) fn tree_at<F: Files + ?Sized>(files: &F, size: u64, present: u64) -> Result<Option<Tree>, Bad> {
    let mut rows = Vec::new();
    for level in (0..8).take_while(|level| row_len(size, *level) > 0) {
        let len = row_len(size, level);
        let kept = usize::try_from(len % WIDTH).unwrap_or_default();
        let tile = Tile::at(Kind::Hashes(level), len / WIDTH, present).filter(|_| kept > 0);
        let mut row = tile.map_or(Ok(Vec::new()), |tile| load_hashes(files, tile))?;
        row.truncate(kept);
        rows.push(row);
    }
    Ok(Tree::from_rows(size, rows))
}

/// The root of the first `size` entries, from a larger tree's right edge; nothing where that no longer tells.
pub(super) fn root_below(tree: &Tree, size: u64) -> Option<Hash> {
    let mut rows = Vec::new();
    for level in (0..8).take_while(|level| row_len(size, *level) > 0) {
        let (len, of) = (row_len(size, level), row_len(tree.size(), level));
        let kept = usize::try_from(len % WIDTH).ok()?;
        let row =
            if kept == 0 { &[][..] } else { tree.row(level).get(..kept).filter(|_| len / WIDTH == of / WIDTH)? };
        rows.push(row.to_vec());
    }
    Tree::from_rows(size, rows).map(|tree| tree.root())
}

/// Tells where a pass over a log begins: entries come in order, so an index that is not larger than the last one begins
/// anew. The first of a pass is the log's minimum.
#[derive(Debug, Default, Clone, Copy)]
pub struct Passes(Option<u64>);

impl Passes {
    /// Takes note of the next entry; says whether it is the first of a pass.
    pub fn begins(&mut self, index: u64) -> bool {
        let begins = self.0.is_none_or(|last| index <= last);
        self.0 = Some(index);
        begins
    }
}
