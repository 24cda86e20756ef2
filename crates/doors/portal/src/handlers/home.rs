//! `/{lang}/`: the sign-in page, or one's people.

use crate::{
    handlers::{Asking, Member, Visit, failed, or_default},
    pages::{Home, HomeView, Paging, PatientCard, PatientListView, PatientRow, RepresentedView, Sex},
};
use axum::response::Response;
use care::RelatedPerson;
use entrance::shown;
use serde::Deserialize;
use types::Role;

const ROWS: usize = 25;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    q: String,
    page: Option<u32>,
}

pub(crate) async fn home(member: Option<Member>, visit: Visit, search: Asking<Search>) -> Response {
    let Some(member) = member else { return entrance::welcome(&visit).await };
    let people = match member.visit.state.care().people(&member.who.authenticated).await {
        Ok(people) => people,
        Err(error) => return failed(&member, error).await,
    };
    // What cannot be told of a sheet keeps nobody from his record.
    let sheet = visit.entrance().signin().own_sheet(&member.who).await.unwrap_or_default();
    let search = or_default(search);
    let chrome = member.chrome_lacking(people.lacking);
    let home = Home::new(chrome, view(member.who.role, people.people, search));
    shown(visit.lang, &home.with_sheet(sheet))
}

fn view(role: Role, people: Vec<RelatedPerson>, search: Search) -> HomeView {
    match role {
        Role::Relative => HomeView::Represented(people.into_iter().map(represented).collect()),
        Role::Professional => HomeView::Patients(listed(people, search)),
        _ => HomeView::Own(people.into_iter().next().map(|one| PatientCard {
            patient: one.person.patient,
            name: one.person.name,
            birth_date: one.person.birth_date,
        })),
    }
}

fn represented(one: RelatedPerson) -> RepresentedView {
    RepresentedView {
        patient: one.person.patient,
        name: one.person.name,
        birth_date: one.person.birth_date,
        covers: one.covers,
        until: one.until,
    }
}

fn listed(people: Vec<RelatedPerson>, search: Search) -> PatientListView {
    let query: String = search.q.trim().chars().take(100).collect();
    let wanted = query.to_lowercase();
    let matching = people.into_iter().filter(|one| one.person.name.to_lowercase().contains(&wanted));
    let page = search.page.unwrap_or(1).clamp(1, 1000);
    let mut rows: Vec<PatientRow> = matching
        .skip((page as usize - 1) * ROWS)
        .take(ROWS + 1)
        .map(|one| PatientRow {
            patient: one.person.patient,
            name: one.person.name,
            birth_date: one.person.birth_date,
            sex: match one.person.sex {
                care::Sex::Female => Sex::Female,
                care::Sex::Male => Sex::Male,
                care::Sex::Other => Sex::Other,
                care::Sex::Unknown => Sex::Unknown,
            },
        })
        .collect();
    let has_more = rows.len() > ROWS;
    rows.truncate(ROWS);
    PatientListView { rows, query, paging: Paging { page, has_more } }
}
