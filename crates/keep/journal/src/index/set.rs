//! Rows of one chunk as a set of bits, and how a list of rows is written.

/// Rows in a chunk at most: a row's number has 16 bits.
pub(crate) const ROWS_MAX: usize = 1 << 16;
const WORDS: usize = ROWS_MAX / 64;
/// Lists longer than this are written as the set itself.
const LIST_MAX: usize = 4096;
const SET_BYTES: usize = ROWS_MAX / 8;

/// A set of rows.
#[derive(Clone)]
pub(crate) struct Set(Box<[u64]>);

impl Set {
    pub fn empty() -> Self {
        Self(vec![0; WORDS].into_boxed_slice())
    }

    pub fn insert(&mut self, row: u16) {
        if let Some(word) = self.0.get_mut(usize::from(row) / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub fn contains(&self, row: u16) -> bool {
        self.word(usize::from(row) / 64) >> (row % 64) & 1 == 1
    }

    pub fn keep(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    pub fn add(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = u16> + '_ {
        let places = self.0.iter().enumerate();
        places.flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                u16::try_from(place * 64 + bit as usize).ok()
            })
        })
    }

    fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or(0)
    }

    /// The last row before `end`.
    pub fn before(&self, end: usize) -> Option<u16> {
        let (last, bits) = (end / 64, end % 64);
        let partial = self.0.get(last).map_or(0, |word| word & ((1_u64 << bits) - 1));
        let words = std::iter::once((last, partial)).chain((0..last.min(WORDS)).rev().map(|at| (at, self.word(at))));
        let (at, word) = words.into_iter().find(|(_, word)| *word != 0)?;
        u16::try_from(at * 64 + 63 - word.leading_zeros() as usize).ok()
    }
}

/// Writes rows, which are in order: differences of one to three bytes, or the set's own bytes.
pub(crate) fn write(rows: &[u16], into: &mut Vec<u8>) {
    if rows.len() > LIST_MAX {
        let mut set = Set::empty();
        rows.iter().for_each(|row| set.insert(*row));
        set.0.iter().for_each(|word| into.extend_from_slice(&word.to_le_bytes()));
        return;
    }
    let mut before = 0_u16;
    for row in rows {
        let mut left = row.wrapping_sub(before);
        before = *row;
        while left >= 0x80 {
            into.push(u8::try_from(left & 0x7f).unwrap_or(0) | 0x80);
            left >>= 7;
        }
        into.push(u8::try_from(left).unwrap_or(0));
    }
}

/// How many bytes `count` rows take at most: what must be read to read them.
pub(crate) fn bytes_max(count: usize) -> usize {
    if count > LIST_MAX { SET_BYTES } else { count * 3 }
}

/// Reads `count` rows back; nothing if the bytes are not as [`write`] leaves them.
pub(crate) fn read(bytes: &[u8], count: usize) -> Option<Set> {
    if count > LIST_MAX {
        let (words, _) = bytes.get(..SET_BYTES)?.as_chunks::<8>();
        return Some(Set(words.iter().map(|word| u64::from_le_bytes(*word)).collect()));
    }
    let (mut set, mut at, mut row) = (Set::empty(), bytes.iter(), 0_u32);
    for _ in 0..count {
        let (mut left, mut shift) = (0_u32, 0);
        loop {
            let byte = u32::from(*at.next()?);
            left |= (byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 14 {
                return None;
            }
        }
        row += left;
        set.insert(u16::try_from(row).ok()?);
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::{collection::btree_set, prelude::*};

    proptest! {
        #[test]
        fn lists_read_back(rows in btree_set(any::<u16>(), 0..9000), end in 0..=ROWS_MAX) {
            let rows: Vec<u16> = rows.into_iter().collect();
            let mut bytes = Vec::new();
            write(&rows, &mut bytes);
            prop_assert!(bytes.len() <= bytes_max(rows.len()));
            let set = read(&bytes, rows.len()).unwrap();
            prop_assert_eq!(set.rows().collect::<Vec<_>>(), rows.clone());
            prop_assert_eq!((set.len(), set.is_empty()), (rows.len(), rows.is_empty()));
            let before = rows.iter().copied().rfind(|row| usize::from(*row) < end);
            prop_assert_eq!(set.before(end), before);
        }

        #[test]
        fn sets_meet_and_join(one in btree_set(any::<u16>(), 0..200), two in btree_set(any::<u16>(), 0..200)) {
            let set = |rows: &std::collections::BTreeSet<u16>| {
                let mut set = Set::empty();
                rows.iter().for_each(|row| set.insert(*row));
                set
            };
            let (mut both, mut any) = (set(&one), set(&one));
            both.keep(&set(&two));
            any.add(&set(&two));
            prop_assert!(both.rows().eq(one.intersection(&two).copied()));
            prop_assert!(any.rows().eq(one.union(&two).copied()));
            prop_assert!((0..=u16::MAX).step_by(97).all(|row| any.contains(row) == (one.contains(&row) || two.contains(&row))));
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>, count in 0..10_000_usize) {
            let _ = read(&bytes, count);
        }
    }
}
