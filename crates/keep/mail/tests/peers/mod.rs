//! A real mail server, started by a test on this machine and ended with it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use mail::{Login, Mailer, Server, Settings, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use types::Secret;

const STARTS_WITHIN: Duration = Duration::from_secs(60);
const SCRIPT: &str = include_str!("server.py");
/// Whom messages are from.
pub const FROM: &str = "poterne@hopital.example";
/// What Poterne signs in as.
pub const LOGIN: (&str, &str) = ("poterne", "mot de passe d’essai");

/// Who vouches for servers.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Default for Authority {
    fn default() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Autorité d’essai");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }
}

impl Authority {
    pub fn pem(&self) -> String {
        self.0.pem()
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// How a server is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offers {
    Implicit,
    StartTls,
    Nothing,
}

/// A message that the server took.
#[derive(Debug, Clone)]
pub struct Taken {
    pub over_tls: bool,
    pub signed_in: bool,
    pub from: String,
    pub to: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Taken {
    pub fn header(&self, name: &str) -> &str {
        let found: Vec<_> = self.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).collect();
        assert!(found.len() == 1, "{name}: {found:?}");
        &found[0].1
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A mail server, with its authority.
pub struct MailServer {
    folder: tempfile::TempDir,
    pub authority: Authority,
    pub port: u16,
    offers: Offers,
    asks_login: bool,
    running: Option<Running>,
}

impl MailServer {
    pub fn start(offers: Offers, asks_login: bool) -> Self {
        let mut server = Self::prepare(offers, asks_login);
        server.resume();
        server
    }

    /// Not listening yet.
    pub fn prepare(offers: Offers, asks_login: bool) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::default());
        let key = KeyPair::generate().unwrap();
        // Not its address: a test comes to it by that.
        let names = ["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority.0).unwrap();
        for (name, text) in
            [("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem()), ("server.py", SCRIPT.into())]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::create_dir(folder.path().join("taken")).unwrap();
        Self { folder, authority, port: free_port(), offers, asks_login, running: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Stops it; what it took stays.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it, again where it was.
    pub fn resume(&mut self) {
        let mode = match self.offers {
            Offers::Implicit => "implicit",
            Offers::StartTls => "starttls",
            Offers::Nothing => "clear",
        };
        let log = self.path("log");
        // Debian's own, which has Debian's packages.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(self.path("server.py")).arg(self.path("taken")).arg(self.port.to_string()).arg(mode);
        command.arg(self.path("cert.pem")).arg(self.path("key.pem"));
        if self.asks_login {
            command.args([LOGIN.0, LOGIN.1]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn();
        let mut running = Running(child.expect("python3 (Debian: python3-aiosmtpd) is there"));
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = running.0.try_wait().unwrap();
            let said = || fs::read_to_string(&log).unwrap_or_default();
            let waits = ended.is_none() && began.elapsed() < STARTS_WITHIN;
            assert!(waits, "the mail server (Debian: python3-aiosmtpd) does not listen: {}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.running = Some(running);
    }

    /// From now on it does not take mail for these.
    pub fn refuse(&self, addresses: &str) {
        fs::write(self.path("taken").join("refused"), addresses).unwrap();
    }

    /// What it took, in order.
    pub fn taken(&self) -> Vec<Taken> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.path("taken")).unwrap().map(|one| one.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|end| end == "json"));
        files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        files.iter().map(|path| taken(path)).collect()
    }

    /// What Poterne knows of it.
    pub fn settings(&self) -> Settings {
        self.settings_with(&self.authority.pem(), self.asks_login.then_some(LOGIN))
    }

    pub fn settings_with(&self, authority: &str, login: Option<(&str, &str)>) -> Settings {
        let tls = if self.offers == Offers::Implicit { Tls::Implicit } else { Tls::StartTls };
        let server = Server { host: "localhost".to_owned(), port: self.port, tls };
        let login =
            login.map(|(user, password)| Login { user: user.to_owned(), password: Secret::new(password.to_owned()) });
        Settings::new(server, Some(authority.as_bytes()), login, FROM.parse().unwrap()).unwrap()
    }

    pub fn mailer(&self) -> Mailer {
        Mailer::new(self.settings())
    }
}

fn taken(path: &Path) -> Taken {
    let value: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    Taken {
        over_tls: value["over_tls"].as_bool().unwrap(),
        signed_in: value["signed_in"].as_bool().unwrap(),
        from: text(&value["from"]),
        to: value["to"].as_array().unwrap().iter().map(text).collect(),
        headers: value["headers"].as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        text: text(&value["text"]),
    }
}
