//! The list of routes and the router say the same, and every answer is framed strictly.

use crate::{
    house::House,
    people::{Answer, FORM},
    table::{NOTHING, TO},
};
use desk::{Asks, ROUTES, Route};
use store::testing::{TestDatabase, both};
use types::Role;

/// A route's path, with an identifier that nothing has.
pub fn path_of(route: &Route) -> String {
    let path = route.path.replace("{lang}", "fr").replace("{id}", NOTHING).replace("{number}", "1");
    let path = path.replace("{to}", TO).replace("{token}", NOTHING);
    assert!(!path.contains('{'), "a parameter that this test does not know: {path}");
    path
}

/// The entrance's and the door's own.
fn every_route() -> Vec<Route> {
    [entrance::ROUTES, entrance::ENVELOPE_ROUTES, ROUTES].concat()
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

/// Nothing of the hospital's people, nor of what is done there.
pub fn assert_impersonal(answer: &Answer, place: &str) {
    for word in ["Personne ", "Armor", "scanner-1", "10.0.0.8", "compteurs", "Valombre", "Landes"] {
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
    let front = "entrance::with_envelopes(entrance::routes())";
    assert_eq!(source.matches("entrance::routes()").count(), 1, "the entrance is in front");
    assert_eq!(source.matches(front).count(), 1, "and envelopes come in by it");
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
    let somebody = house.sign_in("beneficiary").await;
    let cookie = ("cookie", somebody.cookie.as_deref().unwrap());
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
        "/fr/means/keys",
        "/fr/traces/x",
        "/metrics",
        "//",
        "/fr//means",
        "/assets/../Cargo.toml",
        "/api/v1",
        "/api/v1/tokens",
        "/api/v1/passkeys",
        "/api/v2/interventions",
    ] {
        for who in [&house.stranger(), &somebody] {
            let answer = who.get(unknown).await;
            assert_eq!(answer.status, 404, "{unknown}");
            assert_strict(&answer, unknown);
            if unknown.starts_with("/api/") {
                answer.problem();
            }
        }
    }
    for query in ["?state=%00", "?state=x&state=y", "?%ff=%ff", "?cursor=x"] {
        let answer = somebody.get(&format!("/fr/interventions{query}")).await;
        let expected = if query.contains("cursor") { 404 } else { 200 };
        assert_eq!(answer.status, expected, "{query}");
    }
}
both!(what_is_not_listed_is_not_served);

async fn each_role_has_its_pages(database: &TestDatabase) {
    let house = House::new(database).await;
    let pages = [
        "interventions",
        "sessions",
        "equipment",
        "accounts",
        "suppliers",
        "passkeys",
        "traces",
        "retention",
        "rules",
        "means",
    ];
    for (role, open) in [
        (Role::Beneficiary, &["interventions", "sessions", "equipment", "suppliers", "means"][..]),
        (Role::OnCall, &["interventions", "sessions", "equipment", "suppliers", "means"]),
        (Role::SecurityOfficer, &["interventions", "sessions", "equipment", "accounts", "suppliers", "rules", "means"]),
        (
            Role::Administrator,
            &["interventions", "sessions", "equipment", "accounts", "suppliers", "passkeys", "rules", "means"],
        ),
        (Role::TraceController, &["traces", "retention", "means"]),
        (Role::Dpo, &["rules", "means"]),
    ] {
        let member = house.sign_in(role.as_str()).await;
        let home = member.get("/fr/").await;
        assert_eq!(home.status, 200, "{role}");
        for page in pages {
            let answer = member.get(&format!("/fr/{page}")).await;
            let expected = if open.contains(&page) { 200 } else { 404 };
            assert_eq!(answer.status, expected, "{role} {page}");
            // What the menu names opens.
            let named = home.text.contains(&format!("href=\"/fr/{page}\""));
            assert!(!named || expected == 200, "{role} is led to {page}");
        }
    }
}
both!(each_role_has_its_pages);

async fn what_a_role_does_not_have_is_written_down(database: &TestDatabase) {
    let house = House::new(database).await;
    let officer = house.sign_in("security_officer").await;
    let paths = [
        "/fr/traces",
        "/fr/traces?go=1",
        "/fr/traces/export?format=csv",
        "/fr/equipment/change",
        "/fr/accounts/new",
        "/fr/accounts/aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/fr/accounts/aaaaaaaaaaaaaaaaaaaaaaaaaa/state/closed",
    ];
    for (count, path) in paths.into_iter().enumerate() {
        assert_eq!(officer.get(path).await.status, 404, "{path}");
        let traces = house.traces();
        let refused: Vec<_> = traces.iter().filter(|trace| trace.event == types::Event::Refused).collect();
        assert_eq!(refused.len(), count + 1, "{path}");
        let last = refused.last().unwrap();
        assert!(last.author.starts_with("account:") && last.address.is_some(), "{path}: {last:?}");
        assert!(path.contains(last.target.as_deref().unwrap()), "{path}: {last:?}");
    }
}
both!(what_a_role_does_not_have_is_written_down);

async fn a_recording_that_is_not_there_is_asked_for_on_the_record(database: &TestDatabase) {
    let house = House::new(database).await;
    let officer = house.sign_in("security_officer").await;
    let session = house.made(crate::table::Names::Recorded).await;
    let before = house.traces().iter().filter(|trace| trace.event == types::Event::Refused).count();
    assert_eq!(officer.get(&format!("/fr/sessions/{session}/channels/9")).await.status, 404);
    let traces = house.traces();
    let refused: Vec<_> = traces.iter().filter(|trace| trace.event == types::Event::Refused).collect();
    assert_eq!(refused.len(), before + 1);
    assert_eq!(refused.last().unwrap().target.as_deref(), Some("recording"));
}
both!(a_recording_that_is_not_there_is_asked_for_on_the_record);

async fn a_supplier_has_a_name(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let done = admin.send("/fr/suppliers", &[("name", "Radiance Imagerie")]).await;
    assert_eq!((done.status, done.header("location")), (303, "/fr/suppliers"));
    assert!(admin.get("/fr/suppliers").await.text.contains("Radiance Imagerie"));
    let bad = admin.send("/fr/suppliers", &[("name", "")]).await;
    assert_eq!((bad.status, bad.header("location")), (303, "/fr/suppliers?problem=invalid"));
    assert!(house.done().contains(&types::Event::SupplierRegistered));
}
both!(a_supplier_has_a_name);

async fn a_token_is_made_and_taken_back(database: &TestDatabase) {
    let house = House::new(database).await;
    let member = house.sign_in("on_call").await;
    let fields = [
        ("label", "Supervision"),
        ("scope", "interventions:read"),
        ("scope", "sessions:cut"),
        ("days", "30"),
        ("sources", ""),
    ];
    let issued = member.send("/fr/means/tokens", &fields).await;
    assert_eq!(issued.status, 200);
    let token = issued.text.split("class=\"secret\"").nth(1).unwrap().split(['>', '<']).nth(1).unwrap();
    assert!(token.starts_with("pot_"), "{token}");
    let bearer = format!("Bearer {token}");
    assert_eq!(house.call("GET /api/v1/interventions", &bearer, "").await.status, 200);
    assert_eq!(house.call("GET /api/v1/sessions", &bearer, "").await.status, 403, "not issued for that");
    let again = member.get("/fr/means").await.text;
    assert!(again.contains("Supervision") && !again.contains(token), "it is shown once");
    let id = again.split("/fr/means/tokens/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    assert_eq!(member.send(&format!("/fr/means/tokens/{id}/revoke"), &[]).await.status, 303);
    assert_eq!(house.call("GET /api/v1/interventions", &bearer, "").await.status, 401);
    // No more than the page offers the role.
    let wide = [("label", "x"), ("scope", "traces:read"), ("days", "30"), ("sources", "")];
    assert_eq!(member.send("/fr/means/tokens", &wide).await.header("location"), "/fr/means?problem=invalid");
}
both!(a_token_is_made_and_taken_back);
