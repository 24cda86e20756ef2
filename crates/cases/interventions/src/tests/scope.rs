//! What each may see: the same for absent and forbidden.

use super::*;
use crate::{Filter, InterventionError};
use store::testing::both;

async fn each_sees_what_concerns_him(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    let opened = it.connect(5).await.unwrap();
    let absent = InterventionId::from_bytes([9; 16]);
    for (n, door, sees) in [
        (1, Door::Desk, true),
        (2, Door::Desk, true),
        (3, Door::Desk, true),
        (4, Door::Desk, false),
        (5, Door::Suppliers, true),
        (6, Door::Suppliers, false),
        (7, Door::Desk, true),
        (2, Door::Suppliers, false),
        (5, Door::Desk, false),
    ] {
        let service = if door == Door::Desk { &it.node.desk } else { &it.node.suppliers };
        let who = it.who(n, door);
        let listed = service.list(&who, &Filter::default()).await.unwrap().rows;
        let sessions = service.sessions(&who, &Filter::default()).await.unwrap().rows;
        assert_eq!((listed.len(), sessions.len()), (usize::from(sees), usize::from(sees)), "{n} at {door}");
        let got = service.get(&who, id).await;
        assert_eq!(got.is_ok(), sees, "{n} at {door}");
        assert_eq!(service.session(&who, opened.relay).await.is_ok(), sees);
        for none in [got.err(), service.get(&who, absent).await.err()].into_iter().flatten() {
            assert!(matches!(none, InterventionError::NotFound), "{none:?}");
        }
    }
    for n in [4, 5, 6] {
        let who = it.who(n, if n == 4 { Door::Desk } else { Door::Suppliers });
        let service = if n == 4 { &it.node.desk } else { &it.node.suppliers };
        assert!(matches!(service.watch(&who, opened.relay).await, Err(InterventionError::NotFound)));
        assert!(matches!(service.recording(&who, opened.relay, 1).await, Err(InterventionError::NotFound)));
        assert!(matches!(service.cut(&who, id, "non").await, Err(InterventionError::NotFound)));
    }
    assert_eq!(it.traced(Event::RelayWatched), []);
}
both!(each_sees_what_concerns_him);

async fn a_row_that_the_scope_does_not_admit_fails_the_page(database: &TestDatabase) {
    let it = House::new(database).await;
    it.requested().await;
    // By the index alone, 4 answers for the scanner; by what was signed, he does not.
    sqlx::query("INSERT INTO equipment_beneficiaries (equipment_id, account_id) VALUES ($1, $2)")
        .bind(it.scanner.as_bytes().to_vec())
        .bind(account(4).as_bytes().to_vec())
        .execute(it.pool())
        .await
        .unwrap();
    let page = it.node.desk.list(&it.at_desk(4), &Filter::default()).await;
    assert!(matches!(page, Err(InterventionError::Fault(_))));
    assert_eq!(it.traced(Event::StrayObject), [(Kind::Note, Some(Outcome::Done))]);
}
both!(a_row_that_the_scope_does_not_admit_fails_the_page);

async fn pages_follow_each_other(database: &TestDatabase) {
    let it = House::new(database).await;
    let who = it.who(5, Door::Suppliers);
    for _ in 0..3 {
        for _ in 0..40 {
            it.node.suppliers.request(&who, it.request_of(it.scanner)).await.unwrap();
        }
        sqlx::query("UPDATE interventions SET state = 'withdrawn'").execute(it.pool()).await.unwrap();
    }
    let desk = it.at_desk(7);
    let first = it.node.desk.list(&desk, &Filter::default()).await.unwrap();
    assert_eq!(first.rows.len(), 100);
    let second = Filter { cursor: first.next, ..Filter::default() };
    let second = it.node.desk.list(&desk, &second).await.unwrap();
    assert_eq!((second.rows.len(), second.next), (20, None));
    assert!(second.rows.iter().all(|row| first.rows.iter().all(|one| one.id != row.id)));
    let bad = Filter { cursor: Some("x".into()), ..Filter::default() };
    assert!(matches!(it.node.desk.list(&desk, &bad).await, Err(InterventionError::NotFound)));
}
both!(pages_follow_each_other);

async fn colleagues_are_of_ones_own_supplier(database: &TestDatabase) {
    let it = House::new(database).await;
    let of = async |n, door| it.node.suppliers.colleagues(&it.who(n, door)).await;
    let own = of(5, Door::Suppliers).await.unwrap();
    assert_eq!(own.iter().map(|one| (one.account, one.has_key)).collect::<Vec<_>>(), [(account(5), true)]);
    assert_eq!(of(6, Door::Suppliers).await.unwrap()[0].account, account(6));
    assert!(of(2, Door::Desk).await.unwrap().is_empty(), "the hospital's own people are of no supplier");
    sqlx::query("DELETE FROM ssh_keys").execute(it.pool()).await.unwrap();
    assert!(!of(5, Door::Suppliers).await.unwrap()[0].has_key);
    // Moved in the database to another supplier, the account's sealed part does not open: nothing is shown.
    sqlx::query("UPDATE accounts SET supplier_id = $1 WHERE id = $2")
        .bind(vec![0x51_u8; 16])
        .bind(account(6).as_bytes().to_vec())
        .execute(it.pool())
        .await
        .unwrap();
    assert!(matches!(of(5, Door::Suppliers).await, Err(InterventionError::Fault(_))));
}
both!(colleagues_are_of_ones_own_supplier);
