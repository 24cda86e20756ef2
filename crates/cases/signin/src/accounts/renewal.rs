//! When a link gives other means to an account that is in use: not before its holder, who is warned where he is known, had the
//! time to stop it (docs/threat-model.md R41).

use super::Accounts;
use std::time::Duration;

/// How long after it was drawn such a link serves, where the hospital does not say.
pub const RENEWAL_DELAY: Duration = Duration::from_secs(86_400);

impl Accounts {
    /// How long its holder has from now on. Told once.
    pub fn delay_renewals(&self, delay: Duration) {
        let _ = self.0.renewal_delay.set(delay);
    }

    /// How long he has.
    pub fn renewal_delay(&self) -> Duration {
        self.0.renewal_delay.get().copied().unwrap_or(RENEWAL_DELAY)
    }
}
