//! What the sheets say: the table of a laboratory report, the text of a letter.

use crate::{
    hospital::{Establishment, Service},
    lab::{Flag, Measure},
    letters::DocumentKind,
    pdf::{Block, Head, Table, write},
    people::{Patient, Sex},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// Around every sheet.
pub(crate) struct Frame<'a> {
    pub hospital: &'a Establishment,
    pub service: &'a Service,
    pub patient: &'a Patient,
    pub author: String,
    pub date: Timestamp,
}

/// A laboratory report's sheet.
pub(crate) fn report(frame: &Frame<'_>, title: &str, issued: Timestamp, measures: &[Measure]) -> Vec<u8> {
    let columns = vec![
        ("Analyse", 190.0, false),
        ("Résultat", 78.0, true),
        ("Unité", 76.0, false),
        ("Valeurs de référence", 84.0, true),
        ("Situation", 55.0, false),
    ];
    let rows = measures.iter().map(|measure| {
        let cells = vec![
            measure.analyte.name.to_owned(),
            measure.amount.french(),
            measure.analyte.unit.to_owned(),
            measure.range_french(),
            measure.flag.french().to_owned(),
        ];
        (cells, measure.flag != Flag::Normal)
    });
    let blocks = [
        Block::Table(Table { columns, rows: rows.collect() }),
        Block::Paragraph(
            "Une valeur en dehors de la référence ne dit pas à elle seule qu’il y a une maladie. Votre médecin la lit \
             avec votre histoire et les autres examens."
                .to_owned(),
        ),
        Block::Paragraph(format!("Validation biologique le {}.", french_moment(issued))),
        Block::Signature(frame.author.clone()),
    ];
    sheet(frame, title, &format!("Prélèvement du {}", french_moment(frame.date)), &blocks)
}

/// A letter's sheet; a discharge letter has a second page with the hospital's telephone numbers.
pub(crate) fn letter(frame: &Frame<'_>, kind: DocumentKind, title: &str, body: &[&str]) -> Vec<u8> {
    let mut blocks: Vec<Block> = body.iter().map(|text| Block::Paragraph((*text).to_owned())).collect();
    blocks.push(Block::Signature(frame.author.clone()));
    if kind == DocumentKind::Discharge {
        let columns = vec![("Service", 320.0, false), ("Téléphone", 160.0, false)];
        let rows = frame
            .hospital
            .services
            .iter()
            .map(|service| (vec![service.name.to_owned(), service.phone.to_owned()], false));
        blocks.push(Block::NewPage);
        blocks.push(Block::Heading("Qui appeler".to_owned()));
        blocks.push(Block::Paragraph(
            "Le service qui vous a reçu répond du lundi au vendredi, de 9 h à 17 h. En cas d’urgence, composez le 15."
                .to_owned(),
        ));
        blocks.push(Block::Table(Table { columns, rows: rows.collect() }));
    }
    sheet(frame, title, &format!("{} du {}", kind.french(), french_date(civil(frame.date))), &blocks)
}

fn sheet(frame: &Frame<'_>, title: &str, subtitle: &str, blocks: &[Block]) -> Vec<u8> {
    let Frame { hospital, service, patient, .. } = frame;
    let hospital_lines = [
        format!("{}, {} {}", hospital.address.line, hospital.address.postal_code, hospital.address.city),
        format!("{} · téléphone {}", service.name, service.phone),
    ];
    let born = if patient.sex == Sex::Female { "Née" } else { "Né" };
    let used = patient.used_name.as_ref().map(|name| format!(", nom utilisé {name}")).unwrap_or_default();
    let patient_lines = [
        format!("{} {}{used}", patient.birth_name.to_uppercase(), patient.given.join(" ")),
        format!(
            "{born} le {} à {} ({}) · sexe {}",
            french_date(patient.birth_date),
            patient.birthplace.name,
            patient.birthplace.cog,
            patient.sex.letter()
        ),
        format!("INS de test {} · dossier {}", spaced(patient.ins.number()), patient.ipp),
        format!("{}, {} {}", patient.address.line, patient.address.postal_code, patient.address.city),
    ];
    let day = civil(frame.date);
    // A sheet that has lost the others still says whose it is.
    let foot = format!(
        "{} {}, {} le {} · Document de démonstration : personnes, lieux et valeurs sont inventés.",
        patient.birth_name.to_uppercase(),
        patient.given.first().map_or("", String::as_str),
        born.to_lowercase(),
        french_date(patient.birth_date)
    );
    let head = Head {
        hospital: &hospital.name,
        hospital_lines: &hospital_lines,
        patient_lines: &patient_lines,
        title,
        subtitle,
        foot: &foot,
        author: &frame.author,
        day: (day.year(), day.month(), day.day()),
    };
    write(&head, blocks)
}

/// The 15 characters in the groups people read: 1 84 03 99 999 007 12.
fn spaced(number: &str) -> String {
    let mut text = String::new();
    for (index, c) in number.chars().enumerate() {
        if matches!(index, 1 | 3 | 5 | 7 | 10 | 13) {
            text.push(' ');
        }
        text.push(c);
    }
    text
}

pub(crate) fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC)
}

fn civil(moment: Timestamp) -> Date {
    moment.to_zoned(paris()).date()
}

fn french_date(date: Date) -> String {
    let month = usize::from(date.month().unsigned_abs()).checked_sub(1).and_then(|index| MONTHS.get(index));
    let day = if date.day() == 1 { "1er".to_owned() } else { date.day().to_string() };
    format!("{day} {} {}", month.copied().unwrap_or_default(), date.year())
}

fn french_moment(moment: Timestamp) -> String {
    let local = moment.to_zoned(paris());
    format!("{} à {} h {:02}", french_date(local.date()), local.hour(), local.minute())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_read_in_french() {
        assert_eq!(french_date(date(2026, 8, 1)), "1er août 2026");
        let moment: Timestamp = "2026-01-31T23:05:00Z".parse().unwrap();
        assert_eq!(french_moment(moment), "1er février 2026 à 0 h 05");
        assert_eq!(spaced("284039999900712"), "2 84 03 99 999 007 12");
    }
}
