//! The door's own keys, by which technicians' clients recognize it.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use russh::keys::{
    PrivateKey,
    ssh_key::{HashAlg, LineEnding, private::Ed25519Keypair},
};
use types::Secret;

/// Why a host key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHostKey {
    /// Not a private key in OpenSSH's form without passphrase.
    #[error("not a private key in OpenSSH's form without passphrase")]
    Unreadable,
    /// Not of a kind that is offered.
    #[error("a host key must be of the kind ssh-ed25519")]
    Kind,
    /// No randomness to be had.
    #[error("no key can be drawn")]
    NoRandomness,
}

/// Draws a host key (`ssh-ed25519`), in OpenSSH's form, to be kept with mode 0600.
pub fn new_host_key() -> Result<Secret<String>, BadHostKey> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| BadHostKey::NoRandomness)?;
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let text = key.to_openssh(LineEnding::LF).map_err(|_| BadHostKey::Unreadable)?;
    Ok(Secret::new(text.as_str().to_owned()))
}

/// The public half of a host key, as `known_hosts` has it: `ssh-ed25519 AAAA…`.
pub fn host_key_line(key: &Secret<String>) -> Result<String, BadHostKey> {
    let line = read(key)?.public_key().to_openssh().map_err(|_| BadHostKey::Unreadable)?;
    Ok(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// Its fingerprint, as a client shows it the first time: `SHA256:…`.
pub fn host_key_fingerprint(key: &Secret<String>) -> Result<String, BadHostKey> {
    Ok(read(key)?.public_key().fingerprint(HashAlg::Sha256).to_string())
}

pub(crate) fn read(key: &Secret<String>) -> Result<PrivateKey, BadHostKey> {
    let key = PrivateKey::from_openssh(key.expose().as_str()).map_err(|_| BadHostKey::Unreadable)?;
    if key.is_encrypted() {
        return Err(BadHostKey::Unreadable);
    }
    // One kind, that every client of the last ten years knows: nothing weaker to be talked down to.
    if key.algorithm() == russh::keys::Algorithm::Ed25519 { Ok(key) } else { Err(BadHostKey::Kind) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_drawn_key_is_read_back() {
        let key = new_host_key().unwrap();
        let line = host_key_line(&key).unwrap();
        assert!(line.starts_with("ssh-ed25519 AAAA") && line.split(' ').count() == 2, "{line}");
        assert_ne!(host_key_line(&new_host_key().unwrap()).unwrap(), line);
        assert_eq!(host_key_line(&Secret::new("nothing".into())), Err(BadHostKey::Unreadable));
    }
}
