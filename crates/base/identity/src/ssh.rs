//! Keys for SSH and the second factor beside them. The relay's protocol proves that the caller holds the key; this says
//! whose it is, and for how long a code given once serves.

use crate::{Assurance, Authenticated, Credentials, SignInRefused, authenticated::Person, credentials::code_step};
use aws_lc_rs::{constant_time, digest};
use data_encoding::{BASE64, BASE64_NOPAD};
use std::time::Duration;
use types::{AccountId, ClientAddress, Door, EstablishmentId, Role, SessionId, Time};

/// A key's line: 16,384-bit RSA fits.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// RGS B1 for new keys.
const RSA_BITS_MIN: usize = 3072;
const RSA_BITS_MAX: usize = 16_384;
/// Keys that a security key holds (OpenSSH's PROTOCOL.u2f). They are keys like any other: what their signatures say of a touch
/// is not shown to us, and never counts.
const SK_ED25519: &str = "sk-ssh-ed25519@openssh.com";
const SK_ECDSA: &str = "sk-ecdsa-sha2-nistp256@openssh.com";
/// What the security key was told the key is for: `ssh:`, and a name that its holder adds.
const APPLICATION_BYTES_MAX: usize = 128;
/// A code serves this long unused.
const SECOND_FACTOR_IDLE: Duration = Duration::from_secs(600);
/// And in any case no longer than this: a day's work.
const SECOND_FACTOR_LONGEST: Duration = Duration::from_secs(12 * 3600);

/// What cannot be taken as a key for SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSshKey {
    /// A private key was given. It should be considered as known to others.
    #[error("this is a private key: keep it to yourself, and give the line of the .pub file")]
    Private,
    /// Not `algorithm base64 comment`.
    #[error("not a public key as ssh-keygen writes it (one line: algorithm, key, comment)")]
    Malformed,
    /// An algorithm that is not taken.
    #[error(
        "keys of this kind are not taken (ssh-ed25519, ecdsa-sha2-nistp256 or -nistp384, ssh-rsa, sk-…@openssh.com)"
    )]
    Algorithm,
    /// An RSA key too short, or absurdly long.
    #[error("an RSA key must have {RSA_BITS_MIN} bits or more, and no more than {RSA_BITS_MAX}")]
    RsaSize,
}

/// A public key for SSH, in its wire form (RFC 4253, section 6.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshPublicKey {
    algorithm: &'static str,
    blob: Vec<u8>,
}

impl SshPublicKey {
    /// Reads a line of a `.pub` file; gives its comment besides.
    pub fn from_line(line: &str) -> Result<(Self, String), BadSshKey> {
        if line.contains("PRIVATE KEY") {
            return Err(BadSshKey::Private);
        }
        let line = line.trim();
        if line.len() > LINE_BYTES_MAX || line.contains(['\n', '\r', '\0']) {
            return Err(BadSshKey::Malformed);
        }
        let mut words = line.split_ascii_whitespace();
        let (algorithm, key) = (words.next().unwrap_or(""), words.next().ok_or(BadSshKey::Malformed)?);
        let blob = BASE64.decode(key.as_bytes()).map_err(|_| BadSshKey::Malformed)?;
        let key = Self::from_blob(&blob)?;
        if key.algorithm != algorithm {
            return Err(BadSshKey::Malformed);
        }
        Ok((key, words.collect::<Vec<_>>().join(" ")))
    }

    /// Reads the wire form.
    pub fn from_blob(blob: &[u8]) -> Result<Self, BadSshKey> {
        if blob.len() > LINE_BYTES_MAX {
            return Err(BadSshKey::Malformed);
        }
        let mut rest = Fields(blob);
        let name = rest.next()?;
        let algorithm = match name {
            b"ssh-ed25519" => {
                rest.exactly(|key| key.len() == 32)?;
                "ssh-ed25519"
            }
            b"ecdsa-sha2-nistp256" => {
                rest.exactly(|curve| curve == b"nistp256")?;
                rest.exactly(|point| point.len() == 65 && point.first() == Some(&4))?;
                "ecdsa-sha2-nistp256"
            }
            b"ecdsa-sha2-nistp384" => {
                rest.exactly(|curve| curve == b"nistp384")?;
                rest.exactly(|point| point.len() == 97 && point.first() == Some(&4))?;
                "ecdsa-sha2-nistp384"
            }
            b"ssh-rsa" => {
                let exponent = positive(rest.next()?)?;
                if exponent.len() > 4 || exponent.last().is_none_or(|last| last % 2 == 0) || exponent == [1] {
                    return Err(BadSshKey::Malformed);
                }
                let modulus = positive(rest.next()?)?;
                let leading = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
                let bits = (modulus.len() * 8).saturating_sub(leading);
                if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
                    return Err(BadSshKey::RsaSize);
                }
                "ssh-rsa"
            }
            b"sk-ssh-ed25519@openssh.com" => {
                rest.exactly(|key| key.len() == 32)?;
                rest.exactly(is_application)?;
                SK_ED25519
            }
            b"sk-ecdsa-sha2-nistp256@openssh.com" => {
                rest.exactly(|curve| curve == b"nistp256")?;
                rest.exactly(|point| point.len() == 65 && point.first() == Some(&4))?;
                rest.exactly(is_application)?;
                SK_ECDSA
            }
            _ => return Err(BadSshKey::Algorithm),
        };
        if !rest.0.is_empty() {
            return Err(BadSshKey::Malformed);
        }
        Ok(Self { algorithm, blob: blob.to_vec() })
    }

    /// Its kind: `ssh-ed25519`.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The wire form.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// As `ssh-keygen -l` shows it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.blob);
        format!("SHA256:{}", BASE64_NOPAD.encode(digest.as_ref()))
    }

    /// The line of a `.pub` file, without comment.
    pub fn to_line(&self) -> String {
        format!("{} {}", self.algorithm, BASE64.encode(&self.blob))
    }
}

/// The fields of a wire form: each a length in four bytes, then its bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<&'a [u8], BadSshKey> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(BadSshKey::Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BadSshKey::Malformed)?;
        let (field, rest) = rest.split_at_checked(length).ok_or(BadSshKey::Malformed)?;
        self.0 = rest;
        Ok(field)
    }

    fn exactly(&mut self, right: impl Fn(&[u8]) -> bool) -> Result<(), BadSshKey> {
        right(self.next()?).then_some(()).ok_or(BadSshKey::Malformed)
    }
}

fn is_application(name: &[u8]) -> bool {
    name.starts_with(b"ssh:")
        && name.len() <= APPLICATION_BYTES_MAX
        && name.iter().all(|byte| (0x21..0x7f).contains(byte))
}

/// A positive number as RFC 4251 writes it, without its sign byte; other ways to write it are refused.
fn positive(number: &[u8]) -> Result<&[u8], BadSshKey> {
    match number {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Ok(rest),
        [first, ..] if (1..0x80).contains(first) => Ok(number),
        _ => Err(BadSshKey::Malformed),
    }
}

/// A key that an account has enrolled, as read from its sealed record.
pub struct EnrolledKey<'a> {
    /// Whose.
    pub account: AccountId,
    /// Where the account is held.
    pub establishment: EstablishmentId,
    /// In what role.
    pub role: Role,
    /// The key's wire form.
    pub blob: &'a [u8],
}

/// Whose key is offered, on this connection. By itself it proves nothing: the protocol must still show that the caller
/// holds the key, and a code must be given.
#[derive(Debug)]
pub struct SshRecognized {
    account: AccountId,
    establishment: EstablishmentId,
    role: Role,
    fingerprint: String,
    address: ClientAddress,
    connection: SessionId,
}

/// Says whose key is offered from `address`. `connection` is an identifier that the caller drew at random for it.
pub fn recognize(
    offered: &SshPublicKey,
    enrolled: &EnrolledKey<'_>,
    address: ClientAddress,
    connection: SessionId,
) -> Option<SshRecognized> {
    constant_time::verify_slices_are_equal(offered.blob(), enrolled.blob).ok()?;
    Some(SshRecognized {
        account: enrolled.account,
        establishment: enrolled.establishment,
        role: enrolled.role,
        fingerprint: offered.fingerprint(),
        address,
        connection,
    })
}

impl SshRecognized {
    /// Whose.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Where the account is held.
    pub fn establishment(&self) -> EstablishmentId {
        self.establishment
    }

    /// The key's.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where from.
    pub fn address(&self) -> ClientAddress {
        self.address
    }

    /// The connection's.
    pub fn connection(&self) -> SessionId {
        self.connection
    }

    /// Takes an approval, which must be of this very connection and key, given where the connection comes from, by a session
    /// that took two factors itself: with the key it gives no more than that session had. It must be spent before anything
    /// is opened.
    pub fn approved(&self, approval: &SshApproval, now: Time) -> Result<SecondFactor, SignInRefused> {
        let same = approval.account == self.account
            && approval.connection == self.connection
            && approval.fingerprint == self.fingerprint;
        let here = approval.asked_from == self.address && approval.given_from == self.address;
        if !same || !here || approval.assurance.rank() < Assurance::TwoFactors.rank() || now >= approval.ends {
            return Err(SignInRefused);
        }
        Ok(self.factor(approval.assurance, now))
    }

    fn factor(&self, assurance: Assurance, now: Time) -> SecondFactor {
        SecondFactor {
            account: self.account,
            fingerprint: self.fingerprint.clone(),
            address: self.address,
            assurance,
            given: now,
            until: now + SECOND_FACTOR_IDLE,
        }
    }

    /// Takes the code. The step that it matched must be kept before anything is opened, so that it serves once.
    pub fn code(
        &self,
        given: &str,
        credentials: Option<&Credentials>,
        now: Time,
    ) -> Result<(u64, SecondFactor), SignInRefused> {
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        let step = credentials.and_then(|held| code_step(given, held, seconds)).ok_or(SignInRefused)?;
        Ok((step, self.factor(Assurance::TwoFactors, now)))
    }
}

/// What somebody approved in his browser: a sign-in by SSH, as read from the sealed records of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshApproval {
    /// Whose account, at both ends.
    pub account: AccountId,
    /// The connection that asked.
    pub connection: SessionId,
    /// The key that it had shown.
    pub fingerprint: String,
    /// Where it asked from.
    pub asked_from: ClientAddress,
    /// Where the browser was.
    pub given_from: ClientAddress,
    /// How firmly the browser's session knew its holder.
    pub assurance: Assurance,
    /// Until when it is good.
    pub ends: Time,
}

/// A code was given with this key, from this address, a short while ago; or an approval in the browser.
#[derive(Debug)]
pub struct SecondFactor {
    account: AccountId,
    fingerprint: String,
    address: ClientAddress,
    /// With the key: that of two factors, or of the passkey by which whoever approved had come in.
    assurance: Assurance,
    given: Time,
    until: Time,
}

impl SecondFactor {
    /// Whether it still serves.
    pub fn serves(&self, now: Time) -> bool {
        now >= self.given && now < self.until
    }

    /// The same, used at `now`: it serves ten minutes more, and never past half a day.
    pub fn renewed(&self, now: Time) -> Option<SecondFactor> {
        let until = (now + SECOND_FACTOR_IDLE).min(self.given + SECOND_FACTOR_LONGEST).max(self.until);
        self.serves(now).then(|| SecondFactor {
            account: self.account,
            fingerprint: self.fingerprint.clone(),
            address: self.address,
            assurance: self.assurance,
            given: self.given,
            until,
        })
    }

    /// The proof, for what is about to be done on this connection: same account, same key, same address, in time.
    pub fn authenticated(&self, who: &SshRecognized, now: Time) -> Option<Authenticated> {
        let same = self.account == who.account && self.fingerprint == who.fingerprint && self.address == who.address;
        if !same || !self.serves(now) {
            return None;
        }
        let person = Person {
            account: who.account,
            establishment: who.establishment,
            role: who.role,
            door: Door::Relays,
            session: who.connection,
            address: who.address,
            assurance: self.assurance,
            since: None,
            session_ends: self.until,
        };
        Some(Authenticated::person(person, now))
    }
}

#[cfg(test)]
mod tests;
