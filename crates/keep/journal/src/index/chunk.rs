//! A chunk: up to 65,536 rows of one group, in the order of their moments, with what each can be found by.
//!
//! Its clear bytes are sections one after the other, each of fixed-width records, then a description of them ([`Meta`]),
//! whose place stands in the first eight bytes. A term with one row is kept beside it; one with several points to a list.

use super::{
    IndexError, bad,
    filter::Filter,
    pairs::{row_of, token_of},
    set::{self, Set},
    terms::Token,
};
use crate::{Kind, Outcome};
use minicbor::{Decode, Encode, bytes::ByteVec};
use std::{collections::BTreeMap, str::FromStr as _};
use types::Event;

/// Terms between two of those that are kept in memory.
pub(crate) const STEP: usize = 64;
/// Bytes of a term with one row: token, row.
pub(crate) const SINGLE: usize = 8;
/// Bytes of a term with several: token, their number less one, place of their list.
pub(crate) const SEVERAL: usize = 12;
/// Bytes of a moment, counted from the chunk's earliest.
pub(crate) const MOMENT: usize = 6;
/// Bytes of a place: the entry's index counted from the chunk's first, its offset in the bundle.
pub(crate) const PLACE: usize = 7;
/// Bytes of what an entry is: type, establishment, kind and outcome.
pub(crate) const WHAT: usize = 3;
const DAY_MICROS: i64 = 86_400_000_000;

/// A trace as the index keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Microseconds since the epoch.
    pub time: i64,
    /// Its place in the log.
    pub index: u64,
    /// Its place in its bundle.
    pub offset: u32,
    pub event: Event,
    /// Its place in the table of establishments.
    pub establishment: u8,
    pub kind: Kind,
    pub outcome: Option<Outcome>,
}

/// Rows in the order of their moments, wherever they are kept.
pub(crate) trait Rows {
    /// How many.
    fn count(&self) -> usize;
    /// The earliest moment and the latest.
    fn span(&self) -> (i64, i64);
    /// Whether a term may have rows; most of those that have none are known.
    fn may_hold(&self, token: Token) -> bool;
    /// Adds the rows of a term to a set, by their numbers.
    fn add_rows(&mut self, token: Token, into: &mut Set) -> Result<(), IndexError>;
    /// The establishments of the rows.
    fn establishments(&mut self) -> Result<Vec<String>, IndexError>;
    /// Whether a row's number in sets is its place.
    fn numbers_are_places(&self) -> bool;
    /// The number, in sets, of the row at a place in the order of moments.
    fn number(&mut self, place: usize) -> Result<u16, IndexError>;
    /// Moment and index of the row at a place.
    fn moment(&mut self, place: usize) -> Result<(i64, u64), IndexError>;
    /// The row at a place.
    fn row(&mut self, place: usize) -> Result<Row, IndexError>;
}

/// The day of a moment, in universal time, counted from the epoch.
pub(crate) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY_MICROS)
}

/// What a chunk says of its sections.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Meta {
    /// Words of the types in it.
    #[n(0)]
    pub events: Vec<String>,
    #[n(1)]
    pub establishments: Vec<String>,
    /// Each day with the first row of it.
    #[n(2)]
    pub days: Vec<(i64, u32)>,
    /// How many rows of a day (its place above), type and establishment.
    #[n(3)]
    pub table: Vec<(u32, u8, u8, u32)>,
    /// The entries that give the keys of its rows.
    #[n(4)]
    pub keys: Vec<ByteVec>,
    #[n(5)]
    pub earliest: i64,
    /// The smallest index: places are counted from it.
    #[n(6)]
    pub first: u64,
    #[n(7)]
    pub moments_at: u64,
    #[n(8)]
    pub places_at: u64,
    #[n(9)]
    pub whats_at: u64,
    #[n(10)]
    pub singles_at: u64,
    #[n(11)]
    pub singles: u64,
    #[n(12)]
    pub several_at: u64,
    #[n(13)]
    pub several: u64,
    #[n(14)]
    pub lists_at: u64,
    /// Every [`STEP`]th token with one row.
    #[n(15)]
    pub single_steps: Vec<u64>,
    /// Every [`STEP`]th token with several.
    #[n(16)]
    pub several_steps: Vec<u64>,
    /// Says of most terms that are not here that they are not.
    #[n(17)]
    pub filter: Filter,
}

impl Meta {
    /// The types, as this program knows them.
    pub fn known_events(&self) -> Vec<Option<Event>> {
        self.events.iter().map(|word| Event::from_str(word).ok()).collect()
    }
}

fn six(value: u64) -> [u8; 6] {
    let [a, b, c, d, e, f, ..] = value.to_le_bytes();
    [a, b, c, d, e, f]
}

/// The clear bytes of a chunk. `pairs` hold the numbers of `rows` as given.
pub(crate) fn build(
    rows: &[Row],
    mut pairs: Vec<u64>,
    establishments: &[String],
    keys: Vec<Vec<u8>>,
) -> Result<Vec<u8>, IndexError> {
    let mut order: Vec<u16> = (0..rows.len()).filter_map(|number| u16::try_from(number).ok()).collect();
    let sorted = |number: &u16| rows.get(usize::from(*number)).map(|row| (row.time, row.index));
    order.sort_by_key(sorted);
    let mut place_of = vec![0_u16; rows.len()];
    for (place, number) in order.iter().enumerate() {
        if let Some(slot) = place_of.get_mut(usize::from(*number)) {
            *slot = u16::try_from(place).map_err(|_| bad("too many rows"))?;
        }
    }
    let mut meta = Meta {
        establishments: establishments.to_vec(),
        keys: keys.into_iter().map(ByteVec::from).collect(),
        earliest: rows.iter().map(|row| row.time).min().unwrap_or(0),
        first: rows.iter().map(|row| row.index).min().unwrap_or(0),
        ..Meta::default()
    };
    let mut clear = vec![0; 8];
    let ordered: Vec<&Row> = order.iter().filter_map(|number| rows.get(usize::from(*number))).collect();
    columns(&ordered, &mut meta, &mut clear)?;
    for pair in &mut pairs {
        let place = place_of.get(usize::from(row_of(*pair))).copied().unwrap_or(0);
        *pair = *pair & !0xffff | u64::from(place);
    }
    pairs.sort_unstable();
    terms(&pairs, &mut meta, &mut clear)?;
    let place = (clear.len() as u64).to_le_bytes();
    clear.extend(minicbor::to_vec(&meta).unwrap_or_default());
    if let Some(head) = clear.first_chunk_mut::<8>() {
        *head = place;
    }
    Ok(clear)
}

fn columns(rows: &[&Row], meta: &mut Meta, clear: &mut Vec<u8>) -> Result<(), IndexError> {
    meta.moments_at = clear.len() as u64;
    for row in rows {
        let since = u64::try_from(row.time - meta.earliest).map_err(|_| bad("a moment before the earliest"))?;
        clear.extend_from_slice(&six(since));
    }
    meta.places_at = clear.len() as u64;
    for row in rows {
        let since = u32::try_from(row.index - meta.first).map_err(|_| bad("rows too far from one another"))?;
        clear.extend_from_slice(&since.to_le_bytes());
        let [a, b, c, _] = row.offset.to_le_bytes();
        clear.extend_from_slice(&[a, b, c]);
    }
    meta.whats_at = clear.len() as u64;
    let mut counts: BTreeMap<(u32, u8, u8), u32> = BTreeMap::new();
    for (place, row) in (0_u32..).zip(rows) {
        let day = day_of(row.time);
        if meta.days.last().is_none_or(|(last, _)| *last != day) {
            meta.days.push((day, place));
        }
        let word = row.event.as_str();
        let known = meta.events.iter().position(|known| known == word);
        let event = known.unwrap_or_else(|| {
            meta.events.push(word.to_owned());
            meta.events.len() - 1
        });
        let event = u8::try_from(event).map_err(|_| bad("too many types of events"))?;
        let outcome = row.outcome.map_or(0, Outcome::code);
        clear.extend_from_slice(&[event, row.establishment, row.kind.code() << 4 | outcome]);
        let day = u32::try_from(meta.days.len() - 1).unwrap_or(u32::MAX);
        // Late outcomes are told with their intents, and counted with them.
        if row.kind != Kind::Outcome {
            *counts.entry((day, event, row.establishment)).or_default() += 1;
        }
    }
    meta.table = counts.into_iter().map(|((day, event, of), count)| (day, event, of, count)).collect();
    Ok(())
}

/// `pairs` are in order.
fn terms(pairs: &[u64], meta: &mut Meta, clear: &mut Vec<u8>) -> Result<(), IndexError> {
    let (mut several, mut lists, mut rows, mut all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    meta.singles_at = clear.len() as u64;
    for group in pairs.chunk_by(|a, b| token_of(*a) == token_of(*b)) {
        rows.clear();
        rows.extend(group.iter().map(|pair| row_of(*pair)));
        rows.dedup();
        let token = group.first().map_or(0, |pair| token_of(*pair));
        all.push(token);
        if let [row] = rows.as_slice() {
            if meta.singles.is_multiple_of(STEP as u64) {
                meta.single_steps.push(token);
            }
            meta.singles += 1;
            clear.extend_from_slice(&six(token));
            clear.extend_from_slice(&row.to_le_bytes());
        } else {
            if meta.several.is_multiple_of(STEP as u64) {
                meta.several_steps.push(token);
            }
            meta.several += 1;
            several.extend_from_slice(&six(token));
            several.extend_from_slice(&u16::try_from(rows.len() - 1).unwrap_or(u16::MAX).to_le_bytes());
            several.extend_from_slice(&u32::try_from(lists.len()).map_err(|_| bad("too many terms"))?.to_le_bytes());
            set::write(&rows, &mut lists);
        }
    }
    meta.several_at = clear.len() as u64;
    clear.append(&mut several);
    meta.lists_at = clear.len() as u64;
    clear.append(&mut lists);
    meta.filter = Filter::of(&all);
    Ok(())
}
