//! The whole door, in process: a hospital, its records over mutual TLS, a store, a vault, a journal, and those who
//! come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answer;
mod clock;
mod house;
mod isolation;
mod more_proof;
mod routes;
mod seen;
mod seen_many;
mod sessions;
mod traces;
mod visitor;
