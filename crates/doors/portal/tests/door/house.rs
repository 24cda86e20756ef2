//! The door and all that is behind it, made for one test.

/// As the program joins the two cases.
#[path = "../../../../app/poterne/src/node/sightings.rs"]
mod finder;

use crate::clock::HandClock;
use axum::Router;
use care::{CareService, FindsTraces, Registrar, SightingsDesk, Sis, SisConfig};
use demo::{Authority, DemoAccount, Hospital, LinkKind, SisFaults};
use dossier::Traces;
use finder::Finder;
use identity::{SessionLimits, TotpSecret};
use journal::{Journal, JournalConfig, Kind, Markers, Trace, index::Index, read_markers, read_traces};
use policy::{Policies, Relation, RelationKind};
use portal::{PortalSettings, PortalState};
use signin::{Accounts, Enrolment, NewAccount, SignInService, SignInSettings};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};
use store::{Store, SystemClock, testing::TestDatabase};
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};
use trust::Trust;
use types::{AccountId, Clock, Door, EstablishmentId, IdentityProof, PatientId, Role, Secret, SystemActor, Time};
use vault::{Holder, MasterKey, MonthKeys, Purpose};
use web::{
    csrf::{CsrfKey, Origin},
    limits::Limits,
};

pub const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
pub const IDLE_SECONDS: i64 = 900;
pub const ABSOLUTE_SECONDS: i64 = 8 * 3600;

/// Drawn once: the letters and sheets of twelve patients take a moment.
pub static HOSPITAL: LazyLock<Hospital> = LazyLock::new(|| Hospital::generate(7, jiff::civil::date(2026, 11, 20)));

/// Somebody of the cast, with what he signs in with.
pub struct Account {
    pub demo: DemoAccount,
    pub id: AccountId,
    pub password: String,
    pub totp: [u8; 20],
    pub address: IpAddr,
}

pub struct House {
    pub folder: tempfile::TempDir,
    pub clock: HandClock,
    pub store: Store,
    pub journal: Journal,
    pub signin: SignInService,
    pub router: Router,
    #[allow(dead_code, reason = "only the tests of a faulty SIS, a binary of their own, set any")]
    pub faults: SisFaults,
    /// In the order of the hospital's.
    pub patients: Vec<PatientId>,
    pub accounts: Vec<Account>,
    /// The secret of a link by which somebody who is related to nobody may choose his means anew.
    pub link: String,
    pub database_file: Option<PathBuf>,
    searched: Traces,
    answering: Mutex<Option<AbortOnDropHandle<()>>>,
    /// Stops the SIS.
    _stop: DropGuard,
}

impl House {
    pub async fn new(database: &TestDatabase) -> Self {
        let faults = SisFaults::new();
        let stop = CancellationToken::new();
        let sis = demo_sis(&faults, stop.clone()).await;
        Self::over(database, sis, faults, stop).await
    }

    /// With a policy of the hospital's own beside Poterne's.
    pub async fn with_policy(database: &TestDatabase, text: &str) -> Self {
        let (faults, stop) = (SisFaults::new(), CancellationToken::new());
        let sis = demo_sis(&faults, stop.clone()).await;
        let policies = Policies::with_own(vec![("own.cedar".into(), text.into())]).unwrap();
        Self::ruled(database, sis, (faults, stop), Arc::new(policies)).await
    }

    /// Over a SIS that is given.
    pub async fn over(database: &TestDatabase, sis: SisConfig, faults: SisFaults, stop: CancellationToken) -> Self {
        Self::ruled(database, sis, (faults, stop), Arc::new(Policies::built_in().unwrap())).await
    }

    async fn ruled(
        database: &TestDatabase,
        sis: SisConfig,
        (faults, stop): (SisFaults, CancellationToken),
        policies: Arc<Policies>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let clock = HandClock::new();
        let handle: Arc<dyn Clock> = Arc::new(clock.clone());
        let (store, door) = store::open(&database.config()).await.unwrap();
        let config = JournalConfig {
            folder: folder.path().join("journal"),
            month_keys: folder.path().join("vault"),
            origin: "node".into(),
            reserve_slots: 64,
        };
        let journal = Journal::open(config, &master, door, handle.clone()).await.unwrap();
        let keys = || master.keys_for(Holder::Door(Door::Portal));
        let settings = SignInSettings {
            door: Door::Portal,
            roles: &[Role::Patient, Role::Relative, Role::Professional],
            limits: SessionLimits {
                idle: Duration::from_secs(IDLE_SECONDS.unsigned_abs()),
                absolute: Duration::from_secs(ABSOLUTE_SECONDS.unsigned_abs()),
            },
            establishment: HERE,
            defences: Default::default(),
            administrators_passwords: identity::PasswordPolicy::default_for(identity::Population::Administrators),
        };
        let enrolment = Enrolment::new(
            store.clone(),
            journal.clone(),
            policies.clone(),
            master.keys_for(Holder::Enrolment),
            SystemActor::Demo,
        );
        let registrar = Registrar::new(
            store.clone(),
            journal.clone(),
            policies.clone(),
            master.keys_for(Holder::Enrolment),
            SystemActor::Demo,
        );
        let signin = SignInService::new(store.clone(), journal.clone(), policies.clone(), keys(), settings).unwrap();
        let months = Arc::new(MonthKeys::new(&folder.path().join("vault"), &master).unwrap());
        let journals = folder.path().join("journal");
        let index = Index::new(&folder.path().join("index"), &journals, months, &master).unwrap();
        let searched = Traces::new(index, journal.clone(), policies.clone());
        let ruling = policies.clone();
        let care = CareService::new(store.clone(), journal.clone(), policies, keys(), Sis::new(sis).unwrap());
        let name = HOSPITAL.establishment.name.clone();
        let settings = PortalSettings {
            origin: Origin::https("localhost", 8443).unwrap(),
            establishments: BTreeMap::from([(HERE, name.clone())]),
            name: name.clone(),
            support_contact: Some("01 99 00 12 34".into()),
            csrf: CsrfKey::new(&Secret::new(*keys().bare(Purpose::Forms(Door::Portal)).unwrap())),
            clock: handle,
            rehearsed: None,
        };
        let router = portal::router(PortalState::new(settings, signin.clone(), care), Limits::default());
        enrolment.establishment(HERE, &name).await.unwrap();
        let (patients, accounts) = settle(&enrolment, &registrar, &clock).await;
        let link = link(&enrolment, clock.now(), Accounts::new(store.clone(), journal.clone(), ruling, keys())).await;
        let url = database.config().url;
        let house = Self {
            link,
            folder,
            clock,
            store,
            journal,
            signin,
            router,
            faults,
            patients,
            accounts,
            database_file: url.strip_prefix("sqlite:").map(PathBuf::from),
            searched,
            answering: Mutex::default(),
            _stop: stop.drop_guard(),
        };
        house.answer_again();
        house
    }

    /// A node that may read traces answers; the portal may not.
    pub fn answer_again(&self) {
        self.answer_with(HERE, Arc::new(self.finder()));
    }

    /// A node of an establishment answers, with what it is made to find.
    pub fn answer_with(&self, place: EstablishmentId, traces: Arc<dyn FindsTraces>) {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let answers = SightingsDesk::new(
            (self.store.clone(), self.journal.clone()),
            Arc::new(Policies::built_in().unwrap()),
            master.keys_for(Holder::Door(Door::Desk)),
            place,
            traces,
        );
        let task = AbortOnDropHandle::new(tokio::spawn(answers.keep_answering()));
        *self.answering.lock().unwrap() = Some(task);
    }

    /// What a node finds in the journal.
    pub fn finder(&self) -> Finder {
        Finder(self.searched.clone())
    }

    /// That node stops.
    pub fn unanswered(&self) {
        self.answering.lock().unwrap().take();
    }

    pub fn account(&self, login: &str) -> &Account {
        self.accounts.iter().find(|account| account.demo.login == login).unwrap()
    }

    /// The index, in the hospital, of the patient that an account is.
    pub fn own(&self, login: &str) -> usize {
        let links = &self.account(login).demo.links;
        links.iter().find(|link| link.kind == LinkKind::Own).unwrap().patient
    }

    /// All that the journal holds, opened with the months' keys.
    pub fn traces(&self) -> Vec<Trace> {
        traces_of(self.folder.path(), self.journal.entries())
    }

    /// What was written since the journal held `before` entries.
    /// But the keys that the first event of a family brings with it.
    pub fn traces_since(&self, before: u64) -> Vec<Trace> {
        let since = self.traces().into_iter().filter(|trace| trace.index >= before);
        since.filter(|trace| trace.kind != Kind::SealKey).collect()
    }

    /// What a task of its own writes comes a moment after the answer.
    pub async fn traces_once(&self, before: u64, ready: impl Fn(&[Trace]) -> bool) -> Vec<Trace> {
        for _ in 0..500 {
            let traces = self.traces_since(before);
            if ready(&traces) {
                return traces;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it was not traced: {:#?}", self.traces_since(before));
    }

    pub async fn markers(&self) -> Markers {
        read_markers(&self.store).await.unwrap().remove("node").unwrap_or_default()
    }
}

async fn demo_sis(faults: &SisFaults, stop: CancellationToken) -> SisConfig {
    // The certificates are judged by the machine's own clock.
    let authority = Authority::new(SystemClock.now()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = authority.issue_server(&["localhost"]).unwrap();
    let sis = demo::Sis::new(&HOSPITAL, &server, &authority.ca_pem(), faults.clone()).unwrap();
    tokio::spawn(async move { sis.serve(listener, stop).await.unwrap() });
    sis_config(&authority, port)
}

/// How the door reaches a SIS on a local port, whose certificate `authority` signed.
pub fn sis_config(authority: &Authority, port: u16) -> SisConfig {
    let client = authority.issue_client("Poterne test portal").unwrap();
    SisConfig {
        url: format!("https://localhost:{port}/fhir"),
        trust: Arc::new(Trust::new(web::serve::provider(), authority.ca_pem().as_bytes(), None).unwrap()),
        certificate_pem: client.chain_pem.into_bytes(),
        key_pem: Secret::new(client.key_pem.expose().clone().into_bytes()),
        wait: SisConfig::WAIT_MAX,
    }
}

/// An account of nobody in particular, and a link to it.
async fn link(enrolment: &Enrolment, now: Time, accounts: Accounts) -> String {
    let new = NewAccount {
        login: "lien.essai".into(),
        display_name: "Personne à Essai".into(),
        role: Role::Patient,
        supplier: None,
        password: Secret::new("une phrase que personne ne sait".into()),
        totp: TotpSecret::from_bytes([0x4c; 20]),
    };
    let account = enrolment.account(HERE, new).await.unwrap();
    let who = identity::system_actor(SystemActor::Demo, Some(HERE), now);
    accounts.delay_renewals(Duration::ZERO);
    accounts.draw_link(&who, account, IdentityProof::Known).await.unwrap().secret.expose().clone()
}

/// Registers every patient of the hospital, whoever may see him, and the cast with its relations.
async fn settle(enrolment: &Enrolment, registrar: &Registrar, clock: &HandClock) -> (Vec<PatientId>, Vec<Account>) {
    let mut patients = Vec::new();
    for patient in &HOSPITAL.patients {
        patients.push(registrar.patient(HERE, &patient.ins).await.unwrap());
    }
    let mut accounts = Vec::new();
    for (n, demo) in (1_u8..).zip(demo::accounts(&HOSPITAL)) {
        let password = format!("une porte bien gardée, numéro {n}");
        let new = NewAccount {
            login: demo.login.into(),
            display_name: demo.display_name.into(),
            role: demo.role,
            supplier: None,
            password: Secret::new(password.clone()),
            totp: TotpSecret::from_bytes([n; 20]),
        };
        let id = enrolment.account(HERE, new).await.unwrap();
        for link in &demo.links {
            let kind = match &link.kind {
                LinkKind::Own => RelationKind::Own,
                LinkKind::Mandate { covers, .. } => RelationKind::Mandate { covers: covers.iter().copied().collect() },
                LinkKind::Care { .. } => RelationKind::Care,
            };
            let (patient, period) = (patients[link.patient], link.kind.period(clock.now()));
            registrar.relate(id, &Relation { patient, establishment: HERE, kind, period }).await.unwrap();
        }
        accounts.push(Account { demo, id, password, totp: [n; 20], address: IpAddr::from([192, 0, 2, n]) });
    }
    (patients, accounts)
}

fn traces_of(folder: &Path, entries: u64) -> Vec<Trace> {
    let master = MasterKey::load(&folder.join("master.key")).unwrap();
    let months = MonthKeys::new(&folder.join("vault"), &master).unwrap();
    read_traces(&folder.join("journal/node"), &months, 0..entries).unwrap()
}
