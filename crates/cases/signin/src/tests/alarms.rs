//! Alarms, kept for every node's desk and told by mail (acces-web AA7, clausier O-5.3).

use super::*;
use crate::{About, Alarm, AlarmKind, Alarms, Defences};
use std::net::IpAddr;
use types::Event;

const ELSEWHERE: EstablishmentId = EstablishmentId::from_bytes([0xe5; 16]);

fn network(n: u8) -> IpAddr {
    IpAddr::from([198, 51, n, 0])
}

/// A node over the fixture's database: what its doors know, its desk, and what keeps its alarms.
struct Node<'a> {
    it: &'a Fixture,
    defences: Defences,
    desk: SignInService,
    alarms: Alarms,
}

impl Fixture {
    fn node(&self) -> Node<'_> {
        let defences = Defences::default();
        let settings = SignInSettings { defences: defences.clone(), ..settings(Door::Desk, DESK) };
        let keys = || self.master.keys_for(Holder::Door(Door::Desk));
        let (store, journal, policies) = (self.store.clone(), self.journal.clone(), Arc::clone(&self.policies));
        let desk = SignInService::new(store.clone(), journal.clone(), policies.clone(), keys(), settings).unwrap();
        let alarms = Alarms::new((store, journal, policies), keys(), (defences.clone(), vec![HERE]));
        Node { it: self, defences, desk, alarms }
    }
}

impl Node<'_> {
    fn rings(&self, kind: AlarmKind) {
        self.defences.ring(kind, self.it.clock.now());
    }

    async fn shows(&self) -> Vec<AlarmKind> {
        self.shows_of(HERE).await
    }

    async fn shows_of(&self, establishment: EstablishmentId) -> Vec<AlarmKind> {
        let alarms: Vec<Alarm> = self.desk.alarms(establishment, Time::from_micros(0)).await.unwrap();
        assert!(alarms.is_sorted_by(|one, next| one.at >= next.at), "the newest first");
        alarms.into_iter().map(|alarm| alarm.kind).collect()
    }
}

async fn every_node_s_desk_shows_what_one_rang_after_a_restart_too(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let (first, second) = (it.node(), it.node());
    let spray = AlarmKind::Spray { network: network(1) };
    let disowned = AlarmKind::Disowned { account };
    first.rings(spray.clone());
    it.clock.advance(1);
    first.rings(disowned.clone());
    assert_eq!(first.shows().await, [disowned.clone(), spray.clone()], "at once where it rang");
    assert!(second.shows().await.is_empty() && first.shows_of(ELSEWHERE).await == [spray.clone()]);
    assert_eq!(first.alarms.keep().await.unwrap(), 2);
    assert_eq!(first.alarms.keep().await.unwrap(), 0, "once");
    for desk in [&first, &second, &it.node()] {
        assert_eq!(desk.shows().await, [disowned.clone(), spray.clone()]);
        assert!(desk.shows_of(ELSEWHERE).await.is_empty(), "another hospital's business");
    }
    // What two nodes noticed of one account is one alarm; ten minutes later it is another.
    second.rings(disowned.clone());
    assert_eq!(second.alarms.keep().await.unwrap(), 0);
    it.clock.advance(601);
    second.rings(disowned.clone());
    assert_eq!(second.alarms.keep().await.unwrap(), 1);
    assert_eq!(first.shows().await, [disowned.clone(), disowned, spray]);
    // A month later nothing is kept of it.
    it.clock.advance(31 * 86_400);
    second.rings(AlarmKind::WideSpray);
    assert_eq!(second.alarms.keep().await.unwrap(), 1);
    assert_eq!(first.shows().await, [AlarmKind::WideSpray]);
    assert_eq!(it.counted("SELECT COUNT(*) FROM alarms").await, 1);
}
both!(every_node_s_desk_shows_what_one_rang_after_a_restart_too);

async fn those_who_manage_accounts_are_written_to_once_an_hour_for_each_kind(database: &TestDatabase) {
    let it = fixture(database).await;
    let solange = it.solange().await;
    let (first, second) = (it.node(), it.node());
    first.rings(AlarmKind::WideSpray);
    first.alarms.keep().await.unwrap();
    assert!(it.letters().await.is_empty(), "no mail is set");
    it.clock.advance(3601);
    for node in [&first, &second] {
        node.alarms.write_mail(outbox::post());
    }
    let told = async || {
        let letters = it.letters().await;
        let told = letters.iter().map(|letter| letter.alarm.clone().unwrap()).collect::<Vec<_>>();
        for letter in letters {
            assert_eq!((letter.about, letter.to.as_str(), letter.account), (About::Alarm, outbox::OTHER, solange));
            assert_eq!(letter.origin.as_deref(), Some("https://bureau.hopital.example"));
            it.outbox().sent(&letter).await.unwrap();
        }
        told
    };
    for (node, from) in [(&first, 1), (&first, 2), (&second, 3)] {
        node.rings(AlarmKind::Spray { network: network(from) });
    }
    let (one, other) = tokio::join!(first.alarms.keep(), second.alarms.keep());
    assert_eq!((one.unwrap(), other.unwrap()), (2, 1), "all are kept");
    let sprays = told().await;
    // Two transactions that begin together may not see each other's on a database of several writers.
    assert!(!sprays.is_empty() && sprays.len() <= 2 && sprays.iter().all(|word| word == "spray"), "{sprays:?}");
    first.rings(AlarmKind::Disowned { account: solange });
    first.rings(AlarmKind::Spray { network: network(4) });
    first.alarms.keep().await.unwrap();
    assert_eq!(told().await, ["disowned"], "another kind");
    it.clock.advance(3601);
    second.rings(AlarmKind::Spray { network: network(5) });
    second.alarms.keep().await.unwrap();
    assert_eq!(told().await, ["spray"]);
    assert!(it.told(Event::AlarmKept) >= 7);
}
both!(those_who_manage_accounts_are_written_to_once_an_hour_for_each_kind);

async fn a_flood_hides_no_other_kind_and_what_was_touched_is_not_shown(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let node = it.node();
    node.rings(AlarmKind::Disowned { account });
    for round in 0..20 {
        for n in 0..10 {
            node.rings(AlarmKind::Spray { network: network(round * 10 + n) });
        }
        it.clock.advance(1);
        node.alarms.keep().await.unwrap();
    }
    assert_eq!(it.counted("SELECT COUNT(*) FROM alarms WHERE word = 'spray'").await, 100, "bounded for an hour");
    let shown = node.shows().await;
    assert_eq!(shown.iter().filter(|kind| matches!(kind, AlarmKind::Spray { .. })).count(), 12);
    assert!(shown.contains(&AlarmKind::Disowned { account }));
    // As much that could not be kept: memory is bounded, and the other kinds stay.
    for n in 0..200 {
        node.rings(AlarmKind::Spray { network: network(n) });
    }
    node.rings(AlarmKind::WideSpray);
    assert!(node.defences.unkept().len() <= 30 && node.shows().await.contains(&AlarmKind::WideSpray));
    // Somebody with the database makes another alarm of one, or of another's account: it is none.
    it.outside("DELETE FROM alarms WHERE word = 'spray'").await;
    it.outside("UPDATE alarms SET account_id = NULL").await;
    assert!(!it.node().shows().await.contains(&AlarmKind::Disowned { account }));
    it.outside("UPDATE alarms SET word = 'wide_spray'").await;
    assert!(it.node().shows().await.is_empty());
}
both!(a_flood_hides_no_other_kind_and_what_was_touched_is_not_shown);

async fn what_cannot_be_kept_stays_and_is_kept_once_it_can(database: &TestDatabase) {
    let it = fixture(database).await;
    let node = it.node();
    node.rings(AlarmKind::WideSpray);
    it.outside("ALTER TABLE alarms RENAME TO alarms_elsewhere").await;
    assert!(node.alarms.keep().await.is_err());
    assert_eq!(node.defences.unkept().len(), 1);
    it.outside("ALTER TABLE alarms_elsewhere RENAME TO alarms").await;
    let keeping = {
        let alarms = node.alarms.clone();
        tokio::spawn(async move { alarms.keep_ringing().await })
    };
    let until = async |count: i64| {
        let began = std::time::Instant::now();
        while it.counted("SELECT COUNT(*) FROM alarms").await != count {
            assert!(began.elapsed() < Duration::from_secs(30), "{count}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until(1).await;
    node.rings(AlarmKind::Spray { network: network(9) });
    until(2).await;
    keeping.abort();
    assert!(node.defences.unkept().is_empty());
}
both!(what_cannot_be_kept_stays_and_is_kept_once_it_can);
