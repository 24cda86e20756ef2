//! A small piece of work that whoever signs in has his browser do while many guess (clausier O-5.3): a number such that the
//! digest of puzzle and number begins with so many zero bits. It is found by trying, and checked at once.

use aws_lc_rs::digest::{SHA256, digest};

/// Zero bits asked for: thirty-three thousand tries on average, a fraction of a second on a telephone of 2019.
pub const PUZZLE_BITS: u32 = 15;
/// Digits of an answer: far more than any needs.
const ANSWER_DIGITS_MAX: usize = 10;

/// Whether an answer, written in decimal digits, solves a puzzle: one digest of bounded bytes.
pub fn solves_puzzle(puzzle: &str, answer: &str) -> bool {
    let is_number = (1..=ANSWER_DIGITS_MAX).contains(&answer.len()) && answer.bytes().all(|byte| byte.is_ascii_digit());
    is_number && zero_bits(digest(&SHA256, format!("{puzzle}:{answer}").as_bytes()).as_ref()) >= PUZZLE_BITS
}

/// Solves one: what a browser does, and those of ours that come in as one.
pub fn solve_puzzle(puzzle: &str) -> String {
    (0..=u32::MAX).map(|answer| answer.to_string()).find(|answer| solves_puzzle(puzzle, answer)).unwrap_or_default()
}

fn zero_bits(bytes: &[u8]) -> u32 {
    let whole = bytes.iter().take_while(|byte| **byte == 0).count();
    let rest = bytes.get(whole).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(whole).unwrap_or(0) * 8 + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fits_its_own_puzzle_and_is_a_number() {
        let answer = solve_puzzle("porte");
        assert!(solves_puzzle("porte", &answer));
        assert!(!solves_puzzle("portes", &answer));
        for bad in ["", " ", "-1", "x", &format!("{answer} "), &format!("0000000000{answer}")] {
            assert!(!solves_puzzle("porte", bad), "{bad}");
        }
    }

    #[test]
    fn zero_bits_are_counted_from_the_left() {
        for (bytes, bits) in [(&[0xff][..], 0), (&[0x01], 7), (&[0, 0x80], 8), (&[0, 0, 0x10], 19), (&[0, 0], 16)] {
            assert_eq!(zero_bits(bytes), bits, "{bytes:?}");
        }
    }
}
