//! What a hostile journal says, and when the copies of keys go.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::{
    Outcome,
    entry::{Header, join},
    retention::{Book, Change},
};
use minicbor::bytes::ByteVec;
use std::path::Path;
use types::{ClockState, Event, TraceId};
use vault::MasterKey;

const KEY: [u8; 8] = [7; 8];

fn month(name: &str) -> Month {
    name.parse().unwrap()
}

fn header(kind: Kind, event: Event, time: Time, seal_key: [u8; 8]) -> Header {
    let outcome = kind.outcome().or((kind == Kind::Note).then_some(Outcome::Done));
    let (trace, salt) = (TraceId::from_bytes([1; 16]), [0; 16]);
    Header { kind, event, time, clock: ClockState::Unknown, trace, outcome, seal_key, number: 0, salt, statement: None }
}

/// The entry that gives a key for a month; `sealed` bytes of it.
fn key(name: [u8; 8], group: &str, time: Time, sealed: usize) -> Vec<u8> {
    let header = header(Kind::SealKey, Event::SealKey, time, name);
    join(header.encode(), minicbor::to_vec((group, ByteVec::from(vec![0; sealed]))).unwrap())
}

fn note(event: Event, time: Time, seal_key: [u8; 8]) -> Vec<u8> {
    join(header(Kind::Note, event, time, seal_key).encode(), vec![0; 32])
}

/// Stated in November 2026, under the technical key of that month.
fn destroyed(pair: &str) -> Vec<u8> {
    let mut header = header(Kind::Note, Event::KeyDestroyed, month("2026-11").start(), KEY);
    header.statement = Some(Statement::Destroyed { pair: pair.into() }.encode());
    join(header.encode(), vec![0; 32])
}

fn begun() -> Said {
    let mut said = Said::default();
    said.see(&Said::default(), 0, &key(KEY, "technical-2026-11", month("2026-11").start(), 80)).unwrap();
    said
}

fn inside(at: &str, book: Book) -> Inside {
    Inside::with(month(at).start(), book)
}

fn held(family: Option<Family>, from: &str, to: &str) -> Book {
    let mut book = Book::default();
    let change = Change::Hold { family, from: month(from), to: month(to) };
    let at = month("2026-02").start();
    book.read(&Statement::Proposed { id: [1; 16], by: [1; 16], change }.encode(), at);
    book.read(&Statement::Confirmed { id: [1; 16], by: [2; 16] }.encode(), at);
    assert_eq!(book.holds(at).count(), 1);
    book
}

#[test]
fn what_no_node_writes_is_refused_whoever_signed_it() {
    let (now, next) = (month("2026-11").start(), month("2026-12").start());
    let known = begun();
    let refused = |entry: Vec<u8>| Said::default().see(&known, 9, &entry).unwrap_err();
    let impossible = |entry: Vec<u8>, what: &str| {
        let error = refused(entry);
        assert!(matches!(&error, FollowError::Impossible(why) if why.contains(what)), "{error}");
        assert!(error.is_alarm());
    };
    let family = Event::KeyDestroyed;
    assert_eq!(family.family(), Family::Technical);
    let mut good = Said::default();
    good.see(&known, 1, &note(family, now, KEY)).unwrap();
    good.see(&known, 2, &key([8; 8], "technical-2026-12", next, 80)).unwrap();
    good.see(&known, 3, &note(family, next, [8; 8])).unwrap();
    // A clock that was set back goes on under the key of its month.
    good.see(&known, 4, &note(family, now, KEY)).unwrap();
    impossible(note(family, now, [9; 8]), "no entry before it gives");
    impossible(note(family, next, KEY), "another family or month");
    for far in [i64::MIN, 0, i64::MAX] {
        impossible(note(family, Time::from_micros(far), KEY), "another family or month");
        impossible(key([9; 8], "technical-2026-11", Time::from_micros(far), 80), "another month than its own");
    }
    // What is outside any calendar is not of its first month either.
    let epoch = Time::from_micros(0);
    let old = month("1970-01");
    assert_eq!(Month::of(Time::from_micros(i64::MAX)), old);
    good.see(&known, 5, &key([0x70; 8], "technical-1970-01", epoch, 80)).unwrap();
    good.see(&known, 6, &note(family, epoch, [0x70; 8])).unwrap();
    for far in [i64::MIN, -1, i64::MAX] {
        let error = good.see(&known, 7, &note(family, Time::from_micros(far), [0x70; 8])).unwrap_err();
        assert!(matches!(error, FollowError::Impossible(_)), "{error}");
    }
    impossible(note(Event::SignIn, now, KEY), "another family or month");
    impossible(key(KEY, "technical-2026-11", now, 80), "a name that has one");
    impossible(key([9; 8], "technical-2026-11", now, 60_000), "too long for one");
    assert!(!matches!(refused(key([9; 8], "nothing", now, 80)), FollowError::Impossible(_)));
    assert!(good.see(&known, 5, &key([8; 8], "technical-2026-12", next, 80)).is_err(), "nor twice in one go");
}

#[test]
fn months_and_keys_are_bounded_over_all_that_came() {
    let first = month("2000-01");
    let group = |n: u16| format!("technical-{}", first.plus(n));
    let mut known = Said::default();
    let most = u16::try_from(PAIRS_MAX).unwrap();
    for n in 0..most {
        let entry = key(u64::from(n).to_be_bytes(), &group(n), first.plus(n).start(), 80);
        known.see(&Said::default(), u64::from(n), &entry).unwrap();
    }
    let one_more = key([0xff; 8], &group(most), first.plus(most).start(), 80);
    let error = Said::default().see(&known, 9, &one_more).unwrap_err();
    assert!(matches!(&error, FollowError::Impossible(why) if why.contains("more months")), "{error}");
    let again = key([0xff; 8], &group(0), first.start(), 80);
    Said::default().see(&known, 9, &again).unwrap();
}

/// A vault with these pairs, and the copies of it in the folders of these journals.
fn copied(folder: &Path, names: &[&str], journals: &[&str]) -> Vec<Pairs> {
    let master = MasterKey::create(&folder.join("master.key")).unwrap();
    let there = folder.join("vault");
    let theirs = MonthKeys::new(&there, &master).unwrap();
    for name in names {
        let (family, month) = name.split_once('-').unwrap();
        theirs.seal_to(family, month).unwrap();
    }
    let copy = |journal: &&str| {
        let mut pairs = Pairs::new(theirs.copied_in(&folder.join("copies").join(journal)));
        let mut said = begun();
        said.groups.extend(names.iter().map(|name| (*name).to_owned()));
        pairs.hear(said);
        for name in names {
            pairs.take(name, vault::pair_file(&there, name).as_deref());
        }
        pairs
    };
    journals.iter().map(copy).collect()
}

fn state(pairs: &mut Pairs, names: &[&str]) {
    let mut said = Said::default();
    names.iter().for_each(|name| said.see(pairs.said(), 1, &destroyed(name)).unwrap());
    pairs.hear(said);
}

#[test]
fn a_copy_goes_once_its_journal_says_so_and_its_time_here_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["access-2026-01", "access-2026-02", "health-2026-01"];
    let mut pairs = copied(folder.path(), &names, &["dmz"]).remove(0);
    assert!(pairs.tend(&inside("2026-12", Book::default())).unwrap().is_empty());
    state(&mut pairs, &["access-2026-01", "health-2026-01"]);
    // The floor is past, the retention here is not: it stays, and that is no dispute. The other one's floor is years away.
    assert_eq!(pairs.disputed(month("2026-12").start()), ["health-2026-01"]);
    assert!(pairs.tend(&inside("2026-12", Book::default())).unwrap().is_empty());
    let months = Book::default().retention_months(Family::Access, month("2027-01").start());
    assert_eq!(months, 12);
    assert!(pairs.tend(&inside("2027-01", Book::default())).unwrap().is_empty(), "its last day is not over");
    // A hold here keeps it; a clock or a book that is not relied on too.
    let held = held(Some(Family::Access), "2026-01", "2026-01");
    assert!(pairs.tend(&inside("2027-02", held)).unwrap().is_empty());
    assert!(pairs.tend(&Inside::uncertain(month("2050-01").start())).unwrap().is_empty());
    assert!(pairs.months.has("access-2026-01"));
    assert_eq!(pairs.tend(&inside("2027-02", Book::default())).unwrap(), ["access-2026-01"]);
    assert!(!pairs.months.is_there("access-2026-01") && pairs.months.has("access-2026-02"));
    assert!(pairs.tend(&inside("2027-02", Book::default())).unwrap().is_empty(), "once");
    // It is not asked for again, and does not come back.
    assert!(!pairs.missing(&BTreeSet::new()).iter().any(|name| name.starts_with("access")));
    pairs.take("access-2026-01", vault::pair_file(&folder.path().join("vault"), "access-2026-01").as_deref());
    assert!(!pairs.months.has("access-2026-01"));
}

#[test]
fn a_journal_that_says_nothing_keeps_no_copy_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut pairs = copied(folder.path(), &["access-2026-01"], &["dmz"]).remove(0);
    assert!(pairs.tend(&inside("2027-04", Book::default())).unwrap().is_empty());
    let held = held(None, "2025-12", "2026-03");
    assert!(pairs.tend(&inside("2027-05", held)).unwrap().is_empty());
    assert_eq!(pairs.tend(&inside("2027-05", Book::default())).unwrap(), ["access-2026-01"]);
}

#[test]
fn what_a_stop_or_a_backup_leaves_of_a_destroyed_copy_goes_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut pairs = copied(folder.path(), &["access-2026-01"], &["dmz"]).remove(0);
    let file = folder.path().join("copies/dmz/access-2026-01.pair");
    let bytes = std::fs::read(&file).unwrap();
    state(&mut pairs, &["access-2026-01"]);
    let over = inside("2027-02", Book::default());
    assert_eq!(pairs.tend(&over).unwrap().len(), 1);
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(pairs.tend(&over).unwrap().len(), 1);
    assert!(!file.exists());
}

#[test]
fn the_copies_that_other_journals_of_the_same_node_have_go_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = copied(folder.path(), &["access-2026-01"], &["dmz", "dmz-operator"]);
    // A pair of the same name that is another's.
    let other = tempfile::tempdir().unwrap();
    copied(other.path(), &["access-2026-01"], &[]);
    let stranger = folder.path().join("copies/elsewhere");
    std::fs::create_dir(&stranger).unwrap();
    std::fs::copy(other.path().join("vault/access-2026-01.pair"), stranger.join("access-2026-01.pair")).unwrap();
    state(&mut all[0], &["access-2026-01"]);
    assert_eq!(all[0].tend(&inside("2027-02", Book::default())).unwrap().len(), 1);
    assert!(!all[1].months.is_there("access-2026-01") && all[1].months.is_destroyed("access-2026-01"));
    assert!(stranger.join("access-2026-01.pair").exists());
}
