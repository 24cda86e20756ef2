//! Time as a value: the caller reads the clock and passes it.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, span: Duration) -> Time {
        Time(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({} µs)", self.0)
    }
}

/// A span of validity, `from` included, `until` excluded; without an end it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First moment of validity.
    pub from: Time,
    /// First moment past validity.
    pub until: Option<Time>,
}

impl Period {
    /// Whether `now` lies inside.
    pub fn contains(&self, now: Time) -> bool {
        self.from <= now && self.until.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_excludes_its_end() {
        let period = Period { from: Time::from_micros(10), until: Some(Time::from_micros(20)) };
        assert!(!period.contains(Time::from_micros(9)));
        assert!(period.contains(Time::from_micros(10)));
        assert!(period.contains(Time::from_micros(19)));
        assert!(!period.contains(Time::from_micros(20)));
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Time::from_micros(i64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Time::from_micros(0).since(end), Duration::ZERO);
    }
}
