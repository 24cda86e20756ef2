//! All SQL of this case.

use crate::{Kept, ProbeOutcome};
use sqlx::AnyConnection;
use store::StoreError;
use types::{AccountId, SearchId, Time};

/// A row as it lies there: it proves nothing before its tag was checked.
pub(crate) struct ProofRow {
    pub kept: Kept,
    pub tag: Vec<u8>,
}

/// Puts a probe's latest answer in the place of the one before.
pub(crate) async fn put_proof(connection: &mut AnyConnection, kept: &Kept, tag: &[u8; 32]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO proofs (probe, outcome, detail, at_micros, expires_micros, tag) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (probe) DO UPDATE SET outcome = excluded.outcome, detail = excluded.detail, \
         at_micros = excluded.at_micros, expires_micros = excluded.expires_micros, tag = excluded.tag",
    )
    .bind(kept.probe.clone())
    .bind(kept.outcome.word())
    .bind(kept.outcome.detail().to_owned())
    .bind(kept.at.micros())
    .bind(kept.expires.micros())
    .bind(tag.to_vec())
    .execute(connection)
    .await?;
    Ok(())
}

/// A probe's latest answer.
pub(crate) async fn proof(connection: &mut AnyConnection, probe: &str) -> Result<Option<ProofRow>, StoreError> {
    let row: Option<(String, String, i64, i64, Vec<u8>)> =
        sqlx::query_as("SELECT outcome, detail, at_micros, expires_micros, tag FROM proofs WHERE probe = $1")
            .bind(probe)
            .fetch_optional(connection)
            .await?;
    let Some((word, detail, at, expires, tag)) = row else { return Ok(None) };
    let outcome = ProbeOutcome::from_parts(&word, detail).ok_or(StoreError::Malformed("proofs.outcome"))?;
    let (at, expires) = (Time::from_micros(at), Time::from_micros(expires));
    Ok(Some(ProofRow { kept: Kept { probe: probe.to_owned(), outcome, at, expires }, tag }))
}

/// Somebody's saved searches, sealed as they lie there.
pub(crate) async fn searches(
    connection: &mut AnyConnection,
    account: AccountId,
    most: usize,
) -> Result<Vec<(SearchId, Vec<u8>)>, StoreError> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT id, sealed FROM saved_searches WHERE account_id = $1 ORDER BY id LIMIT $2")
            .bind(account.as_bytes().to_vec())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await?;
    let read = |(id, sealed): (Vec<u8>, Vec<u8>)| {
        let id = SearchId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("saved_searches.id"))?;
        Ok((id, sealed))
    };
    rows.into_iter().map(read).collect()
}

/// Adds one.
pub(crate) async fn insert_search(
    connection: &mut AnyConnection,
    account: AccountId,
    id: SearchId,
    sealed: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO saved_searches (id, account_id, sealed) VALUES ($1, $2, $3)")
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .bind(sealed.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes one of somebody's own; says whether it was there.
pub(crate) async fn delete_search(
    connection: &mut AnyConnection,
    account: AccountId,
    id: SearchId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM saved_searches WHERE id = $1 AND account_id = $2")
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
