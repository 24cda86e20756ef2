//! The index against a naive search of everything, on real journals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Counts, Cursor, Hit, Index, Limits, Query,
    chunk::day_of,
    terms::outcome_of,
    testing::{Told, World, write},
};
use crate::{Became, Kind, Outcome, Trace, entry::Body, read_traces};
use proptest::{collection::vec, option, prelude::*, sample::select};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use types::{Event, Time, TraceId};
use vault::MonthKeys;

const START: i64 = 1_790_000_000_000_000;
const SMALL: Limits = Limits { live_rows: 40, lag: 60, opened: 20_000 };

/// What the random traces are made of: few values, so that they meet.
fn told() -> impl Strategy<Value = Told> {
    let kind = select(vec![Kind::Released, Kind::Note, Kind::Refusal, Kind::Intent, Kind::Intent]);
    let event = select(vec![Event::SignIn, Event::RecordRead, Event::ResultRead, Event::Refused]);
    let of = (select(vec!["account:ana", "account:bo", "system.node"]), option::of(select(vec!["east", "west"])));
    let more = (
        vec(select(vec!["p1", "p2", "p3"]), 0..3),
        vec(select(vec!["result/r1", "document/d1"]), 0..2),
        option::of(select(vec!["192.0.2.1", "2001:db8::5", "2001:db8::"])),
        option::of(select(vec!["a wrong password", "the window is over", "Fenêtre"])),
    );
    // Half a day a step at most, so that days and months turn; sometimes the clock goes back.
    (kind, event, of, more, -3_000_000_000_i64..30_000_000_000).prop_map(|(kind, event, of, more, step)| Told {
        kind,
        event,
        trace: TraceId::from_bytes([0; 16]),
        outcome: None,
        time: Time::from_micros(step),
        body: Body {
            author: of.0.into(),
            establishment: of.1.map(Into::into),
            patients: more.0.into_iter().map(Into::into).collect(),
            objects: more.1.into_iter().map(Into::into).collect(),
            address: more.2.map(Into::into),
            detail: more.3.map(Into::into),
            ..Body::default()
        },
    })
}

fn query() -> impl Strategy<Value = Query> {
    let first = (
        option::of(select(vec!["ana", "account:bo", "system.node", "nobody"])),
        option::of(select(vec!["p1", "p2", "p9"])),
        option::of(select(vec!["192.0.2.1", "2001:db8::5", "203.0.113.9"])),
        vec(select(vec![Event::SignIn, Event::RecordRead]), 0..2),
        option::of(select(Became::ALL.to_vec())),
    );
    let second = (
        option::of(select(vec!["r1", "document/d1"])),
        option::of(select(vec![vec![None], vec![None, Some("east".to_owned())], vec![Some("west".to_owned())]])),
        option::of(0_i64..1_500),
        option::of(0_i64..1_500),
        vec(select(vec!["wrong", "WINDOW", "fenêtre", "password", "read", "00000000000000000000000003"]), 0..2),
    );
    (first, second).prop_map(|(first, second)| Query {
        author: first.0.map(Into::into),
        patient: first.1.map(Into::into),
        ip: first.2.map(|ip| ip.parse().unwrap()),
        events: first.3,
        became: first.4,
        object: second.0.map(Into::into),
        establishments: second.1,
        since: second.2.map(|hours| Time::from_micros(START + hours * 3_600_000_000)),
        until: second.3.map(|hours| Time::from_micros(START + hours * 3_600_000_000)),
        words: second.4.into_iter().map(Into::into).collect(),
    })
}

/// Gives the traces their moments and acts, and the intents their outcomes a while later, or never.
fn laid_out(steps: Vec<Told>, outcomes: &[Option<(usize, Outcome)>]) -> Vec<Told> {
    let (mut now, mut all, mut due) = (START, Vec::<Told>::new(), BTreeMap::<usize, Vec<Told>>::new());
    for (number, mut told) in steps.into_iter().enumerate() {
        now += told.time.micros();
        told.time = Time::from_micros(now);
        told.trace = TraceId::from_bytes(u128::try_from(number + 1).unwrap().to_be_bytes());
        if let (Kind::Intent, Some((later, outcome))) = (told.kind, outcomes[number % outcomes.len()]) {
            let body = Body { author: told.body.author.clone(), ..Body::default() };
            let said = Told { kind: Kind::Outcome, outcome: Some(outcome), body, ..told.clone() };
            due.entry(number + later).or_default().push(said);
        }
        all.push(told);
        for mut said in due.remove(&number).unwrap_or_default() {
            said.time = Time::from_micros(now);
            all.push(said);
        }
    }
    all
}

/// Everything that is in the journal and may be shown, newest first.
fn naive(world: &World, origin: &str) -> Vec<Hit> {
    let all = read_traces(&world.journals().join(origin), &world.months, 0..u64::MAX).unwrap();
    let outcomes: BTreeMap<TraceId, Outcome> =
        all.iter().filter_map(|trace| Some((trace.trace, trace.outcome?))).collect();
    let shown = all.into_iter().filter(|trace| !matches!(trace.kind, Kind::Outcome | Kind::SealKey));
    let told = |trace: Trace| {
        let later = (trace.kind == Kind::Intent).then(|| outcomes.get(&trace.trace).copied()).flatten();
        Trace { outcome: outcome_of(trace.kind, later), ..trace }
    };
    let mut hits: Vec<Hit> = shown.map(|trace| Hit { origin: origin.into(), trace: told(trace) }).collect();
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.cursor()));
    hits
}

fn all_pages(index: &mut Index, query: &Query, limit: usize) -> Vec<Hit> {
    let (mut all, mut before): (Vec<Hit>, Option<Cursor>) = (Vec::new(), None);
    for _ in 0..10_000 {
        let found = index.search(query, before.as_ref(), limit).unwrap();
        assert!(found.hits.len() <= limit);
        assert_eq!(found.unreadable, 0);
        all.extend(found.hits);
        before = found.next;
        if before.is_none() {
            return all;
        }
    }
    panic!("the pages never end");
}

fn naive_counts(hits: &[Hit]) -> BTreeMap<(i64, Event), u64> {
    let mut cells = BTreeMap::new();
    for hit in hits {
        *cells.entry((day_of(hit.trace.time.micros()), hit.trace.event)).or_default() += 1;
    }
    cells
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_index_finds_what_a_naive_search_finds(
        steps in vec(told(), 1..260),
        outcomes in vec(option::of((0_usize..9, select(vec![Outcome::Done, Outcome::Refused, Outcome::Failed]))), 1..7),
        queries in vec(query(), 1..12),
        cuts in vec(0_usize..300, 0..4),
        limit in 1_usize..40,
    ) {
        let world = World::new();
        let all = laid_out(steps, &outcomes);
        run(async {
            let (log, other) = (world.log("node"), world.log("other"));
            let mut index = world.index(SMALL);
            let mut from = 0;
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (all.len() + 1)).collect();
            ends.push(all.len());
            ends.sort_unstable();
            for (turn, end) in ends.into_iter().enumerate() {
                write(&world, if turn == 1 { &other } else { &log }, &all[from..end]).await;
                from = end;
                while !index.catch_up(64).unwrap() {}
                // Every other time the index is left without a word, as by a crash, or settled.
                if turn % 2 == 1 {
                    index.settle().unwrap();
                }
                index = world.index(SMALL);
                while !index.catch_up(1000).unwrap() {}
            }
            let mut expected = naive(&world, "node");
            expected.extend(naive(&world, "other"));
            expected.sort_by_key(|hit| std::cmp::Reverse(hit.cursor()));
            let shown: Vec<(&str, u64)> = expected.iter().map(|hit| (hit.origin.as_str(), hit.trace.index)).collect();
            for index_of in 0..600 {
                let is = index.one(&Query::default(), "node", index_of).unwrap().is_some();
                assert_eq!(is, shown.contains(&("node", index_of)), "{index_of}");
            }
            assert_eq!(index.one(&Query::default(), "nowhere", 1).unwrap(), None);
            for query in queries.iter().chain([&Query::default()]) {
                let wanted: Vec<Hit> = expected.iter().filter(|hit| query.admits(&hit.trace)).cloned().collect();
                let found = all_pages(&mut index, query, limit);
                assert_eq!(found, wanted, "{query:?}");
                for hit in &wanted {
                    assert_eq!(index.one(query, &hit.origin, hit.trace.index).unwrap().as_ref(), Some(hit));
                }
                // Late outcomes are not among a row's terms: an intent is then counted under none.
                if query.became.is_none() {
                    assert_eq!(index.counts(query).unwrap(), Counts { cells: naive_counts(&wanted), unreadable: 0 });
                }
            }
            log.close().await.unwrap();
            other.close().await.unwrap();
        });
    }
}

/// What of the index's files is left after something is done to them is never wrong: it is read again.
#[test]
fn what_is_missing_or_altered_is_made_again() {
    let world = World::new();
    run(async {
        let log = world.log("node");
        let all: Vec<Told> = (0..300_u32).map(plain).collect();
        write(&world, &log, &all).await;
        let mut index = world.index(SMALL);
        while !index.catch_up(50).unwrap() {}
        index.settle().unwrap();
        let expected = all_pages(&mut index, &Query::default(), 100);
        assert_eq!(expected.len(), 300);
        drop(index);
        let folder = world.folder.path().join("index/node");
        let files = || -> Vec<PathBuf> {
            let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
            files.sort();
            files
        };
        assert!(files().len() > 3, "several chunks and a manifest");
        for number in 0..6 {
            for harm in 0..3 {
                let all = files();
                let path = all[number % all.len()].clone();
                let bytes = std::fs::read(&path).unwrap();
                match harm {
                    0 => std::fs::remove_file(&path).unwrap(),
                    1 => std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
                    _ => {
                        let mut altered = bytes.clone();
                        altered[60] ^= 1;
                        std::fs::write(&path, &altered).unwrap();
                    }
                }
                let mut index = world.index(SMALL);
                while !index.catch_up(50).unwrap() {}
                assert_eq!(all_pages(&mut index, &Query::default(), 100), expected, "{path:?}, harm {harm}");
                index.settle().unwrap();
            }
        }
        // A page that was altered is seen when it is read, and nothing false is shown.
        let path = files().into_iter().find(|path| !path.ends_with("manifest")).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let mut index = world.index(SMALL);
        while !index.catch_up(1000).unwrap() {}
        assert!(index.search(&Query::default(), None, 300).is_err());
        std::fs::write(folder.join("stray"), b"left by a stop").unwrap();
        drop(world.index(SMALL).catch_up(1));
        assert!(!folder.join("stray").exists());
        log.close().await.unwrap();
    });
}

fn plain(number: u32) -> Told {
    Told {
        kind: Kind::Note,
        event: Event::SignIn,
        trace: TraceId::from_bytes(u128::from(number).to_be_bytes()),
        outcome: None,
        time: Time::from_micros(START + i64::from(number) * 1_000_000),
        body: Body { author: format!("account:{}", number % 7), detail: Some("secretword".into()), ..Body::default() },
    }
}

/// A month whose key is destroyed takes what could be found of it along; what remains says how many there were.
#[test]
fn a_month_goes_with_its_key() {
    month_goes(|(_, months), pair| {
        assert!(months.destroy(pair).unwrap());
    });
    month_goes(|(folder, _), pair| {
        std::fs::remove_file(folder.join(format!("{pair}.pair"))).unwrap();
    });
    // A backup brings the pair back, beside the mark that it was destroyed.
    month_goes(|(folder, months), pair| {
        let file = folder.join(format!("{pair}.pair"));
        let bytes = std::fs::read(&file).unwrap();
        assert!(months.destroy(pair).unwrap());
        std::fs::write(file, bytes).unwrap();
    });
}

fn month_goes(go: impl Fn((&Path, &MonthKeys), &str)) {
    let world = World::new();
    run(async {
        let log = world.log("node");
        let month = 31 * 86_400_000_000;
        let all: Vec<Told> = (0..100_u32)
            .map(|number| {
                let told = plain(number);
                let later = if number < 60 { told.time.micros() } else { told.time.micros() + month };
                Told { time: Time::from_micros(later), ..told }
            })
            .collect();
        write(&world, &log, &all).await;
        let mut index = world.index(SMALL);
        while !index.catch_up(50).unwrap() {}
        index.settle().unwrap();
        let word = Query { words: vec!["secretword".into()], ..Query::default() };
        assert_eq!(index.search(&word, None, 300).unwrap().hits.len(), 100);
        let (gone, _) = crate::seal::month_of(Time::from_micros(START)).unwrap();
        let pairs = world.months.list().unwrap();
        let of_month: Vec<_> = pairs.iter().filter(|pair| pair.name.ends_with(&gone)).collect();
        assert!(!of_month.is_empty());
        let months = world.folder.path().join("months");
        of_month.iter().for_each(|pair| go((&months, &world.months), &pair.name));
        for round in 0..3 {
            while !index.catch_up(50).unwrap() {}
            let found = index.search(&word, None, 300).unwrap();
            assert_eq!((found.hits.len(), found.unreadable), (40, 60), "round {round}");
            assert_eq!(index.counts(&word).unwrap().unreadable, 60);
            // At first the index that was open; then one that finds its files; then one that has none.
            if round == 1 {
                std::fs::remove_dir_all(world.folder.path().join("index")).unwrap();
            }
            index = world.index(SMALL);
        }
        log.close().await.unwrap();
    });
}

/// An older journal put back: the index does not show what is no longer there.
#[test]
fn an_older_journal_is_indexed_afresh() {
    let world = World::new();
    run(async {
        let log = world.log("node");
        write(&world, &log, &(0..40).map(plain).collect::<Vec<_>>()).await;
        log.clone().close().await.unwrap();
        let (kept, here) = (world.folder.path().join("kept"), world.journals().join("node"));
        copy(&here, &kept);
        drop(log);
        let log = world.log("node");
        write(&world, &log, &(40..90).map(plain).collect::<Vec<_>>()).await;
        log.close().await.unwrap();
        let mut index = world.index(SMALL);
        while !index.catch_up(1000).unwrap() {}
        index.settle().unwrap();
        assert_eq!(index.search(&Query::default(), None, 300).unwrap().hits.len(), 90);
        std::fs::remove_dir_all(&here).unwrap();
        copy(&kept, &here);
        for mut index in [index, world.index(SMALL)] {
            while !index.catch_up(1000).unwrap() {}
            assert_eq!(index.search(&Query::default(), None, 300).unwrap().hits.len(), 40);
        }
    });
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target)
        } else {
            std::fs::copy(item.path(), target).map(|_| ()).unwrap()
        }
    }
}

#[test]
fn what_the_disk_refuses_once_is_lost_to_no_search() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = runtime.block_on(async { world.log("node") });
    let told = |number: u32| Told {
        kind: Kind::Note,
        event: Event::SignIn,
        trace: TraceId::from_bytes(u128::from(number).to_be_bytes()),
        outcome: None,
        time: Time::from_micros(START + i64::from(number)),
        body: Body { author: "account:ana".into(), ..Body::default() },
    };
    let grow = |numbers: std::ops::Range<u32>| {
        runtime.block_on(write(&world, &log, &numbers.map(told).collect::<Vec<_>>()));
        while crate::log::published(&world.journals().join("node")).unwrap() < log.entries() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    grow(0..100);
    let mut index = world.index(SMALL);
    while !index.catch_up(30).unwrap() {}
    // Its folder takes nothing for a while: neither where a chunk is full nor where room is made.
    let (folder, aside) = (world.folder.path().join("index/node"), world.folder.path().join("aside"));
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "").unwrap();
    grow(100..200);
    assert!((0..20).any(|_| index.catch_up(30).is_err()), "nothing had to be written");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    while !index.catch_up(30).unwrap() {}
    assert_eq!(all_pages(&mut index, &Query::default(), 50), naive(&world, "node"));
    runtime.block_on(log.close()).unwrap();
}

/// Signed in by somebody, a moment after the others.
fn signed_in(kind: Kind, number: u32, outcome: Option<Outcome>) -> Told {
    Told {
        kind,
        event: Event::SignIn,
        trace: TraceId::from_bytes(u128::from(number).to_be_bytes()),
        outcome,
        time: Time::from_micros(START + i64::from(number)),
        body: Body { author: "account:ana".into(), ..Body::default() },
    }
}

fn until_published(log: &crate::log::Log, folder: &Path) {
    while crate::log::published(folder).unwrap() < log.entries() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn of_two_late_outcomes_the_first_one_counts() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = runtime.block_on(async { world.log("node") });
    let late = |number: u32, outcome: Outcome| {
        let mut told = signed_in(Kind::Outcome, 1, Some(outcome));
        // Long after the intent has left memory.
        told.time = Time::from_micros(START + 90_000_000 + i64::from(number));
        told
    };
    let mut all = vec![signed_in(Kind::Intent, 1, None)];
    all.extend((2..100).map(|number| {
        let mut told = signed_in(Kind::Note, number, None);
        told.time = Time::from_micros(START + 80_000_000 + i64::from(number));
        told
    }));
    all.push(late(100, Outcome::Done));
    all.extend((101..300).map(|number| late(number, Outcome::Failed)));
    runtime.block_on(write(&world, &log, &all));
    until_published(&log, &world.journals().join("node"));
    let mut index = world.index(SMALL);
    while !index.catch_up(30).unwrap() {}
    let hits = all_pages(&mut index, &Query::default(), 50);
    let intent = hits.iter().find(|hit| hit.trace.kind == Kind::Intent).unwrap();
    assert_eq!(intent.trace.outcome, Some(Outcome::Done));
    runtime.block_on(log.close()).unwrap();
}

#[test]
fn a_followed_journal_chooses_neither_memory_nor_names() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::fs::create_dir_all(world.journals()).unwrap();
    let followed = world.folder.path().join("followed");
    let folder = followed.join("journal/dmz");
    let signer = crate::log::Signer::from_seed("dmz", &[9; 32]).unwrap();
    let log = runtime.block_on(async {
        crate::log::Log::open(crate::log::LogConfig::new(folder.clone(), signer), Time::from_micros(0)).unwrap().log
    });
    // An intent that never has an outcome stands first; each establishment has a name of its own, as long as it may be.
    let all: Vec<Told> = (1..400)
        .map(|number| {
            let kind = if number == 1 { Kind::Intent } else { Kind::Note };
            let mut told = signed_in(kind, number, None);
            told.body.establishment = Some(format!("{number}{}", "x".repeat(30_000)));
            told
        })
        .collect();
    for some in all.chunks(10) {
        runtime.block_on(write(&world, &log, some));
    }
    until_published(&log, &folder);
    let vault = followed.join("vault/dmz");
    std::fs::create_dir_all(&vault).unwrap();
    for pair in std::fs::read_dir(world.folder.path().join("months")).unwrap() {
        let pair = pair.unwrap();
        std::fs::copy(pair.path(), vault.join(pair.file_name())).unwrap();
    }
    let mut index = world.index(SMALL).following(&followed);
    for _ in 0..100 {
        index.catch_up(30).unwrap();
        let origin = &index.origins["dmz"];
        assert_eq!(origin.fault, None);
        let rows: usize = origin.buffers.values().map(|buffer| buffer.rows.len()).sum();
        let names: usize = origin.buffers.values().flat_map(|buffer| &buffer.establishments).map(String::len).sum();
        assert!(rows <= SMALL.live_rows && names < 1_000, "{rows} rows, {names} bytes of names");
    }
    assert!(index.has_followed());
    let hits = all_pages(&mut index, &Query::default(), 50);
    assert_eq!(hits.len(), 399, "what is said is shown as it was said");
    runtime.block_on(log.close()).unwrap();
}
