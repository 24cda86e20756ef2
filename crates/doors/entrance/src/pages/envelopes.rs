//! Signing in by two sealed envelopes.

use identity::EnvelopeSlip;
use signin::{BREAK_GLASS_WORDS_CHARS_MAX, BREAK_GLASS_WORDS_CHARS_MIN};
use web::layout::{prelude::*, wait};

/// Why an envelope did not pass. Which of the two was wrong, and whether the account is one of these, is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeProblem {
    /// It was not copied as it is printed: nothing was tried.
    Slip(EnvelopeSlip),
    /// The reason says nothing, or too much: nothing was tried.
    Reason,
    /// Account, first or second code.
    Refused,
    /// Several failures: time must pass.
    Wait {
        /// Seconds until the next attempt counts.
        seconds: u64,
    },
    /// It lasted too long, or was not ours.
    Expired,
}

impl EnvelopeProblem {
    /// What to tell.
    pub fn sentence(self, t: Text) -> String {
        match self {
            Self::Slip(EnvelopeSlip::Length) => t.entrance_envelopes_slip_length().to_owned(),
            Self::Slip(EnvelopeSlip::Group(group)) => t.entrance_envelopes_slip_group(u64::from(group)),
            Self::Slip(EnvelopeSlip::Other) => t.entrance_envelopes_slip_other().to_owned(),
            Self::Reason => t.entrance_envelopes_reason_wrong().to_owned(),
            Self::Refused => t.entrance_envelopes_refused().to_owned(),
            Self::Wait { seconds } => t.entrance_problem_wait(wait(seconds, t)),
            Self::Expired => t.entrance_problem_expired().to_owned(),
        }
    }
}

/// What the first page needs.
#[derive(Debug, Clone, Default)]
pub struct FirstEnvelopeView {
    /// The account's name as typed before.
    pub login: String,
    /// Why the last attempt did not pass.
    pub problem: Option<EnvelopeProblem>,
}

/// `GET /{lang}/session/envelopes`.
#[derive(Debug, Template)]
#[template(path = "entrance/envelope_first.html")]
pub struct FirstEnvelope {
    chrome: Chrome,
    t: Text,
    view: FirstEnvelopeView,
}

impl FirstEnvelope {
    /// The page.
    pub fn new(chrome: Chrome, view: FirstEnvelopeView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }
}

/// What the second page needs.
#[derive(Debug, Clone, Default)]
pub struct SecondEnvelopeView {
    /// Sealed state that the form brings back.
    pub ceremony: String,
    /// The reason as typed before.
    pub reason: String,
    /// Why it was not tried.
    pub problem: Option<EnvelopeProblem>,
}

/// The answer to the first envelope.
#[derive(Debug, Template)]
#[template(path = "entrance/envelope_second.html")]
pub struct SecondEnvelope {
    chrome: Chrome,
    t: Text,
    view: SecondEnvelopeView,
}

impl SecondEnvelope {
    /// The page.
    pub fn new(chrome: Chrome, view: SecondEnvelopeView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn reason_chars(&self) -> (usize, usize) {
        (BREAK_GLASS_WORDS_CHARS_MIN, BREAK_GLASS_WORDS_CHARS_MAX)
    }

    fn is_reason(&self) -> bool {
        self.view.problem == Some(EnvelopeProblem::Reason)
    }

    fn is_code(&self) -> bool {
        matches!(self.view.problem, Some(EnvelopeProblem::Slip(_)))
    }
}
