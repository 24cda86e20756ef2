//! Invented people, interventions, sessions, machines and traces.

use super::{ME, NOW, address, minutes};
use desk::pages::*;
use dossier::{Catalogue, Installation, TraceCounts, TraceRow};
use identity::passkey::{PasskeyKey, PasskeyPublic};
use interventions::{
    Activity, ApprovalSummary, ChannelKind, ChannelSummary, EndReason, Equipment, FileAct, FileEnd, FileVerb,
    Intervention, Protocol, RelaySession, Right, State, Step, StepKind, Technician,
};
use signin::{Alarm, AlarmKind, EnrolledPasskey, PasskeySeen};
use types::{
    AccountId, EquipmentId, EstablishmentId, Event, InterventionId, Lang, Period, RelayId, Role, SupplierId, TraceId,
};

pub fn intervention(state: State) -> Intervention {
    let from = if state == State::Open { NOW - minutes(35) } else { NOW + minutes(55) };
    let step = |ago: u64, act, by: &str, note: &str| Step {
        at: NOW - minutes(ago),
        act,
        by: by.to_owned(),
        note: note.to_owned(),
    };
    let mut history = vec![step(200, StepKind::Requested, "Bastien Roumanoff", "")];
    let mut approvals = Vec::new();
    if state != State::Waiting {
        history.push(step(150, StepKind::Approved, "Odile Marchetti", ""));
        history.push(step(150, StepKind::Planned, "", ""));
        approvals.push(ApprovalSummary { account: ME, name: "Odile Marchetti".into(), at: NOW - minutes(150) });
    }
    if state == State::Open {
        history.push(step(35, StepKind::Opened, "Bastien Roumanoff", ""));
        history.push(step(20, StepKind::Held, "Odile Marchetti", "2026-11-21T14:30:00Z"));
        history.push(step(12, StepKind::SessionRefused, "Inès Delcourt", "the address is not one of those approved"));
    }
    Intervention {
        id: InterventionId::from_bytes([7; 16]),
        establishment: EstablishmentId::from_bytes([1; 16]),
        version: 1,
        supplier: SupplierId::from_bytes([2; 16]),
        supplier_name: "Radiance Imagerie".into(),
        equipment: EquipmentId::from_bytes([3; 16]),
        equipment_name: "scanner-2".into(),
        requester: AccountId::from_bytes([4; 16]),
        requester_name: "Bastien Roumanoff".into(),
        technicians: vec![Technician {
            account: AccountId::from_bytes([4; 16]),
            name: "Bastien Roumanoff".into(),
            fingerprints: vec!["SHA256:Zk3vQ0b8xq2V0p1yYt7r5s9d4f6g8h1j2k3l4m5n6o7".into()],
        }],
        activity: Activity::Maintenance,
        purpose: "Remplacer le module d'acquisition et vérifier l'étalonnage.\nLe scanner reste arrêté une heure."
            .into(),
        ticket: Some("BIO-4182".into()),
        rights: vec![Right::Shell, Right::FilesIn],
        sources: vec!["198.51.100.0/24".parse().unwrap()],
        window: Period { from, until: Some(from + minutes(120)) },
        state,
        hold_until: None,
        quorum: 1,
        approvals,
        history,
    }
}

fn files() -> Vec<FileAct> {
    let act = |verb, path: &str, to: Option<&str>, end| FileAct {
        verb,
        path: path.into(),
        to: to.map(str::to_owned),
        end,
        bytes_in: if verb == FileVerb::Written { 5_321 } else { 0 },
        bytes_out: if verb == FileVerb::Read { 1_204_331 } else { 0 },
        sha256_in: (verb == FileVerb::Written)
            .then(|| "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into()),
        sha256_out: None,
    };
    vec![
        act(FileVerb::Written, "/tmp/module d'acquisition.bin", None, FileEnd::Done),
        act(FileVerb::Read, "/var/log/<b>scanner.log", None, FileEnd::Unfinished),
        act(FileVerb::Renamed, "/tmp/module.bin", Some("/opt/module.bin"), FileEnd::Refused),
    ]
}

pub fn session(live: bool) -> RelaySession {
    let channel = |number, kind, command: Option<&str>| ChannelSummary {
        number,
        kind,
        command: command.map(str::to_owned),
        bytes_in: 5_321,
        bytes_out: 1_204_331,
        sha256_in: command.map(|_| "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into()),
        sha256_out: command.map(|_| "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752".into()),
        exit_status: Some(0),
        recording: command.is_none(),
        files: match kind {
            ChannelKind::Sftp => files(),
            ChannelKind::Terminal | ChannelKind::Command => Vec::new(),
        },
        files_more: if kind == ChannelKind::Sftp { 3 } else { 0 },
    };
    RelaySession {
        id: RelayId::from_bytes([9; 16]),
        intervention: InterventionId::from_bytes([7; 16]),
        technician: AccountId::from_bytes([4; 16]),
        technician_name: "Bastien Roumanoff".into(),
        equipment: EquipmentId::from_bytes([3; 16]),
        equipment_name: "scanner-2".into(),
        address: address("198.51.100.23"),
        opened: NOW - minutes(18),
        closed: (!live).then_some(NOW - minutes(2)),
        end: (!live).then_some(EndReason::Cut),
        bytes_in: 5_321,
        bytes_out: 1_204_331,
        channels: match live {
            true => Vec::new(),
            false => vec![
                channel(1, ChannelKind::Terminal, None),
                channel(2, ChannelKind::Command, Some("cat > /tmp/\u{202e}gpj.module")),
                channel(3, ChannelKind::Sftp, None),
            ],
        },
        note: if live { String::new() } else { "Coupée depuis le bureau".into() },
        held: false,
        overrun: false,
        alarms: Vec::new(),
        live,
    }
}

pub fn challenge() -> Challenge {
    Challenge {
        challenge: "Zm9v".into(),
        credentials: "YmFy".into(),
        nonce: "00ff".into(),
        terms: "{\n  \"kind\": \"approve\"\n}".into(),
    }
}

pub fn equipment(signed: bool) -> Equipment {
    Equipment {
        id: EquipmentId::from_bytes([3; 16]),
        establishment: EstablishmentId::from_bytes([1; 16]),
        version: 3,
        name: "scanner-2".into(),
        location: "Imagerie, salle 4".into(),
        protocol: Protocol::Ssh,
        host: "10.20.4.2".into(),
        port: 22,
        host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJg1qYb1Z5K0uYwGk2yq1b7m1m4hA6r9v9m0c8c0f7Qx".into(),
        account: "service".into(),
        beneficiaries: vec![ME],
        quorum: 1,
        signed,
    }
}

pub fn passkey(label: &str, vouched: bool) -> PasskeySeen {
    let key = [&[0x04][..], &P256_POINT].concat();
    let public_key = PasskeyKey::P256(key.try_into().unwrap());
    let public = PasskeyPublic {
        credential: label.as_bytes().to_vec(),
        public_key,
        sign_count: 0,
        backup_eligible: false,
        backed_up: false,
    };
    PasskeySeen { opens: true, public, label: label.into(), enrolled: NOW - minutes(3000), vouched }
}

const P256_POINT: [u8; 64] = [7; 64];

pub fn enrolled(name: &str, role: Role, account: u8, vouched: bool) -> EnrolledPasskey {
    let account = AccountId::from_bytes([account; 16]);
    EnrolledPasskey { account, display_name: name.into(), role, passkey: passkey("Téléphone", vouched) }
}

pub fn trace(n: u64, event: Event, outcome: Option<journal::Outcome>, kind: journal::Kind) -> TraceRow {
    TraceRow {
        port: Some(51_034),
        origin: "node".into(),
        index: n,
        kind,
        event,
        time: NOW - minutes(n),
        clock: types::ClockState::Synchronized,
        trace: TraceId::from_bytes([n as u8; 16]),
        outcome,
        author: "account:aaaaaaaaaaaaaaaaaaaaaaaaaa".into(),
        role: Some("beneficiary".into()),
        establishment: Some(EstablishmentId::from_bytes([1; 16]).to_string()),
        door: Some("desk".into()),
        address: Some("192.0.2.14".into()),
        purpose: None,
        patients: Vec::new(),
        objects: Vec::new(),
        target: Some("intervention:bbbbbbbbbbbbbbbbbbbbbbbbbb".into()),
        detail: None,
        count: None,
    }
}

/// A few weeks of traces, counted.
pub fn counted() -> Counted {
    let day = TraceCounts::day(NOW);
    let of = |ago: i64, event, count| ((day - ago, event), count);
    let reads = (0..24).filter(|n| n % 7 != 5).map(|n| of(n, Event::RecordRead, 3 + 11 * (n.unsigned_abs() % 5)));
    let others = [of(0, Event::SignIn, 14), of(3, Event::Refused, 6), of(9, Event::InterventionApproved, 2)];
    Counted::from(TraceCounts { cells: reads.chain(others).collect(), unreadable: 2, behind: Vec::new() })
}

fn alarms() -> Vec<Alarm> {
    let kinds = [
        AlarmKind::Scatter { account: Some(ME) },
        AlarmKind::Scatter { account: None },
        AlarmKind::WideSpray,
        AlarmKind::Disowned { account: ME },
        AlarmKind::Spray { network: [198, 51, 100, 0].into() },
    ];
    kinds.into_iter().zip(1..).map(|(kind, n)| Alarm { at: NOW - minutes(n * 7), kind }).collect()
}

pub fn home(role: Role) -> HomeView {
    if !follows(role) {
        return HomeView::default();
    }
    HomeView {
        elsewhere: false,
        waiting: Some(vec![intervention(State::Waiting)]),
        live: Some(vec![session(true)]),
        open: vec![intervention(State::Open)],
        planned: vec![intervention(State::Planned)],
        vouching: (role == Role::Administrator).then_some(Vouching { passkeys: 2, equipment: 14, unsigned: 1 }),
        accounts: sees_accounts(role).then_some(AccountsWaiting { links: 1, due: 12 }),
        alarms: if role == Role::SecurityOfficer { alarms() } else { Vec::new() },
        ringing: if sees_accounts(role) { vec![super::used(None)] } else { Vec::new() },
    }
}

pub fn intervention_view(state: State, who: (&str, Role)) -> InterventionView {
    let one = intervention(state);
    let acts = Acts::of(&one, (who.1, ME), NOW);
    let sessions = if state == State::Open { vec![session(true), session(false)] } else { Vec::new() };
    InterventionView { approval: acts.approve.then(challenge), acts, sessions, one, refusal: None }
}

pub fn fields() -> EquipmentFields {
    let one = equipment(true);
    EquipmentFields {
        name: one.name,
        location: one.location,
        host: one.host,
        port: "22".into(),
        host_key: one.host_key,
        account: one.account,
        beneficiaries: one.beneficiaries,
        quorum: "1".into(),
    }
}

pub fn rules(lang: Lang) -> RulesView {
    let catalogue = Catalogue::built_in().unwrap();
    let rows = dossier::rows(&catalogue, &[], &Installation::default(), NOW);
    let mut view = RulesView {
        texts: dossier::Text::ALL.iter().map(|text| (*text, catalogue.name(*text, lang).to_owned())).collect(),
        ..RulesView::default()
    };
    for row in rows {
        *view.counts.entry(row.state).or_default() += 1;
        if view.rows.len() < 12 {
            view.rows.push(row);
        }
    }
    view
}
