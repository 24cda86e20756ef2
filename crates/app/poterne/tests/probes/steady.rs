//! What must happen within milliseconds says nothing on a machine that gives nobody a turn for as long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const TURN: Duration = Duration::from_millis(5);
/// A thread that only sleeps waits this much longer than it asked for: the machine has other things to do.
const LATE: Duration = Duration::from_millis(25);
const ROUNDS_MAX: u32 = 6;

/// How late a sleeping thread was woken at worst.
struct Lateness {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Lateness {
    fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let thread = thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !until.load(Relaxed) {
                let asked = Instant::now();
                thread::sleep(TURN);
                worst = worst.max(asked.elapsed().saturating_sub(TURN));
            }
            worst
        });
        Self { over, thread }
    }

    fn end(self) -> Duration {
        self.over.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

/// What was measured; measured again if it did not hold while the machine itself was late. What does not hold on a machine
/// that keeps time is given at once.
pub async fn measured<T>(measure: impl AsyncFn() -> T, holds: impl Fn(&T) -> bool) -> T {
    let mut rounds = 0;
    loop {
        let lateness = Lateness::begin();
        let found = measure().await;
        rounds += 1;
        if lateness.end() < LATE || rounds == ROUNDS_MAX || holds(&found) {
            return found;
        }
    }
}
