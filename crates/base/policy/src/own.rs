//! A hospital's own policies: they may only forbid, and what cannot be read without doubt is refused at start.
//!
//! A `forbid` that never matches is worse than none: somebody relies on it. Cedar takes much that silently never matches (a
//! misspelt role, a fact that this decision does not load, a range compared with `==`), and skips what it cannot evaluate.
//! So the conditions are those of a short list, each of which can be true, for each action that is named.

use crate::BadPolicies;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use serde_json::{Value, json};
use std::str::FromStr as _;
use types::{AccountId, Category, Cidr, Door, PatientId, Role, SupplierId};

/// Files at most.
pub const OWN_FILES_MAX: usize = 16;
/// Bytes of one file at most.
pub const OWN_FILE_BYTES_MAX: usize = 64 * 1024;
/// Policies at most, in all files: each is asked at each decision.
pub const OWN_POLICIES_MAX: usize = 64;
/// Letters of a reason at most.
const BECAUSE_CHARS_MAX: usize = 200;
const ID_CHARS_MAX: usize = 60;
/// Brackets within brackets, and operators of one policy, at most: whatever reads a policy does so by recursion.
const DEPTH_MAX: u32 = 16;
const OPERATORS_MAX: u32 = 40;

/// What ends an access, and what one must see to do so, is never forbidden: whoever notices something must be able to stop it.
pub const NEVER_FORBIDDEN: &[&str] = &[
    "keep_session",
    "keep_means",
    "manage_means",
    "cut",
    "close",
    "suspend_accounts",
    "see_accounts",
    "see_interventions",
    "see_intervention",
];

const CONDITIONS: &str = "docs/policies.md lists the conditions";

/// Reads them; everything that is wrong is told at once, a line each, with the file and the policy.
pub(crate) fn read(schema: &Schema, files: &[(String, String)]) -> Result<Vec<Policy>, BadPolicies> {
    let mut wrong = Vec::new();
    if files.len() > OWN_FILES_MAX {
        wrong.push(format!("{} files: at most {OWN_FILES_MAX}", files.len()));
    }
    let mut found = Vec::new();
    for (name, text) in files.iter().take(OWN_FILES_MAX) {
        match parsed(text) {
            Ok(set) => {
                for policy in set.policies() {
                    found.extend(named(schema, name, policy, &mut wrong));
                }
            }
            Err(mistake) => wrong.push(format!("{name}: {mistake}")),
        }
    }
    if found.len() > OWN_POLICIES_MAX {
        wrong.push(format!("{} policies: at most {OWN_POLICIES_MAX}", found.len()));
    }
    if found.is_empty() && wrong.is_empty() && !files.is_empty() {
        wrong.push("there is no policy in these files: they forbid nothing".to_owned());
    }
    let mut set = PolicySet::new();
    for policy in &found {
        if set.add(policy.clone()).is_err() {
            wrong.push(format!("two policies are named {}", policy.id()));
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(BadPolicies::new(wrong)) }
}

pub(crate) fn parsed(text: &str) -> Result<PolicySet, String> {
    if text.len() > OWN_FILE_BYTES_MAX {
        return Err(format!("{} bytes; at most {OWN_FILE_BYTES_MAX}", text.len()));
    }
    if text.starts_with('\u{feff}') {
        return Err("it begins with a byte order mark: save it in UTF-8 without one".to_owned());
    }
    nested(text)?;
    let set = PolicySet::from_str(text).map_err(|error| error.to_string())?;
    if set.templates().next().is_some() {
        return Err("a template (?principal, ?resource) decides nothing: write it out".to_owned());
    }
    Ok(set)
}

/// Counted before anything is read, in texts and comments too: what is so deep is nobody's policy.
fn nested(text: &str) -> Result<(), String> {
    let (mut depth, mut operators) = (0_u32, 0_u32);
    for letter in text.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '&' | '|' | '!' | '.' | '+' | '-' | '*' | '?' => operators += 1,
            ';' => operators = 0,
            _ => {}
        }
        // "&&" and "||" are two letters each.
        if depth > DEPTH_MAX || operators > 4 * OPERATORS_MAX {
            return Err(format!(
                "too deep or too long: at most {DEPTH_MAX} brackets within brackets and {OPERATORS_MAX} conditions in a policy"
            ));
        }
    }
    Ok(())
}

/// The policy under its own name, and what is wrong with it.
fn named(schema: &Schema, file: &str, policy: &Policy, wrong: &mut Vec<String>) -> Option<Policy> {
    match under_its_name(policy) {
        Ok((id, policy)) => {
            let mistakes = mistakes(schema, &policy);
            wrong.extend(mistakes.into_iter().map(|mistake| format!("{file}: policy {id}: {mistake}")));
            Some(policy)
        }
        Err(mistake) => {
            wrong.push(format!("{file}: {mistake}"));
            None
        }
    }
}

/// A policy with its `@id` as its name.
pub(crate) fn under_its_name(policy: &Policy) -> Result<(String, Policy), String> {
    let fits = |id: &&str| {
        (1..=ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let id = policy.annotation("id").filter(fits);
    let id =
        id.ok_or_else(|| format!("a policy needs an @id of 1 to {ID_CHARS_MAX} letters a-z, digits and -: {policy}"))?;
    Ok((id.to_owned(), policy.new_id(PolicyId::new(id))))
}

/// What is wrong with its reason.
pub(crate) fn without_reason(policy: &Policy) -> Option<String> {
    let because = policy.annotation("because").map(str::trim).unwrap_or_default();
    let wrong = because.is_empty() || because.chars().count() > BECAUSE_CHARS_MAX || because.chars().any(is_hidden);
    wrong.then(|| format!("it needs an @because: your reason in one line of at most {BECAUSE_CHARS_MAX} letters"))
}

fn mistakes(schema: &Schema, policy: &Policy) -> Vec<String> {
    let mut wrong: Vec<String> = without_reason(policy).into_iter().collect();
    if policy.effect() == Effect::Permit {
        wrong.push(
            "it permits; what stands in this folder may only forbid, and a permit needs two people's signatures and \
             permits_folder"
                .to_owned(),
        );
    }
    let Ok(json) = policy.to_json() else {
        wrong.push("it cannot be read".to_owned());
        return wrong;
    };
    wrong.extend(scope(&json));
    let actions = actions(&json);
    for action in actions.iter().filter(|action| NEVER_FORBIDDEN.contains(&action.as_str())) {
        wrong.push(format!("{action} ends an access, or is needed to; it is never forbidden: leave it out"));
    }
    for condition in json.get("conditions").and_then(Value::as_array).into_iter().flatten() {
        if let Err(mistake) = condition.get("body").ok_or_else(String::new).and_then(known) {
            wrong.push(mistake);
        }
    }
    if wrong.is_empty() {
        wrong.extend(actions.iter().flat_map(|action| never_applies(schema, &json, action)));
    }
    wrong
}

/// Control characters, and those that turn the direction of what follows.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// It must say who (accounts: never what the system does for itself) and which actions, by name.
pub(crate) fn scope(json: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let op = |part: &str| json.pointer(&format!("/{part}/op")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_account = json.pointer("/principal/entity_type").and_then(Value::as_str) == Some("Account")
        && json.pointer("/principal/in").is_none();
    if op("principal") != "is" || !is_account {
        wrong.push("it must begin with `principal is Account`; one person belongs in `when`".to_owned());
    }
    if actions(json).is_empty() {
        wrong.push("it must name its actions: `action == Action::\"…\"` or `action in [Action::\"…\", …]`".to_owned());
    }
    let kind = op("resource");
    if !(kind == "All" || kind == "is" && json.pointer("/resource/in").is_none()) {
        wrong.push("it may only say of which kind the resource is (`resource is …`); one belongs in `when`".to_owned());
    }
    wrong
}

/// The actions that a policy names; none if it speaks of all of them.
pub(crate) fn actions(json: &Value) -> Vec<String> {
    let id = |entity: &Value| entity.get("id").and_then(Value::as_str).map(str::to_owned);
    let one = json.pointer("/action/entity").and_then(id);
    let several = json.pointer("/action/entities").and_then(Value::as_array);
    one.into_iter().chain(several.into_iter().flatten().filter_map(id)).collect()
}

/// Why the policy would not be valid, or never apply, for this one action of those that it names.
pub(crate) fn never_applies(schema: &Schema, json: &Value, action: &str) -> Vec<String> {
    let mut one = json.clone();
    if let Some(fields) = one.as_object_mut() {
        fields.insert("action".to_owned(), json!({ "op": "==", "entity": { "type": "Action", "id": action } }));
    }
    let Ok(policy) = Policy::from_json(None, one) else { return vec![format!("{action}: it cannot be read")] };
    let Ok(set) = PolicySet::from_policies([policy]) else { return vec![format!("{action}: it cannot be read")] };
    let checked = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let errors = checked.validation_errors().map(|error| format!("{action}: {error}"));
    let warnings = checked.validation_warnings().map(|warning| format!("{action}: {warning}"));
    errors.chain(warnings).collect()
}

/// Whether an expression looks at this variable.
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

/// Whether an expression is made of the conditions that there are.
fn known(json: &Value) -> Result<(), String> {
    if let Some(inner) = json.pointer("/!/arg") {
        return known(inner);
    }
    for word in ["&&", "||"] {
        if let Some(both) = json.get(word) {
            known(both.get("left").unwrap_or(&Value::Null))?;
            return known(both.get("right").unwrap_or(&Value::Null));
        }
    }
    let sides = |word: &str| sides(json, word);
    if let Some((left, right)) = sides("==").or_else(|| sides("!=")) {
        return can_be(&path(left).ok_or_else(unknown)?, right);
    }
    if let Some((set, one)) = sides("contains") {
        let all = set.get("Set").and_then(Value::as_array).filter(|all| !all.is_empty()).ok_or_else(unknown)?;
        let path = path(one).ok_or_else(unknown)?;
        return all.iter().try_for_each(|value| can_be(&path, value));
    }
    if let Some((left, right)) = sides(">=").or_else(|| sides("<")) {
        return ranked(left, right);
    }
    if let Some(asked) = json.get("has") {
        return asks_for_address(asked);
    }
    if let Some([address, range]) = json.get("isInRange").and_then(Value::as_array).map(Vec::as_slice) {
        return in_range(address, range);
    }
    match path(json).as_deref() {
        Some("principal.fresh" | "resource.held") => Ok(()),
        _ => Err(unknown()),
    }
}

/// The two sides of an operator.
pub(crate) fn sides<'v>(json: &'v Value, word: &str) -> Option<(&'v Value, &'v Value)> {
    let both = json.get(word)?;
    Some((both.get("left")?, both.get("right")?))
}

/// How firmly somebody is recognized, compared with what can be.
pub(crate) fn ranked(left: &Value, right: &Value) -> Result<(), String> {
    match (path(left).as_deref(), right.get("Value").and_then(Value::as_i64)) {
        (Some("principal.assurance"), Some(2..=3)) => Ok(()),
        (Some("principal.assurance"), _) => {
            Err("principal.assurance is compared with 2 (two factors) or 3 (a passkey)".to_owned())
        }
        _ => Err(unknown()),
    }
}

/// `context has address`, and nothing else.
pub(crate) fn asks_for_address(asked: &Value) -> Result<(), String> {
    let is_address = path(asked.get("left").unwrap_or(&Value::Null)).as_deref() == Some("context")
        && asked.get("attr").and_then(Value::as_str) == Some("address");
    if is_address { Ok(()) } else { Err(unknown()) }
}

pub(crate) fn unknown() -> String {
    format!("a condition that is not one of those whose facts every decision has; {CONDITIONS}")
}

/// `principal`, `principal.role`, `resource.patient`…
pub(crate) fn path(json: &Value) -> Option<String> {
    if let Some(variable) = json.get("Var").and_then(Value::as_str) {
        return Some(variable.to_owned());
    }
    let access = json.get(".")?;
    let variable = access.pointer("/left/Var")?.as_str()?;
    Some(format!("{variable}.{}", access.get("attr")?.as_str()?))
}

pub(crate) fn in_range(address: &Value, range: &Value) -> Result<(), String> {
    let text = range.get("ip").and_then(Value::as_array).and_then(|one| one.first()?.get("Value")?.as_str());
    let (Some("context.address"), Some(text)) = (path(address).as_deref(), text) else { return Err(unknown()) };
    // An address that IPv6 wraps around an IPv4 one is the IPv4 one here.
    if text.parse::<Cidr>().is_err() || text.to_lowercase().starts_with("::ffff:") {
        return Err(format!("{text:?} is no range of addresses here; write 192.0.2.0/24 or 2001:db8::/32"));
    }
    Ok(())
}

/// Whether what is looked at can be this.
pub(crate) fn can_be(path: &str, value: &Value) -> Result<(), String> {
    let words: Vec<&str> = match path {
        "principal.role" => Role::ALL.iter().map(|word| word.as_str()).collect(),
        "context.door" => {
            let comes_in = |door: &&Door| Role::ALL.iter().any(|role| role.doors().contains(door));
            Door::ALL.iter().filter(comes_in).map(|door| door.as_str()).collect()
        }
        "resource.category" => Category::ALL.iter().map(|word| word.as_str()).collect(),
        _ => return is_named(path, value),
    };
    match value.get("Value").and_then(Value::as_str) {
        Some(text) if words.contains(&text) => Ok(()),
        Some(text) => Err(format!("{path} is never {text:?}; it is one of {}", words.join(", "))),
        None => Err(unknown()),
    }
}

/// Somebody or something named must bear a name that can be.
fn is_named(path: &str, value: &Value) -> Result<(), String> {
    let entity = value.pointer("/Value/__entity").ok_or_else(unknown)?;
    let text = |key: &str| entity.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, id) = (text("type"), text("id"));
    let bears = match (path, kind) {
        ("principal", "Account") => id.parse::<AccountId>().is_ok(),
        ("resource.supplier", "Supplier") => id.parse::<SupplierId>().is_ok(),
        ("resource" | "resource.patient", "Patient") => id.parse::<PatientId>().is_ok(),
        // An intervention, an object, a session: the policies are not told which one.
        _ => return Err(unknown()),
    };
    if bears {
        Ok(())
    } else {
        Err(format!("{path} is never {kind}::{id:?}: name it by its identifier of 26 characters"))
    }
}
