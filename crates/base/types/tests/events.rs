//! The registry of events against what stands beside it: docs/events.md, and the rules' identifiers.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, path::PathBuf};
use types::{Event, events_page};

fn root(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..").join(file)
}

#[test]
fn the_page_of_events_is_the_registrys() {
    let path = root("docs/events.md");
    if std::env::var_os("POTERNE_WRITE_DOCS").is_some() {
        std::fs::write(&path, events_page()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(
        page == events_page(),
        "docs/events.md is not what the registry says: run POTERNE_WRITE_DOCS=1 cargo test -p types --test events"
    );
}

#[test]
fn every_rule_that_an_event_serves_exists() {
    let ids = std::fs::read_to_string(root("rules/ids.csv")).unwrap();
    let known: BTreeSet<String> =
        ids.lines().skip(1).filter_map(|line| line.split_once(',')).map(|(text, id)| format!("{text}:{id}")).collect();
    for event in Event::ALL {
        for rule in event.documented().unwrap().rules {
            assert!(known.contains(*rule), "{event} names {rule}, which rules/ids.csv does not have");
        }
    }
}
