//! One account: its sheet, and the question before its state is changed.

use super::{Badge, Refusal, accounts::marks, sheets::mark_of, words};
use identity::{asks_two_people, is_reason_for, takes_a_link_again};
use signin::{AccountSeen, AccountSheet, LinkSeen, RightGiven, SheetSeen, SheetsSeen};
use std::{collections::BTreeMap, time::Duration};
use types::{AccountId, AccountState, IdentityProof, LifeReason};
use web::layout::prelude::*;

/// What the sheet shows.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// The account.
    pub sheet: AccountSheet,
    /// His supplier's name.
    pub supplier: Option<String>,
    /// Who drew the link, by name.
    pub drawn_by: Option<String>,
    /// Whether giving its means takes two people's signatures here.
    pub signs: bool,
    /// Who signed for the means that it has, by name: whoever drew the link, and whoever confirmed it.
    pub signers: Option<(String, String)>,
    /// Who drew its printed sheets, by name.
    pub sheets_by: BTreeMap<AccountId, String>,
    /// The reader's own account.
    pub me: AccountId,
    /// Whether the reader manages accounts; if not, he suspends and confirms.
    pub manages: bool,
    /// Whether mail is sent, so that an address is of use.
    pub mails: bool,
    /// How long after it was drawn a link gives other means to an account in use.
    pub delay: Duration,
    /// Why what was asked was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/accounts/{id}`.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    chrome: Chrome,
    t: Text,
    view: AccountView,
}

impl AccountPage {
    /// The page.
    pub fn new(chrome: Chrome, view: AccountView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn role(&self) -> &'static str {
        self.t.role(self.view.sheet.seen.role)
    }

    fn badge(&self) -> Badge {
        words::account(self.t, self.view.sheet.seen.state)
    }

    fn marks(&self) -> Vec<Badge> {
        marks(self.t, &self.view.sheet.seen, self.chrome.now)
    }

    fn reason(&self) -> Option<&'static str> {
        self.view.sheet.reason.map(|reason| words::life_reason(self.t, reason))
    }

    fn proof(&self) -> &'static str {
        self.view.sheet.proof.map_or(self.t.desk_accounts_proof_unknown(), |proof| words::proof(self.t, proof).0)
    }

    fn sessions(&self) -> String {
        match self.view.sheet.sessions {
            0 => self.t.desk_accounts_sheet_sessions_none().to_owned(),
            count => self.t.desk_accounts_sheet_sessions_count(u64::from(count)),
        }
    }

    fn next_review(&self) -> String {
        match self.view.sheet.seen.review_due {
            None => self.t.desk_accounts_sheet_review_over().to_owned(),
            Some(due) if due <= self.chrome.now => self.t.desk_accounts_sheet_review_now().to_owned(),
            Some(due) => self.chrome.date(&due),
        }
    }

    fn is_own(&self) -> bool {
        self.view.sheet.seen.account == self.view.me
    }

    /// What this reader may put it in.
    fn states(&self) -> Vec<AccountState> {
        let states = self.view.sheet.may_become.iter().copied();
        let his = |to: &AccountState| !self.is_own() && (self.view.manages || *to == AccountState::Suspended);
        states.filter(his).collect()
    }

    fn act(&self, to: &AccountState) -> &'static str {
        act(self.t, *to)
    }

    fn grave(&self, to: &AccountState) -> bool {
        *to == AccountState::Closed
    }

    fn confirms(&self, link: &LinkSeen) -> bool {
        link.waits && !self.is_own() && !self.drew(link) && !self.unsigned(link)
    }

    /// A link that takes signatures and bears none serves nobody: another is drawn.
    fn unsigned(&self, link: &LinkSeen) -> bool {
        self.view.signs && !link.signed
    }

    /// What is said of how its means were given, and whether that is as it should be.
    fn right(&self) -> Option<(String, bool)> {
        let t = self.t;
        Some(match (self.view.sheet.right?, &self.view.signers) {
            (RightGiven::Signed { holds, .. }, Some((first, second))) => {
                let said = if holds {
                    t.desk_accounts_right_signed(first, second)
                } else {
                    t.desk_accounts_right_broken(first, second)
                };
                (said, holds)
            }
            (RightGiven::Confirmed, _) => (t.desk_accounts_right_confirmed().to_owned(), true),
            (RightGiven::Unsigned | RightGiven::Signed { .. }, _) => {
                // As it is of the first administrator, and as whoever writes the database by hand would leave it.
                (t.desk_accounts_right_unsigned().to_owned(), false)
            }
        })
    }

    fn drew(&self, link: &LinkSeen) -> bool {
        link.by == Some(self.view.me)
    }

    fn withdraws(&self) -> bool {
        self.view.manages && !self.is_own()
    }

    /// The sentence over the form to draw a link, for whom it is.
    fn draws(&self) -> Option<&'static str> {
        match self.view.sheet.seen.state {
            _ if !self.withdraws() || self.view.sheet.seen.is_break_glass => None,
            AccountState::Invited => Some(self.t.desk_accounts_link_draw_lead_invited()),
            AccountState::Active => Some(self.t.desk_accounts_link_draw_lead_active()),
            state if takes_a_link_again(self.view.sheet.seen.role, state) => {
                Some(self.t.desk_accounts_link_draw_lead_again())
            }
            _ => None,
        }
    }

    /// Whether the link's form asks for another address: alone, nobody changes it.
    fn draws_address(&self) -> bool {
        self.view.mails && asks_two_people(self.view.sheet.seen.role)
    }

    /// Whether the address is changed here, by one person.
    fn readdresses(&self) -> bool {
        let is_break_glass = self.view.sheet.seen.is_break_glass;
        self.view.mails && self.withdraws() && !is_break_glass && !asks_two_people(self.view.sheet.seen.role)
    }

    /// Whether who the holder is can be corrected here.
    fn corrects(&self) -> bool {
        let seen = &self.view.sheet.seen;
        self.withdraws() && !seen.is_break_glass && seen.state != AccountState::Closed
    }

    fn reviews(&self) -> bool {
        self.withdraws() && self.view.sheet.seen.review_due.is_some()
    }

    /// What an account in use asks for to be given other means; a new one takes an employer's word too.
    fn proofs(&self) -> Vec<(IdentityProof, &'static str, &'static str)> {
        let is_new = self.view.sheet.seen.state == AccountState::Invited;
        words::proofs(self.t).into_iter().filter(|(proof, ..)| is_new || proof.is_substantial()).collect()
    }

    /// When a link that is drawn now serves.
    fn delay(&self) -> Option<String> {
        let hours = self.view.delay.as_secs().div_ceil(3600);
        (self.view.sheet.seen.state != AccountState::Invited).then(|| self.t.desk_accounts_link_draw_delay(hours))
    }

    /// Why a sheet that waits serves nothing yet.
    fn sheet_waits(&self, sheet: &SheetSeen) -> &'static str {
        match self.by_link() {
            true => self.t.desk_accounts_codes_waits_link(),
            false if sheet.by == self.view.me => self.t.desk_accounts_codes_waits_own(),
            false => self.t.desk_accounts_codes_waits(),
        }
    }

    /// Whether a sheet serves by the holder's link, which asks for a code of it.
    fn by_link(&self) -> bool {
        let seen = &self.view.sheet.seen;
        seen.state == AccountState::Invited || seen.link.is_some()
    }

    fn confirms_sheet(&self, sheet: &SheetSeen) -> bool {
        let is_active = self.view.sheet.seen.state == AccountState::Active;
        is_active && !self.by_link() && !self.is_own() && sheet.by != self.view.me
    }

    /// Whether the reader draws one: for whoever manages accounts.
    fn draws_sheet(&self) -> bool {
        let state = self.view.sheet.seen.state;
        self.withdraws() && matches!(state, AccountState::Active | AccountState::Invited)
    }

    /// What is said of sheets beside the one that waits, if there is anything to say or to do.
    fn codes_part(&self) -> Option<&SheetsSeen> {
        let says = |kept: &&SheetsSeen| kept.serves.is_some() || kept.instead || kept.waits.is_none();
        self.view.sheet.sheets.as_ref().filter(|kept| says(kept) || self.draws_sheet())
    }

    fn drew_sheet(&self, sheet: &SheetSeen) -> &str {
        self.view.sheets_by.get(&sheet.by).map_or("", String::as_str)
    }

    fn sheet_proof(&self, sheet: &SheetSeen) -> &'static str {
        sheet.proof.map_or(self.t.desk_accounts_proof_unknown(), |proof| words::proof(self.t, proof).0)
    }

    fn sheet_mark(&self, sheet: &SheetSeen) -> String {
        mark_of(&sheet.id)
    }

    fn codes_left(&self, sheets: &SheetsSeen) -> String {
        match sheets.next {
            Some(next) if sheets.opens(self.chrome.now) => {
                let left = self.t.desk_accounts_codes_left(u64::try_from(sheets.left).unwrap_or(u64::MAX));
                format!("{left} {}", self.t.desk_accounts_codes_next(next))
            }
            _ => self.t.desk_accounts_codes_left_none().to_owned(),
        }
    }

    /// The ways of verifying somebody's identity who is there, with their words.
    fn face_to_face(&self) -> Vec<(IdentityProof, &'static str, &'static str)> {
        self.proofs().into_iter().filter(|(proof, ..)| proof.is_face_to_face()).collect()
    }

    fn path(&self, act: &str) -> String {
        self.chrome.url(&format!("/accounts/{}{act}", self.view.sheet.seen.account))
    }
}

/// What is done by putting an account in a state.
fn act(t: Text, to: AccountState) -> &'static str {
    match to {
        AccountState::Suspended => t.desk_accounts_to_suspend(),
        AccountState::Blocked => t.desk_accounts_to_block(),
        AccountState::Closed => t.desk_accounts_to_close(),
        AccountState::Active | AccountState::Invited => t.desk_accounts_to_reopen(),
    }
}

/// A change of state, about to be made.
#[derive(Debug, Clone)]
pub struct AccountStateView {
    /// The account.
    pub seen: AccountSeen,
    /// What it is to become.
    pub to: AccountState,
}

/// `GET /{lang}/accounts/{id}/state/{to}`.
#[derive(Debug, Template)]
#[template(path = "account_state.html")]
pub struct AccountStatePage {
    chrome: Chrome,
    t: Text,
    view: AccountStateView,
}

impl AccountStatePage {
    /// The page.
    pub fn new(chrome: Chrome, view: AccountStateView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn title(&self) -> String {
        let (t, name) = (self.t, &self.view.seen.display_name);
        match self.view.to {
            AccountState::Suspended => t.desk_accounts_to_suspend_title(name),
            AccountState::Blocked => t.desk_accounts_to_block_title(name),
            AccountState::Closed => t.desk_accounts_to_close_title(name),
            AccountState::Active | AccountState::Invited => t.desk_accounts_to_reopen_title(name),
        }
    }

    fn what(&self) -> &'static str {
        match self.view.to {
            AccountState::Suspended => self.t.desk_accounts_to_suspend_what(),
            AccountState::Blocked => self.t.desk_accounts_to_block_what(),
            AccountState::Closed => self.t.desk_accounts_to_close_what(),
            AccountState::Active | AccountState::Invited => self.t.desk_accounts_to_reopen_what(),
        }
    }

    fn act(&self) -> &'static str {
        act(self.t, self.view.to)
    }

    /// Whether it takes something away.
    fn takes(&self) -> bool {
        self.view.to != AccountState::Active
    }

    fn role(&self) -> &'static str {
        self.t.role(self.view.seen.role)
    }

    fn badge(&self) -> Badge {
        words::account(self.t, self.view.seen.state)
    }

    fn reasons(&self) -> Vec<(LifeReason, &'static str)> {
        let fitting = LifeReason::ALL.iter().copied().filter(|reason| is_reason_for(*reason, self.view.to));
        fitting.map(|reason| (reason, words::life_reason(self.t, reason))).collect()
    }

    fn sheet(&self) -> String {
        self.chrome.url(&format!("/accounts/{}", self.view.seen.account))
    }
}
