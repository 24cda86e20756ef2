//! A technician's own tokens: issued on his page, shown once, good for what he ticked.

use crate::{
    house::House,
    people::{ADDRESS, key_line},
};
use store::testing::{TestDatabase, both};
use types::Event;

const DAY_SECONDS: i64 = 86_400;

async fn tokens_are_shown_once(database: &TestDatabase) {
    let house = House::new(database).await;
    let erwan = house.sign_in("erwan.tanguy").await;
    let issue = async |label: &str, scope: &str, days: &str, sources: &str| {
        let fields = [("label", label), ("scopes", scope), ("days", days), ("sources", sources)];
        erwan.send("/fr/means/tokens", &fields).await
    };
    for (label, scope, days, sources, said) in [
        ("", "interventions:read", "30", "", "Donnez un nom"),
        ("GMAO", "interventions:root", "30", "", "Cochez au moins"),
        ("GMAO", "traces:read", "30", "", "Cochez au moins"),
        ("GMAO", "interventions:read", "0", "", "Donnez un nombre de jours"),
        ("GMAO", "interventions:read", "367", "", "Donnez un nombre de jours"),
        ("GMAO", "interventions:read", "trente", "", "Donnez un nombre de jours"),
        ("GMAO", "interventions:read", "30", "bureau", "ne se lit pas"),
    ] {
        let refused = issue(label, scope, days, sources).await;
        assert!(refused.status == 422 && refused.text.contains(said), "{label} {scope} {days} {sources}");
    }
    assert_eq!(house.traced(Event::TokenIssued), 0, "none of that was one");
    let issued = issue("GMAO", "interventions:read", "30", "192.0.2.0/24").await;
    assert_eq!((issued.status, house.traced(Event::TokenIssued)), (201, 1));
    assert_eq!(issued.header("cache-control"), "no-store");
    let text = issued.text.split("translate=\"no\">pot_").nth(1).unwrap().split('<').next().unwrap();
    let token = format!("Bearer pot_{text}");
    assert!(!erwan.get("/fr/means").await.text.contains(text), "it is shown once");
    assert_eq!(house.call("GET /api/v1/interventions", &token, "").await.status, 200);
    assert_eq!(house.call("GET /api/v1/targets", &token, "").await.status, 403, "not issued for that");
    let means = erwan.get("/fr/means").await.text;
    let revoke = means.split("action=\"").find(|part| part.contains("/revoke\"")).unwrap().split('"').next().unwrap();
    let solene = house.sign_in("solene.lebihan").await;
    solene.send(revoke, &[]).await;
    assert_eq!(
        house.call("GET /api/v1/interventions", &token, "").await.status,
        200,
        "another's is not hers to revoke"
    );
    assert_eq!(erwan.send(revoke, &[]).await.header("location"), "/fr/means?done=token-revoked");
    assert_eq!(house.call("GET /api/v1/interventions", &token, "").await.status, 401);
}
both!(tokens_are_shown_once);

async fn a_token_is_what_its_form_said(database: &TestDatabase) {
    let house = House::new(database).await;
    let erwan = house.sign_in("erwan.tanguy").await;
    let fields =
        [("label", "Veille"), ("scopes", "equipment:read"), ("days", "1"), ("sources", "192.0.2.0/28 203.0.113.9")];
    let issued = erwan.send("/fr/means/tokens", &fields).await;
    let text = issued.text.split("translate=\"no\">").nth(1).unwrap().split('<').next().unwrap();
    let token = format!("Bearer {text}");
    let means = erwan.get("/fr/means").await.text;
    for told in ["Veille", "192.0.2.0/28, 203.0.113.9/32", "datetime=\"2026-11-21T10:00:30Z\""] {
        assert!(means.contains(told), "{told}: {means}");
    }
    let asked = async |address: [u8; 4]| {
        house.ask_from(address, "GET /api/v1/targets", &[("authorization", &token)], "").await.status
    };
    assert_eq!((asked(ADDRESS).await, asked([203, 0, 113, 9]).await), (200, 200));
    assert_eq!((asked([192, 0, 2, 16]).await, asked([203, 0, 113, 8]).await), (401, 401), "from elsewhere");
    house.clock.advance(DAY_SECONDS - 1);
    assert_eq!(asked(ADDRESS).await, 200, "in its last second");
    house.clock.advance(1);
    assert_eq!(asked(ADDRESS).await, 401, "at its end");
}
both!(a_token_is_what_its_form_said);

async fn a_session_left_open_adds_no_means(database: &TestDatabase) {
    let house = House::new(database).await;
    let erwan = house.sign_in("erwan.tanguy").await;
    // A page asked for prolongs the session; a task of its own writes that down.
    let done = || house.done().into_iter().filter(|event| *event != Event::SessionRenewed).collect::<Vec<_>>();
    let before = done();
    house.clock.advance(601);
    let key = [("key", key_line(9)), ("label", "Portable".into())];
    let token = [("label", "GMAO"), ("scopes", "interventions:read"), ("days", "3"), ("sources", "")];
    let added = erwan.send("/fr/means/keys", &key.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let issued = erwan.send("/fr/means/tokens", &token).await;
    for answer in [added, issued] {
        assert_eq!((answer.status, answer.header("location")), (303, "/fr/session/again?then=means"));
    }
    assert_eq!(done(), before);
    let page = erwan.get("/fr/means").await.text;
    assert!(page.contains("Prouver que c’est moi") && !page.contains("name=\"key\""), "{page}");
}
both!(a_session_left_open_adds_no_means);
