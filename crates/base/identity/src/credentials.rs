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
const SALT_BYTES: usize = 16;
/// What a hashing costs: kibibytes filled, over all passes.
const WORK: u64 = MEMORY_KIB as u64 * PASSES as u64;
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

    /// Whether it is Argon2id's, under parameters as strong as those of today or stronger.
    pub fn is_as_asked(&self) -> bool {
        read(self.phc()).is_some() && !self.is_outdated()
    }

    /// Whether it was made under weaker parameters than those of today: less memory, less work, a shorter salt or hash.
    /// One that cannot be read is not: nothing opens with it.
    pub fn is_outdated(&self) -> bool {
        let Some((kept, params)) = read(self.phc()) else { return false };
        let short = |bytes: Option<usize>, least: usize| bytes.is_none_or(|bytes| bytes < least);
        params.m_cost() < MEMORY_KIB
            || work(&params) < WORK
            || short(kept.salt.as_ref().map(|salt| salt.as_ref().len()), SALT_BYTES)
            || short(kept.hash.as_ref().map(|hash| hash.as_bytes().len()), OUTPUT_BYTES)
    }
}

/// Hashes a new password with a salt that the caller drew at random. What its owner's population must choose is judged
/// before ([`crate::check_password`]); here only the bounds that hold for everybody are kept.
pub fn hash_password(password: &Secret<String>, salt: &[u8; SALT_BYTES]) -> Result<PasswordHash, BadPassword> {
    bounded(password.expose(), CHARS_LEAST).map_err(|out| match out {
        OutOfBounds::Short => BadPassword::TooShort(CHARS_LEAST.into()),
        OutOfBounds::Long => BadPassword::TooLong,
    })?;
    hash_again(password, salt)
}

/// Hashes a password that was just found right with the parameters of today. It was judged when it was chosen.
pub fn hash_again(password: &Secret<String>, salt: &[u8; SALT_BYTES]) -> Result<PasswordHash, BadPassword> {
    let text = password.expose();
    if text.is_empty() {
        return Err(BadPassword::Refused);
    }
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

/// A PHC text with its parameters. Nothing, for a text of another algorithm or one that cannot be read.
fn read(text: &str) -> Option<(phc::PasswordHash, Params)> {
    let kept = phc::PasswordHash::new(text).ok()?;
    let params = Params::try_from(&kept).ok()?;
    let is_ours = kept.algorithm.as_str() == "argon2id" && kept.version == Some(Version::V0x13.into());
    is_ours.then_some((kept, params))
}

fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// What is left to do after a hashing with these parameters, for it to have cost what one of today does.
fn rest(params: &Params) -> Option<Params> {
    let missing = WORK.checked_sub(work(params)).filter(|missing| *missing > 0)?;
    let passes = missing.div_ceil(u64::from(MEMORY_KIB));
    let memory = u32::try_from(missing / passes).ok()?.max(Params::MIN_M_COST);
    Params::new(memory, u32::try_from(passes).ok()?, LANES, Some(OUTPUT_BYTES)).ok()
}

/// Whether these bytes are the password of this PHC text. Under weaker parameters than today's the rest of today's work is
/// done for nothing: by its time nobody tells such an account from one that is not there.
fn verified(password: &[u8], text: &str) -> bool {
    let Some((kept, params)) = read(text) else { return false };
    let (Some(salt), Some(hash)) = (kept.salt.as_ref(), kept.hash.as_ref()) else { return false };
    if let Some(rest) = rest(&params) {
        derive(password, &[0; SALT_BYTES], rest, &mut [0; OUTPUT_BYTES]);
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
    fn what_was_made_under_weaker_parameters_is_known_and_costs_as_much() {
        let of = |m: u32, t: u32, salt: &[u8], bytes: usize| {
            let mut out = vec![0; bytes];
            derive(b"une porte", salt, Params::new(m, t, 1, Some(bytes)).unwrap(), &mut out).unwrap();
            let (salt, out) = (BASE64_NOPAD.encode(salt), BASE64_NOPAD.encode(&out));
            format!("$argon2id$v=19$m={m},t={t},p=1${salt}${out}")
        };
        let salt = &[3; 16][..];
        for (text, is_outdated) in [
            (of(MEMORY_KIB, PASSES, salt, 32), false),
            (of(MEMORY_KIB * 2, 1, salt, 32), false),
            (of(MEMORY_KIB, PASSES + 1, salt, 32), false),
            (of(MEMORY_KIB - 1, PASSES, salt, 32), true),
            (of(MEMORY_KIB, PASSES - 1, salt, 32), true),
            // As much work, less memory.
            (of(12 * 1024, 4, salt, 32), true),
            (of(MEMORY_KIB, PASSES, &[3; 8], 32), true),
            (of(MEMORY_KIB, PASSES, salt, 16), true),
            ("rien qui se lise".to_owned(), false),
        ] {
            let kept = PasswordHash::from_phc(text.clone());
            assert_eq!(kept.is_outdated(), is_outdated, "{text}");
            let is_readable = text.starts_with('$');
            assert_eq!(kept.is_as_asked(), is_readable && !is_outdated, "{text}");
            assert_eq!(password_matches(&secret("une porte"), Some(&kept)), is_readable, "{text}");
            assert!(!password_matches(&secret("une autre"), Some(&kept)), "{text}");
        }
        for (m, t) in [(8, 1), (4096, 3), (12 * 1024, 3), (MEMORY_KIB, 1), (MEMORY_KIB - 1, 2), (9000, 2)] {
            let params = Params::new(m, t, 1, None).unwrap();
            let done = work(&params) + rest(&params).map_or(0, |rest| work(&rest));
            assert!(done.abs_diff(WORK) <= 16, "{m} {t}: {done} of {WORK}");
        }
        for (m, t) in [(MEMORY_KIB, PASSES), (MEMORY_KIB * 4, 1)] {
            assert!(rest(&Params::new(m, t, 1, None).unwrap()).is_none());
        }
        assert!(hash_again(&secret(""), &[7; 16]).is_err(), "nothing is no password");
        assert!(!hash_again(&secret("court"), &[7; 16]).unwrap().is_outdated(), "it was taken when it was chosen");
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
