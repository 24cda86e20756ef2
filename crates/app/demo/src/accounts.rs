//! Who signs in to try the hospital, and what ties each to the patients. Data only: no password, no secret.

use crate::{hospital::Hospital, names::who};
use std::time::Duration;
use types::{Category, Ins, Period, Role, Time};

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoAccount {
    /// First name and last name, in lower case without accents.
    pub login: &'static str,
    /// As greeted on a page.
    pub display_name: &'static str,
    /// What the account is for.
    pub role: Role,
    /// The patients it may reach, or might once.
    pub links: Vec<DemoLink>,
}

/// What ties an account to one patient.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoLink {
    /// Index in `Hospital::patients`.
    pub patient: usize,
    /// The same patient's INS.
    pub ins: Ins,
    /// How they are tied.
    pub kind: LinkKind,
}

/// How an account and a patient are tied. Days count from the demonstration's start; negative ones are past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// One's own record.
    Own,
    /// A mandate to act for the patient.
    Mandate {
        /// What it covers.
        covers: Vec<Category>,
        /// First day.
        from_days: i32,
        /// Day it ends, if it does.
        until_days: Option<i32>,
    },
    /// A care relation.
    Care {
        /// First day.
        from_days: i32,
        /// Day it ends, if it does.
        until_days: Option<i32>,
    },
}

impl LinkKind {
    /// The span in which the tie holds; one's own record is open since the epoch.
    pub fn period(&self, now: Time) -> Period {
        match self {
            LinkKind::Own => Period { from: Time::from_micros(0), until: None },
            LinkKind::Mandate { from_days, until_days, .. } | LinkKind::Care { from_days, until_days } => {
                Period { from: shift(now, *from_days), until: until_days.map(|days| shift(now, days)) }
            }
        }
    }
}

fn shift(now: Time, days: i32) -> Time {
    let span = Duration::from_secs(86_400 * u64::from(days.unsigned_abs()));
    if days < 0 { now - span } else { now + span }
}

const ALL: &[Category] = &[Category::Result, Category::Document];

/// The people who sign in. The fixed patients of the hospital have the same names under every seed.
pub fn accounts(hospital: &Hospital) -> Vec<DemoAccount> {
    let account = |login, display_name, role, ties: Vec<(usize, LinkKind)>| {
        let links = ties.into_iter().filter_map(|(patient, kind)| {
            let ins = hospital.patients.get(patient)?.ins.clone();
            Some(DemoLink { patient, ins, kind })
        });
        DemoAccount { login, display_name, role, links: links.collect() }
    };
    let own = |patient| vec![(patient, LinkKind::Own)];
    let mandate = |covers: &[Category], from_days, until_days| LinkKind::Mandate {
        covers: covers.to_vec(),
        from_days,
        until_days: Some(until_days),
    };
    let care = |from_days, until_days| LinkKind::Care { from_days, until_days };
    let first_drawn = who::LUCAS + 1;
    vec![
        // Some of her record is held until the hospital has announced it.
        account("camille.durand", "Camille Durand", Role::Patient, own(who::CAMILLE)),
        // More than a hundred documents: lists have pages.
        account("marcel.pruvost", "Marcel Pruvost", Role::Patient, own(who::MARCEL)),
        // Nothing yet: the empty state.
        account("ines.benali", "Inès Benali", Role::Patient, own(who::INES)),
        account("yann.legoff", "Yann Le Goff", Role::Patient, own(who::YANN)),
        // Her mother's results only, and the whole record of the child she is guardian of.
        account(
            "sophie.rousselin",
            "Sophie Rousselin",
            Role::Relative,
            vec![(who::JEANNE, mandate(&[Category::Result], -120, 245)), (who::LUCAS, mandate(ALL, -300, 900))],
        ),
        // The mandate for his father is over.
        account("paul.pruvost", "Paul Pruvost", Role::Relative, vec![(who::MARCEL, mandate(ALL, -400, -15))]),
        // Six patients, one of whom has changed physician.
        account(
            "helene.castaing",
            "Dr Hélène Castaing",
            Role::Professional,
            vec![
                (who::CAMILLE, care(-700, None)),
                (who::MARCEL, care(-900, None)),
                (who::JEANNE, care(-900, Some(365))),
                (first_drawn, care(-500, None)),
                (first_drawn + 1, care(-200, Some(90))),
                (first_drawn + 2, care(-600, Some(-30))),
            ],
        ),
        // Nobody yet: the empty state.
        account("thomas.kerbrat", "Dr Thomas Kerbrat", Role::Professional, Vec::new()),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use jiff::civil::date;
    use types::Confidentiality;

    #[test]
    fn the_cast_shows_every_situation() {
        let hospital = Hospital::generate(2, date(2026, 11, 20));
        let accounts = accounts(&hospital);
        let now = Time::from_micros(1_790_000_000_000_000);
        let of = |login: &str| accounts.iter().find(|account| account.login == login).unwrap();
        let patient = |login: &str| &hospital.patients[of(login).links[0].patient];
        assert!(patient("camille.durand").documents.iter().any(|it| it.confidentiality == Confidentiality::Held));
        assert!(patient("camille.durand").reports.iter().any(|it| it.confidentiality == Confidentiality::Held));
        assert!(patient("marcel.pruvost").documents.len() > 100);
        assert!(patient("ines.benali").documents.is_empty() && patient("ines.benali").reports.is_empty());
        assert!(of("sophie.rousselin").links.iter().all(|link| link.kind.period(now).contains(now)));
        assert!(!of("paul.pruvost").links[0].kind.period(now).contains(now));
        let care = &of("helene.castaing").links;
        assert_eq!(care.iter().filter(|link| link.kind.period(now).contains(now)).count(), care.len() - 1);
        assert!(of("thomas.kerbrat").links.is_empty());
        for account in &accounts {
            assert!(account.links.iter().all(|link| hospital.patients[link.patient].ins == link.ins));
            if account.role == Role::Patient {
                assert_eq!(patient(account.login).display_name(), account.display_name);
            }
        }
    }
}
