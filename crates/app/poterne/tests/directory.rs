//! A desk's node and its directory, as an operator sees them: checked, followed, missed when it is down, found again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;
#[path = "../../../keep/directory/tests/peers/mod.rs"]
mod peers;

use nodes::{free_port, node, poterne, serve, tls, trusted_desk, until_health, words};
use peers::{OpenLdap, SERVICE, group, group_dn, person, person_dn};
use serde_json::Value;
use std::{fs, net::Ipv4Addr, os::unix::fs::PermissionsExt as _, path::Path};
use types::Clock as _;

/// Adds the directory to a desk's configuration.
fn with_directory(config: &str, server: &OpenLdap) {
    let keys = Path::new(config).parent().unwrap().join("keys");
    fs::write(keys.join("directory-ca.crt"), server.authority.pem()).unwrap();
    let password = keys.join("directory.password");
    fs::write(&password, format!("{}\n", SERVICE.1)).unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let section = format!(
        "\n[directory]\nkind = \"openldap\"\nservers = [\"ldaps://127.0.0.1:{}\"]\nca_file = \"keys/directory-ca.crt\"\n\
         service_dn = \"{}\"\nservice_password_file = \"keys/directory.password\"\n\
         people_base = \"ou=personnes,dc=essai\"\ngroups_base = \"ou=groupes,dc=essai\"\nsynchronize_seconds = 10\n\n\
         [[directory.groups]]\ngroup = \"{}\"\nrole = \"on_call\"\n",
        server.ldaps,
        SERVICE.0,
        group_dn("garde"),
    );
    fs::write(config, fs::read_to_string(config).unwrap() + &section).unwrap();
}

#[tokio::test]
async fn a_node_follows_its_directory_and_says_when_it_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [person("camille", "Camille", "Essai"), group("garde", &[person_dn("camille")])].concat();
    let mut server = OpenLdap::start(&entries);
    let health = free_port();
    let config = node(folder.path(), health);
    with_directory(&config, &server);
    let checked = poterne(&["check", "--config", &config]);
    let said = words(&checked);
    assert!(said.contains("✓ directory: answers; 1 people are in the groups that come in"), "{said}");

    let log = folder.path().join("log");
    let running = serve(&config, &log);
    until_health(health, "directory", |check| check["status"] == "ready").await;
    // Its probe asked it too: the account that arrived waits for a link, so that nothing could be held against it yet.
    let rule = until_proof(&config, "O-4.1").await;
    assert_eq!(rule["state"], "partial", "{rule}");
    assert!(rule.to_string().contains("no account of the directory is in use"), "{rule}");
    let add = |login: &str| {
        let names = ["--login", login, "--name", "Personne", "--role", "on_call"];
        poterne(&[&["account", "add", "--config", config.as_str()][..], &names].concat())
    };
    let taken = add("camille");
    assert!(!taken.status.success(), "the account is there: {}", words(&taken));

    server.stop();
    let degraded = until_health(health, "directory", |check| check["status"] == "degraded").await;
    assert!(degraded.to_string().contains("does not answer"), "{degraded}");
    let checked = poterne(&["check", "--config", &config]);
    assert_eq!(checked.status.code(), Some(1), "{}", words(&checked));
    // Somebody arrives meanwhile, whose login an account has that is kept here.
    assert!(add("sacha").status.success());
    server.resume();
    let arrives = person("sacha", "Sacha", "Exemple").replacen("objectClass:", "changetype: add\nobjectClass:", 1);
    let (garde, sacha) = (group_dn("garde"), person_dn("sacha"));
    server.change(&format!("{arrives}dn: {garde}\nchangetype: modify\nadd: member\nmember: {sacha}\n"));
    let held = until_health(health, "directory", |check| check.to_string().contains("LoginTaken")).await;
    assert_eq!(held["status"], "degraded");
    running.stop();
    let log = fs::read_to_string(&log).unwrap();
    for name in ["camille", "Camille", "sacha", "Exemple", SERVICE.1] {
        assert!(!log.contains(name), "the log names nobody: {name}");
    }
}

/// What a node's own probes said of a rule, once they have.
async fn until_proof(config: &str, id: &str) -> Value {
    for _ in 0..120 {
        let said = poterne(&["rules", "--config", config, "--format", "json"]);
        let rows: Vec<Value> = serde_json::from_slice(&said.stdout).unwrap_or_default();
        if let Some(row) = rows.into_iter().find(|row| row["id"] == id && !row["proof"].is_null()) {
            return row;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("nothing is said of {id}")
}

/// A browser at the desk, as somebody or as nobody.
struct Browser<'a> {
    client: &'a reqwest::Client,
    origin: &'a str,
    cookie: String,
}

/// The value of a form's field.
fn field(page: &str, name: &str) -> String {
    let value = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {page}")).1;
    value.split('"').next().unwrap().to_owned()
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Browser<'_> {
    async fn get(&self, path: &str) -> (u16, String) {
        let asked = self.client.get(format!("{}{path}", self.origin)).header("cookie", &self.cookie);
        let answer = asked.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Sends a form; keeps the session that it opens.
    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let sent = self.client.post(format!("{}{path}", self.origin)).header("cookie", &self.cookie);
        let sent = sent.header("origin", self.origin).header("content-type", "application/x-www-form-urlencoded");
        let answer = sent.body(body.join("&")).send().await.unwrap();
        if let Some(cookie) = answer.headers().get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The same, from a page of one's own.
    async fn own(&mut self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let csrf = field(&self.get("/fr/session").await.1, "csrf");
        self.send(path, &[&[("csrf", csrf.as_str())], fields].concat()).await
    }

    async fn sign_in(&mut self, account: &Value) -> u16 {
        let told = |name: &str| account[name].as_str().unwrap();
        let secret = data_encoding::BASE32_NOPAD.decode(told("totp_secret").as_bytes()).unwrap();
        let totp = totp_rs::Builder::new().with_secret(<[u8; 20]>::try_from(secret).unwrap()).build().unwrap();
        let code = totp.generate(u64::try_from(store::SystemClock.now().seconds()).unwrap()).to_string();
        let first = self.send("/fr/session", &[("login", told("login")), ("password", told("password"))]).await.1;
        self.send("/fr/session/code", &[("ceremony", &field(&first, "ceremony")), ("code", &code)]).await.0
    }

    async fn envelopes(&mut self, login: &str, [one, two]: [&str; 2], why: &str) -> (u16, String) {
        let first = self.send("/fr/session/envelopes", &[("login", login), ("code", one)]).await.1;
        let fields = [("ceremony", field(&first, "ceremony")), ("code", two.to_owned()), ("reason", why.to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.send("/fr/session/envelopes/second", &fields).await
    }
}

fn code(sheet: &(u16, String)) -> String {
    let (_, after) = sheet.1.split_once("<code class=\"secret code-large\"").unwrap_or_else(|| panic!("{}", sheet.1));
    after.split(['>', '<']).nth(1).unwrap().to_owned()
}

/// The desk of a configuration, with a certificate that this client believes.
fn client(config: &str) -> (reqwest::Client, String) {
    let (port, ca) = trusted_desk(config);
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls(&ca));
    let client = client.resolve("bureau.test", (Ipv4Addr::LOCALHOST, port).into()).no_proxy();
    let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
    (client, format!("https://bureau.test:{port}"))
}

#[tokio::test]
async fn when_the_directory_is_down_two_envelopes_open_and_ring() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [person("camille", "Camille", "Essai"), group("garde", &[person_dn("camille")])].concat();
    let mut server = OpenLdap::start(&entries);
    let health = free_port();
    let config = node(folder.path(), health);
    with_directory(&config, &server);
    let (client, origin) = client(&config);
    let account = |login: &str, role: &str| -> Value {
        let line = ["account", "add", "--config", &config, "--login", login, "--name", login, "--role", role];
        let added = poterne(&[&line[..], &["--format", "json"]].concat());
        assert!(added.status.success(), "{}", words(&added));
        serde_json::from_slice(&added.stdout).unwrap()
    };
    let (admin, officer) = (account("maud", "administrator"), account("agnes", "security_officer"));
    let log = folder.path().join("log");
    let running = serve(&config, &log);
    until_health(health, "directory", |check| check["status"] == "ready").await;
    let nobody = || Browser { client: &client, origin: &origin, cookie: String::new() };
    let (mut maud, mut agnes, mut night) = (nobody(), nobody(), nobody());
    assert_eq!((maud.sign_in(&admin).await, agnes.sign_in(&officer).await), (303, 303));

    // Drawn by two while all is well.
    let list = "/fr/accounts/break-glass";
    let one = maud.own(list, &[("name", "Secours"), ("login", "secours"), ("role", "on_call")]).await;
    let page = agnes.get(list).await.1;
    let confirm = page.split("action=\"").find(|part| part.contains("/envelopes/confirm\"")).unwrap();
    let (confirm, id) = (confirm.split('"').next().unwrap(), field(&page, "envelopes"));
    let two = agnes.own(confirm, &[("envelopes", &id)]).await;
    let codes = [code(&one), code(&two)];
    let codes = codes.each_ref().map(String::as_str);
    let silent = "L’annuaire de l’hôpital ne répond pas";
    let welcome = night.get("/fr/").await.1;
    assert!(!welcome.contains(silent) && welcome.contains("/fr/session/envelopes"), "{welcome}");

    server.stop();
    until_health(health, "directory", |check| check["status"] == "degraded").await;
    let welcome = night.get("/fr/").await.1;
    assert!(welcome.contains(silent) && welcome.contains("enveloppes scellées"), "{welcome}");
    assert!(!welcome.contains("secours\"") && !welcome.contains("maud"), "it names no account");
    let why = "Annuaire muet, garde technique, fuite au bloc";
    let opened = night.envelopes("secours", codes, why).await;
    assert_eq!(opened.0, 303, "{}", opened.1);
    let sessions = night.get("/fr/sessions").await;
    assert!(sessions.0 == 200 && sessions.1.contains("Session bris de glace"), "{}", sessions.1);
    assert_eq!(night.get("/fr/accounts").await.0, 404);
    let spent = nobody().envelopes("secours", codes, why).await;
    assert_eq!(spent.0, 422, "{}", spent.1);

    // It rings until somebody else looked; and the sessions of before live.
    let home = agnes.get("/fr/").await.1;
    let used =
        home.split("href=\"").find(|part| part.contains("break-glass/uses/")).unwrap_or_else(|| panic!("{home}"));
    let used = used.split('"').next().unwrap().to_owned();
    assert!(agnes.get(&used).await.1.contains(why));
    let reviewed = agnes.own(&used, &[("words", "Vanne fermée, rien d’autre")]).await;
    assert_eq!(reviewed.0, 303, "{}", reviewed.1);
    assert!(!maud.get("/fr/").await.1.contains("break-glass/uses/"));
    running.stop();
    let log = fs::read_to_string(&log).unwrap();
    assert_eq!(log.matches("ALARM: somebody came in by the sealed envelopes").count(), 1, "{log}");
    for word in ["Annuaire muet", codes[0], codes[1], "secours"] {
        assert!(!log.contains(word), "the log names nobody and holds no secret: {word}");
    }
    let data = Path::new(&config).parent().unwrap().join("data");
    let master = vault::MasterKey::load(&Path::new(&config).parent().unwrap().join("keys/master.key")).unwrap();
    let months = vault::MonthKeys::new(&data.join("vault"), &master).unwrap();
    let traces = journal::read_traces(&data.join("journal/desk-1"), &months, 0..u64::MAX).unwrap();
    let done = |event| {
        let of = |trace: &&journal::Trace| trace.event == event && trace.outcome == Some(journal::Outcome::Done);
        traces.iter().filter(of).count()
    };
    use types::Event::{BreakGlass, BreakGlassReviewed, EnvelopeDrawn, EnvelopesConfirmed};
    for event in [EnvelopeDrawn, EnvelopesConfirmed, BreakGlass, BreakGlassReviewed] {
        assert_eq!(done(event), 1, "{event}");
    }
}
