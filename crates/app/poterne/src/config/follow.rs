//! `[journal.publish]` and `[[journal.follow]]`: one journal over several nodes.

use super::{
    files::{self, Kept},
    proxies::ranges,
    reading::{Section, Wrong, number, text},
    sections::listener,
    trusted,
    witness_here::tls,
    witnesses::address,
};
use crate::followed::{Followed, SharedSecret};
use journal::{follow::is_folder_name, log::VKey};
use rustls::ServerConfig;
use std::{fmt, net::SocketAddr, path::Path, sync::Arc};
use toml_edit::Value;
use types::{Cidr, Secret};

/// Journals that one node follows at most.
const FOLLOWED_MAX: usize = 8;
const SECRET_CHARS_MIN: usize = 32;
const SECRET_CHARS_MAX: usize = 200;
const GIB: u64 = 1024 * 1024 * 1024;

/// Where this node's journals are published, as the configuration says.
#[derive(Clone)]
pub struct PublishHere {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Over TLS, with this certificate; in clear on loopback only.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whom it is for.
    pub networks: Vec<Cidr>,
    /// What they show.
    pub secret: SharedSecret,
}

impl fmt::Debug for PublishHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishHere({})", self.listen)
    }
}

/// Reads `[journal.publish]`, if it is there. `None` only after a mistake was noted.
pub(super) fn publish_here(journal: &Section<'_>, folder: &Path) -> Option<Option<PublishHere>> {
    let section = journal.section("publish", false);
    if !section.is_there() {
        section.finish();
        return Some(None);
    }
    let listen = section.required("listen", "\"0.0.0.0:9481\"", listener);
    let networks = section.required("networks", "[\"10.0.0.5\"] (the nodes that follow)", |value| {
        ranges(value, ("the followers'", "strangers from there could ask"))
    });
    let secret = section.required("secret_file", SECRET_EXAMPLE, |value| secret(value, folder));
    let tls = tls(&section, folder);
    section.finish();
    let (listen, networks, secret, tls) = (listen?, networks?, secret?, tls?);
    if tls.is_none() && !listen.ip().is_loopback() {
        let remedy = "name certificate_file and certificate_key_file, or listen on 127.0.0.1";
        section.wrong("listen", "in clear, a journal is published on this machine only", remedy);
        return None;
    }
    Some(Some(PublishHere { listen, tls, networks, secret }))
}

const SECRET_EXAMPLE: &str = "\"keys/journal.secret\" (openssl rand -hex 32, mode 0600, the same at both nodes)";

/// Reads all of `[[journal.follow]]`. `None` only after a mistake was noted.
pub(super) fn followed(journal: &Section<'_>, folder: &Path, node: Option<&str>) -> Option<Vec<Followed>> {
    let sections = journal.sections_if_any("follow");
    if sections.len() > FOLLOWED_MAX {
        journal.wrong_section("too many followed journals", format!("name {FOLLOWED_MAX} at most"));
    }
    let all: Vec<Option<Followed>> = sections.iter().map(|section| one(section, folder, node)).collect();
    let all: Vec<Followed> = all.into_iter().collect::<Option<_>>()?;
    for (place, section) in sections.iter().enumerate() {
        let name = |at: usize| all.get(at).map(|one| one.vkey.name());
        if (0..place).any(|before| name(before) == name(place)) {
            section.wrong("vkey", "that journal is followed already", "name each journal once");
            return None;
        }
    }
    Some(all)
}

fn one(section: &Section<'_>, folder: &Path, node: Option<&str>) -> Option<Followed> {
    let url = section.required("url", "\"https://portail-dmz.hopital.example:9481\"", address);
    let vkey =
        section.required("vkey", "\"…\" (the line of the file vkey in the other node's journal/<name>/)", |value| {
            vkey(value, node)
        });
    let secret = section.required("secret_file", SECRET_EXAMPLE, |value| secret(value, folder));
    let trusted = trusted::trusted(section, ["ca_file", "crl_file"], folder, "the other node's authority (PEM)");
    let gib = section.optional("copy_gib_max", |value| number(value, 1, 4096));
    section.finish();
    let (url, vkey, secret) = (url?, vkey?, secret?);
    let clear = url.starts_with("http://");
    if !clear && trusted.is_none() {
        let remedy = "name the authority (PEM) that vouches for the other node";
        section.wrong("ca_file", "missing, or not to be used", remedy);
        return None;
    }
    let bytes_max = gib.unwrap_or(64).saturating_mul(GIB);
    Some(Followed { url, vkey, secret, trusted: trusted.filter(|_| !clear), bytes_max })
}

fn vkey(value: &Value, node: Option<&str>) -> Result<VKey, Wrong> {
    let remedy = "write the line of the file vkey in the other node's journal/<name>/";
    let key = text(value, 400)?.trim().parse::<VKey>();
    let key = key.map_err(|error| Wrong::new(format!("it is no journal's key ({error})"), remedy))?;
    let own = |node: &str| key.name() == node || key.name().strip_prefix(node).is_some_and(|rest| rest == "-operator");
    if node.is_some_and(own) {
        return Err(Wrong::new("this node's own journals lie here already", remedy));
    }
    if !is_folder_name(key.name()) {
        return Err(Wrong::new(format!("no node has the name {}", key.name().escape_debug()), remedy));
    }
    Ok(key)
}

fn secret(value: &Value, folder: &Path) -> Result<SharedSecret, Wrong> {
    let path = folder.join(text(value, 1000)?);
    let bytes = Secret::new(files::read(&path, Kept::Private, "the secret of both nodes")?);
    let line = std::str::from_utf8(bytes.expose()).unwrap_or_default().trim_end();
    let printed = line.bytes().all(|b| b.is_ascii_graphic());
    if printed && (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&line.len()) {
        return Ok(SharedSecret::new(line.to_owned()));
    }
    let remedy = format!("run openssl rand -hex 32 > {} once, and copy it to the other node", path.display());
    Err(Wrong::new(format!("it is not one line of {SECRET_CHARS_MIN} to {SECRET_CHARS_MAX} characters"), remedy))
}
