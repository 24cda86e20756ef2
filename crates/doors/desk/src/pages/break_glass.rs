//! Break-glass accounts: the list, an envelope that is shown once, and what envelopes opened.

use super::{Badge, Refusal, words};
use identity::{BREAK_GLASS_ROLES, Envelope};
use serde::Deserialize;
use signin::{
    BREAK_GLASS_WORDS_CHARS_MAX, BREAK_GLASS_WORDS_CHARS_MIN, BreakGlassSeen, BreakGlassUse, EnvelopeWaits,
    EnvelopesServe,
};
use std::collections::BTreeMap;
use types::{AccountId, AccountState, EnvelopesId, Role, Time};
use web::layout::prelude::*;

/// Whether the establishment can do without its other ways in, for the quiet remark on the accounts' page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing to say.
    #[default]
    Ready,
    /// An account's envelopes are a year old.
    Renew,
    /// No account has envelopes that serve.
    Nobody,
}

impl Readiness {
    /// Of all its break-glass accounts.
    pub fn of(all: &[BreakGlassSeen], now: Time) -> Self {
        let serve: Vec<&EnvelopesServe> = all.iter().filter_map(|one| one.envelopes.serve.as_ref()).collect();
        match serve.iter().any(|serve| serve.renew <= now) {
            _ if serve.is_empty() => Readiness::Nobody,
            true => Readiness::Renew,
            false => Readiness::Ready,
        }
    }

    /// What is said of it.
    pub fn sentence(self, t: Text) -> Option<&'static str> {
        match self {
            Readiness::Ready => None,
            Readiness::Renew => Some(t.desk_break_glass_remark_renew()),
            Readiness::Nobody => Some(t.desk_break_glass_remark_nobody()),
        }
    }
}

/// An account to be opened, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BreakGlassFields {
    /// What it is called.
    pub name: String,
    /// What is typed to sign in.
    pub login: String,
    /// A role's word.
    pub role: String,
}

/// What the list shows.
#[derive(Debug, Clone)]
pub struct BreakGlassView {
    /// By name.
    pub rows: Vec<BreakGlassSeen>,
    /// What envelopes opened, those that nobody looked at first.
    pub uses: Vec<BreakGlassUse>,
    /// Who drew what.
    pub names: BTreeMap<AccountId, String>,
    /// Who reads it.
    pub me: AccountId,
    /// Whether he prepares them.
    pub manages: bool,
    /// Whether he decides anything here: not whoever came in by envelopes.
    pub decides: bool,
    /// What was typed.
    pub fields: BreakGlassFields,
    /// The fields that are wrong, by name; `taken` for a login that somebody has, `full` when there are as many as may be.
    pub wrong: Vec<&'static str>,
    /// Why something was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/accounts/break-glass`.
#[derive(Debug, Template)]
#[template(path = "break_glass.html")]
pub struct BreakGlassPage {
    chrome: Chrome,
    t: Text,
    view: BreakGlassView,
}

impl BreakGlassPage {
    /// The page.
    pub fn new(chrome: Chrome, view: BreakGlassView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn remark(&self) -> Option<&'static str> {
        Readiness::of(&self.view.rows, self.chrome.now).sentence(self.t)
    }

    fn waiting_uses(&self) -> Vec<&BreakGlassUse> {
        self.view.uses.iter().filter(|used| used.review.is_none()).collect()
    }

    fn reviewed_uses(&self) -> Vec<&BreakGlassUse> {
        self.view.uses.iter().filter(|used| used.review.is_some()).collect()
    }

    fn badges(&self, one: &BreakGlassSeen) -> Vec<Badge> {
        let t = self.t;
        let mut badges = Vec::new();
        // Whoever confirms gives it back: he sees that it was taken away.
        if matches!(one.account.state, AccountState::Suspended | AccountState::Blocked) {
            badges.push(words::account(t, one.account.state));
        }
        match &one.envelopes.serve {
            _ if one.account.state == AccountState::Closed => badges.push(words::account(t, one.account.state)),
            Some(serve) if serve.renew <= self.chrome.now => {
                badges.push(Badge::new(t.desk_break_glass_badge_renew(), Icon::Calendar, "wait"));
            }
            Some(_) => badges.push(Badge::new(t.desk_break_glass_badge_ready(), Icon::Proved, "good")),
            None => badges.push(Badge::new(t.desk_break_glass_badge_none(), Icon::Key, "")),
        }
        if one.envelopes.waits.is_some() {
            badges.push(Badge::new(t.desk_break_glass_badge_waits(), Icon::Clock, "wait"));
        }
        badges
    }

    fn name(&self, account: &AccountId) -> &str {
        self.view.names.get(account).map_or("", String::as_str)
    }

    fn pair(&self, id: &EnvelopesId) -> String {
        pair_of(id)
    }

    /// What waits as this page shows it: who draws does not know of another one.
    fn waiting(&self, one: &BreakGlassSeen) -> String {
        one.envelopes.waits.as_ref().map(|waits| waits.id.to_string()).unwrap_or_default()
    }

    fn by(&self, serve: &EnvelopesServe) -> String {
        let [first, second] = &serve.by;
        self.t.desk_break_glass_by_two(self.name(first), self.name(second))
    }

    fn draws(&self, one: &BreakGlassSeen) -> bool {
        self.view.manages && one.account.state != AccountState::Closed
    }

    fn confirms(&self, waits: &EnvelopeWaits) -> bool {
        self.view.decides && waits.by != self.view.me
    }

    fn revokes(&self, one: &BreakGlassSeen) -> bool {
        self.view.decides && (one.envelopes.serve.is_some() || one.envelopes.waits.is_some())
    }

    fn path(&self, one: &BreakGlassSeen, act: &str) -> String {
        self.chrome.url(&format!("/accounts/{}/envelopes{act}", one.account.account))
    }

    fn used_path(&self, used: &BreakGlassUse) -> String {
        used_path(&self.chrome, used)
    }

    fn roles(&self) -> Vec<(&'static str, &'static str)> {
        BREAK_GLASS_ROLES.iter().map(|role| (role.as_str(), self.t.role(*role))).collect()
    }

    fn role(&self, role: &Role) -> &'static str {
        self.t.role(*role)
    }

    fn wrong(&self, field: &str) -> Option<&'static str> {
        let t = self.t;
        self.view.wrong.iter().find_map(|wrong| match (*wrong, field) {
            ("name", "name") => Some(t.desk_break_glass_wrong_name()),
            ("login", "login") => Some(t.desk_accounts_form_wrong_login()),
            ("taken", "login") => Some(t.desk_accounts_form_wrong_taken()),
            ("role", "role") => Some(t.desk_accounts_form_wrong_role()),
            ("full", "name") => Some(t.desk_problem_full()),
            _ => None,
        })
    }
}

fn used_path(chrome: &Chrome, used: &BreakGlassUse) -> String {
    chrome.url(&format!("/accounts/break-glass/uses/{}", used.session))
}

/// What an envelope's sheet says, once.
#[derive(Debug, Clone)]
pub struct EnvelopeView {
    /// Whose.
    pub account: AccountId,
    /// What the account is called.
    pub name: String,
    /// What is typed first.
    pub login: String,
    /// For what.
    pub role: Role,
    /// Which of the two.
    pub of: Envelope,
    /// What it holds.
    pub code: String,
    /// What names it and the other one.
    pub id: EnvelopesId,
    /// When it was drawn.
    pub drawn: Time,
    /// First moment at which it no longer serves.
    pub until: Time,
}

/// What both sheets bear, and the page, so that two that do not belong together show: six letters of what names them.
fn pair_of(id: &EnvelopesId) -> String {
    let letters: Vec<char> = id.to_string().to_uppercase().chars().take(6).collect();
    letters.chunks(3).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// The answer to whoever draws an envelope: a sheet to print.
#[derive(Debug, Template)]
#[template(path = "envelope.html")]
pub struct EnvelopePage {
    chrome: Chrome,
    t: Text,
    view: EnvelopeView,
}

impl EnvelopePage {
    /// The page.
    pub fn new(chrome: Chrome, view: EnvelopeView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn number(&self) -> u64 {
        u64::from(self.view.of.number())
    }

    fn is_first(&self) -> bool {
        self.view.of == Envelope::First
    }

    fn role(&self) -> &'static str {
        self.t.role(self.view.role)
    }

    fn pair(&self) -> String {
        pair_of(&self.view.id)
    }

    /// Where the two are typed.
    fn address(&self) -> String {
        format!("{}{}", self.chrome.origin, self.chrome.url("/session/envelopes"))
    }
}

/// What the page of a use shows.
#[derive(Debug, Clone)]
pub struct BreakGlassUseView {
    /// What was opened.
    pub used: BreakGlassUse,
    /// Who looked at it, if anybody did.
    pub reviewed_by: Option<String>,
    /// Whether the reader may say what he found.
    pub reviews: bool,
    /// Whether the reader may stop it: as long as such a session may live, whatever was found of it.
    pub stops: bool,
    /// What was typed before.
    pub words: String,
    /// Why something was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/accounts/break-glass/uses/{id}`.
#[derive(Debug, Template)]
#[template(path = "break_glass_use.html")]
pub struct BreakGlassUsePage {
    chrome: Chrome,
    t: Text,
    view: BreakGlassUseView,
}

impl BreakGlassUsePage {
    /// The page.
    pub fn new(chrome: Chrome, view: BreakGlassUseView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn words_chars(&self) -> (usize, usize) {
        (BREAK_GLASS_WORDS_CHARS_MIN, BREAK_GLASS_WORDS_CHARS_MAX)
    }
}
