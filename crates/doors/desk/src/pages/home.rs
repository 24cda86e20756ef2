//! What waits, by role.

use super::{Badge, words};
use interventions::{Intervention, RelaySession};
use types::Role;
use web::layout::prelude::*;

/// What administrators look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouching {
    /// Passkeys that nobody vouched for.
    pub passkeys: u64,
    /// Equipment registered.
    pub equipment: u64,
    /// Equipment whose signature does not hold.
    pub unsigned: u64,
}

/// What the home page shows. Lists that a role does not have are none.
#[derive(Debug, Clone, Default)]
pub struct HomeView {
    /// Requests that wait.
    pub waiting: Option<Vec<Intervention>>,
    /// Sessions that live.
    pub live: Option<Vec<RelaySession>>,
    /// Interventions that are open.
    pub open: Vec<Intervention>,
    /// Interventions to come.
    pub planned: Vec<Intervention>,
    /// What administrators look after.
    pub vouching: Option<Vouching>,
}

/// `GET /{lang}/` once signed in.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    chrome: Chrome,
    t: Text,
    view: HomeView,
    role: Role,
}

impl Home {
    /// The page.
    pub fn new(chrome: Chrome, role: Role, view: HomeView) -> Self {
        Self { t: chrome.text(), chrome, view, role }
    }

    fn decides(&self) -> bool {
        self.role == Role::Beneficiary
    }

    fn searches(&self) -> bool {
        self.role == Role::TraceController
    }

    fn conforms(&self) -> bool {
        matches!(self.role, Role::SecurityOfficer | Role::Dpo | Role::Administrator)
    }

    fn badge(&self, one: &Intervention) -> Badge {
        words::state_of(self.t, one, self.chrome.now)
    }

    fn window(&self, one: &Intervention) -> String {
        words::window(self.t, one.window.from, one.window.until.unwrap_or(one.window.from))
    }
}
