//! How long sessions last and how many one person may have: what administrators decided for each population.

use identity::{AtOnce, Population, SESSION_IDLE_SECONDS_MIN, SESSION_SECONDS_MAX, SessionRules};
use types::limits::SESSION_IDLE_SECONDS_MAX;
use web::layout::prelude::*;

/// Which number cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongRule {
    /// How long a session may stay unused.
    Idle,
    /// How long it lasts at most.
    Longest,
    /// How many at once.
    AtOnce,
}

/// What was typed for a population, or is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFields {
    /// Whose sessions.
    pub population: Population,
    /// Minutes unused; empty where each door's configuration says it.
    pub idle: String,
    /// Minutes at most; likewise.
    pub longest: String,
    /// How many at once.
    pub at_once: String,
    /// Whether administrators decided for this population.
    pub decided: bool,
    /// What cannot be taken.
    pub wrong: Option<WrongRule>,
}

impl RuleFields {
    /// What is in force.
    pub fn in_force(population: Population, rules: Option<SessionRules>) -> Self {
        let minutes = |seconds: u64| (seconds / 60).to_string();
        let limits = rules.map(|rules| rules.limits());
        Self {
            population,
            idle: limits.map(|limits| minutes(limits.idle.as_secs())).unwrap_or_default(),
            longest: limits.map(|limits| minutes(limits.absolute.as_secs())).unwrap_or_default(),
            at_once: rules.map_or(AtOnce::Several, |rules| rules.at_once()).as_str().to_owned(),
            decided: rules.is_some(),
            wrong: None,
        }
    }
}

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct SessionRulesView {
    /// Each population.
    pub rows: Vec<RuleFields>,
    /// Whether the reader decides.
    pub decides: bool,
    /// Something was just decided.
    pub done: bool,
}

/// `GET /{lang}/accounts/sessions`.
#[derive(Debug, Template)]
#[template(path = "session_rules.html")]
pub struct SessionRulesPage {
    chrome: Chrome,
    t: Text,
    view: SessionRulesView,
}

impl SessionRulesPage {
    /// The page.
    pub fn new(chrome: Chrome, view: SessionRulesView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn name(&self, row: &RuleFields) -> &'static str {
        match row.population {
            Population::Patients => self.t.desk_session_rules_patients(),
            Population::Professionals => self.t.desk_session_rules_professionals(),
            Population::Suppliers => self.t.desk_session_rules_suppliers(),
            Population::Staff => self.t.desk_session_rules_staff(),
            Population::Administrators => self.t.desk_session_rules_administrators(),
        }
    }

    fn modes(&self) -> [(&'static str, &'static str); 3] {
        [
            (AtOnce::Several.as_str(), self.t.desk_session_rules_several()),
            (AtOnce::Newest.as_str(), self.t.desk_session_rules_newest()),
            (AtOnce::First.as_str(), self.t.desk_session_rules_first()),
        ]
    }

    fn wrong(&self, row: &RuleFields) -> Option<String> {
        Some(match row.wrong? {
            WrongRule::Idle => self.t.desk_session_rules_wrong_idle(Self::idle_min(), Self::idle_max()),
            WrongRule::Longest => self.t.desk_session_rules_wrong_longest(Self::longest_max()),
            WrongRule::AtOnce => self.t.desk_session_rules_wrong_at_once().to_owned(),
        })
    }

    fn is_wrong(row: &RuleFields, rule: WrongRule) -> bool {
        row.wrong == Some(rule)
    }

    fn idle_min() -> u64 {
        SESSION_IDLE_SECONDS_MIN / 60
    }

    fn idle_max() -> u64 {
        SESSION_IDLE_SECONDS_MAX / 60
    }

    fn longest_max() -> u64 {
        SESSION_SECONDS_MAX / 60
    }
}
