//! How far a long verification is, for somebody who waits before a terminal.

use std::{
    cell::Cell,
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

/// Says on a terminal how far a long verification is.
pub(super) struct Progress {
    shown: bool,
    next: Cell<Instant>,
    told: Cell<bool>,
}

impl Progress {
    /// What lasts less is not spoken of.
    const QUIET: Duration = Duration::from_secs(2);
    const EVERY: Duration = Duration::from_millis(200);

    pub fn new() -> Self {
        let shown = std::io::stderr().is_terminal();
        Self { shown, next: Cell::new(Instant::now() + Self::QUIET), told: Cell::new(false) }
    }

    pub fn tell(&self, done: u64, all: u64) {
        let now = Instant::now();
        if self.shown && now >= self.next.get() {
            self.next.set(now + Self::EVERY);
            self.told.set(true);
            let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100);
            let _ = write!(std::io::stderr(), "\r{done} of {all} entries verified ({percent} %)");
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        if self.told.get() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
