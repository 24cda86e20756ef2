//! Sealing entries' bodies to the trace readers' key of the month.
//!
//! One context per journal opening, family and month: a fresh data key, sealed by HPKE to the family's public key of the
//! month in an entry of its own, then AES-256-GCM with a counter as nonce. Who writes keeps the data key in memory only;
//! the public key opens nothing. Families have keys of their own so that each may go at its own term.

use crate::{
    JournalError,
    entry::{Body, Header, Kind, join},
    log::Log,
};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::{
    ops::Range,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};
use types::{ClockState, Event, Family, Time, TraceId};
use vault::{MonthKeys, SealTo, VaultError, random};
use zeroize::Zeroizing;

const INFO: &[u8] = b"poterne journal data key 1";

pub(crate) struct SealContext {
    /// The month that it serves, from its first moment to the next one's.
    month: Range<Time>,
    name: [u8; 8],
    key: LessSafeKey,
    next: AtomicU64,
}

/// What an entry says beside its body.
pub(crate) struct Act {
    pub kind: Kind,
    pub event: Event,
    pub trace: TraceId,
    /// `None` where the kind says it all.
    pub outcome: Option<crate::Outcome>,
    pub time: Time,
    pub clock: ClockState,
}

/// The month of a moment, in universal time, as `2026-11`; and its bounds. A clock outside any calendar has none.
pub(crate) fn month_of(now: Time) -> Result<(String, Range<Time>), JournalError> {
    let outside = |_| JournalError::Malformed("the clock shows a date outside any calendar".to_owned());
    let moment = jiff::Timestamp::from_microsecond(now.micros()).map_err(outside)?;
    let first = moment.to_zoned(jiff::tz::TimeZone::UTC).first_of_month().and_then(|day| day.start_of_day());
    let first = first.map_err(outside)?;
    let next = first.checked_add(jiff::Span::new().months(1)).map_err(outside)?;
    let moment = |day: &jiff::Zoned| Time::from_micros(day.timestamp().as_microsecond());
    Ok((format!("{:04}-{:02}", first.year(), first.month()), moment(&first)..moment(&next)))
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
    /// A new context of a family and the entry that must be durable before anything sealed with it.
    pub(crate) fn begin(
        months: &MonthKeys,
        family: Family,
        now: Time,
        clock: ClockState,
    ) -> Result<(Self, Vec<u8>), JournalError> {
        let (name, month) = month_of(now)?;
        let SealTo { name: to, public } = months.seal_to(family.as_str(), &name)?;
        let key = Zeroizing::new(random::<32>()?);
        let name: [u8; 8] = random()?;
        let header = Header {
            kind: Kind::SealKey,
            event: Event::SealKey,
            time: now,
            clock,
            trace: TraceId::from_bytes(random()?),
            outcome: Kind::SealKey.outcome(),
            seal_key: name,
            number: 0,
            salt: random()?,
            statement: None,
        };
        let header = header.encode();
        let sealed = vault::hpke::seal(&public, INFO, &header, key.as_slice())?;
        let body = minicbor::to_vec((to.as_str(), minicbor::bytes::ByteVec::from(sealed))).unwrap_or_default();
        let context = Self { month, name, key: cipher(&key)?, next: AtomicU64::new(1) };
        Ok((context, join(header, body)))
    }

    /// Whether this context is still the month's.
    pub(crate) fn serves(&self, now: Time) -> bool {
        self.month.contains(&now)
    }

    /// An entry with its body sealed.
    pub(crate) fn entry(&self, act: &Act, body: &Body) -> Result<Vec<u8>, JournalError> {
        self.written(act, body, None)
    }

    /// The same, with what the journal says of its own retention, in clear.
    pub(crate) fn entry_stating(&self, act: &Act, body: &Body, statement: Vec<u8>) -> Result<Vec<u8>, JournalError> {
        self.written(act, body, Some(statement))
    }

    fn written(&self, act: &Act, body: &Body, statement: Option<Vec<u8>>) -> Result<Vec<u8>, JournalError> {
        let header = Header {
            kind: act.kind,
            event: act.event,
            time: act.time,
            clock: act.clock,
            trace: act.trace,
            outcome: act.outcome.or(act.kind.outcome()),
            seal_key: self.name,
            number: self.next.fetch_add(1, Ordering::Relaxed),
            salt: random()?,
            statement,
        };
        let (number, header) = (header.number, header.encode());
        let mut sealed = body.encode();
        self.key
            .seal_in_place_append_tag(nonce(number), Aad::from(&header), &mut sealed)
            .map_err(|_| VaultError::Library("sealing"))?;
        Ok(join(header, sealed))
    }
}

/// A family's context in use.
#[derive(Default)]
struct Slot {
    current: RwLock<Option<Arc<SealContext>>>,
    /// Held by whoever makes the next one, so that its key is written once; those of other families do not wait.
    making: tokio::sync::Mutex<()>,
}

/// The contexts in use: one for each family at most, made when its first event of the month needs it.
pub(crate) struct Seals {
    months: MonthKeys,
    technical: Slot,
    access: Slot,
    accounts: Slot,
    interventions: Slot,
    health: Slot,
}

impl Seals {
    pub(crate) fn new(months: MonthKeys) -> Self {
        Self {
            months,
            technical: Slot::default(),
            access: Slot::default(),
            accounts: Slot::default(),
            interventions: Slot::default(),
            health: Slot::default(),
        }
    }

    /// The months' keys.
    pub(crate) fn months(&self) -> &MonthKeys {
        &self.months
    }

    fn slot(&self, family: Family) -> &Slot {
        match family {
            Family::Technical => &self.technical,
            Family::Access => &self.access,
            Family::Accounts => &self.accounts,
            Family::Interventions => &self.interventions,
            Family::Health => &self.health,
        }
    }

    /// The family's context for this moment, if there is one already: a lock held for a copy of its handle.
    fn kept(&self, family: Family, now: Time) -> Option<Arc<SealContext>> {
        let current = self.slot(family).current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|context| context.serves(now)).map(Arc::clone)
    }

    /// The family's context, with the moment that it serves. Where there is none, the new one's key is durable before
    /// anybody gets it.
    pub(crate) async fn of(
        &self,
        family: Family,
        log: &Log,
        clock: &dyn types::Clock,
    ) -> Result<(Arc<SealContext>, Time), JournalError> {
        let now = clock.now();
        if let Some(context) = self.kept(family, now) {
            return Ok((context, now));
        }
        let slot = self.slot(family);
        let _making = slot.making.lock().await;
        // The moment is read again: of those who waited here over the turn of a month, none goes back to the one before.
        let now = clock.now();
        if let Some(context) = self.kept(family, now) {
            return Ok((context, now));
        }
        let (months, state) = (self.months.clone(), clock.state());
        let begun = tokio::task::spawn_blocking(move || SealContext::begin(&months, family, now, state));
        let (context, first) = begun.await.map_err(|_| JournalError::Fault)??;
        log.append(first).await?;
        let context = Arc::new(context);
        *slot.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&context));
        Ok((context, now))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_month_begins_and_ends_in_universal_time() {
        let at = |text: &str| Time::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let (name, span) = month_of(at("2028-02-29T23:59:59.999999Z")).unwrap();
        assert_eq!((name.as_str(), &span), ("2028-02", &(at("2028-02-01T00:00:00Z")..at("2028-03-01T00:00:00Z"))));
        assert!(span.contains(&at("2028-02-01T00:00:00Z")) && !span.contains(&at("2028-03-01T00:00:00Z")));
        let (name, span) = month_of(at("2026-12-31T23:59:59Z")).unwrap();
        assert_eq!((name.as_str(), span.end), ("2026-12", at("2027-01-01T00:00:00Z")));
        assert!(month_of(Time::from_micros(i64::MAX)).is_err(), "no calendar has that day");
    }
}
