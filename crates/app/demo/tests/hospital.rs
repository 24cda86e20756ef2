//! The hospital drawn from a seed: the same again, plausible, and readable.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use demo::{Flag, Hospital};
use jiff::civil::{Date, date};
use std::{collections::HashSet, process::Command};
use types::{Confidentiality, Ins, InsDomain};

const TODAY: Date = date(2026, 11, 20);

#[test]
fn the_same_seed_gives_the_same_hospital() {
    let first = Hospital::generate(42, TODAY);
    assert_eq!(first.bundle().to_string(), Hospital::generate(42, TODAY).bundle().to_string());
    let other = Hospital::generate(43, TODAY);
    assert_ne!(first.patients[0].id, other.patients[0].id);
    assert_ne!(first.patients[0].reports[0].measures, other.patients[0].reports[0].measures);
    // Links kept across days hold: ids come from the seed alone.
    let tomorrow = Hospital::generate(42, TODAY.tomorrow().unwrap());
    assert_eq!(first.patients[3].documents[0].id, tomorrow.patients[3].documents[0].id);
}

#[test]
fn every_seed_gives_a_whole_hospital() {
    for seed in (0..40).chain([u64::MAX]) {
        let hospital = Hospital::generate(seed, TODAY);
        assert_eq!(hospital.patients.len(), 12);
        let mut names = HashSet::new();
        for patient in &hospital.patients {
            assert!(names.insert((patient.birth_name.clone(), patient.given.clone())));
            assert_eq!(Ins::new(InsDomain::Test, patient.ins.number()).as_ref(), Ok(&patient.ins));
            assert_eq!(&patient.ins.number()[5..10], "99999");
            assert!(patient.reports.len() <= 12);
            let empty = patient.reports.is_empty() && patient.documents.is_empty();
            assert!(empty || (patient.reports.len() >= 4 && patient.documents.len() >= 2), "{}", patient.birth_name);
            assert!(patient.reports.is_sorted_by(|a, b| a.taken >= b.taken));
            assert!(patient.documents.is_sorted_by(|a, b| a.date >= b.date));
        }
        let inss: HashSet<_> = hospital.patients.iter().map(|patient| patient.ins.clone()).collect();
        assert_eq!(inss.len(), 12);
    }
}

#[test]
fn values_are_plausible_and_dates_are_past() {
    let hospital = Hospital::generate(5, TODAY);
    let noon = TODAY.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let mut flags = [0, 0, 0];
    for report in hospital.patients.iter().flat_map(|patient| &patient.reports) {
        assert!(report.taken < report.issued && report.issued < noon);
        for measure in &report.measures {
            let value = measure.amount.value();
            assert!(value > 0.0, "{} {value}", measure.analyte.name);
            assert!(measure.low.is_some() || measure.high.is_some());
            flags[measure.flag as usize] += 1;
        }
    }
    let all: i32 = flags.iter().sum();
    assert!(flags[Flag::Normal as usize] * 2 > all, "{flags:?}");
    assert!(flags[Flag::Low as usize] > 0 && flags[Flag::High as usize] > 0, "{flags:?}");
}

#[test]
fn some_objects_are_held_and_few_for_each() {
    let hospital = Hospital::generate(5, TODAY);
    let held: Vec<usize> = hospital
        .patients
        .iter()
        .map(|patient| {
            let reports = patient.reports.iter().map(|it| it.confidentiality);
            let documents = patient.documents.iter().map(|it| it.confidentiality);
            reports.chain(documents).filter(|it| *it == Confidentiality::Held).count()
        })
        .collect();
    assert!(held.iter().all(|count| *count <= 2));
    assert!(held.iter().filter(|count| **count > 0).count() >= 3);
}

#[test]
fn every_sheet_is_a_pdf_that_others_read() {
    let hospital = Hospital::generate(5, TODAY);
    let sheets = |patient: &demo::Patient| -> Vec<Vec<u8>> {
        patient
            .reports
            .iter()
            .map(|it| it.pdf.clone())
            .chain(patient.documents.iter().map(|it| it.pdf.clone()))
            .collect()
    };
    for pdf in hospital.patients.iter().flat_map(sheets) {
        assert!(pdf.starts_with(b"%PDF-1.") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
        assert!(pdf.len() < 40_000);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sheet.pdf");
    let read = |pdf: &[u8]| {
        std::fs::write(&path, pdf).unwrap();
        let output = Command::new("pdftotext").args(["-layout", "-enc", "UTF-8"]).arg(&path).arg("-").output();
        output.ok().map(|output| {
            assert!(output.status.success() && output.stderr.is_empty());
            String::from_utf8(output.stdout).unwrap()
        })
    };
    let camille = &hospital.patients[0];
    let count = camille.reports.iter().find(|report| report.loinc == "58410-2").unwrap();
    let Some(text) = read(&count.pdf) else { return };
    for expected in
        ["Centre hospitalier de Valmont", "DURAND Camille Anne", "Née le 17 mars 1984", "Hémoglobine", "Page 1 / 1"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for measure in &count.measures {
        assert!(text.contains(&measure.amount.french()), "{}", measure.analyte.name);
    }
    let yann = &hospital.patients[3];
    let discharge = yann.documents.iter().find(|it| it.kind == demo::DocumentKind::Discharge).unwrap();
    let text = read(&discharge.pdf).unwrap();
    assert!(text.contains("Page 2 / 2") && text.contains("Qui appeler"));
}
