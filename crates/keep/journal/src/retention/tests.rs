//! What is decided, against a naive model that looks at everything each time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{due::Pair, ledger::Age, *};
use proptest::prelude::*;
use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};
use types::{Extra, Family, Time};

const START: Time = Time::from_micros(1_790_000_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);

/// Something that happens some days after what came before; the identifiers are few, so that they meet.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub days: u32,
    pub id: u8,
    pub by: u8,
    pub what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Retention(Family, u16),
    Hold(Option<Family>, u16, u16),
    Lift(u8),
    Extra(Extra, bool),
    Confirm,
    Withdraw,
    Nothing,
}

pub(crate) fn families() -> impl Strategy<Value = Family> {
    prop::sample::select(Family::ALL)
}

pub(crate) fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        (families(), 0_u16..40).prop_map(|(family, months)| What::Retention(family, months)),
        (prop::option::of(families()), 0_u16..30, 0_u16..30).prop_map(|(family, a, b)| What::Hold(family, a, b)),
        (0_u8..6).prop_map(What::Lift),
        (prop::sample::select(Extra::ALL), any::<bool>()).prop_map(|(extra, recorded)| What::Extra(extra, recorded)),
        Just(What::Confirm),
        Just(What::Confirm),
        Just(What::Withdraw),
        Just(What::Nothing),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u32..40, 0_u8..6, 0_u8..3, what()).prop_map(|(days, id, by, what)| Step { days, id, by, what });
    prop::collection::vec(step, 0..60)
}

/// One proposal in the naive model.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    id: u8,
    by: u8,
    at: Time,
    what: What,
    /// When, from when on it counts, and after how many others.
    decided: Option<(Time, Time, usize)>,
    over: bool,
}

/// Every proposal there was; what is in force is worked out from all of them each time.
#[derive(Debug, Default)]
pub(crate) struct Naive(Vec<Told>);

impl Naive {
    pub(crate) fn retention(&self, family: Family, at: Time) -> u16 {
        let mut months = family.retention_months_default();
        let mut decided: Vec<_> = self.0.iter().filter_map(|one| Some((one.decided?, &one.what))).collect();
        decided.sort_by_key(|((_, _, order), _)| *order);
        for ((_, counts, _), what) in decided {
            if let What::Retention(of, wanted) = what
                && *of == family
                && counts <= at
            {
                months = *wanted;
            }
        }
        months
    }

    /// What was decided of it last, if anything ever was.
    fn extra(&self, extra: Extra) -> bool {
        let mut decided: Vec<_> = self.0.iter().filter_map(|one| Some((one.decided?.2, &one.what))).collect();
        decided.sort_by_key(|(order, _)| *order);
        let mut recorded = false;
        for (_, what) in decided {
            if let What::Extra(of, wanted) = what
                && *of == extra
            {
                recorded = *wanted;
            }
        }
        recorded
    }

    fn is_lifted(&self, hold: u8, at: Time) -> Option<bool> {
        let lift =
            self.0.iter().find(|one| matches!(one.what, What::Lift(of) if of == hold) && one.decided.is_some())?;
        Some(lift.decided?.1 <= at)
    }

    /// Whether any of these months of a family is held.
    pub(crate) fn holds_any(&self, family: Family, months: RangeInclusive<Month>, at: Time) -> bool {
        self.0.iter().any(|one| match one.what {
            What::Hold(of, from, to) if one.decided.is_some() => {
                let first = Month::of(START);
                let covers = first.plus(from) <= *months.end() && *months.start() <= first.plus(to);
                covers && of.is_none_or(|of| of == family) && self.is_lifted(one.id, at) != Some(true)
            }
            _ => false,
        })
    }

    pub(crate) fn step(&mut self, step: &Step, at: Time) {
        let waits = |one: &Told| one.decided.is_none() && !one.over && at < one.at + DAY * 30;
        match &step.what {
            What::Nothing => {}
            What::Confirm => {
                let Some(place) = self.0.iter().position(|one| one.id == step.id && waits(one) && one.by != step.by)
                else {
                    return;
                };
                let later = match self.0[place].what {
                    What::Retention(family, months) => months < self.retention(family, at),
                    What::Lift(hold) => {
                        if self.is_lifted(hold, at).is_some() {
                            return;
                        }
                        true
                    }
                    What::Extra(extra, recorded) => {
                        if self.extra(extra) == recorded {
                            return;
                        }
                        for one in self.0.iter_mut().filter(|one| one.decided.is_none() && one.id != step.id) {
                            one.over |= matches!(one.what, What::Extra(of, _) if of == extra);
                        }
                        false
                    }
                    _ => false,
                };
                let order = self.0.iter().filter(|one| one.decided.is_some()).count();
                self.0[place].decided = Some((at, if later { at + DAY * 30 } else { at }, order));
            }
            What::Withdraw => {
                for one in self.0.iter_mut().filter(|one| one.id == step.id && waits(one)) {
                    one.over = true;
                }
            }
            what => {
                let sound = match what {
                    What::Retention(family, months) => *months >= family.retention_months_min(),
                    What::Hold(_, from, to) => from <= to,
                    What::Lift(hold) => {
                        let held =
                            |one: &Told| one.id == *hold && matches!(one.what, What::Hold(..)) && one.decided.is_some();
                        self.0.iter().any(held) && self.is_lifted(*hold, at).is_none()
                    }
                    What::Extra(extra, recorded) => self.extra(*extra) != *recorded,
                    _ => false,
                };
                if sound && self.0.iter().all(|one| one.id != step.id) {
                    self.0.push(Told { id: step.id, by: step.by, at, what: what.clone(), decided: None, over: false });
                }
            }
        }
    }
}

pub(crate) fn statement(step: &Step) -> Option<Statement> {
    let (id, by, first) = ([step.id; 16], [step.by; 16], Month::of(START));
    let asked = |change| Some(Statement::Proposed { id, by, change });
    match step.what {
        What::Retention(family, months) => asked(Change::Retention { family, months }),
        What::Hold(family, from, to) => asked(Change::Hold { family, from: first.plus(from), to: first.plus(to) }),
        What::Lift(hold) => asked(Change::Lift { hold: [hold; 16] }),
        What::Extra(extra, recorded) => asked(Change::Extra { extra, recorded }),
        What::Confirm => Some(Statement::Confirmed { id, by }),
        What::Withdraw => Some(Statement::Withdrawn { id, by }),
        What::Nothing => None,
    }
}

proptest! {
    #[test]
    fn what_may_go_is_what_the_naive_model_lets_go(steps in steps(), month in 0_u16..30, family in families()) {
        let (mut book, mut age, mut naive, mut at) = (Book::default(), Age::default(), Naive::default(), START);
        let (pair, mut seen) = (Pair::named(&format!("{family}-{}", Month::of(START).plus(month))).unwrap(), vec![START]);
        age.note(at);
        for step in &steps {
            at = at + DAY * step.days;
            age.note(at);
            seen.push(at);
            if let Some(statement) = statement(step) {
                book.read(&statement.encode(), at);
            }
            naive.step(step, at);
            for &family in Family::ALL {
                prop_assert_eq!(book.retention_months(family, at), naive.retention(family, at));
                prop_assert!(book.retention_months(family, at) >= family.retention_months_min());
            }
            for &extra in Extra::ALL {
                prop_assert_eq!(book.extras().has(extra), naive.extra(extra));
            }
            let term = pair.month.plus(1 + naive.retention(family, at)).start();
            let after: Vec<_> = seen.iter().filter(|time| **time >= pair.month.end()).collect();
            let lived: Duration = after.windows(2).map(|two| two[1].since(*two[0]).min(DAY * 7)).sum();
            let expected = if at < term {
                Standing::Kept
            } else if naive.holds_any(family, pair.month..=pair.month, at) {
                Standing::Held
            } else if lived >= term.since(pair.month.end()) {
                Standing::Due
            } else {
                Standing::Unproven
            };
            prop_assert_eq!(pair.standing(&book, &age, at), expected);
        }
    }

    #[test]
    fn whoever_reads_from_a_snapshot_on_comes_to_the_same(steps in steps(), cut in 0_usize..60, later in 0_u32..80) {
        let (mut whole, mut rest, mut at) = (Book::default(), None, START);
        for (place, step) in steps.iter().enumerate() {
            if place == cut {
                let snapshot = whole.snapshot(at);
                prop_assert_eq!(&Book::of_snapshot(&snapshot).snapshot(at), &snapshot, "it comes back as it was");
                rest = Some(Book::of_snapshot(&snapshot));
            }
            at = at + DAY * step.days;
            // A name that served once is not known after all that bore it went: nobody draws the same sixteen bytes twice.
            let known = |book: &Book| !matches!(statement(step), Some(Statement::Proposed { id, .. }) if book.knows(&id));
            if let Some(statement) = statement(step).filter(|_| known(&whole)) {
                whole.read(&statement.encode(), at);
                rest.iter_mut().for_each(|book| book.read(&statement.encode(), at));
            }
        }
        let Some(rest) = rest else { return Ok(()) };
        for at in [at, at + DAY * later] {
            for &family in Family::ALL {
                prop_assert_eq!(whole.retention_months(family, at), rest.retention_months(family, at));
                prop_assert_eq!(whole.retention_to_come(family, at), rest.retention_to_come(family, at));
            }
            prop_assert_eq!(whole.holds(at).collect::<Vec<_>>(), rest.holds(at).collect::<Vec<_>>());
            prop_assert_eq!(whole.proposals(at).collect::<Vec<_>>(), rest.proposals(at).collect::<Vec<_>>());
        }
        prop_assert_eq!(whole.extras(), rest.extras());
        prop_assert_eq!(whole.stray(), rest.stray());
    }

    #[test]
    fn a_clock_that_swings_makes_the_journal_no_older(swings in prop::collection::vec(-4000_i64..4000, 1..80)) {
        let (mut age, mut newest) = (Age::default(), START);
        age.note(START);
        let month = Month::of(START - DAY * 60);
        let mut ahead = 0_u32;
        for days in swings {
            let time = Time::from_micros(START.micros() + days * 86_400_000_000);
            ahead += u32::from(time > newest);
            newest = newest.max(time);
            age.note(time);
        }
        prop_assert!(age.since_end_of(month) <= DAY * 7 * ahead, "a week for each time that it was further than ever");
    }
}

#[test]
fn what_was_sealed_together_goes_with_what_is_kept_longest() {
    let book = Book::default();
    let mut pair = Pair::named("access-2026-09").unwrap();
    assert_eq!(pair.months(&book, START), 12);
    pair.families = BTreeSet::from([Family::Access, Family::Health]);
    assert_eq!(pair.months(&book, START), 240);
    for name in ["recordings-2026-09", "access", "access-2026-13", "equipment"] {
        assert!(Pair::named(name).is_none(), "{name} is not the journal's");
    }
}

#[test]
fn what_cannot_be_read_lets_nothing_go() {
    let (mut book, mut age) = (Book::default(), Age::default());
    let pair = Pair::named("access-2026-09").unwrap();
    for week in 0..70 {
        age.note(START + DAY * 7 * week);
    }
    let now = START + DAY * 7 * 69;
    assert_eq!(pair.standing(&book, &age, now), Standing::Due);
    book.read(b"not a statement", now);
    assert_eq!(pair.standing(&book, &age, now), Standing::Kept);
    assert!(!book.is_whole());
}

#[test]
fn whoever_writes_statements_by_hand_goes_below_no_floor_and_is_counted() {
    let mut book = Book::default();
    let (id, by) = ([1; 16], [1; 16]);
    let change = Change::Retention { family: Family::Health, months: 1 };
    book.read(&Statement::Proposed { id, by, change }.encode(), START);
    book.read(&Statement::Confirmed { id, by: [2; 16] }.encode(), START);
    assert_eq!(book.retention_months(Family::Health, START + DAY * 90), 240);
    assert_eq!(book.stray(), 2);
}
