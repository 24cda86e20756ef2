//! The rows of leases: how a cut reaches the node that holds the session. Written within the effects of those who act.

use crate::{EndReason, LeaseView};
use journal::WriteTx;
use policy::DatabaseAction;
use sqlx::{AnyConnection, Row as _};
use store::StoreError;
use types::{InterventionId, RelayId, Time};

/// Leases read at once at most: more than a node may hold.
const POLL_MAX: i64 = 10_000;

pub(crate) async fn insert<A: DatabaseAction>(
    tx: &mut WriteTx<'_, A>,
    (relay, intervention): (RelayId, InterventionId),
    origin: &str,
    view: &LeaseView,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO leases (id, intervention_id, origin, ends_micros, hold_micros, cut_micros, cut_reason, closed) \
         VALUES ($1, $2, $3, $4, $5, 0, '', 0)",
    )
    .bind(relay.as_bytes().to_vec())
    .bind(intervention.as_bytes().to_vec())
    .bind(origin.to_owned())
    .bind(view.ends.micros())
    .bind(view.hold.map_or(0, Time::micros))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Marks a lease cut.
pub async fn mark_cut<A: DatabaseAction>(
    tx: &mut WriteTx<'_, A>,
    relay: RelayId,
    reason: EndReason,
) -> Result<(), StoreError> {
    let now = tx.now().micros();
    sqlx::query("UPDATE leases SET cut_micros = $1, cut_reason = $2 WHERE id = $3 AND cut_micros = 0")
        .bind(now)
        .bind(reason.as_str())
        .bind(relay.as_bytes().to_vec())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Marks all leases of an intervention cut.
pub async fn mark_all_cut<A: DatabaseAction>(
    tx: &mut WriteTx<'_, A>,
    intervention: InterventionId,
    reason: EndReason,
) -> Result<(), StoreError> {
    let now = tx.now().micros();
    sqlx::query(
        "UPDATE leases SET cut_micros = $1, cut_reason = $2 WHERE intervention_id = $3 AND cut_micros = 0 AND closed = 0",
    )
    .bind(now)
    .bind(reason.as_str())
    .bind(intervention.as_bytes().to_vec())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Marks the leases of an intervention that was closed, unless "do not interrupt" holds them.
pub async fn mark_ended<A: DatabaseAction>(
    tx: &mut WriteTx<'_, A>,
    intervention: InterventionId,
    reason: EndReason,
) -> Result<(), StoreError> {
    let now = tx.now().micros();
    sqlx::query(
        "UPDATE leases SET cut_micros = $1, cut_reason = $2 WHERE intervention_id = $3 AND cut_micros = 0 AND closed = 0 \
         AND hold_micros <= $4",
    )
    .bind(now)
    .bind(reason.as_str())
    .bind(intervention.as_bytes().to_vec())
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Moves the end and "do not interrupt" of all leases of an intervention.
pub async fn set_window<A: DatabaseAction>(
    tx: &mut WriteTx<'_, A>,
    intervention: InterventionId,
    (ends, hold): (Time, Option<Time>),
) -> Result<(), StoreError> {
    sqlx::query("UPDATE leases SET ends_micros = $1, hold_micros = $2 WHERE intervention_id = $3 AND closed = 0")
        .bind(ends.micros())
        .bind(hold.map_or(0, Time::micros))
        .bind(intervention.as_bytes().to_vec())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Notes that nobody works under a lease any more.
pub async fn close<A: DatabaseAction>(tx: &mut WriteTx<'_, A>, relay: RelayId) -> Result<(), StoreError> {
    sqlx::query("UPDATE leases SET closed = 1 WHERE id = $1")
        .bind(relay.as_bytes().to_vec())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The leases of a node whose sessions nobody has closed: after a stop, what it left behind.
pub async fn left_open(connection: &mut AnyConnection, origin: &str) -> Result<Vec<RelayId>, StoreError> {
    Ok(read(connection, origin).await?.into_iter().map(|row| row.relay).collect())
}

/// A lease as the database has it.
pub(crate) struct LeaseRow {
    pub relay: RelayId,
    pub ends: Time,
    pub hold: Option<Time>,
    pub cut: Option<EndReason>,
}

pub(crate) async fn read(connection: &mut AnyConnection, origin: &str) -> Result<Vec<LeaseRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, ends_micros, hold_micros, cut_micros, cut_reason FROM leases WHERE origin = $1 AND closed = 0 LIMIT $2",
    )
    .bind(origin.to_owned())
    .bind(POLL_MAX)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let id: Vec<u8> = row.try_get("id")?;
            let hold: i64 = row.try_get("hold_micros")?;
            let cut: i64 = row.try_get("cut_micros")?;
            let reason: String = row.try_get("cut_reason")?;
            Ok(LeaseRow {
                relay: RelayId::try_from(id.as_slice()).map_err(|_| StoreError::Malformed("leases.id"))?,
                ends: Time::from_micros(row.try_get("ends_micros")?),
                hold: (hold != 0).then(|| Time::from_micros(hold)),
                // A cut whose reason cannot be read is still a cut.
                cut: (cut != 0).then(|| reason.parse().unwrap_or(EndReason::Cut)),
            })
        })
        .collect()
}
