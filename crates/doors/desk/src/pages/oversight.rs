//! Rules.

use dossier::{Counts, Proof, RuleRow, State};
use web::{layout::prelude::*, when};

use super::Badge;

/// What the rules' page shows.
#[derive(Debug, Clone, Default)]
pub struct RulesView {
    /// The rules, narrowed.
    pub rows: Vec<RuleRow>,
    /// The texts, each with its name in the reader's language.
    pub texts: Vec<(dossier::Text, String)>,
    /// Of this text only.
    pub text: Option<dossier::Text>,
    /// In this state only.
    pub state: Option<State>,
    /// How many of the text stand how, whatever the state.
    pub counts: Counts,
}

/// `GET /{lang}/rules`.
#[derive(Debug, Template)]
#[template(path = "rules.html")]
pub struct Rules {
    chrome: Chrome,
    t: Text,
    view: RulesView,
}

/// One part of the counts' bar.
struct Part {
    at: f64,
    width: f64,
    color: &'static str,
}

fn icon(state: State) -> Icon {
    match state {
        State::Proved => Icon::Proved,
        State::Attested => Icon::Attested,
        State::Partial => Icon::Partial,
        State::Gap => Icon::Gap,
        State::NotApplicable => Icon::NotApplicable,
        State::Derogated => Icon::Derogated,
    }
}

impl Rules {
    /// The page.
    pub fn new(chrome: Chrome, view: RulesView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn badge(&self, state: &State) -> Badge {
        let class = match state.color() {
            "moss" => "good",
            "slate" => "act",
            "amber" => "wait",
            "brick" => "bad",
            _ => "",
        };
        Badge::new(state.word(self.chrome.lang), icon(*state), class)
    }

    fn count(&self, state: &State, count: &usize) -> String {
        self.t.desk_rules_count(state.word(self.chrome.lang), count)
    }

    /// The bar's parts, in hundredths of its width.
    fn parts(&self) -> Vec<Part> {
        let total = self.view.counts.values().sum::<usize>().max(1) as f64;
        let mut at = 0.0;
        let part = |(state, count): (&State, &usize)| {
            let width = *count as f64 * 100.0 / total;
            let part = Part { at, width, color: state.color() };
            at += width;
            part
        };
        self.view.counts.iter().map(part).collect()
    }

    fn proof(&self, proof: &Proof) -> String {
        self.t.desk_rules_proof_at(&proof.probe, when::ago(proof.at, self.chrome.now, self.chrome.lang))
    }

    fn title(&self, row: &RuleRow) -> String {
        row.title(self.chrome.lang).to_owned()
    }

    fn narrowed(&self, text: Option<&dossier::Text>, state: Option<&State>) -> String {
        let path = self.chrome.url("/rules");
        match (text, state) {
            (None, None) => path,
            (Some(text), None) => format!("{path}?text={text}"),
            (None, Some(state)) => format!("{path}?state={state}"),
            (Some(text), Some(state)) => format!("{path}?text={text}&state={state}"),
        }
    }

    fn states(&self) -> &'static [State] {
        State::ALL
    }
}
