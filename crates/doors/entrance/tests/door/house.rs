//! A small door of the hospital's staff, with an API, and what is behind its entrance.

use axum::{
    Json, Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use entrance::{
    Bearer, Door, Entrance, EntranceSettings, Failure, Greeting, Member, Posted, Visit,
    api::{self, Asked, JsonBody, Problem},
};
use http_body_util::BodyExt as _;
use identity::{SessionLimits, TotpSecret};
use journal::{Journal, JournalConfig, Trace, read_traces};
use policy::Policies;
use serde::Deserialize;
use signin::{
    Accounts, ApiTokens, Attributes, Enrolment, Following, NewAccount, NewInvitation, NewToken, SignInService,
    SignInSettings, SignedIn, TokenSettings,
};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};
use store::{Store, SystemClock, testing::TestDatabase};
use tower::ServiceExt as _;
use types::{
    ClientAddress, Clock as _, Door as DoorName, EstablishmentId, IdentityProof, Role, Secret, SystemActor, TokenScope,
};
use vault::{Holder, MasterKey, MonthKeys, Purpose};
use web::{
    assets::Icon,
    csrf::{CsrfKey, Origin},
    i18n::Text,
    layout::{ErrorKind, NavItem},
    limits::Limits,
};

pub const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
pub const LOGIN: &str = "odile.marchetti";
pub const NAME: &str = "Odile Marchetti";
pub const PASSWORD: &str = "la lanterne du veilleur";

/// The door's state.
#[derive(Clone)]
pub struct Staff(Entrance);

impl Door for Staff {
    fn entrance(&self) -> &Entrance {
        &self.0
    }

    fn navigation(&self, who: &SignedIn, t: Text) -> Vec<NavItem> {
        assert!(matches!(who.role, Role::Beneficiary | Role::Dpo), "{}", who.role);
        vec![NavItem::new("/", t.entrance_back_home(), Icon::DoorOpen), NavItem::new("/notes", "Notes", Icon::Document)]
    }
}

pub fn greeting(t: Text) -> Greeting {
    Greeting {
        title: t.desk_welcome_title(),
        lead: t.desk_welcome_lead(),
        for_whom: vec![(Icon::Person, t.desk_welcome_who_beneficiary())],
        closing: t.desk_welcome_own_account(),
        envelopes: false,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteSent {
    text: String,
    times: u32,
    /// Whatever its depth, the parser stops in time.
    #[serde(default)]
    any: serde_json::Value,
}

#[derive(Deserialize)]
struct NoteTyped {
    text: String,
    times: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotesAsked {
    page: Option<u32>,
}

async fn home(member: Option<Member<Staff>>, visit: Visit<Staff>) -> Response {
    let Some(member) = member else { return entrance::welcome(&visit).await };
    let mut chrome = member.chrome();
    chrome.waiting("/notes", 3);
    // Any page would do.
    let view = entrance::pages::SessionView {
        since: member.who.opened,
        address: member.visit.address,
        others: Vec::new(),
        recent: Vec::new(),
        spare_codes: 0,
        sheet: None,
        link: None,
        passkeys: None,
        done: None,
        problem: None,
    };
    entrance::shown(member.visit.lang, &entrance::pages::Session::new(chrome, view))
}

async fn typed(Posted { member, form }: Posted<Staff, NoteTyped>) -> Response {
    format!("{} {}", member.who.display_name, form.text.repeat(form.times as usize)).into_response()
}

async fn repeated(Posted { form, .. }: Posted<Staff, Vec<(String, String)>>) -> Response {
    form.iter().filter(|(name, _)| name == "right").map(|(_, value)| value.as_str()).collect::<String>().into_response()
}

async fn fails(member: Member<Staff>) -> Response {
    let failure = match member.chrome().path_without_lang.as_str() {
        "/fault" => Failure::Fault,
        "/ended" => Failure::Ended,
        "/withheld" => Failure::Shown(ErrorKind::JournalUnavailable),
        _ => Failure::Shown(ErrorKind::NotFound),
    };
    member.failed(failure, &"a secret cause").await
}

async fn notes(bearer: Bearer<Staff>, Asked(asked): Asked<NotesAsked>) -> Result<Response, Problem> {
    bearer.needs(TokenScope::InterventionsRead)?;
    assert!(bearer.holder.authenticated.address().is_some());
    Ok(Json(asked.page.unwrap_or(1)).into_response())
}

async fn send(bearer: Bearer<Staff>, JsonBody(note): JsonBody<NoteSent>) -> Result<Response, Problem> {
    bearer.needs(TokenScope::InterventionsRead)?;
    match note.times {
        0 => Err(Problem::conflict("Zero times is never.").with("times", 0).with("status", 200)),
        13 => Err(api::failed(Failure::Fault, &"a secret cause")),
        times if note.any.is_null() => Ok(api::created(note.text.repeat(times as usize))),
        _ => Err(Problem::unprocessable("Nothing more is taken.")),
    }
}

async fn cut(bearer: Bearer<Staff>) -> Result<Response, Problem> {
    bearer.needs(TokenScope::SessionsCut)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A mistake that must cost nothing: a page's extractor under `/api/`.
async fn mistaken(member: Member<Staff>) -> Response {
    member.who.display_name.into_response()
}

pub struct House {
    folder: tempfile::TempDir,
    pub journal: Journal,
    /// A token that sees interventions, from anywhere.
    pub good: String,
    /// The same, from elsewhere only.
    pub elsewhere: String,
    accounts: Accounts,
    enrolment: Enrolment,
    signin: SignInService,
    store: Store,
    /// With an API, and without.
    routers: [Router; 2],
}

impl House {
    pub async fn new(database: &TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let clock = Arc::new(SystemClock);
        let (store, write) = store::open(&database.config()).await.unwrap();
        let config = JournalConfig {
            folder: folder.path().join("journal"),
            month_keys: folder.path().join("vault"),
            origin: "node".into(),
            reserve_slots: 64,
        };
        let journal = Journal::open(config, &master, write, clock.clone()).await.unwrap();
        let policies = Arc::new(Policies::built_in().unwrap());
        let keys = || master.keys_for(Holder::Door(DoorName::Desk));
        let settings = SignInSettings {
            door: DoorName::Desk,
            roles: &[Role::Beneficiary, Role::Dpo],
            limits: SessionLimits { idle: Duration::from_secs(900), absolute: Duration::from_secs(28_800) },
            establishment: HERE,
            defences: Default::default(),
            administrators_passwords: identity::PasswordPolicy::default_for(identity::Population::Administrators),
        };
        let signin = SignInService::new(store.clone(), journal.clone(), policies.clone(), keys(), settings).unwrap();
        let enrolment = Enrolment::new(
            store.clone(),
            journal.clone(),
            policies.clone(),
            master.keys_for(Holder::Enrolment),
            SystemActor::Demo,
        );
        enrolment.establishment(HERE, "Hôpital de Valombre").await.unwrap();
        let new = NewAccount {
            login: LOGIN.into(),
            display_name: NAME.into(),
            role: Role::Beneficiary,
            supplier: None,
            password: Secret::new(PASSWORD.into()),
            totp: TotpSecret::from_bytes([7; 20]),
        };
        let account = enrolment.account(HERE, new).await.unwrap();
        let accounts = Accounts::new(store.clone(), journal.clone(), policies.clone(), keys());
        accounts.delay_renewals(Duration::ZERO);
        let settings = TokenSettings {
            door: DoorName::Desk,
            roles: &[Role::Beneficiary, Role::Dpo],
            establishment: HERE,
            administrators_passwords: identity::PasswordPolicy::default_for(identity::Population::Administrators),
        };
        let tokens = ApiTokens::new(store.clone(), journal.clone(), policies, keys(), settings).unwrap();
        let issue = async |sources: &[&str]| {
            let new = NewToken {
                label: "Supervision".into(),
                scopes: [TokenScope::InterventionsRead].into(),
                expires: clock.now() + Duration::from_secs(3600),
                sources: sources.iter().map(|range| range.parse().unwrap()).collect(),
            };
            tokens.issue_as(SystemActor::Demo, account, new).await.unwrap().1.expose().clone()
        };
        let (good, elsewhere) = (issue(&[]).await, issue(&["198.51.100.0/24"]).await);
        let settings = || EntranceSettings {
            origin: Origin::https("localhost", 8445).unwrap(),
            establishments: BTreeMap::from([(HERE, "Hôpital de Valombre".to_owned())]),
            name: "Groupe hospitalier".into(),
            support_contact: Some("01 99 00 12 34".into()),
            csrf: CsrfKey::new(&Secret::new(*keys().bare(Purpose::Forms(DoorName::Desk)).unwrap())),
            clock: clock.clone(),
            rehearsed: None,
        };
        let entrance = || Entrance::new(DoorName::Desk, greeting, settings(), signin.clone());
        let routers = [entrance().with_api(tokens), entrance()].map(|entrance| {
            let router = entrance::routes()
                .route("/{lang}/", get(home))
                .route("/{lang}/notes", get(home).post(typed))
                .route("/{lang}/rights", axum::routing::post(repeated))
                .route("/{lang}/{failure}", get(fails))
                .route("/api/v1/notes", get(notes).post(send))
                .route("/api/v1/sessions", get(cut))
                .route("/api/v1/mistaken", get(mistaken).post(mistaken));
            entrance::guarded(router, Staff(entrance), Limits::default())
        });
        Self { folder, journal, good, elsewhere, accounts, enrolment, signin, store, routers }
    }

    /// Invites somebody of that role, and gives the secret of his link.
    pub async fn invite(&self, login: &str, role: Role) -> String {
        let who = identity::system_actor(SystemActor::Demo, Some(HERE), SystemClock.now());
        let attributes =
            Attributes { given_name: "Inès".into(), family_name: "Delmas".into(), ..Attributes::default() };
        let proof = IdentityProof::InPerson;
        let new = NewInvitation { login: login.into(), attributes, role, supplier: None, proof, mail: None };
        self.accounts.invite(&who, new).await.unwrap().1.secret.expose().clone()
    }

    /// The hospital's directory, from now on; accounts have followed it. Gives the secret of a link for somebody of it.
    pub async fn follow(&self, staff: Arc<dyn signin::Staff>, login: &str) -> String {
        self.signin.clone().with_staff(staff.clone());
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let (keys, policies) = (master.keys_for(Holder::Door(DoorName::Desk)), Arc::new(Policies::built_in().unwrap()));
        let keeps = (self.store.clone(), self.journal.clone());
        Following::new(keeps, policies, keys, staff, (vec![HERE], 20)).follow().await.unwrap();
        let (account, ..) = self.enrolment.account_named(login).await.unwrap().unwrap();
        let who = identity::system_actor(SystemActor::Demo, Some(HERE), SystemClock.now());
        self.accounts.draw_link(&who, account, IdentityProof::Known).await.unwrap().secret.expose().clone()
    }

    pub async fn ask(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.ask_of(&self.routers[0], line, headers, body).await
    }

    /// Of the same door without an API.
    pub async fn ask_plain(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.ask_of(&self.routers[1], line, headers, body).await
    }

    async fn ask_of(&self, router: &Router, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        request.extensions_mut().insert(ClientAddress::new(IpAddr::from([192, 0, 2, 8])));
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8(body).unwrap() }
    }

    /// A form sent from the door's own pages.
    pub async fn post(&self, path: &str, cookie: Option<&str>, body: String) -> Answer {
        let mut headers =
            vec![("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
        headers.extend(cookie.map(|cookie| ("cookie", cookie)));
        self.ask(&format!("POST {path}"), &headers, body).await
    }

    pub async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let headers: Vec<_> = cookie.map(|cookie| ("cookie", cookie)).into_iter().collect();
        self.ask(&format!("GET {path}"), &headers, "").await
    }

    /// Signs in with the two forms; the cookie, and the token of the forms.
    pub async fn sign_in(&self) -> (String, String) {
        self.sign_in_with((LOGIN, PASSWORD), &code([7; 20])).await
    }

    pub async fn sign_in_with(&self, (login, password): (&str, &str), code: &str) -> (String, String) {
        let password = typed_in(password);
        let first = self.post("/fr/session", None, format!("login={login}&password={password}")).await;
        let ceremony = first.field("ceremony").unwrap();
        let opened = self.post("/fr/session/code", None, format!("ceremony={ceremony}&code={code}")).await;
        assert_eq!(opened.status, 303, "{}", opened.text);
        let cookie = opened.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let csrf = self.get("/fr/session", Some(&cookie)).await.field("csrf").unwrap();
        (cookie, csrf)
    }

    /// All that the journal holds.
    pub fn traces(&self) -> Vec<Trace> {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let months = MonthKeys::new(&self.folder.path().join("vault"), &master).unwrap();
        read_traces(&self.folder.path().join("journal/node"), &months, 0..self.journal.entries()).unwrap()
    }
}

/// The code of a second factor now.
pub fn code(secret: [u8; 20]) -> String {
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(SystemClock.now().seconds()).unwrap()).to_string()
}

/// As a form sends it.
pub fn typed_in(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The value of a form's field.
    pub fn field(&self, name: &str) -> Option<String> {
        let (_, after) = self.text.split_once(&format!("name=\"{name}\" value=\""))?;
        after.split('"').next().map(str::to_owned)
    }

    /// The body as a problem, checked for what every problem has.
    pub fn problem(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), api::PROBLEM_JSON, "{}", self.text);
        let problem: serde_json::Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert!(problem["type"].as_str().is_some_and(|kind| kind == "about:blank" || kind.starts_with("urn:poterne:")));
        assert_eq!(problem["reference"].as_str().map(str::len), Some(12), "{problem}");
        assert!(!self.text.contains("secret cause"));
        problem
    }
}
