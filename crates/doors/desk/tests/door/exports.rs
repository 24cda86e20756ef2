//! What an export looks like to those who open it: Python's csv, a reader of JSON lines.

use crate::{HERE, house::House};
use identity::system_actor;
use journal::{Kind, Trace};
use serde_json::Value;
use std::process::Command;
use store::testing::{TestDatabase, both};
use types::{Clock as _, Event, SystemActor, TokenScope};

/// What strangers can have written into a trace, and what the cell of a spreadsheet holds of it.
const WRITTEN: [(&str, &str); 9] = [
    ("=HYPERLINK(\"http://203.0.113.9\",\"ici\")", "'=HYPERLINK(\"http://203.0.113.9\",\"ici\")"),
    ("+33 1 99 00 12 34", "'+33 1 99 00 12 34"),
    ("-2+3", "'-2+3"),
    ("@SUM(A1:A9)", "'@SUM(A1:A9)"),
    ("\t=1+1", "' =1+1"),
    ("\r=1+1", "\\u{d}=1+1"),
    ("\u{ff1d}1+1", "'\u{ff1d}1+1"),
    ("Mesure d'été, « 2 ; 3 »\nfin", "Mesure d'été, « 2 ; 3 »⏎fin"),
    ("a\u{202e}b,c\"d\"", "a\\u{202e}b,c\"d\""),
];

async fn house(database: &TestDatabase) -> (House, String) {
    let house = House::new(database).await;
    for (text, _) in WRITTEN {
        let node = system_actor(SystemActor::Node, Some(HERE), house.clock.now());
        house.journal.note(&node, Event::RelayAlarm, Some(text.to_owned())).await.unwrap();
    }
    let token = house.token("trace_controller", &[TokenScope::TracesRead]).await;
    (house, token)
}

/// What Python's csv makes of a file.
fn read_by_python(csv: &str) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), csv).unwrap();
    let program = "import csv, json, sys\n\
        with open(sys.argv[1], newline='', encoding='utf-8') as file:\n\
        \x20   print(json.dumps(list(csv.DictReader(file, strict=True))))";
    let read = Command::new("python3").args(["-c", program]).arg(file.path()).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

fn exports(traces: &[Trace]) -> Vec<Option<&str>> {
    let of = traces.iter().filter(|trace| (trace.event, trace.kind) == (Event::TracesExported, Kind::Released));
    of.map(|trace| trace.detail.as_deref()).collect()
}

async fn a_spreadsheet_reads_text_and_never_a_formula(database: &TestDatabase) {
    let (house, token) = house(database).await;
    let answer = house.call("GET /api/v1/traces/export?format=csv&type=relay.alarm", &token, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert!(answer.header("content-disposition").starts_with("attachment"));
    let rows = read_by_python(&answer.text);
    let mut details: Vec<&str> = rows.iter().map(|row| row["detail"].as_str().unwrap()).collect();
    details.sort_unstable();
    let mut cells = WRITTEN.map(|(_, cell)| cell);
    cells.sort_unstable();
    assert_eq!(details, cells);
    for row in &rows {
        let columns = row.as_object().unwrap();
        assert_eq!(columns.len(), 19, "no cell is left over: {row}");
        assert_eq!((&row["type"], &row["outcome"]), (&"relay.alarm".into(), &"noted".into()));
        let acts = |cell: &Value| cell.as_str().unwrap().starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert!(!columns.values().any(acts), "{row}");
    }
    assert_eq!(exports(&house.traces()), [Some("type=relay.alarm")], "written down, once");
}
both!(a_spreadsheet_reads_text_and_never_a_formula);

async fn a_program_reads_one_object_a_line(database: &TestDatabase) {
    let (house, token) = house(database).await;
    let answer = house.call("GET /api/v1/traces/export?format=jsonl&type=relay.alarm", &token, "").await;
    let lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed = house.call("GET /api/v1/traces?type=relay.alarm", &token, "").await.json();
    assert_eq!(&Value::from(lines), &listed["rows"], "the same rows as the search gives");
    let empty = house.call("GET /api/v1/traces/export?format=jsonl&type=rehearsal.set", &token, "").await;
    assert_eq!((empty.status, empty.text.as_str()), (200, ""));
    for query in ["", "?format=xls", "?format=csv&type=none", "?format=csv&before=1.2.n", "?format=csv&ip=x"] {
        let refused = house.call(&format!("GET /api/v1/traces/export{query}"), &token, "").await;
        assert_eq!(refused.status, 400, "{query}");
    }
    assert_eq!(exports(&house.traces()).len(), 2, "what is refused for its form leaves nothing");
}
both!(a_program_reads_one_object_a_line);

async fn what_is_counted_is_what_is_listed(database: &TestDatabase) {
    let (house, token) = house(database).await;
    let counted = house.call("GET /api/v1/traces/counts?type=relay", &token, "").await.json();
    let rows = counted["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["type"], &rows[0]["count"]), (&"relay.alarm".into(), &WRITTEN.len().into()));
    assert_eq!(rows[0]["day"].as_str().unwrap().len(), 10);
    assert_eq!(counted["unreadable"], 0);
}
both!(what_is_counted_is_what_is_listed);

async fn a_program_does_a_saved_search_again(database: &TestDatabase) {
    let (house, token) = house(database).await;
    let none = house.call("GET /api/v1/traces/saved", &token, "").await.json();
    assert_eq!(none["rows"], Value::Array(Vec::new()));
    let controller = house.sign_in("trace_controller").await;
    for (name, search) in [("Alarmes", "go=1&type=relay.alarm&period=today"), ("Illisible", "go=1&ip=x")] {
        let kept = controller.send("/fr/traces/saved", &[("search", search), ("name", name)]).await;
        assert!(!kept.header("location").contains("problem"), "{}", kept.header("location"));
    }
    let saved = house.call("GET /api/v1/traces/saved", &token, "").await.json();
    let saved: Vec<(&str, &str)> = saved["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["id"].as_str().unwrap()))
        .collect();
    assert_eq!(saved.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["Alarmes", "Illisible"]);
    let (alarms, unreadable) = (saved[0].1, saved[1].1);
    let listed = house.call("GET /api/v1/traces?type=relay.alarm&limit=4", &token, "").await.json();
    let found = house.call(&format!("GET /api/v1/traces/saved/{alarms}?limit=4"), &token, "").await.json();
    assert_eq!(found["rows"].as_array().map(Vec::len), Some(4));
    assert_eq!((&found["rows"], &found["next"]), (&listed["rows"], &listed["next"]));
    let next = found["next"].as_str().unwrap();
    let rest = house.call(&format!("GET /api/v1/traces/saved/{alarms}?before={next}"), &token, "").await.json();
    assert_eq!(rest["rows"].as_array().map(Vec::len), Some(WRITTEN.len() - 4));
    for (id, more) in
        [(alarms, "?limit=0"), (alarms, "?limit=101"), (alarms, "?before=x"), (alarms, "?q=x"), (unreadable, "")]
    {
        let refused = house.call(&format!("GET /api/v1/traces/saved/{id}{more}"), &token, "").await;
        assert_eq!(refused.status, 400, "{id}{more}");
    }
    let searched = house.traces().into_iter().filter(|trace| trace.event == Event::TracesSearched);
    let searched: Vec<String> = searched.filter_map(|trace| trace.detail).collect();
    assert!(searched.iter().filter(|detail| detail.contains("relay.alarm")).count() >= 3, "{searched:?}");
    // Another's, one that is none, and one that was forgotten are the same.
    let absent = house.call("GET /api/v1/traces/saved/00000000-0000-4000-8000-000000000000", &token, "").await;
    assert_eq!(absent.status, 404);
    controller.send(&format!("/fr/traces/saved/{alarms}/forget"), &[]).await;
    let gone = house.call(&format!("GET /api/v1/traces/saved/{alarms}"), &token, "").await;
    assert_eq!(gone.blanked(), absent.blanked());
}
both!(a_program_does_a_saved_search_again);
