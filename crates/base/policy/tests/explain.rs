//! What is said of a decision is what the decision would be.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::*;
use identity::Assurance;
use policy::*;
use std::fmt::Write;
use types::*;

const OURS: SupplierId = SupplierId::from_bytes([5; 16]);
const THEIRS: SupplierId = SupplierId::from_bytes([6; 16]);

fn supposed(role: Role, door: Door) -> Supposed {
    Supposed {
        account: ACCOUNT,
        role,
        establishment: HERE,
        supplier: Some(OURS),
        door,
        assurance: Assurance::TwoFactors,
        fresh: true,
        address: Some(ClientAddress::new([192, 0, 2, 7].into())),
        relations: Some(vec![]),
    }
}

fn relations() -> Vec<Vec<Relation>> {
    let p = patient(9);
    vec![
        vec![],
        vec![relation(p, RelationKind::Own)],
        vec![relation(patient(8), RelationKind::Own)],
        vec![relation(p, mandate(&[Category::Result]))],
        vec![relation(p, mandate(&[Category::Document]))],
        vec![relation(p, RelationKind::Care)],
        vec![Relation { establishment: ELSEWHERE, ..relation(p, RelationKind::Care) }],
    ]
}

fn matters() -> Vec<Matter> {
    let other = AccountId::from_bytes([0xee; 16]);
    vec![
        matter(THEIRS, &[other], &[other]),
        matter(OURS, &[other], &[other]),
        matter(OURS, &[other], &[ACCOUNT]),
        matter(THEIRS, &[ACCOUNT], &[ACCOUNT]),
        Matter { establishment: ELSEWHERE, ..matter(OURS, &[ACCOUNT], &[ACCOUNT]) },
    ]
}

#[test]
fn of_a_record_it_says_what_is_decided() {
    let policies = Policies::built_in().unwrap();
    let explainer = policies.explainer().unwrap();
    let mut allowed = 0;
    for &role in Role::ALL {
        for &door in &[Door::Portal, Door::Desk] {
            for held in relations() {
                let (proof, facts) = (somebody(role, door), facts(held.clone()));
                let who = Supposed { relations: Some(held), ..supposed(role, door) };
                let open = explainer.explain(&who, Ask::ReadObject, &Target::Any, NOW).unwrap();
                for &category in Category::ALL {
                    for &confidentiality in Confidentiality::ALL {
                        let id = "x".parse().unwrap();
                        let object =
                            ObjectRef { establishment: HERE, patient: patient(9), category, confidentiality, id };
                        let decided = policies.decide_object(&proof, &object, &facts, NOW);
                        let target = Target::Record(patient(9), category, confidentiality);
                        // An object of one establishment on a patient of another is asked about nowhere else.
                        if facts.relations.iter().any(|relation| relation.establishment != HERE) {
                            continue;
                        }
                        let told = explainer.explain(&who, Ask::ReadObject, &target, NOW).unwrap();
                        assert_eq!(told.verdict == Verdict::Yes, decided, "{role} {door} {category} {told:?}");
                        assert!(!decided || open.verdict != Verdict::No, "{role} {door}: {open:?}");
                        let in_the_way = told.permits.is_empty() || !told.forbids.is_empty();
                        assert_eq!(in_the_way, told.verdict == Verdict::No, "{told:?}");
                        allowed += usize::from(decided);
                    }
                }
                let record = policies.decide(&proof, ReadRecord { patient: patient(9) }, &facts, NOW).is_ok();
                let target = Target::Record(patient(9), Category::Result, Confidentiality::Normal);
                let told = explainer.explain(&who, Ask::SeePerson, &target, NOW).unwrap();
                assert_eq!(told.verdict == Verdict::Yes, record, "{role} {door} {told:?}");
            }
        }
    }
    assert_eq!(allowed, 8, "own 2, mandates 2, care 4");
}

/// `explain` itself compares with the whole set of policies where all is known; this shows it for every act and everybody,
/// and that what is told without knowing which intervention never contradicts one.
#[test]
fn of_an_intervention_it_says_what_is_decided_and_open_answers_contain_it() {
    let policies = Policies::built_in().unwrap();
    let explainer = policies.explainer().unwrap();
    let mut counts = [0; 3];
    for &role in Role::ALL {
        for &door in Door::ALL {
            for (assurance, fresh) in [(Assurance::Token, false), (Assurance::TwoFactors, true)] {
                let who = Supposed { assurance, fresh, ..supposed(role, door) };
                for ask in Ask::all().filter(|ask| matches!(ask, Ask::SeeIntervention | Ask::Matter(_))) {
                    let open = explainer.explain(&who, ask, &Target::Any, NOW).unwrap().verdict;
                    counts[open as usize] += 1;
                    for matter in matters() {
                        let told = explainer.explain(&who, ask, &Target::Matter(matter.clone()), NOW).unwrap();
                        assert_ne!(told.verdict, Verdict::Where, "all is known");
                        assert!(open == Verdict::Where || open == told.verdict, "{role} {door} {ask:?} {told:?}");
                        if ask == Ask::SeeIntervention && assurance == Assurance::TwoFactors {
                            let facts =
                                Facts { supplier: Some(OURS), matter: Some(matter.clone()), ..Facts::default() };
                            let decided = policies.decide_matter(&somebody(role, door), &matter, &facts, NOW);
                            assert_eq!(told.verdict == Verdict::Yes, decided, "{role} {door} {told:?}");
                        }
                    }
                }
            }
        }
    }
    assert!(counts[1] > 20 && counts[2] > 20, "{counts:?}");
}

fn flat(need: &Need) -> String {
    let joined = |all: &[Need], word: &str| {
        let each: Vec<String> = all.iter().map(flat).collect();
        format!("({})", each.join(word))
    };
    match need {
        Need::All(all) => joined(all, " and "),
        Need::Any(any) => joined(any, " or "),
        Need::Is(text) => text.clone(),
        Need::Not(text) => format!("not {text}"),
    }
}

#[test]
fn what_each_role_may_do_at_best() {
    let policies = Policies::built_in().unwrap();
    let explainer = policies.explainer().unwrap();
    let mut table = String::new();
    for &role in Role::ALL {
        let who = Supposed { relations: None, address: None, ..supposed(role, Door::Desk) };
        writeln!(table, "{role}").unwrap();
        for ask in Ask::all() {
            for way in explainer.ways(&who, role.doors(), ask, NOW).unwrap() {
                let fresh = if way.fresh { " just signed in" } else { "" };
                let need = way.explanation.need().map(|need| format!(": {}", flat(&need))).unwrap_or_default();
                let (door, rank) = (way.door, way.assurance.rank());
                writeln!(table, "  {:18} {door:10} {rank}{fresh}{need}", ask.as_str()).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_refusal_names_what_forbids_or_what_is_missing() {
    let policies = Policies::built_in().unwrap();
    let explainer = policies.explainer().unwrap();
    let asked = |who: &Supposed, ask, target: Target| explainer.explain(who, ask, &target, NOW).unwrap();

    // A guard in the way of what is otherwise permitted.
    let stale = Supposed { fresh: false, ..supposed(Role::Administrator, Door::Desk) };
    let told = asked(&stale, Ask::Oversee(OverseeAct::SetSessions), Target::Any);
    assert_eq!(told.verdict, Verdict::No);
    let names: Vec<_> = told.forbids.iter().map(|cause| (cause.policy.as_str(), cause.need.is_none())).collect();
    assert_eq!(names, [("guard-new-means-just-after-signing-in", true)]);
    assert_eq!(told.permits[0].policy, "administrators-manage-accounts");

    // Nothing permits: what is nearest, and what of it does not hold.
    let technician = supposed(Role::Technician, Door::Relays);
    let told = asked(&technician, Ask::Matter(MatterAct::OpenRelay), Target::Matter(matter(OURS, &[], &[])));
    assert_eq!(told.misses.len(), 1);
    assert_eq!(told.misses[0].need, Some(Need::Is("resource.technicians.contains(principal)".into())));

    // What may, when he may not: the roles.
    let patient = supposed(Role::Patient, Door::Portal);
    assert!(explainer.ways(&patient, Door::ALL, Ask::Oversee(OverseeAct::SearchTraces), NOW).unwrap().is_empty());
    let roles = explainer.roles(&patient, Ask::Oversee(OverseeAct::SearchTraces), NOW).unwrap();
    assert_eq!(roles, [Role::TraceController]);
}

#[test]
fn the_hospitals_own_are_explained_like_any() {
    let own = "@id(\"no-night-replay\") @because(\"Les enregistrements se relisent au siège.\")
        forbid (principal is Account, action == Action::\"replay\", resource is Matter)
        unless { context has address && context.address.isInRange(ip(\"10.0.0.0/8\")) };";
    let policies = Policies::with_own(vec![("own.cedar".into(), own.into())]).unwrap();
    let explainer = policies.explainer().unwrap();
    let who = supposed(Role::SecurityOfficer, Door::Desk);
    let target = || Target::Matter(matter(OURS, &[], &[]));
    let told = explainer.explain(&who, Ask::Matter(MatterAct::Replay), &target(), NOW).unwrap();
    assert_eq!((told.verdict, told.forbids[0].policy.as_str()), (Verdict::No, "no-night-replay"));
    let inside = Supposed { address: Some(ClientAddress::new([10, 1, 2, 3].into())), ..who.clone() };
    let told = explainer.explain(&inside, Ask::Matter(MatterAct::Replay), &target(), NOW).unwrap();
    assert_eq!(told.verdict, Verdict::Yes);
    let anywhere = Supposed { address: None, ..who };
    let told = explainer.explain(&anywhere, Ask::Matter(MatterAct::Replay), &target(), NOW).unwrap();
    assert_eq!(told.verdict, Verdict::Where);
    assert_eq!(flat(&told.need().unwrap()), "(context has address and context.address.isInRange(ip(\"10.0.0.0/8\")))");
}

#[test]
fn conditions_are_few_and_stable() {
    let policies = Policies::built_in().unwrap();
    insta::assert_snapshot!(policies.explainer().unwrap().phrases().join("\n"));
}
