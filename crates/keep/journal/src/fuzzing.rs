//! What must be true of whatever a decoder is given: for the fuzzers of `fuzz/`, and for a test that mutates the same seeds.
//!
//! Nothing panics; what is read is written the same; what is signed is taken as it was signed or not at all. Keys are
//! fixed: what a fuzzer keeps serves the next one. Where a seal or a signature would hide a decoder, the input is sealed or
//! signed first, as somebody who holds the key could.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::{
    Kind, Outcome,
    entry::{self, Body, Header, join, split},
    keyring::Keyring,
    log::{
        fuzzing::{archived, verified},
        tiles::{Entries, push_entry},
    },
    retention::{Book, Change, Gone, KeptDecision, KeptProposal, Ledger, Purged, Raised, Sealed, Snapshot, Statement},
};
use std::{fs::File, os::unix::fs::FileExt as _};
use types::{ClockState, Event, Family, Time, TraceId};

use crate::{index::fuzzing as index, log::fuzzing as log, stamp::fuzzing as stamps, witness::fuzzing as witness};
pub use crate::{
    index::fuzzing::{cursor, index_chunk, index_filter, index_header, index_list, index_manifest},
    log::fuzzing::{
        archive, archive_signed, bundle, checkpoint, key, keys, minimum, name, note, proof, reserve, segment,
    },
    stamp::fuzzing::{stamp, stamp_trust},
    witness::fuzzing::{witness_reply, witness_request},
};

/// A decoder: its name, what must be true of whatever it is given, valid inputs.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// Every decoder of this crate.
pub const TARGETS: &[Target] = &[
    ("entry", entry, entry_seeds),
    ("body", body, body_seeds),
    ("statement", statement, statement_seeds),
    ("entries", entries, entries_seeds),
    ("note", note, log::note_seeds),
    ("checkpoint", checkpoint, log::checkpoint_seeds),
    ("keys", keys, log::keys_seeds),
    ("minimum", minimum, log::minimum_seeds),
    ("key", key, log::key_seeds),
    ("proof", proof, log::proof_seeds),
    ("name", name, log::name_seeds),
    ("bundle", bundle, log::bundle_seeds),
    ("segment", segment, log::segment_seeds),
    ("reserve", reserve, log::reserve_seeds),
    ("archive", archive, log::archive_seeds),
    ("archive_signed", archive_signed, log::archive_seeds),
    ("witness_request", witness_request, witness::request_seeds),
    ("witness_reply", witness_reply, witness::reply_seeds),
    ("stamp", stamp, stamps::stamp_seeds),
    ("stamp_trust", stamp_trust, stamps::trust_seeds),
    ("index_header", index_header, index::header_seeds),
    ("index_manifest", index_manifest, index::manifest_seeds),
    ("index_filter", index_filter, index::filter_seeds),
    ("index_list", index_list, index::list_seeds),
    ("index_chunk", index_chunk, index::chunk_seeds),
    ("cursor", cursor, index::cursor_seeds),
];

/// A file in memory.
pub(crate) fn file_of(bytes: &[u8]) -> File {
    let file = File::from(rustix::fs::memfd_create("fuzzing", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    file.write_all_at(bytes, 0).unwrap();
    file
}

/// What is read from a text is written to the very same text.
pub(crate) fn same<T: ToString, E>(bytes: &[u8], parse: impl Fn(&str) -> Result<T, E>) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(value) = parse(text)
    {
        assert_eq!(value.to_string(), text);
    }
}

/// An entry, header and body.
pub fn entry(bytes: &[u8]) {
    let header = entry::header(bytes);
    let Ok(parts) = split(bytes) else { return assert!(header.is_err(), "a header of what is no entry") };
    assert_eq!(header.as_ref(), Ok(&parts.header), "the two readers of a header agree");
    assert!(parts.header_bytes.len() + parts.body.len() < bytes.len());
    let again = split(&join(parts.header.encode(), parts.body.clone())).unwrap();
    assert_eq!((again.header, again.body), (parts.header, parts.body));
}

/// The opened body of an entry.
pub fn body(bytes: &[u8]) {
    let Ok(body) = Body::decode(bytes) else { return };
    let texts = body.patients.iter().chain(&body.objects).map(String::len).sum::<usize>();
    assert!(texts + body.author.len() <= bytes.len());
    assert_eq!(Body::decode(&body.encode()), Ok(body));
}

/// What the journal says of its own retention.
pub fn statement(bytes: &[u8]) {
    let Some(statement) = Statement::decode(bytes) else { return };
    assert_eq!(Statement::decode(&statement.encode()).as_ref(), Some(&statement));
    // Whatever it carries is taken as far as it makes sense, and carried on the same.
    if let Statement::Raised(raised) = statement {
        let newest = Time::from_micros(raised.standing.newest_micros);
        let book = Book::of_snapshot(&raised.standing);
        let again = book.snapshot(newest);
        assert_eq!(Book::of_snapshot(&again).snapshot(newest), again);
        for family in Family::ALL {
            assert!(book.retention_months(*family, newest) >= family.retention_months_min());
        }
        let _ = (raised.term(), raised.is_sound());
    }
}

/// A journal of these entries (a bundle), which its key signed: whatever they say, it is read, and verified.
pub fn entries(bytes: &[u8]) {
    let entries: Vec<&[u8]> = Entries::new(bytes).map_while(Result::ok).take(100).collect();
    let (mut ledger, mut keys) = (Ledger::default(), Keyring::default());
    let mut unreadable = false;
    for (index, entry) in (0..).zip(&entries) {
        let (before, noted) = (ledger.next, ledger.note(index, entry));
        unreadable |= noted.is_err();
        keys.add(entry);
        assert_eq!(ledger.next, if noted.is_ok() { index + 1 } else { before });
    }
    let at = ledger.age().newest().unwrap_or(Time::from_micros(0));
    let (_, _) = (ledger.book.proposals(at).count(), ledger.book.holds(at).count());
    for family in Family::ALL {
        assert!(ledger.book.retention_months(*family, at) >= family.retention_months_min());
    }
    let verdict = verified(&archived(&entries, entries.len() / 2)).expect("it is a log");
    assert!(verdict.entries <= entries.len() as u64);
    assert!(!(verdict.ok && unreadable), "an entry that cannot be read was verified");
    assert!(!verdict.ok || verdict.entries == entries.len() as u64, "entries are missing");
}

fn header(kind: Kind, outcome: Option<Outcome>) -> Header {
    Header {
        kind,
        event: Event::SignIn,
        time: Time::from_micros(1_790_000_000_000_000),
        clock: ClockState::Synchronized,
        trace: TraceId::from_bytes([1; 16]),
        outcome,
        seal_key: [2; 8],
        number: 77,
        salt: [3; 16],
        statement: None,
    }
}

/// An entry that says nothing but its number.
pub(crate) fn note_entry(number: u64) -> Vec<u8> {
    join(Header { number, ..header(Kind::Note, Some(Outcome::Done)) }.encode(), vec![9; 8])
}

fn entry_seeds() -> Vec<Vec<u8>> {
    let of = |kind, outcome| join(header(kind, outcome).encode(), vec![9; 40]);
    let mut all = vec![
        of(Kind::Intent, None),
        of(Kind::Outcome, Some(Outcome::Refused)),
        of(Kind::Released, Some(Outcome::Done)),
        of(Kind::SealKey, Some(Outcome::Done)),
    ];
    for statement in statement_seeds() {
        let header = Header { statement: Some(statement), ..header(Kind::Note, Some(Outcome::Done)) };
        all.push(join(header.encode(), vec![9; 20]));
    }
    all
}

fn body_seeds() -> Vec<Vec<u8>> {
    let patients = vec!["one".to_owned(), "two".to_owned()];
    let one = Body { author: "account:x".into(), role: Some("patient".into()), patients, ..Body::default() };
    let text = || Some("text".to_owned());
    let full = Body {
        establishment: text(),
        door: text(),
        session: text(),
        address: text(),
        purpose: text(),
        objects: vec!["result/1".to_owned()],
        target: text(),
        detail: text(),
        count: Some(3),
        ..one.clone()
    };
    vec![one.encode(), full.encode(), Body::default().encode()]
}

fn statement_seeds() -> Vec<Vec<u8>> {
    let (id, by) = ([1; 16], [2; 16]);
    let month = |text: &str| text.parse().unwrap();
    let hold = Change::Hold { family: Some(Family::Access), from: month("2026-01"), to: month("2026-03") };
    let sealed = vec![Sealed { origin: "node".into(), first: 3, last: 9, count: 5 }];
    let (pair, root, basis) = ("access-2026-01".to_owned(), [7; 32], "term".to_owned());
    let purged = Purged { pair: pair.clone(), sealed, size: 10, root, months: 12, term_micros: 5, basis };
    let all = [
        Statement::Proposed { id, by, change: Change::Retention { family: Family::Health, months: 240 } },
        Statement::Proposed { id: [3; 16], by, change: hold },
        Statement::Confirmed { id, by: [4; 16] },
        Statement::Confirmed { id: [3; 16], by: [4; 16] },
        Statement::Proposed { id: [5; 16], by, change: Change::Lift { hold: [3; 16] } },
        Statement::Proposed { id: [6; 16], by, change: Change::Extra { extra: types::Extra::Port, recorded: true } },
        Statement::Withdrawn { id: [5; 16], by },
        Statement::Purged(purged),
        Statement::Destroyed { pair },
        Statement::Carried { extras: [types::Extra::Calls].into_iter().collect() },
        Statement::Raised(Box::new(raised())),
        Statement::Pruned { minimum: 256 },
    ];
    all.iter().map(Statement::encode).collect()
}

fn raised() -> Raised {
    let month = |text: &str| text.parse().unwrap();
    let change = Change::Retention { family: Family::Health, months: 250 };
    let proposal = KeptProposal { id: [1; 16], by: [2; 16], at_micros: 7, change };
    let decision =
        KeptDecision { proposal: proposal.clone(), confirmed_by: [3; 16], at_micros: 8, counts_from_micros: 9 };
    let standing = Snapshot {
        newest_micros: 5,
        stray: 1,
        carried: Some([types::Extra::Calls].into_iter().collect()),
        decided: vec![decision],
        waiting: vec![proposal],
        announced: vec!["access-2026-01".into()],
        destroyed: vec![Gone { family: Family::Access, months: vec![24_312] }],
    };
    let (from, through, basis) = (month("2026-01"), month("2026-03"), "term".to_owned());
    Raised { minimum: 256, root: [7; 32], from, through, months: 240, basis, standing }
}

fn entries_seeds() -> Vec<Vec<u8>> {
    let bundle = |entries: &[Vec<u8>]| {
        let mut bundle = Vec::new();
        entries.iter().for_each(|entry| push_entry(&mut bundle, entry));
        bundle
    };
    let key = minicbor::to_vec(("access-2026-09", minicbor::bytes::ByteVec::from(vec![8; 80]))).unwrap();
    let mut all = vec![join(header(Kind::SealKey, Some(Outcome::Done)).encode(), key)];
    all.extend(entry_seeds());
    vec![bundle(&all[..1]), bundle(&entry_seeds()[..2]), bundle(&all)]
}

#[cfg(test)]
mod tests;
