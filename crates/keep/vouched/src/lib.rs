//! Passkeys as they are kept with what vouches for each, and the nonces of what they sign.
//!
//! Whether a passkey counts is said by [`identity::vouching::Chain`]; what is signed, and by whom, by those who ask.

pub mod nonce;

use identity::{
    passkey::PasskeyRecord,
    vouching::{PasskeyRow, Vouch},
};
use sqlx::{AnyConnection, Row as _, any::AnyRow};
use store::StoreError;
use types::{AccountId, EstablishmentId, Role};
use vault::{Keys, Place, Purpose};

/// Passkeys of one person at most.
const MEANS_MAX: i64 = 20;
/// Passkeys that one question may lead to at most.
const PASSKEYS_MAX: usize = 200;

/// The passkeys with these identifiers, those that vouched for them, and so on, as far as a chain may be long. Nothing
/// of it is believed: [`identity::vouching::Chain`] verifies.
pub async fn passkeys(
    connection: &mut AnyConnection,
    keys: &Keys,
    mut wanted: Vec<Vec<u8>>,
) -> Result<Vec<PasskeyRow>, StoreError> {
    let mut found: Vec<PasskeyRow> = Vec::new();
    while let Some(credential) = wanted.pop() {
        if found.len() >= PASSKEYS_MAX || found.iter().any(|row| row.passkey.credential == credential) {
            continue;
        }
        let Some(row) = passkey(connection, keys, &credential).await? else { continue };
        wanted.extend(row.vouch.iter().map(|vouch| vouch.assertion.credential.clone()));
        found.push(row);
    }
    Ok(found)
}

/// Passkeys of one account.
pub async fn passkeys_of(connection: &mut AnyConnection, account: AccountId) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT credential FROM passkeys WHERE account_id = $1 ORDER BY created_micros LIMIT $2")
            .bind(account.as_bytes().to_vec())
            .bind(MEANS_MAX)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(credential,)| credential).collect())
}

async fn passkey(
    connection: &mut AnyConnection,
    keys: &Keys,
    credential: &[u8],
) -> Result<Option<PasskeyRow>, StoreError> {
    let bad = || StoreError::Malformed("passkeys");
    let row = sqlx::query(
        "SELECT p.account_id, p.establishment_id, p.sealed, p.vouch, a.role FROM passkeys p \
         JOIN accounts a ON a.id = p.account_id WHERE p.credential = $1 AND a.state = 'active'",
    )
    .bind(credential.to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (account, establishment): (AccountId, EstablishmentId) =
        (id(&row, "account_id")?, id(&row, "establishment_id")?);
    let (sealed, role): (Vec<u8>, String) = (row.try_get("sealed")?, row.try_get("role")?);
    let role: Role = role.parse().map_err(|_| StoreError::Malformed("accounts.role"))?;
    let vouch: Option<Vec<u8>> = row.try_get("vouch")?;
    let place: [&[u8]; 3] = [credential, account.as_bytes(), establishment.as_bytes()];
    let open = |column, sealed: &[u8]| {
        keys.open(Purpose::MeansFields, Place { table: "passkeys", column, row: &place }, sealed).map_err(|_| bad())
    };
    let record = PasskeyRecord::from_bytes(&open("sealed", &sealed)?).map_err(|_| bad())?;
    let vouch = vouch.map(|sealed| Vouch::from_bytes(&open("vouch", &sealed)?).ok_or_else(bad)).transpose()?;
    Ok(Some(PasskeyRow { passkey: record.public, account, role, establishment, vouch }))
}

fn id<T>(row: &AnyRow, column: &'static str) -> Result<T, StoreError>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    let bytes: Vec<u8> = row.try_get(column)?;
    T::try_from(&bytes).map_err(|_| StoreError::Malformed(column))
}
