//! What is wrong with `[mail]`, with its place and remedy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Config,
    testing::{GOOD, Site, mode},
};
use std::fs;

const MAIL: &str = r#"
[mail]
server = "smtp.hopital.example"
tls = "starttls"
ca_file = "keys/sis-ca.crt"
user = "poterne"
password_file = "keys/mail.password"
from = "poterne@hopital.example"
support_contact = "01 99 00 00 00"
"#;

fn site(text: &str) -> Site {
    let site = Site::good();
    let file = site.path().join("keys/mail.password");
    fs::write(&file, "un secret\n").unwrap();
    mode(&file, 0o600);
    site.write(text);
    site
}

#[test]
fn a_mail_server_is_read_and_is_not_needed() {
    assert!(Config::read(&site(GOOD).file()).unwrap().mail.is_none());
    let read = |text: &str| Config::read(&site(&format!("{GOOD}{text}")).file()).unwrap().mail.unwrap();
    assert_eq!(read(MAIL).server, "smtp.hopital.example:587");
    assert_eq!(read(&MAIL.replace("tls =", "port = 2525\ntls =")).server, "smtp.hopital.example:2525");
    let least = MAIL.replace("tls =", "# tls =").replace("user =", "# ").replace("password_file =", "# ");
    let least = read(&least);
    assert_eq!((least.server.as_str(), least.support_contact.as_str()), ("smtp.hopital.example:465", "01 99 00 00 00"));
}

#[test]
fn what_is_wrong_is_told_where_it_is() {
    for (from, to, key, said) in [
        ("server =", "# server =", "mail.server", "missing"),
        ("smtp.hopital.example", "smtps://smtp.hopital.example", "mail.server", "not a server's name"),
        ("smtp.hopital.example", "smtp.hopital.example:25", "mail.server", "not a server's name"),
        ("\"starttls\"", "\"none\"", "mail.tls", "not known here"),
        ("\"starttls\"", "\"opportunistic\"", "mail.tls", "not known here"),
        ("tls =", "port = 0\ntls =", "mail.port", "out of range"),
        ("keys/sis-ca.crt", "keys/sis-client.key", "mail.ca_file", "holds no certificate"),
        ("keys/mail.password", "keys/portal.crt", "mail.password_file", "open to others"),
        ("password_file =", "# ", "mail.password_file", "missing, and there is a user"),
        ("user =", "# ", "mail.user", "missing, and there is a password"),
        ("\"poterne@hopital.example\"", "\"Poterne <poterne@hopital.example>\"", "mail.from", "one address"),
        ("\"poterne@hopital.example\"", "\"poterne\"", "mail.from", "not an address"),
        ("support_contact =", "# ", "mail.support_contact", "missing"),
        ("user =", "password = \"x\"\nuser =", "mail.password", "no such key"),
    ] {
        assert!(MAIL.contains(from), "{from}");
        let site = site(&format!("{GOOD}{}", MAIL.replacen(from, to, 1)));
        let mistakes = Config::read(&site.file()).err().unwrap_or_else(|| panic!("{to} is taken"));
        let told: Vec<_> =
            mistakes.iter().map(|one| (one.key.clone(), format!("{}; {}", one.what, one.remedy), one.line)).collect();
        let line = fs::read_to_string(site.file()).unwrap().lines().count();
        let is_told =
            |(one, what, at): &(String, String, usize)| one == key && what.contains(said) && (1..=line).contains(at);
        assert!(told.iter().any(is_told), "{key}, {said}: {told:?}");
    }
}
