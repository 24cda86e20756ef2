//! One's own session, and the page after it.

use super::means::{AccountChanged, AccountProblem};
use super::{
    OwnPasskeys,
    passkey::PasskeyEnrolling,
    sheet::{left, short_of_codes},
};
use data_encoding::BASE64URL_NOPAD;
use signin::{OwnLink, OwnSession, PasskeySeen, PastSignIn, SheetsSeen};
use types::{ClientAddress, Time};
use web::layout::prelude::*;

/// What the session page shows besides what the frame knows (role, ends, last sign-in).
#[derive(Debug, Clone)]
pub struct SessionView {
    /// When it was opened.
    pub since: Time,
    /// From where.
    pub address: ClientAddress,
    /// One's other sessions at this door.
    pub others: Vec<OwnSession>,
    /// One's last sign-ins, the newest first.
    pub recent: Vec<PastSignIn>,
    /// Spare codes that have not served.
    pub spare_codes: usize,
    /// The printed sheet that is one's second factor, where it is.
    pub sheet: Option<SheetsSeen>,
    /// A link that would give the account other means.
    pub link: Option<OwnLink>,
    /// Passkeys, where this door takes them.
    pub passkeys: Option<OwnPasskeys>,
    /// What was just done.
    pub done: Option<AccountChanged>,
    /// Why something was not.
    pub problem: Option<AccountProblem>,
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

    fn codes_left(&self) -> String {
        match self.view.spare_codes {
            0 => self.t.entrance_account_codes_none().to_owned(),
            count => self.t.entrance_account_codes_left(u64::try_from(count).unwrap_or(u64::MAX)),
        }
    }

    fn sheet_left(&self, sheet: &SheetsSeen) -> String {
        left(&self.chrome, sheet)
    }

    fn short_of_codes(&self) -> Option<(&'static str, String)> {
        short_of_codes(&self.chrome, self.view.sheet.as_ref())
    }

    fn passkey_id(&self, one: &PasskeySeen) -> String {
        BASE64URL_NOPAD.encode(&one.public.credential)
    }

    fn enrolling(&self) -> Option<&PasskeyEnrolling> {
        self.view.passkeys.as_ref().and_then(|own| own.enrolling.as_ref())
    }

    /// Nobody's means are shown to whoever came in by envelopes, nor given to him.
    fn is_break_glass(&self) -> bool {
        self.chrome.signed_in.as_ref().is_some_and(|who| who.is_break_glass)
    }

    fn csrf(&self) -> &str {
        self.chrome.signed_in.as_ref().map_or("", |who| who.csrf.as_str())
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
