//! `[journal.timestamp]`: who stamps this node's journal.

use super::{
    files::{self, Kept},
    reading::{Section, Wrong, number, text},
    trusted,
};
use crate::timestamp::Settings;
use axum::http::Uri;
use journal::stamp::{Authority, Policy};
use std::{path::Path, time::Duration};
use toml_edit::Value;

/// Reads the section, if it is there. `None` only after a mistake was noted.
pub(super) fn timestamp(journal: &Section<'_>, folder: &Path) -> Option<Option<Settings>> {
    let section = journal.section("timestamp", false);
    if !section.is_there() {
        section.finish();
        return Some(None);
    }
    let url = section.required("url", "\"http://horodatage.example/tsa\"", address);
    let authority = section.required("ca_file", "\"keys/tsa-ca.crt\"", |value| {
        let what = "the certificate (PEM) of the authority of time stamps";
        let pem = files::read(&folder.join(text(value, 1000)?), Kept::Public, what)?;
        let wrong = |error| Wrong::new(format!("{error}"), "write what vouches for its certificates, in PEM");
        Authority::from_pem(&pem).map_err(wrong)
    });
    let policy = section.optional("policy", |value| {
        let wrong =
            |error| Wrong::new(format!("it is no policy ({error})"), "write numbers and points: \"1.2.250.1.1\"");
        text(value, 200)?.parse::<Policy>().map_err(wrong)
    });
    let tls = trusted::trusted(&section, ["tls_ca_file", "tls_crl_file"], folder, "the authority of its server (PEM)");
    let wait = section.optional("wait_seconds", |value| number(value, 1, 60));
    section.finish();
    let (url, authority) = (url?, authority?);
    let clear = url.starts_with("http://");
    if !clear && tls.is_none() {
        let remedy = "name the authority (PEM) that vouches for its server over TLS";
        section.wrong("tls_ca_file", "missing, or not to be used", remedy);
        return None;
    }
    Some(Some(Settings {
        url,
        trusted: tls.filter(|_| !clear),
        authority: authority.with_policy(policy),
        wait: Duration::from_secs(wait.unwrap_or(10)),
    }))
}

/// In clear or not: the answer is signed, and holds nothing but a hash.
fn address(value: &Value) -> Result<String, Wrong> {
    let given = text(value, 400)?;
    let wrong = |what: &str| {
        let remedy = "write its address, as in \"http://horodatage.example/tsa\"";
        Wrong::new(format!("\"{given}\" {what}"), remedy)
    };
    let url: Uri = given.parse().map_err(|_| wrong("is not an address"))?;
    let authority = url.authority().map(ToString::to_string).unwrap_or_default();
    if url.host().is_none_or(str::is_empty) || authority.contains('@') {
        return Err(wrong("names no host, or more than one"));
    }
    match url.scheme_str() {
        Some("https" | "http") => Ok(given),
        _ => Err(wrong("is neither http nor https")),
    }
}
