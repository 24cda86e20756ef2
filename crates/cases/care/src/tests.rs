//! What is kept of patients and relations, on both databases: found within the scope, and only as this door sealed it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::{Registrar, sql};
use identity::system_actor;
use journal::{Applied, Effect, Journal, JournalConfig, WriteTx};
use policy::{CreateAccount, CreateEstablishment, Facts, Policies, Relation, RelationKind};
use std::{collections::BTreeSet, sync::Arc};
use store::{
    Store, StoreError, SystemClock,
    testing::{TestDatabase, both},
};
use types::{AccountId, Category, Clock as _, EstablishmentId, Ins, InsDomain, Period, Role, SystemActor, Time};
use vault::{Holder, Keys, MasterKey};

const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const ACCOUNTS: [AccountId; 2] = [AccountId::from_bytes([2; 16]), AccountId::from_bytes([3; 16])];

struct Fixture {
    _folder: tempfile::TempDir,
    store: Store,
    registrar: Registrar,
    keys: Keys,
}

/// Establishments and accounts are another case's: here bare rows are enough.
struct Row(&'static str);

impl Effect<CreateEstablishment> for Row {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<()>, StoreError> {
        let id = tx.action().establishment.as_bytes().to_vec();
        let insert = sqlx::query("INSERT INTO establishments (id, name) VALUES ($1, $2)").bind(id).bind(self.0);
        insert.execute(tx.connection()).await?;
        Ok(Applied::done(()))
    }
}

impl Effect<CreateAccount> for Row {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CreateAccount>) -> Result<Applied<()>, StoreError> {
        let id = tx.action().account.as_bytes().to_vec();
        sqlx::query(
            "INSERT INTO accounts (id, establishment_id, login_token, role, state, sealed, last_step, version) \
             VALUES ($1, $2, $3, 'patient', 'active', $4, 0, 1)",
        )
        .bind(id.clone())
        .bind(HERE.as_bytes().to_vec())
        .bind(id.clone())
        .bind(id)
        .execute(tx.connection())
        .await?;
        Ok(Applied::done(()))
    }
}

async fn fixture(database: &TestDatabase) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
    let (store, door) = store::open(&database.config()).await.unwrap();
    let config = JournalConfig {
        folder: folder.path().join("journal"),
        month_keys: folder.path().join("vault"),
        origin: "node".into(),
        reserve_slots: 16,
    };
    let journal = Journal::open(config, &master, door, Arc::new(SystemClock)).await.unwrap();
    let policies = Arc::new(Policies::built_in().unwrap());
    let now = SystemClock.now();
    let who = system_actor(SystemActor::Demo, Some(HERE), now);
    let action = CreateEstablishment { establishment: HERE };
    let yes = policies.decide(&who, action, &Facts::default(), now).unwrap();
    journal.perform(yes, Row("Hôpital d’essai")).await.unwrap();
    for account in ACCOUNTS {
        let action = CreateAccount { establishment: HERE, account, role: Role::Patient };
        let yes = policies.decide(&who, action, &Facts::default(), now).unwrap();
        journal.perform(yes, Row("")).await.unwrap();
    }
    let keys = || master.keys_for(Holder::Enrolment);
    let registrar = Registrar::new(store.clone(), journal, policies, keys(), SystemActor::Demo);
    Fixture { _folder: folder, store, registrar, keys: keys() }
}

fn ins(order: u64) -> Ins {
    let body = 1_800_199_999_000 + order;
    Ins::new(InsDomain::Test, &format!("{body}{:02}", 97 - body % 97)).unwrap()
}

fn always() -> Period {
    Period { from: Time::from_micros(5), until: Some(Time::from_micros(9)) }
}

async fn relations_come_back_as_they_were(database: &TestDatabase) {
    let it = fixture(database).await;
    let patient = it.registrar.patient(HERE, &ins(1)).await.unwrap();
    assert_eq!(it.registrar.patient(HERE, &ins(1)).await.unwrap(), patient, "registered once");
    assert_ne!(it.registrar.patient(HERE, &ins(2)).await.unwrap(), patient);
    let covers = BTreeSet::from([Category::Document]);
    let given = [RelationKind::Own, RelationKind::Care, RelationKind::Mandate { covers }].map(|kind| Relation {
        patient,
        establishment: HERE,
        kind,
        period: always(),
    });
    for relation in &given {
        it.registrar.relate(ACCOUNTS[0], relation).await.unwrap();
    }
    let mut connection = it.store.read().await.unwrap();
    let read = sql::relations(&mut connection, &it.keys, (ACCOUNTS[0], HERE)).await.unwrap();
    assert_eq!(read.len(), 3);
    assert!(given.iter().all(|relation| read.contains(relation)));
    assert!(sql::relations(&mut connection, &it.keys, (ACCOUNTS[1], HERE)).await.unwrap().is_empty());
    let elsewhere = EstablishmentId::from_bytes([9; 16]);
    assert!(sql::relations(&mut connection, &it.keys, (ACCOUNTS[0], elsewhere)).await.unwrap().is_empty());
}
both!(relations_come_back_as_they_were);

async fn a_relation_moved_to_another_account_opens_nothing(database: &TestDatabase) {
    let it = fixture(database).await;
    let patient = it.registrar.patient(HERE, &ins(1)).await.unwrap();
    let own = Relation { patient, establishment: HERE, kind: RelationKind::Own, period: always() };
    it.registrar.relate(ACCOUNTS[0], &own).await.unwrap();
    let mut outside = sqlx::AnyPool::connect(&database.config().url).await.unwrap().acquire().await.unwrap();
    sqlx::query("UPDATE relations SET account_id = $1")
        .bind(ACCOUNTS[1].as_bytes().to_vec())
        .execute(&mut *outside)
        .await
        .unwrap();
    let mut connection = it.store.read().await.unwrap();
    let forged = sql::relations(&mut connection, &it.keys, (ACCOUNTS[1], HERE)).await;
    assert!(matches!(forged, Err(StoreError::Malformed(_))), "{forged:?}");
}
both!(a_relation_moved_to_another_account_opens_nothing);
