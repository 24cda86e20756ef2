use crate::{StoreError, migrate};
use sqlx::{
    Any, AnyConnection, AnyPool, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
    pool::PoolConnection,
};
use std::{fmt, str::FromStr, sync::Once, time::Duration};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file beside the journal.
    Sqlite,
    /// A server, for more than one node.
    Postgres,
}

/// Where the database is.
#[derive(Clone)]
pub struct StoreConfig {
    /// `sqlite:/path/to/file.db` or `postgres://user:password@host/name`.
    pub url: String,
    /// Reading connections at most.
    pub readers_max: u32,
    /// How long to wait for a connection.
    pub wait: Duration,
    /// Whether a demonstration opens it. Demonstrations stamp their stores; neither side opens the other's.
    pub demonstration: bool,
}

impl fmt::Debug for StoreConfig {
    // The URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig").field("readers_max", &self.readers_max).finish_non_exhaustive()
    }
}

impl StoreConfig {
    /// Defaults for a URL: 8 readers, 2 s of waiting.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), readers_max: 8, wait: Duration::from_secs(2), demonstration: false }
    }

    /// Which engine the URL names.
    pub fn engine(&self) -> Result<Engine, StoreError> {
        match self.url.split(':').next() {
            Some("sqlite") => Ok(Engine::Sqlite),
            Some("postgres" | "postgresql") => Ok(Engine::Postgres),
            _ => Err(StoreError::Schema("the database's URL must begin with sqlite: or postgres://".into())),
        }
    }
}

/// A connection that can only read.
pub type ReadConnection = PoolConnection<Any>;

/// A write transaction. Dropped without commit, it is rolled back.
pub type Transaction = sqlx::Transaction<'static, Any>;

/// The right to read. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    pool: AnyPool,
}

impl Store {
    /// Which engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// A connection that can only read.
    pub async fn read(&self) -> Result<ReadConnection, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// Asks the database to answer at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.read().await?;
        connection.execute("SELECT 1").await?;
        Ok(())
    }

    /// A stamp written at the store's creation, such as "demonstration".
    pub async fn stamp(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut connection = self.read().await?;
        let row: Option<(String,)> = sqlx::query_as("SELECT value FROM stamps WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *connection)
            .await?;
        Ok(row.map(|(value,)| value))
    }

    /// Closes the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The right to write: one of a kind for each opened store, not `Clone`. The journal holds it.
#[derive(Debug)]
pub struct WriteDoor {
    engine: Engine,
    pub(crate) pool: AnyPool,
}

impl WriteDoor {
    /// Begins a write transaction: `BEGIN IMMEDIATE` on SQLite, `SERIALIZABLE` on PostgreSQL.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(self.pool.begin_with(begin_text(self.engine)).await?)
    }

    /// Closes the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The engines' words for "no other writer's work is lost".
fn begin_text(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN ISOLATION LEVEL SERIALIZABLE",
    }
}

/// The engines' words for "this connection only reads" and for durability.
fn session_text(engine: Engine, writes: bool) -> &'static str {
    match (engine, writes) {
        // cell_size_check and trusted_schema: a database file changed by somebody else must not run code.
        (Engine::Sqlite, true) => {
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA busy_timeout = 2000; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
             PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY"
        }
        (Engine::Sqlite, false) => {
            "PRAGMA query_only = ON; PRAGMA busy_timeout = 2000; PRAGMA trusted_schema = OFF; \
             PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY"
        }
        (Engine::Postgres, true) => "SET statement_timeout = '5s'; SET lock_timeout = '2s'",
        (Engine::Postgres, false) => {
            "SET default_transaction_read_only = on; SET statement_timeout = '5s'; SET lock_timeout = '2s'"
        }
    }
}

static DRIVERS: Once = Once::new();

/// Opens the database, brings it to this program's schema, and parts the right to read from the right to write.
pub async fn open(config: &StoreConfig) -> Result<(Store, WriteDoor), StoreError> {
    DRIVERS.call_once(sqlx::any::install_default_drivers);
    let engine = config.engine()?;
    let writers = match engine {
        Engine::Sqlite => 1,
        Engine::Postgres => 4,
    };
    let writing = pool(config, engine, true, writers).await?;
    let new = migrate::run(&writing, engine).await?;
    stamp(&writing, config.demonstration, new).await?;
    let reading = pool(config, engine, false, config.readers_max).await?;
    Ok((Store { engine, pool: reading }, WriteDoor { engine, pool: writing }))
}

const DEMONSTRATION: &str = "demonstration";

/// Real people's data and a demonstration's never share a store (acces-web GP6, CR5).
async fn stamp(pool: &AnyPool, demonstration: bool, new: bool) -> Result<(), StoreError> {
    let held: Option<(String,)> =
        sqlx::query_as("SELECT value FROM stamps WHERE name = $1").bind(DEMONSTRATION).fetch_optional(pool).await?;
    match (demonstration, held.is_some()) {
        (true, true) | (false, false) => Ok(()),
        (true, false) if new => {
            sqlx::query("INSERT INTO stamps (name, value) VALUES ($1, 'yes')")
                .bind(DEMONSTRATION)
                .execute(pool)
                .await?;
            Ok(())
        }
        (true, false) => Err(StoreError::Schema("this store is a real one: a demonstration will not open it".into())),
        (false, true) => {
            Err(StoreError::Schema("this store was made by a demonstration: name an empty one for real use".into()))
        }
    }
}

/// Opens the database to read only, as it is: for verification.
pub async fn open_reader(config: &StoreConfig) -> Result<Store, StoreError> {
    DRIVERS.call_once(sqlx::any::install_default_drivers);
    let engine = config.engine()?;
    let pool = pool(config, engine, false, 1).await?;
    Ok(Store { engine, pool })
}

async fn pool(config: &StoreConfig, engine: Engine, writes: bool, size: u32) -> Result<AnyPool, StoreError> {
    let url = match engine {
        Engine::Sqlite if !config.url.contains('?') => {
            format!("{}?mode={}", config.url, if writes { "rwc" } else { "ro" })
        }
        _ => config.url.clone(),
    };
    let options = AnyConnectOptions::from_str(&url)
        .map_err(|_| StoreError::Schema("the database's URL cannot be read".into()))?;
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(config.wait)
        // A file does not hang up, and each connection is tried when it is given back: to try it again when it is taken would
        // wake its thread once more for each question. A server may have gone meanwhile.
        .test_before_acquire(engine == Engine::Postgres)
        // Where SQLite finds no room it ends a transaction by itself; the driver goes on believing in it, and would refuse every
        // other one. Such a connection is given up for a new one.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .after_connect(move |connection: &mut AnyConnection, _| {
            Box::pin(async move {
                for statement in session_text(engine, writes).split("; ") {
                    connection.execute(statement).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}
