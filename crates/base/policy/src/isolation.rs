//! The isolation suite: what no permit lets anybody do, whatever it says, asked of Cedar itself before the node serves.
//!
//! The grammar of [`crate::permit`] keeps a permit from saying most of it; this does not believe the grammar. Each permit is put
//! together with Poterne's guards (never with what the hospital itself forbids: that is one person's to take back), and every
//! question is asked that could be put: each role, door, recognition and relation, of each thing, at this establishment and at
//! another, for somebody and for whomever the permit names, from anywhere and from where it names.

mod worlds;

use crate::{
    Ask, BadPolicies, MatterAct, OverseeAct, Policies, RelationKind,
    asking::Asking,
    condition::{Condition, Settled},
    own::actions,
    permit::Read,
};
use cedar_policy::{Policy, PolicySet};
use identity::Assurance;
use std::collections::{BTreeMap, BTreeSet};
use types::{Door, Role, Time};
use worlds::{Literals, Thing, Who};

/// Questions at most, for all permits together, so that a start waits for less than a second (docs/performance.md). A permit
/// of one role asks some tens, or a thousand for all that may be done with interventions.
pub const QUESTIONS_MAX: usize = 12_000;
/// Those who could ask, as a permit names them, before any is made up: a text of 64 KiB could name more than a machine holds.
const PEOPLE_MAX: usize = 600_000;

/// The moment at which all is asked: relations of the suite are always in force.
const NOW: Time = Time::from_micros(0);

/// Why an answer must be no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolated {
    /// It is another establishment's.
    Elsewhere,
    /// It is somebody's health, and this role is neither his, nor his representative's, nor who cares for him.
    Health,
    /// It is somebody's health, and this door shows none.
    HealthDoor,
    /// It is the record of somebody to whom there is no relation, or not that one.
    Unrelated,
    /// It is still to be announced to the patient.
    Held,
    /// It is asked less firmly than it must be.
    Weak,
    /// It is another's session, or another's means.
    Others,
    /// It is traces, and this is not their controller at the desk.
    Traces,
    /// This is the traces' controller, who has no other right.
    Controller,
    /// It gives rights, or says who does, and this is not whose it is.
    Rights,
    /// It opens an equipment, or decides of it, and this is not who answers for it.
    Decides,
    /// It reaches an equipment, and this is no technician named for it.
    Equipment,
    /// It is what a screen shows, and this is not the hospital's staff.
    Screens,
    /// It is another supplier's.
    Supplier,
    /// These are patients and those about them, who have records and nothing else.
    Patients,
    /// A permit of the hospital's own is for people, and this is a program, or sealed envelopes.
    Program,
}

impl Isolated {
    /// In words.
    pub fn why(self) -> &'static str {
        match self {
            Isolated::Elsewhere => "what is another establishment's is nobody's here",
            Isolated::Health => {
                "health data is for the patient, who represents him and who cares for him, never for staff, suppliers or \
                 programs"
            }
            Isolated::HealthDoor => "health data is shown at the portal alone",
            Isolated::Unrelated => "a record is for those related to its patient, as far as the relation goes",
            Isolated::Held => "what is still to be announced is held from the patient and from who represents him",
            Isolated::Weak => "it asks for two factors, given lately where it gives a way in",
            Isolated::Others => "everybody has his own session and means, and nobody another's",
            Isolated::Traces => "traces are for their controller, at the desk",
            Isolated::Controller => "the traces' controller controls nothing else",
            Isolated::Rights => "what gives rights is the administrators', and is not given by a file",
            Isolated::Decides => "whoever answers for an equipment decides of it, and nobody in his place",
            Isolated::Equipment => {
                "an equipment is reached by the technicians named for it, with two factors, by the relays"
            }
            Isolated::Screens => "a screen may show anybody's health: it is for the hospital's staff, at the desk",
            Isolated::Supplier => "what is another supplier's is not shown to this one",
            Isolated::Patients => "patients, who represents them and who cares for them have records and nothing else",
            Isolated::Program => {
                "a permit of the hospital's own is for people with two factors: add `principal.assurance >= 2`"
            }
        }
    }
}

/// What a permit would let, that must be no.
#[derive(Debug, Clone)]
pub struct Breach {
    /// Why it must be no.
    pub isolated: Isolated,
    /// Who would get what.
    pub told: String,
}

impl Policies {
    /// Tries each permit by itself beside Poterne's guards.
    pub(crate) fn isolates(&self, permits: &[Read]) -> Result<(), BadPolicies> {
        let (mut wrong, mut left) = (Vec::new(), QUESTIONS_MAX);
        for read in permits {
            match self.tried(&read.policy, &mut left) {
                Err(mistake) => wrong.push(format!("{}: {mistake}", read.place())),
                Ok(told) => {
                    let breach = |one: &Breach| format!("it would let {}; {}", one.told, one.isolated.why());
                    let lines = told.breaches.iter().map(breach).chain(told.idle.iter().map(|act| {
                        format!("{act}: it lets nobody do it who comes in here; mend it, or leave {act} out")
                    }));
                    wrong.extend(lines.map(|line| format!("{}: {line}", read.place())));
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(BadPolicies::new(wrong)) }
    }

    /// What these permits would let that must be no, whatever the grammar says of them: the suite's own test.
    #[doc(hidden)]
    pub fn breaches_of(&self, text: &str) -> Vec<Breach> {
        let set: PolicySet = text.parse().unwrap_or_default();
        let mut left = usize::MAX;
        set.policies().flat_map(|policy| self.tried(policy, &mut left).map_or(vec![], |told| told.breaches)).collect()
    }

    /// What all that is in force lets that must be no, whoever wrote it.
    #[doc(hidden)]
    pub fn breaches(&self) -> Vec<Breach> {
        let (records, others): (Vec<Ask>, Vec<Ask>) = Ask::all().partition(|ask| is_record(*ask));
        let mut told = Told::default();
        for (asks, related) in [(records, true), (others, false)] {
            // What is asked least and most firmly: between them nothing is told apart.
            let firm =
                |who: &Who| matches!((who.assurance, who.fresh), (Assurance::Token, _) | (Assurance::Passkey, true));
            for who in worlds::everybody(&Literals::default(), related).iter().filter(|who| firm(who)) {
                self.ask_all(who, &asks, &Literals::default(), &mut told);
            }
        }
        told.breaches.retain(|one| one.isolated != Isolated::Program);
        told.breaches
    }

    fn tried(&self, permit: &Policy, left: &mut usize) -> Result<Told, String> {
        let unread = |_| "it cannot be read".to_owned();
        let json = permit.to_json().map_err(|error| unread(error.to_string()))?;
        let condition = Condition::of(&json).map_err(|error| unread(error.to_string()))?;
        let named = actions(&json);
        let asks: Vec<Ask> = Ask::all().filter(|ask| named.iter().any(|action| action == ask.as_str())).collect();
        let records = asks.iter().any(|ask| is_record(*ask));
        let literals = Literals::of(&json);
        let guarded = self.guarded(permit).ok_or_else(|| unread(String::new()))?;
        if literals.people() > PEOPLE_MAX {
            return Err(format!(
                "it names too many: fewer people, suppliers and ranges of addresses ({PEOPLE_MAX} who could ask at most)"
            ));
        }
        let worlds = worlds::everybody(&literals, records);
        // What can never hold for a role at a door, whatever else is so, is not asked of it any more.
        let mut known = BTreeMap::new();
        let mut may_hold = |who: &Who| {
            let place = (who.role, who.door, who.home);
            *known.entry(place).or_insert_with(|| guarded.may_hold(&condition, who))
        };
        let worlds: Vec<Who> = worlds.into_iter().filter(&mut may_hold).collect();
        let each: usize =
            worlds.iter().map(|who| asks.iter().map(|ask| who.things(*ask, &literals).len()).sum::<usize>()).sum();
        *left = left.checked_sub(each).ok_or_else(|| {
            format!(
                "it cannot be tried in the time that a start has: name fewer people, suppliers and ranges of addresses in all \
                 ({QUESTIONS_MAX} questions at most, of which this one asks {each})"
            )
        })?;
        let mut told = Told::default();
        for who in &worlds {
            guarded.ask_all(who, &asks, &literals, &mut told);
        }
        if told.unasked {
            return Err("it could not be tried".to_owned());
        }
        told.idle = asks.iter().filter(|ask| !told.let_in.contains(ask.as_str())).map(|ask| ask.as_str()).collect();
        Ok(told)
    }

    /// Poterne's guards and this one permit.
    fn guarded(&self, permit: &Policy) -> Option<Policies> {
        use cedar_policy::Effect;
        let is_guard = |policy: &Policy| policy.effect() == Effect::Forbid && policy.annotation("because").is_none();
        let mut set = PolicySet::from_policies(self.set.policies().filter(|policy| is_guard(policy)).cloned()).ok()?;
        set.add(permit.clone()).ok()?;
        Policies::of(self.schema.clone(), set).ok()
    }

    /// Whether the conditions can hold at all for this role, at this door, of this establishment.
    fn may_hold(&self, condition: &Condition, who: &Who) -> bool {
        let facts = who.facts();
        let Ok(asking) = who.asking(self, &facts, Ask::SeeInterventions) else { return true };
        let Ok(Some((request, entities))) = Thing::Place(who.home).put(&asking, Ask::SeeInterventions) else {
            return true;
        };
        let mut known = |leaf: &crate::condition::Leaf| {
            let settled = worlds::looks_at_role_door_and_place_only(&leaf.expression);
            if settled { leaf.holds(&self.authorizer, &request, &entities) } else { None }
        };
        !matches!(condition.settle(&mut known), Settled::Fails(_))
    }

    fn ask_all(&self, who: &Who, asks: &[Ask], literals: &Literals, told: &mut Told) {
        let facts = who.facts();
        for ask in asks {
            let Ok(asking) = who.asking(self, &facts, *ask) else {
                told.unasked = true;
                continue;
            };
            for thing in who.things(*ask, literals) {
                // What cannot be evaluated is a no to whoever asks, and is no grammar of ours.
                let yes = answered(&asking, *ask, &thing);
                if yes && let Some(isolated) = must_be_no(who, *ask, &thing) {
                    told.breach(isolated, format!("{who} {}{}", ask.as_str(), thing.told(who)));
                }
                if yes && who.role.doors().contains(&who.door) {
                    told.let_in.insert(ask.as_str());
                }
            }
        }
    }
}

fn answered(asking: &Asking<'_>, ask: Ask, thing: &Thing) -> bool {
    thing.entities(asking).and_then(|(uid, entities)| asking.ask_made_up(ask.as_str(), uid, entities)).unwrap_or(false)
}

/// What was found.
#[derive(Default)]
struct Told {
    breaches: Vec<Breach>,
    /// What it lets somebody do who can come in.
    let_in: BTreeSet<&'static str>,
    /// Somebody could not be asked for: nothing is known then.
    unasked: bool,
    /// What it lets nobody do.
    idle: Vec<&'static str>,
}

impl Told {
    /// One of each kind is enough: whoever mends it tries it again.
    fn breach(&mut self, isolated: Isolated, told: String) {
        if self.breaches.iter().all(|one| one.isolated != isolated) {
            self.breaches.push(Breach { isolated, told });
        }
    }
}

fn is_record(ask: Ask) -> bool {
    matches!(ask, Ask::SeePeople | Ask::SeePerson | Ask::SeeSightings | Ask::ReadObject)
}

/// Why the answer must be no, if it must.
fn must_be_no(who: &Who, ask: Ask, thing: &Thing) -> Option<Isolated> {
    if thing.is_elsewhere(who) {
        return Some(Isolated::Elsewhere);
    }
    let own = match ask {
        ask if is_record(ask) => of_records(who, ask, thing),
        Ask::KeepSession | Ask::KeepMeans | Ask::AddMeans | Ask::ApproveSsh => of_ones_own(who, ask, thing),
        Ask::Oversee(act) => of_affairs(who, act),
        Ask::Matter(act) => of_interventions(who, Some(act), thing),
        _ => of_interventions(who, None, thing),
    };
    own.or((who.rank() < Assurance::TwoFactors.rank()).then_some(Isolated::Program))
}

fn of_records(who: &Who, ask: Ask, thing: &Thing) -> Option<Isolated> {
    let relation = who.relation.as_ref().map(|relation| &relation.kind);
    let related = match (who.role, relation) {
        _ if ask == Ask::SeePeople => true,
        (Role::Patient, Some(RelationKind::Own)) => true,
        (Role::Relative, Some(RelationKind::Mandate { covers })) => match (ask, thing) {
            (Ask::SeePerson, _) => !covers.is_empty(),
            (Ask::ReadObject, Thing::Object { category, .. }) => covers.contains(category),
            _ => false,
        },
        (Role::Professional, Some(RelationKind::Care)) => ask != Ask::SeeSightings,
        _ => false,
    };
    let held = matches!(thing, Thing::Object { held: true, .. }) && who.role != Role::Professional;
    if !matches!(who.role, Role::Patient | Role::Relative | Role::Professional) {
        Some(Isolated::Health)
    } else if who.door != Door::Portal {
        Some(Isolated::HealthDoor)
    } else if who.rank() < Assurance::TwoFactors.rank() {
        Some(Isolated::Weak)
    } else if !related {
        Some(Isolated::Unrelated)
    } else {
        held.then_some(Isolated::Held)
    }
}

fn of_ones_own(who: &Who, ask: Ask, thing: &Thing) -> Option<Isolated> {
    let firm = who.rank() >= Assurance::TwoFactors.rank();
    match (ask, thing) {
        (_, Thing::Session(account)) if *account != who.account => Some(Isolated::Others),
        (Ask::KeepSession, _) => None,
        (Ask::KeepMeans, _) => (!firm).then_some(Isolated::Weak),
        _ => (!firm || !who.fresh).then_some(Isolated::Weak),
    }
}

fn of_affairs(who: &Who, act: OverseeAct) -> Option<Isolated> {
    use OverseeAct::*;
    let firm = who.rank() >= Assurance::TwoFactors.rank();
    let at_desk = who.door == Door::Desk;
    let administers = who.role == Role::Administrator && at_desk;
    let watches_over = administers || who.role == Role::SecurityOfficer && at_desk;
    let controls = who.role == Role::TraceController && at_desk;
    let (whose, otherwise, weak) = match act {
        SearchTraces | SeeRetention => (controls, Isolated::Traces, false),
        SetRetention => (controls, Isolated::Traces, !firm),
        _ if who.role == Role::TraceController => (false, Isolated::Controller, false),
        _ if who.role.door() == Door::Portal => (false, Isolated::Patients, false),
        SeeEquipment | SeeRules => (true, Isolated::Rights, false),
        SeeAccounts => (watches_over, Isolated::Rights, false),
        SuspendAccounts => (watches_over, Isolated::Rights, !firm),
        ConfirmAccounts => (watches_over, Isolated::Rights, !firm || !who.fresh),
        ManageEquipment => (administers, Isolated::Rights, false),
        ManageMeans | ManageAccounts => (administers, Isolated::Rights, !firm),
        GiveAccounts | SetSessions => (administers, Isolated::Rights, !firm || !who.fresh),
    };
    if whose { weak.then_some(Isolated::Weak) } else { Some(otherwise) }
}

/// Acts on an intervention, and (without one) what shows them.
fn of_interventions(who: &Who, act: Option<MatterAct>, thing: &Thing) -> Option<Isolated> {
    use MatterAct::*;
    let (same, answers, works) = match thing {
        Thing::Matter(matter) => (
            who.supplier == Some(matter.supplier),
            matter.beneficiaries.contains(&who.account),
            matter.technicians.contains(&who.account),
        ),
        // A list says of each what it shows.
        _ => (true, false, false),
    };
    let suppliers = who.role.door() == Door::Suppliers;
    if who.role == Role::TraceController {
        return Some(Isolated::Controller);
    }
    if who.role.door() == Door::Portal {
        return Some(Isolated::Patients);
    }
    match act {
        Some(Approve | Refuse | Extend | Hold) => {
            let decides = who.role == Role::Beneficiary && answers && who.door == Door::Desk;
            (!decides).then_some(Isolated::Decides)
        }
        Some(OpenRelay) => {
            let reaches = who.role == Role::Technician && works && same && who.door == Door::Relays;
            let firm = who.rank() >= Assurance::TwoFactors.rank();
            (!reaches || !firm).then_some(Isolated::Equipment)
        }
        Some(Watch | Replay) if suppliers || who.door != Door::Desk => Some(Isolated::Screens),
        Some(Request) if !suppliers => Some(Isolated::Decides),
        _ => (suppliers && !same).then_some(Isolated::Supplier),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What the suite asks is answered as what a decision asks.
    #[test]
    fn its_questions_are_those_of_decisions() {
        let policies = Policies::built_in().unwrap();
        let (mut asked, mut yes) = (0, 0);
        for who in worlds::everybody(&Literals::default(), true).iter().step_by(97) {
            let facts = who.facts();
            for ask in Ask::all() {
                let asking = who.asking(&policies, &facts, ask).unwrap();
                for thing in who.things(ask, &Literals::default()) {
                    let (uid, entities) = thing.entities(&asking).unwrap();
                    let decided = asking.ask_held(ask.as_str(), uid, entities).unwrap();
                    assert_eq!(answered(&asking, ask, &thing), decided, "{who} {}", ask.as_str());
                    asked += 1;
                    yes += u32::from(decided);
                }
            }
        }
        assert!(asked > 10_000 && yes > 100, "{asked} {yes}");
    }
}
