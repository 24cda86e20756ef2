//! The form that asks for an intervention.

use super::words;
use interventions::{Activity, Right};
use types::{AccountId, EquipmentId};
use web::layout::prelude::*;

/// What was typed, as it was typed: nothing is lost when something is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestForm {
    /// The equipment's identifier.
    pub equipment: String,
    /// What for.
    pub activity: String,
    /// In the asker's words.
    pub purpose: String,
    /// The hospital's ticket.
    pub ticket: String,
    /// First moment, `2026-11-21T14:05` in legal time.
    pub from: String,
    /// First moment past it.
    pub until: String,
    /// Accounts.
    pub technicians: Vec<String>,
    /// What will be done.
    pub rights: Vec<String>,
    /// Ranges of addresses, separated by spaces, commas or lines.
    pub sources: String,
}

/// A field of the form, for what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// None in particular.
    Whole,
    /// The equipment.
    Equipment,
    /// What for.
    Activity,
    /// The purpose.
    Purpose,
    /// The ticket.
    Ticket,
    /// The window's beginning.
    From,
    /// The window's end.
    Until,
    /// The technicians.
    Technicians,
    /// The rights.
    Rights,
    /// The sources.
    Sources,
}

impl Field {
    /// The identifier of what is to be mended on the page.
    pub fn id(self) -> &'static str {
        match self {
            Self::Whole => "main",
            Self::Equipment => "equipment",
            Self::Activity => "activity",
            Self::Purpose => "purpose",
            Self::Ticket => "ticket",
            Self::From => "from",
            Self::Until => "until",
            Self::Technicians => "technicians",
            Self::Rights => "rights",
            Self::Sources => "sources",
        }
    }
}

/// An equipment to choose.
#[derive(Debug, Clone)]
pub struct TargetChoice {
    /// Which.
    pub id: EquipmentId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub location: String,
}

/// A technician to name.
#[derive(Debug, Clone)]
pub struct TechnicianChoice {
    /// Whose account.
    pub account: AccountId,
    /// His name.
    pub name: String,
    /// Without a key he cannot be named.
    pub has_key: bool,
    /// The reader himself: he works in what he asks for.
    pub is_reader: bool,
}

/// What the form shows.
#[derive(Debug, Clone)]
pub struct RequestView {
    /// What was typed, or what is proposed.
    pub form: RequestForm,
    /// The equipment, by name.
    pub equipment: Vec<TargetChoice>,
    /// One's colleagues, by name.
    pub technicians: Vec<TechnicianChoice>,
    /// What is wrong, in the order of the fields.
    pub wrong: Vec<(Field, String)>,
}

/// `GET /{lang}/interventions/new`, and the answer to a form that is not taken.
#[derive(Debug, Template)]
#[template(path = "request.html")]
pub struct Request {
    chrome: Chrome,
    t: Text,
    view: RequestView,
}

impl Request {
    /// The page.
    pub fn new(chrome: Chrome, view: RequestView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn wrong(&self, field: Field) -> Option<&str> {
        self.view.wrong.iter().find(|(one, _)| *one == field).map(|(_, sentence)| sentence.as_str())
    }

    /// The state of a field, for who cannot see the page: what is wrong is read with it.
    fn described(&self, field: Field, hint: bool) -> Described {
        Described { field, is_wrong: self.wrong(field).is_some(), has_hint: hint }
    }

    fn activities(&self) -> Vec<(&'static str, &'static str)> {
        Activity::ALL.iter().map(|one| (one.as_str(), words::activity(self.t, *one))).collect()
    }

    fn rights(&self) -> Vec<(&'static str, &'static str)> {
        Right::ALL.iter().map(|one| (one.as_str(), words::right(self.t, *one))).collect()
    }

    fn is_target(&self, target: &TargetChoice) -> bool {
        self.view.form.equipment == target.id.to_string()
    }

    fn has_right(&self, right: &str) -> bool {
        self.view.form.rights.iter().any(|one| one == right)
    }

    fn is_named(&self, technician: &TechnicianChoice) -> bool {
        technician.has_key && self.view.form.technicians.contains(&technician.account.to_string())
    }

    fn lacks_key(&self) -> bool {
        self.view.technicians.iter().any(|one| one.is_reader && !one.has_key)
    }
}

/// The attributes that tie a field to its hint and its error.
struct Described {
    field: Field,
    is_wrong: bool,
    has_hint: bool,
}

impl std::fmt::Display for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.field.id();
        match (self.has_hint, self.is_wrong) {
            (false, false) => Ok(()),
            (true, false) => write!(f, " aria-describedby=\"{id}-hint\""),
            (false, true) => write!(f, " aria-invalid=\"true\" aria-describedby=\"{id}-wrong\""),
            (true, true) => write!(f, " aria-invalid=\"true\" aria-describedby=\"{id}-hint {id}-wrong\""),
        }
    }
}

// Fixed at build.
impl askama::filters::HtmlSafe for Described {}
