//! Files that a configuration names: their presence, their rights, and whether they hold what they should.

use super::reading::Wrong;
use rustls::{
    CertificateError, ClientConfig, Error as TlsError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier, verify_server_name},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    version::{TLS12, TLS13},
};
use std::{
    fs::File,
    io::{ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

/// No file of a configuration is longer.
const BYTES_MAX: u64 = 1024 * 1024;

/// Whether others than the owner may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// They may.
    Public,
    /// They may, and may not write to it, nor put another in its place.
    Guarded,
    /// They may not.
    Private,
}

/// Reads a file whole. `what` names it in the remedy, such as "the private key (PEM)".
pub(super) fn read(path: &Path, kept: Kept, what: &str) -> Result<Vec<u8>, Wrong> {
    read_at_most(path, kept, what, BYTES_MAX)
}

/// The same, of a file that may be longer than others, or shorter.
pub(super) fn read_at_most(path: &Path, kept: Kept, what: &str, bytes_max: u64) -> Result<Vec<u8>, Wrong> {
    let shown = path.display();
    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Wrong::new(format!("{shown} does not exist"), format!("put {what} there")),
        ErrorKind::PermissionDenied => Wrong::new(
            format!("{shown} may not be read"),
            "give it to the user who runs poterne (chown), and let him enter its folders",
        ),
        _ => Wrong::new(format!("{shown} cannot be read ({error})"), format!("put {what} there")),
    };
    let file = File::open(path).map_err(told)?;
    let metadata = file.metadata().map_err(told)?;
    if !metadata.is_file() {
        return Err(Wrong::new(format!("{shown} is not a file"), format!("name the file that holds {what}")));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if kept == Kept::Private && mode & 0o077 != 0 {
        return Err(Wrong::new(
            format!("{shown} is open to others than its owner (mode {mode:04o})"),
            format!("run chmod 600 {shown}, and renew what it held if others could read it"),
        ));
    }
    if kept == Kept::Guarded && (mode & 0o022 != 0 || others_write(path.parent())) {
        return Err(Wrong::new(
            format!("others than its owner may write to {shown} or in its folder"),
            "run chmod go-w on both, and compare what it holds with what was enrolled",
        ));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > bytes_max {
        let most = bytes_max / (1024 * 1024);
        return Err(Wrong::new(format!("{shown} is longer than {most} MiB"), format!("put {what} there, alone")));
    }
    Ok(bytes)
}

fn others_write(folder: Option<&Path>) -> bool {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o022 != 0)
}

/// The certificates of a PEM text, one at least.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
        Wrong::new("it holds no certificate", "write it in PEM (-----BEGIN CERTIFICATE-----), the leaf first")
    })
}

/// Whether a server's certificate bears its name.
pub(super) fn bears_name(pem: &[u8], host: &str) -> Result<(), Wrong> {
    let chain = certificates(pem)?;
    let leaf = chain.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
    let leaf = leaf.ok_or_else(|| Wrong::new("its certificate cannot be read", "ask its authority for a new one"))?;
    let named = ServerName::try_from(host).is_ok_and(|name| verify_server_name(&leaf, &name).is_ok());
    if named {
        return Ok(());
    }
    Err(Wrong::new(
        format!("its certificate does not bear the name {host}"),
        "ask for one whose subject alternative names hold it, or mend origin",
    ))
}

/// Whether a client's certificate and key serve together.
pub(super) fn client_pair(certificate_pem: &[u8], key_pem: &[u8]) -> Result<(), Wrong> {
    let chain = certificates(certificate_pem)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| {
        Wrong::new("it holds no private key", "write it in PEM (-----BEGIN PRIVATE KEY-----), without a password")
    })?;
    ClientConfig::builder_with_provider(web::serve::provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map(|builder| builder.with_root_certificates(RootCertStore::empty()))
        .and_then(|builder| builder.with_client_auth_cert(chain, key))
        .map(drop)
        .map_err(|error| {
            Wrong::new(format!("it does not go with the certificate ({error})"), "name the key of that certificate")
        })
}

/// Whether a PEM text holds authorities that can vouch for a server.
pub(super) fn authorities(pem: &[u8]) -> Result<(), Wrong> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|_| {
            Wrong::new("one of its certificates cannot be used as an authority", "name the authority's own certificate")
        })?;
    }
    Ok(())
}

/// How long the first certificate of a PEM text remains valid after `now`, if it is valid now.
pub(crate) fn remains_valid(pem: &[u8], now: Duration) -> Result<Duration, &'static str> {
    let unread = "it cannot be read";
    let chain = certificates(pem).map_err(|_| unread)?;
    let mut roots = RootCertStore::empty();
    let last = chain.last().ok_or(unread)?;
    roots.add(last.clone()).map_err(|_| unread)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), web::serve::provider());
    let verifier = verifier.build().map_err(|_| unread)?;
    let leaf = chain.first().ok_or(unread)?;
    let name = ServerName::try_from("unused.invalid").map_err(|_| unread)?;
    // Dates are looked at before anything else; whether the chain leads anywhere is not asked here.
    let at = |moment| verifier.verify_server_cert(leaf, &[], &name, &[], UnixTime::since_unix_epoch(moment)).err();
    match at(now) {
        Some(TlsError::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            return Err("it has expired");
        }
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => return Err("it is not valid yet; is the clock right?"),
        _ => {}
    }
    // Year 9999: after the end of any certificate, whose date the error then tells.
    match at(Duration::from_secs(253_370_764_800)) {
        Some(TlsError::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Ok(Duration::from_secs(not_after.as_secs()).saturating_sub(now))
        }
        _ => Ok(Duration::MAX),
    }
}
