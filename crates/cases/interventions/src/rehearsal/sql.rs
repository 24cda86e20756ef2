//! SQL of rehearsals: what they leave goes.

use crate::sql::id;
use sqlx::{AnyConnection, Row as _};
use store::StoreError;
use types::{AccountId, EquipmentId, EstablishmentId, RelayId, SupplierId};

/// What tells a node's rehearsals from everything else.
#[derive(Clone)]
pub(super) struct Ours {
    pub establishment: EstablishmentId,
    /// The equipment's name.
    pub name: String,
    /// The only one who answers for it.
    pub account: AccountId,
    /// The only supplier whose people work on it.
    pub supplier: SupplierId,
}

/// Deletes the rows of this node's rehearsals; gives the sessions that were theirs. Equipment of that name that anybody
/// else answers for, or that another supplier has worked on, is somebody's, and stays.
pub(super) async fn clear(connection: &mut AnyConnection, ours: &Ours) -> Result<Vec<RelayId>, StoreError> {
    let rows = sqlx::query(
        "SELECT e.id FROM equipment e WHERE e.establishment_id = $1 AND e.name = $2 \
         AND NOT EXISTS (SELECT 1 FROM equipment_beneficiaries b WHERE b.equipment_id = e.id AND b.account_id <> $3) \
         AND NOT EXISTS (SELECT 1 FROM interventions i WHERE i.equipment_id = e.id AND i.supplier_id <> $4)",
    )
    .bind(ours.establishment.as_bytes().to_vec())
    .bind(ours.name.clone())
    .bind(ours.account.as_bytes().to_vec())
    .bind(ours.supplier.as_bytes().to_vec())
    .fetch_all(&mut *connection)
    .await?;
    let mut gone = Vec::new();
    for row in rows {
        let equipment: EquipmentId = id!(row, "id");
        gone.extend(clear_one(connection, equipment).await?);
    }
    Ok(gone)
}

async fn clear_one(connection: &mut AnyConnection, equipment: EquipmentId) -> Result<Vec<RelayId>, StoreError> {
    let sessions = sqlx::query(
        "SELECT r.id FROM relay_sessions r JOIN interventions i ON i.id = r.intervention_id WHERE i.equipment_id = $1",
    )
    .bind(equipment.as_bytes().to_vec())
    .fetch_all(&mut *connection)
    .await?;
    for text in [
        "DELETE FROM leases WHERE intervention_id IN (SELECT id FROM interventions WHERE equipment_id = $1)",
        "DELETE FROM relay_sessions WHERE intervention_id IN (SELECT id FROM interventions WHERE equipment_id = $1)",
        "DELETE FROM intervention_steps WHERE intervention_id IN \
         (SELECT id FROM interventions WHERE equipment_id = $1)",
        "DELETE FROM intervention_signatures WHERE intervention_id IN \
         (SELECT id FROM interventions WHERE equipment_id = $1)",
        "DELETE FROM intervention_technicians WHERE intervention_id IN \
         (SELECT id FROM interventions WHERE equipment_id = $1)",
        "DELETE FROM interventions WHERE equipment_id = $1",
        "DELETE FROM equipment_beneficiaries WHERE equipment_id = $1",
        "DELETE FROM equipment WHERE id = $1",
    ] {
        sqlx::query(text).bind(equipment.as_bytes().to_vec()).execute(&mut *connection).await?;
    }
    sessions.iter().map(|row| Ok(id!(row, "id"))).collect()
}
