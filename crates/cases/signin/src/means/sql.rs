//! All SQL about means of identification.

use identity::StoredToken;
use sqlx::{AnyConnection, Row, any::AnyRow};
use store::StoreError;
use types::{AccountId, Door, EstablishmentId, Time, TokenId};

pub(crate) struct SshKeyRow {
    pub fingerprint: String,
    pub sealed: Vec<u8>,
    pub added: Time,
}

fn ssh_key(row: &AnyRow) -> Result<SshKeyRow, StoreError> {
    Ok(SshKeyRow {
        fingerprint: row.try_get("fingerprint")?,
        sealed: row.try_get("sealed")?,
        added: Time::from_micros(row.try_get("added_micros")?),
    })
}

pub(crate) async fn ssh_keys(connection: &mut AnyConnection, account: AccountId) -> Result<Vec<SshKeyRow>, StoreError> {
    let text = "SELECT fingerprint, sealed, added_micros FROM ssh_keys WHERE account_id = $1 \
                ORDER BY added_micros, fingerprint LIMIT 100";
    let rows = sqlx::query(text).bind(account.as_bytes().to_vec()).fetch_all(connection).await?;
    rows.iter().map(ssh_key).collect()
}

pub(crate) async fn ssh_key_of(
    connection: &mut AnyConnection,
    account: AccountId,
    fingerprint: &str,
) -> Result<Option<SshKeyRow>, StoreError> {
    let text = "SELECT fingerprint, sealed, added_micros FROM ssh_keys WHERE account_id = $1 AND fingerprint = $2";
    let row = sqlx::query(text)
        .bind(account.as_bytes().to_vec())
        .bind(fingerprint.to_owned())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(ssh_key).transpose()
}

pub(crate) async fn insert_ssh_key(
    connection: &mut AnyConnection,
    account: AccountId,
    fingerprint: &str,
    sealed: Vec<u8>,
    added: Time,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO ssh_keys (account_id, fingerprint, sealed, added_micros) VALUES ($1, $2, $3, $4)")
        .bind(account.as_bytes().to_vec())
        .bind(fingerprint.to_owned())
        .bind(sealed)
        .bind(added.micros())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn delete_ssh_key(
    connection: &mut AnyConnection,
    account: AccountId,
    fingerprint: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM ssh_keys WHERE account_id = $1 AND fingerprint = $2")
        .bind(account.as_bytes().to_vec())
        .bind(fingerprint.to_owned())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) struct PasskeyRow {
    pub credential: Vec<u8>,
    pub account: AccountId,
    pub establishment: EstablishmentId,
    pub sealed: Vec<u8>,
    pub vouched: bool,
    pub created: Time,
}

fn passkey(row: &AnyRow) -> Result<PasskeyRow, StoreError> {
    let account: Vec<u8> = row.try_get("account_id")?;
    let establishment: Vec<u8> = row.try_get("establishment_id")?;
    let vouched: i64 = row.try_get("vouched")?;
    Ok(PasskeyRow {
        credential: row.try_get("credential")?,
        account: AccountId::try_from(account.as_slice()).map_err(|_| StoreError::Malformed("passkeys.account_id"))?,
        establishment: EstablishmentId::try_from(establishment.as_slice())
            .map_err(|_| StoreError::Malformed("passkeys.establishment_id"))?,
        sealed: row.try_get("sealed")?,
        vouched: vouched != 0,
        created: Time::from_micros(row.try_get("created_micros")?),
    })
}

macro_rules! passkey_columns {
    () => {
        "SELECT credential, account_id, establishment_id, sealed, created_micros, \
         CAST(CASE WHEN vouch IS NULL THEN 0 ELSE 1 END AS BIGINT) AS vouched FROM passkeys "
    };
}

pub(crate) async fn passkeys_of(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<Vec<PasskeyRow>, StoreError> {
    let text = concat!(passkey_columns!(), "WHERE account_id = $1 ORDER BY created_micros LIMIT 100");
    let rows = sqlx::query(text).bind(account.as_bytes().to_vec()).fetch_all(connection).await?;
    rows.iter().map(passkey).collect()
}

pub(crate) async fn passkeys_at(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
    most: i64,
) -> Result<Vec<PasskeyRow>, StoreError> {
    // Those that wait for somebody to vouch come first; patients' and suppliers' sign nothing that is vouched for.
    let text = concat!(
        passkey_columns!(),
        "WHERE establishment_id = $1 AND account_id IN (SELECT a.id FROM accounts a WHERE a.establishment_id = $3 \
         AND a.role IN ('beneficiary', 'on_call', 'security_officer', 'administrator', 'trace_controller', 'dpo')) \
         ORDER BY CASE WHEN vouch IS NULL THEN 0 ELSE 1 END, created_micros DESC LIMIT $2"
    );
    let rows = sqlx::query(text)
        .bind(establishment.as_bytes().to_vec())
        .bind(most)
        .bind(establishment.as_bytes().to_vec())
        .fetch_all(connection)
        .await?;
    rows.iter().map(passkey).collect()
}

pub(crate) async fn passkey_by_credential(
    connection: &mut AnyConnection,
    credential: &[u8],
) -> Result<Option<PasskeyRow>, StoreError> {
    let text = concat!(passkey_columns!(), "WHERE credential = $1");
    let row = sqlx::query(text).bind(credential.to_vec()).fetch_optional(connection).await?;
    row.as_ref().map(passkey).transpose()
}

pub(crate) async fn insert_passkey(
    connection: &mut AnyConnection,
    credential: &[u8],
    (account, establishment): (AccountId, EstablishmentId),
    sealed: Vec<u8>,
    created: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO passkeys (credential, account_id, establishment_id, sealed, created_micros) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(credential.to_vec())
    .bind(account.as_bytes().to_vec())
    .bind(establishment.as_bytes().to_vec())
    .bind(sealed)
    .bind(created.micros())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn vouch_passkey(
    connection: &mut AnyConnection,
    credential: &[u8],
    account: AccountId,
    vouch: Vec<u8>,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE passkeys SET vouch = $1 WHERE credential = $2 AND account_id = $3")
        .bind(vouch)
        .bind(credential.to_vec())
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Puts another sealed part in the place of the one that was read.
pub(crate) async fn reseal_passkey(
    connection: &mut AnyConnection,
    former: &PasskeyRow,
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE passkeys SET sealed = $1 WHERE credential = $2 AND account_id = $3 AND sealed = $4")
        .bind(sealed)
        .bind(former.credential.clone())
        .bind(former.account.as_bytes().to_vec())
        .bind(former.sealed.clone())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn delete_passkey(
    connection: &mut AnyConnection,
    credential: &[u8],
    account: AccountId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM passkeys WHERE credential = $1 AND account_id = $2")
        .bind(credential.to_vec())
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) struct TokenRow {
    pub id: TokenId,
    pub account: AccountId,
    pub stored: StoredToken,
    pub sealed: Vec<u8>,
    pub used: Option<Time>,
}

fn token(row: &AnyRow) -> Result<TokenRow, StoreError> {
    let id: Vec<u8> = row.try_get("id")?;
    let account: Vec<u8> = row.try_get("account_id")?;
    let used: Option<i64> = row.try_get("used_micros")?;
    Ok(TokenRow {
        id: TokenId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("tokens.id"))?,
        account: AccountId::try_from(account.as_slice()).map_err(|_| StoreError::Malformed("tokens.account_id"))?,
        stored: StoredToken::from_parts(row.try_get("record")?, row.try_get("tag")?),
        sealed: row.try_get("sealed")?,
        used: used.map(Time::from_micros),
    })
}

pub(crate) async fn token_by_id(
    connection: &mut AnyConnection,
    id: TokenId,
    door: Door,
) -> Result<Option<TokenRow>, StoreError> {
    let text = "SELECT id, account_id, record, tag, sealed, used_micros FROM tokens WHERE id = $1 AND door = $2";
    let row = sqlx::query(text).bind(id.as_bytes().to_vec()).bind(door.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(token).transpose()
}

pub(crate) async fn tokens_of(
    connection: &mut AnyConnection,
    account: AccountId,
    door: Door,
) -> Result<Vec<TokenRow>, StoreError> {
    let text = "SELECT id, account_id, record, tag, sealed, used_micros FROM tokens \
                WHERE account_id = $1 AND door = $2 ORDER BY expires_micros LIMIT 100";
    let rows = sqlx::query(text).bind(account.as_bytes().to_vec()).bind(door.as_str()).fetch_all(connection).await?;
    rows.iter().map(token).collect()
}

pub(crate) struct TokenInsert {
    pub id: TokenId,
    pub account: AccountId,
    pub establishment: EstablishmentId,
    pub door: Door,
    pub record: Vec<u8>,
    pub tag: Vec<u8>,
    pub sealed: Vec<u8>,
    pub expires: Time,
}

pub(crate) async fn insert_token(connection: &mut AnyConnection, token: &TokenInsert) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tokens (id, account_id, establishment_id, door, record, tag, sealed, expires_micros) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(token.id.as_bytes().to_vec())
    .bind(token.account.as_bytes().to_vec())
    .bind(token.establishment.as_bytes().to_vec())
    .bind(token.door.as_str())
    .bind(token.record.clone())
    .bind(token.tag.clone())
    .bind(token.sealed.clone())
    .bind(token.expires.micros())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn use_token(connection: &mut AnyConnection, id: TokenId, at: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET used_micros = $1 WHERE id = $2")
        .bind(at.micros())
        .bind(id.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn delete_token(
    connection: &mut AnyConnection,
    id: TokenId,
    account: AccountId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM tokens WHERE id = $1 AND account_id = $2")
        .bind(id.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// What an account may have several of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Several {
    SshKeys,
    Passkeys,
    /// Those that are not past their end.
    Tokens,
}

pub(crate) async fn count(
    connection: &mut AnyConnection,
    what: Several,
    account: AccountId,
    now: Time,
) -> Result<i64, StoreError> {
    let text = match what {
        Several::SshKeys => "SELECT COUNT(*) FROM ssh_keys WHERE account_id = $1 AND added_micros <= $2",
        Several::Passkeys => "SELECT COUNT(*) FROM passkeys WHERE account_id = $1 AND created_micros <= $2",
        Several::Tokens => "SELECT COUNT(*) FROM tokens WHERE account_id = $1 AND expires_micros > $2",
    };
    let moment = match what {
        Several::Tokens => now.micros(),
        // All of them, whatever the clock says.
        Several::SshKeys | Several::Passkeys => i64::MAX,
    };
    let (count,): (i64,) =
        sqlx::query_as(text).bind(account.as_bytes().to_vec()).bind(moment).fetch_one(connection).await?;
    Ok(count)
}
