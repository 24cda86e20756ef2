//! The hospital itself, drawn from a seed.

use crate::{
    lab,
    letters::{DIALYSIS_BODY, DIALYSIS_SESSIONS, DocumentKind, Series, Story},
    names::{
        CAST, CITY, COMMUNES, DRAWN, FAMILIES, FICTION_PHONES, GIVEN_FEMALE, GIVEN_MALE, PHYSICIANS, POSTAL_CODE,
        SERVICES, STREETS,
    },
    people::{Address, Commune, Document, Patient, Practitioner, Report, Sex, synthetic_ins},
    sheets::{self, Frame},
};
use aws_lc_rs::digest::{SHA256, digest};
use fastrand::Rng;
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use std::cmp::Reverse;
use types::Confidentiality;

/// The laboratory's place in `SERVICES` and its biologist's in `PHYSICIANS`.
const LABORATORY: usize = 5;
const NEPHROLOGY: usize = 2;

/// A service of the hospital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Logical id of its `Organization`.
    pub id: String,
    /// French name.
    pub name: &'static str,
    /// A number of a range kept for fiction.
    pub phone: &'static str,
}

/// The establishment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Establishment {
    /// Logical id of its `Organization`.
    pub id: String,
    /// French name.
    pub name: String,
    /// Looks like a FINESS number; no department begins with 99.
    pub finess: &'static str,
    /// Where it is.
    pub address: Address,
    /// Its services.
    pub services: Vec<Service>,
}

/// A whole hospital: the same seed and day give the same one, byte for byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Hospital {
    /// What it was drawn from.
    pub seed: u64,
    /// The day that dates are counted back from.
    pub today: Date,
    /// The establishment.
    pub establishment: Establishment,
    /// Its physicians, one for each service, in the same order.
    pub practitioners: Vec<Practitioner>,
    /// Its patients; the first ones are those that [`crate::accounts`] names.
    pub patients: Vec<Patient>,
}

impl Hospital {
    /// Draws the hospital. Logical ids depend on the seed only; dates are counted back from `today`.
    pub fn generate(seed: u64, today: Date) -> Self {
        let services = SERVICES.iter().enumerate().map(|(index, (name, phone))| Service {
            id: opaque_id(seed, &format!("service/{index}")),
            name,
            phone,
        });
        let establishment = Establishment {
            id: opaque_id(seed, "establishment"),
            name: format!("Centre hospitalier de {CITY}"),
            finess: "990000017",
            address: Address { line: "1 place de la Poterne".to_owned(), postal_code: POSTAL_CODE, city: CITY },
            services: services.collect(),
        };
        let practitioners = PHYSICIANS.iter().enumerate().map(|(index, (service, given, family))| Practitioner {
            id: opaque_id(seed, &format!("practitioner/{index}")),
            rpps: format!("899000{:05}", 101 + 37 * index),
            family,
            given,
            service: *service,
        });
        let mut hospital =
            Hospital { seed, today, establishment, practitioners: practitioners.collect(), patients: Vec::new() };
        let mut people = Rng::with_seed(seed);
        let mut families = FAMILIES.to_vec();
        people.shuffle(&mut families);
        for index in 0..CAST.len() + DRAWN.len() {
            // Each patient has an own generator: a longer story of one changes nothing for the others.
            let mut rng = Rng::with_seed(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index as u64);
            let family = families.get(index % families.len().max(1)).copied().unwrap_or("Anonyme");
            if let Some(mut patient) = hospital.person(index, family, &mut rng) {
                hospital.fill(index, &mut patient, &mut rng);
                hospital.patients.push(patient);
            }
        }
        hospital
    }

    /// The patient with this logical id.
    pub fn patient(&self, id: &str) -> Option<&Patient> {
        self.patients.iter().find(|patient| patient.id == id)
    }

    /// A patient without a record yet. `None` never happens: a number computed with its key is not refused.
    fn person(&self, index: usize, family: &str, rng: &mut Rng) -> Option<Patient> {
        let identity = match CAST.get(index) {
            Some(cast) => Identity {
                birth_name: cast.birth_name.to_owned(),
                used_name: cast.used_name.map(str::to_owned),
                given: cast.given.iter().map(|name| (*name).to_owned()).collect(),
                sex: cast.sex,
                birth: cast.birth,
                story: cast.story,
            },
            None => Identity::draw(DRAWN.get(index - CAST.len())?, family, rng),
        };
        let (year, month, day) = identity.birth;
        let birth_date = Date::new(year, month, day).ok()?;
        Some(Patient {
            id: opaque_id(self.seed, &format!("patient/{index}")),
            ins: synthetic_ins(identity.sex, birth_date, index + 1)?,
            ipp: format!("V{:07}", 1_204_000 + 311 * index),
            birth_name: identity.birth_name,
            used_name: identity.used_name,
            given: identity.given,
            sex: identity.sex,
            birth_date,
            birthplace: pick(rng, COMMUNES).unwrap_or(Commune { name: "Dijon", cog: "21231" }),
            address: Address {
                line: format!("{} {}", rng.u32(1..90), pick(rng, STREETS).unwrap_or("Grande rue")),
                postal_code: POSTAL_CODE,
                city: CITY,
            },
            phone: phone(rng),
            reports: Vec::new(),
            documents: Vec::new(),
            story: identity.story,
        })
    }

    fn fill(&self, index: usize, patient: &mut Patient, rng: &mut Rng) {
        let mut reports = Vec::new();
        for (which, series) in patient.story.series().iter().enumerate() {
            let newest = rng.i64(2..10);
            for back in 0..series.count {
                let path = format!("patient/{index}/report/{which}/{back}");
                let days = newest + series.days_apart * back as i64;
                reports.push(self.report(patient, series, back, &path, days, rng));
            }
        }
        reports.sort_by_key(|report| Reverse(report.taken));
        let mut documents = Vec::new();
        for (which, letter) in patient.story.letters().iter().enumerate() {
            let path = format!("patient/{index}/document/{which}");
            let date = self.moment(i64::from(letter.days_ago), 8..16, rng);
            let draft = Draft {
                kind: letter.kind,
                title: letter.title.to_owned(),
                service: letter.service,
                held: letter.held,
                body: letter.body,
            };
            documents.push(self.document(patient, draft, &path, date));
        }
        if patient.story == Story::Dialysis {
            for session in 0..DIALYSIS_SESSIONS {
                let path = format!("patient/{index}/session/{session}");
                // Three a week: two days, two days, three days.
                let days = 2 + 7 * (session as i64 / 3) + 2 * (session as i64 % 3);
                let date = self.moment(days, 11..13, rng);
                let number = 900 + DIALYSIS_SESSIONS - session;
                let draft = Draft {
                    kind: DocumentKind::Session,
                    title: format!("Séance d’hémodialyse n° {number}"),
                    service: NEPHROLOGY,
                    held: false,
                    body: DIALYSIS_BODY,
                };
                documents.push(self.document(patient, draft, &path, date));
            }
        }
        documents.sort_by_key(|document| Reverse(document.date));
        (patient.reports, patient.documents) = (reports, documents);
    }

    fn report(&self, patient: &Patient, series: &Series, back: usize, path: &str, days: i64, rng: &mut Rng) -> Report {
        let taken = self.moment(days, 6..9, rng);
        let issued = taken.saturating_add(rng.i64(150..420).minutes()).unwrap_or(taken);
        let progress = 1.0 - back as f64 / series.count.saturating_sub(1).max(1) as f64;
        let measures = lab::draw(series.panel, patient.story, patient.sex, progress, rng, |measure| {
            opaque_id(self.seed, &format!("{path}/measure/{measure}"))
        });
        Report {
            id: opaque_id(self.seed, path),
            binary_id: opaque_id(self.seed, &format!("{path}/pdf")),
            title: series.panel.title,
            loinc: series.panel.loinc,
            taken,
            issued,
            author: LABORATORY,
            pdf: self
                .frame(patient, LABORATORY, taken)
                .map(|frame| sheets::report(&frame, series.panel.title, issued, &measures))
                .unwrap_or_default(),
            measures,
            confidentiality: marked(series.held && back == 0),
        }
    }

    fn document(&self, patient: &Patient, draft: Draft, path: &str, date: Timestamp) -> Document {
        Document {
            id: opaque_id(self.seed, path),
            binary_id: opaque_id(self.seed, &format!("{path}/pdf")),
            kind: draft.kind,
            pdf: self
                .frame(patient, draft.service, date)
                .map(|frame| sheets::letter(&frame, draft.kind, &draft.title, draft.body))
                .unwrap_or_default(),
            title: draft.title,
            date,
            author: draft.service,
            confidentiality: marked(draft.held),
        }
    }

    /// The physician of a service has the service's index.
    fn frame<'a>(&'a self, patient: &'a Patient, service: usize, date: Timestamp) -> Option<Frame<'a>> {
        Some(Frame {
            hospital: &self.establishment,
            service: self.establishment.services.get(service)?,
            patient,
            author: self.practitioners.get(service)?.display_name(),
            date,
        })
    }

    fn moment(&self, days_ago: i64, hours: std::ops::Range<i8>, rng: &mut Rng) -> Timestamp {
        let day = self.today.saturating_sub(days_ago.days());
        let at = day.at(rng.i8(hours), rng.i8(0..60), 0, 0);
        at.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
    }
}

struct Draft {
    kind: DocumentKind,
    title: String,
    service: usize,
    held: bool,
    body: &'static [&'static str],
}

struct Identity {
    birth_name: String,
    used_name: Option<String>,
    given: Vec<String>,
    sex: Sex,
    birth: (i16, i8, i8),
    story: Story,
}

impl Identity {
    fn draw(drawn: &(Story, Option<Sex>, i16, i16), family: &str, rng: &mut Rng) -> Self {
        let (story, sex, from, to) = *drawn;
        let sex = sex.unwrap_or(if rng.bool() { Sex::Female } else { Sex::Male });
        let names = if sex == Sex::Female { GIVEN_FEMALE } else { GIVEN_MALE };
        let mut names = names.to_vec();
        rng.shuffle(&mut names);
        Identity {
            birth_name: family.to_owned(),
            used_name: None,
            given: names.iter().take(2).map(|name| (*name).to_owned()).collect(),
            sex,
            birth: (rng.i16(from..to), rng.i8(1..=12), rng.i8(1..=28)),
            story,
        }
    }
}

fn marked(held: bool) -> Confidentiality {
    if held { Confidentiality::Held } else { Confidentiality::Normal }
}

fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> Option<T> {
    list.get(rng.usize(..list.len().max(1))).copied()
}

fn phone(rng: &mut Rng) -> String {
    let start = pick(rng, FICTION_PHONES).unwrap_or("01 99 00");
    format!("{start} {:02} {:02}", rng.u8(0..100), rng.u8(0..100))
}

/// A logical id that says nothing of what it names: a digest of the seed and the path, in the form of a named UUID.
fn opaque_id(seed: u64, path: &str) -> String {
    let hash = digest(&SHA256, format!("poterne-demo/{seed}/{path}").as_bytes());
    let mut bytes = [0u8; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    let bits = u128::from_be_bytes(bytes);
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x5 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (index, c) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(c);
    }
    text
}
