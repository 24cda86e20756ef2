//! The administrator's account that the node's own probes have for a while.

use super::*;
use crate::{AccountError, Lent, RESERVED_ADMINISTRATOR, RESERVED_GUARD, RESERVED_INVITED, SignedIn};
use std::time::Duration;
use types::{AccountState, IdentityProof, LifeReason};

const NAME: (&str, &str) = ("Sonde", "de la Poterne");
const TURN: Duration = Duration::from_secs(60);

impl Fixture {
    async fn lent(&self) -> Result<Lent, AccountError> {
        self.enrolment.lend(&self.accounts(), HERE, (NAME, TURN)).await
    }

    async fn has_turn(&self) -> AccountId {
        let Ok(Lent::Link(account, link)) = self.lent().await else { panic!("no link") };
        assert!(!link.waits && !link.mailed);
        let desk = self.door(Door::Desk, DESK);
        desk.take_link(link.secret.expose(), self.chosen(9), address(3)).await.unwrap();
        account
    }

    async fn state_of(&self, who: &SignedIn, account: AccountId) -> AccountState {
        self.accounts().one(&who.authenticated, account).await.unwrap().seen.state
    }
}

async fn a_lent_administrator_opens_nothing_but_in_his_turn(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let (accounts, login) = (it.accounts(), RESERVED_ADMINISTRATOR);
    let account = it.has_turn().await;
    it.wait();
    let lent = it.comes_in(login, accounts::NEW, 9).await.unwrap();
    assert_eq!((lent.account, lent.role), (account, Role::Administrator));
    assert!(it.enrolment.keeps_hashed(account).await.unwrap());
    // Another node waits; one that stopped in between does not keep it for ever.
    assert!(matches!(it.lent().await, Ok(Lent::InUse)));
    it.enrolment.take_back(&accounts, HERE, account).await.unwrap();
    assert_eq!(it.state_of(&admin, account).await, AccountState::Blocked);
    it.wait();
    assert_eq!(it.comes_in(login, accounts::NEW, 9).await.err(), Some(SecondStepError::Refused));
    it.enrolment.take_back(&accounts, HERE, account).await.expect("again");
    let other = it.enrolment.take_back(&accounts, HERE, admin.account).await.err();
    assert_eq!(other, Some(AccountError::Absent), "no other account");
    let same = it.has_turn().await;
    assert_eq!(same, account, "the same account each time");
    it.clock.advance(61);
    assert!(matches!(it.lent().await, Ok(Lent::Link(..))), "whoever had it stopped");
}
both!(a_lent_administrator_opens_nothing_but_in_his_turn);

async fn a_lent_administrator_is_not_one_who_is_left(database: &TestDatabase) {
    let it = fixture(database).await;
    // Before anybody administers, it comes and goes.
    let account = it.has_turn().await;
    it.enrolment.take_back(&it.accounts(), HERE, account).await.unwrap();
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    it.has_turn().await;
    let suspended = (AccountState::Suspended, LifeReason::Suspicion);
    let last = it.accounts().change_state(&officer.authenticated, admin.account, suspended).await.err();
    assert_eq!(last, Some(AccountError::LastAdministrator), "nobody administers by that account");
}
both!(a_lent_administrator_is_not_one_who_is_left);

async fn what_somebody_made_of_that_login_is_his(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol(RESERVED_ADMINISTRATOR, Role::TraceController, 4).await.unwrap();
    assert_eq!(it.lent().await.err(), Some(AccountError::Taken));
}
both!(what_somebody_made_of_that_login_is_his);

async fn whom_he_manages_has_means_at_each_turn_and_no_administrator_hastens_it(database: &TestDatabase) {
    let it = fixture(database).await;
    let (accounts, desk) = (it.delaying_accounts(), it.door(Door::Desk, DESK));
    for turn in 1..3 {
        let link = it.enrolment.lend_managed(&accounts, HERE, (RESERVED_GUARD, NAME)).await.unwrap();
        it.wait();
        desk.take_link(link.secret.expose(), it.chosen(9), address(3)).await.unwrap();
        it.wait();
        let guard = it.comes_in(RESERVED_GUARD, accounts::NEW, 9).await.expect("each time");
        // Blocked at the end of the first, in use at the second.
        let admin = it.at_desk(&format!("admin{turn}"), Role::Administrator, turn).await;
        let drawn = accounts.draw_link(&admin.authenticated, guard.account, IdentityProof::Known).await.unwrap();
        assert!(drawn.opens.is_some(), "what an administrator draws waits");
        let blocked = (AccountState::Blocked, LifeReason::Asked);
        accounts.change_state(&admin.authenticated, guard.account, blocked).await.unwrap();
    }
    let other = it.enrolment.lend_managed(&accounts, HERE, ("admin1", NAME)).await.err();
    assert_eq!(other, Some(AccountError::Absent), "no other account");
    let invited = it.enrolment.lend_managed(&accounts, HERE, (RESERVED_INVITED, NAME)).await.unwrap();
    assert_eq!(invited.opens, None);
}
both!(whom_he_manages_has_means_at_each_turn_and_no_administrator_hastens_it);

async fn the_nodes_own_stand_for_nobody(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("sonde.poterne.desk", Role::SecurityOfficer, 2).await;
    let accounts = it.accounts();
    let mine = accounts::invitation("sonde.poterne.desk.autre", Role::OnCall);
    assert_eq!(accounts.invite(&admin.authenticated, mine).await.err(), Some(AccountError::Field("login")));
    let (account, link) =
        accounts.invite(&admin.authenticated, accounts::invitation("ines", Role::Beneficiary)).await.unwrap();
    let second = accounts.confirm_link(&officer.authenticated, account, link.id).await.err();
    assert_eq!(second, Some(AccountError::Second), "whoever has the master key knows that account's password");
    // Once taken into use, an account of theirs is not given back to whoever took it.
    let invited = it.enrolment.lend_managed(&accounts, HERE, (RESERVED_INVITED, NAME)).await.unwrap();
    it.door(Door::Desk, DESK).take_link(invited.secret.expose(), it.chosen(9), address(3)).await.unwrap();
    let again = it.enrolment.lend_managed(&accounts, HERE, (RESERVED_INVITED, NAME)).await.err();
    assert_eq!(again, Some(AccountError::Taken));
}
both!(the_nodes_own_stand_for_nobody);
