//! What people see.

use crate::house::House;
use store::testing::{TestDatabase, both};

async fn the_door_speaks_with_its_own_words(database: &TestDatabase) {
    let house = House::new(database).await;
    for (lang, title, button) in [("fr", "Accès du personnel", "Se connecter"), ("en", "Staff entrance", "Sign in")] {
        let welcome = house.get(&format!("/{lang}/"), None).await;
        assert_eq!(welcome.status, 200);
        assert!(welcome.text.contains(&format!("<h1>{title}</h1>")) && welcome.text.contains(button));
        assert!(welcome.text.contains("Groupe hospitalier") && !welcome.text.contains("class=\"side\""));
        // An attempt that does not pass shows the same words.
        let failed = house.post(&format!("/{lang}/session/code"), None, "ceremony=x&code=1".into()).await;
        assert_eq!(failed.status, 400);
        assert!(failed.text.contains(title));
    }
    let (cookie, csrf) = house.sign_in().await;
    assert!(cookie.starts_with("__Host-poterne-desk="));
    let out = house.post("/fr/session/end", Some(&cookie), format!("csrf={csrf}")).await;
    assert_eq!(out.status, 200);
    assert!(!out.text.contains("Marchetti") && !out.text.contains("class=\"side\""));
    assert_eq!(house.get("/fr/session", Some(&cookie)).await.status, 401);
}
both!(the_door_speaks_with_its_own_words);

async fn a_member_sees_where_he_is(database: &TestDatabase) {
    let house = House::new(database).await;
    let (cookie, _) = house.sign_in().await;
    for (path, status, current) in [
        ("/fr/", 200, Some("href=\"/fr/\" aria-current=\"page\"")),
        ("/fr/notes?page=2", 200, Some("href=\"/fr/notes\" aria-current=\"page\"")),
        ("/fr/session", 200, None),
        ("/fr/absent", 404, None),
        ("/fr/a/b/c", 404, None),
    ] {
        let page = house.get(path, Some(&cookie)).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.text.contains("class=\"side\" aria-label=\"Où aller\""), "{path}");
        assert_eq!(page.text.matches("aria-current").count(), usize::from(current.is_some()), "{path}");
        assert!(current.is_none_or(|current| page.text.contains(current)), "{path}: {}", page.text);
        assert!(page.text.contains("Hôpital de Valombre") && !page.text.contains("/a/b/c"), "{path}");
    }
    assert!(house.get("/fr/", Some(&cookie)).await.text.contains(", 3 en attente"));
    // A stranger is told of no place.
    for path in ["/fr/", "/fr/session", "/fr/absent", "/xx/"] {
        assert!(!house.get(path, None).await.text.contains("class=\"side\""), "{path}");
    }
}
both!(a_member_sees_where_he_is);

async fn a_form_is_taken_from_its_session_only(database: &TestDatabase) {
    let house = House::new(database).await;
    let (cookie, csrf) = house.sign_in().await;
    let other = "A".repeat(43);
    for (cookie, body, status) in [
        (Some(&cookie), format!("csrf={csrf}&text=ab&times=2"), 200),
        (Some(&cookie), format!("text=ab&times=2&csrf={csrf}"), 200),
        (None, format!("csrf={csrf}&text=ab&times=2"), 401),
        (Some(&cookie), "text=ab&times=2".to_owned(), 400),
        (Some(&cookie), format!("csrf={other}&text=ab&times=2"), 400),
        (Some(&cookie), format!("csrf={csrf}&csrf={csrf}&text=ab&times=2"), 400),
        (Some(&cookie), format!("csrf={csrf}&text=ab&times=two"), 400),
        (Some(&cookie), format!("csrf={csrf}&text={}&times=1", "x".repeat(20_000)), 413),
        (Some(&cookie), String::new(), 400),
    ] {
        let answer = house.post("/fr/notes", cookie.map(String::as_str), body.clone()).await;
        assert_eq!(answer.status, status, "{}: {}", body.chars().take(80).collect::<String>(), answer.text);
        assert_eq!(answer.text == "Odile Marchetti abab", status == 200);
    }
    let old = house.post("/fr/notes", Some(&cookie), format!("csrf={other}&text=a&times=1")).await;
    assert!(old.text.contains("Ce formulaire est trop ancien"));
    let unread = house.post("/fr/notes", Some(&cookie), format!("csrf={csrf}&text=a")).await;
    assert!(unread.text.contains("Cette demande n’est pas comprise"));
    let rights = house.post("/fr/rights", Some(&cookie), format!("csrf={csrf}&right=shell&x=y&right=exec")).await;
    assert_eq!(rights.text, "shellexec");
    let foreign = [("cookie", cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let foreign = house.ask("POST /fr/notes", &foreign, format!("csrf={csrf}&text=a&times=1")).await;
    assert_eq!(foreign.status, 403);
}
both!(a_form_is_taken_from_its_session_only);

async fn a_broken_invariant_closes_the_session(database: &TestDatabase) {
    let house = House::new(database).await;
    let (cookie, _) = house.sign_in().await;
    for (path, status) in [("/fr/withheld", 503), ("/fr/ended", 401), ("/fr/other", 404)] {
        let page = house.get(path, Some(&cookie)).await;
        assert_eq!(page.status, status, "{path}");
        assert!(!page.text.contains("secret cause") && page.headers.get("set-cookie").is_none());
    }
    assert_eq!(house.get("/fr/session", Some(&cookie)).await.status, 200, "it lives");
    let fault = house.get("/fr/fault", Some(&cookie)).await;
    assert_eq!(fault.status, 500);
    assert!(!fault.text.contains("secret cause") && !fault.text.contains("Marchetti"));
    assert!(fault.header("set-cookie").contains("Max-Age=0") && fault.header("clear-site-data").contains("cookies"));
    assert_eq!(house.get("/fr/session", Some(&cookie)).await.status, 401, "it is closed");
}
both!(a_broken_invariant_closes_the_session);
