//! Whoever tries to sign in learns of no account by what he is answered: one that nobody has, one whose password is wrong, one that
//! may not come in and one of another door get the same pages, byte for byte, under the same headers (acces-web AA7).

use crate::{
    HERE,
    house::House,
    people::{Answer, FORM, form},
};
use identity::TotpSecret;
use signin::NewAccount;
use store::testing::{TestDatabase, both};
use types::{Clock as _, Role, Secret};

const PASSWORD: &str = "une porte bien gardée";
const SECRET: [u8; 20] = [0x2b; 20];
/// As long as each other: pages repeat what was typed.
const STATES: [(&str, &str, &str); 3] = [
    ("qui.est.suspendu", "suspended", "absence"),
    ("qui.est.bloquee.", "blocked", "departure"),
    ("qui.est.fermee..", "closed", "needless"),
];

async fn account(house: &House, login: &str, role: Role) -> String {
    let new = NewAccount {
        login: login.into(),
        display_name: format!("Personne {login}"),
        role,
        supplier: None,
        password: Secret::new(PASSWORD.into()),
        totp: TotpSecret::from_bytes(SECRET),
    };
    house.enrolment.account(HERE, new).await.unwrap().to_string()
}

/// What is answered to one try: how long its ceremony is, and both answers.
type Answers = (usize, [(u16, Vec<(String, String)>, String); 2]);

/// All of an answer but what no two have in common: the reference, the ceremony, the passkey's challenge, the hour, and what
/// was typed.
fn bare(answer: &Answer, login: &str) -> (u16, Vec<(String, String)>, String) {
    let (status, headers, text) = answer.blanked();
    let mut text = text.replace(login, "…");
    for (from, to) in [("name=\"ceremony\" value=\"", "\""), ("data-challenge=\"", "\""), ("<p>Page affichée", "<")] {
        let mut pieces = text.split(from);
        let first = pieces.next().unwrap().to_owned();
        let blank = |piece: &str| format!("{from}…{}", &piece[piece.find(to).unwrap()..]);
        text = first + &pieces.map(blank).collect::<String>();
    }
    (status, headers, text)
}

/// Where two differ, instead of two pages.
fn alike(one: &Answers, other: &Answers, what: &str) {
    assert_eq!(one.0, other.0, "{what}: the ceremony's length");
    for (one, other) in one.1.iter().zip(&other.1) {
        assert_eq!((one.0, &one.1), (other.0, &other.1), "{what}");
        let differs = one.2.lines().zip(other.2.lines()).find(|(one, other)| one != other);
        assert!(one.2 == other.2, "{what}: {differs:?}");
    }
}

async fn whatever_an_account_is_the_door_answers_alike(database: &TestDatabase) {
    let house = House::new(database).await;
    let admin = house.sign_in("administrator").await;
    for (login, state, reason) in STATES {
        let id = account(&house, login, Role::OnCall).await;
        let put = admin.send(&format!("/fr/accounts/{id}/state/{state}"), &[("reason", reason)]).await;
        assert_eq!(put.header("location"), format!("/fr/accounts/{id}"), "{state}");
    }
    account(&house, "qui.est.ailleurs", Role::Patient).await;
    account(&house, "qui.est.la......", Role::OnCall).await;
    let code = || {
        house.clock.advance(30);
        let totp = totp_rs::Builder::new().with_secret(SECRET).build().unwrap();
        totp.generate(u64::try_from(house.clock.now().seconds()).unwrap()).to_string()
    };
    let mut host = 20;
    let mut tries = async |login: &str, password: &str, code: &str| {
        // Each from a place of its own: nobody waits for another's failure.
        host += 1;
        let from = [192, 0, 2, host];
        let send = async |path: &str, fields: &[(&str, &str)]| {
            let headers = [("sec-fetch-site", "same-origin"), FORM];
            house.ask_from(from, &format!("POST {path}"), &headers, form(fields)).await
        };
        let first = send("/fr/session", &[("csrf", ""), ("login", login), ("password", password)]).await;
        let ceremony = first.field("ceremony").unwrap();
        let second = send("/fr/session/code", &[("csrf", ""), ("ceremony", &ceremony), ("code", code)]).await;
        (ceremony.len(), [bare(&first, login), bare(&second, login)])
    };
    let nobody = tries("qui.est.personne", PASSWORD, "000000").await;
    assert_eq!((nobody.1[0].0, nobody.1[1].0), (200, 422));
    for (login, state, _) in STATES {
        alike(&tries(login, PASSWORD, &code()).await, &nobody, &format!("{state}, with the right password and code"));
    }
    alike(&tries("qui.est.ailleurs", PASSWORD, &code()).await, &nobody, "of another door");
    let login = "qui.est.la......";
    alike(&tries(login, "pas le bon du tout", &code()).await, &nobody, "a wrong password");
    alike(&tries(login, PASSWORD, "000000").await, &nobody, "a wrong code");
    let (_, [first, second]) = tries(login, PASSWORD, &code()).await;
    assert!(first == nobody.1[0] && second.0 == 303, "and whoever may comes in");
}
both!(whatever_an_account_is_the_door_answers_alike);
