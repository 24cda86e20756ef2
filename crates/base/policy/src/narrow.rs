//! The policies by the action that they are about: a question goes to those that could answer it, not to all.

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicySet, PolicySetError, Schema};
use std::collections::HashMap;

/// All policies, and for each action of the schema those whose head names it, or names none.
pub(crate) struct Narrowed {
    whole: PolicySet,
    /// Empty where the schema has actions that hold others: a head may then mean more than it names.
    about: HashMap<EntityUid, PolicySet>,
}

impl Narrowed {
    pub fn new(schema: &Schema, whole: PolicySet) -> Result<Self, Box<PolicySetError>> {
        let mut about = HashMap::new();
        let plain = schema.action_groups().next().is_none();
        for action in schema.actions().filter(|_| plain) {
            let concerned = whole.policies().filter(|policy| concerns(policy, action)).cloned();
            about.insert(action.clone(), PolicySet::from_policies(concerned)?);
        }
        Ok(Self { whole, about })
    }

    pub fn add(&mut self, policy: Policy) -> Result<(), Box<PolicySetError>> {
        for (action, set) in &mut self.about {
            if concerns(&policy, action) {
                set.add(policy.clone())?;
            }
        }
        Ok(self.whole.add(policy)?)
    }

    /// All of them.
    pub fn whole(&self) -> &PolicySet {
        &self.whole
    }

    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.whole.policies()
    }

    /// What could answer a question about this action: Cedar passes over all others at their head.
    pub fn about(&self, action: Option<&EntityUid>) -> &PolicySet {
        action.and_then(|action| self.about.get(action)).unwrap_or(&self.whole)
    }
}

fn concerns(policy: &Policy, action: &EntityUid) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == *action,
        ActionConstraint::In(named) => named.contains(action),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::str::FromStr as _;

    const POLICIES: &str = r#"
        @id("any") permit (principal, action, resource);
        @id("one") forbid (principal, action == Action::"see", resource);
        @id("two") forbid (principal, action in [Action::"see", Action::"cut"], resource);
    "#;

    fn named(set: &PolicySet) -> Vec<String> {
        let mut ids: Vec<_> = set.policies().filter_map(|policy| policy.annotation("id").map(str::to_owned)).collect();
        ids.sort();
        ids
    }

    fn narrowed(actions: &str) -> Narrowed {
        let (schema, _) = Schema::from_cedarschema_str(&format!("entity One; {actions}")).unwrap();
        Narrowed::new(&schema, PolicySet::from_str(POLICIES).unwrap()).unwrap()
    }

    fn about(narrowed: &Narrowed, action: &str) -> Vec<String> {
        named(narrowed.about(Some(&EntityUid::from_str(&format!("Action::\"{action}\"")).unwrap())))
    }

    const ACTIONS: &str = "action see, cut, other appliesTo { principal: One, resource: One };";

    #[test]
    fn a_question_goes_to_the_policies_whose_head_names_its_action_or_any() {
        let mut narrowed = narrowed(ACTIONS);
        assert_eq!(about(&narrowed, "see"), ["any", "one", "two"]);
        assert_eq!(about(&narrowed, "cut"), ["any", "two"]);
        assert_eq!(about(&narrowed, "other"), ["any"]);
        assert_eq!(about(&narrowed, "unknown"), ["any", "one", "two"], "what is not known is asked of all");
        assert_eq!(named(narrowed.about(None)), ["any", "one", "two"]);
        let more = Policy::parse(None, r#"@id("more") forbid (principal, action == Action::"other", resource);"#);
        let more = more.unwrap().new_id(cedar_policy::PolicyId::new("more"));
        narrowed.add(more.clone()).unwrap();
        assert_eq!((about(&narrowed, "other"), about(&narrowed, "cut").len()), (vec!["any".into(), "more".into()], 2));
        assert_eq!(named(narrowed.whole()).len(), 4);
        assert!(narrowed.add(more).is_err(), "a name is taken once");
    }

    #[test]
    fn where_actions_hold_others_all_are_asked() {
        let narrowed = narrowed(
            "action all; action see, cut in [all] appliesTo { principal: One, resource: One }; \
             action other appliesTo { principal: One, resource: One };",
        );
        assert_eq!(about(&narrowed, "other"), ["any", "one", "two"]);
    }
}
