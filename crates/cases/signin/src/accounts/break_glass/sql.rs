//! SQL of break-glass accounts and of what they opened.

use super::model::UseRow;
use crate::accounts::sql::Whole;
use sqlx::{AnyConnection, Row, any::AnyRow};
use store::StoreError;
use types::{AccountId, AccountState, EstablishmentId, SessionId, Time};

pub(crate) async fn insert(
    connection: &mut AnyConnection,
    (account, establishment): (AccountId, EstablishmentId),
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO break_glass (account_id, establishment_id) VALUES ($1, $2)")
        .bind(account.as_bytes().to_vec())
        .bind(establishment.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

const ALL: &str = "SELECT kept.account_id FROM break_glass AS kept JOIN accounts AS account ON account.id = kept.account_id \
                   WHERE kept.establishment_id = $1 \
                   ORDER BY CASE WHEN account.state = $2 THEN 1 ELSE 0 END, kept.account_id LIMIT $3";

/// The break-glass accounts of an establishment, as its table names them: those that are closed take no other's place.
pub(crate) async fn all(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
    most: i64,
) -> Result<Vec<Whole>, StoreError> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(ALL)
        .bind(establishment.as_bytes().to_vec())
        .bind(AccountState::Closed.as_str())
        .bind(most)
        .fetch_all(&mut *connection)
        .await?;
    let mut all = Vec::new();
    for (id,) in rows {
        let id = AccountId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("break_glass.account_id"))?;
        all.extend(crate::accounts::sql::one(&mut *connection, establishment, id).await?);
    }
    Ok(all)
}

const COUNT: &str = "SELECT COUNT(*) FROM break_glass AS kept JOIN accounts AS account ON account.id = kept.account_id \
                     WHERE kept.establishment_id = $1 AND account.state <> $2";

/// How many there are that are not closed.
pub(crate) async fn count(connection: &mut AnyConnection, establishment: EstablishmentId) -> Result<i64, StoreError> {
    let (count,): (i64,) = sqlx::query_as(COUNT)
        .bind(establishment.as_bytes().to_vec())
        .bind(AccountState::Closed.as_str())
        .fetch_one(connection)
        .await?;
    Ok(count)
}

pub(crate) async fn insert_use(connection: &mut AnyConnection, row: &UseRow, opened: Time) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO break_glass_uses (session_id, account_id, establishment_id, opened_micros, sealed) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row.session.as_bytes().to_vec())
    .bind(row.account.as_bytes().to_vec())
    .bind(row.establishment.as_bytes().to_vec())
    .bind(opened.micros())
    .bind(row.sealed.clone())
    .execute(connection)
    .await?;
    Ok(())
}

macro_rules! uses_where {
    ($rest:literal) => {
        concat!("SELECT session_id, account_id, establishment_id, sealed, review FROM break_glass_uses WHERE ", $rest)
    };
}

fn used(row: &AnyRow) -> Result<UseRow, StoreError> {
    let bytes = |column: &str| -> Result<Vec<u8>, StoreError> { Ok(row.try_get(column)?) };
    let malformed = || StoreError::Malformed("break_glass_uses");
    Ok(UseRow {
        session: SessionId::try_from(bytes("session_id")?.as_slice()).map_err(|_| malformed())?,
        account: AccountId::try_from(bytes("account_id")?.as_slice()).map_err(|_| malformed())?,
        establishment: EstablishmentId::try_from(bytes("establishment_id")?.as_slice()).map_err(|_| malformed())?,
        sealed: bytes("sealed")?,
        review: row.try_get("review")?,
    })
}

/// Those that nobody looked at first, then the newest.
pub(crate) async fn uses(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
    most: i64,
) -> Result<Vec<UseRow>, StoreError> {
    let text = uses_where!(
        "establishment_id = $1 ORDER BY CASE WHEN review IS NULL THEN 0 ELSE 1 END, opened_micros DESC LIMIT $2"
    );
    let rows = sqlx::query(text).bind(establishment.as_bytes().to_vec()).bind(most).fetch_all(connection).await?;
    rows.iter().map(used).collect()
}

pub(crate) async fn one_use(
    connection: &mut AnyConnection,
    (establishment, session): (EstablishmentId, SessionId),
) -> Result<Option<UseRow>, StoreError> {
    let row = sqlx::query(uses_where!("establishment_id = $1 AND session_id = $2"))
        .bind(establishment.as_bytes().to_vec())
        .bind(session.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(used).transpose()
}

/// Keeps a review, unless somebody else kept one meanwhile.
pub(crate) async fn review(connection: &mut AnyConnection, row: &UseRow, review: Vec<u8>) -> Result<bool, StoreError> {
    let text = match row.review {
        Some(_) => "UPDATE break_glass_uses SET review = $1 WHERE session_id = $2 AND review = $3",
        None => "UPDATE break_glass_uses SET review = $1 WHERE session_id = $2 AND review IS NULL",
    };
    let query = sqlx::query(text).bind(review).bind(row.session.as_bytes().to_vec());
    let query = match &row.review {
        Some(former) => query.bind(former.clone()),
        None => query,
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}
