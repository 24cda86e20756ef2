//! How many guesses a password takes from somebody who knows people: words, names, dates and keyboards come first.
//!
//! The text is cut in pieces in every way; each piece has a price, a power of ten of guesses; the cheapest way to the
//! end is the estimate. It is meant low: a password made at random is told a little weaker than it is.
//!
//! The method is zxcvbn's, the crate of that name is not here (3.1 was read and measured): it reads the clock, some texts
//! overflow its arithmetic, others made of signs cost it a third of a second, and it knows neither French words nor AZERTY.

use super::{
    Because,
    keyboard::Places,
    words::{self, Kind, WORDS, Word},
};
use types::Secret;

/// Only so many characters are looked at: what follows makes no password weaker, and would make it slow to judge.
/// Measured at that length: see [`super::check`].
pub(super) const CHARACTERS_READ: usize = 100;
/// A run of keys, a sequence or a repetition is looked at in pieces of this length.
const RUN_MAX: usize = 40;
/// Bounds what a caller's personal words cost.
const PERSONAL_TEXTS_MAX: usize = 16;
const PERSONAL_WORDS_MAX: usize = 48;

/// One of few: what each of the caller's personal words costs.
const PERSONAL_LOG10: f64 = 1.0;
/// Twice as many guesses: a capital first, a word backwards, a sequence going down.
const TWICE_LOG10: f64 = 0.3;
const SHORT_WORD: usize = 3;
const SHORT_WORD_LOG10_MIN: f64 = 2.0;
const DIGIT_LOG10: f64 = 1.0;
/// A letter of a script whose words no list has: it may well be one of a word.
const FOREIGN_LETTER_LOG10: f64 = 1.0;
/// The signs that stand between words and at ends; and any of the others.
const USUAL_SIGN_LOG10: f64 = 1.0;
const SIGN_LOG10: f64 = 1.5;
const USUAL_SIGNS: &str = " .,-_!?*@#&+:;/'$";
/// A day, or a month and a year, of a century; with signs between the numbers.
const DAY_LOG10: f64 = 2.56;
const DATE_LOG10: f64 = 4.6;
const DATE_SIGNS_LOG10: f64 = 0.6;
const YEAR_LOG10: f64 = 2.0;

/// What the estimate says.
pub(super) struct Estimate {
    pub(super) guesses_log10: f64,
    /// What most of the text was taken for.
    pub(super) because: Because,
}

/// The text as it is read: each position is one character, in four spellings. Wiped when dropped.
struct Text {
    typed: Secret<Vec<char>>,
    folded: Secret<Vec<u8>>,
    unleeted: [Secret<Vec<u8>>; 2],
}

impl Text {
    fn of(password: &str) -> Self {
        // Room for ligatures, so that no copy is left behind by growing.
        let mut typed = Vec::with_capacity(2 * CHARACTERS_READ);
        typed.extend(password.chars().take(CHARACTERS_READ).flat_map(words::spelled));
        let folded: Vec<u8> = typed.iter().map(|character| words::fold(*character)).collect();
        let unleeted =
            [0, 1].map(|reading| Secret::new(folded.iter().map(|byte| words::unleet(*byte, reading)).collect()));
        Self { typed: Secret::new(typed), folded: Secret::new(folded), unleeted }
    }

    fn len(&self) -> usize {
        self.typed.expose().len()
    }

    fn folded(&self, at: usize) -> u8 {
        self.folded.expose().get(at).copied().unwrap_or(0)
    }

    /// What compares characters of any script: the folded letter, or the character's own number, in lower case.
    fn point(&self, at: usize) -> Option<u32> {
        let character = self.typed.expose().get(at).copied()?;
        match self.folded(at) {
            0 => Some(character.to_lowercase().next().unwrap_or(character).into()),
            folded => Some(folded.into()),
        }
    }

    fn typed_from(&self, from: usize, length: usize) -> &[char] {
        self.typed.expose().get(from..from + length).unwrap_or_default()
    }

    /// What capitals add to the price of a word, a run or a sequence: nothing, twice (first, last or all), or more.
    fn capitals_log10(&self, from: usize, length: usize) -> f64 {
        let piece = self.typed_from(from, length);
        let capitals = piece.iter().filter(|character| character.is_uppercase()).count();
        let others = piece.iter().filter(|character| character.is_lowercase()).count();
        let at_an_end = [piece.first(), piece.last()].iter().flatten().any(|character| character.is_uppercase());
        match capitals {
            0 => 0.0,
            _ if others == 0 || (capitals == 1 && at_an_end) => TWICE_LOG10,
            _ => TWICE_LOG10 * (1 + capitals.min(others)) as f64,
        }
    }

    /// What signs in the place of letters add: twice for each, up to sixteen times.
    fn leet_log10(&self, from: usize, length: usize, reading: &[u8]) -> f64 {
        let changed = (from..from + length).filter(|at| reading.get(*at).copied() != Some(self.folded(*at))).count();
        TWICE_LOG10 * changed.min(4) as f64
    }
}

/// The cheapest way to each position.
struct Ways {
    log10: Vec<f64>,
    /// Where the last piece of that way begins, and what it was taken for.
    last: Vec<(usize, Because)>,
    /// Pieces tried: what a test bounds.
    tried: usize,
}

impl Ways {
    fn new(length: usize) -> Self {
        let mut log10 = vec![f64::INFINITY; length + 1];
        if let Some(start) = log10.first_mut() {
            *start = 0.0;
        }
        Self { log10, last: vec![(0, Because::Other); length + 1], tried: 0 }
    }

    fn relax(&mut self, from: usize, length: usize, price: f64, because: Because) {
        self.tried += 1;
        let Some(total) = self.log10.get(from).map(|before| before + price) else { return };
        let Some(best) = self.log10.get_mut(from + length) else { return };
        if total < *best {
            *best = total;
            if let Some(last) = self.last.get_mut(from + length) {
                *last = (from, because);
            }
        }
    }

    /// The end of the road, and what most characters on it were taken for.
    fn estimate(&self) -> Estimate {
        let mut lengths = [(Because::Other, 0_usize); Because::ALL.len()];
        for (slot, because) in lengths.iter_mut().zip(Because::ALL) {
            slot.0 = *because;
        }
        let mut at = self.last.len().saturating_sub(1);
        while at > 0 {
            let Some((from, because)) = self.last.get(at).copied() else { break };
            if let Some(slot) = lengths.iter_mut().find(|slot| slot.0 == because) {
                slot.1 += at - from;
            }
            at = from;
        }
        // A personal word is told whatever stands around it: it is the first to be left out.
        let personal = lengths.iter().any(|(because, length)| *because == Because::Personal && *length > 0);
        let length_of = |because: &(Because, usize)| because.1;
        let all: usize = lengths.iter().map(length_of).sum();
        // Loose characters between words are told only when they are most of it.
        let told = lengths.iter().filter(|(because, length)| *because != Because::Other || *length > all / 2);
        let most = told.max_by_key(|one| length_of(one)).filter(|one| length_of(one) > 0);
        let most = most.map_or(Because::Other, |most| most.0);
        Estimate {
            guesses_log10: self.log10.last().copied().unwrap_or(0.0),
            because: if personal { Because::Personal } else { most },
        }
    }
}

/// Estimates the beginning of a password, knowing what the caller knows of its owner.
pub(super) fn estimate(password: &str, personal: &[&str]) -> Estimate {
    ways(password, personal).estimate()
}

/// The pieces tried for this text.
#[cfg(test)]
pub(super) fn steps(password: &str, personal: &[&str]) -> usize {
    ways(password, personal).tried
}

fn ways(password: &str, personal: &[&str]) -> Ways {
    let text = Text::of(password);
    let personal = personal_words(personal);
    let places = Places::of(text.typed.expose());
    let mut ways = Ways::new(text.len());
    for at in 0..=text.len() {
        // What ends here comes first, so that what begins here starts from the cheapest way to here.
        backward_words(&text, at, &mut ways);
        personal_backward(&text, at, &personal, &mut ways);
        if at == text.len() {
            break;
        }
        single(&text, at, &mut ways);
        forward_words(&text, at, &mut ways);
        personal_forward(&text, at, &personal, &mut ways);
        repeats(&text, at, &mut ways);
        sequences(&text, at, &mut ways);
        dates(&text, at, &mut ways);
        places.runs(at, RUN_MAX, |length, price| {
            ways.relax(at, length, price + text.capitals_log10(at, length), Because::Keyboard);
        });
    }
    ways
}

/// One character that stands for nothing.
fn single(text: &Text, at: usize, ways: &mut Ways) {
    let Some(character) = text.typed.expose().get(at).copied() else { return };
    let folded = text.folded(at);
    let before = at.checked_sub(1).and_then(|before| text.typed.expose().get(before).copied());
    let price = if folded.is_ascii_lowercase() {
        before
            .and_then(|before| WORDS.letter_log10(words::fold(before), folded))
            .unwrap_or_else(words::any_letter_log10)
    } else if folded.is_ascii_digit() {
        DIGIT_LOG10
    } else if character.is_alphabetic() {
        FOREIGN_LETTER_LOG10
    } else if USUAL_SIGNS.contains(character) {
        USUAL_SIGN_LOG10
    } else {
        SIGN_LOG10
    };
    // People change kinds once or twice, random strings at every other character.
    let kind = |character: char| (character.is_alphabetic(), character.is_uppercase(), character.is_ascii_digit());
    let change = if before.is_some_and(|before| kind(before) != kind(character)) { TWICE_LOG10 } else { 0.0 };
    ways.relax(at, 1, price + change, Because::Other);
    // The same sign between all words is chosen once.
    let again = text.typed_from(0, at).contains(&character);
    if again && !character.is_alphanumeric() {
        ways.relax(at, 1, TWICE_LOG10, Because::Other);
    }
}

fn because(kind: Kind) -> Because {
    match kind {
        Kind::Common => Because::CommonWord,
        Kind::Name => Because::Name,
    }
}

/// What a word of the lists costs here. Three letters are found by chance in any text: they save little, and nothing
/// when read backwards or through signs.
fn word_log10(text: &Text, from: usize, length: usize, word: Word, spelling: &[u8], backwards: bool) -> Option<f64> {
    let leet = text.leet_log10(from, length, spelling);
    if length <= SHORT_WORD && (backwards || leet > 0.0) {
        return None;
    }
    let least = if length <= SHORT_WORD { SHORT_WORD_LOG10_MIN } else { 0.0 };
    let backwards = if backwards { TWICE_LOG10 } else { 0.0 };
    Some(word.log10.max(least) + text.capitals_log10(from, length) + leet + backwards)
}

fn forward_words(text: &Text, at: usize, ways: &mut Ways) {
    for spelling in [&text.folded, &text.unleeted[0], &text.unleeted[1]] {
        let spelling = spelling.expose();
        let rest = spelling.get(at..).unwrap_or_default();
        WORDS.beginning(rest.iter().copied(), |length, word| {
            if let Some(price) = word_log10(text, at, length, word, spelling, false) {
                ways.relax(at, length, price, because(word.kind));
            }
        });
    }
}

fn backward_words(text: &Text, end: usize, ways: &mut Ways) {
    for spelling in [&text.folded, &text.unleeted[0], &text.unleeted[1]] {
        let spelling = spelling.expose();
        let before = spelling.get(..end).unwrap_or_default();
        WORDS.beginning(before.iter().rev().copied(), |length, word| {
            let from = end - length;
            if let Some(price) = word_log10(text, from, length, word, spelling, true) {
                ways.relax(from, length, price, because(word.kind));
            }
        });
    }
}

/// The caller's words, folded: each part of at least three characters, and each text with its parts joined.
fn personal_words(personal: &[&str]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for text in personal.iter().take(PERSONAL_TEXTS_MAX) {
        let folded = |text: &str| text.chars().flat_map(words::spelled).map(words::fold).collect::<Vec<u8>>();
        let folded = folded(&text.chars().take(CHARACTERS_READ).collect::<String>());
        let parts = folded.split(|byte| !byte.is_ascii_alphanumeric());
        let joined: Vec<u8> = folded.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
        found.extend(parts.map(<[u8]>::to_vec).chain([joined]).filter(|word| word.len() >= 3));
    }
    found.truncate(PERSONAL_WORDS_MAX);
    found
}

fn personal_forward(text: &Text, at: usize, personal: &[Vec<u8>], ways: &mut Ways) {
    for spelling in [&text.folded, &text.unleeted[0], &text.unleeted[1]] {
        let rest = spelling.expose().get(at..).unwrap_or_default();
        for word in personal.iter().filter(|word| rest.starts_with(word)) {
            let price = PERSONAL_LOG10 + text.capitals_log10(at, word.len());
            ways.relax(at, word.len(), price, Because::Personal);
        }
    }
}

fn personal_backward(text: &Text, end: usize, personal: &[Vec<u8>], ways: &mut Ways) {
    let before = text.folded.expose().get(..end).unwrap_or_default();
    for word in personal.iter().filter(|word| before.iter().rev().copied().take(word.len()).eq(word.iter().copied())) {
        let from = end - word.len();
        let price = PERSONAL_LOG10 + TWICE_LOG10 + text.capitals_log10(from, word.len());
        ways.relax(from, word.len(), price, Because::Personal);
    }
}

/// What was there already, at any distance: "aaaa", "soleil soleil", "abc!abc!".
fn repeats(text: &Text, at: usize, ways: &mut Ways) {
    // The nearest one is the cheapest: a farther one counts only as far as it goes on longer.
    let mut told = 1;
    for distance in 1..=at {
        if told == RUN_MAX {
            return;
        }
        let same =
            |done: &usize| text.point(at + done).is_some_and(|now| Some(now) == text.point(at - distance + done));
        let length = (0..RUN_MAX).take_while(same).count();
        // Two characters far apart are no repetition.
        if length < 3 && distance > 1 {
            continue;
        }
        for length in told + 1..=length {
            let price = (distance as f64).log10() + (length as f64).log10() + text.capitals_log10(at, length);
            ways.relax(at, length, price, Because::Repeated);
        }
        told = told.max(length);
    }
}

/// Letters or digits at one pace: "abcd", "9876", "2468".
fn sequences(text: &Text, at: usize, ways: &mut Ways) {
    let class = |at: usize| {
        let typed = text.typed.expose().get(at);
        typed
            .map(|character| (character.is_alphabetic(), character.is_numeric()))
            .filter(|class| *class != (false, false))
    };
    let pace = |at: usize| Some(i64::from(text.point(at + 1)?) - i64::from(text.point(at)?));
    let (Some(first), Some(steps)) = (class(at), pace(at).filter(|steps| (1..=4).contains(&steps.abs()))) else {
        return;
    };
    let start = match text.folded(at) {
        b'a' | b'z' | b'0' | b'1' | b'9' => 0.6,
        b'0'..=b'9' => DIGIT_LOG10,
        _ => words::any_letter_log10(),
    };
    let start =
        start + if steps < 0 { TWICE_LOG10 } else { 0.0 } + if steps.abs() > 1 { 2.0 * TWICE_LOG10 } else { 0.0 };
    for length in 2..=RUN_MAX {
        if class(at + length - 1) != Some(first) || pace(at + length - 2) != Some(steps) {
            return;
        }
        if length >= if steps.abs() == 1 { 3 } else { 4 } {
            let price = start + (length as f64).log10() + text.capitals_log10(at, length);
            ways.relax(at, length, price, Because::Sequence);
        }
    }
}

/// Years, days and dates, written together or with the same sign between the numbers.
fn dates(text: &Text, at: usize, ways: &mut Ways) {
    let number = |from: usize, length: usize| {
        (from..from + length).try_fold(0_u32, |number, at| {
            let digit = text.folded(at);
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    let day = |number: Option<u32>| number.is_some_and(|number| (1..=31).contains(&number));
    let month = |number: Option<u32>| number.is_some_and(|number| (1..=12).contains(&number));
    let year = |number: Option<u32>| number.is_some_and(|number| (1900..2050).contains(&number));
    // Day and month in either order.
    let days = |from: usize, gap: usize| {
        let (one, two) = (number(from, 2), number(from + 2 + gap, 2));
        (day(one) && month(two)) || (month(one) && day(two))
    };
    let mut date = |length, price| ways.relax(at, length, price, Because::Date);
    if year(number(at, 4)) {
        date(4, YEAR_LOG10);
        if month(number(at + 4, 2)) {
            date(6, DATE_LOG10);
        }
        if days(at + 4, 0) {
            date(8, DATE_LOG10);
        }
    }
    if days(at, 0) {
        date(4, DAY_LOG10);
        if number(at + 4, 2).is_some() {
            date(6, DATE_LOG10);
        }
        if year(number(at + 4, 4)) {
            date(8, DATE_LOG10);
        }
    }
    if number(at, 2).is_some() && days(at + 2, 0) {
        date(6, DATE_LOG10);
    }
    if month(number(at, 2)) && year(number(at + 2, 4)) {
        date(6, DATE_LOG10);
    }
    with_signs(text, at, ways);
}

/// "12/05/1987", "1-5-87", "1987.05.12": three numbers, the same sign twice.
fn with_signs(text: &Text, at: usize, ways: &mut Ways) {
    let sign = |byte: u8| matches!(byte, b'/' | b'.' | b'-' | b'_' | b' ');
    let digits = |from: usize| (from..from + 5).take_while(|at| text.folded(*at).is_ascii_digit()).count();
    let one = digits(at);
    let two = digits(at + one + 1);
    let three = digits(at + one + two + 2);
    let (first, second) = (text.folded(at + one), text.folded(at + one + 1 + two));
    if !sign(first) || first != second || !(1..=2).contains(&two) || three == 0 {
        return;
    }
    match (one, three) {
        (1 | 2, 4) | (4, 1 | 2) => ways.relax(at, one + two + three + 2, DATE_LOG10 + DATE_SIGNS_LOG10, Because::Date),
        (1 | 2, 2..) => ways.relax(at, one + two + 4, DATE_LOG10 + DATE_SIGNS_LOG10, Because::Date),
        _ => {}
    }
}
