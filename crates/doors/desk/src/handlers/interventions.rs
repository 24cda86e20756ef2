//! Interventions: the list, one of them, and what is done with it.

use crate::{
    handlers::{
        Asking, Before, Member, Named, Posted, SignatureForm, acted, back, challenge, failed, or_default, told,
    },
    pages::{
        Acts, Cutting, InterventionPage, InterventionView, InterventionsList, InterventionsView, Sign, SignView,
        Signing,
    },
};
use axum::response::Response;
use entrance::shown;
use interventions::{Filter, HOLD_HOURS_MAX, Intervention, InterventionError, TermsKind};
use serde::Deserialize;
use std::time::Duration;
use types::{InterventionId, Time};

/// The longest prolongation that a page offers, in minutes.
const MINUTES_MAX: u64 = HOLD_HOURS_MAX * 60;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    state: Option<String>,
    q: String,
    cursor: Option<String>,
}

pub(crate) async fn list(member: Member, asked: Asking<Asked>) -> Response {
    let asked = or_default(asked);
    let query: String = asked.q.trim().chars().filter(|c| !c.is_control()).take(100).collect();
    let state = asked.state.as_deref().and_then(|word| word.parse().ok());
    let text = (!query.is_empty()).then(|| query.clone());
    let filter = Filter { state, text, cursor: asked.cursor, ..Filter::default() };
    match member.visit.state.interventions().list(&member.who.authenticated, &filter).await {
        Ok(page) => {
            let is_further = filter.cursor.is_some();
            let view = InterventionsView { rows: page.rows, state, query, next: page.next, is_further };
            shown(member.visit.lang, &InterventionsList::new(member.chrome(), view))
        }
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn one(member: Member, named: Named, before: Asking<Before>) -> Response {
    match view(&member, named.id(InterventionId::from_bytes), or_default(before)).await {
        Ok(view) => shown(member.visit.lang, &InterventionPage::new(member.chrome(), view)),
        Err(error) => failed(&member, error).await,
    }
}

async fn view(member: &Member, id: InterventionId, before: Before) -> Result<InterventionView, InterventionError> {
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let one = service.get(who, id).await?;
    let sessions = service.sessions(who, &Filter { intervention: Some(id), ..Filter::default() }).await?.rows;
    let acts = Acts::of(&one, (member.who.role, member.who.account), member.visit.state.now());
    // Between the two questions it may have moved on: then there is nothing to sign.
    let approval = match acts.approve {
        true => match service.terms(who, id, TermsKind::Approve).await {
            Ok(to_sign) => Some(challenge(&to_sign)),
            Err(error) if told(&error).is_some() => None,
            Err(error) => return Err(error),
        },
        false => None,
    };
    Ok(InterventionView { one, sessions, acts, approval, refusal: before.refusal() })
}

fn path(id: InterventionId) -> String {
    format!("/interventions/{id}")
}

pub(crate) async fn approve(named: Named, Posted { member, form }: Posted<SignatureForm>) -> Response {
    let id = named.id(InterventionId::from_bytes);
    let done = member.visit.state.interventions().approve(&member.who.authenticated, id, form.read()).await;
    acted(&member, &path(id), done).await
}

#[derive(Deserialize)]
pub(crate) struct Reason {
    pub reason: String,
    #[serde(default)]
    pub sure: Option<String>,
}

pub(crate) async fn refuse(named: Named, Posted { member, form }: Posted<Reason>) -> Response {
    let id = named.id(InterventionId::from_bytes);
    let done = member.visit.state.interventions().refuse(&member.who.authenticated, id, &form.reason).await;
    acted(&member, &path(id), done).await
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

pub(crate) async fn open(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    let id = named.id(InterventionId::from_bytes);
    let done = member.visit.state.interventions().open(&member.who.authenticated, id).await;
    acted(&member, &path(id), done).await
}

pub(crate) async fn close(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    let id = named.id(InterventionId::from_bytes);
    let done = member.visit.state.interventions().close(&member.who.authenticated, id).await;
    acted(&member, &path(id), done).await
}

pub(crate) async fn release(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    let id = named.id(InterventionId::from_bytes);
    let done = member.visit.state.interventions().release_hold(&member.who.authenticated, id).await;
    acted(&member, &path(id), done).await
}

/// One press; a question first under "do not interrupt" only. A list that cannot be read never stands before a cut.
pub(crate) async fn cut(named: Named, Posted { member, form }: Posted<Reason>) -> Response {
    let id = named.id(InterventionId::from_bytes);
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    if form.sure.is_none()
        && let Ok(one) = service.get(who, id).await
        && asks_first(&member, &one)
    {
        return cutting(&member, &one, &path(id));
    }
    let done = service.cut(who, id, &form.reason).await;
    acted(&member, &path(id), done).await
}

pub(crate) fn is_held(one: &Intervention, now: Time) -> bool {
    one.hold_until.is_some_and(|until| now < until)
}

/// Whether a question comes before a cut: under "do not interrupt", to whom may cut.
pub(crate) fn asks_first(member: &Member, one: &Intervention) -> bool {
    let now = member.visit.state.now();
    is_held(one, now) && Acts::of(one, (member.who.role, member.who.account), now).cut
}

/// The question before a cut under "do not interrupt"; `path` is that of what is cut.
pub(crate) fn cutting(member: &Member, one: &Intervention, path: &str) -> Response {
    let chrome = member.visit.chrome(Some(&member.who), Some(path));
    let subject = chrome.text().desk_intervention_title(&one.equipment_name, &one.supplier_name);
    let (action, back) = (chrome.url(&format!("{path}/cut")), chrome.url(path));
    shown(member.visit.lang, &Cutting::new(chrome, subject, action, back))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct For {
    minutes: Option<u64>,
}

pub(crate) async fn extending(member: Member, named: Named, asked: Asking<For>) -> Response {
    signing(member, named, or_default(asked), Signing::Extend).await
}

pub(crate) async fn holding(member: Member, named: Named, asked: Asking<For>) -> Response {
    signing(member, named, or_default(asked), Signing::Hold).await
}

async fn signing(member: Member, named: Named, asked: For, signing: Signing) -> Response {
    let id = named.id(InterventionId::from_bytes);
    match sign_view(&member, id, asked, signing).await {
        Ok(view) => shown(member.visit.lang, &Sign::new(member.chrome(), view)),
        Err(error) => match told(&error) {
            Some(refusal) => back(&member, &path(id), Some(refusal)),
            None => failed(&member, error).await,
        },
    }
}

async fn sign_view(
    member: &Member,
    id: InterventionId,
    asked: For,
    signing: Signing,
) -> Result<SignView, InterventionError> {
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let one = service.get(who, id).await?;
    let now = member.visit.state.now();
    let minutes = Duration::from_secs(60 * asked.minutes.unwrap_or(60).clamp(1, MINUTES_MAX));
    let (until, kind) = match signing {
        Signing::Extend => {
            let until = one.window.until.unwrap_or(now).max(now) + minutes;
            (until, TermsKind::Extend { until })
        }
        Signing::Hold => (now + minutes, TermsKind::Hold { until: now + minutes }),
    };
    let to_sign = service.terms(who, id, kind).await?;
    Ok(SignView { one, signing, until, challenge: challenge(&to_sign) })
}

#[derive(Deserialize)]
pub(crate) struct SignedUntil {
    until: i64,
    #[serde(flatten)]
    signature: SignatureForm,
}

pub(crate) async fn extend(named: Named, Posted { member, form }: Posted<SignedUntil>) -> Response {
    let (id, until) = (named.id(InterventionId::from_bytes), Time::from_micros(form.until));
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let done = service.extend(who, id, until, form.signature.read()).await;
    acted(&member, &path(id), done).await
}

pub(crate) async fn hold(named: Named, Posted { member, form }: Posted<SignedUntil>) -> Response {
    let (id, until) = (named.id(InterventionId::from_bytes), Time::from_micros(form.until));
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let done = service.hold(who, id, until, form.signature.read()).await;
    acted(&member, &path(id), done).await
}
