//! What verification costs against bare RFC 6962 hashing of the same entries, turn by turn in one run: in one thread and
//! in more. Usage: `bench/verify-speed [ENTRIES [ROUNDS]]`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::panic)]

use journal::{
    Against, Verifying,
    log::{
        Log, LogConfig, Opened, Signer,
        tree::{Tree, leaf_hash},
    },
    verify_with,
};
use minicbor::{Encoder, bytes::ByteVec};
use std::{
    hint::black_box,
    num::NonZeroUsize,
    path::Path,
    time::{Duration, Instant},
};
use types::Time;

const ORIGIN: &str = "node1";
/// Of an entry, header in.
const BODY_BYTES: usize = 300;

/// An act's intent, its outcome, a reading, and so on.
fn entry(index: u64) -> Vec<u8> {
    let (kind, outcome, event, act) = match index % 3 {
        0 => (1, 0, "session.renewed", index),
        1 => (2, 1, "session.renewed", index - 1),
        _ => (3, 0, "record.read", index),
    };
    let trace = leaf_hash(&act.to_be_bytes());
    let mut header = Encoder::new(Vec::new());
    header.map(9).unwrap().u8(0).unwrap().u8(1).unwrap().u8(1).unwrap().u8(kind).unwrap();
    header.u8(2).unwrap().str(event).unwrap().u8(3).unwrap().u64(1_700_000_000_000_000).unwrap();
    header.u8(4).unwrap().bytes(trace.first_chunk::<16>().unwrap()).unwrap().u8(5).unwrap().u8(outcome).unwrap();
    header.u8(6).unwrap().bytes(&[7; 8]).unwrap().u8(7).unwrap().u64(index).unwrap();
    header.u8(8).unwrap().bytes(trace.last_chunk::<16>().unwrap()).unwrap();
    let parts = (ByteVec::from(header.into_writer()), ByteVec::from(vec![7; BODY_BYTES]));
    minicbor::to_vec(parts).unwrap()
}

async fn make(folder: &Path, entries: u64) {
    let signer = Signer::from_seed(ORIGIN, &[1; 32]).unwrap();
    let Opened { log, reserve, .. } =
        Log::open(LogConfig::new(folder.to_owned(), signer), Time::from_micros(1)).unwrap();
    let all: Vec<u64> = (0..entries).collect();
    for group in all.chunks(512) {
        log.append_all(group.iter().copied().map(entry).collect()).await.unwrap();
    }
    drop(reserve);
    log.close().await.unwrap();
}

fn timed(run: impl FnOnce()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

/// The processor's time of this thread: what a busy machine does besides does not count.
fn own_seconds(run: impl FnOnce()) -> f64 {
    let spent = || -> f64 {
        let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let began = spent();
    run();
    (spent() - began) / 1e9
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench").map(|word| word.parse::<u64>());
    let entries = words.next().transpose().expect("a number of entries").unwrap_or(500_000);
    let rounds = words.next().transpose().expect("a number of rounds").unwrap_or(9);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join(ORIGIN);
    std::fs::create_dir(&folder).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(make(&folder, entries));
    let held: Vec<Vec<u8>> = (0..entries).map(entry).collect();
    let bare = || {
        let mut tree = Tree::new();
        held.iter().for_each(|entry| tree.push::<()>(leaf_hash(entry), &mut |_, _, _| Ok(())).unwrap());
        black_box(tree.root());
    };
    let verify = |threads: usize| {
        let how = Verifying { threads: NonZeroUsize::new(threads).unwrap(), ..Verifying::default() };
        let report = verify_with(&folder, &how, &Against::default());
        assert!(report.ok() && report.verdict.entries == entries, "{report}");
    };
    let (mut one, mut two, mut rate) = (Vec::new(), Vec::new(), Vec::new());
    verify(1);
    for _ in 0..rounds {
        let (bare, own) = (own_seconds(bare), own_seconds(|| verify(1)));
        let (with_one, with_two) = (timed(|| verify(1)), timed(|| verify(2)));
        one.push(bare / own);
        two.push(with_one.as_secs_f64() / with_two.as_secs_f64());
        rate.push(entries as f64 / own);
    }
    println!("{entries} entries of {} bytes, {rounds} rounds, medians", entry(0).len());
    println!(
        "verify in one thread  {:.2} x bare hashing ({:.0} entries/s of processor time; aim: at least 0.60)",
        median(one),
        median(rate)
    );
    println!("verify in two threads {:.2} x verify in one", median(two));
}
