//! Texts of strangers (commands, names of files) shown on pages and in traces.

/// The text with every character that would not be seen, or that would turn the rest around, written as its number:
/// controls, invisible spaces, directions. At most `chars_max` characters are kept, then `…`.
pub fn visible(text: &str, chars_max: usize) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at >= chars_max {
            shown.push('…');
            break;
        }
        match c {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            c if is_hidden(c) => shown.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

/// Controls, separators of lines, zero-width and directional characters, tags.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_hides_is_shown() {
        for (given, shown) in [
            ("ls -l /var", "ls -l /var"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("été\r\n", "été\\u{d}⏎"),
            ("safe\u{202e}gpj.exe", "safe\\u{202e}gpj.exe"),
            ("a\u{200b}b", "a\\u{200b}b"),
        ] {
            assert_eq!(visible(given, 100), shown);
        }
        assert_eq!(visible("abcdef", 3), "abc…");
    }

    proptest! {
        #[test]
        fn nothing_hidden_remains(text: String) {
            prop_assert!(!visible(&text, 1000).chars().any(is_hidden));
        }
    }
}
