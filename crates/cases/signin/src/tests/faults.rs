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
    until(async || it.told_of(Event::SessionClosed) == 2).await;
    assert_eq!(details(&it), [format!("session {}: an internal error", who.session)]);
    let left = it.counted("SELECT COUNT(*) FROM sessions").await;
    assert_eq!(left, 1, "no other node over this database finds the first one");
}
both!(a_session_is_cut_before_its_fault_is_answered_and_alone);

async fn a_session_whose_record_cannot_be_deleted_is_over_here_and_traced_all_the_same(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let who = it.service.resume(&opened.cookie, address(1)).await.unwrap();
    it.outside("ALTER TABLE sessions RENAME TO sessions_away").await;
    it.service.cut(who.session);
    // What was tried, that it failed, and that the session is over.
    until(async || it.told_of(Event::SessionClosed) == 3).await;
    let told = format!("session {}: an internal error", who.session);
    assert_eq!(details(&it), [told.clone(), told]);
    it.outside("ALTER TABLE sessions_away RENAME TO sessions").await;
    assert!(matches!(it.service.resume(&opened.cookie, address(1)).await, Err(SessionFault::SignedOut)));
}
both!(a_session_whose_record_cannot_be_deleted_is_over_here_and_traced_all_the_same);

fn details(it: &Fixture) -> Vec<String> {
    it.traced(Event::SessionClosed).into_iter().filter_map(|trace| trace.detail).collect()
}

/// Waits for what a task of its own does.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is not done after four seconds");
}
