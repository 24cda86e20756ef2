//! What administrators decide of sessions: how long they last, how many one person may have (acces-web AA8, AA13, DT9).

use crate::{
    handlers::{Asking, Member, Named, Posted, or_default},
    pages::{RuleFields, SessionRulesPage, SessionRulesView, WrongRule},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use entrance::{Failure, Then, shown};
use identity::{AtOnce, BadSessionRules, Population, SessionRules};
use serde::Deserialize;
use signin::SessionRulesError;
use types::Role;
use web::layout::{ErrorKind, page};

async fn refused(member: &Member, error: SessionRulesError) -> Response {
    match error {
        SessionRulesError::Denied => member.turned_away("session-rules").await,
        SessionRulesError::Lacking(lacking) => member.asked_for(lacking),
        SessionRulesError::Bad(_) => member.error(ErrorKind::BadRequest),
        SessionRulesError::Unavailable => member.failed(Failure::Shown(ErrorKind::JournalUnavailable), &error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Done {
    done: String,
}

pub(crate) async fn seen(member: Member, done: Asking<Done>) -> Response {
    let done = !or_default(done).done.is_empty();
    match view(&member).await {
        Ok(view) => {
            shown(member.visit.lang, &SessionRulesPage::new(member.chrome(), SessionRulesView { done, ..view }))
        }
        Err(error) => refused(&member, error).await,
    }
}

async fn view(member: &Member) -> Result<SessionRulesView, SessionRulesError> {
    let rules = member.visit.entrance().signin().session_rules(&member.who.authenticated).await?;
    let rows = rules.into_iter().map(|seen| RuleFields::in_force(seen.population, seen.rules)).collect();
    Ok(SessionRulesView { rows, decides: member.who.role == Role::Administrator, done: false })
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    idle: String,
    longest: String,
    at_once: String,
    /// Set by the button that gives the decision up.
    undo: String,
}

impl Typed {
    fn read(&self) -> Result<SessionRules, WrongRule> {
        let seconds = |text: &str| text.trim().parse::<u64>().ok().and_then(|minutes| minutes.checked_mul(60));
        let at_once: AtOnce = self.at_once.parse().map_err(|()| WrongRule::AtOnce)?;
        let idle = seconds(&self.idle).ok_or(WrongRule::Idle)?;
        let longest = seconds(&self.longest).ok_or(WrongRule::Longest)?;
        SessionRules::new(idle, longest, at_once).map_err(|bad| match bad {
            BadSessionRules::Idle => WrongRule::Idle,
            BadSessionRules::Absolute => WrongRule::Longest,
        })
    }
}

pub(crate) async fn set(named: Named, Posted { member, form }: Posted<Typed>) -> Response {
    let Some(population) = Population::ALL.iter().copied().find(|one| one.as_str() == named.id) else {
        return member.error(ErrorKind::NotFound);
    };
    if member.who.role != Role::Administrator {
        return member.turned_away("session-rules").await;
    }
    if let Some(again) = member.proves_again(Then::SessionRules) {
        return again;
    }
    let rules = match form.read() {
        _ if !form.undo.is_empty() => None,
        Ok(rules) => Some(rules),
        Err(wrong) => return told(&member, (population, form), wrong).await,
    };
    match member.visit.entrance().signin().set_session_rules(&member.who.authenticated, population, rules).await {
        Ok(()) => {
            let to = format!("/{}/accounts/sessions?done={}", member.visit.lang, population.as_str());
            Redirect::to(&to).into_response()
        }
        Err(error) => refused(&member, error).await,
    }
}

/// The page again, with what was typed and what is wrong with it.
async fn told(member: &Member, (population, form): (Population, Typed), wrong: WrongRule) -> Response {
    let mut view = match view(member).await {
        Ok(view) => view,
        Err(error) => return refused(member, error).await,
    };
    for row in view.rows.iter_mut().filter(|row| row.population == population) {
        let Typed { idle, longest, at_once, .. } = &form;
        (row.idle, row.longest, row.at_once) = (idle.clone(), longest.clone(), at_once.clone());
        row.wrong = Some(wrong);
    }
    let chrome = member.visit.chrome(Some(&member.who), Some("/accounts/sessions"));
    page(StatusCode::UNPROCESSABLE_ENTITY, member.visit.lang, &SessionRulesPage::new(chrome, view))
}
