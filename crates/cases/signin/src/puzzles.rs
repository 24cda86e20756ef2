//! What the password's form asks for first while many guess: a puzzle that a browser solves by itself, or waiting
//! (clausier O-5.3). It is asked by address, of everybody alike: whether a login exists, or is blocked, changes nothing. Who
//! comes from where his account lately did is asked for none; nor is a passkey's holder.
//!
//! It is stateless until it is used: sealed by the door's key, for this door, form and address, for five minutes. Each serves
//! once on this node. Looking at an answer costs two short operations, before any password is hashed.

use crate::{SignInService, attempts::Counters, service::FirstStepError};
use data_encoding::BASE64URL_NOPAD;
use identity::solves_puzzle;
use minicbor::{Decode, Encode};
use std::{collections::HashMap, sync::PoisonError, time::Duration};
use types::{ClientAddress, Time};
use vault::{Place, Purpose, random};

/// How long one may be answered.
const LIFE: Duration = Duration::from_secs(300);
/// How old one is that needs no answer: for whoever's browser does not calculate.
pub const PUZZLE_WAIT: Duration = Duration::from_secs(15);
/// Of those, so many are taken of a source in a minute.
pub(crate) const WAITED_PER_MINUTE_MAX: u32 = 4;
/// Remembered until their end. Each took a first step of its source: there are fewer unless thousands of sources come at once.
const USED_MAX: usize = 65_536;
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
pub(crate) struct Used(HashMap<[u8; 16], Time>);

impl Used {
    /// Whether it serves now. It does once; when too many are remembered, none does.
    fn take(&mut self, nonce: [u8; 16], until: Time, now: Time) -> bool {
        if self.0.len() >= USED_MAX {
            self.0.retain(|_, until| now < *until);
        }
        if self.0.len() >= USED_MAX || self.0.contains_key(&nonce) {
            return false;
        }
        self.0.insert(nonce, until);
        true
    }
}

impl SignInService {
    /// A puzzle for the password's form, if one is asked for at this address now.
    pub async fn puzzle(&self, address: ClientAddress) -> Option<Puzzle> {
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
            Some((nonce, age, until)) => match self.is_answered(solved, address, (age, now)) {
                Ok(()) => {
                    let mut used = self.parts().puzzles.lock().unwrap_or_else(PoisonError::into_inner);
                    if used.take(nonce, until, now) {
                        return Ok(());
                    }
                    None
                }
                Err(wait) => wait,
            },
        };
        self.refused(address, "no puzzle solved while many guess").await;
        Err(FirstStepError::Puzzle { puzzle: self.new_puzzle(address).ok_or(FirstStepError::Unavailable)?, wait: why })
    }

    fn is_answered(
        &self,
        solved: Solved<'_>,
        address: ClientAddress,
        (age, now): (Duration, Time),
    ) -> Result<(), Option<Duration>> {
        if !solved.answer.is_empty() {
            return if solves_puzzle(solved.sealed, solved.answer) { Ok(()) } else { Err(None) };
        }
        if age < PUZZLE_WAIT {
            return Err(Some(PUZZLE_WAIT));
        }
        let mut pace = self.parts().waited_pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.step(address.source(), now).map_err(Some)
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
        assert!((0..USED_MAX).all(|n| used.take(nonce(n), now + LIFE, now)));
        assert!(!used.take(nonce(1), now + LIFE, now), "it served");
        assert!(!used.take(nonce(USED_MAX), now + LIFE, now), "nobody's serves twice for want of room");
        assert!(used.take(nonce(USED_MAX), now + LIFE + LIFE, now + LIFE));
        assert_eq!(used.0.len(), 1);
    }
}
