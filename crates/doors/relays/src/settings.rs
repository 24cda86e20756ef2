//! How the relays are set up, and what one connection may cost.

use std::{sync::Arc, time::Duration};
use types::{Clock, Secret};

/// What the relays are given at start.
pub struct RelaySettings {
    /// Private host keys in OpenSSH's form, `ssh-ed25519`; at least one.
    pub host_keys: Vec<Secret<String>>,
    /// Shown by the client before anybody signs in; what the law or the hospital wants said.
    pub banner: Option<String>,
    /// The bounds.
    pub limits: RelayLimits,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The bounds of the relays. Every number is a ceiling; names end with their unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayLimits {
    /// Connections held at once, whoever opened them; one more is closed at once.
    pub connections_max: usize,
    /// Connections held at once by one source (an IPv4 address, an IPv6 /64). A supplier's technicians may share one.
    pub connections_per_source_max: usize,
    /// Connections held at once by people who have not signed in yet.
    pub strangers_max: usize,
    /// The same, of one source.
    pub strangers_per_source_max: usize,
    /// From the TCP connection to the end of a proxy's announcement, where one is expected.
    pub announcement_max: Duration,
    /// From the TCP connection, or its announcement, to the end of signing in.
    pub login_max: Duration,
    /// From the moment that somebody is asked in his browser whether it is he, to the end of signing in: only whoever showed an
    /// account's key, and one for each account, has this long.
    pub approval_max: Duration,
    /// How long somebody who says that he approved waits for the answer to be there, before he is asked again.
    pub approval_look: Duration,
    /// Refused keys and codes on one connection.
    pub attempts_max: usize,
    /// How long every refusal takes, whatever was wrong.
    pub refusal_takes: Duration,
    /// Channels of one connection at once.
    pub channels_max: usize,
    /// Channels of one connection in its whole life.
    pub channels_in_all_max: u32,
    /// Acts on files of one session in its whole life: each is an entry of the journal.
    pub files_in_all_max: u64,
    /// How long each of them takes in the long run.
    pub file_takes: Duration,
    /// From the end of signing in to the first channel, and to the choice in the menu.
    pub choice_max: Duration,
    /// To reach the equipment, agree on keys and sign in to it.
    pub connect_max: Duration,
    /// A session through which nothing passes is closed after this (interventions T10); not under "do not interrupt".
    pub idle_max: Duration,
    /// What a peer may send before it is taken, for each channel.
    pub window_bytes: u32,
    /// What may wait between both sides of a channel before the door stops reading for a while.
    pub backlog_bytes: u32,
    /// People who watch one session at once.
    pub watchers_max: usize,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            connections_per_source_max: 64,
            strangers_max: 128,
            strangers_per_source_max: 16,
            announcement_max: Duration::from_secs(5),
            login_max: Duration::from_secs(60),
            approval_max: Duration::from_secs(120),
            approval_look: Duration::from_secs(10),
            attempts_max: 4,
            refusal_takes: Duration::from_millis(600),
            channels_max: 10,
            channels_in_all_max: 1000,
            files_in_all_max: 100_000,
            file_takes: Duration::from_millis(4),
            choice_max: Duration::from_secs(120),
            connect_max: Duration::from_secs(10),
            idle_max: Duration::from_secs(15 * 60),
            window_bytes: 1024 * 1024,
            backlog_bytes: 256 * 1024,
            watchers_max: 16,
        }
    }
}
