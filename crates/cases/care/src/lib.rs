//! What patients, relatives and outside professionals do: see people, read results and documents.
//!
//! The data stays in the SIS and comes over FHIR R4 with mutual TLS, per request. Every read takes the decision's scope;
//! every row is checked against it; nothing is seen before the journal has named it.

mod enrol;
mod fhir;
mod model;
mod service;
mod sightings;
mod sis;
mod sql;
#[cfg(test)]
mod tests;

pub use enrol::{Registrar, RegistrarError};
pub use model::{
    Attachment, Document, Examination, Interpretation, Measure, Person, RecordPage, RelatedPeople, RelatedPerson,
    Report, ReportStatus, Sex, Value,
};
pub use service::{CareError, CareService, RecordAsked};
pub use sightings::{
    Finding, FindsTraces, FoundTraces, SIGHTING_EVENTS, SIGHTINGS_DAYS, SIGHTINGS_MAX, Sighting, Sightings,
    SightingsDesk,
};
pub use sis::{Sis, SisConfig, SisError, tls};
