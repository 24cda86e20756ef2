//! Rights that give rights, signed: what is shown before somebody signs, and what is done with his signature.

use crate::{
    handlers::{Member, SignatureForm, accounts::refused, challenge},
    pages::{AccountSign, AccountSignView, AccountSigning},
};
use axum::response::Response;
use entrance::shown;
use serde::Deserialize;
use signin::{AccountError, DrawnLink, NewInvitation, RightSigned, RightToSign, SecondCode};
use types::{AccountId, IdentityProof, LinkId};

/// A form that may come with a signature.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Signable<F: Default> {
    #[serde(flatten)]
    pub form: F,
    #[serde(flatten)]
    pub signature: SignatureForm,
}

/// What became of an act that may take a signature.
pub(crate) enum Came<T> {
    /// Done.
    Done(T),
    /// It is to be signed first.
    ToSign(Box<RightToSign>),
}

impl SignatureForm {
    /// The signature, if the form came with one. What is not ours reads as empty, and fits nothing.
    fn right(&self) -> Option<RightSigned> {
        (!self.nonce.is_empty()).then(|| RightSigned { nonce: self.nonce.clone(), assertion: self.assertion() })
    }
}

fn done_or<T>(asked: Option<RightToSign>) -> Option<Came<T>> {
    asked.map(|right| Came::ToSign(Box::new(right)))
}

/// Opens an account; where its role takes signatures, once whoever opens it signed.
pub(crate) async fn open(
    member: &Member,
    new: NewInvitation,
    signature: &SignatureForm,
) -> Result<Came<(AccountId, DrawnLink)>, AccountError> {
    let (service, who) = (member.visit.state.accounts(), &member.who.authenticated);
    // Where no mail is written, the page does not ask for an address.
    let new = NewInvitation { mail: new.mail.filter(|_| service.writes_mail()), ..new };
    if let Some(signed) = signature.right() {
        return service.invite_signed(who, new, signed).await.map(Came::Done);
    }
    match done_or(service.invitation_terms(who, new.clone()).await?) {
        Some(to_sign) => Ok(to_sign),
        None => service.invite(who, new).await.map(Came::Done),
    }
}

/// Draws a link; where the account's role takes signatures, once whoever draws it signed.
pub(crate) async fn draw(
    member: &Member,
    account: AccountId,
    (proof, mail): (IdentityProof, &str),
    signature: &SignatureForm,
) -> Result<Came<DrawnLink>, AccountError> {
    let (service, who) = (member.visit.state.accounts(), &member.who.authenticated);
    // Where no mail is written, the page does not ask for an address.
    let what = (proof, Some(mail).filter(|mail| service.writes_mail() && !mail.trim().is_empty()));
    if let Some(signed) = signature.right() {
        return service.draw_signed_link(who, account, what, signed).await.map(Came::Done);
    }
    match done_or(service.draw_terms(who, account, what).await?) {
        Some(to_sign) => Ok(to_sign),
        None => service.draw_link_to(who, account, what).await.map(Came::Done),
    }
}

/// Confirms a link; where the account's role takes signatures, once whoever confirms it signed.
pub(crate) async fn confirm(
    member: &Member,
    account: AccountId,
    link: LinkId,
    signature: &SignatureForm,
) -> Result<Came<SecondCode>, AccountError> {
    let (service, who) = (member.visit.state.accounts(), &member.who.authenticated);
    if signature.right().is_some() {
        return service.confirm_signed_link(who, account, link, &signature.assertion()).await.map(Came::Done);
    }
    match done_or(service.confirm_terms(who, account, link).await?) {
        Some(to_sign) => Ok(to_sign),
        None => service.confirm_link(who, account, link).await.map(Came::Done),
    }
}

/// The page on which somebody reads what he is about to sign.
pub(crate) fn page(member: &Member, to_sign: RightToSign, signing: AccountSigning) -> Response {
    let path = match &signing {
        AccountSigning::Open(_) => "/accounts/new".to_owned(),
        AccountSigning::Draw { account, .. } | AccountSigning::Confirm { account, .. } => {
            format!("/accounts/{account}")
        }
    };
    let RightToSign { right, terms, lacks, .. } = to_sign;
    let view = AccountSignView { right, challenge: challenge(&terms), lacks, signing };
    let chrome = member.visit.chrome(Some(&member.who), Some(&path));
    shown(member.visit.lang, &AccountSign::new(chrome, view))
}

/// The page for whoever confirms: who signed before him is named.
pub(crate) async fn second_page(
    member: &Member,
    to_sign: RightToSign,
    (account, link): (AccountId, LinkId),
) -> Response {
    let first = match to_sign.first {
        Some(first) => named(member, first).await,
        None => Ok(String::new()),
    };
    match first {
        Ok(first) => page(member, to_sign, AccountSigning::Confirm { account, link, first }),
        Err(error) => refused(member, error).await,
    }
}

/// Somebody's name; one whose account is not here any more is named by it.
pub(crate) async fn named(member: &Member, account: AccountId) -> Result<String, AccountError> {
    match member.visit.state.accounts().one(&member.who.authenticated, account).await {
        Ok(sheet) => Ok(sheet.seen.display_name),
        Err(AccountError::Absent) => Ok(account.to_string()),
        Err(error) => Err(error),
    }
}
