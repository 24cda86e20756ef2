//! A portal behind a real nginx: what is written down of where people come from, whatever they pretend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use demo::{Authority, Hospital, Sis, SisFaults};
use nodes::{Running, free_port, poterne, serve, tls, until_healthy, words};
use serde_json::Value;
use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use types::Clock as _;

/// What a client pretends to be.
const FORGED: &str = "198.51.100.9";
const HOST: &str = "portail.test";

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A portal in a folder, its SIS, and an nginx before it.
struct Site {
    folder: tempfile::TempDir,
    authority: Authority,
    door: u16,
    health: u16,
    /// nginx, with TLS of its own and `X-Forwarded-For` appended.
    requests: u16,
    /// nginx, which passes TLS on and announces by the PROXY protocol.
    connections: u16,
    sis: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.sis.cancel();
    }
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
        let [door, health, requests, connections] = [(); 4].map(|()| free_port());
        let site = Self { folder, authority, door, health, requests, connections, sis };
        let (origin, listen) = (format!("https://{HOST}:{door}"), format!("127.0.0.1:{door}"));
        let node = site.path("node");
        let made = poterne(&[
            "init",
            node.to_str().unwrap(),
            "--establishment",
            "Hôpital d’essai",
            "--origin",
            &origin,
            "--listen",
            &listen,
            "--sis",
            &sis_url,
            "--support",
            "01 99 00 00 00",
            "--name",
            "node1",
        ]);
        assert!(made.status.success(), "{}", words(&made));
        site.write_keys();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> String {
        self.path("node/poterne.toml").to_str().unwrap().to_owned()
    }

    fn write_keys(&self) {
        let (keys, authority) = (self.path("node/keys"), &self.authority);
        let (portal, client) = (authority.issue_server(&[HOST]).unwrap(), authority.issue_client("node1").unwrap());
        fs::write(keys.join("portal.crt"), &portal.chain_pem).unwrap();
        private(&keys.join("portal.key"), portal.key_pem.expose());
        fs::write(keys.join("sis-ca.crt"), authority.ca_pem()).unwrap();
        fs::write(keys.join("sis-client.crt"), &client.chain_pem).unwrap();
        private(&keys.join("sis-client.key"), client.key_pem.expose());
    }

    /// Starts the node; its one proxy is at 127.0.0.1 and says it so, by the keys that the template shows.
    async fn serve(&self, template: &str, says: &str) -> Running {
        let text = fs::read_to_string(self.config()).unwrap();
        let text = text.replace("127.0.0.1:9464", &format!("127.0.0.1:{}", self.health));
        let text =
            text.replace("# trusted_proxies = [\"10.0.0.10\", \"10.0.1.0/24\"]", "trusted_proxies = [\"127.0.0.1\"]");
        assert!(text.contains(template), "{text}");
        fs::write(self.config(), text.replace(template, &format!("proxies_say = \"{says}\""))).unwrap();
        let checked = poterne(&["check", "--config", &self.config()]);
        assert!(words(&checked).contains("✓ proxies of the portal: 127.0.0.1/32 say "), "{}", words(&checked));
        let log = self.path("log");
        let mut running = serve(&self.config(), &log);
        until_healthy(&mut running, self.health, &log).await;
        running
    }

    /// One process, so that nothing of it outlives the test.
    async fn nginx(&self) -> Running {
        let (here, keys) = (self.folder.path().display(), self.path("node/keys"));
        let (door, requests, connections) = (self.door, self.requests, self.connections);
        let config = format!(
            "load_module modules/ngx_stream_module.so;
            daemon off; master_process off; pid {here}/nginx.pid; error_log stderr;
            events {{ worker_connections 64; }}
            http {{
                access_log off;
                client_body_temp_path {here}/b; proxy_temp_path {here}/p; fastcgi_temp_path {here}/f;
                uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
                upstream door {{ server 127.0.0.1:{door}; keepalive 4; }}
                server {{
                    listen 127.0.0.1:{requests} ssl;
                    ssl_certificate {keys}/portal.crt; ssl_certificate_key {keys}/portal.key;
                    location / {{
                        proxy_pass https://door; proxy_http_version 1.1; proxy_set_header Connection \"\";
                        proxy_set_header Host $http_host;
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_set_header X-Forwarded-Proto http;
                        proxy_ssl_name {HOST}; proxy_ssl_server_name on;
                        proxy_ssl_verify on; proxy_ssl_trusted_certificate {keys}/sis-ca.crt;
                    }}
                }}
            }}
            stream {{
                server {{ listen 127.0.0.1:{connections}; proxy_pass 127.0.0.1:{door}; proxy_protocol on; }}
            }}",
            keys = keys.display(),
        );
        let file = self.path("nginx.conf");
        fs::write(&file, config).unwrap();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let child = Command::new("nginx")
            .env("PATH", path)
            .args(["-e", "stderr", "-c", file.to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(fs::File::create(self.path("nginx.log")).unwrap())
            .spawn();
        let running = Running(child.expect("nginx (Debian: nginx, libnginx-mod-stream) is there"));
        for _ in 0..200 {
            let listens = async |port| tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok();
            if listens(requests).await && listens(connections).await {
                return running;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nginx does not listen: {}", fs::read_to_string(self.path("nginx.log")).unwrap());
    }

    /// The rules that probes have something to say of.
    fn proved(&self) -> Vec<String> {
        let told = poterne(&["rules", "--config", &self.config(), "--format", "json"]);
        let rules: Value = serde_json::from_slice(&told.stdout).unwrap();
        let proved = rules.as_array().unwrap().iter().filter(|rule| rule["state"] != "gap");
        proved.map(|rule| rule["id"].as_str().unwrap().to_owned()).collect()
    }

    fn account(&self, login: &str, number: u64) -> Value {
        // Of a form that is right, and nobody's (place of birth 99 999).
        let body = 1_800_199_999_000 + number;
        let ins = format!("{body}{:02}", 97 - body % 97);
        let config = self.config();
        let words_of = ["account", "add", "--config", &config, "--login", login, "--name", "Personne Essai"];
        let added = poterne(&[&words_of[..], &["--role", "patient", "--ins", &ins, "--format", "json"]].concat());
        assert!(added.status.success(), "{}", words(&added));
        serde_json::from_slice(&added.stdout).unwrap()
    }

    /// Signs in through a port of this machine, from an address of its own, pretending to be another. Gives the page
    /// that says from where the sign-in before this one came; nothing, if no connection is possible.
    async fn signed_in(&self, port: u16, from: u8, account: &Value, code: Code) -> Option<String> {
        let address = Ipv4Addr::new(127, 0, 0, from);
        let forged = ["x-forwarded-for", "x-real-ip", "forwarded"].map(|name| {
            let value = if name == "forwarded" { format!("for={FORGED}") } else { FORGED.to_owned() };
            (name.parse().unwrap(), value.parse().unwrap())
        });
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&self.authority.ca_pem()))
            .resolve(HOST, (Ipv4Addr::LOCALHOST, port).into())
            .local_address(IpAddr::V4(address))
            .default_headers(forged.into_iter().collect())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let base = format!("https://{HOST}:{port}");
        let post = |path: &str, body: String| {
            client
                .post(format!("{base}{path}"))
                .header("origin", format!("https://{HOST}:{}", self.door))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body)
                .send()
        };
        let (login, password) = (account["login"].as_str().unwrap(), account["password"].as_str().unwrap());
        let page = post("/fr/session", format!("login={login}&password={password}")).await.ok()?;
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        let ceremony = page.split("name=\"ceremony\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let body = format!("ceremony={ceremony}&code={}", code.of(account));
        let answer = post("/fr/session/code", body).await.unwrap();
        assert_eq!(answer.status(), 303, "{:?}", answer.text().await);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let page = client.get(format!("{base}/fr/")).header("cookie", cookie).send().await.unwrap();
        Some(page.text().await.unwrap())
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

/// Whether a page says that the sign-in before came from there, and nowhere what was pretended.
fn came_from(page: &str, last: u8) {
    assert!(page.contains(&format!("adresse 127.0.0.{last}.")), "not 127.0.0.{last}: {page}");
    assert!(!page.contains(FORGED), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_each_sign_in_bears_its_real_address() {
    let site = Site::new().await;
    let _nginx = site.nginx().await;

    // Each connection is announced; TLS passes through. Nobody else comes in.
    let running = site.serve("# proxies_say = \"x_forwarded_for\"", "proxy_protocol").await;
    let (one, other) = (site.account("essai", 1), site.account("essai.deux", 2));
    site.signed_in(site.connections, 5, &one, Code(-1)).await.unwrap();
    came_from(&site.signed_in(site.connections, 6, &one, Code(0)).await.unwrap(), 5);
    assert!(site.signed_in(site.door, 3, &one, Code(1)).await.is_none(), "it came in beside the proxy");
    // The node's own probes do, as themselves.
    let mut proved = Vec::new();
    for _ in 0..200 {
        proved = site.proved();
        if proved.iter().any(|rule| rule == "DT6") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(proved.iter().any(|rule| rule == "DT6"), "no probe came in: {proved:?}");
    running.stop();

    // Each request says whom it is for; whoever comes to the door itself is himself.
    let running = site.serve("proxies_say = \"proxy_protocol\"", "x_forwarded_for").await;
    site.signed_in(site.requests, 2, &other, Code(-1)).await.unwrap();
    came_from(&site.signed_in(site.door, 3, &other, Code(0)).await.unwrap(), 2);
    came_from(&site.signed_in(site.requests, 4, &other, Code(1)).await.unwrap(), 3);
    running.stop();
}
