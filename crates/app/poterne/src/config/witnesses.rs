//! `[journal]`: who witnesses this node's journal.

use super::{
    Journal,
    follow::{followed, publish_here},
    reading::{Section, Wrong, number, text},
    timestamp::timestamp,
    trusted,
    witness_here::witness_here,
};
use crate::witness::Peer;
use axum::http::Uri;
use journal::log::WitnessKey;
use std::{path::Path, time::Duration};
use toml_edit::Value;

/// Witnesses of one node at most.
const WITNESSES_MAX: usize = 8;

/// Reads the section; without it nobody witnesses.
pub(super) fn journal(root: &Section<'_>, folder: &Path, node: Option<&str>) -> Option<Journal> {
    let section = root.section("journal", false);
    let age = section.optional("witness_age_seconds", |value| number(value, 5, 86_400));
    let (mut witnesses, mut complete) = (Vec::new(), true);
    let sections = section.sections_if_any("witnesses");
    if sections.len() > WITNESSES_MAX {
        section.wrong_section("too many witnesses", format!("name {WITNESSES_MAX} at most"));
    }
    for witness in sections {
        match peer(&witness, folder) {
            Some(peer) => witnesses.push(peer),
            None => complete = false,
        }
    }
    let (timestamp, witness) = (timestamp(&section, folder), witness_here(&section, folder, node));
    let (publish, follow) = (publish_here(&section, folder), followed(&section, folder, node));
    section.finish();
    let age_max = Duration::from_secs(age.unwrap_or(60));
    let (timestamp, witness, publish, follow) = (timestamp?, witness?, publish?, follow?);
    complete.then_some(Journal { witness_age_max: age_max, witnesses, timestamp, witness, publish, follow })
}

fn peer(section: &Section<'_>, folder: &Path) -> Option<Peer> {
    let url = section.required("url", "\"https://temoin.hopital.example\"", address);
    let key = section.required("vkey", "\"…\" (`poterne journal witness` prints it)", |value| {
        let wrong = |error| {
            let remedy =
                "write the line that `poterne journal witness` prints: name+hash+key, of a witness and not of a log";
            Wrong::new(format!("it is no witness's key ({error})"), remedy)
        };
        text(value, 400)?.parse::<WitnessKey>().map_err(wrong)
    });
    let trusted = trusted::trusted(section, ["ca_file", "crl_file"], folder, "the witness's authority (PEM)");
    section.finish();
    let (url, key) = (url?, key?);
    let clear = url.starts_with("http://");
    if !clear && trusted.is_none() {
        section.wrong("ca_file", "missing, or not to be used", "name the authority (PEM) that vouches for the witness");
        return None;
    }
    Some(Peer { url, key, trusted: trusted.filter(|_| !clear) })
}

/// `https://` anywhere, `http://` on this machine only.
pub(super) fn address(value: &Value) -> Result<String, Wrong> {
    let given = text(value, 400)?;
    let remedy = "write https:// and the name, as in \"https://temoin.hopital.example\"";
    let wrong = |what: &str| Wrong::new(format!("\"{given}\" {what}"), remedy);
    let url: Uri = given.parse().map_err(|_| wrong("is not an address"))?;
    let host = url.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
    let authority = url.authority().map(ToString::to_string).unwrap_or_default();
    if url.query().is_some() || authority.contains('@') {
        return Err(wrong("has more than a host and a path"));
    }
    match url.scheme_str() {
        Some("https") => {}
        Some("http") if ["127.0.0.1", "[::1]", "localhost"].contains(&host) => {}
        _ => return Err(wrong("is neither https nor on this machine")),
    }
    Ok(given.trim_end_matches('/').to_owned())
}
