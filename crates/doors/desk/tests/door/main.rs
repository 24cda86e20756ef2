//! The desk's router with its services behind it, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod alike;
mod apart;
mod api;
mod break_glass;
mod clock;
mod contract;
mod exports;
mod house;
mod more_proof;
mod people;
mod routes;
mod sends;
mod strangers;
mod table;
mod tokens;
mod told;

use types::EstablishmentId;

const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
/// Another hospital of the same group.
const ELSEWHERE: EstablishmentId = EstablishmentId::from_bytes([2; 16]);
