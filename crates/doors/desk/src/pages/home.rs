//! What waits, by role.

use super::{Badge, words};
use interventions::{Intervention, RelaySession};
use signin::{Alarm, AlarmKind, BreakGlassUse, SCATTER_NETWORKS, SPRAY_LOGINS, WIDE_SPRAY_LOGINS};
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

/// What waits in the establishment's accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountsWaiting {
    /// Links that the reader may confirm.
    pub links: u64,
    /// Accounts to look at again, for whom does; [`signin::ACCOUNTS_SHOWN_MAX`] at most.
    pub due: u64,
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
    /// Whether what the reader administers is reached elsewhere.
    pub elsewhere: bool,
    /// What administrators look after.
    pub vouching: Option<Vouching>,
    /// What waits in accounts.
    pub accounts: Option<AccountsWaiting>,
    /// Sign-ins of the last day that fail as they do when somebody guesses, the newest first.
    pub alarms: Vec<Alarm>,
    /// What sealed envelopes opened, until somebody else has looked at it.
    pub ringing: Vec<BreakGlassUse>,
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

    fn reviews(&self) -> bool {
        self.role == Role::Administrator
    }

    fn disowned(&self) -> Vec<&Alarm> {
        self.view.alarms.iter().filter(|alarm| matches!(alarm.kind, AlarmKind::Disowned { .. })).collect()
    }

    fn guesses(&self) -> Vec<&Alarm> {
        self.view.alarms.iter().filter(|alarm| !matches!(alarm.kind, AlarmKind::Disowned { .. })).collect()
    }

    fn alarm(&self, kind: &AlarmKind) -> String {
        match kind {
            AlarmKind::Spray { network } => self.t.desk_home_alarm_spray(SPRAY_LOGINS, network),
            AlarmKind::WideSpray => self.t.desk_home_alarm_wide(WIDE_SPRAY_LOGINS),
            AlarmKind::Scatter { account: Some(_) } => self.t.desk_home_alarm_account(SCATTER_NETWORKS),
            AlarmKind::Scatter { account: None } => self.t.desk_home_alarm_nobody(SCATTER_NETWORKS),
            AlarmKind::Disowned { .. } => self.t.desk_home_alarm_disowned().to_owned(),
        }
    }

    /// The account that somebody tries, if it is anybody's.
    fn tried(&self, kind: &AlarmKind) -> Option<String> {
        match kind {
            AlarmKind::Scatter { account: Some(account) } | AlarmKind::Disowned { account } if !self.view.elsewhere => {
                Some(self.chrome.url(&format!("/accounts/{account}")))
            }
            _ => None,
        }
    }

    /// Where what waits is seen: what waits for a second person comes first.
    fn accounts_path(&self, waiting: &AccountsWaiting) -> String {
        let query = match (waiting.links, waiting.due) {
            (0, 0) => "",
            (0, _) => "?waits=review",
            _ => "?waits=link",
        };
        self.chrome.url(&format!("/accounts{query}"))
    }

    fn badge(&self, one: &Intervention) -> Badge {
        words::state_of(self.t, one, self.chrome.now)
    }

    fn window(&self, one: &Intervention) -> String {
        words::window(self.t, one.window.from, one.window.until.unwrap_or(one.window.from))
    }
}
