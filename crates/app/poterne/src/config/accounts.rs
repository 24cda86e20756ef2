//! `[accounts]`: what the hospital asks where an account is given other means.

use super::reading::{Section, number};
use signin::RENEWAL_DELAY;
use std::time::Duration;

/// Six days: with the day that a link then serves, no longer than a printed sheet waits for it.
const HOURS_MAX: u64 = 144;

/// Reads `renewal_delay_hours`. `None` after a mistake was noted.
pub(super) fn renewal_delay(section: &Section<'_>) -> Option<Duration> {
    let given = section.has("renewal_delay_hours");
    let hours = section.optional("renewal_delay_hours", |value| number(value, 1, HOURS_MAX));
    section.finish();
    match given {
        true => hours.map(|hours| Duration::from_secs(hours * 3600)),
        false => Some(RENEWAL_DELAY),
    }
}
