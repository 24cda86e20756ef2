//! `/{lang}/ssh`: a technician says of a sign-in by SSH in his name whether it is his.

use crate::{
    handlers::{Asking, Member, Named, Posted, Visit, or_default, to},
    pages::{SshDone, SshPage, SshView, paths},
};
use axum::response::{IntoResponse, Redirect, Response};
use entrance::{Preferred, Then, shown, welcome_to};
use serde::Deserialize;
use signin::{OwnError, SshAnswered};
use types::SshApprovalId;
use web::layout::ErrorKind;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Before {
    done: String,
}

/// The address that a terminal shows: short, and in no language.
pub(crate) async fn short(Preferred(lang): Preferred) -> Response {
    Redirect::to(&format!("/{lang}/ssh")).into_response()
}

/// Whoever has no session signs in, and comes back here.
pub(crate) async fn waiting(member: Option<Member>, visit: Visit, before: Asking<Before>) -> Response {
    let Some(member) = member else { return welcome_to(&visit, Then::Ssh) };
    let word = or_default(before).done;
    let done = SshDone::ALL.into_iter().find(|done| done.word() == word);
    let waiting = match visit.entrance().signin().ssh_waiting(&member.who).await {
        Ok(waiting) => waiting,
        Err(error) => return failed(&member, error),
    };
    let chrome = member.visit.chrome(Some(&member.who), Some("/ssh"));
    shown(visit.lang, &SshPage::new(chrome, SshView { waiting, done, stale: !member.is_fresh() }))
}

pub(crate) async fn approve(named: Named, Posted { member, form }: Posted) -> Response {
    if let Some(again) = member.proves_again(Then::Ssh) {
        return again;
    }
    let id = named.read(SshApprovalId::from_bytes);
    let typed = form.iter().find(|(name, _)| name == "code").map_or("", |(_, typed)| typed);
    let answered = member.visit.entrance().signin().approve_ssh(&member.who, id, typed).await;
    told(&member, answered, (SshDone::Approved, SshDone::Late))
}

pub(crate) async fn refuse(named: Named, Posted { member, .. }: Posted) -> Response {
    let id = named.read(SshApprovalId::from_bytes);
    let answered = member.visit.entrance().signin().refuse_ssh(&member.who, id).await;
    told(&member, answered, (SshDone::Refused, SshDone::Served))
}

fn told(member: &Member, answered: Result<SshAnswered, OwnError>, (done, late): (SshDone, SshDone)) -> Response {
    let done = match answered {
        Ok(SshAnswered::Done) => done,
        Ok(SshAnswered::Late) => late,
        Ok(SshAnswered::Mistyped) => SshDone::Mistyped,
        Err(error) => return failed(member, error),
    };
    to(&paths::ssh(member.visit.lang, done.word()))
}

fn failed(member: &Member, error: OwnError) -> Response {
    match error {
        OwnError::Lacking(lacking) => member.asked_for(lacking),
        OwnError::Denied => member.error(ErrorKind::NotFound),
        _ => member.error(ErrorKind::JournalUnavailable),
    }
}
