//! After a stop that was not clean: every intent gets its outcome before the node serves anybody.

use crate::{Journal, JournalError, Kind, entry::split, log::read_entries};
use std::{collections::BTreeMap, path::Path};
use types::{Event, TraceId};

impl Journal {
    /// Settles this origin's intents that have no outcome. Only this origin's: another node's are its own to settle, or
    /// of whoever declares it dead.
    pub(crate) async fn recover(&self, folder: &Path) -> Result<(), JournalError> {
        let (folder, end) = (folder.to_owned(), self.entries());
        let open = tokio::task::spawn_blocking(move || open_intents(&folder, end))
            .await
            .map_err(|_| JournalError::Fault)??;
        for (trace, event) in open {
            let outcome = self.settle(trace, event).await?;
            tracing::info!(%event, ?outcome, "an act that a stop had left open was settled");
        }
        Ok(())
    }
}

fn open_intents(folder: &Path, end: u64) -> Result<BTreeMap<TraceId, Event>, JournalError> {
    let mut open = BTreeMap::new();
    for read in read_entries(folder, 0..end)? {
        let (index, entry) = read?;
        let header = split(&entry).map_err(|what| JournalError::Malformed(format!("entry {index}: {what}")))?.header;
        match header.kind {
            Kind::Intent => {
                open.insert(header.trace, header.event);
            }
            Kind::Outcome => {
                open.remove(&header.trace);
            }
            _ => {}
        }
    }
    Ok(open)
}
