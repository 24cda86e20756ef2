//! The result of a search, whole, on its way out: written down before the first of it leaves, bounded, in pieces.

use super::{
    Traces,
    model::{TraceRow, TracesError},
    wanted::Wanted,
};
use journal::JournalError;
use std::time::Duration;

/// Traces that one export holds at most.
pub const EXPORT_ROWS_MAX: usize = 100_000;
/// Traces in a piece.
const PIECE_ROWS: usize = 1_000;
/// How long a piece waits for the searches before it.
const PIECE_TURN_MAX: Duration = Duration::from_secs(60);

/// A piece of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportPiece {
    /// Traces, newest first, after those of the piece before.
    Rows(Vec<TraceRow>),
    /// The end, which says whether it is whole. Without it, something broke off.
    End {
        /// There are more traces than an export may hold: the oldest are not in it.
        cut: bool,
        /// Some traces are there and cannot be read any more.
        unreadable: bool,
        /// The newest traces of another node's journal may be missing.
        behind: bool,
    },
}

/// An export under way.
pub struct TraceExport {
    traces: Traces,
    /// None once its last piece was given.
    wanted: Option<Wanted>,
    rows_left: usize,
    unreadable: bool,
    behind: bool,
    ends: Option<bool>,
}

impl TraceExport {
    pub(super) fn new(traces: Traces, wanted: Wanted, rows_max: usize) -> Self {
        Self { traces, wanted: Some(wanted), rows_left: rows_max, unreadable: false, behind: false, ends: None }
    }

    /// The next piece; none past the end.
    pub async fn next(&mut self) -> Result<Option<ExportPiece>, TracesError> {
        if let Some(cut) = self.ends.take() {
            return Ok(Some(ExportPiece::End { cut, unreadable: self.unreadable, behind: self.behind }));
        }
        let Some(mut wanted) = self.wanted.take() else { return Ok(None) };
        wanted.limit = PIECE_ROWS.min(self.rows_left);
        let (asked, here) = (wanted.clone(), self.traces.clone());
        let page = self.traces.find(PIECE_TURN_MAX, move |index| here.page(index, &asked)).await?;
        self.rows_left -= page.rows.len().min(self.rows_left);
        self.unreadable |= page.unreadable > 0;
        self.behind |= !page.behind.is_empty();
        match page.next {
            Some(_) if self.rows_left == 0 => self.ends = Some(true),
            // Whatever finds, an export gets further or breaks off.
            Some(next) if wanted.before.as_ref().is_some_and(|before| next >= *before) => {
                return Err(TracesError::Journal(JournalError::Fault));
            }
            Some(next) => {
                wanted.before = Some(next);
                self.wanted = Some(wanted);
            }
            None => self.ends = Some(false),
        }
        Ok(Some(ExportPiece::Rows(page.rows)))
    }
}
