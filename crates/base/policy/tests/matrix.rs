//! The policy matrix, role × relation × action: a change of policy is a change of this snapshot, read by a person.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::*;
use policy::*;
use std::{fmt::Write, time::Duration};
use types::*;

fn relations() -> Vec<(&'static str, Vec<Relation>)> {
    let p = patient(9);
    let both = [Category::Result, Category::Document];
    let with = |kind, period| vec![Relation { period, ..relation(p, kind) }];
    let ended = Period { from: Time::from_micros(0), until: Some(NOW) };
    let coming = Period { from: NOW + Duration::from_secs(1), until: None };
    vec![
        ("none", vec![]),
        ("own", with(RelationKind::Own, always())),
        ("own, other establishment", vec![Relation { establishment: ELSEWHERE, ..relation(p, RelationKind::Own) }]),
        ("own of another patient", vec![relation(patient(8), RelationKind::Own)]),
        ("mandate on results", with(mandate(&[Category::Result]), always())),
        ("mandate on documents", with(mandate(&[Category::Document]), always())),
        ("mandate on both", with(mandate(&both), always())),
        ("mandate on nothing", with(mandate(&[]), always())),
        ("mandate ended", with(mandate(&both), ended)),
        ("mandate to come", with(mandate(&both), coming)),
        ("mandate, other establishment", vec![Relation { establishment: ELSEWHERE, ..relation(p, mandate(&both)) }]),
        ("care", with(RelationKind::Care, always())),
        ("care ended", with(RelationKind::Care, ended)),
        ("care, other establishment", vec![Relation { establishment: ELSEWHERE, ..relation(p, RelationKind::Care) }]),
    ]
}

fn object(category: Category, confidentiality: Confidentiality) -> ObjectRef {
    let id = "x".parse().unwrap();
    ObjectRef { establishment: HERE, patient: patient(9), category, confidentiality, id }
}

fn cells(policies: &Policies, role: Role, door: Door, facts: &Facts) -> String {
    let who = somebody(role, door);
    let people = policies.decide(&who, SeePeople {}, facts, NOW);
    let people = people.map_or("-".to_owned(), |yes| yes.scope().patients().count().to_string());
    let record = policies.decide(&who, ReadRecord { patient: patient(9) }, facts, NOW);
    let sightings = policies.decide(&who, AskSightings { patient: patient(9) }, facts, NOW).is_ok();
    let yes = |is| if is { "yes" } else { "-  " };
    let mut row = format!("people {people}  record {}  sightings {}", yes(record.is_ok()), yes(sightings));
    for &category in Category::ALL {
        for &confidentiality in Confidentiality::ALL {
            let object = object(category, confidentiality);
            let through_scope = record.as_ref().is_ok_and(|yes| yes.scope().admits(&object));
            assert_eq!(through_scope, policies.decide_object(&who, &object, facts, NOW));
            write!(row, "  {category}/{confidentiality} {}", if through_scope { "yes" } else { "-  " }).unwrap();
        }
    }
    row
}

#[test]
fn who_may_do_what() {
    let policies = Policies::built_in().unwrap();
    let mut table = String::new();
    for &role in Role::ALL {
        for (name, held) in relations() {
            let facts = facts(held);
            writeln!(table, "{role:17} {name:29} {}", cells(&policies, role, Door::Portal, &facts)).unwrap();
            for &door in Door::ALL.iter().filter(|&&door| door != Door::Portal) {
                let nothing = "people -  record -    sightings -    result/normal -    result/held -    document/normal -    document/held -  ";
                assert_eq!(cells(&policies, role, door, &facts), nothing, "{role} {name} through {door}");
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_sessions_and_system_actors_may_do() {
    let policies = Policies::built_in().unwrap();
    let none = Facts::default();
    let other = AccountId::from_bytes([0xee; 16]);
    let session = SessionId::from_bytes([4; 16]);
    let mut table = String::new();
    for &role in Role::ALL {
        let who = somebody(role, Door::Portal);
        let own = policies
            .decide(&who, EndSession { account: ACCOUNT, session, because: EndedBecause::Asked }, &none, NOW)
            .is_ok();
        let others = policies
            .decide(&who, EndSession { account: other, session, because: EndedBecause::Asked }, &none, NOW)
            .is_ok();
        // Who may end a session may disown what else is open in the same account, and nobody's beside.
        assert_eq!(policies.decide(&who, DisownSignIns { account: ACCOUNT }, &none, NOW).is_ok(), own);
        assert_eq!(policies.decide(&who, DisownSignIns { account: other }, &none, NOW).is_ok(), others);
        let at_door = DisownAtDoor { establishment: HERE, account: ACCOUNT };
        assert!(policies.decide(&who, at_door, &none, NOW).is_err(), "no person acts for the door");
        let sign_in = OpenSession { establishment: HERE, account: None, door: Door::Portal };
        let signs_in = policies.decide(&who, sign_in, &none, NOW).is_ok();
        let create = CreateAccount { establishment: HERE, account: other, role };
        let enrols = policies.decide(&who, create, &none, NOW).is_ok();
        writeln!(table, "{role:17} own session {own}  other's session {others}  sign in {signs_in}  enrol {enrols}")
            .unwrap();
    }
    for &actor in SystemActor::ALL {
        let who = identity::system_actor(actor, Some(HERE), NOW);
        let sign_in = OpenSession { establishment: HERE, account: None, door: Door::Portal };
        let signs_in = policies.decide(&who, sign_in, &none, NOW).is_ok();
        let create = CreateAccount { establishment: HERE, account: other, role: Role::Patient };
        let enrols = policies.decide(&who, create, &none, NOW).is_ok();
        let purges = policies.decide(&who, PurgeSessions {}, &none, NOW).is_ok();
        assert_eq!(policies.decide(&who, NoteSeen {}, &none, NOW).is_ok(), purges);
        let close = CloseFaulted { session: SessionId::from_bytes([4; 16]), detail: String::new() };
        assert_eq!(policies.decide(&who, close, &none, NOW).is_ok(), purges);
        let sent = NoteMailSent { account: other, mail: String::new() };
        let up = GiveMailUp { account: other, why: String::new() };
        assert_eq!(policies.decide(&who, TakeMail { count: 1 }, &none, NOW).is_ok(), purges);
        let remind = RemindReviews { what: String::new() };
        assert_eq!(policies.decide(&who, remind, &none, NOW).is_ok(), purges);
        assert_eq!(policies.decide(&who, KeepAlarm { what: String::new() }, &none, NOW).is_ok(), purges);
        assert_eq!(policies.decide(&who, sent, &none, NOW).is_ok(), purges);
        assert_eq!(policies.decide(&who, up, &none, NOW).is_ok(), purges);
        let readdress = ChangeAddress { account: other, what: String::new() };
        assert!(policies.decide(&who, readdress, &none, NOW).is_err() || enrols, "nobody readdresses by himself");
        let at_door = DisownAtDoor { establishment: HERE, account: other };
        assert_eq!(policies.decide(&who, at_door, &none, NOW).is_ok(), signs_in);
        assert!(policies.decide(&who, DisownSignIns { account: other }, &none, NOW).is_err());
        assert!(policies.decide(&who, SetSessionRules { decision: String::new() }, &none, NOW).is_err());
        let own = facts(vec![relation(patient(9), RelationKind::Own)]);
        let reads = policies.decide(&who, ReadRecord { patient: patient(9) }, &own, NOW).is_ok();
        let asks = policies.decide(&who, AskSightings { patient: patient(9) }, &own, NOW).is_ok();
        let gives = policies.decide(&who, GiveSightings { patient: patient(9), count: 1 }, &none, NOW).is_ok();
        let health = format!("record {reads}  ask for sightings {asks}  give {gives}");
        let arrival = FollowArrival { establishment: HERE, account: other, role: Role::OnCall };
        let change = FollowChange { establishment: HERE, account: other, detail: String::new() };
        let follows = policies.decide(&who, arrival, &none, NOW).is_ok();
        assert_eq!(policies.decide(&who, change, &none, NOW).is_ok(), follows);
        let acts = format!("sign in {signs_in}  enrol {enrols}  follow {follows}  keep house {purges}");
        writeln!(table, "{actor:17} {acts}  {health}").unwrap();
    }
    insta::assert_snapshot!(table);
}

const OURS: SupplierId = SupplierId::from_bytes([0x51; 16]);
const THEIRS: SupplierId = SupplierId::from_bytes([0x52; 16]);
const INTERVENTION: InterventionId = InterventionId::from_bytes([0x1a; 16]);
const EQUIPMENT: EquipmentId = EquipmentId::from_bytes([0xe0; 16]);
const RELAY: RelayId = RelayId::from_bytes([0x4e; 16]);

/// Each act on an intervention with what the policies say of it.
fn acts(policies: &Policies, who: &identity::Authenticated, facts: &Facts) -> Vec<(&'static str, bool)> {
    macro_rules! ask {
        ($($word:literal $action:expr),* $(,)?) => { vec![$(($word, policies.decide(who, $action, facts, NOW).is_ok())),*] };
    }
    let (intervention, equipment, relay) = (INTERVENTION, EQUIPMENT, RELAY);
    ask![
        "request" RequestIntervention { intervention, equipment },
        "withdraw" WithdrawIntervention { intervention },
        "approve" ApproveIntervention { intervention },
        "refuse" RefuseIntervention { intervention },
        "open" OpenIntervention { intervention },
        "extend" ExtendIntervention { intervention },
        "hold" HoldIntervention { intervention },
        "release" ReleaseIntervention { intervention },
        "close" CloseIntervention { intervention },
        "cut" CutIntervention { intervention },
        "cut_relay" CutRelay { relay },
        "open_relay" OpenRelay { relay, intervention, equipment },
        "watch" WatchRelay { relay },
        "replay" ReplayRelay { relay },
    ]
}

#[test]
fn who_may_do_what_with_an_intervention() {
    let policies = Policies::built_in().unwrap();
    let other = AccountId::from_bytes([0xee; 16]);
    let elsewhere = Matter { establishment: ELSEWHERE, ..matter(OURS, &[ACCOUNT], &[ACCOUNT]) };
    let relations = [
        ("no part in it", matter(THEIRS, &[other], &[other])),
        ("same supplier", matter(OURS, &[other], &[other])),
        ("technician of it", matter(OURS, &[other], &[ACCOUNT])),
        ("named, another supplier", matter(THEIRS, &[other], &[ACCOUNT])),
        ("answers for it", matter(THEIRS, &[ACCOUNT], &[other])),
        ("all, other establishment", elsewhere),
    ];
    let mut table = String::new();
    for &role in Role::ALL {
        for &door in &[Door::Desk, Door::Suppliers, Door::Relays, Door::Portal] {
            let who = somebody(role, door);
            for (name, matter) in &relations {
                let facts = Facts { supplier: Some(OURS), matter: Some(matter.clone()), ..Facts::default() };
                let seen = policies.decide(&who, SeeInterventions {}, &facts, NOW);
                let sees = seen.is_ok_and(|yes| yes.scope().admits_matter(matter));
                assert_eq!(sees, policies.decide_matter(&who, matter, &facts, NOW), "{role} {door} {name}");
                let mut words: Vec<&str> = if sees { vec!["see"] } else { vec![] };
                words.extend(acts(&policies, &who, &facts).into_iter().filter(|(_, yes)| *yes).map(|(word, _)| word));
                if !words.is_empty() {
                    writeln!(table, "{role:17} {door:10} {name:25} {}", words.join(" ")).unwrap();
                }
            }
        }
    }
    let nobody = identity::system_actor(SystemActor::Demo, Some(HERE), NOW);
    let facts = Facts { matter: Some(matter(OURS, &[], &[])), ..Facts::default() };
    assert!(acts(&policies, &nobody, &facts).iter().all(|(_, yes)| !yes), "no part of the system takes part in one");
    let technician = somebody(Role::Technician, Door::Relays);
    assert!(acts(&policies, &technician, &Facts::default()).iter().all(|(_, yes)| !yes), "without facts, nothing");
    insta::assert_snapshot!(table);
}

#[test]
fn who_may_do_what_with_the_establishments_affairs() {
    let policies = Policies::built_in().unwrap();
    let none = Facts::default();
    let other = AccountId::from_bytes([0xee; 16]);
    let mut table = String::new();
    for &role in Role::ALL {
        for &door in Door::ALL {
            let who = somebody(role, door);
            let key = |account| AddSshKey { account, fingerprint: "SHA256:x".into() };
            let approves = |account| ApproveSsh { account, approval: SshApprovalId::from_bytes([8; 16]) };
            let means = |account| VouchPasskey { account, credential: "x".into() };
            let supplier = CreateSupplier { establishment: HERE, supplier: OURS };
            let becoming = |state| ChangeAccountState { account: other, state, detail: String::new() };
            let confirm = ConfirmLink { account: other, terms: String::new() };
            let decision = SetSessionRules { decision: String::new() };
            let ask = AskRetention { reason: String::new(), statement: vec![] };
            let asked = [
                ("own means", policies.decide(&who, key(ACCOUNT), &none, NOW).is_ok()),
                ("others' means", policies.decide(&who, key(other), &none, NOW).is_ok()),
                ("approve his own SSH", policies.decide(&who, approves(ACCOUNT), &none, NOW).is_ok()),
                ("approve others' SSH", policies.decide(&who, approves(other), &none, NOW).is_ok()),
                ("vouch", policies.decide(&who, means(other), &none, NOW).is_ok()),
                ("equipment", policies.decide(&who, SeeEquipment {}, &none, NOW).is_ok()),
                ("manage equipment", policies.decide(&who, supplier, &none, NOW).is_ok()),
                ("traces", policies.decide(&who, SearchTraces { query: String::new() }, &none, NOW).is_ok()),
                ("retention", policies.decide(&who, SeeRetention {}, &none, NOW).is_ok()),
                ("ask for another retention", policies.decide(&who, ask, &none, NOW).is_ok()),
                ("accounts", policies.decide(&who, SeeAccounts {}, &none, NOW).is_ok()),
                ("invite", policies.decide(&who, InviteAccount { account: other, role }, &none, NOW).is_ok()),
                ("suspend", policies.decide(&who, becoming(AccountState::Suspended), &none, NOW).is_ok()),
                ("reopen", policies.decide(&who, becoming(AccountState::Active), &none, NOW).is_ok()),
                ("confirm a link", policies.decide(&who, confirm, &none, NOW).is_ok()),
                ("rules of sessions", policies.decide(&who, decision, &none, NOW).is_ok()),
                ("others' password", policies.decide(&who, ChangePassword { account: other }, &none, NOW).is_ok()),
                ("rules", policies.decide(&who, SeeRules {}, &none, NOW).is_ok()),
            ];
            assert!(!asked[1].1, "nobody adds a key to another's account");
            assert!(!asked[3].1, "nobody approves another's sign-in");
            let approves = policies.decide(&program(role, door), approves(ACCOUNT), &none, NOW);
            assert!(approves.is_err(), "a program approves nothing: {role} {door}");
            let waits = SshApprovalId::from_bytes([8; 16]);
            let asks = AskSshApproval { establishment: HERE, account: ACCOUNT, approval: waits };
            assert!(policies.decide(&who, asks, &none, NOW).is_err(), "no person asks for the door");
            // Who opens accounts says where their mail goes, and nobody else does; no person acts for the node.
            let readdress = ChangeAddress { account: other, what: String::new() };
            let invites = asked.iter().any(|(word, yes)| *word == "invite" && *yes);
            assert_eq!(policies.decide(&who, readdress, &none, NOW).is_ok(), invites, "{role} {door}");
            let corrects = CorrectAttributes { account: other, terms: String::new() };
            assert_eq!(policies.decide(&who, corrects, &none, NOW).is_ok(), invites, "{role} {door}");
            // Break-glass accounts go with what they are: opened, confirmed, taken away like others, and looked at by the same people.
            let said = |what: &str| asked.iter().any(|(word, yes)| *word == what && *yes);
            let envelopes = EnvelopesId::from_bytes([1; 16]);
            let opens = OpenBreakGlass { account: other, role: Role::OnCall };
            assert_eq!(policies.decide(&who, opens, &none, NOW).is_ok(), invites, "{role} {door}");
            let draws = DrawEnvelope { account: other, envelopes };
            assert_eq!(policies.decide(&who, draws, &none, NOW).is_ok(), invites, "{role} {door}");
            let confirms = ConfirmEnvelopes { account: other, envelopes };
            assert_eq!(policies.decide(&who, confirms, &none, NOW).is_ok(), said("confirm a link"), "{role} {door}");
            let revokes = RevokeEnvelopes { account: other };
            assert_eq!(policies.decide(&who, revokes, &none, NOW).is_ok(), said("suspend"), "{role} {door}");
            // So do printed sheets of codes.
            let (sheet, terms) = (SheetId::from_bytes([2; 16]), String::new());
            let prints = DrawSheet { account: other, terms };
            assert_eq!(policies.decide(&who, prints, &none, NOW).is_ok(), invites, "{role} {door}");
            let confirms = ConfirmSheet { account: other, sheet };
            assert_eq!(policies.decide(&who, confirms, &none, NOW).is_ok(), said("confirm a link"), "{role} {door}");
            let withdraws = WithdrawSheet { account: other, sheet };
            assert_eq!(policies.decide(&who, withdraws, &none, NOW).is_ok(), said("suspend"), "{role} {door}");
            let reviews = ReviewBreakGlass { account: other, detail: String::new() };
            assert_eq!(policies.decide(&who, reviews, &none, NOW).is_ok(), said("suspend"), "{role} {door}");
            let comes_in = BreakGlass { establishment: HERE, account: None, detail: String::new() };
            assert!(policies.decide(&who, comes_in, &none, NOW).is_err(), "{role} {door}: a door's own act");
            assert!(policies.decide(&who, TakeMail { count: 1 }, &none, NOW).is_err(), "{role} {door}");
            let remind = RemindReviews { what: String::new() };
            assert!(policies.decide(&who, remind, &none, NOW).is_err(), "{role} {door}");
            assert!(policies.decide(&who, KeepAlarm { what: String::new() }, &none, NOW).is_err(), "{role} {door}");
            let words: Vec<&str> = asked.iter().skip(1).filter(|(_, yes)| *yes).map(|(word, _)| *word).collect();
            assert!(asked[0].1, "{role}");
            if !words.is_empty() {
                writeln!(table, "{role:17} {door:10} {}", words.join(", ")).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_kept_proof_of_identity_is_refused_at_its_expiry() {
    let policies = Policies::built_in().unwrap();
    let who = somebody(Role::Patient, Door::Portal);
    let own = facts(vec![relation(patient(9), RelationKind::Own)]);
    let at = |seconds: u64| {
        let decision =
            policies.decide(&who, ReadRecord { patient: patient(9) }, &own, NOW + Duration::from_secs(seconds));
        decision.map(|_| ())
    };
    assert_eq!(at(59), Ok(()));
    assert_eq!(at(60), Err(Denied::Expired));
}

#[test]
fn every_policy_names_rules_that_exist() {
    let known = include_str!("../../../../rules/ids.csv").replace(',', ":");
    let known: Vec<&str> = known.lines().skip(1).collect();
    for (id, rules) in Policies::built_in().unwrap().rules_served() {
        assert!(!rules.is_empty(), "{id}");
        for rule in rules {
            assert!(known.contains(&rule.as_str()), "{id} names {rule}");
        }
    }
}

#[test]
fn policies_that_do_not_hold_together_are_refused() {
    for (text, why) in [
        ("permit (principal, action, resource);", "no @id"),
        ("@id(\"a\") permit (principal, action, resource);", "no @rules"),
        (
            "@id(\"a\") @rules(\"x:y\") permit (principal is Account, action == Action::\"see_person\", resource) when { principal.rank > 2 };",
            "rank",
        ),
        ("@id(\"a\") @rules(\"x:y\") permit (principal, action == Action::\"fly\", resource);", "fly"),
        ("permit (", "bad.cedar"),
    ] {
        let wrong = Policies::from_files(&[("bad.cedar", text)]).err().map(|error| error.to_string());
        assert!(wrong.as_ref().is_some_and(|wrong| wrong.contains(why)), "{text}: {wrong:?}");
    }
}

#[test]
fn means_are_kept_by_people_with_two_factors_or_enrolled_by_the_operator() {
    let policies = Policies::built_in().unwrap();
    let none = Facts::default();
    let other = AccountId::from_bytes([0xee; 16]);
    let issues = |who: &identity::Authenticated, account| {
        policies.decide(who, IssueToken { account, token: TokenId::from_bytes([9; 16]) }, &none, NOW).is_ok()
    };
    let vouches = |who: &identity::Authenticated| {
        policies.decide(who, VouchPasskey { account: other, credential: "x".into() }, &none, NOW).is_ok()
    };
    for &role in Role::ALL {
        for &door in Door::ALL {
            let (person, token) = (somebody(role, door), program(role, door));
            assert!(issues(&person, ACCOUNT), "{role}");
            assert!(!issues(&token, ACCOUNT) && !vouches(&token), "a token of {role} gives other means");
            let touch = TouchToken { account: ACCOUNT, token: TokenId::from_bytes([6; 16]) };
            assert!(policies.decide(&token, touch, &none, NOW).is_ok(), "its use is noted");
            let seen = policies.decide(&person, SeePasskeys {}, &none, NOW).is_ok();
            assert_eq!(seen, role == Role::Administrator && door == Door::Desk, "{role} {door}");
        }
    }
    for &actor in SystemActor::ALL {
        let who = identity::system_actor(actor, Some(HERE), NOW);
        let enrols = matches!(actor, SystemActor::Operator | SystemActor::Demo);
        assert_eq!((issues(&who, other), vouches(&who)), (enrols, enrols), "{actor}");
    }
}

#[test]
fn how_long_traces_are_kept_is_decided_by_trace_controllers_with_two_factors() {
    let policies = Policies::built_in().unwrap();
    let none = Facts::default();
    let (ask, confirm, withdraw) = (
        |who: &identity::Authenticated| {
            policies.decide(who, AskRetention { reason: String::new(), statement: vec![] }, &none, NOW).is_ok()
        },
        |who: &identity::Authenticated| {
            policies.decide(who, ConfirmRetention { statement: vec![] }, &none, NOW).is_ok()
        },
        |who: &identity::Authenticated| {
            policies.decide(who, WithdrawRetention { statement: vec![] }, &none, NOW).is_ok()
        },
    );
    for &role in Role::ALL {
        for &door in Door::ALL {
            let theirs = role == Role::TraceController && door == Door::Desk;
            let (person, token) = (somebody(role, door), program(role, door));
            assert_eq!([ask(&person), confirm(&person), withdraw(&person)], [theirs; 3], "{role} {door}");
            assert!(!ask(&token) && !confirm(&token) && !withdraw(&token), "a token of {role} decides");
        }
    }
    for &actor in SystemActor::ALL {
        let who = identity::system_actor(actor, Some(HERE), NOW);
        assert!(!ask(&who) && !confirm(&who) && !withdraw(&who), "{actor} decides");
    }
}

/// What somebody may do with an intervention that he answers for and works in, and with the establishment's affairs.
fn duties(policies: &Policies, who: &identity::Authenticated) -> Vec<&'static str> {
    let matter = matter(OURS, &[ACCOUNT], &[ACCOUNT]);
    let facts = Facts { supplier: Some(OURS), matter: Some(matter.clone()), ..Facts::default() };
    let mut all = acts(policies, who, &facts);
    let seen = policies.decide(who, SeeInterventions {}, &facts, NOW);
    let supplier = CreateSupplier { establishment: HERE, supplier: OURS };
    let equipment = RegisterEquipment { establishment: HERE, equipment: EQUIPMENT, version: 1 };
    let traces = SearchTraces { query: String::new() };
    all.extend([
        ("see", seen.is_ok_and(|yes| yes.scope().admits_matter(&matter))),
        ("register a supplier", policies.decide(who, supplier, &facts, NOW).is_ok()),
        ("register equipment", policies.decide(who, equipment, &facts, NOW).is_ok()),
        ("search traces", policies.decide(who, traces, &facts, NOW).is_ok()),
        ("export traces", policies.decide(who, ExportTraces { query: String::new() }, &facts, NOW).is_ok()),
    ]);
    all.into_iter().filter(|(_, yes)| *yes).map(|(word, _)| word).collect()
}

/// Who decides does not control, who controls or administers neither decides nor looks on.
#[test]
fn each_role_of_the_desk_has_its_own_duty() {
    let policies = Policies::built_in().unwrap();
    let follows = ["cut", "cut_relay", "watch", "replay", "see"];
    for (role, duty) in [
        (
            Role::Beneficiary,
            &[
                "approve",
                "refuse",
                "open",
                "extend",
                "hold",
                "release",
                "close",
                "cut",
                "cut_relay",
                "watch",
                "replay",
                "see",
            ][..],
        ),
        (Role::OnCall, &follows),
        (Role::SecurityOfficer, &follows),
        (Role::Administrator, &["see", "register a supplier", "register equipment"]),
        (Role::TraceController, &["search traces", "export traces"]),
        (Role::Dpo, &[]),
    ] {
        assert_eq!(duties(&policies, &somebody(role, Door::Desk)), duty, "{role}");
        for &door in Door::ALL.iter().filter(|door| **door != Door::Desk) {
            assert!(duties(&policies, &somebody(role, door)).is_empty(), "{role} through {door}");
        }
    }
}

/// A token does what its holder may, but for what asks for two factors.
#[test]
fn a_program_may_what_its_holder_may_and_never_reaches_an_equipment() {
    let policies = Policies::built_in().unwrap();
    for &role in Role::ALL {
        for &door in Door::ALL {
            let mut person = duties(&policies, &somebody(role, door));
            person.retain(|word| *word != "open_relay");
            assert_eq!(duties(&policies, &program(role, door)), person, "{role} through {door}");
        }
    }
}

/// Cedar skips what it cannot evaluate: a "forbid" that is skipped must not open anything.
#[test]
fn a_policy_that_cannot_be_evaluated_is_never_a_yes() {
    let permit =
        "@id(\"a\") @rules(\"x:y\") permit (principal is Account, action == Action::\"see_accounts\", resource);";
    let forbid =
        "@id(\"b\") @rules(\"x:y\") forbid (principal is Account, action == Action::\"see_accounts\", resource)
                  when { principal.assurance * 9223372036854775807 > 5 };";
    let who = somebody(Role::Administrator, Door::Desk);
    let decided = |files: &[(&str, &str)]| {
        let policies = Policies::from_files(files).unwrap();
        policies.decide(&who, SeeAccounts {}, &Facts::default(), NOW).map(|_| ())
    };
    assert_eq!(decided(&[("a.cedar", permit)]), Ok(()));
    assert_eq!(decided(&[("a.cedar", permit), ("b.cedar", forbid)]), Err(Denied::Fault));
}
