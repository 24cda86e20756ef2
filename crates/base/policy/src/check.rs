// Reads and validates policies. Included by the crate and by its build script: the same checks at build and at start.

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use std::str::FromStr;

/// Parses `files` (name, text), validates them strictly against `schema`, and asks each policy for its `@id` and `@rules`.
/// All that is wrong is told at once, a line each.
pub(crate) fn checked(schema: &str, files: &[(&str, &str)]) -> Result<(Schema, PolicySet), Vec<String>> {
    let schema = match Schema::from_cedarschema_str(schema) {
        Ok((schema, _)) => schema,
        Err(error) => return Err(vec![format!("poterne.cedarschema: {error}")]),
    };
    let mut wrong = Vec::new();
    let mut all = PolicySet::new();
    for (name, text) in files {
        match PolicySet::from_str(text) {
            Ok(set) => {
                if set.templates().next().is_some() {
                    wrong.push(format!("{name}: a template decides nothing"));
                }
                for policy in set.policies() {
                    add(name, policy, &mut all, &mut wrong);
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    let validator = Validator::new(schema.clone());
    let result = validator.validate(&all, ValidationMode::Strict);
    wrong.extend(result.validation_errors().map(|error| format!("policy: {error}")));
    wrong.extend(result.validation_warnings().map(|warning| format!("policy: {warning}")));
    if wrong.is_empty() { Ok((schema, all)) } else { Err(wrong) }
}

fn add(file: &str, policy: &cedar_policy::Policy, all: &mut PolicySet, wrong: &mut Vec<String>) {
    let Some(id) = policy.annotation("id") else {
        wrong.push(format!("{file}: a policy has no @id: {policy}"));
        return;
    };
    if policy.annotation("rules").is_none_or(|rules| rules.trim().is_empty()) {
        wrong.push(format!("{file}: policy {id} has no @rules: name the rules that it serves"));
    }
    let named = policy.new_id(cedar_policy::PolicyId::new(id));
    if let Err(error) = all.add(named) {
        wrong.push(format!("{file}: policy {id}: {error}"));
    }
}
