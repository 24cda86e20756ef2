//! Helvetica's published character widths and the WinAnsi encoding, enough for French text.

/// One of the two fonts of the sheets; every PDF reader has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Regular,
    Bold,
}

/// Widths of the characters 32 to 126, in thousandths of the size.
const REGULAR: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
    556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
    280, 389, 584,
];

/// The byte of a character in WinAnsi; what it lacks becomes a question mark.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            ' '..='~' | '\u{a0}'..='ÿ' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
            '€' => 0x80,
            '…' => 0x85,
            'Œ' => 0x8c,
            '‘' => 0x91,
            '’' => 0x92,
            '“' => 0x93,
            '”' => 0x94,
            '•' => 0x95,
            '–' => 0x96,
            '—' => 0x97,
            'œ' => 0x9c,
            '\u{202f}' => 0xa0,
            _ => b'?',
        })
        .collect()
}

/// The letter that an accented one is as wide as.
fn base(c: char) -> char {
    match c {
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ò'..='Ö' => 'O',
        'Ù'..='Ü' => 'U',
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ÿ' => 'y',
        '’' | '‘' => ',',
        'œ' | 'Œ' | '…' | '—' => 'M',
        '\u{a0}' | '\u{202f}' => ' ',
        other => other,
    }
}

/// Width of a line, in points.
pub(crate) fn width(text: &str, face: Face, size: f32) -> f32 {
    let table = if face == Face::Bold { &BOLD } else { &REGULAR };
    let of = |c: char| {
        let index = (u32::from(base(c)) as usize).checked_sub(32);
        index.and_then(|index| table.get(index)).copied().unwrap_or(556)
    };
    text.chars().map(|c| f32::from(of(c))).sum::<f32>() * size / 1000.0
}

/// Breaks a paragraph into lines no wider than `room` points (a longer word stands alone).
pub(crate) fn wrap(text: &str, face: Face, size: f32, room: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if line.is_empty() || width(&longer, face, size) <= room {
            line = longer;
        } else {
            lines.push(std::mem::replace(&mut line, word.to_owned()));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn french_letters_have_their_byte() {
        assert_eq!(encode("é’œ – µ²"), [0xe9, 0x92, 0x9c, b' ', 0x96, b' ', 0xb5, 0xb2]);
        assert_eq!(encode("漢"), b"?");
    }

    #[test]
    fn lines_fit() {
        let text = "Le traitement diurétique a permis une perte de quatre kilos et la disparition de la gêne.";
        let lines = wrap(text, Face::Regular, 10.0, 150.0);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| width(line, Face::Regular, 10.0) <= 150.0));
        assert_eq!(lines.join(" "), text);
    }
}
