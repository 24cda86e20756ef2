//! How long to wait after failures (acces-web AA7): growing by address and login, by account, by address and by network,
//! never locking the real owner out.
//!
//! Four counters. The pair (source, login) grows at once. The account's, whatever the source, counts once more than five
//! sources fail on it, so that somebody with many addresses is slowed too, and somebody with one slows nobody else. The source's and its network's start late, because a hospital's or an
//! operator's people may share one, then grow longer than the others. Whoever signs in from where his account lately did feels
//! the first one only; so does nobody with a passkey, which cannot be guessed.
//!
//! While many logins fail together the last two start sooner and forget more slowly: somebody with many addresses would else
//! stay under what each may mistype. They forget while one waits, so that honest people behind one address are not shut out:
//! whoever goes on as soon as he may settles at one failure in sixteen seconds, then in sixty-four.

use std::{net::IpAddr, time::Duration};
use types::{Source, Time};

/// The longest wait for a pair: five minutes.
pub const PAIR_WAIT_SECONDS_MAX: u64 = 300;
/// Sources that fail on an account before it waits, wherever the next one comes from: one or a few make themselves wait only.
pub const ACCOUNT_SOURCES_FREE: u32 = 5;
/// The longest wait for an account: half a minute, for its owner may be anywhere, and each guess is of password and code.
pub const ACCOUNT_WAIT_SECONDS_MAX: u64 = 30;
/// Failures a source may make on all logins together before it waits.
pub const SOURCE_FAILURES_FREE: u32 = 30;
/// The longest wait for a source: a quarter of an hour.
pub const SOURCE_WAIT_SECONDS_MAX: u64 = 900;
/// Failures a network may make before it waits.
pub const NETWORK_FAILURES_FREE: u32 = 120;
/// The longest wait for a network: an hour.
pub const NETWORK_WAIT_SECONDS_MAX: u64 = 3600;
/// A source's and a network's counter loses one failure in this time.
const SOURCE_DRAIN_SECONDS: u64 = 10;
/// The same while many logins fail together.
const SPRAY_DRAIN_SECONDS: u64 = 60;
/// Failures of a source that stay free while many logins fail together: what somebody mistypes.
pub const SPRAY_SOURCE_FAILURES_FREE: u32 = 5;
/// Failures of a network that stay free then: what a few people mistype.
pub const SPRAY_NETWORK_FAILURES_FREE: u32 = 20;
/// The longest wait that comes of that alone: what was counted before did not know of it, and other people are behind the same
/// address.
const SPRAY_WAIT_SECONDS_MAX: u64 = 64;
/// A counter is forgotten after this long without a failure.
const FORGET_SECONDS: u64 = 3600;

/// A source's network: 256 IPv4 addresses, or an IPv6 /48 (what one site holds).
pub fn network_of(source: Source) -> IpAddr {
    match source.ip() {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & 0xffff_ff00).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 80)).into()),
    }
}

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
        self.another_draining(SOURCE_DRAIN_SECONDS, now)
    }

    /// The same while many logins fail together.
    pub fn another_in_a_spray(self, now: Time) -> Failures {
        self.another_draining(SPRAY_DRAIN_SECONDS, now)
    }

    /// How many a source's counter has now, what has drained being gone.
    pub fn of_source(self, now: Time) -> u32 {
        self.another_of_source(now).count.saturating_sub(1)
    }

    fn another_draining(self, seconds: u64, now: Time) -> Failures {
        let drained = now.since(Time::from_micros(self.last_micros)).as_secs() / seconds;
        let count = self.count.saturating_sub(u32::try_from(drained).unwrap_or(u32::MAX));
        Failures { count: count.saturating_add(1), last_micros: now.micros() }
    }

    /// How many, unless the last one is long ago.
    pub fn lately(self, now: Time) -> u32 {
        if self.stale(now) { 0 } else { self.count }
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

/// Nothing for the first `free` failures, then 2 s, doubling, to `most` seconds.
fn doubling(count: u32, free: u32, most: u64) -> Duration {
    match count.saturating_sub(free) {
        0 => Duration::ZERO,
        n => Duration::from_secs((1_u64 << n.min(16)).min(most)),
    }
}

/// The wait after `count` failures of a pair: 2 s, doubling, to five minutes.
pub fn pair_wait(count: u32) -> Duration {
    doubling(count, 0, PAIR_WAIT_SECONDS_MAX)
}

/// The wait after `count` failures of an account, from so many sources: none for the first five sources, then 2 s, doubling with
/// each failure, to half a minute.
pub fn account_wait(failures: Failures, sources: Failures, now: Time) -> Duration {
    if sources.lately(now) <= ACCOUNT_SOURCES_FREE {
        return Duration::ZERO;
    }
    failures.remaining(|count| doubling(count, ACCOUNT_SOURCES_FREE, ACCOUNT_WAIT_SECONDS_MAX), now)
}

/// The wait after `count` failures of a source: none for the first thirty, then 2 s, doubling, to a quarter of an hour.
pub fn source_wait(count: u32) -> Duration {
    doubling(count, SOURCE_FAILURES_FREE, SOURCE_WAIT_SECONDS_MAX)
}

/// The wait after `count` failures of a network: none for the first hundred and twenty, then 2 s, doubling, to an hour.
pub fn network_wait(count: u32) -> Duration {
    doubling(count, NETWORK_FAILURES_FREE, NETWORK_WAIT_SECONDS_MAX)
}

/// The wait after `count` failures of a source while many logins fail together: a minute at most, and what it is otherwise.
pub fn source_wait_in_a_spray(count: u32) -> Duration {
    doubling(count, SPRAY_SOURCE_FAILURES_FREE, SPRAY_WAIT_SECONDS_MAX).max(source_wait(count))
}

/// The wait after `count` failures of a network while many logins fail together: likewise.
pub fn network_wait_in_a_spray(count: u32) -> Duration {
    doubling(count, SPRAY_NETWORK_FAILURES_FREE, SPRAY_WAIT_SECONDS_MAX).max(network_wait(count))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Seconds that somebody takes for so many failures from one source, each as soon as he may.
    fn seconds_for(failures: u32, wait: fn(u32) -> Duration, another: fn(Failures, Time) -> Failures) -> u64 {
        let start = Time::from_micros(1_000_000_000);
        let (mut now, mut counter) = (start, Failures::default());
        for _ in 0..failures {
            now = now + counter.remaining(wait, now);
            counter = another(counter, now);
        }
        now.since(start).as_secs()
    }

    /// Whoever stands at a count that was free before waits a minute at most when a spray begins; nobody waits less for it.
    #[test]
    fn a_spray_shuts_nobody_out_for_what_was_counted_before() {
        let minute = Duration::from_secs(SPRAY_WAIT_SECONDS_MAX);
        for count in 0..=SOURCE_FAILURES_FREE {
            assert!(source_wait_in_a_spray(count) <= minute, "{count}");
        }
        for count in 0..=NETWORK_FAILURES_FREE {
            assert!(network_wait_in_a_spray(count) <= minute, "{count}");
        }
        for count in 0..400 {
            assert!(source_wait_in_a_spray(count) >= source_wait(count), "{count}");
            assert!(network_wait_in_a_spray(count) >= network_wait(count), "{count}");
        }
        assert_eq!(source_wait_in_a_spray(SPRAY_SOURCE_FAILURES_FREE), Duration::ZERO);
        assert_eq!(source_wait_in_a_spray(SPRAY_SOURCE_FAILURES_FREE + 1), Duration::from_secs(2));
    }

    #[test]
    fn twenty_logins_of_each_source_take_long_while_many_fail_together() {
        assert_eq!(
            seconds_for(20, source_wait, Failures::another_of_source),
            0,
            "what people mistype behind one address"
        );
        assert!(seconds_for(20, source_wait_in_a_spray, Failures::another_in_a_spray) > 600);
        // As soon as he may, again and again: a bounded wait, for it drains meanwhile.
        let hundred = |wait, another| seconds_for(200, wait, another) - seconds_for(100, wait, another);
        assert_eq!(hundred(source_wait, Failures::another_of_source), 100 * 16);
        assert_eq!(hundred(source_wait_in_a_spray, Failures::another_in_a_spray), 100 * 64);
        assert!(seconds_for(50, network_wait_in_a_spray, Failures::another_in_a_spray) > 600);
    }

    #[test]
    fn waits_double_to_five_minutes() {
        let waits: Vec<u64> = (0..12).map(|n| pair_wait(n).as_secs()).collect();
        assert_eq!(waits, [0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(pair_wait(u32::MAX).as_secs(), 300);
        assert_eq!(source_wait(30), Duration::ZERO);
        assert_eq!(source_wait(31).as_secs(), 2);
        assert_eq!(source_wait(u32::MAX).as_secs(), 900);
        let (now, failures) = (Time::from_micros(9_000_000), |count| Failures { count, last_micros: 9_000_000 });
        assert_eq!(account_wait(failures(u32::MAX), failures(5), now), Duration::ZERO);
        assert_eq!(account_wait(failures(6), failures(6), now).as_secs(), 2);
        assert_eq!(account_wait(failures(u32::MAX), failures(6), now).as_secs(), 30);
        assert_eq!((network_wait(120), network_wait(121).as_secs()), (Duration::ZERO, 2));
        assert_eq!(network_wait(u32::MAX).as_secs(), 3600);
    }

    #[test]
    fn a_network_is_what_one_site_holds() {
        let network =
            |address: &str| network_of(types::ClientAddress::new(address.parse().unwrap()).source()).to_string();
        assert_eq!(network("192.0.2.77"), "192.0.2.0");
        assert_eq!(network("192.0.3.77"), "192.0.3.0");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
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
