//! What is known of a mail server beforehand.

use crate::{Address, MailError};
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters, TlsVersion};
use types::Secret;

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// With the connection.
    Implicit,
    /// On a connection in clear, which it must offer.
    StartTls,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name, which its certificate bears.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How TLS begins.
    pub tls: Tls,
}

/// What it knows us by.
#[derive(Debug)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

/// What is known of a mail server beforehand.
pub struct Settings {
    pub(crate) server: Server,
    pub(crate) tls: TlsParameters,
    pub(crate) login: Option<Login>,
    pub(crate) from: Address,
}

impl Settings {
    /// TLS 1.3 and 1.2, with a server that these authorities (PEM) vouch for and no others; those of the platform where none
    /// are told. `from` is whom the messages are from.
    pub fn new(
        server: Server,
        authorities_pem: Option<&[u8]>,
        login: Option<Login>,
        from: Address,
    ) -> Result<Self, MailError> {
        let bad = |error: lettre::transport::smtp::Error| MailError::Tls(error.to_string());
        let tls = TlsParameters::builder(server.host.clone()).set_min_tls_version(TlsVersion::Tlsv12);
        let tls = match authorities_pem {
            Some(pem) => {
                let authorities = Certificate::from_pem(pem).map_err(bad)?;
                tls.certificate_store(CertificateStore::None).add_root_certificate(authorities)
            }
            None => tls,
        };
        Ok(Self { tls: tls.build().map_err(bad)?, server, login, from })
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }
}
