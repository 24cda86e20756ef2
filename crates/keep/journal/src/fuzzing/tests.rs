//! The fuzzers' decoders over a seeded stream of mutated valid inputs, with no fuzzer at hand.
//!
//! `POTERNE_FUZZ_ROUNDS` asks for more rounds, `POTERNE_SEED` for others; a failure tells the decoder and its input.

use super::TARGETS;
use data_encoding::HEXLOWER;
use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::Path,
    time::{Duration, Instant},
};

const ROUNDS: u64 = 4_000;
/// A decoder whose rounds take longer ends sooner, unless rounds are asked for.
const TIME_MAX: Duration = Duration::from_millis(700);

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
    let (asked, seed) = (number("POTERNE_FUZZ_ROUNDS"), number("POTERNE_SEED").unwrap_or(4));
    for (name, check, seeds) in TARGETS {
        let (mut random, seeds, began) = (fastrand::Rng::with_seed(seed), seeds(), Instant::now());
        seeds.iter().for_each(|valid| check(valid));
        for _ in 0..asked.unwrap_or(ROUNDS) {
            if asked.is_none() && began.elapsed() > TIME_MAX {
                break;
            }
            let bytes = mutate(&mut random, &seeds);
            let checked = catch_unwind(|| check(&bytes));
            assert!(checked.is_ok(), "{name}, seed {seed}: {}", HEXLOWER.encode(&bytes));
        }
    }
}

/// What a fuzzer found once stays mended.
#[test]
fn what_was_found_is_refused() {
    let found: [(&str, &str); 2] = [
        // Base64 with padding in its midst.
        ("note", "a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} a AAAAAA==AAAA\n"),
        ("proof", "AA==AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n\nrest"),
    ];
    for (name, text) in found {
        let (_, check, _) = TARGETS.iter().find(|(known, ..)| *known == name).unwrap();
        check(text.as_bytes());
    }
}

#[test]
fn every_decoder_has_its_fuzzer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/fuzz_targets");
    let calls = |name: &str| {
        let text = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap_or_default();
        text.contains(&format!("journal::fuzzing::{name}(bytes)"))
    };
    let missing: Vec<&str> = TARGETS.iter().map(|(name, ..)| *name).filter(|name| !calls(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert_eq!(TARGETS.iter().map(|(name, ..)| name).collect::<BTreeSet<_>>().len(), TARGETS.len());
}
