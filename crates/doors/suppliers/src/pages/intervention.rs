//! One intervention: what stands, what to do, what was asked for, what happened.

use super::{
    paths,
    turn::{Reader, Turn},
    words,
};
use interventions::{Right, Step, StepKind};
use web::{layout::prelude::*, when};

/// What the page shows.
#[derive(Debug, Clone)]
pub struct InterventionView {
    /// Who reads.
    pub reader: Reader,
    /// The intervention.
    pub turn: Turn,
    /// It was just asked for.
    pub is_sent: bool,
    /// What was asked for was not done: it had changed meanwhile.
    pub has_changed: bool,
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

    fn act(&self, act: &str) -> String {
        format!("{}/{act}", paths::intervention(self.chrome.lang, &self.view.turn.one.id))
    }

    fn again(&self) -> String {
        paths::like(self.chrome.lang, &self.view.turn.one.id)
    }

    fn activity(&self) -> &'static str {
        words::activity(self.t, self.view.turn.one.activity)
    }

    fn right(&self, right: &Right) -> &'static str {
        words::right(self.t, *right)
    }

    fn step(&self, step: &Step) -> (Icon, &'static str) {
        words::step(self.t, step.act)
    }

    /// What was said with a step; a later end is a date.
    fn note(&self, step: &Step) -> String {
        let at = match step.act {
            StepKind::Extended | StepKind::Held => crate::api::bodies::moment(&step.note),
            _ => None,
        };
        at.map_or_else(|| step.note.clone(), |at| when::full(at, self.chrome.lang))
    }

    fn approvals(&self) -> String {
        self.t.intervention_field_count(self.view.turn.one.approvals.len(), self.view.turn.one.quorum)
    }

    fn is_his(&self, key: &String) -> bool {
        self.view.reader.keys.contains(key)
    }
}
