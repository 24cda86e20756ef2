//! The words that passwords are made of: lists kept in `words/` (see its README), looked up as plain ASCII.

use std::{collections::BTreeSet, sync::LazyLock};

/// What somebody who guesses takes a word for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Common,
    Name,
}

/// A word of the lists: how many guesses it takes, as a power of ten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Word {
    pub(super) log10: f64,
    pub(super) kind: Kind,
}

/// The least that any word costs beside others: whoever guesses does not know that it is there.
const WORD_LOG10_MIN: f64 = 1.5;
/// Names are listed by the alphabet, not by how frequent they are: one price each, about the rank of a usual one.
const FIRST_NAME_LOG10: f64 = 3.0;
const FAMILY_NAME_LOG10: f64 = 3.5;
const USUAL_WORDS: usize = 300;

const HOUSE: &str = include_str!("../../words/house.txt");
const PLACES: &str = include_str!("../../words/places.txt");
const FRENCH: &str = include_str!("../../words/french.txt");
const ENGLISH: &str = include_str!("../../words/english.txt");
const PASSWORDS: &str = include_str!("../../words/passwords.txt");
const FIRST_NAMES: &str = include_str!("../../words/first-names.txt");
const FAMILY_NAMES: &str = include_str!("../../words/family-names.txt");

/// All lists in one, made once, at the first password (some milliseconds).
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(Words::from_lists);

/// Words sorted by their bytes, and what they say of which letter follows which.
pub(super) struct Words {
    sorted: Vec<(&'static str, Word)>,
    /// For each letter, the price of each letter after it.
    follows: [[f64; 26]; 26],
}

impl Words {
    fn from_lists() -> Self {
        let mut sorted = Vec::new();
        for list in [HOUSE, PLACES, FRENCH, ENGLISH, PASSWORDS] {
            for (text, rank) in list.lines().zip(1_u32..) {
                let log10 = f64::from(rank).log10().max(WORD_LOG10_MIN);
                sorted.push((text, Word { log10, kind: Kind::Common }));
            }
        }
        for (list, log10) in [(FIRST_NAMES, FIRST_NAME_LOG10), (FAMILY_NAMES, FAMILY_NAME_LOG10)] {
            sorted.extend(list.lines().map(|text| (text, Word { log10, kind: Kind::Name })));
        }
        // A word of several lists is guessed by the shortest way to it.
        sorted.sort_by_key(|(text, _)| *text);
        sorted.dedup_by(|(later, other), (kept, word)| {
            if later != kept {
                return false;
            }
            if other.log10 < word.log10 {
                *word = *other;
            }
            true
        });
        // A first name is told as one, unless it is first of all a usual word.
        let usual: BTreeSet<&str> = HOUSE.lines().chain(FRENCH.lines().take(USUAL_WORDS)).collect();
        let first_names: BTreeSet<&str> = FIRST_NAMES.lines().filter(|name| !usual.contains(name)).collect();
        for (_, word) in sorted.iter_mut().filter(|(text, _)| first_names.contains(text)) {
            word.kind = Kind::Name;
        }
        let follows = follows(sorted.iter().map(|(text, _)| *text));
        Self { sorted, follows }
    }

    /// Tells each word that `text` begins with, and its length.
    pub(super) fn beginning(&self, text: impl Iterator<Item = u8>, mut found: impl FnMut(usize, Word)) {
        let mut left = self.sorted.as_slice();
        for (depth, byte) in text.enumerate() {
            let at = |word: &(&str, Word)| word.0.as_bytes().get(depth).copied();
            let from = left.partition_point(|word| at(word) < Some(byte));
            let to = left.partition_point(|word| at(word) <= Some(byte));
            left = left.get(from..to).unwrap_or_default();
            match left.first() {
                None => return,
                Some((word, what)) if word.len() == depth + 1 => found(word.len(), *what),
                Some(_) => {}
            }
        }
    }

    /// The price of `letter` after `before`, both folded: less in a word that no list has than in random letters.
    pub(super) fn letter_log10(&self, before: u8, letter: u8) -> Option<f64> {
        let index = |byte: u8| byte.is_ascii_lowercase().then(|| usize::from(byte - b'a'));
        self.follows.get(index(before)?)?.get(index(letter)?).copied()
    }
}

/// What a letter costs when it might be any.
pub(super) fn any_letter_log10() -> f64 {
    26_f64.log10()
}

fn follows(words: impl Iterator<Item = &'static str>) -> [[f64; 26]; 26] {
    let mut counts = [[1_u32; 26]; 26];
    for word in words {
        for (before, letter) in word.bytes().zip(word.bytes().skip(1)) {
            if before.is_ascii_lowercase() && letter.is_ascii_lowercase() {
                let row = counts.get_mut(usize::from(before - b'a'));
                if let Some(count) = row.and_then(|row| row.get_mut(usize::from(letter - b'a'))) {
                    *count += 1;
                }
            }
        }
    }
    counts.map(|row| {
        let all = f64::from(row.iter().sum::<u32>());
        // Never above what a random letter costs: a rare pair is no merit.
        row.map(|count| (all / f64::from(count)).log10().min(any_letter_log10()))
    })
}

/// A character as the lists write it: lower case, without accent; 0 for what no list has.
pub(super) fn fold(character: char) -> u8 {
    let lower = character.to_lowercase().next().unwrap_or(character);
    match lower {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => b'a',
        'ç' => b'c',
        'è' | 'é' | 'ê' | 'ë' => b'e',
        'ì' | 'í' | 'î' | 'ï' => b'i',
        'ñ' => b'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => b'o',
        'ù' | 'ú' | 'û' | 'ü' => b'u',
        'ý' | 'ÿ' => b'y',
        '’' => b'\'',
        _ => u8::try_from(lower).ok().filter(u8::is_ascii).unwrap_or(0),
    }
}

/// What a digit or a sign stands for in "m0td3p@ss3": the two usual readings.
pub(super) fn unleet(byte: u8, reading: usize) -> u8 {
    match (byte, reading) {
        (b'4' | b'@', _) => b'a',
        (b'8', _) => b'b',
        (b'(', _) => b'c',
        (b'3', _) => b'e',
        (b'6', 0) | (b'9', 1) => b'g',
        (b'1' | b'!' | b'|', 0) => b'i',
        (b'1' | b'!' | b'|', _) => b'l',
        (b'0', _) => b'o',
        (b'$' | b'5', _) => b's',
        (b'7' | b'+', _) => b't',
        (b'2', _) => b'z',
        _ => byte,
    }
}

/// The two letters of a ligature, or the character alone; nothing for an accent typed by itself.
pub(super) fn spelled(character: char) -> impl Iterator<Item = char> {
    let pair = match character {
        'œ' => [Some('o'), Some('e')],
        'Œ' => [Some('O'), Some('E')],
        'æ' => [Some('a'), Some('e')],
        'Æ' => [Some('A'), Some('E')],
        'ß' => [Some('s'), Some('s')],
        '\u{300}'..='\u{36f}' => [None, None],
        _ => [Some(character), None],
    };
    pair.into_iter().flatten()
}
