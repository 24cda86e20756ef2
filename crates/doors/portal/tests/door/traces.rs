//! Nothing happens without its trace: every route is walked by somebody who may, and the journal is read back.

use crate::{
    house::{Account, HOSPITAL, House},
    routes::{every_route, path_of},
    visitor::{Member, Site, form},
};
use axum::http::{Method, StatusCode};
use journal::{Kind, Outcome, Trace};
use portal::Route;
use std::{fs, path::Path};
use store::testing::{TestDatabase, both};
use types::{Clock as _, Confidentiality, Event, Purpose};

/// What walking a route leaves in the journal.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Leaves {
    Nothing,
    Reading(Event),
    Effect(Event),
    /// A change of one's own means, asked for with one's password.
    Means(Event),
    /// A question, its answer by the node, and the reading of it.
    Question([Event; 3]),
}

/// A new route must say here what it leaves.
fn leaves(route: &Route) -> Leaves {
    match (route.method, route.path) {
        ("GET", "/" | "/{lang}/session/code" | "/{lang}/session" | "/{lang}/advice") => Leaves::Nothing,
        // The first step does nothing yet, and says nothing of anybody.
        ("POST", "/{lang}/session") => Leaves::Nothing,
        ("GET", "/{lang}/") => Leaves::Reading(Event::PeopleRead),
        ("POST", "/{lang}/session/code") => Leaves::Effect(Event::SignIn),
        ("POST", "/{lang}/session/keep") => Leaves::Effect(Event::SessionRenewed),
        ("POST", "/{lang}/session/end") => Leaves::Effect(Event::SignOut),
        // Of a session that is not kept one at a time, and of a word that is none.
        ("POST", "/{lang}/session/here" | "/{lang}/session/not-me") => Leaves::Nothing,
        ("POST", "/{lang}/account/not-me") => Leaves::Means(Event::SignInDisowned),
        // No link leads to the account.
        ("POST", "/{lang}/account/link/allow") => Leaves::Nothing,
        ("POST", "/{lang}/account/password") => Leaves::Means(Event::PasswordChanged),
        ("POST", "/{lang}/account/second-factor") => Leaves::Means(Event::SecondFactorChanged),
        ("POST", "/{lang}/account/codes") => Leaves::Means(Event::SpareCodesDrawn),
        // Only looked at; with nothing else open there is nothing to end; a link that is not followed is left.
        ("GET", "/{lang}/account/second-factor" | "/{lang}/link/{token}") => Leaves::Nothing,
        ("POST", "/{lang}/account/sessions/end" | "/{lang}/account/sessions/{id}/end") => Leaves::Nothing,
        ("POST", "/{lang}/link/{token}") => Leaves::Nothing,
        // Only looked at.
        ("GET", "/{lang}/session/passkey" | "/{lang}/session/again") => Leaves::Nothing,
        // Without a passkey there is nothing to sign in with, to add, to allow or to remove.
        ("POST", "/{lang}/session/passkey" | "/{lang}/account/passkeys") => Leaves::Nothing,
        ("POST", "/{lang}/account/passkeys/{id}/allow" | "/{lang}/account/passkeys/{id}/remove") => Leaves::Nothing,
        ("GET", "/{lang}/records/{patient}") => Leaves::Reading(Event::RecordRead),
        ("GET", "/{lang}/records/{patient}/seen") => {
            Leaves::Question([Event::SightingsAsked, Event::SightingsGiven, Event::SightingsRead])
        }
        ("GET", "/{lang}/records/{patient}/results/{id}") => Leaves::Reading(Event::ResultRead),
        ("GET", "/{lang}/records/{patient}/documents/{id}") => Leaves::Reading(Event::DocumentRead),
        ("GET", "/{lang}/records/{patient}/results/{id}/content")
        | ("GET", "/{lang}/records/{patient}/documents/{id}/content") => Leaves::Reading(Event::DocumentOpened),
        (method, path) => panic!("{method} {path}: what does it leave in the journal?"),
    }
}

/// The objects that a reading names.
fn objects(route: &Route, patient: usize, held_too: bool) -> Vec<String> {
    let record = &HOSPITAL.patients[patient];
    let shown = |held: Confidentiality| held_too || held == Confidentiality::Normal;
    let results: Vec<String> =
        record.reports.iter().filter(|one| shown(one.confidentiality)).map(|it| format!("result/{}", it.id)).collect();
    let documents: Vec<String> = record
        .documents
        .iter()
        .filter(|one| shown(one.confidentiality))
        .map(|it| format!("document/{}", it.id))
        .collect();
    let normal = |list: &[String], route: &Route| {
        let id = path_id(route, patient);
        list.iter().filter(|one| one.ends_with(&format!("/{id}"))).cloned().collect::<Vec<_>>()
    };
    let mut objects = match route.path {
        "/{lang}/records/{patient}" => results.into_iter().take(25).chain(documents.into_iter().take(25)).collect(),
        path if path.contains("/results/") => normal(&results, route),
        path if path.contains("/documents/") => normal(&documents, route),
        _ => Vec::new(),
    };
    objects.sort();
    objects
}

fn path_id(route: &Route, patient: usize) -> String {
    let record = &HOSPITAL.patients[patient];
    let normal = Confidentiality::Normal;
    let id = if route.path.contains("/results/") {
        record.reports.iter().find(|one| one.confidentiality == normal).map(|one| &one.id)
    } else {
        record.documents.iter().find(|one| one.confidentiality == normal).map(|one| &one.id)
    };
    id.unwrap().clone()
}

fn assert_author(trace: &Trace, account: &Account, purpose: Purpose) {
    assert_eq!(trace.author, format!("account:{}", account.id), "{trace:?}");
    assert_eq!(trace.role.as_deref(), Some(account.demo.role.as_str()), "{trace:?}");
    assert_eq!(trace.address.as_deref(), Some(account.address.to_string().as_str()), "{trace:?}");
    assert_eq!(trace.purpose.as_deref(), Some(purpose.as_str()), "{trace:?}");
}

/// Walks the readings of one record, and holds each against its one entry, which is there when the answer is.
async fn readings(house: &House, who: &Member<'_>, patient: usize, purpose: Purpose, held_too: bool, covered: &[&str]) {
    let account = house.account(who.login);
    for route in &every_route() {
        let Leaves::Reading(event) = leaves(route) else { continue };
        if covered.iter().any(|kind| route.path.contains(kind)) {
            continue;
        }
        for method in [Method::GET, Method::HEAD] {
            let before = house.journal.entries();
            let path = path_of(house, route, patient);
            let answer = who.ask(method, &path, String::new(), Site::Own).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            let traces = house.traces_since(before);
            let [trace] = traces.as_slice() else { panic!("{path} left {traces:#?}") };
            assert_eq!((trace.kind, trace.event), (Kind::Released, event), "{path}");
            assert_author(trace, account, purpose);
            assert!(trace.patients.contains(&house.patients[patient].to_string()), "{path} left {trace:#?}");
            if event == Event::PeopleRead {
                assert!(trace.objects.is_empty());
            } else {
                assert_eq!(trace.patients.len(), 1, "{path}");
                let mut named = trace.objects.clone();
                named.sort();
                let mut expected = objects(route, patient, held_too);
                expected.retain(|object| {
                    !covered.iter().any(|kind| kind.trim_matches('/').starts_with(object.split('/').next().unwrap()))
                });
                assert_eq!(named, expected, "{path}");
            }
        }
    }
}

async fn every_reading_is_named_before_it_is_shown(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let sophie = house.relative("sophie.rousselin").await;
    let helene = house.professional("helene.castaing").await;
    let own = house.own("camille.durand");
    readings(&house, &camille, own, Purpose::OwnRecord, false, &[]).await;
    let mother = house.account("sophie.rousselin").demo.links[0].patient;
    readings(&house, &sophie, mother, Purpose::Representation, false, &["/documents/"]).await;
    readings(&house, &helene, own, Purpose::Care, true, &[]).await;
    assert_kept_secret(&house).await;
}
both!(every_reading_is_named_before_it_is_shown);

async fn every_effect_has_intent_marker_and_outcome(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let own = house.own("camille.durand");
    // Half the idle time passes, so that asking moves the session's end: once, in a task of its own.
    house.clock.advance(450);
    let before = house.journal.entries();
    assert_eq!(camille.get("/fr/session").await.status, StatusCode::OK);
    house.traces_once(before, |traces| traces.iter().any(|trace| trace.kind == Kind::Outcome)).await;
    // The end of the session comes last.
    let routes = every_route();
    let (ends, others): (Vec<&Route>, Vec<&Route>) = routes.iter().partition(|route| route.path.ends_with("/end"));
    for route in others.into_iter().chain(ends) {
        let before = house.journal.entries();
        let path = path_of(&house, route, own);
        match leaves(route) {
            Leaves::Effect(Event::SignIn) => {
                let yann = house.account("yann.legoff");
                let visitor = camille.with_cookie(None);
                let first =
                    visitor.post("/fr/session", &[("login", yann.demo.login), ("password", &yann.password)]).await;
                assert_eq!(house.journal.entries(), before, "the first step leaves nothing");
                let ceremony = first.field("ceremony").unwrap();
                let code = house.code(yann.demo.login);
                let opened = visitor.post(&path, &[("ceremony", &ceremony), ("code", &code)]).await;
                assert_eq!(opened.status, StatusCode::SEE_OTHER);
                // Whoever signs in is known once the door has let him in: until then the door itself acts.
                let traces = house.traces_since(before);
                assert_effect(&house, &traces, Event::SignIn, Outcome::Done).await;
                assert_eq!(traces[0].author, "system.door");
                assert_eq!(traces[0].target.as_deref(), Some(format!("account:{}", yann.id).as_str()));
                let before = house.journal.entries();
                let again = visitor.post(&path, &[("ceremony", &ceremony), ("code", &code)]).await;
                assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a code serves once");
                assert_effect(&house, &house.traces_since(before), Event::SignIn, Outcome::Refused).await;
            }
            Leaves::Effect(event) => {
                let body = form(&[("csrf", &camille.csrf)]);
                let answer = camille.ask(Method::POST, &path, body, Site::Own).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                if event == Event::SessionRenewed {
                    // The first request after the pause renewed it; here nothing is left to gain.
                    continue;
                }
                let ended = |traces: &[Trace]| traces.iter().any(|trace| trace.kind == Kind::Outcome);
                let traces = house.traces_once(before, ended).await;
                assert_effect(&house, &traces, event, Outcome::Done).await;
                assert_author(&traces[0], house.account(camille.login), Purpose::SignIn);
            }
            Leaves::Means(event) => {
                // The password is the first of these routes; the others are asked for with what it became.
                let (former, new) = (house.account(camille.login).password.clone(), "Vingt-7 herons gris au gué");
                let current = if event == Event::PasswordChanged { former.as_str() } else { new };
                // Twenty bytes of the letter S, in base32.
                let totp = totp_rs::Builder::new().with_secret([b'S'; 20]).build().unwrap();
                let code = totp.generate(u64::try_from(house.clock.now().seconds()).unwrap()).to_string();
                let fields = [
                    ("csrf", camille.csrf.as_str()),
                    ("current", current),
                    ("password", new),
                    ("totp_secret", "KNJVGU2TKNJVGU2TKNJVGU2TKNJVGU2T"),
                    ("code", &code),
                ];
                let answer = camille.post(&path, &fields).await;
                assert!(answer.status.is_success() || answer.status.is_redirection(), "{path}: {}", answer.text());
                let traces = house.traces_since(before);
                assert_effect(&house, &traces, event, Outcome::Done).await;
                assert_author(&traces[0], house.account(camille.login), Purpose::SignIn);
            }
            Leaves::Question(events) => {
                assert_eq!(camille.get(&path).await.status, StatusCode::OK, "{path}");
                let ended = |traces: &[Trace]| traces.iter().filter(|one| one.kind == Kind::Outcome).count() == 2;
                let traces = house.traces_once(before, ended).await;
                let of = |event| traces.iter().filter(|one| one.event == event).cloned().collect::<Vec<_>>();
                let [asked, given, read] = events.map(of);
                for (traces, event) in [(&asked, events[0]), (&given, events[1])] {
                    assert_effect(&house, traces, event, Outcome::Done).await;
                    assert_eq!(traces[0].patients, [house.patients[own].to_string()]);
                }
                assert_eq!(given[0].author, "system.node");
                assert!(matches!(read.as_slice(), [one] if one.kind == Kind::Released));
                for trace in [&asked[0], &read[0]] {
                    assert_author(trace, house.account(camille.login), Purpose::OwnRecord);
                }
            }
            Leaves::Reading(_) | Leaves::Nothing => {
                camille
                    .ask(route.method.parse().unwrap(), &path, form(&[("login", "x"), ("password", "y")]), Site::Own)
                    .await;
            }
        }
        settled(&house).await;
    }
    let renewals: Vec<Trace> =
        house.traces().into_iter().filter(|trace| trace.event == Event::SessionRenewed).collect();
    assert_effect(&house, &renewals, Event::SessionRenewed, Outcome::Done).await;
    assert_kept_secret(&house).await;
}
both!(every_effect_has_intent_marker_and_outcome);

async fn a_kept_session_is_renewed_under_a_trace(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    house.clock.advance(450);
    let before = house.journal.entries();
    let kept = camille.post("/fr/session/keep", &[("csrf", &camille.csrf)]).await;
    assert_eq!(kept.status, StatusCode::OK);
    let traces = house.traces_once(before, |traces| traces.iter().any(|trace| trace.kind == Kind::Outcome)).await;
    assert_effect(&house, &traces, Event::SessionRenewed, Outcome::Done).await;
    assert_author(&traces[0], house.account(camille.login), Purpose::SignIn);
}
both!(a_kept_session_is_renewed_under_a_trace);

/// Waits until no intent is without its outcome.
async fn settled(house: &House) {
    house
        .traces_once(0, |traces| {
            let intents = traces.iter().filter(|trace| trace.kind == Kind::Intent);
            let outcomes = traces.iter().filter(|trace| trace.kind == Kind::Outcome);
            intents.count() == outcomes.count()
        })
        .await;
}

/// One intent, its outcome after it, and its marker in the database.
async fn assert_effect(house: &House, traces: &[Trace], event: Event, outcome: Outcome) {
    let [intent, end] = traces else { panic!("not an intent and an outcome: {traces:#?}") };
    assert_eq!((intent.kind, intent.event, intent.outcome), (Kind::Intent, event, None));
    assert_eq!((end.kind, end.event, end.outcome), (Kind::Outcome, event, Some(outcome)));
    assert_eq!(intent.trace, end.trace);
    assert_eq!(
        house.markers().await.get(&intent.trace).map(|marker| marker.abandoned),
        Some(false),
        "its marker is in the database"
    );
}

async fn the_journal_and_the_database_agree(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    camille.with_cookie(None).try_sign_in("camille.durand", "une autre phrase", "000000").await;
    camille.post("/fr/session/end", &[("csrf", &camille.csrf)]).await;
    settled(&house).await;
    // Closed first: what follows a sign-out in a task of its own ends before.
    house.journal.clone().close().await.unwrap();
    let markers = house.markers().await;
    let report = journal::verify(&house.folder.path().join("journal/node"), None, Some(&markers));
    assert!(report.ok() && report.intents_open == 0, "{report}: {:?}", report.database);
}
both!(the_journal_and_the_database_agree);

async fn refusals_are_traced_and_fold(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let foreign = house.patients[house.own("yann.legoff")];
    let before = house.journal.entries();
    for path in [format!("/fr/records/{foreign}"), "/fr/records/x".to_owned()] {
        assert_eq!(camille.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    let traces = house.traces_since(before);
    assert_eq!(traces.len(), 2, "{traces:#?}");
    for trace in &traces {
        assert_eq!((trace.kind, trace.event), (Kind::Refusal, Event::Refused));
        assert_eq!(trace.author, format!("account:{}", house.account(camille.login).id));
        assert_eq!(trace.address.as_deref(), Some("192.0.2.1"));
    }
    let before = house.journal.entries();
    let stranger = house.anonymous(9);
    for _ in 0..35 {
        assert_eq!(stranger.get("/fr/session").await.status, StatusCode::UNAUTHORIZED);
    }
    let traces = house.traces_since(before);
    assert_eq!(traces.len(), 20, "the others are counted");
    assert!(traces.iter().all(|trace| trace.kind == Kind::Refusal && trace.author == "system.door"));
    assert!(traces.iter().all(|trace| trace.address.as_deref() == Some("198.51.100.9")));
    house.journal.fold(false).await.unwrap();
    assert_eq!(house.journal.entries(), before + 20, "the minute runs");
    house.clock.advance(60);
    house.journal.fold(false).await.unwrap();
    let folded = house.traces_since(before + 20);
    let [folded] = folded.as_slice() else { panic!("{folded:#?}") };
    assert_eq!((folded.kind, folded.event, folded.count), (Kind::Folded, Event::RefusalsFolded, Some(15)));
    assert_eq!(folded.address.as_deref(), Some("198.51.100.9"));
}
both!(refusals_are_traced_and_fold);

/// Without a trace there is no page: what the SIS gave stays shut.
async fn a_journal_that_takes_nothing_shows_nothing(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let own = house.own("camille.durand");
    house.journal.clone().close().await.unwrap();
    for route in every_route().iter().filter(|route| matches!(leaves(route), Leaves::Reading(_) | Leaves::Question(_)))
    {
        let path = path_of(&house, route, own);
        let answer = camille.get(&path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        // The page repeats the address that was asked for, to ask again.
        let body = answer.text().replace(path.trim_start_matches("/fr"), "/");
        let record = &HOSPITAL.patients[own];
        assert!(record.reports.iter().all(|report| !body.contains(&report.id)), "{path}");
        assert!(record.documents.iter().all(|document| !body.contains(&document.id)), "{path}");
        assert!(!answer.body.starts_with(b"%PDF"), "{path}");
    }
}
both!(a_journal_that_takes_nothing_shows_nothing);

/// Neither the journal nor the database holds, in clear, whom it is about.
async fn assert_kept_secret(house: &House) {
    let mut files = vec![house.folder.path().to_owned()];
    if let Some(file) = &house.database_file {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        files.extend(["", "-wal", "-shm"].map(|tail| file.with_file_name(format!("{name}{tail}"))));
    }
    let mut secret: Vec<String> = Vec::new();
    for patient in &HOSPITAL.patients {
        secret.extend([patient.birth_name.clone(), patient.family_name().to_owned()]);
        secret.extend([patient.ins.number().to_owned(), patient.ins.number()[..13].to_owned(), patient.ipp.clone()]);
        secret.extend(patient.reports.iter().map(|report| report.id.clone()));
    }
    secret.extend(house.accounts.iter().flat_map(|one| [one.demo.login.to_owned(), one.demo.display_name.to_owned()]));
    let seen = search(&files, &secret);
    assert!(seen > 4, "the files were not found");
    let mut connection = house.store.read().await.unwrap();
    let mut rows = 0;
    for (table, column) in PERSONAL {
        let query = sqlx::AssertSqlSafe(format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL"));
        let found: Vec<(Vec<u8>,)> = sqlx::query_as(query).fetch_all(&mut *connection).await.unwrap();
        rows += found.len();
        for (bytes,) in found {
            assert_hidden(&bytes, &secret, &format!("{table}.{column}"));
        }
    }
    assert!(rows > 30, "the rows were not found");
}

/// The columns that hold something of a person, on whichever database.
const PERSONAL: [(&str, &str); 11] = [
    ("sightings", "sealed"),
    ("accounts", "login_token"),
    ("accounts", "sealed"),
    ("accounts", "last_sign_in"),
    ("sessions", "record"),
    ("sessions", "tag"),
    ("sessions", "sealed"),
    ("failures", "counter"),
    ("patients", "ins_token"),
    ("patients", "sealed"),
    ("relations", "sealed"),
];

fn assert_hidden(bytes: &[u8], secret: &[String], place: &str) {
    // As any byte may stand there: one character for each.
    let low: String = bytes.iter().map(|byte| char::from(*byte)).collect::<String>().to_lowercase();
    for word in secret {
        let word: String = word.bytes().map(char::from).collect::<String>().to_lowercase();
        // A shorter word may stand among random bytes by chance.
        assert!(word.len() < 6 || !low.contains(&word), "{place} holds {word} in clear");
    }
}

fn search(paths: &[impl AsRef<Path>], secret: &[String]) -> usize {
    let mut seen = 0;
    for path in paths {
        let path = path.as_ref();
        if path.is_dir() {
            let inside: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
            seen += search(&inside, secret);
        } else if let Ok(bytes) = fs::read(path) {
            seen += 1;
            assert_hidden(&bytes, secret, &path.display().to_string());
        }
    }
    seen
}
