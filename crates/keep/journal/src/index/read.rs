//! A chunk on the disk, read page by page.

use super::{
    IndexError, bad,
    chunk::{MOMENT, Meta, PLACE, Row, Rows, SEVERAL, SINGLE, STEP, WHAT},
    sealed::{Header, PAGE, Sealed, pages_of},
    set::{self, Set},
    terms::Token,
};
use crate::{Kind, Outcome};
use aws_lc_rs::aead::LessSafeKey;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use types::Event;
use vault::{Keys, MonthKeys};

/// Pages that are kept in clear in memory at most, over all chunks (4 KiB each).
const PAGES_MAX: usize = 6144;

/// Clear pages that were read lately, shared by the chunks of an index.
#[derive(Default)]
pub(crate) struct Pages(HashMap<(u64, u64), Arc<Vec<u8>>>);

impl Pages {
    fn get(&self, chunk: u64, page: u64) -> Option<Arc<Vec<u8>>> {
        self.0.get(&(chunk, page)).cloned()
    }

    fn put(&mut self, chunk: u64, page: u64, bytes: Arc<Vec<u8>>) {
        // All of them at once: simpler than counting who was used when, and a page costs a few microseconds.
        if self.0.len() >= PAGES_MAX {
            self.0.clear();
        }
        self.0.insert((chunk, page), bytes);
    }

    /// Forgets a chunk that is no more.
    pub fn forget(&mut self, chunk: u64) {
        self.0.retain(|(of, _), _| *of != chunk);
    }
}

/// A chunk whose header is authenticated; the rest is read when it is needed.
pub(crate) struct Chunk {
    /// Tells its pages from those of others.
    pub id: u64,
    pub path: PathBuf,
    sealed: Sealed,
    open: Option<(LessSafeKey, Arc<Open>)>,
    /// Whether the journal's keyring has the keys of its rows.
    pub learned: bool,
    /// Whether its month's key is gone, as the index last saw.
    gone: bool,
}

/// What stays in memory of a chunk.
struct Open {
    meta: Meta,
    events: Vec<Option<Event>>,
}

impl Chunk {
    pub fn open(path: &Path, id: u64, keys: &Keys) -> Result<Self, IndexError> {
        Ok(Self::of(Sealed::open(path, keys)?, path, id))
    }

    pub(super) fn of(sealed: Sealed, path: &Path, id: u64) -> Self {
        Self { id, path: path.to_owned(), sealed, open: None, learned: false, gone: false }
    }

    pub fn header(&self) -> &Header {
        &self.sealed.header
    }

    /// For reading: its key and its description are fetched the first time.
    pub fn reading<'a>(
        &'a mut self,
        (keys, months): (&Keys, &MonthKeys),
        pages: &'a mut Pages,
    ) -> Result<Reading<'a>, IndexError> {
        if self.open.is_none() {
            let cipher = self.sealed.unlock(keys, months)?;
            self.open_with(cipher)?;
        }
        self.opened(pages)
    }

    /// Fetches what stays in memory.
    pub(super) fn open_with(&mut self, cipher: LessSafeKey) -> Result<(), IndexError> {
        let end = self.sealed.header.bytes;
        let head = raw(&self.sealed, &cipher, 0..8)?;
        let at = head.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if at > end {
            return Err(bad("a chunk does not say what it holds"));
        }
        let meta: Meta = minicbor::decode(&raw(&self.sealed, &cipher, at..end)?)
            .map_err(|_| bad("a chunk's description cannot be read"))?;
        let events = meta.known_events();
        self.open = Some((cipher, Arc::new(Open { meta, events })));
        Ok(())
    }

    pub(super) fn opened<'a>(&'a self, pages: &'a mut Pages) -> Result<Reading<'a>, IndexError> {
        let Some((cipher, open)) = &self.open else { return Err(bad("a chunk is not open")) };
        Ok(Reading { id: self.id, sealed: &self.sealed, cipher, open: Arc::clone(open), pages })
    }

    /// Whether its rows can be asked for; if not, they are only counted.
    pub fn is_readable(&self) -> bool {
        !self.gone && !self.sealed.header.secret.is_empty()
    }

    /// Takes note of whether its month's key is gone, and forgets then what opened it.
    pub fn set_gone(&mut self, gone: bool, pages: &mut Pages) {
        self.gone = gone;
        if gone && self.open.take().is_some() {
            pages.forget(self.id);
        }
    }
}

/// Clear bytes, past the cache.
fn raw(sealed: &Sealed, cipher: &LessSafeKey, range: std::ops::Range<u64>) -> Result<Vec<u8>, IndexError> {
    let mut all = Vec::new();
    let pages = pages_of(&range);
    let first = pages.start * PAGE as u64;
    for page in pages {
        all.extend(sealed.page(cipher, page)?);
    }
    let (from, to) = (range.start - first, range.end - first);
    let within = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let bytes = within.and_then(|(from, to)| all.get(from..to)).map(<[u8]>::to_vec);
    bytes.ok_or_else(|| bad("a chunk is shorter than it says"))
}

/// A chunk being read.
pub(crate) struct Reading<'a> {
    id: u64,
    sealed: &'a Sealed,
    cipher: &'a LessSafeKey,
    open: Arc<Open>,
    pages: &'a mut Pages,
}

impl Reading<'_> {
    pub fn meta(&self) -> &Meta {
        &self.open.meta
    }

    /// The type of each row and its establishment's place, for counting.
    pub fn whats(&mut self) -> Result<Vec<u8>, IndexError> {
        let len = self.count() * WHAT;
        self.bytes(self.open.meta.whats_at, len)
    }

    /// The same, of one row.
    pub fn what(&mut self, place: usize) -> Result<[u8; WHAT], IndexError> {
        let what = self.record(self.open.meta.whats_at, place, WHAT)?;
        what.first_chunk::<WHAT>().copied().ok_or_else(|| bad("no such row"))
    }

    /// The type that a row names.
    pub fn event(&self, at: u8) -> Option<Event> {
        self.open.events.get(usize::from(at)).copied().flatten()
    }

    fn page(&mut self, page: u64) -> Result<Arc<Vec<u8>>, IndexError> {
        if let Some(held) = self.pages.get(self.id, page) {
            return Ok(held);
        }
        let read = Arc::new(self.sealed.page(self.cipher, page)?);
        self.pages.put(self.id, page, Arc::clone(&read));
        Ok(read)
    }

    /// A record of fixed width, by its place in its section.
    fn record(&mut self, section: u64, place: usize, width: usize) -> Result<Vec<u8>, IndexError> {
        self.bytes(section.saturating_add((place * width) as u64), width)
    }

    fn bytes(&mut self, at: u64, len: usize) -> Result<Vec<u8>, IndexError> {
        let end = at.saturating_add(len as u64);
        if end > self.sealed.header.bytes {
            return Err(bad("a chunk is shorter than it says"));
        }
        let mut found = Vec::with_capacity(len);
        for page in pages_of(&(at..end)) {
            let bytes = self.page(page)?;
            let start = page * PAGE as u64;
            let from = usize::try_from(at.saturating_sub(start)).unwrap_or(PAGE);
            let to = usize::try_from(end - start).unwrap_or(PAGE).min(PAGE);
            found.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        }
        if found.len() == len { Ok(found) } else { Err(bad("a chunk is shorter than it says")) }
    }

    fn at_most(&mut self, at: u64, len: usize) -> Result<Vec<u8>, IndexError> {
        let left = usize::try_from(self.sealed.header.bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        self.bytes(at, len.min(left))
    }

    /// The record of a token in a sorted section, if it is there.
    fn find(&mut self, token: Token, section: Section) -> Result<Option<Vec<u8>>, IndexError> {
        let open = Arc::clone(&self.open);
        let meta = &open.meta;
        let (at, count, width, steps) = match section {
            Section::Single => (meta.singles_at, meta.singles, SINGLE, &meta.single_steps),
            Section::Several => (meta.several_at, meta.several, SEVERAL, &meta.several_steps),
        };
        let Some(step) = steps.partition_point(|first| *first <= token).checked_sub(1) else { return Ok(None) };
        let from = step * STEP;
        let len = usize::try_from(count).unwrap_or(0).saturating_sub(from).min(STEP);
        let records = self.bytes(at.saturating_add((from * width) as u64), len * width)?;
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = (low + high) / 2;
            let record = records.get(middle * width..(middle + 1) * width).unwrap_or_default();
            match number(record.get(..6)).cmp(&token) {
                std::cmp::Ordering::Equal => return Ok(record.get(6..).map(<[u8]>::to_vec)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }
}

#[derive(Clone, Copy)]
enum Section {
    Single,
    Several,
}

/// A number written in up to eight bytes, the smallest first.
fn number(bytes: Option<&[u8]>) -> u64 {
    bytes.unwrap_or_default().iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

impl Rows for Reading<'_> {
    fn count(&self) -> usize {
        self.sealed.header.rows as usize
    }

    fn span(&self) -> (i64, i64) {
        (self.sealed.header.earliest, self.sealed.header.latest)
    }

    fn may_hold(&self, token: Token) -> bool {
        self.open.meta.filter.may_hold(token)
    }

    fn add_rows(&mut self, token: Token, into: &mut Set) -> Result<(), IndexError> {
        if !self.may_hold(token) {
            return Ok(());
        }
        if let Some(record) = self.find(token, Section::Single)? {
            into.insert(u16::try_from(number(Some(&record))).unwrap_or(0));
        } else if let Some(record) = self.find(token, Section::Several)? {
            let count = usize::try_from(number(record.get(..2))).unwrap_or(0) + 1;
            let at = self.open.meta.lists_at.saturating_add(number(record.get(2..)));
            let list = self.at_most(at, set::bytes_max(count))?;
            into.add(&set::read(&list, count).ok_or_else(|| bad("a list of rows cannot be read"))?);
        }
        Ok(())
    }

    fn establishments(&mut self) -> Result<Vec<String>, IndexError> {
        Ok(self.open.meta.establishments.clone())
    }

    fn numbers_are_places(&self) -> bool {
        true
    }

    fn number(&mut self, place: usize) -> Result<u16, IndexError> {
        u16::try_from(place).map_err(|_| bad("no such row"))
    }

    fn moment(&mut self, place: usize) -> Result<(i64, u64), IndexError> {
        let meta = Arc::clone(&self.open);
        let moment = self.record(meta.meta.moments_at, place, MOMENT)?;
        let at = self.record(meta.meta.places_at, place, PLACE)?;
        let since = i64::try_from(number(Some(&moment))).unwrap_or(i64::MAX);
        Ok((meta.meta.earliest.saturating_add(since), meta.meta.first.saturating_add(number(at.get(..4)))))
    }

    fn row(&mut self, place: usize) -> Result<Row, IndexError> {
        let (time, index) = self.moment(place)?;
        let open = Arc::clone(&self.open);
        let at = self.record(open.meta.places_at, place, PLACE)?;
        let what = self.record(open.meta.whats_at, place, WHAT)?;
        let [event, establishment, kind] = *what.first_chunk::<WHAT>().ok_or_else(|| bad("no such row"))?;
        let event = self.event(event).ok_or_else(|| bad("a type of event that is not known"))?;
        let outcome = if kind & 15 == 0 { None } else { Outcome::from_code(kind & 15) };
        Ok(Row {
            time,
            index,
            offset: u32::try_from(number(at.get(4..))).unwrap_or(u32::MAX),
            event,
            establishment,
            kind: Kind::from_code(kind >> 4).ok_or_else(|| bad("a kind that is not known"))?,
            outcome,
        })
    }
}
