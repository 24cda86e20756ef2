//! What is typed into the search of traces, and what is wrong with it.

use web::i18n::Text;

/// What cannot be read of what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Too long, or not text.
    Author,
    /// Not an identifier.
    Patient,
    /// Not an address.
    Ip,
    /// Not a type.
    Type,
    /// Not an outcome.
    Outcome,
    /// Too long, or not text.
    Object,
    /// Not an identifier.
    Establishment,
    /// Not one of the choices.
    Period,
    /// Not a date.
    Since,
    /// Not a date.
    Until,
    /// The end comes before the beginning.
    Order,
    /// Too long, too many, or not text.
    Words,
}

impl Wrong {
    /// The field beside which it is told.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Patient => "patient",
            Self::Ip => "ip",
            Self::Type => "type",
            Self::Outcome => "outcome",
            Self::Object => "object",
            Self::Establishment => "establishment",
            Self::Period => "period",
            Self::Since => "since",
            Self::Until | Self::Order => "until",
            Self::Words => "q",
        }
    }

    pub(super) fn sentence(self, t: Text) -> &'static str {
        match self {
            Self::Author | Self::Object => t.desk_traces_wrong_text(),
            Self::Patient => t.desk_traces_wrong_patient(),
            Self::Ip => t.desk_traces_wrong_ip(),
            Self::Type | Self::Outcome | Self::Period => t.desk_traces_wrong_choice(),
            Self::Establishment => t.desk_traces_wrong_establishment(),
            Self::Since | Self::Until => t.desk_traces_wrong_date(),
            Self::Order => t.desk_traces_wrong_order(),
            Self::Words => t.desk_traces_wrong_words(),
        }
    }
}

/// What was typed into the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceFields {
    /// Who.
    pub author: String,
    /// The patient.
    pub patient: String,
    /// From where.
    pub ip: String,
    /// The type of event, or what several begin with.
    pub event: String,
    /// What became of it.
    pub outcome: String,
    /// The object or target.
    pub object: String,
    /// Whose.
    pub establishment: String,
    /// A choice of time.
    pub period: String,
    /// Not before, as a field has it.
    pub since: String,
    /// Before.
    pub until: String,
    /// Words.
    pub q: String,
}

impl TraceFields {
    /// Each field's name in the address, with what was typed.
    pub(crate) fn pairs(&self) -> [(&'static str, &str); 11] {
        [
            ("author", &self.author),
            ("patient", &self.patient),
            ("ip", &self.ip),
            ("type", &self.event),
            ("outcome", &self.outcome),
            ("object", &self.object),
            ("establishment", &self.establishment),
            ("period", &self.period),
            ("since", &self.since),
            ("until", &self.until),
            ("q", &self.q),
        ]
    }

    /// The same search with one field changed.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        let field = match name {
            "author" => &mut changed.author,
            "patient" => &mut changed.patient,
            "ip" => &mut changed.ip,
            "type" => &mut changed.event,
            "outcome" => &mut changed.outcome,
            "object" => &mut changed.object,
            "establishment" => &mut changed.establishment,
            "period" => &mut changed.period,
            "since" => &mut changed.since,
            "until" => &mut changed.until,
            _ => &mut changed.q,
        };
        value.clone_into(field);
        changed
    }

    /// The search in an address: what is not given is not named.
    pub(crate) fn query(&self) -> String {
        let given = self.pairs().into_iter().filter(|(_, value)| !value.trim().is_empty());
        given.fold("go=1".to_owned(), |query, (name, value)| format!("{query}&{name}={}", super::encoded(value)))
    }
}
