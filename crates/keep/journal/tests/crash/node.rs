//! A node's journal and database in a folder.

use journal::{Journal, JournalConfig};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{Store, StoreConfig, SystemClock};
use vault::MasterKey;

pub const ORIGIN: &str = "node";

/// A new data folder.
pub fn create(folder: &Path) {
    MasterKey::create(&folder.join("master.key")).unwrap();
}

pub fn master(folder: &Path) -> MasterKey {
    MasterKey::load(&folder.join("master.key")).unwrap()
}

/// The folder of its log.
pub fn log(folder: &Path) -> PathBuf {
    folder.join("journal").join(ORIGIN)
}

/// Opens both, and recovers.
pub async fn open(folder: &Path) -> (Store, Journal) {
    let mut config = StoreConfig::new(format!("sqlite:{}", folder.join("poterne.db").display()));
    // Under load some wait long for the one writer; that is not what is tested.
    config.wait = Duration::from_secs(30);
    let (store, door) = store::open(&config).await.unwrap();
    let config = JournalConfig {
        folder: folder.join("journal"),
        month_keys: folder.join("vault"),
        origin: ORIGIN.into(),
        reserve_slots: 4096,
    };
    let journal = Journal::open(config, &master(folder), door, Arc::new(SystemClock)).await.unwrap();
    (store, journal)
}
