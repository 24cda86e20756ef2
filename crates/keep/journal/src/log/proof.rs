//! RFC 6962 proofs: that a tree is the continuation of a smaller one, and that an entry is in a tree.
//!
//! A proof is made from hashes of perfect subtrees, which tiles hold ([`TileHashes`]); it is checked with nothing but
//! itself, two sizes and two roots. Checking costs at most one hash per line, and a proof has at most [`LINES_MAX`].

use super::{
    Bad,
    live::load_hashes,
    note::{Note, read_base64},
    tiles::{Kind, Tile},
    tree::{Hash, WIDTH, node_hash, root_of, sha256},
};
use data_encoding::BASE64;
use std::{collections::VecDeque, ops::Range, path::Path};

/// Hashes of a proof at most: no tree of fewer than 2^63 entries needs more.
pub const LINES_MAX: usize = 63;
/// Tiles that one proof keeps in memory.
const TILES_HELD_MAX: usize = 4;
/// The first line of a written proof of inclusion.
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It speaks of an entry or a size that the tree does not have.
    #[error("the proof asks for more than the tree has")]
    Range,
    /// It has too few hashes, or too many.
    #[error("the proof has not the number of hashes that these sizes need")]
    Length,
    /// Its hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
    /// It is not written as it must be, to the byte.
    #[error("not a proof, to the byte")]
    Form,
}

/// Where a proof takes its hashes from: perfect subtrees of 2^height entries, each wholly inside the tree.
pub trait Hashes {
    /// What a failed look-up says.
    type Error;
    /// The hash of the entries `[index << height, (index + 1) << height)`.
    fn perfect(&mut self, height: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// The hashes of a log's folder, read from the tiles of its tree of `size` entries.
#[derive(Debug)]
pub struct TileHashes<'a> {
    folder: &'a Path,
    size: u64,
    held: VecDeque<(Tile, Vec<Hash>)>,
}

impl<'a> TileHashes<'a> {
    /// Reads under `folder`. The size is that of the folder's checkpoint: the partial tiles of others are not kept, and
    /// those of this one go when the next one comes; then the proof fails and is to be asked again.
    pub fn new(folder: &'a Path, size: u64) -> Self {
        Self { folder, size, held: VecDeque::new() }
    }

    fn tile(&mut self, tile: Tile) -> Result<&[Hash], Bad> {
        if let Some(place) = self.held.iter().position(|(held, _)| *held == tile) {
            return Ok(self.held.get(place).map_or(&[], |(_, hashes)| hashes));
        }
        let hashes = load_hashes(self.folder, tile)?;
        self.held.truncate(TILES_HELD_MAX - 1);
        self.held.push_front((tile, hashes));
        Ok(self.held.front().map_or(&[], |(_, hashes)| hashes))
    }
}

impl Hashes for TileHashes<'_> {
    type Error = Bad;
    fn perfect(&mut self, height: u8, index: u64) -> Result<Hash, Bad> {
        let outside = || Bad::new("tile", "does not hold this subtree");
        let (level, low) = (height / 8, height % 8);
        let first = index.checked_shl(u32::from(low)).ok_or_else(outside)?;
        let tile = Tile::at(Kind::Hashes(level), first / WIDTH, self.size).ok_or_else(outside)?;
        let start = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let hashes = self.tile(tile)?;
        let part = hashes.get(start..).and_then(|rest| rest.get(..1 << low)).ok_or_else(outside)?;
        Ok(root_of(part))
    }
}

/// The largest power of two that is smaller than `len`, which is at least 2: where RFC 6962 splits.
fn split(len: u64) -> u64 {
    1 << (63 - (len - 1).leading_zeros())
}

/// The Merkle tree hash of a range of entries that the recursion of RFC 6962 visits. Its perfect subtrees, from the left,
/// are as many as the ones in the binary form of its length.
fn range_hash<H: Hashes>(hashes: &mut H, range: Range<u64>) -> Result<Hash, H::Error> {
    let (mut start, mut parts) = (range.start, Vec::new());
    while start < range.end {
        let height = 63 - (range.end - start).leading_zeros();
        parts.push(hashes.perfect(u8::try_from(height).unwrap_or(u8::MAX), start >> height)?);
        start += 1 << height;
    }
    let folded = parts.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
    Ok(folded.unwrap_or_else(|| sha256(b"")))
}

/// The proof that entry `index` is in the tree of `size` entries: its siblings from the leaf up (RFC 6962 §2.1.1).
/// Nothing if the tree has no such entry.
pub fn inclusion<H: Hashes>(hashes: &mut H, index: u64, size: u64) -> Result<Option<Vec<Hash>>, H::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut at, mut path) = (0..size, Vec::new());
    while at.end - at.start > 1 {
        let middle = at.start + split(at.end - at.start);
        let (inside, beside) =
            if index < middle { (at.start..middle, middle..at.end) } else { (middle..at.end, at.start..middle) };
        path.push(range_hash(hashes, beside)?);
        at = inside;
    }
    path.reverse();
    Ok(Some(path))
}

/// The proof that the tree of `size` entries continues that of its first `old` (RFC 6962 §2.1.2). Empty when there is
/// nothing to prove: `old` is zero or `size`. Nothing if `old` is more than `size`.
pub fn consistency<H: Hashes>(hashes: &mut H, old: u64, size: u64) -> Result<Option<Vec<Hash>>, H::Error> {
    if old > size {
        return Ok(None);
    }
    let (mut at, mut path) = (0..size, Vec::new());
    if old == 0 || old == size {
        return Ok(Some(path));
    }
    // Down to the subtree that ends where the old tree ends.
    while at.end != old {
        let middle = at.start + split(at.end - at.start);
        let (inside, beside) =
            if old <= middle { (at.start..middle, middle..at.end) } else { (middle..at.end, at.start..middle) };
        path.push(range_hash(hashes, beside)?);
        at = inside;
    }
    // When that subtree is the whole old tree, the reader knows its root.
    if at.start > 0 {
        path.push(range_hash(hashes, at)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Checks that `leaf` is the hash of entry `index` in the tree of `size` entries with `root` (RFC 9162 §2.1.3.2).
pub fn check_inclusion(index: u64, leaf: &Hash, size: u64, root: &Hash, path: &[Hash]) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // On the right edge a node without sibling rises as it is.
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    match (last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// A tree's size and root.
pub type Head<'a> = (u64, &'a Hash);

/// Checks that the tree `new` continues the tree `old` (RFC 9162 §2.1.4.2). Every tree continues the empty one, and
/// itself: such proofs are empty.
pub fn check_consistency(old: Head<'_>, new: Head<'_>, path: &[Hash]) -> Result<(), ProofError> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    let empty = |size: u64, root: &Hash| size == 0 && *root != sha256(b"");
    if old_size > new_size {
        return Err(ProofError::Range);
    }
    if empty(old_size, old_root) || empty(new_size, new_root) || (old_size == new_size && old_root != new_root) {
        return Err(ProofError::Root);
    }
    if old_size == 0 || old_size == new_size {
        return if path.is_empty() { Ok(()) } else { Err(ProofError::Length) };
    }
    // The old tree is one subtree of the new: its root, which is known, was left out.
    let known = old_size.is_power_of_two().then_some(old_root);
    let mut hashes = known.into_iter().chain(path);
    let first = hashes.next().ok_or(ProofError::Length)?;
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    while place & 1 == 1 {
        (place, last) = (place >> 1, last >> 1);
    }
    let (mut was, mut is) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            was = node_hash(hash, &was);
            is = node_hash(hash, &is);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            is = node_hash(&is, hash);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    match (last, was == *old_root && is == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// The lines of a proof: one hash each in base64, a newline after each.
pub fn write_lines(path: &[Hash]) -> String {
    path.iter().map(|hash| BASE64.encode(hash) + "\n").collect()
}

/// Reads the lines of a proof, which end at an empty one; gives what follows it. Strict: [`write_lines`] gives the same.
pub fn read_lines(text: &str) -> Result<(Vec<Hash>, &str), ProofError> {
    let (mut path, mut rest) = (Vec::new(), text);
    loop {
        let (line, after) = rest.split_once('\n').ok_or(ProofError::Form)?;
        if line.is_empty() {
            return Ok((path, after));
        }
        if path.len() == LINES_MAX {
            return Err(ProofError::Length);
        }
        let hash = read_base64(line).and_then(|bytes| bytes.try_into().ok());
        path.push(hash.ok_or(ProofError::Form)?);
        rest = after;
    }
}

/// A number as these formats write it: decimal, without leading zero or sign.
pub(crate) fn read_number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

/// A proof that an entry is under a signed checkpoint, in the form of C2SP tlog-proof, without its optional `extra`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry.
    pub index: u64,
    /// Its siblings from the leaf up.
    pub path: Vec<Hash>,
    /// The signed checkpoint, cosignatures in, to the byte.
    pub note: String,
}

impl InclusionProof {
    /// Writes it as a `.tlog-proof` file holds it.
    pub fn text(&self) -> String {
        format!("{PROOF_HEADER}\nindex {}\n{}\n{}", self.index, write_lines(&self.path), self.note)
    }

    /// Reads it strictly. The note is parsed, not verified.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let rest = text.strip_prefix(PROOF_HEADER).and_then(|rest| rest.strip_prefix("\nindex "));
        let (index, rest) = rest.and_then(|rest| rest.split_once('\n')).ok_or(ProofError::Form)?;
        let index = read_number(index).ok_or(ProofError::Form)?;
        let (path, note) = read_lines(rest)?;
        Note::parse(note.as_bytes()).map_err(|_| ProofError::Form)?;
        Ok(Self { index, path, note: note.to_owned() })
    }
}

#[cfg(test)]
#[path = "tests/proof.rs"]
mod tests;
