//! The handlers, by the part of the address that they serve.

pub(crate) mod home;
pub(crate) mod records;
pub(crate) mod session;

use crate::visit::{Member, Visit};
use axum::{
    extract::{FromRequestParts, Path, Query, rejection::QueryRejection},
    http::request::Parts,
    response::Response,
};
use serde::Deserialize;
use std::convert::Infallible;
use web::layout::ErrorKind;

/// The identifiers in an address. What cannot be decoded names nothing, and is answered like any other that does not.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    patient: String,
    id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Path::from_request_parts(parts, state).await.map_or_else(|_| Self::default(), |Path(named)| named))
    }
}

/// An address that leads nowhere.
pub(crate) async fn nowhere(member: Option<Member>, visit: Visit) -> Response {
    visit.error(ErrorKind::NotFound, member.as_ref().map(|member| &member.who))
}

/// A query that cannot be read is as good as none: what it chooses has defaults.
pub(crate) fn or_default<T: Default>(query: Result<Query<T>, QueryRejection>) -> T {
    query.map(|Query(read)| read).unwrap_or_default()
}

/// A query as handlers take it.
pub(crate) type Asking<T> = Result<Query<T>, QueryRejection>;
