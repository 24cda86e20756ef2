//! Who an account's holder is, corrected by those who manage accounts.

use crate::{
    handlers::{
        Member, Named, Posted,
        accounts::{account, manages, refused, told},
        back,
    },
    pages::{CorrectedFields, CorrectingPage, CorrectingView},
};
use axum::{http::StatusCode, response::Response};
use entrance::Then;
use signin::{AccountError, AccountSheet, Attributes};
use types::{AccountId, IdentityProof};

pub(crate) async fn form(member: Member, named: Named) -> Response {
    let sheet = match corrected(&member, account(&named)).await {
        Ok(sheet) => sheet,
        Err(answer) => return *answer,
    };
    let fields = CorrectedFields::of(&sheet);
    page(&member, StatusCode::OK, (sheet, fields), Vec::new())
}

pub(crate) async fn correct(named: Named, Posted { member, form }: Posted<CorrectedFields>) -> Response {
    let account = account(&named);
    let sheet = match corrected(&member, account).await {
        Ok(sheet) => sheet,
        Err(answer) => return *answer,
    };
    let wrong = match read(&form) {
        Err(wrong) => wrong,
        Ok(to) => match member.visit.state.accounts().correct(&member.who.authenticated, account, to).await {
            Ok(()) => return back(&member, &format!("/accounts/{account}"), None),
            Err(AccountError::Field(field)) => field,
            Err(AccountError::NameSigned) => "name_signed",
            Err(AccountError::NameOfDirectory) => "name_of_directory",
            Err(AccountError::Proof) => "firm_proof",
            Err(error) => match told(error) {
                Some(refusal) => return back(&member, &format!("/accounts/{account}"), Some(refusal)),
                None => return refused(&member, error).await,
            },
        },
    };
    page(&member, StatusCode::UNPROCESSABLE_ENTITY, (sheet, form), vec![wrong])
}

/// The account, for somebody who may correct it and proved lately who he is.
async fn corrected(member: &Member, account: AccountId) -> Result<AccountSheet, Box<Response>> {
    if !manages(member) {
        return Err(Box::new(member.turned_away("accounts").await));
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return Err(Box::new(again));
    }
    match member.visit.state.accounts().one(&member.who.authenticated, account).await {
        Ok(sheet) => Ok(sheet),
        Err(error) => Err(Box::new(refused(member, error).await)),
    }
}

/// What was typed, or the field that cannot be read.
fn read(form: &CorrectedFields) -> Result<(Attributes, IdentityProof), &'static str> {
    let proof = form.proof.parse().map_err(|()| "proof")?;
    let told = |text: &String| (!text.trim().is_empty()).then(|| text.clone());
    let (given_name, family_name) = (form.given_name.clone(), form.family_name.clone());
    Ok((Attributes { given_name, family_name, profession: told(&form.profession), rpps: told(&form.rpps) }, proof))
}

fn page(
    member: &Member,
    status: StatusCode,
    (sheet, fields): (AccountSheet, CorrectedFields),
    wrong: Vec<&'static str>,
) -> Response {
    let path = format!("/accounts/{}/identity", sheet.seen.account);
    let mails = member.visit.state.accounts().writes_mail();
    let chrome = member.visit.chrome(Some(&member.who), Some(&path));
    let page = CorrectingPage::new(chrome, CorrectingView { sheet, fields, wrong, mails });
    web::layout::page(status, member.visit.lang, &page)
}
