//! Every decoder of the journal over a seeded stream of mutated valid inputs: none panics, what is signed is taken as it
//! was signed or not at all, and what is read is written the same.
//!
//! `POTERNE_FUZZ_ROUNDS` asks for more rounds, `POTERNE_SEED` for others; a failure tells the decoder and its input.

use super::now;
use crate::{
    Kind, Outcome,
    entry::{Body, Header, join, split},
    log::{
        Checkpoint, Log, LogConfig, Signer, VKey, WitnessKey, WitnessSigner,
        note::Note,
        proof::{InclusionProof, read_lines, write_lines},
        reserve, segment,
        tiles::{Entries, Tile, push_entry},
    },
};
use data_encoding::HEXLOWER;
use std::{fs, time::Duration};
use types::{ClockState, Event, Time, TraceId};

const ROUNDS: u64 = 4_000;

type Check = Box<dyn Fn(&[u8])>;

/// One decoder: valid inputs, and what must be true of whatever it is given.
struct Decoder {
    name: &'static str,
    seeds: Vec<Vec<u8>>,
    check: Check,
}

fn decoder(name: &'static str, seeds: Vec<Vec<u8>>, check: impl Fn(&[u8]) + 'static) -> Decoder {
    Decoder { name, seeds, check: Box::new(check) }
}

fn signer() -> Signer {
    Signer::from_seed("example.test/decoders", &[5; 32]).unwrap()
}

fn witness() -> WitnessSigner {
    WitnessSigner::from_seed("witness.example", &[6; 32]).unwrap()
}

fn entry(kind: Kind, outcome: Option<Outcome>) -> Vec<u8> {
    let header = Header {
        kind,
        event: Event::SignIn,
        time: Time::from_micros(1_790_000_000_000_000),
        clock: ClockState::Synchronized,
        trace: TraceId::from_bytes([1; 16]),
        outcome,
        seal_key: [2; 8],
        number: 77,
        salt: [3; 16],
        statement: (kind == Kind::Note).then(|| vec![0x82, 3]),
    };
    join(header.encode(), vec![9; 40])
}

fn body() -> Vec<u8> {
    let patients = vec!["one".to_owned(), "two".to_owned()];
    Body { author: "account:x".into(), role: Some("patient".into()), patients, count: Some(3), ..Body::default() }
        .encode()
}

fn bundle() -> Vec<u8> {
    let mut bundle = Vec::new();
    [b"one".as_slice(), b"two", &[7; 300]].iter().for_each(|entry| push_entry(&mut bundle, entry));
    bundle
}

/// What is read from a text is written to the very same text.
fn same<T: ToString, E>(bytes: &[u8], parse: impl Fn(&str) -> Result<T, E>) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(value) = parse(text)
    {
        assert_eq!(value.to_string(), text);
    }
}

fn entries() -> Vec<Decoder> {
    let all = vec![entry(Kind::Intent, None), entry(Kind::Outcome, Some(Outcome::Refused)), entry(Kind::SealKey, None)];
    vec![
        decoder("entry", all, |bytes| {
            let Ok(parts) = split(bytes) else { return };
            let again = split(&join(parts.header.encode(), parts.body.clone())).unwrap();
            assert_eq!((again.header, again.body), (parts.header, parts.body));
        }),
        decoder("body", vec![body(), Body::default().encode()], |bytes| {
            let Ok(body) = Body::decode(bytes) else { return };
            assert_eq!(Body::decode(&body.encode()).unwrap(), body);
        }),
        decoder("bundle", vec![bundle()], |bytes| {
            let mut entries = Entries::new(bytes);
            let read: usize = entries.by_ref().map_while(Result::ok).map(|entry| 2 + entry.len()).sum();
            assert!(read <= bytes.len() && entries.offset() <= bytes.len());
        }),
    ]
}

fn notes() -> Vec<Decoder> {
    let checkpoint = Checkpoint { origin: signer().origin().to_owned(), size: 300, root: [8; 32] };
    let (text, note) = (checkpoint.text(), checkpoint.sign(&signer()));
    let cosigned = format!("{note}{}", witness().cosign(&text, Time::from_micros(1_790_000_000_000_000)));
    let proof = InclusionProof { index: 7, path: vec![[1; 32], [2; 32]], note: cosigned.clone() };
    let signed = checkpoint.clone();
    let cosigned_text = text.clone();
    vec![
        decoder("checkpoint's text", vec![text.into_bytes()], |bytes| {
            same(bytes, |text| Checkpoint::parse(text).map(|c| c.text()))
        }),
        decoder("signed checkpoint", vec![note.clone().into_bytes()], move |bytes| {
            let read = Checkpoint::open(bytes, signer().vkey());
            assert!(read.is_err() || read.is_ok_and(|read| read == signed), "another checkpoint than was signed");
        }),
        decoder("cosigned checkpoint", vec![cosigned.into_bytes()], move |bytes| {
            let Ok(note) = Note::parse(bytes) else { return };
            if witness().key().verify(&note).is_ok() {
                assert_eq!(note.text, cosigned_text);
            }
        }),
        decoder("key", vec![signer().vkey().to_string().into_bytes()], |bytes| same(bytes, str::parse::<VKey>)),
        decoder("witness's key", vec![witness().key().to_string().into_bytes()], |bytes| {
            same(bytes, str::parse::<WitnessKey>);
        }),
        decoder("inclusion proof", vec![proof.text().into_bytes()], |bytes| {
            same(bytes, |text| InclusionProof::parse(text).map(|proof| proof.text()));
        }),
        decoder("proof lines", vec![format!("{}\nrest", write_lines(&proof.path)).into_bytes()], |bytes| {
            same(bytes, |text| read_lines(text).map(|(path, rest)| format!("{}\n{rest}", write_lines(&path))));
        }),
        decoder(
            "tile's path",
            ["tile/0/000", "tile/entries/x001/234.p/255", "tile/7/000.p/1"].map(|p| p.into()).to_vec(),
            |bytes| {
                same(bytes, |text| Tile::parse(text).map(|tile| tile.path()).ok_or(()));
            },
        ),
    ]
}

fn files() -> Vec<Decoder> {
    let mut groups = segment::header(2048, 0);
    segment::push_group(&mut groups, &signer(), 0, 3, &bundle());
    segment::push_group(&mut groups, &signer(), 3, 3, &bundle());
    groups.resize(2048, 0);
    let kept = kept_reserve();
    let slots = reserve::parse(&kept, signer().vkey()).unwrap();
    assert_eq!(slots.iter().flatten().count(), 2);
    vec![
        decoder("segment", vec![groups], |bytes| {
            let Ok(scan) = segment::scan(bytes, 0, signer().vkey()) else { return };
            for (place, group) in scan.groups.iter().enumerate() {
                assert_eq!((group.first, &bytes[group.payload.clone()]), (3 * place as u64, bundle().as_slice()));
            }
            assert!(scan.end <= bytes.len() && scan.next == 3 * scan.groups.len() as u64);
        }),
        decoder("reserve", vec![kept], move |bytes| {
            for (slot, known) in reserve::parse(bytes, signer().vkey()).unwrap_or_default().iter().zip(&slots) {
                assert!(slot.is_none() || slot == known, "a revocation that was never signed: {slot:?}");
            }
        }),
    ]
}

/// The reserve of a log with two revocations in it.
fn kept_reserve() -> Vec<u8> {
    let folder = super::folder();
    let config = LogConfig { reserve_slots: 3, ..LogConfig::new(folder.path().to_owned(), signer()) };
    let opened = Log::open(config, now()).unwrap();
    for subject in [1, 2] {
        opened.reserve.record(1, [subject; 16], now(), now() + Duration::from_secs(9)).unwrap();
    }
    fs::read(folder.path().join("revocations")).unwrap()
}

fn mutate(random: &mut fastrand::Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..=bytes.len());
        let end = (at + random.usize(..40)).min(bytes.len());
        match random.u32(..8) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = random.u8(..),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.u32(..8),
            3 => drop(bytes.drain(at..end)),
            4 => {
                drop(bytes.splice(at..at, std::iter::repeat_with(|| random.u8(..)).take(end - at).collect::<Vec<_>>()))
            }
            5 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            6 => bytes[at..end].fill(random.choice([0, 0xff, b'\n', b' ']).unwrap()),
            _ => {
                let other = &seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                drop(bytes.splice(at..end, other[from..(from + 30).min(other.len())].to_vec()));
            }
        }
    }
    bytes
}

#[test]
fn no_decoder_panics_or_takes_what_was_not_written() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (rounds, seed) = (number("POTERNE_FUZZ_ROUNDS").unwrap_or(ROUNDS), number("POTERNE_SEED").unwrap_or(4));
    for Decoder { name, seeds, check } in entries().into_iter().chain(notes()).chain(files()) {
        let mut random = fastrand::Rng::with_seed(seed);
        seeds.iter().for_each(|valid| check(valid));
        for _ in 0..rounds {
            let bytes = mutate(&mut random, &seeds);
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&bytes)));
            assert!(checked.is_ok(), "{name}, seed {seed}: {}", HEXLOWER.encode(&bytes));
        }
    }
}
