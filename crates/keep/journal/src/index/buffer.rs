//! The newest rows of a group, in memory until they are enough for a chunk.

use super::{
    IndexError, bad,
    chunk::{self, Row, Rows},
    pairs::{Pairs, pair, row_of, token_of},
    sealed::Header,
    set::{ROWS_MAX, Set},
    terms::{Token, Tokens},
};
use crate::{Became, Kind, Outcome};
use std::collections::{BTreeMap, HashMap};
use types::{Time, TraceId};

/// Establishments of one chunk at most: a row names its own on one byte.
const ESTABLISHMENTS_MAX: usize = 255;
/// Terms of one chunk at most, in all rows: they are held in memory.
const PAIRS_MAX: usize = 2_000_000;

/// Rows of one group (a family's month) that no chunk holds yet.
#[derive(Default)]
pub(crate) struct Buffer {
    /// In the log's order.
    pub rows: Vec<Row>,
    /// Row numbers by moment, then place: a clock may be set back.
    order: Vec<u16>,
    pairs: Pairs,
    pub establishments: Vec<String>,
    /// Entries that give the keys of these rows, by the key's name.
    pub keys: BTreeMap<[u8; 8], Vec<u8>>,
    /// Intents that wait for their outcome.
    open: HashMap<TraceId, u16>,
    /// Where the group is covered from by this buffer.
    pub from: u64,
    /// The month's key is gone: rows are counted, and have no terms.
    pub blind: bool,
    /// The term of intents that wait for their outcome.
    waiting: Token,
}

impl Buffer {
    /// A buffer that covers its group from an entry on.
    pub fn new(from: u64, tokens: &Tokens) -> Self {
        Self { from, waiting: tokens.open(), ..Self::default() }
    }

    pub fn is_full(&self) -> bool {
        self.rows.len() >= ROWS_MAX || self.pairs.len() >= PAIRS_MAX || self.establishments.len() >= ESTABLISHMENTS_MAX
    }

    /// How many terms its rows have.
    pub fn terms(&self) -> usize {
        self.pairs.len()
    }

    /// The place of an establishment's name in the rows' table.
    pub fn establishment(&mut self, name: &str) -> u8 {
        let known = self.establishments.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            self.establishments.push(name.to_owned());
            self.establishments.len() - 1
        });
        u8::try_from(at).unwrap_or(u8::MAX)
    }

    /// Adds a row with its terms.
    pub fn push(&mut self, row: Row, waits: Option<TraceId>, terms: &[Token]) {
        let Ok(number) = u16::try_from(self.rows.len()) else { return };
        let at = self.order.partition_point(|other| self.key(*other) < (row.time, row.index));
        self.order.insert(at, number);
        terms.iter().for_each(|term| self.pairs.push(*term, number));
        if let Some(trace) = waits {
            self.open.insert(trace, number);
        }
        self.rows.push(row);
    }

    /// The month's key is gone: what the rows can be found by goes too.
    pub fn go_blind(&mut self) {
        self.blind = true;
        self.pairs = Pairs::default();
        self.establishments.clear();
    }

    fn key(&self, row: u16) -> (i64, u64) {
        self.rows.get(usize::from(row)).map_or((0, 0), |row| (row.time, row.index))
    }

    /// Notes the outcome of an intent that waits here; false if none does.
    pub fn settle(&mut self, trace: TraceId, outcome: Outcome, tokens: &Tokens) -> bool {
        let Some(number) = self.open.remove(&trace) else { return false };
        if let Some(row) = self.rows.get_mut(usize::from(number)) {
            row.outcome = Some(outcome);
        }
        self.pairs.push(tokens.became(Became::of(Kind::Intent, Some(outcome))), number);
        true
    }

    /// How many of the first rows may leave: intents younger than `since` still wait for their outcome.
    fn leaving(&self, since: Time) -> usize {
        let young = self.open.values().filter(|row| self.key(**row).0 >= since.micros());
        young.min().map_or(self.rows.len(), |row| usize::from(*row))
    }

    /// Takes the rows that may leave out, as the clear bytes of a chunk; what stays waits for its outcome. `next` is the
    /// first entry that was not looked at. Nothing if none may leave.
    pub fn drain(&mut self, since: Time, next: u64, tokens: &Tokens) -> Result<Option<(Header, Vec<u8>)>, IndexError> {
        let leaving = if self.is_full() { self.rows.len() } else { self.leaving(since) };
        if leaving == 0 {
            return Ok(None);
        }
        let stays = self.rows.split_off(leaving);
        let to = stays.first().map_or(next, |row| row.index);
        let all = std::mem::take(&mut self.pairs).into_all();
        let border = u16::try_from(leaving).unwrap_or(u16::MAX);
        let (mut gone, kept): (Vec<u64>, Vec<u64>) =
            all.into_iter().partition(|pair| leaving >= ROWS_MAX || row_of(*pair) < border);
        let rows = std::mem::take(&mut self.rows);
        let header = Header {
            origin: String::new(),
            group: String::new(),
            from: self.from,
            to,
            rows: u32::try_from(rows.len()).map_err(|_| bad("too many rows"))?,
            earliest: rows.iter().map(|row| row.time).min().unwrap_or(0),
            latest: rows.iter().map(|row| row.time).max().unwrap_or(0),
            secret: Vec::new(),
            bytes: 0,
        };
        let open = |(number, row): (usize, &Row)| {
            (row.kind == Kind::Intent && row.outcome.is_none()).then(|| u16::try_from(number).ok()).flatten()
        };
        gone.extend(rows.iter().enumerate().filter_map(open).map(|number| pair(tokens.open(), number)));
        let keys = self.keys.values().cloned().collect();
        let clear = if self.blind { Vec::new() } else { chunk::build(&rows, gone, &self.establishments, keys)? };
        self.from = to;
        self.take_back(stays, kept, border);
        Ok(Some((header, clear)))
    }

    fn take_back(&mut self, stays: Vec<Row>, kept: Vec<u64>, border: u16) {
        self.order.clear();
        let open = std::mem::take(&mut self.open);
        self.open = open.into_iter().filter_map(|(trace, row)| Some((trace, row.checked_sub(border)?))).collect();
        for row in stays {
            self.push(row, None, &[]);
        }
        if self.rows.is_empty() {
            self.open.clear();
            self.establishments.clear();
        }
        kept.into_iter().for_each(|pair| self.pairs.push(token_of(pair), row_of(pair) - border));
    }
}

impl Rows for Buffer {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn span(&self) -> (i64, i64) {
        let at = |number: Option<&u16>| number.map_or(0, |number| self.key(*number).0);
        (at(self.order.first()), at(self.order.last()))
    }

    fn may_hold(&self, _: Token) -> bool {
        true
    }

    fn add_rows(&mut self, token: Token, into: &mut Set) -> Result<(), IndexError> {
        if token == self.waiting {
            self.open.values().for_each(|row| into.insert(*row));
        }
        self.pairs.rows(token, into);
        Ok(())
    }

    fn establishments(&mut self) -> Result<Vec<String>, IndexError> {
        Ok(self.establishments.clone())
    }

    fn numbers_are_places(&self) -> bool {
        false
    }

    fn number(&mut self, place: usize) -> Result<u16, IndexError> {
        self.order.get(place).copied().ok_or_else(|| bad("no such row"))
    }

    fn moment(&mut self, place: usize) -> Result<(i64, u64), IndexError> {
        self.number(place).map(|number| self.key(number))
    }

    fn row(&mut self, place: usize) -> Result<Row, IndexError> {
        let number = self.number(place)?;
        self.rows.get(usize::from(number)).copied().ok_or_else(|| bad("no such row"))
    }
}

/// For the tests of this module's neighbours.
#[cfg(test)]
pub(crate) fn all_pairs(buffer: Buffer) -> Vec<u64> {
    let mut all = buffer.pairs.into_all();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use types::Event;

    fn row(index: u64, time: i64) -> Row {
        Row { time, index, offset: 0, event: Event::SignIn, establishment: 0, kind: Kind::Intent, outcome: None }
    }

    #[test]
    fn rows_are_in_the_order_of_their_moments() {
        let mut buffer = Buffer::new(0, &Tokens::new(&[0; 16]));
        for (index, time) in [(0, 50), (1, 70), (2, 60), (3, 70)] {
            buffer.push(row(index, time), None, &[index]);
        }
        let order: Vec<u64> = (0..4).map(|place| buffer.row(place).unwrap().index).collect();
        assert_eq!(order, [0, 2, 1, 3]);
        assert_eq!(buffer.span(), (50, 70));
    }

    #[test]
    fn an_intent_without_outcome_stays_while_it_is_young() {
        let tokens = Tokens::new(&[0; 16]);
        let trace = |n: u8| TraceId::from_bytes([n; 16]);
        let mut buffer = Buffer::new(0, &tokens);
        for n in 0..6_u8 {
            buffer.push(row(u64::from(n), i64::from(n) * 10), Some(trace(n)), &[u64::from(n) + 100]);
        }
        for n in [0, 1, 3, 4, 5] {
            assert!(buffer.settle(trace(n), Outcome::Done, &tokens));
        }
        assert!(!buffer.settle(trace(9), Outcome::Done, &tokens), "nobody waits for it");
        let (header, _) = buffer.drain(Time::from_micros(15), 77, &tokens).unwrap().unwrap();
        assert_eq!((header.from, header.to, header.rows), (0, 2, 2));
        assert_eq!((buffer.from, buffer.rows.len()), (2, 4));
        assert!(buffer.drain(Time::from_micros(15), 77, &tokens).unwrap().is_none(), "the first one still waits");
        assert!(buffer.settle(trace(2), Outcome::Failed, &tokens));
        assert_eq!(buffer.row(0).unwrap().outcome, Some(Outcome::Failed));
        let mut found = Set::empty();
        buffer.add_rows(105, &mut found).unwrap();
        assert_eq!(found.rows().collect::<Vec<_>>(), [3]);
        let (header, _) = buffer.drain(Time::from_micros(15), 77, &tokens).unwrap().unwrap();
        assert_eq!((header.from, header.to, header.rows), (2, 77, 4));
        assert_eq!(buffer.rows.len(), 0);
        assert_eq!(pair(1, 2), 1 << 16 | 2);
        assert!(all_pairs(buffer).is_empty());
    }

    #[test]
    fn an_old_intent_does_not_hold_the_others_back() {
        let mut buffer = Buffer::new(0, &Tokens::new(&[0; 16]));
        buffer.push(row(0, 10), Some(TraceId::from_bytes([1; 16])), &[]);
        let (header, _) = buffer.drain(Time::from_micros(11), 5, &Tokens::new(&[0; 16])).unwrap().unwrap();
        assert_eq!((header.rows, header.to), (1, 5));
    }
}
