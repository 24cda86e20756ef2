//! Finding one trace by its place in a journal.

use super::{Found, Hit, Index, IndexError, Query, chunk::Row, search::Place};
use crate::Kind;

impl Index {
    /// The trace at a place of a journal, if there is one that the query admits. What only tells of another trace (the outcome of an
    /// act, the giving of a key) is none.
    pub fn one(&mut self, query: &Query, origin: &str, index: u64) -> Result<Option<Hit>, IndexError> {
        for place in self.places_of(origin) {
            let Some(row) = self.row_at(&place, index)? else { continue };
            if row.kind == Kind::Outcome {
                return Ok(None);
            }
            let mut found = Found::default();
            self.show(&place, &row, query, &mut found)?;
            return Ok(found.hits.pop());
        }
        Ok(None)
    }

    /// Rows are in the order of their moments: all are looked at, in the one or two places that may hold this one.
    fn row_at(&mut self, place: &Place, index: u64) -> Result<Option<Row>, IndexError> {
        if let Place::Chunk(name, number) = place {
            let chunk = self.origins.get(name).and_then(|origin| origin.chunks.get(*number));
            if !chunk.is_some_and(|chunk| (chunk.header().from..chunk.header().to).contains(&index)) {
                return Ok(None);
            }
        }
        self.with(place, |rows, _| {
            for at in 0..rows.count() {
                if rows.moment(at)?.1 == index {
                    return rows.row(at).map(Some);
                }
            }
            Ok(None)
        })
    }
}
