//! The master key: 32 random bytes in a file that only its owner reads.

use crate::{Holder, Keys, VaultError, random};
use aws_lc_rs::hkdf;
use data_encoding::BASE64;
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};
use types::Secret;

/// The key that all others derive from (HKDF-SHA-256, the purpose as info).
pub struct MasterKey(Secret<[u8; 32]>);

impl MasterKey {
    /// Draws a new key and writes it to `path`, which must not exist, with mode 0600.
    pub fn create(path: &Path) -> Result<Self, VaultError> {
        let key: [u8; 32] = random()?;
        let told = |error: std::io::Error| VaultError::KeyFile(format!("{}: {error}", path.display()));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(told)?;
        file.write_all(format!("{}\n", BASE64.encode(&key)).as_bytes()).and_then(|()| file.sync_all()).map_err(told)?;
        Ok(Self(Secret::new(key)))
    }

    /// Reads the key. A file that others may read is refused: what others could have read is no secret.
    pub fn load(path: &Path) -> Result<Self, VaultError> {
        let told = |what: String| VaultError::KeyFile(format!("{}: {what}", path.display()));
        let metadata = fs::metadata(path).map_err(|error| told(error.to_string()))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(told(format!("readable by others (mode {mode:04o}); run chmod 600 on it")));
        }
        let text = fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        let bytes = BASE64.decode(text.trim().as_bytes()).map_err(|_| told("not a key (base64 of 32 bytes)".into()))?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| told("not a key (base64 of 32 bytes)".into()))?;
        if key == [0; 32] {
            return Err(told("a key of zeros is a default secret; make a real one with `poterne init`".into()));
        }
        Ok(Self(Secret::new(key)))
    }

    /// The keys of one holder, and no others.
    pub fn keys_for(&self, holder: Holder) -> Keys {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"poterne master key 1");
        Keys::new(holder, &salt.extract(self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(MasterKey::create(&path).is_err());
        assert!(MasterKey::load(&path).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(MasterKey::load(&path).err().unwrap().to_string().contains("chmod 600"));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        assert!(MasterKey::load(&path).is_err(), "absent");
        for text in ["", "AAAA", "not base64 !", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(MasterKey::load(&path).is_err(), "{text}");
        }
    }
}
