//! What the pages are made of. Texts are the SIS's own, never interpreted as markup.

use journal::Page;
use policy::Lacking;
use types::{Category, Confidentiality, ObjectId, PatientId, Time};

/// A patient's person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Poterne's identifier.
    pub patient: PatientId,
    /// First name and name, as used.
    pub name: String,
    /// The name alone, for ordering.
    pub family: String,
    /// `YYYY-MM-DD` or less; empty when unknown.
    pub birth_date: String,
    /// As the SIS says.
    pub sex: Sex,
}

/// FHIR `administrative-gender`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Another.
    Other,
    /// Not said.
    Unknown,
}

/// Somebody whom the actor may see, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedPerson {
    /// Who.
    pub person: Person,
    /// What may be read of him.
    pub covers: Vec<Category>,
    /// When the right ends, if it does.
    pub until: Option<Time>,
}

/// Those whom the actor may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedPeople {
    /// In the order of their names.
    pub people: Vec<RelatedPerson>,
    /// What he lacks to see more of them.
    pub lacking: Option<Lacking>,
}

/// What kind of examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examination {
    /// Laboratory.
    Laboratory,
    /// Imaging.
    Imaging,
    /// Anything else.
    Other,
}

/// Where a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportStatus {
    /// Final.
    Final,
    /// Registered, partial, preliminary.
    Preliminary,
    /// Amended, corrected, appended.
    Corrected,
    /// Cancelled or entered in error.
    Cancelled,
}

/// A result: a diagnostic report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the SIS.
    pub id: ObjectId,
    /// What was examined.
    pub title: String,
    /// FHIR date or instant; empty when unknown.
    pub date: String,
    /// What kind.
    pub examination: Examination,
    /// Service or laboratory; empty when unknown.
    pub source: String,
    /// Where it stands.
    pub status: ReportStatus,
    /// Held or not.
    pub confidentiality: Confidentiality,
    /// The values, in the report's order; empty in lists.
    pub measures: Vec<Measure>,
    /// The conclusion, if any.
    pub conclusion: Option<String>,
    /// Whether a printed sheet goes with it.
    pub has_sheet: bool,
}

/// One value of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// What was measured.
    pub name: String,
    /// What was found.
    pub value: Value,
    /// The unit; empty without.
    pub unit: String,
    /// Lower bound of the reference, as written.
    pub low: Option<String>,
    /// Upper bound, as written.
    pub high: Option<String>,
    /// The reference in words.
    pub range_text: Option<String>,
    /// The laboratory's reading; never guessed.
    pub interpretation: Interpretation,
    /// A remark; empty without.
    pub comment: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A decimal number as written.
    Number(String),
    /// Words.
    Words(String),
    /// Nothing.
    Absent,
}

/// The laboratory's reading of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpretation {
    /// `N`.
    Normal,
    /// `H`.
    High,
    /// `L`.
    Low,
    /// `HH`, `HU`.
    VeryHigh,
    /// `LL`, `LU`.
    VeryLow,
    /// `A`, `AA` and others that are not "normal".
    Abnormal,
    /// Nothing said.
    Unstated,
}

/// A document's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// In the SIS.
    pub id: ObjectId,
    /// Title.
    pub title: String,
    /// FHIR date or instant; empty when unknown.
    pub date: String,
    /// Nature, in the SIS's words; empty when unknown.
    pub kind: String,
    /// Who wrote it; empty when unknown.
    pub author: String,
    /// The service; empty when unknown.
    pub source: String,
    /// Held or not.
    pub confidentiality: Confidentiality,
    /// Bytes, if the SIS says.
    pub size_bytes: Option<u64>,
    /// Media type, as the SIS says.
    pub media_type: String,
}

/// A document's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// For the file name.
    pub title: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether they are a PDF, by their own first bytes.
    pub is_pdf: bool,
}

/// A record's page.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordPage {
    /// Whose.
    pub person: Person,
    /// The results, if asked for and covered by the right.
    pub reports: Option<Page<Report>>,
    /// The documents, likewise.
    pub documents: Option<Page<Document>>,
    /// What the reader lacks for more to be on it.
    pub lacking: Option<Lacking>,
}
