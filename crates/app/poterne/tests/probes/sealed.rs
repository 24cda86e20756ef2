//! The probe of what lies on the disk, over a real journal beside which somebody leaves something in clear.

use crate::{
    hospital::{self, Flaw},
    journaled::{ACCOUNT, ACT, Book},
    probes::{
        codes::Reserved,
        sealed::{Kept, SealedProbe},
    },
    unaltered::written,
};
use dossier::{Probe as _, ProbeOutcome, probe_named};
use std::{fs, path::Path, sync::Arc};
use types::PatientId;

const NAME: &str = "Sonde de la Poterne";

async fn run(data: &Path, database: bool) -> ProbeOutcome {
    let door = hospital::open(Flaw::None).await;
    let kept = Kept {
        data: data.to_owned(),
        origin: "node".into(),
        database: database.then(|| data.join("poterne.db")),
        name: NAME,
        credentials: vec![reserved()],
    };
    let (info, book) = (probe_named("sealed").unwrap(), Book { change: |_| {}, before: Vec::new() });
    SealedProbe::new(info, Arc::new(kept), Some(door.visits), Arc::new(book), Some(hospital::OTHER)).run().await
}

/// What opens a reserved account: the same each time.
fn reserved() -> Reserved {
    Reserved {
        login: "sonde.poterne.desk".into(),
        password: types::Secret::new("0123456789abcdef".into()),
        totp: types::Secret::new(*b"vingt octets secrets"),
    }
}

fn failed(outcome: &ProbeOutcome, what: &str) {
    assert!(matches!(outcome, ProbeOutcome::Failed(told) if told.contains(what)), "{what}: {outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_of_sealing_turns_on_whatever_stands_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let log = written(data, &["one", "two"]).await;
    let outcome = run(data, true).await;
    assert!(matches!(&outcome, ProbeOutcome::CouldNotRun(why) if why.contains("not in the files")), "{outcome}");

    // The visit of the test's door, as its clear header has it.
    fs::write(log.join("visit"), [&[7; 40], &ACT[..]].concat()).unwrap();
    let outcome = run(data, true).await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}");
    let outcome = run(data, false).await;
    assert!(matches!(&outcome, ProbeOutcome::Partial(told) if told.contains("elsewhere")), "{outcome}");

    fs::create_dir_all(data.join("index/node")).unwrap();
    fs::create_dir_all(data.join("recordings/2026/11")).unwrap();
    let id = ACCOUNT.trim_start_matches("account:");
    let account: types::AccountId = id.parse().unwrap();
    let second_factor = data_encoding::BASE32_NOPAD.encode(b"vingt octets secrets");
    let cases: [(&str, &[u8], &str); 10] = [
        ("journal/node/left", id.as_bytes(), "an account's identifier"),
        ("index/node/chunk", account.as_bytes(), "an account's identifier"),
        ("index/node/chunk", b"127.0.0.1", "the address of a visit"),
        ("recordings/2026/11/one", NAME.as_bytes(), "an account's name"),
        ("journal/node/left", b"sonde.poterne.portal", "an account's login"),
        ("index/node/chunk", hospital::OTHER.as_bytes(), "a patient's identifier"),
        ("poterne.db-wal", b"0123456789abcdef", "a password"),
        ("recordings/2026/11/one", b"vingt octets secrets", "a second factor"),
        ("poterne.db-wal", second_factor.as_bytes(), "a second factor"),
        ("poterne.db-wal", b"sonde.poterne.portal", "an account's login"),
    ];
    for (file, clear, what) in cases {
        fs::write(data.join(file), [b"before ", clear, b" after"].concat()).unwrap();
        failed(&run(data, true).await, what);
        fs::remove_file(data.join(file)).unwrap();
    }
    let patient: PatientId = hospital::OTHER;
    fs::write(data.join("index/node/chunk"), patient.to_string()).unwrap();
    failed(&run(data, true).await, "a patient's identifier stands in clear in chunk");
    fs::remove_file(data.join("index/node/chunk")).unwrap();

    let spare = log.join("segment-spare");
    let whole = fs::read(&spare).unwrap();
    let mut used = whole.clone();
    used[4096] = 1;
    fs::write(&spare, used).unwrap();
    failed(&run(data, true).await, "still holds what it held");
    fs::write(&spare, whole).unwrap();

    let bundle = crate::unaltered::bundle(&log);
    let mut bytes = fs::read(&bundle).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    failed(&run(data, true).await, "is not under the checkpoint");
}
