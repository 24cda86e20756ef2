//! A hospital's own policy asks for a passkey: whoever lacks one is told so, and nobody else learns anything.

use crate::house::{HOSPITAL, House};
use axum::http::StatusCode;
use store::testing::{TestDatabase, both};
use types::{Confidentiality, Event};

const DOCUMENTS: &str = "@id(\"documents-by-passkey\") @because(\"Décision du 3 mars.\")
    forbid (principal is Account, action == Action::\"read_object\", resource is Object)
    when { resource.category == \"document\" && principal.assurance < 3 };";

async fn what_asks_for_a_passkey_says_so(database: &TestDatabase) {
    let house = House::with_policy(database, DOCUMENTS).await;
    let camille = house.patient("camille.durand").await;
    let own = house.own("camille.durand");
    let record = format!("/fr/records/{}", house.patients[own]);
    let again = format!("/fr/session/again?then=/records/{}&#38;with=passkey", house.patients[own]);
    let page = camille.get(&record).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains(&again), "the page says that it holds less, and where more is asked");
    assert!(page.text().contains("prouve mieux qui il est") && !page.text().contains("mandat"));
    let report = HOSPITAL.patients[own].reports.iter().find(|one| one.confidentiality == Confidentiality::Normal);
    let report = format!("{record}/results/{}", report.unwrap().id);
    assert_eq!(camille.get(&report).await.status, StatusCode::OK, "results are as before");

    // A document and its bytes: she is sent to the page that asks for more. One that is not there is answered alike.
    let before = house.traces().len() as u64;
    let document = &HOSPITAL.patients[own].documents[0].id.to_string();
    for id in [document.as_str(), "nowhere"] {
        for path in [format!("{record}/documents/{id}"), format!("{record}/documents/{id}/content")] {
            let answer = camille.get(&path).await;
            let to = format!("/fr/session/again?then={}&with=passkey", path.strip_prefix("/fr").unwrap());
            assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, to.as_str()));
        }
    }
    let refused = house.traces_once(before, |traces| traces.len() >= 4).await;
    assert!(refused.iter().filter(|trace| trace.event == Event::Refused).count() >= 4, "each is traced");
    let asked = camille.get(&format!("/fr/session/again?then=/records/{}&with=passkey", house.patients[own])).await;
    assert!(asked.text().contains("Il vous faut une clé"));
    assert!(!asked.text().contains("name=\"password\""), "another password would not open it");

    // Somebody else's record is not there, whatever he might prove.
    let other = (0..house.patients.len()).find(|one| *one != own).unwrap();
    let stranger = camille.get(&format!("/fr/records/{}", house.patients[other])).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
}
both!(what_asks_for_a_passkey_says_so);

async fn without_such_a_policy_no_page_speaks_of_it(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let record = format!("/fr/records/{}", house.patients[house.own("camille.durand")]);
    for path in ["/fr/", record.as_str()] {
        assert!(!camille.get(path).await.text().contains("with=passkey"));
    }
    assert_eq!(camille.get(&format!("{record}/documents/nowhere")).await.status, StatusCode::NOT_FOUND);
}
both!(without_such_a_policy_no_page_speaks_of_it);
