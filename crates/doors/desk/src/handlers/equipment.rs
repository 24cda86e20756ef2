//! Equipment and suppliers.

use crate::{
    handlers::{Asking, Before, Member, Named, Posted, SignatureForm, acted, challenge, failed, or_default, told},
    pages::{
        EquipmentFields, EquipmentForm, EquipmentFormView, EquipmentList, EquipmentListView, EquipmentSheet,
        EquipmentSign, EquipmentSignView, EquipmentView, Refusal, Suppliers, SuppliersView,
    },
};
use axum::response::Response;
use entrance::shown;
use interventions::{Equipment, EquipmentSecret, InterventionError, NewEquipment, Protocol};
use serde::Deserialize;
use types::{AccountId, EquipmentId, Role, Secret};

fn registers(member: &Member) -> bool {
    member.visit.state.administers() && member.who.role == Role::Administrator
}

pub(crate) async fn list(member: Member) -> Response {
    match member.visit.state.interventions().equipment(&member.who.authenticated).await {
        Ok(rows) => {
            let view = EquipmentListView { rows, registers: registers(&member) };
            shown(member.visit.lang, &EquipmentList::new(member.chrome(), view))
        }
        Err(error) => failed(&member, error).await,
    }
}

/// The names of those who answer, in the order of `people`; one whose account is closed is not among them.
fn names(people: &[(AccountId, String)], accounts: &[AccountId]) -> Vec<String> {
    people.iter().filter(|(account, _)| accounts.contains(account)).map(|(_, name)| name.clone()).collect()
}

pub(crate) async fn one(member: Member, named: Named) -> Response {
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let read = async {
        let one = service.equipment_for(who, named.id(EquipmentId::from_bytes)).await?;
        let beneficiaries = names(&service.beneficiaries(who).await?, &one.beneficiaries);
        Ok(EquipmentView { one, beneficiaries, registers: registers(&member) })
    };
    match read.await {
        Ok(view) => shown(member.visit.lang, &EquipmentSheet::new(member.chrome(), view)),
        Err(error) => failed(&member, error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Which {
    id: Option<String>,
}

pub(crate) async fn form(member: Member, which: Asking<Which>) -> Response {
    if !registers(&member) {
        return member.turned_away("equipment").await;
    }
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let read = async {
        let people = service.beneficiaries(who).await?;
        let Some(id) = or_default(which).id else {
            let fields = EquipmentFields { port: "22".into(), quorum: "1".into(), ..EquipmentFields::default() };
            return Ok(EquipmentFormView { id: None, fields, people, refusal: None });
        };
        let one = service.equipment_for(who, id.parse().map_err(|_| InterventionError::NotFound)?).await?;
        let fields = EquipmentFields {
            name: one.name,
            location: one.location,
            host: one.host,
            port: one.port.to_string(),
            host_key: one.host_key,
            account: one.account,
            beneficiaries: one.beneficiaries,
            quorum: one.quorum.to_string(),
        };
        Ok(EquipmentFormView { id: Some(one.id), fields, people, refusal: None })
    };
    match read.await {
        Ok(view) => shown(member.visit.lang, &EquipmentForm::new(member.chrome(), view)),
        Err(error) => failed(&member, error).await,
    }
}

/// The fields of the form; those of beneficiaries come several times.
struct Sent(Vec<(String, String)>);

impl Sent {
    fn one(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    fn fields(&self) -> EquipmentFields {
        let text = |name: &str| self.one(name).trim().to_owned();
        let chosen = self.0.iter().filter(|(field, _)| field == "beneficiary");
        EquipmentFields {
            name: text("name"),
            location: text("location"),
            host: text("host"),
            port: text("port"),
            host_key: text("host_key"),
            account: text("account"),
            beneficiaries: chosen.filter_map(|(_, value)| value.parse().ok()).collect(),
            quorum: text("quorum"),
        }
    }

    fn signature(&self) -> SignatureForm {
        let text = |name: &str| self.one(name).to_owned();
        SignatureForm {
            nonce: text("nonce"),
            credential: text("credential"),
            client_data_json: text("client_data_json"),
            authenticator_data: text("authenticator_data"),
            signature: text("signature"),
        }
    }
}

/// What cannot be a number is zero, which the service refuses.
fn new(fields: &EquipmentFields) -> NewEquipment {
    NewEquipment {
        name: fields.name.clone(),
        location: fields.location.clone(),
        protocol: Protocol::Ssh,
        host: fields.host.clone(),
        port: fields.port.parse().unwrap_or(0),
        host_key: fields.host_key.clone(),
        account: fields.account.clone(),
        beneficiaries: fields.beneficiaries.clone(),
        quorum: fields.quorum.parse().unwrap_or(0),
    }
}

pub(crate) async fn check(Posted { member, form }: Posted<Vec<(String, String)>>) -> Response {
    let sent = Sent(form);
    let fields = sent.fields();
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let id = match sent.one("id") {
        "" => None,
        id => Some(id.parse().unwrap_or(EquipmentId::from_bytes([0; 16]))),
    };
    let terms = service.equipment_terms(who, id, &new(&fields)).await;
    let people = match service.beneficiaries(who).await {
        Ok(people) => people,
        Err(error) => return failed(&member, error).await,
    };
    let chrome = member.visit.chrome(Some(&member.who), Some("/equipment/change"));
    let keeps_secret = match id {
        Some(id) => service.equipment_for(who, id).await.is_ok_and(|held| same_place(&held, &new(&fields))),
        None => false,
    };
    match terms {
        Ok((drawn, to_sign)) => {
            let view = EquipmentSignView {
                id: drawn,
                beneficiaries: names(&people, &fields.beneficiaries),
                fields,
                keeps_secret,
                challenge: challenge(&to_sign),
            };
            shown(member.visit.lang, &EquipmentSign::new(chrome, view))
        }
        Err(error) => match told(&error) {
            Some(refusal) => form_again(&member, EquipmentFormView { id, fields, people, refusal: Some(refusal) }),
            None => failed(&member, error).await,
        },
    }
}

/// Whether what opened the machine may open it again: a secret is never sent to another place, nor under another login.
fn same_place(held: &Equipment, new: &NewEquipment) -> bool {
    (&held.host, held.port, &held.host_key, &held.account) == (&new.host, new.port, &new.host_key, &new.account)
}

fn form_again(member: &Member, view: EquipmentFormView) -> Response {
    let chrome = member.visit.chrome(Some(&member.who), Some("/equipment/change"));
    let page = EquipmentForm::new(chrome, view);
    web::layout::page(axum::http::StatusCode::UNPROCESSABLE_ENTITY, member.visit.lang, &page)
}

/// What opens the machine is never sent back to the page: after a mistake it is typed again.
pub(crate) async fn register(Posted { member, form }: Posted<Vec<(String, String)>>) -> Response {
    let sent = Sent(form);
    let fields = sent.fields();
    let id = sent.one("id").parse().unwrap_or(EquipmentId::from_bytes([0; 16]));
    let text = || Secret::new(sent.one("secret").to_owned());
    let secret = match sent.one("secret_kind") {
        "password" => Some(EquipmentSecret::Password(Secret::new(text().expose().trim_end().to_owned()))),
        // OpenSSH asks for line ends as it writes them.
        "key" => Some(EquipmentSecret::PrivateKey(Secret::new(text().expose().replace("\r\n", "\n")))),
        _ => None,
    };
    let (service, who) = (member.visit.state.interventions(), &member.who.authenticated);
    let done = service.register_equipment(who, id, new(&fields), secret, sent.signature().read()).await;
    match done {
        Ok(()) => acted(&member, &format!("/equipment/{id}"), Ok(())).await,
        Err(error) => match (told(&error), service.beneficiaries(who).await) {
            (Some(refusal), Ok(people)) => {
                let known = service.equipment_for(who, id).await.is_ok();
                let id = known.then_some(id);
                form_again(&member, EquipmentFormView { id, fields, people, refusal: Some(refusal) })
            }
            _ => failed(&member, error).await,
        },
    }
}

pub(crate) async fn suppliers(member: Member, before: Asking<Before>) -> Response {
    match member.visit.state.interventions().suppliers(&member.who.authenticated).await {
        Ok(rows) => {
            let refusal: Option<Refusal> = or_default(before).refusal();
            let view = SuppliersView { rows, registers: registers(&member), refusal };
            shown(member.visit.lang, &Suppliers::new(member.chrome(), view))
        }
        Err(error) => failed(&member, error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Supplier {
    name: String,
}

pub(crate) async fn add_supplier(Posted { member, form }: Posted<Supplier>) -> Response {
    let done = member.visit.state.interventions().register_supplier(&member.who.authenticated, &form.name).await;
    acted(&member, "/suppliers", done.map(drop)).await
}
