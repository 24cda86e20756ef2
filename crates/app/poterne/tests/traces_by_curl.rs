//! The lines of docs/journal.md by which a trace controller's programs read traces, run as they stand on a demonstration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod nodes;

use nodes::{demonstration, words};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// The lines of shell under a title of the page.
fn lines(title: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/journal.md")).unwrap();
    let part = page.split(title).nth(1).unwrap_or_else(|| panic!("the page has no {title}"));
    part.split("```sh\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_page_s_lines_read_traces_and_only_with_the_right_token() {
    let folder = tempfile::tempdir().unwrap();
    let (running, ready) = demonstration(&folder.path().join("demo"));
    let script = lines("### By a program");
    let run = |script: &str, token: &str| -> Output {
        Command::new("sh")
            .args(["-ec", script])
            .current_dir(folder.path())
            .env("DESK", ready["desk"].as_str().unwrap())
            .env("CA", ready["ca"].as_str().unwrap())
            .env("TOKEN", ready["tokens"][token].as_str().unwrap())
            .output()
            .unwrap()
    };
    let ran = run(&script, "trace_controller");
    assert!(ran.status.success(), "{}", words(&ran));
    let mut answers = serde_json::Deserializer::from_slice(&ran.stdout).into_iter::<Value>().map(Result::unwrap);
    let (found, counts) = (answers.next().unwrap(), answers.next().unwrap());
    let rows = found["rows"].as_array().unwrap();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["type"].as_str().unwrap().starts_with("account.")),
        "{found}"
    );
    let day = |row: &Value| row["count"].as_u64().unwrap() > 0 && row["day"].as_str().unwrap().len() == 10;
    assert!(counts["rows"].as_array().unwrap().iter().all(day), "{counts}");
    let csv = fs::read_to_string(folder.path().join("accounts.csv")).unwrap();
    assert!(csv.starts_with("\"time\",\"type\"") && csv.lines().count() > rows.len(), "{csv}");
    let refused = fs::read_to_string(folder.path().join("refused.jsonl")).unwrap();
    for line in refused.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["outcome"], "refused");
    }
    // All that was itself traced; an administrator's token gets nothing.
    let own = script.split("\nask \"\"").next().unwrap().to_owned() + "\nask \"\" -d type=traces";
    let ran = run(&own, "trace_controller");
    let traced: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let of = |kind: &str| traced["rows"].as_array().unwrap().iter().filter(|row| row["type"] == kind).count();
    assert_eq!((of("traces.exported"), of("traces.searched") >= 2), (2, true), "{traced}");
    let ran = run(&script, "administrator");
    assert!(!ran.status.success() && words(&ran).contains("\"status\":404"), "{}", words(&ran));
    running.stop();
}
