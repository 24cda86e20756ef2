//! The capability to read the time; implemented in `keep`, and by tests that move it by hand.

use crate::Time;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Time;
}
