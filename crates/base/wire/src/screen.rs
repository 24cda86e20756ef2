//! A terminal's screen from the bytes sent to it: the one place where escape sequences mean something. What comes out is
//! text, colors and a cursor.

use crate::visible::is_hidden;
use serde::Serialize;
use std::num::NonZeroU16;

/// The widest screen.
pub const COLS_MAX: u16 = 500;
/// The highest screen.
pub const ROWS_MAX: u16 = 200;

/// A color of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Color {
    /// One of the terminal's 256.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// A run of cells of one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Printable characters only.
    pub text: String,
    /// Of the text; none: the page's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fg: Option<Color>,
    /// Behind the text; none: the page's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bg: Option<Color>,
    /// `b` bold, `d` dim, `i` italic, `u` underlined, `r` reversed, in this order.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub look: String,
}

/// One line of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// From 0, at the top.
    pub row: u16,
    /// From left to right; without the blanks at its end.
    pub spans: Vec<Span>,
}

/// Where the cursor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cursor {
    /// From 0.
    pub row: u16,
    /// From 0.
    pub col: u16,
}

/// What changed on a screen, or all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// Whether it holds the whole screen: a viewer clears his first.
    pub key: bool,
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
    /// None when hidden.
    pub cursor: Option<Cursor>,
    /// The lines that changed; all of them in a key frame.
    pub lines: Vec<Line>,
}

/// A terminal's screen. Bounded: 200 × 500 cells, nothing scrolled is kept.
pub struct Screen {
    parser: vt100::Parser,
    /// What the viewers were last given.
    given: Vec<Vec<Span>>,
    cursor: Option<Cursor>,
    /// The next frame is a whole one.
    whole: bool,
}

fn size(cols: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    let within = |n: u16, max: u16| NonZeroU16::new(n.clamp(1, max)).unwrap_or(NonZeroU16::MIN);
    (within(rows, ROWS_MAX), within(cols, COLS_MAX))
}

impl Screen {
    /// An empty screen; sizes out of bounds are brought within.
    pub fn new(cols: u16, rows: u16) -> Self {
        let (rows, cols) = size(cols, rows);
        Self { parser: vt100::Parser::new(rows, cols, 0), given: Vec::new(), cursor: None, whole: true }
    }

    /// Takes bytes sent to the terminal.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
    }

    /// Takes a new size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        let (rows, cols) = size(cols, rows);
        if (rows, cols) != self.parser.screen().size() {
            self.parser.screen_mut().set_size(rows, cols);
            self.whole = true;
        }
    }

    /// What changed since the last frame; nothing if nothing did.
    pub fn diff(&mut self) -> Option<Frame> {
        if self.whole {
            return Some(self.key_frame());
        }
        let (lines, cursor) = (self.lines(), self.cursor_now());
        let changed = lines.iter().zip(&self.given).enumerate().filter(|(_, (now, before))| now != before);
        let changed: Vec<Line> =
            changed.map(|(row, (now, _))| Line { row: u16::try_from(row).unwrap_or(0), spans: now.clone() }).collect();
        if changed.is_empty() && cursor == self.cursor {
            return None;
        }
        self.given = lines;
        self.cursor = cursor;
        Some(self.frame(false, changed))
    }

    /// The whole screen, for a viewer who joins; the frames after it follow from it.
    pub fn key_frame(&mut self) -> Frame {
        self.given = self.lines();
        self.cursor = self.cursor_now();
        self.whole = false;
        let all = self.given.iter().enumerate();
        let lines = all.map(|(row, spans)| Line { row: u16::try_from(row).unwrap_or(0), spans: spans.clone() });
        let lines = lines.collect();
        self.frame(true, lines)
    }

    fn frame(&self, key: bool, lines: Vec<Line>) -> Frame {
        let (rows, cols) = self.parser.screen().size();
        Frame { key, cols: cols.get(), rows: rows.get(), cursor: self.cursor, lines }
    }

    fn cursor_now(&self) -> Option<Cursor> {
        let screen = self.parser.screen();
        let (row, col) = screen.cursor_position();
        (!screen.hide_cursor()).then_some(Cursor { row, col })
    }

    fn lines(&self) -> Vec<Vec<Span>> {
        let (rows, cols) = self.parser.screen().size();
        (0..rows.get()).map(|row| self.line(row, cols.get())).collect()
    }

    fn line(&self, row: u16, cols: u16) -> Vec<Span> {
        let screen = self.parser.screen();
        let mut spans: Vec<Span> = Vec::new();
        for cell in (0..cols).filter_map(|col| screen.cell(row, col)).filter(|cell| !cell.is_wide_continuation()) {
            let (fg, bg, look) = (color(cell.fgcolor()), color(cell.bgcolor()), look(cell));
            let text = printable(cell.contents());
            match spans.last_mut() {
                Some(last) if last.fg == fg && last.bg == bg && last.look == look => last.text.push_str(&text),
                _ => spans.push(Span { text, fg, bg, look }),
            }
        }
        trim(&mut spans);
        spans
    }
}

/// A cell's characters; a blank where it has none. Combining characters stay; what could hide or turn text does not.
fn printable(contents: &str) -> String {
    let kept: String = contents.chars().filter(|c| !is_hidden(*c)).collect();
    if kept.is_empty() { " ".to_owned() } else { kept }
}

/// Without the blanks that nobody sees at a line's end.
fn trim(spans: &mut Vec<Span>) {
    while let Some(last) = spans.last_mut() {
        if last.bg.is_some() || !last.look.is_empty() {
            return;
        }
        let kept = last.text.trim_end_matches(' ').len();
        last.text.truncate(kept);
        if kept > 0 {
            return;
        }
        spans.pop();
    }
}

fn color(color: vt100::Color) -> Option<Color> {
    match color {
        vt100::Color::Default => None,
        vt100::Color::Idx(index) => Some(Color::Indexed(index)),
        vt100::Color::Rgb(r, g, b) => Some(Color::Rgb(r, g, b)),
    }
}

fn look(cell: &vt100::Cell) -> String {
    let looks =
        [(cell.bold(), 'b'), (cell.dim(), 'd'), (cell.italic(), 'i'), (cell.underline(), 'u'), (cell.inverse(), 'r')];
    looks.into_iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn text(spans: &[Span]) -> String {
        spans.iter().map(|span| span.text.as_str()).collect()
    }

    /// What a viewer's page does with a frame.
    #[derive(Default, Debug, PartialEq)]
    struct Viewer(Vec<Vec<Span>>, Option<Cursor>);

    impl Viewer {
        fn take(&mut self, frame: &Frame) {
            if frame.key {
                self.0 = vec![Vec::new(); usize::from(frame.rows)];
            }
            for line in &frame.lines {
                self.0[usize::from(line.row)] = line.spans.clone();
            }
            self.1 = frame.cursor;
        }
    }

    #[test]
    fn a_screen_shows_what_was_written() {
        let mut screen = Screen::new(20, 3);
        screen.feed(b"bonjour \x1b[1;31mrouge\x1b[0m\r\nfin");
        let frame = screen.diff().unwrap();
        assert!(frame.key && frame.lines.len() == 3);
        assert_eq!(text(&frame.lines[0].spans), "bonjour rouge");
        let red = &frame.lines[0].spans[1];
        assert_eq!((red.fg, red.look.as_str()), (Some(Color::Indexed(1)), "b"));
        assert_eq!(frame.cursor, Some(Cursor { row: 1, col: 3 }));
        assert_eq!(screen.diff(), None, "nothing changed");
        screen.feed(b"!");
        let frame = screen.diff().unwrap();
        assert_eq!((frame.key, frame.lines.len(), text(&frame.lines[0].spans).as_str()), (false, 1, "fin!"));
        let json = serde_json::to_string(&frame).unwrap();
        assert_eq!(
            json,
            r#"{"key":false,"cols":20,"rows":3,"cursor":{"row":1,"col":4},"lines":[{"row":1,"spans":[{"text":"fin!"}]}]}"#
        );
    }

    #[test]
    fn sequences_that_would_act_do_nothing() {
        let mut screen = Screen::new(40, 2);
        // A title, the clipboard, a link, questions to the terminal, a device control string, a direction override.
        screen.feed(b"\x1b]0;title\x07\x1b]52;c;aGVsbG8=\x07\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x1b[c\x1b[6n\x1bP$qm\x1b\\");
        screen.feed("\u{202e}fin<script>".as_bytes());
        let frame = screen.diff().unwrap();
        assert_eq!(text(&frame.lines[0].spans).trim_end(), "linkfin<script>");
    }

    #[test]
    fn sizes_are_bounded_and_a_new_one_shows_all() {
        let mut screen = Screen::new(0, u16::MAX);
        assert_eq!((screen.key_frame().cols, screen.key_frame().rows), (1, ROWS_MAX));
        screen.resize(80, 24);
        let frame = screen.diff().unwrap();
        assert!(frame.key);
        assert_eq!((frame.cols, frame.rows), (80, 24));
        screen.resize(80, 24);
        assert_eq!(screen.diff(), None);
    }

    fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let escapes: Vec<Vec<u8>> = [
            "\x1b[H",
            "\x1b[2J",
            "\x1b[5;7H",
            "\x1b[31m",
            "\x1b[0m",
            "\x1b[?25l",
            "\x1b[?1049h",
            "\x1b[K",
            "\r\n",
            "\x1b[3A",
            "\x1b[L",
            "\x1b[1;5r",
            "\x1b]0;",
            "\x1bP",
            "漢字é\u{301}",
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
        let escape = prop::sample::select(escapes);
        let piece = prop_oneof![escape, prop::collection::vec(any::<u8>(), 0..40)];
        prop::collection::vec(piece, 0..30)
    }

    proptest! {
        // Each case draws screens of up to 100,000 cells, slowly in a build for tests.
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn frames_follow_one_another(pieces in pieces(), resize_at in 0_usize..30, cols in 0_u16..600, rows in 0_u16..300) {
            let mut screen = Screen::new(30, 8);
            let mut viewer = Viewer::default();
            for (at, piece) in pieces.iter().enumerate() {
                if at == resize_at {
                    screen.resize(cols, rows);
                }
                screen.feed(piece);
                if let Some(frame) = screen.diff() {
                    for span in frame.lines.iter().flat_map(|line| &line.spans) {
                        prop_assert!(!span.text.chars().any(is_hidden), "{:?}", span.text);
                    }
                    viewer.take(&frame);
                }
            }
            let mut late = Viewer::default();
            late.take(&screen.key_frame());
            if viewer != Viewer::default() {
                prop_assert_eq!(viewer, late);
            }
        }
    }
}
