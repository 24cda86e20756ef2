//! SQL of equipment.

use crate::{
    model::{Equipment, NewEquipment, Protocol},
    rows::{RawEquipment, RawSigned, open, word},
    sql::{id, signed, unsigned},
    terms::EquipmentTerms,
    warrant::{SignatureKind, SignatureRow},
};
use sqlx::{AnyConnection, Row as _, any::AnyRow};
use store::StoreError;
use types::{AccountId, EquipmentId, EstablishmentId};
use vault::Keys;

/// Equipment of one establishment that is listed at most.
const LISTED_MAX: i64 = 1000;

/// An equipment as its row has it.
#[derive(Clone)]
pub(crate) struct EquipmentRow {
    pub id: EquipmentId,
    pub establishment: EstablishmentId,
    pub version: u64,
    pub new: EquipmentBody,
    pub signature: SignatureRow,
    /// Sealed to the relays' key.
    pub secret: Vec<u8>,
}

/// [`NewEquipment`] with what the columns hold.
#[derive(Clone)]
pub(crate) struct EquipmentBody {
    pub name: String,
    pub location: String,
    pub protocol: Protocol,
    pub host: String,
    pub port: u16,
    pub host_key: String,
    pub account: String,
    pub beneficiaries: Vec<AccountId>,
    pub quorum: u8,
}

impl From<&NewEquipment> for EquipmentBody {
    fn from(new: &NewEquipment) -> Self {
        let mut beneficiaries = new.beneficiaries.clone();
        beneficiaries.sort_unstable();
        beneficiaries.dedup();
        Self {
            name: new.name.clone(),
            location: new.location.clone(),
            protocol: new.protocol,
            host: new.host.clone(),
            port: new.port,
            host_key: new.host_key.clone(),
            account: new.account.clone(),
            beneficiaries,
            quorum: new.quorum,
        }
    }
}

impl EquipmentBody {
    pub(crate) fn terms(&self, id: EquipmentId, version: u64, establishment: EstablishmentId) -> EquipmentTerms {
        EquipmentTerms {
            id,
            version,
            establishment,
            name: self.name.clone(),
            protocol: self.protocol,
            host: self.host.clone(),
            port: self.port,
            host_key: self.host_key.clone(),
            account: self.account.clone(),
            beneficiaries: self.beneficiaries.clone(),
            quorum: self.quorum,
        }
    }
}

impl EquipmentRow {
    pub(crate) fn terms(&self) -> EquipmentTerms {
        self.new.terms(self.id, self.version, self.establishment)
    }

    pub(crate) fn shown(&self, signed: bool) -> Equipment {
        let body = self.new.clone();
        Equipment {
            id: self.id,
            establishment: self.establishment,
            version: self.version,
            name: body.name,
            location: body.location,
            protocol: body.protocol,
            host: body.host,
            port: body.port,
            host_key: body.host_key,
            account: body.account,
            beneficiaries: body.beneficiaries,
            quorum: body.quorum,
            signed,
        }
    }

    pub(crate) fn seal(&self, keys: &Keys) -> Result<Vec<u8>, StoreError> {
        let body = &self.new;
        let raw = RawEquipment {
            location: body.location.clone(),
            protocol: body.protocol.to_string(),
            host: body.host.clone(),
            port: body.port,
            host_key: body.host_key.clone(),
            account: body.account.clone(),
            beneficiaries: body.beneficiaries.iter().map(|id| (*id).into()).collect(),
            quorum: body.quorum,
            signed: RawSigned {
                nonce: self.signature.nonce,
                account: *self.signature.account.as_bytes(),
                assertion: (&self.signature.assertion).into(),
            },
        };
        crate::rows::seal(keys, "equipment", &[self.id.as_bytes(), self.establishment.as_bytes()], &raw)
    }
}

pub(crate) fn equipment_row(row: &AnyRow, keys: &Keys) -> Result<EquipmentRow, StoreError> {
    let (id, establishment): (EquipmentId, EstablishmentId) =
        (id!(row, "equipment_id"), id!(row, "equipment_establishment"));
    let sealed: Vec<u8> = row.try_get("equipment_sealed")?;
    let raw: RawEquipment = open(keys, "equipment", &[id.as_bytes(), establishment.as_bytes()], &sealed)?;
    Ok(EquipmentRow {
        id,
        establishment,
        version: unsigned(row.try_get("equipment_version")?, "equipment.version")?,
        new: EquipmentBody {
            name: row.try_get("equipment_name")?,
            location: raw.location,
            protocol: word(&raw.protocol, "equipment.sealed")?,
            host: raw.host,
            port: raw.port,
            host_key: raw.host_key,
            account: raw.account,
            beneficiaries: raw.beneficiaries.iter().map(Into::into).collect(),
            quorum: raw.quorum,
        },
        signature: SignatureRow {
            // An equipment's signature has no kind of its own: the terms have.
            kind: SignatureKind::Approve,
            nonce: raw.signed.nonce,
            account: AccountId::from_bytes(raw.signed.account),
            assertion: raw.signed.assertion.into(),
        },
        secret: row.try_get("equipment_secret")?,
    })
}

macro_rules! equipment_columns {
    () => {
        "e.id AS equipment_id, e.establishment_id AS equipment_establishment, e.version AS equipment_version, \
         e.name AS equipment_name, e.sealed AS equipment_sealed, e.secret AS equipment_secret"
    };
}

pub(crate) use equipment_columns;

pub(crate) async fn equipment(
    connection: &mut AnyConnection,
    keys: &Keys,
    (establishment, id): (EstablishmentId, EquipmentId),
) -> Result<Option<EquipmentRow>, StoreError> {
    let text =
        concat!("SELECT ", equipment_columns!(), " FROM equipment e WHERE e.establishment_id = $1 AND e.id = $2");
    let row = sqlx::query(text)
        .bind(establishment.as_bytes().to_vec())
        .bind(id.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    row.map(|row| equipment_row(&row, keys)).transpose()
}

pub(crate) async fn all_equipment(
    connection: &mut AnyConnection,
    keys: &Keys,
    establishment: EstablishmentId,
) -> Result<Vec<EquipmentRow>, StoreError> {
    let text = concat!(
        "SELECT ",
        equipment_columns!(),
        " FROM equipment e WHERE e.establishment_id = $1 ORDER BY e.name LIMIT $2"
    );
    let rows = sqlx::query(text).bind(establishment.as_bytes().to_vec()).bind(LISTED_MAX).fetch_all(connection).await?;
    rows.iter().map(|row| equipment_row(row, keys)).collect()
}

/// Inserts the first version, or replaces the one before. False: another version came between.
pub(crate) async fn put_equipment(
    connection: &mut AnyConnection,
    row: &EquipmentRow,
    sealed: Vec<u8>,
) -> Result<bool, StoreError> {
    let (id, establishment) = (row.id.as_bytes().to_vec(), row.establishment.as_bytes().to_vec());
    let version = signed(row.version);
    let text = if version == 1 {
        "INSERT INTO equipment (sealed, secret, name, version, id, establishment_id) VALUES ($1, $2, $3, $4, $5, $6)"
    } else {
        "UPDATE equipment SET sealed = $1, secret = $2, name = $3, version = $4 \
         WHERE id = $5 AND establishment_id = $6 AND version = $4 - 1"
    };
    let done = sqlx::query(text)
        .bind(sealed)
        .bind(row.secret.clone())
        .bind(row.new.name.clone())
        .bind(version)
        .bind(id.clone())
        .bind(establishment)
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM equipment_beneficiaries WHERE equipment_id = $1")
        .bind(id.clone())
        .execute(&mut *connection)
        .await?;
    for account in &row.new.beneficiaries {
        sqlx::query("INSERT INTO equipment_beneficiaries (equipment_id, account_id) VALUES ($1, $2)")
            .bind(id.clone())
            .bind(account.as_bytes().to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(true)
}
