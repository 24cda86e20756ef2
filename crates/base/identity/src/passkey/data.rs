//! Reading what browsers and authenticators write, strictly.

use super::{CREDENTIAL_BYTES_MAX, Elsewhere, RelyingParty};
use aws_lc_rs::{constant_time, digest};
use data_encoding::BASE64URL_NOPAD;
use minicbor::{Decoder, data::Type};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::{collections::BTreeSet, fmt};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENDED: u8 = 0x80;
/// An extension's map nests no deeper than this.
const DEPTH_MAX: u32 = 8;

/// What was asked of the browser.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// What the browser says.
pub(super) struct ClientData {
    kind: String,
    challenge: String,
    origin: String,
    cross_origin: bool,
    framed: bool,
}

/// Reads it: UTF-8, JSON, one object, nothing twice, nothing after. Members that we do not know are left alone: browsers
/// add some on purpose.
pub(super) fn client_data(bytes: &[u8]) -> Option<ClientData> {
    serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

impl<'de> Deserialize<'de> for ClientData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = ClientData;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("client data")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ClientData, M::Error> {
        let mut seen = BTreeSet::new();
        let (mut kind, mut challenge, mut origin, mut cross_origin, mut framed) = (None, None, None, None, false);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "type" => kind = Some(map.next_value()?),
                "challenge" => challenge = Some(map.next_value()?),
                "origin" => origin = Some(map.next_value()?),
                "crossOrigin" => cross_origin = Some(map.next_value()?),
                "topOrigin" => {
                    framed = true;
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if !seen.insert(name) {
                return Err(M::Error::custom("a member stands twice"));
            }
        }
        Ok(ClientData {
            kind: kind.ok_or_else(|| M::Error::missing_field("type"))?,
            challenge: challenge.ok_or_else(|| M::Error::missing_field("challenge"))?,
            origin: origin.ok_or_else(|| M::Error::missing_field("origin"))?,
            // Browsers of before say nothing when they do not cross.
            cross_origin: cross_origin.unwrap_or(false),
            framed,
        })
    }
}

impl ClientData {
    pub(super) fn answers(&self, ceremony: Ceremony, rp: &RelyingParty, challenge: &[u8; 32]) -> Result<(), Elsewhere> {
        let kind = match ceremony {
            Ceremony::Create => "webauthn.create",
            Ceremony::Get => "webauthn.get",
        };
        if self.kind != kind {
            return Err(Elsewhere::Type);
        }
        let answered = BASE64URL_NOPAD.decode(self.challenge.as_bytes()).map_err(|_| Elsewhere::Challenge)?;
        constant_time::verify_slices_are_equal(&answered, challenge).map_err(|_| Elsewhere::Challenge)?;
        if self.origin != rp.origin {
            return Err(Elsewhere::Origin);
        }
        if self.cross_origin || self.framed {
            return Err(Elsewhere::CrossOrigin);
        }
        Ok(())
    }
}

/// The authenticator's data within an attestation object: a map of exactly `fmt`, `attStmt` and `authData`. The
/// statement is passed over, unless the format says that there is none: then it must be empty.
pub(super) fn attested(bytes: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(bytes);
    if decoder.map().ok()? != Some(3) {
        return None;
    }
    let (mut format, mut statement, mut data) = (None, None, None);
    for _ in 0..3 {
        match decoder.str().ok()? {
            "fmt" if format.is_none() => format = Some(decoder.str().ok()?),
            "attStmt" if statement.is_none() => statement = Some(passed_over(&mut decoder)?),
            "authData" if data.is_none() => data = Some(decoder.bytes().ok()?),
            _ => return None,
        }
    }
    let ends = decoder.position() == bytes.len();
    let none_and_yet_some = format? == "none" && statement? != [0xa0];
    (ends && statement.is_some() && !none_and_yet_some).then_some(data).flatten()
}

/// A map of whatever, without looking inside; gives its bytes. Definite lengths only, and not deeply nested.
fn passed_over<'b>(decoder: &mut Decoder<'b>) -> Option<&'b [u8]> {
    let begin = decoder.position();
    if decoder.datatype().ok()? != Type::Map {
        return None;
    }
    skip(decoder, DEPTH_MAX)?;
    decoder.input().get(begin..decoder.position())
}

fn skip(decoder: &mut Decoder<'_>, depth: u32) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match decoder.datatype().ok()? {
        Type::Map => {
            for _ in 0..decoder.map().ok()?? {
                skip(decoder, depth)?;
                skip(decoder, depth)?;
            }
        }
        Type::Array => {
            for _ in 0..decoder.array().ok()?? {
                skip(decoder, depth)?;
            }
        }
        Type::Bytes => {
            decoder.bytes().ok()?;
        }
        Type::String => {
            decoder.str().ok()?;
        }
        Type::Bool => {
            decoder.bool().ok()?;
        }
        Type::Null => decoder.null().ok()?,
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
            decoder.int().ok()?;
        }
        _ => return None,
    }
    Some(())
}

/// The authenticator's own words.
pub(super) struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8; 32],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) credential: Option<Credential<'a>>,
}

/// A new credential.
pub(super) struct Credential<'a> {
    pub(super) id: &'a [u8],
    pub(super) cose: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads it to its last byte.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (&flags, rest) = rest.split_first()?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>()?;
        let mut credential = None;
        if flags & ATTESTED != 0 {
            let (_model, after) = rest.split_first_chunk::<16>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let (id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            if !(1..=CREDENTIAL_BYTES_MAX).contains(&id.len()) {
                return None;
            }
            let mut decoder = Decoder::new(after);
            let cose = passed_over(&mut decoder)?;
            rest = after.get(decoder.position()..)?;
            credential = Some(Credential { id, cose });
        }
        if flags & EXTENDED != 0 {
            let mut decoder = Decoder::new(rest);
            passed_over(&mut decoder)?;
            rest = rest.get(decoder.position()..)?;
        }
        // What cannot be copied was not copied.
        let consistent = flags & BACKED_UP == 0 || flags & BACKUP_ELIGIBLE != 0;
        let sign_count = u32::from_be_bytes(*sign_count);
        (rest.is_empty() && consistent).then_some(Self { rp_id_hash, flags, sign_count, credential })
    }

    pub(super) fn is_for(&self, rp: &RelyingParty) -> Result<(), Elsewhere> {
        let hash = digest::digest(&digest::SHA256, rp.id.as_bytes());
        (hash.as_ref() == self.rp_id_hash).then_some(()).ok_or(Elsewhere::RelyingParty)
    }

    /// Present and verified.
    pub(super) fn user_verified(&self) -> bool {
        self.flags & (USER_PRESENT | USER_VERIFIED) == USER_PRESENT | USER_VERIFIED
    }

    pub(super) fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    pub(super) fn backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}
