//! A hospital's own policies: what they may forbid, and what is refused because it would forbid nothing, or too much.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

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
    let named = format!(
        "forbid (principal is Account, action == Action::\"replay\", resource) when {{ principal == Account::\"{ACCOUNT}\" }};"
    );
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

/// What Cedar takes and a hospital must not rely on, with what is said of it.
#[test]
fn what_would_forbid_nothing_or_too_much_is_refused() {
    let account = "forbid (principal is Account, action == Action::\"replay\", resource)";
    let when = |body: &str| own(&format!("{account} when {{ {body} }};"));
    let on = |actions: &str, rest: &str| own(&format!("forbid (principal is Account, action in [{actions}], {rest};"));
    for (text, why) in [
        (own("permit (principal is Account, action == Action::\"replay\", resource);"), "may only forbid"),
        (format!("@because(\"x\") {account};"), "needs an @id"),
        (format!("@id(\"Majuscules\") @because(\"x\") {account};"), "needs an @id"),
        (format!("@id(\"x\") {account};"), "@because"),
        (format!("@id(\"x\") @because(\" \") {account};"), "@because"),
        (format!("@id(\"x\") @because(\"\u{202e}x\") {account};"), "@because"),
        (format!("@id(\"beneficiaries-decide\") @because(\"x\") {account};"), "the name is taken"),
        (format!("{} {}", own(&format!("{account};")), own(&format!("{account};"))), "two policies are named our-own"),
        // Never what the system does for itself, nor everything at once.
        (own("forbid (principal, action == Action::\"replay\", resource);"), "principal is Account"),
        (
            own("forbid (principal is System, action == Action::\"manage_equipment\", resource);"),
            "principal is Account",
        ),
        (own("forbid (principal is Account, action, resource);"), "name its actions"),
        // What would never match.
        (when("principal.role == \"techncian\""), "principal.role is never \"techncian\""),
        (when("principal.role == \"desk\""), "principal.role is never \"desk\""),
        (when("[\"on_call\", \"oncall\"].contains(principal.role)"), "never \"oncall\""),
        (
            when("context.door == \"bureau\""),
            "context.door is never \"bureau\"; it is one of portal, suppliers, desk, relays",
        ),
        (when("context.door == \"psc\""), "never \"psc\""),
        (when("principal.role like \"tecnician*\""), "not one of those"),
        (when("(principal.role == \"desk\") == true"), "not one of those"),
        (when("[\"desk\"].containsAny([principal.role])"), "not one of those"),
        (when("principal.role == context.door"), "not one of those"),
        (when("context.purpose == \"care\""), "not one of those"),
        (when("principal.assurance > 3"), "not one of those"),
        (when("principal.assurance >= 4"), "compared with 2"),
        (when("principal == Account::\"marie.durand\""), "identifier of 26 characters"),
        (when("resource.supplier == Supplier::\"ACME\""), "identifier of 26 characters"),
        (when("resource == Matter::\"x\""), "not one of those"),
        (
            own("forbid (principal is Account, action == Action::\"replay\", resource == Matter::\"x\");"),
            "belongs in `when`",
        ),
        (own("forbid (principal == ?principal, action == Action::\"replay\", resource);"), "template"),
        (when("principal.role == \"on_call\" || (context has adress && principal.fresh)"), "not one of those"),
        (when("principal.rank > 2"), "not one of those"),
        // Facts that not every decision loads, or that Cedar could not evaluate.
        (when("principal.supplier == resource.supplier"), "not one of those"),
        (when("principal.in_care.contains(resource.patient)"), "not one of those"),
        (when("principal.assurance * 9223372036854775807 > 5"), "not one of those"),
        (
            when(
                "principal == Account::\"aaaaaaaaaaaaaaaaaaaaaaaaaa\" && Account::\"aaaaaaaaaaaaaaaaaaaaaaaaaa\".fresh",
            ),
            "not one of those",
        ),
        // Addresses.
        (when("context.address.isInRange(ip(\"10.0.0.0/8\"))"), "address"),
        (when("context has address && context.address == ip(\"10.20.0.0/16\")"), "not one of those"),
        (when("context has address && ip(\"10.20.0.0/16\").isInRange(context.address)"), "not one of those"),
        (when("context has address && context.address.isInRange(ip(\"10.0.0\"))"), "no range of addresses"),
        (when("context has address && context.address.isInRange(ip(\"::ffff:a14:0/112\"))"), "no range of addresses"),
        // An action of those named for which it could never apply.
        (on("Action::\"read_object\", Action::\"replay\"", "resource is Matter)"), "read_object:"),
        (on("Action::\"replay\", Action::\"read_object\"", "resource is Matter)"), "read_object:"),
        (on("Action::\"sign_in\", Action::\"replay\"", "resource)"), "sign_in:"),
        (on("Action::\"replay\"", "resource) when { resource.held }"), "replay:"),
        (own("forbid (principal is Account, action == Action::\"fly\", resource);"), "fly"),
        // Not so deep that reading it would end the program.
        (when(&format!("{}principal.fresh{}", "(".repeat(40), ")".repeat(40))), "too deep"),
        (when(&vec!["principal.fresh"; 80].join(" || ")), "too deep or too long"),
        (when(&format!("{}principal.fresh", "!".repeat(200))), "too deep or too long"),
        ("forbid (".into(), "own.cedar"),
        ("\u{feff}// rien".into(), "byte order mark"),
        ("// rien".into(), "forbid nothing"),
        (String::new(), "forbid nothing"),
        (format!("{}{}", own(&format!("{account};")), " ".repeat(OWN_FILE_BYTES_MAX)), "bytes"),
    ] {
        let wrong = with(&text).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(wrong.contains(why), "{text}\n{wrong}");
        assert!(wrong.lines().skip(1).all(|line| line.len() < 1500), "{wrong}");
    }
    let many: String = (0..=OWN_POLICIES_MAX).map(|n| format!("@id(\"p{n}\") @because(\"x\") {account};\n")).collect();
    assert!(with(&many).err().unwrap().contains("at most 64"));
}

#[test]
fn what_ends_an_access_or_shows_it_is_never_forbidden() {
    let known: Vec<&str> = Ask::all().map(Ask::as_str).collect();
    for action in NEVER_FORBIDDEN {
        assert!(known.contains(action), "{action} is no action of people");
        for scope in
            [format!("action == Action::\"{action}\""), format!("action in [Action::\"watch\", Action::\"{action}\"]")]
        {
            let wrong = with(&own(&format!("forbid (principal is Account, {scope}, resource);"))).err().unwrap();
            assert!(wrong.contains("is never forbidden"), "{wrong}");
        }
    }
}

/// Each condition of docs/policies.md, where it holds and where it does not.
#[test]
fn every_condition_that_is_taken_can_hold_and_can_fail() {
    let supplier = SupplierId::from_bytes([5; 16]);
    let watches = |policies: &Policies, role, supplier| {
        let facts = Facts { matter: Some(matter(supplier, &[], &[])), ..Facts::default() };
        let action = WatchRelay { relay: RelayId::from_bytes([8; 16]) };
        policies.decide(&somebody(role, Door::Desk), action, &facts, NOW).is_ok()
    };
    let asked = |body: &str| {
        let scope = "forbid (principal is Account, action == Action::\"watch\", resource is Matter)";
        with(&own(&format!("{scope} when {{ {body} }};"))).unwrap()
    };
    let other = AccountId::from_bytes([9; 16]);
    for (holds, fails) in [
        ("principal.role == \"on_call\"".to_owned(), "principal.role != \"on_call\"".to_owned()),
        ("[\"on_call\", \"dpo\"].contains(principal.role)".into(), "[\"dpo\"].contains(principal.role)".into()),
        ("context.door == \"desk\"".into(), "context.door == \"portal\"".into()),
        ("principal.assurance >= 2".into(), "principal.assurance >= 3".into()),
        ("principal.assurance < 3".into(), "principal.assurance < 2".into()),
        ("principal.fresh".into(), "!principal.fresh".into()),
        (format!("principal == Account::\"{ACCOUNT}\""), format!("principal == Account::\"{other}\"")),
        (
            format!("[Account::\"{ACCOUNT}\"].contains(principal)"),
            format!("[Account::\"{other}\"].contains(principal)"),
        ),
        (
            format!("resource.supplier == Supplier::\"{supplier}\""),
            format!("resource.supplier != Supplier::\"{supplier}\""),
        ),
        ("context has address".into(), "!(context has address)".into()),
        (
            "context has address && context.address.isInRange(ip(\"192.0.2.0/24\"))".into(),
            "context has address && context.address.isInRange(ip(\"10.0.0.0/8\"))".into(),
        ),
        (
            "principal.role == \"dpo\" || context.door == \"desk\"".into(),
            "principal.role == \"dpo\" && principal.fresh".into(),
        ),
    ] {
        assert!(!watches(&asked(&holds), Role::OnCall, supplier), "{holds}");
        assert!(watches(&asked(&fails), Role::OnCall, supplier), "{fails}");
    }
    let care = facts(vec![relation(patient(9), RelationKind::Care)]);
    let reads = |body: &str, action: &str| {
        let scope =
            format!("forbid (principal is Account, action == Action::\"{action}\", resource) when {{ {body} }};");
        let who = somebody(Role::Professional, Door::Portal);
        let record = ReadRecord { patient: patient(9) };
        let object = ObjectRef {
            establishment: HERE,
            patient: patient(9),
            category: Category::Result,
            confidentiality: Confidentiality::Normal,
            id: "x".parse().unwrap(),
        };
        let decided = with(&own(&scope)).unwrap().decide(&who, record, &care, NOW);
        decided.is_ok_and(|yes| yes.scope().admits(&object))
    };
    let p = patient(9);
    for (holds, fails, action) in [
        ("resource.category == \"result\"".to_owned(), "resource.category == \"document\"".to_owned(), "read_object"),
        ("!resource.held".into(), "resource.held".into(), "read_object"),
        (
            format!("resource.patient == Patient::\"{p}\""),
            format!("resource.patient != Patient::\"{p}\""),
            "read_object",
        ),
        (format!("resource == Patient::\"{p}\""), format!("resource != Patient::\"{p}\""), "see_person"),
    ] {
        assert!(!reads(&holds, action), "{holds}");
        assert!(reads(&fails, action), "{fails}");
    }
}

/// A record whose person an own policy hides is not said to be open, however its objects stand.
#[test]
fn what_an_act_asks_for_first_is_explained_with_it() {
    let hides = own(
        "forbid (principal is Account, action == Action::\"see_person\", resource) when { principal.role == \"professional\" };",
    );
    let policies = with(&hides).unwrap();
    let explainer = policies.explainer().unwrap();
    let who = Supposed {
        account: ACCOUNT,
        role: Role::Professional,
        establishment: HERE,
        supplier: None,
        door: Door::Portal,
        assurance: identity::Assurance::TwoFactors,
        fresh: true,
        address: None,
        relations: Some(vec![relation(patient(9), RelationKind::Care)]),
    };
    let told = explainer.explain(&who, Ask::ReadObject, &Target::Any, NOW).unwrap();
    assert_eq!((told.verdict, told.action), (Verdict::No, Ask::ReadObject));
    assert_eq!(told.forbids[0].because.as_deref(), Some("Décision du 3 mars."));
    // And who else may is said of anybody, not of this account.
    assert_eq!(explainer.roles(&who, Ask::ReadObject, NOW).unwrap(), [Role::Patient, Role::Relative]);
}

#[test]
fn what_is_in_force_can_be_read() {
    let text = own("forbid (principal is Account, action == Action::\"replay\", resource);");
    // Annotations on the effect's own line, and words in them that look like one.
    let shown = with(
        "@id(\"x\") @because(\"permit (forbid) \\\"permit\") forbid(principal is Account, action == Action::\"watch\", resource);",
    );
    assert!(shown.unwrap().read(NOW)[0].text.starts_with("forbid(principal is Account"));
    let policies = with(&text).unwrap();
    let all = policies.read(NOW);
    let first = all.first().unwrap();
    assert_eq!((first.id.as_str(), first.because.as_deref()), ("our-own", Some("Décision du 3 mars.")));
    assert!(first.text.starts_with("forbid") && first.forbids && !first.text.contains("@id"), "{}", first.text);
    assert!(all.iter().skip(1).all(|one| one.because.is_none() && !one.rules.is_empty()));
    assert!(policies.texts().any(|(name, kept)| name == "own.cedar" && kept == text));
}
