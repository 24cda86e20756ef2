//! From the request to the replay.

use super::*;
use crate::{ChannelKind, ChannelSummary, FileAct, FileEnd, FileVerb, Filter, InterventionError, Wrong};
use store::testing::both;

async fn a_technician_works_in_his_window(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.requested().await;
    assert_eq!(it.state(id).await, State::Waiting);
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)), "not approved");
    assert!(it.refused_because(id).await.starts_with("the intervention is waiting"));
    it.approve(2, id).await.unwrap();
    assert_eq!(it.state(id).await, State::Planned);
    assert!(matches!(it.approve(3, id).await, Err(InterventionError::Conflict)), "already planned");

    // One minute before the window.
    it.clock.advance(9 * 60);
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    assert!(it.refused_because(id).await.starts_with("the window has not begun"));
    let at_gate = crate::AtGate { account: account(5), supplier: supplier_of(5) };
    let gate = it.node.relays.gate();
    assert_eq!(gate.find(&at_gate, "scanner-2").await, None);
    it.clock.advance(60);
    assert_eq!(gate.find(&at_gate, "scanner-2").await, Some(id));
    assert_eq!(gate.offers(&at_gate).await[0].target, "scanner-2");

    let opened = it.connect(5).await.unwrap();
    assert_eq!(opened.warrant.equipment().host, "10.0.0.8");
    assert!(matches!(&opened.secret, EquipmentSecret::Password(text) if text.expose() == "le secret de la machine"));
    assert_eq!(it.state(id).await, State::Open);
    let recording = opened.recorder.terminal(1, (80, 24), "xterm").await.unwrap();
    recording.output(b"bonjour").await.unwrap();
    recording.finish(Some(0)).await.unwrap();

    let live = Filter { live: true, ..Filter::default() };
    let seen = it.node.desk.sessions(&it.at_desk(2), &live).await.unwrap().rows;
    assert_eq!((seen.len(), seen[0].technician_name.as_str(), seen[0].live), (1, "Personne 5", true));
    let mut feed = it.node.desk.watch(&it.at_desk(2), opened.relay).await.unwrap();
    assert_eq!(&*feed.frames.recv().await.unwrap(), "{}");

    let file = FileAct {
        verb: FileVerb::Renamed,
        path: "/avant".into(),
        to: Some("/après".into()),
        end: FileEnd::Refused,
        bytes_in: 3,
        bytes_out: 4,
        sha256_in: Some("ab".into()),
        sha256_out: None,
    };
    let channel = ChannelSummary {
        number: 1,
        kind: ChannelKind::Terminal,
        command: None,
        bytes_in: 10,
        bytes_out: 20,
        sha256_in: None,
        sha256_out: None,
        exit_status: Some(0),
        recording: true,
        files: vec![file.clone()],
        files_more: 2,
    };
    gate.command(opened.relay, &ChannelSummary { kind: ChannelKind::Command, ..channel.clone() }).await;
    gate.file(opened.relay, 3, &file).await;
    let relay = opened.relay;
    drop(opened.lease);
    gate.close_session(relay, Ending { channels: vec![channel.clone()], ..left() }).await;
    let session = it.node.desk.session(&it.at_desk(3), relay).await.unwrap();
    assert_eq!((session.end, session.bytes_out, session.live), (Some(EndReason::Technician), 20, false));
    assert_eq!(session.channels, [channel]);
    let mut replay = it.node.desk.recording(&it.at_desk(2), relay, 1).await.unwrap();
    let mut text = Vec::new();
    while let Some(piece) = replay.next().await.unwrap() {
        text.extend(piece);
    }
    assert!(String::from_utf8(text).unwrap().contains("bonjour") && !replay.is_cut());

    it.node.suppliers.close(&it.who(5, Door::Suppliers), id).await.unwrap();
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)), "closed");
    let history = it.history(id).await;
    let acts: Vec<&str> = history.iter().map(|step| step.split(' ').next().unwrap()).collect();
    let expected = ["requested", "session_refused", "approved", "planned", "session_refused", "opened", "closed"];
    assert_eq!(acts, expected);
    assert_eq!(it.traced(Event::RelayWatched), [(Kind::Released, Some(Outcome::Done))]);
    assert_eq!(it.traced(Event::RecordingReplayed), [(Kind::Released, Some(Outcome::Done))]);
    assert_eq!(it.traced(Event::RelayCommand), [(Kind::Note, Some(Outcome::Done))]);
    assert_eq!(it.traced(Event::RelayFile), [(Kind::Note, Some(Outcome::Done))]);
    let opened: Vec<_> = it.traced(Event::RelayOpened).into_iter().filter_map(|(_, outcome)| outcome).collect();
    assert_eq!(opened, [Outcome::Refused, Outcome::Refused, Outcome::Done]);
}
both!(a_technician_works_in_his_window);

async fn requests_are_bounded(database: &TestDatabase) {
    let it = House::new(database).await;
    let who = it.who(5, Door::Suppliers);
    let base = it.request_of(it.scanner);
    let refused = async |new: NewRequest| match it.node.suppliers.request(&who, new).await {
        Err(InterventionError::Invalid(wrong)) => wrong,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(NewRequest { purpose: "é".repeat(501), ..base.clone() }).await, Wrong::Purpose);
    assert_eq!(refused(NewRequest { purpose: " ".into(), ..base.clone() }).await, Wrong::Purpose);
    assert_eq!(refused(NewRequest { rights: vec![], ..base.clone() }).await, Wrong::Rights);
    assert_eq!(refused(NewRequest { technicians: vec![account(6)], ..base.clone() }).await, Wrong::Technicians);
    assert_eq!(refused(NewRequest { technicians: vec![account(2)], ..base.clone() }).await, Wrong::Technicians);
    let many = (100..121).map(account).collect();
    assert_eq!(refused(NewRequest { technicians: many, ..base.clone() }).await, Wrong::Technicians);
    let day = 24 * 60;
    for (from, until) in [(70, 10), (10, 10), (-20, -10), (10, 10 + 31 * day + 1), (90 * day + 1, 90 * day + 20)] {
        let new = NewRequest { from: minutes(from), until: minutes(until), ..base.clone() };
        assert_eq!(refused(new).await, Wrong::Window, "{from} {until}");
    }
    let nowhere = EquipmentId::from_bytes([9; 16]);
    assert_eq!(refused(NewRequest { equipment: nowhere, ..base.clone() }).await, Wrong::Equipment);
    for _ in 0..50 {
        it.node.suppliers.request(&who, base.clone()).await.unwrap();
    }
    assert_eq!(refused(base.clone()).await, Wrong::TooMany);
    let page = it.node.desk.list(&it.at_desk(2), &Filter::default()).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (50, None));
    it.node.suppliers.withdraw(&who, page.rows[0].id).await.unwrap();
    it.node.suppliers.request(&who, base).await.unwrap();
    let waiting = Filter { state: Some(State::Waiting), text: Some("SCANNER".into()), ..Filter::default() };
    assert_eq!(it.node.desk.list(&it.at_desk(2), &waiting).await.unwrap().rows.len(), 50);
    let none = Filter { text: Some("%".into()), ..Filter::default() };
    assert_eq!(it.node.desk.list(&it.at_desk(2), &none).await.unwrap().rows.len(), 0, "no pattern of the asker's");
}
both!(requests_are_bounded);

async fn two_must_agree_where_the_equipment_says_so(database: &TestDatabase) {
    let it = House::with_quorum(database, 2).await;
    let id = it.requested().await;
    it.approve(2, id).await.unwrap();
    assert_eq!(it.state(id).await, State::Waiting);
    assert!(matches!(it.approve(2, id).await, Err(InterventionError::Conflict)), "the same person twice");
    it.approve(3, id).await.unwrap();
    assert_eq!(it.state(id).await, State::Planned);
    it.clock.advance(600);
    let opened = it.connect(5).await.unwrap();
    it.extend(2, id, minutes(120)).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().ends, minutes(70), "one of two moves nothing");
    it.extend(3, id, minutes(100)).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().ends, minutes(100), "what both agree to");
    let seen = it.node.desk.get(&it.at_desk(2), id).await.unwrap();
    assert_eq!((seen.window.until, seen.approvals.len()), (Some(minutes(100)), 2));
}
both!(two_must_agree_where_the_equipment_says_so);

async fn signatures_serve_once_for_one_person(database: &TestDatabase) {
    let it = House::with_quorum(database, 2).await;
    let (one, two) = (it.requested().await, it.requested().await);
    let who = it.at_desk(2);
    let to_sign = it.node.desk.terms(&who, one, TermsKind::Approve).await.unwrap();
    assert_eq!(to_sign.credentials, [it.keychain.0[&account(2)].credential()]);
    let bad = |answer: Result<(), InterventionError>| assert!(matches!(answer, Err(InterventionError::BadSignature)));
    // For another intervention, another kind, another person's; too late; by nobody here.
    bad(it.node.desk.approve(&who, two, it.answered(2, &to_sign)).await);
    bad(it.node.desk.approve(&it.at_desk(3), one, it.answered(2, &to_sign)).await);
    bad(it.node.desk.approve(&who, one, it.answered(3, &to_sign)).await);
    bad(it.node.desk.approve(&who, one, Signed::Here).await);
    it.clock.advance(601);
    bad(it.node.desk.approve(&it.at_desk(2), one, it.answered(2, &to_sign)).await);
    assert_eq!(it.state(one).await, State::Waiting);
    it.approve(2, one).await.unwrap();
    // One who answers for other equipment sees nothing of it.
    assert!(matches!(it.approve(4, one).await, Err(InterventionError::NotFound)));
    assert!(matches!(it.approve(1, one).await, Err(InterventionError::NotFound)), "an administrator neither");
}
both!(signatures_serve_once_for_one_person);
