//! The entrance of a small door: its words, its places, its forms, its API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod account;
mod api;
mod directory;
mod house;
mod pages;
