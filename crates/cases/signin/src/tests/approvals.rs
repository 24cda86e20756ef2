//! A sign-in by SSH approved in the browser, and those who would have it approved who must not: against both databases.

use super::{
    means::blob,
    ssh::{WORK, people, ssh},
    *,
};
use crate::{AlarmKind, OwnError, SshAnswer, SshAnswered, SshRefused, SshSeen, SshSignIn};
use identity::Assurance;
use policy::Lacking;
use types::{Event, SshApprovalId};

/// Whoever holds sacha's key, and sacha's browser.
struct Scene {
    it: Fixture,
    ssh: SshSignIn,
    door: SignInService,
    cookie: String,
    /// The code that his terminal shows.
    terminal: std::sync::Mutex<String>,
}

const MINUTES_10: i64 = 600;

impl Scene {
    async fn new(database: &TestDatabase) -> Self {
        let it = fixture(database).await;
        people(&it).await;
        let (ssh, door) = (ssh(&it), it.door(Door::Suppliers, SUPPLIERS));
        let mut scene = Self { it, ssh, door, cookie: String::new(), terminal: Default::default() };
        scene.cookie = scene.browser("sacha", 1).await;
        scene
    }

    /// Signs somebody in at the suppliers' door.
    async fn browser(&self, login: &str, secret: u8) -> String {
        let ceremony = self.door.first_step(login, Secret::new(PASSWORD.into()), address(1)).await.unwrap();
        self.door.second_step(&ceremony, &self.it.code(secret), address(1)).await.unwrap().cookie
    }

    /// Sacha's browser, asking from there.
    async fn who(&self, from: u8) -> SignedIn {
        self.door.resume(&self.cookie, address(from)).await.unwrap()
    }

    async fn seen(&self, from: u8) -> SshSeen {
        self.ssh.identify("sacha", &blob(1), address(from)).await.unwrap()
    }

    async fn asked(&self, from: u8) -> SshSeen {
        let seen = self.seen(from).await;
        let asked = self.ssh.ask_approval(&seen, Some("scanner-1"), address(from)).await.unwrap();
        *self.terminal.lock().unwrap() = asked.words;
        seen
    }

    /// What waits, as sacha's browser is told.
    async fn waits(&self) -> Option<SshApprovalId> {
        self.door.ssh_waiting(&self.who(1).await).await.unwrap().map(|one| one.id)
    }

    /// The code that the terminal shows: no page does.
    fn words(&self) -> String {
        self.terminal.lock().unwrap().clone()
    }

    /// Whether it was approved by somebody who types what the terminal shows.
    async fn approves(&self, from: u8, id: SshApprovalId) -> Result<bool, OwnError> {
        let words = self.words();
        let answered = self.door.approve_ssh(&self.who(from).await, id, &words).await?;
        Ok(answered == SshAnswered::Done)
    }

    async fn answer(&self, seen: &SshSeen) -> SshAnswer {
        self.ssh.approved(seen, seen.address()).await.unwrap()
    }
}

async fn approved_from_the_same_address_it_serves_once(database: &TestDatabase) {
    let it = Scene::new(database).await;
    assert_eq!(it.waits().await, None);
    let seen = it.seen(1).await;
    assert_eq!(it.answer(&seen).await, SshAnswer::Over, "nothing was asked");
    let asked = it.ssh.ask_approval(&seen, Some("scanner-1"), address(1)).await.unwrap();
    let again = it.ssh.ask_approval(&seen, None, address(1)).await;
    assert_eq!(again.err(), Some(SshRefused::Refused), "once for a connection");
    let shown = it.door.ssh_waiting(&it.who(1).await).await.unwrap().unwrap();
    *it.terminal.lock().unwrap() = asked.words;
    assert_eq!(shown.target.as_deref(), Some("scanner-1"));
    assert_eq!((shown.address, shown.is_here, shown.is_usual, shown.ends), (address(1), true, true, asked.ends));
    assert_eq!(shown.fingerprint, seen.fingerprint());
    assert_eq!(it.answer(&seen).await, SshAnswer::Waits);
    assert!(it.ssh.authenticated(&seen, address(1)).await.is_err(), "a key alone is nobody");
    assert_eq!(it.approves(1, shown.id).await, Ok(true));
    let twice = it.door.approve_ssh(&it.who(1).await, shown.id, &it.words()).await;
    assert_eq!(twice, Ok(SshAnswered::Done), "pressed twice, it is approved once: see the traces below");
    assert_eq!(it.waits().await, None);
    assert!(it.ssh.authenticated(&seen, address(1)).await.is_err(), "not before the relay took it");
    assert_eq!(it.ssh.approved(&seen, address(2)).await, Ok(SshAnswer::Over), "of another address");
    assert_eq!(it.answer(&seen).await, SshAnswer::Given);
    let proof = it.ssh.authenticated(&seen, address(1)).await.unwrap();
    assert_eq!((proof.assurance(), proof.door()), (Assurance::TwoFactors, Some(Door::Relays)));
    it.ssh.open_key(&seen, WORK, address(1)).await.unwrap();
    assert!(it.ssh.is_open(&seen, WORK, address(1)));
    it.ssh.close_key(&seen, WORK);
    assert!(!it.ssh.is_open(&seen, WORK, address(1)), "where more is asked, the next connection is asked anew");
    assert_eq!(it.answer(&seen).await, SshAnswer::Over, "it has served");
    it.ssh.close_approval(&seen).await;
    let told = |event| it.it.told(event);
    assert_eq!((told(Event::RelayApprovalAsked), told(Event::RelayApprovalGiven)), (1, 1));
    assert_eq!((told(Event::RelayApprovalExpired), told(Event::RelayApprovalRefused)), (0, 0));
    assert_eq!(told(Event::SignIn), 2, "in the browser, and by SSH");
}
both!(approved_from_the_same_address_it_serves_once);

async fn elsewhere_it_cannot_be_approved(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let seen = it.asked(2).await;
    let shown = it.door.ssh_waiting(&it.who(1).await).await.unwrap().unwrap();
    assert_eq!((shown.address, shown.is_here, shown.is_usual), (address(2), false, false));
    assert_eq!(it.approves(1, shown.id).await, Ok(false));
    assert_eq!(it.answer(&seen).await, SshAnswer::Waits, "nothing came of it");
    assert_eq!(it.it.told(Event::RelayApprovalGiven), 0);
    assert_eq!(it.it.traced(Event::Refused).len(), 1, "and it is written down");
    it.it.clock.advance(30);
    it.ssh.code(&seen, &it.it.code(1), address(2)).await.unwrap();
    assert!(it.ssh.authenticated(&seen, address(2)).await.is_ok(), "the code remains");
    // The same browser there, its session followed it: approved.
    it.ssh.close_approval(&seen).await;
    let seen = it.asked(2).await;
    let id = it.waits().await.unwrap();
    assert_eq!(it.approves(2, id).await, Ok(true));
    assert_eq!(it.answer(&seen).await, SshAnswer::Given);
}
both!(elsewhere_it_cannot_be_approved);

async fn nobody_else_answers(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let seen = it.asked(1).await;
    let id = it.waits().await.unwrap();
    let absent = SshApprovalId::from_bytes([9; 16]);
    for (login, secret) in [("autre", 5), ("mo", 2)] {
        let cookie = it.browser(login, secret).await;
        let other = it.door.resume(&cookie, address(1)).await.unwrap();
        assert_eq!(it.door.ssh_waiting(&other).await.unwrap(), None);
        for which in [id, absent] {
            assert_eq!(it.door.approve_ssh(&other, which, &it.words()).await, Err(OwnError::Denied), "{login}");
            assert_eq!(it.door.refuse_ssh(&other, which).await, Err(OwnError::Denied), "{login}");
        }
    }
    assert_eq!(it.answer(&seen).await, SshAnswer::Waits);
    // Nor sacha himself, by a session that he left open.
    it.ssh.close_approval(&seen).await;
    it.it.clock.advance(MINUTES_10);
    let seen = it.asked(1).await;
    let id = it.waits().await.unwrap();
    assert_eq!(it.approves(1, id).await, Err(OwnError::Lacking(Lacking::Fresh)));
    assert_eq!(it.answer(&seen).await, SshAnswer::Waits);
}
both!(nobody_else_answers);

async fn its_time_is_short(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let seen = it.asked(1).await;
    let id = it.waits().await.unwrap();
    it.it.clock.advance(119);
    assert_eq!(it.answer(&seen).await, SshAnswer::Waits);
    it.it.clock.advance(1);
    assert_eq!((it.waits().await, it.answer(&seen).await), (None, SshAnswer::Over));
    assert_eq!(it.approves(1, id).await, Ok(false), "too late");
    it.it.outside("UPDATE ssh_approvals SET ends_micros = ends_micros + 600000000").await;
    assert_eq!(
        (it.approves(1, id).await, it.answer(&seen).await),
        (Ok(false), SshAnswer::Over),
        "an end that was moved"
    );
    let seen = it.asked(1).await;
    let id = it.waits().await.unwrap();
    assert_eq!(it.approves(1, id).await, Ok(true));
    it.it.clock.advance(120);
    assert_eq!(it.answer(&seen).await, SshAnswer::Over, "approved, and taken too late");
}
both!(its_time_is_short);

async fn what_ends_between_approval_and_use_opens_nothing(database: &TestDatabase) {
    for statement in [
        "DELETE FROM sessions",
        "UPDATE accounts SET state = 'suspended'",
        "UPDATE accounts SET version = version + 1",
        "UPDATE accounts SET role = 'supplier_manager'",
        "UPDATE accounts SET supplier_id = NULL",
    ] {
        let it = Scene::new_after(database).await;
        let seen = it.asked(1).await;
        let id = it.waits().await.unwrap();
        assert_eq!(it.approves(1, id).await, Ok(true));
        it.it.outside(statement).await;
        assert_ne!(it.ssh.approved(&seen, address(1)).await, Ok(SshAnswer::Given), "{statement}");
        assert!(it.ssh.authenticated(&seen, address(1)).await.is_err(), "{statement}");
    }
    // Signed out, which holds before the database hears of it; and suspended before he approves.
    let it = Scene::new_after(database).await;
    let seen = it.asked(1).await;
    let who = it.who(1).await;
    let (id, words) = (it.waits().await.unwrap(), it.words());
    assert_eq!(it.door.approve_ssh(&who, id, &words).await, Ok(SshAnswered::Done));
    it.door.end(&who, EndedBecause::Asked).await;
    assert_eq!(it.answer(&seen).await, SshAnswer::Over);
    let it = Scene::new_after(database).await;
    let seen = it.asked(1).await;
    let (who, id, words) = (it.who(1).await, it.waits().await.unwrap(), it.words());
    it.it.outside("UPDATE accounts SET state = 'suspended'").await;
    assert_eq!(it.door.approve_ssh(&who, id, &words).await, Ok(SshAnswered::Late));
    assert_ne!(it.answer(&seen).await, SshAnswer::Given);
}
both!(what_ends_between_approval_and_use_opens_nothing);

impl Scene {
    /// Over a database that had others before.
    async fn new_after(database: &TestDatabase) -> Self {
        let it = fixture(database).await;
        for statement in
            ["DELETE FROM ssh_approvals", "DELETE FROM sessions", "DELETE FROM ssh_keys", "DELETE FROM accounts"]
        {
            it.outside(statement).await;
        }
        drop(it);
        Self::new(database).await
    }
}

async fn it_is_of_one_connection(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let first = it.asked(1).await;
    let first_id = it.waits().await.unwrap();
    // He comes again from the same place: what waited is over.
    let second = it.asked(1).await;
    let id = it.waits().await.unwrap();
    assert_ne!(first_id, id);
    assert_eq!((it.approves(1, first_id).await, it.answer(&first).await), (Ok(false), SshAnswer::Over));
    assert_eq!(it.approves(1, id).await, Ok(true));
    assert_eq!(it.answer(&first).await, SshAnswer::Over, "the second's is not the first's");
    drop(second);
    // Somebody with the database gives the answer to another connection, which asked by another key perhaps.
    for statement in [
        "UPDATE ssh_approvals SET state = 'given', ends_micros = ends_micros + 600000000",
        "UPDATE ssh_approvals SET answer = (SELECT answer FROM ssh_approvals WHERE answer IS NOT NULL LIMIT 1)",
        "UPDATE ssh_approvals SET sealed = (SELECT b.sealed FROM ssh_approvals b WHERE b.id <> ssh_approvals.id LIMIT 1)",
    ] {
        it.it.outside(statement).await;
        assert_ne!(it.ssh.approved(&first, address(1)).await, Ok(SshAnswer::Given), "{statement}");
    }
}
both!(it_is_of_one_connection);

async fn a_connection_that_is_gone_is_approved_for_nothing(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let seen = it.asked(1).await;
    let id = it.waits().await.unwrap();
    it.ssh.close_approval(&seen).await;
    it.ssh.close_approval(&seen).await;
    assert_eq!((it.waits().await, it.approves(1, id).await), (None, Ok(false)));
    assert_eq!(it.answer(&seen).await, SshAnswer::Over);
    assert_eq!(it.it.told(Event::RelayApprovalExpired), 1);
    // Approved a moment before: it does not lie there for anybody.
    let seen = it.asked(1).await;
    assert_eq!(it.approves(1, it.waits().await.unwrap()).await, Ok(true));
    it.ssh.close_approval(&seen).await;
    assert_eq!(it.answer(&seen).await, SshAnswer::Over);
}
both!(a_connection_that_is_gone_is_approved_for_nothing);

async fn nobody_is_asked_again_and_again(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let owner = it.asked(1).await;
    let id = it.waits().await.unwrap();
    // A thief of the key elsewhere takes nobody's place, and has codes to guess as before.
    let thief = it.seen(6).await;
    assert_eq!(it.ssh.ask_approval(&thief, None, address(6)).await.err(), Some(SshRefused::Refused));
    assert_eq!(it.waits().await, Some(id));
    assert_eq!(it.approves(1, id).await, Ok(true));
    assert_eq!(it.ssh.ask_approval(&thief, None, address(6)).await.err(), Some(SshRefused::Refused), "nor then");
    assert_eq!(it.answer(&owner).await, SshAnswer::Given);
    // What served does not count; what brought nobody in does, whatever became of it.
    for n in 0..5 {
        let seen = it.asked(6).await;
        assert!(it.waits().await.is_some(), "{n}");
        it.ssh.close_approval(&seen).await;
    }
    for from in [1, 6] {
        let seen = it.seen(from).await;
        assert_eq!(it.ssh.ask_approval(&seen, None, address(from)).await.err(), Some(SshRefused::Refused));
    }
    let refused = it.it.traced(Event::RelayApprovalAsked).into_iter();
    assert_eq!(refused.filter(|trace| trace.outcome == Some(journal::Outcome::Refused)).count(), 4);
    it.it.clock.advance(MINUTES_10);
    it.asked(1).await;
}
both!(nobody_is_asked_again_and_again);

async fn refused_it_is_over_and_the_desk_is_told(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let account = it.who(1).await.account;
    let thief = it.asked(6).await;
    let id = it.waits().await.unwrap();
    assert_eq!(it.door.refuse_ssh(&it.who(1).await, id).await, Ok(SshAnswered::Done), "from anywhere");
    assert_eq!(it.door.refuse_ssh(&it.who(1).await, id).await, Ok(SshAnswered::Done), "said twice, told once");
    assert_eq!((it.waits().await, it.answer(&thief).await), (None, SshAnswer::Over));
    let alarms = it.door.defences().alarms(it.it.clock.now());
    assert_eq!(alarms.iter().map(|alarm| alarm.kind.clone()).collect::<Vec<_>>(), [AlarmKind::Disowned { account }]);
    assert_eq!(it.it.told(Event::RelayApprovalRefused), 1);
    let again = it.seen(6).await;
    assert_eq!(it.ssh.ask_approval(&again, None, address(6)).await.err(), Some(SshRefused::Refused));
    it.it.clock.advance(MINUTES_10);
    // Approved by mistake, then refused before it served.
    it.it.clock.advance(30);
    let cookie = it.browser("sacha", 1).await;
    let it = Scene { cookie, ..it };
    let seen = it.asked(1).await;
    let id = it.waits().await.unwrap();
    assert_eq!(it.approves(1, id).await, Ok(true));
    assert_eq!(it.door.refuse_ssh(&it.who(1).await, id).await, Ok(SshAnswered::Done));
    assert_eq!(it.answer(&seen).await, SshAnswer::Over);
    // Put back by its word alone, it opens nothing: what was answered is gone.
    it.it.outside("UPDATE ssh_approvals SET state = 'given'").await;
    assert_ne!(it.ssh.approved(&seen, address(1)).await, Ok(SshAnswer::Given));
}
both!(refused_it_is_over_and_the_desk_is_told);

async fn of_several_at_once_one_gets_it(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let seen = Arc::new(it.asked(1).await);
    let (id, who) = (it.waits().await.unwrap(), Arc::new(it.who(1).await));
    let words = it.words();
    // Each node has its own services over one store.
    let mut answers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (door, who, words) = (it.it.door(Door::Suppliers, SUPPLIERS), who.clone(), words.clone());
        answers.spawn(async move { door.approve_ssh(&who, id, &words).await });
    }
    let answers = answers.join_all().await;
    assert!(answers.contains(&Ok(SshAnswered::Done)), "{answers:?}");
    assert_eq!(it.it.told(Event::RelayApprovalGiven), 1, "{answers:?}");
    let mut taken = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (ssh, seen) = (ssh(&it.it), seen.clone());
        taken.spawn(async move { ssh.approved(&seen, address(1)).await });
    }
    let taken = taken.join_all().await;
    assert_eq!(taken.iter().filter(|answer| **answer == Ok(SshAnswer::Given)).count(), 1, "{taken:?}");
}
both!(of_several_at_once_one_gets_it);

async fn what_is_past_is_swept(database: &TestDatabase) {
    let it = Scene::new(database).await;
    it.asked(1).await;
    it.door.purge().await.unwrap();
    assert!(it.waits().await.is_some());
    it.it.clock.advance(7201);
    it.door.purge().await.unwrap();
    let mut connection = it.it.store.read().await.unwrap();
    let left: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM ssh_approvals").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(left.0, 0);
}
both!(what_is_past_is_swept);

async fn whoever_approves_has_the_terminal_before_him(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let seen = it.asked(1).await;
    let (who, id, words) = (it.who(1).await, it.waits().await.unwrap(), it.words());
    let other = words.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect::<String>();
    for typed in ["", " ", "-", &other, &words[..words.len() - 1], &format!("{words}A")] {
        assert_eq!(it.door.approve_ssh(&who, id, typed).await, Ok(SshAnswered::Mistyped), "{typed}");
        assert_eq!(it.answer(&seen).await, SshAnswer::Waits, "{typed}");
    }
    let grouped = format!(" {} ", words.to_lowercase().replace('-', " "));
    assert_eq!(it.door.approve_ssh(&who, id, &grouped).await, Ok(SshAnswered::Done));
    // Pressed twice, it is approved once.
    assert_eq!(it.door.approve_ssh(&who, id, &words).await, Ok(SshAnswered::Done));
    assert_eq!(it.it.told(Event::RelayApprovalGiven), 1);
    assert_eq!(it.answer(&seen).await, SshAnswer::Given);
}
both!(whoever_approves_has_the_terminal_before_him);

async fn said_too_late_that_it_is_not_his_still_rings(database: &TestDatabase) {
    let it = Scene::new(database).await;
    let account = it.who(1).await.account;
    let seen = it.asked(1).await;
    let id = it.waits().await.unwrap();
    assert_eq!(it.approves(1, id).await, Ok(true));
    assert_eq!(it.answer(&seen).await, SshAnswer::Given);
    assert_eq!(it.door.refuse_ssh(&it.who(1).await, id).await, Ok(SshAnswered::Late), "it has served");
    let alarms = it.door.defences().alarms(it.it.clock.now());
    assert_eq!(alarms.iter().map(|alarm| alarm.kind.clone()).collect::<Vec<_>>(), [AlarmKind::Disowned { account }]);
    assert_eq!(it.it.told(Event::RelayApprovalRefused), 1);
}
both!(said_too_late_that_it_is_not_his_still_rings);
