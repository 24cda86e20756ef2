//! A second factor as a page shows it: the square that a phone reads, the address behind it, the key to type.

use data_encoding::BASE32_NOPAD;
use identity::TotpSecret;
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Modules of white around the square, as its standard asks.
const QUIET: i32 = 4;

/// What a page needs to show a second factor that was just drawn.
#[derive(Debug, Clone)]
pub struct FactorView {
    /// The key, in base32: what the form brings back.
    pub secret: String,
    /// `otpauth://totp/…`: what the square says.
    pub address: String,
    /// The square's side, in modules.
    pub side: i32,
    /// The square's dark modules, as an SVG path.
    pub path: String,
}

impl FactorView {
    /// `issuer` and `login` are what the application will list it as.
    pub fn new(totp: &TotpSecret, issuer: &str, login: &str) -> Self {
        let secret = BASE32_NOPAD.encode(totp.bytes());
        let (issuer, login) = (escaped(issuer), escaped(login));
        let address = format!("otpauth://totp/{issuer}:{login}?secret={secret}&issuer={issuer}");
        // Only what is longer than any square fails; the key to type is there all the same.
        let (side, path) =
            QrCode::encode_text(&address, QrCodeEcc::Medium).map_or((0, String::new()), |code| drawn(&code));
        Self { secret, address, side, path }
    }

    /// The key in groups of four, as people type.
    pub fn spaced(&self) -> String {
        let groups: Vec<String> =
            self.secret.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        groups.join(" ")
    }
}

/// A second factor's key as a form brought it back.
pub(crate) fn factor(secret: &str) -> Option<TotpSecret> {
    let bytes = BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    bytes.try_into().ok().map(TotpSecret::from_bytes)
}

/// One rectangle for each run of dark modules of a line.
fn drawn(code: &QrCode) -> (i32, String) {
    let (size, mut path) = (code.size(), String::new());
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|at| code.get_module(*at, y)).count();
            let run = i32::try_from(run).unwrap_or(0);
            if run > 0 {
                // Writing to a String cannot fail.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run + 1;
        }
    }
    (size + 2 * QUIET, path)
}

/// Percent-encoded, all but what needs it nowhere in an address.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_phone_reads_and_what_the_form_brings_back() {
        let totp = TotpSecret::from_bytes(*b"12345678901234567890");
        let view = FactorView::new(&totp, "Hôpital d’Avel", "ines@delmas");
        assert_eq!(view.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(view.spaced(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            view.address,
            "otpauth://totp/H%C3%B4pital%20d%E2%80%99Avel:ines%40delmas?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=H%C3%B4pital%20d%E2%80%99Avel"
        );
        assert!(view.side > 29 && view.path.starts_with("M4 4h7v1h-7z"), "the corner's mark");
        assert_eq!(factor(&view.secret).map(|back| *back.bytes()), Some(*totp.bytes()));
        for bad in ["", "x", "GEZDGNBVGY3TQOJQ", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq"] {
            assert!(factor(bad).is_none(), "{bad}");
        }
    }
}
