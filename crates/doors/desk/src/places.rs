//! Places among those who read recordings: so many in all, and so many for each account, so that nobody takes them all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use types::AccountId;

/// The places. Clones are handles.
#[derive(Clone)]
pub(crate) struct Places(Arc<Inner>);

struct Inner {
    all_max: usize,
    each_max: usize,
    taken: Mutex<HashMap<AccountId, usize>>,
}

/// A place; dropped, it is free again.
pub(crate) struct Place {
    places: Places,
    account: AccountId,
}

impl Places {
    pub(crate) fn new(all_max: usize, each_max: usize) -> Self {
        Self(Arc::new(Inner { all_max, each_max, taken: Mutex::default() }))
    }

    /// A place for this account; none when all are taken, or all of his.
    pub(crate) fn take(&self, account: AccountId) -> Option<Place> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (taken.values().sum::<usize>(), taken.get(&account).copied().unwrap_or(0));
        if all >= self.0.all_max || own >= self.0.each_max {
            return None;
        }
        taken.insert(account, own + 1);
        Some(Place { places: self.clone(), account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.account) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account(number: u8) -> AccountId {
        AccountId::from_bytes([number; 16])
    }

    #[test]
    fn one_account_never_takes_the_places_of_others() {
        let places = Places::new(8, 2);
        let one = places.take(account(1)).unwrap();
        let two = places.take(account(1)).unwrap();
        assert!(places.take(account(1)).is_none(), "two are all of his");
        let others: Vec<_> =
            (2..5).flat_map(|other| [places.take(account(other)), places.take(account(other))]).collect();
        assert!(others.iter().all(Option::is_some));
        assert!(places.take(account(9)).is_none(), "eight are all there are");
        drop(one);
        let again = places.take(account(1)).unwrap();
        assert!(places.take(account(1)).is_none());
        drop((again, two));
        assert!(places.take(account(9)).is_some() && places.take(account(1)).is_some());
    }

    #[test]
    fn whoever_left_is_not_remembered() {
        let places = Places::new(8, 2);
        for number in 0..100 {
            drop((places.take(account(number)).unwrap(), places.take(account(number)).unwrap()));
        }
        assert!(places.0.taken.lock().unwrap().is_empty());
    }
}
