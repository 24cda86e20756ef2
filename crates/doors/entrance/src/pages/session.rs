//! One's own session, and the page after it.

use types::{ClientAddress, Time};
use web::layout::prelude::*;

/// What the session page shows besides what the frame knows (role, ends, last sign-in).
#[derive(Debug, Clone, Copy)]
pub struct SessionView {
    /// When it was opened.
    pub since: Time,
    /// From where.
    pub address: ClientAddress,
}

/// `GET /{lang}/session`.
#[derive(Debug, Template)]
#[template(path = "entrance/session.html")]
pub struct Session {
    chrome: Chrome,
    t: Text,
    view: SessionView,
}

impl Session {
    /// The page.
    pub fn new(chrome: Chrome, view: SessionView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }
}

/// The answer to a sign-out. It tells the door's other tabs, which clear their pages.
#[derive(Debug, Template)]
#[template(path = "entrance/signed_out.html")]
pub struct SignedOut {
    chrome: Chrome,
    t: Text,
}

impl SignedOut {
    /// The page; nobody is signed in any more, whatever `chrome` says.
    pub fn new(mut chrome: Chrome) -> Self {
        chrome.signed_in = None;
        Self { t: chrome.text(), chrome }
    }
}
