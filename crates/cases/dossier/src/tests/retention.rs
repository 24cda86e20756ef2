//! Who sees and decides how long traces are kept.

use super::*;
use crate::{REASON_CHARS_MAX, Retention, RetentionError};
use journal::retention::{Change, Month, NotCounted};
use types::Family;

impl Fixture {
    fn retention(&self) -> Retention {
        Retention::new(self.journal.clone(), self.policies.clone(), self.keys(Holder::Door(Door::Desk)))
    }

    fn refused(&self) -> usize {
        let months = MonthKeys::new(&self.folder.path().join("vault"), &self.master).unwrap();
        let traces = journal::read_traces(&self.folder.path().join("journal/node"), &months, 0..self.journal.entries());
        let refused =
            |trace: &&journal::Trace| trace.event == Event::Refused && trace.target.as_deref() == Some("retention");
        traces.unwrap().iter().filter(refused).count()
    }
}

async fn two_trace_controllers_decide_and_nobody_else(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let retention = fixture.retention();
    let longer = Change::Retention { family: Family::Access, months: 24 };
    let (one, two) = (
        fixture.of_account(1, Role::TraceController, Door::Desk, HERE),
        fixture.of_account(2, Role::TraceController, Door::Desk, HERE),
    );
    let mut refused = 0;
    for &role in Role::ALL {
        let who = fixture.of_account(9, role, Door::Desk, HERE);
        if role != Role::TraceController {
            assert!(matches!(retention.seen(&who).await, Err(RetentionError::NotFound)), "{role} sees");
            assert!(matches!(retention.ask(&who, longer, "why").await, Err(RetentionError::NotFound)), "{role} asks");
            assert!(matches!(retention.confirm(&who, [0; 16]).await, Err(RetentionError::NotFound)), "{role} confirms");
            assert!(
                matches!(retention.withdraw(&who, [0; 16]).await, Err(RetentionError::NotFound)),
                "{role} withdraws"
            );
            refused += 1;
        }
    }
    fixture.journal.fold(true).await.unwrap();
    assert!(refused > 4 && fixture.refused() > 0, "refusals are traced");

    let id = retention.ask(&one, longer, " for an audit ").await.unwrap();
    let now = fixture.journal.now();
    let months = |keeping: &journal::retention::Keeping| keeping.book.retention_months(Family::Access, now);
    let (keeping, me) = retention.seen(&one).await.unwrap();
    let waiting: Vec<_> = keeping.book.proposals(now).collect();
    assert_eq!((months(&keeping), waiting.len(), waiting[0].by == me), (12, 1, true));
    assert_eq!(keeping.reasons.get(&id).map(String::as_str), Some("for an audit"));
    let refused = retention.confirm(&one, id).await;
    assert!(matches!(refused, Err(RetentionError::NotCounted(NotCounted::SamePerson))), "{refused:?}");
    retention.confirm(&two, id).await.unwrap();
    let (keeping, other) = retention.seen(&two).await.unwrap();
    assert_eq!((months(&keeping), keeping.book.proposals(now).count()), (24, 0));
    assert_ne!(me, other);
    assert_ne!(me, *AccountId::from_bytes([1; 16]).as_bytes(), "nobody is named in clear");

    // Shorter counts later; never below the floor.
    let shorter = Change::Retention { family: Family::Access, months: 6 };
    let id = retention.ask(&two, shorter, "less").await.unwrap();
    retention.confirm(&one, id).await.unwrap();
    let (keeping, _) = retention.seen(&one).await.unwrap();
    assert_eq!(months(&keeping), 24);
    assert_eq!(keeping.book.retention_to_come(Family::Access, now).map(|(months, _)| months), Some(6));
    for family in Family::ALL {
        let below = Change::Retention { family: *family, months: family.retention_months_min() - 1 };
        let refused = retention.ask(&one, below, "less").await;
        assert!(matches!(refused, Err(RetentionError::NotCounted(NotCounted::OutOfBounds))), "{family}: {refused:?}");
    }
}
both!(two_trace_controllers_decide_and_nobody_else);

async fn a_proposal_has_a_reason_and_may_be_taken_back(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let retention = fixture.retention();
    let one = fixture.of_account(1, Role::TraceController, Door::Desk, HERE);
    let two = fixture.of_account(2, Role::TraceController, Door::Desk, HERE);
    let month: Month = "2026-01".parse().unwrap();
    let hold = Change::Hold { family: None, from: month, to: month };
    for bad in ["", "  ", "a\u{7}b", &"x".repeat(REASON_CHARS_MAX + 1)] {
        assert!(matches!(retention.ask(&one, hold, bad).await, Err(RetentionError::Reason)), "{bad:?}");
    }
    let id = retention.ask(&one, hold, "an inquiry").await.unwrap();
    retention.withdraw(&one, id).await.unwrap();
    let gone = retention.confirm(&two, id).await;
    assert!(matches!(gone, Err(RetentionError::NotCounted(NotCounted::NoSuchProposal))), "{gone:?}");
    let backwards = Change::Hold { family: None, from: month.plus(1), to: month };
    let refused = retention.ask(&one, backwards, "an inquiry").await;
    assert!(matches!(refused, Err(RetentionError::NotCounted(NotCounted::Backwards))), "{refused:?}");
    assert_eq!(retention.seen(&one).await.unwrap().0.book.decided().len(), 0);
}
both!(a_proposal_has_a_reason_and_may_be_taken_back);
