//! Every route, asked by those whom it is not for: what is another's answers like what is not.

use crate::{
    house::{House, IDLE_SECONDS},
    people::{ALL, Answer, TOKEN_SECONDS},
    routes::{assert_impersonal, assert_strict},
    table::{Entry, NOTHING, Names, OWNER, PURPOSE, TABLE, Visitor},
};
use store::testing::{TestDatabase, both};
use suppliers::Asks;

/// What may stand where an identifier does, and names nothing.
const ABSENT: [&str; 8] = [NOTHING, "x", "%00", "%ff", "%2e%2e", "..%2f..%2fpasswd", "%C3%A9", "'%20OR%201=1--"];

async fn what_is_anothers_answers_like_what_is_not(database: &TestDatabase) {
    let house = House::new(database).await;
    let owner = house.visitor(OWNER).await;
    // Of another supplier; of the same, beside what is hers; one to whom the hospital opened nothing.
    let others = [
        house.visitor("karim.oukaci").await,
        house.visitor("erwan.tanguy").await,
        house.visitor("victor.leblond").await,
    ];
    for entry in TABLE {
        let id = house.made(entry.names).await;
        for other in &others {
            refused_like_nothing(&house, entry, &id, other).await;
        }
        let own = entry.asked(&house, &id, &owner).await;
        assert_eq!(own.status, entry.answer, "{} is hers, and nobody else did it: {}", entry.line, own.text);
        assert_strict(&own, entry.line);
    }
}
both!(what_is_anothers_answers_like_what_is_not);

async fn refused_like_nothing(house: &House, entry: &Entry, id: &str, other: &Visitor<'_>) {
    let place = format!("{} asks {}", other.login, entry.line);
    let real = entry.asked(house, id, other).await;
    assert_strict(&real, &place);
    // A colleague may choose her for a request of his own.
    let colleague = other.login == "erwan.tanguy";
    let hers = [PURPOSE, "10.0.0.8", "solene", "lebihan", "Armor"];
    for word in &hers[..if colleague { 2 } else { hers.len() }] {
        assert!(!real.text.contains(word), "{place} and reads {word}");
    }
    match entry.names {
        // His own lists and forms, or what every supplier may see.
        Names::Nobody | Names::Equipment => return,
        // A revocation is granted to whoever asks: nothing is revoked but his own.
        Names::Token => assert_eq!(real.status, 303, "{place}"),
        _ => assert_eq!(real.status, 404, "{place}: {}", real.text),
    }
    assert!(!real.text.contains(id), "{place}: the answer repeats what was asked");
    for absent in ABSENT {
        let answer = entry.asked(house, absent, other).await;
        assert_eq!(answer.blanked(), real.blanked(), "{place}, or {absent}");
    }
}

/// The form of a new request takes an identifier beside its path.
async fn a_request_is_not_filled_in_like_anothers(database: &TestDatabase) {
    let house = House::new(database).await;
    let id = house.made(Names::Open).await;
    for login in ["karim.oukaci", "erwan.tanguy", "victor.leblond"] {
        let other = house.sign_in(login).await;
        let real = other.get(&format!("/fr/interventions/new?like={id}")).await;
        assert_eq!(real.status, 404, "{login}");
        let absent = other.get(&format!("/fr/interventions/new?like={NOTHING}")).await;
        assert_eq!(absent.blanked(), real.blanked(), "{login}");
    }
    let owner = house.sign_in(OWNER).await;
    assert!(owner.get(&format!("/fr/interventions/new?like={id}")).await.text.contains(PURPOSE));
}
both!(a_request_is_not_filled_in_like_anothers);

/// Everything that a browser may hold and that is no session of this door.
async fn cookies(house: &House) -> Vec<(&'static str, Option<String>)> {
    let left = house.sign_in("lise.maillard").await;
    house.clock.advance(IDLE_SECONDS + 1);
    let gone = house.sign_in("erwan.tanguy").await;
    assert_eq!(gone.send("/fr/session/end", &[]).await.status, 200);
    let own = house.sign_in("karim.oukaci").await.cookie.unwrap();
    let (name, value) = own.split_once('=').unwrap();
    assert_eq!(name, "__Host-poterne-suppliers");
    let flipped = if value.ends_with('0') { "1" } else { "0" };
    let desk = house.desk_session().await;
    vec![
        ("no cookie", None),
        ("a made-up session", Some(format!("{name}={NOTHING}{}", "0".repeat(64)))),
        ("a changed secret", Some(format!("{name}={}{flipped}", &value[..value.len() - 1]))),
        ("a session of the desk", Some(format!("{name}={desk}"))),
        ("the desk's cookie", Some(format!("__Host-poterne-desk={desk}"))),
        ("this door's session in the desk's cookie", Some(format!("__Host-poterne-desk={value}"))),
        ("the name without its prefix", Some(format!("poterne-suppliers={value}"))),
        ("a session that was ended", gone.cookie),
        ("a session left for too long", left.cookie),
    ]
}

async fn no_page_opens_without_a_session_of_this_door(database: &TestDatabase) {
    let house = House::new(database).await;
    let cookies = cookies(&house).await;
    let owner = house.visitor(OWNER).await;
    for entry in TABLE.iter().filter(|entry| entry.asks() == Asks::Session) {
        let id = house.made(entry.names).await;
        let mut first: Option<Answer> = None;
        for (what, cookie) in &cookies {
            // Her form's token and her interface's open no page.
            let visitor = Visitor { cookie: cookie.clone(), ..owner.clone() };
            for id in [id.as_str(), NOTHING] {
                let place = format!("{what}: {}", entry.line(id));
                let answer = entry.asked(&house, id, &visitor).await;
                assert_eq!(answer.status, 401, "{place}");
                assert_impersonal(&answer, &place);
                assert_strict(&answer, &place);
                let same = first.get_or_insert_with(|| answer.clone());
                assert_eq!(answer.blanked(), same.blanked(), "{place}: one answer for all");
            }
        }
        let own = entry.asked(&house, &id, &owner).await;
        assert_eq!(own.status, entry.answer, "{}: nobody else did it: {}", entry.line, own.text);
    }
}
both!(no_page_opens_without_a_session_of_this_door);

/// Everything that a program may send and that is no token of this door, and from where it sends it.
async fn tokens(house: &House) -> Vec<(&'static str, Option<String>, [u8; 4])> {
    let here = crate::people::ADDRESS;
    let revoked = house.token(OWNER, ALL).await;
    let solene = house.sign_in(OWNER).await;
    let means = solene.get("/fr/means").await.text;
    let mut actions = means.split("action=\"").filter_map(|part| part.split('"').next());
    let revoke = actions.find(|action| action.ends_with("/revoke")).unwrap();
    assert_eq!(solene.send(revoke, &[]).await.status, 303);
    let expired = house.token(OWNER, ALL).await;
    house.clock.advance(TOKEN_SECONDS);
    let good = house.token(OWNER, ALL).await;
    let flipped = if good.ends_with('0') { "1" } else { "0" };
    let bound = house.token_from(OWNER, ALL, &["198.51.100.0/24", "192.0.2.128/25"]).await;
    let cookie = solene.cookie.unwrap();
    vec![
        ("no token", None, here),
        ("what is none", Some("Bearer pot_x".into()), here),
        ("another scheme", Some(good.replace("Bearer", "Basic")), here),
        ("a changed secret", Some(format!("{}{flipped}", &good[..good.len() - 1])), here),
        ("an expired token", Some(expired), here),
        ("a revoked token", Some(revoked), here),
        ("a token of the desk", Some(house.desk_token(types::TokenScope::ALL).await), here),
        ("a token shown from elsewhere", Some(bound.clone()), here),
        ("a token shown from farther", Some(bound), [203, 0, 113, 8]),
        ("a session's cookie", Some(format!("Bearer {}", cookie.split_once('=').unwrap().1)), here),
    ]
}

async fn the_interface_hears_only_tokens_of_this_door(database: &TestDatabase) {
    let house = House::new(database).await;
    let tokens = tokens(&house).await;
    let owner = house.visitor(OWNER).await;
    for entry in TABLE.iter().filter(|entry| entry.asks() == Asks::Token) {
        let id = house.made(entry.names).await;
        let mut first: Option<Answer> = None;
        for (what, token, address) in &tokens {
            // Her session's cookie goes with it, and is not heard.
            let visitor = Visitor { token: token.clone(), address: *address, ..owner.clone() };
            for id in [id.as_str(), NOTHING] {
                let place = format!("{what}: {}", entry.line(id));
                let answer = entry.asked(&house, id, &visitor).await;
                assert_eq!(answer.status, 401, "{place}");
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{place}");
                assert_impersonal(&answer, &place);
                assert_strict(&answer, &place);
                let same = first.get_or_insert_with(|| answer.clone());
                assert_eq!(answer.blanked(), same.blanked(), "{place}: one answer for all");
            }
        }
        let own = entry.asked(&house, &id, &owner).await;
        assert_eq!(own.status, entry.answer, "{}: nobody else did it: {}", entry.line, own.text);
    }
}
both!(the_interface_hears_only_tokens_of_this_door);
