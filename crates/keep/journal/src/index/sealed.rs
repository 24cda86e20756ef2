//! The file of a chunk: a clear header with its tag, then pages sealed to the month that they belong to.
//!
//! Whoever reads a page holds the month's private key (which is destroyed at its term) *and* the index's own key: nobody
//! else can have written it either. The header is clear, so that a chunk whose month is gone still says what it covered.

use super::{IndexError, bad, set::ROWS_MAX};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use minicbor::{Decode, Encode};
use std::{
    fs::File,
    io::{self, Read as _},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
};
use vault::{Keys, MonthKeys, Purpose, SealTo, random};
use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"poterne-index-2\n";
const INFO: &[u8] = b"poterne trace index 1";
const TAG: usize = 32;
/// Clear bytes of a page.
pub(crate) const PAGE: usize = 4096;
const SEALED_PAGE: usize = PAGE + 16;
/// A header at most; it holds some names and numbers.
const HEADER_MAX: usize = 4096;
/// The clear bytes of one chunk at most.
const BYTES_MAX: u64 = 1 << 30;

/// What a chunk is of, readable without any key but authenticated by the index's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Header {
    #[n(0)]
    pub origin: String,
    /// The name of the month's key: `health-2026-11`.
    #[n(1)]
    pub group: String,
    /// The chunk holds every entry of its group in `from..to`.
    #[n(2)]
    pub from: u64,
    #[n(3)]
    pub to: u64,
    #[n(4)]
    pub rows: u32,
    #[n(5)]
    pub earliest: i64,
    #[n(6)]
    pub latest: i64,
    /// The pages' secret, sealed to the month; empty when the month's key was gone already: such a chunk has no pages.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub secret: Vec<u8>,
    /// Clear bytes in the pages.
    #[n(8)]
    pub bytes: u64,
}

fn cipher(keys: &Keys, secret: &[u8], header: &[u8]) -> Result<LessSafeKey, IndexError> {
    let key = Zeroizing::new(keys.token(Purpose::TraceIndex, &[b"pages", secret, header])?);
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| bad("AES key"))?;
    Ok(LessSafeKey::new(key))
}

fn nonce(page: u64) -> Nonce {
    let mut bytes = [0; 12];
    if let Some(tail) = bytes.last_chunk_mut::<8>() {
        *tail = page.to_be_bytes();
    }
    Nonce::assume_unique_for_key(bytes)
}

/// The place of a chunk, for HPKE: what it says of itself, but for the secret.
fn place(header: &Header) -> Vec<u8> {
    let bare = Header { secret: Vec::new(), ..header.clone() };
    minicbor::to_vec(&bare).unwrap_or_default()
}

/// The bytes of a chunk's file. `to` is none when the month's key is gone.
pub(crate) fn seal(mut header: Header, clear: &[u8], keys: &Keys, to: Option<&SealTo>) -> Result<Vec<u8>, IndexError> {
    let clear = if to.is_some() { clear } else { &[] };
    header.bytes = clear.len() as u64;
    header.secret = Vec::new();
    let secret = Zeroizing::new(random::<32>()?);
    if let Some(to) = to {
        header.secret = vault::hpke::seal(&to.public, INFO, &place(&header), secret.as_slice())?;
    }
    let head = minicbor::to_vec(&header).unwrap_or_default();
    written(&head, clear, keys, to.map(|_| secret.as_slice()))
}

/// The same, of a header as its bytes; without the pages' secret there are none.
pub(super) fn written(head: &[u8], clear: &[u8], keys: &Keys, secret: Option<&[u8]>) -> Result<Vec<u8>, IndexError> {
    let mut file = MAGIC.to_vec();
    file.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
    file.extend_from_slice(head);
    file.extend_from_slice(&keys.token(Purpose::TraceIndex, &[b"header", head])?);
    if let Some(secret) = secret {
        let cipher = cipher(keys, secret, head)?;
        for (number, page) in (0_u64..).zip(clear.chunks(PAGE)) {
            let mut page = page.to_vec();
            page.resize(PAGE, 0);
            cipher
                .seal_in_place_append_tag(nonce(number), Aad::empty(), &mut page)
                .map_err(|_| bad("a page cannot be sealed"))?;
            file.extend_from_slice(&page);
        }
    }
    Ok(file)
}

/// A chunk's file, open. Its pages are read when they are asked for.
pub(crate) struct Sealed {
    pub header: Header,
    head: Vec<u8>,
    file: File,
    start: u64,
}

impl Sealed {
    /// Opens a file and authenticates its header.
    pub fn open(path: &Path, keys: &Keys) -> Result<Self, IndexError> {
        Self::of(File::open(path)?, keys)
    }

    pub(super) fn of(mut file: File, keys: &Keys) -> Result<Self, IndexError> {
        let mut fixed = [0; 20];
        file.read_exact(&mut fixed)?;
        let (magic, len) = fixed.split_at(16);
        let len = usize::try_from(u32::from_le_bytes(len.try_into().unwrap_or_default())).unwrap_or(usize::MAX);
        if magic != MAGIC || len > HEADER_MAX {
            return Err(bad("not a chunk of this index"));
        }
        let mut head = vec![0; len];
        file.read_exact(&mut head)?;
        let mut tag = [0; TAG];
        file.read_exact(&mut tag)?;
        let expected = keys.token(Purpose::TraceIndex, &[b"header", &head])?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&tag, &expected).map_err(|_| bad("a header was altered"))?;
        let header: Header = minicbor::decode(&head).map_err(|_| bad("a header cannot be read"))?;
        if header.rows as usize > ROWS_MAX {
            return Err(bad("a chunk has more rows than one may have"));
        }
        let start = (MAGIC.len() + 4 + len + TAG) as u64;
        let pages = header.bytes.div_ceil(PAGE as u64);
        if header.bytes > BYTES_MAX || file.metadata()?.len() != start + pages * SEALED_PAGE as u64 {
            return Err(bad("a chunk is cut short"));
        }
        Ok(Self { header, head, file, start })
    }

    /// What opens its pages; fails when the month's key is gone.
    pub fn unlock(&self, keys: &Keys, months: &MonthKeys) -> Result<LessSafeKey, IndexError> {
        let private = months.private(&self.header.group)?;
        let secret = vault::hpke::open(&private, INFO, &place(&self.header), &self.header.secret)?;
        self.unlocked(keys, &secret)
    }

    pub(super) fn unlocked(&self, keys: &Keys, secret: &[u8]) -> Result<LessSafeKey, IndexError> {
        cipher(keys, secret, &self.head)
    }

    /// Reads one page.
    pub fn page(&self, cipher: &LessSafeKey, number: u64) -> Result<Vec<u8>, IndexError> {
        let mut page = vec![0; SEALED_PAGE];
        self.file.read_exact_at(&mut page, self.start + number * SEALED_PAGE as u64)?;
        let opened = cipher.open_in_place(nonce(number), Aad::empty(), &mut page);
        let len = opened.map_err(|_| bad("a page was altered"))?.len();
        page.truncate(len);
        Ok(page)
    }
}

/// The pages in which a range of clear bytes lies.
pub(crate) fn pages_of(range: &Range<u64>) -> Range<u64> {
    range.start / PAGE as u64..range.end.div_ceil(PAGE as u64)
}

impl From<io::Error> for IndexError {
    fn from(error: io::Error) -> Self {
        IndexError::Files(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::index::testing::World;

    fn header() -> Header {
        Header {
            origin: "node".into(),
            group: "health-2026-11".into(),
            from: 3,
            to: 90,
            rows: 4,
            earliest: 1,
            latest: 2,
            secret: vec![],
            bytes: 0,
        }
    }

    #[test]
    fn pages_come_back_and_every_changed_byte_is_seen() {
        let world = World::new();
        let (folder, keys, months) = (&world.folder, world.keys(), &world.months);
        let to = months.seal_to("health", "2026-11").unwrap();
        let clear: Vec<u8> = (0..9000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let file = seal(header(), &clear, &keys, Some(&to)).unwrap();
        let path = folder.path().join("chunk");
        let read = |bytes: &[u8]| -> Result<Vec<u8>, IndexError> {
            std::fs::write(&path, bytes).unwrap();
            let sealed = Sealed::open(&path, &keys)?;
            let cipher = sealed.unlock(&keys, months)?;
            let mut all = Vec::new();
            for page in pages_of(&(0..sealed.header.bytes)) {
                all.extend(sealed.page(&cipher, page)?);
            }
            all.truncate(usize::try_from(sealed.header.bytes).unwrap());
            Ok(all)
        };
        assert_eq!(read(&file).unwrap(), clear);
        for at in (0..file.len()).filter(|at| at % 17 == 0 || *at < 400) {
            let mut altered = file.clone();
            *altered.get_mut(at).unwrap() ^= 1;
            assert!(read(&altered).is_err(), "byte {at}");
        }
        assert!(read(file.get(..file.len() - 1).unwrap()).is_err());
        assert!(!file.windows(20).any(|part| clear.windows(20).next() == Some(part)), "nothing in clear");
    }

    #[test]
    fn a_header_that_says_more_than_a_chunk_holds_is_refused() {
        let world = World::new();
        let path = world.folder.path().join("chunk");
        let sealed = |rows| {
            std::fs::write(&path, seal(Header { rows, ..header() }, b"", &world.keys(), None).unwrap()).unwrap();
            Sealed::open(&path, &world.keys()).is_ok()
        };
        assert!(sealed(65_536) && !sealed(65_537) && !sealed(u32::MAX));
    }

    #[test]
    fn a_month_that_is_gone_leaves_a_header_only() {
        let world = World::new();
        let (folder, keys, months) = (&world.folder, world.keys(), &world.months);
        let path = folder.path().join("chunk");
        std::fs::write(&path, seal(header(), b"never written", &keys, None).unwrap()).unwrap();
        let sealed = Sealed::open(&path, &keys).unwrap();
        assert_eq!((sealed.header.rows, sealed.header.bytes), (4, 0));
        assert!(sealed.unlock(&keys, months).is_err());
    }
}
