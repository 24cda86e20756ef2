//! Nodes that witness each other, one over TLS and one in clear; and the demonstration with its own witness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use demo::Authority;
use nodes::{Running, copy, copy_files, demonstration, free_port, named, poterne, serve, until_health, words};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use types::Clock as _;

/// One of the two nodes.
struct One {
    root: PathBuf,
    name: &'static str,
    config: String,
    plain: String,
    health: u16,
    witness: u16,
}

impl One {
    fn new(root: &Path, name: &'static str) -> Self {
        let health = free_port();
        let config = named(root, name, name, health);
        let plain = fs::read_to_string(&config).unwrap();
        Self { root: root.join(name), name, config, plain, health, witness: free_port() }
    }

    fn journal(&self) -> PathBuf {
        self.root.join("data/journal").join(self.name)
    }

    fn start(&self, sections: &str) -> Running {
        fs::write(&self.config, format!("{}\n{sections}", self.plain)).unwrap();
        serve(&self.config, &self.root.join("log"))
    }

    /// What it says when it does not start.
    fn refused(&self, sections: &str) -> String {
        fs::write(&self.config, format!("{}\n{sections}", self.plain)).unwrap();
        let refused = poterne(&["serve", "--config", &self.config]);
        assert!(!refused.status.success(), "it starts");
        words(&refused)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.join("log")).unwrap()
    }

    async fn once(&self, sections: &str, file: &Path) -> String {
        let running = self.start(sections);
        let until = Instant::now() + Duration::from_secs(60);
        while !file.exists() || !self.journal().join("checkpoint").exists() {
            assert!(Instant::now() < until, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running.stop();
        fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// `[journal.witness]` for another's log.
    fn witness(&self, logs: &[&str], more: &str) -> String {
        let listen = format!("listen = \"127.0.0.1:{}\"", self.witness);
        let name = format!("name = \"witness-{}\"\nkey_file = \"keys/witness.key\"", self.name);
        format!("[journal.witness]\n{listen}\n{name}\nlogs = {logs:?}\n{more}\n")
    }

    /// What the other witness cosigned last, and how many entries are under it.
    fn cosigned(&self) -> Option<u64> {
        self.cosigned_of(self.name)
    }

    fn cosigned_of(&self, journal: &str) -> Option<u64> {
        let files = fs::read_dir(self.root.join("data/witnessed").join(journal)).ok()?;
        let latest = files.flatten().map(|file| file.path()).find(|path| path.to_str().unwrap().contains("latest-"))?;
        fs::read_to_string(latest).ok()?.lines().nth(1)?.parse().ok()
    }

    fn memory(&self) -> Vec<u8> {
        let state = fs::read_dir(self.root.join("data/witness")).unwrap().flatten().map(|file| file.path());
        fs::read(state.into_iter().find(|path| path.extension().is_some_and(|end| end == "cosigned")).unwrap()).unwrap()
    }
}

fn peer(url: &str, vkey: &str, ca: &str) -> String {
    format!("[[journal.witnesses]]\nurl = \"{url}\"\nvkey = \"{vkey}\"\n{ca}\n")
}

/// Asks a witness something in clear; its status.
fn post(port: u16, request: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.split(' ').nth(1).unwrap_or("0").parse().unwrap()
}

fn add_checkpoint(body: &str) -> String {
    let length = body.len();
    format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_witness_each_other_and_no_second_history() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (a, b) = (One::new(root, "desk-a"), One::new(root, "desk-b"));
    let authority = Authority::new(store::SystemClock.now()).unwrap();
    let certificate = authority.issue_server(&["localhost"]).unwrap();
    let keys = a.root.join("keys");
    fs::write(keys.join("witness.crt"), &certificate.chain_pem).unwrap();
    fs::write(keys.join("witness-tls.key"), certificate.key_pem.expose()).unwrap();
    fs::set_permissions(keys.join("witness-tls.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(b.root.join("keys/witness-ca.crt"), authority.ca_pem()).unwrap();

    // Their keys: of the journals, then of the witnesses.
    let log_a = a.once("", &a.journal().join("vkey")).await;
    let log_b = b.once("", &b.journal().join("vkey")).await;
    copy(&a.journal(), &root.join("older"));
    copy_files(&a.root.join("data"), &root.join("older-database"));
    let over_tls = "certificate_file = \"keys/witness.crt\"\ncertificate_key_file = \"keys/witness-tls.key\"";
    // `poterne account` writes a journal of its own.
    let added = ["--login", "anne.le.goff", "--name", "Anne Le Goff", "--role", "security_officer"];
    let added = poterne(&[&["account", "add", "--config", &b.config], &added[..]].concat());
    assert!(added.status.success(), "{}", words(&added));
    let operators = fs::read_to_string(b.root.join("data/journal/desk-b-operator/vkey")).unwrap();
    let (witness_a, witness_b) = (a.witness(&[&log_b, operators.trim()], over_tls), b.witness(&[&log_a], ""));
    let key_a = a.once(&witness_a, &a.root.join("data/witness/vkey")).await;
    let key_b = b.once(&witness_b, &b.root.join("data/witness/vkey")).await;
    assert_eq!(fs::metadata(keys.join("witness.key")).unwrap().permissions().mode() & 0o777, 0o600);

    // Both serve; a third witness of A's is not there, and holds nothing up.
    let nobody = journal::log::WitnessSigner::from_seed("gone.test", &[3; 32]).unwrap().key().to_string();
    let gone = peer(&format!("http://127.0.0.1:{}", free_port()), &nobody, "");
    let clear = peer(&format!("http://127.0.0.1:{}", b.witness), &key_b, "");
    let of_a = format!("[journal]\nwitness_age_seconds = 5\n{gone}{clear}{witness_a}");
    let tls = peer(&format!("https://localhost:{}", a.witness), &key_a, "ca_file = \"keys/witness-ca.crt\"");
    let of_b = format!("[journal]\nwitness_age_seconds = 30\n{tls}{witness_b}");
    let (running_a, running_b) = (a.start(&of_a), b.start(&of_b));
    until_health(b.health, "witness", |check| check["status"] == "ready" && b.cosigned().is_some()).await;
    let said = until_health(a.health, "witness", |check| check["status"] == "degraded").await;
    assert!(said["reason"].as_str().unwrap().contains("gone.test has cosigned nothing"), "{said}");
    let until = Instant::now() + Duration::from_secs(60);
    let published = |one: &One| {
        let text = fs::read_to_string(one.journal().join("checkpoint")).unwrap();
        text.lines().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let behind = |one: &One| one.cosigned() < Some(published(one));
    while behind(&a) || behind(&b) || b.cosigned_of("desk-b-operator").is_none() {
        assert!(Instant::now() < until, "{}\n{}", a.log(), b.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (one, key) in [(&a, &key_b), (&b, &key_a)] {
        let data = one.root.join("data");
        let verified = poterne(&["journal", "verify", "--data", data.to_str().unwrap(), "--witness", key]);
        assert!(verified.status.success(), "{}", words(&verified));
    }
    let stranger =
        poterne(&["journal", "verify", "--data", a.root.join("data").to_str().unwrap(), "--witness", &key_a]);
    assert!(!stranger.status.success(), "{}", words(&stranger));

    // What A's journal was is put back: whole, signed, and not what B remembers.
    running_a.stop();
    let remembered = b.memory();
    fs::remove_dir_all(a.journal()).unwrap();
    copy(&root.join("older"), &a.journal());
    copy_files(&root.join("older-database"), &a.root.join("data"));
    fs::remove_dir_all(a.root.join("data/witnessed")).unwrap();
    let refused = a.refused(&format!("[journal]\nwitness_age_seconds = 5\n{clear}{witness_a}"));
    assert!(refused.contains("witness-desk-b: the witness remembers"), "{refused}");
    assert!(b.memory() == remembered && a.cosigned().is_none(), "nothing is cosigned");

    // Strangers get nothing from it, and not for long.
    let unknown = "old 0\n\nnobody\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} nobody AAAAAAAA\n";
    assert_eq!(post(b.witness, &add_checkpoint(unknown)), 404);
    assert_eq!(post(b.witness, &add_checkpoint("hello")), 400);
    assert_eq!(post(b.witness, &add_checkpoint(&"x".repeat(200_000))), 400);
    assert_eq!(post(b.witness, "GET /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"), 405);
    let flood = (0..2000).find(|_| post(b.witness, &add_checkpoint("hello")) == 429);
    assert!(flood.is_some_and(|first| first > 1000), "{flood:?}");
    assert!(b.memory() == remembered);
    running_b.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_s_journal_is_witnessed_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    for _ in 0..2 {
        let (running, ready) = demonstration(&data);
        let key = fs::read_to_string(data.join("witness/vkey")).unwrap();
        assert_eq!(ready["witness"], key.trim());
        let health = ready["metrics"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        let kept = data.join("witnessed/demo");
        until_health(health, "witness", |check| check["status"] == "ready" && kept.exists()).await;
        let until = Instant::now() + Duration::from_secs(30);
        let verified = loop {
            let verified = poterne(&["journal", "verify", "--data", data.to_str().unwrap(), "--witness", key.trim()]);
            if verified.status.success() || Instant::now() > until {
                break verified;
            }
        };
        assert!(words(&verified).contains("cosigned by demo-witness at"), "{}", words(&verified));
        running.stop();
    }
}
