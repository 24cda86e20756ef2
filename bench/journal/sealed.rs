//! The journal as the doors hold it: events with sealed personal fields.

use crate::{Plan, rows::compare};
use identity::door_actor;
use journal::{Journal, JournalConfig};
use policy::Subject;
use std::{path::Path, sync::Arc};
use store::SystemClock;
use tokio::runtime::Runtime;
use types::{ClientAddress, Clock as _, Door, EstablishmentId, Event};
use vault::MasterKey;

async fn open(folder: &Path) -> Journal {
    let key = folder.join("master.key");
    MasterKey::create(&key).unwrap();
    let master = MasterKey::load(&key).unwrap();
    let url = format!("sqlite:{}", folder.join("bench.db").display());
    let (_, door) = store::open(&store::StoreConfig::new(url)).await.unwrap();
    let config = JournalConfig {
        folder: folder.join("journal"),
        month_keys: folder.join("vault"),
        origin: "node".into(),
        reserve_slots: 16_384,
    };
    Journal::open(config, &master, door, Arc::new(SystemClock)).await.unwrap()
}

/// Somebody at a terminal of an establishment.
fn somebody() -> Subject {
    let address = ClientAddress::new([192, 0, 2, 7].into());
    let house = EstablishmentId::from_bytes([1; 16]);
    Subject::of(&door_actor(Door::Portal, address, Some(house), SystemClock.now()))
}

async fn note(journal: Journal, who: Arc<Subject>, length: usize) {
    let target = Some("6f1f6d1e-6d0b-4a53-9c1e-0b1d9f0c7a11".to_owned());
    let detail = Some("observation/".repeat(length.div_ceil(12)).chars().take(length).collect());
    journal.note_of(&who, Event::TracesSearched, target, detail).await.expect("the journal takes it");
}

/// 64 callers, one event each at a time, through the journal.
pub fn many(plan: &Plan, runtime: &Runtime) {
    let folder = plan.folder();
    let journal = runtime.block_on(open(folder.path()));
    let (caller, who) = (journal.clone(), Arc::new(somebody()));
    let call = move |_| note(caller.clone(), Arc::clone(&who), 120);
    let settle = async || tokio::time::sleep(plan.turn).await;
    compare(plan, runtime, folder.path(), "64 callers, sealed", call, settle);
    runtime.block_on(journal.close()).unwrap();
}
