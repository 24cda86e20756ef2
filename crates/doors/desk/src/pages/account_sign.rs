//! A right that gives rights, read and signed by each of two people.

use super::{AccountFields, Challenge, words};
use signin::{LacksKey, RightTerms};
use types::{AccountId, IdentityProof, LinkId};
use web::layout::prelude::*;

/// What the signature is for: the form is sent where the page before was, with what it said.
#[derive(Debug, Clone)]
pub enum AccountSigning {
    /// An account is opened.
    Open(AccountFields),
    /// A link is drawn.
    Draw {
        /// Whose.
        account: AccountId,
        /// How his identity was verified.
        proof: IdentityProof,
        /// Where his mail is to go, as typed.
        mail: String,
    },
    /// Another's link is confirmed.
    Confirm {
        /// Whose.
        account: AccountId,
        /// Which.
        link: LinkId,
        /// Who drew and signed it, by name.
        first: String,
    },
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct AccountSignView {
    /// The very terms that are signed.
    pub right: RightTerms,
    /// The same, for the browser.
    pub challenge: Challenge,
    /// What the reader lacks to sign.
    pub lacks: Option<LacksKey>,
    /// What for.
    pub signing: AccountSigning,
}

/// The answer to whoever is about to give a right that gives rights.
#[derive(Debug, Template)]
#[template(path = "account_sign.html")]
pub struct AccountSign {
    chrome: Chrome,
    t: Text,
    view: AccountSignView,
}

impl AccountSign {
    /// The page.
    pub fn new(chrome: Chrome, view: AccountSignView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn role(&self) -> &'static str {
        self.t.role(self.view.right.role)
    }

    fn proof(&self) -> &'static str {
        words::proof(self.t, self.view.right.proof).0
    }

    /// Where one comes from, and goes back to.
    fn back(&self) -> String {
        match &self.view.signing {
            AccountSigning::Open(_) => self.chrome.url("/accounts/new"),
            AccountSigning::Draw { account, .. } | AccountSigning::Confirm { account, .. } => {
                self.chrome.url(&format!("/accounts/{account}"))
            }
        }
    }

    fn action(&self) -> String {
        match &self.view.signing {
            AccountSigning::Open(_) => self.chrome.url("/accounts"),
            AccountSigning::Draw { account, .. } => self.chrome.url(&format!("/accounts/{account}/link")),
            AccountSigning::Confirm { account, .. } => self.chrome.url(&format!("/accounts/{account}/link/confirm")),
        }
    }

    /// What the page before said, to be sent with the signature.
    fn fields(&self) -> Vec<(&'static str, String)> {
        match &self.view.signing {
            AccountSigning::Open(fields) => fields.named(),
            AccountSigning::Draw { proof, mail, .. } => {
                vec![("proof", proof.as_str().to_owned()), ("mail", mail.clone())]
            }
            AccountSigning::Confirm { link, .. } => vec![("link", link.to_string())],
        }
    }

    fn first(&self) -> Option<&str> {
        match &self.view.signing {
            AccountSigning::Confirm { first, .. } => Some(first),
            AccountSigning::Open(_) | AccountSigning::Draw { .. } => None,
        }
    }

    fn lacks_any(&self) -> bool {
        self.view.lacks == Some(LacksKey::None)
    }
}
