//! What the clear parts of entries tell that retention needs: which entries were sealed to which pair, the statements, and
//! how much time the journal itself has seen.

use super::{
    Book, Month, ProposalId, Statement,
    begun::{Begun, Start, newest},
    raise::Prefix,
};
use crate::{
    entry::{Kind, header, split},
    seal::Opening,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};
use types::{Family, Time};

/// What two entries that follow one another count for at most, however far apart their clocks say they are.
const GAP_MAX: Duration = Duration::from_secs(7 * 86_400);

/// The entries sealed to a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub first: u64,
    pub last: u64,
    pub count: u64,
    /// The families of their events: those of a journal of an earlier version were all sealed to one.
    pub families: BTreeSet<Family>,
    /// The newest moment that the journal knew when the last of them was written, and its age then: a clock set back puts
    /// entries into a month that is long over.
    pub written: Time,
    pub age: Duration,
}

/// The account of one journal, entry by entry.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub next: u64,
    pub book: Book,
    /// The pair of each key that seals, with the entry that gives it.
    pairs: HashMap<[u8; 8], (String, u64)>,
    /// Where each proposal stands, with the entry that gives the key of its words.
    asked: HashMap<ProposalId, (u64, u64)>,
    spans: BTreeMap<String, Span>,
    age: Age,
    start: Start,
    pub(super) prefix: Prefix,
    /// The entry that states the minimum in force.
    raised_at: u64,
}

/// The journal's own age. A clock set ahead makes the next entry late by years, and the journal older by a week; one set
/// back makes it no older until it has caught up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Age {
    newest: Option<Time>,
    seen: Duration,
    /// The age at the first entry of each month.
    at: BTreeMap<Month, Duration>,
}

impl Age {
    /// Of a journal whose reading begins when it knew this moment already.
    pub(crate) fn from(newest: Time) -> Self {
        Self { newest: Some(newest), ..Self::default() }
    }

    pub(crate) fn note(&mut self, time: Time) {
        if let Some(newest) = self.newest {
            self.seen += time.since(newest).min(GAP_MAX);
        }
        if self.newest.is_none_or(|newest| time > newest) {
            self.newest = Some(time);
            self.at.entry(Month::of(time)).or_insert(self.seen);
        }
    }

    /// How much time was seen since a month ended.
    pub(crate) fn since_end_of(&self, month: Month) -> Duration {
        let began = self.at.range(month.plus(1)..).next();
        began.map_or(Duration::ZERO, |(_, began)| self.seen.saturating_sub(*began))
    }

    /// How much time was seen since the journal had a certain age.
    pub(crate) fn since_age(&self, age: Duration) -> Duration {
        self.seen.saturating_sub(age)
    }

    pub(crate) fn newest(&self) -> Option<Time> {
        self.newest
    }
}

impl Ledger {
    /// The account of a journal that begins at a minimum, if it does.
    pub(crate) fn of(begun: Option<Begun>) -> Self {
        let start = Start::of(begun);
        let book = start.begun().map_or_else(Book::default, |begun| Book::of_snapshot(&begun.raised.standing));
        let age = start.begun().map_or_else(Age::default, |begun| Age::from(newest(&begun.raised)));
        Self { next: start.first(), book, age, start, ..Self::default() }
    }

    /// From which entry on.
    pub(crate) fn first(&self) -> u64 {
        self.start.first()
    }

    pub(crate) fn start(&self) -> &Start {
        &self.start
    }

    pub(super) fn book_at_start(&self) -> Book {
        let begun = self.start.begun();
        begun.map_or_else(Book::default, |begun| Book::of_snapshot(&begun.raised.standing))
    }

    /// The entry that states the minimum in force; the book says which.
    pub(crate) fn raised_at(&self) -> u64 {
        self.raised_at
    }

    /// Takes down the entry at `index`; each once, in order. One that cannot be read is not passed over.
    pub(crate) fn note(&mut self, index: u64, entry: &[u8]) -> Result<(), String> {
        self.take_down(index, entry)?;
        self.next = index + 1;
        Ok(())
    }

    fn take_down(&mut self, index: u64, entry: &[u8]) -> Result<(), String> {
        let header = header(entry)?;
        self.start.see(index, header.time, header.statement.as_deref())?;
        let before = self.age.newest;
        self.age.note(header.time);
        self.prefix.note(index, &header, before, self.age.newest.unwrap_or(header.time));
        if let Some(statement) = &header.statement {
            self.take_statement(index, statement, header.time);
        }
        if header.kind == Kind::SealKey {
            if let Ok(pair) = Opening::group(&split(entry)?.body) {
                self.prefix.pairs.entry(pair.clone()).or_insert(index);
                self.pairs.insert(header.seal_key, (pair, index));
            }
            return Ok(());
        }
        let Some((pair, key)) = self.pairs.get(&header.seal_key) else {
            self.prefix.orphan = Some(index);
            return Ok(());
        };
        if let Some(Statement::Proposed { id, .. }) = header.statement.as_deref().and_then(Statement::decode) {
            self.asked.entry(id).or_insert((index, *key));
        }
        let family = header.event.family();
        let (written, age) = (self.age.newest.unwrap_or(header.time), self.age.seen);
        match self.spans.get_mut(pair) {
            Some(span) => {
                span.last = index;
                span.count += 1;
                (span.written, span.age) = (written, age);
                span.families.insert(family);
            }
            None => {
                let families = BTreeSet::from([family]);
                let span = Span { first: index, last: index, count: 1, families, written, age };
                self.spans.insert(pair.clone(), span);
            }
        }
        Ok(())
    }

    fn take_statement(&mut self, index: u64, bytes: &[u8], at: Time) {
        let raised = match Statement::decode(bytes) {
            Some(Statement::Raised(raised)) => raised,
            // What it ends was stated before the journal's present beginning, and went with it.
            Some(Statement::Pruned { minimum }) if minimum < self.first() => return,
            _ => {
                self.book.read(bytes, at);
                self.prefix.said.push((index, at, bytes.to_vec()));
                return;
            }
        };
        // One that the entries disprove counts for nothing, wherever it came from.
        if self.bears_out(&raised, at) {
            let before = self.book.minimum();
            self.book.read(bytes, at);
            if self.book.minimum() != before {
                self.raised_at = index;
            }
        } else {
            self.book.disproved();
        }
    }

    pub(crate) fn span(&self, pair: &str) -> Option<&Span> {
        self.spans.get(pair)
    }

    /// Where a proposal stands, and the entry that gives the key of its words.
    pub(crate) fn asked(&self, id: &ProposalId) -> Option<(u64, u64)> {
        self.asked.get(id).copied()
    }

    pub(crate) fn age(&self) -> &Age {
        &self.age
    }
}
