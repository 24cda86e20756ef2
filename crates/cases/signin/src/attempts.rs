//! Failures counted, and waits after them: the same counters whatever door was tried.

use crate::sql;
use identity::{pair_wait, source_wait};
use sqlx::AnyConnection;
use std::time::Duration;
use store::StoreError;
use types::{ClientAddress, Time};
use vault::{Keys, Purpose, VaultError};

/// The keyed token of the pair (source, login).
pub(crate) fn pair_token(keys: &Keys, address: ClientAddress, login: &str) -> Result<[u8; 32], VaultError> {
    keys.token(Purpose::FailureTokens, &[&address.source().octets(), login.as_bytes()])
}

/// The keyed token of a source.
pub(crate) fn source_token(keys: &Keys, address: ClientAddress) -> Result<[u8; 32], VaultError> {
    keys.token(Purpose::FailureTokens, &[&address.source().octets()])
}

/// The counters that a failure moves.
pub(crate) struct Counters {
    pub pair: [u8; 32],
    pub source: [u8; 32],
    /// The account last signed in from this very source: what others do there does not make its owner wait.
    pub at_home: bool,
}

impl Counters {
    pub(crate) async fn remaining(
        &self,
        connection: &mut AnyConnection,
        now: Time,
    ) -> Result<Option<Duration>, StoreError> {
        let pair = sql::failures(&mut *connection, &self.pair).await?.remaining(pair_wait, now);
        let source = sql::failures(connection, &self.source).await?.remaining(source_wait, now);
        let wait = if self.at_home { pair } else { pair.max(source) };
        Ok((!wait.is_zero()).then_some(wait))
    }

    /// One more failure.
    pub(crate) async fn failed(&self, connection: &mut AnyConnection, now: Time) -> Result<(), StoreError> {
        let failures = sql::failures(&mut *connection, &self.pair).await?.another(now);
        sql::set_failures(&mut *connection, &self.pair, failures).await?;
        let failures = sql::failures(&mut *connection, &self.source).await?.another_of_source(now);
        sql::set_failures(connection, &self.source, failures).await
    }

    /// The person is the right one: his own failures are forgotten.
    pub(crate) async fn succeeded(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        sql::forget_failures(connection, &self.pair).await
    }
}

/// What an attempt came to.
pub(crate) enum Tried {
    Opened,
    Wrong,
    Wait(Duration),
}
