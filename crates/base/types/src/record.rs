//! The health record's objects, as far as a door needs to know them.

use crate::{EstablishmentId, PatientId, actor::words};
use std::{fmt, str::FromStr};

words! {
    /// What kind of object of a patient's record. A mandate names the kinds it covers.
    Category {
        /// A laboratory or imaging result.
        Result = "result",
        /// A document: letter, discharge summary, prescription.
        Document = "document",
    }
}

words! {
    /// Who may see an object, by the SIS's own marking.
    Confidentiality {
        /// Nothing special.
        Normal = "normal",
        /// Held until a professional has announced it to the patient (`INVISIBLE_PATIENT`).
        Held = "held",
    }
}

/// What is said of an object identifier that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier (1 to 64 letters, digits, hyphens or dots)")]
pub struct BadObjectId;

/// A logical identifier of the SIS (FHIR `id`): 1 to 64 of `A-Z a-z 0-9 - .`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(String);

impl ObjectId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectId {
    type Err = BadObjectId;
    fn from_str(text: &str) -> Result<Self, BadObjectId> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        // "." and ".." are legal FHIR ids but would walk up a URL.
        if text.is_empty() || text.len() > 64 || !text.chars().all(legal) || text.chars().all(|c| c == '.') {
            return Err(BadObjectId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object of a record with all that a decision about it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// Whose hospital.
    pub establishment: EstablishmentId,
    /// Whose record.
    pub patient: PatientId,
    /// What kind.
    pub category: Category,
    /// Who may see it.
    pub confidentiality: Confidentiality,
    /// Which one, in the SIS.
    pub id: ObjectId,
}

words! {
    /// The authority that gave the number (the last arc of `1.2.250.1.213.1.4`).
    InsDomain {
        /// NIR.
        Nir = "1.2.250.1.213.1.4.8",
        /// NIA.
        Nia = "1.2.250.1.213.1.4.9",
        /// Test numbers; refused in production.
        Test = "1.2.250.1.213.1.4.10",
        /// Demonstration numbers; refused in production.
        Demo = "1.2.250.1.213.1.4.11",
    }
}

/// What is said of a number that is not an INS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an INS (15 characters with their control key)")]
pub struct BadIns;

/// A national health identity: 13 characters and a two-digit control key.
/// `Debug` shows the domain only: the number is personal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ins {
    domain: InsDomain,
    number: String,
}

impl Ins {
    /// Checks the form and the control key (97 minus the 13 first modulo 97; 2A and 2B of Corsica count as 19 and 18).
    pub fn new(domain: InsDomain, number: &str) -> Result<Self, BadIns> {
        if number.len() != 15 || !number.is_ascii() {
            return Err(BadIns);
        }
        let (body, key) = number.split_at(13);
        // Digits only (a parser would take a sign), but for Corsica's 2A and 2B.
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let corsican = matches!(body.get(5..7), Some("2A" | "2B"));
        let shaped = if corsican {
            body.get(..5).is_some_and(digits) && body.get(7..).is_some_and(digits)
        } else {
            digits(body)
        };
        if !shaped || !digits(key) {
            return Err(BadIns);
        }
        let body: u64 = match body.get(5..7) {
            Some("2A") => body.replacen("2A", "19", 1),
            Some("2B") => body.replacen("2B", "18", 1),
            _ => body.to_owned(),
        }
        .parse()
        .map_err(|_| BadIns)?;
        let key: u64 = key.parse().map_err(|_| BadIns)?;
        if 97 - body % 97 != key {
            return Err(BadIns);
        }
        Ok(Self { domain, number: number.to_owned() })
    }

    /// The authority.
    pub fn domain(&self) -> InsDomain {
        self.domain
    }

    /// The 15 characters.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// As a FHIR search token: `urn:oid:<domain>|<number>`.
    pub fn token(&self) -> String {
        format!("urn:oid:{}|{}", self.domain, self.number)
    }
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ins({}, …)", self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_ids_are_strict() {
        for good in ["a", "A-1.b", "6f9619ff-8b86-d011-b42d-00c04fc964ff"] {
            assert!(ObjectId::from_str(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "é", "a?b", "a%2fb", &"a".repeat(65)] {
            assert_eq!(ObjectId::from_str(bad), Err(BadObjectId), "{bad}");
        }
    }

    #[test]
    fn an_ins_has_its_key() {
        let body: u64 = 2_850_699_999_123;
        let good = format!("{body}{:02}", 97 - body % 97);
        assert!(Ins::new(InsDomain::Test, &good).is_ok());
        let wrong = format!("{body}{:02}", (97 - body % 97) % 97 + 1);
        for bad in
            [wrong.as_str(), "", "+85069999912385", "2850699999123+5", "28506999991230", "2x5069999912345", "éééééééé"]
        {
            assert_eq!(Ins::new(InsDomain::Test, bad), Err(BadIns), "{bad}");
        }
        let corsican: u64 = 2_850_619_001_123;
        assert!(Ins::new(InsDomain::Test, &format!("285062A001123{:02}", 97 - corsican % 97)).is_ok());
    }

    #[test]
    fn a_number_never_shows_in_debug() {
        let body: u64 = 2_850_699_999_123;
        let ins = Ins::new(InsDomain::Test, &format!("{body}{:02}", 97 - body % 97));
        assert!(!format!("{ins:?}").contains("99999"));
    }
}
