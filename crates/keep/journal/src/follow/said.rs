//! What entries say of the months' pairs, in clear: to which they are sealed, and which were destroyed.

use super::{FollowError, Inside};
use crate::{
    Kind,
    entry::{Header, header, split},
    retention::{Month, Statement},
    seal::Opening,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};
use types::{Family, Time};
use vault::{MonthKeys, VaultError};

/// Pairs of one journal at most: all families, for forty years.
const PAIRS_MAX: usize = 2_400;
/// Keys of one journal at most: five for each start of its node, once a day for more than thirty years.
const KEYS_MAX: usize = 65_536;
/// An entry that gives a key at most: ours have less than half of it.
const KEY_ENTRY_BYTES_MAX: usize = 512;
/// Pairs asked for in one go.
const ASKED_MAX: usize = 8;
/// How long after its time here a copy waits for its journal to say that it is destroyed.
const SILENT_MONTHS: u16 = 3;
/// Followed journals are eight at most; those followed no longer leave their copies.
const SIBLINGS_MAX: usize = 64;
/// A pair that the other node has not is asked for again after this.
const ABSENT_FOR: Duration = Duration::from_secs(60);

/// What some entries say.
#[derive(Default)]
pub(super) struct Said {
    pub groups: BTreeSet<String>,
    /// What the keys of entries that these entries give are for.
    keys: BTreeMap<[u8; 8], (Family, Month)>,
    destroyed: BTreeSet<String>,
    newest: Option<Time>,
}

/// The family and month of a pair's name.
pub(super) fn family_month(name: &str) -> Option<(Family, Month)> {
    let (family, month) = name.split_once('-')?;
    Some((family.parse().ok()?, month.parse().ok()?))
}

impl Said {
    /// Reads one entry, after what was `known` before these. One that nobody here understands is refused: what is kept can be
    /// searched. So is one that no node writes, whoever signed it: the index, its memory and its moments rest on that.
    pub fn see(&mut self, known: &Self, index: u64, entry: &[u8]) -> Result<(), FollowError> {
        let unreadable = |why: String| FollowError::Unreadable(format!("entry {index} cannot be read ({why})"));
        let header = header(entry).map_err(unreadable)?;
        if header.kind == Kind::SealKey {
            let parts = split(entry).map_err(unreadable)?;
            let group = Opening::group(&parts.body).map_err(|error| unreadable(error.to_string()))?;
            let Some(of) = family_month(&group) else {
                return Err(unreadable("it names no pair of a month".to_owned()));
            };
            self.given(known, &header, of, entry.len()).map_err(|what| impossible(index, what))?;
            if !known.groups.contains(&group) {
                self.groups.insert(group);
            }
        } else {
            self.sealed(known, &header).map_err(|what| impossible(index, what))?;
        }
        self.newest = self.newest.max(Some(header.time));
        if let Some(Statement::Destroyed { pair }) = header.statement.as_deref().and_then(Statement::decode)
            && family_month(&pair).is_some()
            && !known.destroyed.contains(&pair)
        {
            self.destroyed.insert(pair);
        }
        let most = |of: fn(&Self) -> usize, max: usize| of(self) + of(known) > max;
        if most(|said| said.groups.len(), PAIRS_MAX)
            || most(|said| said.destroyed.len(), PAIRS_MAX)
            || most(|said| said.keys.len(), KEYS_MAX)
        {
            return Err(impossible(index, "names more months or keys than a node has"));
        }
        Ok(())
    }

    /// An entry that gives a key: once for each name, in the month that it is for.
    fn given(&mut self, known: &Self, header: &Header, of: (Family, Month), bytes: usize) -> Result<(), &'static str> {
        if bytes > KEY_ENTRY_BYTES_MAX {
            return Err("gives a key and is too long for one");
        }
        if !is_in(header.time, of.1) {
            return Err("gives a key for another month than its own");
        }
        if known.keys.contains_key(&header.seal_key) || self.keys.insert(header.seal_key, of).is_some() {
            return Err("gives a key by a name that has one");
        }
        Ok(())
    }

    /// Any other one: under a key given before, of its own family and month.
    fn sealed(&self, known: &Self, header: &Header) -> Result<(), &'static str> {
        let of = self.keys.get(&header.seal_key).or_else(|| known.keys.get(&header.seal_key));
        match of {
            None => Err("names a key that no entry before it gives"),
            Some((family, month)) if *family != header.event.family() || !is_in(header.time, *month) => {
                Err("stands under the key of another family or month")
            }
            Some(_) => Ok(()),
        }
    }
}

/// Moments outside any calendar are in no month.
fn is_in(moment: Time, month: Month) -> bool {
    month.start() <= moment && moment < month.end()
}

fn impossible(index: u64, what: &str) -> FollowError {
    FollowError::Impossible(format!("entry {index} {what}"))
}

/// The copies of a journal's pairs.
pub(super) struct Pairs {
    months: MonthKeys,
    said: Said,
    absent: BTreeMap<String, Instant>,
}

impl Pairs {
    pub fn new(months: MonthKeys) -> Self {
        Self { months, said: Said::default(), absent: BTreeMap::new() }
    }

    pub fn newest(&self) -> Option<Time> {
        self.said.newest
    }

    pub fn said(&self) -> &Said {
        &self.said
    }

    /// Adds what verified entries say.
    pub fn hear(&mut self, said: Said) {
        self.said.groups.extend(said.groups);
        self.said.keys.extend(said.keys);
        self.said.destroyed.extend(said.destroyed);
        self.said.newest = self.said.newest.max(said.newest);
    }

    /// Destroys the copies that go: those that the journal says are destroyed, and those of which it says nothing long after their
    /// time; none before its retention here is over, and none that a hold here keeps. Gives those whose private key went.
    pub fn tend(&mut self, inside: &Inside) -> Result<Vec<String>, FollowError> {
        let told = |error: VaultError| FollowError::Copy(error.to_string());
        let mut due: BTreeSet<String> =
            self.said.destroyed.iter().filter(|pair| inside.lets_go(pair, 0)).cloned().collect();
        // Where nothing was copied yet there is no folder of copies.
        let copies = self.months.list().unwrap_or_default();
        let late = copies.into_iter().filter(|copy| copy.present && inside.lets_go(&copy.name, SILENT_MONTHS));
        due.extend(late.map(|copy| copy.name));
        let mut went = Vec::new();
        for pair in due {
            // A tombstone stays where there never was a copy: none is asked for any more. What a stop left of a file goes too.
            if !self.months.is_there(&pair) && self.months.is_destroyed(&pair) {
                continue;
            }
            let public = self.months.public_of(&pair);
            let mut gone = self.months.destroy(&pair).map_err(told)?;
            for sibling in self.siblings() {
                let same = public.is_some() && sibling.is_there(&pair) && sibling.public_of(&pair) == public;
                gone |= same && sibling.destroy(&pair).map_err(told)?;
            }
            if gone {
                went.push(pair);
            }
        }
        Ok(went)
    }

    /// The copies of other followed journals: those of one node seal to the same pairs.
    fn siblings(&self) -> Vec<MonthKeys> {
        let own = self.months.folder();
        let all = own.parent().and_then(|all| fs::read_dir(all).ok()).into_iter().flatten().flatten();
        let others = all.map(|one| one.path()).filter(|path| path != own && path.is_dir());
        others.take(SIBLINGS_MAX).map(|folder| self.months.copied_in(&folder)).collect()
    }

    /// Months whose destruction is stated before anybody could have decided it.
    pub fn disputed(&self, now: Time) -> Vec<String> {
        self.said.destroyed.iter().filter(|pair| !past_its_floor(pair, now)).cloned().collect()
    }

    pub fn missing(&mut self, coming: &BTreeSet<String>) -> Vec<String> {
        self.absent.retain(|_, since| since.elapsed() < ABSENT_FOR);
        let all = coming.iter().chain(self.said.groups.iter().rev());
        let asked = |name: &&String| {
            let here = self.months.has(name) || self.months.is_destroyed(name) || self.said.destroyed.contains(*name);
            !here && !self.absent.contains_key(*name)
        };
        all.filter(asked).take(ASKED_MAX).cloned().collect()
    }

    pub fn take(&mut self, name: &str, bytes: Option<&[u8]>) {
        let taken = bytes.map(|bytes| self.months.adopt(name, bytes));
        if let Some(Ok(())) = taken {
            return;
        }
        if let Some(Err(error)) = taken {
            tracing::warn!(pair = name, %error, "what a followed node gives as this pair is none; what is sealed to it stays unread");
        }
        self.absent.insert(name.to_owned(), Instant::now());
    }
}

/// Whether anybody could have decided by now that this pair goes: no retention is shorter than its family's floor.
fn past_its_floor(pair: &str, now: Time) -> bool {
    family_month(pair).is_some_and(|(family, month)| month.plus(family.retention_months_min()).end() <= now)
}

#[cfg(test)]
mod tests;
