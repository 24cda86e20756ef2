//! A software authenticator makes genuine enrolments and signatures; each deviation alone must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use std::sync::LazyLock;

const CHALLENGE: [u8; 32] = [0xc7; 32];
const OTHER: [u8; 32] = [0x11; 32];

fn rp() -> RelyingParty {
    RelyingParty { id: "desk.hospital.example".into(), origin: "https://desk.hospital.example:8443".into() }
}

enum Secret {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What an authenticator and its browser would say; each test changes one thing.
#[derive(Clone)]
struct Words {
    rp_id: String,
    flags: u8,
    count: u32,
    client: String,
    extensions: Vec<u8>,
}

impl Words {
    fn new(kind: &str) -> Self {
        let challenge = BASE64URL_NOPAD.encode(&CHALLENGE);
        let origin = rp().origin;
        let client =
            format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#);
        Self { rp_id: rp().id, flags: 0x05, count: 7, client, extensions: vec![] }
    }

    fn data(&self, credential: &[u8]) -> Vec<u8> {
        let hash = digest::digest(&digest::SHA256, self.rp_id.as_bytes());
        [hash.as_ref(), &[self.flags], &self.count.to_be_bytes(), credential, &self.extensions].concat()
    }
}

struct Authenticator {
    secret: Secret,
    credential: Vec<u8>,
}

fn bytes_head(length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap();
    [[0x59].as_slice(), &length.to_be_bytes()].concat()
}

fn object(format: &str, statement: &[u8], data: &[u8]) -> Vec<u8> {
    let mut object = vec![0xa3];
    object.extend(b"\x63fmt");
    object.push(0x60 + u8::try_from(format.len()).unwrap());
    object.extend(format.as_bytes());
    object.extend(b"\x67attStmt");
    object.extend(statement);
    object.extend(b"\x68authData");
    object.extend(bytes_head(data.len()));
    object.extend(data);
    object
}

impl Authenticator {
    fn p256() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self { secret: Secret::P256(key), credential: vec![0xcd; 32] }
    }

    fn ed25519() -> Self {
        Self { secret: Secret::Ed25519(Ed25519KeyPair::generate().unwrap()), credential: vec![0xed; 64] }
    }

    fn cose(&self) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => {
                let point = key.public_key().as_ref();
                [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", &point[1..33], b"\x22\x58\x20", &point[33..]].concat()
            }
            Secret::Ed25519(key) => {
                [b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20".as_slice(), key.public_key().as_ref()].concat()
            }
        }
    }

    fn attested(&self) -> Vec<u8> {
        self.attested_as(&self.credential, &self.cose())
    }

    fn attested_as(&self, credential: &[u8], cose: &[u8]) -> Vec<u8> {
        let length = u16::try_from(credential.len()).unwrap().to_be_bytes();
        [[0xaa; 16].as_slice(), &length, credential, cose].concat()
    }

    /// The client data and the attestation object.
    fn registers(&self, words: &Words) -> (Vec<u8>, Vec<u8>) {
        let words = Words { flags: words.flags | 0x40, ..words.clone() };
        (words.client.clone().into_bytes(), object("none", &[0xa0], &words.data(&self.attested())))
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => key.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec(),
            Secret::Ed25519(key) => key.sign(bytes).as_ref().to_vec(),
        }
    }

    fn asserts(&self, words: &Words) -> Assertion {
        self.asserts_with(words, &[])
    }

    fn asserts_with(&self, words: &Words, credential: &[u8]) -> Assertion {
        let authenticator_data = words.data(credential);
        let hash = digest::digest(&digest::SHA256, words.client.as_bytes());
        let signature = self.sign(&[authenticator_data.as_slice(), hash.as_ref()].concat());
        Assertion {
            credential: self.credential.clone(),
            client_data_json: words.client.clone().into_bytes(),
            authenticator_data,
            signature,
        }
    }

    fn enrolled(&self) -> PasskeyPublic {
        let (client, object) = self.registers(&Words::new("webauthn.create"));
        verify_registration(&rp(), &CHALLENGE, &client, &object).unwrap()
    }
}

fn registration(client: &[u8], object: &[u8]) -> Result<PasskeyPublic, BadRegistration> {
    verify_registration(&rp(), &CHALLENGE, client, object)
}

#[test]
fn genuine_enrolments_and_signatures_are_taken() {
    for authenticator in [Authenticator::p256(), Authenticator::ed25519()] {
        let passkey = authenticator.enrolled();
        assert_eq!((passkey.credential.clone(), passkey.sign_count), (authenticator.credential.clone(), 7));
        assert!(!passkey.backup_eligible && !passkey.backed_up);
        assert_eq!(passkey.public_key.to_cose(), authenticator.cose());
        assert_eq!(PasskeyPublic::from_bytes(&passkey.to_bytes()).unwrap(), passkey);
        let record = PasskeyRecord { renewal: 0, public: passkey.clone(), label: "Clé de la porte".into() };
        assert_eq!(PasskeyRecord::from_bytes(&record.to_bytes()).unwrap(), record);
        let words = Words { count: 9, ..Words::new("webauthn.get") };
        let seen = verify_assertion(&rp(), &CHALLENGE, &passkey, &authenticator.asserts(&words));
        assert_eq!(seen, Ok(AssertionSeen { user_verified: true, sign_count: 9 }));
    }
}

#[test]
fn what_browsers_and_authenticators_may_add_is_taken() {
    let authenticator = Authenticator::p256();
    // Chromium adds a member that nobody should know; older browsers say nothing of crossing.
    for client in [
        Words::new("webauthn.create").client.replace("\"crossOrigin\":false", "\"other\":{\"a\":[1,{\"a\":2}]}"),
        format!(" {} \n", Words::new("webauthn.create").client),
        Words::new("webauthn.create").client.replace(",\"crossOrigin\":false", ""),
        Words::new("webauthn.create").client.replace("https:", "https\\u003a"),
    ] {
        let (_, object) = authenticator.registers(&Words::new("webauthn.create"));
        assert!(registration(client.as_bytes(), &object).is_ok(), "{client}");
    }
    // A statement of some make is passed over; extensions are read past.
    let words = Words { flags: 0xc5, extensions: b"\xa1\x6bcredProtect\x02".to_vec(), ..Words::new("webauthn.create") };
    let data = words.data(&authenticator.attested());
    let statement = b"\xa3\x63alg\x26\x63sig\x42\x01\x02\x63x5c\x81\x43abc";
    assert!(registration(words.client.as_bytes(), &object("packed", statement, &data)).is_ok());
    // A passkey that follows its holder from device to device.
    let (client, copied) = authenticator.registers(&Words { flags: 0x1d, ..Words::new("webauthn.create") });
    let passkey = registration(&client, &copied).unwrap();
    assert!(passkey.backup_eligible && passkey.backed_up);
    let eligible = |flags| authenticator.asserts(&Words { flags, ..Words::new("webauthn.get") });
    assert!(verify_assertion(&rp(), &CHALLENGE, &passkey, &eligible(0x1d)).is_ok());
    assert!(verify_assertion(&rp(), &CHALLENGE, &passkey, &eligible(0x0d)).is_ok(), "copied or not may change");
    let changed = verify_assertion(&rp(), &CHALLENGE, &passkey, &eligible(0x05));
    assert_eq!(changed, Err(BadAssertion::Changed), "whether it may be copied may not");
}

/// Client data that deviate in one thing, for a ceremony of `kind`; what is said of each.
fn bad_clients(kind: &str, other_kind: &str) -> Vec<(String, Option<Elsewhere>)> {
    let good = Words::new(kind).client;
    let challenge = BASE64URL_NOPAD.encode(&CHALLENGE);
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    vec![
        (with(kind, other_kind), Some(Elsewhere::Type)),
        (with(kind, "payment.get"), Some(Elsewhere::Type)),
        (with(&challenge, &BASE64URL_NOPAD.encode(&OTHER)), Some(Elsewhere::Challenge)),
        (with(&challenge, &challenge[..42]), Some(Elsewhere::Challenge)),
        (with(&challenge, &format!("{challenge}=")), Some(Elsewhere::Challenge)),
        (with(&challenge, ""), Some(Elsewhere::Challenge)),
        (with("8443", "8444"), Some(Elsewhere::Origin)),
        (with("https://desk.hospital.example:8443", "https://desk.hospital.example"), Some(Elsewhere::Origin)),
        (with("https://desk.", "http://desk."), Some(Elsewhere::Origin)),
        (with("https://desk.", "https://desk.hospital.example.attacker.example/desk."), Some(Elsewhere::Origin)),
        (with("desk.hospital", "DESK.hospital"), Some(Elsewhere::Origin)),
        (with("\"crossOrigin\":false", "\"crossOrigin\":true"), Some(Elsewhere::CrossOrigin)),
        (with("\"crossOrigin\":false", "\"topOrigin\":\"https://attacker.example\""), Some(Elsewhere::CrossOrigin)),
        (with("\"crossOrigin\":false", "\"crossOrigin\":\"false\""), None),
        (with("\"crossOrigin\":false", "\"crossOrigin\":0"), None),
        (with("\"crossOrigin\":false", "\"crossOrigin\":null"), None),
        (with("\"crossOrigin\":false", "\"crossOrigin\":true,\"crossOrigin\":false"), None),
        (with("{", "{\"type\":\"payment.get\","), None),
        (with("{", "{\"x\":1,\"x\":2,"), None),
        (with("{", "{\"\\u0074ype\":\"payment.get\","), None),
        (with("\"type\"", "\"Type\""), None),
        (with("\"challenge\"", "\"challeng\""), None),
        (with("\"origin\":\"", "\"origin\":\"x\",\"origin\":\""), None),
        (with("\"origin\"", "\"ori\""), None),
        (format!("\u{feff}{good}"), None),
        (format!("{good}x"), None),
        (format!("{good}{good}"), None),
        (format!("[{good}]"), None),
        (good[..good.len() - 1].to_owned(), None),
        (String::new(), None),
        ("null".into(), None),
    ]
}

#[test]
fn each_deviation_of_an_enrolment_is_refused() {
    let authenticator = Authenticator::p256();
    let (good, fine) = authenticator.registers(&Words::new("webauthn.create"));
    for (client, why) in bad_clients("webauthn.create", "webauthn.get") {
        let why = why.map_or(BadRegistration::Malformed, BadRegistration::Elsewhere);
        assert_eq!(registration(client.as_bytes(), &fine), Err(why), "{client}");
    }
    let mut not_utf8 = good.clone();
    not_utf8.insert(2, 0xff);
    assert_eq!(registration(&not_utf8, &fine), Err(BadRegistration::Malformed));
    let long = format!("{}{}", Words::new("webauthn.create").client, " ".repeat(CLIENT_DATA_BYTES_MAX));
    assert_eq!(registration(long.as_bytes(), &fine), Err(BadRegistration::TooLong));
    assert_eq!(registration(&good, &vec![0; ATTESTATION_BYTES_MAX + 1]), Err(BadRegistration::TooLong));

    let said = |change: &dyn Fn(&mut Words)| {
        let mut words = Words::new("webauthn.create");
        words.flags |= 0x40;
        change(&mut words);
        words.data(&authenticator.attested())
    };
    let attest = |data: Vec<u8>| object("none", &[0xa0], &data);
    let (malformed, unverified) = (BadRegistration::Malformed, BadRegistration::NotVerified);
    let plain = Words::new("webauthn.create");
    let as_attested = Words { flags: 0x45, ..plain.clone() };
    let credential = &authenticator.credential;
    let with_key = |cose: &[u8]| attest(as_attested.data(&authenticator.attested_as(credential, cose)));
    let cose = authenticator.cose();
    let data = as_attested.data(&authenticator.attested());
    let elsewhere = BadRegistration::Elsewhere(Elsewhere::RelyingParty);
    let mut off_curve = cose.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let table: Vec<(&str, Vec<u8>, BadRegistration)> = vec![
        ("another domain", attest(said(&|w| w.rp_id = "hospital.example".into())), elsewhere),
        ("nobody present", attest(said(&|w| w.flags &= !0x01)), unverified),
        ("nobody verified", attest(said(&|w| w.flags &= !0x04)), unverified),
        ("no credential", attest(plain.data(&[])), BadRegistration::NoCredential),
        ("no credential, though said", attest(as_attested.data(&[])), malformed),
        ("a credential, though not said", attest(plain.data(&authenticator.attested())), malformed),
        ("backed up though it cannot be", attest(said(&|w| w.flags |= 0x10)), malformed),
        ("extensions, though not said", attest(said(&|w| w.extensions = vec![0xa0])), malformed),
        ("no extensions, though said", attest(said(&|w| w.flags |= 0x80)), malformed),
        ("extensions of another type", attest(said(&|w| (w.flags, w.extensions) = (0xc5, vec![0x80]))), malformed),
        ("an empty identifier", attest(as_attested.data(&authenticator.attested_as(&[], &cose))), malformed),
        ("too long an identifier", attest(as_attested.data(&authenticator.attested_as(&[1; 1024], &cose))), malformed),
        ("a statement, though none", object("none", b"\xa1\x63sig\x41\x01", &data), malformed),
        ("a statement that is no map", object("none", &[0x80], &data), malformed),
        (
            "another RSA-ish key",
            with_key(b"\xa4\x01\x03\x03\x39\x01\x00\x20\x41\x01\x21\x43\x01\x00\x01"),
            BadRegistration::Algorithm,
        ),
        ("ES384", with_key(&[&cose[..4], b"\x38\x22", &cose[5..]].concat()), BadRegistration::Algorithm),
        (
            "a key with something added",
            with_key(&[b"\xa6", &cose[1..], b"\x04\x01"].concat()),
            BadRegistration::Algorithm,
        ),
        ("a key not in order", with_key(&[b"\xa5\x03\x26\x01\x02", &cose[5..]].concat()), BadRegistration::Algorithm),
        ("a point off the curve", with_key(&off_curve), BadRegistration::Algorithm),
        ("an object cut short", fine[..fine.len() - 1].to_vec(), malformed),
        ("an object with a tail", [fine.as_slice(), &[0]].concat(), malformed),
        ("an object of open length", [b"\xbf", &fine[1..], b"\xff"].concat(), malformed),
        ("a fourth member", [b"\xa4", &fine[1..], b"\x61x\x01"].concat(), malformed),
        ("a member twice", [b"\xa3\x63fmt\x64none".as_slice(), &fine[1..fine.len()]].concat(), malformed),
        ("nothing", vec![], malformed),
    ];
    for (name, object, why) in table {
        assert_eq!(registration(&good, &object), Err(why), "{name}");
    }
    for order in [0_u8, 1] {
        let mut weak = [0; 32];
        weak[0] = order;
        let cose = [b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20".as_slice(), &weak].concat();
        assert_eq!(
            registration(&good, &with_key(&cose)),
            Err(BadRegistration::Algorithm),
            "a key that signs by itself"
        );
    }
    assert!(registration(&good, &fine).is_ok(), "what they deviate from is good");
}

#[test]
fn each_deviation_of_a_signature_is_refused() {
    for authenticator in [Authenticator::p256(), Authenticator::ed25519()] {
        let passkey = authenticator.enrolled();
        let verify = |assertion: &Assertion| verify_assertion(&rp(), &CHALLENGE, &passkey, assertion);
        // Really signed by the authenticator, about something else.
        for (client, why) in bad_clients("webauthn.get", "webauthn.create") {
            let why = why.map_or(BadAssertion::Malformed, BadAssertion::Elsewhere);
            let words = Words { client: client.clone(), ..Words::new("webauthn.get") };
            assert_eq!(verify(&authenticator.asserts(&words)), Err(why), "{client}");
        }
        let good = authenticator.asserts(&Words::new("webauthn.get"));
        let said = |change: &dyn Fn(&mut Words)| {
            let mut words = Words::new("webauthn.get");
            change(&mut words);
            authenticator.asserts(&words)
        };
        let stranger = Authenticator::p256();
        let attested = Words { flags: 0x45, ..Words::new("webauthn.get") };
        let client = good.client_data_json.clone();
        let spaced = [b" ", client.as_slice()].concat();
        let long = [client.as_slice(), &[b' '; CLIENT_DATA_BYTES_MAX]].concat();
        let data = good.authenticator_data.clone();
        let other_data = authenticator.asserts(&Words { count: 8, ..Words::new("webauthn.get") }).authenticator_data;
        let elsewhere = BadAssertion::Elsewhere(Elsewhere::RelyingParty);
        let table = [
            ("another domain", said(&|w| w.rp_id = "other.example".into()), elsewhere),
            ("nobody present", said(&|w| w.flags &= !0x01), BadAssertion::NotVerified),
            ("nobody verified", said(&|w| w.flags &= !0x04), BadAssertion::NotVerified),
            ("backed up though it cannot be", said(&|w| w.flags |= 0x10), BadAssertion::Malformed),
            ("suddenly one that may be copied", said(&|w| w.flags |= 0x08), BadAssertion::Changed),
            ("extensions not said", said(&|w| w.extensions = vec![0xa0]), BadAssertion::Malformed),
            (
                "a credential within",
                authenticator.asserts_with(&attested, &authenticator.attested()),
                BadAssertion::Malformed,
            ),
            ("another passkey's name", Assertion { credential: vec![1; 32], ..good.clone() }, BadAssertion::Credential),
            (
                "another's signature",
                Assertion { credential: good.credential.clone(), ..stranger.asserts(&Words::new("webauthn.get")) },
                BadAssertion::Signature,
            ),
            ("no signature", Assertion { signature: vec![], ..good.clone() }, BadAssertion::Signature),
            ("too long a signature", Assertion { signature: vec![0; 129], ..good.clone() }, BadAssertion::TooLong),
            (
                "other client data than signed",
                Assertion { client_data_json: spaced, ..good.clone() },
                BadAssertion::Signature,
            ),
            ("long client data", Assertion { client_data_json: long, ..good.clone() }, BadAssertion::TooLong),
            (
                "other data than signed",
                Assertion { authenticator_data: other_data, ..good.clone() },
                BadAssertion::Signature,
            ),
            (
                "data cut short",
                Assertion { authenticator_data: data[..36].to_vec(), ..good.clone() },
                BadAssertion::Malformed,
            ),
            (
                "data with a tail",
                Assertion { authenticator_data: [&data[..], &[0]].concat(), ..good.clone() },
                BadAssertion::Malformed,
            ),
            ("long data", Assertion { authenticator_data: vec![0; 5000], ..good.clone() }, BadAssertion::TooLong),
        ];
        for (name, assertion, why) in table {
            assert_eq!(verify(&assertion), Err(why), "{name}");
        }
        let other_terms = verify_assertion(&rp(), &OTHER, &passkey, &good);
        assert_eq!(other_terms, Err(BadAssertion::Elsewhere(Elsewhere::Challenge)));
        let other_page = RelyingParty { origin: "https://desk.hospital.example".into(), ..rp() };
        assert!(verify_assertion(&other_page, &CHALLENGE, &passkey, &good).is_err());
        let other_domain = RelyingParty { id: "hospital.example".into(), ..rp() };
        assert!(verify_assertion(&other_domain, &CHALLENGE, &passkey, &good).is_err());
        assert!(verify(&good).is_ok(), "what they deviate from is good");
    }
}

#[test]
fn the_fingerprint_is_of_the_key_and_its_name_only() {
    let passkey = Authenticator::p256().enrolled();
    let counted = PasskeyPublic { sign_count: 99, backed_up: true, ..passkey.clone() };
    assert_eq!(passkey.fingerprint(), counted.fingerprint());
    let renamed = PasskeyPublic { credential: vec![1], ..passkey.clone() };
    let other_key = PasskeyPublic { public_key: Authenticator::p256().enrolled().public_key, ..passkey.clone() };
    assert_ne!(passkey.fingerprint(), renamed.fingerprint());
    assert_ne!(passkey.fingerprint(), other_key.fingerprint());
}

#[test]
fn a_kept_passkey_has_one_form() {
    let passkey = Authenticator::ed25519().enrolled();
    let bytes = passkey.to_bytes();
    assert!(PasskeyPublic::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
    assert!(PasskeyPublic::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(PasskeyPublic::from_bytes(&[]).is_err());
}

#[test]
fn nesting_is_bounded() {
    let authenticator = Authenticator::p256();
    let words = Words { flags: 0x45, ..Words::new("webauthn.create") };
    let data = words.data(&authenticator.attested());
    let nested = |depth: usize| [b"\xa1\x61x".as_slice(), &vec![0x81; depth], b"\x01"].concat();
    let made = |statement: &[u8]| registration(words.client.as_bytes(), &object("packed", statement, &data));
    assert!(made(&nested(4)).is_ok());
    assert_eq!(made(&nested(8)), Err(BadRegistration::Malformed));
    assert_eq!(made(&nested(10_000)), Err(BadRegistration::Malformed), "and no stack is used up");
    // Lengths that promise more than there is.
    for statement in
        [b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), b"\xa1\x61x\x5b\xff\xff\xff\xff\xff\xff\xff\xff"]
    {
        assert_eq!(made(statement), Err(BadRegistration::Malformed));
    }
}

struct Genuine {
    passkey: PasskeyPublic,
    assertion: Assertion,
    client: Vec<u8>,
    object: Vec<u8>,
}

impl Genuine {
    fn of(authenticator: &Authenticator) -> Self {
        let (client, object) = authenticator.registers(&Words::new("webauthn.create"));
        let assertion = authenticator.asserts(&Words::new("webauthn.get"));
        Self { passkey: authenticator.enrolled(), assertion, client, object }
    }
}

static P256: LazyLock<Genuine> = LazyLock::new(|| Genuine::of(&Authenticator::p256()));
static EDWARDS: LazyLock<Genuine> = LazyLock::new(|| Genuine::of(&Authenticator::ed25519()));

/// Every byte of a genuine signature, flipped in every bit.
#[test]
fn no_byte_of_a_signature_can_be_changed() {
    for Genuine { passkey, assertion: good, .. } in [&*P256, &*EDWARDS] {
        type Part = fn(&mut Assertion) -> &mut Vec<u8>;
        let parts: [Part; 4] =
            [|a| &mut a.credential, |a| &mut a.client_data_json, |a| &mut a.authenticator_data, |a| &mut a.signature];
        for part in parts {
            for at in 0..part(&mut good.clone()).len() {
                for bit in 0..8 {
                    let mut changed = good.clone();
                    part(&mut changed)[at] ^= 1 << bit;
                    assert!(verify_assertion(&rp(), &CHALLENGE, passkey, &changed).is_err(), "byte {at}, bit {bit}");
                }
            }
        }
    }
}

/// An enrolment without attestation is not signed: a changed one is refused, or enrols something that the genuine
/// authenticator is not, or says otherwise what binds nobody (the make, the counter, reserved bits).
#[test]
fn a_changed_enrolment_is_refused_or_harmless() {
    let Genuine { passkey, assertion, client, object } = &*P256;
    for at in 0..client.len() + object.len() {
        for bit in 0..8 {
            let (mut client, mut object) = (client.clone(), object.clone());
            match client.get_mut(at) {
                Some(byte) => *byte ^= 1 << bit,
                None => {
                    let at = at - client.len();
                    object[at] ^= 1 << bit;
                }
            }
            let Ok(other) = registration(&client, &object) else { continue };
            let same = other.fingerprint() == passkey.fingerprint();
            let accepted = verify_assertion(&rp(), &CHALLENGE, &other, assertion).is_ok();
            assert!(same || !accepted, "byte {at}, bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(
        client in prop::collection::vec(any::<u8>(), 0..300),
        object in prop::collection::vec(any::<u8>(), 0..300),
        signature in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let Genuine { passkey, assertion: good, client: fine, object: attested } = &*P256;
        prop_assert!(registration(&client, &object).is_err());
        prop_assert!(registration(fine, &object).is_err());
        prop_assert!(registration(&client, attested).is_err());
        let assertion = Assertion { client_data_json: client, authenticator_data: object.clone(), ..good.clone() };
        prop_assert!(verify_assertion(&rp(), &CHALLENGE, passkey, &assertion).is_err());
        let assertion = Assertion { authenticator_data: object.clone(), ..good.clone() };
        prop_assert!(verify_assertion(&rp(), &CHALLENGE, passkey, &assertion).is_err());
        let assertion = Assertion { signature, ..good.clone() };
        prop_assert!(verify_assertion(&rp(), &CHALLENGE, passkey, &assertion).is_err());
        let _ = PasskeyPublic::from_bytes(&object);
        let _ = PasskeyKey::from_cose(&object);
    }

    #[test]
    fn a_genuine_enrolment_cut_or_stretched_anywhere_never_panics(at in any::<prop::sample::Index>(), added in prop::collection::vec(any::<u8>(), 0..20), keep in any::<bool>()) {
        let Genuine { passkey, assertion, client, object } = &*P256;
        let at = at.index(object.len());
        let rest = if keep { &object[at..] } else { &[] };
        let changed = [&object[..at], &added, rest].concat();
        if let Ok(other) = registration(client, &changed) {
            let same = other.fingerprint() == passkey.fingerprint();
            prop_assert!(same || verify_assertion(&rp(), &CHALLENGE, &other, assertion).is_err());
        }
    }
}
