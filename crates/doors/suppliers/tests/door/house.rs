//! The door and all that is behind it, made for one test; the desk beside it decides.

use crate::{clock::HandClock, people};
use axum::Router;
use identity::SessionLimits;
use interventions::{
    EquipmentSecret, Fleet, FleetParts, InterventionService, InterventionsParts, NewEquipment, Pins, Protocol,
};
use journal::{Journal, JournalConfig, Kind, Outcome, Trace, read_traces};
use lease::{Leases, LeasesConfig};
use policy::Policies;
use signin::{ApiTokens, Enrolment, Means, SignInService, SignInSettings, SshSeen, SshSignIn, TokenSettings};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use store::{Store, testing::TestDatabase};
use suppliers::{SuppliersServices, SuppliersSettings, SuppliersState};
use types::{AccountId, ClientAddress, Door, EquipmentId, EstablishmentId, Event, Role, Secret, SystemActor};
use vault::{Holder, Keys, MasterKey, MonthKeys, Purpose};
use web::{
    csrf::{CsrfKey, Origin},
    limits::Limits,
};

pub const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
pub const IDLE_SECONDS: i64 = 900;
const SUPPLIERS: &[Role] = &[Role::Technician, Role::SupplierManager, Role::Auditor];
const DESK: &[Role] = &[Role::Beneficiary];

pub struct House {
    ground: Ground,
    pub clock: HandClock,
    pub journal: Journal,
    pub router: Router,
    pub tokens: ApiTokens,
    pub desk: InterventionService,
    pub desk_tokens: ApiTokens,
    pub desk_signin: SignInService,
    /// By login.
    pub accounts: HashMap<&'static str, AccountId>,
    pub scanner: EquipmentId,
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

impl Ground {
    async fn new(database: &TestDatabase) -> Self {
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
        let policies = Arc::new(Policies::built_in().unwrap());
        Self { folder, master, store, journal, policies, clock }
    }

    fn keys(&self, door: Door) -> Keys {
        self.master.keys_for(Holder::Door(door))
    }

    fn secrets(&self) -> MonthKeys {
        let relays = (Holder::Door(Door::Relays), Purpose::EquipmentSecrets);
        MonthKeys::of(&self.folder.path().join("vault"), &self.master, relays).unwrap()
    }

    fn enrolment(&self) -> Enrolment {
        let keys = self.master.keys_for(Holder::Enrolment);
        Enrolment::new(self.store.clone(), self.journal.clone(), self.policies.clone(), keys, SystemActor::Demo)
    }

    fn fleet(&self, pins: &Pins) -> Fleet {
        Fleet::new(FleetParts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            policies: self.policies.clone(),
            keys: self.master.keys_for(Holder::Enrolment),
            equipment_keys: self.secrets().seal_only(),
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
        let (store, journal, policies) = (self.store.clone(), self.journal.clone(), self.policies.clone());
        SignInService::new(store, journal, policies, self.keys(door), settings).unwrap()
    }

    fn tokens(&self, door: Door, roles: &'static [Role]) -> ApiTokens {
        let administrators_passwords = identity::PasswordPolicy::default_for(identity::Population::Administrators);
        let settings = TokenSettings { door, roles, establishment: HERE, administrators_passwords };
        let (store, journal, policies) = (self.store.clone(), self.journal.clone(), self.policies.clone());
        ApiTokens::new(store, journal, policies, self.keys(door), settings).unwrap()
    }

    fn interventions(&self, door: Door, leases: &Leases, pins: &Pins) -> InterventionsParts {
        InterventionsParts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            policies: self.policies.clone(),
            keys: self.keys(door),
            equipment_keys: self.secrets().seal_only(),
            leases: leases.clone(),
            pinned: pins.clone(),
            door,
        }
    }

    fn settings(&self, relay: Option<(String, u16)>) -> SuppliersSettings {
        let forms = self.keys(Door::Suppliers).bare(Purpose::Forms(Door::Suppliers)).unwrap();
        SuppliersSettings {
            entrance: entrance::EntranceSettings {
                origin: Origin::https("localhost", 8444).unwrap(),
                establishments: BTreeMap::from([(HERE, "Hôpital de Valombre".to_owned())]),
                name: "Groupe hospitalier".into(),
                support_contact: Some("01 99 00 12 34".into()),
                csrf: CsrfKey::new(&Secret::new(*forms)),
                clock: Arc::new(self.clock.clone()),
                rehearsed: None,
            },
            relay,
            relay_key: Some("SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE".into()),
        }
    }
}

impl House {
    pub async fn new(database: &TestDatabase) -> Self {
        Self::with(database, Some(("relais.hopital.example".into(), 2222))).await
    }

    /// On a node that knows these relays, or none.
    pub async fn with(database: &TestDatabase, relay: Option<(String, u16)>) -> Self {
        let ground = Ground::new(database).await;
        let pins = Pins::new(identity::vouching::Pinned { keys: Vec::new(), rp: people::rp() });
        let (enrolment, fleet) = (ground.enrolment(), ground.fleet(&pins));
        enrolment.establishment(HERE, "Hôpital de Valombre").await.unwrap();
        let one = fleet.supplier(HERE, "Armor Imagerie").await.unwrap();
        let two = fleet.supplier(HERE, "Pharmatech Ouest").await.unwrap();
        let accounts = people::enrol(&enrolment, [one, two]).await;
        let (admin, beneficiary) = (accounts["maud.kervella"], accounts["nadia.ferrand"]);
        let keychain = people::passkeys(&enrolment, &fleet, &pins, (admin, beneficiary)).await;
        let secret = EquipmentSecret::Password(Secret::new("le secret de la machine".into()));
        let new = equipment("scanner-1", beneficiary);
        let scanner = fleet.equipment(HERE, (&new, &secret), (admin, &*keychain)).await.unwrap();
        let config = LeasesConfig::new("node");
        let leases = Leases::start(ground.journal.clone(), ground.store.clone(), ground.policies.clone(), config);
        let service = |door| InterventionService::builder(ground.interventions(door, &leases, &pins));
        let (store, journal, policies) = (ground.store.clone(), ground.journal.clone(), ground.policies.clone());
        let services = SuppliersServices {
            signin: ground.signin(Door::Suppliers, SUPPLIERS),
            tokens: ground.tokens(Door::Suppliers, SUPPLIERS),
            means: Means::new(store, journal, policies, ground.keys(Door::Suppliers), people::rp()),
            interventions: service(Door::Suppliers).build(),
        };
        let tokens = services.tokens.clone();
        let desk = service(Door::Desk).with_signer(keychain).build();
        Self {
            clock: ground.clock.clone(),
            journal: ground.journal.clone(),
            router: suppliers::router(SuppliersState::new(ground.settings(relay), services), Limits::default()),
            tokens,
            desk,
            desk_tokens: ground.tokens(Door::Desk, DESK),
            desk_signin: ground.signin(Door::Desk, DESK),
            accounts,
            scanner,
            ground,
        }
    }

    /// Somebody shows his key at the relays, from there, and asks to be approved in his browser.
    pub async fn asks_by_ssh(&self, login: &str, from: [u8; 4], target: Option<&str>) -> (SshSignIn, SshSeen, String) {
        let (store, journal) = (self.ground.store.clone(), self.journal.clone());
        let (policies, keys) = (self.ground.policies.clone(), self.ground.keys(Door::Relays));
        let ssh = SshSignIn::new(store, journal, policies, keys, (HERE, Default::default())).unwrap();
        let (key, _) = identity::SshPublicKey::from_line(&people::key_line(people::key_fills()[login])).unwrap();
        let from = ClientAddress::new(from.into());
        let seen = ssh.identify(login, key.blob(), from).await.unwrap();
        let asked = ssh.ask_approval(&seen, target, from).await.unwrap();
        (ssh, seen, asked.words)
    }

    /// How often something was done, by the journal.
    pub fn traced(&self, event: Event) -> usize {
        self.done().into_iter().filter(|done| *done == event).count()
    }

    /// Everything that was done, by the journal; but uses of tokens, which a task of its own notes when it can.
    pub fn done(&self) -> Vec<Event> {
        let months = MonthKeys::new(&self.ground.folder.path().join("vault"), &self.ground.master).unwrap();
        let folder = self.ground.folder.path().join("journal/node");
        let traces: Vec<Trace> = read_traces(&folder, &months, 0..self.journal.entries()).unwrap();
        let done = traces
            .iter()
            .filter(|trace| trace.kind == Kind::Outcome && trace.outcome == Some(Outcome::Done))
            .map(|trace| trace.event);
        done.filter(|event| *event != Event::TokenUsed).collect()
    }
}

fn equipment(name: &str, beneficiary: AccountId) -> NewEquipment {
    let line = people::key_line(9);
    let host_key = line.rsplit_once(" poste").unwrap().0.to_owned();
    NewEquipment {
        name: name.into(),
        location: "Imagerie, salle 2".into(),
        protocol: Protocol::Ssh,
        host: "10.0.0.8".into(),
        port: 22,
        host_key,
        account: "maintenance".into(),
        beneficiaries: vec![beneficiary],
        quorum: 1,
    }
}
