//! Printed sheets of codes: drawn and handed over by one person, confirmed by another, withdrawn when they are lost.

use crate::{
    handlers::{
        Member, Named, Posted,
        accounts::{account, acted, manages, refused, sees, without},
    },
    pages::{CodesSheet, CodesSheetView, Refusal},
};
use axum::response::Response;
use entrance::{Then, shown};
use serde::Deserialize;
use signin::{AccountError, AccountSheet, DrawnSheet};
use std::collections::BTreeMap;
use types::{AccountId, Door, IdentityProof, SheetId};

/// Who drew an account's sheets, by name.
pub(crate) async fn sheets_by(member: &Member, sheet: &AccountSheet) -> BTreeMap<AccountId, String> {
    let mut names = BTreeMap::new();
    for by in drawers(sheet) {
        // One whose account is not this establishment's is named by it.
        let seen = member.visit.state.accounts().one(&member.who.authenticated, by).await;
        names.insert(by, seen.map_or_else(|_| by.to_string(), |by| by.seen.display_name));
    }
    names
}

fn drawers(sheet: &AccountSheet) -> Vec<AccountId> {
    let Some(kept) = &sheet.sheets else { return Vec::new() };
    kept.waits.iter().chain(&kept.serves).map(|one| one.by).collect()
}

/// The sheet that the page showed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shown {
    sheet: String,
    proof: String,
}

impl Shown {
    /// What is no identifier names no sheet of anybody's.
    fn sheet(&self) -> Result<SheetId, AccountError> {
        self.sheet.parse().map_err(|_| AccountError::Meanwhile)
    }
}

pub(crate) async fn draw(named: Named, Posted { member, form }: Posted<Shown>) -> Response {
    if !manages(&member) {
        return member.turned_away("accounts").await;
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return again;
    }
    let account = account(&named);
    let Ok(proof) = form.proof.parse::<IdentityProof>() else { return without(&member, account, Refusal::Proof).await };
    let seen = match form.sheet.as_str() {
        "" => Ok(None),
        _ => form.sheet().map(Some),
    };
    let drawn = match seen {
        Ok(seen) => member.visit.state.accounts().draw_sheet(&member.who.authenticated, account, (proof, seen)).await,
        Err(error) => Err(error),
    };
    match drawn {
        Ok(drawn) => printed(&member, account, drawn),
        Err(error) => acted(&member, account, Err(error)).await,
    }
}

/// The codes are shown in the answer itself, once, and nowhere else.
fn printed(member: &Member, account: AccountId, drawn: DrawnSheet) -> Response {
    let origin = member.visit.state.origin_of(Door::Portal).map(|origin| origin.as_str().to_owned());
    let view = CodesSheetView {
        account,
        name: drawn.name,
        codes: drawn.codes.iter().map(|code| code.expose().clone()).collect(),
        id: drawn.id,
        drawn: drawn.drawn,
        until: drawn.until,
        confirms: drawn.confirms,
        origin,
    };
    let chrome = member.visit.chrome(Some(&member.who), Some(&format!("/accounts/{account}")));
    shown(member.visit.lang, &CodesSheet::new(chrome, view))
}

pub(crate) async fn confirm(named: Named, Posted { member, form }: Posted<Shown>) -> Response {
    if !sees(&member) {
        return member.turned_away("accounts").await;
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return again;
    }
    let account = account(&named);
    let done = match form.sheet() {
        Ok(sheet) => member.visit.state.accounts().confirm_sheet(&member.who.authenticated, account, sheet).await,
        Err(error) => Err(error),
    };
    answered(&member, account, done).await
}

pub(crate) async fn withdraw(named: Named, Posted { member, form }: Posted<Shown>) -> Response {
    if !sees(&member) {
        return member.turned_away("accounts").await;
    }
    let account = account(&named);
    let done = match form.sheet() {
        Ok(sheet) => member.visit.state.accounts().withdraw_sheet(&member.who.authenticated, account, sheet).await,
        Err(error) => Err(error),
    };
    answered(&member, account, done).await
}

/// Of a sheet that waits no more, the page says so; it is no link.
async fn answered(member: &Member, account: AccountId, done: Result<(), AccountError>) -> Response {
    match done {
        Err(AccountError::Absent) => {
            match member.visit.state.accounts().one(&member.who.authenticated, account).await {
                Ok(_) => without(member, account, Refusal::Meanwhile).await,
                Err(error) => refused(member, error).await,
            }
        }
        Err(AccountError::Second) => without(member, account, Refusal::SheetSecond).await,
        done => acted(member, account, done).await,
    }
}
