//! One's own means: keys for SSH, tokens of the interface.

use super::words;
use signin::{SshKeySeen, TokenSeen};
use types::{TokenId, TokenScope};
use web::layout::prelude::*;

/// What a token of this door may be issued for.
pub const TOKEN_SCOPES: [TokenScope; 3] =
    [TokenScope::InterventionsRead, TokenScope::InterventionsWrite, TokenScope::EquipmentRead];

/// What was just done, as the address says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeansDone {
    /// A key was added.
    KeyAdded,
    /// A key was removed.
    KeyRemoved,
    /// A token was revoked.
    TokenRevoked,
}

impl MeansDone {
    /// Each, once.
    pub const ALL: [Self; 3] = [Self::KeyAdded, Self::KeyRemoved, Self::TokenRevoked];

    /// The word in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::KeyAdded => "key-added",
            Self::KeyRemoved => "key-removed",
            Self::TokenRevoked => "token-revoked",
        }
    }

    fn sentence(self, t: Text) -> &'static str {
        match self {
            Self::KeyAdded => t.means_done_key_added(),
            Self::KeyRemoved => t.means_done_key_removed(),
            Self::TokenRevoked => t.means_done_token_revoked(),
        }
    }
}

/// What is wrong, at which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeansWrong {
    /// With the key that was pasted.
    Key(String),
    /// With the key's name.
    KeyLabel(String),
    /// With the token's name.
    TokenLabel(String),
    /// With what it may do.
    Scopes(String),
    /// With how long it lasts.
    Days(String),
    /// With where it comes from.
    Sources(String),
    /// With none in particular.
    Whole(String),
}

impl MeansWrong {
    /// The sentence.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Key(text)
            | Self::KeyLabel(text)
            | Self::TokenLabel(text)
            | Self::Scopes(text)
            | Self::Days(text)
            | Self::Sources(text)
            | Self::Whole(text) => text,
        }
    }

    fn field(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::KeyLabel(_) => "key-label",
            Self::TokenLabel(_) => "token-label",
            Self::Scopes(_) => "scopes",
            Self::Days(_) => "days",
            Self::Sources(_) => "sources",
            Self::Whole(_) => "main",
        }
    }
}

/// What was typed for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenForm {
    /// What its holder calls it.
    pub label: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// How long it lasts.
    pub days: String,
    /// Where it comes from.
    pub sources: String,
}

impl Default for TokenForm {
    fn default() -> Self {
        let scopes = vec![TokenScope::InterventionsRead.as_str().to_owned()];
        Self { label: String::new(), scopes, days: "30".to_owned(), sources: String::new() }
    }
}

/// A token, shown once.
#[derive(Clone)]
pub struct IssuedToken {
    /// What its holder calls it.
    pub label: String,
    /// Its text.
    pub text: String,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedToken({:?}, …)", self.label)
    }
}

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct MeansView {
    /// The keys, as they are kept.
    pub keys: Vec<SshKeySeen>,
    /// The tokens, the next to end first.
    pub tokens: Vec<TokenSeen>,
    /// The line that was pasted; never a private key.
    pub key_line: String,
    /// The name typed for it.
    pub key_label: String,
    /// What was typed for a token.
    pub token: TokenForm,
    /// Whether he must prove again who he is before he adds any.
    pub stale: bool,
    /// What was just issued.
    pub issued: Option<IssuedToken>,
    /// What was just done.
    pub done: Option<MeansDone>,
    /// What is wrong.
    pub wrong: Option<MeansWrong>,
}

/// `GET /{lang}/means`, and the answers to its forms.
#[derive(Debug, Template)]
#[template(path = "means.html")]
pub struct MeansPage {
    chrome: Chrome,
    t: Text,
    view: MeansView,
}

impl MeansPage {
    /// The page.
    pub fn new(chrome: Chrome, view: MeansView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn done(&self) -> Option<&'static str> {
        self.view.done.map(|done| done.sentence(self.t))
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        self.view.wrong.as_ref().filter(|wrong| wrong.field() == field).map(MeansWrong::sentence)
    }

    fn scopes(&self) -> Vec<(&'static str, &'static str)> {
        TOKEN_SCOPES.iter().map(|scope| (scope.as_str(), words::scope(self.t, *scope))).collect()
    }

    fn has_scope(&self, scope: &str) -> bool {
        self.view.token.scopes.iter().any(|one| one == scope)
    }

    fn scopes_of(&self, token: &TokenSeen) -> String {
        token.scopes.iter().map(|scope| words::scope(self.t, *scope)).collect::<Vec<_>>().join(", ")
    }

    fn sources_of(&self, token: &TokenSeen) -> String {
        token.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn revoke(&self, id: &TokenId) -> String {
        self.chrome.url(&format!("/means/tokens/{id}/revoke"))
    }
}
