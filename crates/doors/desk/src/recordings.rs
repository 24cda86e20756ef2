//! Recordings on their way to a browser: the file itself, or the pictures of a replay.

use crate::{
    places::Place,
    streams::{self, Broken, Stands},
};
use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::stream;
use interventions::RecordingReader;
use std::io;
use types::RelayId;
use web::headers::{Disposition, document};
use wire::{
    Screen,
    asciicast::{self, Event, LINE_BYTES_MAX},
};

/// Pictures of a replay follow each other at this distance at least, in seconds: an eye sees no more.
const PICTURE_SECONDS_MIN: f64 = 0.04;
/// A picture by itself from time to time, so that moving back is quick.
const WHOLE_EVERY_SECONDS: f64 = 20.0;

/// A recording on its way to whoever asked for it, with one of the places there are.
pub(crate) struct Download {
    pub reader: RecordingReader,
    pub stands: Stands,
    pub place: Place,
}

impl Download {
    /// The file, to be saved. What breaks off breaks the transfer: half a recording never looks whole.
    pub(crate) fn file(self, relay: RelayId, channel: u32) -> Response {
        let pieces = stream::try_unfold(self.reader, |mut reader| async move {
            let piece = reader.next().await.map_err(|error| io::Error::other(error.to_string()))?;
            Ok::<_, io::Error>(piece.map(|piece| (Bytes::from(piece), reader)))
        });
        let name = format!("session-{relay}-{channel}.cast");
        let body = streams::body(pieces, self.stands, self.place, Broken::Transfer);
        document("application/octet-stream", &name, Disposition::Save, body)
    }

    /// The pictures of a replay, one line of JSON each: `{"t": seconds since the start, "frame": …}`, `{"t", "mark"}`
    /// for what is worth finding again, and `{"t", "end"}` at the end. A browser never receives the target's own bytes.
    pub(crate) fn pictures(self) -> Response {
        let lines = stream::try_unfold(Some((self.reader, Replay::new())), |state| async move {
            let Some((mut reader, mut replay)) = state else { return Ok::<_, io::Error>(None) };
            match reader.next().await {
                Ok(Some(piece)) => {
                    let lines = replay.take(&piece)?;
                    Ok(Some((Bytes::from(lines), Some((reader, replay)))))
                }
                Ok(None) => {
                    let lines = replay.finish(reader.is_cut());
                    Ok(Some((Bytes::from(lines), None)))
                }
                Err(error) => Err(io::Error::other(error.to_string())),
            }
        });
        let mut response = Response::new(streams::body(lines, self.stands, self.place, Broken::Transfer));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        response
    }
}

/// A recording being turned into pictures.
struct Replay {
    /// What came after the last whole line.
    rest: Vec<u8>,
    /// None before the header.
    screen: Option<Screen>,
    seconds: f64,
    pictured: f64,
    whole: f64,
    /// Since when something is to be shown.
    changed: Option<f64>,
}

impl Replay {
    fn new() -> Self {
        let start = -WHOLE_EVERY_SECONDS;
        Self { rest: Vec::new(), screen: None, seconds: 0.0, pictured: start, whole: start, changed: None }
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<String> {
        let mut out = String::new();
        self.rest.extend_from_slice(piece);
        let rest = std::mem::take(&mut self.rest);
        let mut lines = rest.split(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_none() {
                self.rest = line.to_vec();
                break;
            }
            self.line(line, &mut out)?;
        }
        if self.rest.len() > LINE_BYTES_MAX {
            return Err(io::Error::other("a line of the recording is too long"));
        }
        Ok(out)
    }

    fn line(&mut self, line: &[u8], out: &mut String) -> io::Result<()> {
        let text = str::from_utf8(line).map_err(|_| io::Error::other("the recording is not text"))?;
        if text.trim().is_empty() {
            return Ok(());
        }
        let Some(screen) = &mut self.screen else {
            let header = asciicast::read_header(text).map_err(io::Error::other)?;
            self.screen = Some(Screen::new(header.term.cols, header.term.rows));
            return Ok(());
        };
        let Some((since, event)) = asciicast::read_event(text).map_err(io::Error::other)? else { return Ok(()) };
        let at = self.seconds + since.as_secs_f64();
        // What happened before the pause is shown before it.
        if self.changed.is_some_and(|since| at - since.max(self.pictured) >= PICTURE_SECONDS_MIN) {
            let seconds = self.seconds.max(self.pictured + PICTURE_SECONDS_MIN).min(at);
            picture(screen, seconds, &mut self.whole, out);
            (self.pictured, self.changed) = (seconds, None);
        }
        self.seconds = at;
        match event {
            Event::Output(text) => {
                screen.feed(text.as_bytes());
                self.changed.get_or_insert(at);
            }
            Event::Resize { cols, rows } => {
                screen.resize(cols, rows);
                self.changed.get_or_insert(at);
            }
            Event::Marker(text) => {
                let text = serde_json::to_string(&wire::visible(&text, 200)).unwrap_or_default();
                out.push_str(&format!("{{\"t\":{at:.3},\"mark\":{text}}}\n"));
            }
            Event::Exit(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self, cut: bool) -> String {
        let mut out = String::new();
        if let (Some(screen), true) = (&mut self.screen, self.changed.is_some()) {
            picture(screen, self.seconds, &mut self.whole, &mut out);
        }
        out.push_str(&format!("{{\"t\":{:.3},\"end\":true,\"cut\":{cut}}}\n", self.seconds));
        out
    }
}

fn picture(screen: &mut Screen, seconds: f64, whole: &mut f64, out: &mut String) {
    let frame = if seconds - *whole >= WHOLE_EVERY_SECONDS {
        *whole = seconds;
        Some(screen.key_frame())
    } else {
        screen.diff()
    };
    if let Some(frame) = frame.and_then(|frame| serde_json::to_string(&frame).ok()) {
        out.push_str(&format!("{{\"t\":{seconds:.3},\"frame\":{frame}}}\n"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn replay(pieces: &[&[u8]], cut: bool) -> Vec<serde_json::Value> {
        let mut replay = Replay::new();
        let mut text: String = pieces.iter().map(|piece| replay.take(piece).unwrap()).collect();
        text += &replay.finish(cut);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    const CAST: &[u8] = b"{\"version\":3,\"term\":{\"cols\":20,\"rows\":4}}\n[0.500, \"o\", \"hello\"]\n\
        [0.010, \"o\", \" world\"]\n[30.000, \"o\", \"\\u001b]0;evil\\u0007\\u001b[31mred\"]\n[1.000, \"x\", \"0\"]\n";

    #[test]
    fn a_recording_becomes_pictures_whatever_its_pieces() {
        let whole = replay(&[CAST], false);
        assert_eq!(whole[0]["frame"]["lines"][0]["spans"][0]["text"], "hello world");
        assert_eq!(whole[0]["frame"]["key"], true);
        assert_eq!(whole.last().unwrap()["end"], true);
        assert_eq!(whole.last().unwrap()["t"], 31.51);
        assert_eq!(whole.last().unwrap()["cut"], false);
        let text = serde_json::to_string(&whole).unwrap();
        assert!(text.contains("red") && !text.contains("evil") && !text.contains("\\u001b"));
        let bytes: Vec<&[u8]> = CAST.chunks(7).collect();
        assert_eq!(replay(&bytes, false), whole);
    }

    #[test]
    fn what_is_no_recording_breaks_off() {
        assert!(Replay::new().take(b"<html>\n").is_err());
        assert!(Replay::new().take(&[b'x'; LINE_BYTES_MAX + 1]).is_err());
        assert!(Replay::new().take(b"\xff\xfe\n").is_err());
        let mut replay = Replay::new();
        assert!(replay.take(b"{\"version\":3,\"term\":{\"cols\":20,\"rows\":4}}\nnot an event\n").is_err());
    }
}
