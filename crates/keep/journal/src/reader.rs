//! Reading traces, for whoever holds the months' private keys.

use crate::{
    JournalError, Kind, Outcome,
    entry::{Body, Header, split},
    log::{first_entry, read_entries},
    seal::Opening,
};
use std::{collections::HashMap, ops::Range, path::Path};
use types::{ClockState, Event, Time, TraceId};
use vault::{MonthKeys, VaultError};

/// A trace in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its place in the log.
    pub index: u64,
    /// What it says of the act.
    pub kind: Kind,
    /// The type of event.
    pub event: Event,
    /// When.
    pub time: Time,
    /// Whether the node's clock was synchronized then.
    pub clock: ClockState,
    /// The act.
    pub trace: TraceId,
    /// What became of it; an intent does not know yet.
    pub outcome: Option<Outcome>,
    /// Who.
    pub author: String,
    /// In what role.
    pub role: Option<String>,
    /// In which establishment.
    pub establishment: Option<String>,
    /// Through which door.
    pub door: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// From which port there, where that was to be recorded.
    pub port: Option<u16>,
    /// Why.
    pub purpose: Option<String>,
    /// The patients named.
    pub patients: Vec<String>,
    /// The objects named, as `category/id`.
    pub objects: Vec<String>,
    /// The target, where it is not a patient.
    pub target: Option<String>,
    /// Anything else.
    pub detail: Option<String>,
    /// How many, on folded entries.
    pub count: Option<u64>,
}

/// Reads and opens the traces of `range` in a log's folder (`journal/<origin>`). To open a range, the key entries before
/// it are needed too: reading starts at 0 and gives what lies in the range.
pub fn read_traces(folder: &Path, months: &MonthKeys, range: Range<u64>) -> Result<Vec<Trace>, JournalError> {
    let mut openings: HashMap<[u8; 8], Option<Opening>> = HashMap::new();
    let mut traces = Vec::new();
    let first = first_entry(folder)?;
    for read in read_entries(folder, 0..range.end)? {
        let (index, entry) = read?;
        let parts = split(&entry).map_err(JournalError::Malformed)?;
        let body = if parts.header.kind == Kind::SealKey {
            let opening = match Opening::of(&parts.header_bytes, &parts.body, months) {
                Err(JournalError::Vault(VaultError::Destroyed(_))) => None,
                other => Some(other?),
            };
            openings.insert(parts.header.seal_key, opening);
            Body::default()
        } else {
            let opening = openings.get(&parts.header.seal_key);
            if opening.is_none() && first == 0 {
                return Err(JournalError::Malformed(format!("entry {index} names a key that no entry gives")));
            }
            match opening.and_then(Option::as_ref) {
                Some(opening) => opening.body(parts.header.number, &parts.header_bytes, &parts.body)?,
                // Destroyed at its term, or given before the minimum, which is later still: that there was an entry, of what type and when, is all that is left.
                None => Body::default(),
            }
        };
        if range.contains(&index) {
            traces.push(trace_of(index, parts.header, body));
        }
    }
    Ok(traces)
}

pub(crate) fn trace_of(index: u64, header: Header, body: Body) -> Trace {
    Trace {
        index,
        kind: header.kind,
        event: header.event,
        time: header.time,
        clock: header.clock,
        trace: header.trace,
        outcome: header.outcome,
        author: body.author,
        role: body.role,
        establishment: body.establishment,
        door: body.door,
        address: body.address,
        port: body.port,
        purpose: body.purpose,
        patients: body.patients,
        objects: body.objects,
        target: body.target,
        detail: body.detail,
        count: body.count,
    }
}
