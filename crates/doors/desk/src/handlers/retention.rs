//! How long traces are kept: trace controllers see it, ask, and confirm what another asked.

use crate::{
    handlers::{Asking, Before, Member, Named, Posted, back, of_journal, or_default},
    pages::{Refusal, Retention, RetentionView},
};
use axum::response::Response;
use data_encoding::HEXLOWER;
use dossier::RetentionError;
use entrance::{Failure, shown};
use journal::retention::{Change, NotCounted, ProposalId};
use serde::Deserialize;
use types::Family;
use web::layout::ErrorKind;

const HERE: &str = "/retention";

async fn refused(member: &Member, error: RetentionError) -> Response {
    let refusal = match &error {
        RetentionError::Lacking(lacking) => return member.asked_for(*lacking),
        RetentionError::NotFound => return member.failed(Failure::Shown(ErrorKind::NotFound), &error).await,
        RetentionError::Fault | RetentionError::Vault(_) => return member.failed(Failure::Fault, &error).await,
        RetentionError::Journal(journal) => return member.failed(of_journal(journal), &error).await,
        RetentionError::Reason => Refusal::Reason,
        RetentionError::NotCounted(why) => match why {
            NotCounted::OutOfBounds => Refusal::Floor,
            NotCounted::Backwards => Refusal::Months,
            NotCounted::NoSuchHold | NotCounted::NoSuchProposal | NotCounted::Twice => Refusal::Decided,
            NotCounted::SamePerson => Refusal::SamePerson,
            NotCounted::TooMany => Refusal::Waiting,
            NotCounted::AsItIs => Refusal::AsItIs,
        },
    };
    back(member, HERE, Some(refusal))
}

pub(crate) async fn page(member: Member, before: Asking<Before>) -> Response {
    match member.visit.state.retention().seen(&member.who.authenticated).await {
        Ok((keeping, me)) => {
            let view = RetentionView { keeping, me, refusal: or_default(before).refusal() };
            shown(member.visit.lang, &Retention::new(member.chrome(), view))
        }
        Err(error) => refused(&member, error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    what: String,
    family: String,
    months: String,
    from: String,
    to: String,
    hold: String,
    extra: String,
    recorded: String,
    reason: String,
}

impl Asked {
    /// None when a part of it cannot be read.
    fn change(&self) -> Option<Change> {
        let family = |text: &str| text.parse::<Family>().ok();
        Some(match self.what.as_str() {
            "retention" => Change::Retention { family: family(&self.family)?, months: self.months.parse().ok()? },
            "hold" => {
                let family = if self.family.is_empty() { None } else { Some(family(&self.family)?) };
                Change::Hold { family, from: self.from.parse().ok()?, to: self.to.parse().ok()? }
            }
            "lift" => Change::Lift { hold: id(&self.hold)? },
            "extra" => Change::Extra { extra: self.extra.parse().ok()?, recorded: self.recorded.parse().ok()? },
            _ => return None,
        })
    }

    /// What is told of it then.
    fn unreadable(&self) -> Refusal {
        match self.what.as_str() {
            "retention" => Refusal::Floor,
            "hold" => Refusal::Months,
            "lift" => Refusal::Decided,
            _ => Refusal::Invalid,
        }
    }
}

fn id(text: &str) -> Option<ProposalId> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

pub(crate) async fn ask(Posted { member, form }: Posted<Asked>) -> Response {
    let (service, who) = (member.visit.state.retention().clone(), &member.who.authenticated);
    // What cannot be read is asked as what nobody may: whoever has no right learns nothing of what can be read.
    let change = form.change();
    let unreadable = change.is_none();
    let asked = change.unwrap_or(Change::Retention { family: Family::Technical, months: 0 });
    match service.ask(who, asked, &form.reason).await {
        Ok(_) => back(&member, HERE, None),
        Err(RetentionError::NotCounted(NotCounted::OutOfBounds)) if unreadable => {
            back(&member, HERE, Some(form.unreadable()))
        }
        Err(error) => refused(&member, error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

pub(crate) async fn confirm(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    let done = member.visit.state.retention().confirm(&member.who.authenticated, named_id(&named)).await;
    match done {
        Ok(()) => back(&member, HERE, None),
        Err(error) => refused(&member, error).await,
    }
}

pub(crate) async fn withdraw(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    let done = member.visit.state.retention().withdraw(&member.who.authenticated, named_id(&named)).await;
    match done {
        Ok(()) => back(&member, HERE, None),
        Err(error) => refused(&member, error).await,
    }
}

/// What is no identifier names nothing, and costs what a made-up one costs.
fn named_id(named: &Named) -> ProposalId {
    id(&named.id).unwrap_or_default()
}
