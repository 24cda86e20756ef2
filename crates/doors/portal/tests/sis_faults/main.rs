//! A SIS that does not do what it should. Some of it is timed: this binary runs by itself, so that nothing else computes
//! meanwhile.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../door/answer.rs"]
mod answer;
#[path = "../door/clock.rs"]
mod clock;
mod faults;
#[path = "../door/house.rs"]
mod house;
mod steady;
#[path = "../door/visitor.rs"]
mod visitor;
