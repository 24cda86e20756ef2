//! Keys that are in their own handles, and what they sign.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{SystemRandom, fill},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};

/// How OpenSSH numbers its algorithms.
const ECDSA: u32 = 0;
const ED25519: u32 = 1;
/// It counts nothing: each signature is its seventh.
pub(crate) const COUNTER: u32 = 7;

/// Of a new key.
pub(crate) struct Enrolled {
    pub(crate) public: Vec<u8>,
    pub(crate) handle: Vec<u8>,
}

/// Draws a key; nothing for an algorithm that it does not know.
pub(crate) fn enroll(algorithm: u32) -> Option<Enrolled> {
    let (public, handle) = match algorithm {
        ED25519 => {
            let mut seed = [0; 32];
            fill(&mut seed).ok()?;
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
            (pair.public_key().as_ref().to_vec(), seed.to_vec())
        }
        ECDSA => {
            let drawn = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).ok()?;
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, drawn.as_ref()).ok()?;
            (pair.public_key().as_ref().to_vec(), drawn.as_ref().to_vec())
        }
        _ => return None,
    };
    Some(Enrolled { public, handle })
}

/// Signs a message for an application, with what is said of the holder between their digests.
pub(crate) fn sign(
    algorithm: u32,
    handle: &[u8],
    (application, message): (&[u8], &[u8]),
    flags: u8,
) -> Option<Vec<u8>> {
    let (application, message) = (digest(&SHA256, application), digest(&SHA256, message));
    let signed = [application.as_ref(), &[flags], &COUNTER.to_be_bytes(), message.as_ref()].concat();
    match algorithm {
        ED25519 => Some(Ed25519KeyPair::from_seed_unchecked(handle).ok()?.sign(&signed).as_ref().to_vec()),
        ECDSA => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, handle).ok()?;
            Some(pair.sign(&SystemRandom::new(), &signed).ok()?.as_ref().to_vec())
        }
        _ => None,
    }
}
