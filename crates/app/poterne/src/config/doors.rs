//! The sections of doors: what each listens on, under which name, and that no two are confused.

use super::{
    Administration, Node, PageDoor, PublicName, Relays,
    files::{self, Kept},
    proxies::{proxies, ranges},
    reading::{Section, Wrong, number, text},
    sections::{CERTIFICATE, KEY, Site, listener},
};
use identity::{SESSION_IDLE_SECONDS_MIN, SESSION_SECONDS_MAX};
use russh::keys::{Algorithm, PrivateKey};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use toml_edit::Value;
use types::{Door, Secret, limits::SESSION_IDLE_SECONDS_MAX};
use web::{csrf::Origin, limits::Limits, serve::tls_config};

/// What a door's section says of its place, to be seen beside the others'.
pub(super) struct Place<'b> {
    section: Section<'b>,
    name: &'static str,
    listen: Option<SocketAddr>,
    /// Where its pages live, if it has any.
    pub origin: Option<Origin>,
    /// Where it administers, if apart; nothing is read after a mistake.
    inside: Option<(Section<'b>, Option<Administration>)>,
}

/// Reads a door of pages.
pub(super) fn page_door<'b>(
    root: &Section<'b>,
    name: &'static str,
    door: Door,
    site: Site<'_>,
) -> (Place<'b>, Option<PageDoor>) {
    let section = root.section(name, site.runs(door));
    let listen = section.required("listen", example_listen(door), listener);
    let origin =
        section.required("origin", &format!("\"{}\"", example_origin(door)), |value| public_origin(value, door));
    let certificate = section.required("certificate_file", &format!("\"keys/{name}.crt\""), |value| {
        let pem = files::read(&site.folder.join(text(value, 1000)?), Kept::Public, CERTIFICATE)?;
        files::certificates(&pem).map(|_| pem)
    });
    let key = section.required("key_file", &format!("\"keys/{name}.key\""), |value| {
        files::read(&site.folder.join(text(value, 1000)?), Kept::Private, KEY).map(Secret::new)
    });
    let idle =
        section.optional("idle_seconds", |value| number(value, SESSION_IDLE_SECONDS_MIN, SESSION_IDLE_SECONDS_MAX));
    let absolute =
        section.optional("absolute_seconds", |value| number(value, SESSION_IDLE_SECONDS_MIN, SESSION_SECONDS_MAX));
    let support = section.required("support_contact", "\"01 99 00 00 00\"", |value| text(value, 200));
    let elsewhere = if door == Door::Desk { elsewhere(&section, site) } else { BTreeMap::new() };
    let limits = Limits::default();
    let defaults = (limits.connections_max, limits.connections_per_source_max);
    let connections = connections(&section, 4, defaults);
    let proxies = proxies(&section, door);
    let inside = if door == Door::Desk { administration(&section) } else { None };
    let administration = inside.as_ref().map(|(_, read)| read.clone());
    section.finish();
    check_runs(&section, door, site);

    let (idle, absolute) = (idle.unwrap_or(900), absolute.unwrap_or(28_800));
    if absolute < idle {
        section.wrong("absolute_seconds", "a session would end before it is idle", "make it at least idle_seconds");
    }
    let pair = certificate.zip(key).and_then(|(certificate_pem, key)| {
        if let Some(Err(wrong)) = origin.as_ref().map(|origin| files::bears_name(&certificate_pem, host_of(origin))) {
            section.wrong("certificate_file", wrong.what, wrong.remedy);
        }
        let tls = tls_config(&certificate_pem, key.expose());
        let tls = tls.map_err(|error| section.wrong("key_file", error.to_string(), "name the key of that certificate"));
        tls.ok().map(|tls| (certificate_pem, tls))
    });
    let place = Place { section, name, listen, origin: origin.clone(), inside };
    let read = || {
        let ((certificate_pem, tls), (connections_max, connections_per_source_max)) = (pair?, connections?);
        let administration = match administration {
            Some(read) => Some(read?),
            None => None,
        };
        Some(PageDoor {
            listen: listen?,
            origin: origin?,
            tls,
            certificate_pem,
            idle: Duration::from_secs(idle),
            absolute: Duration::from_secs(absolute),
            support_contact: support?,
            elsewhere,
            administration,
            connections_max,
            connections_per_source_max,
            proxies,
        })
    };
    (place, read())
}

/// Where the desk administers, if apart; nothing is read after a mistake.
fn administration<'b>(desk: &Section<'b>) -> Option<(Section<'b>, Option<Administration>)> {
    let section = desk.section("administration", false);
    if !section.is_there() {
        return None;
    }
    let listen = section.required("listen", "\"10.0.0.5:8446\"", listener);
    let networks = section.required("networks", "[\"10.0.0.0/16\"]", |value| {
        ranges(value, ("the administrators'", "it would be for strangers"))
    });
    let proxies = proxies(&section, Door::Desk);
    section.finish();
    let trusted = proxies.as_ref().map(|proxies| proxies.trusted().to_vec()).unwrap_or_default();
    let lost = networks.iter().flatten().find(|network| trusted.iter().any(|proxy| proxy.covers(network)));
    if let Some(network) = lost {
        let what = format!("all of {network} is trusted to speak for others: nobody is let in from there");
        section.wrong("networks", what, "trust the proxies' own addresses only (trusted_proxies)");
    }
    let read = listen.zip(networks).map(|(listen, networks)| Administration { listen, networks, proxies });
    Some((section, read))
}

/// Where the pages of the doors live that other nodes run; a door of this node says its own address.
fn elsewhere(section: &Section<'_>, site: Site<'_>) -> BTreeMap<Door, Origin> {
    let mut read = BTreeMap::new();
    for (key, door) in [("portal_origin", Door::Portal), ("suppliers_origin", Door::Suppliers)] {
        read.extend(elsewhere_at(section, site, (key, door)).map(|origin| (door, origin)));
    }
    read
}

fn elsewhere_at(section: &Section<'_>, site: Site<'_>, (key, door): (&'static str, Door)) -> Option<Origin> {
    let origin = section.optional(key, |value| public_origin(value, door))?;
    if site.runs(door) {
        let what = format!("this node runs the door \"{door}\", which says its own origin");
        section.wrong(key, what, "remove this line");
    }
    Some(origin)
}

/// Reads the technicians' door.
pub(super) fn relays<'b>(root: &Section<'b>, site: Site<'_>) -> (Place<'b>, Option<Relays>) {
    let section = root.section("relays", site.runs(Door::Relays));
    let listen = section.required("listen", "\"0.0.0.0:2222\"", listener);
    let host_key = section.required("host_key_file", "\"keys/ssh_host_key\"", |value| {
        let what = "an SSH host key (`poterne init` makes one, ssh-keygen -t ed25519 too)";
        let bytes = Secret::new(files::read(&site.folder.join(text(value, 1000)?), Kept::Private, what)?);
        host_key(bytes.expose())
    });
    let name = section.required("public_name", "\"relais.hopital.example:2222\"", public_name);
    let connections = connections(&section, 1, (256, 16));
    let proxies = proxies(&section, Door::Relays);
    let suppliers = elsewhere_at(&section, site, ("suppliers_origin", Door::Suppliers));
    section.finish();
    check_runs(&section, Door::Relays, site);
    let place = Place { section, name: "relays", listen, origin: None, inside: None };
    let read = || {
        let ((host, port), listen) = (name?, listen?);
        let (connections_max, connections_per_source_max) = connections?;
        Some(Relays {
            listen,
            host_key: host_key?,
            public_name: PublicName { host, port: port.unwrap_or(listen.port()) },
            connections_max,
            connections_per_source_max,
            proxies,
            suppliers,
        })
    };
    (place, read())
}

/// How many connections at once, in all and for each source.
fn connections(section: &Section<'_>, per_source_min: u64, defaults: (usize, usize)) -> Option<(usize, usize)> {
    let all = section.optional("connections_max", |value| number(value, 16, 65_536));
    let per_source = section.optional("connections_per_source_max", |value| number(value, per_source_min, 65_536));
    let all = all.map_or(Some(defaults.0), |all| usize::try_from(all).ok())?;
    let per_source = per_source.map_or(Some(defaults.1), |number| usize::try_from(number).ok())?;
    Some((all, per_source.min(all)))
}

/// An OpenSSH private key that the relays show: Ed25519, without a passphrase.
fn host_key(bytes: &[u8]) -> Result<PrivateKey, Wrong> {
    let remedy = "make one with ssh-keygen -t ed25519 -N \"\"";
    let key = PrivateKey::from_openssh(bytes).map_err(|_| {
        Wrong::new("it holds no private key in OpenSSH's form (-----BEGIN OPENSSH PRIVATE KEY-----)", remedy)
    })?;
    if key.is_encrypted() {
        return Err(Wrong::new("the key asks for a passphrase, which nobody types when a node starts", remedy));
    }
    match key.algorithm() {
        Algorithm::Ed25519 => Ok(key),
        other => Err(Wrong::new(format!("a key of type {other} is refused: relays show ssh-ed25519 only"), remedy)),
    }
}

/// What technicians type: a host name or an IPv4 address, and a port if it is told. It goes into a shell's command, so
/// nothing in it means anything to a shell or to ssh's options.
pub(super) fn public_name(value: &Value) -> Result<(String, Option<u16>), Wrong> {
    let remedy = "write a host name, and its port if it is not that of listen, such as \"relais.hopital.example:2222\"";
    let given = text(value, 300)?;
    let (host, port) = match given.split_once(':') {
        None => (given.as_str(), None),
        Some((host, port)) => (host, Some(port)),
    };
    let port = match port.map(|port| (port, port.parse::<u16>())) {
        None => None,
        Some((text, Ok(port))) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Some(port),
        Some(_) => return Err(Wrong::new("its port is not a number from 1 to 65535", remedy)),
    };
    let host = host.to_ascii_lowercase();
    let label = |label: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(legal) && !label.starts_with('-') && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(Wrong::new("this is not a host name", remedy));
    }
    let address = host.parse::<Ipv4Addr>().ok();
    if is_localhost(&host) || address.is_some_and(|address| address.is_loopback() || address.is_unspecified()) {
        return Err(Wrong::new("technicians come from elsewhere: this name is each one's own machine", remedy));
    }
    // "10.0.1" is an address to some clients and a name to others.
    if address.is_none() && host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Wrong::new("this is neither a name nor a whole address", remedy));
    }
    Ok((host, port))
}

/// The public origin of a production door: a name of its own, that passkeys can be bound to.
pub(super) fn public_origin(value: &Value, door: Door) -> Result<Origin, Wrong> {
    let remedy = &format!("write https:// and the public name, such as \"{}\"", example_origin(door));
    let given = text(value, 300)?;
    let origin: Origin = given.parse().map_err(|error: web::csrf::BadOrigin| Wrong::new(error.to_string(), remedy))?;
    let host = host_of(&origin);
    if is_localhost(host) {
        return Err(Wrong::new("localhost is refused: passkeys and cookies of this name are worth nothing", remedy));
    }
    if host.parse::<IpAddr>().is_ok() {
        return Err(Wrong::new("a bare address is refused: certificates and passkeys need a name", remedy));
    }
    let labels = || host.split('.');
    if labels().count() < 2 || labels().any(|label| label.is_empty() || label.len() > 63) {
        return Err(Wrong::new(format!("\"{host}\" is not a full name"), remedy));
    }
    Ok(origin)
}

fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

fn example_listen(door: Door) -> &'static str {
    match door {
        Door::Suppliers => "\"0.0.0.0:8444\"",
        Door::Desk => "\"0.0.0.0:8445\"",
        _ => "\"0.0.0.0:8443\"",
    }
}

fn example_origin(door: Door) -> &'static str {
    match door {
        Door::Suppliers => "https://fournisseurs.hopital.example",
        Door::Desk => "https://bureau.hopital.example",
        _ => "https://portail.hopital.example",
    }
}

/// The host of an origin, without its port.
pub(super) fn host_of(origin: &Origin) -> &str {
    let rest = origin.as_str().trim_start_matches("https://");
    rest.split(':').next().unwrap_or(rest)
}

/// Whether the node runs the door of a section that is there.
fn check_runs(section: &Section<'_>, door: Door, site: Site<'_>) {
    if section.is_there() && site.doors.is_some() && !site.runs(door) {
        let remedy = format!("add \"{door}\" to node.doors, or remove the section");
        section.wrong_section(format!("this node does not run the door \"{door}\""), remedy);
    }
}

/// Whether each door has a port and a host name of its own.
pub(super) fn check_apart(places: &[&Place<'_>], node: Option<&Node>) {
    let mut listening: Vec<(String, SocketAddr)> =
        node.map(|node| ("metrics_listen".to_owned(), node.metrics_listen)).into_iter().collect();
    let own = places.iter().filter_map(|place| Some((&place.section, place.name.to_owned(), place.listen?)));
    let inside = places.iter().filter_map(|place| {
        let (section, read) = place.inside.as_ref()?;
        Some((section, format!("{}.administration", place.name), read.as_ref()?.listen))
    });
    for (section, name, listen) in own.chain(inside) {
        if let Some((other, address)) = listening.iter().find(|(_, other)| overlap(*other, listen)) {
            let what = format!("the node already listens there ({other}, {address})");
            section.wrong("listen", what, "give each its own port");
        }
        listening.push((format!("{name}.listen"), listen));
    }
    let mut named: Vec<(&str, &str)> = Vec::new();
    for Place { section, name, origin, .. } in places {
        let Some(host) = origin.as_ref().map(host_of) else { continue };
        if let Some((other, _)) = named.iter().find(|(_, other)| *other == host) {
            let what =
                format!("the door \"{other}\" has this host name: each would get the other's cookies and passkeys");
            section.wrong("origin", what, "give each door a host name of its own; another port is not enough");
        }
        named.push((name, host));
    }
    check_passkeys(places);
}

/// A page may ask for the passkeys of any domain above its own: none lies under the desk's.
fn check_passkeys(places: &[&Place<'_>]) {
    let desk = places.iter().find(|place| place.name == "desk").and_then(|place| place.origin.as_ref());
    let Some(above) = desk.map(|desk| format!(".{}", host_of(desk))) else { return };
    for place in places {
        if place.origin.as_ref().is_some_and(|origin| host_of(origin).ends_with(&above)) {
            let what = "its host name lies under the desk's: its pages could ask for the desk's passkeys";
            place.section.wrong("origin", what, "give the two doors names side by side");
        }
    }
}

/// Whether two listeners cannot live in one process.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (everywhere || one.ip() == other.ip())
}
