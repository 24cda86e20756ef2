//! After a stop that was not clean: every intent gets its outcome before the node serves anybody.

use crate::{Journal, JournalError};
use std::collections::BTreeMap;
use types::{Event, TraceId};

impl Journal {
    /// Settles this origin's intents that have no outcome. Only this origin's: another node's are its own to settle, or
    /// of whoever declares it dead.
    pub(crate) async fn recover(&self, open: BTreeMap<TraceId, Event>) -> Result<(), JournalError> {
        for (trace, event) in open {
            let outcome = self.settle(trace, event).await?;
            tracing::info!(%event, ?outcome, "an act that a stop had left open was settled");
        }
        Ok(())
    }
}
