//! Finding: the rows of all chunks and of memory, newest first, and their numbers by day and type.

use super::{
    Counts, Cursor, Found, Hit, Index, IndexError, Query, Tools,
    chunk::{Row, Rows, day_of},
    origin::Origin,
    set::Set,
    terms::{Field, Token},
};
use crate::{Kind, Outcome};
use types::{Time, TraceId};

/// Where rows are: a chunk of a journal, or what it has in memory of a group.
#[derive(Clone)]
pub(super) enum Place {
    Chunk(String, usize),
    Buffer(String, String),
}

/// One place being walked through, from its newest row back.
struct Walk {
    at: Place,
    origin: String,
    /// No row is newer.
    latest: i64,
    state: Step,
}

enum Step {
    /// Not looked at yet.
    Closed,
    /// The rows that fit (all, if none is named) in `low..next`, and the newest of them.
    Open {
        set: Option<Set>,
        low: usize,
        next: usize,
        head: Row,
    },
    Done,
}

impl Walk {
    fn key(&self) -> Option<(i64, &str, u64)> {
        match &self.state {
            Step::Open { head, .. } => Some((head.time, self.origin.as_str(), head.index)),
            _ => None,
        }
    }
}

impl Index {
    /// The traces that fit, newest first, `limit` of them at most, that come after `before`.
    pub fn search(&mut self, query: &Query, before: Option<&Cursor>, limit: usize) -> Result<Found, IndexError> {
        let terms = query.terms_to_find(&self.tools.tokens);
        let (mut walks, mut found) = (Vec::new(), Found::default());
        self.begin(query, before, &mut walks, &mut found)?;
        let mut opened = 0;
        while let Some(best) = self.newest(&mut walks, query, &terms, before)? {
            let Some(walk) = walks.get_mut(best) else { break };
            let Step::Open { head, .. } = &walk.state else { break };
            let (row, place) = (*head, walk.at.clone());
            if found.hits.len() >= limit || opened >= self.tools.limits.opened {
                found.cut_short = found.hits.len() < limit;
                break;
            }
            found.next =
                Some(Cursor { time: Time::from_micros(row.time), origin: walk.origin.clone(), index: row.index });
            opened += 1;
            self.step(walk)?;
            if row.kind != Kind::Outcome {
                self.show(&place, &row, query, &mut found)?;
            }
        }
        let more = walks.iter().any(|walk| walk.key().is_some());
        if !more {
            found.next = None;
        }
        Ok(found)
    }

    /// Every place that may hold something, none of them looked at.
    fn begin(
        &mut self,
        query: &Query,
        before: Option<&Cursor>,
        walks: &mut Vec<Walk>,
        found: &mut Found,
    ) -> Result<(), IndexError> {
        for (name, origin) in &mut self.origins {
            for (number, chunk) in origin.chunks.iter_mut().enumerate() {
                let header = chunk.header();
                let (span, rows) = ((header.earliest, header.latest), u64::from(header.rows));
                if !query.meets(span) || !query.meets_group(&header.group) {
                    continue;
                }
                if before.is_some_and(|before| span.0 > before.time.micros()) {
                    continue;
                }
                if !chunk.is_readable() {
                    found.unreadable += rows;
                    continue;
                }
                let at = Place::Chunk(name.clone(), number);
                walks.push(Walk { at, origin: name.clone(), latest: span.1, state: Step::Closed });
            }
            for (group, buffer) in &origin.buffers {
                if buffer.count() == 0 || !query.meets(buffer.span()) || !query.meets_group(group) {
                    continue;
                }
                if buffer.blind {
                    found.unreadable += buffer.count() as u64;
                    continue;
                }
                let at = Place::Buffer(name.clone(), group.clone());
                walks.push(Walk { at, origin: name.clone(), latest: buffer.span().1, state: Step::Closed });
            }
        }
        walks.sort_by_key(|walk| std::cmp::Reverse(walk.latest));
        Ok(())
    }

    /// The walk whose head is the newest of all; looks into those that might hold a newer one.
    fn newest(
        &mut self,
        walks: &mut [Walk],
        query: &Query,
        terms: &[Vec<Token>],
        before: Option<&Cursor>,
    ) -> Result<Option<usize>, IndexError> {
        loop {
            // They are in the order of their latest moments, and opened in that order: all past the first closed one are
            // closed, and it is the only one to ask.
            let seen = walks.iter().take_while(|walk| !matches!(walk.state, Step::Closed));
            let heads = seen.enumerate().map(|(place, walk)| (walk.key(), place));
            let (mut best, mut closed) = (None, 0);
            for (key, place) in heads {
                closed = place + 1;
                best = best.max(key.map(|key| (key, place)));
            }
            let best = best.map(|((time, ..), place)| (time, place));
            let ahead =
                walks.get(closed).filter(|walk| best.is_none_or(|(time, _)| walk.latest >= time)).map(|_| closed);
            let Some(walk) = ahead.and_then(|at| walks.get_mut(at)) else { return Ok(best.map(|(_, place)| place)) };
            self.look(walk, query, terms, before)?;
        }
    }

    /// Looks into a place: which of its rows fit.
    fn look(
        &mut self,
        walk: &mut Walk,
        query: &Query,
        terms: &[Vec<Token>],
        before: Option<&Cursor>,
    ) -> Result<(), IndexError> {
        let origin = walk.origin.clone();
        walk.state = self.with(&walk.at, |rows, tools| {
            if !may_fit(rows, terms) {
                return Ok(Step::Done);
            }
            let (low, mut high) = bounds(rows, query)?;
            if let Some(before) = before {
                let key = (before.time.micros(), before.origin.as_str(), before.index);
                let end = partition(rows, |time, index| (time, origin.as_str(), index) < key)?;
                high = high.min(end);
            }
            let set = if low < high { fitting(rows, query, terms, tools)? } else { Some(Set::empty()) };
            head(rows, set, low, high)
        })?;
        Ok(())
    }

    fn step(&mut self, walk: &mut Walk) -> Result<(), IndexError> {
        let state = std::mem::replace(&mut walk.state, Step::Done);
        if let Step::Open { set, low, next, .. } = state {
            walk.state = self.with(&walk.at.clone(), |rows, _| head(rows, set, low, next))?;
        }
        Ok(())
    }

    /// Opens the entry of a row, and shows it if it is what was asked for.
    pub(super) fn show(
        &mut self,
        place: &Place,
        row: &Row,
        query: &Query,
        found: &mut Found,
    ) -> Result<(), IndexError> {
        let (Place::Chunk(name, _) | Place::Buffer(name, _)) = place;
        self.learn_keys(place)?;
        let Some(origin) = self.origins.get_mut(name) else { return Ok(()) };
        // The copy of another's journal may be damaged: that keeps nobody from the rest.
        let opened = match origin.trace(row) {
            Err(error) if origin.followed => {
                tracing::warn!(journal = name, %error, "an entry of a followed journal's copy cannot be read");
                None
            }
            opened => opened?,
        };
        let Some(mut trace) = opened else {
            found.unreadable += 1;
            return Ok(());
        };
        if row.kind == Kind::Intent && row.outcome.is_none() {
            trace.outcome = self.late_outcome(name, trace.trace)?;
        }
        if query.admits(&trace) {
            found.hits.push(Hit { origin: name.clone(), trace });
        }
        Ok(())
    }

    /// The keys of a chunk's rows stand in the chunk: what gave them may be far back in the journal.
    fn learn_keys(&mut self, place: &Place) -> Result<(), IndexError> {
        let Place::Chunk(name, number) = place else { return Ok(()) };
        let Some(origin) = self.origins.get_mut(name) else { return Ok(()) };
        let Origin { chunks, keys, months, .. } = origin;
        let Some(chunk) = chunks.get_mut(*number).filter(|chunk| !chunk.learned) else { return Ok(()) };
        let reading = chunk.reading((&self.tools.keys, months), &mut self.tools.pages)?;
        reading.meta().keys.iter().for_each(|entry| keys.add(entry));
        chunk.learned = true;
        Ok(())
    }

    /// The outcome of an intent that came after its row had left memory: the first one in the journal, which no later one changes.
    fn late_outcome(&mut self, name: &str, trace: TraceId) -> Result<Option<Outcome>, IndexError> {
        let token = self.tools.tokens.of_bytes(Field::Late, trace.as_bytes());
        let mut first: Option<Row> = None;
        for place in self.places_of(name) {
            let late = self.with(&place, |rows, _| {
                let mut set = Set::empty();
                rows.add_rows(token, &mut set)?;
                earliest_outcome(rows, set)
            })?;
            first = [first, late].into_iter().flatten().min_by_key(|row| row.index);
        }
        Ok(first.and_then(|row| row.outcome))
    }

    pub(super) fn places_of(&self, name: &str) -> Vec<Place> {
        let Some(origin) = self.origins.get(name) else { return Vec::new() };
        let buffers = origin.buffers.iter().filter(|(_, buffer)| !buffer.blind);
        let buffers = buffers.map(|(group, _)| Place::Buffer(name.to_owned(), group.clone()));
        let chunks = origin.chunks.iter().enumerate().rev();
        let chunks = chunks.filter(|(_, chunk)| chunk.is_readable());
        buffers.chain(chunks.map(|(number, _)| Place::Chunk(name.to_owned(), number))).collect()
    }

    pub(super) fn with<T>(
        &mut self,
        place: &Place,
        ask: impl FnOnce(&mut dyn Rows, &TokenMaker) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let Self { origins, tools, .. } = self;
        let Tools { keys, pages, tokens, .. } = tools;
        let gone = || super::bad("a part of the index is gone");
        match place {
            Place::Chunk(name, number) => {
                let Origin { chunks, months, .. } = origins.get_mut(name).ok_or_else(gone)?;
                let chunk = chunks.get_mut(*number).ok_or_else(gone)?;
                ask(&mut chunk.reading((keys, months), pages)?, tokens)
            }
            Place::Buffer(name, group) => {
                let buffer = origins.get_mut(name).and_then(|origin| origin.buffers.get_mut(group)).ok_or_else(gone)?;
                ask(buffer, tokens)
            }
        }
    }

    /// How many traces of each day and type fit.
    pub fn counts(&mut self, query: &Query) -> Result<Counts, IndexError> {
        let terms = query.terms(&self.tools.tokens);
        let (mut walks, mut found, mut counts) = (Vec::new(), Found::default(), Counts::default());
        self.begin(query, None, &mut walks, &mut found)?;
        counts.unreadable = found.unreadable;
        for walk in walks {
            match &walk.at {
                Place::Buffer(..) => {
                    self.with(&walk.at, |rows, tokens| count_rows(rows, query, &terms, tokens, &mut counts))?
                }
                Place::Chunk(name, number) => {
                    let Self { origins, tools, .. } = self;
                    let Some(Origin { chunks, months, .. }) = origins.get_mut(name) else { continue };
                    let Some(chunk) = chunks.get_mut(*number) else { continue };
                    let mut reading = chunk.reading((&tools.keys, months), &mut tools.pages)?;
                    super::count::chunk(&mut reading, query, &terms, &tools.tokens, &mut counts)?;
                }
            }
        }
        Ok(counts)
    }
}

type TokenMaker = super::terms::Tokens;

/// The places of the rows in the time asked for.
pub(super) fn bounds(rows: &mut dyn Rows, query: &Query) -> Result<(usize, usize), IndexError> {
    let (earliest, latest) = rows.span();
    let low = match query.since {
        Some(since) if since.micros() > earliest => partition(rows, |time, _| time < since.micros())?,
        _ => 0,
    };
    let high = match query.until {
        Some(until) if until.micros() <= latest => partition(rows, |time, _| time < until.micros())?,
        _ => rows.count(),
    };
    Ok((low, high))
}

/// How many of the first rows, which are in the order of their moments, hold.
fn partition(rows: &mut dyn Rows, holds: impl Fn(i64, u64) -> bool) -> Result<usize, IndexError> {
    let (mut low, mut high) = (0, rows.count());
    while low < high {
        let middle = (low + high) / 2;
        let (time, index) = rows.moment(middle)?;
        if holds(time, index) { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// Whether any row may have all the terms.
pub(super) fn may_fit(rows: &dyn Rows, terms: &[Vec<Token>]) -> bool {
    terms.iter().all(|any| any.iter().any(|token| rows.may_hold(*token)))
}

/// The rows that fit, by terms and establishments; all of them when nothing is asked of either.
pub(super) fn fitting(
    rows: &mut dyn Rows,
    query: &Query,
    terms: &[Vec<Token>],
    tokens: &TokenMaker,
) -> Result<Option<Set>, IndexError> {
    let mut set: Option<Set> = None;
    let mut narrow = |found: Set| match &mut set {
        Some(set) => set.keep(&found),
        None => set = Some(found),
    };
    for any in terms {
        let mut found = Set::empty();
        for token in any {
            rows.add_rows(*token, &mut found)?;
        }
        let none = found.is_empty();
        narrow(found);
        if none {
            return Ok(Some(Set::empty()));
        }
    }
    let theirs = rows.establishments()?;
    let admitted = |name: &String| query.admits_establishment(Some(name.as_str()).filter(|name| !name.is_empty()));
    if !theirs.iter().all(admitted) {
        let mut found = Set::empty();
        for name in theirs.iter().filter(|name| admitted(name)) {
            rows.add_rows(tokens.token(Field::Establishment, name), &mut found)?;
        }
        narrow(found);
    }
    Ok(set)
}

/// Of the outcomes in a set, the one that stands first in the journal. An act has one, or the same again after a stop.
fn earliest_outcome(rows: &mut dyn Rows, set: Set) -> Result<Option<Row>, IndexError> {
    let (mut set, mut next, mut found) = (Some(set), rows.count(), None::<Row>);
    // There are no more of them than a place has rows.
    while let Step::Open { set: rest, next: at, head, .. } = head(rows, set.take(), 0, next)? {
        if head.kind == Kind::Outcome && found.is_none_or(|row| head.index < row.index) {
            found = Some(head);
        }
        (set, next) = (rest, at);
    }
    Ok(found)
}

/// The newest row that fits in `low..next`.
fn head(rows: &mut dyn Rows, set: Option<Set>, low: usize, next: usize) -> Result<Step, IndexError> {
    let mut place = next;
    while place > low {
        // In a chunk a row's number is its place: the set itself says where the next one is.
        match (&set, rows.numbers_are_places()) {
            (Some(set), true) => match set.before(place) {
                Some(at) if usize::from(at) >= low => place = usize::from(at),
                _ => return Ok(Step::Done),
            },
            (Some(set), false) => {
                place -= 1;
                if !set.contains(rows.number(place)?) {
                    continue;
                }
            }
            (None, _) => place -= 1,
        }
        let head = rows.row(place)?;
        return Ok(Step::Open { set, low, next: place, head });
    }
    Ok(Step::Done)
}

/// Counts rows in memory one by one.
fn count_rows(
    rows: &mut dyn Rows,
    query: &Query,
    terms: &[Vec<Token>],
    tokens: &TokenMaker,
    counts: &mut Counts,
) -> Result<(), IndexError> {
    let (low, high) = bounds(rows, query)?;
    let set = fitting(rows, query, terms, tokens)?;
    for place in low..high {
        if let Some(set) = &set
            && !set.contains(rows.number(place)?)
        {
            continue;
        }
        let row = rows.row(place)?;
        if row.kind != Kind::Outcome {
            *counts.cells.entry((day_of(row.time), row.event)).or_default() += 1;
        }
    }
    Ok(())
}
