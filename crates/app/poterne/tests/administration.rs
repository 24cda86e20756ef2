//! A desk that administers apart: what each of its two listeners answers, to whom, with the real program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use nodes::{Running, free_port, node, poterne, serve, tls, trusted_desk, until_health, words};
use serde_json::Value;
use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Duration,
};

const HOST: &str = "bureau.test";

struct Site {
    folder: tempfile::TempDir,
    config: String,
    inside: u16,
    door: u16,
    ca: String,
    health: u16,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let health = free_port();
        let config = node(folder.path(), health);
        let (door, ca) = trusted_desk(&config);
        Self { config, inside: free_port(), door, ca, health, folder }
    }

    fn log(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("log")
    }

    async fn serve(&self) -> Running {
        let running = serve(&self.config, &self.log());
        until_health(self.health, "journal", |check| !check.is_null()).await;
        running
    }

    /// What a page is answered there to somebody from an address of this machine; nothing, if nobody answers.
    async fn asks(&self, port: u16, from: u8, path: &str) -> Option<u16> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&self.ca))
            .resolve(HOST, (Ipv4Addr::LOCALHOST, port).into())
            .local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, from)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let asked = client.get(format!("https://{HOST}:{port}{path}")).send().await;
        asked.ok().map(|answer| answer.status().as_u16())
    }

    fn rule(&self) -> Value {
        let told = poterne(&["rules", "--config", &self.config, "--format", "json"]);
        let rules: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap_or_default();
        rules.into_iter().find(|rule| rule["id"] == "O-5.3").unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_administers_apart_for_the_networks_that_it_is_told() {
    let site = Site::new();
    // As it comes: with all the other pages.
    let checked = words(&poterne(&["check", "--config", &site.config]));
    assert!(checked.contains("administration of the desk"), "{checked}");
    let running = site.serve().await;
    assert_eq!(site.asks(site.door, 3, "/fr/accounts").await, Some(401));
    running.stop();

    let text = fs::read_to_string(&site.config).unwrap();
    let apart =
        format!("\n[desk.administration]\nlisten = \"127.0.0.1:{}\"\nnetworks = [\"127.0.0.1\"]\n", site.inside);
    fs::write(&site.config, format!("{text}{apart}")).unwrap();
    let checked = words(&poterne(&["check", "--config", &site.config]));
    assert!(checked.contains(&format!("127.0.0.1:{}, for 127.0.0.1/32 only", site.inside)), "{checked}");
    let running = site.serve().await;
    for from in [1, 3] {
        assert_eq!(site.asks(site.door, from, "/fr/").await, Some(200));
        assert_eq!(site.asks(site.door, from, "/fr/means").await, Some(401));
        assert_eq!(site.asks(site.door, from, "/fr/accounts").await, Some(404));
        assert_eq!(site.asks(site.door, from, "/api/v1/accounts").await, Some(404));
    }
    assert_eq!(site.asks(site.inside, 1, "/fr/accounts").await, Some(401));
    assert_eq!(site.asks(site.inside, 1, "/fr/means").await, Some(401));
    for path in ["/fr/", "/fr/accounts", "/fr/nowhere"] {
        assert_eq!(site.asks(site.inside, 3, path).await, None, "{path}");
    }

    // The node says so of itself.
    let mut rule = Value::Null;
    for _ in 0..300 {
        rule = site.rule();
        if !rule["proof"].is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(rule["state"], "partial", "{rule:#?}");
    assert!(rule.to_string().contains("the puzzle while many guess is not tried"), "{rule:#?}");
    running.stop();
}
