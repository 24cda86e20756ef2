//! `/{lang}/interventions/new`: the form that asks for an intervention.

use crate::{
    handlers::{Asking, Member, Posted, all, failed, first, or_default, ranges, to},
    pages::{Field, Request, RequestForm, RequestView, TargetChoice, TechnicianChoice, paths},
    state::may_name,
};
use ::interventions::{
    AHEAD_DAYS_MAX, Activity, InterventionError, NewRequest, Right, SOURCES_MAX, WINDOW_DAYS_MAX, Wrong,
};
use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use std::time::Duration;
use types::{AccountId, InterventionId, Role, Time};
use web::{i18n::Text, layout::page, when};

/// A window as it is proposed.
const PROPOSED: Duration = Duration::from_secs(2 * 3600);
const DAY_SECONDS: u64 = 86_400;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Like {
    like: Option<String>,
}

pub(crate) async fn form(member: Member, like: Asking<Like>) -> Response {
    let form = match proposed(&member, or_default(like)).await {
        Ok(form) => form,
        Err(error) => return failed(&member, error).await,
    };
    show(&member, form, Vec::new(), StatusCode::OK).await
}

/// Now, for two hours, by oneself; or what was asked for before.
async fn proposed(member: &Member, like: Like) -> Result<RequestForm, InterventionError> {
    let now = member.visit.state.now();
    let mut form = RequestForm {
        activity: Activity::Maintenance.to_string(),
        from: when::local(now),
        until: when::local(now + PROPOSED),
        technicians: vec![member.who.account.to_string()],
        rights: vec![Right::Shell.to_string()],
        ..RequestForm::default()
    };
    let like = like.like.and_then(|id| id.parse::<InterventionId>().ok());
    if let Some(id) = like {
        let one = member.visit.state.intervention(&member.who.authenticated, id).await?;
        form.equipment = one.equipment.to_string();
        form.activity = one.activity.to_string();
        (form.purpose, form.ticket) = (one.purpose, one.ticket.unwrap_or_default());
        form.technicians = one.technicians.iter().map(|technician| technician.account.to_string()).collect();
        form.rights = one.rights.iter().map(ToString::to_string).collect();
        form.sources = one.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    }
    Ok(form)
}

pub(crate) async fn send(Posted { member, form: fields }: Posted) -> Response {
    let form = read(&fields);
    let (t, now) = (Text::new(member.visit.lang), member.visit.state.now());
    let new = match checked(&form, (member.who.role, member.who.account), now, t) {
        Ok(new) => new,
        Err(wrong) => return show(&member, form, wrong, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    match member.visit.state.interventions().request(&member.who.authenticated, new).await {
        Ok(id) => to(&format!("{}?sent=true", paths::intervention(member.visit.lang, &id))),
        Err(InterventionError::Invalid(wrong)) => {
            let wrong = vec![explained(wrong, t)];
            show(&member, form, wrong, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => failed(&member, error).await,
    }
}

async fn show(member: &Member, form: RequestForm, wrong: Vec<(Field, String)>, status: StatusCode) -> Response {
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let found = async {
        let equipment = service.equipment(who).await?;
        Ok((equipment, service.colleagues(who).await?))
    };
    let (equipment, colleagues) = match found.await {
        Ok(found) => found,
        Err(error) => return failed(member, error).await,
    };
    let equipment = equipment.into_iter().filter(|one| one.signed);
    let view = RequestView {
        form,
        equipment: equipment.map(|one| TargetChoice { id: one.id, name: one.name, location: one.location }).collect(),
        technicians: colleagues
            .into_iter()
            .map(|one| TechnicianChoice {
                is_reader: one.account == member.who.account,
                account: one.account,
                name: one.name,
                has_key: one.has_key,
            })
            .collect(),
        wrong,
    };
    // The form stands at its own address, also when it comes back.
    let path = if status.is_success() { None } else { Some("/interventions/new") };
    let chrome = member.visit.chrome(Some(&member.who), path);
    page(status, member.visit.lang, &Request::new(chrome, view))
}

fn read(fields: &[(String, String)]) -> RequestForm {
    RequestForm {
        equipment: first(fields, "equipment"),
        activity: first(fields, "activity"),
        // A browser ends lines with two signs.
        purpose: first(fields, "purpose").replace("\r\n", "\n"),
        ticket: first(fields, "ticket"),
        from: first(fields, "from"),
        until: first(fields, "until"),
        technicians: all(fields, "technicians"),
        rights: all(fields, "rights"),
        sources: first(fields, "sources"),
    }
}

/// What was typed as a request, or all that is wrong with it at once.
fn checked(
    form: &RequestForm,
    (role, own): (Role, AccountId),
    now: Time,
    t: Text,
) -> Result<NewRequest, Vec<(Field, String)>> {
    let mut wrong = Vec::new();
    let mut say = |field, sentence: &str| wrong.push((field, sentence.to_owned()));
    let equipment = form.equipment.parse().ok();
    if equipment.is_none() {
        say(Field::Equipment, t.suppliers_wrong_equipment());
    }
    let activity = form.activity.parse().ok();
    if activity.is_none() {
        say(Field::Activity, t.suppliers_wrong_activity());
    }
    if form.purpose.trim().is_empty() {
        say(Field::Purpose, t.suppliers_wrong_purpose());
    }
    let (from, until) = (when::read_local(&form.from), when::read_local(&form.until));
    for (field, time) in [(Field::From, from), (Field::Until, until)] {
        if time.is_none() {
            say(field, t.suppliers_wrong_moment());
        }
    }
    if let Some((field, sentence)) = from.zip(until).and_then(|window| bad_window(window, now, t)) {
        wrong.push((field, sentence));
    }
    let mut say = |field, sentence: &str| wrong.push((field, sentence.to_owned()));
    let technicians: Option<Vec<AccountId>> = form.technicians.iter().map(|id| id.parse().ok()).collect();
    let technicians = technicians.filter(|all| !all.is_empty());
    match &technicians {
        None => say(Field::Technicians, t.suppliers_wrong_technicians()),
        Some(all) if !may_name(role, own, all) => say(Field::Technicians, t.suppliers_wrong_not_oneself()),
        Some(_) => {}
    }
    let rights: Option<Vec<Right>> = form.rights.iter().map(|right| right.parse().ok()).collect();
    let rights = rights.filter(|all| !all.is_empty());
    if rights.is_none() {
        say(Field::Rights, t.suppliers_wrong_rights());
    }
    let sources = ranges(&form.sources).filter(|all| all.len() <= SOURCES_MAX);
    if sources.is_none() {
        say(Field::Sources, t.suppliers_wrong_sources());
    }
    let read = (equipment, activity, from, until, technicians, rights, sources);
    let (Some(equipment), Some(activity), Some(from), Some(until), Some(technicians), Some(rights), Some(sources)) =
        read
    else {
        return Err(wrong);
    };
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (purpose, ticket) = (form.purpose.clone(), Some(form.ticket.clone()));
    Ok(NewRequest { equipment, technicians, activity, purpose, ticket, rights, sources, from, until })
}

/// What is wrong with a window, in the words of whoever typed it.
fn bad_window((from, until): (Time, Time), now: Time, t: Text) -> Option<(Field, String)> {
    if until <= from {
        return Some((Field::Until, t.suppliers_wrong_until_before().to_owned()));
    }
    if until <= now {
        return Some((Field::Until, t.suppliers_wrong_until_past().to_owned()));
    }
    if until.since(from).as_secs() > WINDOW_DAYS_MAX * DAY_SECONDS {
        return Some((Field::Until, t.suppliers_wrong_too_long(WINDOW_DAYS_MAX)));
    }
    let too_far = from.since(now).as_secs() > AHEAD_DAYS_MAX * DAY_SECONDS;
    too_far.then(|| (Field::From, t.suppliers_wrong_too_far(AHEAD_DAYS_MAX)))
}

/// What the service found wrong.
fn explained(wrong: Wrong, t: Text) -> (Field, String) {
    let (field, sentence) = match wrong {
        Wrong::Purpose => (Field::Purpose, t.suppliers_wrong_purpose()),
        Wrong::Technicians => (Field::Technicians, t.suppliers_wrong_technicians_key()),
        Wrong::Window => (Field::Until, t.suppliers_wrong_until_past()),
        Wrong::Rights => (Field::Rights, t.suppliers_wrong_rights()),
        Wrong::Sources => (Field::Sources, t.suppliers_wrong_sources()),
        Wrong::Ticket => (Field::Ticket, t.suppliers_wrong_ticket()),
        Wrong::Equipment => (Field::Equipment, t.suppliers_wrong_equipment()),
        Wrong::TooMany => (Field::Whole, t.suppliers_wrong_too_many()),
        _ => (Field::Whole, t.suppliers_wrong_unlikely()),
    };
    (field, sentence.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use types::{EquipmentId, Lang};

    const NOW: Time = Time::from_micros(1_795_266_300_000_000);
    const OWN: AccountId = AccountId::from_bytes([5; 16]);

    fn good() -> RequestForm {
        RequestForm {
            equipment: EquipmentId::from_bytes([1; 16]).to_string(),
            activity: "maintenance".into(),
            purpose: "Mise à jour".into(),
            ticket: String::new(),
            from: "2026-11-21T14:05".into(),
            until: "2026-11-21T16:05".into(),
            technicians: vec![OWN.to_string()],
            rights: vec!["shell".into(), "files_in".into()],
            sources: "192.0.2.0/24".into(),
        }
    }

    fn wrong(change: impl FnOnce(&mut RequestForm)) -> Vec<Field> {
        let mut form = good();
        change(&mut form);
        let checked = checked(&form, (Role::Technician, OWN), NOW, Text::new(Lang::Fr));
        checked.err().unwrap_or_default().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field_and_all_at_once() {
        let new = checked(&good(), (Role::Technician, OWN), NOW, Text::new(Lang::Fr)).unwrap();
        assert_eq!(new.until.since(new.from), PROPOSED);
        assert_eq!(new.rights, [Right::Shell, Right::FilesIn]);
        assert_eq!(wrong(|form| form.equipment = "scanner".into()), [Field::Equipment]);
        assert_eq!(wrong(|form| form.activity.clear()), [Field::Activity]);
        assert_eq!(wrong(|form| form.purpose = " \n".into()), [Field::Purpose]);
        assert_eq!(wrong(|form| form.from = "demain".into()), [Field::From]);
        assert_eq!(wrong(|form| form.until = "2026-11-21T14:05".into()), [Field::Until]);
        assert_eq!(
            wrong(|form| (form.from, form.until) = ("2026-11-20T08:00".into(), "2026-11-20T09:00".into())),
            [Field::Until]
        );
        assert_eq!(wrong(|form| form.until = "2026-12-30T14:05".into()), [Field::Until]);
        assert_eq!(
            wrong(|form| (form.from, form.until) = ("2027-03-21T14:05".into(), "2027-03-21T15:05".into())),
            [Field::From]
        );
        assert_eq!(wrong(|form| form.technicians.clear()), [Field::Technicians]);
        let other = AccountId::from_bytes([6; 16]).to_string();
        assert_eq!(wrong(|form| form.technicians = vec![other]), [Field::Technicians]);
        assert_eq!(wrong(|form| form.rights = vec!["root".into()]), [Field::Rights]);
        assert_eq!(wrong(|form| form.sources = "partout".into()), [Field::Sources]);
        let all = wrong(|form| *form = RequestForm::default());
        assert_eq!(
            all,
            [
                Field::Equipment,
                Field::Activity,
                Field::Purpose,
                Field::From,
                Field::Until,
                Field::Technicians,
                Field::Rights
            ]
        );
    }
}
