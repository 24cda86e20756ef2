//! `poterne.toml`: what a node is told by its operator, read whole, with all its mistakes at once.
//!
//! Each section is its own struct, documented key by key; a subsystem receives its section and sees no other. Paths
//! are relative to the file. What the file names (keys, certificates) is read here too, so that a node that starts has
//! everything it needs, and a mistake is told at the line that names it.

mod accounts;
mod approvals;
mod directory;
mod doors;
mod files;
mod follow;
mod mail;
mod mistake;
mod passwords;
pub(crate) mod policies;
mod proxies;
mod reading;
mod sections;
pub(crate) mod signers;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_directory;
#[cfg(test)]
mod tests_doors;
#[cfg(test)]
mod tests_mail;
#[cfg(test)]
mod tests_permits;
#[cfg(test)]
mod tests_policies;
#[cfg(test)]
mod tests_proxies;
#[cfg(test)]
mod tests_witnesses;
mod timestamp;
mod trusted;
mod witness_here;
mod witnesses;

pub(crate) use files::remains_valid;
pub use follow::PublishHere;
pub use mistake::{Mistake, Mistakes};
pub(crate) use trusted::LISTS_BYTES_MAX;
pub use trusted::Trusted;
pub use witness_here::WitnessHere;

use crate::{first_admin::FirstAdministrator, followed::Followed, witness::Peer};
use interventions::PinnedKey;
use reading::{Book, Section, Wrong};
use russh::keys::PrivateKey;
use rustls::ServerConfig;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use types::{Cidr, Door, EstablishmentId, InsDomain, Role, Secret};
use vault::MasterKey;
use web::csrf::Origin;
use wire::proxy::Proxies;

/// A node's whole configuration, checked.
pub struct Config {
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// `[node]`.
    pub node: Node,
    /// `[[establishments]]`, one at least.
    pub establishments: Vec<Establishment>,
    /// `[store]`.
    pub store: Store,
    /// `[vault]`.
    pub vault: Vault,
    /// `[portal]`, there if and only if this node runs the portal.
    pub portal: Option<PageDoor>,
    /// `[desk]`, there if and only if this node runs the desk.
    pub desk: Option<PageDoor>,
    /// `[suppliers]`, there if and only if this node runs the suppliers' door.
    pub suppliers: Option<PageDoor>,
    /// `[relays]`, there if and only if this node runs the relays.
    pub relays: Option<Relays>,
    /// `[approvals]`, there if and only if this node runs the desk, the suppliers' door or the relays.
    pub approvals: Option<Approvals>,
    /// `[directory]`, if the hospital has one.
    pub directory: Option<Directory>,
    /// `[mail]`, if people are told by mail.
    pub mail: Option<Mail>,
    /// `[sis]`, there if this node runs the portal.
    pub sis: Option<Sis>,
    /// `[log]`.
    pub log: Log,
    /// `[journal]`.
    pub journal: Journal,
    /// `[passwords]`: `administrators_chars_min` (15), `administrators_classes_min` (3), `administrators_bits_min` (60) and
    /// `administrators_expires_days` (365): what the hospital asks of its administrators' passwords, as much as Poterne or more.
    pub administrators_passwords: identity::PasswordPolicy,
    /// `[accounts]`: `renewal_delay_hours` (24, 1 to 144): how long after it was drawn a link serves that gives other means to an
    /// account in use.
    pub renewal_delay: Duration,
    /// `[policies]`: `own_folder`, none by default: a folder of .cedar files that forbid more than Poterne's do; `permits_folder`,
    /// none by default: those that permit more, with the signatures of people of `[[policies.signers]]` (`name`, `public_key`);
    /// with them here.
    pub policies: Arc<policy::Policies>,
    /// `[sign_in]`: `shared_addresses`, none by default: ranges behind which so many people come together that the failures of
    /// some must not make the others wait.
    pub shared_addresses: Vec<Cidr>,
}

/// `[node]`: this process among those of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `name`: names its journal (the origin of its checkpoints); 1 to 40 of `a-z 0-9 - .`. It never changes.
    pub name: String,
    /// `doors`: what it listens as.
    pub doors: Vec<Door>,
    /// `data`: the folder of its journal and, by default, its database. An absolute path here.
    pub data: PathBuf,
    /// `accept_single_zone`: the reference of the accepted risk, when doors of two zones share this process.
    pub accept_single_zone: Option<String>,
    /// `stop_deadline_seconds`, 1 to 300, 10 by default: how long a clean stop waits for what is in flight.
    pub stop_deadline: Duration,
    /// `metrics_listen`, 127.0.0.1:9464 by default: where `/health` is served, in clear, for a supervisor inside.
    pub metrics_listen: SocketAddr,
}

/// `[[establishments]]`: a hospital of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Establishment {
    /// `id`: 26 characters drawn by `poterne init`; every object of the establishment bears it. It never changes.
    pub id: EstablishmentId,
    /// `name`: as its patients know it.
    pub name: String,
}

/// `[store]`: the database.
#[derive(Debug)]
pub struct Store {
    /// `url`, or the one line of `url_file`: `sqlite:FILE` (relative to `data`; here made absolute; the default is
    /// `sqlite:poterne.db`), or `postgres://user:password@host/name?sslmode=verify-full`.
    pub url: Secret<String>,
}

/// `[vault]`: where all keys come from.
pub struct Vault {
    /// `master_key_file`: the file that `poterne init` makes, mode 0600; here its content.
    pub master_key: MasterKey,
}

/// `[portal]`, `[desk]`, `[suppliers]`: a door of pages. Each has its own listener and its own host name.
#[derive(Debug, Clone)]
pub struct PageDoor {
    /// `listen`: the address and port it listens on.
    pub listen: SocketAddr,
    /// `origin`: `https://` and the public name, as browsers see it; never `localhost` nor an address.
    pub origin: Origin,
    /// `certificate_file` (PEM, leaf first, public) and `key_file` (PEM, mode 0600), ready to serve.
    pub tls: Arc<ServerConfig>,
    /// The content of `certificate_file`.
    pub certificate_pem: Vec<u8>,
    /// `idle_seconds`, 60 to 7200, 900 by default: a session unused for this long ends.
    pub idle: Duration,
    /// `absolute_seconds`, `idle_seconds` to 43200, 28800 by default: a session ends after this long.
    pub absolute: Duration,
    /// `support_contact`: whom a user in trouble calls or writes to; shown on pages.
    pub support_contact: String,
    /// `portal_origin` and `suppliers_origin` of `[desk]`: where the pages of the doors live that other nodes run, for the
    /// links of accounts that are opened at the desk. None for the other doors.
    pub elsewhere: BTreeMap<Door, Origin>,
    /// `[desk.administration]`: where the desk administers, apart from its other pages. None for the other doors.
    pub administration: Option<Administration>,
    /// `connections_max`, 16 to 65536, 1024 by default.
    pub connections_max: usize,
    /// `connections_per_source_max`, 4 to `connections_max`, 64 by default. Behind a balancer that hides the clients'
    /// addresses and is not trusted to tell them, set it to `connections_max`.
    pub connections_per_source_max: usize,
    /// `trusted_proxies` and `proxies_say`, none by default: who tells the clients' addresses, and how.
    pub proxies: Option<Proxies>,
}

/// `[desk.administration]`: a second listener of the desk, with all its pages, for those who administer (clausier O-5.3).
/// The first one is then without them. Both have the desk's name and certificate: which one somebody reaches is for the
/// hospital's network to say.
#[derive(Debug, Clone)]
pub struct Administration {
    /// `listen`: the address and port it listens on.
    pub listen: SocketAddr,
    /// `networks`: where those who administer come from; nobody else is answered.
    pub networks: Vec<Cidr>,
    /// `trusted_proxies` and `proxies_say`, none by default: the proxies before this listener, whatever stands before the
    /// desk's other one.
    pub proxies: Option<Proxies>,
}

/// `[relays]`: the door that technicians reach with an SSH client.
#[derive(Debug)]
pub struct Relays {
    /// `listen`: the address and port it listens on.
    pub listen: SocketAddr,
    /// `host_key_file` (OpenSSH private key, Ed25519, mode 0600): what clients pin; here its content.
    pub host_key: PrivateKey,
    /// `public_name`: what technicians type, shown in the command to copy.
    pub public_name: PublicName,
    /// `connections_max`, 16 to 65536, 256 by default.
    pub connections_max: usize,
    /// `connections_per_source_max`, 1 to `connections_max`, 16 by default. A supplier's technicians often share an
    /// address.
    pub connections_per_source_max: usize,
    /// `trusted_proxies` and `proxies_say`, none by default: who tells the clients' addresses, by the PROXY protocol.
    pub proxies: Option<Proxies>,
    /// `suppliers_origin`, on a node that does not run the suppliers' door: where technicians approve their sign-ins in their
    /// browser. Without either, they give codes.
    pub suppliers: Option<Origin>,
}

/// A host and a port as technicians type them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicName {
    /// A host name, or an IPv4 address; safe in a shell's command.
    pub host: String,
    /// The port; that of `listen` unless it is told.
    pub port: u16,
}

/// `[approvals]`: what signatures are verified against (design §3.12).
#[derive(Debug)]
pub struct Approvals {
    /// The desk's origin, where every passkey is enrolled and signs: of `[desk]`, or `desk_origin` on a node that does
    /// not run it.
    pub desk_origin: Origin,
    /// `pinned_file`, `keys/pinned.json` by default: where every chain of enrolment starts. Empty only on the desk's node,
    /// while the first administrator's link is outstanding.
    pub pinned: Vec<PinnedKey>,
    /// `first_administrator_file`, `keys/first-administrator.json` by default: the link, on the desk's node.
    pub first_administrator: Option<FirstAdministrator>,
}

impl Approvals {
    /// The passkeys' domain (the identifier of the relying party): the desk's host.
    pub fn passkey_domain(&self) -> &str {
        doors::host_of(&self.desk_origin)
    }
}

/// `[directory]`: the hospital's directory, where the staff's passwords and groups are. `kind` (`openldap`,
/// `active_directory`), `servers`, `ca_file`, `service_dn`, `service_password_file` (mode 0600), `people_base`, `groups_base`,
/// `wait_millis` (500 to 10000, 3000 by default).
pub struct Directory {
    /// Not asked anything yet.
    pub directory: ::directory::Directory,
    /// Those of `servers` with which TLS begins with the connection: names and ports.
    pub reached: Vec<(String, u16)>,
    /// How many of them there are.
    pub servers: usize,
    /// `ca_file`, `crl_file`: who vouches for its servers.
    pub trusted: Trusted,
    /// `[[directory.groups]]` (`group`, `role`, `establishment` where there are several), 64 at most: where each comes in.
    pub places: Vec<(EstablishmentId, Role)>,
    /// `synchronize_seconds`, 10 to 86400, 900 by default: how soon accounts follow.
    pub every: Duration,
    /// `leaving_percent_max`, 1 to 100, 20 by default: more of the accounts in use (and more than five) never lose their access
    /// at once.
    pub leaving_percent_max: u32,
}

/// `[mail]`: the hospital's mail server. `server`, `tls` (`implicit`, or `starttls`, which it must then offer; `implicit` by
/// default), `port` (465 or 587 by default), `ca_file` (who vouches for it; the platform's authorities by default), `user` and
/// `password_file` (mode 0600; both or none), `from`.
#[derive(Clone)]
pub struct Mail {
    /// Not asked anything yet.
    pub mailer: ::mail::Mailer,
    /// Its name and port.
    pub server: String,
    /// `support_contact`: whom a message says to tell that it was not oneself.
    pub support_contact: String,
}

/// `[sis]`: the health information system, over FHIR R4 and mutual TLS.
#[derive(Debug)]
pub struct Sis {
    /// `url`: `https://` only, without trailing slash here.
    pub url: String,
    /// `ca_file`: the authorities (PEM) that vouch for the SIS, and no others; `crl_file`: their revocation lists (PEM), none
    /// by default.
    pub trusted: Trusted,
    /// `certificate_file`: the establishment's certificate as a client (PEM, leaf first).
    pub certificate_pem: Vec<u8>,
    /// `key_file`: its key (PEM, mode 0600).
    pub key_pem: Secret<Vec<u8>>,
    /// `ins_domain`, `nir` by default: the authority of the patients' numbers; test and demonstration are refused.
    pub ins_domain: InsDomain,
    /// `wait_millis`, 100 to 2500, 2500 by default: how long a page waits before it says that the SIS is slow.
    pub wait: Duration,
}

/// `[journal]`: who watches over the journal from outside.
#[derive(Debug)]
pub struct Journal {
    /// `witness_age_seconds`, 5 to 86400, 60 by default: how long a checkpoint may go without a cosignature before it is
    /// told.
    pub witness_age_max: Duration,
    /// `[[journal.witnesses]]`, 8 at most: `url` (`https://`, or `http://` on this machine), `vkey` (its verifier key) and
    /// `ca_file` (the authorities, PEM, that vouch for it over TLS).
    pub witnesses: Vec<Peer>,
    /// `[journal.timestamp]`: `url` (`http://` or `https://`), `ca_file` (who may stamp, PEM), `policy` (an object identifier,
    /// none by default), `tls_ca_file` (who vouches for its server, with `https://`), `wait_seconds` (1 to 60, 10 by default).
    pub timestamp: Option<crate::timestamp::Settings>,
    /// `[journal.witness]`: `listen`, `name`, `key_file` (made if missing), `logs` (verifier keys of other nodes' journals),
    /// `certificate_file` and `certificate_key_file` (both, but on loopback).
    pub witness: Option<WitnessHere>,
    /// `[journal.publish]`: `listen`, `networks` (those who follow), `secret_file` (mode 0600: what they show),
    /// `certificate_file` and `certificate_key_file`; without these it listens on this machine only.
    pub publish: Option<PublishHere>,
    /// `[[journal.follow]]`, 8 at most: `url`, `vkey` (of the other node's journal), `secret_file`, `ca_file` (the authority of a
    /// `https://` one) and `copy_gib_max` (1 to 4096, 64 by default).
    pub follow: Vec<Followed>,
}

/// `[log]`: the conversation, on standard error; the journal is elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// `format`: `json` (default) or `text`.
    pub format: LogFormat,
    /// `level`: `error`, `warn` or `info` (default). No finer: libraries then write addresses of patients' objects.
    pub level: LogLevel,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The least severe line that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// And what may become one.
    Warn,
    /// And what happens.
    Info,
}

impl From<LogLevel> for tracing::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => tracing::Level::ERROR,
            LogLevel::Warn => tracing::Level::WARN,
            LogLevel::Info => tracing::Level::INFO,
        }
    }
}

impl Config {
    /// Reads a file and all it names.
    pub fn read(path: &Path) -> Result<Config, Mistakes> {
        read_file(path, sections::read)
    }
}

/// Of a configuration that may not be whole yet, what a new link of the first administrator needs: the desk's origin, and
/// where the link is kept.
pub(crate) fn read_for_link(path: &Path) -> Result<(Origin, FirstAdministrator), Mistakes> {
    read_file(path, approvals::read_for_link)
}

/// Of a configuration, what a folder of permits is tried with.
pub(crate) fn read_for_permits(path: &Path) -> Result<policies::ForPermits, Mistakes> {
    read_file(path, sections::read_for_permits)
}

/// Reads a file by `read`, which gives nothing only after it noted a mistake.
fn read_file<T>(path: &Path, read: impl FnOnce(&Section<'_>, &Path) -> Option<T>) -> Result<T, Mistakes> {
    let name = path.display().to_string();
    let bytes = files::read(path, files::Kept::Public, "the configuration (`poterne init` writes one)");
    let text = bytes.and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|_| Wrong::new(format!("{name} is not a text in UTF-8"), "save it in UTF-8 with a text editor"))
    });
    let book = match text {
        Ok(text) => Book::new(name, text),
        Err(wrong) => {
            let book = Book::new(name, String::new());
            book.note(None, "", wrong);
            return Err(Mistakes::new(book.into_mistakes()));
        }
    };
    let document = match toml_edit::Document::parse(book.text().to_owned()) {
        Ok(document) => document,
        Err(error) => {
            let what = format!("this is not TOML ({})", error.message().trim().replace('\n', ", "));
            book.note(error.span(), "", Wrong::new(what, "mend this first; nothing after it was looked at"));
            return Err(Mistakes::new(book.into_mistakes()));
        }
    };
    let value = read(&Section::root(&book, document.as_table()), path);
    match (value, book.into_mistakes()) {
        (Some(value), mistakes) if mistakes.is_empty() => Ok(value),
        (_, mistakes) => Err(Mistakes::new(mistakes)),
    }
}

/// Says what is wrong with an answer given to `poterne init` for a key, if anything is.
pub(crate) fn answer_mistake(key: &str, answer: &str) -> Option<String> {
    sections::check_answer(key, answer).err().map(|Wrong { what, remedy }| format!("{what}; {remedy}"))
}

/// Reads the doors of an answer given to `poterne init`, such as `portal,desk`.
pub(crate) fn answer_doors(answer: &str) -> Result<Vec<Door>, String> {
    sections::known_doors(answer.split(',').map(str::trim))
        .map_err(|Wrong { what, remedy }| format!("{what}; {remedy}"))
}

/// What is wrong with these doors in one process without an accepted risk, if anything is.
pub(crate) fn zones_mixed(doors: &[Door]) -> Option<&'static str> {
    sections::mixes_zones(doors).then_some(sections::ZONES_MIXED)
}
