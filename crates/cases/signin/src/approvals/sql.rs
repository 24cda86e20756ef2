//! The rows of sign-ins by SSH that wait for an answer.

use super::model::{ApprovalRow, State};
use sqlx::{AnyConnection, Row as _, any::AnyRow};
use store::StoreError;
use types::{AccountId, Door, SessionId, SshApprovalId, Time};

fn row(row: &AnyRow) -> Result<ApprovalRow, StoreError> {
    let id: Vec<u8> = row.try_get("id")?;
    let account: Vec<u8> = row.try_get("account_id")?;
    let state: String = row.try_get("state")?;
    Ok(ApprovalRow {
        id: SshApprovalId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("ssh_approvals.id"))?,
        account: AccountId::try_from(account.as_slice())
            .map_err(|_| StoreError::Malformed("ssh_approvals.account_id"))?,
        state: State::from_column(&state)?,
        sealed: row.try_get("sealed")?,
        answer: row.try_get("answer")?,
    })
}

/// One of an account's.
pub(crate) async fn approval(
    connection: &mut AnyConnection,
    (account, id): (AccountId, SshApprovalId),
) -> Result<Option<ApprovalRow>, StoreError> {
    let text = "SELECT id, account_id, state, sealed, answer FROM ssh_approvals WHERE id = $1 AND account_id = $2";
    let found = sqlx::query(text)
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(row).transpose()
}

/// What an account asked since, the newest first.
pub(crate) async fn asked_since(
    connection: &mut AnyConnection,
    account: AccountId,
    since: Time,
) -> Result<Vec<ApprovalRow>, StoreError> {
    let text = "SELECT id, account_id, state, sealed, answer FROM ssh_approvals \
                WHERE account_id = $1 AND asked_micros > $2 ORDER BY asked_micros DESC LIMIT 1000";
    let rows = sqlx::query(text).bind(account.as_bytes().to_vec()).bind(since.micros()).fetch_all(connection).await?;
    rows.iter().map(row).collect()
}

pub(crate) struct ApprovalInsert {
    pub id: SshApprovalId,
    pub account: AccountId,
    pub sealed: Vec<u8>,
    pub asked: Time,
    pub ends: Time,
}

pub(crate) async fn insert(connection: &mut AnyConnection, one: &ApprovalInsert) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ssh_approvals (id, account_id, state, sealed, asked_micros, ends_micros) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(one.id.as_bytes().to_vec())
    .bind(one.account.as_bytes().to_vec())
    .bind(State::Waiting.as_str())
    .bind(one.sealed.clone())
    .bind(one.asked.micros())
    .bind(one.ends.micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves one from one state to another, unless somebody else moved it, or its time is over.
pub(crate) async fn settle(
    connection: &mut AnyConnection,
    (account, id): (AccountId, SshApprovalId),
    (from, to): (State, State),
    now: Time,
) -> Result<bool, StoreError> {
    // What was answered is gone with it: by its word alone nothing opens again.
    let text = "UPDATE ssh_approvals SET state = $1, answer = NULL \
                WHERE id = $2 AND account_id = $3 AND state = $4 AND ends_micros > $5";
    let done = sqlx::query(text)
        .bind(to.as_str())
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .bind(from.as_str())
        .bind(now.micros())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// It is refused, however late. Not if it has served.
pub(crate) async fn refuse(
    connection: &mut AnyConnection,
    (account, id): (AccountId, SshApprovalId),
) -> Result<bool, StoreError> {
    let text = "UPDATE ssh_approvals SET state = $1, answer = NULL WHERE id = $2 AND account_id = $3 AND state <> $4";
    let done = sqlx::query(text)
        .bind(State::Refused.as_str())
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .bind(State::Used.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Nothing comes of it any more, whether or not it was answered and however late it is. Whether something could have.
pub(crate) async fn close(
    connection: &mut AnyConnection,
    (account, id): (AccountId, SshApprovalId),
) -> Result<bool, StoreError> {
    let text =
        "UPDATE ssh_approvals SET state = $1, answer = NULL WHERE id = $2 AND account_id = $3 AND state IN ($4, $5)";
    let done = sqlx::query(text)
        .bind(State::Over.as_str())
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .bind(State::Waiting.as_str())
        .bind(State::Given.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The holder's answer, if it still waits for one.
pub(crate) async fn answer(
    connection: &mut AnyConnection,
    (account, id): (AccountId, SshApprovalId),
    sealed: Vec<u8>,
    now: Time,
) -> Result<bool, StoreError> {
    let text = "UPDATE ssh_approvals SET state = $1, answer = $2 \
                WHERE id = $3 AND account_id = $4 AND state = $5 AND ends_micros > $6";
    let done = sqlx::query(text)
        .bind(State::Given.as_str())
        .bind(sealed)
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .bind(State::Waiting.as_str())
        .bind(now.micros())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a session is still open: one that ended gives nobody anything.
pub(crate) async fn is_open(
    connection: &mut AnyConnection,
    (session, account, door): (SessionId, AccountId, Door),
    now: Time,
) -> Result<bool, StoreError> {
    let text = "SELECT ends_micros FROM sessions WHERE id = $1 AND account_id = $2 AND door = $3 AND ends_micros > $4";
    let found: Option<(i64,)> = sqlx::query_as(text)
        .bind(session.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .bind(door.as_str())
        .bind(now.micros())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}
