//! SQL of interventions. People, equipment and sessions have their own.

use crate::{
    equipment::sql::{EquipmentRow, equipment_columns, equipment_row},
    model::{Filter, State, Step, Technician},
    rows::{NewSignature, NewStep, RawIntervention, RawSignature, RawStep, open, signature_row, word, words},
    terms::{InterventionTerms, TechnicianTerms},
    warrant::{SignatureKind, SignatureRow},
};
use policy::{Matter, Scope};
use sqlx::{AnyConnection, Row as _, any::AnyRow};
use store::StoreError;
use types::{AccountId, EquipmentId, EstablishmentId, InterventionId, SupplierId, Time};
use vault::Keys;

/// Rows of a page at most.
pub(crate) const PAGE: usize = types::limits::PAGE_OBJECTS_MAX;
/// Signatures under one intervention that are read at most.
const SIGNATURES_MAX: i64 = 200;

macro_rules! id {
    ($row:expr, $column:literal) => {{
        let bytes: Vec<u8> = $row.try_get($column)?;
        bytes.as_slice().try_into().map_err(|_| StoreError::Malformed($column))?
    }};
}
pub(crate) use id;

/// A moment, 0 for none.
pub(crate) fn moment(row: &AnyRow, column: &'static str) -> Result<Option<Time>, StoreError> {
    let micros: i64 = row.try_get(column)?;
    Ok((micros != 0).then(|| Time::from_micros(micros)))
}

pub(crate) fn unsigned(value: i64, what: &'static str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Malformed(what))
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// An intervention as its row has it, with its equipment's.
#[derive(Clone)]
pub(crate) struct InterventionRow {
    pub terms: InterventionTerms,
    pub supplier_name: String,
    pub requester_name: String,
    pub equipment: EquipmentRow,
    pub state: State,
    pub revision: i64,
    /// With the extensions in force.
    pub until: Time,
    pub hold: Option<Time>,
    pub requested: Time,
}

impl InterventionRow {
    /// Whose it is.
    pub(crate) fn matter(&self) -> Matter {
        Matter {
            establishment: self.terms.establishment,
            supplier: self.terms.supplier,
            beneficiaries: self.equipment.new.beneficiaries.clone(),
            technicians: self.terms.technicians.iter().map(|one| one.account).collect(),
        }
    }

    pub(crate) fn technicians(&self) -> Vec<Technician> {
        let shown = |one: &TechnicianTerms| Technician {
            account: one.account,
            name: one.name.clone(),
            fingerprints: one.fingerprints.clone(),
        };
        self.terms.technicians.iter().map(shown).collect()
    }
}

macro_rules! intervention_columns {
    () => {
        concat!(
            "i.id, i.establishment_id, i.supplier_id, i.version, i.revision, i.state, i.until_micros, i.hold_micros, \
             i.requested_micros, i.sealed, s.name AS supplier_name, ",
            equipment_columns!(),
            " FROM interventions i JOIN equipment e ON e.id = i.equipment_id JOIN suppliers s ON s.id = i.supplier_id "
        )
    };
}

/// The reach of a scope: `$1` to `$6`. The same words for interventions and for sessions.
macro_rules! within {
    () => {
        " i.establishment_id = $1 AND ($2 = 1 OR i.supplier_id = $3 OR EXISTS (SELECT 1 FROM equipment_beneficiaries b \
         WHERE b.equipment_id = i.equipment_id AND b.account_id = $4) OR (i.supplier_id = $5 AND EXISTS (SELECT 1 FROM \
         intervention_technicians t WHERE t.intervention_id = i.id AND t.account_id = $6))) "
    };
}
pub(crate) use within;

/// What [`within`] binds; an identifier that nobody has stands for "not".
pub(crate) struct Reach {
    pub establishment: Vec<u8>,
    pub all: i64,
    pub supplier: Vec<u8>,
    pub beneficiary: Vec<u8>,
    pub technician: (Vec<u8>, Vec<u8>),
}

impl Reach {
    pub(crate) fn of(scope: &Scope) -> Self {
        let reach = scope.matters();
        let (of, technician) = reach.technician.unzip();
        Self {
            establishment: scope.establishment().map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            all: i64::from(reach.all),
            supplier: reach.supplier.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            beneficiary: reach.beneficiary.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            technician: (
                of.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
                technician.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            ),
        }
    }
}

macro_rules! bind_reach {
    ($query:expr, $reach:expr) => {{
        let reach = $reach;
        $query
            .bind(reach.establishment)
            .bind(reach.all)
            .bind(reach.supplier)
            .bind(reach.beneficiary)
            .bind(reach.technician.0)
            .bind(reach.technician.1)
    }};
}
pub(crate) use bind_reach;

/// Where the sealed part of an intervention belongs.
pub(crate) fn intervention_place<'a>(
    id: &'a InterventionId,
    establishment: &'a EstablishmentId,
    supplier: &'a SupplierId,
    equipment: &'a EquipmentId,
) -> [&'a [u8]; 4] {
    [id.as_bytes(), establishment.as_bytes(), supplier.as_bytes(), equipment.as_bytes()]
}

fn intervention_row(row: &AnyRow, keys: &Keys) -> Result<InterventionRow, StoreError> {
    let equipment = equipment_row(row, keys)?;
    let (id, establishment): (InterventionId, EstablishmentId) = (id!(row, "id"), id!(row, "establishment_id"));
    let supplier: SupplierId = id!(row, "supplier_id");
    let state: String = row.try_get("state")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let place = intervention_place(&id, &establishment, &supplier, &equipment.id);
    let raw: RawIntervention = open(keys, "interventions", &place, &sealed)?;
    let sources = raw.ranges()?;
    let technicians = raw.technicians.into_iter().map(|one| TechnicianTerms {
        account: (&one.account).into(),
        name: one.name,
        fingerprints: one.fingerprints,
    });
    Ok(InterventionRow {
        terms: InterventionTerms {
            id,
            version: unsigned(row.try_get("version")?, "interventions.version")?,
            establishment,
            supplier,
            requester: (&raw.requester).into(),
            equipment: equipment.terms(),
            technicians: technicians.collect(),
            activity: word(&raw.activity, "interventions.sealed")?,
            purpose: raw.purpose,
            ticket: raw.ticket,
            rights: words(&raw.rights, "interventions.sealed")?,
            sources,
            from: Time::from_micros(raw.from),
            until: Time::from_micros(raw.until),
        },
        supplier_name: row.try_get("supplier_name")?,
        requester_name: raw.requester_name,
        equipment,
        state: word(&state, "interventions.state")?,
        revision: row.try_get("revision")?,
        until: Time::from_micros(row.try_get("until_micros")?),
        hold: moment(row, "hold_micros")?,
        requested: Time::from_micros(row.try_get("requested_micros")?),
    })
}

/// Text for `LIKE … ESCAPE '\'`.
pub(crate) fn pattern(text: Option<&str>) -> String {
    let text: String = text.unwrap_or("").chars().take(100).collect();
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// One more than a page, newest first, within the scope, after the cursor.
pub(crate) async fn interventions(
    connection: &mut AnyConnection,
    keys: &Keys,
    scope: &Scope,
    filter: &Filter,
    (before, last): (Time, InterventionId),
) -> Result<Vec<InterventionRow>, StoreError> {
    let text = concat!(
        "SELECT ",
        intervention_columns!(),
        "WHERE",
        within!(),
        "AND ($7 = '' OR i.state = $8) AND (lower(s.name) LIKE $9 ESCAPE '\\' OR lower(e.name) LIKE $10 ESCAPE '\\') \
         AND (i.requested_micros < $11 OR (i.requested_micros = $12 AND i.id < $13)) \
         ORDER BY i.requested_micros DESC, i.id DESC LIMIT $14"
    );
    let state = filter.state.map_or("", State::as_str).to_owned();
    let like = pattern(filter.text.as_deref());
    let rows = bind_reach!(sqlx::query(text), Reach::of(scope))
        .bind(state.clone())
        .bind(state)
        .bind(like.clone())
        .bind(like)
        .bind(before.micros())
        .bind(before.micros())
        .bind(last.as_bytes().to_vec())
        .bind(signed(PAGE as u64 + 1))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| intervention_row(row, keys)).collect()
}

/// One, within the scope.
pub(crate) async fn intervention_within(
    connection: &mut AnyConnection,
    keys: &Keys,
    scope: &Scope,
    id: InterventionId,
) -> Result<Option<InterventionRow>, StoreError> {
    let text = concat!("SELECT ", intervention_columns!(), "WHERE", within!(), "AND i.id = $7");
    let query = bind_reach!(sqlx::query(text), Reach::of(scope)).bind(id.as_bytes().to_vec());
    let row = query.fetch_optional(connection).await?;
    row.map(|row| intervention_row(&row, keys)).transpose()
}

/// One of an establishment: the facts that a decision about it needs.
pub(crate) async fn intervention(
    connection: &mut AnyConnection,
    keys: &Keys,
    (establishment, id): (EstablishmentId, InterventionId),
) -> Result<Option<InterventionRow>, StoreError> {
    let text = concat!("SELECT ", intervention_columns!(), "WHERE i.establishment_id = $1 AND i.id = $2");
    let row = sqlx::query(text)
        .bind(establishment.as_bytes().to_vec())
        .bind(id.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    row.map(|row| intervention_row(&row, keys)).transpose()
}

/// Those that are not over in which this technician works, on this target or on any, those that are approved first.
pub(crate) async fn workable(
    connection: &mut AnyConnection,
    keys: &Keys,
    (account, supplier): (AccountId, SupplierId),
    target: &str,
) -> Result<Vec<InterventionRow>, StoreError> {
    let text = concat!(
        "SELECT ",
        intervention_columns!(),
        "WHERE i.supplier_id = $1 AND ($2 = '' OR e.name = $3) AND i.state IN ('waiting', 'planned', 'open') \
         AND EXISTS (SELECT 1 FROM intervention_technicians t WHERE t.intervention_id = i.id AND t.account_id = $4) \
         ORDER BY CASE WHEN i.state = 'waiting' THEN 1 ELSE 0 END, i.from_micros, i.id LIMIT 50"
    );
    let rows = sqlx::query(text)
        .bind(supplier.as_bytes().to_vec())
        .bind(target.to_owned())
        .bind(target.to_owned())
        .bind(account.as_bytes().to_vec())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| intervention_row(row, keys)).collect()
}

/// Those whose window is over, "do not interrupt" included, and which nobody has noted.
pub(crate) async fn over(connection: &mut AnyConnection, now: Time) -> Result<Vec<InterventionId>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM interventions WHERE state IN ('waiting', 'planned', 'open') AND until_micros <= $1 \
         AND hold_micros <= $2 ORDER BY until_micros LIMIT 100",
    )
    .bind(now.micros())
    .bind(now.micros())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(id!(row, "id"))).collect()
}

/// Those of these that could still be worked in: what a restart finds when only the reserve knows of a cut.
pub(crate) async fn still_open(connection: &mut AnyConnection, id: InterventionId) -> Result<bool, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT revision FROM interventions WHERE id = $1 AND state IN ('planned', 'open')")
            .bind(id.as_bytes().to_vec())
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

pub(crate) fn signature_kind(kind: &str, until: Time, released: bool) -> Result<SignatureKind, StoreError> {
    match kind {
        "approve" => Ok(SignatureKind::Approve),
        "extend" => Ok(SignatureKind::Extend { until }),
        "hold" => Ok(SignatureKind::Hold { until, released }),
        _ => Err(StoreError::Malformed("intervention_signatures.kind")),
    }
}

/// The signatures under an intervention, with the signer's name and the moment.
pub(crate) async fn signatures(
    connection: &mut AnyConnection,
    keys: &Keys,
    intervention: InterventionId,
) -> Result<Vec<(SignatureRow, String, Time)>, StoreError> {
    let rows = sqlx::query(
        "SELECT nonce, kind, account_id, until_micros, released, at_micros, sealed FROM intervention_signatures \
         WHERE intervention_id = $1 ORDER BY at_micros, nonce LIMIT $2",
    )
    .bind(intervention.as_bytes().to_vec())
    .bind(SIGNATURES_MAX)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let bytes: Vec<u8> = row.try_get("nonce")?;
            let nonce = bytes.try_into().map_err(|_| StoreError::Malformed("intervention_signatures.nonce"))?;
            let account: AccountId = id!(row, "account_id");
            let (kind, released): (String, i64) = (row.try_get("kind")?, row.try_get("released")?);
            let until = Time::from_micros(row.try_get("until_micros")?);
            let sealed: Vec<u8> = row.try_get("sealed")?;
            let place = signature_row(&nonce, &intervention, &account);
            let raw: Result<RawSignature, _> = open(keys, "intervention_signatures", &place, &sealed);
            let kind = signature_kind(&kind, until, released != 0)?;
            // Not a fault of ours: it refuses, with its reason, as any forged one does.
            let (signature, name) = match raw {
                Ok(raw) => (SignatureRow { kind, nonce, account, assertion: raw.assertion.into() }, raw.name),
                Err(_) => (SignatureRow::unreadable(kind, nonce, account), String::new()),
            };
            Ok((signature, name, Time::from_micros(row.try_get("at_micros")?)))
        })
        .collect()
}

pub(crate) async fn insert_signature(
    connection: &mut AnyConnection,
    intervention: InterventionId,
    new: &NewSignature,
    now: Time,
) -> Result<(), StoreError> {
    let (kind, until) = match new.row.kind {
        SignatureKind::Approve => ("approve", 0),
        SignatureKind::Extend { until } => ("extend", until.micros()),
        SignatureKind::Hold { until, .. } => ("hold", until.micros()),
    };
    sqlx::query(
        "INSERT INTO intervention_signatures (nonce, intervention_id, kind, account_id, until_micros, released, \
         at_micros, sealed) VALUES ($1, $2, $3, $4, $5, 0, $6, $7)",
    )
    .bind(new.row.nonce.to_vec())
    .bind(intervention.as_bytes().to_vec())
    .bind(kind)
    .bind(new.row.account.as_bytes().to_vec())
    .bind(until)
    .bind(now.micros())
    .bind(new.sealed.clone())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn release_holds(
    connection: &mut AnyConnection,
    intervention: InterventionId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE intervention_signatures SET released = 1 WHERE intervention_id = $1 AND kind = 'hold'")
        .bind(intervention.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// What happened to an intervention, oldest first.
pub(crate) async fn steps(
    connection: &mut AnyConnection,
    keys: &Keys,
    intervention: InterventionId,
) -> Result<Vec<Step>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, at_micros, sealed FROM intervention_steps WHERE intervention_id = $1 \
         ORDER BY at_micros, number, id LIMIT $2",
    )
    .bind(intervention.as_bytes().to_vec())
    .bind(signed(crate::model::STEPS_MAX * 2))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let (id, sealed): (Vec<u8>, Vec<u8>) = (row.try_get("id")?, row.try_get("sealed")?);
            let raw: RawStep = open(keys, "intervention_steps", &[&id, intervention.as_bytes()], &sealed)?;
            let at = Time::from_micros(row.try_get("at_micros")?);
            Ok(Step { at, act: word(&raw.act, "intervention_steps.sealed")?, by: raw.by, note: raw.note })
        })
        .collect()
}

/// Adds a step. What technicians can cause without end (`bounded`) is kept up to the bound only; the traces have it all.
pub(crate) async fn insert_step(
    connection: &mut AnyConnection,
    intervention: InterventionId,
    (step, bounded): (&NewStep, bool),
    now: Time,
) -> Result<(), StoreError> {
    let (held,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM intervention_steps WHERE intervention_id = $1")
        .bind(intervention.as_bytes().to_vec())
        .fetch_one(&mut *connection)
        .await?;
    if bounded && held >= signed(crate::model::STEPS_MAX) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO intervention_steps (id, intervention_id, number, at_micros, sealed) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(step.id.to_vec())
    .bind(intervention.as_bytes().to_vec())
    .bind(held)
    .bind(now.micros())
    .bind(step.sealed.clone())
    .execute(connection)
    .await?;
    Ok(())
}

/// A new row.
pub(crate) struct InterventionInsert {
    pub id: InterventionId,
    pub establishment: EstablishmentId,
    pub supplier: SupplierId,
    pub equipment: EquipmentId,
    pub window: (Time, Time),
    pub technicians: Vec<AccountId>,
    pub sealed: Vec<u8>,
}

/// How many requests of a supplier wait.
pub(crate) async fn waiting(connection: &mut AnyConnection, supplier: SupplierId) -> Result<u64, StoreError> {
    let (count,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM interventions WHERE supplier_id = $1 AND state = 'waiting'")
            .bind(supplier.as_bytes().to_vec())
            .fetch_one(connection)
            .await?;
    unsigned(count, "interventions")
}

pub(crate) async fn insert_intervention(
    connection: &mut AnyConnection,
    new: &InterventionInsert,
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO interventions (id, establishment_id, supplier_id, equipment_id, version, revision, state, \
         from_micros, until_micros, hold_micros, requested_micros, sealed) \
         VALUES ($1, $2, $3, $4, 1, 1, 'waiting', $5, $6, 0, $7, $8)",
    )
    .bind(new.id.as_bytes().to_vec())
    .bind(new.establishment.as_bytes().to_vec())
    .bind(new.supplier.as_bytes().to_vec())
    .bind(new.equipment.as_bytes().to_vec())
    .bind(new.window.0.micros())
    .bind(new.window.1.micros())
    .bind(now.micros())
    .bind(new.sealed.clone())
    .execute(&mut *connection)
    .await?;
    for account in &new.technicians {
        sqlx::query("INSERT INTO intervention_technicians (intervention_id, account_id) VALUES ($1, $2)")
            .bind(new.id.as_bytes().to_vec())
            .bind(account.as_bytes().to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Moves an intervention to a state, if nobody came between. False: somebody did.
pub(crate) async fn change(
    connection: &mut AnyConnection,
    (id, revision): (InterventionId, i64),
    state: State,
    (until, hold): (Time, Option<Time>),
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE interventions SET state = $1, until_micros = $2, hold_micros = $3, revision = revision + 1 \
         WHERE id = $4 AND revision = $5",
    )
    .bind(state.as_str())
    .bind(until.micros())
    .bind(hold.map_or(0, Time::micros))
    .bind(id.as_bytes().to_vec())
    .bind(revision)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends what is not over, whatever came between. False: it was over already.
pub(crate) async fn end(
    connection: &mut AnyConnection,
    id: InterventionId,
    state: State,
    waiting_too: bool,
) -> Result<bool, StoreError> {
    let text = if waiting_too {
        "UPDATE interventions SET state = $1, revision = revision + 1 WHERE id = $2 \
         AND state IN ('waiting', 'planned', 'open')"
    } else {
        "UPDATE interventions SET state = $1, revision = revision + 1 WHERE id = $2 AND state IN ('planned', 'open')"
    };
    let done = sqlx::query(text).bind(state.as_str()).bind(id.as_bytes().to_vec()).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

/// What was planned opens with the first session.
pub(crate) async fn open_planned(connection: &mut AnyConnection, id: InterventionId) -> Result<(), StoreError> {
    sqlx::query("UPDATE interventions SET state = 'open', revision = revision + 1 WHERE id = $1 AND state = 'planned'")
        .bind(id.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}
