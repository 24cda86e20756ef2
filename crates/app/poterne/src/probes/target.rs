//! A door as the probes reach it: its listener, the name it answers to, and the one certificate that it may show.

use anyhow::{Context, Result};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, ServerConnection, SignatureScheme,
    SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::{TLS12, TLS13},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};
use types::Door;
use web::{cookie::SessionCookie, csrf::Origin, serve::provider};

/// A door with pages that a probe visits.
#[derive(Clone)]
pub struct Target {
    /// Which one.
    pub door: Door,
    /// Where it listens, as reached from this machine.
    pub address: SocketAddr,
    /// Where the probes connect: there, or to a [`Porter`](super::porter::Porter) of that door.
    pub through: SocketAddr,
    /// Its host's name, as in the certificate.
    pub host: String,
    /// Where its pages live, as browsers write it.
    pub origin: String,
    /// The name of its session cookie.
    pub cookie: String,
    /// The certificate that it shows.
    pub leaf: CertificateDer<'static>,
}

impl Target {
    /// The door that listens there with that certificate.
    pub fn new(door: Door, listening: SocketAddr, origin: &Origin, leaf: CertificateDer<'static>) -> Self {
        let host = origin.as_str().trim_start_matches("https://");
        let host = host.split(':').next().unwrap_or_default();
        // A bare address would not be resolved to the listener.
        let host = if host.parse::<IpAddr>().is_ok() { "door.invalid" } else { host };
        Self {
            door,
            address: reached(listening),
            through: reached(listening),
            host: host.to_owned(),
            origin: origin.as_str().to_owned(),
            cookie: SessionCookie::for_door(door).name().to_owned(),
            leaf,
        }
    }

    /// A client of these versions that takes this door's certificate and no other.
    pub fn tls(&self, versions: &[&'static SupportedProtocolVersion]) -> Result<ClientConfig> {
        client(versions, Pin::Exactly(self.leaf.clone()))
    }
}

/// A listener as it is reached from this machine.
pub fn reached(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, listening.port())
}

/// The certificate that a listener of this configuration shows: read from a handshake in memory.
pub fn leaf_of(tls: &Arc<ServerConfig>, host: &str) -> Result<CertificateDer<'static>> {
    const FLIGHTS_MAX: usize = 16;
    let seen = Arc::new(Mutex::new(None));
    let config = client(&[&TLS13, &TLS12], Pin::Learn(seen.clone()))?;
    let name = ServerName::try_from(host.to_owned()).context("the door's host is no name")?;
    let mut ours = ClientConnection::new(Arc::new(config), name)?;
    let mut theirs = ServerConnection::new(tls.clone())?;
    for _ in 0..FLIGHTS_MAX {
        let mut flight = Vec::new();
        while ours.wants_write() {
            ours.write_tls(&mut flight)?;
        }
        let mut bytes = flight.as_slice();
        while !bytes.is_empty() {
            theirs.read_tls(&mut bytes)?;
            theirs.process_new_packets()?;
        }
        let mut flight = Vec::new();
        while theirs.wants_write() {
            theirs.write_tls(&mut flight)?;
        }
        let mut bytes = flight.as_slice();
        while !bytes.is_empty() {
            ours.read_tls(&mut bytes)?;
            ours.process_new_packets()?;
        }
        if let Some(leaf) = seen.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(leaf);
        }
    }
    anyhow::bail!("the door shows no certificate")
}

fn client(versions: &[&'static SupportedProtocolVersion], pin: Pin) -> Result<ClientConfig> {
    let provider = provider();
    let verifier = Arc::new(Verifier { pin, provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Which certificate is taken.
#[derive(Debug)]
enum Pin {
    Exactly(CertificateDer<'static>),
    /// Any, noted here: only in memory, with our own listener's configuration.
    Learn(Arc<Mutex<Option<CertificateDer<'static>>>>),
}

/// Compares the certificate's bytes; that the peer holds its key is checked as ever.
#[derive(Debug)]
struct Verifier {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.pin {
            Pin::Exactly(leaf) if leaf.as_ref() != end_entity.as_ref() => {
                Err(Error::General("another certificate than the door's".into()))
            }
            Pin::Exactly(_) => Ok(ServerCertVerified::assertion()),
            Pin::Learn(seen) => {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.clone().into_owned());
                Ok(ServerCertVerified::assertion())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
