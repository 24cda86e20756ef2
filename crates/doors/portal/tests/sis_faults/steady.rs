//! How late the machine itself was while something was measured.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const TURN: Duration = Duration::from_millis(5);

/// A thread that only sleeps: what it sleeps longer than it asked for, the machine gave to others.
pub struct Lateness {
    began: Instant,
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Lateness {
    pub fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let thread = thread::spawn(move || {
            let mut late = Duration::ZERO;
            while !until.load(Relaxed) {
                let asked = Instant::now();
                thread::sleep(TURN);
                late += asked.elapsed().saturating_sub(2 * TURN);
            }
            late
        });
        Self { began: Instant::now(), over, thread }
    }

    /// How long it took on a machine that keeps time.
    pub fn took(self) -> Duration {
        let took = self.began.elapsed();
        self.over.store(true, Relaxed);
        took.saturating_sub(self.thread.join().unwrap())
    }
}
