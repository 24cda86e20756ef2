//! When a link gives other means to an account that is in use: not before its holder, who is warned where he is known, had the
//! time to stop it (docs/threat-model.md R42).

use super::{AccountError, Accounts, FIRST_LINK_LIFE, RENEWAL_LINK_LIFE};
use crate::enrol::lent::RESERVED_LOGINS;
use identity::{Authenticated, takes_a_link_again};
use std::time::Duration;
use types::{AccountState, Role};

/// How long after it was drawn such a link serves, where the hospital does not say.
pub const RENEWAL_DELAY: Duration = Duration::from_secs(86_400);

/// When a link serves, counted from when it is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// How long its holder has to stop it, where the account is in use.
    pub delay: Option<Duration>,
    life: Duration,
}

impl Span {
    /// Until it serves no more.
    pub(super) fn whole(self) -> Duration {
        self.delay.unwrap_or_default() + self.life
    }
}

impl Accounts {
    /// Whether the node's own probes ask: what they sign in with is calculated from its master key, and is nobody's word.
    pub(super) async fn is_of_probes(&self, who: &Authenticated) -> Result<bool, AccountError> {
        let Some(me) = who.account() else { return Ok(false) };
        let row = self.row_for(who, me).await?.account;
        Ok(row.secrets(&self.0.keys)?.login.starts_with(RESERVED_LOGINS))
    }

    /// When a link serves that is drawn for an account in that state. Nobody holds the one that the probes are lent.
    pub(super) fn span(&self, role: Role, state: AccountState, is_lent: bool) -> Result<Span, AccountError> {
        match state {
            AccountState::Invited => Ok(Span { delay: None, life: FIRST_LINK_LIFE }),
            other if other == AccountState::Active || takes_a_link_again(role, other) => {
                Ok(Span { delay: (!is_lent).then(|| self.renewal_delay()), life: RENEWAL_LINK_LIFE })
            }
            _ => Err(AccountError::Life),
        }
    }

    /// How long its holder has from now on. Told once.
    pub fn delay_renewals(&self, delay: Duration) {
        let _ = self.0.renewal_delay.set(delay);
    }

    /// How long he has.
    pub fn renewal_delay(&self) -> Duration {
        self.0.renewal_delay.get().copied().unwrap_or(RENEWAL_DELAY)
    }
}
