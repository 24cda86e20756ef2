//! Searching ten million traces: how long the index takes to be made, and its searches to answer, turn by turn with the
//! bare reading of as many entries. Usage and aims: bench/README.md.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]

mod asked;
mod events;

use asked::Asked;
use events::Events;
use journal::{
    index::Index,
    log::{Log, LogConfig, Signer},
    testing::Writer,
};
use std::{
    fs,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use types::Time;
use vault::{Holder, MasterKey, MonthKeys, Purpose};

const USAGE: &str = "Usage: bench/search-speed [--events N] [--rounds N] [--folder DIR] generate|index|search";
/// As a demonstration has it: its folder can be one of these.
const ORIGIN: &str = "demo";
/// Entries that the index looks at in one go, as a node's upkeep does.
const SLICE: u64 = 65_536;

struct Plan {
    events: u64,
    rounds: usize,
    folder: PathBuf,
    phase: String,
}

impl Plan {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let (mut events, mut rounds, mut folder, mut phase) = (10_000_000, 300, None, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--events" => events = words.next()?.parse().ok().filter(|events| *events > 0)?,
                "--rounds" => rounds = words.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
                "--folder" => folder = Some(words.next()?.into()),
                // What `cargo bench` adds.
                "--bench" => {}
                "generate" | "index" | "search" => phase = Some(word),
                _ => return None,
            }
        }
        Some(Self { events, rounds, folder: folder?, phase: phase? })
    }

    fn journals(&self) -> PathBuf {
        self.folder.join("journal")
    }

    fn keys(&self) -> (MasterKey, Arc<MonthKeys>) {
        let keys = self.folder.join("keys");
        let path = keys.join("master.key");
        if !path.exists() {
            fs::create_dir_all(&keys).unwrap();
            MasterKey::create(&path).unwrap();
        }
        let master = MasterKey::load(&path).unwrap();
        let months = Arc::new(MonthKeys::new(&self.folder.join("vault"), &master).unwrap());
        (master, months)
    }

    fn index(&self) -> Index {
        let (master, months) = self.keys();
        Index::new(&self.folder.join("index"), &self.journals(), months, &master).unwrap()
    }
}

fn main() {
    let Some(plan) = Plan::read(std::env::args().skip(1)) else {
        println!("{USAGE}");
        std::process::exit(2);
    };
    match plan.phase.as_str() {
        "generate" => generate(&plan),
        "index" => index(&plan),
        _ => search(&plan),
    }
}

fn generate(plan: &Plan) {
    let began = Instant::now();
    let (master, months) = plan.keys();
    // The node's own key: it goes on with this journal.
    let seed = master.keys_for(Holder::Journal).token(Purpose::JournalSigning, &[ORIGIN.as_bytes()]).unwrap();
    let signer = Signer::from_seed(ORIGIN, &seed).unwrap();
    let config = LogConfig::new(plan.journals().join(ORIGIN), signer);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let written = runtime.block_on(async {
        let log = Log::open(config, Time::from_micros(events::BEGINS)).unwrap().log;
        let mut writer = Writer::new(&months, &log);
        for trace in Events::new(plan.events) {
            writer.write(&trace).await.unwrap();
        }
        writer.flush().await.unwrap();
        let written = log.entries();
        log.close().await.unwrap();
        written
    });
    println!("written: {written} entries in {:.0} s", began.elapsed().as_secs_f64());
}

fn index(plan: &Plan) {
    let (began, mut index) = (Instant::now(), plan.index());
    while !index.catch_up(SLICE).unwrap() {}
    index.settle().unwrap();
    let (took, (entries, _)) = (began.elapsed().as_secs_f64(), index.progress());
    println!("index made: {entries} entries in {took:.0} s, {:.0} entries/s", entries as f64 / took);
    let own = own_bytes(&plan.journals().join(ORIGIN));
    let journal = on_disk(&plan.journals());
    let indexed = on_disk(&plan.folder.join("index"));
    println!(
        "bytes on the disk: {:.3} x the entries' own (journal {:.3}, index {:.3}); aim: at most 1.5",
        (journal + indexed) as f64 / own as f64,
        journal as f64 / own as f64,
        indexed as f64 / own as f64,
    );
    memory("while it was made");
}

fn search(plan: &Plan) {
    let began = Instant::now();
    let mut index = plan.index();
    while !index.catch_up(SLICE).unwrap() {}
    println!("opened in {:.0} ms, over {} entries", began.elapsed().as_secs_f64() * 1e3, index.progress().0);
    memory("opened");
    let bare = Bare::open(&plan.journals().join(ORIGIN));
    let mut asked = Asked::new();
    for kind in asked::KINDS {
        let (mut took, mut raw, mut found) = (Vec::new(), Vec::new(), 0_usize);
        for _ in 0..plan.rounds {
            raw.push(bare.read_fifty(asked.random()));
            let query = asked.query(kind.name);
            let began = Instant::now();
            found += if kind.counts {
                index.counts(&query).unwrap().cells.len()
            } else {
                index.search(&query, None, 50).unwrap().hits.len()
            };
            took.push(began.elapsed());
        }
        kind.print(&mut took, &mut raw, found as f64 / plan.rounds as f64);
    }
    memory("after all searches");
}

/// The least that showing fifty traces takes: fifty readings at random places of the journal's files.
struct Bare(Vec<(fs::File, u64)>);

impl Bare {
    fn open(journal: &Path) -> Self {
        let mut files = Vec::new();
        walk(journal, &mut |path, length| {
            if length > 4096 && path.to_string_lossy().contains("/entries/") {
                files.push((fs::File::open(path), length));
            }
            files.len() < 500
        });
        Self(files.into_iter().filter_map(|(file, length)| Some((file.ok()?, length))).collect())
    }

    fn read_fifty(&self, random: &mut fastrand::Rng) -> Duration {
        let began = Instant::now();
        let mut entry = [0; 400];
        for _ in 0..50 {
            let (file, length) = &self.0[random.usize(..self.0.len())];
            file.read_exact_at(&mut entry, random.u64(..length - 400)).unwrap();
        }
        began.elapsed()
    }
}

fn walk(folder: &Path, each: &mut dyn FnMut(&Path, u64) -> bool) {
    for item in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let Ok(meta) = item.metadata() else { continue };
        if meta.is_dir() {
            walk(&item.path(), each);
        } else if !each(&item.path(), meta.len()) {
            return;
        }
    }
}

fn on_disk(folder: &Path) -> u64 {
    let mut bytes = 0;
    walk(folder, &mut |path, _| {
        bytes += fs::metadata(path).map_or(0, |meta| meta.blocks() * 512);
        true
    });
    bytes
}

fn own_bytes(journal: &Path) -> u64 {
    journal::log::read_entries(journal, 0..u64::MAX).unwrap().map(|read| read.unwrap().1.len() as u64).sum()
}

/// What the system says of this process.
fn memory(when: &str) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    };
    println!("memory {when}: {:.0} MB, at most {:.0} MB", of("VmRSS:"), of("VmHWM:"));
}
