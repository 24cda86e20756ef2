//! The database: pools, transactions, migrations. SQLite by default, PostgreSQL for more than one machine; one SQL text
//! for both.
//!
//! Whoever holds a [`Store`] can read, and only read: its connections are read-only in the engine itself. Writing needs
//! the one [`WriteDoor`], which the composition root hands to the journal; so no write can happen without a trace.

mod clock;
mod engine;
mod error;
mod migrate;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::SystemClock;
pub use engine::{Engine, ReadConnection, Store, StoreConfig, Transaction, WriteDoor, open, open_reader};
pub use error::StoreError;
