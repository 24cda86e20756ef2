//! A password kept under older parameters is hashed again when its holder signs in, and nothing else changes.

use super::*;
use crate::{
    OwnError,
    model::{AccountRow, AccountSecrets},
    sql,
};

/// [`PASSWORD`], hashed elsewhere with less memory and one pass.
pub(super) const OLD: &str =
    "$argon2id$v=19$m=8192,t=1,p=1$c2VsZ2FyZGVlc3NhaWVhdQ$fexkomQI06d/9ROZ/0tTfykXAP4cic/x7cESibgdIqc";
const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// The account as it is kept now.
pub(super) async fn kept(door: &SignInService, account: AccountId) -> (AccountRow, AccountSecrets) {
    let mut connection = door.parts().store.read().await.unwrap();
    let row = sql::account_by_id(&mut connection, account).await.unwrap().unwrap();
    let secrets = row.secrets(&door.parts().keys).unwrap();
    (row, secrets)
}

/// Keeps the account's password as it was kept once.
pub(super) async fn make_old(it: &Fixture, door: &SignInService, account: AccountId) {
    let (row, mut secrets) = kept(door, account).await;
    secrets.password_phc = OLD.to_owned();
    let sealed = row.bond().seal(&door.parts().keys, &secrets).unwrap();
    let mut outside = sqlx::AnyPool::connect(&it.url).await.unwrap().acquire().await.unwrap();
    assert!(sql::keep_hash(&mut outside, &row, sealed).await.unwrap());
}

impl Fixture {
    async fn old(&self, login: &str, secret: u8) -> AccountId {
        let account = self.enrol(login, Role::Patient, secret).await.unwrap();
        make_old(self, &self.service, account).await;
        account
    }

    async fn phc(&self, account: AccountId) -> String {
        kept(&self.service, account).await.1.password_phc.clone()
    }

    fn rehashes(&self) -> Vec<Option<String>> {
        let folder = self.folder.path();
        let months = vault::MonthKeys::new(&folder.join("vault"), &self.master).unwrap();
        let log = folder.join("journal").join(self.journal.origin());
        let traces = journal::read_traces(&log, &months, 0..self.journal.entries()).unwrap();
        let told = traces.into_iter().filter(|trace| trace.event == types::Event::PasswordRehashed);
        told.map(|trace| trace.detail).collect()
    }
}

async fn an_older_hash_is_made_again_at_a_right_sign_in_and_nothing_else_changes(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.old("camille", 1).await;
    let elsewhere = it.sign_in("camille", PASSWORD, &it.code(1), address(9)).await.unwrap();
    make_old(&it, &it.service, account).await;
    let before = it.rehashes().len();
    it.clock.advance(31);
    // Neither half of what is asked for does it, and what travels is as long for everybody.
    let begun = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(3)).await.unwrap();
    let nobody = it.service.first_step("personne", Secret::new("x".into()), address(3)).await.unwrap();
    assert_eq!(begun.len(), nobody.len());
    for (n, (password, code)) in (20..).zip([(PASSWORD, "000000".into()), ("pas le bon du tout", it.code(1))]) {
        let refused = it.sign_in("camille", password, &code, address(n)).await.err();
        assert_eq!(refused, Some(SecondStepError::Refused));
    }
    assert_eq!(it.phc(account).await, OLD);
    let (row, was) = kept(&it.service, account).await;

    // Two at once: both come in, for nothing that either does is a change to the other.
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    it.clock.advance(31);
    it.service.second_step(&begun, &it.code(1), address(3)).await.expect("a sign-in begun before goes on");
    let (now, is) = kept(&it.service, account).await;
    assert!(is.password_phc.starts_with(TODAY), "{}", is.password_phc);
    assert_eq!((now.version, is.renewals, is.password_since), (row.version, was.renewals, was.password_since));
    assert_eq!((is.totp, &is.link, &is.life, is.ended), (was.totp, &was.link, &was.life, was.ended));
    for (session, from) in [(&elsewhere, address(9)), (&opened, address(1))] {
        assert!(it.service.resume(&session.cookie, from).await.is_ok(), "sessions stay");
    }
    let told = it.rehashes();
    assert_eq!(told[before..], [Some(format!("account {account}"))]);

    // Once: it is as it should be now, and the same password opens it.
    let kept_now = is.password_phc.clone();
    it.clock.advance(31);
    it.sign_in("camille", PASSWORD, &it.code(1), address(2)).await.unwrap();
    assert_eq!(it.phc(account).await, kept_now);
    assert!(it.sign_in("camille", "pas le bon du tout", &it.code(1), address(4)).await.is_err());
    assert_eq!(it.rehashes().len(), told.len());
}
both!(an_older_hash_is_made_again_at_a_right_sign_in_and_nothing_else_changes);

async fn a_change_of_password_wins_before_and_after(database: &TestDatabase) {
    const NEW: &str = "Vingt-7 herons gris au gué";
    let it = fixture(database).await;
    let account = it.old("camille", 1).await;
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let who = it.service.resume(&opened.cookie, address(1)).await.unwrap();
    make_old(&it, &it.service, account).await;
    // Read before the change, to be kept after it.
    let (stale, _) = kept(&it.service, account).await;
    let mut held = vec![0; 514];
    held[..2].copy_from_slice(&u16::try_from(PASSWORD.len()).unwrap().to_be_bytes());
    held[2..2 + PASSWORD.len()].copy_from_slice(PASSWORD.as_bytes());
    let again = it.service.hashed_again(&stale, &held).await.unwrap();
    it.clock.advance(31);
    let begun = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(3)).await.unwrap();
    let changed: Result<(), OwnError> =
        it.service.change_password(&who, Secret::new(PASSWORD.into()), Secret::new(NEW.into())).await;
    changed.unwrap();
    let new = it.phc(account).await;
    let mut outside = sqlx::AnyPool::connect(&it.url).await.unwrap().acquire().await.unwrap();
    assert!(!sql::keep_hash(&mut outside, &stale, again.clone()).await.unwrap());
    let late = it.service.second_step(&begun, &it.code(1), address(3)).await.err();
    assert_eq!(late, Some(SecondStepError::Refused), "what was begun with the former password");
    assert_eq!(it.phc(account).await, new);

    // Whoever read the account before it was hashed again, and changes it after, does.
    make_old(&it, &it.service, account).await;
    let (read, _) = kept(&it.service, account).await;
    assert!(sql::keep_hash(&mut outside, &read, again).await.unwrap());
    let changed = sql::reseal_account(&mut outside, (read.id, read.version), read.sealed.clone(), "active").await;
    assert!(changed.unwrap());
}
both!(a_change_of_password_wins_before_and_after);

async fn what_cannot_be_hashed_again_refuses_nobody(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.old("camille", 1).await;
    // The thread of those at home does not answer; who was never here has the others for his password.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let hasher = it.service.parts().home_hasher.clone();
    let busy = tokio::spawn(async move { hasher.run(move || held.recv().is_ok()).await });
    tokio::task::yield_now().await;
    let began = std::time::Instant::now();
    it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.expect("he comes in");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!((it.phc(account).await.as_str(), it.rehashes().len()), (OLD, 0), "another time");
    drop(release);
    busy.await.unwrap().unwrap();
    it.clock.advance(31);
    it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    assert!(it.phc(account).await.starts_with(TODAY), "which is the next");
}
both!(what_cannot_be_hashed_again_refuses_nobody);

async fn a_spare_code_does_it_too_and_a_passkey_s_place_stays(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.old("camille", 1).await;
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let who = it.service.resume(&opened.cookie, address(1)).await.unwrap();
    let codes = it.service.draw_spare_codes(&who, Secret::new(PASSWORD.into())).await.unwrap();
    make_old(&it, &it.service, account).await;
    it.clock.advance(31);
    let renewals = kept(&it.service, account).await.1.renewals;
    it.sign_in("camille", PASSWORD, &codes[0], address(2)).await.unwrap();
    let (_, is) = kept(&it.service, account).await;
    assert!(is.password_phc.starts_with(TODAY));
    assert_eq!(is.renewals, renewals, "what passkeys and links are bound to");
    assert_eq!(it.service.own_account(&who).await.unwrap().spare_codes, codes.len() - 1);
}
both!(a_spare_code_does_it_too_and_a_passkey_s_place_stays);

/// Nothing that is not the password is ever kept in its place: not what did not fit in the ceremony, nor what another node
/// did not put there.
async fn only_the_very_password_is_hashed_again(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.old("camille", 1).await;
    let (row, _) = kept(&it.service, account).await;
    let held = |text: &str| {
        let mut held = vec![0; 514];
        held[..2].copy_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        held[2..2 + text.len()].copy_from_slice(text.as_bytes());
        held
    };
    assert!(it.service.hashed_again(&row, &vec![0; 514]).await.is_none());
    assert!(it.service.hashed_again(&row, &held("pas le bon du tout")).await.is_none());
    assert!(it.service.hashed_again(&row, &held(PASSWORD)).await.is_some());
    // A sign-in that was begun at a node for which the hash was not outdated holds nothing.
    let empty = it.sign_in("camille", "", &it.code(1), address(2)).await.err();
    assert_eq!(empty, Some(SecondStepError::Refused));
    assert_eq!(it.phc(account).await, OLD);
}
both!(only_the_very_password_is_hashed_again);
