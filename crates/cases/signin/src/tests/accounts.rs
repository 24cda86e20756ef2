//! The life of accounts, and the links by which people choose their means.

use super::*;
use crate::{
    AccountError, AccountQuery, Accounts, Attributes, Chosen, DrawnLink, LinkError, NewInvitation, OwnError,
    RENEWAL_LINK_LIFE, SecondCode,
};
use journal::Revoked;
use store::Engine;
use types::{AccountState, IdentityProof, LifeReason};

pub(super) const NEW: &str = "Vingt-7 herons gris au gué";

impl Fixture {
    /// Where the delay before an account in use changes hands is not what is looked at.
    pub(super) fn accounts(&self) -> Accounts {
        let accounts = self.delaying_accounts();
        accounts.delay_renewals(Duration::ZERO);
        accounts
    }

    pub(super) fn delaying_accounts(&self) -> Accounts {
        let keys = self.master.keys_for(Holder::Door(Door::Desk));
        Accounts::new(self.store.clone(), self.journal.clone(), Arc::clone(&self.policies), keys)
    }

    pub(super) async fn at_desk(&self, login: &str, role: Role, secret: u8) -> SignedIn {
        self.somebody((Door::Desk, DESK), login, role, secret).await
    }

    pub(super) fn chosen(&self, secret: u8) -> Chosen {
        let totp = TotpSecret::from_bytes([secret; 20]);
        Chosen {
            password: Secret::new(NEW.into()),
            totp: Some(totp),
            code: self.code(secret),
            second: String::new(),
            lang: Lang::Fr,
            device: String::new(),
        }
    }

    /// Each time from another address: nobody waits for the failure before.
    pub(super) async fn comes_in(&self, login: &str, password: &str, secret: u8) -> Result<SignedIn, SecondStepError> {
        static NEXT: AtomicU32 = AtomicU32::new(100);
        let from = address(u8::try_from(NEXT.fetch_add(1, Ordering::Relaxed) % 256).unwrap());
        let service = self.door(Door::Desk, DESK);
        let ceremony = service.first_step(login, Secret::new(password.into()), from).await.unwrap();
        let opened = service.second_step(&ceremony, &self.code(secret), from).await?;
        Ok(service.resume(&opened.cookie, from).await.unwrap())
    }

    /// Seconds pass, so that a code of each serves, but nobody's session ends.
    pub(super) fn wait(&self) {
        self.clock.advance(31);
    }
}

pub(super) fn invitation(login: &str, role: Role) -> NewInvitation {
    let attributes =
        Attributes { given_name: "Inès".into(), family_name: "Delmas".into(), profession: None, rpps: None };
    NewInvitation { login: login.into(), attributes, role, supplier: None, proof: IdentityProof::InPerson, mail: None }
}

fn secret(link: &DrawnLink) -> &str {
    link.secret.expose()
}

async fn somebody_invited_chooses_his_means_once(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let (accounts, desk) = (it.accounts(), it.door(Door::Desk, DESK));
    let (account, link) = accounts.invite(&admin.authenticated, invitation(" Ines ", Role::OnCall)).await.unwrap();
    assert!(!link.waits, "one person is enough for whoever decides over nobody");
    assert_eq!(it.comes_in("ines", NEW, 7).await.err(), Some(SecondStepError::Refused), "not before");

    // Neither another door, nor a code that does not fit, nor a short password spends it; nor does looking.
    let portal = &it.service;
    assert_eq!(portal.link(secret(&link), address(3)).await.err(), Some(LinkError::Absent));
    let welcome = desk.link(secret(&link), address(3)).await.unwrap();
    assert_eq!((welcome.display_name.as_str(), welcome.login.as_str(), welcome.anew), ("Inès Delmas", "ines", false));
    let wrong = Chosen { code: "000000".into(), ..it.chosen(7) };
    assert_eq!(desk.take_link(secret(&link), wrong, address(3)).await.err(), Some(LinkError::Code));
    let short = Chosen { password: Secret::new("court".into()), ..it.chosen(7) };
    assert!(matches!(desk.take_link(secret(&link), short, address(3)).await, Err(LinkError::Password(_))));

    desk.take_link(secret(&link), it.chosen(7), address(3)).await.unwrap();
    assert_eq!(desk.take_link(secret(&link), it.chosen(7), address(3)).await.err(), Some(LinkError::Absent), "once");
    assert_eq!(it.comes_in("ines", NEW, 7).await.err(), Some(SecondStepError::Refused), "its code was shown already");
    it.wait();
    let ines = it.comes_in("ines", NEW, 7).await.unwrap();
    assert_eq!((ines.account, ines.role), (account, Role::OnCall));
    let sheet = accounts.one(&admin.authenticated, account).await.unwrap();
    assert_eq!(
        (sheet.seen.state, sheet.proof, sheet.sessions),
        (AccountState::Active, Some(IdentityProof::InPerson), 1)
    );
    assert_eq!(accounts.one(&ines.authenticated, account).await.err(), Some(AccountError::Denied));
}
both!(somebody_invited_chooses_his_means_once);

async fn whoever_registers_patients_draws_their_first_links(database: &TestDatabase) {
    let it = fixture(database).await;
    let (accounts, portal) = (it.accounts(), &it.service);
    let (account, link) = it.enrolment.invite(&accounts, HERE, invitation("camille", Role::Patient)).await.unwrap();
    assert!(!link.waits, "the command holds the keys: nobody confirms it");
    let desk = it.door(Door::Desk, DESK);
    assert_eq!(desk.link(secret(&link), address(3)).await.err(), Some(LinkError::Absent), "of another door");
    let early = it.sign_in("camille", NEW, "000000", address(3)).await.err();
    assert_eq!(early, Some(SecondStepError::Refused), "not before its holder chose");
    assert_eq!(portal.link(secret(&link), address(3)).await.unwrap().login, "camille");
    portal.take_link(secret(&link), it.chosen(7), address(3)).await.unwrap();
    assert_eq!(portal.take_link(secret(&link), it.chosen(7), address(3)).await.err(), Some(LinkError::Absent));
    it.wait();
    let opened = it.sign_in("camille", NEW, &it.code(7), address(3)).await.unwrap();
    let camille = portal.resume(&opened.cookie, address(3)).await.unwrap();
    assert_eq!((camille.account, camille.role), (account, Role::Patient));

    // What is not hers is not kept of her, and what a professional is by trade is asked.
    let with = |login: &str, role, profession: Option<&str>, rpps: Option<&str>| {
        let mut new = invitation(login, role);
        new.attributes.profession = profession.map(Into::into);
        new.attributes.rpps = rpps.map(Into::into);
        new
    };
    for (new, wrong) in [
        (with("deux", Role::Patient, Some("Médecin"), None), "profession_nobodys"),
        (with("deux", Role::Relative, None, Some("10000000001")), "rpps_nobodys"),
        (with("deux", Role::Professional, None, None), "profession_missing"),
        (with("sonde.poterne.desk.x", Role::Patient, None, None), "login"),
    ] {
        assert_eq!(it.enrolment.invite(&accounts, HERE, new).await.err(), Some(AccountError::Field(wrong)));
    }
    let taken = it.enrolment.invite(&accounts, HERE, invitation(" Camille", Role::Relative)).await.err();
    assert_eq!(taken, Some(AccountError::Taken));
    // At the desk nobody does: whose records they would open is not known there.
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let refused = accounts.invite(&admin.authenticated, invitation("deux", Role::Patient)).await.err();
    assert_eq!(refused, Some(AccountError::Field("role")));
}
both!(whoever_registers_patients_draws_their_first_links);

async fn a_link_ends_is_replaced_withdrawn_and_cannot_be_put_back(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let who = &admin.authenticated;
    let (accounts, desk) = (it.accounts(), it.door(Door::Desk, DESK));
    let (account, first) = accounts.invite(who, invitation("ines", Role::OnCall)).await.unwrap();
    let second = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    assert_eq!(desk.link(secret(&first), address(3)).await.err(), Some(LinkError::Absent), "replaced");
    let of_before = accounts.withdraw_link(who, account, first.id).await.err();
    assert_eq!(of_before, Some(AccountError::Meanwhile), "another was drawn since the page was shown");
    it.outside("CREATE TABLE withdrawn AS SELECT * FROM account_links").await;
    accounts.withdraw_link(who, account, second.id).await.unwrap();
    assert_eq!(desk.link(secret(&second), address(3)).await.err(), Some(LinkError::Absent), "withdrawn");
    assert_eq!(accounts.withdraw_link(who, account, second.id).await.err(), Some(AccountError::Absent));
    it.outside("INSERT INTO account_links SELECT * FROM withdrawn").await;
    assert_eq!(desk.link(secret(&second), address(3)).await.err(), Some(LinkError::Absent), "nor put back");
    assert_eq!(accounts.one(who, account).await.unwrap().seen.link, None);

    // One that served, put back by somebody with the database, is for means that were given since.
    let third = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    it.outside("CREATE TABLE kept AS SELECT * FROM account_links").await;
    desk.take_link(secret(&third), it.chosen(7), address(3)).await.unwrap();
    it.outside("INSERT INTO account_links SELECT * FROM kept").await;
    assert_eq!(desk.link(secret(&third), address(3)).await.err(), Some(LinkError::Absent), "put back");
    // Nor does moving it to another account, or giving it more time, make it serve.
    let fourth = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    it.outside("UPDATE account_links SET expires_micros = 9000000000000000").await;
    it.clock.advance(i64::try_from(RENEWAL_LINK_LIFE.as_secs()).unwrap());
    assert_eq!(desk.link(secret(&fourth), address(3)).await.err(), Some(LinkError::Absent), "over");
    for garbage in ["", "x", &"A".repeat(43), &"A".repeat(44), "é"] {
        assert_eq!(desk.link(garbage, address(3)).await.err(), Some(LinkError::Absent), "{garbage}");
    }
}
both!(a_link_ends_is_replaced_withdrawn_and_cannot_be_put_back);

async fn what_somebody_suspended_left_behind_opens_nothing(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let other = it.at_desk("adjoint", Role::Administrator, 2).await;
    let (accounts, desk) = (it.accounts(), it.door(Door::Desk, DESK));
    let (account, link) = accounts.invite(&other.authenticated, invitation("ines", Role::OnCall)).await.unwrap();
    assert!(desk.link(secret(&link), address(3)).await.is_ok());
    let to = |account, state, reason| accounts.change_state(&admin.authenticated, account, (state, reason));
    to(other.account, AccountState::Suspended, LifeReason::Suspicion).await.unwrap();
    assert_eq!(desk.link(secret(&link), address(3)).await.err(), Some(LinkError::Absent));
    assert_eq!(desk.take_link(secret(&link), it.chosen(7), address(3)).await.err(), Some(LinkError::Absent));

    // One that was drawn while the account was being suspended does not wake up with it.
    it.outside("CREATE TABLE kept AS SELECT * FROM account_links").await;
    let link = accounts.draw_link(&admin.authenticated, account, IdentityProof::Known).await.unwrap();
    desk.take_link(secret(&link), it.chosen(7), address(3)).await.unwrap();
    let anew = accounts.draw_link(&admin.authenticated, account, IdentityProof::Known).await.unwrap();
    it.outside("DELETE FROM kept").await;
    it.outside("INSERT INTO kept SELECT * FROM account_links").await;
    to(account, AccountState::Suspended, LifeReason::Absence).await.unwrap();
    it.outside("INSERT INTO account_links SELECT * FROM kept").await;
    to(account, AccountState::Active, LifeReason::Back).await.unwrap();
    assert_eq!(desk.link(secret(&anew), address(3)).await.err(), Some(LinkError::Absent));
}
both!(what_somebody_suspended_left_behind_opens_nothing);

async fn one_person_alone_gives_nobody_a_role_over_others(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let (accounts, desk) = (it.accounts(), it.door(Door::Desk, DESK));
    let (account, link) = accounts.invite(&admin.authenticated, invitation("ines", Role::Administrator)).await.unwrap();
    assert!(link.waits);
    assert_eq!(desk.link(secret(&link), address(3)).await.err(), Some(LinkError::Waits));
    assert_eq!(desk.take_link(secret(&link), it.chosen(7), address(3)).await.err(), Some(LinkError::Waits));
    let alone = accounts.confirm_link(&admin.authenticated, account, link.id).await.err();
    assert_eq!(alone, Some(AccountError::Second));
    let SecondCode(code) = accounts.confirm_link(&officer.authenticated, account, link.id).await.unwrap();
    let again = accounts.confirm_link(&officer.authenticated, account, link.id).await.err();
    assert_eq!(again, Some(AccountError::Absent), "once");
    // Whoever drew the link does not have the code; whoever has the code never saw the link.
    assert!(desk.link(secret(&link), address(3)).await.unwrap().asks_second);
    for told in ["", "7k2m9-qxt0a", "123456"] {
        let chosen = Chosen { second: told.into(), ..it.chosen(7) };
        assert_eq!(desk.take_link(secret(&link), chosen, address(3)).await.err(), Some(LinkError::Second), "{told}");
    }
    let told = Chosen { second: code.expose().to_uppercase(), ..it.chosen(7) };
    desk.take_link(secret(&link), told, address(3)).await.unwrap();
    it.wait();
    let ines = it.comes_in("ines", NEW, 7).await.unwrap();

    // Whose account opens somebody's record is given new means by two people too: one alone would read as the patient.
    let camille = it.enrol("camille", Role::Patient, 5).await.unwrap();
    assert!(accounts.draw_link(&admin.authenticated, camille, IdentityProof::Known).await.unwrap().waits);

    // Giving an administrator new means is giving the role again; and nobody draws a link for himself.
    let anew = accounts.draw_link(&admin.authenticated, ines.account, IdentityProof::Known).await.unwrap();
    assert!(anew.waits);
    let herself = accounts.confirm_link(&ines.authenticated, ines.account, anew.id).await.err();
    assert_eq!(herself, Some(AccountError::Second));
    let own = accounts.draw_link(&admin.authenticated, admin.account, IdentityProof::Known).await.err();
    assert_eq!(own, Some(AccountError::Oneself));
    // The officer confirms and suspends; he invites nobody and reopens nothing.
    let who = &officer.authenticated;
    let invited = accounts.invite(who, invitation("autre", Role::OnCall)).await.err();
    assert_eq!(invited, Some(AccountError::Denied));
    accounts.change_state(who, account, (AccountState::Suspended, LifeReason::Suspicion)).await.unwrap();
    let back = accounts.change_state(who, account, (AccountState::Active, LifeReason::Back)).await.err();
    assert_eq!(back, Some(AccountError::Denied));

    // Nor does one person alone give it back: it takes a link, and a second person's code.
    let sheet = accounts.one(&admin.authenticated, account).await.unwrap();
    assert!(!sheet.may_become.contains(&AccountState::Active));
    let back = (AccountState::Active, LifeReason::Back);
    let alone = accounts.change_state(&admin.authenticated, account, back).await.err();
    assert_eq!(alone, Some(AccountError::ByLink));
    let link = accounts.draw_link(&admin.authenticated, account, IdentityProof::InPerson).await.unwrap();
    assert_eq!(desk.take_link(secret(&link), it.chosen(8), address(3)).await.err(), Some(LinkError::Waits));
    let SecondCode(code) = accounts.confirm_link(&officer.authenticated, account, link.id).await.unwrap();
    assert_eq!(it.comes_in("ines", NEW, 7).await.err(), Some(SecondStepError::Refused), "not yet");
    let told = Chosen { second: code.expose().clone(), ..it.chosen(8) };
    desk.take_link(secret(&link), told, address(3)).await.unwrap();
    it.wait();
    assert_eq!(it.comes_in("ines", NEW, 8).await.unwrap().account, account);
}
both!(one_person_alone_gives_nobody_a_role_over_others);

async fn what_is_suspended_or_blocked_is_out_at_once(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let who = &admin.authenticated;
    it.enrol("ines", Role::OnCall, 7).await.unwrap();
    let accounts = it.accounts();
    let desk = it.door(Door::Desk, DESK);
    let ceremony = desk.first_step("ines", Secret::new(PASSWORD.into()), address(4)).await.unwrap();
    let opened = desk.second_step(&ceremony, &it.code(7), address(4)).await.unwrap();
    let ines = desk.resume(&opened.cookie, address(4)).await.unwrap();
    let halfway = desk.first_step("ines", Secret::new(PASSWORD.into()), address(4)).await.unwrap();
    let to = |state, reason| accounts.change_state(who, ines.account, (state, reason));

    to(AccountState::Suspended, LifeReason::Suspicion).await.unwrap();
    assert!(matches!(desk.resume(&opened.cookie, address(4)).await, Err(SessionFault::SignedOut)));
    it.wait();
    let tried = desk.second_step(&halfway, &it.code(7), address(4)).await.err();
    assert_eq!(tried, Some(SecondStepError::Refused), "nor does a sign-in that was half-way end well");
    let wrong = [
        (AccountState::Suspended, LifeReason::Suspicion),
        (AccountState::Active, LifeReason::Death),
        (AccountState::Invited, LifeReason::Back),
        (AccountState::Blocked, LifeReason::Absence),
    ];
    for (state, reason) in wrong {
        assert_eq!(to(state, reason).await.err(), Some(AccountError::Life), "{state} {reason}");
    }
    assert_eq!(accounts.draw_link(who, ines.account, IdentityProof::Known).await.err(), Some(AccountError::Life));
    // Whoever writes the column reopens nothing: the door fails, and nobody comes in.
    it.outside("UPDATE accounts SET state = 'active'").await;
    assert!(desk.first_step("ines", Secret::new(PASSWORD.into()), address(5)).await.is_err());
    it.outside("UPDATE accounts SET state = 'suspended' WHERE role = 'on_call'").await;
    to(AccountState::Active, LifeReason::Back).await.unwrap();
    it.wait();
    it.wait();
    assert!(it.comes_in("ines", PASSWORD, 7).await.is_ok());
    // A proof of identity is worth a minute.
    let admin = it.comes_in("admin", PASSWORD, 1).await.unwrap();
    let to = |state, reason| accounts.change_state(&admin.authenticated, ines.account, (state, reason));
    to(AccountState::Blocked, LifeReason::Departure).await.unwrap();
    to(AccountState::Closed, LifeReason::Departure).await.unwrap();
    assert_eq!(to(AccountState::Active, LifeReason::Back).await.err(), Some(AccountError::Life), "closed for good");
}
both!(what_is_suspended_or_blocked_is_out_at_once);

async fn an_administrator_stays_and_nobody_acts_on_himself(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let accounts = it.accounts();
    let suspended = (AccountState::Suspended, LifeReason::Suspicion);
    let last = accounts.change_state(&officer.authenticated, admin.account, suspended).await.err();
    assert_eq!(last, Some(AccountError::LastAdministrator));
    let own = accounts.change_state(&officer.authenticated, officer.account, suspended).await.err();
    assert_eq!(own, Some(AccountError::Oneself));
    it.enrol("adjoint", Role::Administrator, 3).await.unwrap();
    accounts.change_state(&officer.authenticated, admin.account, suspended).await.unwrap();
}
both!(an_administrator_stays_and_nobody_acts_on_himself);

async fn the_list_finds_by_words_role_and_state(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let who = &admin.authenticated;
    let accounts = it.accounts();
    let (invited, _) = accounts.invite(who, invitation("ines", Role::OnCall)).await.unwrap();
    it.enrol("bruno", Role::Patient, 5).await.unwrap();
    let found = async |query: AccountQuery| {
        let page = accounts.list(who, &query).await.unwrap();
        page.accounts.into_iter().map(|one| one.login).collect::<Vec<_>>()
    };
    assert_eq!(found(AccountQuery::default()).await, ["ines", "admin", "bruno"], "by name");
    let words = |words: &str| AccountQuery { words: words.into(), ..AccountQuery::default() };
    assert_eq!(found(words("DELMAS inès")).await, ["ines"]);
    assert_eq!(found(words("personne")).await, ["admin", "bruno"]);
    assert!(found(words("nobody")).await.is_empty());
    assert_eq!(found(AccountQuery { role: Some(Role::Patient), ..AccountQuery::default() }).await, ["bruno"]);
    let state = Some(AccountState::Invited);
    assert_eq!(found(AccountQuery { state, ..AccountQuery::default() }).await, ["ines"]);
    assert_eq!(found(AccountQuery { linked: true, ..AccountQuery::default() }).await, ["ines"]);
    let taken = accounts.invite(who, invitation("INES", Role::OnCall)).await.err();
    assert_eq!(taken, Some(AccountError::Taken));
    for (bad, what) in [
        (NewInvitation { login: "a b".into(), ..invitation("", Role::Dpo) }, "login"),
        (invitation("x", Role::Patient), "role"),
        (invitation("x", Role::Technician), "supplier"),
        (NewInvitation { supplier: Some(OURS), ..invitation("x", Role::Dpo) }, "supplier"),
    ] {
        assert_eq!(accounts.invite(who, bad).await.err(), Some(AccountError::Field(what)));
    }
    assert_eq!(accounts.one(who, invited).await.unwrap().seen.link.unwrap().by, Some(admin.account));
    let absent = accounts.one(who, AccountId::from_bytes([9; 16])).await.err();
    assert_eq!(absent, Some(AccountError::Absent));
}
both!(the_list_finds_by_words_role_and_state);

async fn accounts_are_due_for_review_in_time(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    it.enrol("bruno", Role::Patient, 5).await.unwrap();
    it.enrol_of("tech", Role::Technician, Some(OURS), 6).await.unwrap();
    let accounts = it.accounts();
    let due = async |who: &SignedIn| {
        let query = AccountQuery { due: true, ..AccountQuery::default() };
        let page = accounts.list(&who.authenticated, &query).await.unwrap();
        page.accounts.into_iter().map(|one| (one.login, one.account)).collect::<Vec<_>>()
    };
    assert!(due(&admin).await.is_empty(), "just created");
    it.clock.advance(32 * 86_400);
    let admin = it.comes_in("admin", PASSWORD, 1).await.unwrap();
    let found = due(&admin).await;
    let names = |found: &[(String, AccountId)]| found.iter().map(|(login, _)| login.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), ["tech"], "suppliers' people each month");
    accounts.review(&admin.authenticated, found[0].1).await.unwrap();
    assert!(due(&admin).await.is_empty());
    assert_eq!(accounts.review(&admin.authenticated, admin.account).await.err(), Some(AccountError::Oneself));
    it.clock.advance(335 * 86_400);
    let admin = it.comes_in("admin", PASSWORD, 1).await.unwrap();
    assert_eq!(names(&due(&admin).await), ["admin", "bruno", "tech"], "the others each year");
}
both!(accounts_are_due_for_review_in_time);

async fn what_an_account_may_do_is_explained_to_those_who_see_accounts(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let dpo = it.at_desk("dpo", Role::Dpo, 2).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 3).await;
    let accounts = it.accounts();
    let before = it.journal.entries();
    let rights = accounts.rights(&officer.authenticated, dpo.account).await.unwrap();
    assert_eq!((rights.seen.login.as_str(), rights.seen.role), ("dpo", Role::Dpo));
    let may = |rights: &crate::AccountRights, word: &str| {
        let found = rights.may.iter().find(|(ask, _)| ask.as_str() == word);
        found.map(|(_, ways)| ways.iter().map(|way| (way.door, way.fresh)).collect::<Vec<_>>())
    };
    assert_eq!(may(&rights, "see_rules"), Some(vec![(Door::Desk, false)]));
    assert_eq!(may(&rights, "see_accounts"), None);
    let others = rights.may_not.iter().find(|(ask, ..)| ask.as_str() == "see_accounts").unwrap();
    assert_eq!(others.2, [Role::SecurityOfficer, Role::Administrator]);
    let own = accounts.rights(&admin.authenticated, admin.account).await.unwrap();
    assert_eq!(may(&own, "give_accounts"), Some(vec![(Door::Desk, true)]), "just after signing in");
    assert_eq!(it.journal.entries(), before, "a plain reading");

    // To nobody else, and of no account elsewhere.
    let refused = accounts.rights(&dpo.authenticated, admin.account).await.err();
    assert_eq!(refused, Some(AccountError::Denied));
    let absent = accounts.rights(&officer.authenticated, AccountId::from_bytes([0xee; 16])).await.err();
    assert_eq!(absent, Some(AccountError::Absent));
}
both!(what_an_account_may_do_is_explained_to_those_who_see_accounts);

async fn whoever_did_not_ask_for_a_link_sees_it_and_stops_it(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let (accounts, desk, who) = (it.accounts(), it.door(Door::Desk, DESK), &admin.authenticated);
    let (account, link) = accounts.invite(who, invitation("ines", Role::OnCall)).await.unwrap();
    desk.take_link(secret(&link), it.chosen(7), address(3)).await.unwrap();
    it.wait();
    let ines = it.comes_in("ines", NEW, 7).await.unwrap();
    let drawn = async || desk.own_account(&ines).await.unwrap().link.map(|link| (link.drawn, link.opens));
    assert_eq!(drawn().await, None, "it has served");
    let at = it.clock.now();
    let link = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    assert_eq!(drawn().await, Some((at, None)), "as its holder sees it");
    desk.disown(&ines).await.unwrap();
    assert_eq!(drawn().await, None);
    assert_eq!(desk.link(secret(&link), address(3)).await.err(), Some(LinkError::Absent), "it leads nowhere");
    // Whoever needs one asks again; at its end it is not shown any more.
    let again = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    assert!(desk.link(secret(&again), address(3)).await.is_ok() && drawn().await.is_some());
    accounts.withdraw_link(who, account, again.id).await.unwrap();
    assert_eq!(drawn().await, None);
}
both!(whoever_did_not_ask_for_a_link_sees_it_and_stops_it);

impl Fixture {
    /// Holds the database, as a disk that hangs does: nothing is written until `ROLLBACK`.
    async fn hold(&self, database: &TestDatabase) -> sqlx::pool::PoolConnection<sqlx::Any> {
        let mut holder = sqlx::AnyPool::connect(&self.url).await.unwrap().acquire().await.unwrap();
        let hold: &[&str] = match database.engine() {
            Engine::Sqlite => &["BEGIN IMMEDIATE"],
            Engine::Postgres => &["BEGIN", "LOCK TABLE accounts, sessions, effects IN EXCLUSIVE MODE"],
        };
        for statement in hold {
            sqlx::query(*statement).execute(&mut *holder).await.unwrap();
        }
        holder
    }
}

async fn a_lock_waits_neither_for_the_database_nor_for_the_journal(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let who = &admin.authenticated;
    it.enrol("ines", Role::OnCall, 7).await.unwrap();
    let accounts = it.accounts();
    let desk = it.door(Door::Desk, DESK);
    let ceremony = desk.first_step("ines", Secret::new(PASSWORD.into()), address(4)).await.unwrap();
    let opened = desk.second_step(&ceremony, &it.code(7), address(4)).await.unwrap();
    let ines = desk.resume(&opened.cookie, address(4)).await.unwrap();
    let to = |state, reason| accounts.change_state(who, ines.account, (state, reason));
    let locked = || it.journal.has_revoked(Revoked::Account(ines.account));

    let mut holder = it.hold(database).await;
    let began = std::time::Instant::now();
    let told = to(AccountState::Suspended, LifeReason::Suspicion).await.err();
    assert_eq!(told, Some(AccountError::LockedHere));
    assert!(began.elapsed() < Duration::from_secs(2), "after {:?}", began.elapsed());
    assert!(locked() && it.journal.is_revoked(ines.session), "what runs under the session ends too");
    assert!(matches!(desk.resume(&opened.cookie, address(4)).await, Err(SessionFault::SignedOut)));
    assert!(!it.journal.is_revoked(admin.session), "nobody else is locked out");
    // The database answers again: what was asked is done after all, and stands by itself.
    sqlx::query("ROLLBACK").execute(&mut *holder).await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while locked() {
        assert!(std::time::Instant::now() < deadline, "the lock is recorded, or not lifted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(accounts.one(who, ines.account).await.unwrap().seen.state, AccountState::Suspended);
    to(AccountState::Active, LifeReason::Back).await.unwrap();
    it.wait();
    assert!(it.comes_in("ines", PASSWORD, 7).await.is_ok());

    // The journal takes nothing: the lock holds without it, until the account is given back or the day is over.
    it.journal.clone().close().await.unwrap();
    let told = to(AccountState::Blocked, LifeReason::Departure).await.err();
    assert_eq!(told, Some(AccountError::LockedHere));
    assert!(locked());
    it.wait();
    assert!(it.comes_in("ines", PASSWORD, 7).await.is_err());
}
both!(a_lock_waits_neither_for_the_database_nor_for_the_journal);

async fn a_lock_that_the_rules_refuse_locks_nobody(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let suspended = (AccountState::Suspended, LifeReason::Suspicion);
    let last = it.accounts().change_state(&officer.authenticated, admin.account, suspended).await.err();
    assert_eq!(last, Some(AccountError::LastAdministrator));
    assert!(!it.journal.has_revoked(Revoked::Account(admin.account)));
    assert!(!it.journal.is_revoked(admin.session));
}
both!(a_lock_that_the_rules_refuse_locks_nobody);

async fn this_was_not_me_waits_for_no_database(database: &TestDatabase) {
    let it = fixture(database).await;
    let own = it.at_desk("ines", Role::OnCall, 7).await;
    it.wait();
    let other = it.comes_in("ines", PASSWORD, 7).await.unwrap();
    let desk = it.door(Door::Desk, DESK);
    let mut holder = it.hold(database).await;
    let began = std::time::Instant::now();
    assert_eq!(desk.disown(&own).await.err(), Some(OwnError::Unavailable), "the rest is still to be done");
    assert!(began.elapsed() < Duration::from_secs(2), "after {:?}", began.elapsed());
    assert!(it.journal.is_revoked(other.session));
    assert!(!it.journal.is_revoked(own.session), "whoever says so stays");
    assert!(!it.journal.has_revoked(Revoked::Account(own.account)), "and comes in again");
    sqlx::query("ROLLBACK").execute(&mut *holder).await.unwrap();
}
both!(this_was_not_me_waits_for_no_database);

/// A national number is one person's: of the same names in another account, of nobody else's in the establishment.
async fn a_national_number_is_one_person_s(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let (accounts, who) = (it.accounts(), &admin.authenticated);
    let with = |login: &str, family_name: &str, rpps: &str| {
        let mut new = invitation(login, Role::OnCall);
        (new.attributes.family_name, new.attributes.rpps) = (family_name.into(), Some(rpps.into()));
        new
    };
    let taken = Some(AccountError::Field("rpps_taken"));
    let (first, _) = accounts.invite(who, with("un", "Delmas", "10000000001")).await.unwrap();
    assert_eq!(accounts.invite(who, with("deux", "Autre", "10000000001")).await.err(), taken);
    assert_eq!(accounts.invite(who, with("deux", "Autre", " 10000000001 ")).await.err(), taken, "trimmed");
    accounts.invite(who, with("trois", "DELMAS", "10000000001")).await.unwrap();
    accounts.invite(who, with("quatre", "Autre", "10000000002")).await.unwrap();
    // As the operator's command does, for professionals from outside.
    let enrolment = &it.enrolment;
    let new = |login: &str| NewAccount {
        login: login.into(),
        display_name: "Docteur".into(),
        role: Role::Professional,
        supplier: None,
        password: Secret::new(NEW.into()),
        totp: TotpSecret::from_bytes([9; 20]),
    };
    let somebody = |family_name: &str| Attributes {
        given_name: "Inès".into(),
        family_name: family_name.into(),
        profession: Some("Médecin".into()),
        rpps: Some("10000000001".into()),
    };
    let mut prepared = enrolment.prepare(HERE, new("cinq")).await.unwrap();
    let refused = enrolment.describe(&mut prepared, somebody("Tierce"), IdentityProof::InPerson).await;
    assert!(matches!(refused, Err(EnrolError::Attribute("rpps_taken"))));
    enrolment.describe(&mut prepared, somebody("Delmas"), IdentityProof::InPerson).await.unwrap();
    let account = enrolment.create(prepared).await.unwrap();
    let sheet = accounts.one(who, account).await.unwrap();
    assert_eq!((sheet.attributes, sheet.proof), (somebody("Delmas"), Some(IdentityProof::InPerson)));
    let mut prepared = enrolment.prepare(HERE, new("six")).await.unwrap();
    let short = Attributes { rpps: Some("123".into()), ..somebody("Delmas") };
    let refused = enrolment.describe(&mut prepared, short, IdentityProof::InPerson).await;
    assert!(matches!(refused, Err(EnrolError::Attribute("rpps"))));
    // Closed, an account keeps it from nobody.
    let lone = accounts.invite(who, with("sept", "Seule", "10000000003")).await.unwrap().0;
    assert_eq!(accounts.invite(who, with("huit", "Autre", "10000000003")).await.err(), taken);
    accounts.change_state(who, lone, (AccountState::Closed, LifeReason::Needless)).await.unwrap();
    accounts.invite(who, with("huit", "Autre", "10000000003")).await.unwrap();
    assert_ne!(first, account);
}
both!(a_national_number_is_one_person_s);
