//! Codecs without I/O: bytes and values in, bytes and values out.
//!
//! - [`asciicast`]: recordings of terminals, version 3 of asciinema's format.
//! - [`ldap`]: what a client of a directory asks, and what it is answered.
//! - [`Screen`]: what a terminal shows after the bytes it was sent, as [`Frame`]s of plain text and colors. A watcher never
//!   receives the target's own bytes, so nothing in them can act on his browser.
//! - [`proxy`]: whom a connection or a request comes from, where proxies stand before a door.
//! - [`sftp`]: which files pass between a client and a machine.
//! - [`visible`]: a text of somebody else's, with what cannot be seen made visible.
//!
//! Nothing here reads a clock, a file or a socket.

pub mod asciicast;
pub mod fuzzing;
pub mod ldap;
pub mod proxy;
mod screen;
pub mod sftp;
mod visible;

pub use screen::{COLS_MAX, Color, Cursor, Frame, Line, ROWS_MAX, Screen, Span};
pub use visible::visible;
