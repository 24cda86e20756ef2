//! What may be destroyed at a moment: decided from values only.

use super::{Book, Hold, Month, ledger::Age};
use std::{collections::BTreeSet, time::Duration};
use types::{Family, Time};

/// Entries written side by side at the turn of a month may stand in either order.
const LATE_MAX: Duration = Duration::from_secs(86_400);

/// How a month of a family stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its term is not reached.
    Kept,
    /// It is, and a hold keeps it.
    Held,
    /// By the clock it is, but the journal has not seen that much time go by: the clock may be wrong.
    Unproven,
    /// It may go.
    Due,
    /// Its key is gone.
    Destroyed,
}

impl Standing {
    /// As the interface and the command line say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Held => "held",
            Self::Unproven => "unproven",
            Self::Due => "due",
            Self::Destroyed => "destroyed",
        }
    }
}

/// A pair, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// `<family>-<yyyy-mm>`.
    pub name: String,
    pub family: Family,
    pub month: Month,
    /// Of what was sealed to it, and its own.
    pub families: BTreeSet<Family>,
    /// When the last of it was written, as far as the journal knew then; and the age of the journal that decides.
    pub written: Option<Time>,
    pub age: Option<Duration>,
}

impl Pair {
    /// A month's pair of the journal's; none for anything else.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (family, month) = name.split_once('-')?;
        let (family, month) = (family.parse().ok()?, month.parse().ok()?);
        Some(Self {
            name: name.to_owned(),
            family,
            month,
            families: BTreeSet::from([family]),
            written: None,
            age: None,
        })
    }

    /// The months of retention: the longest of anything that was sealed to it.
    pub(crate) fn months(&self, book: &Book, now: Time) -> u16 {
        let months = self.families.iter().map(|family| book.retention_months(*family, now));
        months.max().unwrap_or_else(|| self.family.retention_months_default())
    }

    /// The month that its term is counted from: its own, or the one in which the last of it was written, where the clock had
    /// been set back and entries came into a month that was over.
    fn last_month(&self) -> Month {
        let late = self.written.filter(|written| *written >= self.month.end() + LATE_MAX);
        late.map_or(self.month, |late| self.month.max(Month::of(late)))
    }

    /// The first moment at which it may go, if nothing holds it.
    pub(crate) fn term(&self, book: &Book, now: Time) -> Time {
        self.last_month().plus(1).plus(self.months(book, now)).start()
    }

    pub(crate) fn standing(&self, book: &Book, age: &Age, now: Time) -> Standing {
        if book.is_destroyed(&self.name) {
            return Standing::Destroyed;
        }
        let term = self.term(book, now);
        if now < term || !book.is_whole() {
            return Standing::Kept;
        }
        let holds = |family: Option<Family>| family.is_none_or(|family| self.families.contains(&family));
        let covers = |hold: &Hold| hold.from <= self.last_month() && self.month <= hold.to;
        if book.holds(now).any(|hold| holds(hold.family) && covers(&hold)) {
            return Standing::Held;
        }
        let wanted: Duration = term.since(self.last_month().end());
        // The newest entry must have reached the term too: what was written, not only what the clock says.
        let reached = age.newest().is_some_and(|newest| newest >= term);
        // What came late has been there for as long as the rest must be.
        let lived = self.age.is_none_or(|written| age.since_age(written) >= wanted);
        if reached && lived && age.since_end_of(self.month) >= wanted { Standing::Due } else { Standing::Unproven }
    }
}
