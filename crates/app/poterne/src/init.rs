//! `poterne init`: a commented configuration, new keys and the first administrator's link, for an operator who starts from
//! nothing.

mod questions;
mod text;

use crate::{
    config::read_for_link,
    first_admin::{Existing, FirstAdministrator, NotFirst},
};
use clap::Args;
use questions::{Answers, Asking, answers};
use russh::keys::{
    HashAlg, PrivateKey,
    ssh_key::{
        LineEnding,
        private::{Ed25519Keypair, KeypairData},
    },
};
use std::{
    fmt::Display,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, IsTerminal, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::SystemClock;
use text::{Drawn, configuration, hand_over, next_steps};
use types::{Clock as _, Door, EstablishmentId, Secret, Time};
use vault::MasterKey;
use web::csrf::Origin;

/// What `poterne init` takes; what is not given is asked, if a person is at the keyboard.
#[derive(Debug, Clone, Default, Args)]
pub struct InitArgs {
    /// The folder to write in; it is made if need be.
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// What the node listens as: portal, suppliers, desk, relays (by default the portal alone).
    #[arg(long, value_name = "DOOR,…")]
    pub doors: Option<String>,
    /// The establishment's name, as its patients know it.
    #[arg(long, value_name = "NAME")]
    pub establishment: Option<String>,
    /// The portal's public address, such as https://portail.hopital.example.
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,
    /// The address and port the portal listens on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The public address of the suppliers' door.
    #[arg(long, value_name = "URL")]
    pub suppliers_origin: Option<String>,
    /// The address and port the suppliers' door listens on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub suppliers_listen: Option<String>,
    /// The desk's address, on whatever node it runs.
    #[arg(long, value_name = "URL")]
    pub desk_origin: Option<String>,
    /// The address and port the desk listens on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub desk_listen: Option<String>,
    /// What technicians type to reach the relays.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub relays_name: Option<String>,
    /// The address and port the relays listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub relays_listen: Option<String>,
    /// The base address of the health information system (FHIR R4).
    #[arg(long, value_name = "URL")]
    pub sis: Option<String>,
    /// Whom a user in trouble calls or writes to.
    #[arg(long, value_name = "TEXT")]
    pub support: Option<String>,
    /// This node's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The reference of the accepted risk, if doors of two zones share this node.
    #[arg(long, value_name = "REFERENCE")]
    pub accept_single_zone: Option<String>,
    /// Draw a new link for the first administrator of the node in DIR, while none is enrolled; the old link ends.
    #[arg(long, conflicts_with_all = ["doors", "establishment", "origin", "suppliers_origin", "desk_origin", "sis", "name"])]
    pub renew_link: bool,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// Flags that are missing or wrong, one sentence each.
    #[error("{}", .0.join("\n"))]
    Answers(Vec<String>),
    /// What is there is never replaced.
    #[error("{0} is already there and is not replaced; choose another folder, or move it away")]
    Exists(String),
    /// The folder cannot be written, or no key can be drawn.
    #[error("{0}")]
    Failed(String),
}

/// Runs the command: exit 0 if all is written, 1 if it could not be, 2 if an answer is missing or wrong.
pub fn run(args: &InitArgs) -> ExitCode {
    let now = SystemClock.now();
    let mut asking = io::stdin().is_terminal().then(|| Asking { input: io::stdin().lock(), output: io::stderr() });
    let made = if args.renew_link {
        renew_link(&args.dir, now)
    } else {
        answers(args, |question, default| asking.as_mut().and_then(|asking| asking.ask(question, default)))
            .and_then(|answers| write(&args.dir, &answers, now))
    };
    match made {
        Ok(next) => {
            // All is written; whether anybody reads the advice changes nothing.
            let _ = io::stdout().write_all(next.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(if matches!(error, InitError::Answers(_)) { 2 } else { 1 })
        }
    }
}

/// Writes everything, and returns what to do next.
fn write(dir: &Path, answers: &Answers, now: Time) -> Result<String, InitError> {
    let (file, keys, data) = (dir.join("poterne.toml"), dir.join("keys"), dir.join("data"));
    let key = |name: &str| keys.join(name);
    let (master, host_key) = (key("master.key"), key("ssh_host_ed25519_key"));
    let (pinned, link) = (key("pinned.json"), key("first-administrator.json"));
    for path in [&file, &master, &host_key, &pinned, &link] {
        if path.symlink_metadata().is_ok() {
            return Err(InitError::Exists(path.display().to_string()));
        }
    }
    let id = vault::random().map(EstablishmentId::from_bytes).map_err(|error| failed(dir, &error))?;
    fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    for folder in [&keys, &data] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, &error))?;
    }
    MasterKey::create(&master).map_err(|error| InitError::Failed(error.to_string()))?;
    let fingerprint = if answers.open(Door::Relays) { Some(draw_host_key(&host_key)?) } else { None };
    let origin = answers.by_key.get("desk.origin").filter(|_| answers.open(Door::Desk));
    let origin: Option<Origin> = origin.and_then(|origin| origin.parse().ok());
    let first = FirstAdministrator::new(pinned, link.clone());
    let drawn = origin.map(|origin| draw_link(&origin, &first, now, Existing::Kept)).transpose();
    let drawn = drawn.map_err(|error| failed(&link, &error))?;
    // 0600: a database's password may come to be written in it.
    write_private(&file, configuration(answers, id).as_bytes())?;
    Ok(next_steps(dir, answers, &Drawn { host_key: fingerprint, link: drawn }))
}

fn failed(path: &Path, error: &dyn Display) -> InitError {
    InitError::Failed(format!("{}: {error}", path.display()))
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), InitError> {
    let mut open = OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    let written = open.open(path).and_then(|mut out| {
        out.write_all(bytes)?;
        out.sync_all()
    });
    written.map_err(|error| failed(path, &error))
}

/// Makes the relays' key, and returns its fingerprint as SSH clients show it.
pub(crate) fn draw_host_key(path: &Path) -> Result<String, InitError> {
    let seed = Secret::new(vault::random::<32>().map_err(|error| failed(path, &error))?);
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(seed.expose()));
    let key = PrivateKey::new(pair, "poterne").map_err(|error| failed(path, &error))?;
    let text = key.to_openssh(LineEnding::LF).map_err(|error| failed(path, &error))?;
    write_private(path, text.as_bytes())?;
    Ok(key.public_key().fingerprint(HashAlg::Sha256).to_string())
}

/// Draws the first administrator's link, for the desk at this origin.
fn draw_link(origin: &Origin, first: &FirstAdministrator, now: Time, existing: Existing) -> Result<String, NotFirst> {
    Ok(format!("{origin}/fr/enrol/{}", first.draw(now, existing)?.expose()))
}

fn renew_link(dir: &Path, now: Time) -> Result<String, InitError> {
    let read = read_for_link(&dir.join("poterne.toml"));
    let (origin, first) = read.map_err(|mistakes| InitError::Answers(vec![mistakes.to_string()]))?;
    let link = draw_link(&origin, &first, now, Existing::Replaced).map_err(|error| failed(dir, &error))?;
    Ok(format!("{}\n{link}\nThe link before it serves no more.\n", hand_over("")).replacen("give", "Give", 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::config::{Config, testing};
    use std::os::unix::fs::PermissionsExt;

    const NOW: Time = Time::from_micros(4_000_000_000_000_000);

    fn flags(dir: &Path) -> InitArgs {
        let some = |text: &str| Some(text.to_owned());
        InitArgs {
            dir: dir.to_owned(),
            establishment: some("Hôpital \"{sis.url}\" de la Côte"),
            origin: some("https://portail.hopital.example"),
            listen: some("0.0.0.0:8443"),
            sis: some("https://sis.hopital.example/fhir/"),
            support: some("01 99 00 00 00"),
            ..InitArgs::default()
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_operator_s_own_files_are_still_missing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("new");
        let next = write(&dir, &answers(&flags(&dir), |_, _| None).unwrap(), NOW).unwrap();
        assert!(next.contains("poterne check --config"));
        assert_eq!(mode(&dir.join("keys")), 0o700);
        assert_eq!(mode(&dir.join("data")), 0o700);
        assert_eq!(mode(&dir.join("keys/master.key")), 0o600);
        assert_eq!(mode(&dir.join("poterne.toml")), 0o600);

        let mistakes = Config::read(&dir.join("poterne.toml")).err().unwrap();
        let keys: Vec<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
        let expected =
            ["portal.certificate_file", "portal.key_file", "sis.ca_file", "sis.certificate_file", "sis.key_file"];
        assert_eq!(keys, expected, "{mistakes}");
        assert!(mistakes.iter().all(|mistake| mistake.what.ends_with("does not exist")), "{mistakes}");

        testing::write_certificates(&dir.join("keys"), |_| {});
        let config = Config::read(&dir.join("poterne.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(config.establishments[0].name, "Hôpital \"{sis.url}\" de la Côte");
        assert_eq!(config.sis.unwrap().url, "https://sis.hopital.example/fhir");
        assert_eq!(config.node.name, "portal-1");
    }

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let given = answers(&flags(dir), |_, _| None).unwrap();
        write(dir, &given, NOW).unwrap();
        let key = fs::read(dir.join("keys/master.key")).unwrap();
        assert!(matches!(write(dir, &given, NOW), Err(InitError::Exists(path)) if path.ends_with("poterne.toml")));
        fs::remove_file(dir.join("poterne.toml")).unwrap();
        assert!(matches!(write(dir, &given, NOW), Err(InitError::Exists(path)) if path.ends_with("master.key")));
        assert_eq!(fs::read(dir.join("keys/master.key")).unwrap(), key);
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn second_door(dir: &Path, doors: &str) -> InitArgs {
        InitArgs {
            dir: dir.to_owned(),
            doors: some(doors),
            establishment: some("Centre hospitalier"),
            desk_origin: some("https://bureau.hopital.example"),
            ..InitArgs::default()
        }
    }

    /// What the configuration of a folder still lacks.
    fn lacking(dir: &Path) -> Vec<String> {
        let mistakes = Config::read(&dir.join("poterne.toml")).err();
        mistakes.iter().flat_map(|mistakes| mistakes.iter()).map(|one| format!("{}: {}", one.key, one.what)).collect()
    }

    #[test]
    fn the_second_door_is_made_with_its_key_and_its_first_link() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("inside");
        let args = InitArgs {
            suppliers_origin: some("https://fournisseurs.hopital.example"),
            relays_name: some("relais.hopital.example"),
            support: some("01 99 00 00 00"),
            ..second_door(&dir, "suppliers,desk,relays")
        };
        let now = SystemClock.now();
        let next = write(&dir, &answers(&args, |_, _| None).unwrap(), now).unwrap();
        for name in ["ssh_host_ed25519_key", "first-administrator.json", "master.key"] {
            assert_eq!(mode(&dir.join("keys").join(name)), 0o600, "{name}");
        }
        let missing = lacking(&dir);
        assert_eq!(missing.len(), 4, "{missing:?}");
        assert!(missing.iter().all(|one| one.ends_with(".crt does not exist") || one.ends_with(".key does not exist")));

        testing::write_certificates(&dir.join("keys"), |_| {});
        let config = Config::read(&dir.join("poterne.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(config.node.name, "suppliers-1");
        assert!(config.portal.is_none() && config.sis.is_none());
        let relays = config.relays.unwrap();
        let fingerprint = relays.host_key.public_key().fingerprint(HashAlg::Sha256).to_string();
        assert!(fingerprint.starts_with("SHA256:") && next.contains(&fingerprint), "{next}");
        assert_eq!((relays.public_name.host.as_str(), relays.public_name.port), ("relais.hopital.example", 2222));

        // The link is shown, and only its hash is kept.
        let approvals = config.approvals.unwrap();
        assert!(approvals.pinned.is_empty());
        let token = next.split("https://bureau.hopital.example/fr/enrol/").nth(1).unwrap().trim();
        let first = approvals.first_administrator.unwrap();
        assert!(first.check(token, now));
        for entry in fs::read_dir(dir.join("keys")).unwrap() {
            assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains(token));
        }
        let renewed = renew_link(&dir, now).unwrap();
        let new = renewed.split("/fr/enrol/").nth(1).unwrap().lines().next().unwrap();
        assert!(first.check(new, now) && !first.check(token, now));
    }

    #[test]
    fn nodes_without_the_desk_know_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("relays");
        let args = InitArgs { relays_name: some("192.0.2.7:22"), ..second_door(&dir, "relays") };
        let next = write(&dir, &answers(&args, |_, _| None).unwrap(), NOW).unwrap();
        assert!(!next.contains("/enrol/") && next.contains("copy keys/pinned.json"), "{next}");
        let missing = lacking(&dir);
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(missing[0].starts_with("approvals.pinned_file: "), "{missing:?}");
        assert!(renew_link(&dir, NOW).unwrap_err().to_string().contains("desk: the section [desk] is missing"));
    }

    #[test]
    fn two_zones_in_one_are_written_with_the_accepted_risk() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("all");
        let args = InitArgs {
            doors: some("portal,desk"),
            desk_origin: some("https://bureau.hopital.example"),
            accept_single_zone: some("RISQUE-2026-04"),
            ..flags(&dir)
        };
        write(&dir, &answers(&args, |_, _| None).unwrap(), SystemClock.now()).unwrap();
        testing::write_certificates(&dir.join("keys"), |_| {});
        let config = Config::read(&dir.join("poterne.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(config.node.accept_single_zone.as_deref(), Some("RISQUE-2026-04"));
        assert_eq!(config.node.doors, [Door::Portal, Door::Desk]);
    }

    #[test]
    fn a_new_link_is_drawn_only_where_nobody_is_enrolled() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        assert!(matches!(renew_link(dir, NOW), Err(InitError::Answers(_))));
        let args = InitArgs { support: some("01 99 00 00 00"), ..second_door(dir, "desk") };
        write(dir, &answers(&args, |_, _| None).unwrap(), NOW).unwrap();
        fs::write(dir.join("keys/pinned.json"), "[]").unwrap();
        let told = renew_link(dir, NOW).unwrap_err().to_string();
        assert!(told.ends_with("a key is pinned already: the first administrator is enrolled"), "{told}");
    }
}
