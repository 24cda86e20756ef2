//! Accounts and sign-in over a real OpenLDAP, and a real Active Directory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../../../keep/directory/tests/peers/mod.rs"]
mod peers;

use super::*;
use crate::node::{DESK_ROLES, Ground, Keep};
use identity::{SessionLimits, TotpSecret};
use journal::{Journal, JournalConfig};
use peers::{
    OpenLdap, group, group_dn, person, person_dn,
    samba::{PASSWORD, Samba},
};
use signin::{Accounts, Chosen, Enrolment, Held, NewAccount, SecondStepError, SignInService, SignedIn};
use std::{collections::BTreeMap, sync::atomic::AtomicI64};
use store::StoreConfig;
use types::{AccountState, ClientAddress, Clock, Door, IdentityProof, Lang, LifeReason, Secret, SystemActor};
use vault::{Holder, MasterKey};

const HERE: EstablishmentId = EstablishmentId::from_bytes([4; 16]);
const LOCAL: &str = "Vingt-7 herons gris au gué";

#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A desk, its local administrator, and a directory.
struct Site<S> {
    _folder: tempfile::TempDir,
    clock: HandClock,
    /// The administrator's session.
    admin: String,
    server: S,
    hospital: Arc<Hospital>,
    desk: SignInService,
    accounts: Accounts,
    enrolment: Enrolment,
    following: Arc<Following>,
}

/// Camille is on call by a group within a group, Dominique the data protection officer, Sacha both, of which being on call comes first.
fn entries() -> String {
    [
        person("camille", "Camille", "Essai"),
        person("dominique", "Dominique", "Modele"),
        person("sacha", "Sacha", "Exemple"),
        person("ailleurs", "Alix", "Dehors"),
        group("equipe", &[person_dn("camille")]),
        group("garde", &[group_dn("equipe"), person_dn("sacha")]),
        group("bureau", &[person_dn("dominique"), person_dn("sacha")]),
    ]
    .concat()
}

impl Site<OpenLdap> {
    async fn new(entries: &str) -> Self {
        let server = OpenLdap::start(entries);
        let (settings, trust) = (server.settings(&[&group_dn("garde"), &group_dn("bureau")]), server.trust());
        Self::over(server, settings, trust).await
    }
}

impl<S> Site<S> {
    /// Over a directory whose first group is on call, and whose second the data protection officer's.
    async fn over(server: S, settings: ::directory::Settings, trust: Arc<trust::Trust>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let master = MasterKey::create(&path("master")).unwrap();
        let store = StoreConfig {
            url: format!("sqlite:{}", path("poterne.db").display()),
            readers_max: 4,
            wait: Duration::from_secs(30),
            demonstration: false,
        };
        let clock = HandClock(Arc::new(AtomicI64::new(1_790_000_000_000_000)));
        let (store, door) = store::open(&store).await.unwrap();
        let (folder_of, origin) = (|name: &str| path("data").join(name), "essai.test".to_owned());
        let config =
            JournalConfig { folder: folder_of("journal"), month_keys: folder_of("vault"), origin, reserve_slots: 64 };
        let journal = Journal::open(config, &master, door, Arc::new(clock.clone())).await.unwrap();
        let policies = Arc::new(policy::Policies::built_in().unwrap());
        let keep = Keep { store, journal, policies, clock: Arc::new(clock.clone()), since: clock.now() };
        let establishments = [(HERE, "Hôpital d’essai".to_owned())];
        let enrolment = keep.enrolling(&master, SystemActor::Operator).0;
        enrolment.establishment(HERE, "Hôpital d’essai").await.unwrap();
        let config = config::Directory {
            directory: ::directory::Directory::open(settings),
            reached: Vec::new(),
            servers: 1,
            trusted: config::Trusted { trust, ca_pem: Vec::new(), lists: None },
            places: vec![(HERE, Role::OnCall), (HERE, Role::Dpo)],
            every: Duration::from_secs(900),
            leaving_percent_max: 20,
        };
        let hospital = Arc::new(Hospital::new(&config));
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
        let desk = ground.signin(Door::Desk, DESK_ROLES, limits).unwrap().with_staff(hospital.clone());
        let keys = || master.keys_for(Holder::Door(Door::Desk));
        let accounts = Accounts::new(keep.store.clone(), keep.journal.clone(), keep.policies.clone(), keys());
        accounts.delay_renewals(Duration::ZERO);
        let keeps = (keep.store.clone(), keep.journal.clone());
        let following = Following::new(keeps, keep.policies.clone(), keys(), hospital.clone(), (vec![HERE], 20));
        let following = Arc::new(following);
        let admin = String::new();
        let mut site = Self { _folder: folder, clock, admin, server, hospital, desk, accounts, enrolment, following };
        site.local("admin", Role::Administrator, 1).await;
        site.admin = site.comes_in("admin", LOCAL, 1).await.unwrap().0;
        site
    }

    async fn local(&self, login: &str, role: Role, second_factor: u8) {
        let new = NewAccount {
            login: login.to_owned(),
            display_name: "Solange Carn".to_owned(),
            role,
            supplier: None,
            password: Secret::new(LOCAL.to_owned()),
            totp: TotpSecret::from_bytes([second_factor; 20]),
        };
        self.enrolment.account(HERE, new).await.unwrap();
    }

    fn code(&self, second_factor: u8) -> String {
        let totp = totp_rs::Builder::new().with_secret([second_factor; 20]).build().unwrap();
        totp.generate(u64::try_from(self.clock.now().seconds()).unwrap()).to_string()
    }

    /// The administrator, as he asks again.
    async fn admin(&self) -> SignedIn {
        self.desk.resume(&self.admin, address(9)).await.unwrap()
    }

    async fn follow(&self) -> Followed {
        self.following.follow().await.unwrap()
    }

    /// The local administrator draws a link for him, and he takes it.
    async fn takes_a_link(&self, login: &str, second_factor: u8) {
        let (account, ..) = self.enrolment.account_named(login).await.unwrap().expect(login);
        let link =
            self.accounts.draw_link(&self.admin().await.authenticated, account, IdentityProof::Known).await.unwrap();
        let totp = TotpSecret::from_bytes([second_factor; 20]);
        let chosen = Chosen {
            password: Secret::new(String::new()),
            totp: Some(totp),
            code: self.code(second_factor),
            second: String::new(),
            lang: Lang::Fr,
            device: String::new(),
        };
        self.desk.take_link(link.secret.expose(), chosen, address(3)).await.unwrap();
    }

    /// Each time from another address and with another code, so that nobody waits for what was before.
    async fn comes_in(
        &self,
        login: &str,
        password: &str,
        second_factor: u8,
    ) -> Result<(String, SignedIn), SecondStepError> {
        self.clock.0.fetch_add(31_000_000, Ordering::SeqCst);
        static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(10);
        let from = address(NEXT.fetch_add(1, Ordering::Relaxed));
        let ceremony = self.desk.first_step(login, Secret::new(password.to_owned()), from).await.unwrap();
        let opened = self.desk.second_step(&ceremony, &self.code(second_factor), from).await?;
        let who = self.desk.resume(&opened.cookie, from).await.unwrap();
        Ok((opened.cookie, who))
    }

    async fn is_open(&self, cookie: &str) -> bool {
        self.desk.resume(cookie, address(9)).await.is_ok()
    }

    async fn life(&self, login: &str) -> (AccountState, Option<LifeReason>) {
        let (account, ..) = self.enrolment.account_named(login).await.unwrap().expect(login);
        let sheet = self.accounts.one(&self.admin().await.authenticated, account).await.unwrap();
        (sheet.seen.state, sheet.reason)
    }
}

fn address(last: u8) -> ClientAddress {
    ClientAddress::new([192, 0, 2, last].into())
}

fn refused<T>(result: Result<T, SecondStepError>) -> SecondStepError {
    result.err().expect("he did not come in")
}

#[tokio::test]
async fn the_staff_comes_in_by_the_directory_and_goes_as_it_says() {
    let site = Site::new(&entries()).await;
    assert_eq!(site.follow().await, Followed { arrived: 3, ..Followed::default() });
    for (login, second_factor) in [("camille", 2), ("dominique", 3), ("sacha", 4)] {
        site.takes_a_link(login, second_factor).await;
    }
    // The directory's password, and a code: neither alone, nor the other's, nor a question in the login.
    for (login, password, second_factor) in [
        ("camille", "clef dominique", 2),
        ("camille", "", 2),
        ("camille", "clef camille", 3),
        ("*", "clef camille", 2),
        (")(uid=*", "clef camille", 2),
        ("camille)(uid=*", "clef camille", 2),
        ("camille\0", "clef camille", 2),
        ("ailleurs", "clef ailleurs", 2),
        (&"a".repeat(5_000), "clef camille", 2),
    ] {
        assert_eq!(refused(site.comes_in(login, password, second_factor).await), SecondStepError::Refused, "{login:?}");
    }
    let (camille, who) = site.comes_in("camille", "clef camille", 2).await.unwrap();
    assert_eq!((who.role, who.display_name.as_str()), (Role::OnCall, "Camille Essai"));
    let (dominique, who) = site.comes_in("Dominique", "clef dominique", 3).await.unwrap();
    assert_eq!(who.role, Role::Dpo);
    let (sacha, who) = site.comes_in("sacha", "clef sacha", 4).await.unwrap();
    assert_eq!(who.role, Role::OnCall, "the first of the groups");
    for cookie in [&camille, &dominique, &sacha] {
        assert!(site.is_open(cookie).await);
    }

    // One leaves mid-session, one is disabled, one changes groups: at once at the next sign-in, and by the next round.
    site.server.change(&format!(
        "dn: {}\nchangetype: delete\n\n\
         dn: {}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n\n\
         dn: {}\nchangetype: modify\ndelete: member\nmember: {}\n",
        person_dn("camille"),
        person_dn("dominique"),
        group_dn("garde"),
        person_dn("sacha"),
    ));
    for (login, second_factor) in [("camille", 2), ("dominique", 3), ("sacha", 4)] {
        let came = site.comes_in(login, &format!("clef {login}"), second_factor).await;
        assert_eq!(refused(came), SecondStepError::Refused, "{login}");
    }
    assert_eq!(site.follow().await, Followed { left: 2, changed: 1, ..Followed::default() });
    for cookie in [&camille, &dominique, &sacha] {
        assert!(!site.is_open(cookie).await);
    }
    assert_eq!(site.life("camille").await, (AccountState::Blocked, Some(LifeReason::Departure)));
    assert_eq!(site.life("dominique").await, (AccountState::Suspended, Some(LifeReason::Directory)));
    let (_, who) = site.comes_in("sacha", "clef sacha", 4).await.unwrap();
    assert_eq!(who.role, Role::Dpo);
}

/// The same over Active Directory, on whose ports only root may listen.
#[tokio::test]
#[ignore = "needs root: Active Directory's ports, at an address of its own"]
async fn the_staff_comes_in_by_active_directory_and_goes_as_it_says() {
    let samba = Samba::start();
    samba.user("poterne", "Poterne", "Service", &[]);
    for (login, given_name, family_name) in
        [("camille", "Camille", "Essai"), ("dominique", "Dominique", "Modele"), ("sacha", "Sacha", "Exemple")]
    {
        samba.user(login, given_name, family_name, &[]);
    }
    for (group, of) in [("equipe", "camille"), ("garde", "equipe,sacha"), ("bureau", "dominique,sacha")] {
        samba.tool(&["group", "add", group]);
        samba.tool(&["group", "addmembers", group, of]);
    }
    let (settings, trust) = (samba.ldaps(&["garde", "bureau"]), peers::trust(&samba.authority.pem()));
    let site = Site::over(samba, settings, trust).await;
    assert_eq!(site.follow().await, Followed { arrived: 3, ..Followed::default() });
    let mut sessions = Vec::new();
    for (login, second_factor, role) in
        [("camille", 2, Role::OnCall), ("dominique", 3, Role::Dpo), ("sacha", 4, Role::OnCall)]
    {
        site.takes_a_link(login, second_factor).await;
        for wrong in ["", "Une-autre-2026!", "*"] {
            assert_eq!(refused(site.comes_in(login, wrong, second_factor).await), SecondStepError::Refused, "{login}");
        }
        let (cookie, who) = site.comes_in(login, PASSWORD, second_factor).await.unwrap();
        assert_eq!(who.role, role, "{login}, by the first of his groups, and by those that are in it");
        sessions.push(cookie);
    }
    for cookie in &sessions {
        assert!(site.is_open(cookie).await);
    }

    // Mid-session one leaves, one is disabled, one leaves a group, in the domain.
    site.server.tool(&["user", "delete", "camille"]);
    site.server.tool(&["user", "disable", "dominique"]);
    site.server.tool(&["group", "removemembers", "garde", "sacha"]);
    for (login, second_factor) in [("camille", 2), ("dominique", 3), ("sacha", 4)] {
        let came = site.comes_in(login, PASSWORD, second_factor).await;
        assert_eq!(refused(came), SecondStepError::Refused, "{login}");
    }
    assert_eq!(site.follow().await, Followed { left: 2, changed: 1, ..Followed::default() });
    for cookie in &sessions {
        assert!(!site.is_open(cookie).await);
    }
    assert_eq!(site.life("camille").await, (AccountState::Blocked, Some(LifeReason::Departure)));
    assert_eq!(site.life("dominique").await, (AccountState::Suspended, Some(LifeReason::Directory)));
    let (sacha, who) = site.comes_in("sacha", PASSWORD, 4).await.unwrap();
    assert_eq!(who.role, Role::Dpo);

    // A password that must be changed there opens nothing here, and ends nothing that is open.
    site.server.tool(&["user", "setpassword", "sacha", "--newpassword=Une-autre-2026!", "--must-change-at-next-login"]);
    for password in [PASSWORD, "Une-autre-2026!"] {
        assert_eq!(refused(site.comes_in("sacha", password, 4).await), SecondStepError::Refused);
    }
    assert!(site.is_open(&sacha).await);
}

#[tokio::test]
async fn a_directory_that_is_down_ends_nothing_and_says_so() {
    let mut site = Site::new(&entries()).await;
    site.local("astreinte", Role::OnCall, 7).await;
    site.follow().await;
    site.takes_a_link("camille", 2).await;
    let (camille, _) = site.comes_in("camille", "clef camille", 2).await.unwrap();
    site.server.stop();
    assert!(matches!(site.following.follow().await, Err(FollowError::Silent(_))));
    assert!(site.is_open(&camille).await);
    for (login, password, code) in [("camille", "clef camille", 2), ("personne", "clef camille", 2)] {
        assert_eq!(refused(site.comes_in(login, password, code).await), SecondStepError::NoDirectory, "{login}");
    }
    // Somebody whose password is kept here comes in as ever.
    assert_eq!(site.comes_in("astreinte", LOCAL, 7).await.unwrap().1.role, Role::OnCall);
    site.server.resume();
    assert_eq!(site.follow().await, Followed::default());
    site.comes_in("camille", "clef camille", 2).await.unwrap();
    assert!(site.hospital.answers());
}

#[tokio::test]
async fn an_emptied_group_and_a_login_taken_wait_for_a_person() {
    let people: Vec<String> = (0..7).map(|n| format!("p{n}")).collect();
    let members: Vec<String> = people.iter().map(|login| person_dn(login)).collect();
    let entries: String = people.iter().map(|login| person(login, "Prénom", "Nom")).collect();
    let groups = [group("garde", &members), group("bureau", &[person_dn("admin")])].concat();
    let site = Site::new(&format!("{entries}{}{groups}", person("admin", "Prénom", "Nom"))).await;
    let held = BTreeMap::from([(Held::LoginTaken, 1)]);
    assert_eq!(site.follow().await, Followed { arrived: 7, held: held.clone(), ..Followed::default() });
    for (n, login) in (10..).zip(&people) {
        site.takes_a_link(login, n).await;
    }
    let (session, _) = site.comes_in("p0", "clef p0", 10).await.unwrap();
    let empty =
        format!("dn: {}\nchangetype: modify\nreplace: member\nmember: {}\n", group_dn("garde"), person_dn("nul"));
    site.server.change(&empty);
    let stopped = site.following.follow().await.err().unwrap();
    assert!(matches!(stopped, FollowError::TooManyLeave { leaving: 7, of: 7 }), "{stopped}");
    assert!(site.is_open(&session).await);
    // A group that is gone is not an empty one.
    site.server.change(&format!("dn: {}\nchangetype: delete\n", group_dn("garde")));
    assert!(matches!(site.following.follow().await, Err(FollowError::Silent(_))));
    assert!(site.is_open(&session).await);
    // The local administrator is nobody of the directory, whatever his login is there.
    assert_eq!(refused(site.comes_in("admin", "clef admin", 1).await), SecondStepError::NoDirectory);
    site.comes_in("admin", LOCAL, 1).await.unwrap();
}

/// What the probe of the directory says, over the real one, as rounds do not come.
#[tokio::test]
async fn the_probe_sees_who_keeps_what_the_directory_took_away() {
    use crate::probes::following::FollowingProbe;
    use dossier::{Probe as _, ProbeOutcome, probe_named};

    let mut site = Site::new(&entries()).await;
    let clock: Arc<dyn Clock> = Arc::new(site.clock.clone());
    let made = |followed| FollowingProbe::new(probe_named("directory").unwrap(), followed, clock.clone());
    let probe = made(Some((site.following.clone(), Duration::from_secs(900))));
    let later = || site.clock.0.fetch_add(1_021_000_000, Ordering::SeqCst);
    assert_eq!(probe.run().await, ProbeOutcome::Partial("no account of the directory is in use here yet".into()));
    site.follow().await;
    for (login, second_factor) in [("camille", 2), ("dominique", 3)] {
        site.takes_a_link(login, second_factor).await;
    }
    let proved = |outcome: ProbeOutcome| matches!(&outcome, ProbeOutcome::Proved(_)).then(|| format!("{outcome:?}"));
    assert!(proved(probe.run().await).unwrap().contains("none of its 2 accounts"));

    // One leaves, one changes groups; no round comes. Within the delay that is as it should be, after it it is not.
    site.server.change(&format!(
        "dn: {}\nchangetype: delete\n\n\
         dn: {}\nchangetype: modify\nadd: member\nmember: {}\n",
        person_dn("camille"),
        group_dn("garde"),
        person_dn("dominique"),
    ));
    assert!(proved(probe.run().await).unwrap().contains("2 within its delay"));
    later();
    let told = ProbeOutcome::Failed("2 accounts keep what the directory took away more than 17 min ago".into());
    assert_eq!(probe.run().await, told);
    assert_eq!(site.follow().await, Followed { left: 1, changed: 1, ..Followed::default() });
    assert!(proved(probe.run().await).unwrap().contains("none of its 1 accounts"), "and dominique is on call");

    // Somebody new without an account: nothing is open that should not be.
    let new = [person("robin", "Robin", "Nouveau")].concat();
    site.server.change(&format!(
        "{}\ndn: {}\nchangetype: modify\nadd: member\nmember: {}\n",
        new.replacen("objectClass:", "changetype: add\nobjectClass:", 1),
        group_dn("garde"),
        person_dn("robin"),
    ));
    assert!(proved(probe.run().await).is_some());
    later();
    assert!(matches!(probe.run().await, ProbeOutcome::Partial(what) if what.starts_with("1 people of the directory")));

    site.server.stop();
    assert!(matches!(probe.run().await, ProbeOutcome::CouldNotRun(_)));
    assert!(matches!(made(None).run().await, ProbeOutcome::CouldNotRun(_)));
}
