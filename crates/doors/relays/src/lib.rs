//! The relays: what technicians reach machines through. SSH for now.
//!
//! A technician runs `ssh login%target@gateway` with his own client. The door recognizes his key, asks for a one-time code
//! or has him approve in his browser, and, when the interventions allow it, reaches the machine with credentials that he never sees. Everything that passes is
//! counted; terminals are recorded and can be watched; whatever happens, losing the lease ends it within a second.
//!
//! ```text
//! serve ── one task a connection ──▶ visitor (who is there?) ──▶ session (one owner: opens, watches the lease, closes)
//!                                                                  ├─ target   the machine, its pinned key
//!                                                                  ├─ channel  one a terminal, command or file transfer
//!                                                                  └─ live     what those who watch see
//! ```
//!
//! Absent from here: SQL, policies, keys other than the door's own host keys. What may be done is asked of a [`House`].

mod approval;
mod asked;
mod channel;
mod files;
mod host_key;
mod house;
mod live;
mod login;
mod menu;
mod rights;
mod serve;
mod session;
mod settings;
mod target;
mod texts;
mod visitor;
mod wired;

pub use host_key::{BadHostKey, host_key_fingerprint, host_key_line, new_host_key};
pub use house::{Granted, Hold, House, SessionRecorder, TerminalRecording};
pub use live::Silence;
pub use serve::{Relay, RelayError, Stopped};
pub use settings::{RelayLimits, RelaySettings};
pub use wired::Wired;
