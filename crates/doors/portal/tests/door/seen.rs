//! Who saw one's record: told to the patient himself, by a node that may read traces, and to nobody else.

use crate::{
    house::{Account, House},
    visitor::Member,
};
use axum::http::StatusCode;
use demo::LinkKind;
use journal::{Kind, Outcome, Trace};
use store::testing::{TestDatabase, both};
use types::{Clock as _, Event, Role};

fn seen(house: &House, login: &str) -> String {
    format!("/fr/records/{}/seen", house.patients[house.own(login)])
}

/// Somebody who treats a patient now.
fn treating(house: &House, patient: usize) -> &'static str {
    let now = house.clock.now();
    let treats = |one: &&Account| {
        one.demo.links.iter().any(|link| {
            let care = matches!(link.kind, LinkKind::Care { .. }) && link.kind.period(now).contains(now);
            link.patient == patient && care
        })
    };
    house.accounts.iter().find(treats).unwrap().demo.login
}

async fn of(who: &Member<'_>, path: &str) -> String {
    let answer = who.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    answer.text()
}

fn acts(traces: &[Trace], event: Event) -> Vec<(&Trace, Option<Outcome>)> {
    let intents = traces.iter().filter(|trace| trace.event == event && trace.kind == Kind::Intent);
    let outcome = |of: &Trace| traces.iter().find(|one| one.kind == Kind::Outcome && one.trace == of.trace)?.outcome;
    intents.map(|intent| (intent, outcome(intent))).collect()
}

async fn a_patient_is_told_who_saw_his_record_and_it_is_traced(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let path = seen(&house, "camille.durand");
    let record = path.trim_end_matches("/seen").to_owned();
    assert!(of(&camille, &path).await.contains("Personne d’autre que vous"), "nobody came");

    // Somebody who treats him, twice; his own looks do not count among the others'.
    let doctor = treating(&house, house.own("camille.durand"));
    let treats = house.professional(doctor).await;
    for _ in 0..2 {
        assert_eq!(treats.get(&record).await.status, StatusCode::OK);
    }
    assert_eq!(camille.get(&record).await.status, StatusCode::OK);
    let name = house.account(doctor).demo.display_name;
    assert!(!of(&camille, &path).await.contains(name), "the answer of a moment ago is shown again");
    house.clock.advance(31);
    let before = house.journal.entries();
    let page = of(&camille, &path).await;
    let said = page.replace(['\u{a0}', '\u{202f}'], " ");
    assert!(said.contains(name) && said.contains(">2 fois<"), "{page}");
    assert!(!page.contains("Il manque une partie"), "{page}");
    assert!(!page.contains("<th role=\"rowheader\" scope=\"row\">Vous</th>"));
    assert!(of(&camille, &format!("{path}?own=1")).await.contains("<th role=\"rowheader\" scope=\"row\">Vous</th>"));

    let traces = house.traces_since(before);
    let asked = acts(&traces, Event::SightingsAsked);
    assert_eq!(asked.len(), 2, "each look at it");
    let patient = house.patients[house.own("camille.durand")].to_string();
    assert!(asked.iter().all(|(one, outcome)| *outcome == Some(Outcome::Done) && one.patients == [patient.clone()]));
    let given = acts(&traces, Event::SightingsGiven);
    assert_eq!(given.len(), 1, "one answer serves both");
    assert!(given[0].0.author == "system.node" && given[0].0.detail.as_deref() == Some("3"), "{:?}", given[0]);
}
both!(a_patient_is_told_who_saw_his_record_and_it_is_traced);

async fn nobody_else_is_told(database: &TestDatabase) {
    let house = House::new(database).await;
    let (path, before) = (seen(&house, "camille.durand"), house.journal.entries());
    let mut read = 0;
    for account in house.accounts.iter().filter(|one| one.demo.login != "camille.durand") {
        let who = house.sign_in(account.demo.login).await;
        for path in [path.clone(), path.replace("/seen", "x/seen")] {
            assert_eq!(who.get(&path).await.status, StatusCode::NOT_FOUND, "{} {path}", account.demo.login);
        }
        let record = who.get(path.trim_end_matches("/seen")).await;
        read += usize::from(record.status == StatusCode::OK);
        assert!(!record.text().contains("/seen"), "{}: the record does not offer it either", account.demo.login);
    }
    assert_eq!(read, 1, "his physician reads the record");
    assert!(acts(&house.traces_since(before), Event::SightingsAsked).is_empty());
}
both!(nobody_else_is_told);

async fn where_nobody_answers_the_page_says_so(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    house.answering.abort();
    let answer = camille.get(&seen(&house, "camille.durand")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("ne peut pas être établie"), "{}", answer.text());
    assert_eq!(camille.get("/fr/session").await.status, StatusCode::OK, "the session lives");
}
both!(where_nobody_answers_the_page_says_so);

/// Somebody who may write to the database puts another patient's answer, or one of his own making, in the place of this
/// one's; and a journal that is elsewhere is told of.
async fn what_is_forged_is_not_shown_and_what_is_missing_is_said(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let path = seen(&house, "camille.durand");
    of(&camille, &path).await;
    let patients = house.accounts.iter().filter(|one| one.demo.role == Role::Patient);
    let other = patients.map(|one| one.demo.login).find(|login| *login != "camille.durand").unwrap();
    let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
    let moved = sqlx::query("UPDATE sightings SET patient_id = $1");
    moved.bind(house.patients[house.own(other)].as_bytes().to_vec()).execute(&mut *outside).await.unwrap();
    let forged = house.patient(other).await.get(&seen(&house, other)).await;
    assert_eq!(forged.status, StatusCode::SERVICE_UNAVAILABLE, "another's answer is none");

    house.clock.advance(31);
    let head = "INSERT INTO journal_heads (origin, size, root, at_micros) VALUES ('elsewhere', 9, $1, 1)";
    sqlx::query(head).bind(vec![0_u8; 32]).execute(&mut *outside).await.unwrap();
    assert!(of(&camille, &path).await.contains("Il manque une partie"));
}
both!(what_is_forged_is_not_shown_and_what_is_missing_is_said);
