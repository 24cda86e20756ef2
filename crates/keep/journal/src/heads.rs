//! What the database remembers of each journal: how far it had come, under which root. A folder that holds less is an
//! older copy put back, or has lost a segment; one that holds something else was made up. Going on with either would sign
//! a second history, so the journal does not: it is refused, or a new origin declares the gap and goes on.

use crate::{
    JournalError,
    entry::{Kind, header},
    log::{Bad, Checkpoint, root_at, tree::Hash},
    retention::{Begun, Ledger},
    verify::began_before,
};
use std::{collections::BTreeMap, path::Path, time::Duration};
use store::{Store, StoreError, WriteDoor};
use types::{Event, Time, TraceId};

/// Origins that one node may have had: each was started by somebody's hand.
const SUCCESSORS_MAX: usize = 1000;
/// Marks are written after what they speak of: acts this much older than the last mark are asked about too.
const MARGIN: Duration = Duration::from_secs(60);

/// How far a journal was known to have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Entries under the last checkpoint that was remembered.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// When.
    pub at: Time,
    /// The origin that goes on in its place, once a gap was declared.
    pub successor: Option<String>,
}

type Row = (String, i64, Vec<u8>, i64, Option<String>);

fn head((origin, size, root, at, successor): Row) -> Result<(String, Head), StoreError> {
    let malformed = StoreError::Malformed("journal_heads");
    let (Ok(size), Ok(root)) = (u64::try_from(size), Hash::try_from(root.as_slice())) else { return Err(malformed) };
    Ok((origin, Head { size, root, at: Time::from_micros(at), successor }))
}

/// What a database remembers of every journal.
pub async fn read_heads(store: &Store) -> Result<BTreeMap<String, Head>, StoreError> {
    let mut connection = store.read().await?;
    let rows: Vec<Row> = sqlx::query_as("SELECT origin, size, root, at_micros, successor FROM journal_heads")
        .fetch_all(&mut *connection)
        .await?;
    rows.into_iter().map(head).collect()
}

/// What is remembered of one journal, and the acts marked since then or shortly before.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    pub head: Option<Head>,
    pub acts: BTreeMap<TraceId, Time>,
}

async fn head_of(door: &WriteDoor, origin: &str) -> Result<Option<Head>, StoreError> {
    let mut transaction = door.begin().await?;
    let row: Option<Row> =
        sqlx::query_as("SELECT origin, size, root, at_micros, successor FROM journal_heads WHERE origin = $1")
            .bind(origin)
            .fetch_optional(&mut *transaction)
            .await?;
    Ok(row.map(head).transpose()?.map(|(_, head)| head))
}

/// The origins that a node has had, in order: the configured one, then those that went on in its place.
pub(crate) async fn lineage(door: &WriteDoor, configured: &str) -> Result<Vec<String>, StoreError> {
    let mut origins = vec![configured.to_owned()];
    while let Some(last) = origins.last()
        && let Some(next) = head_of(door, last).await?.and_then(|head| head.successor)
    {
        if origins.len() >= SUCCESSORS_MAX || origins.contains(&next) {
            return Err(StoreError::Malformed("journal_heads.successor"));
        }
        origins.push(next);
    }
    Ok(origins)
}

/// A name for the origin after the last one of a lineage: `node-2`, `node-3`; none that the database knows already, for
/// another node may be called so.
pub(crate) async fn next_name(door: &WriteDoor, lineage: &[String]) -> Result<String, StoreError> {
    let configured = lineage.first().map_or("", String::as_str);
    for number in lineage.len() + 1..SUCCESSORS_MAX * 2 {
        let name = format!("{configured}-{number}");
        let known = remembered(door, &name).await?;
        if known.head.is_none() && known.acts.is_empty() {
            return Ok(name);
        }
    }
    Err(StoreError::Malformed("journal_heads.successor"))
}

pub(crate) async fn remembered(door: &WriteDoor, origin: &str) -> Result<Remembered, StoreError> {
    let head = head_of(door, origin).await?;
    let since = head.as_ref().map_or(i64::MIN, |head| (head.at - MARGIN).micros());
    let mut transaction = door.begin().await?;
    let rows: Vec<(Vec<u8>, i64)> =
        sqlx::query_as("SELECT trace_id, at_micros FROM effects WHERE origin = $1 AND at_micros >= $2")
            .bind(origin)
            .bind(since)
            .fetch_all(&mut *transaction)
            .await?;
    let trace = |(bytes, at): (Vec<u8>, i64)| {
        let trace = TraceId::try_from(bytes.as_slice()).map_err(|_| StoreError::Malformed("effects.trace_id"));
        Ok::<_, StoreError>((trace?, Time::from_micros(at)))
    };
    Ok(Remembered { head, acts: rows.into_iter().map(trace).collect::<Result<_, _>>()? })
}

/// Remembers a checkpoint. One that is behind what is remembered changes nothing.
pub(crate) async fn remember(
    door: &WriteDoor,
    origin: &str,
    checkpoint: &Checkpoint,
    at: Time,
) -> Result<(), StoreError> {
    let mut transaction = door.begin().await?;
    sqlx::query(
        "INSERT INTO journal_heads (origin, size, root, at_micros) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, at_micros = excluded.at_micros \
         WHERE journal_heads.size < excluded.size",
    )
    .bind(origin)
    .bind(i64::try_from(checkpoint.size).map_err(|_| StoreError::Malformed("journal_heads.size"))?)
    .bind(checkpoint.root.to_vec())
    .bind(at.micros())
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Makes `successor` go on in the place of `origin`, for good.
pub(crate) async fn succeed(door: &WriteDoor, origin: &str, successor: &str, at: Time) -> Result<(), StoreError> {
    let mut transaction = door.begin().await?;
    sqlx::query(
        "INSERT INTO journal_heads (origin, size, root, at_micros, successor) VALUES ($1, 0, $2, $3, $4) \
         ON CONFLICT (origin) DO UPDATE SET successor = excluded.successor WHERE journal_heads.successor IS NULL",
    )
    .bind(origin)
    .bind(crate::log::tree::Tree::new().root().to_vec())
    .bind(at.micros())
    .bind(successor)
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

fn behind(folder: &Path, what: String) -> JournalError {
    JournalError::Behind { folder: folder.display().to_string(), what }
}

/// Whether the folder is there at all, if entries of it are remembered: an empty one must not be made in its place.
pub(crate) fn is_there(folder: &Path, remembered: &Remembered) -> Result<(), JournalError> {
    let known = remembered.head.as_ref().is_some_and(|head| head.size > 0) || !remembered.acts.is_empty();
    if known && folder.join("checkpoint").symlink_metadata().is_err() {
        return Err(behind(folder, "it is missing or holds no checkpoint".to_owned()));
    }
    Ok(())
}

/// What a journal's own entries say, read once at its opening.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Acts without outcome.
    pub open: BTreeMap<TraceId, Event>,
    /// Whether this origin's beginning says which one it follows.
    pub declared: bool,
    /// The last entry that says that the journal's key was renewed.
    pub renewed_at: Option<u64>,
    /// What its statements decide.
    pub ledger: Ledger,
}

/// Reads the entries, and compares the folder with what is remembered of it; the error says what is missing.
pub(crate) fn survey(folder: &Path, entries: u64, remembered: Remembered) -> Result<Survey, JournalError> {
    if let Some(head) = &remembered.head {
        if entries < head.size {
            return Err(behind(
                folder,
                format!("it holds {entries} entries, the checkpoint that is remembered says {}", head.size),
            ));
        }
        let found = root_at(folder, head.size).map_err(|bad: Bad| JournalError::Log(bad.into()))?;
        if found.is_some_and(|root| root != head.root) {
            return Err(behind(folder, format!("its first {} entries are not those that are remembered", head.size)));
        }
    }
    let begun = Begun::read(folder).map_err(|bad| JournalError::Log(bad.into()))?;
    // What was declared at the beginning of a journal that lost its beginning was declared.
    let declared = begun.is_some();
    let mut unknown = remembered.acts;
    // Of what went nothing is left to be held against, as when the journal is verified.
    if let Some(begun) = &begun {
        unknown.retain(|_, at| !began_before(begun, *at));
    }
    let mut survey = Survey { declared, ledger: Ledger::of(begun), ..Survey::default() };
    for read in crate::log::read_entries(folder, 0..entries)? {
        let (index, entry) = read?;
        let header = header(&entry).map_err(|what| JournalError::Malformed(format!("entry {index}: {what}")))?;
        survey.declared |= header.event == Event::GapDeclared;
        if header.event == Event::JournalKeyRenewed {
            survey.renewed_at = Some(index);
        }
        survey.ledger.note(index, &entry).map_err(|what| JournalError::Malformed(format!("entry {index}: {what}")))?;
        match header.kind {
            Kind::Intent => {
                unknown.remove(&header.trace);
                survey.open.insert(header.trace, header.event);
            }
            Kind::Outcome => {
                survey.open.remove(&header.trace);
            }
            _ => {}
        }
    }
    survey.ledger.start().end().map_err(|bad| JournalError::Log(bad.into()))?;
    match unknown.first_key_value() {
        None => Ok(survey),
        Some((trace, _)) => Err(behind(
            folder,
            format!("the database holds {} recent effects that it never announced, {trace} among them", unknown.len()),
        )),
    }
}
