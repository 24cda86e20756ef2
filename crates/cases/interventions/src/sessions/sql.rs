//! SQL of sessions through the relays.

use crate::{
    gate::Ending,
    model::{Filter, RelaySession},
    rows::{RawChannel, RawOutcome, RawSession, open, seal, word},
    sql::{PAGE, Reach, bind_reach, id, moment, pattern, signed, within},
};
use policy::Scope;
use sqlx::{AnyConnection, Row as _, any::AnyRow};
use store::StoreError;
use types::{AccountId, ClientAddress, EstablishmentId, InterventionId, RelayId, Time};
use vault::Keys;

/// Channels of one session that are kept at most.
pub(crate) const CHANNELS_MAX: usize = 1000;

fn place<'a>(relay: &'a RelayId, intervention: &'a InterventionId, account: &'a AccountId) -> [&'a [u8]; 3] {
    [relay.as_bytes(), intervention.as_bytes(), account.as_bytes()]
}

macro_rules! session_columns {
    () => {
        "r.id, r.intervention_id, r.account_id, r.opened_micros, r.closed_micros, r.end_reason, r.sealed, r.outcome, \
         i.establishment_id, i.supplier_id, e.id AS equipment_id, e.name AS equipment_name FROM relay_sessions r \
         JOIN interventions i ON i.id = r.intervention_id JOIN equipment e ON e.id = i.equipment_id "
    };
}

/// A session with whose it is.
pub(crate) struct SessionRow {
    pub session: RelaySession,
    pub intervention: InterventionId,
}

fn session_row(row: &AnyRow, keys: &Keys) -> Result<SessionRow, StoreError> {
    let relay: RelayId = id!(row, "id");
    let intervention: InterventionId = id!(row, "intervention_id");
    let technician: AccountId = id!(row, "account_id");
    let place = place(&relay, &intervention, &technician);
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let raw: RawSession = open(keys, "relay_sessions", &place, &sealed)?;
    let outcome: Option<Vec<u8>> = row.try_get("outcome")?;
    let outcome = outcome.map(|sealed| open::<RawOutcome>(keys, "relay_sessions.outcome", &place, &sealed));
    let (bytes_in, bytes_out, channels, note) = match outcome.transpose()? {
        Some(raw) => {
            let channels: Result<_, _> = raw.channels.into_iter().map(TryInto::try_into).collect();
            (raw.bytes_in, raw.bytes_out, channels?, raw.note)
        }
        None => (0, 0, Vec::new(), String::new()),
    };
    let end: String = row.try_get("end_reason")?;
    let closed = moment(row, "closed_micros")?;
    let address = raw.address.parse().map_err(|_| StoreError::Malformed("relay_sessions.sealed"))?;
    let session = RelaySession {
        id: relay,
        intervention,
        technician,
        technician_name: raw.technician_name,
        equipment: id!(row, "equipment_id"),
        equipment_name: row.try_get("equipment_name")?,
        address: ClientAddress::new(address),
        opened: Time::from_micros(row.try_get("opened_micros")?),
        closed,
        end: if end.is_empty() { None } else { Some(word(&end, "relay_sessions.end_reason")?) },
        bytes_in,
        bytes_out,
        channels,
        note,
        live: closed.is_none(),
        held: false,
        overrun: false,
        alarms: Vec::new(),
    };
    Ok(SessionRow { session, intervention })
}

/// One more than a page, newest first, within the scope, after the cursor.
pub(crate) async fn sessions(
    connection: &mut AnyConnection,
    keys: &Keys,
    scope: &Scope,
    filter: &Filter,
    (before, last): (Time, RelayId),
) -> Result<Vec<SessionRow>, StoreError> {
    let text = concat!(
        "SELECT ",
        session_columns!(),
        "WHERE",
        within!(),
        "AND ($7 = 0 OR r.closed_micros = 0) AND ($8 = 0 OR i.id = $9) AND lower(e.name) LIKE $10 ESCAPE '\\' \
         AND (r.opened_micros < $11 OR (r.opened_micros = $12 AND r.id < $13)) \
         ORDER BY r.opened_micros DESC, r.id DESC LIMIT $14"
    );
    let of = filter.intervention.map(|id| id.as_bytes().to_vec());
    let rows = bind_reach!(sqlx::query(text), Reach::of(scope))
        .bind(i64::from(filter.live))
        .bind(i64::from(of.is_some()))
        .bind(of.unwrap_or_default())
        .bind(pattern(filter.text.as_deref()))
        .bind(before.micros())
        .bind(before.micros())
        .bind(last.as_bytes().to_vec())
        .bind(signed(PAGE as u64 + 1))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| session_row(row, keys)).collect()
}

/// One, within the scope.
pub(crate) async fn session_within(
    connection: &mut AnyConnection,
    keys: &Keys,
    scope: &Scope,
    relay: RelayId,
) -> Result<Option<SessionRow>, StoreError> {
    let text = concat!("SELECT ", session_columns!(), "WHERE", within!(), "AND r.id = $7");
    let query = bind_reach!(sqlx::query(text), Reach::of(scope)).bind(relay.as_bytes().to_vec());
    let row = query.fetch_optional(connection).await?;
    row.map(|row| session_row(&row, keys)).transpose()
}

/// The intervention that a session of the establishment is of: for the facts of a decision.
pub(crate) async fn intervention_of(
    connection: &mut AnyConnection,
    (establishment, relay): (EstablishmentId, RelayId),
) -> Result<Option<InterventionId>, StoreError> {
    let row = sqlx::query(
        "SELECT r.intervention_id FROM relay_sessions r JOIN interventions i ON i.id = r.intervention_id \
         WHERE r.id = $1 AND i.establishment_id = $2",
    )
    .bind(relay.as_bytes().to_vec())
    .bind(establishment.as_bytes().to_vec())
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(id!(row, "intervention_id"))).transpose()
}

/// The intervention and the technician of a session, whoever asks: the relays closing their own.
pub(crate) async fn owner(
    connection: &mut AnyConnection,
    relay: RelayId,
) -> Result<Option<(InterventionId, AccountId)>, StoreError> {
    let row = sqlx::query("SELECT intervention_id, account_id FROM relay_sessions WHERE id = $1")
        .bind(relay.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((id!(row, "intervention_id"), id!(row, "account_id")))).transpose()
}

/// A new row.
#[derive(Clone)]
pub(crate) struct SessionInsert {
    pub relay: RelayId,
    pub intervention: InterventionId,
    pub account: AccountId,
    pub sealed: Vec<u8>,
}

impl SessionInsert {
    pub(crate) fn new(
        keys: &Keys,
        (relay, intervention, account): (RelayId, InterventionId, AccountId),
        raw: &RawSession,
    ) -> Result<Self, StoreError> {
        let sealed = seal(keys, "relay_sessions", &place(&relay, &intervention, &account), raw)?;
        Ok(Self { relay, intervention, account, sealed })
    }
}

pub(crate) async fn insert(connection: &mut AnyConnection, new: &SessionInsert, now: Time) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO relay_sessions (id, intervention_id, account_id, opened_micros, closed_micros, end_reason, sealed) \
         VALUES ($1, $2, $3, $4, 0, '', $5)",
    )
    .bind(new.relay.as_bytes().to_vec())
    .bind(new.intervention.as_bytes().to_vec())
    .bind(new.account.as_bytes().to_vec())
    .bind(now.micros())
    .bind(new.sealed.clone())
    .execute(connection)
    .await?;
    Ok(())
}

/// What is kept of an ending.
pub(crate) fn seal_outcome(
    keys: &Keys,
    (relay, intervention, account): (RelayId, InterventionId, AccountId),
    ending: &Ending,
) -> Result<Vec<u8>, StoreError> {
    let raw = RawOutcome {
        note: ending.note.chars().take(500).collect(),
        bytes_in: ending.bytes_in,
        bytes_out: ending.bytes_out,
        channels: ending.channels.iter().take(CHANNELS_MAX).map(RawChannel::from).collect(),
    };
    seal(keys, "relay_sessions.outcome", &place(&relay, &intervention, &account), &raw)
}

/// Notes the end of a session, once.
pub(crate) async fn close(
    connection: &mut AnyConnection,
    relay: RelayId,
    (reason, outcome): (lease::EndReason, Option<Vec<u8>>),
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE relay_sessions SET closed_micros = $1, end_reason = $2, outcome = $3 WHERE id = $4 AND closed_micros = 0",
    )
    .bind(now.micros())
    .bind(reason.as_str())
    .bind(outcome)
    .bind(relay.as_bytes().to_vec())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the intervention can still be worked in, as it was when it was verified: asked within the transaction.
pub(crate) async fn may_connect(
    connection: &mut AnyConnection,
    intervention: InterventionId,
    (version, equipment_version): (u64, u64),
    (until, hold): (Time, Option<Time>),
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query(
        "SELECT i.state FROM interventions i JOIN equipment e ON e.id = i.equipment_id WHERE i.id = $1 \
         AND i.state IN ('planned', 'open') AND i.version = $2 AND e.version = $3 \
         AND i.until_micros = $4 AND i.hold_micros = $5",
    )
    .bind(intervention.as_bytes().to_vec())
    .bind(signed(version))
    .bind(signed(equipment_version))
    .bind(until.micros())
    .bind(hold.map_or(0, Time::micros))
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(row.try_get("state")?)).transpose()
}
