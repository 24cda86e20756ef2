//! A patient's record: its results and its documents, newest first.

use super::{Paging, ResultKind, is_patient, is_professional, paths};
use types::{Category, Confidentiality, ObjectId, PatientId};
use web::{layout::prelude::*, when::Dated};

/// Whose record is open, on every page of it.
#[derive(Debug, Clone)]
pub struct PatientBanner {
    /// Which record.
    pub patient: PatientId,
    /// First and last name.
    pub name: String,
    /// `YYYY-MM-DD`, or less.
    pub birth_date: String,
}

/// Part of a record as far as it may be seen.
#[derive(Debug, Clone)]
pub struct Listing<Row> {
    /// Newest first.
    pub rows: Vec<Row>,
    /// Where the list stands.
    pub paging: Paging,
}

/// One result in the list.
#[derive(Debug, Clone)]
pub struct ResultRow {
    /// Which one, in the SIS.
    pub id: ObjectId,
    /// What was examined.
    pub title: String,
    /// When.
    pub date: Dated,
    /// What kind of examination.
    pub kind: ResultKind,
    /// The service or laboratory; empty when unknown.
    pub source: String,
    /// Whether it awaits its announcement.
    pub confidentiality: Confidentiality,
}

/// One document in the list.
#[derive(Debug, Clone)]
pub struct DocumentRow {
    /// Which one, in the SIS.
    pub id: ObjectId,
    /// Its title.
    pub title: String,
    /// When.
    pub date: Dated,
    /// Its nature in the hospital's words: letter, report; empty when unknown.
    pub kind: String,
    /// Who wrote it; empty when unknown.
    pub author: String,
    /// Whether it awaits its announcement.
    pub confidentiality: Confidentiality,
}

/// What the record page shows.
#[derive(Debug, Clone)]
pub struct RecordView {
    /// Whose record.
    pub patient: PatientBanner,
    /// The one kind asked for (`?kind=`), or all.
    pub filter: Option<Category>,
    /// The results, unless filtered out; none when the reader's right does not cover them.
    pub results: Option<Listing<ResultRow>>,
    /// The documents, likewise.
    pub documents: Option<Listing<DocumentRow>>,
}

/// `GET /{lang}/records/{patient}`.
#[derive(Debug, Template)]
#[template(path = "record.html")]
pub struct Record {
    chrome: Chrome,
    t: Text,
    view: RecordView,
}

impl Record {
    /// The page.
    pub fn new(chrome: Chrome, view: RecordView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn title(&self) -> &'static str {
        match self.view.filter {
            None => self.t.portal_record_page(),
            Some(Category::Result) => self.t.portal_record_page_results(),
            Some(Category::Document) => self.t.portal_record_page_documents(),
        }
    }

    fn shows(&self, kind: Category) -> bool {
        self.view.filter.is_none_or(|only| only == kind)
    }

    fn is_only(&self, kind: Category) -> bool {
        self.view.filter == Some(kind)
    }

    fn listing(&self, kind: Category, page: u32) -> String {
        paths::listing(self.chrome.lang, &self.view.patient.patient, kind, page)
    }

    fn newer(&self, kind: Category, paging: &Paging) -> Option<String> {
        paging.previous().map(|page| self.listing(kind, page))
    }

    fn older(&self, kind: Category, paging: &Paging) -> Option<String> {
        paging.next().map(|page| self.listing(kind, page))
    }

    fn all(&self) -> String {
        paths::record(self.chrome.lang, &self.view.patient.patient)
    }

    fn result(&self, id: &ObjectId) -> String {
        paths::result(self.chrome.lang, &self.view.patient.patient, id)
    }

    fn document(&self, id: &ObjectId) -> String {
        paths::document(self.chrome.lang, &self.view.patient.patient, id)
    }

    fn seen(&self) -> Option<String> {
        is_patient(&self.chrome).then(|| paths::seen(self.chrome.lang, &self.view.patient.patient, false))
    }

    fn is_held(&self, confidentiality: &Confidentiality) -> bool {
        is_professional(&self.chrome) && *confidentiality == Confidentiality::Held
    }
}
