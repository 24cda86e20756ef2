//! Each route of the door with what it is asked with: the walks take it from here, and no route is left out.

use crate::{
    house::House,
    people::{ALL, Answer, FORM, Member, form, key_line},
};
use serde_json::json;
use std::time::Duration;
use suppliers::{Asks, ROUTES};
use types::{Clock as _, SystemActor, TokenScope};

/// Whose all that is made here is: a technician of Armor Imagerie.
pub const OWNER: &str = "solene.lebihan";
/// What only she and her manager may read of it.
pub const PURPOSE: &str = "Relever les compteurs du tube";
/// An identifier that nothing has.
pub const NOTHING: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Whose identifier stands in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// None does.
    Nobody,
    /// An equipment: every supplier's people may ask for it.
    Equipment,
    /// An intervention in this state.
    Waiting,
    Planned,
    Open,
    /// A token.
    Token,
    /// A sign-in by SSH that waits for an answer.
    Approval,
}

/// A route of the door.
pub struct Entry {
    /// Its method, and its path as the door's own list has it.
    pub line: &'static str,
    pub names: Names,
    /// What this person sends with it, beside a form's token.
    pub sends: fn(&House, &str) -> String,
    /// The answer to whom it is for.
    pub answer: u16,
    /// What a token must be good for.
    pub scope: Option<TokenScope>,
}

const READ: Option<TokenScope> = Some(TokenScope::InterventionsRead);
const WRITE: Option<TokenScope> = Some(TokenScope::InterventionsWrite);
const SEE: Option<TokenScope> = Some(TokenScope::EquipmentRead);

const fn page(line: &'static str, names: Names) -> Entry {
    Entry { line, names, sends: nothing, answer: 200, scope: None }
}

const fn posted(line: &'static str, names: Names, sends: fn(&House, &str) -> String) -> Entry {
    Entry { line, names, sends, answer: 303, scope: None }
}

const fn program(line: &'static str, names: Names, answer: u16, scope: Option<TokenScope>) -> Entry {
    Entry { line, names, sends: nothing, answer, scope }
}

pub const TABLE: &[Entry] = &[
    page("GET /{lang}/", Names::Nobody),
    page("GET /{lang}/interventions", Names::Nobody),
    posted("POST /{lang}/interventions", Names::Nobody, request_form),
    page("GET /{lang}/interventions/new", Names::Nobody),
    page("GET /{lang}/interventions/{id}", Names::Waiting),
    posted("POST /{lang}/interventions/{id}/withdraw", Names::Waiting, nothing),
    posted("POST /{lang}/interventions/{id}/open", Names::Planned, nothing),
    posted("POST /{lang}/interventions/{id}/close", Names::Open, nothing),
    page("GET /{lang}/means", Names::Nobody),
    posted("POST /{lang}/means/keys", Names::Nobody, key_form),
    posted("POST /{lang}/means/keys/remove", Names::Nobody, removal_form),
    Entry { answer: 201, ..posted("POST /{lang}/means/tokens", Names::Nobody, token_form) },
    posted("POST /{lang}/means/tokens/{id}/revoke", Names::Token, nothing),
    Entry { answer: 303, ..page("GET /ssh", Names::Nobody) },
    page("GET /{lang}/ssh", Names::Nobody),
    posted("POST /{lang}/ssh/{id}/approve", Names::Approval, nothing),
    posted("POST /{lang}/ssh/{id}/refuse", Names::Approval, nothing),
    page("GET /api/v1/openapi.json", Names::Nobody),
    program("GET /api/v1/interventions", Names::Nobody, 200, READ),
    Entry { sends: request_body, ..program("POST /api/v1/interventions", Names::Nobody, 201, WRITE) },
    program("GET /api/v1/interventions/{id}", Names::Open, 200, READ),
    program("POST /api/v1/interventions/{id}/withdraw", Names::Planned, 204, WRITE),
    program("POST /api/v1/interventions/{id}/open", Names::Planned, 204, WRITE),
    program("POST /api/v1/interventions/{id}/close", Names::Open, 204, WRITE),
    program("GET /api/v1/targets", Names::Nobody, 200, SEE),
    program("GET /api/v1/targets/{id}", Names::Equipment, 200, SEE),
];

fn nothing(_: &House, _: &str) -> String {
    String::new()
}

fn purpose(login: &str) -> &'static str {
    if login == OWNER { PURPOSE } else { "Contrôle annuel" }
}

fn request_form(house: &House, login: &str) -> String {
    form(&[
        ("equipment", &house.scanner.to_string()),
        ("activity", "monitoring"),
        ("purpose", purpose(login)),
        ("from", &house.clock.local(-1)),
        ("until", &house.clock.local(60)),
        ("technicians", &house.accounts[login].to_string()),
        ("rights", "shell"),
    ])
}

fn request_body(house: &House, login: &str) -> String {
    let (from, until) = (house.clock.moment(-1), house.clock.moment(60));
    let body = json!({
        "equipment": "scanner-1", "activity": "maintenance", "purpose": purpose(login), "from": from,
        "until": until,
    });
    body.to_string()
}

/// A key of his own, beside the one that he was given.
fn new_key(login: &str) -> String {
    key_line(login.as_bytes()[0])
}

fn key_form(_: &House, login: &str) -> String {
    form(&[("key", &new_key(login)), ("label", "")])
}

fn removal_form(_: &House, login: &str) -> String {
    let (key, _) = identity::SshPublicKey::from_line(&new_key(login)).unwrap();
    form(&[("fingerprint", &key.fingerprint())])
}

fn token_form(_: &House, _: &str) -> String {
    form(&[("label", "GMAO"), ("scopes", "interventions:read"), ("days", "30"), ("sources", "")])
}

impl Entry {
    pub fn asks(&self) -> Asks {
        let route = ROUTES.iter().find(|route| format!("{} {}", route.method, route.path) == self.line);
        route.unwrap_or_else(|| panic!("{} is no route of the door", self.line)).asks
    }

    pub fn is_form(&self) -> bool {
        self.line.starts_with("POST /{lang}/")
    }

    /// With this identifier.
    pub fn line(&self, id: &str) -> String {
        self.line.replace("{lang}", "fr").replace("{id}", id)
    }

    /// Asked by somebody, with what he has: a cookie where pages hear it, a token where programs are heard.
    pub async fn asked(&self, house: &House, id: &str, who: &Visitor<'_>) -> Answer {
        let mut body = (self.sends)(house, who.login);
        let mut headers = Vec::new();
        if self.line.contains(" /api/") {
            headers.push(("content-type", "application/json"));
        } else {
            headers.extend([("sec-fetch-site", "same-origin"), FORM]);
            body = [form(&[("csrf", &who.csrf)]), body].join("&");
        }
        headers.extend(who.cookie.as_deref().map(|cookie| ("cookie", cookie)));
        headers.extend(who.token.as_deref().map(|token| ("authorization", token)));
        if self.line.starts_with("GET ") {
            body.clear();
        }
        house.ask_from(who.address, &self.line(id), &headers, body).await
    }
}

/// Somebody with all that he shows, at pages and at the interface alike.
#[derive(Clone)]
pub struct Visitor<'a> {
    pub login: &'a str,
    pub cookie: Option<String>,
    pub csrf: String,
    pub token: Option<String>,
    pub address: [u8; 4],
}

impl House {
    /// Signed in, and with a token that is good for everything.
    pub async fn visitor<'a>(&self, login: &'a str) -> Visitor<'a> {
        let Member { cookie, csrf, .. } = self.sign_in(login).await;
        let token = Some(self.token(login, ALL).await);
        Visitor { login, cookie, csrf, token, address: crate::people::ADDRESS }
    }

    /// The identifier of something new of the owner's.
    pub async fn made(&self, names: Names) -> String {
        match names {
            Names::Nobody => String::new(),
            Names::Equipment => self.scanner.to_string(),
            Names::Token => {
                let new = signin::NewToken {
                    label: "Supervision".into(),
                    scopes: ALL.iter().copied().collect(),
                    expires: self.clock.now() + Duration::from_secs(3600),
                    sources: Vec::new(),
                };
                self.tokens.issue_as(SystemActor::Demo, self.accounts[OWNER], new).await.unwrap().0.to_string()
            }
            Names::Approval => {
                self.asks_by_ssh(OWNER, crate::people::ADDRESS, Some("scanner-1")).await;
                let who = self.sign_in(OWNER).await;
                let page = who.get("/fr/ssh").await;
                let (_, id) = page.text.split_once("action=\"/fr/ssh/").unwrap_or_else(|| panic!("{}", page.text));
                id.split('/').next().unwrap().to_owned()
            }
            Names::Waiting | Names::Planned | Names::Open => self.intervention(names).await,
        }
    }

    async fn intervention(&self, names: Names) -> String {
        let token = self.token(OWNER, ALL).await;
        let sent = self.call("POST /api/v1/interventions", &token, &request_body(self, OWNER)).await;
        let id = sent.json()["id"].as_str().unwrap_or_else(|| panic!("{}", sent.text)).to_owned();
        if names != Names::Waiting {
            self.approve(&id).await;
        }
        if names == Names::Open {
            assert_eq!(self.call(&format!("POST /api/v1/interventions/{id}/open"), &token, "").await.status, 204);
        }
        id
    }
}

#[test]
fn the_table_names_every_route_of_the_door() {
    let mut listed: Vec<String> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let mut walked: Vec<String> = TABLE.iter().map(|entry| entry.line.to_owned()).collect();
    listed.sort();
    walked.sort();
    assert_eq!(walked, listed, "what is not here is not walked");
    for entry in TABLE {
        assert_eq!(entry.scope.is_some(), entry.asks() == Asks::Token, "{}", entry.line);
        assert_eq!(entry.names == Names::Nobody, !entry.line.contains("{id}"), "{}", entry.line);
    }
}
