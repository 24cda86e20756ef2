//! `[journal.witness]`: this node as a witness of other nodes' journals.

use super::{
    files::{self, Kept},
    reading::{Section, Wrong, text},
    sections::{CERTIFICATE, KEY, listener},
};
use crate::witness::Here;
use journal::{log::VKey, witness::LOGS_MAX};
use rustls::ServerConfig;
use std::{fmt, net::SocketAddr, path::Path, sync::Arc};
use toml_edit::Value;
use types::Secret;
use web::serve::tls_config;

/// A witness and its listener, as the configuration says.
#[derive(Clone)]
pub struct WitnessHere {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Over TLS, with this certificate; in clear on loopback only.
    pub tls: Option<Arc<ServerConfig>>,
    /// What it is.
    pub here: Here,
}

impl fmt::Debug for WitnessHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessHere({}, {:?})", self.listen, self.here.name)
    }
}

/// Reads the section, if it is there. `None` only after a mistake was noted.
pub(super) fn witness_here(journal: &Section<'_>, folder: &Path, node: Option<&str>) -> Option<Option<WitnessHere>> {
    let section = journal.section("witness", false);
    if !section.is_there() {
        section.finish();
        return Some(None);
    }
    let listen = section.required("listen", "\"0.0.0.0:9480\"", listener);
    let name = section.required("name", "\"temoin-2.hopital.example\"", name);
    let key_file = section.required("key_file", "\"keys/witness.key\" (made if it is missing)", |value| {
        let path = folder.join(text(value, 1000)?);
        match path.try_exists() {
            Ok(false) => Ok(path),
            _ => files::read(&path, Kept::Private, "the witness's key").map(|_| path),
        }
    });
    let logs =
        section.required("logs", "[\"…\"] (the lines of the other nodes' files vkey)", |value| logs(value, node));
    let tls = tls(&section, folder);
    section.finish();
    let tls = tls?;
    let (listen, here) = (listen?, Here { name: name?, key_file: key_file?, logs: logs? });
    if tls.is_none() && !listen.ip().is_loopback() {
        let remedy = "name certificate_file and certificate_key_file, or listen on 127.0.0.1";
        section.wrong("listen", "in clear, a witness listens on this machine only", remedy);
        return None;
    }
    Some(Some(WitnessHere { listen, tls, here }))
}

/// A listener's certificate and key, if it has them. `None` only after a mistake was noted.
pub(super) fn tls(section: &Section<'_>, folder: &Path) -> Option<Option<Arc<ServerConfig>>> {
    let certificate = section.optional("certificate_file", |value| {
        let pem = files::read(&folder.join(text(value, 1000)?), Kept::Public, CERTIFICATE)?;
        files::certificates(&pem).map(|_| pem)
    });
    let key = section.optional("certificate_key_file", |value| {
        files::read(&folder.join(text(value, 1000)?), Kept::Private, KEY).map(Secret::new)
    });
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let tls = tls_config(&certificate, key.expose()).map_err(|error| {
                section.wrong("certificate_key_file", error.to_string(), "name the key of that certificate");
            });
            Some(Some(tls.ok()?))
        }
        (None, None) => Some(None),
        _ => {
            let remedy = "name both certificate_file and certificate_key_file, or neither";
            section.wrong("certificate_file", "half of a pair is missing, or cannot be used", remedy);
            None
        }
    }
}

/// A name as keys bear it.
fn name(value: &Value) -> Result<String, Wrong> {
    let name = text(value, 100)?;
    let legal = journal::log::WitnessSigner::from_seed(&name, &[0; 32]).is_ok();
    let remedy = "write a name without spaces or +, such as \"temoin-2.hopital.example\"";
    if legal { Ok(name) } else { Err(Wrong::new("no key can bear that name", remedy)) }
}

fn logs(value: &Value, node: Option<&str>) -> Result<Vec<VKey>, Wrong> {
    let remedy = "write the line of the file vkey in the other node's journal/<name>/";
    let mut found = Vec::new();
    let list = value.as_array().ok_or_else(|| Wrong::new("it is no list", "write it as [\"…\", \"…\"]"))?;
    if list.is_empty() || list.len() > LOGS_MAX {
        return Err(Wrong::new("it names no journal, or too many", remedy));
    }
    for line in list.iter().map(|value| text(value, 400)) {
        let line = line?;
        let key = line.trim().parse::<VKey>();
        let key = key.map_err(|error| Wrong::new(format!("\"{line}\" is no journal's key ({error})"), remedy))?;
        if Some(key.name()) == node {
            let remedy = "name the other nodes' journals, and this one in theirs";
            return Err(Wrong::new("a node that witnesses itself protects from nothing", remedy));
        }
        found.push(key);
    }
    Ok(found)
}
