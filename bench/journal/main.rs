//! What the journal costs against the bare disk under it, turn by turn in one run: one caller, 64 callers, batches, and
//! bytes on the disk. Usage and aims: bench/README.md.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::panic)]

mod raw;
mod room;
mod rows;
mod sealed;

use std::{path::PathBuf, time::Duration};

/// What to run, from the command line.
pub struct Plan {
    /// Turns of each kind.
    pub rounds: usize,
    /// How long a turn is.
    pub turn: Duration,
    /// How long the sustained turn is.
    pub sustained: Duration,
    /// What is added to each sync.
    pub slower: Duration,
    /// Where the files go: a disk, not memory.
    pub folder: PathBuf,
    rows: Vec<String>,
}

const ROWS: [&str; 5] = ["one", "many", "sealed", "batches", "bytes"];
const USAGE: &str = "Usage: bench/log-speed [--rounds N] [--sustained SECONDS] [--folder DIR] [--slower MICROSECONDS] \
     [one|many|sealed|batches|bytes]...\n\
     --slower: every sync of either side lasts so much longer, as on a slower disk (one, many and sealed only)";

impl Plan {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut plan = Self {
            rounds: 15,
            turn: Duration::from_millis(700),
            sustained: Duration::from_secs(30),
            slower: Duration::ZERO,
            folder: std::env::temp_dir(),
            rows: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--rounds" => plan.rounds = words.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
                "--sustained" => plan.sustained = Duration::from_secs(words.next()?.parse().ok()?),
                "--slower" => plan.slower = Duration::from_micros(words.next()?.parse().ok()?),
                "--folder" => plan.folder = words.next()?.into(),
                // What `cargo bench` adds.
                "--bench" => {}
                row if ROWS.contains(&row) => plan.rows.push(row.to_owned()),
                _ => return None,
            }
        }
        // Bandwidth is not made slower: those rows would flatter.
        let bandwidth = ["batches", "bytes"].iter().any(|row| plan.wants(row));
        (plan.slower.is_zero() || !bandwidth).then_some(plan)
    }

    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }

    /// A folder of this row's own, removed at its end.
    pub fn folder(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(&self.folder).expect("the folder can be written")
    }
}

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The figure that a share of the sorted figures does not exceed.
pub fn share(sorted: &[Duration], part: f64) -> Duration {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn main() {
    let Some(plan) = Plan::read(std::env::args().skip(1)) else {
        println!("{USAGE}");
        std::process::exit(2);
    };
    journal::testing::slower_disk(plan.slower);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if plan.wants("one") {
        rows::one(&plan, &runtime);
    }
    if plan.wants("many") {
        rows::many(&plan, &runtime);
    }
    if plan.wants("sealed") {
        sealed::many(&plan, &runtime);
    }
    if plan.wants("batches") {
        rows::batches(&plan, &runtime);
    }
    if plan.wants("bytes") {
        room::bytes(&plan, &runtime);
    }
}
