//! A door of the test's own with pages as ours: sign-in, home, session, records; with one flaw at most.

use crate::{
    fake,
    probes::{Fault, codes::Reserved, over::Opens, target::Target, traces::Refusals, visits::Visits},
};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use dossier::BoxFuture;
use journal::{Kind, Trace};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use store::SystemClock;
use tokio_util::sync::CancellationToken;
use types::{Clock as _, Event, Lang, PatientId, Time, TraceId};
use vault::{Holder, MasterKey};
use web::{
    csrf::Origin,
    guard::{CurrentSession, Guard, OnFault, PlainPages, guard},
    limits::Limits,
    rehearsed::{Rehearsal, rehearsal},
    serve::{Front, serve},
};

/// What is wrong with the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    KeepsAfterSignOut,
    NothingCleared,
    CookieKept,
    AnySecret,
    NoLastSignIn,
    OldLastSignIn,
    LastSignInWithoutHour,
    OthersForbidden,
    OthersNamed,
    MalformedTold,
    NeverIdle,
    /// No flaw: the sessions have an end, used or not.
    EndsInTime,
    /// No flaw: a second session closes the first.
    NewestCloses,
    NewestClosesInSilence,
    /// No flaw: a second session is refused.
    FirstStays,
    FirstStaysInSilence,
    TokenKept,
    TokenRead,
    TokenSent,
    NobodyIn,
    AnyPassword,
    TracesShown,
    TracesTold,
    AnybodySetsRetention,
    AnybodyRecordsMore,
    KeepsTokens,
    PasswordAlone,
    TakesGuessed,
    ChangesNothing,
    NeverWaits,
    WaitsUntold,
    LocksAllOut,
    TakesAgain,
    ServesStrangers,
    SaysItsServer,
    SaysWhereItFell,
    SaysItsVersion,
    KeptByBrowsers,
    /// No flaw: where all of the staff comes in, accounts are administered.
    Administers,
    /// No flaw: they are not.
    AdministersApart,
    LeaksOne,
    /// Sent again, what opened a session meets an error.
    Busy,
    /// No flaw: a portal, without pages of others.
    Portal,
    OpensToAnyRole,
    ChangesForAnyRole,
    TellsOtherRoles,
    AnyDoorsSession,
    /// No flaw: a desk with its pages, and a token for one thing.
    Desk,
    TokensOpenAll,
    ClosedToItsRole,
    /// An internal error closes nothing.
    OutlivesFaults,
    /// It closes all that the account has open.
    FaultsCloseAll,
    /// No session is noted, so no fault is met.
    MeetsNoFault,
}

/// What whoever has another session is told.
const OTHER_SESSION: &str = "<form action=\"/fr/session/not-me\"><input name=\"word\" value=\"x\"></form>";
/// Somebody else, who has a record.
pub const OTHER: PatientId = PatientId::from_bytes([9; 16]);

struct Session {
    idle: Option<Duration>,
    used: Instant,
    ends: Option<Instant>,
}

struct Parts {
    flaw: Flaw,
    sessions: Mutex<HashMap<String, Session>>,
    signed_in: Mutex<Vec<Time>>,
    refused: Mutex<Vec<Time>>,
    has_token: Mutex<bool>,
    guesses: Mutex<u32>,
    codes: Mutex<Vec<String>>,
}

/// The door and its visits.
#[derive(Clone)]
pub struct Fake {
    parts: Arc<Parts>,
    pub visits: Arc<Visits>,
}

impl Parts {
    fn honors(&self, headers: &HeaderMap) -> Option<String> {
        let text = headers.get("cookie")?.to_str().ok()?;
        let cookie = text.strip_prefix("__Host-poterne-portal=")?.to_owned();
        let mut sessions = self.sessions.lock().unwrap();
        if self.flaw == Flaw::AnyDoorsSession {
            return Some(cookie);
        }
        let any = self.flaw == Flaw::AnySecret;
        let found = sessions.iter_mut().find(|(kept, _)| **kept == cookie || any && kept[..26] == cookie[..26]);
        let (_, session) = found?;
        let is_over = session.idle.is_some_and(|idle| session.used.elapsed() >= idle)
            || session.ends.is_some_and(|ends| Instant::now() >= ends);
        if !is_over {
            session.used = Instant::now();
        }
        (!is_over).then_some(cookie)
    }

    fn begin(&self, idle: Option<Duration>) -> String {
        let (id, secret): ([u8; 16], [u8; 32]) = (vault::random().unwrap(), vault::random().unwrap());
        let cookie = format!("{}{}", types::SessionId::from_bytes(id), data_encoding::HEXLOWER.encode(&secret));
        let ends = (self.flaw == Flaw::EndsInTime).then(|| Instant::now() + Duration::from_secs(2));
        self.sessions.lock().unwrap().insert(cookie.clone(), Session { idle, used: Instant::now(), ends });
        self.signed_in.lock().unwrap().push(SystemClock.now());
        cookie
    }

    fn last(&self) -> String {
        let signed_in = self.signed_in.lock().unwrap();
        let Some(last) = signed_in.len().checked_sub(2).map(|at| signed_in[at]) else { return "never".into() };
        let shown = if self.flaw == Flaw::OldLastSignIn { last - Duration::from_secs(60) } else { last };
        let words = web::when::full(shown, Lang::Fr);
        let words = if self.flaw == Flaw::LastSignInWithoutHour { words.split(" à ").next().unwrap() } else { &words };
        format!("<div class=\"last\"><time datetime=\"{}\">{words}</time></div>", web::when::machine(shown))
    }
}

type Door = State<Arc<Parts>>;

async fn home(State(parts): Door, headers: HeaderMap) -> Response {
    if parts.honors(&headers).is_none() {
        let form = "<link href=\"/assets/atkinson-hyperlegible-next.woff2\"><form method=\"post\" action=\"/fr/session\"><input type=\"text\" name=\"login\">\
                    <input type=\"password\" name=\"password\"></form>";
        return Html(form).into_response();
    }
    Html(if parts.flaw == Flaw::NoLastSignIn { String::new() } else { parts.last() }).into_response()
}

async fn first(State(parts): Door, body: String) -> Response {
    if body.is_empty() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let is_nobodys = body.starts_with("login=sonde.poterne.personne.");
    assert!(
        is_nobodys
            || body.contains("login=sonde.poterne.portal&password=")
            || body.contains("login=sonde.poterne.desk&password="),
        "{body}"
    );
    // Reserved passwords are drawn: they hold no space.
    let is_wrong = body.contains("%20") && parts.flaw != Flaw::AnyPassword;
    let ceremony = match (is_nobodys, is_wrong) {
        (true, _) => 'n',
        (false, true) => 'w',
        (false, false) => 'c',
    };
    if parts.flaw == Flaw::PasswordAlone {
        let cookie = format!("__Host-poterne-portal={}; Path=/; Secure", parts.begin(None));
        return (StatusCode::SEE_OTHER, [("set-cookie", cookie), ("location", "/fr/".into())]).into_response();
    }
    Html(format!(
        "<form method=\"post\" action=\"/fr/session/code\"><input type=\"hidden\" name=\"ceremony\" value=\"{ceremony}\">\
         <input type=\"text\" name=\"code\"></form>"
    ))
    .into_response()
}

async fn second(State(parts): Door, body: String) -> Response {
    assert!(body.starts_with("ceremony=") && body.len() == 22, "{body}");
    if body.starts_with("ceremony=n") {
        let mut guesses = parts.guesses.lock().unwrap();
        *guesses += 1;
        return match (*guesses, parts.flaw) {
            (1, _) | (_, Flaw::NeverWaits) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            (_, Flaw::WaitsUntold) => StatusCode::TOO_MANY_REQUESTS.into_response(),
            _ => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "2")]).into_response(),
        };
    }
    let locked = parts.flaw == Flaw::LocksAllOut && *parts.guesses.lock().unwrap() > 0;
    if parts.flaw == Flaw::NobodyIn || locked || body.starts_with("ceremony=w") {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let was_used = parts.codes.lock().unwrap().contains(&body);
    if was_used && parts.flaw == Flaw::Busy {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if was_used && parts.flaw != Flaw::TakesAgain {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    parts.codes.lock().unwrap().push(body);
    let is_second = !parts.sessions.lock().unwrap().is_empty();
    match parts.flaw {
        Flaw::NewestCloses | Flaw::NewestClosesInSilence => parts.sessions.lock().unwrap().clear(),
        Flaw::FirstStays if is_second => return (StatusCode::CONFLICT, Html(OTHER_SESSION)).into_response(),
        Flaw::FirstStaysInSilence if is_second => return StatusCode::CONFLICT.into_response(),
        _ => {}
    }
    let life = match parts.flaw {
        Flaw::TokenKept => "Secure; HttpOnly; SameSite=Strict; Max-Age=2592000",
        Flaw::TokenRead => "Secure; SameSite=Strict",
        Flaw::TokenSent => "Secure; HttpOnly; SameSite=None",
        _ => "Secure; HttpOnly; SameSite=Strict",
    };
    let cookie = format!("__Host-poterne-portal={}; Path=/; {life}", parts.begin(None));
    (StatusCode::SEE_OTHER, [("set-cookie", cookie), ("location", "/fr/".into())]).into_response()
}

async fn session(State(parts): Door, headers: HeaderMap) -> Response {
    match parts.honors(&headers) {
        Some(_) => {
            let end = "<form id=\"sign-out\" method=\"post\" action=\"/fr/session/end\">\
                       <input type=\"hidden\" name=\"csrf\" value=\"t\"></form>";
            let change = "<form method=\"post\" action=\"/fr/account/password\">\
                          <input type=\"hidden\" name=\"csrf\" value=\"t\"><input name=\"current\">\
                          <input name=\"password\"></form>";
            let change = if parts.flaw == Flaw::ChangesNothing { "" } else { change };
            Html(format!("{end}{change}")).into_response()
        }
        None if parts.flaw == Flaw::NewestCloses => (StatusCode::UNAUTHORIZED, Html(OTHER_SESSION)).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn password(State(parts): Door, headers: HeaderMap, body: String) -> Response {
    if parts.honors(&headers).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    assert!(body.starts_with("csrf=t&current=") && body.contains("&password="), "{body}");
    let taken = parts.flaw == Flaw::TakesGuessed && body.ends_with("Jean-Pierre1965");
    if taken { StatusCode::SEE_OTHER } else { StatusCode::UNPROCESSABLE_ENTITY }.into_response()
}

async fn end(State(parts): Door, headers: HeaderMap, body: String) -> Response {
    assert_eq!(body, "csrf=t");
    let cookie = parts.honors(&headers).unwrap();
    if parts.flaw != Flaw::KeepsAfterSignOut {
        parts.sessions.lock().unwrap().remove(&cookie);
    }
    let residue = if parts.flaw == Flaw::NothingCleared { "" } else { "\"cache\", \"cookies\", \"storage\"" };
    let cookie = if parts.flaw == Flaw::CookieKept { "other=1" } else { "__Host-poterne-portal=; Max-Age=0" };
    ([("clear-site-data", residue), ("set-cookie", cookie)], "out").into_response()
}

async fn record(State(parts): Door, Path(patient): Path<String>) -> Response {
    parts.refused.lock().unwrap().push(SystemClock.now());
    let is_other = patient == OTHER.to_string();
    match parts.flaw {
        Flaw::OthersForbidden if is_other => (StatusCode::FORBIDDEN, absent()).into_response(),
        Flaw::OthersNamed if is_other => (StatusCode::NOT_FOUND, Html("Not yours")).into_response(),
        Flaw::MalformedTold if patient.parse::<PatientId>().is_err() => {
            (StatusCode::BAD_REQUEST, absent()).into_response()
        }
        _ => (StatusCode::NOT_FOUND, absent()).into_response(),
    }
}

fn absent() -> Html<String> {
    let drawn: [u8; 4] = vault::random().unwrap();
    Html(format!("<p>Not here. <code>{}</code></p>", data_encoding::HEXLOWER.encode(&drawn)))
}

async fn means(State(parts): Door) -> Response {
    if parts.flaw == Flaw::Portal {
        return nowhere().await;
    }
    let csrf = "<input type=\"hidden\" name=\"csrf\" value=\"t\">";
    let token = format!("<form method=\"post\" action=\"/fr/means/tokens/x/revoke\">{csrf}</form>");
    let issue = format!("<form method=\"post\" action=\"/fr/means/tokens\">{csrf}<input name=\"days\"></form>");
    Html(if *parts.has_token.lock().unwrap() { token + &issue } else { issue }).into_response()
}

async fn issue(State(parts): Door, body: String) -> Response {
    if parts.flaw == Flaw::Portal {
        return nowhere().await;
    }
    assert_eq!(body, "csrf=t&label=sonde&scope=rules%3Aread&days=1&sources=");
    *parts.has_token.lock().unwrap() = true;
    Html("<code class=\"secret\" tabindex=\"0\">pot_sonde</code>").into_response()
}

async fn revoke(State(parts): Door, body: String) -> StatusCode {
    assert_eq!(body, "csrf=t");
    *parts.has_token.lock().unwrap() = parts.flaw == Flaw::KeepsTokens;
    StatusCode::SEE_OTHER
}

async fn traces(State(parts): Door) -> Response {
    match parts.flaw {
        Flaw::TracesShown => Html("<table>").into_response(),
        Flaw::TracesTold => (StatusCode::FORBIDDEN, absent()).into_response(),
        _ => nowhere().await,
    }
}

async fn retention(State(parts): Door, body: String) -> Response {
    let flaw = match body.as_str() {
        body if body.starts_with("csrf=t&what=retention") => Flaw::AnybodySetsRetention,
        body if body.starts_with("csrf=t&what=extra") => Flaw::AnybodyRecordsMore,
        "csrf=t&name=" if parts.flaw == Flaw::ChangesForAnyRole => return StatusCode::SEE_OTHER.into_response(),
        "csrf=t&name=" => return nowhere().await,
        other => panic!("{other}"),
    };
    if parts.flaw == flaw { StatusCode::SEE_OTHER.into_response() } else { nowhere().await }
}

async fn nowhere() -> Response {
    (StatusCode::NOT_FOUND, absent()).into_response()
}

fn is_administration(path: &str) -> bool {
    let begins = ["/fr/accounts", "/fr/suppliers", "/fr/passkeys", "/fr/retention"];
    let programs = ["/api/v1/accounts", "/api/v1/suppliers", "/api/v1/retention"];
    begins.iter().chain(&programs).any(|begins| path.starts_with(begins))
}

/// What a desk answers a security officer, and a program of his.
async fn of_desk(parts: &Parts, headers: &HeaderMap, (path, is_get): (&str, bool)) -> Response {
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    let his = ["interventions", "sessions", "equipment", "rules", "policies"];
    match bearer {
        Some(bearer) => {
            assert_eq!(bearer, "Bearer pot_sonde");
            let opens = path == "/api/v1/rules" || (parts.flaw == Flaw::TokensOpenAll && path != "/api/v1/nowhere");
            if opens { StatusCode::OK.into_response() } else { StatusCode::FORBIDDEN.into_response() }
        }
        None if is_get && his.iter().any(|page| path == format!("/fr/{page}")) => StatusCode::OK.into_response(),
        None => nowhere().await,
    }
}

async fn unknown(State(parts): Door, method: axum::http::Method, headers: HeaderMap, uri: axum::http::Uri) -> Response {
    let is_get = method == axum::http::Method::GET;
    match parts.flaw {
        Flaw::OpensToAnyRole if is_get && uri.path() != "/fr/nowhere" => Html("here").into_response(),
        Flaw::ChangesForAnyRole if !is_get => StatusCode::SEE_OTHER.into_response(),
        Flaw::TellsOtherRoles if uri.path() != "/fr/nowhere" => StatusCode::FORBIDDEN.into_response(),
        Flaw::Desk | Flaw::TokensOpenAll => of_desk(&parts, &headers, (uri.path(), is_get)).await,
        Flaw::ServesStrangers if headers.get("cookie").is_none() && uri.path() != "/fr/nowhere" => {
            Html("here").into_response()
        }
        Flaw::Administers if is_administration(uri.path()) => StatusCode::UNAUTHORIZED.into_response(),
        Flaw::LeaksOne if uri.path() == "/api/v1/retention" => StatusCode::UNAUTHORIZED.into_response(),
        Flaw::SaysWhereItFell => (StatusCode::NOT_FOUND, "thread 'main' at crates/x/src/lib.rs:7").into_response(),
        Flaw::SaysItsVersion => (StatusCode::NOT_FOUND, concat!("Poterne ", env!("CARGO_PKG_VERSION"))).into_response(),
        _ => nowhere().await,
    }
}

/// What the door's guard adds to every answer.
async fn guarded(State(parts): Door, request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let whose = request.extensions().get::<CurrentSession>().filter(|_| parts.flaw != Flaw::MeetsNoFault);
    if let (Some(whose), Some(cookie)) = (whose, parts.honors(request.headers())) {
        whose.note(cookie[..26].parse().unwrap());
    }
    let mut answer = next.run(request).await;
    let mut put = |name: &'static str, value: &'static str| {
        answer.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
    };
    match parts.flaw {
        Flaw::KeptByBrowsers => put("cache-control", "private"),
        _ => put("cache-control", "no-store"),
    }
    if parts.flaw == Flaw::SaysItsServer {
        put("server", "hospital/1.0");
    }
    answer
}

/// A door with that flaw, behind the guard of every door: it meets what is armed.
pub async fn open_guarded(flaw: Flaw) -> (Fake, Rehearsal) {
    let (rehearsal, rehearsed) = rehearsal();
    let parts = parts(flaw);
    let (listener, tls) = (tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), fake::tls());
    let target = fake::target(&listener, &tls);
    let closing = parts.clone();
    let on_fault: OnFault = Arc::new(move |session| match closing.flaw {
        Flaw::OutlivesFaults => {}
        Flaw::FaultsCloseAll => closing.sessions.lock().unwrap().clear(),
        _ => closing.sessions.lock().unwrap().retain(|cookie, _| !cookie.starts_with(&session.to_string())),
    });
    let settings = Guard {
        limits: Limits::default(),
        origin: Origin::https("door.test", target.address.port()).unwrap(),
        pages: Arc::new(PlainPages),
        on_fault: Some(on_fault),
        rehearsed: Some(rehearsed),
        api: None,
    };
    let (stop, wait) = (CancellationToken::new(), Duration::ZERO);
    let front = Front { tls: Some(tls), ..Front::default() };
    tokio::spawn(serve(listener, front, guard(router(&parts), settings), Limits::default(), stop, wait));
    (Fake { parts, visits: Arc::new(visits(&target)) }, rehearsal)
}

fn parts(flaw: Flaw) -> Arc<Parts> {
    Arc::new(Parts {
        flaw,
        sessions: Mutex::default(),
        signed_in: Mutex::default(),
        refused: Mutex::default(),
        has_token: Mutex::default(),
        guesses: Mutex::default(),
        codes: Mutex::default(),
    })
}

fn router(parts: &Arc<Parts>) -> Router {
    Router::new()
        .route("/fr/", get(home))
        .route("/fr/session", get(session).post(first))
        .route("/fr/session/code", post(second))
        .route("/fr/session/end", post(end))
        .route("/fr/account/password", post(password))
        .route("/fr/records/{patient}", get(record))
        .route("/fr/means", get(means))
        .route("/fr/means/tokens", post(issue))
        .route("/fr/means/tokens/x/revoke", post(revoke))
        .route("/fr/traces", get(traces))
        .route("/fr/retention", get(unknown).post(retention))
        .fallback(unknown)
        .layer(axum::middleware::from_fn_with_state(parts.clone(), guarded))
        .with_state(parts.clone())
}

/// A door with that flaw.
pub async fn open(flaw: Flaw) -> Fake {
    let parts = parts(flaw);
    let target = fake::door(router(&parts), false).await;
    // Where the staff comes in is the desk: the cookie's name stays.
    let door = match flaw {
        Flaw::Administers | Flaw::AdministersApart | Flaw::LeaksOne => types::Door::Desk,
        Flaw::Desk | Flaw::TokensOpenAll | Flaw::ClosedToItsRole => types::Door::Desk,
        _ => target.door,
    };
    let target = Target { door, ..target };
    Fake { parts, visits: Arc::new(visits(&target)) }
}

fn visits(target: &Target) -> Visits {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
    let reserved = Reserved::new(&master.keys_for(Holder::Prober), target.door).unwrap();
    Visits::new(target, reserved, Arc::new(SystemClock)).unwrap()
}

impl Opens for Fake {
    fn open<'a>(&'a self, _: &'a Visits, code: String) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        assert_eq!(code.len(), 6);
        let idle = (self.parts.flaw != Flaw::NeverIdle).then_some(crate::probes::over::LEFT.idle);
        Box::pin(async move { Ok(Some(self.parts.begin(idle))) })
    }
}

/// A journal that keeps the door's refusals as `change` would have them.
pub struct Kept {
    pub door: Fake,
    pub change: fn(&mut Trace),
    pub forgets: bool,
}

impl Refusals for Kept {
    fn since(&self, from: Time) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let refused = self.door.parts.refused.lock().unwrap();
        let since = refused.iter().filter(|time| !self.forgets && **time >= from);
        let kept = (0..).zip(since).map(|(index, time)| {
            let mut trace = Trace {
                index,
                kind: Kind::Refusal,
                event: Event::Refused,
                time: *time,
                clock: types::ClockState::Unknown,
                trace: TraceId::from_bytes([1; 16]),
                outcome: None,
                author: "account:aaaa".into(),
                role: None,
                establishment: None,
                door: Some("portal".into()),
                address: Some("127.0.0.1".into()),
                port: None,
                purpose: None,
                patients: Vec::new(),
                objects: Vec::new(),
                target: None,
                detail: None,
                count: None,
            };
            (self.change)(&mut trace);
            trace
        });
        let kept: Vec<_> = kept.collect();
        Box::pin(async move { Ok(kept) })
    }
}
