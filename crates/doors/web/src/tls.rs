//! The TLS of every door: rustls over aws-lc-rs, after ANSSI's recommendations (RECOTLS v1.2, RGS B1).

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::NoServerSessionStorage,
    version::{TLS12, TLS13},
};
use std::sync::Arc;

/// Why a certificate and its key cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in the PEM text.
    #[error("no certificate (PEM, BEGIN CERTIFICATE) can be read")]
    NoCertificate,
    /// No private key in the PEM text.
    #[error("no private key (PEM, BEGIN PRIVATE KEY) can be read")]
    NoKey,
    /// The two do not go together, or one is of a kind that is not accepted.
    #[error("the certificate and the key do not serve together: {0}")]
    Refused(rustls::Error),
}

/// The one provider of the house, narrowed to AES-GCM and ChaCha20-Poly1305 with ephemeral exchanges on x25519
/// (alone or with ML-KEM-768), P-256 and P-384. Passed explicitly: there is no process-wide default.
pub fn provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::{cipher_suite as suite, kx_group as group};
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![group::X25519MLKEM768, group::X25519, group::SECP256R1, group::SECP384R1],
        ..aws_lc_rs::default_provider()
    })
}

/// The configuration of a door's listener: TLS 1.3 and 1.2, HTTP/2 and HTTP/1.1.
///
/// No session is resumed, by ticket or by identifier: a full handshake costs a fraction of a millisecond, and no key
/// outlives its connection. Hence no 0-RTT either.
pub fn tls_config(cert_chain_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert_chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::NoCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| TlsError::NoKey)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Refused)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    // Ties a TLS 1.2 session to its handshake (triple handshake attack); every client since 2015 has it.
    config.require_ems = true;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn refuses_what_cannot_serve() {
        let one = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(tls_config(cert.as_bytes(), key.as_bytes()).is_ok());
        for (cert, key, expected) in [
            ("", key.as_str(), "no certificate"),
            ("garbage", key.as_str(), "no certificate"),
            (cert.as_str(), "", "no private key"),
            (cert.as_str(), cert.as_str(), "no private key"),
            (cert.as_str(), &other.signing_key.serialize_pem(), "do not serve together"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key.as_str(), "do not serve together"),
        ] {
            let said = tls_config(cert.as_bytes(), key.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }
}
