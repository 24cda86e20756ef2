//! The service on both databases, with a clock moved by hand and passkeys of software.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cuts;
mod forged;
mod journey;
pub mod passkey;
mod rehearsal;
mod scope;

use crate::{
    Activity, EndReason, Ending, EquipmentSecret, Fleet, FleetParts, GateRefused, InterventionService,
    InterventionsParts, LiveFeed, LiveSession, LiveSessions, NewEquipment, NewRequest, Opened, PasskeyRow, PinnedKey,
    Pins, Protocol, Recordings, RecordingsConfig, RecordingsReader, Right, SessionAsked, Signed, Signer, State,
    TermsKind, TermsToSign, Vouch, warrant::enrol_terms,
};
use identity::{
    Authenticated, Credentials, DoorKey, PasswordHash, SessionLimits, SignIn, TotpSecret,
    passkey::{Assertion, PasskeyRecord},
    resume,
};
use journal::{Journal, JournalConfig, Kind, Outcome, read_traces};
use lease::{Leases, LeasesConfig};
use passkey::SoftPasskey;
use policy::Policies;
use sqlx::AnyPool;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::{Store, WriteDoor, testing::TestDatabase};
use types::{
    AccountId, ClientAddress, Clock, Door, EquipmentId, EstablishmentId, Event, InterventionId, RelayId, Role, Secret,
    SessionId, SupplierId, SystemActor, Time,
};
use vault::{Holder, MasterKey, MonthKeys, Place, Purpose};

pub const START: Time = Time::from_micros(1_790_000_000_000_000);
pub const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
/// A hash of "un mot de passe", cheap to check: the cost is not what these tests look at.
const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$6QcZHylZ88XvsSNpZ8u8LDBEwtjlte7QKgtVtebbTGI";

#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub fn minutes(n: i64) -> Time {
    Time::from_micros(START.micros() + n * 60_000_000)
}

/// The people: 1 administrator (pinned), 2 and 3 beneficiaries of the scanner, 4 a beneficiary of nothing, 5 technician,
/// 6 technician of another supplier, 7 on call.
pub const PEOPLE: [(u8, Role); 7] = [
    (1, Role::Administrator),
    (2, Role::Beneficiary),
    (3, Role::Beneficiary),
    (4, Role::Beneficiary),
    (5, Role::Technician),
    (6, Role::Technician),
    (7, Role::OnCall),
];

pub fn account(n: u8) -> AccountId {
    AccountId::from_bytes([n; 16])
}

fn supplier_of(n: u8) -> Option<SupplierId> {
    match n {
        5 => Some(SupplierId::from_bytes([0x51; 16])),
        6 => Some(SupplierId::from_bytes([0x52; 16])),
        _ => None,
    }
}

pub struct Keychain(HashMap<AccountId, SoftPasskey>);

impl Signer for Keychain {
    fn sign(&self, account: AccountId, challenge: &[u8; 32]) -> Option<Assertion> {
        self.0.get(&account).map(|key| key.sign(challenge))
    }
}

/// Relays that always have a picture.
struct Pictures;

impl LiveSessions for Pictures {
    fn live(&self) -> Vec<LiveSession> {
        Vec::new()
    }

    fn watch(&self, _: RelayId) -> Option<LiveFeed> {
        let (sender, frames) = tokio::sync::mpsc::channel(1);
        sender.try_send("{}".into()).unwrap();
        Some(LiveFeed { frames })
    }
}

pub struct House<'a> {
    database: &'a TestDatabase,
    folder: tempfile::TempDir,
    pub clock: HandClock,
    pub keychain: Arc<Keychain>,
    /// The database as somebody who got into it has it.
    raw: WriteDoor,
    pub node: Node,
    pub scanner: EquipmentId,
}

/// What a restart makes anew.
pub struct Node {
    pub store: Store,
    pub journal: Journal,
    pub leases: Leases,
    pub desk: InterventionService,
    pub suppliers: InterventionService,
    pub relays: InterventionService,
    pinned: Pins,
}

impl<'a> House<'a> {
    pub async fn new(database: &'a TestDatabase) -> Self {
        Self::with_quorum(database, 1).await
    }

    pub async fn with_quorum(database: &'a TestDatabase, quorum: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let clock = HandClock(Arc::new(AtomicI64::new(START.micros())));
        let keychain = Arc::new(Keychain((1..=4).map(|n| (account(n), SoftPasskey::draw())).collect()));
        let node = node(database, &folder, &clock, (&keychain, Policies::built_in().unwrap())).await;
        let raw = store::open(&database.config()).await.unwrap().1;
        let mut house =
            Self { database, folder, clock, keychain, raw, node, scanner: EquipmentId::from_bytes([0; 16]) };
        house.people(&master).await;
        house.scanner = house.equipment(&master, "scanner-2", quorum).await;
        house
    }

    pub fn pool(&self) -> &AnyPool {
        self.raw.pool_for_tests()
    }

    async fn people(&self, master: &MasterKey) {
        let keys = master.keys_for(Holder::Enrolment);
        let here = HERE.as_bytes().to_vec();
        sqlx::query("INSERT INTO establishments (id, name) VALUES ($1, 'Essai')")
            .bind(here.clone())
            .execute(self.pool())
            .await
            .unwrap();
        for (n, name) in [(0x51, "Maintenance Un"), (0x52, "Maintenance Deux")] {
            sqlx::query("INSERT INTO suppliers (id, establishment_id, name) VALUES ($1, $2, $3)")
                .bind(vec![n as u8; 16])
                .bind(here.clone())
                .bind(name)
                .execute(self.pool())
                .await
                .unwrap();
        }
        for (n, role) in PEOPLE {
            let id = account(n);
            let supplier = supplier_of(n).map(|id| id.as_bytes().to_vec());
            let bond = crate::rows::account_row(&id, &HERE, role.as_str(), supplier.as_deref());
            // {1: name}
            let clear = minicbor::to_vec(HashMap::from([(1_u8, format!("Personne {n}"))])).unwrap();
            let place = Place { table: "accounts", column: "sealed", row: &bond };
            let sealed = keys.seal(Purpose::AccountFields, place, &clear).unwrap();
            sqlx::query(
                "INSERT INTO accounts (id, establishment_id, login_token, role, state, sealed, last_step, version, \
                 supplier_id) VALUES ($1, $2, $3, $4, 'active', $5, 0, 1, $6)",
            )
            .bind(id.as_bytes().to_vec())
            .bind(here.clone())
            .bind(vec![n; 32])
            .bind(role.as_str())
            .bind(sealed)
            .bind(supplier.unwrap_or_default())
            .execute(self.pool())
            .await
            .unwrap();
            if supplier_of(n).is_none() {
                sqlx::query("UPDATE accounts SET supplier_id = NULL WHERE id = $1")
                    .bind(id.as_bytes().to_vec())
                    .execute(self.pool())
                    .await
                    .unwrap();
            } else {
                sqlx::query(
                    "INSERT INTO ssh_keys (account_id, fingerprint, sealed, added_micros) VALUES ($1, $2, $3, 0)",
                )
                .bind(id.as_bytes().to_vec())
                .bind(format!("SHA256:{n}"))
                .bind(vec![0_u8])
                .execute(self.pool())
                .await
                .unwrap();
            }
            if let Some(key) = self.keychain.0.get(&id) {
                self.passkey(&keys, key, (id, role)).await;
            }
        }
    }

    /// A passkey's row; but for the pinned one, the administrator vouches.
    async fn passkey(&self, keys: &vault::Keys, key: &SoftPasskey, (id, role): (AccountId, Role)) {
        let credential = key.credential();
        let row: [&[u8]; 3] = [&credential, id.as_bytes(), HERE.as_bytes()];
        let seal = |column, clear: &[u8]| {
            keys.seal(Purpose::MeansFields, Place { table: "passkeys", column, row: &row }, clear).unwrap()
        };
        let record = PasskeyRecord { renewal: 0, public: key.public(), label: "essai".into() };
        let vouch = (id != account(1)).then(|| {
            let row = PasskeyRow { passkey: key.public(), account: id, role, establishment: HERE, vouch: None };
            let nonce = [id.as_bytes()[0]; 32];
            let assertion = self.keychain.sign(account(1), &enrol_terms(&row).challenge(&nonce)).unwrap();
            seal("vouch", &Vouch { nonce, assertion }.to_bytes())
        });
        sqlx::query(
            "INSERT INTO passkeys (credential, account_id, establishment_id, sealed, vouch, created_micros) \
             VALUES ($1, $2, $3, $4, $5, 0)",
        )
        .bind(credential.clone())
        .bind(id.as_bytes().to_vec())
        .bind(HERE.as_bytes().to_vec())
        .bind(seal("sealed", &record.to_bytes()))
        .bind(vouch.clone().unwrap_or_default())
        .execute(self.pool())
        .await
        .unwrap();
        if vouch.is_none() {
            sqlx::query("UPDATE passkeys SET vouch = NULL WHERE credential = $1")
                .bind(credential.clone())
                .execute(self.pool())
                .await
                .unwrap();
        }
    }

    pub async fn equipment(&self, master: &MasterKey, name: &str, quorum: u8) -> EquipmentId {
        let node = &self.node;
        let parts = FleetParts {
            store: node.store.clone(),
            journal: node.journal.clone(),
            policies: Arc::new(Policies::built_in().unwrap()),
            keys: master.keys_for(Holder::Enrolment),
            equipment_keys: secrets(&self.folder, master).seal_only(),
            pinned: node.pinned.clone(),
            actor: SystemActor::Demo,
        };
        let secret = EquipmentSecret::Password(Secret::new("le secret de la machine".into()));
        let by: (AccountId, &dyn Signer) = (account(1), &*self.keychain);
        Fleet::new(parts).equipment(HERE, (&equipment(name, quorum), &secret), by).await.unwrap()
    }

    /// As after a `kill -9`, and a start.
    pub async fn crash(self) -> Self {
        self.restarted_by(Policies::built_in().unwrap()).await
    }

    /// The same, by other policies.
    pub async fn restarted_by(self, policies: Policies) -> Self {
        let Self { database, folder, clock, keychain, raw, node: old, scanner } = self;
        let store = old.store.clone();
        drop(old);
        store.close().await;
        let node = node(database, &folder, &clock, (&keychain, policies)).await;
        node.relays.recover().await.unwrap();
        Self { database, folder, clock, keychain, raw, node, scanner }
    }

    /// Somebody recognised at a door, by the real ceremony.
    pub fn who(&self, n: u8, door: Door) -> Authenticated {
        let role = PEOPLE.iter().find(|(one, _)| *one == n).unwrap().1;
        let first = Time::from_micros(59_000_000);
        let ages = Duration::from_secs(3_200_000_000);
        let address = ClientAddress::new([192, 0, 2, n].into());
        let key = DoorKey::new(door, &[7; 32]);
        let totp = TotpSecret::from_bytes(*b"12345678901234567890");
        let held = Credentials { password: PasswordHash::from_phc(CHEAP.into()), totp, last_step: 0 };
        let verified = SignIn::start(address, first)
            .password(&Secret::new("un mot de passe".into()), Some((account(n), &held)))
            .code("287082", Some(&held), first)
            .unwrap();
        let limits = SessionLimits { idle: ages, absolute: ages };
        let random = (SessionId::from_bytes([n; 16]), [5; 32]);
        let session = verified.open((HERE, role), &key, limits, random, first);
        resume(&session.stored, &session.token, &key, address, self.clock.now()).unwrap().authenticated
    }

    pub fn at_desk(&self, n: u8) -> Authenticated {
        self.who(n, Door::Desk)
    }

    pub fn request_of(&self, equipment: EquipmentId) -> NewRequest {
        NewRequest {
            equipment,
            technicians: vec![account(5)],
            activity: Activity::Maintenance,
            purpose: "Mise à jour du pilote".into(),
            ticket: Some("T-42".into()),
            rights: vec![Right::Shell, Right::FilesIn],
            sources: Vec::new(),
            from: minutes(10),
            until: minutes(70),
        }
    }

    pub async fn requested(&self) -> InterventionId {
        let who = self.who(5, Door::Suppliers);
        self.node.suppliers.request(&who, self.request_of(self.scanner)).await.unwrap()
    }

    pub fn answered(&self, n: u8, to_sign: &TermsToSign) -> Signed {
        let assertion = self.keychain.sign(account(n), &to_sign.challenge).unwrap();
        Signed::Assertion { nonce: to_sign.nonce.clone(), assertion }
    }

    pub async fn approve(&self, n: u8, id: InterventionId) -> Result<(), crate::InterventionError> {
        let who = self.at_desk(n);
        let to_sign = self.node.desk.terms(&who, id, TermsKind::Approve).await?;
        self.node.desk.approve(&who, id, self.answered(n, &to_sign)).await
    }

    pub async fn extend(&self, n: u8, id: InterventionId, until: Time) -> Result<(), crate::InterventionError> {
        let who = self.at_desk(n);
        let to_sign = self.node.desk.terms(&who, id, TermsKind::Extend { until }).await?;
        self.node.desk.extend(&who, id, until, self.answered(n, &to_sign)).await
    }

    pub async fn hold(&self, n: u8, id: InterventionId, until: Time) -> Result<(), crate::InterventionError> {
        let who = self.at_desk(n);
        let to_sign = self.node.desk.terms(&who, id, TermsKind::Hold { until }).await?;
        self.node.desk.hold(&who, id, until, self.answered(n, &to_sign)).await
    }

    /// Approved, and the window has begun.
    pub async fn planned(&self) -> InterventionId {
        let id = self.requested().await;
        self.approve(2, id).await.unwrap();
        self.clock.advance(600);
        id
    }

    /// Says that what somebody opened until now has ended, as `signin` does.
    pub async fn end_what_is_open(&self, n: u8) {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let keys = master.keys_for(Holder::Enrolment);
        let (id, role) = (account(n), PEOPLE.iter().find(|(one, _)| *one == n).unwrap().1);
        let supplier = supplier_of(n).map(|id| id.as_bytes().to_vec());
        let bond = crate::rows::account_row(&id, &HERE, role.as_str(), supplier.as_deref());
        let mut clear = minicbor::Encoder::new(Vec::new());
        clear.map(2).unwrap().u8(1).unwrap().str("Personne").unwrap();
        clear.u8(9).unwrap().i64(self.clock.now().micros()).unwrap();
        let place = Place { table: "accounts", column: "sealed", row: &bond };
        let sealed = keys.seal(Purpose::AccountFields, place, &clear.into_writer()).unwrap();
        let put =
            sqlx::query("UPDATE accounts SET sealed = $1 WHERE id = $2").bind(sealed).bind(id.as_bytes().to_vec());
        put.execute(self.pool()).await.unwrap();
    }

    pub async fn connect(&self, n: u8) -> Result<Opened, GateRefused> {
        let asked = SessionAsked {
            fingerprint: format!("SHA256:{n}"),
            address: ClientAddress::new([192, 0, 2, n].into()),
            target: "scanner-2".into(),
        };
        self.node.relays.gate().open_session(self.who(n, Door::Relays), asked).await
    }

    pub async fn state(&self, id: InterventionId) -> State {
        self.node.desk.get(&self.at_desk(7), id).await.unwrap().state
    }

    pub async fn history(&self, id: InterventionId) -> Vec<String> {
        let seen = self.node.desk.get(&self.at_desk(7), id).await.unwrap();
        seen.history.iter().map(|step| format!("{} {}", step.act, step.note).trim().to_owned()).collect()
    }

    pub async fn refused_because(&self, id: InterventionId) -> String {
        let last = self.history(id).await.into_iter().rfind(|step| step.starts_with("session_refused")).unwrap();
        last.trim_start_matches("session_refused ").to_owned()
    }

    pub fn traced(&self, event: Event) -> Vec<(Kind, Option<Outcome>)> {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let months = MonthKeys::new(&self.folder.path().join("vault"), &master).unwrap();
        let folder = self.folder.path().join("journal/node");
        let traces = read_traces(&folder, &months, 0..self.node.journal.entries()).unwrap();
        traces.iter().filter(|trace| trace.event == event).map(|trace| (trace.kind, trace.outcome)).collect()
    }

    pub async fn forge(&self, text: &'static str, id: InterventionId) {
        let done = sqlx::query(text).bind(id.as_bytes().to_vec()).execute(self.pool()).await.unwrap();
        assert!(done.rows_affected() > 0, "nothing to forge");
    }

    /// The keys of a door that somebody got into.
    pub fn stolen(&self) -> vault::Keys {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        master.keys_for(Holder::Door(Door::Suppliers))
    }

    pub fn recordings(&self) -> std::path::PathBuf {
        self.folder.path().join("recordings")
    }
}

pub fn equipment(name: &str, quorum: u8) -> NewEquipment {
    let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[7; 32]].concat();
    NewEquipment {
        name: name.into(),
        location: "Imagerie".into(),
        protocol: Protocol::Ssh,
        host: "10.0.0.8".into(),
        port: 22,
        host_key: format!("ssh-ed25519 {}", data_encoding::BASE64.encode(&blob)),
        account: "service".into(),
        beneficiaries: vec![account(2), account(3)],
        quorum,
    }
}

fn secrets(folder: &tempfile::TempDir, master: &MasterKey) -> MonthKeys {
    let relays = (Holder::Door(Door::Relays), Purpose::EquipmentSecrets);
    MonthKeys::of(&folder.path().join("vault"), master, relays).unwrap()
}

async fn node(
    database: &TestDatabase,
    folder: &tempfile::TempDir,
    clock: &HandClock,
    (keychain, policies): (&Arc<Keychain>, Policies),
) -> Node {
    let master = MasterKey::load(&folder.path().join("master.key")).unwrap();
    let config = JournalConfig {
        folder: folder.path().join("journal"),
        month_keys: folder.path().join("vault"),
        origin: "node".into(),
        reserve_slots: 64,
    };
    // The node before may hold its lock for a moment yet: a task of its own was at work.
    let mut opened = None;
    for _ in 0..100 {
        let (store, door) = store::open(&database.config()).await.unwrap();
        match Journal::open(config.clone(), &master, door, Arc::new(clock.clone())).await {
            Ok(journal) => {
                opened = Some((store, journal));
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    let (store, journal) = opened.expect("the journal opens");
    let policies = Arc::new(policies);
    let mut leases = LeasesConfig::new("node");
    leases.poll = Duration::from_millis(20);
    let leases = Leases::start(journal.clone(), store.clone(), policies.clone(), leases);
    let root = keychain.0[&account(1)].public();
    let pinned = Pins::new(identity::vouching::Pinned {
        keys: vec![PinnedKey {
            credential: root.credential.clone(),
            public_key: root.public_key.to_cose(),
            account: account(1),
            role: Role::Administrator,
            establishment: HERE,
        }],
        rp: SoftPasskey::rp(),
    });
    let config = RecordingsConfig { reserve_bytes: 1 << 16, ..RecordingsConfig::under(folder.path()) };
    let desk = (Holder::Door(Door::Desk), Purpose::RecordingReading);
    let reading = MonthKeys::of(&folder.path().join("vault"), &master, desk).unwrap();
    let recordings = Recordings::open(config.clone(), reading.seal_only()).unwrap();
    let secrets = secrets(folder, &master);
    let of = |door| {
        InterventionService::builder(InterventionsParts {
            store: store.clone(),
            journal: journal.clone(),
            policies: policies.clone(),
            keys: master.keys_for(Holder::Door(door)),
            equipment_keys: secrets.seal_only(),
            leases: leases.clone(),
            pinned: pinned.clone(),
            door,
        })
    };
    let desk = of(Door::Desk).reader(RecordingsReader::new(config, reading)).live(Arc::new(Pictures)).build();
    let relays = of(Door::Relays).recordings(recordings).secrets(secrets.clone()).build();
    let suppliers = of(Door::Suppliers).build();
    Node { store, journal, leases, desk, suppliers, relays, pinned }
}

pub fn left() -> Ending {
    Ending { reason: EndReason::Technician, note: String::new(), bytes_in: 10, bytes_out: 20, channels: Vec::new() }
}
