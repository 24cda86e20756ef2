//! Each section's reading. A function asks for all its keys before it gives up on one, so that every mistake is seen.

use super::{
    Config, Establishment, Log, LogFormat, LogLevel, Node, Sis, Store, Vault,
    accounts::renewal_delay,
    approvals::approvals,
    directory::directory,
    doors::{check_apart, page_door, public_name, public_origin, relays},
    files::{self, Kept},
    mail::mail,
    passwords::passwords,
    policies::{self, policies},
    proxies::ranges,
    reading::{Section, Wrong, nearest, number, text, texts, word},
    trusted,
    witnesses::journal,
};
use axum::http::Uri;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};
use toml_edit::Value;
use types::{Cidr, Door, EstablishmentId, InsDomain, Secret, limits::SIS_WAIT_MILLIS_MAX};
use vault::MasterKey;

/// The doors that this version has; the others are only named.
const DOORS_BUILT: &[Door] = &[Door::Portal, Door::Suppliers, Door::Desk, Door::Relays];
const METRICS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
pub(super) const CERTIFICATE: &str = "the certificate (PEM, leaf first)";
pub(super) const KEY: &str = "its private key (PEM, mode 0600)";

/// `[sign_in]`: what many people share.
fn shared_addresses(section: &Section<'_>) -> Option<Vec<Cidr>> {
    let (given, shared) = (
        section.has("shared_addresses"),
        section.optional("shared_addresses", |value| ranges(value, ("the hospital's", "whoever guesses is there too"))),
    );
    section.finish();
    if given { shared } else { Some(Vec::new()) }
}

/// Reads everything. `None` only after a mistake was noted.
pub(super) fn read(root: &Section<'_>, file: &Path) -> Option<Config> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let (doors, node) = node(&root.section("node", true), folder);
    let establishments = establishments(root);
    let data = node.as_ref().map_or(folder, |node| &node.data);
    let store = store(&root.section("store", false), file, folder, data);
    let vault = vault(&root.section("vault", true), folder);
    // Without a readable list of doors, the sections that are there are looked at all the same.
    let site = Site { folder, doors: doors.as_deref() };
    let (portal_place, portal) = page_door(root, "portal", Door::Portal, site);
    let (desk_place, desk) = page_door(root, "desk", Door::Desk, site);
    let (suppliers_place, suppliers) = page_door(root, "suppliers", Door::Suppliers, site);
    let (relays_place, relays) = relays(root, site);
    check_apart(&[&portal_place, &desk_place, &suppliers_place, &relays_place], node.as_ref());
    let approvals = approvals(root, site, desk_place.origin.as_ref());
    let directory = directory(root, site, establishments.as_deref().unwrap_or_default());
    let mail = mail(root, folder);
    let sis = sis(&root.section("sis", site.runs(Door::Portal)), folder);
    let log = log(&root.section("log", false));
    let journal = journal(root, folder, node.as_ref().map(|node| node.name.as_str()));
    let administrators_passwords = passwords(&root.section("passwords", false));
    let of: Vec<EstablishmentId> = establishments.iter().flatten().map(|one| one.id).collect();
    let policies = policies(&root.section("policies", false), folder, &of);
    let shared_addresses = shared_addresses(&root.section("sign_in", false));
    let renewal_delay = renewal_delay(&root.section("accounts", false));
    root.finish();
    Some(Config {
        administrators_passwords: administrators_passwords?,
        shared_addresses: shared_addresses?,
        renewal_delay: renewal_delay?,
        policies: policies?,
        digest: root.text_digest(),
        portal: site.kept(&[Door::Portal], portal)?,
        desk: site.kept(&[Door::Desk], desk)?,
        suppliers: site.kept(&[Door::Suppliers], suppliers)?,
        relays: site.kept(&[Door::Relays], relays)?,
        approvals: site.kept(&SIGNED_DOORS, approvals)?,
        directory: directory?,
        mail: mail?,
        sis: site.kept(&[Door::Portal], sis)?,
        node: node?,
        establishments: establishments?,
        store: store?,
        vault: vault?,
        log: log?,
        journal: journal?,
    })
}

/// The doors where what is done rests on signatures.
pub(super) const SIGNED_DOORS: [Door; 3] = [Door::Desk, Door::Suppliers, Door::Relays];

/// Where the configuration lies, and the doors of its node if their list can be read.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub folder: &'a Path,
    pub doors: Option<&'a [Door]>,
}

impl Site<'_> {
    /// Whether the node is known to run a door.
    pub fn runs(&self, door: Door) -> bool {
        self.doors.is_some_and(|doors| doors.contains(&door))
    }

    /// A section's value if one of its doors is run; `None` if it should be there and could not be read.
    fn kept<T>(&self, of: &[Door], value: Option<T>) -> Option<Option<T>> {
        if of.iter().any(|door| self.runs(*door)) { value.map(Some) } else { Some(None) }
    }
}

fn node(section: &Section<'_>, folder: &Path) -> (Option<Vec<Door>>, Option<Node>) {
    let name = section.required("name", "\"portal-1\"", node_name);
    let doors = section.required("doors", "[\"portal\"]", doors);
    let data = section.required("data", "\"data\"", |value| data_folder(value, folder));
    let accept_single_zone = section.optional("accept_single_zone", |value| text(value, 200));
    let stop = section.optional("stop_deadline_seconds", |value| number(value, 1, 300));
    let metrics_listen = section.optional("metrics_listen", listener);
    if accept_single_zone.is_none() && doors.as_ref().is_some_and(|doors: &Vec<Door>| mixes_zones(doors)) {
        section.wrong("doors", ZONES_MIXED, format!("run them on two nodes, or write accept_single_zone = {RISK}"));
    }
    section.finish();
    let node = |(name, doors, data)| Node {
        name,
        doors,
        data,
        accept_single_zone,
        stop_deadline: Duration::from_secs(stop.unwrap_or(10)),
        metrics_listen: metrics_listen.unwrap_or(METRICS_LISTEN),
    };
    (doors.clone(), name.zip(doors).zip(data).map(|((name, doors), data)| node((name, doors, data))))
}

pub(super) const ZONES_MIXED: &str = "portal or publish share this process with relays or desk: two zones in one";
const RISK: &str = "\"the reference of the accepted risk\"";

/// Whether doors of the Internet's side and of the inner side would live in one process.
pub(super) fn mixes_zones(doors: &[Door]) -> bool {
    let outside = doors.iter().any(|door| matches!(door, Door::Portal | Door::Publish));
    let inside = doors.iter().any(|door| matches!(door, Door::Relays | Door::Desk));
    outside && inside
}

fn node_name(value: &Value) -> Result<String, Wrong> {
    let name = text(value, 40)?;
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    if name.bytes().all(legal) && edge(name.bytes().next()) && edge(name.bytes().next_back()) && !name.contains("..") {
        return Ok(name);
    }
    Err(Wrong::new(
        "it names the journal's folder and has a character that cannot be there",
        "use small letters without accents, digits, hyphens and dots, such as \"portal-1\"",
    ))
}

fn doors(value: &Value) -> Result<Vec<Door>, Wrong> {
    let names = texts(value, Door::ALL.len())?;
    known_doors(names.iter().map(String::as_str))
}

/// The doors of these names, each built and named once.
pub(super) fn known_doors<'n>(names: impl Iterator<Item = &'n str>) -> Result<Vec<Door>, Wrong> {
    let mut doors = Vec::new();
    for name in names {
        let Ok(door) = name.parse::<Door>() else {
            let remedy = match nearest(name, Door::ALL.iter().map(|door| door.as_str())) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => {
                    format!("write one of: {}", DOORS_BUILT.iter().map(|d| d.as_str()).collect::<Vec<_>>().join(", "))
                }
            };
            return Err(Wrong::new(format!("there is no door named \"{name}\""), remedy));
        };
        if !DOORS_BUILT.contains(&door) {
            return Err(Wrong::new(format!("the door \"{door}\" is not in this version"), "remove it from the list"));
        }
        if doors.contains(&door) {
            return Err(Wrong::new(format!("the door \"{door}\" is named twice"), "name it once"));
        }
        doors.push(door);
    }
    Ok(doors)
}

fn data_folder(value: &Value, folder: &Path) -> Result<PathBuf, Wrong> {
    let path = folder.join(text(value, 1000)?);
    let shown = path.display();
    match std::fs::metadata(&path) {
        Ok(metadata) if !metadata.is_dir() => {
            return Err(Wrong::new(format!("{shown} is not a folder"), "name a folder, or move that file away"));
        }
        Ok(metadata) if metadata.permissions().mode() & 0o022 != 0 => {
            let what = format!("others than its owner may write in {shown}");
            return Err(Wrong::new(what, format!("run chmod go-rwx {shown}")));
        }
        Ok(_) => {}
        // The node makes it at its first start; its parent must be there.
        Err(_) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !parent.is_dir() {
                let what = format!("the folder {} does not exist", parent.display());
                return Err(Wrong::new(what, "make it, or mend the path"));
            }
        }
    }
    std::path::absolute(&path).map_err(|_| Wrong::new("this path cannot be followed", "write an absolute path"))
}

pub(super) fn listener(value: &Value) -> Result<SocketAddr, Wrong> {
    let remedy = "write an address and a port, such as \"0.0.0.0:8443\" or \"[::]:8443\"";
    let given = text(value, 100)?;
    let address: SocketAddr =
        given.parse().map_err(|_| Wrong::new(format!("\"{given}\" is not an address with a port"), remedy))?;
    if address.port() == 0 { Err(Wrong::new("port 0 is no port to be reached at", remedy)) } else { Ok(address) }
}

fn establishments(root: &Section<'_>) -> Option<Vec<Establishment>> {
    let mut read: Vec<Establishment> = Vec::new();
    let mut complete = true;
    for section in root.sections("establishments") {
        let id = section.required("id", "\"…\" (26 characters; `poterne init` draws one)", |value| {
            let bad =
                |_| Wrong::new("not an identifier", "write 26 characters, a to z and 2 to 7; `poterne init` draws one");
            text(value, 100)?.parse::<EstablishmentId>().map_err(bad)
        });
        let name = section.required("name", "\"Centre hospitalier de …\"", |value| text(value, 200));
        section.finish();
        let (Some(id), Some(name)) = (id, name) else {
            complete = false;
            continue;
        };
        if read.iter().any(|other| other.id == id) {
            section.wrong("id", "another establishment has the same identifier", "give each its own");
        }
        read.push(Establishment { id, name });
    }
    (complete && !read.is_empty()).then_some(read)
}

/// Reads only what a folder of permits is tried with.
pub(super) fn read_for_permits(root: &Section<'_>, file: &Path) -> Option<policies::ForPermits> {
    let folder = file.parent().unwrap_or(Path::new(""));
    policies::read_for_permits(root, folder, |root| {
        establishments(root).map(|all| all.into_iter().map(|one| one.id).collect())
    })
}

fn store(section: &Section<'_>, file: &Path, folder: &Path, data: &Path) -> Option<Store> {
    let url = section.optional("url", |value| {
        let url = text(value, 2000)?;
        if has_password(&url) && mode(file) & 0o077 != 0 {
            return Err(Wrong::new(
                format!("it holds a password, and others may read this file (mode {:04o})", mode(file)),
                "write the address in a file of mode 0600, named by url_file, and change the password",
            ));
        }
        database(&url, data)
    });
    let from_file = section.optional("url_file", |value| {
        let path = folder.join(text(value, 1000)?);
        let bytes = files::read(&path, Kept::Private, "the database's address, on one line")?;
        let url = String::from_utf8(bytes).unwrap_or_default();
        database(url.trim(), data)
            .map_err(|wrong| Wrong::new(format!("{}: {}", path.display(), wrong.what), wrong.remedy))
    });
    let both = url.is_some() && from_file.is_some();
    if both {
        section.wrong("url_file", "the address is told twice, by url and by url_file", "keep one of them");
    }
    section.finish();
    // A wrong address was noted: the default then stands in for it, and is not used.
    let url = url.or(from_file).or_else(|| database("sqlite:poterne.db", data).ok())?;
    Some(Store { url: Secret::new(url) })
}

/// Checks a database's address; SQLite's becomes absolute.
fn database(url: &str, data: &Path) -> Result<String, Wrong> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let plain = |c: char| !c.is_control() && !"?#%".contains(c);
        if path.is_empty() || path.starts_with("//") || path.starts_with(':') || !path.chars().all(plain) {
            let remedy = "write sqlite: and a path relative to the data folder, such as sqlite:poterne.db";
            return Err(Wrong::new("this is not a file's path", remedy));
        }
        return Ok(format!("sqlite:{}", data.join(path).display().to_string().replace('%', "%25").replace('?', "%3F")));
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        let remedy = "write sqlite:FILE, or postgres://user:password@host/name?sslmode=verify-full";
        return Err(Wrong::new("this is not a database's address", remedy));
    }
    let remedy = "write postgres://user:password@host/name?sslmode=verify-full";
    let uri: Uri = url.parse().map_err(|_| Wrong::new("this address cannot be read", remedy))?;
    let (host, query) = (uri.host().unwrap_or_default(), uri.query().unwrap_or_default());
    if uri.path().len() < 2 {
        return Err(Wrong::new("this address names no database", remedy));
    }
    let host = host.trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !is_local && !query.split('&').any(|pair| pair == "sslmode=verify-full") {
        let what = "the database is on another machine and its identity would not be checked";
        return Err(Wrong::new(what, "add sslmode=verify-full (and sslrootcert=FILE for an authority of yours)"));
    }
    Ok(url.to_owned())
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    let in_authority = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    in_authority || url.contains("password=")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).map_or(0o777, |metadata| metadata.permissions().mode() & 0o777)
}

fn vault(section: &Section<'_>, folder: &Path) -> Option<Vault> {
    let master_key = section.required("master_key_file", "\"keys/master.key\"", |value| {
        let path = folder.join(text(value, 1000)?);
        files::read(&path, Kept::Private, "the master key (`poterne init` makes one)")?;
        MasterKey::load(&path).map_err(|error| {
            Wrong::new(error.to_string(), "put back the file that `poterne init` made, or its saved copy")
        })
    });
    section.finish();
    Some(Vault { master_key: master_key? })
}

fn sis(section: &Section<'_>, folder: &Path) -> Option<Sis> {
    let url = section.required("url", "\"https://sis.hopital.example/fhir\"", sis_url);
    let what = "the certificate of the authority that vouches for the SIS (PEM)";
    section.needs("ca_file", "\"keys/sis-ca.crt\"");
    let trusted = trusted::trusted(section, ["ca_file", "crl_file"], folder, what);
    let certificate = section.required("certificate_file", "\"keys/sis-client.crt\"", |value| {
        let pem = files::read(&folder.join(text(value, 1000)?), Kept::Public, CERTIFICATE)?;
        files::certificates(&pem).map(|_| pem)
    });
    let key = section.required("key_file", "\"keys/sis-client.key\"", |value| {
        files::read(&folder.join(text(value, 1000)?), Kept::Private, KEY).map(Secret::new)
    });
    let ins_domain = section.optional("ins_domain", ins_domain);
    let wait = section.optional("wait_millis", |value| number(value, 100, SIS_WAIT_MILLIS_MAX));
    section.finish();
    let (certificate_pem, key_pem) = (certificate?, key?);
    if let Err(wrong) = files::client_pair(&certificate_pem, key_pem.expose()) {
        section.wrong("key_file", wrong.what, wrong.remedy);
    }
    Some(Sis {
        url: url?,
        trusted: trusted?,
        certificate_pem,
        key_pem,
        ins_domain: ins_domain.unwrap_or(InsDomain::Nir),
        wait: Duration::from_millis(wait.unwrap_or(SIS_WAIT_MILLIS_MAX)),
    })
}

fn sis_url(value: &Value) -> Result<String, Wrong> {
    let remedy = "write https://, its name and its base path, such as \"https://sis.hopital.example/fhir\"";
    let given = text(value, 1000)?;
    if given.starts_with("http://") {
        return Err(Wrong::new("health data would travel in clear", remedy));
    }
    let uri: Uri = given.parse().map_err(|_| Wrong::new("this is not an address", remedy))?;
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if uri.scheme_str() != Some("https") || uri.host().is_none_or(str::is_empty) || has_user {
        return Err(Wrong::new("this is not the address of a FHIR server", remedy));
    }
    if uri.query().is_some() || given.contains('#') {
        return Err(Wrong::new("the address goes on after the base path", remedy));
    }
    Ok(given.trim_end_matches('/').to_owned())
}

fn ins_domain(value: &Value) -> Result<InsDomain, Wrong> {
    let words = [
        ("nir", InsDomain::Nir),
        ("nia", InsDomain::Nia),
        ("test", InsDomain::Test),
        ("demo", InsDomain::Demo),
        (InsDomain::Nir.as_str(), InsDomain::Nir),
        (InsDomain::Nia.as_str(), InsDomain::Nia),
        (InsDomain::Test.as_str(), InsDomain::Test),
        (InsDomain::Demo.as_str(), InsDomain::Demo),
    ];
    match word(value, &words)? {
        InsDomain::Test | InsDomain::Demo => Err(Wrong::new(
            "test and demonstration numbers are refused in production",
            "write \"nir\", or use `poterne demo` to try things out",
        )),
        domain => Ok(domain),
    }
}

fn log(section: &Section<'_>) -> Option<Log> {
    let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let levels = [("error", LogLevel::Error), ("warn", LogLevel::Warn), ("info", LogLevel::Info)];
    let format = section.optional("format", |value| word(value, &formats));
    let level = section.optional("level", |value| word(value, &levels));
    section.finish();
    Some(Log { format: format.unwrap_or(LogFormat::Json), level: level.unwrap_or(LogLevel::Info) })
}

/// Whether `init` may write an answer under a key, by the same rules as the reading.
pub(super) fn check_answer(key: &str, answer: &str) -> Result<(), Wrong> {
    let value = &Value::from(answer);
    match key.split_once('.') {
        Some(("node", "name")) => node_name(value).map(drop),
        Some((_, "listen")) => listener(value).map(drop),
        Some((door, "origin")) => public_origin(value, door.parse().unwrap_or(Door::Portal)).map(drop),
        Some(("relays", "public_name")) => public_name(value).map(drop),
        Some(("sis", "url")) => sis_url(value).map(drop),
        _ => text(value, 200).map(drop),
    }
}
