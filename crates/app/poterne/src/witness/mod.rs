//! Witnesses over HTTP (C2SP tlog-witness): the server of one, and the client that feeds those of a node. What is cosigned
//! and what an answer means is decided in `journal::witness`.

mod client;
mod command;
mod here;
mod rate;
mod server;

pub use client::{Client, Peer, reach};
pub use command::{WitnessArgs, run};
pub use here::{Here, Serving};
pub(crate) use rate::Rate;
