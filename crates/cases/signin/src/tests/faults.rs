//! Sessions that meet an internal error (acces-web DT8).

use super::*;
use types::Event;

/// Twice, it is as before.
const SWAPPED: &str = "UPDATE accounts SET sealed = last_sign_in, last_sign_in = sealed";

async fn an_account_that_cannot_be_read_is_a_fault_of_its_session(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let who = it.service.resume(&opened.cookie, address(1)).await.unwrap();
    it.outside(SWAPPED).await;
    let fault = it.service.resume(&opened.cookie, address(1)).await;
    assert!(matches!(fault, Err(SessionFault::Broken(session)) if session == who.session), "{fault:?}");
    let made_up = format!("{}{}", &opened.cookie[..26], "0".repeat(64));
    let stranger = it.service.resume(&made_up, address(1)).await;
    assert!(matches!(stranger, Err(SessionFault::SignedOut)), "whoever has no session learns nothing: {stranger:?}");
    it.outside(SWAPPED).await;
    it.service.resume(&opened.cookie, address(1)).await.unwrap();
}
both!(an_account_that_cannot_be_read_is_a_fault_of_its_session);

async fn a_session_is_cut_before_its_fault_is_answered_and_alone(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let first = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    it.clock.advance(30);
    let second = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let who = it.service.resume(&first.cookie, address(1)).await.unwrap();
    // Nothing is awaited between the cut and the next request.
    it.service.cut(who.session);
    assert!(it.journal.is_revoked(who.session));
    assert!(matches!(it.service.resume(&first.cookie, address(1)).await, Err(SessionFault::SignedOut)));
    it.service.resume(&second.cookie, address(1)).await.unwrap();
    let said = || it.traced(Event::SessionClosed).into_iter().filter_map(|trace| trace.detail).collect::<Vec<_>>();
    for _ in 0..200 {
        if !said().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(said(), [format!("session {}: an internal error", who.session)]);
}
both!(a_session_is_cut_before_its_fault_is_answered_and_alone);
