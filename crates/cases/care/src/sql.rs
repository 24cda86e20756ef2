//! All SQL of this case, with the sealing of its columns.

use minicbor::{Decode, Encode};
use policy::{Relation, RelationKind, Scope};
use sqlx::{AnyConnection, Row};
use store::StoreError;
use types::{AccountId, Category, EstablishmentId, Ins, InsDomain, PatientId, Period, Time};
use vault::{Keys, Place, Purpose};

#[derive(Encode, Decode)]
#[cbor(map)]
struct RawPatient {
    #[n(0)]
    domain: String,
    #[n(1)]
    number: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct RawRelation {
    #[cbor(n(0), with = "minicbor::bytes")]
    patient: [u8; 16],
    #[n(1)]
    kind: String,
    #[n(2)]
    covers: Vec<String>,
    #[n(3)]
    from: i64,
    #[n(4)]
    until: Option<i64>,
}

fn patient_place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "patients", column: "sealed", row }
}

fn relation_place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "relations", column: "sealed", row }
}

fn sealed(error: vault::VaultError) -> StoreError {
    StoreError::Other(error.to_string())
}

pub(crate) fn seal_patient(
    keys: &Keys,
    (id, establishment): (PatientId, EstablishmentId),
    ins: &Ins,
) -> Result<Vec<u8>, StoreError> {
    let raw = RawPatient { domain: ins.domain().to_string(), number: ins.number().to_owned() };
    let row: [&[u8]; 2] = [id.as_bytes(), establishment.as_bytes()];
    let clear = minicbor::to_vec(raw).unwrap_or_default();
    keys.seal(Purpose::PatientFields, patient_place(&row), &clear).map_err(sealed)
}

pub(crate) fn seal_relation(
    keys: &Keys,
    (id, account): (&[u8; 16], AccountId),
    relation: &Relation,
) -> Result<Vec<u8>, StoreError> {
    let (kind, covers) = match &relation.kind {
        RelationKind::Own => ("own", Vec::new()),
        RelationKind::Care => ("care", Vec::new()),
        RelationKind::Mandate { covers } => ("mandate", covers.iter().map(ToString::to_string).collect()),
    };
    let raw = RawRelation {
        patient: *relation.patient.as_bytes(),
        kind: kind.to_owned(),
        covers,
        from: relation.period.from.micros(),
        until: relation.period.until.map(Time::micros),
    };
    let row: [&[u8]; 3] = [id, account.as_bytes(), relation.establishment.as_bytes()];
    let clear = minicbor::to_vec(raw).unwrap_or_default();
    keys.seal(Purpose::RelationFields, relation_place(&row), &clear).map_err(sealed)
}

/// The relations of an account, ended ones included. A row that does not open in its place was not made by this door: it
/// fails the whole reading, for a forged relation must not pass as a missing one.
pub(crate) async fn relations(
    connection: &mut AnyConnection,
    keys: &Keys,
    (account, establishment): (AccountId, EstablishmentId),
) -> Result<Vec<Relation>, StoreError> {
    const RELATIONS_MAX: i64 = 1000;
    let bad = || StoreError::Malformed("relations.sealed");
    let rows = sqlx::query(
        "SELECT id, sealed FROM relations WHERE account_id = $1 AND establishment_id = $2 ORDER BY id LIMIT $3",
    )
    .bind(account.as_bytes().to_vec())
    .bind(establishment.as_bytes().to_vec())
    .bind(RELATIONS_MAX)
    .fetch_all(connection)
    .await?;
    let mut relations = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Vec<u8> = row.try_get("id")?;
        let sealed: Vec<u8> = row.try_get("sealed")?;
        let place: [&[u8]; 3] = [&id, account.as_bytes(), establishment.as_bytes()];
        let clear = keys.open(Purpose::RelationFields, relation_place(&place), &sealed).map_err(|_| bad())?;
        let raw: RawRelation = minicbor::decode(&clear).map_err(|_| bad())?;
        let kind = match raw.kind.as_str() {
            "own" => RelationKind::Own,
            "care" => RelationKind::Care,
            "mandate" => RelationKind::Mandate {
                covers: raw
                    .covers
                    .iter()
                    .map(|word| word.parse::<Category>())
                    .collect::<Result<_, _>>()
                    .map_err(|()| bad())?,
            },
            _ => return Err(bad()),
        };
        relations.push(Relation {
            patient: PatientId::from_bytes(raw.patient),
            establishment,
            kind,
            period: Period { from: Time::from_micros(raw.from), until: raw.until.map(Time::from_micros) },
        });
    }
    Ok(relations)
}

/// The national identities of the patients that the scope admits, among its establishment's.
pub(crate) async fn identities(
    connection: &mut AnyConnection,
    keys: &Keys,
    scope: &Scope,
) -> Result<Vec<(PatientId, Ins)>, StoreError> {
    let bad = || StoreError::Malformed("patients.sealed");
    let Some(establishment) = scope.establishment() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for patient in scope.patients() {
        let row: Option<(Vec<u8>,)> =
            sqlx::query_as("SELECT sealed FROM patients WHERE id = $1 AND establishment_id = $2")
                .bind(patient.as_bytes().to_vec())
                .bind(establishment.as_bytes().to_vec())
                .fetch_optional(&mut *connection)
                .await?;
        let Some((sealed,)) = row else { continue };
        let place: [&[u8]; 2] = [patient.as_bytes(), establishment.as_bytes()];
        let clear = keys.open(Purpose::PatientFields, patient_place(&place), &sealed).map_err(|_| bad())?;
        let raw: RawPatient = minicbor::decode(&clear).map_err(|_| bad())?;
        let domain: InsDomain = raw.domain.parse().map_err(|()| bad())?;
        found.push((patient, Ins::new(domain, &raw.number).map_err(|_| bad())?));
    }
    Ok(found)
}

pub(crate) async fn insert_patient(
    connection: &mut AnyConnection,
    (id, establishment): (PatientId, EstablishmentId),
    token: [u8; 32],
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO patients (id, establishment_id, ins_token, sealed) VALUES ($1, $2, $3, $4)")
        .bind(id.as_bytes().to_vec())
        .bind(establishment.as_bytes().to_vec())
        .bind(token.to_vec())
        .bind(sealed)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn insert_relation(
    connection: &mut AnyConnection,
    id: [u8; 16],
    (establishment, account): (EstablishmentId, AccountId),
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO relations (id, establishment_id, account_id, sealed) VALUES ($1, $2, $3, $4)")
        .bind(id.to_vec())
        .bind(establishment.as_bytes().to_vec())
        .bind(account.as_bytes().to_vec())
        .bind(sealed)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn patient_by_token(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
    token: [u8; 32],
) -> Result<Option<PatientId>, StoreError> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT id FROM patients WHERE establishment_id = $1 AND ins_token = $2")
            .bind(establishment.as_bytes().to_vec())
            .bind(token.to_vec())
            .fetch_optional(connection)
            .await?;
    row.map(|(id,)| PatientId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("patients.id"))).transpose()
}

/// Puts a patient's question, unless one waits that was put since a moment.
pub(crate) async fn ask_sightings(
    connection: &mut AnyConnection,
    patient: PatientId,
    now: Time,
    since: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sightings (patient_id, asked_micros) VALUES ($1, $2) ON CONFLICT (patient_id) DO UPDATE \
         SET asked_micros = excluded.asked_micros, answered_micros = NULL, sealed = NULL \
         WHERE sightings.answered_micros IS NOT NULL OR sightings.asked_micros < $3 \
         OR sightings.asked_micros > excluded.asked_micros",
    )
    .bind(patient.as_bytes().to_vec())
    .bind(now.micros())
    .bind(since.micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// The answer, once it is there, and when it was asked for.
pub(crate) async fn sightings(
    connection: &mut AnyConnection,
    patient: PatientId,
) -> Result<Option<(Time, Vec<u8>)>, StoreError> {
    let row: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT asked_micros, sealed FROM sightings WHERE patient_id = $1 AND sealed IS NOT NULL")
            .bind(patient.as_bytes().to_vec())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(asked, sealed)| (Time::from_micros(asked), sealed)))
}

/// The questions about patients of an establishment that wait since, the newest first.
pub(crate) async fn sightings_asked(
    connection: &mut AnyConnection,
    establishment: EstablishmentId,
    (since, until): (Time, Time),
    most: i64,
) -> Result<Vec<(PatientId, Time)>, StoreError> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT s.patient_id, s.asked_micros FROM sightings s JOIN patients p ON p.id = s.patient_id \
         WHERE p.establishment_id = $1 AND s.sealed IS NULL AND s.asked_micros >= $2 AND s.asked_micros <= $3 \
         ORDER BY s.asked_micros DESC LIMIT $4",
    )
    .bind(establishment.as_bytes().to_vec())
    .bind(since.micros())
    .bind(until.micros())
    .bind(most)
    .fetch_all(connection)
    .await?;
    let read = |(id, at): (Vec<u8>, i64)| Some((PatientId::try_from(id.as_slice()).ok()?, Time::from_micros(at)));
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Answers the question put at a moment; says whether it still waited.
pub(crate) async fn answer_sightings(
    connection: &mut AnyConnection,
    patient: PatientId,
    (asked, now): (Time, Time),
    sealed: &[u8],
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE sightings SET answered_micros = $1, sealed = $2 \
         WHERE patient_id = $3 AND asked_micros = $4 AND sealed IS NULL",
    )
    .bind(now.micros())
    .bind(sealed.to_vec())
    .bind(patient.as_bytes().to_vec())
    .bind(asked.micros())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether anything was asked before a moment.
pub(crate) async fn has_sightings_before(connection: &mut AnyConnection, before: Time) -> Result<bool, StoreError> {
    let one: Option<(i64,)> = sqlx::query_as("SELECT asked_micros FROM sightings WHERE asked_micros < $1 LIMIT 1")
        .bind(before.micros())
        .fetch_optional(connection)
        .await?;
    Ok(one.is_some())
}

/// Forgets what was asked before a moment.
pub(crate) async fn forget_sightings(connection: &mut AnyConnection, before: Time) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sightings WHERE asked_micros < $1").bind(before.micros()).execute(connection).await?;
    Ok(())
}

/// The sealed part of an account as `signin` writes it, as far as this case reads it: the name.
#[derive(Decode)]
#[cbor(map)]
struct RawName {
    #[n(1)]
    display_name: String,
}

/// The name of an account, if there is one and its row is as `signin` wrote it.
pub(crate) async fn account_name(
    connection: &mut AnyConnection,
    keys: &Keys,
    (account, establishment): (AccountId, EstablishmentId),
) -> Result<Option<String>, StoreError> {
    let row: Option<(String, Option<Vec<u8>>, Vec<u8>)> =
        sqlx::query_as("SELECT role, supplier_id, sealed FROM accounts WHERE id = $1 AND establishment_id = $2")
            .bind(account.as_bytes().to_vec())
            .bind(establishment.as_bytes().to_vec())
            .fetch_optional(connection)
            .await?;
    let Some((role, supplier, sealed)) = row else { return Ok(None) };
    let mut bond: Vec<&[u8]> = vec![account.as_bytes(), establishment.as_bytes(), role.as_bytes()];
    bond.extend(supplier.as_deref());
    let place = Place { table: "accounts", column: "sealed", row: &bond };
    let clear = keys.open(Purpose::AccountFields, place, &sealed);
    let name = clear.ok().and_then(|clear| minicbor::decode::<RawName>(&clear).ok()).map(|raw| raw.display_name);
    if name.is_none() {
        tracing::warn!("an account's row does not open; who it is cannot be told");
    }
    Ok(name)
}
