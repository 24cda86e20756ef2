//! The request `add-checkpoint` of C2SP tlog-witness, to the byte.

use crate::log::{
    Checkpoint,
    note::{NOTE_BYTES_MAX, Note},
    proof::{LINES_MAX, read_lines, read_number, write_lines},
    tree::Hash,
};

/// A request at most: the old size, the lines of a proof, an empty line, a note.
pub const REQUEST_BYTES_MAX: usize = 32 + LINES_MAX * 45 + 1 + NOTE_BYTES_MAX as usize;

/// A checkpoint's text at most: what is remembered of it, with a cosignature, is always a note.
pub(super) const TEXT_BYTES_MAX: usize = 4096;

/// What a log asks of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The size that the log believes the witness cosigned last.
    pub old: u64,
    /// The proof that the checkpoint continues it.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Note,
    /// The same, as it was sent.
    pub signed: String,
    /// Its first three lines.
    pub checkpoint: Checkpoint,
}

impl Request {
    /// Parses a request strictly. Nothing of it is to be believed: no signature is looked at.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= REQUEST_BYTES_MAX)?;
        let (old, rest) = text.strip_prefix("old ")?.split_once('\n')?;
        let old = read_number(old)?;
        let (proof, signed) = read_lines(rest).ok()?;
        let note = Note::parse(signed.as_bytes()).ok().filter(|note| note.text.len() <= TEXT_BYTES_MAX)?;
        let checkpoint = head(&note.text)?;
        Some(Self { old, proof, signed: signed.to_owned(), note, checkpoint })
    }
}

/// The body of a request.
pub fn write(old: u64, proof: &[Hash], signed: &str) -> String {
    format!("old {old}\n{}\n{signed}", write_lines(proof))
}

/// The first three lines of a checkpoint. Other people's logs may add lines of their own, none of them empty; they are
/// cosigned with the rest, and mean nothing here.
pub(super) fn head(text: &str) -> Option<Checkpoint> {
    let (end, _) = text.match_indices('\n').nth(2)?;
    let (first, rest) = text.split_at_checked(end + 1)?;
    let checkpoint = Checkpoint::parse(first).ok()?;
    let whole = !checkpoint.origin.is_empty() && !rest.starts_with('\n') && !rest.contains("\n\n");
    whole.then_some(checkpoint)
}
