//! How many first steps a source may take in a minute, and how many keys it may offer: a first step costs a password
//! hashing, and neither leaves a failure to count.

use std::{collections::HashMap, hash::Hash, time::Duration};
use types::{Source, Time};

/// First steps of a source in a minute.
pub(crate) const FIRST_STEPS_PER_MINUTE_MAX: u32 = 40;
/// Passkeys that a source shows in a minute.
pub(crate) const PASSKEYS_PER_MINUTE_MAX: u32 = 240;
/// First steps of one login in a minute, from a place where its account lately signed in, once others there took all of its
/// source's.
pub(crate) const HOME_STEPS_PER_MINUTE_MAX: u32 = 10;
/// The same of all such logins of a source together.
pub(crate) const HOME_STEPS_OF_SOURCE_PER_MINUTE_MAX: u32 = 120;
/// First envelopes of one source in a minute.
pub(crate) const ENVELOPE_STEPS_OF_SOURCE_PER_MINUTE_MAX: u32 = 300;
const SOURCES_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts steps of each source, or of each login there. Pure: the caller brings the time.
pub(crate) struct Pace<K = Source> {
    per_minute_max: u32,
    began: Option<Time>,
    taken: HashMap<K, u32>,
    wide: HashMap<u16, u32>,
}

/// The source's wider network, folded into 65,536 counters at most: the first 16 bits of an IPv4 address, the third
/// group of an IPv6 one (what tells one /48 from its neighbours).
fn network(source: Source) -> u16 {
    match source.octets() {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, ..] => u16::from_be_bytes([a, b]),
        [_, _, _, _, c, d, ..] => u16::from_be_bytes([c, d]),
    }
}

impl Pace {
    /// Takes one step of a source, or says how long to wait.
    pub(crate) fn step(&mut self, source: Source, now: Time) -> Result<(), Duration> {
        self.step_of(source, source, now)
    }
}

impl<K: Eq + Hash> Pace<K> {
    /// So many steps in a minute.
    pub(crate) fn new(per_minute_max: u32) -> Self {
        Self { per_minute_max, began: None, taken: HashMap::new(), wide: HashMap::new() }
    }

    /// Takes one step of somebody at `source`, or says how long to wait.
    pub(crate) fn step_of(&mut self, who: K, source: Source, now: Time) -> Result<(), Duration> {
        let began = *self.began.get_or_insert(now);
        if now.since(began) >= MINUTE {
            self.began = Some(now);
            self.taken.clear();
            self.wide.clear();
        }
        if now < began {
            // The clock was set back.
            self.began = Some(now);
        }
        let wait = MINUTE.saturating_sub(now.since(self.began.unwrap_or(now)));
        // Past the bound, newcomers share a counter with their wider network: one holder of many subnets slows himself,
        // not everybody.
        let full = !self.taken.contains_key(&who) && self.taken.len() >= SOURCES_MAX;
        let taken =
            if full { self.wide.entry(network(source)).or_default() } else { self.taken.entry(who).or_default() };
        if *taken >= self.per_minute_max {
            return Err(wait);
        }
        *taken += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::ClientAddress;

    #[test]
    fn a_source_is_slowed_and_the_memory_bounded() {
        let source = |n: u32| ClientAddress::new(std::net::IpAddr::V4(n.into())).source();
        let now = Time::from_micros(1_000_000_000);
        let mut pace = Pace::new(FIRST_STEPS_PER_MINUTE_MAX);
        let passed = (0..100).filter(|_| pace.step(source(1), now).is_ok()).count();
        assert_eq!(passed, 40);
        assert!(pace.step(source(2), now).is_ok());
        assert_eq!(pace.step(source(1), now + Duration::from_secs(20)), Err(Duration::from_secs(40)));
        assert!(pace.step(source(1), now + MINUTE).is_ok());
        // 0.0.0.0 to 0.0.195.79: one network of 65,536 addresses.
        let flood = (0..50_000).filter(|n| pace.step(source(*n), now + MINUTE).is_ok()).count();
        assert_eq!(flood, SOURCES_MAX + FIRST_STEPS_PER_MINUTE_MAX as usize, "the flood's own network is slowed");
        assert!(pace.step(source(0x0a00_0001), now + MINUTE).is_ok(), "another network is not shut out");
        assert!(pace.taken.len() <= SOURCES_MAX);
    }
}
