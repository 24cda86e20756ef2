//! SQL of the mail that waits to leave.

use super::model::LetterRow;
use sqlx::{AnyConnection, Row, any::AnyRow};
use store::StoreError;
use types::{AccountId, EstablishmentId, SessionId, Time};

fn letter(row: &AnyRow) -> Result<LetterRow, StoreError> {
    let (id, account): (Vec<u8>, Vec<u8>) = (row.try_get("id")?, row.try_get("account_id")?);
    let establishment: Vec<u8> = row.try_get("establishment_id")?;
    let micros = |column: &str| Ok::<_, StoreError>(Time::from_micros(row.try_get(column)?));
    let holds_link: i64 = row.try_get("holds_link")?;
    Ok(LetterRow {
        id: id.try_into().map_err(|_| StoreError::Malformed("outbox.id"))?,
        account: AccountId::try_from(account.as_slice()).map_err(|_| StoreError::Malformed("outbox.account_id"))?,
        establishment: EstablishmentId::try_from(establishment.as_slice())
            .map_err(|_| StoreError::Malformed("outbox.establishment_id"))?,
        holds_link: holds_link != 0,
        sealed: row.try_get("sealed")?,
        written: micros("written_micros")?,
        expires: micros("expires_micros")?,
        tried: row.try_get("tried")?,
        next: micros("next_micros")?,
    })
}

/// How many letters wait in all, counted up to a bound, and how many of an account.
pub(crate) async fn waiting(
    connection: &mut AnyConnection,
    account: AccountId,
    bound: i64,
) -> Result<(i64, i64), StoreError> {
    let (all,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM (SELECT id FROM outbox LIMIT $1) AS waiting")
        .bind(bound)
        .fetch_one(&mut *connection)
        .await?;
    let (own,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM outbox WHERE account_id = $1")
        .bind(account.as_bytes().to_vec())
        .fetch_one(connection)
        .await?;
    Ok((all, own))
}

pub(crate) async fn insert(connection: &mut AnyConnection, letter: &LetterRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (id, account_id, establishment_id, holds_link, sealed, written_micros, expires_micros, \
         tried, next_micros) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(letter.id.to_vec())
    .bind(letter.account.as_bytes().to_vec())
    .bind(letter.establishment.as_bytes().to_vec())
    .bind(i64::from(letter.holds_link))
    .bind(letter.sealed.clone())
    .bind(letter.written.micros())
    .bind(letter.expires.micros())
    .bind(letter.tried)
    .bind(letter.next.micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Those that may be sent now, the first that may first.
pub(crate) async fn due(connection: &mut AnyConnection, now: Time, most: i64) -> Result<Vec<LetterRow>, StoreError> {
    let text = "SELECT * FROM outbox WHERE next_micros <= $1 AND expires_micros > $2 ORDER BY next_micros LIMIT $3";
    let rows = sqlx::query(text).bind(now.micros()).bind(now.micros()).bind(most).fetch_all(connection).await?;
    rows.iter().map(letter).collect()
}

/// Those that are over.
pub(crate) async fn over(connection: &mut AnyConnection, now: Time, most: i64) -> Result<Vec<LetterRow>, StoreError> {
    let text = "SELECT * FROM outbox WHERE expires_micros <= $1 ORDER BY expires_micros LIMIT $2";
    let rows = sqlx::query(text).bind(now.micros()).bind(most).fetch_all(connection).await?;
    rows.iter().map(letter).collect()
}

/// Since when the oldest waits.
pub(crate) async fn oldest(connection: &mut AnyConnection) -> Result<Option<Time>, StoreError> {
    let (oldest,): (Option<i64>,) =
        sqlx::query_as("SELECT MIN(written_micros) FROM outbox").fetch_one(connection).await?;
    Ok(oldest.map(Time::from_micros))
}

/// Takes one until `next`, unless another node took it after it was read.
pub(crate) async fn take(connection: &mut AnyConnection, letter: &LetterRow, next: Time) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE outbox SET tried = $1, next_micros = $2 WHERE id = $3 AND tried = $4 AND next_micros = $5")
            .bind(letter.tried.saturating_add(1))
            .bind(next.micros())
            .bind(letter.id.to_vec())
            .bind(letter.tried)
            .bind(letter.next.micros())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Says whether it was still there.
pub(crate) async fn delete(connection: &mut AnyConnection, id: &[u8; 16]) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM outbox WHERE id = $1").bind(id.to_vec()).execute(connection).await?;
    Ok(gone.rows_affected() == 1)
}

/// Deletes an account's letters that hold a link: it serves no more.
pub(crate) async fn drop_links(connection: &mut AnyConnection, account: AccountId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE account_id = $1 AND holds_link = 1")
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// What is sealed of a session.
pub(crate) async fn session(connection: &mut AnyConnection, id: SessionId) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT sealed FROM sessions WHERE id = $1")
        .bind(id.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(sealed,)| sealed))
}
