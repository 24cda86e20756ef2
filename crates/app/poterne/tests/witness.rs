//! A node and a witness as two processes: what the witness signs, and what a journal put back to an older copy meets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use nodes::{Running, copy, copy_files, free_port, node, poterne, ready, serve, serve_with, until_health, words};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

/// Starts a witness; gives what it says once ready.
fn witness(root: &Path, listen: &str, vkey: &str) -> (Running, Value) {
    let (state, key) = (root.join("witness"), root.join("witness.key"));
    let (state, key) = (state.to_str().unwrap(), key.to_str().unwrap());
    let arguments = ["--listen", listen, "--name", "dpo.test", "--format", "json", "--state", state, "--key", key];
    ready(&[&["journal", "witness"], &arguments[..], &["--log", vkey]].concat())
}

/// What another program makes of a cosigned checkpoint: with Python's library and openssl, and nothing of ours.
fn verified_elsewhere(cosigned: &Path, vkey: &str) -> Output {
    const PROGRAM: &str = r#"
import base64, hashlib, pathlib, subprocess, sys, tempfile
text, lines = pathlib.Path(sys.argv[1]).read_text().split("\n\n")
text += "\n"
name, key_id, key = sys.argv[2].split("+", 2)
key = base64.b64decode(key)
assert key[0] == 4 and len(key) == 33
assert hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() == key_id
ours = [line.split(" ") for line in lines.splitlines() if line.split(" ")[1] == name]
assert len(ours) == 1 and ours[0][0] == "\u2014"
blob = base64.b64decode(ours[0][2])
assert len(blob) == 76 and blob[:4].hex() == key_id
seconds = int.from_bytes(blob[4:12], "big")
message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
with tempfile.TemporaryDirectory() as at:
    files = [pathlib.Path(at) / part for part in ("key", "signature", "message")]
    contents = (bytes.fromhex("302a300506032b6570032100") + key[1:], blob[12:], message)
    for file, content in zip(files, contents):
        file.write_bytes(content)
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin",
                    "-inkey", files[0], "-sigfile", files[1], "-in", files[2]], check=True)
print(text.split("\n")[1])
"#;
    Command::new("python3").args(["-c", PROGRAM]).arg(cosigned).arg(vkey).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_put_back_is_an_alarm_and_is_not_cosigned() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (health, port) = (free_port(), free_port());
    let config = node(root, health);
    let (data, log) = (root.join("node/data"), root.join("log"));
    let journal = data.join("journal/desk-1");

    // Once without a witness: its key is drawn.
    let running = serve(&config, &log);
    let until = Instant::now() + Duration::from_secs(30);
    while !journal.join("vkey").exists() || !journal.join("checkpoint").exists() {
        assert!(Instant::now() < until, "{}", fs::read_to_string(&log).unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.stop();
    let vkey = fs::read_to_string(journal.join("vkey")).unwrap();
    let listen = format!("127.0.0.1:{port}");
    let (running_witness, ready) = witness(root, &listen, &vkey);
    assert_eq!(ready["logs"][0]["size"], 0, "{ready}");
    assert_eq!(fs::metadata(root.join("witness.key")).unwrap().permissions().mode() & 0o777, 0o600);
    let key = ready["vkey"].as_str().unwrap().to_owned();
    let section = format!(
        "\n[journal]\nwitness_age_seconds = 5\n\n[[journal.witnesses]]\nurl = \"http://{listen}\"\nvkey = \"{key}\"\n"
    );
    fs::write(&config, fs::read_to_string(&config).unwrap() + &section).unwrap();
    let told = poterne(&["check", "--config", &config]);
    assert!(words(&told).contains("✓ witness dpo.test: answers"), "{}", words(&told));
    copy(&journal, &root.join("older"));
    copy_files(&data, &root.join("older-database"));

    // Every checkpoint goes to the witness; what it signs holds for others.
    let running = serve(&config, &log);
    let kept = data.join("witnessed/desk-1");
    let latest = || {
        fs::read_dir(&kept)
            .into_iter()
            .flatten()
            .flatten()
            .map(|f| f.path())
            .find(|path| path.to_str().unwrap().contains("latest-"))
    };
    let size = |path: &Path| fs::read_to_string(path).unwrap().lines().nth(1).unwrap().parse::<u64>().unwrap();
    let entries = |folder: &Path| size(&folder.join("checkpoint"));
    let until = Instant::now() + Duration::from_secs(30);
    // The file is replaced by a newer one while it is looked at.
    let said = |path: &Path| fs::read_to_string(path).ok()?.lines().nth(1)?.parse::<u64>().ok();
    let wanted = entries(&root.join("older")) + 2;
    while latest().and_then(|path| said(&path)).is_none_or(|size| size < wanted) {
        assert!(Instant::now() < until, "{}", fs::read_to_string(&log).unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until_health(health, "witness", |witness| witness["status"] == "ready").await;
    running.stop();
    let verified = verified_elsewhere(&latest().unwrap(), &key);
    assert!(verified.status.success(), "{}", words(&verified));
    let witnessed = size(&latest().unwrap());
    let memory = || {
        let file = fs::read_dir(root.join("witness")).unwrap().next().unwrap().unwrap().path();
        (size(&file), fs::read(file).unwrap())
    };
    let remembered = memory();
    assert_eq!(String::from_utf8_lossy(&verified.stdout).lines().last(), Some(witnessed.to_string().as_str()));
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 2, "the latest, and the first of this day");

    // The journal alone is put back: the database remembers more of it, and the node does not start.
    fs::remove_dir_all(&journal).unwrap();
    copy(&root.join("older"), &journal);
    let refused = poterne(&["serve", "--config", &config]);
    assert!(!refused.status.success() && words(&refused).contains("desk-1"), "{}", words(&refused));

    // The database too, then the whole data folder: the key would sign as before, and only the witness remembers. It is asked before
    // anything is signed; where it does not answer, the node serves, and the alarm is given as soon as it does.
    let mut running_witness = running_witness;
    for also in ["", "what is kept of the witness too"] {
        fs::remove_dir_all(&journal).unwrap();
        copy(&root.join("older"), &journal);
        copy_files(&root.join("older-database"), &data);
        if !also.is_empty() {
            fs::remove_dir_all(&kept).unwrap();
        }
        let refused = poterne(&["serve", "--config", &config]);
        let why = words(&refused);
        assert!(!refused.status.success() && why.contains("dpo.test: the witness remembers"), "{why}");
        assert!(why.contains("--new-origin"), "{why}");
        let same =
            |name: &str| fs::read(journal.join(name)).unwrap() == fs::read(root.join("older").join(name)).unwrap();
        assert!(same("checkpoint"), "nothing was signed");
        running_witness.stop();
        let running = serve(&config, &log);
        until_health(health, "witness", |_| true).await;
        running_witness = witness(root, &listen, &vkey).0;
        let alarm =
            |witness: &Value| witness["reason"].as_str().is_some_and(|why| why.starts_with("ALARM, dpo.test: "));
        until_health(health, "witness", alarm).await;
        running.stop();
        let told = fs::read_to_string(&log).unwrap();
        assert!(told.contains("ALARM: the journal is not the one that was witnessed"), "{told}");
        let same = latest().is_none_or(|path| size(&path) == witnessed) && memory() == remembered;
        assert!(same, "nothing is cosigned");
    }
    running_witness.stop();

    // The witness remembers over its own restart; unreachable, it is told after the age, and nothing stops.
    let (running_witness, ready) = witness(root, &listen, &vkey);
    assert_eq!((&ready["vkey"], &ready["logs"][0]["size"]), (&Value::from(key), &Value::from(remembered.0)));
    running_witness.stop();
    let told = poterne(&["check", "--config", &config]);
    assert!(!told.status.success() && words(&told).contains("✗ witness dpo.test: "), "{}", words(&told));
    let running = serve(&config, &log);
    let said = until_health(health, "witness", |witness| witness["status"] == "degraded").await;
    assert!(said["reason"].as_str().unwrap().contains("has cosigned nothing for"), "{said}");
    running.stop();

    // The journal is lost: another begins in its place, with a key of its own, and it is that one which is witnessed.
    fs::remove_dir_all(&journal).unwrap();
    let running = serve_with(&config, &log, &["--new-origin"]);
    let follower = data.join("journal/desk-1-2/vkey");
    let until = Instant::now() + Duration::from_secs(30);
    while !follower.exists() {
        assert!(Instant::now() < until, "{}", fs::read_to_string(&log).unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (running_witness, _) = witness(root, &listen, &fs::read_to_string(&follower).unwrap());
    until_health(health, "witness", |witness| witness["status"] == "ready").await;
    let until = Instant::now() + Duration::from_secs(30);
    while !data.join("witnessed/desk-1-2").exists() {
        assert!(Instant::now() < until, "{}", fs::read_to_string(&log).unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.stop();
    running_witness.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_goes_on_with_a_renewed_key_once_it_was_given_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (health, port) = (free_port(), free_port());
    let config = node(root, health);
    let (data, log) = (root.join("node/data"), root.join("log"));
    let renew = || poterne(&["journal", "renew-key", "--config", &config]);
    // A journal of which nobody has the key yet may be renewed too.
    let first = renew();
    assert!(first.status.success(), "{}", words(&first));
    let vkey = || fs::read_to_string(data.join("journal/desk-1/vkey")).unwrap().trim().to_owned();
    let before = vkey();
    assert!(words(&first).contains(&before), "{}", words(&first));
    let listen = format!("127.0.0.1:{port}");
    let (running_witness, ready) = witness(root, &listen, &before);
    let key = ready["vkey"].as_str().unwrap().to_owned();
    let section = format!(
        "\n[journal]\nwitness_age_seconds = 5\n\n[[journal.witnesses]]\nurl = \"http://{listen}\"\nvkey = \"{key}\"\n"
    );
    fs::write(&config, fs::read_to_string(&config).unwrap() + &section).unwrap();
    let latest = || {
        let kept = fs::read_dir(data.join("witnessed/desk-1")).into_iter().flatten().flatten().map(|file| file.path());
        kept.filter(|path| path.to_str().unwrap().contains("latest-")).find_map(|path| fs::read_to_string(path).ok())
    };
    let signed_by = |key: &str| {
        let id = key.split('+').nth(1).unwrap().to_owned();
        latest().is_some_and(|note| {
            let blob = note.lines().find_map(|line| line.strip_prefix("\u{2014} desk-1 ")).map(str::to_owned);
            let blob = data_encoding::BASE64.decode(blob.unwrap().as_bytes()).unwrap();
            data_encoding::HEXLOWER.encode(&blob[..4]) == id
        })
    };
    let until = async |wanted: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(30);
        while !wanted() {
            assert!(Instant::now() < end, "{}", fs::read_to_string(&log).unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let running = serve(&config, &log);
    until(&|| signed_by(&before)).await;
    running.stop();

    let renewed = renew();
    assert!(renewed.status.success(), "{}", words(&renewed));
    let after = vkey();
    assert!(after != before && words(&renewed).contains(&after), "{}", words(&renewed));
    let running = serve(&config, &log);
    until_health(health, "witness", |witness| witness["status"] == "degraded").await;
    assert!(signed_by(&before), "a witness that does not know the key cosigns nothing");
    running_witness.stop();
    // Given both, it goes on from what it remembers.
    let both = format!("{before}\n");
    let (state, key_file) = (root.join("witness"), root.join("witness.key"));
    let arguments = ["journal", "witness", "--listen", &listen, "--format", "json", "--log", &both, "--log", &after];
    let folders = ["--state", state.to_str().unwrap(), "--key", key_file.to_str().unwrap()];
    let (running_witness, ready) = nodes::ready(&[&arguments[..], &folders[..]].concat());
    assert!(ready["logs"][0]["size"].as_u64().unwrap() > 0, "{ready}");
    until(&|| signed_by(&after)).await;
    until_health(health, "witness", |witness| witness["status"] == "ready").await;
    running.stop();
    running_witness.stop();
    let data = data.to_str().unwrap();
    let database = format!("sqlite:{data}/poterne.db");
    for trusted in [&before, &after] {
        let all = ["journal", "verify", "--data", data, "--origin", "desk-1", "--database", &database];
        let verified = poterne(&[&all[..], &["--vkey", trusted, "--witness", &key]].concat());
        assert!(verified.status.success(), "{}", words(&verified));
        assert!(words(&verified).contains("another key from entry"), "{}", words(&verified));
    }
}
