//! Interventions: the list, one of them with what may be done, and the page that is signed on.

use super::{Badge, Challenge, Refusal, words};
use interventions::{Intervention, RelaySession, Right, State, Step, StepKind, Technician};
use types::{AccountId, Role, Time};
use web::{layout::prelude::*, when};

/// What may be done with an intervention, by this reader, now. The service decides; this chooses the buttons.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acts {
    /// Give an approval.
    pub approve: bool,
    /// He gave his; others are still needed.
    pub approved: bool,
    /// Refuse it.
    pub refuse: bool,
    /// Begin it.
    pub open: bool,
    /// End it.
    pub close: bool,
    /// Move its end.
    pub extend: bool,
    /// Set "do not interrupt".
    pub hold: bool,
    /// Lift it.
    pub release: bool,
    /// Cut it.
    pub cut: bool,
    /// Whether cutting is asked twice.
    pub held: bool,
}

impl Acts {
    /// By role, state and moment.
    pub fn of(one: &Intervention, who: (Role, AccountId), now: Time) -> Self {
        let (role, me) = who;
        let answers = role == Role::Beneficiary;
        let cuts = matches!(role, Role::Beneficiary | Role::OnCall | Role::SecurityOfficer);
        let approved = one.approvals.iter().any(|approval| approval.account == me);
        let waits = one.state == State::Waiting;
        let planned = one.state == State::Planned;
        let open = one.state == State::Open;
        let held = open && one.hold_until.is_some_and(|until| now < until);
        let over = one.window.until.is_some_and(|until| until <= now);
        Self {
            approve: answers && waits && !approved && !over,
            approved: answers && waits && approved,
            refuse: answers && (waits || planned),
            open: answers && planned && one.window.contains(now),
            close: answers && open,
            extend: answers && (planned || open) && (!over || held),
            hold: answers && open && !held && !over,
            release: answers && held,
            cut: cuts && (planned || open),
            held,
        }
    }

    fn follows(&self) -> bool {
        self.open || self.close || self.extend || self.hold || self.release
    }
}

/// What the list shows.
#[derive(Debug, Clone, Default)]
pub struct InterventionsView {
    /// The rows.
    pub rows: Vec<Intervention>,
    /// In this state only.
    pub state: Option<State>,
    /// What was searched; empty for all.
    pub query: String,
    /// The page after.
    pub next: Option<String>,
    /// Whether this is not the first page.
    pub is_further: bool,
}

/// `GET /{lang}/interventions`.
#[derive(Debug, Template)]
#[template(path = "interventions.html")]
pub struct InterventionsList {
    chrome: Chrome,
    t: Text,
    view: InterventionsView,
}

impl InterventionsList {
    /// The page.
    pub fn new(chrome: Chrome, view: InterventionsView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn states(&self) -> &'static [State] {
        State::ALL
    }

    fn word(&self, state: &State) -> Badge {
        words::state(self.t, *state)
    }

    fn is_state(&self, state: &State) -> bool {
        self.view.state == Some(*state)
    }

    fn narrowed(&self, state: Option<&State>, cursor: Option<&String>) -> String {
        let mut path = self.chrome.url("/interventions");
        let parts = [("state", state.map(|state| state.as_str().to_owned())), ("q", Some(self.view.query.clone()))];
        let parts = parts.into_iter().chain([("cursor", cursor.cloned())]);
        let mut mark = '?';
        for (name, value) in parts.filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?))) {
            path.push_str(&format!("{mark}{name}={}", super::encoded(&value)));
            mark = '&';
        }
        path
    }

    fn badge(&self, one: &Intervention) -> Badge {
        words::state_of(self.t, one, self.chrome.now)
    }

    fn window(&self, one: &Intervention) -> String {
        words::window(self.t, one.window.from, one.window.until.unwrap_or(one.window.from))
    }
}

/// What the page of one intervention shows.
#[derive(Debug, Clone)]
pub struct InterventionView {
    /// The intervention, with its history.
    pub one: Intervention,
    /// Its sessions, newest first.
    pub sessions: Vec<RelaySession>,
    /// What the reader may do.
    pub acts: Acts,
    /// What he would sign to approve.
    pub approval: Option<Challenge>,
    /// Why what he asked was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/interventions/{id}`.
#[derive(Debug, Template)]
#[template(path = "intervention.html")]
pub struct InterventionPage {
    chrome: Chrome,
    t: Text,
    view: InterventionView,
}

impl InterventionPage {
    /// The page.
    pub fn new(chrome: Chrome, view: InterventionView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn path(&self, act: &str) -> String {
        self.chrome.url(&format!("/interventions/{}/{act}", self.view.one.id))
    }

    fn title(&self) -> String {
        self.t.desk_intervention_title(&self.view.one.equipment_name, &self.view.one.supplier_name)
    }

    fn badge(&self) -> Badge {
        words::state_of(self.t, &self.view.one, self.chrome.now)
    }

    fn window(&self) -> String {
        let window = &self.view.one.window;
        let lang = self.chrome.lang;
        let until = window.until.unwrap_or(window.from);
        self.t.intervention_field_period(when::full(window.from, lang), when::full(until, lang))
    }

    fn activity(&self) -> &'static str {
        words::activity(self.t, self.view.one.activity)
    }

    fn right(&self, right: &Right) -> &'static str {
        words::right(self.t, *right)
    }

    fn keys(&self, technician: &Technician) -> String {
        self.t.intervention_field_keys(u64::try_from(technician.fingerprints.len()).unwrap_or(u64::MAX))
    }

    fn step(&self, step: &Step) -> &'static str {
        words::step(self.t, step.act).1
    }

    fn step_icon(&self, step: &Step) -> Icon {
        words::step(self.t, step.act).0
    }

    /// What was said with a step: a moment reads as one.
    fn note(&self, step: &Step) -> String {
        let at = match step.act {
            StepKind::Extended | StepKind::Held => crate::api::bodies::moment(&step.note),
            _ => None,
        };
        at.map_or_else(|| wire::visible(&step.note, 500), |at| when::full(at, self.chrome.lang))
    }

    fn session_badge(&self, one: &RelaySession) -> Badge {
        words::session(self.t, one)
    }

    fn end(&self, one: &RelaySession) -> &'static str {
        one.end.map_or("", |end| words::end(self.t, end))
    }

    fn spans(&self) -> [(u64, String); 6] {
        [15, 30, 60, 120, 240, 480].map(|minutes| (minutes, words::span(self.t, minutes)))
    }

    fn approvals(&self) -> String {
        self.t.intervention_field_count(self.view.one.approvals.len(), self.view.one.quorum)
    }

    fn held_until(&self) -> Option<String> {
        let until = self.view.one.hold_until.filter(|_| self.view.acts.held)?;
        Some(self.t.desk_intervention_held_until(when::full(until, self.chrome.lang)))
    }
}

/// What is signed on a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// A later end.
    Extend,
    /// "Do not interrupt".
    Hold,
}

/// What the page to sign on shows.
#[derive(Debug, Clone)]
pub struct SignView {
    /// The intervention.
    pub one: Intervention,
    /// What is signed.
    pub signing: Signing,
    /// The new end.
    pub until: Time,
    /// For the passkey.
    pub challenge: Challenge,
}

/// `GET /{lang}/interventions/{id}/extend` and `…/hold`.
#[derive(Debug, Template)]
#[template(path = "sign.html")]
pub struct Sign {
    chrome: Chrome,
    t: Text,
    view: SignView,
}

impl Sign {
    /// The page.
    pub fn new(chrome: Chrome, view: SignView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn back(&self) -> String {
        self.chrome.url(&format!("/interventions/{}", self.view.one.id))
    }

    fn action(&self) -> String {
        let act = match self.view.signing {
            Signing::Extend => "extend",
            Signing::Hold => "hold",
        };
        format!("{}/{act}", self.back())
    }

    fn title(&self) -> String {
        let until = when::full(self.view.until, self.chrome.lang);
        match self.view.signing {
            Signing::Extend => self.t.desk_intervention_sign_extend(until),
            Signing::Hold => self.t.desk_intervention_sign_hold(until),
        }
    }

    fn subject(&self) -> String {
        self.t.desk_intervention_title(&self.view.one.equipment_name, &self.view.one.supplier_name)
    }

    fn is_hold(&self) -> bool {
        self.view.signing == Signing::Hold
    }
}

/// The question before a cut under "do not interrupt".
#[derive(Debug, Template)]
#[template(path = "cut.html")]
pub struct Cutting {
    chrome: Chrome,
    t: Text,
    subject: String,
    /// Where the cut is asked for, and where one goes back to.
    paths: (String, String),
}

impl Cutting {
    /// The page; `action` is posted to, `back` is a page of the desk.
    pub fn new(chrome: Chrome, subject: String, action: String, back: String) -> Self {
        Self { t: chrome.text(), chrome, subject, paths: (action, back) }
    }
}
