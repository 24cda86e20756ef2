//! What is in force where a journal is followed: no copy of a key goes against it.

use super::said::family_month;
use crate::retention::{Book, Keeping};
use types::Time;

/// The retentions and holds of the node that follows, at a moment.
#[derive(Debug, Clone)]
pub struct Inside {
    at: Time,
    /// None where what was decided, or the moment, is not to be relied on: nothing goes.
    book: Option<Book>,
}

impl Inside {
    /// As this node keeps its own traces.
    pub fn of(keeping: &Keeping) -> Self {
        let certain = keeping.book.is_whole() && !keeping.clock_moved && !keeping.unread;
        Self { at: keeping.at, book: certain.then(|| keeping.book.clone()) }
    }

    /// At a moment, under these decisions.
    #[cfg(test)]
    pub(super) fn with(at: Time, book: Book) -> Self {
        Self { at, book: Some(book) }
    }

    /// At a moment that nothing is to be decided by.
    #[cfg(test)]
    pub(super) fn uncertain(at: Time) -> Self {
        Self { at, book: None }
    }

    /// Whether a copy of this pair may go, so many months after its time here: its family's retention is over by the clock, and
    /// no hold keeps it.
    pub(super) fn lets_go(&self, pair: &str, after: u16) -> bool {
        let (Some(book), Some((family, month))) = (&self.book, family_month(pair)) else { return false };
        let term = month.plus(1).plus(book.retention_months(family, self.at)).plus(after).start();
        let holds = |hold: crate::retention::Hold| {
            hold.family.is_none_or(|of| of == family) && hold.from <= month && month <= hold.to
        };
        self.at >= term && !book.holds(self.at).any(holds)
    }
}
