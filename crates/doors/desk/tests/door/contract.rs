//! The interface's description (`openapi.json`) against what the interface does.

use crate::{
    house::House,
    sends::{Sends, Visitor},
    strangers::visitors,
    table::{Entry, NOTHING, TABLE},
};
use desk::{Asks, ROUTES};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::testing::{TestDatabase, both};

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
            let entry = TABLE.iter().find(|entry| entry.line == line).unwrap_or_else(|| panic!("{line} is not walked"));
            let sends = !matches!(entry.sends, Sends::Nothing);
            assert_eq!(operation.get("requestBody").is_some(), sends, "{line}");
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
    let visitors = visitors(&house).await;
    let mut problems = 0;
    for entry in TABLE.iter().filter(|entry| entry.asks() == Asks::Token) {
        let responses = &operation(&document, entry)["responses"];
        let owner = &visitors[entry.owner()];
        let (id, body) = entry.made(&house, owner).await;
        let done = entry.asked(&house, (&id, &body), owner).await;
        let response = &responses[done.status.to_string()];
        assert!(response["description"].is_string(), "{}: {} is not described", entry.line, done.status);
        let content = response["content"].as_object().and_then(|content| content.iter().next());
        match content {
            Some((kind, told)) if kind == "application/json" => {
                assert_eq!(done.header("content-type"), "application/json", "{}", entry.line);
                assert_eq!(differs(&document, &told["schema"], &done.json()), None, "{}", entry.line);
            }
            Some((kind, _)) => assert_eq!(done.header("content-type"), kind, "{}", entry.line),
            None => assert_eq!(done.text, "", "{}", entry.line),
        }
        let schema = &responses["4XX"]["content"]["application/problem+json"]["schema"];
        let nobody = Visitor { token: None, ..owner.clone() };
        let absent = entry.asked(&house, (NOTHING, &body), owner).await;
        for refused in [absent, entry.asked(&house, (&id, &body), &nobody).await] {
            if (400..500).contains(&refused.status) {
                assert_eq!(differs(&document, schema, &refused.problem()), None, "{}", entry.line);
                problems += 1;
            }
        }
    }
    assert!(problems > 30, "only {problems} refusals were read");
}
both!(what_is_answered_is_what_is_described);

/// What the description says may be sent is taken as far as it says, and no farther.
async fn what_is_sent_is_what_is_described(database: &TestDatabase) {
    let house = House::new(database).await;
    let document = described(&house).await;
    let visitors = visitors(&house).await;
    for entry in TABLE.iter().filter(|entry| entry.asks() == Asks::Token && !matches!(entry.sends, Sends::Nothing)) {
        let schema = &operation(&document, entry)["requestBody"]["content"]["application/json"]["schema"];
        let owner = &visitors[entry.owner()];
        let (id, body) = entry.made(&house, owner).await;
        let whole: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(differs(&document, schema, &whole), None, "{}", entry.line);
        let mut refused: Vec<(String, Value)> = Vec::new();
        for name in resolved(&document, schema)["properties"].as_object().unwrap().keys() {
            let mut other = whole.clone();
            other[name] = json!({ "none": true });
            assert!(differs(&document, schema, &other).is_some(), "{}: {name} is described as anything", entry.line);
            refused.push((format!("{name} as an object"), other));
        }
        for name in resolved(&document, schema)["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut other = whole.clone();
            other.as_object_mut().unwrap().remove(name);
            refused.push((format!("no {name}"), other));
        }
        let mut more = whole.clone();
        more["force"] = json!(true);
        refused.push(("more than is described".into(), more));
        let before = house.settled().await;
        for (what, other) in refused {
            let answer = entry.asked(&house, (&id, &other.to_string()), owner).await;
            assert_eq!(answer.status, 422, "{} with {what}: {}", entry.line, answer.text);
            answer.problem();
        }
        assert_eq!(house.settled().await, before, "{}: something was done", entry.line);
        assert_eq!(entry.asked(&house, (&id, &body), owner).await.status, entry.answer, "{}", entry.line);
    }
}
both!(what_is_sent_is_what_is_described);

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} is missing")),
        None => schema,
    }
}

/// Schemas that hold together, as one.
fn joined(document: &Value, parts: &[Value]) -> Value {
    let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
    for part in parts.iter().map(|part| resolved(document, part)) {
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// Where a value is not what its schema says; a member that is not described is one too.
fn differs(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = resolved(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|one| differs(document, one, value).is_none());
        return (!fits).then(|| format!("{value} is none of {choices:?}"));
    }
    let whole = schema["allOf"].as_array().map(|parts| joined(document, parts));
    let schema = whole.as_ref().unwrap_or(schema);
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
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
        // A document of its own: the terms, as they are signed.
        Value::Object(_) if schema.get("properties").is_none() => None,
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
