//! Months that reach their term in a real journal: destroyed after it says so, and never before.

use super::*;
use crate::BlockTraces;
use crate::retention::{Change, Month, NotCounted, Purged, Standing, Statement};
use policy::{AskRetention, ConfirmRetention, WithdrawRetention};
use types::{Extra, Family};

const WEEK: i64 = 7 * 86_400;

impl Fixture<'_> {
    /// So many weeks of a node's life, with something technical noted in each.
    async fn live(&self, weeks: u32) {
        let node = system_actor(SystemActor::Node, None, self.clock.now());
        for week in 0..weeks {
            self.clock.advance(WEEK);
            self.journal.note(&node, Event::NodeStarted, Some(format!("week {week}"))).await.unwrap();
        }
    }

    pub(super) fn pair_file(&self, pair: &str) -> PathBuf {
        self.folder.path().join(format!("vault/{pair}.pair"))
    }

    async fn standing(&self, month: Month) -> Vec<Standing> {
        let keeping = self.journal.keeping().await.unwrap();
        keeping.months.into_iter().filter(|one| one.month == month).map(|one| one.standing).collect()
    }

    fn reader(&self) -> TraceReader {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let months = MonthKeys::new(&self.folder.path().join("vault"), &master).unwrap();
        TraceReader::new(&self.origin(), Arc::new(months))
    }

    fn controller(&self) -> Authenticated {
        let now = self.clock.now();
        let address = ClientAddress::new([192, 0, 2, 8].into());
        let key = DoorKey::new(Door::Desk, &[7; 32]);
        let totp = TotpSecret::from_bytes(*b"12345678901234567890");
        let held = Credentials { password: PasswordHash::from_phc(CHEAP.into()), totp, last_step: 0 };
        let verified = SignIn::start(address, now)
            .password(&Secret::new("un mot de passe".into()), Some((AccountId::from_bytes([3; 16]), &held)))
            .code(&code_at(now), Some(&held), now)
            .unwrap();
        let limits = SessionLimits { idle: Duration::from_secs(1800), absolute: Duration::from_secs(28_800) };
        let random = (SessionId::from_bytes([4; 16]), [5; 32]);
        let session = verified.open((HERE, Role::TraceController), &key, limits, random, now);
        resume(&session.stored, &session.token, &key, address, now).unwrap().authenticated
    }

    pub(super) async fn ask(&self, (id, by): (u8, u8), change: Change) -> Result<(), NotCounted> {
        let statement = Statement::Proposed { id: [id; 16], by: [by; 16], change }.encode();
        let action = AskRetention { reason: "an inquiry".into(), statement };
        let now = self.clock.now();
        let proof = self.policies.decide(&self.controller(), action, &Facts::default(), now).unwrap();
        self.journal.declare(proof).await.unwrap()
    }

    pub(super) async fn confirm(&self, (id, by): (u8, u8)) -> Result<(), NotCounted> {
        let statement = Statement::Confirmed { id: [id; 16], by: [by; 16] }.encode();
        let action = ConfirmRetention { statement };
        let now = self.clock.now();
        let proof = self.policies.decide(&self.controller(), action, &Facts::default(), now).unwrap();
        self.journal.declare(proof).await.unwrap()
    }

    pub(super) async fn withdraw(&self, (id, by): (u8, u8)) -> Result<(), NotCounted> {
        let statement = Statement::Withdrawn { id: [id; 16], by: [by; 16] }.encode();
        let action = WithdrawRetention { statement };
        let now = self.clock.now();
        let proof = self.policies.decide(&self.controller(), action, &Facts::default(), now).unwrap();
        self.journal.declare(proof).await.unwrap()
    }
}

/// All that a reader finds of what was noted.
fn read_all(reader: &mut TraceReader) -> BlockTraces {
    while !reader.catch_up(1000).unwrap() {}
    let mut all = BlockTraces::default();
    for block in reader.blocks().to_vec() {
        let found = reader.read(&block, &|head| head.event == Event::NodeStarted).unwrap();
        all.traces.extend(found.traces);
        all.unreadable += found.unreadable;
    }
    all
}

async fn what_reached_its_term_is_erased_and_the_journal_still_verifies(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let first = Month::of(START);
    fixture.live(60).await;
    // The machine's own count does not know of these weeks: as it stands the clock moved, and nothing goes.
    assert!(fixture.journal.keeping().await.unwrap().clock_moved);
    assert_eq!(fixture.journal.purge_due().await.unwrap(), Vec::<String>::new());

    let fixture = fixture.crash().await;
    assert_eq!(fixture.standing(first).await, [Standing::Due]);
    let due: Vec<_> = fixture.journal.keeping().await.unwrap().months;
    let due: Vec<_> = due.into_iter().filter(|one| one.standing == Standing::Due).collect();
    assert_eq!(due.iter().map(|one| one.month).collect::<Vec<_>>(), [first, first.plus(1)]);
    let pair = due[0].pair.clone();
    let backup = std::fs::read(fixture.pair_file(&pair)).unwrap();
    // Whoever has opened the month's key already is no exception.
    let mut reader = fixture.reader();
    let notes = read_all(&mut reader);
    assert_eq!(notes.unreadable, 0);
    assert_eq!(fixture.journal.purge_due().await.unwrap(), due.iter().map(|one| one.pair.clone()).collect::<Vec<_>>());
    assert_eq!(fixture.journal.purge_due().await.unwrap(), Vec::<String>::new(), "once");
    assert!(!fixture.pair_file(&pair).exists());
    assert_eq!(fixture.standing(first).await, [Standing::Destroyed]);

    let left = read_all(&mut reader);
    assert!(left.unreadable > 0 && left.traces.iter().all(|trace| trace.detail.as_deref() != Some("week 0")));

    let traces = fixture.traces();
    let words = |text: &str| traces.iter().any(|trace| trace.detail.as_deref() == Some(text));
    assert!(!words("week 0") && !words("week 4") && words("week 20"), "what is erased, and what is not");
    let said: Vec<_> =
        traces.iter().map(|trace| trace.event).filter(|event| event.as_str().contains("journal.")).collect();
    let said: Vec<_> = said.into_iter().filter(|event| *event != Event::SealKey).collect();
    assert_eq!(said, [Event::JournalPurged, Event::KeyDestroyed, Event::JournalPurged, Event::KeyDestroyed]);
    assert!(verify(&fixture.origin(), None, None).ok(), "the proof stays");

    // A backup brings the key back, with the tombstone gone: the journal remembers.
    std::fs::remove_file(fixture.folder.path().join(format!("vault/{pair}.destroyed"))).unwrap();
    std::fs::write(fixture.pair_file(&pair), backup).unwrap();
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert!(!fixture.pair_file(&pair).exists());
    assert!(fixture.traces().iter().all(|trace| trace.detail.as_deref() != Some("week 0")));
    fixture.journal.close().await.unwrap();
}
both!(what_reached_its_term_is_erased_and_the_journal_still_verifies);

async fn a_stop_between_the_announcement_and_the_end_is_finished(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    fixture.live(1).await;
    let pair = fixture.journal.keeping().await.unwrap().months[0].pair.clone();
    let purged = Purged {
        pair: pair.clone(),
        sealed: vec![],
        size: 0,
        root: [0; 32],
        months: 12,
        term_micros: 0,
        basis: "a test".into(),
    };
    fixture.journal.state_as_node(Event::JournalPurged, &Statement::Purged(purged)).await.unwrap();
    fixture.clock.advance(40 * 86_400);
    assert!(fixture.pair_file(&pair).exists());
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert!(!fixture.pair_file(&pair).exists());
    assert_eq!(fixture.of(Event::KeyDestroyed).len(), 1);
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert_eq!(fixture.of(Event::KeyDestroyed).len(), 1, "said once");
}
both!(a_stop_between_the_announcement_and_the_end_is_finished);

async fn a_clock_set_ahead_destroys_nothing(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    fixture.live(6).await;
    fixture.clock.advance(30 * 365 * 86_400);
    let fixture = fixture.crash().await;
    fixture.live(3).await;
    let fixture = fixture.crash().await;
    assert_eq!(fixture.standing(Month::of(START)).await, [Standing::Unproven]);
    assert_eq!(fixture.journal.purge_due().await.unwrap(), Vec::<String>::new());
    assert!(fixture.traces().iter().any(|trace| trace.detail.as_deref() == Some("week 0")));
}
both!(a_clock_set_ahead_destroys_nothing);

/// The newest of the folder's tiles of entries, once all of them are published.
async fn bundle(fixture: &Fixture<'_>) -> PathBuf {
    let folder = fixture.origin();
    while crate::log::published(&folder).unwrap() < fixture.journal.entries() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (mut folders, mut files) = (vec![folder.join("tile/entries")], Vec::new());
    while let Some(next) = folders.pop() {
        for one in std::fs::read_dir(next).unwrap() {
            let path = one.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.into_iter().max_by_key(|file| std::fs::metadata(file).unwrap().len()).unwrap()
}

async fn of_a_journal_that_was_altered_nothing_goes(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    fixture.live(60).await;
    let fixture = fixture.crash().await;
    let pair = fixture.journal.keeping().await.unwrap().months[0].pair.clone();
    let file = bundle(&fixture).await;
    let bytes = std::fs::read(&file).unwrap();
    let mut altered = bytes.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&file, altered).unwrap();
    assert!(matches!(fixture.journal.purge_due().await, Err(JournalError::Altered(_))));
    std::fs::write(&file, bytes).unwrap();
    assert!(fixture.pair_file(&pair).exists() && fixture.of(Event::JournalPurged).is_empty());
    assert_eq!(fixture.journal.purge_due().await.unwrap().first(), Some(&pair));
    assert!(!fixture.pair_file(&pair).exists());
}
both!(of_a_journal_that_was_altered_nothing_goes);

async fn two_people_hold_what_is_due_and_two_let_it_go(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let first = Month::of(START);
    fixture.live(55).await;
    let hold = Change::Hold { family: None, from: first, to: first };
    assert_eq!(
        fixture.ask((1, 1), Change::Retention { family: Family::Technical, months: 5 }).await,
        Err(NotCounted::OutOfBounds)
    );
    assert_eq!(fixture.ask((1, 1), hold).await, Ok(()));
    let fixture = fixture.crash().await;
    assert_eq!(fixture.standing(first).await, [Standing::Due], "one person holds nothing");
    assert_eq!(fixture.confirm((1, 1)).await, Err(NotCounted::SamePerson));
    assert_eq!(fixture.confirm((1, 2)).await, Ok(()));
    assert_eq!(fixture.confirm((1, 3)).await, Err(NotCounted::NoSuchProposal), "it is decided");
    assert_eq!(fixture.standing(first).await, [Standing::Held]);
    let keeping = fixture.journal.keeping().await.unwrap();
    assert_eq!(keeping.reasons.get(&[1; 16]).map(String::as_str), Some("an inquiry"));
    assert_eq!(fixture.journal.purge_due().await.unwrap(), Vec::<String>::new());

    assert_eq!(fixture.ask((2, 2), Change::Lift { hold: [9; 16] }).await, Err(NotCounted::NoSuchHold));
    assert_eq!(fixture.ask((2, 2), Change::Lift { hold: [1; 16] }).await, Ok(()));
    assert_eq!(fixture.confirm((2, 2)).await, Err(NotCounted::SamePerson));
    assert_eq!(fixture.confirm((2, 1)).await, Ok(()));
    assert_eq!(fixture.standing(first).await, [Standing::Held], "time for a third person to see it");
    fixture.live(5).await;
    let fixture = fixture.crash().await;
    assert_eq!(fixture.standing(first).await, [Standing::Due]);
    assert!(verify(&fixture.origin(), None, None).ok());
}
both!(two_people_hold_what_is_due_and_two_let_it_go);

impl Fixture<'_> {
    /// Somebody comes from a port of his; which of it is written.
    async fn come(&self, port: u16) -> Option<u16> {
        let peer = std::net::SocketAddr::new([192, 0, 2, 9].into(), port);
        let who = door_actor(Door::Portal, ClientAddress::of_peer(peer), None, self.clock.now());
        self.journal.note(&who, Event::DoorStarted, None).await.unwrap();
        match self.journal.note_extra(&who, Extra::Requests, "GET /fr/").await {
            // A slow disk: it is on its way.
            Err(JournalError::Unsettled) => {
                while self.journal.under_way() > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            noted => noted.unwrap(),
        }
        let traces = self.traces();
        let noted = traces.iter().rfind(|trace| trace.event == Event::DoorStarted).unwrap();
        assert_eq!(noted.address.as_deref(), Some("192.0.2.9"), "what is always recorded");
        noted.port
    }

    async fn decide(&self, id: u8, extra: Extra, recorded: bool) {
        assert_eq!(self.ask((id, 1), Change::Extra { extra, recorded }).await, Ok(()));
        assert_eq!(self.confirm((id, 2)).await, Ok(()));
    }

    /// The folder as it was is put back, with less than the database remembers: a new journal begins.
    async fn put_back(self, write: impl AsyncFnOnce(&Self)) -> Self {
        let copy = self.folder.path().join("copy");
        // Synced: what the copy holds is a journal that a stop left.
        let copied = std::process::Command::new("cp").arg("-a").arg(self.origin()).arg(&copy).status().unwrap();
        assert!(copied.success());
        write(&self).await;
        let Self { database, folder, policies, clock, store, journal } = self;
        journal.close().await.unwrap();
        store.close().await;
        let origin = folder.path().join("journal/node");
        std::fs::remove_dir_all(&origin).unwrap();
        std::fs::rename(copy, &origin).unwrap();
        let master = MasterKey::load(&folder.path().join("master.key")).unwrap();
        let (store, door) = store::open(&database.config()).await.unwrap();
        let journal = Journal::open_anew(Self::config(&folder), &master, door, Arc::new(clock.clone())).await.unwrap();
        Self { database, folder, policies, clock, store, journal }
    }
}

async fn what_is_recorded_in_addition_two_people_decide(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let recorded = Change::Extra { extra: Extra::Port, recorded: true };
    assert_eq!(fixture.come(1).await, None);
    let never = Change::Extra { extra: Extra::Port, recorded: false };
    assert_eq!(fixture.ask((1, 1), never).await, Err(NotCounted::AsItIs));
    assert_eq!(fixture.ask((1, 1), recorded).await, Ok(()));
    assert_eq!(fixture.ask((2, 1), recorded).await, Ok(()), "nothing is decided yet");
    assert_eq!(fixture.come(2).await, None, "one person decides nothing");
    assert_eq!(fixture.confirm((1, 1)).await, Err(NotCounted::SamePerson));
    assert_eq!(fixture.confirm((1, 2)).await, Ok(()));
    assert_eq!(fixture.come(3).await, Some(3));
    assert_eq!(fixture.confirm((2, 2)).await, Err(NotCounted::NoSuchProposal), "it was asked of what is over");
    assert!(fixture.of(Event::RequestMade).is_empty(), "each is decided by itself");

    // The next process knows it before it writes anything, and the one after that too.
    let fixture = fixture.crash().await.crash().await;
    assert_eq!(fixture.come(4).await, Some(4));
    fixture.decide(3, Extra::Requests, true).await;
    assert_eq!(fixture.come(5).await, Some(5));
    let made: Vec<_> = fixture.traces().into_iter().filter(|trace| trace.event == Event::RequestMade).collect();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].target.as_deref(), made[0].port), (Some("GET /fr/"), Some(5)));

    fixture.decide(4, Extra::Port, false).await;
    assert_eq!(fixture.come(6).await, None);
    let fixture = fixture.crash().await;
    assert_eq!(fixture.come(7).await, None);
    assert_eq!(fixture.of(Event::RequestMade).len(), 3);
    let ports: Vec<_> = fixture.traces().iter().filter_map(|trace| trace.port).collect();
    assert_eq!(ports, [3, 4, 5, 5], "what was recorded stays");
    assert!(verify(&fixture.origin(), None, None).ok());
}
both!(what_is_recorded_in_addition_two_people_decide);

async fn a_journal_that_goes_on_for_another_records_what_that_one_did(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    fixture.decide(1, Extra::Port, true).await;
    fixture.decide(2, Extra::Calls, true).await;
    let fixture = fixture.put_back(async |before| assert_eq!(before.come(1).await, Some(1))).await;
    assert_eq!(fixture.journal.origin(), "node-2");
    assert_eq!(fixture.journal.keeping().await.unwrap().extras, [Extra::Port, Extra::Calls].into_iter().collect());
    // It is this one's to decide from now on.
    fixture.decide(3, Extra::Port, false).await;
    assert_eq!(fixture.journal.keeping().await.unwrap().extras, [Extra::Calls].into_iter().collect());
    let fixture = fixture.crash().await;
    assert_eq!(fixture.journal.keeping().await.unwrap().extras, [Extra::Calls].into_iter().collect());
}
both!(a_journal_that_goes_on_for_another_records_what_that_one_did);
