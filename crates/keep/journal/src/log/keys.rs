//! The keys that a log has had. Each one said, while it served, which comes after it, over how many entries and under which
//! root: whoever trusts one of them can follow them to the one that signs now.
//!
//! The file `keys` holds these notes one after another, each behind the key that signed it. Everything else of a log is
//! signed by its present key alone: a renewal signs it anew ([`super::renew`]).

use super::{
    Bad,
    files::Files,
    note::{Checkpoint, NOTE_BYTES_MAX, Note, NoteError, Signer, VKey, read_base64},
    read::load_vkey,
    tree::Hash,
};
use data_encoding::BASE64;
use std::path::Path;

/// The file.
pub(crate) const KEYS: &str = "keys";
/// How often a log's key may be renewed: each year for a hundred.
pub(crate) const RENEWALS_MAX: usize = 100;
/// The file at most.
pub(crate) const KEYS_BYTES_MAX: u64 = RENEWALS_MAX as u64 * 2048;
/// Its notes' first line, which is no log's name: none can pass for a checkpoint.
const FIRST_LINE: &str = "poterne journal key 1";
/// Lines of a renewal in the file: a key, the note's five lines, an empty one, a signature.
const LINES: usize = 8;

/// One key gives way to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The one that served until then, and says so.
    pub before: VKey,
    /// How many entries it signed.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The one that serves from then on.
    pub after: VKey,
    /// As it stands in the file: the key, and the note that it signed.
    pub(crate) block: String,
}

impl Renewal {
    fn text(before: &VKey, (size, root): (u64, &Hash), after: &VKey) -> String {
        format!("{FIRST_LINE}\n{}\n{size}\n{}\n{after}\n", before.name(), BASE64.encode(root))
    }

    /// The log's present key gives way to another, over all that it signed.
    pub(crate) fn signed(before: &Signer, Checkpoint { size, root, .. }: Checkpoint, after: &VKey) -> Self {
        let note = before.sign_note(&Self::text(before.vkey(), (size, &root), after));
        let block = format!("{}\n{note}", before.vkey());
        Self { before: before.vkey().clone(), size, root, after: after.clone(), block }
    }

    /// From its eight lines.
    fn parse(lines: &[&str]) -> Option<Self> {
        let (first, note) = lines.split_first()?;
        let before: VKey = first.parse().ok()?;
        let note = Note::parse(format!("{}\n", note.join("\n")).as_bytes()).ok()?;
        note.verify(&before).ok().filter(|()| note.signatures.len() == 1)?;
        let mut fields = note.text.split('\n').skip(2);
        let size = fields.next()?.parse().ok()?;
        let root = read_base64(fields.next()?)?.try_into().ok()?;
        let after: VKey = fields.next()?.parse().ok()?;
        let root: Hash = root;
        let sound = Self::text(&before, (size, &root), &after) == note.text && after.name() == before.name();
        let block = format!("{}\n", lines.join("\n"));
        (sound && after != before).then_some(Self { before, size, root, after, block })
    }

    /// Reads a whole file: each key gives way to the next, over no fewer entries.
    pub(crate) fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, Bad> {
        let bad = |line: usize| Bad::new(KEYS, format!("line {}: no key that the one before it signed", line + 1));
        let text = std::str::from_utf8(bytes).map_err(|_| bad(0))?.strip_suffix('\n').ok_or_else(|| bad(0))?;
        let lines: Vec<&str> = text.split('\n').collect();
        let mut all: Vec<Self> = Vec::new();
        for (place, lines) in lines.chunks(LINES).enumerate() {
            let renewal = Self::parse(lines).filter(|renewal| {
                all.last().is_none_or(|last| {
                    last.after == renewal.before
                        && (last.size < renewal.size || (last.size, last.root) == (renewal.size, renewal.root))
                })
            });
            all.push(renewal.filter(|_| place < RENEWALS_MAX).ok_or_else(|| bad(place * LINES))?);
        }
        Ok(all)
    }

    /// Those of a log; none where its first key serves.
    pub(crate) fn load_all<F: Files + ?Sized>(files: &F) -> Result<Vec<Self>, Bad> {
        if files.has(KEYS) { Self::parse_all(&files.load(KEYS, KEYS_BYTES_MAX)?) } else { Ok(Vec::new()) }
    }
}

/// A log's present key, and how it came to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    current: VKey,
    renewals: Vec<Renewal>,
}

impl Keys {
    /// Of a log whose key was never renewed.
    pub fn only(current: VKey) -> Self {
        Self { current, renewals: Vec::new() }
    }

    /// Of a log's folder.
    pub(crate) fn load<F: Files + ?Sized>(files: &F) -> Result<Self, Bad> {
        Self::of(load_vkey(files)?, Renewal::load_all(files)?)
    }

    /// A key with the renewals that led to it.
    pub(crate) fn of(current: VKey, renewals: Vec<Renewal>) -> Result<Self, Bad> {
        let ends = renewals.last().is_none_or(|last| last.after == current);
        let keys = Self { current, renewals };
        if ends {
            Ok(keys)
        } else {
            Err(Bad::new(KEYS, "the last of these keys is not the one that the log says it has"))
        }
    }

    /// The key that signs now.
    pub fn current(&self) -> &VKey {
        &self.current
    }

    /// How it came to it, oldest first.
    pub fn renewals(&self) -> &[Renewal] {
        &self.renewals
    }

    /// As the file holds them; nothing where there is none.
    pub(crate) fn written(&self) -> String {
        self.renewals.iter().map(|renewal| renewal.block.as_str()).collect()
    }

    /// The same, of the bytes of a file `keys` that somebody shows. Nothing says yet that the entries are those.
    pub fn shown(&self, bytes: &[u8]) -> Option<Self> {
        self.led_on(Renewal::parse_all(bytes).ok()?)
    }

    /// These keys with those that came after the present one, as somebody shows them; none where they lead on from no key of
    /// these.
    pub(crate) fn led_on(&self, shown: Vec<Renewal>) -> Option<Self> {
        let from = shown.iter().position(|renewal| renewal.before == self.current)?;
        let mut renewals = self.renewals.clone();
        let over = renewals.last().map_or(0, |last| last.size);
        renewals.extend(shown.into_iter().skip(from));
        let next = renewals.get(self.renewals.len())?;
        let current = renewals.last()?.after.clone();
        (next.size >= over && renewals.len() <= RENEWALS_MAX).then_some(Self { current, renewals })
    }

    /// Whether a key that somebody trusts is one of them: it vouches for those that came after it.
    pub fn trusted_by(&self, pinned: &VKey) -> bool {
        self.current == *pinned || self.renewals.iter().any(|renewal| renewal.before == *pinned)
    }

    /// The checkpoint of a note that the key which served for that many entries signed.
    pub fn head_of(&self, note: &Note) -> Result<Checkpoint, NoteError> {
        let signed = |key: &VKey| match Checkpoint::of_note(note, key) {
            Err(NoteError::Unsigned) => None,
            other => Some(other),
        };
        if let Some(found) = signed(&self.current) {
            return found;
        }
        let former = self.renewals.iter().rev().find_map(|renewal| Some((renewal, signed(&renewal.before)?)));
        let (renewal, found) = former.ok_or(NoteError::Unsigned)?;
        found.and_then(|head| if head.size <= renewal.size { Ok(head) } else { Err(NoteError::Superseded) })
    }

    /// The same of bytes that are the note and nothing else.
    pub fn open(&self, bytes: &[u8]) -> Result<Checkpoint, NoteError> {
        if bytes.len() as u64 > NOTE_BYTES_MAX { Err(NoteError::Note) } else { self.head_of(&Note::parse(bytes)?) }
    }
}

/// The keys of the log in a folder.
pub fn keys_of(folder: &Path) -> Result<Keys, Bad> {
    Keys::load(folder)
}
