//! What is wrong with `[directory]`, with its place and remedy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Config,
    testing::{GOOD, GOOD_SECOND, Site, mode},
};
use std::{fs, time::Duration};
use types::{EstablishmentId, Role};

const DIRECTORY: &str = r#"
[directory]
kind = "openldap"
servers = ["ldaps://annuaire.hopital.example", "ldap+starttls://annuaire2.hopital.example"]
ca_file = "keys/sis-ca.crt"
service_dn = "cn=poterne,dc=hopital,dc=example"
service_password_file = "keys/directory.password"
people_base = "ou=personnes,dc=hopital,dc=example"
groups_base = "ou=groupes,dc=hopital,dc=example"

[[directory.groups]]
group = "cn=astreinte,ou=groupes,dc=hopital,dc=example"
role = "on_call"
"#;

fn site(text: &str) -> Site {
    let site = Site::second();
    let file = site.path().join("keys/directory.password");
    fs::write(&file, "lecture seule\n").unwrap();
    mode(&file, 0o600);
    site.write(text);
    site
}

/// The mistakes: their keys and what they say.
fn mistakes(site: &Site) -> Vec<(String, String)> {
    let mistakes = Config::read(&site.file()).err().expect("it is wrong");
    mistakes.iter().map(|one| (one.key.clone(), format!("{}; {}", one.what, one.remedy))).collect()
}

#[test]
fn a_directory_is_read_and_is_not_needed() {
    let here: EstablishmentId = "aaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let read = Config::read(&site(&format!("{GOOD_SECOND}{DIRECTORY}")).file()).unwrap().directory.unwrap();
    assert_eq!(read.places, [(here, Role::OnCall)]);
    assert_eq!((read.every, read.leaving_percent_max), (Duration::from_secs(900), 20));
    let more = DIRECTORY.replace("openldap", "active_directory").replace("groups_base", "# groups_base");
    Config::read(&site(&format!("{GOOD_SECOND}{more}")).file()).unwrap().directory.unwrap();
    assert!(Config::read(&site(GOOD_SECOND).file()).unwrap().directory.is_none());
}

#[test]
fn what_is_wrong_is_told_where_it_is() {
    for (from, to, key, said) in [
        ("ldaps://annuaire.", "ldap://annuaire.", "directory.servers", "passwords would travel in clear"),
        ("ldaps://annuaire.", "https://annuaire.", "directory.servers", "not a directory's address"),
        ("openldap", "ldap", "directory.kind", "not known here"),
        ("groups_base", "# groups_base", "directory.groups_base", "missing"),
        ("\"on_call\"", "\"patient\"", "directory.groups[1].role", "not known here"),
        ("\"on_call\"", "\"technician\"", "directory.groups[1].role", "not known here"),
        ("\"cn=astreinte,", "\"astreinte\" # ", "directory.groups[1].group", "not the name of an entry"),
        ("role =", "rolle = \"on_call\" # ", "directory.groups[1].role", "missing"),
        (
            "role =",
            "establishment = \"baaaaaaaaaaaaaaaaaaaaaaaaa\"\nrole =",
            "directory.groups[1].establishment",
            "no [[",
        ),
        ("keys/directory.password", "keys/desk.crt", "directory.service_password_file", "open to others"),
        ("keys/sis-ca.crt", "keys/desk.key", "directory.ca_file", "holds no certificate"),
        ("kind =", "crl_file = \"keys/sis-ca.crt\"\nkind =", "directory.crl_file", "holds no revocation list"),
        ("kind =", "crl_file = \"keys/nowhere.crl\"\nkind =", "directory.crl_file", "does not exist"),
        ("[[directory.groups]]", "[[directory.group]]", "directory.groups", "1 to 64 groups"),
        ("kind =", "wait_millis = 60000\nkind =", "directory.wait_millis", "out of range"),
        ("kind =", "password = \"x\"\nkind =", "directory.password", "no such key"),
    ] {
        assert!(DIRECTORY.contains(from), "{from}");
        let told = mistakes(&site(&format!("{GOOD_SECOND}{}", DIRECTORY.replacen(from, to, 1))));
        assert!(told.iter().any(|(one, what)| one == key && what.contains(said)), "{key}, {said}: {told:?}");
    }
    for password in ["", "\n", "deux\nlignes"] {
        let site = site(&format!("{GOOD_SECOND}{DIRECTORY}"));
        fs::write(site.path().join("keys/directory.password"), password).unwrap();
        assert_eq!(mistakes(&site)[0].0, "directory.service_password_file", "{password:?}");
    }
    let told = mistakes(&site(&format!("{GOOD}{DIRECTORY}")));
    assert!(told.iter().any(|(key, what)| key == "directory" && what.contains("at the desk")), "{told:?}");
}

#[test]
fn revocation_lists_are_read_and_known_by_their_file() {
    let site = site(&format!("{GOOD_SECOND}{}", DIRECTORY.replace("kind =", "crl_file = \"keys/listes.crl\"\nkind =")));
    let list = demo::Authority::new(types::Clock::now(&store::SystemClock)).unwrap().list_pem().unwrap();
    let file = site.path().join("keys/listes.crl");
    fs::write(&file, list).unwrap();
    let read = Config::read(&site.file()).unwrap().directory.unwrap();
    assert!(read.trusted.trust.revokes());
    assert_eq!(read.trusted.lists, Some(file));
    assert_eq!(read.reached, [("annuaire.hopital.example".to_owned(), 636)], "not the one with StartTLS");
    assert_eq!(read.servers, 2);
}
