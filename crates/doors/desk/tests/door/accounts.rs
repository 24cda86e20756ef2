//! The life of accounts at the desk: opened by a link that is shown once, suspended, reopened, closed, looked at again.

use crate::{
    HERE,
    house::House,
    people::{Answer, Member},
    sends::invitation,
    table::NOTHING,
};
use identity::TotpSecret;
use signin::NewAccount;
use store::testing::{TestDatabase, both};
use types::{AccountId, Event, Role, Secret};

/// The link's address, where the page shows one.
fn link(answer: &Answer) -> Option<String> {
    let (_, after) = answer.text.split_once("<code class=\"secret\"")?;
    Some(after.split(['>', '<']).nth(1).unwrap().to_owned())
}

/// The account that a page leads to.
fn sheet(answer: &Answer) -> String {
    let (_, after) = answer.text.split_once("href=\"/fr/accounts/").unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// Opens an account; gives its identifier and the link's address.
async fn invited(by: &Member<'_>, login: &str, role: &str) -> (String, String) {
    let (path, fields) = ("/fr/accounts", invitation(login, role));
    let decides = ["administrator", "security_officer", "trace_controller", "beneficiary"].contains(&role);
    let answer = if decides { by.sign(path, &fields).await } else { by.send(path, &fields).await };
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text);
    let address = link(&answer).unwrap();
    let places: Vec<&str> =
        answer.text.match_indices("href=\"/fr/accounts/").map(|(at, _)| &answer.text[at..]).collect();
    assert_eq!(places.len(), 1);
    (sheet(&answer), address)
}

/// The link that an account's page shows, as its forms name it.
fn shown_link(page: &str) -> String {
    page.split_once("name=\"link\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

async fn put(by: &Member<'_>, account: &str, to: &str, reason: &str) -> Answer {
    by.send(&format!("/fr/accounts/{account}/state/{to}"), &[("reason", reason)]).await
}

async fn a_link_is_shown_once(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let (id, address) = invited(&admin, "Camille.Durand", "on_call").await;
    let secret = address.strip_prefix("https://localhost:8445/fr/link/").unwrap();
    assert_eq!(secret.len(), 43);
    let opened =
        async |address: &str| house.stranger().get(address.strip_prefix("https://localhost:8445").unwrap()).await;
    let welcome = opened(&address).await;
    assert!(welcome.status == 200 && welcome.text.contains("Camille Durand"), "it leads to its own page");
    for path in [format!("/fr/accounts/{id}"), "/fr/accounts".into(), "/fr/accounts?q=durand+CAMILLE".into()] {
        let page = admin.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("Camille Durand") && page.text.contains("camille.durand"), "{path}");
        assert!(!page.text.contains(secret), "{path}");
    }
    let nobody = admin.get("/fr/accounts?q=durand+x").await;
    assert!(!nobody.text.contains("Camille Durand") && nobody.text.contains("class=\"empty"), "{}", nobody.text);
    let page = admin.get(&format!("/fr/accounts/{id}")).await.text;
    assert!(page.contains(&id) && page.contains("/link/withdraw\"") && !page.contains("/link/confirm\""));
    // A new one takes its place, at the door of its role.
    let again = admin.send(&format!("/fr/accounts/{id}/link"), &[("proof", "known")]).await;
    let renewed = link(&again).unwrap();
    assert_eq!(
        (opened(&address).await.status, opened(&renewed).await.status),
        (404, 200),
        "the one before serves no more"
    );
    let bare = admin.send(&format!("/fr/accounts/{id}/link"), &[("proof", "")]).await;
    assert_eq!(bare.header("location"), format!("/fr/accounts/{id}?problem=proof"));
    let page = admin.get(&format!("/fr/accounts/{id}")).await.text;
    let seen = shown_link(&page);
    let withdraw = async || admin.send(&format!("/fr/accounts/{id}/link/withdraw"), &[("link", &seen)]).await;
    assert_eq!(withdraw().await.header("location"), format!("/fr/accounts/{id}"));
    assert_eq!(opened(&renewed).await.status, 404, "withdrawn");
    assert_eq!(withdraw().await.header("location"), format!("/fr/accounts/{id}?problem=no-link"));
    let auditor = invited(&admin, "audit", "auditor").await.1;
    assert!(auditor.starts_with("https://localhost:8444/fr/link/"), "{auditor}");
    let done = house.done();
    assert!(done.contains(&Event::AccountCreated) && done.contains(&Event::LinkDrawn));
    assert!(!house.traces().iter().any(|trace| format!("{trace:?}").contains(secret)), "nor in the journal");
}
both!(a_link_is_shown_once);

async fn an_address_is_asked_for_shown_and_changed(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let with = |login, role, mail| {
        let mut fields = invitation(login, role);
        fields.iter_mut().filter(|(name, _)| *name == "mail").for_each(|one| one.1 = mail);
        fields
    };
    assert!(admin.get("/fr/accounts/new").await.text.contains("name=\"mail\""));
    let mine = "camille.durand@hopital.example";
    let opened = admin.send("/fr/accounts", &with("camille.durand", "on_call", mine)).await;
    assert!(opened.status == 200 && opened.text.contains("part aussi par courriel"), "{}", opened.text);
    let id = sheet(&opened);
    let page = async |id: &str| admin.get(&format!("/fr/accounts/{id}")).await.text;
    let shown = page(&id).await;
    assert!(shown.contains(mine) && shown.contains("/address\"") && shown.matches("name=\"mail\"").count() == 1);
    let put = async |id: &str, mail: &str| {
        admin.send(&format!("/fr/accounts/{id}/address"), &[("mail", mail)]).await.header("location").to_owned()
    };
    assert_eq!(put(&id, "a@b.example, c@d.example").await, format!("/fr/accounts/{id}?problem=address"));
    assert_eq!(put(&id, "autre@hopital.example").await, format!("/fr/accounts/{id}"));
    assert!(page(&id).await.contains("autre@hopital.example") && !page(&id).await.contains(mine));
    assert!(house.done().contains(&Event::AddressChanged));
    assert!(!house.traces().iter().any(|trace| format!("{trace:?}").contains("hopital.example")), "nor in the journal");
    // Whoever decides over others: with a link, and whoever confirms it sees the new address.
    let opened = admin.sign("/fr/accounts", &with("agnes", "security_officer", "")).await;
    assert!(!opened.text.contains("part aussi par courriel"), "it has no address");
    let id = sheet(&opened);
    assert_eq!(put(&id, mine).await, format!("/fr/accounts/{id}?problem=address-by-link"));
    assert!(page(&id).await.contains("name=\"mail\"") && !page(&id).await.contains("/address\""));
    let draw = [("proof", "known"), ("mail", "a@b")];
    let wrong = admin.send(&format!("/fr/accounts/{id}/link"), &draw).await;
    assert_eq!(wrong.header("location"), format!("/fr/accounts/{id}?problem=address"));
    let drawn = admin.sign(&format!("/fr/accounts/{id}/link"), &[("proof", "known"), ("mail", mine)]).await;
    assert!(drawn.text.contains("part aussi par courriel"));
    let officer = house.sign_in("security_officer").await;
    assert!(officer.get(&format!("/fr/accounts/{id}")).await.text.contains(mine), "seen before it is confirmed");
}
both!(an_address_is_asked_for_shown_and_changed);

async fn who_somebody_is_can_be_corrected(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let (id, _) = invited(&admin, "camille.durand", "on_call").await;
    let (sheet, path) = (format!("/fr/accounts/{id}"), format!("/fr/accounts/{id}/identity"));
    assert!(admin.get(&sheet).await.text.contains(&format!("href=\"{path}\"")));
    let form = admin.get(&path).await;
    assert_eq!(
        (form.field("given_name").as_deref(), form.field("family_name").as_deref()),
        (Some("Camille"), Some("Durand"))
    );
    assert!(!form.text.contains("checked"), "how it was verified is said anew");
    let put = async |of: &str, change: &[(&str, &str)]| {
        let mut fields = [
            ("given_name", "Camille"),
            ("family_name", "Durand"),
            ("profession", ""),
            ("rpps", ""),
            ("proof", "in_person"),
        ];
        for (name, value) in change {
            fields.iter_mut().filter(|one| one.0 == *name).for_each(|one| one.1 = value);
        }
        admin.send(&format!("/fr/accounts/{of}/identity"), &fields).await
    };
    // What is wrong is told at its field, and nothing of what was typed is lost.
    for (field, value, told) in [
        ("given_name", " ", "given_name"),
        ("family_name", "a\nb", "family_name"),
        ("rpps", "123", "rpps"),
        ("proof", "", "proof"),
        ("proof", "somehow", "proof"),
    ] {
        let answer = put(&id, &[("profession", "Infirmière"), (field, value)]).await;
        assert_eq!(answer.status, 422, "{field} {value:?}");
        assert!(
            answer.text.contains(&format!("href=\"#{told}\"")) && answer.text.contains(&format!("id=\"{told}-wrong\""))
        );
        assert_eq!(answer.field("profession").as_deref(), Some("Infirmière"), "{field}");
    }
    let done = put(&id, &[("family_name", "Martin"), ("rpps", "10000000001")]).await;
    assert_eq!((done.status, done.header("location")), (303, sheet.as_str()), "{}", done.text);
    let page = admin.get(&sheet).await.text;
    assert!(page.contains("Camille Martin") && page.contains("10000000001") && !page.contains("Durand"));
    assert!(house.done().contains(&Event::AttributesCorrected));

    // Somebody for whom two people signed keeps the name that they signed; one's own is another's to correct.
    let (officer, _) = invited(&admin, "agnes", "security_officer").await;
    let signed = put(&officer, &[("family_name", "Martin")]).await;
    assert!(signed.status == 422 && signed.text.contains("ont signé ce compte sous ce nom"), "{}", signed.text);
    assert!(admin.get(&format!("/fr/accounts/{officer}/identity")).await.text.contains(" readonly"));
    let me = admin.get("/fr/accounts?role=administrator").await;
    let me = me.text.split("href=\"/fr/accounts/").filter_map(|part| part.split('"').next()).find(|id| id.len() == 26);
    let own = put(me.unwrap(), &[]).await;
    assert_eq!(own.header("location"), format!("/fr/accounts/{}?problem=oneself", me.unwrap()));
    assert!(!admin.get(&format!("/fr/accounts/{}", me.unwrap())).await.text.contains("/identity\""));
    let officer = house.sign_in("security_officer").await;
    assert!(!officer.get(&sheet).await.text.contains("/identity\""));
}
both!(who_somebody_is_can_be_corrected);

async fn what_cannot_be_taken_is_told_at_its_field(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let home = admin.get("/fr/accounts/new").await;
    assert!(home.text.contains("Armor Imagerie") && !home.text.contains("value=\"patient\""));
    let supplier = home.text.split("<option value=\"").find(|part| part.contains("Armor")).unwrap();
    let supplier = supplier.split('"').next().unwrap();
    let long = "x".repeat(81);
    for (field, value, told) in [
        ("given_name", "", "given_name"),
        ("family_name", long.as_str(), "family_name"),
        ("login", "deux mots", "login"),
        ("login", "administrator", "login"),
        ("role", "patient", "role"),
        ("role", "", "role"),
        ("role", "technician", "supplier"),
        ("supplier", supplier, "supplier"),
        ("supplier", NOTHING, "supplier"),
        ("profession", long.as_str(), "profession"),
        ("rpps", "123", "rpps"),
        ("mail", "camille", "mail"),
        ("proof", "", "proof"),
    ] {
        let mut fields = invitation("nouvelle", "beneficiary");
        fields.iter_mut().filter(|(name, _)| *name == field).for_each(|one| one.1 = value);
        let answer = admin.send("/fr/accounts", &fields).await;
        assert_eq!(answer.status, 422, "{field} {value:?}");
        assert!(answer.text.contains(&format!("href=\"#{told}\"")), "{field} {value:?}: {}", answer.text);
        assert!(answer.text.contains(&format!("id=\"{told}-wrong\"")) && link(&answer).is_none());
        let typed = answer.field("family_name").unwrap();
        assert_eq!(typed, if field == "family_name" { value } else { "Durand" });
    }
    assert!(!house.done().iter().skip_while(|e| **e != Event::SignIn).any(|e| *e == Event::AccountCreated));
    let mut fields = invitation("nouvelle", "technician");
    fields[4].1 = supplier;
    assert_eq!(admin.send("/fr/accounts", &fields).await.status, 200);
    assert!(admin.get("/fr/accounts?role=technician").await.text.contains("Armor Imagerie"));
}
both!(what_cannot_be_taken_is_told_at_its_field);

async fn a_state_is_changed_after_a_question(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let id = house.accounts["on_call"].to_string();
    let on_call = house.sign_in("on_call").await;
    let path = format!("/fr/accounts/{id}");
    let asks = admin.get(&format!("{path}/state/suspended")).await.text;
    assert!(asks.contains("value=\"absence\"") && !asks.contains("value=\"death\"") && asks.contains("name=\"csrf\""));
    for (to, reason) in [("suspended", "death"), ("suspended", "x"), ("active", "back")] {
        let answer = put(&admin, &id, to, reason).await;
        assert_eq!(answer.header("location"), format!("{path}?problem=state"), "{to} for {reason}");
    }
    assert_eq!(on_call.get("/fr/").await.status, 200);
    assert_eq!(put(&admin, &id, "suspended", "absence").await.header("location"), path);
    assert_eq!(on_call.get("/fr/means").await.status, 401, "his session ended at once");
    let page = admin.get(&path).await.text;
    assert!(page.contains("Suspendu") && page.contains("Longue absence") && page.contains("/state/active\""));
    assert!(!page.contains("/state/suspended\""), "only what it may become");
    let stale = admin.get(&format!("{path}/state/suspended")).await;
    assert_eq!(stale.header("location"), format!("{path}?problem=state"));
    assert_eq!(put(&admin, &id, "active", "back").await.header("location"), path);
    house.sign_in("on_call").await;
    assert_eq!(put(&admin, &id, "closed", "departure").await.header("location"), path);
    let page = admin.get(&path).await.text;
    assert!(page.contains("Fermé") && !page.contains("/state/") && !page.contains("/review\""), "closed for good");
    assert_eq!(put(&admin, &id, "active", "back").await.header("location"), format!("{path}?problem=state"));
    for state in ["invited", "gone", "%00"] {
        assert_eq!(put(&admin, &id, state, "back").await.status, 404, "{state}");
    }
    let closed = admin.get("/fr/accounts?state=closed").await.text;
    assert!(closed.contains("Personne on_call") && !closed.contains("Personne dpo"));
}
both!(a_state_is_changed_after_a_question);

async fn a_security_officer_suspends_and_confirms(database: &TestDatabase) {
    let house = House::new(database).await;
    let (admin, officer) = (house.sign_in("administrator").await, house.sign_in("security_officer").await);
    let id = house.accounts["dpo"].to_string();
    let page = officer.get(&format!("/fr/accounts/{id}")).await.text;
    assert!(page.contains("/state/suspended\""));
    for other in ["/state/blocked", "/state/closed", "/review\"", "/link\""] {
        assert!(!page.contains(other), "{other} is not his");
    }
    let absent = officer.send("/fr/accounts/x/review", &[]).await;
    assert_eq!(absent.status, 404);
    let before = house.settled().await;
    for (path, fields) in [
        (format!("/fr/accounts/{id}/review"), &[][..]),
        (format!("/fr/accounts/{id}/link"), &[("proof", "known")]),
        (format!("/fr/accounts/{id}/link/withdraw"), &[]),
        (format!("/fr/accounts/{id}/state/closed"), &[("reason", "departure")]),
        (format!("/fr/accounts/{id}/state/blocked"), &[("reason", "departure")]),
        (format!("/fr/accounts/{id}/state/active"), &[("reason", "back")]),
        ("/fr/accounts".into(), &invitation("nouvelle", "beneficiary")),
    ] {
        assert_eq!(officer.send(&path, fields).await.blanked(), absent.blanked(), "{path}");
    }
    assert_eq!(house.settled().await, before);
    assert_eq!(put(&officer, &id, "suspended", "suspicion").await.header("location"), format!("/fr/accounts/{id}"));
    assert_eq!(put(&officer, &id, "active", "back").await.status, 404, "giving back is the administrators'");

    // One person alone gives nobody an account that decides over others.
    let (id, address) = invited(&admin, "deuxieme", "administrator").await;
    let opened = async || house.stranger().get(address.strip_prefix("https://localhost:8445").unwrap()).await.text;
    assert!(!opened().await.contains("name=\"password\""), "not before it is confirmed");
    let path = format!("/fr/accounts/{id}/link/confirm");
    let own = admin.get(&format!("/fr/accounts/{id}")).await.text;
    assert!(!own.contains("/link/confirm\""), "not to whoever drew it");
    let link = shown_link(&own);
    let seen: &[(&str, &str)] = &[("link", &link)];
    let alone = admin.send(&path, seen).await;
    assert_eq!(alone.header("location"), format!("/fr/accounts/{id}?problem=second-person"));
    assert!(admin.get(alone.header("location")).await.text.contains("role=\"alert\""));
    let home = officer.get("/fr/").await.text;
    assert!(home.contains("href=\"/fr/accounts?waits=link\""), "what waits is on the home page");
    assert!(!admin.get("/fr/").await.text.contains("href=\"/fr/accounts?waits=link\""), "of whom it waits for");
    let waits = officer.get("/fr/accounts?waits=link").await.text;
    assert!(waits.contains("Camille Durand") && !waits.contains("Personne dpo"));
    assert!(officer.get(&format!("/fr/accounts/{id}")).await.text.contains("/link/confirm\""));
    let unseen = officer.send(&path, &[]).await;
    assert_eq!(unseen.header("location"), format!("/fr/accounts/{id}?problem=meanwhile"), "what he did not look at");
    let bare = officer.send(&path, seen).await;
    assert!(
        bare.text.contains("deuxieme") && !bare.text.contains("<code class=\"secret\""),
        "read before it is signed"
    );
    let confirmed = officer.sign(&path, seen).await;
    assert_eq!(confirmed.status, 200);
    assert!(confirmed.text.contains("<code class=\"secret\""), "the code to tell, once");
    let page = opened().await;
    assert!(page.contains("name=\"password\"") && page.contains("name=\"second\""));
    let twice = officer.send(&path, seen).await;
    assert_eq!(twice.header("location"), format!("/fr/accounts/{id}?problem=no-link"));
    assert!(house.done().contains(&Event::LinkConfirmed));
}
both!(a_security_officer_suspends_and_confirms);

async fn nobody_acts_on_himself_nor_on_the_last(database: &TestDatabase) {
    let house = House::new(database).await;
    let (admin, officer) = (house.sign_in("administrator").await, house.sign_in("security_officer").await);
    let last = house.accounts["administrator"].to_string();
    let path = format!("/fr/accounts/{last}");
    let own = admin.get(&path).await.text;
    for act in ["/state/", "/review\"", "/link\""] {
        assert!(!own.contains(act), "{act} is not offered to oneself");
    }
    for (act, fields) in [
        ("review", &[][..]),
        ("link", &[("proof", "known")]),
        ("link/withdraw", &[]),
        ("state/suspended", &[("reason", "absence")]),
    ] {
        let answer = admin.send(&format!("{path}/{act}"), fields).await;
        assert_eq!(answer.header("location"), format!("{path}?problem=oneself"), "{act}");
    }
    let refused = put(&officer, &last, "suspended", "suspicion").await;
    assert_eq!(refused.header("location"), format!("{path}?problem=last-administrator"));
    assert!(officer.get(refused.header("location")).await.text.contains("le dernier administrateur"));
    assert_eq!(admin.get("/fr/").await.status, 200, "he is still there");
}
both!(nobody_acts_on_himself_nor_on_the_last);

async fn a_review_lasts_until_the_next(database: &TestDatabase) {
    let house = House::new(database).await;
    // Suppliers' people are looked at each month.
    house.clock.advance(32 * 86_400);
    let admin = house.sign_in("administrator").await;
    let id = house.accounts["technician"].to_string();
    let waits = admin.get("/fr/accounts?waits=review").await.text;
    assert!(waits.contains("Personne technician") && !waits.contains("Personne dpo"), "the month has gone by");
    let answer = admin.send(&format!("/fr/accounts/{id}/review"), &[]).await;
    assert_eq!(answer.header("location"), format!("/fr/accounts/{id}"));
    assert!(!admin.get("/fr/accounts?waits=review").await.text.contains("Personne technician"));
    assert!(house.done().contains(&Event::AccountReviewed));
}
both!(a_review_lasts_until_the_next);

/// Somebody else's hospital answers like nothing, and its people are in no list.
async fn another_hospitals_accounts_are_not_there(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("elsewhere.administrator").await;
    let (id, there) = (house.accounts["dpo"].to_string(), house.sign_in("administrator").await);
    let list = admin.get("/fr/accounts").await.text;
    assert!(list.contains("Personne elsewhere.on_call") && !list.contains("Personne dpo"));
    assert!(!there.get("/fr/accounts").await.text.contains("elsewhere"));
    let absent = admin.get(&format!("/fr/accounts/{NOTHING}")).await;
    assert_eq!((absent.status, admin.get(&format!("/fr/accounts/{id}")).await.blanked()), (404, absent.blanked()));
    for (act, fields) in [
        ("review", &[][..]),
        ("link", &[("proof", "known")]),
        ("link/confirm", &[]),
        ("link/withdraw", &[]),
        ("state/closed", &[("reason", "departure")]),
    ] {
        let answer = admin.send(&format!("/fr/accounts/{id}/{act}"), fields).await;
        assert_eq!(answer.blanked(), absent.blanked(), "{act}");
    }
}
both!(another_hospitals_accounts_are_not_there);

/// Long lists go on; what is asked stays in the address.
async fn a_long_list_goes_on(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let page = admin.get(&format!("/fr/accounts?q=personne&after={}", AccountId::from_bytes([0; 16]))).await;
    assert!(page.text.contains("href=\"/fr/accounts?q=personne\""), "back to the beginning");
    for query in ["?after=x", "?role=x", "?state=%00", "?waits=x", "?q=%00", "?q=a&q=b", "?%ff=%ff"] {
        assert_eq!(admin.get(&format!("/fr/accounts{query}")).await.status, 200, "{query}");
    }
    let new = NewAccount {
        login: "evil".into(),
        display_name: "<img src=x>".into(),
        role: Role::Dpo,
        supplier: None,
        password: Secret::new("un mot de passe long".into()),
        totp: TotpSecret::from_bytes([1; 20]),
    };
    let id = house.enrolment.account(HERE, new).await.unwrap();
    for path in ["/fr/accounts".to_owned(), format!("/fr/accounts/{id}"), format!("/fr/accounts/{id}/state/closed")] {
        let page = admin.get(&path).await.text;
        assert!(page.contains("img src=x") && !page.contains("<img"), "{path}");
    }
}
both!(a_long_list_goes_on);

async fn a_session_left_open_gives_nobody_anything(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    let (id, _) = invited(&admin, "Camille.Durand", "on_call").await;
    // A page asked for prolongs the session; a task of its own writes that down.
    let done = || house.done().into_iter().filter(|event| *event != Event::SessionRenewed).collect::<Vec<_>>();
    let before = done();
    house.clock.advance(601);
    let accounts = "/fr/session/again?then=accounts";
    let path = format!("/fr/accounts/{id}");
    assert_eq!(admin.get("/fr/accounts/new").await.header("location"), accounts);
    let opened = admin.send("/fr/accounts", &invitation("Alix.Morel", "on_call")).await;
    let drawn = admin.send(&format!("{path}/link"), &[("proof", "known")]).await;
    let confirmed = admin.send(&format!("{path}/link/confirm"), &[("link", "x")]).await;
    for answer in [opened, drawn, confirmed] {
        assert_eq!((answer.status, answer.header("location")), (303, accounts));
    }
    let means = "/fr/session/again?then=means";
    for path in ["/fr/means/passkeys", "/fr/means/tokens"] {
        let fields = [
            ("label", "GMAO"),
            ("scope", "traces:read"),
            ("days", "3"),
            ("sources", ""),
            ("client_data_json", ""),
            ("attestation_object", ""),
        ];
        let answer = admin.send(path, &fields).await;
        assert_eq!((answer.status, answer.header("location")), (303, means), "{path}");
    }
    assert_eq!(done(), before, "nothing was given");
    assert!(admin.get(accounts).await.text.contains("Avant d’ouvrir un compte"));
    assert!(admin.get(means).await.text.contains("Avant d’ajouter un moyen"));
    assert!(admin.get("/fr/session/again?then=https://elsewhere.example").await.text.contains("value=\"account\""));
    // What takes away does not wait.
    let taken = put(&admin, &house.accounts["on_call"].to_string(), "suspended", "suspicion").await;
    assert!(!taken.header("location").contains("problem") && !taken.header("location").contains("again"));
    assert!(house.done().contains(&Event::AccountStateChanged));
}
both!(a_session_left_open_gives_nobody_anything);
