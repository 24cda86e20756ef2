//! What may be recorded beyond what always is.

use super::Event;
use crate::actor::words;
use std::{fmt, str::FromStr};

words! {
    /// A type of event or a part of an entry that is recorded only while two trace controllers want it so (acces-web TR3).
    /// What TR1 and TR2 ask for is none of these: nobody switches it off.
    Extra {
        /// Every page and form that somebody signed in asks for, beside those that are always recorded.
        Requests = "requests",
        /// Every call of a program with a token, not only the first in an hour.
        Calls = "calls",
        /// The port beside the terminal's address: behind an address that many share, it tells them apart.
        Port = "port",
    }
}

impl Extra {
    /// The type of event that it adds; none for a part of every entry.
    pub const fn event(self) -> Option<Event> {
        match self {
            Extra::Requests => Some(Event::RequestMade),
            Extra::Calls => Some(Event::CallMade),
            Extra::Port => None,
        }
    }
}

/// Those in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras(u8);

impl Extras {
    /// As [`Extras::bits`] gave them.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// One bit for each.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether one of them is in force.
    pub const fn has(self, extra: Extra) -> bool {
        self.0 & (1 << extra as u8) != 0
    }
}

impl FromIterator<Extra> for Extras {
    fn from_iter<I: IntoIterator<Item = Extra>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |bits, extra| bits | 1 << extra as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_for_itself() {
        for extra in Extra::ALL {
            let one: Extras = [*extra].into_iter().collect();
            for other in Extra::ALL {
                assert_eq!(one.has(*other), other == extra);
            }
            assert_eq!(Extras::from_bits(one.bits()), one);
        }
        assert_eq!(Extras::default(), [].into_iter().collect());
    }
}
