//! Those who guess, against the real program over TLS: a spray from many addresses, and a known tool. How many guesses are
//! looked at, what the hospital is told, and how long the owners of the accounts wait meanwhile (acces-web AA7).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod hydra;
#[path = "../nodes/mod.rs"]
mod nodes;
mod spray;

use demo::{Authority, Hospital, Sis, SisFaults};
use identity::TotpSecret;
use journal::{Journal, JournalConfig};
use nodes::{Running, free_port, poterne, serve, tls, until_health, words};
use policy::Policies;
use serde_json::Value;
use signin::{Enrolment, NewAccount};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use store::{StoreConfig, SystemClock};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use types::{Clock as _, Role, Secret, SystemActor};
use vault::{Holder, MasterKey};

const HOST: &str = "portail.test";
const DESK: &str = "bureau.test";
/// What the hospital declares to be shared by many.
const SHARED: &str = "127.0.3.0/24";

/// A node with the patients' door and the desk, so that what is tried at the one is told at the other.
struct Site {
    folder: tempfile::TempDir,
    authority: Authority,
    door: u16,
    desk: u16,
    health: u16,
    sis: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.sis.cancel();
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(store::SystemClock.now()).unwrap();
        let hospital = Hospital::generate(1, jiff::civil::date(2026, 11, 21));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sis_url = format!("https://localhost:{}/fhir", listener.local_addr().unwrap().port());
        let server = authority.issue_server(&["localhost"]).unwrap();
        let served = Sis::new(&hospital, &server, &authority.ca_pem(), SisFaults::new()).unwrap();
        let sis = CancellationToken::new();
        tokio::spawn(served.serve(listener, sis.clone()));
        let [door, desk, health] = [(); 3].map(|()| free_port());
        let site = Self { folder, authority, door, desk, health, sis };
        let (node, origin, listen) = (site.path("node"), format!("https://{HOST}:{door}"), format!("127.0.0.1:{door}"));
        let (desk_origin, desk_listen) = (format!("https://{DESK}:{desk}"), format!("127.0.0.1:{desk}"));
        let pairs = [
            ("--doors", "portal,desk"),
            ("--accept-single-zone", "RISQUE-ESSAI"),
            ("--establishment", "Hôpital d’essai"),
            ("--origin", &origin),
            ("--listen", &listen),
            ("--desk-origin", &desk_origin),
            ("--desk-listen", &desk_listen),
            ("--sis", &sis_url),
            ("--support", "01 99 00 00 00"),
            ("--name", "node1"),
        ];
        let mut line = vec!["init", node.to_str().unwrap()];
        line.extend(pairs.iter().flat_map(|(name, value)| [*name, *value]));
        let made = poterne(&line);
        assert!(made.status.success(), "{}", words(&made));
        site.write_keys();
        let text = fs::read_to_string(site.config()).unwrap();
        let text = text.replace("127.0.0.1:9464", &format!("127.0.0.1:{health}"));
        fs::write(site.config(), format!("{text}\n[sign_in]\nshared_addresses = [\"{SHARED}\"]\n")).unwrap();
        site
    }

    fn write_keys(&self) {
        let (keys, authority) = (self.path("node/keys"), &self.authority);
        for (door, name) in [("portal", HOST), ("desk", DESK)] {
            let issued = authority.issue_server(&[name]).unwrap();
            fs::write(keys.join(format!("{door}.crt")), &issued.chain_pem).unwrap();
            private(&keys.join(format!("{door}.key")), issued.key_pem.expose());
        }
        let client = authority.issue_client("node1").unwrap();
        fs::write(keys.join("sis-ca.crt"), authority.ca_pem()).unwrap();
        fs::write(keys.join("sis-client.crt"), &client.chain_pem).unwrap();
        private(&keys.join("sis-client.key"), client.key_pem.expose());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> String {
        self.path("node/poterne.toml").to_str().unwrap().to_owned()
    }

    async fn serve(&self) -> Running {
        let running = serve(&self.config(), &self.path("log"));
        until_health(self.health, "store", |check| check["status"] == "ready").await;
        running
    }

    /// An account made by the operator's command.
    fn account(&self, login: &str, role: &str, more: &[&str]) -> Value {
        let config = self.config();
        let words_of = ["account", "add", "--config", &config, "--login", login, "--name", "Personne Essai"];
        let added = poterne(&[&words_of[..], &["--role", role, "--format", "json"], more].concat());
        assert!(added.status.success(), "{}", words(&added));
        serde_json::from_slice(&added.stdout).unwrap()
    }

    fn patient(&self, login: &str, number: u64) -> Value {
        // Of a form that is right, and nobody's (place of birth 99 999).
        let body = 1_800_199_999_000 + number;
        self.account(login, "patient", &["--ins", &format!("{body}{:02}", 97 - body % 97)])
    }

    /// Accounts of patients who have no record, beside the node that serves: made here, each costs a hashing and no start of a program.
    async fn accounts(&self, logins: impl Iterator<Item = String>) {
        let data = self.path("node/data");
        let master = MasterKey::load(&self.path("node/keys/master.key")).unwrap();
        let url = format!("sqlite:{}", data.join("poterne.db").display());
        let (store, door) = store::open(&StoreConfig::new(url)).await.unwrap();
        let (folder, month_keys) = (data.join("journal"), data.join("vault"));
        let config = JournalConfig { folder, month_keys, origin: "essai".into(), reserve_slots: 64 };
        let journal = Journal::open(config, &master, door, Arc::new(SystemClock)).await.unwrap();
        let (policies, keys) = (Arc::new(Policies::built_in().unwrap()), master.keys_for(Holder::Enrolment));
        let enrolment = Enrolment::new(store.clone(), journal.clone(), policies, keys, SystemActor::Operator);
        let enrolment = Arc::new(enrolment);
        let [(establishment, _)] = enrolment.establishments().await.unwrap()[..] else { panic!("one hospital") };
        let mut making = JoinSet::new();
        for login in logins {
            let enrolment = Arc::clone(&enrolment);
            making.spawn(async move {
                let new = NewAccount {
                    display_name: "Personne Essai".into(),
                    role: Role::Patient,
                    supplier: None,
                    password: Secret::new(format!("{login}-Ce-que-personne-ne-devine-42")),
                    totp: TotpSecret::from_bytes(vault::random().unwrap()),
                    login,
                };
                enrolment.account(establishment, new).await.unwrap();
            });
            // As many as there are threads that hash, and some that write.
            if making.len() >= 8 {
                making.join_next().await.unwrap().unwrap();
            }
        }
        while let Some(made) = making.join_next().await {
            made.unwrap();
        }
        journal.close().await.unwrap();
        store.close().await;
    }

    /// All that the node's journal says, once it has stopped.
    fn traces(&self) -> Vec<journal::Trace> {
        let data = self.path("node/data");
        let master = vault::MasterKey::load(&self.path("node/keys/master.key")).unwrap();
        let months = vault::MonthKeys::new(&data.join("vault"), &master).unwrap();
        journal::read_traces(&data.join("journal/node1"), &months, 0..u64::MAX).unwrap()
    }

    fn visitor(&self, from: [u8; 4]) -> Visitor {
        self.visitor_of((HOST, self.door), from)
    }

    fn visitor_of(&self, (host, port): (&str, u16), from: [u8; 4]) -> Visitor {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&self.authority.ca_pem()))
            .resolve(host, (Ipv4Addr::LOCALHOST, port).into())
            .local_address(IpAddr::from(from))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .unwrap();
        Visitor { client, origin: format!("https://{host}:{port}") }
    }
}

/// Somebody at an address of his own, who fills in the forms.
#[derive(Clone)]
struct Visitor {
    client: reqwest::Client,
    origin: String,
}

/// What a form answered.
enum Answer {
    /// The next page, or nothing beside the status.
    Page(u16, String),
    /// It opened; the cookie.
    Opened(String),
    /// Wait.
    Wait(Duration),
}

impl Visitor {
    async fn post(&self, path: &str, body: String) -> Answer {
        let sent = self
            .client
            .post(format!("{}{path}", self.origin))
            .header("origin", &self.origin)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send();
        let answer = sent.await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        if status == 429 {
            let seconds = headers["retry-after"].to_str().unwrap().parse().unwrap();
            return Answer::Wait(Duration::from_secs(seconds));
        }
        match headers.get("set-cookie") {
            Some(cookie) if status == 303 => {
                Answer::Opened(cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            }
            _ => Answer::Page(status, answer.text().await.unwrap()),
        }
    }

    /// The password's form; the ceremony that its page gives, or how long to wait. What a browser would solve is solved.
    async fn password(&self, login: &str, password: &str) -> Result<String, Duration> {
        let form = format!("login={login}&password={password}");
        let hidden = |page: &str, name: &str| {
            let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let page = self.client.get(format!("{}/fr/", self.origin)).send().await.unwrap().text().await.unwrap();
        let form = match page.contains("name=\"puzzle\"") {
            true => {
                let puzzle = hidden(&page, "puzzle");
                let solved = identity::solve_puzzle(&puzzle);
                format!("{form}&puzzle={puzzle}&answer={solved}")
            }
            false => form,
        };
        let answer = self.post("/fr/session", form).await;
        match answer {
            Answer::Page(200, page) => Ok(hidden(&page, "ceremony")),
            Answer::Wait(wait) => Err(wait),
            // Too many at once: not now.
            _ => Err(Duration::from_secs(1)),
        }
    }

    async fn code(&self, ceremony: &str, code: &str) -> Answer {
        self.post("/fr/session/code", format!("ceremony={ceremony}&code={code}")).await
    }

    /// Signs in as a browser does; gives the cookie and how long it took, or how long to wait.
    async fn sign_in(&self, account: &Value, code: Code) -> Result<(String, Duration), Duration> {
        let began = Instant::now();
        let (login, password) = (account["login"].as_str().unwrap(), account["password"].as_str().unwrap());
        self.client.get(format!("{}/fr/", self.origin)).send().await.unwrap();
        let ceremony = self.password(login, password).await?;
        match self.code(&ceremony, &code.of(account)).await {
            Answer::Opened(cookie) => Ok((cookie, began.elapsed())),
            Answer::Wait(wait) => Err(wait),
            Answer::Page(status, page) => panic!("{login}: {status} {page}"),
        }
    }

    /// The first page of somebody who is signed in.
    async fn home(&self, cookie: &str) -> String {
        let page = self.client.get(format!("{}/fr/", self.origin)).header("cookie", cookie).send().await.unwrap();
        page.text().await.unwrap()
    }
}

/// A code serves once: those of half a minute before and after are taken too.
#[derive(Clone, Copy)]
struct Code(i64);

impl Code {
    fn of(self, account: &Value) -> String {
        let secret = data_encoding::BASE32_NOPAD.decode(account["totp_secret"].as_str().unwrap().as_bytes()).unwrap();
        let totp = totp_rs::Builder::new().with_secret(<[u8; 20]>::try_from(secret).unwrap()).build().unwrap();
        totp.generate(u64::try_from(store::SystemClock.now().seconds() + 30 * self.0).unwrap()).to_string()
    }
}
