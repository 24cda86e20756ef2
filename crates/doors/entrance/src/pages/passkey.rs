//! Passkeys on the pages of an entrance, and the page that asks again who one is.

use super::Then;
use data_encoding::BASE64URL_NOPAD;
use signin::{PasskeyOptions, PasskeySeen};
use web::layout::prelude::*;

/// What a form asks a passkey to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyForm {
    /// In base64url.
    pub challenge: String,
    /// The domain.
    pub rp: String,
    /// Sealed state that the form brings back.
    pub ceremony: String,
}

/// What the account's page shows of passkeys.
#[derive(Debug, Clone)]
pub struct OwnPasskeys {
    /// One's own.
    pub list: Vec<PasskeySeen>,
    /// What is needed to add one; nothing when it is full, or long ago that somebody proved who he is.
    pub enrolling: Option<PasskeyEnrolling>,
    /// Whether he must prove again who he is before he adds one.
    pub stale: bool,
}

/// What `navigator.credentials.create` needs.
#[derive(Debug, Clone)]
pub struct PasskeyEnrolling {
    /// In base64url.
    pub challenge: String,
    /// The domain.
    pub rp: String,
    /// The user's handle, in base64url.
    pub user: String,
    /// What he has already, in base64url, with commas.
    pub exclude: String,
}

impl From<PasskeyOptions> for PasskeyEnrolling {
    fn from(options: PasskeyOptions) -> Self {
        let exclude: Vec<String> = options.exclude.iter().map(|one| BASE64URL_NOPAD.encode(one)).collect();
        Self {
            challenge: BASE64URL_NOPAD.encode(&options.challenge),
            rp: options.rp.id,
            user: BASE64URL_NOPAD.encode(options.user.as_bytes()),
            exclude: exclude.join(","),
        }
    }
}

/// What is asked of somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFor {
    /// Any means of his.
    Any,
    /// A passkey, of which he has one.
    Passkey,
    /// A passkey, of which he has none and may add one.
    PasskeyToAdd,
    /// A passkey, of which he has none, and which he cannot add by himself: the door takes none, or a policy says no.
    PasskeyToAskFor,
    /// A passkey, of which he has some that open nothing before he allows them again.
    PasskeyToAllow,
}

/// What the page that asks again who one is shows.
#[derive(Debug, Clone)]
pub struct AgainView {
    /// What he types.
    pub login: String,
    /// Where he goes on.
    pub then: Then,
    /// What a passkey is asked to sign, where the door takes them.
    pub passkey: Option<PasskeyForm>,
    /// By which means.
    pub asked: AskedFor,
}

/// `GET /{lang}/session/again`.
#[derive(Debug, Template)]
#[template(path = "entrance/again.html")]
pub struct Again {
    chrome: Chrome,
    t: Text,
    view: AgainView,
}

impl Again {
    /// The page.
    pub fn new(chrome: Chrome, view: AgainView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn then(&self) -> &str {
        self.view.then.word()
    }

    fn lead(&self) -> &str {
        match &self.view.then {
            Then::Account | Then::Means => self.t.entrance_again_lead(),
            Then::Accounts | Then::BreakGlass => self.t.entrance_again_lead_accounts(),
            Then::SessionRules => self.t.entrance_again_lead_rules(),
            Then::Ssh => self.t.entrance_again_lead_ssh(),
            Then::Page(_) => self.t.entrance_again_lead_page(),
        }
    }
}
