//! One's own account.

use super::*;
use crate::{OwnError, SPARE_CODES};

const NEW: &str = "Vingt-7 herons gris au gué";

fn given(text: &str) -> Secret<String> {
    Secret::new(text.into())
}

impl Fixture {
    async fn opened(&self, password: &str, code: &str, from: ClientAddress) -> SignedIn {
        let opened = self.sign_in("camille", password, code, from).await.unwrap();
        self.service.resume(&opened.cookie, from).await.unwrap()
    }
}

async fn a_password_is_changed_by_whoever_knows_it(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let elsewhere = it.sign_in("camille", PASSWORD, &it.code(1), address(2)).await.unwrap();
    it.clock.advance(31);
    let who = it.opened(PASSWORD, &it.code(1), address(1)).await;
    // Begun with the former password, and not ended yet.
    let halfway = it.service.first_step("camille", given(PASSWORD), address(3)).await.unwrap();

    let wrong = it.service.change_password(&who, given("pas le bon du tout"), given(NEW)).await.err();
    assert_eq!(wrong, Some(OwnError::Wrong));
    let early = it.service.change_password(&who, given(PASSWORD), given(NEW)).await.err();
    assert!(matches!(early, Some(OwnError::TooMany(_))), "guesses are slowed here as at the door");
    it.clock.advance(3);
    let short = it.service.change_password(&who, given(PASSWORD), given("court")).await.err();
    assert!(matches!(short, Some(OwnError::Password(_))));
    it.service.change_password(&who, given(PASSWORD), given(NEW)).await.unwrap();
    let same = it.service.change_password(&who, given(NEW), given(NEW)).await.err();
    assert_eq!(same, Some(OwnError::Same));

    assert!(matches!(it.service.resume(&elsewhere.cookie, address(2)).await, Err(SessionFault::SignedOut)));
    // What runs under it (a live view, an export) asks the journal.
    assert!(it.journal.is_revoked(elsewhere.session) && !it.journal.is_revoked(who.session));
    assert_eq!(it.service.own_account(&who).await.unwrap().sessions.len(), 1, "this one stays");
    it.clock.advance(31);
    let late = it.service.second_step(&halfway, &it.code(1), address(3)).await.err();
    assert_eq!(late, Some(SecondStepError::Refused), "what was begun with the former password");
    assert!(it.sign_in("camille", PASSWORD, &it.code(1), address(4)).await.is_err());
    assert!(it.sign_in("camille", NEW, &it.code(1), address(5)).await.is_ok());
}
both!(a_password_is_changed_by_whoever_knows_it);

async fn a_second_factor_is_replaced_by_one_that_is_in_hand(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let who = it.opened(PASSWORD, &it.code(1), address(1)).await;
    let other = || TotpSecret::from_bytes([2; 20]);
    let service = &it.service;
    let unseen = service.change_second_factor(&who, given(PASSWORD), (other(), "000000")).await.err();
    assert_eq!(unseen, Some(OwnError::Code), "not before its code was shown");
    service.change_second_factor(&who, given(PASSWORD), (other(), &it.code(2))).await.unwrap();
    assert!(it.sign_in("camille", PASSWORD, &it.code(2), address(2)).await.is_err(), "that code has served");
    it.clock.advance(31);
    assert!(it.sign_in("camille", PASSWORD, &it.code(1), address(3)).await.is_err(), "the former factor is gone");
    assert!(it.sign_in("camille", PASSWORD, &it.code(2), address(4)).await.is_ok());
}
both!(a_second_factor_is_replaced_by_one_that_is_in_hand);

async fn spare_codes_serve_once_each(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let who = it.opened(PASSWORD, &it.code(1), address(1)).await;
    let codes = it.service.draw_spare_codes(&who, given(PASSWORD)).await.unwrap();
    let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!((codes.len(), distinct.len()), (SPARE_CODES, SPARE_CODES));
    assert!(it.sign_in("yann", PASSWORD, &codes[0], address(2)).await.is_err(), "another's code is none");
    let again = it.opened(PASSWORD, &codes[0].to_uppercase(), address(3)).await;
    assert_eq!(it.service.own_account(&again).await.unwrap().spare_codes, SPARE_CODES - 1);
    assert_eq!(it.sign_in("camille", PASSWORD, &codes[0], address(4)).await.err(), Some(SecondStepError::Refused));
    assert!(it.sign_in("camille", "pas le bon du tout", &codes[1], address(5)).await.is_err(), "it is no password");
    // Of two at once, one comes in.
    let first = it.service.first_step("camille", given(PASSWORD), address(6)).await.unwrap();
    let second = it.service.first_step("camille", given(PASSWORD), address(7)).await.unwrap();
    let both = tokio::join!(
        it.service.second_step(&first, &codes[2], address(6)),
        it.service.second_step(&second, &codes[2], address(7)),
    );
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|opened| **opened).count(), 1);
    // New ones replace those before.
    let anew = it.service.draw_spare_codes(&who, given(PASSWORD)).await.unwrap();
    assert!(it.sign_in("camille", PASSWORD, &codes[3], address(8)).await.is_err());
    assert!(it.sign_in("camille", PASSWORD, &anew[3], address(9)).await.is_ok());
}
both!(spare_codes_serve_once_each);

async fn ones_sessions_are_seen_and_ended(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let ceremony = it.service.first_step("camille", given(PASSWORD), address(2)).await.unwrap();
    let device = "Firefox, Android\u{7}";
    let phone = it.service.second_step_on(&ceremony, &it.code(1), (address(2), device)).await.unwrap();
    it.clock.advance(31);
    let who = it.opened(PASSWORD, &it.code(1), address(1)).await;
    let own = it.service.own_account(&who).await.unwrap();
    let seen: Vec<_> = own.sessions.iter().map(|one| (one.is_this, one.address, one.device.as_str())).collect();
    assert_eq!(seen, [(true, Some(address(1)), ""), (false, Some(address(2)), "Firefox, Android")]);
    it.service.end_other(&who, who.session).await.unwrap();
    it.service.end_other(&who, own.sessions[1].id).await.unwrap();
    assert!(matches!(it.service.resume(&phone.cookie, address(2)).await, Err(SessionFault::SignedOut)));
    assert_eq!(it.service.own_account(&who).await.unwrap().sessions.len(), 1, "one's own is ended by signing out");
    // Somebody else's is nothing of mine.
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let yann = it.sign_in("yann", PASSWORD, &it.code(2), address(3)).await.unwrap();
    let his = it.service.resume(&yann.cookie, address(3)).await.unwrap();
    it.service.end_other(&who, his.session).await.unwrap();
    assert!(it.service.resume(&yann.cookie, address(3)).await.is_ok());
}
both!(ones_sessions_are_seen_and_ended);

async fn an_administrators_password_is_due_in_time(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("admin", Role::Administrator, 2).await.unwrap();
    let desk = it.door(Door::Desk, DESK);
    let due = async |from: u8| {
        let ceremony = desk.first_step("admin", given(PASSWORD), address(from)).await.unwrap();
        let opened = desk.second_step(&ceremony, &it.code(2), address(from)).await.unwrap();
        desk.resume(&opened.cookie, address(from)).await.unwrap()
    };
    assert!(!due(1).await.password_due);
    it.clock.advance(365 * 86_400);
    let admin = due(2).await;
    assert!(admin.password_due);
    let weak = desk.change_password(&admin, given(PASSWORD), given("motdepasse-2026!")).await.err();
    assert!(matches!(weak, Some(OwnError::Password(_))), "{weak:?}");
    desk.change_password(&admin, given(PASSWORD), given("Vingt-7 herons gris au gué")).await.unwrap();
    assert!(!it.opened(PASSWORD, &it.code(1), address(3)).await.password_due, "ordinary people's never is");
}
both!(an_administrators_password_is_due_in_time);

async fn tokens_end_with_the_means_that_they_came_from_and_wait_for_a_password_that_is_due(database: &TestDatabase) {
    use crate::tests::tokens::{new_token, tokens};
    let it = fixture(database).await;
    let admin = it.somebody((Door::Desk, DESK), "admin", Role::Administrator, 1).await;
    let (desk, tokens) = (it.door(Door::Desk, DESK), tokens(&it, Door::Desk, DESK));
    let year = 366 * 86_400;
    let (id, text) = tokens.issue(&admin.authenticated, new_token(&it, year)).await.unwrap();
    assert!(tokens.resume(text.expose(), address(7)).await.is_ok());
    it.clock.advance(31);
    desk.change_second_factor(&admin, given(PASSWORD), (TotpSecret::from_bytes([1; 20]), &it.code(1))).await.unwrap();
    assert!(tokens.resume(text.expose(), address(7)).await.is_err());
    assert!(it.journal.is_revoked(types::SessionId::from_bytes(*id.as_bytes())));

    it.clock.advance(60);
    let ceremony = desk.first_step("admin", given(PASSWORD), address(2)).await.unwrap();
    let opened = desk.second_step(&ceremony, &it.code(1), address(2)).await.unwrap();
    let admin = desk.resume(&opened.cookie, address(2)).await.unwrap();
    let (_, text) = tokens.issue(&admin.authenticated, new_token(&it, year)).await.unwrap();
    it.clock.advance(364 * 86_400);
    assert!(tokens.resume(text.expose(), address(7)).await.is_ok());
    it.clock.advance(86_400);
    assert!(tokens.resume(text.expose(), address(7)).await.is_err(), "its holder is asked for another password");
}
both!(tokens_end_with_the_means_that_they_came_from_and_wait_for_a_password_that_is_due);
