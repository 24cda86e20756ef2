//! An Active Directory domain of a test: Samba's. Only root may start it.

use super::{Authority, Running, listens, ran, trust};
use directory::{Directory, Group, Kind, Settings, Wait};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};
use types::Secret;

/// Everybody's.
pub const PASSWORD: &str = "Une-porte-2026!";

/// A domain of its own.
pub struct Samba {
    folder: tempfile::TempDir,
    pub authority: Authority,
    pub address: String,
    _running: Running,
}

fn tool(arguments: &[&str]) -> String {
    let mut command = Command::new("samba-tool");
    command.args(arguments);
    ran(command, "")
}

impl Samba {
    /// An empty one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::default();
        let process = std::process::id();
        let address = format!("127.{}.{}.{}", 64 + (process >> 14 & 63), 1 + (process >> 7 & 127), 1 + (process & 127));
        let (here, target) = (folder.path().to_owned(), folder.path().join("dc"));
        let (certificate, key) = authority.issue(&["annuaire.essai.test", &address]);
        for (name, text) in [("ca.pem", &authority.pem()), ("cert.pem", &certificate), ("key.pem", &key)] {
            fs::write(here.join(name), text).unwrap();
            fs::set_permissions(here.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let option = |name: &str, value: &str| format!("--option={name}={value}");
        let of_tls = |name: &str| here.join(name).display().to_string();
        fs::create_dir(here.join("run")).unwrap();
        let options = [
            option("interfaces", &format!("{address}/8")),
            option("bind interfaces only", "yes"),
            option("server services", "ldap"),
            option("dcerpc endpoint servers", ""),
            option("log file", &of_tls("log")),
            option("pid directory", &of_tls("run")),
            option("ncalrpc dir", &of_tls("run/ncalrpc")),
            option("tls keyfile", &of_tls("key.pem")),
            option("tls certfile", &of_tls("cert.pem")),
            option("tls cafile", &of_tls("ca.pem")),
        ];
        let provision = [
            "domain",
            "provision",
            "--realm=ESSAI.TEST",
            "--domain=ESSAI",
            "--server-role=dc",
            "--dns-backend=NONE",
            "--host-name=annuaire",
            &format!("--host-ip={address}"),
            &format!("--adminpass={PASSWORD}"),
            &format!("--targetdir={}", target.display()),
        ];
        let all: Vec<&str> = provision.into_iter().chain(options.iter().map(String::as_str)).collect();
        tool(&all);
        let config = target.join("etc/smb.conf");
        let log = here.join("out");
        let mut command = Command::new("samba");
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.args(["-F", "--no-process-group", "-M", "single", "-s"]).arg(&config).args(&options);
        let child = command.stdin(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn();
        let mut running = Running(child.expect("samba (Debian: samba, samba-ad-provision) is there"));
        for port in [636, 389] {
            listens(&mut running, format!("{address}:{port}").parse().unwrap(), &log);
        }
        Self { folder, authority, address, _running: running }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("dc/etc/smb.conf")
    }

    /// Administers it.
    pub fn tool(&self, arguments: &[&str]) -> String {
        let config = self.config();
        let all: Vec<&str> = arguments.iter().copied().chain(["-s", config.to_str().unwrap()]).collect();
        tool(&all)
    }

    /// Somebody, whose password is [`PASSWORD`].
    pub fn user(&self, login: &str, given_name: &str, family_name: &str, more: &[&str]) {
        let names = [&format!("--given-name={given_name}"), &format!("--surname={family_name}")];
        let all: Vec<&str> = ["user", "create", login, PASSWORD]
            .into_iter()
            .chain(names.into_iter().map(String::as_str))
            .chain(more.iter().copied())
            .collect();
        self.tool(&all);
    }

    /// What Poterne knows of it, with these groups; somebody named `poterne` must be there.
    pub fn settings(&self, server: &str, groups: &[&str]) -> Settings {
        let base = "DC=essai,DC=test";
        Settings {
            kind: Kind::ActiveDirectory,
            servers: vec![server.parse().unwrap()],
            tls: Settings::tls(&trust(&self.authority.pem())).unwrap(),
            service_dn: format!("CN=Poterne Service,CN=Users,{base}"),
            service_password: Secret::new(PASSWORD.to_owned()),
            people_base: base.to_owned(),
            groups_base: base.to_owned(),
            groups: groups.iter().map(|name| Group(format!("CN={name},CN=Users,{base}"))).collect(),
            wait: Wait::new(Duration::from_secs(10)),
        }
    }

    /// The same over LDAPS.
    pub fn ldaps(&self, groups: &[&str]) -> Settings {
        self.settings(&format!("ldaps://{}", self.address), groups)
    }

    /// The same, opened.
    pub fn directory(&self, groups: &[&str]) -> Directory {
        Directory::open(self.ldaps(groups))
    }
}
