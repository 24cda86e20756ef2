//! The log by itself: entries are bytes, nothing is sealed.

use crate::{
    Plan, median,
    raw::{EVENT_BYTES, Raw},
    share,
};
use journal::log::{Log, LogConfig, Opened, Signer};
use std::{
    future::Future,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use types::Time;

const CALLERS: usize = 64;
const BATCHERS: usize = 16;
const BATCH: usize = 256;

/// What callers saw in one turn.
pub struct Turn {
    /// How long each call took, sorted.
    pub took: Vec<Duration>,
    /// How long all of it took.
    pub span: Duration,
    /// Calls acknowledged within each second of it.
    pub seconds: Vec<usize>,
}

impl Turn {
    /// Calls a second.
    pub fn rate(&self) -> f64 {
        self.took.len() as f64 / self.span.as_secs_f64()
    }
}

/// Lets callers call for the length of a turn.
pub async fn turn<F, C>(callers: usize, length: Duration, call: C) -> Turn
where
    C: Fn(usize) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let (call, start) = (Arc::new(call), Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let call = Arc::clone(&call);
            tokio::spawn(async move {
                let mut took = Vec::new();
                while start.elapsed() < length {
                    let before = Instant::now();
                    call(caller).await;
                    took.push((before.elapsed(), start.elapsed()));
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    let span = start.elapsed();
    let mut seconds = vec![0; span.as_secs() as usize + 1];
    for (_, at) in &all {
        if let Some(count) = seconds.get_mut(at.as_secs() as usize) {
            *count += 1;
        }
    }
    let mut took: Vec<Duration> = all.into_iter().map(|(took, _)| took).collect();
    took.sort();
    Turn { took, span, seconds }
}

/// A log in a folder.
pub fn open(folder: &Path) -> Opened {
    let signer = Signer::from_seed("bench/log", &[7; 32]).unwrap();
    Log::open(LogConfig::new(folder.join("log"), signer), Time::from_micros(0)).unwrap()
}

/// Waits until all is under a checkpoint: the next turn of the bare disk has the disk for itself.
pub async fn settle(log: &Log) {
    let (size, mut checkpoint) = (log.entries(), log.checkpoint());
    checkpoint.wait_for(|published| published.size >= size).await.unwrap();
}

/// An event of the usual weight, no two alike.
fn event() -> Vec<u8> {
    let mut entry = vec![0; EVENT_BYTES];
    fastrand::fill(&mut entry);
    entry
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Prints how evenly a long turn went.
pub fn print_sustained(turn: &Turn, unit: f64, what: &str) {
    let whole = turn.seconds.get(..turn.seconds.len().saturating_sub(1)).unwrap_or_default();
    let (low, high) = (whole.iter().min().copied().unwrap_or(0), whole.iter().max().copied().unwrap_or(0));
    let first = whole.first().copied().unwrap_or(0);
    println!(
        "  over {:.0} s: {:.0} {what} (first second {:.0}, slowest {:.0}, fastest {:.0})",
        turn.span.as_secs_f64(),
        turn.rate() * unit,
        first as f64 * unit,
        low as f64 * unit,
        high as f64 * unit,
    );
}

/// One caller, from the append to the durable acknowledgement.
pub fn one(plan: &Plan, runtime: &Runtime) {
    let folder = plan.folder();
    let (opened, mut raw) = (open(folder.path()), Raw::events(folder.path()));
    let (mut ratios, mut ours, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let disk = micros(share(&raw.event_turn(plan.turn / 2), 0.5));
        let log = opened.log.clone();
        let call = move |_| drop_answer(log.append(event()));
        let mine = micros(share(&runtime.block_on(turn(1, plan.turn, call)).took, 0.5));
        runtime.block_on(settle(&opened.log));
        ratios.push(mine / disk);
        ours.push(mine);
        bare.push(disk);
    }
    println!("one caller: {:.2} x raw, median (aim: at most 1.8)", median(ratios));
    println!("  ours {:.0} us, raw {:.0} us", median(ours), median(bare));
    runtime.block_on(opened.log.close()).unwrap();
}

async fn drop_answer<T>(answer: impl Future<Output = Result<T, journal::log::LogError>>) {
    answer.await.expect("the log takes it");
}

/// Turns of many callers against the bare disk; then one long turn.
pub fn compare<F, C>(plan: &Plan, runtime: &Runtime, folder: &Path, name: &str, call: C, settle: impl AsyncFn())
where
    C: Fn(usize) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let mut raw = Raw::events(folder);
    let (mut ratios, mut tails, mut rates, mut raws) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut round = |length: Duration| {
        let disk = raw.event_turn(plan.turn / 2);
        let raw_rate = disk.len() as f64 / disk.iter().sum::<Duration>().as_secs_f64();
        let mine = runtime.block_on(turn(CALLERS, length, call.clone()));
        runtime.block_on(settle());
        (
            mine.rate() / raw_rate,
            micros(share(&mine.took, 0.99)) / micros(share(&disk, 0.5)),
            mine,
            micros(share(&disk, 0.5)),
        )
    };
    for _ in 0..plan.rounds {
        let (ratio, tail, mine, disk) = round(plan.turn);
        raws.push(disk);
        ratios.push(ratio);
        tails.push(tail);
        rates.push(mine.rate());
    }
    println!("{name}: {:.1} x the raw rate (aim: at least 16), medians of {} turns", median(ratios), plan.rounds);
    println!("  p99 {:.1} x the raw median (aim: at most 10); {:.0} events/s", median(tails), median(rates));
    println!("  raw: {:.0} us", median(raws));
    if !plan.sustained.is_zero() {
        let (ratio, tail, mine, _) = round(plan.sustained);
        println!("  sustained: {ratio:.1} x the raw rate, p99 {tail:.1} x the raw median");
        print_sustained(&mine, 1.0, "events/s");
    }
}

/// 64 callers, one event each at a time.
pub fn many(plan: &Plan, runtime: &Runtime) {
    let folder = plan.folder();
    let opened = open(folder.path());
    let log = opened.log.clone();
    let call = move |_| drop_answer(log.append(event()));
    compare(plan, runtime, folder.path(), "64 callers, the log alone", call, async || settle(&opened.log).await);
    runtime.block_on(opened.log.close()).unwrap();
}

/// Batches of 256 from 16 callers, against the bandwidth of big synced groups.
pub fn batches(plan: &Plan, runtime: &Runtime) {
    let folder = plan.folder();
    let (opened, mut raw) = (open(folder.path()), Raw::groups(folder.path()));
    let megabytes = (BATCH * EVENT_BYTES) as f64 / 1e6;
    let batches: Arc<Vec<Vec<Vec<u8>>>> =
        Arc::new((0..BATCHERS).map(|_| (0..BATCH).map(|_| event()).collect()).collect());
    let log = opened.log.clone();
    let call = move |caller: usize| drop_answer(log.append_all(batches.get(caller).cloned().unwrap_or_default()));
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    let mut round = |length: Duration| {
        let before = raw.group_turn(plan.turn / 2);
        let mine = runtime.block_on(turn(BATCHERS, length, call.clone()));
        runtime.block_on(settle(&opened.log));
        (mine.rate() * megabytes * 1e6 / before, mine)
    };
    for _ in 0..plan.rounds {
        let (ratio, mine) = round(plan.turn);
        ratios.push(ratio);
        rates.push(mine.rate() * megabytes);
    }
    println!("batches of 256 from 16 callers: {:.2} of raw (aim: at least 0.40)", median(ratios));
    println!("  {:.0} MB/s, medians of {} turns", median(rates), plan.rounds);
    if !plan.sustained.is_zero() {
        let (ratio, mine) = round(plan.sustained);
        println!("  sustained: {ratio:.2} of raw; p99 of a batch {:.0} ms", micros(share(&mine.took, 0.99)) / 1e3);
        print_sustained(&mine, megabytes, "MB/s");
    }
    runtime.block_on(opened.log.close()).unwrap();
}
