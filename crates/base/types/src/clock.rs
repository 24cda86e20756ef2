//! The capability to read the time; implemented in `keep`, and by tests that move it by hand.

use crate::{Time, actor::words};
use std::{fmt, str::FromStr};

words! {
    /// How far a clock can be believed.
    ClockState {
        /// Something keeps it on the world's time.
        Synchronized = "synchronized",
        /// Nothing does, or no longer.
        Unsynchronized = "unsynchronized",
        /// Nobody can tell.
        Unknown = "unknown",
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Time;

    /// Whether the clock is synchronized. Never blocks; asked for each trace.
    fn state(&self) -> ClockState {
        ClockState::Unknown
    }
}
