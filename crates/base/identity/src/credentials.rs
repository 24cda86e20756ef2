//! Passwords and one-time codes: made and checked, never kept here.

use crate::password::{CHARS_LEAST, OutOfBounds, PASSWORD_BYTES_MAX, bounded};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc};
use aws_lc_rs::constant_time;
use data_encoding::BASE64_NOPAD;
use types::{Secret, Time};

/// Argon2id cost: 19 MiB, 2 passes, 1 lane: the least that OWASP and RFC 9106's second choice agree on; a sign-in costs
/// tens of milliseconds, and the number of simultaneous ones is bounded by the caller.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;
/// What is asked of the allocator for a hashing: more than it needs, and more than any that the C library's allocator
/// would keep for later (32 MiB), so that the memory goes back to the system after each. What lies beyond the need is
/// never touched: it costs addresses, no memory.
const RESERVED_BLOCKS: usize = 33 * 1024;

/// A password that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Shorter than anybody's may be.
    #[error("the password is too short ({0} characters at least)")]
    TooShort(usize),
    /// Longer than we hash.
    #[error("the password is too long (1024 bytes at most)")]
    TooLong,
    /// The library refused.
    #[error("the password could not be hashed")]
    Refused,
}

/// An Argon2id hash in PHC form.
pub struct PasswordHash(Secret<String>);

impl PasswordHash {
    /// Takes a hash read from its sealed record.
    pub fn from_phc(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The PHC text, to be sealed.
    pub fn phc(&self) -> &str {
        self.0.expose()
    }
}

/// Hashes a new password with a salt that the caller drew at random. What its owner's population must choose is judged
/// before ([`crate::check_password`]); here only the bounds that hold for everybody are kept.
pub fn hash_password(password: &Secret<String>, salt: &[u8; 16]) -> Result<PasswordHash, BadPassword> {
    let text = password.expose();
    bounded(text, CHARS_LEAST).map_err(|out| match out {
        OutOfBounds::Short => BadPassword::TooShort(CHARS_LEAST.into()),
        OutOfBounds::Long => BadPassword::TooLong,
    })?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES)).map_err(|_| BadPassword::Refused)?;
    let mut out = [0; OUTPUT_BYTES];
    derive(text.as_bytes(), salt, params, &mut out).ok_or(BadPassword::Refused)?;
    let (salt, out) = (BASE64_NOPAD.encode(salt), BASE64_NOPAD.encode(&out));
    Ok(PasswordHash::from_phc(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${out}")))
}

/// Argon2id (RFC 9106) with these parameters.
fn derive(password: &[u8], salt: &[u8], params: Params, out: &mut [u8]) -> Option<()> {
    let needed = params.block_count();
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(needed.max(RESERVED_BLOCKS)).ok()?;
    memory.resize(needed, Block::new());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into_with_memory(password, salt, out, memory.as_mut_slice()).ok()
}

/// Whether these bytes are the password of this PHC text. Never, for a text of another algorithm or one that cannot be read.
fn verified(password: &[u8], text: &str) -> bool {
    let Ok(kept) = phc::PasswordHash::new(text) else { return false };
    let Ok(params) = Params::try_from(&kept) else { return false };
    let (Some(salt), Some(hash)) = (kept.salt.as_ref(), kept.hash.as_ref()) else { return false };
    if kept.algorithm.as_str() != "argon2id" || kept.version != Some(Version::V0x13.into()) {
        return false;
    }
    let mut out = vec![0; hash.as_bytes().len()];
    derive(password, salt.as_ref(), params, &mut out).is_some()
        && constant_time::verify_slices_are_equal(&out, hash.as_bytes()).is_ok()
}

/// True when the password matches. Without a hash (unknown login) the same work is done and the answer is no.
pub(crate) fn password_matches(given: &Secret<String>, hash: Option<&PasswordHash>) -> bool {
    // A hash of nobody's password, at the same cost.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let text = hash.map_or(NOBODY, PasswordHash::phc);
    let bytes = given.expose().as_bytes();
    let bytes = bytes.get(..PASSWORD_BYTES_MAX).unwrap_or(bytes);
    let matched = verified(bytes, text);
    matched && hash.is_some() && given.expose().len() <= PASSWORD_BYTES_MAX
}

/// A TOTP secret (RFC 6238: SHA-1, 6 digits, 30 s, as authenticator applications expect).
pub struct TotpSecret(Secret<[u8; 20]>);

impl TotpSecret {
    /// Takes 20 random bytes, new or read from their sealed record.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The bytes, to be sealed or shown once at enrolment.
    pub fn bytes(&self) -> &[u8; 20] {
        self.0.expose()
    }
}

/// What an account signs in with.
pub struct Credentials {
    /// The password's hash.
    pub password: PasswordHash,
    /// The second factor.
    pub totp: TotpSecret,
    /// The last 30-second step a code was accepted for: a code serves once.
    pub last_step: u64,
}

/// Whether a code is the secret's at this moment, before there is an account to remember its use: at enrolment.
pub fn code_fits(secret: &TotpSecret, code: &str, now: Time) -> bool {
    new_code_step(secret, code, now).is_some()
}

/// The 30-second step of a code of a secret that no code was used of yet.
pub fn new_code_step(secret: &TotpSecret, code: &str, now: Time) -> Option<u64> {
    let held = Credentials {
        password: PasswordHash::from_phc(String::new()),
        totp: TotpSecret::from_bytes(*secret.bytes()),
        last_step: 0,
    };
    code_step(code, &held, u64::try_from(now.seconds()).unwrap_or(0))
}

/// Whether somebody who is signed in gives his own password again. Costs what a sign-in does: call it where that is called.
pub fn is_own_password(given: &Secret<String>, held: &Credentials) -> bool {
    password_matches(given, Some(&held.password))
}

/// The step matched by `code`, if it is later than the last one used. One step of clock drift is accepted each way.
pub(crate) fn code_step(code: &str, credentials: &Credentials, unix_seconds: u64) -> Option<u64> {
    let secret = *credentials.totp.bytes();
    let totp = totp_rs::Builder::new().with_secret(secret).with_skew(1).build().ok()?;
    let step = totp.check(code, unix_seconds)?;
    (step > credentials.last_step).then_some(step)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn passwords_match_only_themselves() {
        let hash = hash_password(&secret("porte-dérobée 42"), &[7; 16]).unwrap();
        assert!(hash.phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(password_matches(&secret("porte-dérobée 42"), Some(&hash)));
        assert!(!password_matches(&secret("porte-dérobée 43"), Some(&hash)));
        assert!(!password_matches(&secret(""), Some(&hash)));
        assert!(!password_matches(&secret(&"x".repeat(5000)), Some(&hash)));
        assert!(!password_matches(&secret("porte-dérobée 42"), None));
    }

    #[test]
    fn what_others_hashed_is_read_and_what_is_hashed_is_standard() {
        // Made by the reference implementation: argon2id, password "password", salt "somesalt".
        let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verified(b"password", reference));
        assert!(!verified(b"passwore", reference));
        for bad in [
            reference.replace("argon2id", "argon2i"),
            reference.replace("v=19", "v=16"),
            reference.replace("$v=19", ""),
            reference.replace("m=65536", "m=65537"),
            reference.replace("t=2", "t=0"),
            reference.replace("GRPPc", "GRPPd"),
            reference.split('$').take(5).collect::<Vec<_>>().join("$"),
            String::new(),
        ] {
            assert!(!verified(b"password", &bad), "{bad}");
        }
        // The library's own hasher agrees with ours.
        use argon2::password_hash::PasswordHasher as _;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap();
        let theirs = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt("porte-dérobée 42".as_bytes(), &[7; 16])
            .unwrap();
        let ours = hash_password(&secret("porte-dérobée 42"), &[7; 16]).unwrap();
        assert_eq!(ours.phc(), theirs.to_string());
    }

    #[test]
    fn bad_passwords_are_refused() {
        assert_eq!(hash_password(&secret("court"), &[0; 16]).err(), Some(BadPassword::TooShort(12)));
        assert_eq!(hash_password(&secret(&"x".repeat(1025)), &[0; 16]).err(), Some(BadPassword::TooLong));
    }

    #[test]
    fn a_code_serves_once() {
        // RFC 6238 appendix B, truncated to six digits.
        let mut held = Credentials {
            password: PasswordHash::from_phc(String::new()),
            totp: TotpSecret::from_bytes(*b"12345678901234567890"),
            last_step: 0,
        };
        let step = code_step("287082", &held, 59);
        assert_eq!(step, Some(1));
        assert_eq!(code_step("287082", &held, 59 + 30), Some(1), "one step of drift");
        assert_eq!(code_step("287082", &held, 59 + 90), None, "too late");
        held.last_step = 1;
        assert_eq!(code_step("287082", &held, 59), None, "replayed");
        for bad in ["", "28708", "2870822", "abcdef", "²87082"] {
            assert_eq!(code_step(bad, &held, 59), None, "{bad}");
        }
    }
}
