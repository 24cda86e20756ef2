//! The signed-in home: what can be done now, and what is to come.

use super::{
    paths,
    turn::{Reader, Turn},
};
use types::Role;
use web::layout::prelude::*;

/// What the home page shows.
#[derive(Debug, Clone)]
pub struct HomeView {
    /// Who reads.
    pub reader: Reader,
    /// What can be worked in now, those that end first before.
    pub now: Vec<Turn>,
    /// Approved, not begun; the next first.
    pub planned: Vec<Turn>,
    /// Not decided.
    pub waiting: Vec<Turn>,
    /// The last that are over.
    pub ended: Vec<Turn>,
}

/// `GET /{lang}/` once signed in.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    chrome: Chrome,
    t: Text,
    view: HomeView,
}

impl Home {
    /// The page.
    pub fn new(chrome: Chrome, view: HomeView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn path(&self, turn: &Turn) -> String {
        paths::intervention(self.chrome.lang, &turn.one.id)
    }

    fn is_empty(&self) -> bool {
        let HomeView { now, planned, waiting, ended, .. } = &self.view;
        [now, planned, waiting, ended].iter().all(|turns| turns.is_empty())
    }

    fn is_manager(&self) -> bool {
        self.view.reader.role == Role::SupplierManager
    }

    fn people(&self, turn: &Turn) -> String {
        turn.one.technicians.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
