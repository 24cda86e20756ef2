//! What a hospital decides of the sessions of a population: how long they last, how many one person may have
//! (acces-web AA8, AA13, DT9; segur IE.58, IE.59).

use crate::SessionLimits;
use std::{fmt, str::FromStr, time::Duration};
use types::limits::SESSION_IDLE_SECONDS_MAX;

/// The shortest idle limit, in seconds: below, nobody could read a page.
pub const SESSION_IDLE_SECONDS_MIN: u64 = 60;
/// The longest a session may last, in seconds.
pub const SESSION_SECONDS_MAX: u64 = 43_200;

/// How many sessions one person may have open at a door (acces-web AA8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AtOnce {
    /// As many as he opens.
    #[default]
    Several,
    /// One: a new one closes the one before, whose browser is told why.
    Newest,
    /// One: while it is there, no other is opened.
    First,
}

impl AtOnce {
    /// Every mode, in a stable order.
    pub const ALL: &'static [Self] = &[Self::Several, Self::Newest, Self::First];

    /// The word used in forms and traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Several => "several",
            Self::Newest => "newest",
            Self::First => "first",
        }
    }
}

impl fmt::Display for AtOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AtOnce {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or(())
    }
}

/// Limits that no hospital may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSessionRules {
    /// Idle for too long or too short a time.
    #[error("a session may stay unused for {SESSION_IDLE_SECONDS_MIN} to {SESSION_IDLE_SECONDS_MAX} s")]
    Idle,
    /// Too long, or shorter than it may stay unused.
    #[error("a session lasts at least as long as it may stay unused, and {SESSION_SECONDS_MAX} s at most")]
    Absolute,
}

/// What holds for the sessions of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    limits: SessionLimits,
    at_once: AtOnce,
}

impl SessionRules {
    /// Within the bounds that hold for everybody, in whole seconds.
    pub fn new(idle_seconds: u64, seconds: u64, at_once: AtOnce) -> Result<Self, BadSessionRules> {
        if !(SESSION_IDLE_SECONDS_MIN..=SESSION_IDLE_SECONDS_MAX).contains(&idle_seconds) {
            return Err(BadSessionRules::Idle);
        }
        if !(idle_seconds..=SESSION_SECONDS_MAX).contains(&seconds) {
            return Err(BadSessionRules::Absolute);
        }
        let limits = SessionLimits { idle: Duration::from_secs(idle_seconds), absolute: Duration::from_secs(seconds) };
        Ok(Self { limits, at_once })
    }

    /// Those of an installation whose administrators have decided nothing.
    pub fn of_installation(limits: SessionLimits) -> Self {
        Self { limits, at_once: AtOnce::Several }
    }

    /// How long they last.
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// How many one person may have.
    pub fn at_once(&self) -> AtOnce {
        self.at_once
    }
}

impl fmt::Display for SessionRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SessionLimits { idle, absolute } = self.limits;
        write!(f, "{} s unused, {} s at most, {} at once", idle.as_secs(), absolute.as_secs(), self.at_once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hospital_goes_past_the_bounds() {
        for (idle, whole, expected) in [
            (60, 60, Ok(())),
            (7200, 43_200, Ok(())),
            (59, 600, Err(BadSessionRules::Idle)),
            (7201, 43_200, Err(BadSessionRules::Idle)),
            (u64::MAX, u64::MAX, Err(BadSessionRules::Idle)),
            (600, 599, Err(BadSessionRules::Absolute)),
            (600, 43_201, Err(BadSessionRules::Absolute)),
        ] {
            assert_eq!(SessionRules::new(idle, whole, AtOnce::First).map(drop), expected, "{idle} {whole}");
        }
    }

    #[test]
    fn modes_are_read_as_they_are_written() {
        for &mode in AtOnce::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!("Newest".parse::<AtOnce>(), Err(()));
    }
}
