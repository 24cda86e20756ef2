//! Where a journal's reading begins: at its first entry, or at the minimum that one of its own entries states.
//!
//! The log's note names that entry. What it carries is believed only as far as the pass that follows finds it there, in
//! its place, under the tree; and as far as what remains shows that its months were over for as long as they must be.

use super::{Book, Ledger, Month, Raised, Statement, ledger::Age};
use crate::{
    entry::header,
    log::{
        Bad, Files, Minimum, load_checkpoint, load_minimum, load_vkey,
        tiles::{BUNDLE_BYTES_MAX, Entries, Kind, Tile},
        tree::WIDTH,
    },
};
use std::path::Path;
use types::Time;

/// The file of the log's note, for whoever is told.
const FILE: &str = "minimum";

/// The minimum and what its statement says.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub minimum: Minimum,
    pub raised: Raised,
    /// The statement, as it was read.
    bytes: Vec<u8>,
}

impl Begun {
    /// Reads both; nothing for a journal that is kept from its first entry on.
    pub(crate) fn read<F: Files + ?Sized>(files: &F) -> Result<Option<Self>, Bad> {
        let vkey = load_vkey(files)?;
        let Some(minimum) = load_minimum(files, &vkey)? else { return Ok(None) };
        let size = load_checkpoint(files, &vkey)?.size;
        let at = minimum.stated_at;
        let bad = |what: &str| Bad::new(FILE, what).at(at);
        let tile = Tile::at(Kind::Entries, at / WIDTH, size).filter(|_| at < size);
        let tile = tile.ok_or_else(|| bad("is stated by an entry that is not there"))?;
        let bundle = files.load(&tile.path(), BUNDLE_BYTES_MAX)?;
        let place = usize::try_from(at % WIDTH).unwrap_or(usize::MAX);
        let entry = Entries::new(&bundle).nth(place).and_then(Result::ok);
        let bytes = entry.and_then(|entry| header(entry).ok()?.statement);
        let bytes = bytes.ok_or_else(|| bad("the entry that it names states nothing"))?;
        let Some(Statement::Raised(raised)) = Statement::decode(&bytes) else {
            return Err(bad("the entry that it names states something else"));
        };
        if (raised.minimum, raised.root) != (minimum.size, minimum.root) || !raised.is_sound() {
            return Err(bad("is not what the entry that it names states"));
        }
        Ok(Some(Self { minimum, raised: *raised, bytes }))
    }
}

/// Follows one pass over the entries that remain.
#[derive(Debug, Default)]
pub(crate) struct Start {
    begun: Option<Begun>,
    age: Age,
    seen: bool,
    confirmed: bool,
    /// The moment that the statement bears.
    stated: Option<Time>,
    /// What an entry disproved.
    objection: Option<String>,
}

impl Start {
    pub(crate) fn of(begun: Option<Begun>) -> Self {
        let age = begun.as_ref().map_or_else(Age::default, |begun| Age::from(newest(&begun.raised)));
        Self { begun, age, ..Self::default() }
    }

    pub(crate) fn begun(&self) -> Option<&Begun> {
        self.begun.as_ref()
    }

    /// The first entry.
    pub(crate) fn first(&self) -> u64 {
        self.begun.as_ref().map_or(0, |begun| begun.minimum.size)
    }

    /// When the minimum was stated, once its statement was seen.
    pub(crate) fn stated(&self) -> Option<Time> {
        self.stated
    }

    /// The next entry; an objection where it disproves the minimum, from then on to every one.
    pub(crate) fn see(&mut self, index: u64, time: Time, statement: Option<&[u8]>) -> Result<(), String> {
        if self.objection.is_none() {
            self.objection = self.judge(index, time, statement).err();
        }
        self.objection.clone().map_or(Ok(()), Err)
    }

    fn judge(&mut self, index: u64, time: Time, statement: Option<&[u8]>) -> Result<(), String> {
        if !std::mem::replace(&mut self.seen, true) {
            if index != self.first() {
                return Err(format!("the journal begins here, its minimum is {}", self.first()));
            }
            if self.begun.as_ref().is_some_and(|begun| Month::of(time) > begun.raised.through) {
                return Err("is younger than what the statement of the minimum covers".to_owned());
            }
        }
        let Some(begun) = self.begun.as_ref().filter(|_| !self.confirmed) else { return Ok(()) };
        self.age.note(time);
        if index < begun.minimum.stated_at {
            return Ok(());
        }
        if index > begun.minimum.stated_at || statement != Some(begun.bytes.as_slice()) {
            return Err("is not the statement that the minimum names".to_owned());
        }
        let raised = &begun.raised;
        if time < raised.term() || self.age.since_end_of(raised.through) < raised.wanted() {
            return Err("raises the minimum before the longest retention of what goes is over".to_owned());
        }
        self.confirmed = true;
        self.stated = Some(time);
        Ok(())
    }

    /// After the last entry: whether the statement was there.
    pub(crate) fn end(&self) -> Result<(), Bad> {
        match &self.begun {
            Some(begun) if !self.confirmed => {
                Err(Bad::new(FILE, "the statement that it names was not found").at(begun.minimum.stated_at))
            }
            _ => Ok(()),
        }
    }
}

/// What a journal's statements decide, entry by entry of a pass of verification, from its minimum on.
#[derive(Debug, Default)]
pub struct Deciding(Ledger);

impl Deciding {
    /// Of the log in a folder.
    pub fn of(folder: &Path) -> Result<Self, Bad> {
        Ok(Self(Ledger::of(Begun::read(folder)?)))
    }

    /// The next entry.
    pub fn note(&mut self, index: u64, entry: &[u8]) -> Result<(), String> {
        self.0.note(index, entry)
    }

    /// After the last one: whether the minimum is stated, if there is one.
    pub fn end(&self) -> Result<(), Bad> {
        self.0.start().end()
    }

    /// What is in force.
    pub fn book(&self) -> &Book {
        &self.0.book
    }
}

pub(crate) fn newest(raised: &Raised) -> Time {
    Time::from_micros(raised.standing.newest_micros)
}
