//! An account in use is given other means after a delay, of which its holder is warned: he stops it, or lets it pass at once.

use super::{accounts::invitation, *};
use crate::{
    About, AccountError, Accounts, Chosen, DrawnLink, LinkError, NewInvitation, OwnError, RENEWAL_DELAY,
    RENEWAL_LINK_LIFE, SecondCode,
};
use policy::Lacking;
use types::{AccountState, Event, IdentityProof, LifeReason};

const NEW: &str = "Vingt-7 herons gris au gué";
const AGAIN: &str = "Trente-8 lanternes sur le quai";
const MAIL: &str = "ines@radiance.example";

fn seconds(of: Duration) -> i64 {
    i64::try_from(of.as_secs()).unwrap()
}

fn secret(link: &DrawnLink) -> &str {
    link.secret.expose()
}

/// An administrator, and somebody in use whose account he gives other means.
struct House {
    it: Fixture,
    accounts: Accounts,
    desk: SignInService,
    admin: String,
    ines: String,
    account: AccountId,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        let it = fixture(database).await;
        it.enrol("admin", Role::Administrator, 1).await.unwrap();
        let (accounts, desk) = (it.delaying_accounts(), it.door(Door::Desk, DESK).with_mail(outbox::post()));
        accounts.write_mail(outbox::post());
        let admin = cookie(&it, &desk, ("admin", PASSWORD, 1)).await;
        let who = desk.resume(&admin, address(1)).await.unwrap();
        let new = NewInvitation { mail: Some(MAIL.into()), ..invitation("ines", Role::OnCall) };
        let (account, link) = accounts.invite(&who.authenticated, new).await.unwrap();
        assert_eq!(link.opens, None, "nobody has a new account yet: nobody is to be warned");
        desk.take_link(secret(&link), it.chosen(7), address(3)).await.unwrap();
        it.wait();
        let ines = cookie(&it, &desk, ("ines", NEW, 7)).await;
        it.outbox().take(100).await.unwrap();
        Self { it, accounts, desk, admin, ines, account }
    }

    async fn admin(&self) -> SignedIn {
        self.desk.resume(&self.admin, address(1)).await.unwrap()
    }

    async fn ines(&self) -> SignedIn {
        self.desk.resume(&self.ines, address(1)).await.unwrap()
    }

    async fn draw(&self, proof: IdentityProof) -> Result<DrawnLink, AccountError> {
        self.accounts.draw_link(&self.admin().await.authenticated, self.account, proof).await
    }

    async fn drawn(&self) -> DrawnLink {
        self.draw(IdentityProof::Known).await.unwrap()
    }

    /// What the link's page answers.
    async fn looked(&self, link: &DrawnLink) -> Result<bool, LinkError> {
        self.desk.link(secret(link), address(3)).await.map(|welcome| welcome.anew)
    }

    async fn taken(&self, link: &DrawnLink) -> Result<(), LinkError> {
        self.desk.take_link(secret(link), again(&self.it), address(3)).await
    }
}

async fn cookie(it: &Fixture, desk: &SignInService, (login, password, secret): (&str, &str, u8)) -> String {
    let ceremony = desk.first_step(login, Secret::new(password.into()), address(1)).await.unwrap();
    desk.second_step(&ceremony, &it.code(secret), address(1)).await.unwrap().cookie
}

/// What somebody chooses the second time.
fn again(it: &Fixture) -> Chosen {
    Chosen { password: Secret::new(AGAIN.into()), ..it.chosen(8) }
}

async fn an_account_in_use_changes_hands_a_day_later_and_its_holder_knows(database: &TestDatabase) {
    let house = House::new(database).await;
    let now = house.it.clock.now();
    let (link, opens) = (house.drawn().await, now + RENEWAL_DELAY);
    assert_eq!((link.opens, link.expires), (Some(opens), opens + RENEWAL_LINK_LIFE));
    let told = house.it.outbox().take(100).await.unwrap().remove(0);
    assert_eq!((told.about, told.link.unwrap().opens), (About::Link, Some(opens)), "the old address is warned");
    let seen = house.desk.own_account(&house.ines().await).await.unwrap().link.unwrap();
    assert_eq!((seen.id, seen.drawn, seen.opens), (link.id, now, Some(opens)));

    let early = Err(LinkError::Early(opens));
    assert_eq!(house.looked(&link).await.map(|_| ()), early);
    assert_eq!(house.taken(&link).await, early);
    // Whoever writes the table, and has no key, hastens nothing.
    house.it.outside("UPDATE account_links SET expires_micros = 0").await;
    house.it.clock.advance(seconds(RENEWAL_DELAY) - 1);
    assert_eq!(house.taken(&link).await, early, "a second before");
    house.it.clock.advance(1);
    house.taken(&link).await.unwrap();
    house.it.wait();
    assert!(house.it.comes_in("ines", NEW, 7).await.is_err() && house.it.comes_in("ines", AGAIN, 8).await.is_ok());
}
both!(an_account_in_use_changes_hands_a_day_later_and_its_holder_knows);

async fn a_new_link_begins_the_delay_again_and_serves_for_a_day(database: &TestDatabase) {
    let house = House::new(database).await;
    house.accounts.delay_renewals(Duration::from_secs(120));
    let first = house.drawn().await;
    house.it.clock.advance(60);
    let second = house.drawn().await;
    house.it.clock.advance(60);
    assert_eq!(house.looked(&first).await, Err(LinkError::Absent), "replaced");
    assert!(matches!(house.looked(&second).await, Err(LinkError::Early(_))));
    house.it.clock.advance(60);
    assert_eq!(house.looked(&second).await, Ok(true));
    house.it.clock.advance(seconds(RENEWAL_LINK_LIFE));
    assert_eq!(house.looked(&second).await, Err(LinkError::Absent), "over");
}
both!(a_new_link_begins_the_delay_again_and_serves_for_a_day);

async fn whoever_asked_for_it_and_proves_who_he_is_does_not_wait(database: &TestDatabase) {
    let house = House::new(database).await;
    let first = house.drawn().await;
    let link = house.drawn().await;
    let (ines, admin) = (house.ines().await, house.admin().await);
    assert_eq!(house.desk.allow_link(&ines, first.id).await, Err(OwnError::Meanwhile), "another than he was shown");
    assert_eq!(house.desk.allow_link(&admin, link.id).await, Err(OwnError::Meanwhile), "not his");
    assert!(matches!(house.looked(&link).await, Err(LinkError::Early(_))));

    house.it.outbox().take(100).await.unwrap();
    house.desk.allow_link(&ines, link.id).await.unwrap();
    let told = house.it.outbox().take(100).await.unwrap();
    assert_eq!(told.iter().map(|one| one.about).collect::<Vec<_>>(), [About::LinkAllowed]);
    assert_eq!(house.it.told(Event::LinkAllowed), 1);
    assert_eq!(house.desk.own_account(&ines).await.unwrap().link.unwrap().opens, None);
    house.it.wait();
    house.taken(&link).await.unwrap();
    assert_eq!(house.desk.allow_link(&ines, link.id).await, Err(OwnError::Meanwhile), "it has served");
}
both!(whoever_asked_for_it_and_proves_who_he_is_does_not_wait);

async fn a_session_left_open_lets_nothing_pass(database: &TestDatabase) {
    let house = House::new(database).await;
    house.it.clock.advance(600);
    // Whoever manages accounts has just signed in; who left his session open has not.
    let who = house.it.somebody((Door::Desk, DESK), "adjoint", Role::Administrator, 2).await;
    let link = house.accounts.draw_link(&who.authenticated, house.account, IdentityProof::Known).await.unwrap();
    let stale = house.desk.allow_link(&house.ines().await, link.id).await;
    assert_eq!(stale, Err(OwnError::Lacking(Lacking::Fresh)));
    assert!(matches!(house.looked(&link).await, Err(LinkError::Early(_))));
    // He stops it all the same.
    house.desk.disown(&house.ines().await).await.unwrap();
    house.it.clock.advance(seconds(RENEWAL_DELAY));
    assert_eq!(house.looked(&link).await, Err(LinkError::Absent));
}
both!(a_session_left_open_lets_nothing_pass);

async fn its_holder_does_not_stand_in_for_the_second_person(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let (accounts, desk) = (it.delaying_accounts(), it.door(Door::Desk, DESK));
    let link = accounts.draw_link(&admin.authenticated, officer.account, IdentityProof::InPerson).await.unwrap();
    desk.allow_link(&officer, link.id).await.unwrap();
    assert_eq!(desk.link(secret(&link), address(3)).await.err(), Some(LinkError::Waits));
    let other = it.at_desk("adjoint", Role::Administrator, 3).await;
    let SecondCode(code) = accounts.confirm_link(&other.authenticated, officer.account, link.id).await.unwrap();
    let unsaid = desk.take_link(secret(&link), again(&it), address(3)).await.err();
    assert_eq!(unsaid, Some(LinkError::Second));
    let chosen = Chosen { second: code.expose().clone(), ..again(&it) };
    desk.take_link(secret(&link), chosen, address(3)).await.unwrap();
}
both!(its_holder_does_not_stand_in_for_the_second_person);

async fn what_decides_over_others_waits_too_when_it_is_given_back(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let accounts = it.delaying_accounts();
    let suspended = (AccountState::Suspended, LifeReason::Suspicion);
    accounts.change_state(&admin.authenticated, officer.account, suspended).await.unwrap();
    let link = accounts.draw_link(&admin.authenticated, officer.account, IdentityProof::InPerson).await.unwrap();
    assert_eq!(link.opens, Some(it.clock.now() + RENEWAL_DELAY));
}
both!(what_decides_over_others_waits_too_when_it_is_given_back);

async fn an_employers_word_opens_an_account_and_moves_none(database: &TestDatabase) {
    let house = House::new(database).await;
    for proof in IdentityProof::ALL {
        let refused = (*proof == IdentityProof::Employer).then_some(AccountError::Proof);
        assert_eq!(house.draw(*proof).await.err(), refused, "{proof}");
    }
    let who = house.admin().await.authenticated;
    let (account, _) = house.accounts.invite(&who, invitation("neuf", Role::OnCall)).await.unwrap();
    assert!(house.accounts.draw_link(&who, account, IdentityProof::Employer).await.is_ok());
}
both!(an_employers_word_opens_an_account_and_moves_none);

async fn what_its_holder_changes_himself_ends_the_link(database: &TestDatabase) {
    let house = House::new(database).await;
    let link = house.drawn().await;
    let ines = house.ines().await;
    let (current, new) = (Secret::new(NEW.into()), Secret::new(AGAIN.into()));
    house.desk.change_password(&ines, current, new).await.unwrap();
    assert_eq!(house.desk.own_account(&house.ines().await).await.unwrap().link, None, "nothing to stop any more");
    assert_eq!(house.desk.allow_link(&house.ines().await, link.id).await, Err(OwnError::Meanwhile));
    house.it.clock.advance(seconds(RENEWAL_DELAY));
    assert_eq!(house.looked(&link).await, Err(LinkError::Absent));
}
both!(what_its_holder_changes_himself_ends_the_link);
