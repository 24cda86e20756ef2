//! The statement of what each means of verification catches, and what it does not: six attacks at random places, by
//! somebody who may write the journal's folder, and by somebody who holds the node's signing key and its database too.
//!
//! The tables below are the documentation (docs/journal.md repeats them); each cell is asserted, the caught and the
//! not-caught alike. `TAMPER_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

use fastrand::Rng;
use journal::{
    Against, KeptCheckpoint, Marker, Markers, Report, Verifying,
    log::{Checkpoint, Log, LogConfig, Opened, Signer, VKey, WitnessSigner, tree},
    verify_with,
};
use minicbor::{Encoder, bytes::ByteVec};
use std::{fs, num::NonZeroUsize, ops::Range, path::Path, time::Duration};
use tempfile::TempDir;
use types::{Time, TraceId};

const ORIGIN: &str = "node1";
/// Entries of the true journal.
const ALL: usize = 700;
/// What the witness cosigned, on three occasions. The entries after the last one, nobody else remembers.
const WITNESSED: [usize; 3] = [210, 400, 620];

// What each means catches: the folder's own key, believed · the key pinned (`--vkey`) · the database's markers
// (`--database`) · a witness's cosigned checkpoints (`--checkpoint`, `--witness`).
type Row = (Attack, [bool; 4]);
const YES: bool = true;
const NO: bool = false;

/// Somebody who writes the folder keeps the key and the checkpoint that he cannot forge, and rebuilds all the rest.
const PATCHED: [Row; 6] = [
    (Attack::Edit, [YES, YES, YES, YES]),
    (Attack::Removal, [YES, YES, YES, YES]),
    (Attack::Insertion, [YES, YES, YES, YES]),
    (Attack::Reordering, [YES, YES, YES, YES]),
    (Attack::Truncation, [YES, YES, YES, YES]),
    (Attack::Fork, [YES, YES, YES, YES]),
];

/// Or he signs everything with a key of his own, and puts that key into the folder.
const RESEALED: [Row; 6] = [
    (Attack::Edit, [NO, YES, NO, YES]),
    (Attack::Removal, [NO, YES, YES, YES]),
    (Attack::Insertion, [NO, YES, NO, YES]),
    (Attack::Reordering, [NO, YES, NO, YES]),
    (Attack::Truncation, [NO, YES, YES, YES]),
    (Attack::Fork, [NO, YES, YES, YES]),
];

/// Or he puts back an older folder, which the true key signed.
const ROLLED_BACK: [bool; 4] = [NO, NO, YES, YES];

/// Somebody who holds the node's key and its database: nothing of the node's own can catch him.
const INSIDER: [Row; 6] = [
    (Attack::Edit, [NO, NO, NO, YES]),
    (Attack::Removal, [NO, NO, NO, YES]),
    (Attack::Insertion, [NO, NO, NO, YES]),
    (Attack::Reordering, [NO, NO, NO, YES]),
    (Attack::Truncation, [NO, NO, NO, YES]),
    (Attack::Fork, [NO, NO, NO, YES]),
];

/// And past the last checkpoint that the witness cosigned, not even that: hence one every few minutes.
const INSIDER_UNWITNESSED: [bool; 4] = [NO, NO, NO, NO];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    /// A reading's author is another.
    Edit,
    /// An act is gone, its outcome too.
    Removal,
    /// A reading that never was.
    Insertion,
    /// Two readings have changed places.
    Reordering,
    /// The last entries are gone.
    Truncation,
    /// From some place on, another history.
    Fork,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Reading,
    Intent,
    Done,
}

/// An entry in the form of docs/journal.md. Its body would be sealed; verification does not open it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    what: What,
    trace: [u8; 16],
    body: Vec<u8>,
}

impl Line {
    fn new(what: What, rng: &mut Rng) -> Self {
        let len = rng.usize(20..300);
        Self {
            what,
            trace: rng.u128(..).to_be_bytes(),
            body: std::iter::repeat_with(|| rng.u8(..)).take(len).collect(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let (kind, outcome, event) = match self.what {
            What::Intent => (1, 0, "session.renewed"),
            What::Done => (2, 1, "session.renewed"),
            What::Reading => (3, 0, "record.read"),
        };
        let mut header = Encoder::new(Vec::new());
        header.map(9).unwrap().u8(0).unwrap().u8(1).unwrap().u8(1).unwrap().u8(kind).unwrap();
        header.u8(2).unwrap().str(event).unwrap().u8(3).unwrap().u64(1_700_000_000_000_000).unwrap();
        header.u8(4).unwrap().bytes(&self.trace).unwrap().u8(5).unwrap().u8(outcome).unwrap();
        header.u8(6).unwrap().bytes(&[7; 8]).unwrap().u8(7).unwrap().u64(1).unwrap();
        header.u8(8).unwrap().bytes(&self.trace).unwrap();
        let parts = (ByteVec::from(header.into_writer()), ByteVec::from(self.body.clone()));
        minicbor::to_vec(parts).unwrap()
    }
}

/// A history: readings, and acts of two entries.
fn history(entries: usize, rng: &mut Rng) -> Vec<Line> {
    let mut lines = Vec::new();
    while lines.len() < entries {
        if rng.u8(..3) == 0 && lines.len() + 2 <= entries {
            let intent = Line::new(What::Intent, rng);
            let done = Line { what: What::Done, trace: intent.trace, ..Line::new(What::Done, rng) };
            lines.extend([intent, done]);
        } else {
            lines.push(Line::new(What::Reading, rng));
        }
    }
    lines
}

/// What the database says of a history: a marker for each act done.
fn markers(lines: &[Line]) -> Markers {
    let acts = lines.iter().filter(|line| line.what == What::Done);
    acts.map(|line| {
        (TraceId::try_from(line.trace.as_slice()).unwrap(), Marker { abandoned: false, at: Time::from_micros(1) })
    })
    .collect()
}

fn root(lines: &[Line]) -> tree::Hash {
    let mut built = tree::Tree::new();
    lines.iter().for_each(|line| built.push::<()>(tree::leaf_hash(&line.bytes()), &mut |_, _, _| Ok(())).unwrap());
    built.root()
}

/// A whole journal of these lines, made by the product itself, with this key.
async fn journal_of(lines: &[Line], signer: &Signer) -> TempDir {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let log = folder.path().join(ORIGIN);
    fs::create_dir(&log).unwrap();
    let config = LogConfig {
        segment_bytes: 512 * 1024,
        reserve_slots: 4,
        checkpoint_delay: Duration::from_millis(5),
        ..LogConfig::new(log, signer.clone())
    };
    let Opened { log, reserve, .. } = Log::open(config, Time::from_micros(1)).unwrap();
    for group in lines.chunks(64) {
        log.append_all(group.iter().map(Line::bytes).collect()).await.unwrap();
    }
    drop(reserve);
    log.close().await.unwrap();
    folder
}

/// Does the attack somewhere in `range`; gives the first entry that is no longer the true one.
fn attack(lines: &mut Vec<Line>, attack: Attack, range: Range<usize>, rng: &mut Rng) -> usize {
    let of = |lines: &[Line], what: What, rng: &mut Rng| {
        let places: Vec<usize> = range.clone().filter(|at| lines[*at].what == what).collect();
        places[rng.usize(..places.len())]
    };
    match attack {
        Attack::Edit => {
            let at = of(lines, What::Reading, rng);
            lines[at].body[0] ^= 1 << rng.u8(..8);
            at
        }
        Attack::Removal => {
            let at = of(lines, What::Intent, rng);
            lines.drain(at..at + 2);
            at
        }
        Attack::Insertion => {
            let at = of(lines, What::Reading, rng);
            lines.insert(at, Line::new(What::Reading, rng));
            at
        }
        Attack::Reordering => {
            let first = of(lines, What::Reading, rng);
            let second = loop {
                let second = of(lines, What::Reading, rng);
                if second != first {
                    break second;
                }
            };
            lines.swap(first, second);
            first.min(second)
        }
        Attack::Truncation | Attack::Fork => {
            // Between two acts, and not without the loss of one.
            let at = of(lines, What::Intent, rng);
            let len = lines.len();
            lines.truncate(at);
            if attack == Attack::Fork {
                lines.extend(history(len - at + rng.usize(..40), rng));
            }
            at
        }
    }
}

struct Scene {
    seed: u64,
    rng: Rng,
    node: Signer,
    thief: Signer,
    witness: WitnessSigner,
    lines: Vec<Line>,
    kept: Vec<KeptCheckpoint>,
}

impl Scene {
    fn new(salt: u64) -> Self {
        let seed = std::env::var("TAMPER_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..)) ^ salt;
        eprintln!("TAMPER_SEED={} repeats this", seed ^ salt);
        let mut rng = Rng::with_seed(seed);
        let node = Signer::from_seed(ORIGIN, &[1; 32]).unwrap();
        let witness = WitnessSigner::from_seed("witness.example.test", &[2; 32]).unwrap();
        let lines = history(ALL, &mut rng);
        let cosigned = WITNESSED.iter().map(|size| {
            let head = Checkpoint { origin: ORIGIN.to_owned(), size: *size as u64, root: root(&lines[..*size]) };
            let note = head.sign(&node) + &witness.cosign(&head.text(), Time::from_micros(1_700_000_000_000_000));
            KeptCheckpoint::read(format!("kept-{size}"), note.as_bytes())
        });
        let kept = cosigned.collect();
        Self { seed, rng, node, thief: Signer::from_seed(ORIGIN, &[9; 32]).unwrap(), witness, lines, kept }
    }

    /// Verifies with one means at a time; says which caught something.
    fn caught(&self, journal: &TempDir, markers: &Markers) -> ([bool; 4], Report) {
        let folder = journal.path().join(ORIGIN);
        let run = |pinned: Option<&VKey>, against: Against<'_>| {
            let how = Verifying { pinned, threads: NonZeroUsize::new(2).unwrap(), ..Verifying::default() };
            verify_with(&folder, &how, &against)
        };
        let witnesses = [self.witness.key().clone()];
        let nothing = Against::default();
        let own = run(None, nothing);
        let pinned = run(Some(self.node.vkey()), nothing);
        let database = run(None, Against { markers: Some(markers), ..nothing });
        let witnessed = run(None, Against { kept: &self.kept, witnesses: &witnesses, ..nothing });
        ([!own.ok(), !pinned.ok(), !database.ok(), !witnessed.ok()], witnessed)
    }
}

/// The witness's checkpoints close in on the first entry that is not the true one.
fn names_the_place(report: &Report, first: usize, context: &str) {
    let good = report.checkpoints.iter().filter(|one| one.ok).filter_map(|one| one.size).max().unwrap_or(0);
    let bad = report.checkpoints.iter().find(|one| !one.ok).expect(context);
    let range = good..bad.size.unwrap();
    assert!(range.contains(&(first as u64)), "{context}: {first} is not in {range:?}");
    let after = WITNESSED.iter().copied().find(|size| *size > first).unwrap() as u64;
    assert_eq!(range.end, after, "{context}: the nearest checkpoint catches it");
    let what = bad.what.as_deref().unwrap();
    let named = what.contains(&format!("one of the entries {} to {}", range.start, range.end - 1));
    assert!(named || what.contains("is truncated"), "{context}: {what}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn the_true_journal_is_caught_by_nothing() {
    let scene = Scene::new(0);
    let journal = journal_of(&scene.lines, &scene.node).await;
    let (caught, report) = scene.caught(&journal, &markers(&scene.lines));
    assert_eq!((caught, report.checkpoints.len()), ([NO; 4], WITNESSED.len()), "{report:?}");
    assert!(report.checkpoints.iter().all(|one| one.ok && one.cosigned_by.len() == 1));
    // Without one checkpoint of the trusted witness, nothing is believed in its name.
    let folder = journal.path().join(ORIGIN);
    let stranger = [WitnessSigner::from_seed("other.example.test", &[3; 32]).unwrap().key().clone()];
    for (kept, witnesses) in [(&scene.kept[..0], [scene.witness.key().clone()]), (&scene.kept[..], stranger)] {
        let against = Against { kept, witnesses: &witnesses, ..Against::default() };
        let report = verify_with(&folder, &Verifying::default(), &against);
        assert!(report.verdict.ok && !report.ok() && report.silent.len() == 1, "{report:?}");
    }
}

#[tokio::test]
async fn somebody_who_writes_the_folder_is_caught_by_the_pinned_key() {
    let mut scene = Scene::new(1);
    let truth = journal_of(&scene.lines, &scene.node).await;
    for ((kind, patched), (_, resealed)) in PATCHED.into_iter().zip(RESEALED) {
        let mut lines = scene.lines.clone();
        let first = attack(&mut lines, kind, 0..WITNESSED[2], &mut scene.rng);
        let context = format!("{kind:?} at {first}, seed {}", scene.seed);
        let forged = journal_of(&lines, &scene.thief).await;
        let (caught, _) = scene.caught(&forged, &markers(&scene.lines));
        assert_eq!(caught, resealed, "{context}, with a key of his own");
        for file in ["vkey", "checkpoint"] {
            fs::copy(truth.path().join(ORIGIN).join(file), forged.path().join(ORIGIN).join(file)).unwrap();
        }
        let (caught, _) = scene.caught(&forged, &markers(&scene.lines));
        assert_eq!(caught, patched, "{context}, under the true checkpoint");
    }
}

#[tokio::test]
async fn an_older_folder_put_back_is_caught_by_those_who_remember() {
    let mut scene = Scene::new(2);
    for _ in 0..3 {
        let mut older = scene.lines.clone();
        let first = attack(&mut older, Attack::Truncation, 1..WITNESSED[2], &mut scene.rng);
        let journal = journal_of(&older, &scene.node).await;
        let back = tempfile::tempdir().unwrap();
        copy(journal.path(), back.path());
        let (caught, report) = scene.caught(&back, &markers(&scene.lines));
        let context = format!("rolled back to {first}, seed {}", scene.seed);
        assert_eq!(caught, ROLLED_BACK, "{context}");
        names_the_place(&report, first, &context);
    }
}

#[tokio::test]
async fn somebody_who_holds_key_and_database_is_caught_by_the_witness_alone() {
    let mut scene = Scene::new(3);
    for (kind, expected) in INSIDER {
        for _ in 0..2 {
            let mut lines = scene.lines.clone();
            let first = attack(&mut lines, kind, 0..WITNESSED[2], &mut scene.rng);
            let context = format!("{kind:?} at {first}, seed {}", scene.seed);
            let forged = journal_of(&lines, &scene.node).await;
            let (caught, report) = scene.caught(&forged, &markers(&lines));
            assert_eq!(caught, expected, "{context}");
            names_the_place(&report, first, &context);
        }
    }
}

#[tokio::test]
async fn past_the_last_cosigned_checkpoint_nobody_remembers() {
    let mut scene = Scene::new(4);
    for (kind, _) in INSIDER {
        let mut lines = scene.lines.clone();
        let first = attack(&mut lines, kind, WITNESSED[2]..ALL - 1, &mut scene.rng);
        let forged = journal_of(&lines, &scene.node).await;
        let (caught, _) = scene.caught(&forged, &markers(&lines));
        assert_eq!(caught, INSIDER_UNWITNESSED, "{kind:?} at {first}, seed {}", scene.seed);
    }
}
