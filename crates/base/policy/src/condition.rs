//! A policy's conditions, taken apart: what is known of them settled by Cedar, what is left said.

use cedar_policy::{Authorizer, Decision, Entities, Policy, PolicySet, Request};
use serde_json::{Value, json};

/// What must hold, or must not, in the words of the policies.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// All of these.
    All(Vec<Need>),
    /// One of these.
    Any(Vec<Need>),
    /// This, as Cedar writes it.
    Is(String),
    /// The contrary of this.
    Not(String),
}

/// Conditions as a tree with negations at its leaves only.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Leaf(Leaf),
}

/// One thing that Cedar is asked by itself.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    /// The expression, as JSON: to see what it looks at.
    pub expression: Value,
    text: String,
    wanted: bool,
    /// A policy that says yes if and only if the expression is true.
    asked: Box<PolicySet>,
}

/// What is known of a condition.
pub(crate) enum Settled {
    Holds,
    /// And what of it does not hold.
    Fails(Need),
    /// And what remains to be seen.
    Open(Condition),
}

/// A policy that Cedar reads and this does not: it never counts as explained.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a condition cannot be taken apart")]
pub struct Unread;

impl Condition {
    /// All conditions of a policy, given as JSON.
    pub fn of(policy: &Value) -> Result<Self, Unread> {
        let conditions = policy.get("conditions").and_then(Value::as_array).ok_or(Unread)?;
        let each = conditions.iter().map(|condition| {
            let wanted = match condition.get("kind").and_then(Value::as_str) {
                Some("when") => true,
                Some("unless") => false,
                _ => return Err(Unread),
            };
            Self::read(condition.get("body").ok_or(Unread)?, wanted)
        });
        Ok(Condition::All(each.collect::<Result<_, _>>()?))
    }

    fn read(expression: &Value, wanted: bool) -> Result<Self, Unread> {
        let sides = |word: &str| {
            let both = expression.get(word)?;
            Some((both.get("left")?, both.get("right")?))
        };
        if let Some(inner) = expression.get("!").and_then(|not| not.get("arg")) {
            return Self::read(inner, !wanted);
        }
        for (word, all) in [("&&", wanted), ("||", !wanted)] {
            if let Some((left, right)) = sides(word) {
                let both = vec![Self::read(left, wanted)?, Self::read(right, wanted)?];
                return Ok(if all { Condition::All(both) } else { Condition::Any(both) });
            }
        }
        Leaf::new(expression, wanted).map(Condition::Leaf)
    }

    /// The contrary.
    pub fn negated(self) -> Self {
        let each = |all: Vec<Condition>| all.into_iter().map(Condition::negated).collect();
        match self {
            Condition::All(all) => Condition::Any(each(all)),
            Condition::Any(any) => Condition::All(each(any)),
            Condition::Leaf(leaf) => Condition::Leaf(Leaf { wanted: !leaf.wanted, ..leaf }),
        }
    }

    /// Settles it; `known` says of each leaf whether it holds, or nothing if that is not known.
    pub fn settle(&self, known: &mut dyn FnMut(&Leaf) -> Option<bool>) -> Settled {
        match self {
            Condition::Leaf(leaf) => match known(leaf) {
                None => Settled::Open(self.clone()),
                Some(is) if is == leaf.wanted => Settled::Holds,
                Some(_) => Settled::Fails(leaf.need()),
            },
            Condition::All(all) => settle_all(all, known),
            Condition::Any(any) => settle_any(any, known),
        }
    }

    /// In words.
    pub fn need(&self) -> Need {
        let each = |all: &[Condition]| all.iter().map(Condition::need).collect();
        match self {
            Condition::All(all) => gathered(each(all), true),
            Condition::Any(any) => gathered(each(any), false),
            Condition::Leaf(leaf) => leaf.need(),
        }
    }

    /// Every leaf.
    pub fn leaves(&self, seen: &mut dyn FnMut(&Leaf)) {
        match self {
            Condition::Leaf(leaf) => seen(leaf),
            Condition::All(all) | Condition::Any(all) => all.iter().for_each(|one| one.leaves(seen)),
        }
    }
}

/// All that fails is said, not only the first: whoever asks why wants the whole answer.
fn settle_all(all: &[Condition], known: &mut dyn FnMut(&Leaf) -> Option<bool>) -> Settled {
    let (mut failing, mut open) = (Vec::new(), Vec::new());
    for one in all {
        match one.settle(known) {
            Settled::Holds => {}
            Settled::Fails(need) => failing.push(need),
            Settled::Open(left) => open.push(left),
        }
    }
    match (failing.is_empty(), open.pop()) {
        (false, _) => Settled::Fails(gathered(failing, true)),
        (true, None) => Settled::Holds,
        (true, Some(only)) if open.is_empty() => Settled::Open(only),
        (true, Some(last)) => {
            open.push(last);
            Settled::Open(Condition::All(open))
        }
    }
}

fn settle_any(any: &[Condition], known: &mut dyn FnMut(&Leaf) -> Option<bool>) -> Settled {
    let (mut failing, mut open) = (Vec::new(), Vec::new());
    for one in any {
        match one.settle(known) {
            Settled::Holds => return Settled::Holds,
            Settled::Fails(need) => failing.push(need),
            Settled::Open(left) => open.push(left),
        }
    }
    match open.pop() {
        None => Settled::Fails(gathered(failing, false)),
        Some(only) if open.is_empty() => Settled::Open(only),
        Some(last) => {
            open.push(last);
            Settled::Open(Condition::Any(open))
        }
    }
}

/// Without a level that says nothing: one among one, all of all.
pub(crate) fn gathered(needs: Vec<Need>, all: bool) -> Need {
    let mut flat = Vec::new();
    for need in needs {
        match need {
            Need::All(inner) if all => flat.extend(inner),
            Need::Any(inner) if !all => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match (flat.len(), flat.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            flat.extend(last);
            if all { Need::All(flat) } else { Need::Any(flat) }
        }
    }
}

impl Leaf {
    fn new(expression: &Value, wanted: bool) -> Result<Self, Unread> {
        let policy = json!({
            "effect": "permit", "principal": { "op": "All" }, "action": { "op": "All" }, "resource": { "op": "All" },
            "conditions": [{ "kind": "when", "body": expression }],
        });
        let policy = Policy::from_json(None, policy).map_err(|_| Unread)?;
        let text = policy.to_string();
        let (_, body) = text.split_once("when").ok_or(Unread)?;
        let body = body.trim().trim_start_matches('{').trim_end_matches(';').trim_end().trim_end_matches('}').trim();
        let text = bare(&body.split_whitespace().collect::<Vec<_>>().join(" ")).to_owned();
        let asked = Box::new(PolicySet::from_policies([policy]).map_err(|_| Unread)?);
        Ok(Self { expression: expression.clone(), text, wanted, asked })
    }

    fn need(&self) -> Need {
        if self.wanted { Need::Is(self.text.clone()) } else { Need::Not(self.text.clone()) }
    }

    /// As Cedar writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Cedar's own answer; nothing if it cannot be evaluated.
    pub fn holds(&self, authorizer: &Authorizer, request: &Request, entities: &Entities) -> Option<bool> {
        let response = authorizer.is_authorized(request, &self.asked, entities);
        let whole = response.diagnostics().errors().next().is_none();
        whole.then(|| response.decision() == Decision::Allow)
    }
}

/// Without the brackets around the whole of it.
fn bare(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else { return text };
    let mut depth = 0i32;
    for letter in inner.chars() {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return text;
        }
    }
    bare(inner.trim())
}
