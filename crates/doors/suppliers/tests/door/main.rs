//! The whole door, in process: a store, a vault, a journal, equipment, and those who come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod api;
mod clock;
mod contract;
mod forms;
mod house;
mod journey;
mod means;
mod people;
mod routes;
mod ssh;
mod strangers;
mod table;
mod tokens;
