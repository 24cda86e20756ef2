//! A SIS that is slow, absent, garbled or wrong: the page says so in time, the session lives, nothing leaks.

use crate::{
    answer::Answer,
    house::{HOSPITAL, House, sis_config},
    steady::Lateness,
    visitor::Member,
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use demo::{Authority, SisFaults};
use journal::{Kind, Trace};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{
    SystemClock,
    testing::{TestDatabase, both},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use types::{Clock as _, Confidentiality, Event, Lang};
use web::{i18n::Text, limits::Limits};

/// Every page that shows something of the SIS.
fn pages(house: &House, patient: usize) -> [String; 6] {
    let record = &HOSPITAL.patients[patient];
    let report = record.reports.iter().find(|one| one.confidentiality == Confidentiality::Normal).unwrap();
    let document = record.documents.iter().find(|one| one.confidentiality == Confidentiality::Normal).unwrap();
    let base = format!("/fr/records/{}", house.patients[patient]);
    [
        "/fr/".to_owned(),
        base.clone(),
        format!("{base}/results/{}", report.id),
        format!("{base}/results/{}/content", report.id),
        format!("{base}/documents/{}", document.id),
        format!("{base}/documents/{}/content", document.id),
    ]
}

/// The page says in plain words that the hospital's records do not answer, and nothing of anybody's record.
fn assert_says_so(answer: &Answer, path: &str) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    let title = Text::new(Lang::Fr).error_sis_unavailable_title();
    assert!(answer.text().contains(title), "{path} does not say why");
    assert!(!answer.body.starts_with(b"%PDF"), "{path}");
    // The page repeats the address that was asked for, to ask again.
    let body = answer.text().replace(path.trim_start_matches("/fr"), "/");
    for patient in &HOSPITAL.patients {
        let mut ids = patient.reports.iter().map(|it| &it.id).chain(patient.documents.iter().map(|it| &it.id));
        assert!(ids.all(|id| !body.contains(id.as_str())), "{path} holds an object");
        assert!(!body.contains(patient.ins.number()), "{path} holds a number");
    }
}

async fn pages_fail_then_come_back(house: &House, who: &Member<'_>, patient: usize, fault: impl Fn(&SisFaults, bool)) {
    fault(&house.faults, true);
    let before = house.journal.entries();
    let asked = pages(house, patient);
    let [a, b, c, d, e, f] = &asked;
    // All at once: each waits as long as it may.
    let began = Lateness::begin();
    let (a, b, c, d, e, f) = tokio::join!(who.get(a), who.get(b), who.get(c), who.get(d), who.get(e), who.get(f));
    let took = began.took();
    assert!(took < Duration::from_secs(3), "the slowest took {took:?}");
    for (path, answer) in asked.iter().zip([a, b, c, d, e, f]) {
        assert_says_so(&answer, path);
    }
    assert_eq!(who.get("/fr/session").await.status, StatusCode::OK, "the session lives");
    assert!(house.traces_since(before).iter().all(|trace| trace.kind != Kind::Released), "nothing was shown");
    fault(&house.faults, false);
    for path in pages(house, patient) {
        assert_eq!(who.get(&path).await.status, StatusCode::OK, "{path} comes back by itself");
    }
}

async fn a_slow_sis_is_said_to_be_so_in_time(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let slow = |faults: &SisFaults, on: bool| faults.slow(if on { Duration::from_secs(20) } else { Duration::ZERO });
    pages_fail_then_come_back(&house, &camille, house.own("camille.durand"), slow).await;
}
both!(a_slow_sis_is_said_to_be_so_in_time);

/// Each answer comes in time, but a page needs several: the wait is the page's.
async fn a_page_of_several_slow_answers_ends_in_time(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    house.faults.slow(Duration::from_millis(1400));
    let path = format!("/fr/records/{}", house.patients[house.own("camille.durand")]);
    let began = Lateness::begin();
    assert_says_so(&camille.get(&path).await, &path);
    assert!(began.took() < Duration::from_secs(3));
}
both!(a_page_of_several_slow_answers_ends_in_time);

async fn an_absent_sis_is_said_to_be_so(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    pages_fail_then_come_back(&house, &camille, house.own("camille.durand"), SisFaults::down).await;
}
both!(an_absent_sis_is_said_to_be_so);

async fn a_garbled_answer_is_none(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    pages_fail_then_come_back(&house, &camille, house.own("camille.durand"), SisFaults::garbage).await;
}
both!(a_garbled_answer_is_none);

fn assert_stray(house: &House, who: &Member<'_>, before: u64) {
    let traces: Vec<Trace> = house.traces_since(before);
    let [stray] = traces.as_slice() else { panic!("{traces:#?}") };
    assert_eq!((stray.kind, stray.event), (Kind::Note, Event::StrayObject));
    assert_eq!(stray.author, format!("account:{}", house.account(who.login).id));
    assert!(stray.detail.as_ref().is_some_and(|detail| !detail.is_empty()));
}

async fn a_row_of_somebody_else_fails_the_page(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let own = house.own("camille.durand");
    house.faults.leak_foreign_row(true);
    for path in pages(&house, own) {
        let before = house.journal.entries();
        let answer = camille.get(&path).await;
        assert_says_so(&answer, &path);
        for (other, patient) in HOSPITAL.patients.iter().enumerate().filter(|(other, _)| *other != own) {
            assert!(!answer.text().contains(patient.family_name()), "{path} names another patient");
            assert!(!answer.text().contains(&house.patients[other].to_string()));
        }
        assert_stray(&house, &camille, before);
    }
    house.faults.leak_foreign_row(false);
    assert_eq!(camille.get("/fr/").await.status, StatusCode::OK);
}
both!(a_row_of_somebody_else_fails_the_page);

/// A SIS that answers whatever the test wrote, whoever asks and for what.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<BTreeMap<&'static str, Vec<Value>>>>);

impl Script {
    fn says(&self, kind: &'static str, rows: Vec<Value>) {
        self.0.lock().unwrap().insert(kind, rows);
    }

    fn bundle(&self, kind: &str) -> Json<Value> {
        let rows = self.0.lock().unwrap().get(kind).cloned().unwrap_or_default();
        let entries: Vec<Value> = rows.into_iter().map(|row| json!({ "resource": row })).collect();
        Json(json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries }))
    }
}

async fn scripted(database: &TestDatabase) -> (House, Script) {
    let script = Script::default();
    let authority = Authority::new(SystemClock.now()).unwrap();
    let server = authority.issue_server(&["localhost"]).unwrap();
    let tls = web::serve::tls_config(server.chain_pem.as_bytes(), server.key_pem.expose().as_bytes()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new()
        .route("/fhir/Patient/_search", post(|State(script): State<Script>| async move { script.bundle("Patient") }))
        .route(
            "/fhir/{kind}",
            get(|State(script): State<Script>, Path(kind): Path<String>| async move { script.bundle(&kind) }),
        )
        .with_state(script.clone());
    let stop = CancellationToken::new();
    let ends = stop.clone();
    tokio::spawn(async move {
        web::serve::serve(
            listener,
            web::serve::Front { tls: Some(tls), ..web::serve::Front::default() },
            router,
            Limits::default(),
            ends,
            Duration::from_secs(1),
        )
        .await
    });
    let house = House::over(database, sis_config(&authority, port), SisFaults::new(), stop).await;
    (house, script)
}

/// A resource of the hospital, as its own SIS would give it.
fn resource(kind: &str, id: &str) -> Value {
    let bundle = HOSPITAL.bundle();
    let entries = bundle["entry"].as_array().unwrap();
    let mut all = entries.iter().map(|entry| &entry["resource"]);
    all.find(|it| it["resourceType"] == kind && it["id"] == id).unwrap().clone()
}

async fn a_sis_that_ignores_what_is_asked_shows_nothing_more(database: &TestDatabase) {
    let (house, script) = scripted(database).await;
    let camille = house.patient("camille.durand").await;
    let (own, other) = (house.own("camille.durand"), house.own("yann.legoff"));
    let (record, foreign) = (&HOSPITAL.patients[own], &HOSPITAL.patients[other]);
    let base = format!("/fr/records/{}", house.patients[own]);
    let held = |one: Confidentiality| one == Confidentiality::Held;
    let report = |held_one: bool| record.reports.iter().find(|it| held(it.confidentiality) == held_one).unwrap();
    let letter = |held_one: bool| record.documents.iter().find(|it| held(it.confidentiality) == held_one).unwrap();
    let (shown, hidden) = (report(false), report(true));
    let (letter_shown, letter_hidden) = (letter(false), letter(true));
    let one = |kind: &str, id: &str| vec![resource(kind, id)];
    let result = format!("{base}/results/{}", shown.id);
    let letter = format!("{base}/documents/{}", letter_shown.id);
    let mut relabelled = resource("DocumentReference", &letter_hidden.id);
    relabelled["id"] = json!(letter_shown.id);
    let mut with_values = one("DiagnosticReport", &shown.id);
    let foreign_value = resource("DiagnosticReport", &foreign.reports[0].id)["result"][0]["reference"].clone();
    let foreign_value = resource("Observation", foreign_value.as_str().unwrap().rsplit('/').next().unwrap());
    with_values[0]["result"] =
        json!([{ "reference": format!("Observation/{}", foreign_value["id"].as_str().unwrap()) }]);
    with_values.push(foreign_value);
    let cases: Vec<(&str, &'static str, Vec<Value>, &str)> = vec![
        ("a held result in the list", "DiagnosticReport", one("DiagnosticReport", &hidden.id), &base),
        ("a held letter in the list", "DocumentReference", one("DocumentReference", &letter_hidden.id), &base),
        ("another's result in the list", "DiagnosticReport", one("DiagnosticReport", &foreign.reports[0].id), &base),
        (
            "another's letter in the list",
            "DocumentReference",
            one("DocumentReference", &foreign.documents[0].id),
            &base,
        ),
        ("another result than asked", "DiagnosticReport", one("DiagnosticReport", &hidden.id), &result),
        ("another's result", "DiagnosticReport", one("DiagnosticReport", &foreign.reports[0].id), &result),
        ("another's value in a result", "DiagnosticReport", with_values, &result),
        ("a letter held under the name of one that is not", "DocumentReference", vec![relabelled], &letter),
    ];
    for (what, kind, rows, path) in cases {
        script.says("Patient", one("Patient", &record.id));
        script.says("DiagnosticReport", Vec::new());
        script.says("DocumentReference", Vec::new());
        assert_eq!(camille.get(&base).await.status, StatusCode::OK, "{what}: before");
        script.says(kind, rows);
        let before = house.journal.entries();
        let answer = camille.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
        let body = answer.text();
        assert!(!body.contains(&hidden.id) && !body.contains(&letter_hidden.id), "{what}");
        assert!(!body.contains(hidden.title) || hidden.title == shown.title, "{what}");
        assert!(!body.contains(foreign.family_name()), "{what}");
        assert_stray(&house, &camille, before);
        assert_eq!(camille.get("/fr/session").await.status, StatusCode::OK, "{what}: the session lives");
    }
    // Two records, or another's, for one's own identity.
    for (what, rows) in [
        ("another's person", one("Patient", &foreign.id)),
        ("one's own and another's", vec![resource("Patient", &record.id), resource("Patient", &foreign.id)]),
    ] {
        script.says("Patient", rows);
        let before = house.journal.entries();
        for path in ["/fr/", &base] {
            let answer = camille.get(path).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
            assert!(!answer.text().contains(foreign.family_name()), "{what}");
        }
        assert!(house.traces_since(before).iter().all(|trace| trace.event == Event::StrayObject), "{what}");
    }
}
both!(a_sis_that_ignores_what_is_asked_shows_nothing_more);
