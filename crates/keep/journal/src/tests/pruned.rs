//! A journal that lived longer than the longest retention: its beginning goes, and the rest stays what it was.

use super::*;
use crate::{
    Against, Verifying, export,
    index::{Index, Query},
    log::{Archive, Files as _, Minimum, first_entry, root_at},
    retention::{Change, KeptBy, Month, NotCounted, Raised, Snapshot, Statement},
    verify_archived, verify_with,
};
use types::Extra;

const WEEK: i64 = 7 * 86_400;
/// What makes a segment fill: what still lies in one is not cut.
const WORDS: usize = 4000;

impl<'a> Fixture<'a> {
    async fn weeks(&self, weeks: u32, each: u32, words: usize) {
        let node = system_actor(SystemActor::Node, None, self.clock.now());
        for week in 0..weeks {
            self.clock.advance(WEEK);
            for one in 0..each {
                let detail = format!("week {week} {one} {}", "x".repeat(words));
                self.journal.note(&node, Event::NodeStarted, Some(detail)).await.unwrap();
            }
        }
    }

    /// Twenty-one years: much in the first, with an act and decisions in it; a note a week in the others.
    async fn of_many_years(database: &'a TestDatabase) -> Self {
        let fixture = Self::new(database).await;
        fixture.journal.perform(fixture.creation(1), Create("a", Then::Done)).await.unwrap();
        for (id, change) in [
            (1, Change::Retention { family: Family::Technical, months: 20 }),
            (2, Change::Extra { extra: Extra::Calls, recorded: true }),
        ] {
            assert_eq!(fixture.ask((id, 1), change).await, Ok(()));
            assert_eq!(fixture.confirm((id, 2)).await, Ok(()));
        }
        fixture.weeks(45, 12, WORDS).await;
        fixture.weeks(1060, 1, 10).await;
        // The clock is believed again, and what is due of keys goes first.
        let fixture = fixture.crash().await;
        while !fixture.journal.purge_due().await.unwrap().is_empty() {}
        fixture
    }

    fn index(&self) -> Index {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let months = MonthKeys::new(&self.folder.path().join("vault"), &master).unwrap();
        let (index, journals) = (self.folder.path().join("index"), self.folder.path().join("journal"));
        let mut index = Index::new(&index, &journals, Arc::new(months), &master).unwrap();
        while !index.catch_up(100_000).unwrap() {}
        index
    }

    async fn minimum(&self) -> crate::retention::Prospect {
        self.journal.keeping().await.unwrap().minimum
    }

    fn check(&self, markers: &Markers) {
        let report = verify(&self.origin(), None, Some(markers));
        assert!(report.ok(), "{report} {:?}", report.database);
    }
}

async fn what_is_past_the_longest_retention_goes_and_the_rest_verifies(database: &TestDatabase) {
    let fixture = Fixture::of_many_years(database).await;
    let (before, markers) = (fixture.journal.keeping().await.unwrap(), fixture.markers().await);
    let minimum = before.minimum.next;
    assert!(minimum >= 256 && before.minimum.present == 0, "{:?}", before.minimum);
    assert!(fixture.origin().join("tile/entries/000").exists());
    let (all, mut index) = (fixture.traces(), fixture.index());
    let found = index.search(&Query::default(), None, 500).unwrap();
    let counted = index.counts(&Query::default()).unwrap();
    index.settle().unwrap();
    drop(index);

    assert_eq!(fixture.journal.raise_due().await.unwrap(), Some(minimum));
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None, "once");
    assert_eq!(first_entry(&fixture.origin()), Ok(minimum));
    assert!(!fixture.origin().join("tile/entries/000").exists() && !fixture.origin().join("tile/0/000").exists());
    fixture.check(&markers);
    let after = fixture.journal.keeping().await.unwrap();
    assert_eq!((after.minimum.present, after.minimum.next), (minimum, minimum));
    assert_eq!(after.minimum.since, Some(Month::of(all[minimum as usize].time)));

    // What was in force is; what was there is, but for what went.
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    fixture.check(&fixture.markers().await);
    let again = fixture.journal.keeping().await.unwrap();
    assert_eq!(again.book.retention_months(Family::Technical, again.at), 20);
    assert_eq!((again.extras, again.book.stray(), again.book.is_whole()), (before.extras, 0, true));
    let names = |months: Vec<crate::retention::FamilyMonth>| -> Vec<_> {
        months.into_iter().map(|one| (one.pair, one.term, one.standing)).collect()
    };
    assert_eq!(names(again.months), names(before.months));
    let traces = fixture.traces();
    assert_eq!(traces.first().map(|trace| trace.index), Some(minimum));
    for (now, then) in traces.iter().zip(&all[minimum as usize..]) {
        assert_eq!((now.index, now.time, &now.detail), (then.index, then.time, &then.detail));
    }
    // The index that was there, and one made anew, find the same as before.
    for _ in 0..2 {
        let mut index = fixture.index();
        let hits = index.search(&Query::default(), None, 500).unwrap().hits;
        let known = found.hits.first().unwrap().trace.index;
        let same: Vec<_> = hits.into_iter().filter(|hit| hit.trace.index <= known).collect();
        assert!(same.len() > 100 && found.hits.starts_with(&same), "{}", same.len());
        let cursor = "1790000000000000.3.node".parse().unwrap();
        assert_eq!(index.search(&Query::default(), Some(&cursor), 10).unwrap().hits, []);
        assert_eq!(index.one(&Query::default(), "node", 3).unwrap(), None);
        assert!(index.counts(&Query::default()).unwrap().unreadable < counted.unreadable);
        index.settle().unwrap();
        drop(index);
        fixture.index().discard().unwrap();
    }
    let mut reader = fixture.reader_of_all();
    while !reader.catch_up(1000).unwrap() {}
    assert_eq!(reader.blocks().first().map(|block| block.first), Some(minimum));
    // An archive of it verifies, and with a key of the month brought back nothing comes back.
    let file = fixture.folder.path().join("archive");
    export([(fixture.origin().as_path(), "node", vec![])], std::fs::File::create(&file).unwrap()).unwrap();
    let archive = Archive::open(&file).unwrap();
    let report = verify_archived(&archive, "node", &Verifying::default(), &Against::default()).unwrap();
    assert!(report.ok() && report.verdict.minimum.is_some(), "{report}");
    let said: Vec<_> = traces.iter().map(|trace| trace.event).collect();
    assert!(said.contains(&Event::MinimumRaised) && said.contains(&Event::JournalPruned));
    fixture.goes_on_elsewhere(before.extras).await;
}
both!(what_is_past_the_longest_retention_goes_and_the_rest_verifies);

impl Fixture<'_> {
    /// A journal that goes on in the place of one that lost its beginning takes over what that one had recorded.
    async fn goes_on_elsewhere(self, extras: types::Extras) {
        let Self { database, folder, clock, store, journal, .. } = self;
        journal.close().await.unwrap();
        store.close().await;
        let log = folder.path().join("journal/node");
        let segment = std::fs::read_dir(&log).unwrap().map(|one| one.unwrap().path());
        let segment = segment.filter(|path| path.to_string_lossy().contains("segment-0")).max().unwrap();
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&segment, bytes).unwrap();
        let master = MasterKey::load(&folder.path().join("master.key")).unwrap();
        let (_store, door) = store::open(&database.config()).await.unwrap();
        let clock = Arc::new(clock);
        let journal = Journal::open_anew(Self::config(&folder), &master, door, clock).await.unwrap();
        assert_eq!((journal.origin(), journal.extras()), ("node-2", extras));
        assert_eq!(journal.keeping().await.unwrap().minimum.present, 0);
    }

    fn reader_of_all(&self) -> TraceReader {
        let master = MasterKey::load(&self.folder.path().join("master.key")).unwrap();
        let months = MonthKeys::new(&self.folder.path().join("vault"), &master).unwrap();
        TraceReader::new(&self.origin(), Arc::new(months))
    }
}

async fn what_keeps_the_beginning_keeps_it_and_a_stop_is_finished(database: &TestDatabase) {
    let fixture = Fixture::of_many_years(database).await;
    let first = Month::of(START);
    let free = fixture.minimum().await.next;
    // A hold on the first month, of a family that has nothing in it: two people asked that nothing of it goes.
    assert_eq!(
        fixture.ask((7, 1), Change::Hold { family: Some(Family::Health), from: first, to: first }).await,
        Ok(())
    );
    assert_eq!(fixture.minimum().await.next, free, "one person holds nothing");
    assert_eq!(fixture.confirm((7, 2)).await, Ok(()));
    let held = fixture.minimum().await;
    assert_eq!((held.next, held.kept_by), (0, KeptBy::Hold(first)));
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None);
    assert_eq!(fixture.ask((8, 1), Change::Lift { hold: [7; 16] }).await, Ok(()));
    assert_eq!(fixture.confirm((8, 2)).await, Ok(()));
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None, "time for a third person to see it");
    fixture.weeks(5, 1, 10).await;
    assert!(fixture.minimum().await.next >= free);
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None, "the clock moved");
    let fixture = fixture.crash().await;
    while !fixture.journal.purge_due().await.unwrap().is_empty() {}
    // Of a journal that was altered nothing goes.
    let (bundle, minimum) = (fixture.origin().join("tile/entries/001"), fixture.minimum().await.next);
    let bytes = std::fs::read(&bundle).unwrap();
    let mut altered = bytes.clone();
    altered[700] ^= 1;
    std::fs::write(&bundle, altered).unwrap();
    assert!(matches!(fixture.journal.raise_due().await, Err(JournalError::Altered(_))));
    std::fs::write(&bundle, bytes).unwrap();
    // A stop between the statement and what it says: the next start does it.
    let raised = fixture.raised_by_hand(minimum).await;
    fixture.journal.state_as_node(Event::MinimumRaised, &Statement::Raised(Box::new(raised))).await.unwrap();
    assert!(fixture.origin().join("tile/entries/000").exists());
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert!(!fixture.origin().join("tile/entries/000").exists());
    assert_eq!(first_entry(&fixture.origin()), Ok(minimum));
    assert_eq!(fixture.of(Event::JournalPruned).len(), 1);
    fixture.check(&fixture.markers().await);
}
both!(what_keeps_the_beginning_keeps_it_and_a_stop_is_finished);

impl Fixture<'_> {
    /// The statement that the journal itself would write.
    async fn raised_by_hand(&self, minimum: u64) -> Raised {
        let mut ledger = crate::retention::Ledger::default();
        for read in crate::log::read_entries(&self.origin(), 0..self.journal.entries()).unwrap() {
            let (index, entry) = read.unwrap();
            ledger.note(index, &entry).unwrap();
        }
        let root = root_at(&self.origin(), minimum).unwrap().unwrap();
        ledger.raising((minimum, root), &[], "a test", self.clock.now()).unwrap()
    }

    async fn settled(&self) {
        let mut published = self.journal.checkpoint();
        published.wait_for(|checkpoint| checkpoint.size >= self.journal.entries()).await.unwrap();
    }
}

async fn a_statement_before_its_time_counts_for_nothing(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    fixture.weeks(60, 12, WORDS).await;
    fixture.settled().await;
    let first = Month::of(START);
    let root = root_at(&fixture.origin(), 256).unwrap().unwrap();
    let standing = Snapshot { newest_micros: START.micros(), ..Snapshot::default() };
    let forged = Raised {
        minimum: 256,
        root,
        from: first,
        through: first,
        months: 240,
        basis: "a test".into(),
        standing: standing.clone(),
    };
    for (told, why) in [
        (forged.clone(), "nothing is over"),
        (Raised { months: 12, ..forged.clone() }, "below a floor"),
        (Raised { from: "1980-01".parse().unwrap(), through: "1980-02".parse().unwrap(), ..forged.clone() }, "too old"),
    ] {
        let before = fixture.journal.keeping().await.unwrap().book.stray();
        fixture.journal.state_as_node(Event::MinimumRaised, &Statement::Raised(Box::new(told))).await.unwrap();
        assert_eq!(fixture.journal.keeping().await.unwrap().book.stray(), before + 1, "{why}");
    }
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None);
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert!(fixture.origin().join("tile/entries/000").exists());
    // Whoever holds the key removes all the same, under such a statement: what remains shows that it is too young.
    fixture.settled().await;
    let at = fixture.traces().iter().find(|trace| trace.event == Event::MinimumRaised).unwrap().index;
    assert!(fixture.origin().segments().unwrap()[0] >= 256);
    let log = fixture.journal.0.log.clone();
    let pruned = tokio::task::spawn_blocking(move || log.prune(&Minimum { size: 256, root, stated_at: at })).await;
    assert!(pruned.unwrap().unwrap() > 0);
    let report = verify(&fixture.origin(), None, None);
    let what = report.verdict.bad.as_ref().unwrap().what.clone();
    assert!(what.contains("younger than") || what.contains("before the longest retention"), "{what}");
    for _ in 0..2 {
        assert!(fixture.journal.keeping().await.is_err(), "nor does the node go on with it");
    }
    let in_threads = Verifying { threads: std::num::NonZeroUsize::new(3).unwrap(), ..Verifying::default() };
    assert!(!verify_with(&fixture.origin(), &in_threads, &Against::default()).ok());
}
both!(a_statement_before_its_time_counts_for_nothing);

#[test]
fn nobody_asks_for_a_minimum() {
    let mut book = crate::retention::Book::default();
    book.read(&Statement::Pruned { minimum: 256 }.encode(), START);
    assert_eq!((book.minimum(), book.stray()), (0, 1));
    assert_eq!(book.would_take(&Statement::Pruned { minimum: 512 }, START), Err(NotCounted::OutOfBounds));
}

async fn what_is_decided_before_the_first_file_goes_keeps_it(database: &TestDatabase) {
    let fixture = Fixture::of_many_years(database).await;
    let (first, minimum) = (Month::of(START), fixture.minimum().await.next);
    let raised = fixture.raised_by_hand(minimum).await;
    fixture.journal.state_as_node(Event::MinimumRaised, &Statement::Raised(Box::new(raised))).await.unwrap();
    assert_eq!(fixture.ask((7, 1), Change::Hold { family: None, from: first, to: first }).await, Ok(()));
    assert_eq!(fixture.confirm((7, 2)).await, Ok(()));
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None);
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None);
    assert!(fixture.origin().join("tile/entries/000").exists());
    assert_eq!(first_entry(&fixture.origin()), Ok(0));
    assert_eq!((fixture.of(Event::MinimumRaised).len(), fixture.of(Event::JournalPruned).len()), (1, 0));
    fixture.check(&fixture.markers().await);
    // Lifted, it goes.
    assert_eq!(fixture.ask((8, 1), Change::Lift { hold: [7; 16] }).await, Ok(()));
    assert_eq!(fixture.confirm((8, 2)).await, Ok(()));
    fixture.weeks(5, 1, 10).await;
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert_eq!(first_entry(&fixture.origin()), Ok(minimum));
    assert!(!fixture.origin().join("tile/entries/000").exists());
    fixture.check(&fixture.markers().await);
}
both!(what_is_decided_before_the_first_file_goes_keeps_it);

async fn what_the_database_forgot_refuses_no_journal_that_begins_later(database: &TestDatabase) {
    let fixture = Fixture::of_many_years(database).await;
    let minimum = fixture.minimum().await.next;
    assert_eq!(fixture.journal.raise_due().await.unwrap(), Some(minimum));
    let fixture = fixture.crash().await;
    // The end of a raise whose statement went is no sign of a hand; one of a raise that nobody stated is.
    for (of, more) in [(minimum - 256, 0), (minimum + 256, 1)] {
        let before = fixture.journal.keeping().await.unwrap().book.stray();
        let pruned = Statement::Pruned { minimum: of };
        fixture.journal.state_as_node(Event::JournalPruned, &pruned).await.unwrap();
        assert_eq!(fixture.journal.keeping().await.unwrap().book.stray(), before + more, "{of} of {minimum}");
    }
    fixture.settled().await;
    let Fixture { database, folder, policies, clock, store, journal } = fixture;
    drop(journal);
    store.close().await;
    // A database that does not remember how far the journal had come asks about every effect, those of what went too.
    let (raw, door) = store::open(&database.config()).await.unwrap();
    let forgotten = sqlx::query("DELETE FROM journal_heads").execute(door.pool_for_tests()).await.unwrap();
    assert_eq!(forgotten.rows_affected(), 1);
    raw.close().await;
    let (store, journal) = Fixture::open(database, &folder, &clock).await;
    let fixture = Fixture { database, folder, policies, clock, store, journal };
    assert_eq!(first_entry(&fixture.origin()), Ok(minimum));
    fixture.check(&fixture.markers().await);
}
both!(what_the_database_forgot_refuses_no_journal_that_begins_later);

fn put_back(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(item.file_name());
        if item.path().is_dir() {
            put_back(&item.path(), &to);
        } else if !to.exists() {
            std::fs::copy(item.path(), to).unwrap();
        }
    }
}

async fn what_a_copy_brings_back_goes_again(database: &TestDatabase) {
    let fixture = Fixture::of_many_years(database).await;
    let copy = tempfile::tempdir().unwrap();
    fixture.settled().await;
    put_back(&fixture.origin().join("tile"), copy.path());
    let minimum = fixture.minimum().await.next;
    assert_eq!(fixture.journal.raise_due().await.unwrap(), Some(minimum));
    fixture.settled().await;
    // An older copy over it, without what says that it begins later.
    put_back(copy.path(), &fixture.origin().join("tile"));
    std::fs::remove_file(fixture.origin().join("minimum")).unwrap();
    assert_eq!(first_entry(&fixture.origin()), Ok(0));
    let fixture = fixture.crash().await;
    fixture.journal.finish_purges().await.unwrap();
    assert_eq!(first_entry(&fixture.origin()), Ok(minimum));
    assert!(!fixture.origin().join("tile/entries/000").exists());
    assert_eq!((fixture.of(Event::MinimumRaised).len(), fixture.of(Event::JournalPruned).len()), (1, 1));
    assert_eq!(fixture.journal.raise_due().await.unwrap(), None);
    assert_eq!(fixture.of(Event::MinimumRaised).len(), 1, "nothing is stated again");
    fixture.check(&fixture.markers().await);
}
both!(what_a_copy_brings_back_goes_again);
