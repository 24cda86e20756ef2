//! The house's directions (ARCHITECTURE.md): a crate uses only the layers below its own, and within a layer only what is
//! said here. A crate that is not in the table is not in the house.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const LAYERS: [&str; 5] = ["base", "keep", "cases", "doors", "app"];

/// What a crate may use within its own layer.
const WITHIN: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("identity", &["types"]),
    ("policy", &["types", "identity"]),
    ("wire", &["types"]),
    ("store", &[]),
    ("vault", &["store"]),
    ("journal", &["vault", "store"]),
    ("lease", &["journal", "vault", "store"]),
    ("vouched", &["vault", "store"]),
    ("trust", &[]),
    ("directory", &["trust"]),
    ("mail", &[]),
    ("signin", &[]),
    ("care", &[]),
    ("interventions", &[]),
    ("assistance", &[]),
    ("surveillance", &[]),
    ("dossier", &[]),
    ("web", &[]),
    ("pipe", &[]),
    ("entrance", &["web"]),
    ("portal", &["web", "pipe", "entrance"]),
    ("suppliers", &["web", "pipe", "entrance"]),
    ("desk", &["web", "pipe", "entrance"]),
    ("publish", &["web", "pipe"]),
    ("relays", &["web", "pipe"]),
    ("psc", &["web", "pipe"]),
    ("poterne", &["demo"]),
    ("demo", &[]),
    ("security_key", &[]),
];

/// What never reaches a layer, whatever the reason.
const ABSENT: &[(&str, &[&str])] = &[
    ("base", &["tokio", "tokio-util", "sqlx", "axum", "hyper", "reqwest", "rustls", "tokio-rustls", "tracing"]),
    ("keep", &["axum", "hyper", "reqwest", "tokio-rustls"]),
    ("cases", &["axum", "hyper", "tokio-rustls", "askama"]),
    ("doors", &["sqlx", "reqwest", "cedar-policy"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").canonicalize().unwrap()
}

struct Crate {
    layer: usize,
    uses: BTreeSet<String>,
}

fn crates() -> BTreeMap<String, Crate> {
    let mut found = BTreeMap::new();
    for (layer, name) in LAYERS.iter().enumerate() {
        for entry in fs::read_dir(root().join("crates").join(name)).unwrap() {
            let manifest = entry.unwrap().path().join("Cargo.toml");
            let text = fs::read_to_string(&manifest).unwrap();
            let document: toml_edit::DocumentMut = text.parse().unwrap();
            let package = document["package"]["name"].as_str().unwrap().to_owned();
            let mut uses = BTreeSet::new();
            // Tests may use anything: they are not in the house.
            for section in ["dependencies", "build-dependencies"] {
                if let Some(table) = document.get(section).and_then(|item| item.as_table_like()) {
                    uses.extend(table.iter().map(|(name, _)| name.to_owned()));
                }
            }
            found.insert(package, Crate { layer, uses });
        }
    }
    found
}

/// What is wrong with the directions of these crates.
fn wrongs(all: &BTreeMap<String, Crate>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, one) in all {
        let Some((_, within)) = WITHIN.iter().find(|(known, _)| known == name) else {
            wrong.push(format!("{name} has no place in the table"));
            continue;
        };
        for used in &one.uses {
            let Some(other) = all.get(used) else { continue };
            if other.layer > one.layer {
                wrong.push(format!(
                    "{name} ({}) uses {used}, of the layer above ({})",
                    LAYERS[one.layer], LAYERS[other.layer]
                ));
            }
            if other.layer == one.layer && !within.contains(&used.as_str()) {
                wrong.push(format!("{name} uses {used}, its neighbour"));
            }
        }
        let absent = ABSENT.iter().find(|(layer, _)| *layer == LAYERS[one.layer]).map_or(&[][..], |(_, absent)| absent);
        for used in one.uses.iter().filter(|used| absent.contains(&used.as_str())) {
            wrong.push(format!("{name}: {used} never reaches {}", LAYERS[one.layer]));
        }
    }
    wrong
}

#[test]
fn crates_use_only_what_lies_below() {
    let all = crates();
    assert!(all.len() >= 12, "{} crates", all.len());
    assert_eq!(wrongs(&all), Vec::<String>::new());
}

#[test]
fn the_test_would_see_a_wrong_direction() {
    for (name, used, expected) in [
        ("types", "journal", "of the layer above"),
        ("store", "vault", "its neighbour"),
        ("care", "signin", "its neighbour"),
        ("policy", "tokio", "never reaches base"),
        ("portal", "sqlx", "never reaches doors"),
        ("web", "portal", "its neighbour"),
        ("journal", "poterne", "of the layer above"),
    ] {
        let mut all = crates();
        all.get_mut(name).unwrap().uses.insert(used.to_owned());
        let wrong = wrongs(&all);
        assert!(wrong.len() == 1 && wrong[0].contains(expected), "{name} → {used}: {wrong:?}");
    }
    let mut all = crates();
    all.insert("misc".into(), Crate { layer: 1, uses: BTreeSet::new() });
    assert_eq!(wrongs(&all), ["misc has no place in the table"]);
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The places where `needle` stands in our sources, relative to `crates/`, tests left out.
fn places(needle: &str) -> BTreeSet<String> {
    let crates = root().join("crates");
    let mut files = Vec::new();
    sources(&crates, &mut files);
    let relative = |path: &PathBuf| path.strip_prefix(&crates).unwrap().to_string_lossy().into_owned();
    files
        .iter()
        .filter(|path| fs::read_to_string(path).unwrap().contains(needle))
        .map(relative)
        .filter(|path| !path.contains("/tests") && !path.contains("testing.rs"))
        .collect()
}

#[test]
fn sql_lives_in_keep_and_in_sql_modules_only() {
    for place in places("sqlx::query") {
        assert!(place.starts_with("keep/") || place.ends_with("/sql.rs"), "SQL in {place}");
    }
}

#[test]
fn the_system_acts_in_known_places_only() {
    let known = [
        "base/identity/src/authenticated.rs",
        "base/identity/src/lib.rs",
        "keep/journal/src/keeper.rs",
        "keep/journal/src/opening.rs",
        "keep/lease/src/leases.rs",
        "cases/care/src/enrol.rs",
        "cases/care/src/sightings.rs",
        "cases/interventions/src/fleet.rs",
        "cases/interventions/src/gate.rs",
        "cases/interventions/src/house.rs",
        "cases/interventions/src/rehearsal.rs",
        "cases/dossier/src/keeper.rs",
        "cases/signin/src/accounts/reminders.rs",
        "cases/signin/src/alarms.rs",
        "cases/signin/src/enrol.rs",
        "cases/signin/src/following.rs",
        "cases/signin/src/links.rs",
        "cases/signin/src/outbox.rs",
        "cases/signin/src/passkeys.rs",
        "cases/signin/src/at_once.rs",
        "cases/signin/src/disown.rs",
        "cases/signin/src/envelopes.rs",
        "cases/signin/src/sessions.rs",
        "cases/signin/src/ssh.rs",
        "cases/signin/src/ssh/approvals.rs",
        "cases/signin/src/steps.rs",
        "cases/signin/src/tokens.rs",
    ];
    for needle in ["system_actor(", "door_actor("] {
        for place in places(needle) {
            assert!(known.contains(&place.as_str()), "{place} acts as the system: list it here and in ARCHITECTURE.md");
        }
    }
}

/// The compiler keeps proofs from being forged; these functions make real ones from what they are given (keys,
/// credentials, facts, policies), so that whoever calls them is part of the argument. Each has its known callers.
#[test]
fn what_makes_proofs_is_called_in_known_places_only() {
    for (needle, known) in [
        ("DoorKey::new(", &["base/identity/src/", "cases/signin/src/service.rs", "cases/signin/src/tokens.rs"][..]),
        (
            "SignIn::start(",
            &[
                "base/identity/src/",
                "cases/signin/src/envelopes.rs",
                "cases/signin/src/passkeys.rs",
                "cases/signin/src/steps.rs",
            ],
        ),
        (".password_vouched(", &["base/identity/src/", "cases/signin/src/staff.rs"]),
        ("resume(&", &["base/identity/src/", "cases/signin/src/sessions.rs", "cases/signin/src/tokens.rs"]),
        ("honor_token(", &["base/identity/src/", "cases/signin/src/tokens.rs"]),
        ("recognize(", &["base/identity/src/", "cases/signin/src/ssh.rs"]),
        (".recognized.approved(", &["cases/signin/src/ssh/approvals.rs"]),
        ("StoredToken::from_parts(", &["base/identity/src/", "cases/signin/src/means/sql.rs"]),
        ("StoredSession::from_parts(", &["base/identity/src/", "cases/signin/src/sql.rs"]),
        ("Policies::from_files(", &["base/policy/src/"]),
        ("Self::from_files(", &["base/policy/src/"]),
        ("Policies::built_in(", &["base/policy/src/", "app/poterne/src/demo_cmd.rs", "app/poterne/src/policy_cmd.rs"]),
        ("Policies::with_own(", &["app/poterne/src/config/policies.rs", "app/poterne/src/policy_cmd.rs"]),
        // Whoever makes one verified its signatures.
        ("SignedFile {", &["base/policy/src/", "app/poterne/src/config/signers.rs"]),
        (".permitting(", &["app/poterne/src/config/policies.rs", "app/poterne/src/policy_cmd.rs"]),
        ("Facts {", &["base/policy/src/", "cases/care/src/service.rs", "cases/interventions/src/service.rs"]),
        ("rehearsed::rehearsal()", &["app/poterne/src/node/mod.rs"]),
        (".arm(", &["doors/web/src/rehearsed.rs", "app/poterne/src/probes/faults.rs"]),
        ("store::open(", &["app/poterne/src/node/"]),
        (
            ".keys_for(",
            &[
                "keep/",
                "cases/interventions/src/nonce.rs",
                "app/poterne/src/node/",
                "app/poterne/src/policy_cmd.rs",
                "app/poterne/src/rules_cmd.rs",
            ],
        ),
        (
            ".bare(",
            &["keep/vault/src/", "cases/signin/src/service.rs", "cases/signin/src/tokens.rs", "app/poterne/src/node/"],
        ),
    ] {
        let strangers: Vec<String> =
            places(needle).into_iter().filter(|place| !known.iter().any(|one| place.starts_with(one))).collect();
        assert!(strangers.is_empty(), "{needle} is called in {strangers:?}: review it, then list it here");
    }
}
