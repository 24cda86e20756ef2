//! Traces searched, counted, looked at one by one, on both databases.

use super::*;
use crate::{Became, Cursor, ExportPiece, Place, TraceCounts, TraceRow, TracesError};

async fn traces_are_for_their_controller_and_the_search_is_traced_first(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let traces = it.traces(10_000);
    for (role, door) in [
        (Role::Patient, Door::Portal),
        (Role::SecurityOfficer, Door::Desk),
        (Role::Administrator, Door::Desk),
        (Role::Auditor, Door::Desk),
        (Role::TraceController, Door::Suppliers),
        (Role::TraceController, Door::Portal),
    ] {
        let refused = traces.search(&it.somebody(role, door, HERE), Filter::default()).await;
        assert!(matches!(refused, Err(TracesError::NotFound)), "{role} {door}");
    }
    let filter = Filter { words: Some("Node".into()), ip: Some([192, 0, 2, 7].into()), ..Filter::default() };
    let page = traces.search(&it.controller(), filter).await.unwrap();
    assert_eq!(page.rows.len(), 1, "its own trace, which says what was searched");
    let row = &page.rows[0];
    assert_eq!((row.kind, row.event), (Kind::Released, Event::TracesSearched));
    assert_eq!(row.detail.as_deref(), Some("ip=192.0.2.7, words=Node"));
    let refused = Filter { events: vec![Event::Refused], ..Filter::default() };
    assert_eq!(traces.search(&it.controller(), refused).await.unwrap().rows.len(), 6);
    let long = Filter { words: Some("x".repeat(201)), ..Filter::default() };
    assert!(matches!(traces.search(&it.controller(), long).await, Err(TracesError::TooLong)));
}
both!(traces_are_for_their_controller_and_the_search_is_traced_first);

struct Nothing(bool);

impl Effect<CreateEstablishment> for Nothing {
    type Output = ();
    async fn apply(&self, _: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<()>, StoreError> {
        if self.0 { Ok(Applied::done(())) } else { Err(StoreError::Other("no".into())) }
    }
}

async fn filters_find_what_they_say(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let traces = it.traces(10_000);
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    let theirs = it.somebody(Role::SecurityOfficer, Door::Desk, ELSEWHERE);
    it.journal.note(&who, Event::RelayAlarm, Some("Le Scanner chauffe".into())).await.unwrap();
    it.journal.note(&theirs, Event::RelayAlarm, Some("ailleurs".into())).await.unwrap();
    it.clock.advance(Duration::from_secs(60));
    let later = it.clock.now();
    for works in [true, false] {
        let demo = system_actor(SystemActor::Demo, Some(HERE), later);
        let action = CreateEstablishment { establishment: HERE };
        let yes = it.policies.decide(&demo, action, &Facts::default(), later).unwrap();
        assert_eq!(it.journal.perform(yes, Nothing(works)).await.is_ok(), works);
    }
    let found = async |filter: Filter| {
        let page = traces.search(&it.controller(), filter).await.unwrap();
        page.rows.into_iter().map(|row| (row.event, row.outcome)).collect::<Vec<_>>()
    };
    let alarm = (Event::RelayAlarm, Some(Outcome::Done));
    let by_type = Filter { events: vec![Event::RelayAlarm], ..Filter::default() };
    assert_eq!(found(by_type.clone()).await, [alarm], "not the other establishment's");
    assert_eq!(found(Filter { words: Some("CHAUFFE scanner".into()), ..by_type.clone() }).await, [alarm]);
    assert_eq!(found(Filter { words: Some("scanner froid".into()), ..by_type.clone() }).await, []);
    assert_eq!(found(Filter { since: Some(later), ..by_type.clone() }).await, []);
    assert_eq!(found(Filter { until: Some(later), ..by_type.clone() }).await, [alarm]);
    let account = AccountId::from_bytes([3; 16]);
    assert_eq!(found(Filter { author: Some(account.to_string()), ..by_type.clone() }).await, [alarm]);
    assert_eq!(found(Filter { author: Some(format!("account:{account}")), ..by_type.clone() }).await, [alarm]);
    assert_eq!(found(Filter { author: Some("system.demo".into()), ..by_type.clone() }).await, []);
    assert_eq!(found(Filter { ip: Some([192, 0, 2, 8].into()), ..by_type }).await, []);
    let created = Filter { events: vec![Event::EstablishmentCreated], ..Filter::default() };
    let outcomes = [Outcome::Failed, Outcome::Done].map(|outcome| (Event::EstablishmentCreated, Some(outcome)));
    assert_eq!(found(created).await, outcomes, "each act once, with what became of it");
    let nobody = Filter { patient: Some(types::PatientId::from_bytes([9; 16])), ..Filter::default() };
    assert_eq!(found(nobody).await, []);
}
both!(filters_find_what_they_say);

async fn folded_refusals_are_found_by_their_source(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    for _ in 0..25 {
        it.journal.refuse(&who, Event::Refused, &Refusal { target: "t".into(), reason: "r".into() }).await.unwrap();
    }
    it.journal.fold(true).await.unwrap();
    let filter = Filter { ip: Some([192, 0, 2, 7].into()), events: vec![Event::RefusalsFolded], ..Filter::default() };
    let page = it.traces(10_000).search(&it.controller(), filter).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| row.count).collect::<Vec<_>>(), [Some(5)]);
}
both!(folded_refusals_are_found_by_their_source);

/// `count` notes, a second apart; some seconds hold several.
async fn fill(it: &Fixture, count: usize) {
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    let who = Arc::new(who);
    for batch in 0..count.div_ceil(25) {
        let mut notes = JoinSet::new();
        for one in 0..25.min(count - batch * 25) {
            let (journal, who) = (it.journal.clone(), who.clone());
            let text = format!("n{}", batch * 25 + one);
            notes.spawn(async move { journal.note(&who, Event::RelayAlarm, Some(text)).await.unwrap() });
        }
        notes.join_all().await;
        it.clock.advance(Duration::from_millis(700));
    }
}

async fn pages_follow_each_other_without_gap_or_repeat(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 700).await;
    // With the second the index opens less than a page at once.
    for opened_max in [10_000, 16] {
        let traces = it.traces(opened_max);
        let mut seen = Vec::new();
        let latest = Cursor { time: Time::from_micros(i64::MAX), origin: "node".into(), index: 0 };
        let (mut before, mut places, mut cut_short) = (None, vec![latest], 0);
        for turn in 0.. {
            assert!(turn < 60, "it ends");
            let filter = Filter { events: vec![Event::RelayAlarm], before, limit: 40, ..Filter::default() };
            let page = traces.search(&it.controller(), filter).await.unwrap();
            assert!(page.rows.iter().all(|row| row.cursor() < *places.last().unwrap()), "after the page before");
            assert!(page.rows.is_sorted_by_key(|row| std::cmp::Reverse(row.cursor())));
            assert!(page.rows.len() <= 40, "and no longer than asked, though 25 are of one moment");
            places.extend(page.rows.last().map(TraceRow::cursor));
            seen.extend(page.rows.into_iter().map(|row| row.detail.unwrap()));
            cut_short += u32::from(page.cut_short);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 700, "{opened_max}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 700);
        assert_eq!(cut_short > 0, opened_max == 16, "{cut_short}");
    }
}
both!(pages_follow_each_other_without_gap_or_repeat);

async fn a_search_opens_no_more_than_it_may_and_says_so(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let who = it.controller();
    it.journal.note(&who, Event::RelayAlarm, Some("needle.eye".into())).await.unwrap();
    it.clock.advance(Duration::from_secs(1));
    let after = it.clock.now();
    for _ in 0..60 {
        // The same words, and not what is asked for: only opened does it show.
        it.journal.note(&who, Event::RelayAlarm, Some("eye needle".into())).await.unwrap();
    }
    let traces = it.traces(50);
    let filter = Filter { words: Some("needle.eye".into()), events: vec![Event::RelayAlarm], ..Filter::default() };
    let page = traces.search(&it.controller(), filter.clone()).await.unwrap();
    assert!(page.rows.is_empty() && page.cut_short && page.next.is_some());
    let narrowed = Filter { until: Some(after), ..filter.clone() };
    let page = traces.search(&it.controller(), narrowed).await.unwrap();
    assert_eq!(page.rows.len(), 1, "narrower dates reach further");
    assert!(!page.cut_short && page.next.is_none());
    let rest = Filter { before: traces.search(&it.controller(), filter.clone()).await.unwrap().next, ..filter };
    assert_eq!(traces.search(&it.controller(), rest).await.unwrap().rows.len(), 1, "or one goes on");
}
both!(a_search_opens_no_more_than_it_may_and_says_so);

async fn a_month_whose_key_is_gone_is_counted_not_shown(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 3).await;
    let pair = it.folder.path().join("vault/interventions-1970-01.pair");
    let held = std::fs::read(&pair).unwrap();
    let filter = Filter { events: vec![Event::RelayAlarm], ..Filter::default() };
    std::fs::remove_file(&pair).unwrap();
    let page = it.traces(10_000).search(&it.controller(), filter.clone()).await.unwrap();
    assert_eq!((page.rows.len(), page.unreadable), (0, 3));
    std::fs::write(&pair, held).unwrap();
    let page = it.traces(10_000).search(&it.controller(), filter).await.unwrap();
    assert_eq!((page.rows.len(), page.unreadable), (3, 0));
}
both!(a_month_whose_key_is_gone_is_counted_not_shown);

async fn the_other_filters_find_what_they_say(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let traces = it.traces(10_000);
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    it.journal.note(&who, Event::RelayAlarm, Some("ici".into())).await.unwrap();
    it.journal.note(&system_actor(SystemActor::Node, None, it.clock.now()), Event::RelayAlarm, None).await.unwrap();
    let target = "intervention:aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned();
    it.journal.refuse(&who, Event::Refused, &Refusal { target, reason: "r".into() }).await.unwrap();
    for works in [true, false] {
        let demo = system_actor(SystemActor::Demo, Some(HERE), it.clock.now());
        let action = CreateEstablishment { establishment: HERE };
        let yes = it.policies.decide(&demo, action, &Facts::default(), it.clock.now()).unwrap();
        assert_eq!(it.journal.perform(yes, Nothing(works)).await.is_ok(), works);
    }
    let found = async |filter: Filter| {
        let page = traces.search(&it.controller(), filter.clone()).await.unwrap();
        let counts = traces.counts(&it.controller(), filter).await.unwrap();
        let mut events: Vec<Event> = page.rows.into_iter().map(|row| row.event).collect();
        let counted: Vec<Event> =
            counts.cells.iter().flat_map(|((_, event), n)| vec![*event; usize::try_from(*n).unwrap()]).collect();
        events.sort();
        // What these searches themselves leave is apart: it grows.
        assert_eq!(events, counted, "what is counted is what is found");
        events
    };
    let of = |events: &[Event]| Filter { events: events.to_vec(), ..Filter::default() };
    let both = [Event::RelayAlarm, Event::EstablishmentCreated];
    assert_eq!(found(of(&both)).await.len(), 4, "any of several types");
    for (became, events) in [
        (Became::Done, vec![Event::EstablishmentCreated]),
        (Became::Failed, vec![Event::EstablishmentCreated]),
        (Became::Noted, vec![Event::RelayAlarm; 2]),
        (Became::Abandoned, vec![]),
    ] {
        assert_eq!(found(Filter { became: Some(became), ..of(&both) }).await, events, "{became}");
    }
    assert_eq!(found(Filter { became: Some(Became::Refused), ..Filter::default() }).await, [Event::Refused]);
    for (object, many) in [
        ("intervention:aaaaaaaaaaaaaaaaaaaaaaaaaa", 1),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaa", 1),
        ("aaaaaaaaaaaaaaaaaaaaaaaaa", 0),
        ("intervention", 0),
    ] {
        assert_eq!(found(Filter { object: Some(object.into()), ..Filter::default() }).await.len(), many, "{object}");
    }
    let alarms = of(&[Event::RelayAlarm]);
    assert_eq!(found(Filter { place: Some(Place::Of(HERE)), ..alarms.clone() }).await.len(), 1);
    assert_eq!(found(Filter { place: Some(Place::Node), ..alarms.clone() }).await.len(), 1);
    assert_eq!(found(Filter { place: Some(Place::Of(ELSEWHERE)), ..alarms }).await.len(), 0, "not his to see");
}
both!(the_other_filters_find_what_they_say);

async fn counts_are_of_all_that_can_be_read(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 600).await;
    // Of another family: sealed to another key.
    let node = system_actor(SystemActor::Node, None, it.clock.now());
    for _ in 0..30 {
        it.journal.note(&node, Event::DoorStarted, None).await.unwrap();
    }
    let filter = Filter { events: vec![Event::RelayAlarm, Event::DoorStarted], limit: 5, ..Filter::default() };
    let sum = |counts: &TraceCounts| counts.cells.values().sum::<u64>();
    let all = it.traces(10_000).counts(&it.controller(), filter.clone()).await.unwrap();
    assert_eq!((sum(&all), all.unreadable), (630, 0));
    let (page, all) = it.traces(10_000).overview(&it.controller(), filter.clone()).await.unwrap();
    assert_eq!((page.rows.len(), sum(&all)), (5, 630), "of all, not of the page");
    let next = Filter { before: page.next, ..filter.clone() };
    let (_, again) = it.traces(10_000).overview(&it.controller(), next).await.unwrap();
    assert_eq!(sum(&again), 630, "wherever the page begins");
    std::fs::remove_file(it.folder.path().join("vault/interventions-1970-01.pair")).unwrap();
    let some = it.traces(10_000).counts(&it.controller(), filter).await.unwrap();
    assert_eq!((sum(&some), some.unreadable), (30, 600), "a month gone is in no number");
}
both!(counts_are_of_all_that_can_be_read);

async fn one_trace_is_shown_to_whom_it_is_for(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let traces = it.traces(10_000);
    let who = it.somebody(Role::SecurityOfficer, Door::Desk, HERE);
    let theirs = it.somebody(Role::SecurityOfficer, Door::Desk, ELSEWHERE);
    it.journal.note(&who, Event::RelayAlarm, Some("ici".into())).await.unwrap();
    it.journal.note(&theirs, Event::RelayAlarm, Some("ailleurs".into())).await.unwrap();
    let all = Filter { events: vec![Event::RelayAlarm], ..Filter::default() };
    let page = traces.search(&it.controller(), all).await.unwrap();
    let row = page.rows[0].clone();
    assert_eq!(traces.one(&it.controller(), &row.origin, row.index).await.unwrap(), row);
    // The newest is this very search.
    let said = Filter { events: vec![Event::TracesSearched], limit: 2, ..Filter::default() };
    let told = traces.search(&it.controller(), Filter { words: Some("one:".into()), ..said }).await.unwrap();
    assert_eq!(told.rows[1].detail, Some(format!("one: {}/{}", row.origin, row.index)));
    for (origin, index) in
        [(row.origin.as_str(), row.index + 1), ("..", 0), ("none", 0), ("node", 0), ("node", u64::MAX)]
    {
        let refused = traces.one(&it.controller(), origin, index).await;
        assert!(matches!(refused, Err(TracesError::NotFound)), "{origin}/{index}");
    }
    let long = traces.one(&it.controller(), &"x".repeat(300), 0).await;
    assert!(matches!(long, Err(TracesError::TooLong)), "what is traced is bounded");
    let refused = traces.one(&who, &row.origin, row.index).await;
    assert!(matches!(refused, Err(TracesError::NotFound)), "no right to search, none to look");
    let counted = traces.counts(&who, Filter::default()).await;
    assert!(matches!(counted, Err(TracesError::NotFound)), "nor to count");
}
both!(one_trace_is_shown_to_whom_it_is_for);

async fn an_export_is_written_down_first_and_holds_what_it_may(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 60).await;
    let traces = it.traces(10_000);
    let filter = Filter { events: vec![Event::RelayAlarm], limit: 3, ..Filter::default() };
    let refused = traces.export(&it.somebody(Role::Administrator, Door::Desk, HERE), filter.clone()).await;
    assert!(matches!(refused, Err(TracesError::NotFound)));
    for (rows_max, many, cut) in [(1_000, 60, false), (60, 60, false), (59, 59, true), (7, 7, true)] {
        let mut export = traces.export_bounded(&it.controller(), filter.clone(), rows_max).await.unwrap();
        let said = Filter { events: vec![Event::TracesExported], ..Filter::default() };
        let told = traces.search(&it.controller(), said).await.unwrap();
        assert_eq!(told.rows[0].detail.as_deref(), Some("type=relay.alarm"), "before anything left");
        let mut rows = Vec::new();
        let ends = loop {
            match export.next().await.unwrap() {
                Some(ExportPiece::Rows(piece)) => rows.extend(piece),
                Some(ExportPiece::End { cut, unreadable, .. }) => break (cut, unreadable),
                None => panic!("an end that is not told"),
            }
        };
        assert_eq!(export.next().await.unwrap(), None);
        assert_eq!((rows.len(), ends), (many, (cut, false)), "of at most {rows_max}");
        assert!(rows.is_sorted_by(|a, b| a.cursor() > b.cursor()), "newest first, each once");
    }
}
both!(an_export_is_written_down_first_and_holds_what_it_may);

async fn an_export_goes_on_where_a_search_stops_short(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 700).await;
    let filter = Filter { events: vec![Event::RelayAlarm], ..Filter::default() };
    let mut export = it.traces(64).export(&it.controller(), filter).await.unwrap();
    let mut many = 0;
    while let Some(piece) = export.next().await.unwrap() {
        match piece {
            ExportPiece::Rows(rows) => many += rows.len(),
            ExportPiece::End { cut, .. } => assert!(!cut),
        }
    }
    assert_eq!(many, 700);
}
both!(an_export_goes_on_where_a_search_stops_short);

/// Every file of an index, with one byte altered in its last page.
fn alter(folder: &std::path::Path) -> usize {
    let mut altered = 0;
    for item in std::fs::read_dir(folder.join("node")).unwrap() {
        let path = item.unwrap().path();
        if !path.ends_with("manifest") {
            let mut bytes = std::fs::read(&path).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            altered += 1;
        }
    }
    altered
}

async fn an_index_that_was_altered_is_made_again(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    fill(&it, 30).await;
    let months = || Arc::new(MonthKeys::new(&it.folder.path().join("vault"), &it.master).unwrap());
    let (folder, journals) = (it.folder.path().join("index"), it.folder.path().join("journal"));
    let mut index = Index::new(&folder, &journals, months(), &it.master).unwrap();
    while !index.catch_up(1000).unwrap() {}
    index.settle().unwrap();
    drop(index);
    assert!(alter(&folder) > 0);
    let index = Index::new(&folder, &journals, months(), &it.master).unwrap();
    let traces = Traces::new(index, it.journal.clone(), it.policies.clone());
    let filter = Filter { events: vec![Event::RelayAlarm], ..Filter::default() };
    let first = traces.search(&it.controller(), filter.clone()).await;
    assert!(matches!(first, Err(TracesError::Preparing { .. })), "{first:?}");
    assert_eq!(traces.search(&it.controller(), filter).await.unwrap().rows.len(), 30);
}
both!(an_index_that_was_altered_is_made_again);
