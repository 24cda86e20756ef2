//! Which terms a chunk surely does not have: most searches look for what few chunks hold.

use super::terms::Token;
use minicbor::{Decode, Encode, bytes::ByteVec};
use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable as _, Filter as _, FilterRef as _};

/// Bytes of a filter's description.
const DESCRIPTION: usize = BinaryFuse8::DESCRIPTOR_LEN;

/// About nine bits a term; of the terms that are not there, one in 256 passes. One that says nothing lets every term pass.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Filter {
    #[n(0)]
    description: ByteVec,
    #[n(1)]
    fingerprints: ByteVec,
}

impl Default for Filter {
    fn default() -> Self {
        Self { description: Vec::new().into(), fingerprints: Vec::new().into() }
    }
}

impl Filter {
    /// Of terms that are all different.
    pub fn of(terms: &[Token]) -> Self {
        let Ok(filter) = BinaryFuse8::try_from(terms) else { return Self::default() };
        let mut description = vec![0; DESCRIPTION];
        filter.dma_copy_descriptor_to(&mut description);
        Self { description: description.into(), fingerprints: filter.dma_fingerprints().to_vec().into() }
    }

    /// Whether the term may be there.
    pub fn may_hold(&self, term: Token) -> bool {
        !self.is_sound() || BinaryFuse8Ref::from_dma(&self.description, &self.fingerprints).contains(&term)
    }

    /// Whether every place that the description leads to is there: a description that is not of these fingerprints would
    /// lead past them.
    fn is_sound(&self) -> bool {
        let number = |at: usize| {
            let bytes = self.description.get(at..at + 4).and_then(<[u8]>::first_chunk::<4>);
            bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
        };
        let (segment, mask, starts) = (number(8), number(12), number(16));
        self.description.len() == DESCRIPTION
            && segment.is_power_of_two()
            && mask == segment - 1
            && starts > 0
            && starts.is_multiple_of(segment)
            && self.fingerprints.len() as u64 >= starts + 2 * segment
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::{collection::btree_set, prelude::*};

    proptest! {
        #[test]
        fn what_is_there_passes_and_most_else_does_not(terms in btree_set(0_u64..1 << 48, 0..3000)) {
            let all: Vec<Token> = terms.iter().copied().collect();
            let filter = Filter::of(&all);
            prop_assert!(all.iter().all(|term| filter.may_hold(*term)));
            let others: Vec<Token> = (0..20_000).map(|n: u64| n * 7_919 + 3).filter(|n| !terms.contains(n)).collect();
            let passing = others.iter().filter(|term| filter.may_hold(**term)).count();
            // One in 256 would be 78.
            prop_assert!(all.is_empty() || passing < 400, "{passing}");
        }

        #[test]
        fn a_filter_that_was_altered_never_leads_astray(
            at in 0_usize..DESCRIPTION,
            with: u8,
            cut in 0_usize..400,
            term in 0_u64..1 << 48,
        ) {
            let mut filter = Filter::of(&(0..200).collect::<Vec<_>>());
            let mut description = filter.description.to_vec();
            *description.get_mut(at).unwrap() = with;
            filter.description = description.into();
            let mut fingerprints = filter.fingerprints.to_vec();
            fingerprints.truncate(cut);
            filter.fingerprints = fingerprints.into();
            filter.may_hold(term);
        }
    }

    #[test]
    fn without_a_filter_everything_passes() {
        assert!(Filter::default().may_hold(7));
    }
}
