//! Printed sheets of one-time codes: who gives them, what they open, and when they serve no more.

use super::*;
use crate::{
    AccountError, Accounts, Chosen, DrawnLink, DrawnSheet, LinkError, SHEET_LIFE, SHEET_WAIT, SecondCode, SheetsSeen,
};
use identity::{SHEET_CODES, SHEET_WINDOW};
use types::{AccountState, IdentityProof, LifeReason, SheetId};

const PROOF: IdentityProof = IdentityProof::InPerson;
const NEW: &str = "Vingt-7 herons gris au gué";

/// A patient with an application, and the two people who give sheets.
struct House {
    it: Fixture,
    accounts: Accounts,
    desk: SignInService,
    admin: String,
    officer: String,
    camille: AccountId,
}

async fn house(database: &TestDatabase) -> House {
    let it = fixture(database).await;
    let desk = it.door(Door::Desk, DESK);
    let admin = cookie(&it, "admin", Role::Administrator, 11).await;
    let officer = cookie(&it, "rssi", Role::SecurityOfficer, 12).await;
    let camille = it.enrol("camille", Role::Patient, 1).await.unwrap();
    House { accounts: it.accounts(), it, desk, admin, officer, camille }
}

/// Enrols somebody of the desk, and gives the session that he opens there.
async fn cookie(it: &Fixture, login: &str, role: Role, secret: u8) -> String {
    it.enrol(login, role, secret).await.unwrap();
    let desk = it.door(Door::Desk, DESK);
    let ceremony = desk.first_step(login, Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    desk.second_step(&ceremony, &it.code(secret), address(1)).await.unwrap().cookie
}

fn code(sheet: &DrawnSheet, number: u8) -> &str {
    sheet.codes[usize::from(number) - 1].expose()
}

impl House {
    async fn who(&self, cookie: &str) -> SignedIn {
        self.desk.resume(cookie, address(1)).await.unwrap()
    }

    async fn admin(&self) -> SignedIn {
        self.who(&self.admin).await
    }

    async fn officer(&self) -> SignedIn {
        self.who(&self.officer).await
    }

    async fn draws(&self, seen: Option<SheetId>) -> Result<DrawnSheet, AccountError> {
        self.accounts.draw_sheet(&self.admin().await.authenticated, self.camille, (PROOF, seen)).await
    }

    async fn confirms(&self, cookie: &str, sheet: SheetId) -> Result<(), AccountError> {
        self.accounts.confirm_sheet(&self.who(cookie).await.authenticated, self.camille, sheet).await
    }

    async fn withdraws(&self, cookie: &str, sheet: SheetId) -> Result<(), AccountError> {
        self.accounts.withdraw_sheet(&self.who(cookie).await.authenticated, self.camille, sheet).await
    }

    /// A link for its holder, confirmed: what it is, and the second person's code.
    async fn linked(&self) -> (DrawnLink, String) {
        let link = self.accounts.draw_link(&self.admin().await.authenticated, self.camille, PROOF).await.unwrap();
        let officer = self.officer().await.authenticated;
        let SecondCode(told) = self.accounts.confirm_link(&officer, self.camille, link.id).await.unwrap();
        (link, told.expose().clone())
    }

    /// How many times camille's means were given anew.
    async fn renewals(&self) -> u32 {
        let mut connection = self.it.store.read().await.unwrap();
        let row = crate::sql::account_by_id(&mut connection, self.camille).await.unwrap().unwrap();
        let keys = self.it.master.keys_for(Holder::Door(Door::Portal));
        row.secrets(&keys).unwrap().renewals.unwrap_or(0)
    }

    /// A sheet that serves.
    async fn given(&self) -> DrawnSheet {
        let sheet = self.draws(None).await.unwrap();
        self.confirms(&self.officer, sheet.id).await.unwrap();
        sheet
    }

    /// Each time from another address, and a while later: nobody waits for the failure before.
    async fn comes_in(&self, code: &str) -> Option<SignedIn> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let [.., a, b] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let from = ClientAddress::new([198, 51, a.wrapping_add(10), b].into());
        self.it.wait();
        match self.it.sign_in("camille", PASSWORD, code, from).await {
            Ok(opened) => Some(self.it.service.resume(&opened.cookie, from).await.unwrap()),
            Err(error) => {
                assert_eq!(error, SecondStepError::Refused, "it is the code that is refused");
                None
            }
        }
    }

    async fn seen(&self) -> SheetsSeen {
        self.accounts.one(&self.admin().await.authenticated, self.camille).await.unwrap().sheets.unwrap()
    }
}

async fn a_sheet_takes_the_applications_place_once_a_second_person_confirmed_it(database: &TestDatabase) {
    let house = house(database).await;
    let before = house.comes_in(&house.it.code(1)).await.unwrap();
    let spare = house.it.service.draw_spare_codes(&before, Secret::new(PASSWORD.into())).await.unwrap();
    house.it.wait();
    let sheet = house.draws(None).await.unwrap();
    assert!(sheet.confirms && sheet.codes.len() == usize::from(SHEET_CODES));
    let distinct: std::collections::BTreeSet<_> = sheet.codes.iter().map(|code| code.expose().clone()).collect();
    assert_eq!(distinct.len(), sheet.codes.len());
    // Until then it is paper, and the application serves.
    assert!(house.comes_in(code(&sheet, 1)).await.is_none());
    let application = house.comes_in(&house.it.code(1)).await.unwrap();
    assert_eq!(house.it.service.own_sheet(&application).await, Ok(None));
    assert_eq!(house.confirms(&house.admin, sheet.id).await, Err(AccountError::Second), "not who drew it");
    let unknown = SheetId::from_bytes([9; 16]);
    assert_eq!(house.confirms(&house.officer, unknown).await, Err(AccountError::Meanwhile));
    house.confirms(&house.officer, sheet.id).await.unwrap();
    assert_eq!(house.confirms(&house.officer, sheet.id).await, Err(AccountError::Absent), "once");
    assert!(house.it.journal.is_revoked(application.session), "what the application opened has ended");

    house.it.wait();
    assert!(house.comes_in(&house.it.code(1)).await.is_none(), "the application is gone");
    assert!(house.comes_in(&spare[0]).await.is_none(), "and its spare codes");
    let who = house.comes_in(code(&sheet, 1)).await.unwrap();
    assert_eq!(who.authenticated.assurance(), identity::Assurance::TwoFactors);
    assert!(house.comes_in(code(&sheet, 1)).await.is_none(), "each serves once");
    let own = house.it.service.own_sheet(&who).await.unwrap().unwrap();
    assert_eq!((own.left, own.next), (29, Some(2)));
    assert_eq!(house.it.service.own_account(&who).await.unwrap().sheet, Some(own));
    // Nothing of a code is in the database or in what is sealed of the account.
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as("SELECT digest FROM sheet_codes")
        .fetch_all(&mut *sqlx::AnyPool::connect(&house.it.url).await.unwrap().acquire().await.unwrap())
        .await
        .unwrap();
    assert_eq!(rows.len(), 29);
    assert!(rows.iter().all(|(digest,)| digest.len() == 32));
}
both!(a_sheet_takes_the_applications_place_once_a_second_person_confirmed_it);

async fn codes_are_taken_in_their_order_and_a_few_may_be_passed_over(database: &TestDatabase) {
    let house = house(database).await;
    let sheet = house.given().await;
    let beyond = SHEET_WINDOW + 1;
    assert!(house.comes_in(code(&sheet, beyond)).await.is_none(), "who saw the rest of the sheet has nothing yet");
    assert!(house.comes_in(code(&sheet, SHEET_CODES)).await.is_none());
    // Some were crossed out in vain: they are gone with it.
    assert!(house.comes_in(code(&sheet, 3)).await.is_some());
    for gone in 1..=3 {
        assert!(house.comes_in(code(&sheet, gone)).await.is_none(), "{gone}");
    }
    assert_eq!((house.seen().await.left, house.seen().await.next), (27, Some(4)));
    assert!(house.comes_in(code(&sheet, 3 + SHEET_WINDOW + 1)).await.is_none());
    let last = 3 + SHEET_WINDOW;
    let typed = code(&sheet, last).replace(' ', "-");
    assert!(house.comes_in(&typed).await.is_some(), "the last whose turn it may be");
    // Of two at once, one comes in.
    let (it, next) = (&house.it, code(&sheet, last + 1));
    let first = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(6)).await.unwrap();
    let second = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(7)).await.unwrap();
    let both = tokio::join!(
        it.service.second_step(&first, next, address(6)),
        it.service.second_step(&second, next, address(7)),
    );
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|opened| **opened).count(), 1);
}
both!(codes_are_taken_in_their_order_and_a_few_may_be_passed_over);

async fn the_last_codes_serve_and_then_none_does(database: &TestDatabase) {
    let house = house(database).await;
    let sheet = house.given().await;
    let mut number = SHEET_WINDOW;
    let mut who = house.comes_in(code(&sheet, number)).await.unwrap();
    while number < SHEET_CODES {
        let own = house.it.service.own_sheet(&who).await.unwrap().unwrap();
        assert_eq!(own.is_short(house.it.clock.now()), SHEET_CODES - number <= 5, "{number}");
        number += SHEET_WINDOW;
        who = house.comes_in(code(&sheet, number)).await.unwrap();
    }
    let own = house.it.service.own_sheet(&who).await.unwrap().unwrap();
    assert_eq!((own.left, own.next), (0, None));
    assert!(own.is_short(house.it.clock.now()) && !own.opens(house.it.clock.now()));
    for number in 1..=SHEET_CODES {
        assert!(house.comes_in(code(&sheet, number)).await.is_none(), "{number}");
    }
}
both!(the_last_codes_serve_and_then_none_does);

async fn a_code_opens_with_its_password_its_account_its_sheet_and_its_number_only(database: &TestDatabase) {
    let house = house(database).await;
    let sheet = house.given().await;
    house.it.enrol("yann", Role::Patient, 2).await.unwrap();
    let tried = async |login: &str, password: &str, from: u8| {
        house.it.sign_in(login, password, code(&sheet, 1), address(from)).await.err()
    };
    assert_eq!(tried("yann", PASSWORD, 20).await, Some(SecondStepError::Refused));
    assert_eq!(tried("personne", PASSWORD, 21).await, Some(SecondStepError::Refused));
    assert_eq!(tried("camille", "un autre mot de passe", 22).await, Some(SecondStepError::Refused));
    // Somebody with the database moves the rows: to another account, number or sheet.
    house.it.outside("CREATE TABLE kept AS SELECT * FROM sheet_codes").await;
    house.it.outside("UPDATE sheet_codes SET number = number + 100").await;
    assert!(house.comes_in(code(&sheet, 1)).await.is_none(), "another number");
    house.it.outside("DELETE FROM sheet_codes").await;
    house.it.outside("INSERT INTO sheet_codes SELECT * FROM kept").await;
    let yann = "UPDATE sheet_codes SET account_id = (SELECT id FROM accounts WHERE id <> sheet_codes.account_id \
                AND role = 'patient')";
    house.it.outside(yann).await;
    assert_eq!(tried("yann", PASSWORD, 23).await, Some(SecondStepError::Refused), "another account");
    house.it.outside("DELETE FROM sheet_codes").await;
    house.it.outside("INSERT INTO sheet_codes SELECT * FROM kept").await;
    assert!(house.comes_in(code(&sheet, 1)).await.is_some());
    // A sheet that was replaced, put back whole, opens nothing: the account says which one serves.
    let next = house.draws(None).await.unwrap();
    house.confirms(&house.officer, next.id).await.unwrap();
    house.it.outside("INSERT INTO sheet_codes SELECT * FROM kept").await;
    assert!(house.comes_in(code(&sheet, 2)).await.is_none(), "replaced");
    assert!(house.comes_in(code(&next, 1)).await.is_some());
    // Nor under the name of the one that serves.
    let serving = "CREATE TABLE serving AS SELECT DISTINCT sheet_id FROM sheet_codes \
                   WHERE sheet_id NOT IN (SELECT sheet_id FROM kept)";
    house.it.outside(serving).await;
    house.it.outside("DELETE FROM sheet_codes").await;
    let renamed = "INSERT INTO sheet_codes SELECT account_id, (SELECT sheet_id FROM serving), number, digest FROM kept";
    house.it.outside(renamed).await;
    assert!(house.comes_in(code(&sheet, 2)).await.is_none(), "another sheet");
}
both!(a_code_opens_with_its_password_its_account_its_sheet_and_its_number_only);

async fn whoever_guesses_codes_of_a_sheet_waits_as_at_any_code(database: &TestDatabase) {
    let house = house(database).await;
    let sheet = house.given().await;
    let (it, from) = (&house.it, address(30));
    let wrong = if code(&sheet, 1) == "0000 0000" { "1111 1111" } else { "0000 0000" };
    assert_eq!(it.sign_in("camille", PASSWORD, wrong, from).await.err(), Some(SecondStepError::Refused));
    let early = it.sign_in("camille", PASSWORD, code(&sheet, 1), from).await.err();
    assert!(matches!(early, Some(SecondStepError::TooMany(_))), "{early:?}");
    it.clock.advance(3);
    assert!(it.sign_in("camille", PASSWORD, code(&sheet, 1), from).await.is_ok(), "and it was not spent");
    // Of many at once, one is looked at.
    let ceremony = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(31)).await.unwrap();
    let mut guesses = tokio::task::JoinSet::new();
    for n in 0..12 {
        let (service, ceremony) = (it.service.clone(), ceremony.clone());
        guesses.spawn(async move { service.second_step(&ceremony, &format!("{n:08}"), address(31)).await.err() });
    }
    let mut refused = 0;
    while let Some(answer) = guesses.join_next().await {
        refused += u32::from(answer.unwrap() == Some(SecondStepError::Refused));
    }
    assert_eq!(refused, 1);
}
both!(whoever_guesses_codes_of_a_sheet_waits_as_at_any_code);

async fn sheets_are_given_face_to_face_to_patients_and_relatives_by_those_who_may(database: &TestDatabase) {
    let house = house(database).await;
    let (it, admin) = (&house.it, &house.admin().await.authenticated);
    for (proof, fits) in [
        (PROOF, true),
        (IdentityProof::Known, true),
        (IdentityProof::Provider, false),
        (IdentityProof::Employer, false),
    ] {
        let seen = house.seen().await.waits.map(|waits| waits.id);
        let drawn = house.accounts.draw_sheet(admin, house.camille, (proof, seen)).await.err();
        assert_eq!(drawn, (!fits).then_some(AccountError::Field("proof")), "{proof}");
    }
    for (secret, role) in (40..).zip([Role::Professional, Role::OnCall, Role::Beneficiary]) {
        let account = it.enrol(role.as_str(), role, secret).await.unwrap();
        let drawn = house.accounts.draw_sheet(admin, account, (PROOF, None)).await.err();
        assert_eq!(drawn, Some(AccountError::NoSheet), "{role}");
        assert_eq!(house.accounts.one(admin, account).await.unwrap().sheets, None);
    }
    let relative = it.enrol("maeva", Role::Relative, 50).await.unwrap();
    assert!(house.accounts.draw_sheet(admin, relative, (PROOF, None)).await.is_ok());
    let officer =
        house.accounts.draw_sheet(&house.officer().await.authenticated, house.camille, (PROOF, None)).await.err();
    assert_eq!(officer, Some(AccountError::Denied), "he confirms and withdraws");
    let own = house.accounts.draw_sheet(admin, house.admin().await.account, (PROOF, None)).await.err();
    assert_eq!(own, Some(AccountError::Oneself));
    let system = identity::system_actor(SystemActor::Operator, Some(HERE), it.clock.now());
    let alone = house.accounts.draw_sheet(&system, house.camille, (PROOF, None)).await.err();
    assert_eq!(alone, Some(AccountError::Denied), "no command stands in for either person");
    // Not of an account that is held.
    let away = (AccountState::Suspended, LifeReason::Absence);
    house.accounts.change_state(admin, house.camille, away).await.unwrap();
    let seen = house.seen().await.waits.map(|waits| waits.id);
    assert_eq!(house.draws(seen).await.err(), Some(AccountError::Life));
}
both!(sheets_are_given_face_to_face_to_patients_and_relatives_by_those_who_may);

async fn a_sheet_that_waits_is_the_one_that_was_seen_for_a_while_and_from_somebody_who_is_here(
    database: &TestDatabase,
) {
    let house = house(database).await;
    let first = house.draws(None).await.unwrap();
    assert_eq!(house.draws(None).await.err(), Some(AccountError::Meanwhile), "a page sent twice draws nothing");
    let second = house.draws(Some(first.id)).await.unwrap();
    assert_eq!(house.confirms(&house.officer, first.id).await, Err(AccountError::Meanwhile), "replaced");
    let waits = house.seen().await.waits.unwrap();
    let drawer = house.admin().await.account;
    assert_eq!((waits.id, waits.by, waits.proof), (second.id, drawer, Some(PROOF)));
    // Whoever drew it is gone: nobody else's word stands for his.
    let other = house.it.at_desk("adjoint", Role::Administrator, 13).await;
    let gone = (AccountState::Suspended, LifeReason::Suspicion);
    house.accounts.change_state(&other.authenticated, drawer, gone).await.unwrap();
    assert_eq!(house.confirms(&house.officer, second.id).await, Err(AccountError::Meanwhile));
    let third = house.accounts.draw_sheet(&other.authenticated, house.camille, (PROOF, Some(second.id))).await.unwrap();
    house.it.clock.advance(i64::try_from(SHEET_WAIT.as_secs()).unwrap());
    let officer = cookie(&house.it, "rssi-2", Role::SecurityOfficer, 14).await;
    assert_eq!(house.confirms(&officer, third.id).await, Err(AccountError::Absent), "too late");
}
both!(a_sheet_that_waits_is_the_one_that_was_seen_for_a_while_and_from_somebody_who_is_here);

async fn a_sheet_ends_is_replaced_at_once_and_withdrawn(database: &TestDatabase) {
    let house = house(database).await;
    let it = &house.it;
    let first = house.given().await;
    let who = house.comes_in(code(&first, 1)).await.unwrap();
    let second = house.draws(None).await.unwrap();
    assert!(house.comes_in(code(&first, 2)).await.is_some(), "it serves until the other one is confirmed");
    house.confirms(&house.officer, second.id).await.unwrap();
    assert!(house.comes_in(code(&first, 3)).await.is_none() && it.journal.is_revoked(who.session));
    let who = house.comes_in(code(&second, 1)).await.unwrap();

    // Lost: withdrawn by one person, and what was open ends.
    assert_eq!(
        house.withdraws(&house.officer, first.id).await,
        Err(AccountError::Meanwhile),
        "not one that serves no more"
    );
    it.outside("CREATE TABLE kept AS SELECT * FROM sheet_codes").await;
    house.withdraws(&house.officer, second.id).await.unwrap();
    assert!(it.journal.is_revoked(who.session));
    it.outside("INSERT INTO sheet_codes SELECT * FROM kept").await;
    assert!(house.comes_in(code(&second, 2)).await.is_none(), "nor put back");
    it.wait();
    assert!(house.comes_in(&it.code(1)).await.is_none(), "the application does not come back");
    let seen = house.seen().await;
    assert!(seen.instead && seen.serves.is_none() && seen.is_short(it.clock.now()));

    // One that waits is withdrawn alone: nothing else changes.
    let third = house.draws(None).await.unwrap();
    house.confirms(&house.officer, third.id).await.unwrap();
    let who = house.comes_in(code(&third, 1)).await.unwrap();
    let fourth = house.draws(None).await.unwrap();
    house.withdraws(&house.admin, fourth.id).await.unwrap();
    assert!(!it.journal.is_revoked(who.session) && house.comes_in(code(&third, 2)).await.is_some());
    assert_eq!(house.confirms(&house.officer, fourth.id).await, Err(AccountError::Absent));

    it.clock.advance(i64::try_from(SHEET_LIFE.as_secs()).unwrap());
    assert!(house.comes_in(code(&third, 3)).await.is_none(), "over");
}
both!(a_sheet_ends_is_replaced_at_once_and_withdrawn);

async fn this_was_not_me_and_an_application_in_hand_end_a_sheet(database: &TestDatabase) {
    let house = house(database).await;
    let it = &house.it;
    let sheet = house.given().await;
    let who = house.comes_in(code(&sheet, 1)).await.unwrap();
    it.outside("CREATE TABLE kept AS SELECT * FROM sheet_codes").await;
    let spare = it.service.draw_spare_codes(&who, Secret::new(PASSWORD.into())).await;
    assert_eq!(spare.err(), Some(crate::OwnError::Denied), "they would outlive the sheet");
    let renewals = house.renewals().await;
    it.service.disown(&who).await.unwrap();
    assert_eq!(house.renewals().await, renewals + 1, "a passkey that somebody added meanwhile opens nothing by itself");
    it.outside("INSERT INTO sheet_codes SELECT * FROM kept").await;
    assert!(house.comes_in(code(&sheet, 2)).await.is_none(), "whoever found it has nothing");
    let own = it.service.own_sheet(&who).await.unwrap().unwrap();
    assert!(own.instead && own.serves.is_none(), "{own:?}");

    it.outside("DELETE FROM sheet_codes").await;
    let sheet = house.given().await;
    let who = house.comes_in(code(&sheet, 1)).await.unwrap();
    let other = TotpSecret::from_bytes([7; 20]);
    it.service.change_second_factor(&who, Secret::new(PASSWORD.into()), (other, &it.code(7))).await.unwrap();
    assert_eq!(it.service.own_sheet(&who).await, Ok(None));
    it.wait();
    assert!(house.comes_in(code(&sheet, 2)).await.is_none());
    assert!(house.comes_in(&it.code(7)).await.is_some());
}
both!(this_was_not_me_and_an_application_in_hand_end_a_sheet);

/// What the holder of a link sends who was handed a sheet.
fn chosen(code: &str, second: &str) -> Chosen {
    Chosen {
        password: Secret::new(NEW.into()),
        totp: None,
        code: code.into(),
        second: second.into(),
        lang: Lang::Fr,
        device: String::new(),
    }
}

async fn a_link_asks_for_a_code_of_the_sheet_and_for_the_second_persons(database: &TestDatabase) {
    let house = house(database).await;
    let (it, portal) = (&house.it, &house.it.service);
    let sheet = house.draws(None).await.unwrap();
    let (link, told) = house.linked().await;
    let (secret, told) = (link.secret.expose().as_str(), told.as_str());
    assert_eq!(house.confirms(&house.officer, sheet.id).await, Err(AccountError::SheetByLink), "the link's page does");
    let welcome = portal.link(secret, address(3)).await.unwrap();
    assert!(welcome.totp.is_none() && welcome.asks_second);
    // Whoever drew both has no word of the second person's, and it is asked for before anything is tried.
    let alone = portal.take_link(secret, chosen(code(&sheet, 1), ""), address(3)).await.err();
    assert_eq!(alone, Some(LinkError::Second));
    // Whoever found the letter and heard the code has no sheet, nor an application to put in its place.
    let own = Chosen { totp: Some(TotpSecret::from_bytes([7; 20])), ..chosen(&it.code(7), told) };
    assert_eq!(portal.take_link(secret, own, address(3)).await.err(), Some(LinkError::Code));
    for number in [SHEET_WINDOW + 1, SHEET_CODES] {
        let from = address(40 + number);
        let tried = portal.take_link(secret, chosen(code(&sheet, number), told), from).await.err();
        assert_eq!(tried, Some(LinkError::Code), "{number}");
        let early = portal.take_link(secret, chosen(code(&sheet, 1), told), from).await.err();
        assert!(matches!(early, Some(LinkError::TooMany(_))), "guesses are counted as at the door: {early:?}");
    }
    let early = it.sign_in("camille", PASSWORD, &it.code(1), address(40 + SHEET_CODES)).await.err();
    assert!(matches!(early, Some(SecondStepError::TooMany(_))), "by the same counters: {early:?}");
    let short = Chosen { password: Secret::new("court".into()), ..chosen(code(&sheet, 1), told) };
    assert!(matches!(portal.take_link(secret, short, address(4)).await, Err(LinkError::Password(_))));

    portal.take_link(secret, chosen(code(&sheet, 1), told), address(4)).await.unwrap();
    let again = portal.take_link(secret, chosen(code(&sheet, 2), told), address(4)).await.err();
    assert_eq!(again, Some(LinkError::Absent), "once");
    it.wait();
    for (password, code, opens) in [
        (NEW, code(&sheet, 1), false),
        (PASSWORD, code(&sheet, 2), false),
        (NEW, it.code(1).as_str(), false),
        (NEW, code(&sheet, 2), true),
    ] {
        it.clock.advance(10);
        assert_eq!(it.sign_in("camille", password, code, address(9)).await.is_ok(), opens, "{password} {code}");
    }
    // A forgotten password: the link asks for a code of the sheet that serves.
    let (link, told) = house.linked().await;
    let taken = chosen(code(&sheet, 3), &told);
    portal.take_link(link.secret.expose(), taken, address(5)).await.unwrap();
    assert_eq!((house.seen().await.left, house.seen().await.next), (27, Some(4)));
    // Withdrawn, an application is enrolled again by the next link.
    house.withdraws(&house.admin, sheet.id).await.unwrap();
    let (link, second) = house.linked().await;
    assert!(portal.link(link.secret.expose(), address(5)).await.unwrap().totp.is_some());
    portal.take_link(link.secret.expose(), Chosen { second, ..it.chosen(7) }, address(5)).await.unwrap();
    it.wait();
    assert!(it.sign_in("camille", NEW, &it.code(7), address(8)).await.is_ok());
    assert!(!house.seen().await.instead);
}
both!(a_link_asks_for_a_code_of_the_sheet_and_for_the_second_persons);

async fn a_code_is_taken_away_once(database: &TestDatabase) {
    use crate::accounts::sheets::sql::{first, spend};
    let house = house(database).await;
    let sheet = (house.camille, house.given().await.id);
    let mut outside = sqlx::AnyPool::connect(&house.it.url).await.unwrap().acquire().await.unwrap();
    let numbers = |rows: Vec<(u8, [u8; 32])>| rows.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
    assert!(spend(&mut outside, sheet, 3).await.unwrap());
    assert!(!spend(&mut outside, sheet, 3).await.unwrap(), "of two at once, the later one finds it gone");
    assert!(!spend(&mut outside, sheet, 2).await.unwrap(), "it was passed over");
    assert_eq!(numbers(first(&mut outside, sheet, 3).await.unwrap()), [4, 5, 6]);
    let another = (house.camille, SheetId::from_bytes([9; 16]));
    assert!(!spend(&mut outside, another, 4).await.unwrap());
}
both!(a_code_is_taken_away_once);

async fn unknown_logins_and_accounts_without_a_sheet_are_answered_alike(database: &TestDatabase) {
    let house = house(database).await;
    let sheet = house.given().await;
    house.it.enrol("yann", Role::Patient, 2).await.unwrap();
    let mut answers = Vec::new();
    for (from, login) in (60..).zip(["camille", "yann", "personne"]) {
        let ceremony = house.it.service.first_step(login, Secret::new(PASSWORD.into()), address(from)).await.unwrap();
        let answer = house.it.service.second_step(&ceremony, code(&sheet, SHEET_CODES), address(from)).await.err();
        answers.push((ceremony.len(), answer));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].1, Some(SecondStepError::Refused));
}
both!(unknown_logins_and_accounts_without_a_sheet_are_answered_alike);

#[test]
fn what_is_kept_of_a_code_is_its_accounts_its_sheets_and_its_numbers() {
    use crate::accounts::sheets::model::sheet_digest;
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
    let keys = master.keys_for(Holder::Door(Door::Portal));
    let digest = |account: u8, sheet: u8, number: u8, code: u8| {
        let of = (AccountId::from_bytes([account; 16]), SheetId::from_bytes([sheet; 16]), number);
        sheet_digest(&keys, of, &identity::SheetCode::draw([code; 8])).unwrap()
    };
    let one = digest(1, 2, 3, 4);
    assert_eq!(one, digest(1, 2, 3, 4));
    for other in [digest(9, 2, 3, 4), digest(1, 9, 3, 4), digest(1, 2, 9, 4), digest(1, 2, 3, 9)] {
        assert_ne!(one, other);
    }
}

async fn nobody_is_asked_for_a_code_of_a_sheet_that_is_used_up(database: &TestDatabase) {
    let house = house(database).await;
    let sheet = house.given().await;
    for last in [5, 10, 15, 20, 25] {
        house.comes_in(code(&sheet, last)).await.unwrap();
    }
    let portal = &house.it.service;
    let welcomed = async || {
        let (link, _) = house.linked().await;
        portal.link(link.secret.expose(), address(5)).await.unwrap().totp.is_some()
    };
    assert!(!welcomed().await, "five are left");
    house.comes_in(code(&sheet, 30)).await.unwrap();
    assert!(welcomed().await, "an application is enrolled");
}
both!(nobody_is_asked_for_a_code_of_a_sheet_that_is_used_up);
