//! Real directories, started by a test on this machine and ended with it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod samba;

use directory::{Directory, Group, Kind, Settings, Wait};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use trust::Trust;
use types::Secret;

/// Whoever administers the directory, in tests only.
const ADMIN: (&str, &str) = ("cn=admin,dc=essai", "administration");
/// What Poterne signs in as, to read.
pub const SERVICE: (&str, &str) = ("cn=poterne,dc=essai", "lecture seule");
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Who vouches for servers.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Default for Authority {
    fn default() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Autorité d’essai");
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }
}

impl Authority {
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate and its key, for these names and addresses.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// What Debian installs outside of a user's path.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
    command
}

/// Runs a program to its end, with what it reads.
pub fn ran(mut command: Command, input: &str) -> String {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?} (Debian: slapd, ldap-utils): {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{command:?}: {said}");
    said
}

/// A process that ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something listens, as long as the process lives.
pub fn listens(running: &mut Running, address: SocketAddr, log: &Path) {
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        let ended = running.0.try_wait().unwrap();
        let said = || fs::read_to_string(log).unwrap_or_default();
        assert!(ended.is_none() && began.elapsed() < STARTS_WITHIN, "{address} does not listen: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An OpenLDAP with a hospital in it.
pub struct OpenLdap {
    folder: tempfile::TempDir,
    pub authority: Authority,
    pub ldaps: u16,
    pub ldap: u16,
    running: Option<Running>,
}

impl OpenLdap {
    /// With these entries below `dc=essai`, beside those that are always there.
    pub fn start(entries: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (authority, here) = (Authority::default(), folder.path());
        let (certificate, key) = authority.issue(&["localhost", "127.0.0.1"]);
        for (name, text) in [("ca.pem", &authority.pem()), ("cert.pem", &certificate), ("key.pem", &key)] {
            fs::write(here.join(name), text).unwrap();
        }
        fs::create_dir(here.join("db")).unwrap();
        let (admin, service) = (ADMIN, SERVICE);
        let config = format!(
            "include /etc/ldap/schema/core.schema\n\
             include /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/nis.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\n\
             modulepath /usr/lib/ldap\n\
             moduleload back_mdb\n\
             moduleload ppolicy\n\
             TLSCACertificateFile {here}/ca.pem\n\
             TLSCertificateFile {here}/cert.pem\n\
             TLSCertificateKeyFile {here}/key.pem\n\
             sizelimit size.prtotal=unlimited size.soft=100 size.hard=100\n\
             database mdb\n\
             suffix \"dc=essai\"\n\
             rootdn \"{}\"\n\
             rootpw \"{}\"\n\
             directory {here}/db\n\
             dbnosync\n\
             overlay ppolicy\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to * by dn.exact=\"{}\" read by * none\n",
            admin.0,
            admin.1,
            service.0,
            here = here.display()
        );
        fs::write(here.join("slapd.conf"), config).unwrap();
        let always = format!(
            "dn: dc=essai\nobjectClass: dcObject\nobjectClass: organization\ndc: essai\no: Essai\n\n\
             dn: {}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: poterne\nuserPassword: {}\n\n\
             dn: ou=personnes,dc=essai\nobjectClass: organizationalUnit\nou: personnes\n\n\
             dn: ou=groupes,dc=essai\nobjectClass: organizationalUnit\nou: groupes\n\n{entries}",
            service.0, service.1
        );
        let mut add = program("slapadd");
        add.arg("-q").arg("-f").arg(here.join("slapd.conf"));
        ran(add, &always);
        let mut started = Self { authority, ldaps: free_port(), ldap: free_port(), running: None, folder };
        started.resume();
        started
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Stops it; what it holds stays.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it again where it was.
    pub fn resume(&mut self) {
        let (log, urls) =
            (self.path("log"), format!("ldaps://127.0.0.1:{}/ ldap://127.0.0.1:{}/", self.ldaps, self.ldap));
        let mut command = program("slapd");
        // With a level of debugging it stays in the foreground.
        command.args(["-d", "none", "-h", &urls, "-f"]).arg(self.path("slapd.conf"));
        let child = command.stdin(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn();
        let mut running = Running(child.expect("slapd (Debian: slapd, ldap-utils) is there"));
        for port in [self.ldaps, self.ldap] {
            listens(&mut running, (Ipv4Addr::LOCALHOST, port).into(), &log);
        }
        self.running = Some(running);
    }

    /// Changes what it holds, in LDIF.
    pub fn change(&self, ldif: &str) {
        let mut modify = program("ldapmodify");
        modify.args(["-x", "-H", &format!("ldap://127.0.0.1:{}", self.ldap), "-D", ADMIN.0, "-w", ADMIN.1]);
        ran(modify, ldif);
    }

    /// Whom its authority vouches for.
    pub fn trust(&self) -> Arc<Trust> {
        trust(&self.authority.pem())
    }

    /// What Poterne knows of it, with these groups.
    pub fn settings(&self, groups: &[&str]) -> Settings {
        settings(&self.authority.pem(), &[&format!("ldaps://127.0.0.1:{}", self.ldaps)], groups)
    }
}

/// Whom these authorities (PEM) vouch for.
pub fn trust(authorities: &str) -> Arc<Trust> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Arc::new(Trust::new(provider, authorities.as_bytes(), None).unwrap())
}

/// What Poterne knows of an OpenLDAP of a test.
pub fn settings(authorities: &str, servers: &[&str], groups: &[&str]) -> Settings {
    Settings {
        kind: Kind::OpenLdap,
        servers: servers.iter().map(|server| server.parse().unwrap()).collect(),
        tls: Settings::tls(&trust(authorities)).unwrap(),
        service_dn: SERVICE.0.to_owned(),
        service_password: Secret::new(SERVICE.1.to_owned()),
        people_base: "ou=personnes,dc=essai".to_owned(),
        groups_base: "ou=groupes,dc=essai".to_owned(),
        groups: groups.iter().map(|group| Group((*group).to_owned())).collect(),
        wait: Wait::new(Duration::from_secs(10)),
    }
}

/// The same, opened.
pub fn directory(server: &OpenLdap, groups: &[&str]) -> Directory {
    Directory::open(server.settings(groups))
}

/// Somebody, in LDIF; his password is `clef` and his login.
pub fn person(login: &str, given_name: &str, family_name: &str) -> String {
    format!(
        "dn: uid={login},ou=personnes,dc=essai\nobjectClass: inetOrgPerson\nobjectClass: shadowAccount\nuid: {login}\n\
         cn: {given_name} {family_name}\ngivenName: {given_name}\nsn: {family_name}\nuserPassword: clef {login}\n\n"
    )
}

pub fn person_dn(login: &str) -> String {
    format!("uid={login},ou=personnes,dc=essai")
}

pub fn group_dn(name: &str) -> String {
    format!("cn={name},ou=groupes,dc=essai")
}

/// A group, in LDIF, of these entries.
pub fn group(name: &str, members: &[String]) -> String {
    let members: String = members.iter().map(|member| format!("member: {member}\n")).collect();
    format!("dn: {}\nobjectClass: groupOfNames\ncn: {name}\n{members}\n", group_dn(name))
}
