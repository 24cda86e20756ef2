//! Property: for any population, relations and request, `Scope` says of each object what Cedar says of it.

mod common;

use common::*;
use policy::*;
use proptest::prelude::*;
use std::sync::LazyLock;
use types::*;

static POLICIES: LazyLock<Policies> = LazyLock::new(|| match Policies::built_in() {
    Ok(policies) => policies,
    Err(error) => unreachable!("{error}"),
});

fn kinds() -> impl Strategy<Value = RelationKind> {
    prop_oneof![
        Just(RelationKind::Own),
        Just(RelationKind::Care),
        prop::collection::btree_set(prop::sample::select(Category::ALL), 0..=2)
            .prop_map(|covers| RelationKind::Mandate { covers }),
    ]
}

fn periods() -> impl Strategy<Value = Period> {
    let moment = |shift: i64| Time::from_micros(NOW.micros() + shift);
    (-2_i64..=1, prop::option::of(-1_i64..=2))
        .prop_map(move |(from, until)| Period { from: moment(from), until: until.map(moment) })
}

fn places() -> impl Strategy<Value = EstablishmentId> {
    prop::sample::select(&[HERE, ELSEWHERE][..])
}

/// A patient belongs to one establishment: the odd ones elsewhere, the even ones here.
fn home(n: u8) -> EstablishmentId {
    if n.is_multiple_of(2) { HERE } else { ELSEWHERE }
}

fn some_relations() -> impl Strategy<Value = Vec<Relation>> {
    let one = (0_u8..6, kinds(), periods()).prop_map(|(n, kind, period)| Relation {
        patient: patient(n),
        establishment: home(n),
        kind,
        period,
    });
    prop::collection::vec(one, 0..8)
}

fn some_objects() -> impl Strategy<Value = Vec<ObjectRef>> {
    let one = (0_u8..8, places(), prop::sample::select(Category::ALL), prop::sample::select(Confidentiality::ALL))
        .prop_map(|(n, establishment, category, confidentiality)| ObjectRef {
            establishment,
            patient: patient(n),
            category,
            confidentiality,
            id: match "object".parse() {
                Ok(id) => id,
                Err(_) => unreachable!(),
            },
        });
    prop::collection::vec(one, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn scope_and_cedar_agree(
        role in prop::sample::select(Role::ALL),
        door in prop::sample::select(&[Door::Portal, Door::Desk][..]),
        relations in some_relations(),
        objects in some_objects(),
    ) {
        let who = somebody(role, door);
        let facts = facts(relations);
        let people = POLICIES.decide(&who, SeePeople {}, &facts, NOW);
        for object in &objects {
            let cedar = POLICIES.decide_object(&who, object, &facts, NOW);
            let record = POLICIES.decide(&who, ReadRecord { patient: object.patient }, &facts, NOW);
            let scoped = record.as_ref().is_ok_and(|yes| yes.scope().admits(object));
            prop_assert_eq!(scoped, cedar, "{:?} by {} through {}", object, role, door);
            let listed = people.as_ref().is_ok_and(|yes| yes.scope().admits(object));
            prop_assert_eq!(listed, cedar, "in the list: {:?} by {} through {}", object, role, door);
            let seen = people.as_ref().is_ok_and(|yes| yes.scope().admits_person(object.patient));
            prop_assert_eq!(seen, record.is_ok());
        }
    }
}

fn accounts() -> impl Strategy<Value = Vec<AccountId>> {
    let one = prop::sample::select(&[[3_u8; 16], [0xee; 16], [0xef; 16]][..]).prop_map(AccountId::from_bytes);
    prop::collection::vec(one, 0..3)
}

fn suppliers() -> impl Strategy<Value = SupplierId> {
    prop::sample::select(&[[0x51_u8; 16], [0x52; 16]][..]).prop_map(SupplierId::from_bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn reach_and_cedar_agree_on_interventions(
        role in prop::sample::select(Role::ALL),
        door in prop::sample::select(Door::ALL),
        own in prop::option::of(suppliers()),
        establishment in places(),
        supplier in suppliers(),
        beneficiaries in accounts(),
        technicians in accounts(),
    ) {
        let who = somebody(role, door);
        let facts = Facts { supplier: own, ..Facts::default() };
        let matter = Matter { establishment, supplier, beneficiaries, technicians };
        let seen = POLICIES.decide(&who, SeeInterventions {}, &facts, NOW);
        let scoped = seen.is_ok_and(|yes| yes.scope().admits_matter(&matter));
        prop_assert_eq!(scoped, POLICIES.decide_matter(&who, &matter, &facts, NOW), "{:?} by {} at {}", matter, role, door);
    }
}
