//! Signing in against both databases: what the pages cannot show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod alarms;
mod approvals;
mod at_once;
mod break_glass;
mod correcting;
mod faults;
mod guessing;
mod lent;
mod means;
mod outbox;
mod own;
mod passkeys;
mod puzzles;
mod rehash;
mod renewal;
mod sheets;
mod signed;
mod ssh;
mod staff;
mod timing;
mod tokens;

use crate::{
    EndedBecause, EnrolError, Enrolment, FirstStepError, NewAccount, Opened, SecondStepError, SessionFault,
    SignInService, SignInSettings, SignedIn,
};
use identity::{SessionLimits, TotpSecret};
use journal::{Journal, JournalConfig};
use policy::Policies;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};
use store::{
    Store,
    testing::{TestDatabase, both},
};
use types::{
    AccountId, ClientAddress, Clock, Door, EstablishmentId, Lang, Role, Secret, SupplierId, SystemActor, Time,
};
use vault::{Holder, MasterKey, Place, Purpose};

const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const OURS: SupplierId = SupplierId::from_bytes([0x51; 16]);
const THEIRS: SupplierId = SupplierId::from_bytes([0x52; 16]);
const PORTAL: &[Role] = &[Role::Patient, Role::Relative, Role::Professional];
const DESK: &[Role] = &[Role::Beneficiary, Role::Administrator, Role::OnCall, Role::SecurityOfficer, Role::Dpo];
const SUPPLIERS: &[Role] = &[Role::Technician, Role::SupplierManager];
const PASSWORD: &str = "une porte bien gardée";

#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl HandClock {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct Fixture {
    folder: tempfile::TempDir,
    url: String,
    master: MasterKey,
    policies: Arc<Policies>,
    clock: HandClock,
    store: Store,
    journal: Journal,
    enrolment: Enrolment,
    service: SignInService,
}

async fn fixture(database: &TestDatabase) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
    let clock = HandClock(Arc::new(AtomicI64::new(1_790_000_000_000_000)));
    let (store, door) = store::open(&database.config()).await.unwrap();
    // A test may make several over one database, which remembers each journal by its name.
    static NODES: AtomicU32 = AtomicU32::new(0);
    let config = JournalConfig {
        folder: folder.path().join("journal"),
        month_keys: folder.path().join("vault"),
        origin: format!("node-{}", NODES.fetch_add(1, Ordering::Relaxed)),
        reserve_slots: 64,
    };
    let journal = Journal::open(config, &master, door, Arc::new(clock.clone())).await.unwrap();
    let policies = Arc::new(Policies::built_in().unwrap());
    let keys = master.keys_for(Holder::Enrolment);
    let enrolment = Enrolment::new(store.clone(), journal.clone(), policies.clone(), keys, SystemActor::Demo);
    enrolment.establishment(HERE, "Hôpital d’essai").await.unwrap();
    let url = database.config().url;
    let service = door_service(&store, &journal, &policies, &master, (Door::Portal, &[Role::Patient]));
    Fixture { folder, url, master, policies, clock, store, journal, enrolment, service }
}

fn door_service(
    store: &Store,
    journal: &Journal,
    policies: &Arc<Policies>,
    master: &MasterKey,
    (door, roles): (Door, &'static [Role]),
) -> SignInService {
    let keys = master.keys_for(Holder::Door(door));
    SignInService::new(store.clone(), journal.clone(), Arc::clone(policies), keys, settings(door, roles)).unwrap()
}

fn settings(door: Door, roles: &'static [Role]) -> SignInSettings {
    SignInSettings {
        door,
        roles,
        limits: SessionLimits { idle: Duration::from_secs(900), absolute: Duration::from_secs(28_800) },
        establishment: HERE,
        defences: Default::default(),
        administrators_passwords: identity::PasswordPolicy::default_for(identity::Population::Administrators),
    }
}

impl Fixture {
    async fn enrol(&self, login: &str, role: Role, secret: u8) -> Result<AccountId, EnrolError> {
        self.enrol_of(login, role, None, secret).await
    }

    async fn enrol_of(
        &self,
        login: &str,
        role: Role,
        supplier: Option<SupplierId>,
        secret: u8,
    ) -> Result<AccountId, EnrolError> {
        let new = NewAccount {
            login: login.into(),
            display_name: format!("Personne {login}"),
            role,
            supplier,
            password: Secret::new(PASSWORD.into()),
            totp: TotpSecret::from_bytes([secret; 20]),
        };
        self.enrolment.account(HERE, new).await
    }

    fn door(&self, door: Door, roles: &'static [Role]) -> SignInService {
        door_service(&self.store, &self.journal, &self.policies, &self.master, (door, roles))
    }

    /// Enrols somebody and signs him in at a door.
    async fn somebody(&self, at: (Door, &'static [Role]), login: &str, role: Role, secret: u8) -> SignedIn {
        let supplier = SUPPLIERS.contains(&role).then_some(OURS);
        self.enrol_of(login, role, supplier, secret).await.unwrap();
        let service = self.door(at.0, at.1);
        let ceremony = service.first_step(login, Secret::new(PASSWORD.into()), address(1)).await.unwrap();
        let opened = service.second_step(&ceremony, &self.code(secret), address(1)).await.unwrap();
        service.resume(&opened.cookie, address(1)).await.unwrap()
    }

    /// What somebody with the database can do.
    async fn outside(&self, statement: &'static str) {
        let mut outside = sqlx::AnyPool::connect(&self.url).await.unwrap().acquire().await.unwrap();
        sqlx::query(statement).execute(&mut *outside).await.unwrap();
    }

    async fn counted(&self, question: &'static str) -> i64 {
        let mut outside = sqlx::AnyPool::connect(&self.url).await.unwrap().acquire().await.unwrap();
        let (count,): (i64,) = sqlx::query_as(question).fetch_one(&mut *outside).await.unwrap();
        count
    }

    fn code(&self, secret: u8) -> String {
        let totp = totp_rs::Builder::new().with_secret([secret; 20]).build().unwrap();
        totp.generate(u64::try_from(self.clock.now().seconds()).unwrap()).to_string()
    }

    async fn sign_in(
        &self,
        login: &str,
        password: &str,
        code: &str,
        from: ClientAddress,
    ) -> Result<Opened, SecondStepError> {
        let ceremony = self.service.first_step(login, Secret::new(password.into()), from).await.unwrap();
        self.service.second_step(&ceremony, code, from).await
    }
}

fn address(last: u8) -> ClientAddress {
    ClientAddress::new([192, 0, 2, last].into())
}

async fn a_session_opens_is_honored_and_ends(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let opened = it.sign_in(" Camille ", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let who = it.service.resume(&opened.cookie, address(1)).await.unwrap();
    assert_eq!((who.display_name.as_str(), who.role, who.previous), ("Personne camille", Role::Patient, None));
    it.service.end(&who, EndedBecause::Asked).await;
    assert!(matches!(it.service.resume(&opened.cookie, address(1)).await, Err(SessionFault::SignedOut)));

    it.clock.advance(30);
    let again = it.sign_in("camille", PASSWORD, &it.code(1), address(2)).await.unwrap();
    let who = it.service.resume(&again.cookie, address(2)).await.unwrap();
    let before = who.previous.unwrap();
    assert_eq!((before.address, before.at), (address(1), it.clock.now() - Duration::from_secs(30)));
    assert_ne!(opened.cookie, again.cookie);
}
both!(a_session_opens_is_honored_and_ends);

async fn whatever_is_wrong_the_answer_is_one(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("technicien", Role::Technician, 2).await.unwrap();
    let cases = [
        ("camille", "un autre mot de passe", it.code(1)),
        ("camille", PASSWORD, "000000".to_owned()),
        ("personne", PASSWORD, it.code(1)),
        // Not for this door.
        ("technicien", PASSWORD, it.code(2)),
    ];
    for (n, (login, password, code)) in cases.into_iter().enumerate() {
        let from = address(10 + u8::try_from(n).unwrap());
        assert_eq!(it.sign_in(login, password, &code, from).await.err(), Some(SecondStepError::Refused), "{login}");
    }
    let size = |ceremony: String| ceremony.len();
    let known = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let unknown = it.service.first_step("personne", Secret::new("x".into()), address(1)).await.unwrap();
    assert_eq!(size(known), size(unknown), "what travels tells nothing");
}
both!(whatever_is_wrong_the_answer_is_one);

async fn a_code_serves_once_and_a_ceremony_is_bound(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let code = it.code(1);
    let first = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let second = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    assert!(it.service.second_step(&first, &code, address(1)).await.is_ok());
    assert_eq!(it.service.second_step(&second, &code, address(1)).await.err(), Some(SecondStepError::Refused));
    it.clock.advance(60);
    let third = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(3)).await.unwrap();
    let elsewhere = it.service.second_step(&third, &it.code(1), address(4)).await.err();
    assert_eq!(elsewhere, Some(SecondStepError::Lost), "another address");
    it.clock.advance(301);
    assert_eq!(it.service.second_step(&third, &it.code(1), address(3)).await.err(), Some(SecondStepError::Lost));
    for garbage in ["", "AAAA", &"x".repeat(10_000)] {
        assert_eq!(it.service.second_step(garbage, "000000", address(3)).await.err(), Some(SecondStepError::Lost));
    }
}
both!(a_code_serves_once_and_a_ceremony_is_bound);

async fn failures_slow_the_guesser_not_the_owner(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let wait = |tried: Result<Opened, SecondStepError>| match tried.err() {
        Some(SecondStepError::TooMany(wait)) => Some(wait.as_secs()),
        _ => None,
    };
    assert_eq!(it.sign_in("camille", PASSWORD, "000000", address(1)).await.err(), Some(SecondStepError::Refused));
    assert_eq!(wait(it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await), Some(2));
    // Another person behind the same address, and the owner from his own, are not slowed.
    assert!(it.sign_in("yann", PASSWORD, &it.code(2), address(1)).await.is_ok());
    assert!(it.sign_in("camille", PASSWORD, &it.code(1), address(2)).await.is_ok());
    it.clock.advance(30);
    assert_eq!(it.sign_in("camille", PASSWORD, "000000", address(1)).await.err(), Some(SecondStepError::Refused));
    assert_eq!(wait(it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await), Some(4), "it doubles");
    it.clock.advance(30);
    assert!(it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.is_ok(), "and is never for good");
}
both!(failures_slow_the_guesser_not_the_owner);

async fn guesses_at_once_count_like_guesses_in_turn(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let ceremony = it.service.first_step("camille", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let mut guesses = tokio::task::JoinSet::new();
    for n in 0..20 {
        let (service, ceremony) = (it.service.clone(), ceremony.clone());
        guesses.spawn(async move { service.second_step(&ceremony, &format!("{n:06}"), address(1)).await.err() });
    }
    let mut refused = 0;
    while let Some(answer) = guesses.join_next().await {
        match answer.unwrap() {
            Some(SecondStepError::Refused) => refused += 1,
            Some(SecondStepError::TooMany(_) | SecondStepError::Unavailable) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, 1, "one guess was looked at, the others must wait");
}
both!(guesses_at_once_count_like_guesses_in_turn);

async fn sessions_end_by_themselves_and_are_purged(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    for _ in 0..5 {
        it.clock.advance(600);
        assert!(it.service.resume(&opened.cookie, address(1)).await.is_ok(), "activity renews");
        // The renewal is written by a task of its own.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    it.clock.advance(901);
    assert!(matches!(it.service.resume(&opened.cookie, address(1)).await, Err(SessionFault::SignedOut)), "idle");
    it.clock.advance(28_800);
    let before = it.journal.entries();
    it.service.purge().await.unwrap();
    assert_eq!(it.journal.entries(), before + 2, "an intent and its outcome");
    it.service.purge().await.unwrap();
    assert_eq!(it.journal.entries(), before + 2, "nothing left, nothing written");
}
both!(sessions_end_by_themselves_and_are_purged);

async fn a_blocked_account_loses_its_session_at_once(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
    sqlx::query("UPDATE accounts SET state = 'blocked'").execute(&mut *outside).await.unwrap();
    assert!(matches!(it.service.resume(&opened.cookie, address(1)).await, Err(SessionFault::SignedOut)));
    it.clock.advance(30);
    let tried = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.err();
    assert_eq!(tried, Some(SecondStepError::Refused));
}
both!(a_blocked_account_loses_its_session_at_once);

async fn rows_changed_in_the_database_open_nothing(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let opened = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.unwrap();
    let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
    // Somebody with the database gives the session to another account.
    sqlx::query("UPDATE sessions SET account_id = (SELECT id FROM accounts WHERE id <> sessions.account_id LIMIT 1)")
        .execute(&mut *outside)
        .await
        .unwrap();
    assert!(it.service.resume(&opened.cookie, address(1)).await.is_err());
    // Or another role to an account: its secrets no longer open in that place.
    sqlx::query("UPDATE accounts SET role = 'relative'").execute(&mut *outside).await.unwrap();
    it.clock.advance(30);
    let first = it.service.first_step("yann", Secret::new(PASSWORD.into()), address(2)).await;
    assert!(first.is_err() || it.service.second_step(&first.unwrap(), &it.code(2), address(2)).await.is_err());
}
both!(rows_changed_in_the_database_open_nothing);

async fn a_login_is_taken_once(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    assert!(matches!(it.enrol("  CAMILLE", Role::Patient, 1).await, Err(EnrolError::Taken)));
    it.enrolment.establishment(HERE, "Autre nom").await.unwrap();
    assert_eq!(it.enrolment.establishments().await.unwrap().len(), 1);
}
both!(a_login_is_taken_once);

async fn first_steps_are_paced_by_address(database: &TestDatabase) {
    let it = fixture(database).await;
    let mut taken = 0;
    loop {
        match it.service.first_step("personne", Secret::new("x".into()), address(1)).await {
            Ok(_) => taken += 1,
            Err(FirstStepError::TooMany(wait)) => break assert!(wait <= Duration::from_secs(60)),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(taken, 40);
    assert!(it.service.first_step("personne", Secret::new("x".into()), address(2)).await.is_ok());
    it.store.close().await;
}
both!(first_steps_are_paced_by_address);

async fn each_door_knows_its_own_people(database: &TestDatabase) {
    let it = fixture(database).await;
    let beneficiary = it.somebody((Door::Desk, DESK), "dominique", Role::Beneficiary, 1).await;
    assert_eq!((beneficiary.role, beneficiary.supplier), (Role::Beneficiary, None));
    assert_eq!(beneficiary.authenticated.door(), Some(Door::Desk));
    let technician = it.somebody((Door::Suppliers, SUPPLIERS), "sacha", Role::Technician, 2).await;
    assert_eq!((technician.role, technician.supplier), (Role::Technician, Some(OURS)));
    let manager = it.enrol_of("mo", Role::SupplierManager, Some(THEIRS), 3).await;
    assert!(manager.is_ok());
    for (login, role) in [("a", Role::Patient), ("b", Role::Beneficiary), ("c", Role::Administrator)] {
        let refused = it.enrol_of(login, role, Some(OURS), 4).await;
        assert!(matches!(refused, Err(EnrolError::NotASuppliers)), "{role}");
    }
    // Somebody else's door: right password and code, and yet nobody.
    it.clock.advance(60);
    let tries = [
        (Door::Suppliers, SUPPLIERS, "dominique", 1),
        (Door::Desk, DESK, "sacha", 2),
        (Door::Portal, &[Role::Patient][..], "sacha", 2),
    ];
    for (n, (door, roles, login, secret)) in (10..).zip(tries) {
        let service = it.door(door, roles);
        let ceremony = service.first_step(login, Secret::new(PASSWORD.into()), address(n)).await.unwrap();
        let refused = service.second_step(&ceremony, &it.code(secret), address(n)).await.err();
        assert_eq!(refused, Some(SecondStepError::Refused), "{login} at {door}");
    }
    // What a door does not need it cannot open.
    for door in [Door::Desk, Door::Suppliers, Door::Relays] {
        let keys = it.master.keys_for(Holder::Door(door));
        let place = Place { table: "patients", column: "sealed", row: &[] };
        assert!(keys.seal(Purpose::AccountFields, place, b"x").is_ok(), "{door}");
        for purpose in [Purpose::PatientFields, Purpose::RelationFields, Purpose::SessionTags(Door::Portal)] {
            assert!(keys.seal(purpose, place, b"x").is_err(), "{door} {purpose}");
        }
    }
}
both!(each_door_knows_its_own_people);

async fn a_session_of_one_door_opens_no_other(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("dominique", Role::Beneficiary, 1).await.unwrap();
    let desk = it.door(Door::Desk, DESK);
    let ceremony = desk.first_step("dominique", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let other = it.door(Door::Suppliers, DESK);
    assert_eq!(other.second_step(&ceremony, &it.code(1), address(1)).await.err(), Some(SecondStepError::Lost));
    let opened = desk.second_step(&ceremony, &it.code(1), address(1)).await.unwrap();
    assert!(other.resume(&opened.cookie, address(1)).await.is_err());
    // Nor when its row is moved there.
    it.outside("UPDATE sessions SET door = 'suppliers'").await;
    assert!(other.resume(&opened.cookie, address(1)).await.is_err());
}
both!(a_session_of_one_door_opens_no_other);

async fn a_technician_is_not_lent_to_another_supplier(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol_of("sacha", Role::Technician, Some(OURS), 1).await.unwrap();
    it.enrol_of("mo", Role::SupplierManager, Some(THEIRS), 2).await.unwrap();
    let door = it.door(Door::Suppliers, SUPPLIERS);
    let ceremony = door.first_step("sacha", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let opened = door.second_step(&ceremony, &it.code(1), address(1)).await.unwrap();
    assert!(door.resume(&opened.cookie, address(1)).await.is_ok());
    it.outside("UPDATE accounts SET supplier_id = (SELECT supplier_id FROM accounts WHERE role = 'supplier_manager')")
        .await;
    assert!(door.resume(&opened.cookie, address(1)).await.is_err(), "his secrets no longer open in that place");
    it.outside("UPDATE accounts SET supplier_id = NULL").await;
    assert!(door.resume(&opened.cookie, address(1)).await.is_err());
}
both!(a_technician_is_not_lent_to_another_supplier);

async fn many_first_steps_at_once_all_get_their_turn(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let mut steps = tokio::task::JoinSet::new();
    for n in 0..12 {
        let service = it.service.clone();
        let (login, password) = if n % 2 == 0 { ("camille", PASSWORD) } else { ("personne", "x") };
        steps.spawn(async move {
            service.first_step(login, Secret::new(password.into()), address(n)).await.map(|ceremony| (n, ceremony))
        });
    }
    let mut opened = 0;
    while let Some(step) = steps.join_next().await {
        let (n, ceremony) = step.unwrap().unwrap();
        if it.service.second_step(&ceremony, &it.code(1), address(n)).await.is_ok() {
            assert_eq!(n % 2, 0, "only the right password");
            opened += 1;
        }
    }
    assert_eq!(opened, 1, "and one code serves once");
}
both!(many_first_steps_at_once_all_get_their_turn);
