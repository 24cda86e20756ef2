//! The portal's addresses, written in one place: what the router serves and what the pages link to.

use types::{Category, Lang, ObjectId, PatientId};

/// A patient's record.
pub fn record(lang: Lang, patient: &PatientId) -> String {
    format!("/{lang}/records/{patient}")
}

/// Who saw a patient's record; with his own looks at it or not.
pub fn seen(lang: Lang, patient: &PatientId, with_own: bool) -> String {
    format!("/{lang}/records/{patient}/seen{}", if with_own { "?own=1" } else { "" })
}

/// One kind of a record's objects, one page of them.
pub fn listing(lang: Lang, patient: &PatientId, kind: Category, page: u32) -> String {
    let record = record(lang, patient);
    if page <= 1 { format!("{record}?kind={kind}") } else { format!("{record}?kind={kind}&page={page}") }
}

/// One result.
pub fn result(lang: Lang, patient: &PatientId, id: &ObjectId) -> String {
    format!("/{lang}/records/{patient}/results/{id}")
}

/// One document's page.
pub fn document(lang: Lang, patient: &PatientId, id: &ObjectId) -> String {
    format!("/{lang}/records/{patient}/documents/{id}")
}

/// The document itself, shown.
pub fn content(lang: Lang, patient: &PatientId, id: &ObjectId) -> String {
    format!("/{lang}/records/{patient}/documents/{id}/content")
}

/// The document itself, saved.
pub fn download(lang: Lang, patient: &PatientId, id: &ObjectId) -> String {
    format!("/{lang}/records/{patient}/documents/{id}/content?save=1")
}

/// A page of a professional's patients, filtered.
pub fn patients(lang: Lang, query: &str, page: u32) -> String {
    let mut path = format!("/{lang}/?q=");
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    if page <= 1 { path } else { format!("{path}&page={page}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_cannot_leave_its_place() {
        assert_eq!(patients(Lang::Fr, "Le Goff&page=9\"é", 2), "/fr/?q=Le%20Goff%26page%3D9%22%C3%A9&page=2");
        let patient = PatientId::from_bytes([0; 16]);
        assert_eq!(
            listing(Lang::En, &patient, Category::Document, 3),
            "/en/records/aaaaaaaaaaaaaaaaaaaaaaaaaa?kind=document&page=3"
        );
    }
}
