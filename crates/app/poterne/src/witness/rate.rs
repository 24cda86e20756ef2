//! How often one source may ask a witness. Whoever asks is a stranger until a checkpoint's signature is verified.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use types::Source;

/// Requests of one source in a window: eight logs behind one address, three requests a second each.
const REQUESTS_MAX: u32 = 1500;
const WINDOW: Duration = Duration::from_secs(60);
/// Sources counted at once. Past it a new one is counted with all the others of its kind.
const SOURCES_MAX: usize = 4096;

/// The counts of this window.
pub(crate) struct Rate(Mutex<Window>);

struct Window {
    since: Instant,
    counts: HashMap<Source, u32>,
    others: u32,
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Window { since: now, counts: HashMap::new(), others: 0 }))
    }

    /// Counts a request; false if its source has asked too often.
    pub fn admits(&self, source: Source, now: Instant) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(window.since) >= WINDOW {
            (window.since, window.others) = (now, 0);
            window.counts.clear();
        }
        let room = window.counts.len() < SOURCES_MAX;
        let known = room || window.counts.contains_key(&source);
        let count = if known { window.counts.entry(source).or_default() } else { &mut window.others };
        *count = count.saturating_add(1);
        *count <= REQUESTS_MAX
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use types::ClientAddress;

    #[test]
    fn one_source_is_held_back_and_no_other_is() {
        let source = |text: &str| ClientAddress::new(text.parse().unwrap()).source();
        let start = Instant::now();
        let rate = Rate::new(start);
        let admitted = |text: &str, at: Instant| rate.admits(source(text), at);
        for _ in 0..REQUESTS_MAX {
            assert!(admitted("2001:db8::1", start));
        }
        assert!(!admitted("2001:db8::2", start), "the same /64");
        assert!(admitted("2001:db8:0:1::1", start) && admitted("192.0.2.1", start));
        assert!(admitted("2001:db8::1", start + WINDOW), "a minute later");
        // However many sources there are, they are not remembered without end.
        for n in 0..2 * SOURCES_MAX as u32 {
            rate.admits(source(&std::net::Ipv4Addr::from(n).to_string()), start + WINDOW);
        }
        assert!(rate.0.lock().unwrap().counts.len() <= SOURCES_MAX);
        assert!(admitted("2001:db8::1", start + WINDOW), "whoever is known already is counted alone");
    }
}
