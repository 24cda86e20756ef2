//! Whom a remote server must be vouched for by, and what of theirs was revoked: two keys of any section that names a server.

use super::{
    files::{self, Kept},
    reading::{Section, Wrong, text},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use trust::{BadTrust, Trust};

/// No file of revocation lists is longer: an authority of a whole country has some megabytes of them.
pub(crate) const LISTS_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Whom to believe, as the configuration names it.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// What verifies.
    pub trust: Arc<Trust>,
    /// The authorities (PEM).
    pub ca_pem: Vec<u8>,
    /// Where the revocation lists are renewed, if there are any.
    pub lists: Option<PathBuf>,
}

/// Reads the authorities' key and that of their revocation lists. `None` where there are no authorities, or after a mistake
/// was noted. `what` names the authorities in the remedy.
pub(super) fn trusted(
    section: &Section<'_>,
    [ca_key, lists_key]: [&'static str; 2],
    folder: &Path,
    what: &str,
) -> Option<Trusted> {
    let ca = section.optional(ca_key, |value| {
        let pem = files::read(&folder.join(text(value, 1000)?), Kept::Public, what)?;
        files::authorities(&pem).map(|()| pem)
    });
    let lists = section.optional(lists_key, |value| {
        let path = folder.join(text(value, 1000)?);
        files::read_at_most(&path, Kept::Public, "its authorities' revocation lists (PEM)", LISTS_BYTES_MAX)
            .map(|pem| (path, pem))
    });
    if lists.is_none() && section.has(lists_key) {
        return None;
    }
    let (path, pem) = lists.unzip();
    let (ca_pem, provider) = (ca?, web::serve::provider());
    match Trust::new(provider, &ca_pem, pem.as_deref()) {
        Ok(trust) => Some(Trusted { trust: Arc::new(trust), ca_pem, lists: path }),
        Err(error) => {
            let wrong = unusable(error);
            section.wrong(lists_key, wrong.what, wrong.remedy);
            None
        }
    }
}

fn unusable(error: BadTrust) -> Wrong {
    let remedy = "write the lists of each authority of the chain in PEM (-----BEGIN X509 CRL-----), one after the other; \
                  `openssl crl -inform DER -in LIST -out LIST.pem` turns one into it";
    Wrong::new(error.to_string(), remedy)
}
