//! Pages about another session of the same account, where one at a time is kept (acces-web AA8).

use signin::OtherSession;
use web::layout::prelude::*;

/// What became of one's session, or of one's wish to have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherWhy {
    /// Another sign-in closed this session.
    Closed,
    /// Another session is there, so none is opened here.
    Open,
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherView {
    /// Why.
    pub why: OtherWhy,
    /// The other session.
    pub other: OtherSession,
    /// What the button brings back, if it can be said that the other is not one's own.
    pub word: Option<String>,
}

/// The page that tells of the other session.
#[derive(Debug, Template)]
#[template(path = "entrance/other.html")]
pub struct Other {
    chrome: Chrome,
    t: Text,
    view: OtherView,
}

impl Other {
    /// The page; nobody is signed in, whatever `chrome` says.
    pub fn new(mut chrome: Chrome, view: OtherView) -> Self {
        chrome.signed_in = None;
        Self { t: chrome.text(), chrome, view }
    }

    /// Only then do the browser's other pages show a session that is over.
    fn is_closed(&self) -> bool {
        self.view.why == OtherWhy::Closed
    }

    fn title(&self) -> &'static str {
        match self.view.why {
            OtherWhy::Closed => self.t.entrance_elsewhere_closed_title(),
            OtherWhy::Open => self.t.entrance_elsewhere_open_title(),
        }
    }

    fn text(&self) -> &'static str {
        match self.view.why {
            OtherWhy::Closed => self.t.entrance_elsewhere_closed_text(),
            OtherWhy::Open => self.t.entrance_elsewhere_open_text(),
        }
    }
}

/// The answer to "this was not me", when nobody is signed in.
#[derive(Debug, Template)]
#[template(path = "entrance/disowned.html")]
pub struct Disowned {
    chrome: Chrome,
    t: Text,
}

impl Disowned {
    /// The page.
    pub fn new(mut chrome: Chrome) -> Self {
        chrome.signed_in = None;
        Self { t: chrome.text(), chrome }
    }
}

/// The answer to "this was not me" that comes too late, or a second time.
#[derive(Debug, Template)]
#[template(path = "entrance/too_late.html")]
pub struct TooLate {
    chrome: Chrome,
    t: Text,
}

impl TooLate {
    /// The page.
    pub fn new(mut chrome: Chrome) -> Self {
        chrome.signed_in = None;
        Self { t: chrome.text(), chrome }
    }
}
