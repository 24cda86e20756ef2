//! Who comes: the suppliers' people with sessions and tokens, and the hospital's who decide.

use crate::house::{HERE, House};
use axum::{body::Body, extract::Request, http::HeaderMap};
use data_encoding::BASE64;
use demo::SoftPasskey;
use http_body_util::BodyExt as _;
use identity::{
    TotpSecret,
    passkey::{Assertion, PasskeyRecord, RelyingParty, verify_registration},
};
use interventions::{Fleet, PinnedKey, Pins, Signed, Signer};
use signin::{Enrolment, NewAccount, NewToken};
use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};
use tower::ServiceExt as _;
use types::{AccountId, ClientAddress, Clock as _, Role, Secret, SupplierId, SystemActor, TokenScope};

const PASSWORD: &str = "la lanterne du veilleur";
pub const ADDRESS: [u8; 4] = [192, 0, 2, 8];
/// Good for everything that this door's interface offers.
pub const ALL: &[TokenScope] =
    &[TokenScope::InterventionsRead, TokenScope::InterventionsWrite, TokenScope::EquipmentRead];
/// How long a token of [`House::token`] is good for.
pub const TOKEN_SECONDS: i64 = 3600;
/// A code is taken once: the next one comes after this.
const CODE_SECONDS: i64 = 30;

const PEOPLE: [(&str, Role, Option<usize>); 7] = [
    ("maud.kervella", Role::Administrator, None),
    ("nadia.ferrand", Role::Beneficiary, None),
    ("erwan.tanguy", Role::Technician, Some(0)),
    ("solene.lebihan", Role::Technician, Some(0)),
    ("lise.maillard", Role::SupplierManager, Some(0)),
    ("karim.oukaci", Role::Technician, Some(1)),
    ("victor.leblond", Role::Auditor, None),
];

/// A key's line; `fill` makes it another.
pub fn key_line(fill: u8) -> String {
    let blob = [b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20".as_slice(), &[fill; 32]].concat();
    format!("ssh-ed25519 {} poste {fill}", BASE64.encode(&blob))
}

/// Who has a key from the start, and which.
pub fn key_fills() -> HashMap<&'static str, u8> {
    HashMap::from([("solene.lebihan", 1), ("karim.oukaci", 2)])
}

#[derive(Default)]
pub struct Keychain(HashMap<AccountId, SoftPasskey>);

impl Signer for Keychain {
    fn sign(&self, account: AccountId, challenge: &[u8; 32]) -> Option<Assertion> {
        let made = self.0.get(&account)?.assert(&rp().id, &rp().origin, challenge).ok()?;
        Some(Assertion {
            credential: made.credential,
            client_data_json: made.client_data_json,
            authenticator_data: made.authenticator_data,
            signature: made.signature,
        })
    }
}

pub fn rp() -> RelyingParty {
    RelyingParty { id: "localhost".into(), origin: "https://localhost:8445".into() }
}

fn totp_of(login: &str) -> [u8; 20] {
    let mut secret = [7; 20];
    secret[0] = login.as_bytes()[0];
    secret
}

pub async fn enrol(enrolment: &Enrolment, suppliers: [SupplierId; 2]) -> HashMap<&'static str, AccountId> {
    let mut accounts = HashMap::new();
    for (login, role, supplier) in PEOPLE {
        let new = NewAccount {
            login: login.into(),
            display_name: login.replace('.', " "),
            role,
            supplier: supplier.map(|at| suppliers[at]),
            password: Secret::new(PASSWORD.into()),
            totp: TotpSecret::from_bytes(totp_of(login)),
        };
        accounts.insert(login, enrolment.account(HERE, new).await.unwrap());
    }
    for (login, fill) in key_fills() {
        enrolment.ssh_key(accounts[login], &key_line(fill), "poste").await.unwrap();
    }
    accounts
}

/// The administrator's passkey is pinned; he vouches for the beneficiary's.
pub async fn passkeys(
    enrolment: &Enrolment,
    fleet: &Fleet,
    pins: &Pins,
    (admin, beneficiary): (AccountId, AccountId),
) -> Arc<Keychain> {
    let mut keychain = Keychain::default();
    let mut credentials = Vec::new();
    for account in [admin, beneficiary] {
        let soft = SoftPasskey::draw().unwrap().0;
        let made = soft.register(&rp().id, &rp().origin, &[3; 32]);
        let public = verify_registration(&rp(), &[3; 32], &made.client_data_json, &made.attestation_object).unwrap();
        if account == admin {
            pins.add(PinnedKey {
                credential: public.credential.clone(),
                public_key: public.public_key.to_cose(),
                account,
                role: Role::Administrator,
                establishment: HERE,
            });
        }
        credentials.push(public.credential.clone());
        enrolment.passkey(account, &PasskeyRecord { renewal: 0, public, label: "essai".into() }).await.unwrap();
        keychain.0.insert(account, soft);
    }
    let (_, evidence) = fleet.vouch(&credentials[1], (admin, &keychain)).await.unwrap();
    enrolment.vouch(&credentials[1], &evidence).await.unwrap();
    Arc::new(keychain)
}

impl House {
    /// A token of the suppliers' door, from anywhere, for an hour.
    pub async fn token(&self, login: &str, scopes: &[TokenScope]) -> String {
        self.token_from(login, scopes, &[]).await
    }

    /// The same, from these addresses only.
    pub async fn token_from(&self, login: &str, scopes: &[TokenScope], sources: &[&str]) -> String {
        let new = self.new_token(scopes, sources);
        let (_, text) = self.tokens.issue_as(SystemActor::Demo, self.accounts[login], new).await.unwrap();
        format!("Bearer {}", text.expose())
    }

    /// A token of the desk, of a beneficiary.
    pub async fn desk_token(&self, scopes: &[TokenScope]) -> String {
        let (account, new) = (self.accounts["nadia.ferrand"], self.new_token(scopes, &[]));
        let (_, text) = self.desk_tokens.issue_as(SystemActor::Demo, account, new).await.unwrap();
        format!("Bearer {}", text.expose())
    }

    fn new_token(&self, scopes: &[TokenScope], sources: &[&str]) -> NewToken {
        NewToken {
            label: "essai".into(),
            scopes: scopes.iter().copied().collect(),
            expires: self.clock.now() + Duration::from_secs(TOKEN_SECONDS.unsigned_abs()),
            sources: sources.iter().map(|range| range.parse().unwrap()).collect(),
        }
    }

    /// The beneficiary approves.
    pub async fn approve(&self, id: &str) {
        let who = self.beneficiary().await;
        self.desk.approve(&who, id.parse().unwrap(), Signed::Here).await.unwrap();
    }

    /// The beneficiary refuses.
    pub async fn refuse(&self, id: &str, why: &str) {
        let who = self.beneficiary().await;
        self.desk.refuse(&who, id.parse().unwrap(), why).await.unwrap();
    }

    /// The beneficiary cuts.
    pub async fn cut(&self, id: &str, why: &str) {
        let who = self.beneficiary().await;
        let id = id.parse().unwrap();
        self.desk.cut(&who, id, why).await.unwrap();
        // It is in force at once; its row follows.
        for _ in 0..500 {
            if self.desk.get(&who, id).await.unwrap().state == interventions::State::Cut {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the cut is not written down");
    }

    async fn beneficiary(&self) -> identity::Authenticated {
        let token = self.desk_token(&[TokenScope::InterventionsWrite]).await;
        let text = token.strip_prefix("Bearer ").unwrap();
        self.desk_tokens.resume(text, client(ADDRESS)).await.unwrap().authenticated
    }

    pub async fn ask(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.ask_from(ADDRESS, line, headers, body).await
    }

    pub async fn ask_from(
        &self,
        address: [u8; 4],
        line: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        request.extensions_mut().insert(client(address));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8(body).unwrap() }
    }

    /// A program's request with a token.
    pub async fn call(&self, line: &str, token: &str, body: &str) -> Answer {
        self.ask(line, &[("authorization", token), ("content-type", "application/json")], body.to_owned()).await
    }

    /// Signs somebody in with the two forms.
    pub async fn sign_in(&self, login: &str) -> Member<'_> {
        let stranger = self.stranger();
        let first = stranger.send("/fr/session", &[("login", login), ("password", PASSWORD)]).await;
        let ceremony = first.field("ceremony").unwrap();
        let code = self.code(login);
        let opened = stranger.send("/fr/session/code", &[("ceremony", &ceremony), ("code", &code)]).await;
        assert_eq!(opened.status, 303, "{}", opened.text);
        let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
        let mut member = Member { cookie: Some(cookie), ..stranger };
        member.csrf = member.get("/fr/session").await.field("csrf").unwrap();
        member
    }

    /// The value of the cookie of a beneficiary's session at the desk.
    pub async fn desk_session(&self) -> String {
        let (login, address) = ("nadia.ferrand", client(ADDRESS));
        let ceremony = self.desk_signin.first_step(login, Secret::new(PASSWORD.into()), address).await.unwrap();
        self.desk_signin.second_step(&ceremony, &self.code(login), address).await.unwrap().cookie
    }

    /// The next code of somebody's application: a code of its own for each sign-in.
    fn code(&self, login: &str) -> String {
        self.clock.advance(CODE_SECONDS);
        let totp = totp_rs::Builder::new().with_secret(totp_of(login)).build().unwrap();
        totp.generate(u64::try_from(self.clock.now().seconds()).unwrap()).to_string()
    }

    pub fn stranger(&self) -> Member<'_> {
        Member { house: self, cookie: None, csrf: String::new() }
    }
}

fn client(address: [u8; 4]) -> ClientAddress {
    ClientAddress::new(IpAddr::from(address))
}

/// Somebody with a cookie, or none.
pub struct Member<'h> {
    pub house: &'h House,
    pub cookie: Option<String>,
    pub csrf: String,
}

impl Member<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        let headers: Vec<_> = self.cookie.as_deref().map(|cookie| ("cookie", cookie)).into_iter().collect();
        self.house.ask(&format!("GET {path}"), &headers, "").await
    }

    /// A form of the door's own pages, with its token.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend(fields);
        self.post(path, form(&all)).await
    }

    /// What a form of the door's own pages sends, whatever it is.
    pub async fn post(&self, path: &str, body: String) -> Answer {
        let mut headers = vec![("sec-fetch-site", "same-origin"), FORM];
        headers.extend(self.cookie.as_deref().map(|cookie| ("cookie", cookie)));
        self.house.ask(&format!("POST {path}"), &headers, body).await
    }
}

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Fields as a browser sends them.
pub fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[derive(Clone)]
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

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }

    /// The body as a problem, with what every problem has.
    pub fn problem(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), entrance::api::PROBLEM_JSON, "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        let kind = problem["type"].as_str().unwrap_or_default();
        assert!(kind == "about:blank" || kind.starts_with("urn:poterne:problem:"), "{problem}");
        assert_eq!(problem["reference"].as_str().map(str::len), Some(12), "{problem}");
        problem
    }

    /// All of the answer but what differs from one request to the next: its reference, and where it leads.
    pub fn blanked(&self) -> (u16, Vec<(String, String)>, String) {
        let reference = match self.header("content-type") {
            entrance::api::PROBLEM_JSON => self.problem()["reference"].as_str().map(str::to_owned),
            _ => self.text.split_once("<p class=\"reference\">").map(|(_, after)| {
                let (_, code) = after.split_once("<code>").unwrap();
                code.split('<').next().unwrap().to_owned()
            }),
        };
        let text = match reference {
            Some(reference) => self.text.replace(&reference, "…"),
            None => self.text.clone(),
        };
        let headers = self.headers.iter().map(|(name, value)| {
            (name.to_string(), value.to_str().map_or_else(|_| format!("{value:?}"), str::to_owned))
        });
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        (self.status, headers, text)
    }
}
