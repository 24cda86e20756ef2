//! A hospital's own policies: they may only forbid, and what cannot be read without doubt is refused at start.
//!
//! A `forbid` that never matches is worse than none: somebody relies on it. So whatever would silently never match (a
//! misspelt role, a name that no object bears, a template) is a mistake here, although Cedar takes it.

use crate::BadPolicies;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use serde_json::Value;
use std::str::FromStr as _;
use types::{AccountId, Category, Door, EstablishmentId, PatientId, Purpose, Role, SupplierId};

/// Files at most.
pub const OWN_FILES_MAX: usize = 16;
/// Bytes of one file at most.
pub const OWN_FILE_BYTES_MAX: usize = 64 * 1024;
/// Policies at most, in all files: each is asked at each decision.
pub const OWN_POLICIES_MAX: usize = 64;
/// Letters of a reason at most.
pub const OWN_BECAUSE_CHARS_MAX: usize = 200;
const ID_CHARS_MAX: usize = 60;

/// What ends an access is never forbidden: whoever notices something must be able to stop it.
pub const NEVER_FORBIDDEN: &[&str] = &["keep_session", "cut", "suspend_accounts"];

/// Reads them; everything that is wrong is told at once, a line each, with the file and the policy.
pub(crate) fn read(schema: &Schema, files: &[(String, String)]) -> Result<Vec<Policy>, BadPolicies> {
    let mut wrong = Vec::new();
    if files.len() > OWN_FILES_MAX {
        wrong.push(format!("{} files: at most {OWN_FILES_MAX}", files.len()));
    }
    let mut found = Vec::new();
    for (name, text) in files.iter().take(OWN_FILES_MAX) {
        if text.len() > OWN_FILE_BYTES_MAX {
            wrong.push(format!("{name}: {} bytes; at most {OWN_FILE_BYTES_MAX}", text.len()));
            continue;
        }
        match PolicySet::from_str(text) {
            Ok(set) => {
                if set.templates().next().is_some() {
                    wrong.push(format!("{name}: a template (?principal, ?resource) decides nothing: write it out"));
                }
                for policy in set.policies() {
                    found.extend(named(name, policy, &mut wrong));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    if found.len() > OWN_POLICIES_MAX {
        wrong.push(format!("{} policies: at most {OWN_POLICIES_MAX}", found.len()));
    }
    let mut set = PolicySet::new();
    for policy in &found {
        if let Err(error) = set.add(policy.clone()) {
            wrong.push(error.to_string());
        }
    }
    let checked = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    wrong.extend(checked.validation_errors().map(ToString::to_string));
    wrong.extend(checked.validation_warnings().map(ToString::to_string));
    if wrong.is_empty() { Ok(found) } else { Err(BadPolicies::new(wrong)) }
}

/// The policy under its own name, and what is wrong with it.
fn named(file: &str, policy: &Policy, wrong: &mut Vec<String>) -> Option<Policy> {
    let fits = |id: &&str| {
        (1..=ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let Some(id) = policy.annotation("id").filter(fits) else {
        wrong.push(format!("{file}: a policy needs an @id of 1 to {ID_CHARS_MAX} letters a-z, digits and -: {policy}"));
        return None;
    };
    wrong.extend(mistakes(policy).into_iter().map(|mistake| format!("{file}: policy {id}: {mistake}")));
    Some(policy.new_id(PolicyId::new(id)))
}

fn mistakes(policy: &Policy) -> Vec<String> {
    let mut wrong = Vec::new();
    let because = policy.annotation("because").map(str::trim).unwrap_or_default();
    if because.is_empty() || because.chars().count() > OWN_BECAUSE_CHARS_MAX || because.chars().any(char::is_control) {
        wrong.push(format!("it needs an @because: your reason in one line of at most {OWN_BECAUSE_CHARS_MAX} letters"));
    }
    if policy.effect() == Effect::Permit {
        wrong.push("it permits; a policy of the hospital's own may only forbid".to_owned());
    }
    let Ok(json) = policy.to_json() else {
        wrong.push("it cannot be read".to_owned());
        return wrong;
    };
    wrong.extend(scope(&json));
    let actions = actions(&json);
    for action in actions.iter().filter(|action| NEVER_FORBIDDEN.contains(&action.as_str())) {
        wrong.push(format!("{action} ends an access and is never forbidden: leave it out of the actions"));
    }
    // Which interventions a list may hold is asked once for the list, not for each of them.
    if actions.iter().any(|action| action == "see_intervention") && mentions(&json, "resource") {
        wrong.push(
            "on see_intervention it may look at principal and context only: a list is decided before what it holds is \
             read"
                .to_owned(),
        );
    }
    literals(json.get("conditions").unwrap_or(&Value::Null), &mut wrong);
    names(&json, &mut wrong);
    wrong
}

/// It must say who (accounts: never what the system does for itself) and which actions, by name.
fn scope(json: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let op = |part: &str| json.pointer(&format!("/{part}/op")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_account = json.pointer("/principal/entity_type").and_then(Value::as_str) == Some("Account")
        && json.pointer("/principal/in").is_none();
    let one_account =
        op("principal") == "==" && json.pointer("/principal/entity/type").and_then(Value::as_str) == Some("Account");
    if !(op("principal") == "is" && is_account || one_account) {
        wrong.push("it must begin with `principal is Account`".to_owned());
    }
    if actions(json).is_empty() {
        wrong.push("it must name its actions: `action == Action::\"…\"` or `action in [Action::\"…\", …]`".to_owned());
    }
    let kind = op("resource");
    if !(kind == "All" || kind == "is" && json.pointer("/resource/in").is_none()) {
        wrong.push(
            "it may only say of which kind the resource is (`resource is …`); the rest belongs in `when`".to_owned(),
        );
    }
    wrong
}

/// The actions that it names; none if it speaks of all of them.
pub(crate) fn actions(json: &Value) -> Vec<String> {
    let id = |entity: &Value| entity.get("id").and_then(Value::as_str).map(str::to_owned);
    let one = json.pointer("/action/entity").and_then(id);
    let several = json.pointer("/action/entities").and_then(Value::as_array);
    one.into_iter().chain(several.into_iter().flatten().filter_map(id)).collect()
}

/// Whether an expression, or a whole policy's conditions, look at this variable.
pub(crate) fn mentions(json: &Value, variable: &str) -> bool {
    match json {
        Value::Object(map) => {
            map.get("Var").and_then(Value::as_str) == Some(variable)
                || map.values().any(|value| mentions(value, variable))
        }
        Value::Array(all) => all.iter().any(|value| mentions(value, variable)),
        _ => false,
    }
}

/// The words that the attributes of the schema's strings may be.
fn words_of(attribute: &str) -> Option<Vec<&'static str>> {
    Some(match attribute {
        "role" => Role::ALL.iter().map(|word| word.as_str()).collect(),
        "door" => Door::ALL.iter().map(|word| word.as_str()).collect(),
        "purpose" => Purpose::ALL.iter().map(|word| word.as_str()).collect(),
        "category" => Category::ALL.iter().map(|word| word.as_str()).collect(),
        _ => return None,
    })
}

/// A text compared with an attribute must be one that the attribute can be; any other text must at least be a known word.
fn literals(json: &Value, wrong: &mut Vec<String>) {
    let Value::Object(map) = json else {
        if let Value::Array(all) = json {
            all.iter().for_each(|value| literals(value, wrong));
        }
        return;
    };
    for (key, value) in map {
        match key.as_str() {
            // Its text is an address, which the validator reads.
            "ip" => {}
            "==" | "!=" | "contains" | "containsAny" | "containsAll" => {
                let words = attribute_in(value).and_then(words_of).unwrap_or_else(all_words);
                texts_are(value, &words, wrong);
            }
            "Value" if value.is_string() => texts_are(json, &all_words(), wrong),
            _ => literals(value, wrong),
        }
    }
}

fn all_words() -> Vec<&'static str> {
    ["role", "door", "purpose", "category"].into_iter().filter_map(words_of).flatten().collect()
}

/// The attribute that one side of a comparison is.
fn attribute_in(sides: &Value) -> Option<&str> {
    ["left", "right"].iter().find_map(|side| sides.get(side)?.get(".")?.get("attr")?.as_str())
}

fn texts_are(json: &Value, words: &[&'static str], wrong: &mut Vec<String>) {
    match json {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str().filter(|_| key == "Value") {
                    Some(text) if !words.contains(&text) => {
                        wrong.push(format!("{text:?} never matches; there are {}", words.join(", ")));
                    }
                    Some(_) => {}
                    None if key == "ip" || key == "__entity" => {}
                    None => texts_are(value, words, wrong),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| texts_are(value, words, wrong)),
        _ => {}
    }
}

/// Somebody or something named must bear a name that can be.
fn names(json: &Value, wrong: &mut Vec<String>) {
    let named = |map: &serde_json::Map<String, Value>| {
        let (kind, id) = (map.get("type")?.as_str()?, map.get("id")?.as_str()?);
        let bears = match kind {
            "Account" => id.parse::<AccountId>().is_ok(),
            "Patient" => id.parse::<PatientId>().is_ok(),
            "Supplier" => id == "none" || id.parse::<SupplierId>().is_ok(),
            "Establishment" => id.parse::<EstablishmentId>().is_ok(),
            "Action" => true,
            // An intervention, an object, a session: the policies are not told which one.
            _ => false,
        };
        (!bears).then(|| format!("{kind}::{id:?} never matches: nothing bears that name in a decision"))
    };
    match json {
        Value::Object(map) => {
            wrong.extend(named(map));
            map.values().for_each(|value| names(value, wrong));
        }
        Value::Array(all) => all.iter().for_each(|value| names(value, wrong)),
        _ => {}
    }
}
