//! The door with OpenSSH's own clients on one side and a real `sshd` on the other. What lies behind the door is a double
//! that grants; what it grants is not the matter here, what passes and what ends is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod agent;
mod approving;
mod audit;
mod behind;
mod bytes;
mod client;
mod ends;
mod files;
mod hardware;
mod house;
mod machine;
mod signing_in;
mod site;
mod terminal;
