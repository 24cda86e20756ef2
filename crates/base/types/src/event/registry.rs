//! Each type of event with what is to be known of it: when it is written, what it says, which rules it serves, which
//! family it belongs to, and how audit messages of health care will name it. docs/events.md is made from this.

mod access;
mod accounts;
mod health;
mod interventions;
mod page;
mod technical;

pub use page::events_page;

use super::{Event, Family};
use crate::actor::words;
use std::{fmt, str::FromStr};

words! {
    /// The kinds of entries that an event is written as.
    Form {
        /// An intent before an effect on the database, and its outcome after.
        Effect = "intent, outcome",
        /// Something about to be shown; final when written.
        Released = "released",
        /// Something that happened.
        Note = "note",
        /// Something was refused.
        Refusal = "refusal",
        /// Several refusals, counted.
        Folded = "folded",
        /// A key that seals what follows.
        SealKey = "seal key",
    }
}

words! {
    /// What an audit message says was done, by its letter.
    Do {
        /// Something new.
        Create = "C",
        /// Something seen.
        Read = "R",
        /// Something changed.
        Update = "U",
        /// Something taken away.
        Delete = "D",
        /// Anything else: a sign-in, a search, a session.
        Execute = "E",
    }
}

/// One way in which an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// As which entries.
    pub form: Form,
    /// When.
    pub when: &'static str,
    /// What the sealed body says beside who, where from and what for.
    pub says: &'static str,
}

/// How audit messages of health care name an event (DICOM PS3.15 A.5, FHIR R4 AuditEvent).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes {
    /// DICOM's event identifier.
    pub event_id: &'static str,
    /// DICOM's event type code, where one fits.
    pub event_type: Option<&'static str>,
    /// The FHIR interaction, for what is one; its type is then `rest`. Elsewhere DICOM's two codes are FHIR's type and
    /// subtype.
    pub interaction: Option<&'static str>,
    /// The action of both.
    pub action: Do,
}

impl Codes {
    const fn of_type(self, code: &'static str) -> Self {
        Self { event_type: Some(code), ..self }
    }

    const fn rest(self, interaction: &'static str) -> Self {
        Self { interaction: Some(interaction), ..self }
    }

    /// FHIR's `AuditEvent.type`.
    pub fn fhir_type(&self) -> &'static str {
        if self.interaction.is_some() { "rest" } else { self.event_id }
    }

    /// FHIR's `AuditEvent.subtype`.
    pub fn fhir_subtype(&self) -> Option<&'static str> {
        self.interaction.or(self.event_type)
    }
}

/// All there is to know of a type of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// Which.
    pub event: Event,
    /// The ways it is written.
    pub written: &'static [Written],
    /// The rules served, as `text:id` of rules/ids.csv.
    pub rules: &'static [&'static str],
    /// Its names elsewhere.
    pub codes: Codes,
}

const fn entry(event: Event, written: &'static [Written], rules: &'static [&'static str], codes: Codes) -> Documented {
    Documented { event, written, rules, codes }
}

const fn written(form: Form, when: &'static str, says: &'static str) -> Written {
    Written { form, when, says }
}

const fn codes(event_id: &'static str, action: Do) -> Codes {
    Codes { event_id, event_type: None, interaction: None, action }
}

impl Family {
    /// The family's events.
    pub const fn documented(self) -> &'static [Documented] {
        match self {
            Family::Technical => technical::ENTRIES,
            Family::Access => access::ENTRIES,
            Family::Accounts => accounts::ENTRIES,
            Family::Interventions => interventions::ENTRIES,
            Family::Health => health::ENTRIES,
        }
    }
}

impl Event {
    /// What is to be known of the event. A test sees that there is something for each.
    pub fn documented(self) -> Option<&'static Documented> {
        self.family().documented().iter().find(|entry| entry.event == self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_event_is_documented_once_in_its_family() {
        let all: Vec<_> = Family::ALL.iter().flat_map(|family| family.documented()).collect();
        for event in Event::ALL {
            let entry = event.documented();
            assert!(entry.is_some(), "{event} is not in the registry of its family ({})", event.family());
            assert_eq!(all.iter().filter(|entry| entry.event == *event).count(), 1, "{event}");
            let entry = entry.unwrap();
            assert!(!entry.rules.is_empty() && !entry.written.is_empty(), "{event} says too little");
            assert!(entry.written.iter().all(|written| !written.when.is_empty()), "{event} does not say when");
        }
    }

    #[test]
    fn names_elsewhere_are_well_formed() {
        let six = |code: &str| code.len() == 6 && code.starts_with("110") && code.bytes().all(|b| b.is_ascii_digit());
        for event in Event::ALL {
            let codes = event.documented().unwrap().codes;
            assert!(six(codes.event_id) && codes.event_type.is_none_or(six), "{event}");
            assert!(codes.interaction.is_none() || codes.event_type.is_none(), "{event} would lose a code in FHIR");
            assert!(!codes.fhir_type().is_empty());
        }
        let sign_in = Event::SignIn.documented().unwrap().codes;
        assert_eq!((sign_in.fhir_type(), sign_in.fhir_subtype()), ("110114", Some("110122")));
        let read = Event::ResultRead.documented().unwrap().codes;
        assert_eq!((read.fhir_type(), read.fhir_subtype(), read.action), ("rest", Some("read"), Do::Read));
    }
}
