//! The part of FHIR R4 that this door reads. Everything is optional: a SIS may leave out anything, and unknown fields are
//! passed over. Decoding never panics and never guesses.

use crate::model::{Document, Examination, Interpretation, Measure, Person, Report, ReportStatus, Sex, Value};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::value::RawValue;
use types::{Confidentiality, ObjectId, PatientId};

/// The code that holds an object until it was announced to the patient.
pub(crate) const HELD: &str = "INVISIBLE_PATIENT";

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Bundle {
    pub resource_type: String,
    pub total: Option<u64>,
    pub link: Vec<Link>,
    pub entry: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Link {
    pub relation: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    pub resource: Option<Resource>,
}

#[derive(Debug)]
pub(crate) enum Resource {
    Patient(Box<Patient>),
    DocumentReference(Box<DocumentReference>),
    DiagnosticReport(Box<DiagnosticReport>),
    Observation(Box<Observation>),
    Other,
}

/// By hand: a tagged enum would be read through a buffer in which numbers lose how they were written.
impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Tag {
            resource_type: String,
        }
        fn boxed<T: DeserializeOwned, E: Error>(text: &str) -> Result<Box<T>, E> {
            serde_json::from_str(text).map(Box::new).map_err(E::custom)
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let tag: Tag = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(match tag.resource_type.as_str() {
            "Patient" => Self::Patient(boxed(raw.get())?),
            "DocumentReference" => Self::DocumentReference(boxed(raw.get())?),
            "DiagnosticReport" => Self::DiagnosticReport(boxed(raw.get())?),
            "Observation" => Self::Observation(boxed(raw.get())?),
            _ => Self::Other,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Meta {
    pub security: Vec<Coding>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Coding {
    pub system: String,
    pub code: String,
    pub display: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Concept {
    pub coding: Vec<Coding>,
    pub text: String,
}

impl Concept {
    fn words(&self) -> String {
        let display = self.coding.iter().map(|coding| coding.display.as_str()).find(|display| !display.is_empty());
        if self.text.is_empty() { display.unwrap_or("").to_owned() } else { self.text.clone() }
    }

    fn has(&self, code: &str) -> bool {
        self.coding.iter().any(|coding| coding.code == code)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reference {
    pub reference: String,
    pub display: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Identifier {
    pub r#use: String,
    pub system: String,
    pub value: String,
    pub period: Span,
}

/// A period of which only a past end matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Span {
    pub end: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HumanName {
    pub r#use: String,
    pub family: String,
    pub given: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Patient {
    pub id: String,
    pub active: Option<bool>,
    pub identifier: Vec<Identifier>,
    pub name: Vec<HumanName>,
    pub gender: String,
    pub birth_date: String,
}

impl Patient {
    /// Whether he still bears this identifier: not withdrawn, not ended, on a record in use.
    pub(crate) fn bears(&self, token: &str) -> bool {
        let current = |found: &&Identifier| found.r#use != "old" && found.period.end.is_none();
        self.active != Some(false)
            && self.identifier.iter().filter(current).any(|found| format!("{}|{}", found.system, found.value) == token)
    }

    /// The name in use: "usual" before "official", first name then name.
    pub(crate) fn person(&self, patient: PatientId) -> Person {
        let named = |wanted: &str| self.name.iter().find(|name| name.r#use == wanted);
        let name = named("usual").or_else(|| named("official")).or_else(|| self.name.first());
        let given = name.and_then(|name| name.given.first()).map_or("", String::as_str);
        let family = name.map_or("", |name| name.family.as_str());
        let sex = match self.gender.as_str() {
            "female" => Sex::Female,
            "male" => Sex::Male,
            "other" => Sex::Other,
            _ => Sex::Unknown,
        };
        Person {
            patient,
            name: format!("{given} {family}").trim().to_owned(),
            family: family.to_owned(),
            birth_date: self.birth_date.clone(),
            sex,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AttachmentElement {
    pub content_type: String,
    pub url: String,
    pub title: String,
    pub size: Option<u64>,
    pub data: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Content {
    pub attachment: AttachmentElement,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DocumentReference {
    pub id: String,
    pub status: String,
    pub meta: Meta,
    pub subject: Reference,
    pub date: String,
    pub r#type: Concept,
    pub description: String,
    pub author: Vec<Reference>,
    pub custodian: Reference,
    pub security_label: Vec<Concept>,
    pub content: Vec<Content>,
}

impl DocumentReference {
    /// Whether it still stands: what was superseded or entered in error is as good as absent.
    pub(crate) fn stands(&self) -> bool {
        matches!(self.status.as_str(), "current" | "")
    }

    pub(crate) fn confidentiality(&self) -> Confidentiality {
        held(self.security_label.iter().any(|label| label.has(HELD)) || marked(&self.meta))
    }

    pub(crate) fn attachment(&self) -> Option<&AttachmentElement> {
        self.content.first().map(|content| &content.attachment)
    }

    pub(crate) fn document(&self, id: ObjectId) -> Document {
        let attachment = self.attachment();
        let title = attachment.map_or("", |attachment| attachment.title.as_str());
        let titles = [title, self.description.as_str(), &self.r#type.words()].map(str::to_owned);
        Document {
            id,
            title: titles.into_iter().find(|title| !title.is_empty()).unwrap_or_default(),
            date: self.date.clone(),
            kind: self.r#type.words(),
            author: by(&self.author, "Practitioner"),
            source: match by(&self.author, "Organization") {
                none if none.is_empty() => self.custodian.display.clone(),
                source => source,
            },
            confidentiality: self.confidentiality(),
            size_bytes: attachment.and_then(|attachment| attachment.size),
            media_type: attachment.map_or_else(String::new, |attachment| attachment.content_type.clone()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DiagnosticReport {
    pub id: String,
    pub meta: Meta,
    pub status: String,
    pub category: Vec<Concept>,
    pub code: Concept,
    pub subject: Reference,
    pub effective_date_time: String,
    pub issued: String,
    pub performer: Vec<Reference>,
    pub result: Vec<Reference>,
    pub conclusion: Option<String>,
    pub presented_form: Vec<AttachmentElement>,
}

impl DiagnosticReport {
    /// Whether it still stands: what was entered in error is as good as absent.
    pub(crate) fn stands(&self) -> bool {
        self.status != "entered-in-error"
    }

    pub(crate) fn confidentiality(&self) -> Confidentiality {
        held(marked(&self.meta))
    }

    pub(crate) fn report(&self, id: ObjectId, measures: Vec<Measure>) -> Report {
        let category = |codes: &[&str]| self.category.iter().any(|concept| codes.iter().any(|code| concept.has(code)));
        let date = if self.effective_date_time.is_empty() { &self.issued } else { &self.effective_date_time };
        Report {
            id,
            title: self.code.words(),
            date: date.clone(),
            examination: match () {
                () if category(&["LAB", "HM", "CH", "MB", "SR", "laboratory"]) => Examination::Laboratory,
                () if category(&["RAD", "IMG", "CT", "NMR", "RUS", "imaging"]) => Examination::Imaging,
                () => Examination::Other,
            },
            source: match by(&self.performer, "Organization") {
                none if none.is_empty() => by(&self.performer, "Practitioner"),
                source => source,
            },
            status: match self.status.as_str() {
                "final" => ReportStatus::Final,
                "amended" | "corrected" | "appended" => ReportStatus::Corrected,
                "cancelled" | "entered-in-error" => ReportStatus::Cancelled,
                _ => ReportStatus::Preliminary,
            },
            confidentiality: self.confidentiality(),
            measures,
            conclusion: self.conclusion.clone().filter(|text| !text.is_empty()),
            has_sheet: !self.presented_form.is_empty(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quantity {
    pub value: Option<Box<RawValue>>,
    pub comparator: String,
    pub unit: String,
    pub code: String,
}

impl Quantity {
    /// The number as written; `None` if what stands there is no plain decimal.
    fn number(&self) -> Option<String> {
        let text = self.value.as_ref()?.get();
        let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
        (text.len() <= 40 && text.chars().all(plain)).then(|| format!("{}{text}", self.comparator))
    }

    fn unit(&self) -> &str {
        if self.unit.is_empty() { &self.code } else { &self.unit }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Range {
    pub low: Quantity,
    pub high: Quantity,
    pub text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Annotation {
    pub text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Observation {
    pub id: String,
    pub status: String,
    pub meta: Meta,
    pub code: Concept,
    pub subject: Reference,
    pub value_quantity: Option<Quantity>,
    pub value_string: Option<String>,
    pub value_codeable_concept: Option<Concept>,
    pub interpretation: Vec<Concept>,
    pub reference_range: Vec<Range>,
    pub note: Vec<Annotation>,
}

impl Observation {
    pub(crate) fn confidentiality(&self) -> Confidentiality {
        held(marked(&self.meta))
    }

    /// A value that is named but cannot be shown: it must not vanish from its report.
    pub(crate) fn missing(display: &str) -> Measure {
        Measure {
            name: if display.is_empty() { "…".to_owned() } else { display.to_owned() },
            value: Value::Absent,
            unit: String::new(),
            low: None,
            high: None,
            range_text: None,
            interpretation: Interpretation::Unstated,
            comment: String::new(),
        }
    }

    pub(crate) fn measure(&self) -> Measure {
        if matches!(self.status.as_str(), "entered-in-error" | "cancelled") {
            return Self::missing(&self.code.words());
        }
        let number = self.value_quantity.as_ref().and_then(Quantity::number);
        let words = self
            .value_string
            .clone()
            .or_else(|| self.value_codeable_concept.as_ref().map(Concept::words))
            .filter(|words| !words.is_empty());
        let range = self.reference_range.first();
        Measure {
            name: self.code.words(),
            value: match (number, words) {
                (Some(number), _) => Value::Number(number),
                (None, Some(words)) => Value::Words(words),
                (None, None) => Value::Absent,
            },
            unit: self.value_quantity.as_ref().map_or("", Quantity::unit).to_owned(),
            low: range.and_then(|range| range.low.number()),
            high: range.and_then(|range| range.high.number()),
            range_text: range.map(|range| range.text.clone()).filter(|text| !text.is_empty()),
            interpretation: self.reading(),
            comment: self.note.iter().map(|note| note.text.as_str()).collect::<Vec<_>>().join(" "),
        }
    }

    fn reading(&self) -> Interpretation {
        let codes = self.interpretation.iter().flat_map(|concept| &concept.coding).map(|coding| coding.code.as_str());
        let codes: Vec<&str> = codes.filter(|code| !code.is_empty()).collect();
        // Normal only when nothing else is said.
        match codes.iter().copied().find(|code| *code != "N").or_else(|| codes.first().copied()) {
            None => Interpretation::Unstated,
            Some("N") => Interpretation::Normal,
            Some("H") => Interpretation::High,
            Some("L") => Interpretation::Low,
            Some("HH" | "HU") => Interpretation::VeryHigh,
            Some("LL" | "LU") => Interpretation::VeryLow,
            // Any other word is not "normal".
            Some(_) => Interpretation::Abnormal,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Binary {
    pub resource_type: String,
    pub data: String,
}

fn marked(meta: &Meta) -> bool {
    meta.security.iter().any(|coding| coding.code == HELD)
}

fn held(yes: bool) -> Confidentiality {
    if yes { Confidentiality::Held } else { Confidentiality::Normal }
}

/// The first named author of a type.
fn by(references: &[Reference], kind: &str) -> String {
    let of_kind = |found: &&Reference| found.reference.split('/').rev().nth(1) == Some(kind);
    references.iter().find(of_kind).map(|found| found.display.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_keeps_its_precision_and_its_silence() {
        let observation: Observation = serde_json::from_str(
            r#"{"code":{"text":"Potassium"},"valueQuantity":{"value":4.50,"unit":"mmol/L"},
                "referenceRange":[{"low":{"value":3.5},"high":{"value":5.10}}]}"#,
        )
        .unwrap();
        let measure = observation.measure();
        assert_eq!(measure.value, Value::Number("4.50".into()));
        assert_eq!((measure.low.as_deref(), measure.high.as_deref()), (Some("3.5"), Some("5.10")));
        assert_eq!(measure.interpretation, Interpretation::Unstated, "silence is never read as normal");
    }

    #[test]
    fn a_value_inside_a_bundle_is_read_as_written() {
        let text = r#"{"resourceType":"Bundle","entry":[{"resource":
            {"resourceType":"Observation","id":"o","valueQuantity":{"value":4.50,"unit":"mmol/L"}}}]}"#;
        let bundle: Bundle = serde_json::from_str(text).unwrap();
        let Some(Resource::Observation(observation)) = &bundle.entry[0].resource else { unreachable!() };
        assert_eq!(observation.measure().value, Value::Number("4.50".into()));
    }

    #[test]
    fn readings_that_are_not_normal_never_become_so() {
        for (code, expected) in [
            ("N", Interpretation::Normal),
            ("HH", Interpretation::VeryHigh),
            ("LU", Interpretation::VeryLow),
            ("POS", Interpretation::Abnormal),
            ("zzz", Interpretation::Abnormal),
        ] {
            let text = format!(r#"{{"interpretation":[{{"coding":[{{"code":"{code}"}}]}}]}}"#);
            let observation: Observation = serde_json::from_str(&text).unwrap();
            assert_eq!(observation.measure().interpretation, expected, "{code}");
        }
    }

    #[test]
    fn either_mark_holds_a_document() {
        for (text, expected) in [
            (r#"{"securityLabel":[{"coding":[{"code":"INVISIBLE_PATIENT"}]}]}"#, Confidentiality::Held),
            (r#"{"meta":{"security":[{"code":"INVISIBLE_PATIENT"}]}}"#, Confidentiality::Held),
            (r#"{"securityLabel":[{"coding":[{"code":"N"}]}]}"#, Confidentiality::Normal),
            ("{}", Confidentiality::Normal),
        ] {
            let document: DocumentReference = serde_json::from_str(text).unwrap();
            assert_eq!(document.confidentiality(), expected, "{text}");
        }
    }

    #[test]
    fn normal_needs_every_word_to_say_so() {
        for (codes, expected) in [
            (&["N"][..], Interpretation::Normal),
            (&["N", "HH"], Interpretation::VeryHigh),
            (&["N", "zzz"], Interpretation::Abnormal),
        ] {
            let coding: Vec<String> = codes.iter().map(|code| format!(r#"{{"code":"{code}"}}"#)).collect();
            let text = format!(r#"{{"interpretation":[{{"coding":[{}]}}]}}"#, coding.join(","));
            let observation: Observation = serde_json::from_str(&text).unwrap();
            assert_eq!(observation.measure().interpretation, expected, "{codes:?}");
        }
    }

    #[test]
    fn what_was_retracted_does_not_stand() {
        let document = |status: &str| DocumentReference { status: status.into(), ..DocumentReference::default() };
        assert!(document("current").stands());
        assert!(!document("entered-in-error").stands() && !document("superseded").stands());
        let report = DiagnosticReport { status: "entered-in-error".into(), ..DiagnosticReport::default() };
        assert!(!report.stands());
        let text = r#"{"status":"entered-in-error","code":{"text":"Sodium"},"valueQuantity":{"value":140}}"#;
        let observation: Observation = serde_json::from_str(text).unwrap();
        let measure = observation.measure();
        assert_eq!((measure.name.as_str(), measure.value), ("Sodium", Value::Absent), "named, without its value");
    }

    #[test]
    fn a_withdrawn_identifier_finds_nobody() {
        let patient = |rest: &str| -> Patient {
            serde_json::from_str(&format!(r#"{{"identifier":[{{"system":"s","value":"1"{rest}}}]}}"#)).unwrap()
        };
        assert!(patient("").bears("s|1"));
        assert!(!patient("").bears("s|2"));
        assert!(!patient(r#","use":"old""#).bears("s|1"));
        assert!(!patient(r#","period":{"end":"2020-01-01"}"#).bears("s|1"));
        let gone: Patient =
            serde_json::from_str(r#"{"active":false,"identifier":[{"system":"s","value":"1"}]}"#).unwrap();
        assert!(!gone.bears("s|1"));
    }

    #[test]
    fn unknown_resources_are_passed_over() {
        let bundle: Bundle = serde_json::from_str(
            r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"OperationOutcome"}},{"search":{}},
                {"resource":{"resourceType":"Patient","id":"p","name":[{"use":"official","family":"Martin","given":["Zoé"]}]}}]}"#,
        )
        .unwrap();
        assert_eq!(bundle.entry.len(), 3);
        let Some(Resource::Patient(patient)) = &bundle.entry[2].resource else { unreachable!() };
        assert_eq!(patient.person(PatientId::from_bytes([0; 16])).name, "Zoé Martin");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,400}") {
            let _ = serde_json::from_str::<Bundle>(&text);
            let _ = serde_json::from_str::<Observation>(&text).map(|observation| observation.measure());
        }
    }
}
