//! The compliance file: the catalogue of rules, the probes that can prove them, their states; and the search of traces.
//!
//! - [`Catalogue`] holds the rules of `rules/`: identifiers of the source texts, titles and notes in our own words.
//! - [`PROBES`] says which probes there are and which rules each serves; a [`Probe`] acts on the running system from
//!   outside and can fail. Reading the configuration proves nothing.
//! - [`ProofKeeper`] runs probes and keeps their latest outcomes, each row under a keyed tag; [`ProofReader`] reads them
//!   back and believes no row without its tag.
//! - [`state_of`] is the one place where a rule's state is decided, and it is pure.
//! - [`Retention`] shows how long traces are kept, and has each change of it decided by two trace controllers.
//! - [`RulesService`] gives the rules to whoever may see them; [`Traces`] searches raw traces for trace controllers.

mod catalogue;
mod keeper;
mod probe;
mod probes;
mod retention;
mod rules;
mod searches;
mod sql;
mod state;
#[cfg(test)]
mod tests;
mod traces;

pub use catalogue::{Activity, AppliesTo, BadCatalogue, Catalogue, Kind, Level, Rule, RuleKey, Text};
pub use keeper::{DossierError, ProofKeeper, ProofReader};
pub use probe::{BoxFuture, Kept, Probe, ProbeInfo, ProbeOutcome, VALID};
pub use probes::{PROBES, probe_named};
pub use retention::{REASON_CHARS_MAX, Retention, RetentionError};
pub use rules::{Counts, RuleRow, RulesError, RulesService, rows};
pub use searches::{SEARCH_NAME_CHARS_MAX, SEARCHES_MAX, SavedSearch, SavedSearches, SearchesError};
pub use state::{Evidence, Installation, Proof, State, state_of};
pub use traces::{
    Became, Behind, Cursor, Day, EXPORT_ROWS_MAX, ExportPiece, Filter, FollowedState, FollowedStates, Place,
    TraceCounts, TraceExport, TracePage, TraceRow, Traces, TracesError,
};
