//! Sessions: opened once at sign-in, resumed at each request, honored only when the door's key authenticates the record.

use crate::{Assurance, Authenticated, authenticated::Person};
use aws_lc_rs::{constant_time, digest, hmac};
use minicbor::{Decode, Encode};
use std::{str::FromStr, time::Duration};
use types::{AccountId, ClientAddress, Door, EstablishmentId, Role, Secret, SessionId, Time};

/// A door's key for session records and ceremonies.
pub struct DoorKey {
    door: Door,
    key: hmac::Key,
}

impl DoorKey {
    /// The key of `door`, from 32 secret bytes that the vault derives for this purpose alone.
    pub fn new(door: Door, bytes: &[u8; 32]) -> Self {
        Self { door, key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    /// Which door.
    pub fn door(&self) -> Door {
        self.door
    }

    /// Tags bytes for one use (`label`), bound to the door.
    pub(crate) fn tag(&self, label: &str, bytes: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [label.as_bytes(), self.door.as_str().as_bytes(), bytes] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    pub(crate) fn tag_matches(&self, label: &str, bytes: &[u8], tag: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.tag(label, bytes), tag).is_ok()
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Ends after this long unused.
    pub idle: Duration,
    /// Ends in any case.
    pub absolute: Duration,
}

/// What the browser holds: the session's identifier and 32 secret bytes. Text: 26 base32 characters and 64
/// hexadecimal digits, nothing between: no character that a cookie parser might argue about.
pub struct SessionToken {
    id: SessionId,
    secret: Secret<[u8; 32]>,
}

impl SessionToken {
    /// Which session it claims.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The cookie's value.
    pub fn to_cookie(&self) -> String {
        let hex: String = self.secret.expose().iter().map(|b| format!("{b:02x}")).collect();
        format!("{}{hex}", self.id)
    }
}

impl FromStr for SessionToken {
    type Err = NotResumed;
    fn from_str(text: &str) -> Result<Self, NotResumed> {
        let (id, hex) = text.split_at_checked(26).ok_or(NotResumed::Malformed)?;
        let id = id.parse().map_err(|_| NotResumed::Malformed)?;
        let secret = secret_of(hex).ok_or(NotResumed::Malformed)?;
        Ok(Self { id, secret: Secret::new(secret) })
    }
}

/// 32 bytes from exactly 64 lower-case hexadecimal digits.
pub(crate) fn secret_of(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut secret = [0_u8; 32];
    for (byte, pair) in secret.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(secret)
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Record {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    account: [u8; 16],
    #[cbor(n(2), with = "minicbor::bytes")]
    establishment: [u8; 16],
    #[n(3)]
    role: String,
    #[n(4)]
    assurance: u8,
    #[cbor(n(5), with = "minicbor::bytes")]
    secret_digest: [u8; 32],
    #[n(6)]
    opened: i64,
    #[n(7)]
    idle_until: i64,
    #[n(8)]
    absolute_until: i64,
    #[n(9)]
    idle_micros: i64,
}

/// A session as kept: opaque bytes and the door's tag over them. Whoever can write the table can delete a session, not
/// make or change one.
pub struct StoredSession {
    bytes: Vec<u8>,
    tag: Vec<u8>,
}

impl StoredSession {
    /// Takes back what was kept; nothing is believed before [`resume`] checks the tag.
    pub fn from_parts(bytes: Vec<u8>, tag: Vec<u8>) -> Self {
        Self { bytes, tag }
    }

    /// The bytes and the tag, to be kept.
    pub fn parts(&self) -> (&[u8], &[u8]) {
        (&self.bytes, &self.tag)
    }

    fn seal(record: &Record, key: &DoorKey) -> Self {
        // Writing to a Vec cannot fail.
        let bytes = minicbor::to_vec(record).unwrap_or_default();
        let tag = key.tag("session", &bytes).to_vec();
        Self { bytes, tag }
    }
}

/// A session just opened.
pub struct NewSession {
    /// To be kept.
    pub stored: StoredSession,
    /// To be given to the browser, once.
    pub token: SessionToken,
    /// First moment at which the record may be forgotten.
    pub absolute_until: Time,
}

pub(crate) struct Opening {
    pub account: AccountId,
    pub establishment: EstablishmentId,
    pub role: Role,
    pub assurance: Assurance,
}

pub(crate) fn open(
    opening: Opening,
    key: &DoorKey,
    limits: SessionLimits,
    (id, secret): (SessionId, [u8; 32]),
    now: Time,
) -> NewSession {
    let absolute_until = now + limits.absolute;
    let record = Record {
        id: *id.as_bytes(),
        account: *opening.account.as_bytes(),
        establishment: *opening.establishment.as_bytes(),
        role: opening.role.as_str().to_owned(),
        assurance: opening.assurance.kept(),
        secret_digest: digest_of(&secret),
        opened: now.micros(),
        idle_until: (now + limits.idle).min(absolute_until).micros(),
        absolute_until: absolute_until.micros(),
        idle_micros: i64::try_from(limits.idle.as_micros()).unwrap_or(i64::MAX),
    };
    NewSession {
        stored: StoredSession::seal(&record, key),
        token: SessionToken { id, secret: Secret::new(secret) },
        absolute_until,
    }
}

pub(crate) fn digest_of(secret: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    out
}

/// Why a session is not honored. For the journal; the browser is told only that it must sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotResumed {
    /// The cookie is not a token.
    #[error("the session token is malformed")]
    Malformed,
    /// The record was not written by this door, or was changed.
    #[error("the session record is not authentic")]
    Forged,
    /// The cookie's secret is another one.
    #[error("the session token does not match")]
    WrongToken,
    /// Unused for too long.
    #[error("the session was idle for too long")]
    Idle,
    /// Past its absolute end.
    #[error("the session reached its end")]
    Ended,
}

/// A session honored for this request.
#[derive(Debug)]
pub struct Resumed {
    /// The proof.
    pub authenticated: Authenticated,
    /// When the session was opened.
    pub opened: Time,
    /// When it ends if nothing more is done.
    pub idle_until: Time,
    /// When it ends in any case.
    pub absolute_until: Time,
    /// For how long it may stay unused.
    pub idle: Duration,
}

/// Honors a stored session for one request: the record must carry the tag of this door's key, the token its secret,
/// and both ends must lie ahead.
pub fn resume(
    stored: &StoredSession,
    token: &SessionToken,
    key: &DoorKey,
    address: ClientAddress,
    now: Time,
) -> Result<Resumed, NotResumed> {
    let record = authentic(stored, key)?;
    let id = SessionId::from_bytes(record.id);
    let same_secret =
        constant_time::verify_slices_are_equal(&digest_of(token.secret.expose()), &record.secret_digest).is_ok();
    if !same_secret || id != token.id {
        return Err(NotResumed::WrongToken);
    }
    let (idle_until, absolute_until) = (Time::from_micros(record.idle_until), Time::from_micros(record.absolute_until));
    if now >= absolute_until {
        return Err(NotResumed::Ended);
    }
    if now >= idle_until {
        return Err(NotResumed::Idle);
    }
    let role = record.role.parse().map_err(|()| NotResumed::Forged)?;
    let assurance = Assurance::from_kept(record.assurance).ok_or(NotResumed::Forged)?;
    let person = Person {
        account: AccountId::from_bytes(record.account),
        establishment: EstablishmentId::from_bytes(record.establishment),
        role,
        door: key.door(),
        session: id,
        address,
        assurance,
        since: Some(Time::from_micros(record.opened)),
        session_ends: idle_until.min(absolute_until),
    };
    let authenticated = Authenticated::person(person, now);
    let idle = Duration::from_micros(record.idle_micros.unsigned_abs());
    Ok(Resumed { authenticated, opened: Time::from_micros(record.opened), idle_until, absolute_until, idle })
}

/// What is kept of a session's token once the session is over, to know whoever still shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// As kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// To be kept.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is this token's.
    pub fn is_of(&self, token: &SessionToken) -> bool {
        constant_time::verify_slices_are_equal(&digest_of(token.secret.expose()), &self.0).is_ok()
    }
}

impl StoredSession {
    /// Its token's, if it is this door's record of that account.
    pub fn token_digest(&self, key: &DoorKey, account: AccountId) -> Option<TokenDigest> {
        let record = authentic(self, key).ok().filter(|record| record.account == *account.as_bytes())?;
        Some(TokenDigest(record.secret_digest))
    }
}

fn authentic(stored: &StoredSession, key: &DoorKey) -> Result<Record, NotResumed> {
    if !key.tag_matches("session", &stored.bytes, &stored.tag) {
        return Err(NotResumed::Forged);
    }
    minicbor::decode(&stored.bytes).map_err(|_| NotResumed::Forged)
}

/// A session of somebody's, as he is shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// When it was opened.
    pub opened: Time,
    /// When it ends if nothing more is done.
    pub idle_until: Time,
    /// When it ends in any case.
    pub absolute_until: Time,
}

impl StoredSession {
    /// The record's times, if it is this door's and of that account. It honors nothing.
    pub fn times(&self, key: &DoorKey, account: AccountId) -> Option<SessionTimes> {
        let record = authentic(self, key).ok().filter(|record| record.account == *account.as_bytes())?;
        let [opened, idle_until, absolute_until] =
            [record.opened, record.idle_until, record.absolute_until].map(Time::from_micros);
        Some(SessionTimes { opened, idle_until, absolute_until })
    }

    /// The record with its idle end moved, once a quarter of the idle time has gone by; `None` before that, so that
    /// busy pages do not write at every request. `Forged` if the record is not this door's.
    pub fn renewed(&self, key: &DoorKey, now: Time) -> Result<Option<StoredSession>, NotResumed> {
        let mut record = authentic(self, key)?;
        let idle = Duration::from_micros(record.idle_micros.unsigned_abs());
        let renewed = (now + idle).micros().min(record.absolute_until);
        let gained = renewed.saturating_sub(record.idle_until);
        if now.micros() >= record.idle_until || gained < record.idle_micros / 4 {
            return Ok(None);
        }
        record.idle_until = renewed;
        Ok(Some(StoredSession::seal(&record, key)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    const NOW: Time = Time::from_micros(1_790_000_000_000_000);

    fn limits() -> SessionLimits {
        SessionLimits { idle: Duration::from_secs(1800), absolute: Duration::from_secs(28_800) }
    }

    fn key(door: Door) -> DoorKey {
        DoorKey::new(door, &[9; 32])
    }

    fn opened() -> NewSession {
        let opening = Opening {
            account: AccountId::from_bytes([1; 16]),
            establishment: EstablishmentId::from_bytes([2; 16]),
            role: Role::Patient,
            assurance: Assurance::TwoFactors,
        };
        open(opening, &key(Door::Portal), limits(), (SessionId::from_bytes([3; 16]), [4; 32]), NOW)
    }

    fn here() -> ClientAddress {
        ClientAddress::new([192, 0, 2, 7].into())
    }

    #[test]
    fn a_session_is_honored_until_its_ends() {
        let session = opened();
        let key = key(Door::Portal);
        let at = |seconds: u64| {
            resume(&session.stored, &session.token, &key, here(), NOW + Duration::from_secs(seconds))
                .map(|resumed| resumed.authenticated.role())
        };
        assert_eq!(at(0), Ok(Some(Role::Patient)));
        assert_eq!(at(1799), Ok(Some(Role::Patient)));
        assert_eq!(at(1800), Err(NotResumed::Idle));
        assert_eq!(at(28_800), Err(NotResumed::Ended));
    }

    #[test]
    fn the_token_travels_as_text() {
        let session = opened();
        let parsed: SessionToken = session.token.to_cookie().parse().unwrap();
        assert!(resume(&session.stored, &parsed, &key(Door::Portal), here(), NOW).is_ok());
        for bad in [
            "",
            ".",
            "a.b",
            &"a".repeat(200),
            &session.token.to_cookie()[..89],
            &session.token.to_cookie().to_uppercase(),
        ] {
            assert_eq!(SessionToken::from_str(bad).err(), Some(NotResumed::Malformed), "{bad}");
        }
    }

    #[test]
    fn another_door_or_key_or_token_is_refused() {
        let session = opened();
        let other_key = DoorKey::new(Door::Portal, &[8; 32]);
        let other_token = SessionToken { id: session.token.id, secret: Secret::new([5; 32]) };
        let refused = |token: &SessionToken, key: &DoorKey| resume(&session.stored, token, key, here(), NOW).err();
        assert_eq!(refused(&session.token, &key(Door::Desk)), Some(NotResumed::Forged));
        assert_eq!(refused(&session.token, &other_key), Some(NotResumed::Forged));
        assert_eq!(refused(&other_token, &key(Door::Portal)), Some(NotResumed::WrongToken));
    }

    #[test]
    fn activity_renews_but_never_past_the_end() {
        let mut session = opened();
        let key = key(Door::Portal);
        assert!(session.stored.renewed(&key, NOW + Duration::from_secs(60)).unwrap().is_none(), "too early to write");
        let mut now = NOW;
        for _ in 0..100 {
            now = now + Duration::from_secs(600);
            match session.stored.renewed(&key, now) {
                Ok(Some(renewed)) => session.stored = renewed,
                Ok(None) => {}
                Err(error) => unreachable!("{error}"),
            }
        }
        assert_eq!(resume(&session.stored, &session.token, &key, here(), now).err(), Some(NotResumed::Ended));
        let before = NOW + Duration::from_secs(28_799);
        assert!(resume(&session.stored, &session.token, &key, here(), before).is_ok());
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_a_forgery(position in 0_usize..4096, flip in 1_u8..=255) {
            let session = opened();
            let (bytes, tag) = session.stored.parts();
            let (mut bytes, mut tag) = (bytes.to_vec(), tag.to_vec());
            let position = position % (bytes.len() + tag.len());
            match bytes.get_mut(position) {
                Some(byte) => *byte ^= flip,
                None => { let at = position - bytes.len(); tag[at] ^= flip; }
            }
            let stored = StoredSession::from_parts(bytes, tag);
            prop_assert_eq!(resume(&stored, &session.token, &key(Door::Portal), here(), NOW).err(), Some(NotResumed::Forged));
        }
    }
}
