//! The door and all that is behind it, made for one test; the suppliers' door and the relays beside it.

use crate::{ELSEWHERE, HERE, clock::HandClock, people};
use axum::Router;
use desk::{DeskServices, DeskSettings, DeskState};
use dossier::{Catalogue, Installation, ProofReader, Retention, RulesService, SavedSearches, Traces};
use entrance::EntranceSettings;
use identity::SessionLimits;
use interventions::{
    EquipmentSecret, Fleet, FleetParts, InterventionService, InterventionsParts, LiveFeed, LiveSession, LiveSessions,
    NewEquipment, Opened, Pins, Protocol, Recordings, RecordingsConfig, RecordingsReader,
};
use journal::{Journal, JournalConfig, Kind, Outcome, Trace, index::Index, read_traces};
use lease::{Leases, LeasesConfig};
use policy::Policies;
use signin::{Accounts, ApiTokens, Enrolment, Means, Post, SignInService, SignInSettings, TokenSettings};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{Store, testing::TestDatabase};
use types::{AccountId, Door, EquipmentId, Event, RelayId, Role, Secret, SystemActor};
use vault::{Holder, Keys, MasterKey, MonthKeys, Purpose};
use web::{
    csrf::{CsrfKey, Origin},
    limits::Limits,
};

pub const IDLE_SECONDS: i64 = 900;
const STAFF: &[Role] =
    &[Role::Beneficiary, Role::OnCall, Role::SecurityOfficer, Role::Administrator, Role::TraceController, Role::Dpo];
const TECHNICIANS: &[Role] = &[Role::Technician];

pub struct House {
    ground: Ground,
    pub clock: HandClock,
    pub journal: Journal,
    pub router: Router,
    /// As it is reached where nothing is administered.
    pub apart: Router,
    pub signin: SignInService,
    pub tokens: ApiTokens,
    pub desk: InterventionService,
    pub managed: Accounts,
    pub enrolment: Enrolment,
    pub keychain: Arc<people::Keychain>,
    pub suppliers: InterventionService,
    pub suppliers_tokens: ApiTokens,
    pub suppliers_signin: SignInService,
    pub relays: InterventionService,
    pub relays_signin: SignInService,
    /// By login.
    pub accounts: HashMap<&'static str, AccountId>,
    pub scanner: EquipmentId,
    /// Sessions that run.
    pub running: Mutex<Vec<Opened>>,
    /// What somebody has shown already and shows again: a login's token, a door's session of the technician.
    pub held: Mutex<HashMap<&'static str, String>>,
}

/// What every door stands on.
struct Ground {
    folder: tempfile::TempDir,
    master: MasterKey,
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    clock: HandClock,
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

impl Ground {
    async fn new(database: &TestDatabase, policies: Policies) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let clock = HandClock::new();
        let (store, write) = store::open(&database.config()).await.unwrap();
        let config = JournalConfig {
            folder: folder.path().join("journal"),
            month_keys: folder.path().join("vault"),
            origin: "node".into(),
            reserve_slots: 64,
        };
        let journal = Journal::open(config, &master, write, Arc::new(clock.clone())).await.unwrap();
        Self { folder, master, store, journal, policies: Arc::new(policies), clock }
    }

    fn keys(&self, door: Door) -> Keys {
        self.master.keys_for(Holder::Door(door))
    }

    fn months(&self, door: Door, purpose: Purpose) -> MonthKeys {
        MonthKeys::of(&self.folder.path().join("vault"), &self.master, (Holder::Door(door), purpose)).unwrap()
    }

    fn shared(&self) -> (Store, Journal, Arc<Policies>) {
        (self.store.clone(), self.journal.clone(), self.policies.clone())
    }

    fn enrolment(&self) -> Enrolment {
        let (store, journal, policies) = self.shared();
        Enrolment::new(store, journal, policies, self.master.keys_for(Holder::Enrolment), SystemActor::Demo)
    }

    fn fleet(&self, pins: &Pins) -> Fleet {
        let (store, journal, policies) = self.shared();
        Fleet::new(FleetParts {
            store,
            journal,
            policies,
            keys: self.master.keys_for(Holder::Enrolment),
            equipment_keys: self.months(Door::Relays, Purpose::EquipmentSecrets).seal_only(),
            pinned: pins.clone(),
            actor: SystemActor::Demo,
        })
    }

    fn signin(&self, door: Door, roles: &'static [Role]) -> SignInService {
        let idle = Duration::from_secs(IDLE_SECONDS.unsigned_abs());
        let limits = SessionLimits { idle, absolute: Duration::from_secs(8 * 3600) };
        let administrators_passwords = identity::PasswordPolicy::default_for(identity::Population::Administrators);
        let defences = Default::default();
        let settings = SignInSettings { door, roles, limits, establishment: HERE, administrators_passwords, defences };
        let (store, journal, policies) = self.shared();
        SignInService::new(store, journal, policies, self.keys(door), settings).unwrap()
    }

    fn tokens(&self, door: Door, roles: &'static [Role]) -> ApiTokens {
        let administrators_passwords = identity::PasswordPolicy::default_for(identity::Population::Administrators);
        let settings = TokenSettings { door, roles, establishment: HERE, administrators_passwords };
        let (store, journal, policies) = self.shared();
        ApiTokens::new(store, journal, policies, self.keys(door), settings).unwrap()
    }

    fn interventions(&self, door: Door, leases: &Leases, pins: &Pins) -> InterventionsParts {
        let (store, journal, policies) = self.shared();
        InterventionsParts {
            store,
            journal,
            policies,
            keys: self.keys(door),
            equipment_keys: self.months(Door::Relays, Purpose::EquipmentSecrets).seal_only(),
            leases: leases.clone(),
            pinned: pins.clone(),
            door,
        }
    }

    fn settings(&self) -> DeskSettings {
        let forms = self.keys(Door::Desk).bare(Purpose::Forms(Door::Desk)).unwrap();
        let names = [(HERE, "Hôpital de Valombre"), (ELSEWHERE, "Hôpital des Landes")];
        let entrance = EntranceSettings {
            origin: Origin::https("localhost", 8445).unwrap(),
            establishments: BTreeMap::from(names.map(|(id, name)| (id, name.to_owned()))),
            name: "Groupe hospitalier".into(),
            support_contact: None,
            csrf: CsrfKey::new(&Secret::new(*forms)),
            clock: Arc::new(self.clock.clone()),
            rehearsed: None,
        };
        // The portal's address is not known here.
        let origins = BTreeMap::from([(Door::Suppliers, Origin::https("localhost", 8444).unwrap())]);
        DeskSettings { entrance, origins }
    }

    fn accounts(&self, pins: &Pins) -> Accounts {
        let (store, journal, policies) = self.shared();
        let accounts = Accounts::new(store, journal, policies, self.keys(Door::Desk));
        let origins = [(Door::Desk, "https://localhost:8445"), (Door::Suppliers, "https://localhost:8444")];
        accounts.verify_by(pins.first().clone());
        accounts.write_mail(Post::new(origins.map(|(door, origin)| (door, origin.to_owned())).into()));
        accounts
    }

    pub fn searches(&self) -> SavedSearches {
        let (store, journal, policies) = self.shared();
        SavedSearches::new(store, journal, policies, self.keys(Door::Desk))
    }

    fn services(&self, interventions: InterventionService, pins: &Pins) -> DeskServices {
        let (store, journal, policies) = self.shared();
        let catalogue = Catalogue::built_in().unwrap();
        let proofs = ProofReader::new(store.clone(), self.keys(Door::Desk));
        let months = Arc::new(MonthKeys::new(&self.folder.path().join("vault"), &self.master).unwrap());
        let at = |name: &str| self.folder.path().join(name);
        let index = Index::new(&at("index"), &at("journal"), months, &self.master).unwrap();
        let means = Means::new(store, journal.clone(), policies.clone(), self.keys(Door::Desk), people::rp());
        DeskServices {
            signin: self.signin(Door::Desk, STAFF).with_means(means.clone()).verifying(pins.first().clone()),
            tokens: self.tokens(Door::Desk, STAFF),
            means,
            accounts: self.accounts(pins),
            interventions,
            traces: Traces::new(index, journal.clone(), policies.clone()),
            searches: self.searches(),
            retention: Retention::new(journal.clone(), policies.clone(), self.keys(Door::Desk)),
            rules: RulesService::new(catalogue, proofs, journal, policies, Installation::default()),
            first_administrator: None,
        }
    }
}

impl House {
    pub fn searches(&self) -> SavedSearches {
        self.ground.searches()
    }

    pub async fn new(database: &TestDatabase) -> Self {
        Self::ruled(database, Policies::built_in().unwrap()).await
    }

    /// With policies of the hospital's own beside Poterne's.
    pub async fn with_policies(database: &TestDatabase, text: &str) -> Self {
        Self::ruled(database, Policies::with_own(vec![("own.cedar".into(), text.into())]).unwrap()).await
    }

    async fn ruled(database: &TestDatabase, policies: Policies) -> Self {
        let ground = Ground::new(database, policies).await;
        let pins = Pins::new(identity::vouching::Pinned { keys: Vec::new(), rp: people::rp() });
        let (enrolment, fleet) = (ground.enrolment(), ground.fleet(&pins));
        enrolment.establishment(HERE, "Hôpital de Valombre").await.unwrap();
        enrolment.establishment(ELSEWHERE, "Hôpital des Landes").await.unwrap();
        let supplier = fleet.supplier(HERE, "Armor Imagerie").await.unwrap();
        let accounts = people::enrol(&enrolment, supplier).await;
        let (admin, beneficiary) = (accounts["administrator"], accounts["beneficiary"]);
        let keychain =
            people::passkeys(&enrolment, &fleet, &pins, (admin, [beneficiary, accounts["security_officer"]])).await;
        let secret = EquipmentSecret::Password(Secret::new("le secret de la machine".into()));
        let new = equipment("scanner-1", beneficiary);
        let scanner = fleet.equipment(HERE, (&new, &secret), (admin, &*keychain)).await.unwrap();
        let (store, journal, policies) = ground.shared();
        let leases = Leases::start(journal, store, policies, LeasesConfig::new("node"));
        let service = |door| InterventionService::builder(ground.interventions(door, &leases, &pins));
        let recordings = RecordingsConfig { reserve_bytes: 1 << 16, ..RecordingsConfig::under(ground.folder.path()) };
        let reading = ground.months(Door::Desk, Purpose::RecordingReading);
        let recorder = Recordings::open(recordings.clone(), reading.seal_only()).unwrap();
        let secrets = ground.months(Door::Relays, Purpose::EquipmentSecrets);
        let desk = service(Door::Desk).with_signer(keychain.clone()).reader(RecordingsReader::new(recordings, reading));
        let desk = desk.live(Arc::new(Pictures)).build();
        let services = ground.services(desk.clone(), &pins);
        let (signin, tokens) = (services.signin.clone(), services.tokens.clone());
        let state = DeskState::new(ground.settings(), services);
        Self {
            clock: ground.clock.clone(),
            journal: ground.journal.clone(),
            signin,
            tokens,
            apart: desk::router(state.without_administration(), Limits::default()),
            router: desk::router(state, Limits::default()),
            desk,
            managed: ground.accounts(&pins),
            enrolment,
            keychain,
            suppliers: service(Door::Suppliers).build(),
            suppliers_tokens: ground.tokens(Door::Suppliers, TECHNICIANS),
            suppliers_signin: ground.signin(Door::Suppliers, TECHNICIANS),
            relays: service(Door::Relays).recordings(recorder).secrets(secrets).build(),
            relays_signin: ground.signin(Door::Relays, TECHNICIANS),
            accounts,
            scanner,
            running: Mutex::default(),
            held: Mutex::default(),
            ground,
        }
    }

    /// All that the journal holds.
    pub fn traces(&self) -> Vec<Trace> {
        let months = MonthKeys::new(&self.ground.folder.path().join("vault"), &self.ground.master).unwrap();
        read_traces(&self.ground.folder.path().join("journal/node"), &months, 0..self.journal.entries()).unwrap()
    }

    /// Everything that was done; but that a token was used or a session goes on, which is noted of whatever is asked.
    pub fn done(&self) -> Vec<Event> {
        let traces = self
            .traces()
            .into_iter()
            .filter(|trace| trace.kind == Kind::Outcome && trace.outcome == Some(Outcome::Done));
        traces.map(|trace| trace.event).filter(|e| !matches!(e, Event::TokenUsed | Event::SessionRenewed)).collect()
    }

    /// The same, once what was answered is written too: a cut answers before its trace.
    pub async fn settled(&self) -> Vec<Event> {
        while self.journal.under_way() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        self.done()
    }
}

pub fn equipment(name: &str, beneficiary: AccountId) -> NewEquipment {
    let line = people::key_line(9);
    NewEquipment {
        name: name.into(),
        location: "Imagerie, salle 2".into(),
        protocol: Protocol::Ssh,
        host: "10.0.0.8".into(),
        port: 22,
        host_key: line.rsplit_once(' ').unwrap().0.to_owned(),
        account: "maintenance".into(),
        beneficiaries: vec![beneficiary],
        quorum: 1,
    }
}
