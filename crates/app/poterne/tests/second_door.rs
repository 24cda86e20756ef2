//! The operator prepares a node of the second door with the real program: init, check, a new link, accounts, tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use demo::Authority;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};
use types::Clock as _;

fn poterne(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_poterne")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A node of the desk, the suppliers' door and the relays, made by `init` with its certificates; gives the link.
fn node(dir: &str) -> String {
    let made = poterne(&[
        "init",
        dir,
        "--doors",
        "suppliers,desk,relays",
        "--establishment",
        "Hôpital d’essai",
        "--suppliers-origin",
        "https://fournisseurs.test:8444",
        "--desk-origin",
        "https://bureau.test",
        "--relays-name",
        "relais.test",
        "--support",
        "01 99 00 00 00",
    ]);
    assert!(made.status.success(), "{}", words(&made));
    let authority = Authority::new(store::SystemClock.now()).unwrap();
    for (door, name) in [("desk", "bureau.test"), ("suppliers", "fournisseurs.test")] {
        let server = authority.issue_server(&[name]).unwrap();
        let keys = Path::new(dir).join("keys");
        fs::write(keys.join(format!("{door}.crt")), &server.chain_pem).unwrap();
        let key = keys.join(format!("{door}.key"));
        fs::write(&key, server.key_pem.expose()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    link(&made)
}

fn link(output: &Output) -> String {
    let text = words(output);
    let links: Vec<_> = text.split_whitespace().filter(|word| word.contains("/enrol/")).collect();
    assert_eq!(links.len(), 1, "{text}");
    links[0].to_owned()
}

#[test]
fn an_operator_prepares_the_second_door() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let dir = dir.to_str().unwrap();
    let first = node(dir);
    assert!(first.starts_with("https://bureau.test/fr/enrol/"), "{first}");

    let config = format!("{dir}/poterne.toml");
    let told = poterne(&["check", "--config", &config]);
    assert!(told.status.success(), "{}", words(&told));
    assert!(words(&told).contains("! first administrator: no key is pinned yet"), "{}", words(&told));
    let renewed = poterne(&["init", dir, "--renew-link"]);
    assert!(renewed.status.success());
    assert_ne!(link(&renewed), first);
    assert_eq!(poterne(&["init", dir, "--renew-link", "--doors", "desk"]).status.code(), Some(2));

    let add = |login: &str, role: &str, more: &[&str]| {
        let mut line =
            vec!["account", "add", "--config", &config, "--login", login, "--name", "Personne", "--role", role];
        line.extend(more);
        poterne(&line)
    };
    let boss = add("chef", "beneficiary", &["--format", "json"]);
    assert!(boss.status.success(), "{}", words(&boss));
    for (role, more, said) in [
        ("beneficiary", &["--ins", "180019999900142"][..], "has no --ins"),
        ("patient", &[], "--ins is missing"),
        ("patient", &["--ins", "180019999900142"], "this node has no [sis]"),
        ("technician", &[], "--supplier is missing"),
        ("dpo", &["--supplier", "aaaaaaaaaaaaaaaaaaaaaaaaaa"], "is no supplier's"),
        ("administrator", &["--ssh-key", "/dev/null"], "--ssh-key is for technicians"),
        ("technician", &["--supplier", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "--ssh-key", "/dev/null"], "/dev/null"),
        ("technician", &["--supplier", "Fabricant"], "no supplier is named \"Fabricant\" (known: )"),
        ("technician", &["--supplier", "aaaaaaaaaaaaaaaaaaaaaaaaaa"], "add --register-supplier if it is new"),
        ("technician", &["--supplier", " ", "--register-supplier"], "a name has 1 to"),
        ("king", &[], "one of patient, relative, professional, technician"),
    ] {
        let refused = add("autre", role, more);
        assert!(!refused.status.success() && words(&refused).contains(said), "{role}: {}", words(&refused));
    }

    // A technician with his supplier and his key; then a colleague, whose supplier is known.
    let pair = russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&[5; 32]);
    let public = folder.path().join("technicien.pub");
    let line = russh::keys::PublicKey::from(russh::keys::ssh_key::public::Ed25519PublicKey::from(&pair));
    fs::write(&public, format!("{} poste@fabricant\n", line.to_openssh().unwrap())).unwrap();
    let key = ["--ssh-key", public.to_str().unwrap(), "--format", "json"];
    let technician =
        add("tech", "technician", &[&["--supplier", "Fabricant", "--register-supplier"], &key[..]].concat());
    assert!(technician.status.success(), "{}", words(&technician));
    let technician: serde_json::Value = serde_json::from_slice(&technician.stdout).unwrap();
    assert!(technician["ssh_fingerprint"].as_str().unwrap().starts_with("SHA256:"), "{technician}");
    assert!(add("chef2", "supplier_manager", &["--supplier", "Fabricant"]).status.success());
    let unknown = add("autre", "technician", &["--supplier", "fabricant"]);
    assert!(words(&unknown).contains("(known: Fabricant)"), "{}", words(&unknown));

    let token = |login: &str, more: &[&str]| {
        let mut line = vec!["account", "token", "--config", &config, "--login", login, "--label", "essai"];
        line.extend(more);
        poterne(&line)
    };
    let scopes = ["--scopes", "interventions:read,sessions:read", "--days", "30", "--format", "json"];
    let issued = token("CHEF", &[&scopes[..], &["--sources", "192.0.2.0/24,2001:db8::/32"]].concat());
    assert!(issued.status.success(), "{}", words(&issued));
    let issued: serde_json::Value = serde_json::from_slice(&issued.stdout).unwrap();
    assert_eq!(issued["door"], "desk");
    assert!(issued["token"].as_str().unwrap().starts_with("pot_"), "{issued}");
    let issued = token("tech", &scopes);
    assert!(issued.status.success() && words(&issued).contains("\"door\":\"suppliers\""), "{}", words(&issued));
    assert!(words(&token("personne", &scopes)).contains("nobody has the login \"personne\""));
    assert_eq!(token("chef", &["--scopes", "everything", "--days", "30"]).status.code(), Some(2));
    assert_eq!(token("chef", &["--scopes", "sessions:read", "--days", "367"]).status.code(), Some(2));
    assert_eq!(token("chef", &[&scopes[..], &["--sources", "192.0.2.1/24"]].concat()).status.code(), Some(2));

    let data = format!("{dir}/data");
    let verified = poterne(&["journal", "verify", "--data", &data, "--database", &format!("sqlite:{data}/poterne.db")]);
    assert!(verified.status.success(), "{}", words(&verified));
}
