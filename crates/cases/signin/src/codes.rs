//! Codes that people copy by hand: spare codes, and what a second person tells the holder of a link.

use types::{AccountId, LinkId};
use vault::{Keys, Purpose, VaultError, random};

/// Characters of one: 5 bits each.
const CODE_CHARS: usize = 10;
/// Without the letters that are read for a digit or another letter.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A code as typed, if it looks like one: a code of six digits does not.
pub(crate) fn typed_code(typed: &str) -> Option<String> {
    let letters = typed.chars().filter(|c| *c != '-' && !c.is_whitespace()).map(|c| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    });
    let code: String = letters.take(CODE_CHARS + 1).collect();
    let legal = code.len() == CODE_CHARS && code.bytes().all(|byte| LETTERS.contains(&byte));
    legal.then_some(code)
}

/// What is kept of a spare code.
pub(crate) fn spare_digest(keys: &Keys, account: AccountId, code: &str) -> Result<[u8; 32], VaultError> {
    keys.token(Purpose::LinksAndCodes, &[b"spare", account.as_bytes(), code.as_bytes()])
}

/// What is kept of the code that whoever confirms a link tells its holder.
pub(crate) fn second_digest(keys: &Keys, link: LinkId, code: &str) -> Result<[u8; 32], VaultError> {
    keys.token(Purpose::LinksAndCodes, &[b"second", link.as_bytes(), code.as_bytes()])
}

/// Fifty random bits.
pub(crate) fn draw_code() -> Result<String, VaultError> {
    let random: [u8; CODE_CHARS] = random()?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied().map_or('0', char::from);
    Ok(random.iter().map(letter).collect())
}

/// As it is shown: in two halves.
pub(crate) fn in_halves(code: String) -> String {
    match code.split_at_checked(CODE_CHARS / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        for typed in ["7k2m9-qxt0a", "7K2M9QXT0A", " 7k2m9 - qxtoa ", "7k2m9qxtoa"] {
            assert_eq!(typed_code(typed).as_deref(), Some("7k2m9qxt0a"), "{typed}");
        }
        for typed in ["", "123456", "7k2m9-qxt0", "7k2m9-qxt0ab", "7k2m9-qxt0u", "7k2m9-qxt0é"] {
            assert_eq!(typed_code(typed), None, "{typed}");
        }
    }
}
