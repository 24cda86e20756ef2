//! One session at a time (acces-web AA8): what a new session closes, or what keeps it from being opened; and what the browser
//! of a closed one is told.

use crate::{
    SignInService,
    model::{LastSignIn, SessionSecrets, session_place},
    opening::Granted,
    sql::{ClosedInsert, OwnSessionRow, close_session, closed_session, delete_session, note_seen, own_session_rows},
};
use identity::{AtOnce, SessionToken, TokenDigest, system_actor};
use journal::{Applied, Effect, JournalError, WriteTx};
use minicbor::{Decode, Encode};
use policy::{Facts, NoteSeen, OpenSession};
use std::{collections::HashMap, sync::PoisonError, time::Duration};
use store::StoreError;
use types::{AccountId, ClientAddress, SessionId, SystemActor, Time};
use vault::{Keys, Place, Purpose};

/// A browser that was not there for this long has left its session: it says every minute that it is there.
pub const PRESENT: Duration = Duration::from_secs(180);
/// Sessions whose presence one node remembers between two notes of it.
const SEEN_MAX: usize = 65_536;

/// Where and when the other session was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSession {
    /// Whose.
    pub account: AccountId,
    /// When it was opened.
    pub at: Time,
    /// From where, if that was kept.
    pub address: Option<ClientAddress>,
    /// What the device calls itself; empty when it does not.
    pub device: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct RawClosed {
    #[n(0)]
    at: i64,
    #[n(1)]
    address: String,
    #[n(2)]
    device: String,
    /// Of its token.
    #[cbor(n(3), with = "minicbor::bytes")]
    digest: [u8; 32],
}

fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "closed_sessions", column: "sealed", row }
}

fn described(keys: &Keys, account: AccountId, row: &OwnSessionRow) -> OtherSession {
    let place: [&[u8]; 2] = [row.id.as_bytes(), account.as_bytes()];
    let kept = SessionSecrets::open(keys, session_place(&place), &row.sealed).ok();
    let own = kept.as_ref().and_then(SessionSecrets::own);
    let (at, address) = own.map_or((Time::from_micros(0), None), |own| (own.at, Some(own.address)));
    OtherSession { account, at, address, device: kept.map(|kept| kept.device).unwrap_or_default() }
}

impl Granted {
    /// What keeps this session from being opened: another one whose browser is there, where the first one counts.
    pub(crate) async fn in_the_way(
        &self,
        service: &SignInService,
        tx: &mut WriteTx<'_, OpenSession>,
    ) -> Result<Option<OtherSession>, StoreError> {
        if self.rules.at_once() != AtOnce::First {
            return Ok(None);
        }
        let (parts, now, account) = (service.parts(), tx.now(), self.account.id);
        let door = tx.action().door;
        let rows = own_session_rows(tx.connection(), (account, door), now).await?;
        let is_there = |row: &&OwnSessionRow| {
            let Some(times) = row.stored.times(&parts.door_key, account) else { return false };
            if self.former == Some(row.id) {
                return false;
            }
            let last = service.seen(row.id).into_iter().chain([times.opened]).fold(row.seen, Time::max);
            now < times.idle_until && now.since(last) < PRESENT && !parts.journal.is_revoked(row.id)
        };
        Ok(rows.iter().find(is_there).map(|row| described(&parts.keys, account, row)))
    }

    /// Closes what the account has at this door, where one session at a time is kept; says which were open, and which were over
    /// or are gone on with.
    pub(crate) async fn close_others(
        &self,
        service: &SignInService,
        tx: &mut WriteTx<'_, OpenSession>,
    ) -> Result<(Vec<SessionId>, Vec<SessionId>), StoreError> {
        if self.rules.at_once() == AtOnce::Several {
            return Ok((Vec::new(), Vec::new()));
        }
        let (keys, account) = (&service.parts().keys, self.account.id);
        let (now, door) = (tx.now(), tx.action().door);
        let parts = service.parts();
        let LastSignIn { at, address } = self.sign_in;
        let (mut closed, mut over) = (Vec::new(), Vec::new());
        for row in own_session_rows(tx.connection(), (account, door), now).await? {
            let times = row.stored.times(&parts.door_key, account);
            let lives = times.is_some_and(|times| now < times.idle_until) && !parts.journal.is_revoked(row.id);
            let digest = row.stored.token_digest(&parts.door_key, account);
            // Who goes on in the same browser is told nothing of himself, and a session that was over says nothing either.
            let Some(digest) = digest.filter(|_| lives && self.former != Some(row.id)) else {
                delete_session(tx.connection(), row.id).await?;
                over.push(row.id);
                continue;
            };
            closed.push(row.id);
            let (address, device) = (address.to_string(), self.device.clone());
            let raw = RawClosed { at: at.micros(), address, device, digest: *digest.bytes() };
            let clear = minicbor::to_vec(&raw).unwrap_or_default();
            let bound: [&[u8]; 2] = [row.id.as_bytes(), account.as_bytes()];
            let sealed = keys
                .seal(Purpose::SessionFields, place(&bound), &clear)
                .map_err(|error| StoreError::Other(error.to_string()))?;
            close_session(tx.connection(), ClosedInsert { row: &row, account, door, sealed }).await?;
        }
        Ok((closed, over))
    }
}

impl SignInService {
    /// What closed the session of a genuine token, if another sign-in did. Whoever has no such token learns nothing.
    pub(crate) async fn closed_by(&self, token: &SessionToken) -> Result<Option<OtherSession>, StoreError> {
        let parts = self.parts();
        let mut connection = parts.store.read().await?;
        let row = closed_session(&mut connection, token.id(), parts.settings.door).await?;
        drop(connection);
        let now = parts.journal.now();
        let Some(row) = row.filter(|row| now < row.ends) else { return Ok(None) };
        let bound: [&[u8]; 2] = [row.id.as_bytes(), row.account.as_bytes()];
        let clear = parts.keys.open(Purpose::SessionFields, place(&bound), &row.sealed);
        let bad = || StoreError::Malformed("closed_sessions.sealed");
        let raw: RawClosed = minicbor::decode(&clear.map_err(|_| bad())?).map_err(|_| bad())?;
        if !TokenDigest::from_bytes(raw.digest).is_of(token) {
            return Ok(None);
        }
        let address = raw.address.parse().ok().map(ClientAddress::new);
        Ok(Some(OtherSession { account: row.account, at: Time::from_micros(raw.at), address, device: raw.device }))
    }

    fn seen(&self, session: SessionId) -> Option<Time> {
        self.parts().seen.lock().unwrap_or_else(PoisonError::into_inner).get(&session).copied()
    }

    /// The browser of a session is there. The caller has seen that the session is honored.
    pub fn note_there(&self, session: SessionId) {
        let now = self.parts().journal.now();
        let mut seen = self.parts().seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < SEEN_MAX || seen.contains_key(&session) {
            seen.insert(session, now);
        }
    }

    /// Writes down, for all nodes, which browsers were there since the last time. The node calls it each minute.
    pub async fn keep_seen(&self) -> Result<(), JournalError> {
        let parts = self.parts();
        let seen = std::mem::take(&mut *parts.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if seen.is_empty() {
            return Ok(());
        }
        let now = parts.journal.now();
        let who = system_actor(SystemActor::Node, None, now);
        let authorized = parts
            .policies
            .decide(&who, NoteSeen {}, &Facts::default(), now)
            .map_err(|error| JournalError::Malformed(error.to_string()))?;
        let written = parts.journal.perform(authorized, Seen(seen.clone())).await;
        if written.is_err() {
            // Told again the next time.
            let mut since = parts.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for (session, at) in seen.into_iter().take(SEEN_MAX) {
                since.entry(session).or_insert(at);
            }
        }
        written
    }
}

struct Seen(HashMap<SessionId, Time>);

impl Effect<NoteSeen> for Seen {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, NoteSeen>) -> Result<Applied<()>, StoreError> {
        for (session, at) in &self.0 {
            note_seen(tx.connection(), *session, *at).await?;
        }
        Ok(Applied::done(()))
    }
}
