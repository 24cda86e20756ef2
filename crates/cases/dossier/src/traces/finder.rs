//! What finds traces: the only thing here that knows how the journals are read.

use super::{
    model::{TraceCounts, TracePage, TraceRow, TracesError},
    wanted::Wanted,
};

/// Finds what is wanted, and nothing else. It blocks; it decides nothing about who may see.
pub(crate) trait Finder: Send + Sync {
    /// A page, newest first.
    fn search(&self, wanted: &Wanted) -> Result<TracePage, TracesError>;

    /// How many by day and type; the cursor and the limit play no part.
    fn counts(&self, wanted: &Wanted) -> Result<TraceCounts, TracesError>;

    /// The trace at a place of a journal, if it may be seen.
    fn one(&self, wanted: &Wanted, origin: &str, index: u64) -> Result<Option<TraceRow>, TracesError>;
}
