//! What the password's form asks for first while many guess: a puzzle that a browser solves by itself, or waiting
//! (clausier O-5.3). It is asked by address, of everybody alike: whether a login exists, or is blocked, changes nothing. Who
//! comes from where his account lately did is asked for none; nor is a passkey's holder.
//!
//! It is stateless until it is used: sealed by the door's key, for this door, form and address, for five minutes. Each serves
//! once on this node. Looking at an answer costs two short operations, before any password is hashed.

use crate::{SignInService, attempts::Counters, service::FirstStepError};
use data_encoding::BASE64URL_NOPAD;
use identity::network_of;
use identity::solves_puzzle;
use minicbor::{Decode, Encode};
use std::{collections::HashMap, net::IpAddr, sync::PoisonError, time::Duration};
use types::{ClientAddress, Time};
use vault::{Place, Purpose, random};

/// How long one may be answered.
const LIFE: Duration = Duration::from_secs(300);
/// How old one is that needs no answer: for whoever's browser does not calculate.
pub const PUZZLE_WAIT: Duration = Duration::from_secs(15);
/// Of those, so many are taken of a source in a minute.
pub(crate) const WAITED_PER_MINUTE_MAX: u32 = 4;
/// Remembered until their end, of all and of one network: who has many addresses uses up his own network's.
const USED_MAX: usize = 262_144;
const USED_OF_NETWORK_MAX: usize = 4096;
/// Those that ended are forgotten so often.
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// Pages drawn at once that ask the store whether a puzzle goes with them: who finds no place gets his with the form.
pub(crate) const LOOKS_AT_ONCE: usize = 2;
const PLACE: Place<'static> = Place { table: "browser", column: "puzzle", row: &[] };

/// A puzzle for a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Puzzle {
    /// What goes with the form, and is to be solved.
    pub sealed: String,
}

/// What came with a form.
#[derive(Debug, Clone, Copy, Default)]
pub struct Solved<'a> {
    /// The puzzle.
    pub sealed: &'a str,
    /// Its answer; empty from whoever waited.
    pub answer: &'a str,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Asked {
    #[cbor(n(0), with = "minicbor::bytes")]
    nonce: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    source: [u8; 16],
    #[n(2)]
    issued: i64,
}

/// Those that served, until their end. Pure: the caller brings the time.
#[derive(Default)]
pub(crate) struct Used {
    nonces: HashMap<[u8; 16], (Time, IpAddr)>,
    networks: HashMap<IpAddr, usize>,
    forgot: Option<Time>,
}

impl Used {
    fn served(&self, nonce: &[u8; 16]) -> bool {
        self.nonces.contains_key(nonce)
    }

    /// Whether it serves now. It does once; when too many are remembered, none does.
    fn take(&mut self, nonce: [u8; 16], network: IpAddr, (until, now): (Time, Time)) -> bool {
        self.forget(now);
        let of_network = self.networks.get(&network).copied().unwrap_or(0);
        if self.nonces.len() >= USED_MAX || of_network >= USED_OF_NETWORK_MAX || self.served(&nonce) {
            return false;
        }
        self.nonces.insert(nonce, (until, network));
        self.networks.insert(network, of_network + 1);
        true
    }

    fn forget(&mut self, now: Time) {
        if self.forgot.is_some_and(|last| now >= last && now.since(last) < FORGET_EVERY) {
            return;
        }
        self.forgot = Some(now);
        self.nonces.retain(|_, (until, _)| now < *until);
        self.networks.clear();
        for (_, network) in self.nonces.values() {
            *self.networks.entry(*network).or_default() += 1;
        }
    }
}

impl SignInService {
    /// A puzzle for the password's form, if one is asked for at this address now.
    pub async fn puzzle(&self, address: ClientAddress) -> Option<Puzzle> {
        // So that pages for strangers keep no connection of the store from others. Whoever sends the form is asked in any case.
        let _place = self.parts().puzzle_looks.try_acquire().ok()?;
        // A store that does not answer is told when the form is sent.
        self.asks_puzzle(address).await.unwrap_or(false).then(|| self.new_puzzle(address)).flatten()
    }

    fn new_puzzle(&self, address: ClientAddress) -> Option<Puzzle> {
        let parts = self.parts();
        let issued = parts.journal.now().micros();
        let asked = Asked { nonce: random().ok()?, source: address.source().octets(), issued };
        let clear = minicbor::to_vec(&asked).unwrap_or_default();
        let sealed = parts.keys.seal(Purpose::Ceremonies(parts.settings.door), PLACE, &clear).ok()?;
        Some(Puzzle { sealed: BASE64URL_NOPAD.encode(&sealed) })
    }

    async fn asks_puzzle(&self, address: ClientAddress) -> Result<bool, FirstStepError> {
        let parts = self.parts();
        let read = async {
            let mut connection = parts.store.read().await?;
            Counters::press(&parts.keys, &parts.settings.defences, address, (&mut connection, parts.journal.now()))
                .await
        };
        read.await.map_err(|error: store::StoreError| {
            tracing::warn!(%error, "failures cannot be read");
            FirstStepError::Unavailable
        })
    }

    /// Lets a first step go on, if nothing is asked for at this address or what is was given.
    pub(crate) async fn puzzled(&self, solved: Solved<'_>, address: ClientAddress) -> Result<(), FirstStepError> {
        if !self.asks_puzzle(address).await? {
            return Ok(());
        }
        let now = self.parts().journal.now();
        let why = match self.unseal_puzzle(solved.sealed, address, now) {
            None => None,
            Some(one) => match self.is_answered(solved, address, one, now) {
                Ok(()) => return Ok(()),
                Err(wait) => wait,
            },
        };
        self.refused(address, "no puzzle solved while many guess").await;
        Err(FirstStepError::Puzzle { puzzle: self.new_puzzle(address).ok_or(FirstStepError::Unavailable)?, wait: why })
    }

    /// Whether it serves, solved or waited for; otherwise how long to wait, if that would do.
    fn is_answered(
        &self,
        solved: Solved<'_>,
        address: ClientAddress,
        (nonce, age, until): ([u8; 16], Duration, Time),
        now: Time,
    ) -> Result<(), Option<Duration>> {
        let mut used = self.parts().puzzles.lock().unwrap_or_else(PoisonError::into_inner);
        if used.served(&nonce) || !solved.answer.is_empty() && !solves_puzzle(solved.sealed, solved.answer) {
            return Err(None);
        }
        if solved.answer.is_empty() {
            if age < PUZZLE_WAIT {
                return Err(Some(PUZZLE_WAIT));
            }
            let mut pace = self.parts().waited_pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.step(address.source(), now).map_err(Some)?;
        }
        used.take(nonce, network_of(address.source()), (until, now)).then_some(()).ok_or(None)
    }

    /// Which one it is, how old, and until when it may serve.
    fn unseal_puzzle(&self, text: &str, address: ClientAddress, now: Time) -> Option<([u8; 16], Duration, Time)> {
        let parts = self.parts();
        let sealed = BASE64URL_NOPAD.decode(text.get(..text.len().min(512))?.as_bytes()).ok()?;
        let clear = parts.keys.open(Purpose::Ceremonies(parts.settings.door), PLACE, &sealed).ok()?;
        let asked: Asked = minicbor::decode(&clear).ok()?;
        let issued = Time::from_micros(asked.issued);
        let is_here = asked.source == address.source().octets() && now >= issued && now < issued + LIFE;
        is_here.then(|| (asked.nonce, now.since(issued), issued + LIFE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_served_is_remembered_until_its_end_and_no_more_than_so_many() {
        let (now, mut used) = (Time::from_micros(1_000_000_000), Used::default());
        let nonce = |n: usize| (n as u128).to_be_bytes();
        let network = |n: usize| IpAddr::from([10, 0, (n / USED_OF_NETWORK_MAX) as u8, 0]);
        let (until, later) = (now + LIFE, now + LIFE);
        assert!((0..USED_MAX).all(|n| used.take(nonce(n), network(n), (until, now))));
        assert!(!used.take(nonce(1), network(1), (until, now)), "it served");
        let other = IpAddr::from([10, 1, 0, 0]);
        assert!(!used.take(nonce(USED_MAX), other, (until, now)), "nobody's serves twice for want of room");
        assert!(used.take(nonce(USED_MAX), other, (later + LIFE, later)));
        assert_eq!((used.nonces.len(), used.networks.len()), (1, 1));
    }

    #[test]
    fn whoever_has_many_addresses_takes_the_room_of_no_other_network() {
        let (now, mut used) = (Time::from_micros(1_000_000_000), Used::default());
        let [mine, theirs] = [1, 2].map(|n| IpAddr::from([10, 0, n, 0]));
        let nonce = |n: usize| (n as u128).to_be_bytes();
        assert!((0..USED_OF_NETWORK_MAX).all(|n| used.take(nonce(n), mine, (now + LIFE, now))));
        assert!(!used.take(nonce(USED_OF_NETWORK_MAX), mine, (now + LIFE, now)));
        assert!(used.take(nonce(USED_OF_NETWORK_MAX), theirs, (now + LIFE, now)));
    }
}
