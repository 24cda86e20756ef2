//! Databases for tests. PostgreSQL is the one that `./test` starts and names in `POTERNE_TEST_POSTGRES`; without it the
//! tests on PostgreSQL fail and say so, for a suite that did not run must not read as passed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::{Engine, StoreConfig, WriteDoor};
use sqlx::{AnyPool, AssertSqlSafe, Connection, Executor};

/// An empty database of its own.
pub struct TestDatabase {
    engine: Engine,
    url: String,
    _folder: tempfile::TempDir,
}

impl TestDatabase {
    /// A new SQLite file in a temporary folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("poterne.db").display());
        Self { engine: Engine::Sqlite, url, _folder: folder }
    }

    /// A new schema of the PostgreSQL server that `./test` started.
    pub async fn postgres() -> Self {
        let Ok(base) = std::env::var("POTERNE_TEST_POSTGRES") else {
            panic!("no PostgreSQL to test with: run ./test, or set POTERNE_TEST_POSTGRES to a server's URL");
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let unique = folder.path().file_name().and_then(|name| name.to_str()).expect("a name");
        let schema: String = format!("t_{}_{}", std::process::id(), data_encoding::HEXLOWER.encode(unique.as_bytes()));
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(&base).await.expect("the PostgreSQL server answers");
        connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.expect("a schema");
        let mark = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{mark}options=-c%20search_path%3D{schema}");
        Self { engine: Engine::Postgres, url, _folder: folder }
    }

    /// How to open it.
    pub fn config(&self) -> StoreConfig {
        StoreConfig::new(self.url.clone())
    }

    /// Which engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }
}

impl WriteDoor {
    /// The pool behind the door, for tests of this layer.
    pub fn pool_for_tests(&self) -> &AnyPool {
        &self.pool
    }
}

/// Runs an `async fn name(&TestDatabase)` as two tests, one for each engine.
#[macro_export]
macro_rules! both_engines {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(&$crate::testing::TestDatabase::sqlite()).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name(&$crate::testing::TestDatabase::postgres().await).await;
            }
        }
    };
}
pub use both_engines as both;
