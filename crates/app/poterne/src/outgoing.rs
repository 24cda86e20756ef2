//! What the node asks of others over HTTP: bounded in time and length, by no proxy, and never anywhere else than where it was told.

use anyhow::Result;
use reqwest::{Client, Response, redirect::Policy};
use rustls::{ClientConfig, RootCertStore, version::TLS13};
use std::{sync::Arc, time::Duration};
use trust::Trust;

/// A client that gives up after `wait`. With somebody to trust, it asks over TLS and trusts nobody else; without, in clear.
pub fn client(trust: Option<&Arc<Trust>>, wait: Duration) -> Result<Client> {
    let tls = match trust {
        Some(trust) => trust.client(None)?,
        // Nobody would be believed over TLS, should such an address ever come here.
        None => ClientConfig::builder_with_provider(web::serve::provider())
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(trust.is_some())
        .redirect(Policy::none())
        .no_proxy()
        // No connection is kept: who was revoked since would be asked on over it.
        .pool_max_idle_per_host(0)
        .timeout(wait)
        .build()?;
    Ok(client)
}

/// An answer's body, if it is no longer than this.
pub async fn body(mut answer: Response, bytes_max: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// A failure to reach, with what lies under it and without the address.
pub fn plain(error: &reqwest::Error, wait: Duration) -> String {
    if error.is_timeout() {
        return format!("no answer within {} seconds", wait.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
