//! The portal's pages beyond its entrance's: plain data in, HTML out. Nothing here reads a clock, a file or a service.
//!
//! Each page is made by `Page::new(chrome, view)`; the views are plain data that the handlers fill. Everything shown
//! is escaped by the templates.

mod chart;
mod document;
mod home;
pub mod paths;
mod record;
mod result;
mod sightings;

pub use document::{DocumentDetail, DocumentView};
pub use home::{Home, HomeView, PatientCard, PatientListView, PatientRow, RepresentedView, Sex};
pub use record::{DocumentRow, Listing, PatientBanner, Record, RecordView, ResultRow};
pub use result::{
    Interpretation, ObservationView, ObservedValue, RangeView, ResultDetail, ResultKind, ResultStatus, ResultView,
};

pub use sightings::{SightingRow, SightingsKnown, SightingsPage, SightingsView};

use types::Role;
use web::layout::Chrome;

/// Where a list stands: pages are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// This page.
    pub page: u32,
    /// Whether another follows.
    pub has_more: bool,
}

impl Paging {
    /// The first page, and the last.
    pub const ONLY: Paging = Paging { page: 1, has_more: false };

    /// Whether there is anywhere to go.
    pub fn is_needed(&self) -> bool {
        self.page > 1 || self.has_more
    }

    /// The page before, if any.
    pub fn previous(&self) -> Option<u32> {
        (self.page > 1).then(|| self.page - 1)
    }

    /// The page after, if any.
    pub fn next(&self) -> Option<u32> {
        if self.has_more { self.page.checked_add(1) } else { None }
    }
}

/// Whether the reader is a professional: only he is told that an object is held.
fn is_professional(chrome: &Chrome) -> bool {
    chrome.signed_in.as_ref().is_some_and(|who| who.role == Role::Professional)
}

/// Whether the reader is a patient: only he is told who saw his record.
fn is_patient(chrome: &Chrome) -> bool {
    chrome.signed_in.as_ref().is_some_and(|who| who.role == Role::Patient)
}

/// Whether the reader is the patient or his relative, to whom a value is explained.
fn is_lay_reader(chrome: &Chrome) -> bool {
    chrome.signed_in.as_ref().is_some_and(|who| matches!(who.role, Role::Patient | Role::Relative))
}
