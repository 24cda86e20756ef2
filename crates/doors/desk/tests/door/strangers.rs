//! Every route, asked by everybody: for whom it is not, what is there answers like what is not.

use crate::{
    HERE,
    house::{House, IDLE_SECONDS},
    people::{Answer, PEOPLE, Person, TOKEN_SECONDS, form},
    routes::{assert_impersonal, assert_strict},
    sends::Visitor,
    table::{Entry, NOTHING, Names, PURPOSE, TABLE},
};
use desk::Asks;
use std::collections::HashMap;
use store::testing::{TestDatabase, both};
use types::TokenScope;

/// What may stand where an identifier does, and names nothing.
const ABSENT: [&str; 8] = [NOTHING, "x", "%00", "%ff", "%2e%2e", "..%2f..%2fpasswd", "%C3%A9", "'%20OR%201=1--"];

pub async fn visitors(house: &House) -> HashMap<&'static str, Visitor> {
    let mut visitors = HashMap::new();
    for person in PEOPLE {
        visitors.insert(person.login, house.visitor(person.login).await);
    }
    visitors
}

async fn each_route_is_for_its_roles_only(database: &TestDatabase) {
    let house = House::new(database).await;
    let visitors = visitors(&house).await;
    for entry in TABLE {
        let owner = &visitors[entry.owner()];
        let made = entry.made(&house, owner).await;
        let made = (made.0.as_str(), made.1.as_str());
        for person in PEOPLE {
            // Another hospital's administrator decides for his own: a population is nobody's in particular.
            if entry.names == Names::Population && entry.roles.contains(&person.role) {
                continue;
            }
            if !entry.is_for(person) {
                refused_like_nothing(&house, entry, made, (person, &visitors[person.login])).await;
            } else if entry.is_read() {
                let answer = entry.asked(&house, made, &visitors[person.login]).await;
                assert_eq!(answer.status, entry.answer, "{} asks {}: {}", person.login, entry.line, answer.text);
                let foreign = person.place != HERE && entry.asks() != Asks::Nothing;
                assert!(!foreign || !tells(&answer), "{} asks {} and reads of the others", person.login, entry.line);
            }
        }
        let own = entry.asked(&house, made, owner).await;
        assert_eq!(own.status, entry.answer, "{}: nobody else did it: {}", entry.line, own.text);
        assert_ne!(own.header("location").split_once('?').map(|(_, query)| query.starts_with("problem")), Some(true));
        assert_strict(&own, entry.line);
    }
}
both!(each_route_is_for_its_roles_only);

/// Whether something of the first hospital's is in it.
fn tells(answer: &Answer) -> bool {
    [PURPOSE, "10.0.0.8", "Armor", "scanner-1", "Personne technician"].iter().any(|word| answer.text.contains(word))
}

async fn refused_like_nothing(
    house: &House,
    entry: &Entry,
    (id, body): (&str, &str),
    (person, who): (&Person, &Visitor),
) {
    let place = format!("{} asks {}", person.login, entry.line);
    let real = entry.asked(house, (id, body), who).await;
    assert_strict(&real, &place);
    assert_eq!(real.status, 404, "{place}: {}", real.text);
    assert!(!tells(&real), "{place} and reads of it");
    if entry.names == Names::Nobody {
        return;
    }
    assert!(!real.text.contains(id), "{place}: the answer repeats what was asked");
    for absent in ABSENT {
        let answer = entry.asked(house, (absent, body), who).await;
        assert_eq!(answer.blanked(), real.blanked(), "{place}, or {absent}");
    }
}

/// What several roles may do is done by each of them, and what is absent is so for them too.
async fn whoever_may_cut_cuts(database: &TestDatabase) {
    let house = House::new(database).await;
    let visitors = visitors(&house).await;
    for entry in TABLE.iter().filter(|entry| entry.line.ends_with("/cut")) {
        for role in entry.roles {
            let who = &visitors[role.as_str()];
            let (id, body) = entry.made(&house, who).await;
            let absent = entry.asked(&house, (NOTHING, &body), who).await;
            assert_eq!(absent.status, 404, "{role}: {}", entry.line);
            let cut = entry.asked(&house, (&id, &body), who).await;
            assert_eq!(cut.status, entry.answer, "{role}: {}: {}", entry.line, cut.text);
        }
    }
}
both!(whoever_may_cut_cuts);

/// Under "do not interrupt" a question comes first, to whom may cut only.
async fn a_question_comes_before_a_cut_for_whom_may_cut(database: &TestDatabase) {
    let house = House::new(database).await;
    let id = house.made(Names::Held).await;
    let path = format!("/fr/interventions/{id}/cut");
    for (login, status) in
        [("administrator", 404), ("dpo", 404), ("elsewhere.on_call", 404), ("beneficiary.other", 404), ("on_call", 200)]
    {
        let member = house.sign_in(login).await;
        let before = house.settled().await;
        assert_eq!(member.send(&path, &[("reason", "essai")]).await.status, status, "{login}");
        assert_eq!(house.settled().await, before, "{login}: nothing is cut yet");
    }
    let beneficiary = house.sign_in("beneficiary").await;
    assert_eq!(beneficiary.send(&path, &[("reason", "essai"), ("sure", "1")]).await.status, 303);
}
both!(a_question_comes_before_a_cut_for_whom_may_cut);

/// A revocation is granted to whoever asks: nothing is revoked but his own.
async fn nobody_revokes_anothers_token(database: &TestDatabase) {
    let house = House::new(database).await;
    let token = house.token("dpo", &[TokenScope::RulesRead]).await;
    let dpo = house.sign_in("dpo").await;
    let means = dpo.get("/fr/means").await.text;
    let path = means.split("action=\"").find(|part| part.contains("/revoke\"")).unwrap().split('"').next().unwrap();
    let admin = house.sign_in("administrator").await;
    let absent = admin.send(&path.replace(path.split('/').nth(4).unwrap(), NOTHING), &[]).await;
    assert_eq!(admin.send(path, &[]).await.blanked(), absent.blanked());
    assert_eq!(house.call("GET /api/v1/rules", &token, "").await.status, 200);
    assert_eq!(dpo.send(path, &[]).await.header("location"), "/fr/means");
    assert_eq!(house.call("GET /api/v1/rules", &token, "").await.status, 401);
}
both!(nobody_revokes_anothers_token);

/// Everything that a browser may hold and that is no session of this door.
async fn cookies(house: &House) -> Vec<(&'static str, Option<String>)> {
    let left = house.sign_in("dpo").await;
    house.clock.advance(IDLE_SECONDS + 1);
    let gone = house.sign_in("on_call").await;
    assert_eq!(gone.send("/fr/session/end", &[]).await.status, 200);
    let own = house.sign_in("security_officer").await.cookie.unwrap();
    let (name, value) = own.split_once('=').unwrap();
    assert_eq!(name, "__Host-poterne-desk");
    let flipped = if value.ends_with('0') { "1" } else { "0" };
    let other = house.suppliers_session().await;
    vec![
        ("no cookie", None),
        ("a made-up session", Some(format!("{name}={NOTHING}{}", "0".repeat(64)))),
        ("a changed secret", Some(format!("{name}={}{flipped}", &value[..value.len() - 1]))),
        ("a session of the suppliers' door", Some(format!("{name}={other}"))),
        ("the suppliers' cookie", Some(format!("__Host-poterne-suppliers={other}"))),
        ("this door's session in the suppliers' cookie", Some(format!("__Host-poterne-suppliers={value}"))),
        ("the name without its prefix", Some(format!("poterne-desk={value}"))),
        ("a session that was ended", gone.cookie),
        ("a session left for too long", left.cookie),
    ]
}

async fn no_page_opens_without_a_session_of_this_door(database: &TestDatabase) {
    let house = House::new(database).await;
    let cookies = cookies(&house).await;
    let visitors = visitors(&house).await;
    for entry in TABLE.iter().filter(|entry| entry.asks() == Asks::Session) {
        let owner = &visitors[entry.owner()];
        let (id, body) = entry.made(&house, owner).await;
        let mut first: Option<Answer> = None;
        for (what, cookie) in &cookies {
            // The form's token and the interface's open no page.
            let visitor = Visitor { cookie: cookie.clone(), ..owner.clone() };
            for id in [id.as_str(), NOTHING] {
                let place = format!("{what}: {}", entry.line(id));
                let answer = entry.asked(&house, (id, &body), &visitor).await;
                assert_eq!(answer.status, 401, "{place}");
                assert_impersonal(&answer, &place);
                assert_strict(&answer, &place);
                let same = first.get_or_insert_with(|| answer.clone());
                assert_eq!(answer.blanked(), same.blanked(), "{place}: one answer for all");
            }
        }
        let own = entry.asked(&house, (&id, &body), owner).await;
        assert_eq!(own.status, entry.answer, "{}: nobody else did it: {}", entry.line, own.text);
    }
}
both!(no_page_opens_without_a_session_of_this_door);

/// Everything that a program may send and that is no token of this door, and from where it sends it.
async fn tokens(house: &House) -> Vec<(&'static str, Option<String>, [u8; 4])> {
    let (here, all) = (crate::people::ADDRESS, TokenScope::ALL);
    let revoked = house.token("administrator", all).await;
    let admin = house.sign_in("administrator").await;
    let means = admin.get("/fr/means").await.text;
    let mut actions = means.split("action=\"").filter_map(|part| part.split('"').next());
    let revoke = actions.find(|action| action.ends_with("/revoke")).unwrap();
    assert_eq!(admin.send(revoke, &[]).await.status, 303);
    let expired = house.token("administrator", all).await;
    house.clock.advance(TOKEN_SECONDS);
    let good = house.token("administrator", all).await;
    let flipped = if good.ends_with('0') { "1" } else { "0" };
    let bound = house.token_from("administrator", all, &["198.51.100.0/24", "192.0.2.128/25"]).await;
    let cookie = house.sign_in("administrator").await.cookie.unwrap();
    vec![
        ("no token", None, here),
        ("what is none", Some("Bearer pot_x".into()), here),
        ("another scheme", Some(good.replace("Bearer", "Basic")), here),
        ("a changed secret", Some(format!("{}{flipped}", &good[..good.len() - 1])), here),
        ("an expired token", Some(expired), here),
        ("a revoked token", Some(revoked), here),
        ("a token of the suppliers' door", Some(house.suppliers_token().await), here),
        ("a token shown from elsewhere", Some(bound.clone()), here),
        ("a token shown from farther", Some(bound), [203, 0, 113, 8]),
        ("a session's cookie", Some(format!("Bearer {}", cookie.split_once('=').unwrap().1)), here),
    ]
}

async fn the_interface_hears_only_tokens_of_this_door(database: &TestDatabase) {
    let house = House::new(database).await;
    let tokens = tokens(&house).await;
    let visitors = visitors(&house).await;
    for entry in TABLE.iter().filter(|entry| entry.asks() == Asks::Token) {
        let owner = &visitors[entry.owner()];
        let (id, body) = entry.made(&house, owner).await;
        let mut first: Option<Answer> = None;
        for (what, token, address) in &tokens {
            // A session's cookie goes with it, and is not heard.
            let visitor = Visitor { token: token.clone(), address: *address, ..owner.clone() };
            for id in [id.as_str(), NOTHING] {
                let place = format!("{what}: {}", entry.line(id));
                let answer = entry.asked(&house, (id, &body), &visitor).await;
                assert_eq!(answer.status, 401, "{place}");
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{place}");
                assert_impersonal(&answer, &place);
                assert_strict(&answer, &place);
                let same = first.get_or_insert_with(|| answer.clone());
                assert_eq!(answer.blanked(), same.blanked(), "{place}: one answer for all");
            }
        }
        let own = entry.asked(&house, (&id, &body), owner).await;
        assert_eq!(own.status, entry.answer, "{}: nobody else did it: {}", entry.line, own.text);
    }
}
both!(the_interface_hears_only_tokens_of_this_door);

/// Each form is taken from the session that it was served to, sent by our own page.
async fn each_form_is_taken_from_its_own_session_only(database: &TestDatabase) {
    let house = House::new(database).await;
    let visitors = visitors(&house).await;
    for entry in TABLE.iter().filter(|entry| !entry.is_read() && entry.asks() == Asks::Session) {
        let owner = &visitors[entry.owner()];
        let (id, body) = entry.made(&house, owner).await;
        let other = if entry.owner() == "dpo" { &visitors["on_call"] } else { &visitors["dpo"] };
        let before = house.settled().await;
        let (cookie, own) = (("cookie", owner.cookie.as_deref().unwrap()), owner.csrf.as_str());
        let whole = [form(&[("csrf", own)]), body.clone()].join("&");
        let elsewhere: [&[(&str, &str)]; 4] = [
            &[],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "https://bureau.hopital.example")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://localhost:8444")],
        ];
        for said in elsewhere {
            let headers = [&[cookie, crate::people::FORM][..], said].concat();
            let answer = house.ask(&entry.line(&id), &headers, whole.clone()).await;
            assert_eq!(answer.status, 403, "{} with {said:?}", entry.line);
            assert_impersonal(&answer, entry.line);
        }
        let headers = [cookie, crate::people::FORM, ("sec-fetch-site", "same-origin")];
        let tokens: [&[(&str, &str)]; 6] = [
            &[],
            &[("csrf", "")],
            &[("csrf", &other.csrf)],
            &[("csrf", &own.to_lowercase())],
            &[("CSRF", own)],
            &[("csrf", own), ("csrf", own)],
        ];
        for fields in tokens {
            let sent = [form(fields), body.clone()].join("&");
            let answer = house.ask(&entry.line(&id), &headers, sent).await;
            assert_eq!(answer.status, 400, "{} with {fields:?}", entry.line);
        }
        let large = [whole, format!("more={}", "b".repeat(64 * 1024))].join("&");
        assert_eq!(house.ask(&entry.line(&id), &headers, large).await.status, 413, "{}", entry.line);
        assert_eq!(house.settled().await, before, "{}: something was done", entry.line);
        let own = entry.asked(&house, (&id, &body), owner).await;
        assert_eq!(own.status, entry.answer, "{}: none of it was done before: {}", entry.line, own.text);
    }
}
both!(each_form_is_taken_from_its_own_session_only);
