//! What each means of verification catches of somebody who removes a journal's beginning: beside `tamper.rs`, whose means
//! and table these are. And other people's tools, on a journal that lost its beginning as it should.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use journal::{
    Against, KeptCheckpoint, Marker, Markers, Report, Verifying,
    log::{Checkpoint, Log, LogConfig, Minimum, Signer, VKey, WitnessSigner, root_at, tree},
    retention::{Month, Raised, Snapshot, Statement},
    verify_with,
};
use minicbor::{Encoder, bytes::ByteVec};
use std::{fs, num::NonZeroUsize, path::Path, process::Command, time::Duration};
use tempfile::TempDir;
use types::{Time, TraceId};

const ORIGIN: &str = "node1";
const YES: bool = true;
const NO: bool = false;
const HOUR: i64 = 3_600_000_000;
const WEEK: i64 = 7 * 24 * HOUR;
/// Midnight, on the first of January 2000; and some day long after.
const THEN: i64 = 946_684_800_000_000;
const LATELY: i64 = 1_790_000_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Reading,
    Intent,
    Done,
}

#[derive(Debug, Clone)]
struct Line {
    what: What,
    at: i64,
    trace: [u8; 16],
    statement: Option<Vec<u8>>,
}

impl Line {
    /// The form of docs/journal.md.
    fn bytes(&self) -> Vec<u8> {
        let (kind, outcome, event) = match (self.what, &self.statement) {
            (_, Some(_)) => (4, 1, "journal.minimum_raised"),
            (What::Intent, _) => (1, 0, "session.renewed"),
            (What::Done, _) => (2, 1, "session.renewed"),
            (What::Reading, _) => (3, 1, "record.read"),
        };
        let mut header = Encoder::new(Vec::new());
        header.map(if self.statement.is_some() { 11 } else { 10 }).unwrap();
        header.u8(0).unwrap().u8(2).unwrap().u8(1).unwrap().u8(kind).unwrap();
        header.u8(2).unwrap().str(event).unwrap().u8(3).unwrap().i64(self.at).unwrap();
        header.u8(4).unwrap().bytes(&self.trace).unwrap().u8(5).unwrap().u8(outcome).unwrap();
        header.u8(6).unwrap().bytes(&[7; 8]).unwrap().u8(7).unwrap().u64(1).unwrap();
        header.u8(8).unwrap().bytes(&self.trace).unwrap().u8(9).unwrap().u8(1).unwrap();
        if let Some(statement) = &self.statement {
            header.u8(10).unwrap().bytes(statement).unwrap();
        }
        let parts = (ByteVec::from(header.into_writer()), ByteVec::from(vec![9; 200]));
        minicbor::to_vec(parts).unwrap()
    }
}

/// So many entries, an act among four, at these moments.
fn history(entries: usize, at: impl Fn(usize) -> i64) -> Vec<Line> {
    let line = |place: usize| {
        let what = [What::Reading, What::Intent, What::Done, What::Reading][place % 4];
        let act = if what == What::Done { place - 1 } else { place };
        Line { what, at: at(place), trace: (act as u128 + 1).to_be_bytes(), statement: None }
    };
    (0..entries).map(line).collect()
}

fn markers(lines: &[Line]) -> Markers {
    let acts = lines.iter().filter(|line| line.what == What::Done);
    let marker = |line: &Line| Marker { abandoned: false, at: Time::from_micros(line.at) };
    acts.map(|line| (TraceId::from_bytes(line.trace), marker(line))).collect()
}

fn root(lines: &[Line]) -> tree::Hash {
    let mut built = tree::Tree::new();
    lines.iter().for_each(|line| built.push::<()>(tree::leaf_hash(&line.bytes()), &mut |_, _, _| Ok(())).unwrap());
    built.root()
}

/// Adds the statement that the lines before `minimum` go, as whoever writes it wants it, and a little of what comes after.
fn stated(mut lines: Vec<Line>, minimum: usize, at: i64, told: impl Fn(Raised) -> Raised) -> Vec<Line> {
    let month = |line: &Line| Month::of(Time::from_micros(line.at));
    let raised = told(Raised {
        minimum: minimum as u64,
        root: root(&lines[..minimum]),
        from: month(&lines[0]),
        through: month(&lines[minimum]),
        months: 240,
        basis: "a test".into(),
        standing: Snapshot { newest_micros: lines[minimum - 1].at, ..Snapshot::default() },
    });
    let statement = Some(Statement::Raised(Box::new(raised)).encode());
    lines.push(Line { what: What::Reading, at, trace: [0xfe; 16], statement });
    for n in 1..40_u8 {
        lines.push(Line { what: What::Reading, at: at + i64::from(n) * HOUR, trace: [n; 16], statement: None });
    }
    lines
}

fn config(folder: &Path, signer: &Signer) -> LogConfig {
    LogConfig {
        segment_bytes: 64 * 1024,
        segment_bytes_max: 0,
        reserve_slots: 4,
        checkpoint_delay: Duration::from_millis(5),
        ..LogConfig::new(folder.join(ORIGIN), signer.clone())
    }
}

/// A whole journal of these lines, made by the product itself, then pruned by it.
async fn journal_of(lines: &[Line], signer: &Signer, minimum: Option<usize>) -> TempDir {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    fs::create_dir(folder.path().join(ORIGIN)).unwrap();
    let opened = Log::open(config(folder.path(), signer), Time::from_micros(1)).unwrap();
    for group in lines.chunks(64) {
        opened.log.append_all(group.iter().map(Line::bytes).collect()).await.unwrap();
    }
    drop(opened.reserve);
    opened.log.close().await.unwrap();
    if let Some(size) = minimum {
        // Opened again, no segment lies there but the last.
        let opened = Log::open(config(folder.path(), signer), Time::from_micros(1)).unwrap();
        let stated_at = lines.iter().rposition(|line| line.statement.is_some()).unwrap() as u64;
        let minimum = Minimum { size: size as u64, root: root(&lines[..size]), stated_at };
        assert!(opened.log.prune(&minimum).unwrap() > 0);
        drop(opened.reserve);
        opened.log.close().await.unwrap();
    }
    folder
}

struct Scene {
    node: Signer,
    thief: Signer,
    witness: WitnessSigner,
    /// What was, in truth; and what the witness cosigned of it, as it was written.
    lines: Vec<Line>,
    kept: Vec<KeptCheckpoint>,
}

impl Scene {
    fn new(lines: Vec<Line>, witnessed: &[usize]) -> Self {
        let node = Signer::from_seed(ORIGIN, &[1; 32]).unwrap();
        let witness = WitnessSigner::from_seed("witness.example.test", &[2; 32]).unwrap();
        let cosigned = witnessed.iter().map(|size| {
            let head = Checkpoint { origin: ORIGIN.to_owned(), size: *size as u64, root: root(&lines[..*size]) };
            let at = Time::from_micros(lines[*size - 1].at + HOUR);
            let note = head.sign(&node) + &witness.cosign(&head.text(), at);
            KeptCheckpoint::read(format!("kept-{size}"), note.as_bytes())
        });
        let kept = cosigned.collect();
        Self { node, thief: Signer::from_seed(ORIGIN, &[9; 32]).unwrap(), witness, lines, kept }
    }

    /// Verifies with one means at a time: the folder's own key, the key pinned, the database, a witness's checkpoints.
    fn caught(&self, journal: &TempDir, markers: &Markers) -> ([bool; 4], Report) {
        let folder = journal.path().join(ORIGIN);
        let run = |pinned: Option<&VKey>, against: Against<'_>| {
            let how = Verifying { pinned, threads: NonZeroUsize::new(2).unwrap(), ..Verifying::default() };
            verify_with(&folder, &how, &against)
        };
        let witnesses = [self.witness.key().clone()];
        let nothing = Against::default();
        let (own, pinned) = (run(None, nothing), run(Some(self.node.vkey()), nothing));
        let database = run(None, Against { markers: Some(markers), ..nothing });
        let witnessed = run(None, Against { kept: &self.kept, witnesses: &witnesses, ..nothing });
        ([!own.ok(), !pinned.ok(), !database.ok(), !witnessed.ok()], witnessed)
    }
}

const MINIMUM: usize = 1024;

/// Two months of much work, twenty-two years of little: its beginning may go.
fn old() -> Vec<Line> {
    let at = |place: usize| THEN + place.min(1400) as i64 * HOUR + place.saturating_sub(1400) as i64 * WEEK;
    let lines = history(2552, at);
    let end = lines.last().unwrap().at;
    stated(lines, MINIMUM, end + HOUR, |raised| raised)
}

/// Some weeks of much work, lately: nothing of it may go.
fn young() -> Vec<Line> {
    history(1600, |place| LATELY + place as i64 * HOUR)
}

fn scene_of_old() -> Scene {
    let lines = old();
    let all = lines.len();
    Scene::new(lines, &[700, 1024, 1500, all])
}

#[tokio::test]
async fn a_journal_that_lost_its_beginning_as_it_should_is_caught_by_nothing() {
    let scene = scene_of_old();
    let journal = journal_of(&scene.lines, &scene.node, Some(MINIMUM)).await;
    let (caught, report) = scene.caught(&journal, &markers(&scene.lines));
    assert_eq!(caught, [NO; 4], "{report:?}");
    // The first counts only what went; of the second the upper tiles still tell the root.
    let told: Vec<_> = report.checkpoints.iter().map(|one| (one.ok, one.gone)).collect();
    assert_eq!(told, [(true, true), (true, false), (true, false), (true, false)]);
    // Where no other is given, nobody vouches for anything.
    let folder = journal.path().join(ORIGIN);
    let report = verify_with(&folder, &Verifying::default(), &Against { kept: &scene.kept[..1], ..Against::default() });
    assert!(report.verdict.ok && !report.ok() && report.silent.len() == 1, "{report:?}");
    // An effect of what remains is missed as before.
    let mut lost = markers(&scene.lines);
    let at = Time::from_micros(scene.lines[MINIMUM + 100].at);
    lost.insert(TraceId::from_bytes([0xaa; 16]), Marker { abandoned: false, at });
    assert_eq!(scene.caught(&journal, &lost).0, [NO, NO, YES, NO]);
}

/// Removes the first four bundles and their hashes by hand.
fn cut(journal: &TempDir) {
    for kind in ["entries", "0"] {
        for number in 0..4 {
            fs::remove_file(journal.path().join(format!("{ORIGIN}/tile/{kind}/{number:03}"))).unwrap();
        }
    }
}

#[tokio::test]
async fn somebody_who_writes_the_folder_removes_no_beginning() {
    let scene = scene_of_old();
    let markers = markers(&scene.lines);
    let journal = journal_of(&scene.lines, &scene.node, None).await;
    cut(&journal);
    assert_eq!(scene.caught(&journal, &markers).0, [YES; 4], "without a note");
    // With a note of his own key, beside the statement that is there; and with all of it under his own key.
    let forged = journal_of(&scene.lines, &scene.thief, Some(MINIMUM)).await;
    fs::copy(forged.path().join(ORIGIN).join("minimum"), journal.path().join(ORIGIN).join("minimum")).unwrap();
    assert_eq!(scene.caught(&journal, &markers).0, [YES; 4], "with a note that the key did not sign");
    assert_eq!(scene.caught(&forged, &markers).0, [NO, YES, NO, YES], "with a key of his own");
    // An edit of what remains is what it was.
    let mut lines = scene.lines.clone();
    lines[2000].trace[3] ^= 1;
    let edited = journal_of(&lines, &scene.thief, Some(MINIMUM)).await;
    assert_eq!(scene.caught(&edited, &markers).0, [NO, YES, NO, YES]);
    for file in ["vkey", "checkpoint", "minimum"] {
        let truth = journal_of(&scene.lines, &scene.node, Some(MINIMUM)).await;
        fs::copy(truth.path().join(ORIGIN).join(file), edited.path().join(ORIGIN).join(file)).unwrap();
    }
    assert_eq!(scene.caught(&edited, &markers).0, [YES; 4]);
}

#[tokio::test]
async fn somebody_who_holds_the_key_removes_no_young_beginning() {
    let scene = Scene::new(young(), &[200, 700, 1500]);
    let (markers, now) = (markers(&scene.lines), LATELY + 1601 * HOUR);
    let old: Month = "2003-01".parse().unwrap();
    let newest = Snapshot { newest_micros: THEN, ..Snapshot::default() };
    // As it is; pretending that what goes was old; in a future that the entries do not lead to.
    let early = stated(scene.lines.clone(), 512, now, |raised| raised);
    let pretended = stated(scene.lines.clone(), 512, now, |raised| Raised {
        from: old,
        through: old,
        standing: newest.clone(),
        ..raised
    });
    let ahead = stated(scene.lines.clone(), 512, now + 1300 * WEEK, |raised| raised);
    let short = stated(scene.lines.clone(), 512, now, |raised| Raised { months: 1, ..raised });
    for (lines, what) in [(early, "early"), (pretended, "pretended"), (ahead, "ahead"), (short, "below a floor")] {
        let journal = journal_of(&lines, &scene.node, Some(512)).await;
        assert_eq!(scene.caught(&journal, &markers).0, [YES; 4], "{what}");
    }
}

#[tokio::test]
async fn somebody_who_holds_the_key_and_writes_the_rest_anew_is_caught_by_those_who_remember() {
    let scene = Scene::new(young(), &[200, 700, 1500]);
    // Everything from the minimum on gets moments that make twenty years; the beginning is as old as the first of them.
    let at = |place: usize| THEN + (place as i64).min(512) * HOUR + (place.saturating_sub(512)) as i64 * WEEK;
    let mut lines = history(1600, at);
    lines.iter_mut().zip(&scene.lines).for_each(|(line, truth)| line.trace = truth.trace);
    let end = lines.last().unwrap().at;
    let forged = stated(lines.clone(), 512, end + HOUR, |raised| raised);
    let journal = journal_of(&forged, &scene.node, Some(512)).await;
    assert_eq!(scene.caught(&journal, &markers(&scene.lines)).0, [NO, NO, YES, YES]);
    // With the database, whose markers say what he wants.
    let (caught, report) = scene.caught(&journal, &markers(&forged));
    assert_eq!(caught, [NO, NO, NO, YES]);
    let what = report.checkpoints[0].what.as_deref().unwrap();
    assert!(what.contains("saw no more than 200 entries after"), "{what}");
}

/// The lines of docs/journal.md, as they stand there.
fn check_by_others(folder: &Path) -> (bool, String) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/journal.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, program) = page.split_once("```python\n").unwrap();
    let (program, _) = program.split_once("\n```").unwrap();
    let run = Command::new("python3").args(["-c", program]).arg(folder).output().unwrap();
    let told = [run.stdout, run.stderr].concat();
    (run.status.success(), String::from_utf8(told).unwrap())
}

#[tokio::test]
async fn other_peoples_tools_read_what_remains() {
    let scene = scene_of_old();
    for minimum in [None, Some(MINIMUM)] {
        let journal = journal_of(&scene.lines, &scene.node, minimum).await;
        let folder = journal.path().join(ORIGIN);
        let (good, told) = check_by_others(&folder);
        assert!(good && told.contains(&format!("{} entries", scene.lines.len())), "{told}");
        assert_eq!(root_at(&folder, scene.lines.len() as u64), Ok(Some(root(&scene.lines))));
        let bundle = folder.join("tile/entries/007");
        let mut altered = fs::read(&bundle).unwrap();
        altered[900] ^= 1;
        fs::write(&bundle, altered).unwrap();
        assert!(!check_by_others(&folder).0);
    }
    let journal = journal_of(&scene.lines, &scene.node, Some(MINIMUM)).await;
    let note = journal.path().join(ORIGIN).join("minimum");
    let text = fs::read_to_string(&note).unwrap();
    fs::write(&note, text.replacen("1024", "1280", 1)).unwrap();
    assert!(!check_by_others(&journal.path().join(ORIGIN)).0);
}
