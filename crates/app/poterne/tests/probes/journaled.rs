//! The probes of what is traced, before a journal that lacks something.

use crate::{
    hospital::{self, Flaw},
    probes::{
        Fault,
        accesses::AccessesProbe,
        accounts::AccountsProbe,
        openings::{Opened, OpeningsProbe},
        traces::{Journaled, Wanted},
    },
};
use dossier::{BoxFuture, Probe as _, ProbeOutcome, probe_named};
use identity::{
    passkey::RelyingParty,
    vouching::{Pinned, PinnedKey, Pins},
};
use journal::{Kind, Outcome, Trace};
use std::sync::Arc;
use types::{AccountId, ClockState, Door, EstablishmentId, Event, Role, Time, TraceId};

/// What somebody does to a journal.
pub type Change = fn(&mut Vec<Trace>);

/// An account, as traces name it; any will do.
pub const ACCOUNT: &str = "account:fausukzmfuxc6mbrgiztinjwg4";
/// The act of its sign-in.
pub const ACT: [u8; 16] = [1; 16];

pub fn trace(event: Event, kind: Kind, act: u8, time: Time) -> Trace {
    Trace {
        index: u64::from(act),
        kind,
        event,
        time,
        clock: ClockState::Unknown,
        trace: TraceId::from_bytes([act; 16]),
        outcome: None,
        author: ACCOUNT.into(),
        role: None,
        establishment: None,
        door: Some("portal".into()),
        address: Some("127.0.0.1".into()),
        port: None,
        purpose: None,
        patients: Vec::new(),
        objects: Vec::new(),
        target: Some("here".into()),
        detail: None,
        count: None,
    }
}

/// An act with what became of it, as they stand in a journal: the outcome names its author only.
fn act(event: Event, act: u8, time: Time, became: Outcome) -> [Trace; 2] {
    let intent = trace(event, Kind::Intent, act, time);
    let bare = Trace { door: None, address: None, target: None, ..trace(event, Kind::Outcome, act, time) };
    [intent, Trace { outcome: Some(became), ..bare }]
}

fn signed_in(act_number: u8, time: Time, became: Outcome) -> [Trace; 2] {
    act(Event::SignIn, act_number, time, became).map(|one| Trace {
        author: "system.door".into(),
        target: one.target.map(|_| ACCOUNT.into()),
        ..one
    })
}

fn noted(event: Event, index: u64, detail: &str) -> Trace {
    let note = trace(event, Kind::Note, 9, Time::from_micros(1));
    Trace { index, author: "system.node".into(), detail: Some(detail.into()), door: None, address: None, ..note }
}

/// A journal that holds all that a visit leaves, or what `change` makes of it.
pub struct Book {
    pub change: Change,
    pub before: Vec<Trace>,
}

impl Journaled for Book {
    fn between(&self, from: Time, until: Time, wanted: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let mut traces = Vec::new();
        traces.extend(signed_in(1, from, Outcome::Done));
        traces.extend(signed_in(2, until, Outcome::Refused));
        traces.push(trace(Event::Refused, Kind::Refusal, 3, until));
        traces.push(trace(Event::PeopleRead, Kind::Released, 4, until));
        traces.extend(act(Event::SignOut, 5, until, Outcome::Done));
        for (event, number) in [(Event::TokenIssued, 6), (Event::TokenRevoked, 7), (Event::AccountCreated, 8)] {
            let on_itself = |one: Trace| Trace { target: one.target.map(|_| ACCOUNT.into()), ..one };
            traces.extend(act(event, number, until, Outcome::Done).map(on_itself));
        }
        for (event, detail) in [
            (Event::NodeStarted, ""),
            (Event::NodeConfigured, "no file"),
            (Event::PolicyInForce, "sha256:00"),
            (Event::DoorStarted, "portal 127.0.0.1:1"),
            (Event::DoorStarted, "relays 127.0.0.1:2"),
        ] {
            traces.push(noted(event, 9, detail));
        }
        (self.change)(&mut traces);
        traces.retain(|trace| wanted(trace.event));
        Box::pin(async move { Ok(traces) })
    }

    fn last_before(&self, _: Time, wanted: Wanted) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let traces = self.before.iter().filter(|trace| wanted(trace.event)).cloned().collect();
        Box::pin(async move { Ok(traces) })
    }
}

fn failed(outcome: &ProbeOutcome, what: &str) {
    assert!(matches!(outcome, ProbeOutcome::Failed(told) if told.contains(what)), "{what}: {outcome}");
}

fn without(traces: &mut Vec<Trace>, act: u8) {
    traces.retain(|trace| trace.trace != TraceId::from_bytes([act; 16]));
}

async fn accesses(change: Change) -> ProbeOutcome {
    let door = hospital::open(Flaw::None).await;
    let book = Arc::new(Book { change, before: Vec::new() });
    AccessesProbe::new(probe_named("accesses").unwrap(), vec![door.visits], book).run().await
}

#[tokio::test]
async fn the_probe_of_accesses_turns_on_each_act_that_leaves_nothing() {
    let outcome = accesses(|_| {}).await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}");
    let cases: [(Change, &str); 9] = [
        (|traces| without(traces, 1), "a sign-in leaves no trace"),
        (|traces| traces.retain(|trace| trace.outcome != Some(Outcome::Done)), "a sign-in leaves no trace"),
        (|traces| without(traces, 2), "a failed sign-in leaves no trace"),
        (|traces| without(traces, 3), "a page refused to an account leaves no trace"),
        (|traces| without(traces, 4), "reading personal data leaves no trace"),
        (|traces| traces.iter_mut().for_each(|trace| trace.target = None), "whose it is"),
        (|traces| traces.iter_mut().for_each(|trace| trace.address = None), "from where"),
        (|traces| traces.iter_mut().for_each(|trace| trace.author = "account:bbbb".into()), "refused to an account"),
        (|traces| traces.iter_mut().for_each(|trace| trace.patients = vec!["p".into()]), "were not shown"),
    ];
    let runs = cases.map(|(change, what)| tokio::spawn(async move { failed(&accesses(change).await, what) }));
    for run in runs {
        run.await.unwrap();
    }
}

#[tokio::test]
async fn a_door_that_takes_any_password_fails_the_probe_of_accesses() {
    let door = hospital::open(Flaw::AnyPassword).await;
    let book = Arc::new(Book { change: |_| {}, before: Vec::new() });
    let probe = AccessesProbe::new(probe_named("accesses").unwrap(), vec![door.visits], book);
    failed(&probe.run().await, "wrong password");
}

async fn openings(change: Change, before: Vec<Trace>) -> ProbeOutcome {
    let door = hospital::open(Flaw::None).await;
    let at = |port: u16| ([127, 0, 0, 1], port).into();
    let between = (Time::from_micros(1), Time::from_micros(2));
    let opened = Opened { doors: vec![(Door::Portal, at(1)), (Door::Relays, at(2))], between };
    let book = Arc::new(Book { change, before });
    OpeningsProbe::new(probe_named("openings").unwrap(), opened, vec![door.visits], book).run().await
}

/// A run that was stopped, of which `told` doors said that they closed.
fn stopped(told: &[&str]) -> Vec<Trace> {
    let mut traces = vec![
        noted(Event::NodeStarted, 10, ""),
        noted(Event::DoorStarted, 11, "portal 127.0.0.1:1"),
        noted(Event::DoorStarted, 12, "relays 127.0.0.1:2"),
    ];
    traces.extend(told.iter().map(|door| noted(Event::DoorStopped, 13, &format!("{door}, 0 cut"))));
    traces.push(noted(Event::NodeStopped, 14, ""));
    traces
}

#[tokio::test]
async fn the_probe_of_openings_turns_on_each_that_leaves_nothing() {
    let outcome = openings(|_| {}, Vec::new()).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("no run before")), "{outcome}");
    let outcome = openings(|_| {}, stopped(&["portal", "relays"])).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("so is the stop")), "{outcome}");
    let crashed = stopped(&[])[..3].to_vec();
    let outcome = openings(|_| {}, crashed).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(told) if told.contains("not stopped")), "{outcome}");
    failed(&openings(|_| {}, stopped(&["portal"])).await, "door relays closed");

    let cases: [(Change, &str); 5] = [
        (|traces| traces.retain(|trace| trace.event != Event::NodeStarted), "start of the node"),
        (
            |traces| traces.retain(|trace| trace.detail.as_deref() != Some("relays 127.0.0.1:2")),
            "opening of the door relays",
        ),
        (|traces| without(traces, 5), "end of a session leaves no trace"),
        (|traces| traces.retain(|trace| trace.event != Event::SignOut || trace.outcome.is_none()), "it was done"),
        (
            |traces| {
                let of_end = traces.iter_mut().filter(|trace| trace.event == Event::SignOut);
                of_end.for_each(|trace| trace.address = None);
            },
            "from where",
        ),
    ];
    let runs =
        cases.map(|(change, what)| tokio::spawn(async move { failed(&openings(change, Vec::new()).await, what) }));
    for run in runs {
        run.await.unwrap();
    }
    let outcome = openings(|traces| traces.retain(|trace| trace.event != Event::PolicyInForce), Vec::new()).await;
    assert!(matches!(outcome, ProbeOutcome::Partial(_)), "{outcome}");
}

async fn accounts(change: Change, flaw: Flaw, made: bool) -> ProbeOutcome {
    let door = hospital::open(flaw).await;
    let book = Arc::new(Book { change, before: Vec::new() });
    let made = made.then_some((Time::from_micros(1), Time::from_micros(2)));
    AccountsProbe::new(probe_named("accounts").unwrap(), Some(door.visits), made, book).run().await
}

#[tokio::test]
async fn the_probe_of_accounts_turns_on_what_leaves_nothing() {
    for (made, told) in [(true, "so is the account's creation"), (false, "made before this start")] {
        let outcome = accounts(|_| {}, Flaw::None, made).await;
        assert!(matches!(&outcome, ProbeOutcome::Partial(what) if what.contains(told)), "{outcome}");
    }
    // Whether rights over others are signed is said as it stands, as soon as a key is pinned.
    let (here, rp) =
        (EstablishmentId::from_bytes([1; 16]), RelyingParty { id: "x".into(), origin: "https://x".into() });
    let pins = Pins::new(Pinned { keys: Vec::new(), rp });
    let told = async || {
        let door = hospital::open(Flaw::None).await;
        let book = Arc::new(Book { change: |_| {}, before: Vec::new() });
        let probe = AccountsProbe::new(probe_named("accounts").unwrap(), Some(door.visits), None, book);
        probe.telling(Some((pins.clone(), here))).run().await.to_string()
    };
    assert!(told().await.contains("confirmed by two people, not signed"));
    let (account, role) = (AccountId::from_bytes([2; 16]), Role::Administrator);
    pins.add(PinnedKey { credential: vec![1], public_key: vec![1], account, role, establishment: here });
    assert!(told().await.contains("rights over others are signed by two people"));
    failed(&accounts(|_| {}, Flaw::KeepsTokens, false).await, "still among");
    let cases: [(Change, &str); 6] = [
        (|traces| without(traces, 6), "issue of a token leaves no trace"),
        (|traces| without(traces, 7), "end of a token leaves no trace"),
        (|traces| without(traces, 8), "creation of an account leaves no trace"),
        (
            |traces| traces.retain(|trace| trace.trace != TraceId::from_bytes([7; 16]) || trace.outcome.is_none()),
            "done",
        ),
        (|traces| traces.iter_mut().for_each(|trace| trace.author = "account:bbbb".into()), "does not say who"),
        (|traces| traces.iter_mut().for_each(|trace| trace.address = None), "from where"),
    ];
    let runs = cases
        .map(|(change, what)| tokio::spawn(async move { failed(&accounts(change, Flaw::None, true).await, what) }));
    for run in runs {
        run.await.unwrap();
    }
    let nowhere = AccountsProbe::new(
        probe_named("accounts").unwrap(),
        None,
        None,
        Arc::new(Book { change: |_| {}, before: Vec::new() }),
    );
    assert!(matches!(nowhere.run().await, ProbeOutcome::CouldNotRun(_)));
}
