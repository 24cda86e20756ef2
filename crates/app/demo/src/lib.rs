//! A small hospital to try Poterne on: invented people, their results and documents, and the information system that
//! serves them over FHIR R4 and mutual TLS, with the same wiring as production on the door's side.
//!
//! - [`Hospital::generate`]: twelve synthetic patients, drawn from a seed; the same seed and day give the same bytes.
//! - [`Hospital::bundle`]: the same hospital as a FHIR transaction, to load another server with it.
//! - [`Sis`]: the FHIR server; [`SisFaults`] makes it slow, absent, wrong or garbled, for tests.
//! - [`Authority`]: a certificate authority for one run, which can vouch for reserved names only.
//! - [`accounts`]: who signs in, and what ties each to the patients; [`STAFF`], [`SUPPLIERS`], [`EQUIPMENT`]: the second door's.
//! - [`Machine`]: an equipment to reach by SSH.
//! - [`SoftPasskey`]: signs in the place of a person, for the interfaces.
//!
//! Absent from here: real people, real numbers (the INS are in the TEST domain, with a place of birth that does not
//! exist; telephone numbers are of the ranges kept for fiction), passwords, and any other crate of the house but
//! `types`. The seeded generator makes people, never secrets.

mod accounts;
mod ca;
mod faults;
mod fhir;
mod hospital;
mod lab;
mod letters;
mod machine;
mod metrics;
mod names;
mod passkey;
mod pdf;
mod people;
mod private;
mod search;
mod sheets;
mod sis;
mod staff;

pub use accounts::{DemoAccount, DemoLink, LinkKind, accounts};
pub use ca::{Authority, CaError, Issued};
pub use faults::SisFaults;
pub use fhir::{CONFIDENTIALITY_FR, CONFIDENTIALITY_V3, HELD, NORMAL};
pub use hospital::{Establishment, Hospital, Service};
pub use lab::{Amount, Analyte, Flag, Measure};
pub use letters::DocumentKind;
pub use machine::{Files, Machine, MachineError};
pub use passkey::{Assertion, Registration, SoftPasskey};
pub use people::{Address, Commune, Document, Patient, Practitioner, Report, Sex};
pub use sis::{Sis, SisError};
pub use staff::{DemoEquipment, EQUIPMENT, STAFF, SUPPLIERS, StaffAccount};
