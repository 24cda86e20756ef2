//! The signed-in home: one's own record, the people one represents, or one's patients.

use super::{Paging, paths};
use entrance::pages::short_of_codes;
use signin::SheetsSeen;
use types::{Category, PatientId, Time};
use web::layout::prelude::*;

/// What the home page shows, by role.
#[derive(Debug, Clone)]
pub enum HomeView {
    /// A patient's own record; none when the account is not linked yet.
    Own(Option<PatientCard>),
    /// A relative's mandates in force.
    Represented(Vec<RepresentedView>),
    /// A professional's patients.
    Patients(PatientListView),
}

/// Whose record it is.
#[derive(Debug, Clone)]
pub struct PatientCard {
    /// Which record.
    pub patient: PatientId,
    /// First and last name.
    pub name: String,
    /// `YYYY-MM-DD`, or less.
    pub birth_date: String,
}

/// A person somebody represents.
#[derive(Debug, Clone)]
pub struct RepresentedView {
    /// Which record.
    pub patient: PatientId,
    /// First and last name.
    pub name: String,
    /// `YYYY-MM-DD`, or less.
    pub birth_date: String,
    /// What the mandate covers.
    pub covers: Vec<Category>,
    /// The mandate's end, if it has one.
    pub until: Option<Time>,
}

/// A page of a professional's patients.
#[derive(Debug, Clone)]
pub struct PatientListView {
    /// The patients, in the order to show.
    pub rows: Vec<PatientRow>,
    /// What was searched; empty for all.
    pub query: String,
    /// Where the list stands.
    pub paging: Paging,
}

/// One patient of a professional.
#[derive(Debug, Clone)]
pub struct PatientRow {
    /// Which record.
    pub patient: PatientId,
    /// Last and first name.
    pub name: String,
    /// `YYYY-MM-DD`, or less.
    pub birth_date: String,
    /// As the hospital has it.
    pub sex: Sex,
}

/// Administrative sex as the hospital has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Other.
    Other,
    /// Not stated.
    Unknown,
}

impl Sex {
    /// The word.
    pub fn word(self, t: Text) -> &'static str {
        match self {
            Self::Female => t.portal_sex_female(),
            Self::Male => t.portal_sex_male(),
            Self::Other => t.portal_sex_another(),
            Self::Unknown => t.portal_sex_unknown(),
        }
    }
}

/// `GET /{lang}/` once signed in.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    chrome: Chrome,
    t: Text,
    view: HomeView,
    sheet: Option<SheetsSeen>,
}

impl Home {
    /// The page.
    pub fn new(chrome: Chrome, view: HomeView) -> Self {
        Self { t: chrome.text(), chrome, view, sheet: None }
    }

    /// The same, for whoever signs in with a printed sheet of codes.
    pub fn with_sheet(self, sheet: Option<SheetsSeen>) -> Self {
        Self { sheet, ..self }
    }

    fn short_of_codes(&self) -> Option<(&'static str, String)> {
        short_of_codes(&self.chrome, self.sheet.as_ref())
    }

    fn listing(&self, patient: &PatientId, kind: Category) -> String {
        paths::listing(self.chrome.lang, patient, kind, 1)
    }

    fn record(&self, patient: &PatientId) -> String {
        paths::record(self.chrome.lang, patient)
    }

    fn previous(&self, list: &PatientListView) -> Option<String> {
        list.paging.previous().map(|page| paths::patients(self.chrome.lang, &list.query, page))
    }

    fn next(&self, list: &PatientListView) -> Option<String> {
        list.paging.next().map(|page| paths::patients(self.chrome.lang, &list.query, page))
    }

    fn covers(&self, person: &RepresentedView) -> String {
        let words: Vec<String> = person.covers.iter().map(|kind| self.t.category(*kind).to_lowercase()).collect();
        words.join(", ")
    }
}
