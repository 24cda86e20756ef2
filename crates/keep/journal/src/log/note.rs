//! C2SP signed notes and checkpoints, and the Ed25519 key that signs them.
//!
//! Parsing is strict: what does not serialize back to the same bytes is refused, so that no byte can change unseen.

use super::tree::{Hash, sha256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use std::{fmt, str::FromStr, sync::Arc};

/// The note signature type of plain Ed25519.
const ED25519_TYPE: u8 = 1;
/// Signatures on one note at most.
const SIGNATURES_MAX: usize = 16;
/// A note at most.
pub(crate) const NOTE_BYTES_MAX: u64 = 16 * 1024;
/// A key name (the log's origin) at most.
const NAME_BYTES_MAX: usize = 200;

/// What is said of a key, a note or a checkpoint that is not one, or is not signed as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a legal key name.
    #[error("not a key name (1 to 200 bytes without space, plus or control character)")]
    Name,
    /// Not a legal seed.
    #[error("not an Ed25519 seed")]
    Seed,
    /// Not a legal verification key.
    #[error("not a verification key (name+hash+key)")]
    Key,
    /// Not a signed note, to the byte.
    #[error("not a signed note, to the byte")]
    Note,
    /// Not a checkpoint, to the byte.
    #[error("not a checkpoint, to the byte")]
    Checkpoint,
    /// The key signed nothing here.
    #[error("not signed by the key of this log")]
    Unsigned,
    /// A key that had given way to another by then signed it.
    #[error("signed by a key that another had replaced by then")]
    Superseded,
    /// A signature in the key's name is false.
    #[error("the signature is false")]
    BadSignature,
}

pub(super) fn legal_name(name: &str) -> bool {
    let legal = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(legal)
}

/// Reads base64 in the one spelling that is written: the decoder itself also takes several texts put together, each with its
/// padding.
pub(super) fn read_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok().filter(|bytes| BASE64.encode(bytes) == text)
}

/// The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key).
pub(super) fn key_id(name: &str, kind: u8, key: &[u8; 32]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), &[b'\n', kind], key].concat());
    [a, b, c, d]
}

/// `name+hash+base64(type ‖ key)`.
pub(super) fn write_key(name: &str, kind: u8, key: &[u8; 32]) -> String {
    let typed = [&[kind], key.as_slice()].concat();
    format!("{name}+{}+{}", HEXLOWER.encode(&key_id(name, kind, key)), BASE64.encode(&typed))
}

/// Reads what [`write_key`] writes, and nothing else.
pub(super) fn read_key(text: &str, kind: u8) -> Result<(String, [u8; 32]), NoteError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Key);
    };
    let typed = BASE64.decode(key.as_bytes()).map_err(|_| NoteError::Key)?;
    let Some((found, key)) = typed.split_first() else { return Err(NoteError::Key) };
    let key = key.try_into().map_err(|_| NoteError::Key)?;
    if !legal_name(name) {
        return Err(NoteError::Name);
    }
    // The hash is checked here, and every other freedom of writing with it.
    if *found == kind && write_key(name, kind, &key) == text { Ok((name.to_owned(), key)) } else { Err(NoteError::Key) }
}

/// A public verification key with its name, as C2SP signed-note writes it: `name+hash+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VKey {
    name: String,
    key: [u8; 32],
}

impl VKey {
    /// Makes a verification key of an Ed25519 public key.
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, NoteError> {
        if !legal_name(name) {
            return Err(NoteError::Name);
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// The key's name; a log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key).
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, ED25519_TYPE, &self.key)
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_key(&self.name, ED25519_TYPE, &self.key))
    }
}

impl FromStr for VKey {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, key) = read_key(text, ED25519_TYPE)?;
        Ok(Self { name, key })
    }
}

/// The private key of one log, bound to its origin. `Debug` shows the public half only.
#[derive(Clone)]
pub struct Signer {
    pair: Arc<Ed25519KeyPair>,
    vkey: VKey,
}

impl Signer {
    /// Makes the signer of the log `origin` from a 32-byte seed that the vault keeps.
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Seed)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Seed)?;
        Ok(Self { vkey: VKey::new(origin, key)?, pair: Arc::new(pair) })
    }

    /// The public half.
    pub fn vkey(&self) -> &VKey {
        &self.vkey
    }

    /// The origin it signs for.
    pub fn origin(&self) -> &str {
        self.vkey.name()
    }

    /// Signs raw bytes. Only for messages that can be no note: begin them with a domain that ends in a NUL byte.
    pub(crate) fn sign_raw(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(message).as_ref());
        out
    }

    /// Signs a note's text, which ends with a newline.
    pub fn sign_note(&self, text: &str) -> String {
        let mut signed = self.vkey.id().to_vec();
        signed.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.vkey.name, BASE64.encode(&signed))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.vkey)
    }
}

/// A signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: String,
    /// The key's hash.
    pub id: [u8; 4],
    /// What follows the hash.
    pub signature: Vec<u8>,
}

/// A parsed note; nothing of it is to be believed before [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text, its last newline included.
    pub text: String,
    /// The signatures, known or not.
    pub signatures: Vec<NoteSignature>,
}

impl Note {
    /// Parses a note strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let all = std::str::from_utf8(bytes).map_err(|_| NoteError::Note)?;
        if bytes.len() as u64 > NOTE_BYTES_MAX || all.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Note);
        }
        let split = all.rfind("\n\n").ok_or(NoteError::Note)?;
        let (text, rest) = all.split_at_checked(split + 1).ok_or(NoteError::Note)?;
        let lines = rest.strip_prefix('\n').and_then(|r| r.strip_suffix('\n')).ok_or(NoteError::Note)?;
        let signatures = lines.split('\n').map(Self::signature).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Note);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Parses one signature line, without its newline.
    pub(super) fn signature(line: &str) -> Result<NoteSignature, NoteError> {
        let (name, blob) = line.strip_prefix("\u{2014} ").and_then(|l| l.split_once(' ')).ok_or(NoteError::Note)?;
        let blob = read_base64(blob).ok_or(NoteError::Note)?;
        match blob.split_first_chunk::<4>() {
            Some((id, signature)) if legal_name(name) && !signature.is_empty() => {
                Ok(NoteSignature { name: name.to_owned(), id: *id, signature: signature.to_vec() })
            }
            _ => Err(NoteError::Note),
        }
    }

    /// Checks that `key` signed the text, and that nothing false stands in its name.
    pub fn verify(&self, key: &VKey) -> Result<(), NoteError> {
        let id = key.id();
        let mut ours = self.signatures.iter().filter(|s| s.name == key.name && s.id == id).peekable();
        ours.peek().ok_or(NoteError::Unsigned)?;
        let good = ours.all(|s| key.verifies(self.text.as_bytes(), &s.signature));
        if good { Ok(()) } else { Err(NoteError::BadSignature) }
    }
}

/// A tree head: how many entries, and their root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// Its number of entries.
    pub size: u64,
    /// Their RFC 6962 root.
    pub root: Hash,
}

impl Checkpoint {
    /// The note's text.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root))
    }

    /// The signed note, as the file `checkpoint` holds it.
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign_note(&self.text())
    }

    /// Parses a note's text strictly; extension lines are refused.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Checkpoint);
        };
        let root = BASE64.decode(root.as_bytes()).map_err(|_| NoteError::Checkpoint)?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| NoteError::Checkpoint)?,
            root: root.try_into().map_err(|_| NoteError::Checkpoint)?,
        };
        if checkpoint.text() == text { Ok(checkpoint) } else { Err(NoteError::Checkpoint) }
    }

    /// Reads the checkpoint of a note that `key`, whose name is the origin, signed; others may have signed it too.
    pub fn of_note(note: &Note, key: &VKey) -> Result<Self, NoteError> {
        note.verify(key)?;
        let checkpoint = Self::parse(&note.text)?;
        if checkpoint.origin == key.name { Ok(checkpoint) } else { Err(NoteError::Checkpoint) }
    }

    /// Reads a log's own `checkpoint` file: signed by `key`, whose name is the origin, and by nobody else (what a
    /// witness adds is kept elsewhere: a byte that nobody here can verify would be a byte that anybody may change).
    pub fn open(bytes: &[u8], key: &VKey) -> Result<Self, NoteError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Self::of_note(&note, key)?;
        if note.signatures.len() == 1 { Ok(checkpoint) } else { Err(NoteError::Checkpoint) }
    }
}

#[cfg(test)]
#[path = "tests/note.rs"]
mod tests;
