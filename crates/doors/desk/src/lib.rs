//! The desk: the door of the hospital's staff, from inside only.
