//! Nodes as processes, for the tests that watch them from outside.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use demo::Authority;
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use types::Clock as _;

pub fn poterne(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_poterne")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A port that nobody listens on, given once in this process, and out of those that a kernel takes by itself for what
/// asks for none or goes out: what is given here is still free when a node binds it, seconds later.
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const MANY: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Tests of other processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(7_919);
    (0..MANY)
        .map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % MANY)
        .map(|place| FIRST + u16::try_from(place).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// Stops the program whatever happens to the test.
pub struct Running(pub Child);

impl Running {
    pub fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not stop");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn serve(config: &str, log: &Path) -> Running {
    serve_with(config, log, &[])
}

pub fn serve_with(config: &str, log: &Path, more: &[&str]) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_poterne"))
        .args(["serve", "--config", config])
        .args(more)
        .stdin(Stdio::null())
        .stderr(fs::File::create(log).unwrap())
        .spawn();
    Running(child.unwrap())
}

/// Starts a program that says in one line of JSON that it is ready; gives that line.
pub fn ready(arguments: &[&str]) -> (Running, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_poterne"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Running(child), serde_json::from_str(&line).unwrap())
}

/// A demonstration in a folder.
pub fn demonstration(data: &Path) -> (Running, Value) {
    ready(&["demo", "--https", "0", "--ssh", "0", "--data", data.to_str().unwrap()])
}

/// What trusts these authorities; none, for what is asked in clear.
pub fn tls(ca: &str) -> rustls::ClientConfig {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    rustls::ClientConfig::builder_with_provider(web::serve::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The port of a configuration's desk, and the authority of a new certificate of it.
pub fn trusted_desk(config: &str) -> (u16, String) {
    let authority = Authority::new(store::SystemClock.now()).unwrap();
    let certificate = authority.issue_server(&["bureau.test"]).unwrap();
    let keys = Path::new(config).parent().unwrap().join("keys");
    fs::write(keys.join("desk.crt"), &certificate.chain_pem).unwrap();
    fs::write(keys.join("desk.key"), certificate.key_pem.expose()).unwrap();
    let text = fs::read_to_string(config).unwrap();
    let port = text.split_once("https://bureau.test:").unwrap().1.split('"').next().unwrap().parse().unwrap();
    (port, authority.ca_pem())
}

/// Waits until a node serves, and gives what its health says; a node that ends first, or never serves, says why. How
/// long is no promise of Poterne's: a machine whose disk is busy opens a journal late.
pub async fn until_healthy(running: &mut Running, port: u16, log: &Path) -> String {
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls("")).build().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let mut last = "no answer".to_owned();
    while Instant::now() < until {
        if let Ok(answer) = client.get(format!("http://127.0.0.1:{port}/health")).send().await {
            let serves = answer.status().is_success();
            last = answer.text().await.unwrap();
            if serves {
                return last;
            }
        }
        if let Some(status) = running.0.try_wait().unwrap() {
            panic!("the node ended ({status}): {}", fs::read_to_string(log).unwrap());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the node does not serve within a minute: {last}\n{}", fs::read_to_string(log).unwrap());
}

/// Waits until one check of the node's health says something.
pub async fn until_health(port: u16, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls("")).build().unwrap();
    let mut last = Value::Null;
    for _ in 0..600 {
        if let Ok(answer) = client.get(format!("http://127.0.0.1:{port}/health")).send().await {
            let all: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            let checks = all["checks"].as_array().unwrap();
            last = checks.iter().find(|check| check["name"] == name).cloned().unwrap_or_default();
            if wanted(&last) {
                return last;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within thirty seconds: {last}");
}

/// A desk's configuration in `root/node`; its journal's vkey comes from a first start.
pub fn node(root: &Path, health: u16) -> String {
    named(root, "node", "desk-1", health)
}

/// The same in another folder and of another name.
pub fn named(root: &Path, folder: &str, name: &str, health: u16) -> String {
    let dir = root.join(folder);
    let (desk, ports) = (free_port(), dir.to_str().unwrap());
    let origin = format!("https://bureau.test:{desk}");
    let made = poterne(&[
        "init",
        ports,
        "--doors",
        "desk",
        "--name",
        name,
        "--establishment",
        "Hôpital d’essai",
        "--desk-origin",
        &origin,
        "--desk-listen",
        &format!("127.0.0.1:{desk}"),
        "--support",
        "01 99 00 00 00",
    ]);
    assert!(made.status.success(), "{}", words(&made));
    let authority = Authority::new(store::SystemClock.now()).unwrap();
    let certificate = authority.issue_server(&["bureau.test"]).unwrap();
    let keys = dir.join("keys");
    fs::write(keys.join("desk.crt"), &certificate.chain_pem).unwrap();
    fs::write(keys.join("desk.key"), certificate.key_pem.expose()).unwrap();
    fs::set_permissions(keys.join("desk.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let config = dir.join("poterne.toml");
    let text = fs::read_to_string(&config).unwrap().replace("127.0.0.1:9464", &format!("127.0.0.1:{health}"));
    fs::write(&config, text).unwrap();
    config.to_str().unwrap().to_owned()
}

/// Puts the files of a folder, not its folders, in the place of those of another.
pub fn copy_files(from: &Path, to: &Path) {
    let files = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    fs::create_dir_all(to).unwrap();
    files(to).filter(|path| path.is_file()).for_each(|path| fs::remove_file(path).unwrap());
    for path in files(from).filter(|path| path.is_file()) {
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let (path, target) = (item.as_ref().unwrap().path(), to.join(item.as_ref().unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}
