//! Who saw a patient's record: the dossier's search of traces, as care asks for it.

use care::{Finding, FindsTraces, FoundTraces, SIGHTING_EVENTS, SIGHTINGS_MAX, Sighting};
use dossier::{Filter, TraceRow, Traces};
use policy::{Authorized, GiveSightings};
use types::Time;

/// Finds in the index of a node that may read traces.
pub struct Finder(pub Traces);

impl FindsTraces for Finder {
    fn of_patient<'a>(
        &'a self,
        proof: &'a Authorized<GiveSightings>,
        since: Time,
        after: Option<String>,
    ) -> Finding<'a> {
        Box::pin(async move {
            let before = after.and_then(|after| after.parse().ok());
            let filter = Filter { events: SIGHTING_EVENTS.to_vec(), since: Some(since), before, ..Filter::default() };
            let found = self.0.of_patient(proof, filter, SIGHTINGS_MAX).await;
            let (page, extents) = found.map_err(|error| error.to_string())?;
            Ok(FoundTraces {
                rows: page.rows.iter().map(sighting).collect(),
                next: page.next.map(|next| next.to_string()),
                unreadable: page.unreadable > 0,
                extents,
            })
        })
    }
}

fn sighting(row: &TraceRow) -> Sighting {
    let account = row.author.strip_prefix("account:").and_then(|id| id.parse().ok());
    Sighting::new(row.time, row.event, account, row.role.as_deref().and_then(|role| role.parse().ok()))
}
