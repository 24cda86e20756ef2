//! What programs see.

use crate::{house::House, people::ALL};
use serde_json::{Value, json};
use store::testing::{TestDatabase, both};
use types::TokenScope;

fn wanted(house: &House, change: impl FnOnce(&mut Value)) -> String {
    let mut body = json!({
        "equipment": "scanner-1",
        "activity": "maintenance",
        "purpose": "Mise à jour du pilote",
        "ticket": "T-42",
        "from": house.clock.moment(-1),
        "until": house.clock.moment(60),
        "rights": ["shell", "files_in"],
        "sources": ["192.0.2.0/24"],
    });
    change(&mut body);
    body.to_string()
}

async fn a_program_asks_follows_opens_and_closes(database: &TestDatabase) {
    let house = House::new(database).await;
    let token = house.token("solene.lebihan", ALL).await;
    let targets = house.call("GET /api/v1/targets", &token, "").await.json();
    assert_eq!(targets["rows"][0]["name"], "scanner-1");
    assert!(targets["rows"][0].get("host").is_none(), "where it stands in the network is not told");
    let target = house.call(&format!("GET /api/v1/targets/{}", house.scanner), &token, "").await;
    assert_eq!(target.json()["location"], "Imagerie, salle 2");
    let sent = house.call("POST /api/v1/interventions", &token, &wanted(&house, |_| {})).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let one = sent.json();
    assert_eq!((&one["state"], &one["equipment_name"]), (&json!("waiting"), &json!("scanner-1")));
    assert_eq!(one["technicians"][0]["account"], house.accounts["solene.lebihan"].to_string());
    assert_eq!((&one["ticket"], &one["rights"]), (&json!("T-42"), &json!(["shell", "files_in"])));
    assert_eq!(one["window"]["until"].as_str().unwrap().len(), "2026-11-21T09:30:00Z".len());
    let id = one["id"].as_str().unwrap();
    let path = format!("/api/v1/interventions/{id}");
    let early = house.call(&format!("POST {path}/open"), &token, "").await;
    assert_eq!(early.status, 409);
    house.approve(id).await;
    assert_eq!(house.call(&format!("POST {path}/open"), &token, "").await.status, 204);
    let open = house.call(&format!("GET {path}"), &token, "").await.json();
    assert_eq!((&open["state"], &open["approvals"][0]["name"]), (&json!("open"), &json!("nadia ferrand")));
    assert_eq!(open["history"].as_array().unwrap().len(), 4, "{}", open["history"]);
    let listed = house.call("GET /api/v1/interventions?state=open", &token, "").await.json();
    assert_eq!((&listed["rows"][0]["id"], &listed["next"]), (&json!(id), &Value::Null));
    assert_eq!(house.call("GET /api/v1/interventions?state=cut", &token, "").await.json()["rows"], json!([]));
    assert_eq!(house.call(&format!("POST {path}/close"), &token, "").await.status, 204);
    let by_id = wanted(&house, |body| body["equipment"] = house.scanner.to_string().into());
    let second = house.call("POST /api/v1/interventions", &token, &by_id).await.json();
    let second = format!("POST /api/v1/interventions/{}/withdraw", second["id"].as_str().unwrap());
    let karim = house.token("karim.oukaci", ALL).await;
    assert_eq!(house.call(&second, &karim, "").await.status, 404);
    assert_eq!(house.call(&format!("GET {path}"), &karim, "").await.status, 404);
    assert_eq!(house.call("GET /api/v1/interventions", &karim, "").await.json()["rows"], json!([]));
    assert_eq!(house.call(&second, &token, "").await.status, 204);
}
both!(a_program_asks_follows_opens_and_closes);

async fn what_cannot_be_done_says_which_field(database: &TestDatabase) {
    let house = House::new(database).await;
    let token = house.token("solene.lebihan", ALL).await;
    let karim = house.accounts["karim.oukaci"].to_string();
    let erwan = house.accounts["erwan.tanguy"].to_string();
    let own = house.accounts["solene.lebihan"].to_string();
    let cases: Vec<(&str, Value, &str)> = vec![
        ("equipment", json!("scanner-9"), "equipment"),
        ("equipment", json!("Scanner-1"), "equipment"),
        ("purpose", json!(""), "purpose"),
        ("purpose", json!("x".repeat(501)), "purpose"),
        ("purpose", json!("a\u{1b}[2Jb"), "purpose"),
        ("ticket", json!("x".repeat(121)), "ticket"),
        ("from", json!("2026-11-21 09:30"), "from"),
        ("until", json!("tomorrow"), "until"),
        ("until", json!(house.clock.moment(-10)), "until"),
        ("until", json!(house.clock.moment(60 * 24 * 40)), "until"),
        ("technicians", json!([]), "technicians"),
        ("technicians", json!(["x"]), "technicians"),
        ("technicians", json!([own, karim]), "technicians"),
        ("technicians", json!([own, erwan]), "technicians"),
        ("technicians", json!([house.accounts["lise.maillard"].to_string()]), "technicians"),
        ("rights", json!([]), "rights"),
        ("sources", json!(["192.0.2.7/24"]), "sources"),
        ("sources", json!(vec!["192.0.2.0/24"; 21]), "sources"),
    ];
    for (field, value, named) in cases {
        let refused =
            house.call("POST /api/v1/interventions", &token, &wanted(&house, |body| body[field] = value.clone())).await;
        assert_eq!(refused.status, 422, "{field} {value}: {}", refused.text);
        assert_eq!(refused.json()["field"], named, "{field} {value}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    for (change, status) in [("activity", 422), ("more", 422), ("rights", 422)] {
        let body = wanted(&house, |body| body[change] = json!("root"));
        assert_eq!(house.call("POST /api/v1/interventions", &token, &body).await.status, status, "{change}");
    }
    for query in ["?state=root", "?page=2", "?q=%0a", "?cursor=%00"] {
        let answer = house.call(&format!("GET /api/v1/interventions{query}"), &token, "").await;
        assert_eq!(answer.status, 400, "{query}");
    }
    assert_eq!(house.call("GET /api/v1/interventions?cursor=x", &token, "").await.status, 404);
    let manager = house.token("lise.maillard", ALL).await;
    let refused = house.call("POST /api/v1/interventions", &manager, &wanted(&house, |_| {})).await;
    assert_eq!(refused.json()["field"], "technicians", "she is none herself");
    let named = wanted(&house, |body| body["technicians"] = json!([own]));
    assert_eq!(house.call("POST /api/v1/interventions", &manager, &named).await.status, 201);
    let reader = house.token("solene.lebihan", &[TokenScope::InterventionsRead]).await;
    let refused = house.call("POST /api/v1/interventions", &reader, &wanted(&house, |_| {})).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["type"], "urn:poterne:problem:insufficient-scope");
}
both!(what_cannot_be_done_says_which_field);
