//! A certificate authority for one run of the demonstration.
//!
//! It can vouch for `localhost`, loopback addresses and names that the Internet reserves for examples and tests, and
//! for nothing else: who trusts it in a browser takes no risk with real sites.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CidrSubnet,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};
use std::time::Duration;
use types::{Secret, Time};

const CA_DAYS: u64 = 3650;
const LEAF_DAYS: u64 = 396;
/// Clocks of other machines may be behind.
const BEFORE: Duration = Duration::from_secs(3600);
/// RFC 2606 and RFC 6761.
const RESERVED: [&str; 4] = ["localhost", "test", "example", "invalid"];

/// Why a certificate was not made.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A name that the authority may not vouch for.
    #[error("{0}: not localhost, a loopback address or a name under .test, .example or .invalid")]
    NotReserved(String),
    /// The library refused.
    #[error("certificate: {0}")]
    Library(#[from] rcgen::Error),
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Issued {
    /// The certificate, in PEM. The authority's own is not in it: peers hold that one already.
    pub chain_pem: String,
    /// The private key (PKCS #8), in PEM.
    pub key_pem: Secret<String>,
}

/// The authority. Its key lives in memory and goes with it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: Time,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

impl Authority {
    /// Makes an authority, valid for ten years from `now`.
    pub fn new(now: Time) -> Result<Self, CaError> {
        Self::named(now, "Poterne demonstration CA")
    }

    /// One under another name.
    pub fn named(now: Time, name: &str) -> Result<Self, CaError> {
        let mut params = params(Vec::new(), name, now, CA_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let mut permitted: Vec<_> = RESERVED.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned())).collect();
        permitted.push(GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)));
        let loopback = std::net::Ipv6Addr::LOCALHOST.octets();
        permitted.push(GeneralSubtree::IpAddress(CidrSubnet::V6(loopback, [0xff; 16])));
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, key)?, now })
    }

    /// The authority's certificate, in PEM.
    pub fn ca_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's certificate for `localhost`, `127.0.0.1`, `::1` and these names or addresses.
    pub fn issue_server(&self, names: &[&str]) -> Result<Issued, CaError> {
        let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        for name in names {
            if !reserved(name) {
                return Err(CaError::NotReserved((*name).to_owned()));
            }
            if !all.iter().any(|known| known == name) {
                all.push((*name).to_owned());
            }
        }
        let common_name = names.first().copied().unwrap_or("localhost");
        self.issue(params(all, common_name, self.now, LEAF_DAYS)?, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate. A common name with a dot would be read as a host name: give words instead.
    pub fn issue_client(&self, common_name: &str) -> Result<Issued, CaError> {
        let params = params(Vec::new(), common_name, self.now, LEAF_DAYS)?;
        self.issue(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A revocation list on which nobody is (PEM), as long in force as the authority's own certificate.
    pub fn list_pem(&self) -> Result<String, CaError> {
        let span = params(Vec::new(), "", self.now, CA_DAYS)?;
        let params = CertificateRevocationListParams {
            this_update: span.not_before,
            next_update: span.not_after,
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }

    fn issue(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Result<Issued, CaError> {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { chain_pem: certificate.pem(), key_pem: Secret::new(key.serialize_pem()) })
    }
}

fn params(names: Vec<String>, common_name: &str, now: Time, days: u64) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let since_epoch = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
    let start = date_time_ymd(1970, 1, 1) + since_epoch.saturating_sub(BEFORE);
    params.not_before = start;
    params.not_after = start + Duration::from_secs(days * 86_400);
    Ok(params)
}

fn reserved(name: &str) -> bool {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':')) {
        return false;
    }
    match name.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            RESERVED.iter().any(|end| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use std::{path::Path, process::Command};

    #[test]
    fn only_reserved_names_are_vouched_for() {
        let authority = Authority::new(Time::from_micros(1_790_000_000_000_000)).unwrap();
        for good in ["localhost", "sis.localhost", "door.valmont.test", "127.0.0.9", "::1"] {
            assert!(authority.issue_server(&[good]).is_ok(), "{good}");
        }
        for bad in ["chu.fr", "notlocalhost", "192.0.2.1", "contest", "", "a b.test"] {
            assert!(authority.issue_server(&[bad]).is_err(), "{bad}");
        }
    }

    /// Another implementation reads the chain as we mean it, where it is installed.
    #[test]
    fn openssl_agrees() {
        let dir = tempfile::tempdir().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let authority = Authority::new(Time::from_micros(now.as_micros() as i64)).unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ca = put("ca.pem", &authority.ca_pem());
        let server = put("server.pem", &authority.issue_server(&["sis.valmont.test"]).unwrap().chain_pem);
        let client = put("client.pem", &authority.issue_client("portail de demonstration").unwrap().chain_pem);
        let verify = |purpose: &str, leaf: &Path| {
            let mut command = Command::new("openssl");
            command.args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"]).arg(&ca).arg(leaf);
            command.output().map(|output| output.status.success())
        };
        let Ok(first) = verify("sslserver", &server) else { return };
        assert!(first);
        assert!(verify("sslclient", &client).unwrap());
        assert!(!verify("sslclient", &server).unwrap());
        assert!(!verify("sslserver", &client).unwrap());
    }
}
