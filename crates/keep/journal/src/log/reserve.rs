//! The reserve: a preallocated file of revocations, so that a cut or a sign-out is durable even when the disk is full,
//! and never waits for the writer.
//!
//! `revocations` is an array of 128-byte slots. The first one states how many there are; each other one is zero or one
//! revocation. A slot lies in one sector of any disk, so it is written whole or not at all. Every slot in use is signed,
//! its number and the log's origin included, and its rest is zero.

use super::{
    Bad, LogError,
    disk::{Disk, write_zeros},
    io_error,
    note::{Signer, VKey},
};
use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use types::Time;

/// The file.
pub(crate) const REVOCATIONS: &str = "revocations";
/// The file at most: 1,048,577 slots.
pub(crate) const RESERVE_BYTES_MAX: u64 = 1_048_577 * SLOT_BYTES as u64;

const SLOT_BYTES: usize = 128;
const FIELDS_BYTES: usize = 37;
const HEADER_MAGIC: &[u8; 4] = b"PRVH";
const MAGIC: &[u8; 4] = b"PRV1";
/// Ends in NUL, which no note may hold.
const DOMAIN: &[u8] = b"poterne/journal/revocation/v1\0";

/// Something cut, locked or signed out, in force until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// What kind of subject; the journal gives the numbers their meaning.
    pub kind: u8,
    /// Which one.
    pub subject: [u8; 16],
    /// When it was revoked.
    pub at: Time,
    /// When the subject would have ended by itself: the revocation is kept until then.
    pub until: Time,
}

impl Revocation {
    fn fields(&self) -> [u8; FIELDS_BYTES] {
        let parts: [&[u8]; 5] =
            [MAGIC, &[self.kind], &self.subject, &self.at.micros().to_be_bytes(), &self.until.micros().to_be_bytes()];
        filled(&parts)
    }

    fn parse(fields: &[u8]) -> Option<Self> {
        let rest = fields.strip_prefix(MAGIC)?;
        let (kind, rest) = rest.split_first()?;
        let (subject, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let until = rest.try_into().ok()?;
        let time = |bytes| Time::from_micros(i64::from_be_bytes(bytes));
        Some(Self { kind: *kind, subject: *subject, at: time(*at), until: time(until) })
    }
}

/// The parts one after another, then zeros.
fn filled<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(parts.iter().copied().flatten()).for_each(|(to, from)| *to = *from);
    out
}

fn header_fields(slots: u32) -> [u8; FIELDS_BYTES] {
    filled(&[HEADER_MAGIC, &slots.to_be_bytes()])
}

fn signed_message(origin: &str, slot: u32, fields: &[u8]) -> Vec<u8> {
    let mut message = DOMAIN.to_vec();
    message.extend_from_slice(origin.as_bytes());
    message.push(0);
    message.extend_from_slice(&slot.to_be_bytes());
    message.extend_from_slice(fields);
    message
}

fn sealed_slot(signer: &Signer, slot: u32, fields: &[u8; FIELDS_BYTES]) -> [u8; SLOT_BYTES] {
    filled(&[fields, &signer.sign_raw(&signed_message(signer.origin(), slot, fields))])
}

/// The fields of a slot in use, if it is signed for this place and zero after the signature.
fn opened_slot<'a>(vkey: &VKey, slot: u32, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (fields, rest) = bytes.split_at_checked(FIELDS_BYTES)?;
    let (signature, padding) = rest.split_at_checked(64)?;
    let good =
        padding.iter().all(|byte| *byte == 0) && vkey.verifies(&signed_message(vkey.name(), slot, fields), signature);
    good.then_some(fields)
}

/// A whole reserve with these slots.
pub(super) fn whole(signer: &Signer, slots: &[Option<Revocation>]) -> Vec<u8> {
    let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    let mut bytes = sealed_slot(signer, 0, &header_fields(count)).to_vec();
    for (number, slot) in (1..).zip(slots) {
        bytes.extend(slot.map_or([0; SLOT_BYTES], |revocation| sealed_slot(signer, number, &revocation.fields())));
    }
    bytes
}

/// The same with these revocations in its first slots.
#[cfg(any(test, fuzzing))]
pub(super) fn written(signer: &Signer, slots: u32, revocations: &[Revocation]) -> Vec<u8> {
    let mut all: Vec<_> = revocations.iter().copied().map(Some).collect();
    all.resize(slots as usize, None);
    whole(signer, &all)
}

/// Reads a whole reserve: each slot's revocation, in order; or the first slot that is not as it must be.
pub(crate) fn parse(bytes: &[u8], vkey: &VKey) -> Result<Vec<Option<Revocation>>, Bad> {
    let bad = |slot: usize, what: &str| Bad::new(REVOCATIONS, format!("byte {}: {what}", slot * SLOT_BYTES));
    let (chunks, rest) = bytes.as_chunks::<SLOT_BYTES>();
    let Some((header, slots)) = chunks.split_first() else { return Err(bad(0, "not a reserve")) };
    let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    if !rest.is_empty() || opened_slot(vkey, 0, header) != Some(&header_fields(count)) {
        return Err(bad(0, "the first slot does not vouch for a file of this length"));
    }
    let read = |(number, slot): (u32, &[u8; SLOT_BYTES])| {
        if slot.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let revocation = opened_slot(vkey, number, slot).and_then(Revocation::parse);
        revocation.map(Some).ok_or_else(|| bad(number as usize, "this slot is neither empty nor signed by the log"))
    };
    (1..).zip(slots).map(read).collect()
}

/// The revocations in force in the reserve of a log that this process does not have open.
pub fn read_revocations(folder: &Path, vkey: &VKey, now: Time) -> Result<Vec<Revocation>, Bad> {
    let slots = parse(&super::disk::load(folder, REVOCATIONS, RESERVE_BYTES_MAX)?, vkey)?;
    Ok(slots.into_iter().flatten().filter(|revocation| revocation.until > now).collect())
}

/// Writes a new reserve out in full, under an unfinished name first.
pub(crate) fn create(disk: &dyn Disk, folder: &Path, signer: &Signer, slots: u32) -> io::Result<()> {
    let path = folder.join(REVOCATIONS);
    let unfinished = folder.join(format!("{REVOCATIONS}{}", super::disk::UNFINISHED));
    let file = disk.create(&unfinished)?;
    let header = sealed_slot(signer, 0, &header_fields(slots));
    let end = (u64::from(slots) + 1) * SLOT_BYTES as u64;
    let written = disk
        .write_at(&file, &header, 0)
        .and_then(|()| write_zeros(disk, &file, SLOT_BYTES as u64, end))
        .and_then(|()| disk.sync(&file))
        .and_then(|()| disk.rename(&unfinished, &path));
    if written.is_err() {
        let _ = disk.remove(&unfinished);
    }
    written
}

struct Inner {
    file: File,
    disk: Arc<dyn Disk>,
    signer: Signer,
    slots: Mutex<Vec<Option<Revocation>>>,
    /// Keeps the folder ours as long as the reserve is in use.
    _lock: Arc<File>,
}

/// The reserve of an open log. It shares nothing with the log's threads but the key.
#[derive(Clone)]
pub struct Reserve(Arc<Inner>);

impl Reserve {
    /// Opens the reserve and returns the revocations in force at `now`.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        signer: Signer,
        lock: Arc<File>,
        now: Time,
    ) -> Result<(Self, Vec<Revocation>), LogError> {
        let bytes = super::disk::load(folder, REVOCATIONS, RESERVE_BYTES_MAX)?;
        let slots = parse(&bytes, signer.vkey())?;
        let file = OpenOptions::new().read(true).write(true).open(folder.join(REVOCATIONS));
        let file = file.map_err(|error| io_error(REVOCATIONS, &error))?;
        let live = slots.iter().flatten().filter(|r| r.until > now).copied().collect();
        let inner = Inner { file, disk, signer, slots: Mutex::new(slots), _lock: lock };
        Ok((Self(Arc::new(inner)), live))
    }

    /// Records a revocation; durable when it returns. It waits for one 128-byte write and its sync, for nothing else.
    /// Slots whose revocation has ended at `at` serve again. What is already recorded for as long is not written twice.
    pub fn record(&self, kind: u8, subject: [u8; 16], at: Time, until: Time) -> Result<(), LogError> {
        let revocation = Revocation { kind, subject, at, until };
        let mut slots = self.0.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |r: &Revocation| r.kind == kind && r.subject == subject && r.until >= until;
        if slots.iter().flatten().any(known) {
            return Ok(());
        }
        let free = slots.iter_mut().enumerate().find(|(_, slot)| slot.is_none_or(|r| r.until <= at));
        let (place, slot) = free.ok_or(LogError::ReserveFull)?;
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let bytes = sealed_slot(&self.0.signer, number, &revocation.fields());
        let offset = u64::from(number) * SLOT_BYTES as u64;
        let written = self.0.disk.write_at(&self.0.file, &bytes, offset);
        let done = written.and_then(|()| self.0.disk.sync(&self.0.file));
        // After a failure the slot counts as free: the next record overwrites whatever it holds.
        *slot = done.is_ok().then_some(revocation);
        done.map_err(|error| io_error(REVOCATIONS, &error))
    }

    /// Takes a revocation back: durable when it returns. After a failure it is in force as before.
    pub fn lift(&self, kind: u8, subject: [u8; 16]) -> Result<(), LogError> {
        let mut slots = self.0.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let its = |slot: &Option<Revocation>| slot.is_some_and(|r| r.kind == kind && r.subject == subject);
        for (place, slot) in slots.iter_mut().enumerate().filter(|(_, slot)| its(slot)) {
            let offset = (place as u64 + 1) * SLOT_BYTES as u64;
            let written = self.0.disk.write_at(&self.0.file, &[0; SLOT_BYTES], offset);
            written.and_then(|()| self.0.disk.sync(&self.0.file)).map_err(|error| io_error(REVOCATIONS, &error))?;
            *slot = None;
        }
        Ok(())
    }

    /// How many revocations it can hold, and how many of its slots are in force at `now`.
    pub fn usage(&self, now: Time) -> (usize, usize) {
        let slots = self.0.slots.lock().unwrap_or_else(PoisonError::into_inner);
        (slots.len(), slots.iter().flatten().filter(|r| r.until > now).count())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::log::disk::RealDisk;
    use std::{collections::BTreeMap, fs};

    fn signer() -> Signer {
        Signer::from_seed("example.test/log", &[5; 32]).unwrap()
    }

    fn open(folder: &Path, now: i64) -> Result<(Reserve, Vec<Revocation>), LogError> {
        let lock = Arc::new(File::open(folder).unwrap());
        Reserve::open(Arc::new(RealDisk), folder, signer(), lock, Time::from_micros(now))
    }

    fn record(reserve: &Reserve, subject: u8, at: i64, until: i64) -> Result<(), LogError> {
        reserve.record(1, [subject; 16], Time::from_micros(at), Time::from_micros(until))
    }

    #[test]
    fn what_is_recorded_is_replayed_until_its_end() {
        let folder = tempfile::tempdir().unwrap();
        create(&RealDisk, folder.path(), &signer(), 3).unwrap();
        let (reserve, live) = open(folder.path(), 0).unwrap();
        assert_eq!(live, []);
        record(&reserve, 1, 10, 100).unwrap();
        record(&reserve, 2, 11, 200).unwrap();
        record(&reserve, 2, 12, 200).unwrap();
        record(&reserve, 3, 13, 300).unwrap();
        assert_eq!(record(&reserve, 4, 99, 400), Err(LogError::ReserveFull));
        assert_eq!(reserve.usage(Time::from_micros(99)), (3, 3));
        drop(reserve);
        let subjects = |live: &[Revocation]| live.iter().map(|r| r.subject[0]).collect::<Vec<_>>();
        let (reserve, live) = open(folder.path(), 99).unwrap();
        assert_eq!(subjects(&live), [1, 2, 3]);
        record(&reserve, 4, 100, 400).unwrap();
        drop(reserve);
        let (_, live) = open(folder.path(), 250).unwrap();
        assert_eq!(subjects(&live), [4, 3]);
    }

    #[test]
    fn what_is_lifted_is_not_replayed_and_its_slots_serve_again() {
        let folder = tempfile::tempdir().unwrap();
        create(&RealDisk, folder.path(), &signer(), 3).unwrap();
        let (reserve, _) = open(folder.path(), 0).unwrap();
        record(&reserve, 1, 10, 100).unwrap();
        record(&reserve, 2, 10, 100).unwrap();
        record(&reserve, 1, 20, 200).unwrap();
        reserve.lift(2, [1; 16]).unwrap();
        assert_eq!(reserve.usage(Time::from_micros(30)), (3, 3), "of another kind");
        reserve.lift(1, [1; 16]).unwrap();
        assert_eq!(reserve.usage(Time::from_micros(30)), (3, 1));
        record(&reserve, 3, 30, 300).unwrap();
        drop(reserve);
        let (_, live) = open(folder.path(), 40).unwrap();
        let mut subjects: Vec<u8> = live.iter().map(|r| r.subject[0]).collect();
        subjects.sort_unstable();
        assert_eq!(subjects, [2, 3]);
    }

    #[test]
    fn a_longer_end_replaces_a_shorter_one() {
        let folder = tempfile::tempdir().unwrap();
        create(&RealDisk, folder.path(), &signer(), 4).unwrap();
        let (reserve, _) = open(folder.path(), 0).unwrap();
        record(&reserve, 1, 10, 100).unwrap();
        record(&reserve, 1, 20, 150).unwrap();
        drop(reserve);
        let (_, live) = open(folder.path(), 0).unwrap();
        let latest: BTreeMap<_, _> = live.iter().map(|r| (r.subject, r.until.micros())).collect();
        assert_eq!(latest.get(&[1; 16]), Some(&150));
    }

    #[test]
    fn every_flipped_byte_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        create(&RealDisk, folder.path(), &signer(), 3).unwrap();
        let (reserve, _) = open(folder.path(), 0).unwrap();
        record(&reserve, 1, 10, 100).unwrap();
        let good = fs::read(folder.path().join(REVOCATIONS)).unwrap();
        assert!(parse(&good, signer().vkey()).is_ok());
        for i in 0..good.len() {
            for mask in [1, 0x80] {
                let mut bad = good.clone();
                bad[i] ^= mask;
                let seen = parse(&bad, signer().vkey()).unwrap_err();
                assert_eq!(seen.what.split(':').next().unwrap(), format!("byte {}", i / 128 * 128));
            }
        }
        for len in 0..good.len() {
            assert!(parse(&good[..len], signer().vkey()).is_err(), "cut at {len}");
        }
        // A slot moved to another place, and one of another log.
        let mut moved = good.clone();
        moved.copy_within(128..256, 256);
        assert!(parse(&moved, signer().vkey()).is_err());
        let other = Signer::from_seed("example.test/other", &[5; 32]).unwrap();
        assert!(parse(&good, other.vkey()).is_err());
    }
}
