//! What is known of a directory beforehand.

use crate::DirectoryError;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{fmt, str::FromStr, sync::Arc, time::Duration};
use trust::Trust;
use types::Secret;

/// What the directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As OpenLDAP and its like: `entryUUID`, `uid`, groups that name their members.
    OpenLdap,
    /// Active Directory: `objectGUID`, `sAMAccountName`, groups within groups resolved by the server.
    ActiveDirectory,
}

/// A server of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// TLS is asked for on a connection in clear, instead of beginning with it.
    pub(crate) starts_tls: bool,
    pub(crate) name: ServerName<'static>,
}

impl Server {
    /// Its name and port, where TLS begins with the connection.
    pub fn begins_with_tls(&self) -> Option<(&str, u16)> {
        (!self.starts_tls).then_some((self.host.as_str(), self.port))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.starts_tls { "ldap+starttls" } else { "ldaps" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{how}://{open}{}{close}:{}", self.host, self.port)
    }
}

/// Not `ldaps://host[:port]` nor `ldap+starttls://host[:port]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadServer {
    /// Passwords would travel in clear.
    #[error("passwords would travel in clear")]
    InClear,
    /// Anything else.
    #[error("this is not a directory's address")]
    NoAddress,
}

impl FromStr for Server {
    type Err = BadServer;

    fn from_str(text: &str) -> Result<Self, BadServer> {
        let (scheme, rest) = text.split_once("://").ok_or(BadServer::NoAddress)?;
        let (starts_tls, usual) = match scheme {
            "ldaps" => (false, 636),
            "ldap+starttls" => (true, 389),
            "ldap" => return Err(BadServer::InClear),
            _ => return Err(BadServer::NoAddress),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port),
            None => rest.find(':').map_or((rest, ""), |colon| rest.split_at(colon)),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(BadServer::NoAddress)?,
            None if port.is_empty() => usual,
            None => return Err(BadServer::NoAddress),
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| BadServer::NoAddress)?;
        Ok(Self { host: host.to_owned(), port, starts_tls, name })
    }
}

/// How long somebody who signs in waits for the directory: 500 ms to 10 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(Duration);

impl Wait {
    /// Between the bounds, whatever is asked.
    pub fn new(wait: Duration) -> Self {
        Self(wait.clamp(Duration::from_millis(500), Duration::from_secs(10)))
    }

    pub(crate) fn get(self) -> Duration {
        self.0
    }
}

/// A group whose members are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group(pub String);

/// What is known of a directory beforehand.
pub struct Settings {
    /// What it is.
    pub kind: Kind,
    /// Its servers, asked in this order.
    pub servers: Vec<Server>,
    /// How its servers are verified; made by [`Settings::tls`].
    pub tls: Arc<ClientConfig>,
    /// The name of the service account, which reads people and groups and writes nothing.
    pub service_dn: String,
    /// Its password.
    pub service_password: Secret<String>,
    /// Below which entry people are.
    pub people_base: String,
    /// Below which entry groups are.
    pub groups_base: String,
    /// Whose members are looked at.
    pub groups: Vec<Group>,
    /// How long somebody who signs in waits.
    pub wait: Wait,
}

impl Settings {
    /// TLS 1.3 and 1.2, with servers that these authorities vouch for and no others.
    pub fn tls(trust: &Arc<Trust>) -> Result<Arc<ClientConfig>, DirectoryError> {
        trust.client(None).map(Arc::new).map_err(|error| DirectoryError::Tls(error.to_string()))
    }

    pub(crate) fn key_attribute(&self) -> &'static str {
        match self.kind {
            Kind::OpenLdap => "entryUUID",
            Kind::ActiveDirectory => "objectGUID",
        }
    }

    pub(crate) fn login_attribute(&self) -> &'static str {
        match self.kind {
            Kind::OpenLdap => "uid",
            Kind::ActiveDirectory => "sAMAccountName",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_and_none_is_spoken_to_in_clear() {
        for (text, shown) in [
            ("ldaps://annuaire.hopital.example", "ldaps://annuaire.hopital.example:636"),
            ("ldaps://annuaire.hopital.example:3269/", "ldaps://annuaire.hopital.example:3269"),
            ("ldap+starttls://annuaire.hopital.example", "ldap+starttls://annuaire.hopital.example:389"),
            ("ldaps://[2001:db8::7]:636", "ldaps://[2001:db8::7]:636"),
        ] {
            assert_eq!(text.parse::<Server>().map(|server| server.to_string()), Ok(shown.to_owned()));
        }
        assert_eq!("ldap://annuaire.hopital.example".parse::<Server>(), Err(BadServer::InClear));
        for text in ["annuaire", "https://a", "ldaps://", "ldaps://a:0", "ldaps://a:b", "ldaps://a/dc=b", "ldaps://a@b"]
        {
            assert_eq!(text.parse::<Server>(), Err(BadServer::NoAddress), "{text}");
        }
    }
}
