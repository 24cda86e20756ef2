//! What may go wrong with an information system, at a test's command.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// A handle on the SIS's faults; clones act on the same server, at once.
#[derive(Debug, Clone)]
pub struct SisFaults(Arc<Faults>);

#[derive(Debug)]
struct Faults {
    slow_millis: AtomicU64,
    leak_foreign_row: AtomicBool,
    garbage: AtomicBool,
    down: watch::Sender<bool>,
}

impl Default for SisFaults {
    fn default() -> Self {
        Self::new()
    }
}

impl SisFaults {
    /// No fault yet.
    pub fn new() -> Self {
        Self(Arc::new(Faults {
            slow_millis: AtomicU64::new(0),
            leak_foreign_row: AtomicBool::new(false),
            garbage: AtomicBool::new(false),
            down: watch::channel(false).0,
        }))
    }

    /// Every answer waits this long; zero ends the fault.
    pub fn slow(&self, wait: Duration) {
        self.0.slow_millis.store(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Connections are closed as soon as accepted, and those that stand are cut.
    pub fn down(&self, down: bool) {
        self.0.down.send_replace(down);
    }

    /// Every page of a search holds one row more, of a patient who was not asked for.
    pub fn leak_foreign_row(&self, leak: bool) {
        self.0.leak_foreign_row.store(leak, Ordering::Relaxed);
    }

    /// Every answer is cut in its middle.
    pub fn garbage(&self, garbage: bool) {
        self.0.garbage.store(garbage, Ordering::Relaxed);
    }

    pub(crate) fn wait(&self) -> Duration {
        Duration::from_millis(self.0.slow_millis.load(Ordering::Relaxed))
    }

    pub(crate) fn leaks(&self) -> bool {
        self.0.leak_foreign_row.load(Ordering::Relaxed)
    }

    pub(crate) fn garbles(&self) -> bool {
        self.0.garbage.load(Ordering::Relaxed)
    }

    pub(crate) fn watch_down(&self) -> watch::Receiver<bool> {
        self.0.down.subscribe()
    }
}
