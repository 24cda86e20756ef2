//! All SQL of this case.

use crate::model::{AccountRow, SessionRow};
use identity::{Failures, Population, StoredSession};
use sqlx::{AnyConnection, Row, any::AnyRow};
use store::StoreError;
use types::{AccountId, Door, EstablishmentId, Role, SessionId, SupplierId, Time};

/// What [`account`] reads.
macro_rules! account_columns {
    () => {
        "a.id AS account_id, a.establishment_id, a.role, a.supplier_id, a.state, a.sealed AS account_sealed, a.last_step, a.last_sign_in, a.version"
    };
}

pub(crate) use account_columns;

pub(crate) fn account(row: &AnyRow) -> Result<AccountRow, StoreError> {
    let id: Vec<u8> = row.try_get("account_id")?;
    let establishment: Vec<u8> = row.try_get("establishment_id")?;
    let role: String = row.try_get("role")?;
    let supplier: Option<Vec<u8>> = row.try_get("supplier_id")?;
    let state: String = row.try_get("state")?;
    let last_step: i64 = row.try_get("last_step")?;
    Ok(AccountRow {
        id: AccountId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("accounts.id"))?,
        establishment: EstablishmentId::try_from(establishment.as_slice())
            .map_err(|_| StoreError::Malformed("accounts.establishment_id"))?,
        role: role.parse().map_err(|()| StoreError::Malformed("accounts.role"))?,
        supplier: supplier
            .map(|id| SupplierId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("accounts.supplier_id")))
            .transpose()?,
        active: state == "active",
        sealed: row.try_get("account_sealed")?,
        last_step: u64::try_from(last_step).unwrap_or(0),
        last_sign_in: row.try_get("last_sign_in")?,
        version: row.try_get("version")?,
    })
}

pub(crate) async fn account_by_login(
    connection: &mut AnyConnection,
    token: &[u8; 32],
) -> Result<Option<AccountRow>, StoreError> {
    let text = concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.login_token = $1");
    let row = sqlx::query(text).bind(token.to_vec()).fetch_optional(connection).await?;
    row.as_ref().map(account).transpose()
}

pub(crate) async fn account_by_id(
    connection: &mut AnyConnection,
    id: AccountId,
) -> Result<Option<AccountRow>, StoreError> {
    let text = concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.id = $1");
    let row = sqlx::query(text).bind(id.as_bytes().to_vec()).fetch_optional(connection).await?;
    row.as_ref().map(account).transpose()
}

pub(crate) async fn session(
    connection: &mut AnyConnection,
    id: SessionId,
    door: Door,
) -> Result<Option<SessionRow>, StoreError> {
    let text = concat!(
        "SELECT s.record, s.tag, s.sealed, ",
        account_columns!(),
        " FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.id = $1 AND s.door = $2"
    );
    let row = sqlx::query(text).bind(id.as_bytes().to_vec()).bind(door.as_str()).fetch_optional(connection).await?;
    row.map(|row| {
        Ok(SessionRow {
            stored: StoredSession::from_parts(row.try_get("record")?, row.try_get("tag")?),
            sealed: row.try_get("sealed")?,
            account: account(&row)?,
        })
    })
    .transpose()
}

pub(crate) async fn failures(connection: &mut AnyConnection, counter: &[u8; 32]) -> Result<Failures, StoreError> {
    let row: Option<(i64, i64)> = sqlx::query_as("SELECT count, last_micros FROM failures WHERE counter = $1")
        .bind(counter.to_vec())
        .fetch_optional(connection)
        .await?;
    Ok(row.map_or_else(Failures::default, |(count, last_micros)| Failures {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        last_micros,
    }))
}

pub(crate) async fn set_failures(
    connection: &mut AnyConnection,
    counter: &[u8; 32],
    failures: Failures,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO failures (counter, count, last_micros) VALUES ($1, $2, $3) \
         ON CONFLICT (counter) DO UPDATE SET count = excluded.count, last_micros = excluded.last_micros",
    )
    .bind(counter.to_vec())
    .bind(i64::from(failures.count))
    .bind(failures.last_micros)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn forget_failures(connection: &mut AnyConnection, counter: &[u8; 32]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM failures WHERE counter = $1").bind(counter.to_vec()).execute(connection).await?;
    Ok(())
}

/// Keeps the code's step and the sign-in, if the account is still as it was read, active, and the code was not
/// used meanwhile.
pub(crate) async fn record_sign_in(
    connection: &mut AnyConnection,
    (account, version): (AccountId, i64),
    step: u64,
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let done = sqlx::query(
        "UPDATE accounts SET last_step = $1, last_sign_in = $2 \
         WHERE id = $3 AND state = 'active' AND last_step < $4 AND version = $5",
    )
    .bind(step)
    .bind(sealed)
    .bind(account.as_bytes().to_vec())
    .bind(step)
    .bind(version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a sign-in by a spare code or a passkey, if the account is still as it was read, and active. What it used was spent
/// in the same commit.
pub(crate) async fn record_other_sign_in(
    connection: &mut AnyConnection,
    (account, version): (AccountId, i64),
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE accounts SET last_sign_in = $1 WHERE id = $2 AND state = 'active' AND version = $3")
        .bind(sealed)
        .bind(account.as_bytes().to_vec())
        .bind(version)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Spends a code that was right and opened nothing, if it was not used meanwhile and the account is still as it was read.
pub(crate) async fn spend_step(
    connection: &mut AnyConnection,
    (account, version): (AccountId, i64),
    step: u64,
) -> Result<bool, StoreError> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let done = sqlx::query(
        "UPDATE accounts SET last_step = $1 WHERE id = $2 AND state = 'active' AND last_step < $3 AND version = $4",
    )
    .bind(step)
    .bind(account.as_bytes().to_vec())
    .bind(step)
    .bind(version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Says that no code up to this step serves any more.
pub(crate) async fn use_step(connection: &mut AnyConnection, account: AccountId, step: u64) -> Result<(), StoreError> {
    sqlx::query("UPDATE accounts SET last_step = $1 WHERE id = $2")
        .bind(i64::try_from(step).unwrap_or(i64::MAX))
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

type SessionParts = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);

/// An account's sessions at one door, with what is sealed of each.
pub(crate) async fn own_sessions(
    connection: &mut AnyConnection,
    (account, door): (AccountId, Door),
    now: Time,
) -> Result<Vec<(SessionId, StoredSession, Vec<u8>)>, StoreError> {
    let text = "SELECT id, record, tag, sealed FROM sessions \
                WHERE account_id = $1 AND door = $2 AND ends_micros > $3 ORDER BY ends_micros DESC LIMIT 1000";
    let rows: Vec<SessionParts> = sqlx::query_as(text)
        .bind(account.as_bytes().to_vec())
        .bind(door.as_str())
        .bind(now.micros())
        .fetch_all(connection)
        .await?;
    let read = |(id, record, tag, sealed): SessionParts| {
        let id = SessionId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("sessions.id"))?;
        Ok((id, StoredSession::from_parts(record, tag), sealed))
    };
    rows.into_iter().map(read).collect()
}

/// A session of somebody's, as read.
pub(crate) struct OwnSessionRow {
    pub id: SessionId,
    pub stored: StoredSession,
    pub sealed: Vec<u8>,
    pub ends: Time,
    /// When its browser was last there, where that is kept.
    pub seen: Time,
}

/// The same, all of them, to close what must be closed.
pub(crate) async fn own_session_rows(
    connection: &mut AnyConnection,
    (account, door): (AccountId, Door),
    now: Time,
) -> Result<Vec<OwnSessionRow>, StoreError> {
    let text = "SELECT id, record, tag, sealed, ends_micros, seen_micros FROM sessions \
                WHERE account_id = $1 AND door = $2 AND ends_micros > $3";
    let rows = sqlx::query(text)
        .bind(account.as_bytes().to_vec())
        .bind(door.as_str())
        .bind(now.micros())
        .fetch_all(connection)
        .await?;
    let read = |row: &AnyRow| {
        let id: Vec<u8> = row.try_get("id")?;
        Ok(OwnSessionRow {
            id: SessionId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("sessions.id"))?,
            stored: StoredSession::from_parts(row.try_get("record")?, row.try_get("tag")?),
            sealed: row.try_get("sealed")?,
            ends: Time::from_micros(row.try_get("ends_micros")?),
            seen: Time::from_micros(row.try_get("seen_micros")?),
        })
    };
    rows.iter().map(read).collect()
}

pub(crate) struct ClosedInsert<'a> {
    pub row: &'a OwnSessionRow,
    pub account: AccountId,
    pub door: Door,
    pub sealed: Vec<u8>,
}

/// Takes a session from among those that open something, and keeps what its browser is told.
pub(crate) async fn close_session(connection: &mut AnyConnection, closed: ClosedInsert<'_>) -> Result<(), StoreError> {
    delete_session(&mut *connection, closed.row.id).await?;
    sqlx::query(
        "INSERT INTO closed_sessions (id, account_id, door, sealed, ends_micros) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, door = excluded.door, \
         sealed = excluded.sealed, ends_micros = excluded.ends_micros",
    )
    .bind(closed.row.id.as_bytes().to_vec())
    .bind(closed.account.as_bytes().to_vec())
    .bind(closed.door.as_str())
    .bind(closed.sealed)
    .bind(closed.row.ends.micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// A session that another sign-in closed.
pub(crate) struct ClosedRow {
    pub id: SessionId,
    pub account: AccountId,
    pub sealed: Vec<u8>,
    pub ends: Time,
}

pub(crate) async fn closed_session(
    connection: &mut AnyConnection,
    id: SessionId,
    door: Door,
) -> Result<Option<ClosedRow>, StoreError> {
    let text = "SELECT account_id, sealed, ends_micros FROM closed_sessions WHERE id = $1 AND door = $2";
    let row = sqlx::query(text).bind(id.as_bytes().to_vec()).bind(door.as_str()).fetch_optional(connection).await?;
    row.map(|row| {
        let account: Vec<u8> = row.try_get("account_id")?;
        Ok(ClosedRow {
            id,
            account: AccountId::try_from(account.as_slice())
                .map_err(|_| StoreError::Malformed("closed_sessions.account_id"))?,
            sealed: row.try_get("sealed")?,
            ends: Time::from_micros(row.try_get("ends_micros")?),
        })
    })
    .transpose()
}

pub(crate) async fn forget_closed(connection: &mut AnyConnection, account: AccountId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM closed_sessions WHERE account_id = $1")
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// Another node may have seen it later.
pub(crate) async fn note_seen(connection: &mut AnyConnection, id: SessionId, at: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE sessions SET seen_micros = $1 WHERE id = $2 AND seen_micros < $3")
        .bind(at.micros())
        .bind(id.as_bytes().to_vec())
        .bind(at.micros())
        .execute(connection)
        .await?;
    Ok(())
}

/// What was decided of a population's sessions, sealed.
pub(crate) async fn session_rules(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
    population: Population,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT sealed FROM session_rules WHERE establishment_id = $1 AND population = $2")
            .bind(establishment.as_bytes().to_vec())
            .bind(population.as_str())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(sealed,)| sealed))
}

pub(crate) async fn forget_session_rules(
    connection: &mut AnyConnection,
    (establishment, population): (EstablishmentId, Population),
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM session_rules WHERE establishment_id = $1 AND population = $2")
        .bind(establishment.as_bytes().to_vec())
        .bind(population.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn put_session_rules(
    connection: &mut AnyConnection,
    (establishment, population): (EstablishmentId, Population),
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO session_rules (establishment_id, population, sealed) VALUES ($1, $2, $3) \
         ON CONFLICT (establishment_id, population) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(establishment.as_bytes().to_vec())
    .bind(population.as_str())
    .bind(sealed)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) struct SessionInsert<'a> {
    pub id: SessionId,
    pub account: AccountId,
    pub establishment: EstablishmentId,
    pub door: Door,
    pub stored: &'a StoredSession,
    pub sealed: Vec<u8>,
    pub ends: Time,
}

pub(crate) async fn insert_session(
    connection: &mut AnyConnection,
    session: SessionInsert<'_>,
) -> Result<(), StoreError> {
    let (record, tag) = session.stored.parts();
    sqlx::query(
        "INSERT INTO sessions (id, account_id, establishment_id, door, record, tag, sealed, ends_micros) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(session.id.as_bytes().to_vec())
    .bind(session.account.as_bytes().to_vec())
    .bind(session.establishment.as_bytes().to_vec())
    .bind(session.door.as_str())
    .bind(record.to_vec())
    .bind(tag.to_vec())
    .bind(session.sealed)
    .bind(session.ends.micros())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn renew_session(
    connection: &mut AnyConnection,
    id: SessionId,
    stored: &StoredSession,
) -> Result<(), StoreError> {
    let (record, tag) = stored.parts();
    sqlx::query("UPDATE sessions SET record = $1, tag = $2 WHERE id = $3")
        .bind(record.to_vec())
        .bind(tag.to_vec())
        .bind(id.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn delete_session(connection: &mut AnyConnection, id: SessionId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id.as_bytes().to_vec()).execute(connection).await?;
    Ok(())
}

/// From when on something is past: sessions ended before `now`, failures of before `failures`, tokens and links
/// ended before `tokens`.
#[derive(Clone, Copy)]
pub(crate) struct Past {
    pub now: Time,
    pub failures: Time,
    pub tokens: Time,
}

/// Whether anything is past its end: spares the journal an entry when there is nothing to do.
pub(crate) async fn anything_past(connection: &mut AnyConnection, past: Past) -> Result<bool, StoreError> {
    for (text, before) in [
        ("SELECT ends_micros FROM sessions WHERE ends_micros < $1 LIMIT 1", past.now),
        ("SELECT ends_micros FROM closed_sessions WHERE ends_micros < $1 LIMIT 1", past.now),
        ("SELECT last_micros FROM failures WHERE last_micros < $1 LIMIT 1", past.failures),
        ("SELECT expires_micros FROM tokens WHERE expires_micros < $1 LIMIT 1", past.tokens),
        ("SELECT asked_micros FROM ssh_approvals WHERE asked_micros < $1 LIMIT 1", past.failures),
        ("SELECT expires_micros FROM account_links WHERE expires_micros < $1 LIMIT 1", past.tokens),
        ("SELECT expires_micros FROM spent_challenges WHERE expires_micros < $1 LIMIT 1", past.now),
    ] {
        let found: Option<(i64,)> = sqlx::query_as(text).bind(before.micros()).fetch_optional(&mut *connection).await?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Remembers a challenge that was signed; says whether it is the first time.
pub(crate) async fn spend_challenge(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
    expires: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO spent_challenges (digest, expires_micros) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
    )
    .bind(digest.to_vec())
    .bind(expires.micros())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn purge(connection: &mut AnyConnection, past: Past) -> Result<(), StoreError> {
    for (text, before) in [
        ("DELETE FROM sessions WHERE ends_micros < $1", past.now),
        ("DELETE FROM closed_sessions WHERE ends_micros < $1", past.now),
        ("DELETE FROM failures WHERE last_micros < $1", past.failures),
        ("DELETE FROM tokens WHERE expires_micros < $1", past.tokens),
        ("DELETE FROM ssh_approvals WHERE asked_micros < $1", past.failures),
        ("DELETE FROM account_links WHERE expires_micros < $1", past.tokens),
        ("DELETE FROM spent_challenges WHERE expires_micros < $1", past.now),
    ] {
        sqlx::query(text).bind(before.micros()).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(crate) async fn insert_establishment(
    connection: &mut AnyConnection,
    id: EstablishmentId,
    name: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO establishments (id, name) VALUES ($1, $2)")
        .bind(id.as_bytes().to_vec())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn establishment(
    connection: &mut AnyConnection,
) -> Result<Vec<(EstablishmentId, String)>, StoreError> {
    let rows: Vec<(Vec<u8>, String)> =
        sqlx::query_as("SELECT id, name FROM establishments ORDER BY name").fetch_all(connection).await?;
    rows.into_iter()
        .map(|(id, name)| {
            let id =
                EstablishmentId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("establishments.id"))?;
            Ok((id, name))
        })
        .collect()
}

/// Puts another sealed part and state in place of those that were read, unless somebody else did meanwhile.
pub(crate) async fn reseal_account(
    connection: &mut AnyConnection,
    (account, version): (AccountId, i64),
    sealed: Vec<u8>,
    state: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE accounts SET sealed = $1, state = $2, version = $3 WHERE id = $4 AND version = $5")
        .bind(sealed)
        .bind(state)
        .bind(version.saturating_add(1))
        .bind(account.as_bytes().to_vec())
        .bind(version)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts the same account in its own place, its password hashed again, if nothing of it was changed since it was read. Its
/// version stays: whoever changes it meanwhile does not find it changed.
pub(crate) async fn keep_hash(
    connection: &mut AnyConnection,
    read: &AccountRow,
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE accounts SET sealed = $1 WHERE id = $2 AND version = $3 AND sealed = $4")
        .bind(sealed)
        .bind(read.id.as_bytes().to_vec())
        .bind(read.version)
        .bind(read.sealed.clone())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) struct AccountInsert {
    pub state: &'static str,
    pub profile: Option<Vec<u8>>,
    pub id: AccountId,
    pub establishment: EstablishmentId,
    pub role: Role,
    pub supplier: Option<SupplierId>,
    pub login_token: [u8; 32],
    pub sealed: Vec<u8>,
}

pub(crate) async fn insert_account(connection: &mut AnyConnection, account: AccountInsert) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO accounts \
         (id, establishment_id, login_token, role, supplier_id, state, sealed, profile, last_step, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 1)",
    )
    .bind(account.id.as_bytes().to_vec())
    .bind(account.establishment.as_bytes().to_vec())
    .bind(account.login_token.to_vec())
    .bind(account.role.as_str())
    .bind(account.supplier.map(|id| id.as_bytes().to_vec()))
    .bind(account.state)
    .bind(account.sealed)
    .bind(account.profile)
    .execute(connection)
    .await?;
    Ok(())
}
