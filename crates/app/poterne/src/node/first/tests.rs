#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::{
    first_admin::{Existing, read_pinned},
    node::{Begin, Ground, Keep, second::DESK_ROLES},
};
use demo::SoftPasskey;
use identity::SessionLimits;
use identity::vouching::Pinned;
use std::path::PathBuf;
use store::StoreConfig;
use types::{Door, SystemActor};
use vault::MasterKey;

const ESTABLISHMENT: EstablishmentId = EstablishmentId::from_bytes([4; 16]);
const RP: &str = "bureau.test";
const ORIGIN: &str = "https://bureau.test";

struct Site {
    folder: tempfile::TempDir,
    keep: Keep,
    enroller: Enroller,
    token: String,
}

impl Site {
    /// A node whose first administrator is to come; his key would be pinned in `keys`, a folder below the node's.
    async fn new(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let master = MasterKey::create(&path("master")).unwrap();
        let store = StoreConfig {
            url: format!("sqlite:{}", path("poterne.db").display()),
            readers_max: 4,
            wait: Duration::from_secs(5),
            demonstration: false,
        };
        let policies = std::sync::Arc::new(policy::Policies::built_in().unwrap());
        let keep =
            Keep::open(("essai.test", Begin::AsLeft, &[]), &path("data"), &store, &master, 4, policies).await.unwrap();
        let establishments = [(ESTABLISHMENT, "Hôpital d’essai".to_owned())];
        let enrolment = keep.enrolling(&master, SystemActor::Operator).0;
        enrolment.establishment(ESTABLISHMENT, "Hôpital d’essai").await.unwrap();
        let ground = Ground {
            rehearsed: web::rehearsed::rehearsal().1,
            renewal_delay: signin::RENEWAL_DELAY,
            post: None,
            keep: &keep,
            master: &master,
            establishments: &establishments,
            defences: Default::default(),
            administrators_passwords: identity::PasswordPolicy::default_for(identity::Population::Administrators),
        };
        let limits = SessionLimits { idle: Duration::from_secs(600), absolute: Duration::from_secs(3600) };
        let signin = ground.signin(Door::Desk, DESK_ROLES, limits).unwrap();
        let link = Link::new(path(keys).join("pinned.json"), path("link.json"));
        let token = link.draw(keep.clock.now(), Existing::Kept).unwrap().expose().clone();
        let rp = RelyingParty { id: RP.to_owned(), origin: ORIGIN.to_owned() };
        let pins = Pins::new(Pinned { keys: Vec::new(), rp: rp.clone() });
        let clock = keep.clock.clone();
        let parts = Parts { link, enrolment, signin, pins, rp, establishment: ESTABLISHMENT, clock };
        Self { enroller: Enroller::new(parts), folder, keep, token }
    }

    /// Opens the page and fills it.
    fn form(&self, login: &str) -> EnrolForm {
        let options = self.enroller.draw().unwrap();
        let secret = BASE32_NOPAD.decode(options.totp_secret.expose().as_bytes()).unwrap();
        let totp = totp_rs::Builder::new().with_secret(<[u8; 20]>::try_from(secret).unwrap()).build().unwrap();
        let now = u64::try_from(self.keep.clock.now().seconds()).unwrap();
        let passkey = SoftPasskey::draw().unwrap().0.register(RP, ORIGIN, &options.challenge);
        EnrolForm {
            login: login.to_owned(),
            name: "Solange Carn".to_owned(),
            password: Secret::new("Vingt-7 herons gris au gué".to_owned()),
            totp_secret: options.totp_secret,
            code: totp.generate(now).to_string(),
            passkey: Registration {
                client_data_json: passkey.client_data_json,
                attestation_object: passkey.attestation_object,
            },
        }
    }

    async fn enrol(&self, form: EnrolForm) -> Result<(), EnrolRefused> {
        self.enroller.enrol(&self.token, form, ClientAddress::new([192, 0, 2, 1].into())).await
    }

    async fn account(&self, login: &str) -> Option<AccountId> {
        self.enroller.0.parts.enrolment.account_named(login).await.unwrap().map(|(account, ..)| account)
    }

    fn pinned(&self) -> Vec<AccountId> {
        let file: PathBuf = self.folder.path().join("pinned.json");
        let text = std::fs::read(file).unwrap_or_default();
        read_pinned(&text).unwrap_or_default().into_iter().map(|key| key.account).collect()
    }
}

#[tokio::test]
async fn whoever_holds_the_link_becomes_the_one_pinned_administrator() {
    let site = Site::new("").await;
    site.enrol(site.form("solange")).await.unwrap();
    let account = site.account("solange").await.unwrap();
    assert_eq!(site.pinned(), [account]);
    let pinned = site.enroller.0.parts.pins.first().now();
    assert_eq!(pinned.keys.iter().map(|key| key.account).collect::<Vec<_>>(), [account], "in force at once");
    assert_eq!(site.enrol(site.form("autre")).await, Err(EnrolRefused::Link));
    assert_eq!(site.account("autre").await, None);
}

#[tokio::test]
async fn a_key_that_cannot_be_pinned_leaves_no_account() {
    let site = Site::new("absent").await;
    assert_eq!(site.enrol(site.form("solange")).await, Err(EnrolRefused::Unavailable));
    assert_eq!(site.account("solange").await, None, "no administrator is there who is not pinned");
    // Once the folder is there, the same link serves.
    std::fs::create_dir(site.folder.path().join("absent")).unwrap();
    site.enrol(site.form("solange")).await.unwrap();
    assert!(site.account("solange").await.is_some());
}

#[tokio::test]
async fn an_account_that_cannot_be_made_leaves_no_key() {
    let site = Site::new("").await;
    let mut weak = site.form("solange");
    weak.password = Secret::new("court".to_owned());
    assert!(matches!(site.enrol(weak).await, Err(EnrolRefused::Password(_))));
    assert_eq!((site.account("solange").await, site.pinned()), (None, Vec::new()));
    site.enrol(site.form("solange")).await.unwrap();
    assert_eq!(site.pinned(), [site.account("solange").await.unwrap()]);
}

#[tokio::test]
async fn a_database_that_refuses_the_account_frees_the_link_again() {
    let site = Site::new("").await;
    let parts = &site.enroller.0.parts;
    let prepared = |login: &str| NewAccount {
        login: login.to_owned(),
        display_name: "Solange Carn".to_owned(),
        role: Role::Administrator,
        supplier: None,
        password: Secret::new("Vingt-7 herons gris au gué".to_owned()),
        totp: TotpSecret::from_bytes([7; 20]),
    };
    // Prepared while the login is free; somebody else takes it before the account is made.
    let late = parts.enrolment.prepare(ESTABLISHMENT, prepared("solange")).await.unwrap();
    parts.enrolment.account(ESTABLISHMENT, prepared("solange")).await.unwrap();
    let key = PinnedKey {
        credential: vec![7; 32],
        public_key: [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20][..], &[9; 32]].concat(),
        account: late.account(),
        role: Role::Administrator,
        establishment: ESTABLISHMENT,
    };
    parts.link.pin(&site.token, &key, site.keep.clock.now()).unwrap();
    assert!(!site.enroller.serves(&site.token));
    assert_eq!(site.enroller.create("solange", late, &key).await, Err(EnrolRefused::Unavailable));
    assert_eq!(site.pinned(), []);
    assert!(site.enroller.serves(&site.token));
}

#[tokio::test]
async fn of_several_at_once_one_is_made() {
    let site = Site::new("").await;
    // Each opens the page while the one before is being made: the challenges drawn are good for one enrolment.
    let names = ["un", "deux", "trois"];
    let mut tasks = Vec::new();
    for name in names {
        let (form, enroller, token) = (site.form(name), site.enroller.clone(), site.token.clone());
        let address = ClientAddress::new([192, 0, 2, 1].into());
        tasks.push(tokio::spawn(async move { enroller.enrol(&token, form, address).await }));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut done = 0;
    for task in tasks {
        done += usize::from(task.await.unwrap().is_ok());
    }
    let mut accounts = Vec::new();
    for name in names {
        accounts.extend(site.account(name).await);
    }
    assert_eq!((done, accounts.len()), (1, 1));
    assert_eq!(site.pinned(), accounts);
}

#[tokio::test]
async fn whoever_leaves_in_the_middle_leaves_nothing_half_done() {
    let site = Site::new("").await;
    let form = site.form("solange");
    // Hashing the password alone takes longer.
    assert!(tokio::time::timeout(Duration::from_millis(1), site.enrol(form)).await.is_err());
    for _ in 0..500 {
        if !site.enroller.serves(&site.token) && site.enroller.0.making.try_lock().is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(site.pinned(), [site.account("solange").await.expect("it was made")]);
}
