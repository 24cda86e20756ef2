//! Migrations: forward only, each in a transaction, each remembered with the hash of its text so that a shipped one that
//! was edited is noticed.

use crate::{Engine, StoreError};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use sqlx::{AnyPool, AssertSqlSafe, Executor};

const ALL: &[(i64, &str, &str)] = &[
    (1, "first_door", include_str!("../../../../migrations/0001_first_door.sql")),
    (2, "means", include_str!("../../../../migrations/0002_means.sql")),
    (3, "dossier", include_str!("../../../../migrations/0003_dossier.sql")),
    (4, "interventions", include_str!("../../../../migrations/0004_interventions.sql")),
    (5, "refusals", include_str!("../../../../migrations/0005_refusals.sql")),
    (6, "heads", include_str!("../../../../migrations/0006_heads.sql")),
    (7, "saved_searches", include_str!("../../../../migrations/0007_saved_searches.sql")),
    (8, "sightings", include_str!("../../../../migrations/0008_sightings.sql")),
    (9, "accounts", include_str!("../../../../migrations/0009_accounts.sql")),
    (10, "passkeys", include_str!("../../../../migrations/0010_passkeys.sql")),
    (11, "session_rules", include_str!("../../../../migrations/0011_session_rules.sql")),
    (12, "outbox", include_str!("../../../../migrations/0012_outbox.sql")),
    (13, "break_glass", include_str!("../../../../migrations/0013_break_glass.sql")),
    (14, "ssh_approvals", include_str!("../../../../migrations/0014_ssh_approvals.sql")),
    (15, "sheets", include_str!("../../../../migrations/0015_sheets.sql")),
    (16, "review_reminders", include_str!("../../../../migrations/0016_review_reminders.sql")),
    (17, "alarms", include_str!("../../../../migrations/0017_alarms.sql")),
];

/// The one difference between the engines' definition languages.
fn ddl(engine: Engine, text: &str) -> String {
    match engine {
        Engine::Sqlite => text.to_owned(),
        Engine::Postgres => text.replace(" BLOB", " BYTEA"),
    }
}

/// Says whether the database was empty before.
pub(crate) async fn run(pool: &AnyPool, engine: Engine) -> Result<bool, StoreError> {
    run_list(pool, engine, ALL).await
}

async fn run_list(pool: &AnyPool, engine: Engine, list: &[(i64, &str, &str)]) -> Result<bool, StoreError> {
    let mut transaction = pool.begin().await?;
    if engine == Engine::Postgres {
        // Nodes that start together migrate one after the other.
        transaction.execute("SELECT pg_advisory_xact_lock(7067)").await?;
    }
    transaction
        .execute("CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL)")
        .await?;
    let done: Vec<(i64, String)> =
        sqlx::query_as("SELECT version, sha256 FROM migrations ORDER BY version").fetch_all(&mut *transaction).await?;
    let newest = list.last().map_or(0, |(version, ..)| *version);
    if let Some((version, _)) = done.iter().find(|(version, _)| *version > newest) {
        return Err(StoreError::Schema(format!(
            "the database is at version {version}, this program knows {newest}: start the newer program"
        )));
    }
    for (version, name, text) in list {
        let hash = HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref());
        match done.iter().find(|(at, _)| at == version) {
            Some((_, kept)) if *kept == hash => {}
            Some(_) => {
                return Err(StoreError::Schema(format!(
                    "migration {version} ({name}) is not the one this database was made with"
                )));
            }
            None => {
                for statement in ddl(engine, text).split(';') {
                    if statement.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with("--")) {
                        transaction.execute(AssertSqlSafe(statement.to_owned())).await?;
                    }
                }
                sqlx::query("INSERT INTO migrations (version, name, sha256) VALUES ($1, $2, $3)")
                    .bind(version)
                    .bind(*name)
                    .bind(hash)
                    .execute(&mut *transaction)
                    .await?;
                tracing::info!(version, name, "database migrated");
            }
        }
    }
    transaction.commit().await?;
    Ok(done.is_empty())
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;
    use crate::testing::{TestDatabase, both};

    async fn migrates(database: &TestDatabase) {
        let (_store, door) = crate::open(&database.config()).await.unwrap();
        drop(crate::open(&database.config()).await.unwrap());
        let mut edited = ALL.to_vec();
        edited[0].2 = "CREATE TABLE other (a BIGINT)";
        let error = run_list(door.pool_for_tests(), database.engine(), &edited).await.unwrap_err();
        assert!(error.to_string().contains("not the one"), "{error}");
        let error = run_list(door.pool_for_tests(), database.engine(), &[]).await.unwrap_err();
        assert!(error.to_string().contains("newer program"), "{error}");
    }
    both!(migrates);

    async fn readers_cannot_write(database: &TestDatabase) {
        let (store, door) = crate::open(&database.config()).await.unwrap();
        let mut reader = store.read().await.unwrap();
        let refused = reader.execute("INSERT INTO stamps (name, value) VALUES ('a', 'b')").await;
        assert!(refused.is_err());
        drop(reader);
        let mut writer = door.begin().await.unwrap();
        writer.execute("INSERT INTO stamps (name, value) VALUES ('a', 'b')").await.unwrap();
        writer.commit().await.unwrap();
        assert_eq!(store.stamp("a").await.unwrap().as_deref(), Some("b"));
        let mut writer = door.begin().await.unwrap();
        let twice = writer.execute("INSERT INTO stamps (name, value) VALUES ('a', 'c')").await;
        assert!(matches!(StoreError::from(twice.unwrap_err()), StoreError::Conflict));
        drop(writer);
        assert_eq!(store.stamp("a").await.unwrap().as_deref(), Some("b"), "rolled back");
    }
    both!(readers_cannot_write);

    /// SQLite ends the transaction by itself where it finds no room: what sqlx then remembers of it must not outlive it.
    async fn after_a_full_disk_it_writes_again(database: &TestDatabase) {
        let (_store, door) = crate::open(&database.config()).await.unwrap();
        let mut writer = door.begin().await.unwrap();
        if database.engine() == Engine::Sqlite {
            writer.execute("PRAGMA max_page_count = 1").await.unwrap();
            let long = "INSERT INTO stamps (name, value) VALUES ('a', hex(randomblob(4000000)))";
            let full = writer.execute(long).await;
            assert!(matches!(StoreError::from(full.unwrap_err()), StoreError::Full));
        } else {
            writer.execute("SELECT 1 / 0").await.unwrap_err();
        }
        drop(writer);
        let mut writer = door.begin().await.unwrap();
        writer.execute("INSERT INTO stamps (name, value) VALUES ('a', 'b')").await.unwrap();
        writer.commit().await.unwrap();
    }
    both!(after_a_full_disk_it_writes_again);
}
