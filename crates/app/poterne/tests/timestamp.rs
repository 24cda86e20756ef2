//! A node and an authority of time stamps: what is kept, what `openssl ts` makes of it, and what an authority that fails or lies
//! meets. The authority is `openssl` behind a server that carries bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;
#[allow(dead_code)]
#[path = "../../../keep/journal/src/stamp/testing.rs"]
mod testing;

use axum::{
    Router,
    body::Bytes,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse as _, Response},
    routing::post,
};
use nodes::{free_port, node, poterne, serve, until_health, words};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use testing::Tsa;

/// How the authority answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Honest,
    Fault,
    Long,
    Elsewhere,
    Again(Vec<u8>),
    Silent,
}

#[derive(Clone)]
struct Carrier {
    tsa: Arc<Tsa>,
    way: Arc<Mutex<Way>>,
    asked: Arc<Mutex<u64>>,
}

impl Carrier {
    async fn answer(self, query: Bytes) -> Response {
        *self.asked.lock().unwrap() += 1;
        let way = self.way.lock().unwrap().clone();
        match way {
            Way::Honest => {
                let reply = tokio::task::spawn_blocking(move || self.tsa.reply(&query)).await.unwrap();
                reply.into_response()
            }
            Way::Fault => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Way::Long => vec![0x30; 100_000].into_response(),
            Way::Elsewhere => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/honest")]).into_response(),
            Way::Again(reply) => reply.into_response(),
            Way::Silent => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                StatusCode::OK.into_response()
            }
        }
    }

    fn set(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }
}

async fn carry(tsa: Tsa) -> (Carrier, u16) {
    let carrier = Carrier { tsa: Arc::new(tsa), way: Arc::new(Mutex::new(Way::Fault)), asked: Arc::new(Mutex::new(0)) };
    let (one, honest) = (carrier.clone(), Carrier { way: Arc::new(Mutex::new(Way::Honest)), ..carrier.clone() });
    let router = Router::new()
        .route("/tsa", post(move |query: Bytes| one.clone().answer(query)))
        .route("/honest", post(move |query: Bytes| honest.clone().answer(query)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = tokio_util::sync::CancellationToken::new();
    tokio::spawn(web::serve::serve(
        listener,
        Default::default(),
        router,
        web::limits::Limits::default(),
        stop,
        Duration::ZERO,
    ));
    (carrier, port)
}

fn stamps(data: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(data.join("stamped/desk-1")).into_iter().flatten().flatten().map(|file| file.path()).collect();
    found.sort();
    found
}

fn verify(arguments: &[&str]) -> (bool, Value) {
    let output = poterne(&[&["journal", "verify", "--format", "json"], arguments].concat());
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", words(&output))))
}

async fn until(what: &str, held: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !held() {
        assert!(Instant::now() < limit, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_stamped_once_and_what_is_false_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (health, tsa) = (free_port(), Tsa::new("ec"));
    let config = node(root, health);
    let (data, log) = (root.join("node/data"), root.join("log"));
    fs::write(root.join("node/keys/tsa-ca.crt"), tsa.ca_pem()).unwrap();
    let (carrier, port) = carry(tsa).await;
    let section = format!(
        "\n[journal.timestamp]\nurl = \"http://127.0.0.1:{port}/tsa\"\nca_file = \"keys/tsa-ca.crt\"\nwait_seconds = 1\n"
    );
    fs::write(&config, fs::read_to_string(&config).unwrap() + &section).unwrap();

    // Every way to fail is told by `check`, as the node meets it.
    let stale = carrier.tsa.reply(&journal::stamp::Asked::new(b"another", None, [9; 16]).unwrap().body);
    for (way, said) in [
        (Way::Fault, "it answers 500"),
        (Way::Long, "its answer is too long"),
        (Way::Elsewhere, "it answers 307"),
        (Way::Again(stale), "it answers another request"),
        (Way::Again(b"hello".to_vec()), "it is not an answer of RFC 3161"),
        (Way::Silent, "no answer within 1 seconds"),
    ] {
        carrier.set(way);
        let told = poterne(&["check", "--config", &config]);
        assert!(!told.status.success() && words(&told).contains(said), "{said}: {}", words(&told));
    }
    carrier.set(Way::Honest);
    let told = poterne(&["check", "--config", &config]);
    assert!(words(&told).contains("✓ time stamps: stamps"), "{}", words(&told));

    // At the start this day's stamp is missing; the authority fails, then mends.
    carrier.set(Way::Fault);
    let running = serve(&config, &log);
    let said = until_health(health, "timestamp", |check| check["status"] == "degraded").await;
    assert!(said["reason"].as_str().unwrap().contains("it answers 500"), "{said}");
    assert!(stamps(&data).is_empty());
    carrier.set(Way::Honest);
    until_health(health, "timestamp", |check| check["status"] == "ready").await;
    let kept = stamps(&data);
    assert_eq!(kept.len(), 2, "{kept:?}");
    let asked = *carrier.asked.lock().unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(*carrier.asked.lock().unwrap(), asked, "once a day");
    // Others read it.
    let elsewhere = carrier.tsa.verify(&kept[0], &kept[1]);
    assert!(elsewhere.status.success(), "{}", words(&elsewhere));
    // As if a day had passed: the next stamp is asked for while the node runs.
    let day = |name: &str| data.join("stamped/desk-1").join(name);
    let away = root.join("away");
    fs::create_dir(&away).unwrap();
    for file in &kept {
        fs::rename(file, away.join(file.file_name().unwrap())).unwrap();
    }
    until("a second stamp", || stamps(&data).len() == 2).await;
    let stamped = || verify(&["--data", data.to_str().unwrap()]).1["stamps"].clone();
    until("its trace", || fs::read_to_string(&log).unwrap().matches("the journal is stamped").count() == 2).await;
    running.stop();
    assert_eq!(stamped()[0]["ok"], true);
    // An entry's type is in clear: one for the day's lack, however often it was tried, and one for each stamp.
    let bundle = fs::read_dir(data.join("journal/desk-1/tile/entries/000.p")).unwrap().next().unwrap().unwrap();
    let entries = fs::read(bundle.path()).unwrap();
    let count = |word: &str| entries.windows(word.len()).filter(|window| *window == word.as_bytes()).count();
    assert_eq!((count("journal.unstamped"), count("journal.stamped")), (1, 2));

    // `verify`, of the folder and of an archive, with the authority and without.
    let ca = carrier.tsa.path("ca.pem");
    let (ca, data_arg) = (ca.to_str().unwrap(), data.to_str().unwrap());
    let archive = root.join("journal.tar");
    let exported = poterne(&["journal", "export", "--data", data_arg, "--out", archive.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", words(&exported));
    let archive = archive.to_str().unwrap();
    for from in [["--data", data_arg], ["--archive", archive]] {
        let (ok, told) = verify(&[&from[..], &["--stamps-ca", ca]].concat());
        assert!(ok && told["stamps"][0]["vouched"] == true, "{told}");
        let (ok, told) = verify(&from);
        assert!(ok && told["stamps"][0]["vouched"] == false, "{told}");
        let stranger = Tsa::new("ec");
        let (ok, told) = verify(&[&from[..], &["--stamps-ca", stranger.path("ca.pem").to_str().unwrap()]].concat());
        assert!(!ok && told["bad"]["what"].as_str().unwrap().contains("no trusted authority"), "{told}");
    }
    let told = poterne(&["journal", "verify", "--data", data_arg, "--stamps-ca", config.as_str()]);
    assert_eq!(told.status.code(), Some(2), "{}", words(&told));

    // Altered, of another day, of another checkpoint, gone.
    let bad = |wanted: &str| {
        let (ok, told) = verify(&["--data", data_arg, "--stamps-ca", ca]);
        assert!(!ok && told["bad"]["what"].as_str().unwrap().contains(wanted), "{wanted}: {told}");
    };
    let kept = stamps(&data);
    let (note, tsr) = (fs::read(&kept[0]).unwrap(), fs::read(&kept[1]).unwrap());
    let mut altered = tsr.clone();
    let end = altered.len() - 1;
    altered[end] ^= 1;
    fs::write(&kept[1], &altered).unwrap();
    bad("signature");
    fs::write(&kept[1], &tsr).unwrap();
    let before = fs::read(away.join(kept[0].file_name().unwrap())).unwrap();
    assert_ne!(before, note);
    fs::write(&kept[0], &before).unwrap();
    bad("something else than this checkpoint");
    fs::write(&kept[0], &note).unwrap();
    for (from, to) in [(&kept[0], "2020-01-01.checkpoint"), (&kept[1], "2020-01-01.tsr")] {
        fs::rename(from, day(to)).unwrap();
    }
    bad("another day's stamp stands here");
    for name in ["2020-01-01.checkpoint", "2020-01-01.tsr"] {
        fs::remove_file(day(name)).unwrap();
    }
    bad("no stamp that the trusted authority made");
    for file in [&kept[0], &kept[1]] {
        fs::copy(away.join(file.file_name().unwrap()), file).unwrap();
    }
    let (ok, told) = verify(&["--data", data_arg, "--stamps-ca", ca]);
    assert!(ok, "the earlier stamp of that day is as good: {told}");
}
