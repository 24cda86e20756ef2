//! Accounts: the list, the form to open one, and the link that is shown once.

use super::{Badge, Readiness, words};
use serde::Deserialize;
use signin::AccountSeen;
use std::collections::BTreeMap;
use types::{AccountId, AccountState, Door, IdentityProof, Role, SupplierId, Time};
use web::layout::prelude::*;

/// The roles that accounts are opened for here. Whose record a patient, a relative or a professional may see is known
/// where patients are registered.
pub const INVITED_ROLES: [Role; 9] = [
    Role::Beneficiary,
    Role::OnCall,
    Role::SecurityOfficer,
    Role::Administrator,
    Role::TraceController,
    Role::Dpo,
    Role::Technician,
    Role::SupplierManager,
    Role::Auditor,
];

/// What is searched for, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AccountsFields {
    /// Words of a name or login.
    pub q: String,
    /// A role's word; empty for all.
    pub role: String,
    /// A state's word; empty for all.
    pub state: String,
    /// `review`, `link`, or empty.
    pub waits: String,
}

impl AccountsFields {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the list shows.
#[derive(Debug, Clone, Default)]
pub struct AccountsView {
    /// By name.
    pub rows: Vec<AccountSeen>,
    /// The suppliers' names.
    pub suppliers: BTreeMap<SupplierId, String>,
    /// What was searched.
    pub fields: AccountsFields,
    /// There are more after this one.
    pub more: Option<AccountId>,
    /// Whether this is not the first page.
    pub is_further: bool,
    /// Whether the reader opens accounts.
    pub manages: bool,
    /// Whether something is to be said of break-glass accounts.
    pub readiness: Readiness,
}

/// `GET /{lang}/accounts`.
#[derive(Debug, Template)]
#[template(path = "accounts.html")]
pub struct AccountsList {
    chrome: Chrome,
    t: Text,
    view: AccountsView,
}

impl AccountsList {
    /// The page.
    pub fn new(chrome: Chrome, view: AccountsView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn roles(&self) -> Vec<(&'static str, &'static str)> {
        Role::ALL.iter().map(|role| (role.as_str(), self.t.role(*role))).collect()
    }

    fn states(&self) -> Vec<(&'static str, &'static str)> {
        AccountState::ALL.iter().map(|state| (state.as_str(), words::account(self.t, *state).word())).collect()
    }

    fn waits(&self) -> [(&'static str, &'static str); 3] {
        let t = self.t;
        [
            ("", t.desk_accounts_waits_nothing()),
            ("review", t.desk_accounts_waits_review()),
            ("link", t.desk_accounts_waits_link()),
        ]
    }

    fn remark(&self) -> Option<&'static str> {
        self.view.readiness.sentence(self.t)
    }

    fn count(&self) -> String {
        let count = u64::try_from(self.view.rows.len()).unwrap_or(u64::MAX);
        match self.view.more {
            Some(_) => self.t.desk_accounts_count_some(count),
            None => self.t.desk_accounts_count(count),
        }
    }

    fn after(&self, cursor: Option<&AccountId>) -> String {
        let AccountsFields { q, role, state, waits } = &self.view.fields;
        let cursor = cursor.map(AccountId::to_string).unwrap_or_default();
        let parts = [("q", q), ("role", role), ("state", state), ("waits", waits), ("after", &cursor)];
        let parts = parts.iter().filter(|(_, value)| !value.is_empty());
        let parts: Vec<String> = parts.map(|(name, value)| format!("{name}={}", super::encoded(value))).collect();
        let path = self.chrome.url("/accounts");
        if parts.is_empty() { path } else { format!("{path}?{}", parts.join("&")) }
    }

    fn role(&self, one: &AccountSeen) -> &'static str {
        self.t.role(one.role)
    }

    fn supplier(&self, one: &AccountSeen) -> Option<&str> {
        self.view.suppliers.get(one.supplier.as_ref()?).map(String::as_str)
    }

    fn badge(&self, one: &AccountSeen) -> Badge {
        words::account(self.t, one.state)
    }

    fn marks(&self, one: &AccountSeen) -> Vec<Badge> {
        marks(self.t, one, self.chrome.now)
    }
}

/// What waits in an account.
pub(super) fn marks(t: Text, one: &AccountSeen, now: Time) -> Vec<Badge> {
    let link = one.link.as_ref().map(|link| {
        let word = if link.waits { t.desk_accounts_mark_second() } else { t.desk_accounts_mark_link() };
        Badge::new(word, Icon::Key, "wait")
    });
    let due = one.review_due.is_some_and(|due| due <= now);
    let review = due.then(|| Badge::new(t.desk_accounts_mark_review(), Icon::Calendar, "wait"));
    link.into_iter().chain(review).collect()
}

/// An account to be opened, as typed: nothing is lost when something is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AccountFields {
    /// First names.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// What he will type.
    pub login: String,
    /// A role's word.
    pub role: String,
    /// A supplier's identifier, or empty.
    pub supplier: String,
    /// What he is by trade, or empty.
    pub profession: String,
    /// His national number, or empty.
    pub rpps: String,
    /// How his identity was verified.
    pub proof: String,
    /// Where his mail is to go, or empty.
    pub mail: String,
}

impl AccountFields {
    /// Each field by its name.
    pub(super) fn named(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("given_name", &self.given_name),
            ("family_name", &self.family_name),
            ("login", &self.login),
            ("role", &self.role),
            ("supplier", &self.supplier),
            ("profession", &self.profession),
            ("rpps", &self.rpps),
            ("proof", &self.proof),
            ("mail", &self.mail),
        ];
        all.into_iter().map(|(name, value)| (name, value.clone())).collect()
    }
}

/// What the form shows.
#[derive(Debug, Clone, Default)]
pub struct AccountNewView {
    /// What was typed.
    pub fields: AccountFields,
    /// The suppliers to choose from, by name.
    pub suppliers: Vec<(SupplierId, String)>,
    /// The fields that are wrong, by name; `taken` for a login that somebody has.
    pub wrong: Vec<&'static str>,
    /// Whether mail is sent, so that an address is asked for.
    pub mails: bool,
}

/// `GET /{lang}/accounts/new`.
#[derive(Debug, Template)]
#[template(path = "account_new.html")]
pub struct AccountNew {
    chrome: Chrome,
    t: Text,
    view: AccountNewView,
}

impl AccountNew {
    /// The page.
    pub fn new(chrome: Chrome, view: AccountNewView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    /// What is wrong, with the field that it is at.
    fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let sentence = |field: &&'static str| self.sentence(field);
        self.view.wrong.iter().filter_map(sentence).collect()
    }

    fn sentence(&self, field: &str) -> Option<(&'static str, &'static str)> {
        let t = self.t;
        Some(match field {
            "given_name" => ("given_name", t.desk_accounts_form_wrong_given_name()),
            "family_name" => ("family_name", t.desk_accounts_form_wrong_family_name()),
            "login" => ("login", t.desk_accounts_form_wrong_login()),
            "taken" => ("login", t.desk_accounts_form_wrong_taken()),
            "role" => ("role", t.desk_accounts_form_wrong_role()),
            "supplier" => ("supplier", t.desk_accounts_form_wrong_supplier()),
            "profession" => ("profession", t.desk_accounts_form_wrong_profession()),
            "rpps" => ("rpps", t.desk_accounts_form_wrong_rpps()),
            "rpps_taken" => ("rpps", t.desk_accounts_form_wrong_rpps_taken()),
            "mail" => ("mail", t.desk_accounts_form_wrong_mail()),
            "proof" => ("proof", t.desk_accounts_form_wrong_proof()),
            // What was signed is not what was sent, or too late: it is read and signed again.
            "signature" => ("role", t.desk_problem_signature()),
            _ => return None,
        })
    }

    fn wrong(&self, field: &str) -> Option<&'static str> {
        self.mistakes().into_iter().find(|(at, _)| *at == field).map(|(_, sentence)| sentence)
    }

    fn roles(&self) -> Vec<(&'static str, &'static str)> {
        INVITED_ROLES.iter().map(|role| (role.as_str(), self.t.role(*role))).collect()
    }

    fn is_supplier(&self, id: &SupplierId) -> bool {
        self.view.fields.supplier == id.to_string()
    }

    fn proofs(&self) -> Vec<(IdentityProof, &'static str, &'static str)> {
        words::proofs(self.t)
    }

    fn is_proof(&self, proof: &IdentityProof) -> bool {
        self.view.fields.proof == proof.as_str()
    }
}

/// What the page of a link just drawn shows, once.
#[derive(Debug, Clone)]
pub struct AccountLinkView {
    /// Whose.
    pub account: AccountId,
    /// His name.
    pub name: String,
    /// What he types.
    pub login: String,
    /// For what.
    pub role: Role,
    /// The address to open, or its path where the door's is not known.
    pub address: String,
    /// The door whose address is not known here.
    pub unknown: Option<Door>,
    /// First moment at which it no longer serves.
    pub expires: Time,
    /// Whether a second person must confirm it first.
    pub waits: bool,
    /// Whether it leaves by mail too.
    pub mailed: bool,
    /// First moment at which it serves, where that is not at once.
    pub opens: Option<Time>,
}

/// The answer to whoever draws a link.
#[derive(Debug, Template)]
#[template(path = "account_link.html")]
pub struct AccountLink {
    chrome: Chrome,
    t: Text,
    view: AccountLinkView,
}

impl AccountLink {
    /// The page.
    pub fn new(chrome: Chrome, view: AccountLinkView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn role(&self) -> &'static str {
        self.t.role(self.view.role)
    }

    fn unknown(&self) -> Option<&'static str> {
        Some(match self.view.unknown? {
            Door::Suppliers => self.t.desk_accounts_drawn_path_suppliers(),
            Door::Desk => self.t.desk_accounts_drawn_path_desk(),
            _ => self.t.desk_accounts_drawn_path_portal(),
        })
    }

    fn sheet(&self) -> String {
        self.chrome.url(&format!("/accounts/{}", self.view.account))
    }
}

/// What the page of a link just confirmed shows, once.
#[derive(Debug, Clone)]
pub struct AccountCodeView {
    /// Whose.
    pub account: AccountId,
    /// His name.
    pub name: String,
    /// What to tell him.
    pub code: String,
}

/// The answer to whoever confirms a link.
#[derive(Debug, Template)]
#[template(path = "account_code.html")]
pub struct AccountCode {
    chrome: Chrome,
    t: Text,
    view: AccountCodeView,
}

impl AccountCode {
    /// The page.
    pub fn new(chrome: Chrome, view: AccountCodeView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn sheet(&self) -> String {
        self.chrome.url(&format!("/accounts/{}", self.view.account))
    }
}
