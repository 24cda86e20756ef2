//! One trace, with all that is known of it.

use super::Badge;
use dossier::{Became, TraceRow};
use journal::Kind;
use types::{ClockState, Role};
use web::{layout::prelude::*, when};

/// What became of an act: its word, its sign, its color.
pub(super) fn became(t: Text, became: Became) -> Badge {
    match became {
        Became::Done => Badge::new(t.desk_traces_done(), Icon::Closed, "good"),
        Became::Refused => Badge::new(t.desk_traces_refused(), Icon::DoorClosed, "bad"),
        Became::Failed => Badge::new(t.desk_traces_failed(), Icon::Warning, "bad"),
        Became::Abandoned => Badge::new(t.desk_traces_abandoned(), Icon::Warning, "wait"),
        Became::Shown => Badge::new(t.desk_traces_shown(), Icon::Lantern, ""),
        Became::Noted => Badge::new(t.desk_traces_noted(), Icon::Document, ""),
        Became::Unknown => Badge::new(t.desk_traces_unknown(), Icon::Unknown, "wait"),
    }
}

/// What the page of one trace shows.
#[derive(Debug, Clone)]
pub struct TraceSheetView {
    /// The trace.
    pub row: TraceRow,
}

/// `GET /{lang}/traces/{origin}/{index}`.
#[derive(Debug, Template)]
#[template(path = "trace.html")]
pub struct TraceSheet {
    chrome: Chrome,
    t: Text,
    view: TraceSheetView,
}

/// A line of the sheet. A search for the same, where there is one.
struct Line {
    label: &'static str,
    value: String,
    path: Option<String>,
}

impl TraceSheet {
    /// The page.
    pub fn new(chrome: Chrome, view: TraceSheetView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn outcome(&self) -> Badge {
        became(self.t, self.view.row.became())
    }

    fn exact(&self) -> String {
        when::exact(self.view.row.time)
    }

    fn clock(&self) -> &'static str {
        match self.view.row.clock {
            ClockState::Synchronized => self.t.desk_traces_clock_synchronized(),
            ClockState::Unsynchronized => self.t.desk_traces_clock_unsynchronized(),
            ClockState::Unknown => self.t.desk_traces_clock_unknown(),
        }
    }

    fn event(&self) -> &'static str {
        self.t.event(self.view.row.event)
    }

    /// Everything that is said, with what cannot be seen made visible.
    fn lines(&self) -> Vec<Line> {
        let (t, row) = (self.t, &self.view.row);
        let mut lines = Vec::new();
        let mut say = |label: &'static str, value: &str, searched: Option<&str>| {
            let path =
                searched.map(|name| format!("{}?go=1&{name}={}", self.chrome.url("/traces"), super::encoded(value)));
            lines.push(Line { label, value: wire::visible(value, 4096), path });
        };
        say(t.desk_traces_event(), row.event.as_str(), Some("type"));
        say(t.desk_traces_author(), &row.author, Some("author"));
        if let Some(role) = &row.role {
            let word = role.parse().map_or(role.as_str(), |role: Role| t.role(role));
            say(t.desk_traces_role(), word, None);
        }
        let port = row.port.map(|port| port.to_string());
        for (label, value, searched) in [
            (t.desk_traces_ip(), &row.address, Some("ip")),
            (t.desk_traces_port(), &port, None),
            (t.desk_traces_door(), &row.door, None),
            (t.desk_traces_establishment(), &row.establishment, Some("establishment")),
            (t.desk_traces_purpose(), &row.purpose, None),
        ] {
            value.iter().for_each(|value| say(label, value, searched));
        }
        row.patients.iter().for_each(|patient| say(t.desk_traces_patient(), patient, Some("patient")));
        row.objects.iter().for_each(|object| say(t.desk_traces_object(), object, Some("object")));
        row.target.iter().for_each(|target| say(t.desk_traces_target(), target, Some("object")));
        row.detail.iter().for_each(|detail| say(t.desk_traces_detail(), detail, None));
        row.count.iter().for_each(|count| say(t.desk_traces_count(), &count.to_string(), None));
        say(t.desk_traces_kind(), self.kind(), None);
        say(t.desk_traces_act_id(), &row.trace.to_string(), Some("q"));
        say(t.desk_traces_origin(), &row.origin, None);
        say(t.desk_traces_index(), &row.index.to_string(), None);
        lines
    }

    fn kind(&self) -> &'static str {
        let t = self.t;
        match self.view.row.kind {
            Kind::Intent => t.desk_traces_kind_intent(),
            Kind::Outcome => t.desk_traces_kind_outcome(),
            Kind::Released => t.desk_traces_kind_released(),
            Kind::Note => t.desk_traces_kind_note(),
            Kind::Refusal => t.desk_traces_kind_refusal(),
            Kind::Folded => t.desk_traces_kind_folded(),
            Kind::SealKey => t.desk_traces_kind_seal_key(),
        }
    }
}
