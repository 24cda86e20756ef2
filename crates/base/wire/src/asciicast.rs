//! Recordings of terminals: a line of JSON for the header, then one for each event, `[seconds since the one before, code,
//! data]` (asciinema's asciicast, version 3).

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest line that is read: an event of 64 KiB of controls, each written as `\u00xx`.
pub const LINE_BYTES_MAX: usize = 512 * 1024;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    version: u8,
    /// The terminal.
    pub term: Term,
    /// Seconds since the epoch at its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The terminal of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
    /// What it said to be (`xterm-256color`).
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The terminal was sent this.
    Output(String),
    /// It changed its size.
    Resize {
        /// Width in cells.
        cols: u16,
        /// Height in cells.
        rows: u16,
    },
    /// Something to find again: a warning, an alarm.
    Marker(String),
    /// The program ended.
    Exit(i32),
}

/// Why a line is not one of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCast {
    /// Not the header of version 3.
    #[error("not a recording of version 3")]
    Header,
    /// Not an event.
    #[error("not an event of a recording")]
    Event,
}

/// Writes a recording.
#[derive(Debug)]
pub struct Writer {
    /// When the last event was, since the start.
    last: Duration,
    /// The beginning of a character whose end has not come yet: at most three bytes.
    pending: Vec<u8>,
}

impl Writer {
    /// Begins; the line comes first in the file.
    pub fn begin(term: Term, timestamp: Option<i64>, title: Option<String>) -> (Self, String) {
        let header = Header { version: 3, term, timestamp, title };
        (Self { last: Duration::ZERO, pending: Vec::new() }, line(&header))
    }

    /// Bytes sent to the terminal at `at` since the start; a character cut in two waits for its end, what is no UTF-8
    /// becomes `U+FFFD`. Empty when nothing is to be written yet.
    pub fn output(&mut self, at: Duration, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let waiting = cut_character(&self.pending);
        let kept = self.pending.split_off(self.pending.len() - waiting);
        let whole = std::mem::replace(&mut self.pending, kept);
        if whole.is_empty() { String::new() } else { self.event(at, "o", &String::from_utf8_lossy(&whole)) }
    }

    /// A new size.
    pub fn resize(&mut self, at: Duration, cols: u16, rows: u16) -> String {
        self.event(at, "r", &format!("{cols}x{rows}"))
    }

    /// A mark.
    pub fn marker(&mut self, at: Duration, text: &str) -> String {
        self.event(at, "m", text)
    }

    /// The end, with the program's exit status.
    pub fn exit(&mut self, at: Duration, status: i32) -> String {
        let rest = std::mem::take(&mut self.pending);
        let rest = if rest.is_empty() { String::new() } else { self.event(at, "o", &String::from_utf8_lossy(&rest)) };
        rest + &self.event(at, "x", &status.to_string())
    }

    fn event(&mut self, at: Duration, code: &str, data: &str) -> String {
        let since = at.saturating_sub(self.last);
        // Whole milliseconds; what is rounded off is not lost but goes to the next.
        let millis = since.as_millis();
        self.last += Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        let data = serde_json::to_string(data).unwrap_or_default();
        format!("[{}.{:03}, \"{code}\", {data}]\n", millis / 1000, millis % 1000)
    }
}

/// How many bytes at the end begin a character without ending it.
fn cut_character(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
        Ok(_) => 0,
        // Something earlier is wrong; look at the end alone.
        Err(_) => {
            let tail = bytes.len().saturating_sub(3);
            let ends = (tail..bytes.len()).filter_map(|from| bytes.get(from..));
            ends.filter_map(|end| match std::str::from_utf8(end) {
                Err(error) if error.error_len().is_none() && error.valid_up_to() == 0 => Some(end.len()),
                _ => None,
            })
            .max()
            .unwrap_or(0)
        }
    }
}

fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads the first line.
pub fn read_header(line: &str) -> Result<Header, BadCast> {
    match serde_json::from_str::<Header>(line) {
        Ok(header) if header.version == 3 => Ok(header),
        _ => Err(BadCast::Header),
    }
}

/// Reads an event: how long after the one before, and what. Codes that are not ours are left out (`None`), comments too.
pub fn read_event(line: &str) -> Result<Option<(Duration, Event)>, BadCast> {
    if line.starts_with('#') || line.trim().is_empty() {
        return Ok(None);
    }
    let (seconds, code, data): (f64, String, String) = serde_json::from_str(line).map_err(|_| BadCast::Event)?;
    let since = Duration::try_from_secs_f64(seconds).map_err(|_| BadCast::Event)?;
    let event = match code.as_str() {
        "o" => Event::Output(data),
        "m" => Event::Marker(data),
        "r" => {
            let (cols, rows) = data.split_once('x').ok_or(BadCast::Event)?;
            let cells = |text: &str| text.parse::<u16>().map_err(|_| BadCast::Event);
            Event::Resize { cols: cells(cols)?, rows: cells(rows)? }
        }
        "x" => Event::Exit(data.parse().map_err(|_| BadCast::Event)?),
        _ => return Ok(None),
    };
    Ok(Some((since, event)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn term() -> Term {
        Term { cols: 80, rows: 24, kind: Some("xterm".into()) }
    }

    #[test]
    fn a_recording_is_written_as_asciinema_reads_it() {
        let (mut writer, header) = Writer::begin(term(), Some(1_790_000_000), Some("scanner-1".into()));
        assert_eq!(
            header,
            "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24,\"type\":\"xterm\"},\"timestamp\":1790000000,\"title\":\"scanner-1\"}\n"
        );
        assert_eq!(writer.output(MS(1500), b"h\xc3"), "[1.500, \"o\", \"h\"]\n");
        assert_eq!(writer.output(MS(1500), b""), "");
        assert_eq!(writer.output(MS(1750), b"\xa9\x1b[0m\xff!"), "[0.250, \"o\", \"é\\u001b[0m\u{fffd}!\"]\n");
        assert_eq!(writer.resize(MS(2000), 100, 30), "[0.250, \"r\", \"100x30\"]\n");
        assert_eq!(writer.marker(MS(2000), "a\"b"), "[0.000, \"m\", \"a\\\"b\"]\n");
        assert_eq!(writer.output(MS(2001), b"\xe2\x82"), "");
        assert_eq!(writer.exit(MS(2002), 3), "[0.002, \"o\", \"\u{fffd}\"]\n[0.000, \"x\", \"3\"]\n");
        assert_eq!(read_header(header.trim_end()).unwrap().term, term());
    }

    #[test]
    fn what_is_not_a_recording_is_refused() {
        for bad in ["", "{}", "[]", "{\"version\":2,\"term\":{\"cols\":1,\"rows\":1}}"] {
            assert_eq!(read_header(bad), Err(BadCast::Header), "{bad}");
        }
        for bad in ["[1]", "[-1, \"o\", \"\"]", "[1e99, \"o\", \"\"]", "[0, \"r\", \"80\"]", "[0, \"x\", \"y\"]"] {
            assert_eq!(read_event(bad), Err(BadCast::Event), "{bad}");
        }
        assert_eq!(read_event("[0.5, \"i\", \"typed\"]"), Ok(None));
        assert_eq!(read_event("# a comment"), Ok(None));
    }

    proptest! {
        #[test]
        fn output_comes_back(pieces in prop::collection::vec((0_u64..5000, prop::collection::vec(any::<u8>(), 0..60)), 0..20)) {
            let (mut writer, _) = Writer::begin(term(), None, None);
            let mut at = Duration::ZERO;
            let mut written = String::new();
            let mut all = Vec::new();
            for (after, bytes) in &pieces {
                at += MS(*after);
                written += &writer.output(at, bytes);
                all.extend_from_slice(bytes);
            }
            written += &writer.exit(at, 0);
            let (mut read, mut elapsed) = (String::new(), Duration::ZERO);
            for line in written.lines() {
                let (since, event) = read_event(line).unwrap().unwrap();
                elapsed += since;
                if let Event::Output(text) = event {
                    read += &text;
                }
            }
            prop_assert!(at.saturating_sub(elapsed) <= MS(1));
            // Valid text comes back as it was; elsewhere each wrong byte is marked, and nothing is lost around it.
            match String::from_utf8(all) {
                Ok(text) => prop_assert_eq!(read, text),
                Err(_) => prop_assert!(read.contains(char::REPLACEMENT_CHARACTER)),
            }
        }

        #[test]
        fn garbage_never_panics(line: String) {
            let _ = read_header(&line);
            let _ = read_event(&line);
        }
    }
}
