//! Bad configurations, and exactly what is said of each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    testing::{GOOD, Site, mode},
    *,
};
use std::fs;

/// What is said of a site, its folder written as `DIR`.
pub(super) fn said(site: &Site) -> Vec<String> {
    match Config::read(&site.file()) {
        Ok(_) => Vec::new(),
        Err(mistakes) => {
            let text = mistakes.to_string().replace(&site.path().display().to_string(), "DIR");
            text.lines().map(|line| line.trim_start_matches("DIR/poterne.toml:").to_owned()).collect()
        }
    }
}

#[test]
fn a_good_file_is_read_whole() {
    let site = Site::good();
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.node.doors, [Door::Portal]);
    assert_eq!(config.node.stop_deadline, Duration::from_secs(10));
    assert_eq!(config.node.metrics_listen.to_string(), "127.0.0.1:9464");
    assert_eq!(config.store.url.expose(), &format!("sqlite:{}/data/poterne.db", site.path().display()));
    let portal = config.portal.unwrap();
    assert_eq!(portal.origin.as_str(), "https://portail.hopital.example");
    assert_eq!((portal.idle.as_secs(), portal.absolute.as_secs()), (900, 28_800));
    let sis = config.sis.unwrap();
    assert_eq!((sis.ins_domain, sis.wait.as_millis()), (InsDomain::Nir, 2500));
    assert_eq!(config.log, Log { format: LogFormat::Json, level: LogLevel::Info });
    let asked = config.administrators_passwords;
    assert_eq!((asked.chars_min(), asked.bits_min(), asked.expires_days()), (15, 60, Some(365)));
}

#[test]
fn other_means_wait_a_day_or_what_the_hospital_says() {
    let delay = |site: &Site| Config::read(&site.file()).unwrap().renewal_delay;
    assert_eq!(delay(&Site::good()), Duration::from_secs(86_400));
    let site = Site::good();
    site.change("[log]", "[accounts]\nrenewal_delay_hours = 72\n[log]");
    assert_eq!(delay(&site), Duration::from_secs(72 * 3600));
}

#[test]
fn addresses_shared_by_many_are_named() {
    assert!(Config::read(&Site::good().file()).unwrap().shared_addresses.is_empty());
    let site = Site::good();
    site.change("[log]", "[sign_in]\nshared_addresses = [\"192.0.2.0/24\", \"2001:db8::7\"]\n[log]");
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let named: Vec<String> = config.shared_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["192.0.2.0/24", "2001:db8::7/128"]);
}

/// Each case replaces one text of the good file.
#[test]
fn each_mistake_has_its_place_and_its_remedy() {
    let cases: &[(&str, &str, &[&str])] = &[
        // Names.
        (
            "listen =",
            "listn =",
            &[
                "16:1: portal.listen: missing; add listen = \"0.0.0.0:8443\" under [portal]",
                "17:1: portal.listn: there is no such key in this section; did you mean listen?",
            ],
        ),
        (
            "[log]",
            "[passwords]\nadministrators_chars_min = 8\n[log]",
            &["30:28: passwords.administrators_chars_min: chars_min must be between 12 and 64 for these accounts; \
                 a hospital may ask for more than Poterne does, not for less"],
        ),
        (
            "[log]",
            "[passwords]\nadministrators_expires_days = 4000\n[log]",
            &[
                "30:31: passwords.administrators_expires_days: expires_days must be between 60 and 1095 for these accounts; \
                 a hospital may ask for more than Poterne does, not for less",
            ],
        ),
        (
            "[log]",
            "[accounts]\nrenewal_delay_hours = 0\n[log]",
            &["30:23: accounts.renewal_delay_hours: 0 is out of range; write a number from 1 to 144"],
        ),
        (
            "[log]",
            "[sign_in]\nshared_addresses = [\"hopital.example\"]\n[log]",
            &[
                "30:20: sign_in.shared_addresses: \"hopital.example\" is no address, nor a network with nothing set beyond its prefix; write the hospital's own addresses or networks, such as [\"10.0.0.10\", \"10.0.1.0/24\"]",
            ],
        ),
        (
            "[log]",
            "[sign_in]\nshared_addresses = [\"0.0.0.0/0\"]\n[log]",
            &[
                "30:20: sign_in.shared_addresses: \"0.0.0.0/0\" is wider than /8: whoever guesses is there too; write the hospital's own addresses or networks, such as [\"10.0.0.10\", \"10.0.1.0/24\"]",
            ],
        ),
        ("[log]", "[logs]", &["29:2: logs: there is no such section; did you mean log?"]),
        (
            "[log]",
            "[publication]",
            &["29:2: publication: there is no such section; \
                 remove it, or use one of: node, establishments, store, vault, portal, desk, suppliers, relays, approvals, directory, mail, sis, log, journal, passwords, policies, sign_in, accounts"],
        ),
        (
            "[node]",
            "verbose = true\n[node]",
            &["1:1: verbose: a key outside any section; \
             remove it, or use one of: node, establishments, store, vault, portal, desk, suppliers, relays, approvals, directory, mail, sis, log, journal, passwords, policies, sign_in, accounts"],
        ),
        (
            "format = \"json\"",
            "format = \"jason\"",
            &["30:10: log.format: \"jason\" is not known here; did you mean \"json\"?"],
        ),
        (
            "format = \"json\"",
            "level = \"debug\"",
            &["30:9: log.level: \"debug\" is not known here; write one of: error, warn, info"],
        ),
        // Shapes.
        (
            "[vault]\n",
            "",
            &[
                "1:1: vault: the section [vault] is missing; add it; `poterne init` writes an example of [vault]",
                "13:1: store.master_key_file: there is no such key in this section; \
                 remove it, or use one of: url, url_file",
            ],
        ),
        (
            "[[establishments]]",
            "[establishments]",
            &["6:1: establishments: this section may be repeated and is not so written; \
             write [[establishments]], with two brackets, once for each"],
        ),
        (
            "\"portal-1\"",
            "12",
            &["2:8: node.name: a whole number where a text is expected; write it between double quotes"],
        ),
        (
            "[\"portal\"]",
            "\"portal\"",
            &["3:9: node.doors: a text where a list is expected; write it as [\"one\", \"two\"]"],
        ),
        (
            "name = \"portal-1\"",
            "name = portal-1",
            &["2:8: this is not TOML (string values must be quoted, expected literal string); \
             mend this first; nothing after it was looked at"],
        ),
        // Node.
        (
            "\"portal-1\"",
            "\"Portail 1\"",
            &["2:8: node.name: it names the journal's folder and has a character that cannot be there; \
             use small letters without accents, digits, hyphens and dots, such as \"portal-1\""],
        ),
        (
            "\"portal-1\"",
            "\"..\"",
            &["2:8: node.name: it names the journal's folder and has a character that cannot be there; \
             use small letters without accents, digits, hyphens and dots, such as \"portal-1\""],
        ),
        (
            "[\"portal\"]",
            "[\"portail\"]",
            &["3:9: node.doors: there is no door named \"portail\"; did you mean \"portal\"?"],
        ),
        (
            "[\"portal\"]",
            "[\"portal\", \"psc\"]",
            &["3:9: node.doors: the door \"psc\" is not in this version; remove it from the list"],
        ),
        (
            "[\"portal\"]",
            "[\"portal\", \"portal\"]",
            &["3:9: node.doors: the door \"portal\" is named twice; name it once"],
        ),
        (
            "data = \"data\"",
            "data = \"keys/master.key\"",
            &["4:8: node.data: DIR/keys/master.key is not a folder; name a folder, or move that file away"],
        ),
        (
            "data = \"data\"",
            "data = \"a/b\"",
            &["4:8: node.data: the folder DIR/a does not exist; make it, or mend the path"],
        ),
        (
            "data = \"data\"",
            "data = \"data\"\nstop_deadline_seconds = 0",
            &["5:25: node.stop_deadline_seconds: 0 is out of range; write a number from 1 to 300"],
        ),
        (
            "data = \"data\"",
            "data = \"data\"\nmetrics_listen = \"127.0.0.1:8443\"",
            &["18:10: portal.listen: the node already listens there (metrics_listen, 127.0.0.1:8443); \
             give each its own port"],
        ),
        // Establishments.
        (
            "\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"",
            "\"a\"",
            &["7:6: establishments[1].id: not an identifier; \
             write 26 characters, a to z and 2 to 7; `poterne init` draws one"],
        ),
        (
            "[store]",
            "[[establishments]]\nid = \"aaaaaaaaaaaaaaaaaaaaaaaaaa\"\nname = \"x\"\n[store]",
            &["11:6: establishments[2].id: another establishment has the same identifier; give each its own"],
        ),
        // Store.
        (
            "sqlite:poterne.db",
            "mysql://x/y",
            &["11:7: store.url: this is not a database's address; \
             write sqlite:FILE, or postgres://user:password@host/name?sslmode=verify-full"],
        ),
        (
            "sqlite:poterne.db",
            "sqlite::memory:",
            &["11:7: store.url: this is not a file's path; \
             write sqlite: and a path relative to the data folder, such as sqlite:poterne.db"],
        ),
        (
            "sqlite:poterne.db",
            "postgres://u:hunter2@127.0.0.1/p",
            &["11:7: store.url: it holds a password, and others may read this file (mode 0644); \
             write the address in a file of mode 0600, named by url_file, and change the password"],
        ),
        (
            "sqlite:poterne.db",
            "postgres://u@db.example/p",
            &["11:7: store.url: the database is on another machine and its identity would not be checked; \
             add sslmode=verify-full (and sslrootcert=FILE for an authority of yours)"],
        ),
        ("sqlite:poterne.db", "postgres://u@db.example/p?sslmode=verify-full", &[]),
        // Portal.
        (
            "0.0.0.0:8443",
            "8443",
            &["17:10: portal.listen: \"8443\" is not an address with a port; \
             write an address and a port, such as \"0.0.0.0:8443\" or \"[::]:8443\""],
        ),
        (
            "https://portail.hopital.example",
            "https://localhost:8443",
            &["18:10: portal.origin: localhost is refused: passkeys and cookies of this name are worth nothing; \
             write https:// and the public name, such as \"https://portail.hopital.example\""],
        ),
        (
            "https://portail.hopital.example",
            "https://192.0.2.1",
            &["18:10: portal.origin: a bare address is refused: certificates and passkeys need a name; \
             write https:// and the public name, such as \"https://portail.hopital.example\""],
        ),
        (
            "https://portail.hopital.example",
            "https://portail",
            &["18:10: portal.origin: \"portail\" is not a full name; \
             write https:// and the public name, such as \"https://portail.hopital.example\""],
        ),
        (
            "https://portail.hopital.example",
            "https://autre.hopital.example",
            &["19:20: portal.certificate_file: its certificate does not bear the name autre.hopital.example; \
             ask for one whose subject alternative names hold it, or mend origin"],
        ),
        (
            "keys/portal.crt",
            "keys/none.crt",
            &["19:20: portal.certificate_file: DIR/keys/none.crt does not exist; \
                 put the certificate (PEM, leaf first) there"],
        ),
        (
            "keys/portal.crt",
            "keys",
            &["19:20: portal.certificate_file: DIR/keys is not a file; \
                 name the file that holds the certificate (PEM, leaf first)"],
        ),
        (
            "keys/portal.crt",
            "keys/portal.key",
            &["19:20: portal.certificate_file: it holds no certificate; \
             write it in PEM (-----BEGIN CERTIFICATE-----), the leaf first"],
        ),
        (
            "keys/portal.key",
            "keys/sis-client.key",
            &["20:12: portal.key_file: the certificate and the key do not serve together: keys may not be \
                 consistent: \
             KeyMismatch; name the key of that certificate"],
        ),
        (
            "support_contact =",
            "idle_seconds = 7201\nsupport_contact =",
            &["21:16: portal.idle_seconds: 7201 is out of range; write a number from 60 to 7200"],
        ),
        (
            "support_contact =",
            "idle_seconds = 600\nabsolute_seconds = 300\nsupport_contact =",
            &["22:20: portal.absolute_seconds: a session would end before it is idle; make it at least idle_seconds"],
        ),
        (
            "\"01 99 00 00 00\"",
            "\"\"",
            &["21:19: portal.support_contact: the text is empty; write it, or remove the key if it may be left out"],
        ),
        // SIS.
        (
            "https://sis.hopital.example/fhir",
            "http://sis.hopital.example/fhir",
            &["24:7: sis.url: health data would travel in clear; \
             write https://, its name and its base path, such as \"https://sis.hopital.example/fhir\""],
        ),
        (
            "https://sis.hopital.example/fhir",
            "https://u:p@sis.hopital.example",
            &["24:7: sis.url: this is not the address of a FHIR server; \
             write https://, its name and its base path, such as \"https://sis.hopital.example/fhir\""],
        ),
        (
            "[log]",
            "ins_domain = \"test\"\n[log]",
            &["29:14: sis.ins_domain: test and demonstration numbers are refused in production; \
             write \"nir\", or use `poterne demo` to try things out"],
        ),
        (
            "[log]",
            "ins_domain = \"1.2.250.1.213.1.4.11\"\n[log]",
            &["29:14: sis.ins_domain: test and demonstration numbers are refused in production; \
             write \"nir\", or use `poterne demo` to try things out"],
        ),
        (
            "[log]",
            "wait_millis = 3000\n[log]",
            &["29:15: sis.wait_millis: 3000 is out of range; write a number from 100 to 2500"],
        ),
    ];
    let site = Site::good();
    for (from, to, expected) in cases {
        site.write(GOOD);
        site.change(from, to);
        assert_eq!(said(&site), *expected, "for {to}");
    }
}

#[test]
fn all_come_at_once_in_order() {
    let site = Site::good();
    site.write(
        "[node]\ndoors = [\"portal\"]\ncolor = 1\n[portal]\nlisten = 1\n[sis]\nurl = \"ftp://x\"\n[log]\nlevel = 3\n",
    );
    let said = said(&site);
    let keys: Vec<_> = said.iter().map(|line| line.split(':').nth(2).unwrap().trim()).collect();
    assert_eq!(
        keys,
        [
            "node.name",
            "node.data",
            "establishments",
            "vault",
            "node.color",
            "portal.origin",
            "portal.certificate_file",
            "portal.key_file",
            "portal.support_contact",
            "portal.listen",
            "sis.ca_file",
            "sis.certificate_file",
            "sis.key_file",
            "sis.url",
            "log.level",
        ]
    );
}

#[test]
fn secrets_open_to_others_are_refused() {
    let site = Site::good();
    for file in ["master.key", "portal.key", "sis-client.key"] {
        mode(&site.path().join("keys").join(file), 0o640);
    }
    let expected = |place: &str, file: &str| {
        format!(
            "{place}: DIR/keys/{file} is open to others than its owner (mode 0640); \
             run chmod 600 DIR/keys/{file}, and renew what it held if others could read it"
        )
    };
    assert_eq!(
        said(&site),
        [
            expected("14:19: vault.master_key_file", "master.key"),
            expected("20:12: portal.key_file", "portal.key"),
            expected("27:12: sis.key_file", "sis-client.key"),
        ]
    );
}

#[test]
fn the_database_s_address_may_lie_in_a_file_of_its_own() {
    let site = Site::good();
    let url = site.path().join("keys/database.url");
    fs::write(&url, "postgres://u:hunter2@db.example/p?sslmode=verify-full\n").unwrap();
    mode(&url, 0o600);
    site.change("url = \"sqlite:poterne.db\"", "url_file = \"keys/database.url\"");
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.store.url.expose(), "postgres://u:hunter2@db.example/p?sslmode=verify-full");

    mode(&url, 0o644);
    fs::write(&url, "redis://u:hunter2@x").unwrap();
    assert!(said(&site)[0].contains("DIR/keys/database.url is open to others"), "{:?}", said(&site));
    mode(&url, 0o600);
    site.change("url_file", "url = \"sqlite:poterne.db\"\nurl_file");
    let told = said(&site);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("12:12: store.url_file: DIR/keys/database.url: this is not a database's address"),
        "{told:?}"
    );
    fs::write(&url, "postgres://u:hunter2@localhost/p").unwrap();
    assert!(said(&site)[0].contains("told twice"), "{:?}", said(&site));
    // A private configuration may hold the password.
    site.write(&GOOD.replace("sqlite:poterne.db", "postgres://u:hunter2@localhost/p"));
    mode(&site.file(), 0o600);
    assert!(Config::read(&site.file()).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_said_so() {
    let site = Site::good();
    fs::write(site.file(), [0xff, 0xfe, 0]).unwrap();
    assert_eq!(said(&site), ["1:1: DIR/poterne.toml is not a text in UTF-8; save it in UTF-8 with a text editor"]);
    fs::remove_file(site.file()).unwrap();
    assert_eq!(
        said(&site),
        ["1:1: DIR/poterne.toml does not exist; put the configuration (`poterne init` writes one) there"]
    );
    fs::create_dir(site.file()).unwrap();
    assert_eq!(said(&site).len(), 1);
}

#[test]
fn garbage_is_told_and_never_panics() {
    let site = Site::good();
    let mut state = 7_u32;
    for _ in 0..300 {
        let mut text = GOOD.as_bytes().to_vec();
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = (state >> 8) as usize % text.len();
            text[place] = b"\"[]=\n#.{}\\ 0a\xc3"[(state >> 3) as usize % 14];
        }
        fs::write(site.file(), text).unwrap();
        let _ = Config::read(&site.file()).map_err(|mistakes| mistakes.to_string());
    }
}

#[test]
fn two_zones_in_one_process_are_seen() {
    for (doors, expected) in [
        (&[Door::Portal][..], false),
        (&[Door::Portal, Door::Suppliers, Door::Psc], false),
        (&[Door::Desk, Door::Relays], false),
        (&[Door::Portal, Door::Desk], true),
        (&[Door::Publish, Door::Relays], true),
    ] {
        assert_eq!(sections::mixes_zones(doors), expected, "{doors:?}");
    }
}
