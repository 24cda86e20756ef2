//! `[journal]`, good and spoilt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{Config, testing::Site};
use journal::log::{Signer, WitnessSigner};

fn section(url: &str, vkey: &str, ca: &str) -> String {
    format!("[journal]\nwitness_age_seconds = 30\n\n[[journal.witnesses]]\nurl = \"{url}\"\nvkey = \"{vkey}\"\n{ca}\n")
}

fn read(journal: &str) -> Result<Config, String> {
    let site = Site::good();
    site.change("[log]", &format!("{journal}\n[log]"));
    Config::read(&site.file()).map_err(|mistakes| mistakes.to_string())
}

#[test]
fn witnesses_are_read_and_their_mistakes_told() {
    let key = WitnessSigner::from_seed("witness.test", &[1; 32]).unwrap().key().to_string();
    let log = Signer::from_seed("portal-1", &[1; 32]).unwrap().vkey().to_string();
    let ca = "ca_file = \"keys/sis-ca.crt\"";
    let config = read(&section("https://temoin.hopital.example/", &key, ca)).unwrap();
    assert_eq!(config.journal.witness_age_max.as_secs(), 30);
    let peer = &config.journal.witnesses[0];
    assert_eq!((peer.url.as_str(), peer.key.to_string()), ("https://temoin.hopital.example", key.clone()));
    assert!(peer.trusted.is_some());
    let config = read(&section("http://127.0.0.1:9480", &key, "")).unwrap();
    assert!(config.journal.witnesses[0].trusted.is_none());
    assert!(read("").unwrap().journal.witnesses.is_empty());
    for (url, vkey, ca, said) in [
        ("http://temoin.hopital.example", key.as_str(), ca, "neither https nor on this machine"),
        ("http://127.0.0.1.example", &key, "", "neither https nor on this machine"),
        ("https://u@temoin.hopital.example", &key, ca, "more than a host"),
        ("https://temoin.hopital.example", &key, "", "authority (PEM) that vouches"),
        ("https://temoin.hopital.example", &log, ca, "of a witness and not of a log"),
        ("https://temoin.hopital.example", &key, "ca_fil = 1", "did you mean ca_file?"),
    ] {
        let told = read(&section(url, vkey, ca)).err().unwrap();
        assert!(told.contains("journal.witnesses[1].") && told.contains(said), "{told}");
    }
    let told = read("[journal]\nwitness_age_seconds = 1\n").err().unwrap();
    assert!(told.contains("journal.witness_age_seconds: "), "{told}");
    let told = read("[journal]\nwitnesses = 1\n").err().unwrap();
    assert!(told.contains("write [[journal.witnesses]]"), "{told}");
}

#[test]
fn an_authority_of_time_stamps_is_read_and_its_mistakes_told() {
    let section = |url: &str, more: &str| format!("[journal.timestamp]\nurl = \"{url}\"\n{more}\n");
    let ca = "ca_file = \"keys/sis-ca.crt\"";
    let config = read(&section("http://tsa.example/tsr", &format!("{ca}\npolicy = \"1.2.3\"\n"))).unwrap();
    let settings = config.journal.timestamp.unwrap();
    assert_eq!((settings.url.as_str(), settings.wait.as_secs()), ("http://tsa.example/tsr", 10));
    assert_eq!(settings.authority.policy().unwrap().to_string(), "1.2.3");
    assert!(settings.trusted.is_none() && config.journal.witnesses.is_empty());
    let tls = "tls_ca_file = \"keys/sis-ca.crt\"";
    let config = read(&section("https://tsa.example", &format!("{ca}\n{tls}\nwait_seconds = 60"))).unwrap();
    assert!(config.journal.timestamp.unwrap().trusted.is_some());
    assert!(read("").unwrap().journal.timestamp.is_none());
    for (url, more, said) in [
        ("ftp://tsa.example", ca.to_owned(), "neither http nor https"),
        ("http://u@tsa.example", ca.to_owned(), "or more than one"),
        ("https://tsa.example", ca.to_owned(), "vouches for its server"),
        ("http://tsa.example", String::new(), "ca_file"),
        ("http://tsa.example", "ca_file = \"poterne.toml\"".to_owned(), "cannot be used"),
        ("http://tsa.example", format!("{ca}\npolicy = \"one\""), "no policy"),
        ("http://tsa.example", format!("{ca}\nwait_seconds = 0"), "wait_seconds"),
        ("http://tsa.example", format!("{ca}\npolcy = 1"), "did you mean policy?"),
    ] {
        let told = read(&section(url, &more)).err().unwrap();
        assert!(told.contains("journal.timestamp.") && told.contains(said), "{told}");
    }
}

#[test]
fn a_node_as_a_witness_is_read_and_its_mistakes_told() {
    let log = |name: &str| Signer::from_seed(name, &[1; 32]).unwrap().vkey().to_string();
    let (other, own) = (log("desk-2"), log("portal-1"));
    let section = |listen: &str, log: &str, more: &str| {
        format!(
            "[journal.witness]\nlisten = \"{listen}\"\nname = \"temoin-2.test\"\nkey_file = \"keys/witness.key\"\n\
             logs = [\"{log}\"]\n{more}\n"
        )
    };
    let tls = "certificate_file = \"keys/portal.crt\"\ncertificate_key_file = \"keys/portal.key\"";
    let config = read(&section("0.0.0.0:9480", &other, tls)).unwrap();
    let witness = config.journal.witness.unwrap();
    assert!(witness.tls.is_some() && witness.here.logs.len() == 1 && witness.listen.port() == 9480);
    assert!(read(&section("127.0.0.1:9480", &other, "")).unwrap().journal.witness.unwrap().tls.is_none());
    assert!(read("").unwrap().journal.witness.is_none());
    for (listen, log, more, said) in [
        ("0.0.0.0:9480", other.as_str(), "", "on this machine only"),
        ("0.0.0.0:9480", &other, "certificate_file = \"keys/portal.crt\"", "half of a pair"),
        ("127.0.0.1:9480", &own, "", "witnesses itself"),
        ("127.0.0.1:9480", "nothing", "", "no journal's key"),
        ("127.0.0.1:9480", &other, "witnesses = 1", "no such key"),
    ] {
        let told = read(&section(listen, log, more)).err().unwrap();
        assert!(told.contains("journal.witness.") && told.contains(said), "{told}");
    }
}

#[test]
fn what_is_published_and_followed_is_read_and_its_mistakes_told() {
    let log = |name: &str| Signer::from_seed(name, &[1; 32]).unwrap().vkey().to_string();
    let spoilt = |journal: &str, line: &str| {
        let site = Site::good();
        let file = site.path().join("keys/journal.secret");
        std::fs::write(&file, line).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        site.change("[log]", &format!("{journal}\n[log]"));
        Config::read(&site.file()).map_err(|mistakes| mistakes.to_string())
    };
    let (secret, file) = ("0123456789abcdef0123456789abcdef\n", "secret_file = \"keys/journal.secret\"");
    let publish = |listen: &str, networks: &str, more: &str| {
        format!("[journal.publish]\nlisten = \"{listen}\"\nnetworks = [\"{networks}\"]\n{file}\n{more}\n")
    };
    let tls = "certificate_file = \"keys/portal.crt\"\ncertificate_key_file = \"keys/portal.key\"";
    let config = spoilt(&publish("0.0.0.0:9481", "10.0.0.5", tls), secret).unwrap();
    assert!(config.journal.publish.is_some_and(|publish| publish.tls.is_some()));
    for (listen, networks, more, line, said) in [
        ("0.0.0.0:9481", "10.0.0.5", "", secret, "on this machine only"),
        ("127.0.0.1:9481", "0.0.0.0/0", "", secret, "strangers from there could ask"),
        ("127.0.0.1:9481", "127.0.0.1", "", "short\n", "it is not one line of 32"),
        ("127.0.0.1:9481", "127.0.0.1", "secret = 1", secret, "no such key"),
    ] {
        let told = spoilt(&publish(listen, networks, more), line).err().unwrap();
        assert!(told.contains("journal.publish.") && told.contains(said), "{told}");
    }
    let follow = |url: &str, vkey: &str, more: &str| {
        format!("[[journal.follow]]\nurl = \"{url}\"\nvkey = \"{vkey}\"\n{file}\n{more}\n")
    };
    let ca = "ca_file = \"keys/sis-ca.crt\"";
    let (url, key) = ("https://dmz.hopital.example:9481", log("dmz-1"));
    let config = spoilt(&follow(url, &key, &format!("{ca}\ncopy_gib_max = 2")), secret).unwrap();
    assert_eq!((config.journal.follow.len(), config.journal.follow[0].bytes_max), (1, 2 << 30));
    for (url, vkey, more, said) in [
        ("http://dmz.hopital.example", key.as_str(), ca, "neither https nor on this machine"),
        (url, &key, "", "authority (PEM) that vouches"),
        (url, &log("portal-1"), ca, "lie here already"),
        (url, &log("portal-1-operator"), ca, "lie here already"),
        (url, &log("../up"), ca, "no node has the name"),
        (url, "nothing", ca, "no journal's key"),
        (url, &key, "ca_file = \"keys/sis-ca.crt\"\ncopy_gib_max = 0", "copy_gib_max"),
    ] {
        let told = spoilt(&follow(url, vkey, more), secret).err().unwrap();
        assert!(told.contains("journal.follow[1].") && told.contains(said), "{told}");
    }
    let twice = format!("{}{}", follow(url, &key, ca), follow(url, &key, ca));
    assert!(spoilt(&twice, secret).err().unwrap().contains("followed already"));
}
