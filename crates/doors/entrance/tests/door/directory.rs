//! What those see whose password the hospital's directory keeps.

use crate::house::{HERE, House, LOGIN, PASSWORD, code, typed_in};
use signin::{Answering, Provider, Shown, Silent, Staff, StaffMember};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use store::testing::{TestDatabase, both};
use types::{Role, Time};

const KEY: &str = "clef de l’annuaire";

/// A directory of one person, which may fall silent.
#[derive(Default)]
struct One {
    is_silent: AtomicBool,
}

impl One {
    fn ines(&self) -> Result<StaffMember, Silent> {
        if !self.answers() {
            return Err(Silent("down".into()));
        }
        Ok(StaffMember {
            key: "k1".into(),
            login: "ines".into(),
            given_name: "Inès".into(),
            family_name: "Delmas".into(),
            is_usable: true,
            place: Some((HERE, Role::Dpo)),
        })
    }
}

impl Provider for One {
    type Person = StaffMember;

    fn identify<'a>(&'a self, shown: Shown<'a>, _: Time) -> Answering<'a, Option<StaffMember>> {
        Box::pin(async move {
            let Shown::Password { of, password } = shown else { return Ok(None) };
            Ok(Some(self.ines()?).filter(|one| one.key == of && password.expose() == KEY))
        })
    }

    fn answers(&self) -> bool {
        !self.is_silent.load(Ordering::SeqCst)
    }
}

impl Staff for One {
    fn find<'a>(&'a self, key: &'a str, _: Time) -> Answering<'a, Option<StaffMember>> {
        Box::pin(async move { Ok(Some(self.ines()?).filter(|one| one.key == key)) })
    }

    fn members(&self, _: Time) -> Answering<'_, Vec<StaffMember>> {
        Box::pin(async { Ok(vec![self.ines()?]) })
    }

    fn look_again(&self) {}
}

async fn the_directorys_people_choose_a_second_factor_only(database: &TestDatabase) {
    let house = House::new(database).await;
    let staff = Arc::new(One::default());
    let token = house.follow(staff.clone(), "ines").await;
    let path = format!("/fr/link/{token}");
    let page = house.get(&path, None).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("celui de l’annuaire de l’hôpital") && !page.text.contains("type=\"password\""));
    let secret = page.field("totp_secret").unwrap();
    let bytes: [u8; 20] = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap().try_into().unwrap();
    let body = |code: &str| format!("login=ines&totp_secret={secret}&code={code}");
    assert_eq!(house.post(&path, None, body("000000")).await.status, 422);
    assert_eq!(house.post(&path, None, body(&code(bytes))).await.status, 200);
    assert_eq!(house.get(&path, None).await.status, 404, "once");

    // The code of the link has served; the next one is taken too.
    let totp = totp_rs::Builder::new().with_secret(bytes).build().unwrap();
    let now = u64::try_from(types::Clock::now(&store::SystemClock).seconds()).unwrap();
    let next = totp.generate(now + 30).to_string();
    let (cookie, csrf) = house.sign_in_with(("ines", KEY), &next).await;
    let (current, new) = (typed_in(KEY), typed_in("Vingt-7 herons gris au gué"));
    let body = format!("csrf={csrf}&current={current}&password={new}");
    let refused = house.post("/fr/account/password", Some(&cookie), body).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("il se change là-bas"), "{}", refused.text);

    // It falls silent: whoever is refused is told, alike; who is kept here comes in, who is in stays.
    staff.is_silent.store(true, Ordering::SeqCst);
    for login in ["ines", "personne"] {
        let first = house.post("/fr/session", None, format!("login={login}&password=pas-le-bon")).await;
        let ceremony = first.field("ceremony").unwrap();
        let refused = house.post("/fr/session/code", None, format!("ceremony={ceremony}&code=000000")).await;
        assert_eq!(refused.status, 503, "{login}");
        assert!(refused.text.contains("l’annuaire de l’hôpital ne répond pas"), "{login}: {}", refused.text);
    }
    assert_eq!(house.get("/fr/session", Some(&cookie)).await.status, 200);
    house.sign_in_with((LOGIN, PASSWORD), &code([7; 20])).await;
}
both!(the_directorys_people_choose_a_second_factor_only);
