//! SQL of the alarms, and what a row holds.

use crate::{Alarm, AlarmKind};
use minicbor::{Decode, Encode};
use sqlx::{AnyConnection, Row as _, any::AnyRow};
use store::StoreError;
use types::{AccountId, EstablishmentId, Time};
use vault::{Keys, Place, Purpose};

/// What `alarms.sealed` holds.
#[derive(Encode, Decode)]
#[cbor(map)]
struct AlarmSecrets {
    #[n(0)]
    network: Option<String>,
}

/// An alarm's row. All of it is its place: what somebody else writes there, moves or changes does not open.
pub(crate) struct AlarmRow {
    pub id: [u8; 16],
    pub establishment: EstablishmentId,
    pub account: Option<AccountId>,
    pub word: String,
    pub at: Time,
    sealed: Vec<u8>,
}

impl AlarmRow {
    pub(crate) fn seal(
        keys: &Keys,
        (id, establishment): ([u8; 16], EstablishmentId),
        alarm: &Alarm,
    ) -> Result<Self, StoreError> {
        let (account, word) = (alarm.kind.account(), alarm.kind.word().to_owned());
        let network = match &alarm.kind {
            AlarmKind::Spray { network } => Some(network.to_string()),
            _ => None,
        };
        let mut row = Self { id, establishment, account, word, at: alarm.at, sealed: Vec::new() };
        let clear = minicbor::to_vec(AlarmSecrets { network }).unwrap_or_default();
        let sealed = row.within(|place| keys.seal(Purpose::Alarms, place, &clear));
        row.sealed = sealed.map_err(|error| StoreError::Other(error.to_string()))?;
        Ok(row)
    }

    pub(crate) fn open(&self, keys: &Keys) -> Option<Alarm> {
        let clear = self.within(|place| keys.open(Purpose::Alarms, place, &self.sealed)).ok()?;
        let secrets: AlarmSecrets = minicbor::decode(&clear).ok()?;
        let network = secrets.network.and_then(|text| text.parse().ok());
        Some(Alarm { at: self.at, kind: AlarmKind::read(&self.word, self.account, network)? })
    }

    fn within<T>(&self, then: impl FnOnce(Place<'_>) -> T) -> T {
        let account = self.account.map_or([0; 16], |account| *account.as_bytes());
        let at = self.at.micros().to_be_bytes();
        let row: [&[u8]; 5] = [&self.id, self.establishment.as_bytes(), &account, self.word.as_bytes(), &at];
        then(Place { table: "alarms", column: "sealed", row: &row })
    }

    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let (id, establishment): (Vec<u8>, Vec<u8>) = (row.try_get("id")?, row.try_get("establishment_id")?);
        let account: Option<Vec<u8>> = row.try_get("account_id")?;
        let account = account.map(|id| AccountId::try_from(id.as_slice())).transpose();
        Ok(Self {
            id: id.try_into().map_err(|_| StoreError::Malformed("alarms.id"))?,
            establishment: EstablishmentId::try_from(establishment.as_slice())
                .map_err(|_| StoreError::Malformed("alarms.establishment_id"))?,
            account: account.map_err(|_| StoreError::Malformed("alarms.account_id"))?,
            word: row.try_get("word")?,
            at: Time::from_micros(row.try_get("at_micros")?),
            sealed: row.try_get("sealed")?,
        })
    }
}

pub(crate) async fn insert(connection: &mut AnyConnection, row: &AlarmRow, mailed: bool) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO alarms (id, establishment_id, account_id, word, at_micros, mailed, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(row.id.to_vec())
    .bind(row.establishment.as_bytes().to_vec())
    .bind(row.account.map(|account| account.as_bytes().to_vec()))
    .bind(row.word.clone())
    .bind(row.at.micros())
    .bind(i64::from(mailed))
    .bind(row.sealed.clone())
    .execute(connection)
    .await?;
    Ok(())
}

/// Those of one kind, the newest first.
pub(crate) async fn since(
    connection: &mut AnyConnection,
    (establishment, word): (EstablishmentId, &str),
    since: Time,
    most: i64,
) -> Result<Vec<AlarmRow>, StoreError> {
    let text = "SELECT id, establishment_id, account_id, word, at_micros, sealed FROM alarms \
                WHERE establishment_id = $1 AND word = $2 AND at_micros >= $3 ORDER BY at_micros DESC LIMIT $4";
    let query = sqlx::query(text).bind(establishment.as_bytes().to_vec()).bind(word.to_owned());
    let rows = query.bind(since.micros()).bind(most).fetch_all(connection).await?;
    rows.iter().map(AlarmRow::read).collect()
}

/// How many of one kind were kept.
pub(crate) async fn count(
    connection: &mut AnyConnection,
    (establishment, word): (EstablishmentId, &str),
    since: Time,
) -> Result<i64, StoreError> {
    let text = "SELECT COUNT(*) FROM alarms WHERE establishment_id = $1 AND word = $2 AND at_micros >= $3";
    let query = sqlx::query_as(text).bind(establishment.as_bytes().to_vec()).bind(word.to_owned());
    let (count,): (i64,) = query.bind(since.micros()).fetch_one(connection).await?;
    Ok(count)
}

/// Whether somebody was written to about one of the kind.
pub(crate) async fn was_mailed(
    connection: &mut AnyConnection,
    (establishment, word): (EstablishmentId, &str),
    since: Time,
) -> Result<bool, StoreError> {
    let text =
        "SELECT COUNT(*) FROM alarms WHERE establishment_id = $1 AND word = $2 AND at_micros >= $3 AND mailed = 1";
    let query = sqlx::query_as(text).bind(establishment.as_bytes().to_vec()).bind(word.to_owned());
    let (count,): (i64,) = query.bind(since.micros()).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Whether the same is there already of the same account.
pub(crate) async fn is_there(connection: &mut AnyConnection, row: &AlarmRow, since: Time) -> Result<bool, StoreError> {
    let text = "SELECT COUNT(*) FROM alarms WHERE establishment_id = $1 AND word = $2 AND at_micros >= $3 \
                AND account_id = $4";
    let query = sqlx::query_as(text).bind(row.establishment.as_bytes().to_vec()).bind(row.word.clone());
    let query = query.bind(since.micros()).bind(row.account.map(|account| account.as_bytes().to_vec()));
    let (count,): (i64,) = query.fetch_one(connection).await?;
    Ok(count > 0)
}

pub(crate) async fn forget_before(connection: &mut AnyConnection, end: Time) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM alarms WHERE at_micros < $1").bind(end.micros()).execute(connection).await?;
    Ok(())
}
