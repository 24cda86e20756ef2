//! Every page of the suppliers' door with invented people, for the tests of the pages and for the gallery.

use entrance::pages::*;
use interventions::{Activity, ApprovalSummary, Intervention, Right, State, Step, StepKind, Technician};
use signin::{SshKeySeen, SshWaiting, TokenSeen};
use std::time::Duration;
use suppliers::{greeting, pages::*};
use types::{
    AccountId, ClientAddress, EquipmentId, EstablishmentId, InterventionId, Lang, Period, Role, SshApprovalId,
    SupplierId, Time, TokenId, TokenScope,
};
use web::{
    i18n::Text,
    layout::{Chrome, ErrorKind, ErrorPage, LastSignIn, SignedIn, prelude::Template},
    reference::Reference,
};

/// Saturday 21 November 2026, 03:05 in Paris.
pub const NOW: Time = Time::from_micros(1_795_226_700_000_000);
pub const ERWAN: AccountId = AccountId::from_bytes([5; 16]);
pub const KEY: &str = "SHA256:3PzR8VqD0c1oW7m2yHk9sJ5tXe4uBn6aLfGiQwErTyU";

pub fn minutes(n: i64) -> Time {
    Time::from_micros(NOW.micros() + n * 60_000_000)
}

pub fn chrome(lang: Lang, path: &str, who: Option<(&str, Role)>) -> Chrome {
    let mut chrome = Chrome {
        lang,
        origin: "https://fournisseurs.hopital.example".to_owned(),
        path_without_lang: path.to_owned(),
        establishment_name: "Centre hospitalier de Valombre".to_owned(),
        support_contact: Some("01 99 00 12 34".to_owned()),
        signed_in: who.map(|(name, role)| SignedIn {
            display_name: name.to_owned(),
            role,
            csrf: "token".to_owned(),
            ends_at: NOW + Duration::from_secs(1800),
            absolute_end: NOW + Duration::from_secs(7200),
            last_sign_in: Some(LastSignIn {
                at: minutes(-4000),
                address: ClientAddress::new("192.0.2.7".parse().unwrap()),
            }),
            keep_alive_path: format!("/{lang}/session/keep"),
            is_break_glass: false,
            here_path: None,
        }),
        more_proof: None,
        nav: Vec::new(),
        now: NOW,
    };
    if let Some((_, role)) = who {
        chrome.navigate(nav(role, chrome.text()));
    }
    chrome
}

const TECHNICIAN: Option<(&str, Role)> = Some(("Erwan Tanguy", Role::Technician));
const MANAGER: Option<(&str, Role)> = Some(("Lise Maillard", Role::SupplierManager));
const AUDITOR: Option<(&str, Role)> = Some(("Victor Leblond", Role::Auditor));

pub fn reader(role: Role, keys: &[&str]) -> Reader {
    Reader {
        account: ERWAN,
        role,
        login: "erwan.tanguy".into(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        relay: Some(("relais.hopital.example".into(), 2222)),
        relay_key: Some("SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE".into()),
    }
}

fn step(at: i64, act: StepKind, by: &str, note: &str) -> Step {
    Step { at: minutes(at), act, by: by.into(), note: note.into() }
}

pub fn intervention(n: u8, state: State, from: i64, until: i64) -> Intervention {
    let mut history = vec![step(-300, StepKind::Requested, "Erwan Tanguy", "")];
    match state {
        State::Waiting => {}
        State::Refused => {
            let why = "Le scanner est en consultation jusqu'à 18 h. Demandez demain matin.";
            history.push(step(-200, StepKind::Refused, "Nadia Ferrand", why));
        }
        State::Withdrawn => history.push(step(-100, StepKind::Withdrawn, "Erwan Tanguy", "")),
        _ => history.push(step(-240, StepKind::Planned, "Nadia Ferrand", "")),
    }
    if matches!(state, State::Open | State::Closed | State::Cut) {
        history.push(step(-30, StepKind::Opened, "Erwan Tanguy", ""));
        history.push(step(-20, StepKind::Extended, "Nadia Ferrand", "2026-11-21T03:30:00Z"));
    }
    if state == State::Cut {
        history.push(step(-5, StepKind::Cut, "Aline Gicquel", "Une urgence arrive au scanner."));
    }
    let approved = matches!(state, State::Planned | State::Open | State::Closed | State::Cut);
    let approval =
        ApprovalSummary { account: AccountId::from_bytes([2; 16]), name: "Nadia Ferrand".into(), at: minutes(-240) };
    Intervention {
        id: InterventionId::from_bytes([n; 16]),
        establishment: EstablishmentId::from_bytes([1; 16]),
        version: 1,
        supplier: SupplierId::from_bytes([1; 16]),
        supplier_name: "Armor Imagerie".into(),
        equipment: EquipmentId::from_bytes([1; 16]),
        equipment_name: if n.is_multiple_of(2) { "automate-pharmacie".into() } else { "scanner-1".into() },
        requester: ERWAN,
        requester_name: "Erwan Tanguy".into(),
        technicians: vec![
            Technician { account: ERWAN, name: "Erwan Tanguy".into(), fingerprints: vec![KEY.into()] },
            Technician {
                account: AccountId::from_bytes([6; 16]),
                name: "Solène Le Bihan".into(),
                fingerprints: vec!["SHA256:uYtRe7WqPaLsKdJfHgZmXnCbV0192837465AbCdEfGh".into()],
            },
        ],
        activity: Activity::Maintenance,
        purpose: "Le tube surchauffe depuis hier soir.\nLire le journal de la console et mettre à jour le pilote."
            .into(),
        ticket: Some("GMAO-48213".into()),
        rights: vec![Right::Shell, Right::FilesIn],
        sources: vec!["198.51.100.0/24".parse().unwrap()],
        window: Period { from: minutes(from), until: Some(minutes(until)) },
        state,
        hold_until: None,
        quorum: 1,
        approvals: if approved { vec![approval] } else { Vec::new() },
        history,
    }
}

pub fn turn(role: Role, keys: &[&str], one: Intervention) -> Turn {
    Turn::new(one, &reader(role, keys), NOW)
}

fn home(role: Role, keys: &[&str]) -> HomeView {
    let of = |n, state, from, until| turn(role, keys, intervention(n, state, from, until));
    HomeView {
        reader: reader(role, keys),
        now: vec![of(1, State::Open, -30, 85)],
        planned: vec![of(2, State::Planned, 55, 175)],
        waiting: vec![of(3, State::Waiting, 600, 720), of(4, State::Waiting, 3000, 9000)],
        ended: vec![
            of(5, State::Cut, -900, -700),
            of(6, State::Refused, -2000, -1800),
            of(7, State::Closed, -9000, -8800),
        ],
    }
}

fn empty(role: Role, keys: &[&str]) -> HomeView {
    HomeView {
        reader: reader(role, keys),
        now: Vec::new(),
        planned: Vec::new(),
        waiting: Vec::new(),
        ended: Vec::new(),
    }
}

/// On a node that has no relays.
fn without_relay(mut view: HomeView) -> HomeView {
    view.reader.relay = None;
    for turns in [&mut view.now, &mut view.planned, &mut view.waiting, &mut view.ended] {
        for turn in turns {
            *turn = Turn::new(turn.one.clone(), &view.reader, NOW);
        }
    }
    view
}

pub fn form() -> RequestForm {
    RequestForm {
        equipment: EquipmentId::from_bytes([1; 16]).to_string(),
        activity: "maintenance".into(),
        purpose: String::new(),
        ticket: "GMAO-48213".into(),
        from: "2026-11-21T03:05".into(),
        until: "2026-11-21T05:05".into(),
        technicians: vec![ERWAN.to_string()],
        rights: vec!["shell".into()],
        sources: String::new(),
    }
}

pub fn request(form: RequestForm, wrong: Vec<(Field, String)>) -> RequestView {
    let technician = |account, name: &str, has_key| TechnicianChoice {
        account,
        name: name.into(),
        has_key,
        is_reader: account == ERWAN,
    };
    let target = |n, name: &str, location: &str| TargetChoice {
        id: EquipmentId::from_bytes([n; 16]),
        name: name.into(),
        location: location.into(),
    };
    RequestView {
        form,
        equipment: vec![
            target(2, "automate-pharmacie", "Pharmacie à usage intérieur, niveau -1"),
            target(1, "scanner-1", "Imagerie, salle 2, niveau 0"),
        ],
        technicians: vec![
            technician(ERWAN, "Erwan Tanguy", true),
            technician(AccountId::from_bytes([6; 16]), "Solène Le Bihan", true),
            technician(AccountId::from_bytes([7; 16]), "Yves Kerjean", false),
        ],
        wrong,
    }
}

pub fn means() -> MeansView {
    let key = |fingerprint: &str, label: &str| SshKeySeen {
        fingerprint: fingerprint.into(),
        algorithm: "ssh-ed25519",
        label: label.into(),
        added: minutes(-5000),
    };
    let token = TokenSeen {
        id: TokenId::from_bytes([1; 16]),
        label: "GMAO".into(),
        scopes: [TokenScope::InterventionsRead, TokenScope::InterventionsWrite].into(),
        issued: minutes(-5000),
        expires: minutes(20_000),
        sources: vec!["198.51.100.0/24".parse().unwrap()],
        last_used: Some(minutes(-90)),
    };
    MeansView {
        keys: vec![key(KEY, "erwan@portable"), key("SHA256:q0w9e8r7t6y5u4i3o2p1ASDFGHJKLzxcvbnmQWERTYU", "Clé du sac")],
        tokens: vec![token],
        ..MeansView::default()
    }
}

/// What waits for an answer in the browser.
pub fn waiting() -> SshWaiting {
    SshWaiting {
        id: SshApprovalId::from_bytes([1; 16]),
        target: Some("scanner-1".into()),
        address: ClientAddress::new("192.0.2.7".parse().unwrap()),
        is_usual: true,
        is_here: true,
        label: "erwan@portable".into(),
        fingerprint: KEY.into(),
        asked: minutes(0),
        ends: minutes(2),
    }
}

/// The pages of a sign-in by SSH that waits, by name.
fn ssh_pages(technician: impl Fn(&str) -> Chrome) -> Vec<(&'static str, String)> {
    let page =
        |waiting, done, stale| SshPage::new(technician("/ssh"), SshView { waiting, done, stale }).render().unwrap();
    let elsewhere = SshWaiting {
        address: ClientAddress::new("2001:db8::7".parse().unwrap()),
        is_usual: false,
        is_here: false,
        target: None,
        ..waiting()
    };
    vec![
        ("ssh", page(Some(waiting()), None, false)),
        ("ssh-stale", page(Some(SshWaiting { is_usual: false, ..waiting() }), None, true)),
        ("ssh-elsewhere", page(Some(elsewhere), None, false)),
        ("ssh-approved", page(None, Some(SshDone::Approved), false)),
        ("ssh-refused", page(None, Some(SshDone::Refused), false)),
        ("ssh-late", page(None, Some(SshDone::Late), false)),
        ("ssh-late-another-waits", page(Some(waiting()), Some(SshDone::Late), false)),
        ("ssh-mistyped", page(Some(waiting()), Some(SshDone::Mistyped), false)),
        ("ssh-served", page(None, Some(SshDone::Served), false)),
        ("ssh-none", page(None, None, false)),
    ]
}

/// All the pages, by name.
pub fn all(lang: Lang) -> Vec<(&'static str, String)> {
    let t = Text::new(lang);
    let at = |path: &str, who| chrome(lang, path, who);
    let technician = |path: &str| at(path, TECHNICIAN);
    let one = |n: u8, state, from, until| intervention(n, state, from, until);
    let page = |one: Intervention, keys: &[&str]| {
        let view = InterventionView {
            reader: reader(Role::Technician, keys),
            turn: turn(Role::Technician, keys, one),
            is_sent: false,
            has_changed: false,
        };
        InterventionPage::new(technician("/interventions/x"), view)
    };
    let shown = |one: Intervention| page(one, &[KEY]).render().unwrap();
    let nowhere = Reader { relay: None, ..reader(Role::Technician, &[KEY]) };
    let alone = InterventionView {
        turn: Turn::new(one(1, State::Open, -30, 85), &nowhere, NOW),
        reader: nowhere,
        is_sent: false,
        has_changed: false,
    };
    let mut held = one(1, State::Open, -120, -10);
    held.hold_until = Some(minutes(40));
    let sent = InterventionView {
        reader: reader(Role::Technician, &[KEY]),
        turn: turn(Role::Technician, &[KEY], one(3, State::Waiting, 0, 120)),
        is_sent: true,
        has_changed: false,
    };
    let changed = InterventionView { is_sent: false, has_changed: true, ..sent.clone() };
    let wrong = vec![
        (Field::Equipment, t.suppliers_wrong_equipment().to_owned()),
        (Field::Activity, t.suppliers_wrong_activity().to_owned()),
        (Field::Purpose, t.suppliers_wrong_purpose().to_owned()),
        (Field::Until, t.suppliers_wrong_until_before().to_owned()),
        (Field::Technicians, t.suppliers_wrong_technicians().to_owned()),
        (Field::Rights, t.suppliers_wrong_rights().to_owned()),
        (Field::Sources, t.suppliers_wrong_sources().to_owned()),
    ];
    let issued = IssuedToken { label: "GMAO".into(), text: format!("pot_{}{}", "a".repeat(26), "0".repeat(64)) };
    let list = ListView {
        rows: (1..=7)
            .zip([
                State::Open,
                State::Planned,
                State::Waiting,
                State::Cut,
                State::Refused,
                State::Closed,
                State::Lapsed,
            ])
            .map(|(n, state)| turn(Role::Technician, &[KEY], one(n, state, 30, 90)))
            .collect(),
        state: None,
        is_further: false,
        next: Some("1-a".into()),
    };
    let none = ListView { rows: Vec::new(), state: Some(State::Cut), is_further: true, next: None };
    let mut no_key = request(form(), Vec::new());
    no_key.technicians[0].has_key = false;
    let key_wrong = MeansView {
        key_line: "ssh-ed25519 AAAA".into(),
        wrong: Some(MeansWrong::Key(t.means_wrong_malformed().to_owned())),
        ..means()
    };
    let token_wrong = MeansView {
        wrong: Some(MeansWrong::Days(t.means_wrong_days(366_u64))),
        token: TokenForm { label: "GMAO".into(), days: "900".into(), ..TokenForm::default() },
        ..means()
    };
    let stranger = Welcome::new(at("/", None), greeting(t), WelcomeView::default());
    let gone = ErrorPage::new(technician("/"), ErrorKind::NotFound, Some(Reference::draw()));
    let others = vec![
        ("welcome", stranger.render().unwrap()),
        ("home", Home::new(technician("/"), home(Role::Technician, &[KEY])).render().unwrap()),
        ("home-no-key", Home::new(technician("/"), empty(Role::Technician, &[])).render().unwrap()),
        ("home-key-gone", Home::new(technician("/"), home(Role::Technician, &["SHA256:x"])).render().unwrap()),
        ("home-empty", Home::new(technician("/"), empty(Role::Technician, &[KEY])).render().unwrap()),
        (
            "home-nothing-now",
            Home::new(technician("/"), HomeView { now: Vec::new(), ..home(Role::Technician, &[KEY]) })
                .render()
                .unwrap(),
        ),
        ("home-no-relay", Home::new(technician("/"), without_relay(home(Role::Technician, &[KEY]))).render().unwrap()),
        (
            "home-no-relay-empty",
            Home::new(technician("/"), without_relay(empty(Role::Technician, &[KEY]))).render().unwrap(),
        ),
        ("home-manager", Home::new(at("/", MANAGER), home(Role::SupplierManager, &[])).render().unwrap()),
        ("home-auditor", Home::new(at("/", AUDITOR), empty(Role::Auditor, &[])).render().unwrap()),
        ("list", List::new(technician("/interventions"), list).render().unwrap()),
        ("list-empty", List::new(technician("/interventions?state=cut"), none).render().unwrap()),
        ("request", Request::new(technician("/interventions/new"), request(form(), Vec::new())).render().unwrap()),
        ("request-wrong", Request::new(technician("/interventions/new"), request(form(), wrong)).render().unwrap()),
        ("request-no-key", Request::new(technician("/interventions/new"), no_key).render().unwrap()),
        ("one-sent", InterventionPage::new(technician("/interventions/x"), sent).render().unwrap()),
        ("one-changed", InterventionPage::new(technician("/interventions/x"), changed).render().unwrap()),
        ("one-planned", shown(one(1, State::Planned, 300, 420))),
        ("one-planned-now", shown(one(1, State::Planned, -1, 119))),
        ("one-open", shown(one(1, State::Open, -30, 85))),
        ("one-key-gone", page(one(1, State::Open, -30, 85), &["SHA256:x"]).render().unwrap()),
        ("one-no-relay", InterventionPage::new(technician("/interventions/x"), alone).render().unwrap()),
        ("one-held", shown(held)),
        ("one-cut", shown(one(1, State::Cut, -90, 30))),
        ("one-refused", shown(one(1, State::Refused, 30, 90))),
        ("one-withdrawn", shown(one(1, State::Withdrawn, 30, 90))),
        ("one-lapsed", shown(one(1, State::Lapsed, -90, -30))),
        ("means", MeansPage::new(technician("/means"), means()).render().unwrap()),
        (
            "means-issued",
            MeansPage::new(technician("/means"), MeansView { issued: Some(issued), ..means() }).render().unwrap(),
        ),
        (
            "means-done",
            MeansPage::new(technician("/means"), MeansView { done: Some(MeansDone::KeyAdded), ..MeansView::default() })
                .render()
                .unwrap(),
        ),
        ("means-key-wrong", MeansPage::new(technician("/means"), key_wrong).render().unwrap()),
        ("means-token-wrong", MeansPage::new(technician("/means"), token_wrong).render().unwrap()),
        ("error", gone.render().unwrap()),
    ];
    others.into_iter().chain(ssh_pages(technician)).collect()
}
