//! Why somebody may, or may not: the policies asked about a person who is only supposed.
//!
//! Nothing here is a proof, and nothing can be made of it: [`Supposed`] is plain values, the answer is words. Cedar is asked for
//! each condition by itself; what is not known (which intervention, whose record) stays open and is said.

use crate::{
    Ask, Denied, Facts, Matter, Policies, Relation,
    asking::{Asker, Asking, matter_entity, purpose_of, uid},
    condition::{Condition, Leaf, Need, Settled, Unread, gathered},
    own::{actions, mentions},
    permit::Permit,
};
use cedar_policy::{Decision, Effect, Entities, Entity, EntityUid, Policy, PolicySet, Request};
use identity::Assurance;
use serde::Serialize;
use std::cell::Cell;
use types::{
    AccountId, Actor, Category, ClientAddress, Confidentiality, Door, EstablishmentId, PatientId, Role, SupplierId,
    Time,
};

/// Somebody supposed.
#[derive(Debug, Clone)]
pub struct Supposed {
    /// Who; somebody made up if it does not matter.
    pub account: AccountId,
    /// In which role.
    pub role: Role,
    /// Of which hospital.
    pub establishment: EstablishmentId,
    /// Whose person he is, if a supplier's.
    pub supplier: Option<SupplierId>,
    /// Through which door.
    pub door: Door,
    /// How firmly he is recognized.
    pub assurance: Assurance,
    /// Whether he proved who he is less than ten minutes ago.
    pub fresh: bool,
    /// From where; nothing if that is not known.
    pub address: Option<ClientAddress>,
    /// Whose records concern him; nothing if that is not known.
    pub relations: Option<Vec<Relation>>,
}

/// What it is about.
#[derive(Debug, Clone)]
pub enum Target {
    /// Not said: what depends on it stays open.
    Any,
    /// A patient's record; of an object, its kind and its mark.
    Record(PatientId, Category, Confidentiality),
    /// An intervention.
    Matter(Matter),
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// He may.
    Yes,
    /// He may where what is said holds.
    Where,
    /// He may not.
    No,
}

/// A policy, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Its `@id`.
    pub policy: String,
    /// The hospital's reason, if it is the hospital's own.
    pub because: Option<String>,
    /// Who signed it and until when it permits, if it is a permit of the hospital's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
    /// What remains to be seen, or does not hold; nothing if nothing does.
    pub need: Option<Need>,
}

/// Who stands behind a permit of the hospital's own, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Who signed it.
    pub by: Vec<String>,
    /// The last day on which it permits: 2027-06-30.
    pub last_day: String,
    /// Whole days that remain; nothing once it has ended.
    pub days_left: Option<u64>,
}

impl Signed {
    fn of(permit: &Permit, now: Time) -> Self {
        let left = (!permit.ended(now)).then(|| permit.until.since(now).as_secs() / 86_400);
        Self { by: permit.signed_by.clone(), last_day: permit.last_day.clone(), days_left: left }
    }
}

/// The whole answer.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// What was asked.
    pub action: Ask,
    /// The answer.
    pub verdict: Verdict,
    /// What permits it, with what remains to be seen.
    pub permits: Vec<Cause>,
    /// What forbids it; with a need, unless that holds.
    pub forbids: Vec<Cause>,
    /// Of what would permit it and does not, the nearest: what does not hold.
    pub misses: Vec<Cause>,
}

/// At which door, and how, a role may do something at best.
#[derive(Debug, Clone, Serialize)]
pub struct Way {
    /// The door.
    #[serde(serialize_with = "word")]
    pub door: Door,
    /// The least rank of recognition that is enough: a token's, two factors, a passkey's.
    #[serde(serialize_with = "rank")]
    pub assurance: Assurance,
    /// Whether it asks for a proof less than ten minutes old.
    pub fresh: bool,
    /// The answer then.
    pub explanation: Explanation,
}

fn word<S: serde::Serializer>(door: &Door, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(door.as_str())
}

fn rank<S: serde::Serializer>(assurance: &Assurance, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(assurance.rank())
}

/// A policy as people read it.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyText {
    /// Its `@id`.
    pub id: String,
    /// Whether it forbids.
    pub forbids: bool,
    /// The rules it says it serves.
    pub rules: Vec<String>,
    /// The hospital's reason, if it is the hospital's.
    pub because: Option<String>,
    /// Who signed it and until when it permits, if it is a permit of the hospital's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
    /// Its text.
    pub text: String,
}

/// A policy taken apart.
struct Part {
    id: String,
    because: Option<String>,
    forbids: bool,
    actions: Vec<String>,
    /// A policy that says yes to whom and what the part speaks of, whatever its conditions.
    scope: PolicySet,
    conditions: Condition,
}

/// The policies taken apart, to be asked about people.
pub struct Explainer<'a> {
    policies: &'a Policies,
    parts: Vec<Part>,
}

/// The one question, put to Cedar.
struct Put<'a> {
    explainer: &'a Explainer<'a>,
    request: Request,
    entities: Entities,
    /// Which variables and attributes are not known.
    resource_open: bool,
    relations_open: bool,
    address_open: bool,
    /// Whether something looked at was not known, and whether something could not be evaluated.
    left_open: Cell<bool>,
    failed: Cell<bool>,
}

/// From the least to the most that is asked of somebody. A token is never fresh.
const TRIES: [(Assurance, bool); 5] = [
    (Assurance::Token, false),
    (Assurance::TwoFactors, false),
    (Assurance::Passkey, false),
    (Assurance::TwoFactors, true),
    (Assurance::Passkey, true),
];
const RELATIONS: [&str; 4] = ["own", "mandated_results", "mandated_documents", "in_care"];

impl Policies {
    /// The policies taken apart.
    pub fn explainer(&self) -> Result<Explainer<'_>, Unread> {
        let mut parts = Vec::new();
        for policy in self.set.policies() {
            let json = policy.to_json().map_err(|_| Unread)?;
            parts.push(Part {
                id: policy.id().to_string(),
                because: policy.annotation("because").map(str::to_owned),
                forbids: policy.effect() == Effect::Forbid,
                actions: actions(&json),
                scope: scope(&json).ok_or(Unread)?,
                conditions: Condition::of(&json)?,
            });
        }
        parts.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Explainer { policies: self, parts })
    }

    /// Every policy, the hospital's own first, each kind in the order of its names; permits that have ended say so.
    pub fn read(&self, now: Time) -> Vec<PolicyText> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let mut all: Vec<PolicyText> = self
            .set
            .policies()
            .map(|policy| PolicyText {
                id: policy.id().to_string(),
                forbids: policy.effect() == Effect::Forbid,
                rules: policy.annotation("rules").map(words).unwrap_or_default(),
                because: policy.annotation("because").map(str::to_owned),
                signed: self.permit(policy.id().as_ref()).map(|permit| Signed::of(permit, now)),
                text: without_annotations(&policy.to_string()),
            })
            .collect();
        all.sort_by(|a, b| (a.because.is_none(), &a.id).cmp(&(b.because.is_none(), &b.id)));
        all
    }
}

/// Whom and what a policy speaks of, without its conditions.
fn scope(policy: &serde_json::Value) -> Option<PolicySet> {
    let mut bare = policy.clone();
    let fields = bare.as_object_mut()?;
    fields.insert("effect".to_owned(), "permit".into());
    fields.insert("conditions".to_owned(), serde_json::Value::Array(Vec::new()));
    PolicySet::from_policies([Policy::from_json(None, bare).ok()?]).ok()
}

/// A policy's text from its effect on: what stands before it is annotations, whose words are in brackets and quotes.
fn without_annotations(text: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
    for (place, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth -= 1,
            'p' | 'f' if depth == 0 && !named_so_far(text, place) => {
                let rest = text.get(place..).unwrap_or_default();
                if ["permit", "forbid"].iter().any(|effect| rest.starts_with(effect)) {
                    return rest.to_owned();
                }
            }
            _ => {}
        }
    }
    text.to_owned()
}

/// Whether the letter at this place goes on a word, or an annotation's name.
fn named_so_far(text: &str, place: usize) -> bool {
    let before = text.get(..place).and_then(|before| before.chars().last());
    before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '@')
}

impl Explainer<'_> {
    /// Why `who` may, or may not, at `now`. What an act asks for before it is asked for here too.
    pub fn explain(&self, who: &Supposed, ask: Ask, target: &Target, now: Time) -> Result<Explanation, Denied> {
        let mut answer = self.alone(who, ask, target, now)?;
        let Some(first) = ask.first() else { return Ok(answer) };
        let first = self.alone(who, first, target, now)?;
        if first.verdict == Verdict::No {
            return Ok(Explanation { action: ask, ..first });
        }
        // What may yet forbid the first may yet forbid it all.
        let told = |cause: &Cause| answer.forbids.iter().any(|one| one.policy == cause.policy);
        let more: Vec<Cause> = first.forbids.into_iter().filter(|cause| !told(cause)).collect();
        if answer.verdict == Verdict::Yes && !more.is_empty() {
            answer.verdict = Verdict::Where;
        }
        if answer.verdict != Verdict::No {
            answer.forbids.extend(more);
        }
        Ok(answer)
    }

    /// One action by itself.
    fn alone(&self, who: &Supposed, ask: Ask, target: &Target, now: Time) -> Result<Explanation, Denied> {
        let put = self.put(who, ask, target, now)?;
        let mut answer =
            Explanation { action: ask, verdict: Verdict::No, permits: vec![], forbids: vec![], misses: vec![] };
        let ended = |part: &&Part| self.policies.permit(&part.id).is_some_and(|permit| permit.ended(now));
        let parts = self.parts.iter().filter(|part| !ended(part));
        for part in parts.filter(|part| part.concerns(ask) && put.within(part)) {
            let signed = self.policies.permit(&part.id).map(|permit| Signed::of(permit, now));
            let cause =
                |need| Cause { policy: part.id.clone(), because: part.because.clone(), signed: signed.clone(), need };
            match (part.forbids, part.conditions.settle(&mut |leaf| put.known(leaf))) {
                (false, Settled::Holds) => answer.permits.push(cause(None)),
                (false, Settled::Open(left)) => answer.permits.push(cause(Some(left.need()))),
                (false, Settled::Fails(need)) => answer.misses.push(cause(Some(need))),
                (true, Settled::Holds) => answer.forbids.push(cause(None)),
                (true, Settled::Open(left)) => answer.forbids.push(cause(Some(left.negated().need()))),
                (true, Settled::Fails(_)) => {}
            }
        }
        if put.failed.get() {
            return Err(Denied::Fault);
        }
        answer.conclude();
        put.agrees(answer.verdict, now)?;
        Ok(answer)
    }

    /// At which of these doors somebody may, with the least that each asks of him; none if he never may.
    pub fn ways(&self, who: &Supposed, doors: &[Door], ask: Ask, now: Time) -> Result<Vec<Way>, Denied> {
        let mut ways = Vec::new();
        for &door in doors {
            // What a token cannot, and a firmer proof can with fewer things that may yet forbid it, is another way.
            let mut fewest = usize::MAX;
            for (assurance, fresh) in TRIES {
                let supposed = Supposed { door, assurance, fresh, ..who.clone() };
                let explanation = self.explain(&supposed, ask, &Target::Any, now)?;
                if explanation.verdict != Verdict::No && explanation.forbids.len() < fewest {
                    fewest = explanation.forbids.len();
                    ways.push(Way { door, assurance, fresh, explanation });
                }
            }
        }
        Ok(ways)
    }

    /// The roles that may at all, at their doors, at best.
    pub fn roles(&self, who: &Supposed, ask: Ask, now: Time) -> Result<Vec<Role>, Denied> {
        let mut roles = Vec::new();
        for &role in Role::ALL {
            // Anybody of a supplier, as firmly recognized as can be: nothing but the role stands in the way.
            let supposed = Supposed {
                account: AccountId::from_bytes([0; 16]),
                role,
                supplier: Some(SupplierId::from_bytes([0; 16])),
                assurance: Assurance::Passkey,
                fresh: true,
                relations: None,
                address: None,
                ..who.clone()
            };
            for &door in role.doors() {
                let there = Supposed { door, ..supposed.clone() };
                if self.explain(&there, ask, &Target::Any, now)?.verdict != Verdict::No {
                    roles.push(role);
                    break;
                }
            }
        }
        Ok(roles)
    }

    /// Every condition of every policy, as Cedar writes it: what pages must have words for.
    pub fn phrases(&self) -> Vec<String> {
        let mut all = Vec::new();
        for part in &self.parts {
            part.conditions.leaves(&mut |leaf: &Leaf| all.push(leaf.text().to_owned()));
        }
        all.sort();
        all.dedup();
        all
    }

    fn put(&self, who: &Supposed, ask: Ask, target: &Target, now: Time) -> Result<Put<'_>, Denied> {
        let matter = match target {
            Target::Matter(matter) => Some(matter.clone()),
            _ => None,
        };
        let facts = Facts { relations: who.relations.clone().unwrap_or_default(), supplier: who.supplier, matter };
        let asker = Asker {
            actor: Actor::Account(who.account),
            establishment: Some(who.establishment),
            role: Some(who.role),
            door: Some(who.door),
            assurance: who.assurance,
            fresh: who.fresh,
            address: who.address,
        };
        let purpose = purpose_of(Some(who.role), ask.question());
        let asking = Asking::new(self.policies, asker, &facts, purpose, now)?;
        let (resource, entities) = resource(&asking, who, ask, target)?;
        let (request, entities) = asking.put(ask.as_str(), resource, entities)?.ok_or(Denied::Fault)?;
        let about_one = !matches!(
            ask,
            Ask::SeePeople
                | Ask::SeeInterventions
                | Ask::KeepSession
                | Ask::KeepMeans
                | Ask::AddMeans
                | Ask::ApproveSsh
                | Ask::Oversee(_)
        );
        Ok(Put {
            explainer: self,
            request,
            entities,
            resource_open: about_one && matches!(target, Target::Any),
            relations_open: who.relations.is_none(),
            address_open: who.address.is_none(),
            left_open: Cell::new(false),
            failed: Cell::new(false),
        })
    }
}

/// What it is about, as the policies see it; made up where it is not said.
fn resource(
    asking: &Asking<'_>,
    who: &Supposed,
    ask: Ask,
    target: &Target,
) -> Result<(EntityUid, Vec<Entity>), Denied> {
    let here = || Ok((uid("Establishment", &who.establishment.to_string())?, Vec::new()));
    let (patient, category, held) = match target {
        Target::Record(patient, category, mark) => (*patient, *category, *mark == Confidentiality::Held),
        _ => (PatientId::from_bytes([0; 16]), Category::Result, false),
    };
    match ask {
        Ask::SeePeople | Ask::SeeInterventions | Ask::Oversee(_) => here(),
        Ask::SeePerson | Ask::SeeSightings => {
            let person = asking.patient(patient)?;
            Ok((person.uid(), vec![person]))
        }
        Ask::ReadObject => asking.object_entity(asking.place_of(patient), patient, category, held),
        Ask::KeepSession | Ask::KeepMeans | Ask::AddMeans | Ask::ApproveSsh => asking.session(who.account),
        Ask::SeeIntervention | Ask::Matter(_) => matter_entity(&match target {
            Target::Matter(matter) => matter.clone(),
            _ => Matter {
                establishment: who.establishment,
                supplier: SupplierId::from_bytes([0; 16]),
                beneficiaries: Vec::new(),
                technicians: Vec::new(),
            },
        }),
    }
}

impl Part {
    /// A policy that names no action speaks of all of them.
    fn concerns(&self, ask: Ask) -> bool {
        self.actions.is_empty() || self.actions.iter().any(|action| action == ask.as_str())
    }
}

impl Put<'_> {
    fn within(&self, part: &Part) -> bool {
        let authorizer = &self.explainer.policies.authorizer;
        authorizer.is_authorized(&self.request, &part.scope, &self.entities).decision() == Decision::Allow
    }

    /// Where all that was looked at is known, a decision would say the same; an explanation of anything else is none.
    fn agrees(&self, verdict: Verdict, now: Time) -> Result<(), Denied> {
        if self.left_open.get() {
            return Ok(());
        }
        let allowed = self.explainer.policies.answer(&self.request, &self.entities, now)?;
        if allowed == (verdict == Verdict::Yes) { Ok(()) } else { Err(Denied::Fault) }
    }

    fn known(&self, leaf: &Leaf) -> Option<bool> {
        let looks_at = &leaf.expression;
        let open = self.resource_open && mentions(looks_at, "resource")
            || self.relations_open && RELATIONS.iter().any(|name| attribute(looks_at, "principal", name))
            || self.address_open && attribute(looks_at, "context", "address");
        let holds = if open {
            self.left_open.set(true);
            None
        } else {
            leaf.holds(&self.explainer.policies.authorizer, &self.request, &self.entities)
        };
        self.failed.set(self.failed.get() || !open && holds.is_none());
        holds
    }
}

/// Whether an expression looks at `variable.name`, or asks whether it is there.
fn attribute(json: &serde_json::Value, variable: &str, name: &str) -> bool {
    use serde_json::Value;
    let this = |access: &Value| {
        access.get("attr").and_then(Value::as_str) == Some(name)
            && access.pointer("/left/Var").and_then(Value::as_str) == Some(variable)
    };
    match json {
        Value::Object(map) => map.iter().any(|(key, value)| {
            ([".", "has"].contains(&key.as_str()) && this(value)) || attribute(value, variable, name)
        }),
        Value::Array(all) => all.iter().any(|value| attribute(value, variable, name)),
        _ => false,
    }
}

impl Explanation {
    fn conclude(&mut self) {
        let forbidden = self.forbids.iter().any(|cause| cause.need.is_none());
        let certain = self.permits.iter().any(|cause| cause.need.is_none());
        self.verdict = match (self.permits.is_empty(), forbidden) {
            (true, _) | (_, true) => Verdict::No,
            _ if certain && self.forbids.is_empty() => Verdict::Yes,
            _ => Verdict::Where,
        };
        if forbidden {
            self.forbids.retain(|cause| cause.need.is_none());
        }
        if certain {
            self.permits.retain(|cause| cause.need.is_none());
        }
        if self.verdict != Verdict::No || !self.permits.is_empty() {
            self.misses.clear();
        }
        // The nearest: those of which the least does not hold.
        let size = |cause: &Cause| cause.need.as_ref().map_or(0, Need::size);
        if let Some(least) = self.misses.iter().map(size).min() {
            self.misses.retain(|cause| size(cause) == least);
        }
        if self.permits.is_empty() {
            // What forbids what nothing permits is not what stands in the way.
            self.forbids.clear();
        }
    }

    /// All that remains to be seen, in one.
    pub fn need(&self) -> Option<Need> {
        let needs = |causes: &[Cause]| causes.iter().filter_map(|cause| cause.need.clone()).collect::<Vec<_>>();
        let mut all = needs(&self.forbids);
        let permits = needs(&self.permits);
        if permits.len() == self.permits.len() && !permits.is_empty() {
            all.push(gathered(permits, false));
        }
        (!all.is_empty()).then(|| gathered(all, true))
    }
}

impl Need {
    fn size(&self) -> usize {
        match self {
            Need::All(all) => all.iter().map(Need::size).sum(),
            Need::Any(any) => any.iter().map(Need::size).min().unwrap_or(0),
            Need::Is(_) | Need::Not(_) => 1,
        }
    }
}
