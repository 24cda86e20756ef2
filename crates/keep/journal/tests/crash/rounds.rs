//! The rounds: start, kill, perhaps kill again while it recovers, open, compare with what was acknowledged.

use crate::{account::Account, load, node};
use std::{
    fs,
    io::{BufRead, BufReader},
    ops::Range,
    panic::resume_unwind,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// Rounds that one folder lives: what is verified after each grows with its age.
const ROUNDS_OF_A_FOLDER: u64 = 25;
/// Folders that live at once: much of a round is waiting for a process, or for the disk.
const LANES: usize = 2;

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its start: most often while it opens and recovers.
    AfterStart(Duration),
    /// So long after it said that it is open.
    AfterOpen(Duration),
}

/// What the rounds came to.
#[derive(Default)]
struct Told {
    acknowledged: u64,
    interrupted: u64,
    left_open: u64,
}

pub fn run(rounds: u64, seed: u64) {
    let (began, next) = (Instant::now(), AtomicU64::new(0));
    let lane = || {
        let mut told = Vec::new();
        loop {
            let first = next.fetch_add(ROUNDS_OF_A_FOLDER, SeqCst);
            if first >= rounds {
                return told;
            }
            told.push(live(first..rounds.min(first + ROUNDS_OF_A_FOLDER), seed));
        }
    };
    let told: Vec<Told> = thread::scope(|scope| {
        let lanes = [(); LANES].map(|()| scope.spawn(lane));
        lanes.into_iter().flat_map(|lane| lane.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let sum = |of: fn(&Told) -> u64| told.iter().map(of).sum::<u64>();
    let (acknowledged, left_open) = (sum(|told| told.acknowledged), sum(|told| told.left_open));
    println!(
        "{rounds} rounds and {} kills during recovery in {:.1} s: {acknowledged} acknowledged, intents left open \
         {left_open} times",
        sum(|told| told.interrupted),
        began.elapsed().as_secs_f32()
    );
    assert!(acknowledged > rounds * 10, "a load that acknowledges {acknowledged} in {rounds} rounds is none");
    assert!(left_open * 4 > rounds, "acts were seldom under way: the moments are badly chosen");
}

/// The rounds of one folder. Its moments are its own, whatever lives beside it.
fn live(rounds: Range<u64>, seed: u64) -> Told {
    let mut random = fastrand::Rng::with_seed(seed.wrapping_add(rounds.start));
    let (place, mut account, mut told) = (tempfile::tempdir().unwrap(), Account::default(), Told::default());
    let place = place.path();
    node::create(place);
    for round in rounds {
        // One in ten lives long enough to publish checkpoints by itself.
        let life = if round % 10 == 9 { random.u64(300_000..700_000) } else { random.u64(1_000..50_000) };
        kill_once(place, &mut account, Moment::AfterOpen(Duration::from_micros(life)), random.u64(..));
        told.left_open += u64::from(account.has_open_intents(place));
        while random.u8(..) < 80 {
            let life = Duration::from_micros(random.u64(1_000..250_000));
            kill_once(place, &mut account, Moment::AfterStart(life), random.u64(..));
            told.interrupted += 1;
        }
        let clean = random.bool();
        account.settle(place, clean, &format!("round {round} of seed {seed}"));
        told.acknowledged += account.take_count();
    }
    told
}

/// Starts the process, kills it at its moment, and writes down what it had acknowledged.
fn kill_once(folder: &Path, account: &mut Account, moment: Moment, seed: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(load::FOLDER, folder)
        .env(load::SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let opened = Arc::new(AtomicBool::new(false));
    let killer = {
        let (opened, folder) = (Arc::clone(&opened), folder.to_owned());
        thread::spawn(move || kill_at(child, moment, &opened, &folder))
    };
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        // The last one may be cut short: it then has no end.
        if let Some(whole) = line.strip_suffix('\n') {
            opened.fetch_or(whole == "open", SeqCst);
            account.acknowledge(whole);
        }
        line.clear();
    }
    for checkpoint in killer.join().unwrap() {
        account.keep(folder, &checkpoint);
    }
}

/// Waits for the moment, kills, and gives the checkpoints seen on the way: each was published, somebody may keep it.
fn kill_at(mut child: Child, moment: Moment, opened: &AtomicBool, folder: &Path) -> Vec<Vec<u8>> {
    let (started, mut open_since, mut seen) = (Instant::now(), None, Vec::new());
    let mut look = || {
        if let Ok(bytes) = fs::read(node::log(folder).join("checkpoint"))
            && seen.last() != Some(&bytes)
        {
            seen.push(bytes);
        }
    };
    loop {
        look();
        if opened.load(SeqCst) {
            open_since.get_or_insert_with(Instant::now);
        }
        let left = match (moment, open_since) {
            (Moment::AfterStart(life), _) => life.saturating_sub(started.elapsed()),
            (Moment::AfterOpen(life), Some(since)) => life.saturating_sub(since.elapsed()),
            (Moment::AfterOpen(_), None) => Duration::from_millis(1),
        };
        if left.is_zero() {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "the process ended by itself: see above");
        assert!(started.elapsed() < Duration::from_secs(60), "the process does not open its journal");
        thread::sleep(left.min(Duration::from_micros(500)));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    look();
    seen
}
