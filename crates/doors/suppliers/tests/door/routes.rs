//! The list of routes and the router say the same, and every answer is framed strictly.

use crate::{
    house::House,
    people::{Answer, FORM},
    table::NOTHING,
};
use store::testing::{TestDatabase, both};
use suppliers::{Asks, ROUTES, Route};

/// A route's path, with an identifier that nothing has.
fn path_of(route: &Route) -> String {
    let path = route.path.replace("{lang}", "fr").replace("{id}", NOTHING).replace("{token}", NOTHING);
    assert!(!path.contains('{'), "a parameter that this test does not know: {path}");
    path
}

/// The entrance's and the door's own.
fn every_route() -> Vec<Route> {
    [entrance::ROUTES, ROUTES].concat()
}

pub fn assert_strict(answer: &Answer, place: &str) {
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

/// Nothing of the hospital's or the suppliers' people, nor of what they work on.
pub fn assert_impersonal(answer: &Answer, place: &str) {
    for word in
        ["tanguy", "lebihan", "maillard", "oukaci", "ferrand", "Armor", "Pharmatech", "scanner", "10.0.0.8", "relais."]
    {
        assert!(!answer.text.contains(word), "{place} holds {word}");
    }
}

#[test]
fn the_list_names_every_route_of_the_router() {
    let source = include_str!("../../src/lib.rs");
    let mut served: Vec<(&str, String)> = Vec::new();
    for call in source.split(".route(\"").skip(1) {
        let (path, rest) = call.split_once('"').unwrap();
        let handlers = rest.split("\n        .").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete", "any", "on", "options", "head", "trace"] {
            let named = format!("{method}(");
            let calls = handlers.match_indices(&named).filter(|(at, _)| {
                !handlers[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
            });
            served.extend(calls.map(|_| (path, method.to_uppercase())));
        }
    }
    let mut listed: Vec<(&str, String)> = ROUTES.iter().map(|route| (route.path, route.method.to_owned())).collect();
    served.sort();
    listed.sort();
    assert_eq!(served, listed);
    for other in
        [".nest(", ".route_service(", ".fallback", ".merge(", ".nest_service(", ".method_not_allowed_fallback("]
    {
        assert!(!source.contains(other), "{other}…) adds routes that no list names");
    }
    assert_eq!(source.matches("entrance::routes()").count(), 1, "the entrance is in front");
}

async fn what_asks_for_nothing_tells_of_nobody(database: &TestDatabase) {
    let house = House::new(database).await;
    for route in &every_route() {
        let line = format!("{} {}", route.method, path_of(route));
        let answer = house.ask(&line, &[("sec-fetch-site", "same-origin"), FORM], "csrf=x").await;
        match route.asks {
            Asks::Nothing => assert!(answer.status < 500 && answer.status != 401, "{line}: {}", answer.status),
            Asks::Session | Asks::Token => assert_eq!(answer.status, 401, "{line}"),
        }
        assert_impersonal(&answer, &line);
        assert_strict(&answer, &line);
        assert_eq!(answer.header("set-cookie").split('=').nth(1).unwrap_or("").split(';').next(), Some(""), "{line}");
        let head = house.ask(&format!("HEAD {}", path_of(route)), &[], "").await;
        assert_eq!(head.text, "", "{line}: a head with a body");
        if route.method == "GET" {
            assert_eq!(head.status, answer.status, "{line}, its head");
        }
    }
}
both!(what_asks_for_nothing_tells_of_nobody);

async fn what_is_not_listed_is_not_served(database: &TestDatabase) {
    let house = House::new(database).await;
    let erwan = house.sign_in("erwan.tanguy").await;
    let cookie = ("cookie", erwan.cookie.as_deref().unwrap());
    for route in &every_route() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if every_route().iter().any(|other| other.path == route.path && other.method == method) {
                continue;
            }
            let line = format!("{method} {}", path_of(route));
            let answer = house.ask(&line, &[cookie, ("sec-fetch-site", "same-origin")], "").await;
            assert_eq!(answer.status, 405, "{line}");
            assert_strict(&answer, &line);
        }
    }
    for unknown in [
        "/admin",
        "/fr",
        "/de/",
        "/de/means",
        "/fr/means/",
        "/fr/interventions/",
        "/fr/means/keys/x",
        "/metrics",
        "//",
        "/fr//means",
        "/assets/../Cargo.toml",
        "/api/v1",
        "/api/v1/sessions",
        "/api/v1/tokens",
        "/api/v2/interventions",
    ] {
        for who in [&house.stranger(), &erwan] {
            let answer = who.get(unknown).await;
            assert_eq!(answer.status, 404, "{unknown}");
            assert_strict(&answer, unknown);
            if unknown.starts_with("/api/") {
                answer.problem();
            }
        }
    }
    for query in ["?state=%00", "?state=x&state=y", "?%ff=%ff", "?cursor=x"] {
        let answer = erwan.get(&format!("/fr/interventions{query}")).await;
        let expected = if query.contains("cursor") { 404 } else { 200 };
        assert_eq!(answer.status, expected, "{query}");
    }
}
both!(what_is_not_listed_is_not_served);
