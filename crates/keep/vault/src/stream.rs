//! Sealed streams, for what does not fit in memory: chunks of 64 KiB under AES-256-GCM, each bound to its number and to
//! whether it is the last, so that none can be dropped, repeated, reordered or cut off unnoticed.
//!
//! Layout: the data key sealed as a value (`Keys::seal`) with its length before it (4 bytes), then for each chunk its
//! sealed length (4 bytes, the top bit set on the last) and the sealed bytes. A stream sealed to a public key holds, in
//! place of the sealed value, the key's name with its length before it (1 byte) and the data key sealed to it (HPKE).

use crate::{Keys, Place, Purpose, SealTo, VaultError, hpke, random};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Clear bytes in a chunk.
pub const CHUNK: usize = 64 * 1024;
const LAST: u32 = 1 << 31;
const TAG: usize = 16;
/// What the data key of a stream is sealed for, by HPKE.
const INFO: &[u8] = b"poterne stream data key 1";

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Library("AES key"))?))
}

/// The data key is fresh for each stream, so a counter is a unique nonce.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    if let Some((counter, flag)) = bytes.split_at_mut_checked(8) {
        counter.copy_from_slice(&number.to_be_bytes());
        flag.fill(u8::from(last));
    }
    Nonce::assume_unique_for_key(bytes)
}

/// Seals a stream.
pub struct Sealer {
    key: LessSafeKey,
    number: u64,
    pending: Zeroizing<Vec<u8>>,
}

impl Sealer {
    /// Begins; the returned bytes come first in the file.
    pub fn begin(keys: &Keys, purpose: Purpose, place: Place<'_>) -> Result<(Self, Vec<u8>), VaultError> {
        let data_key = Zeroizing::new(random::<32>()?);
        let header = keys.seal(purpose, place, data_key.as_slice())?;
        let mut out = u32::try_from(header.len()).map_err(|_| VaultError::Library("header"))?.to_be_bytes().to_vec();
        out.extend(header);
        Ok((Self { key: cipher(&data_key)?, number: 0, pending: Zeroizing::default() }, out))
    }

    /// Begins a stream that only the holder of the private key opens; the returned bytes come first in the file.
    pub fn begin_to(to: &SealTo, place: Place<'_>) -> Result<(Self, Vec<u8>), VaultError> {
        let data_key = Zeroizing::new(random::<32>()?);
        let sealed = hpke::seal(&to.public, INFO, &place.associated(), data_key.as_slice())?;
        let name = u8::try_from(to.name.len()).map_err(|_| VaultError::Library("header"))?;
        let header = [&[name], to.name.as_bytes(), &sealed].concat();
        let mut out = u32::try_from(header.len()).map_err(|_| VaultError::Library("header"))?.to_be_bytes().to_vec();
        out.extend(header);
        Ok((Self { key: cipher(&data_key)?, number: 0, pending: Zeroizing::default() }, out))
    }

    /// Seals what is pending as a chunk of its own, so that a stop loses nothing of it.
    pub fn flush(&mut self) -> Result<Vec<u8>, VaultError> {
        let mut out = Vec::new();
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.chunk(pending, false, &mut out)?;
        }
        Ok(out)
    }

    /// Takes clear bytes, gives sealed ones (possibly none yet).
    pub fn push(&mut self, clear: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut out = Vec::new();
        self.pending.extend_from_slice(clear);
        // One byte more than a chunk must be there: the last chunk is known only at the end.
        while self.pending.len() > CHUNK {
            let rest = Zeroizing::new(self.pending.split_off(CHUNK));
            let full = std::mem::replace(&mut self.pending, rest);
            self.chunk(full, false, &mut out)?;
        }
        Ok(out)
    }

    /// Ends the stream.
    pub fn finish(mut self) -> Result<Vec<u8>, VaultError> {
        let mut out = Vec::new();
        let pending = std::mem::take(&mut self.pending);
        self.chunk(pending, true, &mut out)?;
        Ok(out)
    }

    fn chunk(&mut self, clear: Zeroizing<Vec<u8>>, last: bool, out: &mut Vec<u8>) -> Result<(), VaultError> {
        let mut body = clear.to_vec();
        self.key
            .seal_in_place_append_tag(nonce(self.number, last), Aad::empty(), &mut body)
            .map_err(|_| VaultError::Library("sealing"))?;
        self.number += 1;
        let length = u32::try_from(body.len()).map_err(|_| VaultError::Library("chunk"))?;
        out.extend((length | if last { LAST } else { 0 }).to_be_bytes());
        out.append(&mut body);
        Ok(())
    }
}

/// Opens a stream. Nothing of a chunk is given before its tag was checked; [`Opener::finish`] fails on a cut stream.
pub struct Opener {
    key: LessSafeKey,
    number: u64,
    pending: Vec<u8>,
    ended: bool,
}

impl Opener {
    /// How many bytes at the beginning [`Opener::begin`] needs, once the first four are there.
    pub fn header_length(first: [u8; 4]) -> usize {
        4 + u32::from_be_bytes(first).min(4096) as usize
    }

    /// Begins with exactly the header's bytes.
    pub fn begin(keys: &Keys, purpose: Purpose, place: Place<'_>, header: &[u8]) -> Result<Self, VaultError> {
        let sealed = header.get(4..).ok_or(VaultError::DoesNotOpen)?;
        let data_key = keys.open(purpose, place, sealed)?;
        let data_key = Zeroizing::new(<[u8; 32]>::try_from(data_key.as_slice()).map_err(|_| VaultError::DoesNotOpen)?);
        Ok(Self { key: cipher(&data_key)?, number: 0, pending: Vec::new(), ended: false })
    }

    /// The name of the key that a stream is sealed to, from exactly the header's bytes.
    pub fn sealed_to(header: &[u8]) -> Option<&str> {
        let (length, rest) = header.get(4..)?.split_first()?;
        std::str::from_utf8(rest.get(..usize::from(*length))?).ok()
    }

    /// Begins with exactly the header's bytes of a stream sealed to a public key.
    pub fn begin_with(private: &[u8], place: Place<'_>, header: &[u8]) -> Result<Self, VaultError> {
        let name = Self::sealed_to(header).ok_or(VaultError::DoesNotOpen)?;
        let sealed = header.get(5 + name.len()..).ok_or(VaultError::DoesNotOpen)?;
        let data_key = hpke::open(private, INFO, &place.associated(), sealed)?;
        let data_key = Zeroizing::new(<[u8; 32]>::try_from(data_key.as_slice()).map_err(|_| VaultError::DoesNotOpen)?);
        Ok(Self { key: cipher(&data_key)?, number: 0, pending: Vec::new(), ended: false })
    }

    /// Whether the stream's own end was reached. A stream that stops before was cut: by a crash, or by somebody.
    pub fn is_whole(&self) -> bool {
        self.ended && self.pending.is_empty()
    }

    /// Takes sealed bytes, gives clear ones.
    pub fn push(&mut self, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.pending.extend_from_slice(sealed);
        let mut out = Vec::new();
        while let Some((head, rest)) = self.pending.split_first_chunk::<4>() {
            let head = u32::from_be_bytes(*head);
            let (length, last) = ((head & !LAST) as usize, head & LAST != 0);
            if self.ended || !(TAG..=CHUNK + TAG).contains(&length) {
                return Err(VaultError::DoesNotOpen);
            }
            let Some((body, after)) = rest.split_at_checked(length) else { break };
            let mut body = body.to_vec();
            let after = after.to_vec();
            let clear = self
                .key
                .open_in_place(nonce(self.number, last), Aad::empty(), &mut body)
                .map_err(|_| VaultError::DoesNotOpen)?;
            out.extend_from_slice(clear);
            self.number += 1;
            self.ended = last;
            self.pending = after;
        }
        if self.ended && !self.pending.is_empty() {
            return Err(VaultError::DoesNotOpen);
        }
        Ok(out)
    }

    /// Says whether the stream was whole.
    pub fn finish(self) -> Result<(), VaultError> {
        if self.ended && self.pending.is_empty() { Ok(()) } else { Err(VaultError::DoesNotOpen) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{Holder, MasterKey};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static KEYS: LazyLock<Keys> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(&folder.path().join("k")).unwrap().keys_for(Holder::Enrolment)
    });
    const PLACE: Place<'static> = Place { table: "files", column: "content", row: &[b"1"] };

    fn sealed(clear: &[u8], piece: usize) -> Vec<u8> {
        let (mut sealer, mut out) = Sealer::begin(&KEYS, Purpose::PatientFields, PLACE).unwrap();
        for part in clear.chunks(piece) {
            out.extend(sealer.push(part).unwrap());
        }
        out.extend(sealer.finish().unwrap());
        out
    }

    fn opened(bytes: &[u8], piece: usize) -> Result<Vec<u8>, VaultError> {
        let first = bytes.first_chunk::<4>().ok_or(VaultError::DoesNotOpen)?;
        let (header, rest) = bytes.split_at_checked(Opener::header_length(*first)).ok_or(VaultError::DoesNotOpen)?;
        let mut opener = Opener::begin(&KEYS, Purpose::PatientFields, PLACE, header)?;
        let mut out = Vec::new();
        for part in rest.chunks(piece) {
            out.extend(opener.push(part)?);
        }
        opener.finish()?;
        Ok(out)
    }

    #[test]
    fn chunks_cannot_be_dropped_or_exchanged() {
        let clear = vec![42; CHUNK * 2 + 10];
        let bytes = sealed(&clear, 1000);
        let header = Opener::header_length(*bytes.first_chunk::<4>().unwrap());
        let full = 4 + CHUNK + TAG;
        let (one, two) = (header..header + full, header + full..header + 2 * full);
        assert_eq!(opened(&bytes, 777).unwrap(), clear);
        let without_last = &bytes[..two.end];
        assert!(opened(without_last, 777).is_err(), "cut at a chunk's end");
        let swapped = [&bytes[..header], &bytes[two.clone()], &bytes[one.clone()], &bytes[two.end..]].concat();
        assert!(opened(&swapped, 777).is_err());
        let dropped = [&bytes[..header], &bytes[one], &bytes[two.end..]].concat();
        assert!(opened(&dropped, 777).is_err());
        assert!(opened(&[&bytes[..], &[0]].concat(), 777).is_err(), "something after the end");
    }

    #[test]
    fn a_stream_to_a_key_opens_as_far_as_it_was_flushed() {
        let (pair, other) = (crate::hpke::generate().unwrap(), crate::hpke::generate().unwrap());
        let to = SealTo { name: "recordings-2026-11".into(), public: pair.public };
        let (mut sealer, mut bytes) = Sealer::begin_to(&to, PLACE).unwrap();
        bytes.extend(sealer.push(b"one ").unwrap());
        bytes.extend(sealer.flush().unwrap());
        assert!(sealer.flush().unwrap().is_empty(), "nothing pending, nothing written");
        bytes.extend(sealer.push(b"two ").unwrap());
        bytes.extend(sealer.flush().unwrap());
        let crashed = bytes.clone();
        bytes.extend(sealer.push(b"three").unwrap());
        bytes.extend(sealer.finish().unwrap());

        let header = &bytes[..Opener::header_length(*bytes.first_chunk::<4>().unwrap())];
        assert_eq!(Opener::sealed_to(header), Some("recordings-2026-11"));
        let open = |private: &[u8], place, bytes: &[u8]| {
            let mut opener = Opener::begin_with(private, place, header)?;
            let clear = opener.push(&bytes[header.len()..])?;
            Ok::<_, VaultError>((clear, opener.is_whole()))
        };
        assert_eq!(open(&pair.private, PLACE, &bytes).unwrap(), (b"one two three".to_vec(), true));
        assert_eq!(open(&pair.private, PLACE, &crashed).unwrap(), (b"one two ".to_vec(), false));
        let torn = &crashed[..crashed.len() - 1];
        assert_eq!(open(&pair.private, PLACE, torn).unwrap(), (b"one ".to_vec(), false));
        assert!(open(&other.private, PLACE, &bytes).is_err());
        assert!(open(&pair.private, Place { row: &[b"2"], ..PLACE }, &bytes).is_err());
        assert!(Opener::sealed_to(&[0, 0, 0, 1, 9]).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn streams_come_back_whole(
            clear in prop::collection::vec(any::<u8>(), 0..2000),
            repeat in 0_usize..120, into in 1_usize..5000, out in 1_usize..5000, cut in any::<usize>(),
        ) {
            let clear = clear.repeat(repeat);
            let bytes = sealed(&clear, into);
            prop_assert_eq!(&opened(&bytes, out).unwrap(), &clear);
            let cut = cut % bytes.len();
            prop_assert!(opened(&bytes[..cut], out).is_err());
            let mut changed = bytes;
            changed[cut] ^= 1;
            prop_assert!(opened(&changed, out).is_err());
        }
    }
}
