//! Terms of the newest rows, in memory: pairs of a token and a row, kept as a few sorted runs.

use super::{set::Set, terms::Token};

/// Pairs that wait unsorted at most.
const FRESH_MAX: usize = 4096;

/// `token << 16 | row`, so that sorting groups the rows of a token.
pub(crate) fn pair(token: Token, row: u16) -> u64 {
    token << 16 | u64::from(row)
}

/// The row of a pair.
pub(crate) fn row_of(pair: u64) -> u16 {
    u16::try_from(pair & 0xffff).unwrap_or(0)
}

/// The token of a pair.
pub(crate) fn token_of(pair: u64) -> Token {
    pair >> 16
}

/// Pairs, added in any order.
#[derive(Default)]
pub(crate) struct Pairs {
    /// Each sorted, each at least twice as long as the next.
    runs: Vec<Vec<u64>>,
    fresh: Vec<u64>,
}

impl Pairs {
    pub fn push(&mut self, token: Token, row: u16) {
        self.fresh.push(pair(token, row));
        if self.fresh.len() >= FRESH_MAX {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let mut run = std::mem::take(&mut self.fresh);
        run.sort_unstable();
        while let Some(before) = self.runs.pop_if(|before| before.len() < 2 * run.len()) {
            // Two sorted runs one after the other: the standard sort merges them.
            run.extend(before);
            run.sort();
        }
        self.runs.push(run);
    }

    pub fn len(&self) -> usize {
        self.fresh.len() + self.runs.iter().map(Vec::len).sum::<usize>()
    }

    /// Adds the rows of a token to a set.
    pub fn rows(&self, token: Token, into: &mut Set) {
        let (from, to) = (pair(token, 0), pair(token, u16::MAX));
        for run in &self.runs {
            let start = run.partition_point(|pair| *pair < from);
            let rows = run.iter().skip(start).take_while(|pair| **pair <= to);
            rows.for_each(|pair| into.insert(row_of(*pair)));
        }
        self.fresh.iter().filter(|pair| token_of(**pair) == token).for_each(|pair| into.insert(row_of(*pair)));
    }

    /// All of them, in no order.
    pub fn into_all(self) -> Vec<u64> {
        let mut all = self.fresh;
        self.runs.into_iter().for_each(|run| all.extend(run));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_token_gives_its_rows(all in vec((0_u64..40, any::<u16>()), 0..20_000)) {
            let mut pairs = Pairs::default();
            all.iter().for_each(|(token, row)| pairs.push(*token, *row));
            prop_assert_eq!(pairs.len(), all.len());
            for token in 0..40 {
                let (mut found, mut expected) = (Set::empty(), Set::empty());
                pairs.rows(token, &mut found);
                all.iter().filter(|(of, _)| *of == token).for_each(|(_, row)| expected.insert(*row));
                prop_assert!(found.rows().eq(expected.rows()));
            }
            let mut given = pairs.into_all();
            let mut expected: Vec<u64> = all.iter().map(|(token, row)| pair(*token, *row)).collect();
            given.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(given, expected);
        }
    }
}
