//! The pairs to which traces are sealed: one for each family of events and month, so that destroying a private key at
//! its term erases what was sealed to it and nothing else.
//!
//! Kept as files, `<family>-<yyyy-mm>.pair`: the public key (32 bytes), then the private one wrapped for the trace reader.

use crate::{Holder, Keys, MasterKey, Place, Purpose, VaultError, hpke, random};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
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
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| VaultError::KeyFile(format!("{}: {error}", folder.display())))?;
        Ok(Self { folder: folder.to_owned(), reader: master.keys_for(Holder::TraceReader) })
    }

    /// The public key of a family and month (`2026-11`), drawing the pair if there is none yet. Of two processes that draw
    /// at once one wins, and both use its pair.
    pub fn seal_to(&self, family: &str, month: &str) -> Result<SealTo, VaultError> {
        let name = checked(family, month)?;
        if !self.path(&name).exists() {
            let pair = hpke::generate()?;
            let wrapped = self.reader.seal(Purpose::JournalReading, place(&[name.as_bytes()]), &pair.private)?;
            create(&self.path(&name), &[pair.public.as_slice(), &wrapped].concat())?;
        }
        let (public, _) = self.read(&name)?;
        Ok(SealTo { name, public })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pair"))
    }

    fn read(&self, name: &str) -> Result<([u8; hpke::PUBLIC], Vec<u8>), VaultError> {
        let path = self.path(name);
        let bytes = fs::read(&path).map_err(|error| VaultError::KeyFile(format!("{}: {error}", path.display())))?;
        match bytes.split_first_chunk() {
            Some((public, wrapped)) => Ok((*public, wrapped.to_vec())),
            None => Err(VaultError::KeyFile(format!("{}: not a pair of keys", path.display()))),
        }
    }

    /// The private key of that name, for reading traces.
    pub fn private(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (family, month) = name.split_once('-').ok_or(VaultError::DoesNotOpen)?;
        let name = checked(family, month)?;
        let (_, wrapped) = self.read(&name)?;
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

/// Creates a file whole or not at all; one that is there already stays.
fn create(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let told = |error: std::io::Error| VaultError::KeyFile(format!("{}: {error}", path.display()));
    let temporary = path.with_extension(format!("{}.new", data_encoding::HEXLOWER.encode(&random::<8>()?)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(told)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(told)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary).map_err(told)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(told(error)),
        _ => {}
    }
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
        let second = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
        create(&second.path(&to.name), b"another pair").unwrap();
        assert_eq!(second.seal_to("access", "2026-11").unwrap(), to, "the first pair stays");
        assert_eq!(fs::read_dir(folder.path().join("vault")).unwrap().count(), 2, "nothing temporary stays");
        let stranger = MasterKey::create(&folder.path().join("other.key")).unwrap();
        let others = MonthKeys::new(&folder.path().join("vault"), &stranger).unwrap();
        assert!(others.private(&to.name).is_err(), "another master key opens nothing");
        for (family, month) in [("../x", "2026-11"), ("access", "2026/11"), ("", "2026-11"), ("access", "")] {
            assert!(keys.seal_to(family, month).is_err());
        }
    }
}
