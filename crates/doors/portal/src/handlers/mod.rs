//! The handlers, by the part of the address that they serve.

pub(crate) mod home;
pub(crate) mod records;
pub(crate) mod session;

use axum::extract::{Query, rejection::QueryRejection};

/// A query that cannot be read is as good as none: what it chooses has defaults.
pub(crate) fn or_default<T: Default>(query: Result<Query<T>, QueryRejection>) -> T {
    query.map(|Query(read)| read).unwrap_or_default()
}

/// A query as handlers take it.
pub(crate) type Asking<T> = Result<Query<T>, QueryRejection>;
