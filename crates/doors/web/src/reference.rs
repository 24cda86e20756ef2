//! The incident reference: what a user can read over the telephone, and the only thing he is told of a cause.

use aws_lc_rs::rand;
use std::fmt;

/// Crockford's alphabet: no letter that the ear or the eye takes for another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LETTERS: usize = 10;

/// A request's reference, such as `k7f2-9qxm-ab`: 50 random bits, in the log and on error pages, never in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference([u8; LETTERS]);

impl Reference {
    /// Draws one at random.
    pub fn draw() -> Self {
        let mut bytes = [0; 8];
        // Only a label: if the system had no randomness left, a reference of zeros is better than no page.
        let _ = rand::fill(&mut bytes);
        Self::from_bits(u64::from_le_bytes(bytes))
    }

    fn from_bits(bits: u64) -> Self {
        let mut bits = bits;
        let mut letters = [b'0'; LETTERS];
        for letter in &mut letters {
            *letter = ALPHABET.get((bits & 31) as usize).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        Self(letters)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_short_and_differ() {
        assert_eq!(Reference::from_bits(0).to_string(), "0000-0000-00");
        assert_eq!(Reference::from_bits(u64::MAX).to_string(), "zzzz-zzzz-zz");
        let drawn: std::collections::HashSet<_> = (0..1000).map(|_| Reference::draw()).collect();
        assert_eq!(drawn.len(), 1000);
    }
}
