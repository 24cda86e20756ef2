//! The handlers, by the part of the address that they serve.

pub(crate) mod home;
pub(crate) mod records;
pub(crate) mod sightings;

use crate::PortalState;
use axum::{
    extract::{FromRequestParts, Path, Query, rejection::QueryRejection},
    http::request::Parts,
    response::Response,
};
use care::CareError;
use entrance::Failure;
use serde::Deserialize;
use std::convert::Infallible;
use web::layout::ErrorKind;

/// A request to the portal.
pub(crate) type Visit = entrance::Visit<PortalState>;
/// A request to the portal with a session.
pub(crate) type Member = entrance::Member<PortalState>;

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

/// The page for what the service could not give.
pub(crate) async fn failed(member: &Member, error: CareError) -> Response {
    let failure = match &error {
        CareError::NotFound => Failure::Shown(ErrorKind::NotFound),
        CareError::Lacking(lacking) => Failure::Lacking(*lacking),
        CareError::Ended => Failure::Ended,
        CareError::SisUnavailable(_) => Failure::Shown(ErrorKind::SisUnavailable),
        CareError::Journal(_) | CareError::Store(_) => Failure::Shown(ErrorKind::JournalUnavailable),
        CareError::Fault(_) => Failure::Fault,
    };
    member.failed(failure, &error).await
}

/// A query that cannot be read is as good as none: what it chooses has defaults.
pub(crate) fn or_default<T: Default>(query: Result<Query<T>, QueryRejection>) -> T {
    query.map(|Query(read)| read).unwrap_or_default()
}

/// A query as handlers take it.
pub(crate) type Asking<T> = Result<Query<T>, QueryRejection>;
