//! How long to wait after failures (acces-web AA7): growing by address, never locking the real owner out.
//!
//! Two counters: one for the pair (source, login), which grows at once, and one for the source alone, which starts late,
//! stays short and drains by itself, because a hospital's or an operator's whole network may share one address. An
//! account that last signed in from that very source does not feel the second one.

use std::time::Duration;
use types::Time;

/// The longest wait for a pair: five minutes.
pub const PAIR_WAIT_SECONDS_MAX: u64 = 300;
/// Failures a source may make on all logins together before it waits.
pub const SOURCE_FAILURES_FREE: u32 = 30;
/// The longest wait for a source: it must slow a sprayer, not shut a network out.
pub const SOURCE_WAIT_SECONDS_MAX: u64 = 5;
/// A source's counter loses one failure in this time.
const SOURCE_DRAIN_SECONDS: u64 = 10;
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

    /// A source's counter after one more failure at `now`: what has drained since the last one is gone.
    pub fn another_of_source(self, now: Time) -> Failures {
        let drained = now.since(Time::from_micros(self.last_micros)).as_secs() / SOURCE_DRAIN_SECONDS;
        let count = self.count.saturating_sub(u32::try_from(drained).unwrap_or(u32::MAX));
        Failures { count: count.saturating_add(1), last_micros: now.micros() }
    }

    /// What is still to wait at `now`, if `rule` gives the wait for a count.
    pub fn remaining(self, rule: fn(u32) -> Duration, now: Time) -> Duration {
        if self.stale(now) {
            return Duration::ZERO;
        }
        let wait = rule(self.count);
        // Never more than the rule: a clock set back must not lengthen it.
        (Time::from_micros(self.last_micros) + wait).since(now).min(wait)
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

/// The wait after `count` failures of a source: none for the first thirty, then 2 s, 4 s, and 5 s at most.
pub fn source_wait(count: u32) -> Duration {
    pair_wait(count.saturating_sub(SOURCE_FAILURES_FREE)).min(Duration::from_secs(SOURCE_WAIT_SECONDS_MAX))
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
        assert_eq!(source_wait(u32::MAX).as_secs(), 5);
    }

    #[test]
    fn a_busy_network_drains() {
        let mut failures = Failures::default();
        let mut now = Time::from_micros(1_000_000_000);
        for _ in 0..40 {
            failures = failures.another_of_source(now);
        }
        assert_eq!(failures.count, 40);
        // One failure in the time that one drains: the counter stays where it is, it does not climb.
        for _ in 0..2000 {
            now = now + Duration::from_secs(11);
            failures = failures.another_of_source(now);
        }
        assert_eq!(failures.count, 40, "one in, one out");
        now = now + Duration::from_secs(400);
        assert_eq!(failures.another_of_source(now).count, 1);
    }

    #[test]
    fn a_clock_set_back_does_not_lengthen_a_wait() {
        let failures = Failures { count: 1, last_micros: 2_000_000_000_000 };
        assert_eq!(failures.remaining(pair_wait, Time::from_micros(1_000_000_000)).as_secs(), 2);
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
