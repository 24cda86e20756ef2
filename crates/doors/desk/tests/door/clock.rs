//! The time of these tests: it stands still until one of them moves it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use types::{Clock, Time};

/// Friday 20 November 2026, 11:00 in Paris.
const START_MICROS: i64 = 1_795_168_800_000_000;

#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MICROS)))
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// So many minutes from now.
    pub fn minutes(&self, minutes: i64) -> Time {
        Time::from_micros(self.now().micros() + minutes * 60_000_000)
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}
