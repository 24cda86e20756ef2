//! Sessions as the browser lives them: opened, kept, ended; and how long a guesser waits.

use crate::{
    house::{ABSOLUTE_SECONDS, House, IDLE_SECONDS},
    visitor::Member,
};
use axum::http::{StatusCode, header};
use journal::{Kind, Outcome};
use store::testing::{TestDatabase, both};
use types::Event;

async fn is_open(who: &Member<'_>) -> bool {
    let status = who.get("/fr/session").await.status;
    assert!(status == StatusCode::OK || status == StatusCode::UNAUTHORIZED, "{status}");
    status == StatusCode::OK
}

/// The renewal is written by a task of its own.
async fn renewed(house: &House, before: u64) {
    let done = |traces: &[journal::Trace]| {
        traces.iter().any(|it| it.event == Event::SessionRenewed && it.outcome == Some(Outcome::Done))
    };
    house.traces_once(before, done).await;
}

async fn a_session_left_alone_ends(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let yann = house.patient("yann.legoff").await;
    house.clock.advance(IDLE_SECONDS - 1);
    let before = house.journal.entries();
    assert!(is_open(&camille).await, "the last second");
    renewed(&house, before).await;
    house.clock.advance(1);
    assert!(!is_open(&yann).await, "left alone");
    assert!(is_open(&camille).await, "activity prolonged it");
    house.clock.advance(IDLE_SECONDS);
    assert!(!is_open(&camille).await);
}
both!(a_session_left_alone_ends);

async fn no_activity_prolongs_a_session_past_its_end(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let mut lived = 0;
    while lived + 600 < ABSOLUTE_SECONDS {
        house.clock.advance(600);
        lived += 600;
        let before = house.journal.entries();
        assert!(is_open(&camille).await, "after {lived} s");
        renewed(&house, before).await;
    }
    house.clock.advance(ABSOLUTE_SECONDS - lived - 1);
    assert!(is_open(&camille).await, "the last second");
    house.clock.advance(1);
    assert!(!is_open(&camille).await, "its end");
    house.clock.advance(1);
    let before = house.journal.entries();
    house.signin.purge().await.unwrap();
    let purged = house.traces_since(before);
    assert!(purged.iter().all(|it| it.event == Event::SessionsPurged) && purged.len() == 2, "{purged:#?}");
}
both!(no_activity_prolongs_a_session_past_its_end);

async fn signing_out_ends_it_for_good(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let before = house.journal.entries();
    let out = camille.post("/fr/session/end", &[("csrf", &camille.csrf)]).await;
    assert_eq!(out.status, StatusCode::OK);
    let set: Vec<_> = out.headers.get_all(header::SET_COOKIE).iter().collect();
    assert_eq!(set.len(), 1);
    assert!(
        set[0].to_str().unwrap().starts_with("__Host-poterne-portal=; ")
            && out.header("set-cookie").contains("Max-Age=0")
    );
    assert!(out.header("clear-site-data").contains("\"cache\""));
    assert!(!out.text().contains("Durand"));
    assert!(!is_open(&camille).await, "at once");
    let ended =
        |traces: &[journal::Trace]| traces.iter().any(|it| it.event == Event::SignOut && it.kind == Kind::Outcome);
    house.traces_once(before, ended).await;
    assert!(!is_open(&camille).await, "and once its record is gone");
    // Again, or by somebody who never was in: the browser is cleared, nothing else.
    assert_eq!(camille.post("/fr/session/end", &[("csrf", &camille.csrf)]).await.status, StatusCode::OK);
    assert_eq!(house.anonymous(1).post("/fr/session/end", &[]).await.status, StatusCode::OK);
}
both!(signing_out_ends_it_for_good);

async fn signing_out_does_not_wait_for_the_journal(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    house.journal.clone().close().await.unwrap();
    assert!(is_open(&camille).await);
    let out = camille.post("/fr/session/end", &[("csrf", &camille.csrf)]).await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert!(!is_open(&camille).await, "it holds though nothing could be written");
}
both!(signing_out_does_not_wait_for_the_journal);

async fn signing_out_does_not_wait_for_the_database(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    house.store.close().await;
    let before = house.journal.entries();
    let out = camille.post("/fr/session/end", &[("csrf", &camille.csrf)]).await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    // A revocation is known before the database is asked; the journal has it too.
    assert!(!is_open(&camille).await, "it holds though nothing could be read");
    let noted = |traces: &[journal::Trace]| traces.iter().any(|it| it.event == Event::SignOut && it.kind == Kind::Note);
    house.traces_once(before, noted).await;
}
both!(signing_out_does_not_wait_for_the_database);

async fn nobody_signs_another_out(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let yann = house.patient("yann.legoff").await;
    house.store.close().await;
    // Yann's form with Camille's session, and the reverse: the token proves whose page the form stood on.
    for (cookie, csrf) in [(&camille.cookie, &yann.csrf), (&yann.cookie, &camille.csrf)] {
        let answer = camille.with_cookie(cookie.as_deref()).post("/fr/session/end", &[("csrf", csrf)]).await;
        assert_ne!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("clear-site-data"), "");
    }
    for who in [&camille, &yann] {
        assert_eq!(who.get("/fr/session").await.status, StatusCode::SERVICE_UNAVAILABLE, "unknown, not ended");
    }
}
both!(nobody_signs_another_out);

async fn the_sign_in_before_is_shown(database: &TestDatabase) {
    let house = House::new(database).await;
    let first = house.patient("camille.durand").await;
    assert!(!first.get("/fr/session").await.text().contains("198.51.100.77"));
    house.clock.advance(3600);
    let account = house.account("camille.durand");
    let mut elsewhere = house.anonymous(77);
    let opened = elsewhere.try_sign_in("camille.durand", &account.password, &house.code("camille.durand")).await;
    elsewhere.cookie = opened.cookie();
    for path in ["/fr/", "/en/", "/fr/session"] {
        let page = elsewhere.get(path).await.text();
        assert!(page.contains("192.0.2.1"), "{path} names where the sign-in before came from");
    }
    house.clock.advance(3600);
    let third = house.patient("camille.durand").await;
    assert!(third.get("/fr/").await.text().contains("198.51.100.77"), "one that may not have been hers");
}
both!(the_sign_in_before_is_shown);

async fn a_session_is_never_one_that_was_brought_along(database: &TestDatabase) {
    let house = House::new(database).await;
    let yann = house.patient("yann.legoff").await;
    let account = house.account("camille.durand");
    let planted = format!("__Host-poterne-portal={}{}", "a".repeat(26), "0".repeat(64));
    for cookie in [planted, yann.cookie.clone().unwrap()] {
        house.clock.advance(30);
        let mut visitor = house.anonymous(5);
        let welcome = visitor.get("/fr/").await;
        visitor.cookie = Some(cookie.clone());
        let fields = [("login", "camille.durand"), ("password", account.password.as_str())];
        let first = visitor.post(&welcome.action_of("password"), &fields).await;
        let ceremony = first.field("ceremony").unwrap();
        let code = house.code("camille.durand");
        let opened = visitor.post("/fr/session/code", &[("ceremony", &ceremony), ("code", &code)]).await;
        assert_eq!(opened.status, StatusCode::SEE_OTHER);
        let set = opened.header("set-cookie");
        for word in ["__Host-poterne-portal=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
            assert!(set.contains(word), "{set}");
        }
        assert!(!set.contains("Domain") && !set.contains("Max-Age") && !set.contains("Expires"), "{set}");
        let given = opened.cookie().unwrap();
        assert_ne!(given, cookie);
        assert_ne!(given.split_at(48).0, cookie.split_at(48).0, "a new identifier");
        visitor.cookie = Some(cookie);
        assert!(!visitor.get("/fr/session").await.text().contains("Camille"), "what was brought along is not hers");
    }
    assert!(yann.get("/fr/session").await.text().contains("Yann"));
}
both!(a_session_is_never_one_that_was_brought_along);

async fn a_ceremony_stays_where_and_when_it_began(database: &TestDatabase) {
    let house = House::new(database).await;
    let account = house.account("camille.durand");
    let (here, elsewhere) = (house.anonymous(5), house.anonymous(6));
    let fields = [("login", "camille.durand"), ("password", account.password.as_str())];
    let first = here.post("/fr/session", &fields).await;
    let ceremony = first.field("ceremony").unwrap();
    let code = house.code("camille.durand");
    let moved = elsewhere.post("/fr/session/code", &[("ceremony", &ceremony), ("code", &code)]).await;
    assert_eq!((moved.status, moved.cookie()), (StatusCode::BAD_REQUEST, None));
    house.clock.advance(300);
    let code = house.code("camille.durand");
    let late = here.post("/fr/session/code", &[("ceremony", &ceremony), ("code", &code)]).await;
    assert_eq!((late.status, late.cookie()), (StatusCode::BAD_REQUEST, None));
    for bad in ["", "x", "é", &"A".repeat(10_000), &ceremony[1..], &ceremony.to_uppercase()] {
        let answer = here.post("/fr/session/code", &[("ceremony", bad), ("code", &code)]).await;
        assert_eq!((answer.status, answer.cookie()), (StatusCode::BAD_REQUEST, None), "{bad}");
    }
}
both!(a_ceremony_stays_where_and_when_it_began);

async fn a_code_serves_once(database: &TestDatabase) {
    let house = House::new(database).await;
    let account = house.account("camille.durand");
    let code = house.code("camille.durand");
    let first = house.anonymous(5).try_sign_in("camille.durand", &account.password, &code).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let replayed = house.anonymous(6).try_sign_in("camille.durand", &account.password, &code).await;
    assert_eq!((replayed.status, replayed.cookie()), (StatusCode::UNPROCESSABLE_ENTITY, None));
    house.clock.advance(30);
    let old = house.anonymous(7).try_sign_in("camille.durand", &account.password, &code).await;
    assert_eq!((old.status, old.cookie()), (StatusCode::UNPROCESSABLE_ENTITY, None), "nor within the next step");
    let code = house.code("camille.durand");
    let next = house.anonymous(8).try_sign_in("camille.durand", &account.password, &code).await;
    assert_eq!(next.status, StatusCode::SEE_OTHER);
}
both!(a_code_serves_once);

/// Unknown login, wrong password, wrong code: the same pages, to the byte.
async fn a_refusal_tells_nothing(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.account("camille.durand");
    let good = house.code("camille.durand");
    let attempts = [
        ("camille.durand", "une autre phrase de passe", good.as_str()),
        ("camille.durand", camille.password.as_str(), "000000"),
        ("nobody.knows", camille.password.as_str(), good.as_str()),
        ("", "", ""),
        ("camille.durand", "", "abcdef"),
    ];
    let mut firsts = Vec::new();
    let mut seconds = Vec::new();
    for (n, (login, password, code)) in (10..).zip(attempts) {
        let visitor = house.anonymous(n);
        let first = visitor.post("/fr/session", &[("login", login), ("password", password)]).await;
        assert_eq!(first.status, StatusCode::OK);
        let ceremony = first.field("ceremony").unwrap();
        firsts.push((first.frame(), first.text().replace(&ceremony, &"-".repeat(ceremony.len()))));
        let second = visitor.post("/fr/session/code", &[("ceremony", &ceremony), ("code", code)]).await;
        assert_eq!((second.status, second.cookie()), (StatusCode::UNPROCESSABLE_ENTITY, None), "{login}");
        seconds.push((second.frame(), second.text()));
    }
    assert!(firsts.iter().all(|page| *page == firsts[0]), "the first step tells them apart");
    assert!(seconds.iter().all(|page| *page == seconds[0]), "the second step tells them apart");
}
both!(a_refusal_tells_nothing);

async fn the_guesser_waits_longer_and_longer_and_nobody_else_does(database: &TestDatabase) {
    let house = House::new(database).await;
    let guesser = house.anonymous(66);
    for (n, wait) in (0_i64..).zip([2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
        let wrong = guesser.try_sign_in("camille.durand", "un essai parmi d’autres", "000000").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "attempt {n}");
        let early = guesser.try_sign_in("camille.durand", "un essai parmi d’autres", "000000").await;
        assert_eq!(
            (early.status, early.header("retry-after")),
            (StatusCode::TOO_MANY_REQUESTS, wait.to_string().as_str())
        );
        house.clock.advance(wait - 1);
        let early = guesser.try_sign_in("camille.durand", "un essai parmi d’autres", "000000").await;
        assert_eq!((early.status, early.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
        house.clock.advance(1);
    }
    guesser.try_sign_in("camille.durand", "un essai parmi d’autres", "000000").await;
    // Somebody else behind the same address, and she herself at hers, come in at once.
    let yann = house.account("yann.legoff");
    let shared = guesser.try_sign_in("yann.legoff", &yann.password, &house.code("yann.legoff")).await;
    assert_eq!(shared.status, StatusCode::SEE_OTHER, "another login from the same address");
    house.patient("camille.durand").await;
    // The owner who shares the guesser's address waits his turn, and comes in: nothing locks for good.
    let camille = house.account("camille.durand");
    house.clock.advance(300);
    let owner = guesser.try_sign_in("camille.durand", &camille.password, &house.code("camille.durand")).await;
    assert_eq!(owner.status, StatusCode::SEE_OTHER);
    // And what was counted against the pair is forgotten.
    let wrong = guesser.try_sign_in("camille.durand", "un essai parmi d’autres", "000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let early = guesser.try_sign_in("camille.durand", "un essai parmi d’autres", "000000").await;
    assert_eq!(early.header("retry-after"), "2");
}
both!(the_guesser_waits_longer_and_longer_and_nobody_else_does);

async fn one_address_that_tries_everybody_is_slowed_as_a_whole(database: &TestDatabase) {
    let house = House::new(database).await;
    let guesser = house.anonymous(66);
    for n in 0..31 {
        // Not more first steps in a minute than the pace allows.
        house.clock.advance(5);
        let wrong = guesser.try_sign_in(&format!("essai.{n}"), "un essai parmi d’autres", "000000").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
    }
    let next = guesser.try_sign_in("essai.suivant", "un essai parmi d’autres", "000000").await;
    assert_eq!((next.status, next.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "2"));
    house.patient("camille.durand").await;
    let yann = house.account("yann.legoff");
    house.clock.advance(2);
    let owner = guesser.try_sign_in("yann.legoff", &yann.password, &house.code("yann.legoff")).await;
    assert_eq!(owner.status, StatusCode::SEE_OTHER, "an owner at that address waits, and comes in");
}
both!(one_address_that_tries_everybody_is_slowed_as_a_whole);

async fn an_owner_at_his_usual_address_does_not_pay_for_his_neighbors(database: &TestDatabase) {
    let house = House::new(database).await;
    let shared = house.anonymous(66);
    let camille = house.account("camille.durand");
    let first = shared.try_sign_in("camille.durand", &camille.password, &house.code("camille.durand")).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    for n in 0..31 {
        house.clock.advance(5);
        let wrong = shared.try_sign_in(&format!("essai.{n}"), "un essai parmi d’autres", "000000").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
    }
    let yann = house.account("yann.legoff");
    let newcomer = shared.try_sign_in("yann.legoff", &yann.password, &house.code("yann.legoff")).await;
    assert_eq!(newcomer.status, StatusCode::TOO_MANY_REQUESTS, "never seen at this address");
    let owner = shared.try_sign_in("camille.durand", &camille.password, &house.code("camille.durand")).await;
    assert_eq!(owner.status, StatusCode::SEE_OTHER, "she signed in from here before");
}
both!(an_owner_at_his_usual_address_does_not_pay_for_his_neighbors);

async fn a_session_left_open_adds_no_passkey(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let add = async || {
        let fields =
            [("csrf", camille.csrf.as_str()), ("label", "x"), ("client_data_json", ""), ("attestation_object", "")];
        camille.post("/fr/account/passkeys", &fields).await
    };
    let allow = async || camille.post("/fr/account/passkeys/AAAA/allow", &[("csrf", &camille.csrf)]).await;
    // This house has none: whoever has just signed in is told so.
    assert_eq!((add().await.status, allow().await.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    house.clock.advance(601);
    for answer in [add().await, allow().await] {
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, "/fr/session/again?then=account")
        );
    }
}
both!(a_session_left_open_adds_no_passkey);
