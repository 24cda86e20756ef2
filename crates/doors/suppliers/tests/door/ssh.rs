//! A sign-in by SSH approved in the browser: what the page says of it, from where, and whose answer counts.

use crate::{
    house::House,
    people::{ADDRESS, Answer, FORM, Member, form},
    table::OWNER,
};
use signin::{SshAnswer, SshSeen, SshSignIn};
use store::testing::{TestDatabase, both};
use types::Event;

const PAGE: &str = "/fr/ssh";
const ELSEWHERE: [u8; 4] = [198, 51, 100, 7];

/// The page, asked from another address by the same browser, which says besides what it likes.
async fn from_elsewhere(house: &House, line: &str, who: &Member<'_>, said: &[(&str, &str)]) -> Answer {
    let cookie = ("cookie", who.cookie.as_deref().unwrap());
    let headers = [&[cookie, FORM, ("sec-fetch-site", "same-origin")][..], said].concat();
    house.ask_from(ELSEWHERE, line, &headers, form(&[("csrf", &who.csrf)])).await
}

async fn answer(ssh: &SshSignIn, seen: &SshSeen) -> SshAnswer {
    ssh.approved(seen, seen.address()).await.unwrap()
}

/// The address that a button of the page sends to.
fn action(page: &Answer, end: &str) -> Option<String> {
    let mut actions = page.text.split("action=\"").filter_map(|part| part.split('"').next());
    actions.find(|action| action.ends_with(end)).map(str::to_owned)
}

async fn a_stranger_signs_in_first(database: &TestDatabase) {
    let house = House::new(database).await;
    let short = house.ask("GET /ssh", &[("accept-language", "en")], "").await;
    assert_eq!((short.status, short.header("location")), (303, "/en/ssh"));
    let (ssh, seen, _) = house.asks_by_ssh(OWNER, ADDRESS, Some("scanner-1")).await;
    let page = house.stranger().get(PAGE).await;
    assert_eq!((page.status, page.field("then").as_deref()), (200, Some("ssh")));
    assert!(!page.text.contains("scanner-1") && !page.text.contains("Est-ce vous"), "{}", page.text);
    assert_eq!(answer(&ssh, &seen).await, SshAnswer::Waits);
}
both!(a_stranger_signs_in_first);

async fn approved_here_it_comes_in(database: &TestDatabase) {
    let house = House::new(database).await;
    let owner = house.sign_in(OWNER).await;
    assert!(owner.get(PAGE).await.text.contains("Aucune connexion SSH n’attend"));
    let hostile = "<script>alert(1)</script>";
    let (ssh, seen, words) = house.asks_by_ssh(OWNER, ADDRESS, Some(hostile)).await;
    let page = owner.get(PAGE).await;
    assert!(page.text.contains("Est-ce vous qui vous connectez en SSH") && !page.text.contains(hostile));
    assert!(page.text.contains(seen.fingerprint()) && page.text.contains("192.0.2.8"), "{}", page.text);
    let approve = action(&page, "/approve").unwrap();
    // Looked at, it is not approved: only the form does it.
    assert_eq!(owner.get(&approve).await.status, 405);
    assert_eq!(answer(&ssh, &seen).await, SshAnswer::Waits);
    let colleague = house.sign_in("erwan.tanguy").await;
    assert!(colleague.get(PAGE).await.text.contains("Aucune connexion SSH n’attend"));
    assert_eq!(colleague.send(&approve, &[]).await.status, 404);
    // The page does not tell what the terminal shows.
    assert!(!page.text.contains(&words), "{words}");
    for typed in ["", "AAA-AAA"] {
        let other = owner.send(&approve, &[("code", typed)]).await;
        assert_eq!((other.status, other.header("location")), (303, "/fr/ssh?done=mistyped"));
    }
    let told = owner.get("/fr/ssh?done=mistyped").await;
    assert!(told.text.contains("n’est pas celui de cette demande") && action(&told, "/approve").is_some());
    assert_eq!(answer(&ssh, &seen).await, SshAnswer::Waits);
    let done = owner.send(&approve, &[("code", &words)]).await;
    assert_eq!((done.status, done.header("location")), (303, "/fr/ssh?done=approved"));
    assert!(owner.get("/fr/ssh?done=approved").await.text.contains("appuyez sur Entrée"));
    assert_eq!(answer(&ssh, &seen).await, SshAnswer::Given);
    // Pressed twice, it says the same; that it was not his is heard, too late.
    let twice = owner.send(&approve, &[("code", &words)]).await;
    assert_eq!((twice.status, twice.header("location")), (303, "/fr/ssh?done=approved"));
    let late = owner.send(&approve.replace("/approve", "/refuse"), &[]).await;
    assert_eq!((late.status, late.header("location")), (303, "/fr/ssh?done=served"));
    let told = owner.get("/fr/ssh?done=served").await;
    assert!(told.text.contains("quelqu’un est peut-être entré") && action(&told, "/account/not-me").is_some());
    // What is over is said above what waits in its place, not instead of it.
    house.clock.advance(121);
    house.asks_by_ssh(OWNER, ADDRESS, Some("scanner-1")).await;
    let told = owner.get("/fr/ssh?done=late").await;
    assert!(told.text.contains("Une autre demande attend") && told.text.contains("scanner-1"));
}
both!(approved_here_it_comes_in);

async fn from_another_address_it_is_told_and_cannot_be_approved(database: &TestDatabase) {
    let house = House::new(database).await;
    let owner = house.sign_in(OWNER).await;
    let (ssh, seen, _) = house.asks_by_ssh(OWNER, ADDRESS, Some("scanner-1")).await;
    let approve = action(&owner.get(PAGE).await, "/approve").unwrap();
    // Whoever is no proxy that we know says what he likes: he is where his connection comes from.
    let forged: [&[(&str, &str)]; 5] = [
        &[],
        &[("x-forwarded-for", "192.0.2.8")],
        &[("forwarded", "for=192.0.2.8")],
        &[("x-real-ip", "192.0.2.8"), ("x-client-ip", "192.0.2.8")],
        &[("x-forwarded-for", "192.0.2.8, 198.51.100.7"), ("forwarded", "for=\"192.0.2.8\", for=198.51.100.7")],
    ];
    for said in forged {
        let page = from_elsewhere(&house, &format!("GET {PAGE}"), &owner, said).await;
        assert!(page.text.contains("attend d’un autre endroit") && page.text.contains("192.0.2.8"), "{said:?}");
        assert_eq!((page.status, action(&page, "/approve")), (200, None), "{said:?}");
        let late = from_elsewhere(&house, &format!("POST {approve}"), &owner, said).await;
        assert_eq!((late.status, late.header("location")), (303, "/fr/ssh?done=late"), "{said:?}");
        assert_eq!(answer(&ssh, &seen).await, SshAnswer::Waits, "{said:?}");
    }
    assert_eq!(house.traced(Event::RelayApprovalGiven), 0);
    // That it is not his he may say from anywhere.
    let page = from_elsewhere(&house, &format!("GET {PAGE}"), &owner, &[]).await;
    let refuse = action(&page, "/refuse").unwrap();
    let refused = from_elsewhere(&house, &format!("POST {refuse}"), &owner, &[]).await;
    assert_eq!((refused.status, refused.header("location")), (303, "/fr/ssh?done=refused"));
    assert_eq!(answer(&ssh, &seen).await, SshAnswer::Over);
    assert_eq!(house.traced(Event::RelayApprovalRefused), 1);
    let told = owner.get("/fr/ssh?done=refused").await;
    assert!(told.text.contains("href=\"/fr/means\""), "{}", told.text);
    let end = action(&told, "/account/not-me").unwrap();
    assert_eq!(owner.send(&end, &[]).await.status, 303);
    assert_eq!(house.traced(Event::SignInDisowned), 1);
}
both!(from_another_address_it_is_told_and_cannot_be_approved);

async fn a_session_left_open_approves_nothing(database: &TestDatabase) {
    let house = House::new(database).await;
    let owner = house.sign_in(OWNER).await;
    house.clock.advance(601);
    let (ssh, seen, words) = house.asks_by_ssh(OWNER, ADDRESS, None).await;
    let page = owner.get(PAGE).await;
    assert!(page.text.contains("/fr/session/again?then=ssh") && page.text.contains("Aucun n’est nommé"));
    assert_eq!(action(&page, "/approve"), None);
    let refuse = action(&page, "/refuse").unwrap();
    let again = owner.send(&refuse.replace("/refuse", "/approve"), &[]).await;
    assert_eq!((again.status, again.header("location")), (303, "/fr/session/again?then=ssh"));
    assert_eq!(answer(&ssh, &seen).await, SshAnswer::Waits);
    assert!(owner.get("/fr/session/again?then=ssh").await.text.contains("Avant d’approuver une connexion SSH"));
    // He proves it again, and goes on where he was.
    let again = house.sign_in(OWNER).await;
    let approve = action(&again.get(PAGE).await, "/approve").unwrap();
    assert_eq!(again.send(&approve, &[("code", &words)]).await.header("location"), "/fr/ssh?done=approved");
    assert_eq!(answer(&ssh, &seen).await, SshAnswer::Given);
}
both!(a_session_left_open_approves_nothing);
