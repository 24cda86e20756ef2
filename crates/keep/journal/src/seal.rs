//! Sealing entries' bodies to the trace readers' key of the month.
//!
//! One context per journal opening, family and month: a fresh data key, sealed by HPKE to the month's public key in an
//! entry of its own, then AES-256-GCM with a counter as nonce. Who writes keeps the data key in memory only; the public
//! key opens nothing.

use crate::{
    JournalError,
    entry::{Body, Header, Kind, join},
};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::sync::atomic::{AtomicU64, Ordering};
use types::{Event, Time, TraceId};
use vault::{MonthKeys, SealTo, VaultError, random};
use zeroize::Zeroizing;

/// The one family of events so far; retention will tell more apart.
pub(crate) const FAMILY: &str = "access";
const INFO: &[u8] = b"poterne journal data key 1";

pub(crate) struct SealContext {
    month: String,
    name: [u8; 8],
    key: LessSafeKey,
    next: AtomicU64,
}

/// The month of a moment, in universal time: `2026-11`.
pub(crate) fn month_of(now: Time) -> String {
    let moment = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("{:04}-{:02}", date.year(), date.month())
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    if let Some(tail) = bytes.last_chunk_mut::<8>() {
        *tail = number.to_be_bytes();
    }
    Nonce::assume_unique_for_key(bytes)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Library("AES key"))?))
}

impl SealContext {
    /// A new context and the entry that must be durable before anything sealed with it.
    pub(crate) fn begin(months: &MonthKeys, now: Time) -> Result<(Self, Vec<u8>), JournalError> {
        let month = month_of(now);
        let SealTo { name: to, public } = months.seal_to(FAMILY, &month)?;
        let key = Zeroizing::new(random::<32>()?);
        let name: [u8; 8] = random()?;
        let header = Header {
            kind: Kind::SealKey,
            event: Event::SealKey,
            time: now,
            trace: TraceId::from_bytes(random()?),
            outcome: None,
            seal_key: name,
            number: 0,
            salt: random()?,
        };
        let header = header.encode();
        let sealed = vault::hpke::seal(&public, INFO, &header, key.as_slice())?;
        let body = minicbor::to_vec((to.as_str(), minicbor::bytes::ByteVec::from(sealed))).unwrap_or_default();
        let context = Self { month, name, key: cipher(&key)?, next: AtomicU64::new(1) };
        Ok((context, join(header, body)))
    }

    /// Whether this context is still the month's.
    pub(crate) fn serves(&self, now: Time) -> bool {
        self.month == month_of(now)
    }

    /// An entry with its body sealed.
    pub(crate) fn entry(
        &self,
        kind: Kind,
        event: Event,
        (trace, outcome): (TraceId, Option<crate::Outcome>),
        body: &Body,
        now: Time,
    ) -> Result<Vec<u8>, JournalError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let header = Header { kind, event, time: now, trace, outcome, seal_key: self.name, number, salt: random()? };
        let header = header.encode();
        let mut sealed = body.encode();
        self.key
            .seal_in_place_append_tag(nonce(number), Aad::from(&header), &mut sealed)
            .map_err(|_| VaultError::Library("sealing"))?;
        Ok(join(header, sealed))
    }
}

/// The other side: opens bodies, given the months' private keys.
pub(crate) struct Opening {
    key: LessSafeKey,
}

impl Opening {
    /// From a [`Kind::SealKey`] entry's parts.
    pub(crate) fn of(header_bytes: &[u8], body: &[u8], months: &MonthKeys) -> Result<Self, JournalError> {
        let (name, sealed): (String, minicbor::bytes::ByteVec) =
            minicbor::decode(body).map_err(|_| VaultError::DoesNotOpen)?;
        let private = months.private(&name)?;
        let key = vault::hpke::open(&private, INFO, header_bytes, &sealed)?;
        let key = Zeroizing::new(<[u8; 32]>::try_from(key.as_slice()).map_err(|_| VaultError::DoesNotOpen)?);
        Ok(Self { key: cipher(&key)? })
    }

    /// The name of the month's key to which the body of a [`Kind::SealKey`] entry is sealed.
    pub(crate) fn group(body: &[u8]) -> Result<String, JournalError> {
        let (name, _): (String, minicbor::bytes::ByteVec) =
            minicbor::decode(body).map_err(|_| VaultError::DoesNotOpen)?;
        Ok(name)
    }

    pub(crate) fn body(&self, number: u64, header_bytes: &[u8], sealed: &[u8]) -> Result<Body, JournalError> {
        let mut sealed = sealed.to_vec();
        let clear = self
            .key
            .open_in_place(nonce(number), Aad::from(header_bytes), &mut sealed)
            .map_err(|_| VaultError::DoesNotOpen)?;
        Body::decode(clear).map_err(JournalError::Malformed)
    }
}
