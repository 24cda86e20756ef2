//! Each actor against each patient: what the door shows is what the relations say. What they say is computed here from
//! the cast alone, not by the code under test.

use crate::{
    answer::Answer,
    house::{Account, HOSPITAL, House},
    visitor::Member,
};
use axum::http::StatusCode;
use demo::LinkKind;
use store::testing::{TestDatabase, both};
use types::{Category, Confidentiality, Role};

/// What somebody may see of somebody.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Sees {
    results: bool,
    documents: bool,
    held: bool,
}

fn oracle(account: &Account, patient: usize) -> Sees {
    let mut sees = Sees::default();
    for link in account.demo.links.iter().filter(|link| link.patient == patient) {
        match (&link.kind, account.demo.role) {
            (LinkKind::Own, Role::Patient) => sees = Sees { results: true, documents: true, ..sees },
            (LinkKind::Mandate { covers, from_days, until_days }, Role::Relative) if runs(*from_days, *until_days) => {
                sees.results |= covers.contains(&Category::Result);
                sees.documents |= covers.contains(&Category::Document);
            }
            (LinkKind::Care { from_days, until_days }, Role::Professional) if runs(*from_days, *until_days) => {
                sees = Sees { results: true, documents: true, held: true };
            }
            _ => {}
        }
    }
    sees
}

/// On the demonstration's first day.
fn runs(from_days: i32, until_days: Option<i32>) -> bool {
    from_days <= 0 && until_days.is_none_or(|end| end > 0)
}

/// One object to ask for: its path, whether it may be shown, and its bytes when it is a sheet.
struct Probe {
    path: String,
    shown: bool,
    bytes: Option<&'static [u8]>,
}

fn probes(house: &House, patient: usize, sees: Sees) -> Vec<Probe> {
    let record = &HOSPITAL.patients[patient];
    let base = format!("/fr/records/{}", house.patients[patient]);
    let shown = |covered: bool, held: Confidentiality| covered && (sees.held || held == Confidentiality::Normal);
    let mut probes = Vec::new();
    for held in [Confidentiality::Normal, Confidentiality::Held] {
        if let Some(report) = record.reports.iter().find(|one| one.confidentiality == held) {
            let path = format!("{base}/results/{}", report.id);
            let shown = shown(sees.results, held);
            probes.push(Probe { path: format!("{path}/content"), shown, bytes: Some(&report.pdf) });
            probes.push(Probe { path, shown, bytes: None });
        }
        if let Some(document) = record.documents.iter().find(|one| one.confidentiality == held) {
            let path = format!("{base}/documents/{}", document.id);
            let shown = shown(sees.documents, held);
            probes.push(Probe { path: format!("{path}/content"), shown, bytes: Some(&document.pdf) });
            probes.push(Probe { path, shown, bytes: None });
        }
    }
    probes
}

/// The pages of one actor that say "nothing here": all one and the same.
struct Misses(Option<(String, Answer)>);

impl Misses {
    fn same(&mut self, path: &str, answer: Answer) {
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        match &self.0 {
            None => self.0 = Some((path.to_owned(), answer)),
            Some((first, expected)) => {
                let (one, other) = (expected.blanked(), answer.blanked());
                if one != other {
                    let line = one.1.lines().zip(other.1.lines()).find(|(a, b)| a != b);
                    panic!("{path} does not look like {first}: {line:?}");
                }
                assert_eq!(answer.body.len(), expected.body.len(), "{path}");
                assert_eq!(answer.frame(), expected.frame(), "{path} is framed otherwise than {first}");
            }
        }
    }
}

async fn each_sees_what_the_relations_say(database: &TestDatabase) {
    let house = House::new(database).await;
    for account in &house.accounts {
        let who = house.sign_in(account.demo.login).await;
        let mut misses = Misses(None);
        for patient in 0..HOSPITAL.patients.len() {
            let sees = oracle(account, patient);
            the_lists(&house, &who, patient, sees, &mut misses).await;
            for probe in probes(&house, patient, sees) {
                let answer = who.get(&probe.path).await;
                if !probe.shown {
                    misses.same(&probe.path, answer);
                    continue;
                }
                assert_eq!(answer.status, StatusCode::OK, "{} asks for {}", who.login, probe.path);
                match probe.bytes {
                    Some(bytes) => assert!(answer.body == bytes, "{}: another sheet", probe.path),
                    None => assert!(answer.text().contains(HOSPITAL.patients[patient].family_name())),
                }
            }
        }
        the_home(&house, &who).await;
    }
}
both!(each_sees_what_the_relations_say);

/// A record's page: nothing for who may not, otherwise exactly the rows that he may see.
async fn the_lists(house: &House, who: &Member<'_>, patient: usize, sees: Sees, misses: &mut Misses) {
    let record = &HOSPITAL.patients[patient];
    let shown = |held: Confidentiality| sees.held || held == Confidentiality::Normal;
    for (query, wants_results, wants_documents) in
        [("", true, true), ("?kind=result", true, false), ("?kind=document", false, true)]
    {
        let path = format!("/fr/records/{}{query}", house.patients[patient]);
        let answer = who.get(&path).await;
        if !sees.results && !sees.documents {
            misses.same(&path, answer);
            continue;
        }
        assert_eq!(answer.status, StatusCode::OK, "{} asks for {path}", who.login);
        let body = answer.text();
        let reports: Vec<_> = record.reports.iter().map(|one| (&one.id, one.confidentiality)).collect();
        let documents: Vec<_> = record.documents.iter().map(|one| (&one.id, one.confidentiality)).collect();
        for (covered, all) in [(sees.results && wants_results, reports), (sees.documents && wants_documents, documents)]
        {
            let expected: Vec<_> = all.iter().filter(|one| covered && shown(one.1)).take(25).map(|one| one.0).collect();
            for (id, _) in &all {
                assert_eq!(body.contains(&format!("/{id}\"")), expected.contains(id), "{} on {path}: {id}", who.login);
            }
        }
        for (other, person) in HOSPITAL.patients.iter().enumerate().filter(|(other, _)| *other != patient) {
            assert!(!body.contains(&house.patients[other].to_string()), "{path} leads to another record");
            let mut ids = person.reports.iter().map(|it| &it.id).chain(person.documents.iter().map(|it| &it.id));
            assert!(ids.all(|id| !body.contains(id.as_str())), "{path} holds another's object");
        }
    }
}

/// The home page leads to the records of those whom one may see, and to no other.
async fn the_home(house: &House, who: &Member<'_>) {
    let account = house.account(who.login);
    let body = who.get("/fr/").await.text();
    for (patient, id) in house.patients.iter().enumerate() {
        let sees = oracle(account, patient);
        assert_eq!(body.contains(&id.to_string()), sees.results || sees.documents, "{}: patient {patient}", who.login);
    }
}

async fn pages_of_a_long_list_hold_each_object_once(database: &TestDatabase) {
    let house = House::new(database).await;
    let marcel = house.patient("marcel.pruvost").await;
    let own = house.own("marcel.pruvost");
    let record = &HOSPITAL.patients[own];
    let mut seen = vec![0; record.documents.len()];
    for page in 1..=10 {
        let path = format!("/fr/records/{}?kind=document&page={page}", house.patients[own]);
        let answer = marcel.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK);
        let body = answer.text();
        for (count, document) in seen.iter_mut().zip(&record.documents) {
            *count += usize::from(body.contains(&format!("/{}\"", document.id)));
        }
    }
    for (count, document) in seen.iter().zip(&record.documents) {
        let normal = document.confidentiality == Confidentiality::Normal;
        assert_eq!(*count, usize::from(normal), "{}", document.title);
    }
}
both!(pages_of_a_long_list_hold_each_object_once);

/// Absent, another's, held, made up, malformed: one answer, whatever was asked for.
async fn what_is_not_for_one_and_what_is_not_look_alike(database: &TestDatabase) {
    let house = House::new(database).await;
    for login in ["camille.durand", "sophie.rousselin", "helene.castaing", "thomas.kerbrat"] {
        let who = house.sign_in(login).await;
        let mut misses = Misses(None);
        for path in absent(&house, login) {
            let answer = who.get(&path).await;
            misses.same(&path, answer);
        }
    }
}
both!(what_is_not_for_one_and_what_is_not_look_alike);

const MALFORMED: &[&str] = &[
    "x",
    "..",
    ".",
    "%2e%2e",
    "%2f",
    "%2fetc%2fpasswd",
    "..%2f..%2fpasswd",
    "%5c",
    "%22",
    "'",
    "%27%20OR%201=1--",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%C3%A9",
    "%E2%80%AE",
    "%00",
    "%0d%0aSet-Cookie:%20a=b",
    "%ff",
    "%",
    "%zz",
    "%20",
    "*",
    "null",
    "-1",
];

fn absent(house: &House, login: &str) -> Vec<String> {
    // Somebody else's, for each of those who ask.
    let foreign = house.own("ines.benali");
    let stranger = house.own("yann.legoff");
    let links = &house.account(login).demo.links;
    let reachable = links.first().map_or(stranger, |link| link.patient);
    let record = &HOSPITAL.patients[stranger];
    let (report, document) = (&record.reports[0].id, &record.documents[0].id);
    let own = house.patients[reachable].to_string();
    let made_up = "mfrggzdfmztwq2lknnwg23tpoa";
    let mut paths = vec![
        format!("/fr/records/{}", house.patients[foreign]),
        format!("/fr/records/{}", house.patients[stranger]),
        format!("/fr/records/{made_up}"),
        format!("/fr/records/{}?kind=document&page=3", house.patients[stranger]),
        format!("/fr/records/{}/results/{report}", house.patients[stranger]),
        format!("/fr/records/{}/documents/{document}/content?save=1", house.patients[stranger]),
        // Another's object under one's own record, and objects under the other kind.
        format!("/fr/records/{own}/results/{report}"),
        format!("/fr/records/{own}/results/{document}"),
        format!("/fr/records/{own}/documents/{document}"),
        format!("/fr/records/{own}/documents/{report}/content"),
        format!("/fr/records/{own}/results/made-up"),
        format!("/fr/records/{own}/documents/made-up/content"),
        format!("/fr/records/{own}/results/{}", "a".repeat(64)),
        format!("/fr/records/{own}/results/{}/content", "a".repeat(65)),
        format!("/fr/records/{own}/documents/{}", "a".repeat(5000)),
        format!("/fr/records/{}", "a".repeat(5000)),
        format!("/fr/records/{}", own.to_uppercase()),
        format!("/fr/records/{own}%20"),
        // An identifier left out.
        "/fr/records/".to_owned(),
        "/fr/records//results/x".to_owned(),
        format!("/fr/records/{own}/results/"),
        format!("/fr/records/{own}/documents//content"),
        "/fr/nowhere".to_owned(),
    ];
    for bad in MALFORMED {
        paths.push(format!("/fr/records/{bad}"));
        paths.push(format!("/fr/records/{bad}/results/{report}"));
        paths.push(format!("/fr/records/{own}/results/{bad}"));
        paths.push(format!("/fr/records/{own}/documents/{bad}/content"));
    }
    paths
}

/// A mandate that ends, ends: nobody has to do anything for it.
async fn relations_end_by_themselves(database: &TestDatabase) {
    let house = House::new(database).await;
    let account = house.account("sophie.rousselin");
    let (jeanne, lucas) = (account.demo.links[0].patient, account.demo.links[1].patient);
    let read = async |who: &Member<'_>, patient: usize| {
        who.get(&format!("/fr/records/{}", house.patients[patient])).await.status
    };
    let sophie = house.relative("sophie.rousselin").await;
    assert_eq!(read(&sophie, jeanne).await, StatusCode::OK);
    // The last second of her mother's mandate, with a session opened just before, then the first one past it.
    house.clock.advance(245 * 86_400 - 60);
    let sophie = house.relative("sophie.rousselin").await;
    house.clock.advance(59);
    assert_eq!(read(&sophie, jeanne).await, StatusCode::OK);
    house.clock.advance(1);
    assert_eq!(read(&sophie, jeanne).await, StatusCode::NOT_FOUND);
    assert_eq!(read(&sophie, lucas).await, StatusCode::OK);
    assert!(!sophie.get("/fr/").await.text().contains(&house.patients[jeanne].to_string()));
}
both!(relations_end_by_themselves);
