//! What a probe is, and what it may answer.

use crate::Text;
use std::{fmt, pin::Pin, time::Duration};
use types::Time;

/// How long a probe's answer counts. Probes run at start and every ten minutes: two may fail to run in between.
pub const VALID: Duration = Duration::from_secs(30 * 60);

/// A probe as the registry knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeInfo {
    /// Its name; lower-case letters and hyphens, never reused for another check.
    pub name: &'static str,
    /// The rules that it serves. One rule may need several probes: each must say "proved".
    pub rules: &'static [(Text, &'static str)],
    /// What it does, in French.
    pub what_fr: &'static str,
    /// What it does, in English.
    pub what_en: &'static str,
}

impl ProbeInfo {
    /// Whether it serves a rule.
    pub fn serves(&self, text: Text, id: &str) -> bool {
        self.rules.iter().any(|(of, rule)| *of == text && *rule == id)
    }
}

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Acts on the running system from outside, with a reserved actor and synthetic objects, and tells what it saw.
pub trait Probe: Send + Sync {
    /// What the registry says of it.
    fn info(&self) -> &ProbeInfo;

    /// Acts. It leaves nothing behind, whatever becomes of it; it may be dropped at any `await`.
    fn run(&self) -> BoxFuture<'_, ProbeOutcome>;
}

/// What a probe saw, with the detail that a reader needs to believe it or to mend what is broken. The detail holds no
/// personal data and no secret: whoever sees rules reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The system did what the rule asks.
    Proved(String),
    /// It did part of it.
    Partial(String),
    /// It did not.
    Failed(String),
    /// Nobody can tell: the probe could not act. Never a proof.
    CouldNotRun(String),
}

/// A detail is cut to this.
const DETAIL_CHARS_MAX: usize = 300;

impl ProbeOutcome {
    /// The word kept in the database.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            ProbeOutcome::Proved(_) => "proved",
            ProbeOutcome::Partial(_) => "partial",
            ProbeOutcome::Failed(_) => "failed",
            ProbeOutcome::CouldNotRun(_) => "could_not_run",
        }
    }

    /// From the word and the detail.
    pub(crate) fn from_parts(word: &str, detail: String) -> Option<Self> {
        Some(match word {
            "proved" => ProbeOutcome::Proved(detail),
            "partial" => ProbeOutcome::Partial(detail),
            "failed" => ProbeOutcome::Failed(detail),
            "could_not_run" => ProbeOutcome::CouldNotRun(detail),
            _ => return None,
        })
    }

    /// What the probe said.
    pub fn detail(&self) -> &str {
        match self {
            ProbeOutcome::Proved(detail)
            | ProbeOutcome::Partial(detail)
            | ProbeOutcome::Failed(detail)
            | ProbeOutcome::CouldNotRun(detail) => detail,
        }
    }

    /// One line of bounded length: part of it may be the words of what was probed.
    pub(crate) fn tidied(self) -> Self {
        let plain = |text: String| {
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_CHARS_MAX).collect::<String>()
        };
        match self {
            ProbeOutcome::Proved(text) => ProbeOutcome::Proved(plain(text)),
            ProbeOutcome::Partial(text) => ProbeOutcome::Partial(plain(text)),
            ProbeOutcome::Failed(text) => ProbeOutcome::Failed(plain(text)),
            ProbeOutcome::CouldNotRun(text) => ProbeOutcome::CouldNotRun(plain(text)),
        }
    }
}

impl fmt::Display for ProbeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word(), self.detail())
    }
}

/// The latest answer of a probe, as kept and found authentic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub probe: String,
    /// What it saw.
    pub outcome: ProbeOutcome,
    /// When it had run.
    pub at: Time,
    /// First moment at which it counts no more.
    pub expires: Time,
}

impl Kept {
    /// Whether it counts. An answer from the future, or one that claims to last longer than any may, does not.
    pub fn counts(&self, now: Time) -> bool {
        self.at <= now && now < self.expires && self.expires <= self.at + VALID
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn details_are_one_bounded_line() {
        let hostile = format!("\u{1b}[31mred\nline{}", "x".repeat(1000));
        let tidied = ProbeOutcome::Failed(hostile).tidied();
        assert!(tidied.detail().starts_with(" [31mred line"), "{tidied}");
        assert_eq!(tidied.detail().chars().count(), DETAIL_CHARS_MAX);
    }

    #[test]
    fn words_come_back() {
        for outcome in [
            ProbeOutcome::Proved("a".into()),
            ProbeOutcome::Partial("a".into()),
            ProbeOutcome::Failed("a".into()),
            ProbeOutcome::CouldNotRun("a".into()),
        ] {
            assert_eq!(ProbeOutcome::from_parts(outcome.word(), "a".into()).unwrap(), outcome);
        }
        assert_eq!(ProbeOutcome::from_parts("Proved", String::new()), None);
    }

    #[test]
    fn an_answer_counts_for_half_an_hour() {
        let at = Time::from_micros(10_000_000_000);
        let kept = |expires| Kept { probe: "p".into(), outcome: ProbeOutcome::Proved(String::new()), at, expires };
        let usual = kept(at + VALID);
        assert!(usual.counts(at) && usual.counts(at + VALID - Duration::from_micros(1)));
        assert!(!usual.counts(at + VALID), "its end is not inside");
        assert!(!usual.counts(at - Duration::from_micros(1)), "from the future");
        assert!(!kept(at + VALID + Duration::from_micros(1)).counts(at), "longer than any may");
    }
}
