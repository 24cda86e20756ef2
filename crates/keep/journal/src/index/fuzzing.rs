//! The index's files, for [`crate::fuzzing`]. Somebody who holds the index's key wrote them: all of it lies behind a seal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Counts, Cursor, Query,
    chunk::{self, Row, Rows as _},
    count,
    filter::Filter,
    manifest::{Manifest, tagged},
    pairs::pair,
    read::{Chunk, Pages},
    sealed::{Header, Sealed, written},
    search::{bounds, fitting, may_fit},
    set::{self, ROWS_MAX},
    terms::{Field, Tokens},
};
use crate::{
    Became, Kind, Outcome,
    fuzzing::{file_of, same},
};
use minicbor::bytes::ByteVec;
use std::{path::Path, sync::LazyLock};
use types::{Event, Time};
use vault::{Holder, Keys, MasterKey, random};

/// Made anew by each process: it is not in what a fuzzer keeps.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let name: String = random::<8>().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = std::env::temp_dir().join(format!("poterne-fuzzing-{name}"));
    let master = MasterKey::create(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    master.keys_for(Holder::TraceReader)
});
static TOKENS: LazyLock<Tokens> = LazyLock::new(|| Tokens::new(&[1; 16]));
const SECRET: [u8; 32] = [4; 32];
const BEGAN: i64 = 1_790_000_000_000_000;
/// Rows that are read one by one of what a search finds.
const LOOKED_AT: usize = 64;

/// A chunk's header, with its tag.
pub fn index_header(bytes: &[u8]) {
    assert!(Sealed::of(file_of(bytes), &KEYS).is_err(), "a header that nobody made");
    let pages = minicbor::decode::<Header>(bytes).map_or(0, |header| header.bytes.div_ceil(4096));
    let mut file = written(bytes, &[], &KEYS, None).unwrap();
    file.resize(file.len() + usize::try_from(pages.min(4)).unwrap() * (4096 + 16), 0);
    let Ok(sealed) = Sealed::of(file_of(&file), &KEYS) else { return };
    assert!(sealed.header.rows as usize <= ROWS_MAX);
    let again: Header = minicbor::decode(&minicbor::to_vec(&sealed.header).unwrap()).unwrap();
    assert_eq!(again, sealed.header);
    let cipher = sealed.unlocked(&KEYS, &SECRET).unwrap();
    assert!(sealed.page(&cipher, 0).is_err(), "a page that nobody sealed");
}

/// The manifest, with its tag.
pub fn index_manifest(bytes: &[u8]) {
    assert_eq!(Manifest::decode(bytes, "node", &KEYS), None, "a manifest that nobody made");
    let Some(manifest) = Manifest::decode(&tagged(bytes.to_vec(), &KEYS).unwrap(), "node", &KEYS) else { return };
    assert_eq!(manifest.origin, "node");
    let again = tagged(minicbor::to_vec(&manifest).unwrap(), &KEYS).unwrap();
    assert_eq!(Manifest::decode(&again, "node", &KEYS), Some(manifest));
}

/// A filter, which is asked for terms.
pub fn index_filter(bytes: &[u8]) {
    let Ok(filter) = minicbor::decode::<Filter>(bytes) else { return };
    let again: Filter = minicbor::decode(&minicbor::to_vec(&filter).unwrap()).unwrap();
    let asked = (0..200)
        .chain(bytes.windows(6).take(200).map(|six| six.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))));
    asked.for_each(|term| assert_eq!(filter.may_hold(term), again.may_hold(term)));
}

/// A list of rows, after their number.
pub fn index_list(bytes: &[u8]) {
    let Some((count, list)) = bytes.split_first_chunk::<2>() else { return };
    let count = usize::from(u16::from_le_bytes(*count)) + 1;
    let Some(set) = set::read(list, count) else { return };
    let rows: Vec<u16> = set.rows().collect();
    assert!(count > 4096 || (!rows.is_empty() && rows.len() <= count));
    let mut again = Vec::new();
    set::write(&rows, &mut again);
    assert!(again.len() <= set::bytes_max(rows.len()));
    assert!(set::read(&again, rows.len()).unwrap().rows().eq(rows.iter().copied()));
    assert_eq!(set.before(ROWS_MAX), rows.last().copied());
}

/// A chunk: how many rows it says it has and of what time, then its clear bytes, sealed here as they would be.
pub fn index_chunk(bytes: &[u8]) {
    let Some((rows, rest)) = bytes.split_first_chunk::<2>() else { return };
    let Some((earliest, rest)) = rest.split_first_chunk::<8>() else { return };
    let Some((latest, clear)) = rest.split_first_chunk::<8>() else { return };
    let header = Header {
        rows: u32::from(u16::from_le_bytes(*rows)) + 1,
        earliest: i64::from_le_bytes(*earliest),
        latest: i64::from_le_bytes(*latest),
        bytes: clear.len() as u64,
        ..plain()
    };
    let file = written(&minicbor::to_vec(&header).unwrap(), clear, &KEYS, Some(&SECRET)).unwrap();
    let sealed = Sealed::of(file_of(&file), &KEYS).unwrap();
    let cipher = sealed.unlocked(&KEYS, &SECRET).unwrap();
    let mut chunk = Chunk::of(sealed, Path::new(""), 1);
    if chunk.open_with(cipher).is_err() {
        return;
    }
    let mut pages = Pages::default();
    let mut reading = chunk.opened(&mut pages).unwrap();
    for query in queries() {
        let terms = query.terms_to_find(&TOKENS);
        let mut counts = Counts::default();
        let _ = count::chunk(&mut reading, &query, &terms, &TOKENS, &mut counts);
        let _ = may_fit(&reading, &terms);
        let Ok((low, high)) = bounds(&mut reading, &query) else { continue };
        assert!(low <= reading.count() && high <= reading.count());
        if let Ok(Some(set)) = fitting(&mut reading, &query, &terms, &TOKENS) {
            set.rows().take(LOOKED_AT).for_each(|row| drop(reading.row(row.into())));
        }
        (low..high).take(LOOKED_AT).for_each(|place| drop(reading.row(place)));
    }
    let _ = reading.whats();
}

/// Where a page of what was found ended.
pub fn cursor(bytes: &[u8]) {
    same(bytes, str::parse::<Cursor>);
    same(bytes, str::parse::<crate::retention::Month>);
    let policy = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<crate::stamp::Policy>().ok());
    assert!(policy.is_none_or(|policy| policy.to_string().parse() == Ok(policy)));
}

fn plain() -> Header {
    Header {
        origin: "node".into(),
        group: "health-2026-09".into(),
        from: 3,
        to: 90,
        rows: 4,
        earliest: 1,
        latest: 2,
        secret: vec![],
        bytes: 0,
    }
}

fn queries() -> [Query; 5] {
    let since = Some(Time::from_micros(BEGAN + 40_000_000));
    [
        Query::default(),
        Query { events: vec![Event::SignIn], establishments: Some(vec![Some("north".to_owned())]), ..Query::default() },
        Query { author: Some("account:7".to_owned()), since, ..Query::default() },
        Query { became: Some(Became::Unknown), establishments: Some(vec![None]), ..Query::default() },
        Query { since, until: Some(Time::from_micros(BEGAN + 90_000_000)), ..Query::default() },
    ]
}

pub(crate) fn header_seeds() -> Vec<Vec<u8>> {
    let full = Header { secret: vec![6; 80], bytes: 5000, ..plain() };
    [plain(), full].iter().map(|header| minicbor::to_vec(header).unwrap()).collect()
}

pub(crate) fn manifest_seeds() -> Vec<Vec<u8>> {
    let manifest = Manifest {
        origin: "node".to_owned(),
        resume: 300,
        chunks: vec!["health-2026-09.0000000000000003.000000000000005a".to_owned()],
        keys: vec![ByteVec::from(vec![1; 40])],
    };
    vec![minicbor::to_vec(&manifest).unwrap()]
}

pub(crate) fn filter_seeds() -> Vec<Vec<u8>> {
    let filters = [Filter::of(&(0..100).collect::<Vec<_>>()), Filter::of(&[7]), Filter::default()];
    filters.iter().map(|filter| minicbor::to_vec(filter).unwrap()).collect()
}

pub(crate) fn list_seeds() -> Vec<Vec<u8>> {
    let list = |rows: &[u16]| {
        let mut bytes = u16::try_from(rows.len() - 1).unwrap().to_le_bytes().to_vec();
        set::write(rows, &mut bytes);
        bytes
    };
    vec![list(&[0, 1, 200, 20_000, 65_535]), list(&(0..5000).collect::<Vec<_>>())]
}

pub(crate) fn chunk_seeds() -> Vec<Vec<u8>> {
    let chunk = |count: u16| {
        let row = |number: u16| Row {
            time: BEGAN + i64::from(number) * 1_000_000,
            index: 3 + u64::from(number),
            offset: u32::from(number) * 90,
            event: if number.is_multiple_of(3) { Event::SignIn } else { Event::SealKey },
            establishment: u8::from(number.is_multiple_of(2)),
            kind: if number.is_multiple_of(5) { Kind::Intent } else { Kind::Note },
            outcome: (!number.is_multiple_of(5)).then_some(Outcome::Done),
        };
        let rows: Vec<Row> = (0..count).map(row).collect();
        let mut pairs = Vec::new();
        for (number, row) in (0..).zip(&rows) {
            let name = ["north", ""][usize::from(row.establishment)];
            pairs.push(pair(TOKENS.token(Field::Event, row.event.as_str()), number));
            pairs.push(pair(TOKENS.token(Field::Establishment, name), number));
            pairs.push(pair(TOKENS.token(Field::Author, &(number % 90).to_string()), number));
            pairs.push(pair(TOKENS.open(), number));
        }
        let establishments = ["north".to_owned(), String::new()];
        let clear = chunk::build(&rows, pairs, &establishments, vec![vec![1; 30]]).unwrap();
        let latest = rows.last().unwrap().time;
        [&(count - 1).to_le_bytes()[..], &BEGAN.to_le_bytes(), &latest.to_le_bytes(), &clear].concat()
    };
    let lost = astray(&chunk(12));
    vec![chunk(1), chunk(12), chunk(200), lost]
}

/// A chunk whose description leads past every end.
fn astray(chunk: &[u8]) -> Vec<u8> {
    let (said, clear) = chunk.split_at(18);
    let end = usize::try_from(u64::from_le_bytes(*clear.first_chunk().unwrap())).unwrap();
    let far = u64::MAX - 2;
    let meta: chunk::Meta = minicbor::decode(&clear[end..]).unwrap();
    let meta = chunk::Meta {
        moments_at: far,
        places_at: far,
        whats_at: far,
        singles_at: far,
        singles: far,
        several_at: far,
        several: far,
        lists_at: far,
        ..meta
    };
    [said, &clear[..end], &minicbor::to_vec(&meta).unwrap()].concat()
}

pub(crate) fn cursor_seeds() -> Vec<Vec<u8>> {
    ["1790000000000000.7.node-2", "-5.0.a", "2026-11", "1.2.3.4.1"].map(|text| text.as_bytes().to_vec()).to_vec()
}
