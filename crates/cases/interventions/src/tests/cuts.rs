//! Cut means cut; "do not interrupt" means that only a person does.

use super::*;
use crate::{InterventionError, Warning};
use store::testing::both;

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3), what).await.expect("soon")
}

async fn a_cut_ends_the_session_and_the_intervention(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    let opened = it.connect(5).await.unwrap();
    let cut = opened.lease.cut();
    assert!(matches!(
        it.node.desk.cut_session(&it.at_desk(4), opened.relay, "vu").await,
        Err(InterventionError::NotFound)
    ));
    let long = it.node.desk.cut_session(&it.at_desk(7), opened.relay, &"é".repeat(121)).await;
    assert!(matches!(long, Err(InterventionError::Invalid(crate::Wrong::Text))), "{long:?}");
    it.node.desk.cut_session(&it.at_desk(7), opened.relay, "Agissements inattendus").await.unwrap();
    assert_eq!(soon(cut).await, EndReason::Cut);
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    for _ in 0..100 {
        if it.state(id).await == State::Cut {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(it.history(id).await.contains(&"cut Agissements inattendus".to_owned()));
    // The row forged back to what it was: the reserve remembers, before and after a restart.
    it.forge("UPDATE interventions SET state = 'open' WHERE id = $1", id).await;
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    let it = it.crash().await;
    assert_eq!(it.state(id).await, State::Cut, "recovered from the reserve");
    it.forge("UPDATE interventions SET state = 'open' WHERE id = $1", id).await;
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    assert!(it.refused_because(id).await.starts_with("the intervention is cut"));
}
both!(a_cut_ends_the_session_and_the_intervention);

async fn a_cut_does_not_wait_for_the_journal(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    let opened = it.connect(5).await.unwrap();
    let cut = opened.lease.cut();
    let (who, desk) = (it.at_desk(2), it.node.desk.clone());
    // The log takes no entries any more, as with a full disk.
    it.node.journal.clone().close().await.unwrap();
    let _ = desk.cut_session(&who, opened.relay, "disque plein").await;
    assert_eq!(soon(cut).await, EndReason::Cut);
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused | GateRefused::Unavailable)));
    drop((opened, desk));
    let it = it.crash().await;
    assert_eq!(it.state(id).await, State::Cut, "the reserve knew");
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
}
both!(a_cut_does_not_wait_for_the_journal);

async fn the_end_of_the_window_cuts(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    let opened = it.connect(5).await.unwrap();
    let mut view = opened.lease.watch();
    it.clock.advance(55 * 60);
    soon(view.wait_for(|view| view.warning == Some(Warning::FiveMinutes))).await.unwrap();
    it.clock.advance(4 * 60);
    soon(view.wait_for(|view| view.warning == Some(Warning::OneMinute))).await.unwrap();
    it.extend(2, id, minutes(90)).await.unwrap();
    soon(view.wait_for(|view| view.ends == minutes(90) && view.warning.is_none())).await.unwrap();
    it.clock.advance(21 * 60);
    assert_eq!(soon(opened.lease.cut()).await, EndReason::Window);
    it.node.desk.keep_house().await.unwrap();
    assert_eq!(it.state(id).await, State::Lapsed);
    assert!(matches!(it.extend(2, id, minutes(200)).await, Err(InterventionError::Conflict)));
}
both!(the_end_of_the_window_cuts);

async fn do_not_interrupt_holds_until_its_end_or_a_person(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    assert!(matches!(it.hold(2, id, minutes(30)).await, Err(InterventionError::Conflict)), "not begun");
    let opened = it.connect(5).await.unwrap();
    it.hold(2, id, minutes(90)).await.unwrap();
    let mut view = opened.lease.watch();
    it.clock.advance(65 * 60);
    soon(view.wait_for(|view| view.overrun)).await.unwrap();
    assert_eq!(view.borrow().cut, None);
    it.node.relays.gate().alarm(opened.relay, "La fenêtre est passée").await;
    let seen = it.node.desk.session(&it.at_desk(2), opened.relay).await.unwrap();
    assert!(seen.held && seen.overrun && seen.alarms[0].text == "La fenêtre est passée");
    assert_eq!(it.traced(Event::RelayAlarm), [(Kind::Note, Some(Outcome::Done))]);
    it.node.desk.keep_house().await.unwrap();
    assert_eq!(it.state(id).await, State::Open, "held");
    // A lost connection comes back.
    let again = it.connect(5).await.unwrap();
    // Closing does not end what is held.
    it.node.desk.close(&it.at_desk(2), id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(again.lease.watch().borrow().cut, None);
    it.clock.advance(16 * 60);
    assert_eq!(soon(opened.lease.cut()).await, EndReason::Hold);
}
both!(do_not_interrupt_holds_until_its_end_or_a_person);

async fn lifting_do_not_interrupt_past_the_window_cuts(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    let opened = it.connect(5).await.unwrap();
    it.hold(3, id, minutes(200)).await.unwrap();
    it.clock.advance(65 * 60);
    tokio::time::sleep(Duration::from_millis(100)).await;
    it.node.desk.release_hold(&it.at_desk(2), id).await.unwrap();
    assert_eq!(soon(opened.lease.cut()).await, EndReason::Window);
}
both!(lifting_do_not_interrupt_past_the_window_cuts);

async fn a_stop_leaves_no_session_open(database: &TestDatabase) {
    let it = House::new(database).await;
    it.planned().await;
    let opened = it.connect(5).await.unwrap();
    let relay = opened.relay;
    drop(opened);
    let it = it.crash().await;
    let session = it.node.desk.session(&it.at_desk(7), relay).await.unwrap();
    assert_eq!((session.end, session.live), (Some(EndReason::Node), false));
    assert!(it.connect(5).await.is_ok(), "the intervention itself goes on");
}
both!(a_stop_leaves_no_session_open);

async fn without_a_recording_there_is_no_session(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    std::fs::remove_dir_all(it.recordings()).unwrap();
    std::fs::write(it.recordings(), b"in the way").unwrap();
    assert!(matches!(it.connect(5).await, Err(GateRefused::Unavailable)));
    assert!(it.refused_because(id).await.starts_with("the recording cannot be written"));
    assert_eq!(it.traced(Event::RelayOpened).last().unwrap().1, Some(Outcome::Failed));
    assert_eq!(it.state(id).await, State::Planned);
    assert_eq!(it.node.leases.count(), 0);
}
both!(without_a_recording_there_is_no_session);

async fn a_cut_does_not_wait_for_the_database(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    let opened = it.connect(5).await.unwrap();
    let cut = opened.lease.cut();
    let who = it.at_desk(7);
    it.node.store.close().await;
    it.node.desk.cut(&who, id, "base perdue").await.unwrap();
    assert_eq!(soon(cut).await, EndReason::Cut);
}
both!(a_cut_does_not_wait_for_the_database);
