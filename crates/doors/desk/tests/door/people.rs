//! Who comes: the hospital's people with sessions, tokens and passkeys, another hospital's, and a technician.

use crate::{ELSEWHERE, HERE, house::House};
use axum::{body::Body, extract::Request, http::HeaderMap};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use demo::SoftPasskey;
use http_body_util::BodyExt as _;
use identity::{
    Authenticated, TotpSecret,
    passkey::{Assertion, PasskeyRecord, RelyingParty, verify_registration},
};
use interventions::{Fleet, PinnedKey, Pins, Signer};
use signin::{Enrolment, NewAccount, NewToken};
use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};
use tower::ServiceExt as _;
use types::{AccountId, ClientAddress, Clock as _, EstablishmentId, Role, Secret, SupplierId, SystemActor, TokenScope};

pub const PASSWORD: &str = "la lanterne du veilleur";
pub const ADDRESS: [u8; 4] = [192, 0, 2, 8];
/// How long a token of [`House::token`] is good for.
pub const TOKEN_SECONDS: i64 = 3600;
/// A code is taken once: the next one comes after this.
const CODE_SECONDS: i64 = 30;

/// Somebody, by his login; the six roles of the desk have one person each whose login is the role's word.
pub struct Person {
    pub login: &'static str,
    pub role: Role,
    pub place: EstablishmentId,
}

const fn person(login: &'static str, role: Role, place: EstablishmentId) -> Person {
    Person { login, role, place }
}

pub const PEOPLE: &[Person] = &[
    person("beneficiary", Role::Beneficiary, HERE),
    person("on_call", Role::OnCall, HERE),
    person("security_officer", Role::SecurityOfficer, HERE),
    person("administrator", Role::Administrator, HERE),
    person("trace_controller", Role::TraceController, HERE),
    person("dpo", Role::Dpo, HERE),
    // He answers for no equipment.
    person("beneficiary.other", Role::Beneficiary, HERE),
    person("elsewhere.on_call", Role::OnCall, ELSEWHERE),
    person("elsewhere.administrator", Role::Administrator, ELSEWHERE),
    person("elsewhere.trace_controller", Role::TraceController, ELSEWHERE),
];
/// He comes through other doors only.
pub const TECHNICIAN: Person = person("technician", Role::Technician, HERE);

/// A key's line; `fill` makes it another.
pub fn key_line(fill: u8) -> String {
    let blob = [b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20".as_slice(), &[fill; 32]].concat();
    format!("ssh-ed25519 {} poste", BASE64.encode(&blob))
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
    let length = login.len().min(20);
    secret[..length].copy_from_slice(&login.as_bytes()[..length]);
    secret
}

pub async fn enrol(enrolment: &Enrolment, supplier: SupplierId) -> HashMap<&'static str, AccountId> {
    let mut accounts = HashMap::new();
    for one in PEOPLE.iter().chain([&TECHNICIAN]) {
        let new = NewAccount {
            login: one.login.into(),
            display_name: format!("Personne {}", one.login),
            role: one.role,
            supplier: (one.role == Role::Technician).then_some(supplier),
            password: Secret::new(PASSWORD.into()),
            totp: TotpSecret::from_bytes(totp_of(one.login)),
        };
        accounts.insert(one.login, enrolment.account(one.place, new).await.unwrap());
    }
    enrolment.ssh_key(accounts["technician"], &key_line(1), "poste").await.unwrap();
    accounts
}

/// The passkey of somebody, enrolled and not vouched for.
pub async fn passkey(enrolment: &Enrolment, account: AccountId) -> (SoftPasskey, PasskeyRecord) {
    let soft = SoftPasskey::draw().unwrap().0;
    let made = soft.register(&rp().id, &rp().origin, &[3; 32]);
    let public = verify_registration(&rp(), &[3; 32], &made.client_data_json, &made.attestation_object).unwrap();
    let record = PasskeyRecord { renewal: 0, public, label: "essai".into() };
    enrolment.passkey(account, &record).await.unwrap();
    (soft, record)
}

/// The administrator's passkey is pinned; he vouches for the others'.
pub async fn passkeys(
    enrolment: &Enrolment,
    fleet: &Fleet,
    pins: &Pins,
    (admin, others): (AccountId, [AccountId; 2]),
) -> Arc<Keychain> {
    let mut keychain = Keychain::default();
    let (soft, record) = passkey(enrolment, admin).await;
    pins.add(PinnedKey {
        credential: record.public.credential.clone(),
        public_key: record.public.public_key.to_cose(),
        account: admin,
        role: Role::Administrator,
        establishment: HERE,
    });
    keychain.0.insert(admin, soft);
    for other in others {
        let (soft, record) = passkey(enrolment, other).await;
        keychain.0.insert(other, soft);
        let (_, evidence) = fleet.vouch(&record.public.credential, (admin, &keychain)).await.unwrap();
        enrolment.vouch(&record.public.credential, &evidence).await.unwrap();
    }
    Arc::new(keychain)
}

pub fn client(address: [u8; 4]) -> ClientAddress {
    ClientAddress::new(IpAddr::from(address))
}

impl House {
    /// A token of the desk, from anywhere, for an hour.
    pub async fn token(&self, login: &str, scopes: &[TokenScope]) -> String {
        self.token_from(login, scopes, &[]).await
    }

    /// The same, from these addresses only.
    pub async fn token_from(&self, login: &str, scopes: &[TokenScope], sources: &[&str]) -> String {
        let new = self.new_token(scopes, sources);
        let (_, text) = self.tokens.issue_as(SystemActor::Demo, self.accounts[login], new).await.unwrap();
        format!("Bearer {}", text.expose())
    }

    /// A token of the suppliers' door, of the technician.
    pub async fn suppliers_token(&self) -> String {
        let (account, new) = (self.accounts["technician"], self.new_token(TokenScope::ALL, &[]));
        let (_, text) = self.suppliers_tokens.issue_as(SystemActor::Demo, account, new).await.unwrap();
        format!("Bearer {}", text.expose())
    }

    pub fn new_token(&self, scopes: &[TokenScope], sources: &[&str]) -> NewToken {
        NewToken {
            label: "essai".into(),
            scopes: scopes.iter().copied().collect(),
            expires: self.clock.now() + Duration::from_secs(TOKEN_SECONDS.unsigned_abs()),
            sources: sources.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    /// Somebody at the desk, as its services know him.
    pub async fn at_desk(&self, login: &'static str) -> Authenticated {
        let held = self.held.lock().unwrap().get(login).cloned();
        let token = match held {
            Some(token) => token,
            None => self.token(login, TokenScope::ALL).await,
        };
        self.held.lock().unwrap().insert(login, token.clone());
        self.tokens.resume(token.strip_prefix("Bearer ").unwrap(), client(ADDRESS)).await.unwrap().authenticated
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
        let mut member = Member { cookie: Some(cookie), login: login.to_owned(), ..stranger };
        member.csrf = member.get("/fr/session").await.field("csrf").unwrap();
        member
    }

    /// The next code of somebody's application: a code of its own for each sign-in.
    pub fn code(&self, login: &str) -> String {
        self.clock.advance(CODE_SECONDS);
        let totp = totp_rs::Builder::new().with_secret(totp_of(login)).build().unwrap();
        totp.generate(u64::try_from(self.clock.now().seconds()).unwrap()).to_string()
    }

    pub fn stranger(&self) -> Member<'_> {
        Member { house: self, login: String::new(), cookie: None, csrf: String::new() }
    }
}

/// Somebody with a cookie, or none.
pub struct Member<'h> {
    pub house: &'h House,
    /// Whose passkey signs.
    pub login: String,
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

    /// A form of the door's own pages that leads to one to be signed, which is signed and sent with what it says.
    pub async fn sign(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let asked = self.send(path, fields).await;
        let signature = self.signature(&asked);
        let mut signed = fields.to_vec();
        signed.extend(signature.iter().map(|(name, value)| (*name, value.as_str())));
        self.send(path, &signed).await
    }

    /// What the page's script fills in, on a page that asks for a signature.
    pub fn signature(&self, page: &Answer) -> Vec<(&'static str, String)> {
        let challenge = page.text.split("data-challenge=\"").nth(1).unwrap_or_else(|| panic!("{}", page.text));
        let challenge = BASE64URL_NOPAD.decode(challenge.split('"').next().unwrap().as_bytes()).unwrap();
        let account = self.house.accounts[self.login.as_str()];
        let made = self.house.keychain.sign(account, &challenge.try_into().unwrap()).unwrap();
        let bytes = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        vec![
            ("nonce", page.field("nonce").unwrap()),
            ("credential", bytes(&made.credential)),
            ("client_data_json", bytes(&made.client_data_json)),
            ("authenticator_data", bytes(&made.authenticator_data)),
            ("signature", bytes(&made.signature)),
        ]
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

    /// All of the answer but its reference, which no two have in common.
    pub fn blanked(&self) -> (u16, Vec<(String, String)>, String) {
        let reference = match self.header("content-type") {
            entrance::api::PROBLEM_JSON => self.problem()["reference"].as_str().map(str::to_owned),
            _ => self.text.split_once("<p class=\"reference\">").map(|(_, after)| {
                let (_, code) = after.split_once("<code>").unwrap();
                code.split('<').next().unwrap().to_owned()
            }),
        };
        let text = reference.map_or_else(|| self.text.clone(), |reference| self.text.replace(&reference, "…"));
        let headers = self.headers.iter().map(|(name, value)| {
            (name.to_string(), value.to_str().map_or_else(|_| format!("{value:?}"), str::to_owned))
        });
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        (self.status, headers, text)
    }
}
