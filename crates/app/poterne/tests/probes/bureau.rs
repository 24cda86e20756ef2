//! A desk of the test's own where accounts are managed as at ours; with one flaw at most.

use crate::{
    fake, journaled,
    probes::{
        Fault,
        office::{Key, Lends, Office, Parts},
        sealed::Kept,
        traces::{Journaled, Wanted},
    },
};
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use dossier::BoxFuture;
use entrance::pages::refused_password;
use identity::{PasswordPolicy, Population, check_password};
use journal::{Kind, Outcome, Trace};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};
use store::SystemClock;
use types::{AccountId, Clock as _, Event, Lang, Secret, Time};
use web::i18n::Text;

/// What is wrong with the desk, or with what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Nothing,
    ShortLinks,
    CountedLinks,
    OldLinksServe,
    AlteredLinksServe,
    WithdrawnLinksServe,
    SuspendedGoesOn,
    SuspendedComesIn,
    SessionsWakeUp,
    BlockedGoesOn,
    RolesAreOne,
    TakesShort,
    TakesFewKinds,
    RefusesWithoutReason,
    NeverChanges,
    FormerOpens,
    KeepsWeakly,
    WritesPasswords,
    WritesHashes,
    TakesNameless,
    TakesAnyNumber,
    TakesAnothersNumber,
    TakesAnyLogin,
    NamesNoField,
    SameIdentifier,
    RenamesWithoutProof,
    RenamesToNobody,
    NeverRenames,
    ShowsFormerName,
    TracesNoRenaming,
    TracesNoNames,
    TracesAnother,
    NobodyChooses,
    NobodyIn,
}

const ADMIN: &str = "sonde.poterne.essai.administre";
const PAGE: &str = "<form method=\"post\" action=\"";
const CSRF: &str = "<input type=\"hidden\" name=\"csrf\" value=\"t\">";

struct Account {
    id: String,
    state: &'static str,
    password: String,
    former: String,
    links: Vec<String>,
    withdrawn: bool,
    given_name: String,
}

#[derive(Default)]
struct Rooms {
    accounts: HashMap<String, Account>,
    /// Cookies, whose they are, and whether they still open.
    sessions: HashMap<String, (String, bool)>,
    drawn: u8,
    taken_back: u32,
    /// When, whose, and with which names.
    renamed: Vec<(Time, String, [String; 2])>,
}

/// The desk.
#[derive(Clone)]
pub struct Bureau {
    wrong: Wrong,
    rooms: Arc<Mutex<Rooms>>,
    policy: PasswordPolicy,
    kept: Arc<Kept>,
    pub folder: Arc<tempfile::TempDir>,
}

type Desk = State<Bureau>;
type Fields = Form<HashMap<String, String>>;

impl Account {
    fn new(id: AccountId) -> Self {
        let (password, former, links) = (String::new(), String::new(), Vec::new());
        let given_name = "Sonde".to_owned();
        Self { id: id.to_string(), state: "invited", password, former, links, withdrawn: false, given_name }
    }
}

impl Bureau {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap()
    }

    /// How often the administrator's account was taken back.
    pub fn taken_back(&self) -> u32 {
        self.rooms().taken_back
    }

    fn who(&self, headers: &HeaderMap) -> Option<String> {
        let cookie = headers.get("cookie")?.to_str().ok()?.split_once('=')?.1.to_owned();
        let rooms = self.rooms();
        rooms.sessions.get(&cookie).filter(|(_, opens)| *opens).map(|(login, _)| login.clone())
    }

    fn draw(&self, login: &str) -> String {
        let mut rooms = self.rooms();
        rooms.drawn += 1;
        let drawn: [u8; 32] = vault::random().unwrap();
        let link = match self.wrong {
            Wrong::ShortLinks => BASE64URL_NOPAD.encode(&drawn[..12]),
            Wrong::CountedLinks => BASE64URL_NOPAD.encode(&[&[7; 31][..], &[rooms.drawn]].concat()),
            _ => BASE64URL_NOPAD.encode(&drawn),
        };
        let account = rooms.accounts.get_mut(login).unwrap();
        account.withdrawn = false;
        account.links.push(link.clone());
        link
    }

    /// Whose link it is, if it serves.
    fn served(&self, link: &str) -> Option<String> {
        let rooms = self.rooms();
        let drawn = |link: &str| rooms.accounts.values().any(|one| one.links.iter().any(|other| other == link));
        let serves = |account: &&Account| {
            let last = account.links.last().is_some_and(|last| match self.wrong {
                Wrong::AlteredLinksServe => last == link || !drawn(link),
                _ => last == link,
            });
            let old = self.wrong == Wrong::OldLinksServe && account.links.iter().any(|one| one == link);
            (last || old) && (!account.withdrawn || self.wrong == Wrong::WithdrawnLinksServe)
        };
        rooms.accounts.iter().find(|(_, account)| serves(account)).map(|(login, _)| login.clone())
    }
}

async fn home() -> Html<String> {
    Html(format!("{PAGE}/fr/session\"><input name=\"login\"><input name=\"password\"></form>"))
}

async fn first(Form(fields): Fields) -> Html<String> {
    let ceremony = format!("{} {}", fields["login"], fields["password"]);
    Html(format!(
        "{PAGE}/fr/session/code\"><input type=\"hidden\" name=\"ceremony\" value=\"{ceremony}\"><input name=\"code\"></form>"
    ))
}

async fn second(State(desk): Desk, Form(fields): Fields) -> Response {
    let (login, password) = fields["ceremony"].split_once(' ').unwrap();
    let mut rooms = desk.rooms();
    let Some(account) = rooms.accounts.get(login) else { return StatusCode::UNPROCESSABLE_ENTITY.into_response() };
    let former = desk.wrong == Wrong::FormerOpens && account.former == password;
    let is_in_use =
        account.state == "active" || (desk.wrong == Wrong::SuspendedComesIn && account.state == "suspended");
    if (account.password != password && !former) || !is_in_use || desk.wrong == Wrong::NobodyIn {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let cookie = HEXLOWER.encode(&vault::random::<32>().unwrap());
    rooms.sessions.insert(cookie.clone(), (login.to_owned(), true));
    let cookie = format!("__Host-poterne-portal={cookie}; Path=/; Secure");
    (StatusCode::SEE_OTHER, [("set-cookie", cookie), ("location", "/fr/".into())]).into_response()
}

async fn session(State(desk): Desk, headers: HeaderMap) -> Response {
    if desk.who(&headers).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let change = format!("{PAGE}/fr/account/password\">{CSRF}<input name=\"current\"><input name=\"password\"></form>");
    Html(format!("{PAGE}/fr/session/end\">{CSRF}</form>{change}")).into_response()
}

async fn end(State(desk): Desk, headers: HeaderMap) -> StatusCode {
    let who = desk.who(&headers).unwrap();
    desk.rooms().sessions.retain(|_, (login, _)| *login != who);
    StatusCode::OK
}

async fn password(State(desk): Desk, headers: HeaderMap, Form(fields): Fields) -> Response {
    let who = desk.who(&headers).unwrap();
    let new = fields["password"].clone();
    let short = new.chars().count() < usize::from(desk.policy.chars_min());
    let taken = (desk.wrong == Wrong::TakesShort && short) || (desk.wrong == Wrong::TakesFewKinds && !short);
    if let (Err(weak), false) = (check_password(&Secret::new(new.clone()), &desk.policy, &[]), taken) {
        let told = refused_password(weak, Text::new(Lang::Fr));
        let told = if desk.wrong == Wrong::RefusesWithoutReason { "Non.".to_owned() } else { told };
        return (StatusCode::UNPROCESSABLE_ENTITY, Html(told)).into_response();
    }
    if desk.wrong == Wrong::NeverChanges {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let mut rooms = desk.rooms();
    let account = rooms.accounts.get_mut(&who).unwrap();
    if account.password != fields["current"] {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    account.former = std::mem::replace(&mut account.password, new.clone());
    let written = match desk.wrong {
        Wrong::WritesPasswords => HEXLOWER.encode(new.as_bytes()),
        Wrong::WritesHashes => "$argon2id$v=19$m=19456,t=2,p=1$".to_owned(),
        _ => "nothing".to_owned(),
    };
    std::fs::write(desk.folder.path().join("index/words"), written).unwrap();
    StatusCode::SEE_OTHER.into_response()
}

async fn link(State(desk): Desk, Path(link): Path<String>) -> Response {
    match desk.served(&link) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(_) => Html(format!(
            "{PAGE}/fr/link/{link}\"><input type=\"hidden\" name=\"totp_secret\" value=\"{}\"><input name=\"password\">\
             <input name=\"code\"></form>",
            data_encoding::BASE32_NOPAD.encode(&[5; 20])
        ))
        .into_response(),
    }
}

async fn choose(State(desk): Desk, Path(link): Path<String>, Form(fields): Fields) -> StatusCode {
    let served = desk.served(&link).filter(|login| login == ADMIN || desk.wrong != Wrong::NobodyChooses);
    let Some(login) = served else { return StatusCode::NOT_FOUND };
    assert_eq!(fields["code"].len(), 6);
    let mut rooms = desk.rooms();
    let account = rooms.accounts.get_mut(&login).unwrap();
    account.links.clear();
    account.password.clone_from(&fields["password"]);
    account.state = "active";
    StatusCode::OK
}

async fn list(State(desk): Desk, headers: HeaderMap, Query(asked): Query<HashMap<String, String>>) -> Response {
    match desk.who(&headers) {
        Some(who) if who == ADMIN || desk.wrong == Wrong::RolesAreOne => {}
        Some(_) => return StatusCode::NOT_FOUND.into_response(),
        None => return StatusCode::UNAUTHORIZED.into_response(),
    }
    let words = asked.get("q").cloned().unwrap_or_default();
    let rooms = desk.rooms();
    let found = rooms.accounts.iter().filter(|(login, _)| login.contains(&words));
    let rows: String = found.map(|(_, account)| format!("<a href=\"/fr/accounts/{}\">", account.id)).collect();
    Html(rows).into_response()
}

async fn form() -> Html<String> {
    Html(format!("{PAGE}/fr/accounts\">{CSRF}<input name=\"given_name\"></form>"))
}

async fn open(State(desk): Desk, Form(fields): Fields) -> Response {
    let of = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let is_number =
        |text: &str| text.is_empty() || (text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let wrong = match () {
        () if of("given_name").is_empty() && desk.wrong != Wrong::TakesNameless => Some("given_name"),
        () if of("family_name").is_empty() => Some("family_name"),
        () if of("proof").is_empty() => Some("proof"),
        () if of("login").is_empty() => Some("login"),
        () if desk.rooms().accounts.contains_key(of("login")) && desk.wrong != Wrong::TakesAnyLogin => Some("login"),
        () if !is_number(of("rpps")) && desk.wrong != Wrong::TakesAnyNumber => Some("rpps"),
        () if of("rpps") == signin::NOBODYS_NUMBER && desk.wrong != Wrong::TakesAnothersNumber => Some("rpps"),
        () => None,
    };
    if let Some(field) = wrong {
        let named = if desk.wrong == Wrong::NamesNoField { String::new() } else { format!("<p id=\"{field}-wrong\">") };
        return (StatusCode::UNPROCESSABLE_ENTITY, Html(named)).into_response();
    }
    let account = Account::new(AccountId::from_bytes(vault::random().unwrap()));
    desk.rooms().accounts.insert(of("login").to_owned(), account);
    drawn(&desk.draw(of("login")))
}

fn drawn(link: &str) -> Response {
    Html(format!("<code class=\"secret\" tabindex=\"0\">https://door.test/fr/link/{link}</code>")).into_response()
}

fn named(rooms: &Rooms, id: &str) -> Option<String> {
    rooms.accounts.iter().find(|(_, account)| account.id == id).map(|(login, _)| login.clone())
}

async fn sheet(State(desk): Desk, Path(id): Path<String>) -> Response {
    let rooms = desk.rooms();
    let Some(login) = named(&rooms, &id) else { return StatusCode::NOT_FOUND.into_response() };
    let state = rooms.accounts[&login].state;
    let to = |states: &[&str]| -> String {
        states.iter().map(|to| format!("<a href=\"/fr/accounts/{id}/state/{to}\">")).collect()
    };
    let leads = match state {
        "active" => to(&["suspended", "blocked", "closed"]),
        "blocked" => to(&["active", "closed"]),
        "suspended" => to(&["active", "blocked", "closed"]),
        _ => to(&["blocked", "closed"]),
    };
    let withdraw = format!(
        "{PAGE}/fr/accounts/{id}/link/withdraw\">{CSRF}<input type=\"hidden\" name=\"link\" value=\"l\"></form>"
    );
    let draw = format!("{PAGE}/fr/accounts/{id}/link\">{CSRF}<input name=\"proof\"></form>");
    let own = if desk.wrong == Wrong::SameIdentifier { "personne" } else { id.as_str() };
    let number = if login == signin::RESERVED_GUARD { signin::NOBODYS_NUMBER } else { "" };
    Html(format!("<code>{login}</code><code>{number}</code><code class=\"hash\">{own}</code>{leads}{withdraw}{draw}"))
        .into_response()
}

async fn identity(State(desk): Desk, Path(id): Path<String>) -> Html<String> {
    let rooms = desk.rooms();
    let given = rooms.accounts[&named(&rooms, &id).unwrap()].given_name.clone();
    let fields = [("given_name", given.as_str()), ("family_name", "d'essai"), ("profession", ""), ("rpps", "")];
    let fields = fields.map(|(name, value)| format!("<input type=\"text\" name=\"{name}\" value=\"{value}\">"));
    Html(format!("{PAGE}/fr/accounts/{id}/identity\">{CSRF}{}</form>", fields.concat()))
}

async fn rename(State(desk): Desk, Path(id): Path<String>, Form(fields): Fields) -> Response {
    let given = fields["given_name"].clone();
    let is_invited = {
        let rooms = desk.rooms();
        rooms.accounts[&named(&rooms, &id).unwrap()].state == "invited"
    };
    let wrong = match () {
        // Nobody did anything yet under an invited account's name.
        () if fields["proof"] != "in_person" && !is_invited && desk.wrong != Wrong::RenamesWithoutProof => {
            Some("proof")
        }
        () if given.is_empty() && desk.wrong != Wrong::RenamesToNobody => Some("given_name"),
        () if desk.wrong == Wrong::NeverRenames => Some("given_name"),
        () => None,
    };
    if let Some(field) = wrong {
        return (StatusCode::UNPROCESSABLE_ENTITY, Html(format!("<p id=\"{field}-wrong\">"))).into_response();
    }
    let mut rooms = desk.rooms();
    let login = named(&rooms, &id).unwrap();
    let names = [rooms.accounts[&login].given_name.clone(), given.clone()].map(|given| format!("{given} d'essai"));
    rooms.renamed.push((SystemClock.now(), id, names));
    if desk.wrong != Wrong::ShowsFormerName {
        rooms.accounts.get_mut(&login).unwrap().given_name = given;
    }
    StatusCode::SEE_OTHER.into_response()
}

impl Journaled for Bureau {
    fn between(&self, from: Time, until: Time, wanted: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let rooms = self.rooms();
        let renamed = rooms.renamed.iter().filter(|(time, ..)| (from..=until).contains(time));
        let mut traces = Vec::new();
        for (time, id, names) in renamed.filter(|_| self.wrong != Wrong::TracesNoRenaming) {
            let by = AccountId::from_bytes([if self.wrong == Wrong::TracesAnother { 2 } else { 1 }; 16]);
            let detail = match self.wrong {
                Wrong::TracesNoNames => "renamed".to_owned(),
                _ => format!("name: {}; identity in_person", names.join(" -> ")),
            };
            let intent = Trace {
                author: format!("account:{by}"),
                target: Some(format!("account:{id}")),
                detail: Some(detail),
                ..journaled::trace(Event::AttributesCorrected, Kind::Intent, 1, *time)
            };
            let outcome = journaled::trace(Event::AttributesCorrected, Kind::Outcome, 1, *time);
            traces.extend([intent, Trace { outcome: Some(Outcome::Done), ..outcome }]);
        }
        traces.retain(|trace| wanted(trace.event));
        Box::pin(async move { Ok(traces) })
    }

    fn last_before(&self, _: Time, _: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

async fn draw(State(desk): Desk, Path(id): Path<String>) -> Response {
    let login = named(&desk.rooms(), &id).unwrap();
    drawn(&desk.draw(&login))
}

async fn withdraw(State(desk): Desk, Path(id): Path<String>) -> StatusCode {
    let login = named(&desk.rooms(), &id).unwrap();
    desk.rooms().accounts.get_mut(&login).unwrap().withdrawn = true;
    StatusCode::SEE_OTHER
}

async fn changing(Path((id, to)): Path<(String, String)>) -> Html<String> {
    Html(format!("{PAGE}/fr/accounts/{id}/state/{to}\">{CSRF}<input name=\"reason\"></form>"))
}

async fn change(State(desk): Desk, Path((id, to)): Path<(String, String)>, Form(fields): Fields) -> StatusCode {
    assert!(!fields["reason"].is_empty());
    let mut rooms = desk.rooms();
    let login = named(&rooms, &id).unwrap();
    let state = ["active", "suspended", "blocked", "closed"].into_iter().find(|state| *state == to).unwrap();
    rooms.accounts.get_mut(&login).unwrap().state = state;
    let goes_on = match state {
        "suspended" => desk.wrong == Wrong::SuspendedGoesOn,
        "blocked" => desk.wrong == Wrong::BlockedGoesOn,
        _ => false,
    };
    for (_, opens) in rooms.sessions.values_mut().filter(|(whose, _)| *whose == login) {
        *opens = if state == "active" { desk.wrong == Wrong::SessionsWakeUp } else { goes_on };
    }
    StatusCode::SEE_OTHER
}

async fn sessions(State(desk): Desk, headers: HeaderMap) -> StatusCode {
    if desk.who(&headers).is_some() { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
}

impl Lends for Bureau {
    fn lend(&self) -> BoxFuture<'_, Result<Key, Fault>> {
        let account = AccountId::from_bytes([1; 16]);
        self.rooms().accounts.insert(ADMIN.into(), Account::new(account));
        // What draws it is not the desk's page: its flaw is not tried here.
        let drawn = HEXLOWER.encode(&vault::random::<16>().unwrap());
        self.rooms().accounts.get_mut(ADMIN).unwrap().links.push(drawn.clone());
        Box::pin(async move { Ok(Key { account, login: ADMIN.into(), secret: Secret::new(drawn) }) })
    }

    fn take_back(&self, _: AccountId) -> BoxFuture<'_, Result<(), Fault>> {
        self.rooms().taken_back += 1;
        Box::pin(async { Ok(()) })
    }

    fn managed(&self, login: &'static str) -> BoxFuture<'_, Result<Secret<String>, Fault>> {
        let drawn = HEXLOWER.encode(&vault::random::<16>().unwrap());
        let id = AccountId::from_bytes([u8::try_from(login.len()).unwrap(); 16]);
        let mut rooms = self.rooms();
        let account = rooms.accounts.entry(login.into()).or_insert_with(|| Account::new(id));
        account.links.push(drawn.clone());
        Box::pin(async move { Ok(Secret::new(drawn)) })
    }

    fn keeps_hashed(&self, _: AccountId) -> BoxFuture<'_, Result<bool, Fault>> {
        let is_hashed = self.wrong != Wrong::KeepsWeakly;
        Box::pin(async move { Ok(is_hashed) })
    }
}

/// A desk with that flaw, and its office.
pub async fn office(wrong: Wrong) -> (Bureau, Arc<Office>) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    std::fs::create_dir(folder.path().join("index")).unwrap();
    let database = folder.path().join("poterne.db");
    std::fs::write(&database, "rows").unwrap();
    let kept = Kept {
        data: folder.path().to_owned(),
        origin: "test".into(),
        database: Some(database),
        name: "Sonde",
        credentials: Vec::new(),
    };
    let policy = PasswordPolicy::default_for(Population::Administrators);
    let desk = Bureau { wrong, rooms: Arc::default(), policy, kept: Arc::new(kept), folder };
    let router = Router::new()
        .route("/fr/", get(home))
        .route("/fr/session", get(session).post(first))
        .route("/fr/session/code", post(second))
        .route("/fr/session/end", post(end))
        .route("/fr/account/password", post(password))
        .route("/fr/link/{link}", get(link).post(choose))
        .route("/fr/accounts", get(list).post(open))
        .route("/fr/accounts/new", get(form))
        .route("/fr/accounts/{id}", get(sheet))
        .route("/fr/accounts/{id}/identity", get(identity).post(rename))
        .route("/fr/accounts/{id}/link", post(draw))
        .route("/fr/accounts/{id}/link/withdraw", post(withdraw))
        .route("/fr/accounts/{id}/state/{to}", get(changing).post(change))
        .route("/fr/sessions", get(sessions))
        .with_state(desk.clone());
    let target = fake::door(router, false).await;
    let (lends, clock) = (Arc::new(desk.clone()), Arc::new(SystemClock));
    let (kept, journal) = (desk.kept.clone(), Arc::new(desk.clone()));
    let office = Office::new(Parts { target, lends, policy, kept, journal, clock });
    (desk, office)
}
