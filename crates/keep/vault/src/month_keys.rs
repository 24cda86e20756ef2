//! The pairs to which traces are sealed: one for each family of events and month, so that destroying a private key at
//! its term erases what was sealed to it and nothing else.
//!
//! Kept as files: `<family>-<yyyy-mm>.public` (32 bytes) and `<family>-<yyyy-mm>.private` (wrapped for the trace reader).

use crate::{Holder, Keys, MasterKey, Place, Purpose, VaultError, hpke};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Makes and finds the pairs of a node.
pub struct MonthKeys {
    folder: PathBuf,
    reader: Keys,
}

/// A public key to seal to, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealTo {
    /// `<family>-<yyyy-mm>`.
    pub name: String,
    /// The public key.
    pub public: [u8; hpke::PUBLIC],
}

impl MonthKeys {
    /// Over `folder`, made if missing.
    pub fn new(folder: &Path, master: &MasterKey) -> Result<Self, VaultError> {
        fs::create_dir_all(folder).map_err(|error| VaultError::KeyFile(format!("{}: {error}", folder.display())))?;
        Ok(Self { folder: folder.to_owned(), reader: master.keys_for(Holder::TraceReader) })
    }

    /// The public key of a family and month (`2026-11`), drawing the pair if there is none yet.
    pub fn seal_to(&self, family: &str, month: &str) -> Result<SealTo, VaultError> {
        let name = checked(family, month)?;
        let path = self.folder.join(format!("{name}.public"));
        if !path.exists() {
            let pair = hpke::generate()?;
            let wrapped = self.reader.seal(Purpose::JournalReading, place(&[name.as_bytes()]), &pair.private)?;
            // The private half first: a public key without it would seal what nobody can open.
            write_new(&self.folder.join(format!("{name}.private")), &wrapped)?;
            write_new(&path, &pair.public)?;
        }
        let bytes = fs::read(&path).map_err(|error| VaultError::KeyFile(format!("{}: {error}", path.display())))?;
        let public = bytes
            .try_into()
            .map_err(|_| VaultError::KeyFile(format!("{}: not a public key of 32 bytes", path.display())))?;
        Ok(SealTo { name, public })
    }

    /// The private key of that name, for reading traces.
    pub fn private(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (family, month) = name.split_once('-').ok_or(VaultError::DoesNotOpen)?;
        let name = checked(family, month)?;
        let path = self.folder.join(format!("{name}.private"));
        let wrapped = fs::read(&path).map_err(|error| VaultError::KeyFile(format!("{}: {error}", path.display())))?;
        self.reader.open(Purpose::JournalReading, place(&[name.as_bytes()]), &wrapped)
    }
}

fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "vault", column: "private", row }
}

fn checked(family: &str, month: &str) -> Result<String, VaultError> {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
    let dated = month.len() == 7
        && month.bytes().enumerate().all(|(at, b)| if at == 4 { b == b'-' } else { b.is_ascii_digit() });
    if plain(family) && dated { Ok(format!("{family}-{month}")) } else { Err(VaultError::DoesNotOpen) }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let told = |error: std::io::Error| VaultError::KeyFile(format!("{}: {error}", path.display()));
    let temporary = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary).map_err(told)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(told)?;
    fs::rename(&temporary, path).map_err(told)?;
    let folder = path.parent().map(fs::File::open).transpose().map_err(told)?;
    folder.map_or(Ok(()), |folder| folder.sync_all()).map_err(told)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pair_is_drawn_once_and_opens_what_it_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let keys = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
        let to = keys.seal_to("access", "2026-11").unwrap();
        assert_eq!(keys.seal_to("access", "2026-11").unwrap(), to);
        assert_ne!(keys.seal_to("access", "2026-12").unwrap().public, to.public);
        let sealed = hpke::seal(&to.public, b"i", b"a", b"v").unwrap();
        let private = keys.private(&to.name).unwrap();
        assert_eq!(hpke::open(&private, b"i", b"a", &sealed).unwrap().as_slice(), b"v");
        let stranger = MasterKey::create(&folder.path().join("other.key")).unwrap();
        let others = MonthKeys::new(&folder.path().join("vault"), &stranger).unwrap();
        assert!(others.private(&to.name).is_err(), "another master key opens nothing");
        for (family, month) in [("../x", "2026-11"), ("access", "2026/11"), ("", "2026-11"), ("access", "")] {
            assert!(keys.seal_to(family, month).is_err());
        }
    }
}
