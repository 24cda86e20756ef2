//! A sheet of one-time codes, printed for somebody who has no telephone that draws them: numbered, each of eight digits, taken
//! in their order.
//!
//! In their order rather than whichever: who saw a part of the sheet, or one that was crossed out, has nothing unless it is
//! the part whose turn it is, and a guess is right against a few codes instead of all. The number is not asked for by the
//! page, which would tell everybody who uses such a sheet and how far he is: the next one is the first that is not crossed out,
//! and a few that were crossed out for nothing are passed over.

use types::{Role, Secret};

/// Codes of one sheet.
pub const SHEET_CODES: u8 = 30;
/// How many of those that are left serve now, from the first: whoever crossed some out in vain is not shut out.
pub const SHEET_WINDOW: u8 = 5;
/// Digits of one. 26 bits: against five of them a guess has one chance in twenty million, sixty times less than against an
/// application's six digits.
const DIGITS: usize = 8;
const RANGE: u64 = 100_000_000;

/// Whether an account of this role may have a sheet for its second factor. It is paper, that others see: only for those who
/// open their own record, or those of people who chose them, and who may have no telephone. A professional opens many, and
/// whoever decides over others must not be at the mercy of a photograph.
pub fn may_have_sheet(role: Role) -> bool {
    matches!(role, Role::Patient | Role::Relative)
}

/// A code, as it is kept under a key: its digits.
pub struct SheetCode(Secret<String>);

impl SheetCode {
    /// Of random bytes that the caller drew. No digit is likelier than another by more than one in a hundred thousand million.
    pub fn draw(random: [u8; 8]) -> Self {
        Self(Secret::new(format!("{:08}", u64::from_be_bytes(random) % RANGE)))
    }

    /// Its digits.
    pub fn digits(&self) -> &str {
        self.0.expose()
    }

    /// As it is printed: in two halves.
    pub fn printed(&self) -> Secret<String> {
        let (first, second) = self.digits().split_at_checked(DIGITS / 2).unwrap_or_default();
        Secret::new(format!("{first} {second}"))
    }

    /// As somebody typed it, whatever the spaces and dashes; nothing if it cannot be one: neither a code of an application nor
    /// a spare one has its length.
    pub fn typed(text: &str) -> Option<Self> {
        let seen = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.'));
        let digits: String = seen.take(DIGITS + 1).collect();
        let is_one = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_one.then(|| Self(Secret::new(digits)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{asks_two_people, decides_over_others};
    use proptest::prelude::*;

    fn typed(text: &str) -> Option<String> {
        SheetCode::typed(text).map(|code| code.digits().to_owned())
    }

    #[test]
    fn codes_are_read_as_people_type_them_and_nothing_else_is() {
        for text in ["04219937", "0421 9937", " 0421-9937 ", "04 21 99 37", "0421.9937"] {
            assert_eq!(typed(text).as_deref(), Some("04219937"), "{text}");
        }
        for text in ["", "421993", "0421993", "042199370", "0421993a", "7k2m9qxt0a", "٠٤٢١٩٩٣٧", "²4219937"] {
            assert_eq!(typed(text), None, "{text}");
        }
    }

    #[test]
    fn sheets_are_for_those_who_open_a_record_by_themselves_and_decide_over_nobody() {
        let may: Vec<Role> = Role::ALL.iter().copied().filter(|role| may_have_sheet(*role)).collect();
        assert_eq!(may, [Role::Patient, Role::Relative]);
        assert!(may.iter().all(|role| asks_two_people(*role) && !decides_over_others(*role)));
    }

    proptest! {
        #[test]
        fn what_was_printed_is_read(random: [u8; 8]) {
            let code = SheetCode::draw(random);
            prop_assert_eq!(code.printed().expose().len(), DIGITS + 1);
            prop_assert_eq!(typed(code.printed().expose()), Some(code.digits().to_owned()));
        }

        #[test]
        fn whatever_is_typed_is_a_code_or_none(text in "\\PC{0,60}") {
            let _ = typed(&text);
        }
    }
}
