#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::log::{
    Keys, Log, LogConfig, Opened, Signer,
    proof::{Hashes, consistency, write_lines},
    tree::{Hash, leaf_hash, root_of},
};
use data_encoding::BASE64;
use proptest::prelude::*;
use std::{convert::Infallible, fs, sync::atomic::AtomicBool, sync::atomic::Ordering::SeqCst, time::Duration};

const ORIGIN: &str = "example.test/journal";
const NOW: Time = Time::from_micros(1_800_000_000_000_000);

/// A log as its leaves; whoever holds the key may write it as he likes.
#[derive(Clone)]
struct Leaves(Vec<Hash>);

impl Leaves {
    fn new(size: u64, history: u8) -> Self {
        Self((0..size).map(|i| leaf_hash(&[&i.to_be_bytes()[..], &[history]].concat())).collect())
    }
    fn root(&self, size: u64) -> Hash {
        root_of(&self.0[..size as usize])
    }
    fn note(&self, size: u64) -> String {
        Checkpoint { origin: ORIGIN.into(), size, root: self.root(size) }.sign(&log_key())
    }
    fn request(&self, old: u64, size: u64) -> String {
        let proof = consistency(&mut self.clone(), old.min(size), size).unwrap().unwrap();
        request::write(old, &proof, &self.note(size))
    }
}

impl Hashes for Leaves {
    type Error = Infallible;
    fn perfect(&mut self, height: u8, index: u64) -> Result<Hash, Infallible> {
        let from = (index << height) as usize;
        Ok(root_of(&self.0[from..from + (1 << height)]))
    }
}

fn log_key() -> Signer {
    Signer::from_seed(ORIGIN, &[42; 32]).unwrap()
}

fn witness_key() -> WitnessSigner {
    WitnessSigner::from_seed("witness.test/w1", &[3; 32]).unwrap()
}

fn open(folder: &Path) -> Witness {
    Witness::open(folder, witness_key(), &[log_key().vkey().clone()]).unwrap()
}

/// The answer, in which a cosignature is checked against what was asked.
fn ask(witness: &Witness, request: &str) -> Answer {
    let answer = witness.add_checkpoint(request.as_bytes(), NOW);
    if let Answer::Cosigned(line) = &answer {
        let note = request.split_once("\n\n").unwrap().1;
        let note = Note::parse(format!("{note}{line}").as_bytes()).unwrap();
        assert_eq!(witness_key().key().verify(&note), Ok(1_800_000_000));
    }
    answer
}

fn cosigned(answer: &Answer) -> bool {
    matches!(answer, Answer::Cosigned(_))
}

#[test]
fn an_honest_log_is_cosigned_from_size_to_size() {
    let folder = tempfile::tempdir().unwrap();
    let (log, witness) = (Leaves::new(300, 0), open(folder.path()));
    let mut last = 0;
    for size in [0, 1, 1, 2, 3, 7, 8, 9, 255, 256, 257, 300] {
        assert!(cosigned(&ask(&witness, &log.request(last, size))), "{last} to {size}");
        last = size;
    }
    assert_eq!(witness.sizes().collect::<Vec<_>>(), [(ORIGIN, 300)]);
    // Whoever does not know where the witness is, learns it.
    assert_eq!(ask(&witness, &log.request(0, 300)), Answer::Conflict { size: 300, forked: false });
    assert_eq!(ask(&witness, &log.request(7, 257)), Answer::Conflict { size: 300, forked: false });
    drop(witness);
    // It remembers over a restart, and for as long as it runs nobody else writes its folder.
    let witness = open(folder.path());
    assert_eq!(witness.sizes().collect::<Vec<_>>(), [(ORIGIN, 300)]);
    let second = Witness::open(folder.path(), witness_key(), &[log_key().vkey().clone()]);
    assert!(matches!(second, Err(WitnessError::Locked(_))));
    assert!(cosigned(&ask(&witness, &log.request(300, 300))));
}

#[test]
fn rollback_and_fork_are_refused_and_a_proof_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (log, other, witness) = (Leaves::new(300, 0), Leaves::new(300, 1), open(folder.path()));
    assert!(cosigned(&ask(&witness, &log.request(0, 200))));
    // An older copy, put back.
    assert_eq!(ask(&witness, &log.request(100, 150)), Answer::Conflict { size: 200, forked: false });
    // Another history: longer, as long, with a proof of its own or a true one.
    assert_eq!(ask(&witness, &other.request(200, 250)), Answer::Inconsistent);
    let stolen = log.request(200, 250).split_once("\n\n").unwrap().0.to_owned();
    assert_eq!(ask(&witness, &format!("{stolen}\n\n{}", other.note(250))), Answer::Inconsistent);
    assert_eq!(ask(&witness, &request::write(200, &[], &log.note(250))), Answer::Inconsistent);
    assert!(fs::read_dir(folder.path()).unwrap().count() == 1, "a proof that fails proves nothing to others");
    assert_eq!(ask(&witness, &other.request(200, 200)), Answer::Conflict { size: 200, forked: true });
    let stem = HEXLOWER.encode(&sha256(ORIGIN.as_bytes()));
    let read = |end: &str| fs::read(folder.path().join(format!("{stem}.{end}"))).unwrap();
    let shown = Note::parse(&read("fork-shown")).unwrap();
    assert_eq!(Checkpoint::of_note(&shown, log_key().vkey()).unwrap().root, other.root(200));
    assert_eq!(read("fork-before"), read("cosigned"));
    assert_eq!(witness_key().key().verify(&Note::parse(&read("fork-before")).unwrap()), Ok(1_800_000_000));
    // The first proof stays, and the true history goes on.
    assert_eq!(ask(&witness, &Leaves::new(200, 2).request(200, 200)), Answer::Conflict { size: 200, forked: true });
    assert_eq!(shown, Note::parse(&read("fork-shown")).unwrap());
    assert!(cosigned(&ask(&witness, &log.request(200, 250))));
}

#[test]
fn strangers_and_loose_requests_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (log, witness) = (Leaves::new(20, 0), open(folder.path()));
    let good = log.request(0, 10);
    let stranger = Signer::from_seed(ORIGIN, &[9; 32]).unwrap();
    let text = Note::parse(log.note(10).as_bytes()).unwrap().text;
    assert_eq!(ask(&witness, &format!("old 0\n\n{}", stranger.sign_note(&text))), Answer::Untrusted);
    let unknown = Signer::from_seed("other.test/log", &[42; 32]).unwrap();
    let note = Checkpoint { origin: "other.test/log".into(), size: 10, root: [1; 32] }.sign(&unknown);
    assert_eq!(ask(&witness, &format!("old 0\n\n{note}")), Answer::Unknown);
    assert_eq!(ask(&witness, &request::write(11, &[], &log.note(10))), Answer::Malformed);
    for (from, to) in [
        ("old 0", "old 00"),
        ("old 0", "old +0"),
        ("old 0", "old  0"),
        ("old 0", "Old 0"),
        ("old 0", "old -1"),
        ("old 0", "old 18446744073709551616"),
        ("old 0\n", "old 0\r\n"),
        ("old 0\n\n", "old 0\n"),
        ("old 0\n\n", "old 0\n\n\n"),
        ("old 0\n\n", "old 0\nAAAA\n\n"),
        ("old 0\n\n", &format!("old 0\n{}\n\n", BASE64.encode(&[0; 31]))),
        ("old 0\n\n", &format!("old 0\n{}\n", write_lines(&vec![[0; 32]; 64]))),
        ("\n10\n", "\n010\n"),
        ("\u{2014} ", "- "),
    ] {
        assert!(good.contains(from));
        assert_eq!(ask(&witness, &good.replacen(from, to, 1)), Answer::Malformed, "{to:?}");
    }
    assert_eq!(witness.add_checkpoint(&vec![b'a'; REQUEST_BYTES_MAX + 1], NOW), Answer::Malformed);
    // An empty tree has one root.
    let empty = Checkpoint { origin: ORIGIN.into(), size: 0, root: [1; 32] }.sign(&log_key());
    assert_eq!(ask(&witness, &request::write(0, &[], &empty)), Answer::Inconsistent);
    // A first checkpoint has nothing to prove, and proves nothing.
    assert_eq!(ask(&witness, &request::write(0, &[[0; 32]], &log.note(10))), Answer::Inconsistent);
    assert_eq!((witness.sizes().next(), fs::read_dir(folder.path()).unwrap().count()), (Some((ORIGIN, 0)), 0));
    // Other signatures, and lines of another log's own, are no obstacle.
    let extended = format!("{text}a line of its own\n");
    assert!(cosigned(&ask(&witness, &format!("old 0\n\n{}", log_key().sign_note(&extended)))));
    let long = format!("{text}{}\n", "x".repeat(request::TEXT_BYTES_MAX));
    assert_eq!(ask(&witness, &format!("old 10\n\n{}", log_key().sign_note(&long))), Answer::Malformed);
    let both = format!("{}{}", log.request(10, 10), witness_key().cosign(&text, NOW));
    assert!(cosigned(&ask(&witness, &both)));
}

#[test]
fn every_changed_byte_of_a_request_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (log, witness) = (Leaves::new(300, 0), open(folder.path()));
    assert!(cosigned(&ask(&witness, &log.request(0, 123))));
    let good = log.request(123, 299).into_bytes();
    for i in 0..good.len() {
        for mask in [1, 2, 4, 0x20, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[i] ^= mask;
            assert!(!cosigned(&witness.add_checkpoint(&bad, NOW)), "byte {i} ^ {mask}");
        }
    }
    for cut in 0..good.len() {
        assert!(!cosigned(&witness.add_checkpoint(&good[..cut], NOW)), "cut at {cut}");
    }
    assert_eq!(witness.sizes().next(), Some((ORIGIN, 123)));
}

#[test]
fn a_memory_that_was_touched_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = Leaves::new(20, 0);
    assert!(cosigned(&ask(&open(folder.path()), &log.request(0, 10))));
    let memory = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&memory).unwrap();
    for i in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[i] ^= 1;
        fs::write(&memory, &bad).unwrap();
        let opened = Witness::open(folder.path(), witness_key(), &[log_key().vkey().clone()]);
        assert!(matches!(opened, Err(WitnessError::Refused(_))), "byte {i}");
    }
    fs::write(&memory, &bytes).unwrap();
    assert_eq!(open(folder.path()).sizes().next(), Some((ORIGIN, 10)));
}

/// A disk that fails at its nth operation, and then does nothing more: what a crash at that moment leaves.
struct CrashingDisk {
    left: Mutex<u32>,
    crashed: AtomicBool,
}

impl CrashingDisk {
    fn step(&self) -> io::Result<()> {
        let mut left = self.left.lock().unwrap();
        if *left == 0 {
            self.crashed.store(true, SeqCst);
            return Err(io::Error::other("crashed"));
        }
        *left -= 1;
        Ok(())
    }
}

impl Disk for CrashingDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step().and_then(|()| RealDisk.create(path))
    }
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        // Half of it may be there.
        self.step().inspect_err(|_| drop(RealDisk.write_at(file, &bytes[..bytes.len() / 2], offset)))?;
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.sync(file))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.rename(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.remove(path))
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.sync_folder(path))
    }
}

#[test]
fn a_crash_at_any_step_never_forgets_what_was_cosigned() {
    let (log, other) = (Leaves::new(30, 0), Leaves::new(30, 1));
    let mut crashes = 0;
    for left in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        assert!(cosigned(&ask(&open(folder.path()), &log.request(0, 10))));
        let disk = Arc::new(CrashingDisk { left: Mutex::new(left), crashed: AtomicBool::new(false) });
        let keys = [log_key().vkey().clone()];
        let witness = Witness::open_on(folder.path(), witness_key(), &keys, disk.clone()).unwrap();
        let answer = ask(&witness, &log.request(10, 20));
        assert_eq!(cosigned(&answer), !disk.crashed.load(SeqCst), "{left}");
        crashes += u32::from(answer == Answer::Failed);
        drop(witness);
        // After the restart: what was cosigned is remembered, what was not may be either, and no other history passes.
        let witness = open(folder.path());
        let size = witness.sizes().next().unwrap().1;
        assert!(size == 20 || (size == 10 && answer == Answer::Failed), "{left}: {size}");
        assert!(!cosigned(&ask(&witness, &other.request(size, 30))));
        assert!(!cosigned(&ask(&witness, &other.request(10, 30))));
        assert!(cosigned(&ask(&witness, &log.request(size, 30))));
    }
    assert!((4..12).contains(&crashes), "{crashes}");
}

#[test]
fn requests_that_come_together_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    let histories: Vec<Leaves> = (0..4).map(|history| Leaves::new(40, history)).collect();
    let given: Vec<(usize, bool)> = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..8)
            .map(|i| {
                let (witness, log) = (&witness, &histories[i % 4]);
                scope.spawn(move || (i % 4, cosigned(&ask(witness, &log.request(0, 20 + i as u64)))))
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    // All of them say that nothing was seen before: that is true for one only.
    assert_eq!(given.iter().filter(|(_, cosigned)| *cosigned).count(), 1);
}

fn feed(folder: &Path, data: &Path) -> Feed {
    Feed::new(folder, data, witness_key().key().clone()).unwrap()
}

fn reply(witness: &Witness, submission: &feed::Submission) -> Reply {
    match ask(witness, &submission.body) {
        Answer::Cosigned(line) => Reply::Cosigned(line),
        Answer::Conflict { size, .. } => Reply::Conflict(size),
        Answer::Inconsistent => Reply::Inconsistent,
        other => Reply::Refused(format!("{other:?}")),
    }
}

async fn grow(folder: &Path, entries: u64, history: u8) {
    let mut config = LogConfig::new(folder.to_owned(), log_key());
    (config.checkpoint_delay, config.reserve_slots) = (Duration::from_millis(5), 4);
    let Opened { log, .. } = Log::open(config, NOW).unwrap();
    for index in 0..entries {
        log.append(vec![history, index as u8, (index >> 8) as u8]).await.unwrap();
    }
    log.close().await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let (path, target) = (item.as_ref().unwrap().path(), to.join(item.as_ref().unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &target)
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_feeds_a_witness_and_a_rollback_is_an_alarm() {
    let at = tempfile::tempdir().unwrap();
    let (folder, older, data) = (at.path().join("log"), at.path().join("older"), at.path().join("witnessed"));
    let witness = open(&at.path().join("witness"));
    grow(&folder, 300, 0).await;
    let sent = feed(&folder, &data).next().unwrap().unwrap();
    assert_eq!((sent.old, sent.checkpoint.size), (0, 300));
    let next = feed(&folder, &data).settle(&sent, reply(&witness, &sent), NOW).unwrap();
    assert_eq!(next, Next::Witnessed { size: 300, first_of_day: true });
    assert_eq!(feed(&folder, &data).next(), Ok(None));
    copy(&folder, &older);
    grow(&folder, 500, 1).await;
    let sent = feed(&folder, &data).next().unwrap().unwrap();
    assert_eq!((sent.old, sent.checkpoint.size), (300, 800));
    let next = feed(&folder, &data).settle(&sent, reply(&witness, &sent), NOW).unwrap();
    assert_eq!(next, Next::Witnessed { size: 800, first_of_day: false });
    let mut kept: Vec<_> = fs::read_dir(data.join(ORIGIN)).unwrap().map(|file| file.unwrap().file_name()).collect();
    kept.sort();
    let id = HEXLOWER.encode(&witness_key().key().id());
    assert_eq!(kept, [format!("2027-01-15-{id}"), format!("latest-{id}")].map(std::ffi::OsString::from));

    // A node that lost what it keeps learns from the witness where it was.
    let elsewhere = at.path().join("elsewhere");
    let lost = feed(&folder, &elsewhere);
    let sent = lost.next().unwrap().unwrap();
    assert_eq!(lost.settle(&sent, reply(&witness, &sent), NOW).unwrap(), Next::Again(800));
    let sent = lost.from(800).unwrap();
    assert!(matches!(lost.settle(&sent, reply(&witness, &sent), NOW).unwrap(), Next::Witnessed { size: 800, .. }));

    // The older copy, as it was; then grown again with other entries, to less, as much and more than was seen.
    for (more, size, said) in [(0, 300, "older copy"), (500, 800, "written anew"), (1, 801, "written anew")] {
        grow(&older, more, 2).await;
        for witnessed in [&data, &at.path().join("nothing")] {
            let rolled = feed(&older, witnessed);
            let mut sent = rolled.next().unwrap().unwrap();
            let mut next = rolled.settle(&sent, reply(&witness, &sent), NOW).unwrap();
            if let Next::Again(from) = next {
                sent = rolled.from(from).unwrap();
                next = rolled.settle(&sent, reply(&witness, &sent), NOW).unwrap();
            }
            assert!(matches!(&next, Next::Forked(why) if why.contains(said)), "{size}: {next:?}");
        }
    }
    assert_eq!(witness.sizes().next(), Some((ORIGIN, 800)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_the_witnesss_is_refused_and_not_kept() {
    let at = tempfile::tempdir().unwrap();
    let (folder, data) = (at.path().join("log"), at.path().join("witnessed"));
    grow(&folder, 3, 0).await;
    let feed = feed(&folder, &data);
    let sent = feed.next().unwrap().unwrap();
    let text = sent.checkpoint.text();
    let stranger = WitnessSigner::from_seed("witness.test/w1", &[4; 32]).unwrap();
    let long = witness_key().cosign(&text, NOW).repeat(17);
    for lines in ["", "\n", "garbage", &stranger.cosign(&text, NOW), &witness_key().cosign("other\n", NOW), &long] {
        let next = feed.settle(&sent, Reply::Cosigned(lines.to_owned()), NOW).unwrap();
        assert!(matches!(next, Next::Refused(_)), "{lines:?}");
    }
    assert!(!data.exists());
    // Beside the lines of others, the witness's own is enough, and alone is kept.
    let other = WitnessSigner::from_seed("witness.test/w2", &[4; 32]).unwrap();
    let lines = format!("{}{}", other.cosign(&text, NOW), witness_key().cosign(&text, NOW));
    let next = feed.settle(&sent, Reply::Cosigned(lines), NOW).unwrap();
    assert!(matches!(next, Next::Witnessed { size: 3, .. }));
    assert_eq!(feed.kept().latest().unwrap(), Some((sent.checkpoint, 1_800_000_000)));
    // What is kept and was changed is no ground to go on from.
    let latest = data.join(ORIGIN).join(format!("latest-{}", HEXLOWER.encode(&witness_key().key().id())));
    fs::write(&latest, fs::read_to_string(&latest).unwrap().replace("\n3\n", "\n4\n")).unwrap();
    assert!(matches!(feed.next(), Err(FeedError::Kept(_))));
}

#[test]
fn the_days_kept_are_bounded() {
    let at = tempfile::tempdir().unwrap();
    let kept = Kept::new(at.path(), Keys::only(log_key().vkey().clone()), witness_key().key().clone());
    let folder = at.path().join(ORIGIN);
    fs::create_dir_all(&folder).unwrap();
    let id = HEXLOWER.encode(&witness_key().key().id());
    for day in 0..DAYS_KEPT_MAX as u64 {
        let day = kept::day_of(NOW - Duration::from_secs(86_400 * (day + 1)));
        fs::write(folder.join(format!("{day}-{id}")), "").unwrap();
    }
    fs::write(folder.join("1999-01-01-00000000"), "another witness's").unwrap();
    assert!(kept.keep("x", NOW).unwrap());
    assert!(!kept.keep("y", NOW + Duration::from_secs(60)).unwrap());
    let day = format!("{}-{id}", kept::day_of(NOW));
    assert_eq!(fs::read_to_string(folder.join(day)).unwrap(), "x");
    assert_eq!(fs::read_to_string(folder.join(format!("latest-{id}"))).unwrap(), "y");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), DAYS_KEPT_MAX + 2);
    assert!(folder.join("1999-01-01-00000000").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is asked in whatever order by whoever holds the key, all that is ever cosigned is of one history.
    #[test]
    fn two_histories_are_never_cosigned(asked in prop::collection::vec((0_u8..2, 0_u64..40, 0_u64..40), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let witness = open(folder.path());
        let histories = [Leaves::new(40, 0), Leaves::new(40, 1)];
        let (mut last, mut chosen) = (0, None);
        for (history, old, size) in asked {
            let answer = ask(&witness, &histories[usize::from(history)].request(old, size));
            // The model: one number, and the history that the first entry chose.
            let good = old == last && size >= old && (last == 0 || chosen == Some(history));
            prop_assert_eq!(cosigned(&answer), good, "{} {} {} {:?}", history, old, size, answer);
            if good {
                last = size;
                chosen = (size > 0).then_some(history);
            }
        }
        drop(witness);
        let witness = open(folder.path());
        prop_assert_eq!(witness.sizes().next(), Some((ORIGIN, last)));
    }

    #[test]
    fn garbage_never_panics(bytes: Vec<u8>, text: String) {
        let _ = Request::parse(&bytes);
        let _ = Request::parse(text.as_bytes());
        let _ = Request::parse(format!("old 1\n{text}").as_bytes());
        let _ = request::head(&text);
    }
}
