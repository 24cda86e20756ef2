//! The page of a link by which somebody chooses what he signs in with, and what follows it.

use super::means::refused_password;
use crate::factor::FactorView;
use identity::WeakPassword;
use types::{Role, Time};
use web::layout::prelude::*;

/// Why what was chosen is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkProblem {
    /// The password.
    Password(WeakPassword),
    /// The code is not that of the second factor shown.
    Code,
    /// It is not what the person who confirmed the link told him.
    Second,
}

/// What the page of a link shows.
#[derive(Debug, Clone)]
pub struct LinkView {
    /// The address's secret part.
    pub token: String,
    /// For whom.
    pub display_name: String,
    /// What he will type.
    pub login: String,
    /// In what role.
    pub role: Role,
    /// Until when it serves.
    pub expires: Time,
    /// Whether the account was in use before.
    pub anew: bool,
    /// Whether the person who confirmed the link tells him a code.
    pub asks_second: bool,
    /// The second factor, drawn for this page; none where the holder was handed a printed sheet.
    pub factor: Option<FactorView>,
    /// Why the last choice was not taken.
    pub problem: Option<LinkProblem>,
}

/// `GET /{lang}/link/{token}`.
#[derive(Debug, Template)]
#[template(path = "entrance/link.html")]
pub struct Link {
    chrome: Chrome,
    t: Text,
    view: LinkView,
    asks_password: bool,
}

impl Link {
    /// The page.
    pub fn new(chrome: Chrome, view: LinkView) -> Self {
        Self { t: chrome.text(), chrome, view, asks_password: true }
    }

    /// The same, with a password to choose or not: not where the hospital's directory keeps it.
    pub fn asking_password(self, asks_password: bool) -> Self {
        Self { asks_password, ..self }
    }

    fn lead(&self) -> &'static str {
        match (self.view.anew, &self.view.factor) {
            (false, Some(_)) => self.t.entrance_link_lead(),
            (true, Some(_)) => self.t.entrance_link_anew_lead(),
            (false, None) => self.t.entrance_sheet_link_lead(),
            (true, None) => self.t.entrance_sheet_link_anew_lead(),
        }
    }

    fn problem(&self) -> Option<String> {
        self.view.problem.map(|problem| match problem {
            LinkProblem::Password(bad) => refused_password(bad, self.t),
            LinkProblem::Code if self.view.factor.is_none() => self.t.entrance_sheet_link_problem().to_owned(),
            LinkProblem::Code => self.t.entrance_means_problem_code().to_owned(),
            LinkProblem::Second => self.t.entrance_link_problem_second().to_owned(),
        })
    }
}

/// The answer once it has served.
#[derive(Debug, Template)]
#[template(path = "entrance/link_done.html")]
pub struct LinkDone {
    chrome: Chrome,
    t: Text,
}

impl LinkDone {
    /// The page.
    pub fn new(chrome: Chrome) -> Self {
        Self { t: chrome.text(), chrome }
    }
}

/// The page of a link that does not serve yet: the account is in use, and its holder has the time to stop it.
#[derive(Debug, Template)]
#[template(path = "entrance/link_early.html")]
pub struct LinkEarly {
    chrome: Chrome,
    t: Text,
    opens: Time,
}

impl LinkEarly {
    /// The page, with when it serves.
    pub fn new(chrome: Chrome, opens: Time) -> Self {
        Self { t: chrome.text(), chrome, opens }
    }
}

/// The page of a link that a second person has not confirmed yet.
#[derive(Debug, Template)]
#[template(path = "entrance/link_waits.html")]
pub struct LinkWaits {
    chrome: Chrome,
    t: Text,
}

impl LinkWaits {
    /// The page.
    pub fn new(chrome: Chrome) -> Self {
        Self { t: chrome.text(), chrome }
    }
}
