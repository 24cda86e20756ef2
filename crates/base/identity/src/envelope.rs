//! What a sealed envelope of a break-glass account holds: a hundred random bits, written so that a hand can copy them.
//!
//! Five groups of four letters, each with a fifth one that follows from the four, from the group's place and from which of the
//! two envelopes it is. Whoever types a group wrong is told which, before anything is looked at and whoever's the login is:
//! the fifth letters follow from the others, so that whoever guesses knows them already.

use types::Secret;

/// Without the letters that are read for a digit or another letter. 5 bits each.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS: usize = 5;
const GROUP_DATA: usize = 4;
/// Random letters of a code.
pub const ENVELOPE_LETTERS: usize = GROUPS * GROUP_DATA;
/// Characters of a code that are looked at: as it is printed, with some room for spaces.
pub const ENVELOPE_CHARS_MAX: usize = 64;
/// A prime below the number of letters: a letter for another, or two that changed places, do not pass unseen (but `0` for `z`).
const MODULUS: usize = 31;

/// Which of the two envelopes of a break-glass account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// Drawn by whoever prepared them.
    First,
    /// Drawn by whoever confirmed.
    Second,
}

impl Envelope {
    /// Its number, from 1.
    pub const fn number(self) -> u8 {
        match self {
            Envelope::First => 1,
            Envelope::Second => 2,
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Envelope::First => Envelope::Second,
            Envelope::Second => Envelope::First,
        }
    }
}

/// What was typed is no envelope's code: a slip, not a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeSlip {
    /// Characters are missing, or there are too many.
    #[error("the code has not its length")]
    Length,
    /// This group, from 1, was not copied as it is printed.
    #[error("group {0} is not as it is printed")]
    Group(u8),
    /// It is the other envelope's.
    #[error("it is the other envelope's code")]
    Other,
}

/// A code as it is kept under a key: its letters, without what follows from them.
pub struct EnvelopeCode(Secret<String>);

impl EnvelopeCode {
    /// Of random bytes that the caller drew; five bits of each count.
    pub fn draw(random: &[u8; ENVELOPE_LETTERS]) -> Self {
        let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied().map_or('0', char::from);
        Self(Secret::new(random.iter().map(letter).collect()))
    }

    /// Its letters.
    pub fn letters(&self) -> &str {
        self.0.expose()
    }

    /// As it is printed, on this envelope's sheet.
    pub fn printed(&self, of: Envelope) -> Secret<String> {
        let bytes = self.letters().as_bytes();
        let groups: Vec<String> = bytes
            .chunks(GROUP_DATA)
            .enumerate()
            .map(|(place, data)| data.iter().chain([&check(data, place, of)]).map(|byte| char::from(*byte)).collect())
            .collect();
        Secret::new(groups.join("-"))
    }

    /// As somebody typed it: whatever the case, the spaces, the dashes, with the letters that look like others.
    pub fn typed(text: &str, of: Envelope) -> Result<Self, EnvelopeSlip> {
        let seen = text.chars().take(ENVELOPE_CHARS_MAX + 1).filter(|c| *c != '-' && !c.is_whitespace());
        let seen: Secret<Vec<u8>> = Secret::new(seen.map(plain).collect());
        let seen = seen.expose();
        if seen.len() != GROUPS * (GROUP_DATA + 1) || text.chars().nth(ENVELOPE_CHARS_MAX).is_some() {
            return Err(EnvelopeSlip::Length);
        }
        if let Some(slip) = slip(seen, of) {
            return Err(if self::slip(seen, of.other()).is_none() { EnvelopeSlip::Other } else { slip });
        }
        let data = seen.chunks(GROUP_DATA + 1).flat_map(|group| group.iter().take(GROUP_DATA));
        Ok(Self(Secret::new(data.map(|byte| char::from(*byte)).collect())))
    }
}

/// A letter as it is kept; what is none stays none.
fn plain(c: char) -> u8 {
    match c.to_ascii_lowercase() {
        'o' => b'0',
        'i' | 'l' => b'1',
        other => u8::try_from(other).unwrap_or(b'?'),
    }
}

fn value(byte: u8) -> Option<usize> {
    LETTERS.iter().position(|letter| *letter == byte)
}

/// The letter that follows from a group, its place and its envelope.
fn check(data: &[u8], place: usize, of: Envelope) -> u8 {
    let weighed = data.iter().zip(1..).map(|(byte, weight)| value(*byte).unwrap_or(0) * weight);
    let sum = weighed.sum::<usize>() + 5 * place + 17 * usize::from(of.number());
    LETTERS.get(sum % MODULUS).copied().unwrap_or(b'0')
}

/// The first group that is not as it was printed.
fn slip(seen: &[u8], of: Envelope) -> Option<EnvelopeSlip> {
    let is_right = |place: usize, group: &[u8]| match group.split_at_checked(GROUP_DATA) {
        Some((data, last)) => data.iter().all(|byte| value(*byte).is_some()) && last == [check(data, place, of)],
        None => false,
    };
    let wrong = seen.chunks(GROUP_DATA + 1).enumerate().find(|(place, group)| !is_right(*place, group));
    wrong.map(|(place, _)| EnvelopeSlip::Group(u8::try_from(place + 1).unwrap_or(u8::MAX)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, of: Envelope) -> Result<String, EnvelopeSlip> {
        EnvelopeCode::typed(text, of).map(|code| code.letters().to_owned())
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = EnvelopeCode::draw(&std::array::from_fn(|n| u8::try_from(n * 7).unwrap()));
        let printed = code.printed(Envelope::First).expose().clone();
        assert_eq!(printed.split('-').map(str::len).collect::<Vec<_>>(), [5; 5]);
        for typed in [printed.clone(), printed.to_uppercase(), printed.replace('-', ""), printed.replace('-', " - ")] {
            assert_eq!(read(&typed, Envelope::First), Ok(code.letters().to_owned()), "{typed}");
        }
    }

    #[test]
    fn what_is_no_code_is_told_for_what_it_is() {
        let printed = EnvelopeCode::draw(&[9; ENVELOPE_LETTERS]).printed(Envelope::Second).expose().clone();
        assert_eq!(read(&printed, Envelope::First), Err(EnvelopeSlip::Other));
        for text in ["", "99999", &printed[1..], &format!("{printed}9"), &" ".repeat(200), &"9".repeat(10_000)] {
            assert_eq!(read(text, Envelope::Second), Err(EnvelopeSlip::Length), "{text:.40}");
        }
        for bad in ["é", "u", "²", "\u{0}"] {
            let text = printed.replacen('9', bad, 1);
            assert_eq!(read(&text, Envelope::Second), Err(EnvelopeSlip::Group(1)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_printed_is_read_and_a_slip_is_seen(random: [u8; ENVELOPE_LETTERS], place in 0_usize..25, other in 0_usize..32) {
            let code = EnvelopeCode::draw(&random);
            let printed = code.printed(Envelope::First).expose().clone();
            prop_assert_eq!(printed.len(), 29);
            prop_assert_eq!(read(&printed, Envelope::First), Ok(code.letters().to_owned()));
            let loud = format!(" {} ", printed.to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l"));
            prop_assert_eq!(read(&loud, Envelope::First), Ok(code.letters().to_owned()));
            let mut bytes: Vec<u8> = printed.bytes().filter(|byte| *byte != b'-').collect();
            let was = value(bytes[place]).unwrap();
            bytes[place] = LETTERS[other];
            let typed = String::from_utf8(bytes).unwrap();
            let group = u8::try_from(place / 5 + 1).unwrap();
            match (was, other) {
                (was, other) if was == other => prop_assert!(read(&typed, Envelope::First).is_ok()),
                (0, 31) | (31, 0) => {}
                _ => prop_assert_eq!(read(&typed, Envelope::First), Err(EnvelopeSlip::Group(group))),
            }
        }

        #[test]
        fn whatever_is_typed_is_taken_or_told(text in "\\PC{0,80}") {
            let _ = read(&text, Envelope::First);
        }
    }
}
