//! A door on loopback behind proxies, trusted and not: whom each request is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{
    Extension, Router,
    http::HeaderMap,
    routing::{get, post},
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;
use types::ClientAddress;
use web::{
    guard::{Guard, PlainPages, guard},
    limits::Limits,
    serve::{Front, provider, serve, tls_config},
};
use wire::proxy::{Proxies, Says};

/// Where the door is; whoever comes from there is its own machine.
const HERE: u8 = 1;
const PROXY: u8 = 2;
const STRANGER: u8 = 3;
const HELLO: &str = "GET /who HTTP/1.1\r\nhost: localhost\r\n";

struct Door {
    address: SocketAddr,
    roots: Arc<RootCertStore>,
    _stop: tokio_util::sync::DropGuard,
}

fn router() -> Router {
    let who = async |Extension(client): Extension<ClientAddress>| {
        format!("{client}#{}", client.port().map_or("none".into(), |port| port.to_string()))
    };
    let said = async |headers: HeaderMap| {
        let names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
        names.join(" ")
    };
    Router::new().route("/who", get(who)).route("/said", get(said)).route("/act", post(async || "done"))
}

async fn open(says: Says, limits: Limits) -> Door {
    open_for(Some(says), limits, None).await
}

/// With proxies or without, for these networks or everybody.
async fn open_for(says: Option<Says>, limits: Limits, networks: Option<&[&str]>) -> Door {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = tls_config(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let guarded = Guard {
        limits: limits.clone(),
        origin: "https://localhost".parse().unwrap(),
        pages: Arc::new(PlainPages),
        on_fault: None,
        rehearsed: None,
        api: None,
    };
    let trusted = || vec!["127.0.0.2".parse().unwrap(), "10.0.0.0/24".parse().unwrap()];
    let proxies = says.map(|says| Proxies::new(trusted(), says));
    let networks = networks.map(|networks| networks.iter().map(|one| one.parse().unwrap()).collect());
    let router = guard(router(), guarded);
    let front = Front { tls: Some(tls), proxies, networks };
    tokio::spawn(serve(listener, front, router, limits, stop.clone(), Duration::ZERO));
    Door { address, roots: Arc::new(roots), _stop: stop.drop_guard() }
}

impl Door {
    async fn tcp(&self, from: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, from), 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Announces something, then speaks TLS.
    async fn tls(&self, from: u8, announcement: &[u8], alpn: &str) -> io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let mut tcp = self.tcp(from).await;
        tcp.write_all(announcement).await?;
        let name = ServerName::try_from("localhost").unwrap();
        timeout(Duration::from_secs(20), TlsConnector::from(Arc::new(config)).connect(name, tcp)).await.unwrap()
    }

    async fn ask(&self, from: u8, announcement: &[u8], head: &str) -> io::Result<String> {
        let mut stream = self.tls(from, announcement, "http/1.1").await?;
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap()?;
        Ok(String::from_utf8(answer).unwrap())
    }

    /// Who somebody is taken for, with these headers.
    async fn who(&self, from: u8, headers: &str) -> String {
        body(&self.ask(from, b"", &format!("{HELLO}{headers}")).await.unwrap())
    }

    /// Who somebody is taken for, after this announcement; nobody, if he is not let in.
    async fn announced(&self, from: u8, announcement: &[u8]) -> Option<String> {
        // Its headers are a forgery: here they never count.
        let head = format!("{HELLO}x-forwarded-for: 198.51.100.9\r\nforwarded: for=198.51.100.9\r\n");
        self.ask(from, announcement, &head).await.ok().map(|answer| body(&answer))
    }
}

fn body(answer: &str) -> String {
    answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}")).1.to_owned()
}

/// The announcement of version 1 of somebody.
fn line(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 127.0.0.1 4711 443\r\n").into_bytes()
}

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family, 0, rest.len() as u8][..], rest].concat()
}

#[tokio::test]
async fn a_trusted_proxy_tells_whom_each_request_is_for() {
    let door = open(Says::XForwardedFor, Limits::default()).await;
    for (headers, expected) in [
        ("x-forwarded-for: 203.0.113.7\r\n", "203.0.113.7#none"),
        ("x-forwarded-for: 198.51.100.9, 203.0.113.7:4711\r\n", "203.0.113.7#4711"),
        ("x-forwarded-for: 198.51.100.9\r\nx-forwarded-for: 203.0.113.7, 10.0.0.2\r\n", "203.0.113.7#none"),
        (
            "x-forwarded-for: 203.0.113.7\r\nforwarded: for=198.51.100.9\r\nx-real-ip: 198.51.100.9\r\n",
            "203.0.113.7#none",
        ),
    ] {
        assert_eq!(door.who(PROXY, headers).await, expected, "{headers}");
    }
    // Nothing, or nothing that can be read: the proxy itself.
    for headers in ["", "x-forwarded-for: 203.0.113.7, unknown\r\n", "forwarded: for=203.0.113.7\r\n"] {
        assert!(door.who(PROXY, headers).await.starts_with("127.0.0.2#"), "{headers}");
    }
    // Whoever is no proxy is himself, whatever he says.
    for from in [HERE, STRANGER] {
        let who = door.who(from, "x-forwarded-for: 203.0.113.7\r\nforwarded: for=203.0.113.7\r\n").await;
        assert!(who.starts_with(&format!("127.0.0.{from}#")) && !who.ends_with("none"), "{who}");
    }
}

#[tokio::test]
async fn one_connection_of_a_proxy_carries_many_clients() {
    let door = open(Says::Forwarded, Limits::default()).await;
    let mut stream = door.tls(PROXY, b"", "http/1.1").await.unwrap();
    for client in ["203.0.113.7", "203.0.113.8"] {
        stream.write_all(format!("{HELLO}forwarded: for=\"{client}:4711\"\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let count = timeout(Duration::from_secs(20), stream.read(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
        assert_eq!(body(&answer), format!("{client}#4711"));
    }
    let stream = door.tls(PROXY, b"", "h2").await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    for client in ["203.0.113.9", "203.0.113.10"] {
        let request = axum::http::Request::get("https://localhost/who").header("forwarded", format!("for={client}"));
        let response = sender.send_request(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let bytes = axum::body::to_bytes(axum::body::Body::new(response.into_body()), 100).await.unwrap();
        assert_eq!(bytes, format!("{client}#none"));
    }
}

#[tokio::test]
async fn what_proxies_say_goes_no_further_and_changes_no_origin() {
    let door = open(Says::XForwardedFor, Limits::default()).await;
    let said = "x-forwarded-for: 203.0.113.7\r\nforwarded: for=_x\r\nx-forwarded-proto: http\r\nx-real-ip: 203.0.113.7\r\n\
        x-forwarded-host: evil.example\r\nx-forwarded-port: 80\r\n";
    let seen = body(&door.ask(PROXY, b"", &format!("GET /said HTTP/1.1\r\nhost: localhost\r\n{said}")).await.unwrap());
    assert_eq!(seen, "host connection");
    for (origin, expected) in
        [("https://localhost", "200"), ("http://localhost", "403"), ("https://evil.example", "403")]
    {
        let head = format!("POST /act HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\ncontent-length: 0\r\n{said}");
        let answer = door.ask(PROXY, b"", &head).await.unwrap();
        assert_eq!(&answer[9..12], expected, "{origin}");
    }
}

#[tokio::test]
async fn an_announcement_tells_whom_a_connection_is_for() {
    let door = open(Says::ProxyProtocol, Limits::default()).await;
    let v4 = binary(0x21, 0x11, &[203, 0, 113, 8, 127, 0, 0, 1, 0x12, 0x67, 1, 187, 4, 0, 1, 0]);
    let v6 = [&[0x20; 32][..], &[0x12, 0x67, 1, 187]].concat();
    let v6 = binary(0x21, 0x21, &v6);
    for (announcement, expected) in [
        (line("203.0.113.7"), "203.0.113.7#4711"),
        (v4, "203.0.113.8#4711"),
        (v6, "2020:2020:2020:2020:2020:2020:2020:2020#4711"),
    ] {
        assert_eq!(door.announced(PROXY, &announcement).await.as_deref(), Some(expected));
    }
    // A proxy that asks for itself, and this machine, are who they are.
    for (from, announcement) in
        [(PROXY, b"PROXY UNKNOWN\r\n".to_vec()), (PROXY, binary(0x20, 0, &[])), (HERE, binary(0x20, 0, &[]))]
    {
        let who = door.announced(from, &announcement).await.unwrap();
        assert!(who.starts_with(&format!("127.0.0.{from}#")), "{who}");
    }
    // Nobody else comes in, and this machine for nobody else.
    for (from, announcement) in [
        (PROXY, b"".to_vec()),
        (PROXY, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (PROXY, line("203.0.113.777")),
        (PROXY, [line("203.0.113.7"), line("203.0.113.7")].concat()),
        (PROXY, binary(0x21, 0x31, &[0; 216])),
        (STRANGER, b"".to_vec()),
        (STRANGER, b"PROXY UNKNOWN\r\n".to_vec()),
        (STRANGER, line("203.0.113.7")),
        (HERE, b"".to_vec()),
        (HERE, line("203.0.113.7")),
    ] {
        let seen = door.announced(from, &announcement).await;
        assert_eq!(seen, None, "127.0.0.{from}: {}", String::from_utf8_lossy(&announcement));
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_say_it_in_time_is_closed() {
    let limits = Limits { announcement_max: Duration::from_millis(300), ..Limits::default() };
    let door = open(Says::ProxyProtocol, limits).await;
    let started = Instant::now();
    for said in [&b""[..], b"PROXY TCP4 203.0.113.7", &binary(0x21, 0x11, &[0; 12])[..20]] {
        let mut stream = door.tcp(PROXY).await;
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.is_empty());
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // Byte by byte is no hurry, as long as it comes.
    let mut stream = door.tcp(PROXY).await;
    for byte in line("203.0.113.7") {
        stream.write_all(&[byte]).await.unwrap();
    }
    stream.write_all(b"no TLS").await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "TLS answered by an alert: {answer:?}");
}

/// Whether an announced connection is let in.
async fn comes_in(door: &Door, client: &str) -> Option<TlsStream<TcpStream>> {
    door.tls(PROXY, &line(client), "http/1.1").await.ok()
}

#[tokio::test]
async fn places_are_counted_by_client_and_not_by_proxy() {
    let limits = || Limits { connections_per_source_max: 2, connections_max: 6, ..Limits::default() };
    let door = open(Says::ProxyProtocol, limits()).await;
    let mut held = Vec::new();
    for client in ["203.0.113.7", "203.0.113.7", "203.0.113.8", "203.0.113.8", "203.0.113.9"] {
        held.push(comes_in(&door, client).await.unwrap());
    }
    assert!(comes_in(&door, "203.0.113.7").await.is_none(), "it has all that one source may have");
    held.push(comes_in(&door, "203.0.113.10").await.unwrap());
    assert!(comes_in(&door, "203.0.113.11").await.is_none(), "all places are taken");
    held.remove(0);
    let mut tries = 0;
    while comes_in(&door, "203.0.113.7").await.is_none() {
        tries += 1;
        assert!(tries < 100, "its place was not given back");
        sleep(Duration::from_millis(20)).await;
    }
    drop(held);

    let door = open(Says::XForwardedFor, limits()).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(door.tls(STRANGER, b"", "http/1.1").await.unwrap());
    }
    assert!(door.tls(STRANGER, b"", "http/1.1").await.is_err(), "a stranger has two");
    for _ in 0..4 {
        held.push(door.tls(PROXY, b"", "http/1.1").await.unwrap());
    }
    assert!(door.tls(PROXY, b"", "http/1.1").await.is_err(), "all places are taken");
}

#[tokio::test]
async fn a_listener_for_some_networks_says_nothing_to_others() {
    let inside: Option<&[&str]> = Some(&["127.0.0.1", "203.0.113.0/24"]);
    let door = open_for(None, Limits::default(), inside).await;
    assert!(door.who(HERE, "").await.starts_with("127.0.0.1#"));
    // Not a byte, and no certificate.
    for said in [&b""[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = door.tcp(STRANGER).await;
        let _ = stream.write_all(said).await;
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.is_empty());
    }
    assert!(door.tls(STRANGER, b"", "http/1.1").await.is_err());

    // It is whom a proxy speaks for that counts, not where the proxy is.
    let door = open_for(Some(Says::XForwardedFor), Limits::default(), inside).await;
    assert_eq!(door.who(PROXY, "x-forwarded-for: 198.51.100.9, 203.0.113.7\r\n").await, "203.0.113.7#none");
    for headers in ["", "x-forwarded-for: 203.0.113.7, 198.51.100.9\r\n", "x-forwarded-for: 203.0.113.7, unknown\r\n"] {
        for path in ["who", "absent"] {
            let head = format!("GET /{path} HTTP/1.1\r\nhost: localhost\r\n{headers}");
            let answer = door.ask(PROXY, b"", &head).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 404 ") && body(&answer).is_empty(), "{headers}: {answer}");
        }
    }
    let forged = format!("{HELLO}x-forwarded-for: 203.0.113.7\r\n");
    assert!(door.ask(STRANGER, b"", &forged).await.is_err(), "whoever is no proxy is himself");

    // A proxy of these very networks that does not say it speaks for anybody.
    let with_proxy: Option<&[&str]> = Some(&["127.0.0.0/24"]);
    let door = open_for(Some(Says::XForwardedFor), Limits::default(), with_proxy).await;
    assert!(door.ask(PROXY, b"", HELLO).await.unwrap().starts_with("HTTP/1.1 404 "));
    assert!(door.who(STRANGER, "").await.starts_with("127.0.0.3#"));

    let door = open_for(Some(Says::ProxyProtocol), Limits::default(), inside).await;
    assert_eq!(door.announced(PROXY, &line("203.0.113.7")).await.as_deref(), Some("203.0.113.7#4711"));
    assert_eq!(door.announced(PROXY, &line("198.51.100.9")).await, None);
    assert_eq!(door.announced(PROXY, b"PROXY UNKNOWN\r\n").await, None, "the proxy itself is not of these networks");
}
