//! How far the minimum may go, against a naive model that looks at every entry each time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{raise::Straddle, *};
use crate::{
    Kind, Outcome,
    entry::{Header, header, join},
    log::tree::sha256,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use types::{ClockState, Event, Family, Time, TraceId};

const START: Time = Time::from_micros(1_790_000_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);

/// An entry of the model, as much of it as matters.
#[derive(Debug, Clone)]
struct Line {
    time: Time,
    kind: Kind,
    trace: u32,
    pair: Option<String>,
    statement: Option<Statement>,
}

fn entry(line: &Line, number: u64) -> Vec<u8> {
    let pair = line.pair.clone().unwrap_or_default();
    let seal_key = *sha256(pair.as_bytes()).first_chunk().unwrap();
    let header = Header {
        kind: line.kind,
        event: Event::NodeStarted,
        time: line.time,
        clock: ClockState::Synchronized,
        trace: TraceId::from_bytes(u128::from(line.trace).to_be_bytes()),
        outcome: match line.kind {
            Kind::Intent => None,
            _ => Some(Outcome::Done),
        },
        seal_key,
        number,
        salt: [3; 16],
        statement: line.statement.as_ref().map(Statement::encode),
    };
    let body = if line.kind == Kind::SealKey {
        minicbor::to_vec((pair, minicbor::bytes::ByteVec::from(vec![8; 80]))).unwrap()
    } else {
        vec![9; 8]
    };
    join(header.encode(), body)
}

/// What happens: how many entries, how many days apart, of which family; and what is odd about them.
#[derive(Debug, Clone)]
struct Stretch {
    entries: u32,
    hours: u32,
    family: Family,
    /// An act begins every so many entries, and ends so many later.
    acts: Option<(u32, u32)>,
    days_back: i64,
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let acts = prop::option::weighted(0.5, (20_u32..200, 1_u32..300));
    let stretch = (50_u32..700, 1_u32..150, prop::sample::select(Family::ALL), acts, 0_i64..60)
        .prop_map(|(entries, hours, family, acts, days_back)| Stretch { entries, hours, family, acts, days_back });
    prop::collection::vec(stretch, 2..9)
}

/// The journal of these stretches: then the keys of all pairs but some destroyed, and twenty more years, week by week.
fn lines(stretches: &[Stretch], kept: &BTreeSet<usize>, weeks: u32) -> Vec<Line> {
    let (mut lines, mut at, mut given) = (Vec::new(), START, BTreeSet::new());
    let mut due: BTreeMap<usize, u32> = BTreeMap::new();
    let mut trace = 0;
    for stretch in stretches {
        at = Time::from_micros(at.micros() - stretch.days_back * 86_400_000_000);
        for number in 0..stretch.entries {
            at = at + Duration::from_secs(u64::from(stretch.hours) * 3600);
            let pair = Some(format!("{}-{}", stretch.family, Month::of(at)));
            let line = Line { time: at, kind: Kind::Note, trace: 0, pair: pair.clone(), statement: None };
            if given.insert(pair) {
                lines.push(Line { kind: Kind::SealKey, ..line.clone() });
            }
            let over: Vec<usize> = due.range(..=lines.len()).map(|(place, _)| *place).collect();
            for place in over {
                let trace = due.remove(&place).unwrap();
                lines.push(Line { kind: Kind::Outcome, trace, ..line.clone() });
            }
            match stretch.acts {
                Some((every, after)) if number % every == 0 => {
                    trace += 1;
                    due.insert(lines.len() + after as usize, trace);
                    lines.push(Line { kind: Kind::Intent, trace, ..line });
                }
                _ => lines.push(line),
            }
        }
    }
    let newest = lines.iter().map(|line| line.time).max().unwrap();
    let pairs: BTreeSet<String> = lines.iter().filter_map(|line| line.pair.clone()).collect();
    for week in 1..=weeks {
        let time = newest + DAY * 7 * week;
        lines.push(Line { time, kind: Kind::Note, trace: 0, pair: None, statement: None });
    }
    let time = newest + DAY * 7 * (weeks + 1);
    for (_, pair) in pairs.into_iter().enumerate().filter(|(place, _)| !kept.contains(place)) {
        let statement = Some(Statement::Destroyed { pair });
        lines.push(Line { time, kind: Kind::Note, trace: 0, pair: None, statement });
    }
    lines
}

/// Looks at every entry for every bundle: the greatest that may go.
fn naive(lines: &[Line], held: &Option<(Month, Month)>, now: Time) -> usize {
    let mut destroyed = BTreeSet::new();
    for line in lines {
        if let Some(Statement::Destroyed { pair }) = &line.statement {
            destroyed.insert(pair.clone());
        }
    }
    let last = |trace: u32| lines.iter().rposition(|line| line.trace == trace && line.kind == Kind::Outcome);
    let may = |minimum: usize| {
        let gone = &lines[..minimum];
        // Nothing that still opens, nothing held.
        let keys = gone.iter().filter_map(|line| line.pair.as_ref()).all(|pair| destroyed.contains(pair));
        let month = |line: &Line| Month::of(line.time);
        let held = held.is_some_and(|(from, to)| gone.iter().any(|line| (from..=to).contains(&month(line))));
        // Past the longest retention, by the clock and by what the journal lived; the first that stays included.
        let through = lines[..=minimum].iter().map(month).max().unwrap();
        let (term, end) = (through.plus(1 + 240).start(), through.end());
        let (mut newest, mut lived, mut since) = (None::<Time>, Duration::ZERO, None);
        for line in lines {
            lived += newest.map_or(Duration::ZERO, |newest| line.time.since(newest).min(DAY * 7));
            newest = newest.max(Some(line.time));
            if line.time >= end && since.is_none() {
                since = Some(lived);
            }
        }
        let lived = since.map_or(Duration::ZERO, |since| lived - since);
        let old = now >= term && newest >= Some(term) && lived >= term.since(end);
        // No act stands across.
        let across = gone.iter().filter(|line| line.kind == Kind::Intent);
        let across = across.filter(|line| last(line.trace).is_none_or(|at| at >= minimum)).count();
        keys && !held && old && across == 0
    };
    (1..lines.len() / 256 + 1).map(|bundle| bundle * 256).filter(|at| *at < lines.len() && may(*at)).max().unwrap_or(0)
}

/// A journal of the model's, and what keeps it.
type Case = (Vec<Stretch>, Option<usize>, Option<(u16, u16)>, u32);

fn cases() -> impl Strategy<Value = Case> {
    let kept = prop::option::weighted(0.4, 0_usize..30);
    let held = prop::option::weighted(0.4, (0_u16..24, 0_u16..6));
    (stretches(), kept, held, prop_oneof![1 => 900_u32..1100, 1 => Just(1200_u32)])
}

/// How far the minimum may go, which is as far as the naive model says.
fn as_far_as_the_model((stretches, kept, held, weeks): Case) -> Result<u64, TestCaseError> {
    let lines = lines(&stretches, &kept.into_iter().collect(), weeks);
    let now = lines.last().unwrap().time;
    let held = held.map(|(from, more)| (Month::of(START).plus(from), Month::of(START).plus(from + more)));
    let (mut ledger, mut straddle) = (Ledger::default(), Straddle::below(u64::MAX));
    for (index, line) in (0..).zip(&lines) {
        let mut line = line.clone();
        // The twenty years are sealed to nothing of the model's: what they say is in clear.
        if line.pair.is_none() {
            line.pair = lines[0].pair.clone();
        }
        let bytes = entry(&line, index);
        ledger.note(index, &bytes).unwrap();
        straddle.note(index, &header(&bytes).unwrap());
    }
    let mut other = Book::default();
    if let Some((from, to)) = held {
        let (id, by) = ([1; 16], [1; 16]);
        let change = Change::Hold { family: None, from, to };
        other.read(&Statement::Proposed { id, by, change }.encode(), START);
        other.read(&Statement::Confirmed { id, by: [2; 16] }.encode(), START);
    }
    let prospect = ledger.prospect(&[&other], u64::MAX, now);
    let expected = naive(&lines, &held, now) as u64;
    prop_assert_eq!(straddle.clear(prospect.next), expected, "{:?}", prospect);
    Ok(expected)
}

#[test]
fn the_minimum_goes_as_far_as_the_naive_model_lets_it() {
    let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
    let (raised, stayed) = (Cell::new(0), Cell::new(0));
    let run = runner.run(&cases(), |case| {
        let counter = if as_far_as_the_model(case)? > 0 { &raised } else { &stayed };
        counter.set(counter.get() + 1);
        Ok(())
    });
    run.unwrap();
    assert!(raised.get() > 5 && stayed.get() > 5, "raised {}, stayed {}", raised.get(), stayed.get());
}
