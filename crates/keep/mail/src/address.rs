//! The address of somebody's mail.

use std::{fmt, str::FromStr};

/// Characters of an address (RFC 5321: a path of 256 with its brackets).
pub const ADDRESS_CHARS_MAX: usize = 254;
/// Characters before the sign.
const LOCAL_CHARS_MAX: usize = 64;

/// The address of somebody's mail: one, without name, quotes or comments.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(lettre::Address);

/// Not one address such as `prenom.nom@hopital.example`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an address such as prenom.nom@hopital.example")]
pub struct BadAddress;

impl Address {
    /// What stands after the sign.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    pub(crate) fn inner(&self) -> &lettre::Address {
        &self.0
    }
}

/// Somebody's: not for a log.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    /// Narrower than the standards: what hospitals and people use, and nothing that a server might read as two addresses,
    /// as a source route, or as the name of a machine inside.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"(),:;<>[\\]%!`".contains(&byte);
        if text.len() > ADDRESS_CHARS_MAX || !text.bytes().all(plain) {
            return Err(BadAddress);
        }
        let (local, domain) = text.split_once('@').ok_or(BadAddress)?;
        let label = |label: &str| {
            let edges = !label.starts_with('-') && !label.ends_with('-');
            (1..=63).contains(&label.len())
                && edges
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let ends_in_letters =
            domain.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()));
        let is_domain = domain.contains('.') && domain.split('.').all(label) && ends_in_letters;
        // What begins with a hyphen is an option to some programs.
        if local.len() > LOCAL_CHARS_MAX || local.starts_with('-') || !is_domain {
            return Err(BadAddress);
        }
        text.parse().map(Self).map_err(|_| BadAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_address_is_taken_and_nothing_else() {
        for good in
            ["camille.essai@hopital.example", "a@b.fr", "o'neil+garde@xn--hpital-xua.example", "x_1@a-b.c.example"]
        {
            assert_eq!(good.parse::<Address>().map(|address| address.as_str().to_owned()), Ok(good.to_owned()));
        }
        let long = format!("{}@hopital.example", "a".repeat(65));
        let longer = format!("a@{}example", "aaaaaaaaa.".repeat(25));
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            "a@b",
            "a@localhost",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a b@c.example",
            "a@b.example\r\nBcc: d@e.example",
            "a@b.example\n",
            "a\0@b.example",
            "a@b.example,d@e.example",
            "a@b.example d@e.example",
            "A <a@b.example>",
            "\"a b\"@c.example",
            "a@b@c.example",
            "@x.example:a@b.example",
            "a%b.example@c.example",
            "a!b@c.example",
            "-oQ@c.example",
            "a@-b.example",
            "a@b..example",
            ".a@b.example",
            "é@b.example",
            "a@é.example",
            "a@b.example;",
            "a@b.123",
            &long,
            &longer,
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_does_not_show_itself() {
        let shown = "camille.essai@hopital.example".parse::<Address>().map(|address| format!("{address:?}"));
        assert_eq!(shown.as_deref(), Ok("Address(…)"));
    }
}
