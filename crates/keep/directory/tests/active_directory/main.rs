//! Against a real Active Directory domain: Samba's. It listens on the ports of such a domain, at an address of this machine's
//! own that nobody else uses, which only root may do: it is run when asked for (`--ignored`), as `./test` does for root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../peers/mod.rs"]
mod peers;

use directory::{Directory, DirectoryError, Group, Kind, Person, Settings, Wait};
use peers::{Authority, Running, listens, ran};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};
use types::{Secret, Time};

const NOW: Time = Time::from_micros(1_790_000_000_000_000);
const PASSWORD: &str = "Une-porte-2026!";

struct Samba {
    folder: tempfile::TempDir,
    authority: Authority,
    address: String,
    _running: Running,
}

fn tool(arguments: &[&str]) -> String {
    let mut command = Command::new("samba-tool");
    command.args(arguments);
    ran(command, "")
}

impl Samba {
    fn start() -> Self {
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

    fn tool(&self, arguments: &[&str]) -> String {
        let config = self.config();
        let all: Vec<&str> = arguments.iter().copied().chain(["-s", config.to_str().unwrap()]).collect();
        tool(&all)
    }

    fn user(&self, login: &str, given_name: &str, family_name: &str, more: &[&str]) {
        let names = [&format!("--given-name={given_name}"), &format!("--surname={family_name}")];
        let all: Vec<&str> = ["user", "create", login, PASSWORD]
            .into_iter()
            .chain(names.into_iter().map(String::as_str))
            .chain(more.iter().copied())
            .collect();
        self.tool(&all);
    }

    fn settings(&self, server: &str, groups: &[&str]) -> Settings {
        let base = "DC=essai,DC=test";
        Settings {
            kind: Kind::ActiveDirectory,
            servers: vec![server.parse().unwrap()],
            tls: Settings::tls(&peers::trust(&self.authority.pem())).unwrap(),
            service_dn: format!("CN=Poterne Service,CN=Users,{base}"),
            service_password: Secret::new(PASSWORD.to_owned()),
            people_base: base.to_owned(),
            groups_base: base.to_owned(),
            groups: groups.iter().map(|name| Group(format!("CN={name},CN=Users,{base}"))).collect(),
            wait: Wait::new(Duration::from_secs(10)),
        }
    }

    fn directory(&self, groups: &[&str]) -> Directory {
        Directory::open(self.settings(&format!("ldaps://{}", self.address), groups))
    }
}

async fn members(directory: &Directory) -> Vec<Person> {
    let mut members = directory.members(NOW).await.unwrap();
    members.sort_by(|one, other| one.login.cmp(&other.login));
    members
}

async fn is_right(directory: &Directory, key: &str, password: &str) -> bool {
    directory.check(key, Secret::new(password.to_owned()), NOW).await.unwrap().is_some()
}

#[tokio::test]
#[ignore = "needs root: Active Directory's ports, at an address of its own"]
async fn people_groups_passwords_and_departures_of_active_directory() {
    let samba = Samba::start();
    samba.user("poterne", "Poterne", "Service", &[]);
    samba.user("camille", "Camille", "Essai", &[]);
    samba.user("dominique", "Dominique", "Modele", &[]);
    samba.user("sacha", "Sacha", "Exemple", &["--must-change-at-next-login"]);
    samba.user("ailleurs", "Alix", "Dehors", &[]);
    for (group, of) in [("equipe", "camille,sacha"), ("garde", "equipe"), ("bureau", "dominique,camille")] {
        samba.tool(&["group", "add", group]);
        samba.tool(&["group", "addmembers", group, of]);
    }
    // The base is the domain itself, which refers to others unless it is told not to.
    let directory = samba.directory(&["garde", "bureau"]);
    directory.reach().await.unwrap();
    let all = members(&directory).await;
    let told: Vec<_> = all.iter().map(|one| (one.login.as_str(), one.groups.as_slice(), one.is_usable)).collect();
    assert_eq!(told, [("camille", &[0, 1][..], true), ("dominique", &[1], true), ("sacha", &[0], true)]);
    let (camille, dominique, sacha) = (&all[0], &all[1], &all[2]);
    assert_eq!((camille.given_name.as_str(), camille.family_name.as_str()), ("Camille", "Essai"));
    for person in &all {
        assert_eq!(directory.person(&person.key, NOW).await.unwrap().as_ref(), Some(person));
    }
    assert!(is_right(&directory, &camille.key, PASSWORD).await);
    for wrong in ["", "une autre", "\0", "*"] {
        assert!(!is_right(&directory, &camille.key, wrong).await, "{wrong:?}");
    }
    assert!(!is_right(&directory, &sacha.key, PASSWORD).await, "it is to be changed first, there");
    for key in ["*", ")(objectClass=*", "", "zz", "00112233445566778899aabbccddeeff"] {
        assert_eq!(directory.person(key, NOW).await, Ok(None), "{key:?}");
    }
    let starts_tls = format!("ldap+starttls://{}", samba.address);
    Directory::open(samba.settings(&starts_tls, &["garde"])).reach().await.unwrap();
    let missing = samba.directory(&["garde", "absent"]).members(NOW).await;
    assert!(matches!(missing, Err(DirectoryError::NoGroup(_))), "{missing:?}");

    // Disabled, expired, moved to another group, gone.
    samba.tool(&["user", "disable", "dominique"]);
    assert!(!is_right(&directory, &dominique.key, PASSWORD).await);
    let seen = directory.person(&dominique.key, NOW).await.unwrap().unwrap();
    assert!(!seen.is_usable && seen.groups == [1]);
    samba.tool(&["group", "removemembers", "garde", "equipe"]);
    let camille = directory.check(&camille.key, Secret::new(PASSWORD.to_owned()), NOW).await.unwrap().unwrap();
    assert_eq!(camille.groups, [1]);
    samba.tool(&["user", "delete", "camille"]);
    assert_eq!(directory.person(&camille.key, NOW).await, Ok(None));
    assert!(!is_right(&directory, &camille.key, PASSWORD).await);
    let left = members(&directory).await;
    assert_eq!(left.iter().map(|one| one.login.as_str()).collect::<Vec<_>>(), ["dominique"]);
}
