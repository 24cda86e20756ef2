//! The end of a month's pair: the private key is overwritten and unlinked, a tombstone stays.
//!
//! The tombstone, `<family>-<yyyy-mm>.destroyed`, holds the public key. It is made first and never goes: from then on
//! nothing seals to that month, its private key is refused even where a backup brings the file back, and a reader says
//! "destroyed at its term" instead of "missing". What a disk or a backup keeps of the file is wrapped for its reader by
//! the master key: backups of `vault/` have to go with the months that went.

use crate::{
    MonthKeys, VaultError, hpke,
    month_keys::{checked, create},
};
use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

const ENDING: &str = "destroyed";

impl MonthKeys {
    /// Destroys the private key `<family>-<yyyy-mm>`; says whether there was one still. Done again, it does what is left
    /// to do, so that a crash on the way, or a file that came back, is mended by asking again. Pairs that stand have no
    /// month, and no term.
    pub fn destroy(&self, name: &str) -> Result<bool, VaultError> {
        let (family, month) = name.split_once('-').ok_or(VaultError::DoesNotOpen)?;
        let name = checked(family, month)?;
        let path = self.path(&name);
        let told = |error: std::io::Error| VaultError::KeyFile(format!("{}: {error}", path.display()));
        if !self.tombstone(&name).exists() {
            // A month to which nothing was ever sealed here is closed with a public key of nobody's.
            let public = self.read(&name).map_or([0; hpke::PUBLIC], |(public, _)| public);
            create(&self.tombstone(&name), &public)?;
        }
        let length = match fs::metadata(&path) {
            Ok(held) => held.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(told(error)),
        };
        let zeros = vec![0; usize::try_from(length.min(65_536)).unwrap_or_default()];
        let mut file = fs::OpenOptions::new().write(true).open(&path).map_err(told)?;
        file.write_all(&zeros).and_then(|()| file.sync_all()).map_err(told)?;
        fs::remove_file(&path).map_err(told)?;
        fs::File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(told)?;
        Ok(true)
    }

    /// Whether that month's key was destroyed.
    pub fn is_destroyed(&self, name: &str) -> bool {
        self.not_destroyed(name).is_err()
    }

    /// The months' pairs that are there, in order of name, with those whose private key was destroyed; pairs that stand are
    /// left out.
    pub fn list(&self) -> Result<Vec<KeptPair>, VaultError> {
        KeptPair::in_folder(&self.folder)
    }

    pub(crate) fn not_destroyed(&self, name: &str) -> Result<(), VaultError> {
        // What cannot be looked at is taken for destroyed: better nothing sealed than sealed to a key that goes.
        match fs::symlink_metadata(self.tombstone(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            _ => Err(VaultError::Destroyed(name.to_owned())),
        }
    }

    fn tombstone(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ENDING}"))
    }
}

impl KeptPair {
    /// [`MonthKeys::list`] of a folder, for whoever has no key.
    pub fn in_folder(folder: &Path) -> Result<Vec<Self>, VaultError> {
        let told = |error: std::io::Error| VaultError::KeyFile(format!("{}: {error}", folder.display()));
        let mut found = std::collections::BTreeMap::new();
        for file in fs::read_dir(folder).map_err(told)? {
            let file = file.map_err(told)?.file_name();
            let Some((name, ending)) = file.to_str().and_then(|name| name.split_once('.')) else { continue };
            let dated = name.split_once('-').is_some_and(|(family, month)| checked(family, month).is_ok());
            if dated && (ending == "pair" || ending == ENDING) {
                let pair = found.entry(name.to_owned()).or_insert((false, false));
                if ending == ENDING { pair.0 = true } else { pair.1 = true }
            }
        }
        let kept = |(name, (destroyed, present))| KeptPair { name, destroyed, present };
        Ok(found.into_iter().map(kept).collect())
    }
}

/// A month's pair, as the folder has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPair {
    /// `<family>-<yyyy-mm>`.
    pub name: String,
    /// Whether its private key was destroyed.
    pub destroyed: bool,
    /// Whether its file is there. Destroyed and there again, it came back from somewhere.
    pub present: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{MasterKey, hpke};

    #[test]
    fn a_destroyed_key_opens_nothing_seals_nothing_and_stays_so_when_its_file_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let keys = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
        let (to, other) = (keys.seal_to("access", "2026-11").unwrap(), keys.seal_to("access", "2026-12").unwrap());
        let sealed = hpke::seal(&other.public, b"i", b"a", b"v").unwrap();
        let backup = fs::read(keys.path(&to.name)).unwrap();
        // A second name for the same bytes on the disk: they are overwritten, not only unlinked.
        let same = folder.path().join("same");
        fs::hard_link(keys.path(&to.name), &same).unwrap();
        assert!(keys.destroy(&to.name).unwrap());
        assert_eq!(fs::read(&same).unwrap(), vec![0; backup.len()]);
        assert!(!keys.path(&to.name).exists() && keys.is_destroyed(&to.name) && !keys.is_destroyed(&other.name));
        for refused in [keys.private(&to.name).err(), keys.seal_to("access", "2026-11").err()] {
            assert!(matches!(refused, Some(VaultError::Destroyed(_))), "{refused:?}");
        }
        assert_eq!(fs::read(keys.tombstone(&to.name)).unwrap(), to.public, "the public key stays");
        assert!(!keys.destroy(&to.name).unwrap(), "nothing is left to destroy");

        fs::write(keys.path(&to.name), &backup).unwrap();
        assert!(matches!(keys.private(&to.name), Err(VaultError::Destroyed(_))), "a backup opens nothing");
        let states = keys.list().unwrap();
        assert_eq!(states.first(), Some(&KeptPair { name: to.name.clone(), destroyed: true, present: true }));
        assert!(keys.destroy(&to.name).unwrap() && !keys.path(&to.name).exists());

        let private = keys.private(&other.name).unwrap();
        assert_eq!(hpke::open(&private, b"i", b"a", &sealed).unwrap().as_slice(), b"v", "other months stay");
    }

    #[test]
    fn what_stands_has_no_term_and_a_month_never_used_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let keys = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
        keys.standing("access").unwrap();
        for name in ["access", "../x-2026-11", "access-2026/11", ""] {
            assert!(keys.destroy(name).is_err(), "{name}");
        }
        assert!(!keys.destroy("access-2020-01").unwrap());
        assert!(keys.seal_to("access", "2020-01").is_err());
        assert_eq!(keys.list().unwrap().len(), 1, "what stands is not among the months");
    }
}
