/// What went wrong with the database, as far as a caller acts on it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique or foreign key refused the row.
    #[error("the row conflicts with one that is there")]
    Conflict,
    /// Another transaction came between; trying again may succeed.
    #[error("another transaction came between")]
    Contended,
    /// The disk is full.
    #[error("the database's disk is full")]
    Full,
    /// The database does not answer in time.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The schema is not the one this program knows.
    #[error("{0}")]
    Schema(String),
    /// A row does not hold what it must.
    #[error("a stored row is not well-formed ({0})")]
    Malformed(&'static str),
    /// Anything else.
    #[error("the database refused: {0}")]
    Other(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                StoreError::Unavailable(error.to_string())
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Malformed("a column"),
            sqlx::Error::Database(refused) => {
                // SQLite reports numbers (extended result codes), PostgreSQL five-letter SQLSTATEs.
                match refused.code().as_deref() {
                    _ if refused.is_unique_violation() || refused.is_foreign_key_violation() => StoreError::Conflict,
                    Some("40001" | "40P01" | "5" | "6" | "261" | "517") => StoreError::Contended,
                    Some("13" | "53100") => StoreError::Full,
                    Some("57P01" | "57P02" | "57P03" | "53300") => {
                        StoreError::Unavailable(refused.message().to_owned())
                    }
                    _ => StoreError::Other(refused.message().to_owned()),
                }
            }
            _ => StoreError::Other(error.to_string()),
        }
    }
}
