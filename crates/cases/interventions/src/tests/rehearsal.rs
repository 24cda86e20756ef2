//! A rehearsal through the real gate: opened, cut, and nothing left of it.

use super::*;
use crate::{Filter, InterventionError, NewRehearsal, Rehearsal};
use store::testing::both;

const TARGET: &str = "sonde-essai";

fn new() -> NewRehearsal {
    let equipment = equipment(TARGET, 1);
    NewRehearsal {
        establishment: HERE,
        account: account(5),
        name: equipment.name,
        port: 2222,
        host_key: equipment.host_key,
        login: "sonde".into(),
        password: Secret::new("le secret de la sonde".into()),
    }
}

async fn connect(it: &House<'_>, n: u8, target: &str) -> Result<Opened, GateRefused> {
    let address = ClientAddress::new([192, 0, 2, n].into());
    let asked = SessionAsked { fingerprint: format!("SHA256:{n}"), address, target: target.into() };
    it.node.relays.gate().open_session(it.who(n, Door::Relays), asked).await
}

async fn rehearse(it: &House<'_>) -> Rehearsal {
    it.node.relays.rehearse(new()).await.unwrap()
}

/// Rows of each table that a rehearsal writes to.
async fn rows(it: &House<'_>) -> Vec<i64> {
    let mut counts = Vec::new();
    for text in [
        "SELECT COUNT(*) FROM equipment",
        "SELECT COUNT(*) FROM equipment_beneficiaries",
        "SELECT COUNT(*) FROM interventions",
        "SELECT COUNT(*) FROM intervention_technicians",
        "SELECT COUNT(*) FROM intervention_signatures",
        "SELECT COUNT(*) FROM intervention_steps",
        "SELECT COUNT(*) FROM relay_sessions",
        "SELECT COUNT(*) FROM leases",
    ] {
        let (count,): (i64,) = sqlx::query_as(text).fetch_one(it.pool()).await.unwrap();
        counts.push(count);
    }
    counts
}

async fn shown(it: &House<'_>) -> (usize, usize, usize) {
    let (who, desk) = (it.at_desk(7), &it.node.desk);
    let listed = desk.list(&who, &Filter::default()).await.unwrap().rows.len();
    let sessions = desk.sessions(&who, &Filter::default()).await.unwrap().rows.len();
    (listed, sessions, desk.equipment(&who).await.unwrap().len())
}

async fn a_rehearsal_is_real_and_leaves_nothing(database: &TestDatabase) {
    let it = House::new(database).await;
    let real = it.planned().await;
    let before = rows(&it).await;
    let rehearsal = rehearse(&it).await;
    let id = rehearsal.intervention();
    let opened = connect(&it, 5, TARGET).await.unwrap();
    assert_eq!((opened.warrant.equipment().host.as_str(), opened.warrant.equipment().port), ("127.0.0.1", 2222));
    assert!(matches!(opened.secret, EquipmentSecret::Password(ref text) if text.expose() == "le secret de la sonde"));
    assert!(it.recordings().join(opened.relay.to_string()).is_dir());

    // No list of real work has it; whoever asks for it by name sees what it is.
    assert_eq!(shown(&it).await, (1, 0, 1));
    let seen = it.node.desk.get(&it.at_desk(7), id).await.unwrap();
    assert!(seen.purpose.starts_with("Sonde de la Poterne"), "{}", seen.purpose);
    let of = Filter { intervention: Some(id), ..Filter::default() };
    assert_eq!(it.node.desk.sessions(&it.at_desk(7), &of).await.unwrap().rows.len(), 1);

    // Those who may cut, cut it; nobody comes back; and the reserve need not remember it for weeks.
    let cut = opened.lease.cut();
    it.node.desk.cut(&it.at_desk(7), id, "essai").await.unwrap();
    assert_eq!(tokio::time::timeout(Duration::from_secs(3), cut).await.unwrap(), EndReason::Cut);
    assert!(matches!(connect(&it, 5, TARGET).await, Err(GateRefused::Refused)));
    assert!(it.node.journal.revoked_matters().contains(&id));
    it.clock.advance(301);
    it.node.journal.revoke_here(journal::Revoked::Matter(InterventionId::from_bytes([9; 16])), minutes(60));
    assert!(!it.node.journal.revoked_matters().contains(&id));

    it.node.relays.gate().close_session(opened.relay, left()).await;
    let folder = it.recordings().join(opened.relay.to_string());
    drop(opened);
    rehearsal.clear().await.unwrap();
    assert_eq!(rows(&it).await, before);
    assert!(!folder.exists());
    assert!(matches!(it.node.desk.get(&it.at_desk(7), id).await, Err(InterventionError::NotFound)));
    assert_eq!(it.state(real).await, State::Planned, "what is real stays");
    for event in [Event::RehearsalSet, Event::RelayOpened, Event::RelayClosed, Event::RehearsalCleared] {
        assert!(it.traced(event).contains(&(Kind::Outcome, Some(Outcome::Done))), "{event}");
    }
}
both!(a_rehearsal_is_real_and_leaves_nothing);

async fn what_a_stop_left_goes_with_the_next(database: &TestDatabase) {
    let it = House::new(database).await;
    let before = rows(&it).await;
    let first = rehearse(&it).await;
    let opened = connect(&it, 5, TARGET).await.unwrap();
    let folder = it.recordings().join(opened.relay.to_string());
    drop((first, opened));
    // Its keys went with it: what still stands in the rows opens nothing.
    assert!(matches!(connect(&it, 5, TARGET).await, Err(GateRefused::Refused)));
    let it = it.crash().await;
    assert!(folder.exists());
    assert!(matches!(connect(&it, 5, TARGET).await, Err(GateRefused::Refused)));
    let second = rehearse(&it).await;
    assert!(!folder.exists());
    assert!(connect(&it, 5, TARGET).await.is_ok());
    second.clear().await.unwrap();
    assert_eq!(rows(&it).await, before);
    // The real one of that name is nobody's to delete.
    let real = it.planned().await;
    let taken = NewRehearsal { name: "scanner-2".into(), ..new() };
    assert!(matches!(it.node.relays.rehearse(taken).await, Err(InterventionError::Conflict)));
    assert!(connect(&it, 5, "scanner-2").await.is_ok() && it.state(real).await == State::Open);
}
both!(what_a_stop_left_goes_with_the_next);

async fn only_a_technician_with_a_key_rehearses(database: &TestDatabase) {
    let it = House::new(database).await;
    for n in [1, 2, 7, 9] {
        let refused = it.node.relays.rehearse(NewRehearsal { account: account(n), ..new() }).await;
        assert!(matches!(refused, Err(InterventionError::Invalid(_))), "{n}");
    }
    assert!(it.node.relays.rehearsed().is_none());
}
both!(only_a_technician_with_a_key_rehearses);
