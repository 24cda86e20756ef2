//! The two languages of the pages; French comes first.

use crate::actor::words;
use std::{fmt, str::FromStr};

words! {
    /// A page's language.
    Lang {
        /// French.
        Fr = "fr",
        /// English.
        En = "en",
    }
}

impl Lang {
    /// The other one, for the switch on each page.
    pub const fn other(self) -> Lang {
        match self {
            Lang::Fr => Lang::En,
            Lang::En => Lang::Fr,
        }
    }

    /// The best match for an `Accept-Language` header; French when nothing matches.
    pub fn from_accept(header: &str) -> Lang {
        let weight = |range: &str| -> u32 {
            let quality = range.split(';').find_map(|part| part.trim().strip_prefix("q="));
            quality.map_or(1000, |q| q.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u32))
        };
        let mut best = (0, Lang::Fr);
        for range in header.split(',').take(16) {
            let tag = range.split(';').next().unwrap_or("").trim();
            let primary = tag.split('-').next().unwrap_or("").to_ascii_lowercase();
            if let Ok(lang) = Lang::from_str(&primary) {
                let quality = weight(range);
                if quality > best.0 {
                    best = (quality, lang);
                }
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_chooses() {
        for (header, expected) in [
            ("", Lang::Fr),
            ("de", Lang::Fr),
            ("en", Lang::En),
            ("en-GB,en;q=0.9,fr;q=0.8", Lang::En),
            ("fr-FR,fr;q=0.9,en;q=0.8", Lang::Fr),
            ("de,en;q=0.3,fr;q=0.5", Lang::Fr),
            ("en;q=nonsense", Lang::Fr),
        ] {
            assert_eq!(Lang::from_accept(header), expected, "{header}");
        }
    }
}
