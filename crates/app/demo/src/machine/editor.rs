//! The line that is being typed on a terminal: echo, erase, interrupt, end.

/// What typed bytes lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Show this.
    Echo(Vec<u8>),
    /// A line is complete.
    Line(String),
    /// Ctrl-C: the line is dropped.
    Interrupt,
    /// Ctrl-D on an empty line.
    End,
}

/// Characters of a line at most.
const LINE_MAX: usize = 1000;

/// A line editor without history. Pure.
#[derive(Debug, Default)]
pub struct Editor {
    line: Vec<u8>,
    after_return: bool,
}

impl Editor {
    /// Takes what was typed.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let mut out = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' => {
                    out.push(Typed::Echo(b"\r\n".to_vec()));
                    out.push(Typed::Line(String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()));
                }
                0x03 => {
                    self.line.clear();
                    out.push(Typed::Echo(b"^C\r\n".to_vec()));
                    out.push(Typed::Interrupt);
                }
                0x04 if self.line.is_empty() => out.push(Typed::End),
                0x7f | 0x08 => {
                    // A character may be several bytes; all but its first begin with 10.
                    while self.line.pop().is_some_and(|gone| gone & 0xc0 == 0x80) {}
                    out.push(Typed::Echo(b"\x08 \x08".to_vec()));
                }
                0x15 => self.line.clear(),
                byte if byte >= 0x20 && self.line.len() < LINE_MAX => {
                    self.line.push(byte);
                    out.push(Typed::Echo(vec![byte]));
                }
                _ => {}
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_typed_and_mended() {
        let mut editor = Editor::default();
        let lines =
            |typed: Vec<Typed>| typed.into_iter().filter(|one| !matches!(one, Typed::Echo(_))).collect::<Vec<_>>();
        assert_eq!(lines(editor.take("étatx\u{7f}\r\n".as_bytes())), [Typed::Line("état".into())]);
        assert_eq!(lines(editor.take("é\u{7f}ls\n".as_bytes())), [Typed::Line("ls".into())]);
        assert_eq!(lines(editor.take(b"abc\x03")), [Typed::Interrupt]);
        assert_eq!(lines(editor.take(b"\x04")), [Typed::End]);
        assert_eq!(lines(editor.take(b"a\x04\r")), [Typed::Line("a".into())]);
        editor.take(&vec![b'x'; 5000]);
        assert!(matches!(&lines(editor.take(b"\r"))[..], [Typed::Line(line)] if line.len() == LINE_MAX));
    }
}
