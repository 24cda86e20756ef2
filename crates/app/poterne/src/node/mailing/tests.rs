//! Mail of accounts through a real mail server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../../../keep/mail/tests/peers/mod.rs"]
mod peers;

use super::*;
use crate::node::{DESK_ROLES, Ground, Keep, post};
use identity::{SessionLimits, TotpSecret};
use journal::{Journal, JournalConfig};
use peers::{Authority, LOGIN, MailServer, Offers, Taken};
use signin::{Accounts, Alarms, Attributes, Chosen, NewAccount, NewInvitation, SignInService, SignedIn};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use store::StoreConfig;
use types::{ClientAddress, Clock, Door, IdentityProof, Lang, Role, Secret, SystemActor, Time};
use vault::{Holder, MasterKey};
use web::{csrf::Origin, health::Health};

const HERE: EstablishmentId = EstablishmentId::from_bytes([4; 16]);
const FIRST: &str = "Vingt-7 herons gris au gué";
const SECOND: &str = "Trente-8 lanternes sur le quai";
const TO: &str = "ines.delmas@hopital.example";
const CONTACT: &str = "le 01 99 00 00 00";

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

/// A node of a site: its desk, and what it sends mail with.
struct Site {
    folder: Arc<tempfile::TempDir>,
    clock: HandClock,
    keep: Keep,
    master: MasterKey,
    desk: SignInService,
    accounts: Accounts,
    alarms: Alarms,
}

impl Site {
    async fn new() -> Self {
        let site = Self::node("un", Arc::new(tempfile::tempdir().unwrap()), None).await;
        let enrolment = site.keep.enrolling(&site.master, SystemActor::Operator).0;
        let new = NewAccount {
            login: "admin".to_owned(),
            display_name: "Solange Carn".to_owned(),
            role: Role::Administrator,
            supplier: None,
            password: Secret::new(FIRST.to_owned()),
            totp: TotpSecret::from_bytes([1; 20]),
        };
        enrolment.account(HERE, new).await.unwrap();
        site
    }

    /// Over the same database as another, with a journal of its own.
    async fn node(name: &str, folder: Arc<tempfile::TempDir>, clock: Option<HandClock>) -> Self {
        let path = |name: &str| folder.path().join(name);
        let master =
            if path("master").exists() { MasterKey::load(&path("master")) } else { MasterKey::create(&path("master")) };
        let master = master.unwrap();
        let store = StoreConfig {
            url: format!("sqlite:{}", path("poterne.db").display()),
            readers_max: 4,
            wait: Duration::from_secs(30),
            demonstration: false,
        };
        let clock = clock.unwrap_or_else(|| HandClock(Arc::new(AtomicI64::new(1_790_000_000_000_000))));
        let (store, door) = store::open(&store).await.unwrap();
        let config = JournalConfig {
            folder: path("data").join("journal"),
            month_keys: path("data").join("vault"),
            origin: name.to_owned(),
            reserve_slots: 64,
        };
        let journal = Journal::open(config, &master, door, Arc::new(clock.clone())).await.unwrap();
        let policies = Arc::new(policy::Policies::built_in().unwrap());
        let keep = Keep { store, journal, policies, clock: Arc::new(clock.clone()), since: clock.now() };
        let establishments = [(HERE, "Hôpital d’essai".to_owned())];
        keep.enrolling(&master, SystemActor::Operator).0.establishment(HERE, "Hôpital d’essai").await.unwrap();
        let origin = "https://bureau.hopital.example".parse::<Origin>().unwrap();
        let post = post(&BTreeMap::new(), Some(&origin));
        let ground = Ground {
            rehearsed: web::rehearsed::rehearsal().1,
            renewal_delay: signin::RENEWAL_DELAY,
            post: Some(post.clone()),
            keep: &keep,
            master: &master,
            establishments: &establishments,
            defences: Default::default(),
            administrators_passwords: identity::PasswordPolicy::default_for(identity::Population::Administrators),
        };
        let limits = SessionLimits { idle: Duration::from_secs(600), absolute: Duration::from_secs(3600) };
        let desk = ground.served(Door::Desk, DESK_ROLES, limits).unwrap();
        let keys = master.keys_for(Holder::Door(Door::Desk));
        let accounts = Accounts::new(keep.store.clone(), keep.journal.clone(), keep.policies.clone(), keys);
        accounts.write_mail(post);
        let alarms = ground.alarms();
        Self { folder, clock, keep, master, desk, accounts, alarms }
    }

    fn code(&self, second_factor: u8) -> String {
        let totp = totp_rs::Builder::new().with_secret([second_factor; 20]).build().unwrap();
        totp.generate(u64::try_from(self.clock.now().seconds()).unwrap()).to_string()
    }

    async fn comes_in(&self, (login, password): (&str, &str), second_factor: u8) -> SignedIn {
        self.clock.advance(31);
        let from = (ClientAddress::new([192, 0, 2, second_factor].into()), "Firefox, Linux");
        let ceremony = self.desk.first_step(login, Secret::new(password.to_owned()), from.0).await.unwrap();
        let opened = self.desk.second_step_on(&ceremony, &self.code(second_factor), from).await.unwrap();
        self.desk.resume(&opened.cookie, from.0).await.unwrap()
    }

    /// The administrator opens an account with that address; its link's secret.
    async fn invites(&self, login: &str, mail: &str) -> String {
        let admin = self.comes_in(("admin", FIRST), 1).await;
        self.accounts.invite(&admin.authenticated, invitation(login, mail)).await.unwrap().1.secret.expose().clone()
    }

    /// An administrator who has that address, let in by two people.
    async fn lets_in(&self, login: &str, mail: &str) {
        let new = |login: &str, role, totp: u8| NewAccount {
            login: login.to_owned(),
            display_name: "Garde Rempart".to_owned(),
            role,
            supplier: None,
            password: Secret::new(FIRST.to_owned()),
            totp: TotpSecret::from_bytes([totp; 20]),
        };
        let enrolment = self.keep.enrolling(&self.master, SystemActor::Operator).0;
        enrolment.account(HERE, new("garde", Role::SecurityOfficer, 2)).await.unwrap();
        let admin = self.comes_in(("admin", FIRST), 1).await;
        let officer = self.comes_in(("garde", FIRST), 2).await;
        let new = NewInvitation { role: Role::Administrator, ..invitation(login, mail) };
        let (account, link) = self.accounts.invite(&admin.authenticated, new).await.unwrap();
        let signin::SecondCode(second) =
            self.accounts.confirm_link(&officer.authenticated, account, link.id).await.unwrap();
        let chosen = Chosen { second: second.expose().clone(), ..chosen(self, 7) };
        let address = ClientAddress::new([192, 0, 2, 7].into());
        self.desk.take_link(link.secret.expose(), chosen, address).await.unwrap();
    }

    fn mailing(&self, settings: ::mail::Settings) -> Mailing {
        let keys = self.master.keys_for(Holder::Mailer);
        let Keep { store, journal, policies, .. } = &self.keep;
        let config = config::Mail {
            mailer: Mailer::new(settings),
            server: "localhost".to_owned(),
            support_contact: CONTACT.to_owned(),
        };
        let establishments = BTreeMap::from([(HERE, "Hôpital d’essai".to_owned())]);
        Mailing { outbox: Outbox::new(store.clone(), journal.clone(), policies.clone(), keys), config, establishments }
    }

    /// Whether this stands in the database's files as it is.
    fn holds(&self, text: &str) -> bool {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .filter_map(|one| std::fs::read(one.unwrap().path()).ok())
            .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    async fn waits(&self) -> bool {
        self.mailing_nowhere().outbox.waiting().await.unwrap().is_some()
    }

    fn mailing_nowhere(&self) -> Mailing {
        self.mailing(MailServer::prepare(Offers::Implicit, false).settings())
    }
}

fn invitation(login: &str, mail: &str) -> NewInvitation {
    let (given_name, family_name) = ("Inès".to_owned(), "Delmas".to_owned());
    NewInvitation {
        login: login.to_owned(),
        attributes: Attributes { given_name, family_name, ..Attributes::default() },
        role: Role::OnCall,
        supplier: None,
        proof: IdentityProof::InPerson,
        mail: Some(mail.to_owned()),
    }
}

fn chosen(site: &Site, second_factor: u8) -> Chosen {
    Chosen {
        password: Secret::new(FIRST.to_owned()),
        totp: Some(TotpSecret::from_bytes([second_factor; 20])),
        code: site.code(second_factor),
        second: String::new(),
        lang: Lang::Fr,
        device: "Firefox, Linux".to_owned(),
    }
}

/// The link in a message's text.
fn link_in(taken: &Taken) -> &str {
    let begins = "https://bureau.hopital.example/fr/link/";
    taken.text.lines().find_map(|line| line.trim().strip_prefix(begins)).unwrap_or_else(|| panic!("{}", taken.text))
}

/// Whether the server served, for all that was due.
async fn served(mailing: &Mailing) -> bool {
    let mut served = false;
    loop {
        match mailing.round().await.unwrap() {
            Round::Serves => served = true,
            Round::Nothing => return served,
            Round::Fails(_) => return false,
        }
    }
}

#[tokio::test]
async fn an_account_is_opened_by_the_link_that_came_and_its_holder_is_told_of_what_follows() {
    let (site, server) = (Site::new().await, MailServer::start(Offers::StartTls, true));
    let mailing = site.mailing(server.settings());
    let secret = site.invites("ines", TO).await;
    assert!(site.waits().await && served(&mailing).await && !site.waits().await, "nothing of it is kept");
    let taken = server.taken();
    let [invitation] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!((invitation.to.as_slice(), invitation.over_tls), (&[TO.to_owned()][..], true));
    assert_eq!(link_in(invitation), secret);
    // Both languages, until it is known which one is read; and never a login beside a link, nor a name.
    for expected in ["Un compte vous est ouvert", "An account is opened for you", CONTACT, "Hôpital d’essai"] {
        assert!(invitation.text.contains(expected), "{expected}: {}", invitation.text);
    }
    for never in ["ines\n", "Inès", "Delmas", "OnCall"] {
        assert!(!invitation.text.contains(never), "{never}: {}", invitation.text);
    }
    insta::assert_snapshot!("invitation", invitation.text.replace(&secret, "SECRET").replace("\r\n", "\n"));

    // By the link as it came.
    let address = ClientAddress::new([192, 0, 2, 7].into());
    site.desk.take_link(link_in(invitation), chosen(&site, 7), address).await.unwrap();
    let ines = site.comes_in(("ines", FIRST), 7).await;
    site.clock.advance(31);
    let (former, new) = (Secret::new(FIRST.to_owned()), Secret::new(SECOND.to_owned()));
    site.desk.change_password(&ines, former, new).await.unwrap();
    assert!(served(&mailing).await);
    let taken = server.taken();
    let told: Vec<_> = taken.iter().skip(1).map(|one| one.header("Subject").to_owned()).collect();
    assert_eq!(
        told,
        [
            "Vos moyens de connexion ont été choisis par un lien (Hôpital d’essai)",
            "Votre mot de passe a été changé (Hôpital d’essai)",
        ]
    );
    let warning = &taken[2].text;
    assert!(warning.contains("Firefox, Linux") && !warning.contains("Hello"), "{warning}");
    assert!(!warning.contains("/link/") && warning.contains("https://bureau.hopital.example/fr/session"), "{warning}");
    insta::assert_snapshot!("warning", warning.replace("\r\n", "\n"));
    assert!(!site.holds(TO) && !site.holds(&secret), "in clear on the disk");
}

#[tokio::test]
async fn an_alarm_is_told_to_those_who_manage_accounts_and_names_nobody() {
    let (site, server) = (Site::new().await, MailServer::start(Offers::StartTls, true));
    let mailing = site.mailing(server.settings());
    site.lets_in("solange", TO).await;
    assert!(served(&mailing).await);
    let before = server.taken().len();
    for n in 0..u8::try_from(signin::SPRAY_LOGINS).unwrap() {
        let from = ClientAddress::new([203, 0, 113, n].into());
        let given = Secret::new("rien de bon".to_owned());
        let ceremony = site.desk.first_step(&format!("personne{n}"), given, from).await.unwrap();
        assert!(site.desk.second_step_on(&ceremony, "000000", (from, "curl")).await.is_err());
    }
    assert_eq!(site.alarms.keep().await.unwrap(), 1);
    assert!(served(&mailing).await && !site.waits().await);
    let taken = server.taken();
    let [told] = &taken[before..] else { panic!("{taken:?}") };
    assert_eq!(told.to, [TO]);
    let subject = "Alarme\u{202f}: quelqu’un essaie des mots de passe sur beaucoup d’identifiants (Hôpital d’essai)";
    assert_eq!(told.header("Subject"), subject);
    assert!(!told.text.contains("203.0.113") && !told.text.contains("personne0"), "{}", told.text);
    insta::assert_snapshot!("alarm", told.text.replace("\r\n", "\n"));
}

#[tokio::test]
async fn what_cannot_leave_safely_stays_and_leaves_once_it_can() {
    let (site, mut server) = (Site::new().await, MailServer::start(Offers::StartTls, true));
    let secret = site.invites("ines", TO).await;
    let clear = MailServer::start(Offers::Nothing, false);
    server.stop();
    let down = server.settings();
    server.resume();
    let stranger = server.settings_with(&Authority::default().pem(), Some(LOGIN));
    let password = server.settings_with(&server.authority.pem(), Some((LOGIN.0, "un autre")));
    for (settings, what) in [(stranger, "authority"), (clear.settings(), "no TLS"), (password, "password")] {
        let round = site.mailing(settings).round().await.unwrap();
        assert!(matches!(round, Round::Fails(_)), "{what}");
        assert!(site.waits().await && server.taken().is_empty() && clear.taken().is_empty(), "{what}");
        site.clock.advance(1801);
    }
    server.stop();
    let mailing = site.mailing(down);
    assert!(matches!(mailing.round().await.unwrap(), Round::Fails(MailError::Unreachable(_))));
    server.resume();
    assert!(matches!(mailing.round().await.unwrap(), Round::Nothing), "not before its turn");
    site.clock.advance(1801);
    // A recipient that is refused keeps nobody else waiting.
    server.refuse(TO);
    site.invites("sacha", "sacha@hopital.example").await;
    assert!(served(&mailing).await && site.waits().await);
    assert_eq!(server.taken().iter().map(|one| one.to[0].as_str()).collect::<Vec<_>>(), ["sacha@hopital.example"]);
    server.refuse("");
    site.clock.advance(1801);
    assert!(served(&mailing).await && !site.waits().await);
    assert!(matches!(mailing.round().await.unwrap(), Round::Nothing), "once");
    let taken = server.taken();
    assert!(taken.len() == 2 && link_in(&taken[1]) == secret);
}

#[tokio::test]
async fn two_nodes_send_each_message_once_by_themselves_and_say_how_they_do() {
    let (site, mut server) = (Site::new().await, MailServer::prepare(Offers::Implicit, false));
    let other = Site::node("deux", site.folder.clone(), Some(site.clock.clone())).await;
    for n in 0..6 {
        site.invites(&format!("p{n}"), &format!("p{n}@hopital.example")).await;
    }
    // The server is down for long: told, and nothing is lost.
    site.clock.advance(1000);
    let health = [Health::new(), Health::new()];
    let sending: Vec<_> = [&site, &other]
        .into_iter()
        .zip(&health)
        .map(|(node, health)| tokio::spawn(node.mailing(server.settings()).send(health.check("mail"))))
        .collect();
    let until = async |what: &str, done: &mut dyn FnMut() -> bool| {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(120), "{what}");
            sleep(Duration::from_millis(100)).await;
            site.clock.advance(1);
        }
    };
    let degraded = |health: &Health| matches!(health.overall(), State::Degraded(why) if why.contains("waiting"));
    until("degraded", &mut || health.iter().all(degraded)).await;
    server.resume();
    let mut looked = 0;
    until("sent", &mut || {
        looked += 1;
        // What was taken while the server was down has its next turn; nobody is sending for so long.
        site.clock.advance(if looked % 100 == 0 { 600 } else { 0 });
        server.taken().len() == 6
    })
    .await;
    sleep(Duration::from_secs(3)).await;
    let mut to: Vec<_> = server.taken().iter().map(|one| one.to[0].clone()).collect();
    to.sort_unstable();
    assert_eq!(to, (0..6).map(|n| format!("p{n}@hopital.example")).collect::<Vec<_>>(), "each once");
    assert!(!site.waits().await);
    for task in sending {
        task.abort();
    }
}

#[tokio::test]
async fn whether_the_server_answers_is_told_before_a_node_starts() {
    let (site, mut server) = (Site::new().await, MailServer::start(Offers::StartTls, true));
    let of = |settings| site.mailing(settings).config;
    assert_eq!(reach(of(server.settings())).await, Ok("localhost answers over TLS".to_owned()));
    let password = server.settings_with(&server.authority.pem(), Some((LOGIN.0, "un autre")));
    assert_eq!(reach(of(password)).await, Err(MailError::Login.to_string()));
    let settings = server.settings();
    server.stop();
    assert!(reach(of(settings)).await.is_err_and(|why| why.contains("cannot be reached")));
}
