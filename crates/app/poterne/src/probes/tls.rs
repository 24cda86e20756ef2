//! Clear HTTP and TLS before 1.2 are refused; 1.2 and 1.3 serve, and the answer binds browsers to HTTPS (acces-web DT6,
//! clausier O-8.1).

use super::{Fault, Seen, browser::Browser, target::Target, verdict};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use rustls::version::{TLS12, TLS13};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long an answer to what is no TLS is waited for.
const WAIT: Duration = Duration::from_secs(5);
/// HSTS for a year at least.
const HSTS_SECONDS_MIN: u64 = 31_536_000;
/// The first byte of a TLS record that holds an alert.
const ALERT: u8 = 0x15;

/// Tries each door's listener.
pub struct TlsProbe {
    info: &'static ProbeInfo,
    targets: Vec<Target>,
}

impl TlsProbe {
    /// Over these doors.
    pub fn new(info: &'static ProbeInfo, targets: Vec<Target>) -> Self {
        Self { info, targets }
    }
}

impl Probe for TlsProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let mut seen = Vec::new();
            for target in &self.targets {
                seen.push((target.door, look(target).await));
            }
            verdict(seen)
        })
    }
}

async fn look(target: &Target) -> Seen {
    let clear = format!("GET /fr/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", target.host);
    let answer = answer_to(target.through, clear.as_bytes()).await.map_err(Fault::unreachable)?;
    if answer.starts_with(b"HTTP/") || answer.contains(&b'<') {
        return Err(Fault::broken("clear HTTP is answered"));
    }
    for (version, name) in [(1, "TLS 1.0"), (2, "TLS 1.1")] {
        let answer = answer_to(target.through, &client_hello(version)).await.map_err(Fault::unreachable)?;
        match answer.first() {
            Some(&ALERT) => {}
            Some(_) => return Err(Fault::broken(format!("a {name} hello is not refused"))),
            None => return Err(Fault::unreachable(format!("no alert answers a {name} hello"))),
        }
    }
    for (version, name) in [(&TLS12, "TLS 1.2"), (&TLS13, "TLS 1.3")] {
        let browser = Browser::with_versions(target, &[version]).map_err(Fault::unreachable)?;
        let page = browser.get("/fr/", None).await.map_err(|_| Fault::broken(format!("{name} does not serve")))?;
        if hsts_seconds(page.header("strict-transport-security")) < HSTS_SECONDS_MIN {
            return Err(Fault::broken("no HSTS of a year"));
        }
    }
    Ok("clear HTTP, TLS 1.0 and 1.1 refused; TLS 1.2 and 1.3 serve; HSTS of a year".into())
}

fn hsts_seconds(header: &str) -> u64 {
    header.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.trim_matches('"').parse().ok()).unwrap_or(0)
}

/// What a listener says to these bytes: nothing, if it closes or stays silent.
async fn answer_to(address: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = timeout(WAIT, TcpStream::connect(address)).await.map_err(io::Error::other)??;
    stream.write_all(bytes).await?;
    let mut answer = vec![0; 1024];
    let count = match timeout(WAIT, stream.read(&mut answer)).await {
        Ok(Ok(count)) => count,
        // Reset, or silent.
        Ok(Err(_)) | Err(_) => 0,
    };
    answer.truncate(count);
    Ok(answer)
}

/// A hello as a client of `3.minor` says it (1: TLS 1.0, 2: TLS 1.1), with the suites of its time.
pub fn client_hello(minor: u8) -> Vec<u8> {
    const SUITES: [u8; 10] = [0xc0, 0x13, 0xc0, 0x09, 0xc0, 0x14, 0x00, 0x2f, 0x00, 0x35];
    // supported_groups: x25519, P-256; ec_point_formats: uncompressed.
    const EXTENSIONS: [u8; 16] = [0, 10, 0, 6, 0, 4, 0, 29, 0, 23, 0, 11, 0, 2, 1, 0];
    let mut body = vec![3, minor];
    body.extend([0x5a; 32]);
    body.push(0);
    body.extend([0, 10]);
    body.extend(SUITES);
    body.extend([1, 0]);
    body.extend([0, 16]);
    body.extend(EXTENSIONS);
    let length = |length: usize| u16::try_from(length).unwrap_or(0).to_be_bytes();
    let mut hello = vec![0x16, 3, 1];
    hello.extend(length(body.len() + 4));
    hello.extend([1, 0]);
    hello.extend(length(body.len()));
    hello.extend(body);
    hello
}
