//! The stranger's first page: what this door is, and the sign-in form.

use super::{PasskeyForm, Then};
use crate::Greeting;
use identity::PUZZLE_BITS;
use signin::{PUZZLE_WAIT, Puzzle};
use web::layout::{prelude::*, wait};

/// What the first page needs.
#[derive(Debug, Clone, Default)]
pub struct WelcomeView {
    /// What a passkey is asked to sign, where the door takes them.
    pub passkey: Option<PasskeyForm>,
    /// What is to be solved first, while many guess.
    pub puzzle: Option<Puzzle>,
    /// Where to go on, for whoever proves again who he is.
    pub then: Option<Then>,
    /// The login typed before, kept so that only the password is typed again.
    pub login: String,
    /// Why the last attempt did not pass.
    pub problem: Option<SignInProblem>,
    /// Whether those whose password the hospital's directory keeps cannot sign in now: it does not answer.
    pub directory_silent: bool,
}

/// Why an attempt to sign in did not pass. Unknown login and wrong password are one and the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInProblem {
    /// Login or password.
    Credentials,
    /// The six-digit code.
    Code,
    /// The passkey opens no account here.
    Passkey,
    /// Many guess: nothing was solved, or it was sent too early by whoever solves nothing.
    Puzzle {
        /// Seconds to wait on the page.
        seconds: Option<u64>,
    },
    /// Several failures: time must pass.
    Wait {
        /// Seconds until the next attempt counts.
        seconds: u64,
    },
    /// Login, password or code; or the hospital's directory, which does not answer.
    Directory,
    /// The ceremony lasted too long, or was not ours.
    Expired,
}

impl SignInProblem {
    /// What to tell.
    pub fn sentence(self, t: Text) -> String {
        match self {
            Self::Credentials => t.entrance_problem_credentials().to_owned(),
            Self::Code => t.entrance_problem_code().to_owned(),
            Self::Passkey => t.entrance_problem_passkey().to_owned(),
            Self::Puzzle { seconds: Some(seconds) } => t.entrance_problem_puzzle_wait(wait(seconds, t)),
            Self::Puzzle { seconds: None } => t.entrance_problem_puzzle().to_owned(),
            Self::Wait { seconds } => t.entrance_problem_wait(wait(seconds, t)),
            Self::Directory => t.entrance_problem_directory().to_owned(),
            Self::Expired => t.entrance_problem_expired().to_owned(),
        }
    }
}

/// `GET /{lang}/` before sign-in, and the answer to a failed `POST /{lang}/session`.
#[derive(Debug, Template)]
#[template(path = "entrance/welcome.html")]
pub struct Welcome {
    chrome: Chrome,
    t: Text,
    greeting: Greeting,
    view: WelcomeView,
}

impl Welcome {
    /// The page.
    pub fn new(chrome: Chrome, greeting: Greeting, view: WelcomeView) -> Self {
        Self { t: chrome.text(), chrome, greeting, view }
    }

    fn then(&self) -> &str {
        self.view.then.as_ref().map_or("", Then::word)
    }

    /// How long somebody stays whose browser does not calculate: longer where many did.
    fn puzzle_seconds(&self) -> u64 {
        match self.view.problem {
            Some(SignInProblem::Puzzle { seconds: Some(seconds) }) => seconds.max(PUZZLE_WAIT.as_secs()),
            _ => PUZZLE_WAIT.as_secs(),
        }
    }

    fn puzzle_wait(&self) -> String {
        wait(self.puzzle_seconds(), self.t)
    }

    fn is_wrong(&self) -> bool {
        self.view.problem == Some(SignInProblem::Credentials)
    }
}
