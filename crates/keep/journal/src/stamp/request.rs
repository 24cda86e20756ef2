//! What an authority is asked (RFC 3161 §2.4.1), and under which policy.

use super::check::SHA_256;
use crate::log::tree::{Hash, sha256};
use der::{
    AnyRef, Encode, Tag,
    asn1::{IntRef, ObjectIdentifier, OctetStringRef},
};
use std::{fmt, str::FromStr};

/// A policy of an authority, as an object identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy(pub(super) ObjectIdentifier);

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ObjectIdentifier::new(text).map(Self).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A request, and what its answer is held against.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The request's body, `application/timestamp-query`.
    pub body: Vec<u8>,
    pub(super) nonce: [u8; 16],
    pub(super) imprint: Hash,
}

/// A SEQUENCE of what is written already.
fn sequence(parts: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    AnyRef::new(Tag::Sequence, &parts.concat())?.to_der()
}

impl Asked {
    /// Asks for a stamp on these bytes; `random` makes the answer this request's own. The authority is to put its
    /// certificates in.
    pub fn new(note: &[u8], policy: Option<&Policy>, mut random: [u8; 16]) -> Option<Self> {
        // A positive integer of its full length.
        let [first, ..] = &mut random;
        *first = (*first & 0x7f) | 0x40;
        let imprint = sha256(note);
        let body = write(&imprint, policy, &random).ok()?;
        Some(Self { body, nonce: random, imprint })
    }
}

fn write(imprint: &Hash, policy: Option<&Policy>, nonce: &[u8]) -> der::Result<Vec<u8>> {
    let algorithm = sequence(&[SHA_256.to_der()?, AnyRef::NULL.to_der()?])?;
    let imprint = sequence(&[algorithm, OctetStringRef::new(imprint)?.to_der()?])?;
    let policy = policy.map_or(Ok(Vec::new()), |policy| policy.0.to_der())?;
    sequence(&[1_u8.to_der()?, imprint, policy, IntRef::new(nonce)?.to_der()?, true.to_der()?])
}
