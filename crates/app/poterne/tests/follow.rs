//! A node in front and a node inside: what happens at the one is found by a search at the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use demo::Authority;
use nodes::{free_port, named, poterne, serve, tls, trusted_desk, until_health, words};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use types::Clock as _;

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct One {
    root: PathBuf,
    config: String,
    plain: String,
    health: u16,
}

impl One {
    fn new(root: &Path, name: &str) -> Self {
        let health = free_port();
        let config = named(root, name, name, health);
        let one = Self { root: root.join(name), plain: fs::read_to_string(&config).unwrap(), config, health };
        one.secret(SECRET);
        one
    }

    fn secret(&self, secret: &str) {
        let file = self.root.join("keys/journal.secret");
        fs::write(&file, format!("{secret}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn start(&self, sections: &str) -> nodes::Running {
        fs::write(&self.config, format!("{}\n{sections}", self.plain)).unwrap();
        serve(&self.config, &self.root.join("log"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.join("log")).unwrap_or_default()
    }
}

/// The trace controller's searches at a desk.
struct Desk {
    client: Client,
    url: String,
    token: String,
}

impl Desk {
    fn of(one: &One) -> Self {
        let add = ["account", "add", "--config", &one.config, "--login", "traces", "--name", "Personne"];
        let added = poterne(&[&add[..], &["--role", "trace_controller"]].concat());
        assert!(added.status.success(), "{}", words(&added));
        let token = ["account", "token", "--config", &one.config, "--login", "traces", "--label", "essai"];
        let more = ["--scopes", "traces:read", "--days", "30", "--format", "json"];
        let issued = poterne(&[&token[..], &more[..]].concat());
        assert!(issued.status.success(), "{}", words(&issued));
        let issued: Value = serde_json::from_slice(&issued.stdout).unwrap();
        let (port, ca) = trusted_desk(&one.config);
        let client = Client::builder()
            .tls_backend_preconfigured(tls(&ca))
            .resolve("bureau.test", format!("127.0.0.1:{port}").parse().unwrap())
            .build()
            .unwrap();
        let url = format!("https://bureau.test:{port}/api/v1/traces");
        Self { client, url, token: issued["token"].as_str().unwrap().to_owned() }
    }

    /// What is found, until it is what was waited for.
    async fn until(&self, asked: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..600 {
            let sent = self.client.get(format!("{}{asked}", self.url)).bearer_auth(&self.token).send().await;
            if let Ok(answer) = sent {
                last = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
                if wanted(&last) {
                    return last;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not within thirty seconds: {last}");
    }
}

/// How many traces come from a journal.
fn from(found: &Value, origin: &str) -> usize {
    found["rows"].as_array().map_or(0, |rows| rows.iter().filter(|row| row["origin"] == origin).count())
}

fn is_behind(found: &Value) -> bool {
    found["behind"].as_array().is_some_and(|behind| behind.iter().any(|one| one["origin"] == "dmz"))
}

/// Two nodes of one master key; the first has published its journal once. Gives its journal's key.
async fn pair(root: &Path) -> (One, One, String) {
    let (inner, mut dmz) = (One::new(root, "inner"), One::new(root, "dmz"));
    let key = dmz.plain.lines().find(|line| line.starts_with("master_key_file")).unwrap().to_owned();
    let name = key.split('"').nth(1).unwrap();
    let shared = format!("master_key_file = \"{}\"", inner.root.join(name).display());
    dmz.plain = dmz.plain.replace(&key, &shared);
    let _ = fs::remove_dir_all(dmz.root.join("data"));
    let running = dmz.start("");
    let vkey = dmz.root.join("data/journal/dmz/vkey");
    for _ in 0..600 {
        if vkey.exists() && dmz.log().contains("serving") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.stop();
    let vkey = fs::read_to_string(vkey).unwrap().trim().to_owned();
    (inner, dmz, vkey)
}

fn publish(port: u16, more: &str) -> String {
    format!(
        "[journal.publish]\nlisten = \"127.0.0.1:{port}\"\nnetworks = [\"127.0.0.1\"]\n\
         secret_file = \"keys/journal.secret\"\n{more}\n"
    )
}

fn follow(url: &str, vkey: &str, more: &str) -> String {
    format!("[[journal.follow]]\nurl = \"{url}\"\nvkey = \"{vkey}\"\nsecret_file = \"keys/journal.secret\"\n{more}\n")
}

#[tokio::test]
async fn what_happens_in_front_is_found_inside() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, dmz, vkey) = pair(folder.path()).await;
    let (port, desk) = (free_port(), Desk::of(&inner));
    let url = format!("http://127.0.0.1:{port}");
    let (published, followed) = (publish(port, ""), follow(&url, &vkey, ""));
    let (front, inside) = (dmz.start(&published), inner.start(&followed));
    let started = "?type=node.started";
    let found = desk.until(started, |found| from(found, "dmz") == 2 && !is_behind(found)).await;
    assert_eq!(from(&found, "inner"), 1, "{found}");
    desk.until("?type=journal.followed", |found| from(found, "inner") == 1).await;
    until_health(inner.health, "followed", |check| check["state"] == "ready" || check["status"] == "ready").await;
    only_whoever_knows_the_secret_is_answered(&url).await;
    let checked = poterne(&["check", "--config", &inner.config]);
    assert!(words(&checked).contains("✓ followed journal dmz: "), "{}", words(&checked));
    assert!(words(&poterne(&["check", "--config", &dmz.config])).contains("published on 127.0.0.1"));
    front.stop();
    // The one in front is gone: what is known stays found, and that it may not be all is told.
    let found = desk.until(started, is_behind).await;
    assert_eq!(from(&found, "dmz"), 2, "{found}");
    inside.stop();

    let data = inner.root.join("data");
    let verify = |more: &[&str]| {
        let all = ["journal", "verify", "--data", data.to_str().unwrap()];
        poterne(&[&all[..], more].concat())
    };
    let verified = verify(&["--followed", "--vkey", &vkey, "--format", "json"]);
    assert!(verified.status.success(), "{}", words(&verified));
    assert!(verify(&[]).status.success(), "its own journal holds nothing else");
    let bundles = data.join("followed/journal/dmz/tile/entries");
    let bundle = fs::read_dir(bundles.join("000.p")).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&bundle).unwrap();
    let mut altered = bytes.clone();
    altered[40] ^= 1;
    fs::write(&bundle, altered).unwrap();
    assert_eq!(verify(&["--followed"]).status.code(), Some(1));
    fs::write(&bundle, bytes).unwrap();

    // Both go on where they were; what was once seen to contradict the copy is an alarm until somebody moves it away.
    let proof = data.join("followed/shown/dmz");
    fs::write(&proof, "a checkpoint").unwrap();
    let (front, inside) = (dmz.start(&published), inner.start(&followed));
    until_health(inner.health, "followed", |check| check.to_string().contains("contradicts the copy")).await;
    desk.until("?type=journal.unfollowed", |found| from(found, "inner") == 1).await;
    fs::remove_file(proof).unwrap();
    desk.until(started, |found| from(found, "dmz") == 3 && !is_behind(found)).await;
    until_health(inner.health, "followed", |check| check["state"] == "ready" || check["status"] == "ready").await;
    inside.stop();
    // With another secret, nothing of it is seen.
    inner.secret(&"f".repeat(64));
    let inside = inner.start(&followed);
    let told = until_health(inner.health, "followed", |check| check.to_string().contains("no such journal")).await;
    assert!(told.to_string().contains("dmz"), "{told}");
    let found = desk.until(started, is_behind).await;
    assert_eq!(from(&found, "dmz"), 3, "what is here is still found: {found}");
    inside.stop();
    front.stop();
    assert!(dmz.log().contains("without the secret"), "{}", dmz.log());
    let verified = verify(&["--followed", "--vkey", &vkey]);
    assert!(verified.status.success(), "{}", words(&verified));
}

/// The key that signs a journal is renewed while its node is stopped: whoever follows it, or kept the former key, is led on.
#[tokio::test]
async fn a_key_renewed_in_front_is_followed_inside() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, dmz, vkey) = pair(folder.path()).await;
    let (port, desk) = (free_port(), Desk::of(&inner));
    let url = format!("http://127.0.0.1:{port}");
    let (published, followed) = (publish(port, ""), follow(&url, &vkey, ""));
    let (front, inside) = (dmz.start(&published), inner.start(&followed));
    desk.until("?type=node.started", |found| from(found, "dmz") == 2 && !is_behind(found)).await;
    let renew = ["journal", "renew-key", "--config", &dmz.config, "--format", "json"];
    let refused = poterne(&renew);
    assert!(!refused.status.success() && words(&refused).contains("another process"), "{}", words(&refused));
    front.stop();

    let renewed = poterne(&renew);
    assert!(renewed.status.success(), "{}", words(&renewed));
    let renewed: Value = serde_json::from_slice(&renewed.stdout).unwrap();
    let own = fs::read_to_string(dmz.root.join("data/journal/dmz/vkey")).unwrap();
    assert_eq!((renewed["origin"].as_str(), renewed["before"].as_str()), (Some("dmz"), Some(vkey.as_str())));
    assert_eq!(renewed["key"].as_str(), Some(own.trim()));
    let front = dmz.start(&published);
    desk.until("?type=journal.key_renewed", |found| from(found, "dmz") == 1 && !is_behind(found)).await;
    let checked = poterne(&["check", "--config", &inner.config]);
    assert!(words(&checked).contains("✓ followed journal dmz: "), "{}", words(&checked));
    inside.stop();
    // Whoever writes the new key into the configuration goes on with the copy that is there.
    let inside = inner.start(&follow(&url, own.trim(), ""));
    desk.until("?type=node.started", |found| from(found, "dmz") == 4 && !is_behind(found)).await;
    inside.stop();
    front.stop();
    let copies = inner.root.join("data");
    for (data, more) in [(&dmz.root.join("data"), &[][..]), (&copies, &["--followed"][..])] {
        for key in [vkey.as_str(), own.trim()] {
            let all = ["journal", "verify", "--format", "json", "--origin", "dmz", "--vkey", key, "--data"];
            let verified = poterne(&[&all[..], &[data.to_str().unwrap()], more].concat());
            assert!(verified.status.success(), "{}", words(&verified));
            let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
            let one = &verified["renewed"][0];
            assert_eq!((one["before"].as_str(), one["key"].as_str()), (Some(vkey.as_str()), Some(own.trim())));
            assert_eq!((one["size"].as_u64(), verified["vkey"].as_str()), (renewed["size"].as_u64(), Some(own.trim())));
        }
    }
}

async fn only_whoever_knows_the_secret_is_answered(url: &str) {
    let client = Client::builder().tls_backend_preconfigured(tls("")).build().unwrap();
    let ask = async |path: &str, secret: Option<&str>| {
        let request = client.get(format!("{url}/{path}"));
        let request = secret.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap())
    };
    let (status, checkpoint) = ask("dmz/checkpoint", Some(SECRET)).await;
    assert!(status == StatusCode::OK && checkpoint.starts_with(b"dmz\n"));
    let absent = ask("dmz/nothing", Some(SECRET)).await;
    assert_eq!(absent.0, StatusCode::NOT_FOUND);
    let (right, wrong) = (Some(SECRET), Some("f123456789abcdef0123456789abcdef"));
    for (path, secret) in [
        ("dmz/checkpoint", None),
        ("dmz/checkpoint", wrong),
        ("dmz/checkpoint", Some("")),
        ("inner/checkpoint", right),
        ("dmz/vkey", right),
        ("dmz/keys", right),
        ("dmz/keys", None),
        ("dmz/revocations", right),
        ("dmz/..%2F..%2Fpoterne.toml", right),
        ("dmz/pair/recordings-2026-11", right),
        ("dmz/pair/..%2Fmaster", right),
        ("..%2Fkeys/checkpoint", right),
        ("", right),
    ] {
        assert_eq!(ask(path, secret).await, absent, "{path}");
    }
}

#[tokio::test]
async fn whoever_answers_with_another_certificate_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, dmz, vkey) = pair(folder.path()).await;
    let authority = Authority::new(store::SystemClock.now()).unwrap();
    let stranger = Authority::new(store::SystemClock.now()).unwrap();
    let server = authority.issue_server(&["localhost"]).unwrap();
    let keys = dmz.root.join("keys");
    fs::write(keys.join("publish.crt"), &server.chain_pem).unwrap();
    fs::write(keys.join("publish.key"), server.key_pem.expose()).unwrap();
    fs::set_permissions(keys.join("publish.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(inner.root.join("keys/other.crt"), stranger.ca_pem()).unwrap();
    fs::write(inner.root.join("keys/right.crt"), authority.ca_pem()).unwrap();
    let port = free_port();
    let more = "certificate_file = \"keys/publish.crt\"\ncertificate_key_file = \"keys/publish.key\"";
    let front = dmz.start(&publish(port, more));
    let url = format!("https://localhost:{port}");
    let inside = inner.start(&follow(&url, &vkey, "ca_file = \"keys/other.crt\""));
    let told = until_health(inner.health, "followed", |check| check.to_string().contains("does not answer")).await;
    assert!(told.to_string().contains("certificate"), "{told}");
    inside.stop();
    let desk = Desk::of(&inner);
    let inside = inner.start(&follow(&url, &vkey, "ca_file = \"keys/right.crt\""));
    desk.until("?type=node.started", |found| from(found, "dmz") == 2 && !is_behind(found)).await;
    inside.stop();
    front.stop();
}
