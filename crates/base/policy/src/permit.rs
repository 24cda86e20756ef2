//! A hospital's own permits: two people signed each file, it says until when, and no permit passes the isolation suite by luck.
//!
//! A permit opens something that Poterne keeps shut, so it is read more strictly than what only forbids. It says whom, where and
//! what it lets, never what it leaves out: with no negation in it, whatever makes one more condition true lets no less, so that
//! the first address of each range stands for the whole of it in [`crate::isolation`]. Signatures are verified by whoever reads
//! the files, with keys that the node's configuration names; here it is seen that two people stand behind each file.

use crate::{
    BadPolicies,
    own::{
        actions, asks_for_address, can_be, in_range, mentions, never_applies, parsed, path, ranked, scope, sides,
        under_its_name, unknown, without_reason,
    },
};
use cedar_policy::{Effect, Policy, PolicySet, Schema};
use jiff::{Span, civil::Date, tz::TimeZone};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};
use types::{EstablishmentId, Time};

/// Files at most.
pub const PERMIT_FILES_MAX: usize = 8;
/// Permits at most, in all files.
pub const PERMITS_MAX: usize = 16;
/// A permit ends at most this many days ahead: whoever signs it again looks at it again.
pub const PERMIT_DAYS_MAX: u64 = 366;
/// People who sign each file, at least.
pub const SIGNERS_MIN: usize = 2;
/// Signatures of a file at most.
pub const SIGNATURES_MAX: usize = 8;

/// What a permit of a hospital's own may let somebody do. An act that is not here is refused, whatever it is.
pub const MAY_BE_PERMITTED: &[&str] = &[
    "see_interventions",
    "see_intervention",
    "withdraw",
    "open",
    "close",
    "cut",
    "watch",
    "replay",
    "see_equipment",
    "see_rules",
];

/// What no permit ever lets anybody do, and why. A test asks that each act of people is here or in [`MAY_BE_PERMITTED`].
pub const NEVER_PERMITTED: &[(&str, &str)] = &[
    ("see_people", "who is whose is known by his relations, which a file does not replace"),
    ("see_person", "a record opens by a relation to its patient, which a file does not replace"),
    ("read_object", "a record opens by a relation to its patient, which a file does not replace"),
    ("see_sightings", "who saw a record is told to its patient alone"),
    ("keep_session", "everybody has his own, and nobody another's"),
    ("keep_means", "everybody has his own, and nobody another's"),
    ("add_means", "it gives a way in"),
    ("approve_ssh", "it gives a way in"),
    ("request", "who asks is not who decides: the supplier's people ask"),
    ("approve", "it opens an equipment to a supplier: whoever answers for the equipment signs for it"),
    ("refuse", "whoever answers for the equipment decides"),
    ("extend", "it opens an equipment to a supplier for longer: whoever answers for the equipment signs for it"),
    ("hold", "it keeps others from cutting: whoever answers for the equipment signs for it"),
    ("open_relay", "an equipment is reached by the technicians named for it, and nobody else"),
    ("manage_equipment", "it says who answers for an equipment, and so who decides"),
    ("manage_means", "it vouches for others' signatures, and takes their ways in"),
    ("see_accounts", "it is where rights are given; whoever sees it there acts there"),
    ("manage_accounts", "it gives rights back, and takes them"),
    ("give_accounts", "it gives rights"),
    ("suspend_accounts", "whoever suspends those who look is not seen"),
    ("confirm_accounts", "it gives rights"),
    ("set_sessions", "it changes how long everybody's session stays open"),
    ("search_traces", "traces are for their controller alone"),
    ("see_retention", "traces are for their controller alone"),
    ("set_retention", "traces are for their controller alone"),
];

/// A file whose signatures were verified: whoever makes one has done so.
#[derive(Debug, Clone)]
pub struct SignedFile {
    /// Its name.
    pub name: String,
    /// Its text, the very one that was signed.
    pub text: String,
    /// Who signed it.
    pub signatures: Vec<Signature>,
}

/// A signature of a file, verified.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Who, as the node's configuration names him.
    pub signer: String,
    /// His public key, as OpenSSH writes it.
    pub key: String,
    /// The file that holds it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A permit in force until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// Its `@id`.
    pub id: String,
    /// The last day on which it permits, as it is written: 2027-06-30.
    pub last_day: String,
    /// First moment at which it permits nothing any more: the end of that day, UTC.
    pub until: Time,
    /// Who signed it.
    pub signed_by: Vec<String>,
}

impl Permit {
    /// Whether it permits nothing any more.
    pub fn ended(&self, now: Time) -> bool {
        now >= self.until
    }
}

/// A permit that was read.
pub(crate) struct Read {
    pub policy: Policy,
    pub file: String,
    pub line: usize,
    pub permit: Permit,
}

impl Read {
    /// Where it stands, for whoever must mend it.
    pub fn place(&self) -> String {
        format!("{}, line {}: policy {}", self.file, self.line, self.permit.id)
    }
}

/// What is wrong with who signed these files.
pub(crate) fn unsigned(files: &[SignedFile]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let people: BTreeSet<&str> = file.signatures.iter().map(|one| one.signer.as_str()).collect();
        let keys: BTreeSet<&str> = file.signatures.iter().map(|one| one.key.as_str()).collect();
        if people.len().min(keys.len()) < SIGNERS_MIN {
            wrong.push(format!("{}: it needs the signatures of {SIGNERS_MIN} different people", file.name));
        }
    }
    wrong
}

/// Reads them; everything that is wrong is told at once, a line each. `of` is the node's establishments, where they are known.
pub(crate) fn read(
    schema: &Schema,
    files: &[(&str, &str)],
    of: Option<&[EstablishmentId]>,
    now: Time,
) -> Result<Vec<Read>, BadPolicies> {
    let (mut wrong, mut found) = (Vec::new(), Vec::new());
    if files.len() > PERMIT_FILES_MAX {
        wrong.push(format!("{} files of permits: at most {PERMIT_FILES_MAX}", files.len()));
    }
    for (file, text) in files.iter().take(PERMIT_FILES_MAX) {
        match parsed(text) {
            Ok(set) if set.is_empty() => wrong.push(format!("{file}: there is no policy in it")),
            Ok(set) => found
                .extend(set.policies().filter_map(|policy| one((schema, of, now), (file, text), policy, &mut wrong))),
            Err(mistake) => wrong.push(format!("{file}: {mistake}")),
        }
    }
    if found.len() > PERMITS_MAX {
        wrong.push(format!("{} permits: at most {PERMITS_MAX}", found.len()));
    }
    let mut set = PolicySet::new();
    for read in &found {
        if set.add(read.policy.clone()).is_err() {
            wrong.push(format!("two policies are named {}", read.permit.id));
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(BadPolicies::new(wrong)) }
}

fn one(
    (schema, of, now): (&Schema, Option<&[EstablishmentId]>, Time),
    (file, text): (&str, &str),
    policy: &Policy,
    wrong: &mut Vec<String>,
) -> Option<Read> {
    let (id, policy) = match under_its_name(policy) {
        Ok(named) => named,
        Err(mistake) => {
            wrong.push(format!("{file}: {mistake}"));
            return None;
        }
    };
    let line = line_of(text, &id);
    let (mistakes, end) = mistakes((schema, of, now), &policy);
    wrong.extend(mistakes.into_iter().map(|mistake| format!("{file}, line {line}: policy {id}: {mistake}")));
    let (last_day, until) = end?;
    let permit = Permit { id, last_day, until, signed_by: Vec::new() };
    Some(Read { policy, file: file.to_owned(), line, permit })
}

/// Where a policy begins to be named; the first line if its name is written in another way.
fn line_of(text: &str, id: &str) -> usize {
    let before = text.find(&format!("\"{id}\"")).and_then(|at| text.get(..at)).unwrap_or_default();
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}

type End = Option<(String, Time)>;

fn mistakes((schema, of, now): (&Schema, Option<&[EstablishmentId]>, Time), policy: &Policy) -> (Vec<String>, End) {
    let mut wrong: Vec<String> = without_reason(policy).into_iter().collect();
    let end = last_day(policy.annotation("until"), now).map_err(|mistake| wrong.push(mistake)).ok();
    if policy.effect() == Effect::Forbid {
        wrong.push("it forbids; what forbids stands in own_folder, and needs no signature".to_owned());
    }
    let Ok(json) = policy.to_json() else {
        wrong.push("it cannot be read".to_owned());
        return (wrong, end);
    };
    wrong.extend(scope(&json));
    let actions = actions(&json);
    for action in actions.iter().filter(|action| !MAY_BE_PERMITTED.contains(&action.as_str())) {
        let why =
            NEVER_PERMITTED.iter().find(|(act, _)| act == action).map_or("it is no act of people", |(_, why)| why);
        wrong.push(format!("{action} is never permitted by a policy of the hospital's own ({why}): leave it out"));
    }
    match bodies(&json) {
        Ok(bodies) => wrong.extend(conditions(&bodies, &actions, of)),
        Err(mistake) => wrong.push(mistake),
    }
    if wrong.is_empty() {
        wrong.extend(actions.iter().flat_map(|action| never_applies(schema, &json, action)));
    }
    (wrong, end)
}

/// The last day that an `@until` tells, and the moment at which it is over.
fn last_day(told: Option<&str>, now: Time) -> Result<(String, Time), String> {
    let wanted = || {
        format!(
            "it needs an @until(\"2027-06-30\"): the last day on which it permits, at most {PERMIT_DAYS_MAX} days ahead"
        )
    };
    let told = told.ok_or_else(wanted)?;
    let day: Date = told.parse().ok().filter(|day: &Date| day.to_string() == told).ok_or_else(wanted)?;
    let after = day.checked_add(Span::new().days(1)).and_then(|day| day.to_zoned(TimeZone::UTC));
    let until = Time::from_micros(after.map_err(|_| wanted())?.timestamp().as_microsecond());
    let latest = now + Duration::from_secs((PERMIT_DAYS_MAX + 1) * 86_400);
    if until > latest {
        return Err(format!("@until(\"{told}\") is more than {PERMIT_DAYS_MAX} days ahead: name an earlier day"));
    }
    Ok((told.to_owned(), until))
}

fn bodies(json: &Value) -> Result<Vec<&Value>, String> {
    let mut bodies = Vec::new();
    for condition in json.get("conditions").and_then(Value::as_array).into_iter().flatten() {
        if condition.get("kind").and_then(Value::as_str) != Some("when") {
            return Err(says_what_it_lets());
        }
        bodies.push(condition.get("body").ok_or_else(unknown)?);
    }
    Ok(bodies)
}

fn says_what_it_lets() -> String {
    "a permit says what it lets, not what it leaves out: write it with `when`, without `unless`, `!`, `!=` or `<`"
        .to_owned()
}

/// What is wrong with its conditions, and which of those that it must have it has not.
fn conditions(bodies: &[&Value], actions: &[String], of: Option<&[EstablishmentId]>) -> Vec<String> {
    let mut wrong: Vec<String> = bodies.iter().filter_map(|body| lets(body, actions, of).err()).collect();
    let mut needed = Vec::new();
    bodies.iter().for_each(|body| together(body, &mut needed));
    let says = |looked_at: &str| {
        needed.iter().any(|one| {
            let sides = sides(one, "==").or_else(|| sides(one, "contains").map(|(set, one)| (one, set)));
            sides.is_some_and(|(left, _)| path(left).as_deref() == Some(looked_at))
        })
    };
    for (looked_at, example, why) in [
        (
            "principal.role",
            "principal.role == \"dpo\"",
            "an account's role may change, and the permit must not follow it",
        ),
        ("context.door", "context.door == \"desk\"", "each door shows what is its own"),
        (
            "principal.establishment",
            "principal.establishment == Establishment::\"…\"",
            "what was signed for one hospital must serve in no other; its identifier is in the node's configuration",
        ),
    ] {
        if !says(looked_at) {
            wrong.push(format!("it must say `{example}`, joined to the rest by `&&`: {why}"));
        }
    }
    wrong
}

/// The conditions that must all hold.
fn together<'v>(json: &'v Value, all: &mut Vec<&'v Value>) {
    match sides(json, "&&") {
        Some((left, right)) => {
            together(left, all);
            together(right, all);
        }
        None => all.push(json),
    }
}

/// Whether an expression is made of conditions that let: each, once true, makes the whole no falser.
fn lets(json: &Value, actions: &[String], of: Option<&[EstablishmentId]>) -> Result<(), String> {
    for word in ["&&", "||"] {
        if let Some((left, right)) = sides(json, word) {
            lets(left, actions, of)?;
            return lets(right, actions, of);
        }
    }
    if ["!", "!=", "<", "<="].iter().any(|word| json.get(word).is_some()) {
        return Err(says_what_it_lets());
    }
    if let Some((left, right)) = sides(json, "==") {
        return equal(left, right, actions, of);
    }
    if let Some((set, one)) = sides(json, "contains") {
        if let (Some("resource.beneficiaries" | "resource.technicians"), Some("principal")) =
            (path(set).as_deref(), path(one).as_deref())
        {
            return Ok(());
        }
        let all = set.get("Set").and_then(Value::as_array).filter(|all| !all.is_empty()).ok_or_else(unknown)?;
        return all.iter().try_for_each(|value| equal(one, value, actions, of));
    }
    if let Some((left, right)) = sides(json, ">=") {
        return ranked(left, right);
    }
    if let Some(asked) = json.get("has") {
        return asks_for_address(asked);
    }
    if let Some([address, range]) = json.get("isInRange").and_then(Value::as_array).map(Vec::as_slice) {
        return in_range(address, range);
    }
    if path(json).as_deref() == Some("principal.fresh") { Ok(()) } else { Err(unknown()) }
}

fn equal(left: &Value, right: &Value, actions: &[String], of: Option<&[EstablishmentId]>) -> Result<(), String> {
    let looked_at = path(left).ok_or_else(unknown)?;
    match (looked_at.as_str(), path(right).as_deref()) {
        ("resource.supplier", Some("principal.supplier")) | ("principal.supplier", Some("resource.supplier")) => Ok(()),
        ("principal.establishment", _) => establishment(right, of),
        ("resource.supplier", _) if actions.iter().any(|action| action == "see_intervention") => {
            Err("see_intervention is asked for whole lists: a supplier is its own (`resource.supplier == \
             principal.supplier`) or is not looked at"
                .to_owned())
        }
        ("principal.role" | "principal" | "context.door" | "resource.supplier", _) if !mentions(right, "resource") => {
            can_be(&looked_at, right)
        }
        _ => Err(unknown()),
    }
}

fn establishment(value: &Value, of: Option<&[EstablishmentId]>) -> Result<(), String> {
    let entity = value.pointer("/Value/__entity").ok_or_else(unknown)?;
    let text = |key: &str| entity.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, id) = (text("type"), text("id"));
    let Some(named) = id.parse::<EstablishmentId>().ok().filter(|_| kind == "Establishment") else {
        return Err(format!(
            "principal.establishment is never {kind}::{id:?}: name it by its identifier of 26 characters, which is in the \
             node's configuration"
        ));
    };
    if of.is_none_or(|of| of.contains(&named)) {
        Ok(())
    } else {
        Err(format!("it is for another establishment ({named}); this node has none so named"))
    }
}
