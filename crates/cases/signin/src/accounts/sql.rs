//! SQL of accounts, links and spare codes.

use super::model::LinkRow;
use crate::{
    model::AccountRow,
    outbox::sql::drop_links,
    sql::{account, account_columns, forget_closed},
};
use sqlx::{AnyConnection, Row, any::AnyRow};
use store::StoreError;
use types::{AccountId, EstablishmentId, Role, SessionId, Time};

/// An account with its profile and its link, as read.
pub(crate) struct Whole {
    pub account: AccountRow,
    pub profile: Option<Vec<u8>>,
    pub link: Option<LinkRow>,
}

macro_rules! whole_columns {
    () => {
        concat!("SELECT ", account_columns!(), ", a.profile, l.digest, l.sealed AS link_sealed ")
    };
}

macro_rules! with_any_link {
    ($rest:literal) => {
        concat!(whole_columns!(), "FROM accounts a LEFT JOIN account_links l ON l.account_id = a.id ", $rest)
    };
}

// The few links lead to their accounts, not all accounts (every patient's) to those that have one: SQLite keeps the order
// of a cross join.
macro_rules! with_a_link {
    ($rest:literal) => {
        concat!(whole_columns!(), "FROM account_links l CROSS JOIN accounts a WHERE a.id = l.account_id AND ", $rest)
    };
}

fn whole(row: &AnyRow) -> Result<Whole, StoreError> {
    let account = account(row)?;
    let digest: Option<Vec<u8>> = row.try_get("digest")?;
    let sealed: Option<Vec<u8>> = row.try_get("link_sealed")?;
    let link = match digest.zip(sealed) {
        Some((digest, sealed)) => Some(link_row(account.id, digest, sealed)?),
        None => None,
    };
    Ok(Whole { profile: row.try_get("profile")?, link, account })
}

fn link_row(account: AccountId, digest: Vec<u8>, sealed: Vec<u8>) -> Result<LinkRow, StoreError> {
    let digest = digest.try_into().map_err(|_| StoreError::Malformed("account_links.digest"))?;
    Ok(LinkRow { account, digest, sealed })
}

/// Accounts of an establishment in the order of their identifiers, of a role if one is told, those with a link only if asked so.
pub(crate) async fn accounts(
    connection: &mut AnyConnection,
    (establishment, role, linked): (EstablishmentId, Option<Role>, bool),
    after: Option<AccountId>,
    most: i64,
) -> Result<Vec<Whole>, StoreError> {
    let text = if linked {
        with_a_link!(
            "a.establishment_id = $1 AND l.account_id > $2 AND (a.role = $3 OR $4 = '') ORDER BY l.account_id LIMIT $5"
        )
    } else {
        with_any_link!(
            "WHERE a.establishment_id = $1 AND a.id > $2 AND (a.role = $3 OR $4 = '') ORDER BY a.id LIMIT $5"
        )
    };
    let role = role.map_or("", Role::as_str);
    let rows = sqlx::query(text)
        .bind(establishment.as_bytes().to_vec())
        .bind(after.map(|after| after.as_bytes().to_vec()).unwrap_or_default())
        .bind(role)
        .bind(role)
        .bind(most)
        .fetch_all(connection)
        .await?;
    rows.iter().map(whole).collect()
}

/// One account with its profile and its link.
pub(crate) async fn one(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
    account: AccountId,
) -> Result<Option<Whole>, StoreError> {
    let text = with_any_link!("WHERE a.establishment_id = $1 AND a.id = $2");
    let row = sqlx::query(text)
        .bind(establishment.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(whole).transpose()
}

/// The account that a link's digest leads to, with the link.
pub(crate) async fn by_link(connection: &mut AnyConnection, digest: &[u8; 32]) -> Result<Option<Whole>, StoreError> {
    let text = with_a_link!("l.digest = $1");
    let row = sqlx::query(text).bind(digest.to_vec()).fetch_optional(connection).await?;
    row.as_ref().map(whole).transpose()
}

/// How many other accounts of that role are in use, besides this one, and besides the one of that login, which is nobody's.
pub(crate) async fn others_in_use(
    connection: &mut AnyConnection,
    (establishment, role): (EstablishmentId, Role),
    (besides, nobodys): (AccountId, &[u8; 32]),
) -> Result<i64, StoreError> {
    let text = "SELECT COUNT(*) FROM accounts \
                WHERE establishment_id = $1 AND role = $2 AND state = 'active' AND id <> $3 AND login_token <> $4";
    let (count,): (i64,) = sqlx::query_as(text)
        .bind(establishment.as_bytes().to_vec())
        .bind(role.as_str())
        .bind(besides.as_bytes().to_vec())
        .bind(nobodys.to_vec())
        .fetch_one(connection)
        .await?;
    Ok(count)
}

/// Puts a link in the place of whichever was there.
pub(crate) async fn put_link(connection: &mut AnyConnection, link: &LinkRow, expires: Time) -> Result<(), StoreError> {
    drop_link(&mut *connection, link.account).await?;
    sqlx::query("INSERT INTO account_links (account_id, digest, sealed, expires_micros) VALUES ($1, $2, $3, $4)")
        .bind(link.account.as_bytes().to_vec())
        .bind(link.digest.to_vec())
        .bind(link.sealed.clone())
        .bind(expires.micros())
        .execute(connection)
        .await?;
    Ok(())
}

/// Puts another sealed part in the place of the one that was read.
pub(crate) async fn reseal_link(
    connection: &mut AnyConnection,
    former: &LinkRow,
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE account_links SET sealed = $1 WHERE account_id = $2 AND digest = $3 AND sealed = $4")
            .bind(sealed)
            .bind(former.account.as_bytes().to_vec())
            .bind(former.digest.to_vec())
            .bind(former.sealed.clone())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes an account's link away, and the mail that holds it; says whether there was one.
pub(crate) async fn drop_link(connection: &mut AnyConnection, account: AccountId) -> Result<bool, StoreError> {
    drop_links(&mut *connection, account).await?;
    let gone = sqlx::query("DELETE FROM account_links WHERE account_id = $1")
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// Takes away this very link; says whether it was still there.
pub(crate) async fn spend_link(connection: &mut AnyConnection, link: &LinkRow) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM account_links WHERE account_id = $1 AND digest = $2 AND sealed = $3")
        .bind(link.account.as_bytes().to_vec())
        .bind(link.digest.to_vec())
        .bind(link.sealed.clone())
        .execute(&mut *connection)
        .await?;
    let was_there = gone.rows_affected() == 1;
    if was_there {
        // Not the letter of another, drawn meanwhile.
        drop_links(connection, link.account).await?;
    }
    Ok(was_there)
}

/// Puts another profile in the place of the one that was read.
pub(crate) async fn set_profile(
    connection: &mut AnyConnection,
    (account, former): (AccountId, Option<&[u8]>),
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    let text = match former {
        Some(_) => "UPDATE accounts SET profile = $1 WHERE id = $2 AND profile = $3",
        None => "UPDATE accounts SET profile = $1 WHERE id = $2 AND profile IS NULL",
    };
    let query = sqlx::query(text).bind(sealed).bind(account.as_bytes().to_vec());
    let query = match former {
        Some(former) => query.bind(former.to_vec()),
        None => query,
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

fn session_id(row: &[u8]) -> Result<SessionId, StoreError> {
    SessionId::try_from(row).map_err(|_| StoreError::Malformed("sessions.id"))
}

/// What an account becomes as the directory changed.
pub(crate) struct Moved {
    pub role: Role,
    pub state: &'static str,
    pub login_token: [u8; 32],
    pub sealed: Vec<u8>,
    pub profile: Vec<u8>,
}

/// Puts another role, state, login and sealed parts in the place of those that were read, unless somebody else did meanwhile.
pub(crate) async fn move_account(
    connection: &mut AnyConnection,
    (account, version): (AccountId, i64),
    moved: &Moved,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE accounts SET role = $1, state = $2, login_token = $3, sealed = $4, profile = $5, version = $6 \
         WHERE id = $7 AND version = $8",
    )
    .bind(moved.role.as_str())
    .bind(moved.state)
    .bind(moved.login_token.to_vec())
    .bind(moved.sealed.clone())
    .bind(moved.profile.clone())
    .bind(version.saturating_add(1))
    .bind(account.as_bytes().to_vec())
    .bind(version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The sessions of an account that are not over, at any door.
pub(crate) async fn sessions_of(
    connection: &mut AnyConnection,
    account: AccountId,
    now: Time,
) -> Result<Vec<SessionId>, StoreError> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT id FROM sessions WHERE account_id = $1 AND ends_micros > $2 ORDER BY id LIMIT 1000")
            .bind(account.as_bytes().to_vec())
            .bind(now.micros())
            .fetch_all(connection)
            .await?;
    rows.iter().map(|(row,)| session_id(row)).collect()
}

/// Whether a session's row is there.
pub(crate) async fn session_is_there(connection: &mut AnyConnection, session: SessionId) -> Result<bool, StoreError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT id FROM sessions WHERE id = $1")
        .bind(session.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Deletes an account's sessions, but for one that may stay; says which.
pub(crate) async fn end_sessions(
    connection: &mut AnyConnection,
    account: AccountId,
    but: Option<SessionId>,
) -> Result<Vec<SessionId>, StoreError> {
    // Whoever still shows one that another sign-in closed is told nothing more.
    forget_closed(&mut *connection, account).await?;
    delete_sessions(connection, account, but).await
}

/// An account's sessions, at all doors.
pub(crate) async fn open_sessions(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<Vec<SessionId>, StoreError> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as("SELECT id FROM sessions WHERE account_id = $1")
        .bind(account.as_bytes().to_vec())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|(row,)| session_id(row)).collect()
}

/// The same; whoever shows one that another sign-in closed before is still told so.
pub(crate) async fn delete_sessions(
    connection: &mut AnyConnection,
    account: AccountId,
    but: Option<SessionId>,
) -> Result<Vec<SessionId>, StoreError> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as("DELETE FROM sessions WHERE account_id = $1 AND id <> $2 RETURNING id")
        .bind(account.as_bytes().to_vec())
        .bind(but.map(|but| but.as_bytes().to_vec()).unwrap_or_default())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|(row,)| session_id(row)).collect()
}

/// Deletes an account's tokens; says which, as the sessions that they are.
pub(crate) async fn end_tokens(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<Vec<SessionId>, StoreError> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as("DELETE FROM tokens WHERE account_id = $1 RETURNING id")
        .bind(account.as_bytes().to_vec())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|(row,)| session_id(row)).collect()
}

/// Puts spare codes in the place of those that were there.
pub(crate) async fn set_codes(
    connection: &mut AnyConnection,
    account: AccountId,
    digests: &[[u8; 32]],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM spare_codes WHERE account_id = $1")
        .bind(account.as_bytes().to_vec())
        .execute(&mut *connection)
        .await?;
    for digest in digests {
        sqlx::query("INSERT INTO spare_codes (account_id, digest) VALUES ($1, $2)")
            .bind(account.as_bytes().to_vec())
            .bind(digest.to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// How many spare codes are left.
pub(crate) async fn codes_left(connection: &mut AnyConnection, account: AccountId) -> Result<i64, StoreError> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM spare_codes WHERE account_id = $1")
        .bind(account.as_bytes().to_vec())
        .fetch_one(connection)
        .await?;
    Ok(count)
}

/// Whether a spare code is there.
pub(crate) async fn has_code(
    connection: &mut AnyConnection,
    account: AccountId,
    digest: &[u8; 32],
) -> Result<bool, StoreError> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT digest FROM spare_codes WHERE account_id = $1 AND digest = $2")
            .bind(account.as_bytes().to_vec())
            .bind(digest.to_vec())
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// Takes a spare code away; says whether it was still there.
pub(crate) async fn spend_code(
    connection: &mut AnyConnection,
    account: AccountId,
    digest: &[u8; 32],
) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM spare_codes WHERE account_id = $1 AND digest = $2")
        .bind(account.as_bytes().to_vec())
        .bind(digest.to_vec())
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// When an establishment's administrators were last written to about accounts to look at again.
pub(crate) async fn reminded(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
) -> Result<Option<Time>, StoreError> {
    let row = sqlx::query("SELECT at_micros FROM review_reminders WHERE establishment_id = $1")
        .bind(establishment.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(Time::from_micros(row.try_get(0)?))).transpose()
}

/// Notes that they are, if nobody did since that was read.
pub(crate) async fn note_reminded(
    connection: &mut AnyConnection,
    (establishment, former): (EstablishmentId, Option<Time>),
    now: Time,
) -> Result<bool, StoreError> {
    let establishment = establishment.as_bytes().to_vec();
    let done = match former {
        None => {
            let insert = "INSERT INTO review_reminders (at_micros, establishment_id) VALUES ($1, $2)";
            sqlx::query(insert).bind(now.micros()).bind(establishment).execute(connection).await?
        }
        Some(former) => {
            let update = "UPDATE review_reminders SET at_micros = $1 WHERE establishment_id = $2 AND at_micros = $3";
            let update = sqlx::query(update).bind(now.micros()).bind(establishment).bind(former.micros());
            update.execute(connection).await?
        }
    };
    Ok(done.rows_affected() == 1)
}
