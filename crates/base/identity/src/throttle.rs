//! How long to wait after failures (acces-web AA7): growing by address, never locking the real owner out.
//!
//! Two counters: one for the pair (source, login), which grows at once, and one for the source alone, which starts late
//! because a hospital's or an operator's whole network may share one address.

use std::time::Duration;
use types::Time;

/// The longest wait for a pair: five minutes.
pub const PAIR_WAIT_SECONDS_MAX: u64 = 300;
/// Failures a source may make on all logins together before it waits.
pub const SOURCE_FAILURES_FREE: u32 = 30;
/// A counter is forgotten after this long without a failure.
const FORGET_SECONDS: u64 = 3600;

/// A counter of failures, as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many in a row.
    pub count: u32,
    /// When the last one happened, in microseconds since the epoch.
    pub last_micros: i64,
}

impl Failures {
    /// The counter after one more failure at `now`.
    pub fn another(self, now: Time) -> Failures {
        let count = if self.stale(now) { 0 } else { self.count };
        Failures { count: count.saturating_add(1), last_micros: now.micros() }
    }

    /// What is still to wait at `now`, if `rule` gives the wait for a count.
    pub fn remaining(self, rule: fn(u32) -> Duration, now: Time) -> Duration {
        if self.stale(now) {
            return Duration::ZERO;
        }
        let ready = Time::from_micros(self.last_micros) + rule(self.count);
        ready.since(now)
    }

    fn stale(self, now: Time) -> bool {
        now.since(Time::from_micros(self.last_micros)) > Duration::from_secs(FORGET_SECONDS)
    }
}

/// The wait after `count` failures of a pair: 2 s, doubling, to five minutes.
pub fn pair_wait(count: u32) -> Duration {
    match count {
        0 => Duration::ZERO,
        n => Duration::from_secs((1_u64 << n.min(16)).min(PAIR_WAIT_SECONDS_MAX)),
    }
}

/// The wait after `count` failures of a source: none for the first thirty, then 2 s, doubling, to five minutes.
pub fn source_wait(count: u32) -> Duration {
    pair_wait(count.saturating_sub(SOURCE_FAILURES_FREE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_five_minutes() {
        let waits: Vec<u64> = (0..12).map(|n| pair_wait(n).as_secs()).collect();
        assert_eq!(waits, [0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(pair_wait(u32::MAX).as_secs(), 300);
        assert_eq!(source_wait(30), Duration::ZERO);
        assert_eq!(source_wait(31).as_secs(), 2);
    }

    #[test]
    fn failures_are_forgotten_after_an_hour() {
        let start = Time::from_micros(1_000_000_000);
        let mut failures = Failures::default();
        for _ in 0..5 {
            failures = failures.another(start);
        }
        assert_eq!(failures.count, 5);
        assert_eq!(failures.remaining(pair_wait, start).as_secs(), 32);
        assert_eq!(failures.remaining(pair_wait, start + Duration::from_secs(30)).as_secs(), 2);
        let later = start + Duration::from_secs(3601);
        assert_eq!(failures.remaining(pair_wait, later), Duration::ZERO);
        assert_eq!(failures.another(later).count, 1);
    }
}
