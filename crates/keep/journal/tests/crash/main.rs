//! `kill -9` at random moments under load, on a real journal with a real database, hundreds of times: what was
//! acknowledged is there, once; verification passes with the database; no checkpoint contradicts an earlier one; every
//! intent has its right outcome.
//!
//! `POTERNE_CRASH_ROUNDS` asks for more rounds, `POTERNE_SEED` for other moments; a failure tells its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod account;
mod load;
mod node;
mod rounds;

use std::path::Path;

/// Not a test of its own: the process that is killed. Without a folder in its environment it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(load::FOLDER) else { return };
    let seed = std::env::var(load::SEED).unwrap().parse().unwrap();
    load::run(Path::new(&folder), seed).await;
}

#[test]
fn killed_at_any_moment_the_journal_keeps_its_word() {
    let rounds = number("POTERNE_CRASH_ROUNDS").unwrap_or(200);
    let seed = number("POTERNE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    rounds::run(rounds, seed);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
