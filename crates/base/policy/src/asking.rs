//! One decision under way: who asks, and the world as the policies are shown it.

use crate::{Denied, Facts, Matter, MatterReach, OverseeAct, Policies, RelationKind, action::Question, scope::Grant};
use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};
use identity::{Assurance, Authenticated};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    str::FromStr,
};
use types::{
    AccountId, Actor, Category, ClientAddress, Confidentiality, Door, EstablishmentId, ObjectRef, PatientId, Purpose,
    Role, SupplierId, Time, limits::PAGE_OBJECTS_MAX,
};

/// Who asks, in plain values: those of a proof, or supposed by an explanation. No proof can be made of it.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub actor: Actor,
    pub establishment: Option<EstablishmentId>,
    pub role: Option<Role>,
    pub door: Option<Door>,
    pub assurance: Assurance,
    pub fresh: bool,
    pub address: Option<ClientAddress>,
}

impl Asker {
    pub fn of(who: &Authenticated, now: Time) -> Self {
        Self {
            actor: who.actor(),
            establishment: who.establishment(),
            role: who.role(),
            door: who.door(),
            assurance: who.assurance(),
            fresh: who.is_fresh(now),
            address: who.address(),
        }
    }

    fn account(&self) -> Option<AccountId> {
        match self.actor {
            Actor::Account(account) => Some(account),
            Actor::System(_) => None,
        }
    }
}

pub(crate) fn purpose_of(role: Option<Role>, question: Question) -> Purpose {
    match (question, role) {
        (
            Question::SignIn(_)
            | Question::OwnSession(_)
            | Question::OwnMeans(_)
            | Question::NewMeans(_)
            | Question::ApproveSsh(_),
            _,
        ) => Purpose::SignIn,
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
pub(crate) struct Asking<'a> {
    policies: &'a Policies,
    who: Asker,
    facts: &'a Facts,
    now: Time,
    /// The one who asks, with his relations in force, and whence: the same for every question of a decision.
    principal: Entity,
    context: Context,
}

pub(crate) type Grants = BTreeMap<PatientId, Grant>;

impl<'a> Asking<'a> {
    pub fn new(
        policies: &'a Policies,
        who: Asker,
        facts: &'a Facts,
        purpose: Purpose,
        now: Time,
    ) -> Result<Self, Denied> {
        let (principal, context) = (principal(&who, facts, now)?, context(&who, purpose)?);
        Ok(Self { policies, who, facts, now, principal, context })
    }

    /// What may be seen of records, and which interventions.
    pub fn whole(&self, question: Question) -> Result<(Grants, MatterReach), Denied> {
        match question {
            Question::Matters => Ok((Grants::new(), self.matters()?)),
            _ => Ok((self.answer(question)?, MatterReach::default())),
        }
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
            Question::ApproveSsh(account) => self.plainly("approve_ssh", self.session(account)?),
            Question::Oversee(act) => {
                let here = uid("Establishment", &self.who.establishment.ok_or(Denied::ByPolicy)?.to_string())?;
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
    pub fn matters(&self) -> Result<MatterReach, Denied> {
        let here = self.who.establishment.ok_or(Denied::ByPolicy)?;
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

    pub fn matter(&self, action: &str, matter: &Matter) -> Result<bool, Denied> {
        let (resource, entities) = matter_entity(matter)?;
        self.ask(action, resource, entities)
    }

    /// The same, with all that Cedar is shown held against the schema.
    pub fn matter_held(&self, action: &str, matter: &Matter) -> Result<bool, Denied> {
        let (resource, entities) = matter_entity(matter)?;
        self.ask_held(action, resource, entities)
    }

    fn plainly(&self, action: &str, (resource, entities): (EntityUid, Vec<Entity>)) -> Result<Grants, Denied> {
        self.ask(action, resource, entities)?.then(BTreeMap::new).ok_or(Denied::ByPolicy)
    }

    pub fn session(&self, account: types::AccountId) -> Result<(EntityUid, Vec<Entity>), Denied> {
        let session = uid("Session", "this")?;
        let holder = RestrictedExpression::new_entity_uid(uid("Account", &account.to_string())?);
        let entity = entity(session.clone(), [("account", holder)])?;
        Ok((session, vec![entity]))
    }

    /// Everybody that this actor may see; at most one page of people.
    fn people(&self) -> Result<Grants, Denied> {
        let here = self.who.establishment.ok_or(Denied::ByPolicy)?;
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

    /// Cedar's own answer for one object, with all that it is shown held against the schema.
    pub fn object(&self, object: &ObjectRef) -> Result<bool, Denied> {
        let held = object.confidentiality == Confidentiality::Held;
        let (resource, entities) =
            self.object_entity(Some(object.establishment), object.patient, object.category, held)?;
        self.ask_held("read_object", resource, entities)
    }

    fn ask_object(
        &self,
        place: Option<EstablishmentId>,
        patient: PatientId,
        category: Category,
        held: bool,
    ) -> Result<bool, Denied> {
        let (resource, entities) = self.object_entity(place, patient, category, held)?;
        self.ask("read_object", resource, entities)
    }

    pub fn object_entity(
        &self,
        place: Option<EstablishmentId>,
        patient: PatientId,
        category: Category,
        held: bool,
    ) -> Result<(EntityUid, Vec<Entity>), Denied> {
        let resource = uid("Object", "this")?;
        let attributes = [
            ("establishment", RestrictedExpression::new_entity_uid(establishment(place)?)),
            ("patient", RestrictedExpression::new_entity_uid(uid("Patient", &patient.to_string())?)),
            ("category", RestrictedExpression::new_string(category.as_str().to_owned())),
            ("held", RestrictedExpression::new_bool(held)),
        ];
        let object = entity(resource.clone(), attributes)?;
        Ok((resource, vec![object, self.patient(patient)?]))
    }

    pub fn place_of(&self, patient: PatientId) -> Option<EstablishmentId> {
        self.facts.relations.iter().find(|relation| relation.patient == patient).map(|relation| relation.establishment)
    }

    pub fn patient(&self, patient: PatientId) -> Result<Entity, Denied> {
        let place = RestrictedExpression::new_entity_uid(establishment(self.place_of(patient))?);
        entity(uid("Patient", &patient.to_string())?, [("establishment", place)])
    }

    /// Cedar's answer. What it is shown is made here, in the schema's own forms, and is not held against the schema each time:
    /// that would be most of what a question costs. Builds for tests do hold it, and [`Self::ask_held`] always does.
    pub fn ask(&self, action: &str, resource: EntityUid, entities: Vec<Entity>) -> Result<bool, Denied> {
        debug_assert!(
            self.put(action, resource.clone(), entities.clone()).is_ok(),
            "what {action} is asked with is not of the schema's forms"
        );
        self.ask_made_up(action, resource, entities)
    }

    /// The same, of an isolation suite's thousands of questions, which tests do not hold each time either.
    pub fn ask_made_up(&self, action: &str, resource: EntityUid, mut entities: Vec<Entity>) -> Result<bool, Denied> {
        // A request outside the schema (a system actor asking for a record) is a no, like any other.
        let Some(request) = self.request(action, resource)? else { return Ok(false) };
        entities.push(self.principal.clone());
        let entities = Entities::from_entities(entities, None).map_err(|_| Denied::Fault)?;
        self.policies.answer(&request, &entities, self.now)
    }

    /// The same answer, asked of all policies, with all that Cedar is shown held against the schema.
    pub fn ask_held(&self, action: &str, resource: EntityUid, entities: Vec<Entity>) -> Result<bool, Denied> {
        let Some((request, entities)) = self.put(action, resource, entities)? else { return Ok(false) };
        self.policies.answer_whole(&request, &entities, self.now)
    }

    /// The question alone; nothing if the schema knows no such one.
    fn request(&self, action: &str, resource: EntityUid) -> Result<Option<Request>, Denied> {
        let (who, action) = (self.principal.uid(), uid("Action", action)?);
        Ok(Request::new(who, action, resource, self.context.clone(), Some(&self.policies.schema)).ok())
    }

    /// The question as Cedar takes it; nothing if the schema knows no such one.
    pub fn put(
        &self,
        action: &str,
        resource: EntityUid,
        mut entities: Vec<Entity>,
    ) -> Result<Option<(Request, Entities)>, Denied> {
        let Some(request) = self.request(action, resource)? else { return Ok(None) };
        entities.push(self.principal.clone());
        let entities = Entities::from_entities(entities, Some(&self.policies.schema)).map_err(|_| Denied::Fault)?;
        Ok(Some((request, entities)))
    }
}

fn context(who: &Asker, purpose: Purpose) -> Result<Context, Denied> {
    let door = who.door.map_or("none", Door::as_str);
    let mut pairs = vec![
        ("door".to_owned(), RestrictedExpression::new_string(door.to_owned())),
        ("purpose".to_owned(), RestrictedExpression::new_string(purpose.as_str().to_owned())),
    ];
    if let Some(address) = who.address {
        pairs.push(("address".to_owned(), RestrictedExpression::new_ip(address.ip().to_string())));
    }
    Context::from_pairs(pairs).map_err(|_| Denied::Fault)
}

fn principal(who: &Asker, facts: &Facts, now: Time) -> Result<Entity, Denied> {
    let account = match who.actor {
        Actor::System(actor) => return entity(uid("System", actor.as_str())?, []),
        Actor::Account(account) => account,
    };
    let home = RestrictedExpression::new_entity_uid(establishment(who.establishment)?);
    let role = who.role.map_or("none", Role::as_str).to_owned();
    let covers =
        |kind: &RelationKind, wanted| matches!(kind, RelationKind::Mandate { covers } if covers.contains(&wanted));
    entity(
        uid("Account", &account.to_string())?,
        [
            ("establishment", home),
            ("role", RestrictedExpression::new_string(role)),
            ("assurance", RestrictedExpression::new_long(who.assurance.rank().into())),
            ("fresh", RestrictedExpression::new_bool(who.fresh)),
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

pub(crate) fn uid(kind: &str, id: &str) -> Result<EntityUid, Denied> {
    let kind = cedar_policy::EntityTypeName::from_str(kind).map_err(|_| Denied::Fault)?;
    Ok(EntityUid::from_type_name_and_id(kind, cedar_policy::EntityId::new(id)))
}

fn entity<const N: usize>(uid: EntityUid, attributes: [(&str, RestrictedExpression); N]) -> Result<Entity, Denied> {
    let attributes: HashMap<String, RestrictedExpression> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(|_| Denied::Fault)
}

/// An intervention, or what comes of it, as the policies see it.
pub(crate) fn matter_entity(matter: &Matter) -> Result<(EntityUid, Vec<Entity>), Denied> {
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
    let matter = entity(resource.clone(), attributes)?;
    Ok((resource, vec![matter]))
}
