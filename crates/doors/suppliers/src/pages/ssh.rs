//! A sign-in by SSH that waits for its holder's answer.

use signin::SshWaiting;
use types::SshApprovalId;
use web::layout::prelude::*;

/// What was just answered, as the address says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshDone {
    /// It was approved.
    Approved,
    /// It was refused.
    Refused,
    /// It did not wait any more, or waits elsewhere.
    Late,
    /// It was not approved: another code was typed.
    Mistyped,
    /// That it was not his was said too late: it had served.
    Served,
}

impl SshDone {
    /// Each, once.
    pub const ALL: [Self; 5] = [Self::Approved, Self::Refused, Self::Late, Self::Mistyped, Self::Served];

    /// The word in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Late => "late",
            Self::Mistyped => "mistyped",
            Self::Served => "served",
        }
    }
}

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct SshView {
    /// What waits.
    pub waiting: Option<SshWaiting>,
    /// What was just answered.
    pub done: Option<SshDone>,
    /// Whether he must prove again who he is before he approves.
    pub stale: bool,
}

/// `GET /{lang}/ssh`.
#[derive(Debug, Template)]
#[template(path = "ssh.html")]
pub struct SshPage {
    chrome: Chrome,
    t: Text,
    view: SshView,
}

impl SshPage {
    /// The page.
    pub fn new(chrome: Chrome, view: SshView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn is_done(&self, done: SshDone) -> bool {
        self.view.done == Some(done)
    }

    fn approve(&self, id: &SshApprovalId) -> String {
        self.chrome.url(&format!("/ssh/{id}/approve"))
    }

    fn refuse(&self, id: &SshApprovalId) -> String {
        self.chrome.url(&format!("/ssh/{id}/refuse"))
    }
}
