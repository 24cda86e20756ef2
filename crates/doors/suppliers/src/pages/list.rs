//! All the interventions that the reader may see, newest first.

use super::{
    paths,
    turn::Turn,
    words::{self, Badge},
};
use interventions::State;
use web::layout::prelude::*;

/// Part of the list.
#[derive(Debug, Clone)]
pub struct ListView {
    /// The rows.
    pub rows: Vec<Turn>,
    /// Narrowed to this state.
    pub state: Option<State>,
    /// Whether rows come before.
    pub is_further: bool,
    /// For the rows that follow.
    pub next: Option<String>,
}

/// `GET /{lang}/interventions`.
#[derive(Debug, Template)]
#[template(path = "interventions.html")]
pub struct List {
    chrome: Chrome,
    t: Text,
    view: ListView,
}

impl List {
    /// The page.
    pub fn new(chrome: Chrome, view: ListView) -> Self {
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

    fn all(&self) -> String {
        paths::list(self.chrome.lang, None, None)
    }

    fn narrowed(&self, state: &State) -> String {
        paths::list(self.chrome.lang, Some(*state), None)
    }

    fn first(&self) -> String {
        paths::list(self.chrome.lang, self.view.state, None)
    }

    fn further(&self, cursor: &str) -> String {
        paths::list(self.chrome.lang, self.view.state, Some(cursor))
    }

    fn path(&self, turn: &Turn) -> String {
        paths::intervention(self.chrome.lang, &turn.one.id)
    }
}
