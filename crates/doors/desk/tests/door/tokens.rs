//! What a token opens: what it was issued for, until its end, from where it may come.

use crate::{
    house::House,
    people::{ADDRESS, TOKEN_SECONDS},
    sends::Visitor,
    strangers::visitors,
    table::{NOTHING, TABLE},
};
use std::collections::{HashMap, hash_map::Entry as Held};
use store::testing::{TestDatabase, both};
use types::TokenScope;

/// Whose the tokens of the last two tests are.
const LOGIN: &str = "on_call";
const ALL: &[TokenScope] = TokenScope::ALL;

fn program(login: &'static str, token: String) -> Visitor {
    Visitor { login, cookie: None, csrf: String::new(), token: Some(token), address: ADDRESS }
}

async fn a_token_does_what_it_was_issued_for(database: &TestDatabase) {
    let house = House::new(database).await;
    let visitors = visitors(&house).await;
    let mut held: HashMap<(&str, TokenScope), [Visitor; 2]> = HashMap::new();
    for (entry, scope) in TABLE.iter().filter_map(|entry| entry.scope.map(|scope| (entry, scope))) {
        let login = entry.owner();
        let (id, body) = entry.made(&house, &visitors[login]).await;
        let [without, alone] = match held.entry((login, scope)) {
            Held::Occupied(pair) => pair.into_mut(),
            Held::Vacant(place) => {
                let others: Vec<TokenScope> = ALL.iter().copied().filter(|one| *one != scope).collect();
                let pair = [house.token(login, &others).await, house.token(login, &[scope]).await];
                place.insert(pair.map(|token| program(login, token)))
            }
        };
        for id in [id.as_str(), NOTHING] {
            let refused = entry.asked(&house, (id, &body), without).await;
            assert_eq!(refused.status, 403, "{}", entry.line(id));
            let problem = refused.problem();
            assert_eq!(problem["type"], "urn:poterne:problem:insufficient-scope", "{}", entry.line);
            let named = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            assert_eq!(refused.header("www-authenticate"), named, "{}", entry.line);
        }
        let done = entry.asked(&house, (&id, &body), alone).await;
        assert_eq!(done.status, entry.answer, "{}: {}", entry.line, done.text);
    }
}
both!(a_token_does_what_it_was_issued_for);

async fn a_token_ends(database: &TestDatabase) {
    let house = House::new(database).await;
    let token = house.token(LOGIN, ALL).await;
    let listed = async || house.call("GET /api/v1/interventions", &token, "").await.status;
    assert_eq!(listed().await, 200);
    house.clock.advance(TOKEN_SECONDS - 1);
    assert_eq!(listed().await, 200, "in its last second");
    house.clock.advance(1);
    assert_eq!(listed().await, 401, "at its end");
}
both!(a_token_ends);

async fn a_token_is_heard_from_where_it_may_come(database: &TestDatabase) {
    let house = House::new(database).await;
    let token = house.token_from(LOGIN, ALL, &["192.0.2.0/28", "198.51.100.7"]).await;
    let headers = [("authorization", token.as_str())];
    for (address, status) in [
        ([192, 0, 2, 0], 200),
        ([192, 0, 2, 15], 200),
        ([192, 0, 2, 16], 401),
        ([198, 51, 100, 7], 200),
        ([198, 51, 100, 8], 401),
        ([203, 0, 113, 8], 401),
    ] {
        let answer = house.ask_from(address, "GET /api/v1/interventions", &headers, "").await;
        assert_eq!(answer.status, status, "{address:?}");
    }
    // What a header says of the source is not heard.
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let headers = [headers[0], (header, "192.0.2.8")];
        let answer = house.ask_from([203, 0, 113, 8], "GET /api/v1/interventions", &headers, "").await;
        assert_eq!(answer.status, 401, "{header}");
    }
}
both!(a_token_is_heard_from_where_it_may_come);
