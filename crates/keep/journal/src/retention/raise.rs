//! How far a journal's minimum may be raised: decided from values only.

use super::{
    Book, Ledger, Month, Raised,
    raised::{BUNDLE, Snapshot},
};
use crate::entry::{Header, Kind};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use types::{Family, Time, TraceId};

/// What keeps the minimum where it is, or from going further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptBy {
    /// The longest retention of the next entries is not over before this moment.
    Term(Time),
    /// By the clock it is, but the journal has not seen that much time go by.
    Unproven,
    /// The key of this pair is not destroyed.
    Key(String),
    /// A legal hold on this month.
    Hold(Month),
    /// An act that waits for its outcome, begun at this entry.
    Act(u64),
    /// The entries still lie in the write-ahead segments too, or are too few for a bundle.
    Segments,
    /// A statement cannot be read, or an entry names a key that is not known: nothing goes.
    Unreadable,
}

/// The minimum as it is, and as it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// From which entry on the journal is kept.
    pub present: u64,
    /// Of which month that entry is, where there is a minimum.
    pub since: Option<Month>,
    /// What the minimum may be raised to now; the same where it may not.
    pub next: u64,
    /// What keeps it from going further.
    pub kept_by: KeptBy,
}

/// The moments that the journal knew at the beginning of a bundle: before its first entry, and with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Top {
    pub before: Time,
    pub with: Time,
}

/// What of the clear parts decides how far the minimum may go.
#[derive(Debug, Default)]
pub(crate) struct Prefix {
    /// For each bundle from the first on.
    pub tops: Vec<Top>,
    /// The first entry of each month, by its own moment; and of each pair, the entry that gives its key among them.
    pub months: BTreeMap<Month, u64>,
    pub pairs: BTreeMap<String, u64>,
    /// Acts that wait for their outcome.
    pub open: HashMap<TraceId, u64>,
    /// The last entry whose key no entry gives.
    pub orphan: Option<u64>,
    /// What is stated about retention, entry by entry.
    pub said: Vec<(u64, Time, Vec<u8>)>,
}

impl Prefix {
    pub(crate) fn note(&mut self, index: u64, header: &Header, before: Option<Time>, with: Time) {
        if index.is_multiple_of(BUNDLE) {
            self.tops.push(Top { before: before.unwrap_or(with), with });
        }
        self.months.entry(Month::of(header.time)).or_insert(index);
        match header.kind {
            Kind::Intent => {
                self.open.insert(header.trace, index);
            }
            Kind::Outcome => {
                self.open.remove(&header.trace);
            }
            _ => {}
        }
    }
}

/// The smallest of several bounds, with its reason.
struct Bound {
    at: u64,
    kept_by: KeptBy,
}

impl Bound {
    fn lower(&mut self, at: u64, kept_by: KeptBy) {
        if at < self.at {
            *self = Self { at, kept_by };
        }
    }
}

impl Ledger {
    /// How far the minimum may be raised at a moment, as far as acts whose outcome is written do not stand across it. The
    /// books of the journals beside this one keep too. `segments` is the first entry that still lies in a segment.
    pub(crate) fn prospect(&self, others: &[&Book], segments: u64, now: Time) -> Prospect {
        let present = self.first();
        let since = (present > 0).then(|| self.prefix.tops.first().map(|top| Month::of(top.with))).flatten();
        let books = || std::iter::once(&self.book).chain(others.iter().copied());
        let mut bound = Bound { at: self.next.saturating_sub(1).min(segments), kept_by: KeptBy::Segments };
        let stated = self.start().begun().map_or(0, |begun| begun.minimum.stated_at);
        if books().any(|book| !book.is_whole()) || self.prefix.orphan.is_some_and(|orphan| orphan >= stated) {
            bound.lower(present, KeptBy::Unreadable);
        }
        for (pair, first) in self.prefix.pairs.iter().filter(|(pair, _)| !self.book.is_destroyed(pair)) {
            bound.lower(*first, KeptBy::Key(pair.clone()));
        }
        for hold in books().flat_map(|book| book.holds(now)) {
            if let Some((month, first)) = self.prefix.months.range(hold.from..=hold.to).min_by_key(|(_, first)| **first)
            {
                bound.lower(*first, KeptBy::Hold(*month));
            }
        }
        if let Some(first) = self.prefix.open.values().min() {
            bound.lower(*first, KeptBy::Act(*first));
        }
        let longest = longest(books(), now);
        let mut places = usize::try_from((bound.at / BUNDLE).saturating_sub(present / BUNDLE)).unwrap_or_default();
        places = places.min(self.prefix.tops.len().saturating_sub(1));
        // The bundles are in the order of what the journal knew: where one is too young, all that follow are.
        let over = |place: &Top| self.is_over(Month::of(place.with), longest, now);
        let old = self.prefix.tops.get(1..=places).unwrap_or_default().partition_point(|top| over(top).is_ok());
        if let Some(kept_by) = self.prefix.tops.get(1..=places).and_then(|tops| over(tops.get(old)?).err()) {
            bound.kept_by = kept_by;
        }
        let next = present + u64::try_from(old).unwrap_or_default() * BUNDLE;
        Prospect { present, since, next, kept_by: bound.kept_by }
    }

    fn is_over(&self, month: Month, longest: u16, now: Time) -> Result<(), KeptBy> {
        let term = month.plus(1).plus(longest).start();
        let wanted: Duration = term.since(month.end());
        if now < term {
            return Err(KeptBy::Term(term));
        }
        let reached = self.age().newest().is_some_and(|newest| newest >= term);
        let lived = reached && self.age().since_end_of(month) >= wanted;
        lived.then_some(()).ok_or(KeptBy::Unproven)
    }

    fn top(&self, minimum: u64) -> Option<&Top> {
        let place = usize::try_from((minimum.checked_sub(self.first())?) / BUNDLE).ok()?;
        self.prefix.tops.get(place)
    }

    /// What was in force at a place that is still here.
    fn snapshot_at(&self, minimum: u64) -> Option<Snapshot> {
        let top = self.top(minimum)?;
        let mut book = self.book_at_start();
        for (_, at, statement) in self.prefix.said.iter().take_while(|(index, _, _)| *index < minimum) {
            book.read(statement, *at);
        }
        Some(book.snapshot(top.before))
    }

    /// The statement that raises the minimum; nothing where the entries are not here.
    pub(crate) fn raising(
        &self,
        (minimum, root): (u64, [u8; 32]),
        others: &[&Book],
        basis: &str,
        now: Time,
    ) -> Option<Raised> {
        let books = std::iter::once(&self.book).chain(others.iter().copied());
        let through = Month::of(self.top(minimum)?.with);
        let from = self.prefix.months.iter().min_by_key(|(_, first)| **first).map(|(month, _)| *month)?;
        Some(Raised {
            minimum,
            root,
            from: from.min(through),
            through,
            months: longest(books, now),
            basis: basis.to_owned(),
            standing: self.snapshot_at(minimum)?,
        })
    }

    /// Whether the entries that are still here bear a statement out. Where they went already, the pass that begins at the
    /// minimum has judged it.
    pub(super) fn bears_out(&self, raised: &Raised, at: Time) -> bool {
        if raised.minimum <= self.first() {
            return true;
        }
        let prospect = self.prospect(&[], u64::MAX, at);
        let covers = self.top(raised.minimum).is_some_and(|top| Month::of(top.with) <= raised.through);
        let over = self.is_over(raised.through, raised.months, at).is_ok();
        let same = self.snapshot_at(raised.minimum).as_ref() == Some(&raised.standing);
        prospect.next >= raised.minimum && covers && over && same
    }
}

/// The longest retention that any of the books has in force.
fn longest<'a>(books: impl Iterator<Item = &'a Book>, now: Time) -> u16 {
    let all = books.flat_map(|book| Family::ALL.iter().map(move |family| book.retention_months(*family, now)));
    all.max().unwrap_or(u16::MAX)
}

/// Acts begun below a bound, with their last outcome anywhere: a minimum must not stand between the two.
#[derive(Debug, Default)]
pub(crate) struct Straddle {
    below: u64,
    acts: HashMap<TraceId, (u64, u64)>,
}

impl Straddle {
    pub(crate) fn below(below: u64) -> Self {
        Self { below, acts: HashMap::new() }
    }

    pub(crate) fn note(&mut self, index: u64, header: &Header) {
        match header.kind {
            Kind::Intent if index < self.below => {
                self.acts.insert(header.trace, (index, index));
            }
            Kind::Outcome => {
                if let Some((_, last)) = self.acts.get_mut(&header.trace) {
                    *last = index;
                }
            }
            _ => {}
        }
    }

    /// The greatest whole number of bundles, `minimum` at most, that no act stands across.
    pub(crate) fn clear(&self, minimum: u64) -> u64 {
        let mut at = minimum.min(self.below) / BUNDLE * BUNDLE;
        loop {
            let across = self.acts.values().filter(|(first, last)| *first < at && at <= *last);
            match across.map(|(first, _)| *first).min() {
                Some(first) => at = first / BUNDLE * BUNDLE,
                None => return at,
            }
        }
    }
}
