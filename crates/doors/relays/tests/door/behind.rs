//! Behind proxies who speak the PROXY protocol: the technician's own address, and nobody who is not announced.

use crate::{
    client::Client,
    house::{LOGIN, TARGET},
    site::{Site, limits},
};
use relays::RelayLimits;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

const PROXY: [u8; 4] = [127, 0, 0, 2];
const STRANGER: [u8; 4] = [127, 0, 0, 3];
/// Where the door is.
const HERE: [u8; 4] = [127, 0, 0, 1];
const BANNER: &[u8] = b"SSH-2.0-Poterne\r\n";

async fn site(limits: RelayLimits) -> Site {
    Site::behind(limits, |_| {}, Some("127.0.0.2")).await
}

async fn connected(site: &Site, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(([127, 0, 0, 1], site.port).into()).await.unwrap()
}

/// What the door says first to whoever announces this.
async fn greeting(site: &Site, from: [u8; 4], announcement: &[u8]) -> (Vec<u8>, TcpStream) {
    let mut stream = connected(site, from).await;
    let _ = stream.write_all(announcement).await;
    let mut said = vec![0; BANNER.len()];
    let read = timeout(Duration::from_secs(10), stream.read_exact(&mut said)).await.unwrap();
    (if read.is_ok() { said } else { Vec::new() }, stream)
}

fn line(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 127.0.0.1 4711 22\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_technician_is_known_by_the_address_that_his_proxy_announces() {
    let mut site = site(limits()).await;
    let door = site.port;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // To OpenSSH, the proxy is the door.
    let port = proxy.local_addr().unwrap().port();
    let known = std::fs::read_to_string(site.path("known")).unwrap();
    std::fs::write(site.path("known"), known.replace(&format!(":{door} "), &format!(":{port} "))).unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = proxy.accept().await {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((PROXY, 0).into()).unwrap();
            let mut far = socket.connect(([127, 0, 0, 1], door).into()).await.unwrap();
            far.write_all(&line("203.0.113.7")).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    site.port = port;
    let said = Client::ssh(&site, &format!("{LOGIN}%{TARGET}")).run(&["echo", "ici"]).await;
    assert_eq!((said.code(), said.text().as_str()), (Some(0), "ici\n"), "{said:?}");
    let from = site.house.state().from.clone();
    assert!(!from.is_empty() && from.iter().all(|one| one.to_string() == "203.0.113.7"), "{from:?}");
    assert!(from.iter().all(|one| one.port() == Some(4711)), "{from:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_proxies_and_this_machine_are_greeted() {
    let site = site(RelayLimits { announcement_max: Duration::from_millis(500), ..limits() }).await;
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x08\x7f\0\0\x01\x12\x67\0\x16";
    for (from, announcement) in [
        (PROXY, line("203.0.113.7")),
        (PROXY, binary.to_vec()),
        (PROXY, b"PROXY UNKNOWN\r\n".to_vec()),
        (HERE, b"PROXY UNKNOWN\r\n".to_vec()),
    ] {
        let said = greeting(&site, from, &announcement).await.0;
        assert_eq!(said, BANNER, "{from:?} {}", String::from_utf8_lossy(&announcement));
    }
    let started = Instant::now();
    for (from, announcement) in [
        (PROXY, &b""[..]),
        (PROXY, b"SSH-2.0-OpenSSH_9.2\r\n"),
        (PROXY, b"PROXY TCP4 203.0.113.7"),
        (STRANGER, b"PROXY UNKNOWN\r\n"),
        (STRANGER, &line("203.0.113.7")),
        (STRANGER, b"SSH-2.0-OpenSSH_9.2\r\n"),
        (HERE, &line("203.0.113.7")),
        (HERE, b"SSH-2.0-OpenSSH_9.2\r\n"),
    ] {
        let said = greeting(&site, from, announcement).await.0;
        assert_eq!(said, b"", "{from:?} {}", String::from_utf8_lossy(announcement));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_counted_by_technician_and_not_by_proxy() {
    let limits = RelayLimits {
        connections_max: 6,
        connections_per_source_max: 2,
        strangers_per_source_max: 2,
        strangers_max: 6,
        ..limits()
    };
    let site = site(limits).await;
    let mut held = Vec::new();
    for client in ["203.0.113.7", "203.0.113.7", "203.0.113.8", "203.0.113.8", "203.0.113.9"] {
        let (said, stream) = greeting(&site, PROXY, &line(client)).await;
        assert_eq!(said, BANNER, "{client}");
        held.push(stream);
    }
    assert_eq!(greeting(&site, PROXY, &line("203.0.113.7")).await.0, b"", "it has all that one source may have");
    let (said, last) = greeting(&site, PROXY, &line("203.0.113.9")).await;
    assert_eq!(said, BANNER);
    assert_eq!(greeting(&site, PROXY, &line("203.0.113.10")).await.0, b"", "all places are taken");
    drop((held, last));
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if greeting(&site, PROXY, &line("203.0.113.7")).await.0 == BANNER {
            return;
        }
    }
    panic!("places were not given back");
}
