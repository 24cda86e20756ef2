//! What became of an act, as people ask for it.

use crate::{Kind, Outcome};
use std::{fmt, str::FromStr};

/// What became of an act. What an entry is, and how it ended, told in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Became {
    /// It was done.
    Done,
    /// It was shown.
    Shown,
    /// It was refused.
    Refused,
    /// It was tried, and failed.
    Failed,
    /// It was begun, and never done.
    Abandoned,
    /// Nothing says what became of it.
    Unknown,
    /// It is told, and asks for no outcome.
    Noted,
}

impl Became {
    /// Every value, in the order in which people read them.
    pub const ALL: [Self; 7] =
        [Self::Done, Self::Shown, Self::Refused, Self::Failed, Self::Abandoned, Self::Unknown, Self::Noted];

    /// What became of an act whose entry is of this kind; `outcome` is the one said with it or after it.
    pub const fn of(kind: Kind, outcome: Option<Outcome>) -> Self {
        match (kind, outcome) {
            // Final when written: their outcome says no more than their kind.
            (Kind::Released, _) => Self::Shown,
            (Kind::Note, _) => Self::Noted,
            (Kind::Refusal | Kind::Folded, _) | (_, Some(Outcome::Refused)) => Self::Refused,
            (_, Some(Outcome::Done)) => Self::Done,
            (_, Some(Outcome::Failed)) => Self::Failed,
            (_, Some(Outcome::Abandoned)) => Self::Abandoned,
            (_, Some(Outcome::Unknown) | None) => Self::Unknown,
        }
    }

    /// The word used in files and interfaces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Shown => "shown",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Unknown => "unknown",
            Self::Noted => "noted",
        }
    }
}

impl fmt::Display for Became {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Became {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(())
    }
}
