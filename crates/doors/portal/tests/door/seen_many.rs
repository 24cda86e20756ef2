//! Who saw one's record, where much is to be told, many ask, or somebody else's node or patient comes in between.

use crate::{house::House, visitor::Member};
use axum::http::StatusCode;
use care::{Finding, FindsTraces, FoundTraces, SIGHTINGS_MAX, Sighting};
use futures_util::future::join_all;
use journal::{Kind, Outcome, Trace};
use policy::{Authorized, GiveSightings};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use store::testing::{TestDatabase, both};
use types::{AccountId, Clock as _, EstablishmentId, Event, Role, Time};

const NOBODY_ELSE: &str = "Personne d’autre que vous";
const MORE: &str = "les plus récentes des autres";
const NOT_ALL: &str = "les vôtres comprises, ont pu être examinées";

fn seen(house: &House, login: &str) -> String {
    format!("/fr/records/{}/seen", house.patients[house.own(login)])
}

async fn of(who: &Member<'_>, path: &str) -> String {
    let answer = who.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.text()
}

async fn a_look_behind_hundreds_of_ones_own_is_told(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let path = seen(&house, "camille.durand");
    let record = path.trim_end_matches("/seen");
    assert_eq!(house.professional("helene.castaing").await.get(record).await.status, StatusCode::OK);
    let before = house.journal.entries();
    // More than one page of the search holds.
    for _ in 0..(SIGHTINGS_MAX + 10) / 10 {
        let answers = join_all((0..10).map(|_| camille.get(record))).await;
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    }
    let own = house.traces_since(before).iter().filter(|one| one.event == Event::RecordRead).count();
    assert!(own > SIGHTINGS_MAX, "{own}");
    let page = of(&camille, &path).await;
    assert!(page.contains("Castaing") && !page.contains(NOBODY_ELSE), "{page}");
    assert!(!page.contains(MORE) && !page.contains(NOT_ALL), "all was looked at: {page}");
}
both!(a_look_behind_hundreds_of_ones_own_is_told);

/// A journal with one's own looks only, as far as anybody looks, and something behind them or not.
struct Endless {
    who: (AccountId, Role),
    at: Time,
    ends: bool,
}

impl FindsTraces for Endless {
    fn of_patient<'a>(&'a self, _: &'a Authorized<GiveSightings>, _: Time, after: Option<String>) -> Finding<'a> {
        let (account, role) = self.who;
        let page: usize = after.map_or(1, |after| after.parse().unwrap());
        let rows = vec![Sighting::new(self.at, Event::RecordRead, Some(account), Some(role)); SIGHTINGS_MAX];
        let next = (!self.ends || page < 2).then(|| (page + 1).to_string());
        let extents = BTreeMap::from([("node".to_owned(), u64::MAX)]);
        Box::pin(async move { Ok(FoundTraces { rows, next, unreadable: false, extents }) })
    }
}

async fn where_not_all_was_looked_at_nobody_is_not_said(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let path = seen(&house, "camille.durand");
    let (me, doctor) = (house.account("camille.durand").id, house.account("helene.castaing").id);
    let page = async |who: (AccountId, Role), ends: bool| {
        house.clock.advance(31);
        house.answer_with(crate::house::HERE, Arc::new(Endless { who, at: house.clock.now(), ends }));
        let page = of(&camille, &path).await;
        assert!(!page.contains("Il manque une partie"), "{page}");
        (page.contains(NOBODY_ELSE), page.contains(NOT_ALL), page.contains(MORE))
    };
    assert_eq!(page((me, Role::Patient), true).await, (true, false, false), "all was looked at");
    assert_eq!(page((me, Role::Patient), false).await, (false, true, false), "others may be behind one's own");
    assert_eq!(page((doctor, Role::Professional), false).await, (false, false, true), "two hundred are shown");
}
both!(where_not_all_was_looked_at_nobody_is_not_said);

fn given(traces: &[Trace]) -> Vec<(String, Option<Outcome>)> {
    let outcome = |of: &Trace| traces.iter().find(|one| one.kind == Kind::Outcome && one.trace == of.trace)?.outcome;
    let intents = traces.iter().filter(|one| one.event == Event::SightingsGiven && one.kind == Kind::Intent);
    intents.map(|one| (one.patients[0].clone(), outcome(one))).collect()
}

async fn many_ask_at_once_and_each_is_told_his_own(database: &TestDatabase) {
    let house = House::new(database).await;
    let helene = house.professional("helene.castaing").await;
    let mut tabs = Vec::new();
    for (login, seen_by_her) in [("camille.durand", true), ("marcel.pruvost", true), ("yann.legoff", false)] {
        let path = seen(&house, login);
        let read = helene.get(path.trim_end_matches("/seen")).await.status == StatusCode::OK;
        assert_eq!(read, seen_by_her, "{login}");
        tabs.push((house.patient(login).await, path, seen_by_her));
    }
    let before = house.journal.entries();
    for round in 0..3 {
        // Each in six tabs.
        let all = tabs.iter().flat_map(|tab| (0..6).map(move |_| async move { (tab, tab.0.get(&tab.1).await) }));
        for ((member, _, seen_by_her), answer) in join_all(all).await {
            let page = answer.text();
            assert_eq!(answer.status, StatusCode::OK, "{round} {}: {page}", member.login);
            assert!(!page.contains("Il manque une partie"), "{page}");
            assert_eq!(page.contains("Castaing"), *seen_by_her, "{} is told his own: {page}", member.login);
            assert_eq!(page.contains(NOBODY_ELSE), !seen_by_her, "{page}");
        }
        house.clock.advance(31);
    }
    let traces = house.traces_since(before);
    let given = given(&traces);
    // The tabs of one patient share what is answered.
    assert!(2 * given.len() <= 3 * 6 * tabs.len(), "{given:?}");
    let about: BTreeSet<_> = given.iter().map(|(patient, _)| patient).collect();
    assert_eq!(about.len(), tabs.len(), "{given:?}");
    let bad = |one: &&Trace| one.kind == Kind::Outcome && one.outcome == Some(Outcome::Failed);
    assert!(!traces.iter().any(|one| bad(&one)), "{traces:#?}");
    let read = traces.iter().filter(|one| one.event == Event::SightingsRead).count();
    assert_eq!(read, 3 * 6 * tabs.len(), "each that was shown is written down");
}
both!(many_ask_at_once_and_each_is_told_his_own);

async fn another_establishments_node_does_not_answer(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    house.answer_with(EstablishmentId::from_bytes([9; 16]), Arc::new(house.finder()));
    let before = house.journal.entries();
    let answer = camille.get(&seen(&house, "camille.durand")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
    assert!(given(&house.traces_since(before)).is_empty());
    house.answer_again();
    of(&camille, &seen(&house, "camille.durand")).await;
}
both!(another_establishments_node_does_not_answer);

/// While a question waits, and once its answer lies there.
async fn another_patient_reads_neither_question_nor_answer(database: &TestDatabase) {
    let house = House::new(database).await;
    let camille = house.patient("camille.durand").await;
    let marcel = house.patient("marcel.pruvost").await;
    let path = seen(&house, "camille.durand");
    house.unanswered();
    let (page, ()) = tokio::join!(of(&camille, &path), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
        let asked = "SELECT asked_micros FROM sightings";
        let waits: Vec<(i64,)> = sqlx::query_as(asked).fetch_all(&mut *outside).await.unwrap();
        assert_eq!(waits.len(), 1, "the question waits");
        house.clock.advance(1);
        assert_eq!(marcel.get(&path).await.status, StatusCode::NOT_FOUND);
        let still: Vec<(i64,)> = sqlx::query_as(asked).fetch_all(&mut *outside).await.unwrap();
        assert_eq!(still, waits, "it is not put again by another");
        house.answer_again();
    });
    assert!(page.contains(NOBODY_ELSE), "{page}");
    let refused = marcel.get(&path).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert!(!refused.text().contains(NOBODY_ELSE));
    let his = format!("account:{}", house.account("marcel.pruvost").id);
    let events = [Event::SightingsAsked, Event::SightingsRead];
    assert!(house.traces().iter().all(|one| one.author != his || !events.contains(&one.event)));
}
both!(another_patient_reads_neither_question_nor_answer);
