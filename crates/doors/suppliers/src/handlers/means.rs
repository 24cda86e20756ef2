//! `/{lang}/means`: one's own keys for SSH and tokens.

use crate::{
    handlers::{Asking, Member, Named, Posted, all, first, means_failed, or_default, ranges, to},
    pages::{IssuedToken, MeansDone, MeansPage, MeansView, MeansWrong, TokenForm, paths},
};
use axum::{http::StatusCode, response::Response};
use entrance::Then;
use identity::BadSshKey;
use serde::Deserialize;
use signin::{MeansError, NewToken, TOKEN_SOURCES_MAX};
use std::{collections::BTreeSet, time::Duration};
use types::{Time, TokenId, TokenScope};
use web::{i18n::Text, layout::page};

const DAYS_MAX: u64 = 366;
const DAY_SECONDS: u64 = 86_400;
const REFUSED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Before {
    done: String,
}

pub(crate) async fn means(member: Member, before: Asking<Before>) -> Response {
    let word = or_default(before).done;
    let done = MeansDone::ALL.into_iter().find(|done| done.word() == word);
    show(&member, MeansView { done, ..MeansView::default() }, StatusCode::OK).await
}

/// The page with what stands now; `view` has the rest.
async fn show(member: &Member, mut view: MeansView, status: StatusCode) -> Response {
    let (state, who) = (&member.visit.state, &member.who.authenticated);
    let found = async { Ok((state.means().own(who).await?.ssh_keys, state.tokens().list(who).await?)) };
    (view.keys, view.tokens) = match found.await {
        Ok(found) => found,
        Err(error) => return means_failed(member, error).await,
    };
    view.stale = !member.is_fresh();
    let chrome = member.visit.chrome(Some(&member.who), Some("/means"));
    page(status, member.visit.lang, &MeansPage::new(chrome, view))
}

fn done(member: &Member, done: MeansDone) -> Response {
    to(&paths::means(member.visit.lang, done.word()))
}

pub(crate) async fn add_key(Posted { member, form }: Posted) -> Response {
    if let Some(again) = member.proves_again(Then::Means) {
        return again;
    }
    let (line, label) = (first(&form, "key"), first(&form, "label"));
    let t = Text::new(member.visit.lang);
    let error = match member.visit.state.means().add_ssh_key(&member.who.authenticated, line.trim(), &label).await {
        Ok(_) => return done(&member, MeansDone::KeyAdded),
        Err(error) => error,
    };
    let Some(wrong) = key_wrong(&error, t) else { return means_failed(&member, error).await };
    // A private key is not shown again, not even to whom it belongs.
    let is_private = matches!(error, MeansError::SshKey(BadSshKey::Private));
    let key_line = if is_private { String::new() } else { line };
    let view = MeansView { key_line, key_label: label, wrong: Some(wrong), ..MeansView::default() };
    show(&member, view, REFUSED).await
}

fn key_wrong(error: &MeansError, t: Text) -> Option<MeansWrong> {
    let key = |sentence: &str| Some(MeansWrong::Key(sentence.to_owned()));
    match error {
        MeansError::SshKey(BadSshKey::Private) => key(t.means_wrong_private()),
        MeansError::SshKey(BadSshKey::Malformed) => key(t.means_wrong_malformed()),
        MeansError::SshKey(BadSshKey::Algorithm) => key(t.means_wrong_algorithm()),
        MeansError::SshKey(BadSshKey::RsaSize) => key(t.means_wrong_rsa()),
        MeansError::Taken => key(t.means_wrong_taken()),
        MeansError::Full => key(t.means_wrong_full()),
        MeansError::Label(_) => Some(MeansWrong::KeyLabel(t.means_wrong_label().to_owned())),
        _ => None,
    }
}

pub(crate) async fn remove_key(Posted { member, form }: Posted) -> Response {
    let fingerprint = first(&form, "fingerprint");
    match member.visit.state.means().remove_ssh_key(&member.who.authenticated, &fingerprint).await {
        // Gone already: as asked.
        Ok(()) | Err(MeansError::Absent) => done(&member, MeansDone::KeyRemoved),
        Err(error) => means_failed(&member, error).await,
    }
}

pub(crate) async fn issue_token(Posted { member, form }: Posted) -> Response {
    if let Some(again) = member.proves_again(Then::Means) {
        return again;
    }
    let typed = TokenForm {
        label: first(&form, "label"),
        scopes: all(&form, "scopes"),
        days: first(&form, "days"),
        sources: first(&form, "sources"),
    };
    let t = Text::new(member.visit.lang);
    let refused = |token, wrong| MeansView { token, wrong: Some(wrong), ..MeansView::default() };
    let new = match checked(&typed, member.visit.state.now(), t) {
        Ok(new) => new,
        Err(wrong) => return show(&member, refused(typed, wrong), REFUSED).await,
    };
    let label = new.label.clone();
    match member.visit.state.tokens().issue(&member.who.authenticated, new).await {
        Ok((_, text)) => {
            let issued = IssuedToken { label, text: text.expose().clone() };
            show(&member, MeansView { issued: Some(issued), ..MeansView::default() }, StatusCode::CREATED).await
        }
        Err(error) => match token_wrong(&error, t) {
            Some(wrong) => show(&member, refused(typed, wrong), REFUSED).await,
            None => means_failed(&member, error).await,
        },
    }
}

fn token_wrong(error: &MeansError, t: Text) -> Option<MeansWrong> {
    match error {
        MeansError::Label(_) => Some(MeansWrong::TokenLabel(t.means_wrong_label().to_owned())),
        MeansError::Full => Some(MeansWrong::Whole(t.means_wrong_tokens_full().to_owned())),
        MeansError::Token(_) => Some(MeansWrong::Whole(t.means_wrong_token().to_owned())),
        _ => None,
    }
}

fn checked(typed: &TokenForm, now: Time, t: Text) -> Result<NewToken, MeansWrong> {
    let scopes: Option<BTreeSet<TokenScope>> = typed.scopes.iter().map(|scope| scope.parse().ok()).collect();
    let ours = |all: &BTreeSet<TokenScope>| {
        !all.is_empty() && all.iter().all(|scope| crate::pages::TOKEN_SCOPES.contains(scope))
    };
    let Some(scopes) = scopes.filter(ours) else {
        return Err(MeansWrong::Scopes(t.means_wrong_scopes().to_owned()));
    };
    let days = typed.days.trim().parse::<u64>().ok().filter(|days| (1..=DAYS_MAX).contains(days));
    let Some(days) = days else { return Err(MeansWrong::Days(t.means_wrong_days(DAYS_MAX))) };
    let sources = ranges(&typed.sources).filter(|all| all.len() <= TOKEN_SOURCES_MAX);
    let Some(sources) = sources else {
        return Err(MeansWrong::Sources(t.suppliers_wrong_sources().to_owned()));
    };
    let expires = now + Duration::from_secs(days * DAY_SECONDS);
    Ok(NewToken { label: typed.label.clone(), scopes, expires, sources })
}

pub(crate) async fn revoke_token(named: Named, Posted { member, .. }: Posted) -> Response {
    let id = named.read(TokenId::from_bytes);
    match member.visit.state.tokens().revoke(&member.who.authenticated, id).await {
        Ok(()) | Err(MeansError::Absent) => done(&member, MeansDone::TokenRevoked),
        Err(error) => means_failed(&member, error).await,
    }
}
