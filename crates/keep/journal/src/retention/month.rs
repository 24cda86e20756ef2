//! A month of the calendar, in universal time.

use jiff::{Timestamp, civil, tz::TimeZone};
use std::{fmt, str::FromStr};
use types::Time;

/// A month. Its number counts from year zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

/// Years that have names of four digits.
const MONTHS: u32 = 10_000 * 12;

impl Month {
    /// The month of a moment.
    pub fn of(moment: Time) -> Self {
        let at = Timestamp::from_microsecond(moment.micros()).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = at.to_zoned(TimeZone::UTC).date();
        let year = u32::try_from(date.year()).unwrap_or_default();
        Self(year * 12 + u32::try_from(date.month()).unwrap_or(1) - 1)
    }

    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        (number < MONTHS).then_some(Self(number))
    }

    /// Its number, counted from year zero.
    pub fn number(self) -> u32 {
        self.0
    }

    /// So many months later.
    #[must_use]
    pub fn plus(self, months: u16) -> Self {
        Self(self.0.saturating_add(months.into()).min(MONTHS - 1))
    }

    /// Its first moment.
    pub fn start(self) -> Time {
        let (year, month) = (i16::try_from(self.0 / 12), i8::try_from(self.0 % 12 + 1));
        let date = year.ok().zip(month.ok()).and_then(|(year, month)| civil::Date::new(year, month, 1).ok());
        let at = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        // A month that has no moment never ends.
        at.map_or(Time::from_micros(i64::MAX), |at| Time::from_micros(at.timestamp().as_microsecond()))
    }

    /// The first moment after it.
    pub fn end(self) -> Time {
        self.plus(1).start()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

impl FromStr for Month {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (year, month) = text.split_once('-').ok_or(())?;
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(());
        }
        let (year, month): (u32, u32) = (year.parse().map_err(|_| ())?, month.parse().map_err(|_| ())?);
        if (1..=12).contains(&month) { Ok(Self(year * 12 + month - 1)) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn months_are_named_counted_and_bounded() {
        let november: Month = "2026-11".parse().unwrap();
        assert_eq!(november.plus(14).to_string(), "2028-01");
        assert_eq!(Month::of(november.start()), november);
        assert_eq!(Month::of(Time::from_micros(november.end().micros() - 1)), november);
        for bad in ["2026-00", "2026-13", "26-11", "2026-1", "2026/11", "+026-11", ""] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_lies_in_its_month(micros in 0_i64..4_000_000_000_000_000) {
            let (moment, month) = (Time::from_micros(micros), Month::of(Time::from_micros(micros)));
            prop_assert!(month.start() <= moment && moment < month.end());
            prop_assert_eq!(month.to_string().parse::<Month>().unwrap(), month);
            prop_assert_eq!(Month::from_number(month.number()), Some(month));
        }
    }
}
