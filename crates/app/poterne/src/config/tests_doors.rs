//! Bad configurations of the second door, and exactly what is said of each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    testing::{GOOD, GOOD_SECOND, Site, mode},
    tests::said,
    *,
};
use crate::first_admin::Existing;
use russh::keys::ssh_key::{
    Cipher, Kdf, LineEnding,
    private::{EcdsaKeypair, KeypairData},
    public::EcdsaPublicKey,
};
use std::fs;
use store::SystemClock;
use types::{Clock as _, Role};

#[test]
fn a_good_second_door_is_read_whole() {
    let site = Site::second();
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.node.doors, [Door::Suppliers, Door::Desk, Door::Relays]);
    assert!(config.portal.is_none() && config.sis.is_none());
    let (desk, suppliers) = (config.desk.unwrap(), config.suppliers.unwrap());
    assert_eq!(desk.origin.as_str(), "https://bureau.hopital.example");
    assert_eq!((suppliers.listen.port(), suppliers.connections_max), (8444, 1024));
    let relays = config.relays.unwrap();
    assert_eq!(relays.public_name, PublicName { host: "relais.hopital.example".into(), port: 2222 });
    assert_eq!((relays.connections_max, relays.connections_per_source_max), (256, 16));
    assert_eq!(relays.host_key.algorithm(), russh::keys::Algorithm::Ed25519);
    let approvals = config.approvals.unwrap();
    assert_eq!(approvals.passkey_domain(), "bureau.hopital.example");
    assert_eq!((approvals.pinned.len(), approvals.pinned[0].role), (1, Role::Administrator));
    assert_eq!(approvals.pinned[0].credential, [7; 16]);
    assert!(approvals.first_administrator.is_some());
}

#[test]
fn each_node_may_run_one_door() {
    let section = |name: &str| {
        let start = GOOD_SECOND.find(&format!("[{name}]")).unwrap();
        let text = &GOOD_SECOND[start..];
        text[..text.find("\n\n").unwrap_or(text.len())].to_owned()
    };
    let head = &GOOD_SECOND[..GOOD_SECOND.find("[desk]").unwrap()];
    let approvals = "[approvals]\ndesk_origin = \"https://bureau.hopital.example\"\n";
    let site = Site::second();
    for (door, approvals) in [("desk", "[approvals]\n"), ("suppliers", approvals), ("relays", approvals)] {
        let doors = head.replace("\"suppliers\", \"desk\", \"relays\"", &format!("\"{door}\""));
        site.write(&format!("{doors}{}\n\n{approvals}", section(door)));
        let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let read = [config.desk.is_some(), config.suppliers.is_some(), config.relays.is_some()];
        assert_eq!(read, [door == "desk", door == "suppliers", door == "relays"]);
        let approvals = config.approvals.unwrap();
        assert_eq!(approvals.desk_origin.as_str(), "https://bureau.hopital.example");
        // The link belongs to the desk's node alone.
        assert_eq!(approvals.first_administrator.is_some(), door == "desk");
    }
}

/// Each case replaces one text of the good file.
#[test]
fn each_mistake_of_the_second_door_has_its_place_and_its_remedy() {
    let cases: &[(&str, &str, &[&str])] = &[
        // Sections and doors.
        (
            "\"desk\", ",
            "",
            &[
                "13:1: desk: this node does not run the door \"desk\"; add \"desk\" to node.doors, or remove the section",
                "32:1: approvals.desk_origin: missing; \
                 add desk_origin = \"https://bureau.hopital.example\" under [approvals]",
            ],
        ),
        (
            "[relays]",
            "[relay]",
            &[
                "1:1: relays: the section [relays] is missing; add it; `poterne init` writes an example of [relays]",
                "27:2: relay: there is no such section; did you mean relays?",
            ],
        ),
        (
            "[approvals]\npinned_file = \"keys/pinned.json\"\n",
            "",
            &["1:1: approvals: the section [approvals] is missing; \
               add it; `poterne init` writes an example of [approvals]"],
        ),
        (
            "[\"suppliers\", \"desk\", \"relays\"]",
            "[\"suppliers\", \"desk\", \"relays\", \"portal\"]",
            &[
                "1:1: portal: the section [portal] is missing; add it; `poterne init` writes an example of [portal]",
                "1:1: sis: the section [sis] is missing; add it; `poterne init` writes an example of [sis]",
                "3:9: node.doors: portal or publish share this process with relays or desk: two zones in one; \
                 run them on two nodes, or write accept_single_zone = \"the reference of the accepted risk\"",
            ],
        ),
        // Places.
        (
            "0.0.0.0:8444",
            "127.0.0.1:8445",
            &["21:10: suppliers.listen: the node already listens there (desk.listen, 0.0.0.0:8445); \
               give each its own port"],
        ),
        ("0.0.0.0:2222", "127.0.0.1:9465", &[]),
        (
            "0.0.0.0:2222",
            "0.0.0.0:9464",
            &["28:10: relays.listen: the node already listens there (metrics_listen, 127.0.0.1:9464); \
               give each its own port"],
        ),
        (
            "https://fournisseurs.hopital.example",
            "https://bureau.hopital.example:8444",
            &[
                "22:10: suppliers.origin: the door \"desk\" has this host name: \
                 each would get the other's cookies and passkeys; \
                 give each door a host name of its own; another port is not enough",
                "23:20: suppliers.certificate_file: its certificate does not bear the name bureau.hopital.example; \
                 ask for one whose subject alternative names hold it, or mend origin",
            ],
        ),
        (
            "https://fournisseurs.hopital.example",
            "https://f.bureau.hopital.example",
            &[
                "22:10: suppliers.origin: its host name lies under the desk's: \
                 its pages could ask for the desk's passkeys; give the two doors names side by side",
                "23:20: suppliers.certificate_file: its certificate does not bear the name f.bureau.hopital.example; \
                 ask for one whose subject alternative names hold it, or mend origin",
            ],
        ),
        (
            "https://bureau.hopital.example",
            "https://localhost",
            &["15:10: desk.origin: localhost is refused: passkeys and cookies of this name are worth nothing; \
               write https:// and the public name, such as \"https://bureau.hopital.example\""],
        ),
        (
            "keys/desk.key",
            "keys/suppliers.key",
            &["17:12: desk.key_file: the certificate and the key do not serve together: keys may not be consistent: \
               KeyMismatch; name the key of that certificate"],
        ),
        // Relays.
        (
            "host_key_file = \"keys/ssh_host_ed25519_key\"\n",
            "",
            &["27:1: relays.host_key_file: missing; add host_key_file = \"keys/ssh_host_key\" under [relays]"],
        ),
        (
            "keys/ssh_host_ed25519_key",
            "keys/ssh_host_key",
            &["29:17: relays.host_key_file: DIR/keys/ssh_host_key does not exist; \
               put an SSH host key (`poterne init` makes one, ssh-keygen -t ed25519 too) there"],
        ),
        (
            "keys/ssh_host_ed25519_key",
            "keys/desk.key",
            &["29:17: relays.host_key_file: it holds no private key in OpenSSH's form \
               (-----BEGIN OPENSSH PRIVATE KEY-----); make one with ssh-keygen -t ed25519 -N \"\""],
        ),
        ("relais.hopital.example", "RELAIS:22", &[]),
        ("relais.hopital.example", "192.0.2.7", &[]),
        (
            "relais.hopital.example",
            "127.0.0.1:2222",
            &["30:15: relays.public_name: technicians come from elsewhere: this name is each one's own machine; \
               write a host name, and its port if it is not that of listen, such as \"relais.hopital.example:2222\""],
        ),
        (
            "relais.hopital.example",
            "relais.hopital.example:0",
            &["30:15: relays.public_name: its port is not a number from 1 to 65535; \
               write a host name, and its port if it is not that of listen, such as \"relais.hopital.example:2222\""],
        ),
        (
            "public_name",
            "connections_max = 15\npublic_name",
            &["30:19: relays.connections_max: 15 is out of range; write a number from 16 to 65536"],
        ),
        (
            "public_name",
            "connections_per_source_max = 0\npublic_name",
            &["30:30: relays.connections_per_source_max: 0 is out of range; write a number from 1 to 65536"],
        ),
        // Approvals.
        (
            "pinned_file =",
            "desk_origin = \"https://bureau.hopital.example\"\npinned_file =",
            &["33:1: approvals.desk_origin: there is no such key in this section; \
               remove it, or use one of: pinned_file, first_administrator_file"],
        ),
        (
            "keys/pinned.json",
            "keys/master.key",
            &["33:15: approvals.pinned_file: DIR/keys/master.key: it is not a list of pinned keys (line 1); \
               put the file back from its copy"],
        ),
        (
            "keys/pinned.json",
            "keys/none.json",
            &["33:15: approvals.pinned_file: no key is pinned (DIR/keys/none.json does not exist) and no first \
               administrator's link is outstanding; put the file back from its copy, or, if nobody was ever enrolled, draw a \
               link with `poterne init --renew-link` and the folder of this file"],
        ),
    ];
    let site = Site::second();
    for (from, to, expected) in cases {
        site.write(GOOD_SECOND);
        site.change(from, to);
        assert_eq!(said(&site), *expected, "for {to}");
    }
}

#[test]
fn the_desk_is_told_where_the_doors_of_other_nodes_are() {
    let site = Site::second();
    let key = |name: &str, origin: &str| format!("key_file = \"keys/desk.key\"\n{name} = \"{origin}\"");
    let told = |name, origin| {
        site.write(GOOD_SECOND);
        site.change("key_file = \"keys/desk.key\"", &key(name, origin));
    };
    told("portal_origin", "https://portail.hopital.example:8443");
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let elsewhere = config.desk.unwrap().elsewhere;
    let read: Vec<_> = elsewhere.iter().map(|(door, origin)| (*door, origin.as_str())).collect();
    assert_eq!(read, [(Door::Portal, "https://portail.hopital.example:8443")]);
    assert!(config.suppliers.unwrap().elsewhere.is_empty());
    told("portal_origin", "https://localhost");
    assert_eq!(
        said(&site),
        ["18:17: desk.portal_origin: localhost is refused: passkeys and cookies of this name are worth nothing; \
          write https:// and the public name, such as \"https://portail.hopital.example\""]
    );
    told("suppliers_origin", "https://fournisseurs.hopital.example");
    assert_eq!(
        said(&site),
        ["18:20: desk.suppliers_origin: this node runs the door \"suppliers\", which says its own origin; \
          remove this line"]
    );
}

#[test]
fn the_relays_are_told_where_another_node_runs_the_suppliers_door() {
    let site = Site::second();
    let name = "public_name = \"relais.hopital.example\"";
    let told = format!("{name}\nsuppliers_origin = \"https://fournisseurs.hopital.example\"");
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.relays.unwrap().suppliers, None, "the door of this very node says its own");
    site.change(name, &told);
    assert_eq!(
        said(&site),
        ["31:20: relays.suppliers_origin: this node runs the door \"suppliers\", which says its own origin; \
          remove this line"]
    );
    site.change("doors = [\"suppliers\", \"desk\", \"relays\"]", "doors = [\"desk\", \"relays\"]");
    let text = std::fs::read_to_string(site.file()).unwrap();
    let (before, rest) = text.split_once("[suppliers]").unwrap();
    let (_, after) = rest.split_once("[relays]").unwrap();
    site.write(&format!("{before}[relays]{after}"));
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let suppliers = config.relays.unwrap().suppliers.unwrap();
    assert_eq!(suppliers.as_str(), "https://fournisseurs.hopital.example");
}

#[test]
fn names_that_technicians_type_are_safe_in_a_command() {
    let site = Site::second();
    for name in [
        "-oProxyCommand=x",
        "a b",
        "a;b",
        "$(id)",
        "a/b",
        "a@b",
        "a..b",
        ".a",
        "a-.b",
        "[::1]",
        "::1",
        "localhost",
        "a.localhost:22",
        "0.0.0.0",
        "10.0.1",
        "a:+22",
        "a:",
        "a:65536",
        "a:22:22",
        "é.example",
    ] {
        site.write(GOOD_SECOND);
        site.change("relais.hopital.example", name);
        let told = said(&site);
        assert!(told.len() == 1 && told[0].starts_with("30:15: relays.public_name: "), "{name}: {told:?}");
    }
}

#[test]
fn a_node_of_the_portal_alone_has_no_approvals() {
    let site = Site::second();
    site.write(&format!("{GOOD}\n[approvals]\ndesk_origin = \"https://bureau.hopital.example\"\n"));
    assert_eq!(said(&site), ["32:1: approvals: no door of this node looks at approvals; remove the section"]);
}

#[test]
fn pinned_keys_that_others_could_write_are_refused() {
    let site = Site::second();
    let (keys, pinned) = (site.path().join("keys"), site.path().join("keys/pinned.json"));
    let refused = ["33:15: approvals.pinned_file: others than its owner may write to DIR/keys/pinned.json or in its \
                    folder; run chmod go-w on both, and compare what it holds with what was enrolled"];
    mode(&pinned, 0o664);
    assert_eq!(said(&site), refused);
    mode(&pinned, 0o600);
    assert!(said(&site).is_empty());
    mode(&keys, 0o770);
    assert_eq!(said(&site), refused);
}

#[test]
fn no_key_may_be_pinned_only_while_a_link_serves() {
    let site = Site::second();
    fs::remove_file(site.path().join("keys/pinned.json")).unwrap();
    let now = SystemClock.now();
    let keys = site.path().join("keys");
    let first = FirstAdministrator::new(keys.join("pinned.json"), keys.join("first-administrator.json"));
    first.draw(now, Existing::Kept).unwrap();
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(config.approvals.unwrap().pinned.is_empty());
    // A link whose time is over.
    first.draw(now - Duration::from_secs(8 * 86_400), Existing::Replaced).unwrap();
    assert!(said(&site)[0].contains("link does not serve (its week is over,"), "{:?}", said(&site));
    // On another node, the keys are copied first.
    first.draw(now, Existing::Replaced).unwrap();
    site.write(&GOOD_SECOND.replace("\"suppliers\", \"desk\", ", ""));
    let told = said(&site);
    assert!(told.iter().any(|line| line.contains("copy it from the desk's node")), "{told:?}");
}

#[test]
fn an_ssh_key_that_a_node_cannot_use_is_told() {
    let site = Site::second();
    let file = site.path().join("keys/ssh_host_ed25519_key");
    mode(&file, 0o644);
    assert!(said(&site)[0].contains("is open to others than its owner (mode 0644)"), "{:?}", said(&site));
    mode(&file, 0o600);
    let key = PrivateKey::from_openssh(fs::read(&file).unwrap()).unwrap();
    fs::write(&file, key.public_key().to_openssh().unwrap()).unwrap();
    assert!(said(&site)[0].contains("it holds no private key in OpenSSH's form"), "{:?}", said(&site));
    let kdf = Kdf::Bcrypt { salt: vec![1; 16], rounds: 1 };
    let closed = key.encrypt_with(Cipher::Aes256Ctr, kdf, 1, "x").unwrap();
    fs::write(&file, closed.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    assert!(said(&site)[0].contains("the key asks for a passphrase"), "{:?}", said(&site));
}

/// A key of the curve P-256 whose secret is one: its public point is the curve's own generator.
fn ecdsa_key() -> PrivateKey {
    let point = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                 4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let point: Vec<u8> = (0..65).map(|at| u8::from_str_radix(&point[2 * at..2 * at + 2], 16).unwrap()).collect();
    let EcdsaPublicKey::NistP256(public) = EcdsaPublicKey::from_sec1_bytes(&point).unwrap() else { panic!() };
    let mut one = [0; 32];
    one[31] = 1;
    PrivateKey::new(KeypairData::Ecdsa(EcdsaKeypair::NistP256 { public, private: one.into() }), "essai").unwrap()
}

#[test]
fn a_host_key_that_the_relays_would_not_show_is_refused() {
    let site = Site::second();
    let file = site.path().join("keys/ssh_host_ed25519_key");
    let good = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}")).relays.unwrap().host_key;
    let text = |key: &PrivateKey| Secret::new(key.to_openssh(LineEnding::LF).unwrap().to_string());
    assert!(relays::host_key_line(&text(&good)).is_ok());
    let key = text(&ecdsa_key());
    assert_eq!(relays::host_key_line(&key), Err(relays::BadHostKey::Kind), "check and relays agree");
    fs::write(&file, key.expose()).unwrap();
    assert_eq!(
        said(&site),
        ["29:17: relays.host_key_file: a key of type ecdsa-sha2-nistp256 is refused: relays show ssh-ed25519 only; \
          make one with ssh-keygen -t ed25519 -N \"\""]
    );
}

#[test]
fn a_link_is_read_from_a_configuration_that_is_not_whole() {
    let site = Site::second();
    site.write("[desk]\norigin = \"https://bureau.hopital.example\"\n[approvals]\npinned_file = \"keys/p.json\"\n");
    let (origin, first) = read_for_link(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(origin.as_str(), "https://bureau.hopital.example");
    first.draw(SystemClock.now(), Existing::Kept).unwrap();
    assert!(site.path().join("keys/first-administrator.json").exists());
    site.write("[desk]\norigin = \"https://localhost\"\n[approvals]\n");
    assert_eq!(read_for_link(&site.file()).unwrap_err().iter().count(), 1);
}

#[test]
fn a_desk_may_administer_apart() {
    let site = Site::second();
    let with = |keys: &str| format!("{GOOD_SECOND}\n[desk.administration]\n{keys}\n");
    site.write(&with("listen = \"10.0.0.5:8446\"\nnetworks = [\"10.0.0.0/16\", \"2001:db8::/64\"]"));
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(config.suppliers.unwrap().administration.is_none());
    let apart = config.desk.unwrap().administration.unwrap();
    let networks: Vec<String> = apart.networks.iter().map(ToString::to_string).collect();
    assert_eq!((apart.listen.to_string().as_str(), networks.len()), ("10.0.0.5:8446", 2));

    let write = "write the administrators' own addresses or networks, such as [\"10.0.0.10\", \"10.0.1.0/24\"]";
    let line = GOOD_SECOND.lines().count() + 2;
    let cases = [
        (
            "listen = \"10.0.0.5:8446\"",
            format!(
                "{line}:1: desk.administration.networks: missing; \
                 add networks = [\"10.0.0.0/16\"] under [desk.administration]"
            ),
        ),
        (
            "listen = \"10.0.0.5:8446\"\nnetworks = []",
            format!(
                "{}:12: desk.administration.networks: the list is empty or too long; write 1 to 32 texts",
                line + 2
            ),
        ),
        (
            "listen = \"10.0.0.5:8446\"\nnetworks = [\"0.0.0.0/0\"]",
            format!(
                "{}:12: desk.administration.networks: \"0.0.0.0/0\" is wider than /8: it would be for strangers; {write}",
                line + 2
            ),
        ),
        (
            "listen = \"0.0.0.0:8444\"\nnetworks = [\"10.0.0.0/16\"]",
            format!(
                "{}:10: desk.administration.listen: the node already listens there (suppliers.listen, 0.0.0.0:8444); \
                 give each its own port",
                line + 1
            ),
        ),
    ];
    for (keys, expected) in cases {
        site.write(&with(keys));
        assert_eq!(said(&site), [expected], "{keys}");
    }
    let trusting = "listen = \"10.0.0.5:8446\"\nnetworks = [\"10.0.3.0/24\"]\ntrusted_proxies = [\"10.0.0.0/16\"]\nproxies_say = \"forwarded\"";
    site.write(&with(trusting));
    let told = format!(
        "{}:12: desk.administration.networks: all of 10.0.3.0/24 is trusted to speak for others: nobody is let in from \
         there; trust the proxies' own addresses only (trusted_proxies)",
        line + 2
    );
    assert_eq!(said(&site), [told]);
    site.write(&with(&trusting.replace("10.0.3.0/24", "10.0.0.0/8")));
    let config = Config::read(&site.file()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let desk = config.desk.unwrap();
    assert!(desk.proxies.is_none() && desk.administration.unwrap().proxies.is_some());
    // A public prefix of IPv6 as wide as an operator's is no network of one's own; a private one is.
    for (network, good) in [("2a00::/8", false), ("2001:db8::/31", false), ("2001:db8::/32", true), ("fd00::/8", true)]
    {
        site.write(&with(&format!("listen = \"10.0.0.5:8446\"\nnetworks = [\"{network}\"]")));
        assert_eq!(Config::read(&site.file()).is_ok(), good, "{network}");
    }
    // No other door administers.
    site.write(&GOOD_SECOND.replace("[suppliers]", "[suppliers]\nadministration = 1"));
    assert!(said(&site)[0].contains("suppliers.administration: there is no such"), "{:?}", said(&site));
}
