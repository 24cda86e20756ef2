//! The decision: Cedar asked with the facts, its answers turned into a [`Scope`].

use crate::{
    Action, Authorized, Facts, Matter, MatterReach, OverseeAct, RelationKind, Scope, Subject, action::Question,
    check::checked, scope::Grant,
};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression, Schema,
};
use identity::Authenticated;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    str::FromStr,
    time::Duration,
};
use types::{
    AccountId, Actor, Category, Confidentiality, EstablishmentId, ObjectRef, PatientId, Purpose, Role, SupplierId,
    Time,
    limits::{AUTHORIZED_SECONDS_MAX, PAGE_OBJECTS_MAX},
};

include!(concat!(env!("OUT_DIR"), "/policies.rs"));
const SCHEMA: &str = include_str!("../../../../policies/poterne.cedarschema");

/// The policies do not hold together; the node must not start.
#[derive(Debug, thiserror::Error)]
#[error("the policies are not valid:\n{}", .0.join("\n"))]
pub struct BadPolicies(Vec<String>);

/// The answer is no. Why is for the journal, never for the page: absent and forbidden look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The proof of who acts is past its expiry.
    #[error("the proof of identity has expired")]
    Expired,
    /// No policy permits it, or one forbids it.
    #[error("no policy permits it")]
    ByPolicy,
    /// A policy could not be evaluated; that is never a yes.
    #[error("a policy could not be evaluated")]
    Fault,
}

/// The validated policies.
pub struct Policies {
    schema: Schema,
    set: PolicySet,
    authorizer: Authorizer,
}

impl Policies {
    /// The policies that this program carries, validated again.
    pub fn built_in() -> Result<Self, BadPolicies> {
        Self::from_files(FILES)
    }

    /// What the program carries, as (name, text): the schema, then the policies in the order of their names.
    pub fn built_in_texts() -> impl Iterator<Item = (&'static str, &'static str)> {
        std::iter::once(("poterne.cedarschema", SCHEMA)).chain(FILES.iter().copied())
    }

    /// Policies given as (name, text): for the tests that show bad ones refused. Proofs come from the built-in ones only.
    #[doc(hidden)]
    pub fn from_files(files: &[(&str, &str)]) -> Result<Self, BadPolicies> {
        let (schema, set) = checked(SCHEMA, files).map_err(BadPolicies)?;
        Ok(Self { schema, set, authorizer: Authorizer::new() })
    }

    /// Each policy's `@id` with the rules it says it serves.
    pub fn rules_served(&self) -> Vec<(String, Vec<String>)> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let mut served: Vec<_> = self
            .set
            .policies()
            .map(|policy| (policy.id().to_string(), policy.annotation("rules").map(words).unwrap_or_default()))
            .collect();
        served.sort();
        served
    }

    /// Decides. The purpose follows from the role: nobody reads a record for a purpose that is not his.
    pub fn decide<A: Action>(
        &self,
        who: &Authenticated,
        action: A,
        facts: &Facts,
        now: Time,
    ) -> Result<Authorized<A>, Denied> {
        if now >= who.expires() {
            return Err(Denied::Expired);
        }
        let purpose = purpose_of(who, action.question());
        let asking = Asking::new(self, who, facts, purpose, now)?;
        let question = action.question();
        let (grants, matters) = match question {
            Question::Matters => (Grants::new(), asking.matters()?),
            _ => (asking.answer(question)?, MatterReach::default()),
        };
        let expires = who.expires().min(now + Duration::from_secs(AUTHORIZED_SECONDS_MAX));
        let scope = Scope::new(who.establishment(), grants, matters);
        Ok(Authorized::mint(action, Subject::of(who), purpose, scope, expires))
    }

    /// Cedar's own answer for one intervention, without any [`Scope`]: what [`Scope::admits_matter`] is compared with.
    pub fn decide_matter(&self, who: &Authenticated, matter: &Matter, facts: &Facts, now: Time) -> bool {
        let purpose = purpose_of(who, Question::Matters);
        let asking = Asking::new(self, who, facts, purpose, now);
        now < who.expires() && asking.is_ok_and(|asking| asking.matter("see_intervention", matter).unwrap_or(false))
    }

    /// Cedar's own answer for one object, without any [`Scope`]: what the scope is compared with, object by object.
    pub fn decide_object(&self, who: &Authenticated, object: &ObjectRef, facts: &Facts, now: Time) -> bool {
        let purpose = purpose_of(who, Question::Record(object.patient));
        let asking = Asking::new(self, who, facts, purpose, now);
        now < who.expires() && asking.is_ok_and(|asking| asking.object(object).unwrap_or(false))
    }
}

fn purpose_of(who: &Authenticated, question: Question) -> Purpose {
    match (question, who.role()) {
        (Question::SignIn(_) | Question::OwnSession(_) | Question::OwnMeans(_) | Question::NewMeans(_), _) => {
            Purpose::SignIn
        }
        (Question::Enrol(_) | Question::TakeLink(_) | Question::Follow(_) | Question::House, _) | (_, None) => {
            Purpose::Operation
        }
        (Question::Matters | Question::Matter(_), Some(Role::Technician | Role::SupplierManager)) => {
            Purpose::Maintenance
        }
        (Question::Matters | Question::Matter(_), Some(_)) => Purpose::Oversight,
        (
            Question::Oversee(
                OverseeAct::SearchTraces | OverseeAct::SeeRetention | OverseeAct::SetRetention | OverseeAct::SeeRules,
            ),
            Some(_),
        ) => Purpose::Control,
        (Question::Oversee(_), Some(_)) => Purpose::Oversight,
        (_, Some(Role::Patient)) => Purpose::OwnRecord,
        (_, Some(Role::Relative)) => Purpose::Representation,
        (_, Some(_)) => Purpose::Care,
    }
}

/// One decision under way.
struct Asking<'a> {
    policies: &'a Policies,
    who: &'a Authenticated,
    facts: &'a Facts,
    purpose: Purpose,
    now: Time,
    /// The one who asks, with his relations in force: the same for every question of a decision.
    principal: Entity,
}

type Grants = BTreeMap<PatientId, Grant>;

impl<'a> Asking<'a> {
    fn new(
        policies: &'a Policies,
        who: &'a Authenticated,
        facts: &'a Facts,
        purpose: Purpose,
        now: Time,
    ) -> Result<Self, Denied> {
        let principal = principal(who, facts, now)?;
        Ok(Self { policies, who, facts, purpose, now, principal })
    }

    fn answer(&self, question: Question) -> Result<Grants, Denied> {
        match question {
            Question::People => self.people(),
            Question::Record(patient) => {
                let grant = self.record(patient)?.ok_or(Denied::ByPolicy)?;
                Ok(BTreeMap::from([(patient, grant)]))
            }
            Question::Sightings(patient) => {
                let person = self.patient(patient)?;
                self.plainly("see_sightings", (person.uid(), vec![person]))
            }
            Question::OwnSession(account) => self.plainly("keep_session", self.session(account)?),
            Question::SignIn(place) => self.plainly("sign_in", (uid("Establishment", &place.to_string())?, vec![])),
            Question::Enrol(place) => self.plainly("enrol", (uid("Establishment", &place.to_string())?, vec![])),
            Question::TakeLink(place) => self.plainly("take_link", (uid("Establishment", &place.to_string())?, vec![])),
            Question::Follow(place) => {
                self.plainly("follow_directory", (uid("Establishment", &place.to_string())?, vec![]))
            }
            Question::House => self.plainly("keep_house", (uid("Establishment", "none")?, vec![])),
            Question::OwnMeans(account) => self.plainly("keep_means", self.session(account)?),
            Question::NewMeans(account) => self.plainly("add_means", self.session(account)?),
            Question::Oversee(act) => {
                let here = uid("Establishment", &self.who.establishment().ok_or(Denied::ByPolicy)?.to_string())?;
                self.plainly(act.as_str(), (here, vec![]))
            }
            Question::Matter(act) => {
                let matter = self.facts.matter.as_ref().ok_or(Denied::ByPolicy)?;
                self.matter(act.as_str(), matter)?.then(BTreeMap::new).ok_or(Denied::ByPolicy)
            }
            // Answered by `matters`: its answer is a reach, not grants.
            Question::Matters => Err(Denied::Fault),
        }
    }

    /// Cedar asked for the four ways to be concerned by an intervention.
    fn matters(&self) -> Result<MatterReach, Denied> {
        let here = self.who.establishment().ok_or(Denied::ByPolicy)?;
        self.plainly("see_interventions", (uid("Establishment", &here.to_string())?, vec![]))?;
        let nobody = SupplierId::from_bytes([0; 16]);
        let made_up = |supplier, beneficiaries: &[AccountId], technicians: &[AccountId]| Matter {
            establishment: here,
            supplier,
            beneficiaries: beneficiaries.to_vec(),
            technicians: technicians.to_vec(),
        };
        let sees = |matter: &Matter| self.matter("see_intervention", matter);
        let mut reach = MatterReach { all: sees(&made_up(nobody, &[], &[]))?, ..MatterReach::default() };
        let Some(me) = self.who.account() else { return Ok(reach) };
        reach.beneficiary = sees(&made_up(nobody, &[me], &[]))?.then_some(me);
        if let Some(supplier) = self.facts.supplier {
            reach.supplier = sees(&made_up(supplier, &[], &[]))?.then_some(supplier);
            reach.technician = sees(&made_up(supplier, &[], &[me]))?.then_some((supplier, me));
        }
        Ok(reach)
    }

    fn matter(&self, action: &str, matter: &Matter) -> Result<bool, Denied> {
        let accounts = |ids: &[AccountId]| {
            let uids = ids.iter().map(|id| uid("Account", &id.to_string()).map(RestrictedExpression::new_entity_uid));
            uids.collect::<Result<Vec<_>, _>>().map(RestrictedExpression::new_set)
        };
        let resource = uid("Matter", "this")?;
        let attributes = [
            ("establishment", RestrictedExpression::new_entity_uid(establishment(Some(matter.establishment))?)),
            ("supplier", RestrictedExpression::new_entity_uid(supplier(Some(matter.supplier))?)),
            ("beneficiaries", accounts(&matter.beneficiaries)?),
            ("technicians", accounts(&matter.technicians)?),
        ];
        self.ask(action, resource.clone(), vec![entity(resource, attributes)?])
    }

    fn plainly(&self, action: &str, (resource, entities): (EntityUid, Vec<Entity>)) -> Result<Grants, Denied> {
        self.ask(action, resource, entities)?.then(BTreeMap::new).ok_or(Denied::ByPolicy)
    }

    fn session(&self, account: types::AccountId) -> Result<(EntityUid, Vec<Entity>), Denied> {
        let session = uid("Session", "this")?;
        let holder = RestrictedExpression::new_entity_uid(uid("Account", &account.to_string())?);
        let entity = entity(session.clone(), [("account", holder)])?;
        Ok((session, vec![entity]))
    }

    /// Everybody that this actor may see; at most one page of people.
    fn people(&self) -> Result<Grants, Denied> {
        let here = self.who.establishment().ok_or(Denied::ByPolicy)?;
        self.plainly("see_people", (uid("Establishment", &here.to_string())?, vec![]))?;
        let mut grants = BTreeMap::new();
        for relation in self.facts.relations.iter().filter(|relation| relation.period.contains(self.now)) {
            if grants.len() >= PAGE_OBJECTS_MAX || grants.contains_key(&relation.patient) {
                continue;
            }
            if let Some(grant) = self.record(relation.patient)? {
                grants.insert(relation.patient, grant);
            }
        }
        Ok(grants)
    }

    /// What of this record may be seen: Cedar's answers over kinds × confidentialities; `None` if the person may not be
    /// seen at all. An unknown patient takes the same path as a forbidden one.
    fn record(&self, patient: PatientId) -> Result<Option<Grant>, Denied> {
        let person = self.patient(patient)?;
        if !self.ask("see_person", person.uid(), vec![person])? {
            return Ok(None);
        }
        let mut grant = Grant::default();
        for &category in Category::ALL {
            for &confidentiality in Confidentiality::ALL {
                let held = confidentiality == Confidentiality::Held;
                let place = self.place_of(patient);
                let allowed = self.ask_object(place, patient, category, held)?;
                grant.set(category, confidentiality, allowed);
            }
        }
        Ok(Some(grant))
    }

    fn object(&self, object: &ObjectRef) -> Result<bool, Denied> {
        let held = object.confidentiality == Confidentiality::Held;
        self.ask_object(Some(object.establishment), object.patient, object.category, held)
    }

    fn ask_object(
        &self,
        place: Option<EstablishmentId>,
        patient: PatientId,
        category: Category,
        held: bool,
    ) -> Result<bool, Denied> {
        let resource = uid("Object", "this")?;
        let attributes = [
            ("establishment", RestrictedExpression::new_entity_uid(establishment(place)?)),
            ("patient", RestrictedExpression::new_entity_uid(uid("Patient", &patient.to_string())?)),
            ("category", RestrictedExpression::new_string(category.as_str().to_owned())),
            ("held", RestrictedExpression::new_bool(held)),
        ];
        let object = entity(resource.clone(), attributes)?;
        self.ask("read_object", resource, vec![object, self.patient(patient)?])
    }

    fn place_of(&self, patient: PatientId) -> Option<EstablishmentId> {
        self.facts.relations.iter().find(|relation| relation.patient == patient).map(|relation| relation.establishment)
    }

    fn patient(&self, patient: PatientId) -> Result<Entity, Denied> {
        let place = RestrictedExpression::new_entity_uid(establishment(self.place_of(patient))?);
        entity(uid("Patient", &patient.to_string())?, [("establishment", place)])
    }

    fn ask(&self, action: &str, resource: EntityUid, mut entities: Vec<Entity>) -> Result<bool, Denied> {
        let principal = self.principal.clone();
        let door = self.who.door().map_or("none", types::Door::as_str);
        let context = Context::from_pairs([
            ("door".to_owned(), RestrictedExpression::new_string(door.to_owned())),
            ("purpose".to_owned(), RestrictedExpression::new_string(self.purpose.as_str().to_owned())),
        ])
        .map_err(|_| Denied::Fault)?;
        let action = uid("Action", action)?;
        let schema = Some(&self.policies.schema);
        // A request outside the schema (a system actor asking for a record) is a no, like any other.
        let Ok(request) = Request::new(principal.uid(), action, resource, context, schema) else { return Ok(false) };
        entities.push(principal);
        let entities = Entities::from_entities(entities, schema).map_err(|_| Denied::Fault)?;
        let response = self.policies.authorizer.is_authorized(&request, &self.policies.set, &entities);
        // A policy that could not be evaluated is skipped by Cedar; a skipped "forbid" must not open anything.
        if response.diagnostics().errors().next().is_some() {
            return Err(Denied::Fault);
        }
        Ok(response.decision() == Decision::Allow)
    }
}

fn principal(who: &Authenticated, facts: &Facts, now: Time) -> Result<Entity, Denied> {
    let account = match who.actor() {
        Actor::System(actor) => return entity(uid("System", actor.as_str())?, []),
        Actor::Account(account) => account,
    };
    let home = RestrictedExpression::new_entity_uid(establishment(who.establishment())?);
    let role = who.role().map_or("none", Role::as_str).to_owned();
    let covers =
        |kind: &RelationKind, wanted| matches!(kind, RelationKind::Mandate { covers } if covers.contains(&wanted));
    entity(
        uid("Account", &account.to_string())?,
        [
            ("establishment", home),
            ("role", RestrictedExpression::new_string(role)),
            ("assurance", RestrictedExpression::new_long(who.assurance().rank().into())),
            ("fresh", RestrictedExpression::new_bool(who.is_fresh(now))),
            ("own", related(facts, now, |kind| *kind == RelationKind::Own)?),
            ("mandated_results", related(facts, now, |kind| covers(kind, Category::Result))?),
            ("mandated_documents", related(facts, now, |kind| covers(kind, Category::Document))?),
            ("in_care", related(facts, now, |kind| *kind == RelationKind::Care)?),
            ("supplier", RestrictedExpression::new_entity_uid(supplier(facts.supplier)?)),
        ],
    )
}

/// The patients of the relations in force now that `wanted` picks.
fn related(facts: &Facts, now: Time, wanted: impl Fn(&RelationKind) -> bool) -> Result<RestrictedExpression, Denied> {
    let mut set = Vec::new();
    for relation in &facts.relations {
        if relation.period.contains(now) && wanted(&relation.kind) {
            set.push(RestrictedExpression::new_entity_uid(uid("Patient", &relation.patient.to_string())?));
        }
    }
    Ok(RestrictedExpression::new_set(set))
}

fn establishment(place: Option<EstablishmentId>) -> Result<EntityUid, Denied> {
    uid("Establishment", &place.map_or_else(|| "unknown".to_owned(), |id| id.to_string()))
}

fn supplier(supplier: Option<SupplierId>) -> Result<EntityUid, Denied> {
    uid("Supplier", &supplier.map_or_else(|| "none".to_owned(), |id| id.to_string()))
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Denied> {
    let kind = cedar_policy::EntityTypeName::from_str(kind).map_err(|_| Denied::Fault)?;
    Ok(EntityUid::from_type_name_and_id(kind, cedar_policy::EntityId::new(id)))
}

fn entity<const N: usize>(uid: EntityUid, attributes: [(&str, RestrictedExpression); N]) -> Result<Entity, Denied> {
    let attributes: HashMap<String, RestrictedExpression> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(|_| Denied::Fault)
}
