//! The probe of remote certificates, before servers and verifiers that are what they should not be.

use crate::probes::remote::{Remote, RemoteProbe};
use demo::{Authority, Issued};
use dossier::{Probe as _, ProbeOutcome, probe_named};
use rustls::{
    DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use std::sync::Arc;
use store::SystemClock;
use tokio::{net::TcpListener, task::AbortHandle};
use tokio_rustls::TlsAcceptor;
use trust::Trust;
use types::Clock as _;

/// A server that shows this certificate, and nothing else.
async fn served(issued: &Issued) -> (u16, AbortHandle) {
    let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.expose().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(web::serve::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    (port, serving.abort_handle())
}

/// The node's verifier, in one way not what it should be.
#[derive(Debug)]
struct Lax {
    trust: Arc<Trust>,
    of: Ignored,
    /// A certificate that its authorities vouch for, whatever was shown.
    good: CertificateDer<'static>,
    /// When it was in force.
    then: UnixTime,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ignored {
    Chain,
    Name,
    End,
}

impl ServerCertVerifier for Lax {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let localhost = ServerName::try_from("localhost").unwrap();
        match self.of {
            Ignored::Chain if name.to_str() == "nobody.invalid" && leaf != &self.good => {
                self.trust.verify_server_cert(&self.good, &[], &localhost, ocsp, now)
            }
            Ignored::Name => self.trust.verify_server_cert(leaf, rest, &localhost, ocsp, now),
            Ignored::End => self.trust.verify_server_cert(leaf, rest, name, ocsp, self.then),
            Ignored::Chain => self.trust.verify_server_cert(leaf, rest, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.supported_verify_schemes()
    }
}

async fn ran(remotes: Vec<Remote>, unlisted: Vec<&'static str>) -> ProbeOutcome {
    let info = probe_named("remote-certificates").unwrap();
    RemoteProbe::new(info, remotes, unlisted, Arc::new(SystemClock)).run().await
}

fn trust(authority: &Authority, lists: bool) -> Arc<Trust> {
    let lists = lists.then(|| authority.list_pem().unwrap());
    let lists = lists.as_deref().map(str::as_bytes);
    Arc::new(Trust::new(web::serve::provider(), authority.ca_pem().as_bytes(), lists).unwrap())
}

fn remote(port: u16, trust: &Arc<Trust>) -> Remote {
    Remote::new("SIS", ("localhost", port), trust, &SystemClock).unwrap()
}

#[tokio::test]
async fn a_server_is_believed_for_its_chain_name_end_and_lists() {
    let authority = Authority::new(SystemClock.now()).unwrap();
    let (port, serving) = served(&authority.issue_server(&["localhost"]).unwrap()).await;
    let listed = remote(port, &trust(&authority, true));
    assert!(matches!(ran(vec![listed.clone()], vec![]).await, ProbeOutcome::Proved(what) if what.starts_with("SIS: ")));
    let told = ran(vec![listed.clone()], vec!["mail"]).await;
    assert!(matches!(&told, ProbeOutcome::Partial(what) if what.ends_with("for: mail")), "{told:?}");
    let told = ran(vec![listed.clone(), remote(port, &trust(&authority, false))], vec![]).await;
    assert!(matches!(&told, ProbeOutcome::Partial(what) if what.contains("no revocation list")), "{told:?}");
    let uncovered: Arc<dyn ServerCertVerifier> = trust(&authority, false);
    let told = ran(vec![Remote { uncovered: Some(uncovered), ..listed }], vec![]).await;
    assert!(matches!(&told, ProbeOutcome::Failed(what) if what.contains("no revocation list covers")), "{told:?}");
    serving.abort();
}

#[tokio::test]
async fn what_believes_too_much_is_seen() {
    let authority = Authority::new(SystemClock.now()).unwrap();
    let issued = authority.issue_server(&["localhost"]).unwrap();
    let good = CertificateDer::from_pem_slice(issued.chain_pem.as_bytes()).unwrap();
    let (port, serving) = served(&issued).await;
    let trust = trust(&authority, true);
    for (of, said) in [
        (Ignored::Chain, "of another authority would be believed"),
        (Ignored::Name, "in another name would be believed"),
        (Ignored::End, "past its end would be believed"),
    ] {
        let lax = Lax { trust: Arc::clone(&trust), of, good: good.clone(), then: UnixTime::now() };
        let told = ran(vec![Remote { verifier: Arc::new(lax), ..remote(port, &trust) }], vec![]).await;
        assert!(matches!(&told, ProbeOutcome::Failed(what) if what.contains(said)), "{of:?}: {told:?}");
    }
    serving.abort();
}

#[tokio::test]
async fn who_is_not_believed_or_not_there_proves_nothing() {
    let authority = Authority::new(SystemClock.now()).unwrap();
    let other = Authority::new(SystemClock.now()).unwrap();
    let (port, serving) = served(&other.issue_server(&["localhost"]).unwrap()).await;
    let told = ran(vec![remote(port, &trust(&authority, true))], vec![]).await;
    assert!(matches!(&told, ProbeOutcome::CouldNotRun(what) if what.contains("refused as it is")), "{told:?}");
    serving.abort();
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    let told = ran(vec![remote(nobody, &trust(&authority, true))], vec![]).await;
    assert!(matches!(told, ProbeOutcome::CouldNotRun(_)), "{told:?}");
    assert!(matches!(ran(vec![], vec!["mail"]).await, ProbeOutcome::CouldNotRun(_)));
}
