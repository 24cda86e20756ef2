//! The menu of a technician who named no target. Pure: bytes typed in, text to show and a choice out.

use interventions::Offer;

/// What is typed at most before Enter.
const LINE_CHARS_MAX: usize = 4;

/// The menu.
#[derive(Debug)]
pub(crate) struct Menu {
    targets: Vec<String>,
    line: String,
}

/// What follows from what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// Nothing yet.
    Not,
    /// This target.
    Target(String),
    /// He leaves.
    Leaves,
}

impl Menu {
    /// With what he may reach; `left` tells for each how long, in minutes.
    pub(crate) fn new(offers: &[Offer], login: &str, left_minutes: impl Fn(&Offer) -> u64) -> (Self, String) {
        let mut text = String::from("\r\n");
        if offers.is_empty() {
            text.push_str("Aucune intervention ouverte pour vous. / No intervention is open for you.\r\n");
        } else {
            text.push_str("Interventions ouvertes / Open interventions:\r\n\r\n");
            for (at, offer) in offers.iter().enumerate() {
                let (number, minutes) = (at + 1, left_minutes(offer));
                let name = wire::visible(&offer.target, 64);
                text.push_str(&format!("  {number}  {name:<32} {} h {:02}\r\n", minutes / 60, minutes % 60));
            }
            let login = wire::visible(login, 64);
            text.push_str(&format!("\r\n(ssh {login}%… : directement / directly)\r\n"));
            text.push_str("Numéro, ou q pour quitter / Number, or q to leave: ");
        }
        let targets = offers.iter().map(|offer| offer.target.clone()).collect();
        (Self { targets, line: String::new() }, text)
    }

    /// Takes one typed byte.
    pub(crate) fn typed(&mut self, byte: u8) -> (String, Chosen) {
        match byte {
            // Ctrl-C, Ctrl-D.
            3 | 4 => ("\r\n".into(), Chosen::Leaves),
            b'\r' | b'\n' => self.entered(),
            8 | 127 => {
                let shown = if self.line.pop().is_some() { "\u{8} \u{8}" } else { "" };
                (shown.into(), Chosen::Not)
            }
            b'0'..=b'9' | b'q' | b'Q' if self.line.len() < LINE_CHARS_MAX => {
                let c = char::from(byte);
                self.line.push(c);
                (c.into(), Chosen::Not)
            }
            _ => (String::new(), Chosen::Not),
        }
    }

    fn entered(&mut self) -> (String, Chosen) {
        let line = std::mem::take(&mut self.line);
        if line.eq_ignore_ascii_case("q") {
            return ("\r\n".into(), Chosen::Leaves);
        }
        let number = line.parse::<usize>().ok();
        match number.and_then(|number| self.targets.get(number.checked_sub(1)?)) {
            Some(target) => ("\r\n".into(), Chosen::Target(target.clone())),
            None => ("\r\n> ".into(), Chosen::Not),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{InterventionId, Time};

    fn menu(names: &[&str]) -> (Menu, String) {
        let offer = |name: &&str| Offer {
            target: (*name).into(),
            intervention: InterventionId::from_bytes([0; 16]),
            until: Time::from_micros(0),
        };
        Menu::new(&names.iter().map(offer).collect::<Vec<_>>(), "erwan", |_| 95)
    }

    fn type_in(menu: &mut Menu, text: &[u8]) -> (String, Chosen) {
        let mut shown = String::new();
        for byte in text {
            let (echo, chosen) = menu.typed(*byte);
            shown += &echo;
            if chosen != Chosen::Not {
                return (shown, chosen);
            }
        }
        (shown, Chosen::Not)
    }

    #[test]
    fn a_number_and_enter_choose() {
        let (_, text) = menu(&["scanner-1", "automate\u{1b}[2J"]);
        assert!(text.contains("1  scanner-1") && text.contains("1 h 35") && !text.contains('\u{1b}'), "{text}");
        for (typed, shown, chosen) in [
            (&b"2\r"[..], "2\r\n", Chosen::Target("automate".into())),
            (b"1\n", "1\r\n", Chosen::Target("scanner-1".into())),
            (b"3\x7f1\r", "3\u{8} \u{8}1\r\n", Chosen::Target("scanner-1".into())),
            (b"0\r", "0\r\n> ", Chosen::Not),
            (b"\r", "\r\n> ", Chosen::Not),
            (b"99999999\r", "9999\r\n> ", Chosen::Not),
            (b"\x1b[A1\r", "1\r\n", Chosen::Target("scanner-1".into())),
            (b"q\r", "q\r\n", Chosen::Leaves),
            (b"\x03", "\r\n", Chosen::Leaves),
            (b"\x04", "\r\n", Chosen::Leaves),
        ] {
            let (mut menu, _) = menu(&["scanner-1", "automate"]);
            assert_eq!(type_in(&mut menu, typed), (shown.into(), chosen), "{typed:?}");
        }
    }
}
