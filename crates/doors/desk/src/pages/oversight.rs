//! Traces and rules.

use dossier::{Counts, Proof, RuleRow, State, TracePage, TraceRow};
use journal::{Kind, Outcome};
use types::Event;
use web::{layout::prelude::*, when};

use super::Badge;

/// Why a search gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSearched {
    /// Another is under way.
    Busy,
    /// What is searched for is too long.
    TooLong,
    /// A date, an address or an identifier cannot be read.
    Unclear,
}

/// What was typed into the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceFields {
    /// Who.
    pub author: String,
    /// The patient.
    pub patient: String,
    /// From where.
    pub ip: String,
    /// The type of event.
    pub event: String,
    /// Not before, as a field has it.
    pub since: String,
    /// Before.
    pub until: String,
    /// Words.
    pub q: String,
}

/// What the search of traces shows.
#[derive(Debug, Clone, Default)]
pub struct TracesView {
    /// What was typed.
    pub fields: TraceFields,
    /// What was found; none before anything is searched for.
    pub found: Option<TracePage>,
    /// Why nothing was searched.
    pub not_searched: Option<NotSearched>,
}

/// `GET /{lang}/traces`.
#[derive(Debug, Template)]
#[template(path = "traces.html")]
pub struct Traces {
    chrome: Chrome,
    t: Text,
    view: TracesView,
}

impl Traces {
    /// The page.
    pub fn new(chrome: Chrome, view: TracesView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn events(&self) -> &'static [Event] {
        Event::ALL
    }

    fn is_event(&self, event: &Event) -> bool {
        self.view.fields.event == event.as_str()
    }

    fn problem(&self) -> Option<&'static str> {
        Some(match self.view.not_searched? {
            NotSearched::Busy => self.t.desk_traces_busy(),
            NotSearched::TooLong => self.t.desk_traces_too_long(),
            NotSearched::Unclear => self.t.desk_traces_unclear(),
        })
    }

    fn outcome(&self, row: &TraceRow) -> Badge {
        let t = self.t;
        match (row.outcome, row.kind) {
            (Some(Outcome::Done), _) => Badge::new(t.desk_traces_done(), Icon::Closed, "good"),
            (Some(Outcome::Refused), _) | (None, Kind::Refusal | Kind::Folded) => {
                Badge::new(t.desk_traces_refused(), Icon::DoorClosed, "bad")
            }
            (Some(Outcome::Failed), _) => Badge::new(t.desk_traces_failed(), Icon::Warning, "bad"),
            (Some(Outcome::Abandoned), _) => Badge::new(t.desk_traces_abandoned(), Icon::Warning, "wait"),
            (None, Kind::Released) => Badge::new(t.desk_traces_shown(), Icon::Lantern, ""),
            (None, Kind::Note) => Badge::new(t.desk_traces_noted(), Icon::Document, ""),
            (Some(Outcome::Unknown), _) | (None, _) => Badge::new(t.desk_traces_unknown(), Icon::Unknown, "wait"),
        }
    }

    /// What it was about: the target, the patients and objects, anything else; with what cannot be seen made visible.
    fn about(&self, row: &TraceRow) -> String {
        let named = row.target.iter().chain(&row.patients).chain(&row.objects).chain(&row.detail);
        let count = row.count.map(|count| self.t.desk_traces_times(count));
        let parts: Vec<String> = named.map(|text| wire::visible(text, 300)).chain(count).collect();
        parts.join(", ")
    }

    fn older(&self, next: &u64) -> String {
        let fields = &self.view.fields;
        let mut path = format!("{}?before={next}", self.chrome.url("/traces"));
        for (name, value) in [
            ("author", &fields.author),
            ("patient", &fields.patient),
            ("ip", &fields.ip),
            ("type", &fields.event),
            ("since", &fields.since),
            ("until", &fields.until),
            ("q", &fields.q),
        ] {
            if !value.is_empty() {
                path.push_str(&format!("&{name}={}", super::encoded(value)));
            }
        }
        path
    }
}

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
