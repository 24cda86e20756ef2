//! Sessions: the list, one that lives or is over, and the replay of a terminal.

use super::{Badge, words};
use interventions::{Alarm, ChannelKind, ChannelSummary, FileAct, RelaySession};
use web::layout::prelude::*;

/// What the list shows.
#[derive(Debug, Clone, Default)]
pub struct SessionsView {
    /// The rows.
    pub rows: Vec<RelaySession>,
    /// Only those that live.
    pub live: bool,
    /// The page after.
    pub next: Option<String>,
    /// Whether this is not the first page.
    pub is_further: bool,
}

/// `GET /{lang}/sessions`.
#[derive(Debug, Template)]
#[template(path = "sessions.html")]
pub struct SessionsList {
    chrome: Chrome,
    t: Text,
    view: SessionsView,
}

impl SessionsList {
    /// The page.
    pub fn new(chrome: Chrome, view: SessionsView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn badge(&self, one: &RelaySession) -> Badge {
        words::session(self.t, one)
    }

    fn end(&self, one: &RelaySession) -> &'static str {
        one.end.map_or("", |end| words::end(self.t, end))
    }

    fn after(&self, cursor: &str) -> String {
        let live = if self.view.live { "live=true&" } else { "" };
        format!("{}?{live}cursor={}", self.chrome.url("/sessions"), super::encoded(cursor))
    }
}

/// What the page of one session shows.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The session.
    pub one: RelaySession,
    /// Whether the reader may cut it.
    pub cuts: bool,
    /// Whether he may watch it.
    pub watches: bool,
    /// Whether he may see its recordings.
    pub replays: bool,
    /// Whether cutting is asked twice.
    pub held: bool,
}

/// `GET /{lang}/sessions/{id}`.
#[derive(Debug, Template)]
#[template(path = "session.html")]
pub struct SessionPage {
    chrome: Chrome,
    t: Text,
    view: SessionView,
}

impl SessionPage {
    /// The page.
    pub fn new(chrome: Chrome, view: SessionView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn path(&self, part: &str) -> String {
        self.chrome.url(&format!("/sessions/{}{part}", self.view.one.id))
    }

    fn intervention(&self) -> String {
        self.chrome.url(&format!("/interventions/{}", self.view.one.intervention))
    }

    fn title(&self) -> String {
        self.t.desk_session_title(&self.view.one.technician_name, &self.view.one.equipment_name)
    }

    fn badge(&self) -> Badge {
        words::session(self.t, &self.view.one)
    }

    fn end(&self) -> &'static str {
        self.view.one.end.map_or("", |end| words::end(self.t, end))
    }

    fn size(&self, bytes: &u64) -> String {
        words::size(self.t, *bytes)
    }

    fn kind(&self, one: &ChannelSummary) -> &'static str {
        words::channel(self.t, one.kind).1
    }

    fn kind_icon(&self, one: &ChannelSummary) -> Icon {
        words::channel(self.t, one.kind).0
    }

    /// The command, with what cannot be seen made visible.
    fn command(&self, one: &ChannelSummary) -> String {
        one.command.as_deref().map(|command| wire::visible(command, 2000)).unwrap_or_default()
    }

    fn file(&self, one: &FileAct) -> &'static str {
        words::file(self.t, one.verb)
    }

    fn file_end(&self, one: &FileAct) -> &'static str {
        words::file_end(self.t, one.end).unwrap_or("")
    }

    fn note(&self) -> String {
        wire::visible(&self.view.one.note, 500)
    }

    fn alarm(&self, alarm: &Alarm) -> String {
        wire::visible(&alarm.text, 300)
    }

    fn may_replay(&self, one: &ChannelSummary) -> bool {
        self.view.replays && one.recording && one.kind == ChannelKind::Terminal
    }

    fn replay(&self, one: &ChannelSummary) -> String {
        self.path(&format!("/channels/{}", one.number))
    }
}

/// What the replay shows.
#[derive(Debug, Clone)]
pub struct ReplayView {
    /// The session.
    pub one: RelaySession,
    /// The channel.
    pub channel: u32,
}

/// `GET /{lang}/sessions/{id}/channels/{number}`.
#[derive(Debug, Template)]
#[template(path = "replay.html")]
pub struct Replay {
    chrome: Chrome,
    t: Text,
    view: ReplayView,
}

impl Replay {
    /// The page.
    pub fn new(chrome: Chrome, view: ReplayView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn session(&self) -> String {
        self.chrome.url(&format!("/sessions/{}", self.view.one.id))
    }

    fn part(&self, part: &str) -> String {
        format!("{}/channels/{}/{part}", self.session(), self.view.channel)
    }

    fn title(&self) -> String {
        self.t.desk_session_title(&self.view.one.technician_name, &self.view.one.equipment_name)
    }
}
