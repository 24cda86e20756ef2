//! People whose password the hospital's directory keeps, and accounts that follow it.

use super::*;
use crate::{
    AccountQuery, AccountSheet, Accounts, Answering, Chosen, DrawnLink, FollowError, Followed, Following, Held,
    LinkError, OwnError, Provider, Shown, Silent, Staff, StaffMember,
};
use std::{collections::BTreeMap, sync::Mutex, sync::atomic::AtomicBool};
use types::{AccountState, IdentityProof, LifeReason};

const KEY: &str = "clef de l’annuaire";
const ALL: &[Role] = &[Role::Dpo, Role::Administrator, Role::OnCall, Role::SecurityOfficer];

/// A directory in memory, which remembers what it was asked.
#[derive(Default)]
struct Paper {
    members: Mutex<BTreeMap<String, StaffMember>>,
    asked: Mutex<Vec<(String, String)>>,
    is_silent: AtomicBool,
    again: AtomicBool,
}

impl Paper {
    fn put(&self, key: &str, login: &str, role: Option<Role>) {
        let member = StaffMember {
            key: key.into(),
            login: login.into(),
            given_name: "Inès".into(),
            family_name: "Delmas".into(),
            is_usable: true,
            place: role.map(|role| (HERE, role)),
        };
        self.members.lock().unwrap().insert(key.into(), member);
    }

    fn change(&self, key: &str, change: impl FnOnce(&mut StaffMember)) {
        change(self.members.lock().unwrap().get_mut(key).unwrap());
    }

    fn gone(&self, key: &str) {
        self.members.lock().unwrap().remove(key);
    }

    fn silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::SeqCst);
    }

    fn asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn said<T>(&self, what: impl FnOnce(&BTreeMap<String, StaffMember>) -> T) -> Result<T, Silent> {
        match self.answers() {
            true => Ok(what(&self.members.lock().unwrap())),
            false => Err(Silent("down".into())),
        }
    }
}

impl Provider for Paper {
    type Person = StaffMember;

    fn identify<'a>(&'a self, shown: Shown<'a>, _: Time) -> Answering<'a, Option<StaffMember>> {
        let Shown::Password { of: key, password } = shown;
        self.asked.lock().unwrap().push((key.into(), password.expose().clone()));
        let found =
            self.said(|members| members.get(key).filter(|one| one.is_usable && password.expose() == KEY).cloned());
        Box::pin(async { found })
    }

    fn answers(&self) -> bool {
        !self.is_silent.load(Ordering::SeqCst)
    }
}

impl Staff for Paper {
    fn find<'a>(&'a self, key: &'a str, _: Time) -> Answering<'a, Option<StaffMember>> {
        let found = self.said(|members| members.get(key).cloned());
        Box::pin(async { found })
    }

    fn members(&self, _: Time) -> Answering<'_, Vec<StaffMember>> {
        let found = self.said(|members| members.values().filter(|one| one.place.is_some()).cloned().collect());
        Box::pin(async { found })
    }

    fn look_again(&self) {
        self.again.store(true, Ordering::SeqCst);
    }
}

/// A desk, its administrator, and a directory that it follows.
struct House {
    it: Fixture,
    paper: Arc<Paper>,
    desk: SignInService,
    accounts: Accounts,
    /// The administrator's session.
    admin: Opened,
    following: Following,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        let it = fixture(database).await;
        it.enrol("admin", Role::Administrator, 1).await.unwrap();
        let (paper, keys) = (Arc::new(Paper::default()), || it.master.keys_for(Holder::Door(Door::Desk)));
        let (store, journal, policies) = (it.store.clone(), it.journal.clone(), it.policies.clone());
        let accounts = Accounts::new(store.clone(), journal.clone(), policies.clone(), keys());
        accounts.delay_renewals(Duration::ZERO);
        let following = Following::new((store, journal), policies, keys(), paper.clone(), (vec![HERE], 20));
        let desk = it.door(Door::Desk, ALL).with_staff(paper.clone());
        let admin = signed_in(&it, &desk, "admin", 1).await;
        Self { paper, desk, accounts, admin, following, it }
    }

    /// The administrator, as he asks again.
    async fn admin(&self) -> SignedIn {
        self.desk.resume(&self.admin.cookie, address(9)).await.unwrap()
    }

    /// A link for somebody's means, once a second person has confirmed it.
    async fn confirmed_link(&self, account: AccountId) -> (DrawnLink, String) {
        self.it.enrol("garde", Role::SecurityOfficer, 2).await.unwrap();
        let officer = signed_in(&self.it, &self.desk, "garde", 2).await;
        let officer = self.desk.resume(&officer.cookie, address(9)).await.unwrap();
        let who = self.admin().await.authenticated;
        let link = self.accounts.draw_link(&who, account, IdentityProof::Known).await.unwrap();
        assert!(link.waits);
        let code = self.accounts.confirm_link(&officer.authenticated, account, link.id).await.unwrap();
        (link, code.0.expose().clone())
    }

    async fn follow(&self) -> Followed {
        self.following.follow().await.unwrap()
    }

    async fn id(&self, login: &str) -> AccountId {
        self.it.enrolment.account_named(login).await.unwrap().expect(login).0
    }

    async fn sheet(&self, login: &str) -> AccountSheet {
        self.accounts.one(&self.admin().await.authenticated, self.id(login).await).await.unwrap()
    }

    /// State, reason, role.
    async fn life(&self, login: &str) -> (AccountState, Option<LifeReason>, Role) {
        let sheet = self.sheet(login).await;
        (sheet.seen.state, sheet.reason, sheet.seen.role)
    }

    /// A link is drawn for him and he takes it, with a second factor and nothing else.
    async fn takes_a_link(&self, login: &str, second_factor: u8) -> Result<(), LinkError> {
        let account = self.id(login).await;
        let link =
            self.accounts.draw_link(&self.admin().await.authenticated, account, IdentityProof::Known).await.unwrap();
        let totp = TotpSecret::from_bytes([second_factor; 20]);
        let chosen = Chosen {
            password: Secret::new(String::new()),
            totp: Some(totp),
            code: self.it.code(second_factor),
            second: String::new(),
            lang: Lang::Fr,
            device: String::new(),
        };
        let taken = self.desk.take_link(link.secret.expose(), chosen, address(3)).await;
        self.it.clock.advance(31);
        taken
    }

    /// Somebody of the directory, on call, his account in use.
    async fn on_call(&self, key: &str, login: &str, second_factor: u8) {
        self.paper.put(key, login, Some(Role::OnCall));
        assert_eq!(self.follow().await.arrived, 1);
        self.takes_a_link(login, second_factor).await.unwrap();
    }

    /// Each time from another address and with another code.
    async fn comes_in(&self, login: &str, password: &str, second_factor: u8) -> Result<SignedIn, SecondStepError> {
        static NEXT: AtomicU32 = AtomicU32::new(100);
        let from = address(u8::try_from(NEXT.fetch_add(1, Ordering::Relaxed) % 256).unwrap());
        self.it.clock.advance(31);
        let ceremony = self.desk.first_step(login, Secret::new(password.into()), from).await.unwrap();
        let opened = self.desk.second_step(&ceremony, &self.it.code(second_factor), from).await?;
        Ok(self.desk.resume(&opened.cookie, from).await.unwrap())
    }

    /// A session that he opened, to be looked at later.
    async fn opened(&self, login: &str, second_factor: u8) -> Opened {
        self.it.clock.advance(31);
        let ceremony = self.desk.first_step(login, Secret::new(KEY.into()), address(9)).await.unwrap();
        self.desk.second_step(&ceremony, &self.it.code(second_factor), address(9)).await.unwrap()
    }

    async fn is_open(&self, session: &Opened) -> bool {
        self.desk.resume(&session.cookie, address(9)).await.is_ok()
    }
}

async fn signed_in(it: &Fixture, desk: &SignInService, login: &str, second_factor: u8) -> Opened {
    let ceremony = desk.first_step(login, Secret::new(PASSWORD.into()), address(9)).await.unwrap();
    desk.second_step(&ceremony, &it.code(second_factor), address(9)).await.unwrap()
}

fn refused<T>(result: Result<T, SecondStepError>) -> SecondStepError {
    result.err().expect("he did not come in")
}

async fn somebody_new_waits_for_a_link_and_then_comes_in_by_the_directory(database: &TestDatabase) {
    let house = House::new(database).await;
    house.paper.put("k1", " Ines ", Some(Role::OnCall));
    assert_eq!(house.follow().await, Followed { arrived: 1, ..Followed::default() });
    assert_eq!(house.follow().await, Followed::default(), "once");
    assert_eq!(house.life("ines").await, (AccountState::Invited, None, Role::OnCall));
    assert_eq!(refused(house.comes_in("ines", KEY, 7).await), SecondStepError::Refused, "not before");

    let account = house.id("ines").await;
    let link =
        house.accounts.draw_link(&house.admin().await.authenticated, account, IdentityProof::Known).await.unwrap();
    let welcome = house.desk.link(link.secret.expose(), address(3)).await.unwrap();
    assert_eq!((welcome.display_name.as_str(), welcome.with_password), ("Inès Delmas", false));
    house.takes_a_link("ines", 7).await.unwrap();
    assert_eq!(house.paper.asked(), [], "nobody asked it anything yet");
    let ines = house.comes_in("ines", KEY, 7).await.unwrap();
    assert_eq!((ines.account, ines.role, ines.display_name.as_str()), (account, Role::OnCall, "Inès Delmas"));
    assert!(!ines.password_due);
    assert_eq!(house.paper.asked(), [("k1".to_owned(), KEY.to_owned())]);
}
both!(somebody_new_waits_for_a_link_and_then_comes_in_by_the_directory);

async fn what_is_kept_in_the_place_of_its_password_is_not_hashed_again(database: &TestDatabase) {
    let house = House::new(database).await;
    house.on_call("k1", "ines", 7).await;
    let account = house.id("ines").await;
    rehash::make_old(&house.it, &house.desk, account).await;
    // Not even by the password that this one is of.
    for (n, password) in (0..).zip([KEY, PASSWORD]) {
        let tried = house.comes_in("ines", password, 7).await;
        assert_eq!(tried.is_ok(), n == 0, "the directory's opens it");
        assert_eq!(rehash::kept(&house.desk, account).await.1.password_phc, rehash::OLD);
    }
}
both!(what_is_kept_in_the_place_of_its_password_is_not_hashed_again);

async fn only_a_right_code_has_the_directory_asked_and_only_of_its_own_people(database: &TestDatabase) {
    let house = House::new(database).await;
    house.on_call("k1", "ines", 7).await;
    let long = "é".repeat(300);
    for (login, password, code) in [
        ("ines", KEY, 8),
        ("ines", "une autre clef", 8),
        ("personne", KEY, 7),
        ("*", KEY, 7),
        (")(uid=*", KEY, 7),
        ("ines\0", KEY, 7),
        (long.as_str(), KEY, 7),
        // One's own password is kept here: the directory never hears it, right or wrong.
        ("admin", PASSWORD, 2),
        ("admin", KEY, 1),
        // Nobody's password is empty, nor too long.
        ("ines", "", 7),
        ("ines", &long, 7),
    ] {
        assert_eq!(refused(house.comes_in(login, password, code).await), SecondStepError::Refused, "{login:?}");
        assert_eq!(house.paper.asked(), [], "{login:?} {code}");
    }
    house.comes_in("admin", PASSWORD, 1).await.unwrap();
    assert_eq!(house.paper.asked(), []);
    // With a right code it is asked once for each attempt, and a wrong answer makes the next one wait as anybody's.
    let first = house.desk.first_step("ines", Secret::new("une autre clef".into()), address(9)).await.unwrap();
    house.it.clock.advance(31);
    assert_eq!(refused(house.desk.second_step(&first, &house.it.code(7), address(9)).await), SecondStepError::Refused);
    let soon = house.desk.second_step(&first, &house.it.code(7), address(9)).await;
    assert!(matches!(refused(soon), SecondStepError::TooMany(_)));
    assert_eq!(house.paper.asked().len(), 1);
    // However many ask at once with one code, from wherever, it is asked once.
    house.it.clock.advance(31);
    let guesses = (0..8).map(|n| {
        let (desk, from, code) = (house.desk.clone(), address(70 + n), house.it.code(7));
        tokio::spawn(async move {
            let ceremony = desk.first_step("ines", Secret::new(format!("essai {n}")), from).await.unwrap();
            desk.second_step(&ceremony, &code, from).await.is_ok()
        })
    });
    for guess in guesses.collect::<Vec<_>>() {
        assert!(!guess.await.unwrap());
    }
    assert_eq!(house.paper.asked().len(), 1);
    house.comes_in("ines", KEY, 7).await.unwrap();
    // What travels between the two pages is as long for everybody, and says nothing.
    let mut lengths = Vec::new();
    for login in ["ines", "admin", "personne"] {
        for password in ["", KEY, &long] {
            lengths.push(house.desk.first_step(login, Secret::new(password.into()), address(10)).await.unwrap().len());
        }
    }
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}
both!(only_a_right_code_has_the_directory_asked_and_only_of_its_own_people);

async fn who_leaves_has_his_sessions_ended_and_does_not_come_in(database: &TestDatabase) {
    let house = House::new(database).await;
    house.on_call("k1", "ines", 7).await;
    house.on_call("k2", "noe", 8).await;
    house.on_call("k3", "lou", 9).await;
    let sessions = [house.opened("ines", 7).await, house.opened("noe", 8).await, house.opened("lou", 9).await];
    // One is gone, one is in no group, one is disabled: refused at once, before accounts have followed.
    house.paper.gone("k1");
    house.paper.change("k2", |member| member.place = None);
    house.paper.change("k3", |member| member.is_usable = false);
    for (login, code, session) in [("ines", 7, &sessions[0]), ("noe", 8, &sessions[1]), ("lou", 9, &sessions[2])] {
        assert_eq!(refused(house.comes_in(login, KEY, code).await), SecondStepError::Refused);
        assert!(house.paper.again.swap(false, Ordering::SeqCst), "{login}: all are looked at again");
        assert!(house.is_open(session).await);
    }
    assert_eq!(house.follow().await, Followed { left: 3, ..Followed::default() });
    for session in &sessions {
        assert!(!house.is_open(session).await);
    }
    let directory = Some(LifeReason::Directory);
    assert_eq!(house.life("ines").await, (AccountState::Blocked, Some(LifeReason::Departure), Role::OnCall));
    assert_eq!(house.life("noe").await, (AccountState::Suspended, directory, Role::OnCall));
    assert_eq!(house.life("lou").await, (AccountState::Suspended, directory, Role::OnCall));
    assert_eq!(house.follow().await, Followed::default(), "once");

    // Who is back in a group comes in again; who had gone is reopened by a person.
    house.paper.change("k2", |member| member.place = Some((HERE, Role::OnCall)));
    house.paper.put("k1", "ines", Some(Role::OnCall));
    assert_eq!(house.follow().await, Followed { changed: 1, ..Followed::default() });
    house.comes_in("noe", KEY, 8).await.unwrap();
    assert_eq!(refused(house.comes_in("ines", KEY, 7).await), SecondStepError::Refused);
    let back = (AccountState::Active, LifeReason::Back);
    house.accounts.change_state(&house.admin().await.authenticated, house.id("ines").await, back).await.unwrap();
    house.comes_in("ines", KEY, 7).await.unwrap();
    // What a person suspended, the directory does not give back.
    let absence = (AccountState::Suspended, LifeReason::Absence);
    house.accounts.change_state(&house.admin().await.authenticated, house.id("noe").await, absence).await.unwrap();
    assert_eq!(house.follow().await, Followed::default());
    assert_eq!(house.life("noe").await.0, AccountState::Suspended);
}
both!(who_leaves_has_his_sessions_ended_and_does_not_come_in);

async fn a_silent_directory_takes_nothing_away_and_everybody_is_told_alike(database: &TestDatabase) {
    let house = House::new(database).await;
    house.on_call("k1", "ines", 7).await;
    let session = house.opened("ines", 7).await;
    house.paper.silent(true);
    assert!(matches!(house.following.follow().await, Err(FollowError::Silent(_))));
    assert!(house.is_open(&session).await);
    for (login, password, code) in
        [("ines", KEY, 7), ("ines", KEY, 8), ("admin", "pas le bon", 1), ("personne", KEY, 7), ("admin", PASSWORD, 9)]
    {
        assert_eq!(refused(house.comes_in(login, password, code).await), SecondStepError::NoDirectory, "{login}");
    }
    // Those whose password is kept here come in.
    house.comes_in("admin", PASSWORD, 1).await.unwrap();
    house.paper.silent(false);
    house.comes_in("ines", KEY, 7).await.unwrap();
    // A door without a directory knows nobody of it.
    house.it.clock.advance(31);
    let bare = house.it.door(Door::Desk, ALL);
    let ceremony = bare.first_step("ines", Secret::new(KEY.into()), address(44)).await.unwrap();
    let refused = refused(bare.second_step(&ceremony, &house.it.code(7), address(44)).await);
    assert_eq!(refused, SecondStepError::NoDirectory);
}
both!(a_silent_directory_takes_nothing_away_and_everybody_is_told_alike);

async fn too_many_departures_at_once_wait_for_somebody_to_look(database: &TestDatabase) {
    let house = House::new(database).await;
    for n in 0..8 {
        house.on_call(&format!("k{n}"), &format!("p{n}"), 10 + n).await;
    }
    let session = house.opened("p0", 10).await;
    for n in 0..6 {
        house.paper.gone(&format!("k{n}"));
    }
    house.paper.put("k9", "nouveau", Some(Role::OnCall));
    let stopped = house.following.follow().await.err().unwrap();
    assert!(matches!(stopped, FollowError::TooManyLeave { leaving: 6, of: 8 }), "{stopped}");
    assert!(house.is_open(&session).await);
    assert_eq!(house.life("p0").await.0, AccountState::Active);
    assert_eq!(refused(house.comes_in("p0", KEY, 10).await), SecondStepError::Refused, "nobody comes in by that");
    house.paper.put("k5", "p5", Some(Role::OnCall));
    assert_eq!(house.follow().await, Followed { left: 5, arrived: 1, ..Followed::default() });
    assert!(!house.is_open(&session).await);
}
both!(too_many_departures_at_once_wait_for_somebody_to_look);

async fn names_and_roles_follow_and_one_over_others_takes_two_people(database: &TestDatabase) {
    let house = House::new(database).await;
    house.on_call("k1", "ines", 7).await;
    let session = house.opened("ines", 7).await;
    house.paper.change("k1", |member| (member.login, member.family_name) = ("ines.martin".into(), "Martin".into()));
    assert_eq!(house.follow().await, Followed { changed: 1, ..Followed::default() });
    assert!(house.is_open(&session).await, "a name ends nothing");
    assert_eq!(house.sheet("ines.martin").await.seen.display_name, "Inès Martin");
    house.comes_in("ines.martin", KEY, 7).await.unwrap();

    // Another role: refused as the former one, at once; then in it.
    house.paper.change("k1", |member| member.place = Some((HERE, Role::Dpo)));
    assert_eq!(refused(house.comes_in("ines.martin", KEY, 7).await), SecondStepError::Refused);
    assert_eq!(house.follow().await, Followed { changed: 1, ..Followed::default() });
    assert!(!house.is_open(&session).await, "a session is for a role");
    assert_eq!(house.comes_in("ines.martin", KEY, 7).await.unwrap().role, Role::Dpo);

    // A role that decides over others: what he had serves no more, and a link waits for a second person.
    let session = house.opened("ines.martin", 7).await;
    house.paper.change("k1", |member| member.place = Some((HERE, Role::Administrator)));
    assert_eq!(house.follow().await, Followed { left: 1, ..Followed::default() });
    assert!(!house.is_open(&session).await);
    assert_eq!(house.life("ines.martin").await, (AccountState::Invited, None, Role::Administrator));
    assert_eq!(refused(house.comes_in("ines.martin", KEY, 7).await), SecondStepError::Refused);
    assert_eq!(house.takes_a_link("ines.martin", 7).await, Err(LinkError::Waits));
    let (link, second) = house.confirmed_link(house.id("ines.martin").await).await;
    let totp = TotpSecret::from_bytes([8; 20]);
    let chosen = Chosen {
        password: Secret::new(String::new()),
        totp: Some(totp),
        code: house.it.code(8),
        second,
        lang: Lang::Fr,
        device: String::new(),
    };
    house.desk.take_link(link.secret.expose(), chosen, address(3)).await.unwrap();
    assert_eq!(house.comes_in("ines.martin", KEY, 8).await.unwrap().role, Role::Administrator);

    // Somebody new to such a role waits for two people likewise.
    house.paper.put("k2", "noe", Some(Role::SecurityOfficer));
    assert_eq!(house.follow().await.arrived, 1);
    assert_eq!(house.takes_a_link("noe", 9).await, Err(LinkError::Waits));
}
both!(names_and_roles_follow_and_one_over_others_takes_two_people);

async fn a_login_that_is_somebody_elses_is_taken_from_nobody(database: &TestDatabase) {
    let house = House::new(database).await;
    house.paper.put("k1", "ADMIN", Some(Role::OnCall));
    house.paper.put("k2", "*)(uid=*", Some(Role::OnCall));
    house.on_call_besides("k3", "lou").await;
    house.takes_a_link("lou", 9).await.unwrap();
    house.paper.change("k3", |member| member.login = "admin".into());
    let held = BTreeMap::from([(Held::LoginTaken, 2), (Held::BadName, 1)]);
    assert_eq!(house.follow().await, Followed { held, ..Followed::default() });
    house.comes_in("admin", PASSWORD, 1).await.unwrap();
    assert_eq!(refused(house.comes_in("admin", KEY, 1).await), SecondStepError::Refused);
    house.comes_in("lou", KEY, 9).await.unwrap();
    let all = house.accounts.list(&house.admin().await.authenticated, &AccountQuery::default()).await.unwrap();
    assert_eq!(all.accounts.len(), 2);
}
both!(a_login_that_is_somebody_elses_is_taken_from_nobody);

async fn a_name_that_cannot_be_taken_keeps_nobody_his_role(database: &TestDatabase) {
    for (login, held) in [("admin", Held::LoginTaken), ("a b", Held::BadName)] {
        let house = House::new(database).await;
        house.on_call("k1", "ines", 7).await;
        let session = house.opened("ines", 7).await;
        house.paper.change("k1", |member| {
            member.login = login.into();
            member.place = Some((HERE, Role::Dpo));
        });
        let held = BTreeMap::from([(held, 1)]);
        assert_eq!(house.follow().await, Followed { changed: 1, held, ..Followed::default() }, "{login}");
        assert!(!house.is_open(&session).await, "{login}");
        assert_eq!(house.life("ines").await.2, Role::Dpo, "under the name that he had");
        house.it.outside("DELETE FROM sessions").await;
        house.it.outside("DELETE FROM account_links").await;
        house.it.outside("DELETE FROM spare_codes").await;
        house.it.outside("DELETE FROM accounts").await;
    }
}
both!(a_name_that_cannot_be_taken_keeps_nobody_his_role);

impl House {
    async fn on_call_besides(&self, key: &str, login: &str) {
        self.paper.put(key, login, Some(Role::OnCall));
        assert_eq!(self.follow().await.arrived, 1);
    }
}

async fn the_last_administrator_stays_and_only_comes_in_no_more(database: &TestDatabase) {
    let house = House::new(database).await;
    house.paper.put("k1", "ines", Some(Role::Administrator));
    assert_eq!(house.follow().await.arrived, 1);
    let (link, second) = house.confirmed_link(house.id("ines").await).await;
    let totp = TotpSecret::from_bytes([8; 20]);
    let chosen = Chosen {
        password: Secret::new(String::new()),
        totp: Some(totp),
        code: house.it.code(8),
        second,
        lang: Lang::Fr,
        device: String::new(),
    };
    house.desk.take_link(link.secret.expose(), chosen, address(3)).await.unwrap();
    let session = house.opened("ines", 8).await;
    let ines = house.desk.resume(&session.cookie, address(9)).await.unwrap();
    let absence = (AccountState::Suspended, LifeReason::Absence);
    house.accounts.change_state(&ines.authenticated, house.id("admin").await, absence).await.unwrap();
    let tokens = super::tokens::tokens(&house.it, Door::Desk, ALL);
    let (_, token) = tokens.issue(&ines.authenticated, super::tokens::new_token(&house.it, 3600)).await.unwrap();
    assert!(tokens.resume(token.expose(), address(7)).await.is_ok());
    house.paper.gone("k1");
    let held = BTreeMap::from([(Held::LastAdministrator, 1)]);
    assert_eq!(house.follow().await, Followed { held, ..Followed::default() });
    assert!(!house.is_open(&session).await, "what is open ends all the same");
    assert!(tokens.resume(token.expose(), address(7)).await.is_err(), "his tokens too");
    assert_eq!(refused(house.comes_in("ines", KEY, 8).await), SecondStepError::Refused);
}
both!(the_last_administrator_stays_and_only_comes_in_no_more);

async fn ones_own_means_are_changed_by_the_directorys_password(database: &TestDatabase) {
    let house = House::new(database).await;
    house.on_call("k1", "ines", 7).await;
    let ines = house.comes_in("ines", KEY, 7).await.unwrap();
    let given = |text: &str| Secret::new(text.to_owned());
    let new = given("Vingt-7 herons gris au gué");
    assert_eq!(house.desk.change_password(&ines, given(KEY), new).await, Err(OwnError::Directory));
    let other = || TotpSecret::from_bytes([8; 20]);
    let wrong = house.desk.change_second_factor(&ines, given(PASSWORD), (other(), &house.it.code(8))).await;
    assert_eq!(wrong, Err(OwnError::Wrong));
    house.it.clock.advance(31);
    house.desk.change_second_factor(&ines, given(KEY), (other(), &house.it.code(8))).await.unwrap();
    let soon = house.desk.draw_spare_codes(&ines, given(KEY)).await;
    assert!(matches!(soon, Err(OwnError::TooMany(_))), "one question a second");
    house.it.clock.advance(2);
    let codes = house.desk.draw_spare_codes(&ines, given(KEY)).await.unwrap();
    house.it.clock.advance(31);
    // A spare code has it asked like another, and serves once.
    for expected in [true, false] {
        let ceremony = house.desk.first_step("ines", given(KEY), address(60)).await.unwrap();
        assert_eq!(house.desk.second_step(&ceremony, &codes[0], address(60)).await.is_ok(), expected);
    }
    let ines = house.comes_in("ines", KEY, 8).await.unwrap();
    house.paper.silent(true);
    let silent = house.desk.draw_spare_codes(&ines, given(KEY)).await;
    assert_eq!(silent.err(), Some(OwnError::Unavailable));
}
both!(ones_own_means_are_changed_by_the_directorys_password);

async fn the_directory_says_names_and_the_hospital_the_rest(database: &TestDatabase) {
    let house = House::new(database).await;
    house.paper.put("k1", "ines", Some(Role::OnCall));
    house.follow().await;
    let (account, who) = (house.id("ines").await, house.admin().await.authenticated);
    let known = house.sheet("ines").await.attributes;
    let other = crate::Attributes { family_name: "Autre".into(), ..known.clone() };
    let refused = house.accounts.correct(&who, account, (other, IdentityProof::InPerson)).await.err();
    assert_eq!(refused, Some(crate::AccountError::NameOfDirectory));
    let told = crate::Attributes { profession: Some("Infirmière".into()), ..known };
    house.accounts.correct(&who, account, (told.clone(), IdentityProof::InPerson)).await.unwrap();
    // The next round renames, and takes nothing of it away.
    house.paper.change("k1", |member| member.family_name = "Delmas-Roux".into());
    assert_eq!(house.follow().await, Followed { changed: 1, ..Followed::default() });
    let sheet = house.sheet("ines").await;
    assert_eq!(sheet.attributes, crate::Attributes { family_name: "Delmas-Roux".into(), ..told });
    assert_eq!(sheet.proof, Some(IdentityProof::InPerson));
}
both!(the_directory_says_names_and_the_hospital_the_rest);
