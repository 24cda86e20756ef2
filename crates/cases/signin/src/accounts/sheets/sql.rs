//! SQL of the codes of printed sheets.

use sqlx::AnyConnection;
use store::StoreError;
use types::{AccountId, SheetId};

/// A code that has not served: its number, and what is kept of it.
pub(crate) type Kept = (u8, [u8; 32]);

/// Puts a sheet's codes beside those that the account has.
pub(crate) async fn put(
    connection: &mut AnyConnection,
    (account, sheet): (AccountId, SheetId),
    codes: &[Kept],
) -> Result<(), StoreError> {
    for (number, digest) in codes {
        sqlx::query("INSERT INTO sheet_codes (account_id, sheet_id, number, digest) VALUES ($1, $2, $3, $4)")
            .bind(account.as_bytes().to_vec())
            .bind(sheet.as_bytes().to_vec())
            .bind(i64::from(*number))
            .bind(digest.to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The first codes of a sheet that have not served, at most so many.
pub(crate) async fn first(
    connection: &mut AnyConnection,
    (account, sheet): (AccountId, SheetId),
    most: u8,
) -> Result<Vec<Kept>, StoreError> {
    let text =
        "SELECT number, digest FROM sheet_codes WHERE account_id = $1 AND sheet_id = $2 ORDER BY number LIMIT $3";
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(text)
        .bind(account.as_bytes().to_vec())
        .bind(sheet.as_bytes().to_vec())
        .bind(i64::from(most))
        .fetch_all(connection)
        .await?;
    let malformed = || StoreError::Malformed("sheet_codes");
    rows.into_iter()
        .map(|(number, digest)| {
            let number = u8::try_from(number).map_err(|_| malformed())?;
            Ok((number, digest.try_into().map_err(|_| malformed())?))
        })
        .collect()
}

/// Takes a code away with those before it, which were passed over; says whether it was still there.
pub(crate) async fn spend(
    connection: &mut AnyConnection,
    (account, sheet): (AccountId, SheetId),
    number: u8,
) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM sheet_codes WHERE account_id = $1 AND sheet_id = $2 AND number = $3")
        .bind(account.as_bytes().to_vec())
        .bind(sheet.as_bytes().to_vec())
        .bind(i64::from(number))
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sheet_codes WHERE account_id = $1 AND sheet_id = $2 AND number < $3")
        .bind(account.as_bytes().to_vec())
        .bind(sheet.as_bytes().to_vec())
        .bind(i64::from(number))
        .execute(&mut *connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// Takes all codes of an account away, but those of the sheets that stay.
pub(crate) async fn keep_only(
    connection: &mut AnyConnection,
    account: AccountId,
    stay: &[SheetId],
) -> Result<(), StoreError> {
    // Nobody has more than two: what stays is one of these, or none.
    let stays = |at: usize| stay.get(at).map(|sheet| sheet.as_bytes().to_vec()).unwrap_or_default();
    sqlx::query("DELETE FROM sheet_codes WHERE account_id = $1 AND sheet_id <> $2 AND sheet_id <> $3")
        .bind(account.as_bytes().to_vec())
        .bind(stays(0))
        .bind(stays(1))
        .execute(connection)
        .await?;
    Ok(())
}
