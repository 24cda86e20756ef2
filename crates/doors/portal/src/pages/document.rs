//! One document: what it is, and the ways to open it.

use super::{PatientBanner, is_professional, paths};
use types::{Confidentiality, ObjectId};
use web::{layout::prelude::*, when::Dated};

/// What the document page shows.
#[derive(Debug, Clone)]
pub struct DocumentView {
    /// Whose record.
    pub patient: PatientBanner,
    /// Which one, in the SIS.
    pub id: ObjectId,
    /// Its title.
    pub title: String,
    /// Its nature in the hospital's words; empty when unknown.
    pub kind: String,
    /// When.
    pub date: Dated,
    /// Who wrote it; empty when unknown.
    pub author: String,
    /// The service; empty when unknown.
    pub source: String,
    /// Its size, if the hospital says it.
    pub size_bytes: Option<u64>,
    /// Whether the browser can show it; otherwise it can only be saved.
    pub is_pdf: bool,
    /// Whether it awaits its announcement.
    pub confidentiality: Confidentiality,
}

/// `GET /{lang}/records/{patient}/documents/{id}`.
#[derive(Debug, Template)]
#[template(path = "document.html")]
pub struct DocumentDetail {
    chrome: Chrome,
    t: Text,
    view: DocumentView,
}

impl DocumentDetail {
    /// The page.
    pub fn new(chrome: Chrome, view: DocumentView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn record(&self) -> String {
        paths::record(self.chrome.lang, &self.view.patient.patient)
    }

    fn content(&self) -> String {
        paths::content(self.chrome.lang, &self.view.patient.patient, &self.view.id)
    }

    fn download(&self) -> String {
        paths::download(self.chrome.lang, &self.view.patient.patient, &self.view.id)
    }

    fn is_held(&self) -> bool {
        is_professional(&self.chrome) && self.view.confidentiality == Confidentiality::Held
    }

    fn size(&self) -> Option<String> {
        self.view.size_bytes.map(|bytes| size(bytes, self.t))
    }
}

/// Kilobytes up to a thousand, then megabytes with one decimal (decimal units, as telephones show).
fn size(bytes: u64, t: Text) -> String {
    let kilo = bytes.div_ceil(1_000);
    if kilo < 1_000 {
        return t.portal_document_size_kilo(kilo);
    }
    let tenths = bytes.div_ceil(100_000);
    let mark = if t.lang() == types::Lang::Fr { ',' } else { '.' };
    t.portal_document_size_mega(format!("{}{mark}{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Lang;

    #[test]
    fn sizes_are_short() {
        for (bytes, fr, en) in [
            (0, "0 ko", "0 kB"),
            (1, "1 ko", "1 kB"),
            (240_100, "241 ko", "241 kB"),
            (1_250_000, "1,3 Mo", "1.3 MB"),
            (u64::MAX, "18446744073709,6 Mo", "18446744073709.6 MB"),
        ] {
            assert_eq!(size(bytes, Text::new(Lang::Fr)), fr);
            assert_eq!(size(bytes, Text::new(Lang::En)), en);
        }
    }
}
