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
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{PasswordHash, TotpSecret};
    use proptest::prelude::*;

    const NOW: Time = Time::from_micros(59_000_000);
    /// Made by ssh-keygen for these tests; their private parts are gone.
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYK a technician";

    fn field(bytes: &[u8]) -> Vec<u8> {
        [u32::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), bytes].concat()
    }

    fn ed25519(fill: u8) -> Vec<u8> {
        [field(b"ssh-ed25519"), field(&[fill; 32])].concat()
    }

    fn rsa(bits: usize) -> Vec<u8> {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        let spare = modulus.len() * 8 - bits;
        modulus[0] >>= spare;
        if spare == 0 {
            modulus.insert(0, 0);
        }
        [field(b"ssh-rsa"), field(&[1, 0, 1]), field(&modulus)].concat()
    }

    fn line(blob: &[u8]) -> String {
        format!(
            "{} {} somebody@somewhere",
            String::from_utf8_lossy(Fields(blob).next().unwrap_or(b"?")),
            BASE64.encode(blob)
        )
    }

    #[test]
    fn keys_are_read_as_ssh_keygen_writes_them() {
        let (key, comment) = SshPublicKey::from_line(ED25519).unwrap();
        assert_eq!((key.algorithm(), comment.as_str()), ("ssh-ed25519", "a technician"));
        assert!(key.fingerprint().starts_with("SHA256:") && key.fingerprint().len() == 50);
        assert_eq!(SshPublicKey::from_line(&key.to_line()).unwrap().0, key);
        for point in [("nistp256", 65), ("nistp384", 97)] {
            let name = format!("ecdsa-sha2-{}", point.0);
            let blob = [field(name.as_bytes()), field(point.0.as_bytes()), field(&vec![4; point.1])].concat();
            assert_eq!(SshPublicKey::from_line(&line(&blob)).unwrap().0.algorithm(), name);
        }
        assert!(SshPublicKey::from_line(&line(&rsa(3072))).is_ok());
        assert!(SshPublicKey::from_line(&line(&rsa(4096))).is_ok());
    }

    #[test]
    fn what_is_not_a_good_key_is_refused() {
        let good = ed25519(7);
        let table: Vec<(String, BadSshKey)> = vec![
            (String::new(), BadSshKey::Malformed),
            ("ssh-ed25519".into(), BadSshKey::Malformed),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc".into(), BadSshKey::Private),
            (format!("command=\"sh\" {}", line(&good)), BadSshKey::Malformed),
            (format!("{}\n{}", line(&good), line(&good)), BadSshKey::Malformed),
            (line(&good).replace("ssh-ed25519", "ssh-rsa"), BadSshKey::Malformed),
            (line(&[good.as_slice(), &[0]].concat()), BadSshKey::Malformed),
            (line(&[field(b"ssh-ed25519"), field(&[7; 31])].concat()), BadSshKey::Malformed),
            (line(&[field(b"ssh-dss"), field(&[7; 32])].concat()), BadSshKey::Algorithm),
            (line(&field(b"sk-ssh-ed25519-cert-v01@openssh.com")), BadSshKey::Algorithm),
            (
                line(&[field(b"ecdsa-sha2-nistp256"), field(b"nistp384"), field(&[4; 65])].concat()),
                BadSshKey::Malformed,
            ),
            (
                line(&[field(b"ecdsa-sha2-nistp256"), field(b"nistp256"), field(&[2; 33])].concat()),
                BadSshKey::Malformed,
            ),
            (line(&rsa(3071)), BadSshKey::RsaSize),
            (line(&rsa(2048)), BadSshKey::RsaSize),
            (line(&rsa(16_385)), BadSshKey::RsaSize),
            (line(&[field(b"ssh-rsa"), field(&[2]), field(&[0x7f; 384])].concat()), BadSshKey::Malformed),
            (line(&[field(b"ssh-rsa"), field(&[1]), field(&[0x7f; 384])].concat()), BadSshKey::Malformed),
            (line(&[field(b"ssh-rsa"), field(&[0, 0, 3]), field(&[0x7f; 384])].concat()), BadSshKey::Malformed),
            (line(&[field(b"ssh-rsa"), field(&[3]), field(&[0xff; 384])].concat()), BadSshKey::Malformed),
            ("x".repeat(20_000), BadSshKey::Malformed),
        ];
        for (text, why) in table {
            assert_eq!(
                SshPublicKey::from_line(&text).err(),
                Some(why),
                "{}",
                text.chars().take(80).collect::<String>()
            );
        }
    }

    fn sk_ed25519(key: &[u8], application: &[u8]) -> Vec<u8> {
        [field(SK_ED25519.as_bytes()), field(key), field(application)].concat()
    }

    fn sk_ecdsa(curve: &[u8], point: &[u8], application: &[u8]) -> Vec<u8> {
        [field(SK_ECDSA.as_bytes()), field(curve), field(point), field(application)].concat()
    }

    #[test]
    fn keys_of_security_keys_are_read_whole_or_refused() {
        let longest = [b"ssh:".as_slice(), &[b'x'; APPLICATION_BYTES_MAX - 4]].concat();
        for application in [b"ssh:".as_slice(), b"ssh:clinique", &longest] {
            let blob = sk_ed25519(&[7; 32], application);
            assert_eq!(SshPublicKey::from_line(&line(&blob)).unwrap().0.algorithm(), SK_ED25519);
            let blob = sk_ecdsa(b"nistp256", &[4; 65], application);
            assert_eq!(SshPublicKey::from_line(&line(&blob)).unwrap().0.algorithm(), SK_ECDSA);
            for end in 0..blob.len() {
                assert!(SshPublicKey::from_blob(&blob[..end]).is_err(), "{end}");
            }
        }
        let too_long = [longest.as_slice(), b"x"].concat();
        let mut table: Vec<Vec<u8>> =
            [b"".as_slice(), b"ssh", b"web:", b"Ssh:", b"ssh: x", b"ssh:\n", b"ssh:\xc3\xa9", &too_long]
                .iter()
                .flat_map(|application| {
                    [sk_ed25519(&[7; 32], application), sk_ecdsa(b"nistp256", &[4; 65], application)]
                })
                .collect();
        table.extend([
            sk_ed25519(&[7; 31], b"ssh:"),
            sk_ed25519(&[7; 33], b"ssh:"),
            sk_ecdsa(b"nistp384", &[4; 97], b"ssh:"),
            sk_ecdsa(b"nistp256", &[2; 33], b"ssh:"),
            sk_ecdsa(b"nistp256", &[2; 65], b"ssh:"),
            [sk_ed25519(&[7; 32], b"ssh:"), vec![0]].concat(),
            [field(SK_ED25519.as_bytes()), field(&[7; 32])].concat(),
        ]);
        for blob in table {
            assert_eq!(SshPublicKey::from_blob(&blob).err(), Some(BadSshKey::Malformed), "{blob:02x?}");
        }
    }

    fn recognized(offered: u8, enrolled: u8, address: &str) -> Option<SshRecognized> {
        let blob = ed25519(enrolled);
        let enrolled = EnrolledKey {
            account: AccountId::from_bytes([1; 16]),
            establishment: EstablishmentId::from_bytes([2; 16]),
            role: Role::Technician,
            blob: &blob,
        };
        let offered = SshPublicKey::from_blob(&ed25519(offered)).unwrap();
        recognize(&offered, &enrolled, ClientAddress::new(address.parse().unwrap()), SessionId::from_bytes([3; 16]))
    }

    fn credentials(last_step: u64) -> Credentials {
        Credentials {
            password: PasswordHash::from_phc(String::new()),
            totp: TotpSecret::from_bytes(*b"12345678901234567890"),
            last_step,
        }
    }

    #[test]
    fn a_key_and_a_code_make_a_proof_for_this_address_and_a_while() {
        assert!(recognized(7, 8, "192.0.2.7").is_none(), "another key");
        let who = recognized(7, 7, "192.0.2.7").unwrap();
        assert!(who.code("000000", Some(&credentials(0)), NOW).is_err());
        assert!(who.code("287082", Some(&credentials(1)), NOW).is_err(), "used already");
        assert!(who.code("287082", None, NOW).is_err());
        let (step, factor) = who.code("287082", Some(&credentials(0)), NOW).unwrap();
        assert_eq!(step, 1);
        let proof = factor.authenticated(&who, NOW).unwrap();
        assert_eq!((proof.door(), proof.assurance()), (Some(Door::Relays), Assurance::TwoFactors));
        assert_eq!(proof.expires(), NOW + Duration::from_secs(60));
        let elsewhere = recognized(7, 7, "192.0.2.8").unwrap();
        assert!(factor.authenticated(&elsewhere, NOW).is_none(), "another address");
        let other_key = recognized(8, 8, "192.0.2.7").unwrap();
        assert!(factor.authenticated(&other_key, NOW).is_none(), "another key");
        assert!(factor.authenticated(&who, NOW + Duration::from_secs(599)).is_some());
        assert!(factor.authenticated(&who, NOW + Duration::from_secs(600)).is_none());
        assert!(factor.authenticated(&who, NOW - Duration::from_secs(1)).is_none(), "a clock set back");
    }

    #[test]
    fn an_approval_is_of_one_connection_one_key_and_one_address() {
        let who = recognized(7, 7, "192.0.2.1").unwrap();
        let elsewhere: ClientAddress = ClientAddress::new("192.0.2.2".parse().unwrap());
        let good = SshApproval {
            account: who.account(),
            connection: who.connection(),
            fingerprint: who.fingerprint().to_owned(),
            asked_from: who.address(),
            given_from: who.address(),
            assurance: Assurance::TwoFactors,
            ends: NOW + Duration::from_secs(120),
        };
        let taken = |approval: &SshApproval, now| who.approved(approval, now).is_ok();
        assert!(taken(&good, NOW));
        for assurance in [Assurance::TwoFactors, Assurance::Passkey] {
            let factor = who.approved(&SshApproval { assurance, ..good.clone() }, NOW).unwrap();
            for factor in [factor.renewed(NOW).unwrap(), factor] {
                let proof = factor.authenticated(&who, NOW).unwrap();
                assert_eq!((proof.account(), proof.assurance()), (Some(who.account()), assurance));
            }
        }
        for other in [
            SshApproval { account: AccountId::from_bytes([0xee; 16]), ..good.clone() },
            SshApproval { connection: SessionId::from_bytes([0xee; 16]), ..good.clone() },
            SshApproval { fingerprint: "SHA256:other".into(), ..good.clone() },
            SshApproval { asked_from: elsewhere, ..good.clone() },
            SshApproval { given_from: elsewhere, ..good.clone() },
            SshApproval { asked_from: elsewhere, given_from: elsewhere, ..good.clone() },
            SshApproval { assurance: Assurance::Token, ..good.clone() },
            SshApproval { assurance: Assurance::Envelopes, ..good.clone() },
            SshApproval { assurance: Assurance::System, ..good.clone() },
        ] {
            assert!(!taken(&other, NOW), "{other:?}");
        }
        assert!(taken(&good, NOW + Duration::from_secs(119)));
        assert!(!taken(&good, NOW + Duration::from_secs(120)));
    }

    #[test]
    fn use_renews_a_code_but_not_for_ever() {
        let who = recognized(7, 7, "192.0.2.7").unwrap();
        let (_, mut factor) = who.code("287082", Some(&credentials(0)), NOW).unwrap();
        let mut now = NOW;
        while let Some(renewed) = factor.renewed(now) {
            factor = renewed;
            now = now + Duration::from_secs(500);
        }
        assert_eq!(now.since(NOW + SECOND_FACTOR_LONGEST).as_secs(), 300);
        assert!(factor.renewed(now).is_none());
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_read_back(blob in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(key) = SshPublicKey::from_blob(&blob) {
                prop_assert_eq!(key.blob(), &blob[..]);
            }
        }

        #[test]
        fn a_changed_key_is_another_key(at in 0_usize..51, flip in 1_u8..) {
            let mut blob = ed25519(7);
            blob[at] ^= flip;
            if let Ok(key) = SshPublicKey::from_blob(&blob) {
                prop_assert_ne!(key.fingerprint(), SshPublicKey::from_blob(&ed25519(7)).unwrap().fingerprint());
            }
        }

        #[test]
        fn any_line_is_refused_or_a_key(line in "\\PC{0,200}") {
            let _ = SshPublicKey::from_line(&line);
        }
    }
}
