//! C2SP tlog-cosignature, `cosignature/v1`: what a witness signs when it has seen that a checkpoint continues the last one.
//!
//! A witness's key has a type of its own, so that it is never taken for a log's: what one signs, the other does not.

use super::note::{Note, NoteError, key_id, legal_name, read_key, write_key};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use std::{fmt, str::FromStr, sync::Arc};
use types::{Secret, Time};
use zeroize::{Zeroize as _, Zeroizing};

/// The note signature type of timestamped Ed25519 cosignatures.
const COSIGNATURE_TYPE: u8 = 4;
/// The time is a POSIX one and never exceeds this.
const SECONDS_MAX: u64 = i64::MAX as u64;

/// Begins the line of a private key.
const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// What is signed: the header, the time, the note's text.
fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// A witness's public key with its name, in the form of signed-note's verifier keys with the type 0x04.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    key: [u8; 32],
}

impl WitnessKey {
    /// The witness's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ newline ‖ 0x04 ‖ key).
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, COSIGNATURE_TYPE, &self.key)
    }

    /// Checks that this witness cosigned the note, and that nothing false stands in its name. Gives the time that it
    /// wrote, in seconds since 1970: the latest, if it signed more than once.
    pub fn verify(&self, note: &Note) -> Result<u64, NoteError> {
        let id = self.id();
        let ours = note.signatures.iter().filter(|line| line.name == self.name && line.id == id);
        let times = ours.map(|line| self.time_of(&note.text, &line.signature)).collect::<Result<Vec<_>, _>>()?;
        times.into_iter().max().ok_or(NoteError::Unsigned)
    }

    fn time_of(&self, text: &str, signature: &[u8]) -> Result<u64, NoteError> {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return Err(NoteError::BadSignature) };
        let seconds = u64::from_be_bytes(*time);
        let key = UnparsedPublicKey::new(&ED25519, &self.key);
        let good = seconds <= SECONDS_MAX && key.verify(message(seconds, text).as_bytes(), signature).is_ok();
        if good { Ok(seconds) } else { Err(NoteError::BadSignature) }
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_key(&self.name, COSIGNATURE_TYPE, &self.key))
    }
}

impl FromStr for WitnessKey {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, key) = read_key(text, COSIGNATURE_TYPE)?;
        Ok(Self { name, key })
    }
}

/// A witness's private key. `Debug` shows the public half only.
#[derive(Clone)]
pub struct WitnessSigner {
    pair: Arc<Ed25519KeyPair>,
    key: WitnessKey,
}

impl WitnessSigner {
    /// Makes the signer of the witness `name` from a 32-byte seed. The seed serves for nothing else: the signed message
    /// does not bear the witness's name.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        if !legal_name(name) {
            return Err(NoteError::Name);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Seed)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Seed)?;
        Ok(Self { pair: Arc::new(pair), key: WitnessKey { name: name.to_owned(), key } })
    }

    /// What a file keeps of a witness: its name and seed on one line, in the form of Go's package sumdb/note.
    pub fn secret(name: &str, seed: &[u8; 32]) -> Result<Secret<String>, NoteError> {
        let id = HEXLOWER.encode(&Self::from_seed(name, seed)?.key.id());
        let mut typed = [&[COSIGNATURE_TYPE], seed.as_slice()].concat();
        let text = format!("{SECRET_PREFIX}{name}+{id}+{}\n", BASE64.encode(&typed));
        typed.zeroize();
        Ok(Secret::new(text))
    }

    /// Reads what [`WitnessSigner::secret`] writes.
    pub fn from_secret(text: &Secret<String>) -> Result<Self, NoteError> {
        let mut parts = text.expose().strip_prefix(SECRET_PREFIX).ok_or(NoteError::Seed)?.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Seed);
        };
        let mut typed = BASE64.decode(key.trim_end_matches('\n').as_bytes()).map_err(|_| NoteError::Seed)?;
        let seed: Option<Zeroizing<[u8; 32]>> = match typed.split_first() {
            Some((&COSIGNATURE_TYPE, seed)) => seed.try_into().ok().map(Zeroizing::new),
            _ => None,
        };
        typed.zeroize();
        let seed = seed.ok_or(NoteError::Seed)?;
        // The key's hash is checked here, and every other freedom of writing with it.
        let same = Self::secret(name, &seed)?.expose() == text.expose();
        if same { Self::from_seed(name, &seed) } else { Err(NoteError::Seed) }
    }

    /// The public half.
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// Cosigns a checkpoint's text as of `now`: one signature line with its newline. The witness's memory of the
    /// checkpoint must be durable before.
    pub fn cosign(&self, text: &str, now: Time) -> String {
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        let signature = self.pair.sign(message(seconds, text).as_bytes());
        let blob = [&self.key.id(), seconds.to_be_bytes().as_slice(), signature.as_ref()].concat();
        format!("\u{2014} {} {}\n", self.key.name, BASE64.encode(&blob))
    }
}

impl fmt::Debug for WitnessSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessSigner({})", self.key)
    }
}

#[cfg(test)]
#[path = "tests/cosign.rs"]
mod tests;
