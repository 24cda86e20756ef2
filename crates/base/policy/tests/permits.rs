//! A hospital's own permits: what they may say, who must have signed them, when they end, and the isolation suite that each passes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use policy::*;
use std::{fmt::Write as _, time::Duration};
use types::*;

const DAY: Duration = Duration::from_secs(86_400);

/// On 1 January 1970, as `NOW` is.
fn policy(rest: &str) -> String {
    format!("@id(\"ours\") @because(\"Décision du 3 mars.\") @until(\"1970-06-30\")\n{rest}")
}

/// The permit of these acts, with what each must say and these conditions more.
fn permit(acts: &[&str], resource: &str, more: &str) -> String {
    let acts: Vec<String> = acts.iter().map(|act| format!("Action::\"{act}\"")).collect();
    policy(&format!(
        "permit (principal is Account, action in [{}], resource is {resource}) when {{\n  principal.establishment == \
         Establishment::\"{HERE}\" && principal.assurance >= 2 && {more} }};",
        acts.join(", ")
    ))
}

fn follows() -> String {
    permit(&["see_interventions"], "Establishment", "principal.role == \"dpo\" && context.door == \"desk\"")
}

fn replays() -> String {
    permit(&["see_intervention", "watch", "replay"], "Matter", "principal.role == \"dpo\" && context.door == \"desk\"")
}

fn signature(signer: &str, key: &str) -> Signature {
    Signature { signer: signer.into(), key: key.into(), name: format!("p.cedar.{signer}.sig"), text: "x".into() }
}

fn signed(text: &str) -> SignedFile {
    let signatures = vec![signature("m-roussel", "ssh-ed25519 A"), signature("j-petit", "ssh-ed25519 B")];
    SignedFile { name: "p.cedar".into(), text: text.into(), signatures }
}

fn with(text: &str) -> Result<Policies, String> {
    Policies::built_in().unwrap().permitting(vec![signed(text)], &[HERE], NOW).map_err(|error| error.to_string())
}

fn watch() -> WatchRelay {
    WatchRelay { relay: RelayId::from_bytes([8; 16]) }
}

#[test]
fn it_permits_what_it_says_to_whom_it_says_until_it_ends() {
    let text = format!("{}\n{}", follows(), replays().replace("\"ours\"", "\"ours-too\""));
    let (before, after) = (Policies::built_in().unwrap(), with(&text).unwrap());
    let dpo = somebody(Role::Dpo, Door::Desk);
    let facts = Facts { matter: Some(matter(SupplierId::from_bytes([5; 16]), &[], &[])), ..Facts::default() };
    assert!(before.decide(&dpo, watch(), &facts, NOW).is_err());
    assert!(after.decide(&dpo, watch(), &facts, NOW).is_ok());
    let seen = after.decide(&dpo, SeeInterventions {}, &facts, NOW).unwrap();
    assert!(seen.scope().admits_matter(facts.matter.as_ref().unwrap()));
    let elsewhere = Matter { establishment: ELSEWHERE, ..facts.matter.clone().unwrap() };
    assert!(!seen.scope().admits_matter(&elsewhere) && !after.decide_matter(&dpo, &elsewhere, &facts, NOW));
    for role in Role::ALL.iter().filter(|role| **role != Role::Dpo) {
        let who = somebody(*role, Door::Desk);
        let same = |policies: &Policies| policies.decide(&who, watch(), &facts, NOW).is_ok();
        assert_eq!(same(&after), same(&before), "{role}");
    }

    // The day that it names is its last; what Poterne permits goes on, and what is explained says the same.
    let permit = after.permits()[0].clone();
    assert_eq!((permit.last_day.as_str(), permit.signed_by.len()), ("1970-06-30", 2));
    assert_eq!(permit.until, Time::from_micros(0) + 181 * DAY);
    let explainer = after.explainer().unwrap();
    let supposed = Supposed {
        account: ACCOUNT,
        role: Role::Dpo,
        establishment: HERE,
        supplier: None,
        door: Door::Desk,
        assurance: identity::Assurance::TwoFactors,
        fresh: true,
        address: None,
        relations: None,
    };
    let last = permit.until - Duration::from_micros(1);
    for (moment, verdict, left) in [(last, Verdict::Yes, Some(0)), (permit.until, Verdict::No, None)] {
        let told = explainer.explain(&supposed, Ask::SeeInterventions, &Target::Any, moment).unwrap();
        assert_eq!(told.verdict, verdict);
        let signed = told.permits.first().and_then(|cause| cause.signed.clone());
        assert_eq!(signed.is_some(), left.is_some());
        let text = after.read(moment).into_iter().find(|one| one.id == "ours").unwrap();
        assert_eq!(text.signed.map(|signed| (signed.by, signed.days_left)), Some((permit.signed_by.clone(), left)));
    }
}

/// A permit that was in force when the node started ends while it runs; what Poterne permits beside it does not.
#[test]
fn a_permit_that_ends_while_the_node_runs_permits_nothing_more() {
    // 18 March 2005, at 01:58:29 UTC: a moment whose one-time code is in RFC 6238.
    let now = Time::from_micros(1_111_111_109_000_000);
    let started = now - 10 * DAY;
    let (dpo, on_call) =
        (somebody_at(Role::Dpo, Door::Desk, now, "081804"), somebody_at(Role::OnCall, Door::Desk, now, "081804"));
    let facts = Facts { matter: Some(matter(SupplierId::from_bytes([5; 16]), &[], &[])), ..Facts::default() };
    for (last_day, may) in [("2005-03-17", false), ("2005-03-18", true)] {
        let text = replays().replace("1970-06-30", last_day);
        for read in [started, now] {
            let policies = Policies::built_in().unwrap().permitting(vec![signed(&text)], &[HERE], read).unwrap();
            assert_eq!(policies.decide(&dpo, watch(), &facts, now).is_ok(), may, "{last_day}");
            assert!(policies.decide(&on_call, watch(), &facts, now).is_ok());
        }
    }
}

#[test]
fn two_different_people_signed_it_with_two_different_keys() {
    let tried = |signatures: Vec<Signature>| {
        let file = SignedFile { signatures, ..signed(&follows()) };
        Policies::built_in().unwrap().permitting(vec![file], &[HERE], NOW).map(drop).map_err(|bad| bad.to_string())
    };
    let (a, b) = (signature("m-roussel", "ssh-ed25519 A"), signature("j-petit", "ssh-ed25519 B"));
    assert_eq!(tried(vec![a.clone(), b.clone()]), Ok(()));
    let same_key = Signature { key: a.key.clone(), ..b.clone() };
    let same_name = Signature { signer: a.signer.clone(), ..b };
    for one in [vec![], vec![a.clone()], vec![a.clone(), a.clone()], vec![a.clone(), same_key], vec![a, same_name]] {
        assert!(tried(one).unwrap_err().contains("the signatures of 2 different people"));
    }
}

#[test]
fn texts_and_signatures_are_what_is_in_force() {
    let policies = with(&follows()).unwrap();
    let texts: Vec<_> = policies.texts().collect();
    for kept in [("p.cedar", follows().as_str()), ("p.cedar.j-petit.sig", "x"), ("j-petit", "ssh-ed25519 B")] {
        assert!(texts.contains(&kept), "{kept:?}");
    }
}

/// Every act has its place: a new one has none, and is refused until it is argued.
#[test]
fn every_act_is_either_never_permitted_or_may_be() {
    let mut table = String::new();
    for ask in Ask::all() {
        let never = NEVER_PERMITTED.iter().find(|(act, _)| *act == ask.as_str());
        let may = MAY_BE_PERMITTED.contains(&ask.as_str());
        assert!(may != never.is_some(), "{} has no place, or two", ask.as_str());
        writeln!(table, "{:18} {}", ask.as_str(), never.map_or("may be permitted", |(_, why)| why)).unwrap();
    }
    assert_eq!(NEVER_PERMITTED.len() + MAY_BE_PERMITTED.len(), Ask::all().count());
    insta::assert_snapshot!(table);
}

#[test]
fn what_a_permit_may_not_say_is_refused_with_its_place() {
    let desk = "principal.role == \"dpo\" && context.door == \"desk\"";
    let on = |acts: &[&str], resource: &str| permit(acts, resource, desk);
    let when = |more: &str| permit(&["watch"], "Matter", &format!("{desk} && {more}"));
    let bare = |body: &str| {
        policy(&format!(
            "permit (principal is Account, action == Action::\"watch\", resource is Matter) when {{ {body} }};"
        ))
    };
    let here = format!("principal.establishment == Establishment::\"{HERE}\"");
    for (text, why) in [
        (follows().replace("@until(\"1970-06-30\")", ""), "p.cedar, line 1: policy ours: it needs an @until"),
        (follows().replace("1970-06-30", "30/06/1970"), "it needs an @until"),
        (follows().replace("1970-06-30", "1970-6-30"), "it needs an @until"),
        (follows().replace("1970-06-30", "1971-01-03"), "more than 366 days ahead"),
        (follows().replace("Décision du 3 mars.", " "), "@because"),
        (follows().replace("\"ours\"", "\"beneficiaries-decide\""), "the name is taken"),
        (follows().replace("permit (", "forbid ("), "own_folder"),
        (format!("{}\n{}", follows(), follows()), "two policies are named ours"),
        (on(&["search_traces"], "Establishment"), "traces are for their controller alone"),
        (on(&["see_interventions", "give_accounts"], "Establishment"), "give_accounts is never permitted"),
        (on(&["sign_in"], "Establishment"), "it is no act of people"),
        (policy("permit (principal is Account, action, resource is Matter);"), "name its actions"),
        (policy("permit (principal, action == Action::\"watch\", resource is Matter);"), "principal is Account"),
        (on(&["watch"], "Establishment"), "watch:"),
        // Who, where, for which hospital: joined by "and" to all the rest.
        (bare(&format!("{here} && context.door == \"desk\"")), "it must say `principal.role"),
        (bare(&format!("{here} && principal.role == \"dpo\"")), "it must say `context.door"),
        (bare(desk), "it must say `principal.establishment"),
        (bare(&format!("{desk} && ({here} || principal.fresh)")), "it must say `principal.establishment"),
        (when(&format!("principal.establishment == Establishment::\"{ELSEWHERE}\"")), "for another establishment"),
        (when("principal.establishment == Establishment::\"chu\""), "26 characters"),
        // What it lets, never what it leaves out.
        (when("!principal.fresh"), "says what it lets"),
        (when("principal.role != \"patient\""), "says what it lets"),
        (when("principal.assurance < 3"), "says what it lets"),
        (when("principal.fresh }; //").replace("when", "unless"), "says what it lets"),
        // Conditions that no decision has the facts of, or that are for records.
        (when("resource.held"), "not one of those"),
        (when("principal.in_care.contains(resource)"), "not one of those"),
        (when("principal.supplier == Supplier::\"aaaaaaaaaaaaaaaaaaaaaaaaaa\""), "not one of those"),
        (when("resource.establishment == principal.establishment"), "not one of those"),
        (when("principal.role == \"dpo \""), "is never"),
        (
            permit(
                &["see_intervention"],
                "Matter",
                &format!("{desk} && resource.supplier == Supplier::\"aaaaaaaaaaaaaaaaaaaaaaaaaa\""),
            ),
            "asked for whole lists",
        ),
        // What it would let nobody do.
        (follows().replace("\"desk\"", "\"portal\""), "it lets nobody do it"),
        (String::new(), "no policy in it"),
        ("permit (".into(), "p.cedar: "),
    ] {
        let wrong = with(&text).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(wrong.contains(why), "{text}\n{wrong}");
    }
    let many: String = (0..=PERMITS_MAX).map(|n| follows().replace("\"ours\"", &format!("\"p{n}\""))).collect();
    assert!(with(&many).err().unwrap().contains("at most 16"));
    let names: Vec<String> = (0..14).map(|n| format!("Account::\"{}\"", AccountId::from_bytes([n; 16]))).collect();
    let named = format!("[{}].contains(principal) && (resource.supplier == principal.supplier", names.join(", "));
    let suppliers: String =
        (0..9).map(|n| format!(" || resource.supplier == Supplier::\"{}\"", SupplierId::from_bytes([n; 16]))).collect();
    assert!(with(&when(&format!("{named}{suppliers})"))).err().unwrap().contains("cannot be tried in the time"));
    // More than could be made up is refused before it is.
    let sixteen = |n: u16| {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        id
    };
    let accounts = (0..500).map(|n| format!("Account::\"{}\"", AccountId::from_bytes(sixteen(n)))).collect::<Vec<_>>();
    let suppliers =
        (0..500).map(|n| format!("Supplier::\"{}\"", SupplierId::from_bytes(sixteen(n)))).collect::<Vec<_>>();
    let wide = format!(
        "[{}].contains(principal) && [{}].contains(resource.supplier)",
        accounts.join(", "),
        suppliers.join(", ")
    );
    assert!(with(&when(&wide)).err().unwrap().contains("it names too many"));
}

/// Each property of the suite, with a permit that breaks it: the grammar refuses most of them before, and is not asked here.
#[test]
fn the_suite_sees_each_isolation_broken() {
    let of = |acts: &str, resource: &str, more: &str| {
        format!(
            "@id(\"x\") permit (principal is Account, action in [{acts}], resource is {resource}) when {{ {more} }};"
        )
    };
    let strong = "principal.assurance >= 2";
    let matter = |acts: &str, more: &str| of(acts, "Matter", &format!("{strong} && {more}"));
    let house = |acts: &str, more: &str| of(acts, "Establishment", &format!("{strong} && {more}"));
    let object = |more: &str| of("Action::\"read_object\"", "Object", more);
    let policies = Policies::built_in().unwrap();
    let unguarded = Policies::from_files(&[]).unwrap();
    let mut seen = Vec::new();
    for (policies, text, isolated) in [
        // Poterne's guards keep these from any permit: the suite sees them where there is no guard.
        (&unguarded, matter("Action::\"watch\"", "principal.role == \"on_call\""), Isolated::Elsewhere),
        (&unguarded, object("principal.role == \"patient\" && context.door == \"desk\""), Isolated::HealthDoor),
        (
            &unguarded,
            object("principal.role == \"patient\" && principal.own.contains(resource.patient)"),
            Isolated::Weak,
        ),
        (&policies, object("principal.role == \"dpo\""), Isolated::Health),
        (&policies, object("principal.role == \"technician\""), Isolated::Health),
        (&policies, object("principal.role == \"professional\""), Isolated::Unrelated),
        (
            &policies,
            object("principal.role == \"relative\" && principal.mandated_results.contains(resource.patient)"),
            Isolated::Unrelated,
        ),
        (
            &policies,
            object("principal.role == \"patient\" && principal.own.contains(resource.patient)"),
            Isolated::Held,
        ),
        (
            &policies,
            of(
                "Action::\"see_sightings\"",
                "Patient",
                "principal.role == \"relative\" && principal.mandated_results.contains(resource)",
            ),
            Isolated::Unrelated,
        ),
        (&policies, of("Action::\"keep_session\"", "Session", "principal.role == \"dpo\""), Isolated::Others),
        (&policies, house("Action::\"search_traces\"", "principal.role == \"security_officer\""), Isolated::Traces),
        (&policies, house("Action::\"see_rules\"", "principal.role == \"trace_controller\""), Isolated::Controller),
        (&policies, matter("Action::\"cut\"", "principal.role == \"trace_controller\""), Isolated::Controller),
        (&policies, house("Action::\"give_accounts\"", "principal.role == \"on_call\""), Isolated::Rights),
        (&policies, matter("Action::\"approve\"", "principal.role == \"on_call\""), Isolated::Decides),
        (&policies, matter("Action::\"open_relay\"", "principal.role == \"on_call\""), Isolated::Equipment),
        (
            &policies,
            matter(
                "Action::\"open_relay\"",
                "principal.role == \"technician\" && resource.supplier == principal.supplier",
            ),
            Isolated::Equipment,
        ),
        (
            &policies,
            matter(
                "Action::\"watch\"",
                "principal.role == \"supplier_manager\" && resource.supplier == principal.supplier",
            ),
            Isolated::Screens,
        ),
        (
            &policies,
            matter("Action::\"replay\"", "principal.role == \"dpo\" && context.door == \"suppliers\""),
            Isolated::Screens,
        ),
        (
            &policies,
            matter(
                "Action::\"see_intervention\"",
                "principal.role == \"technician\" && resource.technicians.contains(principal)",
            ),
            Isolated::Supplier,
        ),
        (&policies, matter("Action::\"close\"", "principal.role == \"auditor\""), Isolated::Supplier),
        (&policies, house("Action::\"see_equipment\"", "principal.role == \"patient\""), Isolated::Patients),
        (&policies, of("Action::\"see_rules\"", "Establishment", "principal.role == \"on_call\""), Isolated::Program),
        // What only shows for the one who is named, from where it is named, of the supplier that is named.
        (
            &policies,
            matter("Action::\"watch\"", &format!("principal == Account::\"{}\"", AccountId::from_bytes([0x77; 16]))),
            Isolated::Patients,
        ),
        (
            &policies,
            matter(
                "Action::\"cut\"",
                &format!(
                    "principal.role == \"technician\" && resource.supplier == Supplier::\"{}\"",
                    SupplierId::from_bytes([0x77; 16])
                ),
            ),
            Isolated::Supplier,
        ),
        (
            &policies,
            matter(
                "Action::\"cut\"",
                "principal.role == \"auditor\" && context has address && context.address.isInRange(ip(\"10.20.0.0/16\"))",
            ),
            Isolated::Supplier,
        ),
        (
            &unguarded,
            matter(
                "Action::\"cut\"",
                &format!(
                    "principal.role == \"dpo\" && principal.establishment == Establishment::\"{}\"",
                    EstablishmentId::from_bytes([0x77; 16])
                ),
            ),
            Isolated::Elsewhere,
        ),
    ] {
        let found: Vec<Isolated> = policies.breaches_of(&text).iter().map(|one| one.isolated).collect();
        assert!(found.contains(&isolated), "{isolated:?} not seen in {text}: {found:?}");
        seen.push(isolated);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 16, "each property: {seen:?}");
    // And where the guards stand, what they keep is not to be had.
    let night = matter("Action::\"watch\"", "principal.role == \"on_call\" && context.door == \"desk\"");
    for text in [night, replays(), follows()] {
        assert!(policies.breaches_of(&text).is_empty(), "{text}: {:?}", policies.breaches_of(&text));
    }
    let told = with(&replays().replace("principal.assurance >= 2 && ", "")).err().unwrap();
    assert!(
        told.contains("p.cedar, line 1: policy ours: it would let dpo at desk, by a token, see_intervention"),
        "{told}"
    );
    assert!(told.contains("add `principal.assurance >= 2`"), "{told}");
}

/// What the suite asks of a permit, Poterne's own policies answer for all that they let.
#[test]
fn poternes_own_policies_pass_the_suite() {
    let breaches = Policies::built_in().unwrap().breaches();
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// A list shows nothing that its permit would not let for each of its rows.
#[test]
fn what_a_list_shows_by_a_permit_is_what_cedar_lets() {
    let (ours, theirs) = (SupplierId::from_bytes([0x51; 16]), SupplierId::from_bytes([0x52; 16]));
    let other = AccountId::from_bytes([0xee; 16]);
    let who = somebody(Role::Technician, Door::Suppliers);
    for (condition, rows) in [
        ("resource.supplier == principal.supplier", 2),
        ("resource.supplier == principal.supplier && resource.technicians.contains(principal)", 1),
        ("resource.supplier == principal.supplier && (resource.technicians.contains(principal) || principal.fresh)", 2),
    ] {
        let about = format!("principal.role == \"technician\" && context.door == \"suppliers\" && {condition}");
        let policies = with(&permit(&["see_intervention"], "Matter", &about)).unwrap();
        let mut shown = 0;
        for (supplier, technicians) in
            [(ours, vec![]), (ours, vec![ACCOUNT]), (theirs, vec![ACCOUNT]), (theirs, vec![])]
        {
            let row = matter(supplier, &[other], &technicians);
            let facts = Facts { supplier: Some(ours), ..Facts::default() };
            let seen = policies.decide(&who, SeeInterventions {}, &facts, NOW).unwrap();
            let admits = seen.scope().admits_matter(&row);
            assert!(!admits || policies.decide_matter(&who, &row, &facts, NOW), "{condition}");
            shown += usize::from(admits);
        }
        assert_eq!(shown, rows, "{condition}");
    }
}

/// The most that a node takes is tried within a start; the figures of a release are in docs/performance.md.
#[test]
fn the_suite_is_bounded() {
    let mut text = String::new();
    let acts = ["see_intervention", "withdraw", "open", "close", "cut", "watch", "replay"];
    for n in 0..PERMITS_MAX {
        let about = "[\"dpo\", \"on_call\"].contains(principal.role) && context.door == \"desk\"";
        text.push_str(&permit(&acts[5..], "Matter", about).replace("\"ours\"", &format!("\"p{n}\"")));
    }
    let began = std::time::Instant::now();
    with(&text).unwrap();
    let took = began.elapsed();
    // A debug build on a busy machine takes some seconds.
    assert!(took < Duration::from_secs(60), "{PERMITS_MAX} permits took {took:?}");
    let more = "[\"dpo\", \"on_call\", \"administrator\"].contains(principal.role)";
    let wide = text.replace("[\"dpo\", \"on_call\"].contains(principal.role)", more);
    assert!(with(&wide).err().unwrap().contains("cannot be tried in the time that a start has"));
}
