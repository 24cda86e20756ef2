//! One's own account, and the page of a link.

use crate::house::{House, LOGIN, PASSWORD, code, typed_in};
use store::testing::{TestDatabase, both};
use types::{Event, Role};

const NEW: &str = "Vingt-7 herons gris au gué";

async fn one_changes_ones_password_and_what_is_open_elsewhere_ends(database: &TestDatabase) {
    let house = House::new(database).await;
    let (cookie, csrf) = house.sign_in().await;
    let spare =
        house.post("/fr/account/codes", Some(&cookie), format!("csrf={csrf}&current={}", typed_in(PASSWORD))).await;
    assert_eq!(spare.status, 200);
    let spare: Vec<&str> = spare.text.split("<li><code>").skip(1).filter_map(|rest| rest.get(..11)).collect();
    assert_eq!(spare.len(), 10, "{spare:?}");

    // Elsewhere, by a spare code: seen from here, and told from here.
    let (other, _) = house.sign_in_with((LOGIN, PASSWORD), spare[0]).await;
    let page = house.get("/fr/session", Some(&cookie)).await;
    assert!(page.text.contains("Appareil non reconnu") && page.text.contains("Il vous reste 9 codes"), "{}", page.text);

    let change = async |current: &str, new: &str| {
        let body = format!("csrf={csrf}&current={}&password={}", typed_in(current), typed_in(new));
        house.post("/fr/account/password", Some(&cookie), body).await
    };
    let weak = change(PASSWORD, "motdepasse2026").await;
    assert_eq!(weak.status, 422);
    assert!(weak.text.contains("Ce mot de passe se devine trop vite") && !weak.text.contains("motdepasse2026"));
    let own = change(PASSWORD, &format!("{LOGIN} {LOGIN} 26")).await;
    assert_eq!(own.status, 422, "{}", own.text);
    let done = change(PASSWORD, NEW).await;
    assert_eq!((done.status, done.header("location")), (303, "/fr/session?done=password"));
    assert!(house.get(done.header("location"), Some(&cookie)).await.text.contains("Votre mot de passe est changé"));
    assert_eq!(house.get("/fr/session", Some(&other)).await.status, 401, "what was open elsewhere is closed");
    // The other one of two is ended by name, one's own never; a stranger's name is nobody's.
    let (third, _) = house.sign_in_with((LOGIN, NEW), spare[1]).await;
    let page = house.get("/fr/session", Some(&cookie)).await;
    let id = page.text.split("/fr/account/sessions/").nth(1).and_then(|rest| rest.get(..26)).unwrap().to_owned();
    for absent in ["x", "aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let path = format!("/fr/account/sessions/{absent}/end");
        assert_eq!(house.post(&path, Some(&cookie), format!("csrf={csrf}")).await.status, 303);
    }
    assert_eq!(house.get("/fr/session", Some(&third)).await.status, 200);
    let ended = house.post(&format!("/fr/account/sessions/{id}/end"), Some(&cookie), format!("csrf={csrf}")).await;
    assert_eq!(ended.status, 303);
    assert_eq!(house.get("/fr/session", Some(&third)).await.status, 401);
    let others = house.post("/fr/account/sessions/end", Some(&cookie), format!("csrf={csrf}")).await;
    assert_eq!(others.status, 303);
    assert_eq!(house.get("/fr/session", Some(&cookie)).await.status, 200);
    let wrong = change(PASSWORD, "Quarante 4 loutres au bord").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("Le mot de passe actuel n’est pas le bon"));
    let early = change(NEW, "Quarante 4 loutres au bord").await;
    assert_eq!((early.status, early.header("retry-after")), (429, "2"), "{}", early.text);

    let traces = house.traces();
    for event in [Event::PasswordChanged, Event::SpareCodesDrawn] {
        assert!(traces.iter().any(|trace| trace.event == event), "{event}");
    }
}
both!(one_changes_ones_password_and_what_is_open_elsewhere_ends);

async fn a_second_factor_is_shown_as_a_square_and_taken_by_its_code(database: &TestDatabase) {
    let house = House::new(database).await;
    let (cookie, csrf) = house.sign_in().await;
    let page = house.get("/fr/account/second-factor", Some(&cookie)).await;
    assert!(
        page.text.contains("<svg class=\"square\"") && page.text.contains("otpauth://totp/H%C3%B4pital"),
        "{}",
        page.text
    );
    let secret = page.field("totp_secret").unwrap();
    let bytes: [u8; 20] = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap().try_into().unwrap();
    let change = async |code: &str| {
        let body = format!("csrf={csrf}&current={}&totp_secret={secret}&code={code}", typed_in(PASSWORD));
        house.post("/fr/account/second-factor", Some(&cookie), body).await
    };
    let wrong = change("000000").await;
    assert_eq!(wrong.status, 422);
    assert_ne!(wrong.field("totp_secret").as_ref(), Some(&secret), "another is drawn");
    assert_eq!(change(&code(bytes)).await.header("location"), "/fr/session?done=second-factor");
    for bad in ["", "csrf", "totp_secret=x&code=000000&current=x"] {
        let body = format!("csrf={csrf}&{bad}");
        assert_eq!(house.post("/fr/account/second-factor", Some(&cookie), body).await.status, 400, "{bad}");
    }
}
both!(a_second_factor_is_shown_as_a_square_and_taken_by_its_code);

async fn a_link_opens_an_account_once_and_is_written_nowhere(database: &TestDatabase) {
    let house = House::new(database).await;
    let token = house.invite("ines", Role::Beneficiary).await;
    let path = format!("/fr/link/{token}");
    let page = house.get(&path, None).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Bienvenue, Inès Delmas") && page.text.contains("<code>ines</code>"), "{}", page.text);
    assert!(page.text.contains(&format!("/en/link/{token}")), "the other language keeps the link");
    let secret = page.field("totp_secret").unwrap();
    let bytes: [u8; 20] = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap().try_into().unwrap();
    let choose = async |password: &str, code: &str| {
        let body = format!("password={}&totp_secret={secret}&code={code}", typed_in(password));
        house.post(&path, None, body).await
    };
    for (password, code) in [("InesDelmas2026!", code(bytes)), (NEW, "000000".to_owned())] {
        let refused = choose(password, &code).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains("Ce n’est pas encore fait") && !refused.text.contains(password));
    }
    let done = choose(NEW, &code(bytes)).await;
    assert!(done.status == 200 && done.text.contains("Votre compte est prêt"), "{}", done.text);
    assert!(done.headers.get("set-cookie").is_none(), "nobody is signed in by a link");
    // What has served, was never drawn, or is of another door answers alike.
    let of_another_door = house.invite("auditrice", Role::Auditor).await;
    let made_up = "A".repeat(43);
    let bodies: Vec<String> = {
        let mut bodies = Vec::new();
        for token in [&token, &of_another_door, &made_up, &"x".to_owned()] {
            let answer = house.get(&format!("/fr/link/{token}"), None).await;
            assert_eq!(answer.status, 404, "{token}");
            let reference = answer.text.split("class=\"reference\"").nth(1).and_then(|rest| rest.split("</p>").next());
            bodies.push(answer.text.replace(reference.unwrap_or("-"), ""));
        }
        bodies
    };
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    // A form from another site is none.
    let headers = [("sec-fetch-site", "cross-site"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(house.ask(&format!("POST {path}"), &headers, "password=x").await.status, 403);
    let traces = format!("{:?}", house.traces());
    assert!(traces.contains("LinkUsed") && !traces.contains(&token), "a link's secret is in no trace");
}
both!(a_link_opens_an_account_once_and_is_written_nowhere);

async fn strangers_have_no_account_of_their_own(database: &TestDatabase) {
    let house = House::new(database).await;
    let none = house.get("/fr/account/second-factor", None).await;
    assert_eq!(none.status, 401, "a stranger has no account of his own");
    for path in ["/fr/account/password", "/fr/account/codes", "/fr/account/sessions/end"] {
        assert_eq!(house.post(path, None, "current=x&password=x".into()).await.status, 401, "{path}");
    }
    let (cookie, _) = house.sign_in().await;
    let forged = house.post("/fr/account/password", Some(&cookie), "csrf=x&current=x&password=x".into()).await;
    assert_eq!(forged.status, 400, "a form is taken from its session only");
}
both!(strangers_have_no_account_of_their_own);
