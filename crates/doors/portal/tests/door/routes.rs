//! Every route, walked: nobody gets anything without a session, and every answer is framed strictly.

use crate::{
    answer::Answer,
    house::{HOSPITAL, House, IDLE_SECONDS},
    visitor::{Site, Visitor, form},
};
use axum::http::{Method, StatusCode};
use portal::{Asks, Route};
use store::testing::{TestDatabase, both};
use types::Confidentiality;

/// A route's path with a patient's own identifiers in it.
pub fn path_of(house: &House, route: &Route, patient: usize) -> String {
    let record = &HOSPITAL.patients[patient];
    let report = record.reports.iter().find(|one| one.confidentiality == Confidentiality::Normal).unwrap();
    let document = record.documents.iter().find(|one| one.confidentiality == Confidentiality::Normal).unwrap();
    let id = if route.path.contains("/results/") { &report.id } else { &document.id };
    let path = route.path.replace("{lang}", "fr").replace("{patient}", &house.patients[patient].to_string());
    let path = path.replace("{id}", id).replace("{token}", &house.link);
    assert!(!path.contains('{'), "a parameter that this test does not know: {path}");
    path
}

fn method_of(route: &Route) -> Method {
    route.method.parse().unwrap()
}

async fn walk(visitor: &Visitor<'_>, route: &Route, patient: usize) -> Answer {
    visitor.ask(method_of(route), &path_of(visitor.house, route, patient), String::new(), Site::Own).await
}

/// Names, numbers and identifiers of the hospital's people.
fn assert_impersonal(answer: &Answer, place: &str) {
    let body = answer.text();
    for patient in &HOSPITAL.patients {
        let own = [patient.birth_name.as_str(), patient.family_name(), patient.ins.number(), &patient.ipp];
        for word in own {
            assert!(!body.contains(word), "{place} holds {word}");
        }
    }
    assert!(!body.contains("Castaing") && !body.contains("Kerbrat"), "{place} names somebody");
    assert_eq!(answer.cookie(), None, "{place} gives a cookie");
}

fn assert_strict(answer: &Answer, place: &str) {
    for (name, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("strict-transport-security", "max-age="),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("permissions-policy", "camera=()"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert!(answer.header(name).contains(part), "{place}: {name} is {:?}", answer.header(name));
    }
    let policy = answer.header("content-security-policy");
    assert!(!policy.contains("unsafe-") && policy.contains("frame-ancestors 'none'"), "{place}: {policy}");
    assert_eq!(answer.header("server"), "", "{place}");
}

/// The entrance's and the door's own.
pub fn every_route() -> Vec<Route> {
    [entrance::ROUTES, portal::ROUTES].concat()
}

/// The router's source and the list say the same: a route that this test does not walk cannot be added.
fn assert_listed(source: &str, routes: &[Route], merged: &[&str], fallbacks: &[&str]) {
    let mut served: Vec<(&str, String)> = Vec::new();
    for call in source.split(".route(\"").skip(1) {
        let (path, rest) = call.split_once('"').unwrap();
        let handlers = rest.split("\n        .").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete", "any", "on", "options", "head", "trace"] {
            let chained = handlers.matches(&format!("{method}(")).count();
            let within = handlers.matches(&format!("_{method}(")).count();
            served.extend((within..chained).map(|_| (path, method.to_uppercase())));
        }
    }
    let mut listed: Vec<(&str, String)> = routes.iter().map(|route| (route.path, route.method.to_owned())).collect();
    served.sort();
    listed.sort();
    assert_eq!(served, listed);
    for other in [".nest(", ".route_service(", ".fallback_service(", ".nest_service(", ".method_not_allowed_fallback("]
    {
        assert!(!source.contains(other), "{other}…) adds routes that no list names");
    }
    for (call, known) in [(".merge(", merged), (".fallback(", fallbacks)] {
        let found = known.iter().map(|one| source.matches(&format!("{call}{one})")).count()).sum::<usize>();
        assert_eq!((source.matches(call).count(), found), (known.len(), known.len()), "only {call}{known:?})");
    }
}

#[test]
fn the_list_names_every_route_of_the_router() {
    let entrance = include_str!("../../../entrance/src/lib.rs");
    assert_listed(entrance, entrance::ROUTES, &["web::assets::routes()"], &["session::nowhere::<D>"]);
    let own = include_str!("../../src/lib.rs");
    assert_listed(own, portal::ROUTES, &[], &[]);
    assert_eq!(own.matches("entrance::routes()").count(), 1, "the entrance is in front");
}

async fn the_router_serves_what_the_list_says_and_nothing_else(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let own = house.own("camille.durand");
    for route in &every_route() {
        let path = path_of(&house, route, own);
        let served = camille.ask(method_of(route), &path, String::new(), Site::Own).await;
        let absent = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
        assert!(!absent.contains(&served.status), "{} {path}: {}", route.method, served.status);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if every_route().iter().any(|other| other.path == route.path && other.method == method) {
                continue;
            }
            let answer = camille.ask(method.parse().unwrap(), &path, String::new(), Site::Own).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_strict(&answer, &path);
            assert_impersonal(&answer, &path);
        }
    }
    let patient = house.patients[own].to_string();
    for unknown in [
        "/admin",
        "/fr",
        "/fr/records",
        "/fr/records/",
        "/de/",
        "/fr/session/",
        "/fr/session/open",
        "/metrics",
        "/health",
        "/assets/",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/.well-known/security",
        "//",
        "/fr//session",
        &format!("/fr/records/{patient}/"),
        &format!("/fr/records/{patient}/results"),
        &format!("/de/records/{patient}"),
    ] {
        for who in [&camille.with_cookie(None), &*camille] {
            let answer = who.get(unknown).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{unknown}");
            assert_strict(&answer, unknown);
            if who.cookie.is_none() {
                assert_impersonal(&answer, unknown);
            }
        }
    }
}
both!(the_router_serves_what_the_list_says_and_nothing_else);

async fn nobody_passes_without_a_session(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let yann = house.patient("yann.legoff").await;
    let gone = house.patient("marcel.pruvost").await;
    let own = house.own("camille.durand");
    let token = camille.cookie.clone().unwrap();
    let (name, value) = token.split_once('=').unwrap();
    assert_eq!(name, "__Host-poterne-portal");
    let other = yann.cookie.clone().unwrap();
    let other_value = other.split_once('=').unwrap().1;
    let out = gone.post("/fr/session/end", &[("csrf", &gone.csrf)]).await;
    assert_eq!(out.status, StatusCode::OK);
    let flipped = if value.ends_with('0') { "1" } else { "0" };
    let cookies = [
        ("no cookie", None),
        ("a made-up session", Some(format!("{name}={}{}", "a".repeat(26), "0".repeat(64)))),
        ("a changed secret", Some(format!("{name}={}{flipped}", &value[..value.len() - 1]))),
        ("one's session with another's secret", Some(format!("{name}={}{}", &value[..26], &other_value[26..]))),
        ("a cut token", Some(format!("{name}={}", &value[..40]))),
        ("an endless token", Some(format!("{name}={}", "a".repeat(3000)))),
        ("an empty token", Some(format!("{name}="))),
        ("letters that are none", Some(format!("{name}=\u{e9}\"'<>"))),
        ("the cookie of another door", Some(format!("__Host-poterne-desk={value}"))),
        ("the name without its prefix", Some(format!("poterne-portal={value}"))),
        ("the cookie twice", Some(format!("{token}; {token}"))),
        ("a session that was ended", gone.cookie.clone()),
    ];
    for (what, cookie) in &cookies {
        refused(&camille.with_cookie(cookie.as_deref()), own, what).await;
    }
    // The others were refused at no cost to the session that they resemble.
    assert_eq!(camille.get("/fr/session").await.status, StatusCode::OK);
    house.clock.advance(IDLE_SECONDS + 1);
    refused(&camille, own, "a session left for too long").await;
}
both!(nobody_passes_without_a_session);

async fn refused(visitor: &Visitor<'_>, patient: usize, what: &str) {
    for route in &every_route() {
        let place = format!("{what}: {} {}", route.method, route.path);
        let answer = walk(visitor, route, patient).await;
        if route.asks == Asks::Session {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{place}");
        } else {
            let open = answer.status != StatusCode::UNAUTHORIZED && !answer.status.is_server_error();
            assert!(open, "{place}: {}", answer.status);
        }
        assert_impersonal(&answer, &place);
        assert_strict(&answer, &place);
        let head = visitor.ask(Method::HEAD, &path_of(visitor.house, route, patient), String::new(), Site::Own).await;
        if route.method == "GET" && route.asks == Asks::Session {
            assert_eq!(head.status, StatusCode::UNAUTHORIZED, "{place}, its head");
        }
        assert!(head.body.is_empty(), "{place}: a head with a body");
    }
}

async fn what_changes_something_starts_on_our_own_pages(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let yann = house.patient("yann.legoff").await;
    let own = house.own("camille.durand");
    for route in &every_route() {
        let path = path_of(&house, route, own);
        let body =
            form(&[("csrf", &camille.csrf), ("login", "x"), ("password", "x"), ("ceremony", "x"), ("code", "1")]);
        for site in [Site::Silent, Site::Other] {
            let answer = camille.ask(method_of(route), &path, body.clone(), site).await;
            assert_strict(&answer, &path);
            if route.method == "POST" {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
                assert_impersonal(&answer, &path);
            } else {
                assert!(answer.status.is_success() || answer.status.is_redirection(), "{path}: {}", answer.status);
            }
        }
    }
    for path in ["/fr/session/keep", "/fr/session/end"] {
        let wrong = [
            String::new(),
            form(&[("csrf", "")]),
            form(&[("csrf", &yann.csrf)]),
            form(&[("csrf", &camille.csrf.to_lowercase())]),
            form(&[("csrf", &"A".repeat(43))]),
            form(&[("CSRF", &camille.csrf)]),
            format!("{}&{}", form(&[("csrf", &camille.csrf)]), form(&[("csrf", "x")])),
        ];
        for body in wrong {
            let answer = camille.ask(Method::POST, path, body.clone(), Site::Own).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} with {body}");
            assert_eq!(answer.header("clear-site-data"), "");
        }
    }
    assert_eq!(camille.get("/fr/session").await.status, StatusCode::OK, "nothing of it ended the session");
    let kept = camille.post("/fr/session/keep", &[("csrf", &camille.csrf)]).await;
    assert_eq!((kept.status, kept.text().as_str()), (StatusCode::OK, "{\"seconds_left\":900}"));
}
both!(what_changes_something_starts_on_our_own_pages);

async fn what_is_sent_is_bounded(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let own = house.own("camille.durand");
    for route in &every_route() {
        let path = path_of(&house, route, own);
        let large = camille.ask(method_of(route), &path, "a=".to_owned() + &"b".repeat(64 * 1024), Site::Own).await;
        // A body that nobody reads costs nothing; one that is read stops at the bound.
        assert!(!large.status.is_server_error(), "{path}: {}", large.status);
        if route.method == "POST" {
            assert!(large.status.is_client_error() || route.path.ends_with("/end"), "{path}: {}", large.status);
        }
        let endless = format!("{path}?q={}", "a".repeat(20_000));
        let answer = camille.ask(method_of(route), &endless, String::new(), Site::Own).await;
        assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{path}");
        assert_strict(&answer, &path);
    }
    for query in ["?page=-1", "?page=0", "?page=4294967296", "?page=99999", "?kind=%00", "?kind=x&kind=y", "?%ff=%ff"] {
        let patient = house.patients[own];
        let answer = camille.get(&format!("/fr/records/{patient}{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
    }
}
both!(what_is_sent_is_bounded);
