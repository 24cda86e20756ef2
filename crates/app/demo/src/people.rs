//! The people of the hospital and what their records hold.

use crate::{
    lab::Measure,
    letters::{DocumentKind, Story},
};
use jiff::{Timestamp, civil::Date};
use types::{Confidentiality, Ins, InsDomain};

/// Administrative sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Woman.
    Female,
    /// Man.
    Male,
}

impl Sex {
    /// FHIR's word.
    pub const fn fhir(self) -> &'static str {
        match self {
            Sex::Female => "female",
            Sex::Male => "male",
        }
    }

    /// The letter printed on French sheets.
    pub const fn letter(self) -> &'static str {
        match self {
            Sex::Female => "F",
            Sex::Male => "M",
        }
    }
}

/// A French commune with its official geographic code (COG).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commune {
    /// Name.
    pub name: &'static str,
    /// Five characters of the COG.
    pub cog: &'static str,
}

/// A postal address, in an invented town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Number and street.
    pub line: String,
    /// Postal code that no town has.
    pub postal_code: &'static str,
    /// Town.
    pub city: &'static str,
}

/// A patient, with the whole record.
#[derive(Debug, Clone, PartialEq)]
pub struct Patient {
    /// Logical id in the SIS.
    pub id: String,
    /// National health identity, in the TEST domain.
    pub ins: Ins,
    /// The hospital's own number (IPP).
    pub ipp: String,
    /// Name at birth.
    pub birth_name: String,
    /// Name in use, when it differs.
    pub used_name: Option<String>,
    /// First names, in the order of the civil status.
    pub given: Vec<String>,
    /// Administrative sex.
    pub sex: Sex,
    /// Day of birth.
    pub birth_date: Date,
    /// Commune of birth.
    pub birthplace: Commune,
    /// Where the patient lives.
    pub address: Address,
    /// A number of a range kept for fiction.
    pub phone: String,
    /// Laboratory reports, newest first.
    pub reports: Vec<Report>,
    /// Documents, newest first.
    pub documents: Vec<Document>,
    pub(crate) story: Story,
}

impl Patient {
    /// First name and name in use, as on a page.
    pub fn display_name(&self) -> String {
        let name = self.used_name.as_ref().unwrap_or(&self.birth_name);
        format!("{} {name}", self.given.first().map_or("", String::as_str))
    }

    /// The last name that people use.
    pub fn family_name(&self) -> &str {
        self.used_name.as_deref().unwrap_or(&self.birth_name)
    }
}

/// A laboratory report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Logical id of the `DiagnosticReport`.
    pub id: String,
    /// Logical id of the `Binary`.
    pub binary_id: String,
    /// French title.
    pub title: &'static str,
    /// LOINC code of the panel.
    pub loinc: &'static str,
    /// When the sample was taken.
    pub taken: Timestamp,
    /// When the result was validated.
    pub issued: Timestamp,
    /// Index of the validating biologist in `Hospital::practitioners`.
    pub author: usize,
    /// The values.
    pub measures: Vec<Measure>,
    /// Who may see it.
    pub confidentiality: Confidentiality,
    /// The sheet.
    pub pdf: Vec<u8>,
}

/// A document: letter, report, prescription.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Logical id of the `DocumentReference`.
    pub id: String,
    /// Logical id of the `Binary`.
    pub binary_id: String,
    /// What it is.
    pub kind: DocumentKind,
    /// French title.
    pub title: String,
    /// When it was signed.
    pub date: Timestamp,
    /// Index of the author in `Hospital::practitioners`.
    pub author: usize,
    /// Who may see it.
    pub confidentiality: Confidentiality,
    /// The sheet.
    pub pdf: Vec<u8>,
}

/// A physician of the hospital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practitioner {
    /// Logical id in the SIS.
    pub id: String,
    /// Looks like an RPPS number; real ones do not begin with 899.
    pub rpps: String,
    /// Last name.
    pub family: &'static str,
    /// First name.
    pub given: &'static str,
    /// Index of the service in `Establishment::services`.
    pub service: usize,
}

impl Practitioner {
    /// As signed on a sheet.
    pub fn display_name(&self) -> String {
        format!("Dr {} {}", self.given, self.family)
    }
}

/// A number of the TEST domain for nobody: its place of birth, 99 999, is not a place.
pub(crate) fn synthetic_ins(sex: Sex, birth: Date, order: usize) -> Option<Ins> {
    let sex = if sex == Sex::Male { 1 } else { 2 };
    let body = format!("{sex}{:02}{:02}99999{:03}", birth.year().rem_euclid(100), birth.month(), order % 1000);
    let key = 97 - body.parse::<u64>().ok()? % 97;
    Ins::new(InsDomain::Test, &format!("{body}{key:02}")).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_synthetic_number_holds_its_key_and_a_place_that_is_none() {
        for (sex, day, start) in [(Sex::Female, date(1984, 3, 17), "28403"), (Sex::Male, date(2012, 11, 2), "11211")] {
            let ins = synthetic_ins(sex, day, 7).unwrap();
            assert_eq!(ins.domain(), InsDomain::Test);
            assert!(ins.number().starts_with(start));
            assert_eq!(&ins.number()[5..13], "99999007");
        }
    }
}
