//! Leases against both databases: what other nodes write, and a store that is gone. (Cuts by people are tried with
//! interventions.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::{EndReason, Lease, LeaseTerms, LeaseView, Leases, LeasesConfig, Warning};
use identity::{Authenticated, Credentials, DoorKey, PasswordHash, SessionLimits, SignIn, TotpSecret, resume};
use journal::{Applied, Effect, Journal, JournalConfig, WriteTx};
use policy::{Authorized, Facts, Matter, OpenRelay, Policies};
use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use store::{
    Store, StoreError, WriteDoor,
    testing::{TestDatabase, both},
};
use types::{
    AccountId, ClientAddress, Clock, Door, EquipmentId, EstablishmentId, InterventionId, RelayId, Role, Secret,
    SessionId, SupplierId, Time,
};
use vault::MasterKey;

const NOW: Time = Time::from_micros(1_790_000_000_000_000);
const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const ME: AccountId = AccountId::from_bytes([5; 16]);
const OF: SupplierId = SupplierId::from_bytes([6; 16]);
const INTERVENTION: InterventionId = InterventionId::from_bytes([7; 16]);
const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$6QcZHylZ88XvsSNpZ8u8LDBEwtjlte7QKgtVtebbTGI";

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        NOW
    }
}

/// A session that needs no row of its own; refused if so asked.
struct Nothing(bool);

impl Effect<OpenRelay> for Nothing {
    type Output = ();
    async fn apply(&self, _: &mut WriteTx<'_, OpenRelay>) -> Result<Applied<()>, StoreError> {
        Ok(if self.0 { Applied::done(()) } else { Applied::refused(()) })
    }
}

struct Fixture {
    _folder: tempfile::TempDir,
    store: Store,
    raw: WriteDoor,
    leases: Leases,
}

async fn fixture(database: &TestDatabase) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("k")).unwrap();
    let (store, door) = store::open(&database.config()).await.unwrap();
    let config = JournalConfig {
        folder: folder.path().join("journal"),
        month_keys: folder.path().join("vault"),
        origin: "node".into(),
        reserve_slots: 8,
    };
    let journal = Journal::open(config, &master, door, Arc::new(Still)).await.unwrap();
    let raw = store::open(&database.config()).await.unwrap().1;
    let rows: [(&'static str, Vec<Vec<u8>>); 4] = [
        ("INSERT INTO establishments (id, name) VALUES ($1, 'Essai')", vec![HERE.as_bytes().to_vec()]),
        (
            "INSERT INTO suppliers (id, establishment_id, name) VALUES ($1, $2, 'Un')",
            vec![OF.as_bytes().to_vec(), HERE.as_bytes().to_vec()],
        ),
        (
            "INSERT INTO equipment (id, establishment_id, version, name, sealed, secret) VALUES ($1, $2, 1, 'a', $1, $1)",
            vec![vec![8; 16], HERE.as_bytes().to_vec()],
        ),
        (
            "INSERT INTO interventions (id, establishment_id, supplier_id, equipment_id, version, revision, state, \
             from_micros, until_micros, hold_micros, requested_micros, sealed) \
             VALUES ($1, $2, $3, $4, 1, 1, 'open', 0, 1, 0, 0, $1)",
            vec![INTERVENTION.as_bytes().to_vec(), HERE.as_bytes().to_vec(), OF.as_bytes().to_vec(), vec![8; 16]],
        ),
    ];
    for (text, values) in rows {
        let mut query = sqlx::query(text);
        for value in values {
            query = query.bind(value);
        }
        query.execute(raw.pool_for_tests()).await.unwrap();
    }
    let mut config = LeasesConfig::new("node");
    (config.poll, config.store_loss, config.leases_max) = (Duration::from_millis(20), Duration::from_millis(400), 2);
    let policies = Arc::new(Policies::built_in().unwrap());
    let leases = Leases::start(journal, store.clone(), policies, config);
    Fixture { _folder: folder, store, raw, leases }
}

fn technician() -> Authenticated {
    let first = Time::from_micros(59_000_000);
    let ages = Duration::from_secs(3_200_000_000);
    let address = ClientAddress::new([192, 0, 2, 5].into());
    let key = DoorKey::new(Door::Relays, &[7; 32]);
    let totp = TotpSecret::from_bytes(*b"12345678901234567890");
    let held = Credentials { password: PasswordHash::from_phc(CHEAP.into()), totp, last_step: 0 };
    let verified = SignIn::start(address, first)
        .password(&Secret::new("un mot de passe".into()), Some((ME, &held)))
        .code("287082", Some(&held), first)
        .unwrap();
    let limits = SessionLimits { idle: ages, absolute: ages };
    let session =
        verified.open((HERE, Role::Technician), &key, limits, (SessionId::from_bytes([4; 16]), [5; 32]), first);
    resume(&session.stored, &session.token, &key, address, NOW).unwrap().authenticated
}

fn matter() -> Matter {
    Matter { establishment: HERE, supplier: OF, beneficiaries: Vec::new(), technicians: vec![ME] }
}

fn proof(n: u8) -> Authorized<OpenRelay> {
    let action = OpenRelay {
        relay: RelayId::from_bytes([n; 16]),
        intervention: INTERVENTION,
        equipment: EquipmentId::from_bytes([8; 16]),
    };
    let facts = Facts { supplier: Some(OF), matter: Some(matter()), ..Facts::default() };
    Policies::built_in().unwrap().decide(&technician(), action, &facts, NOW).unwrap()
}

fn after(seconds: u64) -> Time {
    NOW + Duration::from_secs(seconds)
}

impl Fixture {
    async fn open(&self, n: u8, hold: Option<Time>) -> Lease {
        let terms = LeaseTerms { ends: after(3600), hold, matter: matter(), fingerprint: String::new() };
        self.leases.open(proof(n), terms, Nothing(true)).await.unwrap().0.unwrap()
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), what).await.expect("soon")
}

async fn what_another_node_writes_is_heeded(database: &TestDatabase) {
    let it = fixture(database).await;
    let (one, two) = (it.open(1, None).await, it.open(2, None).await);
    let write = async |text: &'static str| {
        sqlx::query(text).bind(vec![1_u8; 16]).execute(it.raw.pool_for_tests()).await.unwrap();
    };
    let more = async || {
        soon(async {
            while it.leases.claiming_more().is_empty() {
                tokio::task::yield_now().await
            }
        })
        .await
    };
    // More time is a claim: it counts once whoever verifies signatures says so.
    write("UPDATE leases SET hold_micros = 1790007200000000, ends_micros = ends_micros + 1 WHERE id = $1").await;
    more().await;
    let mut view = one.watch();
    assert_eq!((view.borrow().ends, view.borrow().hold), (after(3600), None));
    it.leases.set_hold(INTERVENTION, Some(after(7200)));
    assert_eq!(view.borrow().hold, Some(after(7200)));
    // Less is heeded at once.
    write("UPDATE leases SET hold_micros = 1790005400000000, ends_micros = ends_micros - 60000000 WHERE id = $1").await;
    soon(view.wait_for(|view| view.hold == Some(after(5400)) && view.ends < after(3600))).await.unwrap();
    write("UPDATE leases SET cut_micros = 1, cut_reason = 'cut' WHERE id = $1").await;
    assert_eq!(soon(one.cut()).await, EndReason::Cut, "a person's cut, held or not");
    assert_eq!(two.watch().borrow().cut, None);
    assert_eq!((it.leases.count(), it.leases.held()), (2, 1));
    drop(one);
    assert_eq!(it.leases.count(), 1);
}
both!(what_another_node_writes_is_heeded);

async fn a_store_that_is_gone_cuts_what_is_not_held(database: &TestDatabase) {
    let it = fixture(database).await;
    let (free, held) = (it.open(1, None).await, it.open(2, Some(after(600))).await);
    it.store.close().await;
    assert_eq!(soon(free.cut()).await, EndReason::StoreLost);
    let mut view = held.watch();
    soon(view.wait_for(|view| view.store_lost)).await.unwrap();
    assert_eq!(view.borrow().cut, None, "held: an alarm, no cut");
}
both!(a_store_that_is_gone_cuts_what_is_not_held);

async fn what_is_not_granted_leaves_nothing(database: &TestDatabase) {
    let it = fixture(database).await;
    let terms = |seconds| LeaseTerms { ends: after(seconds), hold: None, matter: matter(), fingerprint: String::new() };
    assert!(it.leases.open(proof(1), terms(0), Nothing(true)).await.is_err(), "over");
    let (none, ()) = it.leases.open(proof(1), terms(60), Nothing(false)).await.unwrap();
    assert!(none.is_none() && it.leases.count() == 0);
    let both = (it.open(2, None).await, it.open(3, None).await);
    assert!(it.leases.open(proof(4), terms(60), Nothing(true)).await.is_err(), "as many as there may be");
    drop(both);
    assert!(it.leases.open(proof(2), terms(60), Nothing(true)).await.is_err(), "a row of that name is there");
    assert_eq!(it.leases.count(), 0);
}
both!(what_is_not_granted_leaves_nothing);

proptest! {
    #[test]
    fn a_view_obeys_the_rules(ends in 0_u64..1000, hold in prop::option::of(0_u64..1000), now in 0_u64..1000, lost: bool) {
        let start = LeaseView::new(after(ends), hold.map(after));
        let view = start.at(after(now), lost);
        let held = hold.is_some_and(|hold| now < hold);
        // Held, nothing but a person cuts; not held, the window's end and a lost store do.
        prop_assert_eq!(view.cut.is_some(), !held && (now >= ends || lost));
        prop_assert_eq!(view.overrun, held && now >= ends);
        prop_assert_eq!(view.store_lost, held && lost);
        let left = start.end().since(after(now)).as_secs();
        prop_assert_eq!(view.warning, match left {
            0..=60 => Some(Warning::OneMinute),
            61..=300 => Some(Warning::FiveMinutes),
            _ => None,
        });
        // What is cut stays cut, whatever comes.
        let cut = LeaseView { cut: Some(EndReason::Cut), ..start };
        prop_assert_eq!(cut.at(after(now), lost), cut);
    }
}
