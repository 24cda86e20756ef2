//! Every action that can be asked for, with who may do it, in what relation to it, and how recently he proved who he is. An
//! action that is added to the list and not here fails; a change of policy is a change of this snapshot, read by a person.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::*;
use identity::Authenticated;
use policy::*;
use std::{collections::BTreeSet, fmt::Write};
use types::*;

const OURS: SupplierId = SupplierId::from_bytes([0x51; 16]);
const THEIRS: SupplierId = SupplierId::from_bytes([0x52; 16]);
const OTHER: AccountId = AccountId::from_bytes([0xee; 16]);
/// Past the ten minutes in which somebody has just proved who he is.
const LATER: Time = Time::from_micros(59_000_000 + 11 * 60 * 1_000_000);

/// One question to the policies: who, in which relation, when, and the account that the action is about.
struct Question<'a> {
    policies: &'a Policies,
    who: &'a Authenticated,
    facts: &'a Facts,
    account: AccountId,
    now: Time,
}

impl Question<'_> {
    fn ask<A: Action>(&self, action: A) -> bool {
        self.policies.decide(self.who, action, self.facts, self.now).is_ok()
    }
}

fn text() -> String {
    String::new()
}

/// Each action by its name, with the answer.
fn answers(question: &Question<'_>) -> Vec<(&'static str, bool)> {
    let account = question.account;
    macro_rules! ask {
        ($($name:ident { $($fields:tt)* },)*) => {
            vec![$((stringify!($name), question.ask($name { $($fields)* }))),*]
        };
    }
    ask![
        SeePeople {},
        ReadRecord { patient: patient(9) },
        ReadResult { patient: patient(9), id: "x".parse().unwrap() },
        ReadDocument { patient: patient(9), id: "x".parse().unwrap() },
        OpenDocument { patient: patient(9), category: Category::Document, id: "x".parse().unwrap() },
        AskSightings { patient: patient(9) },
        ReadSightings { patient: patient(9) },
        GiveSightings { patient: patient(9), count: 1 },
        OpenSession { establishment: HERE, account: Some(account), door: Door::Portal },
        BreakGlass { establishment: HERE, account: Some(account), detail: text() },
        EndSession { account, session: SessionId::from_bytes([4; 16]), because: EndedBecause::Asked },
        CloseFaulted { session: SessionId::from_bytes([4; 16]), detail: text() },
        RenewSession { account, session: SessionId::from_bytes([4; 16]) },
        DisownSignIns { account },
        DisownAtDoor { establishment: HERE, account },
        SetSessionRules { decision: text() },
        NoteSeen {},
        PurgeSessions {},
        TakeMail { count: 1 },
        NoteMailSent { account, mail: text() },
        GiveMailUp { account, why: text() },
        RemindReviews { what: text() },
        KeepAlarm { what: text() },
        CreateEstablishment { establishment: HERE },
        CreateAccount { establishment: HERE, account, role: Role::OnCall },
        InviteAccount { account, role: Role::OnCall },
        DrawLink { account, terms: text() },
        ConfirmLink { account, terms: text() },
        AllowLink { account, link: LinkId::from_bytes([5; 16]) },
        WithdrawLink { account, link: LinkId::from_bytes([5; 16]) },
        OpenBreakGlass { account, role: Role::OnCall },
        DrawEnvelope { account, envelopes: EnvelopesId::from_bytes([6; 16]) },
        ConfirmEnvelopes { account, envelopes: EnvelopesId::from_bytes([6; 16]) },
        RevokeEnvelopes { account },
        ReviewBreakGlass { account, detail: text() },
        DrawSheet { account, terms: text() },
        ConfirmSheet { account, sheet: SheetId::from_bytes([7; 16]) },
        WithdrawSheet { account, sheet: SheetId::from_bytes([7; 16]) },
        TakeLink { establishment: HERE, account, link: LinkId::from_bytes([5; 16]) },
        ChangeAddress { account, what: text() },
        CorrectAttributes { account, terms: text() },
        ChangeAccountState { account, state: AccountState::Suspended, detail: text() },
        ChangeAccountState { account, state: AccountState::Active, detail: text() },
        FollowArrival { establishment: HERE, account, role: Role::OnCall },
        FollowChange { establishment: HERE, account, detail: text() },
        ReviewAccount { account },
        SeeAccounts {},
        ChangePassword { account },
        ChangeSecondFactor { account },
        DrawSpareCodes { account },
        RegisterPatient { establishment: HERE, patient: patient(9) },
        GrantRelation { establishment: HERE, account, patient: patient(9) },
        CreateSupplier { establishment: HERE, supplier: OURS },
        RegisterEquipment { establishment: HERE, equipment: EquipmentId::from_bytes([8; 16]), version: 1 },
        AddSshKey { account, fingerprint: text() },
        RemoveSshKey { account, fingerprint: text() },
        EnrolPasskey { account, credential: text() },
        VouchPasskey { account, credential: text() },
        RemovePasskey { account, credential: text() },
        RevokePasskey { account, credential: text() },
        IssueToken { account, token: TokenId::from_bytes([9; 16]) },
        RevokeToken { account, token: TokenId::from_bytes([9; 16]) },
        TouchToken { account, token: TokenId::from_bytes([9; 16]) },
        AskSshApproval { establishment: HERE, account, approval: SshApprovalId::from_bytes([10; 16]) },
        ApproveSsh { account, approval: SshApprovalId::from_bytes([10; 16]) },
        RefuseSsh { account, approval: SshApprovalId::from_bytes([10; 16]) },
        CloseSshApproval { establishment: HERE, account, approval: SshApprovalId::from_bytes([10; 16]) },
        SeePasskeys {},
        SeeOwnMeans { account },
        SeeInterventions {},
        SeeEquipment {},
        SeeRules {},
        RequestIntervention {
            intervention: InterventionId::from_bytes([11; 16]),
            equipment: EquipmentId::from_bytes([8; 16])
        },
        WithdrawIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        ApproveIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        RefuseIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        OpenIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        ExtendIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        HoldIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        ReleaseIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        CloseIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        CutIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        LapseIntervention { intervention: InterventionId::from_bytes([11; 16]) },
        OpenRelay {
            relay: RelayId::from_bytes([12; 16]),
            intervention: InterventionId::from_bytes([11; 16]),
            equipment: EquipmentId::from_bytes([8; 16])
        },
        CloseRelay { relay: RelayId::from_bytes([12; 16]) },
        CutRelay { relay: RelayId::from_bytes([12; 16]) },
        WatchRelay { relay: RelayId::from_bytes([12; 16]) },
        ReplayRelay { relay: RelayId::from_bytes([12; 16]) },
        SearchTraces { query: text() },
        ExportTraces { query: text() },
        SeeSearches {},
        SaveSearch { search: SearchId::from_bytes([13; 16]), query: text() },
        ForgetSearch { search: SearchId::from_bytes([13; 16]) },
        SeeRetention {},
        AskRetention { reason: text(), statement: vec![] },
        ConfirmRetention { statement: vec![] },
        WithdrawRetention { statement: vec![] },
        SetRehearsal {
            intervention: InterventionId::from_bytes([11; 16]),
            equipment: EquipmentId::from_bytes([8; 16])
        },
        ClearRehearsal { intervention: InterventionId::from_bytes([11; 16]) },
        RecordProof { probe: text() },
    ]
}

/// In what relation somebody is to what he asks about, with the account that it is about.
fn relations() -> Vec<(&'static str, AccountId, Facts)> {
    let nobodys = matter(THEIRS, &[OTHER], &[OTHER]);
    let records = |kind| Facts { relations: vec![relation(patient(9), kind)], ..Facts::default() };
    let part = |matter| Facts { supplier: Some(OURS), matter: Some(matter), ..Facts::default() };
    let both = [Category::Result, Category::Document];
    vec![
        ("none", OTHER, part(nobodys)),
        ("his own account", ACCOUNT, Facts::default()),
        ("his own record", OTHER, records(RelationKind::Own)),
        ("he represents the patient", OTHER, records(mandate(&both))),
        ("he cares for the patient", OTHER, records(RelationKind::Care)),
        ("his supplier's intervention", OTHER, part(matter(OURS, &[OTHER], &[OTHER]))),
        ("he works in the intervention", OTHER, part(matter(OURS, &[OTHER], &[ACCOUNT]))),
        ("he answers for the equipment", OTHER, part(matter(THEIRS, &[ACCOUNT], &[OTHER]))),
    ]
}

/// Who may, in words: roles, each with its doors unless all are meant.
fn who(allowed: &BTreeSet<(Role, Door)>) -> String {
    if allowed.len() == Role::ALL.len() * Door::ALL.len() {
        return "everybody".into();
    }
    let mut words = Vec::new();
    for &role in Role::ALL {
        let doors: Vec<&str> =
            Door::ALL.iter().filter(|&&door| allowed.contains(&(role, door))).map(|door| door.as_str()).collect();
        match doors.len() {
            0 => {}
            all if all == Door::ALL.len() => words.push(role.to_string()),
            _ => words.push(format!("{role}@{}", doors.join("+"))),
        }
    }
    words.join(", ")
}

/// For each action, in order, what the policies say of everybody in one relation to it: just proved, later, by a token.
fn people(policies: &Policies, (account, facts): (AccountId, &Facts)) -> Vec<[BTreeSet<(Role, Door)>; 3]> {
    let mut all = vec![<[BTreeSet<(Role, Door)>; 3]>::default(); ACTIONS.len() + 1];
    for &role in Role::ALL {
        for &door in Door::ALL {
            let strengths =
                [(somebody(role, door), NOW), (seen_at(role, door, LATER), LATER), (program(role, door), NOW)];
            for (strength, (who, now)) in strengths.iter().enumerate() {
                let question = Question { policies, who, facts, account, now: *now };
                for (action, (_, yes)) in all.iter_mut().zip(answers(&question)) {
                    if let (true, Some(allowed)) = (yes, action.get_mut(strength)) {
                        allowed.insert((role, door));
                    }
                }
            }
        }
    }
    all
}

/// Which parts of the system may, by action.
fn parts(policies: &Policies) -> Vec<Vec<&'static str>> {
    let mut all = vec![Vec::new(); ACTIONS.len() + 1];
    for &actor in SystemActor::ALL {
        let who = identity::system_actor(actor, Some(HERE), NOW);
        let facts = Facts { matter: Some(matter(OURS, &[], &[])), ..Facts::default() };
        let question = Question { policies, who: &who, facts: &facts, account: OTHER, now: NOW };
        for (action, (_, yes)) in all.iter_mut().zip(answers(&question)) {
            if yes {
                action.push(actor.as_str());
            }
        }
    }
    all
}

fn names(policies: &Policies) -> Vec<&'static str> {
    let who = somebody(Role::Patient, Door::Portal);
    let question = Question { policies, who: &who, facts: &Facts::default(), account: ACCOUNT, now: NOW };
    answers(&question).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn no_action_is_left_out() {
    let mut asked = names(&Policies::built_in().unwrap());
    // Suspending is one right, giving back and closing another: one action is asked twice.
    asked.dedup();
    assert_eq!(asked, ACTIONS);
}

#[test]
fn who_may_do_each_action() {
    let policies = Policies::built_in().unwrap();
    let by_relation: Vec<_> =
        relations().iter().map(|(name, account, facts)| (*name, people(&policies, (*account, facts)))).collect();
    let parts = parts(&policies);
    let mut table = String::new();
    for (index, name) in names(&policies).into_iter().enumerate() {
        writeln!(table, "{name}").unwrap();
        let rows: Vec<(&str, &[BTreeSet<_>; 3])> =
            by_relation.iter().map(|(relation, all)| (*relation, &all[index])).collect();
        let same = rows.iter().all(|(_, row)| *row == rows[0].1);
        for (relation, [now, later, token]) in if same { &rows[..1] } else { &rows[..] } {
            let relation = if same { "whatever the relation" } else { relation };
            for (when, allowed) in [("just proved", now), ("later", later), ("by a token", token)] {
                if !allowed.is_empty() {
                    writeln!(table, "  {relation:29} {when:12} {}", who(allowed)).unwrap();
                }
            }
        }
        if !parts[index].is_empty() {
            writeln!(table, "  part of the system                         {}", parts[index].join(", ")).unwrap();
        }
        let nobody = parts[index].is_empty() && rows.iter().all(|(_, row)| row.iter().all(BTreeSet::is_empty));
        assert!(!nobody, "{name} is nobody's: what is it for?");
    }
    insta::assert_snapshot!(table);
}
