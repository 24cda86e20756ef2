//! Refusals past the bound fold into counted entries: what a stranger can make us write is bounded (design §3.9), and
//! nothing is forgotten: how many, whom and what for stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use types::{
    Event, Source, Time,
    limits::{REFUSALS_ALL_PER_MINUTE_MAX, REFUSALS_PER_MINUTE_MAX},
};

const MINUTE: Duration = Duration::from_secs(60);
/// Distinct authors and targets kept in one folded entry.
const DISTINCT_MAX: usize = 64;
/// Sources followed at once; beyond, refusals count under no source.
const SOURCES_MAX: usize = 4096;

/// What to do with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Write it as an entry of its own.
    Write,
    /// It was counted; a folded entry will say so.
    Folded,
}

/// A minute's refusals beyond the bound, of one source and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Where from; `None` when too many sources were refused at once to follow each.
    pub source: Option<Source>,
    /// Of what type.
    pub event: Event,
    /// How many.
    pub count: u64,
    /// Who, at most 64 of them.
    pub authors: BTreeSet<String>,
    /// On what, at most 64 of them.
    pub targets: BTreeSet<String>,
}

#[derive(Default)]
struct Counter {
    written: u32,
    folded: u64,
    authors: BTreeSet<String>,
    targets: BTreeSet<String>,
}

/// Counts the refusals of the running minute. Pure: the caller brings the time and writes the entries.
#[derive(Default)]
pub struct Refusals {
    began: Option<Time>,
    written: u32,
    counters: BTreeMap<(Option<Source>, Event), Counter>,
}

impl Refusals {
    /// Takes one refusal.
    pub fn offer(&mut self, source: Source, event: Event, author: &str, target: &str, now: Time) -> Offer {
        self.began.get_or_insert(now);
        let key = (Some(source), event);
        let known = self.counters.contains_key(&key) || self.counters.len() < SOURCES_MAX;
        let key = if known { key } else { (None, event) };
        let counter = self.counters.entry(key).or_default();
        let room = known && counter.written < REFUSALS_PER_MINUTE_MAX && self.written < REFUSALS_ALL_PER_MINUTE_MAX;
        if room {
            counter.written += 1;
            self.written += 1;
            return Offer::Write;
        }
        counter.folded += 1;
        for (set, name) in [(&mut counter.authors, author), (&mut counter.targets, target)] {
            if set.len() < DISTINCT_MAX && !name.is_empty() {
                set.insert(name.chars().take(128).collect());
            }
        }
        Offer::Folded
    }

    /// What the minute that just ended folded; empty while it runs.
    pub fn due(&mut self, now: Time) -> Vec<Folded> {
        match self.began {
            Some(began) if now.since(began) >= MINUTE => self.take(),
            _ => Vec::new(),
        }
    }

    /// All that was folded, now: at a clean stop.
    pub fn take(&mut self) -> Vec<Folded> {
        self.began = None;
        self.written = 0;
        let counters = std::mem::take(&mut self.counters);
        let folded = counters.into_iter().filter(|(_, counter)| counter.folded > 0);
        folded
            .map(|((source, event), counter)| Folded {
                source,
                event,
                count: counter.folded,
                authors: counter.authors,
                targets: counter.targets,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use types::ClientAddress;

    fn source(n: u32) -> Source {
        ClientAddress::new(std::net::IpAddr::V4(n.into())).source()
    }

    const NOW: Time = Time::from_micros(1_000_000_000);

    #[test]
    fn the_twenty_first_refusal_folds() {
        let mut refusals = Refusals::default();
        for n in 0..100 {
            let offer = refusals.offer(source(1), Event::Refused, "door", &format!("target {n}"), NOW);
            assert_eq!(offer, if n < 20 { Offer::Write } else { Offer::Folded });
        }
        assert_eq!(refusals.offer(source(2), Event::Refused, "a", "b", NOW), Offer::Write, "another source");
        assert_eq!(refusals.offer(source(1), Event::SignIn, "a", "b", NOW), Offer::Write, "another type");
        assert!(refusals.due(NOW + Duration::from_secs(59)).is_empty());
        let folded = refusals.due(NOW + MINUTE);
        assert_eq!(folded.len(), 1);
        let first = folded.first().unwrap();
        assert_eq!((first.count, first.targets.len(), first.authors.len()), (80, 64, 1));
        assert_eq!(refusals.offer(source(1), Event::Refused, "a", "b", NOW + MINUTE), Offer::Write, "a new minute");
    }

    #[test]
    fn a_flood_from_everywhere_is_bounded_and_counted() {
        let mut refusals = Refusals::default();
        let written =
            (0..100_000).filter(|n| refusals.offer(source(*n), Event::Refused, "", "", NOW) == Offer::Write).count();
        assert_eq!(written, 1200);
        assert!(refusals.counters.len() <= SOURCES_MAX + 1);
        let folded: u64 = refusals.due(NOW + MINUTE).iter().map(|folded| folded.count).sum();
        assert_eq!(folded, 100_000 - 1200);
    }
}
