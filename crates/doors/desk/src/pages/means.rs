//! One's own means of identification, and the passkeys of others that administrators vouch for.

use super::{Badge, Challenge, Refusal};
use data_encoding::BASE64URL_NOPAD;
use signin::{EnrolledPasskey, PasskeySeen, TokenSeen};
use types::{AccountId, TokenScope};
use web::{layout::prelude::*, when};

/// What the page holds for `navigator.credentials.create`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolling {
    /// What the passkey signs, in base64url.
    pub challenge: String,
    /// The domain that it is for.
    pub rp: String,
    /// The user's handle, in base64url.
    pub user: String,
    /// The passkeys that are there already, in base64url, separated by commas.
    pub exclude: String,
}

/// What the page of one's own means shows.
#[derive(Debug, Clone, Default)]
pub struct MeansView {
    /// One's passkeys.
    pub passkeys: Vec<PasskeySeen>,
    /// One's tokens.
    pub tokens: Vec<TokenSeen>,
    /// For a new passkey; none when there are as many as may be.
    pub enrolling: Option<Enrolling>,
    /// The scopes that make sense for the reader's role.
    pub scopes: Vec<TokenScope>,
    /// Whether he must prove again who he is before he adds any.
    pub stale: bool,
    /// A token just issued, shown once.
    pub issued: Option<String>,
    /// Why what was asked was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/means`.
#[derive(Debug, Template)]
#[template(path = "means.html")]
pub struct Means {
    chrome: Chrome,
    t: Text,
    view: MeansView,
}

fn vouched(t: Text, vouched: bool) -> Badge {
    if vouched {
        Badge::new(t.desk_means_vouched(), Icon::Proved, "good")
    } else {
        Badge::new(t.desk_means_not_vouched(), Icon::Clock, "wait")
    }
}

/// The beginning of a passkey's identifier, for two people to compare.
fn fingerprint(credential: &[u8]) -> String {
    let text: Vec<char> = BASE64URL_NOPAD.encode(credential).chars().take(24).collect();
    text.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

impl Means {
    /// The page.
    pub fn new(chrome: Chrome, view: MeansView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn badge(&self, one: &PasskeySeen) -> Badge {
        vouched(self.t, one.vouched)
    }

    fn fingerprint(&self, one: &PasskeySeen) -> String {
        fingerprint(&one.public.credential)
    }

    fn scope(&self, scope: &TokenScope) -> &'static str {
        let t = self.t;
        match scope {
            TokenScope::InterventionsRead => t.desk_means_scope_interventions_read(),
            TokenScope::InterventionsWrite => t.desk_means_scope_interventions_write(),
            TokenScope::SessionsRead => t.desk_means_scope_sessions_read(),
            TokenScope::SessionsCut => t.desk_means_scope_sessions_cut(),
            TokenScope::EquipmentRead => t.desk_means_scope_equipment_read(),
            TokenScope::EquipmentWrite => t.desk_means_scope_equipment_write(),
            TokenScope::TracesRead => t.desk_means_scope_traces_read(),
            TokenScope::RulesRead => t.desk_means_scope_rules_read(),
            TokenScope::AccountsRead => t.desk_means_scope_accounts_read(),
        }
    }

    fn until(&self, one: &TokenSeen) -> String {
        self.t.desk_means_token_until(when::short(one.expires, self.chrome.lang))
    }

    fn used(&self, one: &TokenSeen) -> String {
        match one.last_used {
            Some(at) => self.t.desk_means_token_used(when::ago(at, self.chrome.now, self.chrome.lang)),
            None => self.t.desk_means_token_unused().to_owned(),
        }
    }

    fn since(&self, one: &PasskeySeen) -> String {
        self.t.desk_means_since(when::ago(one.enrolled, self.chrome.now, self.chrome.lang))
    }

    fn login(&self) -> &str {
        self.chrome.signed_in.as_ref().map_or("", |who| who.display_name.as_str())
    }
}

/// What the page of everybody's passkeys shows.
#[derive(Debug, Clone)]
pub struct PasskeysView {
    /// Those that wait first.
    pub rows: Vec<EnrolledPasskey>,
    /// The reader's own account.
    pub me: AccountId,
    /// Why what was asked was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/passkeys`.
#[derive(Debug, Template)]
#[template(path = "passkeys.html")]
pub struct Passkeys {
    chrome: Chrome,
    t: Text,
    view: PasskeysView,
}

impl Passkeys {
    /// The page.
    pub fn new(chrome: Chrome, view: PasskeysView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn badge(&self, one: &EnrolledPasskey) -> Badge {
        vouched(self.t, one.passkey.vouched)
    }

    fn is_own(&self, one: &EnrolledPasskey) -> bool {
        one.account == self.view.me
    }

    fn role(&self, one: &EnrolledPasskey) -> &'static str {
        self.t.role(one.role)
    }

    fn path(&self, one: &EnrolledPasskey, act: &str) -> String {
        let credential = BASE64URL_NOPAD.encode(&one.passkey.public.credential);
        self.chrome.url(&format!("/passkeys/{credential}/{act}"))
    }
}

/// Somebody's passkey, about to be vouched for or revoked.
#[derive(Debug, Clone)]
pub struct PasskeyView {
    /// The passkey.
    pub one: EnrolledPasskey,
    /// What is signed to vouch; none to revoke.
    pub vouch: Option<Challenge>,
}

/// `GET /{lang}/passkeys/{id}/vouch` and `…/revoke`.
#[derive(Debug, Template)]
#[template(path = "passkey.html")]
pub struct Passkey {
    chrome: Chrome,
    t: Text,
    view: PasskeyView,
}

impl Passkey {
    /// The page.
    pub fn new(chrome: Chrome, view: PasskeyView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn fingerprint(&self) -> String {
        fingerprint(&self.view.one.passkey.public.credential)
    }

    fn role(&self) -> &'static str {
        self.t.role(self.view.one.role)
    }

    fn path(&self, act: &str) -> String {
        let credential = BASE64URL_NOPAD.encode(&self.view.one.passkey.public.credential);
        self.chrome.url(&format!("/passkeys/{credential}/{act}"))
    }
}
