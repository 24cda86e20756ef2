#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::{PasswordHash, TotpSecret};
use proptest::prelude::*;

const NOW: Time = Time::from_micros(59_000_000);
/// Made by ssh-keygen for these tests; their private parts are gone.
const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYK a technician";

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
        (line(&[field(b"ecdsa-sha2-nistp256"), field(b"nistp384"), field(&[4; 65])].concat()), BadSshKey::Malformed),
        (line(&[field(b"ecdsa-sha2-nistp256"), field(b"nistp256"), field(&[2; 33])].concat()), BadSshKey::Malformed),
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
        assert_eq!(SshPublicKey::from_line(&text).err(), Some(why), "{}", text.chars().take(80).collect::<String>());
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
            .flat_map(|application| [sk_ed25519(&[7; 32], application), sk_ecdsa(b"nistp256", &[4; 65], application)])
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
