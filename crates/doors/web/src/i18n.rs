//! The sentences of the pages, in French and English. Each is a method of [`Text`], made at build from
//! `locales/fr.toml` and `locales/en.toml`; one that is missing in a language fails the build.

use types::{Category, Confidentiality, Lang, Role};

/// The sentences in one language. Values are placed as text: templates escape the result like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(Lang);

impl Text {
    /// The sentences of this language.
    pub const fn new(lang: Lang) -> Self {
        Self(lang)
    }

    /// Which language it is.
    pub const fn lang(self) -> Lang {
        self.0
    }

    /// The word for a role.
    pub fn role(self, role: Role) -> &'static str {
        match role {
            Role::Patient => self.role_patient(),
            Role::Relative => self.role_relative(),
            Role::Professional => self.role_professional(),
            Role::Technician => self.role_technician(),
            Role::SupplierManager => self.role_supplier_manager(),
            Role::Beneficiary => self.role_beneficiary(),
            Role::OnCall => self.role_on_call(),
            Role::SecurityOfficer => self.role_security_officer(),
            Role::Administrator => self.role_administrator(),
            Role::TraceController => self.role_trace_controller(),
            Role::Dpo => self.role_dpo(),
            Role::Auditor => self.role_auditor(),
        }
    }

    /// The word for a kind of object, in the plural.
    pub fn category(self, category: Category) -> &'static str {
        match category {
            Category::Result => self.category_results(),
            Category::Document => self.category_documents(),
        }
    }

    /// The word for an object's marking, where it is worth one.
    pub fn confidentiality(self, confidentiality: Confidentiality) -> Option<&'static str> {
        match confidentiality {
            Confidentiality::Normal => None,
            Confidentiality::Held => Some(self.state_held()),
        }
    }
}

mod sentences {
    #![allow(clippy::useless_format)] // One form of a plural may name no value.
    use super::{Lang, Text};
    include!(concat!(env!("OUT_DIR"), "/text.rs"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_speak() {
        let (fr, en) = (Text::new(Lang::Fr), Text::new(Lang::En));
        assert_eq!(fr.role(Role::Patient), "Patient");
        assert_eq!(fr.when_minutes(1), "il y a une minute");
        assert_eq!(en.when_minutes(5), "5 minutes ago");
        assert_ne!(fr.layout_skip(), en.layout_skip());
        for role in Role::ALL {
            assert!(!fr.role(*role).is_empty() && !en.role(*role).is_empty());
        }
    }
}
