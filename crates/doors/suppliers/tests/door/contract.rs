//! The interface's description (`openapi.json`) against what the interface does.

use crate::{
    house::House,
    people::ALL,
    table::{Entry, NOTHING, OWNER, TABLE},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::testing::{TestDatabase, both};
use suppliers::{Asks, ROUTES};

async fn described(house: &House) -> Value {
    let document = house.ask("GET /api/v1/openapi.json", &[], "").await;
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    document.json()
}

async fn the_description_names_every_route(database: &TestDatabase) {
    let house = House::new(database).await;
    let document = described(&house).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert_eq!(document["security"], json!([{ "token": [] }]));
    let mut told: Vec<String> = Vec::new();
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let line = format!("{} {path}", method.to_uppercase());
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{line}: a name of its own");
            assert!(operation.get("security").is_none(), "{line} asks for what the others ask for");
            for refused in ["4XX", "5XX"] {
                let problem = &operation["responses"][refused]["content"]["application/problem+json"]["schema"];
                assert_eq!(problem["$ref"], "#/components/schemas/ProblemBody", "{line} {refused}");
            }
            assert_eq!(operation.get("requestBody").is_some(), line == "POST /api/v1/interventions", "{line}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = parameters.iter().any(|one| one["name"] == "id" && one["in"] == "path");
            assert_eq!(in_path, path.contains("{id}"), "{line}");
            told.push(line);
        }
    }
    let asking = ROUTES.iter().filter(|route| route.asks == Asks::Token);
    let mut listed: Vec<String> = asking.map(|route| format!("{} {}", route.method, route.path)).collect();
    told.sort();
    listed.sort();
    assert_eq!(told, listed);
}
both!(the_description_names_every_route);

/// The operation of a route, in the description.
fn operation<'d>(document: &'d Value, entry: &Entry) -> &'d Value {
    let (method, path) = entry.line.split_once(' ').unwrap();
    &document["paths"][path][method.to_lowercase()]
}

async fn what_is_answered_is_what_is_described(database: &TestDatabase) {
    let house = House::new(database).await;
    let document = described(&house).await;
    let owner = house.visitor(OWNER).await;
    let mut problems = 0;
    for entry in TABLE.iter().filter(|entry| entry.asks() == Asks::Token) {
        let responses = &operation(&document, entry)["responses"];
        let id = house.made(entry.names).await;
        let done = entry.asked(&house, &id, &owner).await;
        let response = &responses[done.status.to_string()];
        assert!(response["description"].is_string(), "{}: {} is not described", entry.line, done.status);
        match response["content"]["application/json"].get("schema") {
            Some(schema) => {
                assert_eq!(done.header("content-type"), "application/json", "{}", entry.line);
                assert_eq!(differs(&document, schema, &done.json()), None, "{}", entry.line);
            }
            None => assert_eq!(done.text, "", "{}", entry.line),
        }
        let schema = &responses["4XX"]["content"]["application/problem+json"]["schema"];
        let nobody = crate::table::Visitor { token: None, ..owner.clone() };
        for refused in [entry.asked(&house, NOTHING, &owner).await, entry.asked(&house, &id, &nobody).await] {
            if (400..500).contains(&refused.status) {
                assert_eq!(differs(&document, schema, &refused.problem()), None, "{}", entry.line);
                problems += 1;
            }
        }
    }
    assert!(problems > 8, "only {problems} refusals were read");
}
both!(what_is_answered_is_what_is_described);

/// What the description says may be sent is taken as far as it says, and no farther.
async fn what_is_asked_for_is_what_is_described(database: &TestDatabase) {
    let house = House::new(database).await;
    let document = described(&house).await;
    let token = house.token(OWNER, ALL).await;
    let request = TABLE.iter().find(|entry| entry.line == "POST /api/v1/interventions").unwrap();
    let schema = &operation(&document, request)["requestBody"]["content"]["application/json"]["schema"];
    let whole: Value = serde_json::from_str(&(request.sends)(&house, OWNER)).unwrap();
    assert_eq!(differs(&document, schema, &whole), None);
    let properties = resolved(&document, schema)["properties"].as_object().unwrap();
    let required: BTreeSet<&str> =
        resolved(&document, schema)["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in properties.keys() {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(name);
        let answer = house.call(request.line, &token, &body.to_string()).await;
        let expected = if required.contains(name.as_str()) { 422 } else { 201 };
        assert_eq!(answer.status, expected, "without {name}: {}", answer.text);
        let mut body = whole.clone();
        body[name] = json!({ "none": true });
        assert!(differs(&document, schema, &body).is_some(), "{name} is described as anything");
        let answer = house.call(request.line, &token, &body.to_string()).await;
        assert_eq!(answer.status, 422, "{name} as an object");
    }
    let mut more = whole.clone();
    more["host"] = json!("10.0.0.8");
    assert_eq!(house.call(request.line, &token, &more.to_string()).await.status, 422, "more than is described");
}
both!(what_is_asked_for_is_what_is_described);

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} is missing")),
        None => schema,
    }
}

/// Where a value is not what its schema says; a member that is not described is one too.
fn differs(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = resolved(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|one| differs(document, one, value).is_none());
        return (!fits).then(|| format!("{value} is none of {choices:?}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Some(format!("{value} is {kind}, not {kinds:?}"));
    }
    match value {
        Value::Array(rows) => rows.iter().find_map(|row| differs(document, &schema["items"], row)),
        Value::Object(members) => {
            let properties = &schema["properties"];
            let missing = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing = missing.filter(|name| !members.contains_key(*name)).map(|name| format!("{name} is missing"));
            let unlike = members.iter().filter_map(|(name, value)| match properties.get(name) {
                Some(schema) => differs(document, schema, value).map(|what| format!("{name}: {what}")),
                None => Some(format!("{name} is not described")),
            });
            missing.chain(unlike).next()
        }
        Value::String(text) => {
            let words = schema["enum"].as_array();
            let dated = schema["format"] != "date-time" || text.parse::<jiff::Timestamp>().is_ok();
            let known = words.is_none_or(|words| words.contains(value));
            (!known || !dated).then(|| format!("{text} is not {schema}"))
        }
        _ => None,
    }
}
