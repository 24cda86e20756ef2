//! What one changes of one's own account, and the pages for it.

use crate::factor::FactorView;
use axum::http::StatusCode;
use identity::{Because, WeakPassword};
use web::layout::{prelude::*, wait};

/// What was just done; it stands in the address of the page that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChanged {
    /// The password.
    Password,
    /// The second factor.
    SecondFactor,
    /// Other sessions were ended.
    Sessions,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey opens sessions again.
    PasskeyAllowed,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A sign-in was said not to be one's own.
    Disowned,
    /// A link to other means serves at once.
    LinkAllowed,
}

impl AccountChanged {
    /// The word in the address.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second-factor",
            Self::Sessions => "sessions",
            Self::PasskeyAdded => "passkey-added",
            Self::PasskeyAllowed => "passkey-allowed",
            Self::PasskeyRemoved => "passkey-removed",
            Self::Disowned => "disowned",
            Self::LinkAllowed => "link-allowed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [
            Self::Password,
            Self::SecondFactor,
            Self::Sessions,
            Self::PasskeyAdded,
            Self::PasskeyAllowed,
            Self::PasskeyRemoved,
            Self::Disowned,
            Self::LinkAllowed,
        ]
        .into_iter()
        .find(|one| one.word() == word)
    }

    /// What to tell.
    pub fn sentence(self, t: Text) -> &'static str {
        match self {
            Self::Password => t.entrance_account_changed_password(),
            Self::SecondFactor => t.entrance_account_changed_second(),
            Self::Sessions => t.entrance_account_changed_sessions(),
            Self::PasskeyAdded => t.entrance_passkey_added(),
            Self::PasskeyAllowed => t.entrance_passkey_allowed(),
            Self::PasskeyRemoved => t.entrance_passkey_removed(),
            Self::Disowned => t.entrance_account_changed_disowned(),
            Self::LinkAllowed => t.entrance_account_changed_link_allowed(),
        }
    }
}

/// Why one's account was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountProblem {
    /// The password given again is wrong.
    Current,
    /// The new one is not taken.
    Password(WeakPassword),
    /// The new one is the former one.
    Same,
    /// The code is not the second factor's.
    Code,
    /// Several failures: time must pass.
    Wait {
        /// Seconds until the next attempt counts.
        seconds: u64,
    },
    /// A passkey has no name, or one that cannot be kept.
    Label,
    /// As many passkeys as an account may have.
    Full,
    /// The passkey was asked for too long ago.
    Lost,
    /// The passkey is not one that is taken.
    Passkey,
    /// Somebody changed the account meanwhile.
    Meanwhile,
    /// The hospital's directory keeps the password.
    Directory,
    /// The password is older than it may be.
    Due,
}

impl AccountProblem {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Wait { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Meanwhile | Self::Directory => StatusCode::CONFLICT,
            Self::Due => StatusCode::OK,
            Self::Label | Self::Full | Self::Lost | Self::Passkey => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Current | Self::Password(_) | Self::Same | Self::Code => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// What stands above it.
    pub fn title(self, t: Text) -> &'static str {
        match self {
            Self::Due => t.entrance_means_problem_due_title(),
            _ => t.entrance_account_problem_title(),
        }
    }

    /// What to tell.
    pub fn sentence(self, t: Text) -> String {
        match self {
            Self::Current => t.entrance_means_problem_current().to_owned(),
            Self::Password(bad) => refused_password(bad, t),
            Self::Same => t.entrance_means_problem_same().to_owned(),
            Self::Code => t.entrance_means_problem_code().to_owned(),
            Self::Wait { seconds } => t.entrance_problem_wait(wait(seconds, t)),
            Self::Label => t.entrance_passkey_problem_label().to_owned(),
            Self::Full => t.entrance_passkey_problem_full().to_owned(),
            Self::Lost => t.entrance_passkey_problem_lost().to_owned(),
            Self::Passkey => t.entrance_passkey_problem_passkey().to_owned(),
            Self::Meanwhile => t.entrance_means_problem_meanwhile().to_owned(),
            Self::Directory => t.entrance_means_problem_directory().to_owned(),
            Self::Due => t.entrance_means_problem_due().to_owned(),
        }
    }
}

/// Why a password is not taken, and what would be.
pub fn refused_password(weak: WeakPassword, t: Text) -> String {
    match weak {
        WeakPassword::TooShort { min } => t.entrance_means_problem_short(u64::from(min)),
        WeakPassword::TooLong { .. } => t.entrance_means_problem_long().to_owned(),
        WeakPassword::FewKinds { min, words_min } => t.entrance_means_problem_kinds(min, words_min),
        WeakPassword::Guessable { because } => {
            let because = match because {
                Because::CommonWord => t.entrance_means_because_common(),
                Because::Name => t.entrance_means_because_name(),
                Because::Personal => t.entrance_means_because_personal(),
                Because::Repeated => t.entrance_means_because_repeated(),
                Because::Sequence => t.entrance_means_because_sequence(),
                Because::Keyboard => t.entrance_means_because_keyboard(),
                Because::Date => t.entrance_means_because_date(),
                Because::Other => t.entrance_means_because_other(),
            };
            t.entrance_means_problem_weak(because)
        }
    }
}

/// What the page of a new second factor shows.
#[derive(Debug, Clone)]
pub struct SecondFactorView {
    /// The second factor, drawn for this page.
    pub factor: FactorView,
    /// Why the last one was not taken.
    pub problem: Option<AccountProblem>,
}

/// `GET /{lang}/account/second-factor`.
#[derive(Debug, Template)]
#[template(path = "entrance/second_factor.html")]
pub struct SecondFactor {
    chrome: Chrome,
    t: Text,
    view: SecondFactorView,
}

impl SecondFactor {
    /// The page.
    pub fn new(chrome: Chrome, view: SecondFactorView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn csrf(&self) -> &str {
        self.chrome.signed_in.as_ref().map_or("", |who| who.csrf.as_str())
    }
}

/// The answer to `POST /{lang}/account/codes`: spare codes, shown once.
#[derive(Debug, Template)]
#[template(path = "entrance/codes.html")]
pub struct Codes {
    chrome: Chrome,
    t: Text,
    codes: Vec<String>,
}

impl Codes {
    /// The page.
    pub fn new(chrome: Chrome, codes: Vec<String>) -> Self {
        Self { t: chrome.text(), chrome, codes }
    }
}
