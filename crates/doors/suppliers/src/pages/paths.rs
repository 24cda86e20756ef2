//! The door's addresses, written in one place: what the router serves and what the pages link to.

use interventions::State;
use types::{InterventionId, Lang};

/// An intervention.
pub fn intervention(lang: Lang, id: &InterventionId) -> String {
    format!("/{lang}/interventions/{id}")
}

/// The form for a new one, filled in like another.
pub fn like(lang: Lang, id: &InterventionId) -> String {
    format!("/{lang}/interventions/new?like={id}")
}

/// The list, narrowed. A cursor has digits, letters and hyphens only.
pub fn list(lang: Lang, state: Option<State>, cursor: Option<&str>) -> String {
    let mut parts: Vec<String> = state.iter().map(|state| format!("state={state}")).collect();
    parts.extend(cursor.map(|cursor| format!("cursor={cursor}")));
    let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
    format!("/{lang}/interventions{query}")
}

/// The sign-in by SSH that waits, with what was just answered.
pub fn ssh(lang: Lang, done: &str) -> String {
    format!("/{lang}/ssh?done={done}")
}

/// One's means, with what was just done there.
pub fn means(lang: Lang, done: &str) -> String {
    format!("/{lang}/means?done={done}")
}
