//! What programs see.

use crate::house::{Answer, House};
use entrance::ROUTES;
use store::testing::{TestDatabase, both};
use types::Event;

const JSON: (&str, &str) = ("content-type", "application/json");

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// All that may differ between two refusals.
fn blanked(answer: &Answer) -> String {
    let problem = answer.problem();
    answer.text.replace(problem["reference"].as_str().unwrap(), "")
}

async fn only_an_honored_token_is_heard(database: &TestDatabase) {
    let house = House::new(database).await;
    let (cookie, csrf) = house.sign_in().await;
    let good = bearer(&house.good);
    for scheme in ["Bearer", "bearer", "BEARER "] {
        let answer =
            house.ask("GET /api/v1/notes", &[("authorization", &format!("{scheme} {}", house.good))], "").await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "1"), "{scheme}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let long = bearer(&"a".repeat(600));
    let (twice, comma) = (format!("{good} {}", house.good), format!("{good},"));
    let flipped = if good.ends_with('0') { "1" } else { "0" };
    let flipped = format!("{}{flipped}", &good[..good.len() - 1]);
    let (basic, accent) = (good.replace("Bearer", "Basic"), good.replace("pot_", "pöt_"));
    let elsewhere = bearer(&house.elsewhere);
    let before = house.journal.entries();
    let mut bodies = std::collections::BTreeSet::new();
    let refused: &[&[(&str, &str)]] = &[
        &[],
        &[("authorization", "")],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer ")],
        &[("authorization", &house.good)],
        &[("authorization", &basic)],
        &[("authorization", "Bearer pot_wrong")],
        &[("authorization", &flipped)],
        &[("authorization", &twice)],
        &[("authorization", &comma)],
        &[("authorization", &accent)],
        &[("authorization", &elsewhere)],
        &[("authorization", &long)],
        &[("authorization", &good), ("authorization", &good)],
        &[("cookie", &cookie)],
        &[("cookie", &cookie), ("sec-fetch-site", "same-origin"), ("x-csrf", &csrf)],
    ];
    for headers in refused {
        for line in ["GET /api/v1/notes", "POST /api/v1/notes", "GET /api/v1/sessions"] {
            let answer = house.ask(line, headers, "").await;
            assert_eq!(answer.status, 401, "{line} {headers:?}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            bodies.insert(blanked(&answer));
        }
    }
    assert_eq!(bodies.len(), 1, "one answer for all: {bodies:?}");
    // What is refused is traced, whether there was a token or none.
    let traces = house.traces();
    for target in ["session", "token"] {
        let traced = traces.iter().filter(|trace| trace.index >= before && trace.event == Event::Refused);
        assert!(traced.filter(|trace| trace.target.as_deref() == Some(target)).count() > 0, "{target}: {traces:#?}");
    }
    // A handler that takes a page's extractor by mistake hears no cookie.
    for line in ["GET /api/v1/mistaken", "POST /api/v1/mistaken"] {
        let answer = house.ask(line, &[("cookie", &cookie)], format!("csrf={csrf}")).await;
        assert!((400..500).contains(&answer.status) && !answer.text.contains("Marchetti"), "{line}");
    }
}
both!(only_an_honored_token_is_heard);

async fn what_a_token_may_not_is_said(database: &TestDatabase) {
    let house = House::new(database).await;
    let good = bearer(&house.good);
    let answer = house.ask("GET /api/v1/sessions", &[("authorization", &good)], "").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"sessions:cut\"");
    let problem = answer.problem();
    assert_eq!(problem["type"], "urn:poterne:problem:insufficient-scope");
    assert!(problem["detail"].as_str().unwrap().contains("`sessions:cut`"));
}
both!(what_a_token_may_not_is_said);

async fn what_is_sent_is_read_strictly(database: &TestDatabase) {
    let house = House::new(database).await;
    let good = bearer(&house.good);
    let own = ("authorization", good.as_str());
    let deep = "[".repeat(10_000);
    let nested = format!("{{\"any\":{deep}");
    let long = format!("{{\"text\":\"{}\",\"times\":1}}", "x".repeat(70_000));
    let fits = format!("{{\"text\":\"{}\",\"times\":1}}", "x".repeat(30_000));
    for (media, body, status, said) in [
        ("application/json", "{\"text\":\"a\",\"times\":2}", 201, "\"aa\""),
        ("application/json; charset=utf-8", "{\"text\":\"a\",\"times\":2}", 201, "\"aa\""),
        ("APPLICATION/JSON", "{\"text\":\"a\",\"times\":2}", 201, "\"aa\""),
        ("application/json", fits.as_str(), 201, "xxx"),
        ("text/plain", "{\"text\":\"a\",\"times\":2}", 415, "Content-Type"),
        ("application/x-www-form-urlencoded", "text=a&times=2", 415, "Content-Type"),
        ("application/jsonx", "{}", 415, "Content-Type"),
        ("application/json", "", 400, "not JSON"),
        ("application/json", "{\"text\":", 400, "not JSON"),
        ("application/json", "{\"text\":\"a\",\"times\":2} x", 400, "not JSON"),
        ("application/json", deep.as_str(), 422, "object"),
        ("application/json", nested.as_str(), 400, "not JSON"),
        ("application/json", "\u{feff}{}", 400, "not JSON"),
        ("application/json", "{\"text\":\"a\"}", 422, "times"),
        ("application/json", "{\"text\":\"a\",\"times\":-1}", 422, "u32"),
        ("application/json", "{\"text\":\"a\",\"times\":2,\"times\":3}", 422, "duplicate"),
        ("application/json", "{\"text\":\"a\",\"times\":2,\"more\":3}", 422, "more"),
        ("application/json", " [\"a\",2]", 422, "object"),
        ("application/json", "3", 422, "NoteSent"),
        ("application/json", long.as_str(), 413, "less"),
        ("application/json", "{\"text\":\"a\",\"times\":0}", 409, "never"),
        ("application/json", "{\"text\":\"a\",\"times\":13}", 500, "Internal"),
    ] {
        let place: String = body.chars().take(60).collect();
        let answer = house.ask("POST /api/v1/notes", &[own, ("content-type", media)], body.to_owned()).await;
        assert_eq!(answer.status, status, "{media} {place}: {}", answer.text);
        assert!(answer.text.contains(said), "{media} {place}: {}", answer.text);
        if status >= 400 {
            answer.problem();
            assert!(answer.text.len() < 1000, "{}", answer.text);
        }
    }
    let untyped = house.ask("POST /api/v1/notes", &[own], "{\"text\":\"a\",\"times\":2}").await;
    assert_eq!(untyped.status, 415);
    // A member of its own cannot stand for one that every problem has.
    let never = house.ask("POST /api/v1/notes", &[own, JSON], "{\"text\":\"a\",\"times\":0}").await.problem();
    assert_eq!((&never["times"], &never["status"]), (&0.into(), &409.into()));
    for (query, status) in [("?page=3", 200), ("?page=x", 400), ("?pages=3", 400), ("?page=1&page=2", 400), ("?", 200)]
    {
        let answer = house.ask(&format!("GET /api/v1/notes{query}"), &[own], "").await;
        assert_eq!(answer.status, status, "{query}");
        if status >= 400 {
            answer.problem();
        }
    }
}
both!(what_is_sent_is_read_strictly);

async fn what_leads_nowhere_is_a_problem_too(database: &TestDatabase) {
    let house = House::new(database).await;
    let good = bearer(&house.good);
    for headers in [&[][..], &[("authorization", good.as_str())]] {
        for (line, status) in [
            ("GET /api", 404),
            ("GET /api/", 404),
            ("GET /api/v1", 404),
            ("GET /api/v1/absent", 404),
            ("POST /api/v1/absent", 404),
            ("GET /api/v1/notes/", 404),
            ("DELETE /api/v1/notes", 405),
            ("BREW /api/v1/notes", 405),
        ] {
            let answer = house.ask(line, headers, "").await;
            assert_eq!(answer.status, status, "{line}");
            answer.problem();
            assert_eq!(answer.header("allow").contains("GET"), status == 405, "{line}");
            assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        }
    }
    let endless = house.ask(&format!("GET /api/v1/notes?page={}", "1".repeat(20_000)), &[], "").await;
    assert_eq!(endless.status, 431);
    endless.problem();
    // Beside the API, and on a door that has none, pages answer.
    for line in ["GET /apiary", "GET /%61pi/v1/notes", "GET /fr/api/v1/notes"] {
        let answer = house.ask(line, &[], "").await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"), "{line}");
    }
    let plain = house.ask_plain("GET /api/v1/absent", &[], "").await;
    assert_eq!((plain.status, plain.header("content-type")), (404, "text/html; charset=utf-8"));
    let without = house.ask_plain("POST /api/v1/notes", &[("authorization", &good), JSON], "{}").await;
    assert_eq!(without.status, 403, "no API, no exception");
    let unheard = house.ask_plain("GET /api/v1/notes", &[("authorization", &good)], "").await;
    assert_eq!(unheard.status, 401, "nobody honors its tokens");
}
both!(what_leads_nowhere_is_a_problem_too);

/// The list and the router's source say the same; a door's own test holds its own list against its own router.
#[test]
fn the_list_names_every_route() {
    let source = include_str!("../../src/lib.rs");
    let (_, router) = source.split_once("pub fn routes<D: Door>()").unwrap();
    let router = router.split("\n}").next().unwrap();
    let mut served = Vec::new();
    for call in router.split(".route(\"").skip(1) {
        let (path, handlers) = call.split_once('"').unwrap();
        let handlers = handlers.split("\n        .").next().unwrap();
        let methods = ["get(", "post("].iter().filter(|method| handlers.contains(*method));
        served.extend(methods.map(|method| (path, method.trim_end_matches('(').to_uppercase())));
    }
    let mut listed: Vec<_> = ROUTES.iter().map(|route| (route.path, route.method.to_owned())).collect();
    served.sort();
    listed.sort();
    assert_eq!(served, listed);
    assert_eq!(source.matches(".route(").count(), router.matches(".route(").count());
}
