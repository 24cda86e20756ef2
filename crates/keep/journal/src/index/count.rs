//! Counting the rows of a chunk by day and type.

use super::{
    Counts, IndexError, Query,
    chunk::{Rows as _, WHAT},
    read::Reading,
    search::{bounds, fitting, may_fit},
    terms::{Token, Tokens},
};
use crate::Kind;

/// So many rows are read one by one: their pages are fewer than all.
const FEW: usize = 24;

/// Adds a chunk's numbers. When every row is asked for they stand in the chunk's own table.
pub(super) fn chunk(
    reading: &mut Reading<'_>,
    query: &Query,
    terms: &[Vec<Token>],
    tokens: &Tokens,
    counts: &mut Counts,
) -> Result<(), IndexError> {
    if !may_fit(reading, terms) {
        return Ok(());
    }
    let (low, high) = bounds(reading, query)?;
    if terms.is_empty() && (low, high) == (0, reading.count()) {
        table(reading, query, counts);
        return Ok(());
    }
    let set = fitting(reading, query, terms, tokens)?;
    if set.as_ref().is_some_and(super::set::Set::is_empty) {
        return Ok(());
    }
    let places: Vec<usize> = match &set {
        Some(set) => set.rows().map(usize::from).filter(|place| (low..high).contains(place)).collect(),
        None => (low..high).collect(),
    };
    let mut cells = vec![0_u64; reading.meta().days.len() * 256];
    let days = reading.meta().days.clone();
    // A few rows are read one by one, many in one go.
    let whats = if places.len() > FEW { Some(reading.whats()?) } else { None };
    let mut day = 0;
    for place in places {
        while days.get(day + 1).is_some_and(|(_, first)| *first as usize <= place) {
            day += 1;
        }
        let of_all = whats.as_ref().and_then(|whats| whats.get(place * WHAT..(place + 1) * WHAT));
        let what = match of_all.and_then(<[u8]>::first_chunk::<WHAT>) {
            Some(what) => *what,
            None => reading.what(place)?,
        };
        let [event, _, kind] = what;
        if kind >> 4 != Kind::Outcome.code()
            && let Some(cell) = cells.get_mut(day * 256 + usize::from(event))
        {
            *cell += 1;
        }
    }
    for (place, count) in cells.iter().enumerate().filter(|(_, count)| **count > 0) {
        let event = u8::try_from(place % 256).ok().and_then(|event| reading.event(event));
        if let (Some(event), Some((day, _))) = (event, days.get(place / 256)) {
            *counts.cells.entry((*day, event)).or_default() += count;
        }
    }
    Ok(())
}

fn table(reading: &Reading<'_>, query: &Query, counts: &mut Counts) {
    let meta = reading.meta();
    for (day, event, establishment, count) in &meta.table {
        let name = meta.establishments.get(usize::from(*establishment)).map(String::as_str);
        let day = meta.days.get(*day as usize).map(|(day, _)| *day);
        if query.admits_establishment(name.filter(|name| !name.is_empty()))
            && let (Some(day), Some(event)) = (day, reading.event(*event))
        {
            *counts.cells.entry((day, event)).or_default() += u64::from(*count);
        }
    }
}
