//! An authority's answers, for [`crate::fuzzing`]: with an authority of fixed keys, so that what a fuzzer keeps serves the
//! next one. (The tests proper ask `openssl`.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Asked, Authority, KeptStamps, RESPONSE_BYTES_MAX, StampError, Stamped,
    asn1::{Certificate, Token},
    judge,
};
use crate::log::{
    fuzzing::{NOW, signed},
    tree::sha256,
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64;
use der::{Encode as _, asn1::ObjectIdentifier};
use std::sync::LazyLock;

/// When it stamped: the moment of [`NOW`].
const SECONDS: u64 = 1_790_000_000;

static AUTHORITY: LazyLock<Authority> =
    LazyLock::new(|| Authority::from_pem(&pem(&certificate("ca", &[1; 32]))).unwrap());

pub(crate) fn authority() -> &'static Authority {
    &AUTHORITY
}

fn asked() -> Asked {
    Asked::new(signed().as_bytes(), None, [7; 16]).unwrap()
}

/// An answer.
pub fn stamp(bytes: &[u8]) {
    match Token::parse(bytes) {
        Ok(token) => {
            assert!(bytes.len() as u64 <= RESPONSE_BYTES_MAX && token.certificates.len() <= 16);
            assert!(token.content.len() + token.signer.attributes.len() <= bytes.len());
        }
        Err(StampError::Refused { said, .. }) => assert!(said.chars().count() <= 200),
        Err(_) => {}
    }
    let genuine = Stamped { seconds: SECONDS };
    for judged in [authority().accept(&asked(), bytes, NOW), authority().check(signed().as_bytes(), bytes)] {
        assert!(judged.is_err() || judged == Ok(genuine), "another moment than was signed");
    }
    let files = [("2026-09-21.checkpoint", signed().into_bytes()), ("2026-09-21.tsr", bytes.to_vec())];
    let kept = KeptStamps::read("stamped", files.map(|(name, bytes)| (name.to_owned(), bytes)));
    for one in judge(&kept, Some(authority())) {
        assert!(!one.vouched || (one.what.is_none() && one.seconds == Some(SECONDS)));
    }
    let _ = judge(&kept, None);
}

/// Trusted certificates: in PEM as they are read, and one in DER.
pub fn stamp_trust(bytes: &[u8]) {
    let _ = Authority::from_pem(bytes);
    let _ = Authority::from_pem(&pem(bytes));
    if let Ok(found) = Certificate::parse(bytes) {
        assert!(found.issuer.len() + found.serial.len() <= bytes.len());
        assert!(found.key.is_none_or(|key| key.len() <= bytes.len()));
    }
}

fn pem(certificate: &[u8]) -> Vec<u8> {
    let text = BASE64.encode(certificate);
    let lines = text.as_bytes().chunks(64).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>().concat();
    [b"-----BEGIN CERTIFICATE-----\n".as_slice(), &lines, b"-----END CERTIFICATE-----\n"].concat()
}

/// A value of this tag, of parts that are written already.
fn value(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..=0x7f => vec![short as u8],
        byte @ 0x80..=0xff => vec![0x81, byte as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag][..], &length, &content].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(0x30, parts)
}

fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    value(0x31, parts)
}

fn integer(number: u8) -> Vec<u8> {
    vec![2, 1, number]
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    value(4, &[bytes.to_vec()])
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    value(3, &[vec![0], bytes.to_vec()])
}

fn oid(text: &str) -> Vec<u8> {
    ObjectIdentifier::new_unwrap(text).to_der().unwrap()
}

fn ed25519() -> Vec<u8> {
    sequence(&[oid("1.3.101.112")])
}

fn pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).unwrap()
}

fn named(name: &str) -> Vec<u8> {
    sequence(&[set(&[sequence(&[oid("2.5.4.3"), value(0x0c, &[name.as_bytes().to_vec()])])])])
}

/// A certificate of `ca`, of itself or of who stamps.
fn certificate(name: &str, seed: &[u8; 32]) -> Vec<u8> {
    let critical = |kind: &str, of: Vec<u8>| sequence(&[oid(kind), vec![1, 1, 0xff], octets(&of)]);
    let extensions = match name {
        "ca" => {
            [critical("2.5.29.19", sequence(&[vec![1, 1, 0xff]])), critical("2.5.29.15", value(3, &[vec![2, 0x04]]))]
        }
        _ => [
            critical("2.5.29.37", sequence(&[oid("1.3.6.1.5.5.7.3.8")])),
            critical("2.5.29.15", value(3, &[vec![7, 0x80]])),
        ],
    };
    let time = |text: &str| value(0x17, &[text.as_bytes().to_vec()]);
    let body = sequence(&[
        value(0xa0, &[integer(2)]),
        integer(9),
        ed25519(),
        named("ca"),
        sequence(&[time("200101000000Z"), time("490101000000Z")]),
        named(name),
        sequence(&[ed25519(), bits(pair(seed).public_key().as_ref())]),
        value(0xa3, &[sequence(&extensions)]),
    ]);
    let signature = pair(&[1; 32]).sign(&body);
    sequence(&[body, ed25519(), bits(signature.as_ref())])
}

/// A stamp of the signed checkpoint of the log's fuzzers, as the authority answers [`asked`].
pub(crate) fn answer() -> Vec<u8> {
    let (sha_256, stamps) = ("2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.9.16.1.4");
    let hash = sequence(&[oid(sha_256)]);
    let info = sequence(&[
        integer(1),
        oid("1.2.3.4.1"),
        sequence(&[hash.clone(), octets(&sha256(signed().as_bytes()))]),
        integer(5),
        value(0x18, &[b"20260921141320Z".to_vec()]),
        value(2, &[asked().nonce.to_vec()]),
    ]);
    let signer = certificate("tsa", &[2; 32]);
    let attribute = |kind: &str, of: Vec<u8>| sequence(&[oid(kind), set(&[of])]);
    let attributes = [
        attribute("1.2.840.113549.1.9.3", oid(stamps)),
        attribute("1.2.840.113549.1.9.4", octets(&sha256(&info))),
        attribute("1.2.840.113549.1.9.16.2.47", sequence(&[sequence(&[sequence(&[octets(&sha256(&signer))])])])),
    ];
    let signature = pair(&[2; 32]).sign(&set(&attributes));
    let said = sequence(&[
        integer(1),
        sequence(&[named("ca"), integer(9)]),
        hash.clone(),
        value(0xa0, &attributes),
        ed25519(),
        octets(signature.as_ref()),
    ]);
    let data = sequence(&[
        integer(3),
        set(&[hash]),
        sequence(&[oid(stamps), value(0xa0, &[octets(&info)])]),
        value(0xa0, &[signer, certificate("ca", &[1; 32])]),
        set(&[said]),
    ]);
    let token = sequence(&[oid("1.2.840.113549.1.7.2"), value(0xa0, &[data])]);
    sequence(&[sequence(&[integer(0)]), token])
}

#[test]
fn the_authority_of_fixed_keys_is_believed() {
    let genuine = Ok(Stamped { seconds: SECONDS });
    assert_eq!(authority().accept(&asked(), &answer(), NOW), genuine);
    assert_eq!(authority().check(signed().as_bytes(), &answer()), genuine);
}

pub(crate) fn stamp_seeds() -> Vec<Vec<u8>> {
    let refused = [integer(2), sequence(&[value(0x0c, &[b"not now".to_vec()])]), value(3, &[vec![0, 1]])];
    vec![answer(), sequence(&[sequence(&refused)])]
}

pub(crate) fn trust_seeds() -> Vec<Vec<u8>> {
    let all = [certificate("ca", &[1; 32]), certificate("tsa", &[2; 32])];
    vec![all[0].clone(), all[1].clone(), pem(&all[0]), [pem(&all[0]), pem(&all[1])].concat()]
}
