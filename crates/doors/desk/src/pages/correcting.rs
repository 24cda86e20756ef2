//! The form that corrects who an account's holder is.

use super::words;
use identity::decides_over_others;
use serde::Deserialize;
use signin::AccountSheet;
use types::{AccountState, IdentityProof, Role};
use web::layout::prelude::*;

/// What is typed of somebody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CorrectedFields {
    /// First names.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// What he is by trade, or empty.
    pub profession: String,
    /// His national number, or empty.
    pub rpps: String,
    /// How his identity was verified.
    pub proof: String,
}

impl CorrectedFields {
    /// As the account has them. How his identity was verified is said anew.
    pub fn of(sheet: &AccountSheet) -> Self {
        let all = sheet.attributes.clone();
        let (profession, rpps) = (all.profession.unwrap_or_default(), all.rpps.unwrap_or_default());
        Self { given_name: all.given_name, family_name: all.family_name, profession, rpps, proof: String::new() }
    }
}

/// What the form shows.
#[derive(Debug, Clone)]
pub struct CorrectingView {
    /// The account as it is.
    pub sheet: AccountSheet,
    /// What was typed.
    pub fields: CorrectedFields,
    /// What is wrong.
    pub wrong: Vec<&'static str>,
    /// Whether mail is sent, so that the holder is told.
    pub mails: bool,
}

/// `GET /{lang}/accounts/{id}/identity`.
#[derive(Debug, Template)]
#[template(path = "account_identity.html")]
pub struct CorrectingPage {
    chrome: Chrome,
    t: Text,
    view: CorrectingView,
}

impl CorrectingPage {
    /// The page.
    pub fn new(chrome: Chrome, view: CorrectingView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn path(&self, rest: &str) -> String {
        self.chrome.url(&format!("/accounts/{}{rest}", self.view.sheet.seen.account))
    }

    /// Whether the name cannot be other than it is here, and why.
    fn name_stays(&self) -> Option<&'static str> {
        decides_over_others(self.view.sheet.seen.role).then(|| self.t.desk_accounts_correct_signed())
    }

    /// Whether what is shown is all that is taken. Where only the whole name was kept, which part is which can be said.
    fn is_name_fixed(&self) -> bool {
        self.name_stays().is_some() && !self.view.sheet.attributes.given_name.is_empty()
    }

    fn needs_trade(&self) -> bool {
        self.view.sheet.seen.role == Role::Professional
    }

    /// Whether trade and national number are asked for.
    fn has_trade(&self) -> bool {
        !matches!(self.view.sheet.seen.role, Role::Patient | Role::Relative)
    }

    /// What is wrong, with the field that it is at.
    fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        self.view.wrong.iter().filter_map(|field| self.sentence(field)).collect()
    }

    fn sentence(&self, field: &str) -> Option<(&'static str, &'static str)> {
        let t = self.t;
        Some(match field {
            "given_name" => ("given_name", t.desk_accounts_form_wrong_given_name()),
            "family_name" => ("family_name", t.desk_accounts_form_wrong_family_name()),
            "profession" => ("profession", t.desk_accounts_form_wrong_profession()),
            "profession_missing" => ("profession", t.desk_accounts_correct_professional()),
            "profession_nobodys" | "rpps_nobodys" => ("family_name", t.desk_accounts_correct_nobodys()),
            "rpps" => ("rpps", t.desk_accounts_form_wrong_rpps()),
            "rpps_taken" => ("rpps", t.desk_accounts_form_wrong_rpps_taken()),
            "proof" => ("proof", t.desk_accounts_form_wrong_proof()),
            "firm_proof" => ("proof", t.desk_accounts_correct_proof_in_use()),
            "name_signed" => ("family_name", t.desk_accounts_correct_signed()),
            "name_of_directory" => ("family_name", t.desk_accounts_correct_directory()),
            _ => return None,
        })
    }

    fn wrong(&self, field: &str) -> Option<&'static str> {
        self.mistakes().into_iter().find(|(at, _)| *at == field).map(|(_, sentence)| sentence)
    }

    fn proofs(&self) -> Vec<(IdentityProof, &'static str, &'static str)> {
        words::proofs(self.t)
    }

    fn is_proof(&self, proof: &IdentityProof) -> bool {
        self.view.fields.proof == proof.as_str()
    }

    /// What an account in use asks for.
    fn in_use(&self) -> Option<&'static str> {
        let is_new = self.view.sheet.seen.state == AccountState::Invited;
        (!is_new && self.name_stays().is_none()).then(|| self.t.desk_accounts_correct_proof_in_use())
    }
}
