//! Runs of neighboring keys, on the keyboards that stand in hospitals.

use types::Secret;

/// A key: its row, and its place in half keys from the left (rows are staggered).
#[derive(Clone, Copy)]
struct Key {
    row: i8,
    half: i8,
}

impl Key {
    /// In one byte, never 0: what can be wiped.
    fn byte(self) -> u8 {
        u8::try_from(self.row * 32 + self.half + 1).unwrap_or(0)
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let place = i8::try_from(byte.checked_sub(1)?).ok()?;
        Some(Self { row: place / 32, half: place % 32 })
    }
}

/// A keyboard's rows, each from its first place, without and with Shift.
struct Layout {
    rows: &'static [(i8, &'static str, &'static str)],
    /// Whether a row stands half a key right of the one above it.
    staggered: bool,
}

const AZERTY: Layout = Layout {
    rows: &[
        (0, "&é\"'(-è_çà)=", "1234567890°+"),
        (0, "azertyuiop^$", "AZERTYUIOP¨£"),
        (0, "qsdfghjklmù*", "QSDFGHJKLM%µ"),
        (-1, "<wxcvbn,;:!", ">WXCVBN?./§"),
    ],
    staggered: true,
};

const QWERTY: Layout = Layout {
    rows: &[
        (0, "1234567890-=", "!@#$%^&*()_+"),
        (0, "qwertyuiop[]\\", "QWERTYUIOP{}|"),
        (0, "asdfghjkl;'", "ASDFGHJKL:\""),
        (0, "zxcvbnm,./", "ZXCVBNM<>?"),
    ],
    staggered: true,
};

const KEYPAD: Layout =
    Layout { rows: &[(0, "789", ""), (0, "456", ""), (0, "123", ""), (0, "0.", "")], staggered: false };

/// Keys on a keyboard, and how many neighbors one has on average: what a guess starts from, and what each turn costs.
const KEYS_LOG10: f64 = 1.67;
const TURN_LOG10: f64 = 0.65;

impl Layout {
    fn key(&self, character: char) -> Option<Key> {
        self.rows.iter().zip(0_i8..).find_map(|((first, plain, shifted), row)| {
            let place = |keys: &str| keys.chars().position(|key| key == character);
            let place = i8::try_from(place(plain).or_else(|| place(shifted))?).ok()?;
            Some(Key { row, half: (first + place) * 2 + if self.staggered { row } else { 0 } })
        })
    }

    fn step(&self, from: Key, to: Key) -> Option<(i8, i8)> {
        let (rows, halves) = (to.row - from.row, to.half - from.half);
        let near = match (rows.abs(), halves.abs()) {
            (0, 2) => true,
            (1, 1) => self.staggered,
            (1, 0 | 2) => !self.staggered,
            _ => false,
        };
        near.then_some((rows, halves))
    }
}

/// The places of one text's characters on each keyboard: as good as the text, so wiped like it.
pub(super) struct Places([Secret<Vec<u8>>; 3]);

const LAYOUTS: [Layout; 3] = [AZERTY, QWERTY, KEYPAD];

impl Places {
    pub(super) fn of(text: &[char]) -> Self {
        let byte = |layout: &Layout, character: &char| layout.key(*character).map_or(0, Key::byte);
        Self(LAYOUTS.map(|layout| Secret::new(text.iter().map(|character| byte(&layout, character)).collect())))
    }

    /// Tells each run of at least three neighboring keys that begins at `from`: its length and its price.
    pub(super) fn runs(&self, from: usize, length_max: usize, mut found: impl FnMut(usize, f64)) {
        for (layout, keys) in LAYOUTS.iter().zip(&self.0) {
            let keys = keys.expose().get(from..).unwrap_or_default();
            let mut direction = None;
            let mut turns = 0_usize;
            for (done, pair) in keys.windows(2).take(length_max.saturating_sub(1)).enumerate() {
                let [here, next] = *pair else { break };
                let (Some(here), Some(next)) = (Key::from_byte(here), Key::from_byte(next)) else { break };
                let Some(step) = layout.step(here, next) else { break };
                if direction != Some(step) {
                    direction = Some(step);
                    turns += 1;
                }
                let length = done + 2;
                if length >= 3 {
                    let turning = turns as f64 * TURN_LOG10 + choices_log10(length - 1, turns - 1);
                    found(length, KEYS_LOG10 + turning);
                }
            }
        }
    }
}

/// How many ways to choose `some` of `all`, as a power of ten.
fn choices_log10(all: usize, some: usize) -> f64 {
    (0..some).map(|index| ((all - index) as f64 / (index + 1) as f64).log10()).sum::<f64>().max(0.0)
}
