//! What is searched for: each time somebody else, some other day.

use crate::events::{BEGINS, YEAR, account, patient};
use journal::{Became, index::Query};
use std::time::Duration;
use types::{Event, Time};

const DAY: i64 = 86_400_000_000;

/// A kind of search, with its aims in milliseconds.
pub struct Kind {
    pub name: &'static str,
    pub counts: bool,
    middle: f64,
    most: f64,
}

const fn search(name: &'static str) -> Kind {
    Kind { name, counts: false, middle: 1.0, most: 10.0 }
}

const fn words(name: &'static str) -> Kind {
    Kind { name, counts: false, middle: 20.0, most: 20.0 }
}

const fn counts(name: &'static str) -> Kind {
    Kind { name, counts: true, middle: 100.0, most: 100.0 }
}

pub const KINDS: [Kind; 13] = [
    search("newest"),
    search("author"),
    search("author, 30 days"),
    search("patient"),
    search("patient, type, 30 days"),
    search("address, a day"),
    search("type, a day"),
    search("refused, a week"),
    words("one word"),
    words("two words, 30 days"),
    words("a word that is nowhere"),
    counts("counts, a year"),
    counts("counts of an author, a year"),
];

impl Kind {
    pub fn print(&self, took: &mut [Duration], raw: &mut [Duration], found: f64) {
        took.sort();
        raw.sort();
        let at = |sorted: &[Duration], part: f64| {
            let place = ((sorted.len() as f64 * part) as usize).min(sorted.len() - 1);
            sorted[place].as_secs_f64() * 1e3
        };
        let (middle, most, bare) = (at(took, 0.5), at(took, 0.99), at(raw, 0.5));
        let said = if middle <= self.middle && most <= self.most { "" } else { "  (missed)" };
        println!(
            "{}: p50 {middle:.3} ms, p99 {most:.3} ms; aims {} and {} ms{said}; {:.0} x fifty bare readings; {found:.0} found",
            self.name,
            self.middle,
            self.most,
            middle / bare
        );
    }
}

pub struct Asked(fastrand::Rng);

impl Asked {
    pub fn new() -> Self {
        Self(fastrand::Rng::with_seed(7))
    }

    pub fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.0
    }

    fn days(&mut self, days: i64) -> (Option<Time>, Option<Time>) {
        let since = BEGINS + self.0.i64(0..YEAR - days * DAY);
        (Some(Time::from_micros(since)), Some(Time::from_micros(since + days * DAY)))
    }

    fn author(&mut self) -> Option<String> {
        Some(account(self.0.u64(..20_000)))
    }

    fn patient(&mut self) -> Option<String> {
        Some(patient(self.0.u64(..200_000)))
    }

    pub fn query(&mut self, name: &str) -> Query {
        let none = Query::default();
        let within = |(since, until), query: Query| Query { since, until, ..query };
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        match name {
            "author" => Query { author: self.author(), ..none },
            "author, 30 days" => within(self.days(30), Query { author: self.author(), ..none }),
            "patient" => Query { patient: self.patient(), ..none },
            "patient, type, 30 days" => {
                within(self.days(30), Query { patient: self.patient(), events: vec![Event::RecordRead], ..none })
            }
            "address, a day" => {
                let ip = [198, 51, 100, 0].map(|part: u8| part | self.0.u8(..16));
                within(self.days(1), Query { ip: Some(std::net::Ipv4Addr::from(ip).into()), ..none })
            }
            "type, a day" => within(self.days(1), Query { events: vec![Event::DocumentOpened], ..none }),
            "refused, a week" => within(self.days(7), Query { became: Some(Became::Refused), ..none }),
            "one word" => Query { words: words(&["systemctl"]), ..none },
            "two words, 30 days" => within(self.days(30), Query { words: words(&["relation", "patient"]), ..none }),
            "a word that is nowhere" => Query { words: vec![format!("nowhere{}", self.0.u32(..))], ..none },
            "counts of an author, a year" => Query { author: self.author(), ..none },
            _ => none,
        }
    }
}
