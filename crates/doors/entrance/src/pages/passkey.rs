//! Passkeys on the pages of an entrance, and the page that asks again who one is.

use data_encoding::BASE64URL_NOPAD;
use signin::{PasskeyOptions, PasskeySeen};
use web::layout::prelude::*;

/// Where somebody goes on once he has proved again who he is. The address names it by a word: no other place can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// His account.
    Account,
    /// His means of identification, at doors that have a page for them.
    Means,
    /// The establishment's accounts, at the desk.
    Accounts,
    /// What is decided of sessions, at the desk.
    SessionRules,
    /// The sign-in by SSH that waits for him, at the suppliers' door.
    Ssh,
    /// Break-glass accounts, at the desk.
    BreakGlass,
}

impl Then {
    const ALL: [Self; 6] =
        [Self::Account, Self::Means, Self::Accounts, Self::SessionRules, Self::BreakGlass, Self::Ssh];

    /// The word in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Means => "means",
            Self::Accounts => "accounts",
            Self::SessionRules => "session-rules",
            Self::Ssh => "ssh",
            Self::BreakGlass => "break-glass",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Account => "/session",
            Self::Means => "/means",
            Self::Accounts => "/accounts",
            Self::SessionRules => "/accounts/sessions",
            Self::Ssh => "/ssh",
            Self::BreakGlass => "/accounts/break-glass",
        }
    }
}

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

/// What the page that asks again who one is shows.
#[derive(Debug, Clone)]
pub struct AgainView {
    /// What he types.
    pub login: String,
    /// Where he goes on.
    pub then: Then,
    /// What a passkey is asked to sign.
    pub passkey: Option<PasskeyForm>,
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

    fn then(&self) -> &'static str {
        self.view.then.word()
    }

    fn lead(&self) -> &str {
        match self.view.then {
            Then::Account | Then::Means => self.t.entrance_again_lead(),
            Then::Accounts | Then::BreakGlass => self.t.entrance_again_lead_accounts(),
            Then::SessionRules => self.t.entrance_again_lead_rules(),
            Then::Ssh => self.t.entrance_again_lead_ssh(),
        }
    }
}
