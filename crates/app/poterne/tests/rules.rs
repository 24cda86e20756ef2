//! `poterne rules` with the real program, on the folder of a demonstration where probes have answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use dossier::{ProbeOutcome, ProofKeeper};
use journal::{Journal, JournalConfig};
use policy::Policies;
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};
use store::{StoreConfig, SystemClock};
use vault::{Holder, MasterKey};

fn rules(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_poterne")).arg("rules").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Vec<Value> {
    let output = rules(&[&["--format", "json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap().as_array().unwrap().clone()
}

/// The rules that read something else than "gap".
fn states(data: &str) -> Vec<String> {
    let rows = json(&["--data", data]);
    assert_eq!(rows.len(), 244);
    let told = rows.iter().filter(|row| row["state"] != "gap");
    told.map(|row| format!("{} {}", row["id"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

/// As a node would: probes' answers written through the journal. Returns when all is closed.
async fn answers(data: &Path, answers: Vec<(&str, ProbeOutcome)>) {
    let key = data.join("keys/master.key");
    let master = if key.exists() { MasterKey::load(&key) } else { MasterKey::create(&key) }.unwrap();
    let url = format!("sqlite:{}", data.join("poterne.db").display());
    let config = StoreConfig { demonstration: true, ..StoreConfig::new(url) };
    let (store, door) = store::open(&config).await.unwrap();
    let config = JournalConfig {
        folder: data.join("journal"),
        month_keys: data.join("vault"),
        origin: "demo".into(),
        reserve_slots: 16,
    };
    let journal = Journal::open(config, &master, door, Arc::new(SystemClock)).await.unwrap();
    let policies = Arc::new(Policies::built_in().unwrap());
    let keeper = ProofKeeper::new(journal.clone(), policies, master.keys_for(Holder::Prober));
    for (probe, outcome) in answers {
        keeper.record(probe, outcome).await.unwrap();
    }
    drop(keeper);
    journal.close().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_probes_saw_is_told_and_forgeries_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    for name in ["demo", "keys"] {
        fs::create_dir(data.join(name)).unwrap();
    }
    let path = data.to_str().unwrap().to_owned();
    let proved = |text: &str| ProbeOutcome::Proved(text.into());
    answers(data, vec![("tls", proved("TLS 1.3")), ("sign-out", ProbeOutcome::Partial("half".into()))]).await;
    assert_eq!(states(&path), ["AA12 partial", "DT6 proved", "O-8.1 proved", "SC.SSI/IE.38 partial"]);

    let table = rules(&["--data", &path, "--text", "acces-web"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("✔ proved   DT6") && table.contains("◐ partial  AA12"), "{table}");
    assert!(table.ends_with("✔ 1 proved   ◐ 1 partial   ✖ 63 gap\n"), "{table}");

    answers(data, vec![("tls", ProbeOutcome::Failed("TLS 1.0 is served".into()))]).await;
    assert_eq!(states(&path), ["AA12 partial", "SC.SSI/IE.38 partial"], "the latest answer counts");
    let row = json(&["--data", &path]).into_iter().find(|row| row["id"] == "DT6").unwrap();
    assert_eq!(row["proof"]["detail"], "failed: TLS 1.0 is served");

    // Another key: as when somebody brings a database of his own making.
    fs::remove_file(data.join("keys/master.key")).unwrap();
    MasterKey::create(&data.join("keys/master.key")).unwrap();
    assert_eq!(states(&path), Vec::<String>::new());
}

#[test]
fn without_a_node_all_are_gaps_and_mistakes_are_told() {
    let rows = json(&[]);
    assert_eq!(rows.len(), 244);
    assert!(rows.iter().all(|row| row["state"] == "gap" && row["proof"].is_null()));
    for (arguments, what) in [
        (["--text", "rgpd"], "acces-web, interventions, clausier, segur"),
        (["--subject", "scanner"], "installation"),
        (["--config", "/nowhere/poterne.toml"], "does not exist"),
        (["--data", "/nowhere"], "not the folder of a demonstration"),
    ] {
        let output = rules(&arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(what) && output.stdout.is_empty(), "{told}");
    }
}
