//! What an origin's index consists of: its chunks, and up to where the journal was read for them.

use super::{IndexError, bad};
use minicbor::{Decode, Encode, bytes::ByteVec};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};
use vault::{Keys, Purpose};

/// The manifest's name.
pub(crate) const NAME: &str = "manifest";
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Authenticated by the index's key: a chunk that is taken away is missed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Manifest {
    #[n(0)]
    pub origin: String,
    /// Every entry before this one is in a chunk, or is none that is searched for.
    #[n(1)]
    pub resume: u64,
    /// The chunks' files.
    #[n(2)]
    pub chunks: Vec<String>,
    /// Entries that give keys which later entries may still be sealed with.
    #[n(3)]
    pub keys: Vec<ByteVec>,
}

impl Manifest {
    /// Reads a folder's manifest; nothing when there is none, or it is not ours.
    pub fn load(folder: &Path, origin: &str, keys: &Keys) -> Option<Self> {
        let path = folder.join(NAME);
        let len = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?.len();
        let bytes = (len <= BYTES_MAX).then(|| fs::read(&path).ok()).flatten()?;
        Self::decode(&bytes, origin, keys)
    }

    pub(super) fn decode(bytes: &[u8], origin: &str, keys: &Keys) -> Option<Self> {
        let (body, tag) = bytes.split_last_chunk::<32>()?;
        let expected = keys.token(Purpose::TraceIndex, &[b"manifest", body]).ok()?;
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &expected).ok()?;
        minicbor::decode(body).ok().filter(|found: &Self| found.origin == origin)
    }

    /// Writes it, whole or not at all.
    pub fn save(&self, folder: &Path, keys: &Keys) -> Result<(), IndexError> {
        let body = minicbor::to_vec(self).map_err(|_| bad("a manifest cannot be written"))?;
        write_whole(folder, NAME, &tagged(body, keys)?)
    }
}

/// A manifest's bytes, with the tag that authenticates them.
pub(super) fn tagged(mut body: Vec<u8>, keys: &Keys) -> Result<Vec<u8>, IndexError> {
    body.extend(keys.token(Purpose::TraceIndex, &[b"manifest", &body])?);
    Ok(body)
}

/// Writes a file whole or not at all, and durably.
pub(crate) fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), IndexError> {
    let unfinished = folder.join(format!("{name}.tmp"));
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished).and_then(
        |mut file| {
            file.write_all(bytes)?;
            file.sync_data()
        },
    );
    let done = written.and_then(|()| fs::rename(&unfinished, folder.join(name)));
    if let Err(error) = done.and_then(|()| File::open(folder)?.sync_all()) {
        let _ = fs::remove_file(&unfinished);
        return Err(error.into());
    }
    Ok(())
}
