//! A hospital's own policies: what they may forbid, and what is refused because it would forbid nothing, or too much.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use policy::*;
use types::*;

fn with(text: &str) -> Result<Policies, String> {
    Policies::with_own(vec![("own.cedar".into(), text.into())]).map_err(|error| error.to_string())
}

/// A policy with its two annotations.
fn own(rest: &str) -> String {
    format!("@id(\"our-own\") @because(\"Décision du 3 mars.\")\n{rest}")
}

#[test]
fn what_it_forbids_is_forbidden_and_nothing_else_changes() {
    let held = own("forbid (principal is Account, action == Action::\"read_object\", resource is Object)
                    when { principal.role == \"professional\" && resource.held };");
    let (before, after) = (Policies::built_in().unwrap(), with(&held).unwrap());
    let (who, care) =
        (somebody(Role::Professional, Door::Portal), facts(vec![relation(patient(9), RelationKind::Care)]));
    let object = |confidentiality| ObjectRef {
        establishment: HERE,
        patient: patient(9),
        category: Category::Result,
        confidentiality,
        id: "x".parse().unwrap(),
    };
    for (confidentiality, then) in [(Confidentiality::Normal, true), (Confidentiality::Held, false)] {
        assert!(before.decide_object(&who, &object(confidentiality), &care, NOW));
        assert_eq!(after.decide_object(&who, &object(confidentiality), &care, NOW), then);
        // And what a list or a page may hold follows.
        let record = after.decide(&who, ReadRecord { patient: patient(9) }, &care, NOW).unwrap();
        assert_eq!(record.scope().admits(&object(confidentiality)), then);
    }
}

#[test]
fn one_person_and_one_address_can_be_named() {
    let replay = |policies: &Policies, role| {
        let facts = Facts { matter: Some(matter(SupplierId::from_bytes([5; 16]), &[], &[])), ..Facts::default() };
        policies
            .decide(&somebody(role, Door::Desk), ReplayRelay { relay: RelayId::from_bytes([8; 16]) }, &facts, NOW)
            .is_ok()
    };
    let named = format!("forbid (principal == Account::\"{ACCOUNT}\", action == Action::\"replay\", resource);");
    let from = |range: &str| {
        format!(
            "forbid (principal is Account, action in [Action::\"replay\", Action::\"watch\"], resource is Matter)
                 unless {{ context has address && context.address.isInRange(ip(\"{range}\")) }};"
        )
    };
    for (text, then) in [(named, false), (from("192.0.2.0/24"), true), (from("10.0.0.0/8"), false)] {
        assert_eq!(replay(&with(&own(&text)).unwrap(), Role::OnCall), then, "{text}");
    }
    assert!(replay(&Policies::built_in().unwrap(), Role::OnCall));
}

#[test]
fn what_would_forbid_nothing_or_too_much_is_refused() {
    let account = "forbid (principal is Account, action == Action::\"replay\", resource)";
    let when = |body: &str| own(&format!("{account} when {{ {body} }};"));
    let see = "forbid (principal is Account, action == Action::\"see_intervention\", resource is Matter) when";
    for (text, why) in [
        (own("permit (principal is Account, action == Action::\"replay\", resource);"), "may only forbid"),
        (format!("@because(\"x\") {account};"), "needs an @id"),
        (format!("@id(\"Majuscules\") @because(\"x\") {account};"), "needs an @id"),
        (format!("@id(\"x\") {account};"), "@because"),
        (format!("@id(\"x\") @because(\" \") {account};"), "@because"),
        (format!("@id(\"beneficiaries-decide\") @because(\"x\") {account};"), "the name is taken"),
        (format!("{} {}", own(&format!("{account};")), own(&format!("{account};"))), "our-own"),
        // Never what the system does for itself, nor everything at once.
        (own("forbid (principal, action == Action::\"replay\", resource);"), "principal is Account"),
        (own("forbid (principal is System, action == Action::\"manage_means\", resource);"), "principal is Account"),
        (own("forbid (principal is Account, action, resource);"), "name its actions"),
        // Never what ends an access.
        (own("forbid (principal is Account, action == Action::\"cut\", resource);"), "never forbidden"),
        (
            own("forbid (principal is Account, action in [Action::\"watch\", Action::\"cut\"], resource);"),
            "never forbidden",
        ),
        (own("forbid (principal is Account, action == Action::\"keep_session\", resource);"), "never forbidden"),
        (own("forbid (principal is Account, action == Action::\"suspend_accounts\", resource);"), "never forbidden"),
        // What would never match.
        (when("principal.role == \"techncian\""), "\"techncian\" never matches"),
        (when("principal.role == \"desk\""), "\"desk\" never matches; there are patient"),
        (when("[\"on_call\", \"oncall\"].contains(principal.role)"), "\"oncall\" never matches"),
        (when("context.door == \"bureau\""), "\"bureau\" never matches"),
        (when("resource == Matter::\"x\""), "nothing bears that name"),
        (when("principal == Account::\"marie.durand\""), "nothing bears that name"),
        (when("principal.supplier == Supplier::\"ACME\""), "nothing bears that name"),
        (
            own("forbid (principal is Account, action == Action::\"replay\", resource == Matter::\"x\");"),
            "belongs in `when`",
        ),
        (own("forbid (principal == ?principal, action == Action::\"replay\", resource);"), "template"),
        (when("principal.rank > 2"), "rank"),
        (when("context.address.isInRange(ip(\"10.0.0.0/8\"))"), "address"),
        (own("forbid (principal is Account, action == Action::\"fly\", resource);"), "fly"),
        (
            own(&format!("{account} when {{ context has address && context.address.isInRange(ip(\"10.0.0\")) }};")),
            "IP address",
        ),
        // A list is decided once.
        (own(&format!("{see} {{ resource.supplier == principal.supplier }};")), "principal and context only"),
        ("forbid (".into(), "own.cedar"),
        (format!("{}{}", own(&format!("{account};")), " ".repeat(OWN_FILE_BYTES_MAX)), "bytes"),
    ] {
        let wrong = with(&text).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(wrong.contains(why), "{text}\n{wrong}");
    }
    let many: String = (0..=OWN_POLICIES_MAX).map(|n| format!("@id(\"p{n}\") @because(\"x\") {account};\n")).collect();
    assert!(with(&many).err().unwrap().contains("at most 64"));
    assert!(with(&own(&format!("{see} {{ principal.supplier == Supplier::\"none\" }};"))).is_ok());
    assert!(with("").is_ok(), "a file without policies is none");
}

/// The guard against reading a list too widely: with principal and context alone, scope and Cedar stay equal.
#[test]
fn a_list_of_interventions_stays_what_cedar_says_of_each() {
    let text = own("forbid (principal is Account, action == Action::\"see_intervention\", resource is Matter)
                    when { principal.role == \"on_call\" };");
    let (policies, ours) = (with(&text).unwrap(), SupplierId::from_bytes([5; 16]));
    for &role in &[Role::OnCall, Role::SecurityOfficer] {
        let who = somebody(role, Door::Desk);
        let one = matter(ours, &[ACCOUNT], &[ACCOUNT]);
        let facts = Facts { supplier: None, matter: Some(one.clone()), ..Facts::default() };
        let seen = policies.decide(&who, SeeInterventions {}, &facts, NOW).unwrap();
        assert_eq!(seen.scope().admits_matter(&one), policies.decide_matter(&who, &one, &facts, NOW));
        assert_eq!(seen.scope().admits_matter(&one), role == Role::SecurityOfficer);
    }
}

#[test]
fn what_is_in_force_can_be_read() {
    let text = own("forbid (principal is Account, action == Action::\"replay\", resource);");
    let policies = with(&text).unwrap();
    let all = policies.read();
    let first = all.first().unwrap();
    assert_eq!((first.id.as_str(), first.because.as_deref()), ("our-own", Some("Décision du 3 mars.")));
    assert!(first.text.starts_with("forbid") && first.forbids && !first.text.contains("@id"), "{}", first.text);
    assert!(all.iter().skip(1).all(|one| one.because.is_none() && !one.rules.is_empty()));
    assert!(policies.texts().any(|(name, kept)| name == "own.cedar" && kept == text));
}
