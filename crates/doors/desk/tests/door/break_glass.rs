//! Break-glass accounts at the desk: two people draw two envelopes, which open one session; it rings until somebody else looked.

use crate::{
    house::House,
    people::{Answer, Member},
};
use store::testing::{TestDatabase, both};
use types::Event;

const LIST: &str = "/fr/accounts/break-glass";
const ENTRANCE: &str = "/fr/session/envelopes";
const WHY: &str = "Annuaire muet, Camille Durand, garde technique";

/// What a sheet holds, as it is printed.
fn code(sheet: &Answer) -> String {
    let (_, after) = sheet.text.split_once("<code class=\"secret code-large\"").unwrap();
    after.split(['>', '<']).nth(1).unwrap().to_owned()
}

/// The identifier of the account that a page names after these words.
fn after<'t>(text: &'t str, words: &str) -> &'t str {
    text.split_once(words).unwrap_or_else(|| panic!("{words}: {text}")).1.split(['"', '/']).next().unwrap()
}

/// Two sheets, each shown once to one of two people.
async fn drawn(house: &House) -> (String, [String; 2]) {
    let admin = house.sign_in("administrator").await;
    let one = admin.send(LIST, &[("name", "Secours nuit"), ("login", "Secours-Nuit"), ("role", "on_call")]).await;
    assert_eq!((one.status, one.header("cache-control")), (200, "no-store"), "{}", one.text);
    let page = admin.get(LIST).await.text;
    let account = page.split("action=\"/fr/accounts/").find(|part| part.contains("/envelopes")).unwrap();
    let account = account.split('/').next().unwrap().to_owned();
    assert!(!page.contains(&code(&one)) && !page.contains("envelopes/confirm"), "shown once; not by the same person");
    let envelopes = async |member: &Member<'_>| {
        let page = member.get(LIST).await.text;
        after(&page, "name=\"envelopes\" value=\"").to_owned()
    };
    let officer = house.sign_in("security_officer").await;
    let id = envelopes(&officer).await;
    let path = format!("/fr/accounts/{account}/envelopes/confirm");
    let same = admin.send(&path, &[("envelopes", &id)]).await;
    assert_eq!((same.status, same.header("location")), (303, "/fr/accounts/break-glass?problem=second-person"));
    let two = officer.send(&path, &[("envelopes", &id)]).await;
    assert_eq!(two.status, 200, "{}", two.text);
    for (sheet, number) in [(&one, "1 sur 2"), (&two, "2 sur 2")] {
        assert!(sheet.text.contains(number) && sheet.text.contains("secours-nuit"), "{}", sheet.text);
        assert!(sheet.text.contains("https://localhost:8445/fr/session/envelopes"), "{}", sheet.text);
        assert!(sheet.text.contains(&pair(&id)), "both bear the same pair: {}", sheet.text);
    }
    (account, [code(&one), code(&two)])
}

/// What both sheets of a pair bear.
fn pair(id: &str) -> String {
    format!("{}-{}", &id[..3], &id[3..6]).to_uppercase()
}

async fn a_page_sent_twice_makes_no_sealed_sheet_worthless(database: &TestDatabase) {
    let house = House::new(database).await;
    let (account, of_before) = drawn(&house).await;
    let admin = house.sign_in("administrator").await;
    let path = format!("/fr/accounts/{account}/envelopes");
    let one = admin.send(&path, &[("envelopes", "")]).await;
    assert_eq!(one.status, 200, "{}", one.text);
    let officer = house.sign_in("security_officer").await;
    let waits = after(&officer.get(LIST).await.text, "name=\"envelopes\" value=\"").to_owned();
    // The same form again, and one of a page that knows of another.
    for stale in ["", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "x"] {
        let again = admin.send(&path, &[("envelopes", stale)]).await;
        assert_eq!((again.status, again.header("location")), (303, "/fr/accounts/break-glass?problem=meanwhile"));
    }
    let two = officer.send(&format!("{path}/confirm"), &[("envelopes", &waits)]).await;
    assert!(two.status == 200 && two.text.contains(&pair(&waits)) && one.text.contains(&pair(&waits)));
    let refused = tried(&house, "secours-nuit", of_before.each_ref().map(String::as_str), WHY).await;
    assert_eq!(refused.status, 422, "those of before serve no more");
    let both = [code(&one), code(&two)];
    let opened = tried(&house, "secours-nuit", both.each_ref().map(String::as_str), WHY).await;
    assert_eq!(opened.status, 303, "{}", opened.text);
}
both!(a_page_sent_twice_makes_no_sealed_sheet_worthless);

/// Somebody at the entrance with both codes; gives the last answer.
async fn tried(house: &House, login: &str, [one, two]: [&str; 2], why: &str) -> Answer {
    let stranger = house.stranger();
    let first = stranger.send(ENTRANCE, &[("login", login), ("code", one)]).await;
    let Some(ceremony) = first.field("ceremony") else { return first };
    let fields = [("ceremony", ceremony.as_str()), ("code", two), ("reason", why)];
    stranger.send("/fr/session/envelopes/second", &fields).await
}

async fn signed_in<'h>(house: &'h House, opened: &Answer) -> Member<'h> {
    assert_eq!((opened.status, opened.header("location")), (303, "/fr/"), "{}", opened.text);
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    let mut member = Member { cookie: Some(cookie), ..house.stranger() };
    member.csrf = member.get("/fr/session").await.field("csrf").unwrap();
    member
}

async fn envelopes_open_ring_and_are_looked_at(database: &TestDatabase) {
    let house = House::new(database).await;
    let ready = "Aucun compte bris de glace";
    let admin = house.sign_in("administrator").await;
    assert!(admin.get("/fr/accounts").await.text.contains(ready), "a quiet remark");
    let (account, both) = drawn(&house).await;
    assert!(!admin.get("/fr/accounts").await.text.contains(ready));
    let link = admin.send(&format!("/fr/accounts/{account}/link"), &[("proof", "known")]).await;
    assert!(link.header("location").ends_with("?problem=by-envelopes"), "{}", link.header("location"));

    let [one, two] = both.each_ref().map(String::as_str);
    let night = signed_in(&house, &tried(&house, " Secours-Nuit", [&one.to_uppercase(), two], WHY).await).await;
    let banner = "Session bris de glace";
    for page in ["/fr/", "/fr/interventions", "/fr/sessions", "/fr/session"] {
        let page = night.get(page).await;
        assert!(
            page.status == 200 && page.text.contains(banner) && page.text.contains("Secours nuit"),
            "{}",
            page.text
        );
    }
    let own = night.get("/fr/session").await.text;
    assert!(!own.contains("/fr/account/password") && !own.contains("/fr/account/passkeys"), "{own}");
    assert!(!night.get("/fr/").await.text.contains("\"/fr/means\""));
    assert_eq!(night.get("/fr/means").await.status, 404);
    assert_eq!(night.get("/fr/session/again").await.status, 404);
    assert_eq!(night.get("/fr/accounts").await.status, 404, "what its role does not see");
    // It cuts.
    let session = house.made(crate::table::Names::Session).await;
    let cut = night.send(&format!("/fr/sessions/{session}/cut"), &[("reason", "fuite"), ("sure", "1")]).await;
    assert_eq!(cut.status, 303, "{}", cut.text);
    assert!(house.settled().await.contains(&Event::BreakGlass));

    // It rings at those who see alarms until somebody else has looked.
    for login in ["administrator", "security_officer"] {
        let home = house.sign_in(login).await.get("/fr/").await.text;
        assert!(home.contains("Une session bris de glace à examiner"), "{login}: {home}");
        assert!(!home.contains(banner), "{login}");
    }
    assert!(!house.sign_in("on_call").await.get("/fr/").await.text.contains("à examiner"));
    let officer = house.sign_in("security_officer").await;
    let home = officer.get("/fr/").await.text;
    let used = format!("{LIST}/uses/{}", after(&home, "/accounts/break-glass/uses/"));
    let page = officer.get(&used).await.text;
    assert!(page.contains("Camille Durand, garde technique") && page.contains("192.0.2."), "{page}");
    let short = officer.send(&used, &[("words", "ok")]).await;
    assert!(short.status == 422 && short.text.contains("10 à 500") && short.text.contains(">ok</textarea>"));
    let found = "Vanne <b>fermée</b>, rien d’autre";
    let done = officer.send(&used, &[("words", found)]).await;
    assert_eq!((done.status, done.header("location")), (303, LIST));
    assert!(!officer.get("/fr/").await.text.contains("à examiner"));
    let page = officer.get(&used).await.text;
    assert!(page.contains("Personne security_officer") && page.contains("Vanne &#60;b&#62;ferm"), "{page}");
    assert_eq!(officer.send(&used, &[("words", found)]).await.status, 422, "once");
    assert!(admin.get("/fr/accounts").await.text.contains(ready), "and others must be drawn");
}
both!(envelopes_open_ring_and_are_looked_at);

/// All of an answer but the minute that it would be printed at.
fn same(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let (status, headers, text) = answer.blanked();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("Page affichée")).collect();
    (status, headers, lines.join("\n"))
}

async fn a_slip_is_told_and_a_guess_is_told_nothing(database: &TestDatabase) {
    let house = House::new(database).await;
    let (_, both) = drawn(&house).await;
    let [one, two] = both.each_ref().map(String::as_str);
    let wrong: String =
        one.chars().enumerate().map(|(n, c)| if n == 7 { if c == 'a' { 'b' } else { 'a' } } else { c }).collect();
    let before = house.traces().len();
    // Whoever's the login is: a slip is told the same, and nothing is tried.
    for login in ["secours-nuit", "personne", "administrator"] {
        for (typed, said) in [
            (wrong.as_str(), "Le groupe 2 "),
            ("", "cinq groupes"),
            (two, "de l’autre enveloppe"),
            ("x", "cinq groupes"),
        ] {
            let answer = tried(&house, login, [typed, two], WHY).await;
            assert_eq!(answer.status, 422, "{login} {said}");
            assert!(answer.text.contains(said), "{login} {said}: {}", answer.text);
            assert!(!answer.text.contains(&wrong), "what was typed is not shown again");
        }
    }
    let second = tried(&house, "personne", [one, one], WHY).await;
    assert!(second.status == 422 && second.text.contains("de l’autre enveloppe") && second.text.contains(WHY));
    let second = tried(&house, "personne", [one, two], "court").await;
    assert!(second.status == 422 && second.text.contains("10 à 500"), "{}", second.text);
    assert_eq!(house.traces().len(), before, "no guess, no trace");
    // What is well written and wrong is answered alike, whoever's it is and whichever it is.
    let mut answers = Vec::new();
    let guess = identity::EnvelopeCode::draw(&[3; 20]);
    let [first, last] = [identity::Envelope::First, identity::Envelope::Second].map(|of| guess.printed(of));
    let (first, last) = (first.expose().as_str(), last.expose().as_str());
    for (login, codes) in
        [("secours-nuit", [one, last]), ("secours-nuit", [first, two]), ("personne", [one, two]), ("dpo", [one, two])]
    {
        house.clock.advance(400);
        answers.push((login, tried(&house, login, codes, WHY).await));
    }
    for (login, answer) in &answers {
        assert_eq!(answer.status, 422, "{login}");
        assert_eq!(same(answer), same(&answers[0].1), "{login}");
    }
    assert!(answers[0].1.text.contains("ne servent plus"), "{}", answers[0].1.text);
    house.clock.advance(400);
    let opened = tried(&house, "secours-nuit", [one, two], WHY).await;
    signed_in(&house, &opened).await;
    house.clock.advance(400);
    let again = tried(&house, "secours-nuit", [one, two], WHY).await;
    assert_eq!(same(&again), same(&answers[0].1), "spent is like wrong");
}
both!(a_slip_is_told_and_a_guess_is_told_nothing);

async fn envelopes_are_revoked_and_what_they_opened_ends(database: &TestDatabase) {
    let house = House::new(database).await;
    let (account, both) = drawn(&house).await;
    let [one, two] = both.each_ref().map(String::as_str);
    let night = signed_in(&house, &tried(&house, "secours-nuit", [one, two], WHY).await).await;
    let officer = house.sign_in("security_officer").await;
    let done = officer.send(&format!("/fr/accounts/{account}/envelopes/revoke"), &[]).await;
    assert_eq!((done.status, done.header("location")), (303, LIST));
    assert_eq!(night.get("/fr/sessions").await.status, 401);
    let admin = house.sign_in("administrator").await;
    for (fields, said) in [
        ([("name", ""), ("login", "autre"), ("role", "on_call")], "1 à 80"),
        ([("name", "Autre"), ("login", "secours-nuit"), ("role", "on_call")], "déjà"),
        ([("name", "Autre"), ("login", "autre"), ("role", "administrator")], "id=\"role-wrong\""),
        ([("name", "Autre"), ("login", "autre"), ("role", "x")], "id=\"role-wrong\""),
    ] {
        let wrong = admin.send(LIST, &fields).await;
        assert!(wrong.status == 422 && wrong.text.contains(said), "{said}: {}", wrong.text);
    }
}
both!(envelopes_are_revoked_and_what_they_opened_ends);
