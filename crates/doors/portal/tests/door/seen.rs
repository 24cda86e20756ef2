//! Who saw one's record: told to the patient himself, by a node that may read traces, and to nobody else.

use crate::{
    house::{Account, House},
    visitor::Member,
};
use axum::http::StatusCode;
use demo::LinkKind;
use journal::{Kind, Outcome, Trace};
use std::time::Duration;
use store::testing::{TestDatabase, both};
use types::{Clock as _, Event};

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
    let (asked, given) = (acts(&traces, Event::SightingsAsked), acts(&traces, Event::SightingsGiven));
    let read: Vec<_> = traces.iter().filter(|trace| trace.event == Event::SightingsRead).collect();
    assert_eq!((asked.len(), given.len(), read.len()), (1, 1, 2), "one answer is shown twice: {traces:#?}");
    let patient = [house.patients[house.own("camille.durand")].to_string()];
    assert!(asked[0].1 == Some(Outcome::Done) && asked[0].0.patients == patient);
    assert!(read.iter().all(|one| one.kind == Kind::Released && one.patients == patient));
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
    house.unanswered();
    let before = house.journal.entries();
    let answer = camille.get(&seen(&house, "camille.durand")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("ne peut pas être établie"), "{}", answer.text());
    assert!(house.traces_since(before).iter().all(|one| one.event != Event::SightingsRead), "nothing was shown");
    assert_eq!(camille.get("/fr/session").await.status, StatusCode::OK, "the session lives");
    // Later than a question is worth an answer, and sooner than an answer grows old: it is put anew.
    house.clock.advance(12);
    house.answer_again();
    of(&camille, &seen(&house, "camille.durand")).await;
}
both!(where_nobody_answers_the_page_says_so);

async fn whoever_signs_out_meanwhile_is_told_nothing(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    house.unanswered();
    let path = seen(&house, "camille.durand");
    let (waited, house) = tokio::join!(camille.get(&path), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        camille.post("/fr/session/end", &[("csrf", &camille.csrf)]).await;
        house.answer_again();
        &house
    });
    assert_eq!(waited.status, StatusCode::UNAUTHORIZED, "{}", waited.text());
    assert!(house.traces().iter().all(|one| one.event != Event::SightingsRead), "nothing was shown");
}
both!(whoever_signs_out_meanwhile_is_told_nothing);

type Row = (Vec<u8>, i64, Option<i64>, Option<Vec<u8>>);

/// Somebody who may write to the database puts one patient's answer in the place of another's, and an old one back with
/// moments to come.
async fn what_is_moved_or_put_back_is_not_shown(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let path = seen(&house, "camille.durand");
    assert!(of(&camille, &path).await.contains("Personne d’autre que vous"));
    let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
    let all = "SELECT patient_id, asked_micros, answered_micros, sealed FROM sightings";
    let old: Row = sqlx::query_as(all).fetch_one(&mut *outside).await.unwrap();

    let treats = house.professional("helene.castaing").await;
    let marcel = house.patient("marcel.pruvost").await;
    let his = seen(&house, "marcel.pruvost");
    for record in [&path, &his] {
        assert_eq!(treats.get(record.trim_end_matches("/seen")).await.status, StatusCode::OK);
    }
    let put = "INSERT INTO sightings (patient_id, asked_micros, answered_micros, sealed) VALUES ($1, $2, $3, $4)";
    let marcel_id = house.patients[house.own("marcel.pruvost")].as_bytes().to_vec();
    sqlx::query(put).bind(marcel_id).bind(old.1).bind(old.2).bind(&old.3).execute(&mut *outside).await.unwrap();
    assert!(of(&marcel, &his).await.contains("Castaing"), "another's answer is none");

    house.clock.advance(31);
    for moment in [old.1, i64::MAX] {
        sqlx::query("DELETE FROM sightings").execute(&mut *outside).await.unwrap();
        let put = sqlx::query(put).bind(&old.0).bind(moment).bind(i64::MAX).bind(&old.3);
        put.execute(&mut *outside).await.unwrap();
        assert!(of(&camille, &path).await.contains("Castaing"), "an answer of before is none");
    }
}
both!(what_is_moved_or_put_back_is_not_shown);

async fn what_is_missing_is_said(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let path = seen(&house, "camille.durand");
    let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
    let head = "INSERT INTO journal_heads (origin, size, root, at_micros) VALUES ('elsewhere', 9, $1, $2)";
    let head = sqlx::query(head).bind(vec![0_u8; 32]).bind(house.clock.now().micros());
    head.execute(&mut *outside).await.unwrap();
    // Another node that has it may answer first.
    let (page, ()) = tokio::join!(of(&camille, &path), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        house.clock.advance(3);
    });
    assert!(page.contains("Il manque une partie") && page.contains("dans ce qui a pu être examiné"), "{page}");
    // A journal that ended before all that is told of is not missing.
    let old = house.clock.now() - Duration::from_secs(366 * 86_400);
    let aged = sqlx::query("UPDATE journal_heads SET at_micros = $1 WHERE origin = 'elsewhere'").bind(old.micros());
    aged.execute(&mut *outside).await.unwrap();
    house.clock.advance(31);
    assert!(of(&camille, &path).await.contains("Personne d’autre que vous"));
}
both!(what_is_missing_is_said);
