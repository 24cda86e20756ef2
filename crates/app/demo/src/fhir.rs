//! The hospital as FHIR R4 resources.

use crate::{
    hospital::Hospital,
    lab::{Amount, Measure},
    people::{Address, Document, Patient, Practitioner, Report},
};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::BASE64;
use serde_json::{Value, json};
use types::Confidentiality;

/// Code of a document held until a professional has announced it.
pub const HELD: &str = "INVISIBLE_PATIENT";
/// The French code system of [`HELD`].
pub const CONFIDENTIALITY_FR: &str =
    "https://mos.esante.gouv.fr/NOS/TRE_A10-NiveauConfidentialite/FHIR/TRE-A10-NiveauConfidentialite";
/// Code of an object that nothing holds.
pub const NORMAL: &str = "N";
/// The code system of [`NORMAL`].
pub const CONFIDENTIALITY_V3: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const DIAGNOSTIC_SECTION: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const COMMUNES: &str = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM";
const INSEE_CODE: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code";
const IDENTIFIER_TYPE: &str = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203";
const BIRTH_PLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
const RPPS: &str = "https://rpps.esante.gouv.fr";
const FINESS: &str = "https://finess.esante.gouv.fr";
/// The hospital's own numbers and classes; `.example` names belong to nobody.
const OWN_NUMBERS: &str = "https://ch-valmont.example/identifiants/ipp";
const OWN_CLASSES: &str = "https://ch-valmont.example/classes-de-documents";

impl Hospital {
    /// Every resource, each after those it refers to.
    pub fn resources(&self) -> Vec<Value> {
        let mut all = vec![self.establishment_resource()];
        all.extend(self.establishment.services.iter().map(|service| {
            json!({
                "resourceType": "Organization", "id": service.id, "active": true, "name": service.name,
                "telecom": [telephone(service.phone)],
                "partOf": reference("Organization", &self.establishment.id, &self.establishment.name),
            })
        }));
        all.extend(self.practitioners.iter().map(practitioner));
        for patient in &self.patients {
            all.push(self.patient_resource(patient));
            for report in &patient.reports {
                all.push(binary(&report.binary_id, &report.pdf, patient, report.confidentiality));
                all.extend(report.measures.iter().map(|measure| self.observation(patient, report, measure)));
                all.push(self.diagnostic_report(patient, report));
            }
            for document in &patient.documents {
                all.push(binary(&document.binary_id, &document.pdf, patient, document.confidentiality));
                all.push(self.document_reference(patient, document));
            }
        }
        all
    }

    /// A FHIR transaction that puts each resource under its own id, to load another server with the same hospital.
    pub fn bundle(&self) -> Value {
        let entry = |resource: Value| {
            let name = |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let url = format!("{}/{}", name("resourceType"), name("id"));
            json!({ "resource": resource, "request": { "method": "PUT", "url": url } })
        };
        let entries: Vec<Value> = self.resources().into_iter().map(entry).collect();
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
    }

    fn establishment_resource(&self) -> Value {
        let it = &self.establishment;
        json!({
            "resourceType": "Organization", "id": it.id, "active": true, "name": it.name,
            "identifier": [{ "system": FINESS, "value": it.finess }],
            "address": [address(&it.address)],
        })
    }

    fn patient_resource(&self, patient: &Patient) -> Value {
        let mut names = vec![json!({ "use": "official", "family": patient.birth_name, "given": patient.given })];
        if let Some(used) = &patient.used_name {
            names.push(json!({ "use": "usual", "family": used, "given": patient.given.get(..1) }));
        }
        json!({
            "resourceType": "Patient", "id": patient.id, "active": true,
            "identifier": [
                {
                    "use": "official",
                    "type": { "coding": [{ "system": IDENTIFIER_TYPE, "code": "INS-NIR" }] },
                    "system": format!("urn:oid:{}", patient.ins.domain()), "value": patient.ins.number(),
                },
                { "use": "usual", "system": OWN_NUMBERS, "value": patient.ipp },
            ],
            "name": names,
            "gender": patient.sex.fhir(),
            "birthDate": patient.birth_date.to_string(),
            "telecom": [telephone(&patient.phone)],
            "address": [address(&patient.address)],
            "extension": [{
                "url": BIRTH_PLACE,
                "valueAddress": {
                    "city": patient.birthplace.name,
                    "extension": [{
                        "url": INSEE_CODE,
                        "valueCoding": { "system": COMMUNES, "code": patient.birthplace.cog },
                    }],
                },
            }],
            "managingOrganization": reference("Organization", &self.establishment.id, &self.establishment.name),
        })
    }

    fn author(&self, index: usize) -> Vec<Value> {
        let Some(author) = self.practitioners.get(index) else { return Vec::new() };
        let mut authors = vec![reference("Practitioner", &author.id, &author.display_name())];
        if let Some(service) = self.establishment.services.get(author.service) {
            authors.push(reference("Organization", &service.id, service.name));
        }
        authors
    }

    fn diagnostic_report(&self, patient: &Patient, report: &Report) -> Value {
        let results = report.measures.iter().map(|measure| reference("Observation", &measure.id, measure.analyte.name));
        json!({
            "resourceType": "DiagnosticReport", "id": report.id,
            "meta": { "security": [label(report.confidentiality)] },
            "status": "final",
            "category": [concept(DIAGNOSTIC_SECTION, "LAB", "Laboratoire")],
            "code": concept(LOINC, report.loinc, report.title),
            "subject": subject(patient),
            "effectiveDateTime": report.taken.to_string(),
            "issued": report.issued.to_string(),
            "performer": self.author(report.author),
            "result": results.collect::<Vec<_>>(),
            "presentedForm": [attachment(&report.binary_id, report.title, &report.pdf, &report.issued.to_string())],
        })
    }

    fn observation(&self, patient: &Patient, report: &Report, measure: &Measure) -> Value {
        let unit = measure.analyte.unit;
        let quantity = |amount: Amount| {
            // A whole number without a point: FHIR reads digits as precision.
            let value = if amount.decimals == 0 { Value::from(amount.scaled) } else { Value::from(amount.value()) };
            let mut quantity = json!({ "value": value, "system": UCUM, "code": measure.analyte.ucum });
            if let (false, Some(fields)) = (unit.is_empty(), quantity.as_object_mut()) {
                fields.insert("unit".to_owned(), Value::from(unit));
            }
            quantity
        };
        let mut range = serde_json::Map::new();
        for (end, amount) in [("low", measure.low), ("high", measure.high)] {
            if let Some(amount) = amount {
                range.insert(end.to_owned(), quantity(amount));
            }
        }
        range.insert("text".to_owned(), Value::from(measure.range_french()));
        json!({
            "resourceType": "Observation", "id": measure.id,
            "meta": { "security": [label(report.confidentiality)] },
            "status": "final",
            "category": [concept(OBSERVATION_CATEGORY, "laboratory", "Laboratoire")],
            "code": concept(LOINC, measure.analyte.loinc, measure.analyte.name),
            "subject": subject(patient),
            "effectiveDateTime": report.taken.to_string(),
            "issued": report.issued.to_string(),
            "performer": self.author(report.author),
            "valueQuantity": quantity(measure.amount),
            "interpretation": [concept(INTERPRETATION, measure.flag.code(), measure.flag.french())],
            "referenceRange": [range],
        })
    }

    fn document_reference(&self, patient: &Patient, document: &Document) -> Value {
        let (class, class_name) = document.kind.class();
        let date = document.date.to_string();
        json!({
            "resourceType": "DocumentReference", "id": document.id,
            "meta": { "security": [label(document.confidentiality)] },
            "status": "current",
            "docStatus": "final",
            "type": concept(LOINC, document.kind.loinc(), document.kind.french()),
            "category": [concept(OWN_CLASSES, class, class_name)],
            "subject": subject(patient),
            "date": date,
            "author": self.author(document.author),
            "custodian": reference("Organization", &self.establishment.id, &self.establishment.name),
            "description": document.title,
            "securityLabel": [{ "coding": [label(document.confidentiality)] }],
            "content": [{ "attachment": attachment(&document.binary_id, &document.title, &document.pdf, &date) }],
        })
    }
}

fn practitioner(it: &Practitioner) -> Value {
    json!({
        "resourceType": "Practitioner", "id": it.id, "active": true,
        "identifier": [{ "system": RPPS, "value": it.rpps }],
        "name": [{ "use": "official", "family": it.family, "given": [it.given], "prefix": ["Dr"] }],
    })
}

fn binary(id: &str, pdf: &[u8], patient: &Patient, confidentiality: Confidentiality) -> Value {
    json!({
        "resourceType": "Binary", "id": id,
        "meta": { "security": [label(confidentiality)] },
        "contentType": "application/pdf",
        "securityContext": { "reference": format!("Patient/{}", patient.id) },
        "data": BASE64.encode(pdf),
    })
}

/// FHIR R4 asks for the SHA-1 of the bytes: a checksum, no protection.
fn attachment(binary_id: &str, title: &str, pdf: &[u8], creation: &str) -> Value {
    json!({
        "contentType": "application/pdf", "language": "fr-FR", "url": format!("Binary/{binary_id}"), "title": title,
        "size": pdf.len(), "hash": BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, pdf).as_ref()), "creation": creation,
    })
}

fn label(confidentiality: Confidentiality) -> Value {
    match confidentiality {
        Confidentiality::Normal => json!({ "system": CONFIDENTIALITY_V3, "code": NORMAL, "display": "Normal" }),
        Confidentiality::Held => {
            json!({ "system": CONFIDENTIALITY_FR, "code": HELD, "display": "Non visible par le patient" })
        }
    }
}

fn concept(system: &str, code: &str, text: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": text }], "text": text })
}

fn reference(kind: &str, id: &str, display: &str) -> Value {
    json!({ "reference": format!("{kind}/{id}"), "display": display })
}

/// Without the name: whoever needs it reads the patient.
fn subject(patient: &Patient) -> Value {
    json!({ "reference": format!("Patient/{}", patient.id) })
}

fn telephone(number: &str) -> Value {
    json!({ "system": "phone", "value": number })
}

fn address(it: &Address) -> Value {
    json!({ "line": [it.line], "postalCode": it.postal_code, "city": it.city, "country": "FRA" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use jiff::civil::date;
    use std::collections::HashSet;

    fn references(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match (key.as_str(), value) {
                        ("reference", Value::String(text)) => into.push(text.clone()),
                        ("url", Value::String(text)) if text.starts_with("Binary/") => into.push(text.clone()),
                        _ => references(value, into),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, into)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_ids_are_unique() {
        let all = Hospital::generate(7, date(2026, 11, 20)).resources();
        let mut known = HashSet::new();
        for resource in &all {
            let id: types::ObjectId = resource["id"].as_str().unwrap().parse().unwrap();
            assert!(known.insert(format!("{}/{id}", resource["resourceType"].as_str().unwrap())));
        }
        let mut found = Vec::new();
        all.iter().for_each(|resource| references(resource, &mut found));
        assert!(found.len() > 500);
        for reference in found {
            assert!(known.contains(&reference), "{reference}");
        }
    }

    #[test]
    fn held_is_marked_on_all_that_would_tell() {
        let hospital = Hospital::generate(7, date(2026, 11, 20));
        let camille = &hospital.patients[0];
        let report = camille.reports.iter().find(|report| report.confidentiality == Confidentiality::Held).unwrap();
        let document = camille.documents.iter().find(|it| it.confidentiality == Confidentiality::Held).unwrap();
        let held: HashSet<String> = hospital
            .resources()
            .iter()
            .filter(|it| it["meta"]["security"][0]["code"] == HELD)
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect();
        for id in [&report.id, &report.binary_id, &report.measures[0].id, &document.id, &document.binary_id] {
            assert!(held.contains(id));
        }
    }

    #[test]
    fn the_bundle_puts_each_resource_in_its_place() {
        let bundle = Hospital::generate(1, date(2026, 1, 5)).bundle();
        for entry in bundle["entry"].as_array().unwrap() {
            let resource = &entry["resource"];
            let url = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
            assert_eq!(entry["request"], json!({ "method": "PUT", "url": url }));
        }
    }
}
