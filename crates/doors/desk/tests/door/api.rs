//! What programs may not say.

use crate::{house::House, table::NOTHING};
use store::testing::{TestDatabase, both};
use types::TokenScope;

async fn input_is_strict(database: &TestDatabase) {
    let house = House::new(database).await;
    let token = house.token("beneficiary", TokenScope::ALL).await;
    let absent = NOTHING;
    for (line, body, status) in [
        ("GET /api/v1/interventions?state=later".to_owned(), "", 400),
        ("GET /api/v1/interventions?colour=red".to_owned(), "", 400),
        ("GET /api/v1/interventions?q=%00".to_owned(), "", 400),
        ("GET /api/v1/sessions?live=maybe".to_owned(), "", 400),
        (format!("GET /api/v1/interventions/{absent}"), "", 404),
        ("GET /api/v1/interventions/x".to_owned(), "", 404),
        ("GET /api/v1/accounts?role=chief".to_owned(), "", 400),
        ("GET /api/v1/accounts?state=gone".to_owned(), "", 400),
        ("GET /api/v1/accounts?due=maybe".to_owned(), "", 400),
        ("GET /api/v1/accounts?cursor=x".to_owned(), "", 400),
        ("GET /api/v1/accounts?colour=red".to_owned(), "", 400),
        ("POST /api/v1/accounts".to_owned(), "{}", 405),
        (format!("GET /api/v1/interventions/{absent}/terms?act=approve&until=2026-11-21T12:00:00Z"), "", 400),
        (format!("GET /api/v1/interventions/{absent}/terms?act=extend"), "", 400),
        (format!("GET /api/v1/interventions/{absent}/terms?act=approve"), "", 404),
        (format!("POST /api/v1/interventions/{absent}/approve"), "{}", 404),
        (format!("POST /api/v1/interventions/{absent}/approve"), "[]", 422),
        (format!("POST /api/v1/interventions/{absent}/approve"), "{\"nonce\":\"aa\"}", 422),
        (format!("POST /api/v1/interventions/{absent}/approve"), "{\"force\":true}", 422),
        (format!("POST /api/v1/interventions/{absent}/approve"), "nothing", 400),
        (format!("POST /api/v1/interventions/{absent}/extend"), "{\"until\":\"tomorrow\"}", 422),
        (format!("POST /api/v1/sessions/{absent}/cut"), "{\"reason\":\"essai\"}", 404),
        (format!("GET /api/v1/sessions/{absent}/recording?channel=1"), "", 404),
        (format!("GET /api/v1/sessions/{absent}/recording"), "", 400),
        ("DELETE /api/v1/interventions".to_owned(), "", 405),
    ] {
        let answer = house.call(&line, &token, body).await;
        assert_eq!(answer.status, status, "{line} {body}: {}", answer.text);
        answer.problem();
    }
}
both!(input_is_strict);
