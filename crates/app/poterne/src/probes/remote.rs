//! What the node asks over TLS: one handshake with each, and what its certificates are worth to the very verifier that the
//! node's own connections ask, as they are and as they should not be believed (acces-web AA3).

use super::{Fault, Seen, verdict};
use anyhow::{Context as _, Result};
use demo::Authority;
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use trust::Trust;
use types::Clock;

/// How long one of them is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// Year 9999: past the end of any certificate.
const LATER: Duration = Duration::from_secs(253_370_764_800);
/// What an authority made for the moment is called: none that a server's certificate names.
const NOBODYS: &str = "Nobody's authority";
/// Nobody's name (RFC 6761).
const NOBODY: &str = "nobody.invalid";

/// A server that the node asks.
#[derive(Clone)]
pub struct Remote {
    /// What it is to the node.
    pub name: String,
    /// Its name, as its certificate bears it.
    pub host: String,
    /// Where TLS begins with the connection.
    pub port: u16,
    /// What the node's connections to it ask.
    pub verifier: Arc<dyn ServerCertVerifier>,
    /// Whether revocation lists are held against its certificates.
    pub revokes: bool,
    /// The same authorities, with no list but another authority's: nobody is believed.
    pub uncovered: Option<Arc<dyn ServerCertVerifier>>,
}

impl Remote {
    /// A server, and whom the node believes about it.
    pub fn new(name: &str, (host, port): (&str, u16), trust: &Arc<Trust>, clock: &dyn Clock) -> Result<Self> {
        let other = Authority::named(clock.now(), NOBODYS).and_then(|other| other.list_pem())?;
        let uncovered = trust.with_lists(other.as_bytes()).context("another authority's list")?;
        Ok(Self {
            name: name.to_owned(),
            host: host.to_owned(),
            port,
            verifier: Arc::<Trust>::clone(trust),
            revokes: trust.revokes(),
            uncovered: Some(Arc::new(uncovered)),
        })
    }
}

/// Looks at each of them.
pub struct RemoteProbe {
    info: &'static ProbeInfo,
    remotes: Vec<Remote>,
    /// What is asked over TLS by libraries that take no revocation lists.
    unlisted: Vec<&'static str>,
    clock: Arc<dyn Clock>,
}

impl RemoteProbe {
    /// Over these servers, and those of which revocation cannot be looked at.
    pub fn new(
        info: &'static ProbeInfo,
        remotes: Vec<Remote>,
        unlisted: Vec<&'static str>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { info, remotes, unlisted, clock }
    }
}

impl Probe for RemoteProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            if self.remotes.is_empty() {
                return ProbeOutcome::CouldNotRun("this node asks nobody over TLS that it could try this on".into());
            }
            let mut seen = Vec::new();
            for remote in &self.remotes {
                seen.push((remote.name.clone(), look(remote, &*self.clock).await));
            }
            match verdict(seen) {
                ProbeOutcome::Proved(_) if !self.unlisted.is_empty() => ProbeOutcome::Partial(format!(
                    "held by all that was tried; revocation is not looked at for: {}",
                    self.unlisted.join(", ")
                )),
                outcome => outcome,
            }
        })
    }
}

async fn look(remote: &Remote, clock: &dyn Clock) -> Seen {
    let stranger = stranger(clock).map_err(Fault::unreachable)?;
    let asked = Arc::new(Asked { remote: remote.clone(), stranger, answers: Mutex::default() });
    let shaken = timeout(WAIT, shake(remote, Arc::clone(&asked))).await;
    let answers = asked.answers.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(answers) = answers else {
        let why = match shaken {
            Ok(Ok(())) => "it shows no certificate".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} seconds", WAIT.as_secs()),
        };
        return Err(Fault::unreachable(why));
    };
    answers.judged(remote.revokes)
}

async fn shake(remote: &Remote, asked: Arc<Asked>) -> Result<()> {
    let mut config = ClientConfig::builder_with_provider(web::serve::provider())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(asked)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let name = ServerName::try_from(remote.host.clone())?;
    let stream = TcpStream::connect((remote.host.as_str(), remote.port)).await?;
    // Whether the server then asks for a certificate of ours is another matter: it has shown its own.
    drop(TlsConnector::from(Arc::new(config)).connect(name, stream).await?);
    Ok(())
}

/// A server's certificate of an authority that was made for this moment.
fn stranger(clock: &dyn Clock) -> Result<CertificateDer<'static>> {
    let issued = Authority::named(clock.now(), NOBODYS)?.issue_server(&[NOBODY])?;
    CertificateDer::from_pem_slice(issued.chain_pem.as_bytes()).context("a certificate of our own")
}

type Answer = Result<(), Error>;

/// What the same certificates are worth.
#[derive(Debug)]
struct Answers {
    as_it_is: Answer,
    by_strangers: Answer,
    in_another_name: Answer,
    past_its_end: Answer,
    uncovered: Option<Answer>,
}

impl Answers {
    fn judged(self, revokes: bool) -> Seen {
        if let Err(error) = self.as_it_is {
            return Err(Fault::unreachable(format!("it is refused as it is ({error})")));
        }
        let refused = |answer: Answer, expected: fn(&CertificateError) -> bool, what: &str| match answer {
            Err(Error::InvalidCertificate(why)) if expected(&why) => Ok(()),
            Err(other) => Err(Fault::unreachable(format!("{what}: refused for another reason ({other})"))),
            Ok(()) => Err(Fault::broken(format!("{what} would be believed"))),
        };
        let unknown = |why: &CertificateError| matches!(why, CertificateError::UnknownIssuer);
        refused(self.by_strangers, unknown, "a certificate of another authority")?;
        let elsewhere = |why: &CertificateError| {
            matches!(why, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
        };
        refused(self.in_another_name, elsewhere, "a certificate in another name")?;
        let over =
            |why: &CertificateError| matches!(why, CertificateError::Expired | CertificateError::ExpiredContext { .. });
        refused(self.past_its_end, over, "a certificate past its end")?;
        let uncovered = |why: &CertificateError| matches!(why, CertificateError::UnknownRevocationStatus);
        match self.uncovered {
            Some(answer) if revokes => refused(answer, uncovered, "a certificate that no revocation list covers")?,
            _ => {
                let what = "chain, name and end are verified; no revocation list is named in crl_file";
                return Err(Fault::Partly(what.into()));
            }
        }
        Ok("believed as it is; refused by another authority, in another name, past its end, without a revocation list"
            .into())
    }
}

/// Asks the node's verifier about the certificates of one handshake.
#[derive(Debug)]
struct Asked {
    remote: Remote,
    stranger: CertificateDer<'static>,
    answers: Mutex<Option<Answers>>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}:{})", self.name, self.host, self.port)
    }
}

impl ServerCertVerifier for Asked {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let of = |verifier: &Arc<dyn ServerCertVerifier>, name: &ServerName<'_>, at| {
            verifier.verify_server_cert(leaf, rest, name, &[], at).map(drop)
        };
        let (nobody, later) = (ServerName::try_from(NOBODY), UnixTime::since_unix_epoch(LATER));
        let nobody = nobody.map_err(|error| Error::General(error.to_string()))?;
        let verifier = &self.remote.verifier;
        let as_it_is = of(verifier, name, now);
        let answers = Answers {
            as_it_is: as_it_is.clone(),
            by_strangers: verifier.verify_server_cert(&self.stranger, &[], &nobody, &[], now).map(drop),
            in_another_name: of(verifier, &nobody, now),
            past_its_end: of(verifier, name, later),
            uncovered: self.remote.uncovered.as_ref().map(|uncovered| of(uncovered, name, now)),
        };
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = Some(answers);
        as_it_is.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.remote.verifier.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.remote.verifier.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.remote.verifier.supported_verify_schemes()
    }
}
