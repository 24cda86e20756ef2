//! Whom a remote server must be vouched for by, and what of theirs was revoked (acces-web:AA3).
//!
//! rustls verifies chain, name, end and revocation; here are the authorities and lists that it is given, and the lists that
//! take their place while the node runs.

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        Resumption, VerifierBuilderError, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _,
    },
    version::{TLS12, TLS13},
};
use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Lists at most: one for each authority of a chain. Of two lists of one authority the first is held against its certificates,
/// whichever is newer.
pub const LISTS_MAX: usize = 16;

/// A chain of certificates and the first one's key.
pub type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Authorities or lists that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTrust {
    /// No authority.
    #[error("it holds no certificate")]
    NoAuthority,
    /// An authority that is none.
    #[error("one of its certificates cannot be used as an authority")]
    Authority,
    /// No list.
    #[error("it holds no revocation list")]
    NoList,
    /// Too many of them.
    #[error("it holds more than {LISTS_MAX} revocation lists")]
    TooManyLists,
    /// A list that is none.
    #[error("one of its revocation lists cannot be read")]
    List,
}

/// The authorities that vouch for one remote party, nobody else, and the revocation lists held against its certificates.
///
/// With lists, each certificate of a chain (the authority's own apart) must be covered by a list that its issuer signed and
/// that is not past its end: what no list covers is refused, as what is on one. Without lists nothing is asked of revocation.
pub struct Trust {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    verifier: RwLock<Arc<WebPkiServerVerifier>>,
    revokes: bool,
    renewals: AtomicU64,
}

impl Trust {
    /// These authorities (PEM), and these lists (PEM) if revocation is looked at.
    pub fn new(
        provider: Arc<CryptoProvider>,
        authorities_pem: &[u8],
        lists_pem: Option<&[u8]>,
    ) -> Result<Self, BadTrust> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities_pem) {
            roots.add(certificate.map_err(|_| BadTrust::Authority)?).map_err(|_| BadTrust::Authority)?;
        }
        if roots.is_empty() {
            return Err(BadTrust::NoAuthority);
        }
        let (roots, lists) = (Arc::new(roots), lists_pem.map(read).transpose()?);
        let revokes = lists.is_some();
        let verifier = RwLock::new(verifier(&roots, &provider, lists.unwrap_or_default())?);
        Ok(Self { provider, roots, verifier, revokes, renewals: AtomicU64::new(0) })
    }

    /// The same authorities, with these lists and no other.
    pub fn with_lists(&self, lists_pem: &[u8]) -> Result<Self, BadTrust> {
        let (provider, roots) = (Arc::clone(&self.provider), Arc::clone(&self.roots));
        let verifier = RwLock::new(verifier(&roots, &provider, read(lists_pem)?)?);
        Ok(Self { provider, roots, verifier, revokes: true, renewals: AtomicU64::new(0) })
    }

    /// Whether revocation is looked at.
    pub fn revokes(&self) -> bool {
        self.revokes
    }

    /// Other lists from now on; those in force stay where these cannot be used. What was opened before is not closed: whoever
    /// keeps connections asks [`Trust::renewals`] whether to go on with them.
    pub fn renew(&self, lists_pem: &[u8]) -> Result<(), BadTrust> {
        let renewed = verifier(&self.roots, &self.provider, read(lists_pem)?)?;
        *self.verifier.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// How many times the lists were renewed: a connection opened before the last time was held against others.
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::SeqCst)
    }

    /// TLS 1.3 and 1.2 with whom these authorities vouch for, showing this certificate, if any. No session is resumed: who was
    /// revoked since would be believed without being asked for his certificate.
    pub fn client(self: &Arc<Self>, shown: Option<Shown>) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
        // Not rustls's own verifier, but one that asks it each time with the lists of then.
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::<Self>::clone(self));
        let mut config = match shown {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn current(&self) -> Arc<WebPkiServerVerifier> {
        Arc::clone(&self.verifier.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("authorities", &self.roots.len()).field("revokes", &self.revokes).finish()
    }
}

fn read(lists_pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, BadTrust> {
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(lists_pem)
        .take(LISTS_MAX + 1)
        .collect::<Result<_, _>>()
        .map_err(|_| BadTrust::List)?;
    match lists.len() {
        0 => Err(BadTrust::NoList),
        1..=LISTS_MAX => Ok(lists),
        _ => Err(BadTrust::TooManyLists),
    }
}

fn verifier(
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<WebPkiServerVerifier>, BadTrust> {
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
    builder.with_crls(lists).enforce_revocation_expiration().build().map_err(|error| match error {
        VerifierBuilderError::InvalidCrl(_) => BadTrust::List,
        _ => BadTrust::NoAuthority,
    })
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.current().verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests;
