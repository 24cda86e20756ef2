//! What pages and programs both write when they ask for traces.

use dossier::Place;
use types::Event;

/// The word for the traces of no establishment.
pub(crate) const NO_ESTABLISHMENT: &str = "none";

/// A type of event, or all those whose words begin with this one: `record.read`, `record`.
pub(crate) fn types_of(text: &str) -> Option<Vec<Event>> {
    let one = |event: &&Event| event.as_str() == text || family(**event) == text;
    let found: Vec<Event> = Event::ALL.iter().filter(one).copied().collect();
    (!found.is_empty()).then_some(found)
}

/// What the word of a type begins with.
pub(crate) fn family(event: Event) -> &'static str {
    event.as_str().split('.').next().unwrap_or_default()
}

/// Whose traces.
pub(crate) fn place(text: &str) -> Option<Place> {
    if text == NO_ESTABLISHMENT { Some(Place::Node) } else { text.parse().ok().map(Place::Of) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_one_or_a_family() {
        assert_eq!(types_of("record.read"), Some(vec![Event::RecordRead]));
        let reads = types_of("record").unwrap_or_default();
        assert!(reads.contains(&Event::DocumentOpened) && !reads.contains(&Event::SignIn), "{reads:?}");
        for text in ["", "rec", "record.", "record.none", "Record", " record"] {
            assert_eq!(types_of(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_place_is_an_establishment_or_none() {
        assert_eq!(place("none"), Some(Place::Node));
        assert_eq!(place("nowhere"), None);
        assert!(matches!(place("aaaaaaaaaaaaaaaaaaaaaaaaaa"), Some(Place::Of(_))));
    }
}
