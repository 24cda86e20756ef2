//! Whom a node asks over TLS, for the probe of their certificates.

use super::NodeSettings;
use crate::probes::remote::Remote;
use anyhow::{Context as _, Result};
use reqwest::Url;
use types::Clock;

/// Those that the probe tries, and those whose revocation nobody looks at: the libraries that ask them take no lists.
pub(super) fn of(node: &NodeSettings, clock: &dyn Clock) -> Result<(Vec<Remote>, Vec<&'static str>)> {
    let (mut remotes, mut unlisted) = (Vec::new(), Vec::new());
    let mut named = |name: &str, url: &str, trust| -> Result<()> {
        let url = Url::parse(url).with_context(|| format!("the address of: {name}"))?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
        // The brackets around an IPv6 address are the URL's.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        remotes.push(Remote::new(name, (host, port), trust, clock)?);
        Ok(())
    };
    if let Some((_, sis)) = &node.portal {
        named("SIS", &sis.url, &sis.trust)?;
    }
    for peer in &node.witnessing.peers {
        if let Some(trusted) = &peer.trusted {
            named("witness", &peer.url, &trusted.trust)?;
        }
    }
    for followed in &node.others.followed {
        if let Some(trusted) = &followed.trusted {
            named("followed node", &followed.url, &trusted.trust)?;
        }
    }
    if let Some((stamps, trusted)) = node.stamping.as_ref().and_then(|one| Some((one, one.trusted.as_ref()?))) {
        named("time stamps", &stamps.url, &trusted.trust)?;
    }
    if let Some(directory) = &node.directory {
        for (host, port) in &directory.reached {
            remotes.push(Remote::new("directory", (host, *port), &directory.trusted.trust, clock)?);
        }
        if directory.reached.len() < directory.servers {
            unlisted.push("directory by StartTLS");
        }
    }
    if node.mail.is_some() {
        unlisted.push("mail");
    }
    if !node.store.url.starts_with("sqlite:") {
        unlisted.push("database");
    }
    Ok((remotes, unlisted))
}
