//! Searches that a trace controller keeps, on both databases.

use super::*;
use crate::{SEARCHES_MAX, SavedSearches, SearchesError};

fn searches(it: &Fixture) -> SavedSearches {
    SavedSearches::new(it.store.clone(), it.journal.clone(), it.policies.clone(), it.keys(Holder::Door(Door::Desk)))
}

async fn a_search_is_kept_replaced_and_forgotten(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let (searches, who) = (searches(&it), it.controller());
    assert_eq!(searches.list(&who).await.unwrap(), []);
    searches.save(&who, " Refus du mois ", "go=1&type=access").await.unwrap();
    let second = searches.save(&who, "Accès", "go=1").await.unwrap();
    let replacing = searches.save(&who, "Refus du mois", "go=1&type=session").await.unwrap();
    let held = searches.list(&who).await.unwrap();
    let told: Vec<_> = held.iter().map(|one| (one.id, one.name.as_str(), one.query.as_str())).collect();
    assert_eq!(told, [(second, "Accès", "go=1"), (replacing, "Refus du mois", "go=1&type=session")]);
    searches.forget(&who, second).await.unwrap();
    assert!(matches!(searches.forget(&who, second).await, Err(SearchesError::NotFound)));
    assert_eq!(searches.list(&who).await.unwrap().len(), 1);
    let filter = Filter { events: vec![Event::SearchSaved, Event::SearchForgotten], ..Filter::default() };
    let told = it.traces(10_000).search(&who, filter).await.unwrap();
    let outcomes: Vec<_> = told.rows.iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Done, Outcome::Done, Outcome::Done, Outcome::Done].map(Some));
    assert_eq!(told.rows[4].detail.as_deref(), Some("go=1&type=access"), "what is kept is told");
}
both!(a_search_is_kept_replaced_and_forgotten);

async fn searches_are_bounded_and_for_trace_controllers(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let (searches, who) = (searches(&it), it.controller());
    for bad in ["", "   ", "a\nb", &"x".repeat(61)] {
        assert!(matches!(searches.save(&who, bad, "go=1").await, Err(SearchesError::Name)), "{bad:?}");
    }
    for number in 0..SEARCHES_MAX {
        searches.save(&who, &format!("n{number}"), "go=1").await.unwrap();
    }
    assert!(matches!(searches.save(&who, "one more", "go=1").await, Err(SearchesError::Full)));
    searches.save(&who, "n3", "go=1&q=x").await.unwrap();
    assert_eq!(searches.list(&who).await.unwrap().len(), SEARCHES_MAX);
    for role in [Role::Administrator, Role::SecurityOfficer, Role::Dpo] {
        let other = it.somebody(role, Door::Desk, HERE);
        assert!(matches!(searches.list(&other).await, Err(SearchesError::NotFound)), "{role}");
        assert!(matches!(searches.save(&other, "n", "go=1").await, Err(SearchesError::NotFound)), "{role}");
    }
}
both!(searches_are_bounded_and_for_trace_controllers);

async fn a_row_written_by_hand_is_left_out(database: &TestDatabase) {
    let it = Fixture::new(database).await;
    let (searches, who) = (searches(&it), it.controller());
    searches.save(&who, "mine", "go=1").await.unwrap();
    it.by_hand("UPDATE saved_searches SET sealed = account_id").await;
    assert_eq!(searches.list(&who).await.unwrap(), [], "it does not open: it says nothing");
}
both!(a_row_written_by_hand_is_left_out);
