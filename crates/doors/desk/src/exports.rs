//! Traces on their way out: CSV for a spreadsheet, one JSON object a line for a program.
//!
//! What a stranger wrote into a trace must not act on whoever opens the file: a cell that a spreadsheet would take for a
//! formula begins with an apostrophe, and what cannot be seen is made visible.

use crate::{
    api::traces::TraceBody,
    places::Place,
    streams::{self, Broken, Stands},
};
use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::Response,
};
use dossier::{ExportPiece, TraceExport, TraceRow};
use futures_util::stream;
use std::io;
use web::headers::{Disposition, document};

/// In what form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 4180, in UTF-8, with a line of names.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// The form that a word names.
    pub(crate) fn named(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/x-ndjson",
        })
    }

    fn head(self) -> String {
        match self {
            Self::Csv => record(NAMES.iter().map(|name| (*name).to_owned())),
            Self::JsonLines => String::new(),
        }
    }

    fn piece(self, piece: ExportPiece) -> String {
        match (self, piece) {
            (Self::Csv, ExportPiece::Rows(rows)) => rows.into_iter().map(|row| record(cells(row))).collect(),
            (Self::JsonLines, ExportPiece::Rows(rows)) => rows.into_iter().map(line).collect(),
            (_, ExportPiece::End { cut, unreadable, behind }) => {
                let ends = [(cut, "cut", CUT), (unreadable, "unreadable", UNREADABLE), (behind, "behind", BEHIND)];
                ends.into_iter().filter(|(is, ..)| *is).map(|(_, kind, told)| self.told(kind, told)).collect()
            }
        }
    }

    /// What the reader must know of the whole, in a last record of a kind of its own.
    fn told(self, kind: &str, told: &str) -> String {
        match self {
            Self::Csv => record(NAMES.iter().map(|name| match *name {
                "kind" => kind.to_owned(),
                "detail" => told.to_owned(),
                _ => String::new(),
            })),
            Self::JsonLines => format!("{}\n", serde_json::json!({ "kind": kind, "detail": told })),
        }
    }
}

const CUT: &str = "Only the newest 100000 traces are here. Narrow the dates for the others.";
const UNREADABLE: &str = "Some traces can no longer be read: the key of their month is gone. They are not here.";
const BEHIND: &str = "The newest traces of another node may not be here: its journal could not be read to its end.";

/// The columns' names, in their order.
const NAMES: [&str; 19] = [
    "time",
    "type",
    "outcome",
    "author",
    "role",
    "establishment",
    "door",
    "address",
    "purpose",
    "patients",
    "objects",
    "target",
    "detail",
    "count",
    "kind",
    "trace",
    "origin",
    "index",
    "port",
];

/// Answers with an export, to be saved. What breaks off breaks the transfer: half an export never looks whole.
pub(crate) fn answer(export: TraceExport, format: Format, stands: Stands, place: Place) -> Response {
    let head = stream::once(async move { Ok::<_, io::Error>(Bytes::from(format.head())) });
    let pieces = stream::try_unfold(export, move |mut export| async move {
        let piece = export.next().await.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(piece.map(|piece| (Bytes::from(format.piece(piece)), export)))
    });
    let body = streams::body(futures_util::StreamExt::chain(head, pieces), stands, place, Broken::Transfer);
    let name = format!("traces.{}", format.ending());
    let mut response = document("text/plain", &name, Disposition::Save, body);
    response.headers_mut().insert(header::CONTENT_TYPE, format.media_type());
    response
}

fn line(row: TraceRow) -> String {
    let body = serde_json::to_string(&TraceBody::from(row)).unwrap_or_default();
    format!("{body}\n")
}

fn cells(row: TraceRow) -> impl Iterator<Item = String> {
    let became = row.became().to_string();
    let body = TraceBody::from(row);
    let told = |text: Option<String>| text.unwrap_or_default();
    [
        body.time,
        body.event,
        became,
        body.author,
        told(body.role),
        told(body.establishment),
        told(body.door),
        told(body.address),
        told(body.purpose),
        body.patients.join(" "),
        body.objects.join(" "),
        told(body.target),
        told(body.detail),
        told(body.count.map(|count| count.to_string())),
        body.kind.to_owned(),
        body.trace,
        body.origin,
        body.index.to_string(),
        told(body.port.map(|port| port.to_string())),
    ]
    .into_iter()
}

/// A record of RFC 4180: every cell between quotes, ended by CR LF.
fn record(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell_of(&cell)).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell_of(text: &str) -> String {
    // Full-width signs too: some spreadsheets take them for the others.
    let acts = |c: char| "=+-@\t\r\n\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c);
    let begins = text.starts_with(acts) || text.trim_start().starts_with(acts);
    format!("\"{}{}\"", if begins { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_acts_on_who_opens_it() {
        for (text, cell) in [
            ("plain", "\"plain\""),
            ("", "\"\""),
            ("a,b\r\nc", "\"a,b\r\nc\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+33", "\"'+33\""),
            ("-2", "\"'-2\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\tx", "\"'\tx\""),
            ("  =1", "\"'  =1\""),
            ("\u{a0}=1", "\"'\u{a0}=1\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("a=1", "\"a=1\""),
            ("2026-11-21", "\"2026-11-21\""),
        ] {
            assert_eq!(cell_of(text), cell, "{text:?}");
        }
    }

    #[test]
    fn every_record_has_a_cell_for_each_name() {
        let head = Format::Csv.head();
        let told = Format::Csv.piece(ExportPiece::End { cut: true, unreadable: true, behind: false });
        assert_eq!(head.matches("\",\"").count(), NAMES.len() - 1);
        assert_eq!(told.lines().count(), 2);
        assert!(told.lines().all(|line| line.matches("\",\"").count() >= NAMES.len() - 4));
        assert_eq!(Format::Csv.piece(ExportPiece::End { cut: false, unreadable: false, behind: false }), "");
        let line = Format::JsonLines.piece(ExportPiece::End { cut: true, unreadable: false, behind: false });
        assert!(line.starts_with('{') && line.ends_with("}\n") && line.contains("\"cut\""), "{line}");
    }
}
