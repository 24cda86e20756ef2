//! What must be true of whatever a decoder of recordings is given: for the fuzzers of `fuzz/`, and for a test that mutates the
//! same seeds. As in the journal's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::recording::fuzzing as recordings;

pub use crate::recording::fuzzing::{recording, recording_slot, recording_text};

/// A decoder: its name, what must be true of whatever it is given, valid inputs.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// Every decoder of recordings.
pub const TARGETS: &[Target] = &[
    ("recording", recording, recordings::recording_seeds),
    ("recording_text", recording_text, recordings::text_seeds),
    ("recording_slot", recording_slot, recordings::slot_seeds),
];

#[cfg(test)]
mod tests {
    use super::TARGETS;
    use proptest::{prelude::*, sample::Index};
    use std::{fs, path::Path};

    proptest! {
        #[test]
        fn no_decoder_panics_or_takes_what_was_not_written(
            seed: Index,
            changes in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..4), 0..4),
        ) {
            for (_, check, seeds) in TARGETS {
                let seeds = seeds();
                let mut bytes = seeds[seed.index(seeds.len())].clone();
                for (at, with, how) in &changes {
                    let at = at.index(bytes.len() + 1);
                    match how {
                        0 => bytes.truncate(at),
                        1 => bytes.insert(at, *with),
                        2 => drop(bytes.drain(at..(at + usize::from(*with)).min(bytes.len()))),
                        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = *with),
                    }
                }
                check(&bytes);
            }
        }
    }

    #[test]
    fn every_decoder_has_its_fuzzer() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/fuzz_targets");
        for (name, ..) in TARGETS {
            let text = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap_or_default();
            assert!(text.contains(&format!("interventions::fuzzing::{name}(bytes)")), "{name}");
        }
    }
}
