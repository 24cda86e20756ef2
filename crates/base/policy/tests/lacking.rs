//! Who may have something once he has proved more firmly who he is learns it; nobody else does.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use identity::{Assurance, system_actor};
use policy::*;
use std::time::Duration;
use types::*;

const LATE: Duration = Duration::from_secs(601);

fn with(rest: &str) -> Policies {
    let text = format!("@id(\"our-own\") @because(\"Décision du 3 mars.\")\n{rest}");
    Policies::with_own(vec![("own.cedar".into(), text)]).unwrap()
}

fn replaying(policies: &Policies, role: Role, now: Time) -> Result<(), Denied> {
    let facts = Facts { matter: Some(matter(SupplierId::from_bytes([5; 16]), &[], &[])), ..Facts::default() };
    let action = ReplayRelay { relay: RelayId::from_bytes([8; 16]) };
    policies.decide(&seen_at(role, Door::Desk, now), action, &facts, now).map(drop)
}

#[test]
fn what_is_lacking_is_the_least_that_is_enough() {
    let replay = "forbid (principal is Account, action == Action::\"replay\", resource)";
    let passkey = with(&format!("{replay} unless {{ principal.assurance >= 3 }};"));
    let fresh = with(&format!("{replay} unless {{ principal.fresh }};"));
    let both = with(&format!("{replay} unless {{ principal.fresh && principal.assurance >= 3 }};"));
    let (now, late) = (NOW, NOW + LATE);
    for (policies, at, expected) in [
        (&passkey, now, Err(Denied::Lacking(Lacking::Passkey))),
        (&passkey, late, Err(Denied::Lacking(Lacking::Passkey))),
        (&fresh, now, Ok(())),
        (&fresh, late, Err(Denied::Lacking(Lacking::Fresh))),
        (&both, now, Err(Denied::Lacking(Lacking::Passkey))),
        (&both, late, Err(Denied::Lacking(Lacking::Passkey))),
    ] {
        assert_eq!(replaying(policies, Role::OnCall, at), expected);
        // Whom no proof would help learns nothing: the answer is that of what is absent.
        for role in [Role::Administrator, Role::Dpo, Role::TraceController] {
            assert_eq!(replaying(policies, role, at), Err(Denied::ByPolicy));
        }
    }
    // And what is told is true: somebody who came in by a passkey may.
    let who = Supposed {
        account: ACCOUNT,
        role: Role::OnCall,
        establishment: HERE,
        supplier: None,
        door: Door::Desk,
        assurance: Assurance::Passkey,
        fresh: true,
        address: None,
        relations: None,
    };
    let target = Target::Matter(matter(SupplierId::from_bytes([5; 16]), &[], &[]));
    let ask: Ask = "replay".parse().unwrap();
    assert_eq!(both.explainer().unwrap().explain(&who, ask, &target, NOW).unwrap().verdict, Verdict::Yes);
}

#[test]
fn what_poterne_itself_asks_of_a_session_left_open_is_said_too() {
    let policies = Policies::built_in().unwrap();
    let (now, who) = (NOW + LATE, seen_at(Role::Administrator, Door::Desk, NOW + LATE));
    let give = || DrawLink { account: ACCOUNT, terms: "link".into() };
    assert_eq!(policies.decide(&who, give(), &Facts::default(), now).map(drop), Err(Denied::Lacking(Lacking::Fresh)));
    let officer = seen_at(Role::SecurityOfficer, Door::Desk, now);
    assert_eq!(policies.decide(&officer, give(), &Facts::default(), now).map(drop), Err(Denied::ByPolicy));
}

#[test]
fn nobody_but_a_person_is_asked_for_more() {
    let policies = with(
        "forbid (principal is Account, action == Action::\"open_relay\", resource) unless { principal.assurance >= 3 };",
    );
    let supplier = SupplierId::from_bytes([5; 16]);
    let facts = Facts { supplier: Some(supplier), matter: Some(matter(supplier, &[], &[ACCOUNT])), ..Facts::default() };
    let open = || OpenRelay {
        relay: RelayId::from_bytes([8; 16]),
        intervention: InterventionId::from_bytes([9; 16]),
        equipment: EquipmentId::from_bytes([10; 16]),
    };
    let technician = somebody(Role::Technician, Door::Relays);
    assert_eq!(
        policies.decide(&technician, open(), &facts, NOW).map(drop),
        Err(Denied::Lacking(Lacking::Passkey)),
        "he can approve in a browser that knows him by a passkey"
    );
    let system = system_actor(SystemActor::Demo, Some(HERE), NOW);
    assert_eq!(policies.decide(&system, open(), &facts, NOW).map(drop), Err(Denied::ByPolicy));
}

#[test]
fn a_record_says_that_it_holds_more_for_whoever_proves_more() {
    let documents = "forbid (principal is Account, action == Action::\"read_object\", resource is Object)
                     when { resource.category == \"document\" && principal.assurance < 3 };";
    let read = |policies: &Policies, role, relations| {
        let who = somebody(role, Door::Portal);
        let authorized = policies.decide(&who, ReadRecord { patient: patient(9) }, &facts(relations), NOW)?;
        let reach = |category| authorized.scope().reach(patient(9), category);
        Ok((authorized.scope().lacking(), reach(Category::Result), reach(Category::Document)))
    };
    let own = || vec![relation(patient(9), RelationKind::Own)];
    let policies = with(documents);
    assert_eq!(read(&policies, Role::Patient, own()), Ok((Some(Lacking::Passkey), Reach::NotHeld, Reach::Nothing)));
    // A mandate over results would show no document whatever is proved.
    let results = vec![relation(patient(9), mandate(&[Category::Result]))];
    assert_eq!(read(&policies, Role::Relative, results), Ok((None, Reach::NotHeld, Reach::Nothing)));
    assert_eq!(read(&policies, Role::Patient, vec![]), Err(Denied::ByPolicy), "nobody's record");
    let built_in = Policies::built_in().unwrap();
    assert_eq!(read(&built_in, Role::Patient, own()), Ok((None, Reach::NotHeld, Reach::NotHeld)));
    // The person himself may be kept from view.
    let person = with(
        "forbid (principal is Account, action == Action::\"see_person\", resource is Patient) unless { principal.assurance >= 3 };",
    );
    assert_eq!(read(&person, Role::Patient, own()), Err(Denied::Lacking(Lacking::Passkey)));
    let people = person.decide(&somebody(Role::Patient, Door::Portal), SeePeople {}, &facts(own()), NOW).unwrap();
    assert_eq!((people.scope().lacking(), people.scope().patients().count()), (Some(Lacking::Passkey), 0));
}
