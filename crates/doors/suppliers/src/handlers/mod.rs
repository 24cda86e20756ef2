//! The handlers, by the part of the address that they serve.

pub(crate) mod home;
pub(crate) mod interventions;
pub(crate) mod means;
pub(crate) mod request;
pub(crate) mod ssh;

use crate::{SuppliersState, pages::Reader};
use ::interventions::InterventionError;
use axum::{
    extract::{FromRequestParts, Path, Query, rejection::QueryRejection},
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};
use entrance::Failure;
use serde::Deserialize;
use signin::MeansError;
use std::{convert::Infallible, str::FromStr};
use web::layout::ErrorKind;

/// A request to the suppliers' door.
pub(crate) type Visit = entrance::Visit<SuppliersState>;
/// A request to the suppliers' door with a session.
pub(crate) type Member = entrance::Member<SuppliersState>;
/// A form of the door's own pages, its fields as they came: some are repeated.
pub(crate) type Posted = entrance::Posted<SuppliersState, Vec<(String, String)>>;

/// The identifier in an address. What cannot be decoded names nothing, and is answered like any other that does not.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Path::from_request_parts(parts, state).await.map_or_else(|_| Self::default(), |Path(named)| named))
    }
}

impl Named {
    /// The identifier, or that of nothing.
    pub(crate) fn read<T: FromStr>(&self, of: fn([u8; 16]) -> T) -> T {
        self.id.parse().unwrap_or_else(|_| of([0; 16]))
    }
}

/// A query that cannot be read is as good as none: what it chooses has defaults.
pub(crate) fn or_default<T: Default>(query: Result<Query<T>, QueryRejection>) -> T {
    query.map(|Query(read)| read).unwrap_or_default()
}

/// A query as handlers take it.
pub(crate) type Asking<T> = Result<Query<T>, QueryRejection>;

/// The first value of a form's field.
pub(crate) fn first(fields: &[(String, String)], name: &str) -> String {
    fields.iter().find(|(one, _)| one == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

/// All the values of a form's field.
pub(crate) fn all(fields: &[(String, String)], name: &str) -> Vec<String> {
    fields.iter().filter(|(one, _)| one == name).map(|(_, value)| value.clone()).collect()
}

/// Ranges of addresses, separated by spaces, commas or lines; none when one of them is none.
pub(crate) fn ranges<T: FromStr>(text: &str) -> Option<Vec<T>> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok()).collect()
}

/// Who reads, with the keys of his account.
pub(crate) async fn reader(member: &Member) -> Result<Reader, MeansError> {
    let state = &member.visit.state;
    let own = state.means().own(&member.who.authenticated).await?;
    Ok(Reader {
        account: member.who.account,
        role: member.who.role,
        login: member.who.login.clone(),
        keys: own.ssh_keys.into_iter().map(|key| key.fingerprint).collect(),
        relay: state.relay().map(|(host, port)| (host.to_owned(), port)),
        relay_key: state.relay_key().map(str::to_owned),
    })
}

/// The page for what the service could not give.
pub(crate) async fn failed(member: &Member, error: InterventionError) -> Response {
    let failure = match &error {
        InterventionError::NotFound => Failure::Shown(ErrorKind::NotFound),
        InterventionError::Lacking(lacking) => Failure::Lacking(*lacking),
        InterventionError::Ended => Failure::Ended,
        InterventionError::Invalid(_) | InterventionError::Conflict | InterventionError::BadSignature => {
            Failure::Shown(ErrorKind::BadRequest)
        }
        InterventionError::Unavailable(_) => Failure::Shown(ErrorKind::JournalUnavailable),
        InterventionError::Fault(_) => Failure::Fault,
    };
    member.failed(failure, &error).await
}

/// The page for what the means could not give.
pub(crate) async fn means_failed(member: &Member, error: MeansError) -> Response {
    let kind = match &error {
        MeansError::Lacking(lacking) => return member.asked_for(*lacking),
        MeansError::Unavailable => ErrorKind::JournalUnavailable,
        MeansError::Denied | MeansError::Absent => ErrorKind::NotFound,
        _ => ErrorKind::BadRequest,
    };
    member.failed(Failure::Shown(kind), &error).await
}

/// Somewhere else on this door.
pub(crate) fn to(path: &str) -> Response {
    Redirect::to(path).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_people_write_them() {
        let read = |text: &str| ranges::<types::Cidr>(text).map(|all| all.len());
        assert_eq!(read(""), Some(0));
        assert_eq!(read(" , \n"), Some(0));
        assert_eq!(read("192.0.2.0/24, 198.51.100.7;2001:db8::/32\n203.0.113.1"), Some(4));
        assert_eq!(read("192.0.2.0/24, bureau"), None);
    }
}
