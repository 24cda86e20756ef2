//! What administrators decide of sessions, one session at a time, and "this was not me", against both databases.

use super::*;
use crate::{AlarmKind, OtherSession, PRESENT, RulesSeen, SessionRulesError, Terminal};
use identity::{AtOnce, Population, SessionRules};
use policy::Lacking;
use types::Event;

fn rules(idle: u64, longest: u64, at_once: AtOnce) -> SessionRules {
    SessionRules::new(idle, longest, at_once).unwrap()
}

impl Fixture {
    /// An administrator decides for patients; gives the portal's sign-in, where that holds.
    async fn decided(&self, rules: SessionRules) -> SignInService {
        let admin = self.somebody((Door::Desk, DESK), "admin", Role::Administrator, 9).await;
        let desk = self.door(Door::Desk, DESK);
        desk.set_session_rules(&admin.authenticated, Population::Patients, Some(rules)).await.unwrap();
        self.door(Door::Portal, PORTAL).with_session_rules(None)
    }

    async fn opens(
        &self,
        door: &SignInService,
        login: &str,
        secret: u8,
        terminal: Terminal<'_>,
    ) -> Result<Opened, SecondStepError> {
        let ceremony = door.first_step(login, Secret::new(PASSWORD.into()), terminal.address).await.unwrap();
        door.second_step_on(&ceremony, &self.code(secret), terminal).await
    }

    pub(super) fn told(&self, event: Event) -> usize {
        self.traced(event).into_iter().filter(|it| it.outcome == Some(journal::Outcome::Done)).count()
    }

    pub(super) fn told_of(&self, event: Event) -> usize {
        self.traced(event).len()
    }

    pub(super) fn traced(&self, event: Event) -> Vec<journal::Trace> {
        let months = vault::MonthKeys::new(&self.folder.path().join("vault"), &self.master).unwrap();
        let folder = self.folder.path().join("journal").join(self.journal.origin());
        let traces: Vec<journal::Trace> = journal::read_traces(&folder, &months, 0..self.journal.entries()).unwrap();
        traces.into_iter().filter(|it| it.event == event).collect()
    }
}

fn closed(fault: Result<SignedIn, SessionFault>) -> Option<OtherSession> {
    match fault.unwrap_err() {
        SessionFault::Closed(other) => Some(other),
        SessionFault::SignedOut => None,
        SessionFault::Unavailable | SessionFault::Broken(_) => panic!("unavailable"),
    }
}

async fn a_new_session_closes_the_one_before_and_tells_its_browser(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let door = it.decided(rules(900, 28_800, AtOnce::Newest)).await;
    let first = it.opens(&door, "camille", 1, (address(1), "Firefox, Linux").into()).await.unwrap();
    let yann = it.opens(&door, "yann", 2, (address(1), "").into()).await.unwrap();
    // A code that has served closes nothing.
    let again = it.opens(&door, "camille", 1, (address(3), "").into()).await.err();
    assert_eq!(again, Some(SecondStepError::Refused));
    assert!(door.resume(&first.cookie, address(1)).await.is_ok());
    it.clock.advance(30);
    let second = it.opens(&door, "camille", 1, (address(2), "Safari, iPhone").into()).await.unwrap();
    assert!(door.resume(&second.cookie, address(2)).await.is_ok());
    assert!(door.resume(&yann.cookie, address(1)).await.is_ok(), "another's is his own");
    let other = closed(door.resume(&first.cookie, address(1)).await).unwrap();
    let expected =
        OtherSession { account, at: it.clock.now(), address: Some(address(2)), device: "Safari, iPhone".into() };
    assert_eq!(other, expected);
    // Only whoever has the very token is told: its identifier is not enough, nor a session that was never one.
    let forged = format!("{}{}", &first.cookie[..26], "0".repeat(64));
    assert_eq!(closed(door.resume(&forged, address(1)).await), None);
    let absent = format!("{}{}", "a".repeat(26), &first.cookie[26..]);
    assert_eq!(closed(door.resume(&absent, address(1)).await), None);
    // And only until it would have ended.
    it.clock.advance(28_800);
    assert_eq!(closed(door.resume(&first.cookie, address(1)).await), None);
    door.purge().await.unwrap();
    assert_eq!(it.counted("SELECT COUNT(*) FROM closed_sessions").await, 0);
}
both!(a_new_session_closes_the_one_before_and_tells_its_browser);

async fn the_first_session_stays_while_its_browser_is_there(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let door = it.decided(rules(900, 28_800, AtOnce::First)).await;
    let first = it.opens(&door, "camille", 1, (address(1), "Firefox, Linux").into()).await.unwrap();
    assert_eq!(door.resume(&first.cookie, address(1)).await.unwrap().at_once, AtOnce::First);
    let elsewhere = |tried: Result<Opened, SecondStepError>| match tried.err() {
        Some(SecondStepError::Elsewhere(other)) => Some((other.address, other.device)),
        _ => None,
    };
    let there = Some((Some(address(1)), "Firefox, Linux".to_owned()));
    it.clock.advance(60);
    assert_eq!(elsewhere(it.opens(&door, "camille", 1, (address(2), "").into()).await), there);
    // What showed that has served: nobody who saw the code comes in with it once the place is free.
    it.clock.advance(1);
    let replayed = it.opens(&door, "camille", 1, (address(2), "").into()).await.err();
    assert_eq!(replayed, Some(SecondStepError::Refused));
    // Asking is no failure: nobody waits for having been told.
    it.clock.advance(60);
    assert_eq!(elsewhere(it.opens(&door, "camille", 1, (address(4), "").into()).await), there);
    // Its own browser may sign in again.
    it.clock.advance(30);
    let again = Terminal { address: address(1), device: "Firefox, Linux", former: Some(first.session) };
    let renewed = it.opens(&door, "camille", 1, again).await.unwrap();
    // As long as it says that it is there, on another node too.
    for _ in 0..5 {
        it.clock.advance(120);
        let honored = door.honored(&renewed.cookie, address(1)).await.unwrap();
        assert_eq!((honored.session, honored.at_once), (renewed.session, AtOnce::First));
        door.note_there(renewed.session);
    }
    door.keep_seen().await.unwrap();
    assert_eq!(it.told(Event::SessionsSeen), 1);
    door.keep_seen().await.unwrap();
    assert_eq!(it.told(Event::SessionsSeen), 1, "nothing to write, nothing written");
    let other_node = it.door(Door::Portal, PORTAL).with_session_rules(None);
    it.clock.advance(30);
    assert_eq!(elsewhere(it.opens(&other_node, "camille", 1, (address(2), "").into()).await), there);
    // Saying so prolongs nothing: unused, it ends all the same.
    it.clock.advance(300);
    assert!(matches!(door.honored(&renewed.cookie, address(1)).await, Err(SessionFault::SignedOut)));
    // And once nobody is there, the next one comes in, and closes what was left: here nothing, for it was over.
    let second = it.opens(&other_node, "camille", 1, (address(2), "").into()).await.unwrap();
    assert_eq!(closed(door.resume(&renewed.cookie, address(1)).await), None);
    it.clock.advance(i64::try_from(PRESENT.as_secs()).unwrap());
    assert!(it.opens(&door, "camille", 1, (address(5), "").into()).await.is_ok(), "its browser was closed");
    assert!(closed(door.resume(&second.cookie, address(2)).await).is_some());
}
both!(the_first_session_stays_while_its_browser_is_there);

async fn whoever_was_told_says_that_it_was_not_him(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let door = it.decided(rules(900, 28_800, AtOnce::Newest)).await;
    let first = it.opens(&door, "camille", 1, (address(1), "").into()).await.unwrap();
    it.clock.advance(30);
    let thief = it.opens(&door, "camille", 1, (address(6), "").into()).await.unwrap();
    let other = closed(door.resume(&first.cookie, address(1)).await).unwrap();
    let word = door.word_about(&other).await.unwrap();
    let also = door.word_about(&other).await.unwrap();
    for bad in ["", "AAAA", &*"x".repeat(5000)] {
        assert!(!door.disown_by_word(bad, address(1)).await.unwrap());
    }
    let desk = it.door(Door::Desk, DESK);
    assert!(!desk.disown_by_word(&word, address(1)).await.unwrap(), "another door's");
    assert!(door.resume(&thief.cookie, address(6)).await.is_ok());
    // A telephone goes from one network to another meanwhile.
    assert!(door.disown_by_word(&word, address(8)).await.unwrap());
    assert_eq!(closed(door.resume(&thief.cookie, address(6)).await), None, "ended, without a word");
    assert_eq!(closed(door.resume(&first.cookie, address(1)).await), None, "said once");
    let alarms = door.defences().alarms(it.clock.now());
    assert_eq!(alarms.iter().map(|alarm| alarm.kind.clone()).collect::<Vec<_>>(), [AlarmKind::Disowned { account }]);
    assert_eq!(it.told(Event::SignInDisowned), 1);
    // It serves once, and so does whatever was given beside it: nobody keeps the owner out with them.
    it.clock.advance(30);
    let owner = it.opens(&door, "camille", 1, (address(1), "").into()).await.unwrap();
    for served in [&word, &also] {
        assert!(!door.disown_by_word(served, address(1)).await.unwrap());
    }
    assert!(door.resume(&owner.cookie, address(1)).await.is_ok());
    assert_eq!(door.defences().alarms(it.clock.now()).len(), 0, "nor rings again");
}
both!(whoever_was_told_says_that_it_was_not_him);

async fn a_thief_does_not_silence_the_one_whose_session_he_closed(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let door = it.decided(rules(900, 28_800, AtOnce::Newest)).await;
    let owner = it.opens(&door, "camille", 1, (address(1), "").into()).await.unwrap();
    it.clock.advance(30);
    let thief = it.opens(&door, "camille", 1, (address(6), "").into()).await.unwrap();
    let thief = door.resume(&thief.cookie, address(6)).await.unwrap();
    door.disown(&thief).await.unwrap();
    let other = closed(door.resume(&owner.cookie, address(1)).await).unwrap();
    let word = door.word_about(&other).await.unwrap();
    assert!(door.disown_by_word(&word, address(1)).await.unwrap());
    // A word of before a change of means is none.
    it.clock.advance(30);
    let first = it.opens(&door, "camille", 1, (address(1), "").into()).await.unwrap();
    it.clock.advance(30);
    let second = it.opens(&door, "camille", 1, (address(2), "").into()).await.unwrap();
    let other = closed(door.resume(&first.cookie, address(1)).await).unwrap();
    let word = door.word_about(&other).await.unwrap();
    let me = door.resume(&second.cookie, address(2)).await.unwrap();
    let (former, new) = (Secret::new(PASSWORD.into()), Secret::new("Vingt-7 herons gris au gué".into()));
    door.change_password(&me, former, new).await.unwrap();
    assert!(!door.disown_by_word(&word, address(1)).await.unwrap());
    assert_eq!(closed(door.resume(&first.cookie, address(1)).await), None, "and no other is given");
    assert!(door.resume(&second.cookie, address(2)).await.is_ok());
}
both!(a_thief_does_not_silence_the_one_whose_session_he_closed);

async fn what_one_leaves_oneself_or_long_ago_tells_nobody_anything(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let door = it.decided(rules(900, 28_800, AtOnce::Newest)).await;
    let stolen = it.opens(&door, "camille", 1, (address(1), "").into()).await.unwrap();
    it.clock.advance(30);
    let again = Terminal { address: address(1), device: "", former: Some(stolen.session) };
    let renewed = it.opens(&door, "camille", 1, again).await.unwrap();
    assert_eq!(closed(door.resume(&stolen.cookie, address(9)).await), None, "who proved again who he is has left it");
    it.clock.advance(901);
    it.opens(&door, "camille", 1, (address(2), "").into()).await.unwrap();
    assert_eq!(closed(door.resume(&renewed.cookie, address(9)).await), None, "left unused, it was over");
    assert_eq!(it.told_of(Event::SessionClosed), 0, "nobody closed them");
    it.clock.advance(30);
    it.opens(&door, "camille", 1, (address(3), "").into()).await.unwrap();
    assert_eq!(it.told_of(Event::SessionClosed), 1, "this one was open");
}
both!(what_one_leaves_oneself_or_long_ago_tells_nobody_anything);

async fn one_sees_ones_sign_ins_and_disowns_them_from_ones_account(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    for n in 0..12 {
        let from = (address(n), if n == 11 { "Chrome, Windows" } else { "" }).into();
        it.opens(&it.service, "camille", 1, from).await.unwrap();
        it.clock.advance(30);
    }
    let mine = it.opens(&it.service, "camille", 1, (address(50), "Firefox, Linux").into()).await.unwrap();
    let me = it.service.resume(&mine.cookie, address(50)).await.unwrap();
    let own = it.service.own_account(&me).await.unwrap();
    assert_eq!(own.sessions.len(), 13, "several at a time where nobody decided otherwise");
    assert_eq!(own.recent.len(), 10, "the last ten");
    assert_eq!((own.recent[0].address, own.recent[0].device.as_str()), (address(50), "Firefox, Linux"));
    assert_eq!((own.recent[1].address, own.recent[1].device.as_str()), (address(11), "Chrome, Windows"));
    assert_eq!(own.recent[1].at, it.clock.now() - Duration::from_secs(30));
    it.service.disown(&me).await.unwrap();
    let own = it.service.own_account(&me).await.unwrap();
    assert_eq!(own.sessions.len(), 1, "his own alone");
    let alarms = it.service.defences().alarms(it.clock.now());
    assert_eq!(alarms.first().map(|alarm| alarm.kind.clone()), Some(AlarmKind::Disowned { account }));
}
both!(one_sees_ones_sign_ins_and_disowns_them_from_ones_account);

async fn what_is_decided_holds_for_what_opens_next(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let before = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let door = it.decided(rules(120, 600, AtOnce::Several)).await;
    it.clock.advance(30);
    let after = it.opens(&door, "camille", 1, (address(1), "").into()).await.unwrap();
    let who = door.resume(&after.cookie, address(1)).await.unwrap();
    assert_eq!(who.absolute_until, it.clock.now() + Duration::from_secs(600));
    assert_eq!(who.idle_until, it.clock.now() + Duration::from_secs(120));
    // Whoever has no part in what administrators decide goes by the settings: the probes' short sessions.
    it.clock.advance(30);
    let plain = it.opens(&it.service, "camille", 1, (address(1), "").into()).await.unwrap();
    let plain = it.service.resume(&plain.cookie, address(1)).await.unwrap();
    assert_eq!(plain.absolute_until, it.clock.now() + Duration::from_secs(28_800));
    it.clock.advance(119);
    assert!(door.resume(&after.cookie, address(1)).await.is_err(), "unused for two minutes");
    assert!(door.resume(&before.cookie, address(1)).await.is_ok(), "opened before");
    let all = door.rules_in_force().await.unwrap();
    assert_eq!(all[0], (Population::Patients, rules(120, 600, AtOnce::Several)));
    assert_eq!(all.len(), 2, "who comes in here: {all:?}");
    assert_eq!(all[1].1.limits().idle, Duration::from_secs(900));
}
both!(what_is_decided_holds_for_what_opens_next);

async fn only_administrators_decide_and_a_row_moved_decides_nothing(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let desk = it.door(Door::Desk, DESK);
    let officer = it.somebody((Door::Desk, DESK), "rssi", Role::SecurityOfficer, 3).await;
    let on_call = it.somebody((Door::Desk, DESK), "garde", Role::OnCall, 4).await;
    let wanted = rules(7200, 43_200, AtOnce::First);
    for who in [&officer, &on_call] {
        let refused = desk.set_session_rules(&who.authenticated, Population::Patients, Some(wanted)).await;
        assert_eq!(refused, Err(SessionRulesError::Denied));
    }
    assert_eq!(desk.session_rules(&officer.authenticated).await.unwrap().len(), Population::ALL.len());
    assert_eq!(desk.session_rules(&on_call.authenticated).await, Err(SessionRulesError::Denied));
    let door = it.decided(wanted).await;
    let decided = |all: Vec<RulesSeen>| all.into_iter().filter_map(|one| one.rules).collect::<Vec<_>>();
    assert_eq!(decided(desk.session_rules(&officer.authenticated).await.unwrap()), [wanted]);
    // Somebody with the database gives the patients' rules to others, or spoils them.
    it.outside("UPDATE session_rules SET population = 'staff'").await;
    assert_eq!(decided(desk.session_rules(&officer.authenticated).await.unwrap()), []);
    it.outside("UPDATE session_rules SET population = 'patients', sealed = account_id FROM (SELECT id AS account_id FROM accounts LIMIT 1) AS one").await;
    let ceremony = door.first_step("camille", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let tried = door.second_step(&ceremony, &it.code(1), address(1)).await.err();
    assert_eq!(tried, None, "what cannot be read decides nothing, and locks nobody out");
    // Whoever administers decides anew, or gives it up.
    it.clock.advance(60);
    let ceremony = desk.first_step("admin", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let opened = desk.second_step(&ceremony, &it.code(9), address(1)).await.unwrap();
    let admin = desk.resume(&opened.cookie, address(1)).await.unwrap();
    desk.set_session_rules(&admin.authenticated, Population::Patients, None).await.unwrap();
    assert!(it.opens(&door, "camille", 1, (address(1), "").into()).await.is_ok());
    assert_eq!(it.told(Event::SessionRulesSet), 2);
    it.clock.advance(600);
    let admin = desk.resume(&opened.cookie, address(1)).await.unwrap();
    let late = desk.set_session_rules(&admin.authenticated, Population::Patients, Some(wanted)).await;
    assert_eq!(late, Err(SessionRulesError::Lacking(Lacking::Fresh)), "ten minutes after the sign-in");
}
both!(only_administrators_decide_and_a_row_moved_decides_nothing);

async fn the_account_of_probes_has_several(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let door = it.decided(rules(900, 28_800, AtOnce::Newest)).await;
    let exempt = it.door(Door::Portal, PORTAL).with_session_rules(Some("camille".into()));
    let first = it.opens(&exempt, "camille", 1, (address(1), "").into()).await.unwrap();
    it.clock.advance(30);
    it.opens(&exempt, "camille", 1, (address(1), "").into()).await.unwrap();
    assert!(exempt.resume(&first.cookie, address(1)).await.is_ok());
    it.clock.advance(30);
    it.opens(&door, "camille", 1, (address(1), "").into()).await.unwrap();
    assert!(closed(door.resume(&first.cookie, address(1)).await).is_some(), "nobody else is exempt");
}
both!(the_account_of_probes_has_several);
