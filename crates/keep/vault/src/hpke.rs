//! Sealing to somebody else's public key (RFC 9180: X25519, HKDF-SHA-256, AES-256-GCM): who seals cannot open.

use crate::VaultError;
use rustls::crypto::{
    aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256,
    hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey},
};
use zeroize::Zeroizing;

/// Bytes of a public key.
pub const PUBLIC: usize = 32;

/// A pair made by [`generate`].
pub struct KeyPair {
    /// To seal with.
    pub public: [u8; PUBLIC],
    /// To open with.
    pub private: Zeroizing<Vec<u8>>,
}

/// Draws a new pair.
pub fn generate() -> Result<KeyPair, VaultError> {
    let (public, private) =
        DH_KEM_X25519_HKDF_SHA256_AES_256.generate_key_pair().map_err(|_| VaultError::Library("HPKE key"))?;
    let public = public.0.try_into().map_err(|_| VaultError::Library("HPKE key"))?;
    Ok(KeyPair { public, private: Zeroizing::new(private.secret_bytes().to_vec()) })
}

/// Seals `value` to `public`; `info` names the use, `associated` the place. The first 32 bytes are the encapsulated secret.
pub fn seal(public: &[u8; PUBLIC], info: &[u8], associated: &[u8], value: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (secret, body) = DH_KEM_X25519_HKDF_SHA256_AES_256
        .seal(info, associated, value, &HpkePublicKey(public.to_vec()))
        .map_err(|_| VaultError::Library("HPKE seal"))?;
    let mut sealed = secret.0;
    sealed.extend(body);
    Ok(sealed)
}

/// Opens what [`seal`] made.
pub fn open(private: &[u8], info: &[u8], associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (secret, body) = sealed.split_at_checked(PUBLIC).ok_or(VaultError::DoesNotOpen)?;
    DH_KEM_X25519_HKDF_SHA256_AES_256
        .open(&EncapsulatedSecret(secret.to_vec()), info, associated, body, &HpkePrivateKey::from(private.to_vec()))
        .map(Zeroizing::new)
        .map_err(|_| VaultError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_private_key_opens() {
        let (pair, other) = (generate().unwrap(), generate().unwrap());
        let sealed = seal(&pair.public, b"journal", b"place", b"value").unwrap();
        assert_eq!(open(&pair.private, b"journal", b"place", &sealed).unwrap().as_slice(), b"value");
        assert!(open(&other.private, b"journal", b"place", &sealed).is_err());
        assert!(open(&pair.private, b"other", b"place", &sealed).is_err());
        assert!(open(&pair.private, b"journal", b"elsewhere", &sealed).is_err());
        assert!(open(&pair.private, b"journal", b"place", sealed.get(..20).unwrap()).is_err());
    }
}
