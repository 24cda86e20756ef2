//! Who saw one's record.

use super::paths;
use std::collections::BTreeMap;
use types::{AccountId, Event, PatientId, Role, Time};
use web::layout::prelude::*;

/// Something of the record was seen.
#[derive(Debug, Clone)]
pub struct SightingRow {
    /// When.
    pub at: Time,
    /// What.
    pub event: Option<Event>,
    /// Whose account.
    pub account: Option<AccountId>,
    /// In what role.
    pub role: Option<Role>,
    /// His name, if it could be read.
    pub name: Option<String>,
    /// Whether it was the reader himself.
    pub is_own: bool,
}

/// What is known.
#[derive(Debug, Clone)]
pub struct SightingsKnown {
    /// When it was drawn up.
    pub at: Time,
    /// Newest first.
    pub rows: Vec<SightingRow>,
    /// Whether there is more.
    pub has_more: bool,
    /// Whether nothing is missing.
    pub is_whole: bool,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct SightingsView {
    /// Whose record.
    pub patient: PatientId,
    /// Whether the reader's own visits are shown too.
    pub with_own: bool,
    /// None where nobody answered in time.
    pub known: Option<SightingsKnown>,
}

/// Somebody, with how often and when last.
struct Person<'a> {
    row: &'a SightingRow,
    times: u64,
}

/// `GET /{lang}/records/{patient}/seen`.
#[derive(Debug, Template)]
#[template(path = "sightings.html")]
pub struct SightingsPage {
    chrome: Chrome,
    t: Text,
    view: SightingsView,
}

impl SightingsPage {
    /// The page.
    pub fn new(chrome: Chrome, view: SightingsView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn record(&self) -> String {
        paths::record(self.chrome.lang, &self.view.patient)
    }

    fn seen(&self, with_own: bool) -> String {
        paths::seen(self.chrome.lang, &self.view.patient, with_own)
    }

    fn shown<'a>(&self, known: &'a SightingsKnown) -> Vec<&'a SightingRow> {
        known.rows.iter().filter(|row| self.view.with_own || !row.is_own).collect()
    }

    /// That nobody else came is said only where all was looked at.
    fn nobody_else(&self, known: &SightingsKnown) -> &'static str {
        if known.is_whole && !known.has_more { self.t.portal_seen_empty() } else { self.t.portal_seen_none_here() }
    }

    /// Either the bound of what is told was reached, or that of what is looked through.
    fn more(&self, known: &SightingsKnown) -> String {
        let others = known.rows.len() - Self::own(known);
        if others < care::SIGHTINGS_MAX {
            self.t.portal_seen_not_all().to_owned()
        } else {
            self.t.portal_seen_more(care::SIGHTINGS_MAX)
        }
    }

    fn own(known: &SightingsKnown) -> usize {
        known.rows.iter().filter(|row| row.is_own).count()
    }

    /// Everybody but the reader, whoever came last first.
    fn people<'a>(known: &'a SightingsKnown) -> Vec<Person<'a>> {
        let mut order: Vec<Person<'a>> = Vec::new();
        let mut known_at: BTreeMap<Option<AccountId>, usize> = BTreeMap::new();
        for row in known.rows.iter().filter(|row| !row.is_own) {
            let at = *known_at.entry(row.account).or_insert(order.len());
            match order.get_mut(at) {
                Some(person) => person.times += 1,
                None => order.push(Person { row, times: 1 }),
            }
        }
        order
    }

    fn who<'a>(&'a self, row: &'a SightingRow) -> &'a str {
        if row.is_own { self.t.portal_seen_you() } else { row.name.as_deref().unwrap_or(self.t.portal_seen_nobody()) }
    }

    fn quality(&self, row: &SightingRow) -> &'static str {
        match row.role {
            Some(Role::Patient) => self.t.portal_seen_as_patient(),
            Some(Role::Relative) => self.t.portal_seen_as_relative(),
            Some(Role::Professional) => self.t.portal_seen_as_professional(),
            _ => self.t.portal_seen_as_other(),
        }
    }

    fn what(&self, row: &SightingRow) -> &'static str {
        match row.event {
            Some(Event::RecordRead) => self.t.portal_seen_record(),
            Some(Event::ResultRead) => self.t.portal_seen_result(),
            Some(Event::DocumentRead) => self.t.portal_seen_document(),
            Some(Event::DocumentOpened) => self.t.portal_seen_opened(),
            _ => self.t.portal_seen_something(),
        }
    }
}
