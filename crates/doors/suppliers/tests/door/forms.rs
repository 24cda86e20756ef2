//! What changes something is sent by a form of the door's own pages, from the very session that it was served to.

use crate::{
    house::House,
    people::{FORM, Member, form},
    routes::{assert_impersonal, assert_strict},
    table::{Entry, OWNER, TABLE, Visitor},
};
use store::testing::{TestDatabase, both};
use suppliers::Asks;

async fn each_form_is_taken_from_its_own_session_only(database: &TestDatabase) {
    let house = House::new(database).await;
    let owner = house.visitor(OWNER).await;
    let other = house.sign_in("lise.maillard").await;
    let forms = TABLE.iter().filter(|entry| entry.line.starts_with("POST ") && entry.asks() == Asks::Session);
    for entry in forms {
        assert!(entry.is_form(), "{} changes something, and is asked for by no form", entry.line);
        let id = house.made(entry.names).await;
        from_elsewhere(&house, entry, &id, &owner).await;
        without_its_token(&house, (entry, &id), &owner, &other).await;
        let own = entry.asked(&house, &id, &owner).await;
        assert_eq!(own.status, entry.answer, "{}: none of it was done before: {}", entry.line, own.text);
    }
    // None of what was refused ended her session.
    let member = Member { house: &house, cookie: owner.cookie.clone(), csrf: owner.csrf.clone() };
    assert_eq!(member.get("/fr/session").await.status, 200);
}
both!(each_form_is_taken_from_its_own_session_only);

/// Her own form, her own cookie, and a browser that does not say that one of our pages sends it.
async fn from_elsewhere(house: &House, entry: &Entry, id: &str, owner: &Visitor<'_>) {
    let body = [form(&[("csrf", &owner.csrf)]), (entry.sends)(house, owner.login)].join("&");
    let cookie = ("cookie", owner.cookie.as_deref().unwrap());
    let elsewhere: [&[(&str, &str)]; 5] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://bureau.hopital.example")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://localhost:8445")],
        &[("origin", "https://localhost:8445")],
    ];
    for said in elsewhere {
        let headers = [&[cookie, FORM][..], said].concat();
        let before = house.done();
        let answer = house.ask(&entry.line(id), &headers, body.clone()).await;
        let place = format!("{} with {said:?}", entry.line);
        assert_eq!(answer.status, 403, "{place}");
        assert_impersonal(&answer, &place);
        assert_strict(&answer, &place);
        assert_eq!(house.done(), before, "{place}");
    }
}

/// From our own page as the browser says, and without what the form was served with.
async fn without_its_token(house: &House, (entry, id): (&Entry, &str), owner: &Visitor<'_>, other: &Member<'_>) {
    let member = Member { house, cookie: owner.cookie.clone(), csrf: String::new() };
    let sends = (entry.sends)(house, owner.login);
    let own = owner.csrf.as_str();
    let wrong = [
        sends.clone(),
        [form(&[("csrf", "")]), sends.clone()].join("&"),
        [form(&[("csrf", &other.csrf)]), sends.clone()].join("&"),
        [form(&[("csrf", &own.to_lowercase())]), sends.clone()].join("&"),
        [form(&[("CSRF", own)]), sends.clone()].join("&"),
        [form(&[("csrf", own), ("csrf", own)]), sends.clone()].join("&"),
    ];
    let line = entry.line(id);
    let path = line.strip_prefix("POST ").unwrap();
    let before = house.done();
    for body in wrong {
        let answer = member.post(path, body.clone()).await;
        assert_eq!(answer.status, 400, "{line} with {body}");
        assert_strict(&answer, &line);
    }
    let large = [form(&[("csrf", own), ("more", &"b".repeat(64 * 1024))]), sends].join("&");
    assert_eq!(member.post(path, large).await.status, 413, "{line}");
    assert_eq!(house.done(), before, "{line}: something was done");
}

async fn a_form_that_says_nothing_does_nothing(database: &TestDatabase) {
    let house = House::new(database).await;
    let owner = house.visitor(OWNER).await;
    let member = Member { house: &house, cookie: owner.cookie.clone(), csrf: owner.csrf.clone() };
    for (path, status) in
        [("interventions", 422), ("means/keys", 422), ("means/tokens", 422), ("means/keys/remove", 303)]
    {
        let answer = member.send(&format!("/fr/{path}"), &[]).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let means = member.get("/fr/means").await.text;
    assert!(means.matches("class=\"hash\"").count() == 1, "her key is still there");
    assert!(member.get("/fr/interventions").await.text.contains("Aucune intervention ici."));
}
both!(a_form_that_says_nothing_does_nothing);
