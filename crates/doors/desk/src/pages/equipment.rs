//! Equipment and suppliers: lists, one sheet, the form and the page to sign on.

use super::{Badge, Challenge, Refusal};
use interventions::{Equipment, Supplier};
use types::{AccountId, EquipmentId};
use web::layout::prelude::*;

/// What the list shows.
#[derive(Debug, Clone, Default)]
pub struct EquipmentListView {
    /// By name.
    pub rows: Vec<Equipment>,
    /// Whether the reader registers equipment.
    pub registers: bool,
}

/// `GET /{lang}/equipment`.
#[derive(Debug, Template)]
#[template(path = "equipment.html")]
pub struct EquipmentList {
    chrome: Chrome,
    t: Text,
    view: EquipmentListView,
}

fn signed(t: Text, signed: bool) -> Badge {
    if signed {
        Badge::new(t.desk_equipment_signed(), Icon::Proved, "good")
    } else {
        Badge::new(t.desk_equipment_unsigned(), Icon::Warning, "bad")
    }
}

impl EquipmentList {
    /// The page.
    pub fn new(chrome: Chrome, view: EquipmentListView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn badge(&self, one: &Equipment) -> Badge {
        signed(self.t, one.signed)
    }
}

/// One equipment, with the names of those who answer for it.
#[derive(Debug, Clone)]
pub struct EquipmentView {
    /// The equipment.
    pub one: Equipment,
    /// Who answers for it, by name.
    pub beneficiaries: Vec<String>,
    /// Whether the reader registers equipment.
    pub registers: bool,
}

/// `GET /{lang}/equipment/{id}`.
#[derive(Debug, Template)]
#[template(path = "equipment_sheet.html")]
pub struct EquipmentSheet {
    chrome: Chrome,
    t: Text,
    view: EquipmentView,
}

impl EquipmentSheet {
    /// The page.
    pub fn new(chrome: Chrome, view: EquipmentView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn badge(&self) -> Badge {
        signed(self.t, self.view.one.signed)
    }

    fn change(&self) -> String {
        self.chrome.url(&format!("/equipment/change?id={}", self.view.one.id))
    }
}

/// What an equipment is to be, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EquipmentFields {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: String,
    /// Its key.
    pub host_key: String,
    /// The login on the machine.
    pub account: String,
    /// Who answers for it.
    pub beneficiaries: Vec<AccountId>,
    /// How many of them must approve.
    pub quorum: String,
}

/// What the form shows.
#[derive(Debug, Clone, Default)]
pub struct EquipmentFormView {
    /// The equipment to change; none for a new one.
    pub id: Option<EquipmentId>,
    /// What was typed, or what stands.
    pub fields: EquipmentFields,
    /// Who may answer for it.
    pub people: Vec<(AccountId, String)>,
    /// Why what was typed was not taken.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/equipment/change`.
#[derive(Debug, Template)]
#[template(path = "equipment_form.html")]
pub struct EquipmentForm {
    chrome: Chrome,
    t: Text,
    view: EquipmentFormView,
}

impl EquipmentForm {
    /// The page.
    pub fn new(chrome: Chrome, view: EquipmentFormView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn answers(&self, account: &AccountId) -> bool {
        self.view.fields.beneficiaries.contains(account)
    }
}

/// What the page to sign an equipment on shows.
#[derive(Debug, Clone)]
pub struct EquipmentSignView {
    /// Its identifier.
    pub id: EquipmentId,
    /// What it is to be.
    pub fields: EquipmentFields,
    /// Those who answer for it, by name.
    pub beneficiaries: Vec<String>,
    /// Whether the secret that is there may stay: not for a new one, nor for another address, host key or login.
    pub keeps_secret: bool,
    /// For the passkey.
    pub challenge: Challenge,
}

/// The answer to the form: the same again, to be signed.
#[derive(Debug, Template)]
#[template(path = "equipment_sign.html")]
pub struct EquipmentSign {
    chrome: Chrome,
    t: Text,
    view: EquipmentSignView,
}

impl EquipmentSign {
    /// The page.
    pub fn new(chrome: Chrome, view: EquipmentSignView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }
}

/// What the suppliers' page shows.
#[derive(Debug, Clone, Default)]
pub struct SuppliersView {
    /// By name.
    pub rows: Vec<Supplier>,
    /// Whether the reader registers suppliers.
    pub registers: bool,
    /// Why what was asked was not done.
    pub refusal: Option<Refusal>,
}

/// `GET /{lang}/suppliers`.
#[derive(Debug, Template)]
#[template(path = "suppliers.html")]
pub struct Suppliers {
    chrome: Chrome,
    t: Text,
    view: SuppliersView,
}

impl Suppliers {
    /// The page.
    pub fn new(chrome: Chrome, view: SuppliersView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }
}
