//! The keys of entries' bodies: as entries give them, opened when they are first needed.

use crate::{
    entry::{Body, Parts, split},
    seal::Opening,
};
use std::collections::HashMap;
use vault::MonthKeys;

enum Key {
    Sealed,
    Open(Opening),
    Refused,
}

struct Held {
    /// The entry that gives it.
    entry: Vec<u8>,
    /// The month's key to which it is sealed.
    group: String,
    key: Key,
}

/// Keys by their names.
#[derive(Default)]
pub(crate) struct Keyring(HashMap<[u8; 8], Held>);

impl Keyring {
    /// Takes a key entry in; what is none is left.
    pub fn add(&mut self, entry: &[u8]) {
        let Ok(parts) = split(entry) else { return };
        let Ok(group) = Opening::group(&parts.body) else { return };
        let held = || Held { entry: entry.to_vec(), group, key: Key::Sealed };
        self.0.entry(parts.header.seal_key).or_insert_with(held);
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The month that a key belongs to; nothing if the key is not known.
    pub fn group(&self, name: &[u8; 8]) -> Option<&str> {
        self.0.get(name).map(|held| held.group.as_str())
    }

    /// The entry that gives a key.
    pub fn entry(&self, name: &[u8; 8]) -> Option<&[u8]> {
        self.0.get(name).map(|held| held.entry.as_slice())
    }

    /// Opens an entry's body; nothing if its key is gone or refused, or the body is not sealed by it.
    pub fn body(&mut self, parts: &Parts, months: &MonthKeys) -> Option<Body> {
        let held = self.0.get_mut(&parts.header.seal_key)?;
        if matches!(held.key, Key::Sealed) {
            let of = split(&held.entry).ok()?;
            let opened = Opening::of(&of.header_bytes, &of.body, months);
            held.key = opened.map_or(Key::Refused, Key::Open);
        }
        match &held.key {
            Key::Open(opening) => opening.body(parts.header.number, &parts.header_bytes, &parts.body).ok(),
            _ => None,
        }
    }

    /// Whether a key's month is gone, as far as is known: it was asked for and refused.
    pub fn is_refused(&self, name: &[u8; 8]) -> bool {
        self.0.get(name).is_some_and(|held| matches!(held.key, Key::Refused))
    }

    /// Forgets what opens the keys of the months that are not there any more.
    pub fn lock_unless(&mut self, there: impl Fn(&str) -> bool) {
        let gone = self.0.values_mut().filter(|held| matches!(held.key, Key::Open(_)) && !there(&held.group));
        gone.for_each(|held| held.key = Key::Refused);
    }
}
