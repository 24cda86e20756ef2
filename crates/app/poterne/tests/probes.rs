//! The probes: what a demonstration proves of itself, and each of them before a door that breaks what it watches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code)]
#[path = "../src/probes/mod.rs"]
mod probes;

#[path = "probes/bureau.rs"]
mod bureau;
#[path = "probes/demonstration.rs"]
mod demonstration;
#[path = "probes/fake.rs"]
mod fake;
#[path = "probes/gate.rs"]
mod gate;
#[path = "probes/hospital.rs"]
mod hospital;
#[path = "probes/journaled.rs"]
mod journaled;
#[path = "probes/managing.rs"]
mod managing;
#[path = "probes/relaying.rs"]
mod relaying;
#[path = "probes/remote.rs"]
mod remote;
#[path = "probes/sealed.rs"]
mod sealed;
#[path = "probes/terms.rs"]
mod terms;
#[path = "probes/turning.rs"]
mod turning;
#[path = "probes/unaltered.rs"]
mod unaltered;
