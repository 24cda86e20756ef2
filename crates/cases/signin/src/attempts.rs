//! Failures counted, and waits after them: the same counters whatever door was tried, kept in the store for all nodes.

use crate::{defences::Defences, sql};
use identity::{
    Failures, account_wait, network_of, network_wait, network_wait_in_a_spray, pair_wait, source_wait,
    source_wait_in_a_spray,
};
use sqlx::AnyConnection;
use std::{net::IpAddr, time::Duration};
use store::StoreError;
use types::{ClientAddress, SessionId, Time};
use vault::{Keys, Purpose, VaultError};

/// Keyed tokens of a login, with a source and without: what a sign-in remembers of it between its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoginTokens {
    pub pair: [u8; 32],
    pub account: [u8; 32],
}

impl LoginTokens {
    pub(crate) fn new(keys: &Keys, address: ClientAddress, login: &str) -> Result<Self, VaultError> {
        let token = |parts: &[&[u8]]| keys.token(Purpose::FailureTokens, parts);
        let pair = token(&[&address.source().octets(), login.as_bytes()])?;
        Ok(Self { pair, account: token(&[b"account", login.as_bytes()])? })
    }
}

/// Failures of a source, and of a network, past which the password's form asks for a puzzle.
const PUZZLE_SOURCE_FAILURES: u32 = 15;
const PUZZLE_NETWORK_FAILURES: u32 = 60;

fn source_token<E>(token: &impl Fn(&[&[u8]]) -> Result<[u8; 32], E>, address: ClientAddress) -> Result<[u8; 32], E> {
    token(&[&address.source().octets()])
}

fn network_token<E>(token: &impl Fn(&[&[u8]]) -> Result<[u8; 32], E>, network: IpAddr) -> Result<[u8; 32], E> {
    token(&[b"network", network.to_string().as_bytes()])
}

/// The counters that a failure moves.
pub(crate) struct Counters {
    login: LoginTokens,
    /// How many sources failed on this login.
    sources: [u8; 32],
    source: [u8; 32],
    network: [u8; 32],
    /// The network itself, for whoever watches.
    pub seen_from: IpAddr,
    /// The account lately signed in from this very source: what others do, there or elsewhere, does not make its owner wait.
    at_home: bool,
    /// The hospital says that many share this address.
    shared: bool,
    defences: Defences,
}

impl Counters {
    pub(crate) fn new(
        keys: &Keys,
        defences: &Defences,
        address: ClientAddress,
        (login, at_home): (LoginTokens, bool),
    ) -> Result<Self, VaultError> {
        let seen_from = network_of(address.source());
        let token = |parts: &[&[u8]]| keys.token(Purpose::FailureTokens, parts);
        Ok(Self {
            sources: token(&[b"sources", &login.account])?,
            login,
            source: source_token(&token, address)?,
            network: network_token(&token, seen_from)?,
            seen_from,
            at_home,
            shared: defences.is_shared(address),
            defences: defences.clone(),
        })
    }

    /// Whether many guess: everywhere, from this network, or from this source.
    pub(crate) async fn press(
        keys: &Keys,
        defences: &Defences,
        address: ClientAddress,
        (connection, now): (&mut AnyConnection, Time),
    ) -> Result<bool, StoreError> {
        let network = network_of(address.source());
        if defences.is_sprayed(now) {
            return Ok(true);
        }
        // One who guesses behind a declared address makes nobody there work for it.
        if defences.is_shared(address) {
            return Ok(false);
        }
        if defences.is_sprayed_from(network, now) {
            return Ok(true);
        }
        let token = |parts: &[&[u8]]| {
            keys.token(Purpose::FailureTokens, parts).map_err(|error| StoreError::Other(error.to_string()))
        };
        let source = sql::failures(&mut *connection, &source_token(&token, address)?).await?;
        let of_network = sql::failures(connection, &network_token(&token, network)?).await?;
        Ok(source.of_source(now) >= PUZZLE_SOURCE_FAILURES || of_network.of_source(now) >= PUZZLE_NETWORK_FAILURES)
    }

    /// For a password given again within a session: guessed there, it is that session that waits, wherever it is used from.
    pub(crate) fn of_session(
        keys: &Keys,
        defences: &Defences,
        address: ClientAddress,
        (login, session): (LoginTokens, SessionId),
    ) -> Result<Self, VaultError> {
        let pair = keys.token(Purpose::FailureTokens, &[b"session", session.as_bytes()])?;
        Self::new(keys, defences, address, (LoginTokens { pair, ..login }, true))
    }

    /// From where, as watched: the network, and whether the address is a declared shared one.
    pub(crate) fn from(&self) -> (IpAddr, bool) {
        (self.seen_from, self.shared)
    }

    /// The login, as watched: a number that tells nothing of it.
    pub(crate) fn login(&self) -> [u8; 32] {
        self.login.account
    }

    pub(crate) async fn remaining(
        &self,
        connection: &mut AnyConnection,
        now: Time,
    ) -> Result<Option<Duration>, StoreError> {
        let mut wait = sql::failures(&mut *connection, &self.login.pair).await?.remaining(pair_wait, now);
        if !self.at_home {
            let account = sql::failures(&mut *connection, &self.login.account).await?;
            let sources = sql::failures(&mut *connection, &self.sources).await?;
            wait = wait.max(account_wait(account, sources, now));
        }
        if !self.at_home && !self.shared {
            let source = sql::failures(&mut *connection, &self.source).await?;
            let network = sql::failures(connection, &self.network).await?;
            let (source_rule, network_rule) = match self.defences.is_sprayed(now) {
                true => (source_wait_in_a_spray as fn(u32) -> Duration, network_wait_in_a_spray as fn(u32) -> Duration),
                false => (source_wait as _, network_wait as _),
            };
            wait = wait.max(source.remaining(source_rule, now)).max(network.remaining(network_rule, now));
        }
        Ok((!wait.is_zero()).then_some(wait))
    }

    /// One more failure.
    pub(crate) async fn failed(&self, connection: &mut AnyConnection, now: Time) -> Result<(), StoreError> {
        // A source that failed here already is not another one.
        let is_new = sql::failures(&mut *connection, &self.login.pair).await?.lately(now) == 0;
        let sources = is_new.then_some(&self.sources);
        for token in [&self.login.pair, &self.login.account].into_iter().chain(sources) {
            let failures = sql::failures(&mut *connection, token).await?.another(now);
            sql::set_failures(&mut *connection, token, failures).await?;
        }
        if self.shared {
            return Ok(());
        }
        let another: fn(Failures, Time) -> Failures = match self.defences.is_sprayed(now) {
            true => Failures::another_in_a_spray,
            false => Failures::another_of_source,
        };
        for token in [&self.source, &self.network] {
            let failures = another(sql::failures(&mut *connection, token).await?, now);
            sql::set_failures(&mut *connection, token, failures).await?;
        }
        Ok(())
    }

    /// The person is the right one: his own failures are forgotten. Those of others on his account are not.
    pub(crate) async fn succeeded(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        sql::forget_failures(connection, &self.login.pair).await
    }
}

/// What an attempt came to.
pub(crate) enum Tried {
    /// These were closed by it; whether the password was hashed again.
    Opened {
        closed: Vec<SessionId>,
        rehashed: bool,
    },
    Wrong,
    Wait(Duration),
    /// One session at a time is kept, and another one is there.
    Elsewhere(crate::at_once::OtherSession),
}
