//! A desk's node and its directory, as an operator sees them: checked, followed, missed when it is down, found again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;
#[path = "../../../keep/directory/tests/peers/mod.rs"]
mod peers;

use nodes::{free_port, node, poterne, serve, until_health, words};
use peers::{OpenLdap, SERVICE, group, group_dn, person, person_dn};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// Adds the directory to a desk's configuration.
fn with_directory(config: &str, server: &OpenLdap) {
    let keys = Path::new(config).parent().unwrap().join("keys");
    fs::write(keys.join("directory-ca.crt"), server.authority.pem()).unwrap();
    let password = keys.join("directory.password");
    fs::write(&password, format!("{}\n", SERVICE.1)).unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let section = format!(
        "\n[directory]\nkind = \"openldap\"\nservers = [\"ldaps://127.0.0.1:{}\"]\nca_file = \"keys/directory-ca.crt\"\n\
         service_dn = \"{}\"\nservice_password_file = \"keys/directory.password\"\n\
         people_base = \"ou=personnes,dc=essai\"\ngroups_base = \"ou=groupes,dc=essai\"\nsynchronize_seconds = 10\n\n\
         [[directory.groups]]\ngroup = \"{}\"\nrole = \"on_call\"\n",
        server.ldaps,
        SERVICE.0,
        group_dn("garde"),
    );
    fs::write(config, fs::read_to_string(config).unwrap() + &section).unwrap();
}

#[tokio::test]
async fn a_node_follows_its_directory_and_says_when_it_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [person("camille", "Camille", "Essai"), group("garde", &[person_dn("camille")])].concat();
    let mut server = OpenLdap::start(&entries);
    let health = free_port();
    let config = node(folder.path(), health);
    with_directory(&config, &server);
    let checked = poterne(&["check", "--config", &config]);
    let said = words(&checked);
    assert!(said.contains("✓ directory: answers; 1 people are in the groups that come in"), "{said}");

    let log = folder.path().join("log");
    let running = serve(&config, &log);
    until_health(health, "directory", |check| check["status"] == "ready").await;
    let add = |login: &str| {
        let names = ["--login", login, "--name", "Personne", "--role", "on_call"];
        poterne(&[&["account", "add", "--config", config.as_str()][..], &names].concat())
    };
    let taken = add("camille");
    assert!(!taken.status.success(), "the account is there: {}", words(&taken));

    server.stop();
    let degraded = until_health(health, "directory", |check| check["status"] == "degraded").await;
    assert!(degraded.to_string().contains("does not answer"), "{degraded}");
    let checked = poterne(&["check", "--config", &config]);
    assert_eq!(checked.status.code(), Some(1), "{}", words(&checked));
    // Somebody arrives meanwhile, whose login an account has that is kept here.
    assert!(add("sacha").status.success());
    server.resume();
    let arrives = person("sacha", "Sacha", "Exemple").replacen("objectClass:", "changetype: add\nobjectClass:", 1);
    let (garde, sacha) = (group_dn("garde"), person_dn("sacha"));
    server.change(&format!("{arrives}dn: {garde}\nchangetype: modify\nadd: member\nmember: {sacha}\n"));
    let held = until_health(health, "directory", |check| check.to_string().contains("LoginTaken")).await;
    assert_eq!(held["status"], "degraded");
    running.stop();
    let log = fs::read_to_string(&log).unwrap();
    for name in ["camille", "Camille", "sacha", "Exemple", SERVICE.1] {
        assert!(!log.contains(name), "the log names nobody: {name}");
    }
}
