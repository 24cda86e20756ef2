//! Who may ask what, of what: everybody that a permit could speak of.

use crate::{
    Ask, Denied, Facts, Matter, Policies, Relation, RelationKind,
    asking::{Asker, Asking, matter_entity, purpose_of, uid},
};
use cedar_policy::{Entities, Entity, EntityUid, Request};
use identity::Assurance;
use serde_json::Value;
use std::{collections::BTreeSet, fmt};
use types::{
    AccountId, Actor, Category, ClientAddress, Door, EstablishmentId, PatientId, Period, Role, SupplierId, Time,
};

const HERE: EstablishmentId = EstablishmentId::from_bytes([0xa1; 16]);
const ELSEWHERE: EstablishmentId = EstablishmentId::from_bytes([0xa2; 16]);
const ME: AccountId = AccountId::from_bytes([0xb1; 16]);
const SOMEBODY: AccountId = AccountId::from_bytes([0xb2; 16]);
const OURS: SupplierId = SupplierId::from_bytes([0xc1; 16]);
const THEIRS: SupplierId = SupplierId::from_bytes([0xc2; 16]);
const PATIENT: PatientId = PatientId::from_bytes([0xd1; 16]);
const ANOTHER: PatientId = PatientId::from_bytes([0xd2; 16]);

/// A token is never fresh.
const RECOGNIZED: [(Assurance, bool); 5] = [
    (Assurance::Token, false),
    (Assurance::TwoFactors, false),
    (Assurance::TwoFactors, true),
    (Assurance::Passkey, false),
    (Assurance::Passkey, true),
];

/// Whom and what a permit names.
#[derive(Debug, Default)]
pub(super) struct Literals {
    establishments: BTreeSet<EstablishmentId>,
    accounts: BTreeSet<AccountId>,
    suppliers: BTreeSet<SupplierId>,
    /// The first address of each range: it lies in all the ranges around it too.
    addresses: Vec<ClientAddress>,
}

impl Literals {
    pub fn of(policy: &Value) -> Self {
        let mut found = Self::default();
        found.gather(policy);
        found
    }

    fn gather(&mut self, json: &Value) {
        match json {
            Value::Object(map) => {
                if let Some(entity) = map.get("__entity") {
                    let text = |key: &str| entity.get(key).and_then(Value::as_str).unwrap_or_default();
                    match text("type") {
                        "Establishment" => self.establishments.extend(text("id").parse::<EstablishmentId>()),
                        "Account" => self.accounts.extend(text("id").parse::<AccountId>()),
                        "Supplier" => self.suppliers.extend(text("id").parse::<SupplierId>()),
                        _ => {}
                    }
                }
                if let Some(range) = map.get("ip").and_then(|ip| ip.pointer("/0/Value")).and_then(Value::as_str) {
                    let first = range.split('/').next().and_then(|address| address.parse().ok());
                    self.addresses.extend(first.map(ClientAddress::new));
                }
                map.values().for_each(|value| self.gather(value));
            }
            Value::Array(all) => all.iter().for_each(|value| self.gather(value)),
            _ => {}
        }
    }

    /// Where those who ask are at home: everywhere that is named, and somewhere that is not.
    fn homes(&self) -> Vec<EstablishmentId> {
        self.establishments.iter().copied().chain([HERE]).collect()
    }

    fn accounts(&self) -> Vec<AccountId> {
        self.accounts.iter().copied().chain([ME]).collect()
    }

    fn suppliers(&self) -> Vec<SupplierId> {
        self.suppliers.iter().copied().chain([OURS]).collect()
    }

    /// How many could ask, before any is made up: relations to a patient aside.
    pub fn people(&self) -> usize {
        let each = [self.homes().len(), self.suppliers().len() + 1, self.accounts().len(), self.addresses().len()];
        let places = Role::ALL.len() * DOORS.len() * RECOGNIZED.len();
        each.into_iter().fold(places, usize::saturating_mul)
    }

    fn addresses(&self) -> Vec<Option<ClientAddress>> {
        self.addresses.iter().copied().map(Some).chain([None]).collect()
    }
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub role: Role,
    pub door: Door,
    pub assurance: Assurance,
    pub fresh: bool,
    pub home: EstablishmentId,
    pub account: AccountId,
    pub supplier: Option<SupplierId>,
    pub address: Option<ClientAddress>,
    pub relation: Option<Relation>,
}

/// What it is about.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    Place(EstablishmentId),
    Person(PatientId),
    Object { patient: PatientId, place: EstablishmentId, category: Category, held: bool },
    Session(AccountId),
    Matter(Matter),
}

/// Where people come in.
const DOORS: [Door; 4] = [Door::Portal, Door::Suppliers, Door::Desk, Door::Relays];

/// Everybody; with the relations to a patient where records are asked for.
pub(super) fn everybody(literals: &Literals, records: bool) -> Vec<Who> {
    let mut all = Vec::new();
    for (role, door) in Role::ALL.iter().flat_map(|role| DOORS.map(|door| (*role, door))) {
        for home in literals.homes() {
            let relations = if records { relations(home) } else { vec![None] };
            let suppliers = literals.suppliers().into_iter().map(Some).chain([None]);
            for (supplier, account) in suppliers.flat_map(|one| literals.accounts().into_iter().map(move |a| (one, a)))
            {
                for (address, relation) in
                    literals.addresses().into_iter().flat_map(|one| relations.iter().map(move |r| (one, r.clone())))
                {
                    let who = |(assurance, fresh)| {
                        let relation = relation.clone();
                        Who { role, door, assurance, fresh, home, account, supplier, address, relation }
                    };
                    all.extend(RECOGNIZED.map(who));
                }
            }
        }
    }
    all
}

/// Every way to be related to the patient, or to another one.
fn relations(home: EstablishmentId) -> Vec<Option<Relation>> {
    let period = Period { from: Time::from_micros(i64::MIN), until: None };
    let to = |patient, establishment, kind| Some(Relation { patient, establishment, kind, period });
    let mandate = |covers: &[Category]| RelationKind::Mandate { covers: covers.iter().copied().collect() };
    let mut all = vec![None, to(ANOTHER, home, RelationKind::Own), to(PATIENT, home, mandate(&[]))];
    for place in [home, ELSEWHERE] {
        all.extend(
            [RelationKind::Own, RelationKind::Care, mandate(Category::ALL)].map(|kind| to(PATIENT, place, kind)),
        );
    }
    all.extend(Category::ALL.iter().map(|category| to(PATIENT, home, mandate(&[*category]))));
    all
}

impl Who {
    pub fn rank(&self) -> u8 {
        self.assurance.rank()
    }

    pub fn facts(&self) -> Facts {
        Facts { relations: self.relation.iter().cloned().collect(), supplier: self.supplier, matter: None }
    }

    pub fn asking<'a>(&self, policies: &'a Policies, facts: &'a Facts, ask: Ask) -> Result<Asking<'a>, Denied> {
        let asker = Asker {
            actor: Actor::Account(self.account),
            establishment: Some(self.home),
            role: Some(self.role),
            door: Some(self.door),
            assurance: self.assurance,
            fresh: self.fresh,
            address: self.address,
        };
        let purpose = purpose_of(Some(self.role), ask.question());
        Asking::new(policies, asker, facts, purpose, super::NOW)
    }

    /// All that this act could be about.
    pub fn things(&self, ask: Ask, literals: &Literals) -> Vec<Thing> {
        match ask {
            Ask::SeePeople | Ask::SeeInterventions | Ask::Oversee(_) => {
                vec![Thing::Place(self.home), Thing::Place(ELSEWHERE)]
            }
            Ask::SeePerson | Ask::SeeSightings => vec![Thing::Person(PATIENT)],
            Ask::ReadObject => {
                let mut all = Vec::new();
                for place in [self.home, ELSEWHERE] {
                    for category in Category::ALL {
                        all.extend([false, true].map(|held| Thing::Object {
                            patient: PATIENT,
                            place,
                            category: *category,
                            held,
                        }));
                    }
                }
                all
            }
            Ask::KeepSession | Ask::KeepMeans | Ask::AddMeans | Ask::ApproveSsh => {
                vec![Thing::Session(self.account), Thing::Session(SOMEBODY)]
            }
            Ask::SeeIntervention | Ask::Matter(_) => self.matters(literals),
        }
    }

    /// Whose an intervention may be, and what part somebody may have in it.
    fn matters(&self, literals: &Literals) -> Vec<Thing> {
        let suppliers: BTreeSet<SupplierId> =
            self.supplier.into_iter().chain(literals.suppliers()).chain([THEIRS]).collect();
        let part = |is: bool| if is { vec![self.account, SOMEBODY] } else { vec![SOMEBODY] };
        let mut all = Vec::new();
        for establishment in [self.home, ELSEWHERE] {
            for supplier in &suppliers {
                for (answers, works) in [(false, false), (false, true), (true, false), (true, true)] {
                    let (beneficiaries, technicians) = (part(answers), part(works));
                    all.push(Thing::Matter(Matter { establishment, supplier: *supplier, beneficiaries, technicians }));
                }
            }
        }
        all
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.assurance {
            Assurance::System => "as a part of the system",
            Assurance::Token | Assurance::Envelopes => "by a token",
            Assurance::TwoFactors => "with two factors",
            Assurance::Passkey => "with a passkey",
        };
        write!(f, "{} at {}, {how},", self.role, self.door)
    }
}

impl Thing {
    pub fn is_elsewhere(&self, who: &Who) -> bool {
        let related_elsewhere = || who.relation.as_ref().is_some_and(|relation| relation.establishment != who.home);
        match self {
            Thing::Place(place) => *place != who.home,
            Thing::Matter(matter) => matter.establishment != who.home,
            Thing::Person(_) => related_elsewhere(),
            Thing::Object { place, .. } => *place != who.home || related_elsewhere(),
            Thing::Session(_) => false,
        }
    }

    /// As the policies see it.
    pub fn entities(&self, asking: &Asking<'_>) -> Result<(EntityUid, Vec<Entity>), Denied> {
        match self {
            Thing::Place(place) => Ok((uid("Establishment", &place.to_string())?, Vec::new())),
            Thing::Person(patient) => asking.patient(*patient).map(|person| (person.uid(), vec![person])),
            Thing::Object { patient, place, category, held } => {
                asking.object_entity(Some(*place), *patient, *category, *held)
            }
            Thing::Session(account) => asking.session(*account),
            Thing::Matter(matter) => matter_entity(matter),
        }
    }

    pub fn put(&self, asking: &Asking<'_>, ask: Ask) -> Result<Option<(Request, Entities)>, Denied> {
        let (uid, entities) = self.entities(asking)?;
        asking.put(ask.as_str(), uid, entities)
    }

    /// In words, for whoever must mend a permit.
    pub fn told(&self, who: &Who) -> String {
        let elsewhere = if self.is_elsewhere(who) { " of another establishment" } else { "" };
        match self {
            Thing::Place(_) => elsewhere.to_owned(),
            Thing::Person(_) => format!(" on a patient's record{elsewhere}"),
            Thing::Object { category, held, .. } => {
                let held = if *held { ", held from the patient," } else { "" };
                format!(" on a {category}{held}{elsewhere}")
            }
            Thing::Session(account) if *account == who.account => " for himself".to_owned(),
            Thing::Session(_) => " for somebody else".to_owned(),
            Thing::Matter(matter) => {
                let supplier = if who.supplier == Some(matter.supplier) { "his" } else { "another" };
                format!(" on an intervention of {supplier} supplier{elsewhere}")
            }
        }
    }
}

/// Whether an expression looks at nothing but the role, the door and the establishment of whoever asks.
pub(super) fn looks_at_role_door_and_place_only(json: &Value) -> bool {
    match json {
        Value::Object(map) => {
            if let Some(access) = map.get(".") {
                let attribute = access.get("attr").and_then(Value::as_str);
                let variable = access.pointer("/left/Var").and_then(Value::as_str);
                return matches!(
                    (variable, attribute),
                    (Some("principal"), Some("role" | "establishment")) | (Some("context"), Some("door"))
                );
            }
            !map.contains_key("Var") && map.values().all(looks_at_role_door_and_place_only)
        }
        Value::Array(all) => all.iter().all(looks_at_role_door_and_place_only),
        _ => true,
    }
}
