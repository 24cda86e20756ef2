//! SQL of what this case needs to know of people and suppliers. Accounts and their means are `signin`'s to write.

use crate::{
    model::Supplier,
    rows::{RawPerson, account_row, word},
    sql::id,
};
use sqlx::{AnyConnection, Row as _};
use store::StoreError;
use types::{AccountId, EstablishmentId, Role, SupplierId, Time};
use vault::{Keys, Place, Purpose};

/// Suppliers of one establishment that are listed at most.
const LISTED_MAX: i64 = 1000;
/// Technicians of one supplier that are listed at most.
const TECHNICIANS_LISTED_MAX: i64 = 200;
/// Keys for SSH of one person at most.
const MEANS_MAX: i64 = 20;

/// Somebody with an account.
pub(crate) struct Person {
    pub account: AccountId,
    pub name: String,
    pub role: Role,
    pub supplier: Option<SupplierId>,
    /// What he opened before this moment has ended, if his account says so.
    pub ended: Option<Time>,
}

/// An active account of the establishment. Role and supplier are bound to the sealed name: changed, it does not open; and
/// its state is sealed with it.
pub(crate) async fn person(
    connection: &mut AnyConnection,
    keys: &Keys,
    (establishment, account): (EstablishmentId, AccountId),
) -> Result<Option<Person>, StoreError> {
    let bad = || StoreError::Malformed("accounts.sealed");
    let row = sqlx::query(
        "SELECT role, supplier_id, sealed FROM accounts WHERE id = $1 AND establishment_id = $2 AND state = 'active'",
    )
    .bind(account.as_bytes().to_vec())
    .bind(establishment.as_bytes().to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let role: String = row.try_get("role")?;
    let supplier: Option<Vec<u8>> = row.try_get("supplier_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let bond = account_row(&account, &establishment, &role, supplier.as_deref());
    let place = Place { table: "accounts", column: "sealed", row: &bond };
    let clear = keys.open(Purpose::AccountFields, place, &sealed).map_err(|_| bad())?;
    let raw: RawPerson = minicbor::decode(&clear).map_err(|_| bad())?;
    if !raw.is_in_use() {
        return Ok(None);
    }
    let supplier = supplier.map(|id| SupplierId::try_from(id.as_slice()).map_err(|_| bad())).transpose()?;
    let ended = raw.ended.map(Time::from_micros);
    Ok(Some(Person { account, name: raw.display_name, role: word(&role, "accounts.role")?, supplier, ended }))
}

/// The active technicians of a supplier, in no order that tells anything.
pub(crate) async fn technicians_of(
    connection: &mut AnyConnection,
    keys: &Keys,
    (establishment, supplier): (EstablishmentId, SupplierId),
) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM accounts WHERE establishment_id = $1 AND supplier_id = $2 AND role = $3 AND state = 'active' \
         ORDER BY id LIMIT $4",
    )
    .bind(establishment.as_bytes().to_vec())
    .bind(supplier.as_bytes().to_vec())
    .bind(Role::Technician.as_str())
    .bind(TECHNICIANS_LISTED_MAX)
    .fetch_all(&mut *connection)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let account: AccountId = id!(row, "id");
        // What the row says is believed only as far as its sealed part agrees.
        let person = person(connection, keys, (establishment, account)).await?;
        found.extend(person.filter(|one| one.role == Role::Technician && one.supplier == Some(supplier)));
    }
    Ok(found)
}

/// The establishment's active beneficiaries, in no order that tells anything.
pub(crate) async fn beneficiaries(
    connection: &mut AnyConnection,
    keys: &Keys,
    establishment: EstablishmentId,
) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM accounts WHERE establishment_id = $1 AND role = $2 AND state = 'active' ORDER BY id LIMIT $3",
    )
    .bind(establishment.as_bytes().to_vec())
    .bind(Role::Beneficiary.as_str())
    .bind(LISTED_MAX)
    .fetch_all(&mut *connection)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let account: AccountId = id!(row, "id");
        // What the row says is believed only as far as its sealed part agrees.
        let person = person(connection, keys, (establishment, account)).await?;
        found.extend(person.filter(|one| one.role == Role::Beneficiary));
    }
    Ok(found)
}

/// The keys that somebody may come with.
pub(crate) async fn fingerprints(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT fingerprint FROM ssh_keys WHERE account_id = $1 ORDER BY fingerprint LIMIT $2")
            .bind(account.as_bytes().to_vec())
            .bind(MEANS_MAX)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(fingerprint,)| fingerprint).collect())
}

pub(crate) async fn suppliers(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
) -> Result<Vec<Supplier>, StoreError> {
    let rows = sqlx::query("SELECT id, name FROM suppliers WHERE establishment_id = $1 ORDER BY name LIMIT $2")
        .bind(establishment.as_bytes().to_vec())
        .bind(LISTED_MAX)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(Supplier { id: id!(row, "id"), establishment, name: row.try_get("name")? })).collect()
}

pub(crate) async fn insert_supplier(
    connection: &mut AnyConnection,
    (id, establishment): (SupplierId, EstablishmentId),
    name: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO suppliers (id, establishment_id, name) VALUES ($1, $2, $3)")
        .bind(id.as_bytes().to_vec())
        .bind(establishment.as_bytes().to_vec())
        .bind(name.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}
