//! Break-glass accounts: what remains when nobody can sign in otherwise, and what was done by them.

use crate::{
    handlers::{
        Asking, Before, Member, Named, Posted,
        accounts::{manages, refused, sees, told},
        back, or_default,
    },
    pages::{
        BreakGlassFields, BreakGlassPage, BreakGlassUsePage, BreakGlassUseView, BreakGlassView, EnvelopePage,
        EnvelopeView, Refusal,
    },
};
use axum::{http::StatusCode, response::Response};
use entrance::{Then, shown};
use serde::Deserialize;
use signin::{
    AccountError, BREAK_GLASS_SESSION_SECONDS_MAX, BreakGlassSeen, BreakGlassUse, DrawnEnvelope, NewBreakGlass,
};
use std::{collections::BTreeMap, time::Duration};
use types::{AccountId, EnvelopesId, SessionId};

const PATH: &str = "/accounts/break-glass";

pub(crate) async fn list(member: Member, before: Asking<Before>) -> Response {
    if !sees(&member) {
        return member.turned_away("break-glass accounts").await;
    }
    let refusal = or_default(before).refusal();
    listed(&member, StatusCode::OK, (BreakGlassFields::default(), Vec::new(), refusal)).await
}

/// The names of those who are named by their accounts.
async fn names(member: &Member, of: impl IntoIterator<Item = AccountId>) -> BTreeMap<AccountId, String> {
    let mut names = BTreeMap::new();
    for one in of {
        if names.contains_key(&one) {
            continue;
        }
        // One whose account is gone is named by it.
        let seen = member.visit.state.accounts().one(&member.who.authenticated, one).await;
        names.insert(one, seen.map_or_else(|_| one.to_string(), |sheet| sheet.seen.display_name));
    }
    names
}

fn drawers(all: &[BreakGlassSeen]) -> Vec<AccountId> {
    let drawn = all.iter().flat_map(|one| {
        let waits = one.envelopes.waits.as_ref().map(|waits| waits.by);
        let serve = one.envelopes.serve.as_ref().map(|serve| serve.by);
        waits.into_iter().chain(serve.into_iter().flatten())
    });
    drawn.collect()
}

async fn listed(
    member: &Member,
    status: StatusCode,
    (fields, wrong, refusal): (BreakGlassFields, Vec<&'static str>, Option<Refusal>),
) -> Response {
    let (service, who) = (member.visit.state.accounts(), &member.who.authenticated);
    let (rows, uses) = match (service.break_glass(who).await, service.break_glass_uses(who).await) {
        (Ok(rows), Ok(uses)) => (rows, uses),
        (Err(error), _) | (_, Err(error)) => return refused(member, error).await,
    };
    let names = names(member, drawers(&rows)).await;
    let (me, manages) = (member.who.account, manages(member));
    let decides = !member.who.is_break_glass;
    let view = BreakGlassView { rows, uses, names, me, manages, decides, fields, wrong, refusal };
    let chrome = member.visit.chrome(Some(&member.who), Some(PATH));
    web::layout::page(status, member.visit.lang, &BreakGlassPage::new(chrome, view))
}

pub(crate) async fn open(Posted { member, form }: Posted<BreakGlassFields>) -> Response {
    if !manages(&member) {
        return member.turned_away("break-glass accounts").await;
    }
    if let Some(again) = member.proves_again(Then::BreakGlass) {
        return again;
    }
    let opened = match form.role.parse() {
        Ok(role) => {
            let new = NewBreakGlass { name: form.name.clone(), login: form.login.clone(), role };
            member.visit.state.accounts().open_break_glass(&member.who.authenticated, new).await
        }
        Err(()) => Err(AccountError::Field("role")),
    };
    let wrong = match opened {
        Ok((account, envelope)) => return drawn(&member, account, envelope),
        Err(AccountError::Field(field)) => field,
        Err(AccountError::Taken) => "taken",
        Err(AccountError::Full) => "full",
        Err(error) => return refused(&member, error).await,
    };
    listed(&member, StatusCode::UNPROCESSABLE_ENTITY, (form, vec![wrong], None)).await
}

/// What the envelope holds is shown in the answer itself, once, and nowhere else.
fn drawn(member: &Member, account: AccountId, envelope: DrawnEnvelope) -> Response {
    let view = EnvelopeView {
        account,
        name: envelope.name,
        login: envelope.login,
        role: envelope.role,
        of: envelope.of,
        code: envelope.code.expose().clone(),
        id: envelope.id,
        drawn: envelope.drawn,
        until: envelope.until,
    };
    shown(member.visit.lang, &EnvelopePage::new(member.visit.chrome(Some(&member.who), Some(PATH)), view))
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

/// The envelope that the page showed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    envelopes: String,
}

fn account(named: &Named) -> AccountId {
    named.id(AccountId::from_bytes)
}

/// Back to the list, with why it was not done. An account that is none of these is like one that is not.
async fn acted(member: &Member, error: AccountError) -> Response {
    match (error, told(error)) {
        (AccountError::Absent, _) | (_, None) => refused(member, error).await,
        (_, Some(refusal)) => back(member, PATH, Some(refusal)),
    }
}

/// Whether the first envelope that waits, if one does, is the one that the page showed: a page sent twice, or beside another
/// one, would otherwise make the sheet that was sealed meanwhile worthless.
async fn is_as_seen(member: &Member, account: AccountId, seen: &str) -> Result<bool, AccountError> {
    let all = member.visit.state.accounts().break_glass(&member.who.authenticated).await?;
    let one = all.into_iter().find(|one| one.account.account == account).ok_or(AccountError::Absent)?;
    Ok(one.envelopes.waits.map(|waits| waits.id.to_string()).unwrap_or_default() == seen)
}

pub(crate) async fn draw(named: Named, Posted { member, form }: Posted<Seen>) -> Response {
    if !manages(&member) {
        return member.turned_away("break-glass accounts").await;
    }
    if let Some(again) = member.proves_again(Then::BreakGlass) {
        return again;
    }
    let account = account(&named);
    match is_as_seen(&member, account, &form.envelopes).await {
        Ok(true) => {}
        Ok(false) => return acted(&member, AccountError::Meanwhile).await,
        Err(error) => return acted(&member, error).await,
    }
    match member.visit.state.accounts().draw_envelope(&member.who.authenticated, account).await {
        Ok(envelope) => drawn(&member, account, envelope),
        Err(error) => acted(&member, error).await,
    }
}

pub(crate) async fn confirm(named: Named, Posted { member, form }: Posted<Seen>) -> Response {
    if !sees(&member) || member.who.is_break_glass {
        return member.turned_away("break-glass accounts").await;
    }
    if let Some(again) = member.proves_again(Then::BreakGlass) {
        return again;
    }
    let account = account(&named);
    // What is no identifier names no envelope, and costs what a made-up one costs.
    let seen = form.envelopes.parse().unwrap_or_else(|_| EnvelopesId::from_bytes([0; 16]));
    match member.visit.state.accounts().confirm_envelopes(&member.who.authenticated, account, seen).await {
        Ok(envelope) => drawn(&member, account, envelope),
        Err(error) => acted(&member, error).await,
    }
}

pub(crate) async fn revoke(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    if !sees(&member) {
        return member.turned_away("break-glass accounts").await;
    }
    match member.visit.state.accounts().revoke_envelopes(&member.who.authenticated, account(&named)).await {
        Ok(()) => back(&member, PATH, None),
        Err(error) => acted(&member, error).await,
    }
}

fn session(named: &Named) -> SessionId {
    named.id(SessionId::from_bytes)
}

async fn use_page(
    member: &Member,
    used: BreakGlassUse,
    (status, words, refusal): (StatusCode, String, Option<Refusal>),
) -> Response {
    let names = names(member, used.review.as_ref().map(|review| review.by)).await;
    let reviewed_by = names.into_values().next();
    let reviews = !member.who.is_break_glass && used.review.is_none();
    let path = format!("{PATH}/uses/{}", used.session);
    let longest = Duration::from_secs(BREAK_GLASS_SESSION_SECONDS_MAX);
    let stops = !member.who.is_break_glass && (reviews || member.visit.state.now() < used.opened + longest);
    let view = BreakGlassUseView { used, reviewed_by, reviews, stops, words, refusal };
    let chrome = member.visit.chrome(Some(&member.who), Some(&path));
    web::layout::page(status, member.visit.lang, &BreakGlassUsePage::new(chrome, view))
}

pub(crate) async fn one(member: Member, named: Named, before: Asking<Before>) -> Response {
    if !sees(&member) {
        return member.turned_away("break-glass accounts").await;
    }
    let used = member.visit.state.accounts().break_glass_use(&member.who.authenticated, session(&named)).await;
    match used {
        Ok(used) => use_page(&member, used, (StatusCode::OK, String::new(), or_default(before).refusal())).await,
        Err(error) => refused(&member, error).await,
    }
}

/// What was found of it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Found {
    words: String,
}

pub(crate) async fn review(named: Named, Posted { member, form }: Posted<Found>) -> Response {
    if !sees(&member) || member.who.is_break_glass {
        return member.turned_away("break-glass accounts").await;
    }
    let (service, who, session) = (member.visit.state.accounts(), &member.who.authenticated, session(&named));
    let error = match service.review_break_glass(who, session, &form.words).await {
        Ok(()) => return back(&member, PATH, None),
        Err(error) => error,
    };
    match (service.break_glass_use(who, session).await, told(error)) {
        (Ok(used), Some(refusal)) => {
            use_page(&member, used, (StatusCode::UNPROCESSABLE_ENTITY, form.words, Some(refusal))).await
        }
        _ => refused(&member, error).await,
    }
}

/// What rings on the first page: what envelopes opened and nobody has looked at.
pub(crate) async fn ringing(member: &Member) -> Result<Vec<BreakGlassUse>, AccountError> {
    let mut uses = member.visit.state.accounts().break_glass_uses(&member.who.authenticated).await?;
    uses.retain(|used| used.review.is_none());
    Ok(uses)
}
