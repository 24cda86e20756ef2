//! A door on loopback, with real TLS, seen by clients good and bad.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{
    Extension, Form, Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName, version};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;
use types::{ClientAddress, SessionId};
use web::{
    guard::{CurrentSession, Guard, PlainPages, SessionClosed, guard},
    limits::Limits,
    reference::Reference,
    rehearsed::{Rehearsal, RehearsedFault, rehearsal},
    serve::{Front, Stopped, provider, serve, tls_config},
};

const ORIGIN: &str = "https://localhost";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

struct Door {
    address: SocketAddr,
    roots: Arc<RootCertStore>,
    shutdown: CancellationToken,
    panicked: Arc<Mutex<Vec<SessionId>>>,
    rehearsal: Rehearsal,
    task: JoinHandle<Stopped>,
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/who", get(async |Extension(address): Extension<ClientAddress>| address.to_string()))
        .route("/reference", get(async |Extension(reference): Extension<Reference>| reference.to_string()))
        .route("/slow", get(async || sleep(Duration::from_millis(600)).await))
        .route("/never", get(async || std::future::pending::<()>().await))
        .route("/big", get(async || vec![b'x'; 40_000_000]))
        .route("/form", post(async |Form(form): Form<HashMap<String, String>>| format!("{} fields", form.len())))
        .route("/fault", get(faulty))
        .route(
            "/closed",
            get(async |session: Extension<CurrentSession>| (Extension(SessionClosed), faulty(session).await)),
        )
        .route(
            "/of/{who}",
            get(async |Path(who): Path<u8>, Extension(session): Extension<CurrentSession>| {
                session.note(SessionId::from_bytes([who; 16]));
                "here"
            }),
        )
        .route("/stranger", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route(
            "/panic",
            get(async |Extension(session): Extension<CurrentSession>| -> &'static str {
                session.note(SessionId::from_bytes([9; 16]));
                panic!("a secret cause")
            }),
        )
}

async fn faulty(Extension(session): Extension<CurrentSession>) -> StatusCode {
    session.note(SessionId::from_bytes([8; 16]));
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn open(limits: Limits, drain: Duration) -> Door {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = tls_config(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let panicked = Arc::new(Mutex::new(Vec::new()));
    let noted = panicked.clone();
    let (rehearsal, rehearsed) = rehearsal();
    let router = guard(
        router(),
        Guard {
            limits: limits.clone(),
            origin: ORIGIN.parse().unwrap(),
            pages: Arc::new(PlainPages),
            on_fault: Some(Arc::new(move |session| noted.lock().unwrap().push(session))),
            rehearsed: Some(rehearsed),
            api: None,
        },
    );
    let task = tokio::spawn(serve(
        listener,
        Front { tls: Some(tls), ..Front::default() },
        router,
        limits,
        shutdown.clone(),
        drain,
    ));
    Door { address, roots: Arc::new(roots), shutdown, panicked, rehearsal, task }
}

async fn door() -> Door {
    open(Limits::default(), Duration::from_secs(5)).await
}

impl Door {
    async fn tcp(&self, from: IpAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn tls(&self, from: IpAddr, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS12, &version::TLS13])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.tcp(from).await).await
    }

    /// Sends a whole HTTP/1.1 request on a connection of its own and reads the answer to its end.
    async fn ask(&self, head: &str, body: &str) -> String {
        let mut stream = self.tls(HERE, "http/1.1").await.unwrap();
        // The door may answer and close before it has read everything.
        let _ =
            stream.write_all(format!("{head}\r\nhost: localhost\r\nconnection: close\r\n\r\n{body}").as_bytes()).await;
        read_all(&mut stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1"), "").await
    }

    async fn post(&self, headers: &str, body: &str) -> String {
        self.ask(
            &format!(
                "POST /form HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}{headers}",
                body.len()
            ),
            body,
        )
        .await
    }
}

async fn read_all(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer still leaves what was read.
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await.expect("the door should close");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[tokio::test]
async fn a_request_knows_its_terminal_and_its_reference() {
    let door = door().await;
    assert_eq!(body(&door.get("/who").await), "127.0.0.1");
    assert_eq!(body(&door.get("/reference").await).len(), 12);
}

#[tokio::test]
async fn every_answer_bears_the_strict_headers() {
    let door = door().await;
    let huge = format!("GET / HTTP/1.1\r\nx-huge: {}", "h".repeat(17_000));
    for answer in [
        door.get("/").await,
        door.get("/absent").await,
        door.get("/panic").await,
        door.ask("POST / HTTP/1.1\r\norigin: https://localhost\r\ncontent-length: 0", "").await,
        door.post("", "a=b").await,
        door.ask(&huge, "").await,
    ] {
        for expected in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
            "strict-transport-security: max-age=63072000",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "referrer-policy: same-origin",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
            "permissions-policy: accelerometer=()",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(expected), "{expected} in {answer}");
        }
        assert!(!answer.to_ascii_lowercase().contains("\r\nserver:"));
    }
}

#[tokio::test]
async fn http2_is_served_alike() {
    let door = door().await;
    let stream = door.tls(HERE, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    for (path, expected) in [("/", 200), ("/absent", 404), ("/panic", 500), ("/", 200)] {
        let request = axum::http::Request::get(format!("https://localhost{path}"));
        let response = sender.send_request(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), expected);
        assert!(response.headers().contains_key("content-security-policy"));
    }
}

/// Two hand-made ClientHello records: TLS 1.1, and TLS 1.2 with RSA key transport only.
/// One answer on a connection that stays: to the end of its body, whose length is told.
async fn one_answer(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.unwrap().parse().unwrap() {
                return text;
            }
        }
        let mut bytes = [0; 4096];
        let count = timeout(Duration::from_secs(20), stream.read(&mut bytes)).await.unwrap().unwrap();
        assert!(count > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
}

/// A program that keeps its connection sends its body when it pleases; it is refused for its header alone.
#[tokio::test]
async fn a_refusal_before_the_body_leaves_the_connection_whole() {
    let door = door().await;
    let mut stream = door.tls(HERE, "http/1.1").await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        stream.write_all(b"a=b&c=d&e").await.unwrap();
        let refused = one_answer(&mut stream).await;
        assert!(status(&refused) == "403" && !refused.contains("connection: close"), "{refused}");
        stream.write_all(b"GET /who HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(body(&one_answer(&mut stream).await), "127.0.0.1");
    }
}

/// What is too long, never comes or waits to be asked for is not read: the answer says that the connection ends.
#[tokio::test]
async fn a_body_that_is_not_read_ends_the_connection_and_the_answer_says_so() {
    let door = door().await;
    let long = "x".repeat(100_000);
    for (headers, sent) in [
        ("content-length: 100000", long.as_str()),
        ("content-length: 9", ""),
        ("content-length: 9\r\nexpect: 100-continue", ""),
    ] {
        let mut stream = door.tls(HERE, "http/1.1").await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n{sent}");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(status(&answer) == "403" && answer.contains("connection: close"), "{headers}: {answer}");
    }
}

#[tokio::test]
async fn old_tls_is_refused_by_an_alert() {
    let door = door().await;
    for (version, suites) in [([3, 2], [0xc0, 0x13]), ([3, 1], [0xc0, 0x13]), ([3, 3], [0x00, 0x9c])] {
        let mut hello = vec![version[0], version[1]];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, suites[0], suites[1], 1, 0]);
        let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
        record.extend(hello);
        let mut stream = door.tcp(HERE).await;
        stream.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap();
        assert_eq!(answer.first(), Some(&21), "an alert, for {version:?}: {answer:?}");
    }
    assert_eq!(status(&door.get("/").await), "200");
}

#[tokio::test]
async fn no_session_is_resumed() {
    let door = door().await;
    let mut stream = door.tls(HERE, "http/1.1").await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    read_all(&mut stream).await;
    assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
}

#[tokio::test]
async fn garbage_costs_little_and_breaks_nothing() {
    let door = door().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        &[0; 4096],
        &[0xff; 70_000],
        &[22, 3, 1, 255, 255, 1, 0, 0, 0],
        b"SSH-2.0-x\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = door.tcp(HERE).await;
        let _ = stream.write_all(garbage).await;
        let _ = stream.shutdown().await;
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await.expect("closed");
    }
    for garbage in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &"x".repeat(100_000)] {
        let mut stream = door.tls(HERE, "http/1.1").await.unwrap();
        let _ = stream.write_all(garbage.as_bytes()).await;
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let mut stream = door.tls(HERE, "h2").await.unwrap();
    let _ = stream.write_all(&[0xff; 1000]).await;
    read_all(&mut stream).await;
    assert_eq!(status(&door.get("/").await), "200");
    assert!(!door.task.is_finished());
}

#[tokio::test]
async fn the_slow_are_cut() {
    let short = Duration::from_millis(300);
    let limits = Limits { handshake_max: short, header_read_max: short, idle_max: short, ..Limits::default() };
    let door = open(limits, Duration::from_secs(1)).await;

    let started = Instant::now();
    let mut silent = door.tcp(HERE).await;
    silent.write_all(&[22, 3, 1]).await.unwrap();
    read_all(&mut silent).await;
    let mut half = door.tls(HERE, "http/1.1").await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
    read_all(&mut half).await;
    let mut idle = door.tls(HERE, "h2").await.unwrap();
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    read_all(&mut idle).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(status(&door.get("/").await), "200");
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut() {
    let limits = Limits { write_stall_max: Duration::from_millis(300), ..Limits::default() };
    let door = open(limits, Duration::from_secs(10)).await;
    let mut deaf = door.tls(HERE, "http/1.1").await.unwrap();
    deaf.write_all(b"GET /big HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(1500)).await;
    // Were it still held, the drain would wait for it and cut it.
    door.shutdown.cancel();
    assert_eq!(door.task.await.unwrap(), Stopped { cut_connections: 0 });
}

#[tokio::test]
async fn one_source_cannot_take_all_the_places() {
    let limits = Limits { connections_per_source_max: 3, connections_max: 4, ..Limits::default() };
    let door = open(limits, Duration::from_secs(1)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(door.tls(HERE, "http/1.1").await.unwrap());
    }
    assert!(door.tls(HERE, "http/1.1").await.is_err());
    let other = door.tls(ELSEWHERE, "http/1.1").await.unwrap();
    assert!(door.tls(ELSEWHERE, "http/1.1").await.is_err(), "all places are taken");
    drop((held, other));
    for _ in 0..50 {
        sleep(Duration::from_millis(20)).await;
        if door.tls(HERE, "http/1.1").await.is_ok() {
            return;
        }
    }
    panic!("places were not given back");
}

#[tokio::test]
async fn too_much_is_said_to_be_too_much() {
    let door = door().await;
    for bytes in [17_000, 60_000] {
        let head = format!("GET / HTTP/1.1\r\nx-huge: {}", "h".repeat(bytes));
        assert_eq!(status(&door.ask(&head, "").await), "431", "{bytes}");
    }
    let origin = "\r\norigin: https://localhost";
    assert_eq!(body(&door.post(origin, "a=b&c=d").await), "2 fields");
    assert_eq!(status(&door.post(origin, &format!("a={}", "b".repeat(17_000))).await), "413");
    let chunk = format!("4e20\r\n{}\r\n0\r\n\r\n", "b".repeat(20_000));
    let chunked = "POST /form HTTP/1.1\r\norigin: https://localhost\r\ntransfer-encoding: chunked\r\n\
        content-type: application/x-www-form-urlencoded";
    assert_eq!(status(&door.ask(chunked, &chunk).await), "413");
}

#[tokio::test]
async fn a_panic_ends_its_request_and_its_session_only() {
    let door = door().await;
    let mut stream = door.tls(HERE, "http/1.1").await.unwrap();
    stream.write_all(b"GET /panic HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 500"));
    assert!(answer.contains("Référence : "), "{answer}");
    assert!(!answer.contains("secret"));
    assert!(answer.contains("HTTP/1.1 200"));
    assert_eq!(*door.panicked.lock().unwrap(), [SessionId::from_bytes([9; 16])]);
}

#[tokio::test]
async fn an_internal_error_ends_the_session_that_met_it_and_no_other() {
    let door = door().await;
    for path in ["/stranger", "/closed"] {
        assert_eq!(status(&door.get(path).await), "500");
        assert!(door.panicked.lock().unwrap().is_empty(), "{path}: nobody's, or closed already");
    }
    let answer = door.get("/fault").await;
    assert_eq!(status(&answer), "500");
    assert!(answer.contains("Référence : "), "{answer}");
    assert_eq!(*door.panicked.lock().unwrap(), [SessionId::from_bytes([8; 16])]);
}

#[tokio::test]
async fn a_rehearsed_fault_hits_one_request_of_its_session() {
    let door = door().await;
    let ours = SessionId::from_bytes([1; 16]);
    for fault in [RehearsedFault::Panic, RehearsedFault::Internal] {
        let armed = door.rehearsal.arm(ours, fault).unwrap();
        for path in ["/", "/of/2"] {
            assert_eq!(status(&door.get(path).await), "200", "{path}: nobody's, or another's");
        }
        assert!(door.panicked.lock().unwrap().is_empty() && !armed.was_met());
        let answer = door.get("/of/1").await;
        assert!(status(&answer) == "500" && answer.contains("Référence : ") && !answer.contains("here"), "{answer}");
        assert!(!answer.contains("rehears"), "{answer}");
        assert_eq!(std::mem::take(&mut *door.panicked.lock().unwrap()), [ours]);
        assert_eq!(status(&door.get("/of/1").await), "200", "{fault:?}: once");
        drop(armed);
        assert_eq!(status(&door.get("/of/1").await), "200", "{fault:?}: disarmed");
    }
}

#[tokio::test]
async fn an_endless_request_is_given_up() {
    let limits = Limits { request_max: Duration::from_millis(200), ..Limits::default() };
    let door = open(limits, Duration::from_secs(1)).await;
    assert_eq!(status(&door.get("/never").await), "503");
    let unsent = door
        .ask(
            "POST /form HTTP/1.1\r\norigin: https://localhost\r\ncontent-type: \
        application/x-www-form-urlencoded\r\ncontent-length: 100",
            "a=",
        )
        .await;
    assert_eq!(status(&unsent), "503");
}

#[tokio::test]
async fn what_another_site_started_is_refused() {
    let door = door().await;
    for (headers, expected) in [
        ("", "403"),
        ("\r\norigin: https://evil.example", "403"),
        ("\r\norigin: null", "403"),
        ("\r\nsec-fetch-site: cross-site\r\norigin: https://localhost", "403"),
        ("\r\nsec-fetch-site: same-origin", "200"),
        ("\r\norigin: https://localhost", "200"),
    ] {
        assert_eq!(status(&door.post(headers, "a=b").await), expected, "{headers}");
    }
    assert!(body(&door.post("", "a=b").await).contains("Référence"));
    let nowhere = "DELETE /absent HTTP/1.1\r\nsec-fetch-site: cross-site";
    assert_eq!(status(&door.ask(nowhere, "").await), "403");
}

#[tokio::test]
async fn a_library_never_tells_a_cause() {
    let door = door().await;
    let answer = door
        .ask("POST /form HTTP/1.1\r\norigin: https://localhost\r\ncontent-type: text/xml\r\ncontent-length: 1", "a")
        .await;
    assert_eq!(status(&answer), "415");
    assert!(body(&answer).starts_with("415\nRéférence : "), "{answer}");
    let answer =
        door.ask("PUT / HTTP/1.1\r\norigin: https://localhost\r\naccept-language: en\r\ncontent-length: 0", "").await;
    assert!(answer.contains("allow: GET,HEAD") && body(&answer).starts_with("405\nReference : "), "{answer}");
}

#[tokio::test]
async fn a_stop_waits_for_what_is_in_flight() {
    let door = door().await;
    let _idle = door.tls(HERE, "http/1.1").await.unwrap();
    let mut slow = door.tls(HERE, "http/1.1").await.unwrap();
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    door.shutdown.cancel();
    sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(door.address).await.is_err(), "nothing is accepted any more");
    assert_eq!(status(&read_all(&mut slow).await), "200");
    assert_eq!(door.task.await.unwrap(), Stopped { cut_connections: 0 });
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_stop_ends_by_its_deadline() {
    let door = open(Limits::default(), Duration::from_millis(300)).await;
    for protocol in ["http/1.1", "http/1.1"] {
        let mut stuck = door.tls(HERE, protocol).await.unwrap();
        stuck.write_all(b"GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        std::mem::forget(stuck);
    }
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    door.shutdown.cancel();
    assert_eq!(door.task.await.unwrap(), Stopped { cut_connections: 2 });
    assert!(started.elapsed() < Duration::from_secs(2));
}
