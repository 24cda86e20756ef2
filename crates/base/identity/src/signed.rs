//! What is signed: terms as canonical bytes, and the challenge that a passkey signs.
//!
//! Canonical because there is one writer and no reader: JSON, keys in the order of the fields, no spaces, UTF-8.
//! Whoever verifies rebuilds the bytes from what he has; nobody parses them.

use crate::passkey::Assertion;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use minicbor::{Decode, Encode};
use serde::Serialize;

/// Goes before the bytes that are hashed, so that what is signed here is signed for nothing else.
const DOMAIN: &[u8] = b"poterne-terms-v1\0";

/// Bytes of a nonce.
pub const NONCE: usize = 32;

/// Makes one signature serve once.
pub type Nonce = [u8; NONCE];

/// The hash of some terms: what the passkey signs.
pub type Challenge = [u8; 32];

/// Terms, to be read by a person and signed by his passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsToSign {
    /// The canonical bytes.
    pub bytes: Vec<u8>,
    /// What the passkey signs.
    pub challenge: Challenge,
    /// To be given back with the assertion; good for ten minutes, once.
    pub nonce: String,
    /// The passkeys that may sign.
    pub credentials: Vec<Vec<u8>>,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    poterne: &'static str,
    kind: &'static str,
    #[serde(serialize_with = "hex")]
    nonce: &'a [u8],
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    terms: &'a T,
}

/// The canonical bytes of some terms of a kind, with this nonce; `until` is a moment that the kind has besides.
pub fn enveloped<T: Serialize>(kind: &'static str, nonce: &Nonce, until: Option<String>, terms: &T) -> Vec<u8> {
    let envelope = Envelope { poterne: "terms-v1", kind, nonce, until, terms };
    // Strings, numbers and lists: nothing in here can fail to become JSON. Were it so, no signature would fit.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// The challenge of canonical bytes.
pub fn challenge(bytes: &[u8]) -> Challenge {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &[DOMAIN, bytes].concat()).as_ref());
    hash
}

fn hex<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&HEXLOWER.encode(bytes))
}

/// Bytes, in base64url.
pub(crate) fn base64<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64URL_NOPAD.encode(bytes))
}

/// What displays as text.
pub fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// An assertion, as it is kept beside what it signs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeptAssertion {
    /// Which passkey signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub credential: Vec<u8>,
    /// The browser's part.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub client_data_json: Vec<u8>,
    /// The authenticator's part.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub authenticator_data: Vec<u8>,
    /// Over both.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub signature: Vec<u8>,
}

impl From<&Assertion> for KeptAssertion {
    fn from(from: &Assertion) -> Self {
        Self {
            credential: from.credential.clone(),
            client_data_json: from.client_data_json.clone(),
            authenticator_data: from.authenticator_data.clone(),
            signature: from.signature.clone(),
        }
    }
}

impl From<KeptAssertion> for Assertion {
    fn from(from: KeptAssertion) -> Self {
        Self {
            credential: from.credential,
            client_data_json: from.client_data_json,
            authenticator_data: from.authenticator_data,
            signature: from.signature,
        }
    }
}
