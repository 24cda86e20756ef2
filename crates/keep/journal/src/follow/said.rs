//! What entries say of the months' pairs, in clear: to which they are sealed, and which were destroyed.

use super::FollowError;
use crate::{
    Kind,
    entry::{header, split},
    retention::{Month, Statement},
    seal::Opening,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use types::{Family, Time};
use vault::MonthKeys;

/// Pairs of one journal at most: all families, for more than a hundred years.
const PAIRS_MAX: usize = 8_192;
/// Pairs asked for in one go.
const ASKED_MAX: usize = 8;
/// A pair that the other node has not is asked for again after this.
const ABSENT_FOR: Duration = Duration::from_secs(60);

/// What some entries say.
#[derive(Default)]
pub(super) struct Said {
    pub groups: BTreeSet<String>,
    destroyed: BTreeSet<String>,
    newest: Option<Time>,
}

/// The family and month of a pair's name.
fn family_month(name: &str) -> Option<(Family, Month)> {
    let (family, month) = name.split_once('-')?;
    Some((family.parse().ok()?, month.parse().ok()?))
}

impl Said {
    /// Reads one entry. One that nobody here understands is refused: what is kept can be searched.
    pub fn see(&mut self, index: u64, entry: &[u8]) -> Result<(), FollowError> {
        let unreadable = |why: String| FollowError::Unreadable(format!("entry {index} cannot be read ({why})"));
        let header = header(entry).map_err(unreadable)?;
        self.newest = self.newest.max(Some(header.time));
        if header.kind == Kind::SealKey {
            let parts = split(entry).map_err(unreadable)?;
            let group = Opening::group(&parts.body).map_err(|error| unreadable(error.to_string()))?;
            if family_month(&group).is_none() {
                return Err(unreadable("it names no pair of a month".to_owned()));
            }
            self.groups.insert(group);
        }
        if let Some(Statement::Destroyed { pair }) = header.statement.as_deref().and_then(Statement::decode)
            && family_month(&pair).is_some()
        {
            self.destroyed.insert(pair);
        }
        if self.groups.len() > PAIRS_MAX || self.destroyed.len() > PAIRS_MAX {
            return Err(unreadable("the journal names more months than there can be".to_owned()));
        }
        Ok(())
    }
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

    /// Adds what verified entries say; what they say is destroyed goes here too, past its family's floor.
    pub fn hear(&mut self, said: Said, now: Time) -> Result<(), FollowError> {
        self.said.groups.extend(said.groups);
        self.said.destroyed.extend(said.destroyed);
        self.said.newest = self.said.newest.max(said.newest);
        if self.said.groups.len() > PAIRS_MAX || self.said.destroyed.len() > PAIRS_MAX {
            return Err(FollowError::Unreadable("its journal names more months than there can be".to_owned()));
        }
        for pair in self.said.destroyed.iter().filter(|pair| past_its_floor(pair, now)) {
            // A tombstone stays where there never was a copy: none is asked for any more.
            if self.months.has(pair) || !self.months.is_destroyed(pair) {
                self.months.destroy(pair).map_err(|error| FollowError::Copy(error.to_string()))?;
                tracing::info!(pair, "the followed journal says that this key was destroyed: its copy went too");
            }
        }
        Ok(())
    }

    pub fn disputed(&self) -> Vec<String> {
        self.said.destroyed.iter().filter(|pair| !self.months.is_destroyed(pair)).cloned().collect()
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        Outcome,
        entry::{Header, join},
    };
    use types::{ClockState, Event, TraceId};
    use vault::MasterKey;

    fn destroyed(pair: &str) -> Vec<u8> {
        let header = Header {
            kind: Kind::Note,
            event: Event::KeyDestroyed,
            time: Time::from_micros(0),
            clock: ClockState::Unknown,
            trace: TraceId::from_bytes([1; 16]),
            outcome: Some(Outcome::Done),
            seal_key: [0; 8],
            number: 0,
            salt: [0; 16],
            statement: Some(Statement::Destroyed { pair: pair.into() }.encode()),
        };
        join(header.encode(), vec![0; 32])
    }

    #[test]
    fn a_copy_of_a_pair_goes_with_it_and_never_before_anybody_could_have_decided_so() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let there = folder.path().join("vault");
        let theirs = MonthKeys::new(&there, &master).unwrap();
        let names = ["access-2026-01", "health-2026-01"].map(|name| {
            let (family, month) = name.split_once('-').unwrap();
            theirs.seal_to(family, month).unwrap().name
        });
        let mut pairs = Pairs::new(theirs.copied_in(&folder.path().join("copies")));
        let mut said = Said::default();
        said.groups.extend(names.clone());
        said.see(0, &destroyed("nothing")).unwrap();
        pairs.hear(said, Time::from_micros(0)).unwrap();
        assert_eq!(pairs.missing(&BTreeSet::new()).len(), 2);
        for name in &names {
            pairs.take(name, vault::pair_file(&there, name).as_deref());
        }
        assert!(pairs.missing(&BTreeSet::new()).is_empty());
        // Seven months later: the floor of the one is past, that of the other is years away.
        let later = "2026-08".parse::<Month>().unwrap().start();
        let mut said = Said::default();
        names.iter().for_each(|name| said.see(1, &destroyed(name)).unwrap());
        pairs.hear(said, later).unwrap();
        assert_eq!(pairs.disputed(), ["health-2026-01"]);
        assert!(!pairs.months.has("access-2026-01") && pairs.months.has("health-2026-01"));
        // It is not asked for again, and does not come back.
        assert!(pairs.missing(&BTreeSet::new()).is_empty());
        pairs.take("access-2026-01", vault::pair_file(&there, "access-2026-01").as_deref());
        assert!(!pairs.months.has("access-2026-01"));
        let far = "2050-01".parse::<Month>().unwrap().start();
        pairs.hear(Said::default(), far).unwrap();
        assert!(pairs.disputed().is_empty() && !pairs.months.has("health-2026-01"));
    }
}
